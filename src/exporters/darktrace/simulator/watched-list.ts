/** The watched list: entries by source and value, each with what was stored with it. */

export interface WatchedEntry {
  /** As it was sent first. */
  readonly name: string
  readonly description?: string
  /** Milliseconds. */
  readonly expiresAt?: number
  readonly hostname?: boolean
  readonly iagn?: boolean
}

export type NewEntry = Omit<WatchedEntry, 'name'>

/** What was really done, in order: `remove` only of what was there. */
export interface Change {
  readonly action: 'add' | 'remove'
  readonly source: string
  readonly value: string
  /** The simulator's clock, milliseconds. */
  readonly at: number
}

export interface WatchedList {
  /** Every change since the start. */
  readonly changes: readonly Change[]
  /** Of a source that was emptied as well: its name stays. */
  sources(): readonly string[]
  /** What has not expired, oldest first. */
  entries(source: string): readonly WatchedEntry[]
  /** @returns whether it is new; undefined: dropped without a word */
  add(source: string, value: string, entry: NewEntry): boolean | undefined
  remove(source: string, value: string): void
  /** Names of the sources that have it. */
  sourcesOf(value: string): readonly string[]
}

export function createWatchedList(now: () => number, drops: (value: string) => boolean): WatchedList {
  const bySource = new Map<string, Map<string, WatchedEntry>>()
  const changes: Change[] = []
  const isAlive = ({ expiresAt }: WatchedEntry): boolean => expiresAt === undefined || expiresAt > now()
  const find = (source: string, value: string): WatchedEntry | undefined => {
    const found = bySource.get(source)?.get(value.toLowerCase())
    return found !== undefined && isAlive(found) ? found : undefined
  }
  return {
    changes,
    sources: () => [...bySource.keys()],
    entries: (source) => [...(bySource.get(source)?.values() ?? [])].filter(isAlive),
    add(source, value, entry) {
      if (drops(value)) return undefined
      const entries = bySource.get(source) ?? new Map<string, WatchedEntry>()
      bySource.set(source, entries)
      const old = find(source, value)
      // Inferred: what a request leaves out stays as it was. Nothing says that it is cleared.
      entries.set(value.toLowerCase(), { name: value, ...old, ...entry })
      changes.push({ action: 'add', source, value, at: now() })
      return old === undefined
    },
    remove(source, value) {
      if (find(source, value) !== undefined) changes.push({ action: 'remove', source, value, at: now() })
      bySource.get(source)?.delete(value.toLowerCase())
    },
    sourcesOf: (value) => [...bySource.keys()].filter((source) => find(source, value) !== undefined),
  }
}
