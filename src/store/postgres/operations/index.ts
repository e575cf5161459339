/** What the store keeps for those who run the server, in PostgreSQL. */
import type { OperationsStore } from '../../operations-store.ts'
import type { Database } from '../database.ts'
import { auditLog } from './audit.ts'
import { history } from './history.ts'
import { keyUse } from './key-use.ts'

export function operationsStore(database: Database): OperationsStore {
  return { ...history(database), ...keyUse(database), ...auditLog(database) }
}
