/** What whoever runs the server is told when a destination fails. */
import type { Advice } from '../product/health.ts'

export function adviceFor(exporter: string): Advice {
  return { resume: `/api/v1/exporters/${exporter}/resume`, remedies }
}

const remedies: Advice['remedies'] = {
  UPSTREAM_PERMISSION: 'Give the account of the exporter the right to write indicators at the product.',
  UPSTREAM_OUTCOME_UNKNOWN: 'What may have been carried out is looked up before it is sent once more.',
  UPSTREAM_THROTTLED:
    'Where that goes on, lower `requestsPerMinute`, `concurrency` or `objectsPerRun` of the exporter.',
  UPSTREAM_UNAVAILABLE: '`feed-server check` tells what fails: name, connection, TLS or product.',
  UPSTREAM_TIMEOUT: 'Where that goes on, raise `timeout` of the exporter, or lower its `objectsPerRun`.',
}
