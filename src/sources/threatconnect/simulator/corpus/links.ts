/** Who is associated with whom; each association is seen from both ends. */
import type { Id } from '../records.ts'
import type { Random } from './random.ts'

export interface Links {
  /** By place in the list of indicators. */
  ofIndicator(place: number): { readonly groups: readonly Id[]; readonly indicators: readonly Id[] }
  /** Ids of indicators, by place in the list of groups. */
  ofGroup(place: number): readonly Id[]
}

const none: readonly Id[] = Object.freeze([])

/** A quarter of the indicators is in one to three groups, a tenth is linked to one to three others. */
export function createLinks(indicators: readonly Id[], groups: readonly Id[], random: Random): Links {
  const groupsOf = new Map<number, Id[]>()
  const indicatorsOf = new Map<number, Id[]>()
  const membersOf = new Map<number, Id[]>()
  for (const [place, id] of indicators.entries()) {
    if (random.chance(0.25)) {
      for (const other of places(1 + random.below(3), groups.length, random)) {
        link(groupsOf, place, groups[other])
        link(membersOf, other, id)
      }
    }
    if (place > 0 && random.chance(0.1)) {
      for (const other of places(1 + random.below(3), place, random)) {
        link(indicatorsOf, place, indicators[other])
        link(indicatorsOf, other, id)
      }
    }
  }
  return {
    ofIndicator: (place) => ({
      groups: groupsOf.get(place) ?? none,
      indicators: indicatorsOf.get(place) ?? none,
    }),
    ofGroup: (place) => membersOf.get(place) ?? none,
  }
}

/** Different places below `limit`, fewer than `count` when the same comes up twice. */
function places(count: number, limit: number, random: Random): ReadonlySet<number> {
  return new Set(Array.from({ length: limit === 0 ? 0 : count }, () => random.below(limit)))
}

function link(links: Map<number, Id[]>, place: number, id: Id | undefined): void {
  if (id === undefined) return
  const list = links.get(place)
  if (list === undefined) links.set(place, [id])
  else list.push(id)
}
