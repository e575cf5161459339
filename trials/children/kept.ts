/**
 * Loaded into every Node of a watched run (`--import`): what is removed is kept, who wrote a file is noted, and so is each
 * secret of a configuration that is loaded. Where: the folder WATCHED_FOLDER.
 */
import fs from 'node:fs'
import { registerHooks, syncBuiltinESMExports } from 'node:module'
import { join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

const folder = process.env.WATCHED_FOLDER ?? ''
const root = fileURLToPath(new URL('../..', import.meta.url))
/** Temporary files, and the folders that tap makes for tests. */
const watched = [join(folder, 't') + sep, join(root, '.tap/fixtures') + sep]
const { appendFileSync, cpSync, existsSync, lstatSync, renameSync } = fs

function isWatched(path: string): boolean {
  return watched.some((place) => path.startsWith(place))
}

function note(kind: 'moved' | 'written', entry: object): void {
  appendFileSync(join(folder, 'notes', `${kind}-${process.pid}`), `${JSON.stringify(entry)}\n`)
}

let kept = 0

/** @returns whether it is out of the way now */
function keep(path: unknown): boolean {
  const from = resolve(String(path))
  if (!isWatched(from) || !existsSync(from)) return false
  const to = join(folder, 'k', `${process.pid}-${kept++}`)
  try {
    // A socket has no content, and its name is wanted again.
    if (!lstatSync(from).isDirectory() && !lstatSync(from).isFile()) return false
    renameSync(from, to)
  } catch {
    return keepCopy(from, to)
  }
  note('moved', { from, to })
  return true
}

/** From another file system. @returns false: it has to be removed as it would have been */
function keepCopy(from: string, to: string): false {
  try {
    cpSync(from, to, {
      recursive: true,
      filter: (path) => lstatSync(path).isDirectory() || lstatSync(path).isFile(),
    })
    note('moved', { from, to })
  } catch {
    // Somebody else removes it at the same time.
  }
  return false
}

/** Whether tests wrote it, not the product: by whose code asked for it. */
function noteWriter(path: unknown): void {
  if (typeof path !== 'string' && !(path instanceof URL)) return
  const file = path instanceof URL ? fileURLToPath(path) : resolve(path)
  if (!isWatched(file)) return
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 30
  const { stack = '' } = new Error()
  Error.stackTraceLimit = stackTraceLimit
  const own = stack.split('\n').slice(1)
  const frames = own.filter((line) => line.includes(root) && !line.includes('node_modules'))
  const nearest = frames.find((line) => !line.includes('trials/children/kept.ts')) ?? ''
  note('written', {
    file,
    by: nearest.includes(`${root}src/`) ? 'product' : nearest === '' ? 'nobody' : 'test',
  })
}

type Call = (...given: unknown[]) => unknown

function replace(holder: object, name: string, make: (own: Call) => Call): void {
  const functions = holder as Record<string, Call>
  const own = functions[name]
  if (own !== undefined) functions[name] = Object.assign(make(own), own)
}

for (const name of ['rmSync', 'unlinkSync', 'rmdirSync']) {
  replace(
    fs,
    name,
    (own) =>
      (path, ...rest) =>
        keep(path) ? undefined : own(path, ...rest),
  )
}
for (const name of ['rm', 'unlink', 'rmdir']) {
  replace(fs, name, (own) => (path, ...rest) => {
    const done = rest.at(-1)
    if (!keep(path) || typeof done !== 'function') return own(path, ...rest)
    return setImmediate(() => done(null))
  })
  replace(
    fs.promises,
    name,
    (own) =>
      async (path, ...rest) =>
        keep(path) ? undefined : own(path, ...rest),
  )
}
for (const name of [
  'writeFileSync',
  'appendFileSync',
  'writeFile',
  'appendFile',
  'createWriteStream',
  'openSync',
  'open',
]) {
  replace(fs, name, (own) => (path, ...rest) => {
    const reads = name.startsWith('open') && (typeof rest[0] !== 'string' || rest[0] === 'r')
    if (!reads) noteWriter(path)
    return own(path, ...rest)
  })
}
for (const name of ['writeFile', 'appendFile', 'open']) {
  replace(fs.promises, name, (own) => (path, ...rest) => {
    const reads = name === 'open' && (typeof rest[0] !== 'string' || rest[0] === 'r')
    if (!reads) noteWriter(path)
    return own(path, ...rest)
  })
}
syncBuiltinESMExports()

/** Every configuration becomes one there. */
const builder = new URL('../../src/config/build.ts', import.meta.url).href

const noting = `
export function buildConfig(...given) {
  const built = plainBuildConfig(...given)
  const text = [...built.secrets].map((secret) => JSON.stringify(secret) + '\\n').join('')
  if (text !== '') process.getBuiltinModule('node:fs').appendFileSync(${JSON.stringify(join(folder, 'notes', `secrets-${process.pid}`))}, text)
  return built
}
`

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (url !== builder) return loaded
    const text = String(loaded.source)
    return {
      ...loaded,
      source: text.replace('export function buildConfig(', 'function plainBuildConfig(') + noting,
    }
  },
})
