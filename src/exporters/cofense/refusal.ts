/** What Cofense Triage says where it refuses: JSON:API's error objects, read into the kind of failure that it is. */
import { UpstreamError, type UpstreamErrorKind } from '../../errors.ts'
import { answerError } from '../../upstream/answer-error.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf } from '../../upstream/json.ts'
import { service } from './wire.ts'

/** One error object, in words that can be shown. */
interface Problem {
  readonly title: string
  readonly detail: string
  readonly code: string
}

/** An answer that refuses one request. */
export class Refusal extends UpstreamError {
  readonly #problems: readonly Problem[]

  constructor(
    kind: UpstreamErrorKind,
    sentence: string,
    { status, problems }: { readonly status: number; readonly problems: readonly Problem[] },
  ) {
    const words = wordsOf(problems)
    const code = problems[0]?.code ?? ''
    super(kind, words === '' ? sentence : `${sentence}: ${words}`, {
      service,
      status,
      ...(code !== '' && { code }),
    })
    this.#problems = problems
  }

  /** The product's own words; where it has none, ours. */
  get reason(): string {
    const words = wordsOf(this.#problems)
    return words === '' ? this.message : words
  }

  /** The value is there already, ours or somebody else's. */
  get isTaken(): boolean {
    const taken = /has already been taken/i
    return (
      (this.status === 422 || this.status === 409) &&
      this.#problems.some(({ title, detail }) => taken.test(title) || taken.test(detail))
    )
  }

  /** The record is not there (any more); else it is the address that is not there. */
  get isMissingRecord(): boolean {
    return this.status === 404 && this.#problems.length > 0
  }

  /** For fewer values at once it may be right: not where a parameter or the media type is refused. */
  get mayDependOnValues(): boolean {
    const parameters = this.#problems.some(({ code }) => /^(?!100|107)1[01]\d$/.test(code))
    return this.kind === 'rejected' && this.status !== 415 && this.status !== 406 && !parameters
  }
}

/** Where the refused request went. */
export type Place = 'collection' | 'record'

/** @returns undefined where the general rules of HTTP say all: 408, 429, 5xx */
export function refusalOf(
  answer: HttpResponse,
  place: Place,
  http: HttpClient,
  clean: (text: string) => string,
): UpstreamError | undefined {
  const { status } = answer
  const problems = readProblems(answer, clean)
  const refusal = (kind: UpstreamErrorKind, sentence: string) =>
    new Refusal(kind, sentence, { status, problems })
  if (status === 401) return refusal('credentials', 'Cofense Triage does not accept the access token')
  if (status === 403) {
    return refusal('permission', 'Cofense Triage refuses the API application this request (403)')
  }
  if (place === 'record' && (status === 404 || status === 405)) {
    return refusal('rejected', `Cofense Triage has no such record (${status})`)
  }
  const away = movedAway(answer, http)
  if (away !== undefined) return away
  if (status === 408 || status === 429 || status < 400 || status >= 500) return undefined
  return refusal('rejected', `Cofense Triage refused the request (${status})`)
}

/** An answer of something else than the API: a redirect, or nothing there. */
export function movedAway(answer: HttpResponse, http: HttpClient): UpstreamError | undefined {
  const { status } = answer
  const peer = `${service} (${new URL(http.origin).host})`
  if (status >= 300 && status < 400) {
    return new UpstreamError('address', answerError(answer, service, peer).message, { service, status })
  }
  if (status !== 404 && status !== 405 && status !== 410) return undefined
  const sentence = `There is no Cofense Triage API at this base URL: ${peer} answered ${status}`
  return new UpstreamError('address', sentence, { service, status })
}

function wordsOf(problems: readonly Problem[]): string {
  const words = problems.map(({ title, detail }) => (detail === '' ? title : detail))
  return [...new Set(words)]
    .filter((each) => each !== '')
    .join('; ')
    .slice(0, 1000)
}

function readProblems(answer: HttpResponse, clean: (text: string) => string): Problem[] {
  const body = jsonOf(answer.body)
  // Not JSON:API's own error body (a proxy's page, or none): the status alone speaks then.
  const errors: readonly unknown[] = isObject(body) && Array.isArray(body.errors) ? body.errors : []
  const text = (value: unknown) => (typeof value === 'string' ? clean(value) : '')
  return errors
    .slice(0, 20)
    .filter(isObject)
    .map(({ title, detail, code }) => ({
      title: text(title),
      detail: text(detail),
      code: text(code).slice(0, 40),
    }))
}
