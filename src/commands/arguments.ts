/** The arguments of `tc-get-indicators`: the same by query, by JSON body and in the terminal. */
import Type, { type Static } from 'typebox'
import type { LiveQuery } from '../sources/source.ts'
import { customPrefix, indicatorTypeNames } from '../sources/threatconnect/types.ts'

/** Patterns without `\p`: tools that read our description check them with expressions that lack it. */
const printable = '^ *[^\\x00-\\x20\\x7f][^\\x00-\\x1f\\x7f]*$'

function names(description: string, example: readonly string[]) {
  return Type.Optional(
    Type.Array(
      Type.String({
        maxLength: 500,
        pattern: printable,
        'x-takes': 'a name, not blank, without control characters',
      }),
      {
        minItems: 1,
        maxItems: 500,
        description,
        examples: [example],
      },
    ),
  )
}

/** How indicators are shown. */
export const viewArgument = Type.Optional(
  Type.Enum(['unified', 'xsoar'], {
    type: 'string',
    default: 'unified',
    description:
      '`unified`: the model of this server; `xsoar`: items ready for `createIndicators` of Cortex XSOAR.',
    examples: ['unified'],
  }),
)

const typeNames = ['All', ...indicatorTypeNames]

export const tcGetIndicatorsArguments = Type.Object(
  {
    source: Type.Optional(
      Type.String({
        maxLength: 64,
        description: 'Name of the configured source; needed only where there are several.',
        examples: ['tc'],
      }),
    ),
    owners: names("Owners to ask for: a comma-separated list. Without it the source's own owners hold.", [
      'Technical Blogs and Reports',
    ]),
    tags: names("Tags to ask for: a comma-separated list. Without it the source's own tags hold.", ['APT29']),
    limit: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100_000,
        default: 50,
        description: 'Most records to answer: as many requests to ThreatConnect as it takes.',
        examples: [50],
      }),
    ),
    offset: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 2_147_483_647,
        default: 0,
        description: 'Records to pass over; `next.offset` of the last answer.',
        examples: [0],
      }),
    ),
    tql_query: Type.Optional(
      Type.String({
        maxLength: 20_000,
        pattern: '^(?:[^\\x00-\\x1f\\x7f]|[\\t\\n\\r])*$',
        'x-takes': 'a TQL text without control characters',
        description:
          "A ThreatConnect Query Language text. Overrides every other filter, the source's own owners and tags too.",
        examples: ['typeName in ("Address") and confidence > 50'],
      }),
    ),
    indicator_type: Type.Optional(
      Type.Array(
        Type.String({
          maxLength: 200,
          pattern: `^(?:${typeNames.join('|')}|${customPrefix} *[^\\x00-\\x20\\x7f][^\\x00-\\x1f\\x7f]*)$`,
          'x-takes': `one of ${typeNames.join(', ')}, ${customPrefix}NAME`,
        }),
        {
          minItems: 1,
          maxItems: 100,
          description:
            "ThreatConnect's indicator types: a comma-separated list. `All` means every type, custom ones included; " +
            '`custom:NAME` is a custom type.',
          examples: [['Address', 'Host']],
        },
      ),
    ),
    active_indicators: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'true: active indicators only; false: inactive ones as well.',
        examples: [true],
      }),
    ),
    confidence: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 100,
        description: 'Only indicators with a confidence strictly greater; 0 is off.',
        examples: [50],
      }),
    ),
    threat_assess_score: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1000,
        description: 'Only indicators with a ThreatAssess score strictly greater; 0 is off.',
        examples: [300],
      }),
    ),
    create_relationships: Type.Optional(
      Type.Boolean({
        description:
          "Ask for associated indicators and groups as well. Without it the source's own setting holds.",
        examples: [false],
      }),
    ),
    view: viewArgument,
    raw: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Whether each item brings the record as received (`raw`, in the XSOAR view `rawJSON`).',
        examples: [true],
      }),
    ),
    format: Type.Optional(
      Type.Enum(['json', 'markdown'], {
        type: 'string',
        description: '`markdown`: the War Room table; the same as `Accept: text/markdown`.',
        examples: ['json'],
      }),
    ),
    explain: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'true: sends nothing; answers what would be sent, credentials left out.',
        examples: [false],
      }),
    ),
  },
  { additionalProperties: false },
)

export type TcGetIndicatorsArguments = Static<typeof tcGetIndicatorsArguments>

/** A blank text is as good as none; lists are never empty. */
export function liveQuery(given: TcGetIndicatorsArguments): LiveQuery {
  const { owners, tags, indicator_type: types = [], tql_query: tql = '' } = given
  return {
    ...(owners !== undefined && { owners }),
    ...(tags !== undefined && { tags }),
    limit: given.limit ?? 50,
    offset: given.offset ?? 0,
    ...(tql.trim() !== '' && { tql }),
    indicatorTypes: types,
    activeOnly: given.active_indicators ?? true,
    confidence: given.confidence ?? 0,
    threatAssessScore: given.threat_assess_score ?? 0,
    ...(given.create_relationships !== undefined && { createRelationships: given.create_relationships }),
  }
}
