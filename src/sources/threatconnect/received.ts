/** The records of one answer, checked: who they are, in which order, and what they prove. */
import { UpstreamError } from '../../errors.ts'
import { exactId } from '../../model/exact-number.ts'
import type { Observation, UnreadableRecord } from '../../model/indicator.ts'
import type { RecordOptions } from '../source.ts'
import { normalise } from './normalise.ts'
import type { RecordKind } from './types.ts'
import { service } from './wire.ts'

/** Stands in an answer's data for one record that no request could bring. */
export class Passed {
  readonly unreadable: UnreadableRecord

  constructor(unreadable: UnreadableRecord) {
    this.unreadable = unreadable
  }
}

export interface Received {
  readonly observations: readonly Observation[]
  readonly deactivated: readonly Observation[]
  readonly unreadable: readonly UnreadableRecord[]
  /** Of the last record; absent where none has a usable one. */
  readonly lastId?: string
  /** Every record has one, so that what lies between them is known to be nothing. */
  readonly allHaveIds: boolean
}

export interface Reading {
  readonly kind: RecordKind
  readonly options: RecordOptions
  /** Inactive records go to `deactivated`. */
  readonly activeOnly: boolean
  /** The ids have to ascend from here; absent: they come in any order. */
  readonly after?: string
}

/** @throws UpstreamError unreadable, for records that are not in the order asked for */
export function readRecords(data: readonly unknown[], reading: Reading): Received {
  const { kind, options, activeOnly, after } = reading
  const observations: Observation[] = []
  const deactivated: Observation[] = []
  const unreadable: UnreadableRecord[] = []
  const seen = new Set<string>()
  let lastId: string | undefined
  let allHaveIds = true
  for (const [position, record] of data.entries()) {
    const id = record instanceof Passed ? record.unreadable.remoteId : recordId(record)
    if (id === undefined) {
      allHaveIds = false
      unreadable.push(withoutId(record, kind, options, position))
      continue
    }
    if (seen.has(id)) {
      unreadable.push({ remoteId: id, reason: 'its id came twice in one answer; the first one counts' })
      continue
    }
    if (after !== undefined) inOrder(id, lastId ?? after)
    seen.add(id)
    lastId = id
    if (record instanceof Passed) {
      unreadable.push(record.unreadable)
      continue
    }
    const result = normalise(record, kind, options, position)
    if ('unreadable' in result) unreadable.push(result.unreadable)
    else if (activeOnly && !result.observation.active) deactivated.push(result.observation)
    else observations.push(result.observation)
  }
  return { observations, deactivated, unreadable, allHaveIds, ...(lastId !== undefined && { lastId }) }
}

/** The last records that have no usable id left out: a request for what is behind the others brings them again. */
export function withoutNamelessEnd(data: readonly unknown[]): readonly unknown[] {
  const last = data.findLastIndex((record) => record instanceof Passed || recordId(record) !== undefined)
  return data.slice(0, last + 1)
}

const largestId = String(2n ** 63n - 1n)

/** The id of a record as it is compared and stored: a whole number of 1 to 2^63 - 1, as text. */
export function recordId(record: unknown): string | undefined {
  const id = exactId((Object(record) as Record<string, unknown>).id)
  return id !== undefined && /^[1-9]\d*$/.test(id) && compareIds(id, largestId) <= 0 ? id : undefined
}

/** Of whole numbers without leading zeros. */
function compareIds(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length
  return a < b ? -1 : a > b ? 1 : 0
}

function withoutId(
  record: unknown,
  kind: RecordKind,
  options: RecordOptions,
  position: number,
): UnreadableRecord {
  const result = normalise(record, kind, options, position)
  if ('unreadable' in result) return result.unreadable
  const { remoteId } = result.observation.provenance
  return { remoteId, reason: `id takes a whole number of 1 to ${largestId}; received ${remoteId}` }
}

function inOrder(id: string, before: string): void {
  if (compareIds(id, before) > 0) return
  throw new UpstreamError(
    'unreadable',
    `ThreatConnect was asked for records in the order of their ids, and record ${id} came after ${before}`,
    { service, status: 200 },
  )
}
