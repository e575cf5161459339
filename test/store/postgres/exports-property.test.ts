/** Exports on a real database against a model of a few lines: whatever happens in whatever order. */
import fc from 'fast-check'
import t from 'tap'
import type { ClaimedDelivery, DeliveryStore } from '../../../src/store/delivery-store.ts'
import type { DeliveryAction, ItemStatus } from '../../../src/store/exports.ts'
import {
  accepted,
  contradictions,
  drain,
  ended,
  exporting,
  failed,
  item,
  later,
  pagesOf,
} from './exporting.ts'

t.setTimeout(300_000)

const values = ['a.example', 'b.example', 'c.example', 'd.example']

interface ModelItem {
  readonly value: string
  revision: number
  status: ItemStatus
}
interface ModelExport {
  readonly id: string
  readonly action: DeliveryAction
  readonly items: ModelItem[]
}
interface ModelDelivery {
  action: DeliveryAction
  revision: number
  pending: boolean
  sent: number | null
  has: boolean
}

type Step =
  | { readonly do: 'push'; readonly action: DeliveryAction; readonly values: readonly string[] }
  | { readonly do: 'claim'; readonly limit: number }
  | { readonly do: 'settle'; readonly outcomes: readonly (ItemStatus | 'unknown')[] }
  | { readonly do: 'takeover' }
  | { readonly do: 'replay'; readonly nth: number; readonly statuses: readonly ItemStatus[] }

const action = fc.constantFrom<DeliveryAction>('upsert', 'remove')
const outcome = fc.constantFrom<ItemStatus | 'unknown'>(
  'accepted',
  'accepted',
  'rejected',
  'skipped',
  'dead',
  'unknown',
)
const pushed = fc.record({
  do: fc.constant('push' as const),
  action,
  values: fc.array(fc.constantFrom(...values), { minLength: 1, maxLength: 5 }),
})
const claim = fc.record({ do: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 6 }) })
const settled = fc.record({
  do: fc.constant('settle' as const),
  outcomes: fc.array(outcome, { minLength: 1, maxLength: 4 }),
})
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: pushed },
  { weight: 4, arbitrary: claim },
  { weight: 4, arbitrary: settled },
  { weight: 1, arbitrary: fc.constant({ do: 'takeover' } as const) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('replay' as const),
      nth: fc.nat(9),
      statuses: fc.subarray<ItemStatus>(['accepted', 'rejected', 'skipped', 'dead', 'pending'], {
        minLength: 1,
      }),
    }),
  },
)

/** What the store promises, said once more as plainly as can be. */
function model() {
  const exports: ModelExport[] = []
  const ledger = new Map<string, ModelDelivery>()
  const delivery = (value: string) => {
    const found = ledger.get(value)
    if (found === undefined) throw new Error(`nothing of ${value}`)
    return found
  }
  const pendingOf = (value: string) =>
    exports.flatMap(({ action, items }) =>
      items
        .filter((each) => each.value === value && each.status === 'pending')
        .map((each) => ({ action, each })),
    )
  const supersede = (value: string) => {
    const { action, revision, sent } = delivery(value)
    for (const { action: wanted, each } of pendingOf(value)) {
      const underWay = sent !== null && each.revision <= sent
      if (wanted !== action && each.revision < revision && !underWay) each.status = 'skipped'
    }
  }
  return {
    exports,
    ledger,
    push(id: string, action: DeliveryAction, values: readonly string[]) {
      for (const value of new Set(values)) {
        const found = ledger.get(value)
        if (found === undefined) {
          ledger.set(value, { action, revision: 1, pending: true, sent: null, has: false })
        } else Object.assign(found, { action, revision: found.revision + 1, pending: true })
      }
      const items = values.map((value) => ({
        value,
        revision: delivery(value).revision,
        status: 'pending' as ItemStatus,
      }))
      exports.push({ id, action, items })
      for (const value of new Set(values)) supersede(value)
    },
    /** @returns whether it may be taken in hand as it is told */
    claim(value: string, action: DeliveryAction, revision: number): boolean {
      const found = delivery(value)
      const right =
        found.pending && found.sent === null && found.action === action && found.revision === revision
      found.sent = revision
      return right
    },
    settle(value: string, outcome: ItemStatus | 'unknown') {
      const found = delivery(value)
      const sent = found.sent ?? 0
      found.sent = null
      if (outcome === 'unknown') return supersede(value)
      for (const { each } of pendingOf(value)) if (each.revision <= sent) each.status = outcome
      found.pending = found.revision > sent
    },
    takeover() {
      for (const [value, found] of ledger) {
        if (found.sent === null) continue
        found.sent = null
        supersede(value)
      }
    },
    replay(target: ModelExport | undefined, statuses: readonly ItemStatus[]): number {
      const again =
        target?.items.filter(({ status }) => status !== 'pending' && statuses.includes(status)) ?? []
      let queued = 0
      for (const value of new Set(again.map(({ value }) => value))) {
        const found = delivery(value)
        if (found.action !== target?.action) continue
        found.revision += 1
        found.pending = true
      }
      for (const each of again) {
        const found = delivery(each.value)
        const wanted = found.action === target?.action
        each.status = wanted ? 'pending' : 'skipped'
        if (wanted) each.revision = found.revision
        if (wanted) queued += 1
      }
      return queued
    },
    statuses: () => exports.map(({ items }) => items.map(({ value, status }) => `${value} ${status}`)),
    pending: () => [...ledger].filter(([, { pending }]) => pending).map(([value]) => value),
  }
}

async function statusesOf(store: DeliveryStore, exports: readonly ModelExport[]) {
  const told: string[][] = []
  for (const { id } of exports) {
    const items = await store.items(id, { limit: 100 })
    told.push(items.map(({ value, status }) => `${value} ${status}`))
  }
  return told
}

t.test(
  'every item has the outcome of what was sent for it, and all counts add up, in any order of events',
  async (t) => {
    const { store, database } = await (await exporting(t))()
    let runs = 0
    const run = async (steps: readonly Step[]) => {
      const name = `e${runs++}`
      await store.registerExporters([name])
      const expected = model()
      const inHand = new Map<string, ClaimedDelivery>()
      let claim = await store.claimExporter(name)
      const now = later(runs)
      for (const step of steps) {
        if (step.do === 'push') {
          const { export: made } = await store.createExport(
            { exporter: name, action: step.action, requestedBy: null, options: {}, now },
            pagesOf(step.values.map((value) => item(value))),
          )
          expected.push(made.id, step.action, step.values)
        } else if (step.do === 'claim') {
          for (const claimed of await store.claimDeliveries(name, claim, { limit: step.limit, now })) {
            const { value } = claimed.indicator
            if (!expected.claim(value, claimed.action, claimed.revision))
              throw new Error(`${value} was not to be taken`)
            inHand.set(value, claimed)
          }
        } else if (step.do === 'settle') {
          const some = [...inHand].slice(0, step.outcomes.length)
          const settlements = some.map(([value, claimed], n) => {
            const outcome = step.outcomes[n] ?? 'accepted'
            expected.settle(value, outcome)
            inHand.delete(value)
            if (outcome === 'unknown') return failed(claimed, { dueAt: now })
            return outcome === 'accepted' || outcome === 'pending'
              ? accepted(claimed)
              : ended(claimed, outcome)
          })
          await store.settleDeliveries(name, claim, settlements, now)
        } else if (step.do === 'takeover') {
          claim = await store.claimExporter(name)
          expected.takeover()
          inHand.clear()
        } else {
          const target = expected.exports[step.nth % Math.max(1, expected.exports.length)]
          const queued = (await store.replay(target?.id ?? 'none', step.statuses, now)) ?? 0
          const wanted = expected.replay(target, step.statuses)
          if (queued !== wanted) throw new Error(`${queued} queued, ${wanted} expected`)
        }
      }
      const told = JSON.stringify(await statusesOf(store, expected.exports))
      const wanted = JSON.stringify(expected.statuses())
      if (told !== wanted) throw new Error(`told ${told}, expected ${wanted}`)
      const pending = expected.pending().length
      const [state] = await store.exporterStates([name])
      if (state?.counts.pending !== pending)
        throw new Error(`${state?.counts.pending} pending, expected ${pending}`)
      await drain(store, { name, now })
      for (const { id } of expected.exports) {
        const last = await store.export(id)
        if (last?.counts.pending !== 0 || last.endedAt === null) throw new Error(`${id} is left behind`)
      }
    }
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), run), { numRuns: 40 })
    t.same(await contradictions(database), [])
  },
)
