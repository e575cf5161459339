/** What holds for every route by the way it is declared: its scope, its name in the audit log, its arguments, its limit. */
import type { RouteOptions } from 'fastify'
import type { App } from './app.ts'
import { type ArgumentReader, type ArgumentReaders, argumentReaders } from './arguments.ts'
import { changingMethods } from './audit.ts'
import { isJson } from './json.ts'
import type { KnownPaths } from './known-paths.ts'
import type { Limiter } from './rate-limit.ts'
import { closed } from './request-schema.ts'
import { usualAnswers } from './usual-answers.ts'

interface Declared {
  readonly route: RouteOptions
  readonly schema: RouteOptions['schema']
  readonly shared: () => Record<string, unknown>
  reader?: ArgumentReader
}

function asList<T>(hooks: T | T[] | undefined): T[] {
  return hooks === undefined ? [] : Array.isArray(hooks) ? hooks : [hooks]
}

function methodsOf({ method }: RouteOptions): string[] {
  return Array.isArray(method) ? method : [method]
}

/** Every route, as it is declared: its arguments are read by its schema, and it counts for the limit of its key. */
export function declareRoutes(app: App, paths: KnownPaths, limit: Limiter | undefined): void {
  const declared: Declared[] = []
  app.addHook('onRoute', function (route) {
    const entry: Declared = { route, schema: route.schema, shared: () => this.getSchemas() }
    declared.push(entry)
    paths.add(route.url, methodsOf(route))
    route.preValidation = [
      (request, _reply, done) => {
        entry.reader?.(request)
        done()
      },
      ...asList(route.preValidation),
    ]
    if (limit !== undefined && route.url.startsWith('/api/v1/')) {
      route.onRequest = [...asList(route.onRequest), limit]
    }
    if (route.schema !== undefined) route.schema = describedSchema(route)
  })
  app.addHook('onReady', async () => {
    const routes = declared.map(({ route }) => route)
    refuseUndeclared(routes, 'every route declares its scope (config.scope)', 'scope')
    const changing = routes.filter((route) => methodsOf(route).some((method) => changingMethods.has(method)))
    const named =
      'every route with a changing method declares its name in the audit log, or false (config.audit)'
    refuseUndeclared(changing, named, 'audit')
    compileReaders(declared)
  })
}

function refuseUndeclared(routes: readonly RouteOptions[], rule: string, member: 'scope' | 'audit'): void {
  const without = routes.filter(({ config }) => config?.[member] === undefined)
  if (without.length === 0) return
  const names = without.map((route) => `${methodsOf(route).join(',')} ${route.url}`)
  throw new Error(`${rule}; these do not: ${names.join('; ')}`)
}

/** HEAD shares the reader of its GET: the same schema, read in the same way. */
function compileReaders(declared: readonly Declared[]): void {
  const readers: ArgumentReaders = argumentReaders()
  const known = new Map<unknown, Map<string, ArgumentReader>>()
  for (const entry of declared) {
    const { schema = {}, route } = entry
    const ways = known.get(schema) ?? new Map<string, ArgumentReader>()
    const way = `${route.config?.anyQuery} ${route.config?.lenientBody}`
    entry.reader = ways.get(way) ?? readerOf(readers, entry)
    known.set(schema, ways.set(way, entry.reader))
  }
}

function readerOf(readers: ArgumentReaders, { schema = {}, route, shared }: Declared): ArgumentReader {
  try {
    return readers.reader(schema, route.config ?? {}, shared())
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`the schema of ${methodsOf(route).join(',')} ${route.url}: ${why}`, { cause })
  }
}

/** What OpenAPI shows beside what the route says: that public routes need no key, that bodies are closed. */
function describedSchema(route: RouteOptions): NonNullable<RouteOptions['schema']> {
  const { schema = {}, config } = route
  return {
    ...schema,
    ...(isJson(schema.response) && { response: { ...usualAnswers(route), ...schema.response } }),
    ...(schema.body !== undefined && { body: closed(schema.body) }),
    ...(config?.scope === 'public' && { security: [] }),
  }
}
