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
  const { otherTypes, several } = await countTypes(session, row, definition, query)
  const ambiguous = several ? await ambiguousValues(session, row, definition, query) : new Set<string>()
  return {
    about: { state: stateOf(row), otherTypes, ambiguous },
    pages: readPages(session, row, definition, query),
  }
}

function members(row: FeedRow, definition: FeedDefinition, given: Parameters): string {
  return `feed_member m join indicator i on i.key = m.key
    where m.feed = ${given.add(row.id)} and m.present and ${filterSql(definition, given)}`
}

function ofTypes({ types }: EntriesQuery, given: Parameters): string {
  return types === undefined ? '' : `and i.type = any(${given.add(types.map(typeNumber))}::smallint[])`
}

async function countTypes(
  session: Session,
  row: FeedRow,
  definition: FeedDefinition,
  { types }: EntriesQuery,
): Promise<{ readonly otherTypes: number; readonly several: boolean }> {
  if (definition.types.length === 1 && types === undefined) {
    return { otherTypes: 0, several: definition.types.includes('custom') }
  }
  const given = parameters()
  const counts = await session.query<{ type: number; count: number }>(
    `select i.type, count(*) as count from ${members(row, definition, given)} group by i.type`,
    given.values,
  )
  let otherTypes = 0
  const asked: string[] = []
  for (const { type, count } of counts) {
    const name = typeName(type)
    if (types === undefined || types.includes(name)) asked.push(name)
    else otherTypes += count
  }
  return { otherTypes, several: asked.length > 1 || asked.includes('custom') }
}

async function ambiguousValues(
  session: Session,
  row: FeedRow,
  definition: FeedDefinition,
  query: EntriesQuery,
): Promise<ReadonlySet<string>> {
  const given = parameters()
  const rows = await session.query<{ value: string }>(
    `select i.value from ${members(row, definition, given)} ${ofTypes(query, given)}
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
  const record = query.json
    ? 'i.body as json, i.added_at as "addedAt", i.changed_at as "changedAt"'
    : `'' as json`
  await session.execute(
    `declare entries no scroll cursor for
     select i.type, i.value, ${record} from ${members(row, definition, given)} ${ofTypes(query, given)}
     order by i.rank desc, i.key`,
    given.values,
  )
  for (;;) {
    const rows = await session.query<Omit<StoredEntry, 'type'> & { readonly type: number }>(
      `fetch ${pageRows} from entries`,
    )
    if (rows.length > 0) yield rows.map((row) => ({ ...row, type: typeName(row.type) }))
    if (rows.length < pageRows) break
  }
  await session.execute('close entries')
}
