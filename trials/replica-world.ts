/**
 * What servers over one PostgreSQL are tried on: a source, two products and both ends of a bridge, simulated in this
 * process, with a balancer before the servers; and the judgement of what all of them have in the end.
 */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { ask, checked, endOf, startFetch } from '../bench/harness/api.ts'
import { isDone } from '../bench/harness/bridge-api.ts'
import { bridgeSettings, startBridgeEnds } from '../bench/harness/bridge-ends.ts'
import { judgeBridge } from '../bench/harness/bridge-judge.ts'
import { apiKey } from '../bench/harness/processes.ts'
import { endOfExport, itemsOf } from '../bench/harness/push-api.ts'
import { type Item, judgePush, type PushVerdict } from '../bench/harness/push-judge.ts'
import { startVendor, type Vendor } from '../bench/harness/vendors.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import { startThreatConnectSimulator } from '../src/sources/threatconnect/simulator/index.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { type Gateway, startGateway } from './gateway.ts'
import type { Load, Pushed } from './rolling-load.ts'
import { storeTold } from './store-told.ts'

export interface ReplicasOptions {
  /** Where the configuration is written. */
  readonly folder: string
  /** An empty database. */
  readonly storeUrl: string
}

/** A file for every server; what is in it stays, whatever becomes of them. */
export interface World {
  readonly balancer: Balancer
  readonly products: ReadonlyMap<string, Product>
  readonly ends: Awaited<ReturnType<typeof startBridgeEnds>>
  readonly source: Awaited<ReturnType<typeof startThreatConnectSimulator>>
  readonly ticketIds: string[]
  readonly configFile: string
  readonly storeUrl: string
  close(): Promise<void>
}

interface Product {
  readonly vendor: Vendor
  /** Sees what the servers send. */
  readonly gateway: Gateway
}

export const indicators = 400
export const exporters = ['secureworks', 'darktrace'] as const
export const feed = 'block'
/** As a Kubernetes readiness probe that is set closely. */
const lookMs = 200
/** What the load left is done within this time: what may have been carried out is looked for until 45 s afterwards. */
const restMs = 120_000

export async function createWorld({ folder, storeUrl }: ReplicasOptions): Promise<World> {
  const source = await startThreatConnectSimulator({
    accounts: [{ accessId: 'bench', secretKey: 'bench-secret' }],
    indicators: Array.from({ length: indicators }, (_, index) => ({
      ...{ type: 'Host', owner: 'Example Organization', dateAdded: '2024-01-02T01:07:13Z' },
      summary: `host-${index}.feed.example`,
    })),
  })
  const products = new Map<string, Product>()
  for (const kind of exporters) {
    const vendor = await startVendor(kind)
    products.set(kind, { vendor, gateway: await startGateway(vendor, 0, createRandom(1)) })
  }
  const ends = await startBridgeEnds({ logLimit: 100_000 })
  const balancer = await startBalancer({ lookMs })
  const retry = { attempts: 12, initial: '50ms', max: '2s' }
  const configFile = join(folder, 'replicas.yaml')
  const config = {
    server: { port: 0, drain: '2s', requestsPerMinute: 0 },
    auth: { keys: [{ id: 'bench', secret: apiKey, scopes: ['admin'] }] },
    store: { url: storeUrl },
    sources: [
      {
        ...{ name: 'tc', kind: 'threatconnect', every: 'off', proxy: 'none' },
        settings: { baseUrl: source.url, accessId: 'bench', secretKey: 'bench-secret', pageSize: 50 },
      },
    ],
    feeds: [{ name: feed, types: ['domain'] }],
    exporters: [...products].map(([kind, { vendor, gateway }]) => ({
      ...{ kind, retry, proxy: 'none', objectsPerRun: 5 },
      settings: vendor.settings(gateway.url),
    })),
    bridges: [bridgeSettings(ends, { every: '1s', changesEvery: '5s', concurrency: 4, retry })],
  }
  writeFileSync(configFile, JSON.stringify(config))
  return {
    ...{ balancer, products, ends, source, configFile, storeUrl, ticketIds: [] },
    async close() {
      await balancer.close()
      const all = [...products.values()].flatMap(({ vendor, gateway }) => [gateway, vendor.simulator])
      await Promise.all([source, ends, ...all].map((each) => each.close()))
    },
  }
}

/** The first fetch is done, and its list is there. */
export async function untilListed({ balancer }: World): Promise<void> {
  await endOf(balancer, (await startFetch(balancer)).id)
  while ((await listOf(balancer)) < indicators) await wait(50)
}

async function listOf({ url }: Balancer): Promise<number> {
  const answer = await fetch(`${url}/feeds/${feed}.txt`, { headers: { authorization: `Bearer ${apiKey}` } })
  await answer.arrayBuffer()
  return Number(answer.headers.get('x-feed-entries') ?? 0)
}

/** What the load changes at the source and at the desk. */
export function changes({ source, ends: { ctp }, ticketIds }: World) {
  const ids = source.records.indicators.map(({ id }) => id)
  let turn = 0
  return {
    changeSource() {
      for (let count = 0; count < 10; count++) {
        const id = ids[turn++ % ids.length]
        if (id !== undefined) source.records.update(id, { confidence: 1 + (turn % 99) })
      }
    },
    changeTickets() {
      turn++
      if (ticketIds.length === 0 || turn % 2 === 0) {
        ticketIds.push(...ctp.addTickets(1, { notes: 1, attachmentBytes: 500, seed: turn }))
        return
      }
      const id = ticketIds[turn % ticketIds.length]
      if (id === undefined) return
      const at = Math.floor(Date.now() / 1000) * 1000
      const description = `Change ${turn}.`
      ctp.addWorklog(id, { dateCreated: at, description, type: 'SOC Note', createdBy: 'Jane Analyst' })
    },
  }
}

export interface Judged {
  /** Of each product, what was sent again and why. */
  readonly verdicts: readonly PushVerdict[]
  readonly faults: readonly string[]
}

/** Everything that was taken is done, once and as it was told. */
export async function judge(
  { balancer, products, ends, storeUrl, ticketIds }: World,
  load: Load,
): Promise<Judged> {
  const faults: string[] = []
  const items = new Map<string, Item[]>(exporters.map((kind) => [kind, []]))
  for (const pushed of load.pushes) {
    const received = await receiptOf(balancer, pushed)
    faults.push(...received.faults)
    items.get(pushed.exporter)?.push(...received.items)
  }
  const verdicts = [...products].map(([kind, { vendor, gateway }]) => {
    const wanted = load.pushes.filter(({ exporter }) => exporter === kind).flatMap(({ values }) => values)
    const account = { entries: vendor.entries(), sendings: gateway.sendings }
    const verdict = judgePush(wanted, items.get(kind) ?? [], account)
    faults.push(...verdict.faults.map((fault) => `${kind}: ${fault}`))
    return verdict
  })
  for (const id of load.runs) {
    // Throws unless it succeeded and adds up.
    await endOf(balancer, id).catch((error: unknown) => faults.push(String(error)))
  }
  const { data } = await ask<{ readonly data: readonly Parameters<typeof checked>[0][] }>(
    balancer,
    '/api/v1/sources/tc/runs?limit=100',
  )
  for (const run of data) checked(run)
  const last = performance.now() + restMs
  const isAtRest = async () =>
    ends.ctp.unacknowledged().length === 0 && (await isDone(balancer, ticketIds.length))
  while (!(await isAtRest())) {
    if (performance.now() > last) {
      const told = `${ticketIds.length} tickets, not acknowledged: ${ends.ctp.unacknowledged().join(', ')}
${await storeTold(storeUrl)}`
      return { verdicts, faults: [...faults, `the bridge is not at rest after ${restMs / 1000} s: ${told}`] }
    }
    await wait(200)
  }
  return { verdicts, faults: [...faults, ...judgeBridge(ends, ticketIds).faults] }
}

interface Received {
  readonly items: readonly Item[]
  readonly faults: readonly string[]
}

async function receiptOf(balancer: Balancer, { exporter, id, values }: Pushed): Promise<Received> {
  const { counts } = await endOfExport(balancer, id)
  const items = await itemsOf(balancer, id)
  const accepted = new Set(items.filter(({ status }) => status === 'accepted').map(({ value }) => value))
  const isWhole = counts.total === values.length && counts.accepted === values.length
  const isAccepted = values.every((value) => accepted.has(value))
  if (isWhole && isAccepted && items.length === values.length) return { items, faults: [] }
  const told = `${JSON.stringify(counts)}, ${JSON.stringify(items).slice(0, 500)}`
  return { items, faults: [`the export ${id} to ${exporter}: ${told}`] }
}
