import { Ajv } from 'ajv'
import t from 'tap'
import { configJsonSchema } from '../../src/config/json-schema.ts'
import { load, ref, registries } from './fixture.ts'
import { full, fullFiles, leaves, partWith, withValue } from './full.ts'

const schema = configJsonSchema(registries)
const accepts = new Ajv({ strict: true, strictTypes: false, strictRequired: false }).compile(schema)

interface Described {
  readonly description?: string
  readonly default?: unknown
  readonly properties?: Readonly<Record<string, Described>>
  readonly items?: Described
  readonly allOf?: readonly { readonly then: Described }[]
  readonly anyOf?: readonly Described[]
}

/** Every key with what stands there, through lists, kinds and branches. */
function keys(node: Described, path = ''): { path: string; node: Described }[] {
  return [
    ...Object.entries(node.properties ?? {}).flatMap(([key, member]) => [
      { path: `${path}.${key}`, node: member },
      ...keys(member, `${path}.${key}`),
    ]),
    ...(node.items === undefined ? [] : keys(node.items, path)),
    ...(node.allOf ?? []).flatMap(({ then }) => keys(then, path)),
    ...(node.anyOf ?? []).flatMap((branch) => keys(branch, path)),
  ]
}

t.test('editors accept what the server accepts, references in place of every value too', (t) => {
  t.ok(accepts(full), JSON.stringify(accepts.errors))
  for (const { path, value } of leaves(full)) {
    // What decides which settings there are has to be known to the editor.
    if (path.at(-1) === 'kind') continue
    if (!accepts(withValue(full, path, ref('A'))))
      t.fail(`${path.join('.')}: ${String(value)} as a reference`)
  }
  t.end()
})

t.test('what an editor refuses, the server refuses as well', (t) => {
  const wrong = [-1, 0.5, 'x', ['x'], { x: 1 }]
  const fields = new Map(
    leaves(full).map(({ path }) => [path.filter((key) => typeof key === 'string').join('.'), path]),
  )
  let refused = 0
  for (const path of fields.values()) {
    const [part, within] = partWith(path)
    t.ok(accepts(part))
    for (const value of wrong) {
      const changed = withValue(part, within, value)
      if (accepts(changed)) continue
      refused++
      const result = load(JSON.stringify(changed), { files: fullFiles })
      if (result.ok) t.fail(`${path.join('.')}: ${JSON.stringify(value)} is refused by editors only`)
    }
  }
  t.ok(refused > 300, `${refused} configurations were refused`)
  t.end()
})

t.test('every key is described, and its default is in the description', (t) => {
  const all = keys(schema)
  t.ok(all.length > 150, `${all.length} keys`)
  const silent = all.filter(({ node }) => (node.description ?? '').length < 8)
  t.strictSame(
    silent.map(({ path }) => path),
    [],
  )
  const sections = ['', 'auth', 'sources', 'feeds', 'exporters', 'bridges'].map((name) => `.${name}`)
  const unsaid = all.filter(({ node, path }) => {
    if (node.default === undefined || sections.includes(path) || path === '.auth.keys') return false
    return !/default|empty|absent/i.test(node.description ?? '')
  })
  t.strictSame(
    unsaid.map(({ path }) => path),
    [],
  )
  t.end()
})

t.test('the schema has nothing of ours in it: every word is JSON Schema', (t) => {
  t.notMatch(JSON.stringify(schema), /"(x-|~)/)
  t.equal(schema.$schema, 'http://json-schema.org/draft-07/schema#')
  t.end()
})
