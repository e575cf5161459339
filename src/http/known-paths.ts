/** Which methods an address takes: 404 and 405 told apart. */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../errors.ts'

interface KnownPath {
  readonly pattern: RegExp
  readonly methods: ReadonlySet<string>
}

export interface KnownPaths {
  add(url: string, methods: readonly string[]): void
  /** ROUTE_UNKNOWN, or METHOD_NOT_ALLOWED with `Allow` where the address exists under other methods. */
  error(request: FastifyRequest): ServiceError
}

/** The router's own patterns, `:name` and a closing `*`; it uses no others here. */
function patternOf(url: string): RegExp {
  if (/[()]|::/.test(url)) throw new Error(`the address "${url}" has a pattern that 405 answers do not know`)
  const source = url
    .replaceAll(/[.+?^${}|[\]\\]/g, '\\$&')
    .replaceAll(/:\w+/g, '[^/]+')
    .replaceAll('*', '.*')
  return new RegExp(`^${source}$`)
}

function decoded(path: string): string {
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

export function pathOf(url: string): string {
  const query = url.indexOf('?')
  return query < 0 ? url : url.slice(0, query)
}

const order = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']

export function knownPaths(): KnownPaths {
  const known = new Map<string, KnownPath & { readonly methods: Set<string> }>()
  return {
    add(url, methods) {
      let path = known.get(url)
      if (path === undefined) {
        path = { pattern: patternOf(url), methods: new Set() }
        known.set(url, path)
      }
      for (const method of methods) path.methods.add(method)
    },
    error(request) {
      const path = decoded(pathOf(request.url))
      const matching = [...known.values()].filter(({ pattern }) => pattern.test(path))
      const methods = new Set(matching.flatMap((match) => [...match.methods]))
      if (methods.size === 0 || methods.has(request.method)) {
        return new ServiceError('ROUTE_UNKNOWN', `there is nothing at ${path.slice(0, 200)}`)
      }
      const allow = [...methods].sort((a, b) => order.indexOf(a) - order.indexOf(b)).join(', ')
      return new ServiceError(
        'METHOD_NOT_ALLOWED',
        `${request.method} is not taken here; the address takes ${allow}`,
        {
          headers: { allow },
        },
      )
    },
  }
}
