/** What a simulated organisation holds: incidents with their notes, files and artifacts. */
import type { FieldValue } from './field-values.ts'
import type { TextContent } from './rich-text.ts'

export interface IncidentRow {
  readonly id: number
  /** Goes up with each change of a field. */
  readonly vers: number
  /** By key: `name`, `properties.scwx_ctp_status`. */
  readonly values: Readonly<Record<string, FieldValue>>
  readonly createdAt: number
  readonly modifiedAt: number
}

/** Who did something: a person, or an API key. */
export interface Principal {
  readonly id: number
  readonly type: 'user' | 'apikey'
  readonly name: string
}

export interface CommentRow {
  readonly id: number
  readonly incidentId: number
  readonly parentId: number | null
  readonly text: TextContent | null
  readonly by: Principal
  readonly createdAt: number
  readonly modifiedAt: number
}

export interface AttachmentRow {
  readonly id: number
  readonly incidentId: number
  readonly name: string
  readonly contentType: string
  readonly description: string | null
  readonly bytes: Buffer
  readonly by: Principal
  readonly createdAt: number
}

export interface ArtifactRow {
  readonly id: number
  readonly incidentId: number
  readonly type: number
  readonly value: string
  readonly description: TextContent | null
  readonly by: Principal
  readonly createdAt: number
}

export interface IncidentStore {
  all(): readonly IncidentRow[]
  get(id: number): IncidentRow | undefined
  add(values: IncidentRow['values']): IncidentRow
  /** One version more. */
  change(row: IncidentRow, values: IncidentRow['values']): IncidentRow
  /** With everything under it. */
  remove(id: number): boolean
  readonly comments: Children<CommentRow>
  readonly attachments: Children<AttachmentRow>
  readonly artifacts: Children<ArtifactRow>
}

/** What belongs to incidents, in the order of the ids. */
interface Children<T extends { readonly id: number; readonly incidentId: number }> {
  of(incidentId: number): readonly T[]
  get(incidentId: number, id: number): T | undefined
  add(row: Omit<T, 'id'>): T
  replace(row: T): void
}

export function createIncidentStore(now: () => number, idsFrom: number): IncidentStore {
  const rows = new Map<number, IncidentRow>()
  let nextId = idsFrom
  // Whether a note or file changes `vers` is not known. Inferred: it is a change of the incident, but of no field.
  const touch = (id: number) => {
    const row = rows.get(id)
    if (row !== undefined) rows.set(id, { ...row, modifiedAt: now() })
  }
  const comments = createChildren<CommentRow>(touch)
  const attachments = createChildren<AttachmentRow>(touch)
  const artifacts = createChildren<ArtifactRow>(touch)
  return {
    ...{ comments, attachments, artifacts },
    all: () => [...rows.values()],
    get: (id) => rows.get(id),
    add(values) {
      const row = { id: nextId, vers: 1, values, createdAt: now(), modifiedAt: now() }
      rows.set(row.id, row)
      nextId += 1
      return row
    },
    change(row, values) {
      const changed = { ...row, vers: row.vers + 1, values: { ...row.values, ...values }, modifiedAt: now() }
      rows.set(row.id, changed)
      return changed
    },
    remove(id) {
      for (const children of [comments, attachments, artifacts]) children.removeOf(id)
      return rows.delete(id)
    },
  }
}

function createChildren<T extends { readonly id: number; readonly incidentId: number }>(
  touch: (incidentId: number) => void,
) {
  const rows = new Map<number, Map<number, T>>()
  let lastId = 0
  return {
    of: (incidentId: number) => [...(rows.get(incidentId)?.values() ?? [])],
    get: (incidentId: number, id: number) => rows.get(incidentId)?.get(id),
    add(given: Omit<T, 'id'>): T {
      lastId += 1
      const row = { ...given, id: lastId } as T
      this.replace(row)
      return row
    },
    replace(row: T): void {
      const siblings = rows.get(row.incidentId) ?? new Map<number, T>()
      siblings.set(row.id, row)
      rows.set(row.incidentId, siblings)
      touch(row.incidentId)
    },
    removeOf: (incidentId: number) => void rows.delete(incidentId),
  }
}
