/** The engine of pushes at one destination: the real store, a product in memory, a clock that is an argument. */
import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import { ServiceError } from '../../../src/errors.ts'
import type { Observation } from '../../../src/model/indicator.ts'
import { deliver } from '../../../src/pipeline/exports/deliver.ts'
import type { Destination } from '../../../src/pipeline/exports/destination.ts'
import { forwardList } from '../../../src/pipeline/exports/forward.ts'
import { carryOut } from '../../../src/pipeline/fetch.ts'
import { failuresToOpen } from '../../../src/pipeline/product/health.ts'
import { createPermit } from '../../../src/pipeline/product/permit.ts'
import type { PostgresStore } from '../../../src/store/postgres/index.ts'
import { observation, page, scripted, silent } from '../store.ts'
import { createProduct, errorOf, indicatorOf, type Product, type ProductOptions } from './product.ts'
import { createClock, createWorld, openStore, retry, valuesOf, type World, type WorldStore } from './world.ts'

const clock = createClock()
let store: PostgresStore
let worlds = 0

t.before(async () => {
  store = await openStore(t, clock)
})

async function world(
  product: Partial<ProductOptions> & { readonly more?: (made: Product) => Product } = {},
  more: Partial<Destination> = {},
): Promise<World> {
  const { more: change = (made: Product) => made, ...options } = product
  const made = change(createProduct({ now: clock.now, ...options }))
  return createWorld(store, made, clock, { name: `edge-${++worlds}`, ...more })
}

async function health({ store, destination }: World) {
  return store.health(destination.name)
}

t.test(
  'everything is sent, in full batches, as many at once as configured, and each item has its receipt',
  async (t) => {
    const here = await world()
    const { id } = await here.push(valuesOf(95))
    t.match(await here.record(id), { status: 'pending', counts: { total: 95, pending: 95 } })
    t.equal(await here.look(), null)
    t.match(await here.record(id), {
      status: 'succeeded',
      endedAt: '2026-03-10T12:00:00Z',
      counts: { total: 95, accepted: 95, pending: 0 },
    })
    t.equal(here.product.holds().size, 95)
    t.strictSame(here.product.batches, [10, 10, 10, 10, 10, 10, 10, 10, 10, 5])
    t.equal(here.product.most, 4)
    const [item] = await here.items(id)
    t.match(item, {
      status: 'accepted',
      attempts: 1,
      remoteId: /^r\d+$/,
      repeats: 0,
      reason: null,
      vendor: { content: '' },
    })
    t.strictSame(here.errors, [])
    t.notOk(
      here.log.some((line) => line.includes('example')),
      'the log names no indicator',
    )
  },
)

t.test('what the product has so already is not sent again, what it forgot is', async (t) => {
  const here = await world({ stays: (value) => (value.startsWith('short') ? 1000 : undefined) })
  const values = ['short.example', 'long.example']
  await here.push(values, { description: 'one' })
  await here.idle()
  const again = await here.push(values, { description: 'one' })
  await here.idle()
  t.strictSame(await here.statuses(again.id), { unchanged: 2 })
  t.equal(here.product.sent.length, 2)
  t.match((await here.items(again.id))[0], { attempts: 0, remoteId: /^r/, lastAttemptAt: null })
  clock.ahead(2000)
  const late = await here.push(values, { description: 'one' })
  await here.idle()
  t.strictSame(await here.statuses(late.id), { accepted: 1, unchanged: 1 })
  t.match(here.product.sent.at(-1), { value: 'short.example', remoteId: undefined })
  clock.ahead(2000)
  const gone = await here.push([...values, 'never.example'], { action: 'remove' })
  await here.idle()
  t.strictSame(await here.statuses(gone.id), { accepted: 1, unchanged: 2 })
  t.strictSame(
    here.product.sent
      .slice(3)
      .map(({ value }) => value)
      .sort(),
    ['long.example', 'never.example'],
  )
  t.equal(here.product.holds().size, 0)
})

t.test('what the product can not take is skipped and says so, and nothing is sent of it', async (t) => {
  const here = await world()
  const long = `${'x'.repeat(60)}.example`
  const indicator = (type: 'email' | 'custom') =>
    indicatorOf(`a@${type}.example`, { type, ...(type === 'custom' && { customType: 'Odd' }) })
  const item = (type: 'email' | 'custom') => ({ indicator: indicator(type), value: type, source: 'ours' })
  const { id } = await here.push([long, item('email'), item('custom'), 'ok.example'])
  await here.idle()
  const reasons = (await here.items(id)).map(({ status, reason }) => `${status} ${reason}`)
  t.strictSame(reasons, [
    'skipped longer than 60 characters',
    'skipped unsupported type email',
    'skipped unsupported type custom:Odd',
    'accepted null',
  ])
  t.match(await here.record(id), { status: 'succeeded', counts: { skipped: 3, accepted: 1 } })
  t.equal(here.product.sent.length, 1)
})

t.test('of a batch that is refused as a whole only the one at fault is rejected', async (t) => {
  const bad = ['v3.example', 'v17.example']
  const here = await world({ bad, strict: true })
  const { id } = await here.push(valuesOf(20))
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 18, rejected: 2 })
  t.equal(here.product.holds().size, 18)
  const rejected = await here.store.items(id, { statuses: ['rejected'], limit: 10 })
  t.strictSame(
    rejected.map(({ value, reason }) => ({ value, reason })),
    [
      { value: 'v3.example', reason: 'the product says rejected' },
      { value: 'v17.example', reason: 'the product says rejected' },
    ],
  )
  t.match(await here.record(id), { status: 'partial' })
  t.match(await health(here), { circuit: 'closed', failures: 0, error: null })
})

t.test('a configuration error pauses at once, uses up no attempt, and resume sends everything', async (t) => {
  const here = await world({}, { concurrency: 3 })
  const gate = Promise.withResolvers<void>()
  here.product.faults.push({ kind: 'fails', error: errorOf('credentials') })
  let begun = 0
  here.product.onSend = () => {
    begun++
    here.product.gate = begun === 1 ? undefined : gate.promise
    if (begun === 3) void turn().then(() => gate.resolve())
  }
  const { id } = await here.push(valuesOf(100))
  t.equal(await here.look(), null)
  t.equal(begun, 3, 'what was under way ends, nothing more begins')
  t.strictSame(await here.statuses(id), { pending: 80, accepted: 20 })
  const { circuit, error } = await health(here)
  t.equal(circuit, 'paused')
  t.match(error, { code: 'UPSTREAM_CREDENTIALS', cause: 'the product says credentials', remedy: /resume/ })
  const pending = await here.store.items(id, { statuses: ['pending'], limit: 100 })
  t.ok(pending.every(({ attempts }) => attempts === 0))
  t.equal(await here.look(), null)
  t.equal(begun, 3, 'nothing is sent while it is paused')
  await here.store.resumeExporter(here.destination.name, new Date(clock.now()))
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 100 })
  t.match(await health(here), { circuit: 'closed', error: null })
})

t.test('when the product asks to slow down, all of it waits as long as it says', async (t) => {
  const here = await world({}, { concurrency: 1 })
  here.product.faults.push({ kind: 'fails', error: errorOf('throttled', { retryAfterMs: 30_000 }) })
  const { id } = await here.push(valuesOf(30))
  const before = clock.now()
  t.equal(await here.look(), before + 30_000)
  t.strictSame(here.product.batches, [10])
  t.equal(await here.look(), before + 30_000, 'nor is anything sent when somebody looks before')
  t.strictSame(here.product.batches, [10])
  clock.ahead(30_000)
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 30 })
  const attempts = (await here.items(id)).map((each) => each.attempts)
  t.ok(
    attempts.every((times) => times === 1),
    'to be asked to wait is no failed try',
  )
})

t.test('a product that does nothing but ask to wait is given up in the end', async (t) => {
  const here = await world({}, { concurrency: 1 })
  here.product.faults.push(...Array(50).fill({ kind: 'fails', error: errorOf('throttled') }))
  const { id } = await here.push(valuesOf(10))
  await here.idle()
  t.strictSame(await here.statuses(id), { dead: 10 })
  t.equal(here.product.batches.length, failuresToOpen + retry.attempts)
})

t.test('a product that fails again and again is tried with one batch now and then', async (t) => {
  const here = await world()
  const down = { kind: 'fails', error: errorOf('unavailable') } as const
  here.product.faults.push(...Array(8).fill(down))
  const { id } = await here.push(valuesOf(200))
  const next = await here.look()
  t.ok(
    here.product.batches.length <= 8 && here.product.batches.length >= 5,
    'what was under way at the fifth ends',
  )
  const { circuit, waitUntil } = await health(here)
  t.equal(circuit, 'open')
  t.equal(next, Date.parse(waitUntil ?? ''))
  const sent = here.product.batches.length
  here.product.faults.splice(0)
  here.product.faults.push(down)
  clock.ahead((next ?? 0) - clock.now())
  await here.look()
  t.equal(here.product.batches.length, sent + 1, 'one trial')
  t.equal((await health(here)).circuit, 'open')
  await here.idle()
  t.match(await health(here), { circuit: 'closed', failures: 0, waitUntil: null, error: null })
  t.strictSame(await here.statuses(id), { accepted: 200 })
})

t.test('after its last try an item is dead with the reason, and replay sends it again', async (t) => {
  const here = await world({}, { concurrency: 1 })
  here.product.faults.push(...Array(retry.attempts).fill({ kind: 'later' }))
  const { id } = await here.push(['a.example'])
  const before = clock.now()
  await here.idle()
  t.equal(clock.now() - before, 1000 + 2000 + 4000)
  t.match(await here.items(id), [{ status: 'dead', reason: 'busy', attempts: 4 }])
  t.match(await here.record(id), { status: 'failed', counts: { dead: 1 } })
  t.equal(await here.store.replay(id, ['dead'], new Date(clock.now())), 1)
  await here.idle()
  t.match(await here.items(id), [{ status: 'accepted', attempts: 1 }])
})

t.test('what may have been carried out is sent again as unsure, and its receipt says so', async (t) => {
  const here = await world()
  const kinds = ['outcome-unknown', 'timeout', 'unreadable'] as const
  for (const kind of kinds) here.product.faults.push({ kind: 'lost', error: errorOf(kind) })
  here.product.faults.push({ kind: 'lost', error: errorOf('unavailable', { status: 502 }) })
  here.product.faults.push({ kind: 'half' }, { kind: 'forgetful' })
  const { id } = await here.push(valuesOf(60))
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 60 })
  t.equal(here.product.holds().size, 60)
  const { sent } = here.product
  const again = sent.filter(({ value }, index) =>
    sent.slice(0, index).some((before) => before.value === value),
  )
  t.ok(again.length > 40)
  t.ok(again.every(({ unsure }) => unsure))
  const repeats = (await here.items(id)).reduce((sum, each) => sum + each.repeats, 0)
  t.equal(repeats, again.length)
  t.equal(here.errors.length, 1, 'outcomes that are not one for each delivery are told')
})

t.test('an exception of ours costs an attempt, is told, and loses nothing', async (t) => {
  const here = await world({}, { concurrency: 1 })
  here.product.faults.push({ kind: 'bug' })
  const { id } = await here.push(valuesOf(10))
  const next = await here.look()
  t.strictSame(here.errors, ['sending failed by a fault of ours: nobody foresaw this'])
  t.match((await here.items(id))[9], { status: 'pending', attempts: 1, reason: 'internal fault' })
  t.equal(next, clock.now() + 1000)
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 10 })
})

t.test('a delivery whose content can not be told fails alone', async (t) => {
  const here = await world({
    more: (made) => ({
      ...made,
      content(delivery) {
        if (delivery.indicator.value === 'odd.example') throw new TypeError('odd')
        return made.content(delivery)
      },
    }),
  })
  const { id } = await here.push(['odd.example', 'even.example'])
  await here.idle()
  t.match(await here.items(id), [
    { status: 'dead', reason: 'internal fault', attempts: retry.attempts, lastAttemptAt: null },
    { status: 'accepted' },
  ])
})

t.test('a change that arrives while the old one is being sent is sent too', async (t) => {
  const here = await world()
  const gate = Promise.withResolvers<void>()
  const begun = Promise.withResolvers<void>()
  here.product.gate = gate.promise
  here.product.onSend = () => begun.resolve()
  const first = await here.push(['a.example'], { description: 'one' })
  const looking = here.look()
  await begun.promise
  const second = await here.push(['a.example'], { description: 'two' })
  const third = await here.push(['a.example'], { action: 'remove' })
  const last = await here.push(['a.example'], { description: 'four' })
  here.product.gate = undefined
  gate.resolve()
  await looking
  await here.idle()
  t.strictSame(
    here.product.sent.map(({ content }) => content),
    ['one', 'four'],
  )
  t.equal(here.product.holds().get('a.example')?.content, 'four')
  t.strictSame(await here.statuses(first.id), { accepted: 1 })
  for (const { id } of [second, third]) {
    t.match(await here.items(id), [{ status: 'skipped', reason: /^superseded by export / }])
  }
  t.strictSame(await here.statuses(last.id), { accepted: 1 })
})

t.test(
  'asked to stop: what is under way is unsure, no attempt is used up, and the next one goes on',
  async (t) => {
    const here = await world({}, { concurrency: 2 })
    const stop = new AbortController()
    let begun = 0
    here.product.gate = new Promise(() => {})
    here.product.onSend = () => {
      if (++begun === 2) void turn().then(() => stop.abort(new Error('the server stops')))
    }
    const { id } = await here.push(valuesOf(50))
    t.equal(await here.look(stop.signal), null)
    t.equal(begun, 2)
    t.strictSame(await here.statuses(id), { pending: 50 })
    t.ok((await here.items(id)).every(({ attempts }) => attempts === 0))
    here.product.gate = undefined
    here.product.onSend = () => {}
    await here.idle()
    t.strictSame(await here.statuses(id), { accepted: 50 })
    t.equal(here.product.sent.filter(({ unsure }) => unsure).length, 20)
  },
)

t.test(
  'of two workers the one that took over goes on, the other one ends quietly and sends no more',
  async (t) => {
    const here = await world({}, { concurrency: 1, maxBatch: 1 })
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    here.product.gate = gate.promise
    here.product.onSend = () => begun.resolve()
    const { id } = await here.push(valuesOf(10))
    const first = here.look()
    await begun.promise
    here.product.gate = undefined
    await here.idle()
    const sent = here.product.sent.length
    t.strictSame(await here.statuses(id), { accepted: 10 })
    gate.resolve()
    t.equal(await first, null)
    t.equal(here.product.sent.length, sent + 1, 'what was under way')
    t.strictSame(here.errors, [])
    t.strictSame(await here.statuses(id), { accepted: 10 })
  },
)

t.test(
  'a worker that slept looks whether another one took over before it sends what it had claimed',
  async (t) => {
    const here = await world({}, { concurrency: 1, maxBatch: 1 })
    const gate = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    here.product.gate = gate.promise
    here.product.onSend = () => begun.resolve()
    await here.push(['a.example', 'b.example'])
    const first = here.look()
    await begun.promise
    here.product.gate = undefined
    await here.store.claimExporter(here.destination.name)
    clock.ahead(60_000)
    gate.resolve()
    t.equal(await first, null)
    t.equal(here.product.batches.length, 1)
  },
)

t.test(
  'a worker that slept in the middle of a batch sends the rest of it only where no other one has taken over',
  async (t) => {
    for (const isTakenOver of [false, true]) {
      const permit = createPermit()
      const requests: string[] = []
      let sleep = async () => {}
      // A request for each, one after the other.
      const more = (made: Product): Product => ({
        ...made,
        async send(batch, signal) {
          const outcomes = await made.send(batch, signal)
          for (const { indicator } of batch) {
            await permit.asked()
            signal.throwIfAborted()
            requests.push(indicator.value)
            if (requests.length === 3) await sleep()
          }
          return outcomes
        },
      })
      const here = await world({ more }, { permit, concurrency: 1 })
      sleep = async () => {
        if (isTakenOver) await here.store.claimExporter(here.destination.name)
        clock.ahead(60_000)
      }
      const { id } = await here.push(valuesOf(10))
      t.equal(await here.look(), null)
      t.equal(requests.length, isTakenOver ? 3 : 10)
      t.strictSame(await here.statuses(id), isTakenOver ? { pending: 10 } : { accepted: 10 })
      t.strictSame(here.errors, [])
    }
  },
)

t.test(
  'what another worker had under way is sent once that one has nothing under way any more, or given back',
  async (t) => {
    for (const isStopped of [false, true]) {
      const here = await world({}, { concurrency: 1, maxBatch: 5 })
      const { name } = here.destination
      const { id } = await here.push(valuesOf(10))
      const other = await here.store.claimExporter(name)
      const taken = await here.store.claimDeliveries(name, other, { limit: 5, now: new Date(clock.now()) })
      const theirs = taken.map(({ indicator }) => indicator.value)
      const stopping = new AbortController()
      const sent: string[] = []
      here.product.onSend = (batch) => {
        sent.push(...batch.map(({ indicator }) => indicator.value))
        if (isStopped) stopping.abort()
      }
      const tenure = { begin: () => {}, quietIn: () => 100 }
      const context = { store: here.store, log: silent, now: clock.now, random: () => 0.5, tenure }
      await deliver(here.destination, { ...context, cut: new AbortController().signal }, stopping.signal)
      t.equal(sent.length, isStopped ? 5 : 10)
      t.notOk(
        sent.slice(0, 5).some((value) => theirs.includes(value)),
        'the others go on at once',
      )
      t.strictSame(await here.statuses(id), isStopped ? { accepted: 5, pending: 5 } : { accepted: 10 })
      await here.idle()
      t.strictSame(await here.statuses(id), { accepted: 10 })
    }
  },
)

/** The store, away from the n-th call of a method on for so many calls; `after`: carried out, and the answer lost. */
function failing(
  store: WorldStore,
  method: keyof WorldStore,
  { from, times, after }: { readonly from: number; readonly times: number; readonly after: boolean },
): WorldStore {
  let calls = 0
  return new Proxy(store, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name)
      if (name !== method || typeof real !== 'function') return real
      return async (...given: unknown[]) => {
        const call = ++calls
        const isAway = call >= from && call < from + times
        if (isAway && !after) throw new ServiceError('STORE_UNAVAILABLE', 'gone')
        const answer = await real.apply(target, given)
        if (isAway) throw new ServiceError('STORE_UNAVAILABLE', 'gone')
        return answer
      }
    },
  })
}

t.test('outcomes outlive a store that is away: nothing is sent twice', async (t) => {
  for (const after of [false, true]) {
    const here = await world()
    const { id } = await here.push(valuesOf(40))
    await here.look(undefined, failing(here.store, 'settleDeliveries', { from: 1, times: 1, after }))
    t.strictSame(await here.statuses(id), { accepted: 40 })
    t.equal(here.product.sent.length, 40)
  }
})

t.test('an outcome that is written again leaves alone what was sent again meanwhile', async (t) => {
  const quick = { attempts: 4, initialMs: 0, maxMs: 0 }
  const here = await world({}, { maxBatch: 1, concurrency: 1, retry: quick })
  const { id } = await here.push(['a.example', 'b.example'])
  here.product.faults.push({ kind: 'later' })
  await here.look(undefined, failing(here.store, 'settleDeliveries', { from: 1, times: 1, after: true }))
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 2 })
  const sent = here.product.sent.map(({ value }) => value)
  t.strictSame(sent, ['a.example', 'b.example', 'a.example'])
})

t.test('a claim whose answer got lost is left to whoever takes over', async (t) => {
  const here = await world()
  const { id } = await here.push(valuesOf(40))
  const away = failing(here.store, 'claimDeliveries', { from: 1, times: 1, after: true })
  await t.rejects(here.look(undefined, away), { code: 'STORE_UNAVAILABLE' })
  t.equal(here.product.sent.length, 0)
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 40 })
})

t.test('an outcome that the database does not take is no reason to send it without end', async (t) => {
  const here = await world({
    more: (made) => ({
      ...made,
      async send(batch, signal) {
        const outcomes = await made.send(batch, signal)
        const odd = String(batch.find(({ indicator }) => indicator.value === 'v3.example')?.key)
        return outcomes.map((each) =>
          each.key === odd ? { key: odd, status: 'accepted', until: 'some day' } : each,
        )
      },
    }),
  })
  const { id } = await here.push(valuesOf(10))
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 9, dead: 1 })
  t.match((await here.items(id))[3], { status: 'dead', reason: 'internal fault', attempts: retry.attempts })
  t.equal(here.product.sent.length, 9 + retry.attempts)
  t.strictSame(
    here.counted,
    { accepted: 9, pending: retry.attempts - 1, dead: 1 },
    'who counts is told the same',
  )
})

function limited(most: number, asked: { times: number }, others = 0): (made: Product) => Product {
  return (made) =>
    Object.assign(made, {
      room: {
        most,
        entries: () => 1,
        active: async () => {
          asked.times++
          return made.holds().size + others
        },
      },
    })
}

t.test(
  'where there is room for so many the best ones get it, and weaker ones of ours leave for better ones',
  async (t) => {
    const asked = { times: 0 }
    const here = await world({ more: limited(10, asked, 4) }, { maxBatch: 3 })
    const scored = (score: 1 | 2 | 3, count: number) =>
      valuesOf(count, `s${score}-`).map((value) => ({
        indicator: indicatorOf(value, { score }),
        value,
        source: 'ours',
      }))
    const low = await here.push(scored(1, 4))
    await here.idle()
    const mixed = await here.push([...scored(1, 6).slice(4), ...scored(2, 4)])
    await here.idle()
    t.strictSame(await here.statuses(low.id), { accepted: 4 })
    t.strictSame(await here.statuses(mixed.id), { accepted: 4, skipped: 2 })
    const skipped = await here.store.items(mixed.id, { statuses: ['skipped'], limit: 10 })
    t.match(skipped, [
      { value: 's1-4.example', reason: /^no room: the product takes 10 entries/ },
      { value: 's1-5.example' },
    ])
    t.strictSame([...here.product.holds().keys()].filter((value) => value.startsWith('s1')).length, 2)
    const best = await here.push(scored(3, 8))
    await here.idle()
    t.strictSame(await here.statuses(best.id), { accepted: 6, skipped: 2 })
    t.equal(here.product.holds().size, 6)
    t.ok([...here.product.holds().keys()].every((value) => value.startsWith('s3')))
    const evictions = await here.store.exports({
      exporters: [here.destination.name],
      origins: ['eviction'],
      limit: 10,
    })
    t.equal(
      evictions.reduce((sum, { counts }) => sum + counts.accepted, 0),
      8,
    )
    t.ok(asked.times < 10, `asked ${asked.times} times`)
  },
)

t.test('a product that does not tell its room is asked again later, like any failure', async (t) => {
  let fails = 1
  const here = await world({
    more: (made) =>
      Object.assign(made, {
        room: {
          most: 10,
          entries: () => 1,
          active: async () => {
            if (fails-- > 0) throw errorOf('unavailable')
            return 0
          },
        },
      }),
  })
  const { id } = await here.push(valuesOf(3))
  t.equal(await here.look(), clock.now() + 1000)
  t.match((await here.items(id))[2], { status: 'pending', attempts: 1, lastAttemptAt: null })
  await here.idle()
  t.strictSame(await here.statuses(id), { accepted: 3 })
})

t.test('an entry that the product does not let go makes no room, again and again', async (t) => {
  const asked = { times: 0 }
  const here = await world({
    more: (made) => {
      const limitedTo = limited(2, asked)(made)
      const { send } = limitedTo
      return Object.assign(limitedTo, {
        send: async (batch: Parameters<typeof send>[0], signal: AbortSignal) => {
          const kept = batch.filter(({ action }) => action === 'remove')
          const others = batch.filter(({ action }) => action !== 'remove')
          const refused = kept.map(({ key }) => ({ key, status: 'rejected', reason: 'no' }) as const)
          return others.length === 0 ? refused : [...refused, ...(await send.call(made, others, signal))]
        },
      })
    },
  })
  const scored = (value: string, score: 1 | 3) => ({
    indicator: indicatorOf(value, { score }),
    value,
    source: 'ours',
  })
  await here.push([scored('a.example', 1), scored('b.example', 1)])
  await here.idle()
  const { id } = await here.push([scored('c.example', 3)])
  t.ok((await here.idle()) < 10)
  t.match(await here.items(id), [{ status: 'skipped', reason: /^no room/ }])
  t.strictSame([...here.product.holds().keys()].sort(), ['a.example', 'b.example'])
})

t.test('what a forward had no room for is sent, best first, once there is room', async (t) => {
  await store.registerSources(['tc'])
  const { run } = await store.startRun('tc', new Date(clock.now()))
  const scored = ([value, score]: readonly [string, Observation['score']]) =>
    observation(value.slice(1, 2), value, { score })
  const source = scripted({
    changes: () => [
      page(
        (
          [
            ['r1.example', 3],
            ['r2.example', 2],
            ['r3.example', 1],
          ] as const
        ).map(scored),
      ),
    ],
  })
  const fetched = await carryOut(
    run.id,
    source,
    { store, log: silent, now: clock.now },
    new AbortController().signal,
  )
  t.equal(fetched, 'ended')
  const filter = {
    types: [],
    sources: [],
    owners: [],
    tags: [],
    minScore: 0,
    minConfidence: 0,
    minThreatAssessScore: 0,
    maxTlp: 'red',
    activeOnly: true,
  } as const
  const forward = forwardList('roomy', filter, ['domain'])
  await store.registerFeeds([forward])
  const here = await world({ more: limited(1, { times: 0 }) }, { name: 'roomy', forward })
  await here.idle()
  t.strictSame(here.errors, [])
  t.strictSame([...here.product.holds().keys()], ['r1.example'])
  const [made] = await here.store.exports({ exporters: ['roomy'], origins: ['forward'], limit: 1 })
  t.match(made?.counts, { accepted: 1, skipped: 2 })
  await here.push(['r1.example'], { action: 'remove' })
  clock.ahead(6000)
  await here.idle()
  t.strictSame([...here.product.holds().keys()], ['r2.example'])
})

t.test(
  'what takes several entries gets room for all of them or none, and never again and again',
  async (t) => {
    const asked = { times: 0 }
    const entries = ({ value }: { readonly value: string }) => (value.startsWith('s3') ? 3 : 1)
    const here = await world({
      more: (made) => {
        const { room } = limited(10, asked, 8)(made)
        return Object.assign(made, room && { room: { ...room, entries } })
      },
    })
    const { id } = await here.push(['s3-1.example', 's2-1.example', 's2-2.example', 's1-1.example'])
    await here.idle()
    t.match(await here.items(id), [
      { status: 'skipped', reason: /^no room/ },
      { status: 'accepted' },
      { status: 'accepted' },
      { status: 'skipped', reason: /^no room/ },
    ])
  },
)

t.test('a product that does not tell how many it has gets as many of ours as it may have', async (t) => {
  const here = await world({
    more: (made) => {
      const room = { most: 3, entries: () => 1, active: async () => undefined }
      return Object.assign(made, { room })
    },
  })
  const first = await here.push(valuesOf(2))
  await here.idle()
  t.strictSame(await here.statuses(first.id), { accepted: 2 })
  here.clock.ahead(3_600_000)
  const more = await here.push(valuesOf(4, 'more-'))
  await here.idle()
  t.strictSame(await here.statuses(more.id), { accepted: 1, skipped: 3 })
})

t.test('to be asked to wait when the room is asked for is no failed try either', async (t) => {
  let waits = 3
  const active = async () => {
    if (waits-- > 0) throw errorOf('throttled')
    return 0
  }
  const here = await world({
    more: (made) => Object.assign(made, { room: { most: 10, entries: () => 1, active } }),
  })
  const { id } = await here.push(valuesOf(3))
  await here.idle()
  t.ok(waits < 0, 'it was asked until it answered')
  t.strictSame(await here.statuses(id), { accepted: 3 })
  t.ok((await here.items(id)).every(({ attempts }) => attempts === 1))
})
