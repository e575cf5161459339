/** From an indicator to its STIX 2.1 objects. Pure; equal indicators give equal bytes. */
import { indicatorId, uuidV5 } from '../../model/identity.ts'
import type { Hashes, Indicator, IndicatorType, Relationship } from '../../model/indicator.ts'
import { externalReferences } from './external-references.ts'
import { identityOf } from './identities.ts'
import { type TlpVersion, tlpMarking } from './markings.ts'
import { type StixObject, unversioned, versioned, withMilliseconds } from './object-text.ts'
import { type HashName, hashPattern, patternTypes, stixPattern } from './pattern.ts'

export interface Rendered {
  /** None where the indicator has no form in STIX. */
  readonly objects: readonly StixObject[]
  /** What `objects` refer to: marking definitions, identities. */
  readonly referred: readonly StixObject[]
  /** `created_by_ref` of the objects. */
  readonly createdBy?: string
  /** Why there are none: a few plain words of a fixed set. */
  readonly leftOut?: string
}

/** What stays the same over all versions of an object (STIX 2.1, section 3.2). */
export interface Origin {
  /** RFC 3339. */
  readonly created: string
  /** Id of an identity; absent: that of the indicator's first observation. */
  readonly createdBy?: string
}

/** Groups that STIX has a domain object for, of the same name. */
const domainObjects: ReadonlySet<IndicatorType> = new Set([
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
])

/** Types that can have a form in STIX at all. */
export const stixTypes: readonly IndicatorType[] = [...patternTypes, ...domainObjects]

/** @param version of the Traffic Light Protocol by which objects are marked */
export function renderStix(indicator: Indicator, origin: Origin, version: TlpVersion = 2): Rendered {
  const bodies = bodiesOf(indicator, origin)
  if (typeof bodies === 'string') return { objects: [], referred: [], leftOut: bodies }
  const creator = creatorOf(indicator)
  const createdBy = origin.createdBy ?? creator?.id
  const { tlp } = indicator
  const marking = tlp === undefined ? undefined : tlpMarking(tlp, version)
  const created = withMilliseconds(origin.created)
  const shared = sharedMembers(indicator, marking?.id)
  return {
    objects: bodies.map(({ id, type, members }) =>
      versioned({ type, id, createdBy, created }, { ...members, ...shared }),
    ),
    referred: [
      ...(marking === undefined ? [] : [unversioned(marking)]),
      ...(creator === undefined ? [] : [creator]),
    ],
    ...(createdBy !== undefined && { createdBy }),
  }
}

/** For collections, which serve the same objects marked by either version of the protocol (see `withTlp1`). */
export function renderForCollections(indicator: Indicator, origin: Origin): Rendered {
  const rendered = renderStix(indicator, origin)
  const { tlp } = indicator
  if (tlp === undefined || rendered.objects.length === 0) return rendered
  const identities = rendered.referred.filter(({ type }) => type === 'identity')
  const markings = ([2, 1] as const).map((version) => ({
    ...unversioned(tlpMarking(tlp, version)),
    tlp: version,
  }))
  return { ...rendered, referred: [...markings, ...identities] }
}

interface Body {
  readonly id: string
  readonly type: string
  readonly members: object
}

/** @returns why there are none, as a text */
function bodiesOf(indicator: Indicator, origin: Origin): readonly Body[] | string {
  const { type, value } = indicator
  if (!value.isWellFormed()) return 'its text is not valid Unicode'
  if (domainObjects.has(type)) return domainObject(indicator, origin)
  const pattern = stixPattern(type, value)
  if (pattern === undefined) return 'STIX has no pattern for this type'
  const best: Body = {
    id: indicator.id,
    type: 'indicator',
    members: detection(indicator, value, pattern, origin),
  }
  return type === 'file' ? [best, ...furtherHashes(indicator, origin)] : [best]
}

/** One object for each: a consumer that knows a file by another hash than the best one must find it too. */
function furtherHashes(indicator: Indicator, origin: Origin): Body[] {
  const { hashes = {}, id, value } = indicator
  const names: readonly (keyof Hashes & HashName)[] = ['sha256', 'sha1', 'md5']
  return names.flatMap((name): Body[] => {
    const hash = hashes[name]
    if (hash === undefined || hash === value) return []
    const members = detection(indicator, hash, hashPattern(name, hash), origin)
    return [{ id: `indicator--${uuidV5(['hash', id, name, hash].join('\0'))}`, type: 'indicator', members }]
  })
}

/** By XSOAR's scale of scores, in the words of indicator-type-ov. */
const indicatorTypes = ['unknown', 'benign', 'anomalous-activity', 'malicious-activity'] as const

function detection(indicator: Indicator, name: string, pattern: string, origin: Origin): object {
  const from = withMilliseconds(indicator.firstSeen ?? origin.created)
  const until = indicator.expiresAt === null ? from : withMilliseconds(indicator.expiresAt)
  return {
    name,
    ...described(indicator),
    indicator_types: [indicatorTypes[indicator.score]],
    pattern,
    pattern_type: 'stix',
    pattern_version: '2.1',
    valid_from: from,
    ...(until > from && { valid_until: until }),
  }
}

function described({ description }: Indicator): object {
  return description === undefined || description === '' ? {} : { description: description.toWellFormed() }
}

function domainObject(indicator: Indicator, origin: Origin): readonly Body[] | string {
  const { type, value, id } = indicator
  const required = requiredMembers(indicator, origin)
  if (required === undefined) return 'a report needs related objects to refer to'
  return [{ id: stixIdOf(type, id), type, members: { name: value, ...described(indicator), ...required } }]
}

/** What STIX wants of a type beside its name. */
function requiredMembers({ type, relationships, firstSeen }: Indicator, origin: Origin): object | undefined {
  // A group of this type stands for malware in general, seldom for one sample.
  if (type === 'malware') return { is_family: true }
  if (type !== 'report') return {}
  const refs = [...new Set(relationships.flatMap(referenceTo))]
  if (refs.length === 0) return undefined
  return { published: withMilliseconds(firstSeen ?? origin.created), object_refs: refs }
}

function referenceTo({ type, customType, value }: Relationship): string[] {
  const detected = stixPattern(type, value) !== undefined
  if (!detected && !domainObjects.has(type)) return []
  const id = indicatorId(type, value, customType)
  return [detected ? id : stixIdOf(type, id)]
}

/** The UUID is one of type and value already, so it is unique among all types. */
function stixIdOf(type: string, indicatorId: string): string {
  return `${type}--${indicatorId.slice('indicator--'.length)}`
}

function sharedMembers(indicator: Indicator, markingId: string | undefined): object {
  const { confidence, tags } = indicator
  const labels = [...new Set(tags.map((tag) => tag.toWellFormed()).filter((tag) => tag !== ''))]
  const references = externalReferences(indicator)
  return {
    ...(labels.length > 0 && { labels }),
    ...(confidence !== undefined && { confidence: Math.min(100, Math.max(0, Math.round(confidence))) }),
    ...(references.length > 0 && { external_references: references }),
    ...(markingId !== undefined && { object_marking_refs: [markingId] }),
  }
}

function creatorOf({ observations }: Indicator): StixObject | undefined {
  const [first] = observations
  return first === undefined ? undefined : identityOf(first)
}
