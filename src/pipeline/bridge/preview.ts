/** Shows what a template makes of a ticket. */
import { ServiceError } from '../../errors.ts'
import type { RawTicket } from '../../model/ticket.ts'
import type { TicketRecord } from '../../store/tickets.ts'
import type { TemplateKind } from '../../tickets/incident-sink.ts'
import type { Bridge } from './bridge.ts'

export interface PreviewRequest {
  readonly template: TemplateKind
  /** undefined: the configured template. */
  readonly source?: unknown
  /** In the desk's words. */
  readonly ticket?: RawTicket
  /** In place of it. */
  readonly seen: TicketRecord | undefined
}

/** What desks call the id of a ticket. */
const idKeys = ['ticketId', 'id'] as const
const unnamed = 'PREVIEW'

/** Changes nothing anywhere. @throws ServiceError TEMPLATE_REFUSED, ARGUMENT_INVALID */
export async function previewed(
  { desk, sink }: Bridge,
  { template, source, ticket, seen }: PreviewRequest,
  signal: AbortSignal,
): Promise<unknown> {
  const raw = ticket ?? seen?.raw
  if (raw === undefined) {
    const detail = 'takes a ticket in the words of the desk, or `ticketId` of one that the bridge has seen'
    throw new ServiceError('ARGUMENT_INVALID', `ticket ${detail}`, {
      errors: [{ pointer: '/ticket', detail }],
    })
  }
  return sink.preview(template, source, desk.ticketOf(seen?.ticketId ?? idOf(raw), raw), signal)
}

function idOf(raw: RawTicket): string {
  const id = idKeys.map((key) => raw[key]).find((each) => typeof each === 'string' && each !== '')
  return typeof id === 'string' ? id : unnamed
}
