/** What differs between two configurations, in the file's own words. Pure. */
import { isDeepStrictEqual } from 'node:util'

/** Names of settings from the top: `['sources', 'tc', 'settings', 'secretKey']`; what has a name goes by it. */
export type SettingPath = readonly string[]

/** `sources.tc.settings.secretKey` */
export function textOfPath(path: SettingPath): string {
  return path.join('.')
}

/**
 * Every setting whose value is another one, in their order; of what is there on one side only, its own path. A list that
 * has other members or another order differs as a whole, unless all of its members have names; then by these.
 */
export function differences(before: unknown, after: unknown, path: SettingPath = []): readonly SettingPath[] {
  if (isDeepStrictEqual(before, after)) return []
  const [old, next] = [membersOf(before), membersOf(after)]
  if (old === undefined || next === undefined) return [path]
  const names = [...new Set([...old.keys(), ...next.keys()])]
  const inside = names.flatMap((name) => {
    const inner = [...path, name]
    if (!old.has(name) || !next.has(name))
      return (old.get(name) ?? next.get(name)) === undefined ? [] : [inner]
    return differences(old.get(name), next.get(name), inner)
  })
  const both = (names: ReadonlyMap<string, unknown>, others: ReadonlyMap<string, unknown>) =>
    [...names.keys()].filter((name) => others.has(name))
  const isReordered = Array.isArray(before) && !isDeepStrictEqual(both(old, next), both(next, old))
  return isReordered ? [path, ...inside] : inside
}

/** @returns `before` with what stands at these paths in `after`; each is there on both sides, or a setting that may be absent */
export function withTaken<T>(before: T, after: T, paths: readonly SettingPath[]): T {
  return paths.reduce((value, path) => taken(value, after, path) as T, before)
}

function taken(before: unknown, after: unknown, path: SettingPath): unknown {
  const [name, ...rest] = path
  if (name === undefined) return after
  const next = membersOf(after)?.get(name)
  if (Array.isArray(before)) {
    return before.map((member: unknown) => (nameOf(member) === name ? taken(member, next, rest) : member))
  }
  if (!isMap(before)) return after
  return { ...before, [name]: taken(before[name], next, rest) }
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (isMap(value)) return new Map(Object.entries(value))
  if (!Array.isArray(value)) return undefined
  const named = value.map((member: unknown) => [nameOf(member), member] as const)
  const isNamed = (entry: readonly [string | undefined, unknown]): entry is readonly [string, unknown] =>
    entry[0] !== undefined
  const members = named.filter(isNamed)
  return members.length === value.length ? new Map(members) : undefined
}

function nameOf(member: unknown): string | undefined {
  return isMap(member) && typeof member.name === 'string' ? member.name : undefined
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
