/** An incident as the bridge knows it, of what the API gives. Pure. */
import { exactId } from '../../model/exact-number.ts'
import { isObject } from '../../upstream/json.ts'
import type { Incident, IncidentClosing } from '../incident-sink.ts'
import type { Fields } from './fields.ts'
import { textOf } from './html.ts'
import { unreadable } from './refusal.ts'
import { valueIn } from './values.ts'
import { closeCodeField, custom, type Row, ticketIdField } from './wire.ts'

export function isClosed(row: Row): boolean {
  const status = isObject(row.plan_status) ? (row.plan_status.id ?? row.plan_status.name) : row.plan_status
  return status === 'C' || status === 'Closed'
}

export function ticketIdOf(row: Row): string | undefined {
  const id = valueIn(row, custom(ticketIdField))
  return typeof id === 'string' && id.trim() !== '' ? id.trim() : undefined
}

/** Whether the row has what a closing is told by: some `return_level`s leave it out. */
export function tellsClosing(row: Row): boolean {
  return 'end_date' in row && 'resolution_summary' in row && isObject(row.properties)
}

/** @param fields to name a close code that came as a number */
export function incidentOf(row: Row, url: string, fields?: Fields): Incident {
  const id = exactId(row.id)
  if (id === undefined) throw unreadable('an incident without an id')
  if (!isClosed(row)) return { id, url, status: 'open' }
  return { id, url, status: 'closed', closing: closingOf(row, fields) }
}

function closingOf(row: Row, fields: Fields | undefined): IncidentClosing {
  const code = labelOf(valueIn(row, custom(closeCodeField)), fields)
  const summary = textOf(row.resolution_summary).trim()
  // A change after closing does not make it another closing, where the server tells when it was closed.
  const key = exactId(row.end_date) ?? `v${exactId(row.vers) ?? '0'}`
  return { key, ...(code !== undefined && { code }), ...(summary !== '' && { summary }) }
}

export function hasNumberedCode(row: Row): boolean {
  return typeof valueIn(row, custom(closeCodeField)) === 'number'
}

function labelOf(value: unknown, fields: Fields | undefined): string | undefined {
  const label = isObject(value) ? value.name : value
  if (typeof label === 'string') return label.trim() === '' ? undefined : label
  const options = fields?.get(custom(closeCodeField))?.options ?? []
  return options.find((option) => option.value === value && value !== null)?.label
}

/** Milliseconds. */
export function modifiedAt(row: Row): number | undefined {
  const at = row.inc_last_modified_date
  return typeof at === 'number' && Number.isSafeInteger(at) && at >= 0 ? at : undefined
}

/** @throws UpstreamError unreadable */
export function versionOf(row: Row): number {
  const { vers } = row
  if (typeof vers === 'number' && Number.isSafeInteger(vers)) return vers
  throw unreadable('an incident without its version ("vers")')
}
