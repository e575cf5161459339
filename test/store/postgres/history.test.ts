/** Any sequence of pages, removals and expiries, one after another and at once, against the model itself. */
import fc from 'fast-check'
import t from 'tap'
import type { Indicator, Observation } from '../../../src/model/indicator.ts'
import { toIndicator } from '../../../src/model/merge.ts'
import type { PostgresStore } from '../../../src/store/postgres/index.ts'
import type { Change, IngestPage } from '../../../src/store/store.ts'
import {
  emptied,
  type Fetch,
  minutesLater,
  observe,
  openStore,
  pageOf,
  startFetch,
  type TestStore,
} from './pages.ts'

const sources = ['tc', 'misp'] as const
type SourceName = (typeof sources)[number]

/** One record of the model store: what should be there. */
interface Kept {
  readonly observation: Observation
  readonly expiresAt: string | null
}
/** `source id` -> record. */
type Model = Map<string, Kept>

type Step =
  | { readonly kind: 'page'; readonly source: SourceName; readonly records: readonly Told[] }
  | { readonly kind: 'remove'; readonly source: SourceName; readonly ids: readonly number[] }
  | {
      readonly kind: 'removeValue'
      readonly source: SourceName
      readonly owner: string
      readonly value: string
    }
  | { readonly kind: 'exclude'; readonly source: SourceName; readonly ids: readonly number[] }
  | { readonly kind: 'cover'; readonly source: SourceName; readonly after: number; readonly upTo: number }
  | { readonly kind: 'expire'; readonly minute: number }

interface Told {
  readonly id: number
  readonly value: string
  readonly owner: string
  readonly score: 0 | 1 | 2 | 3
  readonly tag: string
  readonly modified: number
  /** Minutes; 0: never. */
  readonly life: number
  readonly onlyIfKnown: boolean
}

const values = ['a', 'b', 'c'] as const
const owners = ['A', 'B'] as const
const source = fc.constantFrom(...sources)
const id = fc.integer({ min: 1, max: 6 })
const ids = fc.array(id, { minLength: 1, maxLength: 3 })

const told: fc.Arbitrary<Told> = fc.record({
  id,
  value: fc.constantFrom(...values),
  owner: fc.constantFrom(...owners),
  score: fc.constantFrom(0, 1, 2, 3),
  tag: fc.constantFrom('x', 'y', ''),
  modified: fc.integer({ min: 0, max: 3 }),
  life: fc.constantFrom(0, 0, 0, 5, 10),
  onlyIfKnown: fc.boolean(),
})

const pageStep = fc.record({
  kind: fc.constant('page' as const),
  source,
  records: fc.array(told, { maxLength: 5 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: pageStep },
  fc.record({ kind: fc.constant('remove' as const), source, ids }),
  fc.record({
    kind: fc.constant('removeValue' as const),
    source,
    owner: fc.constantFrom(...owners),
    value: fc.constantFrom(...values),
  }),
  fc.record({ kind: fc.constant('exclude' as const), source, ids }),
  fc.record({ kind: fc.constant('cover' as const), source, after: fc.nat(6), upTo: fc.nat(7) }),
  fc.record({ kind: fc.constant('expire' as const), minute: fc.integer({ min: 0, max: 12 }) }),
)

function observationOf({ id, value, owner, score, tag, modified }: Told, source: SourceName): Observation {
  return observe(id, value, {
    source,
    owner,
    score,
    tags: tag === '' ? [] : [tag],
    description: `${source} ${id} ${modified}`,
    lastModified: `2025-01-0${modified + 1}T00:00:00Z`,
  })
}

function expiryOf({ life }: Told): string | null {
  return life === 0 ? null : minutesLater(life).toISOString().replace('.000Z', 'Z')
}

/** What the page of a step holds beside what every page has. */
function partsOf(step: Exclude<Step, { kind: 'expire' }>): Partial<IngestPage> {
  switch (step.kind) {
    case 'page':
      return {
        records: step.records.map((record) => ({
          observation: observationOf(record, step.source),
          expiresAt: expiryOf(record),
          onlyIfKnown: record.onlyIfKnown,
        })),
      }
    case 'remove':
      return { removed: step.ids.map((id) => ({ remoteId: String(id) })) }
    case 'removeValue':
      return { removed: [{ owner: step.owner, type: 'domain', value: step.value }] }
    case 'exclude':
      return { excluded: step.ids.map(String) }
    case 'cover':
      return { covers: { after: String(step.after), upTo: step.upTo === 7 ? null : String(step.upTo) } }
  }
}

/** The same on the model. */
function apply(model: Model, step: Step): void {
  if (step.kind === 'expire') {
    const now = minutesLater(step.minute).getTime()
    for (const [key, { expiresAt }] of model) {
      if (expiresAt !== null && Date.parse(expiresAt) <= now) model.delete(key)
    }
    return
  }
  const keyOf = (id: number | string) => `${step.source} ${id}`
  if (step.kind === 'page') {
    const known = new Set(model.keys())
    const last = new Map(step.records.map((record) => [record.id, record]))
    for (const record of last.values()) {
      if (record.onlyIfKnown && !known.has(keyOf(record.id))) continue
      model.set(keyOf(record.id), {
        observation: observationOf(record, step.source),
        expiresAt: expiryOf(record),
      })
    }
  } else if (step.kind === 'removeValue') {
    for (const [key, { observation }] of model) {
      const { provenance, value } = observation
      if (provenance.source === step.source && provenance.owner === step.owner && value === step.value) {
        model.delete(key)
      }
    }
  } else if (step.kind === 'cover') {
    for (let id = step.after + 1; id <= step.upTo; id++) model.delete(keyOf(id))
  } else {
    for (const id of step.ids) model.delete(keyOf(id))
  }
}

/** What the model says the indicators are, by value. */
function indicatorsOf(model: Model): ReadonlyMap<string, Indicator> {
  const groups = Map.groupBy(model.values(), ({ observation }) => observation.value)
  return new Map(
    [...groups].map(([value, [first, ...rest]]) => {
      if (first === undefined) throw new Error('a group has a member')
      const kept = [first, ...rest]
      const indicator = toIndicator([first.observation, ...rest.map(({ observation }) => observation)], {
        raw: false,
      })
      const expiries = kept.map(({ expiresAt }) => expiresAt)
      const times = expiries.filter((expiry) => expiry !== null).sort()
      return [
        value,
        { ...indicator, expiresAt: times.length < expiries.length ? null : (times.at(-1) ?? null) },
      ]
    }),
  )
}

function replayed(changes: readonly Change[]): ReadonlyMap<string, Indicator> {
  const state = new Map<string, Indicator>()
  for (const { op, indicator } of changes) {
    if (op === 'remove') state.delete(indicator.value)
    else state.set(indicator.value, indicator)
  }
  return state
}

async function storedIndicators(store: PostgresStore): Promise<ReadonlyMap<string, Indicator>> {
  const { indicators } = await store.indicators({ limit: 1000, raw: false })
  return new Map(indicators.map((indicator) => [indicator.value, indicator]))
}

function byValue(indicators: ReadonlyMap<string, Indicator>): string {
  return JSON.stringify([...indicators].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function assertEqual(what: string, found: string, expected: string): void {
  if (found !== expected) throw new Error(`${what}\n   found ${found}\nexpected ${expected}`)
}

/** Indicators are those of the model, and the log leads to them, each position once and in order. */
async function check(store: PostgresStore, model: Model): Promise<void> {
  const stored = byValue(await storedIndicators(store))
  assertEqual('indicators', stored, byValue(indicatorsOf(model)))
  const changes = await store.changes(0, 10_000)
  assertEqual('replayed', byValue(replayed(changes)), stored)
  changes.forEach(({ seq }, place) => {
    const before = changes[place - 1]?.seq ?? 0
    if (seq <= before) throw new Error(`position ${seq} after ${before}`)
  })
  const head = await store.head()
  if (head < (changes.at(-1)?.seq ?? 0)) throw new Error(`the head is ${head}`)
}

async function startAll(store: PostgresStore): Promise<Readonly<Record<SourceName, Fetch>>> {
  return { tc: await startFetch(store, 'tc'), misp: await startFetch(store, 'misp') }
}

async function carryOut(store: PostgresStore, fetches: Record<SourceName, Fetch>, step: Step): Promise<void> {
  if (step.kind === 'expire') {
    await store.expire(minutesLater(step.minute), 1000)
    return
  }
  const { run, claim } = fetches[step.source]
  const page = pageOf({ run: run.id, claim, source: step.source }, partsOf(step))
  const after = await store.ingest(page)
  const counted = after.stored + after.updated + after.unchanged + after.excluded + after.unreadableCount
  if (after.received !== counted) throw new Error(`received ${after.received}, counted ${counted}`)
}

async function property(
  opened: TestStore,
  carryOutAll: (
    store: PostgresStore,
    fetches: Record<SourceName, Fetch>,
    steps: readonly Step[],
  ) => Promise<void>,
  steps: readonly Step[],
): Promise<PostgresStore> {
  const store = await emptied(opened)
  await carryOutAll(store, await startAll(store), steps)
  return store
}

t.test(
  'after any steps the indicators are the merge of the records that are left, and the log leads there',
  async (t) => {
    const opened = await openStore(t)
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const model: Model = new Map()
        const store = await property(
          opened,
          async (store, fetches, steps) => {
            for (const step of steps) {
              await carryOut(store, fetches, step)
              apply(model, step)
              await check(store, model)
            }
          },
          steps,
        )
        const again = await storedIndicators(store)
        await store.expire(minutesLater(1000), 1000)
        for (const [key, { expiresAt }] of model) if (expiresAt !== null) model.delete(key)
        await check(store, model)
        if (again.size < (await storedIndicators(store)).size) throw new Error('expiring added something')
      }),
      { numRuns: 20 },
    )
    t.pass()
  },
)

t.test('writers of two sources that touch the same values at once lose nothing of each other', async (t) => {
  const opened = await openStore(t)
  /** Each worker's steps in order; the sources' records have nothing in common but their values. */
  const worker = (source: SourceName) =>
    fc.array(
      pageStep.map((step) => ({ ...step, source })),
      { minLength: 4, maxLength: 8 },
    )
  await fc.assert(
    fc.asyncProperty(worker('tc'), worker('misp'), async (ofTc, ofMisp) => {
      const store = await emptied(opened)
      const fetches = await startAll(store)
      const carryOutEach = async (steps: readonly Step[]) => {
        for (const step of steps) await carryOut(store, fetches, step)
      }
      await Promise.all([carryOutEach(ofTc), carryOutEach(ofMisp)])
      const model: Model = new Map()
      for (const step of [...ofTc, ...ofMisp]) apply(model, step)
      await check(store, model)
    }),
    { numRuns: 8 },
  )
  t.pass()
})

t.test('eight pages of one run at once are all stored and all counted', async (t) => {
  const { store } = await openStore(t)
  const fetches = await startAll(store)
  const pages = Array.from(
    { length: 8 },
    (_, page): Step => ({
      kind: 'page',
      source: page % 2 === 0 ? 'tc' : 'misp',
      records: Array.from({ length: 6 }, (_, n) => ({
        id: page * 10 + n,
        value: values[n % 3] ?? 'a',
        owner: 'A',
        score: 1,
        tag: `tag ${page} ${n}`,
        modified: 0,
        life: 0,
        onlyIfKnown: false,
      })),
    }),
  )
  await Promise.all(pages.map((page) => carryOut(store, fetches, page)))
  const model: Model = new Map()
  for (const page of pages) apply(model, page)
  await check(store, model)
  const { lastRun } = await store.sourceState('tc')
  t.match(lastRun, { received: 24, stored: 24, pages: 4 })
})
