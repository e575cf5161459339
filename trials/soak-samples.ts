/** What a server and its PostgreSQL take of the machine, again and again. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import pg from 'pg'
import { processesIn } from '../bench/harness/measure.ts'
import { apiKey, type Child } from '../bench/harness/processes.ts'
import type { Memory } from './children/memory.ts'

/** Kinds of what `/proc/PID/fd` holds. */
export const fileKinds = ['socket', 'file', 'pipe', 'other'] as const
export type Files = Readonly<Record<(typeof fileKinds)[number], number>>

/** Sizes in bytes. */
export interface Sample {
  /** Seconds since the load began. */
  readonly at: number
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  readonly files: Files
  /** Of the event loop since the last sample, milliseconds. */
  readonly lagP99Ms: number
  /** Of all processes of PostgreSQL, what each has for itself. */
  readonly postgres: number
  /** What they share: it grows with the database until it is as big as `shared_buffers`. */
  readonly postgresShared: number
  readonly postgresProcesses: number
  readonly database: number
  /** Of the load, by then. */
  readonly requests: number
  /** Once all garbage is gone; null: that was not looked at. */
  readonly collected: Memory | null
}

/** Tables by name. */
export type Tables = Readonly<Record<string, { readonly rows: number; readonly bytes: number }>>

export interface Sampler {
  sample(at: number, requests: number, collect: boolean): Promise<Sample>
  tables(): Promise<Tables>
  close(): Promise<void>
}

/** @param store folder of the embedded store, with links resolved */
export async function openSampler(server: Child, store: string): Promise<Sampler> {
  const client = new pg.Client({
    host: `${store}/run`,
    ...{ port: 5432, user: 'postgres', database: 'postgres' },
  })
  await client.connect()
  return {
    async sample(at, requests, collect) {
      const collected = collect ? await server.ask<Memory>('memory') : null
      const metrics = await metricsOf(server)
      const processes = processesIn(store)
      const { rows } = await client.query<{ bytes: string }>(
        'select pg_database_size(current_database()) as bytes',
      )
      return {
        ...{ at, requests, collected },
        rss: metrics('process_resident_memory_bytes'),
        heapUsed: metrics('nodejs_heap_size_used_bytes'),
        external: metrics('nodejs_external_memory_bytes'),
        lagP99Ms: metrics('nodejs_eventloop_lag_p99_seconds') * 1000,
        files: openFiles(server.pid),
        postgres: processes.reduce((sum, pid) => sum + proportionalBytes(pid, 'Pss_Anon'), 0),
        postgresShared: processes.reduce((sum, pid) => sum + proportionalBytes(pid, 'Pss_Shmem'), 0),
        postgresProcesses: processes.length,
        database: Number(rows[0]?.bytes),
      }
    },
    async tables() {
      const { rows } = await client.query<{ name: string; bytes: string }>(
        `select c.oid::regclass::text as name, pg_total_relation_size(c.oid) as bytes from pg_class c
         join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')`,
      )
      const counted: [string, { rows: number; bytes: number }][] = []
      for (const { name, bytes } of rows) {
        const { rows: counts } = await client.query<{ rows: string }>(
          `select count(*) as rows from only ${name}`,
        )
        counted.push([name, { rows: Number(counts[0]?.rows), bytes: Number(bytes) }])
      }
      return Object.fromEntries(counted)
    },
    close: () => client.end(),
  }
}

async function metricsOf({ url }: Child): Promise<(name: string) => number> {
  const answer = await fetch(`${url}/metrics`, { headers: { authorization: `Bearer ${apiKey}` } })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`/metrics answered ${answer.status}: ${text.slice(0, 200)}`)
  const values = new Map(text.split('\n').map((line) => line.split(' ') as [string, string]))
  return (name) => {
    const value = values.get(name)
    if (value === undefined) throw new Error(`/metrics has no ${name}`)
    return Number(value)
  }
}

export function openFiles(pid: number): Files {
  const files = { socket: 0, file: 0, pipe: 0, other: 0 }
  for (const name of readdirSync(`/proc/${pid}/fd`)) {
    const kind = kindOf(`/proc/${pid}/fd/${name}`)
    if (kind !== undefined) files[kind]++
  }
  return files
}

function kindOf(link: string): keyof Files | undefined {
  try {
    const target = readlinkSync(link)
    if (target.startsWith('socket:')) return 'socket'
    if (target.startsWith('pipe:')) return 'pipe'
    return target.startsWith('/') ? 'file' : 'other'
  } catch {
    // It was closed meanwhile.
    return undefined
  }
}

/** Each page that processes share counts in parts, one in all. */
function proportionalBytes(pid: number, what: 'Pss_Anon' | 'Pss_Shmem'): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
    return Number(new RegExp(`^${what}:\\s+(\\d+) kB$`, 'm').exec(rollup)?.[1]) * 1024
  } catch {
    // It has ended meanwhile.
    return 0
  }
}
