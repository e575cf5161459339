/** The organisation as somebody at the product sees and changes it, for tests and for trials by hand. */
import { sha256Of } from './attachments.ts'
import type { Installation } from './call.ts'
import { analyst } from './comments.ts'
import { shownField } from './field-store.ts'
import { readValue } from './field-values.ts'
import type { CommentRow, IncidentRow } from './incident-store.ts'

/** Selects as labels, texts as stored. */
export interface SoarIncident {
  readonly id: number
  readonly vers: number
  readonly plan_status: 'A' | 'C'
  readonly name: string
  readonly description: string | null
  /** Milliseconds since the epoch, as all dates. */
  readonly discovered_date: number
  readonly create_date: number
  readonly inc_last_modified_date: number
  readonly end_date: number | null
  readonly severity_code: string | null
  readonly resolution_id: string | null
  readonly resolution_summary: string | null
  readonly properties: Readonly<Record<string, unknown>>
  /** The other stock fields. */
  readonly [name: string]: unknown
}

export interface SoarComment {
  readonly id: number
  readonly parentId: number | null
  readonly format: 'html' | 'text' | null
  readonly text: string | null
  readonly user: string
  readonly createdAt: number
}

export interface SoarAttachment {
  readonly id: number
  readonly name: string
  readonly contentType: string
  readonly description: string | null
  readonly size: number
  readonly sha256: string
  readonly bytes: Buffer
  readonly createdAt: number
}

/** As `POST /incidents` takes it with names for handles. `discovered_date` default now, `name` default made up. */
export type SoarIncidentFields = Readonly<Record<string, unknown>>

export interface Operator {
  /** In the order of the ids. */
  incidents(): readonly SoarIncident[]
  incident(id: number): SoarIncident | undefined
  /** Those whose `scwx_ctp_ticket_id` it is: more than one are duplicates. */
  byTicket(ticketId: string): readonly SoarIncident[]
  /** Oldest first, replies among them. */
  comments(id: number): readonly SoarComment[]
  attachments(id: number): readonly SoarAttachment[]
  /** As the REST API shows them. */
  fields(): readonly Readonly<Record<string, unknown>>[]
  /** This and the following throw an Error that says what the product would refuse. */
  addIncident(fields: SoarIncidentFields): SoarIncident
  /** Values by the names of fields; custom ones with or without `properties.`; selects as labels. */
  edit(id: number, changes: Readonly<Record<string, unknown>>): SoarIncident
  closeByAnalyst(id: number, by: CloseByAnalyst): SoarIncident
  reopenByAnalyst(id: number): SoarIncident
  /** With all that is under it. */
  deleteIncident(id: number): void
  /** @param text taken for plain text */
  addComment(id: number, text: string, options?: { readonly user?: string }): SoarComment
  addAttachment(
    id: number,
    file: { readonly name: string; readonly content: string | Uint8Array },
  ): SoarAttachment
}

interface CloseByAnalyst {
  /** Label; default `Resolved`. */
  readonly resolution?: string
  /** Default `Closed by an analyst.` */
  readonly summary?: string
  /** Label of `scwx_ctp_close_code`. */
  readonly closeCode?: string
}

const formats = { handle: 'names', text: 'default' } as const

export function createOperator(installation: Installation): Operator {
  const { store, rules, fields, comments, show, now } = installation

  const snapshot = (row: IncidentRow) => show(row, formats, 'normal') as unknown as SoarIncident
  const rowOf = (id: number): IncidentRow => {
    const row = store.get(id)
    if (row === undefined) throw new Error(`There is no incident ${id}.`)
    return row
  }
  const incidents = () => store.all().map(snapshot)

  const edit: Operator['edit'] = (id, changes) => {
    const list = Object.entries(changes).map(([name, given]) => {
      const field = rules.writable(name)
      return { field, value: readValue(field, given, 'names') }
    })
    return snapshot(rules.change(rowOf(id), list))
  }
  return {
    incidents,
    edit,
    incident(id) {
      const row = store.get(id)
      return row === undefined ? undefined : snapshot(row)
    },
    byTicket: (ticketId) =>
      incidents().filter(({ properties }) => properties.scwx_ctp_ticket_id === ticketId),
    comments: (id) => store.comments.of(id).map(shownComment),
    attachments: (id) =>
      store.attachments.of(id).map(({ by, incidentId, ...row }) => ({
        ...row,
        size: row.bytes.length,
        sha256: sha256Of(row.bytes),
      })),
    fields: () => fields.all().map(shownField),
    addIncident(given) {
      const row = rules.create({ name: 'An incident', discovered_date: now(), ...given }, 'names')
      if (installation.insertOddComments) comments.addOddOnes(row.id)
      return snapshot(row)
    },
    closeByAnalyst(id, { resolution = 'Resolved', summary = 'Closed by an analyst.', closeCode }) {
      const code = closeCode === undefined ? {} : { scwx_ctp_close_code: closeCode }
      return edit(id, { plan_status: 'C', resolution_id: resolution, resolution_summary: summary, ...code })
    },
    reopenByAnalyst: (id) => edit(id, { plan_status: 'A' }),
    deleteIncident(id) {
      if (!store.remove(id)) throw new Error(`There is no incident ${id}.`)
    },
    addComment(id, text, { user = analyst.name } = {}) {
      const body = { text: { format: 'text', content: text } }
      return shownComment(comments.add(rowOf(id).id, body, { ...analyst, name: user }))
    },
    addAttachment(id, { name, content }) {
      const bytes = Buffer.from(content)
      const file = { name, bytes, contentType: 'application/octet-stream', description: null }
      const row = store.attachments.add({ ...file, incidentId: rowOf(id).id, by: analyst, createdAt: now() })
      return { id: row.id, ...file, size: bytes.length, sha256: sha256Of(bytes), createdAt: row.createdAt }
    },
  }
}

function shownComment({ id, parentId, text, by, createdAt }: CommentRow): SoarComment {
  const { format = null, content = null } = text ?? {}
  return { id, parentId, format, text: content, user: by.name, createdAt }
}
