/** Connections that fall silent, are ended, are refused, or lead to a server that can only be read. */
import pg from 'pg'
import t, { type Test } from 'tap'
import { openDatabase } from '../../../src/store/postgres/database.ts'
import { openPostgresStore } from '../../../src/store/postgres/index.ts'
import { type Connection, freshDatabase } from '../../store/database.ts'
import { start as startEngine, storeFolder } from '../../store/embedded/servers.ts'
import { observe, pageOf } from '../../store/postgres/pages.ts'
import { startDatabaseProxy } from './proxy.ts'
import { silent } from './store-world.ts'

t.setTimeout(60_000)

const unavailable = { code: 'STORE_UNAVAILABLE', headers: { 'Retry-After': '5' } }

async function throughProxy(t: Test, more: object = {}, way: object = {}) {
  const { connection } = await freshDatabase(t)
  const proxy = await startDatabaseProxy(connection)
  t.teardown(() => proxy.close())
  const through = { ...connection, host: proxy.host, port: proxy.port, ...way }
  const database = await openDatabase({ connection: through, log: silent, ...more })
  t.teardown(() => database.close().catch(() => {}))
  return { database, proxy, connection }
}

async function statement(connection: Connection, sql: string): Promise<void> {
  const client = new pg.Client({ ...connection })
  await client.connect()
  await client.query(sql)
  await client.end()
}

t.test('nobody waits for idle connections that lead nowhere any more: others are made', async (t) => {
  const { database, proxy } = await throughProxy(t, { asking: { unheardMs: 0, answerMs: 300 } })
  const many = () => Promise.all(Array.from({ length: 10 }, () => database.query('select pg_sleep(0.02)')))
  await many()
  proxy.silenceAll()
  const began = performance.now()
  t.equal((await many()).length, 10, 'each has its answer')
  // One after the other they would take ten times as long; the limit of a statement is 60 s.
  t.ok(performance.now() - began < 20_000)
  await t.resolves(database.transaction(async (transaction) => void (await transaction.query('select 1'))))
})

t.test(
  'a server that is gone in the middle of a transaction ends it within the limit of a statement',
  async (t) => {
    const { database, proxy } = await throughProxy(t, {}, { query_timeout: 300 })
    await database.execute('create table x (n integer)')
    const work = database.transaction(async (transaction) => {
      await transaction.execute('insert into x values (1)')
      proxy.silenceAll()
      await transaction.execute('insert into x values (2)')
    })
    await t.rejects(work, unavailable)
    t.same(await database.query('select n from x'), [], 'nothing of it is there')
  },
)

t.test('a store closes although its connections are silent', async (t) => {
  const { database, proxy } = await throughProxy(t)
  database.onCommit(() => {})
  await database.query('select 1')
  proxy.silenceAll()
  await database.close()
  t.pass('it ended')
})

t.test('sessions that are ended at random lose no transaction, and carry none out twice', async (t) => {
  const { database, connection } = await throughProxy(t)
  await database.execute('create table x (n integer)')
  const admin = new pg.Client({ ...connection })
  await admin.connect()
  t.teardown(() => admin.end())
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() order by random() limit 2`
  const told: number[] = []
  const add = async (n: number) => {
    try {
      await database.transaction(async (transaction) => {
        await transaction.execute('insert into x values ($1)', [n])
        if (n % 10 === 0) await admin.query(cut)
        await transaction.query('select 1')
      })
      told.push(n)
    } catch (error) {
      t.match(error, unavailable)
    }
  }
  for (let n = 0; n < 200; n += 5) await Promise.all([0, 1, 2, 3, 4].map((more) => add(n + more)))
  const rows = await database.query<{ n: number }>('select n from x order by n')
  const stored = rows.map(({ n }) => n)
  t.same(
    told.filter((n) => !stored.includes(n)),
    [],
    'what was told is there',
  )
  t.equal(new Set(stored).size, stored.length, 'and nothing twice')
  t.ok(told.length < 200, 'some were lost')
})

t.test(
  'a server that can only be read says so; once another one takes its place, writing goes on',
  async (t) => {
    const { connection } = await freshDatabase(t)
    const store = await openPostgresStore({ connection: { ...connection }, log: silent })
    t.teardown(() => store.close())
    await store.registerSources(['tc'])
    const { database } = connection
    const admin = { ...connection, database: 'postgres' }
    await statement(admin, `alter database ${database} set default_transaction_read_only = on`)
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`
    await statement(admin, cut)
    while (!(await store.ready()).ok);
    const refused = { ...unavailable, message: 'the database can only be read (25006)' }
    for (let tries = 0; tries < 3; tries++) {
      await t.rejects(store.startRun('tc', new Date()), refused)
      await t.rejects(store.registerSources(['other']), refused)
    }
    t.same(await store.sourceNames(), ['tc'], 'reading goes on')
    await statement(admin, `alter database ${database} set default_transaction_read_only = off`)
    // Its sessions stay as they are: only new ones can write.
    const { run } = await store.startRun('tc', new Date())
    const claim = (await store.claimRun(run.id)) ?? 0
    const page = pageOf(
      { run: run.id, claim, source: 'tc' },
      { records: [{ observation: observe(1, 'a.example'), expiresAt: null }] },
    )
    t.match(await store.ingest(page), { stored: 1 })
  },
)

t.test('a server without a connection left says so; once there is one, it goes on', async (t) => {
  const folder = await storeFolder(t)
  const settings = { fsync: 'off', max_connections: '8', superuser_reserved_connections: '0' }
  const { connection } = await startEngine(t, folder, { settings })
  const store = await openPostgresStore({ connection: { ...connection }, log: silent })
  t.teardown(() => store.close())
  const others: pg.Client[] = []
  for (;;) {
    const other = new pg.Client({ ...connection })
    other.on('error', () => {})
    try {
      await other.connect()
    } catch {
      break
    }
    others.push(other)
  }
  const asked = await Promise.allSettled(Array.from({ length: 6 }, () => store.sourceNames()))
  const refusals = asked.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
  t.ok(
    asked.some(({ status }) => status === 'fulfilled'),
    'what is connected serves on',
  )
  t.ok(refusals.length > 0)
  for (const refusal of refusals) {
    t.match(refusal, { ...unavailable, message: 'the database has no connection left (53300)' })
  }
  const late = openPostgresStore({ connection: { ...connection }, log: silent })
  await t.rejects(late, {
    code: 'STORE_UNAVAILABLE',
    message: /no connection to the database: .*too many clients/,
  })
  for (const other of others) await other.end()
  const again = await Promise.all(Array.from({ length: 6 }, () => store.sourceNames()))
  t.equal(again.length, 6)
})
