/** What every command that works and ends has around it: log, signals, and errors without secrets. */
import { constants } from 'node:os'
import type { Logger } from 'pino'
import type { Config } from '../config/model.ts'
import { CommandError, describe, type ExitCode, exitCodeOf } from './failure.ts'
import { createLog, withoutSecrets } from './log.ts'

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * A signal ends the work under way; a second one of its kind ends the process at once.
 * @throws CommandError for whatever goes wrong, without the secrets of the configuration
 */
export async function interruptible(
  { log: { level: configured }, secrets }: Pick<Config, 'log' | 'secrets'>,
  work: (log: Logger, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  // Good runs leave standard error empty: what the server logs by default is no news in a terminal.
  const level = configured === 'info' ? 'warn' : configured
  const log = await createLog({ level, secrets, stream: process.stderr })
  const controller = new AbortController()
  const interrupt = (signal: (typeof signals)[number]) => {
    const exitCode = (128 + constants.signals[signal]) as ExitCode
    controller.abort(new CommandError(`interrupted by ${signal}`, exitCode))
  }
  for (const signal of signals) process.once(signal, interrupt)
  try {
    await work(log, controller.signal)
  } catch (error) {
    throw new CommandError(withoutSecrets(describe(error), secrets), exitCodeOf(error))
  } finally {
    for (const signal of signals) process.off(signal, interrupt)
  }
}
