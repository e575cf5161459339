/** Every error as `application/problem+json` (RFC 9457); one place decides what of an error is told. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  type ErrorCode,
  errorTable,
  type FieldError,
  ServiceError,
  UpstreamError,
  upstreamCode,
} from '../errors.ts'
import { pathOf } from './known-paths.ts'
import { isTaxii, taxiiError } from './taxii-error.ts'

export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  /** The path of the request, without its query. */
  readonly instance: string
  readonly code: ErrorCode
  readonly requestId: string
  readonly errors?: readonly FieldError[]
  readonly upstream?: { readonly service: string; readonly status?: number; readonly code?: string }
  readonly retryable?: boolean
  /** Only with 429: the limits that were exceeded, by their name in `RateLimit-Policy`. */
  readonly 'violated-policies'?: readonly string[]
  /** Only with NOT_READY. */
  readonly reasons?: readonly string[]
}

/** What the log says of a failed request; `error` only where it is a fault of ours. */
export interface Failure {
  readonly code: ErrorCode
  readonly detail: string
  readonly kind?: string
  readonly service?: string
  readonly error?: unknown
}

export interface Answer {
  readonly problem: Problem
  readonly headers: Readonly<Record<string, string>>
  readonly failure: Failure
}

export const problemMediaType = 'application/problem+json'

const defaultRetryAfterSeconds = 30

function typeOf(code: ErrorCode): string {
  return code === 'TOO_MANY_REQUESTS'
    ? 'https://iana.org/assignments/http-problem-types#quota-exceeded'
    : `urn:indicator-feed-server:error:${code}`
}

/** Codes of Fastify and its plugins that a request can provoke. */
const frameworkCodes: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_BAD_URL: 'REQUEST_MALFORMED',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'REQUEST_MALFORMED',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_MAX_PARAM_LENGTH: 'URI_TOO_LONG',
  FST_STATIC_FORBIDDEN_PATH: 'ROUTE_UNKNOWN',
}

const frameworkDetails: Readonly<Record<string, (request: FastifyRequest) => string>> = {
  FST_ERR_BAD_URL: () => 'the address is not valid percent-encoded UTF-8',
  FST_ERR_CTP_BODY_TOO_LARGE: (request) => `the body takes at most ${request.routeOptions.bodyLimit} bytes`,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: () => 'the body is not as long as Content-Length says',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: () => 'Content-Type is not a media type; the body takes application/json',
  FST_ERR_MAX_PARAM_LENGTH: () => 'a part of the path is longer than 4096 characters',
}

/** An error of the framework in our words; undefined where it is not the request's fault. */
function translated(error: Error & { code?: unknown }, request: FastifyRequest): ServiceError | undefined {
  if (error.code === 'ECONNRESET' && request.raw.readableAborted) {
    return new ServiceError('REQUEST_MALFORMED', 'the connection ended before the body did')
  }
  const code = typeof error.code === 'string' ? frameworkCodes[error.code] : undefined
  if (code === undefined || typeof error.code !== 'string') return undefined
  const detail = frameworkDetails[error.code]?.(request) ?? `there is nothing at ${pathOf(request.url)}`
  return new ServiceError(code, detail, { cause: error })
}

interface Where {
  readonly instance: string
  readonly requestId: string
}

function base(code: ErrorCode, detail: string, where: Where): Problem {
  const { title, status } = errorTable[code]
  return {
    type: typeOf(code),
    title,
    status,
    detail,
    instance: where.instance,
    code,
    requestId: where.requestId,
  }
}

function retryAfter(status: number, delayMs: number | undefined): Record<string, string> {
  if (delayMs === undefined && status !== 503) return {}
  const seconds = delayMs === undefined ? defaultRetryAfterSeconds : Math.max(1, Math.ceil(delayMs / 1000))
  return { 'retry-after': String(seconds) }
}

/** Whose failure it is, and whether the same request may succeed later. */
function upstreamMembers(error: unknown): Pick<Problem, 'upstream' | 'retryable'> {
  if (!(error instanceof UpstreamError)) return {}
  const { service, status, upstreamCode: code, retryable } = error
  return {
    upstream: { service, ...(status !== undefined && { status }), ...(code !== undefined && { code }) },
    retryable,
  }
}

/** An error of the table as an answer. */
export function serviceAnswer(error: ServiceError, where: Where): Answer {
  const problem = base(error.code, error.message, where)
  // Of the whole request, where nothing of it could be read.
  const whole = problem.status === 400 ? [{ pointer: '', detail: error.message }] : []
  const errors = error.errors.length > 0 ? error.errors : whole
  return {
    problem: {
      ...problem,
      ...(errors.length > 0 && { errors }),
      ...upstreamMembers(error.cause),
      ...(error.code === 'TOO_MANY_REQUESTS' && { 'violated-policies': ['default'] }),
    },
    headers: { ...retryAfter(problem.status, undefined), ...error.headers },
    failure: { code: error.code, detail: error.message, ...(problem.status >= 500 && { error }) },
  }
}

function upstreamAnswer(error: UpstreamError, where: Where): Answer {
  const code = upstreamCode[error.kind]
  const problem = base(code, error.message, where)
  return {
    problem: { ...problem, ...upstreamMembers(error) },
    headers: retryAfter(problem.status, error.retryAfterMs),
    failure: { code, detail: error.sentence, kind: error.kind, service: error.service },
  }
}

/** Any error as an answer; of an unexpected one nothing is told but that it happened. */
export function answerOf(error: unknown, request: FastifyRequest): Answer {
  const where = { instance: pathOf(request.url), requestId: request.id }
  if (error instanceof ServiceError) return serviceAnswer(error, where)
  if (error instanceof UpstreamError) return upstreamAnswer(error, where)
  const known = error instanceof Error ? translated(error, request) : undefined
  if (known !== undefined) return serviceAnswer(known, where)
  const detail = 'the server failed; its log has the cause under this requestId'
  return {
    problem: base('INTERNAL', detail, where),
    headers: {},
    failure: { code: 'INTERNAL', detail, error },
  }
}

/** An error as it goes out: clients of TAXII know errors of TAXII alone. */
export function writtenProblem(problem: Problem): { readonly mediaType: string; readonly body: string } {
  return isTaxii(problem.instance)
    ? taxiiError(problem)
    : { mediaType: problemMediaType, body: JSON.stringify(problem) }
}

/** Sends an answer; it carries its own headers, so that it is complete where no hook ran. */
export function sendAnswer(request: FastifyRequest, reply: FastifyReply, answer: Answer): FastifyReply {
  request.failure = answer.failure
  const { mediaType, body } = writtenProblem(answer.problem)
  return reply
    .code(answer.problem.status)
    .headers({
      'x-request-id': request.id,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      ...answer.headers,
      'content-type': mediaType,
    })
    .send(Buffer.from(body))
}
