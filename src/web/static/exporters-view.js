// @ts-check
/** The destinations that the key may push to, each in a line. */
/** @import { Exporter } from '../answers.d.ts' */
import { h } from './dom.js'
import { live } from './refresh.js'
import { to } from './router.js'
import { circuitStatus } from './status-lines.js'
import { number, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const exporters = {
  pattern: 'exporters',
  menu: 'Destinations',
  allowed: ({ mayAny }) => mayAny('push'),
  title: () => 'Destinations',
  show: ({ api, signal }) =>
    live({
      what: 'the destinations',
      signal,
      load: (signal) =>
        /** @type {Promise<{ data: readonly Exporter[] }>} */ (api.get('/api/v1/exporters', { signal })),
      render: ({ data }) => exportersTable(data),
    }).element,
}

/** @param {readonly Exporter[]} rows */
function exportersTable(rows) {
  return table({
    caption: 'Destinations that the key may push to, in the order of the configuration',
    rows,
    empty: 'No exporter is configured that this key may push to.',
    columns: [
      {
        title: 'Destination',
        as: 'head',
        cell: ({ name }) => h('a', { href: to`exporters/${name}`, 'data-keep': `exporter ${name}` }, name),
      },
      { title: 'Kind', cell: ({ kind }) => kind },
      { title: 'State', cell: ({ circuit }) => circuitStatus(circuit) },
      { title: 'Waiting', as: 'number', cell: ({ counts }) => number(counts.pending ?? 0) },
      { title: 'Oldest', cell: ({ oldestPendingAt }) => time(oldestPendingAt, 'none waits') },
      { title: 'It has', as: 'number', cell: ({ held }) => number(held) },
      { title: 'Rejected', as: 'number', cell: ({ counts }) => number(counts.rejected ?? 0) },
      { title: 'Given up', as: 'number', cell: ({ counts }) => number(counts.dead ?? 0) },
      { title: 'What is wrong', as: 'wide', cell: ({ lastError }) => lastError?.cause },
    ],
  })
}
