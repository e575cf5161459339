// @ts-check
/** Effects: what is done at incidents and tickets; those that are dead are tried again or given up here. */
/** @import { Effect } from '../answers.d.ts' */
import { action } from './action.js'
import { path } from './api.js'
import { h } from './dom.js'
import { filters } from './filters.js'
import { pagedList } from './more.js'
import { effectStatus } from './outcome-status.js'
import { to } from './router.js'
import { number, table } from './table.js'
import { time } from './time.js'

const states = ['pending', 'inflight', 'ambiguous', 'failed', 'done', 'dead', 'skipped']

/** @type {import('./router.js').View} */
export const effects = {
  pattern: 'effects',
  under: 'tickets',
  allowed: ({ may }) => may('tickets:read'),
  title: () => 'Effects',
  show(context) {
    const { element: form, query } = filters({
      label: 'Which effects',
      params: context.params,
      address: to`effects`,
      fields: [
        { name: 'bridge', label: 'Bridge', hint: 'name' },
        { name: 'state', label: 'State', choices: states },
      ],
    })
    /** @type {import('./refresh.js').Live} */
    const list = pagedList(
      {
        what: 'the effects',
        path: '/api/v1/effects',
        query: () => ({ limit: 50, ...query() }),
        render: (rows) =>
          effectsTable('Effects, in the order in which they were planned', rows, context, () =>
            list.reload(),
          ),
      },
      context,
    )
    return [form, list.element]
  },
}

const canRetry = ['dead', 'failed', 'ambiguous']
const canSkip = ['pending', 'failed', 'ambiguous', 'dead']

/**
 * @param {string} caption
 * @param {readonly Effect[]} rows
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} after
 */
export function effectsTable(caption, rows, context, after) {
  const mend = {
    title: 'Mend',
    cell: (/** @type {Effect} */ effect) => mending(effect, context, after),
  }
  return table({
    caption,
    rows,
    empty: 'There is none of these.',
    columns: [
      { title: 'Effect', as: 'head', cell: ({ id, kind }) => `${kind} ${id}` },
      {
        title: 'Ticket',
        cell: ({ bridge, ticketId, id }) =>
          h('a', { href: to`tickets/${bridge}/${ticketId}`, 'data-keep': `ticket of ${id}` }, ticketId),
      },
      { title: 'State', cell: ({ state }) => effectStatus(state) },
      { title: 'Why', as: 'wide', cell: ({ error }) => error },
      { title: 'Tries', as: 'number', cell: ({ attempts }) => number(attempts) },
      { title: 'Next try', cell: ({ dueAt }) => dueAt !== null && time(dueAt) },
      { title: 'Changed', cell: ({ updatedAt }) => time(updatedAt) },
      ...(context.may('tickets:write') ? [mend] : []),
    ],
  })
}

/**
 * @param {Effect} effect
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} after
 */
function mending({ id, kind, ticketId, state }, { api, messages, signal }, after) {
  const about = `${kind} ${id} of ${ticketId}`
  const retry = async () => {
    await api.post(path`/api/v1/effects/${id}/retry`, { signal })
    return `${about} is tried again`
  }
  const skip = async () => {
    await api.post(path`/api/v1/effects/${id}/skip`, { signal })
    return `${about} is given up`
  }
  return h(
    'div',
    { class: 'buttons' },
    canRetry.includes(state) && action({ label: 'Retry', about, run: retry, messages, after }),
    canSkip.includes(state) &&
      action({
        label: 'Skip',
        about,
        tone: 'danger',
        confirm: `Give up ${about}? It is never done then.`,
        run: skip,
        messages,
        after,
      }),
  )
}
