/** The arguments of the routes that read stored indicators, and what they mean to the store. */
import Type, { type Static } from 'typebox'
import { viewArgument } from '../../commands/arguments.ts'
import { ServiceError } from '../../errors.ts'
import { canonicalValue } from '../../model/canonical.ts'
import { allTypes, tlpLevels } from '../../model/indicator.ts'
import type { IndicatorQuery } from '../../store/store.ts'
import { Enum } from '../schema.ts'
import { pageLimit } from './paging.ts'

function names(description: string, example: string) {
  return Type.Optional(
    Type.Array(
      Type.String({
        minLength: 1,
        maxLength: 500,
        'x-takes': 'a name of 1 to 500 characters',
      }),
      {
        minItems: 1,
        maxItems: 500,
        description: `${description} A comma-separated list; one of them is enough.`,
        examples: [[example]],
      },
    ),
  )
}

const type = Enum(allTypes)

const value = Type.String({
  maxLength: 8000,
  description: 'As people write it: it is brought into its canonical form for each type that it may be of.',
  examples: ['203.0.113.7'],
})

/** How indicators are shown. */
const shown = {
  view: viewArgument,
  raw: Type.Optional(
    Type.Boolean({
      default: true,
      description:
        'Whether each item brings the record as received (`raw`, in the XSOAR view `rawJSON`): of several the one modified last. Without it answers are much smaller and faster.',
      examples: [true],
    }),
  ),
}

export const shownArguments = Type.Object(shown, { additionalProperties: false })

export const idArguments = Type.Object(
  {
    id: Type.String({
      maxLength: 100,
      description: '`indicator--` and a UUID, as every answer has it.',
      examples: ['indicator--93c6476d-5ee6-5d80-a075-ca6e283ce907'],
    }),
  },
  { additionalProperties: false },
)

export const lookupArguments = Type.Object(
  {
    value,
    type: Type.Optional(
      Enum(allTypes, {
        description: 'Only this type; without it, all of them.',
        examples: ['ipv4'],
      }),
    ),
    ...shown,
  },
  { additionalProperties: false },
)

export const listArguments = Type.Object(
  {
    type: Type.Optional(
      Type.Array(type, {
        minItems: 1,
        maxItems: 100,
        description: 'Types of the unified model: a comma-separated list.',
        examples: [['ipv4', 'domain']],
      }),
    ),
    source: names('Names of configured sources that a record of it came from.', 'tc'),
    owner: names(
      'Owners of its records at the sources, exactly as they write them.',
      'Technical Blogs and Reports',
    ),
    tag: names('Tags, exactly as the sources write them.', 'APT29'),
    min_score: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 3,
        description: 'Lowest score: 0 unknown, 1 good, 2 suspicious, 3 bad.',
        examples: [2],
      }),
    ),
    min_confidence: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 100,
        description: 'Lowest confidence; above 0, what has none is left out.',
        examples: [50],
      }),
    ),
    min_threat_assess_score: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1000,
        description: 'Lowest ThreatAssess score; above 0, what has none is left out.',
        examples: [500],
      }),
    ),
    max_tlp: Type.Optional(
      Enum(tlpLevels, {
        description: 'Strictest TLP that is answered; what has no TLP is answered as well.',
        examples: ['amber'],
      }),
    ),
    active: Type.Optional(
      Type.Boolean({
        description: 'true: active ones only; false: inactive ones only; without it, both.',
        examples: [true],
      }),
    ),
    modified_since: Type.Optional(
      Type.String({
        format: 'date-time',
        description:
          'Only what was modified at its source then or later (`lastModified`). To follow every change, removals too, use `/api/v1/changes`.',
        examples: ['2024-01-05T00:00:00Z'],
      }),
    ),
    value: Type.Optional(value),
    limit: pageLimit('Most indicators of one page.', { maximum: 10_000, example: 5 }),
    cursor: Type.Optional(
      Type.String({
        maxLength: 200,
        description: '`next` of the page before, with the same filters; without it, the first page.',
        examples: [''],
      }),
    ),
    ...shown,
  },
  { additionalProperties: false },
)

export type ListArguments = Static<typeof listArguments>

/** The filters alone, without the place in the list. */
export type Filters = Omit<IndicatorQuery, 'limit' | 'after' | 'raw' | 'ids'>

export function filtersOf(given: ListArguments): Filters {
  return {
    ...(given.type !== undefined && { types: given.type }),
    ...(given.source !== undefined && { sources: given.source }),
    ...(given.owner !== undefined && { owners: given.owner }),
    ...(given.tag !== undefined && { tags: given.tag }),
    ...(given.min_score !== undefined && { minScore: given.min_score }),
    ...(given.min_confidence !== undefined && { minConfidence: given.min_confidence }),
    ...(given.min_threat_assess_score !== undefined && {
      minThreatAssessScore: given.min_threat_assess_score,
    }),
    ...(given.max_tlp !== undefined && { maxTlp: given.max_tlp }),
    ...(given.active !== undefined && { active: given.active }),
    ...(given.modified_since !== undefined && { modifiedSince: timeOf(given.modified_since) }),
  }
}

/** The same text for the same filters: a list in another order means the same. */
export function filtersText(filters: Filters, value: string | undefined): string {
  const entries = Object.entries({ ...filters, value: value?.trim() })
    .filter(([, given]) => given !== undefined)
    .map(([name, given]) => [name, Array.isArray(given) ? [...new Set(given)].sort() : given])
  return JSON.stringify(entries)
}

/** No record is from before 1970, and none from after this: years that PostgreSQL does not read mean the same as these. */
const lastTime = Date.parse('9999-12-31T23:59:59.999Z')

/** @throws ServiceError ARGUMENT_INVALID for a leap second, which RFC 3339 has and the store has not */
function timeOf(text: string): string {
  const time = Date.parse(text)
  if (!Number.isNaN(time)) return new Date(Math.min(Math.max(time, 0), lastTime)).toISOString()
  throw invalid(
    'modified_since',
    `takes a time as RFC 3339, such as 2024-01-02T03:04:05Z; received "${text}"`,
  )
}

export function invalid(name: string, words: string): ServiceError {
  const detail = `${name} ${words}`
  return new ServiceError('ARGUMENT_INVALID', detail, { errors: [{ pointer: `/${name}`, detail }] })
}

/** @throws ServiceError ARGUMENT_INVALID for what can't be of the type at all, in the words of the type */
export function checkedValue(text: string, type: (typeof allTypes)[number] | undefined): string {
  const canonical = canonicalValue(type ?? 'custom', text)
  if ('reason' in canonical) throw invalid('value', `can't be used: ${canonical.reason}`)
  return text
}
