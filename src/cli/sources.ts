/** The configured sources, for commands that ask them and end. */
import type { Command } from 'commander'
import { createSources } from '../app.ts'
import type { Sources } from '../commands/pick-source.ts'
import { environment } from '../config/environment.ts'
import { version } from '../version.ts'
import { configOf } from './load-config.ts'
import { createLog } from './log.ts'

/** Ctrl-C ends the requests under way. */
export async function withSources(
  program: Command,
  action: (sources: Sources, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const config = configOf(program)
  const log = createLog({ level: 'warn', secrets: config.secrets, stream: process.stderr })
  const { sources, close } = createSources(config, { log, version, env: environment(), now: Date.now })
  const controller = new AbortController()
  const interrupt = () => controller.abort(new Error('interrupted'))
  process.once('SIGINT', interrupt)
  try {
    await action(sources, controller.signal)
  } finally {
    process.off('SIGINT', interrupt)
    close()
  }
}
