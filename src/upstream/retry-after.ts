/** How long an answer asks us to wait. */
import type { HttpResponse } from './http-client.ts'

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

/** The three forms of RFC 9110 5.6.7; asctime has no zone in its text and is UTC. */
function httpDate(text: string): number | undefined {
  if (!/^[A-Z][a-z]{2,8},? .*\d{2}:\d{2}:\d{2}/.test(text)) return undefined
  const time = Date.parse(/GMT$|UTC$|[+-]\d{4}$/.test(text) ? text : `${text} GMT`)
  return Number.isNaN(time) ? undefined : time
}

function single(value: string | string[] | undefined): string | undefined {
  return (Array.isArray(value) ? value[0] : value)?.trim()
}
