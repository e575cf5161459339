/**
 * Who fetches what, and when. The truth about fetches is the table of runs; a queue for each source only says when to
 * look there, so that of any number of replicas one at a time works at a source.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type { Run, SourceState, Store } from '../store/store.ts'
import { dueAt } from './due.ts'
import { carryOut, type FetchContext } from './fetch.ts'
import { type HousekeepingOptions, type HousekeepingStore, housekeeping } from './housekeeping.ts'
import type { PipelineSource } from './pipeline-source.ts'
import { openQueues, type QueueConnection, type Queues } from './queue.ts'

export interface ScheduleOptions {
  readonly store: Store & HousekeepingStore
  readonly sources: readonly PipelineSource[]
  readonly connection: QueueConnection
  /** No other process works on this database: what an earlier one left under way is taken over at once. */
  readonly exclusive: boolean
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** Absent in a process that only fetches. */
  readonly housekeeping?: HousekeepingOptions
  /** How often each replica looks whether every source has its call. Default 15 s. */
  readonly planEveryMs?: number
}

export interface Schedule extends Fetches {
  /** @throws Error when the queue can't be opened; ServiceError STORE_UNAVAILABLE */
  start(): Promise<void>
  /**
   * Fetches under way are handed back after their last stored page.
   * @param graceMs how long they may take for it
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

/** Not started yet: what is asked for before is fetched at the start. */
export function createSchedule(options: ScheduleOptions): Schedule {
  const { store, sources, log, now } = options
  const controller = new AbortController()
  const { signal } = controller
  const startedAt = now()
  const byName = new Map(sources.map((source) => [source.name, source]))
  let queues: Queues | undefined
  let starting: Promise<void> | undefined
  let planning: Promise<void> | undefined

  const begin = async (opened: Queues) => {
    const planner: Planner = { store, queues: opened, now, startedAt }
    const keeping =
      options.housekeeping && housekeeping({ ...options, queues: opened, signal }, options.housekeeping)
    for (const source of sources) {
      await opened.work(queueOf(source.name), (claimed) => {
        const until = AbortSignal.any([claimed, signal])
        return persistently(() => look(source, planner, { store, log, now }, until), log, until)
      })
    }
    await keeping?.work()
    const planAll = async () => {
      for (const source of sources) await plan(source, planner)
      await keeping?.plan()
    }
    await planAll()
    planning = repeatedly(() => planAll().then(() => keeping?.forget()), {
      log,
      signal,
      everyMs: options.planEveryMs ?? 15_000,
    })
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
      await queues?.call(queueOf(name), 0)
      return started
    },
    nextFetch(name, state) {
      const source = byName.get(name)
      const due = source && dueAt(state, source, startedAt)
      return due === undefined ? null : new Date(Math.max(due, now())).toISOString()
    },
    async stop(graceMs) {
      controller.abort(new Error('the server stops'))
      // What it fails of is told to whoever started it.
      await starting?.catch(() => {})
      await planning
      await queues?.stop(graceMs)
    },
  }
}

function queueOf(source: string): string {
  return `fetch/${source}`
}

const againMs = 1000
/** A store that is away for hours is told of now and then. */
const toldEvery = 30

/** While the store is away the call is kept: whoever gives it back can't say so anyway. */
async function persistently(work: () => Promise<void>, log: Logger, signal: AbortSignal): Promise<void> {
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof ServiceError && error.code === 'STORE_UNAVAILABLE')) throw error
      if (failures % toldEvery === 0) log.warn({ reason: error.message }, 'a fetch waits for the store')
    }
    await wait(againMs, undefined, { signal })
  }
}

interface Planner {
  readonly store: Store
  readonly queues: Queues
  readonly now: () => number
  readonly startedAt: number
}

/** Carries out the run that is under way, or the one that is due. */
async function look(
  source: PipelineSource,
  planner: Planner,
  context: FetchContext,
  signal: AbortSignal,
): Promise<void> {
  const { store, now, startedAt } = planner
  signal.throwIfAborted()
  const state = await store.sourceState(source.name)
  const due = dueAt(state, source, startedAt)
  if (due !== undefined && due <= now()) {
    const { run } = await store.startRun(source.name, new Date(now()))
    const outcome = await carryOut(run.id, source, context, signal)
    // Thrown, so that the call goes to another worker at once.
    if (outcome === 'handed back') throw new Error('handed back')
  }
  await plan(source, planner)
}

/**
 * Makes the call for the next fetch. Somebody may ask for a fetch meanwhile, whose call must not be moved away: so the
 * state is looked at once more.
 */
async function plan(source: PipelineSource, { store, queues, now, startedAt }: Planner): Promise<void> {
  const name = queueOf(source.name)
  const due = async () => dueAt(await store.sourceState(source.name), source, startedAt)
  for (let next = await due(), planned: number | undefined; next !== planned; next = await due()) {
    planned = next
    if (next === undefined) return
    if (next <= now() && (await queues.isBusy(name))) return
    await queues.call(name, next - now())
  }
}

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
