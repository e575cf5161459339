/** The composition root: the only place that knows which sources, exporters and desks there are. */
import type { Registries } from './config/load.ts'
import type { Config } from './config/model.ts'
import { exporters } from './exporters/index.ts'
import type { App } from './http/app.ts'
import type { ConfiguredSources, Environment, Stored } from './routes.ts'
import { sources as sourceKinds } from './sources/index.ts'
import type { Source, SourceDefinition } from './sources/source.ts'
import type { Store } from './store/store.ts'
import { incidentSinks, ticketDesks } from './tickets/index.ts'
import { createHttpClient } from './upstream/got-client.ts'
import type { HttpClient } from './upstream/http-client.ts'

export const registries: Registries = { sources: sourceKinds, exporters, ticketDesks, incidentSinks }

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
    const options = { ...source, alwaysWhole: source.expiration.policy === 'suddenDeath' }
    created.set(source.name, definition.create(source.settings, options, context))
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
