/** What an incident that somebody closed, or opened again, does to its ticket. */
import type { TicketStore } from '../../store/ticket-store.ts'
import type { LinkedIncident, TicketRecord } from '../../store/tickets.ts'
import type { Incident } from '../../tickets/incident-sink.ts'
import type { Bridge } from './bridge.ts'
import { ticketClosing } from './effects.ts'

export type IncidentStore = Pick<TicketStore, 'ticket' | 'effects' | 'addEffects' | 'setEffect'>

export interface IncidentContext {
  readonly store: IncidentStore
  /** Milliseconds since the epoch. */
  now(): number
}

export type Turn = 'closed' | 'reopened'

/** What is new of an incident to the bridge; undefined: nothing, or it is another incident than the ticket's. */
export function turnOf(
  { incident, closedBy }: Pick<TicketRecord, 'incident' | 'closedBy'>,
  seen: Incident,
): Turn | undefined {
  if (incident === null || incident.status === 'deleted' || incident.id !== seen.id) return undefined
  if (seen.status === 'open') return incident.status === 'closed' ? 'reopened' : undefined
  // What somebody closed may have been opened and closed once more meanwhile; what we closed is ours.
  return incident.status === 'open' || closedBy === 'incident' ? 'closed' : undefined
}

/**
 * Whether we are about to close or open the incident ourselves. Asked before the incident is read: what is read
 * afterwards and was not under way then is somebody's.
 */
export async function isOurs({ name }: Bridge, ticketId: string, store: IncidentStore): Promise<boolean> {
  const [underWay] = await store.effects({
    bridges: [name],
    ticketId,
    kinds: ['close', 'reopen'],
    states: ['pending', 'inflight', 'ambiguous', 'failed'],
    limit: 1,
  })
  return underWay !== undefined
}

/** @returns whether the ticket is due for something */
export async function takeTurn(
  bridge: Bridge,
  record: TicketRecord,
  seen: Incident,
  context: IncidentContext,
): Promise<boolean> {
  const turn = turnOf(record, seen)
  if (turn === undefined || record.incident === null) return false
  const incident = { ...record.incident, url: seen.url ?? record.incident.url, status: seen.status }
  return turn === 'closed'
    ? closed(bridge, record, { incident, seen }, context)
    : reopened(bridge, record, incident, context)
}

async function closed(
  { name, desk }: Bridge,
  record: TicketRecord,
  { incident, seen }: { readonly incident: LinkedIncident; readonly seen: Incident },
  { store, now }: IncidentContext,
): Promise<boolean> {
  const { ticketId, raw } = record
  const closing = ticketClosing(seen.closing ?? { key: 'closed' })
  const earlier = await store.effects({
    bridges: [name],
    ticketId,
    kinds: ['ctp_close'],
    limit: mostClosings,
  })
  const isKnown = earlier.some(({ key }) => key === closing.key)
  // One that was closed when it was found says nothing new of itself until it is closed once more.
  const isOld = isKnown || earlier.length === 0
  if (isOld && record.incident?.status === 'closed') return false
  // Both sides may have been closed at the same time.
  const effects = isKnown || desk.ticketOf(ticketId, raw).closed ? [] : [closing]
  // This one is in the place of those that were given up.
  const dead = effects.length === 0 ? [] : earlier.filter(({ state }) => state === 'dead')
  for (const { id } of dead) await store.setEffect(id, 'skip', new Date(now()))
  const state = record.state === 'error' ? {} : { state: 'closed' as const }
  const change = { ...state, incident, closedBy: 'incident' as const }
  return (await store.addEffects(name, ticketId, effects, change, new Date(now()))) > 0
}

async function reopened(
  { name }: Bridge,
  record: TicketRecord,
  incident: LinkedIncident,
  { store, now }: IncidentContext,
): Promise<boolean> {
  const { ticketId } = record
  // The ticket is not to be closed any more.
  const states = ['pending', 'failed', 'ambiguous', 'dead'] as const
  const kinds = ['ctp_close'] as const
  const waiting = await store.effects({ bridges: [name], ticketId, kinds, states, limit: mostClosings })
  for (const { id } of waiting) await store.setEffect(id, 'skip', new Date(now()))
  const state = record.state === 'closed' ? { state: 'open' as const } : {}
  await store.addEffects(name, ticketId, [], { ...state, incident, closedBy: null }, new Date(now()))
  return waiting.length > 0
}

/** Of one incident, that are looked through. */
const mostClosings = 1000
