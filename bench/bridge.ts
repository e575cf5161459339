/**
 * What carrying tickets over costs: tickets with notes and an attachment, from the simulated desk into the simulated sink,
 * beside a process that makes the least requests that do so and remembers nothing. What is measured and how to read it:
 * docs/benchmarks.md. Exit code 1: a bar is missed.
 *
 *   node bench/bridge.ts [--size TICKETS | --smoke] [--rounds N] [--json]
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { FloorOrder, FloorResult } from './children/bridge-floor.ts'
import type { BridgeGot, BridgeVendorOrder } from './children/bridge-vendor.ts'
import { poll, untilDone } from './harness/bridge-api.ts'
import { type BridgeSettings, type BridgeTimes, ticketTypes } from './harness/bridge-ends.ts'
import type { BridgeVerdict } from './harness/bridge-judge.ts'
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
import { type Child, startServer, withChildren } from './harness/processes.ts'
import { numberOf } from './harness/size.ts'

const notes = 5
const attachmentBytes = 100_000
/** The incident, its notes and its file. */
const writesOfTicket = 1 + notes + 1
const usualSize = 1000
const smokeSize = 20
const latenciesMs = [0, 20] as const
/** Requests under way at once, of each end; the sink's bound the tickets: one more, so that none waits for the store. */
const concurrency = 4
const ticketsAtOnce = concurrency + 1
/** Right behind the last one a call waits up to a second for the queue, which is not what is measured. */
const restMs = 1500
const lookMs = 20

const share = 0.6
/** The writes, the download, and the look whether there is an incident already. */
const mostRequests = writesOfTicket + 2
/** Requests that are one for many tickets. */
const pageRoutes = ['POST tickets/updates', 'POST tickets/acknowledge']
const memoryMegabytes = 400
/** The public app for the same job: so many tickets of each pair of types, each time. */
const publicApp = { tickets: 10, everySeconds: 600 }

interface Cast {
  readonly server: Child
  readonly vendor: Child
  readonly floor: Child
  readonly postgres: number
  readonly settings: BridgeSettings
}

interface Sample {
  readonly seconds: number
  /** From the call to: the first request at the desk, the first at the sink, the last there. */
  readonly steps: readonly [firstAtDesk: number, firstAtSink: number, lastAtSink: number]
  readonly floorSeconds: number
  readonly cpuSeconds: number
  readonly databaseCpuSeconds: number
  readonly got: BridgeGot
  readonly floorGot: BridgeGot
  /** One more poll, which finds nothing. */
  readonly again: { readonly seconds: number; readonly desk: number; readonly sink: number }
}

function order<Answer = object>(vendor: Child, what: BridgeVendorOrder): Promise<Answer> {
  return vendor.ask<Answer>(what)
}

async function add(vendor: Child, tickets: number): Promise<void> {
  await order(vendor, { do: 'add', tickets, notes, attachmentBytes })
}

/** @throws Error unless each is there once with all that belongs to it */
async function expectAll(vendor: Child, whose: string): Promise<void> {
  const { faults } = await order<BridgeVerdict>(vendor, { do: 'judge' })
  if (faults.length === 0) return
  throw new Error(`${whose}: ${faults.length} faults:\n${faults.slice(0, 10).join('\n')}`)
}

/** @param before tickets that the server has already */
async function sampleOf(cast: Cast, before: number, size: number): Promise<Sample> {
  const { server, vendor, postgres } = cast
  await add(vendor, size)
  await wait(restMs)
  const start = { node: cpuSeconds(server.pid), database: databaseCpuSeconds(postgres) }
  const from = performance.now()
  const fromAt = performance.timeOrigin + from
  await poll(server)
  await order(vendor, { do: 'await', writes: writesOfTicket * size })
  await untilDone(server, before + size, lookMs)
  const seconds = (performance.now() - from) / 1000
  const node = cpuSeconds(server.pid) - start.node
  const database = databaseCpuSeconds(postgres) - start.database
  const got = await order<BridgeGot>(vendor, { do: 'tell' })
  const again = await pollAgain(cast)
  await expectAll(vendor, 'the server')
  const { seconds: floorSeconds, got: floorGot } = await floorOf(cast, size)
  const step = (at: number | null) => ((at ?? Number.NaN) - fromAt) / 1000
  return {
    ...{ seconds, floorSeconds, got, floorGot, again },
    steps: [step(got.firstAtDesk), step(got.firstAtSink), step(got.lastAtSink)],
    cpuSeconds: node,
    databaseCpuSeconds: database,
  }
}

async function pollAgain({ server, vendor }: Cast): Promise<Sample['again']> {
  await wait(restMs)
  await order(vendor, { do: 'tell' })
  const from = performance.now()
  const { status, received } = await poll(server, 60)
  const seconds = (performance.now() - from) / 1000
  if (status !== 'succeeded' || received > 0)
    throw new Error(`the second poll ${status}, and received ${received}`)
  await wait(restMs)
  const { desk, sink } = await order<BridgeGot>(vendor, { do: 'tell' })
  return { seconds, desk: sum(desk), sink: sum(sink) }
}

async function floorOf({ vendor, floor, settings }: Cast, size: number) {
  await add(vendor, size)
  const result = await floor.ask<FloorResult>({
    settings: settings as FloorOrder['settings'],
    ...{ tickets: ticketsAtOnce, requests: concurrency },
  } satisfies FloorOrder)
  if ('failure' in result) throw new Error(result.failure)
  if (result.tickets !== size) throw new Error(`the floor got ${result.tickets} tickets, not ${size}`)
  const got = await order<BridgeGot>(vendor, { do: 'tell' })
  await expectAll(vendor, 'the floor')
  return { seconds: result.seconds, got }
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, count) => total + count, 0)
}

interface Measured {
  readonly latencyMs: number
  readonly samples: readonly Sample[]
  /** Of the server, by then. */
  readonly peakMegabytes: number
}

interface Options {
  readonly size: number
  readonly rounds: number
}

async function measure({ size, rounds }: Options): Promise<Measured[]> {
  return withChildren(120_000 + size * rounds * 600, async (start, folder) => {
    const vendor = await start(['bench/children/bridge-vendor.ts'])
    const floor = await start(['bench/children/bridge-floor.ts'])
    const times: BridgeTimes = { every: 'off', changesEvery: 'off', concurrency }
    const settings = await order<BridgeSettings>(vendor, { do: 'settings', times })
    // No source is ever asked for a fetch, so its address leads nowhere.
    const options = { folder: join(folder, 'server'), baseUrl: 'http://127.0.0.1:9', bridges: [settings] }
    const server = await startServer(start, options)
    const cast = { server, vendor, floor, settings, postgres: embeddedPostgres(server.pid) }
    let tickets = 0
    const next = async (count: number) => {
      const sample = await sampleOf(cast, tickets, count)
      tickets += count
      return sample
    }
    await next(Math.ceil(size / 10))
    const measured: Measured[] = []
    for (const latencyMs of latenciesMs) {
      await order(vendor, { do: 'delay', ms: latencyMs })
      const samples: Sample[] = []
      for (let round = 0; round < rounds; round++) samples.push(await next(size))
      measured.push({ latencyMs, samples, peakMegabytes: peakMegabytes(server.pid) })
    }
    for (const child of [server, floor, vendor]) await child.stop()
    return measured
  })
}

function ratioOf({ samples }: Measured): number {
  return median(samples.map(({ seconds, floorSeconds }) => floorSeconds / seconds))
}

function requestsOf({ desk, sink }: BridgeGot): number {
  return sum(desk) + sum(sink)
}

function pagesOf({ desk }: BridgeGot) {
  return Object.fromEntries(pageRoutes.map((route) => [route, desk[route] ?? 0]))
}

function barsOf(measured: readonly Measured[], size: number): Bar[] {
  const samples = measured.flatMap(({ samples }) => samples)
  const most = (value: (sample: Sample) => number) => Math.max(...samples.map(value))
  return [
    ...measured
      .filter(({ latencyMs }) => latencyMs > 0)
      .map((each) => atLeast(`${each.latencyMs} ms: tickets per second, of the floor`, ratioOf(each), share)),
    atMost(
      'requests for a ticket, without those for pages',
      most(({ got }) => (requestsOf(got) - sum(pagesOf(got))) / size),
      mostRequests,
    ),
    atMost(
      'requests to the desk of a poll that finds nothing',
      most(({ again }) => again.desk),
      ticketTypes.length,
    ),
    atMost(
      'requests to the sink of a poll that finds nothing',
      most(({ again }) => again.sink),
      0,
    ),
    atMost('peak memory, MB', Math.max(...measured.map((each) => each.peakMegabytes)), memoryMegabytes),
  ]
}

async function run(options: Options) {
  const before = machine()
  const measured = await measure(options)
  return { machine: before, options, measured, bars: barsOf(measured, options.size) }
}

function print({ machine, options, measured, bars }: Awaited<ReturnType<typeof run>>): void {
  const { size, rounds } = options
  const of = (samples: readonly Sample[], value: (sample: Sample) => number) => median(samples.map(value))
  console.log(
    `${machine}\n\n${size} tickets with ${notes} notes and ${attachmentBytes / 1000} kB each: medians of ${rounds} interleaved rounds`,
  )
  const publicSeconds = (size / publicApp.tickets) * publicApp.everySeconds
  printTable([
    ['latency', 's', 'per s', 'floor', 'ours/floor', 'requests', 'CPU s, Node', 'PostgreSQL', 'peak MB'],
    ...measured.map((each) => [
      `${each.latencyMs} ms`,
      of(each.samples, ({ seconds }) => seconds).toFixed(1),
      of(each.samples, ({ seconds }) => size / seconds).toFixed(1),
      of(each.samples, ({ floorSeconds }) => size / floorSeconds).toFixed(1),
      ratioOf(each).toFixed(2),
      (of(each.samples, ({ got }) => requestsOf(got)) / size).toFixed(2),
      of(each.samples, ({ cpuSeconds }) => cpuSeconds).toFixed(2),
      of(each.samples, ({ databaseCpuSeconds }) => databaseCpuSeconds).toFixed(2),
      each.peakMegabytes.toFixed(0),
    ]),
    ['public app', publicSeconds.toFixed(0), (size / publicSeconds).toFixed(3)],
  ])
  console.log(
    `\nThe public app is reckoned, not run: ${publicApp.tickets} tickets of each pair of types every ${publicApp.everySeconds} s.`,
  )
  console.log('\nrequests for a ticket, all rounds')
  printTable([['', 'ours', 'floor'], ...routeRows(measured, size)])
  console.log(
    '\nms from the call to: the first request at the desk, the first at the sink, the last there, the end',
  )
  printTable([
    ['latency', 'desk', 'sink', 'last', 'end'],
    ...measured.map(({ latencyMs, samples }) => [
      `${latencyMs} ms`,
      ...[0, 1, 2].map((step) => (of(samples, ({ steps }) => steps[step] ?? Number.NaN) * 1000).toFixed(0)),
      (of(samples, ({ seconds }) => seconds) * 1000).toFixed(0),
    ]),
  ])
  console.log('\none more poll, which finds nothing')
  printTable([
    ['latency', 'ms', 'requests to the desk', 'to the sink'],
    ...measured.map(({ latencyMs, samples }) => [
      `${latencyMs} ms`,
      (of(samples, ({ again }) => again.seconds) * 1000).toFixed(0),
      String(Math.max(...samples.map(({ again }) => again.desk))),
      String(Math.max(...samples.map(({ again }) => again.sink))),
    ]),
  ])
  console.log()
  printBars(bars)
}

function routeRows(measured: readonly Measured[], size: number): string[][] {
  const samples = measured.flatMap(({ samples }) => samples)
  const mean = (got: (sample: Sample) => number | undefined) => {
    const requests = samples.reduce((total, sample) => total + (got(sample) ?? 0), 0)
    return (requests / (samples.length * size)).toFixed(3)
  }
  return (['desk', 'sink'] as const).flatMap((end) => {
    const routes = new Set(
      samples.flatMap(({ got, floorGot }) => [...Object.keys(got[end]), ...Object.keys(floorGot[end])]),
    )
    return [...routes]
      .toSorted()
      .map((route) => [
        `${end}: ${route}`,
        mean(({ got }) => got[end][route]),
        mean(({ floorGot }) => floorGot[end][route]),
      ])
  })
}

const isSmoke = process.argv.includes('--smoke')
const result = await run({
  size: numberOf(process.argv, '--size', isSmoke ? smokeSize : usualSize, 1),
  rounds: numberOf(process.argv, '--rounds', isSmoke ? 1 : 3, 1),
})
if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
else print(result)
process.exitCode = result.bars.every(({ met }) => met) ? 0 : 1
