/** The login: OAuth 2 client credentials, in the body of a form and never in an address, which would be logged. */
import { UpstreamError } from '../../errors.ts'
import { type AccessToken, tokenMarginMs } from '../../upstream/access-token.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf, parseJson } from '../../upstream/json.ts'
import { retryAfterMs } from '../../upstream/retry-after.ts'
import { withoutDoubt } from '../../upstream/without-doubt.ts'
import { movedAway } from './refusal.ts'
import { service } from './wire.ts'

export interface Login {
  readonly http: HttpClient
  /** `basePath` of the base URL. */
  readonly base: string
  readonly clientId: string
  readonly clientSecret: string
  /** Takes secrets out of words of the product. */
  clean(text: string): string
  /** Milliseconds since the epoch. */
  now(): number
  readonly signal?: AbortSignal
}

/** What an answer without `expires_in` is taken for. */
const defaultLifetimeS = 7200
/** How long nothing is asked after a login that was too much; Cofense's own connector waits as long. */
const throttledMs = 60_000

/** @throws UpstreamError */
export async function logIn(login: Login): Promise<AccessToken> {
  const { http, base, clientId, clientSecret, clean, now, signal } = login
  const askedAt = now()
  const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
  const request = {
    method: 'POST',
    path: `${base}/oauth/token`,
    headers: { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(form).toString(),
    maxBytes: 1_048_576,
    translate: (refusal: HttpResponse) => loginRefusal(refusal, http, clean),
    ...(signal && { signal }),
  } as const
  const answer = await http.send(request).catch((error: unknown) => Promise.reject(withoutDoubt(error)))
  const { status } = answer
  const body = parseJson(answer.body, { service, status, clean })
  const { access_token: value, token_type: type, expires_in: seconds } = isObject(body) ? body : {}
  const unreadable = (what: string) =>
    new UpstreamError('unreadable', `Cofense Triage answered the login ${what}`, { service, status })
  // What no header can hold must not get into one.
  if (typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) throw unreadable('without a usable token')
  if (typeof type === 'string' && type.toLowerCase() !== 'bearer') {
    throw unreadable(`with a token of the type "${clean(type).slice(0, 40)}" instead of Bearer`)
  }
  const told = typeof seconds === 'string' && /^\d+$/.test(seconds) ? Number(seconds) : seconds
  const known = typeof told === 'number' && told > 0
  const lifetimeMs = Math.min(known ? told : defaultLifetimeS, 86_400) * 1000
  return { value, expiresAt: askedAt + Math.max(lifetimeMs - tokenMarginMs, lifetimeMs / 2) }
}

/** Errors of OAuth that speak of the client, not of the request (RFC 6749 5.2). */
const clientErrors: ReadonlySet<string> = new Set(['invalid_client', 'unauthorized_client', 'access_denied'])

function loginRefusal(
  answer: HttpResponse,
  http: HttpClient,
  clean: (text: string) => string,
): UpstreamError | undefined {
  const { status } = answer
  const { code, words } = readOAuthError(answer, clean)
  const options = { service, status, ...(code !== undefined && { code }) }
  if (status === 401 || (status === 400 && code !== undefined && clientErrors.has(code))) {
    const sentence = `Cofense Triage does not accept the client id and client secret${words}`
    return new UpstreamError('credentials', sentence, options)
  }
  if (status === 403) {
    return new UpstreamError('permission', `Cofense Triage refuses us the login${words}`, options)
  }
  if (status === 429) {
    const wait = Math.max(retryAfterMs(answer) ?? 0, throttledMs)
    const sentence = `Cofense Triage gets too many logins from us (429)${words}`
    return new UpstreamError('throttled', sentence, { ...options, retryAfterMs: wait })
  }
  return movedAway(answer, http)
}

function readOAuthError(
  answer: HttpResponse,
  clean: (text: string) => string,
): { readonly code?: string; readonly words: string } {
  const body = jsonOf(answer.body)
  // Not OAuth's own error body (a proxy's page, say): the status alone speaks then.
  const { error, error_description: description } = isObject(body) ? body : {}
  const code = typeof error === 'string' ? clean(error).slice(0, 40) : undefined
  const text = typeof description === 'string' ? clean(description) : code
  return { ...(code !== undefined && { code }), words: text === undefined ? '' : `: ${text}` }
}
