/**
 * Works at one ticket until nothing of it is due: plans what is new, carries out one effect after the other. Each is
 * marked in the store before it is tried, and settled in the step that marks the next one.
 */
import type { Ticket } from '../../model/ticket.ts'
import type { Step, Work } from '../../store/ticket-store.ts'
import type { Effect } from '../../store/tickets.ts'
import { endOf, isRemembered, sentText, textKey } from './effects.ts'
import { type Next, nextEffect } from './lanes.ts'
import { isOutFor } from './outage.ts'
import { isUsedUp, restOf } from './outcome.ts'
import { plan } from './plan.ts'
import { abandon, isEmpty, joined, stateChange, viewOf } from './step-view.ts'
import type { TicketContext } from './ticket-context.ts'
import { type Parts, tryOrLook } from './try.ts'

const nothing: Parts = {}

/** @throws ClaimLost; ServiceError STORE_UNAVAILABLE; faults of ours, none of which is the desk's or the sink's */
export async function workTicket(ticketId: string, context: TicketContext): Promise<void> {
  const { bridge, claim, store, persist } = context
  let work = await persist(() => store.work(bridge.name, claim, ticketId))
  const ticketOf = readOnce(context)
  let parts = nothing
  while (work !== undefined) {
    if (work.ticket.plannedRevision < work.ticket.revision) {
      const planned = isEmpty(parts) ? await planNow(work, ticketOf(work), context) : parts
      work = await write(work, planned, { dueAt: context.now() }, context)
      parts = nothing
      continue
    }
    const view = viewOf(work, parts)
    const abandoned = view.adds ? undefined : abandon(view, context.now())
    if (abandoned !== undefined) {
      parts = joined(parts, abandoned)
      continue
    }
    // What is added has no id yet.
    const next = view.adds ? undefined : nextOf(view.open, context)
    if (next === undefined) {
      work = await write(work, parts, { dueAt: context.now() }, context)
      parts = nothing
      continue
    }
    if (next.effect === undefined) {
      await write(work, parts, { dueAt: next.dueAt }, context)
      return
    }
    if (next.how === 'try' && isUsedUp(next.effect, outage(next.effect, context))) {
      const { effect } = next
      parts = joined(parts, { settle: [restOf(effect, 'dead', { error: effect.error, now: context.now() })] })
      continue
    }
    const holdsFile = next.how === 'try' && next.effect.kind === 'attachment'
    if (holdsFile && !isEmpty(parts)) {
      // It may have to wait, and what is known must not.
      work = await write(work, parts, { dueAt: context.now() }, context)
      parts = nothing
      continue
    }
    // What is not sent yet is not marked as under way.
    const leave = holdsFile ? await context.files.enter(context.signal) : undefined
    try {
      if (holdsFile && nextOf(work.open, context).effect?.id !== next.effect.id) continue
      const step = await begin(work, parts, next, context)
      work = step.work
      parts = step.begun ? await tryOrLook(next, step.work, ticketOf(step.work), context) : nothing
    } finally {
      leave?.()
    }
  }
}

function outage(effect: Effect, { bridge, ends }: TicketContext) {
  return { retry: bridge.retry, isOut: isOutFor(ends[endOf(effect)].health, effect.attempts) }
}

/** Nothing to try where the sink takes nothing now: the bridge rests until it does. */
function nextOf(open: readonly Effect[], { bridge, ends, signal, quietAt, now }: TicketContext): Next {
  const { sink, desk } = ends
  const at = now()
  const deskAt = desk.readyAt()
  const next = nextEffect(open, { now: at, quietAt, deskAt, canLook: bridge.sink.readable })
  if (next.effect === undefined) return next
  return signal.aborted || sink.room() === 0 ? { effect: undefined, dueAt: at } : next
}

/** A look changes nothing, and needs no mark. */
async function begin(
  work: Work,
  parts: Parts,
  { effect, how }: Next & { readonly effect: Effect; readonly how: 'try' | 'look' },
  context: TicketContext,
): Promise<{ readonly work: Work; readonly begun: boolean }> {
  if (how === 'look') {
    if (isEmpty(parts)) return { work, begun: true }
    return { work: await write(work, parts, { dueAt: context.now() }, context), begun: true }
  }
  const inDoubt = effect.state === 'ambiguous' && isRemembered(effect)
  const marked = inDoubt ? joined(parts, { change: { memory: {} } }) : parts
  const after = await write(work, marked, { dueAt: context.now(), begin: effect.id }, context)
  return { work: after, begun: after.begun || isInflight(after, effect) }
}

/** The step was written, and its answer was lost. Nobody else works at it. */
function isInflight({ open }: Work, { id }: Effect): boolean {
  return open.some((each) => each.id === id && each.state === 'inflight')
}

interface When {
  /** Milliseconds since the epoch; null: once something comes of it. */
  readonly dueAt: number | null
  readonly begin?: number
}

async function write(work: Work, parts: Parts, { dueAt, begin }: When, context: TicketContext) {
  const { bridge, claim, store, persist, watch, onlooker, now } = context
  const at = now()
  const view = viewOf(work, parts)
  const state = stateChange(view)
  const change = { ...parts.change, ...state }
  const step: Step = {
    ticketId: work.ticket.ticketId,
    ...parts,
    ...(Object.keys(change).length > 0 && { change }),
    ...(begin !== undefined && { begin }),
  }
  const options = {
    dueAt: dueAt === null ? null : new Date(dueAt),
    stirred: work.stirred,
    now: new Date(at),
    before: work,
  }
  const after = await persist(() => store.step(bridge.name, claim, step, options))
  watch.seen(at)
  for (const settled of parts.settle ?? []) onlooker?.effectSettled?.(bridge.name, settled.state)
  return after
}

/** A ticket of many notes has many effects, and is the same for each of them. */
function readOnce({ bridge }: TicketContext): (work: Work) => Ticket {
  let last: { readonly revision: number; readonly ticket: Ticket } | undefined
  return ({ ticket: { ticketId, revision, raw } }) => {
    if (last?.revision !== revision) last = { revision, ticket: bridge.desk.ticketOf(ticketId, raw) }
    return last.ticket
  }
}

async function planNow(
  work: Work,
  ticket: Ticket,
  context: TicketContext,
): Promise<Parts & Pick<Step, 'planned'>> {
  const { ticket: record, known, open } = work
  const { change, effects, events } = plan({
    ticket,
    record,
    known,
    open,
    rules: context.bridge.rules,
    sent: await sentTo(work, context),
  })
  // Looked at again for another reason: it becomes one after all.
  const again = record.state === 'skipped' && change.state === undefined && effects.length > 0
  return {
    change: { ...(again && { state: 'pending' }), ...change },
    add: effects,
    events,
    planned: { revision: record.revision, closed: ticket.closed },
  }
}

/** Of one ticket, that are looked through. */
const mostSent = 10_000

async function sentTo({ ticket, known }: Work, { bridge, store, persist }: TicketContext) {
  const sends = [...known].some((each) => each.startsWith('ctp_close/') || each.startsWith('ctp_worklog/'))
  if (!sends) return new Set<string>()
  const effects = await persist(() =>
    store.effects({
      bridges: [bridge.name],
      ticketId: ticket.ticketId,
      kinds: ['ctp_close', 'ctp_worklog'],
      limit: mostSent,
    }),
  )
  return new Set(
    effects
      .flatMap((each) => sentText(each) ?? [])
      .map(textKey)
      .filter((text) => text !== ''),
  )
}
