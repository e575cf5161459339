/**
 * A server that works for a long time: everything that clients do, products that go away and come back, and what is
 * looked at meanwhile.
 */
import { realpathSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type Child, type ServerOptions, storeOf } from '../bench/harness/processes.ts'
import { vendorKinds } from '../bench/harness/vendors.ts'
import type { FrontTimes } from './fronts.ts'
import { type Judged, judge } from './soak-judge.ts'
import { startSoakLoad } from './soak-load.ts'
import { openSampler, type Sample, type Tables } from './soak-samples.ts'
import { changes, createWorld, feeds, untilListed, type WorldOptions } from './soak-world.ts'

export interface SoakOptions extends Omit<WorldOptions, 'every'> {
  readonly seconds: number
  readonly listsPerSecond: number
  readonly frontTimes: FrontTimes
  readonly sampleEverySeconds: number
  /** Garbage is collected before one of so many samples. */
  readonly collectEvery: number
  /** Starts the server, with `trials/children/memory.ts` loaded. */
  serve(options: ServerOptions): Promise<Child>
  /** Told of each sample. */
  seen?(sample: Sample): void
}

export interface Soaked extends Judged {
  readonly samples: readonly Sample[]
  readonly tables: { readonly before: Tables; readonly after: Tables }
  readonly requests: number
  readonly unchanged: number
  readonly longestMs: number
  readonly restarts: number
  readonly pushes: number
}

const every = { source: '5s', bridge: '5s' }

/** @throws Error where something does not come to an end at all */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const world = await createWorld({ ...options, every })
  const { source, fronts } = world
  const server = await options.serve(world.server)
  await untilListed(server)
  const sampler = await openSampler(server, realpathSync(storeOf(options.folder)))
  const restarting = fronts.restart(options.frontTimes)
  const load = startSoakLoad({ ...options, ...changes(world), server, feeds, exporters: vendorKinds })
  const samples: Sample[] = []
  const before = await sampler.tables()
  const from = performance.now()
  for (let turn = 1; turn * options.sampleEverySeconds <= options.seconds; turn++) {
    await wait(Math.max(0, from + turn * options.sampleEverySeconds * 1000 - performance.now()))
    const at = (performance.now() - from) / 1000
    const sample = await sampler.sample(at, load.requests, turn % options.collectEvery === 0)
    samples.push(sample)
    options.seen?.(sample)
  }
  const after = await sampler.tables()
  await load.end()
  await restarting.end()
  await sampler.close()
  const judged = await judge(world, server, load)
  await server.stop()
  await source.stop()
  return {
    ...{ samples, tables: { before, after }, restarts: restarting.restarts },
    ...{ requests: load.requests, unchanged: load.unchanged, longestMs: load.longestMs },
    ...{ pushes: load.pushes.length, ...judged, faults: [...load.faults, ...judged.faults] },
  }
}
