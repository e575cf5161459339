/** The work at tickets on a real database against a model of a few lines: whatever happens in whatever order. */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { EffectChange, TicketStore, Work } from '../../src/store/ticket-store.ts'
import type { EffectState } from '../../src/store/tickets.ts'
import {
  contradictions,
  later,
  note,
  polling,
  settled,
  start,
  taken,
  ticketing,
  timeAt,
} from './ticketing.ts'

t.setTimeout(300_000)

interface ModelEffect {
  readonly key: string
  state: EffectState
  attempts: number
  due: number
  since: number | null
}
interface ModelTicket {
  hash: string
  updated: number | null
  revision: number
  planned: number
  due: number | null
  stirred: number
  readonly effects: ModelEffect[]
}

type Op =
  | {
      readonly do: 'take' | 'read'
      readonly id: string
      readonly hash: string
      readonly updated: number | null
    }
  | { readonly do: 'add'; readonly id: string; readonly key: string }
  | { readonly do: 'set'; readonly id: string; readonly nth: number; readonly to: 'retry' | 'skip' }
  | { readonly do: 'wake'; readonly id: string; readonly replan: boolean }
  | { readonly do: 'resume' | 'takeover' }
  | { readonly do: 'look'; readonly id: string }
  | {
      readonly do: 'step'
      readonly id: string
      readonly outcome: Exclude<EffectState, 'inflight'>
      readonly afterS: number
      readonly begins: number | null
    }

const id = fc.constantFrom('T1', 'T2')
const received = {
  id,
  hash: fc.constantFrom('a', 'b', 'c'),
  updated: fc.option(fc.integer({ min: 1, max: 3 }), { nil: null, freq: 3 }),
}
const step = fc.record({
  do: fc.constant('step' as const),
  id,
  outcome: fc.constantFrom('pending', 'ambiguous', 'failed', 'done', 'dead', 'skipped'),
  afterS: fc.integer({ min: 0, max: 30 }),
  begins: fc.option(fc.nat(4), { nil: null, freq: 3 }),
})
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('take', 'read'), ...received }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('add'), id, key: fc.constantFrom('x', 'y', 'z') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('set'),
      id,
      nth: fc.nat(4),
      to: fc.constantFrom('retry', 'skip'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wake'), id, replan: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('resume', 'takeover') }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('look'), id }) },
  { weight: 7, arbitrary: step },
)

/** Of effects that somebody still has to do something about. */
const waits = ({ state }: { readonly state: EffectState }) =>
  state === 'pending' || state === 'failed' || state === 'ambiguous'

const emptied = await ticketing(t)

t.test('a ticket never sleeps while something of it is due, and is what happened to it', async (t) => {
  const { store, database } = await emptied()
  let runs = 0
  await fc.assert(
    fc.asyncProperty(fc.array(op, { minLength: 5, maxLength: 30 }), async (ops) => {
      const bridge = `b${runs++}`
      await store.registerBridges([bridge])
      const world = new World(store, bridge)
      await world.begin()
      for (const [n, each] of ops.entries()) {
        await world.act(each, n + 1)
        const problem = await world.compare(n + 1)
        if (problem !== undefined) throw new Error(`${JSON.stringify(each)}: ${problem}`)
      }
    }),
    { numRuns: 60 },
  )
  t.ok(runs >= 60)
  t.same(await contradictions(database), [])
})

/** Both, and the worker: it knows of a ticket what the store gave it last. */
class World {
  readonly model = new Map<string, ModelTicket>()
  readonly views = new Map<string, Work>()
  claim = 0
  poll: Awaited<ReturnType<typeof polling>> | undefined
  readonly store: TicketStore
  readonly bridge: string

  constructor(store: TicketStore, bridge: string) {
    this.store = store
    this.bridge = bridge
  }

  async begin(): Promise<void> {
    this.claim = await this.store.claimBridge(this.bridge, { settleMs: 5000, now: start })
    this.poll = await polling(this.store, start, this.bridge)
  }

  async act(op: Op, second: number): Promise<void> {
    const { store, bridge, model } = this
    const now = later(second)
    switch (op.do) {
      case 'take':
      case 'read': {
        const updatedAt = op.updated === null ? null : timeAt(op.updated)
        const ticket = taken(op.id, { hash: op.hash, updatedAt, version: `${second}` })
        const isNews = this.receive(op, second)
        const told =
          op.do === 'read'
            ? await store.takeRead(bridge, ticket, now)
            : (await this.poll?.take([ticket], now))?.changed.length === 1
        if (told !== isNews) throw new Error(`news: ${told}, expected ${isNews}`)
        return
      }
      case 'add': {
        const ticket = model.get(op.id)
        if (ticket === undefined) return
        const isNew = !ticket.effects.some(({ key }) => key === op.key)
        if (isNew)
          ticket.effects.push({ key: op.key, state: 'pending', attempts: 0, due: second, since: null })
        if (isNew) stir(ticket, second)
        const added = await store.addEffects(bridge, op.id, [note(op.key)], undefined, now)
        if (added !== Number(isNew)) throw new Error(`added: ${added}`)
        return
      }
      case 'set':
        return this.set(op, second)
      case 'wake': {
        const ticket = model.get(op.id)
        if (ticket !== undefined) stir(ticket, second)
        if (ticket !== undefined && op.replan) ticket.planned = Math.min(ticket.planned, ticket.revision - 1)
        await store.wakeTicket(bridge, op.id, { now, replan: op.replan })
        return
      }
      case 'resume':
        for (const ticket of model.values()) {
          const waiting = ticket.effects.filter(waits)
          if (waiting.length === 0 && ticket.due === null) continue
          stir(ticket, second)
          for (const each of waiting) each.due = wokenDue(each, second)
        }
        return store.resumeBridge(bridge, now)
      case 'takeover':
        for (const ticket of model.values()) {
          for (const each of ticket.effects.filter(({ state }) => state === 'inflight')) {
            Object.assign(each, {
              state: 'ambiguous',
              attempts: each.attempts + 1,
              due: second + 5,
              since: second,
            })
            ticket.due = Math.min(ticket.due ?? Number.POSITIVE_INFINITY, second + 5)
          }
        }
        this.views.clear()
        this.claim = await store.claimBridge(bridge, { settleMs: 5000, now })
        return
      case 'look':
        return this.look(op.id)
      case 'step':
        return this.step(op, second)
    }
  }

  receive({ id, hash, updated }: Op & { readonly do: 'take' | 'read' }, second: number): boolean {
    const ticket = this.model.get(id)
    if (ticket === undefined) {
      this.model.set(id, { hash, updated, revision: 1, planned: 0, due: second, stirred: 0, effects: [] })
      return true
    }
    const isOlder = updated !== null && ticket.updated !== null && updated < ticket.updated
    if (isOlder || ticket.hash === hash) return false
    Object.assign(ticket, { hash, updated, revision: ticket.revision + 1 })
    stir(ticket, second)
    return true
  }

  async set({ id, nth, to }: Op & { readonly do: 'set' }, second: number): Promise<void> {
    const ticket = this.model.get(id)
    const effect = ticket?.effects[nth]
    if (ticket === undefined || effect === undefined) return
    const { state } = effect
    const allows = state === 'dead' || state === 'failed' || state === 'ambiguous'
    const changes = allows || (to === 'skip' && state === 'pending')
    if (changes) stir(ticket, second)
    if (changes && to === 'retry') {
      effect.due = wokenDue(effect, second)
      if (state !== 'ambiguous') Object.assign(effect, { state: 'pending', attempts: 0 })
    } else if (changes) Object.assign(effect, { state: 'skipped', since: null })
    const all = await this.store.effects({ bridges: [this.bridge], ticketId: id, limit: 9 })
    const set = await this.store.setEffect(all[nth]?.id ?? 0, to, later(second))
    if (set?.changed !== changes) throw new Error(`changed: ${set?.changed}`)
  }

  async look(id: string): Promise<void> {
    const work = await this.store.work(this.bridge, this.claim, id)
    if (work !== undefined) this.views.set(id, work)
  }

  /** What is under way ends, what is new is planned, one more is begun: as far as the worker knows. */
  async step({ id, outcome, afterS, begins }: Op & { readonly do: 'step' }, second: number): Promise<void> {
    if (!this.views.has(id)) await this.look(id)
    const view = this.views.get(id)
    const ticket = this.model.get(id)
    if (view === undefined || ticket === undefined) return
    const { revision } = view.ticket
    const fresh = [`r${revision}`, 'x'].filter((key) => !view.known.has(`note/${key}`))
    const ended = view.open.find(({ state }) => state === 'inflight') ?? view.open[0]
    const next = begins === null ? undefined : view.open[begins]
    const change: EffectChange | undefined =
      ended &&
      settled(ended, outcome, {
        attempts: ended.attempts + 1,
        probes: 0,
        dueAt: later(second + afterS),
        ambiguousSince: outcome === 'ambiguous' ? later(second) : null,
      })
    const left = view.open
      .filter((each) => each !== ended && each !== next && waits(each))
      .map(({ dueAt }) => Date.parse(dueAt))
    const mine = change !== undefined && ended !== next && waits(change) ? [change.dueAt.getTime()] : []
    const due = fresh.length > 0 ? [later(second).getTime(), ...left, ...mine] : [...left, ...mine]
    const dueAt = due.length === 0 ? null : new Date(Math.min(...due))

    const knew = ticket.stirred === view.stirred
    const effect = ended && ticket.effects.find(({ key }) => key === ended.key)
    const settles = effect !== undefined && effect.state !== 'done' && effect.state !== 'skipped'
    const wasInflight = ticket.effects.find(({ state }) => state === 'inflight')
    if (settles && effect !== undefined) {
      const due = second + afterS
      const isLate = effect.state !== 'inflight' && !knew
      Object.assign(effect, {
        state: outcome,
        attempts: (ended?.attempts ?? 0) + 1,
        due: isLate ? Math.min(effect.due, due) : due,
        since: outcome === 'ambiguous' ? second : null,
      })
    }
    const starting = next && ticket.effects.find(({ key }) => key === next.key)
    const isFree = wasInflight === undefined || wasInflight === effect
    const begun = starting !== undefined && isFree && waits(starting)
    if (begun) Object.assign(starting, { state: 'inflight', since: null })
    for (const key of fresh) {
      if (ticket.effects.some((each) => each.key === key)) continue
      ticket.effects.push({ key, state: 'pending', attempts: 0, due: second, since: null })
    }
    const given = dueAt === null ? null : (dueAt.getTime() - start.getTime()) / 1000
    ticket.due = knew && (next === undefined || begun) ? given : Math.min(ticket.due ?? second, second)
    ticket.planned = revision

    const after = await this.store.step(
      this.bridge,
      this.claim,
      {
        ticketId: id,
        add: fresh.map((key) => note(key)),
        planned: { revision, closed: false },
        ...(change && { settle: [change] }),
        ...(next && { begin: next.id }),
      },
      { dueAt, stirred: view.stirred, now: later(second), before: view },
    )
    const { begun: hasBegun, ...work } = after
    this.views.set(id, work)
    if (hasBegun !== begun) throw new Error(`begun: ${hasBegun}`)
    // What was not read once more is as it is in the store.
    assert.deepEqual(work, await this.store.work(this.bridge, this.claim, id))
  }

  /** @returns what the store has otherwise, or must never have */
  async compare(second: number): Promise<string | undefined> {
    for (const [id, ticket] of this.model) {
      const work = await this.store.work(this.bridge, this.claim, id)
      const effects = await this.store.effects({ bridges: [this.bridge], ticketId: id, limit: 9 })
      const got = effects.map(({ key, state, attempts, dueAt, ambiguousSince }) => ({
        ...{ key, state, attempts, dueAt, ambiguousSince },
      }))
      const want = ticket.effects.map(({ key, state, attempts, due, since }) => ({
        ...{
          key,
          state,
          attempts,
          dueAt: timeAt(due),
          ambiguousSince: since === null ? null : timeAt(since),
        },
      }))
      if (JSON.stringify(got) !== JSON.stringify(want)) {
        return `${id} has\n${JSON.stringify(got)}\nnot\n${JSON.stringify(want)}`
      }
      const stands = [work?.ticket.revision, work?.ticket.plannedRevision, work?.stirred]
      const stood = [ticket.revision, ticket.planned, ticket.stirred]
      if (stands.join() !== stood.join()) return `${id} stands at ${stands}, not at ${stood}`
    }
    return this.compareDue(second)
  }

  async compareDue(second: number): Promise<string | undefined> {
    const dues = [...this.model.values()].flatMap(({ due }) => due ?? [])
    const next = await this.store.nextWork(this.bridge)
    const first = dues.length === 0 ? undefined : timeAt(Math.min(...dues))
    if (next !== first) return `the next work is at ${next}, not ${first}`
    const options = { now: later(second), limit: 9, except: [] }
    const due = await this.store.dueTickets(this.bridge, this.claim, options)
    const isDue = (at: number | null) => at !== null && at <= second
    const expected = [...this.model].filter(([, ticket]) => isDue(ticket.due)).map(([id]) => id)
    if ([...due].sort().join() !== expected.sort().join()) return `due are ${due}, not ${expected}`
    for (const [id, ticket] of this.model) {
      const wanted = ticket.effects.filter(waits).map((each) => each.due)
      if (ticket.planned < ticket.revision) wanted.push(second)
      const earliest = Math.min(...wanted)
      if (earliest <= second && !due.includes(id)) return `${id} sleeps, and has something due at ${earliest}`
    }
    return undefined
  }
}

function stir(ticket: ModelTicket, second: number): void {
  ticket.due = Math.min(ticket.due ?? second, second)
  ticket.stirred++
}

function wokenDue({ state, due, since }: ModelEffect, second: number): number {
  return Math.min(due, state === 'ambiguous' ? Math.max(second, (since ?? 0) + 5) : second)
}
