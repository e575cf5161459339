/** `GET /metrics`: what Prometheus reads. */
import Type from 'typebox'
import type { RoutePlugin } from '../app.ts'
import { wantsOpenMetrics } from '../media-types.ts'
import { answer, problems } from '../schema.ts'

export interface MetricsRouteOptions {
  /** All metrics as text. @param open in the OpenMetrics format */
  scrape(open: boolean): Promise<string>
}

const prometheus = 'text/plain; version=0.0.4; charset=utf-8'
const openMetrics = 'application/openmetrics-text; version=1.0.0; charset=utf-8'

const example = `# HELP feed_server_source_last_success_timestamp_seconds When the last fetch ended that read everything; absent before the first.
# TYPE feed_server_source_last_success_timestamp_seconds gauge
feed_server_source_last_success_timestamp_seconds{source="tc"} 1789000000
`

export function metricsRoutes({ scrape }: MetricsRouteOptions): RoutePlugin {
  return (app) => {
    app.get(
      '/metrics',
      {
        config: { scope: 'metrics:read', quiet: true, anyQuery: true },
        schema: {
          operationId: 'getMetrics',
          summary: 'Metrics for Prometheus',
          description:
            'In the text format of Prometheus, or in OpenMetrics where `Accept` prefers it. Where the store does not answer, `feed_server_store_up` is 0 and what is stored is left out. All of them: docs/monitoring.md.',
          tags: ['Server'],
          response: {
            200: answer('The metrics.', Type.String(), example, { mediaType: 'text/plain' }),
            ...problems(401, 403, 500),
          },
        },
      },
      async (request, reply) => {
        const open = wantsOpenMetrics(request.headers.accept)
        const text = await scrape(open)
        const head = {
          'content-type': open ? openMetrics : prometheus,
          'cache-control': 'no-store',
          vary: 'Accept',
        }
        return reply.headers(head).send(Buffer.from(text))
      },
    )
  }
}
