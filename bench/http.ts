/**
 * What a request costs in the HTTP layer, beside a server of `node:http` alone that sends as many bytes. What is
 * measured and how to read it: docs/benchmarks.md.
 *
 *   node bench/http.ts [--json]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { Load, LoadResult } from './children/load.ts'
import { cpuSeconds, machine, median, printTable } from './harness/measure.ts'
import { apiKey, type Child, type Start, startServer, withChildren } from './harness/processes.ts'

const rounds = 9
const warmUps = 2
const connections = 16
const limitMs = 150_000
const settleMs = 15
/** What the server is meant to reach, as a share of the bare one. */
const goal = 0.33

interface Case {
  readonly name: string
  readonly path: string
  readonly requests: number
  readonly withKey?: boolean
  /** Asks as a client does that has the answer already. */
  readonly again?: boolean
}

const cases: readonly Case[] = [
  { name: '/livez', path: '/livez', requests: 6000 },
  { name: '/api/v1/whoami', path: '/api/v1/whoami', requests: 6000, withKey: true },
  { name: '/openapi.json', path: '/openapi.json', requests: 3000 },
  { name: '/openapi.json, 304', path: '/openapi.json', requests: 6000, again: true },
]

type Target = Omit<Load, 'url'> & { readonly etag: string | undefined }

/** Asks once to learn what every answer has to be. */
async function targetOf(url: string, { path, requests, withKey, again }: Case): Promise<Target> {
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

interface Sample {
  readonly cpuMicroseconds: number
  readonly requestsPerSecond: number
}

async function measure(load: Child, { pid, url }: Child, target: Target): Promise<Sample> {
  const { etag: _, ...asked } = target
  const cpuBefore = cpuSeconds(pid)
  const result = await load.ask<LoadResult>({ ...asked, url } satisfies Load)
  if ('failure' in result) throw new Error(result.failure)
  await wait(settleMs)
  return {
    cpuMicroseconds: ((cpuSeconds(pid) - cpuBefore) * 1e6) / target.requests,
    requestsPerSecond: target.requests / result.seconds,
  }
}

async function compare(start: Start, load: Child, ours: Child, each: Case) {
  const target = await targetOf(ours.url, each)
  const { bytes, etag } = target
  const bare = await start([
    'bench/children/bare-server.ts',
    String(bytes),
    ...(etag === undefined ? [] : [etag]),
  ])
  const samples: { readonly ours: Sample; readonly bare: Sample }[] = []
  for (let round = -warmUps; round < rounds; round++) {
    const pair = { ours: await measure(load, ours, target), bare: await measure(load, bare, target) }
    if (round >= 0) samples.push(pair)
  }
  await bare.stop()
  const microseconds = median(samples.map((pair) => pair.ours.cpuMicroseconds))
  const bareMicroseconds = median(samples.map((pair) => pair.bare.cpuMicroseconds))
  return {
    name: each.name,
    bytes,
    requestsPerCpuSecond: Math.round(1e6 / microseconds),
    bareRequestsPerCpuSecond: Math.round(1e6 / bareMicroseconds),
    cpuMicroseconds: microseconds,
    bareCpuMicroseconds: bareMicroseconds,
    ratio: median(samples.map((pair) => pair.bare.cpuMicroseconds / pair.ours.cpuMicroseconds)),
    requestsPerSecond: Math.round(median(samples.map((pair) => pair.ours.requestsPerSecond))),
  }
}

async function run() {
  const before = machine()
  return withChildren(limitMs, async (start, folder) => {
    // Nothing here asks the source, so its address leads nowhere.
    const ours = await startServer(start, { folder, baseUrl: 'http://127.0.0.1:9' })
    const load = await start(['bench/children/load.ts'])
    const compared: Awaited<ReturnType<typeof compare>>[] = []
    for (const each of cases) compared.push(await compare(start, load, ours, each))
    return { machine: before, rounds, connections, goal, compared }
  })
}

function print({ machine, compared }: Awaited<ReturnType<typeof run>>): void {
  console.log(`${machine}\n`)
  console.log(
    `medians of ${rounds} interleaved rounds, ${connections} connections; the goal is ${goal} of bare node:http`,
  )
  printTable([
    ['', 'bytes', 'per CPU s', 'bare', 'ours/bare', 'CPU us', 'bare', 'per wall s'],
    ...compared.map((each) => [
      each.name,
      String(each.bytes),
      String(each.requestsPerCpuSecond),
      String(each.bareRequestsPerCpuSecond),
      each.ratio.toFixed(2),
      each.cpuMicroseconds.toFixed(1),
      each.bareCpuMicroseconds.toFixed(1),
      String(each.requestsPerSecond),
    ]),
  ])
}

const result = await run()
if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
else print(result)
