/** What the store keeps of feeds: what is in each of them, and the last good bytes of each of their forms. */
import type { FeedConfig } from '../config/model.ts'
import type { IndicatorType } from '../model/indicator.ts'

/** A feed as configured. */
export type FeedDefinition = FeedConfig

/** Why the last good list is held. */
export interface FeedHeld {
  /** RFC 3339, UTC. */
  readonly since: string
  /** Entries of the list that is held. */
  readonly entries: number
  /** Entries of the list that waits. */
  readonly next: number
  /** Entries of the held list that the next one lacks, as of the last look. */
  readonly lost: number
  /** Fraction of its entries that the list may lose: the configured `shrinkGuard`. */
  readonly guard: number
  /** All of it in words. */
  readonly reason: string
}

/** What is in a feed. */
export interface FeedState {
  readonly name: string
  /** Position of the change log up to which the list is right; while it is held, the position of the held list. */
  readonly seq: number
  /** Position at which the list, or an entry of it, last changed. */
  readonly changedSeq: number
  readonly entries: number
  /** Entries that `limit` leaves out. */
  readonly truncated: number
  /** RFC 3339; null: never anything in it. */
  readonly changedAt: string | null
  /** Whether it is the list that the next ones are compared with; not so while a fetch is under way. */
  readonly settled: boolean
  readonly held: FeedHeld | null
}

/** Where the store stands, in one cheap look. */
export interface FeedsPosition {
  readonly head: number
  /** Names of sources with a fetch under way. */
  readonly running: readonly string[]
  /** Names of sources of which a fetch that read anything has ended. */
  readonly fetched: readonly string[]
  /** Names of sources whose last fetch failed. */
  readonly failing: readonly string[]
  /** Names of feeds whose list is held. */
  readonly held: readonly string[]
}

/** One entry, as formats take it. */
export interface StoredEntry {
  readonly type: IndicatorType
  readonly value: string
  /** The unified indicator without `raw`, as JSON; empty unless it was asked for. */
  readonly json: string
  /** With `json`: when the store first had it, and since when it is as it is. RFC 3339. */
  readonly addedAt?: string
  readonly changedAt?: string
}

/** What the entries of a build are, told before the first of them. */
export interface EntriesAbout {
  /** The list whose entries follow. */
  readonly state: FeedState
  /** Entries whose type was not asked for. */
  readonly otherTypes: number
  /** Values that the entries have under several types. */
  readonly ambiguous: ReadonlySet<string>
}

export interface EntriesQuery {
  /** Whether `json` is asked for. */
  readonly json: boolean
  /** Absent: all. */
  readonly types?: readonly IndicatorType[]
}

export const encodings = ['identity', 'gzip', 'br'] as const
export type Encoding = (typeof encodings)[number]

/** The last good bytes of a feed in one variant. */
export interface Snapshot {
  /** Names its bytes: other bytes have another one. */
  readonly body: number
  readonly variant: string
  /** `FeedState.seq` of the list that it shows. */
  readonly seq: number
  /** SHA-256 of its bytes in identity, base64url, shortened. */
  readonly digest: string
  /** RFC 3339: when it was made. */
  readonly generatedAt: string
  /** RFC 3339: when the bytes became other ones. */
  readonly modifiedAt: string
  readonly entries: number
  readonly dropped: number
  /** What the format left out for want of room; what the feed's limit left out is beside it. */
  readonly truncated: number
  readonly sizes: Readonly<Record<Encoding, number>>
}

export interface NewSnapshot {
  readonly digest: string
  readonly entries: number
  readonly dropped: number
  readonly truncated: number
  readonly sizes: Readonly<Record<Encoding, number>>
}

/** Takes the pieces of a new snapshot while it is made. */
export interface SnapshotWriter {
  readonly about: EntriesAbout
  /** Best first, some thousand a page. */
  readonly pages: AsyncIterable<readonly StoredEntry[]>
  /** @param position 0, 1, 2 … of each encoding */
  write(encoding: Encoding, position: number, bytes: Uint8Array): Promise<void>
}

export interface BuildOptions extends EntriesQuery {
  readonly variant: string
  readonly now: Date
}

export interface FeedStore {
  feedsPosition(): Promise<FeedsPosition>
  /** Makes rows for the configured feeds and takes out those of all others, snapshots included. */
  registerFeeds(definitions: readonly FeedDefinition[]): Promise<void>
  /**
   * Brings the list up to the head of the change log, unless it would lose more than its shrink guard lets it. What
   * expired is no loss, unless a source of the feed fails. Another filter or limit starts a new list, whatever it loses. Safe from any number of processes at once.
   * @param options accept: the list may lose anything, this once
   */
  refreshFeed(
    definition: FeedDefinition,
    options: { readonly now: Date; readonly accept?: boolean },
  ): Promise<FeedState>
  /** As last refreshed; feeds that were never refreshed are not there. */
  feedStates(): Promise<readonly FeedState[]>
  /** Names of the feeds that have the indicator in their list. @param id of the indicator */
  feedsWith(id: string): Promise<readonly string[]>
  /**
   * The entries of the list as of one moment, best first. `read` is given them once; what it returns is returned.
   * @returns undefined where the list is held and its entries can't be told any more
   */
  readFeed<T>(
    definition: FeedDefinition,
    query: EntriesQuery,
    read: (about: EntriesAbout, pages: AsyncIterable<readonly StoredEntry[]>) => Promise<T>,
  ): Promise<T | undefined>
  snapshot(feed: string, variant: string): Promise<Snapshot | undefined>
  /**
   * Makes the variant's snapshot anew, unless another process did meanwhile; one process at a time. It counts once
   * `make` is done, as a whole or not at all.
   * @returns undefined where the list is held and its entries can't be told any more
   */
  buildSnapshot(
    definition: FeedDefinition,
    options: BuildOptions,
    make: (writer: SnapshotWriter) => Promise<NewSnapshot>,
  ): Promise<Snapshot | undefined>
  /** One piece of a snapshot's bytes; undefined: past the end, or the bytes are gone since newer ones came. */
  snapshotChunk(body: number, encoding: Encoding, position: number): Promise<Buffer | undefined>
  /** Tells that a snapshot is in use, so that it is not the first to go. */
  touchSnapshot(feed: string, variant: string, now: Date): Promise<void>
  /** Sizes of the list over time, oldest first: the last of each hour in which it changed. */
  feedSizes(feed: string, since: Date): Promise<readonly { readonly at: string; readonly entries: number }[]>
  /** Forgets what left long ago and was published. @returns rows removed */
  pruneFeeds(): Promise<number>
}
