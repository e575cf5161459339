/** `/api/v1/indicators`: what is stored, page by page, one by one, by value, and why. */
import { ServiceError } from '../../errors.ts'
import { pageAfter, pageCursor } from '../../model/cursor.ts'
import { allTypes, type Indicator } from '../../model/indicator.ts'
import { withSpreadMember } from '../../model/json-text.ts'
import { recogniseType } from '../../model/recognise.ts'
import type { IndicatorReader, IndicatorText } from '../../store/indicator-reader.ts'
import type { RoutePlugin } from '../app.ts'
import { chunkSender } from '../chunked-answer.ts'
import { json } from '../media-types.ts'
import {
  checkedValue,
  filtersOf,
  filtersText,
  idArguments,
  invalid,
  type ListArguments,
  listArguments,
  lookupArguments,
  shownArguments,
} from './indicator-arguments.ts'
import { itemTexts, type Shown, shownOf } from './indicator-texts.ts'
import { listAnswers, lookupAnswers, oneAnswers, whyAnswers } from './indicators-schema.ts'
import { pageEnd } from './paging.ts'

interface FeedMembership {
  readonly name: string
  readonly in: boolean
  readonly reason: string
}

export interface IndicatorRoutesOptions {
  readonly store: IndicatorReader
  /** As configured, without a slash at its end. */
  readonly publicUrl?: string
  /** Of every configured feed, whether it holds the indicator and why. */
  feedsOf(indicator: Indicator): Promise<readonly FeedMembership[]>
  /** Every export of the indicator. */
  exportsOf(indicator: Indicator): Promise<readonly object[]>
}

export function indicatorRoutes(options: IndicatorRoutesOptions): RoutePlugin {
  const { store, publicUrl, feedsOf, exportsOf } = options
  const send = chunkSender()
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/indicators',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'listIndicators',
        summary: 'List the stored indicators that pass some filters',
        description:
          'All filters must hold. Follow `links.next` until it is null; the order is that of the ids, which says nothing of time.',
        tags: ['Indicators'],
        querystring: listArguments,
        response: listAnswers,
      },
      handler: async (request, reply) => {
        const page = await pageOf(store, request.query)
        const tail = pageEnd(request, reply, publicUrl, page.next)
        return send(request, reply, json, listText(store, page.indicators, shownOf(request.query), tail))
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/indicators/lookup',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'lookUpIndicator',
        summary: 'Look up an indicator by its value',
        description:
          'The value is taken in any spelling and for every type that it may be of, custom types too; a file is found by any of its hashes.',
        tags: ['Indicators'],
        querystring: lookupArguments,
        response: lookupAnswers,
      },
      handler: async (request, reply) => {
        const { value, type } = request.query
        const ids = await store.idsOfValue(checkedValue(value, type), type)
        const found = await store.indicatorTexts({ ids, limit: Math.max(1, ids.length) })
        if (found.indicators.length === 0) throw valueUnknown(value, type)
        const likely = bestFirst(found.indicators, type ?? recogniseType(value))
        return send(
          request,
          reply,
          json,
          listText(store, likely, shownOf(request.query), { count: likely.length }),
        )
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/indicators/:id',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'getIndicator',
        summary: 'Get one stored indicator',
        description: 'As it is now.',
        tags: ['Indicators'],
        params: idArguments,
        querystring: shownArguments,
        response: oneAnswers,
      },
      handler: async (request, reply) => {
        const found = await textById(store, request.params.id)
        return send(request, reply, json, itemTexts(store, [found], shownOf(request.query)))
      },
    })
    app.route({
      method: 'GET',
      url: '/api/v1/indicators/:id/why',
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'explainIndicator',
        summary: 'Explain an indicator',
        description:
          'Which records it was merged from, which feeds it is in or why not, and every export of it.',
        tags: ['Indicators'],
        params: idArguments,
        response: whyAnswers,
      },
      handler: async (request, reply) => {
        const { id, json: text } = await textById(store, request.params.id)
        const indicator = JSON.parse(text) as Indicator
        const [observations, feeds, exports] = await Promise.all([
          store.observationTexts(id),
          feedsOf(indicator),
          exportsOf(indicator),
        ])
        const tail = JSON.stringify({ feeds, exports }).slice(1)
        return reply
          .type(json)
          .send(`{"indicator":${text},"observations":[${observations.map(recordText).join(',')}],${tail}`)
      },
    })
  }
}

interface Page {
  readonly indicators: readonly IndicatorText[]
  readonly next: string | null
}

/** @throws ServiceError ARGUMENT_INVALID, SOURCE_UNKNOWN */
async function pageOf(store: IndicatorReader, given: ListArguments): Promise<Page> {
  const filters = filtersOf(given)
  const { cursor, value, limit = 100 } = given
  const text = filtersText(filters, value)
  const after = cursor === undefined ? undefined : afterOf(cursor, text)
  await checkSources(store, given.source)
  const { indicators, more } = await store.indicatorTexts({
    ...filters,
    limit,
    ...(after !== undefined && { after }),
    ...(value !== undefined && { ids: await store.idsOfValue(checkedValue(value, undefined)) }),
  })
  const last = indicators.at(-1)
  return { indicators, next: more && last ? pageCursor({ after: last.id, filters: text }) : null }
}

function afterOf(cursor: string, filters: string): string {
  const position = pageAfter(cursor, filters)
  if (position === 'unknown') {
    throw invalid('cursor', `takes \`next\` of an earlier page, whole and unchanged; received "${cursor}"`)
  }
  if (position === 'other filters') {
    throw invalid(
      'cursor',
      'belongs to a list with other filters; send the filters of that list, or no cursor',
    )
  }
  return position.after
}

/** Where the record stands is told as an indicator's `observations` tell it. */
function recordText(observation: string): string {
  return withSpreadMember(observation, 'provenance')
}

/** A name that is mistyped must not look like a source without indicators. @throws ServiceError SOURCE_UNKNOWN */
async function checkSources(store: IndicatorReader, asked: readonly string[] = []): Promise<void> {
  if (asked.length === 0) return
  const known = await store.sourceNames()
  const unknown = asked.filter((name) => !known.includes(name))
  if (unknown.length === 0) return
  const there = known.length === 0 ? 'nothing was ever fetched' : `there are: ${known.join(', ')}`
  throw new ServiceError('SOURCE_UNKNOWN', `no source "${unknown.join('", "')}"; ${there}`)
}

/** `{"data":[…],` and the members of the tail. */
async function* listText(
  store: IndicatorReader,
  indicators: readonly IndicatorText[],
  shown: Shown,
  tail: object,
): AsyncGenerator<string> {
  yield '{"data":['
  yield* itemTexts(store, indicators, shown)
  yield `],${JSON.stringify(tail).slice(1)}`
}

/** @throws ServiceError INDICATOR_UNKNOWN, also for what is no id */
async function textById(store: IndicatorReader, given: string): Promise<IndicatorText> {
  const { indicators } = await store.indicatorTexts({ ids: [given.toLowerCase()], limit: 1 })
  const [indicator] = indicators
  if (indicator !== undefined) return indicator
  throw new ServiceError('INDICATOR_UNKNOWN', `no indicator has the id "${given}"`)
}

function valueUnknown(value: string, type: string | undefined): ServiceError {
  const looks = type === undefined ? recogniseType(value) : undefined
  const hint = looks === undefined ? '' : ` (it looks like ${looks})`
  const shown = value.length > 200 ? `${value.slice(0, 200).toWellFormed()}…` : value
  const of = type === undefined ? 'indicator' : `indicator of type ${type}`
  return new ServiceError('INDICATOR_UNKNOWN', `no ${of} has the value "${shown}"${hint}`)
}

/** That of the type which the value looks like first, the others in the order of the model's types. */
function bestFirst(indicators: readonly IndicatorText[], likely: string | undefined): IndicatorText[] {
  const rankOf = ({ json: text }: IndicatorText): number => {
    const { type } = JSON.parse(text) as Indicator
    return type === likely ? -1 : allTypes.indexOf(type)
  }
  return indicators
    .map((indicator) => ({ indicator, rank: rankOf(indicator) }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ indicator }) => indicator)
}
