/** The audit log of a database that is not opened as a store: for commands that take it as it is. */
import type { ClientConfig } from 'pg'
import type { Logger } from 'pino'
import { byCommand, noteAudit } from '../../note-audit.ts'
import type { NewAuditEntry } from '../../operations-store.ts'
import { openDatabase } from '../database.ts'
import { auditLog } from './audit.ts'

export interface CommandDone extends Pick<NewAuditEntry, 'action' | 'subject' | 'details'> {
  readonly connection: ClientConfig
  readonly log: Logger
  readonly now: number
}

/** A store of an earlier schema has no log: nothing is written there. What can't be written is told by the log. */
export async function noteCommand({ connection, log, now, ...entry }: CommandDone): Promise<void> {
  try {
    const database = await openDatabase({ connection, log, maxConnections: 1 })
    try {
      const [found] = await database.query<{ there: boolean }>(
        `select to_regclass('audit_head') is not null as there`,
      )
      if (found?.there !== true) return
      const store = auditLog(database)
      await noteAudit({ ...byCommand, ...entry }, { store, log, now: () => now })
    } finally {
      await database.close()
    }
  } catch (error) {
    log.error({ err: error, action: entry.action }, 'an entry of the audit log could not be written')
  }
}
