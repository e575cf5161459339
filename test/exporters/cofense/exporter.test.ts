import { inspect } from 'node:util'
import t from 'tap'
import type { CofenseSettings } from '../../../src/exporters/cofense/settings.ts'
import { demoApplication } from '../../../src/exporters/cofense/simulator/index.ts'
import type { Delivery, Outcome, PushOptions } from '../../../src/exporters/exporter.ts'
import type { Indicator } from '../../../src/model/indicator.ts'
import type { Fault } from '../../../src/simulation/faults.ts'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
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
  type World,
} from './world.ts'

const evil = indicator('domain', 'evil.example')
const bad = indicator('domain', 'bad.example')
const md5 = 'a'.repeat(32)
const sha1 = 'b'.repeat(40)
const sha256 = 'c'.repeat(64)
const file = indicator('file', sha256, { hashes: { md5, sha1, sha256 } })
const signal = new AbortController().signal
const isPut = ({ method }: RecordedRequest) => method === 'PUT'
const tally = (outcomes: readonly Outcome[]) =>
  Object.fromEntries(
    [...Map.groupBy(outcomes, ({ status }) => status)].map(([status, all]) => [status, all.length]),
  )
const json = (body: unknown): Fault => ({
  kind: 'wrong-content',
  contentType: 'application/vnd.api+json',
  body: JSON.stringify(body),
})
const record = (id: string, value: string, more: object = {}) => ({
  type: 'threat_indicators',
  id,
  attributes: {
    threat_type: 'Hostname',
    threat_value: value,
    threat_source: ourSource,
    threat_level: 'Malicious',
    ...more,
  },
})

t.test(
  'a first run looks up 200 at once and creates the rest; after a lost ledger nothing is written',
  async (t) => {
    const { simulator, exporter, another, requests } = await enter(t, { concurrency: 8 })
    const all = Array.from({ length: 1000 }, (_, at) => upsert(indicator('domain', `host-${at}.bad.example`)))
    const batches = [0, 1, 2, 3, 4].map((at) => all.slice(at * 200, at * 200 + 200))
    for (const batch of batches) t.same(tally(await exporter.send(batch, signal)), { accepted: 200 })
    t.same([requests(isLookUp), requests(isCreate), requests(isLogin)], [5, 1000, 1])
    t.equal(simulator.rows().length, 1000)

    const forgetful = another()
    for (const batch of batches) t.same(tally(await forgetful.send(batch, signal)), { unchanged: 200 })
    t.same([requests(isLookUp), requests(isWrite)], [10, 1000])
  },
)

t.test(
  'the level is of the push, else of the settings, else of the score; the source likewise',
  async (t) => {
    const cases: [Partial<Indicator>, Partial<CofenseSettings>, PushOptions, string][] = [
      [{ score: 0 }, {}, {}, `Malicious ${ourSource}`],
      [{ score: 1 }, {}, {}, `Benign ${ourSource}`],
      [{ score: 2 }, {}, {}, `Suspicious ${ourSource}`],
      [{ score: 3 }, {}, {}, `Malicious ${ourSource}`],
      [{ score: 3 }, { threatLevel: 'Suspicious', source: ' Ours ' }, {}, 'Suspicious Ours'],
      [
        { score: 1 },
        { threatLevel: 'Suspicious' },
        { threatLevel: 'Malicious', source: 'Mine' },
        'Malicious Mine',
      ],
    ]
    for (const [more, settings, options, expected] of cases) {
      const { exporter, simulator, send } = await enter(t, { settings })
      const delivery = upsert(indicator('domain', 'evil.example', more), { options })
      t.equal(only(await send([delivery])).status, 'accepted')
      t.same(table(simulator), [`1 Hostname evil.example ${expected}`])
      const [level, ...source] = expected.split(' ')
      t.equal(exporter.sourceOf(options), source.join(' '))
      t.same(JSON.parse(exporter.content(delivery)), [
        level,
        source.join(' '),
        [['Hostname', 'evil.example']],
      ])
    }
  },
)

t.test('what Triage can not take is refused with the reason', async (t) => {
  const { exporter } = await enter(t)
  const cases: [Indicator, string | undefined][] = [
    [evil, undefined],
    [file, undefined],
    [indicator('file', md5), undefined],
    [
      indicator('file', sha1, { hashes: { sha1 } }),
      'no MD5 or SHA-256 of the file is known: Cofense Triage takes no other hash',
    ],
    [indicator('ipv4', '203.0.113.7'), 'unsupported type ipv4'],
    [indicator('domain', 'ab'), 'the value has fewer than 3 characters, which Cofense Triage refuses'],
    [indicator('url', 'http://a.example/\ud800'), 'the value is not well-formed Unicode'],
  ]
  for (const [given, reason] of cases)
    t.equal(exporter.refuses(upsert(given)), reason, given.value.slice(0, 20))
})

t.test('a file is one delivery of its MD5 and SHA-256: each has its receipt, and none is lost', async (t) => {
  const { simulator, send, requests } = await enter(t)
  simulator.add({ type: 'MD5', value: md5, source: ourSource, level: 'Benign' })
  const first = only(await send([upsert(file)]))
  const receipt = (type: string, value: string, id: string, more: object = {}) => ({
    ...{ type, value, id, status: 'accepted', threatLevel: 'Malicious', threatSource: ourSource },
    ...more,
  })
  t.match(first, {
    status: 'accepted',
    remoteId: '2',
    vendor: { hashes: [receipt('SHA256', sha256, '2'), receipt('MD5', md5, '1')] },
  })
  t.equal(requests(isLookUp), 1)

  // Only the new hash is looked up: the other one is known.
  const known = knowing(upsert(indicator('file', sha256, { hashes: { sha256 }, score: 2 })), first)
  t.equal(only(await send([known])).status, 'accepted')
  t.equal(requests(isLookUp), 1)
  t.same(
    simulator.rows().map(({ level }) => level),
    ['Malicious', 'Suspicious'],
  )
  const onlyMd5 = only(await send([upsert(indicator('file', md5))]))
  t.match(onlyMd5, { status: 'unchanged', remoteId: '1' })
  const grown = knowing(upsert(file), onlyMd5)
  const before = requests(isLookUp)
  t.equal(only(await send([grown])).status, 'accepted')
  t.equal(requests(isLookUp), before + 1)
  const query = new URL(simulator.requests.filter(isLookUp).at(-1)?.url ?? '', simulator.url).searchParams
  t.equal(query.get('filter[threat_value]'), sha256)

  // The hash that the indicator has lost since is taken back as well.
  const lost = knowing(removal(indicator('file', sha256, { hashes: { sha256 } })), first)
  t.equal(only(await send([lost])).status, 'accepted')
  t.same(
    simulator.rows().map(({ level }) => level),
    ['Benign', 'Benign'],
  )
})

t.test('a file is rejected where one hash is, and tried again where one is open', async (t) => {
  const { simulator, send } = await enter(t)
  const of = (value: string) => (request: RecordedRequest) =>
    isCreate(request) && request.body.includes(value)
  const refusal: Fault = {
    kind: 'status',
    status: 422,
    body: JSON.stringify({
      errors: [{ title: 'is invalid', detail: 'threat_value - is invalid', code: '100' }],
    }),
  }
  simulator.fail(refusal, { when: of(md5) })
  const rejected = only(await send([upsert(file)]))
  t.match(rejected, {
    status: 'rejected',
    reason: 'MD5: threat_value - is invalid',
    vendor: {
      hashes: [
        { type: 'SHA256', id: '1', status: 'accepted', threatLevel: 'Malicious' },
        { type: 'MD5', value: md5, status: 'rejected', reason: 'threat_value - is invalid' },
      ],
    },
  })
  const other = indicator('file', 'd'.repeat(64), { hashes: { md5: 'e'.repeat(32), sha256: 'd'.repeat(64) } })
  simulator.fail({ kind: 'status', status: 429 }, { when: of('e'.repeat(32)) })
  const open = only(await send([upsert(other)]))
  t.equal(open.status, 'unknown', 'one of its records is there')
  t.equal(errorOf(open).kind, 'throttled')
  t.equal(only(await send([upsert(other, { unsure: true })])).status, 'accepted')
  t.equal(simulator.rows().length, 3)
})

t.test('a hash of two files in one batch is one record', async (t) => {
  const { simulator, send } = await enter(t)
  const files = ['d', 'e'].map((digit) =>
    indicator('file', digit.repeat(64), { hashes: { md5, sha256: digit.repeat(64) } }),
  )
  const outcomes = await send(files.map((each) => upsert(each)))
  t.same(tally(outcomes), { accepted: 2 })
  t.same(
    simulator
      .rows()
      .map(({ type }) => type)
      .sort(),
    ['MD5', 'SHA256', 'SHA256'],
  )
})

t.test('a hash that one delivery gives up and another one of the batch wants stays as it is', async (t) => {
  const single = indicator('file', md5)
  const levels = ({ simulator }: World) => simulator.rows().map(({ value, level }) => [value, level])
  const begin = async (): Promise<[World, Delivery]> => {
    // Two requests for a first change: whatever does not wait for it is there before.
    const world = await enter(t, { simulator: { putMissing: '405' } })
    return [world, knowing(removal(single), only(await world.send([upsert(single)])))]
  }
  const [world, gone] = await begin()
  const batch = [gone, upsert(file)]
  t.same(
    world.exporter.preview(batch).map(({ method }) => method),
    ['GET', 'POST', 'POST'],
  )
  const reason = 'left as it is: another indicator that was sent with it has the same record'
  t.match(await world.send(batch), [
    { status: 'unchanged', vendor: { hashes: [{ status: 'unchanged', threatLevel: 'Malicious', reason }] } },
    {
      status: 'accepted',
      vendor: {
        hashes: [
          { type: 'SHA256', status: 'accepted' },
          { status: 'unchanged', threatLevel: 'Malicious' },
        ],
      },
    },
  ])
  t.same(levels(world), [
    [md5, 'Malicious'],
    [sha256, 'Malicious'],
  ])
  t.equal(world.requests(isWrite), 2, 'nothing was taken back in between')
  t.equal(world.requests(isLookUp), 2, 'one look-up for each batch')

  // What is not settled of the upsert is not of the removal; the one that is sent again finds it so.
  const [slow, waiting] = await begin()
  slow.simulator.fail({ kind: 'status', status: 503 }, { when: isLookUp })
  for (const unsure of [false, true]) {
    const status = unsure ? 'unknown' : 'later'
    const outcomes = await slow.send([{ ...waiting, unsure }, upsert(file)])
    t.match(outcomes[0], { status, sent: false, reason: /same record, which is not settled yet: / })
    t.equal(errorOf(outcomes[0]).unsent, true)
    slow.simulator.fail({ kind: 'status', status: 503 }, { when: isLookUp })
  }
  slow.simulator.clearFaults()
  t.same(tally(await slow.send([waiting, upsert(file)])), { unchanged: 1, accepted: 1 })
  t.equal(levels(slow)[0]?.[1], 'Malicious')

  // Nobody wants a record any more whose upsert is refused.
  const [strict, going] = await begin()
  const refusal: Fault = {
    kind: 'status',
    status: 422,
    body: JSON.stringify({ errors: [{ title: 'is invalid', detail: 'threat_level - is invalid' }] }),
  }
  const isSuspicious = (request: RecordedRequest) => request.body.includes('Suspicious')
  strict.simulator.fail(refusal, { times: 'always', when: isSuspicious })
  t.match(await strict.send([going, upsert({ ...file, score: 2 })]), [
    { status: 'accepted', vendor: { hashes: [{ threatLevel: 'Benign' }] } },
    { status: 'rejected' },
  ])
  t.same(levels(strict), [[md5, 'Benign']])
})

t.test(
  'where Triage keeps one record of a value for all sources, a new source has the last word',
  async (t) => {
    const options = { source: 'Old' }
    for (const unsure of [false, true]) {
      const { simulator, send } = await enter(t, {
        simulator: { putMissing: '405', uniqueWithin: 'instance' },
      })
      const old = knowing(removal(evil, { options, unsure }), only(await send([upsert(evil, { options })])))
      const batch = [upsert(evil, { key: 'new' }), old]
      t.match(await send(batch), [
        { key: 'new', status: 'accepted', vendor: { threatLevel: 'Malicious', threatSource: 'Old' } },
        { status: 'accepted', vendor: { threatLevel: 'Benign' } },
      ])
      t.same(table(simulator), ['1 Hostname evil.example Malicious Old'], `unsure: ${unsure}`)
    }
  },
)

t.test('a removal makes harmless what is ours and creates nothing', async (t) => {
  const foreign = { type: 'Hostname', value: 'evil.example', source: 'Triage-UI', level: 'Malicious' }
  const { simulator, send, requests } = await enter(t, { simulator: { threats: [foreign] } })
  t.match(await send([removal(evil)]), [{ key: 'evil.example', status: 'unchanged' }])
  const first = only(await send([upsert(evil)]))
  const looked = requests(isLookUp)
  t.match(await send([knowing(removal(evil), first)]), [
    { status: 'accepted', vendor: { threatLevel: 'Benign' } },
  ])
  t.equal(requests(isLookUp), looked, 'what is known is not looked up')
  t.match(await send([removal(evil)]), [{ status: 'unchanged', remoteId: '2' }])
  t.same(table(simulator), [
    '1 Hostname evil.example Malicious Triage-UI',
    `2 Hostname evil.example Benign ${ourSource}`,
  ])
  t.equal(requests(isPut), 1)
})

t.test(
  'whatever goes wrong by chance, in the end each is there once, as it is wanted, and nothing was lost',
  async (t) => {
    for (const seed of [1, 2]) {
      const { simulator, exporter } = await enter(t, { simulator: { randomFaults: { seed, share: 0.12 } } })
      const wanted = [
        ...Array.from({ length: 60 }, (_, at) =>
          indicator('domain', `d${at}.example`, { score: at % 2 ? 3 : 2 }),
        ),
        ...Array.from({ length: 20 }, (_, at) => indicator('url', `http://u.example/${at},x`)),
        file,
      ]
      const expected = wanted
        .flatMap(({ value, score }) =>
          (value === sha256 ? [sha256, md5] : [value]).map((each) => `${each} ${score}`),
        )
        .sort()
      let open: Delivery[] = wanted.map((each) => upsert(each))
      let rounds = 0
      for (; open.length > 0 && rounds < 100; rounds += 1) {
        const outcomes = await exporter.send(open, signal)
        t.same(
          outcomes.map(({ key }) => key),
          open.map(({ key }) => key),
          'one outcome each',
        )
        const by = new Map(outcomes.map((outcome) => [outcome.key, outcome]))
        const rows = new Set(simulator.rows().map(({ value }) => value))
        for (const { key } of open) {
          const status = by.get(key)?.status
          if (status === 'accepted' || status === 'unchanged') t.ok(rows.has(key), `${key} is there`)
          else if (status === 'later') t.notOk(rows.has(key), `${key} is not there`)
          else t.equal(status, 'unknown')
        }
        open = open
          .filter(({ key }) => by.get(key)?.status === 'later' || by.get(key)?.status === 'unknown')
          .map((delivery) => ({
            ...delivery,
            unsure: delivery.unsure || by.get(delivery.key)?.status === 'unknown',
          }))
      }
      t.same(open, [], `settled after ${rounds} rounds`)
      const level = { Malicious: 3, Suspicious: 2, Benign: 1 } as Readonly<Record<string, number>>
      t.same(
        simulator
          .rows()
          .map((row) => `${row.value} ${level[row.level]}`)
          .sort(),
        expected,
      )
      t.equal(simulator.writes.length, simulator.rows().length, 'no record was written twice')
    }
  },
)

t.test('a product that is down is left alone after five failures, whatever is left to be sent', async (t) => {
  const { simulator, send, requests } = await enter(t, { concurrency: 1 })
  const batch = Array.from({ length: 40 }, (_, at) => upsert(indicator('domain', `d${at}.example`)))
  simulator.fail({ kind: 'status', status: 503 }, { times: 'always', when: isWrite })
  t.same(tally(await send(batch)), { unknown: requests(isWrite), later: 40 - requests(isWrite) })
  t.ok(requests(isWrite) <= 6, `${requests(isWrite)} writes`)
})

t.test(
  'a look-up that is too long for a proxy is cut in halves until only the one at fault is left, which is created without',
  async (t) => {
    const { simulator, send } = await enter(t)
    const domain = (at: number) => indicator('domain', `d${at}.example`)
    for (const at of [0, 7, 19]) {
      simulator.add({ type: 'Hostname', value: `d${at}.example`, source: ourSource, level: 'Malicious' })
    }
    const batch = Array.from({ length: 20 }, (_, at) => upsert(domain(at)))
    const tooLong = (request: RecordedRequest) => isLookUp(request) && /d7\.example/.test(request.url)
    simulator.fail({ kind: 'status', status: 414 }, { times: 'always', when: tooLong })
    const outcomes = await send(batch)
    t.same(tally(outcomes), { accepted: 17, unchanged: 2, rejected: 1 })
    t.match(outcomes[7], { status: 'rejected', reason: /taken.*could not be looked up.*\(414\)/ })
    t.match(await send([removal(domain(7))]), [{ status: 'rejected', reason: /refused the request \(414\)/ }])
  },
)

t.test(
  'no address is longer than servers take, whatever the values; long ones are found all the same',
  async (t) => {
    const { simulator, send, another } = await enter(t)
    const long = (at: number) => indicator('url', `http://long.example/${'ä/'.repeat(1500)}${at}`)
    const hashes = Array.from({ length: 150 }, (_, at) => indicator('file', String(at).padStart(64, '0')))
    const batch = [...hashes, long(1), long(2), indicator('domain', 'é'.repeat(50))].map((each) =>
      upsert(each),
    )
    t.same(tally(await send(batch)), { accepted: 153 })
    const addresses = simulator.requests.filter(isLookUp).map(({ url }) => url.length)
    t.ok(Math.max(...addresses) <= 6000, `${addresses}`)
    t.same(tally(await another().send(batch, signal)), { unchanged: 153 })
  },
)

t.test('a source with a comma, and two sources in one batch, are kept apart', async (t) => {
  const { simulator, send, another } = await enter(t)
  const batch = [
    upsert(evil, { key: '1', options: { source: 'One, and two' } }),
    upsert(evil, { key: '2', options: { source: 'One' } }),
    upsert(evil, { key: '3' }),
  ]
  t.same(tally(await send(batch)), { accepted: 3 })
  t.same(
    simulator
      .rows()
      .map(({ source }) => source)
      .sort(),
    ['One', 'One, and two', ourSource],
  )
  t.same(tally(await another().send(batch, signal)), { unchanged: 3 })
})

t.test('an answer about something else is not believed', async (t) => {
  const answers: [string, object][] = [
    ['another value', { data: record('9', 'other.example') }],
    ['another type', { data: record('9', 'evil.example', { threat_type: 'URL' }) }],
    ['another resource', { data: { ...record('9', 'evil.example'), type: 'reports' } }],
    ['no id', { data: { ...record('', 'evil.example') } }],
    ['a list', { data: [record('9', 'evil.example')] }],
    ['nothing', {}],
  ]
  for (const [what, body] of answers) {
    const { simulator, send } = await enter(t)
    simulator.fail(json(body), { when: isCreate })
    const outcome = only(await send([upsert(evil)]))
    t.equal(outcome.status, 'unknown', what)
    t.equal(errorOf(outcome).kind, 'unreadable', what)
    t.equal(only(await send([upsert(evil, { unsure: true })])).status, 'accepted', what)
  }
  const { simulator, send } = await enter(t)
  simulator.fail(json({ data: record('9', 'evil.example', { threat_level: 'Benign' }) }), { when: isCreate })
  t.match(only(await send([upsert(evil)])), {
    status: 'rejected',
    reason: 'Cofense Triage stored the threat level Benign instead of Malicious',
    vendor: { id: '9', threatLevel: 'Benign' },
  })
})

t.test('an id that has become that of another record is forgotten, and said', async (t) => {
  const { simulator, send, said } = await enter(t)
  simulator.add({ type: 'Hostname', value: 'other.example', source: 'Triage-UI', level: 'Malicious' })
  const stale = upsert(evil, { remoteId: '1' })
  t.match(only(await send([stale])), { status: 'accepted', remoteId: '2' })
  t.ok(said.some((line) => /"level":50.*given the id of one of our records to another one/.test(line)))
})

t.test('a look-up is read as it is meant, or not at all', async (t) => {
  const lists: [string, object][] = [
    ['no data', {}],
    ['an object', { data: record('1', 'evil.example') }],
    ['something else among them', { data: [{ type: 'threat_indicators', id: '1' }] }],
  ]
  for (const [what, body] of lists) {
    const { simulator, send, requests } = await enter(t)
    simulator.fail(json(body), { times: 'always', when: isLookUp })
    const outcome = only(await send([upsert(evil)]))
    t.equal(outcome.status, 'later', what)
    t.equal(errorOf(outcome).kind, 'unreadable', what)
    t.equal(requests(isWrite), 0, what)
    t.ok(requests(isLookUp) <= 3, what)
  }
  const { simulator, send } = await enter(t)
  const twice = [record('7', 'evil.example'), record('8', 'evil.example', { threat_level: 'Benign' })]
  simulator.fail(json({ data: [record('6', 'EVIL.example'), ...twice] }), { when: isLookUp })
  simulator.fail(json({ data: record('8', 'evil.example') }), { when: isPut })
  t.match(only(await send([upsert(evil)])), { status: 'accepted', remoteId: '8' }, 'one that is there twice')
  t.match(only(simulator.requests.filter(isPut)).url, /\/8$/)
})

t.test('a value that Triage has and does not let us write is refused with what is known of it', async (t) => {
  const taken: Fault = {
    kind: 'status',
    status: 422,
    body: JSON.stringify({
      errors: [{ title: 'has already been taken', detail: 'threat_value - has already been taken' }],
    }),
  }
  const cases: [string, readonly object[], string][] = [
    ['nothing', [], 'has already been taken, but Cofense Triage shows no such record'],
    [
      'one of another type',
      [record('7', 'evil.example', { threat_type: 'URL', threat_source: 'Triage-UI' })],
      'has already been taken: Cofense Triage has URL evil.example of the source "Triage-UI" (id 7)',
    ],
  ]
  for (const [what, found, reason] of cases) {
    const { simulator, send } = await enter(t)
    simulator.fail(taken, { when: isCreate })
    simulator.fail(json({ data: [] }), { when: isLookUp })
    simulator.fail(json({ data: found }), { when: isLookUp })
    t.match(only(await send([upsert(evil)])), { status: 'rejected', reason }, what)
  }
  const { simulator, send } = await enter(t)
  const twice = ['98', '99'].map((id) => record(id, 'evil.example', { threat_level: 'Benign' }))
  simulator.fail(json({ data: twice }), { when: isLookUp })
  simulator.fail(json({ data: record('98', 'evil.example') }), { when: isPut })
  t.match(only(await send([upsert(evil)])), {
    status: 'later',
    reason: 'Cofense Triage lists the record 99, but has none of this id to change',
  })
})

t.test('a token that is no bearer token is not used', async (t) => {
  const { simulator, send, requests } = await enter(t)
  simulator.fail(json({ access_token: 'abc', token_type: 'MAC', expires_in: 7200 }), { when: isLogin })
  t.match(errorOf(only(await send([upsert(evil)]))), {
    kind: 'unreadable',
    message: 'Cofense Triage answered the login with a token of the type "MAC" instead of Bearer',
  })
  t.equal(requests(isLookUp), 0)
})

t.test('a preview is what is sent where nothing is there', async (t) => {
  const { simulator, exporter, send } = await enter(t)
  const known = only(await send([upsert(bad)]))
  const batch = [
    upsert(evil),
    upsert(indicator('url', 'http://evil.example/a,b')),
    upsert(indicator('url', "http://evil.example/it's")),
    upsert(file),
    knowing(upsert({ ...bad, score: 2 }), known),
  ]
  const before = simulator.requests.length
  const preview = exporter.preview(batch)
  t.equal(simulator.requests.length, before, 'nothing is sent for it')
  await send(batch)
  const plain = ({ method, url, body }: { method: string; url: string; body: unknown }) =>
    `${method} ${url} ${JSON.stringify(body)}`
  const sent = simulator.requests.slice(before).map(({ method, url, body }) => {
    const parsed: unknown = body === '' ? null : JSON.parse(body)
    return plain({ method, url: simulator.url + url, body: parsed })
  })
  t.same(preview.map(plain).sort(), sent.sort())
  for (const { method, headers } of preview) {
    t.same(headers, {
      accept: 'application/vnd.api+json',
      ...(method !== 'GET' && { 'content-type': 'application/vnd.api+json' }),
    })
  }
  t.same(
    exporter.preview([removal(evil), knowing(removal(bad), known)]).map(({ method }) => method),
    ['GET', 'PUT'],
    'a removal creates nothing',
  )
})

t.test('whatever Triage echoes, no secret comes back in an error, an outcome or the log', async (t) => {
  const clientSecret = 'a secret/that needs=encoding+%'
  const { simulator, send, said } = await enter(t, {
    simulator: { applications: [{ ...demoApplication, clientSecret }] },
    settings: { clientSecret },
  })
  await send([upsert(bad)])
  const echo = () =>
    `token ${simulator.tokens.at(-1)} secret ${clientSecret} ${encodeURIComponent(clientSecret)}`
  for (const status of [400, 401, 403, 404, 415, 422, 429, 500]) {
    for (const when of [isCreate, isLookUp, isLogin]) {
      const words = echo()
      const errors = [{ title: words, detail: words, code: words }]
      const body = JSON.stringify({ errors, error: words, error_description: words })
      simulator.fail({ kind: 'status', status, body }, { times: 'always', when })
      if (when === isLogin) simulator.revokeTokens()
      said.push(inspect(await send([upsert(evil)]), { depth: 12, showHidden: true }))
      simulator.clearFaults()
      await send([upsert(bad)])
    }
  }
  simulator.fail({ kind: 'wrong-content', contentType: 'text/plain', body: echo() }, { when: isCreate })
  said.push(inspect(await send([upsert(evil)]), { depth: 12 }))
  for (const secret of [clientSecret, encodeURIComponent(clientSecret), ...simulator.tokens]) {
    t.same(
      said.filter((line) => line.includes(secret)),
      [],
    )
  }
  t.ok(
    said.some((line) => line.includes('[redacted]')),
    'the words themselves are shown',
  )
})

t.test('an address may have the path of the API at its end, or one of its own before it', async (t) => {
  for (const path of ['/', '/api/public/v2', '/api/public/', '']) {
    const { simulator, another } = await enter(t)
    const exporter = another({ baseUrl: simulator.url + path })
    t.equal(only(await exporter.send([upsert(evil)], signal)).status, 'accepted', path)
  }
  const { simulator, another } = await enter(t)
  const error = errorOf(
    only(await another({ baseUrl: `${simulator.url}/triage/` }).send([upsert(evil)], signal)),
  )
  t.same([error.kind, error.status], ['address', 404])
  t.equal(simulator.requests[0]?.url, '/triage/oauth/token')
})

t.test('an abort ends a batch with its reason, and what was done before is found by the next', async (t) => {
  const { simulator, send } = await enter(t, { concurrency: 2 })
  const batch = Array.from({ length: 20 }, (_, at) => upsert(indicator('domain', `d${at}.example`)))
  const controller = new AbortController()
  const reason = new Error('the server stops')
  let creates = 0
  simulator.fail(
    { kind: 'delay', ms: 3_600_000 },
    {
      times: 'always',
      when(request) {
        creates += isCreate(request) ? 1 : 0
        if (creates < 7) return false
        setImmediate(() => controller.abort(reason))
        return true
      },
    },
  )
  t.equal(await send(batch, controller.signal).catch((error: unknown) => error), reason)
  simulator.clearFaults()
  const outcomes = await send(batch.map((delivery) => ({ ...delivery, unsure: true })))
  t.same(tally(outcomes), { accepted: 20 })
  t.equal(simulator.writes.length, 20)
})

t.test('the check tells what is wrong and what mends it, and what it can not tell', async (t) => {
  const good = await enter(t)
  const findings = await good.exporter.check(signal)
  t.same(
    findings.map(({ name, ok }) => [name, ok]),
    [
      ['connection', true],
      ['api', true],
      ['credentials', true],
      ['reading', true],
      ['writing', true],
    ],
  )
  t.match(findings[4], { cause: /only a write would prove it/, remedy: /role/ })
  t.equal(good.requests(isWrite), 0)

  const isStatus = ({ url }: RecordedRequest) => url.endsWith('/system/status')
  const isList = ({ method, url }: RecordedRequest) => method === 'GET' && url.includes('threat_indicators')
  const cases: [string, Fault, (request: RecordedRequest) => boolean, string][] = [
    [
      'another login',
      { kind: 'status', status: 401, body: '{"error":"invalid_client"}' },
      isLogin,
      '!credentials api',
    ],
    ['no login there', { kind: 'status', status: 404 }, isLogin, '!api'],
    ['too many logins', { kind: 'status', status: 429 }, isLogin, '!limits'],
    ['a login page', { kind: 'html' }, isLogin, '!api'],
    ['a redirect', { kind: 'redirect', location: 'https://sso.example.org/' }, isLogin, '!api'],
    ['an API of version 1', { kind: 'status', status: 404 }, isStatus, '!api credentials'],
    ['no right', { kind: 'status', status: 403 }, isList, '!rights api credentials'],
    ['a token that is not taken', { kind: 'status', status: 401 }, isList, '!reading api credentials'],
    ['a list that is down', { kind: 'status', status: 503 }, isList, '!reading api credentials'],
  ]
  for (const [what, fault, when, expected] of cases) {
    const { simulator, exporter } = await enter(t)
    simulator.fail(fault, { times: 'always', when })
    const found = await exporter.check(signal)
    const names = found
      .map(({ name, ok }) => (ok ? name : `!${name}`))
      .filter((name) => name !== 'connection')
    t.same(names.sort(), expected.split(' ').sort(), what)
    const wrong = found.find(({ ok }) => !ok)
    t.match(wrong?.cause, /\w{3}/, what)
    t.match(wrong?.remedy, /\w{3}/, what)
  }
})
