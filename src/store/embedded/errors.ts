/** What can be wrong with the private PostgreSQL. Every message is for people: what, where, and what to do about it. */
import type { Holder } from './holder.ts'

export class StoreUnavailable extends Error {
  /** What to do about it; undefined: the message says it. */
  readonly remedy: string | undefined

  constructor(message: string, options: { cause?: unknown; remedy?: string | undefined } = {}) {
    super(message, options)
    this.name = 'StoreUnavailable'
    this.remedy = options.remedy
  }
}

/** Another process owns the folder. */
export class StoreInUse extends StoreUnavailable {
  /** What it says of itself; undefined when it had not said anything yet. */
  readonly holder: Holder | undefined

  constructor(folder: string, holder: Holder | undefined) {
    super(
      `the store in ${folder} is in use by another feed-server${holder === undefined ? '' : ` (${words(holder)})`}: stop that one, or give this one another folder (store.url)`,
    )
    this.name = 'StoreInUse'
    this.holder = holder
  }
}

function words({ pid, host, startedAt, url }: Holder): string {
  return `process ${pid} on ${host}, started ${startedAt}${url === undefined ? '' : `, at ${url}`}`
}

/** For whatever keeps the npm package's engine from running here. */
export const otherEngines =
  'name an installed PostgreSQL 15 or later as store.binaries (the folder that holds bin/postgres), or use a server: store.url: postgres://…'

const faults: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EACCES: 'permission denied',
  EPERM: 'it is not permitted',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a file stands where a folder is needed',
  EEXIST: 'a file stands where a folder is needed',
  ENOENT: 'there is no such file or folder',
  ENAMETOOLONG: 'the path is too long',
  EMFILE: 'this process has too many files open',
  ENFILE: 'this machine has too many files open',
}

const another = 'choose another folder: store.url (or FEED_STORE_URL)'
const toTheUser = `run the server as the user whom the folder belongs to, give the folder to this user (chown -R), or ${another}`

const remedies: Readonly<Record<string, string>> = {
  ENOSPC: `make room on the disk, or ${another}`,
  EDQUOT: `make room on the disk, or ${another}`,
  EACCES: toTheUser,
  EPERM: toTheUser,
  EROFS: another,
  ENOTDIR: `move the file away, or ${another}`,
  EEXIST: `move the file away, or ${another}`,
  ENAMETOOLONG: another,
  EMFILE: 'raise the limit of open files (ulimit -n)',
  ENFILE: 'raise the limit of open files of this machine (fs.file-max)',
}

/** What to do where a call to the system failed; undefined: nothing that is known. */
export function remedyOf(error: unknown): string | undefined {
  return remedies[codeOf(error)]
}

/** Why a call to the system failed, in few words. */
export function faultOf(error: unknown): string {
  const code = codeOf(error)
  return faults[code] ?? (error instanceof Error ? error.message : String(error))
}

/** `ENOENT` and its like; empty where the error has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** @throws StoreUnavailable "`what` in `path`: why", for whatever the work throws that is none yet */
export async function explained<T>(what: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    throw new StoreUnavailable(`${what} ${path}: ${faultOf(error)}`, {
      cause: error,
      remedy: remedyOf(error),
    })
  }
}

/** undefined when what the work is about is not there. */
export async function orAbsent<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}
