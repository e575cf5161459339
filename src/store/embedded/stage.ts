/** A copy of the engine where an unprivileged account can read it, made once and used by every later start. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chmod, copyFile, lstat, mkdir, mkdtemp, readdir, rename, rm, stat, symlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { assertOurs } from './account.ts'
import { codeOf, faultOf, StoreUnavailable } from './errors.ts'

/** Path below the engine's folder, `/` between its parts. */
interface File {
  readonly path: string
  readonly size: number
  readonly executable: boolean
}

/**
 * @param home holds `bin`, `lib` and `share`
 * @param caches folders for the copy, which need not exist; the first that works is taken
 * @param reachable whether the account that shall read the copy gets into a folder
 * @returns the copy: owned by us, readable for everybody, writable for nobody else
 */
export async function stage(
  home: string,
  caches: readonly string[],
  reachable: (cache: string) => Promise<boolean>,
): Promise<string> {
  const files = await filesOf(home)
  const name = `engine-${createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16)}`
  const faults: string[] = []
  for (const cache of caches) {
    try {
      await makePublic(cache)
      if (await reachable(cache)) return await stageIn(cache, name, home, files)
      faults.push(`${cache}: it can't be reached either`)
    } catch (error) {
      faults.push(`${cache}: ${faultOf(error)}`)
    }
  }
  throw new StoreUnavailable(
    `PostgreSQL does not run as root, and no other user can read its programs in ${home}; a copy for it could not be made (${faults.join('; ')})`,
  )
}

/** Readable for everybody, whatever the umask; a folder that is there stays as it is. */
export async function makePublic(folder: string): Promise<void> {
  if (existsSync(folder)) return
  await makePublic(dirname(folder))
  try {
    await mkdir(folder)
    await chmod(folder, 0o755)
  } catch (error) {
    // Another start made it just now.
    if (codeOf(error) !== 'EEXIST') throw error
  }
}

/** Many starts at once may each find the copy in another's hands: it is looked at again. */
const tries = 20

async function stageIn(cache: string, name: string, home: string, files: readonly File[]): Promise<string> {
  await assertSafe(cache)
  const copy = join(cache, name)
  for (let left = tries; left > 0; left--) {
    if (await isComplete(copy, files)) return copy
    const fresh = await mkdtemp(`${copy}.`)
    try {
      await chmod(fresh, 0o755)
      await copyAll(home, fresh, files)
      await replace(fresh, copy, files)
    } finally {
      await rm(fresh, { recursive: true, force: true })
    }
  }
  throw new StoreUnavailable(`${copy} changed while it was made`)
}

/** Nobody else may be able to put another folder in the place of ours. */
async function assertSafe(folder: string): Promise<void> {
  const { mode, uid } = await stat(folder)
  const others = (mode & 0o022) !== 0 && (mode & 0o1000) === 0
  if (!others && (uid === 0 || uid === process.getuid?.())) return
  throw new StoreUnavailable('others may rename what is in this folder')
}

async function isComplete(copy: string, files: readonly File[]): Promise<boolean> {
  try {
    await assertOurs(copy)
    const sizes = await Promise.all(files.map(async ({ path }) => (await lstat(join(copy, path))).size))
    return files.every(({ size }, index) => sizes[index] === size)
  } catch (error) {
    // Made never, or thinned out by what cleans temporary folders: it is made again.
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

async function copyAll(home: string, target: string, files: readonly File[]): Promise<void> {
  for (const folder of new Set(files.map(({ path }) => dirname(path)))) {
    await makePublic(join(target, folder))
  }
  for (const { path, executable } of files) {
    const to = join(target, path)
    await copyFile(join(home, path), to)
    await chmod(to, executable ? 0o755 : 0o644)
    const short = shortName(path)
    if (short !== undefined) await symlink(path.slice(path.lastIndexOf('/') + 1), join(target, short))
  }
}

/**
 * Another start may have done the same just now: then its copy is as good. One with parts missing is moved away. What
 * others do meanwhile is seen when the copy is looked at next.
 */
async function replace(fresh: string, copy: string, files: readonly File[]): Promise<void> {
  if (await putInPlace(fresh, copy)) return
  if (await isComplete(copy, files)) return
  const aside = `${fresh}.old`
  try {
    await moveAway(copy, aside)
    await putInPlace(fresh, copy)
  } finally {
    await rm(aside, { recursive: true, force: true })
  }
}

/** @returns false where something stands there */
async function putInPlace(fresh: string, copy: string): Promise<boolean> {
  try {
    await rename(fresh, copy)
    return true
  } catch (error) {
    if (['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) return false
    throw error
  }
}

async function moveAway(folder: string, to: string): Promise<void> {
  try {
    await rename(folder, to)
  } catch (error) {
    // Somebody else did.
    if (codeOf(error) !== 'ENOENT') throw error
  }
}

/** What is for compiling against it is left out, and so are links: they are made anew. */
async function filesOf(home: string): Promise<readonly File[]> {
  const paths: string[] = []
  for (const folder of ['bin', 'lib', 'share']) {
    for (const entry of await readdir(join(home, folder), { recursive: true, withFileTypes: true })) {
      if (entry.isFile() && !entry.name.endsWith('.a')) {
        paths.push(join(entry.parentPath, entry.name).slice(home.length + 1))
      }
    }
  }
  return Promise.all(
    paths.toSorted().map(async (path) => {
      const { size, mode } = await stat(join(home, path))
      return { path, size, executable: (mode & 0o100) !== 0 }
    }),
  )
}

/** The name that programs ask for: `libpq.so.5` of `libpq.so.5.18`. */
export function shortName(file: string): string | undefined {
  return /^(lib.+\.so\.\d+)(?:\.\d+)+$/.exec(file)?.[1]
}
