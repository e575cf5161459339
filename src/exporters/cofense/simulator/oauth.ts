/** The login of a simulated Triage, as Doorkeeper does it. */
import { randomBytes } from 'node:crypto'
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'

export interface ApiApplication {
  readonly clientId: string
  readonly clientSecret: string
  /** `read` is refused every write. */
  readonly role: 'write' | 'read'
}

/** One request of the token endpoint. */
export interface Login {
  readonly at: number
  /** Where the credentials stood. `query`: in the address, as some clients send it and logs keep it. */
  readonly by: 'form' | 'basic' | 'query' | 'nothing'
  readonly ok: boolean
}

export interface Oauth {
  readonly logins: readonly Login[]
  /** Every token given out. */
  readonly tokens: readonly string[]
  login(request: RecordedRequest): Answer
  /** Whose token a request carries, if it is one of ours and still good. */
  application(request: RecordedRequest): ApiApplication | undefined
  /** From now on no token is good that was given out before. */
  revokeTokens(): void
}

export interface OauthOptions {
  readonly applications: readonly ApiApplication[]
  readonly lifetimeS: number
  now(): number
}

interface Grant {
  readonly application: ApiApplication
  readonly until: number
}

const headers = { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' }
const unknownClient =
  'Client authentication failed due to unknown client, no client authentication included, or unsupported ' +
  'authentication method.'

export function createOauth({ applications, lifetimeS, now }: OauthOptions): Oauth {
  const grants = new Map<string, Grant>()
  const tokens: string[] = []
  const logins: Login[] = []

  const refuse = (status: number, error: string, description: string): Answer => ({
    status,
    headers,
    body: JSON.stringify({ error, error_description: description }),
  })
  return {
    logins,
    tokens,
    login(request) {
      const { by, id, secret, grantType } = readLogin(request)
      const application = applications.find((each) => each.clientId === id && each.clientSecret === secret)
      const isGrant = grantType === 'client_credentials'
      logins.push({ at: now(), by, ok: application !== undefined && isGrant })
      if (grantType === undefined) {
        return refuse(400, 'invalid_request', 'Missing required parameter: grant_type.')
      }
      if (!isGrant) {
        return refuse(400, 'unsupported_grant_type', 'The authorization grant type is not supported.')
      }
      if (application === undefined) return refuse(401, 'invalid_client', unknownClient)
      const token = randomBytes(32).toString('base64url')
      tokens.push(token)
      grants.set(token, { application, until: now() + lifetimeS * 1000 })
      const created_at = Math.floor(now() / 1000)
      const body = { access_token: token, token_type: 'Bearer', expires_in: lifetimeS, created_at }
      return { status: 200, headers, body: JSON.stringify(body) }
    },
    application({ headers: { authorization = '' } }) {
      const token = /^Bearer (\S+)$/i.exec(authorization)?.[1] ?? ''
      const grant = grants.get(token)
      return grant !== undefined && now() < grant.until ? grant.application : undefined
    },
    revokeTokens() {
      grants.clear()
    },
  }
}

/** Doorkeeper looks at Basic first, then at the parameters, wherever they stand. */
function readLogin({
  url,
  headers: { authorization = '', 'content-type': type = '' },
  body,
}: RecordedRequest) {
  const query = new URLSearchParams(url.split('?')[1] ?? '')
  const form = new URLSearchParams(/^application\/x-www-form-urlencoded\b/i.test(type) ? body : '')
  const grantType = form.get('grant_type') ?? query.get('grant_type') ?? undefined
  const basic = /^Basic (\S+)$/i.exec(authorization)?.[1]
  if (basic !== undefined) {
    const [id = '', ...secret] = Buffer.from(basic, 'base64').toString().split(':')
    return { by: 'basic' as const, id, secret: secret.join(':'), grantType }
  }
  const [by, parameters] = query.has('client_id') ? (['query', query] as const) : (['form', form] as const)
  const id = parameters.get('client_id')
  if (id === null) return { by: 'nothing' as const, id: '', secret: '', grantType }
  return { by, id, secret: parameters.get('client_secret') ?? '', grantType }
}

/** Without a body, as Doorkeeper answers where a token is not good. */
export const badToken: Answer = {
  status: 401,
  headers: {
    'www-authenticate':
      'Bearer realm="Doorkeeper", error="invalid_token", error_description="The access token expired"',
  },
}
