import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { generatedFiles } from '../src/generate.ts'

t.test('every generated file is what `npm run generate` writes', async (t) => {
  for (const [path, text] of await generatedFiles()) {
    t.equal(readFileSync(join(import.meta.dirname, '..', path), 'utf8'), text, path)
  }
})
