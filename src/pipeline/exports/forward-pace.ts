/** How soon a forward that has something to do is looked at again, so that no look follows the other without end. */
import type { DeliveryStore } from '../../store/delivery-store.ts'

/** Commits come in crowds while a fetch is under way. */
const changesMs = 1000
/** After a fault of ours, and where another replica forwards by another configuration: each would undo the other's. */
const seldomMs = 60_000

export interface ForwardPace {
  /** After each look of this process. */
  looked(went: 'well' | 'wrong'): void
  /** @returns milliseconds since the epoch, may be past; undefined: nothing is to be done */
  dueAt(due: Awaited<ReturnType<DeliveryStore['forwardDue']>>): number | undefined
}

/** @param now milliseconds since the epoch */
export function createPace(now: () => number): ForwardPace {
  let last: { readonly at: number; readonly wentWrong: boolean } | undefined
  return {
    looked(went) {
      last = { at: now(), wentWrong: went === 'wrong' }
    },
    dueAt(due) {
      if (due === null) return undefined
      if (last === undefined) return 0
      return last.at + (last.wentWrong || due === 'settings' ? seldomMs : changesMs)
    },
  }
}
