/** A destination on the real store, with a clock of its own. */
import type { Logger } from 'pino'
import { pino } from 'pino'
import type { RetryConfig } from '../../../src/config/model.ts'
import { type DeliverContext, deliver } from '../../../src/pipeline/exports/deliver.ts'
import type { Destination } from '../../../src/pipeline/exports/destination.ts'
import { rooms } from '../../../src/pipeline/exports/room.ts'
import type { DeliveryStore } from '../../../src/store/delivery-store.ts'
import type { DeliveryAction, ExportItem, ExportRecord, NewItem } from '../../../src/store/exports.ts'
import type { FeedStore } from '../../../src/store/feed-store.ts'
import { openPostgresStore, type PostgresStore } from '../../../src/store/postgres/index.ts'
import { freshDatabase } from '../../store/database.ts'
import { silent } from '../store.ts'
import { indicatorOf, type Product } from './product.ts'

export interface Clock {
  now(): number
  ahead(ms: number): void
}

export function createClock(start = Date.parse('2026-03-10T12:00:00Z')): Clock {
  let at = start
  return {
    now: () => at,
    ahead(ms) {
      at += ms
    },
  }
}

interface Test {
  teardown(after: () => Promise<void>): void
}

export async function openStore(t: Test, clock: Clock): Promise<PostgresStore> {
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection, log: silent, now: () => new Date(clock.now()) })
  t.teardown(() => store.close())
  return store
}

export const retry: RetryConfig = { attempts: 4, initialMs: 1000, maxMs: 60_000 }

export function destinationOf(product: Product, more: Partial<Destination> = {}): Destination {
  return {
    name: 'edge',
    kind: 'memory',
    exporter: product,
    accepts: ['domain', 'ipv4'],
    maxBatch: 10,
    concurrency: 4,
    retry,
    throttledMs: 0,
    forward: null,
    maxRemovalShare: 0.2,
    ...more,
  }
}

export type WorldStore = DeliveryStore & Pick<FeedStore, 'refreshFeed'>

export interface World {
  readonly destination: Destination
  readonly product: Product
  readonly clock: Clock
  readonly store: WorldStore
  /** What was logged at level `error` and above, and at any level. */
  readonly errors: string[]
  readonly log: string[]
  /** Deliveries that were settled, as whoever looks on is told. */
  readonly counted: Readonly<Record<string, number>>
  push(values: readonly (string | NewItem)[], more?: Pushed): Promise<ExportRecord>
  /** One look: until nothing is due. */
  look(signal?: AbortSignal, store?: WorldStore): Promise<number | null>
  /** Looks again whenever it is due. @returns looks */
  idle(): Promise<number>
  items(id: string): Promise<readonly ExportItem[]>
  statuses(id: string): Promise<Readonly<Record<string, number>>>
  record(id: string): Promise<ExportRecord>
}

export interface Pushed {
  readonly action?: DeliveryAction
  /** Of every indicator. */
  readonly description?: string
  readonly options?: Readonly<Record<string, unknown>>
}

export async function createWorld(
  store: WorldStore,
  product: Product,
  clock: Clock,
  more: Partial<Destination> = {},
): Promise<World> {
  const destination = destinationOf(product, more)
  const { name, exporter } = destination
  await store.registerExporters([name])
  const errors: string[] = []
  const lines: string[] = []
  const log: Logger = pino(
    { level: 'trace' },
    {
      write(line: string) {
        lines.push(line)
        const { level, msg, err } = JSON.parse(line)
        if (level >= 50) errors.push(`${msg}: ${err?.message ?? ''}`)
      },
    },
  )
  const counted: Record<string, number> = {}
  const kept = exporter.room && rooms({ name, room: exporter.room, store, now: clock.now })
  const context: DeliverContext = {
    store,
    log,
    now: clock.now,
    random: () => 0.5,
    onlooker: {
      itemsSettled(_exporter, status, count) {
        counted[status] = (counted[status] ?? 0) + count
      },
    },
    ...(kept && { rooms: kept }),
  }
  const never = new AbortController().signal
  const look: World['look'] = (signal = never, other = store) =>
    deliver(destination, { ...context, store: other }, signal)
  const record = async (id: string) => {
    const found = await store.export(id)
    if (found === undefined) throw new Error(`no export ${id}`)
    return found
  }
  const items = async (id: string) => store.items(id, { limit: 100_000 })
  return {
    destination,
    product,
    clock,
    store,
    errors,
    log: lines,
    counted,
    async push(values, { action = 'upsert', description, options = {} } = {}) {
      const page = values.map((each): NewItem => {
        if (typeof each !== 'string') return each
        const indicator = indicatorOf(each, description === undefined ? {} : { description })
        return { indicator, value: each, source: 'ours' }
      })
      const pages = (async function* () {
        yield page
      })()
      const request = { exporter: name, action, requestedBy: null, options, now: new Date(clock.now()) }
      return (await store.createExport(request, pages)).export
    },
    look,
    async idle() {
      for (let looks = 1; ; looks++) {
        const next = await look()
        if (next === null) return looks
        if (next > clock.now()) clock.ahead(next - clock.now())
        if (looks > 1000) throw new Error('it never comes to rest')
      }
    },
    items,
    async statuses(id) {
      const counts: Record<string, number> = {}
      for (const { status } of await items(id)) counts[status] = (counts[status] ?? 0) + 1
      return counts
    },
    record,
  }
}

export function valuesOf(count: number, prefix = 'v'): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}${index}.example`)
}
