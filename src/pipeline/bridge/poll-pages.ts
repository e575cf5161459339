/** The pages of one queue of a desk: stored, then acknowledged, until nothing waits there. */
import type { Logger } from 'pino'
import { UpstreamError, upstreamCode } from '../../errors.ts'
import type { RawTicket, Ticket } from '../../model/ticket.ts'
import type { Poll, TakenTicket } from '../../store/poll-store.ts'
import { ClaimLost, type RunError } from '../../store/store.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import type { ReceivedTicket, WaitingPage } from '../../tickets/ticket-desk.ts'
import { type RetryOptions, withRetry } from '../../upstream/retry.ts'
import { isStoreAway } from '../persistently.ts'
import type { Watch } from '../watch.ts'
import type { Bridge } from './bridge.ts'
import { takenTicket } from './content-hash.ts'
import type { EndHealth } from './end-health.ts'

export interface PollContext {
  readonly store: TicketStore
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1. */
  random(): number
  /** Tickets are to be planned. */
  readonly onTaken: () => Promise<void>
  /** Between the tries of one request; default: real time. */
  readonly sleep?: RetryOptions['sleep']
  readonly onlooker?: Watch
}

export interface Polling extends PollContext {
  readonly id: string
  readonly claim: number
  readonly bridge: Bridge
  readonly desk: EndHealth
  /** RFC 3339. */
  readonly startedAt: string
  readonly signal: AbortSignal
  /** `id hash` of each state of a ticket that was to be acknowledged: once in a poll, whatever the desk answers. */
  readonly seen: Set<string>
  /** Ids of tickets that were to be acknowledged. */
  readonly attempted: Set<string>
}

export interface Failure {
  readonly error: RunError
  readonly cause?: unknown
}

/** @returns what kept the queue from being read to its end */
export async function drain(queue: string, polling: Polling): Promise<Failure | undefined> {
  const part = polling.bridge.desk.queues.length > 1 ? { part: queue } : {}
  const failed = await orFailure(polling, async () => {
    for (;;) {
      const left = await takePage(queue, polling)
      if (left !== 'more') return left === 'nothing' ? undefined : left
    }
  })
  return failed && { ...failed, error: { ...failed.error, ...part } }
}

async function takePage(queue: string, polling: Polling): Promise<'more' | 'nothing' | Failure> {
  const { id, claim, bridge, store, now, onTaken } = polling
  const page = await asked(polling, (signal) => bridge.desk.waiting(queue, signal))
  const { tickets, unreadable } = readable(page, polling)
  const taken = { poll: id, claim, tickets, unreadable, now: new Date(now()) }
  const { changed } = await store.takeTickets(taken)
  if (changed.length > 0) await onTaken()
  const newest = new Map(tickets.map((ticket) => [ticket.id, ticket]))
  const wanted = [...newest.values()].filter((ticket) => isFirst(ticket, polling))
  const acknowledged = await acknowledge(
    wanted.map((ticket) => ({ ticketId: ticket.id, version: ticket.version })),
    polling,
  )
  if (!page.full) return 'nothing'
  return changed.length > 0 || acknowledged > 0 ? 'more' : { error: blocked(page, bridge) }
}

/** Nothing behind such a page can be read: a desk has no other way to the next one than acknowledging. */
function blocked({ tickets, unreadable }: WaitingPage, { deskKind }: Bridge): RunError {
  const count = tickets.length + unreadable.length
  const detail = `${deskKind} hands out the same ${count} tickets again and again, and lets none of them be acknowledged: what waits behind them can't be read`
  return { code: 'UPSTREAM_REJECTED', detail }
}

function isFirst({ id, hash }: TakenTicket, { seen }: Polling): boolean {
  const key = `${id} ${hash}`
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

function readable(
  page: WaitingPage,
  polling: Polling,
): { readonly tickets: readonly TakenTicket[]; readonly unreadable: Poll['unreadable'] } {
  const tickets: TakenTicket[] = []
  const unreadable = [...page.unreadable]
  for (const received of page.tickets) {
    const ticket = taken(received, polling)
    if (ticket === undefined) unreadable.push({ ticketId: received.id, reason: 'it is nested too deep' })
    else tickets.push(ticket)
  }
  return { tickets, unreadable }
}

/** A ticket that nobody foresaw is kept as it is, and keeps no other one at the desk. */
function taken(received: ReceivedTicket, { bridge, log }: Polling): TakenTicket | undefined {
  const { version } = received
  const desks = [bridge.desk, { ticketOf: unread }]
  for (const desk of desks) {
    try {
      return { ...takenTicket(received, desk), version }
    } catch (error) {
      log.error({ err: error, ticket: received.id }, 'a ticket could not be read by a fault of ours')
    }
  }
  return undefined
}

function unread(id: string, raw: RawTicket): Ticket {
  return { id, closed: false, notes: [], attachments: [], oddities: [], raw }
}

type Versions = readonly { readonly ticketId: string; readonly version: string }[]

/** The most that a desk takes at once. */
const mostAcknowledged = 100

/** @returns how many the desk let us acknowledge */
async function acknowledge(versions: Versions, polling: Polling): Promise<number> {
  const { id, claim, bridge, store, attempted, now } = polling
  let acknowledged = 0
  for (let from = 0; from < versions.length; from += mostAcknowledged) {
    const some = versions.slice(from, from + mostAcknowledged)
    for (const { ticketId } of some) attempted.add(ticketId)
    const answers = await asked(polling, (signal) => bridge.desk.acknowledge(some, signal))
    await store.noteAcknowledged(bridge.name, answers, { poll: { id, claim }, now: new Date(now()) })
    acknowledged += answers.filter(({ ok }) => ok).length
  }
  return acknowledged
}

/** What an earlier poll stored and did not get to acknowledge, and the desk did not hand out again: each once. */
const mostLeft = 10_000

export async function acknowledgeRest(polling: Polling): Promise<Failure | undefined> {
  const { bridge, store, startedAt, attempted } = polling
  return orFailure(polling, async () => {
    const receivedBefore = new Date(startedAt)
    const left = await store.unacknowledged(bridge.name, { limit: mostLeft, receivedBefore })
    await acknowledge(
      left.filter(({ ticketId }) => !attempted.has(ticketId)),
      polling,
    )
    return undefined
  })
}

/** Asks the desk, a few times where that may help; not while it wants to be left alone. */
async function asked<T>(polling: Polling, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const { bridge, desk, signal, sleep, random, log } = polling
  const { initialMs, maxMs } = bridge.retry
  const once = async () => {
    signal.throwIfAborted()
    try {
      await desk.admit()
      return { answer: await request(signal) }
    } catch (error) {
      // Not again in this poll.
      if (error instanceof UpstreamError && error.kind === 'throttled') return { error }
      throw error
    }
  }
  const result = await withRetry(
    once,
    { attempts: 3, initialMs, maxMs: Math.min(maxMs, longestPauseMs), maxRetryAfterMs: longestPauseMs },
    {
      ...{ signal, random },
      ...(sleep !== undefined && { sleep }),
      onRetry: ({ error, attempt, delayMs }) =>
        log.info({ reason: error.sentence, attempt, delayMs }, 'a request to the desk is tried again'),
    },
  )
  if ('error' in result) throw result.error
  await desk.tell('success')
  return result.answer
}

/** Between two tries in a poll. */
const longestPauseMs = 30_000

async function orFailure(
  polling: Polling,
  work: () => Promise<Failure | undefined>,
): Promise<Failure | undefined> {
  const { desk, log, signal } = polling
  try {
    return await work()
  } catch (error) {
    if (signal.aborted || error instanceof ClaimLost || isStoreAway(error)) throw error
    if (error instanceof UpstreamError) {
      const tells = !error.unsent && error.kind !== 'rejected' && !isPermission(error)
      if (tells) await desk.tell(error)
      log.warn({ reason: error.sentence, kind: error.kind }, 'the desk was not read to its end')
      return { error: { code: upstreamCode[error.kind], detail: error.message }, cause: error }
    }
    log.error({ err: error }, 'a poll failed by a fault of ours')
    const detail = 'the server failed; its log has the cause under the id of this poll'
    return { error: { code: 'INTERNAL', detail }, cause: error }
  }
}

export function isPermission(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.kind === 'permission'
}
