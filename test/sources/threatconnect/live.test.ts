import t from 'tap'
import { type ServiceError, UpstreamError } from '../../../src/errors.ts'
import type { Fault } from '../../../src/simulation/faults.ts'
import type { LiveQuery } from '../../../src/sources/source.ts'
import { demoAccount } from '../../../src/sources/threatconnect/simulator/accounts.ts'
import { malformedRecords } from '../../../src/sources/threatconnect/simulator/corpus/malformed.ts'
import { startThreatConnectSimulator } from '../../../src/sources/threatconnect/simulator/index.ts'
import { anything, collect, sourceOver } from './live-source.ts'
import { askAsXsoar, type XsoarArguments } from './xsoar-requests.ts'

const signal = AbortSignal.timeout(60_000)
const corpus = { size: 1200, seed: 11 } as const

t.test(
  "for the same arguments our requests select the records that XSOAR's integration selects",
  async (t) => {
    const simulator = await startThreatConnectSimulator({ corpus })
    t.teardown(() => simulator.close())
    const { live } = sourceOver(simulator.url, { settings: { pageSize: 10_000 } })
    const owners = [
      '',
      'Technical Blogs and Reports',
      'Common Community,Automated Threat Library',
      'No Such Owner',
    ]
    const types = ['', 'Address', 'Host,URL', 'File,Registry Key,User Agent,Hashtag']
    const combinations: XsoarArguments[] = []
    for (const owner of owners) {
      for (const type of types) {
        for (const confidence of ['', '0', '40', '99']) {
          for (const score of ['', '0', '250', '900']) {
            for (const [limit, offset] of [
              ['50', '0'],
              ['7', '13'],
              ['10000', '0'],
            ] as const) {
              combinations.push({
                owners: owner,
                indicator_type: type,
                confidence,
                threat_assess_score: score,
                limit,
                offset,
              })
            }
          }
        }
      }
    }
    let selected = 0
    const different: unknown[] = []
    for (const given of combinations) {
      const expected = await askAsXsoar(simulator.url, withoutZeroThresholds(given))
      const { ids, unreadable } = await collect(live, ours(given))
      const got = [...ids, ...unreadable.map(({ remoteId }) => remoteId)]
      if (JSON.stringify(got) !== JSON.stringify(expected)) different.push({ given, expected, got })
      selected += expected.length
    }
    t.strictSame(different, [], `${combinations.length} combinations`)
    t.ok(selected > 10_000, `${selected} records were compared`)

    for (const tql_query of [
      'typeName in ("Address", "Host") and confidence > 30',
      "summary contains 'a' or rating >= 4",
      'indicatorActive = false',
    ]) {
      const expected = await askAsXsoar(simulator.url, { tql_query, owners: 'ignored', limit: '500' })
      const { ids } = await collect(live, { ...ours({ owners: 'ignored' }), tql: tql_query, limit: 500 })
      t.strictSame(ids, expected, tql_query)
      t.ok(expected.length > 0, `${expected.length} records`)
    }
  },
)

/** XSOAR takes "0" as a threshold and so asks only for what has a value; with us 0 is off, as its fetch has it. */
function withoutZeroThresholds(given: XsoarArguments): XsoarArguments {
  const off = (text = '') => (text === '0' ? '' : text)
  return { ...given, confidence: off(given.confidence), threat_assess_score: off(given.threat_assess_score) }
}

function ours(given: XsoarArguments): LiveQuery {
  const list = (text = '') => text.split(',').filter((each) => each !== '')
  return {
    ...(given.owners && { owners: list(given.owners) }),
    limit: Number(given.limit ?? 50),
    offset: Number(given.offset ?? 0),
    indicatorTypes: list(given.indicator_type),
    activeOnly: true,
    confidence: Number(given.confidence ?? 0),
    threatAssessScore: Number(given.threat_assess_score ?? 0),
  }
}

t.test('as many requests as the limit needs give every record once', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus, nextHost: 'elsewhere.invalid' })
  t.teardown(() => simulator.close())
  const active = simulator.records.indicators.filter((record) => record.active).length
  const { live } = sourceOver(simulator.url, { settings: { pageSize: 100 } })

  const all = await collect(live, { limit: 100_000 })
  t.equal(new Set(all.ids).size, active, 'every active record')
  t.equal(all.ids.length, active, 'none twice')
  t.equal(all.requests, Math.ceil(active / 100))
  t.equal(all.nextOffset, null)
  t.ok(
    simulator.requests.every((request) => request.headers.host === new URL(simulator.url).host),
    'never to the host of `next`',
  )

  const some = await collect(live, { limit: 250, offset: 30 })
  t.strictSame(some.ids, all.ids.slice(30, 280))
  t.equal(some.requests, 3)
  t.equal(some.nextOffset, 280)
  t.match(simulator.requests.at(-1)?.url, /resultLimit=50/, 'the last page asks for what is left only')

  const none = await collect(live, { limit: 0 })
  t.strictSame([none.ids, none.requests], [[], 0])

  const beyond = await collect(live, { offset: 1_000_000 })
  t.strictSame([beyond.ids, beyond.nextOffset], [[], null])

  const inactive = await collect(live, { limit: 100_000, activeOnly: false })
  t.equal(inactive.ids.length, simulator.records.indicators.length, 'inactive ones too, when asked for')
})

t.test('a query too long for an address goes as a body and selects the same', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url, { settings: { pageSize: 40 } })
  const padding = Array.from({ length: 80 }, (_, count) => `An owner that does not exist, number ${count}`)
  const owners = ['Technical Blogs and Reports']
  const short = await collect(live, { owners, limit: 90 })
  const long = await collect(live, { owners: [...owners, ...padding], limit: 90 })
  t.strictSame(long.ids, short.ids)
  t.equal(long.ids.length, 90)
  const request = simulator.requests.at(-1)
  t.equal(request?.url, '/api/v3/indicators')
  t.match(JSON.parse(request?.body ?? ''), { data: { resultStart: 80, resultLimit: 10, fields: Array } })
})

t.test('each owner, tag and type is asked for by its exact name, whatever is in it', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  for (const owner of simulator.records.owners) {
    const { ids } = await collect(live, { owners: [owner.name], limit: 5000 })
    const expected = simulator.records.indicators.filter((record) => record.owner === owner && record.active)
    t.equal(ids.length, expected.length, owner.name)
  }
  const tags = new Set(simulator.records.indicators.flatMap((record) => record.tags.map(({ name }) => name)))
  for (const tag of tags) {
    const { ids } = await collect(live, { tags: [tag], limit: 5000 })
    const expected = simulator.records.indicators.filter(
      (record) => record.active && record.tags.some(({ name }) => name === tag),
    )
    t.equal(ids.length, expected.length, `tag ${tag}`)
  }
  const types = new Set(simulator.records.indicators.map(({ type }) => type))
  for (const type of types) {
    const { ids, unreadable } = await collect(live, { indicatorTypes: [type], limit: 5000 })
    const expected = simulator.records.indicators.filter((record) => record.active && record.type === type)
    t.equal(ids.length + unreadable.length, expected.length, `type ${type}`)
  }
  const custom = await collect(live, { indicatorTypes: ['custom:Address'], limit: 5000 })
  t.equal(
    custom.ids.length,
    (await collect(live, { indicatorTypes: ['Address'], limit: 5000 })).ids.length,
    'custom: is no part of the name',
  )
})

t.test("the source's own owners and tags hold unless the caller names others or writes TQL", async (t) => {
  const { live } = sourceOver('https://threatconnect.invalid', {
    settings: { owners: ['Own'], tags: ['mine'] },
  })
  const table: [Partial<LiveQuery>, string][] = [
    [{}, 'indicatorActive EQ true AND (ownerName="Own") AND (tag="mine")'],
    [{ owners: ['Other'] }, 'indicatorActive EQ true AND (ownerName="Other") AND (tag="mine")'],
    [{ tags: ['a', 'b'] }, 'indicatorActive EQ true AND (ownerName="Own") AND (tag="a" OR tag="b")'],
    [{ tql: 'rating > 3', owners: ['Other'] }, 'rating > 3'],
  ]
  for (const [query, tql] of table) t.equal(live.tql({ ...anything, ...query }), tql)
})

t.test('explain tells what would be sent, and sends nothing', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  const query = { ...anything, owners: ['It\'s "A" & B'], limit: 20, createRelationships: true }
  const explained = live.explain(query)
  t.equal(simulator.requests.length, 0)
  t.notMatch(JSON.stringify(explained), demoAccount.accessId)
  t.notMatch(JSON.stringify(explained), demoAccount.secretKey)
  await collect(live, query)
  const [sent] = simulator.requests
  t.equal(explained.url, simulator.url + sent?.url, 'the address is the one that is sent')
  t.equal(explained.method, sent?.method)
  for (const [name, value] of Object.entries(explained.headers)) {
    if (!['authorization', 'timestamp'].includes(name)) t.equal(sent?.headers[name], value, name)
  }
  t.match(explained.headers.authorization, /^TC \[redacted\]:\[redacted\]$/)
  t.match(sent?.headers.authorization, /^TC \d+:/)
})

t.test('one malformed record costs only itself', async (t) => {
  const broken = malformedRecords({ firstId: 5_000_000, now: Date.now() })
  const simulator = await startThreatConnectSimulator({
    corpus: { size: 100, seed: 3, malformed: broken.length },
  })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  const all = await collect(live, { limit: 1000, activeOnly: false })
  t.ok(broken.length >= 24, `${broken.length} malformed shapes`)
  t.equal(
    all.ids.length + all.unreadable.length,
    100 + broken.length,
    'every record is an indicator or unreadable',
  )
  t.ok(
    all.unreadable.length > 0 && all.unreadable.length <= broken.length,
    `${all.unreadable.length} unreadable`,
  )
  for (const { reason } of all.unreadable) t.ok(reason.length > 5, reason)
})

t.test('owners come from all pages', async (t) => {
  const simulator = await startThreatConnectSimulator()
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  t.strictSame(
    (await live.owners(signal)).map(({ name }) => name),
    simulator.records.owners.map(({ name }) => name),
  )
})

t.test('a token is as good as a key pair', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url, { settings: { token: demoAccount.token } })
  t.equal((await collect(live, { limit: 3 })).ids.length, 3)
  t.equal(simulator.requests[0]?.headers.authorization, `TC-Token ${demoAccount.token}`)
  t.strictSame(live.explain(anything).headers.authorization, 'TC-Token [redacted]')
})

const status = (code: number, body = '', headers = {}): Fault => ({
  kind: 'status',
  status: code,
  body,
  headers,
})

t.test('each way of failing is an error of its own, and never a short list', async (t) => {
  const words = JSON.stringify({ errCode: '0x1001', message: 'their own words', status: 'Error' })
  const table: [string, Fault, object][] = [
    [
      '400',
      status(400, words),
      { kind: 'rejected', status: 400, upstreamCode: '0x1001', message: /their own words/ },
    ],
    ['401', status(401, words), { kind: 'credentials', status: 401 }],
    ['403', status(403, words), { kind: 'permission', status: 403, message: /their own words/ }],
    [
      '404',
      status(404, '<html>'),
      { kind: 'address', status: 404, message: /no ThreatConnect v3 API at this base URL/ },
    ],
    [
      '429 that lasts',
      status(429, '', { 'retry-after': '77' }),
      { kind: 'throttled', status: 429, retryAfterMs: 77_000 },
    ],
    ['500', status(500, words), { kind: 'unavailable', status: 500 }],
    ['503', status(503), { kind: 'unavailable', status: 503 }],
    ['a login page', { kind: 'html' }, { kind: 'unreadable', status: 200, message: /HTML page/ }],
    ['cut-off JSON', { kind: 'cut-json' }, { kind: 'unreadable', status: 200, message: /cut off/ }],
    ['half a body', { kind: 'half-body' }, { kind: 'unavailable' }],
    ['a dropped connection', { kind: 'reset' }, { kind: 'unavailable', upstreamCode: 'ECONNRESET' }],
    [
      'another status in a 200',
      { kind: 'not-success' },
      { kind: 'unreadable', status: 200, message: /instead of "Success"/ },
    ],
    [
      'a redirect',
      { kind: 'redirect', location: 'https://login.example/' },
      { kind: 'unreadable', status: 302 },
    ],
    ['XML', { kind: 'wrong-content' }, { kind: 'unreadable', status: 200 }],
    ['a slow answer', { kind: 'delay', ms: 5000 }, { kind: 'timeout' }],
  ]
  // Each row waits for its retries: all at once, not one after the other.
  const fails = async (fault: Fault, page: number): Promise<unknown> => {
    const simulator = await startThreatConnectSimulator({ corpus: { size: 100, seed: 5 } })
    t.teardown(() => simulator.close())
    const when = ({ url }: { url: string }) => page === 1 || !url.includes('resultStart=0&')
    simulator.fail(fault, { times: 'always', when })
    const { live } = sourceOver(simulator.url, {
      settings: { pageSize: 20 },
      timeoutMs: fault.kind === 'delay' ? 300 : 20_000,
    })
    return collect(live, { limit: 50 }).catch((failure: unknown) => failure)
  }
  const outcomes = table.flatMap(([what, fault, expected]) =>
    [1, 2].map(async (page) => ({
      what: `${what} on page ${page}`,
      expected,
      error: await fails(fault, page),
    })),
  )
  for (const { what, expected, error } of await Promise.all(outcomes)) {
    t.type(error, UpstreamError, what)
    t.match(error, { service: 'threatconnect', ...expected }, what)
  }
})

t.test('a blip is ridden out', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  for (const fault of [{ kind: 'reset' }, status(503), status(429, '', { 'retry-after': '0' })] as const) {
    simulator.fail(fault, { times: 1 })
    t.equal((await collect(live, { limit: 10 })).ids.length, 10, fault.kind)
  }
})

t.test("a refusal of the user's TQL is his to mend, in ThreatConnect's own words", async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  const refused = collect(live, { tql: 'typeName = = "Address"' })
  await t.rejects(refused, { name: 'ServiceError', code: 'QUERY_REFUSED' } as unknown as ServiceError)
})

t.test('paging that does not lead forward, or leads elsewhere, ends with an error', async (t) => {
  const page = (next: string) =>
    status(200, JSON.stringify({ status: 'Success', next, data: [{ id: 1, type: 'Mutex', summary: 'm' }] }))
  const table: [string, string][] = [
    ['the same page again', 'https://x.invalid/api/v3/indicators?resultStart=0&resultLimit=1'],
    ['another path', 'https://x.invalid/api/v3/groups?resultStart=1'],
    ['another path on our host', '/admin'],
    ['no address', 'http://['],
    ['nonsense', 'https://x.invalid/api/v3/indicators?resultStart=abc'],
    ['over records that did not come', 'https://x.invalid/api/v3/indicators?resultStart=2'],
    ['a number in another spelling', 'https://x.invalid/api/v3/indicators?resultStart=0x1'],
  ]
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  for (const [what, next] of table) {
    simulator.clearFaults()
    simulator.fail(page(next), { times: 'always' })
    await t.rejects(
      collect(live, { limit: 5 }),
      { kind: 'unreadable', message: /next link/ } as unknown as Error,
      what,
    )
  }
  simulator.clearFaults()
  simulator.fail(
    status(200, JSON.stringify({ status: 'Success', next: '/api/v3/indicators?resultStart=1', data: [] })),
    { times: 'always' },
  )
  await t.rejects(
    collect(live, { limit: 5 }),
    { message: /an empty page says that there are more/ },
    'an empty page with a next link',
  )
})

t.test('a list that ends too early, or comes again and again, is no list', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url, { settings: { pageSize: 1 } })
  const record = { id: 1, type: 'Mutex', summary: 'm' }
  const answer = (members: object) =>
    status(200, JSON.stringify({ status: 'Success', data: [record], ...members }))
  simulator.fail(answer({ count: 5000 }), { times: 'always' })
  await t.rejects(collect(live, { limit: 5 }), { message: /it counts 5000 records and ends after 1/ })
  t.equal(
    (await collect(live, { limit: 1 })).nextOffset,
    1,
    'where no more was wanted, the count says that there is more',
  )
  simulator.clearFaults()
  simulator.fail(answer({ next: '/api/v3/indicators?resultStart=1' }), { times: 1 })
  simulator.fail(answer({ next: '/api/v3/indicators?resultStart=2' }), { times: 'always' })
  await t.rejects(collect(live, { limit: 5 }), { message: /the same page came again/ })
  simulator.clearFaults()
  simulator.fail({ ...answer({}), status: 206 } as Fault, { times: 'always' })
  await t.rejects(
    collect(live, { limit: 5 }),
    { message: /only 200 brings a whole list/ },
    'a partial answer',
  )
})

t.test('what ThreatConnect echoes of our credentials is shown to nobody', async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { accessId, secretKey, token } = demoAccount
  const pieces = [accessId, secretKey, token]
  const echo = `You sent ${pieces.join(' and ')}`
  const long = 'x'.repeat(490) + echo
  for (const settings of [{}, { token }]) {
    for (const body of [
      echo,
      JSON.stringify({ status: 'Error', message: long, errCode: pieces.join() }),
      JSON.stringify({ status: echo, message: long }),
    ]) {
      for (const code of [200, 400, 401, 403, 404, 500]) {
        simulator.clearFaults()
        simulator.fail(status(code, body), { times: 'always' })
        const { source } = sourceOver(simulator.url, { settings })
        const told = JSON.stringify(await source.check(signal))
        const shown = ('token' in settings ? [token] : [accessId, secretKey]).filter((piece) =>
          told.includes(piece.slice(0, 10)),
        )
        t.strictSame(shown, [], `${code}: ${body.slice(0, 30)}`)
      }
    }
  }
})

t.test("a next link can't take our filter away", async (t) => {
  const simulator = await startThreatConnectSimulator({ corpus })
  t.teardown(() => simulator.close())
  const { live } = sourceOver(simulator.url)
  const next = 'https://elsewhere.invalid/api/v3/indicators?resultStart=1&resultLimit=100&owner=Other&tql='
  simulator.fail(
    status(200, JSON.stringify({ status: 'Success', next, data: [{ id: 1, type: 'Mutex', summary: 'm' }] })),
    { times: 1 },
  )
  await collect(live, { limit: 2, owners: ['Common Community'] })
  const sent = new URL(simulator.requests.at(-1)?.url ?? '', simulator.url).searchParams
  t.equal(sent.get('tql'), 'indicatorActive EQ true AND (ownerName="Common Community")')
  t.strictSame([sent.get('resultStart'), sent.get('resultLimit'), sent.get('owner')], ['1', '1', null])
})
