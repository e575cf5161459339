/** Tickets as plain JSON that everything after can take: no numbers that would lose digits, nothing nested without end. Pure. */
import { isRawNumber } from '../../model/exact-number.ts'
import type { RawTicket } from '../../model/ticket.ts'

/** Tickets that were seen have five levels. */
export const mostLevels = 64

/** Something is nested deeper than `mostLevels`. */
export class TooDeep extends Error {}

/**
 * @returns the ticket without its version. An integer beyond 2^53 - 1 is a text of its digits: stored as a number it
 * would become another one. All else is as received, half characters and U+0000 too.
 * @throws TooDeep
 */
export function plainTicket({ version: _, ...rest }: RawTicket): RawTicket {
  return mapMembers(rest, (value) => plain(value, 1))
}

function plain(value: unknown, level: number): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (isRawNumber(value)) return value.rawJSON
  if (level >= mostLevels) throw new TooDeep(`it is nested deeper than ${mostLevels} levels`)
  if (Array.isArray(value)) return mapItems(value, (item) => plain(item, level + 1))
  return mapMembers(value as RawTicket, (item) => plain(item, level + 1))
}

/** The same list where nothing changes: most tickets need no copy. */
export function mapItems(list: readonly unknown[], map: (item: unknown) => unknown): readonly unknown[] {
  const mapped = list.map(map)
  return mapped.every((item, index) => Object.is(item, list[index])) ? list : mapped
}

/** The same object where nothing changes. @param map gets each value, `mapName` each name */
export function mapMembers(
  object: RawTicket,
  map: (value: unknown) => unknown,
  mapName: (name: string) => string = (name) => name,
): RawTicket {
  const members = Object.entries(object)
  const mapped = members.map(([name, value]) => [mapName(name), map(value)] as const)
  const same = mapped.every(([name, value], index) => {
    const member = members[index]
    return member !== undefined && member[0] === name && Object.is(member[1], value)
  })
  return same ? object : Object.fromEntries(mapped)
}
