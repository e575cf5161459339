/** What is told of names and ids that there are not. */
import { ServiceError } from '../../errors.ts'

/** @param text of a caller: as long as it may be */
export function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80))
}

export function unknownTicket(bridge: string, ticketId: string, where?: string): ServiceError {
  const place = where === undefined ? '' : ` ${where}`
  return new ServiceError(
    'TICKET_UNKNOWN',
    `no ticket ${quoted(ticketId)} of the bridge ${quoted(bridge)}${place}`,
  )
}

export function unknownEffect(id: string): ServiceError {
  return new ServiceError('EFFECT_UNKNOWN', `no effect ${quoted(id)}`)
}

export function invalidCursor(): ServiceError {
  const detail = 'takes `next` of the page before, of the same list'
  return new ServiceError('ARGUMENT_INVALID', `cursor ${detail}`, {
    errors: [{ pointer: '/cursor', detail }],
  })
}
