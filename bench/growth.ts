/**
 * How cost grows with what is stored: everything that a server does, at ten, a hundred and a thousand times as many
 * indicators and up to 50 feeds, each as the cost of one, which should stay the same. How to read it: docs/benchmarks.md.
 */
import { join } from 'node:path'
import { request } from 'undici'
import type { HousekeepingTimes, SecondOrder, StoreSize } from './children/second-server.ts'
import { endOf, expectCounts, type Receipt, startFetch } from './harness/api.ts'
import { type Benchmark, type Scale, type Stage, withCommas } from './harness/benchmark.ts'
import { barsOf, casesOf, curves, feedsOf, isTouched, type Measure, type Point } from './harness/growing.ts'
import {
  cpuSeconds,
  databaseCpuSeconds,
  databaseOwnCpuSeconds,
  embeddedPostgres,
  median,
  peakMegabytes,
} from './harness/measure.ts'
import { createPace, type Pace } from './harness/pace.ts'
import { apiKey, type Child, storeOf } from './harness/processes.ts'
import { threatConnectRecord } from './harness/records.ts'
import { runAlone } from './harness/run.ts'
import { client, drain, taxiiPage } from './taxii-client.ts'

interface Sizes {
  readonly indicators: readonly number[]
  readonly feeds: readonly number[]
  /** Of what is cheap: as often. */
  readonly times: number
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { indicators: [1000], feeds: [2], times: 2 },
  usual: { indicators: [10_000, 100_000, 1_000_000], feeds: [1, 10, 50], times: 100 },
  full: { indicators: [10_000, 100_000, 1_000_000], feeds: [1, 10, 50], times: 300 },
}

const fixedWork = 'fixed work, for the pace of the machine'
const perRecord = 'CPU us a record'
const perIndicator = 'CPU us an indicator'
const perEntry = 'CPU us an entry'
const perRequest = 'CPU us a request'

/** CPU time is that of Node and of PostgreSQL, but for the latter's upkeep, which stands by itself. */
const measures: readonly Measure[] = [
  { name: 'start of the server', unit: 'CPU ms', least: 500 },
  { name: 'first fetch', unit: perRecord, least: 1 },
  { name: 'fetch, unchanged', unit: perRecord, least: 1 },
  { name: 'fetch, 1 % changed', unit: perRecord, least: 1 },
  { name: 'all lists, for the first time', unit: perEntry, least: 1 },
  { name: 'all lists, nothing changed (304)', unit: perRequest, least: 200 },
  { name: 'all lists, one indicator changed', unit: perEntry, least: 1 },
  { name: 'all lists, 1 % changed', unit: perEntry, least: 1 },
  // How many its limit leaves out is counted, and told.
  { name: 'list of the best 1,000, one changed', unit: perIndicator, least: 0.5 },
  { name: 'poll of changes, nothing new', unit: perRequest, least: 200 },
  { name: 'look-up by value', unit: perRequest, least: 200 },
  { name: 'GET /api/v1/sources, changed', unit: perIndicator, least: 0.5 },
  { name: 'GET /api/v1/sources, unchanged', unit: perRequest, least: 500 },
  { name: 'GET /api/v1/feeds', unit: 'CPU us a feed', least: 200 },
  { name: 'publishing a collection', unit: 'CPU us an object', least: 1 },
  { name: 'TAXII page, the first', unit: perRequest, least: 500 },
  { name: 'TAXII page, a late one', unit: perRequest, least: 500 },
  { name: 'housekeeping, nothing to do', unit: 'CPU ms', least: 10 },
  { name: 'counting for the history', unit: perIndicator, least: 0.5 },
  { name: 'expiry', unit: perRecord, least: 1 },
  { name: 'pruning the change log', unit: 'CPU us a row', least: 1 },
  { name: 'upkeep of PostgreSQL', unit: perEntry, least: 10 },
  { name: fixedWork, unit: 'CPU ms' },
  { name: 'peak memory of the server', unit: 'MB', least: 100 },
  { name: 'database', unit: 'bytes an indicator', least: 1 },
  { name: 'members of feeds', unit: 'bytes an entry', least: 1 },
]

interface World {
  readonly stage: Stage
  readonly indicators: number
  readonly feeds: number
  readonly times: number
  readonly server: Child
  readonly postgres: number
  readonly second: Child
  readonly vendor: Child
  readonly values: Map<string, number>
  /** Records that have expired. */
  readonly gone: Set<number>
  /** What was read last, by its feed. */
  readonly lists: Map<number, Known>
  /** CPU time of PostgreSQL's upkeep. */
  readonly upkeep: { seconds: number }
  readonly pace: Pace
}

/**
 * @returns CPU seconds of all that takes part, but for the upkeep of PostgreSQL: at the pace that the machine had when
 * the run began
 */
async function cpuOf(
  { server, postgres, second, pace }: Pick<World, 'server' | 'postgres' | 'second' | 'pace'>,
  work: () => Promise<unknown>,
): Promise<number> {
  const database = () => databaseCpuSeconds(postgres) - databaseOwnCpuSeconds(postgres)
  const now = () => cpuSeconds(server.pid) + database() + cpuSeconds(second.pid)
  const paceBefore = pace.now()
  const before = now()
  await work()
  const spent = now() - before
  return spent / ((paceBefore + pace.now()) / 2)
}

/** What was written en masse is vacuumed and counted now, not in the midst of what is measured next. */
async function tidy(world: World): Promise<void> {
  world.upkeep.seconds += await cpuOf(world, () => order(world, { do: 'upkeep' }))
}

async function microsecondsOf(world: World, name: string, units: number, work: () => Promise<unknown>) {
  world.values.set(name, ((await cpuOf(world, work)) * 1e6) / units)
}

async function often(times: number, work: (time: number) => Promise<unknown>): Promise<void> {
  for (let time = 0; time < times; time++) await work(time)
}

interface Known {
  readonly etag: string
  readonly entries: number
}

/** Each list once, as a client that has what it got last. @returns entries of all lists, sent or not */
async function pollLists({ server, feeds, lists }: World): Promise<number> {
  let all = 0
  for (let feed = 0; feed < feeds; feed++) {
    const known = lists.get(feed)
    const { statusCode, headers, body } = await request(`${server.url}/feeds/feed-${feed}.txt`, {
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(known !== undefined && { 'if-none-match': known.etag }),
      },
      headersTimeout: 600_000,
      bodyTimeout: 600_000,
    })
    await body.dump({ limit: 1e9 })
    if (statusCode === 200) {
      lists.set(feed, { etag: String(headers.etag), entries: Number(headers['x-feed-entries']) })
    } else if (statusCode !== 304) throw new Error(`feed-${feed} answered ${statusCode}`)
    all += lists.get(feed)?.entries ?? Number.NaN
  }
  return all
}

async function pollOnce(world: World, name: string): Promise<number> {
  let entries = 0
  const cpu = await cpuOf(world, async () => {
    entries = await pollLists(world)
  })
  world.values.set(name, (cpu * 1e6) / entries)
  return entries
}

/** The whole of a source is read each time. */
async function fetches(world: World): Promise<void> {
  const { server, vendor, indicators } = world
  const fetch = async (name: string, counts: Partial<Receipt>) =>
    microsecondsOf(world, name, indicators, async () => {
      const { id } = await startFetch(server)
      expectCounts(await endOf(server, id), { received: indicators, ...counts })
    })
  await fetch('first fetch', { stored: indicators })
  await fetch('fetch, unchanged', { unchanged: indicators })
  await vendor.ask({ wave: 1 })
  const updated = touchedBy(world, 1).length
  await fetch('fetch, 1 % changed', { updated, unchanged: indicators - updated })
}

function touchedBy({ indicators, stage }: World, wave: number): number[] {
  return Array.from({ length: indicators }, (_, index) => index).filter((index) =>
    isTouched(index, wave, stage.seed),
  )
}

async function order<Answer>({ second }: World, what: SecondOrder): Promise<Answer> {
  return second.ask<Answer>(what)
}

/** @returns entries of all lists */
async function feedsAndChanges(world: World): Promise<number> {
  const { server, indicators, times, feeds, values } = world
  const { get } = client(server)
  const first = await pollOnce(world, 'all lists, for the first time')
  await tidy(world)
  await microsecondsOf(world, 'all lists, nothing changed (304)', feeds * times, () =>
    often(times, () => pollLists(world)),
  )
  // One that most lists have.
  await order(world, { do: 'change', records: [Math.floor(indicators / 2)], version: 10 + feeds })
  await pollOnce(world, 'all lists, one indicator changed')
  await order(world, { do: 'change', records: touchedBy(world, 10 + feeds), version: 100 + feeds })
  await pollOnce(world, 'all lists, 1 % changed')
  await tidy(world)
  await get('/feeds/best.txt')
  await order(world, { do: 'change', records: [Math.floor(indicators / 3)], version: 20 + feeds })
  await microsecondsOf(world, 'list of the best 1,000, one changed', indicators, () => get('/feeds/best.txt'))
  const { headers } = await get('/api/v1/changes?limit=0')
  await microsecondsOf(world, 'poll of changes, nothing new', times, () =>
    often(times, () => get(`/api/v1/changes?since=${headers['x-head-cursor']}`)),
  )
  const hosts = Array.from({ length: indicators }, (_, index) => index).filter(
    (index) => index % 7 === 1 && !world.gone.has(index),
  )
  const hostAt = (time: number) => hosts[Math.floor((time / times) * hosts.length)] ?? 1
  await microsecondsOf(world, 'look-up by value', times, () =>
    often(times, (time) => {
      const { summary } = threatConnectRecord(hostAt(time)) as { readonly summary: string }
      return get(`/api/v1/indicators/lookup?value=${summary}`)
    }),
  )
  await microsecondsOf(world, 'GET /api/v1/sources, changed', indicators, () => get('/api/v1/sources'))
  await microsecondsOf(world, 'GET /api/v1/sources, unchanged', times, () =>
    often(times, () => get('/api/v1/sources')),
  )
  // The first brings the lists up to date that nobody has read yet.
  await get('/api/v1/feeds')
  await microsecondsOf(world, 'GET /api/v1/feeds', feeds * 3, () => often(3, () => get('/api/v1/feeds')))
  const { bytes, tables } = await order<StoreSize>(world, { do: 'size' })
  const members = (tables.feed_member ?? 0) / first
  world.values.set(
    'database',
    (bytes - (tables.feed_member ?? 0) - (tables.feed_body_chunk ?? 0)) / indicators,
  )
  values.set('members of feeds', members)
  return first
}

const taxiiLimit = 500

async function taxii(world: World, isFirst: boolean): Promise<void> {
  const { server, times, values } = world
  const collection = `/taxii2/feeds/collections/collection/objects/?limit=${taxiiLimit}`
  let pages: Awaited<ReturnType<typeof drain>> = []
  const cpu = await cpuOf(world, async () => {
    pages = await drain(server, collection)
  })
  const objects = pages.reduce((sum, page) => sum + page.objects.length, 0)
  // Later most of them are there already.
  if (isFirst) values.set('publishing a collection', (cpu * 1e6) / objects)
  await tidy(world)
  const full = pages.filter((page) => page.objects.length === taxiiLimit)
  const [first, late] = [full[0] ?? pages[0], full.at(-1) ?? pages[0]]
  if (first === undefined || late === undefined) throw new Error('a collection has no page')
  await microsecondsOf(world, 'TAXII page, the first', times, () =>
    often(times, () => taxiiPage(server, first.path)),
  )
  await microsecondsOf(world, 'TAXII page, a late one', times, () =>
    often(times, () => taxiiPage(server, late.path)),
  )
}

async function housekeeping(world: World, isLast: boolean): Promise<void> {
  const { indicators, values, feeds } = world
  const looks = 3
  const cpu = await cpuOf(world, () => often(looks, () => order(world, { do: 'housekeeping' })))
  values.set('housekeeping, nothing to do', (cpu * 1000) / looks)
  await microsecondsOf(world, 'counting for the history', indicators, () => order(world, { do: 'sample' }))
  const touched = touchedBy(world, 200 + feeds)
  const leaving = touched.length > 0 ? touched : [0]
  for (const index of leaving) world.gone.add(index)
  await order(world, { do: 'let-expire', records: leaving, version: 200 + feeds })
  await tidy(world)
  await microsecondsOf(world, 'expiry', leaving.length, async () => {
    const { rows } = await order<HousekeepingTimes>(world, { do: 'expire' })
    if (rows !== leaving.length) throw new Error(`${rows} records left, not ${leaving.length}`)
  })
  // What is forgotten can't be measured again.
  if (!isLast) return
  await tidy(world)
  let rows = 0
  const pruning = await cpuOf(world, async () => {
    rows = (await order<HousekeepingTimes>(world, { do: 'prune' })).rows
  })
  values.set('pruning the change log', (pruning * 1e6) / rows)
}

interface Place {
  readonly indicators: number
  readonly feeds: number
  readonly times: number
  readonly gone: Set<number>
  /** The first of a store: nothing is in it. */
  readonly isFirst: boolean
  readonly isLast: boolean
  readonly pace: Pace
}

async function measure(stage: Stage, vendor: Child, place: Place): Promise<Point> {
  const { indicators, feeds, times, gone, isFirst, isLast, pace } = place
  const looksBefore = pace.seen.length
  const folder = join(stage.folder, String(indicators))
  const started = async () => {
    const server = await stage.serve({
      folder,
      baseUrl: vendor.url,
      // Each fetch reads everything.
      source: { expiration: { policy: 'suddenDeath' } },
      feeds: [
        ...feedsOf(feeds),
        { name: 'best', maxTlp: 'red', limit: 1000, shrinkGuard: 'off' },
        { name: 'collection', maxTlp: 'red', limit: Math.ceil(indicators / 10), shrinkGuard: 'off' },
      ],
    })
    const postgres = embeddedPostgres(server.pid)
    return {
      server,
      postgres,
      cpuMs: ((cpuSeconds(server.pid) + databaseCpuSeconds(postgres)) * 1000) / pace.now(),
    }
  }
  const values = new Map<string, number>()
  const upkeep = { seconds: 0 }
  const worldOf = async ({ server, postgres }: Awaited<ReturnType<typeof started>>): Promise<World> => {
    const second = await stage.start(['bench/children/second-server.ts', join(storeOf(folder), 'run')])
    return {
      stage,
      indicators,
      feeds,
      times,
      server,
      postgres,
      second,
      vendor,
      values,
      gone,
      lists: new Map(),
      upkeep,
      pace,
    }
  }
  const stop = async ({ second, server, postgres }: World) => {
    upkeep.seconds += databaseOwnCpuSeconds(postgres)
    await second.stop()
    await server.stop()
  }
  let server = await started()
  let world = await worldOf(server)
  if (isFirst) {
    await fetches(world)
    await tidy(world)
    if (stage.scale !== 'smoke') {
      await stop(world)
      server = await started()
      world = await worldOf(server)
    }
  }
  values.set('start of the server', server.cpuMs)
  const entries = await feedsAndChanges(world)
  await taxii(world, isFirst)
  await housekeeping(world, isLast)
  values.set('peak memory of the server', peakMegabytes(world.server.pid))
  await stop(world)
  values.set(fixedWork, median(pace.seen.slice(looksBefore)))
  values.set('upkeep of PostgreSQL', (upkeep.seconds * 1e6) / entries)
  return { indicators, feeds, values }
}

export const growth: Benchmark = {
  name: 'growth',
  measures: 'what one costs of everything, at 10^4, 10^5 and 10^6 indicators with 1, 10 and 50 feeds',
  takes: { usual: '10 minutes' },
  limitSeconds: { smoke: 240, usual: 1800, full: 3600 },
  sized: 'the most indicators',
  async run(stage) {
    const { indicators: all, feeds, times } = sizes[stage.scale]
    const { size } = stage
    const indicators = size === undefined ? all : all.filter((each) => each <= size)
    const points: Point[] = []
    const pace = createPace()
    for (const many of indicators) {
      const vendor = await stage.start(['bench/children/growing-vendor.ts', String(many), String(stage.seed)])
      const gone = new Set<number>()
      for (const [at, count] of feeds.entries()) {
        const [isFirst, isLast] = [at === 0, at === feeds.length - 1]
        points.push(
          await measure(stage, vendor, {
            indicators: many,
            feeds: count,
            times,
            gone,
            isFirst,
            isLast,
            pace,
          }),
        )
      }
      await vendor.stop()
    }
    return {
      size: `${indicators.map(withCommas).join(', ')} indicators with ${feeds.join(', ')} feeds`,
      rounds: 1,
      cases: casesOf(measures, points),
      inTables: true,
      tables: curves(measures, points),
      bars: barsOf(measures, points),
    }
  },
}

await runAlone(growth, import.meta.filename)
