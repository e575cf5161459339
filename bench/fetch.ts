/**
 * How fast a fetch stores indicators, beside the least code that does its parts: parsing the pages, and inserting the
 * rows. How to read it: docs/benchmarks.md.
 *
 *   node bench/fetch.ts --changing …     something else: see trials/changing.ts
 */
import { join } from 'node:path'
import type { Inserted, Range } from './children/bare-insert.ts'
import type { Parsed } from './children/parse-pages.ts'
import { endOf, expectCounts, startFetch, untilReceived } from './harness/api.ts'
import {
  type Benchmark,
  type Case,
  caseOf,
  ratioOf,
  type Sample,
  type Scale,
  type Stage,
  withCommas,
} from './harness/benchmark.ts'
import {
  atLeast,
  atMost,
  type Bar,
  cpuSeconds,
  databaseCpuSeconds,
  embeddedPostgres,
  peakMegabytes,
} from './harness/measure.ts'
import { type Child, storeOf } from './harness/processes.ts'
import { firstId } from './harness/records.ts'
import { runAlone } from './harness/run.ts'

const pageSize = 1000
/** Of a slice, after which the others take their turn. */
const slicePages = 20
const memoryMegabytes = 400

interface Sizes {
  readonly records: number
  /** Fetches that find everything unchanged. */
  readonly rounds: number
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { records: 2000, rounds: 1 },
  usual: { records: 200_000, rounds: 3 },
  full: { records: 1_000_000, rounds: 1 },
}

/** What some records took. */
interface Work {
  readonly records: number
  readonly seconds: number
  readonly nodeCpuSeconds: number
  /** Of all processes of its PostgreSQL. */
  readonly databaseCpuSeconds: number
}

interface World {
  readonly server: Child
  /** The server's PostgreSQL. */
  readonly postgres: number
  readonly vendor: Child
  readonly parser: Child
  readonly inserter: Child
  readonly size: number
}

async function worldOf({ start, folder, serve, prepare }: Stage, size: number): Promise<World> {
  const vendor = await start(['bench/children/walk-pages.ts', join(folder, 'pages'), String(size)])
  // A source of sudden death reads everything in each fetch: the second one is a whole one as well.
  const source = { expiration: { policy: 'suddenDeath' } }
  const server = await serve({ folder, baseUrl: vendor.url, source })
  const sockets = join(storeOf(folder), 'run')
  await prepare(join(folder, 'bare'))
  return {
    server,
    postgres: embeddedPostgres(server.pid),
    vendor,
    parser: await start(['bench/children/parse-pages.ts', vendor.url]),
    inserter: await start(['--expose-gc', 'bench/children/bare-insert.ts', sockets, join(folder, 'bare')]),
    size,
  }
}

interface Slices {
  readonly ours: Work[]
  readonly parsed: Work[]
  readonly inserted: Work[]
}

/** The first fetch in slices, and after each the same pages and rows by the others. */
async function compare({ server, postgres, vendor, parser, inserter, size }: World): Promise<Slices> {
  const insertPostgres = embeddedPostgres(inserter.pid)
  let reader: number | undefined
  const took = async <T>(
    { pid }: Child,
    database: number | undefined,
    work: () => Promise<T>,
  ): Promise<readonly [T, Work]> => {
    const database_ = () => (database === undefined ? 0 : databaseCpuSeconds(database, reader))
    const before = { at: performance.now(), node: cpuSeconds(pid), database: database_() }
    const value = await work()
    const seconds = (performance.now() - before.at) / 1000
    const nodeCpuSeconds = cpuSeconds(pid) - before.node
    return [value, { records: 0, seconds, nodeCpuSeconds, databaseCpuSeconds: database_() - before.database }]
  }
  // The inserter's connection for reading is there already; which process serves it, only an answer of its tells.
  const nothing = await inserter.ask<Inserted>({ records: [0, 0] } satisfies Range)
  reader = nothing.reader
  const slices: Slices = { ours: [], parsed: [], inserted: [] }
  const { id } = await startFetch(server)
  const pages = Math.ceil(size / pageSize)
  for (let from = 0; from < pages; from += slicePages) {
    const to = Math.min(pages, from + slicePages)
    const records = Math.min(size, to * pageSize) - from * pageSize
    const [, ours] = await took(server, postgres, async () => {
      // The next page is asked for while the last one is stored; where one page is all of them there is none.
      await (size > pageSize ? vendor.ask({ upTo: to }) : vendor.tell({ upTo: null }))
      await untilReceived(server, id, from * pageSize + records)
    })
    const [pagesParsed, parsed] = await took(parser, undefined, () => parser.ask<Parsed>({ from, to }))
    const range = [firstId + from * pageSize - 1, firstId + to * pageSize - 1] as const
    const [rows, inserted] = await took(inserter, insertPostgres, () =>
      inserter.ask<Inserted>({ records: range } satisfies Range),
    )
    if (pagesParsed.records !== records || rows.rows !== records) {
      throw new Error(`pages ${from} to ${to}: parsed ${pagesParsed.records}, inserted ${rows.rows}`)
    }
    slices.ours.push({ ...ours, records })
    slices.parsed.push({ ...parsed, records })
    // Reading the rows is no part of inserting them.
    slices.inserted.push({ ...inserted, records, seconds: rows.seconds, nodeCpuSeconds: rows.cpuSeconds })
  }
  vendor.tell({ upTo: null })
  expectCounts(await endOf(server, id), { received: size, stored: size })
  return slices
}

/** Everything once more, of which nothing has changed. */
async function again({ server, postgres, size }: World): Promise<Work> {
  const node = cpuSeconds(server.pid)
  const database = databaseCpuSeconds(postgres)
  const started = performance.now()
  const { id } = await startFetch(server)
  expectCounts(await endOf(server, id), { received: size, unchanged: size })
  return {
    records: size,
    seconds: (performance.now() - started) / 1000,
    nodeCpuSeconds: cpuSeconds(server.pid) - node,
    databaseCpuSeconds: databaseCpuSeconds(postgres) - database,
  }
}

function perSecond({ records, seconds, nodeCpuSeconds, databaseCpuSeconds }: Work): Sample {
  return { value: records / seconds, cpuSeconds: nodeCpuSeconds, databaseCpuSeconds }
}

function perCpuSecond(work: Work): Sample {
  return { ...perSecond(work), value: work.records / (work.nodeCpuSeconds + work.databaseCpuSeconds) }
}

function perDatabaseSecond(work: Work): Sample {
  return { ...perSecond(work), value: work.records / work.databaseCpuSeconds }
}

function casesOf({ ours, inserted }: Slices, repeated: readonly Work[], peak: number): readonly Case[] {
  const first = (name: string, unit: string, sample: (work: Work) => Sample) =>
    caseOf({ name, unit, ours: ours.map(sample), floor: inserted.map(sample) })
  return [
    first('first fetch', 'records per second', perSecond),
    first('first fetch, CPU', 'records per CPU second of both', perCpuSecond),
    first('first fetch, CPU of PostgreSQL', 'records per CPU second of it', perDatabaseSecond),
    caseOf({
      name: 'everything unchanged',
      unit: 'records per second',
      ours: repeated.map(perSecond),
      peakMegabytes: peak,
    }),
    caseOf({
      name: 'everything unchanged, CPU',
      unit: 'records per CPU second of both',
      ours: repeated.map(perCpuSecond),
    }),
  ]
}

function barsOf(cases: readonly Case[], peak: number): Bar[] {
  const [wall, cpu, database, unchanged, unchangedCpu] = cases as readonly [Case, Case, Case, Case, Case]
  return [
    atLeast('new records per CPU second of PostgreSQL, of bare inserts', ratioOf(database), 0.6),
    atLeast('new records per CPU second of Node and PostgreSQL, of bare inserts', ratioOf(cpu), 0.6),
    atLeast('new records per second, of bare inserts', ratioOf(wall), 0.6),
    atLeast('unchanged records per second, of new ones', unchanged.ours.median / wall.ours.median, 4),
    atLeast('unchanged records per CPU second, of new ones', unchangedCpu.ours.median / cpu.ours.median, 4),
    atMost('peak memory, MB', peak, memoryMegabytes),
  ]
}

function row(name: string, works: readonly Work[]): readonly (string | number)[] {
  const sum = (of: (work: Work) => number) => works.reduce((total, work) => total + of(work), 0)
  const records = sum((work) => work.records)
  const micros = (of: (work: Work) => number) => (sum(of) * 1e6) / records
  return [
    name,
    micros(({ seconds }) => seconds),
    micros(({ nodeCpuSeconds, databaseCpuSeconds }) => nodeCpuSeconds + databaseCpuSeconds),
    micros(({ nodeCpuSeconds }) => nodeCpuSeconds),
    micros(({ databaseCpuSeconds }) => databaseCpuSeconds),
  ]
}

export const fetch: Benchmark = {
  name: 'fetch',
  measures: 'a first fetch and one that finds everything unchanged, beside bare inserts of the same rows',
  takes: { usual: '2 minutes', full: '8 minutes, 1,000,000 records' },
  limitSeconds: { smoke: 240, usual: 600, full: 3000 },
  sized: 'records',
  async run(stage) {
    const usual = sizes[stage.scale]
    const size = stage.size ?? usual.records
    const rounds = stage.rounds ?? usual.rounds
    const world = await worldOf(stage, size)
    const slices = await compare(world)
    await world.inserter.stop()
    const repeated: Work[] = []
    for (let round = 0; round < rounds; round++) repeated.push(await again(world))
    const peak = peakMegabytes(world.server.pid)
    for (const child of [world.server, world.parser, world.vendor]) await child.stop()
    const cases = casesOf(slices, repeated, peak)
    return {
      size: `${withCommas(size)} records, the first fetch in slices of ${withCommas(slicePages * pageSize)}, the others`,
      rounds,
      cases,
      tables: [
        {
          title: 'microseconds for a record, of all',
          columns: ['', 'wall', 'CPU', 'of Node', 'of PostgreSQL'],
          rows: [
            row('first fetch', slices.ours),
            row('fetch, unchanged', repeated),
            row('pages parsed', slices.parsed),
            row('rows inserted', slices.inserted),
          ],
        },
      ],
      bars: barsOf(cases, peak),
    }
  },
}

if (process.argv[1] === import.meta.filename && process.argv.includes('--changing')) {
  await import('../trials/changing.ts')
} else {
  await runAlone(fetch, import.meta.filename)
}
