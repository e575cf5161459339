/**
 * Three servers over one PostgreSQL behind a balancer, one of which is killed, or stands still for longer than others
 * wait for it, again and again at random, while clients go on.
 */
import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { request } from 'undici'
import { ask } from '../bench/harness/api.ts'
import { apiKey, type Child } from '../bench/harness/processes.ts'
import type { Export } from '../bench/harness/push-api.ts'
import type { Random } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import {
  changes,
  createWorld,
  exporters,
  feed,
  indicators,
  judge,
  untilListed,
  type World,
} from './replica-world.ts'
import { startLoad } from './rolling-load.ts'
import { storeTold } from './store-told.ts'

export type MortalReplica = Pick<Child, 'url' | 'pid' | 'stop' | 'kill'>

export interface KillReplicaOptions {
  /** Of these some only stand still. */
  readonly kills: number
  readonly seed: number
  /** 0..1 */
  readonly freezeShare: number
  /** How long one stands still. */
  readonly freezeMs: { readonly from: number; readonly to: number }
  readonly folder: string
  /** An empty database. */
  readonly storeUrl: string
  /** How many times longer than usual clients wait between two requests. Default 1. */
  readonly pauses?: number
  start(configFile: string): Promise<MortalReplica>
}

export interface KilledReplicas {
  readonly killed: number
  readonly frozen: number
  /** Of these, those that had a transaction open, and with it locks. */
  readonly frozenInTransaction: number
  readonly requests: number
  /** Requests that failed with their server, and were repeated. */
  readonly repeated: number
  readonly pushes: number
  readonly fetches: number
  readonly tickets: number
  /** Values that were sent to a product again, as it was not known whether they had come. */
  readonly sentAgain: number
  readonly longestMs: number
  readonly faults: readonly string[]
}

const names = ['first', 'second', 'third'] as const
/** Between two kills, at most. */
const longestLifeMs = 1500
/** Before one that was killed comes back, at most. */
const longestAbsenceMs = 1000
/** A client waits for so long: much longer than any answer of a server that is alive takes. */
const repeatAfterMs = 15_000
const readyMs = 30_000
/** What was on its way of a server that was killed has come by then. */
const onTheWayMs = 20
const restMs = 60_000
/** Transactions of ours wait for the program for less than that. */
const openMs = 50
const mostTries = 60
const lists = ['.txt', '.json', '.stix.json', '.csv', '.ndjson']

interface Life {
  replica: MortalReplica
  isFrozen: boolean
}

/** @throws Error where a server does not start, or does not end by itself */
export async function killReplicas(options: KillReplicaOptions): Promise<KilledReplicas> {
  const world = await createWorld(options)
  const { balancer, configFile } = world
  const random = createRandom(options.seed)
  const lives = new Map<string, Life>()
  const begin = async (name: string) => {
    const replica = await options.start(configFile)
    lives.set(name, { replica, isFrozen: false })
    balancer.set(name, replica.url)
  }
  try {
    // All at once: one of them makes the tables.
    await Promise.all(names.map(begin))
    await untilReady(world, names.length)
    await untilListed(world)
    const { pauses = 1 } = options
    const load = startLoad({
      ...{ balancer, feed, indicators, pauses, exporters, repeatAfterMs },
      ...changes(world),
    })
    let [killed, frozen, frozenInTransaction] = [0, 0, 0]
    let freezing: Promise<void> | undefined
    for (let event = 0; event < options.kills; event++) {
      await wait(random.below(longestLifeMs))
      const awake = [...lives].filter(([, { isFrozen }]) => !isFrozen)
      const [name, life] = random.pick(awake)
      if (freezing === undefined && random.chance(options.freezeShare)) {
        frozen++
        life.isFrozen = true
        balancer.down(name)
        const held = await stop(options.storeUrl, life.replica.pid)
        if (held) frozenInTransaction++
        freezing = freeze(world, name, life, durationOf(random, options)).finally(() => {
          freezing = undefined
        })
        continue
      }
      killed++
      balancer.down(name)
      await life.replica.kill()
      await nextLife(world)
      await wait(random.below(longestAbsenceMs))
      await begin(name)
      await untilReady(world, freezing === undefined ? names.length : names.length - 1)
    }
    await freezing
    await wait(longestLifeMs)
    await load.end()
    const { faults, verdicts } = await judge(world, load)
    const all = [...lives.values()].map(({ replica }) => replica)
    const left = await leftOver(world, all)
    for (const replica of all) {
      const code = await replica.stop()
      if (code !== 0) throw new Error(`a server that was told to stop ended with ${code}`)
    }
    const { requests, repeated, pushes, runs, longestMs } = load
    return {
      ...{ killed, frozen, frozenInTransaction, requests, repeated, longestMs },
      ...{ pushes: pushes.length, fetches: runs.size, tickets: world.ticketIds.length },
      sentAgain: verdicts.reduce((sum, { sentAgain }) => sum + sentAgain, 0),
      faults: [...balancer.failures, ...load.faults, ...faults, ...left],
    }
  } finally {
    await world.close()
  }
}

function durationOf(random: Random, { freezeMs: { from, to } }: KillReplicaOptions): number {
  return from + random.below(to - from + 1)
}

/** What comes from now on comes from another server: it may not know what this one was told. */
async function nextLife({ products }: World): Promise<void> {
  await wait(onTheWayMs)
  for (const { gateway } of products.values()) gateway.nextLife()
}

/**
 * Best in the middle of a transaction, since whoever waits for its locks waits for it as well.
 * @returns whether it is so
 */
async function stop(storeUrl: string, pid: number): Promise<boolean> {
  const client = new pg.Client({ connectionString: storeUrl })
  await client.connect()
  try {
    for (let tries = 0; ; tries++) {
      process.kill(pid, 'SIGSTOP')
      await wait(openMs)
      const { rows } = await client.query<{ open: boolean }>(
        `select exists (select from pg_stat_activity where state = 'idle in transaction'
           and state_change < now() - interval '${openMs} ms') as open`,
      )
      if (rows[0]?.open === true || tries === mostTries) return rows[0]?.open === true
      process.kill(pid, 'SIGCONT')
      await wait(openMs)
    }
  } finally {
    await client.end()
  }
}

/** As a machine that is moved, or has no memory left: nothing of it is closed, and then it goes on. */
async function freeze(world: World, name: string, life: Life, ms: number): Promise<void> {
  const { balancer } = world
  const { pid } = life.replica
  await nextLife(world)
  await wait(ms)
  process.kill(pid, 'SIGCONT')
  life.isFrozen = false
  balancer.up(name)
}

async function untilReady({ balancer, storeUrl }: World, count: number): Promise<void> {
  for (const last = performance.now() + readyMs; balancer.ready().length < count; await wait(20)) {
    if (performance.now() < last) continue
    const told = await storeTold(storeUrl)
    throw new Error(`${balancer.ready().length} of ${count} servers are ready\n${told}`)
  }
}

/** What is still under way once all is done, and where the servers do not say the same. */
async function leftOver(world: World, replicas: readonly MortalReplica[]): Promise<string[]> {
  const [first] = replicas
  if (first === undefined) throw new Error('there is no server')
  const faults: string[] = []
  const isQuiet = async () => (await underWay(first)).length === 0
  for (const last = performance.now() + restMs; !(await isQuiet()); await wait(200)) {
    if (performance.now() > last) break
  }
  faults.push(...(await underWay(first)))
  for (const list of lists) {
    const told = new Set<string>()
    for (const { url } of replicas) {
      const answer = await request(`${url}/feeds/${feed}${list}`, {
        headers: { authorization: `Bearer ${apiKey}` },
      })
      const bytes = Buffer.from(await answer.body.arrayBuffer())
      const digest = createHash('sha256').update(bytes).digest('hex')
      told.add(`${answer.statusCode} ${answer.headers.etag} ${digest}`)
    }
    if (told.size !== 1) faults.push(`${feed}${list} differs: ${[...told].join(', ')}`)
  }
  if (world.balancer.ready().length !== replicas.length) faults.push('not every server is ready')
  return faults
}

async function underWay(replica: MortalReplica): Promise<string[]> {
  type List<T> = { readonly data: readonly T[] }
  const [exports, products, runs] = await Promise.all([
    ask<List<Export>>(replica, '/api/v1/exports?limit=100'),
    ask<List<{ readonly name: string; readonly counts: { readonly pending: number } }>>(
      replica,
      '/api/v1/exporters',
    ),
    ask<List<{ readonly id: string; readonly status: string }>>(replica, '/api/v1/sources/tc/runs?limit=100'),
  ])
  return [
    ...exports.data
      .filter(({ endedAt }) => endedAt === null)
      .map(({ id }) => `the export ${id} has not ended`),
    ...products.data
      .filter(({ counts }) => counts.pending > 0)
      .map(({ name, counts }) => `${counts.pending} deliveries to ${name} are left`),
    ...runs.data.filter(({ status }) => status === 'running').map(({ id }) => `the fetch ${id} is under way`),
  ]
}
