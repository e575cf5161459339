/** Products with room for so many: what they have from us, what leaves for better ones, and what comes back. */
import type { Indicator } from '../../../model/indicator.ts'
import type { DeliveryStore } from '../../delivery-store.ts'
import type { ExportRecord } from '../../exports.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import { keyOf } from '../keys.ts'
import { columnJson } from '../values.ts'
import { type HaveColumns, haveOf } from './claim.ts'
import { exporterNumber, holdClaim } from './exporter-row.ts'
import { type Queue, queueRows } from './queue.ts'
import { readExport } from './read.ts'
import { tallySql } from './tally.ts'

export function room(
  database: Database,
): Pick<DeliveryStore, 'haveOf' | 'weakest' | 'evict' | 'reviveWithoutRoom' | 'noteMissing'> {
  return {
    async haveOf(name, wanted) {
      const exporter = await exporterNumber(database, name)
      const json = columnJson(wanted.map(({ id, source }) => ({ key: keyOf(id), source })))
      const rows = await database.query<HaveColumns>(
        `select d.have, d.remote_id, d.vendor, d.have_until
         from rows from (json_to_recordset($2::json) as (key uuid, source text)) with ordinality as w (key, source, n)
         left join delivery d on d.exporter = $1 and d.key = w.key and d.source = w.source order by w.n`,
        [exporter, json],
      )
      return rows.map(haveOf)
    },

    async weakest(name, { below, limit }) {
      const exporter = await exporterNumber(database, name)
      const rows = await database.query<{ id: number; body: string; rank: number }>(
        // Of what is on its way the rank is not known.
        `select d.id, b.body, d.have_rank as rank from delivery d join delivery_body b on b.delivery = d.id
         where d.exporter = $1 and d.have_rank < $2 and d.status <> 'pending'
         order by d.have_rank, d.id limit $3`,
        [exporter, below, limit],
      )
      return rows.map(({ body, ...row }) => ({ ...row, indicator: JSON.parse(body) as Indicator }))
    },

    evict: (name, claim, ids, reason, now) =>
      database.transaction(async (transaction) => {
        const exporter = await holdClaim(transaction, name, claim)
        const those = await lock(transaction, `exporter = $1 and id = any($2::bigint[]) and ${evictable}`, [
          exporter,
          ids,
        ])
        const queue: Queue = {
          exporter,
          origin: 'eviction',
          action: 'remove',
          requestedBy: null,
          forwarded: null,
          noRoom: true,
          note: reason,
          now,
        }
        return written(transaction, await requeue(transaction, queue, those))
      }, patient),

    reviveWithoutRoom: (name, claim, limit, now) =>
      database.transaction(async (transaction) => {
        const exporter = await holdClaim(transaction, name, claim)
        const those = await lock(
          transaction,
          `id in (select id from delivery where exporter = $1 and no_room and ${revivable}
             order by rank desc, id limit $2) and no_room and ${revivable}`,
          [exporter, limit],
        )
        if (those.length === 0) return 0
        const queue = { exporter, origin: 'forward', action: 'upsert', requestedBy: null, now } as const
        await requeue(transaction, { ...queue, forwarded: true }, those)
        return those.length
      }, patient),

    async noteMissing(name, present, before) {
      const exporter = await exporterNumber(database, name)
      const values: string[] = []
      let missing = 0
      for await (const rows of heldPages(database, exporter, before)) {
        const gone = rows.filter(({ remote_id }) => !present.has(remote_id))
        if (gone.length === 0) continue
        const noted = await forget(database, exporter, gone, before)
        missing += noted.length
        values.push(...noted.slice(0, mostValues - values.length))
      }
      return { missing, values }
    },
  }
}

const evictable = `have_rank is not null and status <> 'pending'`
const revivable = `forwarded and status <> 'pending'`

/** @returns ids, which nobody else changes until the transaction ends */
export async function lock(
  transaction: Transaction,
  condition: string,
  values: readonly unknown[],
): Promise<readonly number[]> {
  const rows = await transaction.query<{ id: number }>(
    `select id from delivery d where ${condition} order by key, source for update`,
    values,
  )
  return rows.map(({ id }) => id)
}

/**
 * As the ledger has them, best first, and under the source of each: the exporter's own may be another one by now.
 * @param ids locked @returns id of the export
 */
export function requeue(transaction: Transaction, queue: Queue, ids: readonly number[]): Promise<string> {
  return queueRows(
    transaction,
    queue,
    (given) =>
      `select row_number() over (order by d.rank desc, d.id) - 1 as position, d.type, d.value, d.value as canonical,
         d.key, d.source, b.options || jsonb_build_object('source', d.source) as options, b.body, d.rank, null::text as reason
       from delivery d join delivery_body b on b.delivery = d.id where d.id = any(${given.add(ids)}::bigint[])`,
  )
}

async function written(transaction: Transaction, id: string): Promise<ExportRecord> {
  const record = await readExport(transaction, id)
  if (record === undefined) throw new Error(`export ${id} is not there`)
  return record
}

const pageSize = 5_000
const mostValues = 100

interface HeldRow {
  readonly id: number
  readonly key: string
  readonly source: string
  readonly remote_id: string
}

async function* heldPages(
  database: Database,
  exporter: number,
  before: Date,
): AsyncGenerator<readonly HeldRow[]> {
  for (let after: HeldRow | undefined, rows: readonly HeldRow[] = []; ; after = rows.at(-1)) {
    rows = await database.query<HeldRow>(
      `select id, key, source, remote_id from delivery
       where exporter = $1 and (key, source) > ($2, $3)
         and have_rank is not null and remote_id is not null and have_at < $4
       order by key, source limit $5`,
      [exporter, after?.key ?? '00000000-0000-0000-0000-000000000000', after?.source ?? '', before, pageSize],
    )
    if (rows.length > 0) yield rows
    if (rows.length < pageSize) return
  }
}

/** What is wanted now waits as before: that the product has nothing is what changes. @returns values */
async function forget(
  database: Database,
  exporter: number,
  rows: readonly HeldRow[],
  before: Date,
): Promise<readonly string[]> {
  return database.transaction(async (transaction) => {
    const forgotten = await transaction.query<{ value: string }>(
      `with told as materialized (select * from json_to_recordset($1::json) as told (id bigint, remote_id text)),
       locked as materialized (
         select d.id, d.status from told join delivery d on d.id = told.id
         where d.have_rank is not null and d.remote_id = told.remote_id and d.have_at < $2
         order by d.key, d.source for update of d),
       forgotten as (
         update delivery d set have = null, have_rank = null, have_at = null, have_until = null, remote_id = null,
           vendor = null, status = case d.status when 'pending' then 'pending' else 'evicted' end
         from locked l where d.id = l.id returning d.value, l.status),
       tally as (${tallySql(
         '$3',
         `select 'held' as what, -1 as n from forgotten
          union all select 'evicted', 1 from forgotten where status <> 'pending'
          union all select status, -1 from forgotten where status <> 'pending'`,
       )})
       select value from forgotten`,
      [JSON.stringify(rows.map(({ id, remote_id }) => ({ id, remote_id }))), before, exporter],
    )
    return forgotten.map(({ value }) => value)
  })
}
