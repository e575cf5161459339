/**
 * Records to JSON text. Text is put together by hand: ids above 2^53 and ratings such as `3.00` are written as
 * the numbers they are, which JSON.stringify can't do, and a page costs a tenth.
 */
import { type FieldSet, fieldsKey } from './fields.ts'
import type {
  Attribute,
  GroupRecord,
  Id,
  IndicatorRecord,
  Members,
  Owner,
  SecurityLabel,
  Tag,
} from './records.ts'
import type { Lookups } from './tql/vocabulary.ts'
import { customValues, valueMember } from './types.ts'

export interface Renderer {
  /** @param visible owners whose records may be shown as associations */
  indicator(record: IndicatorRecord, fields: FieldSet, visible: ReadonlySet<Owner>): Buffer
  group(record: GroupRecord, fields: FieldSet, visible: ReadonlySet<Owner>): Buffer
}

const site = 'https://threatconnect.example'
/** Bytes kept of rendered records; past it the cache starts again. */
const cacheLimit = 64 * 1_048_576
const createdBy =
  '{"id":3,"userName":"11112222333344445555","firstName":"Api","lastName":"User","pseudonym":"apiuser","owner":"Example Organization"}'

export function createRenderer(lookups: Pick<Lookups, 'indicator' | 'group'>): Renderer {
  const lists = new WeakMap<object, string>()
  /** Tags and labels come in lists that many records share. */
  const list = <T extends object>(elements: readonly T[], render: (element: T) => string): string => {
    if (elements.length === 0) return '{}'
    const cached = lists.get(elements)
    if (cached !== undefined) return cached
    const text = `{"data":[${elements.map(render).join()}]}`
    lists.set(elements, text)
    return text
  }

  const associations = (
    record: IndicatorRecord | GroupRecord,
    fields: FieldSet,
    visible: ReadonlySet<Owner>,
  ): string => {
    const members = [...fields].map(([name, inner]) => {
      switch (name) {
        case 'associatedGroups':
          return `,"associatedGroups":${related(record.groups, lookups.group, visible, (each) => group(each, inner, visible))}`
        case 'associatedIndicators':
          return `,"associatedIndicators":${related(record.indicators, lookups.indicator, visible, (each) => indicator(each, inner, visible))}`
        case 'attributes':
          return `,"attributes":${attributes(record, inner)}`
        case 'securityLabels':
          return `,"securityLabels":${list(record.labels, labelJson)}`
        case 'tags':
          return `,"tags":${list(record.tags, tagJson)}`
        case 'sightings':
          return text('firstSeen', record.firstSeen) + text('lastSeen', record.lastSeen)
        case 'externalDates':
          return externalDates(record)
        case 'observations':
        case 'falsePositives':
        case 'threatAssess':
        case 'genericCustomIndicatorValues':
        case 'associationName':
          return ''
        default:
          // Asked for, and nothing there: an empty object without `data`.
          return `,"${name}":{}`
      }
    })
    return members.join('')
  }

  const indicator = (record: IndicatorRecord, fields: FieldSet, visible: ReadonlySet<Owner>): string => {
    if (record.json !== undefined) return record.json
    return [
      `{"id":${record.id},"dateAdded":"${record.dateAdded}"`,
      `,"ownerId":${record.owner.id},"ownerName":${JSON.stringify(record.owner.name)}`,
      `,"webLink":"${site}/#/details/indicators/${record.id}/overview"`,
      `,"type":${JSON.stringify(record.type)},"lastModified":"${record.lastModified}"`,
      record.rating === undefined ? '' : `,"rating":${record.rating.toFixed(2)}`,
      number('confidence', record.confidence),
      fields.has('threatAssess') ? threatAssess(record) : '',
      text('source', record.source),
      text('description', record.description),
      `,"summary":${JSON.stringify(record.summary)}`,
      fields.has('observations')
        ? number('observations', record.observations) + text('lastObserved', record.lastObserved)
        : '',
      fields.has('falsePositives') ? falsePositives(record) : '',
      `,"privateFlag":${record.privateFlag},"active":${record.active},"activeLocked":${record.activeLocked}`,
      associations(record, fields, visible),
      typeMembers(record, fields.has('genericCustomIndicatorValues')),
      `,"legacyLink":"${site}/auth/indicators/details/indicator.xhtml?orgid=${record.id}"}`,
    ].join('')
  }

  const group = (record: GroupRecord, fields: FieldSet, visible: ReadonlySet<Owner>): string =>
    [
      `{"id":${record.id},"dateAdded":"${record.dateAdded}"`,
      `,"ownerId":${record.owner.id},"ownerName":${JSON.stringify(record.owner.name)}`,
      `,"webLink":"${site}/#/details/groups/${record.id}/overview"`,
      `,"type":${JSON.stringify(record.type)},"name":${JSON.stringify(record.name)},"createdBy":${createdBy}`,
      `,"upVoteCount":"${record.upVotes}","downVoteCount":"${record.downVotes}"`,
      members(record.members),
      associations(record, fields, visible),
      `,"lastModified":"${record.lastModified}"`,
      `,"legacyLink":"${site}/auth/group/group.xhtml?group=${record.id}"}`,
    ].join('')

  return { indicator: cached(indicator), group: cached(group) }
}

type Render<T, Result> = (record: T, fields: FieldSet, visible: ReadonlySet<Owner>) => Result

/**
 * Records never change, so the bytes stay right as long as their record is there; but what is associated may
 * change, so bytes with associations are not kept.
 */
function cached<T extends object>(render: Render<T, string>): Render<T, Buffer> {
  const byFields = new Map<string, Map<T, Buffer>>()
  const keys = new WeakMap<FieldSet, string>()
  let size = 0
  return (record, fields, visible) => {
    if (fields.has('associatedGroups') || fields.has('associatedIndicators')) {
      return Buffer.from(render(record, fields, visible))
    }
    const key = keys.get(fields) ?? fieldsKey(fields)
    keys.set(fields, key)
    const found = byFields.get(key)?.get(record)
    if (found !== undefined) return found
    const bytes = Buffer.from(render(record, fields, visible))
    size += bytes.length
    if (size > cacheLimit) {
      byFields.clear()
      size = bytes.length
    }
    const known = byFields.get(key) ?? new Map<T, Buffer>()
    byFields.set(key, known.set(record, bytes))
    return bytes
  }
}

function related<T extends { readonly owner: Owner }>(
  ids: readonly Id[],
  find: (id: Id) => T | undefined,
  visible: ReadonlySet<Owner>,
  render: (record: T) => string,
): string {
  const found = ids.map(find).filter((each) => each !== undefined && visible.has(each.owner))
  return found.length === 0 ? '{}' : `{"data":[${found.map((each) => (each ? render(each) : '')).join()}]}`
}

function text(name: string, value: string | undefined): string {
  return value === undefined ? '' : `,"${name}":${JSON.stringify(value)}`
}

function number(name: string, value: number | undefined): string {
  return value === undefined ? '' : `,"${name}":${value}`
}

function members(values: Members | undefined): string {
  if (values === undefined) return ''
  return Object.entries(values)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('')
}

function threatAssess({ threatAssess: assessed, calScore }: IndicatorRecord): string {
  if (assessed === undefined) return number('calScore', calScore)
  const { score, rating = 0, confidence = 0 } = assessed
  return (
    `,"threatAssessRating":${rating},"threatAssessConfidence":${confidence},"threatAssessScore":${score}` +
    `,"threatAssessScoreObserved":0,"threatAssessScoreFalsePositive":0${number('calScore', calScore)}`
  )
}

function falsePositives(record: IndicatorRecord): string {
  if (record.falsePositives === undefined) return ''
  return `${number('falsePositives', record.falsePositives)}${text('lastFalsePositive', record.lastFalsePositive)},"falsePositiveReportedByUser":false`
}

function externalDates(record: IndicatorRecord | GroupRecord): string {
  return (
    text('externalDateAdded', record.externalDateAdded) +
    text('externalLastModified', record.externalLastModified) +
    text('externalDateExpires', record.externalDateExpires)
  )
}

/** Attribute ids have 16 digits, as they do in production. */
function attributes(record: IndicatorRecord | GroupRecord, inner: FieldSet): string {
  if (record.attributes.length === 0) return '{}'
  const first = 1_000_000_000_000_000 + Number(BigInt(record.id) % 10_000_000_000n) * 100
  const data = record.attributes.map((attribute: Attribute, place) => {
    const date = attribute.dateAdded ?? record.dateAdded
    return (
      `{"id":${first + place},"dateAdded":"${date}","type":${JSON.stringify(attribute.type)}` +
      `,"value":${JSON.stringify(attribute.value)}${text('source', attribute.source)},"createdBy":${createdBy}` +
      `,"lastModified":"${date}","pinned":${attribute.pinned ?? false},"default":${attribute.default ?? false}` +
      `${inner.has('securityLabels') ? ',"securityLabels":{}' : ''}}`
    )
  })
  return `{"data":[${data.join()}]}`
}

function tagJson(tag: Tag): string {
  return (
    `{"id":${tag.id},"name":${JSON.stringify(tag.name)}${text('description', tag.description)}` +
    `${text('lastUsed', tag.lastUsed)}${text('techniqueId', tag.techniqueId)}}`
  )
}

function labelJson(label: SecurityLabel): string {
  return (
    `{"id":${label.id},"name":${JSON.stringify(label.name)}${text('description', label.description)}` +
    `,"color":"${label.color}","owner":"System","dateAdded":"${label.dateAdded}"}`
  )
}

const hashMember: Readonly<Record<number, string>> = { 32: 'md5', 40: 'sha1', 64: 'sha256' }

function typeMembers(record: IndicatorRecord, generic: boolean): string {
  const custom = generic ? customValues(record) : undefined
  if (custom !== undefined) {
    return custom.map((value, place) => `,"value${place + 1}":${JSON.stringify(value)}`).join('')
  }
  const own = members(record.members)
  if (record.type === 'File') return fileHashes(record.summary) + own
  const name = valueMember[record.type]
  if (name === undefined || (record.members !== undefined && name in record.members)) return own
  return `,"${name}":${JSON.stringify(record.summary)}${own}`
}

function fileHashes(summary: string): string {
  return summary
    .split(' : ')
    .map((hash) => {
      const name = hashMember[hash.length]
      return name === undefined ? '' : text(name, hash)
    })
    .join('')
}
