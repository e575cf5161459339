/** Several servers over one PostgreSQL, with clients, a source of millions of records, and products. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { VendorOrder, VendorSettings } from '../bench/children/vendor.ts'
import { cpuSeconds, databaseCpuSeconds, embeddedPostgres } from '../bench/harness/measure.ts'
import { apiKey, type Child, compiledProgram, type Start } from '../bench/harness/processes.ts'
import type { VendorKind } from '../bench/harness/vendors.ts'

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

/** Few of all, for what is too big as JSON or as objects of TAXII. */
const worstScore = 990
const products = ['secureworks', 'darktrace', 'cofense'] as const satisfies readonly VendorKind[]
/** For one machine that also has the servers: a quarter of what a small database server would be given. */
const settings = {
  shared_buffers: '1GB',
  max_wal_size: '4GB',
  max_connections: '100',
  checkpoint_timeout: '15min',
}

export interface World {
  readonly options: ScaleOptions
  readonly vendor: Child
  readonly products: ReadonlyMap<VendorKind, Child>
  readonly postgres: Child
  readonly storeUrl: string
  readonly postmaster: number
  readonly replicas: readonly Child[]
  readonly clients: readonly Child[]
}

export async function createWorld(options: ScaleOptions): Promise<World> {
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
  const started = new Map<VendorKind, Child>()
  const exporters: object[] = []
  for (const kind of products) {
    const product = await start(['bench/children/vendor.ts', kind])
    started.set(kind, product)
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
  return {
    ...{ options, vendor, products: started, postgres, postmaster, replicas, clients },
    storeUrl: postgres.url,
  }
}

function cpuOf({ replicas, postmaster }: World): Cpu {
  return {
    replicas: replicas.map(({ pid }) => cpuSeconds(pid)),
    database: databaseCpuSeconds(postmaster),
  }
}

export async function timed<T>(world: World, work: () => Promise<T>): Promise<Timed & { readonly value: T }> {
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
