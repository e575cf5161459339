/**
 * How fast a fetch stores indicators, beside the least code that does its parts: parsing the pages, and inserting the
 * rows. What is measured and how to read it: docs/benchmarks.md. Exit code 1: a bar is missed.
 *
 *   node bench/fetch.ts [--size RECORDS | --full] [--json]
 *   node bench/fetch.ts --changing [--size RECORDS | --full]     see changing.ts
 */
import { join } from 'node:path'
import type { Inserted, Range } from './children/bare-insert.ts'
import type { Parsed } from './children/parse-pages.ts'
import { endOf, expectCounts, startFetch, untilReceived } from './harness/api.ts'
import {
  atLeast,
  atMost,
  type Bar,
  cpuSeconds,
  databaseCpuSeconds,
  embeddedPostgres,
  machine,
  median,
  peakMegabytes,
  printBars,
  printTable,
} from './harness/measure.ts'
import { type Child, type Start, startServer, storeOf, withChildren } from './harness/processes.ts'
import { firstId } from './harness/records.ts'
import { sizeOf } from './harness/size.ts'

const pageSize = 1000
/** Of a slice, after which the others take their turn. */
const slicePages = 20
const defaultSize = 200_000
const fullSize = 1_000_000
const refetches = 3
const memoryMegabytes = 400

interface Times {
  readonly records: number
  readonly seconds: number
}

/** Of several slices. */
interface Work extends Times {
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

async function worldOf(start: Start, folder: string, size: number): Promise<World> {
  const vendor = await start(['bench/children/walk-pages.ts', join(folder, 'pages'), String(size)])
  // A source of sudden death reads everything in each fetch: the second one is a whole one as well.
  const source = { expiration: { policy: 'suddenDeath' } }
  const server = await startServer(start, { folder, baseUrl: vendor.url, source })
  const sockets = join(storeOf(folder), 'run')
  return {
    server,
    postgres: embeddedPostgres(server.pid),
    vendor,
    parser: await start(['bench/children/parse-pages.ts', vendor.url]),
    inserter: await start(['--expose-gc', 'bench/children/bare-insert.ts', sockets, join(folder, 'bare')]),
    size,
  }
}

interface Compared {
  readonly ours: Work
  readonly parsed: Work
  readonly inserted: Work
  /** Our records per second through those of the inserts, slice by slice. */
  readonly wallRatios: readonly number[]
}

/** The first fetch in slices, and after each the same pages and rows by the others. */
async function compare({ server, postgres, vendor, parser, inserter, size }: World): Promise<Compared> {
  const insertPostgres = embeddedPostgres(inserter.pid)
  const before = { node: cpuSeconds(server.pid), database: databaseCpuSeconds(postgres) }
  const parserBefore = cpuSeconds(parser.pid)
  const insertBefore = databaseCpuSeconds(insertPostgres)
  const { id } = await startFetch(server)
  const slices: { readonly ours: Times; readonly parsed: Times; readonly inserted: Inserted }[] = []
  const pages = Math.ceil(size / pageSize)
  for (let from = 0; from < pages; from += slicePages) {
    const to = Math.min(pages, from + slicePages)
    const records = Math.min(size, to * pageSize) - from * pageSize
    const started = performance.now()
    await vendor.ask({ upTo: to })
    // The next page is asked for while the last one is stored.
    await untilReceived(server, id, from * pageSize + records)
    const ours = { records, seconds: (performance.now() - started) / 1000 }
    const parsed = await parser.ask<Parsed>({ from, to })
    const range = [firstId + from * pageSize - 1, firstId + to * pageSize - 1] as const
    const inserted = await inserter.ask<Inserted>({ records: range } satisfies Range)
    if (parsed.records !== records || inserted.rows !== records) {
      throw new Error(`pages ${from} to ${to}: parsed ${parsed.records}, inserted ${inserted.rows}`)
    }
    slices.push({ ours, parsed, inserted })
  }
  vendor.tell({ upTo: null })
  expectCounts(await endOf(server, id), { received: size, stored: size })
  const reader = slices[0]?.inserted.reader
  return {
    ours: {
      ...sum(slices.map(({ ours }) => ours)),
      nodeCpuSeconds: cpuSeconds(server.pid) - before.node,
      databaseCpuSeconds: databaseCpuSeconds(postgres, reader) - before.database,
    },
    parsed: {
      ...sum(slices.map(({ parsed }) => parsed)),
      nodeCpuSeconds: cpuSeconds(parser.pid) - parserBefore,
      databaseCpuSeconds: 0,
    },
    inserted: {
      ...sum(slices.map(({ inserted: { rows: records, seconds } }) => ({ records, seconds }))),
      nodeCpuSeconds: slices.reduce((seconds, { inserted }) => seconds + inserted.cpuSeconds, 0),
      databaseCpuSeconds: databaseCpuSeconds(insertPostgres) - insertBefore,
    },
    wallRatios: slices.map(({ ours, inserted }) => inserted.seconds / ours.seconds),
  }
}

function sum(times: readonly Times[]): Times {
  return {
    records: times.reduce((records, each) => records + each.records, 0),
    seconds: times.reduce((seconds, each) => seconds + each.seconds, 0),
  }
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

function perCpuSecond({ records, nodeCpuSeconds, databaseCpuSeconds }: Work): number {
  return records / (nodeCpuSeconds + databaseCpuSeconds)
}

function perSecond({ records, seconds }: Times): number {
  return records / seconds
}

interface Result {
  readonly machine: string
  readonly size: number
  readonly rows: Readonly<Record<string, Work>>
  readonly peakMegabytes: number
  readonly bars: readonly Bar[]
}

async function run(size: number): Promise<Result> {
  const before = machine()
  return withChildren(120_000 + size * 2, async (start, folder) => {
    const world = await worldOf(start, folder, size)
    const { ours, parsed, inserted, wallRatios } = await compare(world)
    await world.inserter.stop()
    const repeated: Work[] = []
    for (let round = 0; round < (size > defaultSize ? 1 : refetches); round++)
      repeated.push(await again(world))
    const [refetch] = repeated.toSorted((a, b) => a.seconds - b.seconds).slice(repeated.length >> 1)
    if (refetch === undefined) throw new Error('there was no second fetch')
    const peak = peakMegabytes(world.server.pid)
    await world.server.stop()
    const rows = {
      'first fetch': ours,
      'fetch, unchanged': refetch,
      'pages parsed': parsed,
      'rows inserted': inserted,
    }
    const bars = [
      atLeast(
        'new records per CPU second of PostgreSQL, of bare inserts',
        inserted.databaseCpuSeconds / ours.databaseCpuSeconds,
        0.6,
      ),
      atLeast(
        'new records per CPU second of Node and PostgreSQL, of bare inserts',
        perCpuSecond(ours) / perCpuSecond(inserted),
        0.6,
      ),
      atLeast('new records per second, of bare inserts, median of slices', median(wallRatios), 0.6),
      atLeast('unchanged records per second, of new ones', perSecond(refetch) / perSecond(ours), 4),
      atLeast('unchanged records per CPU second, of new ones', perCpuSecond(refetch) / perCpuSecond(ours), 4),
      atMost('peak memory, MB', peak, memoryMegabytes),
    ]
    return { machine: before, size, rows, peakMegabytes: peak, bars }
  })
}

function print({ machine, size, rows, peakMegabytes, bars }: Result): void {
  console.log(`${machine}\n`)
  console.log(`${size} records in slices of ${slicePages * pageSize}; times in microseconds a record`)
  printTable([
    ['', 'per wall s', 'per CPU s', 'wall', 'CPU', 'of Node', 'of PostgreSQL'],
    ...Object.entries(rows).map(([name, work]) => {
      const micros = (seconds: number) => ((seconds * 1e6) / work.records).toFixed(1)
      return [
        name,
        perSecond(work).toFixed(0),
        perCpuSecond(work).toFixed(0),
        micros(work.seconds),
        micros(work.nodeCpuSeconds + work.databaseCpuSeconds),
        micros(work.nodeCpuSeconds),
        micros(work.databaseCpuSeconds),
      ]
    }),
  ])
  console.log(`\npeak memory of the server: ${peakMegabytes.toFixed(0)} MB\n`)
  printBars(bars)
}

if (process.argv.includes('--changing')) {
  await import('../trials/changing.ts')
} else {
  const result = await run(sizeOf(process.argv, defaultSize, fullSize))
  if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
  else print(result)
  process.exitCode = result.bars.every(({ met }) => met) ? 0 : 1
}
