/** Pushes by HTTP: what is taken, what is refused and how, repeats, dry runs, and the receipt. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { Exporter } from '../../src/exporters/exporter.ts'
import type { App } from '../../src/http/app.ts'
import type { Indicator } from '../../src/model/indicator.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { type StoredApp, sourceEntry, storedApp } from '../app.ts'
import { configuredExporters, type Json, named, secretOf, sending } from './products.ts'

interface Push {
  readonly url?: string
  readonly key?: string
  readonly idempotencyKey?: string
}

function push(app: App, body: unknown, { url = '/api/v1/push/darktrace', key, idempotencyKey }: Push = {}) {
  return app.inject({
    method: 'POST',
    url,
    headers: {
      'content-type': 'application/json',
      ...(key !== undefined && { authorization: `Bearer ${secretOf(key)}` }),
      ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
    },
    payload: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

async function itemsOf(app: App, id: unknown): Promise<readonly Json[]> {
  const answer = await app.inject(`/api/v1/exports/${id}/items?limit=10000`)
  return answer.json().data
}

function keys(...entries: readonly (readonly [id: string, ...scopes: string[]])[]): object[] {
  return entries.map(([id, ...scopes]) => ({
    id,
    secretHash: `sha256:${createHash('sha256').update(secretOf(id)).digest('hex')}`,
    scopes,
  }))
}

const exportMembers = [
  'id',
  'exporter',
  'origin',
  'action',
  'requestedBy',
  'status',
  'createdAt',
  'endedAt',
  'counts',
  'links',
]

t.test(
  'a push answers its receipt, to the member: one item for each input, and the counts add up',
  async (t) => {
    const { product, ...darktrace } = named('darktrace')
    const { app, schedule } = await storedApp(t, {}, undefined, sending({ product, ...darktrace }))
    const indicators = [
      ' 203.0.113.7 ',
      { type: 'domain', value: 'Evil.example', description: 'as an object' },
      '203.0.113.7',
      'someone@evil.example',
      'hello',
      { type: 'custom', customType: 'Wallet', value: 'x1' },
      { type: 'ipv4', value: '1.2.3' },
      `${'a'.repeat(60)}.example`,
      'bad.example',
    ]
    const started = await push(app, { indicators })
    t.equal(started.statusCode, 202)
    const first: Json = started.json()
    t.strictSame(Object.keys(first), exportMembers)
    t.match(first, {
      exporter: 'darktrace',
      origin: 'push',
      action: 'upsert',
      requestedBy: null,
      status: 'pending',
      endedAt: null,
      counts: { total: 9, pending: 4, accepted: 0, unchanged: 0, rejected: 0, skipped: 5, dead: 0 },
      links: { self: `/api/v1/exports/${first.id}`, items: `/api/v1/exports/${first.id}/items` },
    })
    t.equal(started.headers.location, `/api/v1/exports/${first.id}`)
    t.equal(started.headers['idempotency-replayed'], undefined)
    await schedule.start()
    const ended = await push(app, { indicators: ['198.51.100.1'] }, { url: '/api/v1/push/darktrace?wait=30' })
    t.equal(ended.statusCode, 200)
    t.match(ended.json(), {
      status: 'succeeded',
      endedAt: String,
      counts: { total: 1, accepted: 1, pending: 0 },
    })

    const receipt = (await app.inject(`/api/v1/exports/${first.id}`)).json()
    t.match(receipt, {
      status: 'partial',
      endedAt: String,
      counts: { total: 9, pending: 0, accepted: 3, unchanged: 0, rejected: 1, skipped: 5, dead: 0 },
    })
    const items = await itemsOf(app, first.id)
    t.strictSame(
      items.map(({ type, value, status, reason }) => [type, value, status, reason]),
      [
        ['ipv4', ' 203.0.113.7 ', 'accepted', null],
        ['domain', 'Evil.example', 'accepted', null],
        ['ipv4', '203.0.113.7', 'accepted', null],
        ['email', 'someone@evil.example', 'skipped', 'unsupported type email'],
        [null, 'hello', 'skipped', 'unrecognised value'],
        ['custom', 'x1', 'skipped', 'unsupported type custom:Wallet'],
        ['ipv4', '1.2.3', 'skipped', 'not an IPv4 address of four decimal numbers: "1.2.3"'],
        ['domain', `${'a'.repeat(60)}.example`, 'skipped', 'longer than 60 characters'],
        ['domain', 'bad.example', 'rejected', 'bad.example is bad'],
      ],
    )
    t.match(items[1], {
      remoteId: String,
      attempts: 1,
      lastAttemptAt: String,
      repeats: 0,
      vendor: { content: 'as an object' },
    })
    const sent = product.sent.filter(({ value }) => value === '203.0.113.7')
    t.equal(sent.length, 1, 'equal values are sent once')

    const same = await push(app, { indicators: [indicators[1]] }, { url: '/api/v1/push/darktrace?wait=30' })
    t.match(
      await itemsOf(app, same.json().id),
      [{ status: 'unchanged', attempts: 0, remoteId: items[1]?.remoteId, vendor: items[1]?.vendor }],
      'what is there already, with what the product said of it',
    )

    const nothing = await push(app, { indicators: [] })
    t.strictSame(
      [nothing.statusCode, nothing.json().status, nothing.json().counts.total],
      [202, 'succeeded', 0],
    )
    const removal = await push(
      app,
      { indicators: ['evil.example'], action: 'remove' },
      { url: '/api/v1/push/darktrace?wait=30' },
    )
    t.match(removal.json(), { action: 'remove', status: 'succeeded', counts: { accepted: 1 } })
    t.notOk(product.holds().has('evil.example'))
  },
)

t.test('what is wrong with a push is 400 with every pointer, and nothing of it is kept', async (t) => {
  const { app } = await storedApp(
    t,
    { feeds: [{ name: 'block-ip', types: ['ipv4'] }] },
    undefined,
    sending(named('darktrace')),
  )
  const domain = { type: 'domain', value: 'a.example' }
  const cases: readonly (readonly [what: string, body: unknown, ...pointers: string[]])[] = [
    ['none of the three', {}, ''],
    ['none but nulls', { indicators: null, feed: null, filter: null }, ''],
    ['two of them', { indicators: ['a.example'], feed: 'block-ip' }, '/indicators', '/feed'],
    ['all of them', { indicators: [], feed: 'block-ip', filter: {} }, '/indicators', '/feed', '/filter'],
    ['no list', { indicators: 'a.example' }, '/indicators'],
    ['no name', { feed: 7 }, '/feed'],
    ['no object', { filter: ['ipv4'] }, '/filter'],
    ['an unknown action', { indicators: ['a.example'], action: 'delete' }, '/action'],
    ['an unknown member', { indicators: ['a.example'], dry_run: true }, '/dry_run'],
    ['no boolean', { indicators: ['a.example'], dryRun: 'yes' }, '/dryRun'],
    [
      'an option of another exporter',
      { indicators: ['a.example'], options: { threatLevel: 'Benign' } },
      '/options/threatLevel',
    ],
    [
      'wrong options',
      { indicators: ['a.example'], options: { source: '', expireAfterDays: 1.5 } },
      '/options/source',
      '/options/expireAfterDays',
    ],
    ['no options', { indicators: ['a.example'], options: [] }, '/options'],
    [
      'wrong keys of a filter',
      { filter: { types: ['ip'], minscore: 2, sources: ['tc'], limit: -1 } },
      '/filter/types/0',
      '/filter/minscore',
      '/filter/sources/0',
      '/filter/limit',
    ],
    [
      'wrong entries',
      { indicators: [domain, 7, { ...domain, score: 9 }, { ...domain, foo: 1 }] },
      '/indicators/1',
      '/indicators/2/score',
      '/indicators/3/foo',
    ],
    [
      'a wrong entry far behind',
      { indicators: [...Array.from({ length: 2500 }, () => 'a.example'), { type: 'domain' }] },
      '/indicators/2500/value',
    ],
    ['half a surrogate pair', '{"indicators":["a\\ud800.example"]}', '/indicators/0'],
  ]
  for (const [what, body, ...pointers] of cases) {
    for (const dryRun of typeof body === 'object' && body !== null && !('dryRun' in body)
      ? [false, true]
      : [undefined]) {
      const answer = await push(app, dryRun === undefined ? body : { ...(body as object), dryRun })
      t.equal(answer.statusCode, 400, `${what}: ${answer.body.slice(0, 300)}`)
      t.equal(answer.json().code, 'ARGUMENT_INVALID', what)
      const errors: readonly { pointer: string; detail: string }[] = answer.json().errors
      t.strictSame(errors.map(({ pointer }) => pointer).sort(), pointers.sort(), `${what}: ${answer.body}`)
      t.ok(errors.every(({ detail }) => detail.length > 10))
    }
  }
  const option = await push(app, { indicators: ['a.example'], options: { threatLevel: 'Benign' } })
  t.equal(
    option.json().detail,
    'options.threatLevel is not an option of darktrace, which takes source, expireAfterDays',
  )
  const two = await push(app, { indicators: ['a.example'], feed: 'block-ip' })
  t.equal(
    two.json().detail,
    'a push takes one of indicators, feed and filter; received indicators and feed',
    'told once',
  )
  const many = await push(app, { indicators: Array.from({ length: 200_000 }, () => 7) })
  t.equal(many.json().errors.length, 100)
  t.strictSame((await app.inject('/api/v1/exports')).json().data, [], 'nothing was kept')

  const others: readonly (readonly [
    what: string,
    answer: ReturnType<typeof push>,
    status: number,
    code: string,
  ])[] = [
    [
      'an unknown exporter',
      push(app, { indicators: [] }, { url: '/api/v1/push/darktrac' }),
      404,
      'EXPORTER_UNKNOWN',
    ],
    ['an unknown feed', push(app, { feed: 'block' }), 404, 'FEED_UNKNOWN'],
    ['no JSON', push(app, '{"indicators":'), 400, 'REQUEST_MALFORMED'],
    ['no object', push(app, '[]'), 400, 'ARGUMENT_INVALID'],
    [
      'a wrong wait',
      push(app, { indicators: [] }, { url: '/api/v1/push/darktrace?wait=601' }),
      400,
      'ARGUMENT_INVALID',
    ],
    [
      'an empty idempotency key',
      push(app, { indicators: [] }, { idempotencyKey: '' }),
      400,
      'ARGUMENT_INVALID',
    ],
    [
      'a long idempotency key',
      push(app, { indicators: [] }, { idempotencyKey: 'k'.repeat(256) }),
      400,
      'ARGUMENT_INVALID',
    ],
    [
      'a body beyond the limit',
      push(app, `{"feed":"${'x'.repeat(64 * 1024 * 1024)}"}`),
      413,
      'BODY_TOO_LARGE',
    ],
  ]
  for (const [what, answer, status, code] of others) {
    const { statusCode, body } = await answer
    t.strictSame([statusCode, JSON.parse(body).code], [status, code], `${what}: ${body.slice(0, 200)}`)
  }
})

t.test(
  'the same Idempotency-Key answers the same export: at once, at the same time, and after a restart',
  async (t) => {
    const file = {
      auth: { keys: keys(['soar', 'push:*'], ['other', 'push:*']) },
    }
    const { app, again, schedule } = await storedApp(
      t,
      file,
      undefined,
      sending(named('darktrace'), named('cofense')),
    )
    const body = { indicators: ['evil.example', { type: 'domain', value: 'b.example', score: 2 }] }
    const same = {
      action: 'upsert',
      options: {},
      feed: null,
      dryRun: false,
      indicators: ['evil.example', { score: 2, value: 'b.example', type: 'domain' }],
    }
    const how = { key: 'soar', idempotencyKey: 'first push' }

    const together = await Promise.all(Array.from({ length: 8 }, () => push(app, body, how)))
    const ids = new Set(together.map((answer) => answer.json().id))
    t.equal(ids.size, 1, 'eight at once are one export')
    t.equal(together.filter(({ headers }) => headers['idempotency-replayed'] === 'true').length, 7)
    const [id] = ids
    const repeated = await push(app, same, how)
    t.strictSame(
      [repeated.statusCode, repeated.json().id, repeated.headers['idempotency-replayed']],
      [202, id, 'true'],
      'members in another order, defaults written out',
    )
    const later = await push(await again(), body, how)
    t.equal(later.json().id, id, 'after a restart')

    for (const other of [
      { indicators: ['evil.example'] },
      { ...body, action: 'remove' },
      { ...body, options: { source: 'x' } },
    ]) {
      const refused = await push(app, other, how)
      t.strictSame(
        [refused.statusCode, refused.json().code],
        [422, 'IDEMPOTENCY_CONFLICT'],
        JSON.stringify(other),
      )
    }
    const otherKey = await push(app, body, { ...how, key: 'other' })
    const otherExporter = await push(app, body, { ...how, url: '/api/v1/push/cofense' })
    t.not(otherKey.json().id, id, 'of another API key')
    t.not(otherExporter.json().id, id, 'of another exporter')
    const dry = await push(app, { indicators: ['x.example'], dryRun: true }, how)
    t.strictSame([dry.statusCode, dry.json().counts.total], [200, 1], 'dry runs have nothing to do with it')

    await schedule.start()
    const done = await push(app, body, { ...how, url: '/api/v1/push/darktrace?wait=30' })
    t.strictSame(
      [done.statusCode, done.json().id, done.json().status],
      [200, id, 'succeeded'],
      'as it is now',
    )
    t.equal(done.json().requestedBy, 'soar')
  },
)

const owner = 'Example Organization'

async function fetched(
  t: Test,
  ...more: Parameters<typeof storedApp>[3][]
): Promise<StoredApp & { fetch(): Promise<void> }> {
  const simulator = await startThreatConnectSimulator({
    indicators: [
      ...Array.from({ length: 20 }, (_, n) => ({
        type: 'Address',
        summary: `198.51.100.${n}`,
        owner,
        threatAssess: { score: 100 + n * 40 },
      })),
      { type: 'Host', summary: 'evil.example', owner, threatAssess: { score: 900 } },
      { type: 'EmailAddress', summary: 'a@evil.example', owner },
      { type: 'Address', summary: '203.0.113.9', owner, active: false },
    ],
  })
  t.teardown(() => simulator.close())
  const world = await storedApp(
    t,
    {
      sources: [sourceEntry(simulator.url, { every: 'off', settings: { activeOnly: false } })],
      feeds: [
        { name: 'block-ip', types: ['ipv4'], minThreatAssessScore: 500 },
        { name: 'three', limit: 3 },
        { name: 'all' },
      ],
    },
    undefined,
    more[0] ?? sending(named('darktrace')),
  )
  return {
    ...world,
    async fetch() {
      await world.schedule.start()
      const answer = await world.app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=60' })
      t.equal(answer.json().status, 'succeeded')
    },
  }
}

t.test('a feed is pushed as it is served, a filter as the store has it', async (t) => {
  const { app, fetch } = await fetched(t)
  for (const [body, code] of [
    [{ feed: 'all' }, 'FEED_NOT_READY'],
    [{ filter: {} }, 'NOT_READY'],
    [{ filter: {}, dryRun: true }, 'NOT_READY'],
  ] as const) {
    const early = await push(app, body)
    t.strictSame([early.statusCode, early.json().code, early.headers['retry-after']], [503, code, '15'])
    t.match(early.json().detail, /waits for the end of the first fetch of "tc"/)
  }
  await fetch()
  const valuesOf = async (feed: string) => {
    const list: { data: Indicator[] } = (await app.inject(`/feeds/${feed}.json`)).json()
    return list.data.map(({ value }) => value)
  }
  for (const feed of ['block-ip', 'three', 'all']) {
    const answer = await push(app, { feed }, { url: '/api/v1/push/darktrace?wait=30' })
    t.equal(answer.statusCode, 200, answer.body)
    const items = await itemsOf(app, answer.json().id)
    t.strictSame(
      items.map(({ value }) => value),
      await valuesOf(feed),
      feed,
    )
  }
  const all = (await app.inject('/api/v1/exports?limit=1')).json().data[0]
  t.match(all, { counts: { total: 22, skipped: 1 } })
  t.match(await itemsOf(app, all.id), [{ status: 'unchanged' }], 'what a push before brought')

  const found: { data: Indicator[] } = (
    await app.inject('/api/v1/indicators/lookup?value=198.51.100.19')
  ).json()
  const why = (await app.inject(`/api/v1/indicators/${found.data[0]?.id}/why`)).json()
  t.strictSame(
    why.exports.map(({ exporter, origin, action, status }: Json) => [exporter, origin, action, status]),
    [
      ['darktrace', 'push', 'upsert', 'unchanged'],
      ['darktrace', 'push', 'upsert', 'unchanged'],
      ['darktrace', 'push', 'upsert', 'accepted'],
    ],
    'every export of an indicator is told by its why',
  )
  t.equal(why.exports[0].export, all.id)

  const filters: readonly (readonly [filter: object, total: number, first?: string])[] = [
    [{}, 22],
    [{ activeOnly: false }, 23],
    [{ types: 'domain, email' }, 2],
    [{ types: ['ipv4'], minThreatAssessScore: 500 }, (await valuesOf('block-ip')).length],
    [{ types: ['ipv4'], limit: 4 }, 4, '198.51.100.19'],
    [{ limit: 1, minScore: 3, owners: [owner], sources: ['tc'] }, 1, 'evil.example'],
    [{ tags: ['none'] }, 0],
  ]
  for (const [filter, total, first] of filters) {
    const answer = await push(app, { filter })
    t.equal(answer.statusCode, 202, answer.body)
    t.equal(answer.json().counts.total, total, JSON.stringify(filter))
    if (first !== undefined) t.equal((await itemsOf(app, answer.json().id))[0]?.value, first, 'best first')
  }
})

t.test('a dry run tells what would be sent and what not, sends nothing and keeps nothing', async (t) => {
  const room: NonNullable<Exporter['room']> = {
    most: 4,
    entries: () => 1,
    active: async () => t.fail('the product was asked') as never,
  }
  const world = named('darktrace')
  const roomy = named('roomy')
  const { app, schedule, store } = await storedApp(t, {}, undefined, sending(world, roomy))
  const indicators = ['203.0.113.7', 'hello', 'b.example', 'c.example', 'd@e.example', 'b.example']
  const dry = await push(app, { indicators, dryRun: true })
  t.equal(dry.statusCode, 200)
  const request = (...body: string[]) => ({
    method: 'POST',
    url: 'https://darktrace.example/entries',
    headers: { 'content-type': 'application/json' },
    body,
  })
  t.strictSame(dry.json(), {
    exporter: 'darktrace',
    action: 'upsert',
    counts: { total: 6, pending: 4, unchanged: 0, skipped: 2 },
    batches: [
      { action: 'upsert', size: 2 },
      { action: 'upsert', size: 1 },
    ],
    requests: [request('upsert 203.0.113.7', 'upsert b.example'), request('upsert c.example')],
    items: [
      { type: 'ipv4', value: '203.0.113.7', status: 'pending', reason: null },
      { type: null, value: 'hello', status: 'skipped', reason: 'unrecognised value' },
      { type: 'domain', value: 'b.example', status: 'pending', reason: null },
      { type: 'domain', value: 'c.example', status: 'pending', reason: null },
      { type: 'email', value: 'd@e.example', status: 'skipped', reason: 'unsupported type email' },
      { type: 'domain', value: 'b.example', status: 'pending', reason: null },
    ],
    evictions: [],
  })
  t.strictSame((await app.inject('/api/v1/exports')).json().data, [])
  t.equal(world.product.sent.length, 0)

  await schedule.start()
  await push(app, { indicators }, { url: '/api/v1/push/darktrace?wait=30' })
  const after = await push(app, {
    indicators: [...indicators.slice(2), { value: 'c.example', description: 'new' }],
    dryRun: true,
  })
  t.match(after.json(), {
    counts: { total: 5, pending: 2, unchanged: 2, skipped: 1 },
    requests: [{ body: ['upsert c.example'] }],
  })
  const removal = await push(app, {
    indicators: ['b.example', 'unknown.example'],
    action: 'remove',
    dryRun: true,
  })
  t.match(removal.json(), {
    counts: { pending: 2 },
    requests: [{ body: ['remove b.example', 'remove unknown.example'] }],
  })

  const ranked = (value: string, score: number) => ({ value, score })
  const four = [ranked('one.example', 1), ranked('two.example', 2), ranked('three.example', 3)]
  await push(app, { indicators: four }, { url: '/api/v1/push/roomy?wait=30' })
  // From here on there is room for four.
  Object.assign(roomy.product, { room })
  const full = await push(
    app,
    {
      indicators: [
        ranked('a.example', 0),
        ranked('b.example', 3),
        ranked('c.example', 2),
        ranked('d.example', 0),
      ],
      dryRun: true,
    },
    { url: '/api/v1/push/roomy' },
  )
  t.match(full.json(), {
    counts: { total: 4, pending: 2, skipped: 2 },
    evictions: [{ type: 'domain', value: 'one.example' }],
    batches: [
      { action: 'remove', size: 1 },
      { action: 'upsert', size: 2 },
    ],
    requests: [{ body: ['remove one.example'] }, { body: ['upsert b.example', 'upsert c.example'] }],
    items: [
      { status: 'skipped', reason: /^no room: the product takes 4 entries/ },
      { status: 'pending' },
      { status: 'pending' },
      { status: 'skipped', reason: /^no room/ },
    ],
  })
  t.equal(await store.heldCount('roomy'), 3)

  const many = Array.from({ length: 50_001 }, () => 'a.example')
  const refused = await push(app, { indicators: many, dryRun: true })
  t.strictSame([refused.statusCode, refused.json().code], [422, 'EXPORT_REFUSED'])
  const taken = await push(app, { indicators: many.slice(1), dryRun: true })
  t.equal(taken.json().counts.total, 50_000)
})

t.test('a body of many indicators is taken, each with what it says', async (t) => {
  const { app } = await storedApp(t, {}, undefined, sending(named('darktrace')))
  const indicators = Array.from({ length: 6000 }, (_, n) => ({
    type: 'domain',
    value: `host${n}.example`,
    description: 'x'.repeat(300),
  }))
  const answer = await push(app, { indicators })
  t.strictSame([answer.statusCode, answer.json().counts.pending], [202, 6000])
  t.equal((await itemsOf(app, answer.json().id)).at(-1)?.value, 'host5999.example')
})

t.test('a key pushes only to the exporters of its scopes', async (t) => {
  const file = {
    exporters: configuredExporters,
    auth: {
      keys: keys(
        ['one', 'push:darktrace'],
        ['all', 'push:*'],
        ['admin', 'admin'],
        ['reader', 'indicators:read', 'feeds:read'],
      ),
    },
  }
  const { app } = await storedApp(t, file, undefined, sending(named('darktrace'), named('cofense')))
  const cases: readonly (readonly [key: string, exporter: string, status: number, code?: string])[] = [
    ['one', 'darktrace', 202],
    ['one', 'cofense', 403, 'SCOPE_MISSING'],
    ['one', 'nobody', 403, 'SCOPE_MISSING'],
    ['all', 'cofense', 202],
    ['all', 'nobody', 404, 'EXPORTER_UNKNOWN'],
    ['admin', 'cofense', 202],
    ['reader', 'darktrace', 403, 'SCOPE_MISSING'],
    ['nobody', 'darktrace', 401, 'KEY_UNKNOWN'],
  ]
  for (const [key, exporter, status, code] of cases) {
    const answer = await push(app, { indicators: [] }, { key, url: `/api/v1/push/${exporter}` })
    t.strictSame([answer.statusCode, answer.json().code], [status, code], `${key} ${exporter}`)
  }
})
