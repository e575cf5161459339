/** The metrics of the table, made for one server: none of them is global. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type MetricDefinition, type MetricTable, metricTable } from './metric-table.ts'

type MetricOf<D extends MetricDefinition> = {
  readonly counter: Counter<D['labels'][number]>
  readonly gauge: Gauge<D['labels'][number]>
  readonly histogram: Histogram<D['labels'][number]>
}[D['type']]

export type OwnMetrics = { readonly [Key in keyof MetricTable]: MetricOf<MetricTable[Key]> }

/** Gauges whose names end in `_total`, which Prometheus keeps for counters. */
const misnamed = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
]

/**
 * @param ofProcess memory, processor and event loop as well; they are watched until the process ends, so of one
 * registry in a process only
 */
export function createRegistry(ofProcess: boolean): {
  readonly registry: Registry
  readonly own: OwnMetrics
} {
  const registry = new Registry()
  const made = Object.entries<MetricDefinition>(metricTable).map(([key, definition]) => [
    key,
    metricOf(definition, registry),
  ])
  if (ofProcess) {
    collectDefaultMetrics({ register: registry })
    for (const name of misnamed) registry.removeSingleMetric(name)
  }
  // Each was made as its own line of the table says.
  return { registry, own: Object.fromEntries(made) as OwnMetrics }
}

function metricOf({ type, name, help, labels, buckets }: MetricDefinition, registry: Registry) {
  const common = { name, help, labelNames: labels, registers: [registry] }
  if (type === 'counter') return new Counter(common)
  if (type === 'gauge') return new Gauge(common)
  return new Histogram({ ...common, ...(buckets && { buckets: [...buckets] }) })
}
