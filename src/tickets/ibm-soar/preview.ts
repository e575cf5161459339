/** What a template gives for a ticket, checked against the fields of the organisation. Changes nothing there. */
import { ServiceError } from '../../errors.ts'
import type { Ticket } from '../../model/ticket.ts'
import type { TemplateKind } from '../incident-sink.ts'
import { Refused } from '../refused.ts'
import { closingValues, codeOf } from './closing.ts'
import type { KnownFields } from './fields.ts'
import { checkedPayload, refusalWords, withTicketId } from './payload.ts'
import { type FieldsKind, isTextKind, type Templates } from './render.ts'
import type { IbmSoarSettings } from './settings.ts'
import { TemplateError } from './templates/template-error.ts'
import { nested } from './values.ts'

export interface Previewing {
  readonly templates: Templates
  readonly known: KnownFields
  readonly settings: Pick<IbmSoarSettings, 'closeMap'>
}

export interface PreviewRequest {
  readonly kind: TemplateKind
  /** undefined: the configured template. */
  readonly source: unknown
  readonly ticket: Ticket
}

/** @throws ServiceError TEMPLATE_REFUSED, UpstreamError */
export async function previewOf(
  previewing: Previewing,
  { kind, source, ticket }: PreviewRequest,
  signal: AbortSignal,
): Promise<unknown> {
  try {
    const templates = source === undefined ? previewing.templates : previewing.templates.given(kind, source)
    if (isTextKind(kind)) return templates.text(kind, ticket, exampleOf(ticket))
    return await fieldsOf({ ...previewing, templates }, kind, ticket, signal)
  } catch (error) {
    if (error instanceof TemplateError || error instanceof Refused) {
      throw new ServiceError('TEMPLATE_REFUSED', error.message, { cause: error })
    }
    throw error
  }
}

/** As it would be sent, but for what depends on the incident. */
async function fieldsOf(
  { templates, known, settings }: Previewing,
  kind: FieldsKind,
  ticket: Ticket,
  signal: AbortSignal,
): Promise<unknown> {
  const closing = { ticket, closeMap: settings.closeMap }
  const closeCode = kind === 'close' ? codeOf(closing, await known.get(signal)).label : undefined
  const rendered = templates.fields(kind, ticket, { closeCode })
  const { value, problems } = await checkedPayload({
    known,
    rendered,
    adjust: (values, fields) => {
      if (kind === 'escalate') return withTicketId(values, ticket.id)
      return kind === 'close' ? closingValues(closing, values, fields) : values
    },
    signal,
  })
  if (problems.length > 0) throw new Refused(refusalWords(kind, problems))
  const fields = nested(value.wanted.map(({ key, wire }) => [key, wire]))
  return { ...(kind === 'close' && { plan_status: 'C' }), ...fields, ...value.lists }
}

/** What notes and comments are made of, the ticket's own last note where it has one. */
function exampleOf(ticket: Ticket): Readonly<Record<string, unknown>> {
  const text = 'An example.'
  const note = ticket.notes.at(-1) ?? { text, type: 'Client Note', createdBy: 'An example', createdAt: 0 }
  return {
    note,
    comment: { id: '1', text, author: 'An example', createdAt: note.createdAt },
    incident: { id: '1' },
  }
}
