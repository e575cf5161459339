/** What is configured, for commands that ask it and end. */
import type { Command } from 'commander'
import type { Logger } from 'pino'
import type { Sources } from '../commands/pick-source.ts'
import { environment } from '../config/environment.ts'
import type { LoadedConfig } from '../config/load.ts'
import { createBridgeEnds, createExporters, createSources } from '../connectors.ts'
import type { Exporter } from '../exporters/exporter.ts'
import type { Bridge } from '../pipeline/bridge/bridge.ts'
import { version } from '../version.ts'
import { interruptible } from './interruptible.ts'
import { loadedConfig } from './load-config.ts'

export interface Connectors {
  readonly loaded: LoadedConfig
  readonly log: Logger
  readonly sources: Sources
  readonly exporters: ReadonlyMap<string, Exporter>
  readonly bridges: readonly Bridge[]
}

/** @throws CommandError for whatever goes wrong, without the secrets of the configuration */
export async function withConnectors(
  program: Command,
  action: (connectors: Connectors, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const loaded = loadedConfig(program)
  const { config } = loaded
  await interruptible(config, async (log, signal) => {
    const surroundings = { log, version, env: environment(), now: Date.now }
    const { sources, close } = createSources(config, surroundings)
    const sending = createExporters(config, surroundings)
    const ends = createBridgeEnds(config, surroundings)
    try {
      const { exporters } = sending
      await action({ loaded, log, sources, exporters, bridges: ends.bridges }, signal)
    } finally {
      close()
      sending.close()
      ends.close()
    }
  })
}

/** @throws CommandError as above */
export function withSources(
  program: Command,
  action: (sources: Sources, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  return withConnectors(program, ({ sources }, signal) => action(sources, signal))
}
