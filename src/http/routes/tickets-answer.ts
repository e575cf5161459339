/** Bridges, polls, tickets and effects, from what the service gives to what is answered. */
import type { BridgeInfo, Bridges, TicketDetails } from '../../pipeline/bridge/bridges.ts'
import type { Health } from '../../store/health.ts'
import type { Poll } from '../../store/poll-store.ts'
import type { Effect, TicketRecord } from '../../store/tickets.ts'

export async function pollAnswer(poll: Poll, bridges: Pick<Bridges, 'pollEffects'>) {
  const { errors, ...rest } = poll
  return {
    ...rest,
    effects: await bridges.pollEffects(poll.id),
    error: errors[0] ?? null,
    ...(errors.length > 1 && { errors }),
  }
}

export async function bridgeAnswer(info: BridgeInfo, bridges: Pick<Bridges, 'pollEffects'>) {
  const { name, deskKind, sinkKind, desk, sink, tickets, effects, oldestPendingAt, poll } = info
  return {
    name,
    ticketDesk: endAnswer(deskKind, desk),
    incidentSink: endAnswer(sinkKind, sink),
    tickets,
    effects,
    oldestPendingAt,
    lastPoll: poll.last === undefined ? null : await pollAnswer(poll.last, bridges),
    nextPollAt: info.nextPollAt,
    lastChangesAt: info.changesAt,
    possibleGap: poll.gap,
  }
}

function endAnswer(kind: string, { circuit, error, failures, waitUntil }: Health) {
  return {
    kind,
    circuit,
    lastError: error === null ? null : { cause: error.cause, remedy: error.remedy, at: error.at },
    failures,
    waitUntil,
  }
}

export function effectAnswer(effect: Effect) {
  const { id, bridge, ticketId, kind, state, attempts, error, dueAt, reference, createdAt, updatedAt } =
    effect
  const waits = state === 'pending' || state === 'failed' || state === 'ambiguous'
  return {
    id: String(id),
    bridge,
    ticketId,
    kind,
    state,
    attempts,
    error,
    dueAt: waits ? dueAt : null,
    reference,
    createdAt,
    updatedAt,
  }
}

export function ticketSummary(ticket: TicketRecord) {
  const { bridge, ticketId, state, reason, incident, firstSeenAt, lastSeenAt, status, title } = ticket
  return { bridge, ticketId, state, reason, status, title, incident, firstSeenAt, lastSeenAt }
}

export function ticketAnswer({ ticket, versions, effects, events }: TicketDetails) {
  return {
    ...ticketSummary(ticket),
    raw: ticket.raw,
    versions,
    effects: effects.map(effectAnswer),
    events,
  }
}
