/** One request to the REST API of IBM SOAR: how it is sent, of which organisation it is. */
import { UpstreamError } from '../../errors.ts'
import type { HttpClient, HttpRequest } from '../../upstream/http-client.ts'
import { isObject, parseJson } from '../../upstream/json.ts'
import { type Kept, kept } from '../../upstream/kept.ts'
import { cleaner } from '../../upstream/redact.ts'
import { withoutDoubt } from '../../upstream/without-doubt.ts'
import { refusalOf, unsuccessful } from './refusal.ts'
import { type Org, orgOf } from './session.ts'
import type { IbmSoarSettings } from './settings.ts'
import { basePath, formats } from './wire.ts'

export interface ApiRequest {
  readonly method: HttpRequest['method']
  /** Below `/rest`, or below the organisation. */
  readonly path: string
  readonly json?: unknown
  /** In place of `json`. */
  readonly form?: { readonly type: string; readonly body: Buffer }
  /** Whether it changes nothing, though it is a POST. */
  readonly reads?: boolean
}

export interface ApiAnswer {
  readonly body: unknown
  readonly status: number
}

export type SoarAccess = Pick<IbmSoarSettings, 'baseUrl' | 'org' | 'orgId' | 'apiKeyId' | 'apiKeySecret'>

/** Every call is one request with the API key and no cookie. All throw UpstreamError. */
export class SoarApi {
  /** Where people find the product. */
  readonly address: string
  /** Makes of the product's words what can be shown. */
  readonly clean: (text: string) => string
  readonly #http: HttpClient
  readonly #base: string
  readonly #settings: SoarAccess
  readonly #authorization: string
  readonly #org: Kept<string>

  constructor(http: HttpClient, settings: SoarAccess, now: () => number) {
    const { baseUrl, apiKeyId, apiKeySecret } = settings
    const encoded = Buffer.from(`${apiKeyId}:${apiKeySecret}`).toString('base64')
    this.#http = http
    this.#base = basePath(baseUrl)
    this.address = `${http.origin}${this.#base}`
    this.#settings = settings
    this.#authorization = `Basic ${encoded}`
    this.clean = cleaner([encoded, apiKeySecret], 1000)
    this.#org = kept(
      () => this.#askOrg(),
      () => Number.POSITIVE_INFINITY,
      now,
    )
  }

  /** Id of the organisation: configured, or asked for once. */
  async org(signal: AbortSignal): Promise<string> {
    const { orgId } = this.#settings
    return orgId === undefined ? this.#org.get(signal) : String(orgId)
  }

  /** Asks for the session, whatever is known. @returns the organisation as the session has it */
  async proveSession(signal: AbortSignal): Promise<Org> {
    const { org, orgId } = this.#settings
    const found = orgOf(await this.#session(signal), org ?? String(orgId), this.clean)
    return { ...found, name: this.clean(found.name).slice(0, 100) }
  }

  async ofOrg(request: ApiRequest, signal: AbortSignal): Promise<ApiAnswer> {
    const org = await this.org(signal)
    return this.send({ ...request, path: `/orgs/${org}${request.path}` }, signal)
  }

  async send(
    { method, path, json, form, reads = false }: ApiRequest,
    signal?: AbortSignal,
  ): Promise<ApiAnswer> {
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
      translate: (answer) => refusalOf(answer, this.#http, this.clean),
    }
    const answer = await this.#sent(request, reads)
    const { status } = answer
    const value = parseJson(answer.body, { service: this.#http.service, status, clean: this.clean })
    if (method !== 'PATCH' && isObject(value) && value.success === false) {
      throw unsuccessful(value, status, this.clean, method !== 'GET' && !reads)
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
    const { body } = await this.send({ method: 'GET', path: '/session?include_permissions=false' }, signal)
    return body
  }

  async #askOrg(): Promise<string> {
    const { org = '' } = this.#settings
    try {
      return orgOf(await this.#session(), org, this.clean).id
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.status !== 403) throw error
      const words = `${error.message}; it may not ask which organisations there are: set \`orgId\` in place of \`org\``
      throw new UpstreamError('permission', words, { service: this.#http.service, status: 403, cause: error })
    }
  }
}
