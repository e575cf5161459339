/** Reads tickets of open incidents anew that their desk did not hand out for long: after an outage it never will. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import { isStoreAway } from '../persistently.ts'
import { readyAt } from '../product/health.ts'
import type { Bridge } from './bridge.ts'
import { takenTicket } from './content-hash.ts'
import type { EndHealth } from './end-health.ts'

const hourMs = 3_600_000
/** After which a ticket is read anew. */
const unseenMs = 6 * hourMs
export const reconcileEveryMs = hourMs
/** After the desk failed. */
const againMs = 5 * 60_000
/** Read at once, so that nothing else waits for long. */
const sliceSize = 25

/** Of one process: where it is in the round that is due every hour. */
export interface Reconciliation {
  /** Milliseconds since the epoch. */
  dueAt: number
  /** Tickets that were looked at in this round, maybe in vain. */
  readonly left: Set<string>
}

interface Context {
  readonly store: TicketStore
  readonly desk: EndHealth
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
}

/** Reads some tickets, and says in `round` when to go on. */
export async function reconcile(
  bridge: Bridge,
  round: Reconciliation,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const { store, now } = context
  const before = new Date(now() - unseenMs)
  const limit = sliceSize + round.left.size
  const unseen = await store.unseenSince(bridge.name, before, { limit })
  const ids = unseen.filter((id) => !round.left.has(id)).slice(0, sliceSize)
  for (const id of ids) {
    if (signal.aborted) return
    const ready = readyAt(await context.desk.health())
    if (ready === undefined || ready > now()) {
      round.dueAt = Math.max(ready ?? 0, now() + againMs)
      return
    }
    // What can't be read, or brings nothing, must not come first again.
    round.left.add(id)
    await readAnew(bridge, id, context, signal)
  }
  if (ids.length > 0) return
  round.left.clear()
  round.dueAt = now() + reconcileEveryMs
}

async function readAnew(bridge: Bridge, id: string, context: Context, signal: AbortSignal): Promise<void> {
  const { store, desk, log, now } = context
  try {
    const raw = await bridge.desk.ticket(id, signal)
    await desk.tell('success')
    const at = new Date(now())
    if (raw === undefined) await store.noteGone(bridge.name, id, gone, at)
    else await store.takeRead(bridge.name, takenTicket({ id, raw }, bridge.desk), at)
  } catch (error) {
    if (signal.aborted || isStoreAway(error)) throw error
    const what = 'a ticket could not be read anew; it is tried again later'
    if (!(error instanceof UpstreamError)) return log.error({ err: error, ticket: id }, what)
    log.warn({ ticket: id, reason: error.sentence }, what)
    if (error.kind !== 'rejected') await desk.tell(error)
  }
}

/** Of a ticket that the desk has no more. */
const gone = { kind: 'gone', detail: 'the desk has no such ticket any more; its incident stays as it is' }
