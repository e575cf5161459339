/** What leaves without a page: expired records, sources that are no longer configured, old entries of the change log. */
import type { IngestStore } from '../store.ts'
import { type Database, patient, type Transaction } from './database.ts'
import { removeAll, removedAtOnce } from './remove.ts'
import { settle } from './settle.ts'

/** With what they say of unreadable records; the state of a source is in its last run. */
const oldRuns = `
delete from run where id in (
  select id from run r where r.ended_at < $1
    and exists (select from run later where later.source = r.source and later.started_at > r.started_at)
  limit ${removedAtOnce})`

/** @param now for what leaves with its source */
export function upkeep(
  database: Database,
  now: () => Date,
): Pick<IngestStore, 'expire' | 'forgetSource' | 'prune'> {
  return {
    expire: (now, limit) => database.transaction((transaction) => expire(transaction, now, limit), patient),

    forgetSource: (source, limit) =>
      database.transaction((transaction) => forget(transaction, source, limit, now()), patient),

    async prune(before) {
      let removed = 0
      for (;;) {
        const count = await database.transaction((transaction) => pruneSome(transaction, before))
        removed += count
        if (count < removedAtOnce) break
      }
      return removed + (await removeAll(database, oldRuns, [before]))
    },
  }
}

async function expire(transaction: Transaction, now: Date, limit: number): Promise<number> {
  const sources = await transaction.query<{ id: number }>(
    `select id from source where id in
       (select source from observation where expires_at <= $1 order by expires_at limit $2)
     order by id for no key update`,
    [now, limit],
  )
  if (sources.length === 0) return 0
  const rows = await transaction.query<{ key: string }>(
    `delete from observation where (source, part, remote_id) in
       (select source, part, remote_id from observation
        where expires_at <= $1 and source = any($3::smallint[]) order by expires_at limit $2)
     returning key`,
    [now, limit, sources.map(({ id }) => id)],
  )
  await settle(transaction, { keys: withoutEntries(rows) }, now)
  return rows.length
}

/**
 * Its cursor goes first: were the source configured again, a fetch would have to bring everything. A fetch under way, by
 * a server whose configuration still has it, has lost its claim: it must not go on from the cursor that it knows.
 */
async function forget(transaction: Transaction, name: string, limit: number, now: Date): Promise<number> {
  // The run before its source, as those lock them who store a page.
  await transaction.execute(
    `update run set claim = claim + 1
     where status = 'running' and source = (select id from source where name = $1)`,
    [name],
  )
  const [source] = await transaction.query<{ id: number }>(
    'update source set cursor = null, fetched = false where name = $1 returning id',
    [name],
  )
  if (source === undefined) return 0
  const rows = await transaction.query<{ key: string }>(
    `delete from observation where (source, part, remote_id) in
       (select source, part, remote_id from observation where source = $1 limit $2)
     returning key`,
    [source.id, limit],
  )
  await settle(transaction, { keys: withoutEntries(rows) }, now)
  return rows.length
}

function withoutEntries(rows: readonly { readonly key: string }[]): ReadonlyMap<string, readonly []> {
  return new Map(rows.map(({ key }) => [key, []]))
}

async function pruneSome(transaction: Transaction, before: Date): Promise<number> {
  const rows = await transaction.query<{ seq: number }>(
    `delete from change where seq in (select seq from change where at < $1 order by at limit $2) returning seq`,
    [before, removedAtOnce],
  )
  if (rows.length === 0) return 0
  const horizon = rows.reduce((highest, { seq }) => Math.max(highest, seq), 0)
  await transaction.execute('update clock set horizon = greatest(horizon, $1)', [horizon])
  return rows.length
}
