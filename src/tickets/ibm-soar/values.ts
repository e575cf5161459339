/** Values of fields: as a template gives them, as they go out, as they come back. Pure. */
import { isObject } from '../../upstream/json.ts'
import { type Field, type Fields, labelLike, labelsOf } from './fields.ts'
import { squeezed, textOf } from './html.ts'
import type { Json } from './wire.ts'

/** By the fields' keys, as a template gave them. */
export type Values = ReadonlyMap<string, unknown>

/** Members of a new incident that are lists beside it, not fields. */
const listMembers: ReadonlySet<string> = new Set(['artifacts', 'comments'])

/** Members of an incident that hold fields, as `properties` does. */
function isHolder(name: string, fields: Fields | undefined): boolean {
  if (name === 'properties') return true
  return fields !== undefined && [...fields.values()].some(({ prefix }) => prefix === name)
}

/** @returns the fields of a rendered template, and what of it is none */
export function flattened(
  rendered: Json,
  fields: Fields | undefined,
): { readonly values: Values; readonly lists: Json } {
  const values = new Map<string, unknown>()
  const lists: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(rendered)) {
    if (isObject(value) && isHolder(name, fields)) {
      for (const [inner, each] of Object.entries(value)) values.set(`${name}.${inner}`, each)
    } else if (name === 'properties' && (value === null || value === undefined)) continue
    else if (listMembers.has(name) && Array.isArray(value)) lists[name] = value
    else values.set(name, value)
  }
  return { values, lists }
}

/** As an incident has them. */
export function nested(values: Iterable<readonly [string, unknown]>): Json {
  const incident: Record<string, unknown> = {}
  const holders: Record<string, Record<string, unknown>> = {}
  for (const [key, value] of values) {
    const dot = key.indexOf('.')
    if (dot < 0) incident[key] = value
    else {
      const holder = key.slice(0, dot)
      holders[holder] = { ...holders[holder], [key.slice(dot + 1)]: value }
    }
  }
  return { ...incident, ...holders }
}

/** What an incident has in a field. */
export function valueIn(row: Json, key: string): unknown {
  const dot = key.indexOf('.')
  if (dot < 0) return row[key]
  const holder = row[key.slice(0, dot)]
  return isObject(holder) ? holder[key.slice(dot + 1)] : undefined
}

export type Wire = { readonly value: unknown } | { readonly problem: string }

/**
 * A value as the field takes it. What a field can hold in one way only is brought into that way: a number in a text,
 * digits in a date, a label in another case, an option's number as its label.
 * @param field undefined: the fields are not known, and everything goes out as it is
 */
export function wireValue(field: Field | undefined, value: unknown): Wire {
  if (value === null || value === undefined) return { value: null }
  if (field === undefined || field.name === 'plan_status') return { value }
  const wrong = (takes: string): Wire => ({
    problem: `the field ${field.key} takes ${takes}, not ${excerpt(value)}`,
  })
  const empty = value === ''
  switch (field.inputType) {
    case 'text':
      return isScalar(value) ? { value: String(value) } : wrong('a text')
    case 'textarea':
      if (isScalar(value)) return { value: String(value) }
      return isText(value) ? { value } : wrong('a text, or an object of format (html, text) and content')
    case 'datetimepicker':
    case 'datepicker': {
      const time = empty ? null : timeOf(value)
      return time === undefined ? wrong('a time in milliseconds since 1970') : { value: time }
    }
    case 'number': {
      const number = empty ? null : typeof value === 'string' ? Number(value) : value
      return number === null || (typeof number === 'number' && Number.isFinite(number))
        ? { value: number }
        : wrong('a number')
    }
    case 'boolean':
      return empty ? { value: null } : (booleanOf(value) ?? wrong('true or false'))
    case 'select':
      return empty || isBlankChoice(value) ? { value: null } : optionOf(field, value)
    case 'multiselect':
      return choicesOf(field, value)
    default:
      return { value }
  }
}

function isScalar(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}

function isText(value: unknown): boolean {
  return (
    isObject(value) &&
    typeof value.content === 'string' &&
    (value.format === 'html' || value.format === 'text')
  )
}

function timeOf(value: unknown): number | undefined {
  if (typeof value === 'string' && !/^\d+$/.test(value)) {
    const parsed = /^\d{4}-\d\d-\d\dT/.test(value) ? Date.parse(value) : Number.NaN
    return Number.isNaN(parsed) ? undefined : parsed
  }
  const number = typeof value === 'string' ? Number(value) : value
  return typeof number === 'number' && Number.isSafeInteger(number) ? number : undefined
}

function booleanOf(value: unknown): Wire | undefined {
  if (typeof value === 'boolean') return { value }
  const text = typeof value === 'string' ? value.toLowerCase() : ''
  return text === 'true' || text === 'false' ? { value: text === 'true' } : undefined
}

function isBlankChoice(value: unknown): boolean {
  return isObject(value) && 'name' in value && (value.name === '' || value.name === null)
}

/** A text stays a text, `{name}` stays that; a number becomes `{name}`: it means something else on the next server. */
function optionOf(field: Field, value: unknown): Wire {
  const labels = labelsOf(field)
  const given = isObject(value) && 'name' in value ? value.name : value
  const number = isObject(given) ? given.id : given
  const label =
    typeof given === 'string'
      ? labelLike(labels, given)
      : field.options.find(({ value: known, enabled }) => enabled && known === number)?.label
  if (label !== undefined) return { value: typeof value === 'string' ? label : { name: label } }
  return { problem: `the field ${field.key} takes one of ${listed(labels)}, not ${excerpt(given)}` }
}

function choicesOf(field: Field, value: unknown): Wire {
  const given: readonly unknown[] = Array.isArray(value) ? value : value === '' ? [] : [value]
  // Such as members, whose choices no definition lists.
  if (field.options.length === 0) return { value: given }
  const chosen = given.map((each) => optionOf(field, each))
  const problem = chosen.find((each) => 'problem' in each)
  return problem ?? { value: chosen.map((each) => ('value' in each ? each.value : undefined)) }
}

export function listed(labels: readonly string[]): string {
  const shown = labels.slice(0, 40).map((label) => `"${label}"`)
  const rest = labels.length - shown.length
  return `${shown.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
}

/** Whether two values of a field are the same to people: HTML may have been written anew, blanks changed. */
export function isSame(field: Field | undefined, a: unknown, b: unknown): boolean {
  const isRich = field?.inputType === 'textarea' || isText(a) || isText(b)
  return comparable(field, a, isRich) === comparable(field, b, isRich)
}

export function isEmpty(value: unknown): boolean {
  return comparable(undefined, value, isText(value)) === ''
}

function comparable(field: Field | undefined, value: unknown, isRich: boolean): string {
  if (value === null || value === undefined) return ''
  if (isRich) return squeezed(textOf(value))
  if (Array.isArray(value)) {
    return value
      .map((each: unknown) => comparable(field, each, false))
      .sort()
      .join('\n')
  }
  const id = isObject(value) ? value.id : value
  if (isObject(value) && typeof value.name === 'string') return value.name.trim()
  const option = field?.options.find(({ value: known }) => known === id)
  if (option !== undefined) return option.label
  return isObject(value) ? JSON.stringify(sorted(value)) : String(value).trim()
}

/** Whether two JSON values are equal, whatever the order of their members. */
export function isEqualJson(a: unknown, b: unknown): boolean {
  return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (!isObject(value)) return value ?? null
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  )
}

/** For people, at most about 200 characters. */
export function excerpt(value: unknown): string {
  if (value === null || value === undefined || value === '') return 'nothing'
  const text = isObject(value)
    ? isText(value)
      ? textOf(value)
      : typeof value.name === 'string'
        ? value.name
        : JSON.stringify(value)
    : typeof value === 'string'
      ? plainIfHtml(value)
      : JSON.stringify(value)
  const line = squeezed(text)
  return `"${line.length > 200 ? `${line.slice(0, 200).toWellFormed()}…` : line}"`
}

function plainIfHtml(text: string): string {
  return /<[a-z/][^<>]*>/i.test(text) ? textOf(text) : text
}
