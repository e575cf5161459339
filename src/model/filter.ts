/** Which indicators a feed, a forward or a push by filter means. */
import type { Indicator, IndicatorType, Score, Tlp } from './indicator.ts'
import { tlpOrder } from './tlp.ts'

/** Empty lists let everything through; minimums are inclusive, an absent value is below every minimum but 0. */
export interface FeedFilter {
  readonly types: readonly IndicatorType[]
  /** Names of configured sources. */
  readonly sources: readonly string[]
  readonly owners: readonly string[]
  readonly tags: readonly string[]
  readonly minScore: Score
  readonly minConfidence: number
  readonly minThreatAssessScore: number
  /** Never above this; what has no TLP passes. */
  readonly maxTlp: Tlp
  readonly activeOnly: boolean
}

/** What a filter looks at. */
export type FilterSubject = Pick<
  Indicator,
  'type' | 'score' | 'confidence' | 'threatAssess' | 'tlp' | 'active' | 'tags' | 'observations'
>

/**
 * Why the filter leaves an indicator out, in plain words; null: it lets it through. The store's filter in SQL says the
 * same of every row.
 */
export function filterReason(filter: FeedFilter, indicator: FilterSubject): string | null {
  const { types, sources, owners, tags, maxTlp } = filter
  const { type, tlp, active, observations } = indicator
  if (types.length > 0 && !types.includes(type)) {
    return `its type is ${type}; the filter takes ${types.join(', ')}`
  }
  if (sources.length > 0 && !observations.some(({ source }) => sources.includes(source))) {
    return `none of its sources is one of ${sources.join(', ')}`
  }
  if (owners.length > 0 && !observations.some(({ owner }) => owner !== undefined && owners.includes(owner))) {
    return `none of its owners is one of ${owners.join(', ')}`
  }
  if (tags.length > 0 && !indicator.tags.some((tag) => tags.includes(tag))) {
    return `it has none of the tags ${tags.join(', ')}`
  }
  const low =
    below('score', indicator.score, filter.minScore) ??
    below('confidence', indicator.confidence, filter.minConfidence) ??
    below('ThreatAssess score', indicator.threatAssess?.score, filter.minThreatAssessScore)
  if (low !== undefined) return low
  if (tlp !== undefined && tlpOrder(tlp) > tlpOrder(maxTlp)) {
    return `its TLP is ${tlp}; the filter takes at most ${maxTlp}`
  }
  if (filter.activeOnly && !active) return 'it is not active'
  return null
}

function below(name: string, value: number | undefined, minimum: number): string | undefined {
  if (minimum <= 0) return undefined
  if (value === undefined) return `it has no ${name}; the filter takes ${minimum} and more`
  // In single precision, as the store keeps it: both must say the same of 59.99999999.
  if (Math.fround(value) < minimum) return `its ${name} is ${value}; the filter takes ${minimum} and more`
  return undefined
}
