/** What an effect is carried out with, and what comes of it. */
import type { Ticket } from '../../model/ticket.ts'
import type { Step, TicketChange, TicketStore, Work } from '../../store/ticket-store.ts'
import type { Effect } from '../../store/tickets.ts'
import type { Call } from '../../tickets/incident-sink.ts'
import type { Bridge } from './bridge.ts'
import { idempotencyKeyOf } from './effects.ts'
import type { FileRoom } from './file-room.ts'

export interface Carrying {
  readonly bridge: Pick<Bridge, 'name' | 'desk' | 'sink' | 'rules'>
  readonly store: Pick<TicketStore, 'unacknowledged' | 'noteAcknowledged'>
  readonly effect: Effect
  /** As it is now. */
  readonly ticket: Ticket
  readonly work: Work
  readonly files: FileRoom
  readonly signal: AbortSignal
  /** Milliseconds since the epoch. */
  now(): number
}

/** An effect that came to rest, with what else is to be written. */
export interface Carried {
  readonly state: 'done' | 'skipped' | 'dead'
  readonly reference?: string | null
  /** Why it is dead or skipped. */
  readonly error?: string
  readonly change?: TicketChange
  readonly add?: Step['add']
  readonly events?: Step['events']
  /** Others of the ticket that come to rest with it. */
  readonly others?: readonly {
    readonly effect: Effect
    readonly state: 'done' | 'skipped'
    readonly reference?: string | null
    readonly error?: string
  }[]
}

export function callOf({ effect, signal }: Pick<Carrying, 'effect' | 'signal'>): Call {
  return { idempotencyKey: idempotencyKeyOf(effect), signal }
}

/** Lanes keep everything back until there is one. */
export function incidentOf({ work }: Pick<Carrying, 'work'>) {
  const { incident } = work.ticket
  if (incident === null) throw new Error(`the ticket ${work.ticket.ticketId} has no incident`)
  return incident
}
