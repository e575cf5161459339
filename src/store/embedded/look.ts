/** A look at the folder of an embedded store from beside: nothing is made, started or kept from anybody. */
import { constants } from 'node:fs'
import { access, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { accountFor } from './account.ts'
import { findEngine } from './engine.ts'
import { codeOf, explained, orAbsent } from './errors.ts'
import { type Holder, holderAlive } from './holder.ts'
import { tryLock } from './lock.ts'

export interface FolderLook {
  /** The folder, or the closest above it that is there. */
  readonly standing: string
  /** Whether it holds a database. */
  readonly made: boolean
  /** What it says of itself; it may have ended without a word: `isHeld` tells. */
  readonly holder: Holder | undefined
}

/**
 * @param binaries as `store.binaries`
 * @throws StoreUnavailable when a server of this account could not use the folder
 */
export async function lookAtFolder(folder: string, binaries: string | undefined): Promise<FolderLook> {
  const standing = await explained('the folder of the store,', folder, () => usable(folder))
  if (standing === folder) {
    await explained('the store in', folder, () => accountFor(join(folder, 'pg')))
    const lock = join(folder, lockName)
    await explained('the file', lock, () => orAbsent(() => access(lock, constants.R_OK | constants.W_OK)))
  }
  findEngine(binaries)
  const made =
    standing === folder && (await orAbsent(() => stat(join(folder, 'pg/PG_VERSION')))) !== undefined
  const holder =
    standing === folder ? await orAbsent(async () => holderAlive(join(folder, lockName))) : undefined
  return { standing, made, holder }
}

const lockName = 'server.lock'

/** Takes the lock for an instant: only for a holder that does not answer. @throws StoreUnavailable */
export async function isHeld(folder: string): Promise<boolean> {
  const lock = await tryLock(join(folder, lockName))
  lock?.release()
  return lock === undefined
}

/** Whether a store was made there. @throws StoreUnavailable when this user can't tell */
export async function hasStore(folder: string): Promise<boolean> {
  return explained('the folder of the store,', folder, async () => {
    return (await orAbsent(() => stat(join(folder, 'pg')))) !== undefined
  })
}

/** @returns the folder, or the closest above it that is there @throws Error as `fs` does, when it can't be written */
export async function usable(folder: string): Promise<string> {
  const standing = await standingOf(folder)
  await access(standing, constants.W_OK | constants.X_OK)
  return standing
}

async function standingOf(folder: string): Promise<string> {
  const stats = await orAbsent(() => stat(folder)).catch((error: unknown) => {
    // `stat` says so of a file in the path's middle.
    if (codeOf(error) === 'ENOTDIR') return undefined
    throw error
  })
  if (stats === undefined) {
    const parent = dirname(folder)
    return parent === folder ? folder : standingOf(parent)
  }
  if (stats.isDirectory()) return folder
  throw Object.assign(new Error('a file stands there'), { code: 'ENOTDIR' })
}
