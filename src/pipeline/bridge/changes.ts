/** Reads what people did to incidents, for their tickets: closings, openings and comments. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import { ClaimLost } from '../../store/store.ts'
import type { TicketRecord, TicketStore } from '../../store/ticket-store.ts'
import { IncidentGone, type SinkChange } from '../../tickets/incident-sink.ts'
import { Refused } from '../../tickets/refused.ts'
import { isStoreAway } from '../persistently.ts'
import type { Bridge } from './bridge.ts'
import { ticketComment } from './effects.ts'
import { isOurs, takeTurn, turnOf } from './incident-state.ts'

export interface ChangesContext {
  readonly store: TicketStore
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
}

/**
 * From where it was read last, up to now. The cursor moves past what was taken alone: a change that can't be taken yet
 * is read again the next time, and keeps no other one from being taken.
 * @throws ClaimLost, UpstreamError; other errors are faults
 */
export async function readChanges(
  bridge: Bridge,
  claim: number,
  context: ChangesContext,
  signal: AbortSignal,
): Promise<void> {
  const { store, log, now } = context
  const { cursor } = await store.changeCursor(bridge.name)
  let failure: { readonly error: unknown } | undefined
  for await (const page of bridge.sink.changes(cursor, signal)) {
    for (const change of page.changes) {
      try {
        await takeChange(bridge, change, context, signal)
      } catch (error) {
        if (signal.aborted || !isOfOne(error)) throw error
        tellOfFailure(error, change, log)
        if (!isFinal(error)) failure ??= { error }
      }
    }
    if (failure === undefined) await store.saveChangeCursor(bridge.name, claim, page.cursor, new Date(now()))
  }
  if (failure !== undefined) throw failure.error
}

/** Whether the other incidents may go better. */
function isOfOne(error: unknown): boolean {
  if (error instanceof ClaimLost || isStoreAway(error)) return false
  if (!(error instanceof UpstreamError)) return true
  const { kind, needsMending, status } = error
  return !needsMending && kind !== 'throttled' && (status !== undefined || kind !== 'unavailable')
}

function tellOfFailure(error: unknown, { ticketId: ticket, incident }: SinkChange, log: Logger): void {
  const what = 'a change of an incident could not be taken'
  const names = { ticket, incident: incident.id }
  const isForeseen =
    error instanceof UpstreamError || error instanceof IncidentGone || error instanceof Refused
  if (isForeseen) log.warn({ reason: error.message, ...names }, what)
  else log.error({ err: error, ...names }, what)
}

/** Reading it again gives the same. */
function isFinal(error: unknown): boolean {
  if (error instanceof UpstreamError) return error.kind === 'rejected' || error.kind === 'unreadable'
  return error instanceof IncidentGone || error instanceof Refused
}

async function takeChange(
  bridge: Bridge,
  { ticketId, incident }: SinkChange,
  context: ChangesContext,
  signal: AbortSignal,
): Promise<void> {
  const { store } = context
  const record = await store.ticket(bridge.name, ticketId)
  // A second incident of the ticket is none of ours.
  if (record?.incident?.id !== incident.id) return
  if (turnOf(record, incident) !== undefined && !(await isOurs(bridge, ticketId, store))) {
    // The page may be older than what we did, and noted, ourselves.
    const now = await bridge.sink.read(incident.id, signal)
    if (now !== undefined) await takeTurn(bridge, record, now, context)
  }
  if (bridge.rules.commentPrefix !== '') await takeComments(bridge, record, incident, context, signal)
}

/** Of one ticket, that are looked through. */
const mostComments = 10_000

async function takeComments(
  { name, desk, sink }: Bridge,
  { ticketId, raw }: TicketRecord,
  incident: SinkChange['incident'],
  { store, now }: ChangesContext,
  signal: AbortSignal,
): Promise<void> {
  const comments = await sink.comments(incident, desk.ticketOf(ticketId, raw), signal)
  if (comments.length === 0) return
  const kinds = ['ctp_worklog'] as const
  const earlier = await store.effects({ bridges: [name], ticketId, kinds, limit: mostComments })
  const known = new Set(earlier.map(({ key }) => key))
  const fresh = comments.filter(({ id }) => !known.has(id)).map((each) => ticketComment(ticketId, each))
  if (fresh.length > 0) await store.addEffects(name, ticketId, fresh, undefined, new Date(now()))
}
