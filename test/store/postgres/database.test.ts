/** Connections, transactions, migrations. */
import { createServer } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import t from 'tap'
import { ServiceError } from '../../../src/errors.ts'
import { allTypes } from '../../../src/model/indicator.ts'
import {
  type Database,
  openDatabase,
  patient,
  type TransactionOptions,
} from '../../../src/store/postgres/database.ts'
import { translatedAtStart } from '../../../src/store/postgres/failures.ts'
import { openPostgresStore } from '../../../src/store/postgres/index.ts'
import { migrate } from '../../../src/store/postgres/migrate.ts'
import { migrations } from '../../../src/store/postgres/migrations/index.ts'
import { opName, opNumber, tlpNumber, typeName, typeNumber } from '../../../src/store/postgres/types.ts'
import { columnText, timeText } from '../../../src/store/postgres/values.ts'
import { type Connection, freshDatabase } from '../database.ts'
import { log, statement } from './pages.ts'

async function open(
  t: { teardown(after: () => Promise<void>): void },
  connection: Connection,
  more: object = {},
): Promise<Database> {
  const database = await openDatabase({ connection: { ...connection }, log, ...more })
  t.teardown(() => database.close())
  return database
}

t.test('values come as the model has them, and none loses a digit in silence', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await open(t, connection)
  const [row] = await database.query(
    `select 9007199254740991::bigint as whole, '2024-01-02 03:04:05+02'::timestamptz as time,
       '2024-01-02 03:04:05.12Z'::timestamptz as milli, '2024-01-02 03:04:05.123456Z'::timestamptz as micro,
       array[1, 2]::smallint[] as list, null as nothing, '\\xff'::bytea as bytes`,
  )
  t.same(row, {
    whole: 9007199254740991,
    time: '2024-01-02T01:04:05Z',
    milli: '2024-01-02T03:04:05.120Z',
    micro: '2024-01-02T03:04:05.123456Z',
    list: [1, 2],
    nothing: null,
    bytes: Buffer.from([255]),
  })
  await t.rejects(
    database.query('select 9007199254740992::bigint'),
    /beyond 2\^53 in the store: 9007199254740992/,
  )
  await t.rejects(database.query(`select 'infinity'::timestamptz`), /not a time/)
  t.throws(() => timeText('2024-01-02 03:04:05+02'), /not a time/)
  t.same(await database.query('select $1::timestamptz as time', [new Date('2024-06-01T00:00:00.5Z')]), [
    { time: '2024-06-01T00:00:00.500Z' },
  ])
  t.equal(columnText('a\0b\ud800c\u{1f600}'), 'a\ufffdb\ufffdc\u{1f600}')
})

t.test('types, TLP levels and ops have numbers that never change', (t) => {
  const types = ['custom', 'ipv4', 'ipv6', 'cidr', 'domain', 'url', 'email', 'file', 'asn', 'mutex'] as const
  t.same(types.map(typeNumber), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  t.equal(typeNumber('email-message'), 30)
  t.equal(typeName(30), 'email-message')
  t.same(
    allTypes.map((type) => typeName(typeNumber(type))),
    allTypes,
    'no two have the same',
  )
  t.same(
    [undefined, 'clear', 'green', 'amber', 'amber+strict', 'red'].map((level) => tlpNumber(level as 'red')),
    [0, 1, 2, 3, 4, 5],
  )
  t.same([0, 1, 2].map(opName), ['add', 'update', 'remove'])
  t.equal(opNumber('remove'), 2)
  t.throws(() => typeName(31), /no number for type number 31/)
  t.end()
})

t.test('a transaction is stored as a whole or not at all', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await open(t, connection)
  await database.execute('create table x (n integer primary key)')
  await t.rejects(
    database.transaction(async (transaction) => {
      t.equal(await transaction.execute('insert into x values (1), (2)'), 2)
      throw new Error('thought better of it')
    }),
    /thought better of it/,
  )
  await t.rejects(
    database.transaction(async (transaction) => {
      await transaction.execute('insert into x values (1)')
      await transaction.execute('insert into x values (1)').catch(() => {})
    }),
    /rolled back since one of its statements failed/,
  )
  await t.rejects(
    database.transaction((transaction) => transaction.execute('insert into x values (1)'), {
      readOnly: true,
    }),
    { cause: { code: '25006' } },
  )
  t.same(await database.query('select n from x'), [])
  await t.rejects(database.query('select nonsense'), { code: '42703' }, 'a fault of ours is told as it is')
})

t.test('transactions that wait for each other are both carried out', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await open(t, connection)
  await database.execute(
    "create table x (name text primary key, n integer); insert into x values ('a', 0), ('b', 0)",
  )
  const bothHoldOne = Promise.withResolvers<void>()
  let holding = 0
  let calls = 0
  const add = (names: readonly string[]) =>
    database.transaction(async (transaction) => {
      calls++
      await transaction.execute(`update x set n = n + 1 where name = $1`, [names[0]])
      if (++holding === 2) bothHoldOne.resolve()
      await bothHoldOne.promise
      await transaction.execute(`update x set n = n + 1 where name = $1`, [names[1]])
    })
  await Promise.all([add(['a', 'b']), add(['b', 'a'])])
  t.same(await database.query('select n from x'), [{ n: 2 }, { n: 2 }])
  t.equal(calls, 3, 'one of them was the victim, and came again')
})

t.test('a write that meets a serialization failure every time gives up with it', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await open(t, connection, { random: () => 0 })
  await database.execute('create table x (n integer); insert into x values (0)')
  let calls = 0
  const failing = database.transaction(
    async (transaction) => {
      calls++
      await transaction.query('select n from x')
      await database.execute('update x set n = n + 1')
      await transaction.execute('update x set n = n + 100')
    },
    { isolation: 'repeatable read' },
  )
  await t.rejects(failing, { code: 'STORE_UNAVAILABLE', cause: { code: '40001' } })
  t.equal(calls, 5)
})

t.test('a database that does not answer is STORE_UNAVAILABLE, and comes back by itself', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await open(t, connection)
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`
  const unavailable = { code: 'STORE_UNAVAILABLE', headers: { 'Retry-After': '5' } }
  const busy = t.rejects(database.query('select pg_sleep(30)'), unavailable)
  const inTransaction = t.rejects(
    database.transaction(async (transaction) => {
      await transaction.query('select pg_sleep(30)')
    }),
    unavailable,
  )
  const asleep = `select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`
  while ((await statement(connection, asleep)).length < 2);
  await statement(connection, cut)
  await Promise.all([busy, inTransaction])
  t.same(await database.query('select 1 as n'), [{ n: 1 }])
  const between = database.transaction(async (transaction) => {
    await transaction.query('select 1')
    await statement(connection, cut)
    await transaction.query('select 1')
  })
  await t.rejects(between, unavailable)
  // An idle connection that is cut off is no error for anybody.
  await statement(connection, cut)
  for (let tries = 0; tries < 100 && !(await database.ready()).ok; tries++);
  t.same(await database.ready(), { ok: true })
  await t.rejects(database.query('do $$ begin raise disk_full; end $$'), {
    ...unavailable,
    message: "the database's disk is full (53100)",
  })
  const impatient = await open(t, connection, { statementTimeoutMs: 50 })
  await t.rejects(impatient.query('select pg_sleep(30)'), unavailable)
  const patient = await impatient.transaction(
    (transaction) => transaction.query(`select 1 as n from pg_sleep(0.1)`),
    { statementTimeoutMs: 0 },
  )
  t.same(patient, [{ n: 1 }])
})

t.test('who stands still in the middle of a transaction loses it, and nobody waits any longer', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await open(t, connection, { stillMs: 200 })
  const other = await open(t, connection)
  await database.execute('create table counted (number integer)')
  await database.execute('insert into counted values (0)')
  const locking = Promise.withResolvers<void>()
  const wake = Promise.withResolvers<void>()
  const add = (number: number, pause: Promise<void>, options?: TransactionOptions) =>
    database.transaction(async (transaction) => {
      await transaction.execute(`update counted set number = number + ${number}`)
      locking.resolve()
      await pause
      await transaction.execute(`update counted set number = number + ${number}`)
    }, options)
  const standing = add(100, wake.promise).catch((error: unknown) => error)
  await locking.promise
  t.equal(await other.execute('update counted set number = number + 1'), 1)
  wake.resolve()
  t.match(await standing, { code: 'STORE_UNAVAILABLE' })
  t.same(await database.query('select number from counted'), [{ number: 1 }], 'nothing of it was carried out')

  await add(10, wait(600), patient)
  t.same(await database.query('select number from counted'), [{ number: 21 }], 'one that may wait goes on')
})

t.test('where there is no database, opening says why', async (t) => {
  const { connection } = await freshDatabase(t)
  const silent = createServer((socket) => void socket.resume())
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve))
  t.teardown(() => new Promise((resolve) => silent.close(resolve)))
  const address = silent.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const cases: readonly (readonly [what: string, connection: object, detail: RegExp])[] = [
    [
      'nobody listens',
      { connectionString: 'postgres://u:secret@127.0.0.1:1/x' },
      /no connection .*ECONNREFUSED/,
    ],
    [
      'somebody who says nothing',
      { host: '127.0.0.1', port, user: 'u', database: 'x' },
      /no connection .*timeout/i,
    ],
    ['no such database', { ...connection, database: 'nonsense' }, /database "nonsense" does not exist/],
  ]
  for (const [what, connection, detail] of cases) {
    const opening = openPostgresStore({ connection, log, connectTimeoutMs: 300 })
    const error = await opening.then(
      () => undefined,
      (error: unknown) => error,
    )
    t.ok(error instanceof ServiceError, what)
    t.match(error, { code: 'STORE_UNAVAILABLE', message: detail }, what)
    t.notMatch(String(error), /secret/, what)
  }
})

t.test(
  'replicas that start at once migrate once; a newer schema and an old server are refused',
  async (t) => {
    const { connection } = await freshDatabase(t)
    const databases = await Promise.all([1, 2, 3].map(() => open(t, connection)))
    const carriedOut = await Promise.all(databases.map((database) => migrate(database, migrations, log)))
    t.equal(
      carriedOut.reduce((sum, count) => sum + count, 0),
      migrations.length,
    )
    const [database] = databases
    if (database === undefined) throw new Error('none was opened')
    t.equal(await migrate(database, migrations, log), 0)

    const more = [...migrations, { name: 'next', sql: 'create table next (); create table next ()' }]
    await t.rejects(migrate(database, more, log), /already exists/)
    t.same(await database.query('select version from schema_version'), [{ version: migrations.length }])
    await t.rejects(migrate(database, migrations.slice(0, 1), log), {
      code: 'STORE_UNAVAILABLE',
      message: `the schema of the database has version ${migrations.length}, this program knows versions up to 1: a newer one has migrated it; start that one`,
    })
    const old: Database = {
      ...database,
      query: async <Row extends object>() => [{ version: '140011', name: '14.11' }] as Row[],
    }
    await t.rejects(
      migrate(old, migrations, log),
      /PostgreSQL 15 or later is needed; this server is version 14.11/,
    )
  },
)

t.test(
  'commits are told to every process: own ones at once, also after the listener lost its connection',
  async (t) => {
    const { connection } = await freshDatabase(t)
    const lines: string[] = []
    const noisy = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
    const [one, two] = [await open(t, connection, { log: noisy, random: () => 0 }), await open(t, connection)]
    let [here, there] = [0, 0]
    let told = Promise.withResolvers<void>()
    const end = one.onCommit(() => here++)
    one.onCommit(() => {
      throw new Error('of the listener')
    })
    two.onCommit(() => {
      there++
      told.resolve()
    })
    const announce = (database: Database) => database.transaction((transaction) => transaction.announce())
    const listening = `select from pg_stat_activity where datname = current_database() and query like 'listen%' and state = 'idle'`
    while ((await statement(connection, listening)).length < 2);
    await announce(one)
    t.equal(here, 1)
    await told.promise
    t.equal(there, 1)
    t.match(lines, [/a listener for commits failed/])

    told = Promise.withResolvers()
    const cut = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name like '%listener'`
    await statement(connection, cut)
    await told.promise
    t.pass('what may have been missed meanwhile is told when the listener is back')
    told = Promise.withResolvers()
    await announce(one)
    await told.promise

    end()
    const before = here
    await announce(one)
    await one.transaction(async (transaction) => void (await transaction.query('select 1')))
    t.equal(here, before)
  },
)

t.test('an idle connection that is lost is told without what belongs to it', async (t) => {
  const { connection } = await freshDatabase(t)
  const lines: string[] = []
  const told = Promise.withResolvers<void>()
  const write = (line: string) => {
    lines.push(line)
    told.resolve()
  }
  const database = await open(t, connection, { log: pino({ level: 'warn' }, { write }) })
  await database.query('select 1')
  await statement(
    connection,
    'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
  )
  await told.promise
  t.match(JSON.parse(lines[0] ?? ''), {
    msg: 'an idle connection to the database was lost',
    reason: 'terminating connection due to administrator command',
  })
  t.notMatch(lines.join(''), /secretKey|connectionParameters/)
})

t.test('who starts the program is told which rights or connections the database lacks', async (t) => {
  const { connection } = await freshDatabase(t)
  const user = `user_${connection.database}`
  await statement(connection, `create role ${user} login password 'secret'`)
  t.teardown(() => statement(connection, `drop owned by ${user} cascade; drop role ${user}`).then(() => {}))
  const why = async () => {
    const login = { ...connection, user, password: 'secret' }
    const error = await openPostgresStore({ connection: login, log }).catch((error: unknown) => error)
    return translatedAtStart(error)
  }
  t.match(await why(), {
    code: 'STORE_UNAVAILABLE',
    message:
      'permission denied for schema public; its user needs the right CREATE, on the database and on the schema public',
  })
  await statement(connection, `alter role ${user} connection limit 0`)
  t.match(await why(), { code: 'STORE_UNAVAILABLE', message: /too many connections for role/ })
})

t.test('no connection stays when a store is closed', async (t) => {
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection: { ...connection }, log })
  store.onCommit(() => {})
  await store.head()
  await store.close()
  const client = new pg.Client({ ...connection })
  await client.connect()
  const others = `select count(*)::int as n from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  const count = async () => (await client.query<{ n: number }>(others)).rows[0]?.n
  // The server takes a moment to notice.
  for (let tries = 0; tries < 1000 && (await count()) !== 0; tries++);
  t.equal(await count(), 0)
  await client.end()
  t.match(await store.ready(), { ok: false, reason: /does not answer/ })
})
