// @ts-check
/** Counts over time, as the API answers them, as lines of a chart. */
/** @import { HistoryPoint } from '../answers.d.ts' */

/**
 * What a point lacks is none of it: 0. The largest series first.
 * @param {readonly HistoryPoint[]} points oldest first
 * @returns {{ times: string[], series: import('./chart.js').Series[] }}
 */
export function linesOf(points) {
  const labels = new Set(points.flatMap(({ values }) => Object.keys(values)))
  const series = [...labels].map((label) => ({
    label,
    values: points.map(({ values }) => values[label] ?? 0),
  }))
  const last = (/** @type {{ values: number[] }} */ { values }) => values.at(-1) ?? 0
  return {
    times: points.map(({ at }) => at),
    series: series.toSorted((a, b) => last(b) - last(a) || a.label.localeCompare(b.label)),
  }
}

const hourMs = 3_600_000

/**
 * For what is counted by the hour: a point for each hour until now, from one before the first; in those that are not
 * told there was nothing.
 * @param {readonly HistoryPoint[]} points oldest first
 * @returns {HistoryPoint[]}
 */
export function everyHour(points) {
  const [first] = points
  if (first === undefined) return []
  const known = new Map(points.map(({ at, values }) => [Date.parse(at), values]))
  const begin = Date.parse(first.at) - hourMs
  const length = Math.max(2, Math.floor((Date.now() - begin) / hourMs) + 1)
  return Array.from({ length }, (_, hour) => {
    const at = begin + hour * hourMs
    return { at: new Date(at).toISOString(), values: known.get(at) ?? {} }
  })
}

/**
 * For what is noted only when it changes: it stays so until now.
 * @param {{ times: string[], series: import('./chart.js').Series[] }} lines
 */
export function untilNow({ times, series }) {
  if (times.length === 0) return { times, series }
  return {
    times: [...times, new Date().toISOString()],
    series: series.map(({ label, values }) => ({ label, values: [...values, values.at(-1) ?? null] })),
  }
}
