/** What is done to an incident: made, changed, closed, opened again. Each reads before it writes but the first. */
import { UpstreamError } from '../../errors.ts'
import type { Ticket } from '../../model/ticket.ts'
import { isObject } from '../../upstream/json.ts'
import type { Applied, Incident, SinkMemory } from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import type { Patched, SoarClient } from './client.ts'
import { closingValues, codeOf, requireClosing } from './closing.ts'
import type { Fields, KnownFields } from './fields.ts'
import { incidentOf, isClosed, versionOf } from './incident.ts'
import { analystFields, type FieldPolicy, type Merged, merge } from './merge.ts'
import { type Payload, payload, withTicketId } from './payload.ts'
import type { Templates } from './render.ts'
import type { IbmSoarSettings } from './settings.ts'
import { flattened, isEmpty, isEqualJson, nested, valueIn } from './values.ts'
import { type FieldChange, idOf, type Json, patchBody, type Row, service } from './wire.ts'

export interface Writing {
  readonly client: SoarClient
  readonly known: KnownFields
  readonly templates: Templates
  readonly settings: Pick<IbmSoarSettings, 'closeMap'>
  readonly policyOf: (key: string) => FieldPolicy
}

/** Conflicts with somebody's edit in one call; then it is left for later. */
const mostConflicts = 3

/** @throws Refused, UpstreamError, as all here */
export async function createIncident(
  { client, known, templates }: Writing,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<Applied & { readonly incident: Incident }> {
  const rendered = templates.fields('escalate', ticket, {})
  const { wanted, lists, fields } = await payload('escalate', {
    known,
    rendered,
    adjust: (values) => withTicketId(values, ticket.id),
    signal,
  })
  const present = wanted.filter(({ wire }) => wire !== null)
  requireAlways(
    fields,
    present.map(({ key, wire }) => [key, wire]),
  )
  const body = { ...nested(present.map(({ key, wire }) => [key, wire])), ...lists }
  const row = await client.create(body, signal)
  const incident = incidentOf(row, await client.urlOf(idOf(row) ?? '', signal))
  const given = Object.fromEntries(wanted.map((each) => [each.key, each.given]))
  return { incident, memory: memoryOf({ ...firstValues(row), ...given }), events: [] }
}

/** What SOAR fills in by itself, such as a severity, is no edit of an analyst. */
function firstValues(row: Row): Json {
  const values = [...analystFields].map((key) => [key, valueIn(row, key)] as const)
  return Object.fromEntries(values.filter(([, value]) => !isEmpty(value)))
}

/** @throws Refused */
function requireAlways(fields: Fields | undefined, values: readonly (readonly [string, unknown])[]): void {
  const given = new Map(values)
  const names = ['name', 'discovered_date']
  const always = [...(fields?.values() ?? [])]
    .filter(({ required, readOnly, options }) => required === 'always' && !readOnly && options.length === 0)
    .map(({ key }) => key)
  const missing = [...new Set([...names, ...always])].filter((key) => isEmpty(given.get(key)))
  if (missing.length === 0) return
  throw new Refused(
    `template escalate: IBM SOAR makes no incident without ${missing.join(', ')}, which it does not fill`,
  )
}

export async function updateIncident(
  writing: Writing,
  id: string,
  ticket: Ticket,
  memory: SinkMemory,
  signal: AbortSignal,
): Promise<Applied> {
  const rendered = writing.templates.fields('update', ticket, {})
  const remembered = fieldsOf(memory)
  const same = [...flattened(rendered, undefined).values].every(
    ([key, value]) => Object.hasOwn(remembered, key) && isEqualJson(remembered[key], value),
  )
  if (same) return { memory, events: [] }
  const updated = await payload('update', { known: writing.known, rendered, signal })
  const decide = (row: Row) => mergedInto(writing, updated, remembered, row)
  return patched(writing, { id, memory, signal, decide })
}

export async function closeIncident(
  writing: Writing,
  id: string,
  ticket: Ticket,
  memory: SinkMemory,
  signal: AbortSignal,
): Promise<Applied> {
  const { client, known, templates, settings } = writing
  const first = await client.incident(id, signal)
  if (isClosed(first)) return { memory, events: [] }
  const closing = { ticket, closeMap: settings.closeMap }
  const { label } = codeOf(closing, await known.get(signal))
  const rendered = templates.fields('close', ticket, { closeCode: label })
  const closed = await payload('close', {
    known,
    rendered,
    adjust: (values, fields) => closingValues(closing, values, fields),
    signal,
  })
  const decide = (row: Row): Merged | undefined => {
    if (isClosed(row)) return undefined
    const merged = mergedInto(writing, closed, fieldsOf(memory), row)
    requireClosing(closed.fields, row, written(closed, merged))
    const status: FieldChange = { field: 'plan_status', from: row.plan_status, to: 'C' }
    return { ...merged, changes: [status, ...merged.changes] }
  }
  return patched(writing, { id, first, memory, signal, decide })
}

export function reopenIncident(
  writing: Writing,
  id: string,
  memory: SinkMemory,
  signal: AbortSignal,
): Promise<Applied> {
  const decide = (row: Row): Merged | undefined => {
    if (!isClosed(row)) return undefined
    const status: FieldChange = { field: 'plan_status', from: row.plan_status, to: 'A' }
    return { changes: [status], events: [], fields: fieldsOf(memory) }
  }
  return patched(writing, { id, memory, signal, decide })
}

function mergedInto(
  { policyOf }: Writing,
  { wanted, fields }: Payload,
  remembered: Readonly<Record<string, unknown>>,
  row: Row,
): Merged {
  return merge({ wanted, remembered, row, fields, policyOf })
}

/** What of a payload is sent, by key. */
function written({ wanted }: Payload, { changes }: Merged): ReadonlyMap<string, unknown> {
  const names = new Set(changes.map(({ field }) => field))
  return new Map(
    wanted
      .filter(({ key }) => names.has(key.slice(key.indexOf('.') + 1)))
      .map(({ key, wire }) => [key, wire]),
  )
}

interface Patching {
  readonly id: string
  /** As it was just read. */
  readonly first?: Row
  readonly memory: SinkMemory
  readonly signal: AbortSignal
  /** @returns undefined: there is nothing to be done, and nothing to be remembered */
  readonly decide: (row: Row) => Merged | undefined
}

/** Reads, decides, writes; once more with what it reads then where somebody edited one of the fields in between. */
async function patched(
  { client }: Writing,
  { id, first, memory, signal, decide }: Patching,
): Promise<Applied> {
  for (let conflicts = 0; conflicts < mostConflicts; conflicts += 1) {
    const row = conflicts === 0 && first !== undefined ? first : await client.incident(id, signal)
    const merged = decide(row)
    if (merged === undefined) return { memory, events: [] }
    const applied = { memory: { ...memory, ...memoryOf(merged.fields) }, events: merged.events }
    if (merged.changes.length === 0) return applied
    if ((await patchOnce(client, id, row, merged.changes, signal)) === 'ok') return applied
  }
  throw new UpstreamError(
    'unavailable',
    `IBM SOAR: somebody edited the incident ${id} each of the ${mostConflicts} times that it was to be changed`,
    { service, status: 409 },
  )
}

/** A conflict of the database is worth the same patch once more, at once; then the bridge waits. */
async function patchOnce(
  client: SoarClient,
  id: string,
  row: Row,
  changes: readonly FieldChange[],
  signal: AbortSignal,
): Promise<Patched> {
  const body = patchBody(versionOf(row), changes)
  try {
    return await client.patch(id, body, signal)
  } catch (error) {
    if (!(error instanceof UpstreamError) || error.status !== 409) throw error
    return client.patch(id, body, signal)
  }
}

function fieldsOf(memory: SinkMemory): Json {
  return isObject(memory.fields) ? memory.fields : {}
}

function memoryOf(fields: Json): SinkMemory {
  return { fields }
}
