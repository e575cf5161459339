/** A place that indicators come from. */
import type { ConnectorContext, ConnectorDefinition, Finding } from '../connector.ts'
import type { UpstreamError } from '../errors.ts'
import type {
  IdRange,
  Observation,
  Reliability,
  RemovedRecord,
  Score,
  Tlp,
  UnreadableRecord,
} from '../model/indicator.ts'

export interface Source {
  /**
   * Everything new, changed or gone since `cursor`; everything there is without one, or with one of other settings. The
   * next page may be asked for while the last is being stored. An endpoint that fails ends with a
   * `SourceFailure`, after as many tries as `retry` allows; the other endpoints go on. Asked again with the cursor of
   * the last page taken, it goes on where it stood, in the same walk.
   */
  changes(cursor: string | undefined, signal: AbortSignal): AsyncIterable<SourcePage | SourceFailure>
  /** The cheapest calls that prove address, credentials, clock and rights; each finding with its remedy. */
  check(signal: AbortSignal): Promise<Finding[]>
  /** Present when the source can be asked live: the `tc-` commands. */
  readonly live?: LiveSource
}

/** Records of one answer of one endpoint. */
export interface SourcePage {
  /** The endpoint: `indicators`, `groups`. Remote ids are unique within one. */
  readonly part: string
  /** Records received: those of the three lists that follow. */
  readonly received: number
  readonly observations: readonly Observation[]
  /** Inactive ones that the source's filter does not ask for: of interest only where they are known. */
  readonly deactivated: readonly Observation[]
  readonly unreadable: readonly UnreadableRecord[]
  /** Proved to be gone; beside `received`. What the page itself brings stays, also of a value that is among them. */
  readonly removed: readonly RemovedRecord[]
  /**
   * The page holds every record that is visible in this range of remote ids: what else is known of the range has left.
   * Ids in `deactivated` and `unreadable` are visible too: a known record that has become unreadable stays as it was.
   */
  readonly covers?: IdRange
  /** Requests that it took, repeated ones too. */
  readonly requests: number
  /** Records that the walk will bring in all, where the source says so; told again when it changes. */
  readonly expected?: number
  /** Where the next fetch starts once this page is stored. */
  readonly cursor: string
}

/** An endpoint that could not be read to its end. */
export interface SourceFailure {
  readonly part: string
  readonly failure: UpstreamError
  readonly requests: number
}

/** The arguments of `tc-get-indicators`, checked; absent lists mean the source's own. */
export interface LiveQuery {
  readonly owners?: readonly string[]
  readonly tags?: readonly string[]
  /** Upstream records, 0..100000. */
  readonly limit: number
  /** Upstream records to pass over. */
  readonly offset: number
  /** Overrides every other filter, the source's own as well. */
  readonly tql?: string
  /** Names of the source; empty: every type. */
  readonly indicatorTypes: readonly string[]
  /** false: inactive ones as well. */
  readonly activeOnly: boolean
  /** Strictly greater than; 0 is off. */
  readonly confidence: number
  /** Strictly greater than; 0 is off. */
  readonly threatAssessScore: number
  /** Absent: the source's own setting. */
  readonly createRelationships?: boolean
}

/** Some records in the order of the source: a part of one of its pages. */
export interface LivePage {
  readonly observations: readonly Observation[]
  readonly unreadable: readonly UnreadableRecord[]
  /** Requests that it took, repeated ones too; 0 for the further parts of a page. */
  readonly requests: number
  /** Records of this page, the unreadable ones too. */
  readonly received: number
  /** Where the next record stands; null when there is none. */
  readonly nextOffset: number | null
}

export interface Owner {
  readonly id: number | string
  readonly name: string
  readonly type: string
}

/** What would be sent, credentials left out. */
export interface Explanation {
  readonly tql: string
  readonly method: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** Only where the query is too long for an address. */
  readonly body?: string
}

export interface LiveSource {
  /** The query in the source's own language; empty when it has no clause. */
  tql(query: LiveQuery): string
  /** Whether associated indicators and groups are asked for. */
  asksForRelationships(query: LiveQuery): boolean
  /**
   * Pages until `limit` records or the end; a page is asked for when the last was taken.
   * @throws UpstreamError, and ServiceError QUERY_REFUSED for the user's own TQL
   */
  indicators(query: LiveQuery, signal: AbortSignal): AsyncIterable<LivePage>
  explain(query: LiveQuery): Explanation
  /** Every owner that the account can see. @throws UpstreamError */
  owners(signal: AbortSignal): Promise<Owner[]>
}

/** Settings of every source that decide what becomes of a record. */
export interface RecordOptions {
  readonly name: string
  /** Overrides the computed score of every record. */
  readonly reputation?: Score
  readonly reliability: Reliability
  /** Where the source gives no label. */
  readonly tlp?: Tlp
  readonly feedTags: readonly string[]
}

/** Settings that every source has beside its own. */
export interface SourceOptions extends RecordOptions {
  /** Every fetch brings everything, so that what is no longer there leaves at once. */
  readonly alwaysWhole: boolean
  /** For each request of a fetch. */
  readonly retry: RetryOptions
}

export interface RetryOptions {
  /** Tries in all, the first one counted. */
  readonly attempts: number
  readonly initialMs: number
  readonly maxMs: number
}

/** @typeParam Settings what the configuration hands over: checked, lists as lists, defaults filled in */
export interface SourceDefinition<Settings = unknown> extends ConnectorDefinition {
  create(settings: Settings, options: SourceOptions, context: ConnectorContext): Source
}
