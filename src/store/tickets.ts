/** Tickets and effects, as the store keeps them. */
import type { RawTicket } from '../model/ticket.ts'

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
