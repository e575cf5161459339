import { gunzipSync } from 'node:zlib'
import t from 'tap'
import type { Fault } from '../../src/simulation/faults.ts'
import { type SimulatorOptions, startSimulator } from '../../src/simulation/simulator.ts'
import { ask, askRaw, type Seen } from './bare-client.ts'

const sound = {
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: '{"data":["grün"],"status":"Success"}',
}
const soundBytes = Buffer.byteLength(sound.body)

async function start(test: Pick<typeof t, 'teardown'>, options: Partial<SimulatorOptions> = {}) {
  const simulator = await startSimulator({ handle: () => sound, ...options })
  test.teardown(() => simulator.close())
  return simulator
}

t.test('a request is logged exactly as it came, and answered by the handler', async (t) => {
  const now = Date.UTC(2024, 4, 1, 12)
  const { url, port, requests } = await start(t, { now: () => now })
  t.equal(url, `http://127.0.0.1:${port}`)

  const path = "/api/v3/x?tql=a%20b+c'(%22)&&fields=%e2%82%ac#frag"
  const seen = await ask(url, path, { method: 'POST', headers: { 'X-Own': 'a b' }, body: '{"ü":1}' })
  t.equal(seen.status, 200)
  t.equal(seen.body.toString(), sound.body)
  t.equal(seen.headers['content-length'], String(soundBytes))
  t.equal(seen.headers.date, 'Wed, 01 May 2024 12:00:00 GMT')
  t.match(requests, [{ method: 'POST', url: path, body: '{"ü":1}', receivedAt: now }])
  t.equal(requests[0]?.headers['x-own'], 'a b')
})

t.test('the log keeps the newest requests only', async (t) => {
  const { url, requests } = await start(t, { logLimit: 3 })
  for (const path of ['/1', '/2', '/3', '/4', '/5']) await ask(url, path)
  t.same(
    requests.map((request) => request.url),
    ['/3', '/4', '/5'],
  )
})

t.test('each fault looks on the wire as it does in life', async (t) => {
  const { url, fail } = await start(t)
  const cases: readonly (readonly [what: string, fault: Fault, check: (seen: Seen) => void])[] = [
    [
      'too many requests',
      { kind: 'status', status: 429, headers: { 'retry-after': '7' }, body: 'slow down' },
      (seen) => {
        t.match(seen, { status: 429, headers: { 'retry-after': '7' } })
        t.equal(seen.body.toString(), 'slow down')
      },
    ],
    [
      'a bare 503',
      { kind: 'status', status: 503 },
      (seen) => t.match(seen, { status: 503, body: Buffer.alloc(0) }),
    ],
    [
      'a login page',
      { kind: 'html' },
      (seen) => {
        t.match(seen, { status: 200, headers: { 'content-type': /^text\/html/ } })
        t.match(seen.body.toString(), /<title>Sign in/)
      },
    ],
    [
      'half a body',
      { kind: 'half-body' },
      (seen) => {
        t.match(seen, { status: 200, error: 'ECONNRESET', headers: { 'content-length': String(soundBytes) } })
        t.equal(seen.body.length, soundBytes >> 1)
      },
    ],
    [
      'cut JSON in a whole answer',
      { kind: 'cut-json' },
      (seen) => {
        t.match(seen, { status: 200, headers: { 'content-type': 'application/json' } })
        t.equal(seen.error, undefined)
        t.equal(seen.body.length, soundBytes >> 1)
        t.throws(() => JSON.parse(seen.body.toString()))
      },
    ],
    ['a reset', { kind: 'reset' }, (seen) => t.match(seen, { status: 0, error: 'ECONNRESET' })],
    ['a delay', { kind: 'delay', ms: 1 }, (seen) => t.equal(seen.body.toString(), sound.body)],
    [
      'a delay, then a fault',
      { kind: 'delay', ms: 1, next: { kind: 'status', status: 504 } },
      (seen) => t.equal(seen.status, 504),
    ],
    [
      'a body that drips',
      { kind: 'drip', bytes: 5, everyMs: 1 },
      (seen) => {
        t.equal(seen.body.toString(), sound.body)
        t.ok(seen.chunks > 2, `it came in ${seen.chunks} pieces`)
      },
    ],
    [
      'a redirect',
      { kind: 'redirect', location: 'https://elsewhere.example/' },
      (seen) => t.match(seen, { status: 302, headers: { location: 'https://elsewhere.example/' } }),
    ],
    [
      'a lasting redirect',
      { kind: 'redirect', location: '/x', status: 308 },
      (seen) => t.match(seen, { status: 308, headers: { location: '/x' } }),
    ],
    [
      'not Success',
      { kind: 'not-success' },
      (seen) => {
        t.equal(seen.status, 200)
        t.equal(JSON.parse(seen.body.toString()).status, 'Error')
      },
    ],
    [
      'another kind of not Success',
      { kind: 'not-success', body: '{"status":"Failure"}' },
      (seen) => t.equal(seen.body.toString(), '{"status":"Failure"}'),
    ],
    [
      'XML',
      { kind: 'wrong-content' },
      (seen) => t.match(seen, { status: 200, headers: { 'content-type': 'application/xml' } }),
    ],
    [
      'an image',
      { kind: 'wrong-content', contentType: 'image/png', body: 'PNG' },
      (seen) => t.match(seen, { status: 200, headers: { 'content-type': 'image/png' } }),
    ],
  ]
  for (const [what, fault, check] of cases) {
    fail(fault)
    const seen = await ask(url, '/')
    t.comment(what)
    check(seen)
    t.equal((await ask(url, '/')).body.toString(), sound.body, `after ${what} all is well again`)
  }
})

t.test('a request is carried out once, and then meets the fault; a label changes nothing else', async (t) => {
  let carriedOut = 0
  const handle = () => {
    carriedOut++
    return sound
  }
  const { url, fail } = await start(t, { handle })
  fail({ kind: 'carried-out', next: { kind: 'reset' } })
  t.match(await ask(url, '/'), { status: 0, error: 'ECONNRESET' })
  t.equal(carriedOut, 1)
  fail({ kind: 'carried-out', next: { kind: 'half-body' } })
  t.equal((await ask(url, '/')).body.length, soundBytes >> 1)
  t.equal(carriedOut, 2)
  fail({ kind: 'mislabelled', contentType: 'text/html' })
  const seen = await ask(url, '/')
  t.match(seen, { status: 200, headers: { 'content-type': 'text/html' } })
  t.equal(seen.body.toString(), sound.body)
})

t.test("a time of day to try again is by the simulator's clock", async (t) => {
  const { url, fail } = await start(t, { now: () => Date.UTC(2024, 4, 1, 12) })
  fail({ kind: 'status', status: 429, retryAtMs: 90_000 })
  t.match(await ask(url, '/'), { status: 429, headers: { 'retry-after': 'Wed, 01 May 2024 12:01:30 GMT' } })
})

t.test('a drip without end lasts until the client has had enough', async (t) => {
  const { url, fail } = await start(t)
  fail({ kind: 'endless-drip', everyMs: 1 })
  const seen = await ask(url, '/', { stopAfter: 20 })
  t.match(seen, { status: 200, error: 'STOPPED', headers: { 'transfer-encoding': 'chunked' } })
  t.equal(seen.body.toString().trim(), '')
  t.ok(seen.chunks > 2, `it came in ${seen.chunks} pieces`)
})

t.test('an endless body lasts until the client has had enough', async (t) => {
  const { url, fail } = await start(t)
  fail({ kind: 'huge' })
  const seen = await ask(url, '/', { stopAfter: 4_000_000 })
  t.match(seen, { status: 200, error: 'STOPPED', headers: { 'transfer-encoding': 'chunked' } })
  t.ok(seen.body.length >= 4_000_000)
  t.match(seen.body.subarray(0, 40).toString(), /^\{"status":"Success","data":\[/)
  t.equal((await ask(url, '/')).status, 200)
})

t.test('a gzip bomb is small, and unpacks to valid JSON of the size asked for', async (t) => {
  const { url, fail } = await start(t)
  const bytes = 16 * 1_048_576
  fail({ kind: 'gzip-bomb', bytes })
  const seen = await ask(url, '/')
  t.match(seen, { status: 200, headers: { 'content-encoding': 'gzip' } })
  t.ok(seen.body.length < bytes / 500, `${seen.body.length} bytes on the wire`)
  const text = gunzipSync(seen.body).toString()
  t.ok(text.length >= bytes)
  t.same(JSON.parse(text), { data: [], status: 'Success' })
})

t.test('faults wait in a queue for the requests they are meant for', async (t) => {
  const simulator = await start(t)
  const { url, fail, clearFaults } = simulator
  const status = async (path: string) => (await ask(url, path)).status

  fail({ kind: 'status', status: 500 }, { times: 2 })
  fail({ kind: 'status', status: 501 })
  t.same([await status('/'), await status('/'), await status('/'), await status('/')], [500, 500, 501, 200])

  fail(
    { kind: 'status', status: 503 },
    { times: 'always', when: (request) => request.url.startsWith('/bad') },
  )
  t.same(
    [await status('/bad'), await status('/good'), await status('/bad/1'), await status('/bad')],
    [503, 200, 503, 503],
  )
  clearFaults()
  t.equal(await status('/bad'), 200)
})

t.test('closing ends what is under way at once', async (t) => {
  const simulator = await start(t)
  const { url, fail, requests } = simulator
  fail({ kind: 'delay', ms: 3_600_000 }, { when: (request) => request.url === '/slow' })
  fail({ kind: 'drip', bytes: 1, everyMs: 3_600_000 }, { when: (request) => request.url === '/drip' })
  fail({ kind: 'silence' }, { when: (request) => request.url === '/silent' })
  const paths = ['/slow', '/drip', '/silent']
  const slow = paths.map((path) => ask(url, path))
  const arrived = (path: string) => requests.some((request) => request.url === path)
  while (!paths.every(arrived)) await ask(url, '/other')
  await Promise.all([simulator.close(), simulator.close()])
  t.match(
    await Promise.all(slow),
    paths.map(() => ({ error: 'ECONNRESET' })),
  )
  t.match(await ask(url, '/'), { status: 0, error: 'ECONNREFUSED' })
})

t.test('what is not HTTP is refused in the vendor’s own words, and logged', async (t) => {
  const reasons: string[] = []
  const { url, requests } = await start(t, {
    now: () => 0,
    refuse: (_request, reason) => {
      reasons.push(reason)
      return { status: 401, headers: { 'content-type': 'application/json' }, body: '{"message":"ü"}' }
    },
  })
  const answer = await askRaw(url, 'GET /a b?tql=c d HTTP/1.1\r\nhost: x\r\n\r\n')
  t.match(answer, /^HTTP\/1\.1 401 /)
  t.match(answer, /\r\ncontent-length: 16\r\n\r\n\{"message":"ü"\}$/)
  t.match(answer, /\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n/)
  t.match(requests, [{ method: 'GET', url: '/a b?tql=c d' }])

  t.match(await ask(url, `/?tql=${'x'.repeat(20_000)}`), { status: 401 })
  t.equal(reasons[1], 'HPE_HEADER_OVERFLOW')
})

t.test('without own words it is a 400', async (t) => {
  const { url } = await start(t)
  t.match(await askRaw(url, 'nonsense\r\n\r\n'), /^HTTP\/1\.1 400 /)
})

t.test('a handler that fails is seen as a defect of the simulator', async (t) => {
  const { url } = await start(t, {
    handle: () => {
      throw new Error('oops')
    },
  })
  const seen = await ask(url, '/')
  t.equal(seen.status, 500)
  t.match(seen.body.toString(), /^The simulator failed: Error: oops/)
})

t.test('a port that is taken is an error', async (t) => {
  const { port } = await start(t)
  await t.rejects(startSimulator({ handle: () => sound, port }), { code: 'EADDRINUSE' })
})
