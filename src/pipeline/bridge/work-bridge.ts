/**
 * Works at a bridge until nothing is due there: tickets that are new or changed are planned, effects that are due are
 * carried out, several tickets at once.
 */
import type { Logger } from 'pino'
import type { Health } from '../../store/health.ts'
import { ClaimLost } from '../../store/store.ts'
import { persistently } from '../persistently.ts'
import { readyAt } from '../product/health.ts'
import type { Tenure } from '../product/tenure.ts'
import type { Watch } from '../watch.ts'
import type { Bridge } from './bridge.ts'
import { workDue } from './bridge-loop.ts'
import { type EndHealth, endHealth } from './end-health.ts'
import { type Ends, openEnd } from './ends.ts'
import type { WorkStore } from './ticket-context.ts'

export interface BridgeContext {
  readonly store: WorkStore
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1. */
  random(): number
  /** Aborted when what is under way must end as well; absent: with the signal. */
  readonly cut?: AbortSignal
  /** When what is ambiguous is looked up, milliseconds since it became so. */
  readonly settleMs?: readonly number[]
  /** Kept from one time to the next; absent: no other process works there. */
  readonly tenure?: Tenure
  /** This process has not been at work there yet: what paused an end may be mended in its configuration. */
  readonly isNew?: boolean
  /** Of the caller, where it has claimed the bridge for other work besides, and told `tenure`. */
  readonly claim?: number
  /** Of the caller, where it tells of both ends besides. */
  readonly ends?: Readonly<Record<'desk' | 'sink', EndHealth>>
  readonly onlooker?: Watch
}

export const settleMs: readonly number[] = [5000, 15_000, 45_000]

/**
 * @param signal aborted: nothing more is begun
 * @returns when to look again, milliseconds since the epoch, may be past; null: nothing waits, `resume` is waited for,
 * another worker has taken over, or the signal was aborted
 * @throws ServiceError STORE_UNAVAILABLE: whatever is under way is looked up by the next call; other errors are faults
 */
export async function workBridge(
  bridge: Bridge,
  context: BridgeContext,
  signal: AbortSignal,
): Promise<number | null> {
  const { store } = context
  const log = context.log.child({ bridge: bridge.name })
  try {
    const claim = context.claim ?? (await claimed(bridge, context))
    const persist = <T>(work: () => Promise<T>) => persistently(work, { what: 'a bridge', log, signal })
    const ends = await bothEnds(bridge, { ...context, log }, persist)
    const { cut = signal, settleMs: settle = settleMs } = context
    const loop = { ...context, bridge, claim, ends, persist, log, cut, settleMs: settle }
    const notBefore = await workDue(loop, signal)
    if (signal.aborted) return null
    const next = await nextBridgeWork(bridge.name, ends.sink.health, store)
    return next === null ? null : Math.max(next, notBefore)
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.info('another worker has taken the bridge over')
    return null
  }
}

/** @returns milliseconds since the epoch; null: nothing waits, or `resume` is waited for */
export async function nextBridgeWork(
  name: string,
  sink: Health,
  store: Pick<WorkStore, 'nextWork'>,
): Promise<number | null> {
  const ready = readyAt(sink)
  if (ready === undefined) return null
  const next = await store.nextWork(name)
  return next === undefined ? null : Math.max(ready, Date.parse(next))
}

async function claimed({ name }: Bridge, context: BridgeContext): Promise<number> {
  const settle = (context.settleMs ?? settleMs)[0] ?? 0
  const claim = await context.store.claimBridge(name, { settleMs: settle, now: new Date(context.now()) })
  context.tenure?.begin(claim)
  return claim
}

type Persist = <T>(work: () => Promise<T>) => Promise<T>

async function bothEnds(bridge: Bridge, context: BridgeContext, persist: Persist): Promise<Ends> {
  const { name, concurrency } = bridge
  const { now, isNew = false } = context
  const kept = context.ends ?? {
    desk: endHealth(bridge, 'desk', context),
    sink: endHealth(bridge, 'sink', context),
  }
  if (isNew) await triedAnew(name, kept, context)
  const open = (end: EndHealth) => openEnd({ kept: end, concurrency, now, persist })
  return { desk: await open(kept.desk), sink: await open(kept.sink) }
}

/** What waits for a paused end is due, too: one try there tells whether it is mended. */
async function triedAnew(
  name: string,
  { desk, sink }: NonNullable<BridgeContext['ends']>,
  { store, now }: BridgeContext,
): Promise<void> {
  const before = await Promise.all([desk.health(), sink.health()])
  if (before.every(({ circuit }) => circuit !== 'paused')) return
  await store.resumeBridge(name, new Date(now()))
  for (const [end, health] of [
    ['desk', before[0]],
    ['sink', before[1]],
  ] as const) {
    await store.saveBridgeHealth(name, end, health)
  }
  await Promise.all([desk.tryAnew(), sink.tryAnew()])
}
