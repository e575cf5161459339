/** What the loop at one destination has in hand, and who is told of what comes of it. */
import type { Logger } from 'pino'
import type { DeliveryStore, Settlement } from '../../store/delivery-store.ts'
import type { ItemStatus } from '../../store/exports.ts'
import type { Health } from '../../store/health.ts'
import { ClaimLost } from '../../store/store.ts'
import { persistently } from '../persistently.ts'
import type { Bell } from '../product/bell.ts'
import { type Circuit, circuitOf } from '../product/circuit.ts'
import { type ClaimWatch, claimWatch } from '../product/claim-watch.ts'
import type { Tenure } from '../product/tenure.ts'
import type { Watch } from '../watch.ts'
import { adviceFor } from './advice.ts'
import { type BatchSize, firstSize } from './batch-size.ts'
import type { Destination } from './destination.ts'
import type { Room } from './room.ts'
import type { Work } from './settle.ts'
import { type Settler, settler, writeSettlements } from './settler.ts'

export interface LoopContext {
  readonly destination: Destination
  readonly claim: number
  readonly store: DeliveryStore
  readonly room: Room | undefined
  readonly tenure?: Tenure
  readonly log: Logger
  now(): number
  random(): number
  /** Aborted when requests under way must end. */
  readonly cut: AbortSignal
  readonly onlooker?: Watch
  /** Before deliveries are claimed. */
  readonly forward: () => Promise<void>
}

export interface Loop extends LoopContext {
  readonly signal: AbortSignal
  /** `cut`, or another worker has taken over: it must not meet requests of ours. */
  readonly ending: AbortSignal
  readonly circuit: Circuit
  readonly settling: Settler
  readonly fail: (error: unknown) => void
  readonly watch: ClaimWatch
  /** Ends a piece of work beside the loop, whatever came of it. */
  readonly beside: (work: Promise<void>, end: () => void) => void
  pool: Work[]
  size: BatchSize
  underWay: number
  /** Pieces of work that another worker may still have under way. */
  held: number
  claiming: boolean
  /** Nothing was due when it was looked last, and nothing has been settled since. */
  drained: boolean
  failure: { readonly error: unknown } | undefined
}

interface Start {
  readonly before: Health
  readonly signal: AbortSignal
  readonly bell: Bell
  readonly tally: Map<ItemStatus, number>
}

export function startLoop(context: LoopContext, { before, signal, bell, tally }: Start): Loop {
  const { destination, log } = context
  const lost = new AbortController()
  const persist = <T>(work: () => Promise<T>) => persistently(work, { what: 'an export', log, signal })
  const fail = (error: unknown) => {
    loop.failure ??= { error }
    if (error instanceof ClaimLost) lost.abort(error)
    bell.ring()
  }
  const watch = claimWatch({
    now: context.now,
    // Takes none: the claim alone is looked up.
    look: () => persist(() => takeNone(context)),
    onLost(error) {
      fail(error)
      lost.abort(error)
    },
  })
  const write = async (settlements: readonly Settlement[]) => {
    const written = await persist(() => writeSettlements(settlements, context))
    for (const [status, count] of countedBy(written)) {
      tally.set(status, (tally.get(status) ?? 0) + count)
      context.onlooker?.itemsSettled?.(destination.name, status, count)
    }
  }
  const onWritten = () => {
    loop.drained = false
    bell.ring()
  }
  const loop: Loop = {
    ...context,
    signal,
    ending: AbortSignal.any([context.cut, lost.signal]),
    circuit: circuitOf(before, {
      ...context,
      ...destination,
      what: 'the exporter',
      advice: adviceFor(destination.name),
      save: (health) => context.store.saveHealth(destination.name, context.claim, health),
      persist,
      onFailure: fail,
    }),
    settling: settler({ write, onWritten, onIdle: bell.ring, onFailure: fail }),
    fail,
    watch,
    beside(work, end) {
      void work.catch(fail).finally(() => {
        end()
        bell.ring()
      })
    },
    pool: [],
    size: firstSize(destination.maxBatch),
    underWay: 0,
    held: 0,
    claiming: false,
    drained: false,
    failure: undefined,
  }
  return loop
}

function countedBy(settlements: readonly Settlement[]): ReadonlyMap<ItemStatus, number> {
  const counts = new Map<ItemStatus, number>()
  for (const { status } of settlements) counts.set(status, (counts.get(status) ?? 0) + 1)
  return counts
}

async function takeNone({ store, destination, claim, now }: LoopContext): Promise<void> {
  await store.claimDeliveries(destination.name, claim, { limit: 0, now: new Date(now()) })
}
