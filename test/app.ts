/** The whole server over a simulator, as `serve` would make it, without listening. */
import { readFileSync } from 'node:fs'
import type { SpanExporter } from '@opentelemetry/sdk-trace'
import { pino } from 'pino'
import { stringify } from 'yaml'
import { createApp, measuredOf, registries } from '../src/app.ts'
import { loadConfig } from '../src/config/load.ts'
import type { Config } from '../src/config/model.ts'
import { formatProblem } from '../src/config/problem.ts'
import {
  type ConfiguredExporters,
  createBridgeEnds,
  createExporters,
  createSources,
} from '../src/connectors.ts'
import { patientsOf } from '../src/doctor/patients.ts'
import { renderForCollections } from '../src/feeds/stix/objects.ts'
import type { App } from '../src/http/app.ts'
import { createBridges } from '../src/pipeline/bridge/bridges-service.ts'
import { createExports } from '../src/pipeline/exports/exports.ts'
import { pipelineSources } from '../src/pipeline/pipeline-source.ts'
import { createSchedule, type Schedule } from '../src/pipeline/schedule.ts'
import { demoAccount } from '../src/sources/threatconnect/simulator/accounts.ts'
import { openPostgresStore, type PostgresStore } from '../src/store/postgres/index.ts'
import { startTelemetry } from '../src/telemetry/telemetry.ts'
import { type Connection, freshDatabase } from './store/database.ts'

/** An entry of `sources` with the simulator's account; `more` goes beside its settings, or replaces them. */
export function sourceEntry<M extends { settings?: object } | object>(baseUrl: string, more?: M): object {
  const { accessId, secretKey } = demoAccount
  const { settings, ...beside }: { readonly settings?: object } = more ?? {}
  return {
    name: 'tc',
    kind: 'threatconnect',
    ...beside,
    settings: { baseUrl, accessId, secretKey, ...settings },
  }
}

/** @param file the configuration, as its YAML would be read */
export function configOf(file: object): Config {
  const loaded = loadConfig({
    file: 'test.yaml',
    readFile: (path) =>
      path.endsWith('test.yaml') ? stringify(file).replaceAll('${', () => '$${') : readFileSync(path, 'utf8'),
    env: {},
    cwd: '/',
    registries,
  })
  if (!loaded.ok) throw new Error(loaded.errors.map(formatProblem).join('\n'))
  return loaded.config
}

/** Without a store: what needs none. */
export async function appWith(file: object, log = pino({ level: 'silent' })): Promise<App> {
  const app = await createApp(configOf(file), { log, version: '0.0.0', env: {}, now: Date.now })
  await app.ready()
  return app
}

export interface StoredApp {
  readonly app: App
  /** Ends all of it at once; otherwise it ends with the test. */
  stop(): Promise<void>
  /** Another one over the same store, as after a restart; closed with the test. */
  again(): Promise<App>
  readonly store: PostgresStore
  /** Not started: its sources are fetched at its start. */
  readonly schedule: Schedule
}

export type Sending = Pick<ConfiguredExporters, 'targets' | 'destinations' | 'close'>

export interface StoredOptions {
  /** Milliseconds since the epoch, of the whole server. Default the machine's. */
  readonly now?: () => number
  /** When a bridge looks up what may have been carried out. */
  readonly settleMs?: readonly number[]
  /** Of a database that is there already, as after a restart, or of another server. Default: a fresh one. */
  readonly connection?: Connection
  /** Whether no other server works on the database. Default true. */
  readonly exclusive?: boolean
  /** Takes the traces. Default: none are made. */
  readonly traces?: SpanExporter
}

/**
 * With a store of its own, closed with the test.
 * @param sending exporters in place of those that are configured
 */
export async function storedApp(
  t: { teardown(after: () => Promise<void>): void },
  file: object,
  log = pino({ level: 'silent' }),
  sending?: Sending,
  { now = Date.now, settleMs, exclusive = true, ...more }: StoredOptions = {},
): Promise<StoredApp> {
  const config = configOf(file)
  const connection = more.connection ?? (await freshDatabase(t)).connection
  const store = await openPostgresStore({
    ...{ connection, log, render: renderForCollections },
    now: () => new Date(now()),
  })
  const telemetry = await startTelemetry({
    ...{ log, version: '0.0.0', now, store },
    env: more.traces === undefined ? {} : { OTEL_TRACES_EXPORTER: 'otlp' },
    ...(more.traces && { exporter: more.traces }),
  })
  const { upstreamAnswered } = telemetry
  const environment = { log, version: '0.0.0', env: {}, now, telemetry, upstreamAnswered }
  const { targets, destinations, close } = sending ?? createExporters(config, environment)
  const configured = createSources(config, environment)
  const sources = pipelineSources(config, configured.sources)
  await store.registerSources(sources.map(({ name }) => name))
  await store.registerExporters(targets.map(({ name }) => name))
  const ends = createBridgeEnds(config, environment)
  await store.registerBridges(ends.bridges.map(({ name }) => name))
  const forwards = destinations.flatMap(({ forward }) => (forward === null ? [] : [forward]))
  await store.registerFeeds([...config.feeds, ...forwards])
  telemetry.metrics.measure(measuredOf({ ...config, exporters: targets }, ends.bridges))
  const schedule = createSchedule({
    ...{ store, sources, connection, exclusive, log, now, onlooker: telemetry.watch },
    exports: { destinations, store },
    bridges: {
      bridges: ends.bridges,
      store,
      triesPaused: true,
      holdsBack: !exclusive,
      ...(settleMs && { settleMs }),
    },
  })
  const bridges = createBridges({
    ...{ bridges: ends.bridges, store, log, now },
    stopping: schedule.stopping,
    wakeBridge: schedule.wakeBridge,
    wakePoll: schedule.wakePoll,
  })
  const exports = createExports({
    ...{ store, destinations: targets, feeds: config.feeds, log, now },
    sources: sources.map(({ name }) => name),
    stopping: schedule.stopping,
    wake: schedule.wake,
  })
  const patients = patientsOf({
    server: { config, warnings: [], host: config.server.host, connection, now },
    sources: configured.sources,
    exporters: new Map(targets.map(({ name, exporter }) => [name, exporter])),
    bridges: ends.bridges,
  })
  const apps: App[] = []
  const again = async () => {
    const stored = { configured, store, fetches: schedule, exports, bridges, patients: () => patients }
    const app = await createApp(config, environment, stored)
    apps.push(app)
    await app.ready()
    return app
  }
  const app = await again()
  let stopping: Promise<void> | undefined
  const end = async () => {
    await Promise.all([...apps.map((each) => each.close()), schedule.stop(1000)])
    configured.close()
    close()
    ends.close()
    await Promise.all([telemetry.stop(), store.close()])
  }
  const stop = () => {
    stopping ??= end()
    return stopping
  }
  t.teardown(stop)
  return { app, stop, again, store, schedule }
}
