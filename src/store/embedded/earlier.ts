/** What an earlier server on the folder may have left: an engine that is still stopping, files of one that is gone. */
import { readFile, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { codeOf, orAbsent, StoreUnavailable } from './errors.ts'
import { type FileLock, tryLock } from './lock.ts'

const pauseMs = 100
/** Tries after which it is told to stop without tidying up, which loses nothing; and after which we give up. */
const impatientAfter = 100
const hopelessAfter = 200

/**
 * The lock that every process of an engine on the folder holds: whoever gets it knows that none is left. An engine
 * whose server is gone is told to stop, should its watchdog be gone as well.
 *
 * @throws StoreUnavailable when it is not gone within some 20 s
 */
export async function lockEngine(folder: string, log: Logger): Promise<FileLock> {
  const data = join(folder, 'pg')
  for (let tries = 0; tries <= hopelessAfter; tries += 1) {
    const lock = await tryLock(join(folder, 'engine.lock'))
    if (lock !== undefined) return lock
    if (tries === 0)
      log.info({ folder }, 'the PostgreSQL of an earlier server is still stopping: waiting for it')
    if (tries === 0 || tries === impatientAfter) await stop(data, tries === 0 ? 'SIGINT' : 'SIGQUIT')
    await wait(pauseMs)
  }
  const pid = await postmasterOf(data)
  throw new StoreUnavailable(
    `the PostgreSQL of an earlier server${pid === undefined ? '' : ` (process ${pid})`} still uses ${folder} and does not stop: try again in a while, or end it`,
  )
}

async function stop(data: string, signal: NodeJS.Signals): Promise<void> {
  const pid = await postmasterOf(data)
  try {
    if (pid !== undefined && (await worksIn(pid, data))) process.kill(pid, signal)
  } catch (error) {
    // It ended by itself just now.
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

/**
 * With the lock in hand: a process id that an engine left may be another program's by now, and PostgreSQL would refuse
 * to start next to it.
 *
 * @throws StoreUnavailable when it is that of a PostgreSQL that somebody else started on the folder
 */
export async function removeTraces(data: string): Promise<void> {
  const pid = await postmasterOf(data)
  if (pid === undefined) return
  if (await worksIn(pid, data)) {
    throw new StoreUnavailable(
      `a PostgreSQL that feed-server did not start (process ${pid}) uses ${data}: stop it`,
    )
  }
  await rm(join(data, 'postmaster.pid'), { force: true })
}

/** The process id in the engine's own lock file; undefined when there is none. */
async function postmasterOf(data: string): Promise<number | undefined> {
  const text = await orAbsent(() => readFile(join(data, 'postmaster.pid'), 'utf8'))
  const [line = ''] = text?.split('\n') ?? []
  return /^[1-9]\d*$/.test(line) ? Number(line) : undefined
}

/** An engine's working folder is its data. Where the system does not tell, PostgreSQL judges its own file. */
async function worksIn(pid: number, data: string): Promise<boolean> {
  try {
    const [theirs, ours] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(data)])
    return theirs.ino === ours.ino && theirs.dev === ours.dev
  } catch (error) {
    // Gone, or another user's: an engine on our data would be ours.
    if (['ENOENT', 'EACCES', 'ESRCH'].includes(codeOf(error))) return false
    throw error
  }
}
