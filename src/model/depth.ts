/** How deeply a value is nested. */

/**
 * Far deeper than any record of a source. Whoever writes or reads JSON recurses, and one record that nobody can carry
 * would take a whole answer with it: parsers give up between 64 and 1,000 levels.
 */
export const deepestRecord = 50

export function isDeeper(value: object, levels: number): boolean {
  if (levels === 0) return true
  for (const member of Array.isArray(value) ? value : Object.values(value)) {
    if (typeof member === 'object' && member !== null && isDeeper(member, levels - 1)) return true
  }
  return false
}
