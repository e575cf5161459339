/**
 * Secrets of a bridge go out to the desk, the sink and the proxy before them, and nowhere else: not into the log, an
 * answer or the store, whatever of them comes back. The log is the one before secrets are taken out of its lines.
 */
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { createWholeServer } from '../../src/cli/server.ts'
import type { Answer, Fault } from '../../src/simulation/faults.ts'
import { type RecordedRequest, type Simulator, startSimulator } from '../../src/simulation/simulator.ts'
import { configOf } from '../app.ts'
import { leaksIn, tablesOf, type Vault, vault } from '../canary.ts'
import { freshDatabase } from '../store/database.ts'
import { forwardProxy } from '../upstream/fixtures/servers.ts'
import { type BareDesk, bareDesk, bareSink, deskSide, incident, json, sinkSide } from './bare-world.ts'
import type { Json } from './behaviours/world.ts'

t.setTimeout(90_000)

/** All of its credentials in a request, as a gateway that debugs may repeat them. */
function wordsOf({ url, headers, body }: RecordedRequest): string {
  const { authorization = '' } = headers
  const decoded = Buffer.from(authorization, 'latin1').toString()
  const basic = Buffer.from(/^Basic (.*)/.exec(authorization)?.[1] ?? '', 'base64').toString()
  const tenant = String(headers['x-tenant'] ?? '')
  const parts = [url, decodeURIComponent(url), decoded, authorization, basic, tenant]
  const pieces = [decoded, basic].flatMap((each) => [each.slice(each.indexOf(':') + 1)])
  const path = url.split(/[/?&=]/).filter((part) => part.length > 15)
  return [...parts, ...pieces, ...path, ...path.map(decodeURIComponent), body.slice(0, 100)]
    .filter((text) => text !== '')
    .join(' ; ')
}

type Echo = (words: string) => Fault

const answered = (status: number, body: unknown): Fault => ({
  kind: 'status',
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

/** Members that one of the products shows words in, or that are shown of it. */
const everyMember = (words: string) => ({
  ...{ success: false, title: words, message: words, hints: [words], error_code: words, code: words },
  ...{ error: words, errors: [{ message: words, detail: words }], errorMessage: words, reason: words },
  ...{ id: `https://x.example/${words}`, url: `https://x.example/?back=${encodeURIComponent(words)}` },
  assignTicketToSoc: { code: words, message: words },
})

const echoes: readonly Echo[] = [
  ...[400, 404, 403, 401, 500, 200].flatMap((status): Echo[] => [
    (words) => answered(status, everyMember(words)),
    (words) => ({
      kind: 'status',
      status,
      headers: { 'content-type': 'text/plain' },
      body: `${'x'.repeat(480)} ${words}`,
    }),
  ]),
  // Of an acknowledgement: a code is short.
  (words) => answered(200, [{ code: words.split(' ; ')[2] }]),
  (words) =>
    answered(200, { orgs: [{ id: 1, name: words, uuid: words, cloud_account: words, enabled: true }] }),
  (words) => ({ kind: 'html', body: `<html><title>${words}</title>${words}</html>` }),
  (words) => ({ kind: 'redirect', location: `https://elsewhere.example/?back=${encodeURIComponent(words)}` }),
  (words) => ({ kind: 'redirect', location: `https://${encodeURIComponent(words)}@elsewhere.example/` }),
  () => ({ kind: 'cut-json' }),
  () => ({ kind: 'reset' }),
]

type Which = (request: RecordedRequest) => boolean

const isAsking: Which = ({ url }) =>
  /\/tickets\/(updates|count)\?|\/rest\/session|query_paged|\/fields$/.test(url)
const isSession: Which = ({ url }) => url.includes('/rest/session')
const isWork: Which = (request) => !isAsking(request)

/** @returns how many requests met it by now */
function spoil(server: Simulator, echo: Echo, which: Which, times: number): () => number {
  let met = 0
  let words = ''
  const when = (request: RecordedRequest) => {
    if (!which(request)) return false
    words = wordsOf(request)
    met++
    return true
  }
  // Read when it is carried out, after `when`.
  const fault = new Proxy(echo(''), { get: (_, name) => Reflect.get(echo(words), name) })
  server.fail(fault, { when, times })
  return () => met
}

/** Each ticket comes twice, changed, and the next look has another one: there is always something to be done. */
function restless(): BareDesk {
  let looks = 0
  const ticket = (): Json => ({
    ...{
      ticketId: `IN${looks >> 1}`,
      version: `v${looks}`,
      ticketType: 'INCIDENT',
      groupingType: 'SECURITY',
    },
    ...{ status: 'Pending', priority: `${looks}`, dateCreated: 1538649244000, symptomDescription: 'x' },
    availableActions: { close: { available: 'true', closeCode: ['Inconclusive'] } },
    attachmentInfo: [{ id: `${looks}`, name: `${looks}.txt` }],
    worklogs: [{ dateCreated: 1539591207000 + looks, description: `note ${looks}` }],
  })
  return {
    ...bareDesk([]),
    updates: () => {
      looks += 1
      return json({ tickets: [ticket()] })
    },
    ticket: () => json(ticket()),
  }
}

/** Makes a new incident for each ticket. */
function fertile() {
  let id = 3000
  const read = ({ url }: RecordedRequest) =>
    json(incident({ id: Number(/incidents\/(\d+)/.exec(url)?.[1]), properties: {} }))
  return bareSink({ create: () => json(incident({ id: id++ })), read })
}

async function receiver(t: Test): Promise<Simulator> {
  const server = await startSimulator({ handle: (): Answer => json({ id: 'r1' }) })
  t.teardown(() => server.close())
  return server
}

/** Each kind of sink as it should be, with wrong secrets, and behind a proxy that does not let us through. */
async function bridgesOf(t: Test, safe: Vault) {
  const password = safe.make('password of the proxy')
  const open = await forwardProxy({ credentials: `our user:${password}` })
  const shut = await forwardProxy({ credentials: 'our user:another password' })
  for (const proxy of [open, shut]) t.teardown(() => proxy.close())
  const through = (port: number, of: string) =>
    `http://our%20user:${encodeURIComponent(of)}@127.0.0.1:${port}`
  const wrong = safe.make('wrong password of the proxy')
  const bridgeOf = async (name: string, kind: 'ibm-soar' | 'webhook', proxy: string) => {
    const desk = await deskSide(t, restless())
    const sink = kind === 'webhook' ? await receiver(t) : (await sinkSide(t, fertile())).server
    const token = safe.makeKey(`address-${name}`).replaceAll('/', '-')
    safe.secrets.set(`address-${name}`, token)
    const account = { username: 'Api-User', password: safe.make(`pässword of ${name}`) }
    const soar = { apiKeyId: 'an-id', apiKeySecret: safe.make(`secret of ${name}`) }
    const hook = {
      url: `${sink.url}/hooks/${token}?key=${encodeURIComponent(safe.make(`query of ${name}`))}`,
      secret: safe.make(`signing of ${name}`),
      headers: { 'X-Tenant': safe.makeKey(`header-${name}`) },
    }
    const retry = { attempts: 3, initial: '10ms', max: '50ms' }
    const common = { timeout: '2s', proxy }
    const settings =
      kind === 'webhook' ? hook : { baseUrl: sink.url, org: 'Test Org', ...soar, changesEvery: '1s' }
    return {
      name,
      servers: [desk.server, sink],
      entry: {
        ...{ name, retry, writeBack: true },
        ticketDesk: {
          kind: 'secureworks-ctp',
          settings: { baseUrl: `${desk.server.url}/api/ticket/v3`, ...account, every: 'off' },
          ...common,
        },
        incidentSink: { kind, settings, ...common },
      },
    }
  }
  return Promise.all([
    bridgeOf('soar', 'ibm-soar', through(open.port, password)),
    bridgeOf('hook', 'webhook', through(open.port, password)),
    bridgeOf('soar-behind', 'ibm-soar', through(shut.port, wrong)),
    bridgeOf('hook-behind', 'webhook', through(shut.port, wrong)),
  ])
}

t.test('no secret of a bridge gets into the log, an answer or the store', async (t) => {
  const safe = vault()
  const bridges = await bridgesOf(t, safe)
  const key = safe.makeKey('admin')
  const { url: database } = await freshDatabase(t)
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const config = configOf({
    auth: { keys: [{ id: 'admin', secret: key, scopes: ['admin'] }] },
    server: { requestsPerMinute: 0 },
    store: { url: database },
    bridges: bridges.map(({ entry }) => entry),
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
    })
    const text = await answer.text()
    answers.push([`${method} ${path}`, `${answer.status} ${JSON.stringify([...answer.headers])} ${text}`])
    return { status: answer.status, text }
  }
  const round = async (name: string) => {
    await ask('POST', `/api/v1/bridges/${name}/poll?wait=5`)
    await ask('POST', `/api/v1/bridges/${name}/check`)
    await ask('GET', `/api/v1/bridges/${name}`)
  }
  for (const { name } of bridges) await round(name)
  t.match((await ask('GET', '/api/v1/tickets/soar/IN0')).status, 200, 'all is well')

  const met = { asked: 0, worked: 0 }
  const spoilAll = async ({ name, servers }: (typeof bridges)[number]) => {
    for (const echo of echoes) {
      const asked = servers.flatMap((each) => [
        spoil(each, echo, isSession, 1),
        spoil(each, echo, isAsking, 2),
      ])
      const worked = servers.map((each) => spoil(each, echo, isWork, 3))
      for (let rounds = 0; rounds < 2; rounds++) {
        await ask('POST', `/api/v1/bridges/${name}/resume`)
        await round(name)
      }
      for (const of of asked) met.asked += of()
      for (const of of worked) met.worked += of()
      for (const each of servers) each.clearFaults()
    }
  }
  await Promise.all(bridges.slice(0, 2).map(spoilAll))
  t.ok(met.asked > 3 * echoes.length, `${met.asked} questions were answered with their own words`)
  t.ok(met.worked > 4 * echoes.length, `${met.worked} other requests were`)
  const effects = JSON.parse((await ask('GET', '/api/v1/effects?limit=100')).text) as {
    readonly data: readonly { readonly id: string }[]
  }
  for (const { id } of effects.data.slice(0, 20)) {
    await ask('GET', `/api/v1/effects/${id}`)
    await ask('POST', `/api/v1/effects/${id}/retry`)
  }
  for (const { name } of bridges) {
    await round(name)
    for (const path of ['/api/v1/effects?state=dead', '/api/v1/effects?state=failed', '/api/v1/tickets'])
      await ask('GET', path)
    await ask('GET', `/api/v1/bridges/${name}/polls`)
    await ask('POST', `/api/v1/bridges/${name}/install-fields`)
    await ask('POST', `/api/v1/tickets/${name}/IN0/resync`)
  }
  for (const path of ['/api/v1/bridges', '/metrics', '/readyz']) await ask('GET', path)
  const tables = await tablesOf(database)
  await server.stop()

  t.ok(lines.length > 100, `${lines.length} lines of the log`)
  t.ok(
    tables.some(([name, text]) => name.includes('effect') && text.includes('IN0')),
    'the tables were read',
  )
  const basic = (request: RecordedRequest) =>
    /^Basic (.*)/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  safe.note(
    'credentials',
    bridges.flatMap(({ servers }) => servers.flatMap(({ requests }) => requests.map(basic))),
  )
  t.ok(safe.secrets.size > 15, `${safe.secrets.size} secrets`)
  const texts = [['the log', lines.join('')] as const, ...answers, ...tables]
  t.same(leaksIn(texts, safe.secrets).slice(0, 10), [])
  // Each would be seen, wherever it were.
  const all = JSON.stringify([...safe.secrets.values()])
  const leaky = texts.map(([where, text]) => [where, text.slice(0, 1000) + all] as const)
  t.equal(leaksIn(leaky, safe.secrets).length, texts.length * safe.secrets.size)
})
