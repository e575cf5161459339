/** What goes back to the ticket: comments, which incident it became, and that the incident was closed. */
import { UpstreamError } from '../../errors.ts'
import type { DeskClosing } from '../../tickets/ticket-desk.ts'
import { type Carried, type Carrying, incidentOf } from './carry.ts'
import {
  askedNote,
  closedNote,
  closingOf,
  closingRequest,
  commentOf,
  commentText,
  notClosedNote,
} from './effects.ts'
import { before } from './outcome.ts'

export async function carryOutComment({ bridge, ticket, effect, signal }: Carrying): Promise<Carried> {
  await bridge.desk.addNote(ticket.id, commentText(commentOf(effect)), signal)
  return { state: 'done' }
}

export async function carryOutLink(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, signal } = carrying
  const { id, url, status } = incidentOf(carrying)
  if (status === 'deleted') return { state: 'skipped', error: 'the incident does not exist any more' }
  await bridge.desk.link(ticket.id, { id, url, status }, signal)
  return { state: 'done' }
}

/** The ticket is read first: somebody may have closed it. One that can't be read is as it came last. */
export async function carryOutTicketClosing(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket, effect, work, signal } = carrying
  const { desk } = bridge
  if (work.ticket.incident?.status === 'open') {
    return { state: 'skipped', error: 'the incident is open again' }
  }
  const raw = (await before(desk.ticket(ticket.id, signal))) ?? ticket.raw
  if (desk.ticketOf(ticket.id, raw).closed) return closedAlready(carrying)
  const closing = await before(desk.closing(ticket.id, raw, signal))
  switch (closing.by) {
    case 'assign':
      await desk.assign(ticket.id, closingRequest(effect), signal)
      return {
        state: 'done',
        add: [askedNote(effect)],
        events: [{ kind: 'closing_asked', detail: "the desk's people were asked to close the ticket" }],
      }
    case 'note':
      await desk.addNote(ticket.id, closingRequest(effect), signal)
      return {
        state: 'done',
        events: [{ kind: 'closing_noted', detail: 'the ticket takes no closing now: it got a note' }],
      }
    default:
      return close(carrying, closing)
  }
}

/** By a try of ours whose answer was lost, or by somebody else. */
export function closedAlready({ effect }: Pick<Carrying, 'effect'>): Carried {
  const isOurs = effect.attempts > 0 || effect.state === 'ambiguous'
  if (isOurs) return { state: 'done', add: [closedNote(effect)] }
  return { state: 'done', events: [{ kind: 'closed_already', detail: 'the ticket was closed already' }] }
}

async function close(carrying: Carrying, { codes }: DeskClosing): Promise<Carried> {
  const { bridge, ticket, effect, signal } = carrying
  const closing = closingOf(effect)
  const code = pickedCode(bridge.sink.deskCloseCodes(closing), codes)
  if (code === undefined) return dead(carrying, noCode(closing.code, codes))
  const { summary } = closing
  try {
    await bridge.desk.close(ticket.id, { code, ...(summary !== undefined && { note: summary }) }, signal)
  } catch (error) {
    if (error instanceof UpstreamError && error.status === 409) await acknowledge(carrying)
    throw error
  }
  return {
    state: 'done',
    add: [closedNote(effect)],
    events: [{ kind: 'ticket_closed', detail: `the ticket was closed with the code ${code}` }],
  }
}

/** @returns in the desk's spelling */
function pickedCode(wanted: readonly string[], valid: readonly string[] | undefined): string | undefined {
  if (valid === undefined) return wanted[0]
  for (const code of wanted) {
    const found = valid.find((each) => each.toLowerCase() === code.toLowerCase())
    if (found !== undefined) return found
  }
  return undefined
}

function noCode(code: string | undefined, valid: readonly string[] | undefined): string {
  const what = code === undefined ? 'no close code is configured' : `no close code for "${code}"`
  return valid === undefined ? what : `${what}; the ticket takes ${valid.join(', ') || 'none'}`
}

function dead({ effect }: Carrying, error: string): Carried {
  return { state: 'dead', error, add: [notClosedNote(effect, error)] }
}

const mostAtOnce = 100

/** A desk closes no ticket of which a version waits to be acknowledged; those that are stored may be. */
async function acknowledge({ bridge, store, ticket, signal, now }: Carrying): Promise<void> {
  const { name, desk } = bridge
  const versions = await store.unacknowledged(name, { limit: mostAtOnce, ticketId: ticket.id })
  if (versions.length === 0) return
  const answers = await before(desk.acknowledge(versions, signal))
  await store.noteAcknowledged(name, answers, { now: new Date(now()) })
}
