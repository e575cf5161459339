/** The processes of a benchmark: the server that is measured, what it is compared with, and what it talks to. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..')
const startMs = 30_000

export interface Child {
  readonly pid: number
  readonly url: string
  /** Sends a message and takes the next one that comes back. @throws Error when the process ends instead */
  ask<Answer>(message: unknown): Promise<Answer>
  stop(): Promise<void>
}

/** Starts `node ARGS`; it is ready once it writes `listening on URL`. What it writes afterwards is read and dropped. */
export type Start = (args: readonly string[]) => Promise<Child>

/** Every process that `work` started has ended when this returns or throws, and when the benchmark itself is ended. */
export async function withChildren<T>(limitMs: number, work: (start: Start) => Promise<T>): Promise<T> {
  const running = new Set<ChildProcess>()
  const killAll = () => {
    for (const child of running) child.kill('SIGKILL')
  }
  const giveUp = (why: string) => {
    console.error(why)
    process.exit(1)
  }
  const interrupted = () => giveUp('interrupted')
  process.on('exit', killAll).on('SIGINT', interrupted).on('SIGTERM', interrupted)
  const limit = setTimeout(giveUp, limitMs, `not done after ${limitMs / 1000} s`)
  try {
    return await work((args) => start(args, running))
  } finally {
    clearTimeout(limit)
    killAll()
    process.off('exit', killAll).off('SIGINT', interrupted).off('SIGTERM', interrupted)
  }
}

async function start(args: readonly string[], running: Set<ChildProcess>): Promise<Child> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  running.add(child)
  const ended = new Promise<Error>((resolve) => {
    child.once('exit', (code, signal) => {
      running.delete(child)
      resolve(new Error(`ended with ${code ?? signal}: node ${args.join(' ')}`))
    })
  })
  /** What comes first: the answer, or the end of the process. */
  const orEnd = async <T>(answer: Promise<T>): Promise<T> => {
    const first = await Promise.race([answer.then((value) => ({ value })), ended])
    if (first instanceof Error) throw first
    return first.value
  }
  const limit = setTimeout(() => child.kill('SIGKILL'), startMs)
  const url = await orEnd(announcedUrl(child)).finally(() => clearTimeout(limit))
  return {
    pid: child.pid ?? Number.NaN,
    url,
    ask: (message) => orEnd(ask(child, message)),
    async stop() {
      child.kill('SIGKILL')
      await ended
    },
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

/**
 * The compiled program as users run it: logging at level info, with an API key and limits, and a source at `baseUrl`.
 * @param preload arguments of node
 */
export async function startServer(
  start: Start,
  baseUrl: string,
  preload: readonly string[] = [],
): Promise<Child> {
  const credentials = { accessId: 'bench', secretKey: 'bench' }
  const config = {
    server: { port: 0, requestsPerMinute: 1e9 },
    auth: { keys: [{ id: 'bench', secret: apiKey, scopes: ['indicators:read'] }] },
    sources: [{ name: 'tc', kind: 'threatconnect', settings: { baseUrl, ...credentials }, proxy: 'none' }],
  }
  const folder = mkdtempSync(join(tmpdir(), 'feed-server-bench-'))
  try {
    const file = join(folder, 'config.yaml')
    writeFileSync(file, JSON.stringify(config))
    // As `npm start` runs it.
    return await start([...preload, '--max-semi-space-size=4', compiledProgram(), 'serve', '--config', file])
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** @throws Error where it is missing, or older than its sources */
function compiledProgram(): string {
  const program = join(root, 'dist/main.js')
  const builtAt = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
  const newer = sources.find(
    (file) => file.endsWith('.ts') && statSync(join(root, 'src', file)).mtimeMs > builtAt,
  )
  if (newer === undefined) return program
  throw new Error(`dist/ is missing or older than src/${newer}: run npm run build first`)
}
