/** The description of the API: valid, loadable by importers, and served as it should be. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import Type from 'typebox'
import { parse } from 'yaml'
import { errorTable } from '../../src/errors.ts'
import type { App, RoutePlugin } from '../../src/http/app.ts'
import type { Json } from '../../src/http/json.ts'
import { buildOpenApi, tags } from '../../src/http/openapi.ts'
import { schema30, toOpenApi30 } from '../../src/http/openapi-30.ts'
import { openApiFaults } from '../../src/http/openapi-audit.ts'
import { isFresh, prebuilt } from '../../src/http/prebuilt.ts'
import { answer, Enum, Nullable, problemAnswer, problems, Ref } from '../../src/http/schema.ts'
import { createServer, type ServerOptions } from '../../src/http/server.ts'

const Thing = Type.Object(
  {
    id: Type.String({ examples: ['7'] }),
    kind: Enum(['small', 'large']),
    note: Nullable(Type.String()),
    parent: Nullable(Type.Object({ id: Type.String() })),
    raw: Type.Unknown(),
  },
  { $id: 'Thing', description: 'A thing.' },
)
const thing = { id: '7', kind: 'small', note: null, parent: null, raw: { any: [true] } }

const Query = Type.Object({
  limit: Type.Optional(
    Type.Integer({ minimum: 0, maximum: 100, default: 50, description: 'At most so many.', examples: [10] }),
  ),
  kinds: Type.Optional(
    Type.Array(Enum(['small', 'large']), { description: 'Comma-separated.', examples: [['small', 'large']] }),
  ),
})

const Body = Type.Object(
  { things: Type.Array(Type.String({ 'x-takes': 'the id of a thing' }), { minItems: 1 }) },
  { examples: [{ things: ['7'] }] },
)

const things: RoutePlugin = (app) => {
  const id = Type.String({ description: 'The id of a thing.', examples: ['7'] })
  app.get(
    '/api/v1/things/:id',
    {
      config: { scope: 'indicators:read' },
      schema: {
        operationId: 'getThing',
        summary: 'Get one thing',
        tags: ['Indicators'],
        params: Type.Object({ id }),
        querystring: Query,
        response: { 200: answer('The thing.', Ref(Thing), thing), ...problems(...allStatuses) },
      },
    },
    () => thing,
  )
  for (const [path, name, body] of [
    ['/api/v1/things', 'sendThings', Body],
    ['/api/v1/things/search', 'searchThings', Type.Object(Query.properties, { examples: [{ limit: 5 }] })],
  ] as const) {
    app.post(
      path,
      {
        config: { scope: 'sources:run', audit: false },
        schema: {
          operationId: name,
          summary: `Post: ${name}`,
          tags: ['Indicators'],
          body,
          response: {
            202: answer('Taken.', Type.Array(Ref(Thing)), [thing]),
            ...problems(400, 401, 403),
          },
        },
      },
      () => [thing],
    )
  }
}

const allStatuses = [400, 401, 403, 404, 415, 422, 429, 500, 502, 503, 504]

async function start(t: Test, options: Partial<ServerOptions> = {}): Promise<App> {
  const app = await createServer({
    keys: [],
    trustProxy: false,
    requestsPerMinute: 0,
    logger: 'silent',
    version: '1.2.3',
    schemas: [Thing],
    routes: [things],
    isReady: async () => ({ ok: true, reasons: [] }),
    ...options,
  })
  t.teardown(() => app.close())
  await app.ready()
  return app
}

/** `#/a/b` of a document. */
function at(document: Json, ...path: string[]): unknown {
  return path.reduce<unknown>((value, name) => (value as Json | undefined)?.[name], document)
}

interface Lint {
  readonly totals: { readonly errors: number }
  readonly problems: readonly object[]
}

/** Redocly's recommended rules: what it says of each file, in the order of the files. */
async function lint(files: readonly string[], folder: string): Promise<Lint[]> {
  const cli = join(import.meta.dirname, '../../node_modules/@redocly/cli/bin/cli.js')
  const env = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' }
  const args = [cli, 'lint', ...files, '--extends=recommended', '--format=json']
  const output = await new Promise<string>((resolve) => {
    // Its exit code is 1 where it found errors: what it says is looked at instead.
    execFile(process.execPath, args, { cwd: folder, env, maxBuffer: 32 * 1024 * 1024 }, (_error, stdout) =>
      resolve(stdout),
    )
  })
  return output.split(/(?<=\n\})\s*(?=\{)/).map((report): Lint => JSON.parse(report))
}

t.test('both documents are valid by the rules of a linter, and by our own', async (t) => {
  const app = await start(t)
  const { v31, v30, yaml } = buildOpenApi(app)
  t.same(openApiFaults(v31), [])
  t.same(openApiFaults(v30), [])
  t.equal(v31.openapi, '3.1.0')
  t.equal(v30.openapi, '3.0.3')
  t.same(parse(yaml), v31, 'the YAML is the same document')

  const folder = mkdtempSync(join(tmpdir(), 'openapi-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const broken = { ...v31, servers: undefined, paths: { '/x': { get: {} } } }
  const files = Object.entries({ v31, v30, broken }).map(([name, document]) => {
    const file = join(folder, `${name}.json`)
    writeFileSync(file, JSON.stringify(document))
    return file
  })
  const [first, second, third] = await lint(files, folder)
  t.same(first?.problems, [], '3.1')
  t.same(second?.problems, [], '3.0')
  t.ok(third !== undefined && third.totals.errors > 0, 'the linter does find errors')
})

t.test('the same routes give the same bytes', async (t) => {
  const [one, two] = [await start(t), await start(t)]
  t.equal(buildOpenApi(one).yaml, buildOpenApi(two).yaml)
  t.equal(JSON.stringify(buildOpenApi(one).v30), JSON.stringify(buildOpenApi(one).v30))
})

t.test('the document says what importers and people look for', async (t) => {
  const { v31, v30 } = buildOpenApi(await start(t, { publicUrl: 'https://feeds.example.org' }))
  for (const [document, license] of [
    [v31, { name: 'MIT', identifier: 'MIT' }],
    [v30, { name: 'MIT', url: 'https://spdx.org/licenses/MIT.html' }],
  ] as const) {
    t.same(at(document, 'info', 'license'), license)
    t.equal(at(document, 'info', 'version'), '1.2.3')
    t.match(document.servers, [{ url: 'https://feeds.example.org' }])
    t.same(document.security, [{ BearerAuth: [] }, { ApiKeyAuth: [] }])
    t.same(at(document, 'components', 'securitySchemes'), {
      BearerAuth: { type: 'http', scheme: 'bearer' },
      ApiKeyAuth: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
    })
    t.same(Object.keys(at(document, 'components', 'schemas') as Json), ['Problem', 'Thing'], 'named by $id')
    t.match(
      (document.tags as Json[]).map(({ name }) => name),
      Object.keys(tags),
    )
    const paths = document.paths as Json
    t.same(Object.keys(paths).sort(), [
      '/api/v1/things',
      '/api/v1/things/search',
      '/api/v1/things/{id}',
      '/api/v1/whoami',
      '/livez',
      '/openapi-3.0.json',
      '/openapi.json',
      '/readyz',
    ])
    for (const [path, open] of [
      ['/livez', true],
      ['/readyz', true],
      ['/openapi.json', true],
      ['/api/v1/whoami', false],
      ['/api/v1/things/{id}', false],
    ] as const) {
      const security = at(document, 'paths', path, 'get', 'security')
      t.same(security, open ? [] : undefined, `${path}: the key that it needs`)
    }
    t.same(Object.keys(paths['/livez'] as Json), ['get'], 'neither HEAD nor the refused methods')
    const get = at(document, 'paths', '/api/v1/things/{id}', 'get') as { parameters: Json[] }
    t.match(get.parameters, [
      { name: 'limit', in: 'query', required: false, example: 10 },
      {
        name: 'kinds',
        in: 'query',
        example: ['small', 'large'],
        schema: { items: { enum: ['small', 'large'] } },
      },
      { name: 'id', in: 'path', required: true, example: '7' },
    ])
    const body = (path: string) => at(document, 'paths', path, 'post', 'requestBody') as Json
    t.equal(body('/api/v1/things').required, true, 'a body with a member that is needed')
    t.equal(body('/api/v1/things/search').required, false, 'a body that may be left out')
    t.match(at(body('/api/v1/things'), 'content', 'application/json'), {
      example: { things: ['7'] },
      schema: { additionalProperties: false },
    })
    t.notMatch(JSON.stringify(document), /x-takes/)
  }
  t.match(buildOpenApi(await start(t)).v31.servers, [{ url: '/' }])
})

t.test('every documented error is an example of the error that it stands for', async (t) => {
  const documented = problems(...allStatuses)
  for (const [status, { content, description }] of Object.entries(documented)) {
    const { example, schema } = content['application/problem+json'] as { example: Json; schema: Json }
    const row = errorTable[example.code as keyof typeof errorTable]
    t.match(example, { status: Number(status), title: row.title, detail: /\S/ }, description)
    t.equal(row.status, Number(status))
    t.equal(schema.$ref, 'Problem#')
  }
  t.throws(() => problems(418), /418 is not documented/)
  t.match(problemAnswer({ description: 'Busy.', code: 'NOT_READY', detail: 'x' }).content, {
    'application/problem+json': { example: { code: 'NOT_READY', status: 503 } },
  })
  t.throws(() => Ref(Type.Object({})), /\$id/)
})

t.test('the documents and Swagger UI are served without a key, and cheaply the second time', async (t) => {
  const app = await start(t)
  const { v31, v30 } = buildOpenApi(app)
  for (const [url, document] of [
    ['/openapi.json', v31],
    ['/openapi-3.0.json', v30],
  ] as const) {
    const first = await app.inject(url)
    t.equal(first.statusCode, 200, url)
    t.same(first.json(), JSON.parse(JSON.stringify(document)), url)
    const etag = String(first.headers.etag)
    t.match(etag, /^"[\w-]{27}"$/, 'a strong ETag')
    for (const given of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await app.inject({ url, headers: { 'if-none-match': given } })
      t.same([again.statusCode, again.body, again.headers.etag], [304, '', etag], given)
    }
    t.equal((await app.inject({ url, headers: { 'if-none-match': '"other"' } })).statusCode, 200)
    const head = await app.inject({ method: 'HEAD', url })
    t.same([head.statusCode, head.body, head.headers.etag], [200, '', etag])
  }
  t.notOk(isFresh(undefined, '"x"'))
  t.not(prebuilt('a', 'text/plain').etag, prebuilt('b', 'text/plain').etag)

  const page = await app.inject('/docs')
  t.match(page, { statusCode: 200, headers: { 'content-type': /^text\/html/ } })
  t.notMatch(
    page.body,
    /<script>|<script(?![^>]*src=)|\son\w+=|style=|https?:\/\//,
    'nothing inline, nothing from elsewhere',
  )
  const linked = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, url]) => url ?? '')
  t.ok(linked.length >= 6, 'scripts, styles and icons')
  const types = new Set<unknown>()
  for (const url of linked) {
    const { statusCode, headers } = await app.inject(url)
    types.add(String(headers['content-type']).split(';')[0])
    t.equal(statusCode, 200, url)
    t.match(
      headers['content-security-policy'],
      /script-src 'self';style-src 'self' 'sha256-[^ ;]+';img-src 'self' data:/,
      url,
    )
  }
  t.strictSame(types, new Set(['text/css', 'image/png', 'application/javascript']))
  const initializer = (await app.inject('/docs/static/swagger-initializer.js')).body
  t.match(initializer, '"urls":[{"url":"/openapi.json"')
  t.match(initializer, '"persistAuthorization":true')
  t.match(initializer, '"tryItOutEnabled":true')
})

t.test('a schema is said in OpenAPI 3.0 without letting less through', async (t) => {
  const nothing = { type: 'object', nullable: true, enum: [null] }
  const ref = { $ref: '#/components/schemas/Thing' }
  const cases: readonly (readonly [what: string, given: unknown, expected: unknown])[] = [
    ['as it is', { type: 'string', maxLength: 5 }, { type: 'string', maxLength: 5 }],
    ['anything', true, {}],
    ['nothing', false, { not: {} }],
    ['null', { type: 'null' }, nothing],
    [
      'a list of types',
      { type: ['string', 'integer'] },
      { anyOf: [{ type: 'string' }, { type: 'integer' }] },
    ],
    [
      'a type or null',
      { type: ['string', 'null'], description: 'x' },
      { type: 'string', nullable: true, description: 'x' },
    ],
    [
      'a union with null',
      { anyOf: [{ type: 'integer', minimum: 1 }, { type: 'null' }] },
      { type: 'integer', minimum: 1, nullable: true },
    ],
    [
      'an enum with null',
      { anyOf: [{ type: 'string', enum: ['a'] }, { type: 'null' }] },
      { type: 'string', enum: ['a', null], nullable: true },
    ],
    [
      'a reference or null',
      { anyOf: [ref, { type: 'null' }], description: 'x' },
      { anyOf: [ref, nothing], description: 'x' },
    ],
    [
      'several or null',
      { oneOf: [{ type: 'string' }, { type: 'integer' }, { type: 'null' }] },
      { oneOf: [{ type: 'string' }, { type: 'integer' }, nothing] },
    ],
    [
      'a union whose words clash',
      { description: 'x', anyOf: [{ type: 'string', description: 'y' }, { type: 'null' }] },
      { description: 'x', anyOf: [{ type: 'string', description: 'y' }, nothing] },
    ],
    ['a constant', { const: 5 }, { enum: [5] }],
    ['a constant null', { const: null }, { enum: [null] }],
    ['examples', { type: 'string', examples: ['a', 'b'] }, { type: 'string', example: 'a' }],
    [
      'an exclusive bound',
      { type: 'number', exclusiveMinimum: 0 },
      { type: 'number', minimum: 0, exclusiveMinimum: true },
    ],
    [
      'two bounds, the exclusive stricter',
      { exclusiveMaximum: 5, maximum: 9 },
      { maximum: 5, exclusiveMaximum: true },
    ],
    ['two bounds, the other stricter', { exclusiveMaximum: 9, maximum: 5 }, { maximum: 5 }],
    [
      'patterns of names',
      { patternProperties: { '^x': { type: ['string', 'null'] } } },
      { additionalProperties: { type: 'string', nullable: true } },
    ],
    ['a reference with words', { ...ref, description: 'x' }, { description: 'x', allOf: [ref] }],
    ['what it cannot say', { if: {}, else: {}, propertyNames: {}, type: 'object' }, { type: 'object' }],
    [
      'deep inside',
      {
        type: 'object',
        properties: { type: { type: 'array', items: { const: 1 } }, const: { not: true } },
        additionalProperties: false,
      },
      {
        type: 'object',
        properties: { type: { type: 'array', items: { enum: [1] } }, const: { not: {} } },
        additionalProperties: false,
      },
    ],
    [
      'an example is no schema',
      { type: 'object', example: { type: ['a'], const: 1 } },
      { type: 'object', example: { type: ['a'], const: 1 } },
    ],
    [
      'a default is no schema',
      { type: 'object', default: { const: 1 } },
      { type: 'object', default: { const: 1 } },
    ],
  ]
  for (const [what, given, expected] of cases) t.same(schema30(given), expected, what)

  const document = {
    openapi: '3.1.0',
    jsonSchemaDialect: 'x',
    info: { title: 'a', version: '1', summary: 's' },
    paths: {
      '/schema': {
        get: {
          responses: {
            200: {
              content: { 'application/json': { schema: { const: 1 }, example: { schema: { const: 1 } } } },
            },
          },
        },
      },
    },
    webhooks: {},
  }
  const before = JSON.stringify(document)
  t.same(toOpenApi30(document), {
    openapi: '3.0.3',
    info: { title: 'a', version: '1' },
    paths: {
      '/schema': {
        get: {
          responses: {
            200: {
              content: { 'application/json': { schema: { enum: [1] }, example: { schema: { const: 1 } } } },
            },
          },
        },
      },
    },
    components: {},
  })
  t.equal(JSON.stringify(document), before, 'the given document is not changed')
})

t.test('what importers stumble over is found, wherever it stands', async (t) => {
  const operation = (more: object = {}) => ({
    operationId: 'a',
    summary: 's',
    tags: ['x'],
    responses: { 200: { content: { 'text/plain': { schema: { type: 'string' }, example: 'x' } } } },
    ...more,
  })
  const found = (...operations: object[]) =>
    openApiFaults({ paths: Object.fromEntries(operations.map((one, index) => [`/${index}`, { get: one }])) })
  const answering = (schema: unknown, more: object = { example: 1 }) =>
    operation({ responses: { 200: { content: { 'application/json': { schema, ...more } } } } })
  const cases: readonly (readonly [what: string, operations: object[], fault: RegExp])[] = [
    ['no summary', [operation({ summary: undefined })], /GET \/0: no summary/],
    ['two of one id', [operation({ summary: 'b' }), operation()], /GET \/1: the operationId of GET \/0/],
    ['two of one summary', [operation({ operationId: 'b' }), operation()], /GET \/1: the summary of GET \/0/],
    [
      'a parameter without an example',
      [operation({ parameters: [{ name: 'p', schema: {}, description: 'd' }] })],
      /parameter p has no example/,
    ],
    [
      'a parameter without words',
      [operation({ parameters: [{ name: 'p', schema: {}, example: 1 }] })],
      /parameter p has no description/,
    ],
    ['an answer without an example', [answering({}, {})], /200 application\/json has no example/],
    ['a list of types', [answering({ items: { type: ['string'] } })], /items: "type" is a list/],
    ['a bound', [answering({ exclusiveMinimum: 1 })], /"exclusiveMinimum" is a number/],
    ['a boolean schema', [answering({ items: true })], /items: a boolean instead of a schema/],
    ['a union of enums', [answering({ anyOf: [{ enum: ['a'] }, { enum: ['b'] }] })], /one enum/],
    ['a reference into nothing', [answering({ $ref: 'Thing#' })], /"Thing#" refers to no component/],
  ]
  t.same(found(operation()), [], 'a good one')
  for (const [what, operations, fault] of cases) {
    const faults = found(...operations)
    t.equal(faults.length, 1, what)
    t.match(faults[0], fault, what)
  }
})
