/** Why an indicator is in a feed, or is not. */
import { type FilterSubject, filterReason } from '../model/filter.ts'
import type { FeedDefinition, FeedState, FeedStore } from '../store/feed-store.ts'

export interface FeedMembership {
  readonly name: string
  readonly in: boolean
  readonly reason: string
}

/**
 * For each feed, in the order of the configuration.
 * @param stateOf the list as of now
 */
export async function inFeeds(
  store: Pick<FeedStore, 'feedsWith'>,
  feeds: readonly FeedDefinition[],
  stateOf: (feed: string) => Promise<FeedState>,
  indicator: FilterSubject & { readonly id: string },
): Promise<readonly FeedMembership[]> {
  const states: FeedState[] = []
  for (const { name } of feeds) states.push(await stateOf(name))
  const holding = new Set(await store.feedsWith(indicator.id))
  return feeds.map((feed, index) => {
    const state = states[index] as FeedState
    const isIn = holding.has(feed.name)
    return { name: feed.name, in: isIn, reason: reasonOf(feed, state, isIn, filterReason(feed, indicator)) }
  })
}

function reasonOf(
  { limit }: FeedDefinition,
  { held }: FeedState,
  isIn: boolean,
  refusal: string | null,
): string {
  if (isIn && refusal === null) return 'it passes the filter of the feed'
  const hold = held === null ? '' : `the list is held since ${held.since}: ${held.reason}`
  if (isIn) return hold === '' ? `it leaves with the next look: ${refusal}` : `${refusal}, but ${hold}`
  if (refusal !== null) return refusal
  if (hold !== '') return `it passes the filter, but ${hold}`
  if (limit > 0) return `it passes the filter, but the list takes ${limit} entries and others are better`
  return 'it comes with the next look'
}
