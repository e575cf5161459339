/** A list as the answer to a request: its headers, its encoding, and 304 where the client has it. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { FeedFormat } from '../../feeds/feed-format.ts'
import type { FeedList } from '../../feeds/feed-list.ts'
import type { FeedLists } from '../../feeds/feed-lists.ts'
import { type Encoding, encodings } from '../../store/feed-store.ts'
import { isFresh } from '../prebuilt.ts'
import { chooseEncoding } from './feeds-encoding.ts'

export interface AskedList {
  readonly feed: string
  readonly format: FeedFormat
}

/** What is known to be the newest and is in memory is answered without waiting for anything. */
export function sendList(
  lists: FeedLists,
  asked: AskedList,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | Promise<FastifyReply> {
  const list = lists.current(asked.feed, asked.format)
  const sent = list === undefined ? undefined : atOnce(lists, list, request, reply)
  return sent ?? later(lists, asked, request, reply)
}

const tries = 3

async function later(
  lists: FeedLists,
  { feed, format }: AskedList,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  for (let left = tries; left > 0; left--) {
    const list = await lists.get(feed, format)
    const sent = atOnce(lists, list, request, reply)
    if (sent !== undefined) return sent
    const encoding = chooseEncoding(request.headers['accept-encoding'], list.snapshot.sizes)
    const body = await lists.body(list, encoding)
    // Newer bytes took their place meanwhile.
    if (body === undefined) continue
    reply.headers(preparedOf(list).headers[encoding])
    if (Buffer.isBuffer(body)) return reply.send(body)
    return reply.header('content-length', list.snapshot.sizes[encoding]).send(Readable.from(body))
  }
  throw new ServiceError(
    'STORE_UNAVAILABLE',
    `the list of the feed "${feed}" is replaced faster than it is read`,
  )
}

/** @returns undefined where the body has to be read first */
function atOnce(
  lists: FeedLists,
  list: FeedList,
  request: FastifyRequest,
  reply: FastifyReply,
): FastifyReply | undefined {
  const { sizes } = list.snapshot
  const prepared = preparedOf(list)
  const encoding = chooseEncoding(request.headers['accept-encoding'], sizes)
  const matching = unchanged(prepared, encoding, request)
  const isHead = request.method === 'HEAD'
  // Without a payload Fastify would tell HEAD that the length is 0.
  const empty = isHead ? Readable.from([]) : undefined
  if (matching !== undefined) return reply.code(304).headers(prepared.unchanged[matching]).send(empty)
  if (isHead) {
    return reply.headers(prepared.headers[encoding]).header('content-length', sizes[encoding]).send(empty)
  }
  const bytes = lists.inMemory(list, encoding)
  return bytes && reply.headers(prepared.headers[encoding]).send(bytes)
}

/** Headers of a list, made once. */
interface Prepared {
  readonly etags: Readonly<Record<Encoding, string>>
  /** Seconds since the epoch. */
  readonly modified: number
  readonly headers: Readonly<Record<Encoding, Readonly<Record<string, string>>>>
  /** Of 304. */
  readonly unchanged: Readonly<Record<Encoding, Readonly<Record<string, string>>>>
}

const preparedLists = new WeakMap<FeedList, Prepared>()

function preparedOf(list: FeedList): Prepared {
  let prepared = preparedLists.get(list)
  if (prepared === undefined) {
    prepared = prepare(list)
    preparedLists.set(list, prepared)
  }
  return prepared
}

/**
 * Each encoding has an ETag of its own, since strong ones stand for the bytes. The list is asked for with a key, so no
 * shared cache keeps it, and others ask again each time; a day old is better than nothing.
 */
function prepare({ feed, snapshot, mediaType, truncated, stale }: FeedList): Prepared {
  const { digest, modifiedAt, generatedAt, entries, dropped } = snapshot
  const etags = { identity: `"${digest}"`, gzip: `"${digest}-gzip"`, br: `"${digest}-br"` }
  const always = {
    'cache-control': 'private, max-age=0, stale-if-error=86400',
    vary: 'Accept-Encoding',
    ...(stale && { warning: '110 - "Response is Stale"' }),
  }
  const common = {
    ...always,
    'content-type': mediaType,
    // A browser saves what a spreadsheet opens, under the feed's name.
    ...(mediaType.startsWith('text/csv') && { 'content-disposition': `attachment; filename="${feed}.csv"` }),
    'last-modified': new Date(modifiedAt).toUTCString(),
    'x-feed-entries': String(entries),
    'x-feed-dropped': String(dropped),
    ...(truncated > 0 && { 'x-feed-truncated': String(truncated) }),
    'x-feed-generated': generatedAt,
  }
  const each = <T>(of: (encoding: Encoding) => T) => ({
    identity: of('identity'),
    gzip: of('gzip'),
    br: of('br'),
  })
  return {
    etags,
    modified: Math.floor(Date.parse(modifiedAt) / 1000),
    headers: each((encoding) => ({
      ...common,
      etag: etags[encoding],
      ...(encoding !== 'identity' && { 'content-encoding': encoding }),
    })),
    unchanged: each((encoding) => ({ ...always, etag: etags[encoding] })),
  }
}

/**
 * The encoding of which the client has the ETag: in whichever, all of them say the same. Without If-None-Match,
 * If-Modified-Since decides (RFC 9110, 13.2.2).
 */
function unchanged(
  { etags, modified }: Prepared,
  chosen: Encoding,
  request: FastifyRequest,
): Encoding | undefined {
  const { 'if-none-match': tags, 'if-modified-since': since } = request.headers
  if (tags !== undefined) {
    if (isFresh(tags, etags[chosen])) return chosen
    return encodings.find((encoding) => isFresh(tags, etags[encoding]))
  }
  if (since === undefined) return undefined
  const time = Date.parse(since)
  return Number.isFinite(time) && modified <= Math.floor(time / 1000) ? chosen : undefined
}
