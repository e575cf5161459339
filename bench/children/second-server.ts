/**
 * Another server on the same store, as far as it writes: it changes records, and does the housekeeping once, when it is
 * told to. Messages are `SecondOrder`s; each is answered.
 *
 *   second-server.ts SOCKETS
 */
import { pino } from 'pino'
import { renderForCollections } from '../../src/feeds/stix/objects.ts'
import type { Observation } from '../../src/model/indicator.ts'
import { normalise } from '../../src/sources/threatconnect/normalise.ts'
import { openDatabase } from '../../src/store/postgres/database.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'
import { ClaimLost } from '../../src/store/store.ts'
import { threatConnectRecord } from '../harness/records.ts'

export type SecondOrder =
  /** These records, in another version, as one fetch. Answered with `{}`. */
  | { readonly do: 'change'; readonly records: readonly number[]; readonly version: number }
  /** These records are to leave in an hour. Answered with `{}`. */
  | { readonly do: 'let-expire'; readonly records: readonly number[]; readonly version: number }
  /** Every look of the housekeeping that has nothing to do. Answered with `HousekeepingTimes`. */
  | { readonly do: 'housekeeping' }
  /** What the sources have is counted. Answered with `HousekeepingTimes`. */
  | { readonly do: 'sample' }
  /** What is due within two hours leaves now: nobody else takes it. Answered with `HousekeepingTimes`. */
  | { readonly do: 'expire' }
  /** Changes are forgotten, all of them. Answered with `HousekeepingTimes`. */
  | { readonly do: 'prune' }
  /** PostgreSQL's upkeep is brought up to date, so that it does not come in the midst of a measure. Answered with `{}`. */
  | { readonly do: 'upkeep' }
  /** Answered with `StoreSize`. */
  | { readonly do: 'size' }

/** Milliseconds, and what left. */
export interface HousekeepingTimes {
  readonly ms: Readonly<Record<string, number>>
  readonly rows: number
}

export interface StoreSize {
  readonly bytes: number
  /** With indexes. */
  readonly tables: Readonly<Record<string, number>>
}

const [host = ''] = process.argv.slice(2)
const connection = { host, port: 5432, user: 'postgres', database: 'postgres' }
const log = pino({ level: 'silent' })
const store = await openPostgresStore({ connection, log, render: renderForCollections })
const database = await openDatabase({ connection, log })
const source = 'tc'
const options = { name: source, reliability: 'F', feedTags: [] } as const
const pageSize = 1000

function observationOf(index: number, version: number): Observation {
  const normalised = normalise(threatConnectRecord(index, version), 'indicator', options, 0)
  if ('observation' in normalised) return normalised.observation
  throw new Error(`record ${index} can not be read`)
}

async function change(records: readonly number[], version: number, expiresAt: string | null) {
  const { run } = await store.startRun(source, new Date())
  const { cursor } = await store.sourceState(source)
  if (cursor === undefined) throw new Error('there is no fetch to go on with')
  for (let at = 0; at < records.length; at += pageSize) {
    const page = records.slice(at, at + pageSize)
    const changed = page.map((index) => ({ observation: observationOf(index, version), expiresAt }))
    await asOwner(run.id, (claim) =>
      store.ingest({
        ...{ run: run.id, claim, source, part: 'indicators', cursor, now: new Date(), requests: 1 },
        ...{ received: page.length, unreadable: [], excluded: [], removed: [] },
        records: changed,
      }),
    )
  }
  await asOwner(run.id, (claim) => store.endRun(run.id, claim, 'succeeded', [], new Date()))
  return {}
}

/** The measured server takes over what nobody of its queue is at work at, within 15 s: it is taken back. */
async function asOwner<T>(run: string, work: (claim: number) => Promise<T>): Promise<T> {
  for (;;) {
    const claim = await store.claimRun(run)
    if (claim === undefined) throw new Error('there is no fetch to go on with')
    try {
      return await work(claim)
    } catch (error) {
      if (!(error instanceof ClaimLost)) throw error
    }
  }
}

async function timed(looks: Readonly<Record<string, () => Promise<number>>>): Promise<HousekeepingTimes> {
  const ms: Record<string, number> = {}
  let rows = 0
  for (const [name, look] of Object.entries(looks)) {
    const from = performance.now()
    rows += await look()
    ms[name] = performance.now() - from
  }
  return { ms, rows }
}

const longAgo = new Date(0)

function housekeeping(): Promise<HousekeepingTimes> {
  return timed({
    expire: () => store.expire(new Date(), pageSize),
    prune: () => store.prune(longAgo),
    prunePublications: () => store.prunePublications(longAgo),
    pruneFeeds: () => store.pruneFeeds(),
    pruneExports: () => store.pruneExports(longAgo, new Date()),
    pruneHistory: () => store.pruneHistory(longAgo),
  })
}

const hourMs = 3_600_000

async function everyBatch(): Promise<number> {
  const then = new Date(Date.now() + 2 * hourMs)
  let all = 0
  for (let count = pageSize; count >= pageSize; all += count) count = await store.expire(then, pageSize)
  return all
}

/** A worker that has begun by itself gives way to it. */
async function upkeep(): Promise<object> {
  await database.execute('vacuum (analyze)')
  return {}
}

async function size(): Promise<StoreSize> {
  const tables = await database.query<{ name: string; bytes: number }>(
    `select relname as name, pg_total_relation_size(oid)::float8 as bytes from pg_class
     where relkind = 'r' and relnamespace = 'public'::regnamespace order by 2 desc limit 8`,
  )
  const [whole] = await database.query<{ bytes: number }>(
    'select pg_database_size(current_database())::float8 as bytes',
  )
  return {
    bytes: whole?.bytes ?? Number.NaN,
    tables: Object.fromEntries(tables.map(({ name, bytes }) => [name, bytes])),
  }
}

function carryOut(order: SecondOrder): Promise<object> {
  switch (order.do) {
    case 'change':
      return change(order.records, order.version, null)
    case 'let-expire':
      return change(order.records, order.version, new Date(Date.now() + hourMs).toISOString())
    case 'housekeeping':
      return housekeeping()
    case 'sample':
      return timed({ sample: () => store.sampleSources(new Date()).then(() => 0) })
    case 'expire':
      return timed({ expire: everyBatch })
    case 'prune':
      return timed({
        prune: () => store.prune(new Date(Date.now() + 60_000)),
        pruneFeeds: () => store.pruneFeeds(),
      })
    case 'upkeep':
      return upkeep()
    case 'size':
      return size()
  }
}

process.on('message', (order: SecondOrder) => {
  carryOut(order).then((answer) => process.send?.(answer))
})
process.once('SIGTERM', async () => {
  await Promise.all([store.close(), database.close()])
  process.exit()
})
console.log('listening on messages')
