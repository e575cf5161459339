/** Effects: all that is done of tickets, and setting it right. */
import Type from 'typebox'
import type { Bridges } from '../../pipeline/bridge/bridges.ts'
import { effectKinds, effectStates } from '../../store/tickets.ts'
import type { RoutePlugin } from '../app.ts'
import { answer, Enum, problems, Ref } from '../schema.ts'
import { bridgeUnknown, ofBridge } from './bridges-schema.ts'
import { firstOf, numberCursor, pageAnswer, pageEnd } from './paging.ts'
import { effectAnswer } from './tickets-answer.ts'
import {
  deadEffectExample,
  effectConflict,
  effectExample,
  effectSchema,
  effectUnknown,
} from './tickets-schema.ts'

export interface EffectRoutesOptions {
  readonly bridges: Bridges
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

const effectArguments = Type.Object({
  ...ofBridge,
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
  cursor: numberCursor,
})

const effectParams = Type.Object({
  id: Type.String({
    maxLength: 20,
    description:
      'Id of the effect; `latest`: the newest one, for `retry` the newest dead one, for `skip` too, else the newest that is still to be done.',
    examples: ['latest'],
  }),
})

export function effectRoutes({ bridges, publicUrl }: EffectRoutesOptions): RoutePlugin {
  return (app) => {
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
          200: pageAnswer('A page of effects.', Type.Array(Ref(effectSchema)), [deadEffectExample]),
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
        const { page, next } = firstOf(found, limit, ({ id }) => String(id))
        return { data: page.map(effectAnswer), ...pageEnd(request, reply, publicUrl, next) }
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
      config: { scope: 'tickets:write', audit: 'effects.retry' },
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
      config: { scope: 'tickets:write', audit: 'effects.skip' },
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
  }
}
