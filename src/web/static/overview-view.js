// @ts-check
/** What needs attention first, then how everything stands. */
/** @import { Bridge, Exporter, Feed, Source } from '../answers.d.ts' */
import { ApiError } from './api.js'
import { ofBridge, ofExporter, ofFeed, ofSource, worstFirst } from './attention.js'
import { h } from './dom.js'
import { live } from './refresh.js'
import { notice } from './status.js'
import { bridgeLine, exporterLine, feedLine, sourceLine } from './status-lines.js'

/**
 * @template T
 * @typedef {{ readonly all: readonly T[] } | { readonly failed: string }} Part all of a kind, or why they are not known
 */

/**
 * @typedef {object} Standing null: the key may not see them
 * @property {readonly string[]} unready why the server is not ready; empty: it is
 * @property {Part<Source> | null} sources
 * @property {Part<Feed> | null} feeds
 * @property {Part<Exporter> | null} exporters
 * @property {Part<Bridge> | null} bridges
 */

/** @type {import('./router.js').View} */
export const overview = {
  pattern: '',
  menu: 'Overview',
  allowed: () => true,
  title: () => 'Overview',
  show(context) {
    const { element } = live({
      what: 'the overview',
      signal: context.signal,
      load: (signal) => standing(context, signal),
      render,
      ignore: ['ageSeconds'],
    })
    return element
  },
}

/**
 * @param {import('./router.js').Context} context
 * @param {AbortSignal} signal
 * @returns {Promise<Standing>}
 */
async function standing({ api, may, mayAny }, signal) {
  /**
   * One part that fails does not hide the others.
   * @template T
   * @param {boolean} allowed
   * @param {string} path
   * @returns {Promise<Part<T> | null>}
   */
  const part = async (allowed, path) => {
    if (!allowed) return null
    try {
      /** @type {{ data: readonly T[] }} */
      const { data } = await api.get(path, { signal })
      return { all: data }
    } catch (error) {
      if (signal.aborted || !(error instanceof ApiError) || error.status === 0) throw error
      return { failed: error.message }
    }
  }
  const [unready, sources, feeds, exporters, bridges] = await Promise.all([
    unreadiness(api, signal),
    /** @type {Promise<Part<Source> | null>} */ (part(may('indicators:read'), '/api/v1/sources')),
    /** @type {Promise<Part<Feed> | null>} */ (part(mayAny('feeds:read'), '/api/v1/feeds')),
    /** @type {Promise<Part<Exporter> | null>} */ (part(mayAny('push'), '/api/v1/exporters')),
    /** @type {Promise<Part<Bridge> | null>} */ (part(may('tickets:read'), '/api/v1/bridges')),
  ])
  return { unready, sources, feeds, exporters, bridges }
}

/**
 * @param {import('./api.js').Api} api
 * @param {AbortSignal} signal
 * @returns {Promise<readonly string[]>}
 */
async function unreadiness(api, signal) {
  try {
    await api.get('/readyz', { signal })
    return []
  } catch (error) {
    if (error instanceof ApiError && error.status === 503) {
      return error.reasons.length > 0 ? error.reasons : [error.message]
    }
    throw error
  }
}

/** @param {Standing} standing */
function render({ unready, sources, feeds, exporters, bridges }) {
  const items = worstFirst([
    ...known(sources).flatMap(ofSource),
    ...known(feeds).flatMap(ofFeed),
    ...known(exporters).flatMap(ofExporter),
    ...known(bridges).flatMap(ofBridge),
  ])
  return [
    unready.length === 0
      ? notice('good', 'The server is ready')
      : notice(
          'bad',
          'The server is not ready',
          h(
            'ul',
            {},
            unready.map((why) => h('li', {}, why)),
          ),
        ),
    attention(items),
    h(
      'div',
      { class: 'grid' },
      group('Sources', sources, sourceLine),
      group('Feeds', feeds, feedLine),
      group('Destinations', exporters, exporterLine),
      group('Bridges', bridges, bridgeLine),
    ),
  ]
}

/** @param {readonly import('./attention.js').Item[]} items */
function attention(items) {
  return h(
    'section',
    { 'aria-labelledby': 'attention' },
    h('h2', { id: 'attention' }, 'Needs attention'),
    items.length === 0
      ? h('p', { class: 'empty' }, 'Nothing does.')
      : h(
          'ul',
          { class: 'plain-list' },
          items.map(({ tone, what, href, remedy }) =>
            h(
              'li',
              {},
              notice(
                tone,
                what,
                h('p', {}, remedy, ' ', h('a', { href, 'data-keep': `attention ${what}` }, 'Open')),
              ),
            ),
          ),
        ),
  )
}

/**
 * @template T
 * @param {Part<T> | null} part
 * @returns {readonly T[]}
 */
function known(part) {
  return part !== null && 'all' in part ? part.all : []
}

/**
 * @template T
 * @param {string} title
 * @param {Part<T> | null} part
 * @param {(one: T) => HTMLElement} line
 */
function group(title, part, line) {
  if (part === null) return null
  return h(
    'section',
    { class: 'card', 'aria-label': title },
    h('h2', {}, title),
    'failed' in part
      ? notice('bad', 'Could not be loaded', h('p', {}, part.failed))
      : lines(part.all.map(line)),
  )
}

/** @param {readonly HTMLElement[]} all */
function lines(all) {
  if (all.length === 0) return h('p', { class: 'empty' }, 'None is configured.')
  return h('ul', { class: 'plain-list status-list' }, all)
}
