/**
 * How many indicators each source has. A count reads the whole table, and dashboards ask every few seconds: one count at a
 * time serves whoever asks, an unchanged store is not counted again, and what takes long is not counted all the time.
 */
import type { ChangeStore, IndicatorStore } from '../store/store.ts'

export interface SourceCounts {
  /**
   * As they are now, or were `asOf`: see `bearableMs` and `share`.
   * @param after milliseconds since the epoch: what was counted until then is told only where it still holds
   */
  counted(after: number): Promise<Counted>
}

interface Counted {
  /** RFC 3339: what is told was right then. */
  readonly asOf: string
  /** By source and type; what there is none of is absent. */
  readonly bySource: Readonly<Record<string, Readonly<Record<string, number>>>>
}

/** A count that is not dearer is made whenever something changed. */
const bearableMs = 100
/** A dearer one takes at most one part in so many of the time, and is held for so long at most. */
const share = 20
const longestMs = 60_000

interface Held {
  readonly bySource: Counted['bySource']
  readonly seq: number
  readonly at: number
  readonly ms: number
}

/** @param now milliseconds since the epoch */
export function sourceCounts(
  store: Pick<IndicatorStore, 'countBySource'> & Pick<ChangeStore, 'head'>,
  now: () => number,
): SourceCounts {
  let held: Held | undefined
  let counting: Promise<Held> | undefined
  const count = async (): Promise<Held> => {
    const [at, seq] = [now(), await store.head()]
    const bySource = await store.countBySource()
    held = { bySource, seq, at, ms: Math.max(0, now() - at) }
    return held
  }
  const isGood = ({ seq, at, ms }: Held, head: number, after: number) => {
    if (seq >= head) return true
    const age = now() - at
    return at > after && ms > bearableMs && age >= 0 && age < Math.min(longestMs, ms * share)
  }
  return {
    async counted(after) {
      const askedAt = now()
      const head = await store.head()
      // One that was begun before may not have what is there now.
      for (let found = held; ; found = await counting) {
        if (found !== undefined && isGood(found, head, after)) {
          const at = found.seq >= head ? Math.max(found.at, askedAt) : found.at
          return { asOf: new Date(at).toISOString(), bySource: found.bySource }
        }
        counting ??= count().finally(() => {
          counting = undefined
        })
      }
    },
  }
}
