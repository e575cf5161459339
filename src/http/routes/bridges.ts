/** The configured bridges: how they stand, what is wrong with them, and setting them right. */
import Type from 'typebox'
import type { Bridges } from '../../pipeline/bridge/bridges.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, problemAnswer, problems, Ref } from '../schema.ts'
import { bridgeExample, bridgeParams, bridgeSchema, bridgeUnknown } from './bridges-schema.ts'
import { checkAnswer, checked } from './check-schema.ts'
import { bridgeAnswer } from './tickets-answer.ts'

export interface BridgeRoutesOptions {
  readonly bridges: Bridges
}

export function bridgeRoutes({ bridges }: BridgeRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/bridges',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'listBridges',
        summary: 'List the bridges',
        description: 'How each stands: its tickets, what is to be done, what failed and how to mend it.',
        tags: ['Tickets'],
        response: {
          200: answer(
            'The bridges, in the order of the configuration.',
            Type.Object({ data: Type.Array(Ref(bridgeSchema)) }),
            { data: [bridgeExample] },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async () => {
        const data = []
        for (const info of await bridges.states()) data.push(await bridgeAnswer(info, bridges))
        return { data }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/bridges/:name',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'getBridge',
        summary: 'Get the state of a bridge',
        description: 'As in the list of bridges.',
        tags: ['Tickets'],
        params: bridgeParams,
        response: {
          200: answer('The bridge.', Ref(bridgeSchema), bridgeExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: bridgeUnknown,
        },
      },
      handler: async (request) => bridgeAnswer(await bridges.state(request.params.name), bridges),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/check',
      config: { scope: 'tickets:write', audit: false },
      schema: {
        operationId: 'checkBridge',
        summary: 'Check a bridge',
        description:
          'The doctor: proves addresses, credentials, rights, fields and templates of both sides without changing anything there, and tells the remedy for what is wrong.',
        tags: ['Tickets'],
        params: bridgeParams,
        response: {
          200: answer(
            'What was found; `ok` is false when anything is wrong.',
            checkAnswer(
              'What was looked at: that of the desk begins with `desk `, that of the sink with `sink `',
            ),
            checkExample,
          ),
          ...problems(400, 401, 403, 429, 500),
          404: bridgeUnknown,
        },
      },
      handler: async (request, reply) =>
        checked(await bridges.check(request.params.name, whileConnected(request, reply))),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/resume',
      config: { scope: 'tickets:write', audit: 'bridges.resume' },
      schema: {
        operationId: 'resumeBridge',
        summary: 'Let a bridge go on',
        description: 'Closes the circuits of both sides and tries what waits at once.',
        tags: ['Tickets'],
        params: bridgeParams,
        response: {
          200: answer('The bridge afterwards.', Ref(bridgeSchema), bridgeExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: bridgeUnknown,
        },
      },
      handler: async (request) => bridgeAnswer(await bridges.resume(request.params.name), bridges),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/install-fields',
      config: { scope: 'tickets:write', audit: 'bridges.install-fields' },
      schema: {
        operationId: 'installFields',
        summary: 'Make the fields that the sink lacks',
        description:
          'Makes the missing `scwx_ctp_*` fields at IBM SOAR; those that exist stay as they are. The close code is not needed on closing other incidents.',
        tags: ['Tickets'],
        params: bridgeParams,
        response: {
          200: answer(
            'Which were made.',
            Type.Object({ installed: Type.Array(Type.String(), { description: 'Names of the fields.' }) }),
            { installed: ['scwx_ctp_source'] },
          ),
          ...problems(400, 401, 403, 429, 500, 502, 503, 504),
          404: bridgeUnknown,
          422: problemAnswer({
            description: 'The sink has no fields to make.',
            code: 'BRIDGE_REFUSED',
            detail: 'the sink of "ctp" is a webhook: it has no fields to install',
          }),
        },
      },
      handler: async (request, reply) => {
        const signal = whileConnected(request, reply, bridges.stopping)
        return { installed: await bridges.installFields(request.params.name, signal) }
      },
    })
  }
}

const checkExample = {
  ok: false,
  checks: [
    { name: 'desk connection', ok: true },
    { name: 'desk credentials', ok: true },
    { name: 'sink connection', ok: true },
    {
      name: 'sink fields',
      ok: false,
      cause: 'scwx_ctp_source is missing',
      remedy: 'Run `feed-server install-fields ctp`, or make the field in Customization Settings.',
    },
  ],
}
