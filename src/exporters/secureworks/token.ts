/** The login of Taegis: client credentials for a token of some hours. */
import { UpstreamError } from '../../errors.ts'
import { type AccessToken, tokenMarginMs } from '../../upstream/access-token.ts'
import type { HttpClient, HttpResponse } from '../../upstream/http-client.ts'
import { isObject, jsonOf, type Members, parseJson } from '../../upstream/json.ts'
import { service } from './wire.ts'

export interface TokenRequest {
  readonly http: HttpClient
  readonly path: string
  readonly clientId: string
  readonly clientSecret: string
  /** Of an answer that is not 2xx. */
  translate(answer: HttpResponse): UpstreamError | undefined
  clean(text: string): string
}

/** How long a token serves whose answer tells nothing of its life: short, as a new one is cheap. */
const untoldLifeMs = 10 * 60_000

export function basicAuthorization(clientId: string, clientSecret: string): string {
  return `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
}

/** @throws UpstreamError */
export async function requestToken(request: TokenRequest): Promise<AccessToken> {
  const { http, path, clientId, clientSecret, translate, clean } = request
  const answer = await http.send({
    method: 'POST',
    path,
    headers: {
      authorization: basicAuthorization(clientId, clientSecret),
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: 'grant_type=client_credentials',
    maxBytes: 1_048_576,
    translate,
  })
  const body = parseJson(answer.body, { service, status: answer.status, clean })
  const value = isObject(body) ? body.access_token : undefined
  // Blanks and line breaks can't stand in a header.
  if (!isObject(body) || typeof value !== 'string' || !/^[\x21-\x7e]+$/.test(value)) {
    const words = `Secureworks answered the login with ${answer.status}, but without an access_token`
    throw new UpstreamError('unreadable', words, { service, status: answer.status })
  }
  return { value, expiresAt: answer.receivedAt + lifeMs(body, value, answer) - tokenMarginMs }
}

/** The shortest of what the answer tells. Times of day are by the product's clock, as far as it tells that. */
function lifeMs(body: Members, token: string, answer: HttpResponse): number {
  const date = Date.parse(String(answer.headers.date ?? ''))
  const theirNow = Number.isNaN(date) ? answer.receivedAt : date
  const lives = [
    seconds(body.expires_in),
    typeof body.expiry === 'string' ? Date.parse(body.expiry) - theirNow : Number.NaN,
    seconds(expOf(token)) - theirNow,
  ].filter((life) => !Number.isNaN(life))
  return lives.length === 0 ? untoldLifeMs : Math.min(...lives)
}

function seconds(value: unknown): number {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) && number > 0 ? number * 1000 : Number.NaN
}

/** The claim `exp` of a JWT; its signature is none of our business, and an opaque token has none. */
function expOf(token: string): unknown {
  const claims = jsonOf(Buffer.from(token.split('.')[1] ?? '', 'base64url'))
  return isObject(claims) ? claims.exp : undefined
}
