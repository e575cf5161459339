// @ts-check
/** Export receipts: all that the key may see, by destination, status and origin. */
/** @import { Export } from '../answers.d.ts' */
import { h } from './dom.js'
import { filters } from './filters.js'
import { pagedList } from './more.js'
import { outcomeStatus } from './outcome-status.js'
import { to } from './router.js'
import { number, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const exports_ = {
  pattern: 'exports',
  menu: 'Receipts',
  allowed: ({ mayAny }) => mayAny('push'),
  title: () => 'Export receipts',
  show(context) {
    const { element, query } = filters({
      label: 'Which receipts',
      params: context.params,
      address: to`exports`,
      fields: [
        { name: 'exporter', label: 'Destination', hint: 'name' },
        {
          name: 'status',
          label: 'Status',
          choices: ['pending', 'running', 'succeeded', 'partial', 'failed'],
        },
        { name: 'origin', label: 'Origin', choices: ['push', 'forward', 'eviction'] },
      ],
    })
    return [element, exportList(context, query).element]
  },
}

/**
 * @param {import('./router.js').Context} context
 * @param {() => import('./api.js').Query} query
 */
export function exportList(context, query) {
  return pagedList(
    {
      what: 'the receipts',
      path: '/api/v1/exports',
      query: () => ({ limit: 50, ...query() }),
      render: exportsTable,
    },
    context,
  )
}

/** @param {readonly Export[]} rows */
function exportsTable(rows) {
  return table({
    caption: 'Exports, newest first',
    rows,
    empty: 'There is none of these.',
    columns: [
      {
        title: 'Began',
        as: 'head',
        cell: ({ id, createdAt }) =>
          h('a', { href: to`exports/${id}`, 'data-keep': `export ${id}` }, time(createdAt)),
      },
      { title: 'Destination', cell: ({ exporter }) => exporter },
      { title: 'What', cell: ({ origin, action }) => (origin === 'push' ? action : `${action}, ${origin}`) },
      { title: 'Status', cell: ({ status }) => outcomeStatus(status) },
      { title: 'Receipt', as: 'wide', cell: receiptOf },
      { title: 'Asked by', cell: ({ requestedBy }) => requestedBy ?? 'nobody' },
    ],
  })
}

/**
 * `total 3 = accepted 2 + skipped 1`
 * @param {Export} record
 */
export function receiptOf({ counts }) {
  const { total, ...parts } = counts
  const given = Object.entries(parts).filter(([, count]) => count > 0)
  const sum = given.map(([name, count]) => `${name} ${number(count)}`).join(' + ')
  return `total ${number(total)}${sum === '' ? '' : ` = ${sum}`}`
}
