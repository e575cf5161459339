/** What the routes of `/api/v1/feeds` take and answer. */
import Type from 'typebox'
import { consumers } from '../../feeds/recipes.ts'
import { answer, Enum, Nullable, problems, Time } from '../schema.ts'
import { feedName, feedNotReady, formatArguments } from './feeds-schema.ts'

const hold = Type.Object(
  {
    since: Time('Since when.'),
    entries: Type.Integer({ description: 'Entries of the list that is held.' }),
    next: Type.Integer({ description: 'Entries of the list that waits.' }),
    lost: Type.Integer({ description: 'Entries of the held list that the next one lacks.' }),
    guard: Type.Number({ description: 'Fraction of its entries that the list may lose: `shrinkGuard`.' }),
    reason: Type.String({ description: 'All of it in words.' }),
  },
  { description: 'Why the last good list is held.' },
)

const feedSchema = Type.Object({
  name: Type.String(),
  filter: Type.String({ description: 'What is in it, in words.' }),
  limit: Type.Integer({ description: 'Most entries; 0: no limit.' }),
  ready: Type.Boolean({ description: 'Whether each of its sources has been fetched.' }),
  waitsFor: Type.Array(Type.String(), { description: 'Sources that have not been fetched yet.' }),
  entries: Type.Integer({ description: 'Indicators in it.' }),
  truncated: Type.Integer({ description: 'Indicators that `limit` leaves out.' }),
  changedAt: Nullable(Type.String({ format: 'date-time' }), {
    description: 'When anything in it last changed; null: never.',
  }),
  ageSeconds: Nullable(Type.Integer(), { description: 'Seconds since then.' }),
  held: Type.Boolean({ description: 'Whether the shrink guard keeps the last good list.' }),
  hold: Nullable(hold),
  sizes: Type.Array(Type.Object({ at: Time('When.'), entries: Type.Integer() }), {
    description: 'Its size in the last two days: the last of each hour in which it changed.',
  }),
  urls: Type.Record(Type.String(), Type.String({ format: 'uri' }), {
    description: 'Its address in each format, and its TAXII collection.',
  }),
})

const feedExample = {
  name: 'block-ip',
  filter: 'types ipv4, ipv6, cidr; score 3 and more; TLP up to amber; active only',
  limit: 0,
  ready: true,
  waitsFor: [],
  entries: 1204,
  truncated: 0,
  changedAt: '2026-11-25T12:00:00Z',
  ageSeconds: 340,
  held: false,
  hold: null,
  sizes: [{ at: '2026-11-25T12:00:00Z', entries: 1204 }],
  urls: { txt: 'https://feeds.example.org/feeds/block-ip.txt' },
}

export const feedsListSchema = {
  operationId: 'listFeeds',
  summary: 'List the feeds that the key may read',
  description: 'What is in each feed, how old it is, whether it is held and why, and its addresses.',
  tags: ['Feeds'],
  response: {
    200: answer('The feeds, as configured.', Type.Object({ data: Type.Array(feedSchema) }), {
      data: [feedExample],
    }),
    ...problems(400, 401, 403, 429, 500),
    ...feedNotReady,
  },
}

export const feedOneSchema = {
  operationId: 'getFeedState',
  summary: 'Get the state of a feed',
  description: 'As in the list of feeds.',
  tags: ['Feeds'],
  params: Type.Object({ name: feedName }),
  response: {
    200: answer('The feed.', feedSchema, feedExample),
    ...problems(400, 401, 403, 404, 429, 500),
    ...feedNotReady,
  },
}

export const feedReleaseSchema = {
  operationId: 'releaseFeed',
  summary: 'Let a held feed go',
  description:
    'The list that waits is taken, whatever it loses, this once. Of a feed that is not held nothing changes.',
  tags: ['Feeds'],
  params: Type.Object({ name: feedName }),
  response: {
    200: answer('The feed afterwards.', feedSchema, feedExample),
    ...problems(400, 401, 403, 404, 429, 500),
    ...feedNotReady,
  },
}

const counts = (description: string) => Type.Record(Type.String(), Type.Integer(), { description })

export const feedReportSchema = {
  operationId: 'getFeedReport',
  summary: 'Report what a list leaves out and changes',
  description:
    "Takes the arguments of the feed's address (`format`, `profile` and the format's own). Where each indicator has one line or none, `indicators` is `entries` and `dropped` together, with what the format had no room for.",
  tags: ['Feeds'],
  params: Type.Object({ name: feedName }),
  querystring: Type.Object({
    ...formatArguments.properties,
    report_limit: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        default: 10_000,
        examples: [100],
        description:
          'Most items of `dropped` and of `changed`, 0..100000; `counts` has all of them. Default 10000.',
      }),
    ),
  }),
  response: {
    200: answer(
      'What became of the indicators of the feed.',
      Type.Object({
        entries: Type.Integer({ description: 'Entries of the list.' }),
        indicators: Type.Integer({ description: 'Indicators in the feed.' }),
        dropped: Type.Array(Type.Object({ value: Type.String(), reason: Type.String() })),
        changed: Type.Array(Type.Object({ value: Type.String(), to: Type.String(), reason: Type.String() })),
        truncated: Type.Integer({ description: 'Indicators that had no room.' }),
        counts: Type.Object({
          dropped: Type.Integer(),
          changed: Type.Integer(),
          droppedBy: counts('By reason.'),
          changedBy: counts('By reason.'),
        }),
        cut: Type.Boolean({ description: 'Whether there are more items than `report_limit`.' }),
      }),
      {
        entries: 1204,
        indicators: 1205,
        dropped: [{ value: '10.0.0.1', reason: 'a private address' }],
        changed: [],
        truncated: 0,
        counts: { dropped: 1, changed: 0, droppedBy: { 'a private address': 1 }, changedBy: {} },
        cut: false,
      },
    ),
    ...problems(400, 401, 403, 404, 429, 500),
    ...feedNotReady,
  },
}

export const feedRecipeSchema = {
  operationId: 'getFeedRecipe',
  summary: 'Get the recipe for a product',
  description: 'How to read the feed with a product: the real address, and every setting to type.',
  tags: ['Feeds'],
  params: Type.Object({
    name: feedName,
    consumer: Type.String({
      maxLength: 64,
      description: `The product: ${consumers.join(', ')}.`,
      examples: ['xsoar'],
    }),
  }),
  querystring: Type.Object({
    format: Type.Optional(
      Enum(['json', 'markdown'], {
        description: 'Form of the answer; without it the Accept header decides.',
        examples: ['markdown'],
      }),
    ),
  }),
  response: {
    200: {
      description: 'The recipe.',
      content: {
        'application/json': {
          schema: Type.Object({
            consumer: Type.String(),
            title: Type.String(),
            steps: Type.Array(Type.String()),
            settings: Type.Record(Type.String(), Type.String(), {
              description: 'Name of the field in the product -> what to type.',
            }),
            snippets: Type.Array(
              Type.Object({
                where: Type.String({ description: 'What it is, and where it goes.' }),
                text: Type.String({ description: 'Lines to paste.' }),
              }),
              { description: 'What to paste, where a product takes that.' },
            ),
          }),
          example: {
            consumer: 'misp',
            title: 'Read the feed block-ip with MISP',
            steps: ['In Sync Actions > Feeds > Add Feed, type the settings below.'],
            settings: { URL: 'https://feeds.example.org/feeds/block-ip', 'Source Format': 'MISP Feed' },
            snippets: [],
          },
        },
        'text/markdown': {
          schema: Type.String(),
          example: '# Read the feed block-ip with MISP\n\n1. In Sync Actions > Feeds > Add Feed …\n',
        },
      },
    },
    ...problems(400, 401, 403, 404, 429, 500),
  },
}
