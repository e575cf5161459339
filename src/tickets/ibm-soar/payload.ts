/** What a rendered template becomes before it goes to SOAR: fields that exist, values that they take. */
import { Refused } from '../refused.ts'
import type { Checked, Field, Fields, KnownFields } from './fields.ts'
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
      const field = fields?.get(key)
      const problem = fields === undefined ? undefined : problemOf(key, field)
      const wire = wireValue(field, given)
      if (problem !== undefined) problems.push(problem)
      else if ('problem' in wire) problems.push(wire.problem)
      else wanted.push({ key, given, wire: wire.value })
    }
    return { value: { wanted, lists, fields }, problems }
  }, signal)
}

/** @param name of the template @throws Refused */
export async function payload(name: string, options: PayloadOptions): Promise<Payload> {
  const { value, problems } = await checkedPayload(options)
  if (problems.length > 0) throw new Refused(refusalWords(name, problems))
  return value
}

export function refusalWords(name: string, problems: readonly string[]): string {
  return `template ${name}: ${problems.join('; ')}`
}

function problemOf(key: string, field: Field | undefined): string | undefined {
  if (field === undefined) return missingField(key)
  return field.readOnly ? `the field ${key} can not be written` : undefined
}

/** In words for users. */
export function missingField(key: string): string {
  const hint = key.startsWith(custom('scwx_ctp_')) ? ': `feed-server install-fields BRIDGE` makes it' : ''
  return `IBM SOAR has no field ${key}${hint}`
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
