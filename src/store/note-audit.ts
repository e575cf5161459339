/** Entries of the audit log beside the work that they tell of: a store that is away stops nobody's work. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type { NewAuditEntry, OperationsStore } from './operations-store.ts'

export interface AuditContext {
  readonly store: Pick<OperationsStore, 'audit'>
  readonly log: Pick<Logger, 'error' | 'warn'>
  /** Milliseconds since the epoch. */
  now(): number
  /** Takes what a store that is away can't; absent: the log tells of it. */
  readonly backlog?: AuditBacklog
}

/** Entries that wait until the store is back. */
export interface AuditBacklog {
  /** @returns false: too many wait already */
  add(entry: NewAuditEntry, at: Date): boolean
  /** Tries once more, and tells the log of what can't be written. */
  end(): Promise<void>
}

/** What happened beside the requests of the API. */
export const byCommand = { key: null, address: 'command', status: null, requestId: null } as const

/**
 * Resolves once the entry is written, or could not be, which the log tells, or waits for the store.
 * @param patienceMs how long the work waits for it: one that takes longer is written all the same, or told by the log
 */
export async function noteAudit(
  entry: NewAuditEntry,
  { store, log, now, backlog }: AuditContext,
  patienceMs = 5000,
): Promise<void> {
  const { action, subject, requestId } = entry
  const told = { action, subject, requestId }
  const patience = new AbortController()
  const at = new Date(now())
  const written = store
    .audit(entry, at)
    .catch((error: unknown) => {
      if (isAway(error) && backlog?.add(entry, at))
        log.warn(told, 'an entry of the audit log waits for the store')
      else log.error({ err: error, ...told }, unwritten)
    })
    .then(() => 'written' as const)
  const late = wait(patienceMs, 'late' as const, { signal: patience.signal, ref: false }).catch(
    () => 'written' as const,
  )
  if ((await Promise.race([written, late])) === 'late') {
    log.warn(told, `an entry of the audit log takes longer than ${patienceMs} ms to write`)
  }
  patience.abort()
}

const unwritten = 'an entry of the audit log could not be written'

function isAway(error: unknown): boolean {
  return error instanceof ServiceError && error.code === 'STORE_UNAVAILABLE'
}

/** Some megabytes. */
const mostWaiting = 10_000
const triedEveryMs = 1000
/** A store that hangs must not hold the stop of the server. */
const longestEndMs = 1000

interface Waiting {
  readonly entry: NewAuditEntry
  readonly at: Date
}

export function auditBacklog({ store, log }: Pick<AuditContext, 'store' | 'log'>): AuditBacklog {
  let waiting: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let trying = Promise.resolve()
  const open = new Set<Waiting>()
  const tell = (entry: NewAuditEntry, at: Date, error?: unknown) =>
    log.error({ err: error, ...entry, at }, unwritten)
  const write = async (isLast: boolean) => {
    const taken = waiting
    waiting = []
    await Promise.all(
      taken.map(async (each) => {
        const { entry, at } = each
        open.add(each)
        try {
          // The try that failed may have been carried out.
          await store.audit(entry, at, { again: true })
        } catch (error) {
          if (isAway(error) && !isLast) waiting.push(each)
          else if (open.has(each)) tell(entry, at, error)
        }
        open.delete(each)
      }),
    )
  }
  const soon = () => {
    timer ??= setTimeout(() => {
      trying = write(false).then(() => {
        timer = undefined
        if (waiting.length > 0) soon()
      })
    }, triedEveryMs).unref()
  }
  return {
    add(entry, at) {
      if (waiting.length >= mostWaiting) return false
      waiting.push({ entry, at })
      soon()
      return true
    },
    async end() {
      const all = async () => {
        await trying
        clearTimeout(timer)
        await write(true)
      }
      clearTimeout(timer)
      await Promise.race([all(), wait(longestEndMs, undefined, { ref: false })])
      for (const { entry, at } of [...open, ...waiting]) tell(entry, at)
      open.clear()
      waiting = []
    },
  }
}
