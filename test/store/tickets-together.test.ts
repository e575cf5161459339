/** Polls, workers, people and a restart at the same tickets, all at once. */
import t from 'tap'
import { openDatabase } from '../../src/store/postgres/database.ts'
import { ticketStore } from '../../src/store/postgres/tickets/index.ts'
import { ClaimLost } from '../../src/store/store.ts'
import type { Work } from '../../src/store/ticket-store.ts'
import type { NewEffect } from '../../src/store/tickets.ts'
import {
  contradictions,
  later,
  note,
  polling,
  settled,
  silent,
  start,
  take,
  taken,
  ticketing,
  working,
} from './ticketing.ts'

t.setTimeout(300_000)

const emptied = await ticketing(t)
const ids = Array.from({ length: 12 }, (_, n) => `T${n}`)

t.test('nobody waits for another one in a circle, and nothing is lost', async (t) => {
  const { store: first, database, connection } = await emptied()
  let conflicts = 0
  const debug = (given: unknown) => {
    if (typeof given === 'object' && given !== null && 'attempt' in given) conflicts++
  }
  const log = Object.assign(Object.create(silent), { debug }) as typeof silent
  const other = await openDatabase({ connection, log, maxConnections: 16 })
  t.teardown(() => other.close())
  const store = ticketStore(other)
  await take(
    first,
    ids.slice(0, 6).map((id) => taken(id)),
  )
  const poll = await polling(store)
  let claim = await store.claimBridge('ctp', { settleMs: 0, now: start })
  let done = false
  let seed = 1
  const random = (below: number) => {
    seed = (seed * 48271) % 2147483647
    return seed % below
  }
  const anyId = () => ids[random(ids.length)] ?? ''
  const repeat = async (times: number, act: (n: number) => Promise<unknown>) => {
    for (let n = 0; n < times; n++) await act(n)
  }
  let taking = 0
  let begun = 0
  const finished = new Set<number>()
  const again: number[] = []
  const work = async () => {
    while (!done) {
      const mine = claim
      try {
        const [id] = await store.dueTickets('ctp', mine, { now: later(1e6), limit: 1, except: [anyId()] })
        if (id === undefined) continue
        await workAt(id, mine)
      } catch (error) {
        if (!(error instanceof ClaimLost)) throw error
      }
    }
  }
  const workAt = async (id: string, mine: number) => {
    let work: Work | undefined = await store.work('ctp', mine, id)
    for (let last: number | undefined; work !== undefined; ) {
      const planned = { revision: work.ticket.revision, closed: false }
      const next = work.open.find(({ state }) => state !== 'inflight' && state !== 'dead')
      const ended = work.open.find((each) => each.id === last && each.state === 'inflight')
      const isLeft = work.open.some((each) => each !== next && each !== ended && each.state !== 'dead')
      const adds = !work.known.has(`note/r${planned.revision}`)
      const after: Work & { readonly begun: boolean } = await store.step(
        'ctp',
        mine,
        {
          ticketId: id,
          add: [note(`r${planned.revision}`)],
          planned,
          ...(ended && { settle: [settled(ended, random(5) === 0 ? 'dead' : 'done')] }),
          ...(next && { begin: next.id }),
        },
        { dueAt: isLeft || adds ? start : null, stirred: work.stirred, now: start, before: work },
      )
      if (ended !== undefined) {
        if (finished.has(ended.id)) again.push(ended.id)
        const isDead = after.open.some((each) => each.id === ended.id)
        if (!isDead) finished.add(ended.id)
      }
      if (next === undefined || !after.begun) return
      begun++
      last = next.id
      work = after
    }
  }
  const kinds = ['ctp_worklog', 'patch', 'attachment'] as const
  const added = (n: number): NewEffect[] => kinds.map((kind) => ({ kind, key: `${n}`, payload: {} }))
  const outside = [
    repeat(12, () => poll.take([...ids].reverse().map((id) => taken(id, { hash: `h${taking++}` })))),
    repeat(40, (n) => store.takeRead('ctp', taken(anyId(), { hash: `r${n}` }), start)),
    repeat(40, (n) => store.addEffects('ctp', ids[n % 6] ?? '', added(n), { memory: { n } }, start)),
    repeat(40, async () => {
      const dead = await store.effects({ bridges: ['ctp'], states: ['dead', 'pending'], limit: 5 })
      for (const { id } of dead) await store.setEffect(id, random(3) === 0 ? 'skip' : 'retry', start)
    }),
    repeat(8, async () => {
      claim = await store.claimBridge('ctp', { settleMs: 0, now: start })
    }),
    repeat(10, () => store.resumeBridge('ctp', start)),
    repeat(30, () => store.wakeTicket('ctp', anyId(), { now: start, replan: true })),
    repeat(15, async () => {
      const answers = (await store.unacknowledged('ctp', { limit: 20 })).map((each) => ({
        ...each,
        ok: random(2) === 0,
        code: 'SUCCESS',
      }))
      await store.noteAcknowledged('ctp', answers, { poll, now: start })
      await store.bridgeStates(['ctp'])
    }),
    repeat(4, () => store.pruneTickets(later(1), later(1))),
  ]
  const workers = [work(), work(), work()]
  await Promise.all(outside)
  done = true
  await Promise.all(workers)
  t.equal(conflicts, 0, 'the database had to end no transaction for another one')
  t.ok(begun > 10)
  t.same(await contradictions(database), [])
  t.match(await poll.end(), { pages: 12, received: 144, stored: 144 })

  const last = await store.claimBridge('ctp', { settleMs: 0, now: start })
  for (let round = 0; round < 1000; round++) {
    const due = await store.dueTickets('ctp', last, { now: later(1e6), limit: 50, except: [] })
    if (due.length === 0) break
    for (const id of due) await workAt(id, last)
  }
  t.same(again, [], 'nothing is done twice')
  const states = new Set((await store.effects({ bridges: ['ctp'], limit: 10_000 })).map(({ state }) => state))
  for (const state of states) t.ok(['done', 'dead', 'skipped'].includes(state), `nothing is left ${state}`)
  for (const { ticketId, revision, plannedRevision } of await store.tickets({
    bridges: ['ctp'],
    limit: 99,
  })) {
    t.equal(plannedRevision, revision, `${ticketId} is planned`)
  }
  t.same(await contradictions(database), [])
})

t.test('of those who begin effects of one ticket at once, one does', async (t) => {
  const { store, database } = await emptied()
  await take(store, [taken('T1')])
  const keys = Array.from({ length: 8 }, (_, n) => `n${n}`)
  const worker = await working(store, 'T1')
  await worker.step({ add: keys.map((key) => note(key)) })
  const { stirred } = worker.work()
  for (const which of [keys, keys.map(() => 'n1')]) {
    const steps = await Promise.all(
      which.map((key) =>
        store.step(
          'ctp',
          worker.claim,
          { ticketId: 'T1', begin: worker.effect(key).id },
          { dueAt: null, stirred, now: start },
        ),
      ),
    )
    t.equal(steps.filter(({ begun }) => begun).length, 1)
    const inflight = await store.effects({ bridges: ['ctp'], states: ['inflight'], limit: 9 })
    t.equal(inflight.length, 1)
    await worker.step({ settle: inflight.map((each) => settled(each, 'pending')) })
  }
  t.same(await contradictions(database), [])
})

t.test('a new ticket that comes twice at once is one ticket', async (t) => {
  const { store, database } = await emptied()
  const poll = await polling(store)
  const some = ids.map((id) => taken(id))
  const answers = await Promise.all([
    poll.take(some),
    ...ids.map((id) => store.takeRead('ctp', taken(id), start)),
    ...ids.map((id) => store.takeRead('ctp', taken(id), start)),
  ])
  const [page, ...reads] = answers
  t.equal(page.changed.length + reads.filter((isNew) => isNew === true).length, ids.length)
  for (const ticket of await store.tickets({ bridges: ['ctp'], limit: 99 })) t.equal(ticket.revision, 1)
  t.match(await store.bridgeStates(['ctp']), [{ tickets: { pending: ids.length } }])
  t.same(await contradictions(database), [])
})

t.test('a bridge with many tickets tells of the few that are due by an index', async (t) => {
  const { store, database } = await emptied()
  await database.execute(
    `insert into ticket (bridge, id, raw, hash, first_seen_at, last_seen_at, changed_at, due_at)
     select b.id, 'T' || n, '{}', 'one', $1, $1, $1, case when n % 200 = 0 then $1::timestamptz + n * interval '1 s' end
     from bridge b, generate_series(1, 20000) n`,
    [start],
  )
  const claim = await store.claimBridge('ctp', { settleMs: 0, now: start })
  const except = Array.from({ length: 60 }, (_, n) => `T${(n + 1) * 200}`)
  const due = await store.dueTickets('ctp', claim, { now: later(1e6), limit: 5, except })
  t.same(due, ['T12200', 'T12400', 'T12600', 'T12800', 'T13000'])
  const plan = async (sql: string) => JSON.stringify(await database.query(`explain ${sql}`, [start]))
  const dueSql = `select id from ticket where bridge = (select min(id) from bridge) and due_at <= $1 order by due_at, id limit 5`
  t.match(await plan(dueSql), /Scan using ticket_due/)
  t.notMatch(await plan(dueSql), /Sort/)
})
