/** Fetches: what became of them. */
import Type from 'typebox'
import { ServiceError } from '../../errors.ts'
import { receiptOf } from '../../pipeline/receipt.ts'
import type { Run, RunStore } from '../../store/store.ts'
import type { RoutePlugin } from '../app.ts'
import { answer, Count, problemAnswer, problems, Ref } from '../schema.ts'
import { linkHeader, numberCursor, pageEnd, pageLimit, pageMembers } from './paging.ts'
import { runExample, runSchema, unreadableItem } from './runs-schema.ts'

const params = Type.Object({
  id: Type.String({
    maxLength: 64,
    description: 'Id of the run; `latest`: the one that began last, of whatever source.',
    examples: ['latest'],
  }),
})

const runUnknown = problemAnswer({
  description: 'There is no such run.',
  code: 'RUN_UNKNOWN',
  detail: `no run "${runExample.id}"`,
})

const unreadablePage = Type.Object({
  data: Type.Array(unreadableItem, { description: 'In the order received.' }),
  count: Count('Unreadable records of the whole fetch, so far.'),
  ...pageMembers,
})

/** Whoever may start a fetch may see what becomes of it. */
const readers = ['indicators:read', 'sources:run'] as const

export interface RunRoutesOptions {
  readonly store: Pick<RunStore, 'run' | 'latestRun' | 'unreadable'>
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
}

export function runRoutes({ store, publicUrl }: RunRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/runs/:id',
      config: { scope: readers },
      schema: {
        operationId: 'getRun',
        summary: 'A fetch and its receipt',
        description: 'While it runs the receipt grows with each page.',
        tags: ['Sources'],
        params,
        response: {
          200: answer('The fetch.', Ref(runSchema), runExample),
          ...problems(400, 401, 403, 429, 500, 503),
          404: runUnknown,
        },
      },
      handler: async (request) => receiptOf(await runNamed(store, request.params.id), store),
    })
    app.route({
      method: 'GET',
      url: '/api/v1/runs/:id/unreadable',
      config: { scope: readers },
      schema: {
        operationId: 'listUnreadable',
        summary: 'Every record of a fetch that could not be read',
        description: 'Each with its id at the source and the reason, page by page.',
        tags: ['Sources'],
        params,
        querystring: Type.Object({
          limit: pageLimit('Most records of a page.', { maximum: 10_000 }),
          cursor: numberCursor,
        }),
        response: {
          200: answer(
            'A page of them.',
            unreadablePage,
            { data: runExample.unreadable, count: 6, next: null, links: { next: null } },
            { headers: linkHeader() },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
          404: runUnknown,
        },
      },
      handler: async (request, reply) => {
        const run = await runNamed(store, request.params.id)
        const { limit = 100, cursor = 0 } = request.query
        const found = await store.unreadable(run.id, { limit: limit + 1, after: cursor })
        const next = found.length > limit ? String(cursor + limit) : null
        const data = found.slice(0, limit)
        return { data, count: run.unreadableCount, ...pageEnd(request, reply, publicUrl, next) }
      },
    })
  }
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** @throws ServiceError RUN_UNKNOWN */
async function runNamed(store: Pick<RunStore, 'run' | 'latestRun'>, id: string): Promise<Run> {
  const run = id === 'latest' ? await store.latestRun() : uuid.test(id) ? await store.run(id) : undefined
  if (run === undefined) throw new ServiceError('RUN_UNKNOWN', `no run ${JSON.stringify(id)}`)
  return run
}
