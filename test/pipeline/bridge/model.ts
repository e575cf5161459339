/**
 * The engine of bridges against what people did at both sides: whatever changes, fails, crashes and is taken over
 * meanwhile, in the end each ticket has one incident, which has each note and file once, and both sides agree.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { pino } from 'pino'
import { isFromIncident, ticketMark } from '../../../src/model/ticket.ts'
import { readChanges } from '../../../src/pipeline/bridge/changes.ts'
import type { TicketStore } from '../../../src/store/ticket-store.ts'
import { errorOf, type Fault, lost, refused } from './faults.ts'
import type { MemoryStore } from './memory-store.ts'
import type { KeptIncident } from './sink.ts'
import { createWorld, type World } from './world.ts'

const ids = ['IN1', 'IN2']

interface Real {
  readonly world: World
  /** Names of notes, files and comments that were made. */
  made: number
  /** Tickets whose incident was deleted by somebody. */
  readonly deleted: Set<string>
  /** What analysts did last to the incident of a ticket, if anything. */
  readonly analyst: Map<string, 'closed' | 'reopened'>
  /** Whether an effect was given up: then the order of the notes is not kept. */
  gaveUp: boolean
}

type Command = fc.AsyncCommand<object, Real>

function command(name: string, run: (real: Real) => Promise<void> | void): Command {
  return { check: () => true, run: async (_, real) => run(real), toString: () => name }
}

const silent = pino({ level: 'silent' })
const never = new AbortController().signal
const ticketId = fc.constantFrom(...ids)

const isThere = ({ world }: Real, id: string) => world.desk.calls.length >= 0 && has(world, id)

function has({ desk }: World, id: string): boolean {
  try {
    desk.raw(id)
    return true
  } catch {
    return false
  }
}

function incidentOf({ world }: Real, id: string): KeptIncident | undefined {
  return world.sink.of(id)[0]
}

const news = fc.constantFrom('Active', 'Pending', 'Closed', 'note', 'note', 'twin', 'file', 'file')

/** What changes at the desk; it is handed out with the next poll. */
function change(real: Real, id: string, what: string): void {
  const { desk } = real.world
  desk.put(id)
  const name = `${what} ${++real.made}`
  if (what === 'note') desk.note(id, name)
  else if (what === 'twin') desk.note(id, 'the same words')
  else if (what === 'file') desk.file(id, name, Buffer.from(`content of ${name}`))
  else desk.put(id, { status: what })
}

const ticketChanges = fc
  .tuple(ticketId, news)
  .map(([id, what]) => command(`${id}: ${what}`, (real) => change(real, id, what)))

const polls = fc.constant(command('poll', poll))

async function poll(real: Real): Promise<void> {
  await real.world.take(...ids.filter((id) => isThere(real, id)))
}

const acts = fc
  .tuple(ticketId, fc.constantFrom('close', 'close', 'reopen', 'comment', 'comment', 'delete'))
  .map(([id, what]) =>
    command(`analyst: ${what} ${id}`, (real) => {
      const { sink } = real.world
      const incident = incidentOf(real, id)
      if (incident === undefined) return
      if (what === 'close' && incident.status === 'open') {
        sink.closeIncident(incident.id)
        real.analyst.set(id, 'closed')
      }
      if (what === 'reopen' && incident.status === 'closed') {
        sink.reopenIncident(incident.id)
        real.analyst.set(id, 'reopened')
      }
      if (what === 'comment') sink.comment(incident.id, `comment ${++real.made}`)
      if (what === 'delete' && real.made % 3 === 0) {
        sink.deleteIncident(incident.id)
        real.deleted.add(id)
      }
    }),
  )

async function changes({ world }: Real): Promise<void> {
  const { store, bridge, clock } = world
  const now = new Date(clock.now())
  const claim = await store.claimBridge('ctp', { settleMs: 5000, now })
  const context = { store: store as unknown as TicketStore, log: silent, now: clock.now }
  await readChanges(bridge, claim, context, never)
}

const looksAtChanges = fc.constant(
  command('changes', (real) => changes(real).catch((error: unknown) => assert.ok(error instanceof Error))),
)

const kinds = ['unavailable', 'timeout', 'outcome-unknown', 'rejected', 'throttled', 'credentials'] as const
const sinkCalls = [
  ...['find', 'create', 'patch', 'closeIncident', 'reopen', 'note', 'file'],
  ...['read', 'notesPresent', 'filesPresent', 'create', 'note', 'file'],
]
const deskCalls = ['ticket', 'download', 'closing', 'close', 'addNote']

const trouble = fc.tuple(
  fc.oneof(
    fc.tuple(fc.constant('sink' as const), fc.constantFrom(...sinkCalls)),
    fc.tuple(fc.constant('desk' as const), fc.constantFrom(...deskCalls)),
  ),
  fc.constantFrom(...kinds, 'lost', 'lost', 'lost 503', 'bug', 'lost bug', '409'),
  fc.integer({ min: 1, max: 3 }),
)

type Trouble = typeof trouble extends fc.Arbitrary<infer Value> ? Value : never

function fail({ world }: Real, [[end, call], what, times]: Trouble): void {
  const fault = () => faultOf(end, what)
  world[end].fail(call, ...Array.from({ length: times }, fault))
}

const nameOf = ([[end, call], what, times]: Trouble) => `${times}: ${end} ${call}: ${what}`

const faults = trouble.map((each) => command(`fail ${nameOf(each)}`, (real) => fail(real, each)))

const changesInTrouble = fc
  .tuple(
    ticketId,
    fc.array(news, { minLength: 1, maxLength: 4 }),
    fc.array(trouble, { maxLength: 3 }),
    fc.boolean(),
  )
  .map(([id, what, all, isIdle]) =>
    command(
      `${id}: ${what}, poll, ${isIdle ? 'idle' : 'look'}; fail ${all.map(nameOf).join(', ')}`,
      async (real) => {
        for (const each of what) change(real, id, each)
        for (const each of all) fail(real, each)
        await poll(real)
        await (isIdle ? real.world.idle() : real.world.look())
      },
    ),
  )

/** An analyst closes the incident, and the bridge finds it. */
const closesInTrouble = fc
  .tuple(ticketId, fc.array(trouble, { maxLength: 2 }), fc.boolean())
  .map(([id, all, isIdle]) =>
    command(`analyst: close ${id}, changes; fail ${all.map(nameOf).join(', ')}`, async (real) => {
      const incident = incidentOf(real, id)
      if (incident?.status !== 'open') return
      real.world.sink.closeIncident(incident.id)
      real.analyst.set(id, 'closed')
      await changes(real).catch((error: unknown) => assert.ok(error instanceof Error))
      for (const each of all) fail(real, each)
      await (isIdle ? real.world.idle() : real.world.look())
    }),
  )

type What = (typeof kinds)[number] | 'lost' | 'lost 503' | 'bug' | 'lost bug' | '409'

function faultOf(end: 'desk' | 'sink', what: What): Fault {
  switch (what) {
    case 'lost':
      return lost(errorOf(end, 'outcome-unknown'))
    case 'lost 503':
      return lost(errorOf(end, 'unavailable', { status: 503 }))
    case 'bug':
      return refused(new TypeError('nobody foresaw this'))
    case 'lost bug':
      return lost(new TypeError('nobody foresaw this'))
    case '409':
      return refused(errorOf(end, 'unavailable', { status: 409 }))
    default:
      return refused(errorOf(end, what))
  }
}

class Crash extends Error {}

/** From a call of the store on nothing goes any more; `after`: that one was still carried out. */
function crashing(store: MemoryStore, from: number, after: boolean): MemoryStore {
  let calls = 0
  return new Proxy(store, {
    get(target, name) {
      const real: unknown = Reflect.get(target, name)
      if (typeof real !== 'function') return real
      return async (...given: unknown[]) => {
        const call = ++calls
        if (call > from || (call === from && !after)) throw new Crash('it crashed')
        const answer: unknown = await real.apply(target, given)
        if (call === from) throw new Crash('it crashed')
        return answer
      }
    },
  })
}

const crashes = fc.tuple(fc.integer({ min: 2, max: 14 }), fc.boolean()).map(([call, after]) =>
  command(`crash at call ${call}${after ? ', carried out' : ''}`, async ({ world }) => {
    await world.look({ store: crashing(world.store, call, after) }).catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error
    })
  }),
)

/** While a request is under way another worker takes over; the request arrives all the same. */
const takeovers = fc.integer({ min: 1, max: 5 }).map((nth) =>
  command(`taken over at request ${nth}`, async ({ world }) => {
    let requests = 0
    world.sink.onCall = async () => {
      if (++requests !== nth) return
      world.sink.onCall = () => {}
      await world.look()
    }
    await world.look()
    world.sink.onCall = () => {}
  }),
)

const stops = fc.integer({ min: 1, max: 4 }).map((nth) =>
  command(`cut at request ${nth}`, async ({ world }) => {
    const cut = new AbortController()
    let requests = 0
    world.sink.onCall = () => {
      if (++requests === nth) cut.abort(new Error('cut'))
      cut.signal.throwIfAborted()
    }
    await world.look({ signal: cut.signal })
    world.sink.onCall = () => {}
  }),
)

const waits = fc
  .constantFrom(1000, 6000, 60_000)
  .map((ms) => command(`${ms} ms pass`, ({ world }) => world.clock.ahead(ms)))
const looks = fc.constant(command('look', async ({ world }) => void (await world.look())))
const idles = fc.constant(command('until idle', async ({ world }) => void (await world.idle())))
const resumes = fc.constant(
  command('resume', ({ world }) => world.store.resumeBridge('ctp', new Date(world.clock.now()))),
)

const commands = [
  ...[changesInTrouble, changesInTrouble, changesInTrouble, changesInTrouble, changesInTrouble],
  ...[closesInTrouble, ticketChanges, ticketChanges, polls],
  ...[acts, looksAtChanges, faults, crashes, takeovers, stops],
  ...[waits, looks, looks, idles, resumes],
]

/** Faults off, until nothing waits any more; what was given up is asked for again. */
async function settleDown(real: Real): Promise<void> {
  const { world } = real
  const { store, clock, desk, sink } = world
  desk.clear()
  sink.clear()
  for (let round = 0; ; round++) {
    await store.resumeBridge('ctp', new Date(clock.now()))
    await changes(real)
    await world.idle()
    const before = sink.calls.length + desk.calls.length
    await changes(real)
    await poll(real)
    await world.idle()
    const dead = await store.effects({ bridges: ['ctp'], states: ['dead'], limit: 1000 })
    if (dead.length > 0) real.gaveUp = true
    for (const { id } of dead) await store.setEffect(id, 'retry', new Date(clock.now()))
    // Only the look at changes itself.
    const quiet = sink.calls.slice().length + desk.calls.length - before
    if (dead.length === 0 && quiet <= 1 + ids.length) return
    assert.ok(round < 12, 'what was given up ends well once nothing fails')
  }
}

async function verify(real: Real): Promise<void> {
  const { world } = real
  const open = await world.store.effects({
    bridges: ['ctp'],
    states: ['pending', 'inflight', 'ambiguous', 'failed', 'dead'],
    limit: 1000,
  })
  assert.deepEqual(open, [], 'nothing is left to be done')
  for (const id of ids) if (isThere(real, id)) await verifyTicket(real, id)
}

async function verifyTicket(real: Real, id: string): Promise<void> {
  const { world, deleted } = real
  const { desk, sink } = world
  const record = await world.ticket(id)
  assert.equal(record.plannedRevision, record.revision)
  if (record.state === 'skipped') {
    assert.equal(sink.of(id).length, 0)
    return
  }
  if (record.state === 'tombstone') {
    assert.ok(deleted.has(id), 'somebody deleted it')
    assert.equal(sink.of(id).length, 0, 'it was not made again')
    return
  }
  // Deleted before the bridge had written to it: nothing has told it yet.
  if (deleted.has(id) && sink.of(id).length === 0) return
  const incident = sink.one(id)
  assert.equal(record.incident?.id, incident.id)
  assert.equal(record.incident?.status, incident.status)
  assert.equal(record.state, incident.status)
  const ticket = desk.ticketOf(id, desk.raw(id))
  verifyNotes(real, incident, ticket.notes)
  assert.deepEqual(
    incident.files.map(({ attachment, content }) => `${attachment}: ${content}`).toSorted(),
    ticket.attachments.map((each) => `${each.id}: content of ${each.id}`).toSorted(),
    'each file once, with its bytes',
  )
  assert.equal(incident.field, ticket.closed ? incident.field : ticket.status)
  for (const { text } of incident.comments) {
    const there = ticket.notes.filter((note) => note.text.startsWith(`${text}\n`))
    assert.equal(there.length, 1, `the ticket has ${text} once`)
    assert.ok(there[0]?.text.includes(ticketMark('').trim()))
  }
  verifyClosed(real, id, { closed: ticket.closed, incident, closedBy: record.closedBy })
}

function verifyNotes(
  { gaveUp }: Real,
  { notes }: KeptIncident,
  wanted: readonly { readonly marker: string; readonly text: string }[],
): void {
  const ours = new Set(wanted.map(({ marker }) => marker))
  const copied = notes.filter(({ marker }) => ours.has(marker))
  const expected = wanted.filter(({ text }) => !isFromIncident(text) && !text.startsWith('seen to'))
  const shown = (some: readonly { readonly marker: string; readonly text: string }[]) => {
    const lines = some.map(({ marker, text }) => `${marker} ${text}`)
    return gaveUp ? lines.toSorted() : lines
  }
  assert.deepEqual(shown(copied), shown(expected), 'each note once, in their order')
  const others = notes.filter(({ marker }) => !ours.has(marker)).map(({ marker }) => marker)
  assert.equal(new Set(others).size, others.length, 'our own notes are there once')
}

interface Sides {
  readonly closed: boolean
  readonly incident: KeptIncident
  readonly closedBy: 'ticket' | 'incident' | null
}

/** They agree, but for what people wanted otherwise. */
function verifyClosed({ analyst }: Real, id: string, { closed, incident, closedBy }: Sides): void {
  if (closed === (incident.status === 'closed')) return
  const last = analyst.get(id)
  if (closed) assert.equal(last, 'reopened', 'an analyst opened it again')
  // Somebody opened the ticket again, which goes on at a closed incident by the rule `afterClose`.
  else assert.ok(last !== undefined && closedBy === 'incident', 'an analyst closed it')
}

/** @throws Error of fast-check, with the shortest sequence that fails */
export async function runModel({
  numRuns,
  seed,
  onRun,
}: {
  readonly numRuns: number
  readonly seed?: number
  readonly onRun?: () => void
}): Promise<void> {
  const property = fc.asyncProperty(
    fc.commands(commands, { maxCommands: 20, size: 'max' }),
    async (sequence) => {
      const world = createWorld()
      const real: Real = { world, made: 0, deleted: new Set(), analyst: new Map(), gaveUp: false }
      // From now on.
      await changes(real)
      await fc.asyncModelRun(() => ({ model: {}, real }), sequence)
      await settleDown(real)
      await verify(real)
      onRun?.()
    },
  )
  await fc.assert(property, { numRuns, ...(seed !== undefined && { seed }) })
}
