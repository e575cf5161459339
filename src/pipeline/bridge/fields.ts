/** The incident's fields, and whether it is open: rendered from the ticket as it is when this is carried out. */
import type { TicketChange } from '../../store/ticket-store.ts'
import type { Effect } from '../../store/tickets.ts'

import { type Carried, type Carrying, callOf, incidentOf } from './carry.ts'
import { before } from './outcome.ts'

export async function carryOutPatch(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, work } = carrying
  const { id } = incidentOf(carrying)
  const { memory, events } = await bridge.sink.update(id, ticket, work.ticket.memory, callOf(carrying))
  return { state: 'done', change: { memory }, events, others: overtaken(carrying, ['patch']) }
}

export async function carryOutClose(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, work } = carrying
  if (!ticket.closed) return notAnyMore(carrying, 'the ticket is open again')
  const incident = incidentOf(carrying)
  const { memory, events } = await bridge.sink.close(
    incident.id,
    ticket,
    work.ticket.memory,
    callOf(carrying),
  )
  const isNew = incident.status !== 'closed'
  return {
    state: 'done',
    change: {
      memory,
      incident: { ...incident, status: 'closed' },
      ...(isNew && { closedBy: 'ticket' }),
    },
    events: isNew ? [...events, { kind: 'closed', detail: 'the incident was closed' }] : events,
    others: overtaken(carrying, ['close', 'reopen']),
  }
}

export async function carryOutReopen(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, work } = carrying
  if (ticket.closed) return notAnyMore(carrying, 'the ticket is closed again')
  const incident = incidentOf(carrying)
  const { memory, events } = await bridge.sink.reopen(
    incident.id,
    ticket,
    work.ticket.memory,
    callOf(carrying),
  )
  return {
    state: 'done',
    change: { memory, incident: { ...incident, status: 'open' }, closedBy: null },
    events: [...events, { kind: 'reopened', detail: 'the incident was opened again' }],
    others: overtaken(carrying, ['close', 'reopen']),
  }
}

/** What an earlier try may have done is looked at, so that nobody else is taken for who did it. */
async function notAnyMore(carrying: Carrying, error: string): Promise<Carried> {
  const change = await whatIsThere(carrying)
  return { state: 'skipped', error, ...(change !== undefined && { change }) }
}

async function whatIsThere(carrying: Carrying): Promise<TicketChange | undefined> {
  const { bridge, effect, signal } = carrying
  const incident = incidentOf(carrying)
  // Not begun: whatever is there is somebody else's.
  const mayBeOurs = effect.attempts > 0 || effect.state === 'ambiguous'
  if (!mayBeOurs || !bridge.sink.readable) return undefined
  const seen = await before(bridge.sink.read(incident.id, signal))
  if (seen === undefined || seen.status === incident.status) return undefined
  const { status } = seen
  return { incident: { ...incident, status }, closedBy: status === 'closed' ? 'ticket' : null }
}

/** Earlier ones that wanted an older state of the same, dead ones too: it is there, or was overtaken. */
function overtaken({ work, effect }: Carrying, kinds: readonly Effect['kind'][]) {
  return work.open
    .filter(({ id, kind, state }) => id < effect.id && state === 'dead' && kinds.includes(kind))
    .map((earlier) => ({
      effect: earlier,
      state: 'skipped' as const,
      error: `${earlier.error ?? ''} (a later one was carried out)`.trim(),
    }))
}
