/** What long runs are judged by: a growth is seen, and what only comes and goes is none. */
import fc from 'fast-check'
import t from 'tap'
import { createRandom } from '../../src/sources/threatconnect/simulator/corpus/random.ts'
import { lowestOf, type Point, slopeOf } from '../../trials/slope.ts'
import type { Sample } from '../../trials/soak-samples.ts'
import { grownTables, verdicts } from '../../trials/soak-verdicts.ts'

const minutes = 30

/** Each minute, with noise of this size around a line. */
function line(perHour: number, noise: number, seed: number): Point[] {
  const random = createRandom(seed)
  return Array.from({ length: minutes }, (_, minute) => {
    const at = minute * 60
    return { at, value: 100 + (perHour * at) / 3600 + noise * (random.next() + random.next() - 1) }
  })
}

t.test('the slope of a line is that of the line, and its bounds are around it', async (t) => {
  fc.assert(
    fc.property(fc.integer({ min: -100, max: 100 }), fc.integer(), (perHour, seed) => {
      const exact = slopeOf(line(perHour, 0, seed))
      return Math.abs(exact.perHour - perHour) < 1e-6 && exact.high - exact.low < 1e-6
    }),
    { numRuns: 200 },
  )
  const inside = Array.from({ length: 400 }, (_, seed) => slopeOf(line(10, 5, seed))).filter(
    ({ low, high }) => low <= 10 && 10 <= high,
  )
  t.ok(inside.length >= 360, `${inside.length} of 400 intervals hold the truth: 19 in 20 are promised`)
  t.throws(() => slopeOf(line(1, 0, 1).slice(0, 3)), /at least 4 points/)
})

t.test('points that follow one another slowly make the bounds wider', async (t) => {
  const random = createRandom(1)
  let value = 0
  const wandering = line(0, 0, 1).map(({ at }) => {
    value = 0.9 * value + random.next() - 0.5
    return { at, value }
  })
  const shuffled = wandering.map(({ at }, place) => ({
    at,
    value: wandering[(place * 7) % minutes]?.value ?? 0,
  }))
  const width = (points: readonly Point[]) => slopeOf(points).high - slopeOf(points).low
  t.ok(width(wandering) > 1.5 * width(shuffled))
})

t.test('of each stretch the lowest point counts', async (t) => {
  const points = [5, 3, 4, 9, 8, 7].map((value, place) => ({ at: place * 20, value }))
  t.same(
    lowestOf(points, 60).map(({ value }) => value),
    [3, 7],
  )
})

const megabyte = 1e6
const files = { socket: 50, file: 4, pipe: 9, other: 9 }

function soaked(leakPerHour: number, change: (sample: Sample) => Sample = (sample) => sample) {
  const samples = line(leakPerHour, 2, 7).map(({ at, value }) => {
    const used = value * megabyte
    return change({
      ...{ at: at + 60, rss: used * 3, heapUsed: used, external: 0, files, lagP99Ms: 10 },
      ...{ postgres: 200 * megabyte, postgresShared: 0, postgresProcesses: 10, database: 50 * megabyte },
      ...{ requests: at * 60, collected: { heapUsed: used, external: 0, rss: used * 3 } },
    })
  })
  const tables = {
    before: { a: { rows: 10, bytes: 10 * megabyte } },
    after: { a: { rows: 20, bytes: 20 * megabyte } },
  }
  const figures = { requests: 0, unchanged: 0, longestMs: 0, restarts: 0, pushes: 0, records: 0, tickets: 0 }
  return { samples, tables, fetches: {}, faults: [], ...figures }
}

const metOf = (told: ReturnType<typeof verdicts>, what: string) =>
  told.find(({ bar }) => bar.startsWith(what))?.met

t.test('a leak of a hundred bytes for each request is found, none is made up', async (t) => {
  const heap = 'heap and buffers once'
  t.equal(metOf(verdicts(soaked(0)), heap), true)
  // 60 requests a second.
  t.equal(metOf(verdicts(soaked((100 * 60 * 3600) / megabyte)), heap), false)
  const short = soaked(0)
  t.equal(metOf(verdicts({ ...short, samples: short.samples.slice(0, 5) }), heap), null, 'too short to tell')
})

t.test('memory outside of the heap that is never given back is found', async (t) => {
  const leaking = soaked(0, (sample) => ({ ...sample, rss: sample.rss + sample.at * 0.1 * megabyte }))
  t.equal(metOf(verdicts(soaked(0)), 'resident'), true)
  t.equal(metOf(verdicts(leaking), 'resident'), false)
})

t.test('files that are never closed are found, and a database that grows without rows', async (t) => {
  const open = soaked(0, (sample) => ({ ...sample, files: { ...files, socket: 50 + sample.at / 60 } }))
  t.equal(metOf(verdicts(soaked(0)), 'open files, socket'), true)
  t.equal(metOf(verdicts(open), 'open files, socket'), false)
  const tables = {
    before: { a: { rows: 10, bytes: 10 * megabyte }, b: { rows: 5, bytes: megabyte } },
    after: { a: { rows: 20, bytes: 20 * megabyte }, b: { rows: 5, bytes: 90 * megabyte } },
  }
  t.same(
    grownTables(tables).map(({ table, rows, explained }) => [table, rows, explained]),
    [
      ['b', 0, 0],
      ['a', 10, 10 * megabyte],
    ],
  )
  t.equal(metOf(verdicts(soaked(0)), 'database'), true)
  t.equal(metOf(verdicts({ ...soaked(0), tables }), 'database'), false)
})
