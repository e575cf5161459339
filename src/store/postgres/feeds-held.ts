/**
 * The entries of a list that is held, as they were when it was last right: the store has gone on meanwhile, and the
 * change log has what it replaced.
 */
import type { Indicator } from '../../model/indicator.ts'
import { rankOf } from '../../model/rank.ts'
import type { EntriesQuery, StoredEntry } from '../feed-store.ts'
import type { FeedRow } from './feeds-difference.ts'
import type { Queryable } from './queryable.ts'
import { opNumber } from './types.ts'

const pageRows = 5000

export interface HeldEntries {
  /** Entries whose type was not asked for. */
  readonly otherTypes: number
  readonly ambiguous: ReadonlySet<string>
  readonly pages: AsyncIterable<readonly StoredEntry[]>
}

/** An entry as it was when its list was right. */
export interface Version {
  readonly key: string
  /** Null: can't be told any more. */
  readonly body: string | null
  readonly added_at: string
  readonly changed_at: string
}

const removed = opNumber('remove')
/** Without its expiry: versions that only live longer are not kept (`writeVersions`). */
const lasting = (body: string) => `regexp_replace(${body}, ',"expiresAt":(null|"[^"]*")', '')`

/**
 * $1: the feed, $2: the position at which its list was right. Each version comes from where it is sure to be the one of
 * the list: from `indicator` where it was not touched since; from `change` at the member's own position; from the
 * removal that came next; from the version that came next, where it differs from the one before in its expiry alone.
 */
const versionsSql = `
  select m.key, coalesce(i.body, v.body) as body, coalesce(i.added_at, v.added_at) as added_at,
    coalesce(i.changed_at, v.at) as changed_at
  from feed_member m left join indicator i on i.key = m.key and i.seq <= $2
  left join lateral (
    select 1 as choice, c.body, c.added_at, c.at from change c
      where i.key is null and c.key = m.key and c.seq = m.seq and c.op <> ${removed}
    union all
    select 2, n.body, n.added_at, n.at from (
        select * from change c where i.key is null and c.key = m.key and c.seq > m.seq order by c.seq limit 1) n
      where n.op = ${removed}
    union all
    select 3, n.body, n.added_at, b.at from (
        select c.seq, c.body, c.added_at from change c where i.key is null and c.key = m.key and c.seq > m.seq
        union all
        select l.seq, l.body, l.added_at from indicator l where i.key is null and l.key = m.key and l.seq > m.seq
        order by seq limit 1) n
      join (select c.body, c.at from change c
        where i.key is null and c.key = m.key and c.seq < m.seq and c.op <> ${removed} order by c.seq desc limit 1) b
        on ${lasting('n.body')} = ${lasting('b.body')}
    order by choice limit 1) v on true
  where m.feed = $1 and m.present`

/**
 * In a transaction that sees one moment of the store. All keys are held meanwhile, since the versions have no order of
 * their own; texts are read page by page.
 * @returns undefined where any of the entries can't be told any more: a list that lacks one would be no good one
 */
export async function openHeld(
  session: Queryable,
  row: FeedRow,
  query: EntriesQuery,
): Promise<HeldEntries | undefined> {
  const ranked: { readonly key: string; readonly rank: number }[] = []
  const seen = new Map<string, string>()
  const ambiguous = new Set<string>()
  let otherTypes = 0
  await session.execute(`declare held no scroll cursor for ${versionsSql}`, [row.id, row.seq])
  for (;;) {
    const versions = await session.query<Version>(`fetch ${pageRows} from held`)
    for (const { key, body } of versions) {
      if (body === null) return undefined
      const indicator = JSON.parse(body) as Indicator
      if (query.types?.includes(indicator.type) === false) {
        otherTypes++
        continue
      }
      ranked.push({ key, rank: rankOf(indicator) })
      if (seen.has(indicator.value)) ambiguous.add(indicator.value)
      else seen.set(indicator.value, indicator.type)
    }
    if (versions.length < pageRows) break
  }
  await session.execute('close held')
  if (ranked.length + otherTypes !== row.entries) return undefined
  ranked.sort((a, b) => b.rank - a.rank || (a.key < b.key ? -1 : 1))
  const keys = ranked.map(({ key }) => key)
  return { otherTypes, ambiguous, pages: pagesOf(session, row, query, keys) }
}

/** @param row of the feed, and the position at which its list was right */
export function versionsOf(
  session: Queryable,
  { id, seq }: Pick<FeedRow, 'id' | 'seq'>,
  keys: readonly string[],
): Promise<Version[]> {
  return session.query<Version>(`${versionsSql} and m.key = any($3::uuid[])`, [id, seq, keys])
}

async function* pagesOf(
  session: Queryable,
  row: FeedRow,
  { json }: EntriesQuery,
  keys: readonly string[],
): AsyncGenerator<readonly StoredEntry[]> {
  for (let at = 0; at < keys.length; at += pageRows) {
    const page = keys.slice(at, at + pageRows)
    const byKey = new Map((await versionsOf(session, row, page)).map((version) => [version.key, version]))
    yield page.map((key) => entryOf(byKey.get(key), json))
  }
}

function entryOf(version: Version | undefined, json: boolean): StoredEntry {
  if (version === undefined || version.body === null) throw new Error('an entry of a held list is gone')
  const { type, value } = JSON.parse(version.body) as Indicator
  if (!json) return { type, value, json: '' }
  return { type, value, json: version.body, addedAt: version.added_at, changedAt: version.changed_at }
}
