/** The calls on one ticket: read, close, note, assign to the SOC, update, close codes, download. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { bodyOf, json, only, queryOf, Refusal, textOf, wordOf } from './answers.ts'
import { actionOf, type Desk, type TicketState, withWorklog } from './desk.ts'
import { shown } from './queue.ts'
import {
  type CtpTicket,
  changeApprovals,
  closeCodes,
  listOf,
  riskAssessments,
  type TicketFields,
} from './ticket.ts'

export interface TicketCallsOptions {
  readonly desk: Desk
  readonly strictAckBeforeClose: boolean
  wrote(kind: 'close' | 'worklog' | 'assign' | 'update', ticketId: string, given: TicketFields): void
  downloaded(ticketId: string, attachmentId: string): void
}

/** What a client may set on a ticket. */
const updatable: readonly string[] = [
  'externalTicketNum',
  'externalTicketNum2',
  'externalGroupName',
  'watchers',
  'vendor',
  'customerMiscellaneous1',
  'customerMiscellaneous2',
  'customerMiscellaneous3',
  'customerMiscellaneous4',
]

export function createTicketCalls({ desk, strictAckBeforeClose, wrote, downloaded }: TicketCallsOptions) {
  return {
    read(state: TicketState, request: RecordedRequest): Answer {
      const query = queryOf(request, ['includeWorklogs'])
      // What comes without it isn't known.
      const included = wordOf('includeWorklogs', query.get('includeWorklogs') ?? 'false', ['true', 'false'])
      return json(200, shown(state, included === 'true' ? 'ALL' : 'NONE'))
    },
    closeCodes({ ticket }: TicketState): Answer {
      return json(200, { closeCodes: codesOf(ticket) })
    },
    download({ ticket: { ticketId }, attachments }: TicketState, id: string): Answer {
      const attachment = attachments.get(id)
      if (attachment === undefined) throw new Refusal(404, `ticket ${ticketId} has no attachment ${id}`)
      downloaded(ticketId, id)
      const { content, name, filename = name } = attachment
      const bytes = typeof content === 'function' ? content() : content
      const base64 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
      return json(200, { attachment: { filename, content: base64 } })
    },
    close(state: TicketState, request: RecordedRequest, user: string): Answer {
      const body = bodyOf(request)
      only(body, ['closeCode', 'worklogContent'])
      const closeCode = textOf(body, 'closeCode')
      const content = optionalText(body, 'worklogContent')
      mayClose(state, closeCode)
      const { ticketId } = state.ticket
      if (strictAckBeforeClose && state.acknowledgedRevision !== state.revision) {
        throw new Refusal(409, `ticket ${ticketId} has changes that were not acknowledged`)
      }
      const note = content === '' ? undefined : { type: 'Client Note', description: content, createdBy: user }
      desk.close(ticketId, (ticket, at) => ({
        reason: closeCode,
        ...(note !== undefined && withWorklog(ticket, at, note)),
      }))
      wrote('close', ticketId, body)
      return json(200, { code: 'SUCCESS', ticketID: ticketId })
    },
    addWorklog({ ticket }: TicketState, request: RecordedRequest, user: string): Answer {
      const body = bodyOf(request)
      only(body, ['content'])
      const description = textOf(body, 'content')
      available(ticket, 'addNote')
      const { ticketId } = ticket
      const note = { type: 'Customer Comment', description, createdBy: user }
      desk.change(ticketId, (ticket, at) => withWorklog(ticket, at, note))
      wrote('worklog', ticketId, body)
      return json(200, { code: 'SUCCESS', ticketId })
    },
    assign({ ticket }: TicketState, request: RecordedRequest, user: string): Answer {
      const body = bodyOf(request)
      only(body, ['worklog', 'riskAssessment', 'changeApproval'])
      const { worklog: _, ...assessment } = body
      const description = textOf(body, 'worklog')
      if (body.riskAssessment !== undefined) wordOf('riskAssessment', body.riskAssessment, riskAssessments)
      if (body.changeApproval !== undefined) wordOf('changeApproval', body.changeApproval, changeApprovals)
      available(ticket, 'assignToSoc')
      const { ticketId } = ticket
      const note = { type: 'Client Note', description, createdBy: user }
      desk.change(ticketId, (ticket, at) => ({
        ...assessment,
        responsibleParty: 'SOC',
        status: 'Queued',
        ...withWorklog(ticket, at, note),
      }))
      wrote('assign', ticketId, body)
      return json(200, { assignTicketToSoc: { code: 'SUCCESS', ticketId } })
    },
    update({ ticket: { ticketId } }: TicketState, request: RecordedRequest): Answer {
      const body = bodyOf(request)
      only(body, updatable)
      // A public client sends null for what it doesn't set.
      const given = Object.entries(body).filter(([, value]) => value !== null)
      if (given.length === 0) throw new Refusal(400, 'nothing to update')
      const changes = given.map(([name, value]) => [name, updateOf(name, value)] as const)
      desk.change(ticketId, () => Object.fromEntries(changes))
      wrote('update', ticketId, body)
      return json(200, { code: 'SUCCESS', ticketID: ticketId })
    },
  }
}

function mayClose({ ticket }: TicketState, closeCode: string): void {
  const { ticketId } = ticket
  if (ticket.status === 'Closed') throw new Refusal(400, `ticket ${ticketId} is closed already`)
  if (ticket.isGlobalParent === true) {
    throw new Refusal(400, `ticket ${ticketId} is a master ticket: assign it to the SOC to have it closed`)
  }
  available(ticket, 'close')
  wordOf('closeCode', closeCode, codesOf(ticket))
}

/** What a ticket says nothing of can be done while it is open, notes afterwards too. */
function available(ticket: CtpTicket, action: string): void {
  const said = actionOf(ticket, action)?.available
  const isAvailable =
    said === undefined ? ticket.status !== 'Closed' || action === 'addNote' : said !== 'false'
  if (!isAvailable) throw new Refusal(400, `${action} is not available for ticket ${ticket.ticketId}`)
}

function codesOf(ticket: CtpTicket): readonly string[] {
  const close = actionOf(ticket, 'close')
  if (close === undefined) return ticket.status === 'Closed' ? [] : closeCodes
  return listOf(close.closeCode).filter((code) => typeof code === 'string')
}

function optionalText(body: TicketFields, name: string): string {
  const value = body[name] ?? ''
  if (typeof value === 'string') return value
  throw new Refusal(400, `${name} is no text`)
}

/** Tickets have `watchers` as a list; how a text becomes one is inferred. */
function updateOf(name: string, value: unknown): unknown {
  const texts = Array.isArray(value) && value.every((item) => typeof item === 'string')
  if (name === 'watchers' && texts) return value
  if (typeof value !== 'string') throw new Refusal(400, `${name} is no text`)
  return name === 'watchers' ? value.split(/[,;]/).map((watcher) => watcher.trim()) : value
}
