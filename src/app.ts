/** The composition root: the only place that knows which sources, exporters and desks there are. */
import type { Logger } from 'pino'
import type { Sources } from './commands/pick-source.ts'
import type { Registries } from './config/load.ts'
import type { Config } from './config/model.ts'
import { exporters } from './exporters/index.ts'
import type { App } from './http/app.ts'
import { indicatorSchema } from './model/indicator-schema.ts'
import { sources as sourceKinds } from './sources/index.ts'
import type { Source, SourceDefinition } from './sources/source.ts'
import { incidentSinks, ticketDesks } from './tickets/index.ts'
import { createHttpClient } from './upstream/got-client.ts'
import type { HttpClient } from './upstream/http-client.ts'

export const registries: Registries = { sources: sourceKinds, exporters, ticketDesks, incidentSinks }

export interface Environment {
  readonly log: Logger
  readonly version: string
  /** For the standard proxy variables. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  now(): number
}

export interface ConfiguredSources {
  readonly sources: Sources
  close(): void
}

export function createSources(config: Config, environment: Environment): ConfiguredSources {
  const clients: HttpClient[] = []
  const created = new Map<string, Source>()
  for (const source of config.sources) {
    const definition = definitionOf(source.kind)
    const connect = (baseUrl: string) => {
      const client = createHttpClient({
        service: source.kind,
        baseUrl,
        timeoutMs: source.timeoutMs,
        proxy: source.proxy,
        env: environment.env,
        tls: source.tls,
        userAgent: `indicator-feed-server/${environment.version}`,
        log: environment.log,
        now: environment.now,
      })
      clients.push(client)
      return client
    }
    const context = { name: source.name, connect, log: environment.log, now: environment.now }
    created.set(source.name, definition.create(source.settings, source, context))
  }
  return {
    sources: created,
    close() {
      for (const client of clients) client.close()
    },
  }
}

function definitionOf(kind: string): SourceDefinition {
  const definition = sourceKinds.find((each) => each.kind === kind)
  if (definition === undefined) throw new TypeError(`no source of kind ${kind}`)
  return definition
}

/** The HTTP server over the sources, not listening yet; closing it closes their connections. */
export async function createApp(config: Config, environment: Environment): Promise<App> {
  // Loaded here, not above: commands that only ask a source start in half the time without it.
  const { createServer } = await import('./http/server.ts')
  const { sourceRoutes } = await import('./http/routes/sources.ts')
  const { tcGetIndicators } = await import('./http/routes/tc-get-indicators.ts')
  const { tcGetOwners } = await import('./http/routes/tc-get-owners.ts')
  const { sources, close } = createSources(config, environment)
  const server = await createServer({
    keys: config.auth.keys,
    ...(config.server.publicUrl !== undefined && { publicUrl: config.server.publicUrl }),
    trustProxy: config.server.trustProxy,
    requestsPerMinute: config.server.requestsPerMinute,
    logger: environment.log,
    version: environment.version,
    routes: [tcGetIndicators(sources), tcGetOwners(sources), sourceRoutes(sources)],
    // Nothing is stored yet, so nothing but the process itself can fail to be ready.
    isReady: async () => ({ ok: true, reasons: [] }),
    schemas: [indicatorSchema],
  })
  server.addHook('onClose', async () => close())
  return server
}
