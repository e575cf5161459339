/** The composition root: the only place that knows which sources, exporters and desks there are. */
import { readFileSync } from 'node:fs'
import type { Registries } from './config/load.ts'
import type { BridgeEndConfig, Config, ExporterConfig, SourceConfig } from './config/model.ts'
import type { Exporter } from './exporters/exporter.ts'
import { exporters as exporterKinds } from './exporters/index.ts'
import type { App } from './http/app.ts'
import type { Bridge } from './pipeline/bridge/bridge.ts'
import { type Destination, destinations } from './pipeline/exports/destination.ts'
import type { PushTarget } from './pipeline/exports/push-request.ts'
import { createPermit, type Permit } from './pipeline/product/permit.ts'
import type { ConfiguredSources, Environment, Stored } from './routes.ts'
import { sources as sourceKinds } from './sources/index.ts'
import type { Source } from './sources/source.ts'
import type { FeedDefinition } from './store/feed-store.ts'
import type { Store } from './store/store.ts'
import { incidentSinks, ticketDesks } from './tickets/index.ts'
import { createHttpClient } from './upstream/got-client.ts'
import type { HttpClient } from './upstream/http-client.ts'
import { pacedClient, pacing } from './upstream/pacing.ts'

export const registries = {
  sources: sourceKinds,
  exporters: exporterKinds,
  ticketDesks,
  incidentSinks,
} satisfies Registries

export function createSources(config: Config, environment: Environment): ConfiguredSources {
  const clients = clientsOf(environment)
  const created = new Map<string, Source>()
  for (const source of config.sources) {
    const definition = definitionOf(sourceKinds, source.kind)
    const connect = (baseUrl: string) => clients.connect(source, baseUrl)
    const context = { name: source.name, connect, log: environment.log, now: environment.now }
    const options = { ...source, alwaysWhole: source.expiration.policy === 'suddenDeath' }
    created.set(source.name, definition.create(source.settings, options, context))
  }
  return { sources: created, close: clients.close }
}

export interface ConfiguredExporters {
  /** By name, in the order of the configuration. */
  readonly exporters: ReadonlyMap<string, Exporter>
  /** The same, as pushes know them. */
  readonly targets: readonly PushTarget[]
  /** The same, as who delivers knows them. */
  readonly destinations: readonly Destination[]
  /** What they forward, as feeds of the store. */
  readonly forwards: readonly FeedDefinition[]
  /** Ends every connection. */
  close(): void
}

/** All requests of an exporter, its logins too, pass one gate; the last that each does is to ask for leave. */
export function createExporters(
  config: Pick<Config, 'exporters'>,
  environment: Environment,
): ConfiguredExporters {
  const clients = clientsOf(environment)
  const { log, now } = environment
  const permit = createPermit()
  const targets = config.exporters.map((each): PushTarget => {
    const { name, kind, settings, concurrency, requestsPerMinute } = each
    const definition = definitionOf(exporterKinds, kind)
    const gate = pacing({ concurrency, requestsPerMinute, now: () => performance.now() })
    const connect = (baseUrl: string) => pacedClient(permitted(clients.connect(each, baseUrl), permit), gate)
    const exporter = definition.create(settings, { name, connect, log, now })
    return { ...each, definition, exporter }
  })
  const exporters = new Map(targets.map(({ name, exporter }) => [name, exporter]))
  const sending = destinations(config, exporters, exporterKinds).map((each) => ({ ...each, permit }))
  return {
    exporters,
    targets,
    destinations: sending,
    forwards: sending.flatMap(({ forward }) => (forward === null ? [] : [forward])),
    close: clients.close,
  }
}

export interface ConfiguredBridges {
  /** In the order of the configuration. */
  readonly bridges: readonly Bridge[]
  /** Ends every connection. */
  close(): void
}

/** All requests to one side of a bridge pass one gate; those that carry out an effect ask for leave last. */
export function createBridgeEnds(
  config: Pick<Config, 'bridges'>,
  environment: Environment,
): ConfiguredBridges {
  const clients = clientsOf(environment)
  const { log, now } = environment
  const permit = createPermit()
  const contextOf = (name: string, end: BridgeEndConfig) => {
    const { concurrency, requestsPerMinute } = end
    const gate = pacing({ concurrency, requestsPerMinute, now: () => performance.now() })
    const connect = (baseUrl: string) => pacedClient(permitted(clients.connect(end, baseUrl), permit), gate)
    return { name, connect, log, now }
  }
  const bridges = config.bridges.map((each): Bridge => {
    const { name, ticketDesk, incidentSink, retry, ...rules } = each
    const desk = definitionOf(ticketDesks, ticketDesk.kind)
    const sink = definitionOf(incidentSinks, incidentSink.kind)
    const { commentPrefix } = rules
    return {
      name,
      deskKind: desk.kind,
      sinkKind: sink.kind,
      desk: desk.create(ticketDesk.settings, contextOf(name, ticketDesk)),
      sink: sink.create(incidentSink.settings, {
        ...contextOf(name, incidentSink),
        readFile: (path) => readFileSync(path, 'utf8'),
        commentPrefix,
      }),
      rules,
      retry,
      // One more than its requests, so that none of them waits for the store.
      concurrency: incidentSink.concurrency + 1,
      permit,
    }
  })
  return { bridges, close: clients.close }
}

function permitted(client: HttpClient, permit: Permit): HttpClient {
  return {
    ...client,
    async send(request) {
      await permit.asked()
      request.signal?.throwIfAborted()
      return client.send(request)
    },
  }
}

type Instance = Pick<SourceConfig | ExporterConfig | BridgeEndConfig, 'kind' | 'timeoutMs' | 'proxy' | 'tls'>

function clientsOf({ env, version, log, now }: Environment) {
  const clients: HttpClient[] = []
  return {
    connect({ kind, timeoutMs, proxy, tls }: Instance, baseUrl: string): HttpClient {
      const userAgent = `indicator-feed-server/${version}`
      const client = createHttpClient({
        service: kind,
        ...{ baseUrl, timeoutMs, proxy, tls },
        ...{ env, userAgent, log, now },
      })
      clients.push(client)
      return client
    },
    close() {
      for (const client of clients) client.close()
    },
  }
}

function definitionOf<D extends { readonly kind: string }>(kinds: readonly D[], kind: string): D {
  const definition = kinds.find((each) => each.kind === kind)
  if (definition === undefined) throw new TypeError(`no connector of kind ${kind}`)
  return definition
}

/**
 * The HTTP server, not listening yet.
 *
 * @param stored without it the server only asks its sources live, which it closes with itself; what needs a store is
 * answered with STORE_UNAVAILABLE
 */
export async function createApp(config: Config, environment: Environment, stored?: Stored): Promise<App> {
  // Loaded here, not above: commands that only ask a source start in half the time without it.
  const { createServer } = await import('./http/server.ts')
  const { routesOf } = await import('./routes.ts')
  const configured = stored?.configured ?? createSources(config, environment)
  const { routes, schemas = [], close } = routesOf(config, environment, configured.sources, stored)
  const keys = config.auth.keys.length === 0 ? [] : [...config.auth.keys, ...(stored?.keys ?? [])]
  const server = await createServer({
    keys,
    ...(config.server.publicUrl !== undefined && { publicUrl: config.server.publicUrl }),
    trustProxy: config.server.trustProxy,
    requestsPerMinute: config.server.requestsPerMinute,
    logger: environment.log,
    version: environment.version,
    isReady: () => readiness(stored?.store),
    routes,
    schemas,
  })
  server.addHook('onClose', async () => {
    close()
    if (stored === undefined) configured.close()
  })
  return server
}

/** Never asks a vendor: a server without its vendors still serves what it has. */
async function readiness(store: Store | undefined): Promise<{ ok: boolean; reasons: string[] }> {
  const answer = await (store?.ready() ?? { ok: true as const })
  return answer.ok ? { ok: true, reasons: [] } : { ok: false, reasons: [`the store: ${answer.reason}`] }
}
