/** Values for a schema: what it takes, what is just past that, and what is nothing like it. */
import type { Schema } from './document.ts'

export interface Value {
  readonly value: unknown
  /** Whether the schema takes it; undefined: who knows, but the answer has to be in order all the same. */
  readonly good?: boolean
  readonly what: string
}

type Resolve = (schema: Schema) => Schema

/** Texts that made some server stumble. */
export const oddTexts: readonly string[] = [
  '',
  ' ',
  'a',
  'null',
  'undefined',
  '\u0000',
  'a\u0000b',
  '\r\nX-Injected: 1',
  '\u202edlrow',
  '\ufeff',
  'é',
  'e\u0301',
  '\u{1f4a3}',
  '\uffff',
  '__proto__',
  'constructor',
  'toString',
  "' or 1=1 --",
  '"; drop table indicator; --',
  '\\',
  '%',
  '%00',
  '#{7*7}',
  '{{7*7}}',
  '<script>alert(1)</script>',
  '../../etc/passwd',
  '..',
  '.',
  '*',
  ',',
  ',,a,',
  '-1',
  '0x10',
  '1e400',
  'NaN',
  'true',
  '[]',
  '{"a":1}',
  'a'.repeat(3000),
  '\u{1f4a3}'.repeat(500),
]

/** Everything that is tried in place of a value. */
export function valuesOf(given: Schema, resolve: Resolve): readonly Value[] {
  const schema = resolve(given)
  const alternatives = schema.anyOf ?? schema.oneOf
  const own = alternatives?.flatMap((one) => valuesOf(one, resolve).filter(({ good }) => good === true))
  return [...(own ?? ofType(schema, resolve)), ...examplesOf(schema)]
}

/** Values that the schema takes, at least one. */
export function goodOf(schema: Schema, resolve: Resolve): readonly unknown[] {
  const good = valuesOf(schema, resolve).flatMap(({ value, good }) => (good === true ? [value] : []))
  if (good.length === 0) throw new Error(`no good value is known for ${JSON.stringify(schema).slice(0, 200)}`)
  return good
}

function examplesOf({ examples = [] }: Schema): Value[] {
  return examples.map((value) => ({ value, good: true, what: 'its example' }))
}

function ofType(schema: Schema, resolve: Resolve): Value[] {
  if (schema.enum !== undefined) return ofEnum(schema.enum)
  if (schema.type === 'integer' || schema.type === 'number') return ofNumber(schema)
  if (schema.type === 'boolean') return [bool(true), bool(false), ...others('a', 2, [], {}), nothing]
  if (schema.type === 'array') return ofArray(schema, resolve)
  if (schema.type === 'object') return ofObject(schema, resolve)
  if (schema.type === 'null') return [{ value: null, good: true, what: 'null' }]
  if (schema.type === 'string') return ofString(schema)
  return [{ value: 'anything', good: true, what: 'anything' }]
}

const nothing: Value = { value: null, good: false, what: 'null' }

function bool(value: boolean): Value {
  return { value, good: true, what: String(value) }
}

function others(...values: readonly unknown[]): Value[] {
  return values.map((value) => ({ value, good: false, what: `of another type: ${JSON.stringify(value)}` }))
}

function ofEnum(words: readonly unknown[]): Value[] {
  const [first] = words
  return [
    ...words.map((value) => ({ value, good: true, what: `the word ${value}` })),
    ...(typeof first === 'string'
      ? [
          { value: `${first}x`, good: false, what: 'no word of the list' },
          { value: '', good: false, what: 'an empty word' },
          { value: first.toUpperCase(), what: 'a word in another case' },
          ...others(7, true, {}),
        ]
      : [{ value: 99, good: false, what: 'none of the list' }, ...others('a', {})]),
    nothing,
  ]
}

function ofNumber({ type, minimum, maximum }: Schema): Value[] {
  const low = minimum ?? 0
  const high = maximum ?? 1000
  return [
    { value: low, good: true, what: 'the least' },
    { value: high, good: true, what: 'the most' },
    { value: Math.floor((low + high) / 2), good: true, what: 'in between' },
    ...(minimum === undefined ? [] : [{ value: minimum - 1, good: false, what: 'less than the least' }]),
    ...(maximum === undefined ? [] : [{ value: maximum + 1, good: false, what: 'more than the most' }]),
    ...(type === 'integer' ? [{ value: low + 0.5, good: false, what: 'a fraction' }] : []),
    ...others('a', true, [], {}),
    nothing,
  ]
}

function ofString({ minLength = 0, maxLength, pattern, format }: Schema): Value[] {
  if (format === 'date-time') return times
  const fits = (text: string) =>
    format === undefined && (pattern === undefined || new RegExp(pattern, 'u').test(text))
  const plain = (length: number, what: string): Value => {
    const value = 'a'.repeat(length)
    return { value, what, ...(fits(value) && { good: true }) }
  }
  return [
    plain(Math.max(1, minLength), 'a short text'),
    plain(maxLength ?? 1000, 'the longest text'),
    ...(minLength > 0 ? [{ value: 'a'.repeat(minLength - 1), good: false, what: 'a text too short' }] : []),
    ...(maxLength === undefined
      ? []
      : [{ value: 'a'.repeat(maxLength + 1), good: false, what: 'a text too long' }]),
    ...oddTexts.map((value) => ({ value, what: `the odd text ${JSON.stringify(value.slice(0, 30))}` })),
    ...others(7, true, {}),
    nothing,
  ]
}

const times: Value[] = [
  ...['2024-01-02T03:04:05Z', '2024-02-29T23:59:59.123456+14:00', '1970-01-01T00:00:00Z'].map((value) => ({
    ...{ value, good: true, what: `the time ${value}` },
  })),
  ...['', 'yesterday', '2024-13-01T00:00:00Z', '2023-02-29T00:00:00Z', '2024-01-02T25:00:00Z', '1e3'].map(
    (value) => ({ value, good: false, what: `no time: ${value}` }),
  ),
  ...['2024-01-02', '2024-01-02 03:04:05Z', '9999-12-31T23:59:60Z', '0000-01-01T00:00:00Z'].map((value) => ({
    ...{ value, what: `the odd time ${value}` },
  })),
  ...others(7, {}),
  nothing,
]

function ofArray({ items = {}, minItems = 0, maxItems, examples = [] }: Schema, resolve: Resolve): Value[] {
  const inside = valuesOf(items, resolve)
  const own = inside.flatMap(({ value, good }) => (good === true ? [value] : []))
  const good = own.length > 0 ? own : examples.flat()
  const [first = 'a'] = good
  return [
    { value: [first], good: good.length > 0, what: 'a list of one' },
    { value: good.slice(0, maxItems), good: good.length > 0, what: 'a list of all' },
    { value: [first, first], good: good.length > 0, what: 'one twice' },
    { value: [], good: minItems === 0, what: 'an empty list' },
    ...(maxItems === undefined || good.length === 0
      ? []
      : [{ value: Array(maxItems + 1).fill(first), good: false, what: 'a list too long' }]),
    ...inside
      .filter((one) => one.good !== true)
      .map(({ value, good, what }) => ({
        ...{ value: [first, value], what: `in a list ${what}` },
        ...(good !== undefined && { good }),
      })),
    ...others(7, {}),
    nothing,
  ]
}

function ofObject(schema: Schema, resolve: Resolve): Value[] {
  const { properties, required = [], additionalProperties } = schema
  if (properties === undefined) {
    return [
      { value: {}, good: true, what: 'an empty object' },
      { value: { any: [1, { of: 'it' }] }, what: 'any object' },
      ...others(7, 'a', []),
      nothing,
    ]
  }
  const least = Object.fromEntries(required.map((name) => [name, goodOf(properties[name] ?? {}, resolve)[0]]))
  return [
    { value: least, good: true, what: 'the least object' },
    ...required.map((name) => ({
      ...{ value: without(least, name), good: false, what: `without ${name}` },
    })),
    ...(additionalProperties === false
      ? [
          { value: { ...least, surplus: 1 }, good: false, what: 'with an unknown member' },
          {
            value: { ...least, ...JSON.parse('{"__proto__":{}}') },
            good: false,
            what: 'with a prototype',
          },
        ]
      : []),
    ...Object.entries(properties).flatMap(([name, one]) =>
      valuesOf(one, resolve).map(({ value, good, what }) => ({
        ...{ value: { ...least, [name]: value }, what: `${name}: ${what}` },
        ...(good !== undefined && { good }),
      })),
    ),
    ...others(7, 'a', []),
    nothing,
  ]
}

function without(object: Readonly<Record<string, unknown>>, name: string): object {
  return Object.fromEntries(Object.entries(object).filter(([each]) => each !== name))
}
