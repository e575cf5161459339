/** How many deliveries have each status: counted as they change, since counting a million takes half a second. */
import type { ExporterState } from '../../delivery-store.ts'
import type { Database } from '../database.ts'
import type { Queryable } from '../queryable.ts'

export type Tally = Readonly<Record<keyof ExporterState['counts'] | 'held', number>>

const nothing: Tally = {
  pending: 0,
  accepted: 0,
  unchanged: 0,
  rejected: 0,
  skipped: 0,
  dead: 0,
  evicted: 0,
  held: 0,
}

/**
 * Part of the statement that changes the deliveries. @param changes a query for `what` and `n`, several times the same
 * `what` if need be
 */
export const tallySql = (exporter: string, changes: string) =>
  `insert into delivery_tally (exporter, what, n)
   select ${exporter}::smallint, what, sum(n) from (${changes}) changes group by what having sum(n) <> 0`

/** @returns for each, with the number of rows that were added up */
export async function readTallies(
  session: Queryable,
  exporters: readonly number[],
): Promise<ReadonlyMap<number, { readonly tally: Tally; readonly rows: number }>> {
  const rows = await session.query<{ exporter: number; what: keyof Tally; n: number; rows: number }>(
    `select exporter, what, sum(n)::bigint as n, count(*) as rows from delivery_tally
     where exporter = any($1::smallint[]) group by exporter, what`,
    [exporters],
  )
  return new Map(
    exporters.map((exporter) => {
      const own = rows.filter((row) => row.exporter === exporter)
      const tally = { ...nothing, ...Object.fromEntries(own.map(({ what, n }) => [what, n])) }
      return [exporter, { tally, rows: own.reduce((sum, row) => sum + row.rows, 0) }]
    }),
  )
}

/** One at a time; whoever comes meanwhile leaves it. */
export async function addUp(database: Database, exporter: number): Promise<void> {
  await database.transaction(async (transaction) => {
    const [free] = await transaction.query(
      'select from forwarding where exporter = $1 for update skip locked',
      [exporter],
    )
    if (free === undefined) return
    const summed = await transaction.query<{ what: string; n: number }>(
      `with gone as (delete from delivery_tally where exporter = $1 returning what, n)
       select what, sum(n)::bigint as n from gone group by what having sum(n) <> 0`,
      [exporter],
    )
    await transaction.execute(
      `insert into delivery_tally (exporter, what, n)
       select $1, what, n from json_to_recordset($2::json) as sums (what text, n bigint)`,
      [exporter, JSON.stringify(summed)],
    )
  })
}
