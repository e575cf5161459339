/** What TAXII has published, in PostgreSQL: see migrations/003-publications.ts. */
import type {
  ManifestRecord,
  PublicationQuery,
  PublicationRenderer,
  PublicationStore,
} from '../publication-store.ts'
import type { Database } from './database.ts'
import { publish } from './publish.ts'
import { only } from './queryable.ts'
import { removeAll, removedAtOnce } from './remove.ts'

export interface PublicationOptions {
  /** Of objects in one page: descriptions can be long, and a page is held in memory. Default 32 MiB. */
  readonly mostPageBytes?: number
}

/** @param render what is published of an indicator */
export function publicationStore(
  database: Database,
  render: PublicationRenderer,
  { mostPageBytes = 32 * 1024 * 1024 }: PublicationOptions = {},
): PublicationStore {
  const underWay = new Map<string, ReturnType<PublicationStore['publish']>>()
  return {
    async publishedObjects(feed, query) {
      const { where, values } = condition(feed, query)
      const rows = await database.query<PieceRow>(pageStatement(where), [
        ...values,
        query.limit,
        mostPageBytes,
      ])
      const [first, last] = [rows[0], rows.at(-1)]
      if (first === undefined || last === undefined) return { pieces: [], count: 0, more: false }
      const count = rows.reduce((sum, row) => sum + row.count, 0)
      const pieces = rows.map(({ objects }) => objects)
      return { pieces, count, more: count < first.found, first: first.first, last: last.last }
    },
    async publishedManifest(feed, query) {
      const { where, values } = condition(feed, query)
      const rows = await database.query<ManifestRecord>(
        `select p.type || '--' || p.object as id, p.added, p.version
         from publication p where ${where} order by p.added limit $${values.length + 1}`,
        [...values, query.limit + 1],
      )
      return { records: rows.slice(0, query.limit), more: rows.length > query.limit }
    },
    async publish(feed, now) {
      // Waiting readers must not hold all connections. One that began before this call may not see what its caller saw.
      await underWay.get(feed)?.catch(() => {})
      const begun = underWay.get(feed)
      if (begun !== undefined) return begun
      const own = publish(database, render, feed, now).finally(() => underWay.delete(feed))
      underWay.set(feed, own)
      return own
    },
    async prunePublications(before) {
      const revoked = await removeAll(database, forgetRevoked, [before.getTime() * 1000])
      return revoked + (await forgetVersionsLeft(database))
    },
  }
}

interface PieceRow {
  readonly objects: string
  readonly count: number
  readonly first: number
  readonly last: number
  /** Of the page and the one after it, where there is one. */
  readonly found: number
}

/** Not by a join with `feed`: the planner must see that one feed's part of an index is walked in its order. */
function condition(feed: string, { after, tlp, ids, types, versions }: PublicationQuery) {
  const values: unknown[] = [feed, tlp]
  const parts = ['p.feed = (select id from feed where name = $1)', '(p.tlp is null or p.tlp = $2)']
  const add = (part: (place: string) => string, value: unknown) => {
    values.push(value)
    parts.push(part(`$${values.length}`))
  }
  if (after !== undefined) add((place) => `p.added > ${place}`, after)
  if (types !== undefined) {
    add((place) => `p.type = any(${place}::text[])`, types)
    if (!types.includes('indicator')) parts.push(`p.type <> 'indicator'`)
  }
  if (ids !== undefined) {
    const known = ids.filter((id) => uuidAtEnd.test(id))
    add(
      (place) => `p.object = any(${place}::uuid[])`,
      known.map((id) => id.slice(-36)),
    )
    add((place) => `p.type || '--' || p.object = any(${place}::text[])`, known)
  }
  if (versions !== undefined) add((place) => `p.version = any(${place}::text[])`, versions)
  return { where: parts.join(' and '), values }
}

const uuidAtEnd = /^[a-z][a-z0-9-]*--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Objects in a piece: some ten kilobytes, which neither side has to put together from parts. */
const inPiece = 50

/**
 * The database joins the objects: several times cheaper than rows that Node would join. Each is looked up by its key: for
 * the few of a page the planner would read all versions of a collection of some ten thousand.
 */
function pageStatement(where: string): string {
  const [limit, bytes] = [1, 2].map((number) => `$${(where.match(/\$\d+/g) ?? []).length + number}`)
  return `
with candidate as materialized (
  select p.object, p.hash, p.added, p.version, p.revoked from publication p
  where ${where} order by p.added limit ${limit}::int + 1
), sized as (
  select c.added, c.version, c.revoked, o.head, o.tail, row_number() over upwards as number,
    sum(octet_length(o.head) + octet_length(o.tail)) over upwards - octet_length(o.head) as before
  from candidate c cross join lateral (
    select head, tail from stix_object where id = c.object and hash = c.hash offset 0) o
  window upwards as (order by c.added)
), page as (
  select * from sized where number <= ${limit}::int and before <= ${bytes}::bigint
)
select string_agg(head || case when tail = '' then ''
    when revoked then version || '","revoked":true' || substr(tail, 2) else version || tail end, ','
    order by added) as objects,
  count(*)::int as count, min(added) as first, max(added) as last,
  (select count(*)::int from candidate) as found
from page group by (number - 1) / ${inPiece} order by (number - 1) / ${inPiece}`
}

const forgetRevoked = `
delete from publication where (feed, object) in (
  select feed, object from publication where revoked and added < $1 limit ${removedAtOnce})`

/**
 * Whoever lets one go meanwhile waits for the row, or is waited for: then its moment is another one. A version that is
 * stored once more is younger.
 */
const forgetVersions = `
with due as (
  select id, hash from stix_object_left where left_at < now() - interval '1 day'
  order by left_at limit ${removedAtOnce} for update skip locked
), seen as (
  delete from stix_object_left l using due where l.id = due.id and l.hash = due.hash
), gone as (
  delete from stix_object o using due
  where o.id = due.id and o.hash = due.hash and o.stored_at < now() - interval '23 hours'
    and not exists (select from publication p where p.object = o.id and p.hash = o.hash)
  returning 1
)
select (select count(*)::int from due) as seen, (select count(*)::int from gone) as gone`

async function forgetVersionsLeft(database: Database): Promise<number> {
  let all = 0
  for (;;) {
    // One who publishes may wait for us while we wait for it: then one of both comes again.
    const { seen, gone } = await database.transaction((transaction) =>
      only<{ seen: number; gone: number }>(transaction, forgetVersions, []),
    )
    all += gone
    if (seen < removedAtOnce) return all
  }
}
