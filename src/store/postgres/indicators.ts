/** Reading indicators. Bodies are served as they are stored: as text. */
import { canonicalValue } from '../../model/canonical.ts'
import { parseExact } from '../../model/exact-number.ts'
import type { FeedFilter } from '../../model/filter.ts'
import { indicatorId } from '../../model/identity.ts'
import { allTypes, type Indicator, type IndicatorType, type Observation } from '../../model/indicator.ts'
import { memberText, withMember } from '../../model/json-text.ts'
import { toIndicator } from '../../model/merge.ts'
import type { IndicatorReader, IndicatorText } from '../indicator-reader.ts'
import type { IndicatorQuery, StoredObservation } from '../store.ts'
import { filterSql } from './feeds-filter.ts'
import { idOf, keyOf } from './keys.ts'
import { observationText, type StoredBody } from './observations.ts'
import { type Parameters, parameters } from './parameters.ts'
import type { Queryable } from './queryable.ts'
import { typeName, typeNumber } from './types.ts'
import { columnText } from './values.ts'

export function indicatorStore(database: Queryable): IndicatorReader {
  const texts: IndicatorReader['indicatorTexts'] = async (query) => {
    const { sql, values } = pageSql(query, await sourceNumbers(database, query.sources))
    const rows = await database.query<BodyRow>(sql, values)
    const indicators = rows.slice(0, query.limit).map(textOf)
    return { indicators, more: rows.length > query.limit }
  }
  const rawTexts: IndicatorReader['rawTexts'] = async (ids) => {
    const rows = await database.query<ObservationRow>(observationsSql, [keysOf(ids)])
    const byKey = Map.groupBy(rows, ({ key }) => key)
    return new Map([...byKey].map(([key, records]) => [idOf(key), newestRaw(records.map(observationText))]))
  }
  const observationTexts: IndicatorReader['observationTexts'] = async (id) => {
    const rows = await database.query<ObservationRow>(observationsSql, [keysOf([id])])
    return rows.map((row) => withMember(observationText(row), 'expiresAt', JSON.stringify(row.expires_at)))
  }
  const parsed = async (found: readonly IndicatorText[], raw: boolean): Promise<Indicator[]> => {
    const records = raw ? await rawTexts(found.map(({ id }) => id)) : new Map<string, string>()
    return found.map(({ id, json }) => withRaw(JSON.parse(json) as Indicator, records.get(id)))
  }
  return {
    indicatorTexts: texts,
    rawTexts,
    observationTexts,
    async indicators({ raw, ...query }) {
      const { indicators, more } = await texts(query)
      return { indicators: await parsed(indicators, raw), more }
    },
    async indicator(id, { raw }) {
      const { indicators } = await texts({ ids: [id], limit: 1 })
      return (await parsed(indicators, raw))[0]
    },
    async observations(id) {
      return (await observationTexts(id)).map((text) => parseExact(text) as StoredObservation)
    },
    async idsOfValue(value, type) {
      const ids = (type === undefined ? allTypes : [type]).flatMap((each) => idOfValue(each, value))
      if (type === undefined || type === 'custom') ids.push(...(await customIds(database, value)))
      if (type === undefined || type === 'file') ids.push(...(await fileIds(database, value)))
      return [...new Set(ids)]
    },
    async sourceNames() {
      const rows = await database.query<{ name: string }>('select name from source order by name')
      return rows.map(({ name }) => name)
    },
    async countByType(source) {
      const of = source === undefined ? '' : ' where sources @> array(select id from source where name = $1)'
      const rows = await database.query<{ type: number; count: number }>(
        `select type, count(*) from indicator${of} group by type`,
        source === undefined ? [] : [source],
      )
      return Object.fromEntries(rows.map(({ type, count }) => [typeName(type), count]))
    },
    async countBySource() {
      const rows = await database.query<{ source: string; type: number; count: number }>(bySourceSql)
      const bySource = Map.groupBy(rows, ({ source }) => source)
      return Object.fromEntries(
        [...bySource].map(([source, counts]) => [
          source,
          Object.fromEntries(counts.map(({ type, count }) => [typeName(type), count])),
        ]),
      )
    },
  }
}

/** Few indicators have other sources than most: grouped by the whole list first, they are unfolded afterwards. */
const bySourceSql = `
select s.name as source, c.type, sum(c.n)::bigint as count
from (select sources, type, count(*) as n from indicator group by sources, type) c,
  unnest(c.sources) as has (id) join source s on s.id = has.id
group by s.name, c.type order by s.name, c.type`

interface BodyRow {
  readonly key: string
  readonly body: string
}

interface ObservationRow extends StoredBody {
  readonly key: string
  readonly expires_at: string | null
}

const wellFormed = /^indicator--[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** What is no id names no indicator. */
function keysOf(ids: readonly string[]): string[] {
  return ids.filter((id) => wellFormed.test(id)).map(keyOf)
}

function textOf({ key, body }: BodyRow): IndicatorText {
  return { id: idOf(key), json: body }
}

function withRaw(indicator: Indicator, raw: string | undefined): Indicator {
  return raw === undefined ? indicator : { ...indicator, raw: parseExact(raw) as Observation['raw'] }
}

/** Observations in the order of source, endpoint and record; the keys that a page has are few. */
const observationsSql = `
select key, dictionary, body, expires_at from observation
where key = any($1::uuid[]) order by source, part, remote_id`

/** As values, not as a subquery: how many indicators they have decides on the plan. */
async function sourceNumbers(
  database: Queryable,
  names: readonly string[] = [],
): Promise<readonly number[] | undefined> {
  if (names.length === 0) return undefined
  const rows = await database.query<{ id: number }>('select id from source where name = any($1::text[])', [
    names,
  ])
  return rows.map(({ id }) => id)
}

/** All filters but that of the sources. */
function neutralFilter(query: Omit<IndicatorQuery, 'raw'>): FeedFilter {
  return {
    types: query.types ?? [],
    sources: [],
    owners: (query.owners ?? []).map(columnText),
    tags: (query.tags ?? []).map(columnText),
    minScore: (query.minScore ?? 0) as FeedFilter['minScore'],
    minConfidence: query.minConfidence ?? 0,
    minThreatAssessScore: query.minThreatAssessScore ?? 0,
    maxTlp: query.maxTlp ?? 'red',
    activeOnly: query.active === true,
  }
}

function pageSql(
  query: Omit<IndicatorQuery, 'raw'>,
  sources: readonly number[] | undefined,
): Parameters & { readonly sql: string } {
  const given = parameters()
  const conditions = [filterSql(neutralFilter(query), given)]
  if (sources !== undefined) conditions.push(`i.sources && ${given.add(sources)}::smallint[]`)
  if (query.active === false) conditions.push('not i.active')
  if (query.modifiedSince !== undefined) {
    conditions.push(`i.last_modified >= ${given.add(query.modifiedSince)}::timestamptz`)
  }
  if (query.ids !== undefined) conditions.push(`i.key = any(${given.add(keysOf(query.ids))}::uuid[])`)
  if (query.after !== undefined) conditions.push(`i.key > ${given.add(keyOf(query.after))}::uuid`)
  const sql = `select i.key, i.body from indicator i where ${conditions.join(' and ')} order by i.key limit ${given.add(query.limit + 1)}`
  return { ...given, sql }
}

/** Of several records that of the one modified last, as the merge has it; as text, so that no number is read. */
function newestRaw(observations: readonly string[]): string {
  const [only = '{}'] = observations
  if (observations.length === 1) return memberText(only, 'raw') ?? '{}'
  const records = observations.map((text) => JSON.parse(text) as Observation)
  const { raw } = toIndicator(records as [Observation, ...Observation[]])
  const newest = records.findIndex((record) => record.raw === raw)
  return memberText(observations[newest] ?? only, 'raw') ?? '{}'
}

function idOfValue(type: IndicatorType, value: string): string[] {
  if (type === 'custom') return []
  const canonical = canonicalValue(type, value)
  return 'value' in canonical ? [indicatorId(type, canonical.value)] : []
}

async function customIds(database: Queryable, value: string): Promise<string[]> {
  const canonical = canonicalValue('custom', value)
  if (!('value' in canonical)) return []
  const rows = await database.query<{ key: string }>(
    `select key from indicator where type = ${typeNumber('custom')} and value = $1`,
    [columnText(canonical.value)],
  )
  return rows.map(({ key }) => idOf(key))
}

/** Hashes that are the value of their file are found by their id. The conditions are those of the indexes. */
async function fileIds(database: Queryable, value: string): Promise<string[]> {
  const canonical = canonicalValue('file', value)
  if (!('value' in canonical) || canonical.value.length === 64) return []
  const [member, digits] = canonical.value.length === 32 ? ['"md5":"', 32] : ['"sha1":"', 40]
  const rows = await database.query<{ key: string }>(
    `select key from indicator
    where type = ${typeNumber('file')} and length(value) > ${digits}
      and substr(body, nullif(strpos(body, '${member}'), 0) + ${member.length}, ${digits}) = $1`,
    [canonical.value],
  )
  return rows.map(({ key }) => idOf(key))
}
