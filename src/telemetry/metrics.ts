/** What is counted while the server works, and the text that Prometheus reads of it. */
import type { Registry } from 'prom-client'
import type { App } from '../http/app.ts'
import type { Watch } from '../pipeline/watch.ts'
import { itemStatuses } from '../store/exports.ts'
import { effectStates } from '../store/tickets.ts'
import type { UpstreamSeen } from '../upstream/http-client.ts'
import { countRequests } from './http-requests.ts'
import { openMetricsText } from './open-metrics.ts'
import { createRegistry, type OwnMetrics } from './registry.ts'
import { classOf, rejectReasons } from './reject-reasons.ts'
import { type Measured, type MeasuredStore, type Reading, readStored, showStored } from './stored-gauges.ts'

export interface MetricsOptions {
  readonly version: string
  /** Absent: nothing is stored. */
  readonly store?: MeasuredStore
  /** Of the process as well: in one server of a process only. */
  readonly ofProcess?: boolean
  /** How long the store may take for a scrape. Default 3 s. */
  readonly storeMs?: number
  /** Milliseconds since the epoch. */
  now(): number
}

export interface Metrics {
  readonly registry: Registry
  /** What there is: each of it is shown from now on, counters from 0. */
  measure(measured: Measured): void
  /** Of the pipeline. */
  readonly watch: Watch
  /** A request to a vendor ended. @param connector configured name of the source, exporter or bridge */
  upstreamAnswered(connector: string, seen: UpstreamSeen): void
  /** A request for a list ended. @param format absent: it was not read */
  feedAnswered(feed: string, format: string | undefined, status: number): void
  /** Counts the requests of a server. */
  look(app: App): void
  /** Never fails for the store's sake. @param open in the OpenMetrics format */
  scrape(open: boolean): Promise<string>
}

export function createMetrics({ version, store, now, ofProcess, storeMs = 3000 }: MetricsOptions): Metrics {
  const { registry, own } = createRegistry(ofProcess ?? false)
  own.buildInfo.set({ version, node: process.versions.node }, 1)
  let measured: Measured = { sources: [], exporters: [], feeds: [], bridges: [] }
  const stored = store && storedReader(store, storeMs)
  return {
    registry,
    measure(given) {
      measured = given
      begin(own, given)
    },
    watch: watchOf(own),
    upstreamAnswered: (connector, seen) => countUpstream(own, connector, seen),
    feedAnswered(feed, format, status) {
      const served = status < 400 && format !== undefined
      own.feedRequests.inc({ feed, format: served ? format : 'none', status })
    },
    look: (app) => countRequests(own, app),
    async scrape(open) {
      if (stored !== undefined) showStored(own, await stored(measured), measured, now())
      const text = await registry.metrics()
      return open ? openMetricsText(text) : text
    },
  }
}

/** Who counts what happens first must see that it was 0 before: an increase is told from two values. */
function begin(own: OwnMetrics, { sources, exporters, feeds, bridges }: Measured): void {
  for (const { name: source, everyMs } of sources) {
    for (const result of runResults) own.sourceRuns.inc({ source, result }, 0)
    for (const reason of rejectReasons) own.sourceRejected.inc({ source, reason }, 0)
    own.sourceReceived.inc({ source }, 0)
    if (everyMs !== null) own.sourceInterval.set({ source }, everyMs / 1000)
  }
  for (const target of exporters) {
    for (const outcome of itemStatuses) own.exportItems.inc({ target, outcome }, 0)
  }
  for (const { name: feed } of feeds) {
    for (const status of refusals) own.feedRequests.inc({ feed, format: 'none', status }, 0)
  }
  for (const { name: bridge, everyMs } of bridges) {
    for (const result of runResults) own.bridgePolls.inc({ bridge, result }, 0)
    for (const outcome of ticketOutcomes) own.bridgeReceived.inc({ bridge, outcome }, 0)
    for (const state of effectStates) own.bridgeEffectsSettled.inc({ bridge, state }, 0)
    if (everyMs !== null) own.bridgePollInterval.set({ bridge }, everyMs / 1000)
  }
}

const runResults = ['succeeded', 'partial', 'failed'] as const
/** With which lists are not served. */
const refusals = [401, 403, 500, 503] as const
const ticketOutcomes = ['stored', 'unchanged', 'unreadable'] as const

function watchOf(own: OwnMetrics): Watch {
  return {
    runEnded({ source, status, startedAt, endedAt, received }) {
      own.sourceRuns.inc({ source, result: status })
      own.sourceReceived.inc({ source }, received)
      if (endedAt === null) return
      const seconds = (Date.parse(endedAt) - Date.parse(startedAt)) / 1000
      own.sourceRunDuration.observe({ source }, Math.max(0, seconds))
    },
    recordsRejected(source, { excluded, unreadable }) {
      if (excluded > 0) own.sourceRejected.inc({ source, reason: 'excluded' }, excluded)
      for (const { reason } of unreadable) own.sourceRejected.inc({ source, reason: classOf(reason) })
    },
    itemsSettled: (target, outcome, count) => own.exportItems.inc({ target, outcome }, count),
    pollEnded({ bridge, status, stored, unchanged, unreadableCount }) {
      own.bridgePolls.inc({ bridge, result: status })
      const counts = { stored, unchanged, unreadable: unreadableCount }
      for (const outcome of ticketOutcomes) own.bridgeReceived.inc({ bridge, outcome }, counts[outcome])
    },
    effectSettled: (bridge, state) => own.bridgeEffectsSettled.inc({ bridge, state }),
  }
}

function countUpstream(own: OwnMetrics, connector: string, seen: UpstreamSeen): void {
  const { service, failure = 'success', ms, skewMs, remaining } = seen
  // A clock that was set back while the request was under way.
  own.upstreamDuration.observe({ service, connector, outcome: failure }, Math.max(0, ms) / 1000)
  if (remaining !== undefined) own.upstreamRemaining.set({ connector }, remaining)
  if (skewMs !== undefined) own.clockSkew.set({ source: connector }, skewMs / 1000)
}

type StoredReader = (measured: Measured) => Promise<Reading | undefined>

/** One question at a time, however many scrape: a store that hangs is asked once. */
function storedReader(store: MeasuredStore, limitMs: number): StoredReader {
  let reading: Promise<Reading | undefined> | undefined
  return async (measured) => {
    reading ??= readStored(store, measured)
      // `feed_server_store_up` tells of it; what fails without the store says why in the log.
      .catch(() => undefined)
      .finally(() => {
        reading = undefined
      })
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<undefined>((resolve) => {
      timer = setTimeout(resolve, limitMs, undefined)
    })
    try {
      return await Promise.race([reading, late])
    } finally {
      clearTimeout(timer)
    }
  }
}
