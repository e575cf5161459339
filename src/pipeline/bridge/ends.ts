/** Both ends of a bridge while somebody works at its effects: how much may be under way at each. */
import type { Health } from '../../store/health.ts'
import type { BridgeEnd } from '../../store/ticket-store.ts'
import { type HealthEvent, readyAt } from '../product/health.ts'
import type { EndHealth } from './end-health.ts'

export interface End {
  /** As last read or told. */
  readonly health: Health
  /** Effects that may be begun now. */
  room(): number
  /** When it takes requests, milliseconds since the epoch, 0: now; null: not by itself. */
  readyAt(): number | null
  /** Counts as under way meanwhile. */
  during<T>(work: () => Promise<T>): Promise<T>
  tell(event: HealthEvent): Promise<void>
  /** Reads it anew, unless that was done just now: polls tell of the desk, too, and `resume` of both. */
  refresh(): Promise<void>
}

export type Ends = Readonly<Record<BridgeEnd, End>>

interface Options {
  readonly concurrency: number
  readonly kept: EndHealth
  /** Milliseconds since the epoch. */
  now(): number
  /** Does it again while the store is away. */
  readonly persist: <T>(work: () => Promise<T>) => Promise<T>
}

const refreshMs = 1000
/** An end that failed is tried by one effect at a time: until that has ended. */
const trialMs = 1000

export async function openEnd({ concurrency, kept, now, persist }: Options): Promise<End> {
  let health = await persist(() => kept.health())
  let readAt = now()
  let underWay = 0
  const allowed = () => {
    const ready = readyAt(health)
    if (ready === undefined || ready > now()) return 0
    return health.circuit === 'open' ? 1 : concurrency
  }
  return {
    get health() {
      return health
    },
    room: () => Math.max(0, allowed() - underWay),
    readyAt() {
      const ready = readyAt(health)
      if (ready === undefined) return null
      if (ready > now()) return ready
      return allowed() > underWay ? 0 : now() + trialMs
    },
    async during(work) {
      underWay++
      try {
        return await work()
      } finally {
        underWay--
      }
    },
    async tell(event) {
      if (event === 'success' && isWell(health)) return
      health = await persist(() => kept.tell(event))
    },
    async refresh() {
      if (Math.abs(now() - readAt) < refreshMs) return
      readAt = now()
      health = await persist(() => kept.health())
    },
  }
}

function isWell({ circuit, failures, error }: Health): boolean {
  return circuit === 'closed' && failures === 0 && error === null
}
