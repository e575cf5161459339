/** When everything else is done for a bridge: effects, what incidents tell, reconciliation. */
import { ClaimLost } from '../../store/store.ts'
import { planCall } from '../plan-call.ts'
import { createMending } from '../product/mending.ts'
import { createTenure } from '../product/tenure.ts'
import type { Bridge } from './bridge.ts'
import { type Chores, choresOf } from './chores.ts'
import { endHealth } from './end-health.ts'
import { type BridgeWorkOptions, effectQueue, type Part, persistent } from './part.ts'
import { together } from './together.ts'
import { type BridgeContext, nextBridgeWork, settleMs as settleTimesMs, workBridge } from './work-bridge.ts'

export function effectPart(bridge: Bridge, options: BridgeWorkOptions): Part {
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
  /** What somebody left under way is due in any case: whoever took over and is gone. */
  const leftDueAt = async () => ((await store.effectsUnderWay(name)) ? 0 : undefined)
  const due = async () => earliest([await leftDueAt(), await effectsDueAt(), await chores.dueAt()])
  const plan = async (isAtWork = false) => {
    const isPaused = async () =>
      [await ends.desk.health(), await ends.sink.health()].some(({ circuit }) => circuit === 'paused')
    // Until it is this process that has the call: another one does not know what is mended.
    if (mending.isUntried() && (await isPaused())) return queues.call(effectQueue(name), 0)
    return planCall(effectQueue(name), due, { queues, now, isAtWork })
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
      return persistent(() => look(until, cut), { what: 'a bridge', log: log.child({ bridge: name }), until })
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
