/** What a store is and how much is in it: for those who run it, and for a support bundle. */

export interface StoreFacts {
  /** Version of PostgreSQL: `18.4`. */
  readonly postgresql: string
  /** Migrations that the store has; 0: it is empty. */
  readonly schemaVersion: number
  /** Migrations that this program knows. */
  readonly newestSchemaVersion: number
  /** Of the whole database. */
  readonly bytes: number
  /** Biggest first; the queues of pg-boss, too. */
  readonly tables: readonly TableFacts[]
}

interface TableFacts {
  readonly name: string
  /** With its indexes and everything that is stored beside it. */
  readonly bytes: number
  /** As PostgreSQL's statistics have it: about right. */
  readonly rowsAbout: number
}

export interface FactsStore {
  storeFacts(): Promise<StoreFacts>
}
