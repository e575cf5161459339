/** Signed requests to ThreatConnect v3, and its answers checked: envelope, errors, clock. */
import { UpstreamError } from '../../errors.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf, parseJson } from '../../upstream/json.ts'
import { letGo } from '../../upstream/read-body.ts'
import { cleaner } from '../../upstream/redact.ts'
import { waitOf } from '../../upstream/retry-after.ts'
import { signature } from './signature.ts'
import { type ListRequest, service, wireRequest } from './wire.ts'

/** HMAC, or an API token. */
export type Credentials =
  | { readonly accessId: string; readonly secretKey: string }
  | { readonly token: string }

export interface ListAnswer {
  readonly data: readonly unknown[]
  /** Absolute link to the next page, present when there are more. */
  readonly next?: string
  /** Records that match altogether; only where ThreatConnect tells it. */
  readonly count?: number
  /** ThreatConnect's clock minus ours, when it sent a Date header. */
  readonly skewMs?: number
  /** Our clock when the request was sent, milliseconds. */
  readonly sentAt: number
}

/** Furthest that a timestamp may be from ThreatConnect's clock. */
export const maxSkewMs = 300_000

export class ThreatConnectClient {
  readonly #http: HttpClient
  readonly #credentials: Credentials
  readonly #base: string
  readonly #now: () => number

  /** @param baseUrl with or without `/api` at its end */
  constructor(http: HttpClient, baseUrl: string, credentials: Credentials, now: () => number) {
    this.#http = http
    this.#credentials = credentials
    this.#base = new URL(baseUrl).pathname.replace(/(?<!\/)\/+$/, '').replace(/\/api$/, '')
    this.#now = now
  }

  /** One page. @throws UpstreamError */
  async list(request: ListRequest, signal: AbortSignal): Promise<ListAnswer> {
    const wire = wireRequest(this.#base, request)
    const sentAt = this.#now()
    const answer = await this.#http.send({
      method: 'GET',
      path: wire.path,
      headers: requestHeaders,
      ...(wire.body !== undefined && { body: wire.body }),
      sign: (sent) => this.#authorization(sent.method, sent.path),
      translate: (refusal) => this.#refusal(refusal),
      signal,
    })
    return { ...readEnvelope(answer, (text) => this.#withoutSecrets(text)), ...skewOf(answer), sentAt }
  }

  /** The request as `list` would send it, without its secrets. */
  explain(request: ListRequest): { url: string; headers: Record<string, string>; body?: string } {
    const wire = wireRequest(this.#base, request)
    const secretFree: Record<string, string> =
      'token' in this.#credentials
        ? { authorization: 'TC-Token [redacted]' }
        : {
            timestamp: String(Math.round(this.#now() / 1000)),
            authorization: 'TC [redacted]:[redacted]',
          }
    return {
      url: this.#http.origin + wire.path,
      headers: { ...secretFree, ...requestHeaders },
      ...(wire.body !== undefined && { body: wire.body }),
    }
  }

  #authorization(method: string, path: string): Record<string, string> {
    const credentials = this.#credentials
    if ('token' in credentials) return { authorization: `TC-Token ${credentials.token}` }
    const timestamp = Math.round(this.#now() / 1000)
    const signed = signature(credentials.secretKey, { path, method, timestamp })
    return { timestamp: String(timestamp), authorization: `TC ${credentials.accessId}:${signed}` }
  }

  /** ThreatConnect's error body and clock, read into the kind of failure that it is. */
  #refusal(answer: HttpResponse): UpstreamError | undefined {
    const { message, code } = readRefusal(answer, (text) => this.#withoutSecrets(text))
    const words = message === undefined ? '' : `: ${message}`
    const options = { service, status: answer.status, ...(code !== undefined && { code }) }
    const { skewMs = 0 } = skewOf(answer)
    if (answer.status === 401) {
      const late = /timestamp out of/i.test(message ?? '')
      if (late || Math.abs(skewMs) > maxSkewMs) {
        return new UpstreamError('clock-skew', `${clockSentence(skewMs)}${words}`, options)
      }
      return new UpstreamError('credentials', `${this.#credentialSentence(message ?? '')}${words}`, options)
    }
    if (answer.status === 403) {
      return new UpstreamError(
        'permission',
        `ThreatConnect refuses the account this request${words}`,
        options,
      )
    }
    if (answer.status === 400) {
      return new UpstreamError('rejected', `ThreatConnect refused the request${words}`, options)
    }
    if (answer.status === 404) {
      return new UpstreamError(
        'address',
        `There is no ThreatConnect v3 API at this base URL${words}`,
        options,
      )
    }
    if (answer.status === 504 || (answer.status >= 500 && saysTimeout(message))) {
      const sentence = `ThreatConnect took too long for the request (${answer.status})${words}`
      return new UpstreamError('timeout', sentence, { ...options, ...waitOf(answer) })
    }
    return undefined
  }

  #credentialSentence(message: string): string {
    if ('token' in this.#credentials)
      return 'ThreatConnect does not accept the API token (expired or replaced?)'
    if (/signature data did not match/i.test(message)) {
      return 'ThreatConnect knows the access id, but the secret key is not the one that belongs to it'
    }
    if (/access denied/i.test(message)) return 'ThreatConnect does not know the access id, or it is disabled'
    return 'ThreatConnect does not accept the access id and secret key'
  }

  /** Their words are shown to users: ours that they may echo are taken out, control characters too. */
  #withoutSecrets(text: string): string {
    const secrets =
      'token' in this.#credentials
        ? [this.#credentials.token]
        : [this.#credentials.secretKey, this.#credentials.accessId]
    return cleaner(secrets, 500)(text)
  }
}

/** Of a query that took longer than the instance allows; the exact words are not documented. */
export function saysTimeout(message = ''): boolean {
  return /\btim(?:e|ed)[ -]?out/i.test(message)
}

/** The same on every request, with a body or without, as ThreatConnect documents it. */
const requestHeaders = { accept: 'application/json', 'content-type': 'application/json' } as const

function readEnvelope(
  answer: HttpResponse,
  clean: (text: string) => string,
): Pick<ListAnswer, 'data' | 'next' | 'count'> {
  if (answer.status !== 200) {
    const words = `ThreatConnect answered ${answer.status} where only 200 brings a whole list`
    throw new UpstreamError('unreadable', words, { service, status: answer.status })
  }
  const body = parseJson(answer.body, { service, status: answer.status, clean })
  letGo(answer.body)
  const envelope = isObject(body) ? body : {}
  if (envelope.status !== 'Success') {
    const status = typeof envelope.status === 'string' ? `"${clean(envelope.status)}"` : 'missing'
    const message = typeof envelope.message === 'string' ? `: ${clean(envelope.message)}` : ''
    const code = codeOf(envelope, clean)
    throw new UpstreamError(
      'unreadable',
      `ThreatConnect answered ${answer.status}, but its status is ${status} instead of "Success"${message}`,
      { service, status: answer.status, ...(code !== undefined && { code }) },
    )
  }
  if (!Array.isArray(envelope.data)) {
    throw new UpstreamError('unreadable', 'ThreatConnect answered without a list under "data"', {
      service,
      status: answer.status,
    })
  }
  const next = envelope.next ?? ''
  // Taken for none, it would make a short list look whole.
  if (typeof next !== 'string') {
    throw new UpstreamError('unreadable', 'ThreatConnect answered with a "next" that is no text', {
      service,
      status: answer.status,
    })
  }
  const { data, count } = envelope
  return { data, ...(next !== '' && { next }), ...(typeof count === 'number' && { count }) }
}

/** In words that can be shown. */
function readRefusal(
  answer: HttpResponse,
  clean: (text: string) => string,
): { message?: string; code?: string } {
  const body = jsonOf(answer.body)
  // Not the API's own error body (a proxy's page, say): the status alone speaks then.
  if (!isObject(body)) return {}
  const code = codeOf(body, clean)
  return {
    ...(typeof body.message === 'string' && { message: clean(body.message) }),
    ...(code !== undefined && { code }),
  }
}

function codeOf(body: Record<string, unknown>, clean: (text: string) => string): string | undefined {
  return typeof body.errCode === 'string' ? clean(body.errCode).slice(0, 40) : undefined
}

function skewOf(answer: HttpResponse): { skewMs?: number } {
  const date = Date.parse(String(answer.headers.date ?? ''))
  return Number.isNaN(date) ? {} : { skewMs: date - answer.receivedAt }
}

function clockSentence(skewMs: number): string {
  if (Math.abs(skewMs) <= maxSkewMs) return 'ThreatConnect does not accept the time of our clock'
  const seconds = Math.round(Math.abs(skewMs) / 1000)
  const which = skewMs > 0 ? 'behind' : 'ahead of'
  return `Our clock is ${seconds} s ${which} ThreatConnect's; more than ${maxSkewMs / 1000} s is refused`
}
