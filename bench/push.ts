/**
 * What a push costs: indicators to each simulated product, beside a process that sends the same requests and does
 * nothing else. What is measured and how to read it: docs/benchmarks.md. Exit code 1: a bar is missed.
 *
 *   node bench/push.ts [KIND…] [--size INDICATORS | --full] [--rounds N] [--json]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ReplayResult } from './children/replay.ts'
import type { Got, Left, VendorOrder, VendorSettings } from './children/vendor.ts'
import {
  atLeast,
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
import { type Child, type Start, startServer, withChildren } from './harness/processes.ts'
import { type Export, endOfExport, push } from './harness/push-api.ts'
import { numberOf, sizeOf } from './harness/size.ts'
import type { VendorKind } from './harness/vendors.ts'

const usualSize = 10_000
/** A product that takes one indicator a request, at 20 ms: enough to see the rate of it. */
const slowSize = 2000
const latenciesMs = [0, 20] as const
/** Requests under way at once, ours and theirs. */
const concurrency = 4
const share = 0.7
/** Right behind another one a push waits up to a second for the queue, which is not what is measured. */
const restMs = 1500

interface Setup {
  readonly kind: VendorKind
  readonly objectsPerRun: number
  /** One request for each indicator. */
  readonly single?: true
}

const setups: readonly Setup[] = [
  { kind: 'secureworks', objectsPerRun: 1000 },
  { kind: 'secureworks', objectsPerRun: 100 },
  { kind: 'darktrace', objectsPerRun: 1000 },
  { kind: 'darktrace', objectsPerRun: 100 },
  { kind: 'cofense', objectsPerRun: 10_000, single: true },
]

interface Cast {
  readonly server: Child
  readonly vendor: Child
  readonly floor: Child
  readonly postgres: number
  /** Takes the requests of a push. */
  readonly file: string
}

interface Sample {
  readonly seconds: number
  /** From the call to: the 202, the first request at the product, the last one. */
  readonly steps: readonly [accepted: number, firstSent: number, lastSent: number]
  readonly cpuSeconds: number
  readonly databaseCpuSeconds: number
  readonly requests: number
  /** The same once more: all is unchanged. */
  readonly again: { readonly seconds: number; readonly requests: number }
  readonly floorSeconds: number
}

interface Body {
  readonly indicators: readonly string[]
  readonly options?: { readonly severity: string }
}

/**
 * Something to be sent in each round: others than before, or, where there is room for so many only, the same with another
 * severity.
 */
function bodyOf({ kind }: Setup, round: number, size: number): Body {
  const wave = kind === 'secureworks' ? 0 : round
  const indicators = Array.from({ length: size }, (_, index) => `host-${index}.wave-${wave}.malware.example`)
  if (kind !== 'secureworks') return { indicators }
  return { indicators, options: { severity: round % 2 === 0 ? 'HIGH' : 'LOW' } }
}

async function order<Answer = object>(vendor: Child, what: VendorOrder): Promise<Answer> {
  return vendor.ask<Answer>(what)
}

interface Pushed {
  readonly export: Export
  readonly startedAt: number
  readonly acceptedSeconds: number
  readonly seconds: number
}

/** @throws Error unless all come to the same, which is good */
async function pushAll(server: Child, body: Body, became: 'accepted' | 'unchanged'): Promise<Pushed> {
  const startedAt = performance.timeOrigin + performance.now()
  const since = () => (performance.timeOrigin + performance.now() - startedAt) / 1000
  const { id } = await push(server, 'product', body)
  const acceptedSeconds = since()
  const ended = await endOfExport(server, id)
  if (ended.counts[became] !== body.indicators.length)
    throw new Error(`not all are ${became}: ${JSON.stringify(ended)}`)
  return { export: ended, startedAt, acceptedSeconds, seconds: since() }
}

async function expectEntries(vendor: Child, file: string, expected: number): Promise<Got> {
  const got = await order<Got>(vendor, { do: 'tell', file })
  if (got.entries !== expected) throw new Error(`the product has ${got.entries} entries, not ${expected}`)
  return got
}

async function sampleOf(cast: Cast, { kind }: Setup, body: Body): Promise<Sample> {
  const { server, vendor, floor, postgres, file } = cast
  const size = body.indicators.length
  // Once it has them, they stay: the server knows that they are there.
  const clear = async () => {
    if (kind === 'secureworks') return 0
    return (await order<Left>(vendor, { do: 'clear' })).entries
  }
  await order(vendor, { do: 'forget' })
  const entries = await clear()
  await wait(restMs)
  const before = { node: cpuSeconds(server.pid), database: databaseCpuSeconds(postgres) }
  const pushed = await pushAll(server, body, 'accepted')
  const node = cpuSeconds(server.pid) - before.node
  const database = databaseCpuSeconds(postgres) - before.database
  const got = await expectEntries(vendor, file, entries + size)
  await order(vendor, { do: 'forget' })
  await wait(restMs)
  const again = await pushAll(server, body, 'unchanged')
  const unneeded = await order<Got>(vendor, { do: 'tell', file: `${file}-again` })
  const left = await clear()
  const floorSeconds = await replay(floor, vendor.url, file)
  await expectEntries(vendor, `${file}-floor`, left === 0 ? size : left)
  const step = (at: number | null) => ((at ?? Number.NaN) - pushed.startedAt) / 1000
  return {
    seconds: pushed.seconds,
    steps: [pushed.acceptedSeconds, step(got.firstAt), step(got.lastAt)],
    cpuSeconds: node,
    databaseCpuSeconds: database,
    requests: got.requests,
    again: { seconds: again.seconds, requests: unneeded.requests },
    floorSeconds,
  }
}

async function replay(floor: Child, url: string, file: string): Promise<number> {
  const result = await floor.ask<ReplayResult>({ url, file, concurrency })
  if ('failure' in result) throw new Error(result.failure)
  return result.seconds
}

interface Measured {
  readonly setup: Setup
  readonly latencyMs: number
  readonly size: number
  readonly samples: readonly Sample[]
  /** Of the server, by then. */
  readonly peakMegabytes: number
}

async function measure(start: Start, folder: string, setup: Setup, options: Options): Promise<Measured[]> {
  const { kind, objectsPerRun } = setup
  mkdirSync(folder)
  const vendor = await start(['bench/children/vendor.ts', kind])
  const floor = await start(['bench/children/replay.ts'])
  const settings = await order<VendorSettings>(vendor, { do: 'settings' })
  const exporter = { name: 'product', kind, settings, objectsPerRun, concurrency, proxy: 'none' }
  // It is never asked for a fetch, so the source's address leads nowhere.
  const server = await startServer(start, { folder, baseUrl: 'http://127.0.0.1:9', exporters: [exporter] })
  const cast = {
    server,
    vendor,
    floor,
    postgres: embeddedPostgres(server.pid),
    file: join(folder, 'requests'),
  }
  const measured: Measured[] = []
  let wave = 0
  for (const latencyMs of latenciesMs) {
    await order(vendor, { do: 'delay', ms: latencyMs })
    const size = setup.single && latencyMs > 0 ? options.slowSize : options.size
    const samples: Sample[] = []
    for (let round = -1; round < options.rounds; round++) {
      const sample = await sampleOf(cast, setup, bodyOf(setup, wave++, size))
      if (round >= 0) samples.push(sample)
    }
    measured.push({ setup, latencyMs, size, samples, peakMegabytes: peakMegabytes(server.pid) })
  }
  for (const child of [server, floor, vendor]) await child.stop()
  return measured
}

interface Options {
  readonly setups: readonly Setup[]
  readonly size: number
  readonly slowSize: number
  readonly rounds: number
}

function nameOf({ setup: { kind, objectsPerRun, single }, latencyMs }: Measured): string {
  return `${kind}, ${single ? 'one by one' : `${objectsPerRun} at once`}, ${latencyMs} ms`
}

function ratioOf({ samples }: Measured): number {
  return median(samples.map(({ seconds, floorSeconds }) => floorSeconds / seconds))
}

function barsOf(measured: readonly Measured[]): Bar[] {
  return measured
    .filter(({ latencyMs }) => latencyMs > 0)
    .map((each) => atLeast(`${nameOf(each)}: indicators per second, of the floor`, ratioOf(each), share))
}

async function run(options: Options) {
  const before = machine()
  const measured = await withChildren(1_800_000, async (start, folder) => {
    const all: Measured[] = []
    for (const [place, setup] of options.setups.entries())
      all.push(...(await measure(start, join(folder, String(place)), setup, options)))
    return all
  })
  return { machine: before, options, measured, bars: barsOf(measured) }
}

function print({ machine, options, measured, bars }: Awaited<ReturnType<typeof run>>): void {
  const of = (samples: readonly Sample[], value: (sample: Sample) => number) => median(samples.map(value))
  const ms = (seconds: number) => (seconds * 1000).toFixed(0)
  console.log(
    `${machine}\n\nmedians of ${options.rounds} interleaved rounds, ${concurrency} requests at once`,
  )
  printTable([
    ['', 'indicators', 'requests', 'per s', 'floor', 'ours/floor', 'CPU s, Node', 'PostgreSQL', 'peak MB'],
    ...measured.map((each) => [
      nameOf(each),
      String(each.size),
      String(of(each.samples, ({ requests }) => requests)),
      of(each.samples, ({ seconds }) => each.size / seconds).toFixed(0),
      of(each.samples, ({ floorSeconds }) => each.size / floorSeconds).toFixed(0),
      ratioOf(each).toFixed(2),
      of(each.samples, ({ cpuSeconds }) => cpuSeconds).toFixed(2),
      of(each.samples, ({ databaseCpuSeconds }) => databaseCpuSeconds).toFixed(2),
      each.peakMegabytes.toFixed(0),
    ]),
  ])
  console.log(
    '\nms from the call to: the answer 202, the first request, the last one, the end; the same once more',
  )
  printTable([
    ['', '202', 'first', 'last', 'end', 'floor', 'again', 'requests'],
    ...measured.map((each) => [
      nameOf(each),
      ...[0, 1, 2].map((step) => ms(of(each.samples, ({ steps }) => steps[step] ?? Number.NaN))),
      ms(of(each.samples, ({ seconds }) => seconds)),
      ms(of(each.samples, ({ floorSeconds }) => floorSeconds)),
      ms(of(each.samples, ({ again }) => again.seconds)),
      String(Math.max(...each.samples.map(({ again }) => again.requests))),
    ]),
  ])
  console.log()
  printBars(bars)
}

const size = sizeOf(process.argv, usualSize, usualSize)
const kinds = setups.filter(({ kind }) => process.argv.includes(kind))
const result = await run({
  setups: kinds.length > 0 ? kinds : setups,
  size,
  slowSize: process.argv.includes('--full') ? size : Math.min(size, slowSize),
  rounds: numberOf(process.argv, '--rounds', 5, 1),
})
if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
else print(result)
process.exitCode = result.bars.every(({ met }) => met) ? 0 : 1
