/** A configuration's values, each with the place that it came from. */
import type { Place } from './problem.ts'

export type Located = LocatedScalar | LocatedList | LocatedMap | Unreadable

export interface LocatedScalar {
  readonly kind: 'scalar'
  readonly at: Place
  readonly value: string | number | boolean | null
  /** As it is written in the file; absent for values that are not from there. */
  readonly source?: string
  /** `${NAME}`, or the file, that it is made of: may become a number or a boolean, and is never shown. */
  readonly references: readonly string[]
  /** The value of a variable of ours such as FEED_PORT: may become a number or a boolean. */
  readonly convertible?: true
}

interface LocatedList {
  readonly kind: 'list'
  readonly at: Place
  readonly items: readonly Located[]
}

export interface LocatedMap {
  readonly kind: 'map'
  readonly at: Place
  readonly entries: readonly LocatedEntry[]
}

export interface LocatedEntry {
  readonly key: string
  /** Of the key. */
  readonly at: Place
  readonly value: Located
}

/** What was already reported: nothing more is said about it. */
interface Unreadable {
  readonly kind: 'unreadable'
  readonly at: Place
}

/** No schema of ours goes down so far: what is below is wrong by what is above it. */
const deepest = 50

/** A value of ours (a default, an environment variable), or of a request, as if it stood at that place. */
export function locate(value: unknown, at: Place, depth = 0): Located {
  const inner = (member: unknown) => locate(member, at, depth + 1)
  if (Array.isArray(value)) return { kind: 'list', at, items: depth < deepest ? value.map(inner) : [] }
  if (typeof value === 'object' && value !== null) {
    const members = depth < deepest ? Object.entries(value) : []
    const entries = members.map(([key, member]) => ({ key, at, value: inner(member) }))
    return { kind: 'map', at, entries }
  }
  const scalar =
    typeof value === 'number' || typeof value === 'boolean' || value === null ? value : String(value)
  return { kind: 'scalar', at, value: scalar, references: [] }
}

/** A key whose value is left empty is as good as a key that is not there. */
export function isEmpty(node: Located | undefined): boolean {
  return node === undefined || (node.kind === 'scalar' && node.value === null)
}

export function entryOf(map: LocatedMap, key: string): LocatedEntry | undefined {
  return map.entries.find((entry) => entry.key === key)
}

export function childPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`
  const plain = /^[A-Za-z_][A-Za-z0-9_-]*$/.test(key)
  if (!plain) return `${path}[${JSON.stringify(key)}]`
  return path === '' ? key : `${path}.${key}`
}
