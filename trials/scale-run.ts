/**
 * Three servers over one PostgreSQL with many indicators: who fetches, what lists they serve, what each of them carries,
 * and how pushes are shared. Long, as its parts follow one another on the same world.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { request } from 'undici'
import type { VendorOrder, VendorSettings } from '../bench/children/vendor.ts'
import { ask, endOf, expectCounts, type Receipt, startFetch } from '../bench/harness/api.ts'
import { cpuSeconds, databaseCpuSeconds, embeddedPostgres, peakMegabytes } from '../bench/harness/measure.ts'
import { apiKey, type Child, compiledProgram, type Start } from '../bench/harness/processes.ts'
import { endOfExport, push } from '../bench/harness/push-api.ts'
import type { VendorKind } from '../bench/harness/vendors.ts'
import type { Clients, Served } from './children/clients.ts'
import type { Asked, GeneratedOrder } from './children/generated-pages.ts'

export interface ScaleOptions {
  readonly start: Start
  readonly folder: string
  readonly indicators: number
  readonly replicas: number
  /** Of each measurement of throughput. */
  readonly seconds: number
  /** Of an installed PostgreSQL, instead of the packaged one. */
  readonly binaries?: string
  /** What goes on. */
  tell(words: string): void
}

/** CPU time, of each server and of PostgreSQL. */
export interface Cpu {
  readonly replicas: readonly number[]
  readonly database: number
}

export interface Timed {
  readonly seconds: number
  readonly cpu: Cpu
}

export interface Fetched extends Timed {
  readonly received: number
  /** How many records each server read. */
  readonly byReplica: readonly number[]
  /** What the vendor was asked: it shows if somebody read twice. */
  readonly asked: Asked
}

export interface List {
  readonly path: string
  readonly entries: number
  readonly bytes: number
  readonly etag: string
  readonly sha256: string
  /** At each server, one after the other: the first one makes it. */
  readonly seconds: readonly number[]
  /** Empty: all servers sent the same bytes under the same ETag. */
  readonly faults: readonly string[]
}

/** Clients of so many servers at once. */
export interface Throughput {
  readonly work: string
  readonly replicas: number
  readonly perSecond: number
  readonly megabytesPerSecond: number
  /** Microseconds a request, beyond what is spent when nobody asks. */
  readonly nodeMicros: number
  readonly databaseMicros: number
}

export interface Shared {
  readonly exporter: string
  readonly seconds: number
  readonly accepted: number
  /** Items that each server sent. */
  readonly byReplica: readonly number[]
}

export interface Scaled {
  readonly version: string
  readonly fetch: Fetched
  /** A fetch of few changes, and how long until each list had them. */
  readonly update: Fetched
  readonly lists: readonly List[]
  readonly listsAfter: readonly List[]
  /** CPU time of a second in which nobody asks: it is not counted to requests. */
  readonly idle: Cpu
  readonly throughput: readonly Throughput[]
  readonly pushes: readonly Shared[]
  readonly databaseBytes: number
  readonly tables: readonly { readonly table: string; readonly rows: number; readonly bytes: number }[]
  readonly peakMegabytes: readonly number[]
  readonly faults: readonly string[]
}

const changed = 1000
const connections = 8
/** Few of all, for what is too big as JSON or as objects of TAXII. */
const worstScore = 990
const pushed: Readonly<Record<VendorKind, number>> = { secureworks: 10_000, darktrace: 10_000, cofense: 500 }
const countedMs = 5000
const idleMs = 10_000
/** For one machine that also has the servers: a quarter of what a small database server would be given. */
const settings = {
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  max_connections: '100',
  checkpoint_timeout: '15min',
}

interface World {
  readonly options: ScaleOptions
  readonly vendor: Child
  readonly products: ReadonlyMap<VendorKind, Child>
  readonly postgres: Child
  readonly storeUrl: string
  readonly postmaster: number
  readonly replicas: readonly Child[]
  readonly clients: readonly Child[]
}

async function createWorld(options: ScaleOptions): Promise<World> {
  const { start, folder } = options
  const store = join(folder, 'postgres')
  mkdirSync(store)
  const postgres = await start([
    'trials/children/postgres.ts',
    store,
    JSON.stringify(settings),
    ...(options.binaries === undefined ? [] : [options.binaries]),
  ])
  const vendor = await start(['trials/children/generated-pages.ts', String(options.indicators)])
  const products = new Map<VendorKind, Child>()
  const exporters: object[] = []
  for (const kind of Object.keys(pushed) as VendorKind[]) {
    const product = await start(['bench/children/vendor.ts', kind])
    products.set(kind, product)
    const told = await product.ask<VendorSettings>({ do: 'settings' } satisfies VendorOrder)
    exporters.push({ kind, proxy: 'none', settings: told })
  }
  const config = {
    server: { port: 0, requestsPerMinute: 0, doctorAtStart: false },
    auth: { keys: [{ id: 'bench', secret: apiKey, scopes: ['admin'] }] },
    store: { url: postgres.url },
    sources: [
      {
        ...{ name: 'tc', kind: 'threatconnect', every: 'off', proxy: 'none' },
        settings: { baseUrl: vendor.url, accessId: 'bench', secretKey: 'bench' },
      },
    ],
    feeds: [
      { name: 'all', maxTlp: 'red' },
      { name: 'files', types: ['file'], maxTlp: 'red' },
      { name: 'worst', minThreatAssessScore: worstScore, maxTlp: 'red' },
    ],
    exporters,
  }
  const file = join(folder, 'scale.yaml')
  writeFileSync(file, JSON.stringify(config))
  const serve = () => start(['--max-semi-space-size=4', compiledProgram(), 'serve', '--config', file])
  const replicas: Child[] = []
  const clients: Child[] = []
  for (let place = 0; place < options.replicas; place++) {
    replicas.push(await serve())
    clients.push(await start(['trials/children/clients.ts']))
  }
  const postmaster = embeddedPostgres(postgres.pid)
  return { ...{ options, vendor, products, postgres, postmaster, replicas, clients }, storeUrl: postgres.url }
}

/** @throws Error where something can't be done at all */
export async function scale(options: ScaleOptions): Promise<Scaled> {
  const world = await createWorld(options)
  const { tell } = options
  const client = new pg.Client({ connectionString: world.storeUrl })
  await client.connect()
  const [{ version = '' } = {}] = (await client.query<{ version: string }>('select version()')).rows
  const faults: string[] = []
  const fetch = await fetchOnce(world, options.indicators)
  tell(`fetched ${fetch.received} in ${fetch.seconds.toFixed(0)} s`)
  faults.push(...fetchFaults(fetch, options.indicators))
  const lists = await listsOf(world)
  tell('the lists are made')
  const databaseBytes = await sizeOf(client)
  const tables = await tablesOf(client)
  const idle = await idleOf(world)
  const throughput = await throughputOf(world, lists, idle)
  tell('throughput is measured')
  await world.vendor.ask({ do: 'change', records: changed } satisfies GeneratedOrder)
  const update = await fetchOnce(world, changed)
  const listsAfter = await listsOf(world)
  tell('the lists are made again')
  const pushes = await pushesOf(world)
  tell('pushed')
  faults.push(...[...lists, ...listsAfter].flatMap((list) => list.faults))
  for (const { exporter, accepted, byReplica } of pushes) {
    const sent = byReplica.reduce((sum, each) => sum + each, 0)
    if (sent !== accepted) faults.push(`${exporter}: ${sent} items were sent, ${accepted} accepted`)
  }
  await client.end()
  const peaks = world.replicas.map(({ pid }) => peakMegabytes(pid))
  for (const replica of world.replicas) {
    if ((await replica.stop()) !== 0) faults.push('a server did not end by itself')
  }
  return {
    ...{ version, fetch, update, lists, listsAfter, idle, throughput, pushes },
    ...{ databaseBytes, tables, peakMegabytes: peaks, faults },
  }
}

function cpuOf({ replicas, postmaster }: World): Cpu {
  return {
    replicas: replicas.map(({ pid }) => cpuSeconds(pid)),
    database: databaseCpuSeconds(postmaster),
  }
}

async function timed<T>(world: World, work: () => Promise<T>): Promise<Timed & { readonly value: T }> {
  const before = cpuOf(world)
  const from = performance.now()
  const value = await work()
  const seconds = (performance.now() - from) / 1000
  const after = cpuOf(world)
  const cpu = {
    replicas: after.replicas.map((each, place) => each - (before.replicas[place] ?? 0)),
    database: after.database - before.database,
  }
  return { seconds, cpu, value }
}

/** Housekeeping, and looks for what others did. */
async function idleOf(world: World): Promise<Cpu> {
  const { cpu, seconds } = await timed(world, () => wait(idleMs))
  return { replicas: cpu.replicas.map((each) => each / seconds), database: cpu.database / seconds }
}

/** Everybody asks for it at once. */
async function fetchOnce(world: World, records: number): Promise<Fetched> {
  const { replicas, vendor } = world
  const tell = () => vendor.ask<Asked>({ do: 'tell' } satisfies GeneratedOrder)
  const read = () => counted(replicas, (name) => name === 'feed_server_source_records_total{source="tc"}')
  const before = { asked: await tell(), read: await read() }
  const fetched = await timed(world, async () => {
    const begun = await Promise.all(replicas.map(startFetch))
    const ids = new Set(begun.map(({ id }) => id))
    const [id = ''] = ids
    if (ids.size !== 1) throw new Error(`${ids.size} fetches were begun, not one`)
    const receipt: Receipt = await endOf(replicas[0] as Child, id)
    expectCounts(receipt, { received: records })
    return receipt
  })
  const after = { asked: await tell(), read: await read() }
  const { seconds, cpu, value } = fetched
  return {
    ...{ seconds, cpu, received: value.received },
    byReplica: after.read.map((each, place) => each - (before.read[place] ?? 0)),
    asked: {
      requests: after.asked.requests - before.asked.requests,
      records: after.asked.records - before.asked.records,
    },
  }
}

function fetchFaults({ byReplica, asked }: Fetched, records: number): string[] {
  const readers = byReplica.filter((each) => each > 0).length
  return [
    ...(readers === 1 ? [] : [`${readers} servers fetched: ${byReplica.join(', ')}`]),
    ...(asked.records === records ? [] : [`the vendor was asked for ${asked.records} records`]),
  ]
}

/** Of each server, the sum of what it counts under these names. */
function counted(replicas: readonly Child[], wanted: (name: string) => boolean): Promise<number[]> {
  return Promise.all(
    replicas.map(async ({ url }) => {
      const headers = { authorization: `Bearer ${apiKey}` }
      const { body } = await request(`${url}/metrics`, { headers })
      const lines = (await body.text()).split('\n').map((line) => line.split(/ (?=[^ ]*$)/))
      return lines.filter(([name = '']) => wanted(name)).reduce((sum, [, value]) => sum + Number(value), 0)
    }),
  )
}

interface Read {
  readonly etag: string
  readonly sha256: string
  readonly bytes: number
  readonly entries: number
  readonly seconds: number
}

/** What is not made yet is asked for again, as a client would. */
async function readList({ url }: Child, path: string): Promise<Read> {
  const from = performance.now()
  const headers = { authorization: `Bearer ${apiKey}` }
  for (;;) {
    const answer = await request(url + path, { headers, headersTimeout: 900_000, bodyTimeout: 900_000 })
    const hash = createHash('sha256')
    let bytes = 0
    for await (const chunk of answer.body) {
      hash.update(chunk as Buffer)
      bytes += (chunk as Buffer).length
    }
    const { etag = '', 'x-feed-entries': entries, 'retry-after': after } = answer.headers
    if (answer.statusCode === 503 && after !== undefined) {
      await wait(Number(after) * 1000)
      continue
    }
    if (answer.statusCode !== 200) throw new Error(`${path} answered ${answer.statusCode}`)
    const seconds = (performance.now() - from) / 1000
    return { etag: String(etag), sha256: hash.digest('hex'), bytes, entries: Number(entries), seconds }
  }
}

async function listsOf(world: World): Promise<List[]> {
  const lists: List[] = []
  for (const path of ['/feeds/all.txt', '/feeds/worst.ndjson', '/feeds/worst.json', '/feeds/files.csv']) {
    const reads: Read[] = []
    for (const replica of world.replicas) reads.push(await readList(replica, path))
    lists.push(listOf(path, reads))
    world.options.tell(`${path}: ${reads.map(({ seconds }) => seconds.toFixed(1)).join(', ')} s`)
  }
  const collections: Read[] = []
  for (const replica of world.replicas) collections.push(await readCollection(replica, 'worst'))
  return [...lists, listOf('TAXII collection worst', collections)]
}

function listOf(path: string, reads: readonly Read[]): List {
  const [first] = reads
  if (first === undefined) throw new Error('there is no server')
  const { entries, bytes, etag, sha256 } = first
  const others = reads.filter((read) => read.etag !== etag || read.sha256 !== sha256)
  const faults = others.map((read) => `${path}: ${read.etag} ${read.sha256}, not ${etag} ${sha256}`)
  return { ...{ path, entries, bytes, etag, sha256, faults }, seconds: reads.map(({ seconds }) => seconds) }
}

/** Every object, as its bytes came: where pages end is no promise while a collection is being published. */
async function readCollection(replica: Child, title: string): Promise<Read> {
  const accept = 'application/taxii+json;version=2.1'
  const { collections } = await ask<{
    readonly collections: readonly { readonly id: string; readonly title: string }[]
  }>(replica, '/taxii2/feeds/collections/', 'GET', { headers: { accept } })
  const id = collections.find((collection) => collection.title === title)?.id
  const from = performance.now()
  const hash = createHash('sha256')
  let [bytes, entries] = [0, 0]
  for (let next: string | undefined = ''; next !== undefined; ) {
    const more: string = next === '' ? '' : `&next=${next}`
    const { statusCode, body } = await request(
      `${replica.url}/taxii2/feeds/collections/${id}/objects/?limit=1000${more}`,
      {
        headers: { authorization: `Bearer ${apiKey}`, accept },
        headersTimeout: 900_000,
        bodyTimeout: 900_000,
      },
    )
    const text = await body.text()
    if (statusCode !== 200) throw new Error(`TAXII answered ${statusCode}: ${text.slice(0, 300)}`)
    bytes += text.length
    const page = JSON.parse(text) as { readonly objects?: readonly object[]; readonly next?: string }
    for (const object of page.objects ?? []) hash.update(JSON.stringify(object))
    entries += page.objects?.length ?? 0
    next = page.next
  }
  return { etag: '', sha256: hash.digest('hex'), bytes, entries, seconds: (performance.now() - from) / 1000 }
}

interface Work {
  readonly work: string
  readonly paths: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
}

/** One server after the other joins in. */
async function throughputOf(world: World, lists: readonly List[], idle: Cpu): Promise<Throughput[]> {
  const { replicas, clients, options } = world
  const all = lists.find(({ path }) => path === '/feeds/all.txt')
  const pages = await pagesOf(replicas[0] as Child)
  const spread = Array.from({ length: 5000 }, (_, at) => Math.floor((at * options.indicators) / 5000))
  const works: readonly Work[] = [
    {
      work: 'list, 304',
      paths: ['/feeds/all.txt'],
      headers: { 'if-none-match': all?.etag ?? '' },
      status: 304,
    },
    { work: 'list, first 29,000', paths: ['/feeds/all.txt?n=29000'], status: 200 },
    { work: 'list, all of it', paths: ['/feeds/all.txt'], status: 200 },
    { work: 'look-up of a value', paths: spread.map(lookupOf), status: 200 },
    { work: 'page of 100 indicators', paths: pages, status: 200 },
    { work: 'page of 100 changes', paths: await changePages(replicas[0] as Child), status: 200 },
  ]
  const measured: Throughput[] = []
  for (const { work, ...asked } of works) {
    // What is made or cached is so at each of them.
    for (const { url } of replicas) {
      const { statusCode, body } = await request(url + (asked.paths[0] ?? '/'), {
        headers: { authorization: `Bearer ${apiKey}`, ...asked.headers },
      })
      await body.dump({ limit: Number.MAX_SAFE_INTEGER })
      if (statusCode !== asked.status) throw new Error(`${work}: ${statusCode}`)
    }
    for (let count = 1; count <= replicas.length; count++) {
      const { value, cpu, seconds } = await timed(world, () =>
        Promise.all(
          replicas.slice(0, count).map(async ({ url }, place) => {
            const order: Clients = { ...asked, url, seconds: options.seconds, connections }
            const served = await (clients[place] as Child).ask<Served | { readonly failure: string }>(order)
            if ('failure' in served) throw new Error(`${work}: ${served.failure}`)
            return served
          }),
        ),
      )
      const requests = value.reduce((sum, served) => sum + served.requests, 0)
      const ofReplicas = cpu.replicas
        .slice(0, count)
        .reduce((sum, each, place) => sum + each - (idle.replicas[place] ?? 0) * seconds, 0)
      const ofDatabase = cpu.database - idle.database * seconds
      measured.push({
        ...{ work, replicas: count },
        perSecond: value.reduce((sum, served) => sum + served.requests / served.seconds, 0),
        megabytesPerSecond: value.reduce((sum, served) => sum + served.bytes / served.seconds / 1e6, 0),
        nodeMicros: (ofReplicas * 1e6) / requests,
        databaseMicros: Math.max(0, (ofDatabase * 1e6) / requests),
      })
    }
  }
  return measured
}

/** Of hosts, one record in seven each at two places. */
function lookupOf(index: number): string {
  const host = index - (index % 7) + 1
  return `/api/v1/indicators/lookup?value=host-${host}.malware.example`
}

const walked = 50

async function pagesOf(replica: Child): Promise<string[]> {
  const paths = ['/api/v1/indicators?limit=100&raw=false']
  while (paths.length < walked) {
    const { next } = await ask<{ readonly next: string | null }>(replica, paths.at(-1) ?? '')
    if (next === null) break
    paths.push(`/api/v1/indicators?limit=100&raw=false&cursor=${encodeURIComponent(next)}`)
  }
  return paths
}

async function changePages(replica: Child): Promise<string[]> {
  const headers = { authorization: `Bearer ${apiKey}` }
  const paths = ['/api/v1/changes?limit=100']
  while (paths.length < walked) {
    const { body } = await request(replica.url + (paths.at(-1) ?? ''), { headers })
    const last = (await body.text()).trimEnd().split('\n').at(-1)
    if (last === undefined || last === '') break
    const { cursor } = JSON.parse(last) as { readonly cursor: string }
    paths.push(`/api/v1/changes?limit=100&since=${encodeURIComponent(cursor)}`)
  }
  return paths
}

/** Each by another server, all at once. */
async function pushesOf({ replicas, products }: World): Promise<Shared[]> {
  const kinds = [...products.keys()]
  const sent = (kind: VendorKind) =>
    counted(
      replicas,
      (name) =>
        name.startsWith(`feed_server_export_items_total{`) &&
        name.includes(`target="${kind}"`) &&
        /outcome="(accepted|unchanged)"/.test(name),
    )
  const from = performance.now()
  return Promise.all(
    kinds.map(async (kind, place) => {
      const replica = replicas[place % replicas.length] as Child
      const indicators = Array.from({ length: pushed[kind] }, (_, at) => `host-${at}.${kind}.example`)
      const { id } = await push(replica, kind, { indicators })
      const { counts } = await endOfExport(replica, id)
      const seconds = (performance.now() - from) / 1000
      const accepted = counts.accepted + counts.unchanged
      if (accepted !== indicators.length) throw new Error(`${kind}: ${JSON.stringify(counts)}`)
      return { exporter: kind, seconds, accepted, byReplica: await inTime(() => sent(kind), accepted) }
    }),
  )
}

/** A receipt is settled a moment before it is counted. */
async function inTime(count: () => Promise<number[]>, wanted: number): Promise<number[]> {
  for (const last = performance.now() + countedMs; ; await wait(100)) {
    const counts = await count()
    if (counts.reduce((sum, each) => sum + each, 0) >= wanted || performance.now() > last) return counts
  }
}

async function sizeOf(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ bytes: string }>(
    'select pg_database_size(current_database()) as bytes',
  )
  return Number(rows[0]?.bytes)
}

/** The biggest. Rows as PostgreSQL last counted them. */
async function tablesOf(client: pg.Client): Promise<Scaled['tables']> {
  const { rows } = await client.query<{ table: string; rows: string; bytes: string }>(
    `select c.oid::regclass::text as table, greatest(s.n_live_tup, 0) as rows, pg_total_relation_size(c.oid) as bytes
     from pg_class c join pg_stat_user_tables s on s.relid = c.oid order by 3 desc limit 8`,
  )
  return rows.map((row) => ({ table: row.table, rows: Number(row.rows), bytes: Number(row.bytes) }))
}
