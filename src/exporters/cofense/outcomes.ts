/** What became of a delivery, from what became of each of its records. Pure. */
import type { UpstreamError } from '../../errors.ts'
import type { Outcome } from '../exporter.ts'
import type { Entry } from './entries.ts'
import type { Row } from './wire.ts'

/** What became of one record; `row` as Triage answered it, absent where it has none. */
export type Result =
  | { readonly status: 'accepted' | 'unchanged'; readonly row?: Row; readonly reason?: string }
  | { readonly status: 'rejected'; readonly reason: string; readonly row?: Row }
  | Open

interface Open {
  readonly status: 'later' | 'unknown'
  readonly reason: string
  readonly error?: UpstreamError
  readonly sent?: false
}

export interface Settled {
  readonly entry: Entry
  readonly result: Result
}

/**
 * A file is one delivery of one or two records: it is tried again as long as one of them is open, then rejected where
 * one of them is, and its receipt tells of each.
 *
 * @param settled one at least, the best hash first
 */
export function outcomeOf(key: string, isFile: boolean, settled: readonly Settled[]): Outcome {
  const open = openOutcome(key, settled)
  if (open !== undefined) return open
  const vendor = isFile ? { vendor: { hashes: settled.map(hashReceipt) } } : receipt(settled)
  const reasons = settled.flatMap(({ entry, result }) => {
    if (result.status !== 'rejected') return []
    return isFile ? [`${entry.type}: ${result.reason}`] : [result.reason]
  })
  if (reasons.length > 0) return { key, status: 'rejected', reason: reasons.join('; '), ...vendor }
  const status = settled.some(({ result }) => result.status === 'accepted') ? 'accepted' : 'unchanged'
  const remoteId = settled.map(({ result }) => rowOf(result)?.id).find((id) => id !== undefined)
  return { key, status, ...(remoteId !== undefined && { remoteId }), ...vendor }
}

function openOutcome(key: string, settled: readonly Settled[]): Outcome | undefined {
  const results = settled.map(({ result }) => result)
  const open = results.filter(isOpen)
  const [first] = open
  if (first === undefined) return undefined
  const wholly = open.find(({ error }) => error?.needsMending || error?.kind === 'throttled')
  const { reason, error } = wholly ?? first
  // Where one of two is there already, nobody may take it for certain that nothing is.
  const perhaps = results.some(({ status }) => status !== 'later' && status !== 'rejected')
  const status = perhaps ? 'unknown' : 'later'
  return { key, status, reason, ...(error !== undefined && { error }), ...unsent(settled) }
}

/** Where nothing was written of any of them. */
function unsent(settled: readonly Settled[]): { readonly sent?: false } {
  return settled.every(({ result }) => 'sent' in result) ? { sent: false } : {}
}

export function isOpen(result: Result): result is Open {
  return result.status === 'later' || result.status === 'unknown'
}

function rowOf(result: Result): Row | undefined {
  return 'row' in result ? result.row : undefined
}

function receipt(settled: readonly Settled[]): { readonly vendor?: unknown } {
  const result = settled.map((each) => each.result).find((each) => rowOf(each) !== undefined)
  const row = result === undefined ? undefined : rowOf(result)
  if (result === undefined || row === undefined) return {}
  const left = result.status === 'unchanged' && result.reason !== undefined && { reason: result.reason }
  return { vendor: { id: row.id, threatType: row.type, ...levelAndSource(row), ...left } }
}

function hashReceipt({ entry: { type, value }, result }: Settled) {
  const row = rowOf(result)
  return {
    type,
    value,
    ...(row !== undefined && { id: row.id }),
    status: result.status,
    ...(row !== undefined && levelAndSource(row)),
    ...('reason' in result && { reason: result.reason }),
  }
}

function levelAndSource({ level, source, updatedAt }: Row) {
  return {
    threatLevel: level,
    threatSource: source,
    ...(updatedAt !== undefined && { updatedAt }),
  }
}
