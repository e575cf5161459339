/** Works at one destination until nothing is due there. A delivery is marked in the store before it is sent. */
import type { Logger } from 'pino'
import type { DeliveryStore } from '../../store/delivery-store.ts'
import type { Health } from '../../store/health.ts'
import { ClaimLost } from '../../store/store.ts'
import { isStoreAway } from '../persistently.ts'
import { readyAt, triedAnew } from '../product/health.ts'
import type { Tenure } from '../product/tenure.ts'
import type { Watch } from '../watch.ts'
import { deliverDue } from './delivery-loop.ts'
import type { Destination } from './destination.ts'
import { type ForwardStore, forwardChanges } from './forward.ts'
import type { ForwardPace } from './forward-pace.ts'
import type { Rooms } from './room.ts'

export interface DeliverContext {
  readonly store: DeliveryStore & ForwardStore
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** 0 up to 1. */
  random(): number
  /** Of a destination that has `room`, kept from one time to the next. */
  readonly rooms?: Rooms
  /** Kept from one time to the next; absent: no other process works there. */
  readonly tenure?: Tenure
  /** This process has not been at work there yet: what paused the destination may be mended in its configuration. */
  readonly isNew?: boolean
  /** Aborted when what is under way must end as well; absent: with the signal. */
  readonly cut?: AbortSignal
  readonly onlooker?: Watch
  /** Told of each look at the forward. */
  readonly pace?: ForwardPace
}

/** A forward is looked at once more after this time while deliveries go on and on. */
const forwardEveryMs = 5000
/**
 * @param signal aborted: nothing more is sent
 * @returns when to look again, milliseconds since the epoch, may be past; null: nothing waits, `resume` is waited for,
 * another worker has taken over, or the signal was aborted
 * @throws ServiceError STORE_UNAVAILABLE: whatever is under way is taken over by the next call; other errors are faults
 */
export async function deliver(
  destination: Destination,
  context: DeliverContext,
  signal: AbortSignal,
): Promise<number | null> {
  const { store, rooms, tenure, cut = signal } = context
  const { name } = destination
  const log = context.log.child({ exporter: name })
  const claim = await store.claimExporter(name)
  tenure?.begin(claim)
  try {
    const forward = forwarder(destination, claim, { ...context, log, signal })
    await forward()
    const kept = await store.health(name)
    const health = context.isNew === true ? triedAnew(kept) : kept
    if (health !== kept) await store.saveHealth(name, claim, health)
    if (readyAt(health) === undefined) return null
    const room = rooms?.begin(claim)
    const after = await deliverDue(
      { ...context, log, destination, claim, forward, room, cut },
      health,
      signal,
    )
    return signal.aborted ? null : await nextLook(name, after, store)
  } catch (error) {
    if (!(error instanceof ClaimLost)) throw error
    log.info('another worker has taken the exporter over')
    return null
  }
}

/** @returns milliseconds since the epoch; null: nothing waits, or `resume` is waited for */
export async function nextLook(
  name: string,
  health: Health,
  store: Pick<DeliveryStore, 'nextDelivery'>,
): Promise<number | null> {
  const ready = readyAt(health)
  if (ready === undefined) return null
  const next = await store.nextDelivery(name)
  return next === undefined ? null : Math.max(ready, Date.parse(next))
}

/** Queues what changed, unless that was done just now. Its faults are no fault of what waits already. */
function forwarder(
  destination: Destination,
  claim: number,
  context: DeliverContext & { readonly signal: AbortSignal },
): () => Promise<void> {
  const { forward, forwardsElsewhere = false } = destination
  const { pace } = context
  let at = Number.NEGATIVE_INFINITY
  return async () => {
    if (forward === null || forwardsElsewhere || context.now() - at < forwardEveryMs) return
    at = context.now()
    try {
      await forwardChanges(forward, destination, claim, context)
      pace?.looked('well')
    } catch (error) {
      if (error instanceof ClaimLost || isStoreAway(error)) throw error
      pace?.looked('wrong')
      context.log.error({ err: error }, 'forwarding failed by a fault of ours')
    }
  }
}
