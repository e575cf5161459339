/**
 * That no secret gets anywhere: runs the tests while all they leave, remove and print is kept, then looks in all of it for
 * every secret of every configuration that was loaded meanwhile, in each usual spelling. Files that tests wrote themselves,
 * and no code of the product, are told apart by whose code opened them. Not looked at: compiled code that Node keeps, which
 * has what the sources have, and the names of tests in the report, some of which are secrets that were looked for. Not looked
 * for: what the sources of the product say themselves, as the demo's. Exit code 1: a secret was found, or the run is of no
 * use since it loaded none.
 *
 *   node trials/canaries.ts [--keep] [TEST FILES…]
 */
import { spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
} from 'node:fs'
import { join, sep } from 'node:path'
import { spellings } from '../test/canary.ts'
import { finder, type Needle } from './needles.ts'

const root = join(import.meta.dirname, '..')
const given = process.argv.slice(2)
const files = given.filter((word) => !word.startsWith('--'))
const tests = files.length === 0 ? ['test/**/*.test.ts'] : files

/** Node's cache of compiled modules: a folder for each version of Node. */
const compiled = /[/\\]v\d+\.\d+\.\d+-[^/\\]+[/\\][0-9a-f]{8}$/
const alphabet = '0123456789abcdefghijklmnopqrstuvwxyz'
const sources = filesIn(join(root, 'src')).map((path) => readFileSync(path, 'utf8'))
/** A short path: sockets of databases are below it. */
const folder = mkdtempSync('/tmp/fc-')
for (const name of ['t', 'k', 'tables', 'notes']) mkdirSync(join(folder, name))
// As the folder for temporary files is: databases of tests run as another user.
for (const path of [folder, join(folder, 't')]) chmodSync(path, 0o755)

const startedAt = Date.now()
const code = await run()
const outcome = lookThrough()
if (given.includes('--keep')) console.log(`all of it is in ${folder}`)
else rmSync(folder, { recursive: true, force: true })
process.exitCode = outcome ? 0 : 1

/** @returns the exit code of the tests, which are of no matter here: what failed shows its secrets as well */
async function run(): Promise<number | null> {
  const printed = openSync(join(folder, 'printed'), 'w')
  const child = spawn(
    process.execPath,
    ['--test', '--test-concurrency=3', '--test-reporter=spec', ...tests],
    {
      cwd: root,
      stdio: ['ignore', printed, printed],
      env: {
        ...process.env,
        TAP_TIMEOUT: '600',
        TMPDIR: join(folder, 't'),
        WATCHED_FOLDER: folder,
        FEED_TEST_TABLES: join(folder, 'tables'),
        NODE_OPTIONS: `--no-warnings --import ${join(root, 'trials/children/kept.ts')}`,
        // The runner would take itself for a test of another one.
        NODE_TEST_CONTEXT: undefined,
      },
    },
  )
  return new Promise((resolve) => child.on('close', resolve))
}

/** Whether nothing was found. */
function lookThrough(): boolean {
  const noted = notes<string>('secrets')
  const all = [...new Set(noted)]
  const secrets = all.filter(isTelling)
  const needles: Needle[] = secrets.flatMap((secret, index) =>
    [...spellings(secret)].map((text) => ({
      name: `secret ${index} (${secret.slice(0, 4)}…, ${secret.length} characters)`,
      text,
    })),
  )
  const find = finder(needles)
  const moved = notes<{ from: string; to: string }>('moved')
  const writers = Map.groupBy(notes<{ file: string; by: string }>('written'), ({ file }) => file)
  /** Where it was while the test ran: a folder may have been moved with all that is in it. */
  const cameFrom = (path: string) => {
    const move = moved.find(({ to }) => path === to || path.startsWith(to + sep))
    return move === undefined ? path : move.from + path.slice(move.to.length)
  }
  const places = ['t', 'k', 'tables'].flatMap((name) => filesIn(join(folder, name)))
  let bytes = 0
  let own = 0
  const hits: string[] = []
  for (const path of [...places, join(folder, 'printed')]) {
    if (compiled.test(cameFrom(path))) continue
    const found = new Map<string, string>()
    for (const read of partsOf(path)) {
      bytes += read.length
      const part = path.endsWith('printed') ? withoutTestNames(read) : read
      for (const { name, at } of find(part)) found.set(name, around(part, at))
    }
    const by = writers.get(cameFrom(path)) ?? []
    if (found.size > 0 && by.length > 0 && by.every((writer) => writer.by === 'test')) own++
    else
      for (const [name, text] of found)
        hits.push(`${cameFrom(path).replace(folder, '')}: ${name}\n    ${text}`)
  }
  const seconds = Math.round((Date.now() - startedAt) / 1000)
  console.log(`the tests ended with ${code} after ${seconds} s, ${lastLines()}`)
  console.log(
    `${secrets.length} secrets in ${needles.length} spellings; ${all.length - secrets.length} more are words that stand anywhere`,
  )
  console.log(
    `${places.length} files and what was printed, ${bytes} bytes; ${own} files with secrets are the tests' own`,
  )
  for (const hit of hits) console.log(`FOUND in ${hit}`)
  console.log(secrets.length === 0 ? 'no secret was loaded: nothing is proved' : `${hits.length} hits`)
  return hits.length === 0 && secrets.length > 0
}

/**
 * What can't be told from other text would be found everywhere: one word or two, a row of one letter, the alphabet, where a
 * server is, what the sources say.
 */
function isTelling(secret: string): boolean {
  if (alphabet.includes(secret.toLowerCase()) || sources.some((text) => text.includes(secret))) return false
  if (secret.length < 8 || new Set(secret).size < 6 || URL.parse(secret)?.origin === secret) return false
  const kinds = [/[a-z]/, /[A-Z]/, /\d/, /[^A-Za-z\d]/].filter((kind) => kind.test(secret)).length
  const words = secret.split(/[^A-Za-z\d]+/).length
  return kinds >= 3 || words >= 3 || secret.length >= 16 || /canary/i.test(secret)
}

function notes<Entry>(kind: string): Entry[] {
  const place = join(folder, 'notes')
  const names = readdirSync(place).filter((name) => name.startsWith(`${kind}-`))
  return names.flatMap((name) =>
    readFileSync(join(place, name), 'utf8')
      .split('\n')
      .flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Entry])),
  )
}

function filesIn(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

/** Without the lines of the report that begin with a mark: names of tests, and of what they looked at. */
function withoutTestNames(printed: Buffer): Buffer {
  const lines = printed.toString('utf8').split('\n')
  return Buffer.from(lines.filter((line) => !/^ *[✔✖▶ℹ﹣⚠] /u.test(line)).join('\n'))
}

/** Of big files in parts that overlap by more than any secret is long. */
function* partsOf(path: string): Generator<Buffer> {
  const [size, part, overlap] = [statSync(path).size, 64 * 1024 * 1024, 64 * 1024]
  if (size <= part) return yield readFileSync(path)
  const file = openSync(path, 'r')
  try {
    for (let start = 0; start < size; start += part - overlap) {
      const bytes = Buffer.alloc(Math.min(part, size - start))
      readSync(file, bytes, 0, bytes.length, start)
      yield bytes
    }
  } finally {
    closeSync(file)
  }
}

function around(data: Buffer, at: number): string {
  return JSON.stringify(data.subarray(Math.max(0, at - 60), at + 60).toString('latin1'))
}

function lastLines(): string {
  const text = readFileSync(join(folder, 'printed'), 'utf8')
  return [...text.matchAll(/^\S* ?(tests|pass|fail) (\d+)$/gm)]
    .map(([, word, count]) => `${word} ${count}`)
    .join(', ')
}
