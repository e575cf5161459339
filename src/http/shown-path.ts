/** The path of a request as the log shows it: nothing of it but names, and ids of our own making. */
import type { FastifyRequest } from 'fastify'

/** Ids of exports, runs, effects; `latest`. */
const ownId = /^(?:indicator--)?[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$|^\d{1,15}$|^latest$/i

/** Parameters that are ids; others name what is configured, unless nothing is: see `isLookedUp`. */
const ids: ReadonlySet<string> = new Set(['id', 'object'])

const lookedUp: ReadonlySet<number> = new Set([409, 410, 422])

/**
 * Whether an answer of this status is given only once what the address names was found. Refused before that, for its key,
 * its body or its number, a request may name anything, the value of an indicator too.
 */
export function isLookedUp(status: number): boolean {
  return status < 400 || status >= 500 || lookedUp.has(status)
}

/**
 * The address as the route declares it, its parameters filled in where they can't be a value of an indicator. Of an
 * address that no route has, nothing: it may be anything. The level debug shows it whole.
 */
export function shownPath(request: FastifyRequest, status?: number): string {
  const url = request.route?.url
  if (request.is404 || url === undefined) return '(no route)'
  const params: unknown = request.params
  const filled = isRecord(params) ? params : {}
  const named = status !== undefined && isLookedUp(status)
  return url.replace(/:(\w+)/g, (pattern, name: string) => {
    const value = filled[name]
    if (typeof value !== 'string') return pattern
    const isShown = ids.has(name) ? ownId.test(value) : named && isName(value)
    return isShown ? encodeURI(value) : pattern
  })
}

/** Configured names begin with a letter or digit; no address of a network, no host of one. */
function isName(value: string): boolean {
  return /^[a-z0-9][\w.-]{0,99}$/i.test(value)
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
