/** The order in which indicators are kept where there is no room for all. */
import type { Indicator } from './indicator.ts'

/**
 * Best first when descending: score, then ThreatAssess score, then lastModified, what is absent below everything else.
 * 2, 17 and 34 bits: hundredths of a ThreatAssess score, and seconds until the year 2514.
 */
export function rankOf({
  score,
  threatAssess,
  lastModified,
}: Pick<Indicator, 'score' | 'threatAssess' | 'lastModified'>): number {
  const assessed = threatAssess?.score === undefined ? 0 : Math.round(threatAssess.score * 100) + 1
  const seconds = lastModified === undefined ? 0 : Math.floor(Date.parse(lastModified) / 1000)
  return (score * 2 ** 17 + assessed) * 2 ** 34 + Math.min(seconds, 2 ** 34 - 1)
}
