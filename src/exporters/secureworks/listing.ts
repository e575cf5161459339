/** What a tenant has, read page by page. */
import { UpstreamError } from '../../errors.ts'
import type { Members } from '../../upstream/json.ts'
import { objectsIn, textOf } from './answers.ts'
import type { TaegisClient } from './client.ts'
import { type ListFilter, listOperation, service } from './wire.ts'

/** Taegis' own default; what more it would give at once is not published. */
const perPage = 100
/** More than the 15,000 entries that a tenant can have. */
const mostPages = 200

/** Active entries of all sources together. @throws UpstreamError */
export async function countActive(client: TaegisClient, signal: AbortSignal): Promise<number> {
  const { result } = await client.run(listOperation({}, 1, 1), signal)
  return totalOf(result)
}

/**
 * Active entries, at most `perPage` at once; of what the filter does not hold nothing is yielded.
 * @throws UpstreamError; `unavailable` at the end where the list changed while it was read and entries may be missing
 */
export async function* listActive(
  client: TaegisClient,
  filter: ListFilter,
  signal: AbortSignal,
): AsyncGenerator<readonly Members[]> {
  const seen = new Set<unknown>()
  for (let page = 1; page <= mostPages; page++) {
    const { result } = await client.run(listOperation(filter, page, perPage), signal)
    const total = totalOf(result)
    const entries = objectsIn(result.indicators)
    if (entries === undefined) throw unreadable('without a list of indicators')
    const fresh = entries.filter((entry) => !seen.has(identity(entry)))
    for (const entry of fresh) seen.add(identity(entry))
    if (fresh.length > 0) yield fresh.filter((entry) => isOf(filter, entry))
    if (seen.size >= total) return
    if (fresh.length === 0) {
      const words = `Secureworks lists ${seen.size} indicators of ${total}: the list changed while it was read`
      throw new UpstreamError('unavailable', words, { service, status: 200 })
    }
  }
  throw unreadable(`with more than ${mostPages} pages`)
}

function identity({ id, object_type, value }: Members): unknown {
  return textOf(id) ?? `${object_type}|${value}`
}

function isOf({ source_name }: ListFilter, entry: Members): boolean {
  if (textOf(entry.deleted_at) !== undefined) return false
  return source_name === undefined || entry.source_name === undefined || entry.source_name === source_name
}

function totalOf({ total_entries_size: total }: Members): number {
  if (typeof total === 'number' && Number.isSafeInteger(total) && total >= 0) return total
  throw unreadable('without a number under total_entries_size')
}

function unreadable(how: string): UpstreamError {
  return new UpstreamError('unreadable', `Secureworks answered getIndicators ${how}`, {
    service,
    status: 200,
  })
}
