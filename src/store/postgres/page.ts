/** What a page asks the store to do, made ready outside the transaction. */
import { hash } from 'node:crypto'
import { indicatorId } from '../../model/identity.ts'
import type { Observation, UnreadableRecord } from '../../model/indicator.ts'
import { rfc3339 } from '../../model/time.ts'
import type { IngestPage } from '../store.ts'
import { keyOf } from './keys.ts'

export interface PreparedRecord {
  readonly remoteId: string
  readonly observation: Observation
  /** UTF-8. */
  readonly json: Buffer
  /** 16 bytes: equal for equal records under equal settings. */
  readonly hash: Buffer
  readonly expiresAt: string | null
  readonly onlyIfKnown: boolean
}

export interface PreparedPage {
  /** One for each remote id. */
  readonly records: readonly PreparedRecord[]
  /** Records that are told of by others of the page: earlier ones of an id that comes again, and excluded ones. */
  readonly superseded: number
  readonly unreadable: readonly UnreadableRecord[]
  /** Remote ids that are visible at the source. */
  readonly visible: readonly string[]
  /** Remote ids of which nothing may stay. */
  readonly leaving: readonly string[]
  /** What left by what it says: rows of these keys and owners. */
  readonly leavingValues: readonly { readonly key: string; readonly owner: string }[]
  /** As `IngestPage.covers`, within what the database can hold. */
  readonly covers?: { readonly after: string; readonly upTo: string }
}

const largestId = 2n ** 63n - 1n

/** Of the same id several times the last one holds; what is excluded holds over every record. */
export function preparePage(page: IngestPage): PreparedPage {
  const excluded = new Set(page.excluded)
  const records = new Map<string, PreparedRecord>()
  const unreadable = [...page.unreadable]
  let readable = 0
  for (const record of page.records) {
    const { remoteId } = record.observation.provenance
    const prepared = prepare(record)
    if ('reason' in prepared) {
      unreadable.push({ remoteId, reason: prepared.reason })
      continue
    }
    readable++
    if (!excluded.has(remoteId)) records.set(remoteId, prepared)
  }
  const visible = [
    ...new Set([...records.keys(), ...unreadable.map(({ remoteId }) => remoteId).filter(isRemoteId)]),
  ]
  const seen = new Set(visible)
  const gone = page.removed.flatMap((removed) => ('remoteId' in removed ? [removed.remoteId] : []))
  return {
    records: [...records.values()],
    superseded: readable - records.size,
    unreadable,
    visible,
    leaving: [...excluded, ...gone.filter((id) => !seen.has(id))].filter(isRemoteId),
    leavingValues: page.removed.flatMap((removed) =>
      'remoteId' in removed ? [] : [{ key: keyOfValue(removed), owner: removed.owner }],
    ),
    ...(page.covers !== undefined && {
      covers: { after: bound(page.covers.after), upTo: bound(page.covers.upTo ?? String(largestId)) },
    }),
  }
}

function prepare({
  observation,
  expiresAt,
  onlyIfKnown = false,
}: IngestPage['records'][number]): PreparedRecord | { readonly reason: string } {
  const { remoteId } = observation.provenance
  if (!isRemoteId(remoteId)) return { reason: 'id takes a whole number below 2^63' }
  const expiry = expiresAt === null ? null : rfc3339(expiresAt)
  if (expiry === undefined) return { reason: `expiresAt takes RFC 3339; received ${expiresAt}` }
  // Once, not in the hash and in deflate.
  const json = written(observation)
  if (json === undefined) return { reason: 'it is nested too deeply to be stored' }
  return {
    remoteId,
    observation,
    json,
    hash: hash('sha256', json, 'buffer').subarray(0, 16),
    expiresAt: expiry,
    onlyIfKnown,
  }
}

function written(observation: Observation): Buffer | undefined {
  try {
    return Buffer.from(JSON.stringify(observation))
  } catch (error) {
    // The only one that plain data has.
    if (error instanceof RangeError) return undefined
    throw error
  }
}

const digits = /^(?:0|[1-9]\d{0,18})$/

function isRemoteId(text: string): boolean {
  return digits.test(text) && (text.length < 19 || BigInt(text) <= largestId)
}

/** An id beyond what can be stored is beyond everything that is. */
function bound(text: string): string {
  if (!/^-?\d+$/.test(text)) throw new RangeError(`covers takes whole numbers; received ${text}`)
  const number = BigInt(text)
  return String(number > largestId ? largestId : number < -1n ? -1n : number)
}

export function keyOfValue({
  type,
  value,
  customType,
}: Pick<Observation, 'type' | 'value' | 'customType'>): string {
  return keyOf(indicatorId(type, value, customType))
}
