/** How many entries a tenant has, where it tells. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { TaegisClient } from './client.ts'
import { countActive } from './listing.ts'

/** Failures of the server in a row after which the question itself is taken to fail. */
const patience = 3

/**
 * A tenant that doesn't answer the question may take indicators all the same: pushes go on then. Whatever stands in the
 * way of both, the push itself meets with.
 *
 * @returns asks for the number of active entries, all sources' together, undefined where it is not told; throws
 * UpstreamError where asking again may help
 */
export function roomOf(
  client: TaegisClient,
  log: Logger,
): (signal: AbortSignal) => Promise<number | undefined> {
  let failures = 0
  const ask = async (signal: AbortSignal) => {
    const count = await countActive(client, signal)
    failures = 0
    return count
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
      log.warn(
        { err: error },
        'Secureworks does not tell how many indicators the tenant has: ours alone are counted',
      )
      return undefined
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
