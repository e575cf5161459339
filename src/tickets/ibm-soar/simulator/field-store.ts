/** The field definitions of one installation, and their REST shape. */
import { createHash } from 'node:crypto'
import { badRequest, isObject, RequestError } from './answers.ts'
import {
  type FieldDefinition,
  type InputType,
  type NewField,
  option,
  type SelectOption,
} from './field-definitions.ts'

export interface FieldStore {
  all(): readonly FieldDefinition[]
  /** By its name; a custom one with or without `properties.`. */
  find(name: string): FieldDefinition | undefined
  /** @throws RequestError 400 when it exists or is wrong */
  create(definition: unknown): FieldDefinition
  /** @throws RequestError 400, 404 */
  replace(name: string, definition: unknown): FieldDefinition
}

const inputTypes: readonly InputType[] = [
  'text',
  'textarea',
  'select',
  'multiselect',
  'datetimepicker',
  'number',
  'boolean',
]

export function createFieldStore(
  first: readonly FieldDefinition[],
  custom: readonly NewField[] = [],
): FieldStore {
  const fields = new Map(first.map((field) => [field.name, field]))
  let lastId = 1000
  const nextId = () => {
    lastId += 1
    return lastId
  }
  const add = (given: NewField) => {
    const { name, text = name, inputType, required = null, values = [] } = given
    const options = values.map((label) => option(nextId(), label))
    const field: FieldDefinition = {
      ...{ id: nextId(), name, text, inputType, prefix: 'properties', required },
      ...{ readOnly: false, tooltip: '', values: options },
    }
    fields.set(name, field)
  }
  custom.forEach(add)
  const find = (name: string) => {
    const field = fields.get(name.replace(/^properties\./, ''))
    return name.startsWith('properties.') && field?.prefix === null ? undefined : field
  }
  return {
    all: () => [...fields.values()],
    find,
    create(given) {
      const definition = readDefinition(given)
      const { name = '', text, inputType, required } = definition
      if (!/^[a-z][a-z0-9_]*$/.test(name)) throw badRequest(`The field name "${name}" is not valid.`)
      if (fields.has(name)) throw badRequest(`A field with the name "${name}" already exists.`)
      if (text === undefined) throw badRequest('A field must have a text.')
      if (inputType === undefined) throw badRequest('A field must have an input_type.')
      const values = optionsOf(definition.values ?? [], [], nextId)
      const field: FieldDefinition = {
        ...{ id: nextId(), name, text, inputType, prefix: 'properties', required: required ?? null },
        ...{ readOnly: false, tooltip: definition.tooltip ?? '', values },
      }
      fields.set(name, field)
      return field
    },
    replace(name, given) {
      const field = find(name)
      if (field === undefined) throw new RequestError(404, `Unable to find the field "${name}".`)
      const definition = readDefinition(given)
      if (definition.name !== undefined && definition.name !== field.name) {
        throw badRequest(`The name of the field "${field.name}" can't be changed.`)
      }
      if (definition.inputType !== undefined && definition.inputType !== field.inputType) {
        throw badRequest(`The type of the field "${field.name}" can't be changed.`)
      }
      const { text = field.text, tooltip = field.tooltip, required = null } = definition
      const values = optionsOf(definition.values ?? [], field.values, nextId)
      const changed = { ...field, text, tooltip, required, values }
      fields.set(field.name, changed)
      return changed
    },
  }
}

interface ReadDefinition {
  readonly name: string | undefined
  readonly text: string | undefined
  readonly tooltip: string | undefined
  readonly inputType: InputType | undefined
  readonly required: 'always' | 'close' | null | undefined
  readonly values: readonly unknown[] | undefined
}

function readDefinition(given: unknown): ReadDefinition {
  if (!isObject(given)) throw badRequest('A field is an object.')
  const textOf = (name: string) => {
    const value = given[name]
    if (value === undefined || value === null) return undefined
    if (typeof value !== 'string') throw badRequest(`"${name}" of a field must be a string.`)
    return value
  }
  const type = textOf('input_type')
  const inputType = inputTypes.find((each) => each === type)
  if (type !== undefined && inputType === undefined) throw badRequest(`Unknown input_type "${type}".`)
  const required = textOf('required')
  if (required !== undefined && required !== 'always' && required !== 'close') {
    throw badRequest(`"required" of a field can't be "${required}".`)
  }
  if (given.values !== undefined && !Array.isArray(given.values)) throw badRequest('"values" must be a list.')
  const values = given.values as readonly unknown[] | undefined
  return {
    name: textOf('name'),
    text: textOf('text'),
    tooltip: textOf('tooltip'),
    inputType,
    required,
    values,
  }
}

/** What has no number, or not one of this field, is a new value: old incidents keep the number that is gone. Inferred. */
function optionsOf(
  given: readonly unknown[],
  old: readonly SelectOption[],
  nextId: () => number,
): SelectOption[] {
  const labels = new Set<string>()
  return given.map((each) => {
    if (!isObject(each) || typeof each.label !== 'string') throw badRequest('A value must have a label.')
    const { label, enabled = true, hidden = false } = each
    if (labels.has(label)) throw badRequest(`The value "${label}" is there twice.`)
    labels.add(label)
    const value = old.find((known) => known.value === each.value)?.value ?? nextId()
    return {
      value,
      label,
      enabled: enabled === true,
      hidden: hidden === true,
      default: each.default === true,
    }
  })
}

const methods: Readonly<Record<InputType, readonly string[]>> = {
  text: ['equals', 'not_equals', 'contains', 'not_contains'],
  textarea: ['equals', 'not_equals', 'contains', 'not_contains'],
  select: ['equals', 'not_equals', 'in', 'not_in'],
  multiselect: ['contains', 'not_contains'],
  datetimepicker: ['due_within', 'overdue_by'],
  number: ['equals', 'not_equals', 'lt', 'lte', 'gt', 'gte'],
  boolean: ['equals', 'not_equals'],
}

/** As `GET /types/incident/fields` shows it; `required` is left out where a field is not. */
export function shownField(field: FieldDefinition): Readonly<Record<string, unknown>> {
  const { id, name, text, inputType, prefix, required, readOnly, tooltip, values } = field
  return {
    operations: [...methods[inputType], 'changed', 'has_a_value', 'not_has_a_value'],
    ...{ read_only: readOnly, uuid: uuidOf(name), type_id: 0, chosen: false, text, tooltip },
    ...(required !== null && { required }),
    ...{ rich_text: inputType === 'textarea', operation_perms: {}, prefix, internal: prefix === null },
    values: values.map((each) => ({ ...each, uuid: uuidOf(`${name}/${each.label}`), properties: null })),
    ...{ blank_option: false, input_type: inputType, changeable: !readOnly, hide_notification: false },
    ...{ id, name, tags: [], templates: [], placeholder: '', deprecated: false, calculated: false },
  }
}

/** The same for the same text, as nothing here depends on chance. */
export function uuidOf(text: string): string {
  const hex = createHash('sha256').update(text).digest('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `4${hex.slice(13, 16)}`,
    `8${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-')
}
