/** Part of the composition root: the routes, with what each of them needs. */
import type { Logger } from 'pino'
import type { Sources } from './commands/pick-source.ts'
import { limitedFilterSchema } from './config/filter.ts'
import { durationText } from './config/formats.ts'
import type { Config, SourceConfig } from './config/model.ts'
import type { Patient } from './doctor/doctor.ts'
import { type FeedLists, feedLists } from './feeds/feed-lists.ts'
import { inFeeds } from './feeds/feed-membership.ts'
import type { RoutePlugin } from './http/app.ts'
import type { ApiKey, KeyRing } from './http/auth.ts'
import { auditRoutes } from './http/routes/audit.ts'
import { bridgeRoutes } from './http/routes/bridges.ts'
import { bridgeSchema, pollSchema } from './http/routes/bridges-schema.ts'
import { changeRoutes } from './http/routes/changes.ts'
import { configReloadRoute, type Reload } from './http/routes/config-reload.ts'
import { doctorRoutes } from './http/routes/doctor.ts'
import { effectRoutes } from './http/routes/effects.ts'
import { exporterHistoryRoute } from './http/routes/exporter-history.ts'
import { exporterRoutes } from './http/routes/exporters.ts'
import { exportRoutes } from './http/routes/exports.ts'
import { exporterSchema, exportSchema } from './http/routes/exports-schema.ts'
import { feedHistoryRoute } from './http/routes/feed-history.ts'
import { feedRoutes } from './http/routes/feeds.ts'
import { feedApiRoutes } from './http/routes/feeds-api.ts'
import { indicatorRoutes } from './http/routes/indicators.ts'
import { keyRoutes } from './http/routes/keys.ts'
import { metricsRoutes } from './http/routes/metrics.ts'
import { pollRoutes } from './http/routes/polls.ts'
import { pushRoutes } from './http/routes/push.ts'
import { runRoutes } from './http/routes/runs.ts'
import { sourceHistoryRoute } from './http/routes/source-history.ts'
import { sourceRunsRoutes } from './http/routes/source-runs.ts'
import { type SourceInfo, sourceRoutes, sourceSchemas } from './http/routes/sources.ts'
import { storeFactsRoute } from './http/routes/store-facts.ts'
import { taxiiRoutes } from './http/routes/taxii.ts'
import { tcGetIndicators } from './http/routes/tc-get-indicators.ts'
import { tcGetOwners } from './http/routes/tc-get-owners.ts'
import { templatePreviewRoute } from './http/routes/template-preview.ts'
import { ticketRoutes } from './http/routes/tickets.ts'
import { effectSchema, ticketSchema } from './http/routes/tickets-schema.ts'
import type { ServerOptions } from './http/server.ts'
import { sourceCounts } from './http/source-counts.ts'
import { indicatorSchema } from './model/indicator-schema.ts'
import type { Bridges } from './pipeline/bridge/bridges.ts'
import type { Exports } from './pipeline/exports/exports.ts'
import type { Fetches } from './pipeline/schedule.ts'
import { absent } from './store/absent.ts'
import type { PostgresStore } from './store/postgres/index.ts'
import { collectionOf } from './taxii/resources.ts'
import type { Telemetry } from './telemetry/telemetry.ts'
import type { UpstreamSeen } from './upstream/http-client.ts'

export interface Environment {
  readonly log: Logger
  readonly version: string
  /** For the standard proxy variables. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch. */
  now(): number
  /** A request to a vendor ended. @param instance configured name of the source, exporter or bridge */
  upstreamAnswered?(instance: string, seen: UpstreamSeen): void
  /** What looks on. Absent: `/metrics` tells of the requests alone. */
  readonly telemetry?: Pick<Telemetry, 'metrics' | 'look'>
}

export interface ConfiguredSources {
  readonly sources: Sources
  /**
   * Makes a source anew, with other credentials or another way to its product; everything else of it stays.
   * @returns puts it into the place of the one there is
   */
  renew(access: Pick<SourceConfig, 'name' | 'settings' | 'timeoutMs' | 'proxy' | 'tls'>): () => void
  close(): void
}

/** What a server keeps and does by itself. */
export interface Stored {
  /** The same that are fetched; closing the server leaves them open. */
  readonly configured: ConfiguredSources
  readonly store: PostgresStore
  readonly fetches: Fetches
  readonly exports: Exports
  readonly bridges: Bridges
  /** What the doctor looks at. */
  patients(): readonly Patient[]
  /** In place of the keys of the configuration. */
  readonly keys?: KeyRing
  /** In place of that of the configuration. */
  readonly requestsPerMinute?: () => number
  /** Whether the server was told to stop. */
  readonly isStopping?: () => boolean
  /** Absent: the configuration can't be read again. */
  readonly reload?: Reload
}

/** @param stored absent: every route is there, and those that need a store answer that there is none */
export function routesOf(
  config: Config,
  environment: Pick<Environment, 'log' | 'version' | 'now'> & {
    readonly telemetry: Pick<Telemetry, 'metrics'>
  },
  sources: Sources,
  stored:
    | Pick<Stored, 'store' | 'fetches' | 'exports' | 'bridges' | 'patients' | 'reload' | 'keys'>
    | undefined,
): Pick<ServerOptions, 'routes' | 'schemas'> & { close(): void } {
  const { store, fetches, exports, bridges, patients } = stored ?? nothingStored
  const { publicUrl } = config.server
  const { metrics } = environment.telemetry
  const shared = { store, ...(publicUrl !== undefined && { publicUrl }) }
  const kept = { store, now: environment.now }
  const { feeds } = config
  const lists =
    stored === undefined ? absent<FeedLists>('a store') : listsOf(config, environment, stored.store)
  const routes: RoutePlugin[] = [
    tcGetIndicators(sources),
    tcGetOwners(sources),
    sourceRoutes({
      sources,
      infos: infosOf(config),
      store,
      fetches,
      counts: sourceCounts(store, environment.now),
    }),
    sourceRunsRoutes({ ...shared, sources, fetches }),
    runRoutes(shared),
    indicatorRoutes({
      ...shared,
      feedsOf: (indicator) => inFeeds(store, feeds, lists.state, indicator),
      exportsOf: ({ id }) => store.exportsWith(id, mostExportsTold),
    }),
    changeRoutes({ store }),
    feedRoutes({ ...shared, names: feeds.map(({ name }) => name), lists, answered: metrics.feedAnswered }),
    metricsRoutes(metrics),
    feedApiRoutes({
      ...shared,
      feeds,
      lists,
      collectionId: (feed) => collectionOf(feed).id,
      now: environment.now,
    }),
    pushRoutes({ exports, filter: limitedFilterSchema }),
    exportRoutes({ ...shared, exports }),
    exporterRoutes({ exports }),
    bridgeRoutes({ bridges }),
    pollRoutes({ ...shared, bridges }),
    ticketRoutes({ ...shared, bridges }),
    effectRoutes({ ...shared, bridges }),
    templatePreviewRoute({ bridges }),
    doctorRoutes({ patients, now: environment.now }),
    storeFactsRoute({ store, kind: config.store.kind }),
    configReloadRoute({ reload: stored?.reload }),
    sourceHistoryRoute({ ...kept, sources }),
    feedHistoryRoute({ ...kept, lists }),
    exporterHistoryRoute({ ...kept, exports }),
    keyRoutes({ store, keys: () => (stored?.keys?.all() ?? config.auth.keys).filter(isConfigured) }),
    auditRoutes(shared),
    taxiiRoutes({
      ...shared,
      names: feeds.map(({ name }) => name),
      awaited: lists.awaited,
      refresh: lists.state,
      answered: metrics.feedAnswered,
      now: () => new Date(environment.now()),
    }),
  ]
  return {
    routes,
    schemas: [
      indicatorSchema,
      ...sourceSchemas,
      exportSchema,
      exporterSchema,
      pollSchema,
      bridgeSchema,
      effectSchema,
      ticketSchema,
    ],
    close: stored === undefined ? () => {} : lists.close,
  }
}

/** The key of commands beside the server has an id that no configuration can have. */
function isConfigured({ id }: ApiKey): boolean {
  return !id.startsWith('(')
}

function infosOf({ sources }: Config): ReadonlyMap<string, SourceInfo> {
  return new Map(
    sources.map(({ name, kind, everyMs }) => [
      name,
      { kind, every: everyMs === null ? 'off' : durationText(everyMs) },
    ]),
  )
}

function listsOf(
  { feeds, sources, server: { publicUrl } }: Config,
  { log, version, now }: Pick<Environment, 'log' | 'version' | 'now'>,
  store: PostgresStore,
): FeedLists {
  return feedLists({
    feeds,
    sources: sources.map(({ name }) => name),
    store,
    log,
    version,
    ...(publicUrl !== undefined && { publicUrl }),
    now,
  })
}

/** Of one indicator, by its `why`. */
const mostExportsTold = 1000

const nothingStored: Pick<Stored, 'store' | 'fetches' | 'exports' | 'bridges' | 'patients'> = {
  store: absent<Stored['store']>('a store'),
  fetches: {
    fetch: absent<Fetches>('a store').fetch,
    nextFetch: () => null,
    stopping: new AbortController().signal,
  },
  exports: absent<Exports>('a store'),
  bridges: absent<Bridges>('a store'),
  patients: absent<Pick<Stored, 'patients'>>('a store').patients,
}
