/** Takes deliveries in hand: what is to be sent, and what of them is settled without. */
import type { Logger } from 'pino'
import { UpstreamError } from '../../errors.ts'
import type { DeliveryStore, Settlement } from '../../store/delivery-store.ts'
import type { Circuit } from '../product/circuit.ts'
import type { Destination } from './destination.ts'
import { hasStill, prepare } from './prepare.ts'
import { noRoom, type Room } from './room.ts'
import { failedUnsent, released, type Work, withoutSending } from './settle.ts'

/** What waits until others have left looks again then. */
const roomWaitMs = 1000

export interface Intake {
  /** Deliveries claimed; 0: nothing is due. */
  readonly claimed: number
  readonly works: readonly Work[]
  readonly settlements: readonly Settlement[]
  /** Of the product, when it was asked for its room. */
  readonly failure?: UpstreamError
}

export interface IntakeContext {
  readonly destination: Destination
  readonly claim: number
  readonly store: Pick<DeliveryStore, 'claimDeliveries'>
  readonly room: Room | undefined
  readonly circuit: Pick<Circuit, 'health'>
  readonly log: Logger
  now(): number
  random(): number
}

/** @throws ClaimLost; ServiceError STORE_UNAVAILABLE: something may have been claimed */
export async function takeIn(limit: number, context: IntakeContext, signal: AbortSignal): Promise<Intake> {
  const { destination, claim, store, log, now, random } = context
  const at = now()
  const claimed = await store.claimDeliveries(destination.name, claim, { limit, now: new Date(at) })
  const prepared = prepare(claimed, destination, at, random, (error) =>
    log.error({ err: error }, 'a delivery could not be prepared by a fault of ours'),
  )
  const { works, settlements, failure } = await withRoom(prepared.works, context, signal)
  return {
    claimed: claimed.length,
    works,
    settlements: [...prepared.settlements, ...settlements],
    ...(failure !== undefined && { failure }),
  }
}

async function withRoom(
  works: readonly Work[],
  { destination, room, circuit, now, random }: IntakeContext,
  signal: AbortSignal,
): Promise<Omit<Intake, 'claimed'>> {
  const most = destination.exporter.room?.most
  if (room === undefined || most === undefined) return { works, settlements: [] }
  const fresh: Work[] = []
  const others: Work[] = []
  for (const each of works) {
    const isFresh = each.claimed.action === 'upsert' && !hasStill(each.claimed.have, now())
    const part = isFresh ? fresh : others
    part.push(each)
  }
  room.leaving(others.filter(({ claimed: { action, have } }) => action === 'remove' && have !== null))
  try {
    const { go, wait, none } = await room.admit(fresh, signal)
    const reason = noRoom(most)
    const waitUntil = new Date(now() + roomWaitMs)
    const settlements = [
      ...wait.map(({ claimed }) => released(claimed, waitUntil)),
      ...none.map(({ claimed }) => withoutSending(claimed, 'skipped', reason, { noRoom: true })),
    ]
    return { works: [...others, ...go], settlements }
  } catch (error) {
    if (signal.aborted && !(error instanceof UpstreamError)) {
      return { works: others, settlements: fresh.map(({ claimed }) => released(claimed, new Date(now()))) }
    }
    if (!(error instanceof UpstreamError)) throw error
    const why = { reason: error.message, error }
    const policy = { ...destination, isTaking: circuit.health.circuit === 'closed' }
    const settlements = fresh.map(({ claimed }) => failedUnsent(claimed, why, policy, now(), random()))
    return { works: others, settlements, failure: error }
  }
}
