/** What the routes of lists take and answer, and what all routes of feeds have in common. */
import Type, { type TSchema } from 'typebox'
import { extensions } from '../../feeds/formats/options.ts'
import { feedFormats, feedProfiles } from '../../feeds/index.ts'
import { Enum, problemAnswer, problems } from '../schema.ts'

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
export const formatArguments = Type.Object({
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
