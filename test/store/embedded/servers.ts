/** What the tests of the embedded PostgreSQL share: servers in processes of their own, and a look at the system's. */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { pino } from 'pino'
import {
  type EmbeddedOptions,
  type EmbeddedPostgres,
  startEmbedded,
} from '../../../src/store/embedded/start.ts'
import { copyCluster } from '../database.ts'
import type { Said, ServerOptions } from './server.ts'

export const isRoot = process.getuid?.() === 0
export const needsRoot = isRoot ? false : 'only root can do this'
export const nobody = { uid: 65_534, gid: 65_534 }

/** `nobody` as root, who does not run the engine; else ourselves. */
export const engineUid = isRoot ? nobody.uid : process.getuid?.()

interface Test {
  teardown(after: () => unknown): void
}

/** Ours alone, as root's home would be. */
export function temporaryFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'feed-embedded-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The same with an empty cluster in it, which is quicker than making one. */
export async function storeFolder(t: Test): Promise<string> {
  const folder = temporaryFolder(t)
  await copyCluster(folder)
  if (existsSync(join(folder, 'pg'))) return folder
  const maker = await startEmbedded({ folder, log: pino({ level: 'silent' }), settings: { fsync: 'off' } })
  await maker.stop()
  return folder
}

/** In this process; stopped when the test ends. */
export async function start(
  t: Test,
  folder: string,
  more: Partial<EmbeddedOptions> = {},
): Promise<EmbeddedPostgres> {
  const embedded = await startEmbedded({ folder, log: pino({ level: 'silent' }), ...more })
  t.teardown(() => embedded.stop())
  return embedded
}

/** What `startEmbedded` refuses with. */
export async function refusal(folder: string, more: Partial<EmbeddedOptions> = {}): Promise<Error> {
  let embedded: EmbeddedPostgres
  try {
    embedded = await startEmbedded({ folder, log: pino({ level: 'silent' }), ...more })
  } catch (error) {
    return error as Error
  }
  await embedded.stop()
  throw new Error('it started')
}

export interface Server {
  readonly child: ChildProcess
  readonly said: readonly Said[]
  /** The first line of this kind, now or later. */
  hear<K extends Said['is']>(is: K): Promise<Extract<Said, { is: K }>>
  /** Closes its input; resolves when it has ended. */
  stop(): Promise<void>
  /** `kill -9`; resolves when it is gone. */
  kill(): Promise<void>
}

export interface Process {
  /** Whose process it is; only root can give it another's. */
  readonly uid?: number
  readonly gid?: number
  /** A program that starts it. */
  readonly under?: readonly string[]
  /** The temporary folder. */
  readonly temporary?: string
}

export function server(t: Test, options: ServerOptions, how: Process = {}): Server {
  const { under = [], temporary, ...account } = how
  const program = [process.execPath, join(import.meta.dirname, 'server.ts'), JSON.stringify(options)]
  const [command = '', ...args] = [...under, ...program]
  const child = spawn(command, args, {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...(temporary !== undefined && { TMPDIR: temporary }) },
    ...account,
  })
  const said: Said[] = []
  const listeners = new Set<() => void>()
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(JSON.parse(line))
    for (const listener of listeners) listener()
  })
  const kill = () => {
    child.kill('SIGKILL')
    return exited
  }
  t.teardown(async () => {
    await kill()
    const host = said.find((one) => one.is === 'ready')?.host
    // A server that was killed could not remove it, and no other start came after it.
    if (host !== undefined && dirname(host).startsWith(join(tmpdir(), 'feed-server-'))) {
      await rm(dirname(host), { recursive: true, force: true })
    }
  })
  return {
    child,
    said,
    hear: (is) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = said.find((one) => one.is === is)
          if (found !== undefined) resolve(found as Extract<Said, { is: typeof is }>)
        }
        listeners.add(look)
        look()
        void exited.then(() => reject(new Error(`it never said "${is}", but ${JSON.stringify(said)}`)))
      }),
    stop() {
      child.stdin?.end()
      return exited
    },
    kill,
  }
}

/** Why the engine ended. The engine does not keep a process alive, so something else has to, as a server's port does. */
export async function endOf(embedded: EmbeddedPostgres): Promise<Error | undefined> {
  const timer = setInterval(() => {}, 1000)
  try {
    return await embedded.ended
  } finally {
    clearInterval(timer)
  }
}

/** Waits for what another process does; the test's own time limit is the limit. */
export async function until<T extends NonNullable<unknown>>(look: () => T | undefined | false): Promise<T> {
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    await wait(10)
  }
}

/** Every process whose working folder is the cluster's: the engine's postmaster and its children. */
export function engineProcesses(folder: string): number[] {
  const data = join(folder, 'pg')
  const ours = existsSync(data) ? statSync(data).ino : -1
  const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return all.map(Number).filter((pid) => workingFolder(pid) === ours)
}

function workingFolder(pid: number): number | undefined {
  try {
    return statSync(`/proc/${pid}/cwd`).ino
  } catch {
    // It has ended.
    return undefined
  }
}

export function postmaster(folder: string): number {
  return Number.parseInt(readFileSync(join(folder, 'pg/postmaster.pid'), 'utf8'), 10)
}

export function parentOf(pid: number): number {
  return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return text.split(' ').filter(Boolean).map(Number)
}

/** Rows of one statement on a connection of its own. */
export async function query(
  connection: EmbeddedPostgres['connection'] | string,
  text: string,
): Promise<Record<string, unknown>[]> {
  const to =
    typeof connection === 'string' ? { host: connection, port: 5432, user: 'postgres' } : { ...connection }
  const client = new pg.Client({ ...to, database: 'postgres' })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}
