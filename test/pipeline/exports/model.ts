/**
 * The engine of pushes against a plain model of it: whatever is pushed, changed, removed and replayed, whatever fails,
 * crashes and stops meanwhile, in the end the product has exactly what was wanted last, and each receipt says so.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { DeliveryAction, ItemStatus } from '../../../src/store/exports.ts'
import { createProduct, errorOf, type Fault, indicatorOf, type Product } from './product.ts'
import { type Clock, createWorld, retry, type World, type WorldStore } from './world.ts'

const short = 'short.example'
const bad = 'bad.example'
const values = ['a.example', 'b.example', short, bad]
const shortMs = 20_000
const settings = { maxBatch: 3, concurrency: 2, retry: { ...retry, attempts: 3 } }

interface Desire {
  readonly action: DeliveryAction
  readonly content: string
}

interface Pushed {
  readonly id: string
  readonly action: DeliveryAction
  readonly values: readonly string[]
}

/** What there should be. */
interface Model {
  readonly desires: Map<string, Desire>
  readonly pushed: Pushed[]
}

interface Real {
  readonly world: World
  /** What the product got before had its outcome lost, or is sent again on demand: by value, how many of `sent`. */
  readonly excused: Map<string, number>
  pushes: number
}

type Command = fc.AsyncCommand<Model, Real>

function command(name: string, run: (model: Model, real: Real) => Promise<void>): Command {
  return { check: () => true, run, toString: () => name }
}

interface Push {
  readonly values: readonly string[]
  readonly action: DeliveryAction
  readonly content: string
}

const pushes: fc.Arbitrary<Push> = fc.record({
  values: fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 5 }),
  action: fc.constantFrom<DeliveryAction>('upsert', 'upsert', 'upsert', 'remove'),
  content: fc.constantFrom('one', 'two'),
})

/** Each push has a number of its own, which is no part of the content: the order of what is sent shows in it. */
async function push(model: Model, { world, ...real }: Real, { values, action, content }: Push, n: number) {
  const made = await world.push(values, { action, description: content, options: { n } })
  assert.deepEqual([made.counts.total, made.counts.pending], [values.length, values.length])
  for (const value of values) model.desires.set(value, { action, content })
  model.pushed.push({ id: made.id, action, values })
  return real
}

const pushing = pushes.map((what) =>
  command(`push ${JSON.stringify(what)}`, async (model, real) => {
    await push(model, real, what, ++real.pushes)
  }),
)

const pushingMeanwhile = pushes.map((what) =>
  command(`push while it is sent ${JSON.stringify(what)}`, async (model, real) => {
    const { product } = real.world
    const n = ++real.pushes
    let pushed: Promise<unknown> | undefined
    const once = () => {
      pushed ??= push(model, real, what, n)
      product.gate = pushed.then(() => {})
    }
    product.onSend = once
    await real.world.look()
    product.onSend = () => {}
    product.gate = undefined
    await (pushed ?? push(model, real, what, n))
  }),
)

const faults: readonly Fault[] = [
  { kind: 'fails', error: errorOf('unavailable') },
  { kind: 'fails', error: errorOf('unavailable', { status: 503 }) },
  { kind: 'fails', error: errorOf('throttled', { retryAfterMs: 5000 }) },
  { kind: 'fails', error: errorOf('credentials') },
  { kind: 'too much' },
  { kind: 'lost', error: errorOf('outcome-unknown') },
  { kind: 'lost', error: errorOf('unavailable', { status: 502 }) },
  { kind: 'half' },
  { kind: 'later' },
  { kind: 'later', error: errorOf('permission') },
  { kind: 'forgetful' },
  { kind: 'bug' },
]

const doubtful = faults.filter(({ kind }) => kind === 'lost' || kind === 'half')

const pushingInTrouble = fc
  .tuple(
    pushes,
    fc.array(fc.constantFrom(...faults, ...doubtful), { minLength: 0, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([what, trouble, isIdle]) =>
    command(
      `push ${JSON.stringify(what)}, ${isIdle ? 'idle' : 'look'}: ${nameOf(trouble)}`,
      async (model, real) => {
        await push(model, real, what, ++real.pushes)
        real.world.product.faults.push(...trouble)
        await (isIdle ? real.world.idle() : real.world.look())
      },
    ),
  )

function nameOf(faults: readonly Fault[]): string {
  return faults
    .map((fault) => ('error' in fault ? `${fault.kind} ${fault.error?.kind}` : fault.kind))
    .join(', ')
}

const failing = fc.constantFrom(...faults).map((fault) =>
  command(`fail: ${nameOf([fault])}`, async (_, { world }) => {
    world.product.faults.push(fault)
  }),
)

/** From a call of the store on nothing goes any more; `after`: that one was still carried out. */
function crashing(store: WorldStore, from: number, after: boolean): WorldStore {
  let calls = 0
  return new Proxy(store, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name)
      if (typeof real !== 'function') return real
      return async (...given: unknown[]) => {
        const call = ++calls
        if (call > from || (call === from && !after)) throw new Crash('it crashed')
        const answer: unknown = await real.apply(target, given)
        if (call === from) throw new Crash('it crashed')
        return answer
      }
    },
  })
}

class Crash extends Error {}

function excuseAll({ world, excused }: Real): void {
  for (const value of values) excused.set(value, world.product.sent.length)
}

const crashes = fc.tuple(fc.integer({ min: 1, max: 8 }), fc.boolean()).map(([call, after]) =>
  command(`crash at call ${call}${after ? ', carried out' : ''}`, async (_, real) => {
    await real.world.look(undefined, crashing(real.world.store, call, after)).catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error
    })
    excuseAll(real)
  }),
)

const stops = fc.integer({ min: 1, max: 4 }).map((batch) =>
  command(`stop at batch ${batch}`, async (_, real) => {
    const { product } = real.world
    const stop = new AbortController()
    let begun = 0
    product.onSend = () => {
      if (++begun === batch) stop.abort(new Error('stop'))
    }
    await real.world.look(stop.signal)
    product.onSend = () => {}
    excuseAll(real)
  }),
)

const replays = fc
  .tuple(
    fc.nat({ max: 20 }),
    fc.subarray<ItemStatus>(['accepted', 'unchanged', 'rejected', 'skipped', 'dead']),
  )
  .map(([which, statuses]) =>
    command(`replay ${which} ${statuses}`, async (model, real) => {
      const of = model.pushed[which % Math.max(1, model.pushed.length)]
      if (of === undefined || statuses.length === 0) return
      const { world, excused } = real
      await world.store.replay(of.id, statuses, new Date(world.clock.now()))
      for (const value of of.values) excused.set(value, world.product.sent.length)
    }),
  )

const resumes = fc.constant(command('resume', (_, real) => resume(real)))
const waits = fc
  .constantFrom(500, 5000, 30_000)
  .map((ms) => command(`${ms} ms pass`, async (_, { world }) => world.clock.ahead(ms)))
const looks = fc.constant(
  command('look', async (_, { world }) => {
    await world.look()
  }),
)
const idles = fc.constant(
  command('until idle', async (_, { world }) => {
    await world.idle()
  }),
)

async function resume({ world }: Real): Promise<void> {
  await world.store.resumeExporter(world.destination.name, new Date(world.clock.now()))
}

const commands = [
  pushing,
  pushingMeanwhile,
  pushingInTrouble,
  pushingInTrouble,
  pushingInTrouble,
  pushingInTrouble,
  pushingInTrouble,
  failing,
  crashes,
  stops,
  replays,
  resumes,
  waits,
  looks,
  idles,
]

/** Faults off, until nothing waits any more; what was given up is asked for again. */
async function settleDown(model: Model, real: Real): Promise<void> {
  const { world } = real
  world.product.faults.splice(0)
  for (let round = 0; ; round++) {
    await resume(real)
    await world.idle()
    let again = 0
    for (const { id, values } of model.pushed) {
      again += (await world.store.replay(id, ['dead'], new Date(world.clock.now()))) ?? 0
      for (const value of values) real.excused.set(value, world.product.sent.length)
    }
    if (again === 0) break
    assert.ok(round < 3, 'what was given up ends well once nothing fails')
  }
}

async function verify(model: Model, real: Real): Promise<void> {
  const { world } = real
  verifyProduct(model, world.product, world.clock)
  for (const each of model.pushed) await verifyExport(each, world)
  await verifyLedger(model, world)
  assert.equal(await world.store.nextDelivery(world.destination.name), undefined)
  verifySent(world.product, real.excused)
}

function wants(model: Model, value: string): string | undefined {
  const desire = model.desires.get(value)
  return desire?.action === 'upsert' && value !== bad ? desire.content : undefined
}

function verifyProduct(model: Model, product: Product, clock: Clock): void {
  const holds = product.holds()
  for (const value of values) {
    const wanted = wants(model, value)
    const entry = holds.get(value)
    if (value === short && entry === undefined && wanted !== undefined) {
      assert.ok(clock.now() >= shortMs, 'it is gone since its time is over')
      continue
    }
    assert.equal(entry?.content, wanted, `the product has of ${value}`)
  }
}

async function verifyExport({ id, action, values }: Pushed, world: World): Promise<void> {
  const { counts, status, endedAt } = await world.record(id)
  const { total, pending, accepted, unchanged, rejected, skipped, dead } = counts
  assert.equal(total, values.length)
  assert.equal(pending, 0)
  assert.equal(total, accepted + unchanged + rejected + skipped + dead)
  assert.notEqual(endedAt, null)
  const good = accepted + unchanged
  assert.equal(status, rejected + dead === 0 ? 'succeeded' : good > 0 ? 'partial' : 'failed')
  const items = await world.items(id)
  assert.deepEqual(
    items.map(({ value }) => value),
    values,
  )
  for (const item of items) {
    const told = counted(items, item.status)
    assert.equal(counts[item.status], told, `items that are ${item.status}`)
    assert.ok(item.attempts <= settings.retry.attempts, `${item.attempts} attempts`)
    if (item.status === 'skipped') assert.match(item.reason ?? '', /^superseded/)
    else if (item.value === bad && action === 'upsert') assert.equal(item.status, 'rejected')
    else assert.match(item.status, /^(accepted|unchanged)$/)
  }
}

function counted(items: readonly { readonly status: ItemStatus }[], status: ItemStatus): number {
  return items.filter((each) => each.status === status).length
}

/** The ledger knows what the product has. */
async function verifyLedger(model: Model, { store, destination, product }: World): Promise<void> {
  const wanted = values.map((value) => ({ id: indicatorOf(value).id, source: 'ours' }))
  const have = await store.haveOf(destination.name, wanted)
  for (const [index, value] of values.entries()) {
    const entry = product.holds().get(value)
    // Of what the product may have got of a refused one nothing is known for sure.
    if (value === short || value === bad || !model.desires.has(value)) continue
    assert.equal(have[index] !== null, entry !== undefined, `the ledger has ${value}`)
    if (entry !== undefined) assert.equal(have[index]?.remoteId, entry.remoteId)
  }
}

/** Nothing older after something newer; nothing twice, unless its outcome was not known. */
function verifySent({ sent }: Product, excused: ReadonlyMap<string, number>): void {
  const last = new Map<
    string,
    { readonly n: number; readonly done: boolean; readonly told: boolean; readonly at: number }
  >()
  for (const [at, { value, options, done, told, unsure }] of sent.entries()) {
    const n = Number(options.n)
    const before = last.get(value)
    if (before !== undefined) {
      assert.ok(n >= before.n, `${value}: push ${n} was sent after push ${before.n}`)
      if (before.done && !before.told) assert.ok(unsure, `${value}: sent again without being unsure`)
      const mayRepeat = !before.done || !before.told || before.at < (excused.get(value) ?? 0)
      assert.ok(n > before.n || mayRepeat || value === short, `${value}: push ${n} was sent twice`)
    }
    last.set(value, { n, done, told, at })
  }
}

export interface ModelRuns {
  readonly store: WorldStore
  readonly clock: Clock
  readonly numRuns: number
  readonly seed?: number
  /** After each sequence. */
  readonly onRun?: () => void
}

/** @throws Error of fast-check, with the shortest sequence that fails */
export async function runModel({ store, clock, numRuns, seed, onRun }: ModelRuns): Promise<void> {
  let worlds = 0
  const prefix = `model-${seed ?? 'any'}`
  const property = fc.asyncProperty(
    fc.commands(commands, { maxCommands: 25, size: 'max' }),
    async (sequence) => {
      const product = createProduct({
        now: clock.now,
        bad: [bad],
        strict: true,
        stays: (value) => (value === short ? shortMs : undefined),
      })
      const world = await createWorld(store, product, clock, { ...settings, name: `${prefix}-${++worlds}` })
      const model: Model = { desires: new Map(), pushed: [] }
      const real: Real = { world, excused: new Map(), pushes: 0 }
      await fc.asyncModelRun(() => ({ model, real }), sequence)
      await settleDown(model, real)
      await verify(model, real)
      onRun?.()
    },
  )
  await fc.assert(property, { numRuns, ...(seed !== undefined && { seed }) })
}
