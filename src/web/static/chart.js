// @ts-check
/** Numbers over time, as lines or stacked areas, with the same numbers as a table. */
import { h } from './dom.js'
import { number, table } from './table.js'
import { absolute } from './time.js'
import uPlot from './uplot.js'

/**
 * @typedef {object} Series
 * @property {string} label
 * @property {readonly (number | null)[]} values one for each time; null: not known
 *
 * @typedef {{ readonly stacked: boolean, readonly stepped: boolean }} Look
 */

const height = 220
/** As many as there are colours (style.css). */
const mostSeries = 8

/**
 * @param {object} options
 * @param {string} options.title says what the numbers are
 * @param {readonly string[]} options.times RFC 3339, rising
 * @param {readonly Series[]} options.series
 * @param {boolean} [options.stacked] one area on the other: the top is the sum
 * @param {boolean} [options.stepped] each number holds until the next one
 * @param {string} options.empty what is said where there are no numbers yet
 * @param {AbortSignal} options.signal ends when the chart is taken away
 */
export function chart({ title, times, series, stacked = false, stepped = false, empty, signal }) {
  if (times.length === 0 || series.length === 0) {
    return h('figure', {}, h('figcaption', {}, title), h('p', { class: 'empty' }, empty))
  }
  const shown = atMost(series)
  const canvas = h('div', { class: 'plot', role: 'img', 'aria-label': summary(title, times, shown) })
  const seconds = times.map((at) => Date.parse(at) / 1000)
  draw(canvas, seconds, shown, { stacked, stepped }, signal)
  return h(
    'figure',
    {},
    h('figcaption', {}, title),
    canvas,
    h(
      'ul',
      { class: 'legend' },
      shown.map(({ label }, at) => h('li', { class: `series-${at + 1}` }, label)),
    ),
    h(
      'details',
      { 'data-keep': `numbers ${title}` },
      h('summary', {}, 'The numbers as a table'),
      table({
        caption: title,
        id: `chart ${title}`,
        rows: [...times.keys()].reverse(),
        empty,
        columns: [
          { title: 'Time', as: 'head', cell: (at) => absolute(new Date(times[at] ?? '')) },
          ...shown.map(({ label, values }) => ({
            title: label,
            as: /** @type {const} */ ('number'),
            cell: (/** @type {number} */ at) => shownNumber(values[at]),
          })),
        ],
      }),
    ),
  )
}

/** @param {number | null | undefined} value */
function shownNumber(value) {
  return value === null || value === undefined ? '–' : number(value)
}

/**
 * Those with the largest last values, and the sum of the others.
 * @param {readonly Series[]} series
 * @returns {readonly Series[]}
 */
function atMost(series) {
  if (series.length <= mostSeries) return series
  const last = (/** @type {Series} */ { values }) => values.findLast((value) => value !== null) ?? 0
  const sorted = series.toSorted((a, b) => last(b) - last(a))
  const [kept, others] = [sorted.slice(0, mostSeries - 1), sorted.slice(mostSeries - 1)]
  const values = others[0]?.values.map((_, at) => sum(others.map((each) => each.values[at] ?? null))) ?? []
  return [...kept, { label: `${others.length} others`, values }]
}

/**
 * @param {readonly (number | null)[]} values
 * @returns {number | null} null where none is known
 */
function sum(values) {
  const known = values.filter((value) => value !== null)
  return known.length === 0 ? null : known.reduce((total, value) => total + value, 0)
}

/**
 * @param {string} title
 * @param {readonly string[]} times
 * @param {readonly Series[]} series
 */
function summary(title, times, series) {
  const period = `${absolute(new Date(times[0] ?? ''))} to ${absolute(new Date(times.at(-1) ?? ''))}`
  const each = series.map(({ label, values }) => {
    const known = values.filter((value) => value !== null)
    if (known.length === 0) return `${label}: no values`
    return `${label}: last ${number(known.at(-1) ?? 0)}, lowest ${number(Math.min(...known))}, highest ${number(Math.max(...known))}`
  })
  return `${title}, ${period}. ${each.join('; ')}. The table below has all numbers.`
}

/**
 * Again when the width or the colours change.
 * @param {HTMLElement} place
 * @param {readonly number[]} seconds
 * @param {readonly Series[]} series
 * @param {Look} look
 * @param {AbortSignal} signal
 */
function draw(place, seconds, series, look, signal) {
  /** @type {uPlot | undefined} */
  let plot
  const data = look.stacked ? stack(series) : series.map(({ values }) => [...values])
  const redraw = () => {
    const width = Math.floor(place.clientWidth)
    if (width === 0) return
    plot?.destroy()
    plot = new uPlot(
      optionsOf(place, width, series, look),
      /** @type {uPlot.AlignedData} */ (/** @type {unknown} */ ([[...seconds], ...data])),
      place,
    )
  }
  const resized = new ResizeObserver(() => {
    if (plot === undefined) redraw()
    else if (Math.floor(place.clientWidth) !== plot.width) {
      plot.setSize({ width: Math.floor(place.clientWidth), height })
    }
  })
  resized.observe(place)
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw, { signal })
  signal.addEventListener('abort', () => {
    resized.disconnect()
    plot?.destroy()
  })
}

/**
 * Each with those before it: the first lies at the bottom.
 * @param {readonly Series[]} series
 */
function stack(series) {
  /** @type {number[]} */
  let below = []
  return series.map(({ values }) => {
    below = values.map((value, at) => (value ?? 0) + (below[at] ?? 0))
    return below
  })
}

/**
 * @param {HTMLElement} place
 * @param {number} width
 * @param {readonly Series[]} series
 * @param {Look} look
 * @returns {uPlot.Options}
 */
function optionsOf(place, width, series, { stacked, stepped }) {
  const steps = stepped ? uPlot.paths.stepped?.({ align: 1 }) : undefined
  const style = getComputedStyle(place)
  const colour = (/** @type {string} */ name) => style.getPropertyValue(name).trim()
  const lines = {
    stroke: colour('--text-2'),
    grid: { stroke: colour('--line'), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC'),
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, most * 1.08)] } },
    axes: [
      {
        ...lines,
        space: 90,
        size: 28,
        values: (_plot, splits) => splits.map((at, index) => tickText(at, splits[index - 1])),
      },
      {
        ...lines,
        size: 64,
        incrs: [1, 2, 5]
          .flatMap((step) => [...Array(9).keys()].map((power) => step * 10 ** power))
          .toSorted((a, b) => a - b),
        values: (_plot, splits) => splits.map(number),
      },
    ],
    series: [
      {},
      ...series.map((_, at) => ({
        stroke: colour(`--series-${at + 1}`),
        width: 1.5,
        points: { show: seriesIsShort(series) },
        ...(steps && { paths: steps }),
        ...(stacked && { fill: `${colour(`--series-${at + 1}`)}55` }),
      })),
    ],
    ...(stacked && {
      bands: series.slice(1).map((_, at) => ({ series: /** @type {[number, number]} */ ([at + 2, at + 1]) })),
    }),
  }
}

/** @param {readonly Series[]} series */
function seriesIsShort(series) {
  return (series[0]?.values.length ?? 0) < 3
}

/**
 * The day where it begins, else the hour; UTC.
 * @param {number} seconds
 * @param {number | undefined} before
 */
function tickText(seconds, before) {
  const [day = '', hour = ''] = new Date(seconds * 1000).toISOString().split('T')
  const dayBefore = before === undefined ? '' : new Date(before * 1000).toISOString().slice(0, 10)
  return day === dayBefore
    ? hour.slice(0, 5)
    : `${day.slice(5)}${hour.startsWith('00:00') ? '' : ` ${hour.slice(0, 5)}`}`
}
