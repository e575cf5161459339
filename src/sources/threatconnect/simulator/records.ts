/** What the simulated ThreatConnect holds. Records never change: an update puts another one in the place. */

/** ThreatConnect's ids go above 2^53, where only a bigint is exact; below it always a number. */
export type Id = number | bigint

export interface Owner {
  readonly id: number
  readonly name: string
  readonly type: 'Organization' | 'Source' | 'Community'
}

export interface Tag {
  readonly id: number
  readonly name: string
  readonly description?: string
  readonly lastUsed?: string
  /** A MITRE ATT&CK tag. */
  readonly techniqueId?: string
}

export interface SecurityLabel {
  readonly id: number
  readonly name: string
  readonly description?: string
  readonly color: string
  readonly dateAdded: string
}

export interface Attribute {
  readonly type: string
  readonly value: string
  /** The default Description attribute is the record's `description` too. */
  readonly default?: boolean
  readonly pinned?: boolean
  readonly source?: string
  readonly dateAdded?: string
}

interface ThreatAssess {
  /** 0..1000 */
  readonly score: number
  /** 0..5 */
  readonly rating?: number
  /** 0..100 */
  readonly confidence?: number
}

/** Values under the API's own member names: `{ "Key Name": "HKEY_USERS\\x" }`. */
export type Members = Readonly<Record<string, string | number | boolean>>

/** What indicators and groups share. All times are `YYYY-MM-DDTHH:MM:SSZ`. */
interface Common {
  readonly type: string
  readonly dateAdded: string
  readonly lastModified: string
  readonly attributes: readonly Attribute[]
  readonly labels: readonly SecurityLabel[]
  readonly tags: readonly Tag[]
  /** Ids of associated groups. */
  readonly groups: readonly Id[]
  /** Ids of associated indicators. */
  readonly indicators: readonly Id[]
  readonly firstSeen: string | undefined
  readonly lastSeen: string | undefined
  readonly externalDateAdded: string | undefined
  readonly externalLastModified: string | undefined
  readonly externalDateExpires: string | undefined
  /** The members that only this type has; for most indicator types they follow from the summary. */
  readonly members: Members | undefined
}

export interface IndicatorRecord extends Common {
  readonly id: Id
  readonly owner: Owner
  readonly summary: string
  readonly active: boolean
  readonly activeLocked: boolean
  readonly privateFlag: boolean
  readonly rating: number | undefined
  readonly confidence: number | undefined
  readonly threatAssess: ThreatAssess | undefined
  readonly calScore: number | undefined
  readonly source: string | undefined
  readonly description: string | undefined
  readonly observations: number | undefined
  readonly lastObserved: string | undefined
  readonly falsePositives: number | undefined
  readonly lastFalsePositive: string | undefined
  /** Sent in the place of the record, whatever fields are asked for: the malformed ones. */
  readonly json: string | undefined
}

export interface GroupRecord extends Common {
  readonly id: Id
  readonly owner: Owner
  readonly name: string
  readonly upVotes: number
  readonly downVotes: number
}

export interface DeletedRecord {
  readonly owner: Owner
  readonly dateAdded: string
  readonly type: string
  readonly summary: string
  /** Compared with `deletedSince`; not part of the answer. */
  readonly deletedAt: string
}

type Loose<T> = { readonly [K in keyof T]?: T[K] | undefined }

/** An indicator to add: what is left out gets what a new one has. Owners, tags and labels may be given by name. */
export interface NewIndicator extends Loose<Omit<IndicatorRecord, 'owner' | 'tags' | 'labels'>> {
  readonly owner?: string | Owner | undefined
  readonly type: string
  readonly summary: string
  readonly tags?: readonly (string | Tag)[] | undefined
  readonly labels?: readonly (string | SecurityLabel)[] | undefined
}

export interface NewGroup extends Loose<Omit<GroupRecord, 'owner' | 'tags' | 'labels'>> {
  readonly owner?: string | Owner | undefined
  readonly type: string
  readonly name: string
  readonly tags?: readonly (string | Tag)[] | undefined
  readonly labels?: readonly (string | SecurityLabel)[] | undefined
}

/** What a complete record can't do without. */
export type IndicatorDraft = Loose<IndicatorRecord> &
  Pick<IndicatorRecord, 'id' | 'owner' | 'type' | 'summary' | 'dateAdded'>
export type GroupDraft = Loose<GroupRecord> &
  Pick<GroupRecord, 'id' | 'owner' | 'type' | 'name' | 'dateAdded'>

const none: readonly never[] = Object.freeze([])

/** One literal for all of them gives every record the same shape in memory, whoever made it. */
export function completeIndicator(given: IndicatorDraft): IndicatorRecord {
  return {
    id: exactId(given.id),
    owner: given.owner,
    type: given.type,
    summary: given.summary,
    dateAdded: given.dateAdded,
    lastModified: given.lastModified ?? given.dateAdded,
    active: given.active ?? true,
    activeLocked: given.activeLocked ?? false,
    privateFlag: given.privateFlag ?? false,
    rating: given.rating,
    confidence: given.confidence,
    threatAssess: given.threatAssess,
    calScore: given.calScore,
    source: given.source,
    description: given.description,
    observations: given.observations,
    lastObserved: given.lastObserved,
    falsePositives: given.falsePositives,
    lastFalsePositive: given.lastFalsePositive,
    firstSeen: given.firstSeen,
    lastSeen: given.lastSeen,
    externalDateAdded: given.externalDateAdded,
    externalLastModified: given.externalLastModified,
    externalDateExpires: given.externalDateExpires,
    attributes: given.attributes ?? none,
    labels: given.labels ?? none,
    tags: given.tags ?? none,
    groups: given.groups ?? none,
    indicators: given.indicators ?? none,
    members: given.members,
    json: given.json,
  }
}

export function completeGroup(given: GroupDraft): GroupRecord {
  return {
    id: exactId(given.id),
    owner: given.owner,
    type: given.type,
    name: given.name,
    dateAdded: given.dateAdded,
    lastModified: given.lastModified ?? given.dateAdded,
    upVotes: given.upVotes ?? 0,
    downVotes: given.downVotes ?? 0,
    firstSeen: given.firstSeen,
    lastSeen: given.lastSeen,
    externalDateAdded: given.externalDateAdded,
    externalLastModified: given.externalLastModified,
    externalDateExpires: given.externalDateExpires,
    attributes: given.attributes ?? none,
    labels: given.labels ?? none,
    tags: given.tags ?? none,
    groups: given.groups ?? none,
    indicators: given.indicators ?? none,
    members: given.members,
  }
}

/** One form for each id, so that `===` and Map keys work: a bigint only where a number would not be exact. */
export function exactId(id: Id | string): Id {
  const exact = BigInt(id)
  return exact > Number.MAX_SAFE_INTEGER || exact < Number.MIN_SAFE_INTEGER ? exact : Number(exact)
}
