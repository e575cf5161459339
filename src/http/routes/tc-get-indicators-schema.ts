/** What `tc-get-indicators` answers, for OpenAPI. */
import Type from 'typebox'
import { indicatorExample, indicatorSchema } from '../../model/indicator-schema.ts'
import { problems, Ref } from '../schema.ts'

export const xsoarItem = Type.Object(
  {
    value: Type.String(),
    type: Type.String({ description: 'IP, IPv6, CIDR, IPv6CIDR, Domain, URL, Email, File, ASN, Mutex, …' }),
    score: Type.Enum([0, 1, 2, 3], { type: 'integer' }),
    fields: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      description: "Cortex XSOAR's fields by name.",
    }),
    relationships: Type.Array(Type.Unsafe<Record<string, unknown>>({ type: 'object' })),
    rawJSON: Type.Optional(Type.Unsafe<Record<string, unknown>>({ type: 'object' })),
  },
  { description: 'An item for `createIndicators` of Cortex XSOAR (`view=xsoar`).' },
)

const liveAnswer = Type.Object(
  {
    data: Type.Array(Type.Unsafe({ anyOf: [Ref(indicatorSchema), xsoarItem] })),
    count: Type.Integer({ minimum: 0, description: 'Items in `data`.' }),
    next: Type.Unsafe<{ offset: number } | null>({
      anyOf: [
        Type.Object({
          offset: Type.Integer({ minimum: 0, description: '`offset` for the records after these.' }),
        }),
        Type.Null(),
      ],
      description: 'null: there are no more.',
    }),
    unreadable: Type.Array(Type.Object({ remoteId: Type.String(), reason: Type.String() }), {
      description: 'Records that could not be normalised; every record is in `data` or here.',
    }),
    query: Type.Object({
      source: Type.String(),
      tql: Type.String({ description: 'The query that was sent.' }),
      requests: Type.Integer({ minimum: 0, description: 'Pages asked for at ThreatConnect.' }),
    }),
  },
  { description: 'Indicators, a record of ThreatConnect each.' },
)

const explanation = Type.Object(
  {
    source: Type.String(),
    tql: Type.String(),
    method: Type.String(),
    url: Type.String(),
    headers: Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string' },
    }),
    body: Type.Optional(Type.String({ description: 'Only where the query is too long for an address.' })),
  },
  { description: 'What would be sent (`explain=true`), credentials left out.' },
)

const liveExample = {
  data: [indicatorExample],
  count: 1,
  next: { offset: 1 },
  unreadable: [],
  query: { source: 'tc', tql: 'indicatorActive EQ true AND typeName IN ("File")', requests: 1 },
}

const markdownExample = `### ThreatConnect Feed - Indicators
|fields|rawJSON|score|type|value|
|---|---|---|---|---|
| tags: APT29 | id: 98590287<br>type: URL | 0 | URL | https://bad.example/x |
`

export const answers = {
  200: {
    description: 'The indicators; with `explain=true` what would be sent.',
    content: {
      'application/json': {
        schema: Type.Unsafe({ anyOf: [liveAnswer, explanation] }),
        example: liveExample,
      },
      'text/markdown': { schema: Type.String(), example: markdownExample },
    },
  },
  ...problems(400, 401, 403, 404, 422, 429, 500, 502, 503, 504),
}
