/** Takes a configuration that was read again, as far as a running server can, all of it or nothing. */
import type { Logger } from 'pino'
import { registries } from '../app.ts'
import { textOfPath } from '../config/difference.ts'
import type { LoadedConfig, LoadResult } from '../config/load.ts'
import type { Config } from '../config/model.ts'
import { type ConfigProblem, formatProblem } from '../config/problem.ts'
import { type Renewal, runningSettings, sortChanges } from '../config/reloadable.ts'
import type { ConfiguredBridges, ConfiguredExporters } from '../connectors.ts'
import { ServiceError } from '../errors.ts'
import type { Reload, Reloaded } from '../http/routes/config-reload.ts'
import type { ConfiguredSources } from '../routes.ts'

export interface ReloadOptions {
  /** What the server was started with. */
  readonly started: LoadedConfig
  /** Reads it again. */
  load(): LoadResult
  readonly log: Logger
  /** Secrets that nothing written may hold from now on, before anything is done with them. */
  learn(secrets: readonly string[]): void
  /** Makes a connector anew. @returns puts it into the place of the one there is @throws Error: nothing has changed */
  renew(renewal: Renewal, config: Config): () => void
  /** Takes what is left: keys, limits and times. */
  take(config: Config): void
  /** A product may take what it refused before. */
  renewed(renewal: Renewal): Promise<void>
}

/** One after the other. */
export function reloader(options: ReloadOptions): Reload {
  const { load, log } = options
  let running = runningSettings(options.started)
  let last: Promise<unknown> = Promise.resolve()

  const apply = async (loaded: LoadedConfig): Promise<Reloaded> => {
    const { config, warnings } = loaded
    options.learn(config.secrets)
    const { renewals, ...sorted } = sortChanges(running, loaded, registries)
    const commits = renewals.map((renewal) => options.renew(renewal, config))
    const applied = sorted.applied.map(textOfPath)
    const restart = sorted.restart.map(textOfPath)
    // Under the old level, and before anything that only the new one lets through.
    for (const warning of warnings) log.warn(warning)
    log.info({ applied, restart }, 'the configuration was read again')
    if (applied.length > 0) options.take(config)
    for (const commit of commits) commit()
    running = sorted.running
    for (const renewal of renewals) {
      await options
        .renewed(renewal)
        .catch((error: unknown) => log.warn({ err: error }, 'what was paused is tried at the next occasion'))
    }
    return { applied, restart }
  }
  const reload = async (): Promise<Reloaded> => {
    const loaded = load()
    if (!loaded.ok) {
      for (const problem of loaded.errors) {
        log.error({ problem: formatProblem(problem) }, 'the configuration is refused; the one there is stays')
      }
      throw refusal(loaded.errors)
    }
    return apply(loaded)
  }
  return () => {
    const mine = last.then(reload)
    last = mine.catch(() => {})
    return mine
  }
}

function refusal(errors: readonly ConfigProblem[]): ServiceError {
  const count = errors.length === 1 ? 'an error' : `${errors.length} errors`
  return new ServiceError('CONFIGURATION_REFUSED', `the configuration has ${count}; nothing has changed`, {
    errors: errors.map((problem) => ({ pointer: pointerOf(problem.path), detail: formatProblem(problem) })),
  })
}

/** `sources[0].settings.baseUrl` as a JSON pointer. */
function pointerOf(path: string): string {
  const names = path.split(/[.[\]]+/).filter((name) => name !== '')
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** Makes a connector anew. @returns puts it into its place */
export function renewed(
  renewal: Renewal,
  { sources, exporters, bridges }: Config,
  { configured, sending, ends }: Connectors,
): () => void {
  const named = <E extends { readonly name: string }>(entries: readonly E[]): E => {
    const entry = entries.find(({ name }) => name === renewal.name)
    if (entry === undefined) throw new TypeError(`nothing of the name ${renewal.name} is configured`)
    return entry
  }
  if (renewal.part === 'source') return configured.renew(named(sources))
  if (renewal.part === 'exporter') return sending.renew(named(exporters))
  return ends.renew(renewal.name, renewal.end, named(bridges)[renewal.end])
}

interface Connectors {
  readonly configured: ConfiguredSources
  readonly sending: ConfiguredExporters
  readonly ends: ConfiguredBridges
}
