/** What becomes of each record of a page: stored, stored where it is known, excluded or unreadable. Pure. */
import type { Observation, UnreadableRecord } from '../model/indicator.ts'
import type { SourcePage } from '../sources/source.ts'
import type { IngestRecord } from '../store/store.ts'
import { expiresAt } from './expiration.ts'
import type { PipelineSource } from './pipeline-source.ts'

export interface Classified {
  readonly records: readonly IngestRecord[]
  readonly unreadable: readonly UnreadableRecord[]
  /** Remote ids. */
  readonly excluded: readonly string[]
}

/** Every record of the page is in exactly one list. @param now milliseconds since the epoch */
export function classify(
  { observations, deactivated, unreadable }: SourcePage,
  { isExcluded, expiration }: Pick<PipelineSource, 'isExcluded' | 'expiration'>,
  now: number,
): Classified {
  const records: IngestRecord[] = []
  const unstorable: UnreadableRecord[] = []
  const excluded: string[] = []
  const sort = (observation: Observation, more: { readonly onlyIfKnown?: true }) => {
    const { remoteId } = observation.provenance
    if (!isStorableId(remoteId)) unstorable.push({ remoteId, reason: idReason })
    else if (isExcluded(observation)) excluded.push(remoteId)
    else records.push({ observation, expiresAt: expiresAt(expiration, observation, now), ...more })
  }
  for (const observation of observations) sort(observation, {})
  for (const observation of deactivated) sort(observation, { onlyIfKnown: true })
  return { records, unreadable: [...unreadable, ...unstorable], excluded }
}

const idReason = 'the id of the record takes a whole number from 0 to 9223372036854775807'
const greatestId = '9223372036854775807'

/** PostgreSQL's bigint, by which records are kept. */
function isStorableId(id: string): boolean {
  if (!/^(?:0|[1-9]\d{0,18})$/.test(id)) return false
  return id.length < greatestId.length || id <= greatestId
}
