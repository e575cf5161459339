/** What is to be known of a list before its first entry is told: found by reading it once. */
import type { EntriesAbout, EntriesQuery, FeedDefinition } from '../feed-store.ts'
import type { FeedRow } from './feeds-difference.ts'
import { type Parameters, parameters } from './parameters.ts'
import type { Queryable } from './queryable.ts'
import { typeName, typeNumber } from './types.ts'

export type Look = Pick<EntriesAbout, 'otherTypes' | 'ambiguous'>

/** What was found of lists as they are: each list is made in several forms. */
export interface LookMemory {
  get(name: string): Look | undefined
  set(name: string, look: Look): void
}

const mostLooks = 64
const mostAmbiguous = 1000

export function lookMemory(): LookMemory {
  const looks = new Map<string, Look>()
  return {
    get: (name) => looks.get(name),
    set(name, look) {
      if (look.ambiguous.size > mostAmbiguous) return
      looks.set(name, look)
      for (const oldest of looks.keys()) {
        if (looks.size <= mostLooks) break
        looks.delete(oldest)
      }
    },
  }
}

/** Names one list and the types that are asked for: it is another one whenever an entry came, changed or left. */
export function lookName({ id, definition, changed_seq }: FeedRow, { types }: EntriesQuery): string {
  return `${id} ${definition} ${changed_seq} ${types?.map(typeNumber).join() ?? 'all'}`
}

/** Where entries are read from. `from` goes on as a condition; `type` and `value` are its columns. */
export interface EntriesSource {
  readonly from: (given: Parameters) => string
  readonly type: string
  readonly value: string
}

export function ofTypes({ types }: EntriesQuery, type: string, given: Parameters): string {
  return types === undefined ? '' : `and ${type} = any(${given.add(types.map(typeNumber))}::smallint[])`
}

/**
 * How many entries are of types that the format does not take, and values that come under several types. Those are
 * found by their hashes, since sorting values takes longer than all the rest; equal hashes are looked at again.
 */
export async function lookThrough(
  session: Queryable,
  source: EntriesSource,
  { types }: FeedDefinition,
  query: EntriesQuery,
): Promise<Look> {
  const [only, ...more] = types
  if (query.types === undefined && only !== undefined && more.length === 0 && only !== 'custom')
    return { otherTypes: 0, ambiguous: new Set() }
  const given = parameters()
  const entries = `select ${source.type} as type, ${hashSql(source)} as hash from ${source.from(given)}`
  const twice = `group by hash having count(*) > 1`
  const rows = await session.query<{ type: number | null; count: number; hash: string | null }>(
    query.types === undefined
      ? `select null as type, count(*) as count, hash::text from (${entries}) listed ${twice}`
      : `with listed as materialized (${entries})
         select type, count(*) as count, null as hash from listed group by type
         union all
         select null, count(*), hash::text from listed where true ${ofTypes(query, 'type', given)} ${twice}`,
    given.values,
  )
  const otherTypes = rows
    .filter(({ type }) => type !== null && query.types?.includes(typeName(type)) === false)
    .reduce((sum, { count }) => sum + count, 0)
  const hashes = rows.flatMap(({ hash }) => (hash === null ? [] : [hash]))
  return { otherTypes, ambiguous: await ambiguousValues(session, source, query, hashes) }
}

const hashSql = ({ value }: EntriesSource) => `hashtextextended(${value}, 0)`

async function ambiguousValues(
  session: Queryable,
  source: EntriesSource,
  query: EntriesQuery,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  if (hashes.length === 0) return new Set()
  const given = parameters()
  const rows = await session.query<{ value: string }>(
    `select ${source.value} as value from ${source.from(given)} ${ofTypes(query, source.type, given)}
       and ${hashSql(source)} = any(${given.add(hashes)}::bigint[])
     group by ${source.value} having count(*) > 1`,
    given.values,
  )
  return new Set(rows.map(({ value }) => value))
}
