/** One try of an effect, or one look at what became of it, and what is to be written then. */
import type { Ticket } from '../../model/ticket.ts'
import type { BridgeEnd, Step, Work } from '../../store/ticket-store.ts'
import type { Effect } from '../../store/tickets.ts'
import { around } from '../watch.ts'
import type { Carried, Carrying } from './carry.ts'
import { carryOut } from './carry-out.ts'
import { endOf, isRemembered, needsDesk, notClosedNote } from './effects.ts'
import { isOutFor } from './outage.ts'
import {
  afterFailedLook,
  afterLook,
  afterTry,
  internalFault,
  type Policy,
  restOf,
  type Verdict,
  verdictOf,
} from './outcome.ts'
import { look } from './probe.ts'
import type { TicketContext } from './ticket-context.ts'

/** Of the next step. */
export type Parts = Pick<Step, 'change' | 'settle' | 'add' | 'events'>

/** Never throws what the desk, the sink, or a fault of ours made of it. */
export async function tryOrLook(
  { effect, how }: { readonly effect: Effect; readonly how: 'try' | 'look' },
  work: Work,
  ticket: Ticket,
  context: TicketContext,
): Promise<Parts> {
  const { bridge, store, files, ending, ends, now } = context
  const carrying: Carrying = { bridge, store, effect, ticket, work, files, signal: ending, now }
  try {
    const carried = await underWay(carrying, how, context)
    for (const end of endsOf(effect, how)) await ends[end].tell('success')
    return carried === undefined
      ? await given(effect, work, context)
      : { ...partsOf(carried, { effect, how }, now()), ...logged(carried, effect, context) }
  } catch (error) {
    return failed(error, { effect, how, work }, context)
  }
}

async function underWay(
  carrying: Carrying,
  how: 'try' | 'look',
  { bridge, ends, watch, ending, onlooker }: TicketContext,
): Promise<Carried | undefined> {
  const { effect } = carrying
  const ask = async () => {
    await watch.check()
    ending.throwIfAborted()
  }
  const piece = { kind: 'effect', name: bridge.name, id: String(effect.id) } as const
  const act = () =>
    around(onlooker, piece, async () => (how === 'look' ? look(carrying) : carryOut[effect.kind](carrying)))
  const permitted = () => (bridge.permit === undefined ? act() : bridge.permit.under(ask, act))
  const atDesk = needsDesk(effect)
  const counted = () => (atDesk ? ends.desk.during(permitted) : permitted())
  return endOf(effect) === 'sink' ? ends.sink.during(counted) : counted()
}

/** Those that answered. A look at a file that is not there does not ask the desk. */
function endsOf(effect: Effect, how: 'try' | 'look'): readonly BridgeEnd[] {
  return effect.kind === 'attachment' && how === 'try' ? ['desk', 'sink'] : [endOf(effect)]
}

function partsOf(
  carried: Carried,
  { effect, how }: { readonly effect: Effect; readonly how: 'try' | 'look' },
  now: number,
): Parts {
  const { state, reference, error, change, add, events, others = [] } = carried
  const own = restOf(effect, state, rest({ reference, error, now }))
  const settle = [
    { ...own, attempts: triesOf(effect, state, how) },
    ...others.map((each) => restOf(each.effect, each.state, rest({ ...each, now }))),
  ]
  return { settle, ...(change && { change }), ...(add && { add }), ...(events && { events }) }
}

/** A look found what an earlier try had done, which is not counted yet where its end was not known. */
function triesOf({ attempts }: Effect, state: Carried['state'], how: 'try' | 'look'): number {
  if (state === 'skipped') return attempts
  return how === 'try' ? attempts + 1 : Math.max(1, attempts)
}

interface Given {
  readonly reference?: string | null | undefined
  readonly error?: string | null | undefined
  readonly now: number
}

function rest({ reference, error, now }: Given) {
  return {
    ...(reference !== undefined && { reference }),
    ...(error !== undefined && { error }),
    now,
  }
}

function logged({ state, error }: Carried, effect: Effect, context: TicketContext): Parts {
  if (state === 'dead') tellOfDead(effect, error ?? null, context)
  return {}
}

function tellOfDead({ ticketId, kind, id }: Effect, reason: string | null, { log }: TicketContext): void {
  // The words of the sink may repeat what the ticket says.
  log.warn({ ticket: ticketId, effect: id, kind }, 'an effect failed for good: it waits for a retry')
  log.debug({ effect: id, reason }, 'why an effect failed for good')
}

/** Nothing of it was found. */
async function given(effect: Effect, work: Work, context: TicketContext): Promise<Parts> {
  const change = afterLook(effect, policyOf(endOf(effect), effect.attempts, context))
  return dyingParts(effect, change, work, context)
}

interface Failing {
  readonly effect: Effect
  readonly how: 'try' | 'look'
  readonly work: Work
}

async function failed(
  error: unknown,
  { effect, how, work }: Failing,
  context: TicketContext,
): Promise<Parts> {
  const { bridge, ends, ending, log } = context
  const seen = { deskKind: bridge.deskKind, cut: ending.aborted, looking: how === 'look' }
  const verdict = verdictOf(effect, error, seen)
  if (verdict.reason === internalFault) {
    const { ticketId: ticket, kind, id } = effect
    log.error({ err: error, ticket, effect: id, kind }, 'an effect failed by a fault of ours')
  }
  if (verdict.event !== undefined) await ends[verdict.end].tell(verdict.event)
  if (verdict.kind === 'gone') return goneParts(effect, verdict, work, context)
  const policy = policyOf(verdict.end, effect.attempts + (how === 'try' ? 1 : 0), context)
  const change = how === 'look' ? afterFailedLook(effect, verdict, policy) : afterTry(effect, verdict, policy)
  const inDoubt = change.state === 'ambiguous' && isRemembered(effect)
  return { ...dyingParts(effect, change, work, context), ...(inDoubt && { change: { memory: {} } }) }
}

/** @param attempts of the effect, this one counted */
function policyOf(end: BridgeEnd, attempts: number, context: TicketContext): Policy {
  const { bridge, ends, settleMs, now, random } = context
  const { health } = ends[end]
  const { circuit, failures } = health
  const isOut = isOutFor(health, attempts)
  return {
    ...{ retry: bridge.retry, settleMs, isOut, isOpen: circuit === 'open', failures },
    ...{ now: now(), random: random() },
  }
}

function dyingParts(
  effect: Effect,
  change: ReturnType<typeof afterTry>,
  { ticket }: Work,
  context: TicketContext,
): Parts {
  if (change.state !== 'dead') return { settle: [change] }
  tellOfDead(effect, change.error, context)
  const tells = effect.kind === 'ctp_close' && ticket.incident !== null
  return { settle: [change], ...(tells && { add: [notClosedNote(effect, change.error ?? '')] }) }
}

/** Somebody deleted the incident: it is not made again by itself. */
function goneParts(
  effect: Effect,
  { reason }: Verdict,
  { ticket, open }: Work,
  { now }: TicketContext,
): Parts {
  const { incident } = ticket
  const at = now()
  const gone = open.filter((each) => each.id !== effect.id && endOf(each) === 'sink')
  return {
    settle: [effect, ...gone].map((each) => restOf(each, 'skipped', { error: reason, now: at })),
    change: {
      state: 'tombstone',
      reason,
      ...(incident !== null && { incident: { ...incident, status: 'deleted' } }),
    },
    events: [{ kind: 'tombstone', detail: reason }],
  }
}
