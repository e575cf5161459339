/** What a rendered template becomes before it goes to SOAR: fields that exist, values that they take. */
import { didYouMean } from '../../did-you-mean.ts'
import { Refused } from '../refused.ts'
import type { Checked, Field, Fields, KnownFields } from './fields.ts'
import { neededFields } from './install.ts'
import type { Wanted } from './merge.ts'
import { flattened, type Values, wireValue } from './values.ts'
import { custom, type Json, ticketIdField } from './wire.ts'

export interface Payload {
  readonly wanted: readonly Wanted[]
  /** Of a new incident: artifacts, comments. */
  readonly lists: Json
  readonly fields: Fields | undefined
}

export interface PayloadOptions {
  readonly known: KnownFields
  readonly rendered: Json
  /** Changes values in view of the fields, such as a close code. */
  readonly adjust?: (values: Values, fields: Fields | undefined) => Values
  readonly signal: AbortSignal
}

/**
 * Checked against the fields that the organisation has; they are read anew before anything is refused.
 * @returns problems, each of which names a field
 */
export function checkedPayload(options: PayloadOptions): Promise<Checked<Payload>> {
  const { known, rendered, adjust = (values) => values, signal } = options
  return known.checked((fields) => {
    const { values, lists } = flattened(rendered, fields)
    const wanted: Wanted[] = []
    const problems: string[] = []
    for (const [key, given] of adjust(values, fields)) {
      if (problems.length === mostProblems) break
      const field = fields?.get(key)
      const problem = fields === undefined ? undefined : problemOf(key, field, fields)
      const wire = wireValue(field, given)
      if (problem !== undefined) problems.push(problem)
      else if ('problem' in wire) problems.push(wire.problem)
      else wanted.push({ key, given, wire: wire.value })
    }
    return { value: { wanted, lists, fields }, problems }
  }, signal)
}

/** More help nobody, and each is looked for among all fields. */
const mostProblems = 20

/** @param name of the template @throws Refused */
export async function payload(name: string, options: PayloadOptions): Promise<Payload> {
  const { value, problems } = await checkedPayload(options)
  if (problems.length > 0) throw new Refused(refusalWords(name, problems))
  return value
}

export function refusalWords(name: string, problems: readonly string[]): string {
  return `template ${name}: ${problems.join('; ')}`
}

function problemOf(key: string, field: Field | undefined, fields: Fields): string | undefined {
  if (field === undefined) return missingField(key, fields)
  return field.readOnly ? `the field ${key} can not be written` : undefined
}

/** In words for users, with what they can do. */
export function missingField(key: string, fields: Fields): string {
  const missing = `IBM SOAR has no field ${key}`
  if (neededFields.some(({ name }) => custom(name) === key)) {
    return `${missing}: \`feed-server install-fields BRIDGE\` makes it`
  }
  const known = [...fields.values()]
  const meant = didYouMean(
    key.slice(key.indexOf('.') + 1),
    known.map(({ name }) => name),
  )
  const like = known.find(({ name }) => name === meant)
  return like === undefined ? missing : `${missing}; did you mean ${like.key}?`
}

/** @throws Refused where the template gives another ticket: it could not be found again */
export function withTicketId(values: Values, ticketId: string): Values {
  const key = custom(ticketIdField)
  const given = values.get(key)
  if (given !== undefined && given !== null && given !== '' && String(given) !== ticketId) {
    throw new Refused(
      `template escalate: ${key} must be the id of the ticket, ${ticketId}, not "${String(given)}": the incident is found by it`,
    )
  }
  return new Map([...values, [key, ticketId]])
}
