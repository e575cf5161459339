/** The support bundle: what is in it beside a server, without one, and without a store; and that no secret ever is. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { fromServer } from '../../src/cli/support/from-server.ts'
import { masked, withoutQuotes } from '../../src/cli/support/masked.ts'
import { prove, textOf } from '../../src/cli/support/proof.ts'
import { spellingsOf } from '../../src/cli/support/spellings.ts'
import { startSimulators } from '../../src/simulation/demo.ts'
import { leaksIn, type Vault, vault } from '../canary.ts'
import { commandLine } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
t.teardown(() => simulators.close())

/** A canary in every place that takes a secret; the products do not know them, and say so. */
function canaries({ make, makeKey }: Vault): object {
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  const proxied = (of: string) => ({
    proxy: `http://user:${encodeURIComponent(make(`proxy of ${of}`))}@127.0.0.1:1`,
  })
  return {
    auth: { keys: [{ id: 'soar', secret: makeKey('api-key'), scopes: ['indicators:read'] }] },
    sources: [
      {
        name: 'tc',
        kind: 'threatconnect',
        every: 'off',
        settings: { ...threatconnect, secretKey: make('threatconnect') },
      },
      {
        name: 'by-token',
        kind: 'threatconnect',
        every: 'off',
        retry: { attempts: 1 },
        settings: { baseUrl: threatconnect.baseUrl, token: makeKey('token') },
        ...proxied('a source'),
      },
    ],
    feeds: [{ name: 'block-ip', types: ['ipv4'] }],
    exporters: [
      { kind: 'secureworks', settings: { ...secureworks, clientSecret: make('secureworks') } },
      { kind: 'darktrace', settings: { ...darktrace, privateToken: make('darktrace') } },
      { kind: 'cofense', settings: { ...cofense, clientSecret: make('cofense') } },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: {
          kind: 'secureworks-ctp',
          settings: { ...ctp, password: make('ctp'), every: 'off' },
        },
        incidentSink: { kind: 'ibm-soar', settings: { ...soar, apiKeySecret: make('soar') } },
      },
    ],
  }
}

interface World {
  readonly folder: string
  readonly config: string
  bundle(...args: string[]): ReturnType<typeof cli.run>
  /** The newest one that was written without a name. */
  written(): string
}

function world(test: Test, file: object, env: Readonly<Record<string, string>> = {}): World {
  const folder = mkdtempSync(join(tmpdir(), 'feed-bundle-'))
  test.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const config = join(folder, 'feed-server.yaml')
  const text = stringify({ server: { port: 0 }, store: { url: 'file:./data' }, ...file })
  writeFileSync(
    config,
    text.replaceAll('${', () => '$${'),
  )
  return {
    folder,
    config,
    bundle: (...args) => cli.run(['support-bundle', ...args], { cwd: folder, env }),
    written: () =>
      join(
        folder,
        readdirSync(folder).find((name) => /^support-bundle-\d{8}T\d{6}Z\.json$/.test(name)) ?? '',
      ),
  }
}

/** Beside the members that every bundle has. */
interface Bundle {
  readonly [member: string]: unknown
  readonly from: { readonly kind: string }
  readonly doctor: readonly { readonly part: string; readonly name: string; readonly ok: boolean }[]
  readonly redaction: {
    readonly secrets: number
    readonly spellings: number
    readonly found: number
    readonly settings: readonly string[]
    readonly tooShort: readonly string[]
  }
}

t.test('with a canary in every secret place: beside a server, from the store, without one', async (t) => {
  const secrets = vault()
  const environmentProxy = secrets.make('proxy of the environment')
  const { config, folder, bundle, written } = world(t, canaries(secrets), {
    HTTPS_PROXY: `http://user:${encodeURIComponent(environmentProxy)}@127.0.0.1:1`,
  })

  const before = await bundle('before.json', '--without-doctor')
  t.equal(before.code, 0)
  t.match(before.stderr, /nothing of the store is in it: there is no store in .*data yet/)

  const server = cli.start(['serve', '--config', config])
  await server.until(/"listening on http:[^"]+"/)
  await cli.run(['fetch', 'tc', '--config', config])
  const beside = await bundle()
  t.strictSame([beside.code, beside.stderr], [0, ''])
  t.match(beside.stdout, /kB; searched for 1[0-9] secrets in \d{3} spellings, found none\.\n$/)
  const file = written()
  t.equal(statSync(file).mode & 0o777, 0o600, 'for its owner alone')
  const json = await bundle('beside.json', '--json', '--without-doctor')
  t.match(JSON.parse(json.stdout), { from: { kind: 'server' }, redaction: { found: 0 } })
  t.equal(JSON.parse(json.stdout).bytes, statSync(join(folder, 'beside.json')).size)
  server.child.kill('SIGTERM')
  await server.ended

  const alone = await bundle('alone.json', '--without-doctor')
  t.strictSame([alone.code, alone.stderr], [0, ''])

  const read = (path: string) => readFileSync(path, 'utf8')
  const whole = JSON.parse(read(file)) as Bundle
  const members = [
    ...[
      'format',
      'formatVersion',
      'version',
      'machine',
      'configuration',
      'doctor',
      'from',
      'store',
      'sources',
    ],
    ...['feeds', 'exporters', 'bridges', 'audit', 'metrics', 'redaction'],
  ]
  t.same(Object.keys(whole), members, 'the proof stands at its end')
  t.match(whole, {
    machine: { node: process.version, time: String, timeZone: String, memory: { totalBytes: Number } },
    configuration: {
      file: 'feed-server.yaml',
      effective: { sources: [{ name: 'tc' }, { name: 'by-token' }] },
    },
    from: { kind: 'server', url: /^http:/ },
    store: { kind: 'embedded', postgresql: /^18/, schemaVersion: Number, tables: [{ bytes: Number }] },
    sources: [
      { name: 'tc', runs: [{ status: 'failed', error: { code: String, detail: String } }] },
      { name: 'by-token', runs: [] },
    ],
    feeds: [{ name: 'block-ip' }],
    exporters: [{ name: 'secureworks', exports: [] }, { name: 'darktrace' }, { name: 'cofense' }],
    bridges: [{ name: 'ctp', deadEffects: [] }],
    metrics: /^# HELP feed_server_/m,
  })
  t.ok(Array.isArray(whole.audit), 'the audit log')
  const reports = whole.doctor.map(({ part, name, ok }) => `${part} ${name} ${ok}`)
  for (const ill of ['source tc false', 'exporter cofense false', 'bridge ctp false'])
    t.ok(reports.includes(ill), ill)
  t.ok(whole.redaction.settings.includes('HTTPS_PROXY'))
  t.ok(whole.redaction.settings.includes('sources[1].proxy'))
  t.ok(
    whole.redaction.settings.some((setting) => setting.endsWith('command.key')),
    'the key of the server, too',
  )
  t.equal(whole.redaction.found, 0)

  const stored = JSON.parse(read(join(folder, 'alone.json'))) as Bundle
  t.match(stored, {
    from: { kind: 'store' },
    doctor: { unavailable: /without-doctor/ },
    store: { kind: 'embedded', postgresql: /^18/ },
    sources: [{ name: 'tc', runs: [{ status: 'failed' }] }, { name: 'by-token' }],
    exporters: [{ name: 'secureworks', exports: [] }, { name: 'darktrace' }, { name: 'cofense' }],
    bridges: [{ name: 'ctp', deadEffects: [] }],
    metrics: { unavailable: String },
  })

  const texts = ['before.json', 'beside.json', 'alone.json'].map(
    (name) => [name, read(join(folder, name))] as const,
  )
  const all = [...texts, ['the whole', read(file)] as const, ['output', cli.written.join('\n')] as const]
  t.same(leaksIn(all, secrets.secrets), [])
})

t.test(
  'a secret that would stand in it stops the command, which names the member and no value',
  async (t) => {
    const secrets = vault()
    const planted = secrets.make('planted')
    const { threatconnect } = simulators
    const leaking = (tql: string) => ({
      sources: [
        {
          name: 'tc',
          kind: 'threatconnect',
          settings: { ...threatconnect, secretKey: planted, tql: `summary = "${tql}"` },
        },
      ],
    })
    const ways: Readonly<Record<string, string>> = {
      percent: encodeURIComponent(planted),
      base64: Buffer.from(`user:${planted}`).toString('base64'),
      hex: Buffer.from(planted).toString('hex'),
      raw: planted,
    }
    await Promise.all(
      Object.entries(ways).map(async ([way, tql]) => {
        const { folder, bundle } = world(t, leaking(tql))
        const { code, stdout, stderr } = await bundle('out.json', '--without-doctor')
        t.strictSame([code, stdout], [1, ''], way)
        t.match(
          stderr,
          /configuration\.effective\.sources\[0\]\.settings\.tql would have held the secret of sources\[0\]\.settings\.secretKey\n/,
          way,
        )
        t.notOk(existsSync(join(folder, 'out.json')), 'nothing was written')
        t.same(leaksIn([[way, stderr]], secrets.secrets), [], way)
      }),
    )
  },
)

t.test('a file that is there is never overwritten, and a short secret is told', async (t) => {
  const settings = { ...simulators.threatconnect, secretKey: 'tiny' }
  const { folder, bundle } = world(t, { sources: [{ name: 'tc', kind: 'threatconnect', settings }] })
  writeFileSync(join(folder, 'mine.json'), 'mine')
  const [there, nowhere, printed, short] = await Promise.all([
    bundle('mine.json', '--without-doctor'),
    bundle('no/such/folder.json', '--without-doctor'),
    bundle('-', '--without-doctor'),
    bundle('short.json', '--without-doctor'),
  ])
  t.strictSame([there.code, there.stdout], [1, ''])
  t.match(there.stderr, /mine\.json can't be written: it is there already; name another file\n$/)
  t.equal(readFileSync(join(folder, 'mine.json'), 'utf8'), 'mine')
  t.equal(nowhere.code, 1)
  t.match(nowhere.stderr, /ENOENT/)
  const { redaction } = JSON.parse(printed.stdout) as Bundle
  t.match(redaction, { secrets: 0, found: 0, tooShort: ['sources[0].settings.secretKey'] })
  t.equal(short.code, 0)
  t.match(
    short.stderr,
    /too short to be searched for: sources\[0\]\.settings\.secretKey; look for them yourself/,
  )
})

t.test('any secret is found, however it is spelled, wherever it stands', async (t) => {
  const secret = fc
    .string({ minLength: 6, maxLength: 40, unit: 'grapheme' })
    .filter((text) => text.trim().length > 5)
  const ways: Readonly<Record<string, (text: string) => string>> = {
    raw: (text) => text,
    json: (text) => JSON.stringify({ text }),
    percent: encodeURIComponent,
    form: (text) => new URLSearchParams({ text }).toString(),
    base64: (text) => Buffer.from(text).toString('base64'),
    'base64 in a pair': (text) => Buffer.from(`id:${text}`).toString('base64'),
    'base64 before more': (text) => Buffer.from(`x${text}:more`).toString('base64'),
    base64url: (text) => Buffer.from(text).toString('base64url'),
    hex: (text) => Buffer.from(text).toString('hex'),
    HEX: (text) => Buffer.from(text).toString('hex').toUpperCase(),
  }
  for (const [way, write] of Object.entries(ways)) {
    fc.assert(
      fc.property(secret, (value) => {
        fc.pre(value.isWellFormed())
        const bundle = { a: [{ b: 1 }, { c: `before ${write(value)} after` }] }
        const proof = prove(bundle, [{ value, settings: ['x.y'] }])
        return 'leaks' in proof && proof.leaks[0]?.member === 'a[1].c' && proof.leaks[0].settings[0] === 'x.y'
      }),
      { numRuns: 300 },
    )
    t.pass(way)
  }
  const clean = prove({ a: 'nothing here' }, [{ value: 'secret-of-tc', settings: ['x'] }])
  t.match(clean, { redaction: { secrets: 1, spellings: spellingsOf('secret-of-tc').length, found: 0 } })
  t.match(prove({ 'key-secret-of-tc': 1 }, [{ value: 'secret-of-tc', settings: ['x'] }]), {
    leaks: [{ member: 'the bundle' }],
  })
  t.match(textOf({ a: 1 }), '{\n  "a": 1\n}\n')
})

t.test('of a server that hangs every part is missing after one wait, and says why', async (t) => {
  const held = Promise.withResolvers<never>()
  const asked: string[] = []
  const hang = (path: string) => {
    asked.push(path.replace(/\?.*/, ''))
    return held.promise
  }
  const server = { url: 'http://127.0.0.1:1', ask: (_: string, path: string) => hang(path), text: hang }
  const bridges = [{}] as unknown as Parameters<typeof fromServer>[1]['bridges']
  const collecting = fromServer(server, { bridges }, new AbortController().signal)
  const lists = ['sources', 'feeds', 'exporters', 'bridges', 'audit'].map((name) => `/api/v1/${name}`)
  t.same(asked, ['/api/v1/store', ...lists, '/metrics'], 'all of it is asked for at once')
  held.reject(new Error('nothing came within 30 s'))
  const { from, ...parts } = await collecting
  t.same(from, { kind: 'server', url: server.url })
  for (const [name, told] of Object.entries(parts))
    t.same(told, { unavailable: 'nothing came within 30 s' }, name)
})

t.test('values of indicators and contents of tickets are left out, reasons and counts stay', async (t) => {
  const run = {
    id: 'r',
    received: 4,
    unreadable: [
      { remoteId: '1', reason: 'summary takes an address; received "198.51.100.300"' },
      { remoteId: '2', reason: 'summary takes an address; received "203.0.113.999"' },
      { remoteId: '3', reason: 'id takes an integer; received nothing' },
    ],
    error: { code: 'UPSTREAM_REJECTED', detail: 'no field "evil.example" here' },
  }
  const effect = {
    id: '29',
    ticketId: 'IN41200320',
    kind: 'note',
    error: 'ticket IN41200320 has no attachment 7',
  }
  t.same(masked({ runs: [run], deadEffects: [effect], held: null }), {
    runs: [
      {
        id: 'r',
        received: 4,
        unreadable: [
          { reason: 'summary takes an address; received "…"', records: 2 },
          { reason: 'id takes an integer; received nothing', records: 1 },
        ],
        error: { code: 'UPSTREAM_REJECTED', detail: 'no field "…" here' },
      },
    ],
    deadEffects: [{ id: '29', ticketId: '[left out]', kind: 'note', error: 'ticket … has no attachment 7' }],
    held: null,
  })
  t.same(masked([{ subject: 'ctp/IN41200320' }, { subject: 'darktrace' }, { subject: null }]), [
    { subject: 'ctp/[left out]' },
    { subject: 'darktrace' },
    { subject: null },
  ])
  t.equal(withoutQuotes('takes a "x\\"y" b; received 198.51.100.7'), 'takes a "…" b; received …')
  t.equal(withoutQuotes('got evil.example. Try again.'), 'got …. Try again.')
})
