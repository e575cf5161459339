/** The store for a command, or why it can't be had, in one line. */
import type { Logger } from 'pino'
import { redactAddress } from '../config/formats.ts'
import type { StoreConfig } from '../config/model.ts'
import { ServiceError } from '../errors.ts'
import { renderForCollections } from '../feeds/stix/objects.ts'
import { StoreInUse, StoreUnavailable } from '../store/embedded/errors.ts'
import { type OpenedStore, openStore } from '../store/open.ts'
import { remedyAtStart, translatedAtStart } from '../store/postgres/failures.ts'
import { CommandError } from './failure.ts'
import { type RunningServer, runningServer } from './running-server.ts'

/** @throws CommandError; StoreInUse when another server has the embedded store */
export async function storeOf(config: StoreConfig, log: Logger): Promise<OpenedStore> {
  try {
    return await openStore(config, { log, render: renderForCollections })
  } catch (error) {
    if (error instanceof StoreUnavailable) throw error
    throw storeFailure(config, error)
  }
}

/**
 * The server that has the embedded store, to be asked instead.
 * @param error why the store can't be had
 * @throws CommandError where that is no running server
 */
export function serverWith(config: StoreConfig, error: unknown): RunningServer {
  const url = error instanceof StoreInUse ? error.holder?.url : undefined
  if (url === undefined || config.kind !== 'embedded') throw storeFailure(config, error)
  return runningServer(url, config.folder)
}

export function storeFailure({ url }: StoreConfig, error: unknown): unknown {
  if (error instanceof StoreUnavailable) {
    const { message, remedy } = error
    return new CommandError(remedy === undefined ? message : `${message}: ${remedy}`, 1)
  }
  const failure = translatedAtStart(error)
  if (!(failure instanceof ServiceError)) return error
  return new CommandError(
    `the store ${redactAddress(url)} can't be used: ${failure.message}. ${remedyAtStart(failure)}`,
    1,
  )
}
