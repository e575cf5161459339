/** What clients of one server, of two, and of all of them get at once, and what it costs. */
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import { ask } from '../bench/harness/api.ts'
import { apiKey, type Child } from '../bench/harness/processes.ts'
import type { Clients, Served } from './children/clients.ts'
import type { List } from './scale-lists.ts'
import { type Cpu, timed, type World } from './scale-world.ts'

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

const connections = 8
const idleMs = 10_000

/** Housekeeping, and looks for what others did. */
export async function idleOf(world: World): Promise<Cpu> {
  const { cpu, seconds } = await timed(world, () => wait(idleMs))
  return { replicas: cpu.replicas.map((each) => each / seconds), database: cpu.database / seconds }
}

interface Work {
  readonly work: string
  readonly paths: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
  readonly status: number
}

/** One server after the other joins in. */
export async function throughputOf(world: World, lists: readonly List[], idle: Cpu): Promise<Throughput[]> {
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
