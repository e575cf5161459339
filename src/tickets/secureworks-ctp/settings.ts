/** The settings of a Secureworks CTP ticket desk. Words and limits: the public ticket API v3, `POST /tickets/updates`. */
import Type, { type Static } from 'typebox'
import { DurationOrOff, HttpUrl, List, Secret, Section, Text } from '../../config/schema-types.ts'

/** In the vendor's spelling. */
const ticketTypes = ['SERVICE_REQUEST', 'INCIDENT', 'CHANGE'] as const
const groupingTypes = ['REQUEST', 'CHANGE', 'HEALTH', 'SECURITY'] as const

const pairs = ticketTypes.flatMap((type) => groupingTypes.map((grouping) => `${type}:${grouping}`))

const pair = Type.Unsafe<string>({
  type: 'string',
  enum: pairs,
  'x-takes': `TYPE:GROUPING of a type (${ticketTypes.join(', ')}) and a grouping (${groupingTypes.join(', ')})`,
})

export const secureworksCtpSettings = Section(
  {
    baseUrl: HttpUrl({
      description:
        'Address of the ticket API with its version. Default https://api.secureworks.com/api/ticket/v3.',
      default: 'https://api.secureworks.com/api/ticket/v3',
    }),
    username: Text({ description: 'User name of the API credentials; case counts.' }),
    password: Secret({ description: 'Password of the API credentials, not the one of the portal.' }),
    ticketTypes: List(pair, {
      description: `Tickets to take, as TYPE:GROUPING: types ${ticketTypes.join(', ')}; groupings ${groupingTypes.join(', ')}. Default INCIDENT:SECURITY. A list, or one comma-separated text.`,
      default: ['INCIDENT:SECURITY'],
    }),
    limit: Type.Integer({
      description: 'Tickets asked for at once, 1..500; every page is read in any case. Default 500.',
      minimum: 1,
      maximum: 500,
      default: 500,
    }),
    includeHealth: Type.Optional(
      Type.Boolean({
        description:
          'Whether tickets about the health of devices are taken. Default: only where ticketTypes names a HEALTH grouping.',
      }),
    ),
    every: DurationOrOff({
      description:
        'How often tickets are asked for, 1s..24d, the first time at start; off: only when asked. Default 10m.',
      minMs: 1000,
      default: '10m',
    }),
  },
  { description: 'How to reach the Secureworks ticket API, and which tickets to take.' },
)

/** As loaded: `every` in milliseconds, null for off. */
export type SecureworksCtpSettings = Static<typeof secureworksCtpSettings>
