/** Secureworks CTP as a ticket desk: its public ticket API v3. */
import type { ConnectorContext } from '../../connector.ts'
import type { TicketDesk, TicketDeskDefinition } from '../ticket-desk.ts'
import { checkSecureworksCtp } from './check.ts'
import { CtpClient } from './client.ts'
import { closingOf } from './closing.ts'
import { type SecureworksCtpSettings, secureworksCtpSettings } from './settings.ts'
import { ticketOf } from './ticket.ts'
import { queueOf, service } from './wire.ts'

/** What changed longer ago and was not acknowledged is not handed out any more. */
const keepsMs = 24 * 60 * 60 * 1000

export const secureworksCtp: TicketDeskDefinition<SecureworksCtpSettings> = {
  kind: service,
  title: 'Secureworks CTP tickets',
  settings: secureworksCtpSettings,
  // Another user's tickets are acknowledged by themselves: the user name is no mere credential.
  credentials: ['password'],
  queues: ({ baseUrl, username, ticketTypes }) =>
    ticketTypes.map((queue) => `${queue} of ${username} at ${baseUrl}`),
  create: createDesk,
}

function createDesk(settings: SecureworksCtpSettings, { connect, log }: ConnectorContext): TicketDesk {
  const { baseUrl, username, password, limit } = settings
  const queues = [...new Set(settings.ticketTypes)]
  const types = [...new Set(queues.map((queue) => queueOf(queue).ticketType))]
  const takesHealth = queues.some((queue) => queueOf(queue).groupingType === 'HEALTH')
  const includeHealth = settings.includeHealth ?? takesHealth
  const credentials = { baseUrl, username, password, ticketType: types[0] ?? 'INCIDENT' }
  const client = new CtpClient(connect(baseUrl), credentials, log)
  return {
    queues,
    everyMs: settings.every,
    keepsMs,
    waiting: (queue, signal) => client.updates(queueOf(queue), limit, signal),
    acknowledge: (versions, signal) => client.acknowledge(versions, signal),
    ticketOf: (id, raw) => ticketOf(id, raw, { includeHealth }),
    ticket: (id, signal) => client.ticket(id, signal),
    attachment: (ticketId, { id }, options) => client.attachment(ticketId, id, options),
    async closing(ticketId, raw, signal) {
      const closing = closingOf(raw)
      if (closing.by !== 'close' || closing.codes !== undefined) return closing
      return { by: 'close', codes: await client.closeCodes(ticketId, signal) }
    },
    close: (ticketId, { code, note }, signal) => client.close(ticketId, code, note, signal),
    addNote: (ticketId, text, signal) => client.addWorklog(ticketId, text, signal),
    assign: (ticketId, note, signal) => client.assign(ticketId, note, signal),
    link: (ticketId, { id }, signal) => client.update(ticketId, { externalTicketNum: id }, signal),
    check: (signal) => checkSecureworksCtp({ client, types, queues, includeHealth }, signal),
  }
}
