/** Pushes that are long, or come at once. */
import t from 'tap'
import type { NewExport } from '../../../src/store/exports.ts'
import {
  accepted,
  contradictions,
  counted,
  countsOf,
  drain,
  exporting,
  failed,
  item,
  later,
  pagesOf,
  push,
  start,
} from './exporting.ts'

t.setTimeout(300_000)

const emptied = await exporting(t)

t.test('of repeats that come at once one is carried out, the others get its export', async (t) => {
  const { store, database } = await emptied()
  const idempotency = { key: 'k', digest: 'd' }
  const request: NewExport = {
    exporter: 'dt',
    action: 'upsert',
    requestedBy: null,
    options: {},
    now: start,
    idempotency,
  }
  const answers = await Promise.all(
    Array.from({ length: 12 }, () =>
      store.createExport(request, pagesOf([item('a.example')], [item('b.example')])),
    ),
  )
  t.equal(answers.filter(({ repeated }) => !repeated).length, 1)
  t.equal(new Set(answers.map(({ export: { id } }) => id)).size, 1)
  t.equal((await store.exports({ exporters: ['dt'], limit: 100 })).length, 1)
  t.same(await contradictions(database), [])
})

t.test('a push that fails half-way leaves nothing, its idempotency key neither', async (t) => {
  const { store, database } = await emptied()
  const idempotency = { key: 'k', digest: 'd' }
  const request: NewExport = {
    exporter: 'dt',
    action: 'upsert',
    requestedBy: null,
    options: {},
    now: start,
    idempotency,
  }
  async function* broken() {
    // More than is read ahead: the transaction is under way.
    yield Array.from({ length: 10_000 }, (_, n) => item(`d${n}.example`))
    throw new Error('the list broke')
  }
  await t.rejects(store.createExport(request, broken()), /the list broke/)
  t.same(await store.exports({ exporters: ['dt'], limit: 10 }), [])
  t.equal(await store.nextDelivery('dt'), undefined)
  t.equal((await store.createExport(request, pagesOf([item('a.example')]))).repeated, false)
  t.same(await contradictions(database), [])
})

t.test(
  'a long push has every item in its place, and of equal ones the last one counts across pages',
  async (t) => {
    const { store, database } = await emptied()
    const values = Array.from({ length: 10_400 }, (_, n) => `d${n % 10_300}.example`)
    async function* pages() {
      for (let from = 0; from < values.length; from += 1000) {
        yield values
          .slice(from, from + 1000)
          .map((value, n) => item(value, 'us', { score: from + n < 10_300 ? 1 : 2 }))
      }
    }
    const request: NewExport = {
      exporter: 'dt',
      action: 'upsert',
      requestedBy: null,
      options: { o: 1 },
      now: start,
    }
    const { export: made } = await store.createExport(request, pages())
    t.same(counted(made.counts), { total: 10_400, pending: 10_400 })
    let wrong = 0
    for (let after: number | undefined, count = 0; count < values.length; ) {
      const page = await store.items(made.id, { limit: 5_000, ...(after !== undefined && { after }) })
      for (const { position, value } of page)
        if (value !== values[position] || position !== count++) wrong += 1
      after = page.at(-1)?.position
    }
    t.equal(wrong, 0)
    const claim = await store.claimExporter('dt')
    const claimed = await store.claimDeliveries('dt', claim, { limit: 20_000, now: start })
    t.equal(claimed.length, 10_300)
    t.equal(claimed.filter(({ indicator }) => indicator.score === 2).length, 100)
    t.same(claimed[0]?.options, { o: 1 })
    t.same(await contradictions(database), [])
  },
)

t.test(
  'forty pushes of overlapping values at once, while a worker sends: none fails, none is lost',
  async (t) => {
    const { store, database } = await emptied()
    const claim = await store.claimExporter('dt')
    const values = Array.from({ length: 60 }, (_, n) => `v${n}.example`)
    let pushing = true
    const worker = async () => {
      while (pushing) {
        const claimed = await store.claimDeliveries('dt', claim, { limit: 25, now: later(1e6) })
        const settlements = claimed.map((each, n) => (n % 5 === 0 ? failed(each) : accepted(each)))
        await store.settleDeliveries('dt', claim, settlements, later(1e6))
      }
    }
    const workers = [worker(), worker()]
    const made = await Promise.all(
      Array.from({ length: 40 }, async (_, n) => {
        // In an order of its own each.
        const own = values.map((_, i) => values[(i * 7 + n * 13) % values.length] ?? '').slice(0, 40)
        return push(store, own, { action: n % 4 === 3 ? 'remove' : 'upsert' })
      }),
    )
    await Promise.all(
      made.map(({ id }, n) => (n % 8 === 0 ? store.replay(id, ['accepted', 'skipped'], later(1)) : null)),
    )
    pushing = false
    await Promise.all(workers)
    await drain(store)
    for (const { id } of made) {
      const counts = await countsOf(store, { id })
      const { accepted: ok = 0, skipped = 0 } = counts
      if (ok + skipped !== 40) t.fail(JSON.stringify(counts))
    }
    t.same(await contradictions(database), [])
  },
)
