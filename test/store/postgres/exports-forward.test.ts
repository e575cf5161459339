/** A forward: what comes, changes and leaves in its list goes to the product. */
import t, { type Test } from 'tap'
import type { DeliveryStore, ForwardHeld } from '../../../src/store/delivery-store.ts'
import type { FeedDefinition } from '../../../src/store/feed-store.ts'
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts'
import { forwarding as forwardStore } from '../../../src/store/postgres/exports/forward.ts'
import { ClaimLost } from '../../../src/store/store.ts'
import { definition, type Facts, log, type World, world } from '../../feeds/feed-world.ts'
import { accepted, contradictions, counted, drain, ended, later, push, start } from './exporting.ts'

t.setTimeout(300_000)

const list = definition({ name: 'forward/dt', activeOnly: true })

interface Forwarding extends World {
  readonly claim: number
  forward(more?: Partial<Parameters<DeliveryStore['forward']>[2]>): Promise<Forwarded>
  readonly opened: Database
  contradictions(): Promise<readonly object[]>
}

interface Forwarded {
  readonly upserts: number
  readonly removals: number
  readonly held: ForwardHeld | null
}

/** The list is brought up to date, and forwarded until nothing more is to be told. */
async function forwarding(t: Test, sources: readonly string[] = ['tc']): Promise<Forwarding> {
  const made = await world(t, sources)
  const { store } = made
  await store.registerExporters(['dt'])
  const claim = await store.claimExporter('dt')
  const database = await openDatabase({ connection: { ...made.database.connection }, log })
  t.teardown(() => database.close())
  return {
    ...made,
    claim,
    opened: database,
    contradictions: () => contradictions(database),
    async forward(more = {}) {
      const options = { list, sourceName: 'us', maxRemovalShare: 0.5, now: start, ...more }
      await store.refreshFeed(options.list, { now: options.now })
      for (let upserts = 0, removals = 0; ; ) {
        const step = await store.forward('dt', claim, options)
        upserts += step.upserts
        removals += step.removals
        if (step.more) continue
        // Else it would be looked at without end.
        t.equal(await store.forwardDue('dt', options), null, 'nothing is left to do')
        return { upserts, removals, held: step.held }
      }
    },
  }
}

function domains(count: number, more: Partial<Facts> = {}): Facts[] {
  return Array.from({ length: count }, (_, n) => ({ value: `d${n}.example`, ...more }))
}

const nothing = { upserts: 0, removals: 0, held: null }

t.test('a list that was not refreshed as it is defined now is forwarded nothing of', async (t) => {
  const w = await forwarding(t)
  await w.fetch(domains(2))
  const forward = (list: FeedDefinition) =>
    w.store.forward('dt', w.claim, { list, sourceName: 'us', maxRemovalShare: 1, now: start })
  await t.rejects(forward(list), /forward\/dt was not refreshed/, 'never')
  await w.store.refreshFeed(list, { now: start })
  await t.rejects(forward({ ...list, minScore: 2 }), /was not refreshed as it is defined now/, 'otherwise')
  t.match(await w.store.exporterStates(['dt']), [{ counts: { pending: 0 } }])
  t.match(await forward(list), { upserts: 2, removals: 0 })
})

t.test('what comes, changes and leaves is forwarded once', async (t) => {
  const w = await forwarding(t)
  await w.fetch([...domains(4), { value: '203.0.113.7', type: 'ipv4' }])
  t.same(await w.forward(), { upserts: 5, removals: 0, held: null })
  t.same(await w.forward(), nothing)
  t.same((await drain(w.store, { claim: w.claim })).length, 5)
  const [first] = await w.store.exports({ exporters: ['dt'], limit: 1 })
  t.match(first, { origin: 'forward', action: 'upsert', requestedBy: null, status: 'succeeded' })
  const types = (await w.store.items(first?.id ?? '', { limit: 10 })).map(
    ({ type, value }) => `${type} ${value}`,
  )
  t.same(types.sort().slice(-2), ['domain d3.example', 'ipv4 203.0.113.7'])

  await w.fetch([{ value: 'd0.example', score: 1 }, { value: 'new.example' }], { removed: ['d1.example'] })
  t.same(await w.forward(), { upserts: 2, removals: 1, held: null })
  t.same(await w.forward(), nothing)
  t.same([...(await drain(w.store, { claim: w.claim }))].sort(), [
    'remove d1.example',
    'upsert d0.example',
    'upsert new.example',
  ])
  await w.fetch([{ value: 'd1.example' }])
  t.same(await w.forward(), { upserts: 1, removals: 0, held: null }, 'what comes back is sent again')
  t.same(await drain(w.store, { claim: w.claim }), ['upsert d1.example'])
  t.same(await w.contradictions(), [])
})

t.test('nothing is passed over where many have one position: a long list goes in steps', async (t) => {
  const w = await forwarding(t)
  await w.fetch(domains(8, { active: false }))
  await w.forward()
  // Another filter: what it lets in has the position of this look.
  const wider = { ...list, activeOnly: false }
  await w.store.refreshFeed(wider, { now: start })
  const { forward } = forwardStore(w.opened, 3)
  const options = { list: wider, sourceName: 'us', maxRemovalShare: 0.5, now: start }
  t.same(await forward('dt', w.claim, options), { upserts: 3, removals: 0, held: null, more: true })
  // What changes meanwhile comes again, at the end.
  const first = await w.store.claimDeliveries('dt', w.claim, { limit: 10, now: start })
  const changed = first[0]?.indicator.value ?? ''
  await w.fetch([{ value: changed, active: false, score: 1 }])
  await w.store.refreshFeed(wider, { now: start })
  t.same(await forward('dt', w.claim, options), { upserts: 3, removals: 0, held: null, more: true })
  t.same(await forward('dt', w.claim, options), { upserts: 3, removals: 0, held: null, more: false })
  t.same(await forward('dt', w.claim, options), { upserts: 0, removals: 0, held: null, more: false })
  const exports = await w.store.exports({ exporters: ['dt'], limit: 10 })
  const values = await Promise.all(exports.map(({ id }) => w.store.items(id, { limit: 10 })))
  t.same(
    values.flatMap((items) => items.map(({ value }) => value)).sort(),
    [...domains(8).map(({ value }) => value), changed].sort(),
  )
})

t.test('a list that was not refreshed as it is defined is not taken for an empty one', async (t) => {
  const w = await forwarding(t)
  const options = { list, sourceName: 'us', maxRemovalShare: 1, now: start }
  await t.rejects(w.store.forward('dt', w.claim, options), /not refreshed/)
  await w.fetch(domains(3))
  await w.forward()
  const other: FeedDefinition = { ...list, minScore: 3 }
  await t.rejects(w.store.forward('dt', w.claim, { ...options, list: other }), /not refreshed/)
  await w.store.claimExporter('dt')
  const failure = await w.store.forward('dt', w.claim, options).catch((error: unknown) => error)
  t.ok(failure instanceof ClaimLost)
})

t.test('another filter removes what it does not let through and sends what it newly does', async (t) => {
  const w = await forwarding(t)
  await w.fetch([...domains(6, { score: 2 }), { value: 'low.example', score: 1 }, { value: 'top.example' }])
  t.equal((await w.forward({ list: { ...list, minScore: 2 } })).upserts, 7)
  await drain(w.store, { claim: w.claim })
  t.same(await w.forward({ list: { ...list, minScore: 1 } }), { upserts: 1, removals: 0, held: null })
  await drain(w.store, { claim: w.claim })
  const narrow = { list: { ...list, minScore: 3 as const }, maxRemovalShare: 1 }
  t.same(await w.forward(narrow), { upserts: 0, removals: 7, held: null })
  t.same((await drain(w.store, { claim: w.claim })).filter((each) => each.startsWith('remove')).length, 7)
  t.same(await w.forward(narrow), nothing)
  t.same(await w.contradictions(), [])
})

t.test('too many removals at once are held, told in words, and pass when somebody resumes', async (t) => {
  const w = await forwarding(t)
  await w.fetch(domains(10))
  await w.forward()
  await drain(w.store, { claim: w.claim })
  const gone = domains(6).map(({ value }) => value)
  await w.fetch([{ value: 'new.example' }], { removed: gone.slice(0, 3) })
  t.same(
    await w.forward({ maxRemovalShare: 0.3 }),
    { upserts: 1, removals: 3, held: null },
    'just as many as may',
  )
  await drain(w.store, { claim: w.claim })
  await w.fetch([], { removed: gone.slice(3) })
  const { upserts, removals, held } = await w.forward({ maxRemovalShare: 0.3, now: later(1) })
  t.same([upserts, removals], [0, 0])
  t.match(held, { since: '2026-01-01T00:00:01.000Z', removals: 3, forwarded: 8, share: 0.3 })
  t.match(held?.reason, /3 of the 8 .*37\.5 %.*30 %.*resume/s)
  await w.fetch([{ value: 'more.example' }], { removed: ['d6.example'] })
  const still = await w.forward({ maxRemovalShare: 0.3, now: later(2) })
  t.match(still, { upserts: 1, removals: 0, held: { since: held?.since, removals: 4 } }, 'upserts go on')
  t.match(await w.store.exporterStates(['dt']), [{ forwardHeld: { removals: 4 } }])
  await w.store.resumeExporter('dt', later(3))
  t.match(await w.forward({ maxRemovalShare: 0.3, now: later(4) }), { removals: 4, held: null })
  t.match(await w.store.exporterStates(['dt']), [{ forwardHeld: null }])
  await drain(w.store, { claim: w.claim })
  const [left] = await w.store.exporterStates(['dt'])
  t.equal(left?.held, 5)
  await w.fetch([], { removed: ['d7.example', 'd8.example', 'd9.example'] })
  t.match(await w.forward({ maxRemovalShare: 0.3 }), { removals: 0, held: { removals: 3 } }, 'this once')
  await w.fetch(domains(10).slice(7))
  t.same(await w.forward({ maxRemovalShare: 0.3 }), { upserts: 3, removals: 0, held: null }, 'they came back')
  t.same(await w.contradictions(), [])
})

t.test('removals wait while a source of the list is being fetched, upserts do not', async (t) => {
  const w = await forwarding(t, ['tc', 'other'])
  await w.fetch(domains(4))
  await w.forward()
  await drain(w.store, { claim: w.claim })
  const other = await w.fetch([], { source: 'other', end: false })
  const under = await w.fetch([{ value: 'new.example' }], { removed: ['d0.example'], end: false })
  t.same(await w.forward(), { upserts: 1, removals: 0, held: null })
  await under.end()
  t.same(await w.forward(), nothing, 'the list is of all sources')
  await other.end()
  t.same(await w.forward(), { upserts: 0, removals: 1, held: null })
  const running = await w.fetch([], { source: 'other', end: false })
  const own = { ...list, sources: ['tc'] }
  await w.fetch([], { removed: ['d1.example'] })
  t.same(
    await w.forward({ list: own }),
    { upserts: 0, removals: 1, held: null },
    'another source is none of its own',
  )
  await running.end()
})

t.test('what leaves before it was sent is dropped, and what may be at the product is removed', async (t) => {
  const w = await forwarding(t)
  await w.fetch(domains(5))
  await w.forward()
  const claimed = await w.store.claimDeliveries('dt', w.claim, { limit: 3, now: start })
  const [refused, unknown, under] = claimed
  if (refused === undefined || unknown === undefined || under === undefined)
    throw new Error('nothing to send')
  await w.store.settleDeliveries('dt', w.claim, [ended(refused, 'rejected'), ended(unknown, 'dead')], start)
  await w.fetch([], { removed: domains(5).map(({ value }) => value) })
  const { removals, held } = await w.forward({ maxRemovalShare: 1 })
  t.equal(removals, 2, 'the one under way, and the one of which nobody knows')
  t.equal(held, null)
  const [upserts] = await w.store.exports({ exporters: ['dt'], limit: 5, statuses: ['running'] })
  t.same(counted(upserts?.counts), { total: 5, pending: 1, rejected: 1, skipped: 2, dead: 1 })
  const skipped = await w.store.items(upserts?.id ?? '', { limit: 5, statuses: ['skipped'] })
  t.match(skipped[0], { reason: /left the filter of the forward before it was sent/ })
  await w.store.settleDeliveries('dt', w.claim, [accepted(under)], start)
  const sent = await drain(w.store, { claim: w.claim })
  t.same([...sent].sort(), [unknown, under].map(({ indicator }) => `remove ${indicator.value}`).sort())
  t.same(await w.forward(), nothing)
  t.same(await w.contradictions(), [])
})

t.test('what was pushed by hand stays when a filter changes; what was forwarded too leaves', async (t) => {
  const w = await forwarding(t)
  await w.fetch(domains(2))
  await push(w.store, ['byhand.example', 'd0.example'])
  await w.forward()
  await push(w.store, ['d1.example'])
  await drain(w.store, { claim: w.claim })
  t.same(await w.forward({ list: { ...list, minConfidence: 100 }, maxRemovalShare: 1 }), {
    ...nothing,
    removals: 2,
  })
  t.same([...(await drain(w.store, { claim: w.claim }))].sort(), ['remove d0.example', 'remove d1.example'])
  t.equal(await w.store.heldCount('dt'), 1)
})

t.test('under another name of the source all is sent anew, and the old entries leave', async (t) => {
  const w = await forwarding(t)
  await w.fetch(domains(3))
  await w.forward()
  await drain(w.store, { claim: w.claim })
  const renamed = await w.forward({ sourceName: 'renamed' })
  t.match(
    renamed,
    { upserts: 3, removals: 0, held: { removals: 3, forwarded: 3 } },
    'nothing under the new name is there',
  )
  t.same((await drain(w.store, { claim: w.claim })).length, 3)
  t.match(await w.forward({ sourceName: 'renamed', now: later(60) }), { removals: 0, held: { forwarded: 3 } })
  const again = await w.forward({ sourceName: 'renamed', now: later(300) })
  t.match(again, { removals: 3, held: null }, 'half of what is there')
  const claimed = await w.store.claimDeliveries('dt', w.claim, { limit: 10, now: later(999) })
  t.same(
    claimed.map(({ action, source, options }) => `${action} ${source} ${options.source}`),
    ['remove us us', 'remove us us', 'remove us us'],
    'and not the new ones',
  )
})

t.test('a forward that was taken out of the configuration and comes back misses nothing', async (t) => {
  const w = await forwarding(t)
  await w.fetch([{ value: 'a.example', score: 1 }, { value: 'b.example' }])
  t.equal((await w.forward({ list: { ...list, minScore: 3 } })).upserts, 1)
  await w.store.registerFeeds([])
  t.equal((await w.forward({ list: { ...list, minScore: 1 } })).upserts, 2)
  await drain(w.store, { claim: w.claim })
  t.equal(await w.store.heldCount('dt'), 2)
})

t.test('that something is to be forwarded is known without forwarding it', async (t) => {
  const w = await forwarding(t)
  const options = { list, sourceName: 'us', maxRemovalShare: 0.5, now: start }
  const due = (more: Partial<typeof options> = {}) => w.store.forwardDue('dt', { ...options, ...more })
  const step = async () => {
    await w.store.refreshFeed(list, { now: start })
    return w.store.forward('dt', w.claim, options)
  }
  t.equal(await due(), 'changes', 'never forwarded')
  await w.fetch(domains(4))
  t.equal(await due(), 'changes')
  await w.store.refreshFeed(list, { now: start })
  t.equal(await due(), 'changes', 'the list is as it is to be, and nothing is queued')
  await step()
  t.equal(await due(), null)
  await drain(w.store, { claim: w.claim })
  t.equal(await due({ list: { ...list, minScore: 2 } }), 'settings')
  t.equal(await due({ sourceName: 'them' }), 'settings')
  const run = await w.fetch([], { removed: ['d0.example'], end: false })
  t.equal(await due(), 'changes')
  await step()
  t.equal(await due(), null, 'what left waits for the end of the fetch')
  await run.end()
  t.equal(await due(), 'changes')
  t.equal((await step()).removals, 1)
  t.equal(await due(), null)
  await w.fetch([], { removed: ['d1.example', 'd2.example', 'd3.example'] })
  t.ok((await step()).held)
  t.equal(await due(), null, 'it is held')
  t.equal(await due({ maxRemovalShare: 0.4 }), 'settings')
  t.equal(await due({ now: later(299) }), null)
  t.equal(await due({ now: later(300) }), 'changes', 'what the product has grows')
  await w.store.resumeExporter('dt', start)
  t.equal(await due(), 'changes')
  t.equal((await step()).removals, 3)
  t.equal(await due(), null)
})
