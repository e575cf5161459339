/** When to fetch: a queue for each source says when to look there, so that one replica at a time fetches it. */
import { dueAt } from './due.ts'
import { carryOut, type FetchContext } from './fetch.ts'
import { persistently } from './persistently.ts'
import type { PipelineSource } from './pipeline-source.ts'
import { planCall } from './plan-call.ts'
import type { Queues } from './queue.ts'

interface FetchWorkOptions extends FetchContext {
  readonly sources: readonly PipelineSource[]
  readonly queues: Queues
  /** When this process started, milliseconds since the epoch. */
  readonly startedAt: number
  /** Aborted when the process stops: fetches under way are handed back. */
  readonly signal: AbortSignal
  /** Is called when a fetch has ended. */
  fetched(): Promise<void>
}

interface FetchWork {
  /** Takes part in the work. */
  work(): Promise<void>
  /** Makes the calls that are missing. */
  plan(): Promise<void>
}

export function fetchWork(options: FetchWorkOptions): FetchWork {
  const { sources, queues, log, signal } = options
  return {
    async work() {
      for (const source of sources) {
        await queues.work(fetchQueue(source.name), (claimed) => {
          const until = AbortSignal.any([claimed, signal])
          return persistently(() => look(source, options, until), { what: 'a fetch', log, signal: until })
        })
      }
    },
    async plan() {
      for (const source of sources) await planOne(source, options)
    },
  }
}

export function fetchQueue(source: string): string {
  return `fetch/${source}`
}

/** Carries out the run that is under way, or the one that is due. */
async function look(source: PipelineSource, options: FetchWorkOptions, signal: AbortSignal): Promise<void> {
  const { store, now, startedAt } = options
  signal.throwIfAborted()
  const state = await store.sourceState(source.name)
  const due = dueAt(state, source, startedAt)
  const isDue = due !== undefined && due <= now()
  if (isDue) {
    const { run } = await store.startRun(source.name, new Date(now()))
    const outcome = await carryOut(run.id, source, options, signal)
    // Thrown, so that the call goes to another worker at once.
    if (outcome === 'handed back') throw new Error('handed back')
  }
  await planOne(source, options, true)
  if (isDue) await options.fetched()
}

async function planOne(
  source: PipelineSource,
  { store, queues, now, startedAt }: FetchWorkOptions,
  isAtWork = false,
): Promise<void> {
  const due = async () => dueAt(await store.sourceState(source.name), source, startedAt)
  await planCall(fetchQueue(source.name), due, { queues, now, isAtWork })
}
