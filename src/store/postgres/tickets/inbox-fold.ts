/** What a page of tickets makes of those that are stored, one after the other. Pure. */
import type { TakenTicket } from '../../poll-store.ts'
import { columnText } from '../values.ts'

export interface KnownTicket {
  readonly hash: string
  readonly updatedAt: string | null
}

export interface NotedVersion extends Pick<TakenTicket, 'id' | 'version' | 'status' | 'updatedAt'> {
  /** It came after a newer state of the ticket. */
  readonly outdated: boolean
}

export interface Folded {
  readonly versions: readonly NotedVersion[]
  /** New content of those that are stored: the last one, and how many there were. */
  readonly changed: ReadonlyMap<string, { readonly ticket: TakenTicket; readonly revisions: number }>
  /** Tickets of the page that were new or changed, and the others. */
  readonly stored: number
  readonly unchanged: number
}

/**
 * @param known what is stored, of each ticket of the page
 * @param created those of the page that were just stored as they are
 */
export function fold(
  tickets: readonly TakenTicket[],
  known: ReadonlyMap<string, KnownTicket>,
  created: ReadonlySet<TakenTicket>,
): Folded {
  const now = new Map(known)
  const changed = new Map<string, { ticket: TakenTicket; revisions: number }>()
  const versions: NotedVersion[] = []
  let stored = 0
  for (const ticket of tickets) {
    const { id, version, status, updatedAt, hash } = ticket
    const before = now.get(id)
    const outdated = before !== undefined && isOlder(updatedAt, before.updatedAt)
    versions.push({ id, version, status, updatedAt, outdated })
    const isNew = created.has(ticket)
    if (isNew) stored++
    if (isNew || outdated || before?.hash === hash) continue
    stored++
    now.set(id, { hash, updatedAt })
    changed.set(id, { ticket, revisions: (changed.get(id)?.revisions ?? 0) + 1 })
  }
  return { versions, changed, stored, unchanged: tickets.length - stored }
}

/** What has no time may be newer. */
export function isOlder(time: string | null, than: string | null): boolean {
  return time !== null && than !== null && Date.parse(time) < Date.parse(than)
}

/** As columns have them. A time that the database could not hold is none: one odd ticket must not keep a page out. */
export function storable<T extends Omit<TakenTicket, 'version'>>(ticket: T): T {
  const { id, status, title, updatedAt, hash } = ticket
  return {
    ...ticket,
    id: columnText(id),
    hash: columnText(hash),
    status: status === null ? null : columnText(status),
    title: title === null ? null : columnText(title),
    updatedAt: updatedAt === null ? null : storableTime(updatedAt),
  }
}

function storableTime(text: string): string | null {
  const time = Date.parse(text)
  const isPlain = time >= firstTime && time < endOfTimes
  return isPlain ? new Date(time).toISOString() : null
}

/** Years of four digits, as the store tells times. */
const firstTime = Date.parse('0001-01-01T00:00:00Z')
const endOfTimes = Date.parse('9999-12-31T00:00:00Z')
