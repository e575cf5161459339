/** A form in which a feed is served: a pure function of the stream of its entries. */
import type { Indicator, IndicatorType } from '../model/indicator.ts'

/** What a format reads of each entry: `values` is several times cheaper to get than `records`. */
type FeedNeeds = 'values' | 'records'

export interface FeedEntry {
  readonly type: IndicatorType
  /** Canonical. */
  readonly value: string
  /** The unified indicator without `raw`, as JSON text; empty where the format needs only `values`. */
  readonly json: string
  /** When the store first had it, and since when it is as it is: RFC 3339; absent where only `values` are needed. */
  readonly addedAt?: string
  readonly changedAt?: string
}

/** What became of the entries, told while they are encoded. */
export interface FeedRecorder {
  /** Left out. @param reason a few plain words of a fixed set, so that they can be counted */
  dropped(value: string, reason: string): void
  /** Served, but not as it is stored. */
  changed(value: string, to: string, reason: string): void
  /** Left out at the end of the list since it is full. */
  truncated(count: number): void
}

/** What the list is, for formats that say it in their text. Nothing here varies while the content stays the same. */
export interface FeedAbout {
  readonly name: string
  /** When the content last became another one: RFC 3339. */
  readonly changedAt: string
  /** Base URL of the server, without a slash at its end; absent: not configured. */
  readonly publicUrl?: string
  /** Values that the feed holds under several types: formats that promise unique values keep the first. */
  readonly ambiguous: ReadonlySet<string>
}

/** One format with its profile and arguments. */
export interface FeedFormat {
  /** Its canonical name, arguments included: equal variants share one snapshot. */
  readonly variant: string
  /** With its charset: the exact `Content-Type`. */
  readonly mediaType: string
  readonly needs: FeedNeeds
  /** Types that the format can hold at all; absent: every type. Others are dropped before they are read. */
  readonly types?: readonly IndicatorType[]
  /**
   * Text in pieces of some kilobytes; at most one page of entries is held, unless the format must see all of them
   * (collapsing networks), which its comment says. Lines that the format counts as entries of its list are told by
   * the return value.
   * @param pages best entries first
   * @returns how many entries the list has
   */
  encode(
    pages: AsyncIterable<readonly FeedEntry[]>,
    about: FeedAbout,
    recorder: FeedRecorder,
  ): AsyncGenerator<string, number, undefined>
}

/** For formats that need `records`. */
export function indicatorOf(entry: FeedEntry): Indicator {
  return JSON.parse(entry.json) as Indicator
}
