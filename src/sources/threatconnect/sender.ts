/** The requests of a fetch: tried again where that can help, and for fewer records where they were too much. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import { withRetry } from '../../upstream/retry.ts'
import type { RetryOptions } from '../source.ts'
import { type ListAnswer, maxSkewMs, saysTimeout, type ThreatConnectClient } from './client.ts'
import { Passed, recordId } from './received.ts'
import { signedAnew } from './signed-anew.ts'
import type { ListRequest } from './wire.ts'

/** Contract: a longer `Retry-After` wins up to ten minutes; beyond it nothing is tried again. */
const maxRetryAfterMs = 600_000

/** Answers in a row after which as many records again are asked for. */
const successesToGrow = 2

export interface SenderOptions {
  readonly client: ThreatConnectClient
  readonly retry: RetryOptions
  readonly pageSize: number
  readonly log: Logger
  readonly signal: AbortSignal
  /** See `withRetry`; default: a timer. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>
}

export class Sender {
  readonly #options: SenderOptions
  #size: number
  #successes = 0
  #requests = 0
  #firstAskedAt: number | undefined

  constructor(options: SenderOptions) {
    this.#options = options
    this.#size = options.pageSize
  }

  /** Requests since it was asked last. */
  takeRequests(): number {
    const requests = this.#requests
    this.#requests = 0
    return requests
  }

  /** See `askedAt`, of the first answer since `beginClock`. */
  get firstAskedAt(): number | undefined {
    return this.#firstAskedAt
  }

  beginClock(): void {
    this.#firstAskedAt = undefined
  }

  /** One page of exactly this request. @throws UpstreamError */
  list(request: ListRequest): Promise<ListAnswer> {
    return this.#send(request, this.#options.retry.attempts, true)
  }

  /**
   * A page of as many records as the server can give at once. A single record that it can't give comes as
   * {@link Passed}, if at least its id can be had.
   * @param atLeast asked for even where that many were too much before
   * @throws UpstreamError
   */
  async page(request: ListRequest, atLeast = 1): Promise<ListAnswer> {
    const { attempts } = this.#options.retry
    for (;;) {
      const limit = Math.max(this.#size, atLeast)
      try {
        const answer = await this.#send({ ...request, resultLimit: limit }, attempts, limit === 1)
        this.#grow()
        return answer
      } catch (error) {
        if (!(error instanceof UpstreamError) || !mayBeTooMuch(error)) throw error
        const bare = await this.#firstOf(request, error)
        if (limit === 1) return pass(bare, error)
        if (this.#size === 1) throw error
        this.#size >>= 1
        this.#successes = 0
        this.#options.log.warn({ pageSize: this.#size, err: error }, 'fewer records are asked for at once')
      }
    }
  }

  /** The least that can be asked in the same place: tells a page that is too much from a server that is down. */
  #firstOf(request: ListRequest, error: UpstreamError): Promise<ListAnswer> {
    const { count: _, ...rest } = request
    // Where the page was tried as often as is allowed, once more is enough.
    const attempts = error.kind === 'unavailable' ? 1 : this.#options.retry.attempts
    return this.#send({ ...rest, fields: [], resultLimit: 1 }, attempts, true)
  }

  #grow(): void {
    this.#successes += 1
    if (this.#size >= this.#options.pageSize || this.#successes < successesToGrow) return
    this.#size = Math.min(this.#options.pageSize, this.#size * 2)
    this.#successes = 0
  }

  #send(request: ListRequest, attempts: number, retryTimeouts: boolean): Promise<ListAnswer> {
    const { client, retry, log, signal, sleep } = this.#options
    const task = signedAnew(async () => {
      this.#requests += 1
      const answer = await client.list(request, signal)
      this.#firstAskedAt ??= askedAt(answer)
      return answer
    })
    const policy = {
      attempts,
      initialMs: retry.initialMs,
      maxMs: retry.maxMs,
      maxRetryAfterMs,
      retryTimeouts,
    }
    return withRetry(task, policy, {
      signal,
      ...(sleep && { sleep }),
      onRetry: ({ error, attempt, delayMs }) =>
        log.warn({ err: error, attempt, delayMs, endpoint: request.endpoint }, 'a request is tried again'),
    })
  }
}

/** Whether fewer records might be answered: not where nothing was answered at all, or the answer was a clear no. */
function mayBeTooMuch(error: UpstreamError): boolean {
  if (error.kind === 'timeout' || error.kind === 'unreadable') return true
  if (error.kind === 'unavailable') return error.status !== undefined
  return error.kind === 'rejected' && (error.status === 413 || saysTimeout(error.message))
}

function pass(bare: ListAnswer, error: UpstreamError): ListAnswer {
  const remoteId = recordId(bare.data[0])
  if (remoteId === undefined) throw error
  return { ...bare, data: [new Passed({ remoteId, reason: `it could not be read: ${error.message}` })] }
}

/**
 * ThreatConnect's clock when the request was sent, milliseconds, rather too early than too late: what is written from
 * then on may be missing in the answer. Without a `Date` header it is ours, less what it may be off.
 */
function askedAt({ sentAt, skewMs }: ListAnswer): number {
  return sentAt + (skewMs ?? -maxSkewMs)
}
