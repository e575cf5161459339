/** Who gets room at a product that takes so many entries. Pure. */

/** An indicator and how many entries of the product it takes. */
export interface Candidate {
  /** Higher is better. */
  readonly rank: number
  readonly entries: number
}

export interface Allotment<New, Old> {
  /** May be sent now. */
  readonly go: readonly New[]
  /** Get the room that others leave. */
  readonly wait: readonly New[]
  readonly none: readonly New[]
  /** Leave for better ones. */
  readonly evicted: readonly Old[]
}

/**
 * The best ones get what is free, the next what is about to become so, further ones the place of entries that are
 * weaker than they.
 * @param free entries @param leaving entries that are about to leave
 * @param weakest of what the product has from us, weakest first
 */
export function allot<New extends Candidate, Old extends Candidate>(
  wanted: readonly New[],
  { free, leaving, weakest }: { free: number; leaving: number; weakest: readonly Old[] },
): Allotment<New, Old> {
  const ranked = wanted.toSorted((a, b) => b.rank - a.rank)
  const go: New[] = []
  const wait: New[] = []
  const none: New[] = []
  const evicted: Old[] = []
  let now = free
  let soon = leaving
  for (const each of ranked) {
    const { entries } = each
    if (entries <= now) {
      go.push(each)
      now -= entries
      continue
    }
    const missing = entries - now - soon
    const paid = missing <= 0 ? [] : weakerFor(each, missing, weakest, evicted.length)
    if (paid === undefined) {
      none.push(each)
      continue
    }
    evicted.push(...paid)
    soon += paid.reduce((sum, old) => sum + old.entries, 0)
    const later = Math.min(soon, entries)
    soon -= later
    now -= entries - later
    wait.push(each)
  }
  return { go, wait, none, evicted }
}

/** @returns undefined: there are not enough weaker ones */
function weakerFor<Old extends Candidate>(
  { rank }: Candidate,
  needed: number,
  weakest: readonly Old[],
  from: number,
): readonly Old[] | undefined {
  const found: Old[] = []
  let sum = 0
  for (let place = from; sum < needed; place++) {
    const next = weakest[place]
    if (next === undefined || next.rank >= rank) return undefined
    found.push(next)
    sum += next.entries
  }
  return found
}
