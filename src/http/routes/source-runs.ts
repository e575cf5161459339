/** The fetches of a source: starting one, and those that were. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { type Sources, sourceNamed } from '../../commands/pick-source.ts'
import { type Receipt, receiptOf, untilEnded } from '../../pipeline/receipt.ts'
import type { Fetches } from '../../pipeline/schedule.ts'
import type { RunStore } from '../../store/store.ts'
import type { RoutePlugin } from '../app.ts'
import { whileConnected } from '../chunked-answer.ts'
import { answer, locationHeader, problems, Ref } from '../schema.ts'
import { invalid } from './indicator-arguments.ts'
import { firstOf, pageAnswer, pageEnd, pageLimit, textCursor } from './paging.ts'
import { runExample, runSchema } from './runs-schema.ts'
import { sourceParams } from './source-params.ts'
import { waitArguments } from './wait.ts'

export interface SourceRunsOptions {
  readonly sources: Sources
  readonly store: Pick<RunStore, 'run' | 'runs' | 'unreadable'>
  readonly fetches: Fetches
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

const location = locationHeader('Address of the fetch.', `/api/v1/runs/${runExample.id}`)

const running = { ...runExample, status: 'running', endedAt: null }

export function sourceRunsRoutes(options: SourceRunsOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'POST',
      url: '/api/v1/sources/:name/fetch',
      config: { scope: 'sources:run', audit: 'sources.fetch' },
      schema: {
        operationId: 'fetchSource',
        summary: 'Fetch a source now',
        description: 'Starts a fetch, or joins the one under way: at most one runs for each source.',
        tags: ['Sources'],
        params: sourceParams,
        querystring: waitArguments,
        response: {
          200: answer('The fetch, which ended while the request waited.', Ref(runSchema), runExample, {
            headers: location,
          }),
          202: answer('The fetch, which is under way.', Ref(runSchema), running, { headers: location }),
          ...problems(400, 401, 403, 404, 429, 500, 503),
        },
      },
      handler: (request, reply) =>
        fetchNow(options, request.params.name, request.query.wait ?? 0, request, reply),
    })
    app.route({
      method: 'GET',
      url: '/api/v1/sources/:name/runs',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'listRuns',
        summary: 'The fetches of a source',
        description: 'Newest first, page by page.',
        tags: ['Sources'],
        params: sourceParams,
        querystring: Type.Object({
          limit: pageLimit('Most fetches of a page.', { maximum: 100, usual: 20 }),
          cursor: textCursor(),
        }),
        response: {
          200: pageAnswer(
            'A page of fetches.',
            Type.Array(Ref(runSchema), { description: 'Newest first.' }),
            [runExample],
          ),
          ...problems(400, 401, 403, 404, 429, 500, 503),
        },
      },
      handler: async (request, reply) => {
        const { limit = 20, cursor } = request.query
        const { data, next } = await listRuns(options, request.params.name, limit, cursor)
        return { data, ...pageEnd(request, reply, options.publicUrl, next) }
      },
    })
  }
}

async function fetchNow(
  { sources, store, fetches }: SourceRunsOptions,
  name: string,
  waitSeconds: number,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Receipt> {
  sourceNamed(sources, name)
  const { run: started } = await fetches.fetch(name)
  const signal = whileConnected(request, reply, fetches.stopping)
  const run = await untilEnded(started, store, { waitMs: waitSeconds * 1000, signal })
  reply.code(run.status === 'running' ? 202 : 200).header('location', `/api/v1/runs/${run.id}`)
  return receiptOf(run, store)
}

async function listRuns(
  { sources, store }: SourceRunsOptions,
  name: string,
  limit: number,
  cursor: string | undefined,
) {
  sourceNamed(sources, name)
  if (cursor !== undefined && (await store.run(cursor))?.source !== name) {
    throw invalid('cursor', 'takes `next` of the page before, of the same source')
  }
  const found = await store.runs(name, {
    limit: limit + 1,
    ...(cursor !== undefined && { before: cursor }),
  })
  const { page, next } = firstOf(found, limit, ({ id }) => id)
  const data: Receipt[] = []
  for (const run of page) data.push(await receiptOf(run, store))
  return { data, next }
}
