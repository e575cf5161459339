/** From page to page: which request follows an answer's `next`. */
import { UpstreamError } from '../../errors.ts'
import type { ListAnswer } from './client.ts'
import { type ListRequest, service } from './wire.ts'

export interface Page extends ListAnswer {
  /** Where the first record of `data` stands. */
  readonly start: number
  /** Where the next record stands; null when there is none. */
  readonly nextStart: number | null
}

/**
 * Pages until `limit` records or the end. A page is asked for when the last one was taken.
 * @param pageSize records to ask for at once, 1..10000
 */
export async function* pages(
  send: (request: ListRequest) => Promise<ListAnswer>,
  first: ListRequest,
  pageSize: number,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Page> {
  let request: ListRequest | undefined = first
  let remaining = limit
  while (request !== undefined && remaining > 0) {
    const asked: ListRequest = { ...request, resultLimit: Math.min(remaining, pageSize) }
    const answer = await send(asked)
    request = answer.next === undefined ? undefined : followNext(answer.next, asked, answer.data.length)
    // More than was asked for: the rest stays where it is for the caller's next offset.
    const data = answer.data.length > remaining ? answer.data.slice(0, remaining) : answer.data
    const start = asked.resultStart
    const nextStart = data === answer.data ? (request?.resultStart ?? null) : start + data.length
    remaining -= data.length
    yield { ...answer, data, start, nextStart }
  }
}

/** Parameters of a `next` link that never override our own request. */
const ours = new Set(['tql', 'fields', 'resultLimit', 'resultStart'])

/**
 * The request that `next` asks for. Of the link only its path and query count, never its host: it is sent to the
 * configured origin. Our own filter holds whatever the link says, since an answer is checked, not believed.
 * @param link absolute or not, as received
 * @param received records that the last answer held
 * @throws UpstreamError unreadable, for a link that leads elsewhere or not forward
 */
export function followNext(link: string, request: ListRequest, received: number): ListRequest {
  const next = readLink(link)
  if (!next.pathname.endsWith(`/api/v3/${request.endpoint}`)) {
    throw unreadable(`the next link leads to another path (${next.pathname.slice(0, 80)})`)
  }
  if (received === 0) throw unreadable('an empty page says that there are more')
  const given = next.searchParams.get('resultStart')
  const resultStart = given === null ? request.resultStart + received : Number(given)
  if (!Number.isSafeInteger(resultStart) || resultStart <= request.resultStart) {
    throw unreadable(`the next link does not lead forward (resultStart ${String(given).slice(0, 20)})`)
  }
  const further = [...next.searchParams].filter(([name]) => !ours.has(name))
  return { ...request, resultStart, ...(further.length > 0 && { further }) }
}

function readLink(link: string): URL {
  try {
    return new URL(link, 'http://any.invalid')
  } catch {
    throw unreadable('the next link is no address')
  }
}

function unreadable(what: string): UpstreamError {
  return new UpstreamError('unreadable', `ThreatConnect's paging can't be followed: ${what}`, {
    service,
    status: 200,
  })
}
