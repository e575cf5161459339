/** Pages of a collection: its feed is brought up to date only where the published objects run out. */
import { ServiceError } from '../errors.ts'
import { withTlp1 } from '../feeds/stix/markings.ts'
import type { ManifestRecord, PublicationQuery, PublicationStore } from '../store/publication-store.ts'
import { stixMediaType } from './media-types.ts'
import { encodeNext } from './next.ts'
import type { TaxiiQuery } from './query.ts'
import { timeOfMicroseconds } from './times.ts'

export interface TaxiiFeeds {
  readonly store: Pick<PublicationStore, 'publishedObjects' | 'publishedManifest' | 'publish'>
  /** Sources of the feed that have not been fetched yet: without them its list is not whole. */
  awaited(feed: string): Promise<readonly string[]>
  /** Brings the list of a feed up to date. @throws ServiceError STORE_UNAVAILABLE */
  refresh(feed: string): Promise<unknown>
  now(): Date
}

export interface TaxiiPage {
  /** JSON. */
  readonly body: string | Buffer
  /** `X-TAXII-Date-Added-First` and `-Last`; of an empty page, what was asked for, if anything was. */
  readonly addedFirst?: string
  readonly addedLast?: string
}

export interface Reading {
  readonly feed: string
  /** Its id. */
  readonly collection: string
  readonly tlp: 1 | 2
  readonly query: TaxiiQuery
}

/** What the specification wants where there is nothing: no empty list. */
const empty = '{}'

export async function objectsPage(feeds: TaxiiFeeds, reading: Reading): Promise<TaxiiPage> {
  if (reading.query.filters.nothing) return emptyPage(reading)
  const query = storeQuery(reading)
  const page = await upToDate(feeds, reading.feed, async () => {
    const page = await feeds.store.publishedObjects(reading.feed, query)
    return { page, whole: page.more, upTo: page.last ?? query.after ?? 0 }
  })
  if (page.first === undefined || page.last === undefined) return emptyPage(reading)
  const pieces = reading.tlp === 1 ? page.pieces.map(withTlp1) : page.pieces
  const body = joined(`${envelope(reading, page.more, page.last)}"objects":[`, pieces, ']}')
  return { body, ...added(page.first, page.last) }
}

export async function manifestPage(feeds: TaxiiFeeds, reading: Reading): Promise<TaxiiPage> {
  if (reading.query.filters.nothing) return emptyPage(reading)
  const query = storeQuery(reading)
  const { records, more } = await upToDate(feeds, reading.feed, async () => {
    const page = await feeds.store.publishedManifest(reading.feed, query)
    return { page, whole: page.more, upTo: page.records.at(-1)?.added ?? query.after ?? 0 }
  })
  const [first, last] = [records[0], records.at(-1)]
  if (first === undefined || last === undefined) return emptyPage(reading)
  const objects = records.map(manifestRecord)
  const body = `${envelope(reading, more, last.added)}"objects":${JSON.stringify(objects)}}`
  return { body, ...added(first.added, last.added) }
}

/** @returns undefined where the collection has never had the object */
export async function versionsPage(feeds: TaxiiFeeds, reading: Reading): Promise<TaxiiPage | undefined> {
  const found = await recordOf(feeds, reading)
  if (found === undefined) return undefined
  if (reading.query.filters.nothing) return emptyPage(reading)
  const body = JSON.stringify({ versions: [found.version] })
  return { body, ...added(found.added, found.added) }
}

/** As `objectsPage`, of one object. @returns undefined where the collection has never had it */
export async function objectPage(feeds: TaxiiFeeds, reading: Reading): Promise<TaxiiPage | undefined> {
  if ((await recordOf(feeds, reading)) === undefined) return undefined
  return objectsPage(feeds, reading)
}

async function recordOf(
  feeds: TaxiiFeeds,
  { feed, tlp, query }: Reading,
): Promise<ManifestRecord | undefined> {
  const { ids = [] } = query.filters
  const { records } = await upToDate(feeds, feed, async () => ({
    page: await feeds.store.publishedManifest(feed, { tlp, ids, limit: 1 }),
    whole: false,
    upTo: 0,
  }))
  return records[0]
}

/**
 * A walk that is behind what is published costs one read a page. One that has come to its end is told so only once the
 * feed is up to date and all of it is published.
 * @param read whole: nothing that is published later would be in the page; upTo: nor would anything up to then
 */
async function upToDate<Page>(
  { store, awaited, refresh, now }: TaxiiFeeds,
  feed: string,
  read: () => Promise<{ readonly page: Page; readonly whole: boolean; readonly upTo: number }>,
): Promise<Page> {
  let result = await read()
  if (result.whole) return result.page
  const waiting = await awaited(feed)
  if (waiting.length > 0) throw notReady(feed, waiting)
  await refresh(feed)
  for (;;) {
    const { done, published, lastAdded } = await store.publish(feed, now())
    // Another process may have published what this one found done.
    if (published > 0 || (done && lastAdded > result.upTo)) result = await read()
    if (result.whole || done) return result.page
  }
}

/** An end that is told too early would be taken for all that there is. */
function notReady(feed: string, waiting: readonly string[]): ServiceError {
  const which = waiting.map((name) => `"${name}"`).join(', ')
  return new ServiceError(
    'FEED_NOT_READY',
    `the feed "${feed}" waits for the end of the first fetch of ${which}`,
    { headers: { 'retry-after': '15' } },
  )
}

function storeQuery({ query, tlp }: Reading): PublicationQuery {
  const { ids, types, versions } = query.filters
  return {
    tlp,
    limit: query.limit,
    ...(query.after !== undefined && { after: query.after }),
    ...(ids !== undefined && { ids }),
    ...(types !== undefined && { types }),
    ...(versions !== undefined && { versions }),
  }
}

function envelope({ collection, query }: Reading, more: boolean, last: number): string {
  if (!more) return '{"more":false,'
  const next = encodeNext({ collection, position: last, limit: query.limit, filters: query.filters })
  return `{"more":true,"next":"${next}",`
}

/** Written where they belong at once: a text of all of it would be made only to be thrown away. */
function joined(before: string, pieces: readonly string[], after: string): Buffer {
  const length = pieces.reduce((sum, piece) => sum + piece.length + 1, before.length + after.length - 1)
  const bytes = Buffer.allocUnsafe(length)
  let position = bytes.write(before, 0, 'latin1')
  for (const [index, piece] of pieces.entries()) {
    if (index > 0) bytes[position++] = 0x2c
    position += bytes.write(piece, position, 'latin1')
  }
  bytes.write(after, position, 'latin1')
  return bytes
}

function emptyPage({ query }: Reading): TaxiiPage {
  const { addedAfter } = query.filters
  return { body: empty, ...(addedAfter !== undefined && added(addedAfter, addedAfter)) }
}

function added(first: number, last: number) {
  return { addedFirst: timeOfMicroseconds(first), addedLast: timeOfMicroseconds(last) }
}

function manifestRecord({ id, added, version }: ManifestRecord) {
  return { id, date_added: timeOfMicroseconds(added), version, media_type: stixMediaType }
}
