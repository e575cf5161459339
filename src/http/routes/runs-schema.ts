/** A fetch and its receipt as it is answered, for OpenAPI. */
import Type from 'typebox'
import { Count, Enum, Nullable, Time } from '../schema.ts'

export const unreadableItem = Type.Object(
  {
    remoteId: Type.String({ description: 'Id of the record at the source.' }),
    reason: Type.String({ description: 'Why it could not be read.' }),
  },
  { description: 'A record that could not be read.' },
)

const runError = Type.Object(
  {
    code: Type.String({ description: 'A code of docs/errors.md.' }),
    detail: Type.String({ description: 'What happened.' }),
    part: Type.Optional(
      Type.String({
        description: 'The endpoint that failed, where it was one of several: indicators, groups.',
      }),
    ),
  },
  { description: 'Why a fetch was not whole.' },
)

export const runSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    source: Type.String({ description: 'Name of the source.' }),
    status: Enum(['running', 'succeeded', 'partial', 'failed'], {
      description:
        'partial: an endpoint failed; failed: nothing could be read. Unreadable records are no failure.',
    }),
    startedAt: Time('RFC 3339, UTC.'),
    endedAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null while it runs.' }),
    received: Count('Records: stored + updated + unchanged + excluded + unreadableCount, at any time.'),
    stored: Count('Records that are new.'),
    updated: Count('Records that are known and changed, or were deactivated.'),
    unchanged: Count('Records that are known and did not change.'),
    removed: Count('Values that left; beside the other counts.'),
    excluded: Count('Records that the exclusions keep out.'),
    unreadable: Type.Array(unreadableItem, {
      description: 'The first 100; `/api/v1/runs/{id}/unreadable` has all.',
    }),
    unreadableCount: Count('Records that could not be read.'),
    pages: Count('Pages read.'),
    requests: Count('Requests to the source, repeated ones too.'),
    expected: Nullable(Count('Records.'), {
      description: 'Records that the source announced; null where it does not say.',
    }),
    error: Nullable(runError, { description: 'null when nothing failed; else the first failure.' }),
    errors: Type.Optional(Type.Array(runError, { description: 'Only where several endpoints failed.' })),
  },
  { $id: 'Run', title: 'Run', description: 'A fetch and its receipt.' },
)

export const runExample = {
  id: '0f7b6f5e-6f0c-4c1e-9a54-6a6f9a6a3b10',
  source: 'tc',
  status: 'succeeded',
  startedAt: '2026-03-10T12:00:00.000Z',
  endedAt: '2026-03-10T12:00:07.412Z',
  received: 1000,
  stored: 990,
  updated: 0,
  unchanged: 0,
  removed: 0,
  excluded: 4,
  unreadable: [{ remoteId: '98590287', reason: 'not an IPv4 address of four decimal numbers: "1.2.3"' }],
  unreadableCount: 6,
  pages: 1,
  requests: 1,
  expected: 1000,
  error: null,
}
