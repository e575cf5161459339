/**
 * Incidents of tickets that changed, oldest change first. A row moves to the end each time that somebody changes it, so
 * pages go by the time of the last change, never by a number of rows.
 */
import { randomUUID } from 'node:crypto'
import { isObject } from '../../upstream/json.ts'
import { type ChangePage, type Incident, type SinkChange, unlessGone } from '../incident-sink.ts'
import type { SoarClient } from './client.ts'
import { modifiedAt, ticketIdOf } from './incident.ts'
import { unreadable } from './refusal.ts'
import { custom, idOf, pageLength, type Row, ticketIdField } from './wire.ts'

/** A change may become visible after a later one, as long as its transaction takes. */
const overlapMs = 120_000

const modified = 'inc_last_modified_date'

export type Changes = (cursor: string | null, signal: AbortSignal) => AsyncIterable<ChangePage>

/**
 * The cursor is the time of the latest change, and which pages were dealt with since this process began: rows of those
 * are not handed out again, though each look begins two minutes before the cursor.
 */
export function soarChanges(
  client: SoarClient,
  incidentOf: (row: Row, signal: AbortSignal) => Promise<Incident>,
): Changes {
  const epoch = randomUUID().slice(0, 8)
  /** Incident and state of it, to the page that it was first handed out with; all pages of one look come in order. */
  const handed = new Map<string, { readonly page: number; readonly at: number }>()
  let pages = 0

  async function* changes(cursor: string | null, signal: AbortSignal): AsyncGenerator<ChangePage> {
    if (cursor === null) {
      yield { changes: [], cursor: `${await newest(client, signal)}` }
      return
    }
    const start = readCursor(cursor)
    const dealtWith = start.epoch === epoch ? start.page : -1
    const from = start.at - overlapMs
    for (const [state, { at }] of handed) if (at < from) handed.delete(state)
    let latest = start.at
    for await (const rows of pagesFrom(client, from, signal)) {
      latest = Math.max(latest, ...rows.map(timeOf))
      const fresh = rows.filter((row) => (handed.get(stateOf(row))?.page ?? Infinity) > dealtWith)
      pages += 1
      const page = pages
      for (const row of fresh) {
        if (!handed.has(stateOf(row))) handed.set(stateOf(row), { page, at: timeOf(row) })
      }
      const found: SinkChange[] = []
      for (const row of fresh) {
        const ticketId = ticketIdOf(row)
        if (ticketId !== undefined) found.push({ ticketId, incident: await incidentOf(row, signal) })
      }
      yield { changes: found, cursor: `${latest}/${epoch}/${page}` }
    }
  }
  return changes
}

interface Cursor {
  readonly at: number
  readonly epoch: string | undefined
  readonly page: number
}

function readCursor(cursor: string): Cursor {
  const [, at, epoch, page] = /^(\d{1,16})(?:\/(\w+)\/(\d+))?$/.exec(cursor) ?? []
  if (at === undefined) throw new Error(`"${cursor}" is no cursor of ours`)
  return { at: Number(at), epoch, page: Number(page ?? -1) }
}

function stateOf(row: Row): string {
  return `${idOf(row)} ${modifiedAt(row)} ${String(row.vers)}`
}

/** 0 where a server does not tell: such an incident is handed out with every look, and moves no cursor. */
function timeOf(row: Row): number {
  return modifiedAt(row) ?? 0
}

const ofTickets = { field_name: custom(ticketIdField), method: 'has_a_value' } as const

/** Milliseconds, of the server's clock; 0 where there is no incident of a ticket yet. */
async function newest(client: SoarClient, signal: AbortSignal): Promise<number> {
  const sort = { field_name: modified, type: 'desc' } as const
  const { rows } = await client.query({ conditions: [ofTickets], sort, start: 0, length: 1 }, signal)
  const [latest] = (await wholeRows(client, rows, signal)).rows
  return latest === undefined ? 0 : timeOf(latest)
}

/**
 * Some servers give short rows, whatever is asked for: such incidents are read, those that are gone are left out.
 * @returns readLater: what was read may be newer than the page, and its times say nothing of the order
 */
async function wholeRows(client: SoarClient, given: readonly Row[], signal: AbortSignal) {
  const rows: Row[] = []
  let readLater = false
  for (const row of given) {
    const isShort = modifiedAt(row) === undefined || !isObject(row.properties)
    readLater ||= isShort
    const whole = isShort ? await unlessGone(client.incident(idOf(row) ?? '', signal)) : row
    if (whole === undefined) continue
    rows.push(whole)
    readLater ||= modifiedAt(whole) === undefined
  }
  return { rows, readLater }
}

/** Every row that changed at `from` or later, none skipped, each state once; at least one page, maybe empty. */
async function* pagesFrom(
  client: SoarClient,
  from: number,
  signal: AbortSignal,
): AsyncGenerator<readonly Row[]> {
  const sort = { field_name: modified, type: 'asc' } as const
  const seen = new Set<string>()
  let at = Math.max(0, from)
  let start = 0
  /** Whether a row came new since the rows of one time were begun with: then they are looked through again. */
  let isNews = false
  for (;;) {
    const conditions = [ofTickets, { field_name: modified, method: 'gte', value: at }]
    const { rows: given } = await client.query({ conditions, sort, start, length: pageLength }, signal)
    const { rows, readLater } = await wholeRows(client, given, signal)
    const times = rows.map(timeOf)
    if (!readLater && times.some((time, index) => time < (times[index - 1] ?? 0))) {
      throw unreadable(`incidents that are not sorted by "${modified}"`, 200)
    }
    const fresh = rows.filter((row) => !seen.has(stateOf(row)))
    for (const row of fresh) seen.add(stateOf(row))
    yield fresh
    const last = readLater ? at : (times.at(-1) ?? at)
    const isLastPage = given.length < pageLength
    if (start > 0) isNews ||= fresh.some((row) => readLater || timeOf(row) === at)
    if (last > at && !isLastPage) {
      if (start > 0 && isNews) {
        // Rows that left this time while it was paged through moved others past the page's edge.
        start = 0
        isNews = false
        continue
      }
      at = last
      start = 0
      isNews = false
    } else if (!isLastPage) start += given.length
    else if (start > 0 && isNews) {
      start = 0
      isNews = false
    } else return
  }
}
