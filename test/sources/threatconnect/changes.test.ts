import { pino } from 'pino'
import t from 'tap'
import type { SourcePage } from '../../../src/sources/source.ts'
import type { ThreatConnectSettings } from '../../../src/sources/threatconnect/settings.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectOptions,
  type ThreatConnectSimulator,
} from '../../../src/sources/threatconnect/simulator/index.ts'
import type { NewIndicator } from '../../../src/sources/threatconnect/simulator/records.ts'
import { sourceOver, type TestSourceOptions } from './live-source.ts'
import { fetchInto, type ModelStore, modelStore } from './model-store.ts'

type Test = Pick<typeof t, 'teardown'>
const start = Date.parse('2024-06-01T00:00:00Z')
const hour = 3_600_000

/** A simulated instance on a clock of the test, and sources over it. */
interface World {
  readonly simulator: ThreatConnectSimulator
  readonly clock: { ms: number }
  readonly store: ModelStore
  readonly logged: string[]
  source(
    settings?: Partial<ThreatConnectSettings>,
    rest?: TestSourceOptions,
  ): ReturnType<typeof sourceOver>['source']
}

async function world(t: Test, options: ThreatConnectOptions = {}): Promise<World> {
  const clock = { ms: start }
  const simulator = await startThreatConnectSimulator({ now: () => clock.ms, ...options })
  t.teardown(() => simulator.close())
  clock.ms += hour
  const logged: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => logged.push(JSON.parse(line).msg) })
  const source: World['source'] = (settings = {}, rest = {}) =>
    sourceOver(simulator.url, { settings, now: () => clock.ms, log, ...rest }).source
  return { simulator, clock, store: modelStore(), logged, source }
}

const hosts = (count: number): NewIndicator[] =>
  Array.from({ length: count }, (_, place) => ({
    id: place + 1,
    type: 'Host',
    summary: `h${place + 1}.example`,
  }))

const queries = (simulator: ThreatConnectSimulator, from = 0): URLSearchParams[] =>
  simulator.requests.slice(from).map(({ url }) => new URL(url, 'http://any.invalid').searchParams)

const ids = (count: number, without: readonly number[] = []) =>
  Array.from({ length: count }, (_, place) => place + 1)
    .filter((id) => !without.includes(id))
    .map(String)

t.test('a first fetch brings everything once, an unchanged instance then nothing', async (t) => {
  const { simulator, source, store, clock } = await world(t, { indicators: hosts(25) })
  const tc = source({ pageSize: 10 })
  const first = await fetchInto(store, tc)
  t.strictSame(store.ids('indicators'), ids(25))
  t.strictSame(first.failures, [])
  t.equal(first.requests, simulator.requests.length, 'every request is counted')
  t.strictSame(
    first.pages.map(({ covers, expected }) => [covers?.after, covers?.upTo, expected]),
    [
      ['0', '10', 25],
      ['10', '20', undefined],
      ['20', '25', undefined],
      ['25', null, undefined],
    ],
  )
  for (const query of queries(simulator)) t.equal(query.get('sorting'), 'id asc')
  clock.ms += hour
  const second = await fetchInto(store, tc)
  t.strictSame(
    second.pages.map(({ received, covers }) => [received, covers]),
    [[0, undefined]],
  )
})

t.test('what changes is asked for by the clock of ThreatConnect, with an overlap', async (t) => {
  const skewMs = -200_000
  const { simulator, source, store, clock } = await world(t, { indicators: hosts(3), skewMs })
  const tc = source({ owners: ['Example Organization'], tql: 'rating > 1 OR confidence > 1' })
  await fetchInto(store, tc)
  const startedAt = clock.ms + skewMs
  clock.ms += hour
  const sent = simulator.requests.length
  await fetchInto(store, tc)
  const since = `${new Date(startedAt - 120_000).toISOString().slice(0, 19)}Z`
  const [deleted, changes] = queries(simulator, sent)
  t.equal(deleted?.get('deletedSince'), since)
  t.equal(
    changes?.get('tql'),
    `id GT 0 AND lastModified GEQ "${since}" AND (indicatorActive EQ true OR indicatorActive EQ false) ` +
      'AND (ownerName="Example Organization") AND (rating > 1 OR confidence > 1)',
  )
})

t.test('each endpoint asks for the types of its own setting, and one that is off for nothing', async (t) => {
  const groups = [
    { id: 1, type: 'Campaign', name: 'C' },
    { id: 2, type: 'Tool', name: 'T' },
  ] as const
  const indicators = [
    ...hosts(1),
    { id: 2, type: 'Thing', summary: 'x' },
    { id: 3, type: 'URL', summary: 'http://a.example/' },
  ]
  const table: [string[], string[], string[], string[]][] = [
    [['All'], [], ['1', '2', '3'], []],
    [['Host', 'custom:Thing'], ['All'], ['1', '2'], ['1', '2']],
    [[], ['Tool'], [], ['2']],
  ]
  for (const [indicatorTypes, groupTypes, wanted, wantedGroups] of table) {
    const { source, store, simulator } = await world(t, { indicators, groups })
    const { failures } = await fetchInto(store, source({ indicatorTypes, groupTypes }))
    t.strictSame([store.ids('indicators'), store.ids('groups'), failures], [wanted, wantedGroups, []])
    const paths = new Set(simulator.requests.map(({ url }) => url.split('?')[0]))
    t.equal(paths.size, Number(wanted.length > 0) + Number(wantedGroups.length > 0))
  }
})

t.test('an endpoint that fails ends alone, and goes on in its walk the next time', async (t) => {
  const groups = [{ id: 1, type: 'Campaign', name: 'C' }] as const
  const { simulator, source, store } = await world(t, { indicators: hosts(30), groups })
  const tc = source({ pageSize: 10, groupTypes: ['All'] })
  const refused = { kind: 'status', status: 403, body: '{"message":"no","status":"Error"}' } as const
  simulator.fail(refused, { times: 'always', when: ({ url }) => url.includes('GT%2010%20') })
  const { failures, requests } = await fetchInto(store, tc)
  t.match(failures, [{ part: 'indicators', failure: { kind: 'permission' }, requests: 1 }])
  t.equal(requests, simulator.requests.length)
  t.strictSame([store.ids('indicators'), store.ids('groups')], [ids(10), ['1']])
  simulator.clearFaults()
  const sent = simulator.requests.length
  await fetchInto(store, tc)
  t.strictSame(store.ids('indicators'), ids(30))
  t.match(queries(simulator, sent)[0]?.get('tql'), /^id GT 10 /)

  const bad = await fetchInto(modelStore(), source({ tql: 'a = "', groupTypes: ['All'] }))
  t.match(bad.failures, [
    { part: 'indicators', failure: { kind: 'rejected', message: /leaves a text open/ } },
  ])
  t.equal(bad.pages.at(-1)?.part, 'groups', 'TQL that is none fails its endpoint alone')
})

t.test(
  'a cursor that is not of these settings means everything once more, and what is not asked for leaves',
  async (t) => {
    const owner = 'Common Community'
    const groups = [{ id: 1, type: 'Campaign', name: 'C' }] as const
    const indicators = [...hosts(4), { id: 5, owner, type: 'Host', summary: 'h5.example' }]
    const { source, store, simulator, clock, logged } = await world(t, { indicators, groups })
    await fetchInto(store, source({ groupTypes: ['All'] }))
    t.strictSame([store.ids('indicators'), store.ids('groups')], [ids(5), ['1']])
    clock.ms += hour
    simulator.records.deactivate(2)
    clock.ms += hour
    await fetchInto(store, source({ owners: ['Example Organization'] }))
    t.strictSame(
      [store.ids('indicators'), store.ids('groups')],
      [ids(4), []],
      'of another owner, of an endpoint now off',
    )
    t.equal(store.parts.get('indicators')?.get('2')?.active, false, 'a known one is learnt to be inactive')
    t.match(logged, ['everything is fetched once more'])

    for (const cursor of [
      '',
      '{',
      'null',
      '{"version":1}',
      `${store.cursor?.replace('"fresh":false', '"fresh":7')}`,
    ]) {
      const other = modelStore()
      other.cursor = cursor
      const { failures } = await fetchInto(other, source({ owners: ['Example Organization'] }))
      t.strictSame([other.ids('indicators'), failures], [['1', '3', '4'], []], cursor)
    }
    const reordered = await fetchInto(
      store,
      source({ owners: ['Example Organization'], pageSize: 7, reconcileEvery: null }),
    )
    t.ok(
      reordered.pages.every(({ covers }) => covers === undefined),
      'page size and reconciliation decide nothing stored',
    )
    const tagged = await fetchInto(
      store,
      source({ owners: ['Example Organization'] }, { options: { feedTags: ['x'] } }),
    )
    t.ok(
      tagged.pages.some(({ covers }) => covers !== undefined),
      'what changes records does',
    )
  },
)

t.test('everything is read once more every `reconcileEvery`, or with every fetch', async (t) => {
  const { source, store, clock, simulator } = await world(t, { indicators: hosts(9) })
  const whole = async (settings: Partial<ThreatConnectSettings>, rest: TestSourceOptions = {}) =>
    (await fetchInto(store, source(settings, rest))).pages.some(({ covers }) => covers !== undefined)
  t.ok(await whole({}), 'the first')
  clock.ms += 23 * hour
  t.notOk(await whole({}))
  clock.ms += 2 * hour
  simulator.records.remove(4)
  simulator.records.forgetDeleted('9999-01-01T00:00:00Z')
  t.notOk(await whole({ reconcileEvery: null }))
  t.strictSame(store.ids('indicators'), ids(9), 'nobody said that it left')
  t.ok(await whole({}))
  t.strictSame(store.ids('indicators'), ids(9, [4]), 'it left in silence')
  t.notOk(await whole({}))
  t.ok(await whole({}, { options: { alwaysWhole: true } }))
  t.ok(await whole({}, { options: { alwaysWhole: true } }))
  clock.ms -= 30 * hour
  t.ok(await whole({}), 'a clock that was wrong does not put it off for ever')
})

t.test('deactivated records are told of as such where only active ones are asked for', async (t) => {
  for (const activeOnly of [true, false]) {
    const indicators = [...hosts(3), { id: 4, type: 'Host', summary: 'h4.example', active: false }]
    const { source, store, clock, simulator } = await world(t, { indicators })
    const tc = source({ activeOnly })
    const first = await fetchInto(store, tc)
    t.equal(first.pages[0]?.received, activeOnly ? 3 : 4, 'a first walk asks for no inactive ones needlessly')
    clock.ms += hour
    simulator.records.deactivate(2)
    const { pages } = await fetchInto(store, tc)
    const [page] = pages
    const list = activeOnly ? page?.deactivated : page?.observations
    t.strictSame(
      list?.map(({ provenance, active }) => [provenance.remoteId, active]),
      [['2', false]],
    )
    t.equal(store.parts.get('indicators')?.get('2')?.active, false)
  }
})

t.test('what was deleted leaves by its value and owner, in whatever spelling it is told', async (t) => {
  const [md5, sha1, sha256] = ['A', 'B', 'C'].map((digit, place) => digit.repeat([32, 40, 64][place] ?? 0))
  const summary = `${md5} : ${sha1} : ${sha256}`
  const indicators = [
    { id: 1, type: 'File', summary },
    { id: 2, type: 'Host', summary: 'UPPER.Example' },
    { id: 3, type: 'Host', summary: 'twice.example' },
    { id: 4, type: 'Host', summary: 'twice.example', owner: 'Common Community' },
    { id: 5, type: 'Thing', summary: 'say "x" \\' },
    { id: 6, type: 'File', summary: `${'D'.repeat(32)} : ${'E'.repeat(64)}` },
    { id: 7, type: 'Host', summary: 'stays.example' },
  ]
  const { source, store, clock, simulator } = await world(t, { indicators })
  const tc = source()
  await fetchInto(store, tc)
  clock.ms += hour
  for (const id of [1, 2, 3, 5, 6]) simulator.records.remove(id)
  simulator.records.add({ id: 16, type: 'File', summary: 'E'.repeat(64) })
  const order: string[] = []
  const { failures } = await fetchInto(store, tc, ({ removed, observations }) => {
    order.push(`${removed.length} removed, ${observations.map(({ provenance }) => provenance.remoteId)}`)
    return true
  })
  t.strictSame(failures, [])
  t.strictSame(store.ids('indicators'), ['4', '7', '16'])
  t.ok(
    order.includes('2 removed, 16'),
    'what was made again, even with fewer hashes, comes in the page that removes it',
  )
})

t.test('what may not be known of the deleted is told once and left to the next whole walk', async (t) => {
  const { source, store, clock, simulator, logged } = await world(t, {
    indicators: hosts(3),
    tellsDeleted: false,
  })
  const tc = source()
  await fetchInto(store, tc)
  for (const expected of [ids(3), ids(3), ids(3, [2])]) {
    clock.ms += expected.length === 2 ? 24 * hour : hour
    if (simulator.records.indicator(2) !== undefined) simulator.records.remove(2)
    t.strictSame((await fetchInto(store, tc)).failures, [])
    t.strictSame(store.ids('indicators'), expected)
  }
  t.equal(logged.filter((message) => message.includes('may not see what was deleted')).length, 1)
})

t.test(
  'a list of the deleted that fails keeps nobody from the changes, and is asked for from the same time on',
  async (t) => {
    const { source, store, clock, simulator } = await world(t, { indicators: hosts(3) })
    const tc = source()
    await fetchInto(store, tc)
    clock.ms += hour
    simulator.records.remove(1)
    simulator.records.update(2, { confidence: 7 })
    clock.ms += hour
    simulator.fail({ kind: 'status', status: 400 }, { when: ({ url }) => url.includes('/deleted') })
    const failed = await fetchInto(store, tc)
    t.match(failed.failures, [{ part: 'indicators', failure: { kind: 'rejected' } }])
    t.equal(store.parts.get('indicators')?.get('2')?.confidence, 7)
    t.strictSame(store.ids('indicators'), ids(3))
    clock.ms += hour
    t.strictSame((await fetchInto(store, tc)).failures, [])
    t.strictSame(store.ids('indicators'), ids(3, [1]))
  },
)

t.test('a server that gives fewer than asked for, or no count, hides nothing', async (t) => {
  const few = await world(t, { indicators: hosts(23), largestPage: 4 })
  await fetchInto(few.store, few.source({ pageSize: 10 }))
  t.strictSame(few.store.ids('indicators'), ids(23))

  // Answers without link and count, as a poorer server would give them.
  const { simulator, source, store } = await world(t, { indicators: hosts(23) })
  const data = (from: number) =>
    hosts(23)
      .slice(from, from + 4)
      .map(({ id, type, summary }) => ({ id, type, summary }))
  for (let from = 0; from <= 24; from += 4) {
    const body = JSON.stringify({ status: 'Success', data: data(from) })
    simulator.fail({ kind: 'wrong-content', contentType: 'application/json', body })
  }
  await fetchInto(store, source({ pageSize: 10 }))
  t.strictSame(store.ids('indicators'), ids(23))
})

t.test('an empty answer by mistake makes nothing leave', async (t) => {
  const { simulator, source, store, clock } = await world(t, { indicators: hosts(30) })
  const tc = source({ pageSize: 10 })
  await fetchInto(store, tc)
  const answer = (content: object) =>
    ({ kind: 'wrong-content', contentType: 'application/json', body: JSON.stringify(content) }) as const
  const empty = answer({ status: 'Success', data: [] })
  const at = (place: string) => ({ when: ({ url }: { url: string }) => url.includes(place) })

  clock.ms += 25 * hour
  simulator.fail(empty, at('GT%2010%20'))
  t.strictSame((await fetchInto(store, tc)).failures, [])
  t.strictSame(store.ids('indicators'), ids(30), 'one is not believed')

  clock.ms += 25 * hour
  simulator.fail(answer({ status: 'Success', data: [], count: 20 }), at('GT%200%20'))
  t.match((await fetchInto(store, tc)).failures, [{ failure: { kind: 'unreadable', message: /counts 20/ } }])
  t.strictSame(store.ids('indicators'), ids(30), 'one that counts otherwise')

  clock.ms += 25 * hour
  simulator.fail(answer({ status: 'Success', data: [], count: 0 }), at('GT%200%20'))
  simulator.fail(answer({ status: 'Success', data: [] }), at('owners'))
  t.match((await fetchInto(store, tc)).failures, [{ failure: { kind: 'permission', message: /any owner/ } }])
  t.strictSame(store.ids('indicators'), ids(30), 'an account that lost its rights')
})

t.test('answers that are not what was asked for are refused', async (t) => {
  const record = (id: unknown) => ({ id, type: 'Host', summary: `h${id}.example` })
  const table: [string, object, RegExp][] = [
    ['ids that descend', { data: [record(5), record(4)] }, /record 4 came after 5/],
    [
      'ids from before',
      { data: [record(0.5), record(3)], next: '/api/v3/indicators' },
      /record 3 came after 10/,
    ],
    ['empty, with more to come', { data: [], next: '/api/v3/indicators' }, /says that there are more/],
  ]
  for (const [what, content, message] of table) {
    const { simulator, source, store } = await world(t, { indicators: hosts(30) })
    const body = JSON.stringify({ status: 'Success', ...content })
    const when = ({ url }: { url: string }) =>
      url.includes(what === 'ids from before' ? 'GT%2010%20' : 'GT%20')
    simulator.fail(
      { kind: 'wrong-content', contentType: 'application/json', body },
      { when, times: 'always' },
    )
    const { failures } = await fetchInto(store, source({ pageSize: 10 }))
    t.match(failures, [{ part: 'indicators', failure: { kind: 'unreadable', message } }], what)
  }
})

t.test('a record without a usable id costs itself, and nothing around it is said to be gone', async (t) => {
  const broken = (id: number, sent: string) => ({
    id,
    type: 'Host',
    summary: 'x',
    json: `{"id":${sent},"type":"Host","summary":"b${id}.example"}`,
  })
  const indicators = [
    ...hosts(6),
    broken(7, 'null'),
    broken(8, '12.5'),
    ...[9, 10].map((id) => ({ id, type: 'Host', summary: `h${id}.example` })),
    broken(11, '9223372036854775808'),
    broken(12, '-3'),
    broken(13, '5'.repeat(30)),
    broken(14, 'null'),
  ]
  for (const pageSize of [1, 2, 3, 7, 100]) {
    const { source, store } = await world(t, { indicators })
    const { pages, failures } = await fetchInto(store, source({ pageSize }))
    t.strictSame(failures, [])
    t.strictSame(store.ids('indicators'), [...ids(6), '9', '10'], `pages of ${pageSize}`)
    t.equal(pages.flatMap(({ unreadable }) => unreadable).length, 6, 'each is told of once')
    for (const { covers, unreadable } of pages) if (unreadable.length > 0) t.equal(covers, undefined)
  }
})

t.test('a known record that has become unreadable is not said to be gone', async (t) => {
  const { source, store, clock, simulator } = await world(t, { indicators: hosts(5) })
  const tc = source({ pageSize: 2 })
  await fetchInto(store, tc)
  simulator.records.update(3, { json: '{"id":3,"type":"Host"}' })
  clock.ms += 25 * hour
  const { pages } = await fetchInto(store, tc)
  t.match(
    pages.flatMap(({ unreadable }) => unreadable),
    [{ remoteId: '3' }],
  )
  t.strictSame(store.ids('indicators'), ids(5))
})

t.test('an id that comes twice in one answer counts once', async (t) => {
  const { simulator, source, store } = await world(t)
  const data = [1, 2, 2, 3].map((id) => ({ id, type: 'Host', summary: `h${id}.example` }))
  const body = JSON.stringify({ status: 'Success', data, count: 4 })
  simulator.fail({ kind: 'wrong-content', contentType: 'application/json', body })
  const { pages } = await fetchInto(store, source())
  t.strictSame(store.ids('indicators'), ids(3))
  t.match(pages, [{ received: 4, unreadable: [{ remoteId: '2', reason: /twice/ }], covers: { upTo: null } }])
})

t.test('a page that is too much is asked for in smaller ones, and these grow again', async (t) => {
  const limitOf = (url: string) => Number(new URL(url, 'http://any.invalid').searchParams.get('resultLimit'))
  const tooMuch = {
    'a TQL timeout': {
      kind: 'status',
      status: 500,
      body: '{"message":"The TQL query timed out","status":"Error"}',
    },
    'a gateway timeout': { kind: 'status', status: 504 },
    'JSON that is cut off': { kind: 'cut-json' },
    'more than 64 MiB': { kind: 'gzip-bomb', bytes: 68 * 1_048_576 },
  } as const
  for (const [what, fault] of Object.entries(tooMuch)) {
    const { simulator, source, store } = await world(t, { indicators: hosts(60) })
    simulator.fail(fault, { times: 3, when: ({ url }) => limitOf(url) > 5 })
    const { failures } = await fetchInto(store, source({ pageSize: 32 }))
    t.strictSame(failures, [])
    t.strictSame(store.ids('indicators'), ids(60), what)
    const sizes = simulator.requests.map(({ url }) => limitOf(url))
    t.strictSame(sizes.slice(0, 7), [32, 1, 16, 1, 8, 1, 4], what)
    t.ok(sizes.slice(7).includes(16), `grown again: ${sizes.slice(7)}`)
  }
})

t.test('a single record that the server can not give costs itself', async (t) => {
  const { simulator, source, store } = await world(t, { indicators: hosts(20) })
  const poison = ({ url }: { url: string }) => {
    const query = new URL(url, 'http://any.invalid').searchParams
    const after = Number(/id GT (\d+)/.exec(query.get('tql') ?? '')?.[1])
    const limit = Number(query.get('resultLimit'))
    return query.has('fields') && after < 13 && after + limit >= 13
  }
  simulator.fail({ kind: 'status', status: 500 }, { times: 'always', when: poison })
  const { pages, failures } = await fetchInto(store, source({ pageSize: 8 }))
  t.strictSame(failures, [])
  t.strictSame(store.ids('indicators'), ids(20, [13]))
  t.match(
    pages.flatMap(({ unreadable }) => unreadable),
    [{ remoteId: '13', reason: /could not be read: .*500/ }],
  )

  simulator.clearFaults()
  simulator.fail({ kind: 'status', status: 500 }, { times: 'always' })
  const down = await fetchInto(modelStore(), source({ pageSize: 8 }))
  t.match(
    down.failures,
    [{ failure: { kind: 'unavailable' }, requests: 4 }],
    'a server that is down is not asked for ever less',
  )
})

t.test('what passes by itself is tried again, and what does not ends the endpoint', async (t) => {
  const table: [string, Parameters<ThreatConnectSimulator['fail']>[0], number, string | undefined][] = [
    ['a reset', { kind: 'reset' }, 2, undefined],
    ['503', { kind: 'status', status: 503 }, 2, undefined],
    ['429', { kind: 'status', status: 429, headers: { 'retry-after': '0' } }, 2, undefined],
    [
      '429 for longer than ten minutes',
      { kind: 'status', status: 429, headers: { 'retry-after': '601' } },
      1,
      'throttled',
    ],
    ['429 for ever', { kind: 'status', status: 429 }, 3, 'throttled'],
    ['one 401', { kind: 'status', status: 401 }, 1, undefined],
    ['401 again', { kind: 'status', status: 401 }, 2, 'credentials'],
    ['403', { kind: 'status', status: 403 }, 1, 'permission'],
    ['400', { kind: 'status', status: 400 }, 1, 'rejected'],
  ]
  for (const [what, fault, times, kind] of table) {
    const { simulator, source, store } = await world(t, { indicators: hosts(3) })
    simulator.fail(fault, { times })
    const { failures, requests } = await fetchInto(store, source())
    t.strictSame(
      failures.map(({ failure }) => failure.kind),
      kind === undefined ? [] : [kind],
      what,
    )
    t.equal(requests, times + (kind === undefined ? 1 : 0), what)
    t.strictSame(store.ids('indicators'), kind === undefined ? ids(3) : [], what)
  }
  const { source } = await world(t, { skewMs: 400_000 })
  const { failures } = await fetchInto(modelStore(), source())
  t.match(failures, [{ failure: { kind: 'clock-skew', message: /400 s behind/ }, requests: 2 }])
})

t.test(
  'without sorting by id the pages are followed by their places, and nothing is said to be gone',
  async (t) => {
    for (const unsortable of [['id'], ['id', 'dateAdded']]) {
      const { source, store, clock, simulator, logged } = await world(t, {
        indicators: hosts(25),
        unsortable,
      })
      const tc = source({ pageSize: 10 })
      let dropped: SourcePage | undefined
      await fetchInto(store, tc, (page, place) => {
        if (place === 1) dropped = page
        return place < 1
      })
      t.ok(dropped, 'broken off after a page')
      const { pages, failures } = await fetchInto(store, tc)
      t.strictSame(failures, [])
      t.strictSame(store.ids('indicators'), ids(25))
      t.ok(pages.every(({ covers }) => covers === undefined))
      t.match(logged.at(-1), /does not sort by id/)
      clock.ms += hour
      simulator.records.update(7, { confidence: 3 })
      await fetchInto(store, tc)
      t.equal(store.parts.get('indicators')?.get('7')?.confidence, 3)
    }
  },
)

t.test("a clock of ThreatConnect's that went back loses no change", async (t) => {
  const { source, store, clock, simulator, logged } = await world(t, { indicators: hosts(5) })
  const tc = source()
  await fetchInto(store, tc)
  clock.ms -= 30 * 60_000
  simulator.records.update(2, { confidence: 9 })
  t.strictSame((await fetchInto(store, tc)).failures, [])
  t.equal(store.parts.get('indicators')?.get('2')?.confidence, 9)
  t.match(logged, [/clock went back/])
})

t.test(
  'after a walk that was broken off for long, what changed since it began comes in the same fetch',
  async (t) => {
    const { source, store, clock, simulator } = await world(t, { indicators: hosts(30) })
    const tc = source({ pageSize: 10 })
    await fetchInto(store, tc, (_page, place) => place < 2)
    clock.ms += 5 * hour
    simulator.records.update(3, { confidence: 8 })
    simulator.records.remove(4)
    await fetchInto(store, tc)
    t.strictSame(store.ids('indicators'), ids(30, [4]))
    t.equal(store.parts.get('indicators')?.get('3')?.confidence, 8)
  },
)

t.test('a walk that was broken off for moments receives every record once', async (t) => {
  const { source, store, clock } = await world(t, { indicators: hosts(30) })
  const tc = source({ pageSize: 10 })
  const first = await fetchInto(store, tc, (_page, place) => place < 1)
  clock.ms += 60_000
  const { pages } = await fetchInto(store, tc)
  const received = [...first.pages, ...pages].reduce((sum, page) => sum + page.received, 0)
  t.equal(received, 30)
  t.strictSame(store.ids('indicators'), ids(30))
})

t.test('associations are asked for only where relationships are wanted', async (t) => {
  for (const createRelationships of [true, false]) {
    const { source, simulator, store } = await world(t, { indicators: hosts(1) })
    await fetchInto(store, source({ createRelationships, groupTypes: ['All'] }))
    for (const query of queries(simulator)) {
      t.equal(query.getAll('fields').includes('associatedGroups'), createRelationships)
    }
  }
})

t.test('an abort ends a fetch with its reason, not as a failure of ThreatConnect', async (t) => {
  const { source, simulator } = await world(t, { indicators: hosts(3) })
  simulator.fail({ kind: 'delay', ms: 10_000 })
  const controller = new AbortController()
  const steps = source().changes(undefined, controller.signal)[Symbol.asyncIterator]()
  const first = steps.next()
  controller.abort(new Error('stopped'))
  await t.rejects(first, { message: 'stopped' })
})
