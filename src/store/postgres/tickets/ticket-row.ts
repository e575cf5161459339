/** Tickets and effects as the database has them. */
import type { RawTicket } from '../../../model/ticket.ts'
import type { TicketChange } from '../../ticket-store.ts'
import type { Effect, LinkedIncident, NewEffect, TicketRecord } from '../../tickets.ts'
import type { Parameters } from '../parameters.ts'
import type { Queryable } from '../queryable.ts'
import { columnJson, columnText, timeText } from '../values.ts'
import { bridgeNumber, ticketUnknown } from './bridge-row.ts'

/** Of `ticket t` and `bridge b`. */
export const ticketColumnsWith = (
  raw: string,
) => `b.name as bridge, t.id as "ticketId", ${raw} as raw, t.status, t.title, t.state, t.reason, t.revision,
  t.planned_revision as "plannedRevision", t.planned_closed as "plannedClosed", t.incident_id, t.incident_url,
  t.incident_status, t.closed_by as "closedBy", t.memory, t.first_seen_at as "firstSeenAt",
  t.last_seen_at as "lastSeenAt"`
export const ticketColumns = ticketColumnsWith('t.raw')

export interface TicketRow extends Omit<TicketRecord, 'raw' | 'memory' | 'incident'> {
  /** null: the caller has it. */
  readonly raw: string | null
  readonly memory: string
  readonly incident_id: string | null
  readonly incident_url: string | null
  readonly incident_status: LinkedIncident['status'] | null
}

export function ticketOf(row: TicketRow, had?: RawTicket): TicketRecord {
  const { raw, memory, incident_id: id, incident_url: url, incident_status: status, ...record } = row
  return {
    ...record,
    raw: raw === null && had !== undefined ? had : (JSON.parse(raw ?? '{}') as RawTicket),
    memory: JSON.parse(memory) as TicketRecord['memory'],
    incident: id === null || status === null ? null : { id, url, status },
  }
}

/** Of `effect e` and `bridge b`. Times as texts of the database, so that they are the same within JSON. */
export const effectColumns = `e.id, b.name as bridge, e.ticket as "ticketId", e.kind, e.key, e.payload, e.state, e.attempts,
  e.probes, e.due_at::text as "dueAt", e.ambiguous_since::text as "ambiguousSince", e.reference, e.error,
  e.created_at::text as "createdAt", e.updated_at::text as "updatedAt"`

export interface EffectRow extends Omit<Effect, 'payload'> {
  readonly payload: string
}

export function effectOf({
  payload,
  dueAt,
  ambiguousSince,
  createdAt,
  updatedAt,
  ...row
}: EffectRow): Effect {
  return {
    ...row,
    payload: JSON.parse(payload) as unknown,
    dueAt: timeText(dueAt),
    ambiguousSince: ambiguousSince === null ? null : timeText(ambiguousSince),
    createdAt: timeText(createdAt),
    updatedAt: timeText(updatedAt),
  }
}

/** For `newEffectColumns`. Their order is that of the ids they get. */
export function newEffectsJson(effects: readonly NewEffect[]): string {
  return columnJson(
    effects.map(({ kind, key, payload }, n) => ({ n, kind, key, payload: JSON.stringify(payload ?? null) })),
  )
}

/** Part of a statement: the effects that are new. @param ticket a query for `bridge` and `id` of the ticket, locked */
export const insertEffectsSql = (ticket: string, json: string, now: string) =>
  `insert into effect (bridge, ticket, kind, key, payload, due_at, created_at, updated_at)
   select t.bridge, t.id, a.kind, a.key, a.payload, ${now}, ${now}, ${now}
   from (${ticket}) t, json_to_recordset(${json}::json) as a (n integer, kind text, key text, payload text)
   order by a.n on conflict (bridge, ticket, kind, key) do nothing
   returning bridge, state`

/** What a change writes into the row of a ticket. */
export interface Assigned {
  /** `state = $8, reason = $9`; empty: nothing. */
  readonly sql: string
  /** Whether it changes anything of `ticket t`. */
  readonly differs: string
  /** The same, of what is told of a ticket. */
  readonly differsVisibly: string
  /** Where it writes the state. */
  readonly state: string | null
}

export function assigned(change: TicketChange, given: Parameters): Assigned {
  const { state, reason, incident, closedBy, memory } = change
  const add = (name: string, value: string | null) => ({
    name,
    place: `${given.add(value === null ? null : columnText(value))}::text`,
  })
  const visible = [
    ...(state === undefined ? [] : [add('state', state)]),
    ...(reason === undefined ? [] : [add('reason', reason)]),
    ...(incident === undefined
      ? []
      : [
          add('incident_id', incident?.id ?? null),
          add('incident_url', incident?.url ?? null),
          add('incident_status', incident?.status ?? null),
        ]),
    ...(closedBy === undefined ? [] : [add('closed_by', closedBy)]),
  ]
  const all = [...visible, ...(memory === undefined ? [] : [add('memory', JSON.stringify(memory))])]
  const differs = (columns: typeof all) =>
    columns.length === 0
      ? 'false'
      : `(${columns.map(({ name }) => `t.${name}`).join()}) is distinct from (${columns.map(({ place }) => place).join()})`
  return {
    sql: all.map(({ name, place }) => `${name} = ${place}`).join(', '),
    differs: differs(all),
    differsVisibly: differs(visible),
    state: visible.find(({ name }) => name === 'state')?.place ?? null,
  }
}

/** Nobody else changes it, or what belongs to it, until the transaction ends. @returns undefined: there is no such ticket */
export async function lockTicket(
  transaction: Queryable,
  bridge: number,
  ticketId: string,
): Promise<{ readonly state: TicketRecord['state'] } | undefined> {
  const [row] = await transaction.query<{ state: TicketRecord['state'] }>(
    'select state from ticket where bridge = $1 and id = $2 for no key update',
    [bridge, columnText(ticketId)],
  )
  return row
}

/** @throws ServiceError BRIDGE_UNKNOWN, TICKET_UNKNOWN */
export async function lockedTicket(transaction: Queryable, name: string, ticketId: string) {
  const bridge = await bridgeNumber(transaction, name)
  const row = await lockTicket(transaction, bridge, ticketId)
  if (row === undefined) throw ticketUnknown(name, ticketId)
  return { bridge, ...row }
}

/** What comes of a ticket from outside of the work at it: it is due at once, and looked at again by whoever works at it. */
export const stirSql = (now: string) => `due_at = least(due_at, ${now}), stirred = stirred + 1`
