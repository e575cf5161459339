/** Whether a ticket changed: its version does not tell, for it differs at every read of the same state. */
import { createHash } from 'node:crypto'
import type { RawTicket } from '../../model/ticket.ts'
import type { TakenTicket } from '../../store/poll-store.ts'
import type { TicketDesk } from '../../tickets/ticket-desk.ts'

/** SHA-256 of the content without the version, 64 hexadecimal digits; the order of keys does not count. */
export function contentHash(raw: RawTicket): string {
  const { version: _, ...content } = raw
  return createHash('sha256')
    .update(JSON.stringify(sorted(content)))
    .digest('hex')
}

/** A ticket as the store takes it. @throws RangeError: nested too deep to be kept */
export function takenTicket(
  { id, raw }: { readonly id: string; readonly raw: RawTicket },
  desk: Pick<TicketDesk, 'ticketOf'>,
): Omit<TakenTicket, 'version'> {
  const { version: _, ...content } = raw
  const { status, title, updatedAt } = desk.ticketOf(id, content)
  return {
    id,
    raw: content,
    hash: contentHash(content),
    status: status ?? null,
    title: title ?? null,
    updatedAt: updatedAt ?? null,
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]))
}
