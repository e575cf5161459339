/**
 * That a fetch misses nothing of a set that changes under it: records are changed, deactivated, deleted, added and made
 * again at random while they are read; after one more fetch in quiet, what is stored is what is there. Exit code 1: it
 * is not. What is done and how to read it: docs/benchmarks.md.
 *
 *   node trials/changing.ts [--size RECORDS | --full] [--seed N]
 */
import { checked, endOf, type Receipt, startFetch } from '../bench/harness/api.ts'
import { atMost, machine, peakMegabytes, printBars, printTable } from '../bench/harness/measure.ts'
import { type Child, startServer, withChildren } from '../bench/harness/processes.ts'
import { numberOf, sizeOf } from '../bench/harness/size.ts'
import type { Changes, Order } from './children/changing-vendor.ts'
import { compareStored } from './judge.ts'

const defaultSize = 100_000
const fullSize = 1_000_000
const memoryMegabytes = 400
const unreadable = 7

interface Fetched {
  readonly receipt: Receipt
  readonly changes: Changes
  readonly seconds: number
}

async function fetchOnce(server: Child, vendor: Child, changing: boolean): Promise<Fetched> {
  const started = performance.now()
  if (changing) await vendor.ask({ do: 'change' } satisfies Order)
  const { id } = await startFetch(server)
  const receipt = checked(await endOf(server, id))
  const changes = await vendor.ask<Changes>({ do: 'rest' } satisfies Order)
  return { receipt, changes, seconds: (performance.now() - started) / 1000 }
}

async function run(size: number, seed: number) {
  const before = machine()
  return withChildren(180_000 + size * 3, async (start, folder) => {
    const vendor = await start([
      '--max-old-space-size=8192',
      'trials/children/changing-vendor.ts',
      ...[size, unreadable, seed].map(String),
    ])
    const server = await startServer(start, { folder, baseUrl: vendor.url })
    const fetches = {
      'first, changing': await fetchOnce(server, vendor, true),
      'second, changing': await fetchOnce(server, vendor, true),
      'third, quiet': await fetchOnce(server, vendor, false),
    }
    const peak = peakMegabytes(server.pid)
    const stored = await compareStored(server, vendor)
    await server.stop()
    return {
      machine: before,
      size,
      fetches,
      stored,
      bars: [atMost('peak memory, MB', peak, memoryMegabytes)],
    }
  })
}

function print({ machine, size, fetches, stored, bars }: Awaited<ReturnType<typeof run>>): void {
  console.log(`${machine}\n`)
  console.log(`${size} records and what became of them; changes are those since the beginning`)
  const receipt = ['received', 'stored', 'updated', 'unchanged', 'unreadableCount', 'removed'] as const
  const changes = [
    'updated',
    'deactivated',
    'reactivated',
    'removed',
    'comeBack',
    'added',
    'reachable',
  ] as const
  const rows = Object.entries(fetches)
  printTable([
    ['fetch', 's', ...receipt.map((name) => name.replace('Count', ''))],
    ...rows.map(([name, each]) => [
      name,
      each.seconds.toFixed(1),
      ...receipt.map((count) => String(each.receipt[count])),
    ]),
  ])
  console.log()
  printTable([
    ['changes by then', ...changes],
    ...rows.map(([name, each]) => [name, ...changes.map((count) => String(each.changes[count]))]),
  ])
  console.log(`\n${stored} records are stored, each as the vendor has it; none is missing\n`)
  printBars(bars)
}

const seed = numberOf(process.argv, '--seed', 1)
const result = await run(sizeOf(process.argv, defaultSize, fullSize), seed)
if (process.argv.includes('--json')) console.log(JSON.stringify(result, undefined, 2))
else print(result)
process.exitCode = result.bars.every(({ met }) => met) ? 0 : 1
