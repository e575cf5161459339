/**
 * The filters that templates of the public app may use: those of its library, and those of jinja2 that MiniJinja
 * lacks or does otherwise. Sources: `resilient_lib/components/templates_common.py` of resilient-python-api, the
 * documentation of jinja2 3.1. A value that is absent (undefined or None, which can't be told apart here) is an
 * empty text where the original throws, so that a ticket without a field is no poison.
 */

import { pythonStr } from '../../../model/python-text.ts'
import { toAsciiName, toPunycode } from './names.ts'
import { percentFormat } from './python-format.ts'
import { formattedTime, parsedSeconds } from './python-time.ts'
import {
  asciiJson,
  camelCase,
  jinjaEscaped,
  jsonForHtml,
  ldapEscaped,
  powerShellEscaped,
  prettyText,
  pythonHtmlEscaped,
  shellEscaped,
  unlessAbsent,
  urlQuoted,
} from './text-filters.ts'
import { isoSeconds, numberOf, timestampOf } from './time-filters.ts'

/** Keyword arguments by name. */
type Named = Readonly<Record<string, unknown>>

/**
 * Plain JSON values in and out; an absent value is undefined.
 * @throws Error in words that go on from "filter NAME:"
 */
export type Filter = (value: unknown, positional: readonly unknown[], named: Named) => unknown

export interface FilterSources {
  /** At least 0, below 1. */
  readonly random: () => number
  /** Epoch milliseconds. */
  readonly now: () => number
}

/** Also functions of the same names: `{{ readable_datetime(dateCreated) }}`. */
export function filtersOver(sources: FilterSources): ReadonlyMap<string, Filter> {
  return new Map([...Object.entries(textFilters), ...Object.entries(listFilters(sources))])
}

const undefinedLabel = '[undefined]'

const unlessUndefined =
  (filter: (text: string) => unknown): Filter =>
  (value) =>
    value === undefined ? undefinedLabel : filter(pythonStr(value))

const argument = (positional: readonly unknown[], index: number, named: Named, name: string): unknown =>
  positional[index] ?? named[name]

function numberIn(value: unknown, otherwise: number): number {
  const number = value === undefined ? otherwise : numberOf(value)
  if (!Number.isSafeInteger(number)) throw new Error('its argument is not a whole number')
  return number
}

/** Also of None, which is what a filter of ours gives for nothing. */
function defaultFilter(value: unknown, positional: readonly unknown[], named: Named): unknown {
  const isGiven = positional.length > 0 || Object.hasOwn(named, 'default_value')
  const otherwise = isGiven ? argument(positional, 0, named, 'default_value') : ''
  const ofFalse = argument(positional, 1, named, 'boolean') === true
  return value === undefined || (ofFalse && isFalse(value)) ? otherwise : value
}

/** As Python has it. */
function isFalse(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0
  return !value
}

const textFilters: Readonly<Record<string, Filter>> = {
  json: (value, positional, named) =>
    asciiJson(value, numberIn(argument(positional, 0, named, 'indent'), 0), true),
  js: (value) => (value === undefined ? 'null' : asciiJson(value, 0, true).slice(1, -1)),
  html: unlessUndefined(pythonHtmlEscaped),
  url: unlessUndefined(urlQuoted),
  idna: unlessUndefined(toAsciiName),
  punycode: unlessUndefined(toPunycode),
  ldap: unlessUndefined(ldapEscaped),
  ps: unlessUndefined(powerShellEscaped),
  sh: unlessUndefined(shellEscaped),
  pretty: (value, positional, named) =>
    value === undefined
      ? undefinedLabel
      : prettyText(value, numberIn(argument(positional, 0, named, 'indent'), 2)),
  camel: unlessAbsent(camelCase),
  base64: (value) => (value === undefined ? '' : base64Lines(asciiJson(value, undefined, false))),
  iso8601: (value) => (value === undefined || value === '' ? '' : isoSeconds(value)),
  readable_datetime: (value) => timeText(value, '%m/%d/%Y %H:%M:%S'),
  soar_display_datetimeformat: (value, positional, named) => {
    const inMilliseconds = argument(positional, 0, named, 'milliseconds') ?? true
    const format = pythonStr(argument(positional, 1, named, 'rtn_format') ?? '%Y-%m-%dT%H:%M:%SZ')
    return timeText(inMilliseconds === false && value !== undefined ? numberOf(value) * 1000 : value, format)
  },
  soar_datetimeformat: (value, positional, named) => {
    if (value === undefined || value === '') return value
    const format = pythonStr(argument(positional, 0, named, 'date_format') ?? '%Y-%m-%dT%H:%M:%S')
    const splitAt = argument(positional, 1, named, 'split_at')
    const text = pythonStr(value)
    // Python's slice to -1, where the text does not hold the character, leaves the last one out.
    const time = splitAt === undefined ? text : text.slice(0, text.lastIndexOf(pythonStr(splitAt)))
    return parsedSeconds(time, format) * 1000
  },
  soar_substitute: (value, positional, named) => {
    const table = tableOf(argument(positional, 0, named, 'json_str'))
    const key = typeof value === 'string' ? value : undefined
    if (key !== undefined && Object.hasOwn(table, key)) return table[key]
    return Object.hasOwn(table, 'DEFAULT') ? table.DEFAULT : value
  },
  soar_splitpart: (value, positional, named) => {
    if (value === undefined) return undefined
    const index = numberIn(argument(positional, 0, named, 'index'), Number.NaN)
    const separator = pythonStr(argument(positional, 1, named, 'split_chars') ?? ' - ')
    if (separator === '') throw new Error('its separator is empty')
    return pythonStr(value).split(separator).at(index) ?? value
  },
  e: unlessAbsent(jinjaEscaped),
  escape: unlessAbsent(jinjaEscaped),
  forceescape: unlessAbsent(jinjaEscaped),
  tojson: (value, positional, named) => {
    const indent = argument(positional, 0, named, 'indent')
    return jsonForHtml(asciiJson(value, indent === undefined ? undefined : numberIn(indent, 0), true))
  },
  urlencode: unlessAbsent(urlQuoted),
  default: defaultFilter,
  d: defaultFilter,
  format: (value, positional, named) => percentFormat(pythonStr(value ?? ''), positional, named),
  center: (value, positional, named) =>
    centred(pythonStr(value ?? ''), Math.min(numberIn(argument(positional, 0, named, 'width'), 80), 10_000)),
  wordcount: (value) => (pythonStr(value ?? '').match(/\w+/gu) ?? []).length,
  // Ours, for the default templates. A text for a text field; absent stays absent.
  text: (value) => (value === undefined ? undefined : pythonStr(value)),
  html_lines: unlessAbsent((text) => jinjaEscaped(text).replace(/\r\n|\r|\n/g, '<br>')),
}

function listFilters({ random, now }: FilterSources): Readonly<Record<string, Filter>> {
  const pick = (list: unknown[]): unknown => list.splice(Math.floor(random() * list.length), 1)[0]
  return {
    timestamp: (value) => timestampOf(value, now()),
    soar_trimlist: (value) =>
      Array.isArray(value) ? value.map((item) => (typeof item === 'string' ? item.trim() : item)) : value,
    uniq: (value, positional, named) => {
      if (!Array.isArray(value)) return value
      const key = argument(positional, 0, named, 'key')
      return uniqueBy(value, (item) => asciiJson(memberOf(item, key) ?? item, undefined, true))
    },
    sample: (value, positional, named) => {
      const list = itemsOf(value)
      const count = argument(positional, 0, named, 'count')
      if (count === undefined) return list.length === 0 ? undefined : pick(list)
      const size = numberIn(count, 0)
      return size < 0 || size > list.length ? [] : Array.from({ length: size }, () => pick(list))
    },
    random: (value) => {
      const list = itemsOf(value)
      return list.length === 0 ? undefined : pick(list)
    },
    // Of an absent list, as in jinja2, where MiniJinja fails.
    length: (value) => sizeOf(value),
    count: (value) => sizeOf(value),
    first: (value) => itemsOf(value).at(0),
    last: (value) => itemsOf(value).at(-1),
  }
}

function timeText(value: unknown, format: string): string {
  if (value === undefined || value === '') return ''
  return formattedTime(Math.floor(numberOf(value) / 1000) * 1000, format)
}

function tableOf(json: unknown): Readonly<Record<string, unknown>> {
  let table: unknown = json
  if (typeof json === 'string') {
    try {
      table = JSON.parse(json)
    } catch {
      throw new Error('its argument is not JSON')
    }
  }
  if (typeof table !== 'object' || table === null || Array.isArray(table))
    throw new Error('its argument is not a JSON object')
  return table as Readonly<Record<string, unknown>>
}

/** As `base64.encodebytes`: lines of 76 characters, each with its end. */
function base64Lines(text: string): string {
  return Buffer.from(text, 'utf8')
    .toString('base64')
    .replace(/.{1,76}/g, '$&\n')
}

function centred(text: string, width: number): string {
  const missing = Math.max(0, width - text.length)
  return ' '.repeat(Math.floor(missing / 2)) + text + ' '.repeat(Math.ceil(missing / 2))
}

/** The first of each key, in their order. */
function uniqueBy(list: readonly unknown[], keyOf: (item: unknown) => string): unknown[] {
  const found = new Map<string, unknown>()
  for (const item of list) {
    const key = keyOf(item)
    if (!found.has(key)) found.set(key, item)
  }
  return [...found.values()]
}

function memberOf(item: unknown, key: unknown): unknown {
  if (typeof item !== 'object' || item === null || key === undefined) return undefined
  return Object.hasOwn(item, pythonStr(key))
    ? (item as Readonly<Record<string, unknown>>)[pythonStr(key)]
    : undefined
}

function itemsOf(value: unknown): unknown[] {
  if (value === undefined) return []
  if (Array.isArray(value)) return [...value]
  if (typeof value === 'string') return [...value]
  if (typeof value === 'object' && value !== null) return Object.keys(value)
  throw new Error('its value is neither a list nor a text')
}

function sizeOf(value: unknown): number {
  return itemsOf(value).length
}
