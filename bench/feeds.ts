/**
 * What lists cost: making one, serving it, following changes, and TAXII, each beside the least code that does it. What
 * is measured and how to read it: docs/benchmarks.md. Exit code 1: a bar is missed.
 *
 *   node bench/feeds.ts [--size INDICATORS | --full] [--json]
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Asked, Made } from './children/format-values.ts'
import type { LoadResult } from './children/load.ts'
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
  percentile,
  printBars,
  printTable,
} from './harness/measure.ts'
import { apiKey, type Child, type Start, startServer, storeOf, withChildren } from './harness/processes.ts'
import { sizeOf } from './harness/size.ts'
import { client, drain, read, type TaxiiPage, taxiiPage } from './taxii-client.ts'

const defaultSize = 100_000
const fullSize = 500_000
const rounds = 5
const connections = 16
/** Objects of the collection that is drained, and of each of its pages. */
const drained = 50_000
const taxiiLimit = 1000
/** About 1 MB of text. */
const megabyteEntries = 29_000
/** What the default would leave out, as it may not go far. */
const everything = { maxTlp: 'red' }
const key = { authorization: `Bearer ${apiKey}` }

interface World {
  readonly start: Start
  readonly folder: string
}

/** A store with so many indicators, and what a server needs for it. */
async function fill({ start, folder }: World, from: number, to: number): Promise<void> {
  mkdirSync(storeOf(folder), { recursive: true })
  const child = await start(['bench/children/fill-store.ts', storeOf(folder), String(from), String(to)])
  await child.stop()
}

function serve({ start, folder }: World, feeds: readonly object[]): Promise<Child> {
  // It is never asked for a fetch, so its address leads nowhere.
  return startServer(start, { folder, baseUrl: 'http://127.0.0.1:9', feeds })
}

async function timed<T>(work: () => Promise<T>): Promise<{ readonly seconds: number; readonly value: T }> {
  const started = performance.now()
  const value = await work()
  return { value, seconds: (performance.now() - started) / 1000 }
}

interface Memory {
  readonly indicators: number
  readonly idleMegabytes: number
  readonly peakMegabytes: number
}

/** A server that has done nothing before makes and sends everything, which nobody keeps. */
async function memoryOf(world: World, indicators: number): Promise<Memory> {
  const feed = `all-${indicators}`
  const server = await serve(world, [{ name: feed, ...everything }])
  const idleMegabytes = peakMegabytes(server.pid)
  for (const path of [`/feeds/${feed}.txt`, `/feeds/${feed}.ndjson`, '/api/v1/changes']) {
    await client(server).drop(path)
  }
  const memory = { indicators, idleMegabytes, peakMegabytes: peakMegabytes(server.pid) }
  await server.stop()
  return memory
}

interface Built {
  readonly entries: number
  readonly bytes: number
  /** The very first answer: its members are found as well. */
  readonly firstSeconds: number
  readonly rounds: readonly { readonly ours: number; readonly reference: number }[]
  readonly referenceCpuSeconds: number
  readonly oursCpuSeconds: number
  readonly databaseCpuSeconds: number
}

/** The same list again and again, each time under arguments that make it another one for the server. */
async function build({ start, folder }: World, server: Child): Promise<Built> {
  const { get } = client(server)
  const first = await timed(() => get('/feeds/all.txt'))
  const file = join(folder, 'values')
  writeFileSync(file, first.value.body)
  const reference = await start(['bench/children/format-values.ts', file])
  const entries = Number(first.value.headers['x-feed-entries'])
  const postgres = embeddedPostgres(server.pid)
  const before = { node: cpuSeconds(server.pid), database: databaseCpuSeconds(postgres) }
  const pairs: { ours: number; made: Made }[] = []
  for (let round = 0; round <= rounds; round++) {
    // More than there are: it changes nothing.
    const n = String(entries + 1 + round)
    const ours = await timed(() => get(`/feeds/all.txt?n=${n}`))
    const made = await reference.ask<Made>({ query: { n: [n] } } satisfies Asked)
    if (ours.value.headers.etag !== `"${made.digest}"`) throw new Error('the reference makes another list')
    pairs.push({ ours: ours.seconds, made })
  }
  const each = rounds + 1
  await reference.stop()
  return {
    entries,
    bytes: first.value.body.length,
    firstSeconds: first.seconds,
    rounds: pairs.slice(1).map(({ ours, made }) => ({ ours, reference: made.seconds })),
    referenceCpuSeconds: median(pairs.map(({ made }) => made.cpuSeconds)),
    oursCpuSeconds: (cpuSeconds(server.pid) - before.node) / each,
    databaseCpuSeconds: (databaseCpuSeconds(postgres) - before.database) / each,
  }
}

interface Rate {
  readonly perSecond: number
  readonly cpuMicroseconds: number
}

interface Served {
  readonly bytes: number
  readonly samples: readonly { readonly ours: Rate; readonly bare: Rate; readonly unchanged: Rate }[]
}

async function serveWarm({ start }: World, server: Child): Promise<Served> {
  const path = '/feeds/megabyte.txt'
  const { body, headers } = await client(server).get(path)
  const bytes = body.length
  const etag = String(headers.etag)
  const load = await start(['bench/children/load.ts'])
  const bare = await start(['bench/children/bare-server.ts', String(bytes), etag])
  const measure = async ({ url, pid }: Child, requests: number, more: object): Promise<Rate> => {
    const asked = { url, path, headers: key, requests, connections, status: 200, bytes, ...more }
    const cpu = cpuSeconds(pid)
    const result = await load.ask<LoadResult>(asked)
    if ('failure' in result) throw new Error(result.failure)
    const cpuMicroseconds = ((cpuSeconds(pid) - cpu) * 1e6) / requests
    return { perSecond: requests / result.seconds, cpuMicroseconds }
  }
  const again = { headers: { ...key, 'if-none-match': etag }, status: 304, bytes: 0 }
  const samples: Served['samples'][number][] = []
  for (let round = -1; round < rounds; round++) {
    const sample = {
      ours: await measure(server, 1500, {}),
      bare: await measure(bare, 1500, {}),
      unchanged: await measure(server, 10_000, again),
    }
    if (round >= 0) samples.push(sample)
  }
  await load.stop()
  await bare.stop()
  return { bytes, samples }
}

/** Milliseconds of each poll that finds nothing new. */
async function pollChanges(server: Child): Promise<readonly number[]> {
  const { get } = client(server)
  const { headers } = await get('/api/v1/changes?limit=0')
  const path = `/api/v1/changes?since=${headers['x-head-cursor']}`
  const times: number[] = []
  for (let poll = -50; poll < 300; poll++) {
    const { seconds, value } = await timed(() => get(path))
    if (value.body.length > 0) throw new Error('there are changes')
    if (poll >= 0) times.push(seconds * 1000)
  }
  return times
}

interface Drained {
  readonly objects: number
  readonly bytes: number
  /** The first walk: everything is published meanwhile. */
  readonly publishSeconds: number
  readonly samples: readonly {
    readonly oursCpuSeconds: number
    readonly databaseCpuSeconds: number
    readonly referenceCpuSeconds: number
    readonly oursSeconds: number
    readonly referenceSeconds: number
  }[]
  /** Milliseconds: of the first page, the last full one, and the one at the end. */
  readonly pages: { readonly first: number; readonly lastFull: number; readonly end: number }
}

async function drainTaxii({ start, folder }: World, server: Child): Promise<Drained> {
  const collection = `/taxii2/feeds/collections/collection/objects/?limit=${taxiiLimit}`
  const published = await timed(() => drain(server, collection))
  const all = published.value
  const objects = all.flatMap((page) => page.objects)
  const file = join(folder, 'objects')
  writeFileSync(file, objects.map((object) => JSON.stringify(object)).join('\n'))
  const reference = await start(['bench/children/join-objects.ts', file])
  const postgres = embeddedPostgres(server.pid)
  const samples: Drained['samples'][number][] = []
  for (let round = -1; round < rounds; round++) {
    const before = { node: cpuSeconds(server.pid), database: databaseCpuSeconds(postgres) }
    const ours = await timed(() => read(server, collection))
    const oursCpuSeconds = cpuSeconds(server.pid) - before.node
    const database = databaseCpuSeconds(postgres) - before.database
    const referenceBefore = cpuSeconds(reference.pid)
    const other = await timed(() => read(reference, `/?limit=${taxiiLimit}`))
    const referenceCpuSeconds = cpuSeconds(reference.pid) - referenceBefore
    if (ours.value !== all.length || other.value !== all.length) throw new Error('a walk has another length')
    if (round < 0) continue
    const times = { oursSeconds: ours.seconds, referenceSeconds: other.seconds }
    samples.push({ oursCpuSeconds, databaseCpuSeconds: database, referenceCpuSeconds, ...times })
  }
  await reference.stop()
  return {
    objects: objects.length,
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
    publishSeconds: published.seconds,
    samples,
    pages: await pageTimes(server, all),
  }
}

async function pageTimes(server: Child, all: readonly TaxiiPage[]): Promise<Drained['pages']> {
  const full = all.filter(({ objects }) => objects.length === taxiiLimit)
  const [first, lastFull, end] = [full[0], full.at(-1), all.at(-1)]
  if (first === undefined || lastFull === undefined || end === undefined)
    throw new Error('there is no full page')
  const times = { first: [] as number[], lastFull: [] as number[], end: [] as number[] }
  for (let round = 0; round < 25; round++) {
    for (const [name, page] of Object.entries({ first, lastFull, end })) {
      const { seconds } = await timed(() => taxiiPage(server, page.path))
      times[name as keyof typeof times].push(seconds * 1000)
    }
  }
  return { first: median(times.first), lastFull: median(times.lastFull), end: median(times.end) }
}

function barsOf(result: Omit<Result, 'bars' | 'machine' | 'size'>): Bar[] {
  const { memory, built, served, polls, taxii } = result
  const [small, large] = memory
  const ratios = {
    built: median(built.rounds.map(({ ours, reference }) => ours / reference)),
    served: median(served.samples.map(({ ours, bare }) => ours.perSecond / bare.perSecond)),
    unchanged: median(served.samples.map(({ ours, unchanged }) => unchanged.perSecond / ours.perSecond)),
    taxii: median(
      taxii.samples.map(({ oursCpuSeconds, referenceCpuSeconds }) => oursCpuSeconds / referenceCpuSeconds),
    ),
    memory: (large?.peakMegabytes ?? Number.NaN) / (small?.peakMegabytes ?? Number.NaN),
  }
  const { first, lastFull, end } = taxii.pages
  return [
    atMost('making a text list, wall, of formatting from memory', ratios.built, 3),
    atLeast('1 MB list, requests per second, of bare node:http', ratios.served, 0.9),
    atLeast('304, requests per second, of the 200 with 1 MB', ratios.unchanged, 10),
    atMost('poll of changes with nothing new, ms, median', median(polls), 5),
    atMost('last TAXII page, of the first', Math.max(lastFull, end) / first, 1.5),
    atMost('TAXII walk, CPU of Node, of joining from memory', ratios.taxii, 3.5),
    atMost(`peak memory with ${large?.indicators}, of that with ${small?.indicators}`, ratios.memory, 1.3),
  ]
}

interface Result {
  readonly machine: string
  readonly size: number
  readonly memory: readonly Memory[]
  readonly built: Built
  readonly served: Served
  readonly polls: readonly number[]
  readonly taxii: Drained
  readonly bars: readonly Bar[]
}

async function run(size: number): Promise<Result> {
  const before = machine()
  return withChildren(300_000 + size * 3, async (start, folder) => {
    const world = { start, folder }
    const memory: Memory[] = []
    const small = Math.round(size / 5)
    await fill(world, 0, small)
    memory.push(await memoryOf(world, small))
    await fill(world, small, size)
    memory.push(await memoryOf(world, size))
    const server = await serve(world, [
      { name: 'all', ...everything },
      { name: 'megabyte', ...everything, limit: megabyteEntries },
      { name: 'collection', ...everything, limit: drained },
    ])
    const result = {
      memory,
      built: await build(world, server),
      served: await serveWarm(world, server),
      polls: await pollChanges(server),
      taxii: await drainTaxii(world, server),
    }
    await server.stop()
    return { machine: before, size, ...result, bars: barsOf(result) }
  })
}

function print({ machine, size, memory, built, served, polls, taxii, bars }: Result): void {
  const ms = (seconds: number) => (seconds * 1000).toFixed(0)
  console.log(`${machine}\n\n${size} indicators; medians of ${rounds} interleaved rounds`)
  console.log(`\ntext list of ${built.entries} entries, ${(built.bytes / 1e6).toFixed(1)} MB`)
  printTable([
    ['', 'wall ms', 'CPU ms of Node', 'of PostgreSQL'],
    ['first answer, members found', ms(built.firstSeconds), '', ''],
    [
      'made once more',
      ms(median(built.rounds.map(({ ours }) => ours))),
      ms(built.oursCpuSeconds),
      ms(built.databaseCpuSeconds),
    ],
    [
      'from memory',
      ms(median(built.rounds.map(({ reference }) => reference))),
      ms(built.referenceCpuSeconds),
      '0',
    ],
  ])
  const rate = (name: 'ours' | 'bare' | 'unchanged') => [
    median(served.samples.map((sample) => sample[name].perSecond)).toFixed(0),
    median(served.samples.map((sample) => sample[name].cpuMicroseconds)).toFixed(0),
  ]
  console.log(`\nlist of ${(served.bytes / 1e6).toFixed(2)} MB from memory, ${connections} connections`)
  printTable([
    ['', 'per wall s', 'CPU us'],
    ['feed-server, 200', ...rate('ours')],
    ['bare node:http, 200', ...rate('bare')],
    ['feed-server, 304', ...rate('unchanged')],
  ])
  console.log(
    `\npoll of changes, nothing new: median ${median(polls).toFixed(2)} ms, 99th percentile ${percentile(polls, 99).toFixed(2)} ms`,
  )
  const of = (name: keyof Drained['samples'][number]) =>
    ms(median(taxii.samples.map((sample) => sample[name])))
  console.log(
    `\nTAXII: ${taxii.objects} objects, ${(taxii.bytes / 1e6).toFixed(1)} MB, in pages of ${taxiiLimit}`,
  )
  printTable([
    ['', 'wall ms', 'CPU ms of Node', 'of PostgreSQL'],
    ['first walk, all is published', ms(taxii.publishSeconds), '', ''],
    ['walk', of('oursSeconds'), of('oursCpuSeconds'), of('databaseCpuSeconds')],
    ['joined from memory', of('referenceSeconds'), of('referenceCpuSeconds'), '0'],
  ])
  const { first, lastFull, end } = taxii.pages
  console.log(
    `pages, ms: first ${first.toFixed(1)}, last full one ${lastFull.toFixed(1)}, end ${end.toFixed(1)}\n`,
  )
  printTable([
    ['memory of the server, MB', 'idle', 'peak'],
    ...memory.map((each) => [
      `${each.indicators} indicators`,
      each.idleMegabytes.toFixed(0),
      each.peakMegabytes.toFixed(0),
    ]),
  ])
  console.log()
  printBars(bars)
}

const result = await run(sizeOf(process.argv, defaultSize, fullSize))
if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
else print(result)
process.exitCode = result.bars.every(({ met }) => met) ? 0 : 1
