/**
 * How fast and how evenly `tc-get-indicators` passes indicators through, beside the least code that does the job.
 * What is measured and how to read it: docs/benchmarks.md. Exit code 1: a bar is missed.
 *
 *   node bench/pass-through.ts [--json]
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { Gaps } from './children/loop-gap.ts'
import {
  atLeast,
  atMost,
  type Bar,
  cpuSeconds,
  machine,
  median,
  peakMegabytes,
  percentile,
  printBars,
  printTable,
} from './harness/measure.ts'
import { apiKey, type Child, type Start, startServer, withChildren } from './harness/processes.ts'

const indicators = 10_000
const manyIndicators = 100_000
const warmUps = 4
const rounds = 15
const limitMs = 150_000
/** The collector's threads may still be at work when the last byte has come. */
const settleMs = 15

const loopGap = ['--import', './bench/children/loop-gap.ts']

interface Sample {
  readonly cpuMs: number
  readonly wallMs: number
  readonly gaps: Gaps
}

interface Subject {
  readonly name: string
  readonly child: Child
  /** Of each answer: all are the same. */
  readonly bytes: number
  readonly samples: Sample[]
}

function pathOf(limit: number, raw: boolean): string {
  return `/api/v1/tc-get-indicators?limit=${limit}&raw=${raw}`
}

/**
 * Reads an answer as a client does that keeps nothing of it.
 * @returns its length, and its text: only the end unless `whole`
 * @throws Error unless it is 200
 */
async function receive(
  url: string,
  path: string,
  whole = false,
): Promise<{ readonly bytes: number; readonly text: string }> {
  const answer = await request(url + path, { headers: { authorization: `Bearer ${apiKey}` } })
  if (answer.statusCode !== 200) throw new Error(`${path}: ${answer.statusCode} ${await answer.body.text()}`)
  const kept: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer.body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    kept.push(chunk)
    if (!whole && kept.length > 2) kept.shift()
  }
  return { bytes, text: Buffer.concat(kept).toString() }
}

/** A server that leaves records out would be fast. @throws Error where one is missing */
async function warmUp(name: string, child: Child): Promise<Subject> {
  const path = pathOf(indicators, false)
  const { bytes, text } = await receive(child.url, path, true)
  const { data, count, unreadable } = JSON.parse(text) as {
    readonly data: readonly { readonly value?: string; readonly summary?: string }[]
    readonly count: number
    readonly unreadable?: readonly unknown[]
  }
  const different = new Set(data.map(({ value, summary }) => value ?? summary)).size
  if (count !== indicators || different !== indicators || (unreadable?.length ?? 0) > 0) {
    throw new Error(`${name}: count ${count}, ${different} values, ${unreadable?.length} unreadable`)
  }
  for (let i = 1; i < warmUps; i++) await receive(child.url, path)
  return { name, child, bytes, samples: [] }
}

async function measure({ name, child, bytes: expected }: Subject): Promise<Sample> {
  await child.ask('watch')
  const cpuBefore = cpuSeconds(child.pid)
  const from = performance.now()
  const { bytes } = await receive(child.url, pathOf(indicators, false))
  const wallMs = performance.now() - from
  const gaps = await child.ask<Gaps>('gaps')
  await wait(settleMs)
  const cpuMs = (cpuSeconds(child.pid) - cpuBefore) * 1000
  if (bytes !== expected) throw new Error(`${name}: an answer of ${bytes} bytes instead of ${expected}`)
  return { cpuMs, wallMs, gaps }
}

function summary({ name, child, bytes, samples }: Subject, ours: Subject) {
  const cpuMs = median(samples.map((sample) => sample.cpuMs))
  const gapsMs = samples.flatMap(({ gaps }) => gaps.wallMs)
  const ownGapsMs = samples.flatMap(({ gaps }) => gaps.cpuMs)
  return {
    name,
    indicatorsPerCpuSecond: Math.round((indicators / cpuMs) * 1000),
    cpuMs,
    wallMs: median(samples.map(({ wallMs }) => wallMs)),
    /** Our indicators per CPU second through its, round by round. */
    ratio: median(samples.map((sample, round) => sample.cpuMs / (ours.samples[round]?.cpuMs ?? Number.NaN))),
    loopGapP99Ms: percentile(gapsMs, 99),
    loopGapMaxMs: Math.max(...gapsMs),
    loopGapOwnCpuP99Ms: percentile(ownGapsMs, 99),
    megabytes: bytes / 1e6,
    peakMegabytes: peakMegabytes(child.pid),
  }
}

async function compare(start: Start, folder: string, pages: string) {
  const reference = [...loopGap, 'bench/children/reference.ts', pages]
  const ours = await warmUp(
    'feed-server',
    await startServer(start, { folder: join(folder, 'compared'), baseUrl: pages, preload: loopGap }),
  )
  const whole = await warmUp('reference', await start(reference))
  const flat = await warmUp('reference, flat', await start([...reference, 'flat']))
  const subjects = [ours, whole, flat]
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) subject.samples.push(await measure(subject))
  }
  const result = {
    ours: summary(ours, ours),
    reference: summary(whole, ours),
    flat: summary(flat, ours),
  }
  for (const { child } of subjects) await child.stop()
  return result
}

/** A long answer, from a server that has answered nothing before. */
async function many(start: Start, folder: string, pages: string, raw: boolean) {
  const child = await startServer(start, { folder: join(folder, `raw-${raw}`), baseUrl: pages })
  const idleMegabytes = peakMegabytes(child.pid)
  const cpuBefore = cpuSeconds(child.pid)
  const from = performance.now()
  const { bytes, text } = await receive(child.url, pathOf(manyIndicators, raw))
  const wallSeconds = (performance.now() - from) / 1000
  if (!text.includes(`"count":${manyIndicators},`) || !text.includes('"unreadable":[]')) {
    throw new Error(`an answer of ${manyIndicators} is not whole: …${text.slice(-300)}`)
  }
  const result = {
    raw,
    megabytes: bytes / 1e6,
    wallSeconds,
    cpuSeconds: cpuSeconds(child.pid) - cpuBefore,
    idleMegabytes,
    peakMegabytes: peakMegabytes(child.pid),
  }
  await child.stop()
  return result
}

interface Result {
  readonly machine: string
  readonly rounds: number
  readonly indicators: number
  readonly compared: Awaited<ReturnType<typeof compare>>
  readonly manyIndicators: number
  readonly long: readonly Awaited<ReturnType<typeof many>>[]
  readonly bars: readonly Bar[]
}

function barsOf({ ours, reference }: Result['compared'], long: Result['long']): Bar[] {
  const { ratio } = reference
  const gap = ours.loopGapP99Ms
  const peak = Math.max(...long.map(({ peakMegabytes }) => peakMegabytes))
  return [
    atLeast('indicators per CPU second, of the reference', ratio, 0.75),
    atMost('p99 of the loop gap, ms', gap, 50),
    atMost(`peak memory of ${manyIndicators} indicators, MB`, peak, 300),
  ]
}

async function run(): Promise<Result> {
  const before = machine()
  return withChildren(limitMs, async (start, folder) => {
    const { url } = await start(['bench/children/stored-pages.ts'])
    const compared = await compare(start, folder, url)
    const long = [await many(start, folder, url, false), await many(start, folder, url, true)]
    const bars = barsOf(compared, long)
    return { machine: before, rounds, indicators, compared, manyIndicators, long, bars }
  })
}

function print({ machine, compared, long, bars }: Result): void {
  console.log(`${machine}\n`)
  console.log(
    `${indicators} indicators, raw=false: medians of ${rounds} interleaved rounds, times and gaps in ms`,
  )
  printTable([
    ['', 'per CPU s', 'ours/it', 'CPU', 'wall', 'gap p99', 'gap max', 'own p99', 'MB sent', 'peak MB'],
    ...Object.values(compared).map((each) => [
      each.name,
      String(each.indicatorsPerCpuSecond),
      each.ratio.toFixed(2),
      each.cpuMs.toFixed(0),
      each.wallMs.toFixed(0),
      each.loopGapP99Ms.toFixed(1),
      each.loopGapMaxMs.toFixed(1),
      each.loopGapOwnCpuP99Ms.toFixed(1),
      each.megabytes.toFixed(1),
      each.peakMegabytes.toFixed(0),
    ]),
  ])
  console.log(`\n${manyIndicators} indicators, a new process for each answer`)
  printTable([
    ['', 'MB sent', 'wall s', 'CPU s', 'idle MB', 'peak MB'],
    ...long.map((each) => [
      `raw=${each.raw}`,
      each.megabytes.toFixed(1),
      each.wallSeconds.toFixed(2),
      each.cpuSeconds.toFixed(2),
      each.idleMegabytes.toFixed(0),
      each.peakMegabytes.toFixed(0),
    ]),
  ])
  console.log()
  printBars(bars)
}

const result = await run()
if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
else print(result)
process.exitCode = result.bars.every(({ met }) => met) ? 0 : 1
