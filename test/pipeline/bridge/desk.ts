/** A ticket desk in memory, honest about what it has, with faults that are asked for. */
import { markedNotes, type RawTicket, type Ticket } from '../../../src/model/ticket.ts'
import type { DeskClosing, TicketDesk } from '../../../src/tickets/ticket-desk.ts'
import { createFaults, errorOf, type Faults } from './faults.ts'

export interface RawNote {
  readonly createdAt?: number
  readonly type?: string
  readonly createdBy?: string
  readonly text: string
}

export interface RawContent {
  readonly status: string
  readonly priority: string
  readonly notes: readonly RawNote[]
  readonly attachments: readonly { readonly id: string; readonly name?: string }[]
  readonly health?: boolean
}

export interface Desk extends TicketDesk, Faults {
  /** Makes or changes a ticket, and what it says. */
  put(id: string, change?: Partial<RawContent>): void
  note(id: string, note: RawNote | string): void
  file(id: string, attachment: string, content: Buffer, name?: string): void
  raw(id: string): RawContent & RawTicket
  readonly files: Map<string, Buffer>
  readonly links: Map<string, string>
  /** Of every ticket; changed by tests. */
  closingBy: DeskClosing
  /** Versions of these are to be acknowledged before they can be closed. */
  readonly waitingVersions: Map<string, Set<string>>
}

const isClosed = (status: string) => status === 'Closed' || status === 'Resolved'

export function createDesk(): Desk {
  const tickets = new Map<string, RawContent>()
  const files = new Map<string, Buffer>()
  const links = new Map<string, string>()
  const waitingVersions = new Map<string, Set<string>>()
  const faults = createFaults()
  const raw = (id: string): RawContent & RawTicket => {
    const found = tickets.get(id)
    if (found === undefined) throw new Error(`no ticket ${id}`)
    return { ticketId: id, ...found }
  }
  const put: Desk['put'] = (id, change = {}) => {
    const before = tickets.get(id) ?? { status: 'Active', priority: 'LOW', notes: [], attachments: [] }
    tickets.set(id, { ...before, ...change })
  }
  const note: Desk['note'] = (id, given) => {
    const fresh = typeof given === 'string' ? { text: given, type: 'Client Note' } : given
    put(id, { notes: [...raw(id).notes, fresh] })
  }
  const desk: Desk = Object.assign(faults, {
    ...{ put, note, raw, files, links, waitingVersions },
    closingBy: { by: 'close' as const, codes: undefined },
    file(id: string, attachment: string, content: Buffer, name?: string) {
      files.set(attachment, content)
      const info = { id: attachment, ...(name !== undefined && { name }) }
      put(id, { attachments: [...raw(id).attachments, info] })
    },
    queues: ['INCIDENT:SECURITY'],
    everyMs: null,
    keepsMs: 24 * 3_600_000,
    ticketOf,
    async waiting() {
      return { tickets: [], unreadable: [], full: false }
    },
    acknowledge: (versions: Parameters<TicketDesk['acknowledge']>[0], signal: AbortSignal) =>
      faults.run('acknowledge', versions.map(({ ticketId }) => ticketId).join(), signal, () => {
        for (const { ticketId, version } of versions) waitingVersions.get(ticketId)?.delete(version)
        return versions.map((each) => ({ ...each, ok: true, code: 'SUCCESS' }))
      }),
    ticket: (id: string, signal: AbortSignal) =>
      faults.run('ticket', id, signal, () => (tickets.has(id) ? raw(id) : undefined)),
    attachment: (
      id: string,
      attachment: { readonly id: string },
      { maxBytes, signal }: { readonly maxBytes: number; readonly signal: AbortSignal },
    ) =>
      faults.run('download', `${id} ${attachment.id}`, signal, () => {
        const content = files.get(attachment.id)
        if (content === undefined) throw errorOf('desk', 'rejected', { status: 404 })
        const large = { tooLarge: true, bytes: content.length } as const
        return content.length > maxBytes ? large : { content }
      }),
    closing: (id: string, _: RawTicket, signal: AbortSignal) =>
      faults.run('closing', id, signal, () => desk.closingBy),
    close: (id: string, { code, note: text }: { code: string; note?: string }, signal: AbortSignal) =>
      faults.run('close', id, signal, () => {
        if ((waitingVersions.get(id)?.size ?? 0) > 0) throw errorOf('desk', 'unavailable', { status: 409 })
        if (isClosed(raw(id).status)) throw errorOf('desk', 'rejected', { status: 400 })
        note(id, { type: 'Client Note', text: text ?? '' })
        put(id, { status: 'Closed', closeCode: code } as Partial<RawContent>)
      }),
    addNote: (id: string, text: string, signal: AbortSignal) =>
      faults.run('addNote', id, signal, () => note(id, { type: 'Customer Comment', text })),
    assign: (id: string, text: string, signal: AbortSignal) =>
      faults.run('assign', id, signal, () => note(id, { type: 'Customer Comment', text })),
    link: (id: string, { id: incident }: { readonly id: string }, signal: AbortSignal) =>
      faults.run('link', id, signal, () => void links.set(id, incident)),
    check: async () => [],
  })
  return desk
}

function ticketOf(id: string, raw: RawTicket): Ticket {
  const content = raw as RawTicket & RawContent
  const { status, notes, attachments, health = false } = content
  return {
    id,
    status,
    closed: isClosed(status),
    title: `ticket ${id}`,
    notes: markedNotes(id, notes),
    attachments,
    ...(health && { leftOut: 'it is a health ticket' }),
    oddities: [],
    raw,
  }
}
