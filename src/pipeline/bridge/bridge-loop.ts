/** The rolling loop at one bridge: up to `concurrency` tickets are worked at; meanwhile the next ones are looked up. */
import type { Logger } from 'pino'
import { ClaimLost } from '../../store/store.ts'
import { isStoreAway } from '../persistently.ts'
import { type Bell, createBell } from '../product/bell.ts'
import { claimWatch } from '../product/claim-watch.ts'
import type { Tenure } from '../product/tenure.ts'
import type { Watch } from '../watch.ts'
import type { Bridge } from './bridge.ts'
import type { Ends } from './ends.ts'
import { createFileRoom } from './file-room.ts'
import type { TicketContext, WorkStore } from './ticket-context.ts'
import { workTicket } from './work-ticket.ts'

export interface LoopContext {
  readonly bridge: Bridge
  readonly claim: number
  readonly store: WorkStore
  readonly ends: Ends
  readonly tenure?: Tenure
  readonly log: Logger
  now(): number
  random(): number
  /** Aborted when requests under way must end. */
  readonly cut: AbortSignal
  readonly settleMs: readonly number[]
  readonly persist: TicketContext['persist']
  readonly onlooker?: Watch
}

/** Looked up at once: each is looked at again when its turn comes. */
const lookedUpAtOnce = 50
/** While tickets are worked at and nothing else was due. */
const lookAgainMs = 1000
/** After a fault of ours a ticket is left alone this long, so that it is no hot loop. */
const faultMs = 60_000

interface Loop {
  readonly context: LoopContext
  readonly signal: AbortSignal
  readonly ticket: TicketContext
  readonly bell: Bell
  readonly fail: (error: unknown) => void
  readonly underWay: Set<string>
  /** Whose work failed by a fault of ours. */
  readonly broken: Set<string>
  pool: string[]
  looking: boolean
  /** Nothing was due when it was looked last, and nothing has been worked at since. */
  drained: boolean
  failure: { readonly error: unknown } | undefined
}

/**
 * @returns when to look again at the earliest, milliseconds since the epoch; 0: whenever something is due
 * @throws ClaimLost; ServiceError STORE_UNAVAILABLE; faults
 */
export async function workDue(context: LoopContext, signal: AbortSignal): Promise<number> {
  const loop = start(context, signal)
  const { bell } = loop
  signal.addEventListener('abort', bell.ring, { once: true })
  // What comes meanwhile does not wait for a ticket that takes long.
  const again = setInterval(() => {
    loop.drained = false
    bell.ring()
  }, lookAgainMs)
  again.unref()
  try {
    while (!step(loop)) await bell.heard()
  } finally {
    clearInterval(again)
    signal.removeEventListener('abort', bell.ring)
  }
  if (loop.failure !== undefined) throw loop.failure.error
  return loop.broken.size > 0 ? context.now() + faultMs : 0
}

function start(context: LoopContext, signal: AbortSignal): Loop {
  const { bridge, claim, store, tenure, now, persist } = context
  const bell = createBell()
  const lost = new AbortController()
  const fail = (error: unknown) => {
    loop.failure ??= { error }
    if (error instanceof ClaimLost) lost.abort(error)
    bell.ring()
  }
  const watch = claimWatch({
    now,
    look: () => persist(() => store.holdsBridge(bridge.name, claim)),
    onLost(error) {
      fail(error)
      lost.abort(error)
    },
  })
  const failing = new AbortController()
  const loop: Loop = {
    context,
    signal,
    ticket: {
      ...context,
      files: createFileRoom(),
      watch,
      quietAt: now() + (tenure?.quietIn() ?? 0),
      signal: AbortSignal.any([signal, failing.signal]),
      ending: AbortSignal.any([context.cut, lost.signal]),
    },
    bell,
    fail(error) {
      fail(error)
      failing.abort(error)
    },
    underWay: new Set(),
    broken: new Set(),
    pool: [],
    looking: false,
    drained: false,
    failure: undefined,
  }
  return loop
}

/** Starts whatever can be started. @returns whether everything has come to rest */
function step(loop: Loop): boolean {
  const { context, underWay, pool } = loop
  const isEnding = loop.failure !== undefined || loop.signal.aborted
  // Of an end that fails one ticket at a time tries whether it works again.
  const { health } = context.ends.sink
  const most = health.circuit === 'open' ? 1 : context.bridge.concurrency
  const slots = isEnding || context.ends.sink.room() === 0 ? 0 : most - underWay.size
  if (slots > 0 && pool.length === 0 && !loop.looking && !loop.drained) {
    loop.looking = true
    beside(loop, lookUp(loop), () => {
      loop.looking = false
    })
  }
  for (let free = slots; free > 0 && pool.length > 0; free--) {
    const id = pool.shift() ?? ''
    underWay.add(id)
    beside(loop, workAt(loop, id), () => {
      underWay.delete(id)
      loop.drained = false
    })
  }
  const isBusy = loop.looking || underWay.size > 0
  return !isBusy && (slots <= 0 || (loop.drained && pool.length === 0))
}

function beside({ fail, bell }: Loop, work: Promise<void>, end: () => void): void {
  void work.catch(fail).finally(() => {
    end()
    bell.ring()
  })
}

async function lookUp(loop: Loop): Promise<void> {
  const { context, underWay, broken } = loop
  const { bridge, claim, store, ends, persist, now } = context
  await ends.desk.refresh()
  await ends.sink.refresh()
  const at = now()
  const except = [...underWay, ...broken]
  loop.drained = true
  const options = { now: new Date(at), limit: lookedUpAtOnce, except }
  const ids = await persist(() => store.dueTickets(bridge.name, claim, options))
  loop.ticket.watch.seen(at)
  if (ids.length === 0) return
  loop.drained = false
  loop.pool.push(...ids)
}

async function workAt(loop: Loop, id: string): Promise<void> {
  try {
    await workTicket(id, loop.ticket)
  } catch (error) {
    if (error instanceof ClaimLost || isStoreAway(error) || loop.signal.aborted) throw error
    loop.broken.add(id)
    loop.context.log.error({ err: error, ticket: id }, 'a ticket could not be worked at by a fault of ours')
  }
}
