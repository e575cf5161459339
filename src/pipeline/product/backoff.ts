/** How long to wait after a failure. Pure. */
import type { RetryConfig } from '../../config/model.ts'
import type { UpstreamError } from '../../errors.ts'

/**
 * Doubles with each failure up to `retry.max`, give or take 20 %; a longer wait that the product asks for wins, but
 * never beyond `retry.max`.
 * @param failures before this one
 * @param random 0 up to 1
 * @returns milliseconds
 */
export function backoffMs(
  failures: number,
  { initialMs, maxMs }: Pick<RetryConfig, 'initialMs' | 'maxMs'>,
  random: number,
  askedMs = 0,
): number {
  const own = Math.min(maxMs, initialMs * 2 ** Math.min(failures, 60)) * (0.8 + 0.4 * random)
  return Math.round(Math.max(own, Math.min(askedMs, maxMs)))
}

/** How long the product wants to be left alone; undefined: it did not say. */
export function askedMs(error: UpstreamError | undefined, throttledMs: number): number | undefined {
  return error?.retryAfterMs ?? (error?.kind === 'throttled' ? throttledMs : undefined)
}
