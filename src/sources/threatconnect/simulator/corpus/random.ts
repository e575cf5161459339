/** What looks random and is the same for the same seed. */
import { randomNumbers } from '../../../../simulation/random.ts'

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
  const next = randomNumbers(seed)
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
