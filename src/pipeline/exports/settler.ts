/** Writes settlements beside the requests under way: together what came meanwhile, and never far behind. */
import type { Logger } from 'pino'
import type { DeliveryStore, Settlement } from '../../store/delivery-store.ts'
import { ClaimLost } from '../../store/store.ts'
import { isStoreAway } from '../persistently.ts'
import type { Destination } from './destination.ts'
import { unwritable } from './settle.ts'

export interface Settler {
  /** Resolves once there is room for more. */
  add(settlements: readonly Settlement[]): Promise<void>
  readonly isIdle: boolean
}

interface Options {
  /** Its failure ends everything: what comes later is dropped. */
  readonly write: (settlements: readonly Settlement[]) => Promise<void>
  readonly onWritten: () => void
  readonly onIdle: () => void
  readonly onFailure: (error: unknown) => void
}

const mostAtOnce = 2000
const longestBacklog = 4000

export function settler({ write, onWritten, onIdle, onFailure }: Options): Settler {
  let backlog: Settlement[] = []
  let writing: Promise<void> | undefined
  let failed = false

  const drain = async () => {
    while (backlog.length > 0 && !failed) {
      const part = backlog.slice(0, mostAtOnce)
      backlog = backlog.slice(mostAtOnce)
      try {
        await write(part)
      } catch (error) {
        failed = true
        backlog = []
        onFailure(error)
        return
      }
      onWritten()
    }
  }
  return {
    async add(settlements) {
      if (failed || settlements.length === 0) return
      backlog.push(...settlements)
      writing ??= drain().finally(() => {
        writing = undefined
        onIdle()
      })
      while (backlog.length > longestBacklog && writing !== undefined) await writing
    },
    get isIdle() {
      return writing === undefined
    },
  }
}

interface Writing {
  readonly destination: Destination
  readonly claim: number
  readonly store: Pick<DeliveryStore, 'settleDeliveries'>
  readonly log: Logger
  now(): number
}

/**
 * What the database does not take costs itself alone.
 * @returns as they were written
 * @throws ClaimLost; ServiceError STORE_UNAVAILABLE
 */
export async function writeSettlements(
  settlements: readonly Settlement[],
  { destination, claim, store, log, now }: Writing,
): Promise<readonly Settlement[]> {
  const written: Settlement[] = []
  const write = async (some: readonly Settlement[]) => {
    await store.settleDeliveries(destination.name, claim, some, new Date(now()))
    written.push(...some)
  }
  const parts = [settlements]
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    try {
      await write(part)
    } catch (error) {
      if (error instanceof ClaimLost || isStoreAway(error)) throw error
      const half = part.length >> 1
      if (half > 0) parts.push(part.slice(half), part.slice(0, half))
      else {
        log.error({ err: error }, 'an outcome could not be written by a fault of ours')
        await write(part.map((each) => unwritable(each, destination, now())))
      }
    }
  }
  return written
}
