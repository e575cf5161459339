/** What is looked after beside the work at effects: changes of incidents, and tickets that were not seen for long. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import { ClaimLost } from '../../store/store.ts'
import type { BridgeEnd, TicketStore } from '../../store/ticket-store.ts'
import { isStoreAway, persistently } from '../persistently.ts'
import { backoffMs } from '../product/backoff.ts'
import { readyAt } from '../product/health.ts'
import type { Bridge } from './bridge.ts'
import { readChanges } from './changes.ts'
import type { EndHealth } from './end-health.ts'
import { type Reconciliation, reconcile, reconcileEveryMs } from './reconcile.ts'

export interface ChoresContext {
  readonly store: TicketStore
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  readonly ends: Readonly<Record<BridgeEnd, EndHealth>>
}

export interface Chores {
  /** Does what is due, once at least, until it is over or the signal is aborted. @throws ClaimLost */
  until(over: AbortSignal, claim: number, signal: AbortSignal): Promise<void>
  /** When something is due next, milliseconds since the epoch; undefined: nothing is, before something is mended. */
  dueAt(): Promise<number | undefined>
}

/** Kept by one process from one look to the next. */
export function choresOf(bridge: Bridge, context: ChoresContext): Chores {
  const { store, log: parent, now, ends } = context
  const { name, sink: incidents, retry } = bridge
  /** Made for each use: the level may change meanwhile. */
  const logOf = () => parent.child({ bridge: name })
  const { desk, sink } = ends
  const round: Reconciliation = { dueAt: Number.NEGATIVE_INFINITY, left: new Set() }
  /** After a failure the store does not tell of. */
  let changesNotBefore = Number.NEGATIVE_INFINITY
  let failures = 0

  const changesDueAt = async () => {
    const everyMs = incidents.changesEveryMs
    if (everyMs === null) return undefined
    const [{ at }, health] = await Promise.all([store.changeCursor(name), sink.health()])
    const ready = readyAt(health)
    if (ready === undefined) return undefined
    // Of a clock that was set back nothing is waited for that is further away than it can be.
    const latest = now() + everyMs
    const next = at === null || Date.parse(at) > latest ? 0 : Date.parse(at) + everyMs
    return Math.max(ready, next, Math.min(changesNotBefore, latest))
  }
  const roundDueAt = async () => {
    const ready = readyAt(await desk.health())
    const latest = now() + reconcileEveryMs
    return ready === undefined ? undefined : Math.max(ready, Math.min(round.dueAt, latest))
  }
  const read = async (claim: number, signal: AbortSignal) => {
    const log = logOf()
    try {
      await readChanges(bridge, claim, { store, log, now }, signal)
      failures = 0
      await sink.tell('success')
    } catch (error) {
      if (signal.aborted || error instanceof ClaimLost || isStoreAway(error)) throw error
      const againMs = backoffMs(failures++, retry, 0.5)
      changesNotBefore = now() + Math.min(againMs, incidents.changesEveryMs ?? againMs)
      const what = 'changes of incidents could not be read; it is tried again'
      if (!(error instanceof UpstreamError)) return log.error({ err: error }, what)
      log.warn({ reason: error.sentence }, what)
      if (error.kind !== 'rejected') await sink.tell(error)
    }
  }
  const once = async (claim: number, signal: AbortSignal) => {
    if (isPast(await changesDueAt(), now())) await read(claim, signal)
    if (!signal.aborted && isPast(await roundDueAt(), now()))
      await reconcile(bridge, round, { store, desk, log: logOf(), now }, signal)
  }
  const dueAt = async () => {
    const dues = [await changesDueAt(), await roundDueAt()].filter((due) => due !== undefined)
    return dues.length === 0 ? undefined : Math.min(...dues)
  }
  return {
    dueAt,
    async until(over, claim, signal) {
      const ends = AbortSignal.any([over, signal])
      while (!signal.aborted) {
        const due = await persistently(
          async () => {
            await once(claim, signal)
            return (await dueAt()) ?? Number.POSITIVE_INFINITY
          },
          { what: 'reading changes of incidents', log: logOf(), signal },
        )
        if (ends.aborted) return
        const pauseMs = Math.max(shortestPauseMs, Math.min(longestPauseMs, due - now()))
        await wait(pauseMs, undefined, { signal: ends }).catch(() => {})
      }
    },
  }
}

const shortestPauseMs = 100
/** Somebody else may have changed what is due. */
const longestPauseMs = 5000

function isPast(due: number | undefined, now: number): boolean {
  return due !== undefined && due <= now
}
