/** What Cofense Triage may answer, and what becomes of it: one test for each case of the list. */
import t, { type Test } from 'tap'
import { cofense } from '../../../src/exporters/cofense/index.ts'
import { demoApplication } from '../../../src/exporters/cofense/simulator/index.ts'
import type { Delivery } from '../../../src/exporters/exporter.ts'
import type { Fault } from '../../../src/simulation/faults.ts'
import { ask } from '../../simulation/bare-client.ts'
import {
  enter,
  errorOf,
  indicator,
  isCreate,
  isLogin,
  isLookUp,
  isWrite,
  knowing,
  only,
  ourSource,
  removal,
  table,
  upsert,
} from './world.ts'

const ids = [
  'cf-01 cf-02 cf-03 cf-04 cf-05 cf-06 cf-07 cf-08 cf-09 cf-10',
  'cf-11 cf-12 cf-13 cf-14 cf-15 cf-16 cf-17 cf-18 cf-19 cf-20',
].flatMap((line) => line.split(' '))
const seen = new Set<string>()

function test(name: string, body: (t: Test) => Promise<void>): void {
  seen.add(name.slice(0, 5))
  t.test(name, body)
}

const evil = indicator('domain', 'evil.example')
const bad = indicator('domain', 'bad.example')
const json = (body: unknown): Fault => ({
  kind: 'wrong-content',
  contentType: 'application/vnd.api+json',
  body: JSON.stringify(body),
})
const nothingFound = json({ data: [], links: {} })
const apiError = (status: number, errors: readonly object[]): Fault => ({
  kind: 'status',
  status,
  headers: { 'content-type': 'application/vnd.api+json' },
  body: JSON.stringify({ errors }),
})
const unsure = (delivery: Delivery): Delivery => ({ ...delivery, unsure: true })

test('cf-01 a login has its credentials in the form, and its token serves until a minute before its end', async (t) => {
  const { simulator, send, requests, clock } = await enter(t)
  await send([upsert(evil)])
  const login = only(simulator.requests.filter(isLogin))
  t.equal(login.url, '/oauth/token')
  t.equal(login.headers.authorization, undefined)
  t.same(Object.fromEntries(new URLSearchParams(login.body)), {
    grant_type: 'client_credentials',
    client_id: demoApplication.clientId,
    client_secret: demoApplication.clientSecret,
  })
  t.same(
    simulator.logins.map(({ by, ok }) => [by, ok]),
    [['form', true]],
  )
  clock.now += (7200 - 61) * 1000
  await send([upsert(bad)])
  t.equal(requests(isLogin), 1)
  clock.now += 2000
  await send([upsert(evil)])
  t.equal(requests(isLogin), 2)
})

test('cf-01 a token without expires_in serves two hours, a short-lived one half its life', async (t) => {
  for (const [lifetimeS, said, servesS] of [
    [100_000, {}, 7140],
    [100_000, { expires_in: 3600, refresh_token: 'great-refresh-token', token_type: 'bearer' }, 3540],
    [100_000, { expires_in: 50 }, 25],
  ] as const) {
    const { simulator, send, requests, clock } = await enter(t, { simulator: { tokenLifetimeS: lifetimeS } })
    await send([upsert(evil)])
    simulator.revokeTokens()
    const form = new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: demoApplication.clientId,
    })
    form.set('client_secret', demoApplication.clientSecret)
    await ask(simulator.url, '/oauth/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    })
    const token = simulator.tokens.at(-1)
    simulator.fail(json({ access_token: token, ...said }), { when: isLogin })
    await send([upsert(evil)])
    const before = requests(isLogin)
    clock.now += servesS * 1000 - 1
    t.equal(only(await send([upsert(evil)])).status, 'unchanged')
    t.equal(requests(isLogin), before, `still good, ${JSON.stringify(said)}`)
    clock.now += 1
    await send([upsert(evil)])
    t.equal(requests(isLogin), before + 1, 'not used any more')
  }
})

test('cf-02 a client that Triage does not know has to be mended: one login, and nothing after it', async (t) => {
  const { another, simulator } = await enter(t)
  const wrong = 'not-the-secret-at-all'
  const exporter = another({ clientSecret: wrong })
  const outcomes = await exporter.send([upsert(evil), upsert(bad)], new AbortController().signal)
  t.same(
    outcomes.map(({ status }) => status),
    ['later', 'later'],
  )
  const error = errorOf(outcomes[0])
  t.same([error.kind, error.status, error.upstreamCode], ['credentials', 401, 'invalid_client'])
  t.match(error.message, /does not accept the client id and client secret: Client authentication failed/)
  t.notMatch(error.message, wrong)
  t.equal(simulator.requests.length, 1)
})

test('cf-03 a login that is too much waits a minute at least, longer where Triage says so', async (t) => {
  for (const [headers, wait] of [
    [{}, 60_000],
    [{ 'retry-after': '7' }, 60_000],
    [{ 'retry-after': '120' }, 120_000],
  ] as const) {
    const { simulator, send } = await enter(t)
    simulator.fail({ kind: 'status', status: 429, headers }, { when: isLogin })
    const outcome = only(await send([upsert(evil)]))
    t.equal(outcome.status, 'later')
    t.same([errorOf(outcome).kind, errorOf(outcome).retryAfterMs], ['throttled', wait])
    t.equal(simulator.requests.length, 1)
    t.equal(only(await send([upsert(evil)])).status, 'accepted')
  }
})

test('cf-04 what is new is created, with its id in the receipt', async (t) => {
  const { simulator, send } = await enter(t)
  const outcome = only(await send([upsert(evil)]))
  t.match(outcome, {
    key: 'evil.example',
    status: 'accepted',
    remoteId: '1',
    vendor: { id: '1', threatType: 'Hostname', threatLevel: 'Malicious', threatSource: ourSource },
  })
  const create = only(simulator.requests.filter(isCreate))
  t.equal(create.url, '/api/public/v2/threat_indicators')
  t.equal(create.headers['content-type'], 'application/vnd.api+json')
  t.equal(create.headers.accept, 'application/vnd.api+json')
  t.same(JSON.parse(create.body), {
    data: {
      type: 'threat_indicators',
      attributes: {
        threat_level: 'Malicious',
        threat_type: 'Hostname',
        threat_value: 'evil.example',
        threat_source: ourSource,
      },
    },
  })
})

test('cf-05 what came in between is found by its value: changed where its level differs, else left', async (t) => {
  for (const [level, status, puts] of [
    ['Suspicious', 'accepted', 1],
    ['Malicious', 'unchanged', 0],
  ] as const) {
    const threat = { type: 'Hostname', value: 'evil.example', source: ourSource, level }
    const { simulator, send, requests } = await enter(t, { simulator: { threats: [threat] } })
    simulator.fail(nothingFound, { when: isLookUp })
    t.match(only(await send([upsert(evil)])), { status, remoteId: '1' })
    t.equal(
      requests(({ method }) => method === 'PUT'),
      puts,
    )
    t.same(table(simulator), [`1 Hostname evil.example Malicious ${ourSource}`])
  }
})

test('cf-05 what Triage keeps once for all sources gets the level, and the receipt tells whose it is', async (t) => {
  const threat = { type: 'Hostname', value: 'evil.example', source: 'Triage-UI', level: 'Benign' }
  const { simulator, send } = await enter(t, { simulator: { threats: [threat], uniqueWithin: 'instance' } })
  const [first, second] = await send([upsert(evil), upsert(bad)])
  t.match(first, { status: 'accepted', remoteId: '1', vendor: { threatSource: 'Triage-UI' } })
  t.equal(second?.status, 'accepted')
  t.equal(table(simulator)[0], '1 Hostname evil.example Malicious Triage-UI')
  t.match(await send([upsert(evil)]), [{ status: 'unchanged', vendor: { threatSource: 'Triage-UI' } }])
  t.equal(only(await send([removal(evil)])).status, 'unchanged', 'what is not ours is not taken back')
  t.equal(table(simulator)[0], '1 Hostname evil.example Malicious Triage-UI')
})

test('cf-06 what is invalid is refused with all of its words, and the others are sent', async (t) => {
  const { simulator, send, requests } = await enter(t)
  const blank = (name: string) => ({
    title: "can't be blank",
    detail: `${name} - can't be blank`,
    code: '100',
    source: { pointer: `/data/attributes/${name}` },
    status: '422',
  })
  const when = (request: Parameters<typeof isCreate>[0]) => isCreate(request) && request.body.includes('evil')
  simulator.fail(apiError(422, [blank('threat_key'), blank('threat_value')]), { when })
  const outcomes = await send([upsert(evil), upsert(bad)])
  t.match(outcomes, [
    { status: 'rejected', reason: "threat_key - can't be blank; threat_value - can't be blank" },
    { status: 'accepted' },
  ])
  t.equal(requests(isCreate), 2, 'not tried twice')
})

test('cf-07 what is known is changed by its id, in one request', async (t) => {
  const { simulator, send, requests } = await enter(t)
  const first = only(await send([upsert(evil)]))
  const before = simulator.requests.length
  const suspicious = upsert({ ...evil, score: 2 })
  t.match(only(await send([knowing(suspicious, first)])), {
    status: 'accepted',
    remoteId: '1',
    vendor: { id: '1', threatLevel: 'Suspicious', threatSource: ourSource },
  })
  t.equal(simulator.requests.length, before + 1)
  const put = only(simulator.requests.filter(({ method }) => method === 'PUT'))
  t.equal(put.url, '/api/public/v2/threat_indicators/1')
  t.same(JSON.parse(put.body), {
    data: { id: '1', type: 'threat_indicators', attributes: { threat_level: 'Suspicious' } },
  })
  t.equal(requests(isLookUp), 1, 'only of the first')
})

test('cf-07 an instance without PUT is changed by PATCH, and asked so from then on', async (t) => {
  for (const putMissing of ['404', '405'] as const) {
    const { simulator, send, requests } = await enter(t, { simulator: { putMissing } })
    const first = only(await send([upsert(evil)]))
    for (const score of [2, 1] as const) {
      t.equal(only(await send([knowing(upsert({ ...evil, score }), first)])).status, 'accepted')
    }
    t.same(
      ['PUT', 'PATCH'].map((each) => requests(({ method }) => method === each)),
      [1, 2],
    )
    t.same(table(simulator), [`1 Hostname evil.example Benign ${ourSource}`])
    simulator.remove(1)
    t.match(only(await send([knowing(upsert(evil), first)])), { status: 'accepted', remoteId: '2' })
  }
})

test('cf-08 an id that Triage has forgotten is looked up again and created; a removal of it is none', async (t) => {
  const { simulator, send, requests } = await enter(t)
  const batch = [upsert(evil), upsert(bad)]
  const outcomes = await send(batch)
  simulator.remove(1)
  simulator.remove(2)
  const before = requests(isLookUp)
  const again = await send(batch.map((delivery, at) => knowing(delivery, outcomes[at])))
  t.same(again.map((outcome) => [outcome.status, 'remoteId' in outcome && outcome.remoteId]).sort(), [
    ['accepted', '3'],
    ['accepted', '4'],
  ])
  t.equal(requests(isLookUp), before + 1, 'all that were forgotten in one look-up')
  const removals = [removal(evil), removal(bad)].map((delivery, at) => knowing(delivery, outcomes[at]))
  const [first] = removals
  simulator.remove(3)
  simulator.remove(4)
  t.match(first && (await send([first])), [{ status: 'unchanged' }])
})

test('cf-09 a token that Triage does not accept any more is asked for anew once, and the request repeated once', async (t) => {
  const { simulator, send, requests } = await enter(t)
  await send([upsert(bad)])
  simulator.revokeTokens()
  const before = simulator.requests.length
  t.equal(only(await send([upsert(evil)])).status, 'accepted')
  t.equal(simulator.requests.length, before + 4, 'refused, login, look-up, create')
  t.equal(requests(isLogin), 2)

  simulator.fail({ kind: 'status', status: 401 }, { times: 'always', when: isWrite })
  const writes = requests(isWrite)
  const error = errorOf(only(await send([upsert(indicator('domain', 'third.example'))])))
  t.same([error.kind, error.status], ['credentials', 401])
  t.equal(requests(isWrite), writes + 2)
  t.equal(requests(isLogin), 3)
})

test('cf-10 an application that may only read has to be mended: nothing more is sent', async (t) => {
  const { simulator, send, requests } = await enter(t, {
    simulator: { applications: [{ ...demoApplication, role: 'read' }] },
    concurrency: 2,
  })
  const batch = Array.from({ length: 50 }, (_, at) => upsert(indicator('domain', `d${at}.example`)))
  const outcomes = await send(batch)
  t.equal(outcomes.filter(({ status }) => status === 'later').length, 50)
  t.same([...new Set(outcomes.map((outcome) => errorOf(outcome).kind))], ['permission'])
  t.ok(
    requests(isWrite) <= 4,
    `${requests(isWrite)} went out: those under way, and those let through as these came back`,
  )
  t.equal(simulator.writes.length, 0)
})

test('cf-11 a 429 without Retry-After names no time, so that the default of five minutes holds', async (t) => {
  const { simulator, send } = await enter(t)
  simulator.fail({ kind: 'status', status: 429 }, { when: isCreate })
  const error = errorOf(only(await send([upsert(evil)])))
  t.same([error.kind, error.retryAfterMs], ['throttled', undefined])
  t.equal(cofense.throttledMs, 300_000)
})

test('cf-12 a 429 with Retry-After is as long as it says; the rest comes back unsent, what is done stays done', async (t) => {
  const { simulator, send, requests } = await enter(t, { concurrency: 1 })
  const batch = Array.from({ length: 30 }, (_, at) => upsert(indicator('domain', `d${at}.example`)))
  let creates = 0
  simulator.fail(
    { kind: 'status', status: 429, headers: { 'retry-after': '30' } },
    {
      when(request) {
        creates += isCreate(request) ? 1 : 0
        return creates === 11
      },
    },
  )
  const outcomes = await send(batch)
  t.same(
    outcomes.map(({ status }) => status),
    [...Array(10).fill('accepted'), ...Array(20).fill('later')],
  )
  for (const outcome of outcomes.slice(10))
    t.match(errorOf(outcome), { kind: 'throttled', retryAfterMs: 30_000 })
  t.equal(requests(isCreate), 11)
  t.equal(simulator.writes.length, 10)
})

test('cf-13 Triage takes JSON:API alone; should it refuse ours, that is final and said', async (t) => {
  const { simulator, send } = await enter(t)
  await send([upsert(bad)])
  const refused = await ask(simulator.url, '/api/public/v2/threat_indicators', {
    method: 'POST',
    headers: { authorization: `Bearer ${simulator.tokens[0]}`, 'content-type': 'application/json' },
    body: '{}',
  })
  t.equal(refused.status, 415)
  const error = { title: 'Unsupported media type', code: '415', status: '415' }
  simulator.fail(apiError(415, [error]), { when: isCreate })
  t.match(only(await send([upsert(evil)])), { status: 'rejected', reason: /Unsupported media type/ })
  for (const { headers } of simulator.requests.filter(isWrite).slice(2)) {
    t.equal(headers['content-type'], 'application/vnd.api+json')
  }
})

test('cf-13 a look-up that is refused as a whole is not tried in pieces', async (t) => {
  const { simulator, send, requests } = await enter(t)
  const error = {
    title: 'Filter not allowed',
    detail: 'threat_value is not allowed.',
    code: '102',
    status: '400',
  }
  simulator.fail(apiError(400, [error]), { times: 'always', when: isLookUp })
  const outcomes = await send([upsert(evil), upsert(bad)])
  for (const outcome of outcomes) t.equal(outcome.status, 'accepted', 'what is new needs none')
  t.equal(requests(isLookUp), 1)
  for (const outcome of await send([removal(evil), removal(bad)]))
    t.match(outcome, { status: 'rejected', reason: 'threat_value is not allowed.' })
  t.equal(requests(isLookUp), 2)
})

test('cf-14 no page has more than 200 records: a longer list is read to its end', async (t) => {
  const value = 'evil.example'
  const others = Array.from({ length: 250 }, (_, at) => ({
    type: 'Hostname',
    value: `http://evil.example/${at}`,
    source: ourSource,
    level: 'Benign',
  }))
  const threats = [
    ...others,
    { type: 'URL', value: 'http://evil.example/,', source: ourSource, level: 'Benign' },
  ]
  const { simulator, send } = await enter(t, { simulator: { threats } })
  await send([upsert(indicator('domain', value))])
  const tooMuch = await ask(simulator.url, '/api/public/v2/threat_indicators?page[size]=201', {
    headers: { authorization: `Bearer ${simulator.tokens[0]}` },
  })
  t.equal(tooMuch.status, 400)
  t.equal(JSON.parse(tooMuch.body.toString()).errors[0].code, '118')

  const outcome = only(await send([upsert(indicator('url', 'http://evil.example/,', { score: 1 }))]))
  t.match(outcome, { status: 'unchanged', remoteId: '251' })
  const pages = simulator.requests.filter(isLookUp).map(({ url }) => new URL(url, simulator.url).searchParams)
  t.same(
    pages.map((page) => [page.get('page[size]'), page.get('page[number]')]),
    [
      ['200', null],
      ['200', null],
      ['200', '2'],
    ],
  )
})

test('cf-15 a comma in a filter means OR: such values are looked up by their beginning, and compared', async (t) => {
  const withComma = 'http://evil.example/a,b'
  const row = (value: string, level: string) => ({ type: 'URL', value, source: ourSource, level })
  const threats = [
    row('http://evil.example/a', 'Suspicious'),
    row('b', 'Suspicious'),
    row(withComma, 'Benign'),
    row(`${withComma}c`, 'Suspicious'),
  ]
  const { simulator, send } = await enter(t, { simulator: { threats } })
  const quoted = 'http://evil.example/"q'
  const outcomes = await send([
    upsert(indicator('url', withComma)),
    upsert(indicator('url', quoted)),
    upsert(indicator('url', 'http://new.example/x,y')),
    upsert(indicator('url', 'http://plain.example/?a=b&c=d+e%20f#g')),
  ])
  t.match(outcomes, [
    { status: 'accepted', remoteId: '3' },
    { status: 'accepted' },
    { status: 'accepted' },
    { status: 'accepted' },
  ])
  t.same(
    table(simulator)
      .slice(0, 4)
      .map((line) => line.split(' ')[3]),
    ['Suspicious', 'Suspicious', 'Malicious', 'Suspicious'],
    'only the one that is meant is changed',
  )
  const filters = simulator.requests
    .filter(isLookUp)
    .map(({ url }) => new URL(url, simulator.url).searchParams)
    .map((query) => [query.get('filter[threat_value]'), query.get('filter[threat_value_start]')])
  t.same(filters.map((filter) => filter.join('|')).sort(), [
    'http://plain.example/?a=b&c=d+e%20f#g|',
    '|http://evil.example/',
    '|http://evil.example/a',
    '|http://new.example/x',
  ])
})

test('cf-16 after a 500 it is looked whether the write was carried out: then it counts as accepted', async (t) => {
  const internal = apiError(500, [{ title: 'Internal Server Error', code: '500', status: '500' }])
  for (const applied of [true, false]) {
    const { simulator, send, requests } = await enter(t)
    simulator[applied ? 'failAfter' : 'fail'](internal, { when: isCreate })
    const first = only(await send([upsert(evil)]))
    t.equal(first.status, 'unknown')
    t.match(errorOf(first), { kind: 'unavailable', status: 500 })
    t.match(only(await send([unsure(upsert(evil))])), { status: 'accepted', remoteId: '1' })
    t.equal(requests(isCreate), applied ? 1 : 2)
    t.same(table(simulator), [`1 Hostname evil.example Malicious ${ourSource}`])
  }
  const { simulator, send } = await enter(t)
  simulator.fail(internal, { when: isLookUp })
  t.equal(only(await send([upsert(evil)])).status, 'later', 'a look-up has done nothing')
  const first = only(await send([upsert(evil)]))
  simulator.fail(internal, { when: ({ method }) => method === 'PUT' })
  const suspicious = knowing(upsert({ ...evil, score: 2 }), first)
  t.equal(only(await send([suspicious])).status, 'unknown')
  t.equal(only(await send([unsure(suspicious)])).status, 'accepted')
  t.same(table(simulator), [`1 Hostname evil.example Suspicious ${ourSource}`])
})

test('cf-17 the page of a proxy is an answer that is not there yet', async (t) => {
  const { simulator, send } = await enter(t)
  const page: Fault = {
    kind: 'status',
    status: 502,
    headers: { 'content-type': 'text/html' },
    body: '<html>',
  }
  simulator.fail(page, { when: isCreate })
  const outcome = only(await send([upsert(evil)]))
  t.equal(outcome.status, 'unknown')
  t.match(errorOf(outcome), { kind: 'unavailable', status: 502 })
  t.equal(only(await send([unsure(upsert(evil))])).status, 'accepted')
})

test('cf-18 a write that was carried out before the connection broke leaves one record, and is accepted', async (t) => {
  const { simulator, send, requests } = await enter(t)
  simulator.failAfter({ kind: 'reset' }, { when: isCreate })
  const first = only(await send([upsert(evil)]))
  t.equal(first.status, 'unknown')
  t.equal(errorOf(first).kind, 'outcome-unknown')
  t.match(only(await send([unsure(upsert(evil))])), { status: 'accepted', remoteId: '1' })
  t.equal(requests(isCreate), 1, 'not created twice')
  t.equal(simulator.rows().length, 1)

  // The ledger was lost as well: the 422 of a second write would say the same.
  simulator.fail(nothingFound, { when: isLookUp })
  t.match(only(await send([upsert(evil)])), { status: 'unchanged', remoteId: '1' })
  t.equal(simulator.rows().length, 1)
})

test('cf-19 an answer that is cut says nothing: it is looked up', async (t) => {
  for (const [fault, kind] of [
    [{ kind: 'half-body' }, 'outcome-unknown'],
    [{ kind: 'cut-json' }, 'unreadable'],
  ] as const) {
    const { simulator, send, requests } = await enter(t)
    simulator.fail(fault, { when: isCreate })
    const first = only(await send([upsert(evil)]))
    t.equal(first.status, 'unknown')
    t.equal(errorOf(first).kind, kind)
    t.equal(only(await send([unsure(upsert(evil))])).status, 'accepted')
    t.equal(requests(isCreate), 1)

    simulator.fail(fault, { when: isLookUp })
    t.equal(only(await send([upsert(bad)])).status, 'later', 'a look-up that is cut is no empty one')
    t.equal(requests(isCreate), 1)
  }
})

test('cf-20 an answer that does not come is given up', async (t) => {
  const { simulator, send, requests } = await enter(t, { timeoutMs: 150 })
  await send([upsert(bad)])
  simulator.fail({ kind: 'delay', ms: 3_600_000 }, { when: isCreate })
  const first = only(await send([upsert(evil)]))
  t.equal(first.status, 'unknown')
  t.equal(errorOf(first).kind, 'outcome-unknown')
  simulator.fail({ kind: 'delay', ms: 3_600_000 }, { when: isLookUp })
  const second = only(await send([unsure(upsert(evil))]))
  t.equal(second.status, 'unknown', 'still')
  t.equal(errorOf(second).kind, 'timeout')
  t.equal(only(await send([unsure(upsert(evil))])).status, 'accepted')
  t.equal(requests(isCreate), 3)
  t.equal(simulator.rows().length, 2)
})

t.test('every case of the list is a test', async (t) => {
  t.same([...seen].sort(), ids)
})
