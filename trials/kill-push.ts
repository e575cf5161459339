/**
 * That a push survives the end of its server and a product that fails: `kill -9` at random moments, again and again,
 * while requests are reset, cut, refused and answered with nonsense; then one life that may live. Each indicator has
 * its receipt, the product has each once, and nothing was sent twice without cause. Exit code 1: it is not so. What is
 * done: docs/benchmarks.md.
 *
 *   node trials/kill-push.ts [KIND…] [--size INDICATORS] [--kills N] [--seed N]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { VendorSettings } from '../bench/children/vendor.ts'
import { ask } from '../bench/harness/api.ts'
import { machine, printTable } from '../bench/harness/measure.ts'
import {
  type Child,
  type ServerOptions,
  type Start,
  serverArguments,
  startServer,
  withChildren,
} from '../bench/harness/processes.ts'
import { type Export, endOfExport, itemsOf, push } from '../bench/harness/push-api.ts'
import { type Item, judgePush, type PushVerdict } from '../bench/harness/push-judge.ts'
import { numberOf } from '../bench/harness/size.ts'
import { type VendorKind, vendorKinds } from '../bench/harness/vendors.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import type { FailingAccount, FailingOrder } from './children/failing-vendor.ts'
import { expectNoOrphans, killAgain } from './kills.ts'

/** How much of a push a life sees: of requests so many at most, and these milliseconds after. */
const lives = {
  secureworks: { objectsPerRun: 10, requests: 30, ms: 100 },
  darktrace: { objectsPerRun: 10, requests: 30, ms: 100 },
  cofense: { objectsPerRun: 10_000, requests: 250, ms: 150 },
} as const satisfies Record<VendorKind, object>
/** Of requests that go wrong. */
const faultShare = 0.1
/** So many die while the push is handed over. */
const interrupted = 2
const longestHandOverMs = 400
/** Of indicators that are given up: after twelve tries, of which one in ten fails, there should be none. */
const deadShare = 0.001
/** Then something is stuck. */
const longestQuietMs = 30_000

const size = numberOf(process.argv, '--size', 10_000, 1)
const kills = numberOf(process.argv, '--kills', 25, interrupted)
const seed = numberOf(process.argv, '--seed', 1)
const kinds = vendorKinds.filter((kind) => process.argv.includes(kind))

interface Survived {
  readonly kind: VendorKind
  readonly worked: number
  readonly left: number
  readonly faults: number
  readonly sendings: number
  readonly verdict: PushVerdict
  readonly seconds: number
}

/** @throws Error where it does not come in time */
async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const timer = new AbortController()
  const late = wait(longestQuietMs, undefined, { signal: timer.signal }).then(() => {
    throw new Error(`${what} did not come within ${longestQuietMs / 1000} s`)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    timer.abort()
    late.catch(() => {})
  }
}

async function survive(start: Start, folder: string, kind: VendorKind): Promise<Survived> {
  mkdirSync(folder)
  const from = performance.now()
  const random = createRandom(seed)
  const { objectsPerRun, ...life } = lives[kind]
  const vendor = await start(['trials/children/failing-vendor.ts', kind, String(faultShare), String(seed)])
  const order = <Answer = object>(what: FailingOrder) => vendor.ask<Answer>(what)
  const settings = await order<VendorSettings>({ do: 'settings' })
  const retry = { attempts: 12, initial: '50ms', max: '2s' }
  const exporter = { name: 'product', kind, settings, objectsPerRun, retry, proxy: 'none' }
  const options: ServerOptions = { folder, baseUrl: 'http://127.0.0.1:9', exporters: [exporter] }
  const indicators = Array.from({ length: size }, (_, index) => `host-${index}.malware.example`)
  const handOver = (server: Child) => push(server, 'product', { indicators }, 'the only one')
  const died = async () => {
    // What was on its way is still of that life.
    await wait(20)
    await order({ do: 'next life' })
  }

  for (let kill = 0; kill < interrupted; kill++) {
    const server = await startServer(start, options)
    const handing = handOver(server).catch(() => undefined)
    await wait(random.below(longestHandOverMs))
    await server.kill()
    await handing
    await died()
  }
  const first = await startServer(start, options)
  const { id } = await handOver(first)
  await first.kill()
  await died()
  const worked = await killAgain({
    kills: kills - interrupted - 1,
    random,
    spawn() {
      const { kill } = start.spawn(serverArguments(options))
      return { kill: () => kill().then(died) }
    },
    async working() {
      const requests = 1 + random.below(life.requests)
      await inTime(order({ do: 'await', requests }), `request ${requests} of a life`)
      await wait(random.below(life.ms))
    },
  })
  const server = await startServer(start, options)
  const { data } = await ask<{ readonly data: readonly Export[] }>(server, '/api/v1/exports')
  if (data.length !== 1) throw new Error(`there are ${data.length} exports instead of 1`)
  const { pending } = await ask<Export>(server, `/api/v1/exports/${id}`).then(({ counts }) => counts)
  const ended = await endOfExport(server, id)
  const items = await itemsOf(server, id)
  const { faults, ...account } = await order<FailingAccount>({ do: 'account' })
  await server.stop()
  await vendor.stop()
  await expectNoOrphans(folder)
  const verdict = judgePush(indicators, items, account)
  const wrong = [...verdict.faults, ...countFaults(ended, verdict), ...deadFaults(verdict, items)]
  if (wrong.length > 0) throw new Error(`${kind}: ${wrong.length} faults:\n${wrong.slice(0, 20).join('\n')}`)
  const sendings = account.sendings.length
  return {
    kind,
    worked,
    left: pending,
    faults,
    sendings,
    verdict,
    seconds: (performance.now() - from) / 1000,
  }
}

function deadFaults({ byStatus: { dead = 0 } }: PushVerdict, items: readonly Item[]): string[] {
  if (dead <= size * deadShare) return []
  const reasons = Object.entries(Object.groupBy(items, ({ status, reason }) => `${status}: ${reason}`))
  return [`${dead} are dead`, ...reasons.map(([reason, same]) => `${same?.length} times ${reason}`)]
}

/** What the receipt sums up is what its items are. */
function countFaults({ counts }: Export, { byStatus }: PushVerdict): string[] {
  const { total, ...each } = counts
  return Object.entries({ ...each, total }).flatMap(([status, count]) => {
    const expected = status === 'total' ? size : (byStatus[status] ?? 0)
    return count === expected ? [] : [`${status} is ${count} in the receipt, ${expected} by its items`]
  })
}

async function run(): Promise<void> {
  console.log(`${machine()}\n`)
  const survived = await withChildren(1_200_000, async (start, folder) => {
    const all: Survived[] = []
    for (const kind of kinds.length === 0 ? vendorKinds : kinds)
      all.push(await survive(start, join(folder, kind), kind))
    return all
  })
  printTable([
    [
      '',
      'kills',
      'while sending',
      'left',
      'writes',
      'spoilt',
      'sent again',
      'in vain',
      'repeats',
      's',
      'items',
    ],
    ...survived.map(({ kind, worked, left, sendings, faults, verdict, seconds }) => [
      kind,
      String(kills),
      String(worked),
      String(left),
      String(sendings),
      String(faults),
      String(verdict.sentAgain),
      String(verdict.toldInVain),
      String(verdict.repeats),
      seconds.toFixed(0),
      Object.entries(verdict.byStatus)
        .map(([status, count]) => `${count} ${status}`)
        .join(', '),
    ]),
  ])
  console.log(
    `\nof ${size} indicators each has its receipt, and each product has each once; no process is left`,
  )
}

await run()
