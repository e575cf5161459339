import t from 'tap'
import type { HttpRequest, UpstreamSeen } from '../../src/upstream/http-client.ts'
import { answer, clock, forwardProxy, rawServer, secretRequest, testClient } from './fixtures/servers.ts'

const date = (ms: number) => new Date(ms).toUTCString()

async function seenOf(
  bytes: Buffer | undefined,
  request: HttpRequest,
  more = {},
): Promise<readonly UpstreamSeen[]> {
  const server = await rawServer(({ socket }) => bytes ?? void socket.destroy())
  const seen: UpstreamSeen[] = []
  const client = testClient(`http://127.0.0.1:${server.port}`, { watch: (each) => seen.push(each), ...more })
  await client.send(request).catch(() => undefined)
  client.close()
  await server.close()
  return seen
}

t.test('each request is told once: what came of it, and nothing of its address or content', async (t) => {
  const get = secretRequest()
  const post = secretRequest({ method: 'POST' })
  const cases: readonly (readonly [string, Buffer | undefined, HttpRequest, Partial<UpstreamSeen>])[] = [
    ['a success', answer(200), get, { status: 200 }],
    ['refused credentials', answer(401), get, { status: 401, failure: 'credentials' }],
    ['too many requests', answer(429), get, { status: 429, failure: 'throttled' }],
    ['not available', answer(503), post, { status: 503, failure: 'unavailable' }],
    ['no answer to a read', undefined, get, { failure: 'unavailable' }],
    ['no answer to a write', undefined, post, { failure: 'outcome-unknown' }],
    [
      'an answer that is too large',
      Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n1'),
      { ...get, maxBytes: 5 },
      { status: 200, failure: 'unreadable' },
    ],
    [
      "the vendor's own reading",
      answer(400),
      {
        ...get,
        translate: () => {
          throw new Error('no failure of the vendor')
        },
      },
      { status: 400, failure: 'rejected' },
    ],
  ]
  for (const [what, bytes, request, expected] of cases) {
    const seen = await seenOf(bytes, request)
    t.strictSame(seen, [{ service: 'acme', method: request.method, ms: 0, ...expected }], what)
  }
})

t.test('what was kept back is no request; what its caller ended is one', async (t) => {
  const refused = {
    ...secretRequest(),
    sign: () => {
      throw new Error('kept back')
    },
  }
  t.strictSame(await seenOf(answer(200), refused), [])
  t.strictSame(await seenOf(answer(200), { ...secretRequest(), path: '//elsewhere' }), [])
  t.strictSame(await seenOf(answer(200), { ...secretRequest(), signal: AbortSignal.abort() }), [])

  const controller = new AbortController()
  const server = await rawServer(() => void controller.abort())
  const seen: UpstreamSeen[] = []
  const client = testClient(`http://127.0.0.1:${server.port}`, { watch: (each) => seen.push(each) })
  await t.rejects(client.send({ ...secretRequest(), signal: controller.signal }))
  t.strictSame(seen, [{ service: 'acme', method: 'GET', ms: 0, failure: 'aborted' }])
  client.close()
  await server.close()
})

t.test('an answer tells how clocks differ and what is left of a quota, and only what it says', async (t) => {
  const cases: readonly (readonly [string, number, Record<string, string>, object])[] = [
    ['nothing', 200, {}, {}],
    ['our clock is ahead', 200, { date: date(clock - 90_000) }, { skewMs: 90_000 }],
    ['our clock is behind, on a refusal', 401, { date: date(clock + 400_000) }, { skewMs: -400_000 }],
    ['a date that is none', 200, { date: 'today' }, {}],
    ["a cache's date", 200, { date: date(clock - 90_000), age: '90' }, {}],
    ['fresh from a cache', 200, { date: date(clock), age: '0' }, { skewMs: 0 }],
    ['the draft', 200, { ratelimit: '"default";r=50;t=30' }, { remaining: 50 }],
    ['the draft, two quotas', 200, { ratelimit: '"a";r=50;t=30, "b" ; r=7' }, { remaining: 7 }],
    ['its older form', 200, { ratelimit: 'limit=100, remaining=12, reset=5' }, { remaining: 12 }],
    ['plain', 200, { 'ratelimit-remaining': '3' }, { remaining: 3 }],
    ['plain with X', 429, { 'x-ratelimit-remaining': '0' }, { remaining: 0 }],
    ['plain with X and more hyphens', 200, { 'x-rate-limit-remaining': ' 41 ' }, { remaining: 41 }],
    ['several windows', 200, { 'x-ratelimit-remaining': '9, 400' }, { remaining: 9 }],
    ['with a window beside', 200, { 'ratelimit-remaining': '9;w=60' }, { remaining: 9 }],
    ['no number', 200, { 'x-ratelimit-remaining': 'many' }, {}],
    ['without a limit', 200, { 'x-ratelimit-remaining': '-1' }, {}],
    ['a fraction', 200, { ratelimit: '"a";r=1.5' }, {}],
    ['another parameter', 200, { ratelimit: '"a";pr=8;t=3' }, {}],
    ['too long for a number', 200, { 'x-ratelimit-remaining': '9'.repeat(30) }, {}],
  ]
  for (const [what, status, headers, told] of cases) {
    const [seen] = await seenOf(answer(status, headers), secretRequest())
    const { skewMs, remaining } = seen ?? {}
    t.strictSame(
      { ...(skewMs !== undefined && { skewMs }), ...(remaining !== undefined && { remaining }) },
      told,
      what,
    )
  }
  const proxy = await forwardProxy({ refusal: 407 })
  const [ofProxy] = await seenOf(answer(200), secretRequest(), { proxy: `http://127.0.0.1:${proxy.port}` })
  t.match(
    ofProxy,
    { status: 407, failure: 'unavailable', skewMs: undefined },
    "a proxy's clock is not the vendor's",
  )
  await proxy.close()
})

t.test('a watch that fails breaks no request and is told once', async (t) => {
  const server = await rawServer(() => answer(200, {}, 'good'))
  const client = testClient(`http://127.0.0.1:${server.port}`, {
    watch: () => {
      throw new Error('full')
    },
  })
  for (const _ of [1, 2, 3]) t.equal((await client.send(secretRequest())).body.toString(), 'good')
  t.equal(client.logged().match(/"level":40/g)?.length, 1)
  t.match(client.logged(), /what watches the requests failed/)
  client.close()
  await server.close()
})
