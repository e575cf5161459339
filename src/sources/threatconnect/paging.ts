/**
 * From page to page. ThreatConnect's numbering is checked, not believed: a gap, an overlap or an end before the end
 * would make a short or doubled list look whole.
 */
import { UpstreamError } from '../../errors.ts'
import { exactId } from '../../model/exact-number.ts'
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
 * @throws UpstreamError unreadable, for paging that leaves records out or repeats them
 */
export async function* pages<Answer extends ListAnswer>(
  send: (request: ListRequest) => Promise<Answer>,
  first: ListRequest,
  pageSize: number,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Answer & Page> {
  let last: Answer | undefined
  let start = first.resultStart
  let remaining = limit
  for (let more = true; more && remaining > 0; ) {
    const request = { ...first, resultStart: start, resultLimit: Math.min(remaining, pageSize) }
    const answer = await send(request)
    if (last !== undefined && isSamePage(last, answer)) throw unreadable('the same page came again')
    // More than was asked for: the rest stays where it is for the caller's next offset.
    const data = answer.data.slice(0, remaining)
    remaining -= data.length
    more = goesOn(answer, request, remaining > 0) || data.length < answer.data.length
    yield { ...answer, data, start, nextStart: more ? start + data.length : null }
    start += data.length
    last = answer
  }
}

/** Whether records follow those of the answer. @param wanted whether they would be asked for */
function goesOn({ next, data, count = 0 }: ListAnswer, request: ListRequest, wanted: boolean): boolean {
  const end = request.resultStart + data.length
  if (next === undefined) {
    if (wanted && count > end) throw unreadable(`it counts ${count} records and ends after ${end}`)
    return count > end
  }
  if (data.length === 0) throw unreadable('an empty page says that there are more')
  checkLink(next, request, end)
  return true
}

/**
 * Of a `next` link only its path and its place count, never its host or its filters: the following request is our
 * own, to the configured origin.
 * @param link absolute or not, as received
 * @param end where the record after the last one received stands
 */
function checkLink(link: string, request: ListRequest, end: number): void {
  const next = URL.parse(link, 'http://any.invalid')
  if (next === null) throw unreadable('the next link is no address')
  if (!next.pathname.endsWith(`/api/v3/${request.endpoint}`)) {
    throw unreadable(`the next link leads to another path (${next.pathname.slice(0, 80)})`)
  }
  const given = next.searchParams.get('resultStart')
  if (given !== null && given !== String(end)) {
    const place = given.slice(0, 20)
    throw unreadable(`the next link leads to record ${place}, though ${end} follows on those received`)
  }
}

function isSamePage(a: ListAnswer, b: ListAnswer): boolean {
  const [first, second] = [idOf(a.data[0]), idOf(b.data[0])]
  return first !== undefined && first === second
}

function idOf(record: unknown): string | undefined {
  return exactId((Object(record) as Record<string, unknown>).id)
}

function unreadable(what: string): UpstreamError {
  return new UpstreamError('unreadable', `ThreatConnect's paging can't be followed: ${what}`, {
    service,
    status: 200,
  })
}
