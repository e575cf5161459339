// @ts-check
/** Tables: with a caption, named columns, and a region of their own that scrolls sideways. */
import { h } from './dom.js'

/**
 * @template R
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: R) => import('./dom.js').Children} cell
 * @property {'number' | 'head' | 'wide'} [as] number: at the right; head: names the row; wide: for sentences
 */

/**
 * @template R
 * @param {object} options
 * @param {string} options.caption
 * @param {readonly Column<R>[]} options.columns
 * @param {readonly R[]} options.rows
 * @param {string} options.empty what is said where there are no rows
 * @param {string} [options.id] keeps its place when it is shown again; default the caption
 */
export function table({ caption, columns, rows, empty, id = caption }) {
  if (rows.length === 0) return h('p', { class: 'empty' }, empty)
  const head = h(
    'tr',
    {},
    columns.map(({ title, as }) => h('th', { scope: 'col', class: as === 'number' && 'number' }, title)),
  )
  const body = rows.map((row) =>
    h(
      'tr',
      {},
      columns.map((column) => cellOf(column, row)),
    ),
  )
  return h(
    'div',
    { class: 'table', role: 'region', 'aria-label': caption, tabindex: 0, 'data-keep': `table ${id}` },
    h('table', {}, h('caption', {}, caption), h('thead', {}, head), h('tbody', {}, body)),
  )
}

/**
 * @template R
 * @param {Column<R>} column
 * @param {R} row
 */
function cellOf({ as, cell }, row) {
  if (as === 'head') return h('th', { scope: 'row' }, cell(row))
  return h('td', { class: as }, cell(row))
}

/**
 * `1 item`, `1,204 items`
 * @param {number} count
 * @param {string} one
 * @param {string} [others]
 */
export function many(count, one, others = `${one}s`) {
  return `${number(count)} ${count === 1 ? one : others}`
}

/**
 * `1,204`
 * @param {number} count
 */
export function number(count) {
  return count.toLocaleString('en')
}
