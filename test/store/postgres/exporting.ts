/** A store with an exporter, what is pushed to it, and what the product says. */
import { indicatorId } from '../../../src/model/identity.ts'
import type { Indicator } from '../../../src/model/indicator.ts'
import type { ClaimedDelivery, DeliveryStore, Settlement } from '../../../src/store/delivery-store.ts'
import type {
  DeliveryAction,
  ExportCounts,
  ExportRecord,
  NewExport,
  NewItem,
} from '../../../src/store/exports.ts'
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts'
import { freshStore, silent } from '../../pipeline/store.ts'

type Test = Parameters<typeof freshStore>[0]

export const start = new Date('2026-01-01T00:00:00Z')

export function later(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000)
}

/** @returns gives the store to each test as if it were new: it knows the exporter `dt` and nothing else */
export async function exporting(t: Test) {
  const { store, connection } = await freshStore(t)
  const database = await openDatabase({ connection, log: silent })
  t.teardown(() => database.close())
  return async () => {
    for (const table of tables) await database.execute(`delete from ${table}`)
    await store.registerExporters(['dt'])
    return { store, database, connection }
  }
}

const tables = [
  'idempotency',
  'export',
  'delivery_waiting',
  'delivery_body',
  'delivery',
  'delivery_tally',
  'forwarding',
].concat(['exporter', 'feed_member', 'feed', 'run', 'source', 'observation', 'indicator', 'change'])

export function indicatorOf(value: string, more: Partial<Indicator> = {}): Indicator {
  return {
    id: indicatorId('domain', value),
    type: 'domain',
    value,
    score: 3,
    active: true,
    tags: [],
    expiresAt: null,
    observations: [],
    relationships: [],
    ...more,
  }
}

export function item(value: string, source = 'us', more: Partial<Indicator> = {}): NewItem {
  return { indicator: indicatorOf(value, more), value, source }
}

export async function* pagesOf<T>(...pages: readonly (readonly T[])[]): AsyncGenerator<readonly T[]> {
  yield* pages
}

interface Pushing extends Partial<Omit<NewExport, 'action'>> {
  readonly action?: DeliveryAction
}

export async function push(
  store: DeliveryStore,
  items: readonly (NewItem | string)[],
  more: Pushing = {},
): Promise<ExportRecord> {
  const page = items.map((each) => (typeof each === 'string' ? item(each) : each))
  const request = {
    exporter: 'dt',
    action: 'upsert',
    requestedBy: null,
    options: {},
    now: start,
    ...more,
  } as const
  return (await store.createExport(request, pagesOf(page))).export
}

export function accepted(
  { id, revision, taken, action, attempts }: ClaimedDelivery,
  content = 'content',
): Settlement {
  const have = action === 'remove' ? null : { content, remoteId: `r${id}`, vendor: { n: id }, until: null }
  return {
    id,
    revision,
    taken,
    attempts: attempts + 1,
    tried: true,
    repeated: false,
    status: 'accepted',
    reason: null,
    vendor: { n: id },
    remoteId: `r${id}`,
    have,
  }
}

export function ended(
  { id, revision, taken, attempts }: ClaimedDelivery,
  status: 'rejected' | 'skipped' | 'dead' | 'unchanged',
  more: { readonly noRoom?: boolean; readonly reason?: string } = {},
): Settlement {
  const { reason = `it is ${status}`, ...rest } = more
  const tried = status === 'rejected' || status === 'dead'
  return {
    ...{ id, revision, taken, attempts: attempts + Number(tried), tried, repeated: false, status, reason },
    ...{ vendor: null, remoteId: null, have: 'same', ...rest },
  }
}

export function failed(
  { id, revision, taken, attempts }: ClaimedDelivery,
  more: { readonly unsure?: boolean; readonly dueAt?: Date; readonly repeated?: boolean } = {},
): Settlement {
  return {
    ...{ id, revision, taken, attempts: attempts + 1, tried: true, repeated: false, status: 'pending' },
    ...{ reason: 'the product did not answer', dueAt: start, unsure: true, ...more },
  }
}

/** Everything that waits is accepted. @returns the values that were sent, with what was to be done */
export async function drain(
  store: DeliveryStore,
  {
    claim,
    name = 'dt',
    now = later(1e6),
  }: { readonly claim?: number; readonly name?: string; readonly now?: Date } = {},
): Promise<readonly string[]> {
  const own = claim ?? (await store.claimExporter(name))
  const sent: string[] = []
  for (;;) {
    const claimed = await store.claimDeliveries(name, own, { limit: 1000, now })
    if (claimed.length === 0) return sent
    sent.push(...claimed.map(({ action, indicator }) => `${action} ${indicator.value}`))
    await store.settleDeliveries(
      name,
      own,
      claimed.map((each) => accepted(each)),
      now,
    )
  }
}

/** Zeros left out. */
export function counted(counts: ExportCounts | undefined): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts ?? {}).filter(([, n]) => n !== 0))
}

export async function countsOf(store: DeliveryStore, { id }: { readonly id: string }) {
  return counted((await store.export(id))?.counts)
}

/** `a.example accepted`, with the reason behind where there is one. */
export async function itemsOf(
  store: DeliveryStore,
  { id }: { readonly id: string },
): Promise<readonly string[]> {
  const items = await store.items(id, { limit: 10_000 })
  return items.map(({ value, status, reason }) =>
    [value, status, ...(reason === null ? [] : [reason])].join(' '),
  )
}

/**
 * What must be so at any time: counters are the numbers of items, tallies those of deliveries, and exactly what is
 * pending waits. @returns what is not so
 */
export async function contradictions(database: Database): Promise<readonly object[]> {
  await database.execute(
    'analyze export, export_item, delivery, delivery_waiting, delivery_body, delivery_tally',
  )
  return database.query(`
    select 'export' as what, e.id::text as which from export e join (
      select export, count(*) as total, ${['pending', 'accepted', 'unchanged', 'rejected', 'skipped', 'dead']
        .map((status) => `count(*) filter (where status = '${status}') as ${status}`)
        .join()} from export_item group by export) i on i.export = e.id
    where (e.total, e.pending, e.accepted, e.unchanged, e.rejected, e.skipped, e.dead)
        <> (i.total, i.pending, i.accepted, i.unchanged, i.rejected, i.skipped, i.dead)
      or (e.ended_at is null) <> (e.pending > 0)
    union all
    select 'delivery', d.id::text from delivery d
      left join delivery_waiting q on q.delivery = d.id left join delivery_body b on b.delivery = d.id
    where (d.status = 'pending') <> (q.delivery is not null) or b.delivery is null
    union all
    select 'waiting', q.delivery::text from delivery_waiting q
    where not exists (select from delivery d where d.id = q.delivery and d.exporter = q.exporter and d.action = q.action)
    union all
    select 'item', i.export || ' ' || i.position from export_item i join delivery d on d.id = i.delivery
    where i.status = 'pending' and (d.status <> 'pending' or i.revision <= d.settled_revision or i.revision > d.revision)
    union all
    select 'idle', d.id::text from delivery d where d.status = 'pending'
      and not exists (select from export_item i where i.delivery = d.id and i.status = 'pending')
    union all
    select 'tally', coalesce(told.what, counted.what) from (
        select exporter, what, sum(n) as n from delivery_tally group by 1, 2 having sum(n) <> 0) told
      full join (
        select exporter, status as what, count(*) as n from delivery group by 1, 2
        union all select exporter, 'held', count(*) from delivery where have_rank is not null group by 1) counted
      on told.exporter = counted.exporter and told.what = counted.what
    where told.n is distinct from counted.n`)
}
