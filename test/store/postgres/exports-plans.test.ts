/** How PostgreSQL goes about a settlement: by the keys of what is settled, however much else is under way. */
import t from 'tap'
import type { Database } from '../../../src/store/postgres/database.ts'
import { settlements } from '../../../src/store/postgres/exports/settle.ts'
import { accepted, countsOf, exporting, failed, item, push, start } from './exporting.ts'

t.setTimeout(300_000)

const emptied = await exporting(t)
const batch = 500
const batches = 6

/** As `explain (format json)` tells it. */
interface Node {
  readonly 'Node Type': string
  readonly 'Index Name'?: string
  readonly Plans?: readonly Node[]
}

function nodesOf(node: Node): readonly Node[] {
  return [node, ...(node.Plans ?? []).flatMap(nodesOf)]
}

/** The same database, of which each statement in a transaction is explained before it is carried out. */
function explained(database: Database, seen: Node[]): Database {
  return {
    ...database,
    transaction: (work, how) =>
      database.transaction(async (transaction) => {
        const query: typeof transaction.query = async (sql, values, options) => {
          const rows = await transaction.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
            `explain (format json) ${sql}`,
            values,
          )
          for (const { 'QUERY PLAN': plans } of rows) seen.push(...plans.flatMap(({ Plan }) => nodesOf(Plan)))
          return transaction.query(sql, values, options)
        }
        return work({ ...transaction, query })
      }, how),
  }
}

t.test(
  'a settlement compares no row with what else is under way, of which the planner knows nothing',
  async (t) => {
    const { store, database } = await emptied()
    await store.registerExporters(['dt', 'other'])
    const values = Array.from({ length: batch * batches }, (_, at) => item(`d${at}.example`))
    await push(store, values, { exporter: 'other' })
    // As autovacuum does: just then nothing was for this exporter.
    await database.execute('vacuum (analyze) delivery_waiting, delivery, export_item')
    const made = await push(store, values)
    const claim = await store.claimExporter('dt')
    const take = () => store.claimDeliveries('dt', claim, { limit: batch, now: start })
    const [first = [], second = []] = await Promise.all(Array.from({ length: batches }, take))
    const seen: Node[] = []
    const { settleDeliveries } = settlements(explained(database, seen))
    await settleDeliveries(
      'dt',
      claim,
      first.map((each) => accepted(each)),
      start,
    )
    await settleDeliveries(
      'dt',
      claim,
      second.map((each) => failed(each)),
      start,
    )
    t.ok(seen.length > 20, `${seen.length} steps were explained`)
    t.same(
      seen.filter((node) => node['Index Name'] === 'delivery_under_way'),
      [],
      'rows that wait are found by their key',
    )
    const compared = seen.filter(
      ({ 'Node Type': type, Plans = [] }) =>
        type === 'Nested Loop' && /^(CTE|Function) Scan$|Materialize/.test(Plans[1]?.['Node Type'] ?? ''),
    )
    t.same(compared, [], 'no list is gone through again and again')
    t.match(await countsOf(store, made), { accepted: batch, pending: batch * (batches - 1) })
  },
)
