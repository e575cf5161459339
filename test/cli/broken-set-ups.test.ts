/**
 * Set-ups that are broken on purpose. Of each, the doctor (`check`) and the start (`serve`: its log, or why it ends)
 * name the cause and the remedy.
 */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { startCofenseSimulator } from '../../src/exporters/cofense/simulator/index.ts'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { demoTaegisAccount, startTaegisSimulator } from '../../src/exporters/secureworks/simulator/index.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { startEmbedded } from '../../src/store/embedded/start.ts'
import { demoSoarKey, startSoarSimulator } from '../../src/tickets/ibm-soar/simulator/index.ts'
import {
  demoAccount as ctpAccount,
  startCtpSimulator,
} from '../../src/tickets/secureworks-ctp/simulator/index.ts'
import { ref } from '../config/fixture.ts'
import { copyCluster } from '../store/database.ts'
import { answer, forwardProxy, rawServer, tcpServer } from '../upstream/fixtures/servers.ts'
import { commandLine, type Ended } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const base = mkdtempSync(join(tmpdir(), 'feed-broken-'))
t.teardown(() => rmSync(base, { recursive: true, force: true }))

/** Stand in configurations; never in anything that is written. */
const canaries: string[] = []
function canary(what: string): string {
  const secret = `canary-of-${what}`
  canaries.push(secret)
  return secret
}

function kept<C extends { close(): Promise<void> }>(closable: C): C {
  t.teardown(() => closable.close())
  return closable
}

function file(name: string, content: object): string {
  const path = join(base, `${name}.yaml`)
  writeFileSync(path, stringify(content))
  return path
}

// ---- Products that are away, refuse, or are not what the configuration says -----------------------------------------

const account = { accessId: '40712000000000000001', secretKey: canary('the-secret-key') }
const blind = { accessId: '40712000000000000002', secretKey: canary('the-blind-key'), owners: [] }
const rightless = {
  accessId: '40712000000000000003',
  secretKey: canary('the-rightless-key'),
  rights: 'none' as const,
}
const expired = {
  accessId: '40712000000000000004',
  secretKey: 'x',
  token: `APIV2:1:${canary('an-expired-token')}`,
  tokenExpiresAt: 1,
}
const tc = kept(await startThreatConnectSimulator({ accounts: [account, blind, rightless, expired] }))
const ahead = kept(await startThreatConnectSimulator({ accounts: [account], skewMs: 360_000 }))
const login = kept(await startThreatConnectSimulator({ accounts: [account] }))
login.fail({ kind: 'html' }, { times: 'always' })
const maintained = kept(await startThreatConnectSimulator({ accounts: [account] }))
maintained.fail({ kind: 'status', status: 503, headers: { 'retry-after': '120' } }, { times: 'always' })
const silent = kept(await tcpServer(() => {}))
const page = () => answer(200, { 'content-type': 'text/html' }, '<title>Welcome</title>')
const [tls, late, self, other] = await Promise.all(
  ['chain', 'expired', 'self-signed', 'other-host'].map(async (name) => kept(await rawServer(page, name))),
)
const refusing = kept(await forwardProxy({ credentials: 'feeds:right' }))
const closed = await closedPort()

const taegis = kept(await startTaegisSimulator())
const darktrace = kept(await startDarktraceSimulator())
const unpermitted = kept(await startDarktraceSimulator({ permitted: false }))
const slow = kept(await startDarktraceSimulator({ skewMs: -2_400_000 }))
const cofense = kept(await startCofenseSimulator())
const ctp = kept(await startCtpSimulator())
const weak = { id: '22222222-2222-4333-8444-555555555555', secret: canary('a-weak-soar-key'), rights: [] }
const soar = kept(await startSoarSimulator({ keys: [demoSoarKey, weak] }))

/**
 * A port of this machine where nothing listens, and nothing will while this test runs: a connection has it as its own
 * end, so that the system gives it to nobody else.
 */
async function closedPort(): Promise<number> {
  const server = createServer((socket) => socket.unref())
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  await once(socket, 'connect')
  socket.unref()
  server.unref()
  return (socket.address() as AddressInfo).port
}

function source(settings: object, more: object = {}): object {
  const { accessId, secretKey } = account
  const asked = { kind: 'threatconnect', every: 'off', timeout: '1s', retry: { attempts: 1 }, ...more }
  return { ...asked, settings: { baseUrl: tc.url, accessId, secretKey, ...settings } }
}

function exporter(kind: string, settings: object): object {
  return { kind, settings, timeout: '2s' }
}

function bridge(desk: object, sink: object): object {
  const { username, password } = ctpAccount
  const { id: apiKeyId, secret: apiKeySecret } = demoSoarKey
  const end = { timeout: '2s' }
  return {
    ticketDesk: {
      ...end,
      kind: 'secureworks-ctp',
      settings: { baseUrl: ctp.baseUrl, username, password, every: 'off', ...desk },
    },
    incidentSink: {
      ...end,
      kind: 'ibm-soar',
      settings: {
        ...{ baseUrl: soar.url, org: soar.org.name, apiKeyId, apiKeySecret },
        ...{ closeMap: { default: 'Inconclusive' }, ...sink },
      },
    },
  }
}

type Section = 'sources' | 'exporters' | 'bridges'
type Ill = readonly [what: string, section: Section, entry: object, cause: RegExp, remedy: RegExp]

const withToken = { accessId: undefined, secretKey: undefined, token: expired.token }
const { clientId, tenantId } = demoTaegisAccount
const triage = cofense.applications[0]?.clientId ?? ''

/** In one configuration: each is a part of it with a name of its own. */
const ill: readonly Ill[] = [
  [
    'wrong secret key',
    'sources',
    source({ secretKey: canary('a-wrong-key') }),
    /secret key is not the one/,
    /`secretKey`/,
  ],
  ['wrong access id', 'sources', source({ accessId: '9' }), /access id/i, /`accessId`/],
  ['expired token', 'sources', source(withToken), /token/, /Make a new API token/],
  [
    'no right at the product',
    'sources',
    source({ accessId: rightless.accessId, secretKey: rightless.secretKey }),
    /permission|right/,
    /role with read access/,
  ],
  [
    'wrong host: a name that nobody knows',
    'sources',
    source({ baseUrl: 'https://no-such-host.invalid' }),
    /no-such-host\.invalid/,
    /DNS|host/,
  ],
  [
    'wrong port: nothing listens there',
    'sources',
    source({ baseUrl: `http://127.0.0.1:${closed}` }),
    /refused the connection|ECONNREFUSED/,
    /port|firewall/,
  ],
  [
    'a host that never answers',
    'sources',
    source({ baseUrl: `http://127.0.0.1:${silent.port}` }),
    /took (too long|more than 1000 ms)/,
    /`timeout`/,
  ],
  [
    'http where https is spoken',
    'sources',
    source({ baseUrl: `http://localhost:${tls?.port}` }),
    /if it speaks https, let the base URL begin with https/,
    /host name of baseUrl/,
  ],
  [
    'https where http is spoken',
    'sources',
    source({ baseUrl: tc.url.replace('http:', 'https:') }),
    /TLS/,
    /http/,
  ],
  [
    'expired certificate',
    'sources',
    source({ baseUrl: `https://localhost:${late?.port}` }),
    /expired/,
    /renew|clock/i,
  ],
  [
    'self-signed certificate',
    'sources',
    source({ baseUrl: `https://localhost:${self?.port}` }),
    /self-signed|signed by itself/,
    /`tls\.caFile`/,
  ],
  [
    'certificate of an authority that nobody knows here',
    'sources',
    source({ baseUrl: `https://localhost:${tls?.port}` }),
    /not trusted|authority/,
    /`tls\.caFile`/,
  ],
  [
    'certificate for another name',
    'sources',
    source({ baseUrl: `https://localhost:${other?.port}` }, { tls: { insecure: false } }),
    /another name|other\.example|authority/,
    /host|base ?URL|`tls\.caFile`/i,
  ],
  [
    'a clock six minutes off',
    'sources',
    source({ baseUrl: ahead.url }),
    /clock.*3[56]\d s|3[56]\d s.*clock/i,
    /NTP/,
  ],
  [
    'an API user that sees no owner',
    'sources',
    source({ accessId: blind.accessId, secretKey: blind.secretKey }),
    /sees no owner/,
    /organization role/,
  ],
  [
    'an owner that is not there',
    'sources',
    source({ owners: ['Exampel Organization'] }),
    /does not see: Exampel Organization\. It sees: /,
    /`owners`/,
  ],
  ['TQL that the product refuses', 'sources', source({ tql: 'noSuchField = 1' }), /noSuchField|TQL/i, /tql/],
  [
    'the page of a login in place of the API',
    'sources',
    source({ baseUrl: login.url }),
    /HTML|not.*JSON/i,
    /login page/,
  ],
  ['a product in maintenance', 'sources', source({ baseUrl: maintained.url }), /503/, /wait/i],
  [
    'a proxy that wants a password',
    'sources',
    source({}, { proxy: `http://127.0.0.1:${refusing.port}` }),
    /407/,
    /`proxy`/,
  ],
  [
    'a proxy that is away',
    'sources',
    source({}, { proxy: `http://127.0.0.1:${closed}` }),
    /proxy.*(refused|ECONNREFUSED)/,
    /proxy/,
  ],
  [
    'Secureworks: wrong client secret',
    'exporters',
    exporter('secureworks', { baseUrl: taegis.url, clientId, clientSecret: canary('taegis'), tenantId }),
    /refuse|credential|401|invalid_client/i,
    /`clientId` and `clientSecret`/,
  ],
  [
    'Secureworks: another tenant',
    'exporters',
    exporter('secureworks', { ...demoTaegisAccount, baseUrl: taegis.url, tenantId: '99' }),
    /not authorized|tenant/,
    /`tenantId`/,
  ],
  [
    'Darktrace: tokens of two pairs',
    'exporters',
    exporter('darktrace', { ...darktrace.tokens, host: darktrace.url, privateToken: canary('darktrace') }),
    /signature|token/i,
    /`publicToken` and `privateToken`/,
  ],
  [
    'Darktrace: a clock 40 minutes off',
    'exporters',
    exporter('darktrace', { ...slow.tokens, host: slow.url }),
    /clock/i,
    /NTP/,
  ],
  [
    'Darktrace: a right is missing',
    'exporters',
    exporter('darktrace', { ...unpermitted.tokens, host: unpermitted.url }),
    /permission|privilege|right/i,
    /"Edit Domains"/,
  ],
  [
    'Cofense: wrong client secret',
    'exporters',
    exporter('cofense', { baseUrl: cofense.url, clientId: triage, clientSecret: canary('cofense') }),
    /client|credential/i,
    /clientId and clientSecret/,
  ],
  [
    'CTP: wrong password',
    'bridges',
    bridge({ password: canary('ctp') }, {}),
    /username|password|credential/i,
    /settings\.username` and .*settings\.password`/,
  ],
  [
    'IBM SOAR: an organisation that is not there',
    'bridges',
    bridge({}, { org: 'Exampel Organization' }),
    /Exampel Organization/,
    /org/,
  ],
  [
    'IBM SOAR: wrong API key',
    'bridges',
    bridge({}, { apiKeySecret: canary('soar') }),
    /API key|credential/i,
    /apiKeyId and apiKeySecret/,
  ],
  [
    'IBM SOAR: a right is missing',
    'bridges',
    bridge({}, { apiKeyId: weak.id, apiKeySecret: weak.secret }),
    /permission|403/i,
    /permission|right/i,
  ],
]

interface Finding {
  readonly name: string
  readonly ok: boolean
  readonly evidence?: string
  readonly cause?: string
  readonly remedy?: string
}

interface Report {
  readonly part: string
  readonly name: string
  readonly ok: boolean
  readonly checks: readonly Finding[]
}

const jsonLines = <L>(text: string): L[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as L)

t.test('what is wrong at the products', async (t) => {
  const named = (section: Section) =>
    ill.flatMap(([, where, entry], index) => (where === section ? [{ name: `ill-${index}`, ...entry }] : []))
  const config = file('products', {
    server: { port: 0 },
    store: { url: `file:${base}/products` },
    sources: named('sources'),
    exporters: named('exporters'),
    bridges: named('bridges'),
  })
  const serving = cli.start(['serve', '--config', config])
  await serving.until(/the doctor has looked at everything/)
  const [, url = ''] = await serving.until(/"listening on (http:[^"]+)"/)
  const check = await cli.run(['check', '--json', '--config', config])
  t.equal(check.code, 1)
  t.equal((await fetch(`${url}/readyz`)).status, 200, 'none of it keeps the server from serving')
  const reports = jsonLines<Report>(check.stdout)

  const port = Number(new URL(url).port)
  const beside = (name: string, more: object) =>
    file(name, { sources: named('sources').slice(0, 1), ...more })
  const held = await both(beside('held', { server: { port: 0 }, store: { url: `file:${base}/products` } }))
  t.match(
    held.doctor.find(({ name }) => name === 'store'),
    { ok: true, evidence: new RegExp(`held by.*${url}`) },
  )
  t.equal(held.start.code, 1)
  t.match(
    held.start.stderr,
    new RegExp(`in use by another feed-server.*${serving.child.pid}.*: stop that one, or`),
  )
  const taken = await both(beside('taken', { server: { port }, store: { url: `file:${base}/taken` } }))
  said(t, 'a port that is taken', taken, /listens there/, /server\.port or FEED_PORT/)

  serving.child.kill('SIGTERM')
  const { code, stdout } = await serving.ended
  t.equal(code, 0)
  const warnings = jsonLines<Finding & { name: string; level: number; check?: string }>(stdout).filter(
    ({ level, check }) => level === 40 && check !== undefined,
  )
  for (const [index, [what, , , cause, remedy]] of ill.entries()) {
    const name = `ill-${index}`
    const found = reports.find((report) => report.name === name)?.checks.filter(({ ok }) => !ok) ?? []
    const logged = warnings.filter((warning) => warning.name === name)
    for (const [who, words] of [
      ['the doctor', found],
      ['the start', logged],
    ] as const) {
      const fits = words.some((each) => cause.test(each.cause ?? '') && remedy.test(each.remedy ?? ''))
      if (fits) t.pass(`${what}: ${who}`)
      else t.fail(`${what}: ${who}`, { found: words.map((each) => [each.cause, each.remedy]), cause, remedy })
      t.ok(
        words.every((each) => each.cause && each.remedy),
        `${what}: ${who} has a cause and a remedy for everything`,
      )
    }
  }
})

// ---- A server that can't start -------------------------------------------------------------------------------------

interface Both {
  readonly doctor: readonly Finding[]
  readonly start: Ended
}

/** What `check server` and `serve` say. */
async function both(config: string): Promise<Both> {
  const [start, check] = await Promise.all([
    cli.run(['serve', '--config', config]),
    cli.run(['check', 'server', '--json', '--config', config]),
  ])
  return { doctor: jsonLines<Report>(check.stdout)[0]?.checks ?? [], start }
}

function said(t: Test, what: string, { doctor, start }: Both, cause: RegExp, remedy: RegExp): void {
  const wrong = doctor.filter(({ ok }) => !ok)
  const fits = wrong.some((each) => cause.test(each.cause ?? '') && remedy.test(each.remedy ?? ''))
  if (fits) t.pass(`${what}: the doctor`)
  else t.fail(`${what}: the doctor`, { wrong })
  t.equal(start.code, 1, `${what}: the start fails`)
  t.match(start.stderr, cause, what)
  t.match(start.stderr, remedy, what)
  t.notMatch(start.stderr, /\n {4}at /, `${what}: no stack`)
}

/** A database that asks its user `feeds` for a password, and nobody else. */
async function database(t: Test): Promise<(user: string, name: string) => string> {
  const folder = join(base, 'database')
  mkdirSync(folder)
  await copyCluster(folder)
  const rules = join(folder, 'pg/pg_hba.conf')
  if (existsSync(rules)) writeFileSync(rules, 'local all feeds scram-sha-256\nlocal all all trust\n')
  const embedded = await startEmbedded({ folder, log: pino({ level: 'silent' }) })
  t.teardown(() => embedded.stop())
  const { host, port, user } = embedded.connection
  const client = new pg.Client({ ...embedded.connection })
  await client.connect()
  await client.query(`create role feeds login password 'the-right-one'`)
  await client.query('create role weak login')
  await client.query('create database feeds')
  await client.end()
  return (credentials, name) =>
    `postgres://${credentials || user}@localhost:${port}/${name}?host=${encodeURIComponent(host)}`
}

/** A file system of 16 MB, where this user may make one. */
function tinyDisk(t: Test, options = 'size=16m'): string | undefined {
  const folder = mkdtempSync(join(base, 'tiny-'))
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', folder]).status !== 0) return undefined
  t.teardown(() => spawnSync('umount', [folder]))
  return folder
}

/** A folder that a server of this user can't use: as root, whose engine is another user, root's own. */
function foreignFolder(): string {
  const folder = join(base, 'foreign')
  mkdirSync(join(folder, 'pg'), { recursive: true })
  if (process.getuid?.() !== 0) chmodSync(folder, 0o500)
  return folder
}

type Stopped = readonly [what: string, server: object, cause: RegExp, remedy: RegExp]

t.test('what keeps a server from starting', async (t) => {
  const urlOf = await database(t)
  const password = canary('the-database')
  const tiny = tinyDisk(t)
  const readOnly = tinyDisk(t, 'ro')
  writeFileSync(join(base, 'a-file'), '')
  const store = (url: string) => ({ store: { url } })
  const keys = [{ id: 'soar', secret: canary('an-api-key'), scopes: ['admin'] }]
  const elsewhere = { store: { url: `file:${base}/never` }, auth: { keys } }
  const stopped: readonly Stopped[] = [
    [
      'a database that is down',
      store(`postgres://feeds:${password}@127.0.0.1:${closed}/feeds`),
      /ECONNREFUSED/,
      /Start the database, or correct host and port/,
    ],
    [
      'a database with another password',
      store(urlOf(`feeds:${password}`, 'feeds')),
      /password authentication failed for user "feeds"/,
      /Correct user and password/,
    ],
    [
      'a database that is not there',
      store(urlOf('', 'no_such_database')),
      /"no_such_database" does not exist/,
      /createdb/,
    ],
    [
      'a database whose user may make nothing',
      store(urlOf('weak', 'feeds')),
      /right CREATE|permission denied/,
      /CREATE/,
    ],
    [
      'a file in place of the folder',
      store(`file:${base}/a-file/data`),
      /a file stands/,
      /[Cc]hoose another folder/,
    ],
    [
      'a folder of another user',
      store(`file:${foreignFolder()}`),
      /belongs to root|permission denied/,
      /chown/,
    ],
    [
      'an address of another machine',
      { server: { host: '203.0.113.7' }, ...elsewhere },
      /no such address/,
      /server\.host/,
    ],
    [
      'a name that is no address of anything',
      { server: { host: 'no-such-host.invalid' }, ...elsewhere },
      /name is not known|could not be looked up/,
      /server\.host/,
    ],
    ...(tiny === undefined
      ? []
      : [
          [
            'a full disk',
            store(`file:${tiny}/data`),
            /disk is full|is full or nearly so/,
            /[Mm]ake room/,
          ] as const,
        ]),
    ...(readOnly === undefined
      ? []
      : [
          [
            'a file system that is read-only',
            store(`file:${readOnly}/data`),
            /the file system is read-only/,
            /[Cc]hoose another folder/,
          ] as const,
        ]),
  ]
  if (tiny === undefined) t.comment('no file system could be mounted here: the full disk is left out')
  for (const [index, [what, server, cause, remedy]] of stopped.entries()) {
    const config = file(`stopped-${index}`, {
      server: { port: 0 },
      sources: [{ name: 'tc', ...source({}) }],
      ...server,
    })
    said(t, what, await both(config), cause, remedy)
  }
})

// ---- A configuration that is wrong ---------------------------------------------------------------------------------

t.test('what is wrong in the configuration, all of it at once', async (t) => {
  const wrong: readonly (readonly [what: string, words: RegExp])[] = [
    ['a typo in a key', /:\d+:\d+: sources\[0\]\.evry: .*did you mean "?every/],
    ['a variable that is not set', /secretKey: .*FEED_NOT_SET_ANYWHERE is not set/],
    [
      'a file of a secret that can not be read',
      /accessId: .*no-such-secret could not be read: there is no such file/,
    ],
    ['two of one name', /sources\[1\]\.name: takes a name of its own; "tc" is the name of sources\[0\]/],
    ['a hash of a key that is none', /secretHash: takes sha256: and 64 hexadecimal digits/],
    ['a kind that there is not', /exporters\[0\]\.kind: .*did you mean "?darktrace/],
    ['a port that can not be', /server\.port: takes an integer/],
  ]
  const settings = {
    baseUrl: tc.url,
    accessId: ref('file:no-such-secret'),
    secretKey: ref('FEED_NOT_SET_ANYWHERE'),
  }
  const path = file('wrong', {
    server: { port: 99_999 },
    auth: { keys: [{ id: 'soar', secretHash: canary('a-key-in-place-of-its-hash'), scopes: ['admin'] }] },
    sources: [
      { name: 'tc', kind: 'threatconnect', evry: '5m', settings },
      { name: 'tc', ...source({}) },
    ],
    exporters: [{ kind: 'darktrce', settings: { host: 'h', publicToken: 'p', privateToken: 'q' } }],
  })
  const [start, check] = await Promise.all([
    cli.run(['serve', '--config', path]),
    cli.run(['check', '--config', path]),
  ])
  t.strictSame([start.code, check.code, start.stdout, check.stdout], [2, 2, '', ''])
  t.equal(check.stderr, start.stderr, 'the doctor says the same')
  for (const [what, words] of wrong) t.match(start.stderr, words, what)
  t.match(start.stderr, new RegExp(`has ${wrong.length} errors`), 'and nothing else')
})

t.test('a proxy of the environment that is none', async (t) => {
  const config = file('variable', {
    server: { port: 0 },
    store: { url: `file:${base}/variable` },
    sources: [{ name: 'tc', ...source({ baseUrl: 'https://tc.example' }) }],
  })
  const password = canary('a-proxy-of-the-environment')
  for (const [value, cause] of [
    [`htp://user:${password}@proxy.example:3128`, /HTTPS_PROXY takes .*; received the scheme "htp"/],
    [`http://user:${password}@proxy.example:99999`, /HTTPS_PROXY takes .*; what it holds is not a URL/],
  ] as const) {
    for (const command of ['check', 'serve']) {
      const ended = await cli.run([command, '--config', config], { env: { HTTPS_PROXY: value } })
      t.equal(ended.code, 2, command)
      t.match(ended.stderr, cause, command)
      t.match(ended.stderr, /Correct or unset it/, command)
      t.notMatch(ended.stderr, /\n {4}at /, `${command}: no stack`)
    }
  }
})

t.test('no secret is in anything that any of them wrote', async (t) => {
  const all = cli.written.join('\n')
  t.ok(all.length > 10_000)
  for (const secret of canaries) t.notOk(all.includes(secret), secret)
})
