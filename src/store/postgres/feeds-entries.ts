/** The entries of a feed, best first, as of one moment. */
import type { EntriesAbout, EntriesQuery, FeedDefinition, StoredEntry } from '../feed-store.ts'
import type { FeedRow } from './feeds-difference.ts'
import { filterSql, type Parameters, parameters, type Session } from './feeds-filter.ts'
import { openHeld } from './feeds-held.ts'
import { feedColumns, stateOf } from './feeds-members.ts'
import { typeName, typeNumber } from './types.ts'

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
  session: Session,
  definition: FeedDefinition,
  query: EntriesQuery,
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
  await countAnew(session, row)
  return {
    about: { state: stateOf(row), ...(await lookThrough(session, row, definition, query)) },
    pages: readPages(session, row, definition, query),
  }
}

const manyEntries = 5000

/**
 * A list that was filled just now looks small to the planner, which would look up each entry by itself: after counting,
 * a big list is read twice as fast. The database counts by itself as well, but up to a minute later.
 */
async function countAnew(session: Session, { id, entries }: FeedRow): Promise<void> {
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

async function planOf(session: Session, statement: string): Promise<readonly string[]> {
  const rows = await session.query<{ 'QUERY PLAN': string }>(`explain ${statement}`)
  return rows.map((row) => row['QUERY PLAN'])
}

function members(row: FeedRow, definition: FeedDefinition, given: Parameters): string {
  return `feed_member m join indicator i on i.key = m.key
    where m.feed = ${given.add(row.id)} and m.present and ${filterSql(definition, given)}`
}

function ofTypes({ types }: EntriesQuery, given: Parameters): string {
  return types === undefined ? '' : `and i.type = any(${given.add(types.map(typeNumber))}::smallint[])`
}

/**
 * What is to be known before the first entry, by reading the list once: how many entries are of types that the format
 * does not take, and values that come under several types. Those are found by their hashes, since sorting values takes
 * longer than all the rest; equal hashes are looked at again.
 */
async function lookThrough(
  session: Session,
  row: FeedRow,
  definition: FeedDefinition,
  query: EntriesQuery,
): Promise<Pick<EntriesAbout, 'otherTypes' | 'ambiguous'>> {
  const nothing = { otherTypes: 0, ambiguous: new Set<string>() }
  const [only, ...more] = definition.types
  if (query.types === undefined && only !== undefined && more.length === 0 && only !== 'custom')
    return nothing
  const given = parameters()
  const rows = await session.query<{ type: number | null; count: number; hash: string | null }>(
    `with listed as materialized (
       select i.type, ${hashSql} as hash from ${members(row, definition, given)})
     select type, count(*) as count, null as hash from listed group by type
     union all
     select null, count(*), hash::text from listed i where true ${ofTypes(query, given)}
     group by hash having count(*) > 1`,
    given.values,
  )
  const otherTypes = rows
    .filter(({ type }) => type !== null && !(query.types?.includes(typeName(type)) ?? true))
    .reduce((sum, { count }) => sum + count, 0)
  const hashes = rows.flatMap(({ hash }) => (hash === null ? [] : [hash]))
  return { otherTypes, ambiguous: await ambiguousValues(session, row, definition, query, hashes) }
}

const hashSql = 'hashtextextended(i.value, 0)'

async function ambiguousValues(
  session: Session,
  row: FeedRow,
  definition: FeedDefinition,
  query: EntriesQuery,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  if (hashes.length === 0) return new Set()
  const given = parameters()
  const rows = await session.query<{ value: string }>(
    `select i.value from ${members(row, definition, given)} ${ofTypes(query, given)}
       and ${hashSql} = any(${given.add(hashes)}::bigint[])
     group by i.value having count(*) > 1`,
    given.values,
  )
  return new Set(rows.map(({ value }) => value))
}

async function* readPages(
  session: Session,
  row: FeedRow,
  definition: FeedDefinition,
  query: EntriesQuery,
): AsyncGenerator<readonly StoredEntry[]> {
  const given = parameters()
  const record = query.json ? ', i.body as json, i.added_at as "addedAt", i.changed_at as "changedAt"' : ''
  await session.execute(
    `declare entries no scroll cursor for
     select i.type, i.value${record} from ${members(row, definition, given)} ${ofTypes(query, given)}
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
    if (rows.length > 0) yield rows.map((entry) => ({ json: '', ...entry, type: typeName(entry.type) }))
    if (isLast) break
  }
  await session.execute('close entries')
}

type EntryRow = Omit<StoredEntry, 'type' | 'json'> & { readonly type: number; readonly json?: string }
