/** Pushes: what is queued, taken in hand and settled, on a real database. */
import t from 'tap'
import { ServiceError } from '../../../src/errors.ts'
import { indicatorId } from '../../../src/model/identity.ts'
import type { DeliveryStore } from '../../../src/store/delivery-store.ts'
import type { NewExport } from '../../../src/store/exports.ts'
import { ClaimLost } from '../../../src/store/store.ts'
import {
  accepted,
  contradictions,
  counted,
  countsOf,
  drain,
  ended,
  exporting,
  failed,
  indicatorOf,
  item,
  itemsOf,
  later,
  pagesOf,
  push,
  start,
} from './exporting.ts'

t.setTimeout(300_000)

const emptied = await exporting(t)

const byName = (a: string, b: string) => (a < b ? -1 : 1)

async function take(store: DeliveryStore, claim: number, limit = 1000, now = start) {
  return store.claimDeliveries('dt', claim, { limit, now })
}

async function failureOf(call: () => Promise<unknown>): Promise<unknown> {
  return call().then(
    () => undefined,
    (error: unknown) => error,
  )
}

t.test('each input is one item: equal ones are sent once, what is not sent says why', async (t) => {
  const { store, database } = await emptied()
  const made = await push(store, [
    item('a.example', 'us', { score: 1 }),
    'b.example',
    item('a.example', 'them'),
    { type: 'email', value: 'x@y.example', skipped: 'unsupported type email' },
    item('a.example', 'us', { score: 2 }),
    { type: null, value: '???', skipped: 'unrecognised value' },
  ])
  t.equal(made.status, 'pending')
  t.equal(made.endedAt, null)
  t.same(counted(made.counts), { total: 6, pending: 4, skipped: 2 })
  const claim = await store.claimExporter('dt')
  const claimed = await take(store, claim)
  t.same(
    claimed.map(({ indicator, source }) => `${indicator.value} ${source} ${indicator.score}`).sort(byName),
    ['a.example them 3', 'a.example us 2', 'b.example us 3'],
    'of equal ones the last',
  )
  await store.settleDeliveries(
    'dt',
    claim,
    claimed.map((each) => accepted(each)),
    later(5),
  )
  const items = await store.items(made.id, { limit: 10 })
  t.same(
    items.map(({ position, value, type, status, reason }) => [position, value, type, status, reason]),
    [
      [0, 'a.example', 'domain', 'accepted', null],
      [1, 'b.example', 'domain', 'accepted', null],
      [2, 'a.example', 'domain', 'accepted', null],
      [3, 'x@y.example', 'email', 'skipped', 'unsupported type email'],
      [4, 'a.example', 'domain', 'accepted', null],
      [5, '???', null, 'skipped', 'unrecognised value'],
    ],
  )
  t.match(items[0], {
    remoteId: items[4]?.remoteId,
    attempts: 1,
    lastAttemptAt: '2026-01-01T00:00:05Z',
    repeats: 0,
  })
  t.match(await store.export(made.id), { status: 'succeeded', endedAt: '2026-01-01T00:00:05Z' })
  t.same(await contradictions(database), [])
})

t.test('an export of which nothing is to be sent has ended at once', async (t) => {
  const { store } = await emptied()
  const none = await push(store, [])
  t.match(none, { status: 'succeeded', endedAt: '2026-01-01T00:00:00Z', counts: { total: 0 } })
  const skipped = await push(store, [{ type: null, value: 'x', skipped: 'no' }])
  t.match(skipped, { status: 'succeeded', endedAt: '2026-01-01T00:00:00Z', counts: { total: 1, skipped: 1 } })
})

t.test('the status of an export follows from its counts', async (t) => {
  const { store } = await emptied()
  const claim = await store.claimExporter('dt')
  const cases = [
    [['accepted', 'skipped', 'unchanged'], 'succeeded'],
    [['accepted', 'dead'], 'partial'],
    [['unchanged', 'rejected'], 'partial'],
    [['skipped', 'rejected'], 'failed'],
    [['skipped'], 'succeeded'],
    [['dead', 'pending'], 'running'],
    [['pending'], 'running'],
  ] as const
  for (const [outcomes, status] of cases) {
    const made = await push(
      store,
      outcomes.map((_, n) => `${n}-${outcomes.join('-')}.example`),
    )
    const claimed = await take(store, claim)
    t.equal((await store.export(made.id))?.status, 'pending', 'nothing was tried yet')
    const settlements = claimed.map((each, n) => {
      const outcome = outcomes[n] ?? 'accepted'
      if (outcome === 'pending') return failed(each, { dueAt: later(1e9) })
      return outcome === 'accepted' ? accepted(each) : ended(each, outcome)
    })
    await store.settleDeliveries('dt', claim, settlements, start)
    t.equal((await store.export(made.id))?.status, status, outcomes.join())
  }
})

t.test(
  'a newer wish for the same lets the older one settle with it; for the opposite supersedes it',
  async (t) => {
    const { store, database } = await emptied()
    const first = await push(store, ['a.example', 'b.example'])
    const again = await push(store, [item('a.example', 'us', { score: 1 })], { now: later(1) })
    const opposite = await push(store, ['b.example'], { action: 'remove', now: later(2) })
    t.same(await itemsOf(store, first), [
      'a.example pending',
      `b.example skipped superseded by export ${opposite.id}`,
    ])
    t.same(await drain(store), ['remove b.example', 'upsert a.example'])
    t.same(await countsOf(store, first), { total: 2, accepted: 1, skipped: 1 })
    t.same(await countsOf(store, again), { total: 1, accepted: 1 })
    t.same(await countsOf(store, opposite), { total: 1, accepted: 1 })
    const last = await push(store, ['c.example'])
    const end = await push(store, ['c.example'], { action: 'remove', now: later(7) })
    t.match(
      await store.export(last.id),
      { status: 'succeeded', endedAt: '2026-01-01T00:00:07Z' },
      'its last item',
    )
    t.match(await store.export(end.id), { status: 'pending', endedAt: null })
    t.same(await contradictions(database), [])
  },
)

t.test(
  'a wish that comes while an older one is being sent is sent too, and each has its own outcome',
  async (t) => {
    const { store, database } = await emptied()
    const low = item('a.example', 'us', { score: 1 })
    const first = await push(store, [low])
    const claim = await store.claimExporter('dt')
    const [sent] = await take(store, claim)
    if (sent === undefined) throw new Error('nothing to send')
    const best = await push(store, [item('a.example', 'us', { score: 3 })], { now: later(1) })
    const removal = await push(store, ['a.example'], { action: 'remove', now: later(2) })
    t.same(await take(store, claim), [], 'it is not sent twice at once')
    t.same(await itemsOf(store, first), ['a.example pending'], 'what is under way is not superseded')
    t.same(await itemsOf(store, best), [`a.example skipped superseded by export ${removal.id}`])
    await store.settleDeliveries('dt', claim, [accepted(sent, 'low')], later(3))
    t.same(await itemsOf(store, first), ['a.example accepted'])
    t.same(await itemsOf(store, removal), ['a.example pending'])
    const [have] = await store.haveOf('dt', [{ id: indicatorOf('a.example').id, source: 'us' }])
    t.equal(have?.content, 'low', 'what was sent is what the product has')
    const weakest = await store.weakest('dt', { below: 2 ** 60, limit: 5 })
    t.same(weakest, [], 'of what is on its way the rank is not known')
    const [next] = await take(store, claim, 10, later(3))
    t.match(next, {
      id: sent.id,
      action: 'remove',
      revision: 3,
      attempts: 0,
      unsure: false,
      have: { content: 'low' },
    })
    t.same(await contradictions(database), [])
  },
)

t.test(
  'a delivery that is settled twice at once is refused, and nothing is written of the others',
  async (t) => {
    const { store } = await emptied()
    await push(store, ['a.example', 'b.example'])
    const claim = await store.claimExporter('dt')
    const [first, second] = (await take(store, claim)).map((each) => accepted(each))
    if (first === undefined || second === undefined) throw new Error('two were pushed')
    await t.rejects(
      store.settleDeliveries('dt', claim, [first, second, first], start),
      /settled twice at once/,
    )
    t.match(await store.exporterStates(['dt']), [{ counts: { pending: 2, accepted: 0 }, held: 0 }])
    await store.settleDeliveries('dt', claim, [first, second], start)
    t.match(await store.exporterStates(['dt']), [{ counts: { pending: 0, accepted: 2 }, held: 2 }])
  },
)

t.test('the rank of what the product has is that of what was sent, not of what is wanted next', async (t) => {
  const { store } = await emptied()
  await push(store, [item('a.example', 'us', { score: 1 })])
  const claim = await store.claimExporter('dt')
  const sent = await take(store, claim)
  await push(store, [item('a.example', 'us', { score: 3 })])
  await store.settleDeliveries(
    'dt',
    claim,
    sent.map((each) => accepted(each)),
    start,
  )
  const next = await take(store, claim)
  t.equal(next[0]?.indicator.score, 3)
  await store.settleDeliveries(
    'dt',
    claim,
    next.map((each) => ended(each, 'rejected')),
    start,
  )
  const [held] = await store.weakest('dt', { below: 2 ** 60, limit: 5 })
  t.equal(held?.rank, sent[0]?.rank)
})

t.test(
  'nothing is lost when another worker takes over: it is sent again, unsure, and no attempt is used',
  async (t) => {
    const { store, database } = await emptied()
    const made = await push(store, ['a.example', 'b.example', 'c.example'])
    const first = await store.claimExporter('dt')
    const [one, ...rest] = await take(store, first, 2)
    if (one === undefined) throw new Error('nothing to send')
    await push(store, [one.indicator.value], { action: 'remove' })
    const second = await store.claimExporter('dt')
    t.ok(second > first)
    const again = await take(store, second)
    t.same(
      again.map(({ id, attempts, unsure, action }) => [id, attempts, unsure, action]).sort(),
      [
        [one.id, 0, true, 'remove'],
        [rest[0]?.id, 0, true, 'upsert'],
        [again.find(({ unsure }) => !unsure)?.id, 0, false, 'upsert'],
      ].sort(),
    )
    await store.settleDeliveries(
      'dt',
      second,
      again.map((each) => accepted(each)),
      start,
    )
    t.same(
      await countsOf(store, made),
      { total: 3, accepted: 2, skipped: 1 },
      'whose outcome nobody will know',
    )
    t.same(await contradictions(database), [])
  },
)

t.test('an older claim can write nothing', async (t) => {
  const { store } = await emptied()
  const made = await push(store, ['a.example'])
  const old = await store.claimExporter('dt')
  const claimed = await take(store, old)
  await store.claimExporter('dt')
  const health = await store.health('dt')
  const attempts: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['claimDeliveries', () => take(store, old)],
    [
      'settleDeliveries',
      () =>
        store.settleDeliveries(
          'dt',
          old,
          claimed.map((each) => accepted(each)),
          start,
        ),
    ],
    ['saveHealth', () => store.saveHealth('dt', old, { ...health, failures: 9 })],
    [
      'evict',
      () =>
        store.evict(
          'dt',
          old,
          claimed.map(({ id }) => id),
          'no room',
          start,
        ),
    ],
    ['reviveWithoutRoom', () => store.reviveWithoutRoom('dt', old, 10, start)],
  ]
  for (const [what, attempt] of attempts) t.ok((await failureOf(attempt)) instanceof ClaimLost, what)
  t.same(await countsOf(store, made), { total: 1, pending: 1 })
  t.same(await store.health('dt'), health)
})

t.test('a settlement that is written twice counts once', async (t) => {
  const { store, database } = await emptied()
  const made = await push(store, ['a.example', 'b.example'])
  const claim = await store.claimExporter('dt')
  const claimed = await take(store, claim)
  const settlements = claimed.map((each) => accepted(each))
  await store.settleDeliveries('dt', claim, settlements, start)
  await store.settleDeliveries('dt', claim, settlements, later(9))
  t.same(await countsOf(store, made), { total: 2, accepted: 2 })
  t.match(await store.export(made.id), { endedAt: '2026-01-01T00:00:00Z' })
  const [first] = settlements
  if (first === undefined) throw new Error('nothing was claimed')
  await t.rejects(store.settleDeliveries('dt', claim, [first, first], start), RangeError)
  t.same(await contradictions(database), [])
})

t.test('a settlement that is written again says nothing of what was claimed again meanwhile', async (t) => {
  const { store, database } = await emptied()
  const made = await push(store, ['a.example', 'b.example'])
  const claim = await store.claimExporter('dt')
  const first = (await take(store, claim)).map((each) => failed(each))
  await store.settleDeliveries('dt', claim, first, start)
  const again = await take(store, claim)
  t.equal(again.length, 2)
  await store.settleDeliveries('dt', claim, first, start)
  t.same(await take(store, claim), [], 'it is still under way')
  await store.settleDeliveries(
    'dt',
    claim,
    again.map((each) => accepted(each)),
    later(5),
  )
  t.same(await countsOf(store, made), { total: 2, accepted: 2 })
  t.same(await contradictions(database), [])
})

t.test(
  'what failed waits as long as it is told to, with its reason on the items, and counts repeats',
  async (t) => {
    const { store } = await emptied()
    const made = await push(store, ['a.example'])
    const claim = await store.claimExporter('dt')
    const claimed = await take(store, claim)
    t.equal(await store.nextDelivery('dt'), undefined, 'nothing waits')
    t.ok(await store.deliveriesUnderWay('dt'))
    const dueAt = later(60)
    await store.settleDeliveries(
      'dt',
      claim,
      claimed.map((each) => failed(each, { dueAt })),
      later(1),
    )
    t.same(await take(store, claim, 10, later(59)), [])
    t.equal(await store.nextDelivery('dt'), '2026-01-01T00:01:00Z')
    t.notOk(await store.deliveriesUnderWay('dt'))
    const [pending] = await store.items(made.id, { limit: 1 })
    t.match(pending, { status: 'pending', reason: 'the product did not answer', attempts: 1, repeats: 0 })
    t.equal(pending?.lastAttemptAt, '2026-01-01T00:00:01Z')
    const again = await take(store, claim, 10, later(60))
    t.match(again, [{ attempts: 1, unsure: true }])
    const settled = again.map((each) => ({ ...accepted(each), repeated: true }))
    await store.settleDeliveries('dt', claim, settled, later(61))
    t.match(await store.items(made.id, { limit: 1 }), [
      { status: 'accepted', reason: null, attempts: 2, repeats: 1 },
    ])
  },
)

t.test('what is given up after tries stays unsure: the product may have it', async (t) => {
  const { store } = await emptied()
  const made = await push(store, ['a.example'])
  const claim = await store.claimExporter('dt')
  await store.settleDeliveries(
    'dt',
    claim,
    (await take(store, claim)).map((each) => ended(each, 'dead')),
    start,
  )
  t.equal(await store.replay(made.id, ['dead'], later(1)), 1)
  t.match(await take(store, claim, 10, later(1)), [{ attempts: 0, unsure: true, revision: 2 }])
})

t.test(
  'removals come first, then the oldest; neither retries nor first tries hold up the others',
  async (t) => {
    const { store } = await emptied()
    const claim = await store.claimExporter('dt')
    const names = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}.example`)
    await push(store, names('retry', 30))
    await push(store, names('out', 2), { action: 'remove' })
    const failing = await take(store, claim)
    await store.settleDeliveries(
      'dt',
      claim,
      failing.map((each) => failed(each, { dueAt: start })),
      start,
    )
    await push(store, names('late', 30), { now: later(2) })
    await push(store, names('early', 30), { now: later(1) })
    await push(store, names('fresh', 2), { action: 'remove', now: later(3) })
    const kinds = (claimed: readonly { readonly indicator: { readonly value: string } }[]) => {
      const found: Record<string, number> = {}
      for (const { indicator } of claimed) {
        const kind = indicator.value.replace(/\d.*/, '')
        found[kind] = (found[kind] ?? 0) + 1
      }
      return found
    }
    const first = await take(store, claim, 20, later(9))
    t.same(kinds(first), { out: 2, retry: 2, fresh: 2, early: 14 }, 'a fifth of retries')
    t.same(kinds(first.slice(0, 4)), { out: 2, fresh: 2 }, 'removals are sent first')
    t.same(kinds(await take(store, claim, 40, later(9))), { retry: 8, early: 16, late: 16 })
    t.same(
      kinds(await take(store, claim, 30, later(9))),
      { retry: 16, late: 14 },
      'what one leaves the other takes',
    )
    t.same(kinds(await take(store, claim, 4, later(9))), { retry: 4 }, 'with little room who waited longest')
    t.same(await take(store, claim, 4, later(9)), [])
  },
)

t.test('an idempotency key stands for one request of one API key at one exporter for a day', async (t) => {
  const { store } = await emptied()
  await store.registerExporters(['other'])
  const request: NewExport = {
    ...{ exporter: 'dt', action: 'upsert', requestedBy: null, options: {}, now: start },
    idempotency: { key: 'k', digest: 'one' },
  }
  const ask = (more: Partial<NewExport> = {}) =>
    store.createExport({ ...request, ...more }, pagesOf([item('a.example'), item('b.example')]))
  const first = await ask()
  t.equal(first.repeated, false)
  const again = await ask({ now: later(23 * 3600) })
  t.equal(again.repeated, true)
  t.same(again.export, first.export)
  await t.rejects(ask({ idempotency: { key: 'k', digest: 'two' } }), { code: 'IDEMPOTENCY_CONFLICT' })
  t.equal((await ask({ requestedBy: 'ops' })).repeated, false, 'of another API key')
  t.equal((await ask({ exporter: 'other' })).repeated, false, 'at another exporter')
  t.equal((await ask({ idempotency: { key: 'K', digest: 'one' } })).repeated, false, 'another key')
  t.equal(
    (await ask({ now: later(25 * 3600), idempotency: { key: 'k', digest: 'two' } })).repeated,
    false,
    'a day later',
  )
  t.equal((await store.exports({ exporters: ['dt'], limit: 100 })).length, 4)
})

t.test('text that the database can not hold does no harm', async (t) => {
  const { store } = await emptied()
  const odd = 'a\u0000b\ud800c\\u0000'
  const made = await push(
    store,
    [
      { indicator: indicatorOf(odd, { description: odd }), value: odd, source: odd },
      { type: odd, value: odd, skipped: odd },
    ],
    { options: { [odd]: odd } },
  )
  const claim = await store.claimExporter('dt')
  const claimed = await take(store, claim)
  t.equal(claimed[0]?.indicator.value, odd, 'what is sent is what was given')
  t.equal(claimed[0]?.indicator.description, odd)
  const shown = 'a\ufffdb\ufffdc\\u0000'
  t.same(claimed[0]?.options, { [shown]: shown })
  t.equal(claimed[0]?.source, shown)
  const [first] = claimed
  if (first === undefined) throw new Error('nothing was claimed')
  const have = { content: 'c', remoteId: odd, vendor: { [odd]: [odd] }, until: null }
  const settled = {
    ...accepted(first),
    status: 'accepted',
    reason: odd,
    vendor: { odd },
    remoteId: odd,
    have,
  } as const
  await store.settleDeliveries('dt', claim, [settled], start)
  t.match(await store.items(made.id, { limit: 2 }), [
    { value: shown, remoteId: shown, reason: shown, vendor: { odd: shown } },
    { type: shown, value: shown, reason: shown },
  ])
  const [found] = await store.haveOf('dt', [{ id: indicatorOf(odd).id, source: odd }])
  t.same(found, { content: 'c', remoteId: shown, vendor: { [shown]: [shown] }, until: null })
  const error = { code: 'INTERNAL', cause: odd, remedy: odd, at: '2026-01-01T00:00:00Z' }
  await store.saveHealth('dt', claim, { circuit: 'open', failures: 1, waitUntil: null, error })
  t.match((await store.health('dt')).error, { cause: shown, remedy: shown })
})

t.test('exports page newest first and items in order, filtered as asked', async (t) => {
  const { store } = await emptied()
  await store.registerExporters(['other'])
  const ids: string[] = []
  for (let n = 0; n < 6; n++) {
    const exporter = n % 3 === 2 ? 'other' : 'dt'
    // Two of each moment.
    const made = await push(store, [`a${n}.example`], { exporter, now: later(Math.floor(n / 2)) })
    ids.push(made.id)
  }
  await drain(store, { now: later(9) })
  const all: string[] = []
  for (let before: string | undefined; ; before = all.at(-1)) {
    const page = await store.exports({ exporters: ['dt', 'other'], limit: 1, ...(before && { before }) })
    if (page.length === 0) break
    all.push(...page.map(({ id }) => id))
  }
  t.same([...all].sort(), [...ids].sort(), 'each once')
  const times = await Promise.all(all.map(async (id) => (await store.export(id))?.createdAt ?? ''))
  t.same(times, [...times].sort().reverse())
  const idsOf = async (more: Partial<Parameters<typeof store.exports>[0]>) =>
    (await store.exports({ exporters: ['dt', 'other'], limit: 10, ...more }))
      .map(({ id }) => ids.indexOf(id))
      .sort()
  t.same(await idsOf({ exporters: ['other'] }), [2, 5])
  t.same(await idsOf({ exporters: [] }), [])
  t.same(await idsOf({ statuses: ['pending'] }), [2, 5])
  t.same(await idsOf({ statuses: ['succeeded', 'failed'] }), [0, 1, 3, 4])
  t.same(await idsOf({ origins: ['eviction'] }), [])
  for (const before of ['nonsense', '00000000-0000-0000-0000-000000000000']) {
    await t.rejects(store.exports({ exporters: ['dt'], limit: 1, before }), { code: 'EXPORT_UNKNOWN' })
    t.equal(await store.export(before), undefined)
    t.equal(await store.replay(before, ['dead'], start), undefined)
    t.same(await store.items(before, { limit: 1 }), [])
  }

  const made = await push(store, ['x.example', 'y.example', { type: null, value: 'z', skipped: 'no' }])
  const page = (query: Parameters<typeof store.items>[1]) =>
    store.items(made.id, query).then((items) => items.map(({ value }) => value))
  t.same(await page({ limit: 2 }), ['x.example', 'y.example'])
  t.same(await page({ limit: 2, after: 1 }), ['z'])
  t.same(await page({ limit: 2, statuses: ['skipped'] }), ['z'])
  t.same(await page({ limit: 2, statuses: [] }), [])
})

t.test(
  'a replay sends again whatever the product has, but nothing that is not wanted any more',
  async (t) => {
    const { store, database } = await emptied()
    const made = await push(store, [
      ...['ok.example', 'bad.example', 'gone.example', 'waits.example'],
      { type: null, value: '?', skipped: 'unrecognised value' },
    ])
    const claim = await store.claimExporter('dt')
    const claimed = await take(store, claim)
    const settle = claimed.flatMap((each) => {
      const { value } = each.indicator
      if (value === 'waits.example') return [failed(each, { dueAt: later(500) })]
      return [value === 'bad.example' ? ended(each, 'rejected') : accepted(each)]
    })
    await store.settleDeliveries('dt', claim, settle, start)
    const removal = await push(store, ['gone.example'], { action: 'remove' })
    t.equal(await store.replay(made.id, ['accepted', 'rejected', 'skipped', 'pending'], later(10)), 2)
    t.same(await itemsOf(store, made), [
      'ok.example pending',
      'bad.example pending',
      `gone.example skipped superseded by export ${removal.id}`,
      'waits.example pending the product did not answer',
      '? skipped unrecognised value',
    ])
    t.match(await store.export(made.id), { status: 'running', endedAt: null })
    const again = await take(store, claim, 10, later(10))
    t.same(again.map(({ indicator }) => indicator.value).sort(), [
      'bad.example',
      'gone.example',
      'ok.example',
    ])
    const ok = again.find(({ indicator }) => indicator.value === 'ok.example')
    t.match(ok?.have, { content: '', remoteId: /^r/ }, 'its content counts as unknown')
    t.equal(ok?.attempts, 0)
    t.same(await contradictions(database), [])
  },
)

t.test('every export of an indicator is told, newest first', async (t) => {
  const { store } = await emptied()
  await store.registerExporters(['other'])
  await push(store, ['a.example', 'b.example'])
  await push(store, ['a.example'], { action: 'remove', exporter: 'other', now: later(1) })
  await push(store, [item('a.example', 'another source')], { now: later(2) })
  const told = await store.exportsWith(indicatorId('domain', 'a.example'), 10)
  t.same(
    told.map(({ exporter, action, status }) => `${exporter} ${action} ${status}`),
    ['dt upsert pending', 'other remove pending', 'dt upsert pending'],
  )
  t.equal((await store.exportsWith(indicatorId('domain', 'a.example'), 2)).length, 2)
  t.same(await store.exportsWith(indicatorId('domain', 'never.example'), 2), [])
  t.same(await store.exportsWith('nonsense', 2), [])
})

t.test('resuming closes the circuit and makes what waits due at once', async (t) => {
  const { store } = await emptied()
  await push(store, ['a.example'])
  const claim = await store.claimExporter('dt')
  const claimed = await take(store, claim)
  await store.settleDeliveries(
    'dt',
    claim,
    claimed.map((each) => failed(each, { dueAt: later(3600) })),
    start,
  )
  const error = { code: 'UPSTREAM_CREDENTIALS', cause: 'no', remedy: 'mend it', at: '2026-01-01T00:00:00Z' }
  const waitUntil = '2026-01-01T00:10:00Z'
  await store.saveHealth('dt', claim, { circuit: 'paused', failures: 7, waitUntil, error })
  t.same(await store.health('dt'), { circuit: 'paused', failures: 7, waitUntil, error })
  t.match(await store.exporterStates(['dt']), [
    {
      name: 'dt',
      circuit: 'paused',
      error,
      held: 0,
      counts: { pending: 1 },
      oldestPendingAt: '2026-01-01T00:00:00Z',
    },
  ])
  await store.resumeExporter('dt', later(5))
  t.same(
    await store.health('dt'),
    { circuit: 'closed', failures: 0, waitUntil: null, error },
    'until a success',
  )
  t.equal(await store.nextDelivery('dt'), '2026-01-01T00:00:05Z')
  t.equal((await take(store, claim, 10, later(5))).length, 1, 'the worker is the same')
})

t.test('whoever names an exporter that is not there is told so', async (t) => {
  const { store } = await emptied()
  const health = await store.health('dt')
  const calls: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['createExport', () => push(store, ['a.example'], { exporter: 'none' })],
    ['claimExporter', () => store.claimExporter('none')],
    ['claimDeliveries', () => store.claimDeliveries('none', 1, { limit: 1, now: start })],
    ['nextDelivery', () => store.nextDelivery('none')],
    ['deliveriesUnderWay', () => store.deliveriesUnderWay('none')],
    ['health', () => store.health('none')],
    ['saveHealth', () => store.saveHealth('none', 1, health)],
    ['resumeExporter', () => store.resumeExporter('none', start)],
    ['exporterStates', () => store.exporterStates(['dt', 'none'])],
    ['haveOf', () => store.haveOf('none', [])],
    ['weakest', () => store.weakest('none', { below: 1, limit: 1 })],
    ['heldCount', () => store.heldCount('none')],
    ['evict', () => store.evict('none', 1, [], '', start)],
    ['noteMissing', () => store.noteMissing('none', new Set(), start)],
  ]
  for (const [what, call] of calls) {
    const error = await failureOf(call)
    t.ok(error instanceof ServiceError && error.code === 'EXPORTER_UNKNOWN', what)
  }
  await store.registerExporters(['dt', 'new'])
  t.equal((await store.exporterStates(['new', 'dt'])).length, 2, 'what is there stays')
})
