/** Faults of the database at random, the same for the same seed and statements. */
import type { Random } from '../../../src/sources/threatconnect/simulator/corpus/random.ts'
import type { DatabaseProxy, Fault, Statement } from './proxy.ts'

/** One in so many new connections is refused, of those in which something would go wrong. */
const refused = 4
/** A doomed transaction meets its fault at one of its first statements, or at its end. */
const longest = 12

/**
 * Spoils a share of all transactions, and of all statements that stand alone: each once, at whichever of its statements.
 * (Were each statement spoilt by itself, a transaction of many would hardly ever end.)
 */
export function spoilAtRandom(proxy: DatabaseProxy, share: number, random: Random): void {
  /** Of each connection with a transaction under way: after how many statements it meets its fault; 0: never. */
  const doomed = new Map<number, number>()
  const isDue = ({ sql, connection }: Statement): boolean => {
    const isEnd = /^\s*(commit|rollback)\b/i.test(sql)
    const left = doomed.get(connection)
    if (left === undefined) {
      const isSpoilt = random.chance(share)
      if (!/^\s*begin\b/i.test(sql)) return isSpoilt
      const at = random.below(longest)
      doomed.set(connection, isSpoilt && at > 0 ? at : 0)
      return isSpoilt && at === 0
    }
    if (isEnd) doomed.delete(connection)
    else doomed.set(connection, left - 1)
    return left > 0 && (left === 1 || isEnd)
  }
  proxy.decide = (statement) => {
    if (!isDue(statement)) return undefined
    doomed.delete(statement.connection)
    return random.pick(kinds)
  }
  proxy.refuse = () => (random.chance(share / refused) ? '53300' : undefined)
}

export function spoilNothing(proxy: DatabaseProxy): void {
  proxy.decide = () => undefined
  proxy.refuse = () => undefined
}

const conflict: Fault = { kind: 'error', code: '40001' }
const kinds: readonly Fault[] = [
  conflict,
  conflict,
  conflict,
  { kind: 'error', code: '40P01' },
  { kind: 'error', code: '57014' },
  { kind: 'cut before' },
  { kind: 'cut before' },
  { kind: 'cut after' },
  { kind: 'cut after' },
  { kind: 'fatal', code: '57P01' },
  { kind: 'slow', ms: 20 },
]
