// @ts-check
/** The receipt of a fetch: its equation, what could not be read, what failed. */
/** @import { Run } from '../answers.d.ts' */
import { facts, h } from './dom.js'
import { notice } from './status.js'
import { runStatus } from './status-lines.js'
import { number, table } from './table.js'
import { span, time } from './time.js'

/**
 * `received 1,000 = stored 990 + updated 0 + unchanged 0 + excluded 4 + unreadable 6`
 * @param {Run} run
 */
export function equation({ received, stored, updated, unchanged, excluded, unreadableCount }) {
  const parts = Object.entries({ stored, updated, unchanged, excluded, unreadable: unreadableCount })
  return `received ${number(received)} = ${parts.map(([name, count]) => `${name} ${number(count)}`).join(' + ')}`
}

/**
 * How long it took; of one under way nothing.
 * @param {Run} run
 */
export function duration({ startedAt, endedAt }) {
  if (endedAt === null) return 'under way'
  const ms = Date.parse(endedAt) - Date.parse(startedAt)
  return ms < 1000 ? `${ms} ms` : span(ms / 1000)
}

/** @param {Run} run */
export function receipt(run) {
  const { error, errors = error === null ? [] : [error] } = run
  return [
    h('p', {}, runStatus(run.status), ' began ', time(run.startedAt)),
    h('p', { class: 'equation' }, h('strong', {}, equation(run))),
    facts([
      ['Took', duration(run)],
      ['Announced by the source', run.expected === null ? null : number(run.expected)],
      ['Values that left', number(run.removed)],
      ['Pages', number(run.pages)],
      ['Requests', number(run.requests)],
    ]),
    errors.map(({ code, detail, part }) =>
      notice(
        run.status === 'failed' ? 'bad' : 'warn',
        part === undefined ? 'Why it failed' : `Why ${part} failed`,
        h('p', {}, detail),
        h('p', { class: 'hint' }, h('code', {}, code)),
      ),
    ),
    unreadable(run),
  ]
}

/** @param {Run} run */
function unreadable({ id, unreadable, unreadableCount }) {
  if (unreadableCount === 0) return null
  const rest = unreadableCount - unreadable.length
  return h(
    'details',
    { 'data-keep': 'unreadable records' },
    h(
      'summary',
      {},
      `${number(unreadableCount)} ${unreadableCount === 1 ? 'record' : 'records'} could not be read`,
    ),
    table({
      caption: 'Records that could not be read',
      id: 'unreadable records',
      rows: unreadable,
      empty: 'None.',
      columns: [
        { title: 'Record', as: 'head', cell: ({ remoteId }) => h('span', { class: 'value' }, remoteId) },
        { title: 'Why', as: 'wide', cell: ({ reason }) => reason },
      ],
    }),
    rest > 0 &&
      h(
        'p',
        { class: 'hint' },
        `And ${number(rest)} more: `,
        h('code', {}, `/api/v1/runs/${id}/unreadable`),
        ' has all.',
      ),
  )
}
