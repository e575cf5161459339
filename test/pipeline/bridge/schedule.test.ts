/** When bridges are worked at: the schedule, its queues, several replicas on one database, and a store that goes away. */
import { setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { ServiceError } from '../../../src/errors.ts'
import type { Bridge } from '../../../src/pipeline/bridge/bridge.ts'
import type { Schedule, ScheduleOptions } from '../../../src/pipeline/schedule.ts'
import type { Poll } from '../../../src/store/poll-store.ts'
import type { TicketStore } from '../../../src/store/ticket-store.ts'
import type { Effect } from '../../../src/store/tickets.ts'
import { freshStore, type Stored, scheduled } from '../store.ts'
import { errorOf } from './faults.ts'
import { createQueuedDesk, type QueuedDeskOptions } from './queued-desk.ts'
import { createSink } from './sink.ts'
import { rules } from './world.ts'

// Each has a database of its own, and waits most of the time.
t.jobs = 4
const beside = { buffered: true } as const

interface Test {
  teardown(after: () => Promise<void>): void
}

const retry = { attempts: 4, initialMs: 100, maxMs: 1000 }

/** Asks again until it is so. */
async function until<T extends NonNullable<unknown>>(
  ask: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (answer !== undefined && answer !== false) return answer
    await wait(50)
  }
}

function bridgeWith(options: QueuedDeskOptions & { readonly changesEveryMs?: number } = {}) {
  const desk = createQueuedDesk({ everyMs: 3_600_000, ...options })
  const sink = createSink()
  Object.assign(sink, { changesEveryMs: options.changesEveryMs ?? 3_600_000 })
  const bridge: Bridge = {
    ...{ name: 'ctp', deskKind: 'desk', sinkKind: 'sink', desk, sink },
    ...{ rules, retry, concurrency: 4 },
  }
  return { desk, sink, bridge }
}

interface Bridging extends Partial<ScheduleOptions> {
  readonly over?: (store: TicketStore) => TicketStore
}

function bridging(
  t: Test,
  stored: Stored,
  bridges: readonly Bridge[],
  { over = (same) => same, ...more }: Bridging = {},
): Promise<Schedule> {
  const { store } = stored
  const made = { bridges, store: over(store), triesPaused: true, holdsBack: true }
  return scheduled(t, { ...stored, sources: [], bridges: made, planEveryMs: 200, ...more })
}

const ended = ({ store }: Stored, count = 1): Promise<readonly Poll[]> =>
  until(async () => {
    const polls = await store.polls('ctp', { limit: 10 })
    return polls.length >= count && polls.every(({ endedAt }) => endedAt !== null) && polls
  })

const effects = ({ store }: Stored, ticketId: string): Promise<readonly Effect[]> =>
  store.effects({ bridges: ['ctp'], ticketId, limit: 100 })

t.test(
  'B20 the first poll is at the start, and what it brings becomes incidents by itself',
  beside,
  async (t) => {
    const stored = await freshStore(t)
    const { desk, sink, bridge } = bridgeWith()
    desk.put('IN1')
    desk.note('IN1', 'one')
    await bridging(t, stored, [bridge])
    await until(() => sink.of('IN1')[0]?.notes.length === 1)
    t.match(await ended(stored), [{ status: 'succeeded', stored: 1, acknowledged: 1 }])
    t.strictSame(desk.acknowledged, ['IN1 1'])
  },
)

t.test('a desk is polled every so often; one that is off, when somebody asks', beside, async (t) => {
  const stored = await freshStore(t)
  const often = bridgeWith({ everyMs: 1000 })
  const off = bridgeWith({ everyMs: null })
  const bridges = [often.bridge, { ...off.bridge, name: 'off' }]
  const schedule = await bridging(t, stored, bridges)
  const polls = await ended(stored, 3)
  const starts = polls.map(({ startedAt }) => Date.parse(startedAt)).reverse()
  for (const [n, start] of starts.entries()) if (n > 0) t.ok(start - (starts[n - 1] ?? 0) >= 1000)
  t.strictSame(await stored.store.polls('off', { limit: 10 }), [])
  const { poll } = await stored.store.startPoll('off', new Date())
  await schedule.wakePoll('off')
  await until(async () => (await stored.store.poll(poll.id))?.endedAt ?? undefined)
})

t.test('a closing is found while tickets wait for nothing, and the ticket is closed', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith({ changesEveryMs: 300 })
  desk.put('IN1')
  await bridging(t, stored, [bridge])
  const { id } = await until(() => sink.of('IN1')[0])
  await until(async () => (await stored.store.ticket('ctp', 'IN1'))?.incident ?? undefined)
  sink.closeIncident(id)
  await until(() => desk.raw('IN1').status === 'Closed')
  await until(async () => (await effects(stored, 'IN1')).every(({ state }) => state === 'done'))
  t.equal(desk.count('close'), 1)
})

t.test('closings are found while a ticket is worked at for long, and polls go on', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith({ changesEveryMs: 300, everyMs: 500 })
  desk.put('IN1')
  await bridging(t, stored, [bridge])
  const { id } = await until(() => sink.of('IN1')[0])
  await until(async () => (await stored.store.ticket('ctp', 'IN1'))?.incident ?? undefined)
  const hold = Promise.withResolvers<void>()
  sink.onCall = (call, about) => (call === 'create' && about === 'IN2' ? hold.promise : undefined)
  desk.put('IN2')
  await until(() => sink.count('create IN2') === 1)
  sink.closeIncident(id)
  await until(() => desk.raw('IN1').status === 'Closed')
  desk.put('IN3')
  await until(() => desk.acknowledged.includes('IN3 1'))
  t.equal(sink.of('IN2').length, 0, 'all of that while the other one is under way')
  hold.resolve()
  await until(() => sink.of('IN2').length === 1)
})

t.test('a clock that was set back keeps nobody waiting until it is as late again', beside, async (t) => {
  const stored = await freshStore(t)
  const { store } = stored
  const { desk, sink, bridge } = bridgeWith({ changesEveryMs: 300 })
  const ahead = new Date(Date.now() + 86_400_000)
  await store.registerBridges(['ctp'])
  const { poll } = await store.startPoll('ctp', ahead)
  const claim = (await store.claimPoll(poll.id)) ?? 0
  await store.endPoll(poll.id, claim, { status: 'succeeded', errors: [], now: ahead })
  const holder = await store.claimBridge('ctp', { settleMs: 0, now: ahead })
  await store.saveChangeCursor('ctp', holder, '0', ahead)
  desk.put('IN1')
  await bridging(t, stored, [bridge])
  const { id } = await until(() => sink.of('IN1')[0])
  sink.closeIncident(id)
  await until(() => desk.raw('IN1').status === 'Closed')
  t.equal((await ended(stored, 2)).length, 2, 'and is no reason for polls without end')
})

t.test('a sink that is down keeps no ticket at its desk', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith({ everyMs: 300 })
  sink.fail('find', { when: 'before', error: errorOf('sink', 'credentials', { status: 401 }) })
  desk.put('IN1')
  await bridging(t, stored, [bridge])
  await until(async () => (await stored.store.bridgeHealth('ctp', 'sink')).circuit === 'paused')
  desk.put('IN2')
  await until(() => desk.acknowledged.includes('IN2 1'))
  t.equal(sink.count('find'), 1, 'no storm')
  t.equal(sink.count('changes'), 1)
})

t.test('a start tries what is paused once, at both ends', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith()
  const refused = (side: 'desk' | 'sink') => errorOf(side, 'credentials', { status: 401 })
  desk.put('IN1')
  const first = await bridging(t, stored, [bridge])
  await until(() => sink.of('IN1').length === 1)
  await first.stop(5000)
  const { store } = stored
  desk.refuse('waiting INCIDENT', refused('desk'), refused('desk'))
  sink.fail('find', { when: 'before', error: refused('sink') })
  desk.put('IN2')
  const raw = { ticketId: 'IN2', ...desk.raw('IN2') }
  await store.takeRead(
    'ctp',
    { id: 'IN2', raw, hash: 'x', status: null, title: null, updatedAt: null },
    new Date(),
  )
  const paused = async () => {
    const ends = await Promise.all(
      (['desk', 'sink'] as const).map(async (end) => (await store.bridgeHealth('ctp', end)).circuit),
    )
    return ends.every((circuit) => circuit === 'paused')
  }
  const second = await bridging(t, stored, [bridge])
  await until(paused)
  const before = [desk.count('waiting INCIDENT'), sink.count('find')]
  await wait(1000)
  t.strictSame([desk.count('waiting INCIDENT'), sink.count('find')], before, 'nothing goes on by itself')
  await second.stop(5000)
  await bridging(t, stored, [bridge])
  await until(() => sink.of('IN2').length === 1)
  await until(async () => (await store.bridgeHealth('ctp', 'desk')).circuit === 'paused')
  t.equal(desk.count('waiting INCIDENT'), (before[0] ?? 0) + 1, 'the desk is as wrong as before')
  t.match(await store.bridgeHealth('ctp', 'sink'), { circuit: 'closed' })
})

t.test('what is mended while another mending is being tried is tried as well', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith()
  const refused = (side: 'desk' | 'sink') => errorOf(side, 'credentials', { status: 401 })
  const isPaused = async (end: 'desk' | 'sink') =>
    (await stored.store.bridgeHealth('ctp', end)).circuit === 'paused'
  desk.put('IN1')
  sink.fail('find', { when: 'before', error: refused('sink') }, { when: 'before', error: refused('sink') })
  const schedule = await bridging(t, stored, [bridge])
  await until(() => isPaused('sink'))
  await ended(stored)
  desk.refuse('waiting INCIDENT', refused('desk'), refused('desk'))
  await stored.store.startPoll('ctp', new Date())
  await schedule.wakePoll('ctp')
  await until(() => isPaused('desk'))
  const holds = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  const begun = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const
  sink.onCall = (call) => {
    if (call !== 'find') return undefined
    begun[0].resolve()
    return holds[0].promise
  }
  desk.before('waiting INCIDENT', () => {
    begun[1].resolve()
    return holds[1].promise
  })
  await schedule.tryBridgeAnew('ctp')
  await Promise.all(begun.map(({ promise }) => promise))
  await schedule.tryBridgeAnew('ctp')
  sink.onCall = () => undefined
  for (const { resolve } of holds) resolve()
  await until(async () => sink.of('IN1').length > 0 && !(await isPaused('desk')))
  t.equal(sink.of('IN1').length, 1)
})

t.test(
  '51 of any number of replicas one works at a ticket, and another one goes on when it stops',
  async (t) => {
    const stored = await freshStore(t)
    const { desk, sink, bridge } = bridgeWith()
    for (let n = 0; n < 20; n++) desk.put(`IN${n}`)
    const options = { exclusive: false }
    const hold = Promise.withResolvers<void>()
    sink.onCall = (call) => (call === 'create' ? hold.promise : undefined)
    const first = await bridging(t, stored, [bridge], options)
    await until(() => sink.count('create') > 0)
    await bridging(t, stored, [bridge], options)
    await first.wakeBridge('ctp')
    await wait(1000)
    t.equal(sink.count('create'), 4, 'the second one waits')
    const stopped = first.stop(5000)
    hold.resolve()
    await stopped
    await until(() => sink.incidents.size === 20)
    for (let n = 0; n < 20; n++) t.equal(sink.of(`IN${n}`).length, 1)
  },
)

t.test('what is under way when it stops may end, and a poll is handed back', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith({ limit: 1, everyMs: 3_600_000 })
  for (const id of ['IN1', 'IN2']) desk.put(id)
  const hold = Promise.withResolvers<void>()
  desk.before(
    'waiting INCIDENT',
    () => {},
    () => hold.promise,
  )
  const first = await bridging(t, stored, [bridge])
  await until(() => sink.of('IN1').length === 1)
  const stopped = first.stop(5000)
  hold.resolve()
  await stopped
  const [poll] = await stored.store.polls('ctp', { limit: 1 })
  t.match(poll, { status: 'running' })
  await bridging(t, stored, [bridge])
  await until(() => sink.of('IN2').length === 1)
  await until(async () => (await stored.store.poll(poll?.id ?? ''))?.status === 'succeeded')
  t.equal(sink.of('IN1').length, 1)
})

t.test('what a process has begun that took over, and is gone, is found and looked up', beside, async (t) => {
  const stored = await freshStore(t)
  const { store } = stored
  const { desk, sink, bridge } = bridgeWith()
  const hold = Promise.withResolvers<void>()
  sink.onCall = (call) => (call === 'create' ? hold.promise : undefined)
  desk.put('IN1')
  await bridging(t, stored, [bridge])
  await until(() => sink.count('create IN1') === 1)
  const now = new Date()
  const claim = await store.claimBridge('ctp', { settleMs: 0, now })
  const { open = [], stirred = 0 } = (await store.work('ctp', claim, 'IN1')) ?? {}
  const [create] = open
  const step = { ticketId: 'IN1', ...(create && { begin: create.id }) }
  t.match(await store.step('ctp', claim, step, { dueAt: null, stirred, now }), { begun: true })
  t.equal(await store.nextWork('ctp'), undefined, 'nothing is due')
  // Whoever worked there finds that it lost its claim, and ends as well.
  hold.resolve()
  await until(async () => (await effects(stored, 'IN1')).every(({ state }) => state === 'done'))
  t.equal(sink.of('IN1').length, 1)
})

t.test('a store that goes away for a while is waited for', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith()
  let failures = 3
  const away = async () => {
    if (failures-- > 0) throw new ServiceError('STORE_UNAVAILABLE', 'no database')
  }
  const over = (store: TicketStore): TicketStore => ({
    ...store,
    takeTickets: async (page) => {
      await away()
      return store.takeTickets(page)
    },
    saveChangeCursor: async (...all) => {
      await away()
      return store.saveChangeCursor(...all)
    },
  })
  desk.put('IN1')
  await bridging(t, stored, [bridge], { over })
  await until(() => sink.of('IN1').length === 1)
  t.match(await ended(stored), [{ status: 'succeeded', stored: 1 }])
  t.ok(failures < 0)
})

t.test('a fault of ours is told, and what it interrupted goes on by itself', beside, async (t) => {
  const stored = await freshStore(t)
  const { desk, sink, bridge } = bridgeWith()
  const faults = new Set(['poll', 'bridge'])
  const failing = (what: string) => {
    if (faults.delete(what)) throw new TypeError(`nobody foresaw this of a ${what}`)
  }
  const over = (store: TicketStore): TicketStore => ({
    ...store,
    claimPoll: async (...all) => {
      failing('poll')
      return store.claimPoll(...all)
    },
    claimBridge: async (...all) => {
      failing('bridge')
      return store.claimBridge(...all)
    },
  })
  desk.put('IN1')
  const lines: string[] = []
  await bridging(t, stored, [bridge], {
    over,
    log: pino({ level: 'error' }, { write: (line) => lines.push(line) }),
  })
  await until(() => sink.of('IN1').length === 1)
  t.match(await ended(stored), [{ status: 'succeeded', stored: 1, acknowledged: 1 }])
  t.same(faults.size, 0)
  for (const what of ['poll', 'bridge']) {
    const told = lines.filter((line) => line.includes(`"a ${what} failed; it goes on soon"`))
    t.match(told.join(), new RegExp(`nobody foresaw this of a ${what}`), what)
    t.equal(told.length, 1, what)
    t.match(told.join(), /"bridge":"ctp"/, 'by its name')
  }
})
