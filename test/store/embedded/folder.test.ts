/** The folder of the store: where it may be, and who can get at it. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import t from 'tap'
import { startEmbedded } from '../../../src/store/embedded/start.ts'
import {
  engineUid,
  isRoot,
  needsRoot,
  nobody,
  parentOf,
  postmaster,
  query,
  refusal,
  server,
  start,
  storeFolder,
  temporaryFolder,
} from './servers.ts'

// Each test starts and ends programs of the system, which a busy machine does slowly.
t.setTimeout(300_000)

/** The engine as another user finds it: `rejected` with the system's word, or connected. */
function connectAs(uid: number, host: string): string {
  const script = `require('node:net').connect('${host}/.s.PGSQL.5432')
    .on('error', (error) => console.log(error.code)).on('connect', () => { console.log('connected'); process.exit() })`
  return spawnSync(process.execPath, ['-e', script], {
    uid,
    gid: uid,
    cwd: '/',
    encoding: 'utf8',
  }).stdout.trim()
}

t.test(
  'pg gets on with the engine: settings are those promised, the network is not listened to',
  async (t) => {
    const folder = temporaryFolder(t)
    const { connection } = await start(t, folder)
    const settings = {
      listen_addresses: '',
      fsync: 'on',
      full_page_writes: 'on',
      synchronous_commit: 'on',
      data_checksums: 'on',
      jit: 'off',
      wal_compression: 'off',
      max_wal_size: '2GB',
      shared_buffers: '128MB',
      max_connections: '40',
      shared_memory_type: 'mmap',
      dynamic_shared_memory_type: 'mmap',
      autovacuum_vacuum_scale_factor: '0.05',
      lc_messages: 'C',
      server_encoding: 'UTF8',
      TimeZone: 'UTC',
    }
    const names = Object.keys(settings).map((name) => `'${name}'`)
    const rows = await query(
      connection,
      `select name, current_setting(name) as value from pg_settings where name in (${names})`,
    )
    t.same(Object.fromEntries(rows.map(({ name, value }) => [name, value])), settings)
    t.same(
      await query(connection, `select 'Ä' < 'a' as code_points, lower('Ä') as lower, 'ä' ~ '\\w' as letter`),
      [{ code_points: false, lower: 'ä', letter: true }],
      'order by code point, letters of Unicode',
    )
    t.same(await query(connection, 'select rolsuper from pg_roles where rolname = current_user'), [
      { rolsuper: true },
    ])
  },
)

t.test('what a caller sets holds, but for what the supervisor depends on', async (t) => {
  const settings = { max_connections: '7', listen_addresses: '127.0.0.1', log_min_messages: 'panic' }
  const { connection } = await start(t, await storeFolder(t), { settings })
  t.same(
    await query(
      connection,
      "select current_setting('max_connections') as a, current_setting('listen_addresses') as b",
    ),
    [{ a: '7', b: '' }],
  )
})

t.test('nobody but the engine and root gets at socket or data, whatever the folder allows', async (t) => {
  const folder = await storeFolder(t)
  chmodSync(folder, 0o777)
  const { connection } = await start(t, folder)
  t.equal(connection.host, join(folder, 'run'))
  for (const name of ['pg', 'run']) {
    const { mode, uid } = statSync(join(folder, name))
    t.equal(mode & 0o7777, 0o700, name)
    t.equal(uid, engineUid, name)
  }
  for (const name of ['server.lock', 'engine.lock'])
    t.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name)
  if (isRoot) t.equal(connectAs(65_533, connection.host), 'EACCES')
  if (isRoot) t.equal(connectAs(0, connection.host), 'connected')
})

t.test('a path too long for a socket works, with the socket in a short folder of ours', async (t) => {
  const folder = join(
    temporaryFolder(t),
    ...Array.from({ length: 4 }, (_, index) => `${index}${'ä'.repeat(30)}`),
  )
  const { connection, stop } = await start(t, folder)
  t.equal(dirname(dirname(connection.host)), tmpdir())
  t.equal(statSync(connection.host).mode & 0o777, 0o700)
  t.equal(statSync(dirname(connection.host)).mode & 0o777, isRoot ? 0o711 : 0o700)
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
  if (isRoot) t.equal(connectAs(65_533, connection.host), 'EACCES')
  await stop()
  t.notOk(existsSync(dirname(connection.host)), 'it goes with the server')
  const other = join(tmpdir(), 'feed-server-other')
  for (const [what, plant] of [
    ['a link', () => symlinkSync(other, dirname(connection.host))],
    [
      'writable for others',
      () => {
        mkdirSync(dirname(connection.host))
        chmodSync(dirname(connection.host), 0o777)
      },
    ],
    ...(isRoot
      ? [
          [
            "somebody else's",
            () => {
              mkdirSync(dirname(connection.host))
              chownSync(dirname(connection.host), nobody.uid, nobody.gid)
            },
          ] as const,
        ]
      : []),
  ] as const) {
    plant()
    t.match(
      (await refusal(folder)).message,
      `${dirname(connection.host)} is not a folder of ours alone`,
      what,
    )
    rmSync(dirname(connection.host), { recursive: true, force: true })
  }
})

t.test(
  'nothing of the environment, which holds secrets, reaches the engine',
  { skip: noProc() },
  async (t) => {
    const folder = await storeFolder(t)
    await start(t, folder)
    const names = (pid: number | string) =>
      readFileSync(`/proc/${pid}/environ`, 'latin1')
        .split('\0')
        .map((entry) => entry.replace(/=.*/s, ''))
    t.ok(
      names('self').includes('NODE_TEST_CONTEXT') || names('self').includes('HOME'),
      'there is something to reach it',
    )
    // The engine overwrites its own; it has that of the shell that started it.
    const given = names(parentOf(postmaster(folder))).filter(
      (name) => name !== '' && name !== 'LD_LIBRARY_PATH',
    )
    t.same(given.toSorted(), ['LC_ALL', 'PATH'])
  },
)

function noProc(): string | false {
  return existsSync('/proc/self/environ') ? false : 'this system has no /proc'
}

t.test('what the engine says is in our log, and no statement is', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'debug' }, { write: (line) => void lines.push(line) })
  const { connection } = await start(t, await storeFolder(t), { log })
  await t.rejects(query(connection, "select 'secret-of-a-user'::int"), { code: '22P02' })
  await t.rejects(query(connection, "do $$ begin raise warning 'a warning'; raise 'end'; end $$"))
  t.ok(lines.some((line) => line.includes('a warning')))
  t.ok(
    lines.every((line) => JSON.parse(line).level === 20),
    'at debug, all of it',
  )
  t.same(
    lines.filter((line) => line.includes("select 'secret")),
    [],
  )
})

t.test('a temporary folder of root alone is passed over', { skip: needsRoot }, async (t) => {
  const folder = await storeFolder(t)
  const temporary = temporaryFolder(t)
  const ours = server(t, { folder }, { temporary })
  const { host } = await ours.hear('ready')
  t.equal(dirname(dirname(host)), '/tmp')
  t.same(readdirSync(temporary), [])
  await ours.stop()
})

t.test('a folder may have any name', async (t) => {
  const parent = temporaryFolder(t)
  chmodSync(parent, 0o755)
  const folder = join(parent, `a, "b" 'c' $d \\e ü`)
  mkdirSync(folder)
  const { connection } = await start(t, folder)
  t.equal(connection.host, join(folder, 'run'))
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
})

t.test('data on another disk, behind a link, is found', async (t) => {
  const [folder, disk] = [await storeFolder(t), temporaryFolder(t)]
  chmodSync(folder, 0o755)
  renameSync(join(folder, 'pg'), join(disk, 'pg'))
  symlinkSync(join(disk, 'pg'), join(folder, 'pg'))
  const { connection } = await start(t, folder)
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }])
})

t.test('a start with data does not wait for anything but the engine', async (t) => {
  const folder = await storeFolder(t)
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) })
  const embedded = await startEmbedded({ folder, log })
  const client = new pg.Client({ ...embedded.connection })
  await client.connect()
  await client.end()
  await embedded.stop()
  t.same(lines, [], 'nothing made, nothing waited for')
})
