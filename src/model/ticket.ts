/** A ticket of a desk, whatever the desk: what the bridge needs to know of it. */
import { createHash } from 'node:crypto'

export interface Ticket {
  readonly id: string
  /** In the desk's own words: `Pending`. */
  readonly status?: string
  readonly closed: boolean
  readonly title?: string
  /** RFC 3339. */
  readonly updatedAt?: string
  /** Why it was closed, in the desk's words; only of closed ones. */
  readonly closingReason?: string
  /** Oldest first. */
  readonly notes: readonly TicketNote[]
  readonly attachments: readonly TicketAttachment[]
  /** Why the desk's settings leave it out, for users; absent: they do not. */
  readonly leftOut?: string
  /** What of it could not be read, in words for users. */
  readonly oddities: readonly string[]
  /** As received, without its version. */
  readonly raw: RawTicket
}

export type RawTicket = Readonly<Record<string, unknown>>

export interface TicketNote {
  /** Tells this note from every other one, in any place that it was copied to. */
  readonly marker: string
  /** Milliseconds since the epoch. */
  readonly createdAt?: number
  readonly type?: string
  readonly createdBy?: string
  /** Plain text as received; empty where it has none. */
  readonly text: string
}

export interface TicketAttachment {
  readonly id: string
  /** As received: may hold what no file name may hold. */
  readonly name?: string
}

/**
 * Gives each note its marker. Equal notes are told apart by their number among equals, counted from the oldest: it stays
 * the same when newer ones come.
 * @param notes oldest first
 */
export function markedNotes(
  ticketId: string,
  notes: readonly Omit<TicketNote, 'marker'>[],
): readonly TicketNote[] {
  const seen = new Map<string, number>()
  return notes.map((note) => {
    const { createdAt, type, createdBy, text } = note
    const content = JSON.stringify([ticketId, createdAt, type, createdBy, text])
    const nth = seen.get(content) ?? 0
    seen.set(content, nth + 1)
    return { ...note, marker: markerOf(content, nth) }
  })
}

/** 12 hexadecimal digits. */
export function markerOf(...of: readonly (string | number)[]): string {
  return createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 12)
}

/** How a marker stands in a text that goes to an incident, and in one that goes to a ticket. */
export const incidentMark = (marker: string): string => `CTP-REF ${marker}`
export const ticketMark = (marker: string): string => `SOAR-REF ${marker}`

/** Whether the text was written to the ticket by a bridge: it came from the incident, and need not go there. */
export function isFromIncident(text: string): boolean {
  return /\bSOAR-REF [0-9a-f]{12}\b/.test(text)
}

/** The markers that stand in a text of an incident. */
export function incidentMarkers(text: string): readonly string[] {
  return [...text.matchAll(/\bCTP-REF ([0-9a-f]{12})\b/g)].map(([, marker = '']) => marker)
}
