/** The configured sources, for commands that ask them and end. */
import { constants } from 'node:os'
import type { Command } from 'commander'
import { createSources } from '../app.ts'
import type { Sources } from '../commands/pick-source.ts'
import { environment } from '../config/environment.ts'
import { version } from '../version.ts'
import { CommandError, describe, type ExitCode, exitCodeOf } from './failure.ts'
import { configOf } from './load-config.ts'
import { createLog, withoutSecrets } from './log.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A signal ends the requests under way; a second one of its kind ends the process at once.
 * @throws CommandError for whatever goes wrong, without the secrets of the configuration
 */
export async function withSources(
  program: Command,
  action: (sources: Sources, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const config = configOf(program)
  const { secrets } = config
  // Good runs leave standard error empty: what the server logs by default is no news in a terminal.
  const level = config.log.level === 'info' ? 'warn' : config.log.level
  const log = await createLog({ level, secrets, stream: process.stderr })
  const surroundings = { log, version, env: environment(), now: Date.now }
  const { sources, close } = createSources(config, surroundings)
  const controller = new AbortController()
  const interrupt = (signal: (typeof signals)[number]) => {
    const exitCode = (128 + constants.signals[signal]) as ExitCode
    controller.abort(new CommandError(`interrupted by ${signal}`, exitCode))
  }
  for (const signal of signals) process.once(signal, interrupt)
  try {
    await action(sources, controller.signal)
  } catch (error) {
    throw new CommandError(withoutSecrets(describe(error), secrets), exitCodeOf(error))
  } finally {
    for (const signal of signals) process.off(signal, interrupt)
    close()
  }
}
