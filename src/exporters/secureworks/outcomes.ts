/** What becomes of a delivery, from what became of each of its entries. Pure. */
import type { UpstreamError } from '../../errors.ts'
import { isObject } from '../../upstream/json.ts'
import type { Delivery, Outcome } from '../exporter.ts'
import { textOf } from './answers.ts'
import { hashType } from './inputs.ts'
import type { RemovalResult } from './removal.ts'
import type { Sent } from './upsert.ts'

/** One hash of a file, as receipts show it. */
interface HashReceipt {
  readonly type: string | undefined
  readonly value: string
  readonly id?: string
  readonly status: 'accepted' | 'rejected' | 'unknown' | 'removed' | 'gone' | 'kept'
  readonly reason?: string
}

/** @param lacks fields of an input that the region does not have: not sent */
export function upsertOutcome(delivery: Delivery, sent: readonly Sent[], lacks: readonly string[]): Outcome {
  const { key, indicator } = delivery
  const isFile = indicator.type === 'file'
  const main = sent.find(({ input }) => input.value === indicator.value) ?? sent[0]
  const vendor = {
    ...(main?.requestId !== undefined && { requestId: main.requestId }),
    ...(isFile ? { hashes: sent.map(hashReceipt) } : entryReceipt(main)),
    ...(lacks.length > 0 && { notSent: lacks }),
  }
  const reasons = (status: 'unknown' | 'rejected') =>
    sent.flatMap(({ input, result }) =>
      result?.status === status ? [isFile ? `${input.value}: ${result.reason}` : result.reason] : [],
    )
  const unknown = reasons('unknown')
  if (unknown.length > 0) {
    const error = sent.map(errorOf).find((each) => each !== undefined)
    return { key, status: 'unknown', reason: unknown.join('; '), ...(error !== undefined && { error }) }
  }
  const rejected = reasons('rejected')
  if (rejected.length > 0) return { key, status: 'rejected', reason: rejected.join('; '), vendor }
  const remoteId = main === undefined ? undefined : idOf(main)
  return { key, status: 'accepted', ...(remoteId !== undefined && { remoteId }), vendor }
}

export function removalOutcome(
  delivery: Delivery,
  results: readonly (readonly [value: string, result: RemovalResult])[],
): Outcome {
  const { key, indicator } = delivery
  const requestId = results
    .map(([, result]) => ('requestId' in result ? result.requestId : undefined))
    .find(Boolean)
  const vendor = {
    ...(requestId !== undefined && { requestId }),
    ...(indicator.type === 'file' && {
      hashes: results.map(([value, result]): HashReceipt => {
        const { status } = result
        return 'reason' in result
          ? { type: hashType(value), value, status, reason: result.reason }
          : { type: hashType(value), value, ...(result.id !== undefined && { id: result.id }), status }
      }),
    }),
  }
  const reasons = results.flatMap(([, result]) => (result.status === 'rejected' ? [result.reason] : []))
  if (reasons.length > 0) return { key, status: 'rejected', reason: [...new Set(reasons)].join('; '), vendor }
  const removed = results.some(([, { status }]) => status === 'removed')
  return { key, status: removed ? 'accepted' : 'unchanged', vendor }
}

/** Hashes that the product was told of before. */
export function knownHashes({ vendor }: Delivery): readonly string[] {
  if (!isObject(vendor) || !Array.isArray(vendor.hashes)) return []
  return vendor.hashes.flatMap((each: unknown) => {
    const value = isObject(each) ? textOf(each.value) : undefined
    return value !== undefined && hashType(value) !== undefined && /^[0-9a-f]+$/.test(value) ? [value] : []
  })
}

/** Not settled: tried again. */
export function openOutcome(key: string, error: UpstreamError, mayBeDone: boolean): Outcome {
  return { key, status: mayBeDone ? 'unknown' : 'later', reason: error.message, error }
}

/** Whether a request that failed so may have been carried out all the same. */
export function mayBeCarriedOut({ kind, status = 0 }: UpstreamError): boolean {
  return (
    kind === 'outcome-unknown' ||
    kind === 'timeout' ||
    kind === 'unreadable' ||
    (kind === 'unavailable' && status >= 500)
  )
}

function hashReceipt(sent: Sent): HashReceipt {
  const { input, result } = sent
  const id = idOf(sent)
  return {
    type: input.object_subtype,
    value: input.value,
    ...(id !== undefined && { id }),
    status: result?.status ?? 'unknown',
    ...(result !== undefined && 'reason' in result && { reason: result.reason }),
  }
}

/** What Taegis says of an entry; a source other than ours means that it was there before. */
function entryReceipt(sent: Sent | undefined): Record<string, string> {
  if (sent?.result?.status !== 'accepted') return {}
  const { entry } = sent.result
  const told = {
    objectType: textOf(entry.object_type),
    severity: textOf(entry.severity),
    createdAt: textOf(entry.created_at),
    updatedAt: textOf(entry.updated_at),
    ...(entry.source_name !== sent.input.source_name && { sourceName: textOf(entry.source_name) }),
  }
  return Object.fromEntries(
    Object.entries(told).filter((each): each is [string, string] => each[1] !== undefined),
  )
}

function idOf({ result }: Sent): string | undefined {
  return result?.status === 'accepted' ? textOf(result.entry.id) : undefined
}

function errorOf({ result }: Sent): UpstreamError | undefined {
  return result?.status === 'unknown' ? result.error : undefined
}
