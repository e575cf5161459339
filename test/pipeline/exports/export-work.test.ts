/** When it is delivered: the schedule, its queues and several replicas on one database. */
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import type { Destination } from '../../../src/pipeline/exports/destination.ts'
import { destinations } from '../../../src/pipeline/exports/destination.ts'
import { forwardList } from '../../../src/pipeline/exports/forward.ts'
import type { ScheduleOptions } from '../../../src/pipeline/schedule.ts'
import type { ExportRecord } from '../../../src/store/exports.ts'
import type { PostgresStore } from '../../../src/store/postgres/index.ts'
import { freshStore, observation, page, type Stored, scheduled, scripted } from '../store.ts'
import { createProduct, errorOf, type Product } from './product.ts'
import { createWorld, destinationOf, valuesOf, type World } from './world.ts'

// Queues look once a second: on a machine that is busy it takes its time.
t.setTimeout(300_000)

const real = { now: Date.now, ahead: () => {} }

interface Test {
  teardown(after: () => Promise<void>): void
}

function pushing(t: Test, stored: Stored, made: readonly Destination[], more: Partial<ScheduleOptions> = {}) {
  const exports = { destinations: made, store: stored.store, triesPaused: true }
  return scheduled(t, { ...stored, sources: [], exports, ...more })
}

/** Asks again until it is so. */
async function until<T extends NonNullable<unknown>>(ask: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    await wait(50)
  }
}

function ended(world: World, id: string): Promise<ExportRecord> {
  return until(async () => {
    const record = await world.record(id)
    return record.endedAt !== null && record
  })
}

async function worldOf(stored: Stored, product: Product, more: Partial<Destination> = {}): Promise<World> {
  return createWorld(stored.store, product, real, more)
}

t.test(
  'what is pushed before the start, what wakes it and what is tried again is all delivered',
  async (t) => {
    const stored = await freshStore(t)
    const product = createProduct({ now: Date.now })
    const retry = { attempts: 4, initialMs: 100, maxMs: 1000 }
    const world = await worldOf(stored, product, { retry })
    const before = await world.push(['a.example'])
    const schedule = await pushing(t, stored, [world.destination])
    t.match(await ended(world, before.id), { status: 'succeeded' })
    product.faults.push({ kind: 'later' })
    const { id } = await world.push(['b.example'])
    await schedule.wake('edge')
    t.match(await ended(world, id), { status: 'succeeded' })
    t.equal(product.batches.length, 3)
  },
)

t.test('of any number of replicas one delivers, and another one goes on when it stops', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  product.gate = new Promise(() => {})
  const begun = Promise.withResolvers<void>()
  product.onSend = () => begun.resolve()
  const world = await worldOf(stored, product, { concurrency: 1 })
  const { id } = await world.push(valuesOf(30))
  const options = { exclusive: false, planEveryMs: 200 }
  const first = await pushing(t, stored, [world.destination], options)
  await begun.promise
  await pushing(t, stored, [world.destination], options)
  await first.wake('edge')
  await wait(1500)
  t.equal(product.batches.length, 1, 'the second one waits')
  product.gate = undefined
  await first.stop(1000)
  t.match(await ended(world, id), { status: 'succeeded' })
  t.equal(product.sent.length, 30, 'what was under way had not arrived')
  t.equal(product.sent.filter(({ unsure }) => unsure).length, 10)
})

t.test('what is under way when it stops may end, and nothing more begins', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  const gate = Promise.withResolvers<void>()
  product.gate = gate.promise
  const begun = Promise.withResolvers<void>()
  product.onSend = () => begun.resolve()
  const world = await worldOf(stored, product, { concurrency: 1 })
  const { id } = await world.push(valuesOf(30))
  const schedule = await pushing(t, stored, [world.destination])
  await begun.promise
  const stopped = schedule.stop(60_000)
  gate.resolve()
  await stopped
  t.equal(product.sent.length, 10)
  t.strictSame(await world.statuses(id), { accepted: 10, pending: 20 })
  product.gate = undefined
  await pushing(t, stored, [world.destination])
  t.match(await ended(world, id), { status: 'succeeded' })
  t.notOk(
    product.sent.some(({ unsure }) => unsure),
    'of nothing it is open whether it arrived',
  )
})

t.test('what a process took in hand that took over, and is gone, is found and sent', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  const gate = Promise.withResolvers<void>()
  product.gate = gate.promise
  const begun = Promise.withResolvers<void>()
  product.onSend = () => begun.resolve()
  const world = await worldOf(stored, product, { concurrency: 1 })
  const { id } = await world.push(valuesOf(10))
  await pushing(t, stored, [world.destination], { planEveryMs: 200 })
  await begun.promise
  const claim = await stored.store.claimExporter('edge')
  const held = await stored.store.claimDeliveries('edge', claim, { limit: 10, now: new Date() })
  t.equal(held.length, 10)
  t.equal(await stored.store.nextDelivery('edge'), undefined, 'nothing is due')
  // Whoever delivered finds that it lost its claim, and ends as well.
  gate.resolve()
  t.match(await ended(world, id), { status: 'succeeded', counts: { accepted: 10 } })
})

t.test('a start tries a paused destination with one batch, beside another replica too', async (t) => {
  const stored = await freshStore(t)
  const wrong = createProduct({ now: Date.now })
  const refusal = { kind: 'fails', error: errorOf('credentials') } as const
  wrong.faults.push(refusal, refusal, refusal, refusal)
  const world = await worldOf(stored, wrong, { concurrency: 1 })
  const { id } = await world.push(valuesOf(30))
  const isPaused = async () => (await stored.store.health('edge')).circuit === 'paused'
  const options = { exclusive: false, planEveryMs: 100 }
  const first = await pushing(t, stored, [world.destination], options)
  await until(isPaused)
  await first.stop(5000)
  t.equal(wrong.batches.length, 1)
  const old = await pushing(t, stored, [world.destination], options)
  await until(async () => wrong.batches.length === 2 && isPaused())
  await wait(1500)
  t.equal(wrong.batches.length, 2, 'once, as it is as wrong as before')
  const mended = createProduct({ now: Date.now })
  const anew = await pushing(t, stored, [{ ...world.destination, exporter: mended }], options)
  await old.wake('edge')
  t.match(await ended(world, id), { status: 'succeeded' })
  t.match(await stored.store.health('edge'), { circuit: 'closed', error: null })
  t.equal(wrong.batches.length, 2, 'what was configured before is not tried again')
  const pending = await world.items(id)
  t.ok(pending.every(({ attempts }) => attempts === 1))
  await Promise.all([old.stop(5000), anew.stop(5000)])
})

t.test('what is mended while another mending is being tried is tried as well', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  const refusal = { kind: 'fails', error: errorOf('credentials') } as const
  product.faults.push(refusal, refusal)
  const world = await worldOf(stored, product, { concurrency: 1 })
  const { id } = await world.push(['a.example'])
  const schedule = await pushing(t, stored, [world.destination], { planEveryMs: 100 })
  await until(async () => (await stored.store.health('edge')).circuit === 'paused')
  const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  product.gate = gate.promise
  product.onSend = () => begun.resolve()
  await schedule.tryAnew('edge')
  await begun.promise
  await schedule.tryAnew('edge')
  product.gate = undefined
  gate.resolve()
  t.match(await ended(world, id), { status: 'succeeded' })
  t.equal(product.batches.length, 3)
})

t.test('a paused destination is woken by resume; another one does not wait for it', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  product.faults.push({ kind: 'fails', error: errorOf('credentials') })
  const world = await worldOf(stored, product)
  const other = await worldOf(stored, createProduct({ now: Date.now }), { name: 'other' })
  const { id } = await world.push(['a.example'])
  const elsewhere = await other.push(['a.example'])
  const made = [world.destination, other.destination]
  const schedule = await pushing(t, stored, made, { planEveryMs: 100 })
  await ended(other, elsewhere.id)
  await until(async () => (await stored.store.health('edge')).circuit === 'paused')
  t.match(await world.record(id), { status: 'running', counts: { pending: 1 } })
  await stored.store.resumeExporter('edge', new Date())
  await schedule.wake('edge')
  t.match(await ended(world, id), { status: 'succeeded' })
})

const everything = {
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

t.test('what a fetch brings, changes and takes away is forwarded by itself', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  const accepts = ['domain'] as const
  const forward = forwardList('edge', { ...everything, minScore: 2 }, accepts)
  const destination = destinationOf(product, { accepts, forward, maxRemovalShare: 1 })
  await stored.store.registerFeeds([forward])
  let pages = [
    observation('1', 'a.example', { description: 'one' }),
    observation('2', 'b.example'),
    observation('3', 'low.example', { score: 1 }),
    observation('4', '203.0.113.7', { type: 'ipv4' }),
  ]
  const source = scripted({
    changes: () => [page(pages, { covers: { after: '0', upTo: null } })],
  })
  const exports = { destinations: [destination], store: stored.store }
  const schedule = await scheduled(t, { ...stored, sources: [source], exports, planEveryMs: 300 })
  await schedule.fetch('tc')
  await until(async () => product.holds().size === 2)
  t.strictSame([...product.holds().keys()].sort(), ['a.example', 'b.example'])
  pages = [observation('1', 'a.example', { description: 'two' }), observation('5', 'c.example')]
  await schedule.fetch('tc')
  await until(async () => !product.holds().has('b.example') && product.holds().has('c.example'))
  await until(async () => product.holds().get('a.example')?.content === 'two')
  const made = await stored.store.exports({ exporters: ['edge'], origins: ['forward'], limit: 10 })
  t.ok(made.length >= 3)
  t.equal(product.sent.length, 5, 'two came, one changed, one came, one left')
})

t.test(
  'what a fetch brings while a delivery is sent that is tried again in hours is forwarded',
  async (t) => {
    const stored = await freshStore(t)
    const product = createProduct({ now: Date.now })
    const forward = forwardList('edge', everything, ['domain'])
    const retry = { attempts: 4, initialMs: 3_600_000, maxMs: 3_600_000 }
    const world = await worldOf(stored, product, { forward, retry })
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    product.gate = gate.promise
    product.onSend = () => begun.resolve()
    product.faults.push({ kind: 'later' })
    await world.push(['pushed.example'])
    const source = scripted({ changes: () => [page([observation('1', 'fetched.example')])] })
    const exports = { destinations: [world.destination], store: stored.store }
    const schedule = await scheduled(t, { ...stored, sources: [source], exports, planEveryMs: 100 })
    await begun.promise
    const { run } = await schedule.fetch('tc')
    await until(async () => (await stored.store.run(run.id))?.endedAt ?? undefined)
    // Whoever plans has seen it.
    await wait(500)
    product.gate = undefined
    gate.resolve()
    await until(async () => product.holds().has('fetched.example'))
    t.notOk(product.holds().has('pushed.example'))
  },
)

t.test('a process that does not forward leaves the calls for it to one that does', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  const forward = forwardList('edge', everything, ['domain'])
  const { destination } = await worldOf(stored, product, { forward })
  const source = scripted({ changes: () => [page([observation('1', 'fetched.example')])] })
  const fetching = await scheduled(t, { ...stored, sources: [source] })
  const { run } = await fetching.fetch('tc')
  await until(async () => (await stored.store.run(run.id))?.endedAt ?? undefined)
  await fetching.stop(1000)
  let looks = 0
  const counting: PostgresStore = {
    ...stored.store,
    claimExporter: async (...all) => {
      looks++
      return stored.store.claimExporter(...all)
    },
  }
  // So seldom that none of the calls is made by who plans.
  const options = { ...stored, exclusive: false, sources: [], planEveryMs: 600_000 }
  const elsewhere = { ...destination, forwardsElsewhere: true } as const
  await scheduled(t, { ...options, exports: { destinations: [elsewhere], store: counting } })
  await until(async () => looks >= 3)
  t.equal(product.sent.length, 0)
  await scheduled(t, { ...options, exports: { destinations: [destination], store: stored.store } })
  await until(async () => product.holds().has('fetched.example'))
})

t.test('a fault of ours is told, and what it interrupted goes on by itself', async (t) => {
  const stored = await freshStore(t)
  const product = createProduct({ now: Date.now })
  const forward = forwardList('edge', everything, ['domain'])
  const world = await worldOf(stored, product, { forward })
  await stored.store.registerFeeds([forward])
  const faults = new Set(['claim', 'forward'])
  const failing = (what: string) => {
    if (faults.delete(what)) throw new TypeError(`nobody foresaw this of a ${what}`)
  }
  const store: PostgresStore = {
    ...stored.store,
    claimExporter: async (...all) => {
      failing('claim')
      return stored.store.claimExporter(...all)
    },
    forward: async (...all) => {
      failing('forward')
      return stored.store.forward(...all)
    },
  }
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line) => lines.push(line) })
  const { id } = await world.push(['pushed.example'])
  const source = scripted({ changes: () => [page([observation('1', 'fetched.example')])] })
  const exports = { destinations: [world.destination], store }
  const schedule = await scheduled(t, { ...stored, sources: [source], exports, planEveryMs: 300, log })
  t.match(await ended(world, id), { status: 'succeeded' }, 'what waits already is delivered')
  await schedule.fetch('tc')
  await until(async () => product.holds().has('fetched.example'))
  t.same(faults.size, 0)
  const told = lines.map((line) => {
    const { exporter, msg, err } = JSON.parse(line)
    return [exporter, msg, err.message]
  })
  t.strictSame(told, [
    ['edge', 'delivering failed; it goes on soon', 'nobody foresaw this of a claim'],
    ['edge', 'forwarding failed by a fault of ours', 'nobody foresaw this of a forward'],
  ])
})

t.test('exports are forgotten thirty days after they ended', async (t) => {
  const stored = await freshStore(t)
  const world = await worldOf(stored, createProduct({ now: Date.now }))
  const { id } = await world.push(['a.example'])
  await world.idle()
  const day = 86_400_000
  const later = (days: number) => ({
    now: () => Date.now() + days * day,
    housekeeping: { pruneEveryMs: 100 },
  })
  const early = await pushing(t, stored, [world.destination], later(29))
  await wait(1500)
  t.ok(await stored.store.export(id))
  await early.stop(1000)
  await pushing(t, stored, [world.destination], later(31))
  await until(async () => (await stored.store.export(id)) === undefined)
  t.equal(await stored.store.heldCount('edge'), 1, 'what the product has is still known')
})

t.test('destinations are made from the configuration', async (t) => {
  const product = createProduct({ now: Date.now })
  const config = {
    name: 'edge',
    kind: 'memory',
    settings: {},
    objectsPerRun: 50,
    forward: null,
    maxRemovalShare: 0.2,
    retry: { attempts: 12, initialMs: 5000, maxMs: 36_000_000 },
    timeoutMs: 60_000,
    concurrency: 4,
    requestsPerMinute: 0,
    proxy: '',
    tls: { insecure: false },
  }
  const exporters = [config, { ...config, name: 'wide', objectsPerRun: 5000, forward: everything }]
  const kind = { kind: 'memory', accepts: ['domain', 'ipv4'] as const, maxBatch: 1000, throttledMs: 300_000 }
  const made = destinations(
    { exporters },
    new Map([
      ['edge', product],
      ['wide', product],
    ]),
    [kind],
  )
  t.match(made, [
    { name: 'edge', maxBatch: 50, concurrency: 4, throttledMs: 300_000, forward: null },
    { name: 'wide', maxBatch: 1000, forward: { name: 'forward/wide', types: ['domain', 'ipv4'] } },
  ])
})
