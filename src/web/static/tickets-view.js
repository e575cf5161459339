// @ts-check
/** Tickets and the bridges that carry them: how both sides stand, a poll now, and the tickets by state. */
/** @import { Bridge, Checks, Poll, TicketSummary } from '../answers.d.ts' */
import { action } from './action.js'
import { path } from './api.js'
import { facts, h, outsideLink } from './dom.js'
import { filters } from './filters.js'
import { findings } from './findings.js'
import { pagedList } from './more.js'
import { outcomeStatus } from './outcome-status.js'
import { live } from './refresh.js'
import { to } from './router.js'
import { notice } from './status.js'
import { circuitStatus } from './status-lines.js'
import { number, table } from './table.js'
import { time } from './time.js'

const states = ['pending', 'creating', 'open', 'closing', 'closed', 'skipped', 'tombstone', 'error']

/** @type {import('./router.js').View} */
export const tickets = {
  pattern: 'tickets',
  menu: 'Tickets',
  allowed: ({ may }) => may('tickets:read'),
  title: () => 'Tickets',
  show(context) {
    const { api, params, signal } = context
    const { element: form, query } = filters({
      label: 'Which tickets',
      params,
      address: to`tickets`,
      fields: [
        { name: 'bridge', label: 'Bridge', hint: 'name' },
        { name: 'state', label: 'State', choices: states },
      ],
    })
    const list = pagedList(
      {
        what: 'the tickets',
        path: '/api/v1/tickets',
        query: () => ({ limit: 50, ...query() }),
        render: ticketsTable,
      },
      context,
    )
    /** @type {Map<string, HTMLElement>} */
    const reports = new Map()
    const reportOf = (/** @type {Bridge} */ { name }) => {
      const report = reports.get(name) ?? h('div', { 'aria-live': 'polite' })
      reports.set(name, report)
      return report
    }
    const reload = () => Promise.all([bridges.reload(), list.reload()])
    /** @type {import('./refresh.js').Live} */
    const bridges = live({
      what: 'the bridges',
      signal,
      load: (signal) =>
        /** @type {Promise<{ data: readonly Bridge[] }>} */ (api.get('/api/v1/bridges', { signal })),
      render: ({ data }) =>
        data
          .filter(({ name }) => params.bridge === undefined || params.bridge === name)
          .map((bridge) => bridgeCard(bridge, context, reportOf(bridge), reload)),
    })
    return [
      h('p', {}, h('a', { href: to`effects` }, 'Effects: what is done at incidents and tickets')),
      bridges.element,
      h('h2', {}, 'Tickets'),
      form,
      list.element,
    ]
  },
}

/**
 * @param {Bridge} bridge
 * @param {import('./router.js').Context} context
 * @param {HTMLElement} report where what was found stays when the card is drawn again
 * @param {() => Promise<unknown>} after
 */
function bridgeCard(bridge, context, report, after) {
  const { name, ticketDesk, incidentSink, tickets, effects, oldestPendingAt } = bridge
  const { lastPoll, nextPollAt, possibleGap } = bridge
  return h(
    'section',
    { class: 'card', 'aria-label': `Bridge ${name}` },
    h('h2', {}, `Bridge ${name}`),
    [ticketDesk, incidentSink].map(
      ({ kind, circuit, lastError }) =>
        circuit !== 'closed' &&
        notice(
          circuit === 'paused' ? 'bad' : 'warn',
          `${kind} ${circuit === 'paused' ? 'is paused' : 'fails, and is tried again'}`,
          h('p', {}, lastError?.cause),
          h('p', {}, lastError?.remedy),
        ),
    ),
    lastPoll?.error &&
      notice(
        'warn',
        `The last poll ${lastPoll.status === 'failed' ? 'failed' : 'was not whole'}`,
        h('p', {}, lastPoll.error.detail),
      ),
    possibleGap !== null &&
      notice(
        'warn',
        'Tickets may be missing',
        h('p', {}, 'Nobody read the desk from ', time(possibleGap.from), ' to ', time(possibleGap.to), '.'),
      ),
    facts([
      [ticketDesk.kind, circuitStatus(ticketDesk.circuit)],
      [incidentSink.kind, circuitStatus(incidentSink.circuit)],
      [
        'Last poll',
        lastPoll === null ? 'none yet' : [outcomeStatus(lastPoll.status), ' ', time(lastPoll.startedAt)],
      ],
      ['Next poll', time(nextPollAt, 'when asked, or after a resume')],
      ['Tickets', counted(tickets)],
      ['Effects', counted(effects)],
      ['The oldest effect waits since', time(oldestPendingAt, 'none waits')],
    ]),
    actions(context, name, report, after),
  )
}

/** @param {Readonly<Record<string, number>>} counts */
function counted(counts) {
  const given = Object.entries(counts).filter(([, count]) => count > 0)
  return given.length === 0 ? 'none' : given.map(([state, count]) => `${state} ${number(count)}`).join(', ')
}

const waitSeconds = 60
const pollTones = /** @type {const} */ ({
  running: 'busy',
  succeeded: 'good',
  partial: 'warn',
  failed: 'bad',
})

/**
 * @param {import('./router.js').Context} context
 * @param {string} name
 * @param {HTMLElement} report
 * @param {() => Promise<unknown>} after
 */
function actions({ api, may, messages, signal }, name, report, after) {
  if (!may('tickets:write')) return null
  const poll = async () => {
    /** @type {Poll} */
    const { status, received, stored, unchanged, unreadableCount, error } = await api.post(
      path`/api/v1/bridges/${name}/poll`,
      { query: { wait: waitSeconds }, signal },
    )
    const parts = Object.entries({ stored, unchanged, unreadable: unreadableCount })
    const sum = parts.map(([part, count]) => `${part} ${number(count)}`).join(' + ')
    return /** @type {const} */ ([
      pollTones[status],
      status === 'running' ? `The poll of ${name} goes on` : `The poll of ${name}: ${status}`,
      h('p', {}, `received ${number(received)} = ${sum}`),
      error && h('p', {}, error.detail),
    ])
  }
  const check = async () => {
    /** @type {Checks} */
    const checks = await api.post(path`/api/v1/bridges/${name}/check`, { signal })
    report.replaceChildren(findings(`the bridge ${name}`, checks))
    return checks.ok
      ? 'All checks are good'
      : /** @type {const} */ (['bad', 'Something is wrong: see the checks'])
  }
  const resume = async () => {
    await api.post(path`/api/v1/bridges/${name}/resume`, { signal })
    return `${name} goes on: what waits is tried`
  }
  const about = `the bridge ${name}`
  return h(
    'div',
    {},
    h(
      'p',
      { class: 'buttons' },
      action({ label: 'Poll now', about, run: poll, messages, after }),
      action({ label: 'Check', about, run: check, messages }),
      action({
        label: 'Resume',
        about,
        confirm: `Try again at once what waits for ${name}?`,
        run: resume,
        messages,
        after,
      }),
    ),
    report,
  )
}

/** @param {readonly TicketSummary[]} rows */
function ticketsTable(rows) {
  return table({
    caption: 'Tickets, those that came last first',
    rows,
    empty: 'There is none of these.',
    columns: [
      {
        title: 'Ticket',
        as: 'head',
        cell: ({ bridge, ticketId }) =>
          h(
            'a',
            { href: to`tickets/${bridge}/${ticketId}`, 'data-keep': `ticket ${bridge} ${ticketId}` },
            ticketId,
          ),
      },
      { title: 'Title', as: 'wide', cell: ({ title }) => title },
      { title: 'At the desk', cell: ({ status }) => status },
      { title: 'State', cell: ({ state }) => outcomeStatus(state) },
      { title: 'Why', as: 'wide', cell: ({ reason }) => reason },
      { title: 'Incident', cell: ({ incident }) => incident !== null && incidentLink(incident) },
      { title: 'Last seen', cell: ({ lastSeenAt }) => time(lastSeenAt) },
    ],
  })
}

/** @param {import('../answers.d.ts').Incident} incident */
export function incidentLink({ id, url, status }) {
  return [url === null ? id : outsideLink(url, id), ` (${status})`]
}
