// @ts-check
/** Any value: which indicators it is, where they come from, which feeds hold them and why, and every export of them. */
/** @import { ExportOfIndicator, Indicator, Why } from '../answers.d.ts' */
import { path } from './api.js'
import { facts, h, outsideLink } from './dom.js'
import { live } from './refresh.js'
import { to } from './router.js'
import { status } from './status.js'
import { number, table } from './table.js'
import { time } from './time.js'

/** Of a value that may be of many types, as many are explained. */
const most = 10

/** @type {import('./router.js').View} */
export const search = {
  pattern: 'search/:value',
  allowed: ({ may }) => may('indicators:read'),
  title: () => 'Search',
  show({ api, params, signal }) {
    const { value = '' } = params
    const shown = live({
      what: 'the value',
      signal,
      async load(signal) {
        const plain = refanged(value)
        const exact = await indicatorsOf(api, value, signal)
        const data = exact.length > 0 || plain === value ? exact : await indicatorsOf(api, plain, signal)
        /** @type {Why[]} */
        const why = []
        for (const { id } of data.slice(0, most)) {
          why.push(await api.get(path`/api/v1/indicators/${id}/why`, { signal }))
        }
        return { found: data.length, why, read: exact.length > 0 ? value : plain }
      },
      render: ({ found, why, read }) => [
        read !== value && h('p', {}, 'Read as ', h('strong', { class: 'value' }, read), '.'),
        found === 0 && nothingFound(),
        found > most && h('p', {}, `${number(found)} indicators have it; the first ${most} are explained.`),
        why.map(explained),
      ],
    })
    return [h('p', {}, 'Of the value ', h('strong', { class: 'value' }, value)), shown.element]
  },
}

/**
 * @param {import('./api.js').Api} api
 * @param {string} value
 * @param {AbortSignal} signal
 */
async function indicatorsOf(api, value, signal) {
  /** @type {{ data: readonly Indicator[] }} */
  const { data } = await api.get('/api/v1/indicators', { query: { value, raw: false }, signal })
  return data
}

/**
 * Reports write addresses so that nobody opens them by mistake: `hxxps://evil[.]example`.
 * @param {string} value
 */
function refanged(value) {
  return value
    .replace(/^hxxp/i, 'http')
    .replaceAll(/\[(\.|dot)\]|\((\.|dot)\)|\{(\.|dot)\}/gi, '.')
    .replaceAll('[:]', ':')
    .replaceAll('[://]', '://')
    .replaceAll(/\[(@|at)\]/gi, '@')
}

function nothingFound() {
  return [
    h('p', {}, h('strong', {}, 'No stored indicator has this value.')),
    h(
      'p',
      { class: 'hint' },
      'It is looked up in any spelling, a file by any of its hashes. It may be excluded, unreadable, or not in what the sources are asked for: their fetches tell.',
    ),
  ]
}

const scores = ['unknown', 'good', 'suspicious', 'bad']
const scoreTones = /** @type {const} */ (['idle', 'good', 'warn', 'bad'])

/** @param {Why} why */
function explained({ indicator, observations, feeds, exports }) {
  const { id, type, customType, value, score } = indicator
  return h(
    'section',
    { class: 'card', 'aria-label': `${type} ${value}` },
    h('h2', {}, `${customType ?? type} `, h('span', { class: 'value' }, value)),
    h(
      'p',
      {},
      status(scores[score] ?? String(score), scoreTones[score] ?? 'idle'),
      ' ',
      indicator.active ? status('active', 'busy') : status('not active', 'idle'),
    ),
    aboutIndicator(indicator),
    feedsTable(id, feeds),
    recordsTable(id, observations),
    exportsTable(id, exports),
  )
}

/** @param {Indicator} indicator */
function aboutIndicator(indicator) {
  const { confidence, rating, threatAssess, tlp, reliability, tags = [], hashes, description } = indicator
  return facts([
    ['Description', description],
    ['Confidence', confidence],
    ['Rating', rating],
    ['ThreatAssess score', threatAssess?.score],
    ['TLP', tlp],
    ['Reliability', reliability],
    ['Tags', tags.length > 0 && tags.join(', ')],
    [
      'Hashes',
      hashes &&
        h(
          'span',
          { class: 'value' },
          Object.entries(hashes)
            .map((pair) => pair.join(' '))
            .join(', '),
        ),
    ],
    ['First seen', indicator.firstSeen && time(indicator.firstSeen)],
    ['Last modified', indicator.lastModified && time(indicator.lastModified)],
    ['Expires', time(indicator.expiresAt, 'never')],
  ])
}

/**
 * @param {string} id
 * @param {Why['feeds']} rows
 */
function feedsTable(id, rows) {
  return table({
    caption: 'Feeds, and why it is in them or not',
    id: `feeds ${id}`,
    rows,
    empty: 'No feed is configured.',
    columns: [
      { title: 'Feed', as: 'head', cell: ({ name }) => name },
      { title: 'In it', cell: (feed) => (feed.in ? status('yes', 'good') : status('no', 'idle')) },
      { title: 'Why', as: 'wide', cell: ({ reason }) => reason },
    ],
  })
}

/**
 * @param {string} id
 * @param {Why['observations']} rows
 */
function recordsTable(id, rows) {
  return table({
    caption: 'Records that it was merged from',
    id: `records ${id}`,
    rows,
    empty: 'None.',
    columns: [
      {
        title: 'Record',
        as: 'head',
        cell: ({ link, remoteId = '' }) => (link === undefined ? remoteId : outsideLink(link, remoteId)),
      },
      { title: 'Source', cell: ({ source }) => source },
      { title: 'Owner', cell: ({ owner }) => owner },
      { title: 'Reported by', cell: ({ reportedBy }) => reportedBy },
      { title: 'Score', cell: ({ score }) => scores[score] },
      { title: 'Active', cell: ({ active }) => (active ? 'yes' : 'no') },
      { title: 'Modified', cell: ({ lastModified }) => time(lastModified, 'not told') },
    ],
  })
}

/** @type {Readonly<Record<string, import('./status.js').Tone>>} */
const itemTones = { accepted: 'good', unchanged: 'good', rejected: 'bad', dead: 'bad', skipped: 'warn' }

/**
 * @param {string} id
 * @param {readonly ExportOfIndicator[]} rows
 */
function exportsTable(id, rows) {
  return table({
    caption: 'Exports of it, newest first',
    id: `exports ${id}`,
    rows,
    empty: 'It was never exported.',
    columns: [
      {
        title: 'When',
        as: 'head',
        cell: (one) =>
          h(
            'a',
            { href: to`exports/${one.export}`, 'data-keep': `export ${id} ${one.export}` },
            time(one.createdAt),
          ),
      },
      { title: 'Exporter', cell: ({ exporter }) => exporter },
      { title: 'Action', cell: ({ action, origin }) => `${action} by ${origin}` },
      { title: 'Result', cell: (one) => status(one.status, itemTones[one.status] ?? 'idle') },
      { title: 'Why', as: 'wide', cell: ({ reason }) => reason },
      { title: 'Id there', cell: ({ remoteId }) => remoteId },
    ],
  })
}
