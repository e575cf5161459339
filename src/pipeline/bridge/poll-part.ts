/** When a desk is read. */
import { planCall } from '../plan-call.ts'
import { createMending } from '../product/mending.ts'
import type { Bridge } from './bridge.ts'
import { type BridgeWorkOptions, type Part, persistent, pollQueue } from './part.ts'
import { carryOutPoll } from './poll.ts'
import { pollDueAt, pollTimes } from './poll-due.ts'

/** @param onTaken tells whoever works at effects of new tickets */
export function pollPart(bridge: Bridge, options: BridgeWorkOptions, onTaken: () => Promise<void>): Part {
  const { store, queues, triesPaused = false, startedAt, log, now, random = Math.random } = options
  const { signal, onlooker } = options
  const { name, desk, retry } = bridge
  /** Until this process has polled. */
  const mending = createMending(triesPaused)
  let polledAt = Number.POSITIVE_INFINITY
  const due = async () => {
    const policy = { everyMs: desk.everyMs, retry, startedAt, triesPaused: mending.isUntried() }
    const times = await pollTimes(bridge, store)
    const at = pollDueAt(times, policy)
    const { last } = times.state
    const { everyMs } = desk
    if (at === undefined || everyMs === null || last === undefined) return at
    // A clock that was set back, by more than clocks differ: what the store tells of times to come is not waited for.
    const isAhead = Date.parse(last.startedAt) > now() + everyMs
    return isAhead ? Math.min(at, polledAt > now() ? 0 : polledAt + everyMs) : at
  }
  const plan = (isAtWork = false) => planCall(pollQueue(name), due, { queues, now, isAtWork })
  const look = async (until: AbortSignal) => {
    const tried = mending.trying()
    const at = await due()
    if (at !== undefined && at <= now()) {
      polledAt = now()
      const { poll } = await store.startPoll(name, new Date(now()))
      const context = { store, log, now, random, onTaken, ...(onlooker && { onlooker }) }
      const outcome = await carryOutPoll(poll.id, bridge, context, until)
      // Thrown, so that the call goes to another worker at once.
      if (outcome === 'handed back') throw new Error('handed back')
      tried()
    }
    await plan(true)
  }
  return {
    plan: () => plan(),
    renew: mending.mended,
    look(claimed) {
      const until = AbortSignal.any([claimed, signal])
      return persistent(() => look(until), { what: 'a poll', log: log.child({ bridge: name }), until })
    },
  }
}
