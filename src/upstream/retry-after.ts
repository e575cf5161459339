/** How long an answer asks us to wait. */
import type { HttpResponse } from './http-client.ts'
import { httpDate, single } from './http-date.ts'

const longestMs = 24 * 60 * 60 * 1000

/**
 * `Retry-After` in seconds or as an HTTP date (RFC 9110 10.2.3); a date counts from the answer's own `Date`, so
 * that clocks need not agree, else from our clock.
 * @returns milliseconds, at most 24 h; undefined without the header, for the past and for what is neither form
 */
export function retryAfterMs(answer: Pick<HttpResponse, 'headers' | 'receivedAt'>): number | undefined {
  const text = single(answer.headers['retry-after'])
  if (text === undefined) return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Math.min(Math.ceil(Number(text) * 1000), longestMs)
  const until = httpDate(text)
  if (until === undefined) return undefined
  const from = httpDate(single(answer.headers.date) ?? '') ?? answer.receivedAt
  return until < from ? undefined : Math.min(until - from, longestMs)
}

/** For the options of an UpstreamError. */
export function waitOf(answer: HttpResponse): { readonly retryAfterMs?: number } {
  const wait = retryAfterMs(answer)
  return wait === undefined ? {} : { retryAfterMs: wait }
}
