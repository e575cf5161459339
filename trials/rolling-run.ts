/**
 * A rolling restart: two servers over one PostgreSQL behind a balancer, restarted in turn while clients go on. Products
 * and desks are simulated in this process, which judges what they have in the end.
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
import { startVendor, type Vendor } from '../bench/harness/vendors.ts'
import { startThreatConnectSimulator } from '../src/sources/threatconnect/simulator/index.ts'
import { type Balancer, startBalancer } from './balancer.ts'
import { type Load, type Pushed, startLoad } from './rolling-load.ts'

export interface Replica {
  readonly url: string
  /** By SIGTERM. @returns the exit code */
  stop(): Promise<number | null>
}

export interface RollingOptions {
  readonly restarts: number
  /** Where the configuration is written. */
  readonly folder: string
  /** An empty database. */
  readonly storeUrl: string
  /** How many times longer than usual clients wait between two requests. Default 1. */
  readonly pauses?: number
  /** Starts a server; resolves when it listens. */
  start(configFile: string): Promise<Replica>
}

export interface Rolled {
  readonly requests: number
  readonly pushes: number
  readonly fetches: number
  readonly tickets: number
  readonly sentAway: number
  readonly longestMs: number
  /** Of a stop, the longest, milliseconds. */
  readonly longestStopMs: number
  /** Empty: nothing was lost. */
  readonly faults: readonly string[]
}

const indicators = 400
const names = ['first', 'second'] as const
const kinds = ['secureworks', 'darktrace'] as const
const feed = 'block'
/** As a Kubernetes readiness probe that is set closely. */
const lookMs = 200
/** Both work for so long before the next one is stopped. */
const togetherMs = 700
/** What the load left is done within this time. */
const restMs = 60_000

interface World {
  readonly balancer: Balancer
  readonly vendors: ReadonlyMap<string, Vendor>
  readonly ends: Awaited<ReturnType<typeof startBridgeEnds>>
  readonly source: Awaited<ReturnType<typeof startThreatConnectSimulator>>
  readonly ticketIds: string[]
  /** A file for every server. */
  readonly configFile: string
  close(): Promise<void>
}

async function createWorld({ folder, storeUrl }: RollingOptions): Promise<World> {
  const source = await startThreatConnectSimulator({
    accounts: [{ accessId: 'bench', secretKey: 'bench-secret' }],
    indicators: Array.from({ length: indicators }, (_, index) => ({
      ...{ type: 'Host', owner: 'Example Organization', dateAdded: '2024-01-02T01:07:13Z' },
      summary: `host-${index}.feed.example`,
    })),
  })
  const vendors = new Map<string, Vendor>()
  for (const kind of kinds) vendors.set(kind, await startVendor(kind))
  const ends = await startBridgeEnds({ logLimit: 100_000 })
  const balancer = await startBalancer({ lookMs })
  const retry = { attempts: 12, initial: '50ms', max: '2s' }
  const configFile = join(folder, 'rolling.yaml')
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
    exporters: [...vendors].map(([kind, { simulator, settings }]) => ({
      ...{ kind, retry, proxy: 'none', objectsPerRun: 5 },
      settings: settings(simulator.url),
    })),
    bridges: [bridgeSettings(ends, { every: '1s', changesEvery: '5s', concurrency: 4, retry })],
  }
  writeFileSync(configFile, JSON.stringify(config))
  return {
    ...{ balancer, vendors, ends, source, configFile, ticketIds: [] },
    async close() {
      await balancer.close()
      const simulators = [source, ends, ...[...vendors.values()].map(({ simulator }) => simulator)]
      await Promise.all(simulators.map((each) => each.close()))
    },
  }
}

/** @throws Error where a server does not start, or does not end by itself */
export async function roll(options: RollingOptions): Promise<Rolled> {
  const world = await createWorld(options)
  const { balancer, configFile } = world
  const replicas = new Map<string, Replica>()
  const begin = async (name: string) => {
    const replica = await options.start(configFile)
    replicas.set(name, replica)
    balancer.set(name, replica.url)
  }
  const allReady = async () => {
    while (balancer.ready().length < names.length) await wait(20)
  }
  let longestStopMs = 0
  try {
    for (const name of names) await begin(name)
    await allReady()
    await endOf(balancer, (await startFetch(balancer)).id)
    while ((await listOf(balancer)) < indicators) await wait(50)
    const { pauses = 1 } = options
    const load = startLoad({ ...{ balancer, feed, indicators, pauses, exporters: kinds }, ...changes(world) })
    for (let restart = 0; restart < options.restarts; restart++) {
      await wait(togetherMs)
      const name = names[restart % names.length] ?? ''
      const from = performance.now()
      await end(replicas.get(name))
      longestStopMs = Math.max(longestStopMs, performance.now() - from)
      await begin(name)
      await allReady()
    }
    await wait(togetherMs)
    await load.end()
    // The balancer knows why.
    const faults = [...balancer.failures, ...load.faults, ...(await judge(world, load))]
    for (const replica of replicas.values()) await end(replica)
    const { requests, pushes, runs, sentAway, longestMs } = load
    return {
      ...{ requests, sentAway, longestMs, longestStopMs, faults },
      ...{ pushes: pushes.length, fetches: runs.size, tickets: world.ticketIds.length },
    }
  } finally {
    await world.close()
  }
}

async function end(replica: Replica | undefined): Promise<void> {
  const code = await replica?.stop()
  if (code !== 0) throw new Error(`a server that was told to stop ended with ${code}`)
}

async function listOf({ url }: Balancer): Promise<number> {
  const answer = await fetch(`${url}/feeds/${feed}.txt`, { headers: { authorization: `Bearer ${apiKey}` } })
  await answer.arrayBuffer()
  return Number(answer.headers.get('x-feed-entries') ?? 0)
}

function changes({ source, ends: { ctp }, ticketIds }: World) {
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

/** Everything that was taken is done, once and as it was told. */
async function judge({ balancer, vendors, ends, ticketIds }: World, load: Load): Promise<string[]> {
  const faults: string[] = []
  for (const pushed of load.pushes) faults.push(...(await exportFaults(balancer, pushed)))
  for (const [kind, vendor] of vendors) faults.push(...productFaults(kind, vendor, load.pushes))
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
    if (performance.now() > last) return [...faults, `the bridge is not at rest after ${restMs / 1000} s`]
    await wait(200)
  }
  return [...faults, ...judgeBridge(ends, ticketIds).faults]
}

async function exportFaults(balancer: Balancer, { exporter, id, values }: Pushed): Promise<string[]> {
  const { counts } = await endOfExport(balancer, id)
  const items = await itemsOf(balancer, id)
  const accepted = new Set(items.filter(({ status }) => status === 'accepted').map(({ value }) => value))
  const isWhole = counts.total === values.length && counts.accepted === values.length
  const missing = values.filter((value) => !accepted.has(value))
  if (isWhole && missing.length === 0 && items.length === values.length) return []
  return [
    `the export ${id} to ${exporter}: ${JSON.stringify(counts)}, ${JSON.stringify(items).slice(0, 500)}`,
  ]
}

function productFaults(kind: string, vendor: Vendor, pushes: readonly Pushed[]): string[] {
  const wanted = pushes.filter(({ exporter }) => exporter === kind).flatMap(({ values }) => values)
  const there = vendor.entries().map(({ value }) => value)
  const has = new Set(there)
  const missing = wanted.filter((value) => !has.has(value))
  return [
    ...missing.map((value) => `${kind} has no ${value}`),
    ...(there.length === wanted.length ? [] : [`${kind} has ${there.length} entries, not ${wanted.length}`]),
  ]
}
