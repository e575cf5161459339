/** What a source had over time. */
import { type Sources, sourceNamed } from '../../commands/pick-source.ts'
import type { OperationsStore } from '../../store/operations-store.ts'
import type { RoutePlugin } from '../app.ts'
import { problems } from '../schema.ts'
import { historyAnswer, historyArguments, sinceOf } from './history-schema.ts'
import { sourceParams } from './source-params.ts'

export interface SourceHistoryOptions {
  readonly sources: Sources
  readonly store: Pick<OperationsStore, 'sourceHistory'>
  /** Milliseconds since the epoch. */
  now(): number
}

export function sourceHistoryRoute({ sources, store, now }: SourceHistoryOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/sources/:name/history',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'getSourceHistory',
        summary: 'What a source had over time',
        description:
          'By the hour: how many indicators it reported, active or not, as they were last counted in it.',
        tags: ['Sources'],
        params: sourceParams,
        querystring: historyArguments,
        response: {
          200: historyAnswer('The counts.', 'Indicators of each type; none of a type that is not there.', {
            at: '2026-03-10T12:00:00Z',
            values: { ipv4: 400, domain: 590 },
          }),
          ...problems(400, 401, 403, 404, 429, 500, 503),
        },
      },
      handler: async (request) => {
        const { name } = request.params
        sourceNamed(sources, name)
        return { data: await store.sourceHistory(name, sinceOf(request.query, now())) }
      },
    })
  }
}
