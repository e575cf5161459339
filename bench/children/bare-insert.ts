/**
 * The least that stores rows: those that a fetch made are read from its database, and inserted into the same tables,
 * with the same indexes, of a fresh database in a PostgreSQL of its own with the same settings: 1,000 rows of each
 * table in one transaction, each table's as one JSON parameter. Only the inserts are timed. The message
 * `{ records }` gives their range.
 *
 *   bare-insert.ts FETCHED-SOCKETS FOLDER
 */
import pg from 'pg'
import { pino } from 'pino'
import { startEmbedded } from '../../src/store/embedded/start.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'

const [sockets = '', folder = ''] = process.argv.slice(2)
const atOnce = 1000

export interface Range {
  /** Remote ids of the records. */
  readonly records: readonly [after: number, upTo: number]
}

export interface Inserted {
  readonly rows: number
  readonly seconds: number
  /** Of this process. */
  readonly cpuSeconds: number
  /** The process that served the reading. */
  readonly reader: number
}

const log = pino({ level: 'silent' })
const embedded = await startEmbedded({ folder, log })
// It makes the tables.
await (await openPostgresStore({ connection: embedded.connection, log })).close()
const target = new pg.Client(embedded.connection)
const fetched = new pg.Client({ host: sockets, port: 5432, user: 'postgres', database: 'postgres' })
await Promise.all([target.connect(), fetched.connect()])
const reader = (await fetched.query('select pg_backend_pid() as pid')).rows[0].pid as number

/** As JSON has them: bytes are hexadecimal. */
async function rowsOf(statement: string, values: readonly unknown[]): Promise<object[]> {
  const { rows } = await fetched.query(statement, [...values])
  return rows.map(({ row }: { readonly row: object }) => row)
}

const observationRows = `select row_to_json(o) as row from observation o
  where remote_id > $1 and remote_id <= $2 order by remote_id`
const indicatorRows = `select row_to_json(i) as row from indicator i
  where key in (select key from observation where remote_id > $1 and remote_id <= $2) order by seq`

async function insert(table: string, rows: readonly object[]): Promise<void> {
  await target.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1::json)`, [
    JSON.stringify(rows),
  ])
}

async function copy({ records }: Range): Promise<Inserted> {
  const observations = await rowsOf(observationRows, records)
  const indicators = await rowsOf(indicatorRows, records)
  // What reading left behind is not the inserts' to clear away.
  globalThis.gc?.()
  const used = process.cpuUsage()
  const started = performance.now()
  for (let start = 0; start < observations.length; start += atOnce) {
    await target.query('begin')
    await insert('observation', observations.slice(start, start + atOnce))
    await insert('indicator', indicators.slice(start, start + atOnce))
    await target.query('commit')
  }
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(used)
  return { rows: observations.length, seconds, cpuSeconds: (user + system) / 1e6, reader }
}

process.on('message', (range: Range) => {
  copy(range).then((inserted) => process.send?.(inserted))
})
process.once('SIGTERM', async () => {
  await Promise.all([target.end(), fetched.end()])
  await embedded.stop()
  process.exit()
})
console.log('listening on messages')
