/** `POST /incidents/query_paged`, and the older `/incidents/query`. */
import { badRequest, isObject } from './answers.ts'
import type { FieldDefinition } from './field-definitions.ts'
import type { FieldStore } from './field-store.ts'
import { type FieldValue, isEmpty } from './field-values.ts'
import type { IncidentRules } from './incident-rules.ts'
import type { IncidentRow } from './incident-store.ts'
import { plainText } from './rich-text.ts'

interface Found {
  /** In order. */
  readonly rows: readonly IncidentRow[]
  /** How many there are without the page. */
  readonly total: number
}

type Test = (row: IncidentRow) => boolean
type Scalar = string | number | boolean

/** `max_page_size` of the constants. */
const largestLength = 100
/** Inferred. */
const defaultLength = 50

export interface Query {
  /** All that match, in order. */
  matching(body: unknown): readonly IncidentRow[]
  /** One page of it. A longer one than the largest is cut to that: inferred. @throws RequestError 400 */
  page(body: unknown): Found
}

export function createQuery(
  all: () => readonly IncidentRow[],
  fields: FieldStore,
  rules: IncidentRules,
): Query {
  const fieldOf = (name: unknown): FieldDefinition => {
    const field = typeof name === 'string' ? fields.find(name) : undefined
    // Unlike in a patch, a custom field is addressed with its prefix only. Inferred.
    if (field === undefined || (field.prefix !== null && name === field.name)) {
      throw badRequest(`The field ${JSON.stringify(name)} can't be searched: it does not exist.`)
    }
    return field
  }
  const readFilter = (given: unknown): Test => {
    if (!isObject(given)) throw badRequest('A filter is an object.')
    const conditions = listOf(given.conditions, 'conditions').map((each) => {
      if (!isObject(each)) throw badRequest('A condition is an object.')
      const field = fieldOf(each.field_name)
      const holds = readCondition(field, each.method, each.value)
      return (row: IncidentRow) => holds(rules.valueOf(row, field))
    })
    return given.logic_type === 'any'
      ? (row) => conditions.length === 0 || conditions.some((holds) => holds(row))
      : (row) => conditions.every((holds) => holds(row))
  }
  const readSort = (given: unknown) => {
    if (!isObject(given)) throw badRequest('A sort is an object.')
    const { type = 'asc' } = given
    if (type !== 'asc' && type !== 'desc') throw badRequest('"type" of a sort must be asc or desc.')
    return { field: fieldOf(given.field_name), sign: type === 'desc' ? -1 : 1 }
  }
  const matching = (body: unknown): readonly IncidentRow[] => {
    if (!isObject(body)) throw badRequest('A query is an object.')
    const filters = listOf(body.filters, 'filters').map(readFilter)
    const sorts = listOf(body.sorts, 'sorts').map(readSort)
    const rows = all().filter((row) => filters.length === 0 || filters.some((holds) => holds(row)))
    return rows.sort((a, b) => {
      for (const { field, sign } of sorts) {
        const order = compare(scalarOf(rules.valueOf(a, field)), scalarOf(rules.valueOf(b, field)))
        if (order !== 0) return sign * order
      }
      return a.id - b.id
    })
  }
  return {
    matching,
    page(body) {
      const rows = matching(body)
      const { start, length } = readPage(body)
      return { rows: rows.slice(start, start + length), total: rows.length }
    },
  }
}

/** @throws RequestError 400 */
export function readPage(body: unknown): { readonly start: number; readonly length: number } {
  const whole = (name: string, otherwise: number) => {
    const value = isObject(body) ? (body[name] ?? otherwise) : otherwise
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) {
      throw badRequest(`"${name}" must be a whole number, 0 or more.`)
    }
    return value
  }
  const length = whole('length', defaultLength)
  return { start: whole('start', 0), length: length === 0 ? defaultLength : Math.min(length, largestLength) }
}

function listOf(given: unknown, name: string): readonly unknown[] {
  if (given === undefined || given === null) return []
  if (!Array.isArray(given)) throw badRequest(`"${name}" must be a list.`)
  return given
}

type Holds = (value: FieldValue) => boolean
const opposite =
  (holds: Holds): Holds =>
  (value) =>
    !holds(value)

function readCondition(field: FieldDefinition, method: unknown, given: unknown): Holds {
  const one = () => readScalar(field, given)
  const any =
    (wanted: readonly Scalar[]): Holds =>
    (value) =>
      scalarsOf(value).some((each) => wanted.includes(each))
  const ordered = (test: (order: number) => boolean): Holds => {
    const wanted = one()
    return (value) => !isEmpty(value) && test(compare(scalarOf(value), wanted))
  }
  const contains = (): Holds => {
    if (field.inputType === 'multiselect') return any([one()])
    const wanted = String(one()).toLowerCase()
    return (value) =>
      String(scalarOf(value) ?? '')
        .toLowerCase()
        .includes(wanted)
  }
  const listed = () => listOf(given, `value of ${field.name}`).map((each) => readScalar(field, each))
  switch (method) {
    case 'equals':
      return any([one()])
    case 'not_equals':
      return opposite(any([one()]))
    case 'in':
      return any(listed())
    case 'not_in':
      return opposite(any(listed()))
    case 'contains':
      return contains()
    case 'not_contains':
      return opposite(contains())
    case 'has_a_value':
      return opposite(isEmpty)
    case 'not_has_a_value':
    case 'does_not_have_a_value':
      return isEmpty
    case 'lt':
      return ordered((order) => order < 0)
    case 'lte':
      return ordered((order) => order <= 0)
    case 'gt':
      return ordered((order) => order > 0)
    case 'gte':
      return ordered((order) => order >= 0)
    default:
      throw badRequest(`The method ${JSON.stringify(method)} is not supported for "${field.name}".`)
  }
}

/** A select by number, label or handle, whatever the format. */
function readScalar(field: FieldDefinition, given: unknown): Scalar {
  const wanted = isObject(given) ? (given.name ?? given.id) : given
  if (field.values.length > 0) {
    const found = field.values.find(({ value, label }) => value === wanted || label === wanted)
    if (found !== undefined) return found.value
  } else if (typeof wanted === 'boolean') return wanted
  else if (typeof wanted === (isNumeric(field) ? 'number' : 'string')) return wanted as Scalar
  throw badRequest(`${JSON.stringify(given)} is not a valid value for the field "${field.name}".`)
}

function isNumeric({ inputType }: FieldDefinition): boolean {
  return inputType === 'datetimepicker' || inputType === 'number'
}

function scalarsOf(value: FieldValue): readonly Scalar[] {
  if (Array.isArray(value)) return value
  const scalar = scalarOf(value)
  return scalar === null ? [] : [scalar]
}

function scalarOf(value: FieldValue): Scalar | null {
  if (typeof value !== 'object' || value === null) return value
  return 'content' in value ? plainText(value.content) : (value[0] ?? null)
}

/** Nothing comes first. */
function compare(a: Scalar | null, b: Scalar | null): number {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? -1 : 1
  return a < b ? -1 : 1
}
