/** Looks at one incident that the sink told of, so that a closing does not wait for the next look at all changes. */
import type { TicketStore } from '../../store/ticket-store.ts'
import type { TicketRecord } from '../../store/tickets.ts'
import type { Incident } from '../../tickets/incident-sink.ts'
import type { Bridge } from './bridge.ts'
import type { Told } from './bridges.ts'
import { type IncidentContext, isOurs, takeTurn, turnOf } from './incident-state.ts'

export interface HookContext extends IncidentContext {
  readonly store: TicketStore
}

/** The ticket whose incident it is; undefined: none of ours. */
export async function ticketTold(
  { name }: Bridge,
  incidentId: string,
  store: TicketStore,
): Promise<TicketRecord | undefined> {
  const ticketId = await store.ticketOfIncident(name, incidentId)
  return ticketId === undefined ? undefined : store.ticket(name, ticketId)
}

/**
 * Costs the sink at most one read. An incident that is not closed changes nothing.
 * @returns whether the ticket is due for something @throws UpstreamError
 */
export async function lookAtIncident(
  bridge: Bridge,
  record: TicketRecord,
  told: Told,
  context: HookContext,
  signal: AbortSignal,
): Promise<boolean> {
  if (record.incident === null || (await isOurs(bridge, record.ticketId, context.store))) return false
  const seen = bridge.sink.readable
    ? await bridge.sink.read(record.incident.id, signal)
    : await toldOf(bridge, record, told, context.store)
  if (seen === undefined || turnOf(record, seen) !== 'closed') return false
  return takeTurn(bridge, record, seen, context)
}

/**
 * A sink that can't be asked tells of closings alone, and may tell of one twice: nothing new, unless the ticket could not
 * be closed before, for want of the right code.
 */
async function toldOf(
  { name }: Bridge,
  { ticketId, incident }: TicketRecord,
  { closeCode, summary }: Told,
  store: TicketStore,
): Promise<Incident | undefined> {
  if (incident === null || incident.status === 'deleted') return undefined
  const earlier = await store.effects({ bridges: [name], ticketId, kinds: ['ctp_close'], limit: 1000 })
  if (incident.status === 'closed' && earlier.at(-1)?.state !== 'dead') return undefined
  const closing = {
    key: `hook ${earlier.length + 1}`,
    ...(closeCode !== undefined && { code: closeCode }),
    ...(summary !== undefined && { summary }),
  }
  return { id: incident.id, url: incident.url, status: 'closed', closing }
}
