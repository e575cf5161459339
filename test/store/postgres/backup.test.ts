import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { ClientConfig } from 'pg'
import tap from 'tap'
import type { Observation } from '../../../src/model/indicator.ts'
import { startEmbedded } from '../../../src/store/embedded/start.ts'
import { backup } from '../../../src/store/postgres/backup.ts'
import { BackupError, verifyBackup } from '../../../src/store/postgres/backup-format.ts'
import { restore } from '../../../src/store/postgres/backup-restore.ts'
import { openDatabase } from '../../../src/store/postgres/database.ts'
import { migrate } from '../../../src/store/postgres/migrate.ts'
import { migrations } from '../../../src/store/postgres/migrations/index.ts'
import { freshDatabase } from '../database.ts'
import { accepted, item, push, start } from './exporting.ts'
import { fill, freshStore, observationOf, openStore, silent, type TestStore } from './stored.ts'

const folder = mkdtempSync(join(tmpdir(), 'feed-backup-'))
tap.teardown(() => rmSync(folder, { recursive: true }))

const program = '1.2.3'
const now = new Date('2026-01-02T03:04:05.678Z')

/** Texts that a careless format would break. */
const texts = ['\\.', '\\N', '', '\t\n\r\\\b', '"quoted", \'too\'', '{a,"b"}', 'ελληνικά 🦊', 'null', '\\x00']

async function fillOddly(store: TestStore): Promise<void> {
  const observations: Observation[] = texts.map((text, n) =>
    observationOf(
      n + 1,
      {
        type: n % 2 === 0 ? 'mutex' : 'custom',
        ...(n % 2 === 1 && { customType: `Type ${text}` }),
        value: `v${text}`,
        tags: texts.slice(0, n),
        confidence: 0.1 + n,
        description: `${text}\u0000`,
        lastModified: '2024-01-05T04:28:52.123Z',
        raw: { text, big: 2 ** 53 },
      },
      { owner: text === '' ? 'none' : text },
    ),
  )
  await fill(store, observations, { expiresAt: () => '2030-01-01T00:00:00.000Z', now })
  await fill(
    store,
    observations.slice(0, 3).map((one) => ({ ...one, score: 3 })),
    {
      removed: [{ remoteId: '5' }],
      now,
    },
  )
  const { database } = store
  await database.execute(
    `insert into feed (name, definition, held) select 'f' || n, 'd', '{"a": [1.50, "\\\\"]}' from generate_series(1, 3) n`,
  )
  await database.execute('delete from feed where id = 3')
  await database.execute(
    `insert into feed_size (feed, at, entries) values (1, '2024-01-01 00:00:00.123456+00', 5), (1, 'infinity', 6)`,
  )
  await pushOddly(store)
  await database.execute(`update indicator set threat_assess_score = '1e-40' where score = 3`)
  await database.execute(
    `create schema pgboss; create table pgboss.job (id integer); create table somebodys (id integer)`,
  )
}

/** One delivery is under way, one had an answer, the others wait. */
async function pushOddly(store: TestStore): Promise<void> {
  await store.registerExporters(['dt'])
  await push(
    store,
    texts.map((text) => item(`v${text}`, text)),
    { idempotency: { key: 'k', digest: 'd' } },
  )
  const claim = await store.claimExporter('dt')
  const claimed = await store.claimDeliveries('dt', claim, { limit: 2, now: start })
  await store.settleDeliveries(
    'dt',
    claim,
    claimed.slice(1).map((each) => accepted(each)),
    start,
  )
  const error = { code: 'INTERNAL', cause: texts.join(), remedy: '', at: '2026-01-01T00:00:00Z' }
  await store.saveHealth('dt', claim, { circuit: 'open', failures: 1, waitUntil: null, error })
}

/** Every row of every table of ours as text, which PostgreSQL writes exactly. */
async function contentOf(connection: ClientConfig): Promise<Record<string, string[]>> {
  const database = await openDatabase({ connection, log: silent })
  try {
    const tables = await database.query<{ name: string }>(
      `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1`,
    )
    const content: Record<string, string[]> = {}
    for (const { name } of tables) {
      const rows = await database.query<{ row: string }>(`select t::text as row from "${name}" t order by 1`)
      content[name] = rows.map(({ row }) => row)
    }
    const indexes = await database.query<{ row: string }>(
      `select indexdef as row from pg_indexes where schemaname = 'public' order by 1`,
    )
    if (indexes.length > 0) content.indexes = indexes.map(({ row }) => row)
    return content
  } finally {
    await database.close()
  }
}

function sameRows(some: readonly string[] = [], others: readonly string[]): boolean {
  return some.length === others.length && some.every((row, n) => row === others[n])
}

async function holdsTheSame(
  t: Pick<typeof tap, 'ok' | 'same' | 'equal'>,
  original: ClientConfig,
  copy: ClientConfig,
): Promise<void> {
  const [{ epoch: before = [], somebodys, ...want }, { epoch: after = [], ...got }] = await Promise.all([
    contentOf(original),
    contentOf(copy),
  ])
  t.ok(somebodys, 'tables of others stay where they are')
  t.same(Object.keys(got), Object.keys(want))
  for (const [table, rows] of Object.entries(want)) t.ok(sameRows(got[table], rows), table)
  t.same(after.slice(0, before.length), before, 'the epochs so far')
  t.equal(after.length, before.length + 1, 'and a new one')
}

tap.test('a backup is what the store held at one moment, and restores to the same, row by row', async (t) => {
  const store = await freshStore(t)
  await fillOddly(store)
  const file = join(folder, 'good.gz')
  const before = await contentOf(store.connection)
  const writes: Promise<void>[] = []
  const { rows, bytes } = await backup({
    connection: store.connection,
    file,
    program,
    now,
    // Written while the tables are read: none of it is of that moment.
    onTable: (table) => {
      if (table !== 'clock') return
      writes.push(
        fill(store, [observationOf(999, { type: 'domain', value: 'later.example' })], { source: 'late' }),
      )
    },
  })
  t.equal(writes.length, 1)
  await Promise.all(writes)
  t.equal(bytes, statSync(file).size)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(rows.indicator, texts.length - 1)
  t.same(readdirSync(folder), ['good.gz'], 'and nothing unfinished is left')

  const { connection } = await freshDatabase(t)
  const told: string[] = []
  const restored = await restore({ connection, file, log: silent, onTable: (table) => told.push(table) })
  t.same(restored, rows)
  t.same(told.sort(), Object.keys(rows).sort())
  const content = await contentOf(connection)
  const { epoch, ...want } = before
  for (const [table, all] of Object.entries(want))
    if (table !== 'somebodys') t.ok(sameRows(content[table], all), table)
  t.equal(epoch?.length, 1)

  const copy = await openStore(connection)
  t.teardown(() => copy.database.close())
  await copy.database.execute(`insert into feed (name, definition) values ('next', 'd')`)
  const [feed] = await copy.database.query<{ id: number }>(`select id from feed where name = 'next'`)
  t.equal(feed?.id, 4, 'numbers go on where they stood')
  await fill(copy, [observationOf(1000, { type: 'domain', value: 'more.example' })])
  t.equal((await copy.changes(0, 1000)).at(-1)?.indicator.value, 'more.example', 'and the store goes on')
})

tap.test(
  'an interrupted backup leaves the earlier one as it was, an interrupted restore nothing',
  async (t) => {
    const store = await freshStore(t)
    await fillOddly(store)
    const file = join(folder, 'kept.gz')
    const { connection } = store
    await backup({ connection, file, program, now })
    const earlier = readFileSync(file)
    for (const after of [undefined, 'change', 'unreadable']) {
      const { signal, abort } = interruption(after)
      await t.rejects(backup({ connection, file, program, now, signal, onTable: abort }), `after ${after}`)
      t.ok(readFileSync(file).equals(earlier))
      t.notOk(readdirSync(folder).some((name) => name.includes('unfinished')))
    }
    const target = await freshDatabase(t)
    const { signal, abort } = interruption('source')
    const half = restore({ connection: target.connection, file, log: silent, signal, onTable: abort })
    await t.rejects(half, { message: 'interrupted' })
    const empty = await openStore(target.connection)
    t.teardown(() => empty.database.close())
    t.same(await empty.sourceNames(), [])
    await restore({ connection: target.connection, file, log: silent })
    t.same(await empty.sourceNames(), ['tc'], 'and it can be restored into again')
  },
)

tap.test('an interruption at any moment is a rejection of the backup, and nothing else', async (t) => {
  const store = await freshStore(t)
  await fill(
    store,
    Array.from({ length: 200 }, (_, n) => observationOf(n + 1, { type: 'domain', value: `a${n}.example` })),
  )
  const { connection } = store
  const file = join(folder, 'interrupted.gz')
  let interrupted = 0
  for (let turns = 0; turns < 60; turns++) {
    const controller = new AbortController()
    const made = backup({ connection, file, program, now, signal: controller.signal }).catch((error) => {
      interrupted++
      if (error.name !== 'AbortError') throw error
    })
    await wait(turns / 3)
    controller.abort(new Error('interrupted'))
    await made
  }
  t.ok(interrupted > 10, `${interrupted} of 60 were in time`)
})

/** @param after a table; undefined: before anything */
function interruption(after: string | undefined) {
  const controller = new AbortController()
  const abort = (table?: string) => {
    if (table === after) controller.abort(new Error('interrupted'))
  }
  abort()
  return { signal: controller.signal, abort }
}

tap.test(
  'a store that is not empty is refused, and stays as it is; so is a database without a store',
  async (t) => {
    const store = await freshStore(t)
    await fill(store, [observationOf(1, { type: 'domain', value: 'a.example' })])
    const file = join(folder, 'full.gz')
    await backup({ connection: store.connection, file, program, now })
    const before = await contentOf(store.connection)
    await t.rejects(restore({ connection: store.connection, file, log: silent }), {
      name: 'BackupError',
      message: /not empty \(there are rows in .*indicator.*new folder or database/,
    })
    t.equal(JSON.stringify(await contentOf(store.connection)), JSON.stringify(before))

    const { connection } = await freshDatabase(t)
    await t.rejects(backup({ connection, file, program, now }), {
      name: 'BackupError',
      message: /holds no store/,
    })

    const migrated = await freshStore(t)
    await restore({ connection: migrated.connection, file, log: silent })
    t.equal((await migrated.countByType()).domain, 1, 'a store that was made and never used is empty')
  },
)

tap.test('a damaged, cut, foreign or newer file is refused before anything is written', async (t) => {
  const store = await freshStore(t)
  await fillOddly(store)
  const good = join(folder, 'whole.gz')
  await backup({ connection: store.connection, file: good, program, now })
  t.equal((await verifyBackup(good)).header.program, program)
  const bytes = readFileSync(good)
  const text = gunzipSync(bytes)
  const file = join(folder, 'bad.gz')
  let taken = 0
  for (let n = 0; n < 60; n++) {
    const damaged = Buffer.from(bytes)
    // The first ten bytes of gzip hold a time and an operating system.
    const at = 10 + Math.floor(Math.random() * (bytes.length - 10))
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (n % 8))
    writeFileSync(file, damaged)
    await verifyBackup(file).then(
      // A few bits before gzip's own checksum only fill a byte up: the content is the same.
      () => {
        if (!gunzipSync(damaged).equals(text)) taken++
      },
      (error: unknown) => {
        if (!(error instanceof BackupError)) throw error
      },
    )
    // Damage that gzip itself does not see.
    const changed = Buffer.from(text)
    const place = Math.floor(Math.random() * text.length)
    changed[place] = (changed[place] ?? 0) ^ (1 << (n % 8))
    writeFileSync(file, gzipSync(changed, { level: 0 }))
    await verifyBackup(file).then(
      () => taken++,
      (error: unknown) => {
        if (!(error instanceof BackupError)) throw error
      },
    )
  }
  t.equal(taken, 0, '120 flipped bits')

  const { connection } = await freshDatabase(t)
  const newer = text.toString('latin1').replace(/"schemaVersion":\d+/, '"schemaVersion":999')
  const cases: readonly (readonly [what: string, content: Buffer | string, message: RegExp])[] = [
    ['no gzip', 'id,value\n', /is no backup of this program/],
    ['empty', '', /is damaged|is no backup/],
    ['another gzip', gzipSync('id,value\n'), /is no backup of this program/],
    ['JSON of others', gzipSync('{"format":"x"}\n'), /is no backup of this program/],
    [
      'another format',
      gzipSync('{"format":"indicator-feed-server backup","version":2}\n'),
      /format 2; .*newer version/,
    ],
    ['cut', bytes.subarray(0, bytes.length - 20), /is damaged: unexpected end of file/],
    [
      'cut between its lines',
      gzipSync(text.subarray(0, text.length / 2)),
      /is damaged: it ends in the middle/,
    ],
    [
      'without its checksum',
      gzipSync(text.subarray(0, text.lastIndexOf('{"sha256"'))),
      /is damaged: its checksum/,
    ],
    [
      'something behind it',
      gzipSync(Buffer.concat([text, Buffer.from('x')])),
      /is damaged: something follows/,
    ],
    [
      'another schema under the same checksum',
      gzipSync(Buffer.from(newer, 'latin1')),
      /is damaged: its checksum/,
    ],
  ]
  for (const [what, content, message] of cases) {
    writeFileSync(file, content)
    await t.rejects(restore({ connection, file, log: silent }), { name: 'BackupError', message }, what)
  }
  await t.rejects(restore({ connection, file: join(folder, 'none'), log: silent }), {
    name: 'BackupError',
    message: /there is no file/,
  })
  t.same(await contentOf(connection), {}, 'not even a table was made')
})

tap.test('what keeps a backup from being made or read is told, and nothing half-made stays', async (t) => {
  const store = await freshStore(t)
  const noise = () => randomBytes(1000).toString('hex')
  await fill(
    store,
    Array.from({ length: 300 }, (_, n) =>
      observationOf(n + 1, { type: 'domain', value: `h${n}.example`, raw: { noise: noise() } }),
    ),
  )
  const { connection } = store
  const good = join(folder, 'large.gz')
  await backup({ connection, file: good, program, now })
  const cut = join(folder, 'cut.gz')
  for (const part of [0.3, 0.5, 0.7]) {
    const bytes = readFileSync(good)
    writeFileSync(cut, bytes.subarray(0, bytes.length * part))
    await t.rejects(verifyBackup(cut), { name: 'BackupError', message: /is damaged: unexpected end of file/ })
  }
  const file = join(folder, 'none', 'there.gz')
  await t.rejects(backup({ connection, file, program, now }), {
    name: 'BackupError',
    message: /there\.gz can't be written: ENOENT/,
  })
  await t.rejects(backup({ connection: { ...connection, database: 'none' }, file: cut, program, now }), {
    code: 'STORE_UNAVAILABLE',
    message: /no connection to the database: database "none" does not exist/,
  })
  const lost = join(folder, 'lost.gz')
  await store.database.transaction(async (transaction) => {
    await transaction.execute('lock table unreadable in access exclusive mode')
    const own = { ...connection, application_name: 'dies' }
    const dies = t.rejects(backup({ connection: own, file: lost, program, now }), {
      code: 'STORE_UNAVAILABLE',
    })
    const waiting = `select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'dies' and wait_event_type = 'Lock'`
    while ((await store.database.query(waiting)).length === 0) await nextTurn()
    await dies
  })
  t.strictSame(
    readdirSync(folder).filter((name) => name.startsWith('lost') || name.includes('unfinished')),
    [],
  )
})

tap.test('a backup of an older schema is restored and brought up to date', async (t) => {
  const { connection } = await freshDatabase(t)
  const database = await openDatabase({ connection, log: silent })
  await migrate(database, migrations.slice(0, 1), silent)
  await database.execute(`insert into source (name) values ('tc')`)
  await database.close()
  const file = join(folder, 'old.gz')
  await backup({ connection, file, program: '0.0.1', now })
  t.equal((await verifyBackup(file)).header.schemaVersion, 1)

  const migrated = await freshStore(t)
  await t.rejects(restore({ connection: migrated.connection, file, log: silent }), {
    message: /the backup has schema version 1, the store has \d+ already: restore into a new folder/,
  })
  const target = await freshDatabase(t)
  await restore({ connection: target.connection, file, log: silent })
  const store = await openStore(target.connection)
  t.teardown(() => store.database.close())
  t.same(await store.sourceNames(), ['tc'])
  t.equal((await store.logState()).ends.size, 1)
})

tap.test('a backup moves a store to another major version of PostgreSQL', async (t) => {
  const place = '/usr/lib/postgresql'
  const [other] = existsSync(place) ? readdirSync(place).filter((major) => Number(major) >= 15) : []
  if (other === undefined) {
    t.comment('no other PostgreSQL is installed: not tried')
    return
  }
  const store = await freshStore(t)
  await fillOddly(store)
  const file = join(folder, 'moved.gz')
  await backup({ connection: store.connection, file, program, now })
  const embedded = await startEmbedded({
    folder: mkdtempSync(join(tmpdir(), 'feed-other-')),
    binaries: join(place, other),
    log: silent,
    settings: { fsync: 'off' },
  })
  try {
    await restore({ connection: embedded.connection, file, log: silent })
    await holdsTheSame(t, store.connection, embedded.connection)
  } finally {
    await embedded.stop()
  }
})
