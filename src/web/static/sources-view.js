// @ts-check
/** The sources, each in a line. */
/** @import { Source } from '../answers.d.ts' */
import { h } from './dom.js'
import { equation } from './receipt.js'
import { live } from './refresh.js'
import { to } from './router.js'
import { runStatus } from './status-lines.js'
import { number, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const sources = {
  pattern: 'sources',
  menu: 'Sources',
  allowed: ({ may }) => may('indicators:read'),
  title: () => 'Sources',
  show: ({ api, signal }) =>
    live({
      what: 'the sources',
      signal,
      load: (signal) =>
        /** @type {Promise<{ data: readonly Source[] }>} */ (api.get('/api/v1/sources', { signal })),
      render: ({ data }) => sourcesTable(data),
    }).element,
}

/** @param {readonly Source[]} rows */
function sourcesTable(rows) {
  return table({
    caption: 'Sources, in the order of the configuration',
    rows,
    empty: 'No source is configured.',
    columns: [
      {
        title: 'Source',
        as: 'head',
        cell: ({ name }) => h('a', { href: to`sources/${name}`, 'data-keep': `source ${name}` }, name),
      },
      { title: 'Kind', cell: ({ kind }) => kind },
      { title: 'State', cell: ({ state }) => runStatus(state) },
      { title: 'Indicators', as: 'number', cell: ({ indicators }) => number(indicators.total) },
      { title: 'Last fetch', cell: ({ lastRun }) => time(lastRun?.startedAt) },
      { title: 'Its equation', as: 'wide', cell: ({ lastRun }) => lastRun && equation(lastRun) },
      {
        title: 'Next fetch',
        cell: ({ every, nextFetchAt }) => [time(nextFetchAt, 'when asked'), ` (every ${every})`],
      },
    ],
  })
}
