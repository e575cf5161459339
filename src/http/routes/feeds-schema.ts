/** What the routes of feeds take and answer. */
import Type, { type TSchema } from 'typebox'
import { extensions } from '../../feeds/formats/options.ts'
import { feedFormats, feedProfiles } from '../../feeds/index.ts'
import { consumers } from '../../feeds/recipes.ts'
import { answer, Enum, Nullable, problemAnswer, problems } from '../schema.ts'

const text = (description: string, examples: readonly string[]) =>
  Type.String({ maxLength: 200, description, examples: [...examples] })

export const feedName = text('Name of the configured feed.', ['block-ip'])

export const feedNotReady = {
  503: problemAnswer({
    description:
      'The first fetch of a source has not ended, the list is held without a last good one in this form, or the store is not available.',
    code: 'FEED_NOT_READY',
    detail: 'the feed "block-ip" waits for the end of the first fetch of "tc"',
    headers: {
      'Retry-After': {
        type: 'integer',
        description: 'Seconds to wait before the next try.',
        examples: [15],
      },
    },
  }),
}

const feedHeaders = {
  ETag: {
    type: 'string',
    description: 'Strong, from the content: another one for each encoding.',
    examples: ['"q0n3hJ9x0dKJb0uPqVvJm3Zc2wE"'],
  },
  'Last-Modified': {
    type: 'string',
    description: 'When the content last became another one.',
    examples: ['Wed, 25 Nov 2026 12:00:00 GMT'],
  },
  'X-Feed-Entries': { type: 'integer', description: 'Entries of the list.', examples: [1204] },
  'X-Feed-Dropped': {
    type: 'integer',
    description: 'Indicators of the feed that the format leaves out; the report tells why.',
    examples: [3],
  },
  'X-Feed-Truncated': {
    type: 'integer',
    description: 'Indicators that had no room; absent when none.',
    examples: [12],
  },
  'X-Feed-Generated': {
    type: 'string',
    description: 'When the list was made.',
    examples: ['2026-11-25T12:00:00Z'],
  },
  Warning: {
    type: 'string',
    description: 'That the store does not answer and the list may be older than it; else absent.',
    examples: ['110 - "Response is Stale"'],
  },
} as const

const anyJson = Type.Unsafe({ description: 'As the format and its arguments have it.' })
const anyText = Type.String()

/** By the format, the profile and their arguments. */
const lists: Readonly<Record<string, { readonly schema: TSchema; readonly example: unknown }>> = {
  'text/plain': { schema: anyText, example: '203.0.113.7\n198.51.100.0/24\n' },
  'application/json': { schema: anyJson, example: { data: [{ type: 'ipv4', value: '203.0.113.7' }] } },
  'application/x-ndjson': { schema: anyJson, example: '{"type":"ipv4","value":"203.0.113.7"}\n' },
  'application/json-seq': { schema: anyText, example: '\u001e{"type":"ipv4","value":"203.0.113.7"}\n' },
  'text/csv': { schema: anyText, example: 'type,value\r\nipv4,203.0.113.7\r\n' },
  'application/stix+json': { schema: anyJson, example: { type: 'bundle', objects: [] } },
}

function listAnswer(mediaTypes: readonly string[]) {
  return {
    description: 'The whole list, best entries first.',
    headers: feedHeaders,
    content: Object.fromEntries(mediaTypes.map((mediaType) => [mediaType, lists[mediaType]])),
  }
}

const listAnswers = {
  200: listAnswer(Object.keys(lists)),
  304: { description: 'The list is the one that the client has.', type: 'null' },
  ...problems(400, 401, 403, 404, 500),
  ...feedNotReady,
}

const formatsInWords = feedFormats.map(({ name, about }) => `\`.${name}\` (${about})`).join(', ')

/** The arguments that all formats have; the formats' own are told by the error of a wrong one. */
const formatArguments = Type.Object({
  format: Type.Optional(Enum(extensions, { description: 'In place of the extension.', examples: ['txt'] })),
  profile: Type.Optional(
    Enum(
      feedProfiles.map(({ name }) => name),
      {
        description: `The form that a product takes: ${feedProfiles.map(({ name, about }) => `${name} (${about})`).join(', ')}.`,
        examples: ['panos-ip'],
      },
    ),
  ),
})

export const feedFileSchema = {
  operationId: 'getFeed',
  summary: 'Read a feed',
  description: `The whole list in the form that the extension, \`format\` or \`profile\` names: ${formatsInWords}. Each format takes arguments of its own (\`type\`, \`limit\`, \`collapse\` …), and those of XSOAR's and MineMeld's URLs.`,
  tags: ['Feeds'],
  params: Type.Object({
    file: text('Name of the feed, with an extension or without one.', ['block-ip.txt']),
  }),
  querystring: formatArguments,
  response: listAnswers,
}

export const feedFolderSchema = {
  operationId: 'getFeedFile',
  summary: 'Read a feed as MISP does',
  description: 'The files of a MISP feed: `manifest.json`, `hashes.csv`, and the event `{uuid}.json`.',
  tags: ['Feeds'],
  params: Type.Object({ name: feedName, file: text('The file.', ['manifest.json']) }),
  response: { ...listAnswers, 200: listAnswer(['application/json', 'text/csv']) },
}

const time = (description: string) => Type.String({ format: 'date-time', description })

const hold = Type.Object(
  {
    since: time('Since when.'),
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
  sizes: Type.Array(Type.Object({ at: time('When.'), entries: Type.Integer() }), {
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
