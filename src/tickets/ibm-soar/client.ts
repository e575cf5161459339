/** The calls of IBM SOAR that a bridge needs, and their answers checked. */
import type { HttpClient } from '../../upstream/http-client.ts'
import { isObject } from '../../upstream/json.ts'
import { IncidentGone } from '../incident-sink.ts'
import { type ApiAnswer, type ApiRequest, type SoarAccess, SoarApi } from './api.ts'
import { Missing, unreadable, unsuccessful } from './refusal.ts'
import type { Org } from './session.ts'
import { idOf, type Json, type Query, queryBody, type Row } from './wire.ts'

export type Patched = 'ok' | 'conflict'

/** All throw UpstreamError; those that take the id of an incident throw IncidentGone where there is no such incident. */
export class SoarClient {
  readonly #api: SoarApi

  constructor(http: HttpClient, settings: SoarAccess, now: () => number) {
    this.#api = new SoarApi(http, settings, now)
  }

  /** Asks for the session, whatever is known. @returns the organisation as the session has it */
  proveSession(signal: AbortSignal): Promise<Org> {
    return this.#api.proveSession(signal)
  }

  /** For people. */
  async urlOf(incidentId: string, signal: AbortSignal): Promise<string> {
    return `${this.#api.address}/#incidents/${incidentId}?orgId=${await this.#api.org(signal)}`
  }

  /** Limits of the server. */
  async constants(signal: AbortSignal): Promise<Json> {
    const { body, status } = await this.#api.send({ method: 'GET', path: '/const' }, signal)
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
    const { body, status } = await this.#api.ofOrg(request, signal)
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
    const { body, status } = await this.#api.ofOrg(
      { method: 'POST', path: '/incidents', json: incident },
      signal,
    )
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
    throw unsuccessful(body, status, this.#api.clean)
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
    const { body, status } = await this.#api.ofOrg({ method: 'GET', path: '/types/incident/fields' }, signal)
    if (!Array.isArray(body) || !body.every(isObject)) throw unreadable('the fields without a list', status)
    return body
  }

  async createField(field: Json, signal: AbortSignal): Promise<void> {
    await this.#api.ofOrg({ method: 'POST', path: '/types/incident/fields', json: field }, signal)
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
      return await this.#api.ofOrg(request, signal)
    } catch (error) {
      if (!(error instanceof Missing)) throw error
      // A wrong base URL or organisation is 404 as well, and would make tombstones of all incidents.
      await this.ping(signal)
      throw new IncidentGone(id)
    }
  }
}

function incidentPath(id: string): string {
  return `/incidents/${encodeURIComponent(id)}`
}
