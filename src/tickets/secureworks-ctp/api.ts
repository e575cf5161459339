/** One request to the CTP ticket API: how it is sent, and what its failure is about. */
import { keptBack, UpstreamError } from '../../errors.ts'
import type { HttpClient, HttpRequest } from '../../upstream/http-client.ts'
import { isObject, type Members, parseJson } from '../../upstream/json.ts'
import { cleaner } from '../../upstream/redact.ts'
import { withoutDoubt } from '../../upstream/without-doubt.ts'
import { doubtful, type Place, refusalOf } from './refusal.ts'
import { basePath, countPath, service } from './wire.ts'

export interface ApiOptions {
  readonly baseUrl: string
  readonly username: string
  readonly password: string
  /** One of those that are asked for: by it the API is tried where an answer leaves in doubt what it is about. */
  readonly ticketType: string
}

export interface Call {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly body?: Members
  readonly place: Place
  /** Sent again it does no harm, so that a broken one is no unknown outcome. */
  readonly repeatable: boolean
  readonly maxBytes?: number
}

export interface ApiAnswer {
  /** undefined: 204, no content. */
  readonly body: unknown
  readonly status: number
}

export class CtpApi {
  /** `basePath` of the base URL. */
  readonly base: string
  /** Makes of the product's words what can be shown. */
  readonly clean: (text: string) => string
  readonly #http: HttpClient
  readonly #authorization: string
  readonly #ticketType: string

  constructor(http: HttpClient, { baseUrl, username, password, ticketType }: ApiOptions) {
    this.base = basePath(baseUrl)
    this.clean = cleaner([`${username}:${password}`, password], 500)
    this.#http = http
    // As UTF-8: a header is sent byte for byte.
    this.#authorization = Buffer.from(`APIKEY ${username}:${password}`).toString('latin1')
    this.#ticketType = ticketType
  }

  /** @throws UpstreamError, as all below; `rejected` where it is about one ticket, attachment or version */
  async send(call: Call, signal: AbortSignal): Promise<ApiAnswer> {
    try {
      const answer = await this.#http.send(this.#request(call, signal))
      const { status } = answer
      if (status === 204 && answer.body.length === 0) return { body: undefined, status }
      return { body: parseJson(answer.body, { service, status, clean: this.clean }), status }
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      if (call.place === 'ticket' && doubtful.has(error.status)) throw await this.#aboutTicket(error, signal)
      throw call.repeatable ? withoutDoubt(error) : error
    }
  }

  /** Tickets of a type that changed and were not acknowledged. */
  async count(ticketType: string, signal: AbortSignal): Promise<number> {
    const path = countPath(this.base, ticketType)
    const { body, status } = await this.send({ method: 'POST', path, place: 'api', repeatable: true }, signal)
    const count = isObject(body) ? Number(body.ticketCount ?? Number.NaN) : Number.NaN
    if (Number.isSafeInteger(count) && count >= 0) return count
    throw unreadable('the question for the count of tickets without "ticketCount"', status)
  }

  #request({ method, path, body, place, maxBytes }: Call, signal: AbortSignal): HttpRequest {
    return {
      method,
      path,
      headers: {
        accept: 'application/json',
        ...(method === 'POST' && { 'content-type': 'application/json' }),
        authorization: this.#authorization,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
      ...(maxBytes !== undefined && { maxBytes }),
      translate: (refusal) => refusalOf(refusal, place, this.#http, this.clean),
      signal,
    }
  }

  /**
   * Whether the account may do nothing, or nothing is at this address at all, would stop everything: so it is asked for
   * something that needs no ticket before a refusal is called one of all.
   */
  async #aboutTicket(refusal: UpstreamError, signal: AbortSignal): Promise<UpstreamError> {
    const { message, status, upstreamCode: code } = refusal
    try {
      await this.count(this.#ticketType, signal)
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error
      if (error.kind !== 'rejected') return keptBack(error)
    }
    return new UpstreamError('rejected', message, {
      service,
      ...(status !== undefined && { status }),
      ...(code !== undefined && { code }),
    })
  }
}

/** The HTTP client tells it in words alone. */
export function isTooLarge(error: unknown, maxBytes: number): boolean {
  if (!(error instanceof UpstreamError) || error.kind !== 'unreadable') return false
  const isAnswer = error.status !== undefined && error.status >= 200 && error.status < 300
  return isAnswer && error.message.endsWith(`sent more than ${maxBytes} bytes`)
}

/** @param what completes "Secureworks answered …" */
export function unreadable(what: string, status: number): UpstreamError {
  return new UpstreamError('unreadable', `Secureworks answered ${what}`, { service, status })
}
