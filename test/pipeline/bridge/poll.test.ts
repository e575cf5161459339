/** Reading a desk: what is acknowledged is stored, nothing that waits is left behind, no failure is a storm. */
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import t from 'tap'
import type { Bridge } from '../../../src/pipeline/bridge/bridge.ts'
import { contentHash } from '../../../src/pipeline/bridge/content-hash.ts'
import { carryOutPoll } from '../../../src/pipeline/bridge/poll.ts'
import { type PollPolicy, pollDueAt, pollTimes } from '../../../src/pipeline/bridge/poll-due.ts'
import type { Poll } from '../../../src/store/poll-store.ts'
import type { TicketStore } from '../../../src/store/ticket-store.ts'
import { createClock, openStore } from '../exports/world.ts'
import { silent } from '../store.ts'
import { errorOf } from './faults.ts'
import { createQueuedDesk, type QueuedDeskOptions } from './queued-desk.ts'
import { createSink } from './sink.ts'
import { retry, rules } from './world.ts'

const clock = createClock()
const store = await openStore(t, clock)
const minute = 60_000
const hour = 60 * minute
let bridges = 0

async function createWorld(
  options: QueuedDeskOptions = {},
  over: (store: TicketStore) => TicketStore = (same) => same,
) {
  const name = `b${++bridges}`
  const desk = createQueuedDesk(options)
  const bridge: Bridge = {
    ...{ name, deskKind: 'desk', sinkKind: 'sink', desk, sink: createSink() },
    ...{ rules, retry, concurrency: 4 },
  }
  await store.registerBridges([name])
  const slept: number[] = []
  let woken = 0
  const never = new AbortController().signal
  const context = {
    store: over(store),
    log: silent,
    now: clock.now,
    random: () => 0.5,
    onTaken: async () => {
      woken++
    },
    sleep: async (ms: number) => {
      slept.push(ms)
    },
  }
  const carryOut = (id: string, signal = never) => carryOutPoll(id, bridge, context, signal)
  return {
    name,
    desk,
    bridge,
    slept,
    carryOut,
    woken: () => woken,
    /** A poll from its start to its end. */
    async poll(): Promise<Poll> {
      clock.ahead(1000)
      const { poll } = await store.startPoll(name, new Date(clock.now()))
      await carryOut(poll.id)
      return (await store.poll(poll.id)) ?? poll
    },
    ticket: (id: string) => store.ticket(name, id),
    waiting: () => store.unacknowledged(name, { limit: 100 }),
    async dueAt(more: Partial<PollPolicy> = {}) {
      const policy = { everyMs: 10 * minute, retry: bridge.retry, startedAt: 0, triesPaused: false, ...more }
      return pollDueAt(await pollTimes(bridge, store), policy)
    },
  }
}

t.test('1 a new ticket is stored, then acknowledged with the version that came', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1', { priority: 'HIGH' })
  let before: unknown
  world.desk.before('acknowledge', async () => {
    before = await store.ticket(world.name, 'IN1')
  })
  t.match(await world.poll(), { status: 'succeeded', received: 1, stored: 1, acknowledged: 1, errors: [] })
  t.match(await world.ticket('IN1'), { status: 'Active', raw: { priority: 'HIGH' }, revision: 1 })
  t.match(before, { revision: 1 }, 'stored first')
  t.notOk('version' in ((await world.ticket('IN1'))?.raw ?? {}), 'a version is none of the content')
  t.match(await store.versions(world.name, 'IN1'), [{ version: '1-1', ackCode: 'SUCCESS' }])
  t.equal(world.woken(), 1)
})

t.test('2 a poll without a change stores nothing, and plans nothing', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1')
  await world.poll()
  t.match(await world.poll(), { status: 'succeeded', received: 0, stored: 0 })
  t.equal(world.woken(), 1)
})

t.test(
  'a state that comes again under another version is no new revision, and is acknowledged',
  async (t) => {
    const world = await createWorld()
    world.desk.put('IN1')
    world.desk.refuse('acknowledge', errorOf('desk', 'outcome-unknown'))
    t.match(await world.poll(), { status: 'failed', stored: 1, acknowledged: 0 })
    t.match(await world.poll(), {
      status: 'succeeded',
      received: 1,
      stored: 0,
      unchanged: 1,
      acknowledged: 1,
    })
    t.match(await world.ticket('IN1'), { revision: 1 })
    t.equal((await world.waiting()).length, 0, 'the older version need not be acknowledged any more')
  },
)

t.test('3 B7 one poll drains every page, and acknowledges each ticket once', async (t) => {
  const world = await createWorld({ limit: 500 })
  for (let n = 0; n < 1200; n++) world.desk.put(`IN${n}`)
  t.match(await world.poll(), {
    status: 'succeeded',
    pages: 3,
    received: 1200,
    stored: 1200,
    acknowledged: 1200,
  })
  t.equal(new Set(world.desk.acknowledged).size, 1200)
  t.equal(world.desk.acknowledged.length, 1200)
  const most = world.desk.calls.filter((each) => each.startsWith('acknowledge'))
  t.ok(most.every((each) => each.split(',').length <= 100))
})

t.test('4 what was stored before a crash is acknowledged after it, and not stored twice', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1')
  const stop = new AbortController()
  world.desk.before('acknowledge', () => {
    stop.abort(new Error('the server stops'))
    throw stop.signal.reason
  })
  const { poll } = await store.startPoll(world.name, new Date(clock.now()))
  t.equal(await world.carryOut(poll.id, stop.signal), 'handed back')
  t.match(await store.poll(poll.id), { status: 'running', stored: 1, acknowledged: 0 })
  t.strictSame(world.desk.acknowledged, [])
  t.equal(await world.carryOut(poll.id), 'ended', 'under the same id')
  t.match(await store.poll(poll.id), {
    status: 'succeeded',
    received: 2,
    stored: 1,
    unchanged: 1,
    acknowledged: 1,
  })
  t.match(await world.ticket('IN1'), { revision: 1 })
})

t.test('5 what was not stored is not acknowledged', async (t) => {
  let isAway = true
  const away = Object.assign(new Error('no database'), { code: 'gone' })
  const world = await createWorld({}, (real) => ({
    ...real,
    takeTickets: (page) => (isAway ? Promise.reject(away) : real.takeTickets(page)),
  }))
  world.desk.put('IN1')
  t.match(await world.poll(), { status: 'failed', received: 0, errors: [{ code: 'INTERNAL' }] })
  t.equal(world.desk.count('acknowledge'), 0)
  isAway = false
  t.match(await world.poll(), { status: 'succeeded', stored: 1, acknowledged: 1 })
})

t.test('6 a version that the desk refuses is tried once in each poll, the others go on', async (t) => {
  const world = await createWorld({ limit: 5 })
  for (const id of ['IN1', 'IN2', 'IN3', 'IN4', 'IN5']) world.desk.put(id)
  world.desk.answers.set('IN3', 'NOT_NOW')
  t.match(await world.poll(), {
    status: 'succeeded',
    acknowledged: 4,
    refused: [{ ticketId: 'IN3', code: 'NOT_NOW' }],
  })
  t.equal(world.desk.count('acknowledge'), 1)
  t.strictSame(
    (await world.waiting()).map(({ ticketId }) => ticketId),
    ['IN3'],
  )
  world.desk.answers.clear()
  t.match(await world.poll(), { status: 'succeeded', acknowledged: 1, refused: [] })
  t.equal(world.desk.calls.filter((each) => each === 'acknowledge IN3').length, 1)
})

t.test('7 a ticket that changes before it is acknowledged is taken in its new state, once', async (t) => {
  const world = await createWorld({ limit: 1 })
  world.desk.put('IN1')
  world.desk.before('acknowledge', () => world.desk.put('IN1', { status: 'Pending' }))
  t.match(await world.poll(), {
    status: 'succeeded',
    stored: 2,
    acknowledged: 1,
    refused: [{ code: 'STALE_VERSION' }],
  })
  t.match(await world.ticket('IN1'), { revision: 2, status: 'Pending' })
  t.strictSame(world.desk.acknowledged, ['IN1 2'])
})

t.test('8 B8 a queue that fails is tried again, and keeps no other one from being read', async (t) => {
  const world = await createWorld({ queues: ['INCIDENT', 'CHANGE'] })
  world.desk.put('IN1', {}, 'CHANGE')
  const down = errorOf('desk', 'unavailable', { status: 500 })
  world.desk.refuse('waiting INCIDENT', down, down, down)
  const poll = await world.poll()
  t.match(poll, { status: 'partial', stored: 1, acknowledged: 1 })
  t.match(poll.errors, [{ code: 'UPSTREAM_UNAVAILABLE', part: 'INCIDENT' }])
  t.equal(world.desk.count('waiting INCIDENT'), 3)
  t.strictSame(world.slept, [1000, 2000])
  const ended = Date.parse(poll.endedAt ?? '')
  t.equal(await world.dueAt(), ended + 1000, 'and soon once more')
  t.equal((await store.pollState(world.name)).completeAt, null)
  world.desk.refuse('waiting INCIDENT', down, down)
  t.match(await world.poll(), { status: 'succeeded', errors: [] }, 'what passes within a poll is no failure')
})

t.test('9 a desk that asks to wait is sent nothing before, by whoever asks; others go on', async (t) => {
  const world = await createWorld({ queues: ['INCIDENT', 'CHANGE'] })
  const other = await createWorld()
  world.desk.put('IN1', {}, 'CHANGE')
  const told = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  world.desk.refuse('waiting INCIDENT', errorOf('desk', 'throttled', { status: 429, retryAfterMs: 30_000 }))
  world.desk.before('waiting INCIDENT', () => asked.promise)
  world.desk.before('waiting CHANGE', () => {
    asked.resolve()
    return told.promise
  })
  const polling = world.poll()
  const isTold = async () => (await store.bridgeHealth(world.name, 'desk')).waitUntil !== null
  while (!(await isTold())) await turn()
  told.resolve()
  t.match(await polling, { status: 'failed', stored: 1, acknowledged: 0 }, 'not even an acknowledgement')
  const until = clock.now() + 30_000
  t.strictSame([...world.desk.calls].sort(), ['waiting CHANGE ', 'waiting INCIDENT '])
  t.equal(await world.dueAt(), until)
  const { status, errors } = await world.poll()
  t.equal(status, 'failed')
  t.match(errors[0], { code: 'UPSTREAM_THROTTLED', detail: /nothing is sent there before 2026/ })
  t.equal(world.desk.calls.length, 2)
  t.match(await other.poll(), { status: 'succeeded' })
  clock.ahead(30_000)
  t.match(await world.poll(), { status: 'succeeded', unchanged: 1, acknowledged: 1 })
})

t.test(
  '10 refused credentials pause the desk after one request; a poll that somebody asks for tries once',
  async (t) => {
    const world = await createWorld()
    const refused = errorOf('desk', 'credentials', { status: 401 })
    world.desk.refuse('waiting INCIDENT', refused, refused)
    t.match(await world.poll(), { status: 'failed', errors: [{ code: 'UPSTREAM_CREDENTIALS' }] })
    const health = await store.bridgeHealth(world.name, 'desk')
    t.match(health, {
      circuit: 'paused',
      error: { remedy: new RegExp(`/api/v1/bridges/${world.name}/resume`) },
    })
    t.equal(await world.dueAt(), undefined, 'nothing is asked by itself')
    t.equal(await world.dueAt({ triesPaused: true }), 0, 'a new process tries')
    t.match(await world.poll(), { status: 'failed' })
    t.equal(world.desk.calls.length, 2)
    t.match(await world.poll(), { status: 'succeeded' })
    t.match(await store.bridgeHealth(world.name, 'desk'), { circuit: 'closed', error: null })
  },
)

t.test('what waits for a paused desk goes on, also where the poll that tries it finds it away', async (t) => {
  const world = await createWorld()
  const { name, desk } = world
  desk.put('IN1')
  await world.poll()
  const now = new Date(clock.now())
  const claim = await store.claimBridge(name, { settleMs: 5000, now })
  const { stirred = 0 } = (await store.work(name, claim, 'IN1')) ?? {}
  const add = [{ kind: 'ctp_close', key: '1', payload: {} }] as const
  const step = { ticketId: 'IN1', add, planned: { revision: 1, closed: false } }
  await store.step(name, claim, step, { dueAt: null, stirred, now })
  const paused = { circuit: 'paused', failures: 1, waitUntil: null, error: null } as const
  await store.saveBridgeHealth(name, 'desk', paused)
  await store.saveBridgeHealth(name, 'sink', paused)
  desk.refuse('waiting INCIDENT', ...Array.from({ length: 3 }, () => errorOf('desk', 'unavailable')))
  t.match(await world.poll(), { status: 'failed' })
  t.match(await store.bridgeHealth(name, 'desk'), { circuit: 'open' })
  t.match(await store.bridgeHealth(name, 'sink'), paused, 'the other end is none of its business')
  t.ok(await store.nextWork(name), 'it waits for the desk, and for nobody')
})

t.test('a queue that the account may not read pauses the desk where it is the only one', async (t) => {
  const world = await createWorld({ queues: ['INCIDENT', 'CHANGE'] })
  world.desk.put('IN1')
  const refused = errorOf('desk', 'permission', { status: 403 })
  world.desk.refuse('waiting CHANGE', refused, refused)
  t.match(await world.poll(), {
    status: 'partial',
    stored: 1,
    errors: [{ code: 'UPSTREAM_PERMISSION', part: 'CHANGE' }],
  })
  t.match(await store.bridgeHealth(world.name, 'desk'), { circuit: 'closed' })
  world.desk.refuse('waiting INCIDENT', refused)
  t.match(await world.poll(), { status: 'failed' })
  t.match(await store.bridgeHealth(world.name, 'desk'), { circuit: 'paused' })
})

t.test('11 an answer that makes no sense fails the poll, and the next one is fine', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1')
  world.desk.refuse('waiting INCIDENT', errorOf('desk', 'unreadable'))
  t.match(await world.poll(), { status: 'failed', errors: [{ code: 'UPSTREAM_UNREADABLE' }] })
  t.match(await world.poll(), { status: 'succeeded', stored: 1 })
})

t.test('B6 tickets that nobody foresaw are kept, and keep no other one at the desk', async (t) => {
  const world = await createWorld({ limit: 2 })
  for (const id of ['IN1', 'IN2']) world.desk.put(id, { poison: true })
  for (const id of ['IN3', 'IN4', 'IN5']) world.desk.put(id)
  t.match(await world.poll(), {
    status: 'succeeded',
    received: 5,
    stored: 5,
    acknowledged: 5,
    unreadableCount: 0,
  })
  t.match(await world.ticket('IN1'), { raw: { poison: true } })
})

t.test('a page that can not be acknowledged ends the poll, which says that it read not all', async (t) => {
  const world = await createWorld({ limit: 2 })
  for (const id of ['IN1', 'IN2', 'IN3']) world.desk.put(id)
  for (const id of ['IN1', 'IN2']) world.desk.answers.set(id, 'NOT_NOW')
  const poll = await world.poll()
  t.match(poll, {
    status: 'failed',
    stored: 2,
    errors: [{ code: 'UPSTREAM_REJECTED', detail: /same 2 tickets/ }],
  })
  t.equal(world.desk.count('acknowledge'), 1)
  t.match(await store.bridgeHealth(world.name, 'desk'), { circuit: 'closed' })
  world.desk.answers.delete('IN1')
  t.match(await world.poll(), { status: 'succeeded', stored: 1 })
})

t.test('what was stored and is not handed out again is acknowledged all the same', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1')
  world.desk.refuse('acknowledge', errorOf('desk', 'outcome-unknown'))
  await world.poll()
  world.desk.drop('IN1')
  world.desk.answers.set('IN1', 'SUCCESS')
  t.match(await world.poll(), { status: 'succeeded', received: 0, acknowledged: 1 })
  t.equal((await world.waiting()).length, 0)
})

t.test('a poll that another worker has taken over writes nothing more', async (t) => {
  const world = await createWorld()
  world.desk.put('IN1')
  const { poll } = await store.startPoll(world.name, new Date(clock.now()))
  world.desk.before('waiting INCIDENT', async () => {
    await store.claimPoll(poll.id)
  })
  t.equal(await world.carryOut(poll.id), 'lost')
  t.match(await store.poll(poll.id), { status: 'running', received: 0 })
  t.strictSame(world.desk.acknowledged, [])
})

t.test('50 B22 a desk that was not read for twenty of its twenty-four hours has a gap', async (t) => {
  const world = await createWorld()
  const { startedAt: from } = await world.poll()
  clock.ahead(19 * hour)
  await world.poll()
  t.equal((await store.pollState(world.name)).gap, null)
  clock.ahead(30 * hour)
  const { startedAt: to } = await world.poll()
  const last = (await store.pollState(world.name)).gap
  t.match(last, { to })
  t.not(last?.from, from, 'since the last one that was complete')
  clock.ahead(hour)
  await world.poll()
  t.strictSame((await store.pollState(world.name)).gap, last, 'and it stays told')
})

t.test('B20 when a desk is polled next', async (t) => {
  const retry = { attempts: 4, initialMs: 1000, maxMs: hour }
  const at = Date.parse('2026-03-10T12:00:00Z')
  const policy: PollPolicy = { everyMs: 10 * minute, retry, startedAt: at - hour, triesPaused: false }
  const iso = (ms: number) => new Date(ms).toISOString()
  const health = { circuit: 'closed', failures: 0, waitUntil: null, error: null } as const
  const poll = (status: Poll['status']): Poll => ({
    ...{ id: '1', bridge: 'ctp', status, startedAt: iso(at), pages: 0, received: 0, stored: 0, unchanged: 0 },
    ...{ unreadableCount: 0, unreadable: [], acknowledged: 0, refused: [], errors: [] },
    endedAt: status === 'running' ? null : iso(at + 5000),
  })
  const times = (last: Poll | undefined, failures = 0, more: object = {}) => ({
    state: { ...(last && { last }), completeAt: null, gap: null },
    health: { ...health, ...more },
    failures,
  })
  const late = iso(at + 20 * minute)
  const throttled = { code: 'UPSTREAM_THROTTLED', cause: 'slower', remedy: 'wait', at: iso(at) }
  const cases: readonly [string, ReturnType<typeof times>, Partial<PollPolicy>, number | undefined][] = [
    ['the first one is at the start', times(undefined), {}, 0],
    ['a new process polls at its start', times(poll('succeeded')), { startedAt: at + minute }, 0],
    ['then `every` after the last one began', times(poll('succeeded')), {}, at + 10 * minute],
    ['one that is under way is gone on with', times(poll('running')), {}, 0],
    ['one that was asked for, too', times(poll('running'), 0, { circuit: 'paused' }), { everyMs: null }, 0],
    ['off: only when asked', times(undefined), { everyMs: null }, undefined],
    ['a failed one is repeated soon', times(poll('failed'), 1), {}, at + 6000],
    ['and less soon', times(poll('partial'), 4), {}, at + 13_000],
    ['but not later than `every`', times(poll('failed'), 12), {}, at + 10 * minute],
    ['not before the desk wants to', times(poll('failed'), 1, { waitUntil: late }), {}, Date.parse(late)],
    ['nor after a success', times(poll('succeeded'), 0, { waitUntil: late }), {}, Date.parse(late)],
    [
      'a desk that fails waits for no more than that',
      times(poll('failed'), 1, { circuit: 'open', waitUntil: late }),
      {},
      at + 6000,
    ],
    [
      'one that fails and asks to be left alone is',
      times(poll('failed'), 1, { circuit: 'open', waitUntil: late, error: throttled }),
      {},
      Date.parse(late),
    ],
    ['a paused one waits', times(poll('failed'), 1, { circuit: 'paused' }), {}, undefined],
    ['but for a new process', times(poll('failed'), 1, { circuit: 'paused' }), { triesPaused: true }, 0],
  ]
  for (const [what, given, more, expected] of cases)
    t.equal(pollDueAt(given, { ...policy, ...more }), expected, what)
})

t.test('a ticket is the same whatever its version and the order of its keys', async (t) => {
  const keys = fc.string().filter((key) => key !== 'version')
  const tickets = fc.dictionary(keys, fc.jsonValue({ maxDepth: 3 }), { maxKeys: 6, noNullPrototype: true })
  const turned = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(turned)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, each]) => [key, turned(each)]),
    )
  }
  fc.assert(
    fc.property(tickets, fc.string(), (raw, version) => {
      const other = { version, ...(turned(raw) as typeof raw) }
      return contentHash(raw) === contentHash(other)
    }),
    { numRuns: 2000 },
  )
  const different = [{}, { a: 1 }, { a: '1' }, { a: [1, 2] }, { a: [2, 1] }, { a: { b: 1 } }, { a: null }]
  t.equal(new Set(different.map(contentHash)).size, different.length)
})
