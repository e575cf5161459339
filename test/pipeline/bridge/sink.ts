/** An incident sink in memory, honest about what it has, with faults that are asked for. */
import type { Ticket, TicketAttachment } from '../../../src/model/ticket.ts'
import {
  type Applied,
  type Call,
  type ChangePage,
  type Incident,
  type IncidentClosing,
  IncidentGone,
  type IncidentSink,
  type OutgoingFile,
  type OutgoingNote,
  type SinkComment,
  type SinkMemory,
} from '../../../src/tickets/incident-sink.ts'
import { createFaults, type Faults } from './faults.ts'

export interface KeptNote {
  readonly id: string
  readonly marker: string
  readonly text: string
}

export interface KeptFile {
  readonly id: string
  readonly attachment: string
  readonly content: Buffer
}

export interface KeptIncident {
  readonly id: string
  readonly ticketId: string
  status: 'open' | 'closed'
  closing: IncidentClosing | undefined
  /** The status of the ticket as last written. */
  field: string
  readonly notes: KeptNote[]
  readonly files: KeptFile[]
  readonly comments: SinkComment[]
  changed: number
}

export interface Sink extends IncidentSink, Faults {
  readonly incidents: Map<string, KeptIncident>
  of(ticketId: string): readonly KeptIncident[]
  one(ticketId: string): KeptIncident
  /** As an earlier bridge did. */
  make(ticketId: string, more?: Partial<KeptIncident>): KeptIncident
  // What analysts do.
  closeIncident(id: string, closing?: Partial<IncidentClosing>): void
  reopenIncident(id: string): void
  deleteIncident(id: string): void
  comment(id: string, text: string): void
  /** Requests with this key are taken once. */
  readonly keys: string[]
  maxBytes: number
  codes: readonly string[]
}

export function createSink({ readable = true }: { readonly readable?: boolean } = {}): Sink {
  const incidents = new Map<string, KeptIncident>()
  const faults = createFaults()
  const keys: string[] = []
  const answers = new Map<string, unknown>()
  let ids = 2000
  let clock = 0

  const kept = (id: string): KeptIncident => {
    const found = incidents.get(id)
    if (found === undefined) throw new IncidentGone(id)
    return found
  }
  const seen = ({ id, status, closing }: KeptIncident): Incident => ({
    id,
    url: `https://soar.example/#incidents/${id}`,
    status,
    ...(closing !== undefined && { closing }),
  })
  const change = (id: string, how: (incident: KeptIncident) => void) => {
    const incident = kept(id)
    how(incident)
    incident.changed = ++clock
  }
  const make: Sink['make'] = (ticketId, more = {}) => {
    const id = String(++ids)
    const incident = {
      ...{ id, ticketId, status: 'open' as const, closing: undefined, field: '' },
      ...{ notes: [], files: [], comments: [], changed: ++clock },
      ...more,
    }
    incidents.set(id, incident)
    return incident
  }
  const set = (id: string, status: 'open' | 'closed', closing?: IncidentClosing) =>
    change(id, (incident) => {
      incident.status = status
      incident.closing = closing
    })
  /** One that can't be asked takes each key once. */
  const write = <T>(call: string, about: string, { signal, idempotencyKey }: Call, work: () => T) =>
    faults.run(call, about, signal, () => {
      keys.push(idempotencyKey)
      if (readable) return work()
      if (!answers.has(idempotencyKey)) answers.set(idempotencyKey, work())
      return answers.get(idempotencyKey) as T
    })
  const applied = (memory: SinkMemory, events: Applied['events'] = []): Applied => ({ memory, events })
  const memoryOf = ({ status = '' }: Ticket): SinkMemory => ({ status })
  const textOf = (note: OutgoingNote) => ('text' in note ? note.text : note.note.text)

  const sink: Sink = Object.assign(faults, {
    ...{ incidents, keys, make, readable },
    changesEveryMs: 60_000,
    maxBytes: 1000,
    codes: ['Done'] as readonly string[],
    of: (ticketId: string) => [...incidents.values()].filter((each) => each.ticketId === ticketId),
    one(ticketId: string) {
      const [incident, ...more] = sink.of(ticketId)
      if (incident === undefined || more.length > 0) throw new Error(`not one incident of ${ticketId}`)
      return incident
    },
    closeIncident(id: string, closing: Partial<IncidentClosing> = {}) {
      set(id, 'closed', { key: `closing ${clock}`, code: 'Done', summary: `seen to ${clock}`, ...closing })
    },
    reopenIncident: (id: string) => set(id, 'open'),
    deleteIncident: (id: string) => void incidents.delete(id),
    comment: (id: string, text: string) =>
      change(id, ({ comments }) => comments.push({ id: `c${++ids}`, text })),
    maxFileBytes: async () => sink.maxBytes,
    find: (ticketId: string, signal: AbortSignal) =>
      faults.run('find', ticketId, signal, () => sink.of(ticketId).map(seen)),
    read: (id: string, signal: AbortSignal) =>
      faults.run('read', id, signal, () => {
        const incident = incidents.get(id)
        return incident && { ...seen(incident), ticketId: incident.ticketId }
      }),
    create: (ticket: Ticket, call: Call) =>
      write('create', ticket.id, call, () => {
        const incident = make(ticket.id, { field: ticket.status ?? '' })
        return { ...applied(memoryOf(ticket)), incident: seen(incident) }
      }),
    async update(id: string, ticket: Ticket, memory: SinkMemory, call: Call) {
      const { status } = memory
      if (status === ticket.status) return applied(memory)
      return write('patch', ticket.id, call, () => {
        change(id, (incident) => {
          incident.field = ticket.status ?? ''
        })
        return applied(memoryOf(ticket))
      })
    },
    close: (id: string, ticket: Ticket, _: SinkMemory, call: Call) =>
      write('closeIncident', ticket.id, call, () => {
        if (kept(id).status === 'open') set(id, 'closed', { key: `ours ${clock}`, code: 'Ticket' })
        return applied(memoryOf(ticket))
      }),
    reopen: (id: string, ticket: Ticket, memory: SinkMemory, call: Call) =>
      write('reopen', ticket.id, call, () => {
        if (kept(id).status === 'closed') set(id, 'open')
        return applied(memory)
      }),
    addNote: (id: string, ticket: Ticket, note: OutgoingNote, call: Call) =>
      write('note', ticket.id, call, () => {
        const added = { id: `n${++ids}`, marker: note.marker, text: textOf(note) }
        change(id, ({ notes }) => notes.push(added))
        return added.id
      }),
    addFile: (id: string, ticket: Ticket, { attachment, content }: OutgoingFile, call: Call) =>
      write('file', ticket.id, call, () => {
        const added = { id: `f${++ids}`, attachment: attachment.id, content }
        change(id, ({ files }) => files.push(added))
        return added.id
      }),
    notesPresent: (id: string, notes: readonly OutgoingNote[], signal: AbortSignal) =>
      faults.run('notesPresent', id, signal, () => {
        const there = kept(id).notes.filter(({ marker }) => notes.some((each) => each.marker === marker))
        return new Map(there.map((each) => [each.marker, each.id]))
      }),
    filesPresent: (id: string, attachments: readonly TicketAttachment[], signal: AbortSignal) =>
      faults.run('filesPresent', id, signal, () => {
        const wanted = new Set(attachments.map((each) => each.id))
        const there = kept(id).files.filter(
          ({ attachment, content }) => wanted.has(attachment) && content.length > 0,
        )
        return new Map(
          there.map((each) => [each.attachment, { id: each.id, bytes: each.content.length }] as const),
        )
      }),
    async *changes(cursor: string | null, signal: AbortSignal): AsyncGenerator<ChangePage> {
      const from = Number(cursor ?? clock)
      const changed = await faults.run('changes', '', signal, () =>
        [...incidents.values()].filter((each) => each.changed > from),
      )
      const changes = changed.map((each) => ({ ticketId: each.ticketId, incident: seen(each) }))
      yield { changes, cursor: String(clock) }
    },
    comments: (incident: Incident, _: Ticket, signal: AbortSignal) =>
      faults.run('comments', incident.id, signal, () => kept(incident.id).comments),
    deskCloseCodes: () => sink.codes,
    preview: async () => ({}),
    check: async () => [],
  })
  return sink
}
