/** When a record that was received just now leaves, unless it is received again. Pure. */
import type { Expiration } from '../config/model.ts'
import type { IndicatorType } from '../model/indicator.ts'

/**
 * Counts from the later of the record's last change and `now`, the fetch that received it.
 *
 * @param now milliseconds since the epoch
 * @returns RFC 3339, UTC; null: it does not expire. A source of `suddenDeath` needs no date: each fetch is a whole one.
 */
export function expiresAt(
  policy: Expiration,
  { type, lastModified }: { readonly type: IndicatorType; readonly lastModified?: string },
  now: number,
): string | null {
  const ageMs = ageOf(policy, type)
  if (ageMs === undefined) return null
  const changed = lastModified === undefined ? now : Date.parse(lastModified)
  // Dates end in the year 275760; PostgreSQL's later.
  return new Date(Math.min(Math.max(changed, now) + ageMs, latest)).toISOString()
}

/** The last year that RFC 3339 can write. */
const latest = Date.parse('9999-12-31T23:59:59.999Z')

function ageOf(policy: Expiration, type: IndicatorType): number | undefined {
  switch (policy.policy) {
    case 'interval':
      return policy.afterMs
    case 'byType':
      return policy.byTypeMs[type] ?? policy.defaultMs
    default:
      return undefined
  }
}
