/**
 * XSOAR's view of an indicator, ready for `createIndicators`: the mapping of its ThreatConnect Feed integration with
 * that mapping's defects mended. It is the one place outside the connector that reads ThreatConnect's spellings,
 * from `raw`: what only the record knows is absent without it.
 */
import type { Indicator, IndicatorType, Score, Tlp } from './indicator.ts'
import { isEmptyValue } from './markdown.ts'
import { rfc3339 } from './time.ts'
import { xsoarType } from './xsoar-type.ts'

export interface XsoarIndicator {
  readonly value: string
  readonly type: string
  readonly score: Score
  /** In the order in which XSOAR's mapping sets them; never empty text, null, [] or {}. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly relationships: readonly XsoarRelationship[]
  readonly rawJSON?: Readonly<Record<string, unknown>>
}

interface XsoarRelationship {
  readonly name: string
  readonly reverseName: string
  readonly type: 'IndicatorToIndicator'
  readonly entityA: string
  readonly entityAFamily: 'Indicator'
  readonly entityAType: string
  readonly entityB: string
  readonly entityBFamily: 'Indicator'
  readonly entityBType: string
  readonly fields: Readonly<Record<string, never>>
}

export interface XsoarOptions {
  readonly relationships: boolean
  /** Default true; false leaves `rawJSON` out, the fields still come from the record. */
  readonly raw?: boolean
}

export function toXsoar(indicator: Indicator, options: XsoarOptions): XsoarIndicator {
  const { value, score, raw } = indicator
  const type = xsoarType(indicator)
  const view = {
    value,
    type,
    score,
    fields: fieldsOf(indicator),
    relationships: options.relationships ? relationshipsOf(indicator, type) : [],
  }
  return raw === undefined || options.raw === false ? view : { ...view, rawJSON: raw }
}

function relationshipsOf(indicator: Indicator, entityAType: string): XsoarRelationship[] {
  return indicator.relationships.map((relationship) => ({
    name: relationship.name,
    reverseName: 'related-to',
    type: 'IndicatorToIndicator',
    entityA: indicator.value,
    entityAFamily: 'Indicator',
    entityAType,
    entityB: relationship.value,
    entityBFamily: 'Indicator',
    entityBType: xsoarType(relationship),
    fields: {},
  }))
}

type Raw = Readonly<Record<string, unknown>>
type Field = readonly [name: string, read: (indicator: Indicator, raw: Raw) => unknown]

/** Of one record when it was added there; of a merged indicator the earliest that any record knows. */
const firstSeen: Field = [
  'firstseenbysource',
  ({ firstSeen, observations }, raw) => (observations.length === 1 && rfc3339(raw.dateAdded)) || firstSeen,
]
const updated: Field = ['updateddate', ({ lastModified }) => lastModified]
const verdict: Field = ['verdict', ({ threatAssess }) => threatAssess?.rating]
/** ThreatAssess's, as XSOAR maps it, not the analyst's. */
const confidence: Field = ['confidence', ({ threatAssess }) => threatAssess?.confidence]
const description: Field = ['description', (indicator) => indicator.description]
const name: Field = ['name', received('summary')]
const published: Field = ['published', (_, raw) => rfc3339(raw.publishDate)]
const groupName: Field = ['name', received('name')]

const tail: readonly Field[] = [
  ['tags', ({ tags }) => tags],
  ['reportedby', reportedBy],
  [
    'feedrelatedindicators',
    (_, raw) => [...associated(raw.associatedIndicators), ...associated(raw.associatedGroups)],
  ],
]
const tlp: Field = ['trafficlightprotocol', (indicator) => indicator.tlp && xsoarTlp[indicator.tlp]]

/** XSOAR's colours are TLP 1.0's; it has none for amber+strict, which AMBER would loosen and RED misreport. */
const xsoarTlp: Readonly<Record<Tlp, string>> = {
  clear: 'WHITE',
  green: 'GREEN',
  amber: 'AMBER',
  'amber+strict': 'AMBER+STRICT',
  red: 'RED',
}

const assessed = [firstSeen, updated, verdict, confidence] as const
const technical = list([...assessed, description, name])
const group = list([firstSeen, updated, groupName])
const dated = list([firstSeen, updated, groupName, published])
const address = list([
  ...assessed,
  description,
  ['shortdescription', received('summary')],
  ['address', received('ip')],
])

/** For each type the fields in the order of XSOAR's mapping. */
const fieldLists: Readonly<Record<IndicatorType, readonly Field[]>> = {
  ipv4: address,
  ipv6: address,
  cidr: list([...assessed, name, ['sourceoriginalseverity', ({ threatAssess }) => threatAssess?.score]]),
  email: list([...assessed, description, name, ['emailaddress', received('address')]]),
  file: list([
    firstSeen,
    updated,
    confidence,
    verdict,
    description,
    name,
    ['md5', ({ hashes }) => hashes?.md5],
    ['sha1', ({ hashes }) => hashes?.sha1],
    ['sha256', ({ hashes }) => hashes?.sha256],
  ]),
  domain: list([...assessed, description, name, ['domainname', received('hostName')]]),
  mutex: list([firstSeen, updated, verdict, description, confidence, name]),
  'registry-key': list(
    [...assessed, description, name],
    [
      ['Key Value', keyValueGrid],
      ['namefield', (_, raw) => raw['Key Name']],
    ],
  ),
  url: list([...assessed, description, name, ['address', received('text')]]),
  asn: list([firstSeen, updated, verdict, description, confidence, ['value', received('AS Number')], name]),
  'user-agent': technical,
  hashtag: technical,
  'email-subject': technical,
  custom: technical,
  'attack-pattern': list([firstSeen, updated, description, groupName]),
  campaign: group,
  'course-of-action': list([firstSeen, updated, groupName], [['action', action]]),
  'intrusion-set': group,
  malware: group,
  report: dated,
  tool: group,
  vulnerability: dated,
  'threat-actor': group,
  incident: group,
  event: group,
  document: group,
  signature: group,
  tactic: group,
  task: group,
  threat: group,
  'email-message': group,
}

/** XSOAR sets the description after the common fields where the type's own mapping has none. */
function list(head: readonly Field[], special: readonly Field[] = []): readonly Field[] {
  return [...head, ...tail, ...(head.includes(description) ? [] : [description]), ...special, tlp]
}

function fieldsOf(indicator: Indicator): Record<string, unknown> {
  const raw = indicator.raw ?? {}
  const fields: Record<string, unknown> = {}
  for (const [name, read] of fieldLists[indicator.type]) {
    const value = read(indicator, raw)
    if (!isEmptyValue(value)) fields[name] = value
  }
  return fields
}

/** A text of the record as received, else the canonical value. */
function received(member: string): Field[1] {
  return ({ value }, raw) => {
    const text = raw[member]
    return typeof text === 'string' && text !== '' ? text : value
  }
}

function reportedBy({ observations }: Indicator): string[] {
  const names = observations
    .flatMap(({ owner, reportedBy }) => [owner, reportedBy])
    .filter((name): name is string => name !== undefined && name !== '')
  return observations.length === 1 ? names : [...new Set(names)]
}

/** The objects under `data`; ThreatConnect sends `{}` for none. */
function associated(association: unknown): Raw[] {
  const data = isObject(association) ? association.data : undefined
  return Array.isArray(data) ? data.filter(isObject) : []
}

function keyValueGrid(_: Indicator, raw: Raw): Raw[] {
  const cells = [
    ['name', raw['Value Name']],
    ['type', raw['Value Type']],
    ['data', raw['Value Data']],
  ].filter(([, cell]) => !isEmptyValue(cell))
  return cells.length === 0 ? [] : [Object.fromEntries(cells)]
}

function action(_: Indicator, raw: Raw): unknown {
  return associated(raw.attributes).find(({ type }) => typeof type === 'string' && /^action$/i.test(type))
    ?.value
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
