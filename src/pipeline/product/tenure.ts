/**
 * How long this process has a destination. Another one that had it may still be alive, and finds out only when it looks
 * its claim up: until then requests of its are under way, for what is unsure now.
 */
import { trustedMs } from './claim-watch.ts'

/** It knows by then, and the last request that it sent has arrived. */
const holdMs = trustedMs + 1000

export interface Tenure {
  /** @param claim a new one of this process */
  begin(claim: number): void
  /** Milliseconds until nobody else has anything under way. */
  quietIn(): number
}

/** @param now milliseconds since the epoch */
export function createTenure(now: () => number): Tenure {
  let last = Number.NaN
  let since = Number.NEGATIVE_INFINITY
  return {
    begin(claim) {
      if (claim !== last + 1) since = now()
      last = claim
    },
    quietIn: () => Math.min(holdMs, Math.max(0, since + holdMs - now())),
  }
}
