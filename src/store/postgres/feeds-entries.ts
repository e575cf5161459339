/** The entries of a feed, best first, as of one moment. */
import type { EntriesAbout, EntriesQuery, FeedDefinition, StoredEntry } from '../feed-store.ts'
import type { FeedRow } from './feeds-difference.ts'
import { definitionHash, filterSql } from './feeds-filter.ts'
import { openHeld } from './feeds-held.ts'
import { type EntriesSource, type LookMemory, lookName, lookThrough, ofTypes } from './feeds-look.ts'
import { feedColumns, stateOf } from './feeds-members.ts'
import { valuePages } from './feeds-values.ts'
import { parameters } from './parameters.ts'
import type { Queryable } from './queryable.ts'
import { typeName } from './types.ts'

export interface Entries {
  readonly about: EntriesAbout
  readonly pages: AsyncIterable<readonly StoredEntry[]>
}

/** Rows of one page: few enough for a short stop of the event loop, many enough for the way to the database. */
const pageRows = 5000

/**
 * In a transaction that sees one moment of the store. What changed since the list was last looked at and fits its
 * filter no longer is not among them: the next look takes it out.
 * @returns undefined where there is no list, or it is held and its entries can't be told any more
 */
export async function openEntries(
  session: Queryable,
  definition: FeedDefinition,
  query: EntriesQuery,
  looks: LookMemory,
): Promise<Entries | undefined> {
  const [row] = await session.query<FeedRow>(`select ${feedColumns} from feed f where f.name = $1`, [
    definition.name,
  ])
  if (row === undefined) return undefined
  if (row.held !== null) {
    const held = await openHeld(session, row, query)
    if (held === undefined) return undefined
    const { otherTypes, ambiguous, pages } = held
    return { about: { state: stateOf(row), otherTypes, ambiguous }, pages }
  }
  // Sorting a big list on disk takes several times as long.
  await session.execute(`set local work_mem = '64MB'`)
  const state = stateOf(row)
  if (!(await isAsOfNow(session, row, definition))) {
    await countAnew(session, row)
    const source = current(row, definition)
    const look = await lookThrough(session, source, definition, query)
    return { about: { state, ...look }, pages: cursorPages(session, source, query) }
  }
  const name = lookName(row, query)
  const look = looks.get(name) ?? (await lookThrough(session, listed(row), definition, query))
  looks.set(name, look)
  if (!query.json) return { about: { state, ...look }, pages: valuePages(session, row, query) }
  await countAnew(session, row)
  return { about: { state, ...look }, pages: cursorPages(session, current(row, definition), query) }
}

/** Whether nothing in the list was touched since it was last looked at: what its members say of them is right. */
async function isAsOfNow(session: Queryable, row: FeedRow, definition: FeedDefinition): Promise<boolean> {
  if (row.definition !== definitionHash(definition)) return false
  const [found] = await session.query<{ touched: boolean }>(
    `select exists (
       select from feed_member m where m.feed = $1 and m.present and m.key in (
         select i.key from indicator i where i.seq > $2
         union all
         select c.key from change c where c.seq > $2)) as touched
     from clock where seq > $2`,
    [row.id, row.seq],
  )
  return found?.touched !== true
}

const manyEntries = 5000

/**
 * A list that was filled just now looks small to the planner, which would look up each entry by itself: after counting,
 * a big list is read twice as fast. The database counts by itself as well, but up to a minute later.
 */
async function countAnew(session: Queryable, { id, entries }: FeedRow): Promise<void> {
  if (entries < manyEntries) return
  const expected = [
    ['feed_member', `select from feed_member where feed = ${id} and present`],
    ['indicator', 'select from indicator'],
  ] as const
  for (const [table, statement] of expected) {
    const [top = ''] = await planOf(session, statement)
    const rows = Number(/ rows=(\d+) /.exec(top)?.[1])
    if (rows < entries / 2) await session.execute(`analyze (skip_locked) ${table}`)
  }
}

async function planOf(session: Queryable, statement: string): Promise<readonly string[]> {
  const rows = await session.query<{ 'QUERY PLAN': string }>(`explain ${statement}`)
  return rows.map((row) => row['QUERY PLAN'])
}

/** What the members say of themselves. */
function listed({ id }: FeedRow): EntriesSource {
  return {
    from: (given) => `feed_member m where m.feed = ${given.add(id)} and m.present`,
    type: 'm.type',
    value: 'm.value',
  }
}

/** The members as they are now, without those that do not fit any more. */
function current({ id }: FeedRow, definition: FeedDefinition): EntriesSource {
  return {
    from: (given) => `feed_member m join indicator i on i.key = m.key
      where m.feed = ${given.add(id)} and m.present and ${filterSql(definition, given)}`,
    type: 'i.type',
    value: 'i.value',
  }
}

async function* cursorPages(
  session: Queryable,
  { from }: EntriesSource,
  query: EntriesQuery,
): AsyncGenerator<readonly StoredEntry[]> {
  const given = parameters()
  const record = query.json ? ', i.body as json, i.added_at as "addedAt", i.changed_at as "changedAt"' : ''
  await session.execute(
    `declare entries no scroll cursor for
     select i.type, i.value${record} from ${from(given)} ${ofTypes(query, 'i.type', given)}
     order by i.rank desc, i.key`,
    given.values,
  )
  const fetchPage = () => session.query<EntryRow>(`fetch ${pageRows} from entries`)
  for (let next = fetchPage(); ; ) {
    const rows = await next
    const isLast = rows.length < pageRows
    // Read while the page before is written. Awaited one turn later: until then a failure is nobody's.
    if (!isLast) next = fetchPage()
    next.catch(() => {})
    if (rows.length > 0) yield rows.map(entryOf)
    if (isLast) break
  }
  await session.execute('close entries')
}

interface EntryRow extends Omit<StoredEntry, 'type' | 'json'> {
  readonly type: number
  readonly json?: string
}

function entryOf(row: EntryRow): StoredEntry {
  return { json: '', ...row, type: typeName(row.type) }
}
