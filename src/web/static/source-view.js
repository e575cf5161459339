// @ts-check
/** One source: how it stands, what it holds over time, its fetches; fetching and checking it. */
/** @import { Checks, History, Run, Source } from '../answers.d.ts' */
import { action } from './action.js'
import { path } from './api.js'
import { chart } from './chart.js'
import { facts, h } from './dom.js'
import { findings } from './findings.js'
import { linesOf, untilNow } from './history.js'
import { pagedList } from './more.js'
import { duration, equation, receipt } from './receipt.js'
import { live } from './refresh.js'
import { runStatus } from './status-lines.js'
import { number, table } from './table.js'
import { time } from './time.js'

const days = 7

/** @type {import('./router.js').View} */
export const source = {
  pattern: 'sources/:name',
  allowed: ({ may }) => may('indicators:read'),
  title: ({ name }) => `Source ${name}`,
  show(context) {
    const { api, params, signal } = context
    const { name = '' } = params
    const state = live({
      what: 'the source',
      signal,
      load: (signal) => /** @type {Promise<Source>} */ (api.get(path`/api/v1/sources/${name}`, { signal })),
      render: standing,
    })
    const history = live({
      what: 'the counts over time',
      signal,
      load: (signal) =>
        /** @type {Promise<History>} */ (
          api.get(path`/api/v1/sources/${name}/history`, { query: { days }, signal })
        ),
      render: ({ data }, signal) =>
        chart({
          title: `Indicators by type, the last ${days} days`,
          ...untilNow(linesOf(data)),
          stacked: true,
          empty: 'Nothing was counted yet; it is counted after each fetch, and every few minutes.',
          signal,
        }),
    })
    const fetches = pagedList(
      { what: 'the fetches', path: path`/api/v1/sources/${name}/runs`, render: runsTable },
      context,
    )
    const reload = () => Promise.all([state.reload(), fetches.reload(), history.reload()])
    return [
      actions(context, name, state.reload, reload),
      state.element,
      history.element,
      h('h2', {}, 'Fetches'),
      fetches.element,
    ]
  },
}

/** @param {Source} source */
function standing({ kind, every, state, lastRun, nextFetchAt, indicators }) {
  const types = Object.entries(indicators.byType).toSorted(([, a], [, b]) => b - a)
  return [
    facts([
      ['State', runStatus(state)],
      ['Kind', kind],
      ['Fetched', every === 'off' ? 'only when asked' : `every ${every}`],
      ['Next fetch', time(nextFetchAt, 'when asked')],
      ['Indicators now', number(indicators.total)],
    ]),
    types.length > 0 &&
      h('p', { class: 'hint' }, types.map(([type, count]) => `${type} ${number(count)}`).join(', ')),
    h(
      'section',
      { class: 'card', 'aria-labelledby': 'last-fetch' },
      h('h2', { id: 'last-fetch' }, 'Last fetch'),
      lastRun === null ? h('p', { class: 'empty' }, 'There was none yet.') : receipt(lastRun),
    ),
  ]
}

const waitSeconds = 60
const lookMs = 2000

/**
 * @param {import('./router.js').Context} context
 * @param {string} name
 * @param {() => Promise<void>} look shows how far it is
 * @param {() => Promise<unknown>} after
 */
function actions({ api, may, messages, signal }, name, look, after) {
  if (!may('sources:run')) return null
  const report = h('div', { 'aria-live': 'polite' })
  const fetchNow = async () => {
    const looking = setInterval(look, lookMs)
    try {
      /** @type {Run} */
      const run = await api.post(path`/api/v1/sources/${name}/fetch`, {
        query: { wait: waitSeconds },
        signal,
      })
      const tone = /** @type {const} */ ({
        running: 'busy',
        succeeded: 'good',
        partial: 'warn',
        failed: 'bad',
      })
      const title =
        run.status === 'running' ? `The fetch of ${name} goes on` : `The fetch of ${name}: ${run.status}`
      return /** @type {const} */ ([
        tone[run.status],
        title,
        h('p', {}, equation(run)),
        run.error && h('p', {}, run.error.detail),
      ])
    } finally {
      clearInterval(looking)
    }
  }
  const check = async () => {
    /** @type {Checks} */
    const checks = await api.post(path`/api/v1/sources/${name}/check`, { signal })
    report.replaceChildren(findings(`the source ${name}`, checks))
    return checks.ok
      ? 'All checks are good'
      : /** @type {const} */ (['bad', 'Something is wrong: see the checks'])
  }
  return h(
    'div',
    {},
    h(
      'p',
      { class: 'buttons' },
      action({ label: 'Fetch now', run: fetchNow, messages, after }),
      action({ label: 'Check', about: `the source ${name}`, run: check, messages }),
    ),
    report,
  )
}

/** @param {readonly Run[]} rows */
function runsTable(rows) {
  return table({
    caption: 'Fetches, newest first',
    rows,
    empty: 'There was none yet.',
    columns: [
      { title: 'Began', as: 'head', cell: ({ startedAt }) => time(startedAt) },
      { title: 'Result', cell: ({ status }) => runStatus(status) },
      { title: 'Equation', as: 'wide', cell: equation },
      { title: 'Left', as: 'number', cell: ({ removed }) => number(removed) },
      { title: 'Took', as: 'number', cell: duration },
      { title: 'Cause', as: 'wide', cell: ({ error }) => error?.detail },
    ],
  })
}
