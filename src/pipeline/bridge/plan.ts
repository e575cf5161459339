/** What is to be done for a ticket that is new or changed. Pure. */
import type { BridgeRules } from '../../config/model.ts'
import { isFromIncident, type Ticket } from '../../model/ticket.ts'
import type { Step, TicketChange } from '../../store/ticket-store.ts'
import type { Effect, NewEffect, TicketRecord } from '../../store/tickets.ts'
import {
  attachmentEffect,
  createEffect,
  fieldsEffect,
  generationOf,
  linkEffect,
  nameOf,
  noteEffect,
  textEffect,
  textKey,
} from './effects.ts'

export interface Planning {
  /** As it is now. */
  readonly ticket: Ticket
  readonly record: Pick<
    TicketRecord,
    'state' | 'reason' | 'revision' | 'plannedClosed' | 'incident' | 'closedBy'
  >
  /** `kind/key` of every effect there is. */
  readonly known: ReadonlySet<string>
  /** Those that are not done or skipped. */
  readonly open: readonly Pick<Effect, 'kind' | 'state'>[]
  readonly rules: BridgeRules
  /** What effects wrote to the ticket, as `textKey` gives it: a note of the same words came from the incident. */
  readonly sent: ReadonlySet<string>
}

export interface Plan {
  readonly change: TicketChange
  /** New ones, in the order in which they are done. */
  readonly effects: readonly NewEffect[]
  readonly events: NonNullable<Step['events']>
}

const nothing: Plan = { change: {}, effects: [], events: [] }

export function plan(planning: Planning): Plan {
  const { record, known, open } = planning
  if (record.incident?.status === 'deleted') return nothing
  if (record.incident !== null) return upkeep(planning)
  if (open.some(({ kind }) => kind === 'create')) return whileCreating(planning)
  // Somebody skipped making its incident.
  if (generationOf(known) > 0 && record.state === 'skipped') return nothing
  const reason = leftOut(planning)
  return reason === undefined ? creation(planning) : skipped(record.reason, reason)
}

function skipped(before: string | null, reason: string): Plan {
  const events = before === reason ? [] : [{ kind: 'skipped', detail: reason }]
  return { change: { state: 'skipped', reason }, effects: [], events }
}

/** Why the ticket becomes no incident. */
function leftOut({ ticket, rules }: Planning): string | undefined {
  const { status, closed } = ticket
  if (ticket.leftOut !== undefined) return ticket.leftOut
  if (rules.statuses.length > 0 && !rules.statuses.some((each) => isSame(each, status))) {
    return `its status ${status ?? '(none)'} is none of ${rules.statuses.join(', ')}`
  }
  return closed && !rules.ingestClosed ? 'it was closed before it had an incident' : undefined
}

function isSame(one: string, other: string | undefined): boolean {
  return one.toLowerCase() === other?.toLowerCase()
}

function creation(planning: Planning): Plan {
  const { ticket, record, known, rules } = planning
  const generation = generationOf(known) + 1
  const effects = [
    createEffect(generation),
    ...(rules.writeBack ? [linkEffect(generation)] : []),
    ...contents(planning, generation),
    ...(ticket.closed ? [fieldsEffect('close', record.revision, generation)] : []),
  ]
  const detail = ticket.oddities.join('; ')
  const events = detail === '' ? [] : [{ kind: 'oddities', detail }]
  return { change: { reason: null }, effects: fresh(effects, known), events }
}

/** The incident may be made with what the ticket was before. */
function whileCreating(planning: Planning): Plan {
  const { ticket, record, known } = planning
  const generation = generationOf(known)
  const effects = [
    ...contents(planning, generation),
    fieldsEffect('patch', record.revision, generation),
    ...turn(planning, generation),
  ]
  const detail = `the ticket is ${ticket.closed ? 'closed' : 'open again'}`
  const turned = ticket.closed !== (record.plannedClosed === true)
  const events = turned ? [{ kind: ticket.closed ? 'ticket_closed' : 'ticket_reopened', detail }] : []
  return { change: {}, effects: fresh(effects, known), events }
}

function upkeep(planning: Planning): Plan {
  const { ticket, record, known, open, rules } = planning
  const generation = generationOf(known)
  const isTurn = ticket.closed !== (record.plannedClosed === true)
  const isLate =
    !isTurn && !ticket.closed && record.incident?.status === 'closed' && record.closedBy === 'incident'
  if (isLate && rules.afterClose === 'ignore') {
    return { ...nothing, events: [{ kind: 'ignored', detail: 'the ticket changed, its incident is closed' }] }
  }
  // A ticket that we are about to close changes for the last time.
  const isClosing = open.some(({ kind, state }) => kind === 'ctp_close' && state !== 'dead')
  const reopens = isLate && rules.afterClose === 'reopen' && !isClosing
  const effects = [
    ...contents(planning, generation),
    fieldsEffect('patch', record.revision, generation),
    ...(reopens ? [fieldsEffect('reopen', record.revision, generation)] : turn(planning, generation)),
  ]
  return {
    change: {},
    effects: fresh(effects, known),
    events: eventsOf(planning, { isTurn, isLate, reopens }),
  }
}

interface Seen {
  readonly isTurn: boolean
  readonly isLate: boolean
  readonly reopens: boolean
}

function eventsOf({ ticket, rules }: Planning, { isTurn, isLate, reopens }: Seen): Plan['events'] {
  if (isTurn && ticket.closed) return [{ kind: 'ticket_closed', detail: 'the ticket is closed' }]
  if (isTurn) {
    const then = {
      reopen: 'its incident is opened again',
      note: 'its incident gets a note',
      ignore: 'its incident stays as it is',
    }
    return [
      {
        kind: 'ticket_reopened',
        detail: `the ticket is open again: ${then[rules.reopened]} (rule reopened)`,
      },
    ]
  }
  if (!isLate) return []
  const then = reopens ? 'it is opened again' : 'what is new goes to the closed one'
  return [{ kind: 'after_close', detail: `the ticket changed, its incident is closed: ${then}` }]
}

/** What a ticket does to its incident that was closed, or opened again, since it was planned last. */
function turn({ ticket, record, rules }: Planning, generation: number): readonly NewEffect[] {
  const { revision, plannedClosed, incident } = record
  if (ticket.closed === (plannedClosed === true)) return []
  if (ticket.closed) {
    return incident?.status === 'closed' ? [] : [fieldsEffect('close', revision, generation)]
  }
  if (rules.reopened === 'reopen') return [fieldsEffect('reopen', revision, generation)]
  if (rules.reopened === 'ignore') return []
  return [
    textEffect(ticket.id, `ticket reopened r${revision}`, `Secureworks ticket ${ticket.id} is open again.`),
  ]
}

function contents({ ticket, sent }: Planning, generation: number): readonly NewEffect[] {
  const notes = ticket.notes.filter(({ text }) => !isFromIncident(text) && !sent.has(textKey(text)))
  return [
    ...notes.map((note) => noteEffect(note, generation)),
    ...ticket.attachments.map((attachment) => attachmentEffect(attachment, generation)),
  ]
}

/** What is planned already is not planned again, whatever became of it; a ticket may name a thing twice. */
function fresh(effects: readonly NewEffect[], known: ReadonlySet<string>): readonly NewEffect[] {
  const names = new Set(known)
  return effects.filter((effect) => {
    const name = nameOf(effect)
    return !names.has(name) && names.add(name)
  })
}
