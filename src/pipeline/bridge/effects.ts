/** The effects there are: how each is named, what it carries, and the words that a bridge writes by itself. Pure. */
import { createHash } from 'node:crypto'
import { markerOf, type TicketAttachment, type TicketNote, ticketMark } from '../../model/ticket.ts'
import type { BridgeEnd } from '../../store/ticket-store.ts'
import type { Effect, EffectKind, NewEffect } from '../../store/tickets.ts'
import type { IncidentClosing, OutgoingNote, SinkComment } from '../../tickets/incident-sink.ts'

/** Of `ctp_worklog`. */
export interface CommentPayload {
  readonly text: string
  readonly marker: string
}

/** Of `ctp_close`. */
export interface ClosingPayload {
  readonly closing: IncidentClosing
}

/** The first incident of a ticket is 1; each one that is made again has a number of its own. */
export function generationOf(known: ReadonlySet<string>): number {
  let creates = 0
  for (const each of known) if (each.startsWith('create/')) creates++
  return creates
}

export function nameOf({ kind, key }: Pick<Effect, 'kind' | 'key'>): string {
  return `${kind}/${key}`
}

export function createEffect(generation: number): NewEffect {
  return { kind: 'create', key: generation === 1 ? '1' : `resync ${generation}`, payload: {} }
}

export function noteEffect(note: TicketNote, generation: number): NewEffect {
  const { marker } = note
  const payload: OutgoingNote = { marker, note }
  return { kind: 'note', key: keyOf(marker, generation), payload }
}

/** A note of the bridge itself. @param key tells it from the others of the ticket */
export function textEffect(ticketId: string, key: string, text: string): NewEffect {
  const payload: OutgoingNote = { marker: markerOf(ticketId, key), text }
  return { kind: 'note', key, payload }
}

export function attachmentEffect({ id, name }: TicketAttachment, generation: number): NewEffect {
  const payload: TicketAttachment = { id, ...(name !== undefined && { name }) }
  return { kind: 'attachment', key: keyOf(id, generation), payload }
}

export function fieldsEffect(
  kind: 'patch' | 'close' | 'reopen',
  revision: number,
  generation: number,
): NewEffect {
  return { kind, key: keyOf(`r${revision}`, generation), payload: {} }
}

export function linkEffect(generation: number): NewEffect {
  return { kind: 'ctp_update', key: keyOf('1', generation), payload: {} }
}

/** The ticket is to be closed, since its incident is. */
export function ticketClosing(closing: IncidentClosing): NewEffect {
  const payload: ClosingPayload = { closing }
  return { kind: 'ctp_close', key: closing.key, payload }
}

/** A comment of the incident goes to the ticket. */
export function ticketComment(ticketId: string, { id, text }: SinkComment): NewEffect {
  const payload: CommentPayload = { text, marker: markerOf(ticketId, 'comment', id) }
  return { kind: 'ctp_worklog', key: id, payload }
}

function keyOf(key: string, generation: number): string {
  return generation > 1 ? `${key} resync ${generation}` : key
}

// What was written by the builders above.

export const noteOf = (effect: Pick<Effect, 'payload'>) => effect.payload as OutgoingNote
export const attachmentOf = (effect: Pick<Effect, 'payload'>) => effect.payload as TicketAttachment
export const closingOf = (effect: Pick<Effect, 'payload'>) => (effect.payload as ClosingPayload).closing
export const commentOf = (effect: Pick<Effect, 'payload'>) => effect.payload as CommentPayload

// Which ends they need

const deskKinds: ReadonlySet<EffectKind> = new Set(['ctp_close', 'ctp_worklog', 'ctp_update'])

/** Where it is done. */
export function endOf({ kind }: Pick<Effect, 'kind'>): BridgeEnd {
  return deskKinds.has(kind) ? 'desk' : 'sink'
}

/** An attachment is read there. */
export function needsDesk({ kind }: Pick<Effect, 'kind'>): boolean {
  return kind === 'attachment' || deskKinds.has(kind)
}

/** They look before they write: what is not known of them is settled by doing them again. */
const repeatable: ReadonlySet<EffectKind> = new Set(['patch', 'close', 'reopen', 'ctp_update'])

export function mayBeRepeated({ kind }: Pick<Effect, 'kind'>): boolean {
  return repeatable.has(kind)
}

/** What of it is in doubt, the sink's memory does not know: it must not tell the next one that nothing changed. */
export function isRemembered({ kind }: Pick<Effect, 'kind'>): boolean {
  return kind === 'patch' || kind === 'close' || kind === 'reopen'
}

/**
 * The same for each try. What a server with an empty store would do once more is told as the same; a revision's number
 * alone would not tell its content from that of another store.
 */
export function idempotencyKeyOf(effect: Effect): string {
  const { bridge, ticketId, kind, key, createdAt } = effect
  const of = [bridge, ticketId, kind, key, mayBeRepeated(effect) ? createdAt : '']
  return createHash('sha256').update(JSON.stringify(of)).digest('hex').slice(0, 32)
}

// Words

export function commentText({ text, marker }: CommentPayload): string {
  return `${text}\n\n${ticketMark(marker)}`
}

/** Of the note or the request at the desk that stands for a closing. */
export function closingMarker(effect: Pick<Effect, 'ticketId' | 'key'>): string {
  return markerOf(effect.ticketId, 'ctp_close', effect.key)
}

export function closingRequest(effect: Effect): string {
  const { summary } = closingOf(effect)
  const asked = 'The incident of this ticket was closed. Please close the ticket.'
  return `${summary === undefined || summary === '' ? asked : `${asked}\n\n${summary}`}\n\n${ticketMark(closingMarker(effect))}`
}

/** As texts are compared: a desk may keep white space in another way. */
export function textKey(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** Text that an effect writes to the ticket, where it can come back as a note of it without a mark. */
export function sentText(effect: Pick<Effect, 'kind' | 'payload'>): string | undefined {
  if (effect.kind === 'ctp_close') return closingOf(effect).summary
  return effect.kind === 'ctp_worklog' ? commentOf(effect).text : undefined
}

export function closedNote(effect: Effect): NewEffect {
  const { ticketId, key } = effect
  return textEffect(ticketId, `ticket closed ${key}`, `Secureworks ticket ${ticketId} closed.`)
}

export function askedNote(effect: Effect): NewEffect {
  const { ticketId, key } = effect
  const text = `Secureworks was asked to close ticket ${ticketId}: only its own people can.`
  return textEffect(ticketId, `ticket closing asked ${key}`, text)
}

export function notClosedNote(effect: Effect, reason: string): NewEffect {
  const { ticketId, key } = effect
  const text = `Secureworks ticket ${ticketId} could not be closed: ${reason}`
  return textEffect(ticketId, `ticket not closed ${key}`, text)
}
