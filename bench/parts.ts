/**
 * Pieces of the server that need nothing but a processor, each beside the least code that does the same, in one process
 * with the server's V8 flags. How to read it: docs/benchmarks.md.
 */
import type { Ran } from './children/parts.ts'
import {
  type Benchmark,
  type Case,
  caseOf,
  interleaved,
  ratioOf,
  type Sample,
  type Scale,
  withCommas,
} from './harness/benchmark.ts'
import { atLeast, atMost, type Bar, peakMegabytes } from './harness/measure.ts'
import type { Child } from './harness/processes.ts'
import { runAlone } from './harness/run.ts'

/** What the child is asked to do once. */
export interface RunPart {
  readonly part: 'parse' | 'normalise' | 'sign' | 'json' | 'ndjson' | 'csv' | 'text'
  readonly who: 'ours' | 'floor'
}

interface Sizes {
  readonly records: number
  readonly rounds: number
  readonly warmUps: number
}

const sizes: Readonly<Record<Scale, Sizes>> = {
  smoke: { records: 1000, rounds: 1, warmUps: 0 },
  usual: { records: 10_000, rounds: 15, warmUps: 3 },
  full: { records: 10_000, rounds: 45, warmUps: 3 },
}

interface Part {
  readonly part: RunPart['part']
  readonly name: string
  readonly floor: string
  bar(found: Case): Bar
}

/** As src/main.ts sets them. */
const flags = [
  '--max-semi-space-size=4',
  '--heap-growing-percent=140',
  '--no-parallel-scavenge',
  '--expose-gc',
]
const perSecond = 'per CPU second'

const pieces: readonly Part[] = [
  {
    part: 'parse',
    name: 'records of a page parsed and checked',
    floor: 'JSON.parse of the text',
    bar: (found) => atLeast('parsing a page, of JSON.parse', ratioOf(found), 0.95),
  },
  {
    part: 'normalise',
    name: 'records normalised',
    floor: 'JSON.parse of the same records',
    bar: (found) => atMost('normalising, CPU time, of parsing the same records', 1 / ratioOf(found), 0.35),
  },
  {
    part: 'sign',
    name: 'requests signed (crypto-js)',
    floor: 'node:crypto',
    bar: (found) => atMost('signing a request, CPU us', 1e6 / found.ours.median, 50),
  },
  {
    part: 'json',
    name: 'indicators written as JSON',
    floor: 'the texts joined',
    bar: (found) => atLeast('JSON, of joining the texts', ratioOf(found), 0.75),
  },
  {
    part: 'ndjson',
    name: 'indicators written as NDJSON',
    floor: 'the texts joined',
    bar: (found) => atLeast('NDJSON, of joining the texts', ratioOf(found), 0.75),
  },
  {
    part: 'csv',
    name: 'indicators written as CSV',
    floor: 'JSON.parse and eight quoted cells',
    bar: (found) => atLeast('CSV, indicators per CPU second', found.ours.median, 400_000),
  },
  {
    part: 'text',
    name: 'values written as text',
    floor: 'values joined',
    bar: (found) => atLeast('text list, values per CPU second', found.ours.median, 3e6),
  },
]

async function ran(child: Child, what: RunPart): Promise<Sample> {
  const { items, cpuSeconds } = await child.ask<Ran>(what)
  return { value: items / cpuSeconds, cpuSeconds }
}

export const parts: Benchmark = {
  name: 'parts',
  measures: 'parsing, normalising, signing, and writing lists, each beside the least code that does it',
  takes: { usual: '15 s', full: '40 s' },
  limitSeconds: { smoke: 240, usual: 120, full: 300 },
  async run({ start, scale, rounds: given, seed }) {
    const { records, rounds: usual, warmUps } = sizes[scale]
    const rounds = given ?? usual
    const child = await start([...flags, 'bench/children/parts.ts', String(records)])
    const cases: Case[] = []
    for (const { part, name } of pieces) {
      const { ours, floor } = await interleaved(
        { rounds, warmUps, seed },
        {
          ours: () => ran(child, { part, who: 'ours' }),
          floor: () => ran(child, { part, who: 'floor' }),
        },
      )
      cases.push(caseOf({ name, unit: perSecond, ours, floor, peakMegabytes: peakMegabytes(child.pid) }))
    }
    await child.stop()
    return {
      size: `${withCommas(records)} records`,
      rounds,
      cases,
      tables: [
        {
          title: 'the floors, and the CPU time of one',
          columns: ['', 'floor', 'CPU us', 'of the floor'],
          rows: pieces.map(({ name, floor }, at) => [
            name,
            floor,
            1e6 / (cases[at]?.ours.median ?? Number.NaN),
            1e6 / (cases[at]?.floor?.median ?? Number.NaN),
          ]),
        },
      ],
      bars: pieces.map(({ bar }, at) => bar(cases[at] as Case)),
    }
  },
}

await runAlone(parts, import.meta.filename)
