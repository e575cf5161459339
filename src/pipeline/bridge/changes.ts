/** Reads what people did to incidents, for their tickets: closings, openings and comments. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import { ClaimLost } from '../../store/store.ts'
import type { TicketStore } from '../../store/ticket-store.ts'
import type { TicketRecord } from '../../store/tickets.ts'
import { type Incident, IncidentGone } from '../../tickets/incident-sink.ts'
import { Refused } from '../../tickets/refused.ts'
import { isStoreAway } from '../persistently.ts'
import type { Bridge } from './bridge.ts'
import { placeOf, placeText } from './changes-place.ts'
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
 * is read again the next time, and keeps no other one from being taken. An incident that the sink refuses to show is
 * asked for by itself each time, so that the others need not be read again with it.
 * @throws ClaimLost, UpstreamError; other errors are faults
 */
export async function readChanges(
  bridge: Bridge,
  claim: number,
  context: ChangesContext,
  signal: AbortSignal,
): Promise<void> {
  const { store, log, now } = context
  const stored = (await store.changeCursor(bridge.name)).cursor
  const { cursor, left: earlier } = placeOf(stored)
  const left = new Set(earlier)
  let failure: { readonly error: unknown } | undefined
  const attempt = async (names: Names, take: () => Promise<void>, onFinal: (error: unknown) => void) => {
    try {
      await take()
    } catch (error) {
      if (signal.aborted || !isOfOne(error)) throw error
      tellOfFailure(error, names, log)
      if (isFinal(error)) onFinal(error)
      else failure ??= { error }
    }
  }
  const leave = (id: string) => (error: unknown) => {
    if (left.size < mostLeft) left.add(id)
    else failure ??= { error }
  }
  for (const incident of earlier) {
    const again = async () => {
      if (await isSettled(bridge, incident, context, signal)) left.delete(incident)
    }
    await attempt({ incident }, again, leave(incident))
  }
  for await (const page of bridge.sink.changes(cursor, signal)) {
    for (const { ticketId: ticket, incident } of page.changes) {
      const record = await store.ticket(bridge.name, ticket)
      // A second incident of the ticket is none of ours.
      if (record?.incident?.id !== incident.id) continue
      const names = { ticket, incident: incident.id }
      const turn = () => takeState(bridge, record, incident, context, signal)
      await attempt(names, turn, leave(incident.id))
      if (bridge.rules.commentPrefix === '') continue
      const comments = () => takeComments(bridge, record, incident, context, signal)
      // The next change of the incident shows all of them again.
      await attempt(names, comments, () => {})
    }
    if (failure !== undefined) continue
    const next = placeText({ cursor: page.cursor, left: [...left] })
    await store.saveChangeCursor(bridge.name, claim, next, new Date(now()))
  }
  if (failure !== undefined) throw failure.error
}

/** Beyond, the cursor does not move on. */
const mostLeft = 1000

/** Whether the other incidents may go better. */
function isOfOne(error: unknown): boolean {
  if (error instanceof ClaimLost || isStoreAway(error)) return false
  if (!(error instanceof UpstreamError)) return true
  const { kind, needsMending, status } = error
  return !needsMending && kind !== 'throttled' && (status !== undefined || kind !== 'unavailable')
}

interface Names {
  readonly ticket?: string
  readonly incident: string
}

function tellOfFailure(error: unknown, names: Names, log: Logger): void {
  const what = 'a change of an incident could not be taken'
  if (error instanceof UpstreamError) log.warn({ reason: error.sentence, ...names }, what)
  else if (error instanceof IncidentGone || error instanceof Refused) log.warn(names, what)
  else log.error({ err: error, ...names }, what)
}

/** Reading it again gives the same. */
function isFinal(error: unknown): boolean {
  if (error instanceof UpstreamError) return error.kind === 'rejected' || error.kind === 'unreadable'
  return error instanceof IncidentGone || error instanceof Refused
}

async function takeState(
  bridge: Bridge,
  record: TicketRecord,
  incident: Incident,
  context: ChangesContext,
  signal: AbortSignal,
): Promise<void> {
  if (turnOf(record, incident) === undefined || (await isOurs(bridge, record.ticketId, context.store))) return
  // The page may be older than what we did, and noted, ourselves.
  const now = await bridge.sink.read(incident.id, signal)
  if (now !== undefined) await takeTurn(bridge, record, now, context)
}

/** One that was left earlier. @returns whether it need not be looked at once more */
async function isSettled(
  bridge: Bridge,
  incidentId: string,
  context: ChangesContext,
  signal: AbortSignal,
): Promise<boolean> {
  const { store } = context
  const ticketId = await store.ticketOfIncident(bridge.name, incidentId)
  const record = ticketId === undefined ? undefined : await store.ticket(bridge.name, ticketId)
  if (record === undefined) return true
  if (await isOurs(bridge, record.ticketId, store)) return false
  const now = await bridge.sink.read(incidentId, signal)
  if (now !== undefined) await takeTurn(bridge, record, now, context)
  return true
}

/** Of one ticket, that are looked through. */
const mostComments = 10_000

async function takeComments(
  { name, desk, sink }: Bridge,
  { ticketId, raw }: TicketRecord,
  incident: Incident,
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
