/** The processes of a benchmark: the server that is measured, what it is compared with, and what it talks to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { processesIn } from './measure.ts'

const root = join(import.meta.dirname, '../..')
const startMs = 120_000
const stopMs = 15_000

export interface Child {
  readonly pid: number
  readonly url: string
  /** Sends a message and takes the next one that comes back. @throws Error when the process ends instead */
  ask<Answer>(message: unknown): Promise<Answer>
  /** Sends a message that has no answer. */
  tell(message: unknown): void
  /** SIGTERM; what goes on for long is killed. @returns the exit code; null: it was killed */
  stop(): Promise<number | null>
  /** SIGKILL. */
  kill(): Promise<void>
}

/** A process that nothing is known of but that it was started. */
export type Life = Pick<Child, 'pid' | 'stop' | 'kill'>

/** Starts `node ARGS`. What it writes is read and dropped. */
export interface Start {
  /** @returns once it has written `listening on URL` */
  (args: readonly string[]): Promise<Child>
  /** @returns at once */
  spawn(args: readonly string[]): Life
}

/**
 * Every process that `work` started has ended when this returns or throws, and when the benchmark itself is ended.
 * @param work gets a folder that is gone afterwards, where databases may be
 */
export async function withChildren<T>(
  limitMs: number,
  work: (start: Start, folder: string) => Promise<T>,
): Promise<T> {
  const running = new Set<ChildProcess>()
  const folder = mkdtempSync(join(tmpdir(), 'feed-server-bench-'))
  // The user that PostgreSQL runs as has to walk to its data.
  chmodSync(folder, 0o755)
  const end = () => {
    for (const child of running) child.kill('SIGKILL')
    remove(folder)
  }
  const interrupted = () => {
    console.error('interrupted')
    process.exit(1)
  }
  process.on('exit', end).on('SIGINT', interrupted).on('SIGTERM', interrupted)
  let limit: NodeJS.Timeout | undefined
  let isOver = false
  const notDone = new Promise<never>((_, reject) => {
    limit = setTimeout(() => reject(new Error(`not done after ${limitMs / 1000} s`)), limitMs)
  })
  /** Work that was given up must not start more. */
  const unlessOver = (args: readonly string[]) => {
    if (isOver) throw new Error('it is over')
    return args
  }
  try {
    const start = async (args: readonly string[]) => startChild(unlessOver(args), running)
    const spawn = (args: readonly string[]) => lifeOf(unlessOver(args), running)
    return await Promise.race([work(Object.assign(start, { spawn }), folder), notDone])
  } finally {
    isOver = true
    clearTimeout(limit)
    end()
    process.off('exit', end).off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}

/** A database ends soon after the process that it belongs to. Nothing else may run at the end of a process. */
function remove(folder: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const last = Date.now() + stopMs
  while (processesIn(folder).length > 0 && Date.now() < last) Atomics.wait(pause, 0, 0, 100)
  rmSync(folder, { recursive: true, force: true })
}

interface Spawned extends Life {
  readonly child: ChildProcess
  /** Why it ended. */
  readonly ended: Promise<Error>
}

function spawnNode(args: readonly string[], running: Set<ChildProcess>): Spawned {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  running.add(child)
  const ended = new Promise<Error>((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child)
      resolve(new Error(`ended with ${code ?? signal}: node ${args.join(' ')}`))
    })
  })
  return {
    child,
    ended,
    pid: child.pid ?? Number.NaN,
    async stop() {
      child.kill('SIGTERM')
      await killAfter(stopMs, child, ended)
      return child.exitCode
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
  }
}

async function killAfter<T>(ms: number, child: ChildProcess, work: Promise<T>): Promise<T> {
  const limit = setTimeout(() => child.kill('SIGKILL'), ms)
  return work.finally(() => clearTimeout(limit))
}

function lifeOf(args: readonly string[], running: Set<ChildProcess>): Life {
  const { child, ended: _, ...life } = spawnNode(args, running)
  child.stdout?.resume()
  return life
}

async function startChild(args: readonly string[], running: Set<ChildProcess>): Promise<Child> {
  const { child, ended, ...life } = spawnNode(args, running)
  /** What comes first: the answer, or the end of the process. */
  const orEnd = async <T>(answer: Promise<T>): Promise<T> => {
    const first = await Promise.race([answer.then((value) => ({ value })), ended])
    if (first instanceof Error) throw first
    return first.value
  }
  const url = await killAfter(startMs, child, orEnd(announcedUrl(child)))
  return {
    ...life,
    url,
    ask: (message) => orEnd(ask(child, message)),
    tell: (message) => void child.send(message as object),
  }
}

function announcedUrl({ stdout }: ChildProcess): Promise<string> {
  if (stdout === null) throw new TypeError('the output of the process is not a pipe')
  return new Promise((resolve) => {
    const lines = createInterface({ input: stdout })
    lines.on('line', (line) => {
      const url = /listening on ([^\s",]+)/.exec(line)?.[1]
      if (url === undefined) return
      lines.close()
      stdout.resume()
      resolve(url)
    })
  })
}

function ask<Answer>(child: ChildProcess, message: unknown): Promise<Answer> {
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Answer))
    child.send(message as object, (error) => {
      if (error) reject(error)
    })
  })
}

export const apiKey = 'benchmark-key-of-32-characters-0'

export interface ServerOptions {
  /** Has the store and the configuration. */
  readonly folder: string
  /** Of the source. */
  readonly baseUrl: string
  /** Members of the source beside or instead of those that it has here. */
  readonly source?: { readonly settings?: object; readonly [member: string]: unknown }
  readonly feeds?: readonly object[]
  readonly exporters?: readonly object[]
  readonly bridges?: readonly object[]
  /** Arguments of node. */
  readonly preload?: readonly string[]
  /** Default: the compiled one, which must not be older than its sources. */
  readonly program?: string
}

/**
 * The compiled program as users run it: logging at level info, with an API key and limits, an embedded store, and a
 * source `tc` that is fetched only when asked.
 */
export function startServer(start: Start, options: ServerOptions): Promise<Child> {
  return start(serverArguments(options))
}

export function serverArguments({
  folder,
  baseUrl,
  source,
  feeds = [],
  exporters = [],
  bridges = [],
  preload = [],
  program = compiledProgram(),
}: ServerOptions): string[] {
  const settings = { baseUrl, accessId: 'bench', secretKey: 'bench', ...source?.settings }
  const config = {
    server: { port: 0, requestsPerMinute: 1e9 },
    auth: { keys: [{ id: 'bench', secret: apiKey, scopes: ['admin'] }] },
    store: { url: `file:${storeOf(folder)}` },
    sources: [{ name: 'tc', kind: 'threatconnect', every: 'off', proxy: 'none', ...source, settings }],
    feeds,
    exporters,
    bridges,
  }
  // Made by us, so that the user that PostgreSQL runs as gets into it and its socket is there.
  mkdirSync(storeOf(folder), { recursive: true })
  const file = join(folder, 'config.yaml')
  writeFileSync(file, JSON.stringify(config))
  // As `npm start` runs it.
  return [...preload, '--max-semi-space-size=4', program, 'serve', '--config', file]
}

/** The folder of the embedded store of a server whose folder is this. */
export function storeOf(folder: string): string {
  return join(folder, 'store')
}

/** Needs no building; starts more slowly, and keeps the source of each file in memory. */
export const sourceProgram = join(root, 'src/main.ts')

/** @throws Error where it is missing, or older than its sources */
export function compiledProgram(): string {
  const program = join(root, 'dist/main.js')
  const builtAt = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const newer = sources.find(
    (file) => file.endsWith('.ts') && statSync(join(root, 'src', file)).mtimeMs > builtAt,
  )
  if (newer === undefined) return program
  throw new Error(`dist/ is missing or older than src/${newer}: run npm run build first`)
}
