/** The HTTP shell: one place for the rules that hold for every route. Routes know nothing of them. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type RouteOptions } from 'fastify'
import { type Logger, pino } from 'pino'
import type { TSchema } from 'typebox'
import type { App, RoutePlugin } from './app.ts'
import { type ArgumentReader, type ArgumentReaders, argumentReaders } from './arguments.ts'
import { changingMethods } from './audit.ts'
import { type ApiKey, authenticator, type KeyRing, keyRing } from './auth.ts'
import { addressOf, requestIdOf } from './client.ts'
import { isJson } from './json.ts'
import { refuseUnreadBodies, takeJsonBodies } from './json-body.ts'
import { type KnownPaths, knownPaths } from './known-paths.ts'
import { refuseOtherSites } from './loopback.ts'
import { originForm, refuseOddRequest } from './odd-requests.ts'
import { describeRoutes } from './openapi.ts'
import { answerOf, sendAnswer } from './problem.ts'
import { type Limiter, limiter } from './rate-limit.ts'
import { type RawErrors, rawErrors } from './raw-errors.ts'
import { RequestLog } from './request-log.ts'
import { closed } from './request-schema.ts'
import { dashboardRoutes } from './routes/dashboard.ts'
import { docsRoutes } from './routes/docs.ts'
import { healthRoutes, type Readiness } from './routes/health.ts'
import { ProblemSchema } from './schema.ts'
import { fixedHeaders, securityHeaders } from './security-headers.ts'
import { shownPath } from './shown-path.ts'
import { usualAnswers } from './usual-answers.ts'

export interface ServerOptions {
  /** None: everyone is admin, and only loopback names are answered. A ring: others can take their place. */
  readonly keys: readonly ApiKey[] | KeyRing
  readonly publicUrl?: string
  /** As Fastify's: true, or the addresses of the proxies. */
  readonly trustProxy: boolean | string
  /** Of one key, under /api/v1; 0 is off. Asked at each request where it is a function. */
  readonly requestsPerMinute: number | (() => number)
  /** A logger, or the level of a new one. */
  readonly logger: Logger | string
  readonly version: string
  readonly routes: readonly RoutePlugin[]
  /** Schemas with an `$id` that routes of several plugins refer to: the components of the description. */
  readonly schemas?: readonly TSchema[]
  isReady(): Promise<Readiness>
  /** What looks on at every request: each adds hooks, and changes no answer. */
  readonly onlookers?: readonly ((app: App) => void)[]
}

const second = 1000

/** Slow clients are cut off; answers may take as long as a waiting request asks for. */
const limits = {
  bodyLimit: 1024 * 1024,
  requestTimeout: 120 * second,
  connectionTimeout: 600 * second,
  keepAliveTimeout: 72 * second,
  routerOptions: { maxParamLength: 4096 },
} as const

function create({ logger, trustProxy, publicUrl }: ServerOptions, ring: KeyRing, raw: RawErrors): App {
  const log: FastifyBaseLogger = typeof logger === 'string' ? pino({ level: logger }) : logger
  const logController = new RequestLog()
  const fixed = fixedHeaders(publicUrl)
  const app = Fastify({
    ...limits,
    trustProxy,
    loggerInstance: log,
    logController,
    rewriteUrl: ({ url = '/' }) => originForm(url),
    genReqId: (request) => requestIdOf(request.headers['x-request-id'], ring),
    // While the server stops, requests that reach it are still served.
    return503OnClosing: false,
    http: { headersTimeout: 15 * second, connectionsCheckingInterval: 5 * second, requireHostHeader: false },
    clientErrorHandler: (error, socket) => raw.clientError(error, socket, log),
    // No hook runs for these, so the line of the log is written here.
    frameworkErrors: (error, request, reply) => {
      reply.raw.once('finish', () => logController.requestCompleted(null, request, reply))
      sendAnswer(request, reply.headers(fixed), answerOf(error, request))
    },
  }).withTypeProvider<TypeBoxTypeProvider>()
  raw.attach(app.server, log)
  return app
}

const noScopes: readonly string[] = []

/** Runs for every request, before anything else can fail. */
function begin(app: App, raw: RawErrors): void {
  app.decorateRequest('route', null)
  app.decorateRequest('key', null)
  app.decorateRequest('failure', null)
  app.decorateRequest('address', '')
  app.decorateRequest('bytesBefore', 0)
  app.decorateRequest('scopes')
  app.addHook('onRequest', (request, reply, done) => {
    request.route = request.routeOptions.config
    request.scopes = noScopes
    request.address = addressOf(request)
    raw.begin(request, reply.raw)
    reply.header('x-request-id', request.id)
    if (request.route.url?.startsWith('/api/v1/')) reply.header('cache-control', 'no-store')
    done()
  })
  app.addHook('onRequestAbort', async (request) => {
    // It was we who ended the connection, and that is told already.
    if (request.failure !== null) return
    request.log.info({ method: request.method, path: shownPath(request) }, 'the client went away')
  })
}

/** Whom the server answers, and what: the order is from the cheapest check to the dearest. */
function guard(app: App, ring: KeyRing, paths: KnownPaths): void {
  const identify = authenticator(ring)
  app.addHook('onRequest', (request, _reply, done) => {
    refuseOddRequest(request)
    if (!ring.required) refuseOtherSites(request)
    if (request.is404) throw paths.error(request)
    const scope = request.route?.scope
    if (scope === undefined) throw new Error(`the route ${request.route?.url} has no scope`)
    if (scope !== 'public') {
      const { key, scopes } = identify(request, scope)
      request.key = key
      request.scopes = scopes
    }
    refuseUnreadBodies(request)
    done()
  })
  app.setNotFoundHandler((request) => {
    throw paths.error(request)
  })
  app.setErrorHandler((error, request, reply) => sendAnswer(request, reply, answerOf(error, request)))
}

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
function declareRoutes(app: App, paths: KnownPaths, limit: Limiter | undefined): void {
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

/**
 * The server with all its rules and routes, not yet listening. `ready()` and `listen()` reject where a route breaks a
 * rule: it declares no scope, or no name in the audit log, or its schema can't be compiled.
 */
export async function createServer(options: ServerOptions): Promise<App> {
  const {
    keys,
    publicUrl,
    requestsPerMinute,
    version,
    routes,
    schemas = [],
    isReady,
    onlookers = [],
  } = options
  const raw = rawErrors(fixedHeaders(publicUrl))
  const paths = knownPaths()
  const ring = 'replace' in keys ? keys : keyRing(keys)
  const app = create(options, ring, raw)
  begin(app, raw)
  for (const look of onlookers) look(app)
  securityHeaders(app, publicUrl)
  guard(app, ring, paths)
  takeJsonBodies(app)
  // The readers of arguments.ts validate; and no answer is changed or cut to fit a schema.
  app.setValidatorCompiler(() => () => true)
  app.setSerializerCompiler(() => (data) => JSON.stringify(data))
  for (const schema of [ProblemSchema, ...schemas]) app.addSchema(schema)
  const limit =
    requestsPerMinute === 0
      ? undefined
      : await limiter(
          app,
          typeof requestsPerMinute === 'number' ? () => requestsPerMinute : requestsPerMinute,
        )
  declareRoutes(app, paths, limit)
  await describeRoutes(app, { version, ...(publicUrl !== undefined && { publicUrl }) })
  for (const plugin of [healthRoutes(isReady), ...routes]) {
    await app.register(async (scope) => {
      await plugin(scope as App)
    })
  }
  await dashboardRoutes(app, { signIn: ring.required })
  await docsRoutes(app, publicUrl)
  return app
}
