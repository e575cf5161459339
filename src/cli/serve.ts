/** `feed-server serve`: the server with the user's configuration. */
import type { AddressInfo } from 'node:net'
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { createApp } from '../app.ts'
import { environment } from '../config/environment.ts'
import type { Config } from '../config/model.ts'
import type { App } from '../http/app.ts'
import { listenHost } from '../http/loopback.ts'
import { version } from '../version.ts'
import { loadedConfig } from './load-config.ts'
import { createLog } from './log.ts'
import { CommandError } from './terminal.ts'

/** Work under way has this long to end after SIGTERM or SIGINT; a second signal ends it at once. */
const graceMs = 9000

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('Runs the server.')
    .action(async () => {
      const { config, warnings } = loadedConfig(program)
      await serve(config, warnings)
    })
}

export interface Served {
  readonly url: string
  readonly server: App
}

/** Listens, and stays until a signal ends it. @throws CommandError when the address can't be had */
export async function serve(
  config: Config,
  warnings: readonly string[],
  beforeExit: () => Promise<void> = async () => {},
): Promise<Served> {
  const log = createLog({ level: config.log.level, secrets: config.secrets, stream: process.stdout })
  for (const warning of warnings) log.warn(warning)
  for (const later of notServedYet(config)) log.warn(later)
  const server = await createApp(config, { log, version, env: environment(), now: Date.now })
  const { host, note } = listenHost(config.server.host, config.auth.keys.length > 0)
  if (note !== undefined) log.warn(note)
  const { port } = config.server
  try {
    await server.listen({ host, port })
  } catch (error) {
    await server.close()
    throw new CommandError(`can't listen on ${host}:${port}: ${(error as Error).message}`, 1)
  }
  closeWithGrace({ delay: graceMs, logger: log }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error that nobody handled')
    else log.info({ signal }, 'stopping')
    await server.close()
    await beforeExit()
  })
  const { address, port: bound, family } = server.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${bound}`
  log.info({ url, sources: config.sources.map(({ name }) => name) }, `listening on ${url}`)
  return { url, server }
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
    .map(([name, count]) => `${count} ${name} are configured, but this version does not serve ${name} yet`)
  if (config.store.kind === 'postgres') {
    unserved.push('store.url names a PostgreSQL, but this version stores nothing yet')
  }
  return unserved
}
