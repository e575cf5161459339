/** Requests to IBM SOAR, and their answers checked. */
import { UpstreamError } from '../../errors.ts'
import type { HttpClient, HttpRequest } from '../../upstream/http-client.ts'
import { parseJson } from '../../upstream/json.ts'
import { withoutDoubt } from '../../upstream/without-doubt.ts'
import { IncidentGone } from '../incident-sink.ts'
import { type Kept, kept } from './kept.ts'
import { cleaner, Missing, refusalOf, unreadable, unsuccessful } from './refusal.ts'
import { type Org, orgOf } from './session.ts'
import type { IbmSoarSettings } from './settings.ts'
import { basePath, formats, idOf, isObject, type Json, type Query, queryBody, type Row } from './wire.ts'

interface ApiRequest {
  readonly method: HttpRequest['method']
  /** Below `/rest`, or below the organisation. */
  readonly path: string
  readonly json?: unknown
  /** In place of `json`. */
  readonly form?: { readonly type: string; readonly body: Buffer }
  /** Whether it changes nothing, though it is a POST. */
  readonly reads?: boolean
}

interface ApiAnswer {
  readonly body: unknown
  readonly status: number
}

export type Patched = 'ok' | 'conflict'

export type SoarAccess = Pick<IbmSoarSettings, 'baseUrl' | 'org' | 'orgId' | 'apiKeyId' | 'apiKeySecret'>

/**
 * Every call is one request with the API key and no cookie. All throw UpstreamError; those that take the id of an
 * incident throw IncidentGone where there is no such incident.
 */
export class SoarClient {
  readonly #http: HttpClient
  readonly #base: string
  readonly #settings: SoarAccess
  readonly #authorization: string
  readonly #clean: (text: string) => string
  readonly #org: Kept<string>

  constructor(http: HttpClient, settings: SoarAccess, now: () => number) {
    const { baseUrl, apiKeyId, apiKeySecret } = settings
    const encoded = Buffer.from(`${apiKeyId}:${apiKeySecret}`).toString('base64')
    this.#http = http
    this.#base = basePath(baseUrl)
    this.#settings = settings
    this.#authorization = `Basic ${encoded}`
    this.#clean = cleaner([encoded, apiKeySecret])
    this.#org = kept(() => this.#askOrg(), Number.POSITIVE_INFINITY, now)
  }

  /** Id of the organisation: configured, or asked for once. */
  async org(signal: AbortSignal): Promise<string> {
    const { orgId } = this.#settings
    return orgId === undefined ? this.#org.get(signal) : String(orgId)
  }

  /** Asks for the session, whatever is known. @returns the organisation as the session has it */
  async proveSession(signal: AbortSignal): Promise<Org> {
    const { org, orgId } = this.#settings
    const session = await this.#session(signal)
    const found = orgOf(session, org ?? String(orgId), this.#clean)
    return { ...found, name: this.#clean(found.name).slice(0, 100) }
  }

  /** For people. */
  async urlOf(incidentId: string, signal: AbortSignal): Promise<string> {
    return `${this.#http.origin}${this.#base}/#incidents/${incidentId}?orgId=${await this.org(signal)}`
  }

  /** Limits of the server. */
  async constants(signal: AbortSignal): Promise<Json> {
    const { body, status } = await this.#send({ method: 'GET', path: '/const' }, signal)
    if (!isObject(body)) throw unreadable('the question for its limits without an object', status)
    return body
  }

  /** One page. */
  async query(
    query: Query,
    signal: AbortSignal,
  ): Promise<{ readonly rows: readonly Row[]; readonly total: number }> {
    const request = {
      method: 'POST',
      path: '/incidents/query_paged?return_level=normal',
      json: queryBody(query),
      reads: true,
    } as const
    const { body, status } = await this.#ofOrg(request, signal)
    const rows = isObject(body) ? body.data : undefined
    if (!isObject(body) || !Array.isArray(rows)) throw unreadable('a search without "data"', status)
    if (!rows.every((row) => isObject(row) && idOf(row) !== undefined)) {
      // Left out, an incident would be taken for not there.
      throw unreadable('a search with something that is no incident', status)
    }
    const total = body.recordsFiltered ?? body.recordsTotal
    return { rows, total: typeof total === 'number' ? total : Number.POSITIVE_INFINITY }
  }

  /**
   * The cheapest that proves organisation, key and rights to read.
   * @returns incidents that there are; infinite: the server does not tell
   */
  async ping(signal: AbortSignal): Promise<number> {
    return (await this.query({ conditions: [], start: 0, length: 1 }, signal)).total
  }

  async incident(id: string, signal: AbortSignal): Promise<Row> {
    const path = `${incidentPath(id)}?handle_format=names`
    const { body, status } = await this.#ofIncident(id, { method: 'GET', path }, signal)
    if (!isObject(body) || idOf(body) === undefined) throw unreadable('an incident without an id', status)
    return body
  }

  async create(incident: Json, signal: AbortSignal): Promise<Row> {
    const { body, status } = await this.#ofOrg({ method: 'POST', path: '/incidents', json: incident }, signal)
    if (!isObject(body) || idOf(body) === undefined) throw unreadable('a new incident without its id', status)
    return body
  }

  /** @returns conflict: somebody changed a field since it was read, and nothing was done */
  async patch(id: string, patch: Json, signal: AbortSignal): Promise<Patched> {
    const request = { method: 'PATCH', path: incidentPath(id), json: patch } as const
    const { body, status } = await this.#ofIncident(id, request, signal)
    if (!isObject(body)) throw unreadable('a change with something that is no object', status)
    if (body.success === true) return 'ok'
    if (body.success !== false) throw unreadable('a change without "success"', status)
    if (Array.isArray(body.field_failures) && body.field_failures.length > 0) return 'conflict'
    throw unsuccessful(body, status, this.#clean)
  }

  /** Of the incident, each with its replies. */
  comments(id: string, signal: AbortSignal): Promise<readonly Json[]> {
    return this.#list(id, 'comments', signal)
  }

  /** @returns the note's id */
  async addComment(id: string, html: string, signal: AbortSignal): Promise<string> {
    const json = { text: { format: 'html', content: html } }
    const path = `${incidentPath(id)}/comments`
    return this.#made(await this.#ofIncident(id, { method: 'POST', path, json }, signal), 'note')
  }

  attachments(id: string, signal: AbortSignal): Promise<readonly Json[]> {
    return this.#list(id, 'attachments', signal)
  }

  /** @returns the file's id */
  async upload(id: string, form: NonNullable<ApiRequest['form']>, signal: AbortSignal): Promise<string> {
    const path = `${incidentPath(id)}/attachments`
    return this.#made(await this.#ofIncident(id, { method: 'POST', path, form }, signal), 'file')
  }

  /** Definitions of the fields of incidents, as they come. */
  async fields(signal: AbortSignal): Promise<readonly Json[]> {
    const { body, status } = await this.#ofOrg({ method: 'GET', path: '/types/incident/fields' }, signal)
    if (!Array.isArray(body) || !body.every(isObject)) throw unreadable('the fields without a list', status)
    return body
  }

  async createField(field: Json, signal: AbortSignal): Promise<void> {
    await this.#ofOrg({ method: 'POST', path: '/types/incident/fields', json: field }, signal)
  }

  async #list(id: string, what: string, signal: AbortSignal): Promise<readonly Json[]> {
    const { body, status } = await this.#ofIncident(
      id,
      { method: 'GET', path: `${incidentPath(id)}/${what}` },
      signal,
    )
    if (!Array.isArray(body) || !body.every(isObject)) throw unreadable(`the ${what} without a list`, status)
    return body
  }

  /** Some versions answer with a list of one. */
  #made({ body, status }: ApiAnswer, what: string): string {
    const made: unknown = Array.isArray(body) ? body[0] : body
    const id = isObject(made) ? idOf(made) : undefined
    if (id === undefined) throw unreadable(`a new ${what} without its id`, status)
    return id
  }

  async #ofIncident(id: string, request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    try {
      return await this.#ofOrg(request, signal)
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      // A wrong base URL or organisation is 404 as well, and would make tombstones of all incidents.
      await this.ping(signal)
      throw new IncidentGone(id)
    }
  }

  async #ofOrg(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const org = await this.org(signal)
    return this.#send({ ...request, path: `/orgs/${org}${request.path}` }, signal)
  }

  async #send({ method, path, json, form, reads }: ApiRequest, signal?: AbortSignal): Promise<ApiAnswer> {
    const type = form?.type ?? (json === undefined ? undefined : 'application/json')
    const body = form?.body ?? (json === undefined ? undefined : JSON.stringify(json))
    const request: HttpRequest = {
      method,
      path: `${this.#base}/rest${path}`,
      headers: {
        ...formats,
        authorization: this.#authorization,
        accept: 'application/json',
        ...(type !== undefined && { 'content-type': type }),
      },
      ...(body !== undefined && { body }),
      ...(signal && { signal }),
      translate: (answer) => refusalOf(answer, this.#http, this.#clean),
    }
    const answer = await this.#sent(request, reads === true)
    const { status } = answer
    const value = parseJson(answer.body, { service: this.#http.service, status, clean: this.#clean })
    if (method !== 'PATCH' && isObject(value) && value.success === false) {
      const changes = method !== 'GET' && reads !== true
      throw unsuccessful(value, status, this.#clean, changes)
    }
    return { body: value, status }
  }

  async #sent(request: HttpRequest, reads: boolean) {
    try {
      return await this.#http.send(request)
    } catch (error) {
      throw reads ? withoutDoubt(error) : error
    }
  }

  async #session(signal?: AbortSignal): Promise<unknown> {
    const { body } = await this.#send({ method: 'GET', path: '/session?include_permissions=false' }, signal)
    return body
  }

  async #askOrg(): Promise<string> {
    const { org = '' } = this.#settings
    try {
      return orgOf(await this.#session(), org, this.#clean).id
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.status !== 403) throw error
      const words = `${error.message}; it may not ask which organisations there are: set \`orgId\` in place of \`org\``
      throw new UpstreamError('permission', words, { service: this.#http.service, status: 403, cause: error })
    }
  }
}

function incidentPath(id: string): string {
  return `/incidents/${encodeURIComponent(id)}`
}
