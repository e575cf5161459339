/** A limit of requests in a minute, for simulators. */
import type { Answer } from './faults.ts'

/**
 * @param perMinute undefined: no limit
 * @param tells whether the 429 has `Retry-After`
 * @param now milliseconds since the epoch
 * @returns the answer to what is too much
 */
export function createLimit(
  perMinute: number | undefined,
  tells: boolean,
  now: () => number,
): () => Answer | undefined {
  let minute = 0
  let count = 0
  return () => {
    if (perMinute === undefined) return undefined
    const current = Math.floor(now() / 60_000)
    if (current !== minute) count = 0
    minute = current
    count += 1
    if (count <= perMinute) return undefined
    const seconds = Math.ceil((60_000 - (now() % 60_000)) / 1000)
    return { status: 429, headers: tells ? { 'retry-after': String(seconds) } : {} }
  }
}
