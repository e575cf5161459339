/** What an answer that is not 2xx means, by the rules of HTTP alone. */
import { STATUS_CODES } from 'node:http'
import { UpstreamError, type UpstreamErrorKind } from '../errors.ts'
import type { HttpResponse } from './http-client.ts'
import { waitOf } from './retry-after.ts'
import { proxyWantsCredentials } from './way-words.ts'

/** @param peer the vendor and its host, for the message: `threatconnect (app.example.org)` */
export function answerError(answer: HttpResponse, service: string, peer: string): UpstreamError {
  const { status } = answer
  const [kind, message] = reading(answer, peer)
  return new UpstreamError(kind, message, { service, status, ...waitOf(answer) })
}

function reading(answer: HttpResponse, peer: string): [UpstreamErrorKind, string] {
  const { status } = answer
  const named = STATUS_CODES[status] === undefined ? `${status}` : `${status} ${STATUS_CODES[status]}`
  if (status === 401) return ['credentials', `${peer} refused our credentials (${named})`]
  if (status === 403) return ['permission', `${peer} refuses our account the right to do this (${named})`]
  if (status === 407) {
    return [
      'unavailable',
      `the proxy before ${peer} ${proxyWantsCredentials.what} (${named}): ${proxyWantsCredentials.remedy}`,
    ]
  }
  if (status === 408) return ['unavailable', `${peer} gave up waiting for our request (${named})`]
  if (status === 429) return ['throttled', `${peer} asks us to slow down (${named})`]
  if (status >= 500 && status < 600) return ['unavailable', `${peer} is not available (${named})`]
  if (status >= 400 && status < 500) return ['rejected', `${peer} refused the request (${named})`]
  if (status >= 300 && status < 400 && answer.headers.location !== undefined) {
    return [
      'unreadable',
      `${peer} answered with a redirect to ${redirectHost(answer.headers.location, peer)} (${named}); redirects are not followed`,
    ]
  }
  return ['unreadable', `${peer} answered with the status ${named}, which is neither a success nor an error`]
}

/** The host alone: path and query of a login page's address hold tokens. */
function redirectHost(location: string | string[], peer: string): string {
  const text = Array.isArray(location) ? location[0] : location
  if (text !== undefined && !URL.canParse(text) && URL.canParse(text, 'http://relative.invalid')) {
    const host = new URL(text, 'http://relative.invalid').host
    return host === 'relative.invalid' ? `another path of ${peer}` : host.slice(0, 253)
  }
  const host = URL.parse(text ?? '')?.host
  return host ? host.slice(0, 253) : 'an address that is not a URL'
}
