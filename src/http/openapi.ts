/** The description of every route, made from the routes themselves. */
import swagger from '@fastify/swagger'
import { stringify } from 'yaml'
import type { App } from './app.ts'
import { isJson, type Json } from './json.ts'
import { toOpenApi30 } from './openapi-30.ts'

export interface OpenApi {
  /** OpenAPI 3.1: the one that is written. */
  readonly v31: Json
  /** OpenAPI 3.0, made from it. */
  readonly v30: Json
  /** `v31` as YAML: the same bytes for the same routes. */
  readonly yaml: string
}

export interface OpenApiOptions {
  readonly version: string
  readonly publicUrl?: string
}

/** The tags of the routes, in the order in which Swagger UI shows them. */
export const tags = {
  ThreatConnect: 'The commands of the ThreatConnect feed of Cortex XSOAR: live, nothing stored.',
  Indicators: 'Indicators of all sources, merged.',
  Feeds: 'Lists for firewalls, SOARs and other readers.',
  Sources: 'Where indicators come from, and the fetching of them.',
  Exports: 'What is sent to detection products.',
  Tickets: 'Tickets that become incidents, and back.',
  Server: 'Health, metrics, and this description.',
} as const

const description = [
  'Reads threat indicators from ThreatConnect, makes them one model, and serves them to SOARs, firewalls and ' +
    'detection products.',
  'Send an API key as `Authorization: Bearer KEY` or as `X-API-Key: KEY`. Lists are comma-separated, repeated, or ' +
    'both; where a value has a comma itself, a JSON array: `owner=["Threats, Inc."]`. Times are RFC 3339 in UTC.',
  'Every error is `application/problem+json`: its `code` is for programs, its `detail` says what to do, and its ' +
    '`requestId` finds it in the log.',
].join('\n\n')

/** Prepares the description; to be called before any route is added. */
export async function describeRoutes(app: App, { version, publicUrl }: OpenApiOptions): Promise<void> {
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'indicator-feed-server',
        version,
        description,
        // The types of the plugin know licenses of OpenAPI 3.0 only.
        license: { name: 'MIT', ...{ identifier: 'MIT' } },
      },
      servers: [
        {
          url: publicUrl ?? '/',
          description: publicUrl === undefined ? 'This server' : 'The public address',
        },
      ],
      tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
      security: [{ BearerAuth: [] }, { ApiKeyAuth: [] }],
      components: {
        securitySchemes: {
          BearerAuth: { type: 'http', scheme: 'bearer' },
          // Without a description: importers put it in front of the key.
          ApiKeyAuth: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
    },
    refResolver: {
      buildLocalReference: (json, _baseUri, _fragment, index) =>
        typeof json.$id === 'string' ? json.$id : `schema-${index}`,
    },
  })
}

function operationsOf(document: Json): Record<string, unknown>[] {
  return Object.values(document.paths as Json).flatMap((path) => Object.values(path as Json)) as Record<
    string,
    unknown
  >[]
}

/** The plugin calls every body required; here one is where a member of it is. */
function relaxBodies(document: Json): void {
  for (const { requestBody } of operationsOf(document)) {
    if (!isJson(requestBody)) continue
    const schemas = Object.values(requestBody.content as Json).map((media) => (media as Json).schema)
    const needed = schemas.some((schema) => {
      return (
        !isJson(schema) || '$ref' in schema || (Array.isArray(schema.required) && schema.required.length > 0)
      )
    })
    Object.assign(requestBody, { required: needed })
  }
}

const marks: ReadonlySet<string> = new Set(['x-takes', 'x-unchecked', 'x-list'])

/** A copy in the usual order, without the marks that are for our own reader. */
function copied(document: Json): Json {
  const { openapi, info, servers, tags, security, paths, components, ...rest } = document
  const ordered = { openapi, info, servers, tags, security, paths, components, ...rest }
  return JSON.parse(JSON.stringify(ordered, (name, value) => (marks.has(name) ? undefined : value)))
}

/** Both documents; the app must be ready. */
export function buildOpenApi(app: App): OpenApi {
  const v31 = copied(app.swagger() as unknown as Json)
  relaxBodies(v31)
  return {
    v31,
    v30: toOpenApi30(v31),
    yaml: stringify(v31, { lineWidth: 110, aliasDuplicateObjects: false }),
  }
}
