/**
 * What a push costs: indicators to each simulated product, beside a process that sends the same requests and does
 * nothing else. How to read it: docs/benchmarks.md.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { ReplayResult } from './children/replay.ts'
import type { Got, Left, VendorOrder, VendorSettings } from './children/vendor.ts'
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
  cpuSeconds,
  databaseCpuSeconds,
  embeddedPostgres,
  median,
  peakMegabytes,
} from './harness/measure.ts'
import type { Child } from './harness/processes.ts'
import { type Export, endOfExport, push as pushTo } from './harness/push-api.ts'
import { runAlone } from './harness/run.ts'
import { type VendorKind, vendorKinds } from './harness/vendors.ts'

interface Sizes {
  readonly indicators: number
  /** To a product that takes one indicator a request, at 20 ms: enough to see the rate of it. */
  readonly slow: number
  readonly rounds: number
  /** The round before the first, which does not count. */
  readonly warmUps: number
  /** Right behind another one a push waits up to a second for the queue, which is not what is measured. */
  readonly restMs: number
}

const usual: Sizes = { indicators: 10_000, slow: 2000, rounds: 3, warmUps: 1, restMs: 1500 }
const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { indicators: 20, slow: 10, rounds: 1, warmUps: 0, restMs: 0 },
  usual,
  full: { ...usual, slow: 10_000, rounds: 5 },
}
const latenciesMs = [0, 20] as const
/** Requests under way at once, ours and theirs. */
const concurrency = 4
const share = 0.7

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
  /** Its name. */
  readonly exporter: string
  readonly vendor: Child
  readonly floor: Child
  readonly postgres: number
  /** Takes the requests of a push. */
  readonly file: string
}

/** Its value: indicators per second. */
interface Taken extends Sample {
  readonly seconds: number
  /** From the call to: the 202, the first request at the product, the last one. */
  readonly steps: readonly [accepted: number, firstSent: number, lastSent: number]
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
async function pushAll(
  { server, exporter }: Cast,
  body: Body,
  became: 'accepted' | 'unchanged',
): Promise<Pushed> {
  const startedAt = performance.timeOrigin + performance.now()
  const since = () => (performance.timeOrigin + performance.now() - startedAt) / 1000
  const { id } = await pushTo(server, exporter, body)
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

async function sampleOf(cast: Cast, { kind }: Setup, body: Body, restMs: number): Promise<Taken> {
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
  const pushed = await pushAll(cast, body, 'accepted')
  const node = cpuSeconds(server.pid) - before.node
  const database = databaseCpuSeconds(postgres) - before.database
  const got = await expectEntries(vendor, file, entries + size)
  await order(vendor, { do: 'forget' })
  await wait(restMs)
  const again = await pushAll(cast, body, 'unchanged')
  const unneeded = await order<Got>(vendor, { do: 'tell', file: `${file}-again` })
  const left = await clear()
  const floorSeconds = await replay(floor, vendor.url, file)
  await expectEntries(vendor, `${file}-floor`, left === 0 ? size : left)
  const step = (at: number | null) => ((at ?? Number.NaN) - pushed.startedAt) / 1000
  return {
    value: size / pushed.seconds,
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

interface Found {
  readonly case: Case
  readonly taken: readonly Taken[]
}

/** The setups have one server, one after the other. */
async function measure(stage: Stage, folder: string, group: readonly Setup[], size: Sizes): Promise<Found[]> {
  mkdirSync(folder)
  const floor = await stage.start(['bench/children/replay.ts'])
  const vendors: Child[] = []
  const exporters: { readonly name: string; readonly [member: string]: unknown }[] = []
  for (const { kind, objectsPerRun } of group) {
    const vendor = await stage.start(['bench/children/vendor.ts', kind])
    const settings = await order<VendorSettings>(vendor, { do: 'settings' })
    const name = `${kind}-${objectsPerRun}`
    exporters.push({ name, kind, settings, objectsPerRun, concurrency, proxy: 'none' })
    vendors.push(vendor)
  }
  // It is never asked for a fetch, so the source's address leads nowhere.
  const server = await stage.serve({ folder, baseUrl: 'http://127.0.0.1:9', exporters })
  const common = { server, floor, postgres: embeddedPostgres(server.pid), file: join(folder, 'requests') }
  const found: Found[] = []
  for (const [place, setup] of group.entries()) {
    const [vendor, exporter] = [vendors[place], exporters[place]]
    if (vendor === undefined || exporter === undefined) throw new RangeError('a setup has no product')
    found.push(...(await measureOne({ ...common, vendor, exporter: exporter.name }, setup, size)))
  }
  for (const child of [server, floor, ...vendors]) await child.stop()
  return found
}

async function measureOne(cast: Cast, setup: Setup, size: Sizes): Promise<Found[]> {
  const found: Found[] = []
  let wave = 0
  for (const latencyMs of latenciesMs) {
    await order(cast.vendor, { do: 'delay', ms: latencyMs })
    const indicators = setup.single && latencyMs > 0 ? Math.min(size.slow, size.indicators) : size.indicators
    const taken: Taken[] = []
    for (let round = -size.warmUps; round < size.rounds; round++) {
      const sample = await sampleOf(cast, setup, bodyOf(setup, wave++, indicators), size.restMs)
      if (round >= 0) taken.push(sample)
    }
    found.push({
      taken,
      case: caseOf({
        name: nameOf(setup, latencyMs),
        unit: 'indicators per second',
        ours: taken,
        floor: taken.map(({ floorSeconds }) => ({ value: indicators / floorSeconds })),
        peakMegabytes: peakMegabytes(cast.server.pid),
      }),
    })
  }
  return found
}

function nameOf({ kind, objectsPerRun, single }: Setup, latencyMs: number): string {
  return `${kind}, ${single ? 'one by one' : `${objectsPerRun} at once`}, ${latencyMs} ms`
}

function stepRow({ case: { name }, taken }: Found): readonly (string | number)[] {
  const of = (value: (sample: Taken) => number) => median(taken.map(value))
  const ms = (seconds: (sample: Taken) => number) => of(seconds) * 1000
  return [
    name,
    of(({ requests }) => requests),
    ms(({ steps }) => steps[0]),
    ms(({ steps }) => steps[1]),
    ms(({ steps }) => steps[2]),
    ms(({ seconds }) => seconds),
    ms(({ floorSeconds }) => floorSeconds),
    ms(({ again }) => again.seconds),
    Math.max(...taken.map(({ again }) => again.requests)),
  ]
}

export const push: Benchmark = {
  name: 'push',
  measures: 'indicators pushed to each product, beside sending the same requests alone',
  takes: { usual: '7 minutes', full: '15 minutes' },
  limitSeconds: { smoke: 240, usual: 1200, full: 2400 },
  sized: 'indicators',
  parts: vendorKinds,
  async run(stage) {
    const size: Sizes = {
      ...sizes[stage.scale],
      ...(stage.size !== undefined && { indicators: stage.size }),
      ...(stage.rounds !== undefined && { rounds: stage.rounds }),
    }
    const found: Found[] = []
    const picked = setups.filter(({ kind }) => stage.only === undefined || kind === stage.only)
    // Each has a server of its own, unless it is to be alive only.
    const groups = stage.scale === 'smoke' ? [picked] : picked.map((setup) => [setup])
    for (const [place, group] of groups.entries()) {
      found.push(...(await measure(stage, join(stage.folder, String(place)), group, size)))
    }
    const slow = found.filter(({ case: { name } }) => !name.endsWith(', 0 ms'))
    return {
      size: `${withCommas(size.indicators)} indicators (one by one at 20 ms: ${withCommas(Math.min(size.slow, size.indicators))}), ${concurrency} requests at once`,
      rounds: size.rounds,
      cases: found.map((each) => each.case),
      tables: [
        {
          title:
            'requests, and ms from the call to: the answer 202, the first request, the last one, the end; the same once more, and its requests',
          columns: ['', 'requests', '202', 'first', 'last', 'end', 'floor', 'again', 'requests'],
          rows: found.map(stepRow),
        },
      ],
      bars: slow.map((each) =>
        atLeast(`${each.case.name}: indicators per second, of the floor`, ratioOf(each.case), share),
      ),
    }
  },
}

await runAlone(push, import.meta.filename)
