/** What the store needs from time to time: what is due leaves, what is old is forgotten. By one replica at a time. */
import type { Logger } from 'pino'
import type { DeliveryStore } from '../store/delivery-store.ts'
import type { FeedStore } from '../store/feed-store.ts'
import type { IndicatorReader } from '../store/indicator-reader.ts'
import type { OperationsStore } from '../store/operations-store.ts'
import type { PublicationStore } from '../store/publication-store.ts'
import type { IngestStore } from '../store/store.ts'
import type { TicketStore } from '../store/ticket-store.ts'
import type { Queues } from './queue.ts'

export interface HousekeepingOptions {
  /** How often what is due leaves; it must be gone within 30 s. Default 10 s. */
  readonly expireEveryMs?: number
  /** How often old changes are removed. Default 1 h. */
  readonly pruneEveryMs?: number
  /** How often what the sources have is counted. Default 5 min; less often where counting takes long. */
  readonly sampleEveryMs?: number
}

export type HousekeepingStore = Pick<IngestStore, 'expire' | 'prune' | 'forgetSource'> &
  Pick<IndicatorReader, 'sourceNames'> &
  Pick<PublicationStore, 'prunePublications'> &
  Pick<FeedStore, 'pruneFeeds'> &
  Pick<DeliveryStore, 'pruneExports'> &
  Pick<TicketStore, 'pruneTickets'> &
  Pick<OperationsStore, 'sampleSources' | 'pruneHistory'>

interface Context {
  readonly store: HousekeepingStore
  readonly sources: readonly { readonly name: string }[]
  readonly queues: Queues
  readonly log: Logger
  now(): number
  readonly signal: AbortSignal
}

export interface Housekeeping {
  /** Takes part in the work. */
  work(): Promise<void>
  /** Makes the calls that are missing. */
  plan(): Promise<void>
  /** A fetch ended: what the sources have is counted soon, as far as counting costs little. */
  fetched(): Promise<void>
  /**
   * Records of sources that are not configured leave. Once, by the process that starts: one that runs already may not
   * know of a source that is new.
   */
  forget(): Promise<void>
}

/** Observations in one transaction: feeds and lookups go on meanwhile. */
const batch = 1000
/** Changes, tombstones and the history of tickets are kept for 30 days, exports for 30 days after they ended. */
const keptMs = 30 * 86_400_000
/** Tickets that are over: longer than a year, so that a yearly review finds them. */
const ticketsKeptMs = 400 * 86_400_000
/** Counts by the hour. */
const historyKeptMs = 90 * 86_400_000
/** Of all time that counting may take: a million indicators need about a second. */
const sampleShare = 1 / 200
const longestSampleRestMs = 3_600_000
/** Another server, which still has it configured, may have stored more of a source meanwhile. */
const forgetEveryMs = 3_600_000

export function housekeeping(
  { store, sources, queues, log, now, signal: stopping }: Context,
  { expireEveryMs = 10_000, pruneEveryMs = 3_600_000, sampleEveryMs = 300_000 }: HousekeepingOptions,
): Housekeeping {
  const expire = async (signal: AbortSignal) => {
    const gone = await inBatches(() => store.expire(new Date(now()), batch), signal)
    if (gone > 0) log.info({ records: gone }, 'records that were due have left')
  }
  const prune = async () => {
    const before = new Date(now() - keptMs)
    const parts = [
      () => store.prune(before),
      () => store.prunePublications(before),
      () => store.pruneFeeds(),
      () => store.pruneExports(before, new Date(now())),
      () => store.pruneTickets(before, new Date(now() - ticketsKeptMs)),
      () => store.pruneHistory(new Date(now() - historyKeptMs)),
    ]
    let rows = 0
    const failures: unknown[] = []
    for (const part of parts) {
      // What one of them fails of keeps nothing else from being removed.
      await part().then(
        (count) => {
          rows += count
        },
        (error: unknown) => failures.push(error),
      )
    }
    if (rows > 0) log.info({ rows }, 'what is old was removed')
    if (failures.length > 1) throw new AggregateError(failures, failures.map(String).join('; '))
    if (failures.length > 0) throw failures[0]
  }
  let sampleTookMs = 0
  let sampledAtMs = Number.NEGATIVE_INFINITY
  const sample = async () => {
    const began = performance.now()
    await store.sampleSources(new Date(now()))
    sampledAtMs = performance.now()
    sampleTookMs = sampledAtMs - began
  }
  const leastSampleRestMs = () => Math.min(longestSampleRestMs, sampleTookMs / sampleShare)
  const sampleRestMs = () => Math.max(sampleEveryMs, leastSampleRestMs())
  const forget = async () => {
    const configured = new Set(sources.map(({ name }) => name))
    for (const name of await store.sourceNames()) {
      if (configured.has(name)) continue
      const records = await inBatches(() => store.forgetSource(name, batch), stopping)
      if (records > 0)
        log.info({ source: name, records }, 'a source is no longer configured: its records have left')
    }
  }
  let forgetAgainAt = Number.NEGATIVE_INFINITY
  const works = [
    { name: 'expire', restMs: () => expireEveryMs, look: expire },
    { name: 'prune', restMs: () => pruneEveryMs, look: prune },
    { name: 'sample', restMs: sampleRestMs, look: sample },
  ]
  return {
    async work() {
      for (const { name, restMs, look } of works) {
        await queues.work(name, async (signal) => {
          await look(AbortSignal.any([signal, stopping]))
          await queues.call(name, restMs())
        })
      }
    },
    async plan() {
      for (const { name } of works) await queues.ensure(name)
    },
    async fetched() {
      await queues.call('sample', Math.max(0, sampledAtMs + leastSampleRestMs() - performance.now()))
    },
    async forget() {
      if (performance.now() < forgetAgainAt) return
      await forget()
      forgetAgainAt = performance.now() + forgetEveryMs
    },
  }
}

/** @returns all that the batches were */
async function inBatches(work: () => Promise<number>, signal: AbortSignal): Promise<number> {
  let all = 0
  for (let count = batch; count >= batch && !signal.aborted; all += count) count = await work()
  return all
}
