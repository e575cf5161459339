/** What a benchmark is, and the one form in which all of them tell what they found. */
import { randomNumbers } from '../../src/simulation/random.ts'
import { type Bar, median } from './measure.ts'
import type { Child, ServerOptions, Start } from './processes.ts'

/** smoke: is it alive; usual: what docs/benchmarks.md shows; full: what takes long. */
export type Scale = 'smoke' | 'usual' | 'full'

export interface Benchmark {
  /** As on the command line. */
  readonly name: string
  /** One line: what it measures, and beside what. */
  readonly measures: string
  /** How long it takes on two quiet cores, in words. */
  readonly takes: { readonly usual: string; readonly full?: string }
  /** Seconds after which it is given up. */
  readonly limitSeconds: Readonly<Record<Scale, number>>
  /** What `--size` counts; absent: it has no size to be set. */
  readonly sized?: string
  /** What `--only` can pick; absent: it has no parts. */
  readonly parts?: readonly string[]
  run(stage: Stage): Promise<Measured>
}

export interface Stage {
  readonly start: Start
  /** Gone afterwards. */
  readonly folder: string
  readonly scale: Scale
  /** `--size`, `--rounds`, `--only`, where they were given. */
  readonly size?: number
  readonly rounds?: number
  readonly only?: string
  /** Decides the order within rounds, and which records change. */
  readonly seed: number
  /** Makes the folder of an embedded store that something else than `serve` opens first. */
  prepare(store: string): Promise<void>
  /** The server of this program: compiled; when it is to be alive only, from its source. */
  serve(options: ServerOptions): Promise<Child>
}

/** Figures of one round. */
export interface Sample {
  /** In the unit of its case. */
  readonly value: number
  /** CPU time of the server's process in it, and of its PostgreSQL. */
  readonly cpuSeconds?: number
  readonly databaseCpuSeconds?: number
}

/** Of all rounds. */
export interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** One thing that was measured. */
export interface Case {
  readonly name: string
  /** Of `ours` and `floor`: `ms`, `requests per CPU second`. */
  readonly unit: string
  readonly ours: Spread
  /** The least code that does the same job, in the same rounds; absent: there is none. */
  readonly floor?: Spread
  /** `ours` through `floor`, round by round: there are both or none. */
  readonly ratio?: Spread
  /** CPU time of one round, median: of the server's process, and of its PostgreSQL where it has a part. */
  readonly cpuSeconds?: number
  readonly databaseCpuSeconds?: number
  /** VmHWM of the server's process once it was measured. */
  readonly peakMegabytes?: number
}

/** What else there is to know, each row beginning with its name. */
export interface Table {
  readonly title: string
  readonly columns: readonly string[]
  readonly rows: readonly (readonly (string | number)[])[]
}

export interface Measured {
  /** Of what, how many: `200,000 records`. */
  readonly size: string
  readonly rounds: number
  readonly cases: readonly Case[]
  /** The cases are shown by the tables alone. */
  readonly inTables?: boolean
  readonly tables: readonly Table[]
  readonly bars: readonly Bar[]
}

export interface Machine {
  readonly node: string
  readonly cores: number
  readonly model: string
  /** Load average of the minute before: of other programs. */
  readonly load: number
}

/** What `--json` prints for each benchmark, and what `bench/results/NAME.json` holds. */
export interface Result extends Measured {
  readonly benchmark: string
  /** What gives these figures again. */
  readonly command: string
  readonly scale: Scale
  readonly seed: number
  readonly machine: Machine
  /** RFC 3339. */
  readonly startedAt: string
  /** How long it took. */
  readonly seconds: number
}

/** A benchmark that broke, in the same list. */
export interface Failure {
  readonly benchmark: string
  readonly command: string
  readonly failure: string
}

interface CaseOptions {
  readonly name: string
  readonly unit: string
  readonly ours: readonly Sample[]
  /** As many, in the same order. */
  readonly floor?: readonly Sample[]
  readonly peakMegabytes?: number
}

export function caseOf({ name, unit, ours, floor, peakMegabytes }: CaseOptions): Case {
  const values = ours.map(({ value }) => value)
  const cpuSeconds = medianOf(ours.map((sample) => sample.cpuSeconds))
  const databaseCpuSeconds = medianOf(ours.map((sample) => sample.databaseCpuSeconds))
  const floorValues = floor?.map(({ value }) => value)
  return {
    name,
    unit,
    ours: spreadOf(values),
    ...(floorValues !== undefined && {
      floor: spreadOf(floorValues),
      ratio: spreadOf(values.map((value, round) => value / (floorValues[round] ?? Number.NaN))),
    }),
    ...(cpuSeconds !== undefined && { cpuSeconds }),
    ...(databaseCpuSeconds !== undefined && { databaseCpuSeconds }),
    ...(peakMegabytes !== undefined && { peakMegabytes }),
  }
}

function spreadOf(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) }
}

function medianOf(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined)
  return known.length === 0 ? undefined : median(known)
}

export function ratioOf({ name, ratio }: Case): number {
  if (ratio === undefined) throw new TypeError(`${name} has no floor`)
  return ratio.median
}

/** What was measured under this name. */
export function caseNamed(cases: readonly Case[], name: string): Case {
  const found = cases.find((each) => each.name === name)
  if (found !== undefined) return found
  throw new RangeError(`no case ${name}; there are: ${cases.map((each) => each.name).join(', ')}`)
}

export function withCommas(count: number): string {
  return count.toLocaleString('en-US')
}

/**
 * Each subject once a round, in an order that the seed decides anew for each round, so that none always comes after the
 * same other one. The first rounds, `warmUps`, do not count.
 */
export async function interleaved<
  Subjects extends Readonly<Record<string, (round: number) => Promise<unknown>>>,
>(
  {
    rounds,
    warmUps = 0,
    seed,
  }: { readonly rounds: number; readonly warmUps?: number; readonly seed: number },
  subjects: Subjects,
): Promise<{ readonly [Name in keyof Subjects]: readonly Awaited<ReturnType<Subjects[Name]>>[] }> {
  const found = Object.fromEntries(Object.keys(subjects).map((name) => [name, [] as unknown[]]))
  const random = randomNumbers(seed)
  for (let round = -warmUps; round < rounds; round++) {
    for (const [name, measure] of shuffled(Object.entries(subjects), random)) {
      const value = await measure(round)
      if (round >= 0) found[name]?.push(value)
    }
  }
  return found as { [Name in keyof Subjects]: Awaited<ReturnType<Subjects[Name]>>[] }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list
    .map((item) => ({ item, place: random() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ item }) => item)
}
