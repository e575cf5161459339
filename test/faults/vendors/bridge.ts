/** Bridges of one server, each with a desk and a sink of its own, one of which fails as the table has it. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { errorTable } from '../../../src/errors.ts'
import { bridgeAdvice } from '../../../src/pipeline/bridge/end-health.ts'
import type { RecordedRequest } from '../../../src/simulation/simulator.ts'
import { demoSoarKey } from '../../../src/tickets/ibm-soar/simulator/index.ts'
import { demoAccount } from '../../../src/tickets/secureworks-ctp/simulator/index.ts'
import { freshDatabase } from '../../store/database.ts'
import {
  type Bridged,
  bridgedOf,
  entryOf as bridgeEntry,
  type Effect,
  type End,
  type PollAnswer,
  type Sides,
  startSides,
} from '../../tickets/behaviours/world.ts'
import { type Breakable, type Breaking, breakable, breakIt, timeoutMs, vendorClock } from './breaking.ts'
import { allMs, noneMissing, runCells, slugOf } from './cells.ts'
import type { Write } from './expected.ts'
import { type FaultId, longestWaitMs, rowOf, type Setting, triedIds, type Wording } from './faults.ts'
import { type Server, startServer, until } from './server.ts'
import { checkError, checkLog, checkText, startElsewhere, vendorWords } from './told.ts'

export type Side = 'desk' | 'sink'

export const secrets: ReadonlyMap<string, string> = new Map([
  ['password of the desk', demoAccount.password],
  ['secret of the sink', demoSoarKey.secret],
])

export interface BridgeWorld extends Breakable {
  readonly bridged: Bridged
  readonly setting: Setting
  readonly side: Side
}

interface Failing {
  readonly side: Side
  readonly wording: Wording
  behave(t: Test, world: BridgeWorld): Promise<void>
  /** Once the name was corrected: what waited for it. */
  afterwards(t: Test, world: BridgeWorld): Promise<void>
}

const authority = join(import.meta.dirname, '../../upstream/fixtures/ca.pem')

/** Long enough for what comes after the timeout to be there when it is looked for. */
const settleMs = [300, 500, 700]

/** Proves the whole column of one side. */
export async function proveBridges(t: Test, failing: Failing): Promise<void> {
  const elsewhere = await startElsewhere(t)
  // Who fails can say only what it was sent.
  const words = vendorWords([failing.side === 'desk' ? demoAccount.password : demoSoarKey.secret])
  const made = new Map<FaultId, { readonly broken: Breakable; readonly sides: Sides }>()
  for (const id of triedIds) made.set(id, await sidesOf(t, failing.side, id))
  const madeFor = (id: FaultId) => {
    const found = made.get(id)
    if (found === undefined) throw new Error(`no sides for ${id}`)
    return found
  }
  const { connection } = await freshDatabase(t)
  const entries = (mended: boolean) => triedIds.map((id) => entryOf(failing.side, id, madeFor(id), mended))
  const options = { connection, settleMs }
  const server = await startServer(t, { bridges: entries(false) }, options)
  const worldOf = (id: FaultId, server: Server): BridgeWorld => {
    const { broken, sides } = madeFor(id)
    const setting = { wording: failing.wording, words, elsewhere: elsewhere.origin, timeoutMs: timeoutMs(id) }
    const clock = { now: Date.now, moves: false, ahead: () => undefined }
    return {
      ...broken,
      bridged: bridgedOf(slugOf(id), sides, { ...server, clock }),
      setting,
      side: failing.side,
    }
  }
  const tried = await runCells(t, (t, id) => failing.behave(t, worldOf(id, server)))
  await server.stop()

  await t.test('a name that is corrected in the configuration', { timeout: allMs }, async (t) => {
    const next = await startServer(t, { bridges: entries(true) }, options)
    await failing.afterwards(t, worldOf('no such name', next))
    await next.stop()
    checkLog(t, next.logged, secrets)
  })
  await t.test('no redirect was followed, and the log is clean', async (t) => {
    t.equal(elsewhere.connections, 0)
    const all = [...made.values()].flatMap(({ sides }) => [...sides.ctp.requests, ...sides.soar.requests])
    t.same(
      all.map(({ url }) => url).filter((path) => path.startsWith('/login-page')),
      [],
    )
    checkLog(t, server.logged, secrets)
  })
  await t.test('no cell of the table is missing', async (t) => noneMissing(t, tried))
}

async function sidesOf(t: Test, side: Side, id: FaultId) {
  const clock = vendorClock()
  const here = { now: clock.now }
  const sides = await startSides(t, side === 'desk' ? { ctp: here } : { soar: here }, {
    ...{ now: Date.now, moves: false, ahead: () => undefined },
  })
  const broken = await breakable(t, id, side === 'desk' ? sides.ctp : sides.soar, clock)
  return { sides, broken }
}

function entryOf(
  side: Side,
  id: FaultId,
  { broken, sides }: { readonly broken: Breakable; readonly sides: Sides },
  mended: boolean,
): object {
  const path = side === 'desk' ? new URL(sides.addresses.ctp).pathname : ''
  const own = side === 'desk' ? sides.ctp.url : sides.soar.url
  const address = `${mended && isUnnamed(id) ? own : broken.origin}${path}`
  const end = {
    timeout: `${timeoutMs(id)}ms`,
    ...(broken.origin.startsWith('https:') && { tls: { caFile: authority } }),
  }
  const setup = {
    desk: { limit: 2 },
    ...(side === 'desk' ? { deskEnd: end } : { sinkEnd: end }),
    rules: { retry: { attempts: 60, initial: rowOf(id).heavy ? '1s' : '150ms', max: `${longestWaitMs}ms` } },
  }
  const addresses = { ...sides.addresses, [side === 'desk' ? 'ctp' : 'soar']: address }
  return bridgeEntry(slugOf(id), setup, { ...sides, addresses })
}

export function isUnnamed(id: FaultId): boolean {
  return rowOf(id).broken.at === 'name'
}

/** The side that fails, as its users see it. */
export async function endOf({ bridged, side }: BridgeWorld): Promise<End> {
  const { ticketDesk, incidentSink } = await bridged.state()
  return side === 'desk' ? ticketDesk : incidentSink
}

/** @param from of which requests; the way is broken from the beginning where it is all of them */
export function begin(
  world: BridgeWorld,
  from: (request: RecordedRequest) => boolean,
  first: boolean,
): Breaking {
  return breakIt(world, world.setting, first && rowOf(world.id).broken.at === 'way' ? 'all' : from)
}

/** What users see of the side while the fault lasts. */
export async function endIsTold(
  t: Test,
  world: BridgeWorld,
  expected: Exclude<Write, 'done'>,
  named: RegExp,
  what: string,
): Promise<void> {
  const { cause } = rowOf(world.id)
  const { code, circuit: wanted } = expected
  const advice = bridgeAdvice(world.bridged.name).remedies[code] ?? errorTable[code].help
  const ofThis = ({ lastError, circuit }: End) =>
    lastError?.remedy.startsWith(advice) === true &&
    cause.test(lastError.cause) &&
    (circuit === 'paused') === (wanted === 'pauses')
  let seen: End | undefined
  const { lastError } = await until(
    async () => {
      seen = await endOf(world)
      return ofThis(seen) ? seen : undefined
    },
    () => `${what}: ${world.id} to be ${wanted} ${code}: ${JSON.stringify(seen).slice(0, 1500)}`,
  )
  if (lastError === null) throw new Error('it has an error')
  checkError(t, { code, detail: lastError.cause, remedy: lastError.remedy }, { vendor: named, cause }, what)
  checkText(t, JSON.stringify(lastError), secrets, what)
}

export async function resumed(world: BridgeWorld): Promise<void> {
  const { status } = await world.bridged.post(`/bridges/${world.bridged.name}/resume`)
  if (status !== 200) throw new Error(`resume is answered with ${status}`)
}

/** Polls, as the schedule would, until one succeeds. */
export async function polledWell({ bridged, id }: BridgeWorld): Promise<PollAnswer> {
  let last: PollAnswer | undefined
  return until(
    async () => {
      last = await bridged.poll()
      return last.status === 'succeeded' && last.refused.length === 0 ? last : undefined
    },
    () => `a poll of ${id}: ${JSON.stringify(last).slice(0, 1000)}`,
  )
}

/** All effects of the bridge, once nothing is left to be tried. */
export function settled({ name, get }: Bridged): Promise<readonly Effect[]> {
  let open: readonly unknown[] = []
  const list = async <T>(path: string) =>
    (await get<{ data: T[] }>(`${path}bridge=${name}&limit=100`)).body.data
  return until(
    async () => {
      const waiting = await list<Effect>('/effects?state=pending,inflight,ambiguous,failed&')
      const planned = await list<{ state: string }>('/tickets?')
      open = [...waiting, ...planned.filter(({ state }) => /^(pending|creating|closing)$/.test(state))]
      const all = await list<Effect>('/effects?')
      const isDead = all.some(({ state }) => state === 'dead')
      return waiting.length === 0 && (open.length === 0 || isDead) ? all : undefined
    },
    () => `the effects of ${name}, such as ${JSON.stringify(open.slice(0, 2)).slice(0, 1000)}`,
  )
}

/** Every ticket of the desk has exactly one incident, is acknowledged, and nothing is left to do. */
export async function isWhole(t: Test, { bridged }: BridgeWorld, what: string): Promise<void> {
  const tickets = bridged.ctp.tickets()
  const effects = await settled(bridged)
  t.same(
    effects.filter(({ state }) => state !== 'done').map(({ kind, state, error }) => [kind, state, error]),
    [],
    `${what}: all effects are done`,
  )
  t.same(
    tickets.map(({ ticketId }) => bridged.soar.byTicket(ticketId).length),
    tickets.map(() => 1),
    `${what}: one incident for each ticket`,
  )
  t.same(bridged.ctp.unacknowledged(), [], `${what}: all are acknowledged`)
  const made = bridged.soar.writes.filter(({ kind }) => kind === 'create')
  t.equal(made.length, tickets.length, `${what}: as many incidents were made as there are tickets`)
  const { body } = await bridged.get<{ data: unknown[] }>(`/tickets?bridge=${bridged.name}&limit=100`)
  t.equal(body.data.length, tickets.length, `${what}: as many tickets are kept`)
}
