/** The API keys, and who used them last. */
import Type from 'typebox'
import type { OperationsStore } from '../../store/operations-store.ts'
import type { RoutePlugin } from '../app.ts'
import type { ApiKey } from '../auth.ts'
import { answer, Nullable, problems } from '../schema.ts'

export interface KeyRoutesOptions {
  /** As configured now, in that order. */
  keys(): readonly ApiKey[]
  readonly store: Pick<OperationsStore, 'keyUses'>
}

const keySchema = Type.Object({
  id: Type.String(),
  scopes: Type.Array(Type.String()),
  secrets: Type.Integer({
    minimum: 1,
    description: 'Secrets that are good: two while one replaces the other.',
  }),
  lastUsedAt: Nullable(Type.String({ format: 'date-time' }), { description: 'null: never.' }),
  lastAddress: Nullable(Type.String(), {
    description: 'Address that it was last used from; null: never used.',
  }),
  requests: Type.Integer({ minimum: 0, description: 'All so far.' }),
})

export function keyRoutes({ keys, store }: KeyRoutesOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/keys',
      config: { scope: 'admin' },
      schema: {
        operationId: 'listKeys',
        summary: 'The API keys, and their last use',
        description: 'Never a secret, nor a digest of one. Uses are written once a minute.',
        tags: ['Server'],
        response: {
          200: answer(
            'The keys, in the order of the configuration.',
            Type.Object({ data: Type.Array(keySchema) }),
            {
              data: [
                {
                  id: 'soar',
                  scopes: ['indicators:read', 'push:*'],
                  secrets: 1,
                  lastUsedAt: '2026-03-10T12:00:00.123Z',
                  lastAddress: '192.0.2.7',
                  requests: 1203,
                },
              ],
            },
          ),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async () => {
        const uses = new Map((await store.keyUses()).map((use) => [use.key, use]))
        const data = keys().map(({ id, scopes, digests }) => {
          const use = uses.get(id)
          return {
            id,
            scopes,
            secrets: digests.length,
            lastUsedAt: use?.lastAt ?? null,
            lastAddress: use?.address ?? null,
            requests: use?.requests ?? 0,
          }
        })
        return { data }
      },
    })
  }
}
