/**
 * One ThreatConnect v3 record -> one observation. Pure. Only what makes the identity (id, type, value) can make a
 * record unreadable; any other member that is not what it should be is absent, and stays in `raw` as received.
 * Mapping: README, section "Mapping".
 */
import { addressType, canonicalHash, canonicalValue } from '../../model/canonical.ts'
import { exactId } from '../../model/exact-number.ts'
import type {
  Observation,
  Provenance,
  Relationship,
  ThreatAssess,
  Tlp,
  UnreadableRecord,
} from '../../model/indicator.ts'
import { distinctRelationships } from '../../model/merge.ts'
import { bestHash, boundedNumber, scoreOf } from '../../model/score.ts'
import { earliest, rfc3339 } from '../../model/time.ts'
import { tlpFromLabels } from '../../model/tlp.ts'
import type { RecordOptions } from '../source.ts'
import { knownType, type RecordKind, valueMember } from './types.ts'

type Raw = Readonly<Record<string, unknown>>
export type Identity = Pick<Observation, 'type' | 'customType' | 'value' | 'hashes'>

export type Normalised = { readonly observation: Observation } | { readonly unreadable: UnreadableRecord }

/** @param position of the record in its answer: names a record that has no id */
export function normalise(
  record: unknown,
  kind: RecordKind,
  source: RecordOptions,
  position: number,
): Normalised {
  const remoteId = isRaw(record) ? exactId(record.id) : undefined
  const unreadable = (reason: string): Normalised => ({
    unreadable: { remoteId: remoteId ?? `(no id, record ${position + 1} of the answer)`, reason },
  })
  if (!isRaw(record)) return unreadable(`a record takes an object; received ${kindOf(record)}`)
  if (remoteId === undefined) return unreadable(`id takes an integer; received ${kindOf(record.id)}`)
  const identity = identify(record, kind)
  if ('reason' in identity) return unreadable(identity.reason)
  return { observation: observe(record, identity, remoteId, source) }
}

type Writable<T> = { -readonly [Member in keyof T]?: T[Member] }

/** Member by member: this runs for every record of every answer, and spreading objects is what costs most here. */
function observe(record: Raw, identity: Identity, remoteId: string, source: RecordOptions): Observation {
  const confidence = boundedNumber(record.confidence, 0, 100)
  const rating = boundedNumber(record.rating, 0, 5)
  const assessed = threatAssess(record)
  const description = text(record.description) ?? descriptionAttribute(record)
  const tlp = labelled(record) ?? source.tlp
  const firstSeen = firstSeenOf(record)
  const lastModified = rfc3339(record.lastModified)
  const draft: Writable<Observation> = { type: identity.type }
  if (identity.customType !== undefined) draft.customType = identity.customType
  draft.value = identity.value
  draft.score = source.reputation ?? scoreOf(record.threatAssessScore)
  if (confidence !== undefined) draft.confidence = confidence
  if (rating !== undefined) draft.rating = rating
  if (assessed !== undefined) draft.threatAssess = assessed
  draft.active = record.active !== false && record.active !== 'false'
  if (description !== undefined) draft.description = description
  if (tlp !== undefined) draft.tlp = tlp
  draft.reliability = source.reliability
  draft.tags = tagsOf(record, source.feedTags)
  if (identity.hashes !== undefined) draft.hashes = identity.hashes
  if (firstSeen !== undefined) draft.firstSeen = firstSeen
  if (lastModified !== undefined) draft.lastModified = lastModified
  draft.relationships = relationshipsOf(record)
  draft.provenance = provenanceOf(record, remoteId, source)
  draft.raw = record
  return draft as Observation
}

function provenanceOf(record: Raw, remoteId: string, source: RecordOptions): Provenance {
  const owner = text(record.ownerName)
  const link = text(record.webLink)
  const reportedBy = text(record.source)
  const draft: Writable<Provenance> = { source: source.name }
  if (owner !== undefined) draft.owner = owner
  draft.remoteId = remoteId
  if (link !== undefined) draft.link = link
  if (reportedBy !== undefined) draft.reportedBy = reportedBy
  return draft as Provenance
}

/** What an indicator is of which only type and summary are known. */
export function identityOf(type: string, summary: string): Identity | { reason: string } {
  return identify({ type, summary }, 'indicator')
}

/** What the record is: type and canonical value, or why that can't be told. */
function identify(record: Raw, kind: RecordKind): Identity | { reason: string } {
  const name = text(record.type)
  if (name === undefined) return { reason: `type takes a text; received ${kindOf(record.type)}` }
  if (kind === 'indicator' && name === 'File') return identifyFile(record)

  const summary = kind === 'group' ? (text(record.name) ?? text(record.summary)) : text(record.summary)
  const member = kind === 'indicator' ? valueMember[name] : undefined
  const value = summary ?? (member === undefined ? undefined : text(record[member])) ?? text(record.name)
  if (value === undefined) return { reason: `${name} has no value: summary is ${kindOf(record.summary)}` }

  const type = name === 'Address' && kind === 'indicator' ? addressType(value) : knownType(kind, name)
  const canonical = canonicalValue(type ?? 'custom', value)
  if ('reason' in canonical) return { reason: `${name}: ${canonical.reason}` }
  if (type === undefined) return { type: 'custom', customType: name, value: canonical.value }
  return { type, value: canonical.value }
}

/** The best hash is the value. Members first, else the summary: `MD5 : SHA1 : SHA256`, those present. */
function identifyFile(record: Raw): Identity | { reason: string } {
  const candidates = [record.md5, record.sha1, record.sha256].map(text)
  for (const part of text(record.summary)?.split(':') ?? []) candidates.push(part.trim())
  const hashes: { md5?: string; sha1?: string; sha256?: string } = {}
  for (const candidate of candidates) {
    if (candidate === undefined) continue
    const hash = canonicalHash(candidate)
    if (hash === undefined) continue
    const algorithm = hash.length === 32 ? 'md5' : hash.length === 40 ? 'sha1' : 'sha256'
    hashes[algorithm] ??= hash
  }
  const value = bestHash(hashes)
  if (value === undefined) return { reason: 'File has no MD5, SHA-1 or SHA-256 hash' }
  return { type: 'file', value, hashes }
}

function threatAssess(record: Raw): ThreatAssess | undefined {
  const score = boundedNumber(record.threatAssessScore, 0, 1000)
  const rating = boundedNumber(record.threatAssessRating, 0, 5)
  const confidence = boundedNumber(record.threatAssessConfidence, 0, 100)
  if (score === undefined && rating === undefined && confidence === undefined) return undefined
  const draft: Writable<ThreatAssess> = {}
  if (score !== undefined) draft.score = score
  if (rating !== undefined) draft.rating = rating
  if (confidence !== undefined) draft.confidence = confidence
  return draft
}

/** The attribute marked as default comes first, else the first one. */
function descriptionAttribute(record: Raw): string | undefined {
  let first: string | undefined
  for (const attribute of listOf(record.attributes)) {
    if (attribute.type !== 'Description') continue
    const value = text(attribute.value)
    if (value !== undefined && attribute.default === true) return value
    first ??= value
  }
  return first
}

function labelled(record: Raw): Tlp | undefined {
  const labels = listOf(record.securityLabels)
  if (labels.length === 0) return undefined
  return tlpFromLabels(labels.map((label) => text(label.name) ?? ''))
}

function firstSeenOf(record: Raw): string | undefined {
  let first = earliest(rfc3339(record.dateAdded), rfc3339(record.firstSeen))
  for (const sighting of listOf(record.sightings)) first = earliest(first, rfc3339(sighting.firstSeen))
  return first
}

function tagsOf(record: Raw, feedTags: readonly string[]): string[] {
  const tags = new Set<string>()
  for (const tag of listOf(record.tags)) {
    const name = text(tag.name)
    if (name !== undefined) tags.add(name)
  }
  for (const tag of feedTags) tags.add(tag)
  return [...tags]
}

/**
 * Associated records whose identity can be told; the others stay in `raw`. Records of several owners that are the
 * same indicator or group are one.
 */
function relationshipsOf(record: Raw): readonly Relationship[] {
  const found: Relationship[] = []
  const add = (associated: Raw, kind: RecordKind) => {
    const identity = identify(associated, kind)
    if ('reason' in identity) return
    const { type, customType, value } = identity
    found.push({ name: 'related-to', type, ...(customType !== undefined && { customType }), value })
  }
  for (const associated of listOf(record.associatedIndicators)) add(associated, 'indicator')
  for (const associated of listOf(record.associatedGroups)) add(associated, 'group')
  return distinctRelationships(found)
}

const none: readonly Raw[] = []

/** Associations are `{ data: [...] }`; asked for and empty they are `{}`. */
function listOf(association: unknown): readonly Raw[] {
  if (!isRaw(association) || !Array.isArray(association.data)) return none
  return association.data.every(isRaw) ? association.data : association.data.filter(isRaw)
}

/** Trimmed; blank is absent. */
function text(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined
  const trimmed = value.trim()
  return trimmed === '' ? undefined : trimmed
}

function isRaw(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (typeof value === 'string') return value.trim() === '' ? 'an empty text' : 'a text'
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
