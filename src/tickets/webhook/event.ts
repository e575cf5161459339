/** What a webhook gets: one JSON document for each thing that happens to a ticket. */
import { createHash } from 'node:crypto'
import type { Ticket } from '../../model/ticket.ts'
import type { OutgoingFile, OutgoingNote } from '../incident-sink.ts'

export type WebhookEvent =
  | 'ticket.created'
  | 'ticket.updated'
  | 'ticket.closed'
  | 'ticket.reopened'
  | 'ticket.note'
  | 'ticket.attachment'

export interface EventParts {
  readonly bridge: string
  /** What the receiver called the incident when it was created; null: that is this event. */
  readonly incidentId: string | null
  readonly ticket: Ticket
  readonly note?: OutgoingNote
  readonly file?: OutgoingFile
}

export function eventBody(event: WebhookEvent, parts: EventParts): string {
  const { bridge, incidentId, ticket, note, file } = parts
  return JSON.stringify({
    event,
    bridge,
    ticketId: ticket.id,
    incidentId,
    status: ticket.status ?? null,
    closed: ticket.closed,
    ...(ticket.closed && { closingReason: ticket.closingReason ?? null }),
    ...(note !== undefined && { note: noteMember(note) }),
    ...(file !== undefined && { attachment: fileMember(file) }),
    ticket: ticket.raw,
  })
}

function noteMember(outgoing: OutgoingNote) {
  if ('text' in outgoing) return { marker: outgoing.marker, text: outgoing.text, createdAt: null }
  const { createdAt, type, createdBy, text } = outgoing.note
  return {
    marker: outgoing.marker,
    text,
    createdAt: createdAt === undefined ? null : new Date(createdAt).toISOString(),
    ...(type !== undefined && { type }),
    ...(createdBy !== undefined && { createdBy }),
  }
}

function fileMember({ attachment, name, content }: OutgoingFile) {
  return {
    id: attachment.id,
    name: name ?? attachment.name ?? null,
    size: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    contentBase64: content.toString('base64'),
  }
}
