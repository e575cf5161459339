/**
 * That the parts of a server do not get into each other's way when it dies: fetches, forwards, pushes and a bridge at
 * once on the embedded store, `kill -9` at random moments, again and again, while products go away and come back as
 * well; then one life that may live. In the end all of them have what they are to have. Exit code 1: it is not so.
 *
 *   node trials/kill-mixed.ts [--kills N] [--seed N] [--records N] [--tickets N]
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { machine, printTable } from '../bench/harness/measure.ts'
import { serverArguments, withChildren } from '../bench/harness/processes.ts'
import type { Export } from '../bench/harness/push-api.ts'
import { numberOf } from '../bench/harness/size.ts'
import { vendorKinds } from '../bench/harness/vendors.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import { send } from './client.ts'
import { freePort } from './fronts.ts'
import { expectNoOrphans, killAgain } from './kills.ts'
import { judge } from './soak-judge.ts'
import { changes, createWorld } from './soak-world.ts'

const kills = numberOf(process.argv, '--kills', 40, 1)
const seed = numberOf(process.argv, '--seed', 1)
const records = numberOf(process.argv, '--records', 3000, 1000)
const tickets = numberOf(process.argv, '--tickets', 50)
/** A life works for so long at most, once it answers. */
const longestLifeMs = 4000
/** Then something is stuck. */
const startMs = 60_000
const lookMs = 50
const pushMs = 100
const valuesOfPush = 10
const timeoutMs = 10_000

interface Client {
  readonly pushes: { readonly exporter: string; readonly id: string }[]
  readonly pushed: ReadonlyMap<string, Set<string>>
  /** Requests that had no answer, as their server was gone. */
  readonly lost: number
  end(): Promise<void>
}

/** Each push again and again under its key, until a server answers that it has it. */
function pushAllTheTime(url: string): Client {
  const agent = new Agent({ keepAlive: true })
  const pushes: { exporter: string; id: string }[] = []
  const pushed = new Map<string, Set<string>>(vendorKinds.map((kind) => [kind, new Set()]))
  let [turn, lost, ends] = [0, 0, false]
  const push = async (): Promise<void> => {
    const exporter = vendorKinds[turn % vendorKinds.length] ?? ''
    const indicators = Array.from({ length: valuesOfPush }, (_, at) => `push-${turn}-${at}.malware.example`)
    const asked = { method: 'POST', body: { indicators }, key: `push ${turn}`, timeoutMs } as const
    turn++
    for (;;) {
      const answer = await send(`${url}/api/v1/push/${exporter}`, agent, asked).catch(() => undefined)
      if (answer !== undefined && answer.status < 300) {
        pushes.push({ exporter, id: (JSON.parse(answer.text) as Export).id })
        for (const value of indicators) pushed.get(exporter)?.add(value)
        return
      }
      // A server that starts or ends says 503.
      if (answer !== undefined && answer.status !== 503) {
        throw new Error(`a push answered ${answer.status}: ${answer.text.slice(0, 300)}`)
      }
      lost++
      await wait(lookMs)
    }
  }
  const working = (async () => {
    while (!ends) {
      await push()
      await wait(pushMs)
    }
  })()
  working.catch(() => {})
  return {
    ...{ pushes, pushed },
    get lost() {
      return lost
    },
    async end() {
      ends = true
      await working
      agent.destroy()
    },
  }
}

async function untilReady(url: string): Promise<void> {
  const agent = new Agent()
  for (const last = performance.now() + startMs; performance.now() < last; await wait(lookMs)) {
    const answer = await send(`${url}/readyz`, agent, { timeoutMs }).catch(() => undefined)
    if (answer?.status === 200) return
  }
  throw new Error(`a server was not ready within ${startMs / 1000} s`)
}

console.log(`${machine()}, seed ${seed}\n`)
await withChildren(600_000 + kills * 15_000, async (start, root) => {
  const from = performance.now()
  const folder = join(root, 'server')
  mkdirSync(folder)
  const random = createRandom(seed)
  const every = { source: '2s', bridge: '2s' }
  const world = await createWorld({ start, folder, seed, records, tickets, every })
  const args = serverArguments(world.server)
  // At the same address in each life, so that clients find it.
  const port = await freePort()
  const config = JSON.parse(readFileSync(world.configFile, 'utf8')) as { readonly server: object }
  writeFileSync(world.configFile, JSON.stringify({ ...config, server: { ...config.server, port } }))
  const url = `http://127.0.0.1:${port}`
  const { changeSource, changeTickets } = changes(world)
  const restarting = world.fronts.restart({ together: 10_000, away: 3000 })
  const client = pushAllTheTime(url)
  const worked = await killAgain({
    kills,
    random,
    spawn: () => start.spawn(args),
    async working() {
      await changeSource()
      await changeTickets()
      await untilReady(url)
      await wait(random.below(longestLifeMs))
    },
  })
  const last = start.spawn(args)
  await untilReady(url)
  await client.end()
  await restarting.end()
  const { pushes, pushed, lost } = client
  const judged = await judge(world, { url }, { pushes, pushed })
  await last.stop()
  await expectNoOrphans(root)
  printTable([
    ['kills', String(kills)],
    ['while it worked', String(worked)],
    ['products that went away and came back', String(restarting.restarts)],
    [
      'fetches',
      Object.entries(judged.fetches)
        .map(([status, count]) => `${count} ${status}`)
        .join(', '),
    ],
    ['pushes', String(pushes.length)],
    ['of these repeated, as their server was gone', String(lost)],
    ['records in the end, as the vendor has them', String(judged.records)],
    ['tickets', String(judged.tickets)],
    ['seconds', ((performance.now() - from) / 1000).toFixed(0)],
  ])
  const { faults } = judged
  if (faults.length > 0) throw new Error(`${faults.length} faults:\n${faults.slice(0, 20).join('\n')}`)
  console.log('\nsource, store, products and both ends of the bridge agree; no process is left')
})
