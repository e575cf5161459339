/** Part of the composition root: the routes, with what each of them needs. */
import type { Logger } from 'pino'
import type { Sources } from './commands/pick-source.ts'
import { limitedFilterSchema } from './config/filter.ts'
import { durationText } from './config/formats.ts'
import type { Config } from './config/model.ts'
import { type FeedLists, feedLists } from './feeds/feed-lists.ts'
import { inFeeds } from './feeds/feed-membership.ts'
import type { RoutePlugin } from './http/app.ts'
import type { ApiKey } from './http/auth.ts'
import { bridgeRoutes } from './http/routes/bridges.ts'
import { changeRoutes } from './http/routes/changes.ts'
import { effectRoutes } from './http/routes/effects.ts'
import { exporterRoutes } from './http/routes/exporters.ts'
import { exportRoutes } from './http/routes/exports.ts'
import { exporterSchema, exportSchema } from './http/routes/exports-schema.ts'
import { feedRoutes } from './http/routes/feeds.ts'
import { feedApiRoutes } from './http/routes/feeds-api.ts'
import { indicatorRoutes } from './http/routes/indicators.ts'
import { pollRoutes } from './http/routes/polls.ts'
import { pushRoutes } from './http/routes/push.ts'
import { runRoutes } from './http/routes/runs.ts'
import { sourceRunsRoutes } from './http/routes/source-runs.ts'
import { type SourceInfo, sourceRoutes, sourceSchemas } from './http/routes/sources.ts'
import { taxiiRoutes } from './http/routes/taxii.ts'
import { tcGetIndicators } from './http/routes/tc-get-indicators.ts'
import { tcGetOwners } from './http/routes/tc-get-owners.ts'
import { templatePreviewRoute } from './http/routes/template-preview.ts'
import { ticketRoutes } from './http/routes/tickets.ts'
import { bridgeSchema, effectSchema, pollSchema, ticketSchema } from './http/routes/tickets-schema.ts'
import type { ServerOptions } from './http/server.ts'
import { indicatorSchema } from './model/indicator-schema.ts'
import type { Bridges } from './pipeline/bridge/bridges.ts'
import type { Exports } from './pipeline/exports/exports.ts'
import type { Fetches } from './pipeline/schedule.ts'
import { absent } from './store/absent.ts'
import type { PostgresStore } from './store/postgres/index.ts'
import { collectionOf } from './taxii/resources.ts'

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

/** What a server keeps and does by itself. */
export interface Stored {
  /** The same that are fetched; closing the server leaves them open. */
  readonly configured: ConfiguredSources
  readonly store: PostgresStore
  readonly fetches: Fetches
  readonly exports: Exports
  readonly bridges: Bridges
  /** Keys beside those of the configuration; they count only where it has some. */
  readonly keys?: readonly ApiKey[]
}

/** @param stored absent: every route is there, and those that need a store answer that there is none */
export function routesOf(
  config: Config,
  environment: Pick<Environment, 'log' | 'version' | 'now'>,
  sources: Sources,
  stored: Pick<Stored, 'store' | 'fetches' | 'exports' | 'bridges'> | undefined,
): Pick<ServerOptions, 'routes' | 'schemas'> & { close(): void } {
  const { store, fetches, exports, bridges } = stored ?? nothingStored
  const { publicUrl } = config.server
  const shared = { store, ...(publicUrl !== undefined && { publicUrl }) }
  const { feeds } = config
  const lists =
    stored === undefined ? absent<FeedLists>('a store') : listsOf(config, environment, stored.store)
  const routes: RoutePlugin[] = [
    tcGetIndicators(sources),
    tcGetOwners(sources),
    sourceRoutes({ sources, infos: infosOf(config), store, fetches }),
    sourceRunsRoutes({ ...shared, sources, fetches }),
    runRoutes(shared),
    indicatorRoutes({
      ...shared,
      feedsOf: (indicator) => inFeeds(store, feeds, lists.state, indicator),
      exportsOf: ({ id }) => store.exportsWith(id, mostExportsTold),
    }),
    changeRoutes({ store }),
    feedRoutes({ ...shared, names: feeds.map(({ name }) => name), lists }),
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
    taxiiRoutes({
      ...shared,
      names: feeds.map(({ name }) => name),
      awaited: lists.awaited,
      refresh: lists.state,
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

const nothingStored: Pick<Stored, 'store' | 'fetches' | 'exports' | 'bridges'> = {
  store: absent<Stored['store']>('a store'),
  fetches: {
    fetch: absent<Fetches>('a store').fetch,
    nextFetch: () => null,
    stopping: new AbortController().signal,
  },
  exports: absent<Exports>('a store'),
  bridges: absent<Bridges>('a store'),
}
