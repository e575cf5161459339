/**
 * The whole server on a database that goes wrong at random: fetches of changing records, feeds, TAXII, the change log,
 * pushes, tickets. Then all is well again, and what there is is compared with what both sides of it have.
 */

import { setTimeout as wait } from 'node:timers/promises'
import {
  type BridgeEnds,
  bridgeName,
  bridgeSettings,
  startBridgeEnds,
} from '../../../bench/harness/bridge-ends.ts'
import { judgeBridge } from '../../../bench/harness/bridge-judge.ts'
import { judgePush } from '../../../bench/harness/push-judge.ts'
import { startVendor, type Vendor } from '../../../bench/harness/vendors.ts'
import { createRandom } from '../../../src/sources/threatconnect/simulator/corpus/random.ts'
import { storedApp } from '../../app.ts'
import { type Connection, freshDatabase } from '../../store/database.ts'
import { type Client, createClient } from './client.ts'
import { type DatabaseProxy, startDatabaseProxy } from './proxy.ts'
import { spoilNothing } from './random-faults.ts'
import { judgeReading, type Reader, startReading } from './reading.ts'
import { type ChangingVendor, startChangingVendor } from './vendor.ts'

export interface RunOptions {
  readonly seed: number
  readonly rounds: number
  readonly records: number
  /** Of the database. Default: a fresh one. */
  readonly connection?: Connection
  /** Once the server is at work; until then all is well, and after the last round it is again. */
  readonly spoil?: (proxy: DatabaseProxy) => void
  /** Happens beside a round. @param round 0, 1, 2 … */
  readonly beside?: (proxy: DatabaseProxy, round: number) => Promise<void>
}

export interface Verdict {
  readonly faults: readonly string[]
  /** Statements, and those of them that went wrong. */
  readonly statements: number
  readonly spoilt: Readonly<Record<string, number>>
  readonly answers: Readonly<Record<string, number>>
  readonly figures: Readonly<Record<string, number>>
  readonly seconds: number
}

interface Test {
  teardown(after: () => Promise<void>): void
}

const key = 'the-key-of-the-one-who-asks-0123456789'

export async function runServer(t: Test, options: RunOptions): Promise<Verdict> {
  const began = performance.now()
  const random = createRandom(options.seed)
  const world = await begin(t, options)
  const { proxy, client } = world
  options.spoil?.(proxy)
  const pushed: Pushed[] = []
  const tickets: string[] = []
  const reader = startReading(client)
  for (let round = 0; round < options.rounds; round++) {
    world.tc.change(Math.ceil(options.records / 20))
    tickets.push(
      ...world.ends.ctp.addTickets(2, { notes: 1, attachmentBytes: 20, seed: options.seed + round }),
    )
    await Promise.all([
      fetched(client),
      push(client, pushed, random.below(20) + 1),
      poll(client),
      reader.look(),
      options.beside?.(proxy, round),
    ])
  }
  spoilNothing(proxy)
  return judge(world, { pushed, tickets, reader, began })
}

interface World {
  readonly proxy: DatabaseProxy
  readonly tc: ChangingVendor
  readonly product: Vendor
  readonly ends: BridgeEnds
  readonly client: Client
  readonly store: Awaited<ReturnType<typeof storedApp>>['store']
}

async function begin(t: Test, { seed, records, ...options }: RunOptions): Promise<World> {
  const tc = await startChangingVendor(records, createRandom(seed + 2))
  t.teardown(() => tc.close())
  const product = await startVendor('darktrace')
  t.teardown(() => product.simulator.close())
  const ends = await startBridgeEnds({ logLimit: 100_000 })
  t.teardown(() => ends.close())
  const connection = options.connection ?? (await freshDatabase(t)).connection
  const proxy = await startDatabaseProxy(connection)
  t.teardown(() => proxy.close())
  const settings = { baseUrl: tc.url, accessId: 'faults', secretKey: 'faults', pageSize: 100 }
  const file = {
    server: { requestsPerMinute: 0 },
    auth: { keys: [{ id: 'user', secret: key, scopes: ['admin'] }] },
    sources: [{ name: 'tc', kind: 'threatconnect', every: 'off', settings }],
    feeds: [{ name: 'all', activeOnly: true, shrinkGuard: 'off' }],
    exporters: [
      {
        ...{ name: 'product', kind: 'darktrace', settings: product.settings(product.simulator.url) },
        ...{ objectsPerRun: 10, proxy: 'none' },
      },
    ],
    bridges: [bridgeSettings(ends, { every: 'off', changesEvery: '60s', concurrency: 4 })],
  }
  const { app, schedule, store } = await storedApp(t, file, undefined, undefined, {
    connection: { ...connection, host: proxy.host, port: proxy.port },
    settleMs: [100, 200],
  })
  await schedule.start()
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { proxy, tc, product, ends, client: createClient(url, key), store }
}

interface Receipt {
  readonly id: string
  readonly status: string
  readonly received: number
  readonly stored: number
  readonly updated: number
  readonly unchanged: number
  readonly excluded: number
  readonly removed: number
  readonly unreadableCount: number
  readonly error: unknown
}

/** A fetch from its beginning to its end. */
async function fetched(client: Client): Promise<Receipt> {
  const { id } = await client.json<Receipt>('POST', '/api/v1/sources/tc/fetch')
  for (;;) {
    const receipt = await client.json<Receipt>('GET', `/api/v1/runs/${id}`)
    if (receipt.status !== 'running') return receipt
    await wait(30)
  }
}

interface Pushed {
  readonly id: string
  readonly values: readonly string[]
}

async function push(client: Client, pushed: Pushed[], count: number): Promise<void> {
  const number = pushed.length
  const values = Array.from({ length: count }, (_, n) => `pushed-${number}-${n}.example`)
  const { id } = await client.json<{ readonly id: string }>('POST', '/api/v1/push/product', {
    body: { indicators: values },
    headers: { 'idempotency-key': `push ${number}` },
  })
  pushed.push({ id, values })
}

async function poll(client: Client): Promise<void> {
  await client.ask('POST', `/api/v1/bridges/${bridgeName}/poll`, { allowed: [409] })
}

interface Done {
  readonly pushed: readonly Pushed[]
  readonly tickets: readonly string[]
  readonly reader: Reader
  readonly began: number
}

async function judge(world: World, { pushed, tickets, reader, began }: Done): Promise<Verdict> {
  const { client, proxy } = world
  const last = await fetched(client)
  const parts = [
    await judgeRecords(world, last),
    await judgePushes(world, pushed),
    await judgeTickets(world, tickets),
    await judgeReading(client, reader),
    await judgeAudit(world),
  ]
  return {
    faults: [...client.faults, ...parts.flatMap(({ faults }) => faults)],
    statements: proxy.seen,
    spoilt: Object.fromEntries(proxy.spoilt),
    answers: Object.fromEntries(client.answers),
    figures: Object.assign({}, ...parts.map(({ figures }) => figures)),
    seconds: (performance.now() - began) / 1000,
  }
}

export interface Part {
  readonly faults: readonly string[]
  readonly figures: Readonly<Record<string, number>>
}

interface Listed {
  readonly value: string
  readonly active: boolean
  readonly confidence?: number
  readonly observations: readonly { readonly remoteId: string }[]
}

/** Each record is stored once and as the vendor has it; every receipt adds up, and so do all of them together. */
async function judgeRecords({ client, tc, store }: World, last: Receipt): Promise<Part> {
  const { data } = await client.json<{ data: readonly Listed[] }>(
    'GET',
    '/api/v1/indicators?limit=10000&raw=false',
  )
  const stored = data.flatMap(({ value, confidence, active, observations }) =>
    observations.map(({ remoteId }) => ({ active, told: `${remoteId} ${value} ${confidence}` })),
  )
  const all = new Set(tc.all())
  const seen = new Set(stored.map(({ told }) => told))
  const runs = await store.runs('tc', { limit: 10_000 })
  const sum = (name: 'stored' | 'removed' | 'received') => runs.reduce((all, run) => all + run[name], 0)
  const faults = [
    ...stored
      .filter(({ told }) => !all.has(told))
      .map(({ told }) => `stored, and not at the vendor: ${told}`),
    ...tc
      .active()
      .filter((told) => !seen.has(told))
      .map((told) => `not stored: ${told}`),
    ...(seen.size === stored.length ? [] : [`${stored.length - seen.size} records are stored twice`]),
    ...[...runs, last].flatMap((run) => {
      const { received, stored, updated, unchanged, excluded, unreadableCount, status } = run
      const adds = received === stored + updated + unchanged + excluded + unreadableCount
      return adds && status === 'succeeded' ? [] : [`a receipt: ${JSON.stringify(run)}`]
    }),
    ...(sum('stored') - sum('removed') === stored.length
      ? []
      : [`receipts say ${sum('stored')} stored less ${sum('removed')} removed; there are ${stored.length}`]),
  ]
  return { faults, figures: { fetches: runs.length, received: sum('received'), records: stored.length } }
}

interface Export {
  readonly status: string
  readonly counts: Readonly<Record<string, number>>
}

interface Items {
  readonly data: Parameters<typeof judgePush>[1]
}

/** What the product was asked is what the ledger says, and each indicator is there once. */
async function judgePushes({ client, product, store }: World, pushed: readonly Pushed[]): Promise<Part> {
  const faults: string[] = []
  const items: Items['data'][number][] = []
  for (const { id, values } of pushed) {
    const path = `/api/v1/exports/${id}`
    const record = await untilOver(
      () => client.json<Export>('GET', path),
      ({ counts }) => counts.pending === 0,
    )
    if (record?.status !== 'succeeded') faults.push(`an export: ${JSON.stringify(record)}`)
    const { data } = await client.json<Items>('GET', `${path}/items?limit=10000`)
    if (data.length !== values.length) faults.push(`an export of ${values.length} has ${data.length} items`)
    items.push(...data)
  }
  const exports = await store.exports({ exporters: ['product'], limit: 10_000 })
  if (exports.length !== pushed.length) faults.push(`${exports.length} exports of ${pushed.length} pushes`)
  const sendings = product.simulator.requests
    .map((request) => product.stored(request))
    .filter((values) => values.length > 0)
    .map((values) => ({ values, life: 1, answer: 'told' }) as const)
  const account = { entries: product.entries(), sendings }
  const verdict = judgePush(
    pushed.flatMap(({ values }) => values),
    items,
    account,
  )
  const figures = { pushes: pushed.length, items: items.length, sentAgain: verdict.sentAgain }
  return { faults: [...faults, ...verdict.faults], figures }
}

async function judgeTickets({ client, ends }: World, tickets: readonly string[]): Promise<Part> {
  // Whatever the last poll left.
  await untilOver(
    async () => {
      await client.ask('POST', `/api/v1/bridges/${bridgeName}/poll?wait=5`, { allowed: [409] })
      return judgeBridge(ends, tickets)
    },
    ({ faults }) => faults.length === 0,
  )
  const { faults, notes } = judgeBridge(ends, tickets)
  return { faults: faults.map((fault) => `ticket ${fault}`), figures: { tickets: tickets.length, notes } }
}

/** The chain holds, and whoever was told that something was done finds it there, once. */
async function judgeAudit({ client, store }: World): Promise<Part> {
  const { broken, entries } = await store.verifyAudit()
  const byRequest = Map.groupBy(await store.audited({ limit: 100_000 }), ({ requestId }) => requestId)
  const faults = client.changed.flatMap(({ requestId, what }) => {
    const count = byRequest.get(requestId)?.length ?? 0
    return count === 1 ? [] : [`the audit log tells ${count} times of ${what}`]
  })
  return {
    faults: [...(broken === undefined ? [] : [`the audit log is broken at ${broken}`]), ...faults],
    figures: { audited: entries },
  }
}

const patienceMs = 60_000

/** The last state, also where it is not over in time. */
async function untilOver<T>(look: () => Promise<T>, isOver: (state: T) => boolean): Promise<T> {
  const end = performance.now() + patienceMs
  for (;;) {
    const state = await look()
    if (isOver(state) || performance.now() > end) return state
    await wait(50)
  }
}
