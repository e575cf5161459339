/**
 * What is wrong with an argument, in a sentence made from the schema: what it takes, and what was received.
 * The validator finds the errors; here they get words.
 */
import type { ErrorObject } from 'ajv'
import { didYouMean } from '../did-you-mean.ts'
import type { FieldError } from '../errors.ts'
import { pointerOf } from './arguments-text.ts'

export interface WordsSchema {
  readonly $ref?: string
  readonly 'x-takes'?: string
  readonly type?: string | readonly string[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly multipleOf?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly pattern?: string
  readonly format?: string
  readonly minItems?: number
  readonly maxItems?: number
  readonly items?: WordsSchema
  readonly properties?: Readonly<Record<string, WordsSchema>>
  readonly anyOf?: readonly WordsSchema[]
  readonly oneOf?: readonly WordsSchema[]
}

/** Looks up `$ref`. */
export type Resolve = (schema: WordsSchema) => WordsSchema

/** @param noun of what is counted, in the singular */
function between(min: number | undefined, max: number | undefined, noun = ''): string {
  const last = max ?? min
  const unit = noun === '' ? '' : ` ${noun}${last === 1 ? '' : 's'}`
  if (min !== undefined && max !== undefined) return min === max ? `${min}${unit}` : `${min} to ${max}${unit}`
  if (min !== undefined) return `at least ${min}${unit}`
  return max === undefined ? '' : `at most ${max}${unit}`
}

function numberWords(kind: string, schema: WordsSchema): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf } = schema
  const range = between(minimum, maximum)
  const inner =
    range === '' ? '' : minimum !== undefined && maximum !== undefined ? ` from ${range}` : ` of ${range}`
  return [
    `${kind}${inner}`,
    ...(exclusiveMinimum === undefined ? [] : [`greater than ${exclusiveMinimum}`]),
    ...(exclusiveMaximum === undefined ? [] : [`less than ${exclusiveMaximum}`]),
    ...(multipleOf === undefined ? [] : [`a multiple of ${multipleOf}`]),
  ].join(', ')
}

const formatWords: Readonly<Record<string, string>> = {
  'date-time': 'a time as RFC 3339, such as 2024-01-02T03:04:05Z',
  date: 'a date, such as 2024-01-02',
  uuid: 'a UUID',
  uri: 'a URL',
  email: 'an e-mail address',
  hostname: 'a host name',
  ipv4: 'an IPv4 address',
  ipv6: 'an IPv6 address',
}

function textWords(schema: WordsSchema): string {
  const format = schema.format === undefined ? undefined : formatWords[schema.format]
  if (format !== undefined) return format
  const length = between(schema.minLength, schema.maxLength, 'character')
  const text = length === '' ? 'text' : `text of ${length}`
  return schema.pattern === undefined ? text : `${text} that matches ${schema.pattern}`
}

function listWords(schema: WordsSchema, resolve: Resolve): string {
  const length = between(schema.minItems, schema.maxItems, 'item')
  const list = length === '' ? 'a list' : `a list of ${length}`
  return schema.items === undefined ? list : `${list}, each ${takes(schema.items, resolve)}`
}

/** What a schema takes, as the end of "it takes …". */
function takes(given: WordsSchema, resolve: Resolve): string {
  const schema = resolve(given)
  if (schema['x-takes'] !== undefined) return schema['x-takes']
  if (schema.enum !== undefined) {
    return `${schema.enum.length > 1 ? 'one of ' : ''}${schema.enum.map(String).join(', ')}`
  }
  if (schema.const !== undefined) return JSON.stringify(schema.const)
  const alternatives = schema.anyOf ?? schema.oneOf
  if (alternatives !== undefined) return alternatives.map((one) => takes(one, resolve)).join(' or ')
  switch (schema.type) {
    case 'integer':
      return numberWords('an integer', schema)
    case 'number':
      return numberWords('a number', schema)
    case 'boolean':
      return 'true or false'
    case 'string':
      return textWords(schema)
    case 'array':
      return listWords(schema, resolve)
    case 'object':
      return 'an object'
    case 'null':
      return 'null'
    default:
      return 'another value'
  }
}

/** What was received, at most 80 characters of it. */
function received(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length} item${value.length === 1 ? '' : 's'}`
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = typeof value === 'string' ? value : String(value)
  const short = text.length > 80 ? `${text.slice(0, 80).toWellFormed()}…` : text
  return typeof value === 'string' ? JSON.stringify(short) : short
}

/** `/indicators/3/type` is `indicators[3].type`; in a query a list is called by its name alone. */
function nameOf(pointer: string, place: Place): string {
  const tokens = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (tokens.length === 0) return place === 'body' ? 'the body' : `the ${place}`
  const [first = '', ...rest] = place === 'body' ? tokens : tokens.slice(0, 1)
  return rest.reduce((name, token) => (/^\d+$/.test(token) ? `${name}[${token}]` : `${name}.${token}`), first)
}

export type Place = 'path' | 'query' | 'header' | 'body'

function unknownName(error: ErrorObject, name: string, place: Place): FieldError {
  const known = Object.keys((error.parentSchema as WordsSchema | undefined)?.properties ?? {})
  const meant = didYouMean(name, known)
  const inside = error.instancePath === '' ? '' : ` in ${nameOf(error.instancePath, place)}`
  const thing = place === 'query' ? 'query parameter' : 'member'
  const hint =
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length === 0
        ? 'none is taken'
        : `known are ${known.slice(0, 40).join(', ')}`
  return {
    pointer: pointerFor(error),
    detail: `${name.slice(0, 80)} is not a known ${thing}${inside}; ${hint}`,
  }
}

/** Where it is told: at the member that is missing or unknown, else at the value. */
function pointerFor({ keyword, instancePath, params }: ErrorObject): string {
  const { missingProperty, additionalProperty, unevaluatedProperty } = params as Readonly<
    Record<string, unknown>
  >
  if (keyword === 'required') return instancePath + pointerOf(String(missingProperty))
  const isUnknown = keyword === 'additionalProperties' || keyword === 'unevaluatedProperties'
  return isUnknown
    ? instancePath + pointerOf(String(additionalProperty ?? unevaluatedProperty))
    : instancePath
}

function sentence(error: ErrorObject, place: Place, resolve: Resolve): FieldError {
  const schema = (error.parentSchema ?? {}) as WordsSchema
  const params = error.params as Readonly<Record<string, unknown>>
  if (error.keyword === 'additionalProperties' || error.keyword === 'unevaluatedProperties') {
    return unknownName(error, String(params.additionalProperty ?? params.unevaluatedProperty), place)
  }
  if (error.keyword === 'required') {
    const missing = String(params.missingProperty)
    const pointer = pointerFor(error)
    const property = schema.properties?.[missing]
    const hint = property === undefined ? '' : `; it takes ${takes(property, resolve)}`
    return { pointer, detail: `${nameOf(pointer, place)} is missing${hint}` }
  }
  const name = nameOf(error.instancePath, place)
  const wanted = takes(schema, resolve)
  // A keyword that the words above do not cover speaks in the validator's own.
  const rule = wanted === 'another value' ? (error.message ?? error.keyword) : `takes ${wanted}`
  return { pointer: error.instancePath, detail: `${name} ${rule}; received ${received(error.data)}` }
}

/** Every schema object inside of one, references followed. */
function insideOf(schema: WordsSchema, resolve: Resolve, found = new Set<unknown>()): Set<unknown> {
  const resolved = resolve(schema)
  if (found.has(resolved)) return found
  found.add(schema).add(resolved)
  for (const value of Object.values(resolved)) {
    for (const inner of Array.isArray(value) ? value : [value, ...Object.values(Object(value))]) {
      if (typeof inner === 'object' && inner !== null) insideOf(inner as WordsSchema, resolve, found)
    }
  }
  return found
}

/** The errors of one alternative: those below it that its schemas raised. */
function errorsOf(branch: WordsSchema, union: ErrorObject, errors: readonly ErrorObject[], resolve: Resolve) {
  const schemas = insideOf(branch, resolve)
  return errors.filter(
    (error) =>
      error !== union && error.instancePath.startsWith(union.instancePath) && schemas.has(error.parentSchema),
  )
}

/**
 * A value that fits none of several alternatives has errors for each. Where one alternative was clearly meant (an
 * object among texts, or the object with the fewest errors), its errors are told; else what the alternatives take.
 */
function withoutAlternatives(errors: readonly ErrorObject[], resolve: Resolve): readonly ErrorObject[] {
  // The error of the outermost union comes after those inside of it.
  const union = errors.findLast(({ keyword, params }) => {
    return keyword === 'anyOf' || (keyword === 'oneOf' && params.passingSchemas === null)
  })
  if (union === undefined) return errors
  const branches = (union.schema as readonly WordsSchema[]).map((one) =>
    errorsOf(one, union, errors, resolve),
  )
  const told = new Set(branches.flat())
  const meant = branches
    .filter((branch) => !branch.some((e) => e.keyword === 'type' && e.instancePath === union.instancePath))
    .filter((branch) => branch.some((e) => e.instancePath !== union.instancePath || isAboutMembers(e)))
    .toSorted((a, b) => a.length - b.length)[0]
  const rest = errors.filter((error) => error !== union && !told.has(error))
  const chosen =
    meant === undefined ? [{ ...union, keyword: 'alternatives' }] : withoutAlternatives(meant, resolve)
  return [...withoutAlternatives(rest, resolve), ...chosen]
}

function isAboutMembers({ keyword }: ErrorObject): boolean {
  return keyword === 'required' || keyword === 'additionalProperties'
}

/** More than an answer lists; of those behind them only the number is told. */
const mostTold = 300

/** The errors of one part of a request, one for each place; the first ones in words. */
export function inWords(errors: readonly ErrorObject[], place: Place, resolve: Resolve): FieldError[] {
  const byPointer = new Map<string, FieldError>()
  for (const error of withoutAlternatives(errors, resolve)) {
    const pointer = pointerFor(error)
    if (byPointer.has(pointer)) continue
    const isTold = byPointer.size < mostTold
    byPointer.set(pointer, isTold ? sentence(error, place, resolve) : { pointer, detail: '' })
  }
  return [...byPointer.values()]
}
