/** What is known of a feed: what is in it as of which position of the store, and whether it may be served. */
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type { FeedDefinition, FeedState, FeedStore, FeedsPosition } from '../store/feed-store.ts'

export interface Feed {
  readonly definition: FeedDefinition
  readonly sources: readonly string[]
  state?: FeedState
  /** Up to here the state is right … */
  head: number
  /** … and while these sources fail: what is held depends on it. */
  failing: string
  /** The position for which the sources were found to be fetched. */
  readyAt?: FeedsPosition
  refreshing?: Promise<FeedState> | undefined
}

/** @param sources names of all configured sources */
export function newFeed(definition: FeedDefinition, sources: readonly string[]): Feed {
  return {
    definition,
    sources: definition.sources.length > 0 ? definition.sources : sources,
    head: -1,
    failing: '',
  }
}

/** A source whose first fetch failed keeps back no list that has others; of it alone there is none. */
export function notFetched(feed: Feed, { fetched, failing }: FeedsPosition): readonly string[] {
  const missing = feed.sources.filter((source) => !fetched.includes(source))
  return missing.length === feed.sources.length
    ? missing
    : missing.filter((source) => !failing.includes(source))
}

/** @throws ServiceError FEED_NOT_READY */
export function requireFetched(feed: Feed, position: FeedsPosition): void {
  const waiting = notFetched(feed, position)
  if (waiting.length > 0) {
    const which = waiting.map((name) => `"${name}"`).join(', ')
    throw notReady(`the feed "${feed.definition.name}" waits for the end of the first fetch of ${which}`)
  }
  feed.readyAt = position
}

export function isRunning(feed: Feed, position: FeedsPosition): boolean {
  return feed.sources.some((source) => position.running.includes(source))
}

function failingOf(feed: Feed, position: FeedsPosition): string {
  return feed.sources.filter((source) => position.failing.includes(source)).join()
}

/** Whether the state that is known is that of the position. */
export function knows(feed: Feed, position: FeedsPosition): feed is Feed & { state: FeedState } {
  return (
    feed.state !== undefined &&
    feed.head >= position.head &&
    (feed.state.held !== null) === position.held.includes(feed.definition.name) &&
    (feed.state.held === null || feed.failing === failingOf(feed, position)) &&
    (feed.state.settled || feed.state.held !== null || isRunning(feed, position))
  )
}

export interface Refreshing {
  readonly store: Pick<FeedStore, 'refreshFeed'>
  readonly log: Logger
  /** Milliseconds since the epoch. */
  now(): number
  /** A list is held, or no more: whatever is known of positions is another one. */
  moved(): void
}

/** The state as of the position, asked once for all who want it. */
export async function refreshed(feed: Feed, position: FeedsPosition, how: Refreshing): Promise<FeedState> {
  if (knows(feed, position)) return feed.state
  // One that is under way may have begun before the position was reached.
  await feed.refreshing?.catch(() => {})
  if (knows(feed, position)) return feed.state
  if (feed.refreshing === undefined) {
    feed.failing = failingOf(feed, position)
    feed.refreshing = refresh(feed, position.head, how).finally(() => {
      feed.refreshing = undefined
    })
  }
  return feed.refreshing
}

/** @param accept a held list is let go, whatever the next one loses */
export async function refresh(
  feed: Feed,
  head: number,
  { store, log, now, moved }: Refreshing,
  accept = false,
): Promise<FeedState> {
  const before = feed.state?.held ?? null
  const state = await store.refreshFeed(feed.definition, { now: new Date(now()), accept })
  if (state.held !== null && before === null) {
    log.warn({ feed: state.name, reason: state.held.reason }, 'the last good list of a feed is held')
  }
  feed.state = state
  feed.head = Math.max(head, state.seq)
  if ((before === null) !== (state.held === null)) moved()
  return state
}

export function notReady(detail: string): ServiceError {
  return new ServiceError('FEED_NOT_READY', detail, { headers: { 'retry-after': '15' } })
}
