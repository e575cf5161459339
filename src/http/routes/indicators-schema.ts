/** What the routes of stored indicators answer, for OpenAPI. */
import Type from 'typebox'
import { indicatorExample, indicatorSchema } from '../../model/indicator-schema.ts'
import { itemStatuses } from '../../store/exports.ts'
import { answer, Enum, Nullable, problemAnswer, problems, Ref } from '../schema.ts'
import { exportExample, exportOrigins } from './exports-schema.ts'
import { linkHeader } from './paging.ts'
import { xsoarItem } from './tc-get-indicators-schema.ts'

const item = Type.Unsafe({ anyOf: [Ref(indicatorSchema), xsoarItem] })

const unknown = problemAnswer({
  description: 'There is no such indicator, or it has left.',
  code: 'INDICATOR_UNKNOWN',
  detail: 'no indicator has the id "indicator--56c2ff2c-10a2-53c7-bb20-433ffcb65cbf"',
})

const cursorExample = 'q83vEjRWeJASNFZ4kKvN7xI0VniQq83vEjRWeJASNFZ4'
const nextExample = `https://feeds.example.org/api/v1/indicators?type=file&cursor=${cursorExample}`

export const listAnswers = {
  200: answer(
    'A page of indicators, in the order of their ids. While the store changes, what was there all the time is on exactly one page.',
    Type.Object({
      data: Type.Array(item),
      next: Nullable(Type.String(), {
        description: '`cursor` of the next page; null: this is the last one.',
      }),
      links: Type.Object({
        next: Nullable(Type.String({ format: 'uri' }), {
          description: 'Address of the next page; null: this is the last one.',
        }),
      }),
    }),
    { data: [indicatorExample], next: cursorExample, links: { next: nextExample } },
    { headers: linkHeader(nextExample) },
  ),
  ...problems(400, 401, 403, 404, 429, 500, 503),
}

export const oneAnswers = {
  200: answer('The indicator.', item, indicatorExample),
  ...problems(400, 401, 403, 429, 500, 503),
  404: unknown,
}

export const lookupAnswers = {
  200: answer(
    'Every indicator that the value may mean: that of the type which the value looks like first.',
    Type.Object({
      data: Type.Array(item, { description: 'At least one.' }),
      count: Type.Integer({ minimum: 1, description: 'Indicators in `data`.' }),
    }),
    { data: [indicatorExample], count: 1 },
  ),
  ...problems(400, 401, 403, 429, 500, 503),
  404: unknown,
}

const exported = Type.Object({
  export: Type.String({ format: 'uuid', description: 'Id of the export.' }),
  exporter: Type.String({ description: 'Name of the exporter.' }),
  origin: Enum(exportOrigins),
  action: Enum(['upsert', 'remove']),
  createdAt: Type.String({ format: 'date-time' }),
  status: Enum(itemStatuses, { description: 'What became of it.' }),
  reason: Nullable(Type.String(), { description: 'Why it was not accepted.' }),
  remoteId: Nullable(Type.String(), { description: 'Id at the product, where it has one.' }),
})

const exportedExample = {
  export: exportExample.id,
  exporter: 'secureworks',
  origin: 'push',
  action: 'upsert',
  createdAt: '2026-03-10T12:00:00Z',
  status: 'accepted',
  reason: null,
  remoteId: null,
}

const { raw, observations, ...facts } = indicatorExample
const [place] = observations

export const whyAnswers = {
  200: answer(
    'The indicator and everything that is known of how it came to be, and of where it goes.',
    Type.Object({
      indicator: Ref(indicatorSchema),
      observations: Type.Array(
        Type.Unsafe<Record<string, unknown>>({
          type: 'object',
          description:
            'What one record says of the value: where it stands, as in the `observations` of an indicator, the members of an indicator, `raw` (the record as received) and `expiresAt`.',
        }),
        { description: 'One for each record.' },
      ),
      feeds: Type.Array(
        Type.Object({
          name: Type.String({ description: 'Name of the feed.' }),
          in: Type.Boolean({ description: 'Whether the feed holds it.' }),
          reason: Type.String({ description: 'Why it is in, or which filter or rule keeps it out.' }),
        }),
        { description: 'One for each configured feed.' },
      ),
      exports: Type.Array(exported, { description: 'Every export of it to a product, newest first.' }),
    }),
    {
      indicator: { ...facts, observations },
      observations: [{ type: facts.type, value: facts.value, score: 3, ...place, raw, expiresAt: null }],
      feeds: [{ name: 'block-ip', in: false, reason: 'the type file is none of ipv4, ipv6, cidr' }],
      exports: [exportedExample],
    },
  ),
  ...problems(400, 401, 403, 429, 500, 503),
  404: unknown,
}
