/** What is forgotten of exports. */
import type { DeliveryStore } from '../../delivery-store.ts'
import { type Database, patient, type Transaction } from '../database.ts'

const exportsAtOnce = 50
const rowsAtOnce = 5_000
const dayMs = 24 * 60 * 60 * 1000

export function pruning(database: Database): Pick<DeliveryStore, 'pruneExports'> {
  return {
    async pruneExports(before, now) {
      let removed = await database.execute('delete from idempotency where created_at < $1', [
        new Date(now.getTime() - dayMs),
      ])
      for (;;) {
        const some = await database.transaction((transaction) => forgetExports(transaction, before), patient)
        removed += some.rows
        if (some.exports < exportsAtOnce) break
      }
      for (let after: number | undefined = 0; after !== undefined; ) {
        const some: Spent = await database.transaction(
          (transaction) => forgetSpent(transaction, after ?? 0),
          patient,
        )
        removed += some.rows
        after = some.last
      }
      return removed
    },
  }
}

/** One that is being queued again is passed over. */
async function forgetExports(transaction: Transaction, before: Date) {
  const found = await transaction.query<{ id: string }>(
    `select id from export where ended_at < $1 order by ended_at limit $2 for update skip locked`,
    [before, exportsAtOnce],
  )
  const ids = found.map(({ id }) => id)
  if (ids.length === 0) return { rows: 0, exports: 0 }
  const items = await transaction.execute('delete from export_item where export = any($1::uuid[])', [ids])
  return {
    rows: items + (await transaction.execute('delete from export where id = any($1::uuid[])', [ids])),
    exports: ids.length,
  }
}

interface Spent {
  readonly rows: number
  /** undefined: these were the last. */
  readonly last: number | undefined
}

/** Locked first: who queues one of them meanwhile has its item written before the items are looked for. */
async function forgetSpent(transaction: Transaction, after: number): Promise<Spent> {
  const found = await transaction.query<{ id: number }>(
    `select id from delivery where id > $1 and status <> 'pending' and have_rank is null and not forwarded
     order by id limit $2 for update skip locked`,
    [after, rowsAtOnce],
  )
  if (found.length === 0) return { rows: 0, last: undefined }
  const gone = await transaction.query(
    `with gone as (
       delete from delivery d where d.id = any($1::bigint[])
         and not exists (select from export_item i where i.delivery = d.id)
       returning d.id, d.exporter, d.status),
     bodies as (delete from delivery_body b using gone where b.delivery = gone.id),
     tally as (
       insert into delivery_tally (exporter, what, n)
       select exporter, status, -count(*) from gone group by exporter, status)
     select id from gone`,
    [found.map(({ id }) => id)],
  )
  return { rows: gone.length, last: found.length < rowsAtOnce ? undefined : found.at(-1)?.id }
}
