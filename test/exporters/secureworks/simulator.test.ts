/** The simulated Taegis, asked by a bare client: what is public of the product, and nothing of ours. */
import t, { type Test } from 'tap'
import {
  demoTaegisAccount,
  startTaegisSimulator,
  type TaegisOptions,
  tokenPath,
} from '../../../src/exporters/secureworks/simulator/index.ts'

const { clientId, clientSecret, tenantId } = demoTaegisAccount

async function bareClient(t: Test, options: TaegisOptions = {}) {
  const taegis = await startTaegisSimulator(options)
  t.teardown(() => taegis.close())
  const post = async (path: string, headers: Record<string, string>, body: string) => {
    const answer = await fetch(taegis.url + path, { method: 'POST', headers, body })
    const text = await answer.text()
    return {
      status: answer.status,
      id: answer.headers.get('x-request-id'),
      body: text === '' ? null : JSON.parse(text),
    }
  }
  const basic = { authorization: `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}` }
  const form = { 'content-type': 'application/x-www-form-urlencoded' }
  const login = () => post(tokenPath, { ...basic, ...form }, 'grant_type=client_credentials')
  const token: string = (await login()).body.access_token
  const json = { 'content-type': 'application/json' }
  const graphql = async (query: string, variables: object = {}, headers: Record<string, string> = {}) => {
    const all = { authorization: `Bearer ${token}`, 'x-tenant-context': tenantId, ...json, ...headers }
    return post('/graphql', all, JSON.stringify({ query, variables }))
  }
  return { taegis, post, login, graphql, basic, form, json }
}

const upsert =
  'mutation upsertIndicators($input: [IndicatorInput!]!) { upsertIndicators(input: $input) { accepted_indicators { id object_type value } rejected_indicators { value reason } } }'

t.test('a login takes credentials in each of the forms that clients use', async (t) => {
  const { taegis, post, login, basic, form, json } = await bareClient(t, { now: () => 1_700_000_000_000 })
  const { body } = await login()
  t.match(body, { token_type: 'Bearer', expires_in: 36_000, expiry: '2023-11-15T08:13:20.000000Z' })
  const claims = JSON.parse(Buffer.from(body.access_token.split('.')[1], 'base64url').toString())
  t.equal(claims.exp, 1_700_036_000)
  const inBody = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const grant = { grant_type: 'client_credentials' }
  const forms: readonly (readonly [string, Record<string, string>, string, number])[] = [
    ['Basic and JSON', { ...basic, ...json }, JSON.stringify(grant), 200],
    ['JSON alone', json, JSON.stringify(inBody), 200],
    ['a form alone', form, new URLSearchParams(inBody).toString(), 200],
    ['no grant', { ...basic, ...form }, '', 400],
    ['a wrong secret', form, new URLSearchParams({ ...inBody, client_secret: 'x' }).toString(), 401],
    ['no credentials', form, new URLSearchParams(grant).toString(), 401],
    ['no JSON', json, '{', 400],
  ]
  for (const [what, headers, text, status] of forms) {
    t.equal((await post(tokenPath, headers, text)).status, status, what)
  }
  t.equal(taegis.requests.length, forms.length + 2)
})

t.test('a request needs a live token and its own tenant', async (t) => {
  let now = 1_700_000_000_000
  const { graphql, taegis } = await bareClient(t, { now: () => now, tokenSeconds: 100 })
  const query = 'query getIndicators($input: GetIndicatorsInput!) { getIndicators(input: $input) { page } }'
  t.match(await graphql(query, { input: {} }), {
    status: 200,
    id: /^5eed/,
    body: { data: { getIndicators: { page: 1 } } },
  })
  t.match(await graphql(query, { input: {} }, { authorization: 'Bearer x' }), { status: 401 })
  for (const other of ['', '1']) {
    const { status, body } = await graphql(query, { input: {} }, { 'x-tenant-context': other })
    t.match([status, body], [200, { data: null, errors: [{ message: 'not authorized' }] }])
  }
  now += 100_000
  t.match(await graphql(query, { input: {} }), {
    status: 401,
    body: { errors: [{ message: 'Unauthorized' }] },
  })
  now -= 1
  t.equal((await graphql(query, { input: {} })).status, 200)
  taegis.revokeTokens()
  t.equal((await graphql(query, { input: {} })).status, 401)
})

t.test('documents and variables are held against the schema', async (t) => {
  const { graphql } = await bareClient(t)
  const good = { object_type: 'domain', value: 'a.example' }
  const cases: readonly (readonly [string, unknown, RegExp])[] = [
    ['', {}, /expected at least one definition/],
    ['query x { getIndicators(input: {}) { page }', {}, /Expected Name|<EOF>/],
    ['query x { getIndicators(input: {}) { page } } }', {}, /Unexpected \}/],
    ['query x { nothing }', {}, /^Cannot query field "nothing" on type "Query"\.$/],
    [
      'query x { getIndicators(input: {}) { indicators { nothing } } }',
      {},
      /"nothing" on type "ByotiIndicator"/,
    ],
    [
      'query x { getIndicators(input: {}) { indicators } }',
      {},
      /^Field "indicators" of type .* must have a selection/,
    ],
    ['query x { getIndicators(input: {}) { page { x } } }', {}, /must not have a selection/],
    ['query x { getIndicators { page } }', {}, /argument "input" .* is required/],
    ['query x { getIndicators(input: {}, y: 1) { page } }', {}, /^Unknown argument "y"/],
    ['query x { getIndicators(input: $input) { page } }', {}, /^Variable "\$input" is not defined/],
    ['query x($a: Int) { getIndicators(input: {}) { page } }', {}, /^Variable "\$a" is never used/],
    [
      upsert.replace('[IndicatorInput!]!', '[IndicatorInput]'),
      [good],
      /used in position expecting type "\[IndicatorInput!\]!"/,
    ],
    [upsert, null, /^Variable "\$input" got invalid value (null|undefined); Expected non-nullable/],
    [upsert, [good, null], /at "input\[1\]"; Expected non-nullable/],
    [
      upsert,
      [good, { ...good, object_type: 'email' }],
      /^Variable "\$input" got invalid value "email" at "input\[1\]\.object_type"; Value "email" does not exist/,
    ],
    [upsert, [{ value: 'a.example' }], /at "input\[0\]"; Field "object_type" of required type/],
    [upsert, [{ ...good, more: 1 }], /at "input\[0\]"; Field "more" is not defined by type "IndicatorInput"/],
    [upsert, [{ ...good, name: 7 }], /at "input\[0\]\.name"; String cannot represent/],
    [upsert, [{ ...good, integration_id: 'x' }], /Int cannot represent/],
    [upsert, [{ ...good, severity: 'high' }], /"high" does not exist in "Severity" enum/],
  ]
  for (const [query, input, message] of cases) {
    const { status, body } = await graphql(query, { input })
    t.match([status, body.data, body.errors[0]?.message], [200, null, message], query)
  }
})

t.test("the documentation's own query is answered as there", async (t) => {
  const { graphql, taegis } = await bareClient(t)
  const url = 'http://www.evil.url/post.php4]'
  await graphql(upsert, { input: [{ object_type: 'url', value: url, name: 'name test4', severity: 'HIGH' }] })
  taegis.add({ object_type: 'domain', value: 'a.example' })
  const query = `query searchIndicators($input: SearchIndicatorsInput = {with_partner_tenants: true page: 1 per_page: 10 query: "from byoti_indicator where object_type = 'url' and deleted_at is null"}) { searchIndicators(input: $input) { indicators { id object_type name description value deleted_at severity __typename } page per_page total_entries_size current_entries_returned total_pages } }`
  const { body } = await graphql(query)
  t.match(body.data.searchIndicators, {
    indicators: [
      {
        id: /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
        object_type: 'url',
        name: 'name test4',
        description: null,
        value: url,
        deleted_at: null,
        severity: 'HIGH',
      },
    ],
    page: 1,
    per_page: 10,
    total_entries_size: 1,
    current_entries_returned: 1,
    total_pages: 1,
  })
})

t.test('values are checked, ids are those of the value, deletions are soft', async (t) => {
  const { graphql, taegis } = await bareClient(t)
  const inputs = [
    { object_type: 'ip', object_subtype: 'ipv4', value: '192.0.2.1' },
    { object_type: 'ip', object_subtype: 'ipv6', value: '192.0.2.2' },
    { object_type: 'ip', value: '192.0.2.0/24' },
    { object_type: 'hash', object_subtype: 'md5', value: 'A'.repeat(32) },
    { object_type: 'hash', object_subtype: 'sha1', value: 'a'.repeat(32) },
    { object_type: 'hash', value: 'x'.repeat(32) },
    { object_type: 'domain', value: 'a.example' },
    { object_type: 'domain', value: 'a b' },
    { object_type: 'url', value: 'no blanks' },
  ]
  const first = (await graphql(upsert, { input: inputs })).body.data.upsertIndicators
  t.same(
    first.accepted_indicators.map(({ value }: { value: string }) => value),
    ['192.0.2.1', 'A'.repeat(32), 'a.example'],
  )
  t.equal(first.rejected_indicators.length, 6)
  const again = (await graphql(upsert, { input: inputs })).body.data.upsertIndicators
  t.same(again.accepted_indicators, first.accepted_indicators, 'the same ids')
  t.equal(taegis.rows().length, 3)

  const remove = (query: string) =>
    graphql(
      'mutation deleteIndicators($query: String!) { deleteIndicators(query: $query) { status indicators { value deleted_at } } }',
      { query },
    )
  const removed = await remove("FROM byoti_indicator WHERE value = 'A.EXAMPLE' AND deleted_at IS NULL")
  t.match(removed.body.data.deleteIndicators, {
    status: true,
    indicators: [{ value: 'a.example', deleted_at: /^20/ }],
  })
  t.match((await remove("from byoti_indicator where value = 'a.example'")).body.data.deleteIndicators, {
    status: true,
    indicators: null,
  })
  t.same([taegis.rows().length, taegis.active().length], [3, 2])
  for (const wrong of [
    '',
    'from process',
    'from byoti_indicator where',
    "from byoti_indicator where value = 'it's'",
    String.raw`from byoti_indicator where value = 'it\'s'`,
    "from byoti_indicator where nothing = 'x'",
    "from byoti_indicator where value = 'x' or value = 'y'",
    "from byoti_indicator where value = 'x' and",
    'from byoti_indicator where value = "x"',
  ]) {
    t.match((await remove(wrong)).body.errors?.[0]?.message, /syntax error/, wrong)
  }
  t.equal(taegis.active().length, 2)
  taegis.add({ object_type: 'url', value: "http://e.example/it's" })
  await remove(String.raw`from byoti_indicator where value = e'http://e.example/it\'s'`)
  t.equal(taegis.active().length, 2)
  await remove('from byoti_indicator')
  t.equal(taegis.active().length, 0, 'without where it is all of them')
})

t.test('lists are filtered and paged; the oldest leave beyond the limit', async (t) => {
  let now = 1_700_000_000_000
  const { graphql, taegis } = await bareClient(t, { now: () => now, limit: 5, largestPage: 2 })
  for (let index = 0; index < 7; index++) {
    now += 1000
    taegis.add({
      object_type: 'domain',
      value: `host-${index}.example`,
      source_name: index % 2 ? 'odd' : 'even',
    })
  }
  const get = async (name: string, input: object) => {
    const type = `${name[0]?.toUpperCase()}${name.slice(1)}Input!`
    const query = `query x($input: ${type}) { ${name}(input: $input) { indicators { value } total_entries_size total_pages per_page cursor } }`
    const { body } = await graphql(query, { input })
    const { indicators, ...rest } = body.data[name]
    return {
      values: (indicators ?? []).map(({ value }: { value: string }) => value.slice(5, 6)).join(''),
      ...rest,
    }
  }
  const active = { exclude_deleted: true }
  t.match(await get('getIndicators', { ...active, per_page: 100 }), {
    values: '23',
    total_entries_size: 5,
    total_pages: 3,
    per_page: 2,
  })
  t.match(await get('getIndicators', { ...active, page: 3 }), { values: '6' })
  t.match(await get('getIndicators', { ...active, page: 4 }), { values: '', total_entries_size: 5 })
  t.match(await get('getIndicators', {}), { total_entries_size: 7 })
  t.match(await get('getIndicators', { ...active, source_name: 'odd' }), {
    values: '35',
    total_entries_size: 2,
  })
  t.match(await get('getIndicators', { ...active, updated_after: new Date(now - 1000).toISOString() }), {
    values: '6',
  })
  t.match(await get('paginateIndicators', active), { values: '23', cursor: '2' })
  t.match(await get('paginateIndicators', { ...active, cursor: '4' }), { values: '6', cursor: null })
})

t.test('faults at random are the same for the same seed, and a share of the requests', async (t) => {
  const failures = async (seed: number) => {
    const taegis = await startTaegisSimulator({ faultRate: 0.5, seed })
    t.teardown(() => taegis.close())
    const seen: string[] = []
    for (let request = 0; request < 40; request++) {
      const body = 'grant_type=client_credentials'
      const headers = { 'content-type': 'application/x-www-form-urlencoded' }
      const answer = await fetch(taegis.url + tokenPath, { method: 'POST', headers, body }).catch(
        () => undefined,
      )
      seen.push(String(answer?.status))
    }
    return seen
  }
  const first = await failures(3)
  t.same(await failures(3), first)
  t.notSame(await failures(4), first)
  const failed = first.filter((status) => status !== '401').length
  t.ok(failed > 5 && failed < 35, `${failed} of 40`)
})

t.test('ten thousand indicators are taken in ten requests, late answers and all', async (t) => {
  const { graphql, taegis } = await bareClient(t, { latencyMs: 1 })
  for (let from = 0; from < 10_000; from += 1000) {
    const input = Array.from({ length: 1000 }, (_, index) => ({
      object_type: 'domain',
      value: `h${from + index}.example`,
    }))
    const { body } = await graphql(upsert, { input })
    t.equal(body.data.upsertIndicators.accepted_indicators.length, 1000)
  }
  t.equal(taegis.active().length, 10_000)
})
