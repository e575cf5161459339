/** How the value of a field is read from a request, shown in an answer, and compared. */
import { badRequest, isObject } from './answers.ts'
import type { FieldDefinition, SelectOption } from './field-definitions.ts'
import { plainText, shownText, type TextContent, type TextFormat } from './rich-text.ts'

/** Selects by the number of their option; dates in milliseconds. */
export type FieldValue = string | number | boolean | TextContent | readonly (string | number)[] | null

export const handleFormats = ['ids', 'names', 'objects'] as const
export type HandleFormat = (typeof handleFormats)[number]

/** How a request wants selects and texts. */
export interface Formats {
  readonly handle: HandleFormat
  readonly text: TextFormat
}

/** By its name; a custom one with `properties.`, as it is addressed in a query. */
export function keyOf({ prefix, name }: FieldDefinition): string {
  return prefix === null ? name : `${prefix}.${name}`
}

/** @throws RequestError 400 that names the field */
export function readValue(field: FieldDefinition, given: unknown, handle: HandleFormat): FieldValue {
  if (given === null || given === undefined) return null
  const wrong = (takes: string) =>
    badRequest(`The value of the field "${field.name}" must be ${takes}, not ${JSON.stringify(given)}.`)
  switch (field.inputType) {
    case 'text':
      if (typeof given !== 'string') throw wrong('a string')
      return given
    case 'textarea':
      return readText(given) ?? fail(wrong('a string or an object with format and content'))
    case 'datetimepicker':
      if (typeof given !== 'number' || !Number.isSafeInteger(given)) throw wrong('a number of milliseconds')
      return given
    case 'number':
      if (typeof given !== 'number') throw wrong('a number')
      return given
    case 'boolean':
      if (typeof given !== 'boolean') throw wrong('true or false')
      return given
    case 'select':
      return readOption(field, given, handle).value
    case 'multiselect':
      if (!Array.isArray(given)) throw wrong('a list')
      return given.map((each: unknown) => readOption(field, each, handle).value)
  }
}

function fail(error: Error): never {
  throw error
}

/** A string is taken for html, as the field is rich text. Inferred. */
export function readText(given: unknown): TextContent | undefined {
  if (typeof given === 'string') return { format: 'html', content: given }
  if (!isObject(given)) return undefined
  const { format, content } = given
  if (typeof content !== 'string' || (format !== 'html' && format !== 'text')) return undefined
  return { format, content }
}

/** `{name}`, `{id}` and a number always; a string is a label only where handles are names. */
function readOption(field: FieldDefinition, given: unknown, handle: HandleFormat): SelectOption {
  const { values } = field
  const byLabel = (label: unknown) => values.find((each) => each.label === label)
  const byValue = (value: unknown) => values.find((each) => each.value === value)
  // `plan_status` has letters for numbers.
  const found = isObject(given)
    ? 'name' in given
      ? byLabel(given.name)
      : byValue(given.id)
    : (byValue(given) ?? (handle === 'names' ? byLabel(given) : undefined))
  // Whether a value that is switched off is refused is inferred.
  if (found?.enabled === true) return found
  throw badRequest(`${JSON.stringify(given)} is not a valid value for the field "${field.name}".`)
}

export function isEmpty(value: FieldValue | undefined): boolean {
  if (value === null || value === undefined || value === '') return true
  if (Array.isArray(value)) return value.length === 0
  return typeof value === 'object' && 'content' in value && plainText(value.content).trim() === ''
}

export function shownValue(field: FieldDefinition, value: FieldValue, formats: Formats): unknown {
  if (Array.isArray(value)) {
    return value.map((each: string | number) => shownOption(field, each, formats.handle))
  }
  if (typeof value === 'object' && value !== null && 'content' in value) return shownText(value, formats.text)
  // As in the samples, the status is a letter whatever the format.
  if (field.name === 'plan_status' || field.inputType !== 'select' || value === null) return value
  return shownOption(field, value, formats.handle)
}

/** An option that is no longer there is shown by its bare number. Inferred. */
function shownOption(field: FieldDefinition, value: unknown, handle: HandleFormat): unknown {
  const label = field.values.find((each) => each.value === value)?.label
  if (handle === 'ids' || label === undefined) return value
  return handle === 'names' ? label : { id: value, name: label }
}

/** Whether an `old_value` is what the incident has. Nothing, an empty text and an empty list are the same. */
export function isSame(
  field: FieldDefinition,
  current: FieldValue,
  given: unknown,
  handle: HandleFormat,
): boolean {
  let old: FieldValue
  try {
    old = readValue(field, given, handle)
  } catch {
    // What the field can't hold is not what it holds.
    return false
  }
  if (isEmpty(current) && isEmpty(old)) return true
  return JSON.stringify(comparable(current)) === JSON.stringify(comparable(old))
}

function comparable(value: FieldValue): unknown {
  if (Array.isArray(value)) return [...value].sort()
  return typeof value === 'object' && value !== null && 'content' in value ? value.content : value
}
