/** GraphQL requests to Taegis XDR, and their answers checked: token, errors, fields that a region lacks. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import { type AccessTokens, accessTokens } from '../../upstream/access-token.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf, type Members, parseJson } from '../../upstream/json.ts'
import { redact } from '../../upstream/redact.ts'
import { waitOf } from '../../upstream/retry-after.ts'
import { withoutDoubt } from '../../upstream/without-doubt.ts'
import { bodyText, type GraphqlError, graphqlErrors, kindOf, TaegisRefusal, wordsOf } from './answers.ts'
import { idWords, kindOfStatus, redirectWords, requestId, sentences } from './refusals.ts'
import { basicAuthorization, requestToken } from './token.ts'
import { basePath, dispensableFields, graphqlBody, graphqlHeaders, type Operation, service } from './wire.ts'

export interface TaegisCredentials {
  readonly baseUrl: string
  readonly clientId: string
  readonly clientSecret: string
  readonly tenantId: string
}

export interface TaegisAnswer {
  /** What the operation's own field holds. */
  readonly result: Members
  /** Of what could not be carried out beside the result. */
  readonly errors: readonly GraphqlError[]
  /** `X-Request-Id`: Secureworks finds the request by it. */
  readonly requestId?: string
  /** The product's clock when the request was sent, milliseconds; ours where it tells none. */
  readonly sentAt: number
}

/** A JWT, whoever's it is: older tokens of ours are no longer known. */
const anyToken = /\beyJ[\w-]{10,}\.[\w-]+\.[\w-]*/g

/** Most of the product's words that are shown. */
const longestWords = 300

export class TaegisClient {
  readonly #http: HttpClient
  readonly #credentials: TaegisCredentials
  readonly #base: string
  readonly #tokens: AccessTokens
  readonly #now: () => number
  readonly #log: Logger
  /** Fields that this region's schema does not have: learnt once. */
  readonly #lacks = new Set<string>()
  /** The last few: requests under way may still hold an older one. */
  #recentTokens: readonly string[] = []

  constructor(http: HttpClient, credentials: TaegisCredentials, now: () => number, log: Logger) {
    this.#http = http
    this.#credentials = credentials
    this.#base = basePath(credentials.baseUrl)
    this.#now = now
    this.#log = log
    this.#tokens = accessTokens({ request: () => this.#login(), now })
  }

  get url(): string {
    return `${this.#http.origin}${this.#base}/graphql`
  }

  /** @throws UpstreamError; TaegisRefusal where GraphQL errors are all that came */
  async run(operation: Operation, signal: AbortSignal): Promise<TaegisAnswer> {
    for (;;) {
      const known = this.#lacks.size
      try {
        return await this.#tokens.authorized((token) => this.#send(operation, token, signal), signal)
      } catch (error) {
        if (!(error instanceof TaegisRefusal && this.#learn(error.errors))) throw error
        // Another request may have learnt it meanwhile.
        if (this.#lacks.size === known) throw error
      }
    }
  }

  /** Their words are shown to users: ours that they may echo are taken out, control characters too. */
  clean(text: string): string {
    const { clientId, clientSecret } = this.#credentials
    const basic = basicAuthorization(clientId, clientSecret).slice('Basic '.length)
    return redact(text.slice(0, 20 * longestWords), [clientSecret, basic, ...this.#recentTokens])
      .replace(anyToken, '[redacted]')
      .replace(/[\p{Cc}\p{Cs}]+/gu, ' ')
      .trim()
      .slice(0, longestWords)
  }

  async #login() {
    const { clientId, clientSecret } = this.#credentials
    try {
      const token = await requestToken({
        http: this.#http,
        path: `${this.#base}/auth/api/v2/auth/token`,
        clientId,
        clientSecret,
        translate: (answer) => this.#refusedLogin(answer),
        clean: (text) => this.clean(text),
      })
      this.#recentTokens = [token.value, ...this.#recentTokens].slice(0, 3)
      return token
    } catch (error) {
      throw withoutDoubt(error)
    }
  }

  async #send(operation: Operation, token: string, signal: AbortSignal): Promise<TaegisAnswer> {
    const sentAt = this.#now()
    try {
      const answer = await this.#http.send({
        method: 'POST',
        path: `${this.#base}/graphql`,
        headers: {
          ...graphqlHeaders(this.#credentials.tenantId),
          authorization: `Bearer ${token}`,
        },
        body: JSON.stringify(graphqlBody(operation, this.#lacks)),
        translate: (refused) => this.#refused(refused, operation),
        signal,
      })
      return this.#read(answer, operation, sentAt)
    } catch (error) {
      throw operation.kind === 'query' ? withoutDoubt(error) : error
    }
  }

  #read(answer: HttpResponse, operation: Operation, sentAt: number): TaegisAnswer {
    const { status } = answer
    const body = parseJson(answer.body, { service, status, clean: (text) => this.clean(text) })
    const errors = graphqlErrors(body, (text) => this.clean(text))
    const data = isObject(body) ? body.data : undefined
    const result = isObject(data) ? data[operation.name] : undefined
    if (isObject(result) && (errors.length === 0 || Object.values(result).some(isSomething))) {
      const id = requestId(answer)
      const date = Date.parse(String(answer.headers.date ?? ''))
      const ahead = Number.isNaN(date) ? 0 : date - answer.receivedAt
      return { result, errors, ...(id !== undefined && { requestId: id }), sentAt: sentAt + ahead }
    }
    if (errors.length > 0) throw this.#graphqlRefusal(answer, errors, operation)
    const words = `Secureworks answered ${operation.name} with ${status}, but without its result${idWords(answer)}`
    throw new UpstreamError('unreadable', words, { service, status })
  }

  /** GraphQL errors without data. */
  #graphqlRefusal(
    answer: HttpResponse,
    errors: readonly GraphqlError[],
    operation: Operation,
  ): TaegisRefusal {
    const kind = kindOf(errors, operation.kind)
    const sentence = `${sentences[kind]} ${operation.name}: ${wordsOf(errors)}${idWords(answer)}`
    // So that a token that was taken back is replaced, as after a plain 401.
    const status = kind === 'credentials' ? 401 : answer.status
    return new TaegisRefusal(kind, sentence, { service, status, errors, ...waitOf(answer) })
  }

  /** An answer that is no success, GraphQL's own errors among them. */
  #refused(answer: HttpResponse, operation: Operation): UpstreamError | undefined {
    const { status } = answer
    const errors = graphqlErrors(jsonOf(answer.body), (text) => this.clean(text))
    if ((status === 400 || status === 422) && errors.length > 0) {
      return this.#graphqlRefusal(answer, errors, operation)
    }
    return this.#plainRefusal(answer, operation.name, errors)
  }

  #plainRefusal(
    answer: HttpResponse,
    what: string,
    errors: readonly GraphqlError[] = [],
  ): UpstreamError | undefined {
    const { status } = answer
    const kind = kindOfStatus(status)
    if (kind === undefined) return undefined
    const isRedirect = status >= 300 && status < 400
    const own = () => (errors.length > 0 ? wordsOf(errors) : this.clean(bodyText(answer.body)))
    const words = isRedirect ? redirectWords(answer, this.#http) : own()
    const said = words === '' ? '' : `: ${words}`
    return new UpstreamError(kind, `${sentences[kind]} ${what} (${status})${said}${idWords(answer)}`, {
      service,
      status,
      ...waitOf(answer),
    })
  }

  #refusedLogin(answer: HttpResponse): UpstreamError | undefined {
    const body = jsonOf(answer.body)
    const code = isObject(body) && typeof body.error === 'string' ? this.clean(body.error) : ''
    // 403 says here that the client is disabled, or of another region.
    if (
      answer.status === 401 ||
      answer.status === 403 ||
      /^(invalid_client|unauthorized_client|invalid_grant)$/.test(code)
    ) {
      const said = code === '' ? this.clean(bodyText(answer.body)) : code
      const words = `Secureworks does not accept clientId and clientSecret (${answer.status})${said && `: ${said}`}`
      return new UpstreamError('credentials', words + idWords(answer), { service, status: answer.status })
    }
    return this.#plainRefusal(answer, 'the login')
  }

  /** @returns whether all that is wrong is fields which nothing depends on */
  #learn(errors: readonly GraphqlError[]): boolean {
    const fields = errors.map(({ unknownField }) => unknownField)
    if (!fields.every((field) => field !== undefined && dispensableFields.has(field))) return false
    const fresh = fields.filter((field) => field !== undefined && !this.#lacks.has(field))
    for (const field of fresh) if (field !== undefined) this.#lacks.add(field)
    if (fresh.length > 0)
      this.#log.warn(
        { fields: fresh },
        'Secureworks does not know these fields: they are no longer asked for',
      )
    return true
  }
}

/** Beside errors, empty members are what could not be made, not an answer. */
function isSomething(member: unknown): boolean {
  return member !== null && member !== false && !(Array.isArray(member) && member.length === 0)
}
