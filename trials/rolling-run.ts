/**
 * A rolling restart: two servers over one PostgreSQL behind a balancer, restarted in turn while clients go on. Products
 * and desks are simulated in this process, which judges what they have in the end.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { changes, createWorld, exporters, feed, indicators, judge, untilListed } from './replica-world.ts'
import { startLoad } from './rolling-load.ts'

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

const names = ['first', 'second'] as const
/** Both work for so long before the next one is stopped. */
const togetherMs = 700

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
    await untilListed(world)
    const { pauses = 1 } = options
    const load = startLoad({ ...{ balancer, feed, indicators, pauses, exporters }, ...changes(world) })
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
    const faults = [...balancer.failures, ...load.faults, ...(await judge(world, load)).faults]
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
