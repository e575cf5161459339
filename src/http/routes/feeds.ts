/** `/feeds`: the lists, for firewalls, SOARs and whoever else reads lists. */
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { FeedFormat } from '../../feeds/feed-format.ts'
import type { FeedList, FeedLists } from '../../feeds/feed-lists.ts'
import {
  mispEventFormat,
  mispEventUuid,
  mispHashesFormat,
  mispManifestFormat,
} from '../../feeds/formats/misp.ts'
import { type Encoding, encodings } from '../../store/feed-store.ts'
import type { RoutePlugin } from '../app.ts'
import type { Scope, TellingScope } from '../auth.ts'
import { isFresh } from '../prebuilt.ts'
import { chooseEncoding } from './feeds-encoding.ts'
import { queryOf, readFormat } from './feeds-format.ts'
import { feedFileSchema, feedFolderSchema } from './feeds-schema.ts'

export interface FeedRoutesOptions {
  /** Names of the configured feeds. */
  readonly names: readonly string[]
  readonly lists: FeedLists
  /** As configured: the name of the MISP event depends on it. */
  readonly publicUrl?: string
  /** Told of each answer. @param format absent: the request was refused before that was read */
  answered?(feed: string, format: string | undefined, status: number): void
}

interface Asked {
  readonly feed: string
  readonly format: FeedFormat
}

/** Addresses that were read before, so that each is read once. */
const rememberedAddresses = 2000

export function feedRoutes(options: FeedRoutesOptions): RoutePlugin {
  const { lists } = options
  const names = byLength(options.names)
  const known = new Map<string, Asked>()

  const remember = (url: string, asked: Asked): Asked => {
    if (known.size >= rememberedAddresses) known.clear()
    known.set(url, asked)
    return asked
  }
  const askedOf = (request: FastifyRequest, file: string): Asked => {
    const { feed, extension } = split(names, file)
    lists.definition(feed)
    const format = readFormat({ ...(extension !== undefined && { extension }), query: queryOf(request) })
    return remember(request.url, { feed, format })
  }

  return (app) => {
    app.addHook('onResponse', (request, reply, done) => {
      const { name, file = '' } = request.params as { readonly name?: string; readonly file?: string }
      const asked = known.get(request.url)
      const feed = asked?.feed ?? name ?? split(names, file).feed
      if (names.includes(feed)) {
        options.answered?.(feed, asked?.format.variant.replace(/\?.*/, ''), reply.statusCode)
      }
      done()
    })
    app.route({
      method: 'GET',
      url: '/feeds/:file',
      config: { scope: ({ file = '' }) => scopeOfFile(names, file), anyQuery: true },
      schema: feedFileSchema,
      handler: (request, reply) => {
        const asked = known.get(request.url) ?? askedOf(request, request.params.file)
        return serve(lists, asked, request, reply)
      },
    })
    app.route({
      method: 'GET',
      url: '/feeds/:name/:file',
      config: { scope: ({ name = '' }) => scopeOf(name) },
      schema: feedFolderSchema,
      handler: (request, reply) => {
        const { name, file } = request.params
        lists.definition(name)
        const format = known.get(request.url)?.format ?? mispFile(name, file, options.publicUrl)
        if (format === undefined) {
          throw new ServiceError('ROUTE_UNKNOWN', `the feed "${name}" has no file "${file.slice(0, 100)}"`)
        }
        return serve(lists, remember(request.url, { feed: name, format }), request, reply)
      },
    })
  }
}

/** The files of a feed's folder, as MISP asks for them. */
function mispFile(name: string, file: string, publicUrl: string | undefined): FeedFormat | undefined {
  if (file === 'manifest.json') return mispManifestFormat
  if (file === 'hashes.csv') return mispHashesFormat
  const event = mispEventUuid({ name, ...(publicUrl !== undefined && { publicUrl }) })
  return file.toLowerCase() === `${event}.json` ? mispEventFormat : undefined
}

function scopeOf(feed: string): Scope {
  return `feeds:read:${feed}`
}

function byLength(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => b.length - a.length)
}

/** Where a name ends depends on which feeds there are; a refusal tells what can be read from the address alone. */
function scopeOfFile(names: readonly string[], file: string): TellingScope {
  return { needed: scopeOf(split(names, file).feed), told: scopeOf(split([], file).feed) }
}

/** Names may hold dots: the longest name that the file begins with is the feed. */
function split(
  names: readonly string[],
  file: string,
): { readonly feed: string; readonly extension?: string } {
  for (const name of names) {
    if (file === name) return { feed: name }
    if (file.startsWith(`${name}.`)) return { feed: name, extension: file.slice(name.length + 1) }
  }
  return { feed: file.replace(/\.(?:(?:stix|misp)\.json|json|ndjson|csv|txt)$/i, '') }
}

/** What is known to be the newest and is in memory is answered without waiting for anything. */
function serve(
  lists: FeedLists,
  asked: Asked,
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
  { feed, format }: Asked,
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
