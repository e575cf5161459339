/** Entries of a feed as a hostile source has them, and the list that a reader gets of them. */
import type { FeedEntry } from '../../src/feeds/feed-format.ts'
import { canonicalValue } from '../../src/model/canonical.ts'
import { allTypes, type IndicatorType, type Score, tlpLevels } from '../../src/model/indicator.ts'
import { type Encoded, encoded, entry } from '../feeds/formats/encode.ts'
import { expect } from './property.ts'
import { hostile, type Random } from './random.ts'
import { textOf } from './values-made.ts'

/** As JSON has it, so that it can be made smaller: type, value, and what else is said of it. */
export interface GivenEntry {
  readonly type: IndicatorType
  readonly text: string
  readonly description: string
  readonly tags: readonly string[]
  readonly owner: string
  readonly number: number
}

export interface GivenFeed {
  readonly entries: readonly GivenEntry[]
}

/** Entries in one case: as many as make the set-up of a list cheap beside them. */
export const entriesInCase = 200

export function feedOf(random: Random, types: readonly IndicatorType[] = allTypes): GivenFeed {
  const entries = Array.from({ length: entriesInCase }, () => {
    const type = random.pick(types)
    return {
      type,
      text: textOf(random, type),
      description: random.oneIn(2) ? '' : random.text(hostile, 10),
      tags: random.oneIn(3) ? [] : random.list(3, () => random.text(hostile, 4)),
      owner: random.oneIn(4) ? random.text(hostile, 4) : 'Blog',
      number: random.below(1000),
    }
  })
  return { entries }
}

/** What a store would hold of it: canonical, each type and value once, texts that it can keep. */
export function storedEntries({ entries }: GivenFeed): readonly FeedEntry[] {
  const found = new Map<string, FeedEntry>()
  for (const { type, text, description, tags, owner, number } of entries) {
    const canonical = canonicalValue(type, text)
    if ('reason' in canonical) continue
    const { value } = canonical
    const key = `${type} ${value}`
    // PostgreSQL keeps no U+0000 in a text.
    if (found.has(key) || value.includes('\0')) continue
    const kept = (one: string) => one.replaceAll('\0', '')
    const file =
      type === 'file' && value.length > 32 && number % 3 === 0 ? { hashes: { md5: md5Of(number) } } : {}
    found.set(
      key,
      entry(type, value, {
        ...(kept(description) !== '' && { description: kept(description) }),
        tags: [...new Set(tags.map(kept).filter((tag) => tag !== ''))],
        score: (number % 4) as Score,
        ...(number % 2 === 0 && { confidence: number % 101 }),
        ...(number % 5 > 0 && { tlp: tlpLevels[number % 5] ?? 'red' }),
        ...(type === 'custom' && { customType: 'Wallet' }),
        ...file,
        observations: [{ source: 'tc', owner: kept(owner) || 'Blog', remoteId: String(number) }],
      }),
    )
  }
  return [...found.values()]
}

function md5Of(number: number): string {
  return number.toString(16).padStart(32, '0')
}

/** Values that are there under several types: as the store tells formats. */
export function ambiguousOf(entries: readonly FeedEntry[]): ReadonlySet<string> {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const { value } of entries) {
    if (seen.has(value)) twice.add(value)
    seen.add(value)
  }
  return twice
}

export interface List extends Encoded {
  /** Those of the types that the list can hold. */
  readonly given: readonly FeedEntry[]
  /** Values left out, each as often as it was. */
  readonly gone: ReadonlyMap<string, number>
}

export async function listOf(address: string, feed: GivenFeed): Promise<List> {
  const entries = storedEntries(feed)
  const list = await encoded(address, entries, { ambiguous: ambiguousOf(entries) })
  const { types } = list.format
  const gone = new Map<string, number>()
  for (const [value, reason] of list.dropped) {
    expect(reason !== '', () => `${JSON.stringify(value)} is left out without a reason`)
    gone.set(value, (gone.get(value) ?? 0) + 1)
  }
  return { ...list, given: entries.filter(({ type }) => types === undefined || types.includes(type)), gone }
}

/** The entries that must be in the list, in its order: those that it did not tell of. */
export function kept({ given, gone }: Pick<List, 'given' | 'gone'>): readonly FeedEntry[] {
  const left = new Map(gone)
  // Of a value that is there under several types the first is listed, and the later ones are told of.
  const count = new Map<string, number>()
  for (const { value } of given) count.set(value, (count.get(value) ?? 0) + 1)
  const shown = new Map<string, number>()
  return given.filter(({ value }) => {
    const listed = (count.get(value) ?? 0) - (left.get(value) ?? 0)
    const before = shown.get(value) ?? 0
    if (before >= listed) return false
    shown.set(value, before + 1)
    return true
  })
}
