/** What a refusal means by its HTTP status, and the words for it. Pure. */
import type { UpstreamErrorKind } from '../../errors.ts'
import { answerError } from '../../upstream/answer-error.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { service } from './wire.ts'

/** They go before the name of what was asked for. */
export const sentences: Readonly<Record<UpstreamErrorKind, string>> = {
  credentials: 'Secureworks does not accept the token for',
  permission: 'Secureworks refuses these credentials or this tenant',
  'clock-skew': 'Secureworks does not accept our clock for',
  address: 'There is no Taegis API with threat indicators at this address: it did not carry out',
  throttled: 'Secureworks asks us to slow down: it did not carry out',
  unavailable: 'Secureworks is not available for',
  timeout: 'Secureworks took too long for',
  unreadable: 'Secureworks did not answer as its API does for',
  rejected: 'Secureworks refused',
  'outcome-unknown': 'Secureworks failed at',
}

export function kindOfStatus(status: number): UpstreamErrorKind | undefined {
  if (status === 401) return 'credentials'
  if (status === 403) return 'permission'
  if (status === 404 || status === 405 || (status >= 300 && status < 400)) return 'address'
  if (status === 400 || status === 413 || status === 422) return 'rejected'
  if (status === 429) return 'throttled'
  return status === 408 || (status >= 500 && status < 600) ? 'unavailable' : undefined
}

/** Where it leads says more of what is wrong than the page that comes with it. */
export function redirectWords(answer: HttpResponse, { origin }: Pick<HttpClient, 'origin'>): string {
  return answerError(answer, service, `${service} (${new URL(origin).host})`).message
}

export function requestId(answer: HttpResponse): string | undefined {
  const id = answer.headers['x-request-id']
  return typeof id === 'string' && /^[\w.:=+-]{1,100}$/.test(id) ? id : undefined
}

export function idWords(answer: HttpResponse): string {
  const id = requestId(answer)
  return id === undefined ? '' : ` (request ${id})`
}
