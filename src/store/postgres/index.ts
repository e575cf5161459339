/** The store on PostgreSQL, put together from its parts. */
import type { ChangeLog } from '../change-log.ts'
import type { DeliveryStore, MatchingStore } from '../delivery-store.ts'
import type { FactsStore } from '../facts.ts'
import type { IndicatorReader } from '../indicator-reader.ts'
import type { OperationsStore } from '../operations-store.ts'
import type { PublicationRenderer } from '../publication-store.ts'
import type { Store } from '../store.ts'
import type { TicketStore } from '../ticket-store.ts'
import { changeStore } from './changes.ts'
import { type DatabaseOptions, openDatabase } from './database.ts'
import { deliveryStore } from './exports/index.ts'
import { matchingStore } from './exports-matching.ts'
import { factsStore } from './facts.ts'
import { feedStore } from './feeds.ts'
import { indicatorStore } from './indicators.ts'
import { ingestStore } from './ingest.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import { operationsStore } from './operations/index.ts'
import { publicationStore } from './publications.ts'
import { runStore } from './runs.ts'
import { ticketStore } from './tickets/index.ts'

export interface PostgresStoreOptions extends DatabaseOptions {
  /** Default true; false leaves the schema as it is. */
  readonly migrate?: boolean
  /** The machine's clock by default. */
  readonly now?: () => Date
  /** What is published of an indicator; needed only by `publish`. */
  readonly render?: PublicationRenderer
}

/** With the texts that are served as they are stored. */
export type PostgresStore = Store &
  IndicatorReader &
  ChangeLog &
  DeliveryStore &
  MatchingStore &
  TicketStore &
  OperationsStore &
  FactsStore

/** @throws ServiceError STORE_UNAVAILABLE: no connection, PostgreSQL below 15, the schema of a newer program */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const database = await openDatabase(options)
  try {
    if (options.migrate !== false) await migrate(database, migrations, options.log)
  } catch (error) {
    await database.close()
    throw error
  }
  return {
    ...runStore(database),
    ...ingestStore(database, options.now),
    ...indicatorStore(database),
    ...changeStore(database),
    ...feedStore(database),
    ...publicationStore(database, options.render ?? noRenderer),
    ...deliveryStore(database, options.now),
    ...matchingStore(database),
    ...ticketStore(database),
    ...operationsStore(database),
    ...factsStore(database),
    ready: database.ready,
    close: database.close,
  }
}

const noRenderer: PublicationRenderer = () => {
  throw new Error('the store was opened without `render`: it can publish nothing')
}
