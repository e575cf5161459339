/** TAXII 2.1 below /taxii2: the feeds as collections, read only. */
import type { FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { ServiceError } from '../../errors.ts'
import { isAcceptable, taxiiMediaType } from '../../taxii/media-types.ts'
import {
  manifestPage,
  objectPage,
  objectsPage,
  type Reading,
  type TaxiiFeeds,
  type TaxiiPage,
  versionsPage,
} from '../../taxii/pages.ts'
import { readQuery } from '../../taxii/query.ts'
import {
  type ApiRootName,
  apiRoot,
  apiRoots,
  type Collection,
  collectionOf,
  discovery,
} from '../../taxii/resources.ts'
import type { App, RoutePlugin } from '../app.ts'
import { grants } from '../auth.ts'
import { pathOf } from '../known-paths.ts'

export interface TaxiiOptions extends TaxiiFeeds {
  /** Names of the configured feeds, in their order. */
  readonly names: readonly string[]
  readonly publicUrl?: string
  /** As of lists. */
  answered?(feed: string, format: string, status: number): void
}

interface Served {
  readonly feed: string
  readonly collection: Collection
}

export function taxiiRoutes(options: TaxiiOptions): RoutePlugin {
  const served = options.names.map((feed): Served => ({ feed, collection: collectionOf(feed) }))
  return (app) => {
    app.addHook('onResponse', (request, reply, done) => {
      const { collection: asked } = request.params as { readonly collection?: string }
      const found = asked === undefined ? undefined : named(served, asked)
      if (found !== undefined) options.answered?.(found.feed, 'taxii', reply.statusCode)
      done()
    })
    addGet(app, '/taxii2', (request, reply) => {
      visibleTo(request, served)
      return sendJson(reply, discovery(options.publicUrl))
    })
    for (const root of Object.keys(apiRoots) as ApiRootName[]) {
      addGet(app, `/taxii2/${root}`, (request, reply) => {
        visibleTo(request, served)
        return sendJson(reply, apiRoot(root))
      })
      addGet(app, `/taxii2/${root}/collections`, (request, reply) => {
        const collections = visibleTo(request, served).map(({ collection }) => collection)
        return sendJson(reply, collections.length === 0 ? {} : { collections })
      })
      addCollection(app, root, served, options)
    }
  }
}

function addCollection(app: App, root: ApiRootName, served: readonly Served[], feeds: TaxiiFeeds): void {
  const base = `/taxii2/${root}/collections/:collection`
  const one = (request: FastifyRequest) => servedBy(request, served)
  const reading = (request: FastifyRequest): Reading => {
    const { feed, collection } = one(request)
    const query = readQuery(searchOf(request.url), collection.id)
    if (query.foreignNext) {
      request.log.info({ feed }, '`next` was that of another collection: this one is read from its beginning')
    }
    return { feed, collection: collection.id, tlp: apiRoots[root], query }
  }
  addGet(app, base, (request, reply) => sendJson(reply, one(request).collection))
  addGet(app, `${base}/manifest`, async (request, reply) =>
    sendPage(reply, await manifestPage(feeds, reading(request))),
  )
  addGet(app, `${base}/objects`, async (request, reply) =>
    sendPage(reply, await objectsPage(feeds, reading(request))),
  )
  addGet(app, `${base}/objects/:object`, async (request, reply) => {
    const wanted = withObject(reading(request), request)
    return sendPage(reply, known(await objectPage(feeds, wanted), request))
  })
  addGet(app, `${base}/objects/:object/versions`, async (request, reply) => {
    const wanted = withObject(reading(request), request)
    return sendPage(reply, known(await versionsPage(feeds, wanted), request))
  })
  addRefused(app, 'POST', `${base}/objects`, one)
  addRefused(app, 'DELETE', `${base}/objects/:object`, one)
}

/** With and without the slash at its end, which the specification wants and clients forget. */
function addGet(app: App, path: string, handler: RouteHandlerMethod): void {
  for (const url of [path, `${path}/`]) {
    app.route({
      method: 'GET',
      url,
      // Parameters are read as TAXII has them: `readQuery`. What is visible depends on the key: `visibleTo`.
      config: { scope: 'authenticated', anyQuery: true },
      // A standard of its own, with HTTP Basic: not part of the API's description.
      schema: { hide: true },
      preHandler: (request, _reply, done) => {
        refuseOtherTypes(request)
        done()
      },
      handler,
    })
  }
}

/** Refused before its body is looked at. */
function addRefused(app: App, method: string, path: string, one: (request: FastifyRequest) => Served): void {
  const refuse = (request: FastifyRequest) => {
    const { feed } = one(request)
    throw new ServiceError(
      'COLLECTION_READ_ONLY',
      `the collection ${feed} takes no ${method}: it is read only`,
    )
  }
  for (const url of [path, `${path}/`]) {
    app.route({
      method,
      url,
      config: { scope: 'authenticated', audit: false, anyQuery: true },
      schema: { hide: true },
      onRequest: (request) => refuse(request),
      handler: refuse,
    })
  }
}

/** @throws ServiceError NOT_ACCEPTABLE, which makes XSOAR go on from TAXII 2.0 to 2.1 */
function refuseOtherTypes({ headers: { accept } }: FastifyRequest): void {
  if (isAcceptable(accept)) return
  throw new ServiceError(
    'NOT_ACCEPTABLE',
    `Accept takes ${taxiiMediaType}; received "${String(accept).slice(0, 120)}"`,
  )
}

/**
 * The collections that the key may read.
 * @throws ServiceError SCOPE_MISSING for a key that is not for feeds at all
 */
function visibleTo({ scopes, key }: FastifyRequest, served: readonly Served[]): readonly Served[] {
  const forFeeds = scopes.some((scope) => scope === 'admin' || /^feeds:read(:|$)/.test(scope))
  if (!forFeeds) throw new ServiceError('SCOPE_MISSING', `the API key "${key}" needs the scope "feeds:read"`)
  return served.filter(({ feed }) => grants(scopes, `feeds:read:${feed}`))
}

function named(served: readonly Served[], wanted: string): Served | undefined {
  return (
    served.find(({ collection }) => collection.id === wanted.toLowerCase()) ??
    served.find(({ collection }) => collection.alias === wanted)
  )
}

/** By id, else by alias. @throws ServiceError FEED_UNKNOWN, for what the key may not read as well */
function servedBy(request: FastifyRequest, served: readonly Served[]): Served {
  const { collection: wanted } = request.params as { readonly collection: string }
  const found = named(visibleTo(request, served), wanted)
  if (found !== undefined) return found
  throw new ServiceError(
    'FEED_UNKNOWN',
    `no collection "${wanted.slice(0, 80)}"; see ${collectionsPath(request)}`,
  )
}

function collectionsPath(request: FastifyRequest): string {
  return pathOf(request.url).split('/').slice(0, 4).concat('').join('/')
}

function searchOf(url: string): string {
  const mark = url.indexOf('?')
  return mark < 0 ? '' : url.slice(mark)
}

function objectOf(request: FastifyRequest): string {
  return (request.params as { readonly object: string }).object
}

/** The address names the one object; of the filters only those of versions count. */
function withObject(reading: Reading, request: FastifyRequest): Reading {
  const { versions, nothing } = reading.query.filters
  const filters = {
    ids: [objectOf(request)],
    ...(versions !== undefined && { versions }),
    ...(nothing !== undefined && { nothing }),
  }
  return { ...reading, query: { filters, limit: reading.query.limit } }
}

function known(page: TaxiiPage | undefined, request: FastifyRequest): TaxiiPage {
  if (page !== undefined) return page
  throw new ServiceError(
    'OBJECT_UNKNOWN',
    `no object "${objectOf(request).slice(0, 120)}" in this collection`,
  )
}

function sendJson(reply: FastifyReply, body: object): FastifyReply {
  return send(reply, JSON.stringify(body))
}

function sendPage(reply: FastifyReply, { body, addedFirst, addedLast }: TaxiiPage): FastifyReply {
  if (addedFirst !== undefined) reply.header('x-taxii-date-added-first', addedFirst)
  if (addedLast !== undefined) reply.header('x-taxii-date-added-last', addedLast)
  return send(reply, body)
}

/** What a key may see is for nobody's cache. */
function send(reply: FastifyReply, body: string | Buffer): FastifyReply {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return reply.headers({ 'content-type': taxiiMediaType, 'cache-control': 'no-store' }).send(bytes)
}
