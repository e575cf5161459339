/** Requests to Cofense Triage, and its answers checked. */
import { UpstreamError } from '../../errors.ts'
import { type AccessToken, type AccessTokens, accessTokens } from '../../upstream/access-token.ts'
import type { HttpClient, HttpRequest } from '../../upstream/http-client.ts'
import { isObject, parseJson } from '../../upstream/json.ts'
import { cleaner } from '../../upstream/redact.ts'
import { logIn } from './login.ts'
import { type LookUp, oneRecord, pagePath } from './look-up.ts'
import { type Place, Refusal, refusalOf } from './refusal.ts'
import {
  basePath,
  collectionPath,
  createBody,
  type Row,
  readHeaders,
  readRow,
  recordPath,
  service,
  type Threat,
  updateBody,
  writeHeaders,
} from './wire.ts'

/** How a request may go out. */
export interface Sending {
  readonly signal: AbortSignal
  /** Called when the request is about to go on the wire, once for each that does; what it throws keeps it back. */
  admit(): void
}

export interface Credentials {
  readonly clientId: string
  readonly clientSecret: string
}

interface ApiRequest extends Pick<HttpRequest, 'method' | 'path'> {
  readonly body?: unknown
  readonly place?: Place
}

export class CofenseClient {
  /** `basePath` of the base URL. */
  readonly base: string
  readonly origin: string
  readonly #http: HttpClient
  readonly #credentials: Credentials
  readonly #tokens: AccessTokens
  readonly #now: () => number
  /** The last few, as the product may echo one that it does not accept any more. */
  #issued: readonly string[] = []
  /** Triage's versions differ; what worked last is tried first. */
  #update: 'PUT' | 'PATCH' = 'PUT'

  constructor(http: HttpClient, baseUrl: string, credentials: Credentials, now: () => number) {
    this.base = basePath(baseUrl)
    this.origin = http.origin
    this.#http = http
    this.#credentials = credentials
    this.#now = now
    this.#tokens = accessTokens({ request: () => this.#logIn(), now })
  }

  /** A login of its own, whatever token there is. @throws UpstreamError */
  async proveLogin(signal: AbortSignal): Promise<void> {
    await this.#logIn(signal)
  }

  /** @returns what Triage says of itself, in words; empty: nothing @throws UpstreamError */
  async proveStatus(sending: Sending): Promise<string> {
    const path = `${this.base}/api/public/v2/system/status`
    const { body, status } = await this.#send({ method: 'GET', path }, sending)
    if (!isObject(body)) throw unreadable('the question for its status without an object', status)
    return statusWords(body, this.#cleaner())
  }

  /** @returns whether there is any record @throws UpstreamError */
  async proveReading(sending: Sending): Promise<boolean> {
    const { body, status } = await this.#send({ method: 'GET', path: oneRecord(this.base) }, sending)
    return readList(body, status).rows.length > 0
  }

  /** All records of the list, page by page; what was asked for has to be picked from them. @throws UpstreamError */
  async lookUp(lookUp: LookUp, sending: Sending): Promise<Row[]> {
    const rows: Row[] = []
    for (let page = 1; page <= lookUp.mostPages; page += 1) {
      const { body, status } = await this.#send({ method: 'GET', path: pagePath(lookUp, page) }, sending)
      const list = readList(body, status)
      for (const row of list.rows) rows.push(row)
      if (!list.more) return rows
    }
    const words = 'Cofense Triage answered a look-up with more records than there can be: it takes no filter'
    throw new UpstreamError('rejected', words, { service, status: 200 })
  }

  /** @returns the record as the answer has it; `taken`: Triage has this value already. @throws UpstreamError, Refusal */
  async create(threat: Threat, level: string, sending: Sending): Promise<Row | 'taken'> {
    const body = createBody(threat, level)
    try {
      const request = { method: 'POST', path: collectionPath(this.base), body } as const
      return await this.#record(request, { ...threat, level }, sending)
    } catch (error) {
      if (error instanceof Refusal && error.isTaken) return 'taken'
      throw error
    }
  }

  /** @returns the record as the answer has it; `gone`: there is none of this id. @throws UpstreamError, Refusal */
  async update(wanted: Row, sending: Sending): Promise<Row | 'gone'> {
    const first = this.#update
    const second = first === 'PUT' ? 'PATCH' : 'PUT'
    const done = await this.#updateBy(first, wanted, sending)
    if (done !== 'no route') return done
    const otherwise = await this.#updateBy(second, wanted, sending)
    // Neither says more than that there is nothing at this address.
    if (otherwise === 'no route') return 'gone'
    this.#update = second
    return otherwise
  }

  async #updateBy(
    method: 'PUT' | 'PATCH',
    wanted: Row,
    sending: Sending,
  ): Promise<Row | 'gone' | 'no route'> {
    const request = {
      method,
      path: recordPath(this.base, wanted.id),
      body: updateBody(wanted.id, wanted.level),
      place: 'record',
    } as const
    try {
      return await this.#record(request, wanted, sending)
    } catch (error) {
      if (error instanceof Refusal && error.isMissingRecord) return 'gone'
      if (error instanceof Refusal && (error.status === 404 || error.status === 405)) return 'no route'
      throw error
    }
  }

  /** What JSON:API lets the answer to a write leave out is as it was sent; all of it in a 204. */
  async #record(
    request: ApiRequest,
    sent: Omit<Row, 'id'> & { id?: string },
    sending: Sending,
  ): Promise<Row> {
    const { body, status } = await this.#send(request, sending)
    if (status === 204 && sent.id !== undefined) return { ...sent, id: sent.id }
    const row = readRow(isObject(body) ? body.data : undefined, sent)
    if (row === undefined) throw unreadable('without the record that it wrote', status)
    return row
  }

  async #send(
    { method, path, body, place = 'collection' }: ApiRequest,
    { signal, admit }: Sending,
  ): Promise<{ readonly body: unknown; readonly status: number }> {
    return this.#tokens.authorized(async (token) => {
      const clean = this.#cleaner()
      const answer = await this.#http.send({
        method,
        path,
        headers: body === undefined ? readHeaders : writeHeaders,
        ...(body !== undefined && { body: JSON.stringify(body) }),
        sign: () => {
          admit()
          return { authorization: `Bearer ${token}` }
        },
        translate: (refusal) => refusalOf(refusal, place, this.#http, clean),
        signal,
      })
      const { status } = answer
      if (status === 204) return { body: undefined, status }
      return { body: parseJson(answer.body, { service, status, clean }), status }
    }, signal)
  }

  async #logIn(signal?: AbortSignal): Promise<AccessToken> {
    const token = await logIn({
      http: this.#http,
      base: this.base,
      ...this.#credentials,
      clean: this.#cleaner(),
      now: this.#now,
      ...(signal && { signal }),
    })
    this.#issued = [token.value, ...this.#issued].slice(0, 4)
    return token
  }

  #cleaner(): (text: string) => string {
    const { clientId, clientSecret } = this.#credentials
    return cleaner([clientSecret, ...this.#issued, clientId], 500)
  }
}

/** JSON:API's attributes of the status; which there are differs from version to version. */
function statusWords({ data }: Record<string, unknown>, clean: (text: string) => string): string {
  const attributes = isObject(data) && isObject(data.attributes) ? data.attributes : {}
  const told = ['version', 'status'].flatMap((name) => {
    const value = attributes[name]
    return typeof value === 'string' ? [`${name} ${clean(value).slice(0, 60)}`] : []
  })
  return told.join(', ')
}

function readList(body: unknown, status: number): { readonly rows: readonly Row[]; readonly more: boolean } {
  if (!isObject(body) || !Array.isArray(body.data)) throw unreadable('a list without "data"', status)
  const rows = body.data.map((each: unknown) => {
    const row = readRow(each)
    // Left out, it would be taken for not there.
    if (row === undefined) throw unreadable('a list with something that is no threat indicator', status)
    return row
  })
  const next = isObject(body.links) ? body.links.next : undefined
  return { rows, more: next !== undefined && next !== null && next !== '' }
}

/** @param what completes "Cofense Triage answered …" */
export function unreadable(what: string, status?: number): UpstreamError {
  return new UpstreamError('unreadable', `Cofense Triage answered ${what}`, {
    service,
    ...(status !== undefined && { status }),
  })
}
