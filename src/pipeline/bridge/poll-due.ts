/** When a desk is to be polled next. Pure but for `pollTimes`. */
import type { RetryConfig } from '../../config/model.ts'
import type { Health } from '../../store/health.ts'
import type { PollState } from '../../store/poll-store.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import { backoffMs } from '../product/backoff.ts'
import type { Bridge } from './bridge.ts'
import { askedUntil } from './end-health.ts'

export interface PollTimes {
  readonly state: PollState
  readonly health: Health
  /** Polls that did not succeed, since the last one that did. */
  readonly failures: number
}

export interface PollPolicy {
  readonly everyMs: number | null
  readonly retry: RetryConfig
  /** When this process started, milliseconds since the epoch. */
  readonly startedAt: number
  /** Whether a paused desk is tried once. */
  readonly triesPaused: boolean
}

/**
 * The first poll is at the start, the next ones `every` after the last one began; one that did not succeed is repeated
 * earlier. Nothing is due before the desk wants to be asked again.
 * @returns milliseconds since the epoch, past: now; undefined: only when asked, or once it is mended
 */
export function pollDueAt({ state, health, failures }: PollTimes, policy: PollPolicy): number | undefined {
  if (state.last?.status === 'running') return 0
  if (policy.everyMs === null) return undefined
  if (health.circuit === 'paused') return policy.triesPaused ? 0 : undefined
  // A poll is the one try of a desk that fails: it has waits of its own.
  return Math.max(askedUntil(health), ownDueAt(state, failures, policy, policy.everyMs))
}

function ownDueAt(
  { last }: PollState,
  failures: number,
  { retry, startedAt }: PollPolicy,
  everyMs: number,
): number {
  const began = last === undefined ? Number.NEGATIVE_INFINITY : Date.parse(last.startedAt)
  if (last === undefined || began < startedAt) return 0
  const next = began + everyMs
  if (last.endedAt === null || last.status === 'succeeded') return next
  // The middle of the spread: asked again it has to be the same time.
  return Math.min(next, Date.parse(last.endedAt) + backoffMs(failures - 1, retry, 0.5))
}

/** More failures change the time no more. */
const mostFailures = 20

export async function pollTimes({ name }: Pick<Bridge, 'name'>, store: TicketStore): Promise<PollTimes> {
  const [state, health] = await Promise.all([store.pollState(name), store.bridgeHealth(name, 'desk')])
  const { last } = state
  if (last === undefined || last.status === 'running' || last.status === 'succeeded') {
    return { state, health, failures: 0 }
  }
  const polls = await store.polls(name, { limit: mostFailures })
  const ended = polls.filter(({ status }) => status !== 'running')
  const success = ended.findIndex(({ status }) => status === 'succeeded')
  return { state, health, failures: Math.max(1, success < 0 ? ended.length : success) }
}
