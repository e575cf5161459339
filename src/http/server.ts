/** The HTTP shell: one place for the rules that hold for every route. Routes know nothing of them. */
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger } from 'fastify'
import { type Logger, pino } from 'pino'
import type { TSchema } from 'typebox'
import type { App, RoutePlugin } from './app.ts'
import { type ApiKey, authenticator, type KeyRing, keyRing } from './auth.ts'
import { addressOf, requestIdOf } from './client.ts'
import { declareRoutes } from './declared-routes.ts'
import { refuseUnreadBodies, takeJsonBodies, usualBodyLimit } from './json-body.ts'
import { type KnownPaths, knownPaths } from './known-paths.ts'
import { refuseOtherSites } from './loopback.ts'
import { originForm, refuseOddRequest } from './odd-requests.ts'
import { describeRoutes } from './openapi.ts'
import { answerOf, sendAnswer } from './problem.ts'
import { limiter } from './rate-limit.ts'
import { type RawErrors, rawErrors } from './raw-errors.ts'
import { RequestLog } from './request-log.ts'
import { dashboardRoutes } from './routes/dashboard.ts'
import { docsRoutes } from './routes/docs.ts'
import { healthRoutes, type Readiness } from './routes/health.ts'
import { ProblemSchema } from './schema.ts'
import { fixedHeaders, securityHeaders } from './security-headers.ts'
import { shownPath } from './shown-path.ts'

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
  bodyLimit: usualBodyLimit,
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
  limitConnections(app, log)
  return app
}

/** Each takes memory and a file descriptor, of which the store and the vendors' connections need some as well. */
const mostConnections = 10_000

function limitConnections(app: App, log: FastifyBaseLogger): void {
  let refused = 0
  app.server.maxConnections = mostConnections
  app.server.on('drop', () => {
    const said = 'connections are refused: there are as many as the server takes'
    if (refused % 1000 === 0) log.warn({ mostConnections: app.server.maxConnections, refused }, said)
    refused++
  })
}

const noScopes: readonly string[] = []

/** Runs for every request, before anything else can fail. */
function begin(app: App, raw: RawErrors): void {
  app.decorate('ending', new AbortController())
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
