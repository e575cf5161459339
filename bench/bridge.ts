/**
 * What carrying tickets over costs: tickets with notes and an attachment, from the simulated desk into the simulated sink,
 * beside a process that makes the least requests that do so and remembers nothing. How to read it: docs/benchmarks.md.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { FloorOrder, FloorResult } from './children/bridge-floor.ts'
import type { BridgeGot, BridgeVendorOrder } from './children/bridge-vendor.ts'
import {
  type Benchmark,
  type Case,
  caseOf,
  ratioOf,
  type Sample,
  type Scale,
  type Stage,
  type Table,
  withCommas,
} from './harness/benchmark.ts'
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
  median,
  peakMegabytes,
} from './harness/measure.ts'
import type { Child } from './harness/processes.ts'
import { runAlone } from './harness/run.ts'

interface Sizes {
  readonly tickets: number
  readonly rounds: number
  /** Right behind the last one a call waits up to a second for the queue, which is not what is measured. */
  readonly restMs: number
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { tickets: 2, rounds: 1, restMs: 0 },
  usual: { tickets: 500, rounds: 3, restMs: 1500 },
  full: { tickets: 1000, rounds: 3, restMs: 1500 },
}

const notes = 5
const attachmentBytes = 100_000
/** The incident, its notes and its file. */
const writesOfTicket = 1 + notes + 1
const latenciesMs = [0, 20] as const
/** Requests under way at once, of each end; the sink's bound the tickets: one more, so that none waits for the store. */
const concurrency = 4
const ticketsAtOnce = concurrency + 1
const lookMs = 20

const share = 0.6
/** The writes, the download, and the look whether there is an incident already. */
const mostRequests = writesOfTicket + 2
/** Requests that are one for many tickets. */
const pageRoutes = ['POST tickets/updates', 'POST tickets/acknowledge']
const memoryMegabytes = 400
/** The public app for the same job: so many tickets of each pair of types, each time. Reckoned, not run. */
const publicApp = { tickets: 10, everySeconds: 600 }

interface Cast {
  readonly server: Child
  readonly vendor: Child
  readonly floor: Child
  readonly postgres: number
  readonly settings: BridgeSettings
}

/** Its value: tickets per second. */
interface Taken extends Sample {
  readonly seconds: number
  /** From the call to: the first request at the desk, the first at the sink, the last there. */
  readonly steps: readonly [firstAtDesk: number, firstAtSink: number, lastAtSink: number]
  readonly floorSeconds: number
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
async function sampleOf(cast: Cast, before: number, { tickets: size, restMs }: Sizes): Promise<Taken> {
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
  const again = await pollAgain(cast, restMs)
  await expectAll(vendor, 'the server')
  const { seconds: floorSeconds, got: floorGot } = await floorOf(cast, size)
  const step = (at: number | null) => ((at ?? Number.NaN) - fromAt) / 1000
  return {
    ...{ value: size / seconds, seconds, floorSeconds, got, floorGot, again },
    steps: [step(got.firstAtDesk), step(got.firstAtSink), step(got.lastAtSink)],
    cpuSeconds: node,
    databaseCpuSeconds: database,
  }
}

async function pollAgain({ server, vendor }: Cast, restMs: number): Promise<Taken['again']> {
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

interface Found {
  readonly latencyMs: number
  readonly taken: readonly Taken[]
  readonly case: Case
}

async function measure({ start, serve, folder }: Stage, size: Sizes): Promise<Found[]> {
  const vendor = await start(['bench/children/bridge-vendor.ts'])
  const floor = await start(['bench/children/bridge-floor.ts'])
  const times: BridgeTimes = { every: 'off', changesEvery: 'off', concurrency }
  const settings = await order<BridgeSettings>(vendor, { do: 'settings', times })
  // No source is ever asked for a fetch, so its address leads nowhere.
  const options = { folder: join(folder, 'server'), baseUrl: 'http://127.0.0.1:9', bridges: [settings] }
  const server = await serve(options)
  const cast = { server, vendor, floor, settings, postgres: embeddedPostgres(server.pid) }
  let before = 0
  const next = async (tickets: number) => {
    const sample = await sampleOf(cast, before, { ...size, tickets })
    before += tickets
    return sample
  }
  // Does not count.
  await next(Math.ceil(size.tickets / 10))
  const found: Found[] = []
  for (const latencyMs of latenciesMs) {
    await order(vendor, { do: 'delay', ms: latencyMs })
    const taken: Taken[] = []
    for (let round = 0; round < size.rounds; round++) taken.push(await next(size.tickets))
    found.push({
      latencyMs,
      taken,
      case: caseOf({
        name: `ends ${latencyMs} ms away`,
        unit: 'tickets per second',
        ours: taken,
        floor: taken.map(({ floorSeconds }) => ({ value: size.tickets / floorSeconds })),
        peakMegabytes: peakMegabytes(server.pid),
      }),
    })
  }
  for (const child of [server, floor, vendor]) await child.stop()
  return found
}

function requestsOf({ desk, sink }: BridgeGot): number {
  return sum(desk) + sum(sink)
}

function pagesOf({ desk }: BridgeGot) {
  return Object.fromEntries(pageRoutes.map((route) => [route, desk[route] ?? 0]))
}

function barsOf(found: readonly Found[], size: number): Bar[] {
  const taken = found.flatMap((each) => each.taken)
  const most = (value: (sample: Taken) => number) => Math.max(...taken.map(value))
  return [
    ...found
      .filter(({ latencyMs }) => latencyMs > 0)
      .map((each) =>
        atLeast(`${each.latencyMs} ms: tickets per second, of the floor`, ratioOf(each.case), share),
      ),
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
    atMost(
      'peak memory, MB',
      Math.max(...found.map((each) => each.case.peakMegabytes ?? Number.NaN)),
      memoryMegabytes,
    ),
  ]
}

function tablesOf(found: readonly Found[], size: number): Table[] {
  const publicSeconds = (size / publicApp.tickets) * publicApp.everySeconds
  return [
    {
      title: 'one ticket has 5 notes and 100 kB; requests for it, all rounds',
      columns: ['', 'ours', 'floor'],
      rows: routeRows(found, size),
    },
    {
      title:
        'ms from the call to: the first request at the desk, the first at the sink, the last there, the end; one more poll, which finds nothing, and its requests to the desk and to the sink',
      columns: ['', 'desk', 'sink', 'last', 'end', 'again', 'to the desk', 'to the sink'],
      rows: found.map(({ case: { name }, taken }) => {
        const ms = (seconds: (sample: Taken) => number) => median(taken.map(seconds)) * 1000
        return [
          name,
          ms(({ steps }) => steps[0]),
          ms(({ steps }) => steps[1]),
          ms(({ steps }) => steps[2]),
          ms(({ seconds }) => seconds),
          ms(({ again }) => again.seconds),
          Math.max(...taken.map(({ again }) => again.desk)),
          Math.max(...taken.map(({ again }) => again.sink)),
        ]
      }),
    },
    {
      title: `the public app, reckoned: ${publicApp.tickets} tickets of each pair of types every ${publicApp.everySeconds} s`,
      columns: ['', 'seconds', 'tickets per second'],
      rows: [[`${withCommas(size)} tickets`, publicSeconds, size / publicSeconds]],
    },
  ]
}

function routeRows(found: readonly Found[], size: number): (string | number)[][] {
  const taken = found.flatMap((each) => each.taken)
  const mean = (got: (sample: Taken) => number | undefined) => {
    const requests = taken.reduce((total, sample) => total + (got(sample) ?? 0), 0)
    return requests / (taken.length * size)
  }
  return (['desk', 'sink'] as const).flatMap((end) => {
    const routes = new Set(
      taken.flatMap(({ got, floorGot }) => [...Object.keys(got[end]), ...Object.keys(floorGot[end])]),
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

export const bridge: Benchmark = {
  name: 'bridge',
  measures: 'tickets that become incidents, beside the least requests that do so',
  takes: { usual: '4 minutes', full: '7 minutes, 1,000 tickets' },
  limitSeconds: { smoke: 240, usual: 900, full: 1800 },
  sized: 'tickets',
  async run(stage) {
    const size: Sizes = {
      ...sizes[stage.scale],
      ...(stage.size !== undefined && { tickets: stage.size }),
      ...(stage.rounds !== undefined && { rounds: stage.rounds }),
    }
    const found = await measure(stage, size)
    return {
      size: `${withCommas(size.tickets)} tickets`,
      rounds: size.rounds,
      cases: found.map((each) => each.case),
      tables: tablesOf(found, size.tickets),
      bars: barsOf(found, size.tickets),
    }
  },
}

await runAlone(bridge, import.meta.filename)
