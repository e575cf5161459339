/** The server as a patient: each finding at each of its limits, on real folders, ports and databases. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/connector.ts'
import type { DiskSpace } from '../../src/doctor/disk.ts'
import { checkServer, type ExaminedServer, type Machine } from '../../src/doctor/server-checks.ts'
import { startEmbedded } from '../../src/store/embedded/start.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'
import { configOf } from '../app.ts'
import { freshDatabase } from '../store/database.ts'

const signal = new AbortController().signal
const source = {
  name: 'tc',
  kind: 'threatconnect',
  settings: { baseUrl: 'https://tc.example.org', token: 'APIV2:1:canary:1:token' },
}
const keys = [{ id: 'soar', secret: 'a-key-that-nobody-tells', scopes: ['admin'] }]

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'feed-doctor-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** All findings of a server that is looked at from beside. */
function findings(file: object, more: Partial<ExaminedServer> = {}): Promise<readonly Finding[]> {
  const config = configOf({ sources: [source], ...file })
  const { host } = config.server
  return checkServer({ config, warnings: [], host, now: Date.now, ...more }, signal)
}

async function finding(name: string, file: object, more: Partial<ExaminedServer> = {}): Promise<Finding[]> {
  return (await findings(file, more)).filter((each) => each.name === name)
}

const gibibyte = 2 ** 30
const roomy: DiskSpace = { total: 100 * gibibyte, free: 50 * gibibyte, files: 1e6, freeFiles: 9e5 }

t.test('a good server: every finding has its evidence, and none has a cause', async (t) => {
  const data = join(folder(t), 'deep/below/data')
  const all = await findings(
    { server: { port: 0, publicUrl: 'https://127.0.0.1' }, auth: { keys }, store: { url: `file:${data}` } },
    { file: 'feed-server.yaml', machine: { space: async () => roomy } },
  )
  t.strictSame(
    all.map(({ name }) => name),
    ['configuration', 'store', 'disk', 'port', 'files', 'public-url'],
  )
  for (const { name, ok, evidence, cause } of all) {
    t.ok(ok, name)
    t.type(evidence, 'string', name)
    if (name !== 'files') t.equal(cause, undefined, name)
  }
  const [configuration, store] = all
  t.equal(configuration?.evidence, 'feed-server.yaml, 1 source, 0 feeds, 0 exporters, 0 bridges, 1 API key')
  t.match(store?.evidence, /deep\/below\/data is made at the start, in \/.*feed-doctor-\w+$/)
  const made = await findings({ store: { url: `file:${data}` } })
  t.notOk(JSON.stringify(made).includes('holds a database'), 'looking made nothing')
})

t.test('the configuration: what is allowed in it but should be known, each with what to do', async (t) => {
  const warnings = [
    'x.yaml:3:5: sources[0].tls.insecure: certificates are not checked: anybody on the way can read and change everything',
    'x.yaml:9:5: auth.keys[0].secret: is shorter than 16 characters and may be guessed; …',
    'no API keys are configured: listening on 127.0.0.1 instead of 0.0.0.0; configure auth.keys to open the server',
    'something that nobody thought of',
  ]
  const [first, ...told] = await finding('configuration', {}, { warnings })
  t.match(first, { ok: true, evidence: /^no file.*no API keys: on loopback only$/ })
  t.strictSame(
    told.map(({ ok, cause }) => [ok, cause]),
    warnings.map((warning) => [true, warning]),
  )
  const remedies = [/tls\.caFile/, /keys create/, /auth\.keys/, /meant/]
  for (const [index, { remedy }] of told.entries()) t.match(remedy, remedies[index])
  const [nothing, ...rest] = await finding('configuration', { sources: [] }, { warnings })
  t.match(nothing, { ok: false, cause: /Nothing is configured/, remedy: /TC_BASE_URL.*`sources`/ })
  t.strictSame(rest, [])
})

t.test('the disk: told below a tenth or 1 GiB, wrong below 256 MiB, and the same of inodes', async (t) => {
  const data = folder(t)
  const cases: readonly (readonly [
    what: string,
    space: DiskSpace,
    ok: boolean,
    cause: RegExp | undefined,
  ])[] = [
    ['room', roomy, true, undefined],
    ['a tenth', { ...roomy, free: 10 * gibibyte }, true, undefined],
    ['less', { ...roomy, free: 9.9 * gibibyte }, true, /gets full: 9\.9 GiB \(9 %\) are left/],
    ['1 GiB of few', { ...roomy, total: 2 * gibibyte, free: gibibyte }, true, undefined],
    ['less than 1 GiB', { ...roomy, total: 2 * gibibyte, free: gibibyte - 1 }, true, /1023 MiB \(49 %\)/],
    ['256 MiB', { ...roomy, free: gibibyte / 4 }, true, /256 MiB \(0 %\)/],
    ['less than that', { ...roomy, free: gibibyte / 4 - 1 }, false, /is full or nearly so: only 255 MiB/],
    ['nothing', { ...roomy, free: 0 }, false, /only 0 MiB/],
    ['few inodes', { ...roomy, freeFiles: 99_999 }, true, /99999 files \(inodes; 9 %\) are left/],
    ['no inodes', { ...roomy, freeFiles: 999 }, false, /only 999 files/],
    ['inodes that are not counted', { ...roomy, files: 0, freeFiles: 0 }, true, undefined],
    ['a file system of nothing', { total: 0, free: 0, files: 0, freeFiles: 0 }, false, /only 0 MiB \(0 %\)/],
  ]
  for (const [what, space, ok, cause] of cases) {
    const asked: string[] = []
    const machine = {
      async space(path: string) {
        asked.push(path)
        if (path.endsWith('/data')) throw Object.assign(new Error('none'), { code: 'ENOENT' })
        return space
      },
    }
    const [disk] = await finding('disk', { store: { url: `file:${data}/data` } }, { machine })
    t.equal(disk?.ok, ok, what)
    if (cause === undefined) t.equal(disk?.cause, undefined, what)
    else t.match(disk, { cause, remedy: /Make room/ }, what)
    t.strictSame(asked, [`${data}/data`, data], 'of a folder that is not there, the one above')
  }
  const machine = { space: () => Promise.reject(new Error('EIO: i/o error, statfs')) }
  const [unseen] = await finding('disk', { store: { url: `file:${data}` } }, { machine })
  t.match(unseen, { ok: false, cause: /EIO/, remedy: /store\.url/ })
  const [elsewhere] = await finding('disk', { store: { url: 'postgres://u:p@127.0.0.1:1/d' } })
  t.match(elsewhere, { ok: true, evidence: /can not be seen from here/ })
  const [real] = await finding('disk', { store: { url: `file:${data}` } })
  t.match(real?.evidence, /^\d.* [MG]iB of \d.* GiB free in /, 'this machine tells')
})

t.test('open files and the public address', async (t) => {
  const files = async (openFiles: number | undefined) =>
    (await finding('files', {}, { machine: { openFiles: () => openFiles } }))[0]
  t.match(await files(1023), { ok: true, cause: /1023/, remedy: /ulimit -n.*LimitNOFILE/ })
  for (const good of [1024, Number.POSITIVE_INFINITY, undefined]) {
    const { ok, cause, evidence } = (await files(good)) ?? {}
    t.strictSame([ok, cause, typeof evidence], [true, undefined, 'string'], String(good))
  }
  const addresses: Machine['addresses'] = async (name) => {
    if (name === 'feeds.example.org') return ['192.0.2.7', '2001:db8::7']
    throw Object.assign(new Error('getaddrinfo'), { code: 'ENOTFOUND' })
  }
  const url = (publicUrl: string, more = {}) =>
    finding('public-url', { server: { publicUrl }, ...more }, { machine: { addresses } })
  t.strictSame(await finding('public-url', {}), [])
  t.match(await url('https://feeds.example.org/x'), [{ ok: true, evidence: /192\.0\.2\.7, 2001:db8::7$/ }])
  t.match(await url('https://gone.example.org'), [
    { ok: true, cause: /gone\.example\.org.*ENOTFOUND/, remedy: /DNS/ },
  ])
  const open = await url('http://feeds.example.org', { auth: { keys } })
  t.match(open, [{ cause: undefined }, { ok: true, cause: /in clear/, remedy: /https/ }])
  t.equal((await url('http://feeds.example.org')).length, 1, 'without keys nothing secret is sent')
})

async function listener(t: Test, body: string): Promise<number> {
  const server = createServer((_request, response) => response.end(body))
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('the port: free, ours, or somebody else’s', async (t) => {
  const [other, feeds] = await Promise.all([listener(t, 'hello'), listener(t, '{"status":"ok"}')])
  const data = folder(t)
  const port = async (server: object, store = `file:${data}`) =>
    (await finding('port', { server, store: { url: store }, auth: { keys } }))[0]
  t.match(await port({ port: 0 }), { ok: true, evidence: 'any free one' })
  t.match(await port({ port: other }), {
    ok: false,
    cause: new RegExp(`127\\.0\\.0\\.1:${other}: another process listens there \\(EADDRINUSE\\)`),
    remedy: /server\.port or FEED_PORT/,
  })
  t.match(await port({ port: other, host: '0.0.0.0' }), { ok: false, cause: /another process/ })
  t.match(await port({ port: feeds }), { ok: false, cause: /a feed-server with another store listens/ })
  const external = 'postgres://u:p@127.0.0.1:1/d'
  t.match(await port({ port: feeds }, external), { ok: true, evidence: /the running server listens/ })
  t.match(await port({ port: 8080, host: '203.0.113.7' }), {
    ok: false,
    cause: /no such address \(EADDRNOTAVAIL\)/,
    remedy: /server\.host/,
  })
  t.match(await port({ port: 8080, host: 'no-such-host.invalid' }), {
    ok: false,
    cause: /the name is not known|could not be looked up/,
    remedy: /server\.host/,
  })
})

t.test('a store that a server holds is good, and named; one that hangs or died is told apart', async (t) => {
  const data = folder(t)
  const url = await listener(t, '{"status":"ok"}')
  const file = { store: { url: `file:${data}` }, server: { port: url } }
  const embedded = await startEmbedded({ folder: data, log: pino({ level: 'silent' }) })
  t.teardown(() => embedded.stop())
  t.match(await finding('store', file), [{ ok: true, evidence: /is held by process \d+ .*it is starting$/ }])
  embedded.announce(`http://127.0.0.1:${url}`)
  const [held] = await finding('store', file)
  t.match(held, {
    ok: true,
    evidence: new RegExp(
      `held by the running server at http://127\\.0\\.0\\.1:${url} \\(process ${process.pid} on `,
    ),
  })
  t.match(await finding('port', file), [{ ok: true, evidence: /the running server listens at/ }])
  t.match(await finding('port', { ...file, server: { port: 0 } }), [{ ok: true }])
  const free = await listener(t, '')
  t.match(await finding('port', { ...file, server: { port: free } }), [{ ok: false }])

  embedded.announce('http://127.0.0.1:1')
  t.match(await finding('store', file), [
    { ok: false, cause: /does not answer at/, remedy: /Look at its log/ },
  ])
  const answer = { status: 503, body: '{"detail":"the store: the disk is full"}' }
  const unready = await finding('store', file, { machine: { ask: async () => answer } })
  t.match(unready, [{ ok: false, cause: /not ready \(503\): the store: the disk is full/ }])

  await embedded.stop()
  t.match(await finding('store', file), [{ ok: true, evidence: /holds a database, which nobody uses now/ }])
  const gone = {
    pid: 2 ** 22 + 1,
    host: 'elsewhere',
    startedAt: '2026-01-01T00:00:00Z',
    url: 'http://127.0.0.1:1',
  }
  writeFileSync(join(data, 'server.lock'), JSON.stringify(gone))
  t.match(await finding('store', file), [{ ok: true, evidence: /nobody uses now/ }], 'its name stayed behind')
})

t.test('a folder that can not be a store says why, and what to do', async (t) => {
  const base = folder(t)
  writeFileSync(join(base, 'file'), '')
  const at = (path: string, more = {}) =>
    finding('store', { store: { url: `file:${base}/${path}`, ...more } })
  for (const path of ['file', 'file/below']) {
    t.match(await at(path), [
      { ok: false, cause: /a file stands where a folder is needed/, remedy: /another folder/ },
    ])
  }
  const [engine] = await at('data', { binaries: base })
  t.match(engine, { ok: false, cause: /store\.binaries takes a folder/ })
  if (process.getuid?.() === 0) {
    mkdirSync(join(base, 'roots/pg'), { recursive: true })
    t.match(await at('roots'), [{ ok: false, cause: /belongs to root/, remedy: /chown -R/ }])
  }
})

t.test('a database: version, latency, schema and clock; each failure with its remedy', async (t) => {
  const { connection, url } = await freshDatabase(t)
  const file = { store: { url } }
  const [fresh, clock] = (await findings(file)).filter(({ name }) => name.startsWith('store'))
  t.match(fresh, { ok: true, evidence: /^PostgreSQL \d+\S*, answers in \d+\.\d ms, no schema yet/ })
  t.match(clock, { name: 'store-clock', ok: true, evidence: /^its clock is 0\.\d s/ })
  const client = new pg.Client({ ...connection })
  await client.connect()
  t.teardown(() => client.end())
  const tables = await client.query(`select from pg_tables where schemaname = 'public'`)
  t.equal(tables.rowCount, 0, 'looking made nothing')

  const clocks: readonly (readonly [offMs: number, ok: boolean, cause: RegExp | undefined])[] = [
    [4500, true, undefined],
    [-5500, true, /5 s apart|6 s apart/],
    [59_000, true, /59 s apart/],
    [61_000, false, /61 s apart/],
    [-3_600_000, false, /3600 s apart/],
  ]
  for (const [offMs, ok, cause] of clocks) {
    const [seen] = await finding('store-clock', file, { now: () => Date.now() + offMs })
    t.equal(seen?.ok, ok, String(offMs))
    if (cause === undefined) t.equal(seen?.cause, undefined)
    else t.match(seen, { cause, remedy: /NTP/, evidence: offMs > 0 ? /behind ours/ : /ahead of ours/ })
  }

  const store = await openPostgresStore({ connection, log: pino({ level: 'silent' }) })
  await store.close()
  t.match(await finding('store', file), [{ evidence: /, schema \d+$/ }])
  await client.query('update schema_version set version = version - 1')
  t.match(await finding('store', file), [{ ok: true, evidence: /the next start brings it to \d+/ }])
  await client.query('update schema_version set version = 9999')
  t.match(await finding('store', file), [{ ok: false, cause: /version 9999/, remedy: /newer version/ }])
  const name = connection.database
  await client.query(`alter database ${name} set default_transaction_read_only = on`)
  t.match(await finding('store', file), [{ ok: false, cause: /only be read/, remedy: /primary/ }])
  await client.query(`set default_transaction_read_only = off`)
  await client.query(`alter database ${name} reset default_transaction_read_only`)

  const missing = url.replace(`/${name}`, '/no_such_database')
  t.match(await finding('store', { store: { url: missing } }), [
    { ok: false, cause: /"no_such_database" does not exist/, remedy: /createdb/ },
  ])
  const away: readonly (readonly [url: string, cause: RegExp, remedy: RegExp])[] = [
    [
      'postgres://feeds:hunter2hunter2@127.0.0.1:1/feeds',
      /ECONNREFUSED 127\.0\.0\.1:1/,
      /Start the database/,
    ],
    [
      'postgres://feeds:hunter2hunter2@no-such-host.invalid/feeds',
      /ENOTFOUND|EAI_AGAIN/,
      /host in `store\.url`/,
    ],
  ]
  for (const [address, cause, remedy] of away) {
    const found = await finding('store', { store: { url: address } })
    t.match(found, [{ ok: false, cause, remedy }])
    t.notMatch(JSON.stringify(found), 'hunter2')
    t.strictSame(await finding('store-clock', { store: { url: address } }), [], 'what it hides is left out')
  }
})

t.test('a server in this process is asked over its own connection, and about no port', async (t) => {
  const { connection } = await freshDatabase(t)
  const all = await findings({ store: { url: `file:${folder(t)}` } }, { connection })
  t.strictSame(
    all.map(({ name }) => name),
    ['configuration', 'store', 'store-clock', 'disk', 'files'],
  )
  t.match(all[1], { ok: true, evidence: /^embedded PostgreSQL/ })
})

t.test('who asks may go away: the look ends', async (t) => {
  const server = createServer(() => {})
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const going = new AbortController()
  const config = configOf({ sources: [source], store: { url: `postgres://u:p@127.0.0.1:${port}/d` } })
  const look = checkServer({ config, warnings: [], host: '127.0.0.1', now: Date.now }, going.signal)
  server.once('connection', () => going.abort(new Error('gone')))
  await t.rejects(look, /gone/)
})
