/**
 * Secrets go out to the products, and nowhere else: not into the log, an answer, or the store, however they are written
 * there. The log is the one before secrets are taken out of its lines: what the program writes has to be clean by itself.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createWholeServer } from '../../src/cli/server.ts'
import { startCofenseSimulator } from '../../src/exporters/cofense/simulator/index.ts'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { startTaegisSimulator } from '../../src/exporters/secureworks/simulator/index.ts'
import type { Fault } from '../../src/simulation/faults.ts'
import type { RecordedRequest } from '../../src/simulation/simulator.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { configOf } from '../app.ts'
import { canary, leaksIn, tablesOf, type Vault, vault } from '../canary.ts'
import { freshDatabase } from '../store/database.ts'
import { forwardProxy } from '../upstream/fixtures/servers.ts'

t.setTimeout(60_000)

t.test('a secret is found however it is written', async (t) => {
  const secret = canary('x')
  const ways: Readonly<Record<string, string>> = {
    plain: `a ${secret} b`,
    json: JSON.stringify({ a: [secret] }),
    'json in json': JSON.stringify({ a: JSON.stringify({ b: secret }) }),
    'an address': `https://user:${encodeURIComponent(secret)}@host/`,
    'a form': new URLSearchParams({ a: secret }).toString(),
    'a Basic header': `Basic ${Buffer.from(`user:${secret}`).toString('base64')}`,
    'a Basic header of another user': `Basic ${Buffer.from(`users:${secret}`).toString('base64')}`,
    'a Basic header of a third user': `Basic ${Buffer.from(`user12:${secret}:`).toString('base64')}`,
    base64url: Buffer.from(`?${secret}`).toString('base64url'),
    hex: `\\x${Buffer.from(`a${secret}`).toString('hex')}`,
  }
  for (const [way, text] of Object.entries(ways)) {
    t.equal(leaksIn([[way, text]], new Map([['it', secret]])).length, 1, way)
    t.equal(leaksIn([[way, text]], new Map([['it', canary('y')]])).length, 0, `not another one: ${way}`)
  }
})

/** The products, each with one account. */
async function startProducts(t: Test, { make }: Vault) {
  const taegisAccount = {
    clientId: 'taegis',
    clientSecret: make('client secret of secureworks'),
    tenantId: '145234',
  }
  const tokens = { publicToken: 'public-token-of-darktrace', privateToken: make('private token') }
  const triage = {
    clientId: 'triage',
    clientSecret: make('client secret of cofense'),
    role: 'write' as const,
  }
  const tc = { accessId: '1234567890', secretKey: make('secret key of threatconnect') }
  const secureworks = await startTaegisSimulator({ accounts: [taegisAccount] })
  const darktrace = await startDarktraceSimulator({ tokens })
  const cofense = await startCofenseSimulator({ applications: [triage] })
  const threatConnect = await startThreatConnectSimulator({ accounts: [tc] })
  for (const each of [secureworks, darktrace, cofense, threatConnect]) t.teardown(() => each.close())
  return {
    threatConnect,
    source: { baseUrl: threatConnect.url, ...tc },
    products: [
      {
        kind: 'secureworks',
        simulator: secureworks,
        settings: { baseUrl: secureworks.url, ...taegisAccount },
      },
      { kind: 'darktrace', simulator: darktrace, settings: { host: darktrace.url, ...tokens } },
      {
        kind: 'cofense',
        simulator: cofense,
        settings: { baseUrl: cofense.url, clientId: triage.clientId, clientSecret: triage.clientSecret },
      },
    ],
  } as const
}

type Products = Awaited<ReturnType<typeof startProducts>>

interface Made {
  readonly id: string
  readonly status: string
}

/** Of the exporters that are as they should be. */
const kinds: readonly string[] = ['secureworks', 'darktrace', 'cofense']

/** Each product three times: as it should be, with a wrong secret, and behind a proxy that does not let us through. */
async function exportersOf(t: Test, { products }: Products, { make }: Vault) {
  const password = make('password of the proxy')
  const open = await forwardProxy({ credentials: `our user:${password}` })
  const shut = await forwardProxy({ credentials: 'our user:another password' })
  for (const proxy of [open, shut]) t.teardown(() => proxy.close())
  const through = ({ port }: { readonly port: number }, password: string) =>
    `http://our%20user:${encodeURIComponent(password)}@127.0.0.1:${port}`
  const wrong = make('wrong password of the proxy')
  const retry = { attempts: 3, initial: '10ms', max: '50ms' }
  return products.flatMap(({ kind, settings }) => {
    const secretName = kind === 'darktrace' ? 'privateToken' : 'clientSecret'
    const refused = { ...settings, [secretName]: make(`wrong secret of ${kind}`) }
    const common = { kind, retry, timeout: '2s', objectsPerRun: 1, concurrency: 1 }
    return [
      { ...common, name: kind, settings, proxy: through(open, password) },
      { ...common, name: `${kind}-refused`, settings: refused, proxy: through(open, password) },
      { ...common, name: `${kind}-behind`, settings, proxy: through(shut, wrong) },
    ]
  })
}

/** What the products got of secrets, and what was made of them. */
function noteWhatWasSent({ products, threatConnect }: Products, { note }: Vault): void {
  for (const { requests } of [threatConnect, ...products.map(({ simulator }) => simulator)]) {
    const headers = requests.flatMap(({ headers }) => [headers.authorization, headers['dtapi-signature']])
    const credentials = headers.map((header) =>
      String(header ?? '').replace(/^(Bearer|Basic|TC) (\d+:)?/, ''),
    )
    note('credentials', credentials)
  }
}

const json = { 'content-type': 'application/json' }

/** What a product answers instead: most of it with the words of the request, as a gateway does that debugs. */
type Echo = (words: string) => Fault

const status = (status: number): Echo[] => [
  (words) => ({
    kind: 'status',
    status,
    headers: json,
    body: JSON.stringify({
      response: words,
      error_description: words,
      errors: [{ title: words, detail: words, message: words }],
      data: null,
    }),
  }),
  (words) => ({ kind: 'status', status, headers: { 'content-type': 'text/plain' }, body: words }),
]

const mishaps: readonly Echo[] = [
  ...[500, 400, 422, 401, 403, 404, 200, 503].flatMap(status),
  (words) => ({ kind: 'html', body: `<html>${words}</html>` }),
  (words) => ({ kind: 'redirect', location: `https://elsewhere.example/?back=${encodeURIComponent(words)}` }),
  (words) => ({ kind: 'redirect', location: `https://${encodeURIComponent(words)}@elsewhere.example/` }),
  () => ({ kind: 'cut-json' }),
  () => ({ kind: 'reset' }),
]
const isLogin = ({ url }: Pick<RecordedRequest, 'url'>) => /\/token$/.test(url)

/** All of its credentials in a request, as it may be repeated. */
function wordsOf({ url, headers, body }: RecordedRequest): string {
  const { authorization = '', 'dtapi-signature': signature = '' } = headers
  const basic = /^Basic (.*)/.exec(authorization)?.[1]
  const form = isLogin({ url }) ? Object.fromEntries(new URLSearchParams(body)) : {}
  const said = [
    authorization,
    String(signature),
    body.slice(0, 300),
    ...Object.values(form),
    JSON.stringify(form),
  ]
  return [...said, Buffer.from(basic ?? '', 'base64').toString()].filter((text) => text !== '').join(' ; ')
}

/**
 * Queues one mishap after the other for logins, or for what is none.
 * @returns how many requests met one by now
 */
function spoil(
  { simulator }: Products['products'][number],
  echoes: readonly Echo[],
  which: (request: RecordedRequest) => boolean,
): () => number {
  let met = 0
  for (const echo of echoes) {
    let words = ''
    const when = (request: RecordedRequest) => {
      if (!which(request)) return false
      words = wordsOf(request)
      met++
      return true
    }
    // Read when it is carried out, after `when`.
    const fault = new Proxy(echo(''), { get: (_, name) => Reflect.get(echo(words), name) })
    simulator.fail(fault, { when })
  }
  return () => met
}

t.test('no secret gets into the log, an answer or the store', async (t) => {
  const safe = vault()
  const products = await startProducts(t, safe)
  const exporters = await exportersOf(t, products, safe)
  const key = safe.makeKey('admin')
  const { url: database } = await freshDatabase(t)
  // Where the database lets everybody in, it is not looked at.
  const store = database.replace(/:\/\/(\w+)@/, (_, user) => {
    return `://${user}:${encodeURIComponent(safe.make('password of the store'))}@`
  })
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const config = configOf({
    auth: {
      keys: [
        { id: 'admin', secret: key, scopes: ['admin'] },
        { id: 'other', secret: safe.makeKey('other'), scopes: ['push:*'] },
      ],
    },
    store: { url: store },
    sources: [{ name: 'tc', kind: 'threatconnect', every: 'off', settings: products.source }],
    feeds: [{ name: 'block', maxTlp: 'red' }],
    exporters,
  })
  const server = await createWholeServer(config, { log, version: '0.0.0', env: {}, now: Date.now })
  t.teardown(() => server.stop())
  const url = await server.start('127.0.0.1', 0, '')
  const answers: [where: string, text: string][] = []
  const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
      redirect: 'manual',
    })
    const text = await answer.text()
    answers.push([`${method} ${path}`, `${answer.status} ${JSON.stringify([...answer.headers])} ${text}`])
    return { status: answer.status, text }
  }

  const names = exporters.map(({ name }) => name)
  await ask('POST', '/api/v1/sources/tc/fetch?wait=10')
  const pushes: string[] = []
  const push = async (name: string, round: string, count: number, waitSeconds: number) => {
    const domains = Array.from({ length: count }, (_, place) => `${round}-${place}.evil.example`)
    const body = { indicators: [...domains, 'ü', 'a@evil.example'] }
    await ask('POST', `/api/v1/push/${name}`, { ...body, dryRun: true })
    const { text } = await ask('POST', `/api/v1/push/${name}?wait=${waitSeconds}`, body)
    const made = JSON.parse(text) as Made
    pushes.push(made.id)
    return made.status
  }
  const pushAll = (round: string, count: number) =>
    Promise.all(products.products.map(({ kind }) => push(kind, round, count, 10)))
  const checkAll = () => Promise.all(names.map((name) => ask('POST', `/api/v1/exporters/${name}/check`)))

  t.same(await pushAll('first', 1), ['succeeded', 'succeeded', 'succeeded'], 'all is well')
  for (const name of names) if (!kinds.includes(name)) await push(name, 'first', 1, 0)
  await checkAll()
  const others = (request: RecordedRequest) => !isLogin(request)
  for (const product of products.products) {
    const { kind, simulator } = product
    const hasLogin = kind !== 'darktrace'
    // Some make the exporter wait for somebody.
    const sent = spoil(product, mishaps, others)
    await push(kind, 'spoilt', mishaps.length, 0)
    while (sent() < mishaps.length) {
      await ask('POST', `/api/v1/exporters/${kind}/resume`)
      await wait(20)
    }
    const checked = spoil(product, mishaps, others)
    const loggedIn = spoil(product, hasLogin ? mishaps : [], isLogin)
    while (checked() < mishaps.length || (hasLogin && loggedIn() < mishaps.length)) {
      await ask('POST', `/api/v1/exporters/${kind}/check`)
      await ask('POST', `/api/v1/exporters/${kind}-refused/check`)
    }
    simulator.clearFaults()
  }
  for (const id of pushes) await ask('POST', `/api/v1/exports/${id}/replay`, { status: ['rejected', 'dead'] })
  for (const name of names) {
    await ask('POST', `/api/v1/exporters/${name}/resume`)
    await ask('POST', `/api/v1/exporters/${name}/reconcile`)
  }
  t.same(await pushAll('last', 1), ['succeeded', 'succeeded', 'succeeded'], 'what is well goes on')

  const { paths } = JSON.parse((await ask('GET', '/openapi.json')).text) as {
    readonly paths: Readonly<Record<string, object>>
  }
  const known = { exporter: names, id: pushes, name: [...names, 'tc', 'block'] }
  for (const [path, methods] of Object.entries(paths)) {
    if (!('get' in methods)) continue
    const parameter = /\{(\w+)\}/.exec(path)?.[1]
    const values = parameter === undefined ? [''] : (known[parameter as keyof typeof known] ?? ['x'])
    for (const value of values) await ask('GET', path.replace(/\{\w+\}/, value))
  }
  await ask('GET', '/metrics')
  // A key where it does not belong: the answer may repeat what it was asked, the log may not.
  await fetch(`${url}/api/v1/exports?key=${encodeURIComponent(key)}`, {
    headers: { authorization: `Bearer ${key}` },
  })
  const tables = await tablesOf(database)
  await server.stop()

  t.ok(answers.length > 100, `${answers.length} answers`)
  t.ok(lines.length > 100, `${lines.length} lines of the log`)
  t.ok(
    tables.some(([name, text]) => name.includes('export_item') && text.includes('evil.example')),
    'the tables were read',
  )
  noteWhatWasSent(products, safe)
  t.ok(safe.secrets.size > 20, `${safe.secrets.size} secrets`)
  const texts = [['the log', lines.join('')] as const, ...answers, ...tables]
  t.same(leaksIn(texts, safe.secrets), [])
  // Each would be seen, wherever it were.
  const all = JSON.stringify([...safe.secrets.values()])
  const leaky = texts.map(([where, text]) => [where, text.slice(0, 1000) + all] as const)
  t.equal(leaksIn(leaky, safe.secrets).length, texts.length * safe.secrets.size)
})
