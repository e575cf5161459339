/** When to deliver: a queue for each destination says when to look there, so that one replica at a time works at it. */
import type { Logger } from 'pino'
import type { DeliveryStore } from '../../store/delivery-store.ts'
import type { FeedStore } from '../../store/feed-store.ts'
import type { ChangeStore } from '../../store/store.ts'
import { isStoreAway, persistently } from '../persistently.ts'
import { planCall } from '../plan-call.ts'
import { createMending } from '../product/mending.ts'
import { createTenure } from '../product/tenure.ts'
import type { ProductWorkOptions } from '../product/work-options.ts'
import { type DeliverContext, deliver, nextLook } from './deliver.ts'
import type { Destination } from './destination.ts'
import { forwardOptions } from './forward.ts'
import { createPace, type ForwardPace } from './forward-pace.ts'
import { type Rooms, rooms } from './room.ts'

type ExportStore = DeliveryStore & Pick<FeedStore, 'refreshFeed'> & Pick<ChangeStore, 'onCommit'>

export interface ExportWorkOptions extends ProductWorkOptions {
  readonly destinations: readonly Destination[]
  readonly store: ExportStore
}

export interface ExportWork {
  /** Takes part in the work. */
  work(): Promise<void>
  /** Makes the calls that are missing. */
  plan(): Promise<void>
  /** Something is to be delivered, or may go on. */
  wake(name: string): Promise<void>
  /** Where it is paused it is tried once by this process, for which something is mended. */
  tryAnew(name: string): Promise<void>
}

/** Commits come in crowds while a fetch is under way. */
const forwardEveryMs = 1000

export function exportWork(options: ExportWorkOptions): ExportWork {
  const { destinations, store, triesPaused = false, queues, log, now, signal } = options
  const forwarding = destinations.filter((each) => each.forward !== null && each.forwardsElsewhere !== true)
  /** Where this process has not been at work yet. */
  const mendings = new Map(destinations.map(({ name }) => [name, createMending(triesPaused)]))
  const paces = new Map(destinations.map(({ name }) => [name, createPace(now)]))
  let started = false

  const wake = (name: string) => queues.call(queueOf(name), 0)
  const forwardAt = async ({ name, forward, ...destination }: Destination) => {
    if (forward === null) return undefined
    return paces.get(name)?.dueAt(await store.forwardDue(name, forwardOptions(forward, destination, now())))
  }
  const planOne = async (destination: Destination, isAtWork = false) => {
    const { name } = destination
    const health = await store.health(name)
    // Until it is this process that has the call: another one does not know what is mended.
    if (mendings.get(name)?.isUntried() && health.circuit === 'paused') return wake(name)
    // That a list changed is told by calls as well, but one call may be moved to when something is tried again, or be
    // taken by a process that does not forward.
    const due = async () => {
      // Left by somebody who took over and is gone, or of whoever is at work, who needs no call.
      if (await store.deliveriesUnderWay(name)) return 0
      const delivery = await nextLook(name, await store.health(name), store)
      const forward = await forwardAt(destination)
      return forward === undefined ? (delivery ?? undefined) : Math.min(forward, delivery ?? forward)
    }
    return planCall(queueOf(name), due, { queues, now, isAtWork })
  }
  const look = async (destination: Destination, context: DeliverContext, claimed: AbortSignal) => {
    const until = AbortSignal.any([claimed, signal])
    // Whoever has it now must not meet requests of ours.
    const cut = AbortSignal.any([claimed, options.cut])
    const persistent = { what: 'an export', log: context.log, signal: until }
    await persistently(async () => {
      until.throwIfAborted()
      const { name } = destination
      const mending = mendings.get(name)
      const isNew = mending?.isUntried() ?? false
      const tried = mending?.trying()
      await deliver(destination, { ...context, cut, isNew }, until).catch((error: unknown) => {
        const isTold = until.aborted || isStoreAway(error)
        if (!isTold) log.error({ err: error, exporter: name }, 'delivering failed; it goes on soon')
        throw error
      })
      if (isNew) tried?.()
      if (destination.forwardsElsewhere) paces.get(name)?.looked('well')
      // Thrown, so that the call goes to another worker at once.
      if (until.aborted) throw new Error('handed back')
      await planOne(destination, true)
    }, persistent)
  }
  const wakeForwards = async () => {
    for (const { name } of forwarding) await wake(name)
  }
  return {
    wake,
    async tryAnew(name) {
      mendings.get(name)?.mended()
      await wake(name)
    },
    async work() {
      await store.registerExporters(destinations.map(({ name }) => name))
      for (const destination of destinations) {
        const context = contextOf(destination, options, paces.get(destination.name))
        await queues.work(queueOf(destination.name), (claimed) => look(destination, context, claimed))
      }
      if (forwarding.length === 0) return
      const commits = spaced(wakeForwards, { log, everyMs: forwardEveryMs })
      const unsubscribe = store.onCommit(commits.ask)
      const end = () => {
        unsubscribe()
        commits.end()
      }
      if (signal.aborted) end()
      else signal.addEventListener('abort', end, { once: true })
    },
    async plan() {
      // What an earlier process left under way waits for whoever takes over.
      if (!started) for (const { name } of destinations) await wake(name)
      else for (const destination of destinations) await planOne(destination)
      started = true
    },
  }
}

function queueOf(exporter: string): string {
  return `export/${exporter}`
}

function contextOf(
  destination: Destination,
  options: ExportWorkOptions,
  pace: ForwardPace | undefined,
): DeliverContext {
  const { store, exclusive, holdsBack = false, log, now, random = Math.random, onlooker } = options
  const { name, exporter } = destination
  const kept: Rooms | undefined = exporter.room && rooms({ name, room: exporter.room, store, now })
  const tenure = exclusive || !holdsBack ? undefined : createTenure(now)
  return {
    ...{ store, log, now, random },
    ...(kept !== undefined && { rooms: kept }),
    ...(tenure !== undefined && { tenure }),
    ...(onlooker !== undefined && { onlooker }),
    ...(pace !== undefined && { pace }),
  }
}

interface Spaced {
  ask(): void
  end(): void
}

/** Does the work soon after it is asked for, at most once in `everyMs`. */
function spaced(
  work: () => Promise<void>,
  { log, everyMs }: { readonly log: Logger; readonly everyMs: number },
): Spaced {
  let timer: NodeJS.Timeout | undefined
  let asked = false
  let ended = false
  const run = () => {
    asked = false
    timer = setTimeout(() => {
      timer = undefined
      if (asked) run()
    }, everyMs)
    timer.unref()
    // Each replica looks now and then whether a call is missing.
    work().catch((error: unknown) =>
      log.warn({ err: error }, 'exports could not be woken; it is tried again'),
    )
  }
  return {
    ask() {
      asked = !ended
      if (asked && timer === undefined) run()
    },
    end() {
      ended = true
      asked = false
      clearTimeout(timer)
    },
  }
}
