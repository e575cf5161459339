/** A CTP ticket as the bridge needs it. Every member may be absent, null or of another type than it should be. */
import {
  markedNotes,
  type RawTicket,
  type Ticket,
  type TicketAttachment,
  type TicketNote,
} from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import { Oddities, objectsOf, textOf, timeOf } from './odd.ts'
import { mapItems, mapMembers, mostLevels } from './plain.ts'
import { idText, likeness } from './wire.ts'

export interface TicketOptions {
  /** false: tickets about the health of devices are left out. */
  readonly includeHealth: boolean
}

/** Pure; takes anything, never throws. @param id what the ticket is called by here */
export function ticketOf(id: string, given: RawTicket, { includeHealth }: TicketOptions): Ticket {
  const oddities = new Oddities()
  if (!isObject(given)) oddities.add(`in place of the ticket there is ${likeness(given)}`)
  const { version: _, ...unversioned } = isObject(given) ? given : {}
  const raw = storable(unversioned, oddities)
  const text = (name: string) => textOf(raw[name], name, oddities)

  // A text column of the store takes no NUL.
  const status = text('status')?.replaceAll('\0', '\uFFFD')
  if (status === undefined) oddities.add('it has no status, and is taken for open')
  const title = text('symptomDescription')
  const updatedAt = timeOf(raw.dateModified, 'dateModified', oddities)
  const closed = isClosed(status)
  const closingReason = closed ? text('reason') : undefined
  const leftOut = includeHealth ? undefined : healthWords(raw)
  return {
    id,
    closed,
    ...(status !== undefined && { status }),
    ...(title !== undefined && { title }),
    ...(updatedAt !== undefined && { updatedAt: new Date(updatedAt).toISOString() }),
    ...(closingReason !== undefined && { closingReason }),
    notes: markedNotes(id, notesOf(raw.worklogs, oddities)),
    attachments: attachmentsOf(raw.attachmentInfo, oddities),
    ...(leftOut !== undefined && { leftOut }),
    oddities: oddities.list,
    raw,
  }
}

/** By the status alone: open tickets have been seen with a reason, and `dateClosed` may outlive a closing. */
function isClosed(status: string | undefined): boolean {
  return /^\s*(closed|resolved)\s*$/i.test(status ?? '')
}

type Note = Omit<TicketNote, 'marker'>

/**
 * They come newest first; within a second their order is all there is to tell it. Where a desk has them in another order
 * the times decide; a note without one stays behind the one that was before it.
 */
function notesOf(worklogs: unknown, oddities: Oddities): readonly Note[] {
  const oldestFirst = objectsOf(worklogs, 'worklogs', oddities).toReversed()
  let time = 0
  const timed: { readonly time: number; readonly note: Note }[] = []
  for (const worklog of oldestFirst) {
    const createdAt = timeOf(worklog.dateCreated, 'dateCreated of a worklog', oddities)
    const type = textOf(worklog.type, 'type of a worklog', oddities)
    const createdBy = textOf(worklog.createdBy, 'createdBy of a worklog', oddities)
    const text = textOf(worklog.description, 'description of a worklog', oddities) ?? ''
    if (createdAt === undefined && type === undefined && createdBy === undefined && text === '') {
      oddities.add('a worklog holds nothing')
      continue
    }
    time = createdAt ?? time
    const known = {
      ...(createdAt !== undefined && { createdAt }),
      ...(type !== undefined && { type }),
      ...(createdBy !== undefined && { createdBy }),
    }
    timed.push({ time, note: { ...known, text } })
  }
  return timed.sort((a, b) => a.time - b.time).map(({ note }) => note)
}

function attachmentsOf(attachmentInfo: unknown, oddities: Oddities): readonly TicketAttachment[] {
  const found = new Map<string, TicketAttachment>()
  for (const entry of objectsOf(attachmentInfo, 'attachmentInfo', oddities)) {
    const id = idText(entry.id)
    const name = textOf(entry.name, 'name of an attachment', oddities)
    if (id === undefined) {
      const called =
        name === undefined ? 'an attachment' : `the attachment ${JSON.stringify(name.slice(0, 100))}`
      oddities.add(`${called} has ${likeness(entry.id)} as its id, and can't be read`)
    } else if (!found.has(id)) {
      found.set(id, { id, ...(name !== undefined && { name }) })
    }
  }
  return [...found.values()]
}

/** Two public clients tell them by these. */
function healthWords({ eventSource, categorizationClass }: RawTicket): string | undefined {
  const is = (value: unknown, word: string) =>
    typeof value === 'string' && value.trim().toUpperCase() === word
  const sign = is(eventSource, 'CTP_HEALTH')
    ? 'eventSource is CTP_HEALTH'
    : is(categorizationClass, 'HEALTH')
      ? 'categorizationClass is Health'
      : undefined
  return sign && `it is about the health of a device (${sign}), and includeHealth is off`
}

/** With whole characters only, and nothing nested without end: half ones can't be sent or stored as UTF-8. */
function storable(raw: RawTicket, oddities: Oddities): RawTicket {
  let halves = 0
  let deep = 0
  const whole = (text: string): string => {
    if (text.isWellFormed()) return text
    halves += 1
    return text.toWellFormed()
  }
  const clean = (value: unknown, level: number): unknown => {
    if (typeof value === 'string') return whole(value)
    if (typeof value !== 'object' || value === null) return value
    if (level >= mostLevels) {
      deep += 1
      return null
    }
    if (Array.isArray(value)) return mapItems(value, (item) => clean(item, level + 1))
    return isObject(value) ? mapMembers(value, (item) => clean(item, level + 1), whole) : value
  }
  const cleaned = mapMembers(raw, (value) => clean(value, 1), whole)
  if (halves > 0) oddities.add(`${halves} texts hold half a character, which is replaced by U+FFFD`)
  if (deep > 0) oddities.add(`something is nested deeper than ${mostLevels} levels, and is left out`)
  return cleaned
}
