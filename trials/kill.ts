/**
 * That a fetch survives the end of its server: `kill -9` at random moments, again and again, then one life that may
 * live. Nothing comes twice, nothing is missing, the receipt counts each record once, and no process of a database is
 * left. Exit code 1: it is not so. What is done: docs/benchmarks.md.
 *
 *   node trials/kill.ts [--size RECORDS] [--kills N] [--seed N]
 */
import { setTimeout as wait } from 'node:timers/promises'
import { ask, endOf, expectCounts, type Receipt } from '../bench/harness/api.ts'
import { machine } from '../bench/harness/measure.ts'
import { serverArguments, startServer, withChildren } from '../bench/harness/processes.ts'
import { numberOf } from '../bench/harness/size.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import type { Order } from './children/changing-vendor.ts'
import { compareStored } from './judge.ts'
import { expectNoOrphans, killAgain } from './kills.ts'

const unreadable = 5
/** A life sees at most so many pages, and these milliseconds of the one after. */
const longestLifePages = 5
const longestLifeMs = 120

const size = numberOf(process.argv, '--size', 150_000, 1)
const kills = numberOf(process.argv, '--kills', 60)
const random = createRandom(numberOf(process.argv, '--seed', 1))
/** Else it might end before its time has come. */
if (size < kills * 2.5 * 1000) throw new RangeError(`${kills} kills take at least ${kills * 2500} records`)

async function run(): Promise<void> {
  console.log(`${machine()}\n`)
  await withChildren(1_200_000, async (start, folder) => {
    const vendor = await start(['trials/children/changing-vendor.ts', ...[size, unreadable, 1].map(String)])
    // It fetches at its start, and goes on with what an earlier life began.
    const options = { folder, baseUrl: vendor.url, source: { every: '24h' } }
    const during = await killAgain({
      kills,
      random,
      spawn: () => start.spawn(serverArguments(options)),
      async working() {
        await vendor.ask({ do: 'await', requests: 1 + random.below(longestLifePages) } satisfies Order)
        await wait(random.below(longestLifeMs))
      },
    })
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
    await expectNoOrphans(folder)
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
