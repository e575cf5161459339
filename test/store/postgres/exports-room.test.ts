/** What a product has from us: where there is room for so many only, what it forgot, and what is forgotten here. */
import t from 'tap'
import type { ClaimedDelivery, DeliveryStore, Settlement } from '../../../src/store/delivery-store.ts'
import {
  accepted,
  contradictions,
  counted,
  countsOf,
  drain,
  ended,
  exporting,
  indicatorOf,
  item,
  itemsOf,
  later,
  push,
  start,
} from './exporting.ts'

t.setTimeout(300_000)

const emptied = await exporting(t)

async function settleAll(
  store: DeliveryStore,
  claim: number,
  settle: (delivery: ClaimedDelivery) => Settlement,
  now = start,
): Promise<readonly ClaimedDelivery[]> {
  const claimed = await store.claimDeliveries('dt', claim, { limit: 1000, now: later(1e6) })
  await store.settleDeliveries('dt', claim, claimed.map(settle), now)
  return claimed
}

const everything = { below: 2 ** 60, limit: 10 }

t.test('the weakest of what the product has leave for better ones, and the receipt says why', async (t) => {
  const { store, database } = await emptied()
  const claim = await store.claimExporter('dt')
  const kept = await push(store, [
    item('good.example', 'us', { score: 3 }),
    item('weak.example', 'us', { score: 1 }),
    item('middle.example', 'us', { score: 2 }),
    item('refused.example', 'us', { score: 0 }),
  ])
  await settleAll(store, claim, (each) =>
    each.indicator.value === 'refused.example' ? ended(each, 'rejected') : accepted(each),
  )
  t.equal(await store.heldCount('dt'), 3)
  const weakest = await store.weakest('dt', everything)
  t.same(
    weakest.map(({ indicator }) => indicator.value),
    ['weak.example', 'middle.example', 'good.example'],
    'what it never took is not there',
  )
  const [weak, middle] = weakest
  if (weak === undefined || middle === undefined) throw new Error('nothing is held')
  t.same(await store.weakest('dt', { below: middle.rank, limit: 10 }), [weak])
  // One of them is pushed again meanwhile: it is not taken out behind the back of whoever did.
  await push(store, [item('middle.example', 'us', { score: 2 })])
  const evicted = await store.evict(
    'dt',
    claim,
    [weak.id, middle.id, 123_456],
    'a better one needs the room',
    later(1),
  )
  t.match(evicted, {
    origin: 'eviction',
    action: 'remove',
    requestedBy: null,
    counts: { total: 1, pending: 1 },
  })
  t.same(await store.weakest('dt', { below: middle.rank, limit: 10 }), [], 'it is on its way out')
  await settleAll(store, claim, (each) => accepted(each), later(2))
  t.same(await itemsOf(store, evicted), ['weak.example accepted a better one needs the room'])
  t.equal(await store.heldCount('dt'), 2)
  t.same(await countsOf(store, kept), { total: 4, accepted: 3, rejected: 1 }, 'what was accepted stays so')
  t.same(await contradictions(database), [])
})

t.test('what was forwarded and has no room comes back once there is room, best first', async (t) => {
  const { store, database } = await emptied()
  const claim = await store.claimExporter('dt')
  const scores = [1, 3, 2] as const
  await push(
    store,
    scores.map((score) => item(`s${score}.example`, 'us', { score })),
  )
  await push(store, ['byhand.example'])
  await settleAll(store, claim, (each) => ended(each, 'skipped', { noRoom: true, reason: 'no room: 15000' }))
  t.equal(await store.reviveWithoutRoom('dt', claim, 10, start), 0, 'what was pushed by hand does not')
  await database.execute(`update delivery set forwarded = true where value <> 'byhand.example'`)
  t.equal(await store.reviveWithoutRoom('dt', claim, 2, later(1)), 2)
  t.match(await store.exports({ exporters: ['dt'], origins: ['forward'], limit: 5 }), [
    { action: 'upsert', counts: { total: 2, pending: 2 } },
  ])
  const sent = await settleAll(store, claim, (each) => accepted(each))
  t.same(sent.map(({ indicator }) => indicator.value).sort(), ['s2.example', 's3.example'])
  // Taken out for a better one, and back when there is room again.
  const [weakest] = await store.weakest('dt', { ...everything, limit: 1 })
  await store.evict('dt', claim, [weakest?.id ?? 0], 'no room', later(2))
  t.equal(await store.reviveWithoutRoom('dt', claim, 10, later(3)), 1, 'not what is on its way out')
  await settleAll(store, claim, (each) =>
    each.action === 'remove' ? accepted(each) : ended(each, 'skipped'),
  )
  t.equal(await store.reviveWithoutRoom('dt', claim, 10, later(4)), 1)
  t.same(await drain(store, { claim }), ['upsert s2.example'])
  t.equal(await store.reviveWithoutRoom('dt', claim, 10, later(5)), 0)
  t.same(await contradictions(database), [])
})

t.test('what the product forgot by itself is noted, but not what was accepted meanwhile', async (t) => {
  const { store, database } = await emptied()
  const claim = await store.claimExporter('dt')
  await push(store, ['stays.example', 'gone.example', 'pushed.example', 'late.example'])
  const sent = await settleAll(store, claim, (each) => accepted(each), later(1))
  await push(store, ['pushed.example', 'late.example'], { now: later(2) })
  const again = await store.claimDeliveries('dt', claim, { limit: 10, now: later(2) })
  const late = again.filter(({ indicator }) => indicator.value === 'late.example')
  await store.settleDeliveries(
    'dt',
    claim,
    late.map((each) => accepted(each)),
    later(5),
  )
  const remoteId = (value: string) => `r${sent.find(({ indicator }) => indicator.value === value)?.id}`
  const noted = await store.noteMissing('dt', new Set([remoteId('stays.example'), 'of others']), later(4))
  t.equal(noted.missing, 2)
  t.same([...noted.values].sort(), ['gone.example', 'pushed.example'])
  t.match(await store.exporterStates(['dt']), [{ held: 2, counts: { evicted: 1, pending: 1, accepted: 2 } }])
  const wanted = ['stays', 'gone', 'late', 'never'].map((name) => ({
    id: indicatorOf(`${name}.example`).id,
    source: 'us',
  }))
  t.same(
    (await store.haveOf('dt', wanted)).map((have) => have?.remoteId ?? null),
    [remoteId('stays.example'), null, remoteId('late.example'), null],
  )
  t.same(await store.haveOf('dt', [{ id: wanted[0]?.id ?? '', source: 'of others' }]), [null])
  t.same(await store.noteMissing('dt', new Set([remoteId('stays.example')]), later(4)), {
    missing: 0,
    values: [],
  })
  t.same(await contradictions(database), [])
})

t.test('what a product forgets at a time of its own is told with what it has', async (t) => {
  const { store } = await emptied()
  const claim = await store.claimExporter('dt')
  await push(store, ['a.example'])
  const until = '2026-02-03T04:05:06Z'
  const have = { content: 'c', remoteId: null, vendor: [1, { two: 2 }], until }
  await settleAll(
    store,
    claim,
    (each) => ({ ...accepted(each), status: 'accepted', reason: null, have }) as Settlement,
  )
  await push(store, ['a.example'])
  const [claimed] = await store.claimDeliveries('dt', claim, { limit: 1, now: start })
  t.same(claimed?.have, have)
})

t.test('exports that ended long ago are forgotten, and what nothing refers to any more', async (t) => {
  const { store, database } = await emptied()
  const claim = await store.claimExporter('dt')
  const idempotency = { key: 'k', digest: 'd' }
  const old = await push(store, ['kept.example', 'removed.example', 'refused.example'], { idempotency })
  await settleAll(store, claim, (each) =>
    each.indicator.value === 'refused.example' ? ended(each, 'rejected') : accepted(each),
  )
  const removal = await push(store, ['removed.example'], { action: 'remove' })
  await settleAll(store, claim, (each) => accepted(each), later(86_400))
  const waits = await push(store, ['waits.example'])
  t.equal(await store.pruneExports(start, later(3600)), 0, 'what ended then or later stays')
  const rows = await store.pruneExports(later(1), later(90_000))
  t.equal(rows, 1 + 3 + 1 + 1, 'the key, the items, their export, and what was refused')
  t.equal(await store.export(old.id), undefined)
  t.ok(await store.export(removal.id))
  t.ok(await store.export(waits.id))
  t.equal(
    await store.pruneExports(later(90_000), later(90_000)),
    1 + 1 + 1,
    'and with its last export what is not there',
  )
  const values = await database.query<{ value: string }>('select value from delivery order by value')
  t.same(
    values.map(({ value }) => value),
    ['kept.example', 'waits.example'],
  )
  const bodies = await database.query('select from delivery_body')
  t.equal(bodies.length, 2)
  t.same(counted((await store.export(waits.id))?.counts), { total: 1, pending: 1 })
  t.same(await contradictions(database), [])
})

t.test('the tallies stay right when they are added up, by several at once', async (t) => {
  const { store, database } = await emptied()
  const claim = await store.claimExporter('dt')
  await database.execute(
    `insert into delivery_tally (exporter, what, n) select x.id, 'dead', case when i % 2 = 0 then 1 else -1 end
     from exporter x, generate_series(1, 5000) i`,
  )
  const busy = Promise.all(
    Array.from({ length: 8 }, async (_, n) => {
      await push(store, [`a${n}.example`])
      await settleAll(store, claim, (each) => accepted(each))
    }),
  )
  const states = await Promise.all(Array.from({ length: 8 }, () => store.exporterStates(['dt'])))
  t.ok(states.every(([state]) => state?.counts.dead === 0))
  await busy
  await drain(store, { claim })
  t.match(await store.exporterStates(['dt']), [{ held: 8, counts: { accepted: 8, pending: 0, dead: 0 } }])
  const [rows] = await database.query<{ n: number }>('select count(*) as n from delivery_tally')
  t.ok((rows?.n ?? 0) < 100, 'few rows are left')
  t.same(await contradictions(database), [])
})
