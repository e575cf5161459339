/** What a list leaves out and changes, entry by entry. */
import { ServiceError } from '../errors.ts'
import type { FeedDefinition, FeedStore, StoredEntry } from '../store/feed-store.ts'
import type { FeedFormat, FeedRecorder } from './feed-format.ts'

export interface FeedReport {
  /** Lines of the list. */
  readonly entries: number
  /** Indicators in the feed, before the format had its say. */
  readonly indicators: number
  /** The best first, page by page; at most as many as were asked for. */
  readonly dropped: readonly { readonly value: string; readonly reason: string }[]
  readonly changed: readonly { readonly value: string; readonly to: string; readonly reason: string }[]
  /** What had no room, by the feed's limit and the format's. */
  readonly truncated: number
  /** All of them, those that are not shown above too, by reason. */
  readonly counts: {
    readonly dropped: number
    readonly changed: number
    readonly droppedBy: Readonly<Record<string, number>>
    readonly changedBy: Readonly<Record<string, number>>
  }
  /** Whether `dropped` or `changed` had more than was asked for. */
  readonly cut: boolean
}

/**
 * Makes the list once more, as of now, and throws its text away. Where each indicator has one line or none,
 * `indicators = entries + dropped`, less what the format had no room for.
 * @param most items of `dropped`, and of `changed`
 * @throws ServiceError FEED_NOT_READY where the list is held and its entries can't be told any more
 */
export async function feedReport(
  store: FeedStore,
  definition: FeedDefinition,
  format: FeedFormat,
  options: { readonly most: number; readonly publicUrl?: string },
): Promise<FeedReport> {
  const report = await store.readFeed(
    definition,
    { json: format.needs === 'records' },
    async ({ state, ambiguous }, pages) => {
      const notes = notebook(options.most)
      let indicators = 0
      async function* ofTypes(): AsyncGenerator<readonly StoredEntry[]> {
        for await (const page of pages) {
          indicators += page.length
          yield page.filter((entry) => hasPlace(format, entry, notes))
        }
      }
      const about = {
        name: definition.name,
        changedAt: state.changedAt ?? '1970-01-01T00:00:00Z',
        ...(options.publicUrl !== undefined && { publicUrl: options.publicUrl }),
        ambiguous,
      }
      const text = format.encode(ofTypes(), about, notes)
      let step = await text.next()
      while (step.done !== true) step = await text.next()
      return notes.report(step.value, indicators, state.truncated)
    },
  )
  if (report !== undefined) return report
  const detail = `the list of the feed "${definition.name}" is held: there is no report of it; /api/v1/feeds tells why`
  throw new ServiceError('FEED_NOT_READY', detail)
}

function hasPlace({ types }: FeedFormat, { type, value }: StoredEntry, notes: FeedRecorder): boolean {
  if (types === undefined || types.includes(type)) return true
  notes.dropped(value, `type ${type} has no place in this list`)
  return false
}

interface Notebook extends FeedRecorder {
  report(entries: number, indicators: number, truncated: number): FeedReport
}

function notebook(most: number): Notebook {
  const dropped: { value: string; reason: string }[] = []
  const changed: { value: string; to: string; reason: string }[] = []
  const droppedBy = new Map<string, number>()
  const changedBy = new Map<string, number>()
  let left = 0
  const count = (by: Map<string, number>, reason: string) => by.set(reason, (by.get(reason) ?? 0) + 1)
  const sum = (by: Map<string, number>) => [...by.values()].reduce((a, b) => a + b, 0)
  return {
    dropped(value, reason) {
      count(droppedBy, reason)
      if (dropped.length < most) dropped.push({ value, reason })
    },
    changed(value, to, reason) {
      count(changedBy, reason)
      if (changed.length < most) changed.push({ value, to, reason })
    },
    truncated(number) {
      left += number
    },
    report(entries, indicators, truncated) {
      const counts = {
        dropped: sum(droppedBy),
        changed: sum(changedBy),
        droppedBy: Object.fromEntries(droppedBy),
        changedBy: Object.fromEntries(changedBy),
      }
      const cut = counts.dropped > dropped.length || counts.changed > changed.length
      return { entries, indicators, dropped, changed, truncated: truncated + left, counts, cut }
    },
  }
}
