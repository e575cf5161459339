/** Keys of rows: the UUID of an indicator's id, those of runs, exports and polls. */

const prefix = 'indicator--'

/** @param id of an indicator */
export function keyOf(id: string): string {
  return id.slice(prefix.length)
}

/** Id of the indicator. */
export function idOf(key: string): string {
  return prefix + key
}

/** What is none is no key of a row; PostgreSQL would refuse it. */
export function isUuid(text: string): boolean {
  return /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text)
}
