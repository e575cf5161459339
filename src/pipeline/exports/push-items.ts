/** What is pushed, as the items of an export: page by page, one for each input, never all of a stored list at once. */
import { setImmediate as turn } from 'node:timers/promises'
import { type FieldError, ServiceError } from '../../errors.ts'
import { gate } from '../../feeds/gate.ts'
import type { Indicator } from '../../model/indicator.ts'
import type { MatchingStore } from '../../store/delivery-store.ts'
import type { NewItem } from '../../store/exports.ts'
import type { FeedDefinition, FeedStore } from '../../store/feed-store.ts'
import { readEntry } from './entries.ts'
import { mostFaults, refuse } from './given.ts'
import type { Configured, Push, PushTarget } from './push-request.ts'

export type ItemPages = AsyncIterable<readonly NewItem[]>

export interface PushItemsOptions extends Pick<Configured, 'sources'> {
  readonly store: Pick<FeedStore, 'feedsPosition' | 'refreshFeed' | 'readFeed'> & MatchingStore
  /** Milliseconds since the epoch. */
  now(): number
}

/**
 * Hands the items to `use`, once, and returns what that returns.
 * @throws ServiceError ARGUMENT_INVALID for entries, FEED_NOT_READY, NOT_READY
 */
export type WithItems = <T>(
  push: Push,
  target: PushTarget,
  use: (pages: ItemPages) => Promise<T>,
) => Promise<T>

/** Stored lists that are read at once: each holds a connection, and whoever writes what it reads needs another one. */
const readAtOnce = 2

export function pushItems({ store, sources, now }: PushItemsOptions): WithItems {
  const reading = gate(readAtOnce)

  const ofFeed = async <T>(
    feed: FeedDefinition,
    use: (pages: AsyncIterable<readonly Indicator[]>) => Promise<T>,
  ) => {
    const waiting = await awaited(feed.sources)
    if (waiting.length > 0) throw notReady('FEED_NOT_READY', `the feed "${feed.name}"`, waiting)
    const { held } = await store.refreshFeed(feed, { now: new Date(now()) })
    const read = await store.readFeed(feed, { json: true }, async (_about, pages) => ({
      value: await use(indicatorsOf(pages)),
    }))
    if (read !== undefined) return read.value
    const why = held === null ? '' : `: its list is held since ${held.since}: ${held.reason}`
    throw new ServiceError(
      'FEED_NOT_READY',
      `the entries of the feed "${feed.name}" can't be told now${why}`,
      {
        headers: retryAfter,
      },
    )
  }

  /** As for feeds: a source whose first fetch failed keeps back nothing that others have. */
  const awaited = async (named: readonly string[]): Promise<readonly string[]> => {
    const { fetched, failing } = await store.feedsPosition()
    const wanted = named.length > 0 ? named : sources
    const missing = wanted.filter((source) => !fetched.includes(source))
    return missing.length === wanted.length ? missing : missing.filter((source) => !failing.includes(source))
  }

  return async ({ list, ...push }, target, use) => {
    if ('entries' in list) return use(await itemsOfEntries(list.entries, push, target))
    return reading(
      once(async (use) => {
        if ('feed' in list) return ofFeed(list.feed, (pages) => use(itemPages(pages, push, target)))
        const waiting = await awaited(list.filter.sources)
        if (waiting.length > 0) throw notReady('NOT_READY', 'the filter', waiting)
        return store.readMatching(list.filter, (pages) => use(itemPages(pages, push, target)))
      }, use),
    )
  }
}

/**
 * A transaction that reads may be carried out again; what was made of it is made once. Once it is made, the end of the
 * reading changes nothing: it may have been idle for longer than the database allows.
 */
function once<T>(
  read: (use: (pages: ItemPages) => Promise<T>) => Promise<T>,
  use: (pages: ItemPages) => Promise<T>,
): () => Promise<T> {
  let made: { readonly value: T } | undefined
  return async () => {
    try {
      return await read(async (pages) => {
        made ??= { value: await use(pages) }
        return made.value
      })
    } catch (error) {
      if (made !== undefined) return made.value
      throw error
    }
  }
}

const retryAfter = { 'retry-after': '15' }

function notReady(
  code: 'FEED_NOT_READY' | 'NOT_READY',
  what: string,
  sources: readonly string[],
): ServiceError {
  const names = sources.map((name) => `"${name}"`).join(', ')
  return new ServiceError(code, `${what} waits for the end of the first fetch of ${names}`, {
    headers: retryAfter,
  })
}

type How = Pick<Push, 'action' | 'options'>

const pageSize = 1000

/** Every entry is read before the first is used: what is wrong with one of them refuses all. */
async function itemsOfEntries(entries: readonly unknown[], how: How, target: PushTarget): Promise<ItemPages> {
  const toItem = itemMaker(how, target)
  const pages: NewItem[][] = []
  const faults: FieldError[] = []
  for (let start = 0; start < entries.length; start += pageSize) {
    const page: NewItem[] = []
    for (const [index, given] of entries.slice(start, start + pageSize).entries()) {
      const entry = readEntry(given, `/indicators/${start + index}`)
      if ('errors' in entry) for (const fault of entry.errors) faults.push(fault)
      else page.push('indicator' in entry ? toItem(entry.indicator, entry.value) : entry)
    }
    pages.push(page)
    if (faults.length > mostFaults) break
    // Others are served between the pages.
    await turn()
  }
  refuse(faults)
  return pagesOf(pages)
}

async function* pagesOf(pages: readonly (readonly NewItem[])[]): AsyncGenerator<readonly NewItem[]> {
  yield* pages
}

async function* indicatorsOf(
  pages: AsyncIterable<readonly { readonly json: string }[]>,
): AsyncGenerator<readonly Indicator[]> {
  for await (const page of pages) yield page.map(({ json }) => JSON.parse(json) as Indicator)
}

async function* itemPages(
  pages: AsyncIterable<readonly Indicator[]>,
  how: How,
  target: PushTarget,
): AsyncGenerator<readonly NewItem[]> {
  const toItem = itemMaker(how, target)
  for await (const page of pages) yield page.map((indicator) => toItem(indicator, indicator.value))
}

/** What the target can't take is known already: the ledger hears nothing of it. */
function itemMaker(
  { action, options }: How,
  { definition, exporter }: PushTarget,
): (indicator: Indicator, value: string) => NewItem {
  const accepts: ReadonlySet<string> = new Set(definition.accepts)
  const source = exporter.sourceOf(options)
  return ({ raw: _, ...indicator }, value) => {
    const { type, customType } = indicator
    const why = !accepts.has(type)
      ? `unsupported type ${customType === undefined ? type : `custom:${customType}`}`
      : exporter.refuses({ action, indicator, options })
    return why === undefined ? { indicator, value, source } : { type, value, skipped: why }
  }
}
