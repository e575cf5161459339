/**
 * The lists as they are served: the last good bytes of each feed in each variant, kept fresh. What a request needs of
 * the store is asked once, however many requests wait for it; what is known to be fresh is served without asking. Long,
 * as its functions share what is known of feeds and variants.
 */
import { createHash } from 'node:crypto'
import type { Logger } from 'pino'
import { ServiceError } from '../errors.ts'
import type {
  Encoding,
  FeedDefinition,
  FeedState,
  FeedStore,
  FeedsPosition,
  Snapshot,
} from '../store/feed-store.ts'
import type { FeedFormat } from './feed-format.ts'
import { gate } from './gate.ts'
import { listBodies } from './list-bodies.ts'
import { type PositionTracker, positionTracker } from './position.ts'
import type { EncodedBody } from './snapshot-encoder.ts'
import { makeSnapshot } from './snapshot-maker.ts'

/** One list in one variant: nothing of it ever changes. */
export interface FeedList {
  readonly feed: string
  readonly mediaType: string
  readonly snapshot: Snapshot
  /** What the feed's limit and the format left out. */
  readonly truncated: number
  /** The store is not available or a build failed: the newest list may be another one. */
  readonly stale: boolean
}

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

interface Feed {
  readonly definition: FeedDefinition
  readonly sources: readonly string[]
  readonly variants: Map<string, Variant>
  state?: FeedState
  /** Up to here the state is right … */
  head: number
  /** … and while these sources fail: what is held depends on it. */
  failing: string
  /** The position for which the sources were found to be fetched. */
  readyAt?: FeedsPosition
  refreshing?: Promise<FeedState> | undefined
}

interface Variant {
  readonly feed: Feed
  readonly format: FeedFormat
  /** Names it in the store. */
  readonly key: string
  list?: FeedList
  stale?: FeedList
  building?: Promise<void> | undefined
  /** The held list (`FeedState.changedSeq`) whose entries can't be told any more: an older one of this form is served. */
  untoldAt?: number
  /** When it was last found to be the newest. */
  lookedAt: number
  buildMs: number
  touchedAt: number
}

const buildsAtOnce = 2
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
  const feeds = new Map<string, Feed>(
    options.feeds.map((definition) => [
      definition.name,
      {
        definition,
        sources: definition.sources.length > 0 ? definition.sources : options.sources,
        variants: new Map(),
        head: -1,
        failing: '',
      },
    ]),
  )
  const bodies = listBodies(store, options.memoryBytes ?? 128 * 1024 * 1024)
  const builds = gate(buildsAtOnce)
  const maker = createHash('sha256')
    .update(`${options.version}\0${options.publicUrl ?? ''}`)
    .digest('base64url')
    .slice(0, 8)

  const feedNamed = (name: string): Feed => {
    const feed = feeds.get(name)
    if (feed !== undefined) return feed
    const known = [...feeds.keys()]
    const others = known.length > 0 ? `there are: ${known.join(', ')}` : 'none is configured'
    throw new ServiceError('FEED_UNKNOWN', `no feed "${name}"; ${others}`)
  }

  const variantOf = (feed: Feed, format: FeedFormat): Variant => {
    const known = feed.variants.get(format.variant)
    if (known !== undefined) return known
    const key = `${shortened(format.variant)} ${maker}`
    const variant: Variant = { feed, format, key, lookedAt: -Infinity, buildMs: 0, touchedAt: -Infinity }
    for (const oldest of feed.variants.keys()) {
      if (feed.variants.size < mostVariants) break
      feed.variants.delete(oldest)
    }
    feed.variants.set(format.variant, variant)
    return variant
  }

  /** A source whose first fetch failed keeps back no list that has others; of it alone there is none. */
  const notFetched = (feed: Feed, { fetched, failing }: FeedsPosition): readonly string[] => {
    const missing = feed.sources.filter((source) => !fetched.includes(source))
    return missing.length === feed.sources.length
      ? missing
      : missing.filter((source) => !failing.includes(source))
  }

  const requireFetched = (feed: Feed, position: FeedsPosition): void => {
    const waiting = notFetched(feed, position)
    if (waiting.length > 0) {
      const which = waiting.map((name) => `"${name}"`).join(', ')
      throw notReady(`the feed "${feed.definition.name}" waits for the end of the first fetch of ${which}`)
    }
    feed.readyAt = position
  }

  const isRunning = (feed: Feed, position: FeedsPosition): boolean =>
    feed.sources.some((source) => position.running.includes(source))

  const failingOf = (feed: Feed, position: FeedsPosition): string =>
    feed.sources.filter((source) => position.failing.includes(source)).join()

  /** Whether the state that is known is that of the position. */
  const knows = (feed: Feed, position: FeedsPosition): feed is Feed & { state: FeedState } =>
    feed.state !== undefined &&
    feed.head >= position.head &&
    (feed.state.held !== null) === position.held.includes(feed.definition.name) &&
    (feed.state.held === null || feed.failing === failingOf(feed, position)) &&
    (feed.state.settled || feed.state.held !== null || isRunning(feed, position))

  const refreshed = async (feed: Feed, position: FeedsPosition): Promise<FeedState> => {
    if (knows(feed, position)) return feed.state
    // One that is under way may have begun before the position was reached.
    await feed.refreshing?.catch(() => {})
    if (knows(feed, position)) return feed.state
    if (feed.refreshing === undefined) {
      feed.failing = failingOf(feed, position)
      feed.refreshing = refresh(feed, position.head, false).finally(() => {
        feed.refreshing = undefined
      })
    }
    return feed.refreshing
  }

  const refresh = async (feed: Feed, head: number, accept: boolean): Promise<FeedState> => {
    const before = feed.state?.held ?? null
    const state = await store.refreshFeed(feed.definition, { now: new Date(now()), accept })
    if (state.held !== null && before === null) {
      log.warn({ feed: state.name, reason: state.held.reason }, 'the last good list of a feed is held')
    }
    feed.state = state
    feed.head = Math.max(head, state.seq)
    if ((before === null) !== (state.held === null)) tracker.moved()
    return state
  }

  const shows = (variant: Variant, state: FeedState): variant is Variant & { list: FeedList } =>
    variant.list !== undefined &&
    (variant.list.snapshot.seq >= state.changedSeq ||
      (state.held !== null && variant.untoldAt === state.changedSeq))

  const adopt = (variant: Variant, snapshot: Snapshot, state: FeedState): FeedList => {
    const truncated = snapshot.truncated + state.truncated
    const { list } = variant
    if (list === undefined || list.snapshot.body !== snapshot.body || list.truncated !== truncated) {
      const { format, feed } = variant
      variant.list = {
        feed: feed.definition.name,
        mediaType: format.mediaType,
        snapshot,
        truncated,
        stale: false,
      }
      delete variant.stale
    }
    return variant.list as FeedList
  }

  const brought = async (variant: Variant, state: FeedState): Promise<FeedList> => {
    const { name } = variant.feed.definition
    if (!shows(variant, state)) {
      // Who joins a build that began before may need another one.
      await variant.building?.catch(() => {})
      if (!shows(variant, state)) {
        variant.building ??= build(variant, state).finally(() => {
          variant.building = undefined
        })
        await variant.building
      }
    }
    const { list } = variant
    if (list === undefined) throw new Error(`the list of the feed ${name} is gone`)
    variant.lookedAt = now()
    delete variant.stale
    touch(variant)
    return adopt(variant, list.snapshot, variant.feed.state ?? state)
  }

  const build = async (variant: Variant, state: FeedState): Promise<void> => {
    const { feed, format, key } = variant
    const { definition } = feed
    const there = await store.snapshot(definition.name, key)
    if (there !== undefined && there.seq >= state.changedSeq) {
      adopt(variant, there, state)
      return
    }
    await builds(async () => {
      const began = performance.now()
      let encoded: EncodedBody | undefined
      const built = await store.buildSnapshot(
        definition,
        {
          variant: key,
          json: format.needs === 'records',
          ...(format.types !== undefined && { types: format.types }),
          now: new Date(now()),
        },
        async (writer) => {
          const { made, body } = await makeSnapshot(format, writer, options.publicUrl)
          encoded = body
          return made
        },
      )
      if (built === undefined) {
        // Of a held list: what was made of it before is the last good one in this form.
        if (there === undefined) {
          throw heldWithout(definition.name, await refresh(feed, feed.head, false))
        }
        variant.untoldAt = state.changedSeq
        adopt(variant, there, state)
        return
      }
      variant.buildMs = performance.now() - began
      // The bytes are those of another process where that was faster.
      if (encoded?.digest === built.digest) bodies.keep(built, encoded.kept)
      adopt(variant, built, state)
    })
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
      return await brought(variant, await refreshed(feed, position))
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
      return refreshed(feed, await tracker.get())
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
      const state = await refresh(feed, head, true)
      log.info({ feed: name, entries: state.entries }, 'the next list of a feed was taken by request')
      return state
    },
    close: tracker.close,
  }
}

/** Names of any length have a place in an index. */
function shortened(name: string): string {
  if (name.length <= 200) return name
  return `${name.slice(0, 150)}…${createHash('sha256').update(name).digest('base64url')}`
}

function notReady(detail: string): ServiceError {
  return new ServiceError('FEED_NOT_READY', detail, { headers: { 'retry-after': '15' } })
}

function heldWithout(name: string, { held }: FeedState): ServiceError {
  const why =
    held === null ? 'its list was held until now' : `its list is held since ${held.since}: ${held.reason}`
  return notReady(`the feed "${name}" has no last good list in this form; ${why}`)
}
