/** The description of the API: two documents and Swagger UI. */
import swaggerUi from '@fastify/swagger-ui'
import Type from 'typebox'
import type { App } from '../app.ts'
import { buildOpenApi } from '../openapi.ts'
import { type Prebuilt, prebuilt, sendPrebuilt } from '../prebuilt.ts'
import { answer, hostRefused, problems } from '../schema.ts'
import { swaggerUiHeaders } from '../security-headers.ts'

const documents = [
  {
    path: '/openapi.json',
    id: 'getOpenapi',
    version: '3.1.0',
    summary: 'The description of this API as OpenAPI 3.1',
    build: (app: App) => buildOpenApi(app).v31,
  },
  {
    path: '/openapi-3.0.json',
    id: 'getOpenapi30',
    version: '3.0.3',
    summary: 'The description of this API as OpenAPI 3.0',
    build: (app: App) => buildOpenApi(app).v30,
  },
] as const

const AnyDocument = Type.Object(
  { openapi: Type.String({ description: 'The version of OpenAPI.' }) },
  { additionalProperties: true },
)

const headers = {
  ETag: {
    type: 'string',
    description: 'Strong, from the content.',
    examples: ['"q0n3hJ9x0dKJb0uPqVvJm3Zc2wE"'],
  },
} as const

/** To be registered last of all routes, on the root: it describes the others. */
export async function docsRoutes(app: App, publicUrl: string | undefined): Promise<void> {
  const built = new Map<string, Prebuilt>()
  app.addHook('onReady', async () => {
    for (const { path, build } of documents) {
      built.set(path, prebuilt(JSON.stringify(build(app)), 'application/json; charset=utf-8'))
    }
  })

  for (const { path, id, version, summary } of documents) {
    app.get(
      path,
      {
        config: { scope: 'public', anyQuery: true },
        schema: {
          operationId: id,
          summary,
          tags: ['Server'],
          response: {
            200: answer('The document.', AnyDocument, { openapi: version }, { headers }),
            304: { description: 'Not changed since the ETag of `If-None-Match`.', type: 'null' },
            ...hostRefused,
            ...problems(500),
          },
        },
      },
      (request, reply) => sendPrebuilt(request, reply, built.get(path) as Prebuilt),
    )
  }

  await app.register(async (scope) => {
    swaggerUiHeaders(scope as App, publicUrl)
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, scope: 'public', anyQuery: true }
      // The plugin's own description lacks what ours is put right in.
      if (/\/(json|yaml)$/.test(route.url))
        route.handler = (_request, reply) => reply.redirect('/openapi.json', 302)
    })
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      theme: { title: 'indicator-feed-server' },
      uiConfig: {
        urls: documents.map(({ path, version }) => ({ url: path, name: `OpenAPI ${version}` })),
        persistAuthorization: true,
        tryItOutEnabled: true,
        displayRequestDuration: true,
        docExpansion: 'list',
      },
    })
  })
}
