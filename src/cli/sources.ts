/** The configured sources, for commands that ask them and end. */
import type { Command } from 'commander'
import { createSources } from '../app.ts'
import type { Sources } from '../commands/pick-source.ts'
import { environment } from '../config/environment.ts'
import { version } from '../version.ts'
import { interruptible } from './interruptible.ts'
import { configOf } from './load-config.ts'

/** @throws CommandError for whatever goes wrong, without the secrets of the configuration */
export async function withSources(
  program: Command,
  action: (sources: Sources, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const config = configOf(program)
  await interruptible(config, async (log, signal) => {
    const { sources, close } = createSources(config, { log, version, env: environment(), now: Date.now })
    try {
      await action(sources, signal)
    } finally {
      close()
    }
  })
}
