/**
 * The lists as they are served: the last good bytes of each feed in each variant, kept fresh. What a request needs of
 * the store is asked once, however many requests wait for it; what is known to be fresh is served without asking.
 */
import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type { Encoding, FeedDefinition, FeedState, FeedStore } from '../store/feed-store.ts'
import type { FeedFormat } from './feed-format.ts'
import {
  adopt,
  type FeedList,
  listBuilder,
  newVariant,
  type ServedFeed,
  shows,
  type Variant,
} from './feed-list.ts'
import { isRunning, knows, newFeed, notFetched, refresh, refreshed, requireFetched } from './feed-state.ts'
import { listBodies } from './list-bodies.ts'
import { type PositionTracker, positionTracker } from './position.ts'

export interface FeedListsOptions {
  /** The feeds as configured. */
  readonly feeds: readonly FeedDefinition[]
  /** Names of all configured sources. */
  readonly sources: readonly string[]
  readonly store: FeedStore & { onCommit(listener: () => void): () => void }
  readonly log: Logger
  /** Of this program: another one may render the same entries in another way. */
  readonly version: string
  /** Without a slash at its end. */
  readonly publicUrl?: string
  /** Milliseconds since the epoch. */
  now(): number
  /** Default 1 s; 0: other processes' commits are noticed only when the store tells of them. */
  readonly pollMs?: number
  /** Bytes kept in memory in all; default 128 MiB. */
  readonly memoryBytes?: number
}

export interface FeedLists {
  /** The newest list, where that is known without asking the store. */
  current(feed: string, format: FeedFormat): FeedList | undefined
  /**
   * The newest list, made if need be. While a fetch is under way it may be as old as ten times what its making took,
   * 5 s at least; else it holds everything that was stored before the call.
   * @throws ServiceError FEED_UNKNOWN, FEED_NOT_READY, STORE_UNAVAILABLE
   */
  get(feed: string, format: FeedFormat): Promise<FeedList>
  /** A body, where it is in memory. */
  inMemory(list: FeedList, encoding: Encoding): Buffer | undefined
  /**
   * A body, whole where it is small; a big one's pieces fail where its bytes are replaced long before they are read.
   * @returns undefined when newer bytes took its place: get the list again
   */
  body(list: FeedList, encoding: Encoding): Promise<Buffer | AsyncGenerator<Buffer> | undefined>
  definition(feed: string): FeedDefinition
  /** What is in the feed, as of now. */
  state(feed: string): Promise<FeedState>
  /** Sources of the feed whose first fetch it waits for. */
  awaited(feed: string): Promise<readonly string[]>
  /** Lets a held list go: the next one is taken, whatever it loses. */
  release(feed: string): Promise<FeedState>
  close(): void
}

const mostVariants = 64
const touchEveryMs = 3_600_000
const shortestThrottleMs = 5_000
const throttleFactor = 10

export function feedLists(options: FeedListsOptions): FeedLists {
  const { store, log, now } = options
  const tracker: PositionTracker = positionTracker({
    store,
    log,
    pollMs: options.pollMs ?? 1000,
    patienceMs: 5000,
  })
  const feeds = new Map<string, ServedFeed>(
    options.feeds.map((definition) => [
      definition.name,
      { ...newFeed(definition, options.sources), variants: new Map() },
    ]),
  )
  const bodies = listBodies(store, options.memoryBytes ?? 128 * 1024 * 1024)
  const refreshing = { store, log, now, moved: tracker.moved }
  const built = listBuilder({ ...options, ...refreshing, bodies })
  const maker = createHash('sha256')
    .update(`${options.version}\0${options.publicUrl ?? ''}`)
    .digest('base64url')
    .slice(0, 8)

  const feedNamed = (name: string): ServedFeed => {
    const feed = feeds.get(name)
    if (feed !== undefined) return feed
    const known = [...feeds.keys()]
    const others = known.length > 0 ? `there are: ${known.join(', ')}` : 'none is configured'
    throw new ServiceError('FEED_UNKNOWN', `no feed "${name}"; ${others}`)
  }

  const variantOf = (feed: ServedFeed, format: FeedFormat): Variant => {
    const known = feed.variants.get(format.variant)
    if (known !== undefined) return known
    const variant = newVariant(feed, format, maker)
    for (const oldest of feed.variants.keys()) {
      if (feed.variants.size < mostVariants) break
      feed.variants.delete(oldest)
    }
    feed.variants.set(format.variant, variant)
    return variant
  }

  const newest = async (variant: Variant, state: FeedState): Promise<FeedList> => {
    const list = await built(variant, state)
    variant.lookedAt = now()
    delete variant.stale
    touch(variant)
    return list
  }

  const touch = (variant: Variant): void => {
    const at = now()
    if (at - variant.touchedAt < touchEveryMs) return
    variant.touchedAt = at
    // The order of use in this process as well.
    variant.feed.variants.delete(variant.format.variant)
    variant.feed.variants.set(variant.format.variant, variant)
    store
      .touchSnapshot(variant.feed.definition.name, variant.key, new Date(at))
      .catch((error: unknown) => log.debug({ err: error }, 'the use of a list was not noted'))
  }

  const isRecent = ({ lookedAt, buildMs }: Variant): boolean =>
    now() - lookedAt < Math.max(shortestThrottleMs, throttleFactor * buildMs)

  const lastGood = async (variant: Variant, failure: unknown): Promise<FeedList> => {
    const { name } = variant.feed.definition
    if (failure instanceof ServiceError && failure.code === 'FEED_NOT_READY') throw failure
    if (variant.list === undefined) {
      if (tracker.current() === undefined) throw failure
      const snapshot = await store.snapshot(name, variant.key).catch(() => undefined)
      const { state } = variant.feed
      if (snapshot === undefined || state === undefined) throw failure
      adopt(variant, snapshot, state)
    }
    // Told once, not for every request.
    if (variant.stale === undefined) {
      log.error({ err: failure, feed: name, variant: variant.format.variant }, 'the last good list is served')
      variant.stale = { ...(variant.list as FeedList), stale: true }
    }
    return variant.stale
  }

  const get = async (name: string, format: FeedFormat): Promise<FeedList> => {
    const feed = feedNamed(name)
    const variant = variantOf(feed, format)
    try {
      let position = await tracker.get()
      // The end of a fetch is no commit that is told of.
      if (notFetched(feed, position).length > 0) position = await tracker.fresh()
      requireFetched(feed, position)
      if (variant.list !== undefined && isRunning(feed, position) && isRecent(variant)) {
        // A fetch that has just ended is noticed at once.
        position = await tracker.fresh()
        if (isRunning(feed, position)) return variant.list
      }
      return await newest(variant, await refreshed(feed, position, refreshing))
    } catch (error) {
      return lastGood(variant, error)
    }
  }

  const forget = (list: FeedList): void => {
    for (const variant of feedNamed(list.feed).variants.values()) {
      if (variant.list?.snapshot.body === list.snapshot.body) delete variant.list
    }
  }

  return {
    current(name, format) {
      const position = tracker.current()
      const feed = feeds.get(name)
      if (position === undefined || feed === undefined || !knows(feed, position)) return undefined
      if (feed.readyAt !== position && notFetched(feed, position).length > 0) return undefined
      const variant = feed.variants.get(format.variant)
      if (variant === undefined || !shows(variant, feed.state)) return undefined
      feed.readyAt = position
      return adopt(variant, variant.list.snapshot, feed.state)
    },
    get,
    inMemory: (list, encoding) => bodies.inMemory(list.snapshot, encoding),
    async body(list, encoding) {
      const body = await bodies.read(list.snapshot, encoding)
      if (body === undefined) forget(list)
      return body
    },
    definition: (name) => feedNamed(name).definition,
    async state(name) {
      const feed = feedNamed(name)
      return refreshed(feed, await tracker.get(), refreshing)
    },
    async awaited(name) {
      const feed = feedNamed(name)
      const waiting = notFetched(feed, await tracker.get())
      return waiting.length === 0 ? waiting : notFetched(feed, await tracker.fresh())
    },
    async release(name) {
      const feed = feedNamed(name)
      await feed.refreshing?.catch(() => {})
      const { head } = await tracker.fresh()
      const state = await refresh(feed, head, refreshing, true)
      log.info({ feed: name, entries: state.entries }, 'the next list of a feed was taken by request')
      return state
    },
    close: tracker.close,
  }
}
