/** Work that goes on once the store is back. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'

const againMs = 1000
/** A store that is away for hours is told of now and then. */
const toldEvery = 30

/**
 * Does the work again as long as the store is away.
 * @param what waits, for the log: `a fetch`
 * @throws whatever else the work fails with; AbortError: aborted while the store was away
 */
export async function persistently<T>(
  work: () => Promise<T>,
  { what, log, signal }: { readonly what: string; readonly log: Logger; readonly signal: AbortSignal },
): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await work()
    } catch (error) {
      if (!isStoreAway(error)) throw error
      if (failures % toldEvery === 0) log.warn({ reason: error.message }, `${what} waits for the store`)
    }
    await wait(againMs, undefined, { signal })
  }
}

export function isStoreAway(error: unknown): error is ServiceError {
  return error instanceof ServiceError && error.code === 'STORE_UNAVAILABLE'
}
