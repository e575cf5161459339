/** The cluster's folder: made once, whole or not at all, and never touched when it is not what we expect. */
import { closeSync, fsyncSync, openSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Logger } from 'pino'
import { type Account, handOver, reaches } from './account.ts'
import type { Engine } from './engine.ts'
import { explained, orAbsent, StoreUnavailable } from './errors.ts'
import { messages, remedyFor } from './messages.ts'
import { run } from './run.ts'
import { watched } from './watchdog.ts'

export const superuser = 'postgres'

/** What starts programs of the engine in a folder. */
export interface Workshop {
  readonly engine: Engine
  readonly account: Account
  /** Descriptor of the lock that every process of the engine holds. */
  readonly lock: number
  readonly log: Logger
}

/**
 * The folder's name for the engine, which may not be able to walk to it: as root we open it, and it takes the open one.
 */
export async function withFolder<T>(
  folder: string,
  account: Account,
  work: (path: string, descriptor: number) => Promise<T>,
): Promise<T> {
  const descriptor = openSync(folder, 'r')
  try {
    return await work((await reaches(account, folder)) ? folder : '/proc/self/fd/5', descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/**
 * @param data the folder of the cluster
 * @param durable false: nothing is flushed to the disk
 * @throws StoreUnavailable
 */
export async function ensureCluster(data: string, durable: boolean, workshop: Workshop): Promise<void> {
  const found = await majorOf(data)
  const { engine } = workshop
  if (found === undefined) return initialise(data, durable, workshop)
  if (found === String(engine.major)) return
  throw new StoreUnavailable(
    `the data in ${data} is of PostgreSQL ${found}, and this engine is PostgreSQL ${engine.version}, which can't read it: back it up with the version of feed-server that wrote it (feed-server backup) and restore it here into an empty folder (feed-server restore), or name programs of PostgreSQL ${found} as store.binaries`,
  )
}

/** undefined: there is no cluster yet. */
async function majorOf(data: string): Promise<string | undefined> {
  return explained('the data in', data, async () => {
    const names = await orAbsent(() => readdir(data))
    if (names === undefined || names.length === 0) return undefined
    const version = await orAbsent(() => readFile(join(data, 'PG_VERSION'), 'utf8'))
    if (version !== undefined) return version.trim()
    throw new StoreUnavailable(
      `${data} is not empty, and no data of PostgreSQL either (it has no PG_VERSION): move it away, or choose another folder (store.url)`,
    )
  })
}

/** Under another name until it is complete: a crash leaves nothing that looks like a cluster. */
async function initialise(data: string, durable: boolean, workshop: Workshop): Promise<void> {
  const draft = `${data}.tmp`
  const { account, log } = workshop
  log.info({ folder: data }, 'the store is made')
  await explained('a new store in', data, async () => {
    await discard(draft, account)
    await mkdir(draft, { mode: 0o700 })
    try {
      await handOver(draft, account)
      await initdb(draft, durable, workshop)
      await rename(draft, data)
    } catch (error) {
      await discard(draft, account)
      throw error
    }
    if (durable) syncFolder(dirname(data))
  })
}

/** As the account that it belongs to: as root we would follow whatever that account put there. */
async function discard(folder: string, account: Account): Promise<void> {
  if ((await orAbsent(() => readdir(folder))) === undefined) return
  if (account.other) {
    await withFolder(folder, account, async (_path, descriptor) => {
      const script = 'cd /proc/self/fd/3 && rm -rf ./* ./.[!.]*'
      await run('/bin/sh', ['-c', script], { account, descriptors: [descriptor] })
    })
  }
  await rm(folder, { recursive: true, force: true })
}

async function initdb(folder: string, durable: boolean, workshop: Workshop): Promise<void> {
  const { engine, account, lock, log } = workshop
  const base = [
    '--data-checksums',
    '--encoding=UTF8',
    `--username=${superuser}`,
    '--auth=trust',
    '--no-instructions',
    ...(durable ? [] : ['--no-sync']),
  ]
  const attempt = (locale: readonly string[]) =>
    withFolder(folder, account, async (path, data) => {
      const heard = messages(log, () => {})
      const command = [join(engine.bin, 'initdb'), '-D', path, ...base, ...locale]
      const { ended } = await watched(command, { account, env: engine.env, lock, data, onLine: heard.onLine })
      return { how: await ended, words: heard.lastWords() }
    })
  const [best, plain] = localesOf(engine.major)
  const first = await attempt(best)
  const last = plain && /invalid locale/.test(first.words) ? await attempt(plain) : first
  if (last.how === success) return
  throw notMade(folder, last.words || last.how, account)
}

function notMade(draft: string, words: string, { uid }: Account): StoreUnavailable {
  const where = `a new store in ${dirname(draft)} could not be made`
  if (/could not look up effective user ID/.test(words)) {
    return new StoreUnavailable(
      `${where}: PostgreSQL wants the name of its user, and user ${uid} has none: add it to /etc/passwd (feed:x:${uid}:${uid}::/:/bin/false), or run as a user that is in there`,
    )
  }
  return new StoreUnavailable(`${where}${remedyFor(words)}: ${words.replace(/^initdb: /, '')}`)
}

const success = 'it ended with 0'

/**
 * Order by code point and the letters of Unicode, the same on every machine: from 17 on the engine has that itself,
 * before it the system has it or does not.
 */
function localesOf(major: number): readonly [readonly string[], (readonly string[])?] {
  if (major >= 17) return [['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']]
  return [['--locale=C.UTF-8'], ['--locale=C']]
}

function syncFolder(folder: string): void {
  const descriptor = openSync(folder, 'r')
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
