/** Tickets: what became of each, and reading one anew. */
import Type from 'typebox'
import type { Bridges } from '../../pipeline/bridge/bridges.ts'
import { ticketStates } from '../../store/tickets.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, Enum, problems, Ref } from '../schema.ts'
import { bridgeUnknown, ofBridge } from './bridges-schema.ts'
import { invalid } from './indicator-arguments.ts'
import { firstOf, pageAnswer, pageEnd, textCursor } from './paging.ts'
import { ticketAnswer, ticketSummary } from './tickets-answer.ts'
import {
  ticketExample,
  ticketSchema,
  ticketSummaryExample,
  ticketSummarySchema,
  ticketUnknown,
} from './tickets-schema.ts'

export interface TicketRoutesOptions {
  readonly bridges: Bridges
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

const ticketParams = Type.Object({
  bridge: Type.String({ maxLength: 64, description: 'Name of the configured bridge.', examples: ['ctp'] }),
  ticketId: Type.String({
    maxLength: 200,
    description: 'Id of the ticket at its desk.',
    examples: ['IN41200311'],
  }),
})

const ticketArguments = Type.Object({
  ...ofBridge,
  state: Type.Optional(
    Type.Array(Enum(ticketStates), {
      description: 'Only those in one of these states.',
      examples: [['open', 'closed']],
    }),
  ),
  cursor: textCursor(300),
})

export function ticketRoutes({ bridges, publicUrl }: TicketRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/tickets',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'listTickets',
        summary: 'List tickets',
        description: 'Those that came last first, page by page; a change moves none.',
        tags: ['Tickets'],
        querystring: ticketArguments,
        response: {
          200: pageAnswer('A page of tickets.', Type.Array(ticketSummarySchema), [ticketSummaryExample]),
          ...problems(400, 401, 403, 429, 500, 503),
          404: bridgeUnknown,
        },
      },
      handler: async (request, reply) => {
        const { bridge, state = [], limit = 100, cursor } = request.query
        const found = await bridges.tickets({
          ...(bridge && { bridge }),
          ...(state.length > 0 && { states: state }),
          limit: limit + 1,
          ...(cursor !== undefined && { after: placeOf(cursor) }),
        })
        const { page, next } = firstOf(found, limit, (last) => `${last.bridge}/${last.ticketId}`)
        return { data: page.map(ticketSummary), ...pageEnd(request, reply, publicUrl, next) }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/tickets/:bridge/:ticketId',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'getTicket',
        summary: 'Get a ticket, its versions, its incident and all that was done',
        description: 'As the desk last had it, and as the incident was last seen.',
        tags: ['Tickets'],
        params: ticketParams,
        response: {
          200: answer('The ticket.', Ref(ticketSchema), ticketExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: ticketUnknown,
        },
      },
      handler: async (request) =>
        ticketAnswer(await bridges.ticket(request.params.bridge, request.params.ticketId)),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/tickets/:bridge/:ticketId/resync',
      config: { scope: 'tickets:write', audit: 'tickets.resync' },
      schema: {
        operationId: 'resyncTicket',
        summary: 'Read a ticket anew and do what is missing',
        description:
          'Asks the desk for the ticket by its id, also for one that the bridge has not seen. Where somebody deleted its incident, a new one is made.',
        tags: ['Tickets'],
        params: ticketParams,
        response: {
          202: answer(
            'The ticket as it is now; what is missing is done soon.',
            Ref(ticketSchema),
            ticketExample,
          ),
          ...problems(400, 401, 403, 429, 500, 502, 503, 504),
          404: ticketUnknown,
        },
      },
      handler: async (request, reply) => {
        const signal = whileConnected(request, reply, bridges.stopping)
        const { bridge, ticketId } = request.params
        const details = await bridges.resync(bridge, ticketId, signal)
        reply.code(202)
        return ticketAnswer(details)
      },
    })
  }
}

/** @throws ServiceError ARGUMENT_INVALID */
function placeOf(cursor: string) {
  const slash = cursor.indexOf('/')
  if (slash < 1) throw invalid('cursor', 'takes `next` of the page before, of the same list')
  return { bridge: cursor.slice(0, slash), ticketId: cursor.slice(slash + 1) }
}
