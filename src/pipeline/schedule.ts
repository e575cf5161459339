/**
 * Who fetches, delivers and bridges what, and when. The truth stands in tables of the store; a queue for each source,
 * each destination and each side of a bridge only says when to look there, so that of any number of replicas one at a
 * time works at it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Run, SourceState, Store } from '../store/store.ts'
import { type BridgeWork, bridgeWork } from './bridge/bridge-work.ts'
import type { BridgeWorkOptions } from './bridge/part.ts'
import { dueAt } from './due.ts'
import { type ExportWork, type ExportWorkOptions, exportWork } from './exports/export-work.ts'
import { fetchQueue, fetchWork } from './fetch-work.ts'
import { type HousekeepingOptions, type HousekeepingStore, housekeeping } from './housekeeping.ts'
import type { PipelineSource } from './pipeline-source.ts'
import { openQueues, type QueueConnection, type Queues } from './queue.ts'
import type { Watch } from './watch.ts'

export interface ScheduleOptions {
  readonly store: Store & HousekeepingStore
  readonly sources: readonly PipelineSource[]
  readonly connection: QueueConnection
  /** No other process works on this database: what an earlier one left under way is taken over at once. */
  readonly exclusive: boolean
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** Absent in a process that only fetches or pushes. */
  readonly housekeeping?: HousekeepingOptions
  /** Absent in a process that only fetches. */
  readonly exports?: Pick<ExportWorkOptions, 'destinations' | 'store' | 'triesPaused' | 'holdsBack'>
  /** Absent in a process that carries no tickets. */
  readonly bridges?: Pick<BridgeWorkOptions, 'bridges' | 'store' | 'triesPaused' | 'holdsBack' | 'settleMs'>
  /** Is told of all that is carried out. */
  readonly onlooker?: Watch
  /** How often each replica looks whether everything has its call. Default 15 s. */
  readonly planEveryMs?: number
}

export interface Schedule extends Fetches, Wakes, Renewals {
  /** @throws Error when the queue can't be opened; ServiceError STORE_UNAVAILABLE */
  start(): Promise<void>
  /**
   * Fetches under way are handed back after their last stored page; batches under way may end for most of the time.
   * @param graceMs how long all of it may take
   */
  stop(graceMs: number): Promise<void>
}

/** What routes and commands can ask of the schedule. */
export interface Fetches {
  /** Starts a fetch, or gives the one under way. @throws ServiceError STORE_UNAVAILABLE */
  fetch(source: string): Promise<{ readonly run: Run; readonly joined: boolean }>
  /** When the source is fetched next, RFC 3339; null: only when asked. */
  nextFetch(source: string, state: SourceState): string | null
  /** Aborted when the schedule stops: nobody need wait for a run any more. */
  readonly stopping: AbortSignal
}

/** What pushes and bridges can ask of the schedule. Before the start: nothing, everything is looked at then. */
interface Wakes {
  /** Something is to be delivered, or may go on. */
  wake(exporter: string): Promise<void>
  /** Something is to be done for a ticket, or may go on. */
  wakeBridge(bridge: string): Promise<void>
  /** A poll was begun, or the desk may be read again. */
  wakePoll(bridge: string): Promise<void>
}

/** When credentials or ways of a running server are others: what was paused for their sake is tried once, by this process. */
interface Renewals {
  tryAnew(exporter: string): Promise<void>
  tryBridgeAnew(bridge: string): Promise<void>
}

/** Not started yet: what is asked for before is fetched at the start. */
export function createSchedule(options: ScheduleOptions): Schedule {
  const { store, sources, log, now } = options
  const controller = new AbortController()
  const { signal } = controller
  /** What is on its way to a product may end until then: nobody need find out afterwards what became of it. */
  const cutting = new AbortController()
  const startedAt = now()
  const byName = new Map(sources.map((source) => [source.name, source]))
  let queues: Queues | undefined
  let starting: Promise<void> | undefined
  let planning: Promise<unknown> | undefined
  let exporting: ExportWork | undefined
  let bridging: BridgeWork | undefined

  const begin = async (opened: Queues) => {
    const keeping =
      options.housekeeping && housekeeping({ ...options, queues: opened, signal }, options.housekeeping)
    const fetched = async () => keeping?.fetched()
    const fetches = fetchWork({ ...options, queues: opened, startedAt, signal, fetched })
    // Before the first fetch can end.
    await keeping?.work()
    await fetches.work()
    const exports =
      options.exports &&
      exportWork({ ...options, ...options.exports, queues: opened, signal, cut: cutting.signal })
    await exports?.work()
    const tickets =
      options.bridges &&
      bridgeWork({ ...options, ...options.bridges, queues: opened, startedAt, signal, cut: cutting.signal })
    await tickets?.work()
    // Woken before, they would have no queues.
    exporting = exports
    bridging = tickets
    const plans = [fetches, keeping, exporting, bridging].filter((each) => each !== undefined)
    for (const each of plans) await each.plan()
    const loops = [...plans.map((each) => () => each.plan()), () => keeping?.forget()]
    // Each by itself: what one of them waits for, or fails of, keeps none of the others.
    planning = Promise.all(
      loops.map((work) =>
        repeatedly(async () => work(), { log, signal, everyMs: options.planEveryMs ?? 15_000 }),
      ),
    )
  }
  const start = async () => {
    const opened = await openQueues(options)
    try {
      await begin(opened)
      queues = opened
    } catch (error) {
      controller.abort(error)
      await opened.stop(0)
      throw error
    }
  }
  return {
    stopping: signal,
    start() {
      starting ??= start()
      return starting
    },
    async fetch(name) {
      if (!byName.has(name)) throw new TypeError(`no source ${name}`)
      const started = await store.startRun(name, new Date(now()))
      // It has begun, whatever becomes of the call.
      await queues
        ?.call(fetchQueue(name), 0)
        .catch((error: unknown) =>
          log.warn({ err: error, source: name }, 'whoever fetches was not called; it is found soon'),
        )
      return started
    },
    async wake(exporter) {
      await exporting?.wake(exporter)
    },
    async tryAnew(exporter) {
      await exporting?.tryAnew(exporter)
    },
    async tryBridgeAnew(bridge) {
      await bridging?.tryAnew(bridge)
    },
    async wakeBridge(bridge) {
      await bridging?.wakeBridge(bridge)
    },
    async wakePoll(bridge) {
      await bridging?.wakePoll(bridge)
    },
    nextFetch(name, state) {
      const source = byName.get(name)
      const due = source && dueAt(state, source, startedAt)
      return due === undefined ? null : new Date(Math.max(due, now())).toISOString()
    },
    async stop(graceMs) {
      const reason = new Error('the server stops')
      controller.abort(reason)
      const cut = setTimeout(() => cutting.abort(reason), graceMs * sendingShare)
      // What it fails of is told to whoever started it.
      await starting?.catch(() => {})
      await planning
      await queues?.stop(graceMs)
      clearTimeout(cut)
    },
  }
}

/** Of the time for a stop: the rest is for writing what became of it. */
const sendingShare = 0.6

async function repeatedly(
  work: () => Promise<void>,
  { log, signal, everyMs }: { readonly log: Logger; readonly signal: AbortSignal; readonly everyMs: number },
): Promise<void> {
  while (!signal.aborted) {
    await wait(everyMs, undefined, { signal, ref: false }).catch(() => {})
    if (signal.aborted) return
    try {
      await work()
    } catch (error) {
      log.warn({ err: error }, 'the schedule could not be looked at; it is tried again')
    }
  }
}
