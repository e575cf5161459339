/**
 * Leave to send, asked for at each request. A process that stood still, or was cut off from its database, may wake up
 * with a batch half sent that another one has taken over, and has sent in a newer state: whatever it sent now would be
 * an older state after a newer one.
 */
import { AsyncLocalStorage } from 'node:async_hooks'

/** Resolves where a request may be sent. @throws why it may not */
type Ask = () => Promise<void>

export interface Permit {
  /** Requests that come of the work are sent once `ask` has let each. */
  under<T>(ask: Ask, work: () => Promise<T>): Promise<T>
  /** Right before a request is sent. Those that come of no delivery may go. @throws what `ask` throws */
  asked(): Promise<void>
}

export function createPermit(): Permit {
  const asks = new AsyncLocalStorage<Ask>()
  return {
    under: (ask, work) => asks.run(ask, work),
    async asked() {
      await asks.getStore()?.()
    },
  }
}
