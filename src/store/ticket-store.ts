/**
 * What the store keeps of bridges: the inbox of tickets with what became of each version, and the log of effects, one
 * for each thing that is to be done at an incident or a ticket. One transaction or nothing, each of these methods.
 */
import type { Health } from './health.ts'
import type { PollState, PollStore, TakenTicket } from './poll-store.ts'
import type {
  Effect,
  EffectKind,
  EffectState,
  LinkedIncident,
  NewEffect,
  TicketEvent,
  TicketRecord,
  TicketState,
  TicketVersion,
} from './tickets.ts'

export interface EffectChange {
  readonly id: number
  readonly state: Exclude<EffectState, 'inflight'>
  readonly attempts: number
  readonly probes: number
  readonly dueAt: Date
  readonly ambiguousSince: Date | null
  readonly reference: string | null
  readonly error: string | null
}

export interface TicketChange {
  readonly state?: TicketState
  readonly reason?: string | null
  readonly incident?: LinkedIncident | null
  readonly closedBy?: 'ticket' | 'incident' | null
  readonly memory?: Readonly<Record<string, unknown>>
}

/** What is written at once of a ticket. */
export interface Step {
  readonly ticketId: string
  readonly change?: TicketChange
  /** Of what was inflight, or is decided without being tried. What is done or skipped by now stays so. */
  readonly settle?: readonly EffectChange[]
  /** Those whose kind and key exist already are left out. */
  readonly add?: readonly NewEffect[]
  /** Becomes inflight; refused where somebody changed it meanwhile, or another one of the ticket is inflight. */
  readonly begin?: number
  readonly events?: readonly Omit<TicketEvent, 'at'>[]
  /** The effects were planned of this revision. */
  readonly planned?: { readonly revision: number; readonly closed: boolean }
}

export interface Work {
  readonly ticket: TicketRecord
  /** Every effect that is not done or skipped, in the order of their ids. */
  readonly open: readonly Effect[]
  /** `kind/key` of every effect there is. */
  readonly known: ReadonlySet<string>
  /** Given back with each step: where something came of it from outside meanwhile, the ticket is due at once. */
  readonly stirred: number
}

/** desk: where the tickets come from; sink: where the incidents are. */
export type BridgeEnd = 'desk' | 'sink'

export interface BridgeState {
  readonly name: string
  readonly desk: Health
  readonly sink: Health
  readonly tickets: Readonly<Record<TicketState, number>>
  readonly effects: Readonly<Record<EffectState, number>>
  /** Of the effects that are still to be done, when the oldest was planned. */
  readonly oldestPendingAt: string | null
  readonly poll: PollState
  /** When changes of incidents were last read. */
  readonly changesAt: string | null
}

export interface TicketStore extends PollStore {
  /** Makes rows for the configured bridges; others stay, with what they hold. */
  registerBridges(names: readonly string[]): Promise<void>

  // Working at effects. Whoever works at a bridge holds its claim; all of these but `nextWork`
  // and `effectsUnderWay` throw ClaimLost.

  /**
   * Makes the caller the one who works at the bridge: a number that is greater than every earlier one. What was inflight
   * becomes ambiguous, due after `settleMs`.
   */
  claimBridge(bridge: string, options: { readonly settleMs: number; readonly now: Date }): Promise<number>
  /** Looks the claim up. */
  holdsBridge(bridge: string, claim: number): Promise<void>
  /** Tickets that have something to plan, or an effect that is due and not kept back by an earlier one; longest due first. */
  dueTickets(
    bridge: string,
    claim: number,
    options: { readonly now: Date; readonly limit: number; readonly except: readonly string[] },
  ): Promise<readonly string[]>
  /** When the next ticket is due, RFC 3339; undefined: nothing waits. */
  nextWork(bridge: string): Promise<string | undefined>
  /** Whether any is inflight: of whoever works there, or left by somebody who is gone, which the next claim takes back. */
  effectsUnderWay(bridge: string): Promise<boolean>
  work(bridge: string, claim: number, ticketId: string): Promise<Work | undefined>
  /**
   * Writes a step. The ticket is due again at `dueAt`; null: once something else comes of it. Where `begin` was not
   * possible it is due at once.
   * @param options before: the work as it was read last, with this claim; what can't have changed of it is not read once more
   * @returns the work as it is then; begun: whether `begin` was possible @throws ServiceError TICKET_UNKNOWN
   */
  step(
    bridge: string,
    claim: number,
    step: Step,
    options: {
      readonly dueAt: Date | null
      readonly stirred: number
      readonly now: Date
      readonly before?: Work
    },
  ): Promise<Work & { readonly begun: boolean }>

  // What the incidents' side tells, and reconciliation

  changeCursor(bridge: string): Promise<{ readonly cursor: string | null; readonly at: string | null }>
  /** @throws ClaimLost */
  saveChangeCursor(bridge: string, claim: number, cursor: string, now: Date): Promise<void>
  ticketOfIncident(bridge: string, incidentId: string): Promise<string | undefined>
  /** Tickets with an open incident that were last seen, or read anew, before. Longest ago first. */
  unseenSince(bridge: string, before: Date, options: { readonly limit: number }): Promise<readonly string[]>
  /**
   * A ticket that its desk has no more: seen now, and told of once in its history.
   * @returns whether it is told of for the first time
   */
  noteGone(
    bridge: string,
    ticketId: string,
    event: { readonly kind: string; readonly detail: string },
    now: Date,
  ): Promise<boolean>
  /** A ticket as it was just read by its id. @returns whether it is new or changed */
  takeRead(bridge: string, ticket: Omit<TakenTicket, 'version'>, now: Date): Promise<boolean>
  /**
   * Makes a ticket due now: for planning, too, where `replan`.
   * @param options forgetIncident: as if it never had one; what is still to be done at it is skipped
   * @returns false: there is no such ticket
   */
  wakeTicket(
    bridge: string,
    ticketId: string,
    options: { readonly now: Date; readonly replan: boolean; readonly forgetIncident?: boolean },
  ): Promise<boolean>
  /**
   * Adds effects of a ticket from outside of the work at it, and makes it due, where any is new or the change is one.
   * @returns how many are new @throws ServiceError TICKET_UNKNOWN
   */
  addEffects(
    bridge: string,
    ticketId: string,
    effects: readonly NewEffect[],
    change: TicketChange | undefined,
    now: Date,
  ): Promise<number>

  // Health

  bridgeHealth(bridge: string, end: BridgeEnd): Promise<Health>
  saveBridgeHealth(bridge: string, end: BridgeEnd, health: Health): Promise<void>
  /** Closes both circuits and makes what waits due at once; what is ambiguous settles first. */
  resumeBridge(bridge: string, now: Date): Promise<void>

  // Reading and setting right

  /** In the order of the names. */
  bridgeStates(names: readonly string[]): Promise<readonly BridgeState[]>
  /** Those that came last first: an order that no change moves. @param after the last of the page before */
  tickets(query: {
    readonly bridges: readonly string[]
    readonly states?: readonly TicketState[]
    readonly limit: number
    readonly after?: { readonly bridge: string; readonly ticketId: string }
  }): Promise<readonly TicketRecord[]>
  ticket(bridge: string, ticketId: string): Promise<TicketRecord | undefined>
  /** Newest first, at most 1,000. */
  versions(bridge: string, ticketId: string): Promise<readonly TicketVersion[]>
  events(bridge: string, ticketId: string): Promise<readonly TicketEvent[]>
  /** Of a ticket, or of bridges; in the order of their ids. @param after id of the last of the page before */
  effects(query: {
    readonly bridges: readonly string[]
    readonly ticketId?: string
    readonly states?: readonly EffectState[]
    readonly kinds?: readonly EffectKind[]
    readonly limit: number
    readonly after?: number
  }): Promise<readonly Effect[]>
  effect(id: number): Promise<Effect | undefined>
  /** The one that was planned last. @param states absent: in whatever state */
  latestEffect(
    bridges: readonly string[],
    states?: readonly Exclude<EffectState, 'done'>[],
  ): Promise<Effect | undefined>
  /**
   * Makes an effect that is dead, failed or ambiguous be tried at once (retry), or never (skip: pending ones, too). A
   * retried one that is ambiguous stays so, and is looked up at once, or when it has settled.
   * @returns the effect as it is then; changed: false where its state does not allow it
   */
  setEffect(
    id: number,
    to: 'retry' | 'skip',
    now: Date,
  ): Promise<{ readonly effect: Effect; readonly changed: boolean } | undefined>
  /**
   * Forgets polls but the last, events, and versions that were acknowledged, from before; and whole tickets that are
   * closed with their incident, or became none, nothing of which came or changed since `ticketsBefore`: such a one is a
   * new ticket where its desk hands it out once more, and finds its incident.
   * @returns rows
   */
  pruneTickets(before: Date, ticketsBefore: Date): Promise<number>
}
