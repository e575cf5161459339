/** What the samples of a long run say: whether memory, files and the database grow, and how sure that is. */
import { percentile } from '../bench/harness/measure.ts'
import { lowestOf, type Point, type Slope, slopeOf } from './slope.ts'
import type { Soaked } from './soak-run.ts'
import { fileKinds, type Sample } from './soak-samples.ts'

/** Caches fill, pools open, code is compiled: of that time nothing is said. Half of a short run at most. */
const warmUp = { share: 0.2, seconds: 480 }
/** Of what is lowest, where garbage comes and goes: longer than it takes the collector to look at everything. */
const stretchSeconds = 60
/** A leak of a small object for each request. Below it a server of 512 MB lasts for weeks of this load. */
const leakBytes = 32
/** Of PostgreSQL, which keeps plans and pages of tables that grow: an hour. */
const postgresMegabytes = 32
/**
 * The allocator keeps room for big buffers that come and go, more and more slowly: of two thirds of the time the later
 * one may have so much more. What leaks outside of the heap and of buffers is seen by this alone.
 */
const residentMegabytes = 24
/** Connections to clients and products come and go. */
const fileSlack = 8
/** Rows that were changed leave room behind until autovacuum has been there. */
const slackMegabytes = 64
const megabyte = 1e6
/** Fewer say nothing. */
const leastPoints = 6
const leastSeconds = 300

export interface Verdict {
  readonly bar: string
  readonly measured: string
  /** null: the run was too short to tell. */
  readonly met: boolean | null
}

export interface Grown {
  readonly table: string
  readonly rows: number
  readonly bytes: number
  /** By the rows that came, at the size of a row now. */
  readonly explained: number
}

export function verdicts(soaked: Soaked): Verdict[] {
  const { samples, faults } = soaked
  const last = samples.at(-1)
  if (last === undefined) throw new RangeError('there is no sample')
  const from = Math.min(last.at / 2, Math.max(last.at * warmUp.share, warmUp.seconds))
  const warm = samples.filter(({ at }) => at >= from)
  const perHour = (last.requests / last.at) * 3600
  const limit = (leakBytes * perHour) / megabyte
  const points = (value: (sample: Sample) => number): Point[] =>
    warm.map((sample) => ({ at: sample.at, value: value(sample) / megabyte }))
  const collected = warm.flatMap(({ at, collected }) =>
    collected === null ? [] : [{ at, value: (collected.heapUsed + collected.external) / megabyte }],
  )
  const lowest = (value: (sample: Sample) => number) => lowestOf(points(value), stretchSeconds)
  return [
    growth('heap and buffers once garbage is collected', collected, limit),
    growth(
      'heap and buffers, lowest of each minute',
      lowest(({ heapUsed, external }) => heapUsed + external),
      limit,
    ),
    residentVerdict(warm),
    growth(
      'memory of PostgreSQL',
      lowest(({ postgres }) => postgres),
      postgresMegabytes,
    ),
    ...fileKinds.map((kind) => fileVerdict(kind, warm)),
    databaseVerdict(soaked),
    {
      bar: 'data, receipts and answers',
      measured: faults.length === 0 ? 'all right' : `${faults.length} faults`,
      met: faults.length === 0,
    },
  ]
}

/** Met where nothing grows, or less than the limit, and the run was long enough to see twice the limit. */
function growth(what: string, points: readonly Point[], limit: number): Verdict {
  const bar = `${what}: grows by less than ${limit.toFixed(1)} MB an hour`
  if (points.length < leastPoints) return { bar, measured: `${points.length} points`, met: null }
  const slope = slopeOf(points)
  const measured = `${slopeText(slope)}, at the end ${(points.at(-1)?.value ?? Number.NaN).toFixed(0)} MB`
  const isSure = slope.high - slope.perHour <= 2 * limit
  const met = slope.low > limit ? false : isSure ? slope.perHour < limit || slope.low <= 0 : null
  return { bar, measured, met }
}

function residentVerdict(samples: readonly Sample[]): Verdict {
  const lasted = (samples.at(-1)?.at ?? 0) - (samples[0]?.at ?? 0)
  const third = Math.max(1, Math.floor(samples.length / 3))
  const all = samples.map(({ rss }) => rss / megabyte)
  const [earlier = 0, later = 0] = [all.slice(-2 * third, -third), all.slice(-third)].map((each) =>
    percentile(each, 50),
  )
  return {
    bar: `resident memory: the middle of the last third at most ${residentMegabytes} MB above the one before`,
    measured: `${earlier.toFixed(0)} and ${later.toFixed(0)} MB, from ${Math.min(...all).toFixed(0)} to ${Math.max(...all).toFixed(0)}`,
    met: lasted < leastSeconds ? null : later <= earlier + residentMegabytes,
  }
}

function slopeText({ perHour, low, high }: Slope): string {
  return `${perHour.toFixed(1)} MB an hour (${low.toFixed(1)} to ${high.toFixed(1)})`
}

function fileVerdict(kind: (typeof fileKinds)[number], samples: readonly Sample[]): Verdict {
  const counts = samples.map(({ files }) => files[kind])
  const third = Math.max(1, Math.floor(counts.length / 3))
  const [early, late] = [counts.slice(0, third), counts.slice(-third)].map((each) => percentile(each, 50))
  return {
    bar: `open files, ${kind}: the middle of the last third at most ${fileSlack} above the first`,
    measured: `${early} and ${late}, from ${Math.min(...counts)} to ${Math.max(...counts)}`,
    met: (late ?? 0) <= (early ?? 0) + fileSlack,
  }
}

/** Most first. */
export function grownTables({ before, after }: Soaked['tables']): Grown[] {
  const all = Object.entries(after).map(([table, { rows, bytes }]) => {
    const was = before[table] ?? { rows: 0, bytes: 0 }
    const explained = rows > was.rows ? ((rows - was.rows) * bytes) / rows : 0
    return { table, rows: rows - was.rows, bytes: bytes - was.bytes, explained }
  })
  return all.filter(({ rows, bytes }) => rows !== 0 || bytes !== 0).sort((a, b) => b.bytes - a.bytes)
}

function databaseVerdict({ tables }: Soaked): Verdict {
  const grown = grownTables(tables)
  const total = grown.reduce((sum, { bytes }) => sum + bytes, 0) / megabyte
  const explained = grown.reduce((sum, each) => sum + each.explained, 0) / megabyte
  return {
    bar: `database: grows by the rows that came, and by ${slackMegabytes} MB at most`,
    measured: `${total.toFixed(1)} MB, of which rows are ${explained.toFixed(1)} MB`,
    met: total - explained <= slackMegabytes,
  }
}
