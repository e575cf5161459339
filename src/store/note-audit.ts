/** Entries of the audit log beside the work that they tell of: a store that is away stops nobody's work. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { NewAuditEntry, OperationsStore } from './operations-store.ts'

export interface AuditContext {
  readonly store: Pick<OperationsStore, 'audit'>
  readonly log: Pick<Logger, 'error' | 'warn'>
  /** Milliseconds since the epoch. */
  now(): number
}

/** What happened beside the requests of the API. */
export const byCommand = { key: null, address: 'command', status: null, requestId: null } as const

/**
 * Resolves once the entry is written, or could not be, which the log tells.
 * @param patienceMs how long the work waits for it: one that takes longer is written all the same, or told by the log
 */
export async function noteAudit(
  entry: NewAuditEntry,
  { store, log, now }: AuditContext,
  patienceMs = 5000,
): Promise<void> {
  const { action, subject, requestId } = entry
  const told = { action, subject, requestId }
  const patience = new AbortController()
  const written = store
    .audit(entry, new Date(now()))
    .catch((error: unknown) =>
      log.error({ err: error, ...told }, 'an entry of the audit log could not be written'),
    )
    .then(() => 'written' as const)
  const late = wait(patienceMs, 'late' as const, { signal: patience.signal, ref: false }).catch(
    () => 'written' as const,
  )
  if ((await Promise.race([written, late])) === 'late') {
    log.warn(told, `an entry of the audit log takes longer than ${patienceMs} ms to write`)
  }
  patience.abort()
}
