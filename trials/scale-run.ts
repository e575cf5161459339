/** Three servers over one PostgreSQL with many indicators: who fetches, how pushes are shared, and what all of it takes. */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { request } from 'undici'
import { endOf, expectCounts, type Receipt, startFetch } from '../bench/harness/api.ts'
import { peakMegabytes } from '../bench/harness/measure.ts'
import { apiKey, type Child } from '../bench/harness/processes.ts'
import { endOfExport, push } from '../bench/harness/push-api.ts'
import type { VendorKind } from '../bench/harness/vendors.ts'
import type { Asked, GeneratedOrder } from './children/generated-pages.ts'
import { type List, listsOf } from './scale-lists.ts'
import { idleOf, type Throughput, throughputOf } from './scale-throughput.ts'
import { type Cpu, createWorld, type ScaleOptions, type Timed, timed, type World } from './scale-world.ts'

export interface Fetched extends Timed {
  readonly received: number
  /** How many records each server read. */
  readonly byReplica: readonly number[]
  /** What the vendor was asked: it shows if somebody read twice. */
  readonly asked: Asked
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
const pushed: Readonly<Record<VendorKind, number>> = { secureworks: 10_000, darktrace: 10_000, cofense: 500 }
const countedMs = 5000

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
  // As they are some time after a first fetch: else PostgreSQL does this while others are measured.
  await client.query('vacuum (analyze) indicator, observation, feed_member')
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
