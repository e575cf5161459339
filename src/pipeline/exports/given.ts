/**
 * What somebody gave against a schema: what is wrong with it, each with its place, in the words of the API's other
 * errors. For what is given by HTTP, in a file and by commands alike.
 */
import { didYouMean } from '../../did-you-mean.ts'
import { type FieldError, ServiceError } from '../../errors.ts'
import { rfc3339 } from '../../model/time.ts'

/** What is looked at in a schema; objects take the members that they name and no others. */
export interface GivenSchema {
  readonly type?: string
  readonly description?: string
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: GivenSchema
  readonly properties?: Readonly<Record<string, GivenSchema>>
  readonly required?: readonly string[] | undefined
  readonly anyOf?: readonly GivenSchema[]
  readonly 'x-takes'?: string
}

/** As many errors as an answer lists. */
export const mostFaults = 100

/**
 * Those behind as many as an answer lists have no words: they are counted.
 * @param pointer of the value, a JSON pointer: `/indicators/3`
 */
export function faultsOf(schema: GivenSchema, value: unknown, pointer: string): FieldError[] {
  if (schema.anyOf !== undefined) {
    const fits = schema.anyOf.some((branch) => faultsOf(branch, value, pointer).length === 0)
    return fits ? [] : [wrong(schema, value, pointer)]
  }
  if (schema.type === 'object' && isObject(value)) return memberFaults(schema, value, pointer)
  if (schema.type === 'array' && Array.isArray(value)) {
    const { items = {} } = schema
    const found: FieldError[] = []
    for (const [index, item] of value.entries()) addFaults(found, items, item, `${pointer}/${index}`)
    return found
  }
  return isTaken(schema, value) ? [] : [wrong(schema, value, pointer)]
}

function memberFaults(
  { properties, required = [] }: GivenSchema,
  value: Readonly<Record<string, unknown>>,
  pointer: string,
): FieldError[] {
  // An object of which nothing is said may hold anything.
  if (properties === undefined) return []
  const found: FieldError[] = []
  for (const [name, member] of Object.entries(value)) {
    const at = `${pointer}/${escaped(name)}`
    const schema = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (schema !== undefined) addFaults(found, schema, member, at)
    else if (found.length >= mostFaults) found.push({ pointer: at, detail: '' })
    else found.push(unknownMember(name, Object.keys(properties), pointer))
  }
  for (const name of required) {
    if (!Object.hasOwn(value, name)) found.push(missing(properties[name] ?? {}, `${pointer}/${name}`))
  }
  return found
}

/** Not by spreading them: there may be more than a call takes arguments. */
function addFaults(found: FieldError[], schema: GivenSchema, value: unknown, pointer: string): void {
  const isSimple = schema.anyOf === undefined && schema.type !== 'object' && schema.type !== 'array'
  if (!isSimple) for (const fault of faultsOf(schema, value, pointer)) found.push(fault)
  else if (!isTaken(schema, value)) {
    found.push(found.length < mostFaults ? wrong(schema, value, pointer) : { pointer, detail: '' })
  }
}

function isTaken(schema: GivenSchema, value: unknown): boolean {
  if (schema.enum !== undefined) return schema.enum.includes(value)
  switch (schema.type) {
    case 'string':
      return typeof value === 'string' && isText(schema, value)
    case 'integer':
      return Number.isInteger(value) && isWithin(schema, value as number)
    case 'number':
      return typeof value === 'number' && Number.isFinite(value) && isWithin(schema, value)
    case 'boolean':
      return typeof value === 'boolean'
    case 'null':
      return value === null
    case undefined:
      return true
    default:
      return false
  }
}

function isText(
  { format, pattern, minLength = 0, maxLength = Infinity }: GivenSchema,
  text: string,
): boolean {
  if (text.length < minLength || text.length > maxLength) return false
  if (format === 'date-time' && !isTime(text)) return false
  return pattern === undefined || new RegExp(pattern, 'u').test(text)
}

/** Sources send years before 1970 for "no date", which the model leaves out. */
function isTime(text: string): boolean {
  return dateTime.test(text) && (text < '1970' || rfc3339(text) !== undefined)
}

/** RFC 3339. */
const dateTime = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

function isWithin({ minimum = -Infinity, maximum = Infinity }: GivenSchema, number: number): boolean {
  return number >= minimum && number <= maximum
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function unknownMember(name: string, known: readonly string[], pointer: string): FieldError {
  const meant = didYouMean(name, known)
  const inside = pointer === '' ? '' : ` in ${nameOf(pointer)}`
  const hint =
    meant !== undefined
      ? `did you mean ${meant}?`
      : known.length === 0
        ? 'none is taken'
        : `known are ${known.join(', ')}`
  const detail = `${shortened(name)} is not a known member${inside}; ${hint}`
  return { pointer: `${pointer}/${escaped(name)}`, detail }
}

/** Of a member that has to be there. */
export function missing(schema: GivenSchema, pointer: string): FieldError {
  return { pointer, detail: `${nameOf(pointer)} is missing; it takes ${takes(schema)}` }
}

export function wrong(schema: GivenSchema, value: unknown, pointer: string): FieldError {
  return {
    pointer,
    detail: `${nameOf(pointer)} takes ${takes(schema)}; received ${received(value)}`,
  }
}

/** To stand after "takes". */
function takes(schema: GivenSchema): string {
  if (schema['x-takes'] !== undefined) return schema['x-takes']
  if (schema.enum !== undefined) return `${schema.enum.length > 1 ? 'one of ' : ''}${schema.enum.join(', ')}`
  if (schema.anyOf !== undefined) return schema.anyOf.map(takes).join(' or ')
  if (schema.format === 'date-time') return 'a time as RFC 3339, such as 2024-01-02T03:04:05Z'
  switch (schema.type) {
    case 'string':
      return `text${length(schema)}`
    case 'integer':
    case 'number':
      return `${schema.type === 'integer' ? 'an integer' : 'a number'}${range(schema)}`
    case 'boolean':
      return 'true or false'
    case 'array':
      return `a list${schema.items === undefined ? '' : `, each ${takes(schema.items)}`}`
    case 'object':
      return 'an object'
    default:
      return schema.type ?? 'any value'
  }
}

function range({ minimum, maximum }: GivenSchema): string {
  if (minimum !== undefined && maximum !== undefined) return ` from ${minimum} to ${maximum}`
  if (minimum !== undefined) return ` of at least ${minimum}`
  return maximum === undefined ? '' : ` of at most ${maximum}`
}

function length({ minLength = 0, maxLength }: GivenSchema): string {
  if (maxLength !== undefined) return ` of ${minLength} to ${maxLength} characters`
  return minLength > 0 ? ' that is not empty' : ''
}

export function received(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return `a list of ${value.length} item${value.length === 1 ? '' : 's'}`
  if (isObject(value)) return 'an object'
  return typeof value === 'string' ? JSON.stringify(shortened(value)) : String(value)
}

function shortened(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text
  return short.toWellFormed()
}

function escaped(name: string): string {
  return name.slice(0, 200).toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1')
}

/** `/indicators/3/type` is `indicators[3].type`. */
function nameOf(pointer: string): string {
  const [first = '', ...rest] = pointer
    .split('/')
    .slice(1)
    .map((token) => token.replaceAll('~1', '/').replaceAll('~0', '~'))
  return rest.reduce((name, token) => (/^\d+$/.test(token) ? `${name}[${token}]` : `${name}.${token}`), first)
}

/** @throws ServiceError ARGUMENT_INVALID with all of them, where there are any */
export function refuse(faults: readonly FieldError[]): void {
  if (faults.length === 0) return
  const told = faults.slice(0, mostFaults)
  const more = faults.length - told.length
  const details = new Set(told.map(({ detail }) => detail))
  throw new ServiceError(
    'ARGUMENT_INVALID',
    [...details, ...(more > 0 ? [`and ${more} more`] : [])].join('; '),
    {
      errors: told,
    },
  )
}
