/** The databases that the tests of the store run on. */
import pg from 'pg'
import t from 'tap'
import { freshDatabase } from './database.ts'

async function query(config: pg.ClientConfig, text: string): Promise<unknown[]> {
  const client = new pg.Client(config)
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

t.test('each test has an empty database of its own, which is gone after it', async (t) => {
  const seen: string[] = []
  for (const test of ['first', 'second']) {
    await t.test(test, async (t) => {
      const { connection, url } = await freshDatabase(t)
      const tables = "select table_name from information_schema.tables where table_schema = 'public'"
      t.same(await query({ ...connection }, tables), [], 'nothing is in it')
      await query({ ...connection }, 'create table mine (x int)')
      t.same(
        await query({ connectionString: url }, tables),
        [{ table_name: 'mine' }],
        'the address is of the same',
      )
      seen.push(connection.database)
    })
  }
  const { connection } = await freshDatabase(t)
  const left = await query(
    { ...connection },
    `select datname from pg_database where datname in ('${seen.join("', '")}')`,
  )
  t.same(left, [])
  t.equal(new Set(seen).size, 2)
})

t.test('a database goes with its test although somebody is still connected', async (t) => {
  await t.test('a pool that nobody ended', async (t) => {
    const { connection } = await freshDatabase(t)
    const pool = new pg.Pool({ ...connection })
    pool.on('error', () => {})
    t.equal((await pool.query('select 1 as x')).rows[0].x, 1)
  })
  t.pass('the test ended')
})
