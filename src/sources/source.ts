/** A place that indicators come from. */
import type { ConnectorContext, ConnectorDefinition, Finding } from '../connector.ts'
import type { Observation, Reliability, Score, Tlp, UnreadableRecord } from '../model/indicator.ts'

export interface Source {
  /** The cheapest calls that prove address, credentials, clock and rights; each finding with its remedy. */
  check(signal: AbortSignal): Promise<Finding[]>
  /** Present when the source can be asked live: the `tc-` commands. */
  readonly live?: LiveSource
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

/** Settings that every source has beside its own. */
export interface SourceOptions {
  readonly name: string
  /** Overrides the computed score of every record. */
  readonly reputation?: Score
  readonly reliability: Reliability
  /** Where the source gives no label. */
  readonly tlp?: Tlp
  readonly feedTags: readonly string[]
}

/** @typeParam Settings what the configuration hands over: checked, lists as lists, defaults filled in */
export interface SourceDefinition<Settings = unknown> extends ConnectorDefinition {
  create(settings: Settings, options: SourceOptions, context: ConnectorContext): Source
}
