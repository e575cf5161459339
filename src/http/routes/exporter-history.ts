/** What became of items of an exporter over time. */
import type { Exports } from '../../pipeline/exports/exports.ts'
import type { OperationsStore } from '../../store/operations-store.ts'
import type { RoutePlugin } from '../app.ts'
import type { Scope } from '../auth.ts'
import { problems } from '../schema.ts'
import { exporterParams, exporterUnknown } from './exports-schema.ts'
import { historyAnswer, historyArguments, sinceOf } from './history-schema.ts'

export interface ExporterHistoryOptions {
  readonly exports: Pick<Exports, 'state'>
  readonly store: Pick<OperationsStore, 'exporterHistory'>
  /** Milliseconds since the epoch. */
  now(): number
}

export function exporterHistoryRoute({ exports, store, now }: ExporterHistoryOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/exporters/:name/history',
      config: { scope: ({ name = '' }): Scope => `push:${name}` },
      schema: {
        operationId: 'getExporterHistory',
        summary: 'What became of the items of an exporter over time',
        description: 'By the hour in which they ended. An item that is replayed ends once more.',
        tags: ['Exports'],
        params: exporterParams,
        querystring: historyArguments,
        response: {
          200: historyAnswer(
            'The counts.',
            'Items by what became of them: `accepted`, `unchanged`, `rejected`, `skipped`, `dead`; none of what is not there.',
            { at: '2026-03-10T12:00:00Z', values: { accepted: 990, rejected: 4, skipped: 6 } },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
          404: exporterUnknown,
        },
      },
      handler: async (request) => {
        const { name } = await exports.state(request.params.name)
        return { data: await store.exporterHistory(name, sinceOf(request.query, now())) }
      },
    })
  }
}
