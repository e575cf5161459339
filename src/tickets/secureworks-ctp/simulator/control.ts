/**
 * The simulator's own HTTP calls, for trials by hand and for the demo: `/_sim/...` on the same port, without credentials
 * and therefore only where the simulator listens on loopback.
 */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest, Simulator } from '../../../simulation/simulator.ts'
import { bodyOf, json, only, pathOf, queryOf, Refusal, refused, textOf } from './answers.ts'
import { addFault, type Failing } from './control-faults.ts'
import type { Operator } from './operator.ts'
import type { Observed } from './record.ts'
import { isObject, type NewAttachment, type NewTicket, type TicketFields } from './ticket.ts'

const root = '/_sim'

/** What the calls act on. */
export interface Controlled extends Pick<Simulator, 'requests' | 'clearFaults'>, Operator, Observed, Failing {
  setClockAhead(ms: number): void
}

export function isControl({ url }: RecordedRequest): boolean {
  return url.startsWith(`${root}/`)
}

export function createControl(controlled: Controlled, { isOpen }: { readonly isOpen: boolean }) {
  return (request: RecordedRequest): Answer => {
    try {
      if (!isOpen) throw new Refusal(404, 'the control API is there on loopback only')
      const [name = '', ...path] = pathOf(request, root) ?? []
      return name === 'tickets' ? ticketCall(controlled, request, path) : call(controlled, request, name)
    } catch (error) {
      if (error instanceof Refusal) return refused(error)
      // What an operator's method throws is about the arguments.
      if (error instanceof Error) return refused(new Refusal(400, error.message))
      throw error
    }
  }
}

function call(controlled: Controlled, request: RecordedRequest, name: string): Answer {
  switch (`${request.method} ${name}`) {
    case 'POST clock': {
      const body = bodyOf(request)
      only(body, ['aheadMs'])
      const { aheadMs } = body
      if (typeof aheadMs !== 'number') throw new Refusal(400, 'aheadMs is no number')
      controlled.setClockAhead(aheadMs)
      return json(200, { aheadMs })
    }
    case 'POST faults':
      addFault(controlled, bodyOf(request))
      return json(201, {})
    case 'DELETE faults':
      controlled.clearFaults()
      return json(200, {})
    case 'GET log': {
      const { writes, acknowledged } = controlled
      const requests = controlled.requests.filter((request) => !isControl(request))
      return json(200, { requests: requests.map(withoutHeaders), acknowledged, writes })
    }
    default:
      throw new Refusal(404, 'no such control call')
  }
}

function ticketCall(controlled: Controlled, request: RecordedRequest, path: readonly string[]): Answer {
  const [ticketId, action, ...rest] = path
  if (ticketId === undefined) {
    if (request.method === 'POST') return json(201, addTicket(controlled, request))
    if (request.method === 'GET') return json(200, { tickets: ticketsOf(controlled) })
  }
  if (ticketId === undefined || request.method !== 'POST' || rest.length > 0) {
    throw new Refusal(404, 'no such control call')
  }
  if (controlled.tickets().every((ticket) => ticket.ticketId !== ticketId)) {
    throw new Refusal(404, `no ticket ${ticketId}`)
  }
  switch (action) {
    case 'mutate':
      return json(200, controlled.mutate(ticketId, bodyOf(request)))
    case 'worklogs':
      return json(201, controlled.addWorklog(ticketId, bodyOf(request)))
    case 'attachments':
      return json(201, controlled.addAttachment(ticketId, attachmentOf(bodyOf(request))))
    case 'status': {
      const body = bodyOf(request)
      only(body, ['status', 'reason'])
      const reason = body.reason === undefined ? undefined : textOf(body, 'reason')
      return json(200, controlled.setStatus(ticketId, textOf(body, 'status'), reason))
    }
    case 'reopen':
      return json(200, controlled.reopen(ticketId))
    default:
      throw new Refusal(404, 'no such control call')
  }
}

/** `?bare=true`: without defaults. */
function addTicket(controlled: Controlled, request: RecordedRequest): TicketFields {
  const bare = queryOf(request, ['bare']).get('bare') === 'true'
  const { attachments, ...fields } = request.body === '' ? {} : bodyOf(request)
  if (attachments === undefined) return controlled.addTicket(fields, { bare })
  if (!Array.isArray(attachments)) throw new Refusal(400, 'attachments is no list')
  const given: NewTicket = { ...fields, attachments: attachments.map(attachmentOf) }
  return controlled.addTicket(given, { bare })
}

function ticketsOf(controlled: Controlled): readonly TicketFields[] {
  const waiting = new Set(controlled.unacknowledged())
  return controlled.tickets().map((ticket) => ({
    ticketId: ticket.ticketId,
    revision: controlled.revision(ticket.ticketId),
    acknowledged: !waiting.has(ticket.ticketId),
    ticket,
  }))
}

/** Of `{ id?, name?, filename?, content }` with `content` in base64. */
function attachmentOf(given: unknown): NewAttachment {
  if (!isObject(given)) throw new Refusal(400, 'an attachment is no object')
  only(given, ['id', 'name', 'filename', 'content'])
  const text = (name: string) => (given[name] === undefined ? {} : { [name]: textOf(given, name) })
  const { content } = given
  if (typeof content !== 'string') throw new Refusal(400, 'content is no text in base64')
  return { ...text('id'), ...text('name'), ...text('filename'), content: Buffer.from(content, 'base64') }
}

/** The credentials are none of the log's business. */
function withoutHeaders({ method, url, body, receivedAt }: RecordedRequest): TicketFields {
  return { method, url, body, receivedAt }
}
