/** The two parts of the work at a bridge, each with a queue of its own. */
import type { Logger } from 'pino'
import type { TicketStore } from '../../store/ticket-store.ts'
import { isStoreAway, persistently } from '../persistently.ts'
import type { ProductWorkOptions } from '../product/work-options.ts'
import type { Bridge } from './bridge.ts'

export interface BridgeWorkOptions extends ProductWorkOptions {
  readonly bridges: readonly Bridge[]
  readonly store: TicketStore
  /** When what may have been carried out is looked up, milliseconds since; by default the bridge's own. */
  readonly settleMs?: readonly number[]
  /** When this process started: what was polled before is polled once more. Milliseconds since the epoch. */
  readonly startedAt: number
}

export interface Part {
  look(claimed: AbortSignal): Promise<void>
  plan(): Promise<void>
  /** As when the process has just started. */
  renew(): void
}

export function pollQueue(bridge: string): string {
  return `poll/${bridge}`
}

export function effectQueue(bridge: string): string {
  return `bridge/${bridge}`
}

/** Does it again while the store is away. A fault is told, and the call goes on soon. */
export function persistent(
  work: () => Promise<void>,
  { what, log, until }: { readonly what: string; readonly log: Logger; readonly until: AbortSignal },
): Promise<void> {
  const told = async () => {
    until.throwIfAborted()
    try {
      await work()
    } catch (error) {
      if (!until.aborted && !isStoreAway(error)) log.error({ err: error }, `${what} failed; it goes on soon`)
      throw error
    }
  }
  return persistently(told, { what, log, signal: until })
}
