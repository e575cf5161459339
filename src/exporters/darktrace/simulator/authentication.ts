/** Who may ask: the three headers, the signature over what came on the wire, the date. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RecordedRequest } from '../../../simulation/simulator.ts'

export interface TokenPair {
  readonly publicToken: string
  readonly privateToken: string
}

const maxSkewMs = 30 * 60_000

/** @returns the words of the refusal; undefined: signed well, and in time */
export function refusalOf(request: RecordedRequest, tokens: TokenPair, now: number): string | undefined {
  const token = header(request, 'dtapi-token')
  const date = header(request, 'dtapi-date')
  const signature = header(request, 'dtapi-signature')
  const sentAt = readDate(date)
  // Which of the two is looked at first is inferred.
  if (sentAt === undefined || Math.abs(sentAt - now) > maxSkewMs) return 'API DATE ERROR'
  if (token !== tokens.publicToken) return 'API SIGNATURE ERROR'
  const fits = signedForms(request).some((form) =>
    isSame(signature, hmac(tokens.privateToken, `${form}\n${token}\n${date}`)),
  )
  return fits ? undefined : 'API SIGNATURE ERROR'
}

/** A POST is signed over its path and body; a query of its own does not count. A GET may be signed decoded as well. */
function signedForms({ method, url, body }: RecordedRequest): readonly string[] {
  const [path = ''] = url.split('?', 1)
  if (method !== 'GET') return [body === '' ? path : `${path}?${body}`]
  return [url, decoded(url)]
}

function decoded(url: string): string {
  try {
    return decodeURIComponent(url.replaceAll('+', ' '))
  } catch {
    return url
  }
}

function hmac(key: string, text: string): string {
  return createHmac('sha1', key).update(text).digest('hex')
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function header({ headers }: RecordedRequest, name: string): string {
  const value = headers[name]
  return typeof value === 'string' ? value : ''
}

/** The documented forms, and the ISO form with an offset that public clients send; all of them UTC. */
function readDate(text: string): number | undefined {
  const compact = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)$/.exec(text)
  const [, year, month, day, hour, minute, second] = compact ?? []
  if (compact !== null) return time(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`)
  if (/^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d$/.test(text)) return time(`${text.replace(' ', 'T')}Z`)
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?\+00:00$/.test(text)) {
    return time(text.replace(/(\.\d{3})\d*/, '$1'))
  }
  if (/^[A-Z][a-z]{2},? .*\d\d:\d\d:\d\d/.test(text)) {
    return time(/GMT$|UTC$/.test(text) ? text : `${text} GMT`)
  }
  return undefined
}

function time(text: string): number | undefined {
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : at
}
