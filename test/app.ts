/** The whole server over a simulator, as `serve` would make it, without listening. */
import { pino } from 'pino'
import { stringify } from 'yaml'
import { createApp, createSources, registries } from '../src/app.ts'
import { loadConfig } from '../src/config/load.ts'
import type { Config } from '../src/config/model.ts'
import { formatProblem } from '../src/config/problem.ts'
import { renderForCollections } from '../src/feeds/stix/objects.ts'
import type { App } from '../src/http/app.ts'
import { pipelineSources } from '../src/pipeline/pipeline-source.ts'
import { createSchedule, type Schedule } from '../src/pipeline/schedule.ts'
import { demoAccount } from '../src/sources/threatconnect/simulator/accounts.ts'
import { openPostgresStore, type PostgresStore } from '../src/store/postgres/index.ts'
import { freshDatabase } from './store/database.ts'

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
    readFile: () => stringify(file).replaceAll('${', () => '$${'),
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
  readonly store: PostgresStore
  /** Not started: its sources are fetched at its start. */
  readonly schedule: Schedule
}

/** With a store of its own, closed with the test. */
export async function storedApp(
  t: { teardown(after: () => Promise<void>): void },
  file: object,
  log = pino({ level: 'silent' }),
): Promise<StoredApp> {
  const config = configOf(file)
  const environment = { log, version: '0.0.0', env: {}, now: Date.now }
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection, log, render: renderForCollections })
  const configured = createSources(config, environment)
  const sources = pipelineSources(config, configured.sources)
  await store.registerSources(sources.map(({ name }) => name))
  await store.registerFeeds(config.feeds)
  const schedule = createSchedule({ store, sources, connection, exclusive: true, log, now: Date.now })
  const app = await createApp(config, environment, { configured, store, fetches: schedule })
  await app.ready()
  t.teardown(async () => {
    await Promise.all([app.close(), schedule.stop(1000)])
    configured.close()
    await store.close()
  })
  return { app, store, schedule }
}
