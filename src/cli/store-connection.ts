/** The database of the configured store, for commands that need it as it is: not opened as a store, not migrated. */
import type { Logger } from 'pino'
import type { StoreConfig } from '../config/model.ts'
import { hasStore } from '../store/embedded/look.ts'
import { startEmbedded } from '../store/embedded/start.ts'
import type { StoreConnection } from '../store/open.ts'
import { BackupError } from '../store/postgres/backup-format.ts'
import { CommandError } from './failure.ts'
import { storeFailure } from './store.ts'

/**
 * @param create whether an embedded store is made where there is none
 * @throws CommandError; while a server runs on an embedded store it names that one
 */
export async function withStoreConnection(
  config: StoreConfig,
  { log, create }: { readonly log: Logger; readonly create: boolean },
  work: (connection: StoreConnection) => Promise<void>,
): Promise<void> {
  try {
    if (config.kind === 'postgres') return await work({ connectionString: config.url })
    const { folder, binaries } = config
    if (!create && !(await hasStore(folder))) {
      throw new CommandError(`there is no store in ${folder} (store.url)`, 1)
    }
    const embedded = await startEmbedded({ folder, log, ...(binaries !== undefined && { binaries }) })
    try {
      await work(embedded.connection)
    } finally {
      await embedded.stop()
    }
  } catch (error) {
    if (error instanceof BackupError) throw new CommandError(error.message, 1)
    throw storeFailure(config, error)
  }
}
