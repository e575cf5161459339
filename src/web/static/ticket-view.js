// @ts-check
/** One ticket: its incident, all that was and is to be done, its versions and its history; reading it anew. */
/** @import { Ticket } from '../answers.d.ts' */
import { action } from './action.js'
import { path } from './api.js'
import { facts, h } from './dom.js'
import { effectsTable } from './effects-view.js'
import { outcomeStatus } from './outcome-status.js'
import { live } from './refresh.js'
import { table } from './table.js'
import { incidentLink } from './tickets-view.js'
import { time } from './time.js'

/** @type {import('./router.js').View} */
export const ticket = {
  pattern: 'tickets/:bridge/:ticketId',
  allowed: ({ may }) => may('tickets:read'),
  title: ({ ticketId }) => `Ticket ${ticketId}`,
  show(context) {
    const { api, params, signal } = context
    const { bridge = '', ticketId = '' } = params
    /** @type {import('./refresh.js').Live} */
    const state = live({
      what: 'the ticket',
      signal,
      load: (signal) =>
        /** @type {Promise<Ticket>} */ (api.get(path`/api/v1/tickets/${bridge}/${ticketId}`, { signal })),
      render: (ticket) => standing(ticket, context, state.reload),
    })
    return state.element
  },
}

/**
 * @param {Ticket} ticket
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} after
 */
function standing(ticket, context, after) {
  const { bridge, ticketId, state, reason, status, title, incident, firstSeenAt, lastSeenAt } = ticket
  return [
    facts([
      ['Title', title],
      ['State', outcomeStatus(state)],
      ['Why', reason],
      ['At the desk', status],
      ['Incident', incident === null ? 'none yet' : incidentLink(incident)],
      ['Bridge', bridge],
      ['First seen', time(firstSeenAt)],
      ['Last seen', time(lastSeenAt)],
    ]),
    resync(bridge, ticketId, context, after),
    h('h2', {}, 'Effects'),
    effectsTable('Effects, in the order in which they were planned', ticket.effects, context, after),
    h('h2', {}, 'Versions'),
    versionsTable(ticket),
    ticket.events.length > 0 && [h('h2', {}, 'What else happened'), eventsTable(ticket)],
    h(
      'details',
      { 'data-keep': 'ticket as received' },
      h('summary', {}, 'The ticket as received'),
      h('pre', { tabindex: 0 }, JSON.stringify(ticket.raw, null, 2)),
    ),
  ]
}

/**
 * @param {string} bridge
 * @param {string} ticketId
 * @param {import('./router.js').Context} context
 * @param {() => Promise<void>} after
 */
function resync(bridge, ticketId, { api, may, messages, signal }, after) {
  if (!may('tickets:write')) return null
  const run = async () => {
    await api.post(path`/api/v1/tickets/${bridge}/${ticketId}/resync`, { signal })
    return `${ticketId} was read anew; what is missing is done`
  }
  const confirm = `Read ${ticketId} anew, and do what is missing? An incident that was deleted is made again.`
  return h(
    'p',
    { class: 'buttons' },
    action({ label: 'Read anew', about: ticketId, confirm, run, messages, after }),
  )
}

/** @param {Ticket} ticket */
function versionsTable({ versions }) {
  return table({
    caption: 'Versions, newest first',
    rows: versions,
    empty: 'There is none.',
    columns: [
      { title: 'Received', as: 'head', cell: ({ receivedAt }) => time(receivedAt) },
      { title: 'Status', cell: ({ status }) => status },
      { title: 'Acknowledged', cell: ({ acknowledgedAt }) => time(acknowledgedAt, 'not yet') },
      { title: 'The desk said', cell: ({ ackCode }) => ackCode },
    ],
  })
}

/** @param {Ticket} ticket */
function eventsTable({ events }) {
  return table({
    caption: 'Events, oldest first',
    rows: events,
    empty: 'There is none.',
    columns: [
      { title: 'When', as: 'head', cell: ({ at }) => time(at) },
      { title: 'What', cell: ({ kind }) => kind },
      { title: 'In words', as: 'wide', cell: ({ detail }) => detail },
    ],
  })
}
