/** How it goes with a product as a whole: whether, and when, anything is sent. Pure. */
import type { RetryConfig } from '../../config/model.ts'
import { type ErrorCode, errorTable, type UpstreamError, upstreamCode } from '../../errors.ts'
import type { Health, ProductError } from '../../store/health.ts'
import { askedMs, backoffMs } from './backoff.ts'

/** fault: an exception of ours, which says nothing of the product. */
export type HealthEvent = 'success' | 'fault' | UpstreamError

export interface HealthPolicy {
  readonly retry: RetryConfig
  /** How long nothing is sent after a 429 without `Retry-After`; 0: as after any failure. */
  readonly throttledMs: number
  readonly advice: Advice
}

/** What whoever runs the server is told of a failure. */
export interface Advice {
  /** Address of the `POST` that lets a paused product go on. */
  readonly resume: string
  /** In place of the error table's help, whose words are for whoever waits for an answer. */
  readonly remedies: Readonly<Partial<Record<ErrorCode, string>>>
}

/** Failures in a row after which only one batch after each wait tries whether it works again. */
export const failuresToOpen = 5
const longestTrialMs = 5 * 60_000

/** @param now milliseconds since the epoch @param random 0 up to 1 */
export function nextHealth(
  health: Health,
  event: HealthEvent,
  policy: HealthPolicy,
  now: number,
  random: number,
): Health {
  // Only `resume` ends it: a batch that was under way may still end well.
  if (health.circuit === 'paused') return health
  if (event === 'success') return healthy(health, now)
  const failures = health.failures + (isWaiting(health, now) ? 0 : 1)
  if (event !== 'fault' && event.needsMending) {
    return { circuit: 'paused', failures, waitUntil: null, error: errorOf(event, policy.advice, now) }
  }
  const circuit = health.circuit === 'open' || failures >= failuresToOpen ? 'open' : 'closed'
  const waitMs = Math.max(
    circuit === 'open' ? trialMs(failures, event, policy, random) : 0,
    event !== 'fault' && event.kind === 'throttled'
      ? backoffMs(failures - 1, policy.retry, random, askedMs(event, policy.throttledMs))
      : 0,
  )
  const waitUntil = later(health.waitUntil, now, waitMs)
  return { circuit, failures, waitUntil, error: errorOf(event, policy.advice, now) }
}

/** undefined: nothing is sent until `resume`. @returns milliseconds since the epoch, 0: now */
export function readyAt({ circuit, waitUntil }: Health): number | undefined {
  if (circuit === 'paused') return undefined
  return waitUntil === null ? 0 : Date.parse(waitUntil)
}

/** A product that somebody may have mended: one try shows it. */
export function triedAnew(health: Health): Health {
  return health.circuit === 'paused' ? { ...health, circuit: 'open', waitUntil: null } : health
}

/** Nothing is sent then: what fails was under way with a failure that is counted already, and tells nothing new. */
function isWaiting({ waitUntil }: Health, now: number): boolean {
  return waitUntil !== null && Date.parse(waitUntil) > now
}

/** A wait that the product asked for holds, whatever else of it ends well. */
function healthy(health: Health, now: number): Health {
  const { circuit, failures, waitUntil, error } = health
  const wasAsked = circuit === 'closed' || error?.code === upstreamCode.throttled
  const keeps = waitUntil !== null && wasAsked && Date.parse(waitUntil) > now
  const next = keeps ? waitUntil : null
  if (circuit === 'closed' && failures === 0 && error === null && waitUntil === next) return health
  return { circuit: 'closed', failures: 0, waitUntil: next, error: null }
}

function trialMs(failures: number, event: 'fault' | UpstreamError, policy: HealthPolicy, random: number) {
  const { retry, throttledMs } = policy
  const asked = event === 'fault' ? undefined : askedMs(event, throttledMs)
  const own = Math.min(longestTrialMs, backoffMs(Math.max(0, failures - failuresToOpen), retry, random))
  return Math.max(own, Math.min(asked ?? 0, retry.maxMs))
}

function later(waitUntil: string | null, now: number, waitMs: number): string | null {
  const before = waitUntil === null ? 0 : Date.parse(waitUntil)
  const until = Math.max(before, waitMs > 0 ? now + waitMs : 0)
  return until > now ? new Date(until).toISOString() : null
}

function errorOf(event: 'fault' | UpstreamError, { resume, remedies }: Advice, now: number): ProductError {
  const at = new Date(now).toISOString()
  if (event === 'fault') {
    const remedy = 'A fault of this server: its log has the cause. It is tried again by itself.'
    return { code: 'INTERNAL', cause: 'internal fault', remedy, at }
  }
  const code = upstreamCode[event.kind]
  const after = event.needsMending
    ? `Then restart the server, or go on with POST ${resume}: nothing is lost, no attempt is used up.`
    : 'It is tried again by itself.'
  return { code, cause: event.message, remedy: `${remedies[code] ?? errorTable[code].help} ${after}`, at }
}
