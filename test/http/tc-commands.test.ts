/** tc-get-indicators, tc-get-owners and the source check over HTTP, from the request to a simulated ThreatConnect. */
import type { AddressInfo } from 'node:net'
import { pino } from 'pino'
import t from 'tap'
import type { App } from '../../src/http/app.ts'
import type { Fault } from '../../src/simulation/faults.ts'
import { demoAccount } from '../../src/sources/threatconnect/simulator/accounts.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectOptions,
  type ThreatConnectSimulator,
} from '../../src/sources/threatconnect/simulator/index.ts'
import { appWith, sourceEntry } from '../app.ts'

interface World {
  readonly app: App
  readonly simulator: ThreatConnectSimulator
}

async function world(
  t: { teardown(done: () => Promise<void>): void },
  options: ThreatConnectOptions = {},
  source: object = {},
): Promise<World> {
  const simulator = await startThreatConnectSimulator({
    corpus: { size: 300, seed: 1, malformed: 20 },
    ...options,
  })
  const app = await appWith({ sources: [sourceEntry(simulator.url, source)] })
  t.teardown(async () => {
    await app.close()
    await simulator.close()
  })
  return { app, simulator }
}

const path = '/api/v1/tc-get-indicators'

t.test('the answer has every record once: as an indicator, or as unreadable with its reason', async (t) => {
  const { app, simulator } = await world(t)
  const response = await app.inject(`${path}?limit=100000&active_indicators=false`)
  t.equal(response.statusCode, 200)
  t.equal(response.headers['content-type'], 'application/json; charset=utf-8')
  const body = response.json()
  t.strictSame(Object.keys(body), ['data', 'count', 'next', 'unreadable', 'query'])
  t.equal(body.count, body.data.length)
  t.equal(body.data.length + body.unreadable.length, simulator.records.indicators.length)
  t.ok(body.unreadable.length > 0)
  t.equal(body.next, null)
  t.strictSame(body.query, {
    source: 'tc',
    tql: '(indicatorActive EQ true OR indicatorActive EQ false)',
    requests: 1,
  })
  const file = body.data.find((each: { type: string }) => each.type === 'file')
  t.match(file, { id: /^indicator--[0-9a-f-]{36}$/, value: /^[0-9a-f]{32,64}$/, raw: { type: 'File' } })
  t.ok(response.body.includes('"id":9007199254918487'), 'an id above 2^53 stays exact in raw')
})

t.test('limit, offset and next walk through everything', async (t) => {
  const { app } = await world(t)
  const all = (await app.inject(`${path}?limit=1000&raw=false`)).json()
  const walked: unknown[] = []
  let offset: number | undefined = 0
  while (offset !== undefined) {
    const page: { data: unknown[]; next: { offset: number } | null } = (
      await app.inject(`${path}?limit=70&raw=false&offset=${offset}`)
    ).json()
    walked.push(...page.data)
    offset = page.next?.offset
  }
  t.strictSame(walked, all.data)
  t.equal(
    (await app.inject(path)).json().count + (await app.inject(path)).json().unreadable.length,
    50,
    'the default limit',
  )
  t.match((await app.inject(`${path}?limit=0`)).json(), {
    data: [],
    count: 0,
    next: { offset: 0 },
    query: { requests: 0 },
  })
})

t.test(
  'arguments are the same in the query and in a JSON body, and texts are taken there as well',
  async (t) => {
    const { app } = await world(t)
    const queries = [
      'limit=5&indicator_type=Address,Host&active_indicators=false&confidence=20&view=xsoar&raw=false',
      'limit=5&indicator_type=Address&indicator_type=Host&active_indicators=No&confidence=20&view=xsoar&raw=FALSE',
    ]
    const bodies = [
      {
        limit: 5,
        indicator_type: ['Address', 'Host'],
        active_indicators: false,
        confidence: 20,
        view: 'xsoar',
        raw: false,
      },
      {
        limit: '5',
        indicator_type: 'Address, Host,',
        active_indicators: 'no',
        confidence: '20',
        view: 'xsoar',
        raw: 'false',
      },
    ]
    const answers = [
      ...(await Promise.all(queries.map((query) => app.inject(`${path}?${query}`)))),
      ...(await Promise.all(bodies.map((payload) => app.inject({ method: 'POST', url: path, payload })))),
    ]
    for (const answer of answers) t.strictSame(answer.json(), answers[0]?.json())
    t.equal(answers[0]?.json().count, 5)
    const empty = await app.inject({ method: 'POST', url: path })
    t.equal(empty.statusCode, 200, 'a POST without a body has the defaults')
    const mixed = await app.inject({
      method: 'POST',
      url: `${path}?limit=1&raw=false`,
      payload: { view: 'xsoar' },
    })
    t.match(mixed.json(), { count: 1, data: [{ fields: {} }] }, 'a POST takes the query as well')
    const byQuery = await app.inject({ method: 'POST', url: `${path}?limit=3` })
    t.equal(byQuery.json().count, 3)
    const same = await app.inject({ method: 'POST', url: `${path}?limit=1`, payload: { limit: 1 } })
    t.equal(same.json().count, 1, 'the same in both is said once')
    const twice = await app.inject({ method: 'POST', url: `${path}?limit=1`, payload: { limit: 2 } })
    t.match(twice.json(), {
      status: 400,
      errors: [{ pointer: '/limit', detail: /in the query and in the body/ }],
    })
    const comma = { owners: ['Äpfel & Birnen, Threat Intel'], explain: true }
    t.match(
      (await app.inject({ method: 'POST', url: path, payload: comma })).json().tql,
      '(ownerName="Äpfel & Birnen, Threat Intel")',
    )
  },
)

t.test(
  'each argument that is out of range, unknown, repeated or of the wrong type is a 400 that names it',
  async (t) => {
    const { app, simulator } = await world(t)
    const table: [string, string, RegExp][] = [
      ['limit=-1', '/limit', /limit takes an integer from 0 to 100000; received -1/],
      ['limit=100001', '/limit', /0 to 100000/],
      ['limit=1.5', '/limit', /integer/],
      ['limit=', '/limit', /limit/],
      ['limit=1&limit=2', '/limit', /limit/],
      ['offset=-1', '/offset', /offset/],
      ['confidence=101', '/confidence', /confidence takes an integer from 0 to 100; received 101/],
      ['confidence=-1', '/confidence', /0 to 100/],
      ['confidence=high', '/confidence', /received "high"/],
      ['confidence=50%20OR%201=1', '/confidence', /0 to 100/],
      ['threat_assess_score=1001', '/threat_assess_score', /0 to 1000/],
      ['active_indicators=maybe', '/active_indicators', /true or false/],
      [
        'indicator_type=Adress',
        '/indicator_type/0',
        /indicator_type.* takes one of All, Address, .*custom:NAME; received "Adress"/,
      ],
      ['indicator_type=Address,Foo', '/indicator_type/1', /received "Foo"/],
      ['view=table', '/view', /unified, xsoar/],
      ['raw=2', '/raw', /true or false/],
      ['explain=x', '/explain', /true or false/],
      ['format=xml', '/format', /json, markdown/],
      ['owner=x', '/owner', /owner is not a known query parameter.*owners/],
      ['owners=a%00b', '/owners/0', /without control characters/],
      ['source=nope', '', /no source "nope"; there are: tc/],
    ]
    for (const [query, pointer, detail] of table) {
      const response = await app.inject(`${path}?${query}`)
      t.equal(response.statusCode, pointer === '' ? 404 : 400, query)
      t.equal(response.headers['content-type'], 'application/problem+json', query)
      t.match(response.json().detail, detail, query)
      if (pointer !== '') t.match(response.json().errors, [{ pointer }], query)
    }
    const bodies: [object, string][] = [
      [{ limit: null }, '/limit'],
      [{ limit: true }, '/limit'],
      [{ limit: [5] }, '/limit'],
      [{ owners: { a: 1 } }, '/owners'],
      [{ owners: [1] }, '/owners/0'],
      [{ owners: ['\ud800'] }, '/owners/0'],
      [{ tql_query: 5 }, '/tql_query'],
      [{ unknown: 1 }, '/unknown'],
    ]
    for (const [payload, pointer] of bodies) {
      const response = await app.inject({ method: 'POST', url: path, payload })
      t.equal(response.statusCode, 400, JSON.stringify(payload))
      t.match(response.json().errors, [{ pointer }], JSON.stringify(payload))
    }
    const many = (await app.inject(`${path}?limit=x&confidence=y&foo=1`)).json()
    t.strictSame(
      many.errors.map(({ pointer }: { pointer: string }) => pointer).sort(),
      ['/confidence', '/foo', '/limit'],
      'all at once',
    )
    t.equal(simulator.requests.length, 0, 'nothing was sent')
  },
)

t.test('view=xsoar gives items ready for createIndicators', async (t) => {
  const { app } = await world(t)
  const { data } = (await app.inject(`${path}?limit=1000&view=xsoar&create_relationships=true`)).json()
  const types = new Set(data.map(({ type }: { type: string }) => type))
  for (const type of [
    'IP',
    'IPv6',
    'CIDR',
    'IPv6CIDR',
    'Domain',
    'URL',
    'Email',
    'File',
    'ASN',
    'Mutex',
    'Registry Key',
    'User Agent',
    'Hashtag',
  ]) {
    t.ok(types.has(type), type)
  }
  for (const item of data) {
    if (JSON.stringify(Object.keys(item)) === '["value","type","score","fields","relationships","rawJSON"]')
      continue
    t.fail(`members of ${JSON.stringify(item).slice(0, 200)}`)
  }
  const related = data.flatMap(({ relationships }: { relationships: object[] }) => relationships)
  t.match(related[0], {
    name: 'related-to',
    entityAFamily: 'Indicator',
    entityBFamily: 'Indicator',
    fields: {},
  })
  const without = (await app.inject(`${path}?limit=1000&view=xsoar&raw=false`)).json().data
  t.notOk(without.some((item: object) => 'rawJSON' in item))
})

t.test('Markdown is the War Room table, asked for by Accept or by format', async (t) => {
  const { app } = await world(t)
  const table: [string, string, Record<string, string>, boolean][] = [
    ['Accept', '?limit=2', { accept: 'text/markdown' }, true],
    ['format', '?limit=2&format=markdown', {}, true],
    ['format against Accept', '?limit=2&format=json', { accept: 'text/markdown' }, false],
    ['both alike', '?limit=2', { accept: 'application/json, text/markdown' }, false],
    ['Markdown preferred', '?limit=2', { accept: 'application/json;q=0.5, text/markdown' }, true],
    ['anything', '?limit=2', { accept: '*/*' }, false],
    ['a browser', '?limit=2', { accept: 'text/html,*/*;q=0.8' }, false],
  ]
  for (const [what, query, headers, markdown] of table) {
    const response = await app.inject({ url: path + query, headers })
    t.equal(response.statusCode, 200, what)
    t.equal(
      response.headers['content-type'],
      `${markdown ? 'text/markdown' : 'application/json'}; charset=utf-8`,
      what,
    )
  }
  const text = (await app.inject(`${path}?limit=2&format=markdown`)).body
  t.match(
    text,
    /^### ThreatConnect Feed - Indicators\n\|fields\|rawJSON\|score\|type\|value\|\n\|---\|---\|---\|---\|---\|\n\| /,
  )
  const none = await app.inject(`${path}?owners=Nobody&format=markdown`)
  t.equal(none.body, '### ThreatConnect Feed - Indicators\n**No entries.**\n')
  t.match(
    (await app.inject(`${path}?limit=3&format=markdown`)).body,
    'id: 9007199254918487<br>',
    'exact ids there too',
  )
})

t.test('owners come with id, name and type, as JSON and as Markdown', async (t) => {
  const { app, simulator } = await world(t)
  const owners = simulator.records.owners.map(({ id, name, type }) => ({ id, name, type }))
  t.strictSame((await app.inject('/api/v1/tc-get-owners')).json(), { data: owners, count: owners.length })
  t.strictSame(
    (await app.inject({ method: 'POST', url: '/api/v1/tc-get-owners', payload: { source: 'tc' } })).json()
      .count,
    owners.length,
  )
  const { body, headers } = await app.inject({
    url: '/api/v1/tc-get-owners',
    headers: { accept: 'text/markdown' },
  })
  t.equal(headers['content-type'], 'text/markdown; charset=utf-8')
  t.match(
    body,
    '### ThreatConnect Feed - Owners\n|id|name|type|\n|---|---|---|\n| 1 | Example Organization | Organization |\n',
  )
})

t.test('explain sends nothing and shows no credential', async (t) => {
  const { app, simulator } = await world(t)
  const response = await app.inject(`${path}?explain=true&owners=Common%20Community`)
  t.strictSame(Object.keys(response.json()), ['source', 'tql', 'method', 'url', 'headers'])
  t.equal(response.json().tql, 'indicatorActive EQ true AND (ownerName="Common Community")')
  t.equal(simulator.requests.length, 0)
  for (const secret of Object.values(demoAccount)) t.notOk(response.body.includes(secret))
})

t.test('with several sources one has to be named', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus: { size: 20, seed: 2 } })
  const app = await appWith({
    sources: [sourceEntry(simulator.url), sourceEntry(simulator.url, { name: 'other' })],
  })
  t.teardown(async () => {
    await app.close()
    await simulator.close()
  })
  const unnamed = await app.inject(path)
  t.equal(unnamed.statusCode, 400)
  t.match(unnamed.json(), { detail: /one of tc, other/, errors: [{ pointer: '/source' }] })
  t.match((await app.inject(`${path}?source=other`)).json(), { query: { source: 'other' } })
  const none = await appWith({})
  t.teardown(() => none.close())
  t.match((await none.inject(path)).json(), {
    status: 404,
    code: 'SOURCE_UNKNOWN',
    detail: /no source is configured/,
  })
})

t.test("ThreatConnect's failures are problems that say whose they are", async (t) => {
  const words = JSON.stringify({ errCode: '0x1001', message: 'their own words', status: 'Error' })
  const status = (code: number, headers = {}): Fault => ({
    kind: 'status',
    status: code,
    body: words,
    headers,
  })
  const table: [string, Fault, number, string, object][] = [
    ['400', status(400), 502, 'UPSTREAM_REJECTED', { status: 400, code: '0x1001' }],
    ['401', status(401), 502, 'UPSTREAM_CREDENTIALS', { status: 401, code: '0x1001' }],
    ['403', status(403), 502, 'UPSTREAM_PERMISSION', { status: 403 }],
    ['404', status(404), 502, 'UPSTREAM_ADDRESS', { status: 404 }],
    ['a lasting 429', status(429, { 'retry-after': '90' }), 503, 'UPSTREAM_THROTTLED', { status: 429 }],
    ['500', status(500), 503, 'UPSTREAM_UNAVAILABLE', { status: 500 }],
    ['503', status(503), 503, 'UPSTREAM_UNAVAILABLE', { status: 503 }],
    ['HTML', { kind: 'html' }, 502, 'UPSTREAM_UNREADABLE', { status: 200 }],
    ['cut-off JSON', { kind: 'cut-json' }, 502, 'UPSTREAM_UNREADABLE', { status: 200 }],
    ['status other than Success', { kind: 'not-success' }, 502, 'UPSTREAM_UNREADABLE', { status: 200 }],
    ['dropped', { kind: 'reset' }, 503, 'UPSTREAM_UNAVAILABLE', { code: 'ECONNRESET' }],
    ['half a body', { kind: 'half-body' }, 503, 'UPSTREAM_UNAVAILABLE', {}],
    ['slow', { kind: 'delay', ms: 5000 }, 504, 'UPSTREAM_TIMEOUT', {}],
  ]
  const outcomes = table.map(async ([what, fault, code, name, upstream]) => {
    const { app, simulator } = await world(
      t,
      { corpus: { size: 50, seed: 4 } },
      { timeout: what === 'slow' ? '300ms' : '20s', settings: { pageSize: 10 } },
    )
    // The second page fails: nothing of the first may have been sent.
    simulator.fail(fault, { times: 'always', when: ({ url }) => !url.includes('resultStart=0&') })
    return { what, code, name, upstream, response: await app.inject(`${path}?limit=30`) }
  })
  for (const { what, code, name, upstream, response } of await Promise.all(outcomes)) {
    t.equal(response.statusCode, code, what)
    t.equal(response.headers['content-type'], 'application/problem+json', what)
    t.match(
      response.json(),
      {
        code: name,
        status: code,
        upstream: { service: 'threatconnect', ...upstream },
        retryable: code !== 502,
      },
      what,
    )
    if (code === 503) t.match(response.headers['retry-after'], /^[1-9]\d*$/, what)
  }
  const { app, simulator } = await world(t)
  simulator.fail(status(429, { 'retry-after': '90' }), { times: 'always' })
  t.equal((await app.inject('/api/v1/tc-get-owners')).headers['retry-after'], '90')
  simulator.clearFaults()
  const refused = await app.inject(`${path}?tql_query=${encodeURIComponent('nonsense = = 1')}`)
  t.equal(refused.statusCode, 422)
  t.match(refused.json(), {
    code: 'QUERY_REFUSED',
    detail: /TQL is invalid/,
    upstream: { service: 'threatconnect', status: 400 },
  })
})

t.test(
  'an answer too big to be held back ends in the middle of the connection when a page fails',
  async (t) => {
    const big = 'x'.repeat(1_000_000)
    const records = Array.from({ length: 60 }, (_, count) => ({
      type: 'Mutex',
      summary: `m${count}`,
      description: big,
    }))
    const simulator = await startThreatConnectSimulator({ indicators: records })
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
    const entry = sourceEntry(simulator.url, { settings: { pageSize: 5 } })
    const app = await appWith({ sources: [entry] }, log)
    t.teardown(async () => {
      await app.close()
      await simulator.close()
    })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}${path}?raw=false&limit=60`
    const whole = await fetch(url)
    t.equal(((await whole.json()) as { count: number }).count, 60, 'whole without the failure')
    simulator.fail(
      { kind: 'html' },
      { times: 'always', when: (request) => request.url.includes('resultStart=55&') },
    )
    const cut = await fetch(url)
    t.equal(cut.status, 200)
    await t.rejects(cut.text(), 'the client sees that it is cut off')
    await app.close()
    const told = lines.filter((line) => line.includes('broke off') || line.includes('went away'))
    t.equal(told.length, 1, 'told once')
    t.match(told[0], /"level":50.*an HTML page.*the answer broke off/, 'as our failure, with its cause')
  },
)

t.test(
  'the check of a source tells each thing that can be wrong from the others, with its remedy',
  async (t) => {
    const account = demoAccount
    const table: [string, ThreatConnectOptions, object, string, RegExp, RegExp][] = [
      [
        'bad id',
        {},
        { settings: { accessId: '99' } },
        'credentials',
        /does not know the access id/,
        /accessId/,
      ],
      [
        'bad secret',
        {},
        { settings: { secretKey: 'wrong' } },
        'credentials',
        /secret key is not the one/,
        /secretKey/,
      ],
      [
        'bad token',
        {},
        { settings: { token: 'APIV2:wrong', accessId: null, secretKey: null } },
        'credentials',
        /token/,
        /new API token/,
      ],
      ['clock behind', { skewMs: 400_000 }, {}, 'clock', /Our clock is (399|400|401) s behind/, /NTP/],
      ['clock ahead', { skewMs: -400_000 }, {}, 'clock', /Our clock is (399|400|401) s ahead of/, /NTP/],
      [
        'no rights',
        { accounts: [{ ...account, rights: 'none' }] },
        {},
        'rights',
        /refuses the account/,
        /role with read access/,
      ],
      [
        'an owner that is not seen',
        {},
        { settings: { owners: ['Nobody'] } },
        'owners',
        /does not see: Nobody\. It sees: Example Organization/,
        /owners/,
      ],
      [
        'no owner at all',
        { accounts: [{ ...account, owners: [] }] },
        {},
        'owners',
        /sees no owner/,
        /organization role/,
      ],
      [
        'bad TQL',
        {},
        { settings: { tql: 'nonsense = = 1' } },
        'query',
        /TQL is invalid/,
        /tql of the source/,
      ],
      [
        'unbalanced TQL',
        {},
        { settings: { tql: 'a = 1) OR (b = 2' } },
        'query',
        /closes a parenthesis/,
        /tql of the source/,
      ],
    ]
    for (const [what, options, source, name, cause, remedy] of table) {
      const { app } = await world(t, options, source)
      const response = await app.inject({ method: 'POST', url: '/api/v1/sources/tc/check' })
      t.equal(response.statusCode, 200, what)
      const { ok, checks } = response.json()
      t.equal(ok, false, what)
      t.match(
        checks.filter((check: { ok: boolean }) => !check.ok),
        [{ name, cause, remedy }],
        what,
      )
    }
    const { app, simulator } = await world(t)
    const good = (await app.inject({ method: 'POST', url: '/api/v1/sources/tc/check' })).json()
    t.equal(good.ok, true)
    const evidence: Record<string, string | undefined> = Object.fromEntries(
      good.checks.map((check: { name: string; evidence?: string }) => [check.name, check.evidence]),
    )
    t.strictSame(Object.keys(evidence), [
      ...['name', 'reach', 'connection', 'api', 'clock', 'credentials', 'owners', 'query'],
    ])
    t.match(evidence.name, '127.0.0.1 is an address')
    t.match(evidence.reach, /^127\.0\.0\.1:\d+, \d+ ms$/)
    t.match(evidence.clock, /^[0-2] s apart; 300 s are allowed$/)
    t.match(evidence.owners, /^\d+ owners seen: "Example Organization"/)
    t.match(evidence.query, /^\d+ indicators selected by the TQL indicatorActive EQ true$/)
    const faults: [Fault, string, RegExp][] = [
      [{ kind: 'html' }, 'api', /HTML page/],
      [{ kind: 'redirect', location: 'https://login.example/' }, 'api', /redirect/],
      [{ kind: 'reset' }, 'connection', /ECONNRESET|closed|reset/],
      [{ kind: 'status', status: 404 }, 'api', /no ThreatConnect v3 API/],
    ]
    for (const [fault, name, cause] of faults) {
      simulator.clearFaults()
      simulator.fail(fault, { times: 'always' })
      const { checks } = (await app.inject({ method: 'POST', url: '/api/v1/sources/tc/check' })).json()
      t.match(checks.at(-1), { name, ok: false, cause, remedy: /./ }, fault.kind)
    }
    t.equal((await app.inject({ method: 'POST', url: '/api/v1/sources/nope/check' })).statusCode, 404)
    simulator.clearFaults()
    simulator.fail({ kind: 'html' }, { times: 'always', when: ({ url }) => url.includes('/indicators') })
    const { checks } = (await app.inject({ method: 'POST', url: '/api/v1/sources/tc/check' })).json()
    t.match(checks.at(-1), { name: 'query', ok: false, cause: /HTML page/ }, 'only the indicators fail')
    t.equal(new Set(checks.map(({ name }: { name: string }) => name)).size, checks.length, 'each check once')
  },
)

t.test('a client that goes away ends the work for it', async (t) => {
  const { app, simulator } = await world(
    t,
    { corpus: { size: 200, seed: 9 } },
    { settings: { pageSize: 10 } },
  )
  simulator.fail({ kind: 'delay', ms: 50 }, { times: 'always' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const controller = new AbortController()
  const asked = fetch(`http://127.0.0.1:${port}${path}?limit=200`, { signal: controller.signal })
  while (simulator.requests.length < 2) await new Promise((resolve) => setImmediate(resolve))
  controller.abort()
  await t.rejects(asked)
  const closed = new Promise<void>((resolve) => {
    const look = () => app.server.getConnections((_, count) => (count === 0 ? resolve() : setImmediate(look)))
    look()
  })
  await closed
  const after = simulator.requests.length
  await new Promise((resolve) => setTimeout(resolve, 200))
  t.ok(simulator.requests.length <= after + 1, 'no further page is asked for')
})
