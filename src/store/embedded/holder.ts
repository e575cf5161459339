/** Who owns the folder: one server, which tells a second one where it is. */
import { ftruncateSync, readFileSync, writeSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { StoreInUse } from './errors.ts'
import { tryLock } from './lock.ts'

export interface Holder {
  readonly pid: number
  readonly host: string
  /** ISO 8601. */
  readonly startedAt: string
  /** Where its API answers, once it does. */
  readonly url?: string
}

export interface Ownership {
  /** What a second server is told from now on. */
  announce(url: string): void
  release(): void
}

export interface OwnOptions {
  readonly now: () => number
  readonly url: string | undefined
  readonly log: Logger
}

/** @throws StoreInUse when another process owns the folder */
export async function own(folder: string, { now, url, log }: OwnOptions): Promise<Ownership> {
  const path = join(folder, 'server.lock')
  const lock = await tryLock(path)
  if (lock === undefined) throw new StoreInUse(folder, await readHolder(path))
  const self = { pid: process.pid, host: hostname(), startedAt: new Date(now()).toISOString() }
  const announce = (url: string | undefined) => {
    try {
      ftruncateSync(lock.descriptor)
      writeSync(lock.descriptor, JSON.stringify(url === undefined ? self : { ...self, url }))
    } catch (error) {
      // The lock holds without the name.
      log.warn(
        { err: error },
        `${path} could not be written: a second server would not be told who holds the store`,
      )
    }
  }
  announce(url)
  return {
    announce,
    release() {
      ftruncateSync(lock.descriptor)
      lock.release()
    },
  }
}

/** Whom the file names, unless that process has ended. @throws Error as `fs` does */
export function holderAlive(path: string): Holder | undefined {
  const holder = parse(readFileSync(path, 'utf8'))
  const lives = holder !== undefined && (holder.host !== hostname() || isAlive(holder.pid))
  return lives ? holder : undefined
}

/** The owner writes its name just after it took the lock: somebody who is not there any more is not it. */
async function readHolder(path: string, tries = 10): Promise<Holder | undefined> {
  const holder = holderAlive(path)
  if (holder !== undefined) return holder
  if (tries === 0) return undefined
  await wait(20)
  return readHolder(path, tries - 1)
}

function parse(text: string): Holder | undefined {
  try {
    const { pid, host, startedAt, url } = JSON.parse(text)
    return {
      pid: Number(pid),
      host: String(host),
      startedAt: String(startedAt),
      ...(url && { url: String(url) }),
    }
  } catch {
    // Empty, or half written.
    return undefined
  }
}

/** Another user's process is alive as well. */
function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
