/** Where the engine's socket and the links to its libraries are: in the data folder, where that works. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, mkdir, rm, rmdir } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Account, assertOurs, handOver, reaches } from './account.ts'
import { removeLinks } from './engine.ts'
import { codeOf, explained, orAbsent, StoreUnavailable } from './errors.ts'

export interface Place {
  /** Only the engine's account, and root, get into it. */
  readonly sockets: string
  /** Need not exist. */
  readonly libraries: string
  /** Removes what does not outlive the server. */
  remove(): Promise<void>
}

/** The path of a Unix socket is at most 107 bytes long on Linux, 103 on macOS. */
const maxSocketPath = 103
export const port = 5432
const socketName = `.s.PGSQL.${port}`

/**
 * A data folder whose path is too long for a socket, or that the engine's account can't walk to, has a short folder of
 * its own in the temporary folder beside it.
 */
export async function makePlace(folder: string, account: Account): Promise<Place> {
  if (isShort(folder) && (await reaches(account, folder))) return place(folder, account, false)
  const hash = createHash('sha256').update(folder).digest('hex').slice(0, 16)
  for (const parent of new Set([tmpdir(), '/tmp'])) {
    const base = join(parent, `feed-server-${hash}`)
    if (!isShort(base) || !existsSync(parent) || !(await reaches(account, parent))) continue
    return explained('the folder for the socket,', base, async () => {
      await makeFolder(base, account.other ? 0o711 : 0o700)
      return place(base, account, true)
    })
  }
  throw new StoreUnavailable(
    `there is no folder for the socket of PostgreSQL: ${folder} is too long a path or closed to user ${account.uid}, and so is ${tmpdir()}; choose another folder (store.url), or set TMPDIR`,
  )
}

function isShort(base: string): boolean {
  return Buffer.byteLength(join(base, 'run', socketName)) <= maxSocketPath
}

async function place(base: string, account: Account, temporary: boolean): Promise<Place> {
  const sockets = join(base, 'run')
  const libraries = join(base, 'pg-libraries')
  const remove = async () => {
    await removeSockets(sockets)
    await removeLinks(libraries)
    if (temporary) await rmdir(base)
  }
  return explained('the folder for the socket,', sockets, async () => {
    await removeSockets(sockets)
    try {
      await mkdir(sockets, { mode: 0o700 })
      await handOver(sockets, account)
    } catch (error) {
      await remove()
      throw error
    }
    return { sockets, libraries, remove }
  })
}

/** By name: the folder is the engine's account's, and as root we would follow whatever it put there. */
async function removeSockets(folder: string): Promise<void> {
  for (const name of [socketName, `${socketName}.lock`]) await rm(join(folder, name), { force: true })
  await orAbsent(() => rmdir(folder))
}

/** One of ours may be there already; somebody else's is refused. */
async function makeFolder(path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, { mode })
    // The mode of `mkdir` is narrowed by the umask.
    await chmod(path, mode)
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error
    await assertOurs(path)
    await chmod(path, mode)
  }
}
