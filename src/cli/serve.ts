/** `feed-server serve`: the server with the user's configuration. */
import closeWithGrace from 'close-with-grace'
import type { Command } from 'commander'
import { environment } from '../config/environment.ts'
import type { LoadedConfig, LoadResult } from '../config/load.ts'
import { logFindings } from '../doctor/at-start.ts'
import { listenHost } from '../http/loopback.ts'
import { version } from '../version.ts'
import { configResult, loadedConfig } from './load-config.ts'
import { createLog } from './log.ts'
import type { Server } from './server.ts'
import { graceMs } from './stop.ts'
import { hasLostTerminal, outliveReader } from './terminal.ts'

export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('Runs the server; SIGTERM or Ctrl-C stops it within 10 s, a second one at once.')
    .action(async () => {
      await serve(loadedConfig(program), { load: () => configResult(program) })
    })
}

export interface ServeOptions {
  /** What to do about an address that can't be listened on; absent: what the configuration allows. */
  readonly remedy?: string
  beforeExit?(): Promise<void>
  /** Where the log goes; default: standard output. */
  readonly logTo?: NodeJS.WriteStream
  /** Reads the configuration again, at SIGHUP too; absent: it is always the same, and SIGHUP stops the server. */
  load?(): LoadResult
}

export interface Serving extends Pick<Server, 'store' | 'schedule'> {
  readonly url: string
}

/**
 * Listens and fetches, and stays until a signal ends it.
 * @throws CommandError when the address or the store can't be had
 */
export async function serve(
  started: LoadedConfig,
  { remedy, beforeExit, load, logTo = process.stdout }: ServeOptions = {},
): Promise<Serving> {
  const { config, file, warnings } = started
  let { secrets } = config
  const log = await createLog({ level: config.log.level, secrets: () => secrets, stream: logTo })
  outliveReader()
  const { host, note } = listenHost(config.server.host, config.auth.keys.length > 0)
  const noted = [...warnings, ...(note === undefined ? [] : [note])]
  for (const warning of noted) log.warn(warning)
  let hangUp = (): void => {
    if (hasLostTerminal()) process.exit(1)
    hungUp = true
  }
  let hungUp = false
  // Before there is a server to tell: it must not end by what it is reloaded with.
  if (load !== undefined) process.on('SIGHUP', () => hangUp())
  // The store is loaded for those who need it.
  const { createWholeServer } = await import('./server.ts')
  const server = await createWholeServer(
    config,
    { log, version, env: environment(), now: Date.now },
    {
      ...(file !== undefined && { file }),
      warnings: noted,
      again: {
        started,
        load: load ?? (() => started),
        // Old ones, too, may still be in use for a while.
        learn(more) {
          secrets = [...new Set([...secrets, ...more])]
        },
      },
    },
  )
  const doctor = new AbortController()
  let failed = false
  let stopping = false
  const skip = load === undefined ? [] : (['SIGHUP'] as const)
  const grace = closeWithGrace({ delay: graceMs, logger: log, skip: [...skip] }, async ({ signal, err }) => {
    if (err) log.fatal({ err }, 'stopping after an error that nobody handled')
    else if (!failed) log.info({ signal }, 'stopping')
    stopping = true
    doctor.abort()
    await server.stop()
    await beforeExit?.()
    if (failed) process.exit(1)
  })
  hangUp = () => {
    // Whoever closes a terminal wants to end what runs in it.
    if (hasLostTerminal()) return grace.close()
    if (stopping) return
    void server.reloadBySignal()
  }
  if (hungUp) hangUp()
  server.broken.then((error) => {
    if (error === undefined) return
    failed = true
    log.fatal({ err: error }, 'stopping, as the store has ended')
    grace.close()
  })
  try {
    const url = await server.start(host, config.server.port, remedy)
    // Nobody waits for it: a product that is slow or away keeps nothing from being served.
    if (config.server.doctorAtStart) void logFindings(server.patients(), log, doctor.signal)
    return { url, store: server.store, schedule: server.schedule }
  } catch (error) {
    // Stopped in the middle of its start: the stop ends the process.
    if (stopping) return new Promise(() => {})
    grace.uninstall()
    await server.stop()
    throw error
  }
}
