/** Scores and the numbers that they come from. A score is XSOAR's: 0 unknown, 1 good, 2 suspicious, 3 bad. */
import { isRawNumber } from './exact-number.ts'
import type { Hashes, Score } from './indicator.ts'

/**
 * XSOAR's table for ThreatConnect's ThreatAssess score of 0..1000: 0 is 0, up to 333 is 1, up to 666 is 2, above is 3.
 * Floats and numeric text count, what lies outside the scale is held to it, anything else is 0.
 */
export function scoreOf(threatAssessScore: unknown): Score {
  const score = Math.min(Math.max(numberOf(threatAssessScore) ?? 0, 0), 1000)
  return Math.ceil((score * 3) / 1000) as Score
}

/** What a source's `reputation` setting can say. */
export const reputations = ['none', 'good', 'suspicious', 'bad'] as const
export type Reputation = (typeof reputations)[number]

/** The score that overrides the computed one; undefined for `none`, which overrides nothing. */
export function scoreOfReputation(reputation: Reputation): Score | undefined {
  return reputation === 'none' ? undefined : (reputations.indexOf(reputation) as Score)
}

/** Numbers as sources send them: real ones, or as text. */
const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?$/i

/** A finite number, also from numeric text; undefined for everything else: booleans are no numbers. */
export function numberOf(value: unknown): number | undefined {
  const text = isRawNumber(value) ? value.rawJSON : value
  const number =
    typeof text === 'string' && text.length < 50 && decimal.test(text.trim()) ? Number(text) : text
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

/**
 * `numberOf`, held to a scale: more than `max` is `max`; less than `min` is undefined, since sources mark an unset
 * number that way and an invented `min` would look like a verdict.
 */
export function boundedNumber(value: unknown, min: number, max: number): number | undefined {
  const number = numberOf(value)
  if (number === undefined || number < min) return undefined
  return Math.min(number, max)
}

/** The one that is a file's value: the longest. Undefined when there is none. */
export function bestHash(hashes: Hashes): string | undefined {
  return hashes.sha256 ?? hashes.sha1 ?? hashes.md5
}
