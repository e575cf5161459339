// @ts-check
/** The feeds that the key may read, each in a line. */
/** @import { Feed } from '../answers.d.ts' */
import { h } from './dom.js'
import { live } from './refresh.js'
import { to } from './router.js'
import { feedStatus } from './status-lines.js'
import { number, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const feeds = {
  pattern: 'feeds',
  menu: 'Feeds',
  allowed: ({ mayAny }) => mayAny('feeds:read'),
  title: () => 'Feeds',
  show: ({ api, signal }) =>
    live({
      what: 'the feeds',
      signal,
      load: (signal) =>
        /** @type {Promise<{ data: readonly Feed[] }>} */ (api.get('/api/v1/feeds', { signal })),
      render: ({ data }) => feedsTable(data),
      ignore: ['ageSeconds'],
    }).element,
}

/** @param {readonly Feed[]} rows */
function feedsTable(rows) {
  return table({
    caption: 'Feeds that the key may read, in the order of the configuration',
    rows,
    empty: 'No feed is configured that this key may read.',
    columns: [
      {
        title: 'Feed',
        as: 'head',
        cell: ({ name }) => h('a', { href: to`feeds/${name}`, 'data-keep': `feed ${name}` }, name),
      },
      { title: 'State', cell: feedStatus },
      { title: 'Entries', as: 'number', cell: ({ entries }) => number(entries) },
      { title: 'Left out', as: 'number', cell: ({ truncated }) => number(truncated) },
      { title: 'Last changed', cell: ({ changedAt }) => time(changedAt) },
      { title: 'What is in it', as: 'wide', cell: ({ filter }) => filter },
    ],
  })
}
