/** Trying a template without sending anything. */
import Type from 'typebox'
import type { Bridges } from '../../pipeline/bridge/bridges.ts'
import { templateKinds } from '../../tickets/incident-sink.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, Enum, problemAnswer, problems } from '../schema.ts'
import { bridgeParams } from './bridges-schema.ts'
import { invalid } from './indicator-arguments.ts'
import { ticketUnknown } from './tickets-schema.ts'

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

export function templatePreviewRoute({ bridges }: { readonly bridges: Bridges }): RoutePlugin {
  return (app) => {
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/templates/preview',
      config: { scope: 'tickets:write', audit: false },
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
          ...problems(400, 401, 403, 415, 429, 500, 502, 503, 504),
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
        const signal = whileConnected(request, reply, bridges.stopping)
        return { rendered: await bridges.preview(request.params.name, request.body, signal) }
      },
    })
  }
}
