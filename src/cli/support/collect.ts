/** Who tells of the store: the server that has it, or the store itself where nobody has it. */
import type { Logger } from 'pino'
import type { Config } from '../../config/model.ts'
import { StoreInUse } from '../../store/embedded/errors.ts'
import { hasStore } from '../../store/embedded/look.ts'
import { startEmbedded } from '../../store/embedded/start.ts'
import { describe } from '../failure.ts'
import { runningServer } from '../running-server.ts'
import { storeFailure } from '../store.ts'
import { type Collected, nothing } from './collected.ts'
import { fromServer } from './from-server.ts'
import { fromStore } from './from-store.ts'

/** What can't be had is told in it. @throws the signal's reason */
export async function collect(config: Config, log: Logger, signal: AbortSignal): Promise<Collected> {
  try {
    return await collected(config, log, signal)
  } catch (error) {
    signal.throwIfAborted()
    return nothing(describe(storeFailure(config.store, error)))
  }
}

async function collected(config: Config, log: Logger, signal: AbortSignal): Promise<Collected> {
  const { store } = config
  if (store.kind === 'postgres') return fromStore({ connectionString: store.url }, config, log, signal)
  const { folder, binaries } = store
  if (!(await hasStore(folder))) return nothing(`there is no store in ${folder} yet (store.url)`)
  let embedded: Awaited<ReturnType<typeof startEmbedded>>
  try {
    embedded = await startEmbedded({ folder, log, ...(binaries !== undefined && { binaries }) })
  } catch (error) {
    const url = error instanceof StoreInUse ? error.holder?.url : undefined
    if (url === undefined) throw error
    return fromServer(runningServer(url, folder), config, signal)
  }
  try {
    return await fromStore(embedded.connection, config, log, signal)
  } finally {
    await embedded.stop()
  }
}
