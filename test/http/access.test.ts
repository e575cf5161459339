/**
 * Who may do what: every route of the server, asked with every kind of key. The table is written by hand from the
 * promise (scopes of the API), not from the routes: one that is not in it fails.
 */
import t, { type Test } from 'tap'
import { collectionOf } from '../../src/taxii/resources.ts'
import { appWith } from '../app.ts'
import { serverRoutes, shapeOf } from './contract/server-routes.ts'
import { names, startWorld, type World } from './contract/world.ts'

t.setTimeout(300_000)

/** Who may: everybody, whoever has a key, or keys with one of the scopes. */
type Who = 'everybody' | 'any key' | readonly string[]

type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS'

interface Row {
  readonly route: string
  readonly who: Who
  /** What those get who may; a set where it depends on what went before. */
  readonly may: readonly number[]
  /** As it is asked; default: the route with the names and ids of what is there. */
  readonly target?: string
  readonly body?: object
}

const { source, feed, otherFeed, exporter, otherExporter, bridge } = names
const root = 'key-of-root-0000001'

/** Keys by their scopes; each has a single one, but for those whose name says otherwise. */
const keys = {
  indicators: ['indicators:read'],
  feeds: ['feeds:read'],
  shownFeed: [`feeds:read:${feed}`],
  // Names that only begin alike are other names.
  alikeFeed: ['feeds:read:everything'],
  push: ['push:*'],
  shownPush: [`push:${exporter}`],
  run: ['sources:run'],
  ticketsRead: ['tickets:read'],
  ticketsWrite: ['tickets:write'],
  metrics: ['metrics:read'],
  admin: ['admin'],
  shownBoth: [`feeds:read:${feed}`, `push:${exporter}`],
} as const satisfies Record<string, readonly string[]>
type KeyName = keyof typeof keys

function secretOf(name: string): string {
  return `tcf_${name}_0123456789abcdef`
}

const auth = {
  keys: [
    { id: 'root', secret: root, scopes: ['admin'] },
    ...Object.entries(keys).map(([id, scopes]) => ({ id, secret: secretOf(id), scopes: [...scopes] })),
    // One that is being changed: both are good.
    { id: 'turning', secret: secretOf('old'), scopes: ['indicators:read', `feeds:read:${feed}`] },
    { id: 'turning', secret: secretOf('new'), scopes: ['indicators:read', `feeds:read:${feed}`] },
  ],
}

const indicatorsRead = ['indicators:read']
const runReaders = ['indicators:read', 'sources:run']
const anyFeed = ['feeds:read', `feeds:read:${feed}`, 'feeds:read:everything']
const theFeed = ['feeds:read', `feeds:read:${feed}`]
const anyPush = ['push:*', `push:${exporter}`]
const ticketsRead = ['tickets:read']
const ticketsWrite = ['tickets:write']
const admin: readonly string[] = []

function row(route: string, who: Who, may: number | readonly number[] = 200, more: Partial<Row> = {}): Row {
  return { route, who, may: [may].flat(), ...more }
}

/** The router's own addresses; `admin` may everything and is in no list. */
const table: readonly Row[] = [
  row('GET /livez', 'everybody'),
  row('GET /readyz', 'everybody'),
  row('GET /openapi.json', 'everybody'),
  row('GET /openapi-3.0.json', 'everybody'),
  row('GET /', 'everybody'),
  row('GET /assets/:file', 'everybody', 404, { target: '/assets/none' }),
  row('GET /docs', 'everybody', [200, 302]),
  row('GET /docs/', 'everybody', [200, 302]),
  row('GET /docs/*', 'everybody', 404, { target: '/docs/none' }),
  row('GET /docs/json', 'everybody', 302),
  row('GET /docs/yaml', 'everybody', 302),
  row('GET /docs/static/index.html', 'everybody', [200, 302]),
  row('GET /docs/static/swagger-initializer.js', 'everybody'),
  row('GET /api/v1/whoami', 'any key'),
  row('GET /metrics', ['metrics:read']),

  row('GET /api/v1/tc-get-indicators', indicatorsRead, 200, { target: '/api/v1/tc-get-indicators?limit=1' }),
  row('POST /api/v1/tc-get-indicators', indicatorsRead, 200, { body: { limit: 1 } }),
  row('GET /api/v1/tc-get-owners', indicatorsRead),
  row('POST /api/v1/tc-get-owners', indicatorsRead, 200, { body: {} }),

  row('GET /api/v1/indicators', indicatorsRead, 200, { target: '/api/v1/indicators?limit=1' }),
  row('GET /api/v1/indicators/lookup', indicatorsRead, 200, {
    target: '/api/v1/indicators/lookup?value=203.0.113.7',
  }),
  row('GET /api/v1/indicators/:id', indicatorsRead),
  row('GET /api/v1/indicators/:id/why', indicatorsRead),
  row('GET /api/v1/changes', indicatorsRead, 200, { target: '/api/v1/changes?limit=1' }),

  row('GET /api/v1/sources', indicatorsRead),
  row('GET /api/v1/sources/:name', indicatorsRead),
  row('GET /api/v1/sources/:name/runs', indicatorsRead),
  row('GET /api/v1/sources/:name/history', indicatorsRead),
  row('POST /api/v1/sources/:name/check', ['sources:run']),
  row('POST /api/v1/sources/:name/fetch', ['sources:run'], 202),
  row('GET /api/v1/runs/:id', runReaders),
  row('GET /api/v1/runs/:id/unreadable', runReaders),

  row('GET /api/v1/feeds', anyFeed),
  row('GET /api/v1/feeds/:name', theFeed),
  row('GET /api/v1/feeds/:name/report', theFeed),
  row('GET /api/v1/feeds/:name/history', theFeed),
  row('GET /api/v1/feeds/:name/recipes/:consumer', theFeed),
  row('POST /api/v1/feeds/:name/release', admin),
  row('GET /feeds/:file', theFeed),
  row('GET /feeds/:name/:file', theFeed),

  row('POST /api/v1/push/:exporter', anyPush, 200, { body: { indicators: ['evil.example'], dryRun: true } }),
  row('GET /api/v1/exports', anyPush),
  row('GET /api/v1/exports/:id', anyPush),
  row('GET /api/v1/exports/:id/items', anyPush),
  row('POST /api/v1/exports/:id/replay', anyPush, 202),
  row('GET /api/v1/exporters', anyPush),
  row('GET /api/v1/exporters/:name', anyPush),
  row('GET /api/v1/exporters/:name/history', anyPush),
  row('POST /api/v1/exporters/:name/check', anyPush),
  row('POST /api/v1/exporters/:name/resume', anyPush),
  // Darktrace does not tell what it has.
  row('POST /api/v1/exporters/:name/reconcile', anyPush, 422),

  row('GET /api/v1/bridges', ticketsRead),
  row('GET /api/v1/bridges/:name', ticketsRead),
  row('GET /api/v1/bridges/:name/polls', ticketsRead),
  row('GET /api/v1/polls/:id', ticketsRead),
  row('GET /api/v1/tickets', ticketsRead),
  row('GET /api/v1/tickets/:bridge/:ticketId', ticketsRead),
  row('GET /api/v1/effects', ticketsRead),
  row('GET /api/v1/effects/:id', ticketsRead),
  row('POST /api/v1/bridges/:name/check', ticketsWrite),
  row('POST /api/v1/bridges/:name/resume', ticketsWrite),
  row('POST /api/v1/bridges/:name/install-fields', ticketsWrite),
  row('POST /api/v1/bridges/:name/poll', ticketsWrite, [202, 409]),
  row('POST /api/v1/bridges/:name/hook', ticketsWrite, 202, { body: { incidentId: 1 } }),
  row('POST /api/v1/bridges/:name/templates/preview', ticketsWrite, 422, {
    body: { template: 'close', source: '{', ticket: {} },
  }),
  row('POST /api/v1/tickets/:bridge/:ticketId/resync', ticketsWrite, 404, {
    target: `/api/v1/tickets/${bridge}/none/resync`,
  }),
  row('POST /api/v1/effects/:id/retry', ticketsWrite, 404, { target: '/api/v1/effects/none/retry' }),
  row('POST /api/v1/effects/:id/skip', ticketsWrite, 404, { target: '/api/v1/effects/none/skip' }),

  row('GET /api/v1/doctor', admin, 200, { target: '/api/v1/doctor?part=server' }),
  row('GET /api/v1/store', admin),
  row('GET /api/v1/keys', admin),
  row('GET /api/v1/audit', admin),
  row('GET /api/v1/audit/verify', admin),
  // This server was not started from a file.
  row('POST /api/v1/config/reload', admin, 422),

  ...['', '/'].flatMap((slash) => [
    row(`GET /taxii2${slash}`, anyFeed),
    ...['feeds', 'feeds-tlp1'].flatMap((apiRoot) => {
      const base = `/taxii2/${apiRoot}/collections`
      return [
        row(`GET /taxii2/${apiRoot}${slash}`, anyFeed),
        row(`GET ${base}${slash}`, anyFeed),
        row(`GET ${base}/:collection${slash}`, theFeed),
        row(`GET ${base}/:collection/manifest${slash}`, theFeed),
        row(`GET ${base}/:collection/objects${slash}`, theFeed),
        row(`GET ${base}/:collection/objects/:object${slash}`, theFeed),
        row(`GET ${base}/:collection/objects/:object/versions${slash}`, theFeed),
        // Read only, for whoever may read.
        row(`POST ${base}/:collection/objects${slash}`, theFeed, 403),
        row(`DELETE ${base}/:collection/objects/:object${slash}`, theFeed, 403),
      ]
    }),
  ]),
]

interface Ids {
  readonly indicator: string
  readonly ticket: string
  readonly shownExport: string
  readonly object: string
}

/** The route's method, and its address with the names and ids of what is there. */
function requestOf({ route, target }: Row, ids: Ids): { readonly method: Method; readonly url: string } {
  const [method = '', address = ''] = route.split(' ')
  const idsByPlace: readonly (readonly [begins: string, id: string])[] = [
    ['/api/v1/indicators/', ids.indicator],
    ['/api/v1/exports/', ids.shownExport],
    ['/api/v1/', 'latest'],
  ]
  const namesByPlace: readonly (readonly [begins: string, name: string])[] = [
    ['/api/v1/sources/', source],
    ['/api/v1/exporters/', exporter],
    ['/api/v1/bridges/', bridge],
    ['/', feed],
  ]
  const placed = (places: readonly (readonly [string, string])[]) =>
    places.find(([begins]) => address.startsWith(begins))?.[1] ?? ''
  const values: Readonly<Record<string, string>> = {
    ...{ name: placed(namesByPlace), id: placed(idsByPlace), exporter, bridge, ticketId: ids.ticket },
    ...{ consumer: 'panos', collection: collectionOf(feed).id, object: ids.object },
    file: address === '/feeds/:file' ? `${feed}.txt` : 'manifest.json',
  }
  const url = target ?? address.replaceAll(/:(\w+)/g, (_, name: string) => values[name] ?? '')
  return { method: method as Method, url }
}

type Headers = Readonly<Record<string, string>>

async function ask({ app }: World, row: Row, ids: Ids, headers: Headers, method?: Method) {
  const request = requestOf(row, ids)
  const answer = await app.inject({
    ...{ ...request, ...(method !== undefined && { method }), headers: { ...headers } },
    ...(row.body !== undefined && { payload: row.body }),
  })
  return { ...request, status: answer.statusCode, headers: answer.headers, body: answer.body }
}

function bearer(secret: string): Headers {
  return { authorization: `Bearer ${secret}` }
}

function basic(user: string, secret: string): Headers {
  return { authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` }
}

function may({ who }: Row, scopes: readonly string[]): boolean {
  return typeof who === 'string' || scopes.includes('admin') || scopes.some((scope) => who.includes(scope))
}

function isTaxii({ route }: Row): boolean {
  return route.includes(' /taxii2')
}

/** A collection that a key for other feeds may not read is not there; a key that is for no feed at all is told so. */
function refusal(row: Row, scopes: readonly string[]): number {
  const forFeeds = scopes.some((scope) => scope.startsWith('feeds:read'))
  return isTaxii(row) && forFeeds ? 404 : 403
}

async function start(t: Test): Promise<{ readonly world: World; readonly ids: Ids }> {
  const world = await startWorld(t, { auth }, root)
  const data = async (path: string) => {
    const { body } = await world.ask('GET', path)
    return (body as { data: readonly Record<string, unknown>[] }).data
  }
  const [indicator] = await data('/api/v1/indicators/lookup?value=203.0.113.7')
  const [ticket] = await data('/api/v1/tickets')
  const [shown] = await data(`/api/v1/exports?exporter=${exporter}`)
  const id = String(indicator?.id)
  const ids = {
    ...{ indicator: id, object: id, ticket: String(ticket?.ticketId) },
    ...{ shownExport: String(shown?.id) },
  }
  return { world, ids }
}

t.test('the table has every route of the server, and no other', async (t) => {
  const app = await appWith({ sources: [] })
  t.teardown(() => app.close())
  const routes = serverRoutes(app).filter((route) => !route.startsWith('HEAD '))
  t.strictSame(table.map(({ route }) => shapeOf(route)).sort(), routes.map(shapeOf).sort())
})

t.test('each route answers each key as the table has it', async (t) => {
  const { world, ids } = await start(t)
  const isOpen = ({ who }: Row) => who === 'everybody'
  const closed = table.filter((row) => !isOpen(row))

  await t.test('each scope opens what it names and nothing else', async (t) => {
    const faults: string[] = []
    for (const row of table) {
      for (const [name, scopes] of Object.entries(keys)) {
        const { status, body } = await ask(world, row, ids, bearer(secretOf(name)))
        const expected = may(row, scopes) ? row.may : [refusal(row, scopes)]
        if (!expected.includes(status)) {
          faults.push(`${row.route} with ${scopes}: ${status}, not ${expected}: ${body.slice(0, 200)}`)
        }
      }
    }
    t.strictSame(faults, [])
  })

  await t.test('who has no key of ours gets 401 and is told nothing', async (t) => {
    const faults: string[] = []
    for (const [index, row] of closed.entries()) {
      const takesBasic = /^\w+ \/(feeds|taxii2)/.test(row.route)
      for (const [what, headers] of some(strangers, index, 8)) {
        const answer = await ask(world, row, ids, headers)
        const fault = (told: string) => faults.push(`${row.route}: ${what}: ${told}`)
        if (answer.status !== 401) fault(`${answer.status}: ${answer.body.slice(0, 200)}`)
        if (/hidden|shown|evil|203\.0/.test(withoutAddress(answer))) fault(answer.body)
        const challenge = String(answer.headers['www-authenticate'])
        if (!/Bearer realm=/.test(challenge) || /Basic realm=/.test(challenge) !== takesBasic)
          fault(challenge)
      }
    }
    t.strictSame(faults, [])
  })

  await t.test('HEAD is answered as GET, to whomever', async (t) => {
    const faults: string[] = []
    for (const row of table.filter((row) => row.route.startsWith('GET '))) {
      for (const headers of [{}, bearer(secretOf('shownBoth')), bearer(secretOf('indicators'))]) {
        const get = await ask(world, row, ids, headers)
        const head = await ask(world, row, ids, headers, 'HEAD')
        if (head.status !== get.status || head.body !== '') {
          faults.push(`${row.route}: ${head.status}, not ${get.status}; ${head.body.slice(0, 100)}`)
        }
      }
    }
    t.strictSame(faults, [])
  })

  await t.test('a key is good in the ways that are promised, and in those places alone', async (t) => {
    const [list, taxii, api] = ['GET /feeds/:file', 'GET /taxii2/', 'GET /api/v1/indicators'].map(
      (route) => table.find((row) => row.route === route) as Row,
    ) as [Row, Row, Row]
    const cases: readonly (readonly [what: string, row: Row, headers: Headers, status: number])[] = [
      ...[list, taxii, api].flatMap((row) =>
        (['old', 'new'] as const).flatMap((secret) => [
          [`Bearer, ${secret}`, row, bearer(secretOf(secret)), 200] as const,
          [`X-API-Key, ${secret}`, row, { 'x-api-key': secretOf(secret) }, 200] as const,
          [`Basic, ${secret}`, row, basic('turning', secretOf(secret)), row === api ? 401 : 200] as const,
        ]),
      ),
      ['the scheme in capitals', api, { authorization: `BEARER ${secretOf('old')}` }, 200],
      ['Basic with another user', list, basic('feeds', secretOf('old')), 401],
      ['Basic without a user', list, basic('', secretOf('old')), 401],
      ['Basic of a key for another list', list, basic('alikeFeed', secretOf('alikeFeed')), 403],
      ['two keys at once', api, { ...bearer(secretOf('old')), 'x-api-key': secretOf('feeds') }, 400],
    ]
    for (const [what, row, headers, status] of cases) {
      t.equal((await ask(world, row, ids, headers)).status, status, `${row.route}: ${what}`)
    }
  })

  await t.test('no other way leads to what needs a key', async (t) => {
    const faults: string[] = []
    for (const [index, row] of closed.entries()) {
      const { method, url } = requestOf(row, ids)
      const others = (['PUT', 'PATCH', 'OPTIONS', 'HEAD', 'DELETE', 'POST', 'GET'] as const).filter(
        (other) => other !== method,
      )
      for (const other of others) {
        const { status, headers } = await ask(world, row, ids, {}, other)
        // What an address takes is told to everybody.
        if (status !== 401 && !(status === 405 && headers.allow)) faults.push(`${other} ${url}: ${status}`)
      }
      for (const target of some(disguisesOf(url), index, 6)) {
        const { statusCode } = await world.app.inject({ method, url: target })
        if (![400, 401, 404, 405].includes(statusCode)) faults.push(`${method} ${target}: ${statusCode}`)
      }
      for (const headers of some(pretences, index, 2)) {
        const { status } = await ask(world, row, ids, headers)
        if (status !== 401) faults.push(`${row.route}: ${JSON.stringify(headers)}: ${status}`)
      }
    }
    t.strictSame(faults, [])
  })

  await t.test('of what a key may not see, no answer tells that it is there', async (t) => {
    const limited = ['shownFeed', 'shownPush', 'shownBoth'] satisfies KeyName[]
    const faults: string[] = []
    for (const row of table) {
      if (row.route.startsWith('GET /openapi') || row.route.startsWith('GET /docs')) continue
      for (const name of limited) {
        const { headers, body } = await ask(world, row, ids, bearer(secretOf(name)))
        const told = `${JSON.stringify(headers)}${body}`
        if (/hidden|secret\.example|triage/.test(told))
          faults.push(`${row.route} with ${name}: ${told.slice(0, 500)}`)
      }
    }
    t.strictSame(faults, [])

    const hidden = collectionOf(otherFeed).id
    const absent = '5d1c1f0c-2b1a-4d6a-9a57-0d6c1f0c2b1a'
    /** What is there and hidden, what is not there at all, and how each is asked for. */
    const pairs: readonly (readonly [
      name: string,
      none: string,
      addresses: readonly string[],
      body?: object,
    ])[] = [
      [
        ...([otherFeed, 'absent-list'] as const),
        [
          ...['GET /api/v1/feeds/@', 'GET /api/v1/feeds/@/report', 'GET /api/v1/feeds/@/history'],
          ...['GET /api/v1/feeds/@/recipes/panos', 'GET /api/v1/feeds/@/recipes/none', 'GET /feeds/@/none'],
          ...['GET /feeds/@.txt', 'GET /feeds/@', 'GET /feeds/@.nonsense', 'GET /feeds/@/manifest.json'],
          ...[
            'POST /api/v1/feeds/@/release',
            'GET /taxii2/feeds/collections/@/',
            'GET /feeds/@?profile=none',
          ],
          ...['GET /taxii2/feeds/collections/@/objects/', 'POST /taxii2/feeds/collections/@/objects/'],
        ],
      ],
      [
        ...([hidden, absent] as const),
        [
          ...['', 'manifest/', 'objects/', `objects/${ids.object}/`, `objects/${ids.object}/versions/`].map(
            (rest) => `GET /taxii2/feeds/collections/@/${rest}`,
          ),
          ...[
            'POST /taxii2/feeds/collections/@/objects/',
            'DELETE /taxii2/feeds-tlp1/collections/@/objects/x/',
          ],
        ],
      ],
      [
        ...([otherExporter, 'absent-exporter'] as const),
        [
          ...['GET /api/v1/exporters/@', 'GET /api/v1/exporters/@/history', 'POST /api/v1/exporters/@/check'],
          ...['POST /api/v1/exporters/@/resume', 'POST /api/v1/exporters/@/reconcile', 'POST /api/v1/push/@'],
          ...['GET /api/v1/exports?exporter=@'],
        ],
      ],
    ]
    for (const [name, none, addresses] of pairs) {
      for (const address of addresses) {
        const [method = '', url = ''] = address.split(' ')
        const answers = await Promise.all(
          limited.flatMap((key) =>
            [name, none].map(async (one) => {
              const { statusCode, headers, body } = await world.app.inject({
                ...{ method: method as Method, url: url.replace('@', one), headers: bearer(secretOf(key)) },
              })
              const { 'x-request-id': id = '', 'content-length': _, date: __, ...others } = headers
              return {
                ...{ statusCode, headers: others },
                body: body.replaceAll(String(id), 'id').replaceAll(one, 'it'),
              }
            }),
          ),
        )
        for (let pair = 0; pair < answers.length; pair += 2) {
          t.strictSame(answers[pair], answers[pair + 1], `${address} with ${limited[pair / 2]}`)
        }
      }
    }
  })

  await t.test('a key for one list is listed that one alone', async (t) => {
    const body = async (url: string, key: KeyName) =>
      (await world.app.inject({ url, headers: bearer(secretOf(key)) })).json()
    const feeds = async (key: KeyName) =>
      (await body('/api/v1/feeds', key)).data.map(({ name }: { name: string }) => name)
    const collections = async (key: KeyName) =>
      (await body('/taxii2/feeds/collections/', key)).collections.map(({ title }: { title: string }) => title)
    const exporters = async (key: KeyName) =>
      (await body('/api/v1/exporters', key)).data.map(({ name }: { name: string }) => name)
    const exports = async (key: KeyName) => [
      ...new Set((await body('/api/v1/exports', key)).data.map((one: { exporter: string }) => one.exporter)),
    ]
    t.strictSame(await feeds('shownFeed'), [feed])
    t.strictSame(await feeds('feeds'), [feed, otherFeed, 'everything'])
    t.strictSame(await collections('shownFeed'), [feed])
    t.strictSame(await collections('admin'), [feed, otherFeed, 'everything'])
    t.strictSame(await exporters('shownPush'), [exporter])
    t.strictSame(await exporters('push'), [exporter, otherExporter, 'triage'])
    t.strictSame(await exports('shownPush'), [exporter])
    t.ok((await exports('admin')).includes(otherExporter))
  })
})

/** So many of a list, others for each index: over all routes every one has its turn; the first one always. */
function some<T>(list: readonly T[], index: number, many: number): readonly T[] {
  const [first, ...rest] = list
  const turn = Array.from(
    { length: many - 1 },
    (_, place) => rest[(index * (many - 1) + place) % rest.length],
  )
  return [first, ...turn].filter((one): one is T => one !== undefined)
}

/** The same address in other words, and with a key where none is looked for. */
function disguisesOf(url: string): readonly string[] {
  const mark = url.includes('?') ? '&' : '?'
  return [
    ...[`${url}${mark}api_key=${secretOf('admin')}`, `${url}${mark}access_token=${secretOf('admin')}`],
    ...[`${url}${mark}key=${secretOf('admin')}`, `/${url}`, `${url}/`, url.toUpperCase(), `/.${url}`],
    ...[`/x/..${url}`, `/%${url.charCodeAt(1).toString(16)}${url.slice(2)}`, `${url};a=b`, `${url}%00`],
    ...[`http://localhost${url}`, url.replaceAll('/', '%2f').replace('%2f', '/'), `/livez/..${url}`],
  ]
}

const pretences: readonly Headers[] = [
  { host: 'localhost' },
  { 'x-http-method-override': 'GET' },
  { 'x-original-url': '/livez', 'x-rewrite-url': '/livez' },
  { 'x-forwarded-for': '127.0.0.1', 'x-real-ip': '127.0.0.1', forwarded: 'for=127.0.0.1' },
  { cookie: `api_key=${secretOf('admin')}` },
  { 'proxy-authorization': `Bearer ${secretOf('admin')}` },
]

/** Who is nobody, each in a way of its own. */
const strangers: readonly (readonly [what: string, headers: Headers])[] = [
  ['no key', {}],
  ['an unknown key', bearer(secretOf('nobody'))],
  ['a key that was taken away', bearer('tcf_gone_0123456789abcdef')],
  ['a key without its last letter', bearer(secretOf('admin').slice(0, -1))],
  ['a key with a letter more', bearer(`${secretOf('admin')}x`)],
  ['a key in capitals', bearer(secretOf('admin').toUpperCase())],
  ['the id of a key', bearer('admin')],
  ['a short key', bearer('a')],
  ['a key with a colon', bearer(`admin:${secretOf('admin')}`)],
  ['a key in quotes', bearer(`"${secretOf('admin')}"`)],
  ['a key above ASCII', bearer('tcf_\u00e9_0123456789abcdef')],
  ['two words', bearer(`${secretOf('admin')} x`)],
  ['another scheme', { authorization: `Token ${secretOf('admin')}` }],
  ['the key alone', { authorization: secretOf('admin') }],
  ['Bearer alone', { authorization: 'Bearer' }],
  ['an empty X-API-Key', { 'x-api-key': '' }],
  ['an unknown X-API-Key', { 'x-api-key': 'nonsense' }],
  ['two keys in X-API-Key', { 'x-api-key': `${secretOf('admin')}, ${secretOf('feeds')}` }],
  ['Basic that is no Base64', { authorization: 'Basic !!!' }],
  ['Basic without a colon', { authorization: `Basic ${Buffer.from(secretOf('admin')).toString('base64')}` }],
  ['Basic without a password', basic('admin', '')],
  ['Basic with a wrong password', basic('admin', 'wrong')],
  ['Basic with the password of another', basic('admin', secretOf('feeds'))],
]

/** What an answer tells beside the address that it was asked for. */
function withoutAddress({ body, url }: { readonly body: string; readonly url: string }): string {
  return body.replaceAll(url.split('?')[0] ?? '', '')
}

const otherHosts = ['feeds.example.org', '203.0.113.7', 'localhost.evil.example', '127.0.0.1.evil.example']

t.test('without keys everyone here may everything, and who comes by another name nothing', async (t) => {
  const app = await appWith({ sources: [], feeds: [{ name: feed }] })
  t.teardown(() => app.close())
  const ids = { indicator: 'a', ticket: 'a', shownExport: 'a', object: 'a' }
  const faults: string[] = []
  for (const [index, row] of table.entries()) {
    const { method, url } = requestOf(row, ids)
    const here = await app.inject({ method, url, headers: { host: 'localhost' } })
    const isRefused = here.statusCode === 401 || here.statusCode === 403
    if (isRefused && !here.body.includes('COLLECTION_READ_ONLY')) faults.push(`${row.route}: ${here.body}`)
    for (const host of some(otherHosts, index, 2)) {
      const there = await app.inject({ method, url, headers: { host } })
      const isKept = there.statusCode === 403 && there.body.includes('HOST_REFUSED')
      if (!isKept) faults.push(`${row.route} at ${host}: ${there.statusCode}`)
    }
  }
  t.strictSame(faults, [])
})
