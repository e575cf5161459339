/** `feed-server serve`: the server with the user's configuration. */
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { createApp } from '../app.ts'
import { environment } from '../config/environment.ts'
import type { Config } from '../config/model.ts'
import { listenHost } from '../http/loopback.ts'
import { version } from '../version.ts'
import { listenFailure } from './listen.ts'
import { loadedConfig } from './load-config.ts'
import { createLog } from './log.ts'
import { stopper } from './stop.ts'
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

/**
 * Listens, and stays until a signal ends it.
 * @returns the server's URL
 * @throws CommandError when the address can't be had
 */
export async function serve(
  config: Config,
  warnings: readonly string[],
  { remedy, beforeExit }: ServeOptions,
): Promise<string> {
  const log = await createLog({ level: config.log.level, secrets: config.secrets, stream: process.stdout })
  outliveReader()
  const { host, note } = listenHost(config.server.host, config.auth.keys.length > 0)
  for (const warning of [...warnings, ...notServedYet(config), ...(note === undefined ? [] : [note])]) {
    log.warn(warning)
  }
  if (config.sources.length > 0) {
    log.info(
      'sources are asked live: what belongs to scheduled fetches (every, expiration, exclusions and so on) has no effect yet',
    )
  }
  const server = await createApp(config, { log, version, env: environment(), now: Date.now })
  const stop = stopper(server, log)
  const grace = closeWithGrace({ delay: graceMs, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error that nobody handled')
    else log.info({ signal }, 'stopping')
    await stop()
    await beforeExit?.()
  })
  const { port } = config.server
  try {
    await server.listen({ host, port, listenTextResolver: (address) => `listening on ${address}` })
  } catch (error) {
    grace.uninstall()
    await server.close()
    throw listenFailure({ host, port }, error, remedy)
  }
  const { address, port: bound, family } = server.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
}

/** What the configuration asks for and this version does not do must not go unsaid. */
function notServedYet(config: Config): string[] {
  const parts = [
    ['feeds', config.feeds.length],
    ['exporters', config.exporters.length],
    ['bridges', config.bridges.length],
  ] as const
  const unserved = parts
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${name} are configured (${count}), but this version does not serve ${name} yet`)
  if (config.store.kind === 'postgres') {
    unserved.push('store.url names a PostgreSQL, but this version stores nothing yet')
  }
  return unserved
}
