/** `feed-server` as a user starts it: a process of its own, with no variable of whoever runs the tests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import type { Test } from 'tap'

export const root = join(import.meta.dirname, '../..')
export const main = join(root, 'src/main.ts')

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>
  /** Default: an empty folder. */
  readonly cwd?: string
  /** Default: this runtime, with the program's source. */
  readonly program?: readonly [command: string, ...before: string[]]
  /** A file descriptor that takes standard output. */
  readonly stdout?: number
  /** In a process group of its own, as a shell starts it. */
  readonly group?: boolean
}

export interface Running {
  readonly child: ChildProcess
  /** When the process and all that hold its output are gone. */
  readonly ended: Promise<Ended>
  /** Until the pattern stands in what was written so far. @returns the match @throws Error when it ends before */
  until(pattern: RegExp): Promise<RegExpExecArray>
}

export interface CommandLine {
  /** Empty, and gone after the test. */
  readonly folder: string
  /** All that was written by any process. */
  readonly written: readonly string[]
  start(args: readonly string[], options?: StartOptions): Running
  run(args: readonly string[], options?: StartOptions): Promise<Ended>
}

export function commandLine(t: Test): CommandLine {
  const folder = t.testdir({ empty: {}, cache: {} })
  const written: string[] = []
  const { PATH = '' } = process.env
  // Compiled once for all of them: each start takes half the time.
  const own = { PATH, NODE_COMPILE_CACHE: join(folder, 'cache'), ...watching() }

  function start(args: readonly string[], options: StartOptions = {}): Running {
    const [command, ...before] = options.program ?? [process.execPath, main]
    const child = spawn(command, [...before, ...args], {
      cwd: options.cwd ?? join(folder, 'empty'),
      env: { ...own, ...options.env },
      stdio: ['ignore', options.stdout ?? 'pipe', 'pipe'],
      detached: options.group === true,
    })
    t.teardown(() => child.kill('SIGKILL'))
    return { child, ...follow(child, written) }
  }

  return {
    folder: join(folder, 'empty'),
    written,
    start,
    run: (args, options) => start(args, options).ended,
  }
}

/** Where a run is watched (trials/canaries.ts), so are these processes. */
function watching(): Readonly<Record<string, string>> {
  const { WATCHED_FOLDER, TMPDIR = '', NODE_OPTIONS = '' } = process.env
  return WATCHED_FOLDER === undefined ? {} : { WATCHED_FOLDER, TMPDIR, NODE_OPTIONS }
}

function follow(child: ChildProcess, written: string[]): Omit<Running, 'child'> {
  const text = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
      text[name] += chunk
      for (const look of watchers) look()
    })
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      written.push(text.stdout, text.stderr)
      resolve({ code, signal, ...text })
    })
  })
  const until = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        const match = pattern.exec(text.stdout) ?? pattern.exec(text.stderr)
        if (match === null) return
        watchers.delete(look)
        resolve(match)
      }
      watchers.add(look)
      look()
      ended.then(() => reject(new Error(`it ended before ${pattern}: ${text.stdout}${text.stderr}`)), reject)
    })
  return { ended, until }
}
