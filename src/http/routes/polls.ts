/** Reading a ticket desk: starting a poll, what became of polls, and the hook of an incident sink. */
import Type from 'typebox'
import type { Bridges } from '../../pipeline/bridge/bridges.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, locationHeader, problemAnswer, problems, Ref } from '../schema.ts'
import { bridgeParams, bridgeUnknown, pollExample, pollSchema } from './bridges-schema.ts'
import { firstOf, pageAnswer, pageEnd, pageLimit, textCursor } from './paging.ts'
import { pollAnswer } from './tickets-answer.ts'
import { waitArguments } from './wait.ts'

export interface PollRoutesOptions {
  readonly bridges: Bridges
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

const location = locationHeader('Address of the poll.', `/api/v1/polls/${pollExample.id}`)

const running = { ...pollExample, status: 'running', endedAt: null }

const pollParams = Type.Object({
  id: Type.String({
    maxLength: 64,
    description: 'Id of the poll; `latest`: the one that began last, of whatever bridge.',
    examples: ['latest'],
  }),
})

const hookBody = Type.Object(
  {
    incidentId: Type.Unsafe<string | number>({
      anyOf: [
        { type: 'integer', minimum: 1 },
        { type: 'string', minLength: 1, maxLength: 200 },
      ],
      description: 'Id of the incident at the sink.',
      examples: [2001],
    }),
    closeCode: Type.Optional(
      Type.String({
        maxLength: 200,
        description: "The desk's close code; only for sinks that can't be asked, such as a webhook.",
      }),
    ),
    summary: Type.Optional(
      Type.String({
        maxLength: 50_000,
        description: "Why it was closed, as plain text; only for sinks that can't be asked.",
      }),
    ),
  },
  { examples: [{ incidentId: 2001 }] },
)

export function pollRoutes({ bridges, publicUrl }: PollRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/poll',
      config: { scope: 'tickets:write', audit: 'bridges.poll' },
      schema: {
        operationId: 'pollBridge',
        summary: 'Ask a ticket desk for tickets now',
        description:
          'Drains every page; a ticket is acknowledged only once it is stored. With `wait`, the answer also waits until what it brought was tried, as long as the time lasts.',
        tags: ['Tickets'],
        params: bridgeParams,
        querystring: waitArguments,
        response: {
          200: answer('The poll, which ended while the request waited.', Ref(pollSchema), pollExample, {
            headers: location,
          }),
          202: answer('The poll, which is under way.', Ref(pollSchema), running, { headers: location }),
          ...problems(400, 401, 403, 429, 500, 503),
          404: bridgeUnknown,
          409: problemAnswer({
            description: 'A poll of the bridge is under way.',
            code: 'POLL_RUNNING',
            detail: `the poll ${pollExample.id} of "ctp" is under way since 2026-03-10T12:00:00.000Z`,
          }),
        },
      },
      handler: async (request, reply) => {
        const started = await bridges.poll(request.params.name)
        const signal = whileConnected(request, reply, bridges.stopping)
        const { wait = 0 } = request.query
        const poll = await bridges.untilPolled(started, { waitMs: wait * 1000, signal })
        reply.code(wait === 0 || poll.status === 'running' ? 202 : 200)
        reply.header('location', `/api/v1/polls/${poll.id}`)
        return pollAnswer(poll, bridges)
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/bridges/:name/polls',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'listPolls',
        summary: 'The polls of a bridge',
        description: 'Newest first, page by page.',
        tags: ['Tickets'],
        params: bridgeParams,
        querystring: Type.Object({
          limit: pageLimit('Most polls of a page.', { maximum: 100, usual: 20 }),
          cursor: textCursor(),
        }),
        response: {
          200: pageAnswer('A page of polls.', Type.Array(Ref(pollSchema), { description: 'Newest first.' }), [
            pollExample,
          ]),
          ...problems(400, 401, 403, 429, 500, 503),
          404: bridgeUnknown,
        },
      },
      handler: async (request, reply) => {
        const { limit = 20, cursor } = request.query
        const found = await bridges.polls(request.params.name, {
          limit: limit + 1,
          ...(cursor !== undefined && { before: cursor }),
        })
        const { page, next } = firstOf(found, limit, ({ id }) => id)
        const data = []
        for (const poll of page) data.push(await pollAnswer(poll, bridges))
        return { data, ...pageEnd(request, reply, publicUrl, next) }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/polls/:id',
      config: { scope: 'tickets:read' },
      schema: {
        operationId: 'getPoll',
        summary: 'A poll and its receipt',
        description: 'While it runs the receipt grows with each page.',
        tags: ['Tickets'],
        params: pollParams,
        response: {
          200: answer('The poll.', Ref(pollSchema), pollExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: problemAnswer({
            description: 'There is no such poll.',
            code: 'RUN_UNKNOWN',
            detail: `no poll "${pollExample.id}"`,
          }),
        },
      },
      handler: async (request) => pollAnswer(await bridges.pollById(request.params.id), bridges),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/bridges/:name/hook',
      config: { scope: 'tickets:write', audit: 'bridges.hook' },
      schema: {
        operationId: 'bridgeHook',
        summary: 'Tell that an incident changed',
        description:
          'For a playbook or rule of the SOAR: the incident is looked at soon, and its ticket is closed where it is closed. An incident that is not ours, or not closed, changes nothing.',
        tags: ['Tickets'],
        params: bridgeParams,
        body: hookBody,
        response: {
          202: answer('It is looked at soon.', Type.Object({ incidentId: Type.String() }), {
            incidentId: '2001',
          }),
          ...problems(400, 401, 403, 415, 429, 500, 503),
          404: bridgeUnknown,
        },
      },
      handler: async (request, reply) => {
        const { incidentId, ...told } = request.body
        await bridges.hook(request.params.name, String(incidentId), told)
        reply.code(202)
        return { incidentId: String(incidentId) }
      },
    })
  }
}
