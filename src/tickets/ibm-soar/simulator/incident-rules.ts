/** What an incident may become: by a new one, by a change, by being closed or reopened. */
import { badRequest, isObject } from './answers.ts'
import type { FieldDefinition } from './field-definitions.ts'
import type { FieldStore } from './field-store.ts'
import { type FieldValue, type HandleFormat, isEmpty, keyOf, readValue } from './field-values.ts'
import type { IncidentRow, IncidentStore } from './incident-store.ts'
import { type HtmlPolicy, sanitised } from './rich-text.ts'

export interface IncidentRulesOptions {
  readonly store: IncidentStore
  readonly fields: FieldStore
  readonly html: HtmlPolicy
  now(): number
  /** An open incident was closed. */
  closed(row: IncidentRow): void
}

export interface Change {
  readonly field: FieldDefinition
  readonly value: FieldValue
}

export interface IncidentRules {
  /** @throws RequestError 400; nothing is created then */
  create(body: unknown, handle: HandleFormat): IncidentRow
  /** @throws RequestError 400; nothing is changed then */
  change(row: IncidentRow, changes: readonly Change[]): IncidentRow
  valueOf(row: IncidentRow, field: FieldDefinition): FieldValue
  /** A field that may be written. @throws RequestError 400 */
  writable(name: string): FieldDefinition
}

export function createIncidentRules(options: IncidentRulesOptions): IncidentRules {
  const { store, fields, html, now, closed } = options

  const writable = (name: string): FieldDefinition => {
    const field = fields.find(name)
    if (field === undefined) throw badRequest(`The field "${name}" does not exist.`)
    if (field.readOnly) throw badRequest(`The field "${name}" is read-only.`)
    return field
  }
  const stored = (value: FieldValue): FieldValue =>
    typeof value === 'object' && value !== null && 'content' in value ? sanitised(value, html) : value

  const valuesOf = (changes: readonly Change[]) =>
    Object.fromEntries(changes.map(({ field, value }) => [keyOf(field), stored(value)]))

  /** @param touched what a change is about: of the other fields only those that closing asks for are looked at */
  const check = (values: IncidentRow['values'], isClosing: boolean, touched: readonly FieldDefinition[]) => {
    const isClosed = values.plan_status === 'C'
    const missing = fields.all().filter((field) => {
      if (field.readOnly || !isEmpty(values[keyOf(field)])) return false
      if (field.required === 'always') return touched.includes(field)
      return field.required === 'close' && isClosed && (isClosing || touched.includes(field))
    })
    if (isEmpty(values.plan_status)) throw badRequest('The field "plan_status" is required.')
    if (missing.length === 0) return
    const names = missing.map(({ name, text }) => `${text} (${name})`).join(', ')
    const [verb, noun] = missing.length === 1 ? ['is', 'field'] : ['are', 'fields']
    throw badRequest(`The following ${noun} ${verb} required${isClosing ? ' to close' : ''}: ${names}.`)
  }

  return {
    writable,
    create(body, handle) {
      const values: Record<string, FieldValue> = {
        ...defaultsOf(fields),
        ...valuesOf(readNew(body, writable, handle)),
      }
      const isClosed = values.plan_status === 'C'
      check(values, isClosed, fields.all())
      return store.add({ ...values, end_date: isClosed ? now() : null })
    },
    change(row, changes) {
      const changed = valuesOf(changes)
      const values = { ...row.values, ...changed }
      const [was, is] = [row.values.plan_status, values.plan_status]
      const isClosing = was !== 'C' && is === 'C'
      check(
        values,
        isClosing,
        changes.map(({ field }) => field),
      )
      const endDate = isClosing ? { end_date: now() } : is === 'A' ? { end_date: null } : {}
      const next = store.change(row, { ...changed, ...endDate })
      if (isClosing) closed(next)
      return next
    },
    valueOf(row, field) {
      if (field.name === 'id') return row.id
      if (field.name === 'create_date') return row.createdAt
      if (field.name === 'inc_last_modified_date') return row.modifiedAt
      return row.values[keyOf(field)] ?? null
    },
  }
}

function defaultsOf(fields: FieldStore): Record<string, FieldValue> {
  const found = fields.all().flatMap((field) => {
    const value = field.values.find((each) => each.default)?.value
    return value === undefined || field.inputType !== 'select' ? [] : [[keyOf(field), value] as const]
  })
  return Object.fromEntries(found)
}

/** A field that does not exist, or is read-only, is refused; of the latter that is inferred. */
function readNew(
  body: unknown,
  writable: (name: string) => FieldDefinition,
  handle: HandleFormat,
): readonly Change[] {
  if (!isObject(body)) throw badRequest('An incident is an object.')
  const { properties = {}, ...stock } = body
  if (properties !== null && !isObject(properties)) throw badRequest('"properties" must be an object.')
  const change = (name: string, prefix: FieldDefinition['prefix'], given: unknown): Change => {
    const field = writable(prefix === null ? name : `${prefix}.${name}`)
    if (field.prefix !== prefix) throw badRequest(`The field "${name}" belongs under "properties".`)
    return { field, value: readValue(field, given, handle) }
  }
  return [
    ...Object.entries(stock).map(([name, given]) => change(name, null, given)),
    ...Object.entries(properties ?? {}).map(([name, given]) => change(name, 'properties', given)),
  ]
}
