/** How many entries a tenant has, where it tells. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { TaegisClient } from './client.ts'
import { countActive } from './listing.ts'

/** Failures of the server in a row after which the question itself is taken to fail. */
const patience = 3

/**
 * A tenant that doesn't answer the question may take indicators all the same: pushes go on then, as far as the last
 * count lets them, or as if there were none yet. Whatever stands in the way of both, the push itself meets with.
 *
 * @returns asks for the number of active entries, all sources' together; throws UpstreamError where asking again may help
 */
export function roomOf(client: TaegisClient, log: Logger): (signal: AbortSignal) => Promise<number> {
  let last = 0
  let failures = 0
  const ask = async (signal: AbortSignal) => {
    last = await countActive(client, signal)
    failures = 0
    return last
  }
  return async (signal) => {
    try {
      // Half an answer is soon followed by a whole one.
      return await ask(signal).catch((error: unknown) => {
        if (isUpstream(error) && error.kind === 'unreadable') return ask(signal)
        throw error
      })
    } catch (error) {
      if (!isUpstream(error)) throw error
      const isBroken = error.status !== undefined && error.status >= 500 && ++failures >= patience
      if (!isBroken && !cannotBeAsked(error)) throw error
      const words = 'Secureworks does not tell how many indicators the tenant has: they are sent all the same'
      log.warn({ err: error, counted: last }, words)
      return last
    }
  }
}

/** Whether a question was refused in a way that says nothing of a mutation. */
export function cannotBeAsked({ kind }: UpstreamError): boolean {
  return kind === 'address' || kind === 'rejected' || kind === 'permission' || kind === 'unreadable'
}

function isUpstream(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError
}
