// @ts-check
/** The audit log: who did what, and whether anybody tampered with it. */
/** @import { AuditCheck, AuditEntry } from '../answers.d.ts' */
import { action } from './action.js'
import { h } from './dom.js'
import { filters } from './filters.js'
import { pagedList } from './more.js'
import { to } from './router.js'
import { many, table } from './table.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const audit = {
  pattern: 'audit',
  menu: 'Audit log',
  allowed: ({ may }) => may('admin'),
  title: () => 'Audit log',
  show(context) {
    const { element: form, query } = filters({
      label: 'Which entries',
      params: context.params,
      address: to`audit`,
      fields: [
        { name: 'key', label: 'Key', hint: 'id' },
        { name: 'action', label: 'Action', hint: 'such as push' },
      ],
    })
    const list = pagedList(
      {
        what: 'the audit log',
        path: '/api/v1/audit',
        query: () => ({ limit: 100, ...query() }),
        render: entriesTable,
      },
      context,
    )
    return [verification(context), form, list.element]
  },
}

/** @param {readonly AuditEntry[]} rows */
function entriesTable(rows) {
  return table({
    caption: 'Entries, newest first',
    rows,
    empty: 'There is none of these.',
    columns: [
      { title: 'When', as: 'head', cell: ({ at }) => time(at) },
      { title: 'Key', cell: ({ key }) => key ?? 'none' },
      { title: 'From', cell: ({ address }) => address },
      { title: 'What', cell: ({ action }) => action },
      { title: 'To what', cell: ({ subject }) => subject },
      { title: 'Answer', as: 'number', cell: ({ status }) => status },
      { title: 'Request', cell: ({ requestId }) => requestId !== null && h('code', {}, requestId) },
      { title: 'Details', cell: ({ details }) => detailsText(details) },
    ],
  })
}

/** @param {Readonly<Record<string, unknown>>} details */
function detailsText(details) {
  return Object.entries(details)
    .map(([name, value]) => `${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(', ')
}

/** @param {import('./router.js').Context} context */
function verification({ api, messages, signal }) {
  const run = async () => {
    /** @type {AuditCheck} */
    const { ok, entries, broken } = await api.get('/api/v1/audit/verify', { signal })
    if (ok) return `The audit log is whole: ${many(entries, 'entry', 'entries')}, each as it was written`
    return /** @type {const} */ ([
      'bad',
      `The entry ${broken} does not fit the one before it`,
      h('p', {}, 'It was changed after it was written, or one before it was taken out.'),
    ])
  }
  return h('p', { class: 'buttons' }, action({ label: 'Verify', about: 'the audit log', run, messages }))
}
