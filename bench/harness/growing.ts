/** What grows, what of it is changed, and where a curve bends. */

import type { Case, Table } from './benchmark.ts'
import { withCommas } from './benchmark.ts'
import type { Bar } from './measure.ts'
import { atMost } from './measure.ts'

/** Whether a record is one of the hundredth that a wave changes. */
export function isTouched(index: number, wave: number, seed: number): boolean {
  let mixed = Math.imul(index ^ Math.imul(wave, 0x9e3779b1) ^ Math.imul(seed, 0x85ebca6b), 0xcc9e2d51)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x1b873593)
  return ((mixed ^ (mixed >>> 13)) >>> 0) % 100 === 0
}

const types = ['domain', 'ipv4', 'url', 'file', 'email'] as const

/** The first holds everything; each of the others a twelfth or so, no two the same. */
export function feedsOf(count: number): readonly object[] {
  return Array.from({ length: count }, (_, at) => {
    const narrow = { types: [types[at % types.length]], minConfidence: 40 + (at % 50) }
    return { name: `feed-${at}`, maxTlp: 'red', ...(at > 0 && narrow) }
  })
}

/** Something that should cost the same however much there is. */
export interface Measure {
  readonly name: string
  /** Of one unit: what it is divided by is in it. */
  readonly unit: string
  /** What is less is as good as this: noise is no bend. Absent: it is told, and is no curve. */
  readonly least?: number
}

export interface Point {
  readonly indicators: number
  readonly feeds: number
  /** By the measure's name. */
  readonly values: ReadonlyMap<string, number>
}

/** More than so many times as much for one, from one size to the next. */
const bend = 1.5

interface Step {
  readonly from: Point
  readonly to: Point
}

/** Ten times the indicators with as many feeds, more feeds with as many indicators. */
function steps(points: readonly Point[], along: 'indicators' | 'feeds'): Step[] {
  const other = along === 'indicators' ? 'feeds' : 'indicators'
  const lines = Map.groupBy(points, (point) => point[other])
  return [...lines.values()].flatMap((line) => {
    const sorted = line.toSorted((a, b) => a[along] - b[along])
    return sorted.slice(1).map((to, at) => ({ from: sorted[at] as Point, to }))
  })
}

function growth({ name, least }: Measure, { from, to }: Step): number | undefined {
  const [before, after] = [from.values.get(name), to.values.get(name)]
  if (least === undefined || before === undefined || after === undefined) return undefined
  return Math.max(after, least) / Math.max(before, least)
}

/** The worst step of each measure: one of more than 1.5 times is a bend. */
export function barsOf(measures: readonly Measure[], points: readonly Point[]): Bar[] {
  return measures.flatMap((measure) =>
    (['indicators', 'feeds'] as const).flatMap((along) => {
      const found = steps(points, along).flatMap((step) => {
        const ratio = growth(measure, step)
        return ratio === undefined ? [] : [{ step, ratio }]
      })
      const [worst] = found.toSorted((a, b) => b.ratio - a.ratio)
      if (worst === undefined) return []
      const { from, to } = worst.step
      const where = `${placeOf(from)} to ${placeOf(to)}`
      return [atMost(`${measure.name}, one, with more ${along}; worst from ${where}`, worst.ratio, bend)]
    }),
  )
}

function placeOf({ indicators, feeds }: Point): string {
  return `${withCommas(indicators)} x ${feeds}`
}

/** A table for each number of feeds: a column for each size, and each step. */
export function curves(measures: readonly Measure[], points: readonly Point[]): Table[] {
  return [...Map.groupBy(points, ({ feeds }) => feeds)].map(([feeds, line]) => {
    const sorted = line.toSorted((a, b) => a.indicators - b.indicators)
    const along = steps(sorted, 'indicators')
    return {
      title: `with ${feeds} ${feeds === 1 ? 'feed' : 'feeds'}: what one costs, and how many times as much from one size to the next`,
      columns: [
        '',
        'unit',
        ...sorted.map(({ indicators }) => withCommas(indicators)),
        ...along.map(({ to }) => `to ${withCommas(to.indicators)}`),
      ],
      rows: measures
        .filter(({ name }) => sorted.some(({ values }) => values.has(name)))
        .map((measure) => [
          measure.name,
          measure.unit,
          ...sorted.map(({ values }) => values.get(measure.name) ?? ''),
          ...along.map((step) => {
            const ratio = growth(measure, step)
            return ratio === undefined ? '' : `${ratio.toFixed(2)}${ratio > bend ? ' BEND' : ''}`
          }),
        ]),
    }
  })
}

export function casesOf(measures: readonly Measure[], points: readonly Point[]): Case[] {
  return points.flatMap((point) =>
    measures.flatMap(({ name, unit }) => {
      const value = point.values.get(name)
      if (value === undefined) return []
      return [{ name: `${name}, ${placeOf(point)}`, unit, ours: { median: value, min: value, max: value } }]
    }),
  )
}
