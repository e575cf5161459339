/** The private PostgreSQL of one server: started with it, ended with it, reachable for nobody else. */
import { existsSync } from 'node:fs'
import { mkdir, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { accountFor } from './account.ts'
import { ensureCluster, superuser, type Workshop, withFolder } from './cluster.ts'
import { lockEngine, removeTraces } from './earlier.ts'
import { openEngine } from './engine.ts'
import { codeOf, explained, StoreUnavailable } from './errors.ts'
import { type Ownership, own } from './holder.ts'
import { usable } from './look.ts'
import { type Messages, messages, remedyFor } from './messages.ts'
import { makePlace, type Place, port } from './place.ts'
import { asArguments, fixed } from './settings.ts'
import { type Watched, watched } from './watchdog.ts'

export interface EmbeddedOptions {
  /** Made when it is missing: the data is in its `pg`, the socket in its `run`. */
  readonly folder: string
  /** `store.binaries`: an installed PostgreSQL 15 or later, its folder or its `bin`; absent: the npm package. */
  readonly binaries?: string
  readonly log: Logger
  /** Settings of PostgreSQL for tests and benchmarks; what the supervisor depends on can't be set. */
  readonly settings?: Readonly<Record<string, string>>
  /** Where the server's API answers, for whoever finds the folder in use; `announce` tells it later. */
  readonly url?: string
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Where root's copy of an engine goes that no other user can read; the first folder that works. */
  readonly caches?: readonly string[]
}

export interface EmbeddedPostgres {
  /** For `pg`: host is the folder of the socket. */
  readonly connection: {
    readonly host: string
    readonly port: number
    readonly user: string
    readonly database: string
  }
  /** Why the engine ended without being asked; undefined once it was asked to by `stop`. */
  readonly ended: Promise<StoreUnavailable | undefined>
  /** Tells whoever finds the folder in use where the server's API answers. */
  announce(url: string): void
  /**
   * Open transactions are rolled back, the rest is written; an engine that takes longer than 7 s is ended by force,
   * which loses nothing that was committed. The folder is free afterwards, even when the engine had ended before.
   */
  stop(): Promise<void>
}

/**
 * One server owns a folder; while it runs, this process need not stay alive for the engine, which ends with it.
 *
 * @throws StoreInUse when another process owns the folder; it names it
 * @throws StoreUnavailable when the engine or its data can't be used; it says why and what to do
 */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  if (process.platform === 'win32') {
    throw new StoreUnavailable(
      'the embedded PostgreSQL does not run on Windows: use a server (store.url: postgres://…)',
    )
  }
  const folder = resolve(options.folder)
  await explained('the folder of the store,', folder, () => make(folder))
  const ownership = await own(folder, { now: options.now ?? Date.now, url: options.url, log: options.log })
  try {
    return await explained('the store in', folder, () => startOwned(folder, ownership, options))
  } catch (error) {
    ownership.release()
    throw error
  }
}

/** One by one: where nothing can be made, as in /proc, Node's own `recursive` tries without end. */
async function make(folder: string): Promise<void> {
  const parent = dirname(folder)
  if (parent !== folder && !existsSync(parent)) await make(parent)
  try {
    await mkdir(folder, { mode: 0o700 })
  } catch (error) {
    if (codeOf(error) === 'EEXIST' && (await stat(folder)).isDirectory()) return
    // Node says so of a file system that is read-only.
    if (codeOf(error) === 'ENOENT') await usable(folder)
    throw error
  }
}

const commonCaches = ['/var/cache/indicator-feed-server', join(tmpdir(), 'indicator-feed-server')]

async function startOwned(
  folder: string,
  ownership: Ownership,
  { log, binaries, settings = {}, caches = commonCaches }: EmbeddedOptions,
): Promise<EmbeddedPostgres> {
  const data = join(folder, 'pg')
  const account = await accountFor(data)
  const lock = await lockEngine(folder, log)
  try {
    const place = await makePlace(folder, account)
    try {
      const chosen = binaries === undefined ? {} : { binaries }
      const engine = await openEngine({ ...chosen, account, libraries: place.libraries, caches })
      const workshop = { engine, account, lock: lock.descriptor, log }
      await ensureCluster(data, settings.fsync !== 'off', workshop)
      await removeTraces(data)
      const launched = await launch(data, place, settings, workshop)
      return supervised(launched, { folder, place, ownership })
    } catch (error) {
      await place
        .remove()
        .catch((failure) => log.warn({ err: failure }, 'what the store needed stays behind'))
      throw error
    }
  } finally {
    // The engine has it now.
    lock.release()
  }
}

interface Launched {
  readonly engine: Watched
  readonly heard: Messages
}

async function launch(
  data: string,
  { sockets }: Place,
  settings: Readonly<Record<string, string>>,
  { engine: { bin, env }, account, lock, log }: Workshop,
): Promise<Launched> {
  const ready = Promise.withResolvers<'ready'>()
  const heard = messages(log, (line) => {
    if (line.includes('database system is ready to accept connections')) ready.resolve('ready')
  })
  return withFolder(data, account, async (path, descriptor) => {
    const command = [join(bin, 'postgres'), '-D', path, ...asArguments(settings, fixed(sockets, port))]
    const engine = await watched(command, { account, env, lock, data: descriptor, onLine: heard.onLine })
    const patience = setInterval(() => {
      log.info({ folder: data }, 'the embedded PostgreSQL is still starting: after a crash it first recovers')
    }, 10_000)
    const how = await Promise.race([ready.promise, engine.ended]).finally(() => clearInterval(patience))
    if (how === 'ready') return { engine, heard }
    const words = heard.lastWords()
    throw new StoreUnavailable(
      `the embedded PostgreSQL in ${data} did not start${remedyFor(words)}: ${words || how}`,
    )
  })
}

interface Owned {
  readonly folder: string
  readonly place: Place
  readonly ownership: Ownership
}

/** How long each way of stopping may take before the next one is tried. */
const steps = [
  ['SIGINT', 7000],
  ['SIGQUIT', 3000],
  ['SIGKILL', 5000],
] as const

function supervised({ engine, heard }: Launched, { folder, place, ownership }: Owned): EmbeddedPostgres {
  let stopped: Promise<void> | undefined
  const ended = engine.ended.then((how) => {
    if (stopped !== undefined) return undefined
    const words = heard.lastWords()
    return new StoreUnavailable(
      `the embedded PostgreSQL in ${folder} ended${remedyFor(words)}: ${how}; ${words}`,
    )
  })
  const stop = async () => {
    engine.hold(true)
    try {
      await end(engine)
      await place.remove()
    } finally {
      ownership.release()
    }
  }
  engine.hold(false)
  return {
    connection: { host: place.sockets, port, user: superuser, database: 'postgres' },
    ended,
    announce: ownership.announce,
    stop() {
      stopped ??= stop()
      return stopped
    },
  }
}

async function end(engine: Watched): Promise<void> {
  for (const [signal, ms] of steps) {
    engine.kill(signal)
    const timer = new AbortController()
    const late = wait(ms, 'late', timer).catch(() => 'stopped')
    const how = await Promise.race([engine.ended, late])
    timer.abort()
    if (how !== 'late') return
  }
}
