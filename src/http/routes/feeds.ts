/** `/feeds`: the lists, for firewalls, SOARs and whoever else reads lists. */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { FeedFormat } from '../../feeds/feed-format.ts'
import type { FeedLists } from '../../feeds/feed-lists.ts'
import {
  mispEventFormat,
  mispEventUuid,
  mispHashesFormat,
  mispManifestFormat,
} from '../../feeds/formats/misp.ts'
import type { RoutePlugin } from '../app.ts'
import type { Scope, TellingScope } from '../auth.ts'
import { type AskedList, sendList } from './feeds-answer.ts'
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

/** Addresses that were read before, so that each is read once. */
const rememberedAddresses = 2000

export function feedRoutes(options: FeedRoutesOptions): RoutePlugin {
  const { lists } = options
  const names = byLength(options.names)
  const known = new Map<string, AskedList>()

  const remember = (url: string, asked: AskedList): AskedList => {
    if (known.size >= rememberedAddresses) known.clear()
    known.set(url, asked)
    return asked
  }
  const askedOf = (request: FastifyRequest, file: string): AskedList => {
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
        return sendList(lists, asked, request, reply)
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
        return sendList(lists, remember(request.url, { feed: name, format }), request, reply)
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
