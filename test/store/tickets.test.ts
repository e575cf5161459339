/** What the store keeps of bridges: the inbox, the work at effects, and what people are told of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { backup } from '../../src/store/postgres/backup.ts'
import { restore } from '../../src/store/postgres/backup-restore.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'
import { ClaimLost } from '../../src/store/store.ts'
import type { TicketStore } from '../../src/store/ticket-store.ts'
import { type EffectState, effectStates } from '../../src/store/tickets.ts'
import { freshDatabase } from './database.ts'
import {
  contradictions,
  dueAt,
  later,
  note,
  polling,
  settled,
  silent,
  start,
  take,
  taken,
  ticketing,
  timeAt,
  working,
} from './ticketing.ts'

t.setTimeout(300_000)

const emptied = await ticketing(t)
const losesClaim = (asked: Promise<unknown>) =>
  asked.then(
    () => false,
    (error) => error instanceof ClaimLost,
  )

const ending = { status: 'succeeded', errors: [], now: start } as const

t.test('a bridge that nobody registered is named in the error of whatever asks for it', async (t) => {
  const { store } = await emptied()
  const healthy = { circuit: 'closed', failures: 0, waitUntil: null, error: null } as const
  const options = { now: start, limit: 1, except: [] }
  const when = { dueAt: null, stirred: 0, now: start }
  const asked: readonly [string, () => Promise<unknown>][] = [
    ['pollState', () => store.pollState('x')],
    ['startPoll', () => store.startPoll('x', start)],
    ['unacknowledged', () => store.unacknowledged('x', { limit: 1 })],
    ['noteAcknowledged', () => store.noteAcknowledged('x', [], { now: start })],
    ['polls', () => store.polls('x', { limit: 1 })],
    ['claimBridge', () => store.claimBridge('x', { settleMs: 0, now: start })],
    ['holdsBridge', () => store.holdsBridge('x', 1)],
    ['dueTickets', () => store.dueTickets('x', 1, options)],
    ['nextWork', () => store.nextWork('x')],
    ['effectsUnderWay', () => store.effectsUnderWay('x')],
    ['work', () => store.work('x', 1, 'T1')],
    ['step', () => store.step('x', 1, { ticketId: 'T1' }, when)],
    ['changeCursor', () => store.changeCursor('x')],
    ['saveChangeCursor', () => store.saveChangeCursor('x', 1, 'c', start)],
    ['ticketOfIncident', () => store.ticketOfIncident('x', '1')],
    ['unseenSince', () => store.unseenSince('x', start, { limit: 1 })],
    ['takeRead', () => store.takeRead('x', taken('T1'), start)],
    ['noteGone', () => store.noteGone('x', 'T1', { kind: 'gone', detail: '' }, start)],
    ['wakeTicket', () => store.wakeTicket('x', 'T1', { now: start, replan: false })],
    ['addEffects', () => store.addEffects('x', 'T1', [], undefined, start)],
    ['bridgeHealth', () => store.bridgeHealth('x', 'desk')],
    ['saveBridgeHealth', () => store.saveBridgeHealth('x', 'desk', healthy)],
    ['resumeBridge', () => store.resumeBridge('x', start)],
    ['bridgeStates', () => store.bridgeStates(['ctp', 'x'])],
  ]
  for (const [name, ask] of asked) {
    await t.rejects(ask(), { code: 'BRIDGE_UNKNOWN', message: /"x"/ }, name)
  }
  t.equal(await store.ticket('x', 'T1'), undefined)
  t.same(await store.tickets({ bridges: ['x'], limit: 10 }), [])
})

t.test('a poll is joined while it runs, and its receipt adds up', async (t) => {
  const { store } = await emptied()
  const { poll, joined } = await store.startPoll('ctp', start)
  t.equal(joined, false)
  t.same(await store.startPoll('ctp', later(1)), { poll, joined: true })
  const claim = (await store.claimPoll(poll.id)) ?? 0
  const page = { poll: poll.id, claim, now: later(1) }
  const odd = Array.from({ length: 150 }, (_, n) => ({
    ticketId: n === 0 ? null : `O${n}`,
    reason: 'no \u0000 id',
  }))
  await store.takeTickets({ ...page, tickets: [taken('T1'), taken('T2'), taken('T1')], unreadable: odd })
  const second = await store.takeTickets({
    ...page,
    tickets: [taken('T1', { version: 'v2' })],
    unreadable: [],
  })
  t.same(second.changed, [])
  t.match(second.poll, {
    pages: 2,
    received: 154,
    stored: 2,
    unchanged: 2,
    unreadableCount: 150,
    endedAt: null,
  })
  t.equal(second.poll.unreadable.length, 100)
  t.same(second.poll.unreadable[0], { ticketId: null, reason: 'no \ufffd id' })
  const error = { code: 'UPSTREAM_UNAVAILABLE', detail: 'a \u0000', part: 'INCIDENT' }
  const ended = await store.endPoll(poll.id, claim, { status: 'partial', errors: [error], now: later(2) })
  t.match(ended, { status: 'partial', endedAt: timeAt(2), errors: [{ ...error, detail: 'a \ufffd' }] })
  t.same(await store.poll(poll.id), ended)
  t.match(await store.pollState('ctp'), {
    last: { id: poll.id },
    lastEnded: { id: poll.id },
    completeAt: null,
    gap: null,
  })
  t.equal(await store.claimPoll(poll.id), undefined)
  t.equal(await store.poll('no id'), undefined)
})

t.test('a complete poll counts from its beginning, and the last gap stays known', async (t) => {
  const { store } = await emptied()
  const first = await polling(store, later(10))
  const gap = { from: timeAt(0), to: timeAt(10) }
  await store.endPoll(first.id, first.claim, { ...ending, gap, now: later(20) })
  const second = await polling(store, later(30))
  t.match(await store.pollState('ctp'), {
    last: { id: second.id },
    lastEnded: { id: first.id },
    completeAt: timeAt(10),
    gap,
  })
  await store.endPoll(second.id, second.claim, { ...ending, status: 'failed', now: later(40) })
  t.match(await store.pollState('ctp'), { completeAt: timeAt(10), gap })
  await store.registerBridges(['other', 'ctp'])
  const other = await polling(store, later(35), 'other')
  t.equal((await store.latestPoll(['ctp', 'other']))?.id, other.id)
  t.same(
    (await store.polls('ctp', { limit: 10 })).map(({ id }) => id),
    [second.id, first.id],
  )
  t.same(
    (await store.polls('ctp', { limit: 10, before: second.id })).map(({ id }) => id),
    [first.id],
  )
  await t.rejects(store.polls('ctp', { limit: 1, before: 'x' }), { code: 'RUN_UNKNOWN' })
})

t.test('whoever lost a poll to another worker writes nothing more of it', async (t) => {
  const { store } = await emptied()
  const old = await polling(store)
  await old.take([taken('T1')])
  await store.claimPoll(old.id)
  const answers = [{ ticketId: 'T1', version: 'T1 one', ok: true, code: 'SUCCESS' }]
  t.ok(await losesClaim(old.take([taken('T2')])))
  t.ok(await losesClaim(store.noteAcknowledged('ctp', answers, { poll: old, now: start })))
  t.ok(await losesClaim(old.end()))
  t.equal(await store.ticket('ctp', 'T2'), undefined)
  t.equal((await store.unacknowledged('ctp', { limit: 9 })).length, 1)
  t.match(await store.poll(old.id), { received: 1, status: 'running' })
})

t.test('what came with a page is what a page of one ticket each would have brought', async (t) => {
  const { store, database } = await emptied()
  const poll = await polling(store)
  const at = (seconds: number, hash: string, version = hash) =>
    taken('T1', { hash, version, updatedAt: timeAt(seconds), raw: { hash }, status: hash })
  const pages: readonly [string, readonly ReturnType<typeof taken>[], object][] = [
    ['new', [at(5, 'a')], { revision: 1, raw: { hash: 'a' } }],
    ['the same with another version', [at(5, 'a', 'a2')], { revision: 1 }],
    ['an older state', [at(4, 'older')], { revision: 1, raw: { hash: 'a' }, status: 'a' }],
    ['newer twice, the last one counts', [at(6, 'b'), at(7, 'c')], { revision: 3, raw: { hash: 'c' } }],
    ['newer, then older', [at(9, 'd'), at(8, 'e')], { revision: 4, raw: { hash: 'd' }, status: 'd' }],
    ['another one of the same time', [at(9, 'f')], { revision: 5, raw: { hash: 'f' } }],
    ['one without a time', [taken('T1', { hash: 'g', version: 'g' })], { revision: 6, raw: { hash: 'g' } }],
    [
      'a time that nothing can hold',
      [{ ...at(1, 'h'), updatedAt: '+275760-09-13T00:00:00.000Z' }],
      { revision: 7 },
    ],
  ]
  for (const [what, tickets, expected] of pages) {
    await poll.take(tickets)
    t.match(await store.ticket('ctp', 'T1'), expected, what)
  }
  t.match(await store.poll(poll.id), { received: 10, stored: 7, unchanged: 3 })
  t.equal((await store.versions('ctp', 'T1')).length, 10)
  await poll.take([at(1, 'x'), at(2, 'y')].map((each) => ({ ...each, id: 'T2' })))
  t.match(await store.ticket('ctp', 'T2'), { revision: 2, raw: { hash: 'y' } }, 'new ones, too')
  t.same(await contradictions(database), [])
})

t.test('a ticket comes back exactly as it came, whatever it holds', async (t) => {
  const { store } = await emptied()
  const odd = {
    text: 'nul \u0000, half \ud83e, whole 🦊, \u2028 "\\" \n',
    'k\u0000🦊': [null, 1e21, { deep: [] }],
  }
  await take(store, [
    taken('T1', { raw: odd, status: 'a\u0000b', title: '🦊 \ud83e', version: 'v' }),
    taken('T2 🦊'),
  ])
  const ticket = await store.ticket('ctp', 'T1')
  t.strictSame(ticket?.raw, odd)
  t.match(ticket, { status: 'a\ufffdb', title: '🦊 \ufffd', memory: {}, incident: null, plannedRevision: 0 })
  t.equal((await store.ticket('ctp', 'T2 🦊'))?.ticketId, 'T2 🦊')
})

t.test('500 tickets of 50 kB are one page', async (t) => {
  const { store, database } = await emptied()
  const text = Array.from({ length: 5000 }, (_, n) => `word${n}é`)
    .join(' ')
    .slice(0, 49_000)
  const page = (hash: string) =>
    Array.from({ length: 500 }, (_, n) => taken(`T${n}`, { hash, raw: { n, hash, text } }))
  const poll = await polling(store)
  t.equal((await poll.take(page('a'))).changed.length, 500)
  t.equal((await poll.take(page('a'))).changed.length, 0)
  t.equal((await poll.take(page('b'))).changed.length, 500)
  t.strictSame((await store.ticket('ctp', 'T499'))?.raw, { n: 499, hash: 'b', text })
  t.same(await contradictions(database), [])
})

t.test('of each ticket the newest version is to be acknowledged, and older ones with it', async (t) => {
  const { store } = await emptied()
  const poll = await polling(store)
  const version = (id: string, name: string, seconds: number) =>
    taken(id, { version: name, hash: `h${seconds}`, updatedAt: timeAt(seconds) })
  await poll.take([version('T1', 'a', 1), version('T2', 'b', 1)], later(1))
  await poll.take([version('T1', 'c', 2), version('T1', 'older', 0)], later(2))
  const waiting = async (options: object = {}) =>
    (await store.unacknowledged('ctp', { limit: 10, ...options })).map((each) => each.version)
  t.same(await waiting(), ['b', 'c'])
  t.same(await waiting({ limit: 1 }), ['b'])
  t.same(await waiting({ ticketId: 'T1' }), ['c'])
  t.same(await waiting({ receivedBefore: later(2) }), ['b'], 'T1 has a newer one')
  const answers = [
    { ticketId: 'T1', version: 'c', ok: true, code: 'SUCCESS' },
    { ticketId: 'T2', version: 'b', ok: false, code: 'STALE_VERSION' },
    { ticketId: 'T9', version: 'x', ok: true, code: 'SUCCESS' },
  ]
  await store.noteAcknowledged('ctp', answers, { poll, now: later(3) })
  t.match(await store.poll(poll.id), {
    acknowledged: 1,
    refused: [{ ticketId: 'T2', code: 'STALE_VERSION' }],
  })
  t.same(await waiting(), ['b'], 'what was refused waits')
  const codes = (await store.versions('ctp', 'T1')).map((each) => [
    each.version,
    each.ackCode,
    each.acknowledgedAt,
  ])
  t.same(codes, [
    ['older', 'SUPERSEDED', timeAt(3)],
    ['c', 'SUCCESS', timeAt(3)],
    ['a', 'SUPERSEDED', timeAt(3)],
  ])
  t.match(await store.versions('ctp', 'T2'), [{ ackCode: 'STALE_VERSION', acknowledgedAt: null }])
  await store.noteAcknowledged('ctp', answers, { poll, now: later(4) })
  t.match(await store.poll(poll.id), { acknowledged: 1 }, 'none is counted twice')
  await poll.take([version('T1', 'older2', 0)], later(5))
  t.same(await waiting(), ['b', 'older2'], 'an old state that is handed out later is acknowledged by itself')
  await poll.take([version('T1', 'c', 2)], later(6))
  t.same(await waiting(), ['b', 'c'], 'what is handed out once more was not acknowledged')
})

t.test('a ticket that is read by its id is taken as if it had come', async (t) => {
  const { store, database } = await emptied()
  const read = (hash: string, seconds: number) => taken('T1', { hash, updatedAt: timeAt(seconds) })
  t.equal(await store.takeRead('ctp', read('a', 1), start), true)
  t.match(await store.bridgeStates(['ctp']), [{ tickets: { pending: 1 } }])
  t.equal(await store.takeRead('ctp', read('a', 1), later(1)), false)
  t.equal(await store.takeRead('ctp', read('older', 0), later(2)), false)
  t.match(await store.ticket('ctp', 'T1'), { revision: 1, firstSeenAt: timeAt(0), lastSeenAt: timeAt(2) })
  t.equal(await store.takeRead('ctp', read('b', 2), later(3)), true)
  t.match(await store.ticket('ctp', 'T1'), { revision: 2, lastSeenAt: timeAt(3) })
  t.same(await store.versions('ctp', 'T1'), [])
  t.same(await store.unacknowledged('ctp', { limit: 1 }), [])
  t.same(await contradictions(database), [])
})

t.test('what is planned once is done once, in the order of planning', async (t) => {
  const { store, database } = await emptied()
  const id = await take(store, [taken('T1')])
  t.equal(await store.pollUnplanned(id), 1)
  const worker = await working(store, 'T1')
  t.match(worker.work(), {
    ticket: { revision: 1, plannedRevision: 0, plannedClosed: null },
    open: [],
    stirred: 0,
  })
  const add = [
    note('b', { text: 'nul \u0000 🦊' }),
    note('a'),
    note('b'),
    { ...note('a'), kind: 'create' as const },
  ]
  const events = [
    { kind: 'adopted', detail: 'nul \u0000' },
    { kind: 'conflict', detail: '' },
  ]
  await worker.step({ add, events, planned: { revision: 1, closed: true } }, start)
  t.same(
    worker.work().open.map(({ kind, key }) => `${kind}/${key}`),
    ['note/b', 'note/a', 'create/a'],
  )
  t.same(worker.effect('b').payload, { text: 'nul \u0000 🦊' })
  t.match(worker.work().ticket, { plannedRevision: 1, plannedClosed: true })
  await worker.step({ add: [note('a'), note('c')] })
  t.same([...worker.work().known].sort(), ['create/a', 'note/a', 'note/b', 'note/c'])
  t.equal(await store.addEffects('ctp', 'T1', [note('c'), note('d')], undefined, start), 1)
  t.match(await store.events('ctp', 'T1'), [
    { at: timeAt(0), kind: 'adopted', detail: 'nul \ufffd' },
    { kind: 'conflict' },
  ])
  t.equal(await store.pollUnplanned(id), 0)
  t.match(await store.pollEffects(id), { pending: 5, done: 0 })
  await t.rejects(store.addEffects('ctp', 'T9', [], undefined, start), { code: 'TICKET_UNKNOWN' })
  const when = { dueAt: null, stirred: 0, now: start }
  await t.rejects(store.step('ctp', worker.claim, { ticketId: 'T9' }, when), { code: 'TICKET_UNKNOWN' })
  t.equal(await store.work('ctp', worker.claim, 'T9'), undefined)
  t.same(await contradictions(database), [])
})

t.test(
  'an effect is begun where nothing else of its ticket is under way, and its state allows it',
  async (t) => {
    const { store, database } = await emptied()
    await take(store, [taken('T1')])
    const worker = await working(store, 'T1')
    await worker.step({ add: [note('a'), note('b'), note('c')] })
    const [a, b, c] = ['a', 'b', 'c'].map(worker.effect) as [never, never, never]
    t.equal((await worker.step({ begin: worker.effect('a').id })).begun, true)
    t.equal(worker.effect('a').state, 'inflight')
    t.equal((await worker.step({ begin: worker.effect('b').id })).begun, false, 'another one is under way')
    t.equal(await dueAt(database, 'T1'), timeAt(0), 'then it is due at once')
    t.equal((await worker.step({ begin: worker.effect('a').id })).begun, false, 'so is this one')
    const next = await worker.step({
      settle: [settled(a, 'done', { reference: 'n1' })],
      begin: worker.effect('b').id,
    })
    t.equal(next.begun, true, 'one ends as the next one begins')
    t.same(
      next.open.map(({ key, state }) => [key, state]),
      [
        ['b', 'inflight'],
        ['c', 'pending'],
      ],
    )
    const ambiguous = {
      attempts: 1,
      probes: 2,
      ambiguousSince: later(1),
      dueAt: later(9),
      error: 'no answer',
    }
    await worker.step({ settle: [settled(b, 'ambiguous', ambiguous)] })
    t.match(worker.effect('b'), {
      ...ambiguous,
      state: 'ambiguous',
      ambiguousSince: timeAt(1),
      dueAt: timeAt(9),
    })
    await worker.step({ settle: [settled(b, 'pending', { attempts: 1 })], begin: worker.effect('b').id })
    t.match(worker.effect('b'), { state: 'inflight', attempts: 1, probes: 0, ambiguousSince: null })
    await worker.step({
      settle: [settled(b, 'dead', { attempts: 2, error: 'it \u0000' }), settled(c, 'skipped')],
    })
    t.match(worker.effect('b'), { state: 'dead', attempts: 2, error: 'it \ufffd' })
    t.equal((await worker.step({ begin: worker.effect('b').id })).begun, false, 'dead')
    await worker.step({ settle: [settled(a, 'failed'), settled(c, 'pending')] })
    t.match(await store.bridgeStates(['ctp']), [
      { effects: { done: 1, dead: 1, skipped: 1, pending: 0, failed: 0 } },
    ])
    t.match(await store.effects({ bridges: ['ctp'], states: ['done'], limit: 9 }), [{ reference: 'n1' }])
    t.same(await contradictions(database), [])
  },
)

t.test('what a step changes of a ticket is told of it', async (t) => {
  const { store, database } = await emptied()
  await take(store, [taken('T1'), taken('T2')])
  const worker = await working(store, 'T1', { now: later(1) })
  const incident = { id: '2001', url: 'https://soar.example.org/#2001', status: 'open' } as const
  await worker.step({ change: { state: 'open', reason: 'because', incident, memory: { a: '\u0000' } } })
  t.match(worker.work().ticket, {
    state: 'open',
    reason: 'because',
    incident,
    memory: { a: '\u0000' },
    closedBy: null,
  })
  t.equal(await store.ticketOfIncident('ctp', '2001'), 'T1')
  await store.addEffects('ctp', 'T2', [], { state: 'closed', incident: { ...incident, id: '9' } }, start)
  t.match(await store.ticket('ctp', 'T2'), { state: 'closed', incident: { id: '9' } }, 'from outside, too')
  t.match(await store.bridgeStates(['ctp']), [{ tickets: { open: 1, closed: 1, pending: 0 } }])
  await worker.step({ change: { closedBy: 'ticket', reason: null } })
  t.match(worker.work().ticket, { state: 'open', reason: null, incident, closedBy: 'ticket' })
  t.same(
    (await store.tickets({ bridges: ['ctp'], limit: 9 })).map(({ ticketId }) => ticketId),
    ['T2', 'T1'],
    'in the order in which they came, whatever changed',
  )
  await worker.step({ change: { incident: null } })
  t.equal(worker.work().ticket.incident, null)
  t.match(await store.bridgeStates(['ctp']), [{ tickets: { open: 1, closed: 1 } }])
  t.same(await contradictions(database), [])
})

t.test(
  'a ticket is due when its worker says so, and at once where something came of it meanwhile',
  async (t) => {
    const { store, database } = await emptied()
    await take(store, [taken('T1')])
    const worker = await working(store, 'T1')
    await worker.step({ add: [note('a'), note('dead')], planned: { revision: 1, closed: false } }, later(60))
    const dead = settled(worker.effect('dead'), 'dead')
    await worker.step({ settle: [dead] }, later(60))
    t.equal(await dueAt(database, 'T1'), timeAt(60))
    t.equal(await store.nextWork('ctp'), timeAt(60))
    const { id } = worker.effect('dead')
    const comes: readonly [string, (store: TicketStore) => Promise<unknown>][] = [
      ['new content', () => take(store, [taken('T1', { hash: 'two' })], later(5))],
      ['new content, read by its id', () => store.takeRead('ctp', taken('T1', { hash: 'three' }), later(5))],
      ['a new effect', () => store.addEffects('ctp', 'T1', [note('b')], undefined, later(5))],
      ['a change', () => store.addEffects('ctp', 'T1', [], { closedBy: 'incident' }, later(5))],
      ['a retry', () => store.setEffect(id, 'retry', later(5))],
      ['a skip', () => store.setEffect(id, 'skip', later(5))],
      ['a wish', () => store.wakeTicket('ctp', 'T1', { now: later(5), replan: false })],
      ['the bridge goes on', () => store.resumeBridge('ctp', later(5))],
    ]
    for (const [what, come] of comes) {
      await worker.step({}, null, later(1))
      t.equal(await dueAt(database, 'T1'), null)
      await come(store)
      t.equal(await dueAt(database, 'T1'), timeAt(5), `${what}: due`)
      await worker.step({}, null, later(6))
      t.equal(await dueAt(database, 'T1'), timeAt(5), `${what}: still due after a step that did not know`)
      await worker.step({}, null, later(6))
      t.equal(await dueAt(database, 'T1'), null, `${what}: at rest after one that knew`)
    }
    const nothing: readonly [string, () => Promise<unknown>][] = [
      ['the same content', () => take(store, [taken('T1', { hash: 'three' })], later(7))],
      [
        'an effect that there is',
        () => store.addEffects('ctp', 'T1', [note('b')], { closedBy: 'incident' }, later(7)),
      ],
      ['a retry of what is skipped', () => store.setEffect(id, 'retry', later(7))],
    ]
    for (const [what, come] of nothing) {
      await come()
      t.equal(await dueAt(database, 'T1'), null, what)
    }
    t.same(await contradictions(database), [])
  },
)

t.test('what a worker decides of an effect that somebody woke meanwhile leaves it due', async (t) => {
  const { store } = await emptied()
  await take(store, [taken('T1')])
  const worker = await working(store, 'T1')
  await worker.step({ add: [note('a')] })
  await worker.step({ settle: [settled(worker.effect('a'), 'failed', { dueAt: later(600) })] })
  const before = worker.effect('a')
  await store.setEffect(before.id, 'retry', later(1))
  await worker.step({ settle: [settled(before, 'failed', { dueAt: later(900) })] }, null, later(2))
  t.match(worker.effect('a'), { state: 'failed', dueAt: timeAt(1) })
  await store.setEffect(before.id, 'skip', later(3))
  await worker.step({ settle: [settled(before, 'failed', { dueAt: later(900) })] }, null, later(4))
  t.same(worker.work().open, [], 'what somebody skipped stays so')
})

t.test('due tickets come longest due first, without those that are worked at', async (t) => {
  const { store } = await emptied()
  await take(
    store,
    ['T3', 'T1', 'T2'].map((id) => taken(id)),
  )
  const { claim, step } = await working(store, 'T3')
  await step({}, later(-5))
  const due = (options: object = {}) =>
    store.dueTickets('ctp', claim, { now: start, limit: 10, except: [], ...options })
  t.same(await due(), ['T3', 'T1', 'T2'])
  t.same(await due({ limit: 2, except: ['T1'] }), ['T3', 'T2'])
  t.same(await due({ now: later(-1) }), ['T3'])
  t.equal(await store.nextWork('ctp'), timeAt(-5))
})

t.test('a new worker fences the old one, and looks up what that one had under way', async (t) => {
  const { store, database } = await emptied()
  await take(store, [taken('T1'), taken('T2')])
  const old = await working(store, 'T1')
  await old.step({ add: [note('a'), note('b')] })
  await old.step({ begin: old.effect('a').id })
  const before = old.effect('a')
  const claim = await store.claimBridge('ctp', { settleMs: 5000, now: later(60) })
  t.ok(claim > old.claim)
  t.equal(await dueAt(database, 'T1'), timeAt(65))
  const lost: readonly [string, () => Promise<unknown>][] = [
    ['holdsBridge', () => store.holdsBridge('ctp', old.claim)],
    ['dueTickets', () => store.dueTickets('ctp', old.claim, { now: start, limit: 1, except: [] })],
    ['work', () => store.work('ctp', old.claim, 'T1')],
    ['step', () => old.step({ settle: [settled(before, 'done')], add: [note('c')] })],
    ['saveChangeCursor', () => store.saveChangeCursor('ctp', old.claim, 'c', start)],
  ]
  for (const [name, ask] of lost) t.ok(await losesClaim(ask()), name)
  await store.holdsBridge('ctp', claim)
  const worker = await working(store, 'T1', { claim })
  t.match(worker.effect('a'), {
    state: 'ambiguous',
    attempts: 1,
    probes: 0,
    ambiguousSince: timeAt(60),
    dueAt: timeAt(65),
  })
  t.match(worker.effect('a').error, /ended/)
  t.equal(worker.effect('b').state, 'pending')
  t.equal(worker.work().known.size, 2)
  t.equal((await worker.step({ begin: worker.effect('b').id })).begun, true)
  t.same(await contradictions(database), [])
})

t.test('an effect is retried or skipped where its state allows it', async (t) => {
  const { store, database } = await emptied()
  await take(store, [taken('T1')])
  const worker = await working(store, 'T1')
  const makes = { attempts: 3, dueAt: later(600), error: 'no' }
  const table: readonly [EffectState, object | undefined, object | undefined][] = [
    ['pending', undefined, { state: 'skipped' }],
    ['inflight', undefined, undefined],
    [
      'ambiguous',
      { state: 'ambiguous', attempts: 3, probes: 1, dueAt: timeAt(7) },
      { state: 'skipped', ambiguousSince: null, probes: 0 },
    ],
    [
      'failed',
      { state: 'pending', attempts: 0, dueAt: timeAt(3), error: 'no' },
      { state: 'skipped', error: 'no' },
    ],
    ['done', undefined, undefined],
    ['dead', { state: 'pending', attempts: 0, dueAt: timeAt(3), error: 'no' }, { state: 'skipped' }],
    ['skipped', undefined, undefined],
  ]
  t.same(table.map(([state]) => state).sort(), [...effectStates].sort())
  for (const [state, retried, skipped] of table) {
    for (const [to, expected] of [
      ['retry', retried],
      ['skip', skipped],
    ] as const) {
      const key = `${state} ${to}`
      await worker.step({ add: [note(key)] })
      const fresh = worker.effect(key)
      const ambiguous = state === 'ambiguous' ? { probes: 1, ambiguousSince: later(2) } : {}
      if (state === 'inflight') await worker.step({ begin: fresh.id })
      else await worker.step({ settle: [settled(fresh, state, { ...makes, ...ambiguous })] })
      t.equal(await store.effectsUnderWay('ctp'), state === 'inflight')
      const set = await store.setEffect(fresh.id, to, later(3))
      t.equal(set?.changed, expected !== undefined, key)
      t.match(set?.effect, expected ?? { state }, key)
      t.same(await store.effect(fresh.id), set?.effect)
      if (state === 'inflight') await worker.step({ settle: [settled(fresh, 'done')] })
    }
  }
  t.equal(await store.setEffect(2 ** 40, 'retry', start), undefined)
  t.equal(await store.effect(0.5), undefined)
  t.same(await contradictions(database), [])
})

t.test(
  'what waits for a mended product is due at once, what may be done already once it has settled',
  async (t) => {
    const { store, database } = await emptied()
    const failing = {
      circuit: 'paused',
      failures: 3,
      waitUntil: timeAt(9.5),
      error: { code: 'X', cause: 'a\u0000', remedy: 'b', at: timeAt(0) },
    } as const
    await store.saveBridgeHealth('ctp', 'sink', failing)
    await store.saveBridgeHealth('ctp', 'desk', { ...failing, circuit: 'open', waitUntil: null })
    const told = { ...failing, error: { ...failing.error, cause: 'a\ufffd' } }
    t.same(await store.bridgeHealth('ctp', 'sink'), told)
    const [state] = await store.bridgeStates(['ctp'])
    t.same(state?.sink, told)
    t.match(state?.desk, { circuit: 'open', waitUntil: null })
    await take(
      store,
      ['T1', 'T2', 'T3'].map((id) => taken(id)),
    )
    const one = await working(store, 'T1')
    await one.step({ add: ['p', 'f', 'a', 'a2', 'd'].map((key) => note(key)) })
    await one.step({
      settle: [
        settled(one.effect('p'), 'pending', { dueAt: later(900) }),
        settled(one.effect('f'), 'failed', { dueAt: later(900), attempts: 2 }),
        settled(one.effect('a'), 'ambiguous', { dueAt: later(900), ambiguousSince: later(0) }),
        settled(one.effect('a2'), 'ambiguous', { dueAt: later(900), ambiguousSince: later(98) }),
        settled(one.effect('d'), 'dead', { dueAt: later(900) }),
      ],
    })
    const two = await working(store, 'T2', one)
    await two.step({}, later(900))
    await (await working(store, 'T3', one)).step({}, null)
    await store.resumeBridge('ctp', later(100))
    for (const end of ['desk', 'sink'] as const) {
      t.match(await store.bridgeHealth('ctp', end), { circuit: 'closed', failures: 0, waitUntil: null })
    }
    const effects = await store.effects({ bridges: ['ctp'], limit: 9 })
    t.same(
      effects.map((each) => each.dueAt),
      [100, 100, 100, 103, 900].map(timeAt),
    )
    t.match(effects[1], { attempts: 2, state: 'failed' })
    t.equal(await dueAt(database, 'T1'), timeAt(100))
    t.equal(await dueAt(database, 'T2'), timeAt(100))
    t.equal(await dueAt(database, 'T3'), null, 'it has nothing to do')
    t.same(await contradictions(database), [])
  },
)

t.test('a ticket can be planned again, and forget an incident that is gone', async (t) => {
  const { store, database } = await emptied()
  await take(store, [taken('T1')])
  await take(store, [taken('T1', { hash: 'two' })])
  const worker = await working(store, 'T1')
  const incident = { id: '1', url: null, status: 'deleted' } as const
  const add = [note('done'), note('dead'), note('pending'), { ...note('c'), kind: 'ctp_worklog' as const }]
  const change = {
    state: 'tombstone',
    reason: 'gone',
    incident,
    closedBy: 'incident',
    memory: { a: 1 },
  } as const
  await worker.step({ add, change, planned: { revision: 2, closed: true } })
  await worker.step({
    settle: [settled(worker.effect('done'), 'done'), settled(worker.effect('dead'), 'dead')],
  })
  t.equal(await store.wakeTicket('ctp', 'T1', { now: start, replan: true }), true)
  t.match(await store.ticket('ctp', 'T1'), { revision: 2, plannedRevision: 1, plannedClosed: true, incident })
  t.equal(await store.wakeTicket('ctp', 'T1', { now: start, replan: true, forgetIncident: true }), true)
  const blank = {
    state: 'pending',
    reason: null,
    incident: null,
    closedBy: null,
    memory: {},
    plannedRevision: 0,
    plannedClosed: null,
  }
  t.match(await store.ticket('ctp', 'T1'), blank)
  const states = (await store.effects({ bridges: ['ctp'], limit: 9 })).map(({ key, state }) => [key, state])
  t.same(states, [
    ['done', 'done'],
    ['dead', 'skipped'],
    ['pending', 'skipped'],
    ['c', 'pending'],
  ])
  t.same(await contradictions(database), [])
  await worker.step({ add: [note('new')] })
  await store.wakeTicket('ctp', 'T1', { now: start, replan: false, forgetIncident: true })
  t.match(
    (await store.effects({ bridges: ['ctp'], limit: 9 })).at(-1),
    { key: 'new', state: 'pending' },
    'nothing to forget',
  )
  t.equal(await store.wakeTicket('ctp', 'T9', { now: start, replan: true }), false)
  t.same(await contradictions(database), [])
})

t.test('tickets with an open incident that were not seen for long come longest ago first', async (t) => {
  const { store } = await emptied()
  const claim = await store.claimBridge('ctp', { settleMs: 0, now: start })
  for (const [n, status] of ['open', 'open', 'closed', 'open'].entries()) {
    await take(store, [taken(`T${n}`)], later(10 - n))
    const incident = { id: `${n}`, url: null, status: status as 'open' | 'closed' }
    await (await working(store, `T${n}`, { claim })).step({ change: { incident } })
  }
  t.same(await store.unseenSince('ctp', later(10), { limit: 9 }), ['T3', 'T1'])
  t.same(await store.unseenSince('ctp', later(60), { limit: 1 }), ['T3'])
  await store.takeRead('ctp', taken('T1'), later(60))
  const gone = { kind: 'gone', detail: 'the desk has it no more' }
  t.equal(await store.noteGone('ctp', 'T3', gone, later(60)), true)
  t.equal(await store.noteGone('ctp', 'T3', gone, later(61)), false)
  t.same(await store.unseenSince('ctp', later(60), { limit: 9 }), ['T0'])
  t.same(await store.events('ctp', 'T3'), [{ at: timeAt(60), ...gone }])
})

t.test('the place in the changes of the sink is kept', async (t) => {
  const { store } = await emptied()
  t.same(await store.changeCursor('ctp'), { cursor: null, at: null })
  const claim = await store.claimBridge('ctp', { settleMs: 0, now: start })
  await store.saveChangeCursor('ctp', claim, 'c1', later(1))
  t.same(await store.changeCursor('ctp'), { cursor: 'c1', at: timeAt(1) })
  t.match(await store.bridgeStates(['ctp']), [{ changesAt: timeAt(1), oldestPendingAt: null }])
})

t.test('pages of tickets and effects hold each once, in their order', async (t) => {
  const { store } = await emptied()
  await store.registerBridges(['other'])
  const other = await polling(store, later(3), 'other')
  await other.take(['T5', 'T4', 'T6'].map((id) => taken(id)))
  for (const [n, id] of ['T3', 'T1', 'T2'].entries()) await take(store, [taken(id)], later(n + 1))
  const claim = await store.claimBridge('ctp', { settleMs: 0, now: start })
  const worker = await working(store, 'T2', { claim, now: later(9) })
  await worker.step({ change: { state: 'error' }, add: [note('a'), { ...note('b'), kind: 'create' }] })
  await worker.step({ settle: [settled(worker.effect('a'), 'dead')] })
  await store.addEffects('other', 'T4', [note('x')], undefined, later(2))
  const bridges = ['ctp', 'other']
  const all = []
  for (let after: { bridge: string; ticketId: string } | undefined; ; ) {
    const page = await store.tickets({ bridges, limit: 2, ...(after && { after }) })
    all.push(...page.map(({ bridge, ticketId }) => `${bridge} ${ticketId}`))
    after = page.at(-1)
    if (page.length < 2) break
  }
  t.same(all, ['other T6', 'other T5', 'other T4', 'ctp T2', 'ctp T1', 'ctp T3'])
  const ids = async (query: Partial<Parameters<TicketStore['tickets']>[0]>) =>
    (await store.tickets({ bridges, limit: 9, ...query })).map(({ ticketId }) => ticketId)
  t.same(await ids({ states: ['error', 'error'] }), ['T2'])
  t.same(await ids({ states: ['pending'], bridges: ['ctp'] }), ['T1', 'T3'])
  t.same(await ids({ states: [] }), [])
  const endings = store.tickets({ bridges, limit: 1, after: { bridge: 'ctp', ticketId: 'T9' } })
  await t.rejects(endings, { code: 'ARGUMENT_INVALID', message: /T9/ })
  const keys = async (query: Partial<Parameters<TicketStore['effects']>[0]>) =>
    (await store.effects({ bridges, limit: 9, ...query })).map(({ key }) => key)
  t.same(await keys({}), ['a', 'b', 'x'])
  t.same(await keys({ bridges: ['other'] }), ['x'])
  t.same(await keys({ ticketId: 'T2' }), ['a', 'b'])
  t.same(await keys({ states: ['dead'] }), ['a'])
  t.same(await keys({ kinds: ['create'] }), ['b'])
  t.same(await keys({ limit: 1, after: worker.effect('a').id }), ['b'])
  t.match(await store.bridgeStates(['other', 'ctp']), [
    { name: 'other', oldestPendingAt: timeAt(2), poll: { last: { status: 'running' } } },
    {
      name: 'ctp',
      oldestPendingAt: timeAt(9),
      tickets: { pending: 2, error: 1 },
      effects: { dead: 1, pending: 1 },
    },
  ])
})

t.test('a backup holds all of it, and a restored bridge goes on where it stood', async (t) => {
  const { store, connection } = await emptied()
  const text = 'nul \u0000, "\\N" \t 🦊'
  const poll = await polling(store)
  await poll.take([taken('T1', { raw: { text }, updatedAt: timeAt(1) }), taken('T2')])
  await store.noteAcknowledged('ctp', [{ ticketId: 'T1', version: 'T1 one', ok: true, code: text }], {
    poll,
    now: start,
  })
  const worker = await working(store, 'T1')
  const change = { incident: { id: '1', url: null, status: 'open' }, memory: { text } } as const
  await worker.step({ add: [note('a', { text }), note('b')], change, events: [{ kind: 'x', detail: text }] })
  await worker.step({ begin: worker.effect('a').id }, later(9))
  await store.saveChangeCursor('ctp', worker.claim, text, later(1))
  const told = async (from: typeof store) => ({
    states: await from.bridgeStates(['ctp']),
    tickets: await from.tickets({ bridges: ['ctp'], limit: 9 }),
    versions: await from.versions('ctp', 'T1'),
    events: await from.events('ctp', 'T1'),
    effects: await from.effects({ bridges: ['ctp'], limit: 9 }),
    cursor: await from.changeCursor('ctp'),
    poll: await from.poll(poll.id),
  })
  const folder = mkdtempSync(join(tmpdir(), 'feed-tickets-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'backup.gz')
  await backup({ connection, file, program: '1.2.3', now: start })
  const fresh = await freshDatabase(t)
  await restore({ connection: fresh.connection, file, log: silent })
  const copy = await openPostgresStore({ connection: fresh.connection, log: silent })
  t.teardown(() => copy.close())
  t.same(await told(copy), await told(store))
  const next = await working(copy, 'T1', { now: later(60) })
  t.match(next.effect('a'), { state: 'ambiguous', payload: { text } })
  await next.step({ add: [note('c')] })
  t.ok(next.effect('c').id > next.effect('b').id, 'numbers go on where they stood')
})

t.test('old polls, events and acknowledged versions are forgotten, and nothing else', async (t) => {
  const { store, database } = await emptied()
  const first = await polling(store, start)
  await first.take([taken('T1'), taken('T2')])
  const answers = [{ ticketId: 'T1', version: 'T1 one', ok: true, code: 'SUCCESS' }]
  await store.noteAcknowledged('ctp', answers, { poll: first, now: start })
  await first.end()
  const ended = await take(store, [taken('T1', { hash: 'two' })], later(1))
  const worker = await working(store, 'T1')
  await worker.step({ add: [note('a')], events: [{ kind: 'old', detail: '' }] })
  await worker.step({ events: [{ kind: 'new', detail: '' }] }, null, later(100))
  const running = await polling(store, later(2))
  t.equal(await store.pruneTickets(start, start), 0)
  t.equal(await store.pruneTickets(later(90), start), 3)
  t.same(
    (await store.polls('ctp', { limit: 9 })).map(({ id }) => id),
    [running.id, ended],
  )
  t.match(await store.pollState('ctp'), { lastEnded: { id: ended } })
  t.match(await store.events('ctp', 'T1'), [{ kind: 'new' }])
  t.match(await store.versions('ctp', 'T1'), [{ version: 'T1 two' }])
  t.equal((await store.versions('ctp', 'T2')).length, 1)
  t.equal((await store.effects({ bridges: ['ctp'], limit: 9 })).length, 1)
  t.same(await contradictions(database), [])
})

t.test(
  'a ticket that is over is forgotten whole, one of which anything waits or is to be known is not',
  async (t) => {
    const { store, database } = await emptied()
    const closed = { state: 'closed', incident: { id: '1', url: null, status: 'closed' } } as const
    const skipped = { state: 'skipped', reason: 'left out' } as const
    const tombstone = { state: 'tombstone', incident: { id: '2', url: null, status: 'deleted' } } as const
    const cases = [
      ['over', closed, [note('a')], 'done', true],
      ['left-out', skipped, [], 'done', true],
      ['unacknowledged', closed, [], 'done', false],
      ['seen', closed, [], 'done', false],
      ['open', { state: 'open' }, [note('a')], 'done', false],
      ['dead', closed, [note('a')], 'dead', false],
      ['given-up', skipped, [note('a')], 'skipped', false],
      ['deleted', tombstone, [], 'done', false],
    ] as const
    await take(
      store,
      cases.map(([id]) => taken(id)),
    )
    const claim = await store.claimBridge('ctp', { settleMs: 5000, now: start })
    for (const [id, change, add, state] of cases) {
      const worker = await working(store, id, { claim })
      await worker.step({
        add,
        change,
        events: [{ kind: 'x', detail: '' }],
        planned: { revision: 1, closed: true },
      })
      await worker.step({ settle: worker.work().open.map((each) => settled(each, state)) })
      const answer = { ticketId: id, version: `${id} one`, ok: id !== 'unacknowledged', code: 'X' }
      await store.noteAcknowledged('ctp', [answer], { now: start })
    }
    await take(store, [taken('seen')], later(100))
    const answer = { ticketId: 'seen', version: 'seen one', ok: true, code: 'SUCCESS' }
    await store.noteAcknowledged('ctp', [answer], { now: later(100) })
    await store.pruneTickets(start, start)
    t.equal((await store.tickets({ bridges: ['ctp'], limit: 99 })).length, cases.length)
    await store.pruneTickets(start, later(90))
    for (const [id, , , , isForgotten] of cases) {
      t.equal((await store.ticket('ctp', id)) === undefined, isForgotten, id)
    }
    t.same(await store.events('ctp', 'over'), [])
    t.same(await contradictions(database), [])
    await take(store, [taken('over')], later(200))
    t.match(await store.ticket('ctp', 'over'), { state: 'pending', revision: 1 }, 'then it is a new one')
  },
)
