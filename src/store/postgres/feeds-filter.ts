/** A feed's filter in SQL: the one place; `filterReason` says the same of one indicator. */
import { createHash } from 'node:crypto'
import type { FeedFilter } from '../../model/filter.ts'
import type { FeedDefinition } from '../feed-store.ts'
import type { Parameters } from './parameters.ts'
import { tlpNumber, typeNumber } from './types.ts'
import { columnText } from './values.ts'

/** A condition on the row `i` of `indicator`; null columns are below every minimum but 0. */
export function filterSql(filter: FeedFilter, given: Parameters): string {
  const { types, sources, owners, tags, minScore, minConfidence, minThreatAssessScore } = filter
  const conditions = [`i.tlp <= ${given.add(tlpNumber(filter.maxTlp))}::smallint`]
  if (types.length > 0) conditions.push(`i.type = any(${given.add(types.map(typeNumber))}::smallint[])`)
  if (sources.length > 0) {
    const named = `select s.id from source s where s.name = any(${given.add(sources)}::text[])`
    conditions.push(`i.sources && array(${named})`)
  }
  if (owners.length > 0) conditions.push(`i.owners && ${given.add(owners.map(columnText))}::text[]`)
  if (tags.length > 0) conditions.push(`i.tags && ${given.add(tags.map(columnText))}::text[]`)
  if (minScore > 0) conditions.push(`i.score >= ${given.add(minScore)}::smallint`)
  if (minConfidence > 0) conditions.push(`coalesce(i.confidence >= ${given.add(minConfidence)}::real, false)`)
  if (minThreatAssessScore > 0) {
    conditions.push(`coalesce(i.threat_assess_score >= ${given.add(minThreatAssessScore)}::real, false)`)
  }
  if (filter.activeOnly) conditions.push('i.active')
  return conditions.join(' and ')
}

/** Changes exactly when another list is meant: lists in another order mean the same. */
export function definitionHash(definition: FeedDefinition): string {
  const { types, sources, owners, tags, limit } = definition
  const { minScore, minConfidence, minThreatAssessScore, maxTlp, activeOnly } = definition
  const sets = [types, sources, owners, tags].map((set) => [...new Set<string>(set)].sort())
  const meaning = [sets, minScore, minConfidence, minThreatAssessScore, maxTlp, activeOnly, limit]
  return createHash('sha256').update(JSON.stringify(meaning)).digest('base64url').slice(0, 22)
}
