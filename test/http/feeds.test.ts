/** The routes of feeds, as their readers meet them. */
import { createHash, randomBytes } from 'node:crypto'
import { type AddressInfo, connect } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { FeedLists, FeedListsOptions } from '../../src/feeds/feed-lists.ts'
import { mispEventUuid } from '../../src/feeds/formats/misp.ts'
import { consumers } from '../../src/feeds/recipes.ts'
import type { App } from '../../src/http/app.ts'
import { feedRoutes } from '../../src/http/routes/feeds.ts'
import { feedApiRoutes } from '../../src/http/routes/feeds-api.ts'
import { chooseEncoding } from '../../src/http/routes/feeds-encoding.ts'
import { createServer } from '../../src/http/server.ts'
import type { Encoding, FeedDefinition } from '../../src/store/feed-store.ts'
import { definition, lists, log, type World, world } from '../feeds/feed-world.ts'

// Each test has a database of its own; other tests run beside.
t.setTimeout(300_000)

const digest = (secret: string) => createHash('sha256').update(secret).digest('hex')
const keys = [
  { id: 'all', digests: [digest('all-secret')], scopes: ['feeds:read'] },
  { id: 'edge', digests: [digest('edge-secret')], scopes: ['feeds:read:block.ip'] },
  { id: 'root', digests: [digest('root-secret')], scopes: ['admin'] },
  { id: 'other', digests: [digest('other-secret')], scopes: ['indicators:read'] },
]
const feeds: readonly FeedDefinition[] = [
  definition({ name: 'block.ip', types: ['ipv4', 'ipv6', 'cidr'], shrinkGuard: 0.5 }),
  definition({ name: 'block' }),
]
const publicUrl = 'https://feeds.example.org'
const as = (secret: string) => ({ authorization: `Bearer ${secret}` })
const all = as('all-secret')

interface Served {
  readonly app: App
  readonly lists: FeedLists
  readonly world: World
}

async function served(t: Test, more: Partial<FeedListsOptions> = {}): Promise<Served> {
  const w = await world(t)
  await w.store.registerFeeds(feeds)
  const made = lists(t, w.store, feeds, { publicUrl, ...more })
  const app = await createServer({
    keys,
    publicUrl,
    trustProxy: false,
    requestsPerMinute: 0,
    logger: log,
    version: '0.0.0',
    routes: [
      feedRoutes({ names: feeds.map(({ name }) => name), lists: made, publicUrl }),
      feedApiRoutes({
        feeds,
        lists: made,
        store: w.store,
        publicUrl,
        collectionId: (name) => `collection-of-${name}`,
        now: Date.now,
      }),
    ],
    isReady: async () => ({ ok: true, reasons: [] }),
  })
  await app.ready()
  t.teardown(() => app.close())
  return { app, lists: made, world: w }
}

const addresses = Array.from({ length: 300 }, (_, index) => `45.33.${index >> 8}.${index & 255 || 1}`)
const values = [...new Set(addresses)]

async function fill({ world }: Served): Promise<void> {
  await world.fetch([
    ...values.map((value) => ({ type: 'ipv4' as const, value })),
    { type: 'ipv4', value: '10.0.0.1' },
    { value: 'evil.example' },
  ])
}

t.test('an encoding is chosen as RFC 9110 has it', async (t) => {
  const sizes = { identity: 1000, gzip: 300, br: 200 }
  const cases: readonly (readonly [header: string | undefined, chosen: Encoding, sizes?: typeof sizes])[] = [
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['GZIP, BR', 'br'],
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, br', 'gzip', { identity: 1000, gzip: 190, br: 200 }],
    ['gzip;q=1.0, br;q=0.5', 'gzip'],
    ['br;q=0, gzip;q=0.1', 'gzip'],
    ['*', 'br'],
    ['*;q=0', 'identity'],
    ['br;q=0, *', 'gzip'],
    ['identity;q=0', 'identity'],
    ['identity;q=0, gzip;q=0.2', 'gzip'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['deflate', 'identity'],
    ['gzip, br, identity', 'identity', { identity: 9, gzip: 30, br: 13 }],
    ['gzip;q=nonsense', 'identity'],
  ]
  for (const [header, chosen, given = sizes] of cases) {
    t.equal(chooseEncoding(header, given), chosen, `Accept-Encoding: ${header}`)
  }
})

t.test('a list has all its headers, in each encoding', async (t) => {
  const it = await served(t)
  await fill(it)
  const url = '/feeds/block.ip.txt'
  const plain = await it.app.inject({ url, headers: all })
  t.equal(plain.statusCode, 200)
  t.strictSame(plain.body.trimEnd().split('\n').sort(), [...values, '10.0.0.1'].sort())
  t.match(plain.headers, {
    'content-type': /^text\/plain/,
    'content-length': String(plain.rawPayload.length),
    'cache-control': 'private, max-age=0, stale-if-error=86400',
    vary: 'Accept-Encoding',
    'x-feed-entries': String(values.length + 1),
    'x-feed-dropped': '0',
    'x-feed-generated': /^\d{4}-/,
    'last-modified': / GMT$/,
    etag: /^"[\w-]{27}"$/,
  })
  t.notOk('x-feed-truncated' in plain.headers)
  t.notOk('content-encoding' in plain.headers)
  t.notOk('warning' in plain.headers)
  t.notOk('content-disposition' in plain.headers)
  const csv = await it.app.inject({ url: '/feeds/block.ip.csv', headers: all })
  t.match(csv.headers, {
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': 'attachment; filename="block.ip.csv"',
  })
  const etags = new Set([plain.headers.etag])
  for (const [encoding, decode] of [
    ['gzip', gunzipSync],
    ['br', brotliDecompressSync],
  ] as const) {
    const packed = await it.app.inject({ url, headers: { ...all, 'accept-encoding': encoding } })
    t.equal(packed.headers['content-encoding'], encoding)
    t.equal(decode(packed.rawPayload).toString(), plain.body)
    t.equal(packed.headers['content-length'], String(packed.rawPayload.length))
    etags.add(packed.headers.etag)
  }
  t.equal(etags.size, 3, 'strong ETags stand for the bytes')
  for (const headers of [all, { ...all, 'accept-encoding': 'br' }]) {
    const get = await it.app.inject({ url, headers })
    const head = await it.app.inject({ method: 'HEAD', url, headers })
    t.equal(head.body, '')
    const ofBoth = ({
      date,
      'x-request-id': id,
      connection,
      'keep-alive': alive,
      ...rest
    }: typeof get.headers) => rest
    t.strictSame(ofBoth(head.headers), ofBoth(get.headers), 'HEAD is GET without its body')
  }
  const guarded = await it.app.inject({ url: '/feeds/block.ip?profile=panos-ip', headers: all })
  t.match(guarded.headers, { 'x-feed-entries': String(values.length), 'x-feed-dropped': '1' })
  const part = await it.app.inject({ url: '/feeds/block.ip.txt?n=3', headers: all })
  t.match(part.headers, { 'x-feed-entries': '3', 'x-feed-truncated': String(values.length - 2) })
})

t.test('a client that has the list gets 304, and only then', async (t) => {
  const it = await served(t)
  await fill(it)
  const url = '/feeds/block.json'
  const first = await it.app.inject({ url, headers: all })
  const { etag = '', 'last-modified': modified = '' } = first.headers as Record<string, string>
  const packed = etag.replace(/"$/, '-br"')
  const before = new Date(Date.parse(modified) - 1000).toUTCString()
  const later = new Date(Date.parse(modified) + 60_000).toUTCString()
  const cases: readonly (readonly [headers: Record<string, string>, status: number, tag?: string])[] = [
    [{}, 200],
    [{ 'if-none-match': etag }, 304, etag],
    [{ 'if-none-match': `W/${etag}` }, 304, etag],
    [{ 'if-none-match': `"x", ${etag}` }, 304, etag],
    [{ 'if-none-match': '*' }, 304, etag],
    [{ 'if-none-match': '"x"' }, 200],
    [{ 'if-none-match': etag.slice(1, -1) }, 200],
    [{ 'if-none-match': packed, 'accept-encoding': 'br' }, 304, packed],
    [{ 'if-none-match': etag, 'accept-encoding': 'br' }, 304, etag],
    [{ 'if-modified-since': modified }, 304, etag],
    [{ 'if-modified-since': later }, 304, etag],
    [{ 'if-modified-since': before }, 200],
    [{ 'if-modified-since': 'yesterday' }, 200],
    [{ 'if-none-match': '"x"', 'if-modified-since': later }, 200],
    [{ 'if-none-match': etag, 'if-modified-since': before }, 304, etag],
  ]
  for (const method of ['GET', 'HEAD'] as const) {
    for (const [headers, status, tag] of cases) {
      const answer = await it.app.inject({ method, url, headers: { ...all, ...headers } })
      t.equal(answer.statusCode, status, `${method} ${JSON.stringify(headers)}`)
      if (status !== 304) continue
      t.equal(answer.body, '')
      t.equal(answer.headers['content-length'], undefined, 'no length, which would have to be that of 200')
      t.match(answer.headers, { etag: tag, vary: 'Accept-Encoding', 'cache-control': /private/ })
    }
  }
  // MISP keeps the ETag of the manifest, and takes nothing but 200 and 304.
  const manifest = '/feeds/block.ip/manifest.json'
  const read = await it.app.inject({ url: manifest, headers: all })
  const again = { ...all, 'if-none-match': String(read.headers.etag) }
  t.strictSame(
    [read.statusCode, (await it.app.inject({ url: manifest, headers: again })).statusCode],
    [200, 304],
  )
  await it.world.fetch([{ value: 'new.example' }])
  const changed = await it.app.inject({ url, headers: { ...all, 'if-none-match': etag } })
  t.equal(changed.statusCode, 200, 'once it changed')
})

t.test('an address leads to its feed, whatever dots are in it, and only for those who may', async (t) => {
  const it = await served(t)
  await fill(it)
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  })
  const cases: readonly (readonly [
    url: string,
    headers: Record<string, string>,
    status: number,
    type?: RegExp,
  ])[] = [
    ['/feeds/block', all, 200, /^application\/json/],
    ['/feeds/block.json', all, 200, /^application\/json/],
    ['/feeds/block?format=ndjson', all, 200, /ndjson/],
    ['/feeds/block.csv', all, 200, /^text\/csv/],
    ['/feeds/block.stix.json', all, 200, /^application\/stix\+json/],
    ['/feeds/block.misp.json', all, 200, /^application\/json/],
    ['/feeds/block/manifest.json', all, 200, /^application\/json/],
    ['/feeds/block/hashes.csv', all, 200, /^text\/csv/],
    [`/feeds/block/${mispEventUuid({ name: 'block', publicUrl })}.json`, all, 200, /^application\/json/],
    ['/feeds/block/00000000-0000-5000-8000-000000000000.json', all, 404],
    ['/feeds/block.ip', basic('edge', 'edge-secret'), 200],
    ['/feeds/block%2Eip.txt', as('edge-secret'), 200],
    ['/feeds/block.ip/manifest.json', as('edge-secret'), 200],
    ['/feeds/block.txt', as('edge-secret'), 403],
    ['/feeds/nothing.txt', as('edge-secret'), 403],
    ['/feeds/nothing.txt', all, 404],
    ['/feeds/nothing/manifest.json', all, 404],
    ['/feeds/block.pdf', all, 400],
    ['/feeds/block.txt?q=type:ip', all, 400],
    ['/feeds/block.txt?nonsense=1', all, 400],
    ['/feeds/block?profile=nonsense', all, 400],
    ['/feeds/block/manifest.json?x=1', all, 400],
    ['/feeds/block.txt', {}, 401],
    ['/feeds/block.txt', as('other-secret'), 403],
    ['/feeds/block.txt', basic('edge', 'all-secret'), 401],
  ]
  for (const [url, headers, status, type] of cases) {
    const answer = await it.app.inject({ url, headers })
    t.equal(answer.statusCode, status, `${url} ${headers.authorization ?? ''}`)
    if (type !== undefined) t.match(answer.headers['content-type'], type, url)
    if (status >= 400) t.match(answer.headers['content-type'], 'application/problem+json', url)
  }
  const post = await it.app.inject({ method: 'POST', url: '/feeds/block.txt', headers: all })
  t.match(post, { statusCode: 405, headers: { allow: 'GET, HEAD' } })
})

t.test('before the first fetch, while held, and without the store', async (t) => {
  const it = await served(t)
  const early = await it.app.inject({ url: '/feeds/block.txt', headers: all })
  t.match(early, { statusCode: 503, headers: { 'retry-after': '15' } })
  t.match(early.json(), { code: 'FEED_NOT_READY', detail: /first fetch of "tc"/ })
  t.match((await it.app.inject({ url: '/api/v1/feeds/block', headers: all })).json(), {
    ready: false,
    waitsFor: ['tc'],
    entries: 0,
    changedAt: null,
  })
  await fill(it)
  const url = '/feeds/block.ip.txt'
  const good = await it.app.inject({ url, headers: all })
  await it.world.fetch([], { removed: values.slice(0, 200) })
  const held = await it.app.inject({ url, headers: all })
  t.equal(held.body, good.body, 'the last good list')
  const csv = await it.app.inject({ url: '/feeds/block.ip.csv?fields=value&header=false', headers: all })
  t.equal(csv.body.replaceAll('\r', ''), good.body, 'the same in a form that nobody had asked for')
  const report = (await it.app.inject({ url: '/api/v1/feeds/block.ip/report', headers: all })).json()
  t.match(report, { entries: values.length + 1, indicators: values.length + 1, truncated: 0 })
  const overview = (await it.app.inject({ url: '/api/v1/feeds', headers: all })).json()
  t.match(overview.data, [
    {
      name: 'block.ip',
      filter: 'types ipv4, ipv6, cidr; TLP up to red; active only',
      held: true,
      hold: { lost: 200, entries: values.length + 1, reason: /lacks 200 of \d+ entries/ },
      entries: values.length + 1,
      ready: true,
      urls: {
        txt: 'https://feeds.example.org/feeds/block.ip.txt',
        taxii: 'https://feeds.example.org/taxii2/feeds/collections/collection-of-block.ip/',
      },
    },
    { name: 'block', held: false, hold: null },
  ])
  const release = '/api/v1/feeds/block.ip/release'
  t.equal((await it.app.inject({ method: 'POST', url: release, headers: all })).statusCode, 403)
  const released = await it.app.inject({ method: 'POST', url: release, headers: as('root-secret') })
  t.match(released.json(), { held: false, hold: null, entries: values.length - 199 })
  const after = await it.app.inject({ url, headers: all })
  t.equal(after.headers['x-feed-entries'], String(values.length - 199))

  await it.world.fetch([{ type: 'ipv4', value: '45.33.9.9' }])
  await it.world.store.close()
  const stale = await it.app.inject({ url, headers: { ...all, 'accept-encoding': 'gzip' } })
  t.match(stale, { statusCode: 200, headers: { warning: '110 - "Response is Stale"' } })
  t.equal(gunzipSync(stale.rawPayload).toString(), after.body)
  const unknown = await it.app.inject({ url: '/feeds/block.ndjson', headers: all })
  t.match(unknown, { statusCode: 503 })
  t.match(unknown.json(), { code: 'STORE_UNAVAILABLE' })
})

t.test('a key sees the feeds that it may read', async (t) => {
  const it = await served(t)
  const seen = async (secret: string) => {
    const answer = await it.app.inject({ url: '/api/v1/feeds', headers: as(secret) })
    return answer.statusCode === 200
      ? answer.json().data.map(({ name }: FeedDefinition) => name)
      : answer.statusCode
  }
  t.strictSame(await seen('all-secret'), ['block.ip', 'block'])
  t.strictSame(await seen('root-secret'), ['block.ip', 'block'])
  t.strictSame(await seen('edge-secret'), ['block.ip'])
  t.strictSame(await seen('other-secret'), 403)
  for (const path of ['', '/report', '/recipes/panos']) {
    const url = `/api/v1/feeds/block${path}`
    t.equal((await it.app.inject({ url, headers: as('edge-secret') })).statusCode, 403, url)
  }
})

t.test('the report of a list takes the arguments of its address', async (t) => {
  const it = await served(t)
  const url = '/api/v1/feeds/block/report'
  t.equal((await it.app.inject({ url, headers: all })).statusCode, 503, 'not before the first fetch')
  await fill(it)
  const report = await it.app.inject({ url: `${url}?profile=panos-ip`, headers: all })
  t.equal(report.statusCode, 200)
  const body = report.json()
  const list = await it.app.inject({ url: '/feeds/block?profile=panos-ip', headers: all })
  t.equal(body.entries, Number(list.headers['x-feed-entries']))
  t.equal(body.counts.dropped, Number(list.headers['x-feed-dropped']))
  t.equal(body.indicators, body.entries + body.dropped.length + body.truncated)
  t.strictSame(body.dropped.map(({ value }: { value: string }) => value).sort(), ['10.0.0.1', 'evil.example'])
  const short = await it.app.inject({ url: `${url}?profile=panos-ip&report_limit=1`, headers: all })
  t.match(short.json(), { dropped: { length: 1 }, cut: true, counts: { dropped: 2 } })
  for (const query of ['report_limit=x', 'report_limit=100001', 'report_limit=1&report_limit=2', 'q=1']) {
    const wrong = await it.app.inject({ url: `${url}?${query}`, headers: all })
    t.equal(wrong.statusCode, 400, query)
    t.equal(wrong.json().errors.length, 1)
  }
})

t.test('the recipes lead to addresses that exist', async (t) => {
  const it = await served(t)
  await fill(it)
  const tried = new Set<string>()
  for (const consumer of consumers) {
    for (const name of ['block', 'block.ip']) {
      const url = `/api/v1/feeds/${name}/recipes/${consumer}`
      const answer = await it.app.inject({ url, headers: all })
      t.equal(answer.statusCode, 200, url)
      const { steps, settings, title, consumer: named } = answer.json()
      t.ok(steps.length > 2 && Object.keys(settings).length > 3 && title.includes(name) && named === consumer)
      for (const [address] of JSON.stringify([steps, settings]).matchAll(
        /https:\/\/feeds\.example\.org\/feeds\/[^"\s\\`]*/g,
      )) {
        const path = address
          .slice(publicUrl.length)
          .replace(/^(\/feeds\/[^/]+)$/, consumer === 'misp' ? '$1/manifest.json' : '$1')
        if (tried.has(path)) continue
        tried.add(path)
        t.equal((await it.app.inject({ url: path, headers: all })).statusCode, 200, path)
      }
      const inMarkdown = await it.app.inject({ url: `${url}?format=markdown`, headers: all })
      t.match(inMarkdown.headers['content-type'], /^text\/markdown/)
      t.match(inMarkdown.body, /^# .*\n\n1\. [\s\S]*\| Setting \| Value \|/)
    }
  }
  t.ok(tried.size > 8, 'many were tried')
  const xsoar = (await it.app.inject({ url: '/api/v1/feeds/block/recipes/xsoar', headers: all })).json()
  t.match(
    xsoar.steps.join('\n'),
    /\?profile=xsoar&type=registry-key with .* off and "Indicator Type" Registry Key\./,
  )
  // As n8n asks: JSON beside HTML and any other text.
  const accept =
    'application/json,text/html,application/xhtml+xml,application/xml,text/*;q=0.9, image/*;q=0.8, */*;q=0.7'
  const n8n = await it.app.inject({ url: '/api/v1/feeds/block/recipes/n8n', headers: { ...all, accept } })
  t.match(n8n.headers['content-type'], /^application\/json/)
  const wrong = await it.app.inject({ url: '/api/v1/feeds/block/recipes/fax', headers: all })
  t.equal(wrong.statusCode, 404)
  t.match(wrong.json(), { code: 'RECIPE_UNKNOWN', detail: /"fax"; there are: xsoar, panos/ })
})

t.test('over a connection: a big list is whole, and one that breaks off is no list', async (t) => {
  const it = await served(t, { memoryBytes: 4 * 1024 * 1024 })
  // Of random letters, so that the store's own packing does not make them small.
  const many = Array.from({ length: 180 }, (_, index) => ({
    value: `d${index}.example`,
    description: randomBytes(25_000).toString('hex'),
  }))
  await it.world.fetch(many)
  await it.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = it.app.server.address() as AddressInfo
  const response = await fetch(`http://127.0.0.1:${port}/feeds/block.ndjson`, {
    headers: { ...all, 'accept-encoding': 'identity' },
  })
  const text = await response.text()
  t.ok(text.length > 8 * 1024 * 1024, 'it goes piece by piece')
  t.equal(Number(response.headers.get('content-length')), Buffer.byteLength(text))
  t.equal(text.trimEnd().split('\n').length, 180)
  const head = await fetch(`http://127.0.0.1:${port}/feeds/block.ndjson`, { method: 'HEAD', headers: all })
  t.equal(head.status, 200)

  // The reader takes so little that the server has not sent it all when the store goes.
  const socket = connect(port, '127.0.0.1')
  socket.write(`GET /feeds/block.ndjson HTTP/1.1\r\nHost: x\r\nAuthorization: ${all.authorization}\r\n\r\n`)
  await new Promise((resolve) => socket.once('readable', resolve))
  await it.world.store.close()
  let received = 0
  socket.on('data', (bytes) => {
    received += bytes.length
  })
  await new Promise<void>((resolve) => {
    socket.once('close', () => resolve())
    socket.on('error', () => {})
  })
  t.ok(received < text.length, `the connection ended after ${received} bytes of ${text.length}`)
})
