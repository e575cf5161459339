/** Whether a figure grows with the time: least squares, and how sure that is. */

export interface Point {
  /** Seconds. */
  readonly at: number
  readonly value: number
}

/** In units of the value an hour. The truth is between `low` and `high` in 19 of 20 such runs. */
export interface Slope {
  readonly perHour: number
  readonly low: number
  readonly high: number
}

/** What one point is like the next is, so that many of them tell less than as many that know nothing of each other. */
const mostAlike = 0.9

/** @throws RangeError for fewer than four points, or all at one time */
export function slopeOf(points: readonly Point[]): Slope {
  if (points.length < 4) throw new RangeError(`a slope takes at least 4 points; received ${points.length}`)
  const hours = points.map(({ at }) => at / 3600)
  const meanHour = mean(hours)
  const meanValue = mean(points.map(({ value }) => value))
  const spread = hours.reduce((sum, hour) => sum + (hour - meanHour) ** 2, 0)
  if (spread === 0) throw new RangeError('a slope takes points at different times')
  const along = points.reduce(
    (sum, { value }, place) => sum + ((hours[place] ?? 0) - meanHour) * (value - meanValue),
    0,
  )
  const perHour = along / spread
  const left = points.map(
    ({ value }, place) => value - meanValue - perHour * ((hours[place] ?? 0) - meanHour),
  )
  const squares = left.reduce((sum, each) => sum + each ** 2, 0)
  const freedom = points.length - 2
  const alike = Math.min(mostAlike, Math.max(0, likeness(left, squares)))
  const error = Math.sqrt((squares / freedom / spread) * ((1 + alike) / (1 - alike)))
  const margin = error * studentQuantile(freedom)
  return { perHour, low: perHour - margin, high: perHour + margin }
}

/** Of each of these with the one after it: 0 nothing in common, 1 the same. */
function likeness(left: readonly number[], squares: number): number {
  if (squares === 0) return 0
  return left.slice(1).reduce((sum, each, place) => sum + each * (left[place] ?? 0), 0) / squares
}

/** Of Student's t for 95 %, both sides: right to a hundredth from 5 degrees of freedom on. */
function studentQuantile(freedom: number): number {
  return 1.96 + 2.4 / freedom + 3.1 / freedom ** 2
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length
}

/** Of each stretch of time the lowest: where a collector of garbage comes and goes, what is really in use. */
export function lowestOf(points: readonly Point[], stretchSeconds: number): Point[] {
  const stretches = Map.groupBy(points, ({ at }) => Math.floor(at / stretchSeconds))
  return [...stretches.values()].map((each) =>
    each.reduce((low, point) => (point.value < low.value ? point : low)),
  )
}
