/** Numbers that look random and are the same for the same seed (mulberry32, public domain). */
export interface Random {
  /** 0 inclusive to 1 exclusive. */
  next(): number
  /** A whole number from 0 to `below` - 1. */
  below(limit: number): number
  chance(probability: number): boolean
  pick<T>(from: readonly T[]): T
  /** Upper case. */
  hex(digits: number): string
}

export function createRandom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (probability) => next() < probability,
    pick(from) {
      const found = from[below(from.length)]
      if (found === undefined) throw new Error('nothing to pick from')
      return found
    },
    hex(digits) {
      let text = ''
      while (text.length < digits) {
        text += Math.floor(next() * 0x1_0000)
          .toString(16)
          .padStart(4, '0')
      }
      return text.slice(0, digits).toUpperCase()
    },
  }
}
