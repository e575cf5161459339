/** What a test or the demo does at the product's side, and sees there. */
import { type BulkOptions, bulkTickets } from './bulk.ts'
import type { AddOptions, Desk } from './desk.ts'
import { pendingOf } from './queue.ts'
import type { CtpTicket, CtpWorklog, NewAttachment, NewTicket, TicketFields } from './ticket.ts'

/** Methods that name a ticket throw when there is none. Each change is a new revision. */
export interface Operator {
  /** @throws Error when there is one of this id */
  addTicket(given?: NewTicket, options?: AddOptions): CtpTicket
  /** @returns their ids */
  addTickets(count: number, options?: BulkOptions): readonly string[]
  /** Sets these members, and takes away those that are undefined. */
  mutate(ticketId: string, fields: TicketFields): CtpTicket
  /** Before the others: the newest is the first. */
  addWorklog(ticketId: string, worklog: CtpWorklog): CtpTicket
  addAttachment(ticketId: string, attachment: NewAttachment): CtpTicket
  setStatus(ticketId: string, status: string, reason?: string): CtpTicket
  /** @throws Error when it is neither Closed nor Resolved */
  reopen(ticketId: string): CtpTicket
  ticket(ticketId: string): CtpTicket
  /** In the order in which they came. */
  tickets(): readonly CtpTicket[]
  /** 1 for a new one, one more with each change. */
  revision(ticketId: string): number
  /** Ids of those whose last change was not acknowledged, the oldest change first, of any age. */
  unacknowledged(): readonly string[]
  /** The bytes behind it. */
  attachment(ticketId: string, attachmentId: string): Uint8Array
}

export function createOperator(desk: Desk, now: () => number): Operator {
  return {
    addTicket: (given = {}, options = {}) => desk.add(given, options).ticket,
    addTickets: (count, options = {}) =>
      bulkTickets(count, Math.floor(now() / 1000) * 1000, options).map(
        (ticket) => desk.add(ticket).ticket.ticketId,
      ),
    mutate: (ticketId, fields) => desk.change(ticketId, () => fields).ticket,
    addWorklog: (ticketId, worklog) => desk.addWorklog(ticketId, worklog).ticket,
    addAttachment: (ticketId, attachment) => desk.addAttachment(ticketId, attachment).ticket,
    setStatus: (ticketId, status, reason) => desk.setStatus(ticketId, status, reason).ticket,
    reopen: (ticketId) => desk.reopen(ticketId).ticket,
    ticket: (ticketId) => desk.get(ticketId).ticket,
    tickets: () => desk.all().map(({ ticket }) => ticket),
    revision: (ticketId) => desk.get(ticketId).revision,
    unacknowledged: () => pendingOf(desk.all()).map(({ ticket }) => ticket.ticketId),
    attachment(ticketId, attachmentId) {
      const content = desk.get(ticketId).attachments.get(attachmentId)?.content
      if (content === undefined) throw new Error(`ticket ${ticketId} has no attachment ${attachmentId}`)
      return typeof content === 'function' ? content() : content
    },
  }
}
