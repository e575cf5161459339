/** As whom the engine runs: PostgreSQL refuses to run as root. */
import { chown, lstat, realpath, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { faultOf, orAbsent, StoreUnavailable } from './errors.ts'

export interface Account {
  readonly uid: number
  readonly gid: number
  /** The server is root and the engine is not: what it needs has to be handed to it. */
  readonly other: boolean
}

/** `nobody` on every Linux. */
const unprivileged = 65_534

/**
 * Our own account; as root `nobody`, or whoever the data belongs to already.
 *
 * @param data the cluster's folder, which need not exist
 * @throws StoreUnavailable when the data belongs to somebody whom we can't run as
 */
export async function accountFor(data: string): Promise<Account> {
  const [uid, gid] = [process.getuid?.(), process.getgid?.()]
  if (uid === undefined || gid === undefined) throw new Error('there are no user ids on this platform')
  const owner = await orAbsent(() => stat(data))
  if (uid !== 0) {
    if (owner !== undefined && owner.uid !== uid) throw foreign(data, owner.uid, uid)
    return { uid, gid, other: false }
  }
  if (owner?.uid === 0) {
    const remedy = `chown -R ${unprivileged}:${unprivileged} ${data}`
    throw new StoreUnavailable(
      `${data} belongs to root, and PostgreSQL does not run as root: give it to another user (${remedy})`,
    )
  }
  return { uid: owner?.uid ?? unprivileged, gid: owner?.gid ?? unprivileged, other: true }
}

function foreign(data: string, owner: number, uid: number): StoreUnavailable {
  return new StoreUnavailable(
    `${data} belongs to user ${owner}, and this process runs as user ${uid}: run it as that user, or give the folder to this one (chown -R ${uid} ${data})`,
  )
}

/** @throws StoreUnavailable when this root may not give anything away */
export async function handOver(path: string, account: Account): Promise<void> {
  if (!account.other) return
  try {
    await chown(path, account.uid, account.gid)
  } catch (error) {
    throw powerless(account, `${path} can't be given to user ${account.uid}`, error)
  }
}

/** Root in a container, without the rights that root has elsewhere. */
export function powerless({ uid }: Account, what: string, cause: unknown): StoreUnavailable {
  return new StoreUnavailable(
    `${what} (${faultOf(cause)}): PostgreSQL does not run as root, and to run it as user ${uid} this root needs the capabilities CHOWN, SETUID and SETGID; run the server as an ordinary user instead`,
    { cause },
  )
}

/** Whether the account may walk to this folder and through it. Our own account gets wherever we get. */
export async function reaches(account: Account, folder: string): Promise<boolean> {
  if (!account.other) return true
  const real = await realpath(folder)
  return (await walks(account, folder)) && (real === folder || (await walks(account, real)))
}

async function walks(account: Account, folder: string): Promise<boolean> {
  const { mode, uid, gid } = await stat(folder)
  const bit = uid === account.uid ? 0o100 : gid === account.gid ? 0o010 : 0o001
  if ((mode & bit) === 0) return false
  const parent = dirname(folder)
  return parent === folder || walks(account, parent)
}

/** Whether everybody may read this file, or list and enter this folder. */
export async function isPublic(path: string): Promise<boolean> {
  const stats = await stat(path)
  const wanted = stats.isDirectory() ? 0o005 : 0o004
  return (stats.mode & wanted) === wanted
}

/**
 * A folder that only we can have made: nobody else may have prepared it for us.
 *
 * @throws StoreUnavailable when it is somebody else's, a link, or open to others' writing
 */
export async function assertOurs(folder: string): Promise<void> {
  const { uid, mode } = await lstat(folder)
  if (uid === process.getuid?.() && (mode & 0o170_022) === 0o040_000) return
  throw new StoreUnavailable(
    `${folder} is not a folder of ours alone (owner ${uid}, mode ${(mode & 0o7777).toString(8)}): remove it, or set TMPDIR to another folder`,
  )
}
