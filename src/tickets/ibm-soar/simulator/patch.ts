/** `PATCH /incidents/{id}`: changes with what the client believes that the fields hold. */
import type { Answer } from '../../../simulation/faults.ts'
import { badRequest, done, isObject, jsonAnswer, RequestError } from './answers.ts'
import type { FieldDefinition } from './field-definitions.ts'
import { type Formats, isSame, readValue, shownValue } from './field-values.ts'
import type { Change, IncidentRules } from './incident-rules.ts'
import type { IncidentRow } from './incident-store.ts'

interface ReadChange extends Change {
  /** As it was sent; undefined: none. */
  readonly old: unknown
}

/** Which members a value may be sent in besides `object`, by the type of the field. */
const typedForms: Readonly<Record<FieldDefinition['inputType'], readonly string[]>> = {
  text: ['text'],
  textarea: ['textarea', 'text'],
  select: ['id', 'name'],
  multiselect: ['ids', 'names'],
  datetimepicker: ['date'],
  number: ['id', 'number'],
  boolean: ['boolean'],
}

/** @throws RequestError 400; nothing is changed then */
export function patchIncident(
  rules: IncidentRules,
  row: IncidentRow,
  body: unknown,
  formats: Formats,
): Answer {
  if (!isObject(body) || !Array.isArray(body.changes)) throw badRequest('A patch must have "changes".')
  const { version = null } = body
  if (version !== null && !Number.isSafeInteger(version)) throw badRequest('"version" must be a number.')
  const changes = body.changes.map((each: unknown) => readChange(rules, each, formats))
  // Without a version, or with one that is yet to come, old values are compared as well. Inferred.
  if (version !== row.vers) {
    const failures = changes.filter(
      ({ field, old }) => !isSame(field, rules.valueOf(row, field), old, formats.handle),
    )
    if (failures.length > 0) return conflict(rules, row, failures, formats)
  }
  if (changes.length > 0) rules.change(row, changes)
  return jsonAnswer(200, done)
}

function readChange(rules: IncidentRules, given: unknown, { handle }: Formats): ReadChange {
  if (!isObject(given)) throw badRequest('A change is an object.')
  const name = isObject(given.field) ? given.field.name : given.field
  if (typeof name !== 'string') throw badRequest('A change must name its field.')
  const field = rules.writable(name)
  if (given.new_value === undefined) throw badRequest(`The change of "${name}" has no new_value.`)
  const value = readValue(field, held(field, given.new_value, 'new_value'), handle)
  return { field, value, old: held(field, given.old_value ?? null, 'old_value') }
}

function held(field: FieldDefinition, holder: unknown, member: string): unknown {
  if (holder === null) return null
  const names = isObject(holder) ? Object.keys(holder) : []
  const [name = '', ...others] = names
  const takes = ['object', ...typedForms[field.inputType]]
  if (!isObject(holder) || others.length > 0 || !takes.includes(name)) {
    const found = isObject(holder) ? names.join(', ') : JSON.stringify(holder)
    throw badRequest(`${member} of "${field.name}" must have one of ${takes.join(', ')}, not ${found}.`)
  }
  const value = holder[name]
  // `{"id": 9}` and `{"name": "High"}` of a select are the handles themselves.
  return field.inputType === 'select' && name !== 'object' && value !== null ? holder : handlesOf(name, value)
}

function handlesOf(name: string, value: unknown): unknown {
  return name === 'names' && Array.isArray(value) ? value.map((each: unknown) => ({ name: each })) : value
}

/** Status 200, and nothing was changed. */
function conflict(
  rules: IncidentRules,
  row: IncidentRow,
  failures: readonly ReadChange[],
  formats: Formats,
): Answer {
  const names = failures.map(({ field }) => field.name).join(', ')
  const message =
    'Your changes to the incident could not be applied due to a conflicting edit by another user.  ' +
    `The following field(s) were in conflict:  ${names}.`
  const field_failures = failures.map(({ field, old }) => ({
    field: field.name,
    your_original_value: old,
    actual_current_value: shownValue(field, rules.valueOf(row, field), formats),
  }))
  return jsonAnswer(200, { success: false, title: null, message, hints: [], field_failures })
}

/** Conflicts of the database, as many as wanted: the same patch once more succeeds. */
export interface Conflicts {
  add(times: number | 'always'): void
  /** @throws RequestError 409 */
  meet(): void
}

export function createConflicts(): Conflicts {
  let left = 0
  return {
    add(times) {
      left = times === 'always' ? Number.POSITIVE_INFINITY : times
    },
    meet() {
      if (left <= 0) return
      left -= 1
      throw new RequestError(409, 'The object was changed by another transaction.')
    },
  }
}
