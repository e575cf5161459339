/** Pushes to one product under each fault of the table: exporters of one server, each with a product of its own. */
import { join } from 'node:path'
import type { Test } from 'tap'
import { errorTable } from '../../../src/errors.ts'
import { adviceFor } from '../../../src/pipeline/exports/advice.ts'
import type { RecordedRequest, Simulator } from '../../../src/simulation/simulator.ts'
import { freshDatabase } from '../../store/database.ts'
import {
  type Breakable,
  type Breaking,
  breakable,
  breakIt,
  timeoutMs,
  type VendorClock,
  vendorClock,
} from './breaking.ts'
import { allMs, noneMissing, runCells, slugOf } from './cells.ts'
import type { Write, WriteCell } from './expected.ts'
import { type FaultId, longestWaitMs, rowOf, type Setting, triedIds, type Wording } from './faults.ts'
import { ask, type Server, startServer, until } from './server.ts'
import { checkError, checkLog, checkText, startElsewhere, vendorWords } from './told.ts'

/** A simulator, and how it looks from its own side. */
export interface Product {
  readonly simulator: Simulator
  /** Values that it has from us now, each as often as it has it. */
  held(): readonly string[]
  /** Values that it was made to have, as often as that was done; undefined: it does not count. */
  added?(): readonly string[]
}

export interface PushVendor {
  readonly kind: 'secureworks' | 'darktrace' | 'cofense'
  /** How errors name it. */
  readonly named: RegExp
  readonly wording: Wording
  readonly table: Readonly<Record<FaultId, WriteCell>>
  readonly secrets: ReadonlyMap<string, string>
  start(clock: VendorClock): Promise<Product>
  settings(origin: string): object
  isLogin(request: RecordedRequest): boolean
  isWrite(request: RecordedRequest): boolean
  /** Values of one write. */
  readonly inOneWrite: number
  /** Adding the same twice makes no second one, and changes nothing. */
  readonly addsTwice: boolean
}

interface World extends Breakable, Product {
  readonly name: string
  readonly simulator: Simulator
}

interface State {
  readonly circuit: string
  readonly lastError: { readonly cause: string; readonly remedy: string } | null
}

interface Export {
  readonly id: string
  readonly status: string
  readonly endedAt: string | null
  readonly counts: Readonly<Record<string, number>>
}

interface Item {
  readonly value: string
  readonly status: string
  readonly reason: string | null
}

const authority = join(import.meta.dirname, '../../upstream/fixtures/ca.pem')

const batches = 3
const inBatch = 2

async function worldOf(t: Test, vendor: PushVendor, id: FaultId): Promise<World> {
  const clock = vendorClock()
  const product = await vendor.start(clock)
  t.teardown(() => product.simulator.close())
  return { ...(await breakable(t, id, product.simulator, clock)), ...product, name: slugOf(id) }
}

function entryOf(
  { kind, settings }: PushVendor,
  { id, name, origin, simulator }: World,
  mended = false,
): object {
  return {
    ...{ name, kind, proxy: 'none', timeout: `${timeoutMs(id)}ms`, concurrency: 1, objectsPerRun: inBatch },
    settings: settings(mended ? simulator.url : origin),
    retry: { attempts: 60, initial: rowOf(id).heavy ? '1s' : '150ms', max: `${longestWaitMs}ms` },
    tls: origin.startsWith('https:') ? { caFile: authority } : {},
  }
}

/** Proves the whole column. */
export async function provePushes(t: Test, vendor: PushVendor): Promise<void> {
  const elsewhere = await startElsewhere(t)
  const worlds = new Map<FaultId, World>()
  for (const id of triedIds) worlds.set(id, await worldOf(t, vendor, id))
  const worldFor = (id: FaultId) => {
    const world = worlds.get(id)
    if (world === undefined) throw new Error(`no world for ${id}`)
    return world
  }
  const all = [...worlds.values()]
  const { connection } = await freshDatabase(t)
  const words = vendorWords([...vendor.secrets.values()])
  const entries = (mended: boolean) => all.map((world) => entryOf(vendor, world, mended && isUnnamed(world)))
  const server = await startServer(t, { exporters: entries(false) }, { connection })
  const tried = await runCells(t, async (t, id) => {
    const setting = { wording: vendor.wording, words, elsewhere: elsewhere.origin, timeoutMs: timeoutMs(id) }
    await behave(t, server, vendor, worldFor(id), setting)
  })
  await server.stop()

  await t.test('a name that is corrected in the configuration', { timeout: allMs }, async (t) => {
    const next = await startServer(t, { exporters: entries(true) }, { connection })
    const world = worldFor('no such name')
    const { body } = await ask<{ data: Export[] }>(next.app, 'GET', `/exports?exporter=${world.name}`)
    t.equal(body.data.length, 1)
    for (const each of body.data) await ends(t, next, vendor, world, each.id)
    await next.stop()
    checkLog(t, next.logged, vendor.secrets)
  })
  await t.test('no redirect was followed, and the log is clean', async (t) => {
    t.equal(elsewhere.connections, 0)
    const paths = all.flatMap(({ simulator }) => simulator.requests.map(({ url }) => url))
    t.same(
      paths.filter((path) => path.startsWith('/login-page')),
      [],
    )
    checkLog(t, server.logged, vendor.secrets)
  })
  await t.test('no cell of the table is missing', async (t) => noneMissing(t, tried))
}

function isUnnamed({ id }: World): boolean {
  return rowOf(id).broken.at === 'name'
}

async function behave(
  t: Test,
  server: Server,
  vendor: PushVendor,
  world: World,
  setting: Setting,
): Promise<void> {
  const { login, write } = vendor.table[world.id]
  if (login !== null || isUnnamed(world)) {
    const expected = login ?? write
    const breaking = breakIt(world, setting, isWay(world) ? 'all' : vendor.isLogin)
    await pushed(t, server, vendor, world, { breaking, expected, moment: 'login' })
    if (isUnnamed(world)) return
  }
  let asked = 0
  const breaking = breakIt(world, setting, (request) => vendor.isWrite(request) && ++asked >= 2)
  await pushed(t, server, vendor, world, { breaking, expected: write, moment: 'write' })
}

function isWay({ id }: World): boolean {
  return rowOf(id).broken.at === 'way'
}

interface Trial {
  readonly breaking: Breaking
  readonly expected: Write
  readonly moment: 'login' | 'write'
}

/** One push that meets the fault, until it has ended well. */
async function pushed(
  t: Test,
  server: Server,
  vendor: PushVendor,
  world: World,
  trial: Trial,
): Promise<void> {
  const { breaking, expected, moment } = trial
  const { app } = server
  const values = Array.from(
    { length: batches * inBatch },
    (_, count) => `${moment}${count}.${world.name}.example`,
  )
  const started = await ask<Export>(app, 'POST', `/push/${world.name}`, { indicators: values })
  t.equal(started.status, 202, `${moment}: taken`)
  const { id } = started.body
  const met = await untilMet(t, server, vendor, world, id, trial)
  if (expected === 'done') {
    t.match(met.export, { status: 'succeeded' }, `${moment}: ${JSON.stringify(met.state.lastError)}`)
  } else {
    const { lastError, circuit } = met.state
    t.equal(circuit === 'paused', expected.circuit === 'pauses', `${moment}: the circuit is ${circuit}`)
    t.not(lastError, null, `${moment}: it is told`)
    if (lastError !== null) {
      const { cause: detail, remedy } = lastError
      const { code } = expected
      const advice = adviceFor(world.name).remedies[code] ?? errorTable[code].help
      t.ok(remedy.startsWith(advice), `${moment}: ${code}, not ${remedy} (${detail.slice(0, 300)})`)
      checkError(t, { code, detail, remedy }, { vendor: vendor.named, cause: rowOf(world.id).cause }, moment)
      checkText(t, JSON.stringify(lastError), vendor.secrets, moment)
    }
    await receiptHolds(t, server, vendor, world, id, moment)
    t.equal(met.export.counts.pending, values.length - settledBefore(vendor, trial), `${moment}: pending`)
  }
  if (isUnnamed(world)) return
  await breaking.mend()
  if (expected !== 'done' && expected.circuit === 'pauses') {
    t.equal((await ask(app, 'POST', `/exporters/${world.name}/resume`)).status, 200)
  }
  await ends(t, server, vendor, world, id)
  waited(t, vendor, world, breaking)
}

/** What a push has done when it meets the fault. */
function settledBefore({ inOneWrite }: PushVendor, { moment }: Trial): number {
  return moment === 'login' ? 0 : inOneWrite
}

/** The export, once it has ended or the fault is to be seen, and what came before it is written. */
async function untilMet(
  t: Test,
  server: Server,
  vendor: PushVendor,
  world: World,
  id: string,
  trial: Trial,
): Promise<{ readonly export: Export; readonly state: State }> {
  const { breaking, expected } = trial
  const { cause } = rowOf(world.id)
  let seen = ''
  return until(
    async () => {
      await receiptHolds(t, server, vendor, world, id, 'under way')
      const { body: state } = await ask<State>(server.app, 'GET', `/exporters/${world.name}`)
      const { body: receipt } = await ask<Export>(server.app, 'GET', `/exports/${id}`)
      seen = JSON.stringify({ receipt, state, hits: breaking.hits.length })
      if (receipt.endedAt !== null) return { export: receipt, state }
      if (expected === 'done' || state.lastError === null || !cause.test(state.lastError.cause))
        return undefined
      const { total = 0, pending = 0 } = receipt.counts
      if (pending > total - settledBefore(vendor, trial)) return undefined
      const enough =
        expected.circuit === 'pauses' ||
        isWay(world) ||
        isUnnamed(world) ||
        breaking.hits.length >= (rowOf(world.id).heavy ? 1 : 2)
      return enough && (expected.circuit !== 'pauses' || state.circuit === 'paused')
        ? { export: receipt, state }
        : undefined
    },
    () => `${world.id}: ${seen}`,
  )
}

/** Counts add up, nothing is accepted that the product lacks, nothing is given up. */
async function receiptHolds(
  t: Test,
  { app }: Server,
  vendor: PushVendor,
  world: World,
  id: string,
  what: string,
): Promise<void> {
  const { body, text } = await ask<{ data: Item[] }>(app, 'GET', `/exports/${id}/items?limit=1000`)
  const held = new Set(world.held())
  const items = body.data
  const wrong = items.filter(({ value, status }) =>
    status === 'accepted' || status === 'unchanged' ? !held.has(value) : status !== 'pending',
  )
  if (wrong.length > 0 || items.length !== batches * inBatch) {
    t.same(wrong, [], `${what}: accepted is what the product has, and all else waits`)
    t.equal(items.length, batches * inBatch, `${what}: an item for each input`)
  }
  if (what !== 'under way') checkText(t, text, vendor.secrets, `${what}: items`)
}

async function ends(t: Test, server: Server, vendor: PushVendor, world: World, id: string): Promise<void> {
  const total = batches * inBatch
  let seen = ''
  const ended = await until(
    async () => {
      const { body, text } = await ask<Export>(server.app, 'GET', `/exports/${id}`)
      seen = text
      return body.endedAt === null ? undefined : body
    },
    () => `the end of ${world.id}: ${seen}`,
  )
  t.equal(ended.status, 'succeeded', 'it ends well by itself')
  t.equal((ended.counts.accepted ?? 0) + (ended.counts.unchanged ?? 0), total, JSON.stringify(ended.counts))
  await receiptHolds(t, server, vendor, world, id, 'in the end')
  const { body } = await ask<{ data: { id: string }[] }>(server.app, 'GET', `/exports?exporter=${world.name}`)
  const wanted: string[] = []
  for (const each of body.data) {
    const { body } = await ask<{ data: Item[] }>(server.app, 'GET', `/exports/${each.id}/items?limit=1000`)
    wanted.push(...body.data.map(({ value }) => value))
  }
  t.same([...world.held()].sort(), wanted.sort(), 'the product has each once, and nothing else')
  const added = world.added?.()
  if (added !== undefined && (!vendor.addsTwice || !mayBeRepeated(world.id))) {
    t.same([...added].sort(), wanted.sort(), 'each was added once')
  }
  const { body: state } = await ask<State>(server.app, 'GET', `/exporters/${world.name}`)
  t.match(state, { circuit: 'closed', lastError: null }, 'all is well')
}

/** Where its answer leaves open whether it was done, adding once more is how to find out. */
function mayBeRepeated(id: FaultId): boolean {
  return /carried out|over the timeout|half|cut/.test(id)
}

/** Nothing is sent sooner than the product wants. */
function waited(t: Test, vendor: PushVendor, { id, simulator }: World, { hits }: Breaking): void {
  const { waitMs } = rowOf(id)
  if (waitMs === undefined) return
  const times = simulator.requests
    .filter((each) => vendor.isWrite(each) || vendor.isLogin(each))
    .map(({ receivedAt }) => receivedAt)
  for (const hit of hits) {
    const next = times.find((time) => time > hit + 5)
    if (next !== undefined)
      t.ok(next - hit >= waitMs - 5, `the next request came after ${next - hit} ms of ${waitMs}`)
  }
}
