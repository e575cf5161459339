/** Products with room for so many entries: the best ones get it. */
import type { Exporter } from '../../exporters/exporter.ts'
import type { DeliveryStore, Settlement } from '../../store/delivery-store.ts'
import type { Work } from './settle.ts'

export interface Rooms {
  /** Whoever works at the destination now: what is known counts on where nobody else did in between. */
  begin(claim: number): Room
}

export interface Room {
  /**
   * Which of some upserts that the product does not have yet may be sent. Weaker entries of ours are evicted for
   * better ones, which wait until they are gone.
   * @throws UpstreamError of the product, when it is asked how many it has
   */
  admit(fresh: readonly Work[], signal: AbortSignal): Promise<Admission>
  /** A removal of what the product has is under way: it will leave room. */
  leaving(works: readonly Work[]): void
  /** How deliveries that were admitted or are leaving came out. */
  ended(works: readonly { readonly work: Work; readonly settlement: Settlement }[]): void
  /** Queues what had no room, as far as there is some now. @returns how many */
  revive(): Promise<number>
}

export interface Admission {
  readonly go: readonly Work[]
  readonly wait: readonly Work[]
  readonly none: readonly Work[]
}

interface Options {
  readonly name: string
  readonly room: NonNullable<Exporter['room']>
  readonly store: Pick<DeliveryStore, 'weakest' | 'evict' | 'reviveWithoutRoom'>
  now(): number
}

/** The product is asked at most so often. */
const askEveryMs = 60_000

const evictionReason = 'to make room for a better one'

export function rooms({ name, room, store, now }: Options): Rooms {
  // What the product has, with what came and went since it was asked; undefined: not known.
  let active: number | undefined
  let askedAt = 0
  let lastClaim = Number.NaN
  /** Ids of what the product does not let go. */
  const stubborn = new Set<number>()

  const begin = (claim: number): Room => {
    if (claim !== lastClaim + 1) active = undefined
    lastClaim = claim
    /** Admitted, not ended. */
    const coming = new Set<number>()
    /** Removals under way, and evictions that wait. */
    const going = new Set<number>()
    let freed = 0

    const known = async (signal: AbortSignal): Promise<number> => {
      // What is under way would be counted twice, or not at all.
      const mayAsk = active === undefined || (coming.size === 0 && now() - askedAt >= askEveryMs)
      if (mayAsk) {
        active = await room.active(signal)
        askedAt = now()
      }
      return active ?? 0
    }
    return {
      async admit(fresh, signal) {
        // An unsure one may be there already.
        const certain = fresh.filter(({ claimed }) => !claimed.unsure)
        const unsure = fresh.filter(({ claimed }) => claimed.unsure)
        if (certain.length === 0) return { go: unsure, wait: [], none: [] }
        const ranked = certain.toSorted((a, b) => b.claimed.rank - a.claimed.rank)
        const free = Math.max(0, room.most - (await known(signal)) - coming.size)
        const admitted = ranked.slice(0, free)
        for (const { claimed } of admitted) coming.add(claimed.id)
        const over = ranked.slice(free + going.size)
        const evicted = await evict(over, claim)
        for (const id of evicted) going.add(id)
        return {
          go: [...unsure, ...admitted],
          wait: [...ranked.slice(free, free + going.size - evicted.length), ...over.slice(0, evicted.length)],
          none: over.slice(evicted.length),
        }
      },
      leaving(works) {
        for (const { claimed } of works) going.add(claimed.id)
      },
      ended(works) {
        for (const { work, settlement } of works) {
          const { id } = work.claimed
          const isDone = settlement.status === 'accepted' || settlement.status === 'unchanged'
          const isPending = settlement.status === 'pending'
          const mayBeThere = isDone || (isPending && settlement.unsure)
          if (coming.delete(id) && mayBeThere && active !== undefined) active++
          // A removal that is tried again is still to leave.
          if (isPending || !going.delete(id)) continue
          if (isDone) freed++
          else stubborn.add(id)
          if (isDone && active !== undefined) active = Math.max(0, active - 1)
        }
      },
      async revive() {
        const free = active === undefined ? freed : room.most - active - coming.size
        freed = 0
        return free > 0 ? await store.reviveWithoutRoom(name, claim, free, new Date(now())) : 0
      },
    }
  }
  /** Of each pair of a better one that has no room and a weaker one that has it. @param over best first */
  const evict = async (over: readonly Work[], claim: number): Promise<readonly number[]> => {
    const best = over[0]?.claimed.rank
    if (best === undefined) return []
    const weakest = await store.weakest(name, { below: best, limit: over.length + stubborn.size })
    const ids = weakest
      .filter(({ id }) => !stubborn.has(id))
      .slice(0, over.length)
      .filter(({ rank }, index) => rank < (over[index]?.claimed.rank ?? Number.NEGATIVE_INFINITY))
      .map(({ id }) => id)
    if (ids.length > 0) await store.evict(name, claim, ids, evictionReason, new Date(now()))
    return ids
  }
  return { begin }
}

export function noRoom(most: number): string {
  return `no room: the product takes ${most} entries and has none from us that is weaker`
}
