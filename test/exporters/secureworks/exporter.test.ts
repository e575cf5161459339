/** What is sent to Taegis, and what is made of its answers beyond the known cases. */
import fc from 'fast-check'
import { pino } from 'pino'
import t from 'tap'
import { UpstreamError } from '../../../src/errors.ts'
import type { Delivery, Outcome } from '../../../src/exporters/exporter.ts'
import { secureworks } from '../../../src/exporters/secureworks/index.ts'
import { severities, taegisRegions } from '../../../src/exporters/secureworks/settings.ts'
import {
  demoTaegisAccount,
  isTaegisWrite,
  startTaegisSimulator,
} from '../../../src/exporters/secureworks/simulator/index.ts'
import type { Indicator } from '../../../src/model/indicator.ts'
import {
  delivery,
  exporterOver,
  file,
  heldBy,
  indicator,
  md5,
  removals,
  settingsFor,
  sha1,
  sha256,
  told,
  upserts,
  type World,
  worldOf,
} from './world.ts'

const signal = new AbortController().signal

async function failure(sending: Promise<unknown>): Promise<UpstreamError> {
  const error = await sending.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error instanceof UpstreamError) return error
  throw new Error(`no failure of the product: ${error}`)
}

function answerNextWrite({ taegis }: World, body: unknown): void {
  taegis.fail(
    { kind: 'wrong-content', contentType: 'application/json', body: JSON.stringify(body) },
    { when: isTaegisWrite },
  )
}

function vendorOf(outcome: Outcome | undefined): unknown {
  return outcome !== undefined && 'vendor' in outcome ? outcome.vendor : undefined
}

t.test('an indicator becomes inputs as Taegis knows them', async (t) => {
  const { exporter } = await worldOf(t)
  const inputs = (of: Indicator, options = {}) => {
    const [request] = exporter.preview([delivery(of, { options })])
    return Object(request?.body).variables.input
  }
  const own = (value: string, id: string) => ({
    name: value,
    value,
    description: `Source: indicator-feed-server\nLink: https://feeds.example.org/api/v1/indicators/${id}`,
    reference_url: `https://feeds.example.org/api/v1/indicators/${id}`,
    source_name: 'indicator-feed-server',
    severity: 'HIGH',
  })
  const hash = (subtype: string, value: string) => ({
    object_type: 'hash',
    object_subtype: subtype,
    ...own(value, 'indicator--file-64'),
  })
  const cases: readonly (readonly [Indicator, readonly object[]])[] = [
    [
      indicator('ipv4', '192.0.2.1'),
      [{ object_type: 'ip', object_subtype: 'ipv4', ...own('192.0.2.1', 'indicator--ipv4-9') }],
    ],
    [
      indicator('ipv6', '2001:db8::1'),
      [{ object_type: 'ip', object_subtype: 'ipv6', ...own('2001:db8::1', 'indicator--ipv6-11') }],
    ],
    [
      indicator('domain', 'evil.example'),
      [{ object_type: 'domain', ...own('evil.example', 'indicator--domain-12') }],
    ],
    [
      indicator('url', 'http://e.example'),
      [{ object_type: 'url', ...own('http://e.example', 'indicator--url-16') }],
    ],
    [file({ md5, sha1, sha256 }), [hash('md5', md5), hash('sha1', sha1), hash('sha256', sha256)]],
    [
      indicator('file', sha1),
      [{ object_type: 'hash', object_subtype: 'sha1', ...own(sha1, 'indicator--file-40') }],
    ],
  ]
  for (const [of, expected] of cases) t.same(inputs(of), expected, `${of.type} ${of.value}`)

  const scores = [
    [0, undefined, 'INFO'],
    [1, undefined, 'LOW'],
    [2, 5, 'MEDIUM'],
    [3, undefined, 'HIGH'],
    [3, 4.9, 'HIGH'],
    [3, 5, 'CRITICAL'],
  ] as const
  for (const [score, rating, severity] of scores) {
    const of = indicator('domain', 'a.example', { score, ...(rating !== undefined && { rating }) })
    t.equal(inputs(of)[0].severity, severity, `score ${score}, rating ${rating}`)
    for (const asked of severities) t.equal(inputs(of, { severity: asked })[0].severity, asked)
  }
  const [other] = inputs(indicator('domain', 'a.example', { description: 'Seen.' }), { source: 'another' })
  t.match(other, { source_name: 'another', description: /^Seen\.\nSource: another\nLink: / })
  const [long] = inputs(
    indicator('url', `http://e.example/${'x'.repeat(3000)}`, {
      description: `${'x'.repeat(998)}😀${'y'.repeat(5000)}`,
    }),
  )
  t.match(long.description, /^x{998}…\nSource/, 'a long description is cut, not inside a character')
  t.equal(long.name.length, 255)
  t.equal(long.value.length, 3017, 'a value never is')

  const bare = exporterOver(t, { ...settingsFor('https://taegis.example/graphql/'), severity: 'LOW' })
  const [request] = bare.preview(upserts(['a.example']))
  t.match(request, {
    url: 'https://taegis.example/graphql',
    headers: { 'x-tenant-context': demoTaegisAccount.tenantId },
    body: { variables: { input: [{ severity: 'LOW' }] } },
  })
  const { linkBaseUrl: _, ...linkless } = settingsFor('https://taegis.example')
  const [plain] = exporterOver(t, linkless).preview(upserts(['a.example']))
  t.notMatch(JSON.stringify(plain), /reference_url"?:|Link/)
})

t.test('each region has its address', async (t) => {
  const { baseUrl: _, ...settings } = settingsFor('https://x.example')
  for (const [region, address] of Object.entries(taegisRegions)) {
    const exporter = exporterOver(t, { ...settings, region: region as keyof typeof taegisRegions })
    t.equal(exporter.preview(upserts(['a.example']))[0]?.url, `${address}/graphql`, region)
  }
  t.throws(() => exporterOver(t, settings), /baseUrl or region/)
})

t.test('what Taegis can not take is refused in words', async (t) => {
  const { exporter } = await worldOf(t)
  const refusal = (of: Indicator, more: Partial<Delivery> = {}) => exporter.refuses(delivery(of, more))
  for (const type of ['cidr', 'email', 'asn', 'mutex', 'campaign', 'custom'] as const) {
    t.equal(refusal(indicator(type, 'x')), `unsupported type ${type}`)
  }
  t.match(refusal(indicator('file', 'no hash')), /no MD5/)
  t.equal(refusal(indicator('file', sha1)), undefined)
  t.same(secureworks.accepts, ['ipv4', 'ipv6', 'domain', 'url', 'file'])

  const value = "http://evil.example/?a='b"
  t.equal(refusal(indicator('url', value)), undefined, 'a quote can be sent')
  const remove = { action: 'remove' } as const
  for (const mark of ["'", '"', '\\', '`', '\n']) {
    t.match(
      refusal(indicator('url', `http://e.example/${mark}`), remove),
      /quote/,
      'but not be named for removal',
    )
    t.match(
      refusal(indicator('url', 'http://e.example'), { ...remove, options: { source: `a${mark}b` } }),
      /source/,
    )
  }
  t.equal(refusal(indicator('url', 'http://e.example/?a=%27*'), remove), undefined)
})

t.test('a value with quotes is never written into a query', async (t) => {
  const world = await worldOf(t)
  const injected = "http://e.example/' or value != '"
  await world.send([...upserts(['a.example']), delivery(indicator('url', 'http://e.example/'))])
  const [outcome] = await world.send([delivery(indicator('url', injected), { action: 'remove' })])
  t.match(outcome, { status: 'rejected', reason: /quote/ })
  t.same(world.exporter.preview([delivery(indicator('url', injected), { action: 'remove' })]), [])
  t.equal(world.taegis.active().length, 2)
  t.notOk(world.graphql().some(({ query }) => query.includes('deleteIndicators')))
})

t.test('whatever a value or source holds, a removal removes nothing else', async (t) => {
  const world = await worldOf(t)
  // Most of what has all of these signs can't be named.
  const text = fc.oneof(fc.stringMatching(/^[a-z'"\\=%*_ -]{1,8}$/), fc.stringMatching(/^[a-z=%*_ -]{1,8}$/))
  await fc.assert(
    fc.asyncProperty(text, text, async (value, source) => {
      world.taegis.clear()
      world.taegis.add({ object_type: 'url', value: 'other', source_name: source })
      world.taegis.add({ object_type: 'url', value: `${value}x`, source_name: source })
      world.taegis.add({ object_type: 'url', value: `${value}y`, source_name: `${source}x` })
      world.taegis.add({ object_type: 'url', value, source_name: source })
      const removal = delivery(indicator('url', value), { action: 'remove', options: { source } })
      const refused = world.exporter.refuses(removal) !== undefined
      if (!refused) await world.send([removal])
      const left = world.taegis.active().map((row) => row.value)
      return left.includes('other') && left.length === (refused ? 4 : 3)
    }),
    { numRuns: 150 },
  )
  t.ok(world.graphql().length > 10, 'some could be named')
})

t.test('a file has a receipt for each hash, and is rejected where one is', async (t) => {
  const rejects = ({ value }: { value: string }) => (value === sha1 ? 'too common' : undefined)
  const world = await worldOf(t, { simulator: { rejects } })
  const good = file({ md5, sha256 })
  const [accepted, rejected] = await world.send([
    delivery(good, { key: 'good' }),
    delivery(file({ sha1 }), { key: 'bad' }),
  ])
  const rowOf = (value: string) => world.taegis.rows().find((row) => row.value === value)
  t.match(accepted, {
    status: 'accepted',
    remoteId: rowOf(sha256)?.id ?? 'none',
    vendor: {
      hashes: [
        { type: 'md5', value: md5, id: rowOf(md5)?.id ?? 'none', status: 'accepted' },
        { type: 'sha256', value: sha256, id: rowOf(sha256)?.id ?? 'none', status: 'accepted' },
      ],
    },
  })
  t.match(rejected, { status: 'rejected', reason: `${sha1}: too common` })

  const [mixed] = await world.send([delivery(file({ md5, sha1, sha256 }))])
  t.match(mixed, {
    status: 'rejected',
    reason: `${sha1}: too common`,
    vendor: {
      hashes: [
        { type: 'md5', status: 'accepted' },
        { type: 'sha1', status: 'rejected', reason: 'too common' },
        { type: 'sha256', status: 'accepted' },
      ],
    },
  })

  // A hash that the file lost leaves with the next upsert; a removal takes what was ever sent of it.
  const shrunk = delivery(file({ sha256 }), { vendor: vendorOf(accepted) })
  const [again] = await world.send([shrunk])
  t.match(again, { status: 'accepted', vendor: { hashes: [{ value: sha256 }] } })
  t.same(
    world.taegis.active().map(({ value }) => value),
    [sha256],
  )
  await world.send([delivery(good)])
  const [gone] = await world.send([{ ...shrunk, action: 'remove' }])
  t.match(gone, { status: 'accepted', vendor: { hashes: [{ status: 'removed' }, { status: 'removed' }] } })
  t.same(world.taegis.active(), [])
  const [never] = await world.send([{ ...shrunk, action: 'remove' }])
  t.equal(never?.status, 'unchanged')
})

t.test('a hash that one delivery gives up and another one of the batch wants stays', async (t) => {
  const isUpsert = ({ body }: { body: string }) => body.includes('mutation upsertIndicators')
  const isDelete = ({ body }: { body: string }) => body.includes('deleteIndicators')
  const active = ({ taegis }: World) => taegis.active().map(({ value }) => value)
  const single = delivery(file({ md5 }), { key: 'single' })
  const wanting = delivery(file({ md5, sha256 }), { key: 'wanting' })
  const leaving = { ...single, action: 'remove' } as const
  const kept = { value: md5, status: 'kept', reason: /^left as it is: another indicator/ }

  const world = await worldOf(t)
  const [first] = await world.send([single])
  t.equal(world.exporter.preview([leaving, wanting]).length, 1)
  t.match(await world.send([leaving, wanting]), [
    { key: 'single', status: 'unchanged', vendor: { hashes: [kept] } },
    { key: 'wanting', status: 'accepted' },
  ])
  // Lost by one file, had by another one.
  const shrunk = delivery(file({ sha1 }), { key: 'shrunk', vendor: vendorOf(first) })
  t.same(told(await world.send([shrunk, wanting])), [
    ['shrunk', 'accepted'],
    ['wanting', 'accepted'],
  ])
  t.same(active(world).sort(), [md5, sha1, sha256].sort())
  t.notOk(world.taegis.requests.some(isDelete), 'it was never away')

  // What is not settled of the upsert is not of the removal, and nothing has left meanwhile.
  world.taegis.fail({ kind: 'status', status: 503 }, { when: isUpsert })
  t.match(await world.send([leaving, wanting]), [
    { key: 'single', status: 'later', error: { unsent: true } },
    { key: 'wanting', status: 'unknown' },
  ])
  answerNextWrite(world, { data: { upsertIndicators: { accepted_indicators: [] } } })
  world.taegis.fail({ kind: 'status', status: 503 }, { when: ({ body }) => body.includes('getIndicators') })
  const open = await world.send([leaving, shrunk, wanting])
  t.match(open[0], {
    key: 'single',
    status: 'later',
    reason: /not settled yet: Secureworks names it neither/,
  })
  t.same(
    open.slice(1).map(({ status }) => status),
    ['unknown', 'unknown'],
  )
  t.equal(active(world).length, 3)

  // Nobody wants an entry any more whose upsert is rejected.
  const state = { rejecting: false }
  const strict = await worldOf(t, {
    simulator: { rejects: ({ value }) => (state.rejecting && value === md5 ? 'too common' : undefined) },
  })
  await strict.send([single])
  state.rejecting = true
  strict.taegis.fail({ kind: 'status', status: 503 }, { when: isDelete })
  t.match(await strict.send([leaving, wanting]), [
    { key: 'single', status: 'unknown' },
    { key: 'wanting', status: 'rejected' },
  ])
  strict.taegis.fail({ kind: 'status', status: 503 }, { when: isDelete })
  t.match(
    await strict.send([shrunk, wanting]),
    [{ key: 'shrunk', status: 'unknown' }, { status: 'rejected' }],
    'its last receipt is all that knows of the hash',
  )
  t.match(await strict.send([leaving, wanting]), [
    { key: 'single', status: 'accepted', vendor: { hashes: [{ status: 'removed' }] } },
    { key: 'wanting', status: 'rejected' },
  ])
  t.same(active(strict).sort(), [sha1, sha256].sort())
})

t.test('a big batch of all kinds is one request; entries that are the same are never in one', async (t) => {
  const world = await worldOf(t)
  const many = Array.from({ length: 1000 }, (_, index) => {
    const hex = index.toString(16).padStart(4, '0')
    return index % 4 === 0
      ? delivery(file({ md5: hex.repeat(8), sha1: hex.repeat(10), sha256: hex.repeat(16) }))
      : delivery(indicator('domain', `host-${index}.example`))
  })
  const outcomes = await world.send(many)
  t.same([outcomes.length, world.taegis.active().length, world.graphql().length], [1000, 1500, 1])
  t.ok(outcomes.every(({ status }) => status === 'accepted'))
  t.same(
    outcomes.map(({ key }) => key),
    many.map(({ key }) => key),
  )

  const twice = [
    delivery(indicator('domain', 'same.example'), { key: 'one' }),
    delivery(indicator('domain', 'same.example'), { key: 'two', options: { source: 'another' } }),
  ]
  const before = world.graphql().length
  t.same(told(await world.send(twice)), [
    ['one', 'accepted'],
    ['two', 'accepted'],
  ])
  t.equal(world.graphql().length - before, 2)
  t.equal(world.exporter.preview(twice).length, 2, 'the preview tells so')
})

t.test('removals and upserts of one batch: removals go first, each has its outcome', async (t) => {
  const world = await worldOf(t, { simulator: { limit: 2 } })
  await world.send(upserts(['a.example', 'b.example']))
  const batch = [...upserts(['c.example']), ...removals(['b.example'])]
  t.same((await world.send(batch)).map(({ key, status }) => [key, status]).sort(), [
    ['b.example', 'accepted'],
    ['c.example', 'accepted'],
  ])
  t.same(
    world.taegis.active().map(({ value }) => value),
    ['a.example', 'c.example'],
    'nothing was pushed out',
  )
  // Upserts fail after removals are done: these keep their outcomes.
  world.taegis.fail(
    { kind: 'status', status: 503 },
    { when: ({ body }) => body.includes('mutation upsertIndicators') },
  )
  t.match(await world.send([...upserts(['d.example']), ...removals(['a.example'])]), [
    { key: 'a.example', status: 'accepted' },
    { key: 'd.example', status: 'unknown', error: UpstreamError },
  ])
  // A removal fails: what was not tried is for later.
  const values = Array.from({ length: 30 }, (_, index) => `r${index}.example`)
  let deletions = 0
  world.taegis.fail(
    { kind: 'status', status: 503 },
    { when: ({ body }) => body.includes('deleteIndicators') && ++deletions === 10 },
  )
  const outcomes = await world.send([...removals(values), ...upserts(['e.example'])])
  const count = (status: string) => outcomes.filter((each) => each.status === status).length
  t.equal(outcomes.length, 31)
  t.equal(count('unknown'), 1, 'the one that failed')
  t.ok(count('unchanged') >= 9)
  t.equal(count('unchanged') + count('unknown') + count('later'), 31)
  t.match(outcomes.at(-1), { key: 'e.example', status: 'later', error: UpstreamError })
})

t.test('more than Taegis takes at once is refused as a whole, so that it is halved', async (t) => {
  for (const refusal of [413, 'errors'] as const) {
    const world = await worldOf(t, { simulator: { batch: { most: 2, refusal } } })
    const error = await failure(world.send(upserts(['a.example', 'b.example', 'c.example'])))
    t.equal(error.kind, 'rejected', error.message)
    t.same(told(await world.send(upserts(['a.example', 'b.example']))).length, 2)
  }
})

t.test('fields that a region lacks are left out, once and for good', async (t) => {
  for (const invalidStatus of [200, 422] as const) {
    const lacks = [
      ...['severity', 'reference_url', 'created_at', 'deleted_at', 'object_type', 'source_name'].map(
        (field) => `ByotiIndicator.${field}`,
      ),
      'ByotiRejectedIndicatorResponse.reason',
      'SearchIndicatorsResponse.total_pages',
      'DeleteIndicatorResponse.status',
      'IndicatorInput.reference_url',
      'IndicatorInput.name',
    ]
    const world = await worldOf(t, { simulator: { lacks, invalidStatus } })
    const [outcome] = await world.send(upserts(['a.example']))
    t.match(outcome, { status: 'accepted', vendor: { notSent: ['name', 'reference_url'] } })
    t.equal(world.graphql().length, 3, 'fields first, then inputs')
    await world.send(upserts(['b.example']))
    t.equal(world.graphql().length, 4, 'it is remembered')
    t.equal(await world.exporter.room?.active(signal), 2)
    t.equal((await heldBy(world.exporter)).length, 2)
    t.same(told(await world.send(removals(['a.example']))), [['a.example', 'accepted']])
    t.same(told(await world.send(upserts(['not a domain']))), [
      ['not a domain', 'rejected', 'Secureworks rejected it without a reason'],
    ])
  }
  const batches = await worldOf(t, { simulator: { lacks: ['IndicatorInput.name', 'ByotiIndicator.name'] } })
  const outcomes = await Promise.all(
    ['a', 'b', 'c'].map((name) => batches.send(upserts([`${name}.example`]))),
  )
  t.same(
    outcomes.flat().map(({ status }) => status),
    ['accepted', 'accepted', 'accepted'],
    'learnt by several at once',
  )

  for (const essential of [
    'Mutation.upsertIndicators',
    'ByotiIndicator.value',
    'IndicatorInput.source_name',
  ]) {
    const world = await worldOf(t, { simulator: { lacks: [essential] } })
    const error = await failure(world.send(upserts(['a.example'])))
    t.same([error.kind, error.needsMending, world.graphql().length], ['address', true, 1], essential)
  }
})

t.test('GraphQL errors are read for what they say', async (t) => {
  const world = await worldOf(t)
  const readings: readonly (readonly [string, UpstreamError['kind'], object?])[] = [
    ['not authorized', 'permission'],
    ['Forbidden', 'permission'],
    ['anything', 'permission', { code: 'FORBIDDEN' }],
    ['rate limit exceeded', 'throttled'],
    ['context deadline exceeded', 'timeout'],
    ['internal system error', 'outcome-unknown'],
    ['service temporarily unavailable', 'outcome-unknown'],
    ['expected at least one definition, found }', 'address'],
    ['Cannot query field "upsertIndicators" on type "Mutation".', 'address'],
    ['too many indicators', 'rejected'],
    ['invalid input', 'rejected', { code: 'constructor' }],
  ]
  for (const [message, kind, extensions] of readings) {
    for (const data of [
      null,
      { upsertIndicators: null },
      { upsertIndicators: { accepted_indicators: [] } },
    ]) {
      answerNextWrite(world, { data, errors: [{ message, extensions, path: null, locations: null }] })
      const error = await failure(world.send(upserts(['a.example'])))
      t.equal(error.kind, kind, message)
      t.match(error.message, message, "the product's words")
    }
  }
  answerNextWrite(world, {
    errors: [{ message: 'not a domain: "permission denied"', path: ['variable', 'input', 0] }],
  })
  t.match(told(await world.send(upserts(['a.example', 'b.example']))), [
    ['a.example', 'rejected', /permission denied/],
    ['b.example', 'accepted'],
  ])
  answerNextWrite(world, {
    data: {
      upsertIndicators: { accepted_indicators: [{ value: 'a.example' }], rejected_indicators: null },
    },
    errors: [{ message: 'one could not be stored' }],
  })
  t.match(told(await world.send(upserts(['a.example', 'c.example']))), [
    ['a.example', 'accepted'],
    ['c.example', 'unknown', /one could not be stored/],
  ])
})

t.test('nothing is believed that was not sent', async (t) => {
  const world = await worldOf(t)
  const lists: readonly object[] = [
    { accepted_indicators: [{ id: '1', object_type: 'url', value: 'a.example' }] },
    { accepted_indicators: [{ id: '1', object_type: 'domain', value: 'b.example' }] },
    {
      accepted_indicators: [{ id: '1', object_type: 'domain', value: 'a.example', deleted_at: '2026-01-01' }],
    },
    { accepted_indicators: [null, 'a.example', 7, { id: '1' }] },
    { accepted_indicators: null, rejected_indicators: [{ value: 'b.example', reason: 'x' }] },
  ]
  for (const upsertIndicators of lists) {
    answerNextWrite(world, { data: { upsertIndicators } })
    t.match(
      told(await world.send(upserts(['a.example']))),
      [['a.example', 'unknown']],
      JSON.stringify(upsertIndicators),
    )
  }
  for (const upsertIndicators of [{ accepted_indicators: 'all' }, { rejected_indicators: {} }, 'ok', []]) {
    answerNextWrite(world, { data: { upsertIndicators } })
    t.equal((await failure(world.send(upserts(['a.example'])))).kind, 'unreadable')
  }
  answerNextWrite(world, {
    data: {
      upsertIndicators: {
        accepted_indicators: [{ object_type: 'domain', value: 'a.example', source_name: 'theirs' }],
        rejected_indicators: [{ value: 'b.example', reason: 'no' }],
      },
    },
  })
  t.match(await world.send(upserts(['a.example', 'b.example'])), [
    { status: 'accepted', vendor: { sourceName: 'theirs' } },
    { status: 'rejected', reason: 'no' },
  ])
})

t.test('a product that removes what is not ours is asked for no more removals', async (t) => {
  const world = await worldOf(t)
  await world.send(upserts(['a.example', 'b.example', 'A.example']))
  const deleted = (indicators: unknown, status = true) => ({
    data: { deleteIndicators: { status, indicators } },
  })
  for (const unreadable of [[null], [{}], [{ value: '' }], 'all', {}]) {
    answerNextWrite(world, deleted(unreadable))
    t.equal(
      (await failure(world.send(removals(['a.example'])))).kind,
      'unreadable',
      JSON.stringify(unreadable),
    )
  }
  answerNextWrite(world, { ...deleted([]), errors: [{ message: 'half of it failed' }] })
  t.match(await failure(world.send(removals(['a.example']))), { message: /half of it failed/ })
  answerNextWrite(world, deleted(null, false))
  t.match(await failure(world.send(removals(['a.example']))), { message: /status false/ })
  answerNextWrite(world, deleted(null, false))
  t.same(told(await world.send(removals(['never.example']))), [['never.example', 'unchanged']])
  answerNextWrite(world, { errors: [{ message: 'syntax error' }], data: null })
  t.match(
    told(await world.send(removals(['a.example', 'b.example']))).filter(
      ([, status]) => status === 'rejected',
    ),
    [[/example/, 'rejected', /syntax error/]],
  )

  for (const foreign of [
    { value: 'theirs.example', source_name: 'indicator-feed-server' },
    { value: 'c.example', source_name: 'theirs' },
  ]) {
    const other = exporterOver(t, settingsFor(world.taegis.url))
    const remove = (value: string) => other.send(removals([value]), signal)
    answerNextWrite(world, deleted([{ value: 'c.example' }, foreign]))
    t.match(told(await remove('c.example')), [['c.example', 'rejected', /not ours.*(theirs)/]])
    const before = world.taegis.requests.length
    t.match(told(await remove('d.example')), [['d.example', 'rejected', /Nothing more is removed/]])
    t.equal(world.taegis.requests.length, before, 'it was not asked')
  }
})

t.test('what it has of ours is read page by page, and never taken for whole when it is not', async (t) => {
  const world = await worldOf(t)
  const values = Array.from({ length: 250 }, (_, index) => `host-${index}.example`)
  const ours = await world.send(upserts(values))
  const renamed = await world.send(upserts(['renamed.example'], { source: 'another' }))
  world.taegis.add({
    object_type: 'domain',
    value: 'theirs.example',
    source_name: 'theirs',
    description: 'Source: x',
  })
  world.taegis.remove(({ value }) => value === 'host-7.example')
  const idsOf = (outcomes: readonly Outcome[]) =>
    outcomes.map((each) => ('remoteId' in each ? each.remoteId : ''))
  const expected = idsOf([...ours.filter(({ key }) => key !== 'host-7.example'), ...renamed])
  const held = await heldBy(world.exporter)
  t.same([...held].sort(), expected.sort(), 'those under the name of another source as well')
  t.equal(await world.exporter.room?.active(signal), 251)

  const answer = (getIndicators: unknown) =>
    world.taegis.fail(
      {
        kind: 'wrong-content',
        contentType: 'application/json',
        body: JSON.stringify({ data: { getIndicators } }),
      },
      { when: ({ body }) => body.includes('getIndicators') },
    )
  answer({ indicators: null, total_entries_size: 3 })
  t.match(await failure(heldBy(world.exporter)), { kind: 'unavailable', message: /0 indicators of 3/ })
  for (const total of [null, '3', -1, 1.5]) {
    answer({ indicators: null, total_entries_size: total })
    t.equal((await failure(heldBy(world.exporter))).kind, 'unreadable')
  }
  answer({ indicators: 'none', total_entries_size: 0 })
  t.equal((await failure(heldBy(world.exporter))).kind, 'unreadable')
})

t.test('no secret that the product echoes gets into an error, an outcome or the log', async (t) => {
  const lines: string[] = []
  const log = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const world = await worldOf(t, { log, settings: { clientSecret: 'demo-client-secret' } })
  await world.send(upserts(['a.example']))
  const basic = Buffer.from('demo-client:demo-client-secret').toString('base64')
  const secrets = ['demo-client-secret', basic, ...world.taegis.tokens]
  const echo = secrets.join(' ')
  const said: string[] = []
  const note = async (sending: Promise<unknown>) => {
    const outcome = await sending.then(
      (value) => JSON.stringify(value),
      (error: UpstreamError) =>
        `${error.message} ${error.stack} ${JSON.stringify(error)} ${JSON.stringify(error.cause)}`,
    )
    said.push(outcome)
  }
  for (const status of [400, 401, 403, 404, 413, 500, 503]) {
    for (const body of [echo, `<b>${echo}</b>`, JSON.stringify({ errors: [{ message: echo }] })]) {
      world.taegis.fail({ kind: 'status', status, body }, { when: isTaegisWrite, times: 2 })
      await note(world.send(upserts(['a.example'])))
      world.taegis.clearFaults()
    }
  }
  answerNextWrite(world, { errors: [{ message: echo }], data: null })
  await note(world.send(upserts(['a.example'])))
  answerNextWrite(world, {
    data: { upsertIndicators: { rejected_indicators: [{ value: 'a.example', reason: echo }] } },
  })
  await note(world.send(upserts(['a.example'])))
  const fresh = exporterOver(t, settingsFor(world.taegis.url), { log })
  world.taegis.fail({ kind: 'status', status: 401, body: JSON.stringify({ error: echo }) })
  await note(fresh.send(upserts(['a.example']), signal))
  t.equal(said.length, 24)
  t.ok(said.filter((text) => text.includes('[redacted]')).length >= 20, 'they were echoed')
  for (const text of [...said, ...lines]) {
    for (const secret of secrets) if (text.includes(secret)) t.fail(`${secret} in ${text}`)
  }
})

t.test('the check names what is wrong, and how to mend it', async (t) => {
  const cases: readonly (readonly [string, Parameters<typeof worldOf>[1], string, RegExp, RegExp])[] = [
    [
      'a wrong secret',
      { settings: { clientSecret: 'x' } },
      'credentials',
      /clientId and clientSecret/,
      /one tenant/,
    ],
    ['a wrong tenant', { settings: { tenantId: '1' } }, 'tenant', /not authorized/, /tenantId/],
    ['no room', { settings: { maxActive: 1 } }, 'room', /1 active .* 1,/, /maxActive/],
    ['a source that can not be named', { settings: { sourceName: "it's" } }, 'source', /quote/, /sourceName/],
    [
      'an API without indicators',
      { simulator: { lacks: ['Query.getIndicators'] } },
      'room',
      /not known: There is no Taegis API .* getIndicators/,
      /region/,
    ],
  ]
  for (const [what, options, name, cause, remedy] of cases) {
    const world = await worldOf(t, options)
    world.taegis.add({ object_type: 'domain', value: 'theirs.example' })
    const bad = (await world.exporter.check(signal)).filter(({ ok }) => !ok)
    t.match(bad, [{ name, cause, remedy }], what)
    t.equal(world.taegis.requests.filter(isTaegisWrite).length, 0)
  }
  const world = await worldOf(t)
  t.same(
    (await world.exporter.check(signal)).map(({ name, ok }) => [name, ok]),
    [...['connection', 'address', 'credentials', 'tenant', 'room', 'source'].map((name) => [name, true])],
  )
  const elsewhere = exporterOver(t, settingsFor(`${world.taegis.url}/somewhere`))
  t.match(
    (await elsewhere.check(signal)).filter(({ ok }) => !ok),
    [{ name: 'address', cause: /404/ }],
  )
})

t.test('whatever fails on the way, at random, one row each is there in the end', async (t) => {
  const taegis = await startTaegisSimulator({ faultRate: 0.4, seed: 11, tokenSeconds: 36_000 })
  t.teardown(() => taegis.close())
  const exporter = exporterOver(t, settingsFor(taegis.url))
  const values = Array.from({ length: 60 }, (_, index) => `host-${index}.example`)
  const sendAll = async (action: 'upsert' | 'remove') => {
    let open = upserts(values).map((each) => ({ ...each, action }))
    let failures = 0
    for (let round = 0; open.length > 0 && round < 500; round++) {
      try {
        const outcomes = await exporter.send(open.slice(0, 7), signal)
        const settled = new Set(
          outcomes
            .filter(({ status }) => status === 'accepted' || status === 'unchanged')
            .map(({ key }) => key),
        )
        failures += outcomes.length - settled.size
        open = open.filter(({ key }) => !settled.has(key)).map((each) => ({ ...each, unsure: true }))
      } catch (error) {
        if (!(error instanceof UpstreamError) || error.needsMending) throw error
        failures++
      }
    }
    t.equal(open.length, 0, 'all settled')
    return failures
  }
  t.ok((await sendAll('upsert')) > 0, 'something failed')
  t.same([taegis.rows().length, taegis.active().length], [60, 60])
  t.ok((await sendAll('remove')) > 0, 'something failed')
  t.same([taegis.rows().length, taegis.active().length], [60, 0])
})
