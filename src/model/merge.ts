/** From what each record says of a value to the one indicator of that value. */
import { indicatorId } from './identity.ts'
import type {
  Hashes,
  Indicator,
  Observation,
  Provenance,
  Relationship,
  Reliability,
  ThreatAssess,
} from './indicator.ts'
import { compareTimes, earliest, latest } from './time.ts'
import { strictest } from './tlp.ts'

type Facts = Omit<Observation, 'provenance' | 'raw'>
type Writable<T> = { -readonly [Key in keyof T]: T[Key] }

export interface MergeOptions {
  /** Default true; false leaves the record as received out. */
  readonly raw?: boolean
}

/**
 * Score, confidence, rating and each ThreatAssess number are the highest; tags, hashes and relationships the union;
 * firstSeen the earliest, lastModified the latest, tlp the strictest, reliability the best; active if any is.
 * Description, raw and, where records disagree, a hash come from the record modified last. The order of the
 * observations makes no difference.
 * @param observations all of one type, custom type and value
 */
export function toIndicator(
  observations: readonly [Observation, ...Observation[]],
  options: MergeOptions = {},
): Indicator {
  const withRaw = options.raw !== false
  const [first] = observations
  if (observations.length === 1) return assemble(first, [first.provenance], withRaw ? first.raw : undefined)
  const ordered = observations.toSorted(compareObservations)
  const newestFirst = ordered.toSorted(compareRecency)
  return assemble(
    mergeFacts(ordered, newestFirst),
    ordered.map(({ provenance }) => provenance),
    withRaw ? newestFirst[0]?.raw : undefined,
  )
}

/** Members in the order in which they are documented and shown; what is absent has no member. */
function assemble(
  facts: Facts,
  observations: readonly Provenance[],
  raw: Observation['raw'] | undefined,
): Indicator {
  const { type, customType, value } = facts
  const head: Partial<Writable<Indicator>> = { id: indicatorId(type, value, customType), type }
  if (customType !== undefined) head.customType = customType
  head.value = value
  head.score = facts.score
  if (facts.confidence !== undefined) head.confidence = facts.confidence
  if (facts.rating !== undefined) head.rating = facts.rating
  if (facts.threatAssess !== undefined) head.threatAssess = facts.threatAssess
  head.active = facts.active
  if (facts.description !== undefined) head.description = facts.description
  if (facts.tlp !== undefined) head.tlp = facts.tlp
  if (facts.reliability !== undefined) head.reliability = facts.reliability
  head.tags = facts.tags
  if (facts.hashes !== undefined) head.hashes = facts.hashes
  if (facts.firstSeen !== undefined) head.firstSeen = facts.firstSeen
  if (facts.lastModified !== undefined) head.lastModified = facts.lastModified
  head.expiresAt = null
  head.observations = observations
  head.relationships = distinctRelationships(facts.relationships)
  if (raw !== undefined) head.raw = raw
  return head as Indicator
}

function mergeFacts(ordered: readonly Observation[], newestFirst: readonly Observation[]): Facts {
  const [first] = ordered as readonly [Observation, ...Observation[]]
  const merged: Writable<Facts> = {
    type: first.type,
    value: first.value,
    score: first.score,
    active: ordered.some(({ active }) => active),
    tags: [...new Set(ordered.flatMap(({ tags }) => tags))],
    relationships: ordered.flatMap(({ relationships }) => relationships),
  }
  if (first.customType !== undefined) merged.customType = first.customType
  for (const observation of ordered) {
    if (observation.score > merged.score) merged.score = observation.score
    raise(merged, 'confidence', observation.confidence)
    raise(merged, 'rating', observation.rating)
  }
  setIfPresent(merged, 'threatAssess', highestThreatAssess(ordered))
  setIfPresent(
    merged,
    'description',
    newestFirst.find(({ description }) => description !== undefined)?.description,
  )
  setIfPresent(merged, 'tlp', ordered.map(({ tlp }) => tlp).reduce(strictest))
  setIfPresent(merged, 'reliability', ordered.map(({ reliability }) => reliability).reduce(best))
  setIfPresent(merged, 'hashes', unionOfHashes(newestFirst))
  setIfPresent(merged, 'firstSeen', ordered.map(({ firstSeen }) => firstSeen).reduce(earliest))
  setIfPresent(merged, 'lastModified', ordered.map(({ lastModified }) => lastModified).reduce(latest))
  return merged
}

function setIfPresent<T, Key extends keyof T>(target: T, key: Key, value: T[Key] | undefined): void {
  if (value !== undefined) target[key] = value
}

function raise<Key extends string>(
  target: { [K in Key]?: number },
  key: Key,
  value: number | undefined,
): void {
  const current = target[key]
  if (value !== undefined && (current === undefined || value > current)) target[key] = value
}

function highestThreatAssess(observations: readonly Observation[]): ThreatAssess | undefined {
  const merged: Writable<ThreatAssess> = {}
  for (const { threatAssess } of observations) {
    raise(merged, 'score', threatAssess?.score)
    raise(merged, 'rating', threatAssess?.rating)
    raise(merged, 'confidence', threatAssess?.confidence)
  }
  return Object.keys(merged).length === 0 ? undefined : inOrder(merged, ['score', 'rating', 'confidence'])
}

function unionOfHashes(newestFirst: readonly Observation[]): Hashes | undefined {
  const merged: Writable<Hashes> = {}
  for (const { hashes } of newestFirst.toReversed()) Object.assign(merged, hashes)
  return Object.keys(merged).length === 0 ? undefined : inOrder(merged, ['md5', 'sha1', 'sha256'])
}

/** So that equal content has equal JSON, whichever record came first. */
function inOrder<T extends object>(members: T, order: readonly (keyof T)[]): T {
  return Object.fromEntries(
    order.flatMap((key) => (members[key] === undefined ? [] : [[key, members[key]]])),
  ) as T
}

/** The first of each that are equal. */
export function distinctRelationships(relationships: readonly Relationship[]): readonly Relationship[] {
  if (relationships.length < 2) return relationships
  const byEnd = new Map<string, Relationship>()
  for (const relationship of relationships) {
    const { name, type, customType = '', value } = relationship
    const key = [name, type, customType, value].join('\0')
    if (!byEnd.has(key)) byEnd.set(key, relationship)
  }
  return [...byEnd.values()]
}

/** The Admiralty scale's letters sort best first. */
function best(a: Reliability | undefined, b: Reliability | undefined): Reliability | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a <= b ? a : b
}

/** By source, owner and record; the rest decides only between two states of one record. */
function compareObservations(a: Observation, b: Observation): number {
  return (
    compareText(a.provenance.source, b.provenance.source) ||
    compareText(a.provenance.owner ?? '', b.provenance.owner ?? '') ||
    compareText(a.provenance.remoteId, b.provenance.remoteId) ||
    compareRecency(a, b) ||
    compareText(JSON.stringify(a), JSON.stringify(b))
  )
}

/** Modified last first; a record without a date last. */
function compareRecency(a: Observation, b: Observation): number {
  if (a.lastModified === b.lastModified) return 0
  if (a.lastModified === undefined) return 1
  return b.lastModified === undefined ? -1 : compareTimes(b.lastModified, a.lastModified)
}

/** By code units: the same on every machine, whatever its locale. */
function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1
}
