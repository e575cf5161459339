/** What people do to incidents reaches their tickets, once; and tickets that their desk forgot are read anew. */
import t from 'tap'
import type { Bridge } from '../../../src/pipeline/bridge/bridge.ts'
import { readChanges } from '../../../src/pipeline/bridge/changes.ts'
import { takenTicket } from '../../../src/pipeline/bridge/content-hash.ts'
import { endHealth } from '../../../src/pipeline/bridge/end-health.ts'
import { lookAtIncident, ticketTold } from '../../../src/pipeline/bridge/hook.ts'
import { type Reconciliation, reconcile } from '../../../src/pipeline/bridge/reconcile.ts'
import { workBridge } from '../../../src/pipeline/bridge/work-bridge.ts'
import { createClock, openStore } from '../exports/world.ts'
import { silent } from '../store.ts'
import { errorOf } from './faults.ts'
import { createQueuedDesk } from './queued-desk.ts'
import { createSink } from './sink.ts'
import { retry, rules } from './world.ts'

const clock = createClock()
const store = await openStore(t, clock)
const hour = 3_600_000
const never = new AbortController().signal
let bridges = 0

/** Tickets `ids` have incidents that are open, and the changes up to now were read. */
async function createWorld(ids: readonly string[] = ['IN1'], { readable = true } = {}) {
  const name = `b${++bridges}`
  const desk = createQueuedDesk()
  const sink = createSink({ readable })
  const bridge: Bridge = {
    ...{ name, deskKind: 'desk', sinkKind: 'sink', desk, sink },
    ...{ rules, retry, concurrency: 4 },
  }
  await store.registerBridges([name])
  const context = { store, log: silent, now: clock.now, random: () => 0.5 }
  const claimed = () => store.claimBridge(name, { settleMs: 5000, now: new Date(clock.now()) })
  const work = async () => {
    await workBridge(bridge, context, never)
  }
  const take = async (id: string) => {
    const raw = desk.raw(id)
    await store.takeRead(name, takenTicket({ id, raw }, desk), new Date(clock.now()))
  }
  const changes = async () => readChanges(bridge, await claimed(), context, never)
  for (const id of ids) {
    desk.put(id)
    await take(id)
  }
  await work()
  if (readable) await changes()
  const desks = endHealth(bridge, 'desk', context)
  const round: Reconciliation = { dueAt: 0, left: new Set() }
  return {
    ...{ name, desk, sink, bridge, work, take, changes, round },
    incident: (ticketId: string) => sink.one(ticketId).id,
    ticket: (id: string) => store.ticket(name, id),
    async effects(ticketId: string, kind: 'ctp_close' | 'ctp_worklog') {
      return store.effects({ bridges: [name], ticketId, kinds: [kind], limit: 100 })
    },
    async hook(incidentId: string, told = {}) {
      const record = await ticketTold(bridge, incidentId, store)
      return record !== undefined && (await lookAtIncident(bridge, record, told, context, never))
    },
    reconcile: () => reconcile(bridge, round, { ...context, desk: desks }, never),
  }
}

t.test('43 an incident that somebody closes has its ticket closed, once', async (t) => {
  const world = await createWorld(['IN1', 'IN2'])
  const id = world.incident('IN1')
  world.sink.closeIncident(id, { key: 'first', code: 'Done', summary: 'seen to' })
  await world.changes()
  t.match(await world.ticket('IN1'), {
    state: 'closed',
    closedBy: 'incident',
    incident: { status: 'closed' },
  })
  t.match(await world.effects('IN1', 'ctp_close'), [
    { key: 'first', state: 'pending', payload: { closing: { code: 'Done', summary: 'seen to' } } },
  ])
  t.strictSame(await world.effects('IN2', 'ctp_close'), [])
  await world.work()
  t.equal(world.desk.raw('IN1').status, 'Closed')
  await world.changes()
  t.equal((await world.effects('IN1', 'ctp_close')).length, 1)
  t.equal(world.desk.count('close'), 1)
})

t.test('what the bridge closed itself is sent to no ticket', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1', { status: 'Closed' })
  await world.take('IN1')
  await world.work()
  t.match(await world.ticket('IN1'), { state: 'closed', closedBy: 'ticket' })
  await world.changes()
  t.strictSame(await world.effects('IN1', 'ctp_close'), [])
  t.match(await world.ticket('IN1'), { closedBy: 'ticket' })
})

t.test('what the bridge is about to close is its own, whenever it is looked at', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1', { status: 'Closed' })
  await world.take('IN1')
  world.sink.fail('closeIncident', { when: 'lost', error: errorOf('sink', 'timeout') })
  await world.work()
  t.equal(world.sink.one('IN1').status, 'closed', 'its answer was lost')
  await world.changes()
  t.strictSame(await world.effects('IN1', 'ctp_close'), [])
  t.match(await world.ticket('IN1'), { closedBy: null, incident: { status: 'open' } })
  clock.ahead(10_000)
  await world.work()
  t.match(await world.ticket('IN1'), { closedBy: 'ticket', incident: { status: 'closed' } })
})

t.test('a page that is older than what the bridge did is no news', async (t) => {
  const world = await createWorld()
  const id = world.incident('IN1')
  const { changes } = world.sink
  const stale = { id, url: null, status: 'closed', closing: { key: 'old' } } as const
  Object.assign(world.sink, {
    async *changes() {
      yield { changes: [{ ticketId: 'IN1', incident: stale }], cursor: '0' }
    },
  })
  await world.changes()
  t.match(await world.ticket('IN1'), { state: 'open', closedBy: null }, 'it is open by now')
  t.strictSame(await world.effects('IN1', 'ctp_close'), [])
  Object.assign(world.sink, { changes })
})

t.test('one that is opened again is open, and its ticket is not closed any more', async (t) => {
  const world = await createWorld()
  const id = world.incident('IN1')
  world.sink.closeIncident(id, { key: 'first' })
  await world.changes()
  world.sink.reopenIncident(id)
  await world.changes()
  t.match(await world.ticket('IN1'), { state: 'open', closedBy: null, incident: { status: 'open' } })
  t.match(await world.effects('IN1', 'ctp_close'), [{ key: 'first', state: 'skipped' }])
  world.sink.closeIncident(id, { key: 'second' })
  await world.changes()
  t.match(await world.effects('IN1', 'ctp_close'), [{}, { key: 'second', state: 'pending' }])
})

t.test(
  'an incident that was closed when it was found closes no ticket, whatever is written to it',
  async (t) => {
    const world = await createWorld([])
    const { id } = world.sink.make('IN1', { status: 'closed', closing: { key: 'long ago' } })
    world.desk.put('IN1')
    world.desk.note('IN1', 'one')
    await world.take('IN1')
    await world.work()
    t.match(await world.ticket('IN1'), { closedBy: 'incident', incident: { id, status: 'closed' } })
    t.equal(world.sink.one('IN1').notes.length, 1)
    await world.changes()
    t.equal(await world.hook(id), false)
    t.strictSame(await world.effects('IN1', 'ctp_close'), [])
  },
)

t.test('49 both sides closed at the same time: nothing is sent to the ticket', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1', { status: 'Closed' })
  await world.take('IN1')
  world.sink.closeIncident(world.incident('IN1'))
  await world.changes()
  await world.work()
  await world.changes()
  t.strictSame(await world.effects('IN1', 'ctp_close'), [])
  t.match(await world.ticket('IN1'), { state: 'closed' })
  t.equal(world.desk.count('close'), 0)
})

t.test('comments that are meant for the ticket get there once, oldest first, marked', async (t) => {
  const world = await createWorld()
  const id = world.incident('IN1')
  world.sink.comment(id, 'one')
  await world.changes()
  world.sink.comment(id, 'two')
  await world.changes()
  await world.changes()
  await world.work()
  const texts = world.desk.raw('IN1').notes.map(({ text }) => text)
  t.match(texts, [/^one\n\nSOAR-REF [0-9a-f]{12}$/, /^two\n\nSOAR-REF [0-9a-f]{12}$/])
  t.equal(texts.length, 2)
})

t.test('incidents that are none of ours change nothing, and cost no request', async (t) => {
  const world = await createWorld()
  world.sink.make('OTHER', { status: 'closed' })
  world.sink.make('IN1', { status: 'closed' })
  const before = world.sink.calls.length
  await world.changes()
  t.strictSame(world.sink.calls.slice(before), ['changes '])
  t.match(await world.ticket('IN1'), { state: 'open' }, 'a second incident of the ticket is not its incident')
})

t.test(
  'one incident that can not be looked at is read again later, and keeps back no other one',
  async (t) => {
    const world = await createWorld(['IN1', 'IN2'])
    for (const id of ['IN1', 'IN2']) world.sink.closeIncident(world.incident(id))
    world.sink.fail('read', { when: 'before', error: errorOf('sink', 'unavailable', { status: 500 }) })
    await t.rejects(world.changes(), errorOf('sink', 'unavailable', { status: 500 }))
    const closed = async () => {
      const both = [await world.ticket('IN1'), await world.ticket('IN2')]
      return both.filter((ticket) => ticket?.closedBy === 'incident').length
    }
    t.equal(await closed(), 1)
    await world.changes()
    t.equal(await closed(), 2, 'the cursor did not move past it')
  },
)

t.test('an incident that the sink refuses to show for a while loses no closing', async (t) => {
  const world = await createWorld(['IN1', 'IN2'])
  const { sink, changes } = world
  const [first, second] = [world.incident('IN1'), world.incident('IN2')]
  const refuses = () => ({ when: 'before', error: errorOf('sink', 'rejected', { status: 400 }) }) as const
  sink.closeIncident(first)
  sink.fail('read', refuses(), refuses(), refuses())
  for (let looks = 0; looks < 3; looks++) await changes()
  t.match(await world.ticket('IN1'), { state: 'open' })
  sink.closeIncident(second)
  const before = sink.calls.length
  await changes()
  const reads = sink.calls.slice(before).filter((call) => call.startsWith('read'))
  t.same(reads, [`read ${first}`, `read ${second}`])
  for (const id of ['IN1', 'IN2']) t.equal((await world.effects(id, 'ctp_close')).length, 1, id)
  const calls = sink.calls.length
  await changes()
  t.same(sink.calls.slice(calls), ['changes '], 'then it is asked for no more')
})

t.test('a sink that wants to be left alone is left alone at once', async (t) => {
  const world = await createWorld(['IN1', 'IN2'])
  for (const id of ['IN1', 'IN2']) world.sink.closeIncident(world.incident(id))
  const before = world.sink.calls.length
  world.sink.fail('read', { when: 'before', error: errorOf('sink', 'throttled', { status: 429 }) })
  await t.rejects(world.changes(), errorOf('sink', 'throttled', { status: 429 }))
  t.equal(world.sink.calls.length - before, 2)
})

t.test('a comment that the sink will never hand out is not asked for for ever', async (t) => {
  const world = await createWorld()
  world.sink.comment(world.incident('IN1'), 'one')
  world.sink.fail('comments', { when: 'before', error: errorOf('sink', 'rejected', { status: 400 }) })
  await world.changes()
  const before = world.sink.calls.length
  await world.changes()
  t.strictSame(world.sink.calls.slice(before), ['changes '])
})

t.test('a hook costs one read, and none for an incident that no ticket of ours has', async (t) => {
  const world = await createWorld()
  const id = world.incident('IN1')
  const calls = async (incidentId: string) => {
    const before = world.sink.calls.length
    const isDue = await world.hook(incidentId)
    return { isDue, calls: world.sink.calls.slice(before) }
  }
  t.strictSame(await calls('4711'), { isDue: false, calls: [] })
  t.strictSame(await calls(id), { isDue: false, calls: [`read ${id}`] }, 'it is open: nothing changes')
  t.match(await world.ticket('IN1'), { state: 'open' })
  world.sink.closeIncident(id, { key: 'first' })
  t.strictSame(await calls(id), { isDue: true, calls: [`read ${id}`] })
  t.strictSame(await calls(id), { isDue: false, calls: [`read ${id}`] }, 'told twice')
  t.match(await world.effects('IN1', 'ctp_close'), [{ key: 'first' }])
  world.sink.reopenIncident(id)
  t.strictSame(await calls(id), { isDue: false, calls: [`read ${id}`] })
  t.match(await world.ticket('IN1'), { state: 'closed' }, 'an incident that is not closed changes nothing')
  world.sink.deleteIncident(id)
  t.strictSame(await calls(id), { isDue: false, calls: [`read ${id}`] })
})

t.test('a sink that can not be asked tells by the hook why an incident was closed', async (t) => {
  const world = await createWorld(['IN1'], { readable: false })
  const id = world.incident('IN1')
  const told = { closeCode: 'Done', summary: 'seen to' }
  t.equal(await world.hook(id, told), true)
  t.equal(await world.hook(id, told), false, 'told twice')
  t.match(await world.effects('IN1', 'ctp_close'), [
    { key: 'hook 1', payload: { closing: { code: 'Done', summary: 'seen to' } } },
  ])
  t.equal(world.sink.count('read'), 0)
  t.match(await world.ticket('IN1'), { closedBy: 'incident' })
})

t.test('50 B22 open incidents whose tickets were not seen for six hours are read anew', async (t) => {
  const world = await createWorld(['IN1', 'IN2', 'IN3', 'IN4'])
  world.sink.closeIncident(world.incident('IN4'))
  await world.changes()
  clock.ahead(5 * hour)
  await world.take('IN3')
  clock.ahead(hour + 1)
  world.desk.put('IN1', { status: 'Pending' })
  world.desk.drop('IN2')
  const before = world.desk.calls.length
  await world.reconcile()
  t.strictSame(world.desk.calls.slice(before), ['ticket IN1', 'ticket IN2'])
  t.match(await world.ticket('IN1'), { status: 'Pending', revision: 2 })
  t.match(await world.ticket('IN2'), { state: 'open', revision: 1 })
  await world.reconcile()
  t.equal(world.round.dueAt, clock.now() + hour, 'the round is over')
  clock.ahead(7 * hour)
  await world.reconcile()
  const gone = (await store.events(world.name, 'IN2')).filter(({ kind }) => kind === 'gone')
  t.equal(gone.length, 1, 'told once')
})

t.test('a round reads some at a time, goes past those that fail, and rests with the desk', async (t) => {
  const ids = Array.from({ length: 30 }, (_, n) => `IN${n}`)
  const world = await createWorld(ids)
  clock.ahead(7 * hour)
  world.desk.refuse('ticket', errorOf('desk', 'unavailable', { status: 500 }), errorOf('desk', 'rejected'))
  await world.reconcile()
  t.equal(world.desk.count('ticket'), 25)
  await world.reconcile()
  t.equal(world.desk.count('ticket'), 30)
  await world.reconcile()
  t.equal(world.desk.count('ticket'), 30, 'those that failed wait for the next round')
  clock.ahead(hour)
  world.desk.refuse('ticket', errorOf('desk', 'credentials', { status: 401 }))
  await world.reconcile()
  t.equal(world.desk.count('ticket'), 31, 'no storm')
  t.match(await store.bridgeHealth(world.name, 'desk'), { circuit: 'paused' })
})
