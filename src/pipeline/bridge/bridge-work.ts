/**
 * When a bridge is worked at: `poll/NAME` reads the desk, `bridge/NAME` does everything else, so that trouble with
 * incidents keeps no ticket waiting at its desk. Of each, one replica at a time.
 */
import type { Logger } from 'pino'
import { ClaimLost } from '../../store/store.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import { isStoreAway, persistently } from '../persistently.ts'
import { planCall } from '../plan-call.ts'
import { createMending } from '../product/mending.ts'
import { createTenure } from '../product/tenure.ts'
import type { Queues } from '../queue.ts'
import type { Watch } from '../watch.ts'
import type { Bridge } from './bridge.ts'
import { type Chores, choresOf } from './chores.ts'
import { endHealth } from './end-health.ts'
import { carryOutPoll } from './poll.ts'
import { pollDueAt, pollTimes } from './poll-due.ts'
import { together } from './together.ts'
import { type BridgeContext, nextBridgeWork, settleMs as settleTimesMs, workBridge } from './work-bridge.ts'

export interface BridgeWorkOptions {
  readonly bridges: readonly Bridge[]
  readonly store: TicketStore
  /** Whether paused ends are tried once by this process. */
  readonly triesPaused?: boolean
  /** Whether what another process had under way waits until that one has noticed. */
  readonly holdsBack?: boolean
  readonly queues: Queues
  /** No other process works on this database. */
  readonly exclusive: boolean
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1; by default the machine's. */
  readonly random?: () => number
  readonly onlooker?: Watch
  /** When what may have been carried out is looked up, milliseconds since; by default the bridge's own. */
  readonly settleMs?: readonly number[]
  /** When this process started: what was polled before is polled once more. Milliseconds since the epoch. */
  readonly startedAt: number
  /** Aborted when the process stops: nothing more is begun. */
  readonly signal: AbortSignal
  /** Aborted when what is under way must end too. */
  readonly cut: AbortSignal
}

export interface BridgeWork {
  /** Takes part in the work. */
  work(): Promise<void>
  /** Makes the calls that are missing. */
  plan(): Promise<void>
  /** Something is to be done for a ticket. */
  wakeBridge(name: string): Promise<void>
  /** A poll is to be carried out. */
  wakePoll(name: string): Promise<void>
  /** Paused ends are tried once by this process, for which something is mended. */
  tryAnew(name: string): Promise<void>
}

export function bridgeWork(options: BridgeWorkOptions): BridgeWork {
  const { bridges, store, queues, log } = options
  const wakeBridge = (name: string) => queues.call(bridgeQueue(name), 0)
  const wakePoll = (name: string) => queues.call(pollQueue(name), 0)
  const parts = bridges.map((bridge) => ({
    bridge,
    poll: pollPart(bridge, options, () => toldOf(() => wakeBridge(bridge.name), log)),
    effects: effectPart(bridge, options),
  }))
  let started = false
  return {
    wakeBridge,
    wakePoll,
    async tryAnew(name) {
      const part = parts.find(({ bridge }) => bridge.name === name)
      part?.poll.renew()
      part?.effects.renew()
      await wakePoll(name)
      await wakeBridge(name)
    },
    async work() {
      await store.registerBridges(bridges.map(({ name }) => name))
      for (const { bridge, poll, effects } of parts) {
        await queues.work(pollQueue(bridge.name), poll.look)
        await queues.work(bridgeQueue(bridge.name), effects.look)
      }
    },
    async plan() {
      for (const { bridge, poll, effects } of parts) {
        await poll.plan()
        // What an earlier process left under way waits for whoever takes over.
        if (started) await effects.plan()
        else await wakeBridge(bridge.name)
      }
      started = true
    },
  }
}

function pollQueue(bridge: string): string {
  return `poll/${bridge}`
}

function bridgeQueue(bridge: string): string {
  return `bridge/${bridge}`
}

/** It is found later without that. */
async function toldOf(wake: () => Promise<void>, log: Logger): Promise<void> {
  await wake().catch((error: unknown) =>
    log.warn({ err: error }, 'the bridge was not told of new tickets; it finds them later'),
  )
}

interface Part {
  look(claimed: AbortSignal): Promise<void>
  plan(): Promise<void>
  /** As when the process has just started. */
  renew(): void
}

function pollPart(bridge: Bridge, options: BridgeWorkOptions, onTaken: () => Promise<void>): Part {
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
      return persistent(() => look(until), { what: 'a poll', log, until })
    },
  }
}

function effectPart(bridge: Bridge, options: BridgeWorkOptions): Part {
  const { store, queues, exclusive, holdsBack = false, log, now, random = Math.random, signal } = options
  const { settleMs = settleTimesMs, onlooker } = options
  const { name } = bridge
  const tenure = exclusive || !holdsBack ? undefined : createTenure(now)
  const context = { store, log, now, random }
  const ends = { desk: endHealth(bridge, 'desk', context), sink: endHealth(bridge, 'sink', context) }
  const chores = choresOf(bridge, { ...context, ends })
  /** Until this process has been at work there. */
  const mending = createMending(options.triesPaused ?? false)
  const effectsDueAt = async () => (await nextBridgeWork(name, await ends.sink.health(), store)) ?? undefined
  const due = async () => earliest([await effectsDueAt(), await chores.dueAt()])
  const plan = async (isAtWork = false) => {
    const isPaused = async () =>
      [await ends.desk.health(), await ends.sink.health()].some(({ circuit }) => circuit === 'paused')
    // Until it is this process that has the call: another one does not know what is mended.
    if (mending.isUntried() && (await isPaused())) return queues.call(bridgeQueue(name), 0)
    return planCall(bridgeQueue(name), due, { queues, now, isAtWork })
  }
  const look = async (until: AbortSignal, cut: AbortSignal) => {
    // What somebody else began.
    const claim = await store.claimBridge(name, { settleMs: settleMs[0] ?? 0, now: new Date(now()) })
    tenure?.begin(claim)
    // A desk that is polled by itself is tried by that.
    const wasNew = mending.isUntried()
    const tried = mending.trying()
    const triesBoth = wasNew && bridge.desk.everyMs === null
    if (wasNew && !triesBoth) await ends.sink.tryAnew()
    const held = tenure === undefined ? {} : { tenure }
    const looked = onlooker === undefined ? {} : { onlooker }
    const working = { ...context, settleMs, ends, claim, cut, isNew: triesBoth, ...held, ...looked }
    let next: number | null
    try {
      next = await pass(bridge, chores, working, until)
    } catch (error) {
      if (!(error instanceof ClaimLost)) throw error
      log.info({ bridge: name }, 'another worker has taken the bridge over')
      return
    }
    tried()
    // Thrown, so that the call goes to another worker at once.
    if (until.aborted) throw new Error('handed back')
    // After a fault of ours what is due would be due again at once: whoever looks whether a call is missing makes it.
    const at = await effectsDueAt()
    if (next !== null && next > now() && at !== undefined && at < next && at <= now()) return
    await plan(true)
  }
  return {
    plan: () => plan(),
    renew: mending.mended,
    look(claimed) {
      const until = AbortSignal.any([claimed, signal])
      // Whoever has it now must not meet requests of ours.
      const cut = AbortSignal.any([claimed, options.cut])
      return persistent(() => look(until, cut), { what: 'a bridge', log, until })
    },
  }
}

type Working = BridgeContext & { readonly claim: number }

/**
 * Works at effects until none is due, and looks after the rest once, and for as long as that takes.
 * @returns as `workBridge`
 */
async function pass(
  bridge: Bridge,
  chores: Chores,
  working: Working,
  until: AbortSignal,
): Promise<number | null> {
  const over = new AbortController()
  const effects = async (signal: AbortSignal) => {
    try {
      return await workBridge(bridge, working, signal)
    } finally {
      over.abort()
    }
  }
  const rest = async (signal: AbortSignal) => {
    await chores.until(over.signal, working.claim, signal)
    return null
  }
  const [next = null] = await together([effects, rest], until)
  return next
}

function earliest(dues: readonly (number | undefined)[]): number | undefined {
  const some = dues.filter((due) => due !== undefined)
  return some.length === 0 ? undefined : Math.min(...some)
}

/** Does it again while the store is away. A fault is told, and the call goes on soon. */
function persistent(
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
