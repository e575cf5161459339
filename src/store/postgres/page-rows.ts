/** The rows of records: what a page changes of them. The source's row is locked meanwhile: nobody else writes them. */
import { arrayOf, inSlices, packed } from './arrays.ts'
import type { Transaction } from './database.ts'
import type { Entry } from './indicator-row.ts'
import { currentDictionary, packBody } from './observations.ts'
import { keyOfValue, type PreparedPage, type PreparedRecord } from './page.ts'
import type { Touched } from './settle.ts'
import { columnText } from './values.ts'

/** Where the records of a page belong. */
export interface Place {
  readonly source: number
  readonly part: number
}

export interface Written {
  readonly touched: Touched
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
}

/** Worked out only for what is written. */
interface KeyedRecord extends PreparedRecord {
  /** Of its indicator. */
  readonly key: string
}

/** First takes out what left, then writes what is new or another one. */
export async function writeObservations(
  transaction: Transaction,
  place: Place,
  page: PreparedPage,
): Promise<Written> {
  const left = await takeOut(transaction, place, page)
  const { added, changed, extended, unchanged, oldKeys } = await compare(transaction, place, page.records)
  await upsert(transaction, place, added, '')
  await upsert(transaction, place, changed, onConflict)
  await extend(transaction, place, extended)
  const written = [...added, ...changed, ...extended]
  const keys = new Map<string, Entry[]>()
  for (const { key, observation, expiresAt } of written) {
    const entry = { source: place.source, observation, expiresAt }
    const entries = keys.get(key)
    if (entries === undefined) keys.set(key, [entry])
    else entries.push(entry)
  }
  for (const key of [...left, ...oldKeys]) if (!keys.has(key)) keys.set(key, [])
  return {
    touched: { keys, written: { ...place, remoteIds: written.map(({ remoteId }) => remoteId) } },
    stored: added.length,
    updated: changed.length,
    unchanged: unchanged + extended.length,
  }
}

/** @returns keys of the rows taken out */
async function takeOut(
  transaction: Transaction,
  { source, part }: Place,
  { leaving, leavingValues, covers, visible }: PreparedPage,
): Promise<readonly string[]> {
  const rows: { readonly key: string }[] = []
  if (leaving.length > 0) {
    rows.push(
      ...(await transaction.query<{ key: string }>(
        `delete from observation where source = $1 and part = $2 and remote_id = any($3::bigint[]) returning key`,
        [source, part, arrayOf(leaving)],
      )),
    )
  }
  if (leavingValues.length > 0) {
    const wanted = leavingValues.map(({ key, owner }) => ({ key, owner: columnText(owner) }))
    rows.push(
      ...(await transaction.query<{ key: string }>(
        `delete from observation o using json_to_recordset($3::json) as gone (key uuid, owner text)
         where o.source = $1 and o.part = $2 and o.key = gone.key and o.owner = gone.owner
           and o.remote_id <> all($4::bigint[])
         returning o.key`,
        [source, part, JSON.stringify(wanted), arrayOf(visible)],
      )),
    )
  }
  if (covers !== undefined) {
    const values = [source, part, covers.after, covers.upTo, arrayOf(visible)]
    rows.push(
      ...(await transaction.query<{ key: string }>(
        `delete from observation o
         where source = $1 and part = $2 and remote_id > $3::bigint and remote_id <= $4::bigint
           and not exists (select from unnest($5::bigint[]) as visible (id) where visible.id = o.remote_id)
         returning key`,
        values,
      )),
    )
  }
  return rows.map(({ key }) => key)
}

interface Difference {
  /** Place in the list, from 1. */
  readonly n: number
  /** null: not known yet. */
  readonly key: string | null
  readonly same: boolean | null
}

/**
 * `limit 1` changes nothing but the plan: one look into the index for each record, whatever the statistics say. Without
 * any, on a fresh table, every record was compared with every row of the source.
 */
const differences = `select told.n::integer as n, o.key, o.hash = told.hash as same
  from (
    select id, expires_at, n, substring($5::bytea from n::integer * 16 - 15 for 16) as hash
    from unnest($3::bigint[], $4::timestamptz[]) with ordinality as listed (id, expires_at, n)
  ) told
  left join lateral (
    select key, hash, expires_at from observation
    where source = $1 and part = $2 and remote_id = told.id limit 1
  ) o on true
  where o.hash is distinct from told.hash or o.expires_at is distinct from told.expires_at
  order by told.n`

/** Only what differs comes back: a fetch that brings nothing new costs the reading of an index. */
async function compare(
  transaction: Transaction,
  { source, part }: Place,
  records: readonly PreparedRecord[],
) {
  const added: KeyedRecord[] = []
  const changed: KeyedRecord[] = []
  const extended: KeyedRecord[] = []
  const oldKeys: string[] = []
  if (records.length === 0) return { added, changed, extended, unchanged: 0, oldKeys }
  const found = await transaction.query<Difference>(differences, [
    source,
    part,
    arrayOf(records.map(({ remoteId }) => remoteId)),
    arrayOf(records.map(({ expiresAt }) => expiresAt)),
    Buffer.concat(records.map(({ hash }) => hash)),
  ])
  for (const { n, key, same } of found) {
    const record = records[n - 1]
    if (record === undefined) throw new RangeError(`the page has no record ${n}`)
    if (key === null) {
      if (!record.onlyIfKnown) added.push(keyed(record))
    } else if (same) {
      extended.push({ ...record, key })
    } else {
      const now = keyed(record)
      changed.push(now)
      if (key !== now.key) oldKeys.push(key)
    }
  }
  const unchanged = records.length - added.length - changed.length - extended.length
  return { added, changed, extended, unchanged, oldKeys }
}

function keyed(record: PreparedRecord): KeyedRecord {
  return { ...record, key: keyOfValue(record.observation) }
}

const insertObservations = `insert into observation
    (source, part, remote_id, key, owner, hash, expires_at, dictionary, body)
  select $1, $2, r.id, r.key, r.owner, substring($5::bytea from r.n * 16 - 15 for 16), r.expires,
    ${currentDictionary}, substring($4::bytea from r.at for r.length)
  from json_to_recordset($3::json) as r
    (id bigint, key uuid, owner text, n integer, expires timestamptz, at integer, length integer)`

const onConflict = ` on conflict (source, part, remote_id) do update set key = excluded.key,
  owner = excluded.owner, hash = excluded.hash, expires_at = excluded.expires_at,
  dictionary = excluded.dictionary, body = excluded.body`

async function upsert(
  transaction: Transaction,
  place: Place,
  records: readonly KeyedRecord[],
  tail: string,
): Promise<void> {
  await inSlices(
    records,
    (slice) => rowsOf(place, slice),
    (values) => transaction.execute(insertObservations + tail, values),
  )
}

function rowsOf({ source, part }: Place, records: readonly KeyedRecord[]): readonly unknown[] {
  const bodies = packed(records.map(({ json }) => packBody(json)))
  const rows = records.map(({ remoteId, key, observation: { provenance }, expiresAt }, n) => ({
    id: remoteId,
    key,
    owner: provenance.owner === undefined ? undefined : columnText(provenance.owner),
    n: n + 1,
    expires: expiresAt ?? undefined,
    ...bodies.places[n],
  }))
  const hashes = Buffer.concat(records.map(({ hash }) => hash))
  return [source, part, JSON.stringify(rows), bodies.bytes, hashes]
}

/** Another expiry of what is otherwise the same. */
async function extend(
  transaction: Transaction,
  { source, part }: Place,
  records: readonly PreparedRecord[],
): Promise<void> {
  if (records.length === 0) return
  await transaction.execute(
    `update observation o set expires_at = told.expires_at
     from unnest($3::bigint[], $4::timestamptz[]) as told (id, expires_at)
     where o.source = $1 and o.part = $2 and o.remote_id = told.id`,
    [
      source,
      part,
      arrayOf(records.map(({ remoteId }) => remoteId)),
      arrayOf(records.map(({ expiresAt }) => expiresAt)),
    ],
  )
}
