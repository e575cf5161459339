/**
 * That tickets go over once, whatever happens: `kill -9` at random moments, again and again, while tickets change and
 * requests to both ends are reset, cut, refused, and carried out without an answer; then one life that may live. Each
 * ticket is one incident, each note and file is in it once, every change is acknowledged. Exit code 1: it is not so. What
 * is done: docs/benchmarks.md.
 *
 *   node trials/kill-bridge.ts [--size TICKETS] [--kills N] [--seed N]
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import { bridge, effects, isDone, type TicketAnswer, ticket } from '../bench/harness/bridge-api.ts'
import type { BridgeSettings, BridgeTimes } from '../bench/harness/bridge-ends.ts'
import { machine, printTable } from '../bench/harness/measure.ts'
import {
  type Child,
  type Life,
  type ServerOptions,
  serverArguments,
  startServer,
  storeOf,
  withChildren,
} from '../bench/harness/processes.ts'
import { numberOf } from '../bench/harness/size.ts'
import { createRandom } from '../src/sources/threatconnect/simulator/corpus/random.ts'
import type { BridgeAccount, Came, FailingBridgeOrder } from './children/failing-bridge.ts'
import { expectNoOrphans, killAgain } from './kills.ts'

const notes = 3
const attachmentBytes = 20_000
/** Of requests that go wrong, at each end. */
const faultShare = 0.1
/** How much of the work a life sees at most: so many requests, and these milliseconds after. */
const longestLife = { requests: 120, ms: 150 }
/** A life may see nothing for so long, since all that is left waits for its time. */
const longestQuietMs = 8000
/** Tickets that change while a life begins, at most. */
const mostChanges = 5
const lookMs = 1000
/** What was taken is planned within this time, of which nothing else tells. */
const planMs = 3000

const size = numberOf(process.argv, '--size', 500, 1)
const kills = numberOf(process.argv, '--kills', 75, 1)
const seed = numberOf(process.argv, '--seed', 1)

/** Effects as the database had them, when each life ended and now and then in the last one. */
interface Seen {
  /** Ids of those that may have been carried out, unknown to the server. */
  readonly ambiguous: Set<string>
  /** Ids of those that were under way when their life ended. */
  readonly interrupted: Set<string>
  /** Lives that ended while some were under way. */
  lives: number
}

interface EffectRow {
  readonly id: string
  readonly state: 'inflight' | 'ambiguous'
}

/** Stands still while it is looked at: what was under way then is under way when it is killed. */
async function freeze(life: Life, folder: string, seen: Seen): Promise<void> {
  process.kill(life.pid, 'SIGSTOP')
  const client = new pg.Client({
    host: join(storeOf(folder), 'run'),
    ...{ port: 5432, user: 'postgres', database: 'postgres' },
  })
  // The database may end before us, with its server.
  client.on('error', () => {})
  await client.connect()
  const { rows } = await client.query<EffectRow>(
    "select id::text, state from effect where state in ('inflight', 'ambiguous')",
  )
  await client.end()
  const inflight = rows.filter(({ state }) => state === 'inflight')
  if (inflight.length > 0) seen.lives++
  for (const { id } of inflight) seen.interrupted.add(id)
  for (const { id } of rows) seen.ambiguous.add(id)
}

/** Nothing is left to do, and some time later there still is not. */
async function untilAtRest(server: Child, seen: Seen): Promise<void> {
  for (let restedAt: number | undefined; restedAt === undefined || performance.now() - restedAt < planMs; ) {
    await wait(lookMs)
    for (const { id } of await effects(server, 'ambiguous')) seen.ambiguous.add(id)
    restedAt = (await isDone(server, size)) ? (restedAt ?? performance.now()) : undefined
  }
}

interface History {
  /** Lost answers, and kills, that a look found to be carried out after all. */
  readonly adopted: number
  /** Tries of all effects that failed or whose outcome was not known. */
  readonly tries: number
  readonly faults: readonly string[]
}

async function historyOf(server: Child, ids: readonly string[]): Promise<History> {
  const told: TicketAnswer[] = []
  for (const id of ids) told.push(await ticket(server, id))
  const events = told.flatMap(({ events }) => events)
  const all = told.flatMap(({ effects }) => effects)
  const left = all.filter(({ state }) => state !== 'done' && state !== 'skipped')
  return {
    adopted: events.filter(({ kind }) => kind === 'adopted').length,
    tries: all.reduce((sum, { attempts }) => sum + attempts, 0),
    faults: left.map(({ ticketId, kind, state }) => `${ticketId}: the effect ${kind} is ${state}`),
  }
}

async function run(): Promise<void> {
  console.log(`${machine()}\n`)
  await withChildren(3_600_000, async (start, root) => {
    const folder = join(root, 'server')
    mkdirSync(folder)
    const from = performance.now()
    const random = createRandom(seed)
    const vendor = await start(['trials/children/failing-bridge.ts', String(faultShare), String(seed)])
    const order = <Answer = object>(what: FailingBridgeOrder) => vendor.ask<Answer>(what)
    const retry = { attempts: 12, initial: '50ms', max: '2s' }
    const times: BridgeTimes = { every: '1s', changesEvery: '5s', concurrency: 4, retry }
    const settings = await order<BridgeSettings>({ do: 'settings', times })
    const options: ServerOptions = { folder, baseUrl: 'http://127.0.0.1:9', bridges: [settings] }
    await order({ do: 'add', tickets: size, notes, attachmentBytes })
    const seen: Seen = { ambiguous: new Set(), interrupted: new Set(), lives: 0 }
    let life: Life | undefined
    let idle = 0
    const worked = await killAgain({
      kills,
      random,
      spawn() {
        const spawned = start.spawn(serverArguments(options))
        life = spawned
        return spawned
      },
      async working() {
        await order({ do: 'change', times: random.below(mostChanges + 1) })
        const { requests } = await order<Came>({
          do: 'await',
          requests: 1 + random.below(longestLife.requests),
          ms: longestQuietMs,
        })
        if (requests === 0) idle++
        await wait(random.below(longestLife.ms))
        // Without a request its database may not be there yet.
        if (life !== undefined && requests > 0) await freeze(life, folder, seen)
      },
    })
    await order({ do: 'calm' })
    const server = await startServer(start, options)
    const { tickets: left } = await bridge(server)
    await untilAtRest(server, seen)
    const account = await order<BridgeAccount>({ do: 'judge' })
    const history = await historyOf(server, account.ids)
    await server.stop()
    await vendor.stop()
    await expectNoOrphans(root)
    const wrong = [...account.faults, ...history.faults]
    if (wrong.length > 0) throw new Error(`${wrong.length} faults:\n${wrong.slice(0, 20).join('\n')}`)
    printTable([
      ['kills', String(kills)],
      ['while it worked', String(worked - idle)],
      ['while effects were under way', String(seen.lives)],
      ['effects under way then', String(seen.interrupted.size)],
      ['effects that were ambiguous', String(seen.ambiguous.size)],
      ['tries that failed or had no answer', String(history.tries)],
      ['incidents found after all', String(history.adopted)],
      ['incidents, notes and files sent', String(account.sendings)],
      ['of these again', String(account.sentAgain)],
      ['requests', String(account.requests)],
      ['tickets left for the last life', String(size - (left.open ?? 0))],
      ['seconds', ((performance.now() - from) / 1000).toFixed(0)],
    ])
    const { tickets, notes: carried, attachments } = account
    console.log(
      `\n${tickets} tickets are one incident each, with each of ${carried} notes and ${attachments} files once;`,
    )
    console.log('every change is acknowledged, no effect is left or dead; no process is left')
  })
}

await run()
