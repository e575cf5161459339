/** The recipes: every address that one names is followed as the product would, with a key that reads this feed alone. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { consumers, type Recipe } from '../../src/feeds/recipes.ts'
import type { App } from '../../src/http/app.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { configOf, sourceEntry, storedApp } from '../app.ts'

t.setTimeout(300_000)

const base = 'https://feeds.example.org'
const feeds = [
  { name: 'everything', maxTlp: 'red' },
  { name: 'block.ip', types: ['ipv4', 'ipv6', 'cidr'] },
  { name: 'names', types: ['domain', 'email'] },
  { name: 'samples', types: ['file', 'mutex'] },
]
const secretOf = (name: string) => `recipe-key-of-${name}-0123456789-0123456789`
const secretHash = (name: string) => `sha256:${createHash('sha256').update(secretOf(name)).digest('hex')}`
const keyOf = (id: string, ...scopes: readonly string[]) => ({ id, secretHash: secretHash(id), scopes })
const bearer = (id: string) => ({ authorization: `Bearer ${secretOf(id)}` })

async function world(t: Test, server: object): Promise<App> {
  const simulator = await startThreatConnectSimulator({ corpus: { size: 300, seed: 11 } })
  t.teardown(() => simulator.close())
  const { app, schedule } = await storedApp(t, {
    server,
    auth: {
      keys: [
        ...feeds.map(({ name }) => keyOf(name, `feeds:read:${name}`)),
        keyOf('reader', 'indicators:read', 'feeds:read'),
        keyOf('pusher', 'push:*', 'feeds:read', 'sources:run'),
      ],
    },
    sources: [{ every: 'off', ...sourceEntry(simulator.url) }],
    feeds,
    exporters: [
      {
        kind: 'secureworks',
        settings: { baseUrl: 'http://127.0.0.1:9', clientId: 'c', clientSecret: 's', tenantId: '1' },
      },
    ],
  })
  await schedule.start()
  const url = '/api/v1/sources/tc/fetch?wait=60'
  const run = await app.inject({ method: 'POST', url, headers: bearer('pusher') })
  t.equal(run.json().status, 'succeeded')
  return app
}

async function recipeOf(app: App, feed: string, consumer: string): Promise<Recipe> {
  const url = `/api/v1/feeds/${feed}/recipes/${consumer}`
  return (await app.inject({ url, headers: bearer(feed) })).json()
}

/** How the product shows the key, after the recipe's own settings. */
function credentials({ settings }: Recipe, feed: string): Record<string, string> {
  const typed = Object.entries(settings)
  const value = (name: RegExp) => typed.find(([label]) => name.test(label))?.[1] ?? ''
  const filled = (text: string) => text.replace('<API key>', secretOf(feed)).replace('<key id>', feed)
  const header =
    /^_header:(.*)/.exec(value(/^Username \/ API Key$/))?.[1] ??
    /^(X-API-Key): </.exec(value(/headers/))?.[1] ??
    (value(/^auth_token_name$|^Header Auth: Name$/) || undefined)
  if (header !== undefined) return { [header]: secretOf(feed) }
  const pair = `${filled(value(/username$/i))}:${filled(value(/password$/i))}`
  t.equal(pair, `${feed}:${secretOf(feed)}`, 'user and password are told')
  return { authorization: `Basic ${Buffer.from(pair).toString('base64')}` }
}

/** Everything in the recipe that is an address of this server, as a path. */
function pathsIn(recipe: Recipe): string[] {
  const text = [...recipe.steps, ...Object.values(recipe.settings), ...recipe.snippets.map((one) => one.text)]
  const found = text.flatMap((piece) =>
    [
      ...piece.matchAll(/(?:https:\/\/feeds\.example\.org|(?<=^|[\s(]))\/(?:feeds|taxii2|api)\/[^\s"'`|]*/g),
    ].map(([address]) => address.replace(base, '').replace(/[,.;:)]+$/, '')),
  )
  return [...new Set(found)]
}

/** Nothing changes in it. */
let made: Promise<App> | undefined
function shared(): Promise<App> {
  made ??= world(t, { publicUrl: base })
  return made
}

const taxii = 'application/taxii+json;version=2.1'

t.test('every address of every recipe answers with the key that the recipe makes', async (t) => {
  const app = await shared()
  const followed = new Set<string>()
  const follow = async (url: string, headers: Record<string, string>, what: string) => {
    const answer = await app.inject({ url, headers })
    t.equal(answer.statusCode, 200, `${what}: ${url}`)
    followed.add(url)
    return answer
  }
  for (const { name, types = [] } of feeds) {
    for (const consumer of consumers) {
      const what = `${consumer} of ${name}`
      const recipe = await recipeOf(app, name, consumer)
      const shown = credentials(recipe, name)
      const paths = pathsIn(recipe)
      t.ok(paths.length > 0 || (name === 'samples' && consumer === 'panos'), what)
      for (const path of paths) {
        if (path.startsWith('/api/v1/push/')) {
          const payload = { feed: name, dryRun: true }
          const push = await app.inject({ method: 'POST', url: path, headers: bearer('pusher'), payload })
          t.equal(push.statusCode, 200, `${what}: ${path}`)
        } else if (path === `/feeds/${name}`) {
          const manifest = await follow(`${path}/manifest.json`, shown, what)
          await follow(`${path}/hashes.csv`, shown, what)
          for (const uuid of Object.keys(manifest.json())) await follow(`${path}/${uuid}.json`, shown, what)
        } else if (path.startsWith('/taxii2/')) {
          const headers = { ...shown, accept: taxii }
          const discovery = await follow('/taxii2/', headers, what)
          const [root = ''] = discovery.json().api_roots as string[]
          t.equal(root.replace(base, ''), '/taxii2/feeds/')
          await follow('/taxii2/feeds/', headers, what)
          const { collections } = (await follow('/taxii2/feeds/collections/', headers, what)).json()
          const { 'Collection ID': sentinel, 'TAXII: Collection ID': taegis } = recipe.settings
          t.match(collections, [{ title: name }], 'the key sees this one alone')
          const id = sentinel ?? taegis ?? collections[0].id
          t.equal(id, collections[0].id)
          const objects = await follow(`/taxii2/feeds/collections/${id}/objects/?limit=10`, headers, what)
          t.ok(objects.json().objects.length > 0, what)
        } else {
          // What the recipe asks another scope for.
          const isWide = path.startsWith('/api/v1/changes') || path.startsWith('/api/v1/indicators')
          const own = path.startsWith('/api/') ? bearer(name) : shown
          const answer = await follow(path, isWide ? bearer('reader') : own, what)
          if (path.startsWith('/feeds/')) t.ok(answer.body.length > 20, `${what}: ${path} is not empty`)
          for (const more of ['limit=50000', 'collapse=networks', 'limit=131072&max_bytes=10485760']) {
            if (!JSON.stringify(recipe.steps).includes(`&${more}`)) continue
            if (more.startsWith('collapse') && !path.includes('-ip')) continue
            await follow(`${path}&${more}`, shown, what)
          }
        }
      }
      if (consumer === 'splunk') await follow(recipe.settings.test_path ?? '', shown, what)
      t.ok(recipe.steps.length > 2 && recipe.title.includes(name), what)
      t.equal(recipe.consumer, consumer)
      t.ok(!JSON.stringify(recipe).includes('undefined'), what)
      const scope = /keys create \S+ --scopes (\S+?)`/.exec(recipe.steps.join('\n'))?.[1]
      t.equal(scope, `feeds:read:${name}`, 'the least that is needed')
    }
    const lists = Object.values((await recipeOf(app, name, 'panos')).settings).filter((one) =>
      one.startsWith(base),
    )
    const kinds = types.length === 0 ? 3 : name === 'samples' ? 0 : 1
    t.equal(lists.length, kinds, `${name}: lists of the types that it has, no others`)
  }
  t.ok(followed.size > 50, `${followed.size} addresses`)
})

t.test('a recipe says what the product can not do', async (t) => {
  const app = await shared()
  const cases: readonly (readonly [feed: string, consumer: string, words: RegExp])[] = [
    ['everything', 'xsoar', /type mutex by itself, and leaves it out without a word/],
    ['everything', 'xsoar', /no paging/],
    ['names', 'xsoar', /no domain whose top level it does not know/],
    ['samples', 'panos', /this feed has none of them/],
    ['everything', 'panos', /a list holds one type only/],
    ['everything', 'panos', /where it fails to authenticate, PAN-OS stops enforcing/],
    ['everything', 'panos', /beyond the capacity of its model, 50,000/],
    ['everything', 'fortigate', /question mark asks for help/],
    ['everything', 'fortigate', /dropped from the end/],
    ['everything', 'misp', /no user and password/],
    ['block.ip', 'opencti', /can't name a collection that has a dot/],
    ['everything', 'splunk', /no paging/],
    ['everything', 'sentinel', /public authorities/],
    ['everything', 'taegis', /at most 15,000 active/],
  ]
  for (const [feed, consumer, words] of cases) {
    t.match((await recipeOf(app, feed, consumer)).steps.join('\n'), words, `${consumer} of ${feed}`)
  }
  t.notMatch((await recipeOf(app, 'block.ip', 'xsoar')).steps.join('\n'), /by itself, and leaves/)
  t.notMatch(
    (await recipeOf(app, 'everything', 'panos')).steps.join('\n'),
    /TLS proxy|nothing but this machine/,
  )
})

t.test('without a public address a recipe says who can reach it, and who needs https', async (t) => {
  const app = await world(t, {})
  for (const consumer of consumers) {
    const text = (await recipeOf(app, 'everything', consumer)).steps.join('\n')
    t.match(text, /is asked at http:\/\/localhost(:\d+)?, which nothing but this machine reaches/, consumer)
    const needs = ['panos', 'sentinel', 'taegis'].includes(consumer)
    t.equal(/put a TLS proxy before this server/.test(text), needs, consumer)
  }
  const elsewhere = {
    url: '/api/v1/feeds/everything/recipes/misp',
    headers: { ...bearer('everything'), host: 'feeds.lan:8080' },
  }
  const { settings, steps } = (await app.inject(elsewhere)).json()
  t.equal(settings.URL, 'http://feeds.lan:8080/feeds/everything', 'the address by which it was asked')
  t.notMatch(steps.join('\n'), /nothing but this machine/)
})

t.test('what is to be pasted is of its language', async (t) => {
  const app = await shared()
  const snippet = async (feed: string, consumer: string) =>
    (await recipeOf(app, feed, consumer)).snippets[0]?.text ?? ''

  const taegis = (await snippet('block.ip', 'taegis')).replaceAll('$' + '{TAEGIS_CLIENT_SECRET}', 'secret')
  const filled = taegis.replace(/<region[^>]*>/, 'charlie').replace('<tenant id>', '110013')
  const config = configOf({ ...parse(filled.replace('<client id>', 'client')), sources: [] })
  t.match(config.exporters, [{ kind: 'secureworks', name: 'secureworks' }])

  const { settings } = await recipeOf(app, 'everything', 'opencti')
  const environment = (parse(await snippet('everything', 'opencti')) as string[]).map((line) =>
    line.split(/=(.*)/s).slice(0, 2),
  )
  t.strictSame(Object.fromEntries(environment), settings)

  for (const { name } of feeds) {
    const lines = (await snippet(name, 'fortigate')).split('\n').map((line) => line.trim())
    const count = (word: string) =>
      lines.filter((line) => line === word || line.startsWith(`${word} `)).length
    t.equal(count('edit'), count('next'), name)
    t.strictSame([count('config'), count('end')], [1, 1], name)
    t.equal(count('set category'), count('set type category'), 'a URL list has its number')
    t.equal(count('set resource'), count('edit'))
  }

  const url = '/api/v1/feeds/everything/recipes/fortigate?format=markdown'
  const text = (await app.inject({ url, headers: bearer('everything') })).body
  t.match(
    text,
    /^# .*\n\n1\. [\s\S]*\| Setting \| Value \|[\s\S]*\nCommands:\n\n```\nconfig system[\s\S]*\nend\n```\n$/,
  )
})
