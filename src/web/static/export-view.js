// @ts-check
/** One export: its receipt, what became of each item, and sending some of them again. */
/** @import { Export, ExportItem } from '../answers.d.ts' */
import { action } from './action.js'
import { path } from './api.js'
import { facts, h } from './dom.js'
import { receiptOf } from './exports-view.js'
import { filters } from './filters.js'
import { pagedList } from './more.js'
import { outcomeStatus } from './outcome-status.js'
import { live } from './refresh.js'
import { to } from './router.js'
import { many, number, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const export_ = {
  pattern: 'exports/:id',
  allowed: ({ mayAny }) => mayAny('push'),
  title: () => 'Export receipt',
  show(context) {
    const { api, params, signal } = context
    const { id = '' } = params
    const { element: form, query } = filters({
      label: 'Which items',
      params,
      address: to`exports/${id}`,
      fields: [
        {
          name: 'status',
          label: 'Status',
          choices: ['pending', 'accepted', 'unchanged', 'rejected', 'skipped', 'dead'],
        },
      ],
    })
    /** @type {import('./refresh.js').Live} */
    const items = pagedList(
      { what: 'the items', path: path`/api/v1/exports/${id}/items`, query, render: itemsTable },
      context,
    )
    /** @type {import('./refresh.js').Live} */
    const state = live({
      what: 'the receipt',
      signal,
      load: (signal) => /** @type {Promise<Export>} */ (api.get(path`/api/v1/exports/${id}`, { signal })),
      render: (record) => standing(record, context, () => Promise.all([state.reload(), items.reload()])),
    })
    return [state.element, h('h2', {}, 'Items'), form, items.element]
  },
}

/**
 * @param {Export} record
 * @param {import('./router.js').Context} context
 * @param {() => Promise<unknown>} after
 */
function standing(record, { api, may, messages, signal }, after) {
  const { id, exporter, origin, action: what, requestedBy, status, createdAt, endedAt, counts } = record
  const again = counts.rejected + counts.dead
  const replay = async () => {
    await api.post(path`/api/v1/exports/${id}/replay`, { body: { status: ['rejected', 'dead'] }, signal })
    return `Sent to ${exporter} again: ${many(again, 'item')}`
  }
  return [
    h('p', { class: 'equation' }, outcomeStatus(status), ' ', h('strong', {}, receiptOf(record))),
    facts([
      ['Destination', h('a', { href: to`exporters/${exporter}`, 'data-keep': 'destination' }, exporter)],
      ['What', what],
      ['Origin', origin],
      ['Asked by', requestedBy ?? 'nobody'],
      ['Began', time(createdAt)],
      ['Ended', time(endedAt, 'under way')],
      ['Id', h('code', {}, id)],
    ]),
    may(`push:${exporter}`) &&
      again > 0 &&
      h(
        'p',
        { class: 'buttons' },
        action({
          label: 'Replay',
          about: 'rejected and given up items',
          confirm: `Send what was rejected or given up to ${exporter} again: ${many(again, 'item')}?`,
          run: replay,
          messages,
          after,
        }),
      ),
  ]
}

/** @param {readonly ExportItem[]} rows */
function itemsTable(rows) {
  return table({
    caption: 'Items, in the order of the push',
    rows,
    empty: 'There is none of these.',
    columns: [
      { title: 'Value', as: 'head', cell: ({ value }) => h('span', { class: 'value' }, value) },
      { title: 'Type', cell: ({ type }) => type ?? 'not known' },
      { title: 'Status', cell: ({ status }) => outcomeStatus(status) },
      { title: 'Why', as: 'wide', cell: ({ reason }) => reason },
      {
        title: 'Id there',
        cell: ({ remoteId }) => remoteId !== null && h('span', { class: 'value' }, remoteId),
      },
      { title: 'Tries', as: 'number', cell: ({ attempts }) => number(attempts) },
      { title: 'Last try', cell: ({ lastAttemptAt }) => time(lastAttemptAt) },
    ],
  })
}
