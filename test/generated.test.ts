import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generatedFiles } from '../src/generate.ts'
import { buildOpenApi } from '../src/http/openapi.ts'
import { openApiFaults } from '../src/http/openapi-audit.ts'
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
