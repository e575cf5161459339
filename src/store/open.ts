/** The configured store, opened: the private PostgreSQL or a server, with the connection that the queue uses as well. */
import type { Logger } from 'pino'
import type { StoreConfig } from '../config/model.ts'
import { type EmbeddedPostgres, startEmbedded } from './embedded/start.ts'
import { openPostgresStore, type PostgresStore } from './postgres/index.ts'
import type { PublicationRenderer } from './publication-store.ts'

export interface StoreOptions {
  readonly log: Logger
  /** What TAXII publishes of an indicator. */
  readonly render: PublicationRenderer
}

/** For `pg`. */
export type StoreConnection = { readonly connectionString: string } | EmbeddedPostgres['connection']

export interface OpenedStore {
  readonly store: PostgresStore
  readonly connection: StoreConnection
  /** No other process uses it. */
  readonly exclusive: boolean
  /** Tells whoever finds an embedded store in use where this server answers. */
  announce(url: string): void
  /** Why the embedded PostgreSQL ended although nobody closed it. */
  readonly ended: Promise<Error | undefined>
  /** The last of all that use it. */
  close(): Promise<void>
}

/**
 * @throws StoreInUse, StoreUnavailable of the embedded PostgreSQL; ServiceError STORE_UNAVAILABLE of a server. Each says
 * what to do about it.
 */
export async function openStore(config: StoreConfig, { log, render }: StoreOptions): Promise<OpenedStore> {
  if (config.kind === 'postgres') {
    const connection = { connectionString: config.url }
    const store = await openPostgresStore({ connection, log, render })
    return {
      store,
      connection,
      exclusive: false,
      announce() {},
      ended: new Promise(() => {}),
      close: () => store.close(),
    }
  }
  const { folder, binaries } = config
  const embedded = await startEmbedded({ folder, log, ...(binaries !== undefined && { binaries }) })
  const connection = { ...embedded.connection }
  try {
    const store = await openPostgresStore({ connection, log, render, direct: true })
    return {
      store,
      connection,
      exclusive: true,
      announce: embedded.announce,
      ended: embedded.ended,
      async close() {
        await store.close()
        await embedded.stop()
      },
    }
  } catch (error) {
    await embedded.stop()
    throw error
  }
}
