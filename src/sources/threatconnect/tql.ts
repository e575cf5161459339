/**
 * TQL, ThreatConnect's query language, built from typed parts. A value gets into a query only through `quote`, so
 * none can end its literal or add a clause. Source of the grammar: README, section "TQL".
 */
import { ServiceError } from '../../errors.ts'
import { customPrefix } from './types.ts'

declare const clauseMark: unique symbol

/** One clause that can stand beside others under AND. */
export type Clause = string & { readonly [clauseMark]: true }

/** Keywords with text values that our filters use. */
type TextField = 'ownerName' | 'tag' | 'typeName' | 'summary'
/** Keywords with integer values that our filters use. */
type IntegerField = 'confidence' | 'threatAssessScore'

/** A double-quoted literal; backslash escapes itself and the quote. */
export function quote(value: string): string {
  return `"${value.replace(/[\\"]/g, '\\$&')}"`
}

/** Any of the values; no values, no clause. */
export function anyOf(field: TextField, values: readonly string[]): Clause[] {
  if (values.length === 0) return []
  return [`(${values.map((value) => `${field}=${quote(value)}`).join(' OR ')})` as Clause]
}

/** One of a list of names; no names, no clause. */
export function oneOf(field: TextField, values: readonly string[]): Clause[] {
  if (values.length === 0) return []
  return [`${field} IN (${values.map(quote).join(',')})` as Clause]
}

/** Strictly greater; 0 is off, as in XSOAR's integration. */
function greaterThan(field: IntegerField, bound: number): Clause[] {
  if (!Number.isInteger(bound)) throw new RangeError(`${field} takes an integer; received ${bound}`)
  return bound === 0 ? [] : [`${field} GT ${bound}` as Clause]
}

/** Records behind this one, sorted by id. @param id a whole number as text, up to 2^63 - 1 */
export function behindId(id: string): Clause {
  if (!/^\d{1,19}$/.test(id)) throw new RangeError(`id takes a whole number; received ${id}`)
  return `id GT ${id}` as Clause
}

/** What was written then or later. @param time milliseconds; TQL takes whole seconds, so it is cut to one */
export function modifiedSince(time: number): Clause {
  return `lastModified GEQ ${quote(wholeSeconds(time))}` as Clause
}

/** `YYYY-MM-DDTHH:MM:SSZ`. @param time milliseconds */
export function wholeSeconds(time: number): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`
}

/** Without a clause ThreatConnect gives active indicators only, so "all" has to be said. */
function activity(activeOnly: boolean): Clause[] {
  return [
    (activeOnly
      ? 'indicatorActive EQ true'
      : '(indicatorActive EQ true OR indicatorActive EQ false)') as Clause,
  ]
}

/** The filters that a source's settings and the live command share. */
export interface Filter {
  readonly owners: readonly string[]
  readonly tags: readonly string[]
  /** ThreatConnect's names, `custom:NAME`; `All` or none: every type, custom ones too. */
  readonly indicatorTypes: readonly string[]
  readonly activeOnly: boolean
  readonly confidence: number
  readonly threatAssessScore: number
}

export function filterClauses(filter: Filter): Clause[] {
  return [
    ...activity(filter.activeOnly),
    ...greaterThan('confidence', filter.confidence),
    ...greaterThan('threatAssessScore', filter.threatAssessScore),
    ...anyOf('ownerName', filter.owners),
    ...anyOf('tag', filter.tags),
    ...ofTypes(filter.indicatorTypes),
  ]
}

/** Groups know neither activity nor scores. */
export function groupClauses(
  filter: Pick<Filter, 'owners' | 'tags'> & { readonly groupTypes: readonly string[] },
): Clause[] {
  return [...anyOf('ownerName', filter.owners), ...anyOf('tag', filter.tags), ...ofTypes(filter.groupTypes)]
}

function ofTypes(names: readonly string[]): Clause[] {
  return names.includes('All') ? [] : oneOf('typeName', names.map(typeName))
}

export function typeName(name: string): string {
  return name.startsWith(customPrefix) ? name.slice(customPrefix.length) : name
}

/**
 * A user's own TQL as one clause beside ours; blank, no clause.
 * @throws ServiceError QUERY_REFUSED when it would end our parentheses or leaves a text open
 */
export function userClause(text: string): Clause[] {
  if (text.trim() === '') return []
  const fault = imbalance(text)
  if (fault !== undefined) throw new ServiceError('QUERY_REFUSED', `The TQL ${fault}: ${text}`)
  return [`(${text})` as Clause]
}

function imbalance(text: string): string | undefined {
  let depth = 0
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"' || character === "'" || character === '`') {
      for (at++; at < text.length && text[at] !== character; at++) if (text[at] === '\\') at++
      if (at >= text.length) return `leaves a text open that ${character} began`
    } else if (character === '(') depth++
    else if (character === ')' && --depth < 0) return 'closes a parenthesis that it did not open'
  }
  return depth > 0 ? 'leaves a parenthesis open' : undefined
}

export function allOf(clauses: readonly Clause[]): string {
  return clauses.join(' AND ')
}
