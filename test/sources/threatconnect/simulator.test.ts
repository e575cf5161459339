import { createHmac } from 'node:crypto'
import { BlockList, isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import t from 'tap'
import { type Account, demoAccount } from '../../../src/sources/threatconnect/simulator/accounts.ts'
import { createCorpus } from '../../../src/sources/threatconnect/simulator/corpus/corpus.ts'
import { malformedRecords } from '../../../src/sources/threatconnect/simulator/corpus/malformed.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectOptions,
} from '../../../src/sources/threatconnect/simulator/index.ts'
import { groupTypeIds, indicatorTypeIds } from '../../../src/sources/threatconnect/simulator/types.ts'
import { type Asked, ask, askRaw } from '../../simulation/bare-client.ts'

const noon = Date.UTC(2024, 5, 1, 12)
const withToken = { authorization: `TC-Token ${demoAccount.token}` }

type Item = Readonly<Record<string, unknown>>

interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly text: string
  readonly body: Item
  /** The elements of a list; a single element alone. */
  readonly data: readonly Item[]
  readonly next: string | undefined
}

async function start(test: Pick<typeof t, 'teardown'>, options: ThreatConnectOptions = {}) {
  const simulator = await startThreatConnectSimulator({ now: () => noon, ...options })
  test.teardown(() => simulator.close())
  return simulator
}

async function get(url: string, path: string, asked: Asked = {}): Promise<Reply> {
  const { status, headers, body: bytes } = await ask(url, path, { headers: withToken, ...asked })
  const text = bytes.toString()
  const body: Item = JSON.parse(text)
  const data = Array.isArray(body.data) ? body.data : body.data === undefined ? [] : [body.data]
  return { status, headers, text, body, data, next: typeof body.next === 'string' ? body.next : undefined }
}

/** Every page by its next link, from the path and query of the link only. */
async function getAll(url: string, first: string): Promise<Reply[]> {
  const pages: Reply[] = []
  for (let path: string | undefined = first; path !== undefined; ) {
    const page = await get(url, path)
    pages.push(page)
    path = page.next?.replace(/^https?:\/\/[^/]+/, '')
  }
  return pages
}

function sign(account: Account, path: string, seconds: number, method = 'GET'): Record<string, string> {
  const signature = createHmac('sha256', account.secretKey)
    .update(`${path}:${method}:${seconds}`)
    .digest('base64')
  return { authorization: `TC ${account.accessId}:${signature}`, timestamp: String(seconds) }
}

/** Ids exactly as written, which JSON.parse would round. */
function idsOf(text: string): string[] {
  return [...text.matchAll(/\{"id":(\d+),"dateAdded"/g)].map((match) => match[1] ?? '')
}

const hosts = (...names: readonly string[]) => names.map((summary) => ({ type: 'Host', summary }))

t.test('the published example of a signature is accepted', async (t) => {
  const account = { accessId: '12345', secretKey: 'abc/DEF+123=secret' }
  const { url } = await start(t, { accounts: [account], now: () => 1_513_703_787_000 })
  const path = '/api/v3/indicators?tql=typeName%20in%20(%22Address%22)&fields=tags'
  const headers = {
    authorization: 'TC 12345:TDM6mcfssobf2YOL4Lv9v+Iuq0sfgFNyZR2QvTrpWv8=',
    timestamp: '1513703787',
  }
  t.match(await get(url, path, { headers }), { status: 200, body: { status: 'Success' } })
  t.match(await get(url, `${path}&fields=attributes`, { headers }), { status: 401 }, 'for no other query')
})

t.test('the signature covers path and query exactly as they stand on the request line', async (t) => {
  const { url } = await start(t)
  const seconds = noon / 1_000
  for (const path of [
    '/api/v3/indicators',
    '/api/v3/indicators/',
    "/api/v3/indicators?tql=summary%20%3D%20'x'",
    '/api/v3/indicators?tql=summary+%3d+%27x%27&&',
    '/api/v3/security/owners?resultLimit=500',
  ]) {
    t.match(await get(url, path, { headers: sign(demoAccount, path, seconds) }), { status: 200 }, path)
  }
  const other = sign(demoAccount, '/api/v3/indicators?tql=summary%20%3d%20%27x%27', seconds)
  t.match(await get(url, "/api/v3/indicators?tql=summary%20%3D%20'x'", { headers: other }), { status: 401 })
})

t.test('each way to be refused, in the documented words', async (t) => {
  const accounts: readonly Account[] = [
    demoAccount,
    { accessId: 'gone', secretKey: 's', token: 'gone-token', disabled: true },
    { accessId: 'powerless', secretKey: 's', token: 'powerless-token', rights: 'none' },
    { accessId: 'expired', secretKey: 's', token: 'expired-token', tokenExpiresAt: noon },
  ]
  const { url } = await start(t, { accounts })
  const path = '/api/v3/indicators?resultLimit=1'
  const now = noon / 1_000
  const good = sign(demoAccount, path, now)
  const wrong = 'Signature data did not match expected result'
  const late = 'Timestamp out of acceptable time range'
  const cases: readonly (readonly [
    what: string,
    headers: Record<string, string>,
    status: number,
    message: string | RegExp,
  ])[] = [
    ['nothing', {}, 401, 'Access Denied'],
    ['another scheme', { authorization: 'Bearer x' }, 401, 'Access Denied'],
    [
      'no signature',
      { authorization: `TC ${demoAccount.accessId}`, timestamp: String(now) },
      401,
      'Access Denied',
    ],
    ['an unknown access id', sign({ ...demoAccount, accessId: '999' }, path, now), 401, 'Access Denied'],
    ['a disabled account', sign({ accessId: 'gone', secretKey: 's' }, path, now), 401, 'Access Denied'],
    ['a wrong secret', sign({ ...demoAccount, secretKey: 'other' }, path, now), 401, wrong],
    ['another method', sign(demoAccount, path, now, 'POST'), 401, wrong],
    ['another path', sign(demoAccount, '/api/v3/indicators', now), 401, wrong],
    ['another time', { ...good, timestamp: String(now + 1) }, 401, wrong],
    ['no time', { authorization: good.authorization ?? '' }, 401, late],
    ['milliseconds', sign(demoAccount, path, noon), 401, late],
    ['a time that is none', { ...good, timestamp: 'now' }, 401, late],
    ['301 s behind', sign(demoAccount, path, now - 301), 401, late],
    ['301 s ahead', sign(demoAccount, path, now + 301), 401, late],
    ['an unknown token', { authorization: 'TC-Token nonsense' }, 401, 'Unauthorized'],
    ['an expired token', { authorization: 'TC-Token expired-token' }, 401, 'Unauthorized'],
    ['the token of a disabled account', { authorization: 'TC-Token gone-token' }, 401, 'Unauthorized'],
    ['no rights, by token', { authorization: 'TC-Token powerless-token' }, 403, /permission/],
    [
      'no rights, by signature',
      sign({ accessId: 'powerless', secretKey: 's' }, path, now),
      403,
      /permission/,
    ],
  ]
  for (const [what, headers, status, message] of cases) {
    const reply = await get(url, path, { headers })
    t.match(reply, { status, body: { errCode: /^0x/, message, status: 'Error' } }, what)
  }
  for (const seconds of [now - 300, now, now + 300]) {
    t.match(await get(url, path, { headers: sign(demoAccount, path, seconds) }), { status: 200 })
  }
  t.match(await get(url, path), { status: 200 }, 'a token needs no timestamp')
})

t.test('what is not percent-encoded is refused like a wrong signature', async (t) => {
  const { url } = await start(t)
  const seconds = noon / 1_000
  const quoted = '/api/v3/indicators?tql=summary="x"'
  t.match(await get(url, quoted, { headers: sign(demoAccount, quoted, seconds) }), {
    status: 401,
    body: { message: 'Signature data did not match expected result' },
  })
  const blank = '/api/v3/indicators?sorting=id asc'
  const { authorization, timestamp } = sign(demoAccount, blank, seconds)
  const head = `GET ${blank} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\ntimestamp: ${timestamp}\r\n\r\n`
  t.match(await askRaw(url, head), /^HTTP\/1\.1 401 [\s\S]*Signature data did not match expected result/)
})

t.test('the simulated clock may be ahead, shows in the Date header, and judges signatures', async (t) => {
  const { url, now } = await start(t, { skewMs: 600_000 })
  t.equal(now(), noon + 600_000)
  const path = '/api/v3/indicators'
  const reply = await get(url, path, { headers: sign(demoAccount, path, noon / 1_000) })
  t.match(reply, { status: 401, headers: { date: 'Sat, 01 Jun 2024 12:10:00 GMT' } })
  t.match(await get(url, path, { headers: sign(demoAccount, path, noon / 1_000 + 600) }), { status: 200 })
})

t.test('following next reads every active indicator once, newest first', async (t) => {
  const { url, records } = await start(t, { corpus: { size: 1_234, seed: 5 } })
  const active = records.indicators.filter((record) => record.active).map((record) => String(record.id))
  for (const [query, limit] of [
    ['', 100],
    ['?resultLimit=1000', 1_000],
    ['?resultLimit=7&owner=Common%20Community', 7],
  ] as const) {
    const pages = await getAll(url, `/api/v3/indicators${query}`)
    const expected = query.includes('owner')
      ? records.indicators.filter((record) => record.active && record.owner.name === 'Common Community')
      : records.indicators.filter((record) => record.active)
    t.same(
      pages.flatMap((page) => idsOf(page.text)),
      expected.map((record) => String(record.id)).reverse(),
      query,
    )
    t.ok(
      pages.slice(0, -1).every((page) => page.data.length === limit),
      'whole pages but the last',
    )
    t.equal(pages.at(-1)?.next, undefined)
    t.equal(pages[0]?.body.prev, undefined)
    t.ok(pages.slice(1).every((page) => typeof page.body.prev === 'string'))
  }
  t.ok(active.includes('9007199254918487') && active.includes('9007199254918489'), 'ids above 2^53 are exact')
})

t.test(
  'links keep the query, lead to the address called or to another host, and hold an own encoding',
  async (t) => {
    const indicators = hosts('a.example', 'b.example', 'c.example')
    const path =
      '/api/v3/indicators?tql=typeName+in+(%22Host%22)&resultStart=1&resultLimit=1&sorting=id%20asc'
    const kept = 'tql=typeName%20in%20(%22Host%22)&sorting=id%20asc'
    const cases: readonly (readonly [
      options: ThreatConnectOptions,
      origin: (url: string) => string,
      query: string,
    ])[] = [
      [{}, (url) => url, kept],
      [{ nextHost: 'app.threatconnect.example' }, () => 'https://app.threatconnect.example', kept],
      [{ nextHost: 'http://127.0.0.1:9' }, () => 'http://127.0.0.1:9', kept],
      [{ nextEncoding: 'raw' }, (url) => url, 'tql=typeName in ("Host")&sorting=id asc'],
    ]
    for (const [options, origin, query] of cases) {
      const { url } = await start(t, { indicators, ...options })
      const { body, data } = await get(url, path)
      t.match(data, [{ summary: 'b.example' }])
      t.equal(body.next, `${origin(url)}/api/v3/indicators?${query}&resultStart=2&resultLimit=1`)
      t.equal(body.prev, `${origin(url)}/api/v3/indicators?${query}&resultStart=0&resultLimit=1`)
    }
  },
)

t.test('paging parameters', async (t) => {
  const { url } = await start(t, {
    indicators: hosts(...Array.from({ length: 150 }, (_, n) => `h${n}.example`)),
  })
  const path = '/api/v3/indicators'
  t.equal((await get(url, path)).data.length, 100, 'a page has 100 by default')
  t.equal((await get(url, `${path}?resultLimit=10000`)).data.length, 150)
  t.equal((await get(url, `${path}?resultStart=149`)).data.length, 1)
  t.match(await get(url, `${path}?resultStart=999`), { status: 200, data: [], next: undefined })
  t.equal((await get(url, path)).body.count, undefined, 'no count unless asked for')
  t.equal((await get(url, `${path}?count=true`)).body.count, 150)
  t.equal(
    (await get(url, `${path}?count=true&resultLimit=1&tql=summary%20%3D%20%22h1.example%22`)).body.count,
    1,
  )
  t.equal((await get(url, `${path}?count=true&sorting=summary`)).body.count, 150)
  t.equal(
    (await get(url, `${path}?count=true&resultStart=1`)).body.count,
    undefined,
    'only with the first page',
  )
  for (const query of [
    'resultLimit=10001',
    'resultLimit=0',
    'resultLimit=-1',
    'resultLimit=ten',
    'resultLimit=',
    'resultStart=-1',
    'resultStart=1.5',
  ]) {
    t.match(
      await get(url, `${path}?${query}`),
      { status: 400, body: { status: 'Error', message: /result/ } },
      query,
    )
  }
})

t.test('sorting by one and by several parameters, both ways, nulls where they are wanted', async (t) => {
  const { url } = await start(t, {
    indicators: [
      { type: 'Host', summary: 'a', confidence: 5, rating: 1, dateAdded: '2024-01-03T00:00:00Z' },
      { type: 'Host', summary: 'b', confidence: 5, rating: 2, dateAdded: '2024-01-01T00:00:00Z' },
      { type: 'Host', summary: 'c', rating: 3, dateAdded: '2024-01-02T00:00:00Z' },
      { type: 'Host', summary: 'd', confidence: 90, dateAdded: '2024-01-01T00:00:00Z' },
    ],
  })
  const cases: readonly (readonly [sorting: string, order: string])[] = [
    ['', 'dcba'],
    ['id asc', 'abcd'],
    ['ID DESC', 'dcba'],
    ['summary', 'abcd'],
    ['summary desc', 'dcba'],
    ['dateAdded ASC', 'bdca'],
    ['dateAdded ASC summary DESC', 'dbca'],
    ['confidence asc', 'abdc'],
    ['confidence desc rating desc', 'dbac'],
    ['confidence nullsfirst', 'cabd'],
    ['confidence desc nullsfirst id desc', 'cdba'],
    ['rating nullslast', 'abcd'],
    ['ownerName asc confidence desc', 'dabc'],
  ]
  for (const [sorting, order] of cases) {
    for (const limit of [1, 3, 100]) {
      const pages = await getAll(
        url,
        `/api/v3/indicators?sorting=${encodeURIComponent(sorting)}&resultLimit=${limit}`,
      )
      t.ok(
        pages.every((page) => page.data.length > 0),
        'no page is empty',
      )
      t.equal(
        pages.flatMap((page) => page.data.map((each) => each.summary)).join(''),
        order,
        `${sorting} by ${limit}`,
      )
    }
  }
  for (const sorting of ['foo asc', 'hasTag', 'asc', 'confidence,rating']) {
    const reply = await get(url, `/api/v3/indicators?sorting=${encodeURIComponent(sorting)}`)
    t.match(reply, { status: 400, body: { message: /sorting parameter/ } }, sorting)
  }
})

t.test('a member comes only when its field is asked for; empty associations are empty objects', async (t) => {
  const { url } = await start(t, {
    groups: [{ id: 70, type: 'Campaign', name: 'Op', tags: ['Red'], dateAdded: '2024-01-01T00:00:00Z' }],
    indicators: [
      {
        id: 9_007_199_254_740_993n,
        type: 'Host',
        summary: 'full.example',
        dateAdded: '2024-01-01T00:00:00Z',
        rating: 3,
        confidence: 70,
        description: 'D',
        source: 'S',
        threatAssess: { score: 830, rating: 4.1, confidence: 50 },
        calScore: 12,
        tags: ['Red'],
        labels: ['TLP:AMBER'],
        attributes: [{ type: 'Description', value: 'D', default: true }],
        groups: [70],
        indicators: [2],
        observations: 3,
        lastObserved: '2024-01-02T00:00:00Z',
        falsePositives: 1,
        lastFalsePositive: '2024-01-03T00:00:00Z',
        firstSeen: '2023-01-01T00:00:00Z',
        lastSeen: '2023-02-01T00:00:00Z',
        externalDateExpires: '2025-01-01T00:00:00Z',
        members: { dnsActive: true, whoisActive: false },
      },
      { id: 2, type: 'Host', summary: 'bare.example', dateAdded: '2024-01-01T00:00:00Z' },
    ],
  })
  const base = [
    'active',
    'activeLocked',
    'dateAdded',
    'hostName',
    'id',
    'lastModified',
    'legacyLink',
    'ownerId',
    'ownerName',
    'privateFlag',
    'summary',
    'type',
    'webLink',
  ]
  const plain = await get(url, '/api/v3/indicators')
  t.same(Object.keys(plain.data[1] ?? {}).sort(), base)
  t.same(
    Object.keys(plain.data[0] ?? {}).sort(),
    [...base, 'confidence', 'description', 'dnsActive', 'rating', 'source', 'whoisActive'].sort(),
  )
  t.match(plain.text, /"id":9007199254740993,.*"rating":3\.00,"confidence":70,/)

  const cases: readonly (readonly [field: string, full: Item, bare: Item])[] = [
    ['tags', { tags: { data: [{ name: 'Red' }] } }, { tags: {} }],
    [
      'securityLabels',
      { securityLabels: { data: [{ name: 'TLP:AMBER', color: 'FFC000', owner: 'System' }] } },
      { securityLabels: {} },
    ],
    [
      'attributes',
      { attributes: { data: [{ type: 'Description', value: 'D', default: true, pinned: false }] } },
      { attributes: {} },
    ],
    [
      'associatedGroups',
      { associatedGroups: { data: [{ id: 70, type: 'Campaign', name: 'Op' }] } },
      { associatedGroups: {} },
    ],
    [
      'associatedIndicators',
      { associatedIndicators: { data: [{ id: 2, summary: 'bare.example' }] } },
      { associatedIndicators: {} },
    ],
    [
      'threatAssess',
      {
        threatAssessScore: 830,
        threatAssessRating: 4.1,
        threatAssessConfidence: 50,
        threatAssessScoreObserved: 0,
        threatAssessScoreFalsePositive: 0,
        calScore: 12,
      },
      {},
    ],
    ['observations', { observations: 3, lastObserved: '2024-01-02T00:00:00Z' }, {}],
    [
      'falsePositives',
      { falsePositives: 1, lastFalsePositive: '2024-01-03T00:00:00Z', falsePositiveReportedByUser: false },
      {},
    ],
    ['sightings', { firstSeen: '2023-01-01T00:00:00Z', lastSeen: '2023-02-01T00:00:00Z' }, {}],
    ['externalDates', { externalDateExpires: '2025-01-01T00:00:00Z' }, {}],
    ['associatedCases', { associatedCases: {} }, { associatedCases: {} }],
    [
      'associatedGroups.tags',
      { associatedGroups: { data: [{ tags: { data: [{ name: 'Red' }] } }] } },
      { associatedGroups: {} },
    ],
  ]
  for (const [field, full, bare] of cases) {
    const { data } = await get(url, `/api/v3/indicators?fields=${field}`)
    t.match(data[0], full, field)
    const added = (item: Item | undefined, from: Item | undefined) =>
      Object.keys(item ?? {}).filter((name) => !(name in (from ?? {})))
    t.same(added(data[0], plain.data[0]).sort(), Object.keys(full).sort(), `${field} adds nothing else`)
    t.same(added(data[1], plain.data[1]).sort(), Object.keys(bare).sort())
    for (const [name, value] of Object.entries(bare)) t.same(data[1]?.[name], value)
  }
  const all = await get(
    url,
    `/api/v3/indicators?${cases
      .slice(0, 11)
      .map(([field]) => `fields=${field}`)
      .join('&')}`,
  )
  t.match(all.data[0], Object.assign({}, ...cases.slice(0, 11).map(([, full]) => full)), 'all at once')

  for (const field of ['foo', 'tags.foo', 'insights', 'associatedGroups.attributes.securityLabels']) {
    t.match(
      await get(url, `/api/v3/indicators?fields=${field}`),
      { status: 400, body: { message: /field/ } },
      field,
    )
  }
  t.match(await get(url, '/api/v3/groups?fields=threatAssess'), { status: 400 })
  t.match(await get(url, '/api/v3/groups?fields=tags&fields=insights'), {
    status: 200,
    data: [{ insights: {} }],
  })
})

t.test('each type has its own members', async (t) => {
  const [md5, sha1, sha256] = ['A'.repeat(32), 'B'.repeat(40), 'C'.repeat(64)]
  const key = { 'Key Name': 'HKEY_USERS\\x', 'Value Name': ' ', 'Value Type': 'REG_SZ' }
  const cases: readonly (readonly [type: string, summary: string, members: Item | undefined, own: Item])[] = [
    ['Address', '192.0.2.1', undefined, { ip: '192.0.2.1' }],
    ['EmailAddress', 'a@b.example', undefined, { address: 'a@b.example' }],
    ['File', `${md5} : ${sha1} : ${sha256}`, { size: 5 }, { md5, sha1, sha256, size: 5 }],
    ['File', sha256, undefined, { sha256 }],
    ['URL', 'http://a.example/"', undefined, { text: 'http://a.example/"' }],
    ['ASN', 'ASN64496', undefined, { 'AS Number': 'ASN64496' }],
    ['CIDR', '192.0.2.0/24', undefined, { Block: '192.0.2.0/24' }],
    ['Email Subject', 'Hi', undefined, { Subject: 'Hi' }],
    ['Hashtag', '#x', undefined, { Hashtag: '#x' }],
    ['Mutex', 'm', undefined, { Mutex: 'm' }],
    ['Registry Key', 'r', key, key],
    ['User Agent', 'ua', undefined, { 'User Agent String': 'ua' }],
    ['Custom', 'c', { One: 'c' }, { One: 'c' }],
  ]
  const { url } = await start(t, {
    indicators: cases.map(([type, summary, members]) => ({
      type,
      summary,
      ...(members && { members: members as Record<string, string> }),
    })),
  })
  const { data } = await get(url, '/api/v3/indicators?sorting=id')
  for (const [place, [type, , , own]] of cases.entries()) t.match(data[place], { type, ...own })
  const { data: generic } = await get(
    url,
    '/api/v3/indicators?sorting=id&fields=genericCustomIndicatorValues',
  )
  t.match(generic[10], { value1: 'HKEY_USERS\\x', value2: ' ', value3: 'REG_SZ' })
  t.notOk('Key Name' in (generic[10] ?? {}))
  t.match(generic[4], { text: 'http://a.example/"' }, 'native types keep their own')
})

t.test('a long query may stand in the body of a GET', async (t) => {
  const { url } = await start(t, { indicators: hosts('a.example', 'b.example', 'c.example') })
  const path = '/api/v3/indicators'
  const headers = { ...sign(demoAccount, path, noon / 1_000), 'content-type': 'application/json' }
  const names = Array.from({ length: 900 }, (_, n) => `"n${n}.example"`).join()
  const tql = `summary IN (${names},"a.example","c.example")`
  const body = JSON.stringify({
    data: { tql, fields: ['tags', 'attributes'], resultLimit: 1, sorting: 'id asc', count: true },
  })
  const reply = await get(url, path, { headers, body })
  t.match(reply, {
    status: 200,
    body: { count: 2 },
    data: [{ summary: 'a.example', tags: {}, attributes: {} }],
  })
  t.match(reply.next, /\?tql=.*&resultStart=1&resultLimit=1$/)
  for (const bad of ['{', '[]', '{"tql":"x"}', '{"data":[]}', 'null']) {
    t.match(await get(url, path, { headers, body: bad }), { status: 400, body: { message: /body/ } }, bad)
  }
  t.match(await get(url, `${path}?tql=${'x'.repeat(20_000)}`), { status: 400 }, 'too long for an address')
})

t.test('an account sees its own owners, and nothing of the others', async (t) => {
  const limited: Account = { ...demoAccount, owners: ['Example Organization', 'Common Community'] }
  const { url } = await start(t, {
    accounts: [limited],
    groups: [{ id: 70, type: 'Campaign', name: 'hidden', owner: 'Technical Blogs and Reports' }],
    indicators: [
      { id: 1, type: 'Host', summary: 'a', groups: [70], indicators: [2, 3] },
      { id: 2, type: 'Host', summary: 'b', owner: 'Common Community' },
      { id: 3, type: 'Host', summary: 'c', owner: 'Technical Blogs and Reports' },
    ],
  })
  const names = async (query: string) =>
    (await get(url, `/api/v3/indicators?sorting=id&${query}`)).data.map((each) => each.summary)
  t.same(await names(''), ['a', 'b'])
  t.same(await names('owner=Common%20Community'), ['b'])
  t.same(await names(`tql=${encodeURIComponent('ownerName = "Technical Blogs and Reports"')}`), [])
  const { data } = await get(url, '/api/v3/indicators/1?fields=associatedGroups&fields=associatedIndicators')
  t.match(data, [{ associatedGroups: {}, associatedIndicators: { data: [{ summary: 'b' }] } }])
  t.notMatch(JSON.stringify(data), /hidden|"c"/)
  t.match(await get(url, '/api/v3/indicators/3'), { status: 404 })
  t.match(await get(url, '/api/v3/groups/70'), { status: 404 })
  t.same((await get(url, '/api/v3/groups')).data, [])
  t.same(
    (await get(url, '/api/v3/security/owners')).data.map((owner) => owner.name),
    ['Example Organization', 'Common Community'],
  )
  for (const owner of ['Technical%20Blogs%20and%20Reports', 'Nobody', '']) {
    for (const path of ['indicators', 'groups', 'indicators/deleted', 'indicators/1']) {
      t.match(await get(url, `/api/v3/${path}?owner=${owner}`), { status: 403 }, `${path} of ${owner}`)
    }
  }
})

t.test('owners come in pages with their types', async (t) => {
  const { url, records } = await start(t)
  const pages = await getAll(url, '/api/v3/security/owners?resultLimit=3')
  const owners = pages.flatMap((page) => page.data)
  t.match(
    owners,
    records.owners.map(({ id, name, type }) => ({ id, name, type, permIndicator: 'READ' })),
  )
  t.ok(owners.length >= 6 && pages.length === 3)
  t.same([...new Set(owners.map((owner) => owner.type))].sort(), ['Community', 'Organization', 'Source'])
  t.equal((await get(url, '/api/v3/security/owners?count=true')).body.count, owners.length)
})

t.test('one indicator by id or by value, one group by id', async (t) => {
  const { url } = await start(t, {
    groups: [{ id: 70, type: 'Report', name: 'R', members: { publishDate: '2024-01-01T00:00:00Z' } }],
    indicators: [
      { id: 9_007_199_254_740_993n, type: 'Host', summary: 'a.example' },
      { id: 12, type: 'URL', summary: 'http://a.example/x?y=ü', owner: 'Common Community', active: false },
      { id: 13, type: 'Host', summary: '12' },
    ],
  })
  t.match(
    (await get(url, '/api/v3/indicators/9007199254740993')).text,
    /^\{"data":\{"id":9007199254740993,.*"status":"Success"\}$/,
  )
  t.match(await get(url, '/api/v3/indicators/9007199254740992'), { status: 404 })
  t.match(await get(url, '/api/v3/indicators/A.example'), { status: 200, data: [{ summary: 'a.example' }] })
  t.match(
    await get(url, '/api/v3/indicators/12'),
    { status: 200, data: [{ type: 'URL', active: false }] },
    'an id wins',
  )
  const encoded = encodeURIComponent('http://a.example/x?y=ü')
  t.match(
    await get(url, `/api/v3/indicators/${encoded}`),
    { status: 404 },
    'only the own Organization is searched',
  )
  t.match(await get(url, `/api/v3/indicators/${encoded}?owner=Common%20Community`), {
    status: 200,
    data: [{ id: 12 }],
  })
  t.match(await get(url, '/api/v3/groups/70?fields=tags'), {
    status: 200,
    data: [{ name: 'R', publishDate: '2024-01-01T00:00:00Z', upVoteCount: '0', tags: {} }],
  })
  t.match(await get(url, '/api/v3/groups/71'), { status: 404 })
})

t.test('unknown addresses are 404, other methods 405, both in JSON', async (t) => {
  const { url } = await start(t)
  for (const path of [
    '/',
    '/api/v3',
    '/api/v2/indicators',
    '/api/v3/nonsense',
    '/api/v3/indicators/1/2',
    '/API/v3/indicators',
  ]) {
    t.match(await get(url, path), { status: 404, body: { status: 'Error' } }, path)
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const reply = await get(url, '/api/v3/indicators', { method, headers: withToken })
    t.match(reply, { status: 405, headers: { allow: 'GET' }, body: { status: 'Error' } }, method)
  }
  t.match(await get(url, '/api/v3/indicators?tql=%zz'), {
    status: 400,
    body: { message: /percent-encoding/ },
  })
})

t.test('where HTTPS is required everything else is a 403', async (t) => {
  const { url } = await start(t, { httpsRequired: true })
  t.match(await get(url, '/api/v3/indicators'), { status: 403, body: { status: 'Error' } })
})

t.test('records change while it runs, by the simulated clock', async (t) => {
  let now = noon
  const { url, records } = await start(t, {
    now: () => now,
    indicators: [
      { id: 1, type: 'Host', summary: 'a', confidence: 5, tags: ['Red'], dateAdded: '2024-01-01T00:00:00Z' },
      { id: 2, type: 'Host', summary: 'b', owner: 'Common Community', dateAdded: '2024-01-02T00:00:00Z' },
    ],
    groups: [{ id: 70, type: 'Campaign', name: 'Op', dateAdded: '2024-01-01T00:00:00Z' }],
  })
  const since = async (time: string, path = 'indicators') => {
    const tql = `lastModified GEQ "${time}"${path === 'indicators' ? ' AND indicatorActive IN (true, false)' : ''}`
    const { data } = await get(
      url,
      `/api/v3/${path}?fields=tags&sorting=lastModified%20asc&tql=${encodeURIComponent(tql)}`,
    )
    return data
  }
  const at = (seconds: number) => {
    now = noon + seconds * 1_000
  }
  t.same(await since('2024-06-01T00:00:00Z'), [], 'what was there at the start is as old as it says')
  at(1)
  t.match(records.add({ type: 'Host', summary: 'c' }), { id: 3, dateAdded: '2024-06-01T12:00:01Z' })
  at(2)
  records.update(1, { confidence: 60, tags: ['Blue', 'New one'] })
  at(3)
  records.deactivate(2)
  records.updateGroup(70, { name: 'Op two' })
  records.addGroup({ type: 'Tool', name: 'T' })
  t.match(await since('2024-06-01T00:00:00Z'), [
    { summary: 'c', lastModified: '2024-06-01T12:00:01Z', active: true },
    {
      summary: 'a',
      lastModified: '2024-06-01T12:00:02Z',
      confidence: 60,
      dateAdded: '2024-01-01T00:00:00Z',
      tags: { data: [{ name: 'Blue' }, { name: 'New one' }] },
    },
    { summary: 'b', lastModified: '2024-06-01T12:00:03Z', active: false, ownerName: 'Common Community' },
  ])
  t.match(await since('2024-06-01T00:00:00Z', 'groups'), [{ name: 'Op two' }, { name: 'T', id: 71 }])
  t.same(
    (await get(url, '/api/v3/indicators?sorting=id')).data.map((each) => each.summary),
    ['a', 'c'],
  )

  at(4)
  records.remove(1)
  records.removeGroup(70)
  t.same(
    (await get(url, '/api/v3/indicators')).data.map((each) => each.summary),
    ['c'],
  )
  t.match(await get(url, '/api/v3/indicators/1'), { status: 404 })
  t.match(await get(url, '/api/v3/groups/70'), { status: 404 })
  t.match((await get(url, '/api/v3/indicators/deleted')).data, [
    { ownerName: 'Example Organization', dateAdded: '2024-01-01T00:00:00Z', type: 'Host', summary: 'a' },
  ])
  t.throws(() => records.update(1, {}), /no record 1/)
  t.throws(() => records.remove(1), /no record 1/)
  t.throws(() => records.add({ id: 2, type: 'Host', summary: 'x' }), /already an indicator 2/)
  t.throws(() => records.add({ type: 'Host', summary: 'x', owner: 'Nobody' }), /no owner "Nobody"/)
})

t.test('an answer is never older than the last change', async (t) => {
  let now = noon
  const { url, records } = await start(t, {
    now: () => now,
    groups: [{ id: 70, type: 'Campaign', name: 'Before' }],
    indicators: [{ id: 1, type: 'Host', summary: 'a', groups: [70] }],
  })
  const associated = '/api/v3/indicators?fields=associatedGroups'
  t.match((await get(url, associated)).data, [{ associatedGroups: { data: [{ name: 'Before' }] } }])
  records.updateGroup(70, { name: 'After' })
  t.match((await get(url, associated)).data, [{ associatedGroups: { data: [{ name: 'After' }] } }])
  records.removeGroup(70)
  t.same((await get(url, associated)).data[0]?.associatedGroups, {})

  const tql = encodeURIComponent('dateAdded > "NOW() - 1 HOUR"')
  const recent = `/api/v3/indicators?sorting=summary&tql=${tql}`
  t.equal((await get(url, recent)).data.length, 1)
  now += 2 * 3_600_000
  t.equal((await get(url, recent)).data.length, 0, 'the clock alone changes it')
})

t.test('deleted indicators by owner, type and time', async (t) => {
  const { url, records } = await start(t, { corpus: { size: 2_000, seed: 3 } })
  const path = '/api/v3/indicators/deleted'
  const own = records.deleted.filter((record) => record.owner.name === 'Example Organization')
  const reply = await get(url, path)
  t.match(reply, { status: 200, body: { count: own.length, status: 'Success' }, next: undefined })
  t.same(
    reply.data,
    own.map(({ owner, dateAdded, type, summary }) => ({ ownerName: owner.name, dateAdded, type, summary })),
  )
  t.ok(own.length >= 3)
  const community = await get(url, `${path}?owner=Common%20Community`)
  t.ok(community.data.length > 0 && community.data.every((each) => each.ownerName === 'Common Community'))
  const type = own[0]?.type ?? ''
  t.same(
    (await get(url, `${path}?type=${encodeURIComponent(type)}`)).data.length,
    own.filter((record) => record.type === type).length,
  )
  const [middle = ''] = own
    .map((record) => record.deletedAt)
    .sort()
    .slice(own.length >> 1)
  t.equal(
    (await get(url, `${path}?deletedSince=${middle}`)).data.length,
    own.filter((record) => record.deletedAt >= middle).length,
  )
  t.match(await get(url, `${path}?deletedSince=yesterday`), { status: 400 })
  for (let n = 0; n < 120; n += 1) records.remove(records.add({ type: 'Host', summary: `h${n}` }).id)
  const many = await get(url, path)
  t.match(many, { body: { count: own.length + 120 }, next: undefined }, 'all at once')
  t.equal(many.data.length, own.length + 120)
  const pages = await getAll(url, `${path}?resultLimit=50`)
  t.same(
    pages.flatMap((page) => page.data),
    many.data,
    'in pages, where they are asked for',
  )
})

t.test('a made-up corpus is the same for the same seed, and another for another', async (t) => {
  const make = (size: number, seed: number) => createCorpus({ size, seed, now: noon })
  // Not t.same: a difference between thousands of records takes minutes to print.
  t.ok(isDeepStrictEqual(make(2_000, 1), make(2_000, 1)))
  t.notOk(isDeepStrictEqual(make(2_000, 1).indicators, make(2_000, 2).indicators))
  t.same([make(0, 1).indicators, make(0, 1).groups, make(0, 1).deleted], [[], [], []])
  t.equal(make(5, 1).indicators.length, 5)
})

t.test('a corpus has everything that occurs', async (t) => {
  const { owners, indicators, groups, deleted } = createCorpus({ size: 20_000, seed: 1, now: noon })
  t.equal(indicators.length, 20_000)
  const types = new Set(indicators.map((record) => record.type))
  t.same(
    [...types].sort(),
    [...Object.keys(indicatorTypeIds), 'Certificate Thumbprint', 'Crypto Wallet'].sort(),
  )
  t.same([...new Set(groups.map((group) => group.type))].sort(), Object.keys(groupTypeIds).sort())

  const ownersOf = Map.groupBy(indicators, ({ type, summary }) => `${type} ${summary}`)
  const owned = [...ownersOf.values()].map((records) => records.map((record) => record.owner.name))
  t.same(
    owned.filter((names) => new Set(names).size < names.length),
    [],
    'no owner has a value twice',
  )
  t.ok(
    owned.some((names) => names.length >= 3),
    'the same value in several owners',
  )
  t.ok(owned.filter((names) => names.length > 1).length > 500)
  t.equal(new Set(indicators.map((record) => String(record.id))).size, indicators.length)
  for (const owner of owners)
    t.ok(
      indicators.some((record) => record.owner === owner),
      owner.name,
    )

  const some = (what: string, test: (record: (typeof indicators)[number]) => unknown) =>
    t.ok(indicators.some(test) && !indicators.every(test), what)
  some('inactive', (record) => !record.active)
  some('tags', (record) => record.tags.length > 0)
  some('a comma in a tag', (record) => record.tags.some((tag) => tag.name.includes(',')))
  some('labels', (record) => record.labels.length > 0)
  some('several labels', (record) => record.labels.length > 1)
  some('attributes', (record) => record.attributes.some((attribute) => attribute.type === 'Description'))
  some('threatAssess', (record) => record.threatAssess)
  some('rating', (record) => record.rating !== undefined)
  some('confidence', (record) => record.confidence !== undefined)
  some('confidence zero', (record) => record.confidence === 0)
  some('observations', (record) => record.observations)
  some('false positives', (record) => record.falsePositives)
  some('sightings', (record) => record.firstSeen)
  some('external dates', (record) => record.externalDateExpires)
  some('groups', (record) => record.groups.length > 0)
  some('indicators', (record) => record.indicators.length > 0)
  some('a line break', (record) => record.description?.includes('\n'))
  some('right to left', (record) => /[\u0600-\u06ff]/.test(record.description ?? ''))
  some('an id above 2^53', (record) => typeof record.id === 'bigint')
  some('IPv6', (record) => record.type === 'Address' && isIP(record.summary) === 6)
  some('changed after it was added', (record) => record.lastModified > record.dateAdded)
  t.ok(owners.some(({ name }) => name.includes(',')) && owners.some(({ name }) => name.includes('"')))
  const seconds = new Set(indicators.map((record) => record.dateAdded))
  t.ok(seconds.size < indicators.length / 2, 'several records share a second')

  const combinations = indicators
    .filter((record) => record.type === 'File')
    .map((record) =>
      record.summary
        .split(' : ')
        .map((hash) => hash.length)
        .join('+'),
    )
  t.same([...new Set(combinations)].sort(), ['32', '32+40', '32+40+64', '32+64', '40', '40+64', '64'])
  t.ok(deleted.length > 100)
  const newest = indicators.reduce(
    (latest, { lastModified }) => (lastModified > latest ? lastModified : latest),
    '',
  )
  t.ok(newest <= '2024-06-01T12:00:00Z', 'nothing happens after now')
})

t.test('no address of a corpus belongs to anybody', async (t) => {
  const reserved = new BlockList()
  for (const [net, prefix] of [
    ['192.0.2.0', 24],
    ['198.51.100.0', 24],
    ['203.0.113.0', 24],
    ['198.18.0.0', 15],
  ] as const) {
    reserved.addSubnet(net, prefix, 'ipv4')
  }
  reserved.addSubnet('2001:db8::', 32, 'ipv6')
  const { indicators } = createCorpus({ size: 20_000, seed: 9, now: noon })
  const others = indicators
    .filter((record) => record.type === 'Address' || record.type === 'CIDR')
    .map((record) => record.summary.replace(/\/.*/, ''))
    .filter((address) => !reserved.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'))
  t.same(others, [])
  const zones = /(^|[.@/])(example(\.(org|net|com))?|test)(:\d+)?(\/|$)/i
  const names = indicators.filter(
    (record) => ['Host', 'EmailAddress'].includes(record.type) && !zones.test(record.summary),
  )
  t.same(
    names.map((record) => record.summary).filter((name) => !name.includes('"tag"')),
    [],
  )
})

t.test('the associations of a corpus are seen from both ends', async (t) => {
  const { indicators, groups } = createCorpus({ size: 2_000, seed: 4, now: noon })
  const byId = new Map(indicators.map((record) => [record.id, record]))
  const pairs = indicators.flatMap((record) => record.groups.map((id) => `${id}-${record.id}`)).sort()
  t.same(groups.flatMap((group) => group.indicators.map((id) => `${group.id}-${id}`)).sort(), pairs)
  t.ok(pairs.length > 300)
  t.ok(
    indicators.every((record) =>
      record.indicators.every((id) => byId.get(id)?.indicators.includes(record.id)),
    ),
  )
})

t.test('malformed records stand in a sound answer, and each is bad in its own way', async (t) => {
  const malformed = malformedRecords({ firstId: 100, now: noon })
  t.ok(malformed.length >= 24)
  t.equal(new Set(malformed.map((record) => record.what)).size, malformed.length)
  const { url, records } = await start(t, { indicators: hosts('sound.example') })
  for (const record of malformed) records.add(record)
  const { data, text } = await get(url, '/api/v3/indicators?resultLimit=1000&sorting=id&fields=tags')
  t.equal(data.length, malformed.length + 1, 'the answer is valid JSON with all of them')
  t.match(data[0], { summary: 'sound.example' })
  t.match(text, /\\ud800/, 'the lone surrogate is there')
  t.match(text, /"__proto__":/)

  const mixed = await start(t, { corpus: { size: 100, seed: 1, malformed: 2 } })
  t.equal(mixed.records.indicators.filter((record) => record.json !== undefined).length, 2)
  const plain = await start(t, { corpus: { size: 100, seed: 1 } })
  t.ok(
    plain.records.indicators.every((record) => record.json === undefined),
    'none by default',
  )
})

t.test('faults come in the place of answers', async (t) => {
  const { url, fail, requests } = await start(t, { indicators: hosts('a.example') })
  fail(
    { kind: 'status', status: 429, headers: { 'retry-after': '3' } },
    { when: ({ url }) => url.includes('resultStart=') },
  )
  t.match(await get(url, '/api/v3/indicators'), { status: 200 })
  t.match(await ask(url, '/api/v3/indicators?resultStart=0', { headers: withToken }), { status: 429 })
  t.match(await get(url, '/api/v3/indicators?resultStart=0'), { status: 200 })
  t.equal(requests.length, 3)
})

t.test('the example queries of the public clients are answered', async (t) => {
  const { url } = await start(t, { corpus: { size: 3_000, seed: 2 } })
  const quote = (text: string) =>
    encodeURIComponent(text).replaceAll(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16)}`)
  const all =
    '"EmailAddress","File","Host","URL","ASN","CIDR","Hashtag","Mutex","Registry Key","User Agent","Address"'
  const tql = `(ownerName="Example Organization" OR ownerName="Common Community" ) AND (tag="C2" OR tag="Spam" ) AND (dateAdded > "2022-01-01T00:00:00Z") AND indicatorActive EQ True AND confidence GT 5 AND threatAssessScore GT 5 AND typeName IN (${all})`
  const first = await get(
    url,
    `/api/v3/indicators?tql=${quote(tql)}&fields=tags&fields=threatAssess&fields=associatedGroups&fields=associatedIndicators&resultStart=0&resultLimit=100&sorting=dateAdded%20ASC`,
  )
  t.equal(first.status, 200)
  t.ok(first.data.length > 0)
  for (const each of first.data) {
    t.match(each, { active: true, confidence: Number, tags: { data: Array } })
    t.ok(['Example Organization', 'Common Community'].includes(String(each.ownerName)))
  }
  t.match(await get(url, '/api/v3/groups?resultLimit=2'), { status: 200, data: [{}, {}] })
  t.match(await get(url, '/api/v3/security/owners?resultLimit=500'), { status: 200 })
  const tcex = 'lastModified GEQ "2024-01-01 00:00:00"'
  t.match(
    await get(url, `/api/v3/indicators?tql=${quote(tcex)}&sorting=lastModified%20asc&resultLimit=2000`),
    { status: 200 },
  )
})

t.test('a page behind an id begins at that id, and records may change between the pages', async (t) => {
  const names = Array.from({ length: 120 }, (_, place) => `h${place}.example`)
  const { url, records } = await start(t, { indicators: hosts(...names) })
  records.add({ id: 2n ** 60n, type: 'Host', summary: 'large.example' })
  const path = '/api/v3/indicators?sorting=id%20asc&resultLimit=25&count=true&tql='
  const seen: string[] = []
  for (let last = '0'; ; ) {
    const { data, body, text } = await get(
      url,
      `${path}${encodeURIComponent(`confidence is null AND id GT ${last}`)}`,
    )
    t.equal(body.count, records.indicators.filter(({ id }) => id > BigInt(last)).length)
    if (data.length === 0) break
    seen.push(...idsOf(text))
    last = seen.at(-1) ?? ''
    records.remove(BigInt(seen.shift() ?? ''))
  }
  t.strictSame(
    seen,
    records.indicators.map(({ id }) => String(id)),
    'each once, though others left before it',
  )
  const other = await get(url, `${path}${encodeURIComponent('(id > 30 and id GT 40) or id = 20')}`)
  t.strictSame(idsOf(other.text).slice(0, 2), ['20', '41'], 'a bound under OR is none')
})

t.test('what was deleted is told until it is forgotten', async (t) => {
  const { url, records } = await start(t, { indicators: hosts('a.example') })
  records.remove(1)
  const told = async () => (await get(url, '/api/v3/indicators/deleted')).data
  const dateAdded = '2024-06-01T12:00:00Z'
  t.strictSame(await told(), [
    { ownerName: 'Example Organization', dateAdded, type: 'Host', summary: 'a.example' },
  ])
  records.forgetDeleted('2024-06-01T12:00:01Z')
  t.strictSame(await told(), [])
})

t.test('it can refuse to sort, to tell what was deleted, and to give many records at once', async (t) => {
  const corpus = { size: 30, seed: 5 }
  const { url } = await start(t, { corpus, unsortable: ['id'], tellsDeleted: false, largestPage: 4 })
  t.match(await get(url, '/api/v3/indicators?sorting=id%20asc'), {
    status: 400,
    body: { message: /sort.* id /i },
  })
  t.match(await get(url, '/api/v3/indicators?sorting=dateAdded%20asc'), { status: 200 })
  t.match(await get(url, '/api/v3/indicators/deleted'), { status: 403 })
  const page = await get(url, '/api/v3/indicators?resultLimit=20')
  t.equal(page.data.length, 4)
  t.match(page.next, /resultStart=4/)
})
