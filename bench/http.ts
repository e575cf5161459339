/**
 * What a request costs in the HTTP layer, beside a server of `node:http` alone that sends as many bytes. How to read it:
 * docs/benchmarks.md.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { Load, LoadResult } from './children/load.ts'
import {
  type Benchmark,
  type Case,
  caseOf,
  interleaved,
  ratioOf,
  type Sample,
  type Scale,
  type Stage,
} from './harness/benchmark.ts'
import { atLeast, cpuSeconds, median, peakMegabytes } from './harness/measure.ts'
import { apiKey, type Child } from './harness/processes.ts'
import { runAlone } from './harness/run.ts'

const rounds: Readonly<Record<Scale, number>> = { smoke: 1, usual: 9, full: 25 }
const connections = 16
const settleMs = 15
/** What the server is meant to reach, as a share of the bare one. */
const share = 0.33

interface Way {
  readonly name: string
  readonly path: string
  readonly requests: number
  readonly withKey?: boolean
  /** Asks as a client does that has the answer already. */
  readonly again?: boolean
}

const ways: readonly Way[] = [
  { name: '/livez', path: '/livez', requests: 6000 },
  { name: '/api/v1/whoami', path: '/api/v1/whoami', requests: 6000, withKey: true },
  { name: '/openapi.json', path: '/openapi.json', requests: 3000 },
  { name: '/openapi.json, 304', path: '/openapi.json', requests: 6000, again: true },
]

type Target = Omit<Load, 'url'> & { readonly etag: string | undefined }

/** Asks once to learn what every answer has to be. */
async function targetOf(url: string, { path, requests, withKey, again }: Way): Promise<Target> {
  const key = withKey ? { authorization: `Bearer ${apiKey}` } : {}
  const first = await request(url + path, { headers: key })
  const body = await first.body.arrayBuffer()
  if (first.statusCode !== 200) throw new Error(`${path}: ${first.statusCode}`)
  const { etag } = first.headers
  const common = { path, requests, connections, etag: typeof etag === 'string' ? etag : undefined }
  if (!again) return { ...common, headers: key, status: 200, bytes: body.byteLength }
  if (common.etag === undefined) throw new Error(`${path} has no ETag`)
  return { ...common, headers: { ...key, 'if-none-match': common.etag }, status: 304, bytes: 0 }
}

interface Taken extends Sample {
  readonly requestsPerSecond: number
}

/** @returns requests for each second of the server's CPU time */
async function measure(load: Child, { pid, url }: Child, target: Target): Promise<Taken> {
  const { etag: _, ...asked } = target
  const before = cpuSeconds(pid)
  const result = await load.ask<LoadResult>({ ...asked, url } satisfies Load)
  if ('failure' in result) throw new Error(result.failure)
  await wait(settleMs)
  const used = cpuSeconds(pid) - before
  const { requests } = target
  return { value: requests / used, cpuSeconds: used, requestsPerSecond: requests / result.seconds }
}

interface Compared {
  readonly case: Case
  readonly row: readonly (string | number)[]
}

async function compare(stage: Stage, load: Child, ours: Child, way: Way): Promise<Compared> {
  const fewer = stage.scale === 'smoke' ? 100 : 1
  const target = await targetOf(ours.url, { ...way, requests: way.requests / fewer })
  const { bytes, etag } = target
  const arguments_ = [String(bytes), ...(etag === undefined ? [] : [etag])]
  const bare = await stage.start(['bench/children/bare-server.ts', ...arguments_])
  const taken = await interleaved(
    {
      rounds: stage.rounds ?? rounds[stage.scale],
      warmUps: stage.scale === 'smoke' ? 0 : 2,
      seed: stage.seed,
    },
    { ours: () => measure(load, ours, target), bare: () => measure(load, bare, target) },
  )
  await bare.stop()
  const microseconds = (samples: readonly Taken[]) => 1e6 / median(samples.map(({ value }) => value))
  const perSecond = median(taken.ours.map(({ requestsPerSecond }) => requestsPerSecond))
  return {
    case: caseOf({
      name: way.name,
      unit: 'requests per CPU second',
      ours: taken.ours,
      floor: taken.bare,
      peakMegabytes: peakMegabytes(ours.pid),
    }),
    row: [way.name, bytes, microseconds(taken.ours), microseconds(taken.bare), perSecond],
  }
}

export const http: Benchmark = {
  name: 'http',
  measures: 'CPU time of a request in the HTTP layer, beside node:http alone',
  takes: { usual: '30 s', full: '80 s' },
  limitSeconds: { smoke: 240, usual: 150, full: 300 },
  async run(stage) {
    // Nothing here asks the source, so its address leads nowhere.
    const ours = await stage.serve({ folder: stage.folder, baseUrl: 'http://127.0.0.1:9' })
    const load = await stage.start(['bench/children/load.ts'])
    const compared: Compared[] = []
    for (const way of ways) compared.push(await compare(stage, load, ours, way))
    for (const child of [load, ours]) await child.stop()
    const cases = compared.map((each) => each.case)
    return {
      size: `${connections} connections`,
      rounds: stage.rounds ?? rounds[stage.scale],
      cases,
      tables: [
        {
          title: 'one request',
          columns: ['', 'bytes', 'CPU us', 'CPU us of the floor', 'per wall s'],
          rows: compared.map(({ row }) => row),
        },
      ],
      bars: cases.map((each) =>
        atLeast(`${each.name}: requests per CPU second, of bare node:http`, ratioOf(each), share),
      ),
    }
  },
}

await runAlone(http, import.meta.filename)
