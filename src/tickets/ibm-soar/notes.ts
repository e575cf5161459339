/** Notes of an incident: ours, and those that the public app wrote before us. Pure. */
import { incidentMark, incidentMarkers, type TicketNote } from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import type { OutgoingNote } from '../incident-sink.ts'
import { asHtml, squeezed, textOf } from './html.ts'
import type { Json } from './wire.ts'

/** A comment of an incident, or a reply to one. */
export interface Comment {
  readonly id: string
  /** Without markup; empty where it has none. */
  readonly text: string
  readonly isDeleted: boolean
  /** Milliseconds. */
  readonly createdAt: number | undefined
  readonly author: string | undefined
}

/** All of them, replies behind what they reply to; what has no id is passed over, nothing can refer to it. */
export function commentsIn(rows: readonly Json[]): readonly Comment[] {
  return rows.flatMap((row) => {
    const { id, text, is_deleted: deleted, create_date: at, children } = row
    const replies = Array.isArray(children) ? commentsIn(children.filter(isObject)) : []
    if (typeof id !== 'number' && typeof id !== 'string') return replies
    const comment: Comment = {
      id: String(id),
      text: textOf(text),
      isDeleted: deleted === true,
      createdAt: typeof at === 'number' ? at : undefined,
      author: authorOf(row),
    }
    return [comment, ...replies]
  })
}

function authorOf({ modify_principal: principal, user_name: name }: Json): string | undefined {
  const shown = isObject(principal) ? principal.display_name : undefined
  const author = [name, shown].find((each) => typeof each === 'string' && each.trim() !== '')
  return typeof author === 'string' ? author.trim() : undefined
}

/** The mark stands behind everything else. @param html what is between; escaped already */
export function withMark(html: string, marker: string): string {
  return `${html}<br /><br />${incidentMark(marker)}`
}

export function plainNote(text: string, marker: string): string {
  return withMark(asHtml(text), marker)
}

/**
 * The mark of a comment that a bridge wrote. Another one may stand in its text, quoted; what people write below the
 * mark is a comment on it.
 */
function markOf({ text }: Comment): string | undefined {
  return incidentMarkers(squeezed(text)).at(-1)
}

/** Whether a bridge wrote it: the mark is the last of it. */
export function isOurs(comment: Comment): boolean {
  const marker = markOf(comment)
  return marker !== undefined && squeezed(comment.text).endsWith(incidentMark(marker))
}

/** @returns marker of a note to the id of the comment that it is */
export function presentNotes(
  comments: readonly Comment[],
  notes: readonly OutgoingNote[],
): ReadonlyMap<string, string> {
  const marked = new Map<string, string>()
  const unmarked: Comment[] = []
  for (const comment of comments) {
    const marker = markOf(comment)
    if (marker === undefined) unmarked.push(comment)
    else if (!marked.has(marker)) marked.set(marker, comment.id)
  }
  const present = new Map<string, string>()
  const open: { readonly marker: string; readonly note: TicketNote }[] = []
  for (const note of notes) {
    const id = marked.get(note.marker)
    if (id !== undefined) present.set(note.marker, id)
    else if ('note' in note) open.push(note)
  }
  for (const [marker, id] of worklogsPresent(unmarked, open)) present.set(marker, id)
  return present
}

/** What the public app wrote of a worklog. */
interface Worklog {
  readonly id: string
  /** Time and type: the public app knew no more of it. */
  readonly key: string
  readonly text: string
}

/**
 * The public app's notes are told by time and type. Several worklogs of one second and type are told apart by their
 * text, and, where its markup swallowed some of that, by their number.
 */
function worklogsPresent(
  comments: readonly Comment[],
  notes: readonly { readonly marker: string; readonly note: TicketNote }[],
): readonly (readonly [marker: string, id: string])[] {
  const found = Map.groupBy(
    comments.flatMap((comment) => worklogOf(comment) ?? []),
    ({ key }) => key,
  )
  // It wrote types as they are: what looks like markup in one was taken for markup.
  const wanted = Map.groupBy(notes, ({ note }) => worklogKey(note.createdAt, textOf(note.type)))
  return [...wanted].flatMap(([key, group]) => {
    const rest = [...(found.get(key) ?? [])]
    const pairs: (readonly [string, string])[] = []
    const take = (marker: string, fits: (worklog: Worklog) => boolean): boolean => {
      const at = rest.findIndex(fits)
      const [worklog] = at < 0 ? [] : rest.splice(at, 1)
      if (worklog !== undefined) pairs.push([marker, worklog.id])
      return worklog !== undefined
    }
    const unlike = group.filter(({ marker, note }) => {
      const spellings = [squeezed(note.text), squeezed(textOf(note.text))]
      return !take(marker, ({ text }) => spellings.includes(text))
    })
    for (const { marker } of unlike) take(marker, () => true)
    return pairs
  })
}

function worklogKey(createdAt: number | undefined, type: string): string {
  return JSON.stringify([createdAt, squeezed(type)])
}

const labels = {
  time: 'Secureworks CTP Worklog:',
  type: 'Type:',
  date: 'Date Created:',
  author: 'Created by:',
  text: 'Description:',
} as const

/** Its lines may have been joined; the labels stay. */
function worklogOf({ id, text }: Comment): Worklog | undefined {
  const line = squeezed(text)
  const at = line.indexOf(labels.time)
  if (at < 0) return undefined
  const rest = line.slice(at + labels.time.length)
  const [, time, more = ''] = /^ ?(\d{1,16})(?: (.*))?$/s.exec(rest) ?? []
  if (time === undefined) return undefined
  const dateAt = more.indexOf(labels.date)
  const head = dateAt < 0 ? more : more.slice(0, dateAt)
  const type = head.startsWith(labels.type) ? head.slice(labels.type.length) : ''
  const textAt = more.indexOf(labels.text)
  const said = textAt < 0 ? '' : more.slice(textAt + labels.text.length)
  return { id, key: worklogKey(Number(time), type), text: squeezed(said) }
}
