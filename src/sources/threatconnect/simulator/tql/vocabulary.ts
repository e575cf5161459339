/** How each TQL keyword reads the simulated records. */
import { BlockList, isIP } from 'node:net'
import type { Attribute, GroupRecord, Id, IndicatorRecord, SecurityLabel, Tag } from '../records.ts'
import { customValues, groupTypeIds, indicatorTypeIds } from '../types.ts'
import { type Accessor, compile, type Predicate, type Vocabulary } from './evaluator.ts'
import type { Literal, Node, Operator } from './parser.ts'

export interface Lookups {
  indicator(id: Id): IndicatorRecord | undefined
  group(id: Id): GroupRecord | undefined
  /** See `compile`. */
  fold(text: string): string
}

export interface Vocabularies {
  readonly indicators: Vocabulary<IndicatorRecord>
  readonly groups: Vocabulary<GroupRecord>
}

type Either = IndicatorRecord | GroupRecord

export function createVocabularies(lookups: Lookups): Vocabularies {
  const { fold } = lookups
  const records = <T>(ids: readonly Id[], find: (id: Id) => T | undefined): T[] =>
    ids.map(find).filter((found) => found !== undefined)

  const nested = {
    hasTag: some<Either, Tag>(
      (record) => record.tags,
      (node) => compile(node, tagWords, fold),
    ),
    hasAllTags: (node: Node): Predicate<Either> => hasAllTags(node, (each) => compile(each, tagWords, fold)),
    hasSecurityLabel: some<Either, SecurityLabel>(
      (record) => record.labels,
      (node) => compile(node, labelWords, fold),
    ),
    hasAttribute: some<Either, Attribute>(
      (record) => record.attributes,
      (node) => compile(node, attributeWords, fold),
    ),
    hasGroup: some<Either, GroupRecord>(
      (record) => records(record.groups, lookups.group),
      (node) => compile(node, groups, fold),
    ),
    hasIndicator: some<Either, IndicatorRecord>(
      (record) => records(record.indicators, lookups.indicator),
      (node) => compile(node, indicators, fold),
    ),
  }
  const indicators: Vocabulary<IndicatorRecord> = {
    values: { ...commonValues, ...indicatorValues },
    special: { addressCidr: inNetwork },
    nested,
  }
  const groups: Vocabulary<GroupRecord> = {
    values: { ...commonValues, ...groupValues },
    special: {},
    nested,
  }
  return { indicators, groups }
}

function some<T, U>(
  parts: (record: T) => readonly U[],
  inner: (node: Node) => Predicate<U>,
): (node: Node) => Predicate<T> {
  return (node) => {
    const predicate = inner(node)
    return (record) => parts(record).some((part) => predicate(part) === true)
  }
}

/** A list of names asks for each of them; any other condition is the same as with `hasTag`. Inferred. */
function hasAllTags(node: Node, inner: (node: Node) => Predicate<Tag>): Predicate<Either> {
  const wanted =
    node.kind === 'compare' && node.operator === 'in'
      ? node.values.map((value): Node => ({ ...node, operator: '=', values: [value] }))
      : [node]
  const predicates = wanted.map(inner)
  return (record) => predicates.every((predicate) => record.tags.some((tag) => predicate(tag) === true))
}

const commonValues: Readonly<Record<string, Accessor<Either>>> = {
  id: (record) => record.id,
  dateAdded: (record) => record.dateAdded,
  lastModified: (record) => record.lastModified,
  firstSeen: (record) => record.firstSeen,
  lastSeen: (record) => record.lastSeen,
  externalDateAdded: (record) => record.externalDateAdded,
  externalLastModified: (record) => record.externalLastModified,
  externalDateExpires: (record) => record.externalDateExpires,
  owner: (record) => record.owner.id,
  ownerName: (record) => record.owner.name,
  typeName: (record) => record.type,
  tag: (record) => record.tags.map((tag) => tag.name),
  attackTag: (record) => record.tags.flatMap((tag) => tag.techniqueId ?? []),
  securityLabel: (record) => record.labels.map((label) => label.name),
}

const indicatorValues: Readonly<Record<string, Accessor<IndicatorRecord>>> = {
  summary: (record) => record.summary,
  type: (record) => indicatorTypeIds[record.type],
  indicatorActive: (record) => record.active,
  activeLocked: (record) => record.activeLocked,
  rating: (record) => record.rating,
  confidence: (record) => record.confidence,
  threatAssessScore: (record) => record.threatAssess?.score,
  calScore: (record) => record.calScore,
  source: (record) => record.source,
  description: (record) => record.description,
  observationCount: (record) => record.observations,
  lastObserved: (record) => record.lastObserved,
  falsePositiveCount: (record) => record.falsePositives,
  lastFalsePositive: (record) => record.lastFalsePositive,
  associatedGroup: (record) => record.groups,
  fileSize: (record) => {
    const size = ofType(record, 'File', 'size')
    return size === undefined ? undefined : Number(size)
  },
  hostDnsActive: (record) =>
    ofType(record, 'Host', 'dnsActive') ?? (record.type === 'Host' ? false : undefined),
  hostWhoisActive: (record) =>
    ofType(record, 'Host', 'whoisActive') ?? (record.type === 'Host' ? false : undefined),
  addressIsIpv6: (record) => (record.type === 'Address' ? isIP(record.summary) === 6 : undefined),
  addressIpVal: (record) => (record.type === 'Address' ? ipv4Value(record.summary) : undefined),
  value1: (record) => customValues(record)?.[0],
  value2: (record) => customValues(record)?.[1],
  value3: (record) => customValues(record)?.[2],
}

const groupValues: Readonly<Record<string, Accessor<GroupRecord>>> = {
  summary: (record) => record.name,
  type: (record) => groupTypeIds[record.type],
  isGroup: () => true,
  upvoteCount: (record) => record.upVotes,
  downvoteCount: (record) => record.downVotes,
  associatedIndicator: (record) => record.indicators,
  status: (record) => record.members?.status,
  eventDate: (record) => record.members?.eventDate,
  eventType: (record) => record.members?.eventType,
  publishDate: (record) => record.members?.publishDate,
  generatedReport: (record) => ofType(record, 'Report', 'generatedReport'),
  documentFilename: (record) => ofType(record, 'Document', 'fileName'),
  documentFilesize: (record) => ofType(record, 'Document', 'fileSize'),
  documentStatus: (record) => ofType(record, 'Document', 'status'),
  documentType: (record) => ofType(record, 'Document', 'documentType'),
  documentDateAdded: (record) => ofType(record, 'Document', 'documentDateAdded'),
  emailFrom: (record) => ofType(record, 'Email', 'from'),
  emailSubject: (record) => ofType(record, 'Email', 'subject'),
  emailDate: (record) => ofType(record, 'Email', 'emailDate'),
  signatureFilename: (record) => ofType(record, 'Signature', 'fileName'),
  signatureType: (record) => ofType(record, 'Signature', 'fileType'),
  taskStatus: (record) => ofType(record, 'Task', 'status'),
  taskDueDate: (record) => ofType(record, 'Task', 'dueDate'),
}

const tagWords: Vocabulary<Tag> = {
  values: {
    id: (tag) => tag.id,
    name: (tag) => tag.name,
    summary: (tag) => tag.name,
    description: (tag) => tag.description,
    lastUsed: (tag) => tag.lastUsed,
    techniqueId: (tag) => tag.techniqueId,
  },
  special: {},
  nested: {},
}

const labelWords: Vocabulary<SecurityLabel> = {
  values: {
    id: (label) => label.id,
    name: (label) => label.name,
    summary: (label) => label.name,
    description: (label) => label.description,
    color: (label) => label.color,
    dateAdded: (label) => label.dateAdded,
  },
  special: {},
  nested: {},
}

const attributeWords: Vocabulary<Attribute> = {
  values: {
    typeName: (attribute) => attribute.type,
    text: (attribute) => attribute.value,
    source: (attribute) => attribute.source,
    default: (attribute) => attribute.default ?? false,
    pinned: (attribute) => attribute.pinned ?? false,
    dateAdded: (attribute) => attribute.dateAdded,
  },
  special: {},
  nested: {},
}

function ofType(record: Either, type: string, member: string): Literal | undefined {
  return record.type === type ? record.members?.[member] : undefined
}

function ipv4Value(address: string): number | undefined {
  return isIP(address) === 4
    ? address.split('.').reduce((value, part) => value * 256 + Number(part), 0)
    : undefined
}

/** `addressCidr IN "192.0.2.0/24"` asks for the addresses inside. What is no network has none. */
function inNetwork(operator: Operator, values: readonly Literal[]): Predicate<IndicatorRecord> {
  if (operator !== '=' && operator !== 'in') return () => undefined
  const networks = new BlockList()
  for (const value of values) {
    const [, address = '', prefix = ''] = /^([^/]+)\/(\d{1,3})$/.exec(String(value)) ?? []
    const version = isIP(address)
    if (version !== 0 && Number(prefix) <= (version === 4 ? 32 : 128)) {
      networks.addSubnet(address, Number(prefix), version === 4 ? 'ipv4' : 'ipv6')
    }
  }
  return ({ type, summary }) => {
    const version = type === 'Address' ? isIP(summary) : 0
    return version === 0 ? undefined : networks.check(summary, version === 4 ? 'ipv4' : 'ipv6')
  }
}
