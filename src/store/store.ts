/** What the program keeps: its interfaces. The only implementation is `postgres/`. */
import type {
  IdRange,
  Indicator,
  IndicatorType,
  Observation,
  RemovedRecord,
  UnreadableRecord,
} from '../model/indicator.ts'
import type { FeedStore } from './feed-store.ts'
import type { PublicationStore } from './publication-store.ts'

/** Position in the change log: a whole number that grows with every commit; 0 is before everything. */
export type Seq = number

export interface Store
  extends RunStore,
    IngestStore,
    IndicatorStore,
    ChangeStore,
    FeedStore,
    PublicationStore {
  /** Whether queries are answered; the reason where not. */
  ready(): Promise<{ readonly ok: true } | { readonly ok: false; readonly reason: string }>
  close(): Promise<void>
}

// Fetches

export type RunStatus = 'running' | 'succeeded' | 'partial' | 'failed'

export interface RunError {
  /** A code of the error table. */
  readonly code: string
  readonly detail: string
  /** The endpoint that failed, where it was one of several. */
  readonly part?: string
}

/** One fetch and its receipt: `received = stored + updated + unchanged + excluded + unreadable`, held by the database. */
export interface Run {
  readonly id: string
  readonly source: string
  readonly status: RunStatus
  /** RFC 3339, UTC. */
  readonly startedAt: string
  readonly endedAt: string | null
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  /** Values that left: beside the equation. */
  readonly removed: number
  readonly excluded: number
  readonly unreadableCount: number
  readonly pages: number
  /** Requests to the source, repeated ones too. */
  readonly requests: number
  /** Records that the source announced; null where it does not say. */
  readonly expected: number | null
  readonly errors: readonly RunError[]
}

export interface SourceState {
  /** Where the next fetch starts; absent before the first page. */
  readonly cursor?: string
  readonly lastRun?: Run
  /** The last run that ended, whatever its status. */
  readonly lastEnded?: Run
  /** Whether a run that read anything has ended: `succeeded` or `partial`. */
  readonly fetched: boolean
}

export interface FetchTimes {
  readonly source: string
  /** RFC 3339: when the last fetch ended that read everything; null: none that is still kept. */
  readonly succeededAt: string | null
  /** RFC 3339: the same of fetches that read anything: `succeeded` or `partial`. */
  readonly readAt: string | null
}

export interface RunStore {
  /** Makes rows for the configured sources; other sources' rows stay. */
  registerSources(names: readonly string[]): Promise<void>
  sourceState(source: string): Promise<SourceState>
  /** Starts a run, or gives the one under way: at most one runs for each source. */
  startRun(source: string, now: Date): Promise<{ readonly run: Run; readonly joined: boolean }>
  /**
   * Makes the caller the one who carries out the run: a token that is greater than every earlier one. Pages that come
   * with an older token are refused, so that a worker believed dead can't write beside its successor.
   * @returns undefined when the run has ended
   */
  claimRun(id: string): Promise<number | undefined>
  /**
   * @param requests those that brought no page; default 0
   * @throws ClaimLost
   */
  endRun(
    id: string,
    claim: number,
    status: Exclude<RunStatus, 'running'>,
    errors: readonly RunError[],
    now: Date,
    requests?: number,
  ): Promise<Run>
  run(id: string): Promise<Run | undefined>
  /** Of those of the sources that the store knows. */
  fetchTimes(sources: readonly string[]): Promise<readonly FetchTimes[]>
  /** Of all sources the one that began last. */
  latestRun(): Promise<Run | undefined>
  /** Newest first. @param before id of the run after which to go on */
  runs(source: string, options: { readonly limit: number; readonly before?: string }): Promise<readonly Run[]>
  /** In the order received. @param limit at most so many, from the beginning or after `after` */
  unreadable(
    run: string,
    options: { readonly limit: number; readonly after?: number },
  ): Promise<readonly UnreadableRecord[]>
}

/** Another worker has taken the run over: stop, write nothing more. */
export class ClaimLost extends Error {}

export interface IngestRecord {
  readonly observation: Observation
  /** RFC 3339; null: never. A later one alone makes an unchanged record's indicator change, but not the receipt. */
  readonly expiresAt: string | null
  /** Count it, store it only where it is known: an inactive record that the source's filter does not ask for. */
  readonly onlyIfKnown?: boolean
}

/** One page, stored as a whole or not at all: records, receipt and cursor. */
export interface IngestPage {
  readonly run: string
  readonly claim: number
  readonly source: string
  /** The source's endpoint: `indicators`, `groups`. Remote ids are unique within one. */
  readonly part: string
  /** Records of the source's page: those of the three lists below. */
  readonly received: number
  readonly records: readonly IngestRecord[]
  readonly unreadable: readonly UnreadableRecord[]
  /** Remote ids that the exclusion list takes out; what is stored of them leaves. */
  readonly excluded: readonly string[]
  /** What is stored of them leaves, but for what the page itself brings. */
  readonly removed: readonly RemovedRecord[]
  /**
   * The page holds every record that is visible in this range of remote ids: whatever else is stored of the range has
   * left. Ids in `unreadable` are visible too: what is stored of them stays as it was.
   */
  readonly covers?: IdRange
  readonly requests: number
  readonly expected?: number
  /** Where the next fetch starts once this page is stored. */
  readonly cursor: string
  readonly now: Date
}

export interface IngestStore {
  /** @returns the run with this page in it. @throws ClaimLost */
  ingest(page: IngestPage): Promise<Run>
  /** Takes out what is due. @returns observations taken out, at most `limit` */
  expire(now: Date, limit: number): Promise<number>
  /** Takes out what was stored of a source that is no longer configured. @returns observations, at most `limit` */
  forgetSource(source: string, limit: number): Promise<number>
  /** Removes old changes, tombstones and runs, but the last run of each source. @returns rows removed */
  prune(before: Date): Promise<number>
}

// Reading

export interface IndicatorQuery {
  readonly types?: readonly IndicatorType[]
  readonly sources?: readonly string[]
  readonly owners?: readonly string[]
  readonly tags?: readonly string[]
  readonly minScore?: number
  readonly minConfidence?: number
  readonly minThreatAssessScore?: number
  /** What has no TLP passes. */
  readonly maxTlp?: Indicator['tlp']
  readonly active?: boolean
  /** RFC 3339, inclusive. */
  readonly modifiedSince?: string
  /** Ids, for a query by value. */
  readonly ids?: readonly string[]
  readonly limit: number
  /** Id of the last indicator of the page before. */
  readonly after?: string
  readonly raw: boolean
}

export interface StoredObservation extends Observation {
  readonly expiresAt: string | null
}

export interface IndicatorStore {
  /** In the order of ids: a page that follows never repeats or passes over what was there all the time. */
  indicators(
    query: IndicatorQuery,
  ): Promise<{ readonly indicators: readonly Indicator[]; readonly more: boolean }>
  indicator(id: string, options: { readonly raw: boolean }): Promise<Indicator | undefined>
  observations(id: string): Promise<readonly StoredObservation[]>
  /** For the dashboards: indicators of each type. */
  countByType(source?: string): Promise<Readonly<Record<string, number>>>
  /** The same of each source that has any, at once: reads every indicator. */
  countBySource(): Promise<Readonly<Record<string, Readonly<Record<string, number>>>>>
}

export interface Change {
  readonly op: 'add' | 'update' | 'remove'
  readonly seq: Seq
  /** As it was after the change; for `remove` as it was last. Without `raw`. */
  readonly indicator: Indicator
}

export interface ChangeStore {
  /** The position of the last commit. */
  head(): Promise<Seq>
  /** The oldest position from which nothing is missing. */
  horizon(): Promise<Seq>
  /** In commit order, each change one entry. @param since exclusive */
  changes(since: Seq, limit: number): Promise<readonly Change[]>
  /**
   * Calls back soon after another process committed (a hint, may come late or without need); commits of this process
   * are told at once. @returns ends it
   */
  onCommit(listener: () => void): () => void
}
