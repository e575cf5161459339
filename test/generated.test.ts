import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generatedFiles } from '../src/generate.ts'
import { buildOpenApi } from '../src/http/openapi.ts'
import { openApiFaults } from '../src/http/openapi-audit.ts'
import { answerTypes } from '../src/http/openapi-types.ts'
import { appWith } from './app.ts'

t.test('every generated file is what `npm run generate` writes', async (t) => {
  for (const [path, text] of await generatedFiles()) {
    t.equal(readFileSync(join(import.meta.dirname, '..', path), 'utf8'), text, path)
  }
})

t.test('every operation of the API is described with examples, in 3.1 and in 3.0', async (t) => {
  const app = await appWith({})
  t.teardown(() => app.close())
  const { v31, v30 } = buildOpenApi(app)
  for (const path of ['/api/v1/tc-get-indicators', '/api/v1/tc-get-owners', '/api/v1/sources/{name}/check']) {
    t.ok(path in (v31.paths as object), path)
  }
  t.same(openApiFaults(v31), [])
  t.same(openApiFaults(v30), [])
})

t.test('the types of answers say what the schemas say, and no schema is passed over', async (t) => {
  const typesOf = (schema: object, wanted = ['getThings']) =>
    answerTypes(
      {
        components: { schemas: { Thing: { type: 'object', properties: { id: { type: 'integer' } } } } },
        paths: {
          '/things': {
            get: {
              operationId: 'getThings',
              responses: { 200: { content: { 'application/json': { schema } } }, 400: {} },
            },
            delete: { operationId: 'deleteThings', responses: { 204: {} } },
          },
        },
      },
      wanted,
    )
      .replace(/\s+/g, ' ')
      .replace(/^.*interface Answers/, '')
  const cases: readonly (readonly [object, string])[] = [
    [{ $ref: '#/components/schemas/Thing' }, 'Thing'],
    [{ anyOf: [{ type: 'string' }, { type: 'null' }] }, 'string | null'],
    [{ type: 'string', enum: ['a', 'b'] }, '"a" | "b"'],
    [{ const: true }, 'true'],
    [{ type: 'array', items: { enum: [0, 1] } }, 'readonly (0 | 1)[]'],
    [{ type: 'object', additionalProperties: { type: 'number' } }, 'Readonly<Record<string, number>>'],
    [
      { type: 'object', patternProperties: { '^.*$': { type: 'boolean' } } },
      'Readonly<Record<string, boolean>>',
    ],
    [{ type: 'object' }, 'Readonly<Record<string, unknown>>'],
    [{}, 'unknown'],
    [
      { type: 'object', required: ['a'], properties: { a: { type: 'string' }, 'b-c': { type: 'integer' } } },
      '{ readonly a: string readonly "b-c"?: number }',
    ],
  ]
  for (const [schema, type] of cases) t.equal(typesOf(schema), ` { readonly getThings: ${type} } `)
  t.throws(() => typesOf({ type: ['string', 'null'] }), { message: 'no type for {"type":["string","null"]}' })
  for (const id of ['deleteThings', 'putThings']) {
    t.throws(() => typesOf({}, [id]), { message: `no operation ${id} answers JSON` })
  }
})
