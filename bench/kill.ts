/**
 * That a fetch survives the end of its server: `kill -9` at random moments, again and again, then one life that may
 * live. Nothing comes twice, nothing is missing, the receipt counts each record once, and no process of a database is
 * left. Exit code 1: it is not so. What is done: docs/benchmarks.md.
 *
 *   node bench/kill.ts [--size RECORDS] [--kills N] [--seed N]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import { ask, endOf, expectCounts, type Receipt } from './api.ts'
import type { Order } from './children/changing-vendor.ts'
import { compareStored } from './judge.ts'
import { machine, processesIn } from './measure.ts'
import {
  type Child,
  type ServerOptions,
  type Start,
  serverArguments,
  startServer,
  withChildren,
} from './processes.ts'

const unreadable = 5
/** A life sees at most so many pages, and these milliseconds of the one after. */
const longestLifePages = 5
const longestLifeMs = 120
/** One in so many dies while it starts. */
const stillborn = 5
const longestStartMs = 1500
/** A database ends by itself within this time once its server is gone. */
const orphanMs = 10_000

const option = (name: string, usual: number): number => {
  const place = process.argv.indexOf(name)
  return place < 0 ? usual : Number(process.argv[place + 1])
}
const size = option('--size', 100_000)
const kills = option('--kills', 40)
const random = createRandom(option('--seed', 1))
/** Else it might end before its time has come. */
if (size < kills * 2.5 * 1000) throw new RangeError(`${kills} kills take at least ${kills * 2500} records`)

type Death = 'while it starts' | 'while pages come'

/** One life, from its start to `kill -9`. */
async function liveAndDie(start: Start, vendor: Child, options: ServerOptions): Promise<Death> {
  const life = start.spawn(serverArguments(options))
  const starting = random.below(stillborn) === 0
  if (starting) await wait(random.below(longestStartMs))
  else {
    await vendor.ask({ do: 'await', requests: 1 + random.below(longestLifePages) } satisfies Order)
    await wait(random.below(longestLifeMs))
  }
  await life.kill()
  return starting ? 'while it starts' : 'while pages come'
}

async function orphans(folder: string): Promise<number> {
  const last = Date.now() + orphanMs
  while (processesIn(folder).length > 0 && Date.now() < last) await wait(50)
  return processesIn(folder).length
}

async function run(): Promise<void> {
  console.log(`${machine()}\n`)
  await withChildren(1_200_000, async (start, folder) => {
    const vendor = await start(['bench/children/changing-vendor.ts', ...[size, unreadable, 1].map(String)])
    // It fetches at its start, and goes on with what an earlier life began.
    const options = { folder, baseUrl: vendor.url, source: { every: '24h' } }
    const deaths: Death[] = []
    while (deaths.length < kills) deaths.push(await liveAndDie(start, vendor, options))
    const server = await startServer(start, options)
    const { data } = await ask<{ readonly data: readonly Receipt[] }>(server, '/api/v1/sources/tc/runs')
    const [first, ...others] = data
    if (first === undefined || others.length > 0)
      throw new Error(`there are ${data.length} fetches instead of 1`)
    const left = size - first.received
    const receipt = await endOf(server, first.id)
    const stored = await compareStored(server, vendor)
    const none = { updated: 0, unchanged: 0, excluded: 0, removed: 0 }
    expectCounts(receipt, { received: stored + unreadable, stored, unreadableCount: unreadable, ...none })
    await server.stop()
    const survivors = await orphans(folder)
    if (survivors > 0) throw new Error(`${survivors} processes of a database are left`)
    const during = deaths.filter((death) => death === 'while pages come').length
    console.log(
      `${kills} kills, ${during} of them while pages came; ${left} records were left for the last life`,
    )
    console.log(
      `received ${receipt.received}, stored ${stored}, unreadable ${unreadable}, pages ${receipt.pages}`,
    )
    console.log('each record is stored once and as the vendor has it; no process is left')
  })
}

await run()
