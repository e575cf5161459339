/**
 * For XSOAR's generic feeds (JSON, CSV, Plain Text): flat items, each value once, ASCII alone (CSV is read as
 * latin-1), no line break inside of a cell, no comment, one hash a line. What XSOAR would read as another value is
 * left out.
 */
import type { Indicator } from '../../model/indicator.ts'
import { xsoarType } from '../../model/xsoar-type.ts'
import { type FeedEntry, type FeedFormat, indicatorOf } from '../feed-format.ts'
import { type CsvRules, csvList, csvType } from './csv.ts'
import { jsonList, jsonTypes } from './json.ts'
import { lineList, partOptions } from './line-list.ts'
import type { Converted, Drop } from './lines.ts'
import type { Extension, Field, FormatDefinition, FormatOptions } from './options.ts'
import { exactLine } from './text.ts'
import { percentEncoded } from './url-parts.ts'

const nonAscii: Drop = { drop: 'holds a character that is not ASCII' }
const blank: Drop = { drop: 'holds a blank, at which the value would be cut' }
const quotedKey: Drop = { drop: 'holds a control character or a line break' }
const encodedReason = 'percent-encoded'

/** URLs with percent escapes; everything else is ASCII already or can't be told. */
function asciiValue({ type, value }: FeedEntry): Converted {
  if (type === 'url') {
    const encoded = percentEncoded(value)
    return encoded === value ? value : { lines: [encoded], reason: encodedReason }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(value)) return quotedKey
  return isAscii(value) ? value : nonAscii
}

function isAscii(text: string): boolean {
  for (let index = 0; index < text.length; index++) if (text.charCodeAt(index) > 0x7e) return false
  return true
}

/** The value is the first word of the line. */
function word(entry: FeedEntry): Converted {
  const exact = exactLine(entry)
  if (typeof exact !== 'string') return exact
  const value = asciiValue(entry)
  return typeof value === 'string' && value.includes(' ') ? blank : value
}

/** A text as far as ASCII goes, without line breaks: letters lose their marks, other signs are `?`. ASCII stays as it is. */
function asciiText(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/(?:[^\S ]|\p{Cc})+/gu, ' ')
    .replaceAll(/[^ -~]/gu, '?')
}

const columns = [
  'value',
  'xsoarType',
  'score',
  'confidence',
  'threatAssessScore',
  'tlp',
  'tags',
  'md5',
  'sha1',
  'sha256',
  'firstSeen',
  'lastModified',
  'expiresAt',
  'sources',
  'owners',
  'description',
]
const csvFields: readonly Field[] = columns.map((field) => ({
  field,
  as: field === 'xsoarType' ? 'type' : field,
}))

function csvRules(options: FormatOptions): CsvRules {
  return {
    // The reader splits at LF before it reads CSV.
    lineEnd: '\n',
    fields: options.fields.length > 0 ? options.fields : csvFields,
    header: options.header,
    bom: false,
    mediaType: options.asText ? 'text/plain; charset=utf-8' : csvType,
    cell: asciiText,
    value: asciiValue,
    unique: true,
  }
}

/** Flat: nested members are flattened without their parent's name and then collide. */
function flatItem(indicator: Indicator, value: string): string {
  const { threatAssess, hashes, observations } = indicator
  const item = {
    value,
    type: xsoarType(indicator),
    score: indicator.score,
    // The JSON feed looks for it where one answer holds a value twice.
    service: [...new Set(observations.map(({ source }) => source))].join(','),
    confidence: indicator.confidence,
    rating: indicator.rating,
    threatAssessScore: threatAssess?.score,
    threatAssessRating: threatAssess?.rating,
    threatAssessConfidence: threatAssess?.confidence,
    active: indicator.active,
    description: indicator.description,
    tlp: indicator.tlp,
    reliability: indicator.reliability,
    tags: indicator.tags.length > 0 ? indicator.tags : undefined,
    md5: hashes?.md5,
    sha1: hashes?.sha1,
    sha256: hashes?.sha256,
    firstSeen: indicator.firstSeen,
    lastModified: indicator.lastModified,
    expiresAt: indicator.expiresAt ?? undefined,
    reportedBy: observations.find(({ reportedBy }) => reportedBy !== undefined)?.reportedBy,
    link: observations.find(({ link }) => link !== undefined)?.link,
    id: indicator.id,
  }
  return asciiJson(JSON.stringify(item))
}

function asciiJson(json: string): string {
  return json.replaceAll(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

function jsonItem(entry: FeedEntry) {
  const value = entry.type === 'url' ? percentEncoded(entry.value) : entry.value
  const json = flatItem(indicatorOf(entry), value)
  return value === entry.value ? json : { json, value, reason: encodedReason }
}

function build(
  options: FormatOptions,
  extension: Extension,
): Pick<FeedFormat, 'mediaType' | 'needs' | 'encode'> {
  if (extension === 'csv') return csvList(options, csvRules(options))
  if (extension === 'txt') return lineList(options, { convert: word, unique: true })
  return jsonList(jsonTypes.json, 'records', {
    frame: 'data',
    part: options,
    item: jsonItem,
    unique: true,
  })
}

export const xsoarProfile: FormatDefinition = {
  name: 'xsoar',
  about: "XSOAR's JSON, CSV and Plain Text feeds",
  extensions: ['json', 'csv', 'txt'],
  takes: [...partOptions, 'fields', 'header', 'as_text'],
  onlyWith: { fields: 'csv', header: 'csv', as_text: 'csv' },
  holds: ['empty_comment'],
  build,
}

/** `XSOAR json-seq` of XSOAR's older export. */
export const xsoarSequenceFormat: FormatDefinition = {
  name: 'xsoar-json-seq',
  about: 'The flat items of the profile xsoar as a JSON text sequence (`v=XSOAR json-seq`)',
  extensions: ['json'],
  takes: partOptions,
  holds: ['empty_comment'],
  build: (part) =>
    jsonList(jsonTypes.sequence, 'records', { frame: 'sequence', part, item: jsonItem, unique: true }),
}
