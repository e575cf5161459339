/**
 * How fast and how evenly `tc-get-indicators` passes indicators through, beside the least code that does the job. How to
 * read it: docs/benchmarks.md.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { Gaps } from './children/loop-gap.ts'
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
  withCommas,
} from './harness/benchmark.ts'
import { atLeast, atMost, cpuSeconds, median, peakMegabytes, percentile } from './harness/measure.ts'
import { apiKey, type Child } from './harness/processes.ts'
import { runAlone } from './harness/run.ts'

interface Sizes {
  /** Of the answers that are compared, and of the long ones: whole pages of 1,000. */
  readonly indicators: number
  readonly many: number
  readonly warmUps: number
  readonly rounds: number
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { indicators: 1000, many: 2000, warmUps: 1, rounds: 1 },
  usual: { indicators: 10_000, many: 100_000, warmUps: 4, rounds: 15 },
  full: { indicators: 10_000, many: 100_000, warmUps: 4, rounds: 45 },
}
/** The collector's threads may still be at work when the last byte has come. */
const settleMs = 15

const loopGap = ['--import', './bench/children/loop-gap.ts']

/** Its value: indicators for each second of CPU time. */
interface Taken extends Sample {
  readonly wallMs: number
  readonly gaps: Gaps
}

interface Subject {
  readonly name: string
  readonly child: Child
  /** How many indicators each answer has. */
  readonly indicators: number
  /** Of each answer: all are the same. */
  readonly bytes: number
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
async function warmUp(name: string, child: Child, { indicators, warmUps }: Sizes): Promise<Subject> {
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
  return { name, child, indicators, bytes }
}

async function measure({ name, child, indicators, bytes: expected }: Subject): Promise<Taken> {
  await child.ask('watch')
  const cpuBefore = cpuSeconds(child.pid)
  const from = performance.now()
  const { bytes } = await receive(child.url, pathOf(indicators, false))
  const wallMs = performance.now() - from
  const gaps = await child.ask<Gaps>('gaps')
  await wait(settleMs)
  const used = cpuSeconds(child.pid) - cpuBefore
  if (bytes !== expected) throw new Error(`${name}: an answer of ${bytes} bytes instead of ${expected}`)
  return { value: indicators / used, cpuSeconds: used, wallMs, gaps }
}

interface Compared {
  readonly cases: readonly Case[]
  readonly gaps: Measured['tables'][number]
  /** Of our own. */
  readonly gapP99: number
}

async function compare({ start, seed }: Stage, server: Child, pages: string, size: Sizes): Promise<Compared> {
  const reference = [...loopGap, 'bench/children/reference.ts', pages]
  const subjects = {
    ours: await warmUp('feed-server', server, size),
    whole: await warmUp('reference', await start(reference), size),
    flat: await warmUp('reference, flat', await start([...reference, 'flat']), size),
  }
  const taken = await interleaved(
    { rounds: size.rounds, seed },
    {
      ours: () => measure(subjects.ours),
      whole: () => measure(subjects.whole),
      flat: () => measure(subjects.flat),
    },
  )
  const beside = (name: string, floor: readonly Taken[]) =>
    caseOf({
      name,
      unit: 'indicators per CPU second',
      ours: taken.ours,
      floor,
      peakMegabytes: peakMegabytes(subjects.ours.child.pid),
    })
  const rows = (['ours', 'whole', 'flat'] as const).map((which) => gapRow(subjects[which], taken[which]))
  const result = {
    cases: [beside('beside parsing and writing', taken.whole), beside('beside flat objects', taken.flat)],
    gaps: {
      title: 'times and gaps of the event loop, ms',
      columns: ['', 'wall', 'gap p99', 'gap max', 'own p99', 'MB sent', 'peak MB'],
      rows,
    },
    gapP99: Number(rows[0]?.[2]),
  }
  for (const { child } of [subjects.whole, subjects.flat]) await child.stop()
  return result
}

function gapRow({ name, child, bytes }: Subject, taken: readonly Taken[]): readonly (string | number)[] {
  const gapsMs = taken.flatMap(({ gaps }) => gaps.wallMs)
  const ownGapsMs = taken.flatMap(({ gaps }) => gaps.cpuMs)
  return [
    name,
    median(taken.map(({ wallMs }) => wallMs)),
    percentile(gapsMs, 99),
    Math.max(...gapsMs),
    percentile(ownGapsMs, 99),
    bytes / 1e6,
    peakMegabytes(child.pid),
  ]
}

async function long({ pid, url }: Child, raw: boolean, many: number): Promise<Case> {
  const cpuBefore = cpuSeconds(pid)
  const { text } = await receive(url, pathOf(many, raw))
  if (!text.includes(`"count":${many},`) || !text.includes('"unreadable":[]')) {
    throw new Error(`an answer of ${many} is not whole: …${text.slice(-300)}`)
  }
  const used = cpuSeconds(pid) - cpuBefore
  return caseOf({
    name: `a long answer, raw=${raw}`,
    unit: 'indicators per CPU second',
    ours: [{ value: many / used, cpuSeconds: used }],
    peakMegabytes: peakMegabytes(pid),
  })
}

export const passThrough: Benchmark = {
  name: 'pass-through',
  measures:
    'tc-get-indicators of 10,000, beside undici with JSON.parse and JSON.stringify; memory of 100,000',
  takes: { usual: '40 s', full: '80 s' },
  limitSeconds: { smoke: 240, usual: 150, full: 300 },
  async run(stage) {
    const size = { ...sizes[stage.scale], ...(stage.rounds !== undefined && { rounds: stage.rounds }) }
    const { indicators, many, rounds } = size
    const { url } = await stage.start(['bench/children/stored-pages.ts'])
    const server = (name: string, preload: readonly string[]) =>
      stage.serve({ folder: join(stage.folder, name), baseUrl: url, preload })
    const compared = await server('compared', loopGap)
    const { cases, gaps, gapP99 } = await compare(stage, compared, url, size)
    if (stage.scale !== 'smoke') await compared.stop()
    const longs: Case[] = []
    for (const raw of [false, true]) {
      // Each from a server that has answered nothing before, unless it is to be alive only.
      const child = stage.scale === 'smoke' ? compared : await server(`raw-${raw}`, [])
      longs.push(await long(child, raw, many))
      if (stage.scale !== 'smoke') await child.stop()
    }
    const peak = Math.max(...longs.map(({ peakMegabytes = Number.NaN }) => peakMegabytes))
    const [whole] = cases
    if (whole === undefined) throw new Error('nothing was compared')
    return {
      size: `${withCommas(indicators)} indicators, raw=false; a long answer has ${withCommas(many)}`,
      rounds,
      cases: [...cases, ...longs],
      tables: [gaps],
      bars: [
        atLeast('indicators per CPU second, of the reference', ratioOf(whole), 0.75),
        atMost('p99 of the loop gap, ms', gapP99, 50),
        atMost(`peak memory of ${withCommas(many)} indicators, MB`, peak, 300),
      ],
    }
  },
}

await runAlone(passThrough, import.meta.filename)
