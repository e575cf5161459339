/** Slips of the pen: what somebody probably meant. */

/** Case, `-` and `_` are no difference: `tqlQuery` is `tql_query`. */
function folded(word: string): string {
  return word.toLowerCase().replaceAll(/[-_]/g, '')
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function distance(from: string, to: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: to.length + 1 }, (_, column) => column)
  for (let row = 1; row <= from.length; row++) {
    const current = [row]
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1]
      let best = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      )
      if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? 0) + 1)
      }
      current.push(best)
    }
    beforeLast = last
    last = current
  }
  return last[to.length] ?? 0
}

/** The only word that begins or ends with the given one: `tql` is `tql_query`. */
function completed(word: string, known: readonly string[]): string | undefined {
  if (word.length < 3) return undefined
  const longer = known.filter((candidate) => {
    const other = folded(candidate)
    return other.startsWith(word) || other.endsWith(word)
  })
  return longer.length === 1 ? longer[0] : undefined
}

/**
 * The word of `known` that is nearest to `word`, or the only one that it is a part of; undefined where none is near
 * enough to be a slip: one change, or one for every three letters. Words of more than 64 letters are nobody's slip.
 */
export function didYouMean(word: string, known: readonly string[]): string | undefined {
  if (word.length > 64) return undefined
  const wanted = folded(word)
  let nearest: string | undefined
  let least = Math.max(1, Math.floor(wanted.length / 3)) + 1
  for (const candidate of known) {
    const steps = distance(wanted, folded(candidate))
    if (steps < least && steps < candidate.length) {
      least = steps
      nearest = candidate
    }
  }
  return nearest ?? completed(wanted, known)
}
