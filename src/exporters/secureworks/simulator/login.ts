/** The token endpoint: client credentials as Basic or in the body, a form or JSON; the token is a JWT. */
import { createHmac } from 'node:crypto'
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'

export interface TaegisAccount {
  readonly clientId: string
  readonly clientSecret: string
  readonly tenantId: string
  /** Default true; false: every operation is `not authorized`. */
  readonly mayRead?: boolean
  /** Default true; false: mutations are `not authorized`. */
  readonly mayWrite?: boolean
}

/** Where an answer tells how long the token lives: two members of it, and the claim of the token. */
export type LifeMember = 'expires_in' | 'expiry' | 'exp'

export interface LoginOptions {
  readonly accounts: readonly TaegisAccount[]
  readonly tokenSeconds: number
  readonly tells: readonly LifeMember[]
  now(): number
}

export interface Logins {
  /** The answer of the token endpoint. */
  answer(request: RecordedRequest): Answer
  /** Whose the bearer token is; undefined: of nobody, or expired. */
  account(authorization: string | undefined): TaegisAccount | undefined
  /** Tokens given so far, oldest first. */
  readonly tokens: readonly string[]
  /** No token given so far is good any more. */
  revoke(): void
}

export function createLogins({ accounts, tokenSeconds, tells, now }: LoginOptions): Logins {
  const live = new Map<string, { readonly account: TaegisAccount; readonly until: number }>()
  const tokens: string[] = []

  const issue = (account: TaegisAccount): Answer => {
    const until = now() + tokenSeconds * 1000
    const exp = tells.includes('exp') ? { exp: Math.floor(until / 1000) } : {}
    const token = jwt({ sub: account.clientId, jti: tokens.length + 1, ...exp })
    live.set(token, { account, until })
    tokens.push(token)
    return json(200, {
      access_token: token,
      token_type: 'Bearer',
      ...(tells.includes('expires_in') && { expires_in: tokenSeconds }),
      ...(tells.includes('expiry') && { expiry: new Date(until).toISOString().replace('Z', '000Z') }),
    })
  }
  return {
    tokens,
    answer(request) {
      const given = credentialsOf(request)
      if (given.grant !== 'client_credentials') return json(400, { error: 'unsupported_grant_type' })
      const account = accounts.find(
        ({ clientId, clientSecret }) => clientId === given.id && clientSecret === given.secret,
      )
      return account === undefined ? json(401, { error: 'invalid_client' }) : issue(account)
    },
    account(authorization) {
      const token = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1]
      const found = token === undefined ? undefined : live.get(token)
      return found !== undefined && now() < found.until ? found.account : undefined
    },
    revoke: () => live.clear(),
  }
}

export function json(status: number, body: unknown): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function credentialsOf({ headers, body }: RecordedRequest) {
  const form = bodyOf(String(headers['content-type'] ?? ''), body)
  const basic = /^Basic (\S+)$/.exec(headers.authorization ?? '')?.[1]
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(basic ?? '', 'base64').toString()) ?? []
  return {
    grant: form.grant_type,
    id: id ?? form.client_id,
    secret: secret ?? form.client_secret,
  }
}

function bodyOf(contentType: string, body: string): Readonly<Record<string, unknown>> {
  if (contentType.startsWith('application/x-www-form-urlencoded')) {
    return Object.fromEntries(new URLSearchParams(body))
  }
  try {
    const parsed: unknown = contentType.startsWith('application/json') ? JSON.parse(body) : {}
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {}
  } catch {
    return {}
  }
}

function jwt(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', 'the simulator').update(signed).digest('base64url')}`
}
