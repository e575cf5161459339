/** The rules of the HTTP shell, met as clients meet them. */
import { createHash } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { Readable } from 'node:stream'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import Type from 'typebox'
import { errorTable, ServiceError, UpstreamError, type UpstreamErrorKind } from '../../src/errors.ts'
import type { App, RoutePlugin } from '../../src/http/app.ts'
import { grants } from '../../src/http/auth.ts'
import { listenHost } from '../../src/http/loopback.ts'
import type { Problem } from '../../src/http/problem.ts'
import { createServer, type ServerOptions } from '../../src/http/server.ts'

const digest = (secret: string) => createHash('sha256').update(secret).digest('hex')

const keys = [
  { id: 'soar', digests: [digest('soar-new'), digest('soar-old')], scopes: ['indicators:read', 'push:*'] },
  { id: 'edge-fw', digests: [digest('fw-secret')], scopes: ['feeds:read:block-ip'] },
  { id: 'reader', digests: [digest('reader-secret')], scopes: ['feeds:read', 'push:darktrace'] },
  { id: 'root', digests: [digest('root-secret')], scopes: ['admin'] },
]

/** As an HTTP client of a library throws it: with the request, and the credentials in it. */
function libraryError(): Error {
  return Object.assign(new Error('boom at /srv/secret-path'), {
    options: { headers: { authorization: 'TC abc' } },
  })
}

const failures: Readonly<Record<string, () => unknown>> = {
  service: () => new ServiceError('SOURCE_UNKNOWN', 'no source "tcc"; there are: tc'),
  query: () => new ServiceError('QUERY_REFUSED', 'Invalid TQL'),
  library: libraryError,
  text: () => 'just a text',
  throttled: () =>
    new UpstreamError('throttled', 'slow down', {
      service: 'threatconnect',
      status: 429,
      retryAfterMs: 61_001,
    }),
  hurried: () => new UpstreamError('throttled', 'slow down', { service: 'threatconnect', retryAfterMs: 3 }),
}

const routes: RoutePlugin = (app) => {
  const schema = { hide: true }
  app.get('/api/v1/things', { config: { scope: 'indicators:read' }, schema }, () => ({ data: [] }))
  app.get('/api/v1/things/:id', { config: { scope: 'indicators:read' }, schema }, (request) => request.params)
  app.post('/api/v1/things/lookup', { config: { scope: 'indicators:read', audit: false }, schema }, () => ({
    found: true,
  }))
  app.get('/feeds', { config: { scope: 'authenticated' }, schema }, () => ({ data: [] }))
  app.get(
    '/feeds/:name',
    { config: { scope: ({ name }) => `feeds:read:${name}` }, schema },
    (request, reply) => reply.type('text/plain').send(`for ${request.key}\n`),
  )
  app.post(
    '/api/v1/push/:exporter',
    { config: { scope: ({ exporter }) => `push:${exporter}`, audit: false }, schema },
    () => ({}),
  )
  app.post(
    '/api/v1/echo',
    {
      config: { scope: 'public', audit: false },
      schema: { ...schema, body: Type.Object({ text: Type.Optional(Type.String()) }) },
    },
    (request) => request.body,
  )
  app.get('/fail/:how', { config: { scope: 'public', anyQuery: true }, schema }, (request) => {
    const { how } = request.params as { how: string }
    const kind = how as UpstreamErrorKind
    throw (
      failures[how]?.() ??
      new UpstreamError(kind, `it is ${kind}`, { service: 'threatconnect', status: 418, code: '0x1' })
    )
  })
}

async function start(t: Test, options: Partial<ServerOptions> = {}): Promise<App> {
  const app = await createServer({
    keys,
    trustProxy: false,
    requestsPerMinute: 0,
    logger: 'silent',
    version: '1.2.3',
    routes: [routes],
    isReady: async () => ({ ok: true, reasons: [] }),
    ...options,
  })
  t.teardown(() => app.close())
  return app
}

/** Asserts everything that every problem has in common. */
function isProblem(
  t: Test,
  answer: { headers: object; statusCode: number; body: string },
  what: string,
): Problem {
  const problem: Problem = JSON.parse(answer.body)
  const headers = answer.headers as Record<string, unknown>
  const row = errorTable[problem.code]
  t.equal(headers['content-type'], 'application/problem+json', `${what}: media type`)
  t.match(
    problem,
    {
      title: row.title,
      status: row.status,
      detail: /\S/,
      instance: /^\//,
      requestId: headers['x-request-id'],
    },
    `${what}: members`,
  )
  t.equal(answer.statusCode, row.status, `${what}: the status of the code`)
  t.notMatch(problem.instance, /[?#]/, `${what}: no query in the instance`)
  t.equal(headers['x-content-type-options'], 'nosniff', `${what}: nosniff`)
  return problem
}

t.test('a key opens what its scopes say, in every way that it can be presented', async (t) => {
  const app = await start(t)
  const bearer = (key: string) => ({ authorization: `Bearer ${key}` })
  const basic = (user: string, key: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${key}`).toString('base64')}`,
  })
  const things = '/api/v1/things'
  const block = '/feeds/block-ip'
  const cases: readonly (readonly [
    what: string,
    url: string,
    headers: Record<string, string>,
    outcome: string | number,
  ])[] = [
    ['no key', things, {}, 'KEY_MISSING'],
    ['Bearer', things, bearer('soar-new'), 200],
    ['the second live secret', things, bearer('soar-old'), 200],
    ['the scheme in another case', things, { authorization: 'bearer soar-new' }, 200],
    ['X-API-Key', things, { 'x-api-key': 'soar-new' }, 200],
    ['both headers, one key', things, { ...bearer('soar-new'), 'x-api-key': 'soar-new' }, 200],
    [
      'both headers, two keys',
      things,
      { ...bearer('soar-new'), 'x-api-key': 'fw-secret' },
      'REQUEST_MALFORMED',
    ],
    ['an unknown key', things, bearer('soar-newer'), 'KEY_UNKNOWN'],
    ['an empty key', things, { 'x-api-key': '' }, 'KEY_MISSING'],
    ['a digest instead of a key', things, bearer(digest('soar-new')), 'KEY_UNKNOWN'],
    ['the key alone in Authorization', things, { authorization: 'soar-new' }, 'KEY_MISSING'],
    ['Basic where it is not taken', things, basic('soar', 'soar-new'), 'KEY_MISSING'],
    ['a key without the scope', things, bearer('fw-secret'), 'SCOPE_MISSING'],
    ['admin', things, bearer('root-secret'), 200],
    ['a feed by its own scope', block, bearer('fw-secret'), 200],
    ['another feed', '/feeds/block-url', bearer('fw-secret'), 'SCOPE_MISSING'],
    ['every feed', '/feeds/block-url', bearer('reader-secret'), 200],
    ['no feed scope', block, bearer('soar-new'), 'SCOPE_MISSING'],
    ['Basic', block, basic('edge-fw', 'fw-secret'), 200],
    ['Basic with the user of another key', block, basic('reader', 'fw-secret'), 'KEY_UNKNOWN'],
    ['Basic without a colon', block, { authorization: 'Basic ZncK' }, 'KEY_MISSING'],
    ['any key for an authenticated route', '/api/v1/whoami', bearer('fw-secret'), 200],
    ['no key for an authenticated route', '/api/v1/whoami', {}, 'KEY_MISSING'],
    ['a public route with a wrong key', '/livez', bearer('nonsense'), 200],
  ]
  for (const [what, url, headers, outcome] of cases) {
    const answer = await app.inject({ url, headers })
    if (typeof outcome === 'number') t.equal(answer.statusCode, outcome, what)
    else t.equal(isProblem(t, answer, what).code, outcome, what)
    const challenge = String(answer.headers['www-authenticate'] ?? '')
    t.equal(/Bearer realm=/.test(challenge), answer.statusCode === 401, `${what}: a challenge only with 401`)
    t.equal(
      /Basic realm=/.test(challenge),
      answer.statusCode === 401 && url.startsWith('/feeds'),
      `${what}: Basic`,
    )
  }

  const push = (key: string, exporter: string) =>
    app.inject({ method: 'POST', url: `/api/v1/push/${exporter}`, headers: bearer(key) })
  t.equal((await push('soar-new', 'cofense')).statusCode, 200, 'push:* is every exporter')
  t.equal((await push('reader-secret', 'darktrace')).statusCode, 200, 'one exporter')
  const refused = isProblem(t, await push('reader-secret', 'cofense'), 'another exporter')
  t.match(refused.detail, '"push:cofense"', 'the missing scope is named')

  const who = await app.inject({ url: '/api/v1/whoami', headers: bearer('soar-old') })
  t.same(who.json(), { key: 'soar', scopes: ['indicators:read', 'push:*'] }, 'a key knows itself')
  t.equal(who.headers['cache-control'], 'no-store', 'and the answer is kept nowhere')
})

t.test('a scope covers what it names and nothing that only looks alike', async (t) => {
  const cases: readonly (readonly [scope: string, needed: string, covered: boolean])[] = [
    ['admin', 'tickets:write', true],
    ['tickets:read', 'tickets:write', false],
    ['push:*', 'push:cofense', true],
    ['push:*', 'pushy', false],
    ['push:cofense', 'push:*', false],
    ['feeds:read', 'feeds:read:x', true],
    ['feeds:read:x', 'feeds:read', false],
    ['feeds:read:x', 'feeds:read:xy', false],
    ['indicators:*', 'indicators:read', false],
  ]
  for (const [scope, needed, covered] of cases)
    t.equal(grants([scope], needed), covered, `${scope} for ${needed}`)
  t.notOk(grants([], 'indicators:read'), 'none')
})

t.test(
  'a key whose digest is no SHA-256 stops the start, and keys without digests open nothing',
  async (t) => {
    await t.rejects(
      start(t, { keys: [{ id: 'soar', digests: ['abc'], scopes: [] }] }),
      /"soar" is not a SHA-256/,
    )
    const app = await start(t, { keys: [{ id: 'soar', digests: [], scopes: ['admin'] }] })
    t.equal((await app.inject({ url: '/api/v1/things', headers: { 'x-api-key': 'x' } })).statusCode, 401)
  },
)

t.test('without keys everyone on this machine is admin, and nobody else is answered', async (t) => {
  const app = await start(t, { keys: [] })
  for (const host of ['localhost', 'LOCALHOST:8080', '127.0.0.1', '127.8.9.1:1', '[::1]:8080']) {
    const answer = await app.inject({ url: '/api/v1/whoami', headers: { host } })
    t.same(answer.json(), { key: null, scopes: ['admin'] }, host)
  }
  const others = [
    'evil.example',
    '10.0.0.1',
    '127.0.0.1.evil.example',
    'localhost.evil.example:80',
    '128.0.0.1',
    '[::2]',
  ]
  for (const host of others) {
    for (const url of ['/api/v1/whoami', '/livez', '/nowhere']) {
      const answer = await app.inject({ url, headers: { host } })
      t.equal(isProblem(t, answer, host).code, 'HOST_REFUSED', `${host} ${url}`)
    }
  }
  const post = (headers: Record<string, string>) =>
    app.inject({
      method: 'POST',
      url: '/api/v1/push/cofense',
      headers: { host: 'localhost:8080', ...headers },
    })
  t.equal(
    (await post({ origin: 'https://evil.example' })).json().code,
    'ORIGIN_REFUSED',
    "another site's page",
  )
  t.equal((await post({ origin: 'null' })).json().code, 'ORIGIN_REFUSED', 'a page without an origin')
  t.equal((await post({ origin: 'http://localhost:8080' })).statusCode, 200, 'our own page')

  t.same(listenHost('127.0.0.1', false), { host: '127.0.0.1' })
  t.same(listenHost('::1', false), { host: '::1' })
  t.same(listenHost('0.0.0.0', true), { host: '0.0.0.0' })
  t.match(listenHost('0.0.0.0', false), { host: '127.0.0.1', note: /instead of 0\.0\.0\.0.*auth\.keys/ })
})

t.test('every error of a route is a problem of its code, with what a client needs to go on', async (t) => {
  const app = await start(t)
  const kinds: readonly (readonly [UpstreamErrorKind, number, boolean, string | undefined])[] = [
    ['credentials', 502, false, undefined],
    ['permission', 502, false, undefined],
    ['clock-skew', 502, false, undefined],
    ['rejected', 502, false, undefined],
    ['unreadable', 502, false, undefined],
    ['outcome-unknown', 502, false, undefined],
    ['throttled', 503, true, '62'],
    ['unavailable', 503, true, '30'],
    ['timeout', 504, true, undefined],
  ]
  for (const [kind, status, retryable, retryAfter] of kinds) {
    const answer = await app.inject(`/fail/${kind}?secret=1`)
    const problem = isProblem(t, answer, kind)
    t.equal(answer.statusCode, status, kind)
    t.equal(problem.retryable, retryable, `${kind}: retryable`)
    t.equal(problem.instance, `/fail/${kind}`, `${kind}: instance`)
    t.equal(problem.type, `urn:indicator-feed-server:error:${problem.code}`, `${kind}: type`)
    t.equal(answer.headers['retry-after'], retryAfter, `${kind}: Retry-After`)
  }
  const refused = (await app.inject('/fail/rejected')).json<Problem>()
  t.same(refused.upstream, { service: 'threatconnect', status: 418, code: '0x1' }, 'the vendor is named')
  const hurried = await app.inject('/fail/hurried')
  t.same(hurried.json().upstream, { service: 'threatconnect' }, 'what is not known is left out')
  t.equal(hurried.headers['retry-after'], '1', 'no Retry-After below a second')

  t.equal(isProblem(t, await app.inject('/fail/service'), 'service').detail, 'no source "tcc"; there are: tc')
  t.equal((await app.inject('/fail/query')).statusCode, 422)
  for (const how of ['library', 'text']) {
    const answer = await app.inject(`/fail/${how}`)
    t.equal(isProblem(t, answer, how).code, 'INTERNAL')
    t.notMatch(answer.body, /boom|secret-path|TC abc|just a text/, `${how}: nothing leaks`)
  }
})

t.test("the framework's own errors are problems too", async (t) => {
  const app = await start(t)
  const json = { 'content-type': 'application/json' }
  const echo = { method: 'POST', url: '/api/v1/echo', headers: json } as const
  const cases: readonly (readonly [what: string, request: object, code: string, detail: RegExp])[] = [
    ['an unknown address', { url: '/nowhere?x=1' }, 'ROUTE_UNKNOWN', /\/nowhere$/],
    ['a body to an unknown address', { ...echo, url: '/nowhere', payload: '{' }, 'ROUTE_UNKNOWN', /nowhere/],
    ['a closing slash', { url: '/livez/' }, 'ROUTE_UNKNOWN', /livez\//],
    ['percent signs', { url: '/fail/%zz' }, 'REQUEST_MALFORMED', /percent-encoded/],
    ['bytes that are no UTF-8', { url: '/fail/%ff' }, 'REQUEST_MALFORMED', /percent-encoded/],
    ['a long part of the path', { url: `/fail/${'x'.repeat(4097)}` }, 'URI_TOO_LONG', /4096/],
    ['broken JSON', { ...echo, payload: '{"text": x}' }, 'REQUEST_MALFORMED', /JSON: Unexpected token 'x'$/],
    ['half of the JSON', { ...echo, payload: '{"text":' }, 'REQUEST_MALFORMED', /Unexpected end/],
    [
      'JSON with __proto__',
      { ...echo, payload: '{"__proto__":{"text":1}}' },
      'REQUEST_MALFORMED',
      /__proto__/,
    ],
    ['bytes for JSON', { ...echo, payload: Buffer.from([0x22, 0xff, 0x22]) }, 'REQUEST_MALFORMED', /UTF-8/],
    ['too large', { ...echo, payload: `"${'x'.repeat(1024 * 1024)}"` }, 'BODY_TOO_LARGE', /1048576 bytes/],
    [
      'text',
      { ...echo, headers: { 'content-type': 'text/plain' }, payload: 'x' },
      'MEDIA_TYPE_UNSUPPORTED',
      /"text\/plain"/,
    ],
    [
      'no type',
      { ...echo, headers: {}, payload: Buffer.from('x') },
      'MEDIA_TYPE_UNSUPPORTED',
      /no Content-Type/,
    ],
    [
      'nonsense as type',
      { ...echo, headers: { 'content-type': 'x' }, payload: 'x' },
      'MEDIA_TYPE_UNSUPPORTED',
      /application\/json/,
    ],
    [
      'another charset',
      { ...echo, headers: { 'content-type': 'application/json; charset=latin1' }, payload: '{}' },
      'MEDIA_TYPE_UNSUPPORTED',
      /latin1/,
    ],
    [
      'compressed',
      { ...echo, headers: { ...json, 'content-encoding': 'gzip' }, payload: '{}' },
      'MEDIA_TYPE_UNSUPPORTED',
      /"gzip"/,
    ],
    [
      'a GET with a body',
      { url: '/livez', headers: json, payload: '{"x":1}' },
      'REQUEST_MALFORMED',
      /GET takes no body/,
    ],
  ]
  for (const [what, request, code, detail] of cases) {
    const problem = isProblem(t, await app.inject(request), what)
    t.equal(problem.code, code, what)
    t.match(problem.detail, detail, what)
  }
  for (const headers of [{ 'content-type': 'application/json; charset="UTF-8"' }, json]) {
    const answer = await app.inject({ ...echo, headers, payload: '\ufeff{"text":"é"}' })
    t.same(answer.json(), { text: 'é' }, 'JSON in UTF-8, a byte order mark passed over')
  }
  for (const headers of [json, { 'content-type': 'application/x-www-form-urlencoded' }]) {
    const answer = await app.inject({ ...echo, headers: { ...headers, 'content-length': '0' }, payload: '' })
    t.equal(answer.statusCode, 200, 'an empty body is no body, whatever its type')
  }
})

t.test('every address tells which methods it takes', async (t) => {
  const app = await start(t)
  const cases: readonly (readonly [method: string, url: string, allow: string | undefined])[] = [
    ['POST', '/livez', 'GET, HEAD'],
    ['OPTIONS', '/livez', 'GET, HEAD'],
    ['DELETE', '/api/v1/push/x', 'POST'],
    ['GET', '/api/v1/push/x', 'POST'],
    ['HEAD', '/api/v1/push/x', 'POST'],
    ['PUT', '/api/v1/things/7', 'GET, HEAD'],
    ['PUT', '/api/v1/things/lookup', 'GET, HEAD, POST'],
    ['PROPFIND', '/api/v1/things', 'GET, HEAD'],
    ['TRACE', '/', 'GET, HEAD'],
    ['POST', '/docs/static/swagger-ui.css', 'GET, HEAD'],
    ['PUT', '/api/v1/things/7/8', undefined],
    ['OPTIONS', '/nowhere', undefined],
    ['GET', '/docs/static/nothing.js', undefined],
  ]
  for (const [method, url, allow] of cases) {
    const answer = await app.inject({ method: method as 'GET', url })
    t.equal(answer.statusCode, allow === undefined ? 404 : 405, `${method} ${url}`)
    t.equal(answer.headers.allow, allow, `${method} ${url}: Allow`)
    if (method !== 'HEAD') isProblem(t, answer, `${method} ${url}`)
  }
  const headers = { 'x-api-key': 'root-secret' }
  t.equal((await app.inject({ method: 'POST', url: '/api/v1/things/lookup', headers })).statusCode, 200)
  t.same(
    (await app.inject({ url: '/api/v1/things/lookup', headers })).json(),
    { id: 'lookup' },
    'each has its own route',
  )
})

t.test("every answer carries an id: the client's own where it is a sane one", async (t) => {
  const app = await start(t)
  const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
  const idOf = async (url: string, id: string) =>
    String((await app.inject({ url, headers: { 'x-request-id': id } })).headers['x-request-id'])
  for (const url of ['/livez', '/nowhere', '/fail/%zz', '/api/v1/things', '/docs', '/openapi.json']) {
    t.equal(await idOf(url, 'playbook-7.a_B'), 'playbook-7.a_B', url)
    t.match(await idOf(url, 'x'.repeat(65)), uuid, `${url}: too long`)
    t.match(await idOf(url, 'a b<script>'), uuid, `${url}: other characters`)
  }
})

t.test('health is told without a key, and never more than is known', async (t) => {
  let state: () => Promise<{ ok: boolean; reasons: string[] }> = async () => ({ ok: true, reasons: [] })
  const app = await start(t, { isReady: () => state() })
  for (const url of ['/livez', '/readyz', '/livez?verbose']) {
    const answer = await app.inject(url)
    t.same([answer.statusCode, answer.json()], [200, { status: 'ok' }], url)
  }
  state = async () => ({ ok: false, reasons: ['the store is not reachable', 'stopping'] })
  const answer = await app.inject('/readyz')
  const problem = isProblem(t, answer, 'not ready')
  t.match(problem, { code: 'NOT_READY', detail: 'the store is not reachable; stopping' })
  t.same(problem.reasons, ['the store is not reachable', 'stopping'])
  t.equal(answer.headers['retry-after'], '30')
  t.equal((await app.inject('/livez')).statusCode, 200, 'it lives all the same')
  state = async () => {
    throw new Error('password=hunter2')
  }
  const broken = await app.inject('/readyz')
  t.equal(isProblem(t, broken, 'a broken check').code, 'NOT_READY')
  t.notMatch(broken.body, 'hunter2')
})

t.test('requests are limited for each key, under /api/v1 alone', async (t) => {
  const app = await start(t, { requestsPerMinute: 2 })
  const get = (url: string, key: string) => app.inject({ url, headers: { 'x-api-key': key } })
  const first = await get('/api/v1/things', 'soar-new')
  t.equal(first.headers['ratelimit-policy'], '"default";q=2;w=60')
  t.match(first.headers.ratelimit, /^"default";r=1;t=(60|59)$/)
  t.equal((await get('/api/v1/whoami', 'soar-old')).statusCode, 200, 'both secrets of a key count together')
  const third = await get('/api/v1/things', 'soar-new')
  const problem = isProblem(t, third, 'the third')
  t.equal(third.statusCode, 429)
  t.equal(problem.type, 'https://iana.org/assignments/http-problem-types#quota-exceeded')
  t.same(problem['violated-policies'], ['default'])
  t.match(third.headers['retry-after'], /^(60|5\d)$/)
  t.equal((await get('/api/v1/things', 'root-secret')).statusCode, 200, 'another key is not touched')
  for (let i = 0; i < 5; i++) {
    t.equal((await get('/livez', '')).statusCode, 200)
    t.equal((await get('/feeds/block-ip', 'fw-secret')).statusCode, 200)
  }
  t.equal((await (await start(t)).inject('/livez')).headers.ratelimit, undefined)
  const off = await start(t)
  t.equal(
    (await off.inject({ url: '/api/v1/things', headers: { 'x-api-key': 'soar-new' } })).headers.ratelimit,
    undefined,
    '0 is off',
  )
})

t.test('browsers are told to run nothing that is not ours, and https only where it is there', async (t) => {
  const http = await start(t, { publicUrl: 'http://feeds.example.org' })
  const https = await start(t, { publicUrl: 'https://feeds.example.org' })
  for (const url of ['/livez', '/docs', '/nowhere', '/fail/library', '/fail/%zz']) {
    const { headers } = await http.inject(url)
    const policy = String(headers['content-security-policy'])
    t.match(policy, /default-src 'none'/, url)
    t.notMatch(policy, /unsafe|https?:|\*|upgrade-insecure/, `${url}: nothing from elsewhere, nothing inline`)
    t.match(headers, {
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
    })
    t.equal(headers['strict-transport-security'], undefined, `${url}: no HSTS`)
    t.equal(headers['x-powered-by'], undefined)
    const secured = (await https.inject(url)).headers
    t.equal(secured['strict-transport-security'], 'max-age=31536000', `${url}: HSTS, for this host alone`)
    t.match(secured['content-security-policy'], 'upgrade-insecure-requests')
  }
})

t.test('a route that declares no scope stops the start and is named', async (t) => {
  const careless: RoutePlugin = (app) => {
    const forgotten: object = { schema: { hide: true } }
    app.get('/api/v1/open', forgotten, () => ({}))
    app.register(async (inner) => {
      inner.route({ method: ['PUT', 'DELETE'], url: '/api/v1/wide', handler: () => ({}), ...forgotten })
    })
  }
  const app = await start(t, { routes: [careless] })
  await t.rejects(Promise.resolve(app.ready()), /GET \/api\/v1\/open.*PUT,DELETE \/api\/v1\/wide/)
})

t.test('a route that may change something and is not named for the audit log stops the start', async (t) => {
  const schema = { hide: true }
  const config = { scope: 'admin' } as const
  const careless: RoutePlugin = (app) => {
    app.get('/api/v1/read', { config, schema }, () => ({}))
    app.post('/api/v1/looked-up', { config: { ...config, audit: false }, schema }, () => ({}))
    app.post('/api/v1/changed', { config: { ...config, audit: 'things.change' }, schema }, () => ({}))
    app.route({ method: ['GET', 'PATCH'], url: '/api/v1/forgotten', config, schema, handler: () => ({}) })
  }
  const app = await start(t, { routes: [careless] })
  await t.rejects(
    Promise.resolve(app.ready()),
    /^every route with a changing method declares its name in the audit log.* do not: GET,PATCH \/api\/v1\/forgotten$/,
  )
})

interface Line {
  readonly level: number
  readonly msg: string
  readonly [name: string]: unknown
}

t.test('the log has one line for each answer, and no secret in it', async (t) => {
  const lines: Line[] = []
  const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(JSON.parse(line)) })
  const app = await start(t, { logger })
  const headers = { authorization: 'Bearer soar-new', 'x-request-id': 'run-1', cookie: 'session=abc' }
  const line = async (request: object): Promise<Line> => {
    lines.length = 0
    await app.inject({ headers, ...request })
    t.equal(lines.length, 1, `one line for ${JSON.stringify(request)}`)
    t.notMatch(JSON.stringify(lines), /soar-new|fw-secret|session=abc|TC abc|hidden-value/, 'no secret')
    return lines[0] as Line
  }
  const answered = await line({ url: '/api/v1/things/7' })
  t.match(answered, {
    level: 30,
    requestId: 'run-1',
    method: 'GET',
    path: '/api/v1/things/7',
    status: 200,
    key: 'soar',
  })
  t.match(answered, { bytes: 10, ms: Number })
  t.match(await line({ url: '/api/v1/things?value=hidden-value' }), {
    level: 30,
    status: 400,
    path: '/api/v1/things',
  })
  t.match(await line({ url: '/feeds/x' }), { level: 30, status: 403, code: 'SCOPE_MISSING', key: 'soar' })
  const unknown = await line({ url: '/api/v1/things', headers: { 'x-api-key': 'fw-secret2' } })
  t.match(unknown, { level: 30, status: 401, code: 'KEY_UNKNOWN', key: undefined })
  t.match(await line({ url: '/nowhere?x=hidden-value' }), { level: 30, status: 404, code: 'ROUTE_UNKNOWN' })
  t.match(await line({ url: '/fail/%zz?x=hidden-value' }), {
    level: 30,
    status: 400,
    code: 'REQUEST_MALFORMED',
  })
  t.match(await line({ url: '/livez' }), { level: 20, status: 200 }, 'health is quiet')
  t.match(
    await line({ url: '/openapi.json', headers: { 'if-none-match': '*' } }),
    { level: 20, status: 304 },
    'so is who has it already',
  )
  const failed = await line({ url: '/fail/credentials' })
  t.match(failed, {
    level: 50,
    status: 502,
    code: 'UPSTREAM_CREDENTIALS',
    kind: 'credentials',
    service: 'threatconnect',
  })
  t.equal(failed.err, undefined, 'no stack for what is not our fault')
  const internal = await line({ url: '/fail/library' })
  t.match(internal, {
    level: 50,
    status: 500,
    code: 'INTERNAL',
    error: { message: /boom/, stack: /shell\.test/ },
  })
})

/** The port of a listening server. */
async function listen(app: App): Promise<number> {
  await app.listen({ port: 0, host: '127.0.0.1' })
  return (app.server.address() as AddressInfo).port
}

/** What a connection that sent this text answers until it ends. */
async function exchange(port: number, text: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(text)
  const chunks: Buffer[] = []
  socket.on('data', (chunk: Buffer) => chunks.push(chunk))
  await once(socket, 'close')
  return Buffer.concat(chunks).toString('utf8')
}

interface RawAnswer {
  readonly statusCode: number
  readonly headers: Record<string, string>
  readonly body: string
}

function parsed(raw: string): RawAnswer {
  const [head = '', ...rest] = raw.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const headers = lines.map((line) => line.split(/: (.*)/))
  return {
    statusCode: Number(first.split(' ')[1]),
    headers: Object.fromEntries(headers.map(([name = '', value = '']) => [name.toLowerCase(), value])),
    body: rest.join('\r\n\r\n'),
  }
}

t.test('what is not HTTP, or too much of it, is answered by a problem as well', async (t) => {
  const port = await listen(await start(t))
  const cases: readonly (readonly [what: string, text: string, code: string, instance: string])[] = [
    ['nonsense', 'HELLO\r\n\r\n', 'REQUEST_MALFORMED', '/'],
    [
      'a method that does not exist',
      'FETCH /livez HTTP/1.1\r\nHost: x\r\n\r\n',
      'REQUEST_MALFORMED',
      '/livez',
    ],
    [
      'a broken header',
      'GET /livez?k=v HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n',
      'REQUEST_MALFORMED',
      '/livez',
    ],
    ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', 'REQUEST_MALFORMED', '/livez'],
    [
      'large headers',
      `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      'HEADERS_TOO_LARGE',
      '/livez',
    ],
    [
      'a broken body',
      'POST /api/v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
      'REQUEST_MALFORMED',
      '/api/v1/echo',
    ],
    ['a proxy request', 'CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n', 'REQUEST_MALFORMED', '/'],
    [
      'an expectation',
      'GET /livez HTTP/1.1\r\nHost: x\r\nExpect: miracles\r\n\r\n',
      'EXPECTATION_FAILED',
      '/livez',
    ],
  ]
  for (const [what, text, code, instance] of cases) {
    const answer = await exchange(port, text)
    const problem = isProblem(t, parsed(answer), what)
    t.equal(problem.code, code, what)
    t.equal(problem.instance, instance, what)
    t.match(answer.toLowerCase(), /\r\ncontent-security-policy: default-src 'none';/, what)
  }
})

t.test('HEAD, HTTP/1.0 and several requests on one connection are answered as they should be', async (t) => {
  const port = await listen(await start(t))
  const get = (method: string, rest = '') => `${method} /livez HTTP/1.1\r\nHost: x\r\n${rest}\r\n`
  const head = parsed(await exchange(port, get('HEAD', 'Connection: close\r\n')))
  t.equal(head.statusCode, 200)
  t.equal(head.headers['content-length'], '15')
  t.equal(head.body, '', 'HEAD has no body')
  const twice = await exchange(port, get('GET') + get('GET', 'Connection: close\r\n'))
  t.equal(twice.match(/HTTP\/1\.1 200/g)?.length, 2, 'the connection is kept')
  t.equal(
    parsed(await exchange(port, 'GET /livez HTTP/1.0\r\n\r\n')).statusCode,
    200,
    'HTTP/1.0 needs no Host',
  )
})

t.test('an answer under way is never torn by another, and slow requests end', async (t) => {
  const halves = new Readable({ read() {} })
  const app = await start(t, {
    routes: [
      (routes) => {
        const config = { scope: 'public', anyQuery: true } as const
        routes.get('/halves', { config, schema: { hide: true } }, (_request, reply) => reply.send(halves))
      },
    ],
  })
  const port = await listen(app)
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString('utf8')
  })
  halves.push('first half')
  socket.write('GET /halves HTTP/1.1\r\nHost: x\r\n\r\n')
  while (!answer.includes('first half')) await once(socket, 'data')
  socket.write('NONSENSE\r\n\r\n')
  await once(socket, 'close')
  t.notMatch(answer, /problem|400/, 'the connection ends, nothing foreign stands in the answer')

  const connected = once(app.server, 'connection')
  const answered = exchange(port, 'GET /livez HTTP/1.1\r\n')
  const [connection] = await connected
  const late = Object.assign(new Error('Request timeout'), { code: 'ERR_HTTP_REQUEST_TIMEOUT' })
  app.server.emit('clientError', late, connection)
  t.equal(
    isProblem(t, parsed(await answered), 'timeout').code,
    'REQUEST_TIMEOUT',
    'a request that does not end',
  )
  const { headersTimeout, requestTimeout, timeout, keepAliveTimeout } = app.server
  for (const limit of [headersTimeout, requestTimeout, timeout, keepAliveTimeout])
    t.ok(limit > 0 && limit <= 600_000)
})

t.test('a client that goes away, and an answer that breaks off, are told in the log', async (t) => {
  const log = new EventEmitter()
  const logger = pino({ level: 'info' }, { write: (line: string) => void log.emit('line', JSON.parse(line)) })
  const body = new Readable({ read() {} })
  const config = { scope: 'public' } as const
  const schema = { hide: true }
  const app = await start(t, {
    logger,
    routes: [
      (routes) => {
        routes.get('/body', { config, schema }, (_request, reply) => reply.send(body))
        routes.get('/never', { config, schema }, () => new Promise(() => log.emit('reached')))
      },
    ],
  })
  const port = await listen(app)

  const reading = connect(port, '127.0.0.1')
  body.push('some')
  reading.write('GET /body HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(reading, 'data')
  const broken = once(log, 'line')
  body.destroy(new Error('the store broke'))
  t.match((await broken)[0], {
    level: 50,
    msg: 'the answer broke off',
    path: '/body',
    error: { message: 'the store broke' },
  })

  const waiting = connect(port, '127.0.0.1')
  const reached = once(log, 'reached')
  waiting.write('GET /never HTTP/1.1\r\nHost: x\r\n\r\n')
  await reached
  const gone = once(log, 'line')
  waiting.destroy()
  t.match((await gone)[0], { level: 30, msg: 'the client went away', path: '/never' })
})
