/** Whether the products, the receipts and the store agree in the end, whatever became of servers and products meanwhile. */
import { setTimeout as wait } from 'node:timers/promises'
import { ask, type Receipt, startFetch } from '../bench/harness/api.ts'
import type { Child } from '../bench/harness/processes.ts'
import { endOfExport } from '../bench/harness/push-api.ts'
import type { BridgeAccount, FailingBridgeOrder } from './children/failing-bridge.ts'
import type { FailingAccount, FailingOrder } from './children/failing-vendor.ts'
import { compareStored } from './judge.ts'
import { feeds, type World } from './soak-world.ts'

const restMs = 120_000

type Server = Pick<Child, 'url'>

/** What clients had answered with success. */
export interface Taken {
  /** Exporter and id. */
  readonly pushes: readonly { readonly exporter: string; readonly id: string }[]
  /** Of each exporter, what was pushed to it. */
  readonly pushed: ReadonlyMap<string, ReadonlySet<string>>
}

export interface Judged {
  readonly fetches: Readonly<Record<string, number>>
  readonly records: number
  readonly tickets: number
  readonly faults: readonly string[]
}

export async function judge(world: World, server: Server, taken: Taken): Promise<Judged> {
  const { source, bridge } = world
  const faults: string[] = []
  // The one under way may have read before the last change.
  for (let times = 0; times < 2; times++) await ended(server, (await startFetch(server)).id)
  const records = await compareStored(server, source).catch((error: unknown) => {
    faults.push(String(error))
    return 0
  })
  const runs = await allRuns(server)
  faults.push(...runs.flatMap(receiptFaults))
  if (!(await inTime(async () => (await pendingItems(server)) === 0))) faults.push('deliveries are left')
  for (const { exporter, id } of taken.pushes) {
    const { counts } = await endOfExport(server, id)
    const { total, accepted, unchanged } = counts
    if (accepted + unchanged !== total)
      faults.push(`the export ${id} to ${exporter}: ${JSON.stringify(counts)}`)
  }
  let wrong: string[] = []
  await inTime(async () => {
    wrong = await productFaults(world, server, taken)
    return wrong.length === 0
  })
  faults.push(...wrong)
  let account: BridgeAccount | undefined
  const isRight = await inTime(async () => {
    account = await bridge.ask<BridgeAccount>({ do: 'judge' } satisfies FailingBridgeOrder)
    return account.faults.length === 0
  })
  if (!isRight) faults.push(...(account?.faults ?? []))
  faults.push(...(await closedCircuitFaults(server)))
  const fetches = Object.entries(Object.groupBy(runs, ({ status }) => status))
  return {
    ...{ records, tickets: account?.tickets ?? 0, faults },
    fetches: Object.fromEntries(fetches.map(([status, each]) => [status, each.length])),
  }
}

/** Forwards come after the list that they are of. */
async function productFaults({ products }: World, server: Server, taken: Taken): Promise<string[]> {
  const forwarded = new Set(await valuesOf(server, feeds.forwarded))
  const faults: string[] = []
  for (const [kind, product] of products) {
    const { entries } = await product.ask<FailingAccount>({ do: 'account' } satisfies FailingOrder)
    const wanted = new Set(taken.pushed.get(kind))
    if (kind === 'darktrace') for (const value of forwarded) wanted.add(value)
    const there = entries.map(({ value }) => value)
    faults.push(...differences(kind, wanted, there))
  }
  return faults
}

interface End {
  readonly circuit: string
  readonly lastError: object | null
}

/** Every product is there, so that nobody may still believe that it is away. */
async function closedCircuitFaults(server: Server): Promise<string[]> {
  type List<T> = { readonly data: readonly (T & { readonly name: string })[] }
  const { data: exporters } = await ask<List<End>>(server, '/api/v1/exporters')
  const { data: bridges } = await ask<List<{ readonly ticketDesk: End; readonly incidentSink: End }>>(
    server,
    '/api/v1/bridges',
  )
  const ends = [
    ...exporters,
    ...bridges.flatMap(({ name, ticketDesk, incidentSink }) => [
      { ...ticketDesk, name: `${name} desk` },
      { ...incidentSink, name: `${name} sink` },
    ]),
  ]
  return ends
    .filter(({ circuit }) => circuit !== 'closed')
    .map(
      ({ name, circuit, lastError }) => `the circuit of ${name} is ${circuit}: ${JSON.stringify(lastError)}`,
    )
}

interface RunPage {
  readonly data: readonly Receipt[]
  readonly next: string | null
}

async function allRuns(server: Server): Promise<Receipt[]> {
  const runs: Receipt[] = []
  for (let next: string | null = ''; next !== null; ) {
    const cursor: string = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`
    const page: RunPage = await ask(server, `/api/v1/sources/tc/runs?limit=100${cursor}`)
    runs.push(...page.data)
    next = page.next
  }
  return runs
}

function receiptFaults(run: Receipt): string[] {
  const { received, stored, updated, unchanged, excluded, unreadableCount, status } = run
  const isWhole = received === stored + updated + unchanged + excluded + unreadableCount
  if (status === 'running' || (isWhole && (status !== 'failed' || run.error !== null))) return []
  return [`a receipt: ${JSON.stringify(run)}`]
}

async function ended(server: Server, id: string): Promise<void> {
  await inTime(async () => (await ask<Receipt>(server, `/api/v1/runs/${id}`)).status !== 'running')
}

async function inTime(isThere: () => Promise<boolean>): Promise<boolean> {
  for (const last = performance.now() + restMs; performance.now() < last; await wait(200)) {
    if (await isThere()) return true
  }
  return false
}

async function valuesOf({ url }: Server, feed: string): Promise<string[]> {
  const { data } = await ask<{ readonly data: readonly { readonly value: string }[] }>(
    { url },
    `/feeds/${feed}.json`,
  )
  return data.map(({ value }) => value)
}

function differences(kind: string, wanted: ReadonlySet<string>, there: readonly string[]): string[] {
  const has = new Set(there)
  return [
    ...[...wanted].filter((value) => !has.has(value)).map((value) => `${kind} has no ${value}`),
    ...[...has]
      .filter((value) => !wanted.has(value))
      .map((value) => `${kind} has ${value}, which it should not`),
    ...(has.size === there.length ? [] : [`${kind} has ${there.length - has.size} values twice`]),
  ]
}

/** What is under way at the exporters. */
async function pendingItems(server: Server): Promise<number> {
  const { data } = await ask<{ readonly data: readonly { readonly counts: { readonly pending: number } }[] }>(
    server,
    '/api/v1/exporters',
  )
  return data.reduce((sum, { counts }) => sum + counts.pending, 0)
}
