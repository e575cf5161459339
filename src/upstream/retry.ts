/** Tries again what a vendor failed to do, where trying again can help. */
import { setTimeout as wait } from 'node:timers/promises'
import { UpstreamError } from '../errors.ts'

export interface RetryPolicy {
  /** Tries in total; 1 never tries again. */
  readonly attempts: number
  /** The wait after the first failure; it doubles with each, up to `maxMs`, give or take 20 %. */
  readonly initialMs: number
  readonly maxMs: number
  /** The longest wait that a vendor may ask for: beyond it nothing is tried again. */
  readonly maxRetryAfterMs: number
  /** false: a timeout is final. */
  readonly retryTimeouts?: boolean
}

export interface RetryOptions {
  readonly signal?: AbortSignal
  /** Ends early, by throwing or not, when the signal is aborted. */
  readonly sleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void>
  /** 0 up to 1. */
  readonly random?: () => number
  /** Before each wait; `attempt` failed, counted from 1. */
  readonly onRetry?: (retry: {
    readonly error: UpstreamError
    readonly attempt: number
    readonly delayMs: number
  }) => void
}

/**
 * @param task one try, counted from 1
 * @throws the last error, unchanged; the signal's reason when it ends the wait
 */
export async function withRetry<T>(
  task: (attempt: number) => Promise<T>,
  policy: RetryPolicy,
  options: RetryOptions = {},
): Promise<T> {
  const { signal, sleep = sleepFor, random = Math.random, onRetry } = options
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted()
    try {
      return await task(attempt)
    } catch (error) {
      if (attempt >= policy.attempts || signal?.aborted || !mayRetry(error, policy)) throw error
      const delayMs = Math.max(backoffMs(attempt, policy, random), error.retryAfterMs ?? 0)
      onRetry?.({ error, attempt, delayMs })
      await sleep(delayMs, signal)
    }
  }
}

function mayRetry(error: unknown, policy: RetryPolicy): error is UpstreamError {
  if (!(error instanceof UpstreamError) || !error.retryable) return false
  if (error.kind === 'timeout' && policy.retryTimeouts === false) return false
  return (error.retryAfterMs ?? 0) <= policy.maxRetryAfterMs
}

function backoffMs(attempt: number, policy: RetryPolicy, random: () => number): number {
  return Math.round(Math.min(policy.maxMs, policy.initialMs * 2 ** (attempt - 1)) * (0.8 + 0.4 * random()))
}

/** Returns at once on an abort: the loop then throws the signal's reason. */
async function sleepFor(ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await wait(ms, undefined, signal && { signal })
  } catch (error) {
    if (!signal?.aborted) throw error
  }
}
