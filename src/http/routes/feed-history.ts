/** The size of a feed over time. */
import Type from 'typebox'
import type { FeedLists } from '../../feeds/feed-lists.ts'
import type { FeedStore } from '../../store/feed-store.ts'
import type { RoutePlugin } from '../app.ts'
import type { Scope } from '../auth.ts'
import { problems } from '../schema.ts'
import { feedName } from './feeds-schema.ts'
import { historyAnswer, historyArguments, sinceOf } from './history-schema.ts'

export interface FeedHistoryOptions {
  readonly lists: Pick<FeedLists, 'definition'>
  readonly store: Pick<FeedStore, 'feedSizes'>
  /** Milliseconds since the epoch. */
  now(): number
}

export function feedHistoryRoute({ lists, store, now }: FeedHistoryOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/feeds/:name/history',
      config: { scope: ({ name = '' }): Scope => `feeds:read:${name}` },
      schema: {
        operationId: 'getFeedHistory',
        summary: 'The size of a feed over time',
        description:
          'By the hour, the last of each in which the list changed: until the next one it stayed so.',
        tags: ['Feeds'],
        params: Type.Object({ name: feedName }),
        querystring: historyArguments,
        response: {
          200: historyAnswer('The sizes.', '`entries`: those of the list.', {
            at: '2026-03-10T12:00:00Z',
            values: { entries: 1203 },
          }),
          ...problems(400, 401, 403, 404, 429, 500, 503),
        },
      },
      handler: async (request) => {
        const { name } = lists.definition(request.params.name)
        const sizes = await store.feedSizes(name, sinceOf(request.query, now()))
        return { data: sizes.map(({ at, entries }) => ({ at: hourOf(at), values: { entries } })) }
      },
    })
  }
}

function hourOf(at: string): string {
  return `${at.slice(0, '2026-03-10T12'.length)}:00:00Z`
}
