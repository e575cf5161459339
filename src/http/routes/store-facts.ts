/** `/api/v1/store`: what the store is and how much is in it. */
import Type from 'typebox'
import type { FactsStore } from '../../store/facts.ts'
import type { RoutePlugin } from '../app.ts'
import { answer, Enum, problems } from '../schema.ts'

export interface StoreFactsRouteOptions {
  readonly store: FactsStore
  readonly kind: 'embedded' | 'postgres'
}

const count = Type.Integer({ minimum: 0 })

const Answer = Type.Object({
  kind: Enum(['embedded', 'postgres']),
  postgresql: Type.String({ description: 'Version of PostgreSQL.' }),
  schemaVersion: Type.Integer({ minimum: 0, description: 'Migrations that the store has.' }),
  newestSchemaVersion: Type.Integer({ minimum: 0, description: 'Migrations that this program knows.' }),
  bytes: Type.Integer({ minimum: 0, description: 'Size of the whole database.' }),
  tables: Type.Array(
    Type.Object({
      name: Type.String(),
      bytes: Type.Integer({ minimum: 0, description: 'With indexes.' }),
      rowsAbout: { ...count, description: "As PostgreSQL's statistics have it." },
    }),
    { description: 'Biggest first.' },
  ),
})

export function storeFactsRoute({ store, kind }: StoreFactsRouteOptions): RoutePlugin {
  return (app) => {
    app.route({
      method: 'GET',
      url: '/api/v1/store',
      config: { scope: 'admin' },
      schema: {
        operationId: 'getStore',
        summary: 'What the store is and how big',
        description: 'Kind and version of the database, version of the schema, and the size of every table.',
        tags: ['Server'],
        response: {
          200: answer('The store.', Answer, {
            kind: 'embedded',
            postgresql: '18.4',
            schemaVersion: 7,
            newestSchemaVersion: 7,
            bytes: 48_234_496,
            tables: [{ name: 'observation', bytes: 20_971_520, rowsAbout: 12_000 }],
          }),
          ...problems(400, 401, 403, 429, 500, 503),
        },
      },
      handler: async () => ({ kind, ...(await store.storeFacts()) }),
    })
  }
}
