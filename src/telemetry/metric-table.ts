/**
 * Every metric of ours: what it is called, what it says, and how those of several replicas are put together. One table,
 * however long: docs/monitoring.md, the alert rules and the board are held to it.
 */

/**
 * sum: of what each process did, all of them together are the whole; max: of what is stored, each process tells the
 * same; each: of one process.
 */
type Replicas = 'sum' | 'max' | 'each'

export interface MetricDefinition {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly name: string
  readonly labels: readonly string[]
  readonly help: string
  readonly replicas: Replicas
  /** Upper bounds, seconds; of histograms. */
  readonly buckets?: readonly number[]
}

/** From a list in memory to the slowest vendor; beyond the longest timeout there is nothing to tell apart. */
const requestBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]
const fetchBuckets = [1, 5, 15, 60, 300, 900, 1800, 3600, 14_400]

const sources = {
  sourceRuns: {
    type: 'counter',
    name: 'feed_server_source_runs_total',
    labels: ['source', 'result'],
    help: 'Fetches that ended, by result: succeeded, partial, failed.',
    replicas: 'sum',
  },
  sourceRunDuration: {
    type: 'histogram',
    name: 'feed_server_source_run_duration_seconds',
    labels: ['source'],
    help: 'From the start of a fetch to its end.',
    replicas: 'sum',
    buckets: fetchBuckets,
  },
  sourceLastSuccess: {
    type: 'gauge',
    name: 'feed_server_source_last_success_timestamp_seconds',
    labels: ['source'],
    help: 'When the last fetch ended that read everything; absent before the first.',
    replicas: 'max',
  },
  sourceInterval: {
    type: 'gauge',
    name: 'feed_server_source_interval_seconds',
    labels: ['source'],
    help: 'How often the source is fetched, as configured; absent where only when asked.',
    replicas: 'max',
  },
  sourceIndicators: {
    type: 'gauge',
    name: 'feed_server_source_indicators',
    labels: ['source', 'type', 'state'],
    help: 'Indicators of the source by type and state (active, inactive), as of the last count.',
    replicas: 'max',
  },
  sourceReceived: {
    type: 'counter',
    name: 'feed_server_source_records_total',
    labels: ['source'],
    help: 'Records that the source sent, as the receipts of ended fetches count them.',
    replicas: 'sum',
  },
  sourceRejected: {
    type: 'counter',
    name: 'feed_server_source_rejected_total',
    labels: ['source', 'reason'],
    help: 'Records that were not taken: excluded, or unreadable for one of few reasons.',
    replicas: 'sum',
  },
  clockSkew: {
    type: 'gauge',
    name: 'feed_server_clock_skew_seconds',
    labels: ['source'],
    help: "This machine's clock less that of the vendor behind a source, exporter or bridge; right to a second.",
    replicas: 'each',
  },
} as const satisfies Table

const exporters = {
  exportItems: {
    type: 'counter',
    name: 'feed_server_export_items_total',
    labels: ['target', 'outcome'],
    help: 'What became of deliveries; pending: put back, to be tried again.',
    replicas: 'sum',
  },
  exportQueue: {
    type: 'gauge',
    name: 'feed_server_export_queue_items',
    labels: ['target', 'state'],
    help: 'Deliveries by what became of them last; pending ones wait, evicted ones left by themselves.',
    replicas: 'max',
  },
  exportHeld: {
    type: 'gauge',
    name: 'feed_server_export_entries',
    labels: ['target'],
    help: 'Indicators that the product has from us.',
    replicas: 'max',
  },
  exportOldestPending: {
    type: 'gauge',
    name: 'feed_server_export_oldest_pending_seconds',
    labels: ['target'],
    help: 'How long the oldest delivery has waited; 0: none waits.',
    replicas: 'max',
  },
  exportCircuit: {
    type: 'gauge',
    name: 'feed_server_export_circuit_state',
    labels: ['target', 'state'],
    help: '1 for the state that the circuit is in: closed, open (fails, tried by itself) or paused (waits for somebody).',
    replicas: 'max',
  },
  exportForwardHeld: {
    type: 'gauge',
    name: 'feed_server_export_forward_held',
    labels: ['target'],
    help: '1 while removals of a forward are held, since they are too many at once.',
    replicas: 'max',
  },
} as const satisfies Table

const upstream = {
  upstreamDuration: {
    type: 'histogram',
    name: 'feed_server_upstream_request_duration_seconds',
    labels: ['service', 'connector', 'outcome'],
    help: 'Requests to vendors, by kind of product, configured name, and outcome: success, a kind of failure, aborted.',
    replicas: 'sum',
    buckets: requestBuckets,
  },
  upstreamRemaining: {
    type: 'gauge',
    name: 'feed_server_upstream_rate_limit_remaining',
    labels: ['connector'],
    help: 'Requests that the vendor still takes for now, as its last answer said; absent where none did.',
    replicas: 'each',
  },
} as const satisfies Table

const feeds = {
  feedRequests: {
    type: 'counter',
    name: 'feed_server_feed_requests_total',
    labels: ['feed', 'format', 'status'],
    help: 'Requests for lists by format (TAXII is taxii), or none where no list was served.',
    replicas: 'sum',
  },
  feedEntries: {
    type: 'gauge',
    name: 'feed_server_feed_entries',
    labels: ['feed'],
    help: 'Entries of the list that is served, before a format drops any.',
    replicas: 'max',
  },
  feedTruncated: {
    type: 'gauge',
    name: 'feed_server_feed_truncated_entries',
    labels: ['feed'],
    help: 'Entries that the limit of the feed leaves out.',
    replicas: 'max',
  },
  feedHeld: {
    type: 'gauge',
    name: 'feed_server_feed_held',
    labels: ['feed'],
    help: '1 while the shrink guard holds the last good list.',
    replicas: 'max',
  },
  feedAge: {
    type: 'gauge',
    name: 'feed_server_feed_snapshot_age_seconds',
    labels: ['feed'],
    help: 'How old what the list says is: since the last fetch of the source that was read longest ago, or since the list is held.',
    replicas: 'max',
  },
} as const satisfies Table

const bridges = {
  bridgeTickets: {
    type: 'gauge',
    name: 'feed_server_bridge_tickets',
    labels: ['bridge', 'state'],
    help: 'Tickets by state.',
    replicas: 'max',
  },
  bridgeEffects: {
    type: 'gauge',
    name: 'feed_server_bridge_effects',
    labels: ['bridge', 'state'],
    help: 'What is to be done at incidents and tickets, by state; dead ones wait for a retry by somebody.',
    replicas: 'max',
  },
  bridgeEffectsSettled: {
    type: 'counter',
    name: 'feed_server_bridge_effects_settled_total',
    labels: ['bridge', 'state'],
    help: 'What became of effects that were tried or decided.',
    replicas: 'sum',
  },
  bridgeOldestPending: {
    type: 'gauge',
    name: 'feed_server_bridge_oldest_pending_seconds',
    labels: ['bridge'],
    help: 'How long ago the oldest effect was planned that is still to be done; 0: none.',
    replicas: 'max',
  },
  bridgePolls: {
    type: 'counter',
    name: 'feed_server_bridge_polls_total',
    labels: ['bridge', 'result'],
    help: 'Polls of the ticket desk that ended, by result: succeeded, partial, failed.',
    replicas: 'sum',
  },
  bridgeReceived: {
    type: 'counter',
    name: 'feed_server_bridge_tickets_received_total',
    labels: ['bridge', 'outcome'],
    help: 'Tickets that polls read, by what became of them: stored, unchanged, unreadable.',
    replicas: 'sum',
  },
  bridgeLastPoll: {
    type: 'gauge',
    name: 'feed_server_bridge_last_poll_timestamp_seconds',
    labels: ['bridge'],
    help: 'When the last poll began that read the desk to its end; absent before the first.',
    replicas: 'max',
  },
  bridgePollInterval: {
    type: 'gauge',
    name: 'feed_server_bridge_poll_interval_seconds',
    labels: ['bridge'],
    help: 'How often the desk is read, as configured; absent where only when asked.',
    replicas: 'max',
  },
  bridgeGap: {
    type: 'gauge',
    name: 'feed_server_bridge_possible_gap_timestamp_seconds',
    labels: ['bridge'],
    help: 'End of the last time that the desk was not read for longer than it keeps tickets; absent where there was none.',
    replicas: 'max',
  },
  bridgeCircuit: {
    type: 'gauge',
    name: 'feed_server_bridge_circuit_state',
    labels: ['bridge', 'side', 'state'],
    help: '1 for the state that the circuit of a side (desk, sink) is in: closed, open or paused.',
    replicas: 'max',
  },
} as const satisfies Table

const server = {
  httpRequests: {
    type: 'counter',
    name: 'feed_server_http_requests_total',
    labels: ['route', 'method', 'status'],
    help: 'Requests by route as declared; unknown: no route; status aborted: the client went away first.',
    replicas: 'sum',
  },
  httpDuration: {
    type: 'histogram',
    name: 'feed_server_http_request_duration_seconds',
    labels: ['route', 'method'],
    help: 'From the head of a request to the last byte of its answer.',
    replicas: 'sum',
    buckets: requestBuckets,
  },
  storeUp: {
    type: 'gauge',
    name: 'feed_server_store_up',
    labels: [],
    help: '1 where the store answered this scrape; 0: metrics of what is stored are missing.',
    replicas: 'each',
  },
  buildInfo: {
    type: 'gauge',
    name: 'feed_server_build_info',
    labels: ['version', 'node'],
    help: 'Always 1; its labels say which version runs.',
    replicas: 'each',
  },
} as const satisfies Table

type Table = Readonly<Record<string, MetricDefinition>>

export const metricTable = { ...sources, ...exporters, ...upstream, ...feeds, ...bridges, ...server }

export type MetricTable = typeof metricTable
