/** What can be asked of bridges. */
import t from 'tap'
import type { Bridge } from '../../../src/pipeline/bridge/bridge.ts'
import type { Bridges } from '../../../src/pipeline/bridge/bridges.ts'
import { createBridges } from '../../../src/pipeline/bridge/bridges-service.ts'
import { carryOutPoll } from '../../../src/pipeline/bridge/poll.ts'
import { workBridge } from '../../../src/pipeline/bridge/work-bridge.ts'
import { createClock, openStore } from '../exports/world.ts'
import { silent } from '../store.ts'
import { errorOf } from './faults.ts'
import { createQueuedDesk } from './queued-desk.ts'
import { createSink } from './sink.ts'
import { retry, rules } from './world.ts'

const clock = createClock()
const store = await openStore(t, clock)
const never = new AbortController().signal
let made = 0

async function createWorld({ readable = true } = {}) {
  const name = `b${++made}`
  const desk = createQueuedDesk({ everyMs: 600_000 })
  const sink = createSink({ readable })
  const bridge: Bridge = {
    ...{ name, deskKind: 'desk', sinkKind: 'sink', desk, sink },
    ...{ rules, retry: { ...retry, initialMs: 10 }, concurrency: 4 },
  }
  await store.registerBridges([name])
  const woken: string[] = []
  const context = { store, log: silent, now: clock.now, random: () => 0.5 }
  const work = async () => {
    await workBridge(bridge, context, never)
  }
  const bridges: Bridges = createBridges({
    ...{ bridges: [bridge], store, log: silent, now: clock.now, stopping: never },
    wakeBridge: (each) => void woken.push(`bridge ${each}`),
    wakePoll: (each) => void woken.push(`poll ${each}`),
  })
  const carryOut = (id: string) =>
    carryOutPoll(id, bridge, { ...context, onTaken: async () => {}, sleep: async () => {} }, never)
  return {
    ...{ name, desk, sink, bridge, bridges, woken, work, carryOut },
    /** A ticket that came with a poll, and has its incident. */
    async carried(id: string) {
      clock.ahead(1000)
      desk.put(id)
      await carryOut((await bridges.poll(name)).id)
      await work()
      woken.length = 0
      return sink.one(id).id
    },
    /** Once whatever the hook began in the background is over. */
    async settled(is: () => Promise<boolean> | boolean) {
      while (!(await is())) await new Promise((resolve) => setImmediate(resolve))
    },
  }
}

const refusal = async (work: () => Promise<unknown>) => {
  try {
    await work()
  } catch (error) {
    return error
  }
  return undefined
}

t.test('a poll is begun, and none beside it: the second one is told which one is under way', async (t) => {
  const { bridges, name, woken, carryOut } = await createWorld()
  const poll = await bridges.poll(name)
  t.match(poll, { bridge: name, status: 'running' })
  t.match(await refusal(() => bridges.poll(name)), { code: 'POLL_RUNNING', message: new RegExp(poll.id) })
  t.strictSame(woken, [`poll ${name}`, `poll ${name}`])
  await carryOut(poll.id)
  t.match(await bridges.pollById(poll.id), { status: 'succeeded' })
  t.equal((await bridges.pollById('latest')).id, poll.id)
  clock.ahead(1000)
  const second = await bridges.poll(name)
  t.strictSame(
    (await bridges.polls(name, { limit: 10 })).map(({ id }) => id),
    [second.id, poll.id],
  )
  t.match(await bridges.polls(name, { limit: 10, before: second.id }), [{ id: poll.id }])
  const another = await createWorld()
  const cursor = () => another.bridges.polls(another.name, { limit: 1, before: poll.id })
  t.match(await refusal(cursor), { code: 'ARGUMENT_INVALID' })
  t.match(await refusal(() => bridges.pollById('nonsense')), { code: 'RUN_UNKNOWN' })
})

t.test('whoever waits for a poll waits until what it brought was tried', async (t) => {
  const { bridges, name, desk, sink, carryOut, work } = await createWorld()
  desk.put('IN1')
  const poll = await bridges.poll(name)
  const waiting = { waitMs: 60_000, signal: never }
  let isOver = false
  const over = bridges.untilPolled(poll, waiting).then((last) => {
    isOver = true
    return last
  })
  t.match(await bridges.untilPolled(poll, { ...waiting, waitMs: 0 }), { status: 'running' })
  await carryOut(poll.id)
  t.match(await bridges.untilPolled(poll, { ...waiting, waitMs: 300 }), { status: 'succeeded' })
  t.notOk(isOver, 'its ticket is not planned')
  await work()
  t.match(await over, { status: 'succeeded', stored: 1 })
  t.equal(sink.of('IN1').length, 1)
  t.match(await bridges.pollEffects(poll.id), { done: 1, pending: 0 })
})

t.test('what waits for another try, or for a sink that is down, is not waited for', async (t) => {
  const { bridges, name, desk, sink, carryOut, work } = await createWorld()
  desk.put('IN1')
  desk.note('IN1', 'one')
  sink.fail('create', { when: 'before', error: errorOf('sink', 'unavailable', { status: 409 }) })
  const first = await bridges.poll(name)
  await carryOut(first.id)
  await work()
  t.match(await bridges.untilPolled(first, { waitMs: 60_000, signal: never }), { status: 'succeeded' })
  t.match(await bridges.pollEffects(first.id), { failed: 1, pending: 1 })
  clock.ahead(60_000)
  sink.fail('find', { when: 'before', error: errorOf('sink', 'credentials') })
  await work()
  desk.put('IN2')
  const second = await bridges.poll(name)
  await carryOut(second.id)
  t.match(await bridges.untilPolled(second, { waitMs: 60_000, signal: never }), { stored: 1 })
})

t.test('what is told of bridges: how they stand, and what is wrong with them', async (t) => {
  const { bridges, name, sink, carried } = await createWorld()
  await carried('IN1')
  t.strictSame(bridges.names(), [name])
  const [info] = await bridges.states()
  t.match(info, { name, deskKind: 'desk', sinkKind: 'sink', tickets: { open: 1 }, effects: { done: 1 } })
  t.match(info, { poll: { last: { status: 'succeeded' } }, nextPollAt: /^20/ })
  Object.assign(sink, { check: async () => [{ name: 'session', ok: false, cause: 'no', remedy: 'yes' }] })
  t.match(await bridges.check(name, never), [{ name: 'sink session', ok: false }])
  t.match(await refusal(() => bridges.installFields(name, never)), { code: 'BRIDGE_REFUSED' })
  Object.assign(sink, { installFields: async () => ['scwx_ctp_status'] })
  t.strictSame(await bridges.installFields(name, never), ['scwx_ctp_status'])
})

t.test('names that there are not are told with those that there are', async (t) => {
  const { bridges, name } = await createWorld()
  const asks: readonly (() => Promise<unknown>)[] = [
    () => bridges.state('ctpp'),
    () => bridges.check('ctpp', never),
    () => bridges.installFields('ctpp', never),
    () => bridges.resume('ctpp'),
    () => bridges.poll('ctpp'),
    () => bridges.polls('ctpp', { limit: 1 }),
    () => bridges.hook('ctpp', '2001', {}),
    () => bridges.tickets({ bridge: 'ctpp', limit: 1 }),
    () => bridges.ticket('ctpp', 'IN1'),
    () => bridges.resync('ctpp', 'IN1', never),
    () => bridges.effects({ bridge: 'ctpp', limit: 1 }),
    () => bridges.preview('ctpp', { template: 'escalate', ticket: {} }, never),
  ]
  for (const ask of asks) {
    const error = await refusal(ask)
    t.match(error, { code: 'BRIDGE_UNKNOWN', message: `no bridge "ctpp"; there are: ${name}` })
  }
  t.match(await refusal(() => bridges.ticket(name, 'IN9')), { code: 'TICKET_UNKNOWN', message: /"IN9"/ })
  for (const id of ['0', '4711000', 'x', '-1', '1e3']) {
    t.match(await refusal(() => bridges.effect(id)), { code: 'EFFECT_UNKNOWN' })
    t.match(await refusal(() => bridges.retry(id)), { code: 'EFFECT_UNKNOWN' })
  }
})

t.test('tickets and their effects are told page by page, with their history', async (t) => {
  const { bridges, name, desk, carried } = await createWorld()
  for (const id of ['IN1', 'IN2', 'IN3']) await carried(id)
  const ids = async (query: object) =>
    (await bridges.tickets({ limit: 2, ...query })).map(({ ticketId }) => ticketId)
  t.strictSame(await ids({ bridge: name }), ['IN3', 'IN2'], 'the last one first')
  t.strictSame(await ids({ after: { bridge: name, ticketId: 'IN2' } }), ['IN1'])
  t.strictSame(await ids({ states: ['closed'] }), [])
  t.match(await refusal(() => ids({ after: { bridge: name, ticketId: 'IN9' } })), {
    code: 'ARGUMENT_INVALID',
  })
  const told = await bridges.ticket(name, 'IN1')
  t.match(told, {
    ticket: { state: 'open', incident: { status: 'open' }, raw: { status: desk.raw('IN1').status } },
    versions: [{ ackCode: 'SUCCESS' }],
    effects: [{ kind: 'create', state: 'done' }],
  })
  const [effect] = await bridges.effects({ bridge: name, kinds: ['create'], limit: 1 })
  t.match(await bridges.effect(String(effect?.id)), { kind: 'create', bridge: name })
})

t.test('a dead effect is tried again or skipped, and one that is done is neither', async (t) => {
  const { bridges, name, desk, sink, carryOut, work, woken } = await createWorld()
  desk.put('IN1')
  sink.fail('create', { when: 'before', error: errorOf('sink', 'rejected', { status: 400 }) })
  await carryOut((await bridges.poll(name)).id)
  await work()
  const [dead] = await bridges.effects({ states: ['dead'], limit: 10 })
  const id = String(dead?.id)
  woken.length = 0
  t.match(await bridges.retry(id), { state: 'pending', kind: 'create' })
  t.strictSame(woken, [`bridge ${name}`])
  await work()
  t.equal(sink.of('IN1').length, 1)
  t.match(await refusal(() => bridges.retry(id)), { code: 'EFFECT_CONFLICT', message: /is done/ })
  t.match(await refusal(() => bridges.skip(id)), { code: 'EFFECT_CONFLICT' })
})

t.test('`latest` is the newest effect, and for setting right the newest that needs it', async (t) => {
  const { bridges, desk, sink, name, carried, carryOut, work } = await createWorld()
  const { state } = await refusedOnce()
  t.equal(state, 'dead')
  await carried('IN2')
  t.match(await bridges.effect('latest'), { ticketId: 'IN2', state: 'done' })
  t.match(await bridges.skip('latest'), { ticketId: 'IN1', state: 'skipped' }, 'the dead one')
  t.match(await refusal(() => bridges.retry('latest')), { code: 'EFFECT_UNKNOWN', message: /"latest"/ })
  desk.note('IN2', 'one')
  sink.fail('note', { when: 'before', error: errorOf('sink', 'unavailable', { status: 409 }) })
  await carryOut((await bridges.poll(name)).id)
  await work()
  t.match(await refusal(() => bridges.retry('latest')), { code: 'EFFECT_UNKNOWN' }, 'none is dead')
  t.match(await bridges.skip('latest'), { kind: 'note', state: 'skipped' })
  t.match(await refusal(() => bridges.skip('latest')), { code: 'EFFECT_UNKNOWN' })
  const other = await createWorld()
  for (const work of [other.bridges.effect, other.bridges.retry, other.bridges.skip]) {
    t.match(await refusal(() => work('latest')), { code: 'EFFECT_UNKNOWN' }, 'of another bridge')
  }
  const [mine] = await bridges.effects({ limit: 1 })
  t.match(await refusal(() => other.bridges.effect(String(mine?.id))), { code: 'EFFECT_UNKNOWN' })
  t.match(await refusal(() => other.bridges.pollById('latest')), { code: 'RUN_UNKNOWN' })

  async function refusedOnce() {
    desk.put('IN1')
    sink.fail('create', { when: 'before', error: errorOf('sink', 'rejected', { status: 400 }) })
    await carryOut((await bridges.poll(name)).id)
    await work()
    return bridges.effect('latest')
  }
})

t.test('resume closes both circuits, and polls where the desk was not well', async (t) => {
  const { bridges, name, desk, carryOut, woken } = await createWorld()
  desk.refuse('waiting INCIDENT', errorOf('desk', 'credentials'))
  await carryOut((await bridges.poll(name)).id)
  t.match(await bridges.state(name), { desk: { circuit: 'paused' }, nextPollAt: null })
  woken.length = 0
  clock.ahead(1000)
  const info = await bridges.resume(name)
  t.match(info, { desk: { circuit: 'closed' }, poll: { last: { status: 'running' } } })
  t.strictSame(woken, [`bridge ${name}`, `poll ${name}`])
  await carryOut(info.poll.last?.id ?? '')
  clock.ahead(1000)
  t.match(
    await bridges.resume(name),
    { poll: { last: { status: 'succeeded' } } },
    'a desk that is well is left alone',
  )
})

t.test('43 the hook finds a closing at once, and looks at nothing that is not ours', async (t) => {
  const { bridges, name, sink, carried, woken, settled } = await createWorld()
  const id = await carried('IN1')
  const before = sink.calls.length
  await bridges.hook(name, '4711', {})
  t.equal(sink.calls.length, before)
  await bridges.hook(name, id, {})
  await settled(() => sink.calls.length > before)
  t.strictSame(woken, [], 'it is open')
  sink.closeIncident(id, { key: 'first' })
  await Promise.all([bridges.hook(name, id, {}), bridges.hook(name, id, {}), bridges.hook(name, id, {})])
  await settled(() => woken.length > 0)
  t.strictSame(woken, [`bridge ${name}`])
  t.match(await bridges.effects({ bridge: name, kinds: ['ctp_close'], limit: 10 }), [{ key: 'first' }])
})

t.test('a hook whose look fails is looked after again, and is nothing to whoever told', async (t) => {
  const { bridges, name, sink, carried, settled, woken } = await createWorld()
  const id = await carried('IN1')
  sink.closeIncident(id, { key: 'first' })
  sink.fail('read', { when: 'before', error: errorOf('sink', 'rejected', { status: 400 }) })
  await bridges.hook(name, id, {})
  await settled(() => sink.count('read') === 1)
  t.match(await bridges.ticket(name, 'IN1'), { ticket: { closedBy: null } }, 'that passes by no try')
  sink.fail('read', { when: 'before', error: errorOf('sink', 'unavailable', { status: 503 }) })
  await bridges.hook(name, id, {})
  await settled(() => woken.length > 0)
  t.match(await bridges.ticket(name, 'IN1'), { ticket: { closedBy: 'incident' } })
})

t.test('a sink that can not be asked: its hook is taken before it is answered', async (t) => {
  const { bridges, name, carried, woken } = await createWorld({ readable: false })
  const id = await carried('IN1')
  await bridges.hook(name, id, { closeCode: 'Done', summary: 'seen to' })
  t.match(await bridges.ticket(name, 'IN1'), { ticket: { closedBy: 'incident', state: 'closed' } })
  t.strictSame(woken, [`bridge ${name}`])
})

t.test('a hook with a code that the ticket does not take can be told again with another one', async (t) => {
  const { bridges, name, carried, work, desk, sink } = await createWorld({ readable: false })
  const id = await carried('IN1')
  desk.closingBy = { by: 'close', codes: ['Done'] }
  sink.codes = ['Nonsense']
  await bridges.hook(name, id, { closeCode: 'Nonsense' })
  await bridges.hook(name, id, { closeCode: 'Nonsense' })
  await work()
  const closings = () => bridges.effects({ bridge: name, kinds: ['ctp_close'], limit: 10 })
  t.match(await closings(), [{ state: 'dead' }], 'told twice is told once')
  sink.codes = ['Done']
  await bridges.hook(name, id, { closeCode: 'Done' })
  await work()
  t.match(await closings(), [{ state: 'skipped' }, { state: 'done' }])
  t.match(await bridges.ticket(name, 'IN1'), { ticket: { state: 'closed' } })
  await bridges.hook(name, id, { closeCode: 'Done' })
  t.equal((await closings()).length, 2)
})

t.test(
  'resync reads a ticket anew, also one that was not seen, and makes a deleted incident again',
  async (t) => {
    const { bridges, name, desk, sink, carried, work } = await createWorld()
    const id = await carried('IN1')
    desk.put('IN1', { status: 'Pending' })
    t.match(await bridges.resync(name, 'IN1', never), { ticket: { revision: 2, raw: { status: 'Pending' } } })
    await work()
    sink.deleteIncident(id)
    desk.put('IN1', { status: 'Active' })
    await bridges.resync(name, 'IN1', never)
    await work()
    t.match(await bridges.ticket(name, 'IN1'), { ticket: { state: 'tombstone' } })
    t.equal(sink.of('IN1').length, 0, 'not by itself')
    await bridges.resync(name, 'IN1', never)
    await work()
    t.equal(sink.of('IN1').length, 1)
    desk.put('IN2')
    t.match(await bridges.resync(name, 'IN2', never), { ticket: { ticketId: 'IN2' }, versions: [] })
    t.match(await refusal(() => bridges.resync(name, 'IN9', never)), {
      code: 'TICKET_UNKNOWN',
      message: /at the desk/,
    })
  },
)

t.test('a template is tried with a ticket of the request, or with one that was seen', async (t) => {
  const { bridges, name, sink, carried } = await createWorld()
  await carried('IN1')
  Object.assign(sink, {
    preview: async (kind: string, source: unknown, { id, raw }: { id: string; raw: object }) => ({
      kind,
      source,
      id,
      raw,
    }),
  })
  const ask = (request: object) => bridges.preview(name, { template: 'escalate', ...request }, never)
  t.match(await ask({ ticketId: 'IN1', source: 'x' }), { kind: 'escalate', source: 'x', id: 'IN1' })
  const raw = { ticketId: 'IN7', status: 'New', notes: [], attachments: [] }
  t.match(await ask({ ticket: raw }), { id: 'IN7', raw })
  t.match(await ask({ ticket: { ...raw, ticketId: undefined } }), { id: 'PREVIEW' })
  t.match(await refusal(() => ask({ ticketId: 'IN9' })), { code: 'TICKET_UNKNOWN' })
  t.match(await refusal(() => ask({})), { code: 'ARGUMENT_INVALID', errors: [{ pointer: '/ticket' }] })
})
