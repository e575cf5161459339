/** API keys: who asks, and what the key may do. */
import { hash, timingSafeEqual } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

export type Scope =
  | 'indicators:read'
  | 'feeds:read'
  | `feeds:read:${string}`
  | `push:${string}`
  | 'sources:run'
  | 'tickets:read'
  | 'tickets:write'
  | 'metrics:read'
  | 'admin'

/**
 * What a key needs for a route: one scope, any of several, one that depends on the address (`push:{exporter}`),
 * `authenticated` for any valid key, or `public` for none.
 */
export type RouteScope =
  | Scope
  | readonly Scope[]
  | 'authenticated'
  | 'public'
  | ((params: Readonly<Record<string, string>>) => Scope | TellingScope)

/** One that depends on what is there, and what a refusal says in its place: that must not depend on it. */
export interface TellingScope {
  readonly needed: Scope
  readonly told: Scope
}

export interface ApiKey {
  readonly id: string
  /** SHA-256 of each live secret, 64 hexadecimal digits: two while a key is being changed. */
  readonly digests: readonly string[]
  readonly scopes: readonly string[]
}

export interface Identity {
  readonly key: string | null
  readonly scopes: readonly string[]
}

const realm = 'indicator-feed-server'

/** Whether scopes cover a need: `admin` covers all, `feeds:read` each feed, `push:*` each exporter. */
export function grants(scopes: readonly string[], needed: string): boolean {
  return scopes.some(
    (scope) =>
      scope === needed ||
      scope === 'admin' ||
      (scope === 'push:*' && needed.startsWith('push:')) ||
      (scope === 'feeds:read' && needed.startsWith('feeds:read:')),
  )
}

/** HTTP Basic only where clients can send nothing else: firewalls and TAXII. */
function takesBasic(path: string): boolean {
  return /^\/(feeds|taxii2)(\/|$)/.test(path)
}

interface Presented {
  readonly secret: string
  /** Only with HTTP Basic: the key that the secret must belong to. */
  readonly id?: string
}

function basicCredentials(encoded: string): Presented | undefined {
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return undefined
  return { id: text.slice(0, colon), secret: text.slice(colon + 1) }
}

function presented(request: FastifyRequest, basic: boolean): Presented | undefined {
  const { authorization } = request.headers
  const header = request.headers['x-api-key']
  const apiKey = typeof header === 'string' && header !== '' ? header : undefined
  const match = /^(bearer|basic) +(\S+) *$/i.exec(authorization ?? '')
  const value = match?.[2]
  let fromAuthorization: Presented | undefined
  if (value !== undefined) {
    const scheme = match?.[1]?.toLowerCase()
    if (scheme === 'bearer') fromAuthorization = { secret: value }
    else if (basic) fromAuthorization = basicCredentials(value)
  }
  if (fromAuthorization === undefined) return apiKey === undefined ? undefined : { secret: apiKey }
  if (apiKey !== undefined && apiKey !== fromAuthorization.secret) {
    throw new ServiceError(
      'REQUEST_MALFORMED',
      'Authorization and X-API-Key carry different keys; send one of them',
    )
  }
  return fromAuthorization
}

function unauthorized(code: 'KEY_MISSING' | 'KEY_UNKNOWN', basic: boolean): ServiceError {
  const how = `send "Authorization: Bearer KEY" or "X-API-Key: KEY"${basic ? ', or HTTP Basic with the id of the key as user' : ''}`
  const detail =
    code === 'KEY_MISSING'
      ? `no API key was received; ${how}`
      : 'the API key that was received is not one of ours'
  const bearer = `Bearer realm="${realm}"${code === 'KEY_UNKNOWN' ? ', error="invalid_token"' : ''}`
  const challenge = basic ? `Basic realm="${realm}", charset="UTF-8", ${bearer}` : bearer
  return new ServiceError(code, detail, { headers: { 'www-authenticate': challenge } })
}

/** The keys that are good now: others can take their place while requests come. */
export interface KeyRing {
  /** Whether a request needs one; the same for as long as the server runs, as where it listens depends on it. */
  readonly required: boolean
  /**
   * From the next request on these are good and no others.
   * @throws TypeError where a digest is none, and where keys would come to be needed, or not any more: all stay then
   */
  replace(keys: readonly ApiKey[]): void
  all(): readonly ApiKey[]
  /** The key that a secret belongs to. @param id which key it must be */
  find(secret: string, id?: string): ApiKey | undefined
}

export function keyRing(keys: readonly ApiKey[]): KeyRing {
  const required = keys.length > 0
  let held = keys
  let candidates = candidatesOf(keys)
  return {
    required,
    all: () => held,
    replace(next) {
      if (next.length > 0 !== required) {
        throw new TypeError('API keys can not come to be needed, or not any more, while the server runs')
      }
      candidates = candidatesOf(next)
      held = next
    },
    find: (secret, id) => find(candidates, secret, id),
  }
}

interface Candidate {
  readonly key: ApiKey
  readonly digest: Buffer
}

function candidatesOf(keys: readonly ApiKey[]): Candidate[] {
  return keys.flatMap((key) =>
    key.digests.map((hex) => {
      if (!/^[0-9a-f]{64}$/i.test(hex))
        throw new TypeError(`a digest of the API key "${key.id}" is not a SHA-256`)
      return { key, digest: Buffer.from(hex, 'hex') }
    }),
  )
}

/** Every digest is compared, whatever matches: the time tells nothing. */
function find(candidates: readonly Candidate[], secret: string, id?: string): ApiKey | undefined {
  const digest = hash('sha256', secret, 'buffer')
  let found: ApiKey | undefined
  for (const candidate of candidates) {
    const same = timingSafeEqual(candidate.digest, digest)
    if (same && (id === undefined || id === candidate.key.id)) found = candidate.key
  }
  return found
}

function choicesOf(needed: string | readonly string[] | TellingScope) {
  if (typeof needed === 'string') return { anyOf: [needed], told: [needed] }
  if ('told' in needed) return { anyOf: [needed.needed], told: [needed.told] }
  return { anyOf: needed, told: needed }
}

/**
 * The guard of every route that is not public.
 * @returns a function that throws ServiceError KEY_MISSING, KEY_UNKNOWN, SCOPE_MISSING, or REQUEST_MALFORMED for two
 * different keys at once; without configured keys everyone is `admin`
 */
export function authenticator(ring: KeyRing): (request: FastifyRequest, scope: RouteScope) => Identity {
  if (!ring.required) return () => ({ key: null, scopes: ['admin'] })
  return (request, scope) => {
    const basic = takesBasic(request.route?.url ?? request.url)
    const given = presented(request, basic)
    if (given === undefined) throw unauthorized('KEY_MISSING', basic)
    const key = ring.find(given.secret, given.id)
    if (key === undefined) throw unauthorized('KEY_UNKNOWN', basic)
    // Known from here on: a refusal for want of a scope is logged under the key's id.
    request.key = key.id
    const needed = typeof scope === 'function' ? scope(request.params as Record<string, string>) : scope
    const { anyOf, told } = choicesOf(needed)
    if (needed !== 'authenticated' && !anyOf.some((each) => grants(key.scopes, each))) {
      const names = told.map((each) => `"${each}"`).join(' or ')
      throw new ServiceError('SCOPE_MISSING', `the API key "${key.id}" needs the scope ${names}`)
    }
    return { key: key.id, scopes: key.scopes }
  }
}
