/** The composition root: the only place, with connectors.ts, that knows which sources, exporters and desks there are. */
import type { Registries } from './config/load.ts'
import type { Config } from './config/model.ts'
import { createSources } from './connectors.ts'
import { exporters as exporterKinds } from './exporters/index.ts'
import type { App } from './http/app.ts'
import type { Bridge } from './pipeline/bridge/bridge.ts'
import type { Environment, Stored } from './routes.ts'
import { sources as sourceKinds } from './sources/index.ts'
import type { Store } from './store/store.ts'
import type { Measured } from './telemetry/stored-gauges.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import { incidentSinks, ticketDesks } from './tickets/index.ts'

export const registries = {
  sources: sourceKinds,
  exporters: exporterKinds,
  ticketDesks,
  incidentSinks,
} satisfies Registries

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
  const telemetry = environment.telemetry ?? (await bareTelemetry(environment))
  const configured = stored?.configured ?? createSources(config, environment)
  const {
    routes,
    schemas = [],
    close,
  } = routesOf(config, { ...environment, telemetry }, configured.sources, stored)
  const server = await createServer({
    keys: stored?.keys ?? config.auth.keys,
    ...(config.server.publicUrl !== undefined && { publicUrl: config.server.publicUrl }),
    trustProxy: config.server.trustProxy,
    requestsPerMinute: stored?.requestsPerMinute ?? config.server.requestsPerMinute,
    logger: environment.log,
    version: environment.version,
    isReady: () => readiness(stored),
    routes,
    schemas,
    onlookers: [telemetry.look, ...(stored === undefined ? [] : await witnesses(stored, environment))],
  })
  server.addHook('onClose', async () => {
    close()
    if (stored === undefined) configured.close()
  })
  return server
}

/** Who looks on at requests for those who run the server. */
async function witnesses({ store }: Stored, { log, now }: Environment) {
  const [{ auditing }, { keyUse }] = await Promise.all([
    import('./http/audit.ts'),
    import('./http/key-use.ts'),
  ])
  return [keyUse({ store, log, now }), auditing({ store, log, now })]
}

/** What metrics tell of. */
export function measuredOf(
  {
    sources,
    feeds,
    exporters,
  }: Pick<Config, 'sources' | 'feeds'> & {
    readonly exporters: readonly { readonly name: string }[]
  },
  bridges: readonly Bridge[],
): Measured {
  const all = sources.map(({ name }) => name)
  return {
    sources,
    exporters: exporters.map(({ name }) => name),
    feeds: feeds.map((feed) => ({ name: feed.name, sources: feed.sources.length > 0 ? feed.sources : all })),
    bridges: bridges.map(({ name, desk }) => ({ name, everyMs: desk.everyMs })),
  }
}

/** Of a server that keeps nothing. */
async function bareTelemetry({ version, now }: Environment): Promise<Telemetry> {
  const [{ createMetrics }, { telemetryOf }] = await Promise.all([
    import('./telemetry/metrics.ts'),
    import('./telemetry/telemetry.ts'),
  ])
  return telemetryOf(createMetrics({ version, now }))
}

/** Never asks a vendor: a server without its vendors still serves what it has. */
async function readiness(
  stored: Pick<Stored, 'store' | 'isStopping'> | undefined,
): Promise<{ ok: boolean; reasons: string[] }> {
  if (stored?.isStopping?.()) return { ok: false, reasons: ['stopping'] }
  const store: Store | undefined = stored?.store
  const answer = await (store?.ready() ?? { ok: true as const })
  return answer.ok ? { ok: true, reasons: [] } : { ok: false, reasons: [`the store: ${answer.reason}`] }
}
