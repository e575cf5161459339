/**
 * What lists cost: making one, serving it, following changes, and TAXII, each beside the least code that does it. How to
 * read it: docs/benchmarks.md.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Asked, Made } from './children/format-values.ts'
import type { LoadResult } from './children/load.ts'
import {
  type Benchmark,
  type Case,
  caseOf,
  interleaved,
  type Measured,
  ratioOf,
  type Sample,
  type Scale,
  type Stage,
  type Table,
  withCommas,
} from './harness/benchmark.ts'
import {
  atLeast,
  atMost,
  type Bar,
  cpuSeconds,
  databaseCpuSeconds,
  embeddedPostgres,
  median,
  peakMegabytes,
  percentile,
} from './harness/measure.ts'
import { apiKey, type Child, storeOf } from './harness/processes.ts'
import { runAlone } from './harness/run.ts'
import { client, drain, read, type TaxiiPage, taxiiPage } from './taxii-client.ts'

interface Sizes {
  readonly indicators: number
  readonly rounds: number
  /** Entries of a list of about 1 MB of text. */
  readonly megabyte: number
  /** Indicators of the collection that is drained, and objects of each of its pages. */
  readonly drained: number
  readonly page: number
  readonly polls: number
  /** Requests for the list of 1 MB in a round. */
  readonly requests: number
}

const usual: Sizes = {
  indicators: 100_000,
  rounds: 5,
  megabyte: 29_000,
  drained: 50_000,
  page: 1000,
  polls: 300,
  requests: 1500,
}
const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { indicators: 1000, rounds: 1, megabyte: 200, drained: 200, page: 50, polls: 3, requests: 20 },
  usual,
  full: { ...usual, indicators: 500_000 },
}
const connections = 16
/** What the default would leave out, as it may not go far. */
const everything = { maxTlp: 'red' }
const key = { authorization: `Bearer ${apiKey}` }

/** What a part found. */
type Found = Pick<Measured, 'cases'> & { readonly tables?: readonly Table[]; readonly bars: readonly Bar[] }

/** A store with so many indicators, and what a server needs for it. */
async function fill({ start, prepare, folder }: Stage, from: number, to: number): Promise<void> {
  await prepare(storeOf(folder))
  const child = await start(['bench/children/fill-store.ts', storeOf(folder), String(from), String(to)])
  await child.stop()
}

function serve({ serve, folder }: Stage, feeds: readonly object[]): Promise<Child> {
  // It is never asked for a fetch, so its address leads nowhere.
  return serve({ folder, baseUrl: 'http://127.0.0.1:9', feeds })
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly seconds: number; readonly value: T }> {
  const started = performance.now()
  const value = await work()
  return { value, seconds: (performance.now() - started) / 1000 }
}

/** With what the server and its PostgreSQL used meanwhile; the sample's value is milliseconds. */
async function sampled<T>(
  server: Child,
  postgres: number | undefined,
  work: () => Promise<T>,
): Promise<Sample & { readonly result: T }> {
  const database = () => (postgres === undefined ? 0 : databaseCpuSeconds(postgres))
  const before = { node: cpuSeconds(server.pid), database: database() }
  const { seconds, value } = await timed(work)
  return {
    value: seconds * 1000,
    cpuSeconds: cpuSeconds(server.pid) - before.node,
    databaseCpuSeconds: database() - before.database,
    result: value,
  }
}

/** Everything in the forms that hold the most, which nobody keeps. @param server that has done nothing before */
async function memoryOf(server: Child, which: 'a fifth' | 'everything', indicators: number): Promise<Case> {
  const whole = await sampled(server, embeddedPostgres(server.pid), async () => {
    for (const path of [
      `/feeds/${feedOf(indicators)}.txt`,
      `/feeds/${feedOf(indicators)}.ndjson`,
      '/api/v1/changes',
    ]) {
      await client(server).drop(path)
    }
  })
  return caseOf({
    name: `${which} as text, NDJSON and changes, for the first time`,
    unit: 'ms',
    ours: [whole],
    peakMegabytes: peakMegabytes(server.pid),
  })
}

function feedOf(indicators: number): string {
  return `all-${indicators}`
}

/** A store with a fifth of the indicators, then with all; at last only what the rest needs. */
async function memories(stage: Stage, indicators: number): Promise<readonly [Case, Case]> {
  const fresh = async (which: 'a fifth' | 'everything', size: number) => {
    const server = await serve(stage, [{ name: feedOf(size), ...everything }])
    const found = await memoryOf(server, which, size)
    await server.stop()
    return found
  }
  const fifth = Math.round(indicators / 5)
  await fill(stage, 0, fifth)
  const small = await fresh('a fifth', fifth)
  await fill(stage, fifth, indicators)
  return [small, await fresh('everything', indicators)]
}

/** What takes place of it when all is to be alive only: one server for everything. */
async function oneMemory(server: Child, indicators: number): Promise<readonly [Case, Case]> {
  return [
    await memoryOf(server, 'a fifth', Math.round(indicators / 5)),
    await memoryOf(server, 'everything', indicators),
  ]
}

/** The same list again and again, each time under arguments that make it another one for the server. */
async function build({ start, folder, seed }: Stage, server: Child, rounds: number): Promise<Found> {
  const { get } = client(server)
  const postgres = embeddedPostgres(server.pid)
  const first = await sampled(server, postgres, () => get('/feeds/all.txt'))
  const { body, headers } = first.result
  const file = join(folder, 'values')
  writeFileSync(file, body)
  const reference = await start(['bench/children/format-values.ts', file])
  const entries = Number(headers['x-feed-entries'])
  // More than there are: it changes nothing.
  const argument = (round: number) => String(entries + 10 + round)
  const etags = new Set<string>()
  const taken = await interleaved(
    { rounds, warmUps: 1, seed },
    {
      ours: async (round) => {
        const made = await sampled(server, postgres, () => get(`/feeds/all.txt?n=${argument(round)}`))
        etags.add(String(made.result.headers.etag))
        return made
      },
      memory: async (round) => {
        const query = { n: [argument(round)] }
        const made = await reference.ask<Made>({ query } satisfies Asked)
        etags.add(`"${made.digest}"`)
        return { value: made.seconds * 1000, cpuSeconds: made.cpuSeconds }
      },
    },
  )
  await reference.stop()
  if (etags.size !== 1) throw new Error(`the reference makes another list: ${[...etags].join(' ')}`)
  const list = caseOf({
    name: 'text list',
    unit: 'ms',
    ours: taken.ours,
    floor: taken.memory,
  })
  const firstCase = caseOf({
    name: 'text list, for the first time: members are found',
    unit: 'ms',
    ours: [first],
  })
  return {
    cases: [firstCase, list],
    tables: [amount('text list', entries, body.length)],
    bars: [atMost('making a text list, wall, of formatting from memory', ratioOf(list), 3)],
  }
}

async function serveWarm({ start, seed }: Stage, server: Child, { rounds, requests }: Sizes): Promise<Found> {
  const path = '/feeds/megabyte.txt'
  const { body, headers } = await client(server).get(path)
  const bytes = body.length
  const etag = String(headers.etag)
  const load = await start(['bench/children/load.ts'])
  const bare = await start(['bench/children/bare-server.ts', String(bytes), etag])
  const measure = async ({ url, pid }: Child, count: number, more: object): Promise<Sample> => {
    const asked = { url, path, headers: key, requests: count, connections, status: 200, bytes, ...more }
    const before = cpuSeconds(pid)
    const result = await load.ask<LoadResult>(asked)
    if ('failure' in result) throw new Error(result.failure)
    return { value: count / result.seconds, cpuSeconds: cpuSeconds(pid) - before }
  }
  const again = { headers: { ...key, 'if-none-match': etag }, status: 304, bytes: 0 }
  const many = requests * 6
  const taken = await interleaved(
    { rounds, warmUps: 1, seed },
    {
      ours: () => measure(server, requests, {}),
      bare: () => measure(bare, requests, {}),
      unchanged: () => measure(server, many, again),
      bareUnchanged: () => measure(bare, many, again),
    },
  )
  await load.stop()
  await bare.stop()
  const unit = 'requests per second'
  const whole = caseOf({ name: 'list of 1 MB from memory, 200', unit, ours: taken.ours, floor: taken.bare })
  const unchanged = caseOf({
    name: 'list of 1 MB from memory, 304',
    unit,
    ours: taken.unchanged,
    floor: taken.bareUnchanged,
  })
  return {
    cases: [whole, unchanged],
    bars: [
      atLeast('1 MB list, requests per second, of bare node:http', ratioOf(whole), 0.9),
      atLeast(
        '304, requests per second, of the 200 with 1 MB',
        unchanged.ours.median / whole.ours.median,
        10,
      ),
    ],
  }
}

/** Polls that find nothing new. */
async function pollChanges(server: Child, polls: number): Promise<Found> {
  const { get } = client(server)
  const { headers } = await get('/api/v1/changes?limit=0')
  const path = `/api/v1/changes?since=${headers['x-head-cursor']}`
  const times: number[] = []
  const before = cpuSeconds(server.pid)
  for (let poll = -Math.ceil(polls / 6); poll < polls; poll++) {
    const { seconds, value } = await timed(() => get(path))
    if (value.body.length > 0) throw new Error('there are changes')
    if (poll >= 0) times.push(seconds * 1000)
  }
  const each = (cpuSeconds(server.pid) - before) / (polls + Math.ceil(polls / 6))
  const found = caseOf({
    name: 'poll of changes with nothing new',
    unit: 'ms',
    ours: times.map((value) => ({ value, cpuSeconds: each })),
  })
  const p99 = percentile(times, 99)
  return {
    cases: [found],
    tables: [
      { title: 'polls of changes, ms', columns: ['', '99th percentile'], rows: [['nothing new', p99]] },
    ],
    bars: [atMost('poll of changes with nothing new, ms, median', found.ours.median, 5)],
  }
}

async function drainTaxii(stage: Stage, server: Child, { rounds, page }: Sizes): Promise<Found> {
  const { start, folder, seed } = stage
  const collection = `/taxii2/feeds/collections/collection/objects/?limit=${page}`
  const postgres = embeddedPostgres(server.pid)
  const published = await sampled(server, postgres, () => drain(server, collection))
  const all = published.result
  const objects = all.flatMap((each) => each.objects)
  const file = join(folder, 'objects')
  writeFileSync(file, objects.map((object) => JSON.stringify(object)).join('\n'))
  const reference = await start(['bench/children/join-objects.ts', file])
  const walk = async (who: Child, database: number | undefined, path: string) => {
    const taken = await sampled(who, database, () => read(who, path))
    if (taken.result !== all.length) throw new Error(`a walk has ${taken.result} pages, not ${all.length}`)
    return taken
  }
  const taken = await interleaved(
    { rounds, warmUps: 1, seed },
    {
      ours: () => walk(server, postgres, collection),
      joined: () => walk(reference, undefined, `/?limit=${page}`),
    },
  )
  await reference.stop()
  const walked = caseOf({
    name: 'TAXII walk',
    unit: 'ms',
    ours: taken.ours,
    floor: taken.joined,
  })
  const cpu = caseOf({
    name: 'TAXII walk, CPU of Node',
    unit: 'CPU ms',
    ours: taken.ours.map(({ cpuSeconds: used = Number.NaN }) => ({ value: used * 1000 })),
    floor: taken.joined.map(({ cpuSeconds: used = Number.NaN }) => ({ value: used * 1000 })),
  })
  const first = caseOf({
    name: 'TAXII walk, the first: everything is published',
    unit: 'ms',
    ours: [published],
  })
  const times = await pageTimes(server, all, page, stage.scale === 'smoke' ? 1 : 25)
  const ratio = Math.max(median(times.lastFull), median(times.end)) / median(times.first)
  const pages = (name: string, values: readonly number[]) =>
    caseOf({ name: `TAXII page, ${name}`, unit: 'ms', ours: values.map((value) => ({ value })) })
  return {
    cases: [
      first,
      walked,
      cpu,
      pages('the first', times.first),
      pages('the last full one', times.lastFull),
      pages('the end', times.end),
    ],
    tables: [amount('TAXII walk', objects.length, sumOf(all))],
    bars: [
      atMost('last TAXII page, of the first', ratio, 1.5),
      atMost('TAXII walk, CPU of Node, of joining from memory', ratioOf(cpu), 3.5),
    ],
  }
}

function sumOf(pages: readonly TaxiiPage[]): number {
  return pages.reduce((sum, { bytes }) => sum + bytes, 0)
}

function amount(what: string, entries: number, bytes: number): Table {
  return {
    title: `how much the ${what} is`,
    columns: ['', 'entries', 'MB'],
    rows: [[what, entries, bytes / 1e6]],
  }
}

/** Milliseconds. */
async function pageTimes(server: Child, all: readonly TaxiiPage[], limit: number, rounds: number) {
  const full = all.filter(({ objects }) => objects.length === limit)
  const [first, lastFull, end] = [full[0], full.at(-1), all.at(-1)]
  if (first === undefined || lastFull === undefined || end === undefined)
    throw new Error('there is no full page')
  const times = { first: [] as number[], lastFull: [] as number[], end: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    for (const [name, page] of Object.entries({ first, lastFull, end })) {
      const { seconds } = await timed(() => taxiiPage(server, page.path))
      times[name as keyof typeof times].push(seconds * 1000)
    }
  }
  return times
}

/** How much more memory so many more indicators take. */
function memoryBar(small: Case, large: Case): Bar {
  const ratio = (large.peakMegabytes ?? Number.NaN) / (small.peakMegabytes ?? Number.NaN)
  return atMost('peak memory with five times as many indicators', ratio, 1.3)
}

export const feeds: Benchmark = {
  name: 'feeds',
  measures: 'making and serving lists, following changes, TAXII, each beside doing it from memory',
  takes: { usual: '2 minutes', full: '5 minutes, 500,000 indicators' },
  limitSeconds: { smoke: 240, usual: 600, full: 1800 },
  sized: 'indicators',
  async run(stage) {
    const size: Sizes = {
      ...sizes[stage.scale],
      ...(stage.size !== undefined && { indicators: stage.size }),
      ...(stage.rounds !== undefined && { rounds: stage.rounds }),
    }
    const { indicators, rounds } = size
    const isSmoke = stage.scale === 'smoke'
    if (isSmoke) await fill(stage, 0, indicators)
    const fresh = isSmoke ? undefined : await memories(stage, indicators)
    const server = await serve(stage, [
      { name: 'all', ...everything },
      { name: 'megabyte', ...everything, limit: size.megabyte },
      { name: 'collection', ...everything, limit: size.drained },
      ...(isSmoke ? [indicators / 5, indicators] : []).map((some) => ({ name: feedOf(some), ...everything })),
    ])
    const [small, large] = fresh ?? (await oneMemory(server, indicators))
    const found: Found[] = [
      { cases: [small, large], bars: [memoryBar(small, large)] },
      await build(stage, server, rounds),
      await serveWarm(stage, server, size),
      await pollChanges(server, size.polls),
      await drainTaxii(stage, server, size),
    ]
    await server.stop()
    return {
      size: `${withCommas(indicators)} indicators`,
      rounds,
      cases: found.flatMap(({ cases }) => cases),
      tables: found.flatMap(({ tables = [] }) => tables),
      bars: found.flatMap(({ bars }) => bars),
    }
  },
}

await runAlone(feeds, import.meta.filename)
