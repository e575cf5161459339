/** `/api/v1/feeds`: what feeds there are, what is in them and why, and how products read them. */
import type { FastifyRequest } from 'fastify'
import { ServiceError } from '../../errors.ts'
import type { FeedLists } from '../../feeds/feed-lists.ts'
import { feedReport } from '../../feeds/feed-report.ts'
import { extensions } from '../../feeds/formats/options.ts'
import { recipe, recipeMarkdown } from '../../feeds/recipes.ts'
import type { FeedFilter } from '../../model/filter.ts'
import type { FeedDefinition, FeedStore } from '../../store/feed-store.ts'
import type { RoutePlugin } from '../app.ts'
import { grants, type Scope } from '../auth.ts'
import { json, markdown, wantsMarkdown } from '../media-types.ts'
import {
  feedOneSchema,
  feedRecipeSchema,
  feedReleaseSchema,
  feedReportSchema,
  feedsListSchema,
} from './feeds-api-schema.ts'
import { queryOf, readFormat } from './feeds-format.ts'

export interface FeedApiOptions {
  readonly feeds: readonly FeedDefinition[]
  readonly lists: FeedLists
  readonly store: FeedStore
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
  /** Of a feed's TAXII collection. */
  collectionId(feed: string): string
  /** Milliseconds since the epoch. */
  now(): number
}

const sizesMs = 48 * 3_600_000

export function feedApiRoutes(options: FeedApiOptions): RoutePlugin {
  const { feeds, lists, store, publicUrl, now } = options
  const scope = ({ name = '' }: Readonly<Record<string, string>>): Scope => `feeds:read:${name}`

  const described = async (feed: FeedDefinition, request: FastifyRequest) => {
    const { name, limit } = feed
    const state = await lists.state(name)
    const waitsFor = await lists.awaited(name)
    const { entries, truncated, changedAt, held } = state
    return {
      name,
      filter: filterInWords(feed),
      limit,
      ready: waitsFor.length === 0,
      waitsFor,
      entries,
      truncated,
      changedAt,
      ageSeconds: changedAt === null ? null : Math.max(0, Math.round((now() - Date.parse(changedAt)) / 1000)),
      held: held !== null,
      hold: held,
      sizes: await store.feedSizes(name, new Date(now() - sizesMs)),
      urls: urlsOf(name, baseOf(request, publicUrl), options.collectionId(name)),
    }
  }

  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/feeds',
      config: { scope: 'authenticated' },
      schema: feedsListSchema,
      handler: async (request) => {
        const readable = feeds.filter(({ name }) => grants(request.scopes, `feeds:read:${name}`))
        if (readable.length === 0 && !request.scopes.some((one) => /^(admin|feeds:read(:.*)?)$/.test(one))) {
          throw new ServiceError('SCOPE_MISSING', `the API key "${request.key}" needs the scope "feeds:read"`)
        }
        const data = []
        for (const feed of readable) data.push(await described(feed, request))
        return { data }
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/feeds/:name',
      config: { scope },
      schema: feedOneSchema,
      handler: (request) => described(lists.definition(request.params.name), request),
    })
    app.route({
      method: 'POST',
      url: '/api/v1/feeds/:name/release',
      config: { scope: 'admin', audit: 'feeds.release' },
      schema: feedReleaseSchema,
      handler: async (request) => {
        const feed = lists.definition(request.params.name)
        if ((await lists.state(feed.name)).held !== null) await lists.release(feed.name)
        return described(feed, request)
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/feeds/:name/report',
      config: { scope, anyQuery: true },
      schema: feedReportSchema,
      handler: async (request) => {
        const feed = lists.definition(request.params.name)
        const format = readFormat({ query: queryOf(request, ['report_limit']) })
        const most = reportLimit(request)
        const waiting = await lists.awaited(feed.name)
        if (waiting.length > 0) {
          const detail = `the feed "${feed.name}" waits for the end of the first fetch of ${waiting.join(', ')}`
          throw new ServiceError('FEED_NOT_READY', detail)
        }
        await lists.state(feed.name)
        return feedReport(store, feed, format, { most, ...(publicUrl !== undefined && { publicUrl }) })
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/feeds/:name/recipes/:consumer',
      config: { scope },
      schema: feedRecipeSchema,
      handler: async (request, reply) => {
        const { name, types } = lists.definition(request.params.name)
        const base = baseOf(request, publicUrl)
        const collectionId = options.collectionId(name)
        const made = recipe(request.params.consumer, { name, types, base, collectionId })
        reply.header('vary', 'Accept')
        if (!wantsMarkdown(request.query.format, request.headers.accept))
          return reply.type(json).send(JSON.stringify(made))
        return reply.type(markdown).send(recipeMarkdown(made))
      },
    })
  }
}

const mostReported = 100_000

/** The route takes any parameter, so that the formats read theirs: this one is read here. */
function reportLimit(request: FastifyRequest): number {
  const texts = queryOf(request).report_limit
  if (texts === undefined) return 10_000
  const [given = ''] = texts
  const number = /^\d{1,6}$/.test(given) ? Number(given) : Number.NaN
  if (texts.length === 1 && number <= mostReported) return number
  const detail = `report_limit takes an integer from 0 to ${mostReported}; received ${JSON.stringify(texts.join(',').slice(0, 80))}`
  throw new ServiceError('ARGUMENT_INVALID', detail, { errors: [{ pointer: '/report_limit', detail }] })
}

/** The address of this server, as its clients know it. */
function baseOf(request: FastifyRequest, publicUrl: string | undefined): string {
  return publicUrl ?? `${request.protocol}://${request.host}`
}

function urlsOf(name: string, base: string, collectionId: string): Readonly<Record<string, string>> {
  const lists = extensions.map((extension) => [extension, `${base}/feeds/${name}.${extension}`])
  return {
    ...Object.fromEntries(lists),
    misp: `${base}/feeds/${name}/manifest.json`,
    taxii: `${base}/taxii2/feeds/collections/${collectionId}/`,
  }
}

export function filterInWords(filter: FeedFilter): string {
  const { types, sources, owners, tags, minScore, minConfidence, minThreatAssessScore } = filter
  const lists = { types, sources, owners, tags }
  const minimums = {
    score: minScore,
    confidence: minConfidence,
    'ThreatAssess score': minThreatAssessScore,
  }
  return [
    ...Object.entries(lists).flatMap(([name, list]) =>
      list.length > 0 ? [`${name} ${list.join(', ')}`] : [],
    ),
    ...Object.entries(minimums).flatMap(([name, least]) => (least > 0 ? [`${name} ${least} and more`] : [])),
    `TLP up to ${filter.maxTlp}`,
    filter.activeOnly ? 'active only' : 'active or not',
  ].join('; ')
}
