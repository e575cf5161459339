/** Notes of an incident as the REST API shows and takes them. */
import { badRequest, isObject } from './answers.ts'
import { readText } from './field-values.ts'
import type { CommentRow, IncidentRow, IncidentStore, Principal } from './incident-store.ts'
import { type HtmlPolicy, sanitised, shownText, type TextContent, type TextFormat } from './rich-text.ts'

export interface Comments {
  /** Those without a parent, oldest first, each with its replies. */
  list(incident: IncidentRow, name: string, as: TextFormat): readonly unknown[]
  show(row: CommentRow, incidentName: string, as: TextFormat): unknown
  /** @throws RequestError 400 */
  add(incidentId: number, body: unknown, by: Principal): CommentRow
  /** @throws RequestError 400 */
  edit(row: CommentRow, body: unknown): CommentRow
  /** Rows as real incidents have them: one without text, and one with replies to replies. */
  addOddOnes(incidentId: number): void
}

export const analyst: Principal = { id: 2, type: 'user', name: 'Example Analyst' }

export function createComments(store: IncidentStore, html: HtmlPolicy, now: () => number): Comments {
  const insert = (incidentId: number, text: TextContent | null, by: Principal, parentId: number | null) =>
    store.comments.add({ incidentId, parentId, text, by, createdAt: now(), modifiedAt: now() })

  const readParent = (incidentId: number, given: unknown): number | null => {
    if (given === undefined || given === null) return null
    const parent = typeof given === 'number' ? store.comments.get(incidentId, given) : undefined
    if (parent === undefined) throw badRequest(`There is no comment ${JSON.stringify(given)} to reply to.`)
    return parent.id
  }
  const read = (body: unknown): TextContent => {
    const text = isObject(body) ? readText(body.text) : undefined
    if (text === undefined) throw badRequest('A comment must have "text": a string, or format and content.')
    if (text.content.trim() === '') throw badRequest('The text of a comment is required.')
    return sanitised(text, html)
  }
  const shown = (
    row: CommentRow,
    siblings: readonly CommentRow[],
    incidentName: string,
    as: TextFormat,
  ): unknown => {
    const replies = siblings.filter(({ parentId }) => parentId === row.id)
    return {
      ...rowShape(row, incidentName),
      text: shownText(row.text, as),
      children: replies.map((reply) => shown(reply, siblings, incidentName, as)),
    }
  }
  return {
    list(incident, name, as) {
      const rows = store.comments.of(incident.id)
      return rows.filter(({ parentId }) => parentId === null).map((row) => shown(row, rows, name, as))
    },
    show: (row, name, as) => shown(row, store.comments.of(row.incidentId), name, as),
    add(incidentId, body, by) {
      const text = read(body)
      return insert(incidentId, text, by, readParent(incidentId, isObject(body) ? body.parent_id : null))
    },
    edit(row, body) {
      const changed = { ...row, text: read(body), modifiedAt: now() }
      store.comments.replace(changed)
      return changed
    },
    addOddOnes(incidentId) {
      insert(incidentId, null, analyst, null)
      const text = (content: string): TextContent => ({ format: 'text', content })
      const first = insert(incidentId, text('Who looks at this one?'), analyst, null)
      const reply = insert(incidentId, text('I do.'), analyst, first.id)
      insert(incidentId, null, analyst, reply.id)
    },
  }
}

function rowShape(row: CommentRow, incidentName: string): Readonly<Record<string, unknown>> {
  const { id, incidentId, parentId, by, createdAt, modifiedAt } = row
  const [first = '', last = ''] = by.name.split(' ', 2)
  const isUser = by.type === 'user'
  const user = isUser ? { id: by.id, first_name: first, last_name: last } : null
  return {
    ...{ type: 'incident', id, parent_id: parentId, user_id: isUser ? by.id : null },
    ...{ user_fname: isUser ? first : null, user_lname: isUser ? last : null, user_name: by.name },
    ...{ create_date: createdAt, modify_date: modifiedAt, mentioned_users: [], is_deleted: false },
    ...{ modify_user: user, actions: [], playbooks: [], inc_id: incidentId, inc_name: incidentName },
    ...{ task_id: null, task_name: null, task_custom: null, task_members: null, task_at_id: null },
    ...{ inc_owner: 1, comment_perms: { update: true, delete: true } },
    modify_principal: { id: by.id, type: by.type, name: '', display_name: by.name },
  }
}
