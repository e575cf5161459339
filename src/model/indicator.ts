/** The unified model: what an indicator is, whatever source it comes from. */

/** Types of ThreatConnect's and everybody's technical indicators. */
export const indicatorTypes = [
  'ipv4',
  'ipv6',
  'cidr',
  'domain',
  'url',
  'email',
  'file',
  'asn',
  'mutex',
  'registry-key',
  'user-agent',
  'hashtag',
  'email-subject',
] as const

/** Types of what surrounds indicators: ThreatConnect's groups. */
export const groupTypes = [
  'attack-pattern',
  'campaign',
  'course-of-action',
  'intrusion-set',
  'malware',
  'report',
  'tool',
  'vulnerability',
  'threat-actor',
  'incident',
  'event',
  'document',
  'signature',
  'tactic',
  'task',
  'threat',
  'email-message',
] as const

/** `custom` comes with `customType`: nothing is dropped because its type is not known. */
export const allTypes = [...indicatorTypes, ...groupTypes, 'custom'] as const
export type IndicatorType = (typeof allTypes)[number]

/** 0 unknown, 1 good, 2 suspicious, 3 bad: XSOAR's reputation scale. */
export type Score = 0 | 1 | 2 | 3

/** Traffic Light Protocol 2.0, least strict first. */
export const tlpLevels = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const
export type Tlp = (typeof tlpLevels)[number]

/** The Admiralty scale of a source: A completely reliable … F cannot be judged. */
export const reliabilities = ['A', 'B', 'C', 'D', 'E', 'F'] as const
export type Reliability = (typeof reliabilities)[number]

/** Lower-case hexadecimal. */
export interface Hashes {
  readonly md5?: string
  readonly sha1?: string
  readonly sha256?: string
}

/** ThreatConnect's ThreatAssess: score 0..1000, rating 0..5, confidence 0..100. */
export interface ThreatAssess {
  readonly score?: number
  readonly rating?: number
  readonly confidence?: number
}

export interface Relationship {
  /** `related-to`. */
  readonly name: string
  readonly type: IndicatorType
  readonly customType?: string
  /** Canonical value of the other end. */
  readonly value: string
}

/** What a value is: shared by one record's observation and by the merged indicator. */
interface Facts {
  readonly type: IndicatorType
  /** The source's own name of the type; only with `type: custom`. */
  readonly customType?: string
  /** Canonical: see `canonical.ts`. The value as received stays in `raw`. */
  readonly value: string
  readonly score: Score
  /** 0..100, the analyst's. */
  readonly confidence?: number
  /** 0..5, the analyst's. */
  readonly rating?: number
  readonly threatAssess?: ThreatAssess
  readonly active: boolean
  readonly description?: string
  readonly tlp?: Tlp
  readonly reliability?: Reliability
  readonly tags: readonly string[]
  readonly hashes?: Hashes
  /** RFC 3339, UTC. */
  readonly firstSeen?: string
  /** RFC 3339, UTC. */
  readonly lastModified?: string
  readonly relationships: readonly Relationship[]
}

/** Where one remote record stands. */
export interface Provenance {
  /** Name of the configured source. */
  readonly source: string
  readonly owner?: string
  /** The record's id at the source, as text: ids above 2^53 occur. */
  readonly remoteId: string
  readonly link?: string
  readonly reportedBy?: string
}

/** One remote record, normalised: what one owner at one source says of one value. */
export interface Observation extends Facts {
  readonly provenance: Provenance
  /** The record as received, untouched. */
  readonly raw: Readonly<Record<string, unknown>>
}

/** One (type, value), merged from all its observations. Absent is absent: no empty text, no invented zero. */
export interface Indicator extends Facts {
  /** `indicator--` and a UUID v5 of type and value: the same at every server. */
  readonly id: string
  /** RFC 3339, UTC; null: does not expire. */
  readonly expiresAt: string | null
  readonly observations: readonly Provenance[]
  readonly raw?: Readonly<Record<string, unknown>>
}

/** A record that could not be normalised: counted and kept, never dropped in silence. */
export interface UnreadableRecord {
  readonly remoteId: string
  readonly reason: string
}

/** A record that left, by its id or by what the source says of it. */
export type RemovedRecord =
  | { readonly remoteId: string }
  | {
      readonly owner: string
      readonly type: IndicatorType
      readonly customType?: string
      readonly value: string
    }

/** Whole numbers: remote ids of a source that counts. */
export interface IdRange {
  /** Exclusive. */
  readonly after: string
  /** Inclusive; null: the end. */
  readonly upTo: string | null
}
