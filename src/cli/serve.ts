/** `feed-server serve`: the server with the user's configuration. */
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { environment } from '../config/environment.ts'
import type { Config } from '../config/model.ts'
import { listenHost } from '../http/loopback.ts'
import { version } from '../version.ts'
import { loadedConfig } from './load-config.ts'
import { createLog } from './log.ts'
import type { Server } from './server.ts'
import { outliveReader } from './terminal.ts'

/** All of the stop: SIGKILL comes after 10 s with most supervisors. A second signal ends the process at once. */
const graceMs = 9000

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('Runs the server; SIGTERM or Ctrl-C stops it within 10 s, a second one at once.')
    .action(async () => {
      const { config, warnings } = loadedConfig(program)
      await serve(config, warnings, { remedy: 'stop it, or set another server.port or FEED_PORT' })
    })
}

export interface ServeOptions {
  /** What to do about an address that can't be listened on. */
  readonly remedy: string
  beforeExit?(): Promise<void>
}

export interface Serving extends Pick<Server, 'store' | 'schedule'> {
  readonly url: string
}

/**
 * Listens and fetches, and stays until a signal ends it.
 * @throws CommandError when the address or the store can't be had
 */
export async function serve(
  config: Config,
  warnings: readonly string[],
  { remedy, beforeExit }: ServeOptions,
): Promise<Serving> {
  const log = await createLog({ level: config.log.level, secrets: config.secrets, stream: process.stdout })
  outliveReader()
  const { host, note } = listenHost(config.server.host, config.auth.keys.length > 0)
  for (const warning of [...warnings, ...(note === undefined ? [] : [note])]) {
    log.warn(warning)
  }
  // The store is loaded for those who need it.
  const { createWholeServer } = await import('./server.ts')
  const server = await createWholeServer(config, { log, version, env: environment(), now: Date.now })
  let failed = false
  let stopping = false
  const grace = closeWithGrace({ delay: graceMs, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error that nobody handled')
    else if (!failed) log.info({ signal }, 'stopping')
    stopping = true
    await server.stop()
    await beforeExit?.()
    if (failed) process.exit(1)
  })
  server.broken.then((error) => {
    if (error === undefined) return
    failed = true
    log.fatal({ err: error }, 'stopping, as the store has ended')
    grace.close()
  })
  try {
    const url = await server.start(host, config.server.port, remedy)
    return { url, store: server.store, schedule: server.schedule }
  } catch (error) {
    // Stopped in the middle of its start: the stop ends the process.
    if (stopping) return new Promise(() => {})
    grace.uninstall()
    await server.stop()
    throw error
  }
}
