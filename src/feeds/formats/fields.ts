/** The columns of CSV: what of an indicator fits into a cell. */
import type { Indicator, IndicatorType } from '../../model/indicator.ts'
import { xsoarType } from '../../model/xsoar-type.ts'
import type { Field } from './options.ts'

/** An entry without its record has only type and value. */
export type Row = Indicator | { readonly type: IndicatorType; readonly value: string }

type Cell = string | number | boolean | null | undefined

const columns: Readonly<Record<string, (indicator: Partial<Indicator> & Row) => Cell>> = {
  value: ({ value }) => value,
  type: ({ type }) => type,
  customType: ({ customType }) => customType,
  xsoarType: (indicator) => xsoarType(indicator),
  score: ({ score }) => score,
  confidence: ({ confidence }) => confidence,
  rating: ({ rating }) => rating,
  threatAssessScore: ({ threatAssess }) => threatAssess?.score,
  threatAssessRating: ({ threatAssess }) => threatAssess?.rating,
  threatAssessConfidence: ({ threatAssess }) => threatAssess?.confidence,
  active: ({ active }) => active,
  tlp: ({ tlp }) => tlp,
  reliability: ({ reliability }) => reliability,
  tags: ({ tags }) => list(tags),
  md5: ({ hashes }) => hashes?.md5,
  sha1: ({ hashes }) => hashes?.sha1,
  sha256: ({ hashes }) => hashes?.sha256,
  description: ({ description }) => description,
  firstSeen: ({ firstSeen }) => firstSeen,
  lastModified: ({ lastModified }) => lastModified,
  expiresAt: ({ expiresAt }) => expiresAt,
  sources: ({ observations }) => list(observations?.map(({ source }) => source)),
  owners: ({ observations }) => list(observations?.map(({ owner }) => owner)),
  reportedBy: ({ observations }) => list(observations?.map(({ reportedBy }) => reportedBy)),
  links: ({ observations }) => list(observations?.map(({ link }) => link)),
  id: ({ id }) => id,
}

/** Joined by `;`, each once. JSON has them exactly. */
function list(texts: readonly (string | undefined)[] = []): string {
  // Most indicators have one record.
  if (texts.length <= 1) return texts[0] ?? ''
  return [...new Set(texts.filter((text) => text !== undefined))].join(';')
}

/** Columns whose cells never need quotes, nor a guard: numbers, words of ours, times, hashes. */
export const plainFields: ReadonlySet<string> = new Set([
  'type',
  'score',
  'confidence',
  'rating',
  'threatAssessScore',
  'threatAssessRating',
  'threatAssessConfidence',
  'active',
  'tlp',
  'reliability',
  'firstSeen',
  'lastModified',
  'expiresAt',
  'id',
])

/** Other products' names of the columns. */
const aliases: Readonly<Record<string, string>> = {
  name: 'value',
  indicator: 'value',
  indicator_type: 'xsoarType',
  first_seen: 'firstSeen',
  firstseen: 'firstSeen',
  last_seen: 'lastModified',
  modified: 'lastModified',
  share_level: 'tlp',
  expiration: 'expiresAt',
}

export const fieldNames: readonly string[] = Object.keys(columns)

/** The column that a name of ours or of another product's means. */
export function fieldOf(name: string): string | undefined {
  if (Object.hasOwn(columns, name)) return name
  return Object.hasOwn(aliases, name) ? aliases[name] : undefined
}

/** Columns that need no record. */
export const valueFields: ReadonlySet<string> = new Set(['value', 'type'])

export const csvFields: readonly Field[] = fieldNames
  .filter((field) => field !== 'xsoarType')
  .map((field) => ({ field, as: field }))

export function cellOf(field: string, source: Row): string {
  const cell = columns[field]?.(source)
  return cell === undefined || cell === null ? '' : String(cell)
}

/** As a member of JSON, absent where there is nothing. */
export function memberOf(field: string, source: Row): Cell {
  const cell = columns[field]?.(source)
  return cell === null || cell === '' ? undefined : cell
}
