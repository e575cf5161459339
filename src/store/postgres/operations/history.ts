/** Counts by the hour: what the sources have, what became of items. */
import type { HistoryPoint, OperationsStore, SourceCount } from '../../operations-store.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import { typeName } from '../types.ts'

const hourMs = 3_600_000
/** Hours whose rows are still being added to: added up each time. */
const recentMs = 2 * hourMs

const hourOf = (time: string) => `date_trunc('hour', ${time}::timestamptz, 'UTC')`

export function history(
  database: Database,
): Pick<
  OperationsStore,
  'sampleSources' | 'sourceCounts' | 'sourceHistory' | 'exporterHistory' | 'pruneHistory'
> {
  return {
    async sampleSources(now) {
      await database.transaction((transaction) => sample(transaction, now), patient)
      await addUp(database, new Date(now.getTime() - recentMs))
    },

    async sourceCounts() {
      const rows = await database.query<Omit<SourceCount, 'type'> & { type: number }>(
        `select s.name as source, h.type, h.active, h.n as count
         from source_history h join source s on s.id = h.source
         where h.at = (${newestSql('at')}) order by s.name, h.type, h.active desc`,
      )
      return rows.map((row) => ({ ...row, type: typeName(row.type) }))
    },

    async sourceHistory(source, since) {
      const rows = await database.query<{ at: string; type: number | null; n: number | null }>(
        `select c.at, h.type, sum(h.n)::bigint as n
         from source s join source_sample c on c.at >= ${hourOf('$2')}
           and c.at >= (select min(at) from source_history where source = s.id)
         left join source_history h on h.source = s.id and h.at = c.at
         where s.name = $1 group by c.at, h.type order by c.at, h.type`,
        [source, since],
      )
      return points(rows.map(({ at, type, n }) => ({ at, what: type === null ? null : typeName(type), n })))
    },

    async exporterHistory(exporter, since) {
      const rows = await database.query<{ at: string; what: string; n: number }>(
        `select h.at, h.status as what, sum(h.n)::bigint as n
         from item_history h join exporter x on x.id = h.exporter
         where x.name = $1 and h.at >= ${hourOf('$2')} group by h.at, h.status order by h.at, h.status`,
        [exporter, since],
      )
      return points(rows)
    },

    async pruneHistory(before) {
      let removed = 0
      for (const table of ['source_history', 'source_sample', 'item_history']) {
        removed += await database.execute(`delete from ${table} where at < ${hourOf('$1')}`, [before])
      }
      await addUp(database, before)
      return removed
    },
  }
}

/**
 * Of every indicator the sources that report it. Where nothing was committed since the last count, which the clock
 * tells, that one still holds: a store at rest costs nothing.
 */
async function sample(transaction: Transaction, now: Date): Promise<void> {
  await transaction.execute(`set local work_mem = '16MB'`)
  // Whoever counts at the same time waits, and then writes the same hour once more.
  await transaction.execute('lock table source_sample in share row exclusive mode')
  const [state] = await transaction.query<{
    hour: string
    seq: number
    last: string | null
    lastSeq: number | null
  }>(
    `select ${hourOf('$1')} as hour, c.seq, l.at as last, l.seq as "lastSeq"
     from clock c left join (${newestSql('at, seq')}) l on true`,
    [now],
  )
  if (state === undefined) throw new Error('the table clock has no row')
  const { hour, seq, last, lastSeq } = state
  const unchanged = last !== null && lastSeq === seq
  if (unchanged && last === hour) return
  await transaction.execute('delete from source_history where at = $1', [hour])
  await transaction.execute(
    `insert into source_history (source, at, type, active, n) ${unchanged ? copySql : countSql}`,
    unchanged ? [hour, last] : [hour],
  )
  await transaction.execute(
    'insert into source_sample (at, seq) values ($1, $2) on conflict (at) do update set seq = excluded.seq',
    [hour, seq],
  )
}

/** By the clock of the store, which never goes back: that of a machine may have been ahead. */
const newestSql = (columns: string) =>
  `select ${columns} from source_sample order by seq desc, at desc limit 1`

/** Few indicators have other sources than most: grouped by the whole list first, they are unfolded afterwards. */
const countSql = `
select s.source, $1::timestamptz, c.type, c.active, sum(c.n)
from (select sources, type, active, count(*) as n from indicator group by sources, type, active) c,
  unnest(c.sources) as s (source)
group by s.source, c.type, c.active`

const copySql = 'select source, $1::timestamptz, type, active, n from source_history where at = $2'

/** One at a time: two that delete the same rows would wait for each other in a circle. Who adds rows waits for none. */
async function addUp(database: Database, since: Date): Promise<void> {
  await database.transaction(async (transaction) => {
    await transaction.execute('lock table item_history in share update exclusive mode')
    await transaction.execute(addUpSql, [since])
  })
}

const addUpSql = `
with several as (
  select exporter, at, status from item_history where at >= ${hourOf('$1')}
  group by exporter, at, status having count(*) > 1),
gone as (
  delete from item_history h using several s
  where h.exporter = s.exporter and h.at = s.at and h.status = s.status
  returning h.exporter, h.at, h.status, h.n)
insert into item_history (exporter, at, status, n)
select exporter, at, status, sum(n) from gone group by exporter, at, status`

/** @param rows by time; `what` null: the hour has nothing */
function points(
  rows: readonly { readonly at: string; readonly what: string | null; readonly n: number | null }[],
): HistoryPoint[] {
  return [...Map.groupBy(rows, ({ at }) => at)].map(([at, counts]) => ({
    at,
    values: Object.fromEntries(
      counts.flatMap(({ what, n }) => (what === null || n === null ? [] : [[what, n]])),
    ),
  }))
}
