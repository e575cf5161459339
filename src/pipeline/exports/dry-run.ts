/** A push that sends nothing: what would be sent, in which requests, and what would not be and why. By the ledger alone. */
import { ServiceError } from '../../errors.ts'
import type { Delivery, PushOptions, WireRequest } from '../../exporters/exporter.ts'
import type { Indicator } from '../../model/indicator.ts'
import { rankOf } from '../../model/rank.ts'
import type { DeliveryStore, Have } from '../../store/delivery-store.ts'
import type { DeliveryAction, NewItem } from '../../store/exports.ts'
import { allot } from './allot.ts'
import { contentHash } from './content.ts'
import { hasStill } from './prepare.ts'
import type { ItemPages } from './push-items.ts'
import type { Push, PushTarget } from './push-request.ts'
import { noRoom } from './room.ts'

export interface DryRunItem {
  readonly type: string | null
  readonly value: string
  /** pending: it would be sent. */
  readonly status: 'pending' | 'unchanged' | 'skipped'
  readonly reason: string | null
}

export interface DryRun {
  readonly exporter: string
  readonly action: DeliveryAction
  readonly counts: Readonly<Record<'total' | DryRunItem['status'], number>>
  /** Indicators of each batch, in the order of sending. */
  readonly batches: readonly { readonly action: DeliveryAction; readonly size: number }[]
  readonly requests: readonly WireRequest[]
  /** One for each input, in their order. */
  readonly items: readonly DryRunItem[]
  /** What would be removed to make room for better ones. */
  readonly evictions: readonly { readonly type: string; readonly value: string }[]
}

/** All of it is one answer. */
const mostDryItems = 50_000

type DryStore = Pick<DeliveryStore, 'haveOf' | 'heldCount' | 'weakest'>

interface Wanted {
  readonly indicator: Indicator
  readonly source: string
  have: Have | null
  status: DryRunItem['status']
  reason: string | null
}

/** @throws ServiceError EXPORT_REFUSED for more than 50,000 items */
export async function dryRun(
  store: DryStore,
  target: PushTarget,
  push: Pick<Push, 'action' | 'options'>,
  pages: ItemPages,
  now: number,
): Promise<DryRun> {
  const inputs = await all(pages)
  const wanted = distinct(inputs)
  await look(store, target, push, [...wanted.values()], now)
  const evicted = push.action === 'upsert' ? await makeRoom(store, target, [...wanted.values()], now) : []
  const sent = [...wanted.values()].filter(({ status }) => status === 'pending')
  const removals = evicted.map((indicator) => delivery('remove', indicator, push.options, null))
  const deliveries = sent.map(({ indicator, have }) => delivery(push.action, indicator, push.options, have))
  const size = Math.min(target.objectsPerRun, target.definition.maxBatch)
  const batches = [...batchesOf(removals, size), ...batchesOf(deliveries, size)]
  const items = inputs.map((input) => itemOf(input, wanted))
  return {
    exporter: target.name,
    action: push.action,
    counts: countsOf(items),
    batches: batches.map((batch) => ({ action: batch[0]?.action ?? push.action, size: batch.length })),
    requests: batches.flatMap((batch) => target.exporter.preview(batch)),
    items,
    evictions: evicted.map(({ type, value }) => ({ type, value })),
  }
}

async function all(pages: ItemPages): Promise<readonly NewItem[]> {
  const items: NewItem[] = []
  for await (const page of pages) {
    items.push(...page)
    if (items.length > mostDryItems) {
      const detail = `a dry run shows at most ${mostDryItems} items, and there are more; push fewer at once, or narrow the filter. A push itself takes any number.`
      throw new ServiceError('EXPORT_REFUSED', detail)
    }
  }
  return items
}

/** Equal inputs are sent once, as the last of them says. */
function distinct(inputs: readonly NewItem[]): Map<string, Wanted> {
  const wanted = new Map<string, Wanted>()
  for (const input of inputs) {
    if ('skipped' in input) continue
    const { indicator, source } = input
    wanted.set(indicator.id, { indicator, source, have: null, status: 'pending', reason: null })
  }
  return wanted
}

const pageSize = 1000

/** What the product has already. */
async function look(
  store: DryStore,
  { name, exporter }: PushTarget,
  { action, options }: Pick<Push, 'action' | 'options'>,
  wanted: readonly Wanted[],
  now: number,
): Promise<void> {
  for (let start = 0; start < wanted.length; start += pageSize) {
    const page = wanted.slice(start, start + pageSize)
    const found = await store.haveOf(
      name,
      page.map(({ indicator, source }) => ({ id: indicator.id, source })),
    )
    for (const [index, one] of page.entries()) {
      one.have = found[index] ?? null
      if (one.have === null) continue
      const there = hasStill(one.have, now)
      const same =
        action === 'remove'
          ? !there
          : there && contentHash(exporter, { indicator: one.indicator, options }) === one.have.content
      if (same) one.status = 'unchanged'
    }
  }
}

/**
 * Of new ones beyond the product's room the weakest are skipped, unless something of ours there is weaker still.
 * @returns what goes to make room, weakest first
 */
async function makeRoom(
  store: DryStore,
  { name, exporter }: PushTarget,
  wanted: readonly Wanted[],
  now: number,
): Promise<readonly Indicator[]> {
  if (exporter.room === undefined) return []
  const { most, entries } = exporter.room
  const fresh = wanted
    .filter(({ status, have }) => status === 'pending' && !hasStill(have, now))
    .map((one) => ({ one, rank: rankOf(one.indicator), entries: entries(one.indicator) }))
  const needed = fresh.reduce((all, each) => all + each.entries, 0)
  const free = Math.max(0, most - (await store.heldCount(name)))
  if (needed <= free) return []
  const pushed = new Set(wanted.map(({ indicator }) => indicator.id))
  const below = Math.max(...fresh.map(({ rank }) => rank))
  const found = await store.weakest(name, { below, limit: needed - free + pushed.size })
  const weakest = found
    .filter(({ indicator }) => !pushed.has(indicator.id))
    .map(({ indicator, rank }) => ({ indicator, rank, entries: entries(indicator) }))
  const { none, evicted } = allot(fresh, { free, leaving: 0, weakest })
  for (const { one } of none) {
    one.status = 'skipped'
    one.reason = noRoom(most)
  }
  return evicted.map(({ indicator }) => indicator)
}

function delivery(
  action: DeliveryAction,
  indicator: Indicator,
  options: PushOptions,
  have: Have | null,
): Delivery {
  return {
    key: indicator.id,
    action,
    indicator,
    options,
    unsure: false,
    ...(have !== null && have.remoteId !== null && { remoteId: have.remoteId }),
    ...(have !== null && { vendor: have.vendor }),
  }
}

function* batchesOf(deliveries: readonly Delivery[], size: number): Generator<readonly Delivery[]> {
  for (let start = 0; start < deliveries.length; start += size) yield deliveries.slice(start, start + size)
}

function itemOf(input: NewItem, wanted: ReadonlyMap<string, Wanted>): DryRunItem {
  if ('skipped' in input) {
    return { type: input.type, value: input.value, status: 'skipped', reason: input.skipped }
  }
  const { status = 'pending', reason = null } = wanted.get(input.indicator.id) ?? {}
  return { type: input.indicator.type, value: input.value, status, reason }
}

function countsOf(items: readonly DryRunItem[]): DryRun['counts'] {
  const counts = { total: items.length, pending: 0, unchanged: 0, skipped: 0 }
  for (const { status } of items) counts[status]++
  return counts
}
