/** `feed-server push` and `check` of exporters, as processes: alone on their store, and beside the server that has it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { stringify } from 'yaml'
import { startCofenseSimulator } from '../../src/exporters/cofense/simulator/index.ts'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { startTaegisSimulator, type TaegisOptions } from '../../src/exporters/secureworks/simulator/index.ts'
import { renderForCollections } from '../../src/feeds/stix/objects.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'
import { sourceEntry } from '../app.ts'
import { definition, log } from '../feeds/feed-world.ts'
import { freshDatabase } from '../store/database.ts'
import { commandLine, main } from './command-line.ts'

t.setTimeout(300_000)
const cli = commandLine(t)
const apiKey = 'a-key-that-nobody-tells'
const wrongToken = 'a-wrong-private-token-of-darktrace'
const secrets = new Set([apiKey, wrongToken])
const ourSource = 'indicator-feed-server'

/** Products, and a folder with a configuration that leads to them. */
async function world(test: Test, taegisOptions: TaegisOptions = {}) {
  const simulator = await startThreatConnectSimulator({
    indicators: [1, 2, 3].map((index) => ({
      type: 'Host',
      summary: `host-${index}.example`,
      owner: 'Example Organization',
    })),
  })
  const [taegis, darktrace, triage] = await Promise.all([
    startTaegisSimulator(taegisOptions),
    startDarktraceSimulator(),
    startCofenseSimulator(),
  ])
  const folder = mkdtempSync(join(tmpdir(), 'feed-push-'))
  test.teardown(async () => {
    for (const token of [...taegis.tokens, ...triage.tokens]) secrets.add(token)
    await Promise.all([simulator, taegis, darktrace, triage].map((each) => each.close()))
    rmSync(folder, { recursive: true, force: true })
  })
  const [account, application] = [taegis.accounts[0], triage.applications[0]]
  if (account === undefined || application === undefined) throw new Error('a simulator has no account')
  const { publicToken, privateToken } = darktrace.tokens
  const { clientId, clientSecret } = application
  for (const secret of [account.clientSecret, privateToken, clientSecret]) secrets.add(secret)
  const { url, connection } = await freshDatabase(test)
  let written = 0
  const write = (name: string, text: string) => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  return {
    simulator,
    taegis,
    darktrace,
    triage,
    folder,
    connection,
    write,
    /** What Darktrace has from us. */
    watched: () =>
      darktrace
        .entries(ourSource)
        .map(({ name }) => name)
        .sort(),
    config(more: object = {}, darktraceSettings: object = {}) {
      const { clientId: id, clientSecret: secret, tenantId } = account
      const exporter = (kind: string, settings: object) => ({ kind, proxy: 'none', settings })
      const file = {
        server: { port: 0, doctorAtStart: false },
        store: { url },
        sources: [sourceEntry(simulator.url, { every: 'off' })],
        feeds: [{ name: 'hosts', types: ['domain'], activeOnly: false }],
        exporters: [
          exporter('secureworks', { baseUrl: taegis.url, clientId: id, clientSecret: secret, tenantId }),
          exporter('darktrace', { host: darktrace.url, publicToken, privateToken, ...darktraceSettings }),
          exporter('cofense', { baseUrl: triage.url, clientId, clientSecret }),
        ],
        ...more,
      }
      return write(
        `feed-server-${written++}.yaml`,
        stringify(file).replaceAll('${', () => '$${'),
      )
    },
  }
}

t.test('a file is pushed without a server, and again: then nothing is sent', async (t) => {
  const { darktrace, config, write, watched } = await world(t)
  const file = write(
    'values.txt',
    '\uFEFF# bad hosts\nevil.example\n\n  203.0.113.7  \r\nnot anything\nmail@evil.example\n',
  )
  const push = ['push', 'darktrace', '--file', file, '--config', config()]
  const first = await cli.run(push)
  t.strictSame([first.code, first.stderr], [0, ''])
  t.match(first.stdout, /│ darktrace │ succeeded │ 4 +│ 0 +│ 2 +│ 0 +│ 0 +│ 2 +│ 0 +│/)
  t.match(first.stdout, /^skipped not anything: unrecognised value$/m)
  t.match(first.stdout, /^skipped mail@evil\.example: unsupported type email$/m)
  t.strictSame(watched(), ['203.0.113.7', 'evil.example'])
  const requests = darktrace.requests.length
  const again = await cli.run([...push, '--json'])
  t.strictSame([again.code, again.stderr], [0, ''])
  t.match(JSON.parse(again.stdout), {
    exporter: 'darktrace',
    status: 'succeeded',
    counts: { total: 4, accepted: 0, unchanged: 2, skipped: 2 },
    links: { self: /^\/api\/v1\/exports\// },
  })
  t.equal(darktrace.requests.length, requests, 'the product was not asked')

  const gone = await cli.run([...push, '--action', 'remove'])
  t.strictSame([gone.code, gone.stderr], [0, ''])
  t.strictSame(watched(), [])
})

t.test('a feed is pushed without a server as well, once its sources were fetched', async (t) => {
  const { config, watched } = await world(t)
  const path = config()
  const early = await cli.run(['push', 'darktrace', '--feed', 'hosts', '--config', path])
  t.equal(early.code, 1)
  t.match(early.stderr, /^The feed has no list yet: .*hosts/)
  t.equal((await cli.run(['fetch', '--config', path])).code, 0)
  const pushed = await cli.run(['push', 'darktrace', '--feed', 'hosts', '--config', path])
  t.strictSame([pushed.code, pushed.stderr], [0, ''])
  t.match(pushed.stdout, /│ darktrace │ succeeded │ 3 +│ 0 +│ 3 +│/)
  t.strictSame(watched(), ['host-1.example', 'host-2.example', 'host-3.example'])
})

t.test('what servers serve is left alone by a push whose configuration does not have it', async (t) => {
  const { config, write, watched, connection } = await world(t)
  t.equal((await cli.run(['fetch', '--config', config()])).code, 0)
  const store = await openPostgresStore({ connection, log, render: renderForCollections })
  t.teardown(() => store.close())
  const feed = definition({ name: 'hosts' })
  await store.registerFeeds([feed])
  await store.refreshFeed(feed, { now: new Date() })
  const variant = { variant: 'txt', json: false, now: new Date() }
  await store.buildSnapshot(feed, variant, async ({ about }) => {
    const { entries } = about.state
    const sizes = { identity: 0, gzip: 0, br: 0 }
    return { ...{ digest: 'none', entries, dropped: 0, truncated: 0 }, sizes }
  })
  while (!(await store.publish('hosts', new Date())).done);
  const served = async () => [
    await store.feedStates(),
    await store.snapshot('hosts', 'txt'),
    await store.publishedManifest('hosts', { limit: 10, tlp: 2 }),
  ]
  const before = await served()
  t.match(before, [[{ name: 'hosts', entries: 3 }], { entries: 3 }, { records: [{}, {}, {}] }])
  const file = write('values.txt', 'evil.example\n')
  const push = ['push', 'darktrace', '--file', file, '--config', config({ feeds: [] })]
  const { code, stderr } = await cli.run(push)
  t.strictSame([code, stderr], [0, ''])
  t.strictSame(watched(), ['evil.example'])
  t.strictSame(await served(), before)
})

t.test('a server that is stopped while a product is silent loses nothing', async (t) => {
  const { config, darktrace, watched } = await world(t)
  const path = config()
  const serve = async () => {
    const running = cli.start(['serve', '--config', path])
    const [, url = ''] = await running.until(/"listening on (http:[^"]+)"/)
    return { ...running, url }
  }
  const first = await serve()
  const asked = Promise.withResolvers<void>()
  const isWrite = ({ method }: { readonly method: string }) => {
    if (method === 'POST') asked.resolve()
    return method === 'POST'
  }
  darktrace.fail({ kind: 'delay', ms: 3_600_000 }, { times: 'always', when: isWrite })
  const answer = await fetch(`${first.url}/api/v1/push/darktrace`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ indicators: ['evil.example', '203.0.113.7'] }),
  })
  t.equal(answer.status, 202)
  const { links } = (await answer.json()) as { readonly links: { readonly self: string } }
  await asked.promise
  const start = performance.now()
  first.child.kill('SIGTERM')
  t.equal((await first.ended).code, 0)
  t.ok(performance.now() - start < 10_000)
  darktrace.clearFaults()
  const second = await serve()
  type Receipt = { readonly endedAt: string | null; readonly status: string; readonly counts: object }
  let receipt: Receipt
  do {
    receipt = (await (await fetch(second.url + links.self)).json()) as Receipt
  } while (receipt.endedAt === null)
  t.match(receipt, { status: 'succeeded', counts: { total: 2, accepted: 2 } })
  t.strictSame(watched(), ['203.0.113.7', 'evil.example'])
  second.child.kill('SIGTERM')
  t.equal((await second.ended).code, 0)
})

t.test('a dry run shows every request, sends nothing and tells no secret', async (t) => {
  const { taegis, config, write } = await world(t)
  const file = write(
    'indicators.ndjson',
    [
      { type: 'file', hashes: { md5: 'd41d8cd98f00b204e9800998ecf8427e' }, score: 3 },
      { value: 'evil.example', tags: ['APT29'] },
      { type: 'mutex', value: 'Global\\evil' },
    ]
      .map((entry) => JSON.stringify(entry))
      .join('\n'),
  )
  const push = ['push', 'secureworks', '--file', file, '--dry-run', '--option', 'severity=LOW']
  const shown = await cli.run([...push, '--config', config()])
  t.strictSame([shown.code, shown.stderr], [0, ''])
  t.match(shown.stdout, `POST ${taegis.url}/graphql`)
  t.match(shown.stdout, /"value": "evil\.example"/)
  t.match(shown.stdout, /"severity": "LOW"/)
  t.match(shown.stdout, /^skipped Global\\evil: unsupported type mutex$/m)
  t.match(shown.stdout, /^2 would be sent, 0 are there already, 1 are skipped\.\nNothing was sent\.$/m)
  const asJson = await cli.run([...push, '--json', '--config', config()])
  t.match(JSON.parse(asJson.stdout), { requests: [{ method: 'POST' }], items: [{ type: 'file' }, {}, {}] })
  t.equal(taegis.requests.length, 0)
})

t.test('beside a server the push goes through it: a feed, a file, and what they had', async (t) => {
  const { config, write, triage, watched } = await world(t)
  const keys = [{ id: 'soar', secret: apiKey, scopes: ['sources:run'] }]
  const path = config({ auth: { keys }, store: { url: 'file:./data' } })
  const running = cli.start(['serve', '--config', path])
  const [, url = ''] = await running.until(/"listening on (http:[^"]+)"/)
  const early = await cli.run(['push', 'darktrace', '--feed', 'hosts', '--config', path])
  t.equal(early.code, 1)
  t.match(early.stderr, /which has the store, refused: FEED_NOT_READY: .*hosts/)
  await fetch(`${url}/api/v1/sources/tc/fetch?wait=60`, {
    method: 'POST',
    headers: { 'x-api-key': apiKey },
  })
  const feed = await cli.run(['push', 'darktrace', '--feed', 'hosts', '--config', path])
  t.strictSame([feed.code, feed.stderr], [0, ''])
  t.match(feed.stdout, /│ darktrace │ succeeded │ 3 +│ 0 +│ 3 +│/)
  t.strictSame(watched(), ['host-1.example', 'host-2.example', 'host-3.example'])

  const list = write('list.txt', 'http://evil.example/a\nevil.example\n203.0.113.7\n')
  const piped = await cli.run(
    ['push', 'cofense', '--file', '-', '--json', '--option', 'threatLevel=Suspicious', '--config', path],
    { program: ['sh', '-c', `'${process.execPath}' '${main}' "$@" < '${list}'`, 'sh'] },
  )
  t.strictSame([piped.code, piped.stderr], [0, ''])
  t.match(JSON.parse(piped.stdout), { status: 'succeeded', counts: { total: 3, accepted: 2, skipped: 1 } })
  t.strictSame(
    triage.rows().map(({ level, source }) => [level, source]),
    [
      ['Suspicious', ourSource],
      ['Suspicious', ourSource],
    ],
  )
  const dry = await cli.run(['push', 'cofense', '--file', list, '--dry-run', '--config', path])
  t.strictSame([dry.code, dry.stderr], [0, ''])
  t.match(dry.stdout, /^skipped 203\.0\.113\.7: unsupported type ipv4$/m)
  const unknown = await cli.run(['push', 'cofense', '--file', list, '--option', 'source=', '--config', path])
  t.equal(unknown.code, 2, 'as without a server')
  t.match(unknown.stderr, /refused: ARGUMENT_INVALID: .*source/)
  running.child.kill('SIGTERM')
  t.equal((await running.ended).code, 0)
})

t.test('what the product refuses is told with its words, and the command fails', async (t) => {
  const { config, write } = await world(t, {
    rejects: ({ value }) => (value.startsWith('bad') ? 'on the list of allowed values' : undefined),
  })
  const values = [...Array.from({ length: 12 }, (_, index) => `bad-${index}.example`), 'good.example']
  const file = write('values.txt', values.join('\n'))
  const { code, stdout, stderr } = await cli.run([
    'push',
    'secureworks',
    '--file',
    file,
    '--config',
    config(),
  ])
  t.equal(code, 1)
  t.match(stdout, /│ secureworks │ partial │ 13 +│ 0 +│ 1 +│ 0 +│ 12 +│/)
  t.equal(stdout.match(/^rejected bad-\d+\.example: .*on the list of allowed values/gm)?.length, 10)
  t.match(stdout, /^2 more are told by \/api\/v1\/exports\/[-0-9a-f]+\/items$/m)
  t.equal(stderr, '12 of 13 were not taken\n')
})

t.test('a paused product ends the command with cause and remedy; mended, it goes on', async (t) => {
  const { config, write, watched, darktrace } = await world(t)
  const file = write('values.txt', 'evil.example\n')
  const bad = config({}, { privateToken: wrongToken })
  const push = ['push', 'darktrace', '--file', file]
  const paused = await cli.run([...push, '--config', bad])
  t.equal(paused.code, 1)
  t.match(paused.stdout, /│ darktrace │ (pending|running) +│ 1 +│ 1 +│/)
  t.match(paused.stderr, /^darktrace is paused: .+\n.+\n1 of export [-0-9a-f]+ wait in the store\.\n/)
  t.match(paused.stderr, /with --resume goes on at once, and so does the start of a server\.\n$/)
  const logins = darktrace.requests.length
  const still = await cli.run([...push, '--config', config()])
  t.equal(still.code, 1, 'nobody said that it is mended')
  t.equal(darktrace.requests.length, logins)
  t.strictSame(watched(), [])
  const mended = await cli.run([...push, '--resume', '--json', '--config', config()])
  t.strictSame([mended.code, mended.stderr], [0, ''])
  t.match(JSON.parse(mended.stdout), { status: 'succeeded', counts: { total: 1, accepted: 1 } })
  t.strictSame(watched(), ['evil.example'])
})

t.test('an interrupted push tells what is left, and the next one sends it too', async (t) => {
  const { config, write, darktrace, watched } = await world(t)
  darktrace.fail({ kind: 'delay', ms: 3_600_000 }, { times: 'always' })
  const first = cli.start([
    'push',
    'darktrace',
    '--file',
    write('a.txt', 'a.example\n'),
    '--config',
    config(),
  ])
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (darktrace.requests.length === 0) return
      clearInterval(timer)
      resolve()
    }, 50)
  })
  first.child.kill('SIGINT')
  const { code, stderr } = await first.ended
  t.equal(code, 130)
  t.match(stderr, /^interrupted by SIGINT; 1 of export [-0-9a-f]+ are still to be sent: the next/)
  darktrace.clearFaults()
  const next = await cli.run([
    'push',
    'darktrace',
    '--file',
    write('b.txt', 'b.example\n'),
    '--config',
    config(),
  ])
  t.strictSame([next.code, next.stderr], [0, ''])
  t.strictSame(watched(), ['a.example', 'b.example'])
})

t.test('bad usage and bad files are refused before anything is sent', async (t) => {
  const { config, write, darktrace, folder } = await world(t)
  const file = write('values.txt', 'evil.example\n')
  const wrong = write(
    'wrong.ndjson',
    '\n{"type":"domain","value":"evil.example"}\n{"type":"domain","value":\n\n{"value":"evil.example","colour":"red"}\n[]\n',
  )
  const missing = join(folder, 'missing.txt')
  const cases: readonly (readonly [args: readonly string[], code: number, words: RegExp])[] = [
    [[], 2, /missing required argument 'exporter'/],
    [['darktrace'], 2, /one of --feed and --file is needed/],
    [['darktrace', '--feed', 'hosts', '--file', file], 2, /cannot be used with/],
    [
      ['darktrce', '--file', file],
      2,
      /no exporter "darktrce"; did you mean darktrace\? There are: secureworks, darktrace, cofense\n$/,
    ],
    [['darktrace', '--feed', 'host'], 2, /no feed "host"; did you mean hosts\? There are: hosts\n$/],
    [['darktrace', '--file', file, '--action', 'delete'], 2, /Allowed choices are upsert, remove/],
    [['darktrace', '--file', file, '--option', 'severity=LOW'], 2, /--option severity: darktrace takes /],
    [['darktrace', '--file', file, '--option', 'source'], 2, /--option takes name=value; received "source"/],
    [['darktrace', '--file', missing], 1, /missing\.txt can't be read: ENOENT/],
    [
      ['darktrace', '--file', wrong],
      1,
      /wrong\.ndjson, line 3: not JSON: .*\n.*wrong\.ndjson, line 5: colour is not a known member; known are .*\n.*line 6: takes an object/,
    ],
  ]
  const path = config()
  await Promise.all(
    cases.map(async ([args, code, words]) => {
      const ended = await cli.run(['push', ...args, '--config', path])
      t.strictSame([ended.code, ended.stdout], [code, ''], args.join(' '))
      t.match(ended.stderr, words)
    }),
  )
  t.equal(darktrace.requests.length, 0)
})

t.test('check tells of sources and exporters, of one or of both with a name', async (t) => {
  const { config } = await world(t)
  const good = await cli.run(['check', '--config', config()])
  t.strictSame([good.code, good.stderr], [0, ''])
  t.strictSame(good.stdout.match(/^\w+ \w+$/gm), [
    'source tc',
    'exporter secureworks',
    'exporter darktrace',
    'exporter cofense',
  ])
  t.notMatch(good.stdout, /FAIL/)
  const bad = config({}, { privateToken: wrongToken })
  const one = await cli.run(['check', 'darktrace', '--json', '--config', bad])
  t.strictSame([one.code, one.stderr], [1, 'something is wrong with: darktrace\n'])
  t.match(JSON.parse(one.stdout), { part: 'exporter', name: 'darktrace', ok: false })
  const unknown = await cli.run(['check', 'darktrce', '--config', bad])
  t.equal(unknown.code, 2)
  t.match(
    unknown.stderr,
    /^no source, exporter or bridge "darktrce"; did you mean darktrace\? There are: server, tc, secureworks, darktrace, cofense\n$/,
  )
})

t.test('no secret is in anything that any of them wrote', async (t) => {
  const all = cli.written.join('\n')
  t.ok(all.length > 5000)
  t.ok(secrets.size > 6)
  for (const secret of secrets) {
    t.notOk(all.includes(secret) || all.includes(encodeURIComponent(secret)), secret.slice(0, 6))
  }
})
