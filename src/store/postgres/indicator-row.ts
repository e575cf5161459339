/** A merged indicator as a row of its table. */
import type { Indicator, Observation } from '../../model/indicator.ts'
import { toIndicator } from '../../model/merge.ts'
import { rankOf } from '../../model/rank.ts'
import { compareTimes } from '../../model/time.ts'
import { tlpNumber, typeNumber } from './types.ts'
import { columnText } from './values.ts'

/** A record with what its row says beside the body. */
export interface Entry {
  /** Number of the source. */
  readonly source: number
  readonly observation: Observation
  /** RFC 3339; null: never. */
  readonly expiresAt: string | null
}

export interface MergedRow {
  /** The columns that content decides on, named as `indicatorColumns` has them. */
  readonly columns: Readonly<Record<string, unknown>>
  readonly expiresAt: string | null
  /** The indicator as JSON, without raw. */
  readonly body: string
  /** The same with another expiry. */
  bodyExpiring(at: string | null): string
}

/** For `json_to_recordset`. */
export const indicatorColumns =
  'type smallint, custom_type text, value text, score smallint, confidence real, threat_assess_score real, ' +
  'tlp smallint, active boolean, tags text[], owners text[], sources smallint[], last_modified timestamptz, ' +
  'expires_at timestamptz, rank bigint'

/** The order of the entries makes no difference. */
export function mergedRow(entries: readonly [Entry, ...Entry[]]): MergedRow {
  const [first, ...rest] = entries
  const indicator = toIndicator([first.observation, ...rest.map(({ observation }) => observation)], {
    raw: false,
  })
  const expiresAt = entries.map((entry) => entry.expiresAt).reduce(later)
  return {
    columns: columnsOf(indicator, entries, expiresAt),
    expiresAt,
    body: bodyOf(indicator, expiresAt),
    bodyExpiring: (at) => bodyOf(indicator, at),
  }
}

function bodyOf(indicator: Indicator, expiresAt: string | null): string {
  return JSON.stringify(expiresAt === null ? indicator : { ...indicator, expiresAt })
}

/** What never expires outlasts everything. */
function later(a: string | null, b: string | null): string | null {
  if (a === null || b === null) return null
  return compareTimes(a, b) >= 0 ? a : b
}

function columnsOf(
  indicator: Indicator,
  entries: readonly Entry[],
  expiresAt: string | null,
): MergedRow['columns'] {
  const owners = indicator.observations.flatMap(({ owner }) => (owner === undefined ? [] : [owner]))
  return {
    type: typeNumber(indicator.type),
    custom_type: indicator.customType === undefined ? undefined : columnText(indicator.customType),
    value: columnText(indicator.value),
    score: indicator.score,
    confidence: indicator.confidence,
    threat_assess_score: indicator.threatAssess?.score,
    tlp: tlpNumber(indicator.tlp),
    active: indicator.active,
    tags: indicator.tags.map(columnText),
    owners: distinct(owners.map(columnText)),
    sources: distinct(entries.map(({ source }) => source)),
    last_modified: indicator.lastModified,
    expires_at: expiresAt,
    rank: rankOf(indicator),
  }
}

function distinct<T>(items: readonly T[]): readonly T[] {
  return items.length < 2 ? items : [...new Set(items)]
}
