/** The work at the effects of a bridge; the numbers are those of the behaviours in the bridge's fact sheet. */
import t from 'tap'
import type { Effect } from '../../../src/store/tickets.ts'
import { Refused } from '../../../src/tickets/refused.ts'
import { errorOf, type Fault, lost, refused } from './faults.ts'
import { createSink } from './sink.ts'
import { createWorld, type World } from './world.ts'

const note = (text: string, more = {}) => ({
  text,
  type: 'Client Note',
  createdAt: 1_700_000_000_000,
  ...more,
})
const texts = ({ sink }: World, id = 'IN1') => sink.one(id).notes.map(({ text }) => text)
const unknown = () => lost(errorOf('sink', 'outcome-unknown', { code: 'ECONNRESET' }))

async function opened(options: Parameters<typeof createWorld>[0] = {}): Promise<World> {
  const world = createWorld(options)
  world.desk.put('IN1')
  await world.take('IN1')
  await world.idle()
  return world
}

async function changed(world: World, status: string): Promise<void> {
  world.desk.put('IN1', { status })
  await world.take('IN1')
}

const allDone = (states: Readonly<Record<string, string>>) =>
  Object.values(states).every((state) => state === 'done')

t.test('1, 2: a new ticket becomes one incident with its notes, oldest first, and files; once', async (t) => {
  const world = createWorld({ rules: { writeBack: true } })
  const { desk, sink } = world
  desk.put('IN1')
  for (const text of ['one', 'two', 'three']) desk.note('IN1', text)
  desk.file('IN1', 'a1', Buffer.from('bytes'), 'log.txt')
  await world.take('IN1')
  t.equal(await world.look(), null, 'nothing waits then')
  t.same(texts(world), ['one', 'two', 'three'])
  t.same(
    sink.one('IN1').files.map(({ content }) => content.toString()),
    ['bytes'],
  )
  t.equal(desk.links.get('IN1'), sink.one('IN1').id, 'the ticket knows its incident')
  t.same(sink.calls.slice(0, 2), ['find IN1', 'create IN1'], 'it is looked up before it is made')
  t.equal(
    sink.count('notesPresent') + sink.count('filesPresent'),
    0,
    'a fresh one is looked through by nobody',
  )
  t.ok(allDone(await world.states('IN1')))
  t.match(await world.ticket('IN1'), { state: 'open', incident: { status: 'open' }, plannedRevision: 1 })
  const calls = sink.calls.length
  await world.take('IN1')
  await world.idle()
  t.equal(sink.calls.length, calls, 'the same content again is no change')
  t.same(world.errors, [])
})

const createFaults: readonly [what: string, fault: Fault, creates: number][] = [
  ['12: carried out, then the connection broke', unknown(), 1],
  ['13: a timeout, not carried out', refused(errorOf('sink', 'timeout')), 2],
  ['a 503 after it was carried out', lost(errorOf('sink', 'unavailable', { status: 503 })), 1],
  ['an unreadable answer', lost(errorOf('sink', 'unreadable', { status: 200 })), 1],
  ['a fault of ours after it was carried out', lost(new TypeError('nobody foresaw this')), 1],
  ['no connection', refused(errorOf('sink', 'unavailable', { code: 'ECONNREFUSED' })), 2],
  ['409', refused(errorOf('sink', 'unavailable', { status: 409 })), 2],
]
for (const [what, fault, creates] of createFaults) {
  t.test(`a create ends as one incident: ${what}`, async (t) => {
    const world = createWorld()
    world.desk.put('IN1')
    world.desk.note('IN1', 'one')
    await world.take('IN1')
    world.sink.fail('create', fault)
    await world.idle()
    t.equal(world.sink.of('IN1').length, 1)
    t.equal(world.sink.count('create'), creates)
    t.same(texts(world), ['one'])
    t.match(await world.ticket('IN1'), { state: 'open', incident: { id: world.sink.one('IN1').id } })
    t.equal((await world.effect('IN1', 'create')).error, null)
  })
}

t.test(
  '12, 13: what is ambiguous is looked up after 5, 15 and 45 s, then sent once more at once',
  async (t) => {
    const world = createWorld()
    const { sink, clock } = world
    world.desk.put('IN1')
    await world.take('IN1')
    sink.fail('create', refused(errorOf('sink', 'timeout')))
    const start = clock.now()
    const looks: [seconds: number, finds: number, creates: number][] = []
    for (let next = await world.look(); next !== null; next = await world.look()) {
      looks.push([(next - start) / 1000, sink.count('find'), sink.count('create')])
      clock.ahead(next - clock.now())
    }
    t.same(looks, [
      [5, 1, 1],
      [15, 2, 1],
      [45, 3, 1],
    ])
    t.equal(sink.count('create'), 2)
    t.equal(sink.count('find'), 5, 'and before it is sent once more')
  },
)

t.test('14: a process that dies while a create is under way: the next one looks it up', async (t) => {
  for (const carriedOut of [true, false]) {
    const world = createWorld()
    const { sink, store } = world
    world.desk.put('IN1')
    await world.take('IN1')
    const dying = { ...store, step: store.step }
    dying.step = async (...given) => {
      if (sink.count('create') > 0 || (!carriedOut && given[2].begin !== undefined)) {
        if (!carriedOut) await store.step(...given)
        throw new Error('killed')
      }
      return store.step(...given)
    }
    await world.look({ store: dying })
    t.equal((await world.effect('IN1', 'create')).state, 'inflight')
    await world.look()
    const effect = await world.effect('IN1', 'create')
    t.match(effect, { state: 'ambiguous', attempts: 1 })
    t.equal(Date.parse(effect.dueAt) - world.clock.now(), 5000, 'not before it has settled')
    await world.idle()
    t.equal(sink.count('create'), 1)
    t.equal((await world.ticket('IN1')).incident?.id, sink.one('IN1').id)
  }
})

t.test(
  '15, 28: an incident that is there already is taken over, with the notes and files it has',
  async (t) => {
    const world = createWorld()
    const { desk, sink } = world
    desk.put('IN1', { status: 'Pending' })
    for (const text of ['one', 'two', 'two']) desk.note('IN1', text)
    desk.file('IN1', 'a1', Buffer.from('bytes'))
    desk.file('IN1', 'a2', Buffer.from('more'))
    const markers = desk.ticketOf('IN1', desk.raw('IN1')).notes.map(({ marker }) => marker)
    sink.make('IN1', { status: 'closed' })
    const older = sink.make('IN1', {
      notes: [{ id: 'n1', marker: markers[0] ?? '', text: 'one' }],
      files: [
        { id: 'f1', attachment: 'a1', content: Buffer.alloc(0) },
        { id: 'f2', attachment: 'a2', content: Buffer.from('more') },
      ],
    })
    sink.make('IN1')
    await world.take('IN1')
    await world.idle()
    t.equal((await world.ticket('IN1')).incident?.id, older.id, 'the oldest open one')
    t.same(await world.eventKinds('IN1'), ['duplicate_external', 'adopted'])
    t.equal(sink.count('create'), 0)
    t.same(
      older.notes.map(({ text }) => text),
      ['one', 'two', 'two'],
    )
    t.same(
      older.files.map(({ attachment, content }) => [attachment, content.length]),
      [
        ['a1', 0],
        ['a2', 4],
        ['a1', 5],
      ],
      'an empty file is no copy',
    )
    t.equal(older.field, 'Pending', 'its fields are made those of the ticket')
    t.equal((await world.effect('IN1', `note/${markers[0]}`)).reference, 'n1')
    t.same([sink.count('notesPresent'), sink.count('filesPresent')], [1, 1])
  },
)

t.test('19, 20: tickets that are left out become no incident, until they are not any more', async (t) => {
  const world = createWorld({ rules: { statuses: ['active'] } })
  const { desk, sink } = world
  desk.put('IN1', { status: 'Queued' })
  desk.put('IN2', { health: true })
  desk.put('IN3', { status: 'Closed' })
  await world.take('IN1', 'IN2', 'IN3')
  await world.idle()
  for (const id of ['IN1', 'IN2', 'IN3']) t.equal((await world.ticket(id)).state, 'skipped')
  t.equal(sink.calls.length, 0)
  await changed(world, 'Active')
  desk.put('IN2', { health: false })
  await world.take('IN2')
  await world.idle()
  t.match(await world.ticket('IN1'), { state: 'open', reason: null })
  t.equal(sink.of('IN2').length, 1)
  await changed(world, 'Queued')
  await world.idle()
  t.equal(sink.one('IN1').field, 'Queued', 'an incident is kept up whatever its status')
})

t.test('20: with ingestClosed a closed ticket becomes an incident that is closed at once', async (t) => {
  const world = createWorld({ rules: { ingestClosed: true } })
  world.desk.put('IN1', { status: 'Closed' })
  await world.take('IN1')
  await world.idle()
  t.equal(world.sink.one('IN1').status, 'closed')
  t.match(await world.ticket('IN1'), { state: 'closed', closedBy: 'ticket' })
})

t.test('21, 41: a payload that the sink refuses is dead after one try; a retry succeeds later', async (t) => {
  const cases = [
    [errorOf('sink', 'rejected', { status: 400 }), 'the sink says rejected'],
    [new Refused('the field color is unknown'), 'the field color is unknown'],
  ] as const
  for (const [error, words] of cases) {
    const world = createWorld()
    const { sink, store, clock } = world
    world.desk.put('IN1')
    world.desk.note('IN1', 'one')
    world.desk.put('IN2')
    await world.take('IN1', 'IN2')
    sink.onCall = (call, about) => {
      if (call === 'create' && about === 'IN1') throw error
    }
    world.clock.ahead(1)
    await world.idle()
    sink.onCall = () => {}
    const dead = await world.effect('IN1', 'create')
    t.match(dead, { state: 'dead', attempts: 1, error: words })
    t.match(await world.ticket('IN1'), { state: 'error', reason: words })
    t.equal(sink.of('IN2').length, 1, 'other tickets flow')
    t.equal(sink.count('note'), 0, 'the note waits for its incident')
    t.equal(await world.circuit('sink'), 'closed')
    await store.setEffect(dead.id, 'retry', new Date(clock.now()))
    await world.idle()
    t.same(texts(world), ['one'])
    t.match(await world.ticket('IN1'), { state: 'open', reason: null })
  }
})

t.test('a create that somebody skips takes the rest of the ticket with it', async (t) => {
  const world = createWorld()
  const { sink, store, clock } = world
  world.desk.put('IN1')
  world.desk.note('IN1', 'one')
  await world.take('IN1')
  sink.fail('create', refused(new Refused('no')))
  await world.idle()
  await store.setEffect((await world.effect('IN1', 'create')).id, 'skip', new Date(clock.now()))
  await world.idle()
  t.match(await world.ticket('IN1'), { state: 'skipped', reason: 'somebody skipped making its incident' })
  t.equal((await world.effect('IN1', 'note')).state, 'skipped')
  await changed(world, 'Pending')
  await world.idle()
  t.equal((await world.ticket('IN1')).state, 'skipped')
  t.equal(sink.of('IN1').length, 0)
})

t.test('22, 23, 24: equal notes are as many as the ticket has, and stay so', async (t) => {
  const world = await opened()
  const { desk } = world
  desk.note('IN1', note('same second', {}))
  desk.note('IN1', note('other text', {}))
  desk.note('IN1', { text: 'bare' })
  desk.note('IN1', note('twin', {}))
  desk.note('IN1', note('twin', {}))
  await world.take('IN1')
  await world.idle()
  const expected = ['same second', 'other text', 'bare', 'twin', 'twin']
  t.same(texts(world), expected)
  for (const status of ['Queued', 'Pending', 'Active']) {
    await changed(world, status)
    await world.idle()
  }
  t.same(texts(world), expected)
})

t.test('27, 34: a note and a file whose answers are lost are there once', async (t) => {
  const world = await opened()
  const { desk, sink } = world
  desk.note('IN1', 'one')
  desk.note('IN1', 'two')
  desk.file('IN1', 'a1', Buffer.from('bytes'))
  await world.take('IN1')
  sink.fail('note', unknown())
  sink.fail('file', unknown())
  await world.look()
  t.same(texts(world), ['one'], 'the next note waits: the order is kept')
  await world.idle()
  t.same(texts(world), ['one', 'two'])
  t.equal(sink.one('IN1').files.length, 1)
  t.equal((await world.effect('IN1', 'attachment')).reference, sink.one('IN1').files[0]?.id)
  t.same([sink.count('notesPresent'), sink.count('filesPresent')], [1, 1])
})

t.test('a file of which only a part arrived is no copy', async (t) => {
  const world = await opened()
  const { desk, sink } = world
  desk.file('IN1', 'a1', Buffer.from('bytes'))
  await world.take('IN1')
  sink.fail('file', refused(errorOf('sink', 'outcome-unknown')))
  await world.look()
  sink.one('IN1').files.push({ id: 'part', attachment: 'a1', content: Buffer.from('by') })
  await world.idle()
  t.same(
    sink.one('IN1').files.map(({ content }) => content.toString()),
    ['by', 'bytes'],
  )
})

t.test('29: 300 notes come in their order, and nobody looks them up', async (t) => {
  const world = createWorld()
  world.desk.put('IN1', { notes: Array.from({ length: 300 }, (_, n) => note(`note ${n}`)) })
  await world.take('IN1')
  await world.idle()
  t.equal(texts(world).join(), Array.from({ length: 300 }, (_, n) => `note ${n}`).join())
  t.equal(world.sink.count('notesPresent'), 0)
})

t.test('30, 32: a file comes once; one that can not be read keeps nothing else back', async (t) => {
  const world = await opened()
  const { desk, sink } = world
  desk.file('IN1', 'a1', Buffer.from('bytes'))
  desk.note('IN1', 'one')
  await world.take('IN1')
  const away = refused(errorOf('desk', 'unavailable', { status: 500 }))
  desk.fail('download', away, away)
  await changed(world, 'Pending')
  await world.look()
  t.same(texts(world), ['one'])
  t.equal(sink.one('IN1').field, 'Pending')
  t.match(await world.effect('IN1', 'attachment'), { state: 'failed', attempts: 1 })
  await world.idle()
  await changed(world, 'Active')
  await world.idle()
  t.equal(desk.count('download'), 3)
  t.equal(sink.one('IN1').files.length, 1)
})

t.test('31: a file that is too large becomes a note that says so', async (t) => {
  const world = await opened()
  world.sink.maxBytes = 25 * 1024 * 1024
  world.desk.file('IN1', 'a1', Buffer.alloc(40 * 1024 * 1024), 'disk.img')
  await world.take('IN1')
  await world.idle()
  t.same(texts(world), ['attachment disk.img (40 MB) not copied: limit 25 MB'])
  t.match(await world.effect('IN1', 'attachment'), { state: 'done', reference: null })
  t.equal((await world.ticket('IN1')).state, 'open')
})

t.test(
  'at most two files of a bridge are in memory at once; those that wait are not under way',
  async (t) => {
    const world = createWorld()
    const { desk, sink } = world
    let most = 0
    let underWay = 0
    let isAsked = false
    const inflight: number[] = []
    const two = Promise.withResolvers<void>()
    desk.onCall = (call) => {
      if (call !== 'download') return undefined
      most = Math.max(most, ++underWay)
      // Only before the first has ended: one that was sent is under way until that is stored.
      if (most === 2 && !isAsked) {
        isAsked = true
        const marked = world.store.effects({
          bridges: ['ctp'],
          states: ['inflight'],
          kinds: ['attachment'],
          limit: 99,
        })
        two.resolve(marked.then((effects) => void inflight.push(effects.length)))
      }
      return two.promise
    }
    sink.onCall = (call) => {
      if (call === 'file') underWay--
    }
    const ids = ['IN1', 'IN2', 'IN3', 'IN4']
    for (const id of ids) {
      desk.put(id)
      desk.file(id, `of ${id}`, Buffer.from(id))
    }
    await world.take(...ids)
    await world.idle()
    t.equal(most, 2)
    t.same(inflight, [2], 'those under way while two are in memory')
    for (const id of ids) t.equal(sink.one(id).files[0]?.content.toString(), id)
  },
)

t.test(
  '35, 37: a change is one patch of the newest state; conflicts are tried again, later and later',
  async (t) => {
    const world = await opened()
    const { sink, clock } = world
    const conflict = refused(errorOf('sink', 'unavailable', { status: 409 }))
    sink.fail('patch', conflict, conflict, conflict)
    await changed(world, 'Pending')
    const waits: number[] = []
    for (let next = await world.look(); next !== null; next = await world.look()) {
      waits.push(next - clock.now())
      clock.ahead(next - clock.now())
    }
    t.same(waits, [1000, 2000, 4000])
    t.equal(sink.one('IN1').field, 'Pending')
    t.equal(await world.circuit('sink'), 'closed', 'who answers so is well')
    sink.fail('patch', conflict, conflict, conflict, conflict)
    await changed(world, 'Queued')
    await world.idle()
    t.match(await world.effect('IN1', 'patch/r3'), { state: 'dead', attempts: 4 })
    await changed(world, 'Active')
    await world.idle()
    t.equal(sink.one('IN1').field, 'Active')
    t.equal((await world.effect('IN1', 'patch/r3')).state, 'skipped', 'a later one did what it was for')
    t.equal((await world.ticket('IN1')).state, 'open')
  },
)

t.test('38: an incident that somebody deleted is not made again, unless it is asked for', async (t) => {
  const world = createWorld()
  const { desk, sink, store, clock } = world
  desk.put('IN1')
  desk.note('IN1', 'one')
  desk.file('IN1', 'a1', Buffer.from('bytes'))
  await world.take('IN1')
  await world.idle()
  sink.deleteIncident(sink.one('IN1').id)
  desk.note('IN1', 'two')
  await changed(world, 'Pending')
  await world.idle()
  t.match(await world.ticket('IN1'), { state: 'tombstone', incident: { status: 'deleted' } })
  t.notOk(Object.values(await world.states('IN1')).some((state) => state === 'pending'))
  await changed(world, 'Closed')
  await world.idle()
  t.equal(sink.of('IN1').length, 0)
  const now = new Date(clock.now())
  await store.wakeTicket('ctp', 'IN1', { now, replan: true, forgetIncident: true })
  await changed(world, 'Active')
  await world.idle()
  t.same(texts(world), ['one', 'two'])
  t.equal(sink.one('IN1').files.length, 1)
  t.equal((await world.effect('IN1', 'create/resync')).key, 'resync 2')
  t.match(await world.ticket('IN1'), { state: 'open', reason: null })
})

t.test('39: a ticket that is closed closes its incident, and nothing goes back', async (t) => {
  const world = await opened()
  await changed(world, 'Closed')
  await world.idle()
  t.equal(world.sink.one('IN1').status, 'closed')
  t.match(await world.ticket('IN1'), { state: 'closed', closedBy: 'ticket' })
  t.equal(world.desk.calls.length, 0)
})

t.test(
  '42: an outage uses up no tries; what waits is done without a new version of the ticket',
  async (t) => {
    const world = await opened({ bridge: { retry: { attempts: 6, initialMs: 1000, maxMs: 36_000_000 } } })
    const { sink, clock } = world
    const away = refused(errorOf('sink', 'unavailable', { code: 'ECONNREFUSED' }))
    for (const call of ['closeIncident', 'patch']) sink.fail(call, ...Array.from({ length: 100 }, () => away))
    await changed(world, 'Closed')
    const until = clock.now() + 2 * 3_600_000
    while (clock.now() < until) clock.ahead(((await world.look()) ?? until) - clock.now())
    t.equal(await world.circuit('sink'), 'open')
    t.match(await world.effect('IN1', 'patch'), { state: 'failed' })
    t.ok(sink.count('patch') < 40, 'few tries in two hours')
    sink.clear()
    await world.idle()
    t.equal(sink.one('IN1').status, 'closed')
    t.equal(sink.one('IN1').field, 'Closed')
  },
)

t.test(
  '42: an outage that few tries would not outlast kills nothing; what fails alone is dead',
  async (t) => {
    const away = refused(errorOf('sink', 'timeout'))
    for (const attempts of [1, 2, 3]) {
      const world = createWorld({ bridge: { retry: { attempts, initialMs: 1000, maxMs: 60_000 } } })
      const { sink, desk, clock } = world
      desk.put('IN1')
      await world.take('IN1')
      sink.fail('find', ...Array.from({ length: 30 }, () => refused(errorOf('sink', 'unavailable'))))
      for (let looks = 0; looks < 12; looks++) {
        const next = await world.look()
        t.match(await world.effect('IN1', 'create'), { state: 'failed' })
        clock.ahead(Math.max(1000, (next ?? 0) - clock.now()))
      }
      t.equal(await world.circuit('sink'), 'open')
      sink.clear()
      await world.idle()
      t.match(await world.ticket('IN1'), { state: 'open' })

      desk.file('IN1', 'a1', Buffer.from('bytes'))
      sink.fail('file', ...Array.from({ length: 30 }, () => away))
      await world.take('IN1')
      await world.idle()
      t.match(await world.effect('IN1', 'attachment'), { state: 'dead', attempts })
    }
  },
)

/** As the look at changes of incidents finds it. */
async function incidentClosed(world: World, more = {}): Promise<void> {
  const { sink, store, clock } = world
  const incident = sink.one('IN1')
  sink.closeIncident(incident.id, { key: 'closing 1', summary: 'seen to', ...more })
  const payload = { closing: incident.closing }
  await store.addEffects(
    'ctp',
    'IN1',
    [{ kind: 'ctp_close', key: 'closing 1', payload }],
    { incident: { id: incident.id, url: null, status: 'closed' }, closedBy: 'incident' },
    new Date(clock.now()),
  )
}

t.test(
  '43: an incident that is closed closes its ticket once, with its summary, and gets a note',
  async (t) => {
    const world = await opened()
    const { desk, sink } = world
    desk.closingBy = { by: 'close', codes: ['Other', 'DONE'] }
    await incidentClosed(world)
    await world.idle()
    t.match(desk.raw('IN1'), { status: 'Closed', closeCode: 'DONE' })
    t.same(texts(world), ['Secureworks ticket IN1 closed.'])
    await world.take('IN1')
    await world.idle()
    t.equal(desk.count('close'), 1)
    t.same(texts(world), ['Secureworks ticket IN1 closed.'], 'our own words do not come back')
    t.equal(sink.count('closeIncident'), 0)
    t.match(await world.ticket('IN1'), { state: 'closed', closedBy: 'incident' })
  },
)

t.test('44: a closing of the ticket whose answer is lost is not done twice', async (t) => {
  const world = await opened()
  world.desk.fail('close', lost(errorOf('desk', 'outcome-unknown')))
  await incidentClosed(world)
  await world.idle()
  t.equal(world.desk.count('close'), 1)
  t.match(await world.effect('IN1', 'ctp_close'), { state: 'done', error: null })
  t.same(texts(world), ['Secureworks ticket IN1 closed.'])
})

t.test('45: without a close code that the ticket takes it is dead with those that it takes', async (t) => {
  const world = await opened()
  world.desk.closingBy = { by: 'close', codes: ['Other', 'Third'] }
  await incidentClosed(world)
  await world.idle()
  const reason = 'no close code for "Done"; the ticket takes Other, Third'
  t.match(await world.effect('IN1', 'ctp_close'), { state: 'dead', attempts: 1, error: reason })
  t.same(texts(world), [`Secureworks ticket IN1 could not be closed: ${reason}`])
  t.equal((await world.ticket('IN1')).state, 'error')
})

t.test('46: a ticket that only the desk can close is given to it, once', async (t) => {
  for (const [by, call] of [
    ['assign', 'assign'],
    ['note', 'addNote'],
  ] as const) {
    const world = await opened()
    world.desk.closingBy = { by, codes: undefined }
    world.desk.fail(call, lost(errorOf('desk', 'timeout')))
    await incidentClosed(world)
    await world.idle()
    t.equal(world.desk.count(call), 1)
    t.equal(world.desk.count('close'), 0)
    t.equal((await world.effect('IN1', 'ctp_close')).state, 'done')
    await world.take('IN1')
    await world.idle()
    t.notOk(
      texts(world).some((text) => /Please close/.test(text)),
      'our request does not come back',
    )
  }
})

t.test('a ticket of which a version waits is acknowledged, then closed', async (t) => {
  const world = await opened()
  world.desk.waitingVersions.set('IN1', new Set(['v1']))
  world.store.received('IN1', 'v1')
  await incidentClosed(world)
  await world.idle()
  t.equal(world.desk.raw('IN1').status, 'Closed')
  t.same([world.desk.count('acknowledge'), world.desk.count('close')], [1, 2])
})

const afterClose = [
  ['note', 'closed', ['news']],
  ['reopen', 'open', ['news']],
  ['ignore', 'closed', []],
] as const
for (const [rule, status, notes] of afterClose) {
  t.test(
    `47: a ticket that goes on after its incident was closed makes no second one: ${rule}`,
    async (t) => {
      const world = await opened({ rules: { afterClose: rule } })
      const { desk, sink, store } = world
      await incidentClosed(world)
      const closing = await world.effect('IN1', 'ctp_close')
      await store.setEffect(closing.id, 'skip', new Date(world.clock.now()))
      await world.idle()
      desk.note('IN1', 'news')
      await world.take('IN1')
      await world.idle()
      t.equal(sink.one('IN1').status, status)
      t.same(texts(world), notes)
      t.equal(sink.count('create'), 1)
      t.equal((await world.ticket('IN1')).state, status)
    },
  )
}

t.test('47: a change that comes before the ticket is closed does not open its incident again', async (t) => {
  const world = await opened({ rules: { afterClose: 'reopen' } })
  const { desk, sink } = world
  desk.fail('close', refused(errorOf('desk', 'unavailable', { code: 'ECONNREFUSED' })))
  await incidentClosed(world)
  await world.look()
  desk.note('IN1', 'news')
  await world.take('IN1')
  await world.idle()
  t.equal(sink.one('IN1').status, 'closed')
  t.equal(desk.raw('IN1').status, 'Closed')
})

const reopened = [
  ['reopen', 'open', []],
  ['note', 'closed', ['Secureworks ticket IN1 is open again.']],
  ['ignore', 'closed', []],
] as const
for (const [rule, status, notes] of reopened) {
  t.test(`48: a ticket that is opened again: ${rule}`, async (t) => {
    const world = await opened({ rules: { reopened: rule } })
    await changed(world, 'Closed')
    await world.idle()
    await changed(world, 'Active')
    await world.idle()
    t.equal(world.sink.one('IN1').status, status)
    t.same(texts(world), notes)
    await changed(world, 'Pending')
    await world.idle()
    t.equal(world.sink.one('IN1').status, status)
    await changed(world, 'Closed')
    await world.idle()
    t.equal(world.sink.one('IN1').status, 'closed', 'and closed once more')
  })
}

t.test('a ticket that is open again before its incident could be closed leaves it open', async (t) => {
  const world = await opened({ rules: { reopened: 'ignore' } })
  world.sink.fail('closeIncident', refused(errorOf('sink', 'unavailable', { status: 409 })))
  await changed(world, 'Closed')
  await world.look()
  await changed(world, 'Active')
  await world.idle()
  t.equal(world.sink.one('IN1').status, 'open')
  t.match(await world.effect('IN1', 'close'), { state: 'skipped', error: 'the ticket is open again' })
})

t.test('49: both sides closed at the same moment: both stay closed, one harmless call each', async (t) => {
  const world = await opened()
  const { desk, sink } = world
  desk.put('IN1', { status: 'Closed' })
  await incidentClosed(world)
  await world.take('IN1')
  await world.idle()
  t.equal(desk.count('close'), 0)
  t.equal(sink.one('IN1').status, 'closed')
  t.ok(sink.count('closeIncident') <= 1)
  t.match(await world.ticket('IN1'), { state: 'closed', closedBy: 'incident' })
})

t.test('an incident that is open again keeps its ticket from being closed', async (t) => {
  const world = await opened()
  await incidentClosed(world)
  const { id } = world.sink.one('IN1')
  world.sink.reopenIncident(id)
  const change = { incident: { id, url: null, status: 'open' }, closedBy: null } as const
  await world.store.addEffects('ctp', 'IN1', [], change, new Date(world.clock.now()))
  await world.idle()
  t.match(await world.effect('IN1', 'ctp_close'), { state: 'skipped', error: 'the incident is open again' })
  t.equal(world.desk.raw('IN1').status, 'Active')
})

t.test('credentials pause an end and use up no try; after a restart one try tells', async (t) => {
  const world = createWorld()
  const { desk, sink, store, clock } = world
  for (const id of ['IN1', 'IN2']) {
    desk.put(id)
    desk.file(id, `of ${id}`, Buffer.from(id))
    desk.note(id, 'one')
  }
  await world.take('IN1', 'IN2')
  const wrong = (end: 'desk' | 'sink') => refused(errorOf(end, 'credentials', { status: 401 }))
  sink.fail('find', wrong('sink'), wrong('sink'))
  t.equal(await world.look(), null, 'resume is waited for')
  t.equal(await world.circuit('sink'), 'paused')
  t.match(await world.effect('IN1', 'create'), { state: 'pending', attempts: 0 })
  sink.fail('find', wrong('sink'), wrong('sink'))
  const before = sink.calls.length
  await world.look({ context: { isNew: true } })
  t.equal(sink.calls.length, before + 1, 'one try of a new process')
  sink.clear()
  desk.fail('download', wrong('desk'), wrong('desk'))
  await store.resumeBridge('ctp', new Date(clock.now()))
  await world.idle()
  t.equal(await world.circuit('desk'), 'paused')
  for (const id of ['IN1', 'IN2']) {
    t.same(texts(world, id), ['one'], 'what needs no desk goes on')
    t.match(await world.effect(id, 'attachment'), { state: 'pending', attempts: 0 })
  }
  desk.clear()
  await world.look({ context: { isNew: true } })
  await world.idle()
  for (const id of ['IN1', 'IN2']) t.equal(sink.one(id).files.length, 1)
})

t.test('a 429 is waited for, and uses up no try', async (t) => {
  const world = createWorld()
  const { sink, clock } = world
  world.desk.put('IN1')
  await world.take('IN1')
  sink.fail('create', refused(errorOf('sink', 'throttled', { status: 429, retryAfterMs: 30_000 })))
  const next = await world.look()
  t.equal((next ?? 0) - clock.now(), 30_000)
  t.match(await world.effect('IN1', 'create'), { state: 'pending', attempts: 0 })
  world.desk.put('IN2')
  await world.take('IN2')
  const calls = sink.calls.length
  await world.look()
  t.equal(sink.calls.length, calls, 'nothing is sent meanwhile')
  await world.idle()
  t.same([sink.of('IN1').length, sink.of('IN2').length], [1, 1])
})

t.test('a fault of ours is logged, tried again, and dead in the end', async (t) => {
  const world = await opened()
  const bug = refused(new TypeError('nobody foresaw this'))
  world.desk.file('IN1', 'a1', Buffer.from('bytes'))
  await world.take('IN1')
  world.desk.fail('download', bug, bug, bug, bug)
  await world.idle()
  t.match(await world.effect('IN1', 'attachment'), { state: 'dead', attempts: 4, error: 'internal fault' })
  t.equal(world.errors.length, 4)
  t.match(world.errors[0], /nobody foresaw this/)
})

t.test('what the store can not take of one ticket keeps no other from being worked at', async (t) => {
  const world = createWorld()
  for (const id of ['IN1', 'IN2']) world.desk.put(id)
  await world.take('IN1', 'IN2')
  const step: World['store']['step'] = (bridge, claim, given, options) => {
    if (given.ticketId === 'IN1') throw new Error('invalid byte sequence')
    return world.store.step(bridge, claim, given, options)
  }
  const next = await world.look({ store: { ...world.store, step } })
  t.equal(world.sink.of('IN2').length, 1)
  t.ok((next ?? 0) - world.clock.now() >= 60_000, 'and is no hot loop')
  t.equal(world.errors.length, 1)
  await world.idle()
  t.equal(world.sink.of('IN1').length, 1)
})

t.test('a sink that can not be asked gets the same call again, with the same key', async (t) => {
  const world = createWorld({ sink: createSink({ readable: false }) })
  const { desk, sink, clock } = world
  desk.put('IN1')
  desk.note('IN1', 'one')
  await world.take('IN1')
  sink.fail('create', unknown())
  sink.fail('note', refused(errorOf('sink', 'timeout')))
  const next = await world.look()
  t.equal((next ?? 0) - clock.now(), 5000)
  await world.idle()
  t.equal(sink.of('IN1').length, 1)
  t.same(texts(world), ['one'])
  t.equal(sink.keys[0], sink.keys[1])
  t.equal(new Set(sink.keys).size, 2)
  t.equal(sink.count('find') + sink.count('notesPresent'), 0)
})

t.test('comments go to the ticket once, and do not come back as notes', async (t) => {
  const world = await opened()
  const { desk, store, clock } = world
  const payload = { text: 'please look', marker: '0123456789ab' }
  const comment = { kind: 'ctp_worklog', key: 'c1', payload } as const
  await store.addEffects('ctp', 'IN1', [comment], undefined, new Date(clock.now()))
  desk.fail('addNote', lost(errorOf('desk', 'timeout')))
  await world.idle()
  t.equal(desk.count('addNote'), 1)
  t.equal(desk.raw('IN1').notes.at(-1)?.text, 'please look\n\nSOAR-REF 0123456789ab')
  await world.take('IN1')
  await world.idle()
  t.same(texts(world), [])
})

t.test('51: whoever took the bridge over is the only one who works at it', async (t) => {
  const world = createWorld()
  const { sink, desk } = world
  const ids = Array.from({ length: 6 }, (_, n) => `IN${n}`)
  for (const id of ids) {
    desk.put(id)
    desk.note(id, 'one')
  }
  await world.take(...ids)
  let second: Promise<unknown> | undefined
  sink.onCall = async (call) => {
    if (call !== 'create' || second !== undefined) return
    second = world.look()
    await second
  }
  t.equal(await world.look(), null, 'the first one learns of it and stops')
  await second
  await world.idle()
  for (const id of ids) t.same(texts(world, id), ['one'])
})

t.test('a stop begins nothing more; what had to end is looked up by the next one', async (t) => {
  const world = createWorld()
  const { sink, desk } = world
  desk.put('IN1')
  desk.note('IN1', 'one')
  await world.take('IN1')
  const stop = new AbortController()
  sink.onCall = () => stop.abort(new Error('stop'))
  t.equal(await world.look({ signal: stop.signal, context: { cut: new AbortController().signal } }), null)
  t.same(sink.calls, ['find IN1', 'create IN1'], 'what was under way has ended')
  t.equal((await world.effect('IN1', 'create')).state, 'done')
  const cut = new AbortController()
  sink.onCall = (call) => {
    if (call !== 'note') return
    cut.abort(new Error('cut'))
    throw cut.signal.reason
  }
  await world.look({ signal: cut.signal, context: { cut: cut.signal } })
  t.match(await world.effect('IN1', 'note'), { state: 'ambiguous', attempts: 0 } satisfies Partial<Effect>)
  sink.onCall = () => {}
  await world.idle()
  t.same(texts(world), ['one'])
})

t.test('35: a patch whose answer was lost does not hide that the ticket went back', async (t) => {
  const world = createWorld()
  const { desk, sink } = world
  desk.put('IN1', { status: 'Pending' })
  await world.take('IN1')
  await world.idle()
  sink.fail('patch', lost(errorOf('sink', 'unavailable', { status: 503 })))
  await changed(world, 'Active')
  await world.look()
  t.equal(sink.one('IN1').field, 'Active')
  await changed(world, 'Pending')
  await world.idle()
  t.equal(sink.one('IN1').field, 'Pending')
})

t.test('35: nor does a patch during which the process died', async (t) => {
  const world = createWorld()
  const { desk, sink, store } = world
  desk.put('IN1', { status: 'Pending' })
  await world.take('IN1')
  await world.idle()
  await changed(world, 'Active')
  const dying = { ...store }
  dying.step = async (...given) => {
    if (sink.count('patch') > 0) throw new Error('killed')
    return store.step(...given)
  }
  await world.look({ store: dying })
  t.match(await world.effect('IN1', 'patch/r2'), { state: 'inflight', attempts: 0 })
  await changed(world, 'Pending')
  await world.idle()
  t.equal(sink.one('IN1').field, 'Pending')
})

t.test('48: a ticket that is closed again before its incident was opened leaves it closed', async (t) => {
  const world = await opened()
  await changed(world, 'Closed')
  await world.idle()
  world.sink.fail('reopen', refused(errorOf('sink', 'unavailable', { status: 409 })))
  await changed(world, 'Active')
  await world.look()
  await changed(world, 'Closed')
  await world.idle()
  t.equal(world.sink.one('IN1').status, 'closed')
  t.match(await world.effect('IN1', 'reopen'), { state: 'skipped', error: 'the ticket is closed again' })
  t.equal(world.sink.count('reopen'), 1)
})

t.test('a closing by somebody is not taken for one of ours that was never sent', async (t) => {
  const world = await opened({ rules: { reopened: 'ignore' } })
  const { sink } = world
  sink.fail('patch', refused(errorOf('sink', 'unavailable', { status: 409 })))
  await changed(world, 'Closed')
  await world.look()
  t.match(await world.effect('IN1', 'close'), { state: 'pending', attempts: 0 }, 'it waits for the patch')
  sink.closeIncident(sink.one('IN1').id)
  await changed(world, 'Active')
  await world.idle()
  t.equal((await world.effect('IN1', 'close')).state, 'skipped')
  t.match(await world.ticket('IN1'), { closedBy: null }, 'whoever reads the changes tells')
})

t.test('35: nor does one that somebody skips while its outcome is not known', async (t) => {
  const world = createWorld()
  const { desk, sink, store, clock } = world
  desk.put('IN1', { status: 'Pending' })
  await world.take('IN1')
  await world.idle()
  sink.fail('patch', unknown())
  await changed(world, 'Active')
  await world.look()
  await store.setEffect((await world.effect('IN1', 'patch/r2')).id, 'skip', new Date(clock.now()))
  await changed(world, 'Pending')
  await world.idle()
  t.equal(sink.one('IN1').field, 'Pending')
})
