// @ts-check
/** One feed: how it stands, its size over time, its addresses, what a form leaves out, and how products read it. */
/** @import { Feed, FeedReport, History, Recipe } from '../answers.d.ts' */
import { action, copyButton } from './action.js'
import { path } from './api.js'
import { chart } from './chart.js'
import { choice } from './choice.js'
import { facts, h } from './dom.js'
import { consumers, formats, profiles } from './feed-forms.js'
import { linesOf, untilNow } from './history.js'
import { live } from './refresh.js'
import { notice } from './status.js'
import { feedStatus } from './status-lines.js'
import { number, table } from './table.js'
import { time } from './time.js'

const days = 7

/** @type {import('./router.js').View} */
export const feed = {
  pattern: 'feeds/:name',
  allowed: ({ mayAny }) => mayAny('feeds:read'),
  title: ({ name }) => `Feed ${name}`,
  show(context) {
    const { api, params, signal } = context
    const { name = '' } = params
    /** @type {import('./refresh.js').Live} */
    const state = live({
      what: 'the feed',
      signal,
      load: (signal) => /** @type {Promise<Feed>} */ (api.get(path`/api/v1/feeds/${name}`, { signal })),
      render: (feed) => standing(feed, context, state.reload),
      ignore: ['ageSeconds'],
    })
    const history = live({
      what: 'the size over time',
      signal,
      load: (signal) =>
        /** @type {Promise<History>} */ (
          api.get(path`/api/v1/feeds/${name}/history`, { query: { days }, signal })
        ),
      render: ({ data }, signal) =>
        chart({
          title: `Entries, the last ${days} days`,
          ...untilNow(linesOf(data)),
          stepped: true,
          empty: 'Its size was not noted yet.',
          signal,
        }),
    })
    return [
      state.element,
      history.element,
      h('h2', {}, 'What a form leaves out'),
      h('p', { class: 'hint' }, 'Makes the list once more, as of now: a large one takes some seconds.'),
      leftOut(context, name),
      h('h2', {}, 'How a product reads it'),
      recipes(context, name),
    ]
  },
}

/**
 * @param {Feed} feed
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} reload
 */
function standing(feed, context, reload) {
  const { filter, limit, ready, waitsFor, entries, truncated, changedAt, urls } = feed
  return [
    !ready &&
      notice('warn', 'Not served yet', h('p', {}, `It waits for the first fetch of ${waitsFor.join(', ')}.`)),
    held(feed, context, reload),
    facts([
      ['State', feedStatus(feed)],
      ['Entries', number(entries)],
      ['Left out by its limit', number(truncated)],
      ['Limit', limit === 0 ? 'none' : number(limit)],
      ['Last changed', time(changedAt)],
      ['What is in it', filter],
    ]),
    table({
      caption: 'Its addresses',
      rows: Object.entries(urls),
      empty: 'None.',
      columns: [
        { title: 'Form', as: 'head', cell: ([form]) => form },
        { title: 'Address', as: 'wide', cell: ([, url]) => h('span', { class: 'value' }, url) },
        { title: 'Copy', cell: ([form, url]) => copyButton(url, `the address of ${form}`, context.messages) },
      ],
    }),
  ]
}

/**
 * @param {Feed} feed
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} reload
 */
function held({ name, hold }, { api, may, messages, signal }, reload) {
  if (hold === null) return null
  const release = async () => {
    await api.post(path`/api/v1/feeds/${name}/release`, { signal })
    return `The list of ${name} was released`
  }
  return notice(
    'bad',
    'The last good list is held',
    h('p', {}, hold.reason),
    facts([
      ['Held since', time(hold.since)],
      ['Entries of the held list', number(hold.entries)],
      ['Entries of the list that waits', number(hold.next)],
      ['Entries that would be lost', number(hold.lost)],
      ['May lose', `${Math.round(hold.guard * 100)} %`],
    ]),
    may('admin')
      ? action({
          label: 'Release it',
          about: `the feed ${name}`,
          confirm: `The list that waits is then served, though it lacks ${number(hold.lost)} of ${number(hold.entries)} entries. Firewalls no longer block those. Release it?`,
          tone: 'danger',
          run: release,
          messages,
          after: reload,
        })
      : h('p', {}, 'A key with the scope admin may release it.'),
  )
}

const mostShown = 200

/**
 * @param {import('./router.js').Context} context
 * @param {string} name
 */
function leftOut({ api, signal }, name) {
  return choice({
    id: 'form',
    label: 'Form',
    submit: 'Show what it leaves out',
    choices: [
      ...profiles.map((profile) => /** @type {const} */ ([`profile ${profile}`, profile])),
      ...formats.map((format) => /** @type {const} */ ([`format ${format}`, `.${format}`])),
    ],
    async load(chosen) {
      const [argument = '', value] = chosen.split(' ')
      const query = { [argument]: value, report_limit: mostShown }
      return reportOf(await api.get(path`/api/v1/feeds/${name}/report`, { query, signal }))
    },
  })
}

/** @param {FeedReport} report */
function reportOf({ entries, indicators, dropped, changed, truncated, counts, cut }) {
  const reasons = [
    ...Object.entries(counts.droppedBy).map(([why, count]) => ({ what: 'left out', why, count })),
    ...Object.entries(counts.changedBy).map(([why, count]) => ({ what: 'changed', why, count })),
  ]
  return [
    h(
      'p',
      {},
      `${number(indicators)} indicators make ${number(entries)} entries: ${number(counts.dropped)} are left out, ${number(counts.changed)} changed, ${number(truncated)} had no room.`,
    ),
    table({
      caption: 'Why, and how many',
      rows: reasons.toSorted((a, b) => b.count - a.count),
      empty: 'Nothing is left out or changed.',
      columns: [
        { title: 'Reason', as: 'head', cell: ({ why }) => why },
        { title: 'What becomes of it', cell: ({ what }) => what },
        { title: 'Indicators', as: 'number', cell: ({ count }) => number(count) },
      ],
    }),
    dropped.length > 0 &&
      table({
        caption: cut ? `Left out, the first ${number(dropped.length)}` : 'Left out',
        rows: dropped,
        empty: '',
        columns: [
          { title: 'Value', as: 'head', cell: ({ value }) => h('span', { class: 'value' }, value) },
          { title: 'Reason', as: 'wide', cell: ({ reason }) => reason },
        ],
      }),
    changed.length > 0 &&
      table({
        caption: cut ? `Changed, the first ${number(changed.length)}` : 'Changed',
        rows: changed,
        empty: '',
        columns: [
          { title: 'Value', as: 'head', cell: ({ value }) => h('span', { class: 'value' }, value) },
          { title: 'Served as', cell: ({ to }) => h('span', { class: 'value' }, to) },
          { title: 'Reason', as: 'wide', cell: ({ reason }) => reason },
        ],
      }),
  ]
}

/**
 * @param {import('./router.js').Context} context
 * @param {string} name
 */
function recipes({ api, messages, signal }, name) {
  return choice({
    id: 'consumer',
    label: 'Product',
    submit: 'Show the recipe',
    choices: consumers,
    load: async (consumer) =>
      recipeOf(await api.get(path`/api/v1/feeds/${name}/recipes/${consumer}`, { signal }), messages),
  })
}

/**
 * @param {Recipe} recipe
 * @param {import('./messages.js').Messages} messages
 */
function recipeOf({ title, steps, settings }, messages) {
  return [
    h('h3', {}, title),
    h(
      'ol',
      {},
      steps.map((step) => h('li', {}, withCode(step))),
    ),
    table({
      caption: 'What to type',
      rows: Object.entries(settings),
      empty: 'Nothing.',
      columns: [
        { title: 'Field', as: 'head', cell: ([field]) => field },
        { title: 'Value', as: 'wide', cell: ([, value]) => h('span', { class: 'value' }, value) },
        { title: 'Copy', cell: ([field, value]) => copyButton(value, field, messages) },
      ],
    }),
  ]
}

/**
 * What stands between backticks is code.
 * @param {string} text
 */
function withCode(text) {
  return text.split('`').map((part, at) => (at % 2 === 1 ? h('code', {}, part) : part))
}
