/** How we talk to other people's APIs: one client, one set of rules. */
import type { UpstreamError, UpstreamErrorKind } from '../errors.ts'

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /**
   * Path and query on the configured origin, begins with `/`. What is not yet percent-encoded and has to be, is
   * encoded once, before it is signed and sent.
   */
  readonly path: string
  /** The path itself is a secret: the log does not show it. */
  readonly secretPath?: boolean
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
  /** Headers that depend on what goes on the wire: called once, with the exact path and query sent. */
  readonly sign?: (sent: { readonly method: string; readonly path: string }) => Record<string, string>
  readonly signal?: AbortSignal
  /** Of the decompressed body; default 64 MiB. */
  readonly maxBytes?: number
  /**
   * The vendor's reading of an answer that is not 2xx; undefined leaves it to the general rules.
   */
  readonly translate?: (answer: HttpResponse) => UpstreamError | undefined
}

export interface HttpResponse {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  /** Whole and decompressed. */
  readonly body: Buffer
  /** Our clock when the answer's head arrived, milliseconds. */
  readonly receivedAt: number
}

/** How one request went, for whoever counts: nothing of its address or content. */
export interface UpstreamSeen {
  readonly service: string
  readonly method: HttpRequest['method']
  /** Absent: no answer came. */
  readonly status?: number
  /** Absent: the answer was 2xx. */
  readonly failure?: UpstreamErrorKind | 'aborted'
  /** From the start to the last byte, milliseconds. */
  readonly ms: number
  /** Our clock less the vendor's, by the `Date` of its answer; milliseconds, right to about a second. */
  readonly skewMs?: number
  /** Requests that the vendor still takes for now, where its answer says. */
  readonly remaining?: number
}

export interface HttpClient {
  /** The vendor, for errors: `threatconnect`. */
  readonly service: string
  /** Scheme, host and port. */
  readonly origin: string
  /**
   * Sends once: no retry, no redirect.
   * @returns a 2xx answer, whole
   * @throws UpstreamError for everything else. A request that is not GET and broke off or timed out after it was
   * sent is `outcome-unknown`. The caller's own abort is no failure of the vendor: it rejects with the signal's
   * reason, even where the request may already have been carried out.
   */
  send(request: HttpRequest): Promise<HttpResponse>
  /** Ends every connection; a request under way fails as if the vendor had closed it. */
  close(): void
}
