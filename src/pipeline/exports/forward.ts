/** What an exporter is to have by itself: its filter is a list like that of a feed, whose changes are exported. */
import type { Logger } from 'pino'
import type { FeedFilter } from '../../model/filter.ts'
import type { IndicatorType } from '../../model/indicator.ts'
import type { DeliveryStore, ForwardOptions } from '../../store/delivery-store.ts'
import type { FeedDefinition, FeedStore } from '../../store/feed-store.ts'
import type { Destination } from './destination.ts'

/** No source has this name. */
const nowhere = ''

/** @param accepts types that the product takes; a filter that asks for none of them gives a list without entries */
export function forwardList(
  exporterName: string,
  filter: FeedFilter,
  accepts: readonly IndicatorType[],
): FeedDefinition {
  const types = accepts.filter((type) => filter.types.length === 0 || filter.types.includes(type))
  return {
    ...filter,
    // No types would mean all of them.
    ...(types.length > 0 ? { types } : { sources: [nowhere] }),
    name: `forward/${exporterName}`,
    limit: 0,
    // What may leave is for the exporter's own `maxRemovalShare` to say.
    shrinkGuard: 1,
  }
}

export type ForwardStore = Pick<DeliveryStore, 'forward'> & Pick<FeedStore, 'refreshFeed'>

export function forwardOptions(
  list: FeedDefinition,
  { exporter, maxRemovalShare }: Pick<Destination, 'exporter' | 'maxRemovalShare'>,
  now: number,
): ForwardOptions {
  return { list, sourceName: exporter.sourceOf({}), maxRemovalShare, now: new Date(now) }
}

/** Queues whatever changed since the last time. @throws ClaimLost; ServiceError STORE_UNAVAILABLE */
export async function forwardChanges(
  list: FeedDefinition,
  { name, exporter, maxRemovalShare }: Pick<Destination, 'name' | 'exporter' | 'maxRemovalShare'>,
  claim: number,
  { store, log, now, signal }: { store: ForwardStore; log: Logger; now(): number; signal: AbortSignal },
): Promise<void> {
  const at = now()
  await store.refreshFeed(list, { now: new Date(at) })
  let upserts = 0
  let removals = 0
  for (let more = true; more && !signal.aborted; ) {
    const step = await store.forward(name, claim, forwardOptions(list, { exporter, maxRemovalShare }, now()))
    upserts += step.upserts
    removals += step.removals
    more = step.more
    // Told when it begins, not at each look.
    if (step.held !== null && Date.parse(step.held.since) >= at) {
      const { reason, ...counts } = step.held
      log.warn(counts, `removals are held: ${reason}`)
    }
  }
  if (upserts + removals > 0) log.info({ upserts, removals }, 'changes are forwarded')
}
