/** What is huge, deep, slow or never ends costs whoever sends it: the server answers, and goes on for the others. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { App } from '../../src/http/app.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { appWith, sourceEntry, storedApp } from '../app.ts'
import { world } from '../telemetry/world.ts'
import { answer, failureOf, rawServer, testClient } from '../upstream/fixtures/servers.ts'

t.setTimeout(300_000)

const lists = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const objects = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
const numbers = (count: number) => `[${Array(count).fill('1').join()}]`
const members = (count: number) => `{${Array.from({ length: count }, (_, n) => `"${n}":1`).join()}}`

/** As JSON. */
const monsters: Readonly<Record<string, string>> = {
  'lists in lists': lists(100_000),
  'objects in objects': objects(100_000),
  'a long list': numbers(130_000),
  'many members': members(20_000),
  'long lists of a filter': `{"tags":${numbers(130_000)},"types":${numbers(1000)}}`,
  'members whose names collide': `{${Array.from({ length: 20_000 }, (_, n) => `"${(n * 2 ** 21).toString(36)}":1`).join()}}`,
  'the same member again and again': `{${Array(20_000).fill('"a":1').join()}}`,
  'a number beyond all': '1e400',
  'a number of many digits': '1'.repeat(100_000),
  'a small number of many digits': `0.${'0'.repeat(100_000)}1`,
  'a long text': JSON.stringify('x'.repeat(300_000)),
  'a text of escapes': `"${'\\u0000'.repeat(30_000)}"`,
  'half a pair': '"\\ud800"',
  'another prototype': '{"__proto__":{"polluted":1}}',
  'another constructor': '{"constructor":{"prototype":{"polluted":1}}}',
}

const push = '/api/v1/push/darktrace'
const preview = '/api/v1/bridges/desk/templates/preview'
const indicator = (member: string) => (value: string) =>
  `{"dryRun":true,"indicators":[{"type":"domain","value":"a.example","${member}":${value}}]}`
const places: readonly (readonly [url: string, body: (value: string) => string])[] = [
  [push, (value) => value],
  [push, (value) => `{"indicators":${value},"dryRun":true}`],
  [push, (value) => `{"indicators":[${value}],"dryRun":true}`],
  ...['raw', 'tags', 'hashes', 'relationships', 'observations', 'threatAssess', 'description'].map(
    (member) => [push, indicator(member)] as const,
  ),
  [push, (value) => `{"indicators":[{"type":"domain","value":${value}}],"dryRun":true}`],
  [push, (value) => `{"indicators":["a.example"],"dryRun":true,"options":${value}}`],
  [push, (value) => `{"filter":${value},"dryRun":true}`],
  [push, (value) => `{"feed":${value},"dryRun":true}`],
  ['/api/v1/tc-get-indicators', (value) => value],
  ['/api/v1/tc-get-indicators', (value) => `{"tags":${value},"explain":true}`],
  ['/api/v1/tc-get-indicators', (value) => `{"tql_query":${value},"explain":true}`],
  ['/api/v1/tc-get-indicators', (value) => `{"limit":${value},"explain":true}`],
  [preview, (value) => `{"template":"update","source":${value},"ticket":{"ticketId":"1"}}`],
  [
    preview,
    (value) => `{"template":"update","source":{"properties":{"a":${value}}},"ticket":{"ticketId":"1"}}`,
  ],
  [preview, (value) => `{"template":"update","source":"x","ticket":${value}}`],
  [
    preview,
    (value) =>
      `{"template":"update","source":{"properties":{"x":"{{ a }}"}},"ticket":{"ticketId":"1","a":${value}}}`,
  ],
  ['/api/v1/bridges/desk/hook', (value) => `{"incidentId":${value}}`],
]

t.test('no body is too much for the server: each is answered, in words that can be read', async (t) => {
  const { app } = await world(t)
  const prototype = Object.getOwnPropertyNames(Object.prototype).join()
  const wrong: string[] = []
  for (const [turn, [url, make]] of places.entries()) {
    // Every other one at each place, so that neighbours have the rest.
    for (const [what, value] of Object.entries(monsters).filter((_, index) => (index + turn) % 2 === 0)) {
      const request = { method: 'POST', url, headers: { 'content-type': 'application/json' } } as const
      const { statusCode, body } = await app.inject({ ...request, payload: make(value) })
      // What was sent comes back once where that is what was asked for.
      const isShort = body.length < 100_000 || (statusCode === 200 && body.length < 1_200_000)
      if (statusCode >= 500 || !isShort)
        wrong.push(`${what} at ${url} ${make('…')}: ${statusCode}, ${body.length}`)
    }
  }
  t.strictSame(wrong, [])
  t.equal(Object.getOwnPropertyNames(Object.prototype).join(), prototype)
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test(
  'no record is too much for a fetch: it is stored or told as unreadable, and the others are there',
  async (t) => {
    const record = (id: number, inner: string) =>
      `{"id":${id},"type":"Host","summary":"host${id}.example","ownerName":"Example","dateAdded":"2024-01-02T01:07:13Z",${inner}}`
    const inners = [
      ...Object.values(monsters).flatMap((value) => [`"description":${value}`, `"tags":{"data":[${value}]}`]),
      ...Object.values(monsters).flatMap((value) => [`"attributes":{"data":${value}}`, `"rating":${value}`]),
      '"__proto__":{"active":true}',
      '"constructor":{"prototype":{"type":"File"}}',
      '"hasOwnProperty":1,"toString":1,"valueOf":null',
    ]
    const indicators = inners.map((inner, index) => ({
      type: 'Host',
      summary: `host${index + 1}.example`,
      id: index + 1,
      json: record(index + 1, inner),
    }))
    const simulator = await startThreatConnectSimulator({ indicators })
    t.teardown(() => simulator.close())
    const { app, schedule } = await storedApp(t, {
      sources: [{ every: 'off', ...sourceEntry(simulator.url, { settings: { pageSize: 5 } }) }],
      feeds: [{ name: 'all' }],
    })
    await schedule.start()
    const run = (await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60' })).json()
    t.equal(run.received, inners.length, JSON.stringify(run).slice(0, 500))
    t.equal(run.received, run.stored + run.updated + run.unchanged + run.excluded + run.unreadableCount)
    t.ok(run.stored >= inners.length / 2, `${run.stored} stored, ${run.unreadableCount} unreadable`)
    t.strictSame({}, Object.create(Object.prototype))
    for (const extension of ['json', 'csv', 'txt', 'stix.json', 'misp.json']) {
      t.equal((await app.inject(`/feeds/all.${extension}`)).statusCode, 200, extension)
    }
  },
)

t.test('a body of a vendor is decompressed as was asked for and in no other way', async (t) => {
  let coding = ''
  const server = await rawServer(() => answer(200, { 'content-encoding': coding }, '\x1f\x8b\x08\x00'))
  const client = testClient(`http://127.0.0.1:${server.port}`)
  for (coding of ['gzip, gzip', 'br, gzip', 'gzip,br', 'zstd', 'compress', 'gzip;q=1', 'aes128gcm', 'dcb']) {
    const error = await failureOf(client, { method: 'GET', path: '/' })
    t.match(error, { kind: 'unreadable', message: /in the encoding ".*", which was not asked for/ }, coding)
  }
  client.close()
  await server.close()
})

async function listening(t: Test, log = pino({ level: 'silent' })): Promise<{ app: App; port: number }> {
  const app = await appWith({ feeds: [{ name: 'all' }] }, log)
  t.teardown(() => app.close())
  return { app, port: Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port) }
}

function open(t: Test, port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket))
    socket.on('error', () => {})
    t.teardown(() => void socket.destroy())
  })
}

t.test('two thousand clients that say nothing, or half of it, keep nobody else waiting', async (t) => {
  const { port } = await listening(t)
  const sockets = await Promise.all(Array.from({ length: 2000 }, () => open(t, port)))
  for (const [index, socket] of sockets.entries()) {
    if (index % 4 === 1) socket.write('GET /livez HTTP/1.1\r\nHost: x')
    if (index % 4 === 2)
      socket.write(
        'POST /api/v1/push/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{',
      )
    if (index % 4 === 3)
      socket.write(
        'POST /api/v1/push/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n',
      )
  }
  for (let turn = 0; turn < 20; turn++) {
    const { status } = await fetch(`http://127.0.0.1:${port}/livez`)
    t.equal(status, 200)
  }
})

t.test('clients that ask again and again and read nothing do not fill the memory', async (t) => {
  const { port } = await listening(t)
  const size = (await (await fetch(`http://127.0.0.1:${port}/openapi.json`)).text()).length
  const ask = 'GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n'
  const before = process.memoryUsage().rss
  for (let client = 0; client < 20; client++) {
    const socket = await open(t, port)
    socket.pause()
    socket.write(ask.repeat(300))
  }
  // As long as everything would take to be written.
  for (let turn = 0; turn < 20; turn++) {
    t.equal((await fetch(`http://127.0.0.1:${port}/openapi.json`)).status, 200)
    await wait(10)
  }
  const grown = process.memoryUsage().rss - before
  t.ok(size * 20 * 300 > 1_000_000_000, 'all of it would be more than a gigabyte')
  t.ok(grown < 300_000_000, `${grown} bytes more`)
})

t.test('connections beyond the limit are refused, told once, and those before them served', async (t) => {
  const lines: string[] = []
  const stream = new PassThrough()
  stream.on('data', (chunk) => lines.push(String(chunk)))
  const { app, port } = await listening(t, pino(stream))
  t.equal(app.server.maxConnections, 10_000)
  app.server.maxConnections = 3
  const first = await Promise.all([open(t, port), open(t, port)])
  await wait(50)
  const others = await Promise.all(Array.from({ length: 20 }, () => open(t, port)))
  const gone = () =>
    others.filter((socket) => socket.readableEnded || socket.destroyed || socket.readyState !== 'open')
  for (let tries = 0; tries < 200 && gone().length < 19; tries++) await wait(50)
  t.equal(gone().length, 19)
  for (const socket of first) {
    socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
    const [received] = await once(socket, 'data', { signal: AbortSignal.timeout(5000) })
    t.match(String(received), /^HTTP\/1.1 200/)
  }
  t.equal(lines.filter((line) => line.includes('connections are refused')).length, 1)
})
