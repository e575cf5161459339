/** Building blocks of the routes' schemas: what validates a request also describes it in OpenAPI. */
import Type, { type Static, type TSchema, type TSchemaOptions, type TUnsafe } from 'typebox'
import { type ErrorCode, errorTable, ServiceError } from '../errors.ts'
import { type Problem, problemMediaType, serviceAnswer } from './problem.ts'

/** One of these words, as a real `enum`. */
export function Enum<const W extends string>(words: readonly W[], options: TSchemaOptions = {}): TUnsafe<W> {
  return Type.Unsafe<W>({ type: 'string', enum: [...words], ...options })
}

/** The schema, or null. */
export function Nullable<T extends TSchema>(schema: T, options: TSchemaOptions = {}) {
  return Type.Union([schema, Type.Null()], options)
}

/** How many of something there are. */
export function Count(description: string) {
  return Type.Integer({ minimum: 0, description })
}

export function Time(description: string) {
  return Type.String({ format: 'date-time', description })
}

/** A reference to a schema that has an `$id` and was given to `createServer` or to `app.addSchema`. */
export function Ref<T extends TSchema>(schema: T): TUnsafe<Static<T>> {
  const { $id } = schema as { $id?: unknown }
  if (typeof $id !== 'string') throw new Error('a schema needs an $id to be referred to')
  return Type.Unsafe<Static<T>>({ $ref: `${$id}#` })
}

export const ProblemSchema = Type.Object(
  {
    type: Type.String({
      format: 'uri',
      description: 'Names the kind of the error.',
      examples: ['urn:indicator-feed-server:error:ARGUMENT_INVALID'],
    }),
    title: Type.String({
      description: 'The kind of the error in words; the same for each error of a `code`.',
    }),
    status: Type.Integer({ minimum: 400, maximum: 599, description: 'The HTTP status.' }),
    detail: Type.String({ description: 'What is wrong with this request, and what would be right.' }),
    instance: Type.String({ description: 'The path of the request.' }),
    code: Type.String({
      pattern: '^[A-Z_]+$',
      description: 'The error for programs; listed in docs/errors.md.',
    }),
    requestId: Type.String({ description: 'Also in the header `X-Request-Id` and in the log.' }),
    errors: Type.Optional(
      Type.Array(
        Type.Object({
          pointer: Type.String({ description: 'JSON pointer to the argument.' }),
          detail: Type.String({ description: 'What the argument takes, and what was received.' }),
        }),
        { description: 'Everything that is wrong with the arguments.' },
      ),
    ),
    upstream: Type.Optional(
      Type.Object(
        {
          service: Type.String({ description: 'The product that failed.' }),
          status: Type.Optional(Type.Integer({ description: 'The HTTP status of its answer.' })),
          code: Type.Optional(Type.String({ description: 'Its own error code, or that of the network.' })),
        },
        { description: "Only where a vendor's product failed." },
      ),
    ),
    retryable: Type.Optional(
      Type.Boolean({ description: 'Whether the same request may succeed later; only with `upstream`.' }),
    ),
    'violated-policies': Type.Optional(
      Type.Array(Type.String(), { description: 'The limits that were exceeded; only with status 429.' }),
    ),
    reasons: Type.Optional(
      Type.Array(Type.String(), { description: 'What is not ready; only from /readyz.' }),
    ),
  },
  { $id: 'Problem', title: 'Problem', description: 'An error, as RFC 9457 describes it.' },
)

interface HeaderDescription {
  readonly description: string
  readonly type: string
  readonly examples?: readonly unknown[]
}

/** One documented answer of a route; a schema with `$id` is referred to. */
export function answer(
  description: string,
  schema: TSchema,
  example: unknown,
  options: { mediaType?: string; headers?: Readonly<Record<string, HeaderDescription>> } = {},
) {
  const { mediaType = 'application/json', headers } = options
  return {
    description,
    ...(headers !== undefined && { headers }),
    content: { [mediaType]: { schema, example } },
  }
}

interface Documented {
  readonly description: string
  readonly code: ErrorCode
  readonly detail: string
  readonly members?: Partial<Problem>
  readonly headers?: Readonly<Record<string, HeaderDescription>>
}

const retryAfterHeader = {
  'Retry-After': { type: 'integer', description: 'Seconds to wait before the next try.', examples: [30] },
} as const

const documented: Readonly<Record<number, Documented>> = {
  400: {
    description: 'An argument is missing, wrong or unknown; `errors` lists all of them.',
    code: 'ARGUMENT_INVALID',
    detail: 'limit takes an integer from 0 to 100000; received "abc"',
    members: {
      errors: [{ pointer: '/limit', detail: 'limit takes an integer from 0 to 100000; received "abc"' }],
    },
  },
  401: {
    description: 'No API key, or one that is not known.',
    code: 'KEY_MISSING',
    detail: 'no API key was received; send "Authorization: Bearer KEY" or "X-API-Key: KEY"',
    headers: {
      'WWW-Authenticate': {
        type: 'string',
        description: 'How to authenticate.',
        examples: ['Bearer realm="indicator-feed-server"'],
      },
    },
  },
  403: {
    description: 'The API key lacks the scope that the detail names.',
    code: 'SCOPE_MISSING',
    detail: 'the API key "edge-fw" needs the scope "indicators:read"',
  },
  404: {
    description: 'There is no such thing.',
    code: 'SOURCE_UNKNOWN',
    detail: 'no source "tcc"; there are: tc',
  },
  414: {
    description: 'A part of the address is too long.',
    code: 'URI_TOO_LONG',
    detail: 'a part of the path is longer than 4096 characters',
  },
  415: {
    description: 'The body is not JSON.',
    code: 'MEDIA_TYPE_UNSUPPORTED',
    detail: 'the body takes application/json; received "text/plain"',
  },
  422: {
    description: 'Understood, but it cannot be carried out.',
    code: 'QUERY_REFUSED',
    detail: 'ThreatConnect refused the query: Invalid TQL',
  },
  429: {
    description: 'Too many requests with this API key.',
    code: 'TOO_MANY_REQUESTS',
    detail: 'at most 600 requests in a minute are taken; wait 12 seconds',
    headers: retryAfterHeader,
  },
  500: {
    description: 'A fault of the server; its log has the cause.',
    code: 'INTERNAL',
    detail: 'the server failed; its log has the cause under this requestId',
  },
  502: {
    description: "A vendor's product refused us or answered wrongly.",
    code: 'UPSTREAM_CREDENTIALS',
    detail: 'ThreatConnect refused the credentials of the source "tc"',
    members: { upstream: { service: 'threatconnect', status: 401 }, retryable: false },
  },
  503: {
    description: "A vendor's product or the store is not available.",
    code: 'UPSTREAM_UNAVAILABLE',
    detail: 'ThreatConnect answered 503',
    members: { upstream: { service: 'threatconnect', status: 503 }, retryable: true },
    headers: retryAfterHeader,
  },
  504: {
    description: "A vendor's product took too long.",
    code: 'UPSTREAM_TIMEOUT',
    detail: 'ThreatConnect did not answer within 60 s',
    members: { upstream: { service: 'threatconnect', code: 'ETIMEDOUT' }, retryable: true },
  },
}

/** Where that is what a request made or started. */
export function locationHeader(description: string, example: string) {
  return { Location: { type: 'string', description, examples: [example] } } as const
}

/** An example of a problem, as the server would write it. */
function problemExample(code: ErrorCode, detail: string, members: Partial<Problem> = {}): Problem {
  const where = { instance: '/api/v1/tc-get-indicators', requestId: '5f0c6c5e-8f0c-4d6a-9a57-0d6c1f0c2b1a' }
  return { ...serviceAnswer(new ServiceError(code, detail), where).problem, ...members }
}

/** One error answer in words of its own, where those of `problems` would not do. */
export function problemAnswer(options: Documented) {
  const { description, code, detail, members, headers } = options
  return answer(description, Ref(ProblemSchema), problemExample(code, detail, members), {
    mediaType: problemMediaType,
    ...(headers !== undefined && { headers }),
  })
}

/** The error answers of a route for its `response`, described and with examples: `...problems(400, 401, 403)`. */
export function problems(...statuses: readonly number[]) {
  return Object.fromEntries(
    statuses.map((status) => {
      const words = documented[status]
      if (words === undefined) throw new Error(`status ${status} is not documented; use problemAnswer`)
      if (errorTable[words.code].status !== status)
        throw new Error(`the example of status ${status} has another status`)
      return [status, problemAnswer(words)]
    }),
  )
}

/** What even public routes may answer. */
export const hostRefused = {
  403: problemAnswer({
    description: 'No API keys are configured, and the Host header is not a loopback name.',
    code: 'HOST_REFUSED',
    detail:
      'without API keys the server answers to localhost, 127.0.0.0/8 and [::1]; the Host header was "feeds.example.org"',
  }),
}
