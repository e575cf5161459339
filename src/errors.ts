/**
 * Every error that a user can meet. The title of a code is fixed, the detail of an error varies; neither ever
 * holds a secret. `docs/errors.md` is generated from this table. It is one table, however long: a code is looked up here.
 */
export const errorTable = {
  ARGUMENT_INVALID: {
    status: 400,
    title: 'An argument is not valid',
    help: 'Correct the arguments that `errors` names; each says what it takes and what was received.',
  },
  REQUEST_MALFORMED: {
    status: 400,
    title: 'The request could not be read',
    help: 'Send well-formed JSON and percent-encode the address.',
  },
  KEY_MISSING: {
    status: 401,
    title: 'An API key is needed',
    help: 'Send `Authorization: Bearer KEY` or `X-API-Key: KEY`.',
  },
  KEY_UNKNOWN: {
    status: 401,
    title: 'The API key is not known',
    help: 'Check the key against `auth.keys` of the configuration; `feed-server keys create` makes a new one.',
  },
  SCOPE_MISSING: {
    status: 403,
    title: 'The API key lacks a scope',
    help: 'Add the scope that the detail names to the key in `auth.keys`, or use another key.',
  },
  HOST_REFUSED: {
    status: 403,
    title: 'The Host header is not a loopback name',
    help: 'Without API keys the server answers only to loopback names; configure `auth.keys` to open it.',
  },
  ORIGIN_REFUSED: {
    status: 403,
    title: 'The request comes from a page of another site',
    help: 'Without API keys the server takes no changes from the pages of other sites; configure `auth.keys`.',
  },
  ROUTE_UNKNOWN: {
    status: 404,
    title: 'There is nothing at this address',
    help: 'See `/docs` or `/openapi.json` for the addresses that exist.',
  },
  SOURCE_UNKNOWN: {
    status: 404,
    title: 'There is no such source',
    help: 'Use a name from `sources` of the configuration; the detail lists them.',
  },
  RUN_UNKNOWN: {
    status: 404,
    title: 'There is no such run',
    help: 'Use an id that `POST /api/v1/sources/{name}/fetch` or `GET /api/v1/sources/{name}/runs` gave.',
  },
  INDICATOR_UNKNOWN: {
    status: 404,
    title: 'There is no such indicator',
    help: 'It was never fetched, or it has left; `GET /api/v1/indicators/lookup?value=` finds one by its value.',
  },
  FEED_UNKNOWN: {
    status: 404,
    title: 'There is no such feed',
    help: 'Use a name from `feeds` of the configuration.',
  },
  OBJECT_UNKNOWN: {
    status: 404,
    title: 'There is no such object in the collection',
    help: 'Use an id that the manifest of the TAXII collection lists.',
  },
  COLLECTION_READ_ONLY: {
    status: 403,
    title: 'The collection can only be read',
    help: 'Indicators come from the configured sources; TAXII clients can only read them.',
  },
  PATIENT_UNKNOWN: {
    status: 404,
    title: 'There is nothing of this name to look at',
    help: 'Use `server`, or the name of a source, exporter or bridge of the configuration; the detail lists them.',
  },
  CONFIGURATION_REFUSED: {
    status: 422,
    title: 'The configuration can not be used',
    help: 'Correct what `errors` names; `feed-server config check` shows the same. The server goes on with what it has.',
  },
  RECIPE_UNKNOWN: {
    status: 404,
    title: 'There is no recipe for this product',
    help: 'Use one of the products that the detail lists.',
  },
  EXPORTER_UNKNOWN: {
    status: 404,
    title: 'There is no such exporter',
    help: 'Use a name from `exporters` of the configuration; the detail lists them.',
  },
  EXPORT_UNKNOWN: {
    status: 404,
    title: 'There is no such export',
    help: 'Use an id that a push or `GET /api/v1/exports` gave; exports are forgotten 30 days after they ended.',
  },
  BRIDGE_UNKNOWN: {
    status: 404,
    title: 'There is no such bridge',
    help: 'Use a name from `bridges` of the configuration; the detail lists them.',
  },
  TICKET_UNKNOWN: {
    status: 404,
    title: 'There is no such ticket',
    help: 'Use the id of a ticket that the bridge has seen; `POST /api/v1/bridges/{name}/poll` asks for new ones.',
  },
  EFFECT_UNKNOWN: {
    status: 404,
    title: 'There is no such effect',
    help: 'Use an id that `GET /api/v1/effects` or a ticket gave.',
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    title: 'The method is not allowed here',
    help: 'Use one of the methods in the `Allow` header.',
  },
  NOT_ACCEPTABLE: {
    status: 406,
    title: 'The answer would not be of a type that the client takes',
    help: 'Send `Accept: application/taxii+json;version=2.1`: the server speaks TAXII 2.1.',
  },
  REQUEST_TIMEOUT: {
    status: 408,
    title: 'The request took too long to arrive',
    help: 'Send the request again, without pauses in it.',
  },
  POLL_RUNNING: {
    status: 409,
    title: 'A poll of the bridge is under way',
    help: 'Wait until it has ended; the detail names it.',
  },
  EFFECT_CONFLICT: {
    status: 409,
    title: 'The state of the effect does not allow it',
    help: 'Dead, failed and ambiguous effects can be retried; those that are not done and not under way can be skipped.',
  },
  CURSOR_GONE: {
    status: 410,
    title: 'The cursor is too old',
    help: 'Removals since then are forgotten: take everything once more, then go on from the new cursor.',
  },
  BODY_TOO_LARGE: {
    status: 413,
    title: 'The request body is too large',
    help: 'Send less at once.',
  },
  URI_TOO_LONG: {
    status: 414,
    title: 'The address is too long',
    help: 'Send the arguments as a JSON body by POST.',
  },
  MEDIA_TYPE_UNSUPPORTED: {
    status: 415,
    title: 'The media type of the body is not supported',
    help: 'Send JSON with `Content-Type: application/json`.',
  },
  EXPECTATION_FAILED: {
    status: 417,
    title: 'The expectation of the request cannot be met',
    help: 'Leave the `Expect` header out; only `100-continue` is understood.',
  },
  QUERY_REFUSED: {
    status: 422,
    title: 'The source refused the query',
    help: "Correct the TQL; the detail has the source's own words. `explain=true` shows what would be sent.",
  },
  IDEMPOTENCY_CONFLICT: {
    status: 422,
    title: 'The idempotency key was used for another request',
    help: 'Send another `Idempotency-Key`, or the very same body as the first time.',
  },
  EXPORT_REFUSED: {
    status: 422,
    title: 'The export can not be carried out',
    help: 'The detail tells why; narrow what is asked for, or ask for something else.',
  },
  TEMPLATE_REFUSED: {
    status: 422,
    title: 'The template can not be used',
    help: 'Correct the field or the place in the template that the detail names.',
  },
  BRIDGE_REFUSED: {
    status: 422,
    title: 'The bridge can not do this',
    help: 'The detail tells why.',
  },
  TOO_MANY_REQUESTS: {
    status: 429,
    title: 'Too many requests',
    help: 'Wait as long as `Retry-After` says.',
  },
  HEADERS_TOO_LARGE: {
    status: 431,
    title: 'The headers of the request are too large',
    help: 'Send fewer or shorter headers; long arguments go into a JSON body by POST.',
  },
  INTERNAL: {
    status: 500,
    title: 'The server failed',
    help: 'A fault of ours: the log has the cause under the same `requestId`.',
  },
  UPSTREAM_CREDENTIALS: {
    status: 502,
    title: 'The product refused our credentials',
    help: 'Correct the credentials in the configuration; `feed-server check` tells which one is wrong.',
  },
  UPSTREAM_PERMISSION: {
    status: 502,
    title: 'The product refuses our account the right to do this',
    help: 'Correct what the detail names, or give our account the right in the product; `feed-server check` tells more.',
  },
  UPSTREAM_CLOCK_SKEW: {
    status: 502,
    title: "The product's clock and ours disagree",
    help: 'Set the clock of this machine by NTP; the detail tells by how much it is off.',
  },
  UPSTREAM_ADDRESS: {
    status: 502,
    title: "The configured address is not that of the product's API",
    help: 'Correct the host or base URL in the configuration.',
  },
  UPSTREAM_REJECTED: {
    status: 502,
    title: 'The product refused the request',
    help: "Read the product's own words in the detail; a wrong base URL looks like this as well.",
  },
  UPSTREAM_UNREADABLE: {
    status: 502,
    title: 'The product answered with something that is not its API',
    help: 'Check the base URL, and whether a proxy or login page stands between.',
  },
  UPSTREAM_OUTCOME_UNKNOWN: {
    status: 502,
    title: 'Whether the product carried out the request is not known',
    help: 'Look at the product before the request is repeated by hand.',
  },
  NOT_READY: {
    status: 503,
    title: 'The server is not ready',
    help: 'Wait as long as `Retry-After` says; the detail tells what is not ready.',
  },
  FEED_NOT_READY: {
    status: 503,
    title: 'The feed has no list yet',
    help: 'Wait as long as `Retry-After` says; the detail tells what the feed waits for.',
  },
  STORE_UNAVAILABLE: {
    status: 503,
    title: 'The store is not available',
    help: 'Wait as long as `Retry-After` says; the log tells what is wrong with the database.',
  },
  UPSTREAM_THROTTLED: {
    status: 503,
    title: 'The product asks us to slow down',
    help: 'Wait as long as `Retry-After` says; ask less often.',
  },
  UPSTREAM_UNAVAILABLE: {
    status: 503,
    title: 'The product is not available',
    help: 'Try again later; `feed-server check` tells what fails: name, connection, TLS or product.',
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    title: 'The product took too long',
    help: 'Ask for less at once, or raise `timeout` of the source, the exporter or the side of the bridge.',
  },
} as const satisfies Record<string, { status: number; title: string; help: string }>

export type ErrorCode = keyof typeof errorTable

/** One thing that is wrong with what was sent: where (a JSON pointer) and what it takes. */
export interface FieldError {
  readonly pointer: string
  readonly detail: string
}

/** An error of the table, thrown for whoever asked. `detail` is shown to the caller: no secret in it. */
export class ServiceError extends Error {
  readonly code: ErrorCode
  readonly errors: readonly FieldError[]
  readonly headers: Readonly<Record<string, string>>

  constructor(
    code: ErrorCode,
    detail: string,
    options: { cause?: unknown; errors?: readonly FieldError[]; headers?: Record<string, string> } = {},
  ) {
    super(detail, { cause: options.cause })
    this.name = 'ServiceError'
    this.code = code
    this.errors = options.errors ?? []
    this.headers = options.headers ?? {}
  }
}

/** What kind of failure a vendor's answer is; the kind alone decides what is done next. */
export type UpstreamErrorKind =
  | 'credentials'
  | 'permission'
  | 'clock-skew'
  | 'address'
  | 'throttled'
  | 'unavailable'
  | 'timeout'
  | 'unreadable'
  | 'rejected'
  | 'outcome-unknown'

/** The code of the table for each kind of a vendor's failure. */
export const upstreamCode = {
  credentials: 'UPSTREAM_CREDENTIALS',
  permission: 'UPSTREAM_PERMISSION',
  'clock-skew': 'UPSTREAM_CLOCK_SKEW',
  address: 'UPSTREAM_ADDRESS',
  throttled: 'UPSTREAM_THROTTLED',
  unavailable: 'UPSTREAM_UNAVAILABLE',
  timeout: 'UPSTREAM_TIMEOUT',
  unreadable: 'UPSTREAM_UNREADABLE',
  rejected: 'UPSTREAM_REJECTED',
  'outcome-unknown': 'UPSTREAM_OUTCOME_UNKNOWN',
} as const satisfies Record<UpstreamErrorKind, ErrorCode>

/** Kinds that somebody has to mend in the configuration or at the product: trying again changes nothing. */
const configurationKinds: ReadonlySet<UpstreamErrorKind> = new Set([
  'credentials',
  'permission',
  'clock-skew',
  'address',
])

/** Kinds that pass by themselves: the same request may succeed later, unchanged. */
const retryableKinds: ReadonlySet<UpstreamErrorKind> = new Set(['throttled', 'unavailable', 'timeout'])

export interface UpstreamErrorOptions {
  /** The vendor, as its connector's kind names it: `threatconnect`. */
  readonly service: string
  /** HTTP status of the answer; absent when there was none. */
  readonly status?: number
  /** The vendor's own error code, else the network's: `0x1001`, `ECONNRESET`. */
  readonly code?: string
  /** How long the vendor asks us to wait. */
  readonly retryAfterMs?: number
  /** Another request failed so, and this one was kept back for it: nothing of it was sent. */
  readonly unsent?: boolean
  readonly cause?: unknown
}

/** A vendor failed us. The message is shown to users and logged: no credential in it. */
export class UpstreamError extends Error {
  readonly kind: UpstreamErrorKind
  readonly service: string
  readonly status: number | undefined
  readonly upstreamCode: string | undefined
  readonly retryAfterMs: number | undefined
  readonly unsent: boolean

  constructor(kind: UpstreamErrorKind, message: string, options: UpstreamErrorOptions) {
    super(message, { cause: options.cause })
    this.name = 'UpstreamError'
    this.kind = kind
    this.service = options.service
    this.status = options.status
    this.upstreamCode = options.code
    this.retryAfterMs = options.retryAfterMs
    this.unsent = options.unsent ?? false
  }

  /**
   * The message without the words of the product, which may repeat what it was sent: for the log. Where there was an
   * answer they stand behind the first colon or in quotes.
   */
  get sentence(): string {
    // One that was kept back has the message of another one.
    const isWhole = this.status === undefined && !this.unsent
    const own = isWhole ? this.message : this.message.replace(/(?:: | that begins ).*$/s, '')
    return own.replace(/".*"/gs, '"…"')
  }

  get needsMending(): boolean {
    return configurationKinds.has(this.kind)
  }

  get retryable(): boolean {
    return retryableKinds.has(this.kind)
  }
}

/** The failure of another request, for one that was kept back because of it. */
export function keptBack(error: UpstreamError): UpstreamError {
  const { kind, message, service, status, upstreamCode: code, retryAfterMs } = error
  return new UpstreamError(kind, message, {
    service,
    ...(status !== undefined && { status }),
    ...(code !== undefined && { code }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    unsent: true,
    cause: error,
  })
}
