/** How many tickets and effects have each state: counted as they change, since counting a million takes half a second. */
import type { BridgeState } from '../../ticket-store.ts'
import { effectStates, ticketStates } from '../../tickets.ts'
import type { Database } from '../database.ts'
import type { Queryable } from '../queryable.ts'

export type Tally = Pick<BridgeState, 'tickets' | 'effects'>

/**
 * Part of the statement that changes them. @param changes a query for `bridge`, `what` ('ticket', 'effect'), `state` and
 * `n`, several times the same if need be; what has no state counts nothing
 */
export const tallySql = (changes: string) =>
  `insert into bridge_tally (bridge, what, state, n)
   select bridge, what, state, sum(n) from (${changes}) changes where state is not null
   group by bridge, what, state having sum(n) <> 0`

/** As many are added up in a millisecond. */
const manyRows = 2_000

export async function readTallies(
  session: Queryable,
  bridges: readonly number[],
): Promise<ReadonlyMap<number, Tally & { readonly isLong: boolean }>> {
  const rows = await session.query<{ bridge: number; what: string; state: string; n: number; rows: number }>(
    `select bridge, what, state, sum(n)::bigint as n, count(*) as rows from bridge_tally
     where bridge = any($1::smallint[]) group by bridge, what, state`,
    [bridges],
  )
  return new Map(
    bridges.map((bridge) => {
      const own = rows.filter((row) => row.bridge === bridge)
      const counts = <State extends string>(what: string, states: readonly State[]) =>
        Object.fromEntries(
          states.map((state) => [state, own.find((row) => row.what === what && row.state === state)?.n ?? 0]),
        ) as Record<State, number>
      const isLong = own.reduce((sum, row) => sum + row.rows, 0) > manyRows
      return [
        bridge,
        { tickets: counts('ticket', ticketStates), effects: counts('effect', effectStates), isLong },
      ]
    }),
  )
}

/** One at a time; whoever comes meanwhile leaves it. */
export async function addUp(database: Database, bridge: number): Promise<void> {
  await database.transaction(async (transaction) => {
    const [free] = await transaction.query(
      `select from bridge_end where bridge = $1 and side = 'sink' for update skip locked`,
      [bridge],
    )
    if (free === undefined) return
    const summed = await transaction.query<{ what: string; state: string; n: number }>(
      `with gone as (delete from bridge_tally where bridge = $1 returning what, state, n)
       select what, state, sum(n)::bigint as n from gone group by what, state having sum(n) <> 0`,
      [bridge],
    )
    await transaction.execute(
      `insert into bridge_tally (bridge, what, state, n)
       select $1, what, state, n from json_to_recordset($2::json) as sums (what text, state text, n bigint)`,
      [bridge, JSON.stringify(summed)],
    )
  })
}
