/**
 * The values of a list, best first, straight from its members. The database joins those of a page to one text: that is
 * several times cheaper than so many rows, for both sides.
 */
import type { EntriesQuery, StoredEntry } from '../feed-store.ts'
import type { FeedRow } from './feeds-difference.ts'
import { ofTypes } from './feeds-look.ts'
import { parameters } from './parameters.ts'
import type { Queryable } from './queryable.ts'
import { typeName } from './types.ts'

/** Few enough for a short stop of the event loop, many enough for the way to the database. */
const pageRows = 5000

/** Before every entry. */
const start: Last = { place: '-9223372036854775808', key: '00000000-0000-0000-0000-000000000000' }

interface Last {
  readonly place: string
  readonly key: string
}

interface Page extends Partial<Last> {
  readonly count: number
  /** One character an entry: its type. */
  readonly types: string | null
  readonly values: string | null
  /** Whether a value holds a line break, so that `values` tells nothing. */
  readonly broken: boolean | null
}

const firstType = 0x30

/** In a transaction that sees one moment of the store, in which nothing of the list was touched since it was looked at. */
export async function* valuePages(
  session: Queryable,
  row: FeedRow,
  query: EntriesQuery,
): AsyncGenerator<readonly StoredEntry[]> {
  // By the index that has this order, however few the members seem to be.
  await session.execute('set local enable_sort = off')
  const after = (last: Last) => session.query<Page>(...joined(row, query, last))
  let last = start
  for (let next = after(last); ; ) {
    const [page] = await next
    if (page === undefined) throw new Error('an aggregate gave no row')
    const { count, place, key } = page
    const isLast = count < pageRows || place == null || key == null
    const before = last
    if (!isLast) {
      last = { place, key }
      // Read while the page before is written. Awaited one turn later: until then a failure is nobody's.
      next = after(last)
      next.catch(() => {})
    }
    if (count > 0) {
      yield page.broken ? await oneByOne(session, row, query, before) : split(page)
    }
    if (isLast) return
  }
}

function split({ types, values, count }: Page): readonly StoredEntry[] {
  const lines = values?.split('\n') ?? []
  if (types?.length !== count || lines.length !== count) {
    throw new Error(`a page of ${count} entries has ${types?.length} types and ${lines.length} values`)
  }
  return lines.map((value, at) => ({ type: typeName(types.charCodeAt(at) - firstType), value, json: '' }))
}

function page(row: FeedRow, query: EntriesQuery, last: Last) {
  const given = parameters()
  const sql = `select m.type, m.value, m.place, m.key from feed_member m
    where m.feed = ${given.add(row.id)} and m.present ${ofTypes(query, 'm.type', given)}
      and (m.place, m.key) > (${given.add(last.place)}::bigint, ${given.add(last.key)}::uuid)
    order by m.place, m.key limit ${pageRows}`
  return { sql, values: given.values }
}

function joined(row: FeedRow, query: EntriesQuery, last: Last): [string, readonly unknown[]] {
  const { sql, values } = page(row, query, last)
  const joining = `select count(*)::integer as count, string_agg(chr(${firstType} + type), '') as types,
      string_agg(value, E'\\n') as values, bool_or(strpos(value, E'\\n') > 0) as broken,
      max(place)::text as place, (array_agg(key))[count(*)] as key
    from (${sql}) page`
  return [joining, values]
}

async function oneByOne(
  session: Queryable,
  row: FeedRow,
  query: EntriesQuery,
  last: Last,
): Promise<readonly StoredEntry[]> {
  const { sql, values } = page(row, query, last)
  const rows = await session.query<{ type: number; value: string }>(sql, values)
  return rows.map(({ type, value }) => ({ type: typeName(type), value, json: '' }))
}
