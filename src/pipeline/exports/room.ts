/** Products with room for so many entries: the best ones get it. */
import type { Exporter } from '../../exporters/exporter.ts'
import type { DeliveryStore, Settlement } from '../../store/delivery-store.ts'
import { allot, type Candidate } from './allot.ts'
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

interface Admission {
  readonly go: readonly Work[]
  readonly wait: readonly Work[]
  readonly none: readonly Work[]
}

interface Options {
  readonly name: string
  readonly room: NonNullable<Exporter['room']>
  readonly store: Pick<DeliveryStore, 'weakest' | 'evict' | 'reviveWithoutRoom' | 'heldCount'>
  now(): number
}

/** The product is asked at most so often; more often before anything goes without room. */
const askEveryMs = 60_000
const askWhenTightMs = 5000

const evictionReason = 'to make room for a better one'

export function rooms({ name, room, store, now }: Options): Rooms {
  // What the product has, with what came and went since it was asked; undefined: not known.
  let active: number | undefined
  let askedAt = 0
  let lastClaim = Number.NaN
  /** Ids of what the product does not let go. */
  const stubborn = new Set<number>()
  const entriesOf = ({ claimed }: Work) => room.entries(claimed.indicator)

  const begin = (claim: number): Room => {
    if (claim !== lastClaim + 1) active = undefined
    lastClaim = claim
    // Entries by id of the delivery.
    /** Admitted, not ended. */
    const coming = new Map<number, number>()
    /** Removals under way, and evictions that wait. */
    const going = new Map<number, number>()
    let freed = 0
    /** What was free when nothing that waits for room got it. */
    let inVain = 0

    const known = async (wanted: number, signal: AbortSignal): Promise<number> => {
      const age = now() - askedAt
      const isTight = active !== undefined && room.most - active < wanted
      // What is under way would be counted twice, or not at all.
      const isOld = coming.size === 0 && age >= (isTight ? askWhenTightMs : askEveryMs)
      if (active === undefined || isOld) {
        active = (await room.active(signal)) ?? (await store.heldCount(name))
        askedAt = now()
      }
      return active
    }
    return {
      async admit(fresh, signal) {
        // An unsure one may be there already.
        const certain = fresh.filter(({ claimed }) => !claimed.unsure)
        const unsure = fresh.filter(({ claimed }) => claimed.unsure)
        if (certain.length === 0) return { go: unsure, wait: [], none: [] }
        const wanted = certain.map((work) => ({ work, rank: work.claimed.rank, entries: entriesOf(work) }))
        const needed = wanted.reduce((all, { entries }) => all + entries, 0)
        const free = Math.max(0, room.most - (await known(needed, signal)) - sum(coming))
        const leaving = sum(going)
        const { go, wait, none, evicted } = allot(wanted, {
          free,
          leaving,
          weakest: await weakerThan(wanted, free + leaving),
        })
        for (const { work, entries } of go) coming.set(work.claimed.id, entries)
        for (const { id, entries } of evicted) going.set(id, entries)
        if (evicted.length > 0) {
          const ids = evicted.map(({ id }) => id)
          await store.evict(name, claim, ids, evictionReason, new Date(now()))
        }
        if (go.length > 0) inVain = 0
        return { go: [...unsure, ...go.map(workOf)], wait: wait.map(workOf), none: none.map(workOf) }
      },
      leaving(works) {
        for (const work of works) going.set(work.claimed.id, entriesOf(work))
      },
      ended(works) {
        for (const { work, settlement } of works) {
          const { id, action } = work.claimed
          const isDone = settlement.status === 'accepted' || settlement.status === 'unchanged'
          const isPending = settlement.status === 'pending'
          const came = coming.get(id)
          coming.delete(id)
          const mayBeThere = isDone || (isPending && settlement.unsure)
          if (came !== undefined && mayBeThere && active !== undefined) active += came
          const went = going.get(id)
          // A removal that is tried again is still to leave.
          if (isPending || went === undefined) continue
          going.delete(id)
          // Somebody wanted it again before it had left.
          if (action !== 'remove') continue
          if (!isDone) stubborn.add(id)
          else {
            freed += went
            if (active !== undefined) active = Math.max(0, active - went)
          }
        }
      },
      async revive() {
        const free = active === undefined ? freed : room.most - active - sum(coming)
        freed = 0
        if (free <= inVain) return 0
        inVain = free
        return await store.reviveWithoutRoom(name, claim, free, new Date(now()))
      },
    }
  }
  /** Entries of ours that may leave for better ones. @param place entries that there is room for without */
  const weakerThan = async (wanted: readonly Candidate[], place: number) => {
    const needed = wanted.reduce((all, { entries }) => all + entries, 0) - place
    if (needed <= 0) return []
    const below = Math.max(...wanted.map(({ rank }) => rank))
    const weakest = await store.weakest(name, { below, limit: needed + stubborn.size })
    return weakest
      .filter(({ id }) => !stubborn.has(id))
      .map(({ id, rank, indicator }) => ({ id, rank, entries: room.entries(indicator) }))
  }
  return { begin }
}

function workOf({ work }: { readonly work: Work }): Work {
  return work
}

function sum(entries: ReadonlyMap<number, number>): number {
  let all = 0
  for (const count of entries.values()) all += count
  return all
}

export function noRoom(most: number): string {
  return `no room: the product takes ${most} entries and has none from us that is weaker`
}
