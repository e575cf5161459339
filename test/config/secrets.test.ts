import t from 'tap'
import { parse } from 'yaml'
import { printConfig } from '../../src/config/print.ts'
import { configSchema } from '../../src/config/schema.ts'
import { type SchemaView, viewOf } from '../../src/config/schema-types.ts'
import { load, loaded, problems, ref, registries } from './fixture.ts'
import { full, fullFiles, leaves, partWith, withValue } from './full.ts'

const canary = 'canary-4711'
const given = { env: { CANARY: canary }, files: { ...fullFiles, '/etc/feeds/canary': `${canary}\n` } }
const json = (value: unknown) => JSON.stringify(value, null, 1)

/** Keys of the schema as `section.key`, through lists, kinds and branches. */
function schemaKeys(schema: SchemaView, path = ''): { path: string; secret: boolean }[] {
  const within = [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, member]) =>
      schemaKeys(member, `${path}.${key}`),
    ),
    ...Object.values(schema.patternProperties ?? {}).flatMap((member) => schemaKeys(member, `${path}.*`)),
    ...Object.entries(schema['x-kinds'] ?? {}).flatMap(([kind, member]) =>
      schemaKeys(member, `${path}<${kind}>`),
    ),
    ...(schema.items === undefined ? [] : schemaKeys(schema.items, path)),
    ...(schema['x-list'] ? [] : (schema.anyOf ?? []).flatMap((branch) => schemaKeys(branch, path))),
  ]
  if (schema.type === 'null') return []
  return within.length > 0 ? within : [{ path, secret: schema['x-secret'] === true }]
}

/** The same of a value: lists left out, own keys of a map as `*`. */
function valueKeys(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => valueKeys(item, path))
  if (typeof value !== 'object' || value === null) return [path]
  const kind = (value as { kind?: unknown }).kind
  const own = /\.(closeMap|closeCodes|fieldPolicy|headers)$/.test(path)
  return Object.entries(value).flatMap(([key, member]) =>
    valueKeys(member, `${path}.${own ? '*' : key}${key === 'settings' ? `<${kind}>` : ''}`),
  )
}

const secretKeys = new Set(
  schemaKeys(viewOf(configSchema(registries)))
    .filter(({ secret }) => secret)
    .map(({ path }) => path),
)
/** Every leaf of `full` whose schema is marked. */
const secretLeaves = leaves(full).filter(({ path }) =>
  valueKeys(withValue(full, path, { [canary]: 1 })).some(
    (key) => secretKeys.has(key.replace(`.${canary}`, '')) && key.endsWith(canary),
  ),
)

t.test('the full example has every key of the schema, so that what follows is tried at each', (t) => {
  const wanted = schemaKeys(viewOf(configSchema(registries))).map(({ path }) =>
    path.replace(/\.byType\.(?!ipv4|default).*/, '.byType.ipv4'),
  )
  const has = new Set(valueKeys(full).map((path) => path.replace(/(\.templates\.\w+)\..*/, '$1')))
  t.strictSame(
    [...new Set(wanted)].filter((path) => !has.has(path)),
    [],
  )
  t.strictSame(problems(json(full), given), [])
  t.equal(secretKeys.size, 11)
  t.end()
})

t.test('every secret is redacted in what is printed, and known to the log', (t) => {
  t.ok(secretLeaves.length >= secretKeys.size)
  const { config, effective, ...rest } = loaded(json(full), given)
  const printed = printConfig({ config, effective, ...rest })
  for (const { path, value } of secretLeaves) {
    t.notOk(printed.includes(String(value)), `${path.join('.')} is not printed`)
    t.ok(config.secrets.includes(String(value)), `${path.join('.')} is known to the log`)
  }
  for (const password of ['pass-of-proxy', 'pass%20of-store', 'pass of-store']) {
    // Not named whole: what tests print is searched for secrets as well.
    t.notOk(printed.includes(password), `${password.slice(0, 5)}… is not printed`)
    t.ok(config.secrets.includes(password), `${password.slice(0, 5)}… is known to the log`)
  }
  t.match(parse(printed), {
    store: { url: 'postgres://user:[redacted]@db.example.org:5432/feeds?sslmode=require' },
    sources: [
      {
        proxy: 'http://user:[redacted]@proxy.example.org:3128',
        settings: { secretKey: '[redacted]', accessId: '123' },
      },
    ],
  })
  t.end()
})

t.test('a secret from the environment or a file is redacted as well', (t) => {
  for (const reference of [ref('CANARY'), `x${ref('CANARY')}`, ref('file:canary')]) {
    for (const { path } of secretLeaves) {
      const text = json(withValue(full, path, path.at(-1) === 'url' ? `https://x/${reference}` : reference))
      const result = loaded(text, given)
      if (printConfig(result).includes(canary)) t.fail(`${path.join('.')} is printed`)
      if (!result.config.secrets.some((secret) => secret.includes(canary)))
        t.fail(`${path.join('.')} is not known to the log`)
    }
  }
  t.pass()
  t.end()
})

t.test('no message shows what came from outside the file, whatever field it went into', (t) => {
  // A name is public by what it is: it stands in addresses, metrics and logs.
  const fields = new Map(
    leaves(full).map(({ path }) => [path.filter((key) => typeof key === 'string').join('.'), path]),
  )
  let refused = 0
  for (const [name, path] of fields) {
    if (/\.(name|id)$/.test(name)) continue
    const [part, within] = partWith(path)
    for (const reference of [ref('CANARY'), `http://u:${ref('file:canary')}@x y`]) {
      const result = load(json(withValue(part, within, reference)), given)
      if (result.ok) continue
      refused++
      if (json(result.errors).includes(canary)) t.fail(`${path.join('.')}: ${json(result.errors)}`)
    }
  }
  t.ok(refused > 150, `${refused} configurations were refused`)
  t.end()
})

t.test('no message shows a secret of the wrong shape', (t) => {
  for (const { path } of secretLeaves) {
    const [part, within] = partWith(path)
    for (const value of [[canary], { [canary]: canary }, 47_114_711, true, `${canary} :`, '']) {
      const result = load(json(withValue(part, within, value)), given)
      const shown = result.ok ? '' : json(result.errors.map(({ message }) => message))
      if (/canary|4711/.test(shown)) t.fail(`${path.join('.')}: ${shown}`)
    }
  }
  t.pass()
  t.end()
})

t.test('what is printed loads again to the same configuration, once its secrets are filled in', (t) => {
  const first = loaded(json(full), given)
  const printed = printConfig(first)
  const known = secretLeaves.map(({ path, value }) => [path, value] as const)
  const filled = known.reduce(
    (value, [path, secret]) => withValue(value, path, secret),
    parse(printed) as unknown,
  )
  const text = json(filled)
    .replaceAll('[redacted]@proxy', 'pass-of-proxy@proxy')
    .replace('[redacted]@db', 'pass%20of-store@db')
  const second = loaded(text, given)
  t.strictSame(second.config, first.config)
  t.equal(printConfig(second), printed)
  t.end()
})

t.test('short secrets are no reason to take words out of the log', (t) => {
  const { config } = loaded(
    'auth: { keys: [{ id: a, secret: abcde, scopes: admin }, { id: b, secret: abcdef, scopes: admin }] }',
  )
  t.strictSame(config.secrets, ['abcdef'])
  t.end()
})

t.test("the passwords of the environment's own proxies are known to the log", (t) => {
  const env = { HTTPS_PROXY: 'http://u:password-1@p:1', http_proxy: 'u:password-2@p:1' }
  t.strictSame(loaded('{}', { env }).config.secrets, ['password-1', 'password-2'])
  t.end()
})
