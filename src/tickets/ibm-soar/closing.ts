/** What a closed ticket writes into its incident: the close template, the close code, why it was closed. Pure. */
import type { Ticket } from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import { Refused } from '../refused.ts'
import { type MappedCode, sinkCode } from './close-code.ts'
import { type Field, type Fields, labelLike, labelsOf } from './fields.ts'
import { asHtml, squeezed, textOf } from './html.ts'
import { isEmpty, listed, type Values, valueIn } from './values.ts'
import { closeCodeField, custom, type Row, statusField } from './wire.ts'

const codeKey = custom(closeCodeField)
const statusKey = custom(statusField)
const summaryKey = 'resolution_summary'

interface Closing {
  readonly ticket: Ticket
  readonly closeMap: Readonly<Record<string, string>>
}

/** @throws Refused */
export function codeOf({ ticket, closeMap }: Closing, fields: Fields | undefined): MappedCode {
  const field = fields?.get(codeKey)
  return sinkCode(ticket.closingReason, closeMap, fields && labelsOf(field))
}

/**
 * The values of a rendered close template as they are to be: a close code that is one of the field's or none, the
 * reason in the summary where no code tells it, and the ticket's status, by which the public app's rule knows that
 * it need not close the ticket.
 * @throws Refused
 */
export function closingValues(closing: Closing, values: Values, fields: Fields | undefined): Values {
  const { ticket } = closing
  const adjusted = new Map(values)
  adjusted.delete('plan_status')
  const code = codeFor(closing, values, fields)
  if (code.label === undefined) adjusted.delete(codeKey)
  else adjusted.set(codeKey, code.label)
  const reason = ticket.closingReason
  if (reason !== undefined && !code.isExact) {
    adjusted.set(summaryKey, withReason(adjusted.get(summaryKey), reason))
  }
  const hasStatusField = fields === undefined || fields.has(statusKey)
  if (isEmpty(adjusted.get(statusKey)) && ticket.status !== undefined && hasStatusField) {
    adjusted.set(statusKey, ticket.status)
  }
  return adjusted
}

/** A template of the public app writes the reason itself into the field; None and nothing are no reason. */
function codeFor(closing: Closing, values: Values, fields: Fields | undefined): MappedCode {
  const mapped = codeOf(closing, fields)
  const given = values.get(codeKey)
  const text = String((isObject(given) ? given.name : given) ?? '').trim()
  // A template may do without the field; where it exists, what the map says holds all the same.
  if (text === '' || text === 'None') {
    return fields === undefined || fields.has(codeKey) ? mapped : { label: undefined, isExact: false }
  }
  if (text === mapped.label) return mapped
  const labels = fields && labelsOf(fields.get(codeKey))
  const label = labelLike(labels ?? [], text)
  return label === undefined ? sinkCode(text, closing.closeMap, labels) : { label, isExact: true }
}

/** The summary with the reason in it, unless it holds it already. */
function withReason(summary: unknown, reason: string): unknown {
  if (squeezed(textOf(summary)).toLowerCase().includes(squeezed(reason).toLowerCase())) return summary
  const words = `Closing reason in Secureworks: ${reason}`
  if (isEmpty(summary)) return { format: 'text', content: words }
  const content = isObject(summary) ? String(summary.content) : String(summary)
  const isHtml = isObject(summary) ? summary.format !== 'text' : /<[a-z/][^<>]*>/i.test(content)
  return isHtml
    ? { format: 'html', content: `${content}<br />${asHtml(words)}` }
    : { format: 'text', content: `${content}\n${words}` }
}

/**
 * Fields that SOAR wants of a closed incident.
 * @param written by their keys
 * @throws Refused naming those that neither the incident has nor the patch writes, with what they take
 */
export function requireClosing(
  fields: Fields | undefined,
  row: Row,
  written: ReadonlyMap<string, unknown>,
): void {
  const missing = closeFields(fields).filter(({ key }) =>
    isEmpty(written.has(key) ? written.get(key) : valueIn(row, key)),
  )
  if (missing.length === 0) return
  const named = missing.map((field) => `${field.key}${takes(field)}`).join(', ')
  throw new Refused(
    `IBM SOAR closes no incident without ${named}: have the close template fill it${
      missing.some(({ key }) => key === codeKey) ? ', or give closeMap a label for the reason' : ''
    }`,
  )
}

export function closeFields(fields: Fields | undefined): readonly Field[] {
  return [...(fields?.values() ?? [])].filter(({ required, readOnly }) => required === 'close' && !readOnly)
}

function takes(field: Field): string {
  const labels = labelsOf(field)
  return labels.length === 0 ? ` (${field.inputType})` : ` (one of ${listed(labels)})`
}
