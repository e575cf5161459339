import t from 'tap'
import { collectionOf } from '../../src/taxii/resources.ts'
import { microseconds, timeOfMicroseconds } from '../../src/taxii/times.ts'
import { stixFaults } from '../feeds/stix/stix-schemas.ts'
import {
  type App,
  domains,
  envelopeOf,
  feedOf,
  get,
  observationOf,
  type StixJson,
  secretOf,
  taxii21,
  values,
  world,
} from './taxii-world.ts'

const id = collectionOf('all').id
const collection = `/taxii2/feeds/collections/${id}/`
const objectsUrl = `${collection}objects/`

async function bodyOf(app: App, url: string): Promise<StixJson & Record<string, unknown>> {
  return (await get(app, url)).json()
}

t.test('discovery, API root and collections say what TAXII 2.1 wants of them', async (t) => {
  const { app } = await world(t, { feeds: [feedOf('all'), feedOf('block-ip')] })
  const discovery = await bodyOf(app, '/taxii2/')
  t.strictSame(discovery.api_roots, ['/taxii2/feeds/'], 'one root: a client that takes all has nothing twice')
  t.equal(discovery.default, '/taxii2/feeds/')
  t.type(discovery.title, 'string')
  const root = await bodyOf(app, '/taxii2/feeds/')
  t.strictSame(root.versions, [taxii21])
  t.ok(Number.isInteger(root.max_content_length) && Number(root.max_content_length) > 0)
  const { collections } = (await bodyOf(app, '/taxii2/feeds/collections/')) as unknown as {
    collections: Record<string, unknown>[]
  }
  t.strictSame(
    collections.map(({ title }) => title),
    ['all', 'block-ip'],
    'in the order of the configuration',
  )
  for (const one of collections) {
    t.match(
      one.id,
      /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      'a UUIDv4 by its form',
    )
    t.equal(one.alias, one.title)
    t.equal(one.can_read, true)
    t.equal(one.can_write, false)
    t.strictSame(one.media_types, ['application/stix+json;version=2.1'])
    t.strictSame(await bodyOf(app, `/taxii2/feeds/collections/${one.id}/`), one, 'by its id')
    t.strictSame(await bodyOf(app, `/taxii2/feeds/collections/${one.alias}/`), one, 'by its alias')
  }
})

t.test('without feeds there are no collections, and no empty list of them', async (t) => {
  const { app } = await world(t, { feeds: [] })
  t.strictSame(await bodyOf(app, '/taxii2/feeds/collections/'), {})
})

t.test('rules of requests and answers', async (t) => {
  const { app, fetch } = await world(t)
  await fetch(domains(5, { tlp: 'amber' }))
  const all = envelopeOf(await get(app, objectsUrl)).objects ?? []
  const [object] = all.filter(({ type }) => type === 'indicator')
  const version = object?.modified
  const first = (await get(app, `${objectsUrl}?limit=1`)).headers['x-taxii-date-added-first']

  const paths = [
    '/taxii2',
    '/taxii2/feeds',
    '/taxii2/feeds/collections',
    `${collection}manifest`,
    `${collection}objects`,
    `${objectsUrl}${object?.id}`,
    `${objectsUrl}${object?.id}/versions`,
  ]
  for (const path of paths) {
    const [bare, slashed] = [await get(app, path), await get(app, `${path}/`)]
    t.equal(bare.statusCode, 200, `${path} without a slash at its end`)
    t.equal(slashed.body, bare.body, `${path}/ is the same`)
    t.equal(slashed.headers['content-type'], taxii21, `${path}: media type`)
    const head = await app.inject({ method: 'HEAD', url: `${path}/`, headers: { host: 'localhost' } })
    t.equal(head.statusCode, 200, `HEAD ${path}`)
    t.equal(head.body, '')
    t.equal(head.headers['content-length'], slashed.headers['content-length'])
  }

  const accepted = [
    undefined,
    '*/*',
    'application/*',
    'application/taxii+json',
    'application/taxii+json; version=2.1',
    'APPLICATION/TAXII+JSON;version="2.1"',
    'application/taxii+json;version=2.1;charset=utf-8',
    'text/html, application/taxii+json;version=2.1;q=0.5',
    'application/stix+json;version=2.1',
    'application/json',
    'application/vnd.oasis.stix+json; version=2.0',
  ]
  for (const accept of accepted) {
    const response = await app.inject({
      url: `${collection}manifest/`,
      headers: { host: 'localhost', ...(accept !== undefined && { accept }) },
    })
    t.equal(response.statusCode, 200, `Accept: ${accept}`)
    t.equal(response.headers['content-type'], taxii21)
  }
  for (const accept of [
    'application/vnd.oasis.taxii+json; version=2.0',
    'application/taxii+json;version=2.0',
    'text/html',
    'application/taxii+json;version=2.1;q=0',
  ]) {
    const response = await get(app, '/taxii2/', { accept })
    t.equal(response.statusCode, 406, `Accept: ${accept}`)
    t.match(response.json(), { http_status: '406', error_code: 'NOT_ACCEPTABLE' })
    t.equal(response.headers['content-type'], taxii21)
  }

  const bad: readonly string[] = [
    'limit=0',
    'limit=-1',
    'limit=1.5',
    'limit=ten',
    'limit=',
    'limit=1&limit=2',
    'added_after=yesterday',
    'added_after=2024-02-30T00:00:00Z',
    'added_after=2024-01-01',
    'added_after=2024-01-01T00:00:00Z&added_after=2024-01-01T00:00:00Z',
    'match[type]=a&match[type]=b',
    'match%5Btype%5D=a&match[type]=b',
    'match[type]=a,,b',
    'match[type]=a%00',
    'match[id]=',
    'match[version]=all,last',
    'match[version]=newest',
    'next=abc',
    'next=',
  ]
  for (const query of bad) {
    for (const endpoint of ['objects', 'manifest']) {
      const response = await get(app, `${collection}${endpoint}/?${query}`)
      t.equal(response.statusCode, 400, `${endpoint}?${query}`)
      t.match(response.json(), { http_status: '400', title: String, description: String, error_id: String })
    }
  }
  t.match(
    (await get(app, `${objectsUrl}?limit=0&added_after=x`)).json().details.errors,
    [{}, {}],
    'every error is told',
  )

  const answers: readonly (readonly [string, number])[] = [
    ['', 7],
    ['limit=99999999', 7],
    ['limit=3', 3],
    ['match[type]=indicator', 5],
    ['match[type]=indicator,identity', 6],
    ['match[type]=marking-definition', 1],
    ['match[type]=malware', 0],
    [`match[id]=${object?.id}`, 1],
    [`match[id]=${object?.id},malware--${object?.id.slice(11)}`, 1],
    [`match[id]=malware--${object?.id.slice(11)}`, 0],
    ['match[id]=nonsense', 0],
    [`match[id]=${object?.id}&match[type]=identity`, 0],
    ['match[version]=last', 7],
    ['match[version]=first', 7],
    ['match[version]=all', 7],
    [`match[version]=${version}`, 5],
    [`match[version]=${String(version).replace('Z', '000Z')}`, 5],
    [`match[version]=2001-01-01T00:00:00Z,${version}`, 5],
    [`match[version]=2001-01-01T00:00:00Z`, 0],
    ['match[spec_version]=2.1', 7],
    ['match[spec_version]=2.0,2.1', 7],
    ['match[spec_version]=2.0', 0],
    ['match[colour]=red&colour=red&colour=blue', 7],
    [`added_after=${first}`, 6],
    ['added_after=2001-01-01T00:00:00Z', 7],
    ['added_after=2001-01-01T00:00:00.1%2B00:00', 7],
    ['added_after=2001-01-01T00:00:00.123456789+00:00', 7],
    ['added_after=2100-01-01T00:00:00.000000Z', 0],
  ]
  for (const [query, count] of answers) {
    const response = await get(app, `${objectsUrl}?${query}`)
    t.equal(response.statusCode, 200, `objects?${query}`)
    const { objects } = envelopeOf(response)
    t.equal(objects?.length ?? 0, count, `objects?${query} has ${count}`)
    if (count === 0) t.equal(response.body, '{}', 'no empty list')
    const manifest = (await get(app, `${collection}manifest/?${query}`)).json()
    t.strictSame(
      manifest.objects?.map((record: StixJson) => record.id),
      objects?.map((each) => each.id),
      `manifest?${query} lists the same`,
    )
  }
  const echoed = await get(app, `${objectsUrl}?added_after=2100-01-01T00:00:00Z`)
  t.equal(echoed.headers['x-taxii-date-added-last'], '2100-01-01T00:00:00.000000Z')

  t.strictSame((await get(app, `${objectsUrl}${object?.id}/versions/`)).json(), { versions: [version] })
  t.strictSame(envelopeOf(await get(app, `${objectsUrl}${object?.id}/`)).objects, [object])
  t.equal((await get(app, `${objectsUrl}${object?.id}/?match[version]=2001-01-01T00:00:00Z`)).body, '{}')
  t.equal((await get(app, `${objectsUrl}${object?.id}/versions/?match[spec_version]=2.0`)).body, '{}')

  const missing = [
    `${objectsUrl}indicator--00000000-0000-4000-8000-000000000000/`,
    `${objectsUrl}x/versions/`,
    '/taxii2/feeds/status/00000000-0000-4000-8000-000000000000/',
    '/taxii2/feeds/collections/unknown/',
    '/taxii2/feeds/collections/unknown/objects/',
    '/taxii2/other/',
    '/taxii2/feeds/collections/%zz/',
  ]
  for (const path of missing) {
    const response = await get(app, path)
    const status = path.includes('%zz') ? 400 : 404
    t.equal(response.statusCode, status, path)
    t.equal(response.headers['content-type'], taxii21, `${path}: an error of TAXII`)
    t.match(response.json(), { title: String, http_status: String(status) })
  }

  const writes: readonly (readonly ['POST' | 'DELETE' | 'PUT', string, number])[] = [
    ['POST', objectsUrl, 403],
    ['POST', `${collection}objects`, 403],
    ['DELETE', `${objectsUrl}${object?.id}/`, 403],
    ['POST', '/taxii2/feeds/collections/unknown/objects/', 404],
    ['PUT', objectsUrl, 405],
    ['POST', '/taxii2/', 405],
    ['DELETE', collection, 405],
  ]
  for (const [method, url, status] of writes) {
    const body =
      method === 'DELETE'
        ? {}
        : { payload: '{"objects":[]}', headers: { host: 'localhost', 'content-type': taxii21 } }
    const response = await app.inject({ method, url, headers: { host: 'localhost' }, ...body })
    t.equal(response.statusCode, status, `${method} ${url}`)
    t.equal(response.headers['content-type'], taxii21)
    t.match(response.json(), { http_status: String(status) })
  }
})

t.test(
  'objects come in ascending order of publication, each at a moment of its own, as STIX 2.1',
  async (t) => {
    const { app, fetch } = await world(t)
    await fetch([
      ...domains(3, { tlp: 'green' }),
      observationOf(10, {
        type: 'file',
        value: 'a'.repeat(64),
        hashes: { sha256: 'a'.repeat(64), md5: 'b'.repeat(32) },
      }),
      observationOf(11, { type: 'malware', value: 'Emotet' }),
      observationOf(12, { type: 'hashtag', value: '#nothing' }),
    ])
    const response = await get(app, objectsUrl)
    const { objects = [], more, next } = envelopeOf(response)
    t.equal(more, false)
    t.equal(next, undefined)
    t.strictSame(objects.flatMap(stixFaults), [])
    t.equal(objects.length, 2 + 3 + 2 + 1)
    const known = new Set<unknown>()
    for (const object of objects) {
      const refs = [object.created_by_ref, ...((object.object_marking_refs ?? []) as string[])]
      t.ok(
        refs.every((ref) => ref === undefined || known.has(ref)),
        'what it refers to came before',
      )
      known.add(object.id)
    }
    const manifest = (await get(app, `${collection}manifest/`)).json().objects as Record<string, string>[]
    const added = manifest.map(({ date_added = '' }) => date_added)
    t.ok(
      added.every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(time)),
      'microseconds',
    )
    t.strictSame(added, added.toSorted())
    t.equal(new Set(added).size, added.length, 'no two at the same moment')
    t.strictSame(
      manifest.map(({ version }) => version),
      objects.map(({ modified, created }) => modified ?? created),
    )
    t.ok(manifest.every(({ media_type }) => media_type === 'application/stix+json;version=2.1'))
    t.equal(response.headers['x-taxii-date-added-first'], added[0])
    t.equal(response.headers['x-taxii-date-added-last'], added.at(-1))
  },
)

t.test(
  'next stands alone: it carries the filters, survives a restart, and is refused only in conflict',
  async (t) => {
    const feeds = [feedOf('all'), feedOf('other')]
    const { app, fetch, replica } = await world(t, { feeds })
    await fetch(domains(10))
    const query = 'match[type]=indicator&limit=4&added_after=2001-01-01T00:00:00Z'
    const first = envelopeOf(await get(app, `${objectsUrl}?${query}`))
    t.equal(first.more, true)
    await app.close()
    const restarted = (await replica()).app
    const rest = envelopeOf(await get(restarted, `${objectsUrl}?next=${first.next}`))
    t.equal(rest.objects?.length, 4, 'with the limit of the first page')
    const last = envelopeOf(await get(restarted, `${objectsUrl}?limit=10&next=${rest.next}`))
    t.equal(last.more, false)
    t.strictSame(
      [first, rest, last].flatMap(({ objects }) => values(objects)).toSorted(),
      domains(10)
        .map(({ value }) => value)
        .toSorted(),
      'every indicator once, and no identity: the filter went along',
    )
    const status = async (more: string) =>
      (await get(restarted, `${objectsUrl}?next=${first.next}&${more}`)).statusCode
    t.equal(
      await status('match[type]=indicator&added_after=2001-01-01T00:00:00.000%2B00:00'),
      200,
      'the same filters',
    )
    t.equal(await status('match[type]=malware'), 400)
    t.equal(await status('added_after=2002-01-01T00:00:00Z'), 400)
    t.equal(await status('match[id]=x'), 400)
    const broken = `${first.next?.slice(0, -4)}AAAA`
    t.equal(
      (await get(restarted, `${objectsUrl}?next=${broken}`)).statusCode,
      400,
      'cut or changed on its way',
    )
    const other = `/taxii2/feeds/collections/other/objects/?limit=100&next=${rest.next}`
    t.equal(
      envelopeOf(await get(restarted, other)).objects?.length,
      11,
      "another collection's: from the beginning",
    )
    const manifest = (await get(restarted, `${collection}manifest/?limit=6`)).json()
    t.equal(
      (await get(restarted, `${collection}manifest/?next=${manifest.next}`)).json().objects.length,
      5,
      'manifests have it',
    )
  },
)

t.test('TLP 1 on request: the same objects at another API root, marked by its four levels', async (t) => {
  const { app, fetch } = await world(t)
  const levels = ['clear', 'green', 'amber', 'amber+strict', 'red'] as const
  const quoting = `see \\"marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1\\"`
  await fetch(
    levels.flatMap((tlp, n) =>
      domains(1, { tlp, description: quoting }, `tlp-${n}`).map((each) => ({
        ...each,
        provenance: { ...each.provenance, remoteId: String(n) },
      })),
    ),
  )
  const read = async (root: string) => {
    const { objects = [] } = envelopeOf(await get(app, `/taxii2/${root}/collections/all/objects/?limit=100`))
    const manifest = (await get(app, `/taxii2/${root}/collections/all/manifest/`)).json()
      .objects as StixJson[]
    t.strictSame(
      manifest.map((record) => record.id),
      objects.map((object) => object.id),
    )
    t.strictSame(objects.flatMap(stixFaults), [])
    const names = new Map(objects.map((object) => [object.id, object.name]))
    return objects
      .filter(({ type }) => type === 'indicator')
      .map((object) => {
        t.equal(object.description, quoting, 'a text that looks like a marking stays')
        return names.get((object.object_marking_refs as string[])[0] ?? '')
      })
  }
  t.strictSame(await read('feeds'), ['TLP:CLEAR', 'TLP:GREEN', 'TLP:AMBER', 'TLP:AMBER+STRICT', 'TLP:RED'])
  t.strictSame(await read('feeds-tlp1'), ['TLP:WHITE', 'TLP:GREEN', 'TLP:AMBER', 'TLP:RED', 'TLP:RED'])
  t.strictSame((await bodyOf(app, '/taxii2/feeds-tlp1/')).versions, [taxii21])
  const red = 'marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1'
  t.equal((await get(app, `/taxii2/feeds-tlp1/collections/all/objects/${red}/`)).statusCode, 404)
})

t.test('a key sees its own feeds; others are not there', async (t) => {
  const keys = { all: ['feeds:read'], one: ['feeds:read:one'], none: ['push:*'], root: ['admin'] }
  const { app } = await world(t, { feeds: [feedOf('one'), feedOf('two')], keys })
  const basic = (key: string, secret = secretOf(key)) => ({
    authorization: `Basic ${Buffer.from(`${key}:${secret}`).toString('base64')}`,
  })
  const titles = async (headers: Record<string, string>) => {
    const { collections = [] } = (await get(app, '/taxii2/feeds/collections/', headers)).json()
    return collections.map(({ title }: { title: string }) => title)
  }
  t.strictSame(await titles(basic('all')), ['one', 'two'])
  t.strictSame(await titles(basic('root')), ['one', 'two'])
  t.strictSame(await titles(basic('one')), ['one'])
  t.strictSame(await titles({ authorization: `Bearer ${secretOf('one')}` }), ['one'])
  t.strictSame(await titles({ 'x-api-key': secretOf('one') }), ['one'])
  const cases: readonly (readonly [string, Record<string, string>, number])[] = [
    ['/taxii2/feeds/collections/one/objects/', basic('one'), 200],
    ['/taxii2/feeds/collections/two/objects/', basic('one'), 404],
    [`/taxii2/feeds/collections/${collectionOf('two').id}/`, basic('one'), 404],
    [`/taxii2/feeds-tlp1/collections/two/manifest/`, basic('one'), 404],
    ['/taxii2/', basic('none'), 403],
    ['/taxii2/feeds/collections/one/objects/', basic('none'), 403],
    ['/taxii2/', {}, 401],
    ['/taxii2/feeds/collections/one/objects/', {}, 401],
    ['/taxii2/', basic('one', 'wrong'), 401],
    ['/taxii2/', basic('one', secretOf('all')), 401],
  ]
  for (const [url, headers, status] of cases) {
    const response = await get(app, url, headers)
    t.equal(response.statusCode, status, `${url} ${headers.authorization}`)
    t.equal(response.headers['content-type'], taxii21)
    if (status !== 200) t.match(response.json(), { http_status: String(status), title: String })
    if (status === 401) t.match(response.headers['www-authenticate'], /^Basic realm=/)
  }
  t.equal(
    (await get(app, '/api/v1/nothing', basic('all'))).headers['content-type'],
    'application/problem+json',
    'elsewhere errors stay as they are',
  )
})

/** Clients, written from what they are known to do; each is no more than that. */
async function xsoar(app: App, title: string, addedAfter?: string) {
  const request = async (url: string, media: string) => {
    const response = await app.inject({ url, headers: { host: 'localhost', accept: media } })
    if (response.statusCode >= 400)
      throw new Error(`${response.statusCode} Client Error: ${response.statusMessage} for url: ${url}`)
    return response.json()
  }
  let media = 'application/vnd.oasis.taxii+json; version=2.0'
  let discovery: { api_roots: string[] }
  try {
    discovery = await request('/taxii2/', media)
  } catch (error) {
    if (!String(error).includes('406 Client Error')) throw error
    media = 'application/taxii+json;version=2.1'
    discovery = await request('/taxii2/', media)
  }
  const [root = ''] = discovery.api_roots
  const { collections } = await request(`${root}collections/`, media)
  const chosen = collections.find((each: { title: string }) => each.title === title)
  const found: { value: string; type: string }[] = []
  const after = addedAfter === undefined ? '' : `&added_after=${encodeURIComponent(addedAfter)}`
  let page = await request(
    `${root}collections/${chosen.id}/objects/?limit=100&match[type]=indicator${after}`,
    media,
  )
  for (;;) {
    for (const object of page.objects ?? []) {
      const pattern = object.pattern.replaceAll(' ', '')
      const [, sco, path, operator, value] =
        /^\[([a-z0-9-]+):(.+?)(=|ISSUBSET)'?(.*?)'?\]$/.exec(pattern) ?? []
      const type =
        operator === 'ISSUBSET'
          ? 'CIDR'
          : sco === 'ipv4-addr'
            ? 'IP'
            : sco === 'file'
              ? `File ${path}`
              : (sco ?? '')
      found.push({ value: value ?? '', type })
    }
    if (!page.more) return found
    page = await request(`${root}collections/${chosen.id}/objects/?limit=100&next=${page.next}`, media)
  }
}

t.test('clients as they are: XSOAR, OpenCTI, taxii2client', async (t) => {
  const w = await world(t, { feeds: [feedOf('all'), feedOf('nets', { types: ['cidr'] })] })
  const hashes = { md5: 'b'.repeat(32), sha256: 'a'.repeat(64) }
  await w.fetch([
    ...domains(250),
    observationOf(1001, { type: 'ipv4', value: '198.51.100.7' }),
    observationOf(1002, { type: 'cidr', value: '198.51.100.0/24' }),
    observationOf(1003, { type: 'url', value: 'http://evil.example/a b' }),
    observationOf(1004, { type: 'file', value: hashes.sha256, hashes }),
  ])
  const found = await xsoar(w.app, 'all')
  t.equal(found.length, 255, 'every indicator, both hashes')
  t.strictSame(found.slice(-5), [
    { value: '198.51.100.7', type: 'IP' },
    { value: '198.51.100.0/24', type: 'CIDR' },
    { value: 'http://evil.example/a%20b', type: 'url' },
    { value: hashes.sha256, type: "File hashes.'SHA-256'" },
    { value: hashes.md5, type: 'File hashes.MD5' },
  ])
  t.strictSame(
    await xsoar(w.app, 'nets'),
    [{ value: '198.51.100.0/24', type: 'CIDR' }],
    'picked by its title',
  )
  const polled = new Date(w.clock.now + 1000).toISOString().replace('Z', '000Z')
  w.clock.now += 60_000
  t.strictSame(await xsoar(w.app, 'all', polled), [], 'nothing since the time of the last poll')
  await w.fetch([observationOf(1005, { type: 'domain', value: 'new.example' })])
  t.strictSame(await xsoar(w.app, 'all', polled), [{ value: 'new.example', type: 'domain-name' }])

  // OpenCTI walks all roots and collections, and takes the last `next` of one collection along to the other.
  const names = new Set<unknown>()
  let leaked = ''
  for (const feed of ['all', 'nets']) {
    for (;;) {
      const page = envelopeOf(
        await get(w.app, `/taxii2/feeds/collections/${feed}/objects/?limit=200${leaked}`),
      )
      for (const object of page.objects ?? []) {
        t.equal(object.spec_version, '2.1')
        names.add(object.name)
      }
      if (page.next !== undefined) leaked = `&next=${page.next}`
      if (!page.more) break
    }
  }
  t.ok(names.has('198.51.100.0/24') && names.has('host-249.example'))

  // taxii2client pages manifests as well, and reads can_read as a boolean.
  const manifest: unknown[] = []
  for (let url = `${collection}manifest/?limit=100`; ; ) {
    const page = (await get(w.app, url)).json()
    manifest.push(...page.objects)
    if (!page.more) break
    url = `${collection}manifest/?limit=100&next=${page.next}`
  }
  t.equal(manifest.length, 257)
})

t.test('a feed that waits for its first fetch is an error that passes, in TAXII as elsewhere', async (t) => {
  const awaited = ['tc']
  const { app } = await world(t, { awaited })
  const response = await get(app, objectsUrl)
  t.equal(response.statusCode, 503)
  t.ok(Number(response.headers['retry-after']) > 0)
  t.match(response.json(), {
    http_status: '503',
    error_code: 'FEED_NOT_READY',
    description: 'the feed "all" waits for the end of the first fetch of "tc"',
  })
  awaited.pop()
  t.equal((await get(app, objectsUrl)).body, '{}')
})

t.test('the last page says that there is no more only when nothing is left to publish either', async (t) => {
  const { app, fetch } = await world(t)
  // One step publishes 1000 members: with the identity 1001 objects.
  await fetch(domains(1500))
  const page = envelopeOf(await get(app, `${objectsUrl}?limit=1001`))
  t.equal(page.objects?.length, 1001)
  t.equal(page.more, true)
})

t.test('times are read with any fraction and offset, and written with six digits', async (t) => {
  const cases: readonly (readonly [string, string | undefined])[] = [
    ['2024-01-02T03:04:05Z', '2024-01-02T03:04:05.000000Z'],
    ['2024-01-02T03:04:05.Z', '2024-01-02T03:04:05.000000Z'],
    ['2024-01-02T03:04:05.1Z', '2024-01-02T03:04:05.100000Z'],
    ['2024-01-02T03:04:05.123456Z', '2024-01-02T03:04:05.123456Z'],
    ['2024-01-02T03:04:05.123456999Z', '2024-01-02T03:04:05.123456Z'],
    ['2024-01-02t03:04:05z', '2024-01-02T03:04:05.000000Z'],
    ['2024-01-02T03:04:05+00:00', '2024-01-02T03:04:05.000000Z'],
    ['2024-01-02T03:04:05 00:00', '2024-01-02T03:04:05.000000Z'],
    ['2024-01-02T03:04:05.5+05:30', '2024-01-01T21:34:05.500000Z'],
    ['1969-12-31T23:59:59.999999Z', '1969-12-31T23:59:59.999999Z'],
    ['2024-02-30T00:00:00Z', undefined],
    ['2024-01-02T24:00:01Z', undefined],
    ['2024-01-02T03:04:05', undefined],
    ['2024-01-02', undefined],
    ['1704164645', undefined],
    ['2024-01-02T03:04:05+25:00', undefined],
  ]
  for (const [text, read] of cases) {
    const time = microseconds(text)
    t.equal(time === undefined ? undefined : timeOfMicroseconds(time), read, text)
  }
})

t.test('the id of a collection never changes: clients are configured with it', async (t) => {
  t.equal(collectionOf('block-ip').id, '73a736e6-37fa-4e22-abd0-f830fcc50251')
})
