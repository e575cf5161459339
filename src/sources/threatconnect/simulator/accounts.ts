/**
 * Who may ask: signatures and tokens. The texts of the errors are documented, their codes are not; only 0x1001 is
 * known, for refused input.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { RecordedRequest } from '../../../simulation/simulator.ts'

export interface Account {
  readonly accessId: string
  readonly secretKey: string
  /** For `Authorization: TC-Token`. */
  readonly token?: string
  /** Milliseconds; default never. */
  readonly tokenExpiresAt?: number
  /** Names of the owners it can see; default all. The first owner of type Organization is its own. */
  readonly owners?: readonly string[]
  /** `none` can log in and read nothing. */
  readonly rights?: 'read' | 'none'
  readonly disabled?: boolean
}

/** The documented form of a token, with an invented value; a secret with what configuration files trip over. */
export const demoAccount = {
  accessId: '12345678901234567890',
  secretKey: '^simulated/Secret+Key=#%"$',
  token: 'APIV2:430:c8mTcH:1893456000000:c2ltdWxhdGVkLXRva2Vu',
} as const satisfies Account

/** Allowed difference between the client's clock and ours. */
const maxSkewSeconds = 300

export type Login = { readonly account: Account } | { readonly status: 401 | 403; readonly message: string }

export function logIn(request: RecordedRequest, accounts: readonly Account[], nowMs: number): Login {
  const { authorization = '' } = request.headers
  const [, token] = /^TC-Token (\S+)$/.exec(authorization) ?? []
  if (token !== undefined) return byToken(token, accounts, nowMs)
  const [, accessId, signature] = /^TC ([^:\s]+):(\S+)$/.exec(authorization) ?? []
  if (accessId === undefined || signature === undefined) return refuse('Access Denied')
  return bySignature(request, accessId, signature, accounts, nowMs)
}

function byToken(token: string, accounts: readonly Account[], nowMs: number): Login {
  const account = accounts.find((each) => each.token === token && each.disabled !== true)
  if (account === undefined || (account.tokenExpiresAt ?? Number.POSITIVE_INFINITY) <= nowMs) {
    return refuse('Unauthorized')
  }
  return permit(account)
}

function bySignature(
  request: RecordedRequest,
  accessId: string,
  signature: string,
  accounts: readonly Account[],
  nowMs: number,
): Login {
  const account = accounts.find((each) => each.accessId === accessId)
  if (account === undefined || account.disabled === true) return refuse('Access Denied')
  const { timestamp } = request.headers
  const seconds =
    typeof timestamp === 'string' && /^\d{1,12}$/.test(timestamp) ? Number(timestamp) : Number.NaN
  if (!(Math.abs(seconds - nowMs / 1_000) <= maxSkewSeconds)) {
    return refuse('Timestamp out of acceptable time range')
  }
  const expected = createHmac('sha256', account.secretKey)
    .update(`${request.url}:${request.method}:${timestamp}`)
    .digest('base64')
  return isPlainUrl(request.url) && isSame(signature, expected) ? permit(account) : refuse(wrongSignature)
}

export const wrongSignature = 'Signature data did not match expected result'

/** What is not percent-encoded is signed differently by the two sides: a documented cause of refusals. */
function isPlainUrl(url: string): boolean {
  return /^[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=%]*$/.test(url)
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)]
  return a.length === b.length && timingSafeEqual(a, b)
}

function refuse(message: string): Login {
  return { status: 401, message }
}

function permit(account: Account): Login {
  return account.rights === 'none'
    ? { status: 403, message: 'You do not have permission to perform this operation' }
    : { account }
}
