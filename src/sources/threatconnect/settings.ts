/** The settings of a ThreatConnect source. Names of types: README, section "Types". */
import Type, { type Static } from 'typebox'
import { DurationOrOff, eitherOf, HttpUrl, List, Secret, Section, Text } from '../../config/schema-types.ts'
import { customPrefix, groupTypeNames, indicatorTypeNames } from './types.ts'

const indicatorWords = ['All', ...indicatorTypeNames]
const groupWords = ['All', ...groupTypeNames]

const indicatorTypeName = Type.Unsafe<string>({
  type: 'string',
  anyOf: [{ enum: indicatorWords }, { pattern: `^${customPrefix}\\S` }],
  'x-words': indicatorWords,
  'x-takes': `one of ${indicatorWords.join(', ')}, or ${customPrefix}NAME`,
})

const groupTypeName = Type.Unsafe<string>({ type: 'string', enum: groupWords })

const listNote = 'A list, or one comma-separated text.'

export const threatconnectSettings = Section(
  {
    baseUrl: HttpUrl({
      description:
        'Address of the ThreatConnect instance, with or without /api at its end: https://app.threatconnect.com',
    }),
    accessId: Type.Optional(
      Text({ description: "The API user's access id. Goes with secretKey; not with token." }),
    ),
    secretKey: Type.Optional(Secret({ description: "The API user's secret key. Goes with accessId." })),
    token: Type.Optional(Secret({ description: 'An API token, in place of accessId and secretKey.' })),
    owners: List(Text({ description: 'Name of an owner.' }), {
      description: `Owners to read, by name; empty: every owner that the account sees. ${listNote}`,
      default: [],
    }),
    tags: List(Text({ description: 'A tag.' }), {
      description: `Only what has one of these tags; empty: everything. ${listNote}`,
      default: [],
    }),
    indicatorTypes: List(indicatorTypeName, {
      description: `Types of indicators to read: ${indicatorWords.join(', ')}, or ${customPrefix}NAME. All: every type, custom ones too; empty: none. Default All. ${listNote}`,
      default: ['All'],
    }),
    groupTypes: List(groupTypeName, {
      description: `Types of groups to read: ${groupWords.join(', ')}. Empty, the default: none. ${listNote}`,
      default: [],
    }),
    activeOnly: Type.Boolean({
      description: 'Only active indicators; false: inactive ones as well. Default true.',
      default: true,
    }),
    confidence: Type.Integer({
      description:
        'Only indicators of a confidence strictly greater than this, 0..100; 0, the default, is off.',
      minimum: 0,
      maximum: 100,
      default: 0,
    }),
    threatAssessScore: Type.Integer({
      description:
        'Only indicators of a ThreatAssess score strictly greater than this, 0..1000; 0, the default, is off.',
      minimum: 0,
      maximum: 1000,
      default: 0,
    }),
    tql: Type.String({
      description: 'TQL for indicators, AND-ed with the filters above in each fetch; empty: none.',
      default: '',
    }),
    groupTql: Type.String({
      description: 'TQL for groups, AND-ed with the filters above in each fetch; empty: none.',
      default: '',
    }),
    createRelationships: Type.Boolean({
      description: 'Also read which groups and indicators each record is associated with. Default false.',
      default: false,
    }),
    pageSize: Type.Integer({
      description: 'Records asked for at once, 1..10000. Default 1000.',
      minimum: 1,
      maximum: 10_000,
      default: 1000,
    }),
    reconcileEvery: DurationOrOff({
      description:
        'How often a fetch reads everything once more, so that what has left in silence is found; off: never, other fetches read only changes. Default 24h.',
      default: '24h',
      minMs: 60_000,
      maxMs: 365 * 86_400_000,
    }),
  },
  {
    description: 'How to reach a ThreatConnect instance, and what to read from it.',
    ...eitherOf(['accessId', 'secretKey'], ['token']),
  },
)

/** As loaded: every default applied, lists as arrays. */
export type ThreatConnectSettings = Static<typeof threatconnectSettings>
