/** What the store keeps of the readings of ticket desks, and how tickets come in by them. */
import type { RawTicket } from '../model/ticket.ts'
import type { RunError, RunStatus } from './store.ts'
import type { EffectState } from './tickets.ts'

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

/** One transaction or nothing, each of these methods. */
export interface PollStore {
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
}
