/** What a batch comes to: entries, and how many of them go in one request. */
import { canonicalCidr, canonicalIpv6 } from '../../model/ip.ts'
import type { Delivery } from '../exporter.ts'
import { type Command, type Entry, type EntrySettings, entryOf, leavesTraces } from './wire.ts'

export interface Planned {
  readonly delivery: Delivery
  readonly value: string
  /** By which the product's spelling of the value is known again. */
  readonly key: string
  readonly entry: Entry
  /** An upsert of what the product has with members that a new one may not take from it. */
  readonly removesFirst: boolean
}

export function planned(
  batch: readonly Delivery[],
  settings: EntrySettings,
  now: number,
): readonly Planned[] {
  return batch.map((delivery) => {
    const { action, indicator, options, vendor } = delivery
    const entry = entryOf(indicator, options, settings, now)
    const removesFirst = action === 'upsert' && leavesTraces(vendor, entry)
    return { delivery, value: indicator.value, key: comparable(indicator.value), entry, removesFirst }
  })
}

/** Upserts that one request can carry: a POST has one of each member for all of its entries. */
export function groupsOf(plan: readonly Planned[]): readonly (readonly Planned[])[] {
  const groups = new Map<string, Planned[]>()
  for (const one of plan) {
    if (one.delivery.action !== 'upsert') continue
    const key = JSON.stringify(one.entry)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [one])
    else group.push(one)
  }
  return [...groups.values()]
}

export function additionOf(group: readonly Planned[], entry: Entry): Command {
  return { addlist: [...new Set(group.map(({ value }) => value))].join(','), ...entry }
}

export function removalOf({ value, entry }: Planned): Command {
  return { removeentry: value, source: entry.source }
}

/**
 * Equal for equal values: case, a final dot and the `*` that marks a host without its subdomains never count, and an
 * address may be written in several ways.
 */
export function comparable(text: string): string {
  const lower = text
    .trim()
    .toLowerCase()
    .replace(/^\*(?!\.)|\*$/g, '')
    .trim()
    .replace(/\.$/, '')
  if (!lower.includes(':') && !lower.includes('/')) return lower
  return canonicalIpv6(lower) ?? canonicalCidr(lower) ?? lower
}
