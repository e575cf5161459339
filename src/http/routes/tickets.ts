/** Tickets and what is done of them. */
import Type from 'typebox'
import type { Bridges } from '../../pipeline/bridge/bridges.ts'
import { effectKinds, effectStates, ticketStates } from '../../store/ticket-store.ts'
import { templateKinds } from '../../tickets/incident-sink.ts'
import { urlWith } from '../absolute-url.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, Enum, Nullable, problemAnswer, problems, Ref } from '../schema.ts'
import { bridgeParams } from './bridges.ts'
import { invalid } from './indicator-arguments.ts'
import { effectAnswer, ticketAnswer, ticketSummary } from './tickets-answer.ts'
import {
  bridgeUnknown,
  deadEffectExample,
  effectConflict,
  effectExample,
  effectSchema,
  effectUnknown,
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

const paged = {
  next: Nullable(Type.String(), { description: '`cursor` of the next page; null: there is none.' }),
  links: Type.Object({ next: Nullable(Type.String(), { description: 'Address of the next page.' }) }),
}

const bridge = Type.Optional(
  Type.String({ maxLength: 64, description: 'Only those of this bridge.', examples: ['ctp'] }),
)

const limit = Type.Optional(
  Type.Integer({ minimum: 1, maximum: 1000, default: 100, description: 'Most of a page.', examples: [100] }),
)

const ticketParams = Type.Object({
  bridge: Type.String({ maxLength: 64, description: 'Name of the configured bridge.', examples: ['ctp'] }),
  ticketId: Type.String({
    maxLength: 200,
    description: 'Id of the ticket at its desk.',
    examples: ['IN41200311'],
  }),
})

const ticketArguments = Type.Object({
  bridge,
  state: Type.Optional(
    Type.Array(Enum(ticketStates), {
      description: 'Only those in one of these states.',
      examples: [['open', 'closed']],
    }),
  ),
  limit,
  cursor: Type.Optional(
    Type.String({
      maxLength: 300,
      description: '`next` of the page before; without it, the first page.',
      examples: [''],
    }),
  ),
})

const effectArguments = Type.Object({
  bridge,
  ticketId: Type.Optional(
    Type.String({ maxLength: 200, description: 'Only those of this ticket.', examples: ['IN41200311'] }),
  ),
  state: Type.Optional(
    Type.Array(Enum(effectStates), {
      description: 'Only those in one of these states.',
      examples: [['dead', 'done']],
    }),
  ),
  kind: Type.Optional(
    Type.Array(Enum(effectKinds), {
      description: 'Only those of one of these kinds.',
      examples: [['create', 'close']],
    }),
  ),
  limit,
  cursor: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: '`next` of the page before.',
      examples: [0],
    }),
  ),
})

const previewBody = Type.Object(
  {
    template: Enum(templateKinds, { description: 'Which of the templates.' }),
    source: Type.Optional(
      Type.Unsafe<unknown>({
        anyOf: [{ type: 'string', maxLength: 1_000_000 }, { type: 'object' }],
        description:
          'The template to try: text, or an object whose texts are templates. Absent: the configured one.',
      }),
    ),
    ticket: Type.Optional(
      Type.Unsafe<Record<string, unknown>>({
        type: 'object',
        description: 'A ticket in the words of its desk.',
      }),
    ),
    ticketId: Type.Optional(
      Type.String({ maxLength: 200, description: 'In place of `ticket`: one that the bridge has seen.' }),
    ),
  },
  {
    examples: [
      {
        template: 'update',
        source: { properties: { scwx_ctp_status: '{{ status }}' } },
        ticket: { ticketId: 'IN41200311', status: 'Pending', dateCreated: 1586870009000 },
      },
    ],
  },
)

const effectParams = Type.Object({
  id: Type.String({
    maxLength: 20,
    description:
      'Id of the effect; `latest`: the newest one, for `retry` the newest dead one, for `skip` too, else the newest that is still to be done.',
    examples: ['latest'],
  }),
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
        description: 'Newest change first, page by page.',
        tags: ['Tickets'],
        querystring: ticketArguments,
        response: {
          200: answer(
            'A page of tickets.',
            Type.Object({ data: Type.Array(ticketSummarySchema), ...paged }),
            {
              data: [ticketSummaryExample],
              next: null,
              links: { next: null },
            },
          ),
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
        const page = found.slice(0, limit)
        const last = page.at(-1)
        const next = found.length > limit && last ? `${last.bridge}/${last.ticketId}` : null
        const link = next && urlWith(request, publicUrl, { cursor: next })
        if (link) reply.header('link', `<${link}>; rel="next"`)
        return { data: page.map(ticketSummary), next, links: { next: link } }
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
      config: { scope: 'tickets:write' },
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
        const signal = AbortSignal.any([whileConnected(request, reply), bridges.stopping])
        const { bridge, ticketId } = request.params
        const details = await bridges.resync(bridge, ticketId, signal)
        reply.code(202)
        return ticketAnswer(details)
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/effects',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'listEffects',
        summary: 'List effects: all that was done, and is to be done',
        description: '`state=dead` are those that somebody has to look at.',
        tags: ['Tickets'],
        querystring: effectArguments,
        response: {
          200: answer('A page of effects.', Type.Object({ data: Type.Array(Ref(effectSchema)), ...paged }), {
            data: [deadEffectExample],
            next: null,
            links: { next: null },
          }),
          ...problems(400, 401, 403, 429, 500, 503),
          404: bridgeUnknown,
        },
      },
      handler: async (request, reply) => {
        const { bridge, ticketId, state = [], kind = [], limit = 100, cursor } = request.query
        const found = await bridges.effects({
          ...(bridge && { bridge }),
          ...(ticketId && { ticketId }),
          ...(state.length > 0 && { states: state }),
          ...(kind.length > 0 && { kinds: kind }),
          limit: limit + 1,
          ...(cursor !== undefined && { after: cursor }),
        })
        const page = found.slice(0, limit)
        const next = found.length > limit ? String(page.at(-1)?.id) : null
        const link = next && urlWith(request, publicUrl, { cursor: next })
        if (link) reply.header('link', `<${link}>; rel="next"`)
        return { data: page.map(effectAnswer), next, links: { next: link } }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/effects/:id',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'getEffect',
        summary: 'Get an effect',
        description: 'What was tried, what it said, and when it is tried again.',
        tags: ['Tickets'],
        params: effectParams,
        response: {
          200: answer('The effect.', Ref(effectSchema), effectExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: effectUnknown,
        },
      },
      handler: async (request) => effectAnswer(await bridges.effect(request.params.id)),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/effects/:id/retry',
      config: { scope: 'tickets:write' },
      schema: {
        operationId: 'retryEffect',
        summary: 'Try an effect again',
        description:
          'Of dead, failed and ambiguous ones. What the incident gets is rendered anew, so that a mended template counts.',
        tags: ['Tickets'],
        params: effectParams,
        response: {
          200: answer('The effect, which is tried soon.', Ref(effectSchema), {
            ...deadEffectExample,
            state: 'pending',
          }),
          ...problems(400, 401, 403, 429, 500, 503),
          404: effectUnknown,
          409: effectConflict,
        },
      },
      handler: async (request) => effectAnswer(await bridges.retry(request.params.id)),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/effects/:id/skip',
      config: { scope: 'tickets:write' },
      schema: {
        operationId: 'skipEffect',
        summary: 'Never do an effect',
        description: 'Of those that are not done and not under way. What waits for it goes on.',
        tags: ['Tickets'],
        params: effectParams,
        response: {
          200: answer('The effect.', Ref(effectSchema), { ...deadEffectExample, state: 'skipped' }),
          ...problems(400, 401, 403, 429, 500, 503),
          404: effectUnknown,
          409: effectConflict,
        },
      },
      handler: async (request) => effectAnswer(await bridges.skip(request.params.id)),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/templates/preview',
      config: { scope: 'tickets:write' },
      bodyLimit: 4_194_304,
      schema: {
        operationId: 'previewTemplate',
        summary: 'Try a template',
        description:
          'Renders a template with a ticket and checks the result against the fields that the sink has. Sends nothing, stores nothing, takes bounded time.',
        tags: ['Tickets'],
        params: bridgeParams,
        body: previewBody,
        response: {
          200: answer(
            'What the template gives.',
            Type.Object({
              rendered: Type.Unsafe<unknown>({ description: 'An object; for note and comment text.' }),
            }),
            { rendered: { properties: { scwx_ctp_status: 'Pending' } } },
          ),
          ...problems(400, 401, 403, 413, 415, 429, 500, 502, 503, 504),
          404: ticketUnknown,
          422: problemAnswer({
            description: 'The template has a fault, or names a field that the sink does not have.',
            code: 'TEMPLATE_REFUSED',
            detail: 'update: the sink has no field "scwx_ctp_stauts"; did you mean "scwx_ctp_status"?',
          }),
        },
      },
      handler: async (request, reply) => {
        const { ticket, ticketId } = request.body
        if ((ticket === undefined) === (ticketId === undefined)) {
          throw invalid('ticket', 'takes a ticket, or `ticketId` in its place: one of the two')
        }
        const signal = AbortSignal.any([whileConnected(request, reply), bridges.stopping])
        return { rendered: await bridges.preview(request.params.name, request.body, signal) }
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
