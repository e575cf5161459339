/**
 * What the store keeps of bridges: the inbox of tickets with what became of each version, and the log of effects, one
 * for each thing that is to be done at an incident or a ticket. One transaction or nothing, each of these methods.
 */
import type { RawTicket } from '../model/ticket.ts'
import type { Health } from './health.ts'
import type { RunError, RunStatus } from './store.ts'

// Polls

/** One reading of a desk until nothing waits there: `received = stored + unchanged + unreadableCount`, held by the database. */
export interface Poll {
  readonly id: string
  readonly bridge: string
  /** partial: one of several queues failed. */
  readonly status: RunStatus
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly endedAt: string | null
  readonly pages: number
  /** Tickets that the desk's pages held. */
  readonly received: number
  /** New ones, and such with a changed content. */
  readonly stored: number
  readonly unchanged: number
  readonly unreadableCount: number
  /** The first hundred. */
  readonly unreadable: readonly { readonly ticketId: string | null; readonly reason: string }[]
  readonly acknowledged: number
  /** Versions that the desk did not let us acknowledge; they are tried again. The first hundred. */
  readonly refused: readonly { readonly ticketId: string; readonly code: string }[]
  readonly errors: readonly RunError[]
}

export interface PollState {
  readonly last?: Poll
  readonly lastEnded?: Poll
  /** RFC 3339: when the last poll began that read every queue to its end. */
  readonly completeAt: string | null
  /** The last time that the desk was not read for longer than it keeps tickets: some may be lost. */
  readonly gap: { readonly from: string; readonly to: string } | null
}

export interface TakenTicket {
  readonly id: string
  readonly version: string
  readonly raw: RawTicket
  /** Of the content without the version: equal ones are the same ticket, unchanged. */
  readonly hash: string
  readonly status: string | null
  readonly title: string | null
  /** RFC 3339; an older state than the stored one is noted, not taken. */
  readonly updatedAt: string | null
}

// Tickets

/**
 * pending: nothing done yet; creating; open; closing; closed: the incident; skipped: it becomes none, `reason` tells why;
 * tombstone: somebody deleted the incident; error: an effect of it is dead.
 */
export const ticketStates = [
  'pending',
  'creating',
  'open',
  'closing',
  'closed',
  'skipped',
  'tombstone',
  'error',
] as const
export type TicketState = (typeof ticketStates)[number]

export interface LinkedIncident {
  readonly id: string
  readonly url: string | null
  /** As last seen. */
  readonly status: 'open' | 'closed' | 'deleted'
}

export interface TicketRecord {
  readonly bridge: string
  readonly ticketId: string
  readonly raw: RawTicket
  /** In the words of the desk. */
  readonly status: string | null
  readonly title: string | null
  readonly state: TicketState
  readonly reason: string | null
  /** Grows by one with each changed content that was taken. */
  readonly revision: number
  /** The last one that effects were planned of; 0: none. */
  readonly plannedRevision: number
  /** Whether the ticket was closed as of that revision; null: none was planned. */
  readonly plannedClosed: boolean | null
  readonly incident: LinkedIncident | null
  /** Who closed the incident, where it is closed. */
  readonly closedBy: 'ticket' | 'incident' | null
  /** Of the sink. */
  readonly memory: Readonly<Record<string, unknown>>
  /** RFC 3339, as all times. */
  readonly firstSeenAt: string
  readonly lastSeenAt: string
}

export interface TicketVersion {
  readonly version: string
  readonly receivedAt: string
  readonly status: string | null
  readonly updatedAt: string | null
  /** null: not yet; then `ackCode` is what the desk last said. */
  readonly acknowledgedAt: string | null
  readonly ackCode: string | null
}

export interface TicketEvent {
  readonly at: string
  /** adopted, duplicate_external, overwritten, kept, conflict, possible_gap, ... */
  readonly kind: string
  readonly detail: string
}

// Effects

/** Those that begin with `ctp_` are done at the ticket, the others at the incident. */
export const effectKinds = [
  'create',
  'note',
  'attachment',
  'patch',
  'close',
  'reopen',
  'ctp_close',
  'ctp_worklog',
  'ctp_update',
] as const
export type EffectKind = (typeof effectKinds)[number]

/**
 * pending: not tried; inflight: under way; ambiguous: may have been carried out, is looked up when due; failed: is tried
 * again when due; done; dead: is not tried again by itself; skipped: need not be done.
 */
export const effectStates = ['pending', 'inflight', 'ambiguous', 'failed', 'done', 'dead', 'skipped'] as const
export type EffectState = (typeof effectStates)[number]

export interface NewEffect {
  readonly kind: EffectKind
  /** Unique for the ticket and kind: what was planned once is not planned again. */
  readonly key: string
  /** Plain JSON: what the effect needs beside the ticket. */
  readonly payload: unknown
}

export interface Effect extends NewEffect {
  /** Of a ticket in the order in which they were planned. */
  readonly id: number
  readonly bridge: string
  readonly ticketId: string
  readonly state: EffectState
  /** Tries that failed or whose outcome is not known. */
  readonly attempts: number
  /** Looks for what an ambiguous one did, since it became so; 0 otherwise. */
  readonly probes: number
  /** RFC 3339: not before; of those that are still to be done. */
  readonly dueAt: string
  /** Since when it is ambiguous; null: it is not. */
  readonly ambiguousSince: string | null
  /** What the other side calls the result: the note's id. */
  readonly reference: string | null
  /** Why it failed last, in words for users; stays until it is done. */
  readonly error: string | null
  readonly createdAt: string
  readonly updatedAt: string
}

// Steps

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

export interface TicketStore {
  /** Makes rows for the configured bridges; others stay, with what they hold. */
  registerBridges(names: readonly string[]): Promise<void>

  // The desk

  pollState(bridge: string): Promise<PollState>
  /** Starts a poll, or gives the one under way: at most one runs for each bridge. */
  startPoll(bridge: string, now: Date): Promise<{ readonly poll: Poll; readonly joined: boolean }>
  /** As `RunStore.claimRun`. @returns undefined when the poll has ended */
  claimPoll(id: string): Promise<number | undefined>
  /**
   * Takes a page: versions that are new are noted, tickets that changed get a new revision and are due for planning.
   * Durable when it returns. @returns ids of those that are new or changed @throws ClaimLost
   */
  takeTickets(page: {
    readonly poll: string
    readonly claim: number
    readonly tickets: readonly TakenTicket[]
    readonly unreadable: Poll['unreadable']
    readonly now: Date
  }): Promise<{ readonly poll: Poll; readonly changed: readonly string[] }>
  /**
   * Versions that are not acknowledged, or were handed out again since, oldest first: of each ticket the newest; older
   * ones of it need not be any more.
   * @param receivedBefore those only; absent: all
   */
  unacknowledged(
    bridge: string,
    options: { readonly limit: number; readonly receivedBefore?: Date; readonly ticketId?: string },
  ): Promise<readonly { readonly ticketId: string; readonly version: string }[]>
  /** Notes what the desk answered. @throws ClaimLost */
  noteAcknowledged(
    bridge: string,
    answers: readonly {
      readonly ticketId: string
      readonly version: string
      readonly ok: boolean
      readonly code: string
    }[],
    options: { readonly poll?: { readonly id: string; readonly claim: number }; readonly now: Date },
  ): Promise<void>
  /**
   * @param gap where the desk was not read for too long before this poll @throws ClaimLost
   */
  endPoll(
    id: string,
    claim: number,
    end: {
      readonly status: Exclude<RunStatus, 'running'>
      readonly errors: readonly RunError[]
      readonly gap?: { readonly from: string; readonly to: string }
      readonly now: Date
    },
  ): Promise<Poll>
  poll(id: string): Promise<Poll | undefined>
  /** Of these bridges the one that began last. */
  latestPoll(bridges: readonly string[]): Promise<Poll | undefined>
  /** Newest first. */
  polls(
    bridge: string,
    options: { readonly limit: number; readonly before?: string },
  ): Promise<readonly Poll[]>
  /** Effects of the tickets whose newest content came with this poll, as they stand now. */
  pollEffects(id: string): Promise<Readonly<Record<EffectState, number>>>
  /** Tickets whose newest content came with this poll and is not planned yet. */
  pollUnplanned(id: string): Promise<number>

  // Working at effects. Whoever works at a bridge holds its claim; all of these but `nextWork` throw ClaimLost.

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
