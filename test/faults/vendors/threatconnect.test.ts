/** ThreatConnect under each fault of the table: asked live, and fetched. */
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ErrorCode } from '../../../src/errors.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../../src/sources/threatconnect/simulator/index.ts'
import { vault } from '../../canary.ts'
import { freshDatabase } from '../../store/database.ts'
import { type Breakable, breakable, breakIt, timeoutMs, vendorClock } from './breaking.ts'
import { allMs, noneMissing, runCells, slugOf } from './cells.ts'
import { type Fetch, type Live, ofThreatConnect } from './expected.ts'
import { type FaultId, rowOf, type Setting, triedIds, type Wording } from './faults.ts'
import { ask, type Server, startServer } from './server.ts'
import { checkError, checkLog, checkText, startElsewhere, vendorWords } from './told.ts'

const wording: Wording = {
  refusal: (_, message) => ({
    type: 'application/json',
    body: JSON.stringify({ errCode: '0x1001', message, status: 'Error' }),
  }),
  errorsIn200: '{"errCode":"0x1001","message":"something went wrong","status":"Error"}',
}

const vendor = /ThreatConnect/i
const recordsOfEach = 12
const pageSize = 4
const canaries = vault()
const account = { accessId: '1234567890', secretKey: canaries.make('secret key') }
const words = vendorWords([...canaries.secrets.values()])

/** One source for each way to ask, so that neither meets the faults of the other. */
interface World extends Breakable {
  readonly name: string
  readonly simulator: ThreatConnectSimulator
  readonly values: readonly string[]
}

async function worldOf(t: Test, kind: 'live' | 'fetch', id: FaultId): Promise<World> {
  const name = `${kind}-${slugOf(id)}`
  const clock = vendorClock()
  const values = Array.from({ length: recordsOfEach }, (_, count) => `h${count}.${name}.example`)
  const indicators = values.map((summary) => ({ type: 'Host', summary }))
  const simulator = await startThreatConnectSimulator({ accounts: [account], indicators, now: clock.now })
  t.teardown(() => simulator.close())
  return { ...(await breakable(t, id, simulator, clock)), name, simulator, values }
}

function entryOf({ id, name, origin, simulator }: World, mended = false): object {
  return {
    ...{ name, kind: 'threatconnect', every: 'off', proxy: 'none', timeout: `${timeoutMs(id)}ms` },
    settings: { baseUrl: mended ? simulator.url : origin, ...account, pageSize },
    retry: { attempts: 2, initial: '10ms', max: '50ms' },
    tls: origin.startsWith('https:') ? { caFile: authority } : {},
  }
}

const authority = join(import.meta.dirname, '../../upstream/fixtures/ca.pem')

interface Told {
  readonly code: ErrorCode
  readonly detail: string
}

interface LiveAnswer extends Partial<Told> {
  readonly data?: readonly { readonly value: string }[]
  readonly count?: number
  readonly next?: unknown
  readonly upstream?: { readonly service: string }
  readonly retryable?: boolean
}

interface Receipt {
  readonly status: string
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  readonly excluded: number
  readonly unreadableCount: number
  readonly error: Told | null
}

const fromThirdPage = () => {
  let asked = 0
  return () => ++asked >= 3
}

async function askedLive(
  t: Test,
  { app }: Server,
  world: World,
  expected: Live,
  what: string,
): Promise<void> {
  const answer = await ask<LiveAnswer>(app, 'GET', `/tc-get-indicators?source=${world.name}&limit=100`)
  const { status, body, text, headers } = answer
  if (expected === 'whole') {
    t.equal(status, 200, `${what}: ${text.slice(0, 400)}`)
    t.same(body.data?.map(({ value }) => value).sort(), [...world.values].sort(), `${what}: whole`)
    t.match(body, { count: recordsOfEach, next: null })
    return
  }
  t.match({ status, code: body.code }, expected, `${what}: ${text.slice(0, 400)}`)
  t.notOk(body.data, `${what}: no short answer`)
  t.equal(headers['content-type'], 'application/problem+json')
  t.equal(body.upstream?.service, 'threatconnect')
  t.equal(body.retryable, expected.status !== 502, `${what}: whether to try again`)
  if (expected.status === 503) t.match(headers['retry-after'], /^[1-9]\d*$/, `${what}: when to try again`)
  checkError(t, body as Told, { vendor, cause: rowOf(world.id).cause }, what)
  checkText(t, text, canaries.secrets, what)
}

async function fetched(
  t: Test,
  { app }: Server,
  world: World,
  expected: Fetch,
  moment: 'first' | 'later',
  what: string,
): Promise<Receipt> {
  const { body, text } = await ask<Receipt>(app, 'POST', `/sources/${world.name}/fetch?wait=60`)
  const { received, stored, updated, unchanged, excluded, unreadableCount, status, error } = body
  t.equal(received, stored + updated + unchanged + excluded + unreadableCount, `${what}: the receipt adds up`)
  if (expected === 'whole') {
    t.match({ status, error }, { status: 'succeeded', error: null }, what)
    return body
  }
  t.match({ status, error }, { status: moment === 'first' ? 'failed' : 'partial', error: expected }, what)
  if (moment === 'first') t.equal(received, 0, what)
  else t.ok(received > 0 && received < recordsOfEach, `${what}: ${received} received`)
  if (error !== null) checkError(t, error, { vendor, cause: rowOf(world.id).cause }, what)
  checkText(t, text, canaries.secrets, what)
  return body
}

async function storedValues({ app }: Server, { name }: World): Promise<readonly string[]> {
  const { body } = await ask<{ data: { value: string }[] }>(
    app,
    'GET',
    `/indicators?source=${name}&limit=1000`,
  )
  return body.data.map(({ value }) => value).sort()
}

async function isWhole(t: Test, server: Server, world: World, what: string): Promise<void> {
  t.same(
    await storedValues(server, world),
    [...world.values].sort(),
    `${what}: all of ThreatConnect, and nothing else`,
  )
}

async function live(t: Test, server: Server, world: World, setting: Setting): Promise<void> {
  const { live, liveOnce } = ofThreatConnect[world.id]
  const first = breakIt(world, setting, 'all')
  await askedLive(t, server, world, live, 'live, from the first request on')
  if (isUnnamed(world)) return
  await first.mend()
  if (isHeavy(world)) return askedLive(t, server, world, 'whole', 'live, afterwards')
  const later = breakIt(world, setting, fromThirdPage())
  await askedLive(t, server, world, live, 'live, from the third page on')
  t.ok(later.hits.length > 0, 'it met the fault')
  await later.mend()
  if (liveOnce !== null) {
    const once = breakIt(world, setting, fromThirdPage(), 1)
    await askedLive(t, server, world, liveOnce, 'live, the third page alone')
    t.equal(once.hits.length, 1, 'it met the fault once')
    await once.mend()
  }
  await askedLive(t, server, world, 'whole', 'live, afterwards')
}

async function fetching(t: Test, server: Server, world: World, setting: Setting): Promise<void> {
  const { fetch } = ofThreatConnect[world.id]
  const first = breakIt(world, setting, 'all')
  await fetched(t, server, world, fetch, 'first', 'a fetch, from the first request on')
  if (fetch !== 'whole') t.same(await storedValues(server, world), [], 'nothing is stored')
  if (isUnnamed(world)) return
  await first.mend()
  if (fetch !== 'whole' && isHeavy(world)) await fetched(t, server, world, 'whole', 'later', 'the next fetch')
  else if (fetch !== 'whole') {
    const later = breakIt(world, setting, fromThirdPage())
    const part = await fetched(t, server, world, fetch, 'later', 'a fetch, from the third page on')
    t.equal((await storedValues(server, world)).length, part.stored, 'what was stored stays')
    await later.mend()
    const rest = await fetched(t, server, world, 'whole', 'later', 'the next fetch')
    t.equal(part.received + rest.received, recordsOfEach, 'it goes on where the first one stood')
  }
  await isWhole(t, server, world, 'the next fetch')
  if (isHeavy(world)) return

  const { records } = world.simulator
  const [gone, changed] = records.indicators
  if (gone === undefined || changed === undefined) throw new Error('there are no records')
  records.remove(gone.id)
  records.update(changed.id, { rating: 5 })
  records.add({ type: 'Host', summary: `new.${world.name}.example` })
  const values = records.indicators.map(({ summary }) => summary)
  const change = breakIt(world, setting, 'all')
  await ask(server.app, 'POST', `/sources/${world.name}/fetch?wait=60`)
  await change.mend()
  await fetched(t, server, world, 'whole', 'later', 'a fetch of changes, afterwards')
  await isWhole(t, server, { ...world, values }, 'changes that met the fault')
}

async function fetchingOnce(t: Test, server: Server, world: World, setting: Setting): Promise<void> {
  const { fetchOnce } = ofThreatConnect[world.id]
  if (fetchOnce === null) return
  const once = breakIt(world, setting, fromThirdPage(), 1)
  const part = await fetched(t, server, world, fetchOnce, 'later', 'a fetch, the third page alone')
  t.equal(once.hits.length, 1, 'it met the fault once')
  await once.mend()
  if (fetchOnce !== 'whole') {
    const rest = await fetched(t, server, world, 'whole', 'later', 'the next fetch')
    t.equal(part.received + rest.received, recordsOfEach, 'it goes on where the first one stood')
  }
  await isWhole(t, server, world, 'the third page alone')
}

/** What costs so much is tried at fewer moments. */
function isHeavy({ id }: World): boolean {
  return rowOf(id).heavy === true
}

function isUnnamed({ id }: World): boolean {
  return rowOf(id).broken.at === 'name'
}

t.setTimeout(allMs)

await t.test('ThreatConnect', { timeout: allMs }, async (t) => {
  const elsewhere = await startElsewhere(t)
  const kinds = ['live', 'fetch'] as const
  const worlds = new Map<string, World>()
  for (const id of triedIds) {
    for (const kind of kinds) worlds.set(`${kind} ${id}`, await worldOf(t, kind, id))
  }
  const worldFor = (kind: (typeof kinds)[number], id: FaultId) => {
    const world = worlds.get(`${kind} ${id}`)
    if (world === undefined) throw new Error(`no world for ${kind} ${id}`)
    return world
  }
  const all = [...worlds.values()]
  const database = await freshDatabase(t)
  const { connection } = database
  const server = await startServer(t, { sources: all.map((world) => entryOf(world)) }, { connection })
  const tried = await runCells(t, async (t, id) => {
    const setting = { wording, words, elsewhere: elsewhere.origin, timeoutMs: timeoutMs(id) }
    await Promise.all([
      live(t, server, worldFor('live', id), setting).then(() =>
        // Of a source that was never fetched before.
        fetchingOnce(t, server, worldFor('live', id), setting),
      ),
      fetching(t, server, worldFor('fetch', id), setting),
    ])
  })
  await server.stop()

  await t.test('a name that is corrected in the configuration', async (t) => {
    const file = { sources: all.map((world) => entryOf(world, isUnnamed(world))) }
    const next = await startServer(t, file, { connection })
    for (const kind of ['live', 'fetch'] as const) {
      const world = worldFor(kind, 'no such name')
      await askedLive(t, next, world, 'whole', 'live')
      await fetched(t, next, world, 'whole', 'later', 'a fetch')
      await isWhole(t, next, world, 'afterwards')
    }
    await next.stop()
    checkLog(t, next.logged, canaries.secrets)
  })
  await t.test('no redirect was followed, and the log is clean', async (t) => {
    t.equal(elsewhere.connections, 0)
    const paths = all.flatMap(({ simulator }) => simulator.requests.map(({ url }) => url))
    t.same(
      paths.filter((path) => path.startsWith('/login-page')),
      [],
    )
    checkLog(t, server.logged, canaries.secrets)
  })
  await t.test('no cell of the table is missing', async (t) => noneMissing(t, tried))
})

await t.test(
  'an answer that has begun is broken off: it never looks whole',
  { timeout: allMs },
  async (t) => {
    const streamed: readonly FaultId[] = [
      'reset after it was carried out',
      'half a body',
      'cut JSON',
      'login page',
      '204',
      '401',
      '429 for two hours',
      '500',
    ]
    const big = 'x'.repeat(400_000)
    const clock = vendorClock()
    const indicators = Array.from({ length: 30 }, (_, count) => ({
      ...{ type: 'Mutex', summary: `m${count}`, description: big },
    }))
    const simulator = await startThreatConnectSimulator({ accounts: [account], indicators, now: clock.now })
    t.teardown(() => simulator.close())
    const id = 'half a body'
    const world: World = {
      ...{ id, name: 'big', simulator, values: [], clock, front: undefined, origin: simulator.url },
    }
    const { app } = await startServer(t, { sources: [entryOf(world)] })
    await app.listen({ port: 0, host: '127.0.0.1' })
    const { port } = app.server.address() as AddressInfo
    for (const id of streamed) {
      const setting = { wording, words, elsewhere: simulator.url, timeoutMs: timeoutMs(id) }
      const breaking = breakIt({ ...world, id }, setting, ({ url }) => url.includes('resultStart=28&'))
      const got = await raw(port, '/api/v1/tc-get-indicators?source=big&limit=100&raw=false')
      t.ok(breaking.hits.length > 0, id)
      t.match(got.text.slice(0, 20), /^HTTP\/1\.1 200/, `${id}: it had begun`)
      t.equal(got.error, 'ECONNRESET', `${id}: broken off`)
      t.notOk(got.text.includes('"count":'), `${id}: without its end`)
      checkText(t, got.text.replace(/x{1000,}/g, '').slice(-10_000), canaries.secrets, id)
      await breaking.mend()
    }
  },
)

/** What comes by the connection, and what ends it. */
function raw(
  port: number,
  path: string,
): Promise<{ readonly text: string; readonly error: string | undefined }> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: close\r\n\r\n`)
    })
    let error: string | undefined
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', (failure: NodeJS.ErrnoException) => {
      error = failure.code
    })
    socket.on('close', () => resolve({ text: Buffer.concat(chunks).toString('latin1'), error }))
  })
}
