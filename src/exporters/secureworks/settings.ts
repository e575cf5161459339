/** The settings of a Secureworks Taegis XDR exporter. Hosts: the vendor's Python SDK, `_consts.py`. */
import Type, { type Static } from 'typebox'
import { eitherOf, HttpUrl, Secret, Section, Text, Words } from '../../config/schema-types.ts'

/** Base URL of each region, under every name that the vendor uses for it. */
export const taegisRegions = {
  charlie: 'https://api.ctpx.secureworks.com',
  us1: 'https://api.ctpx.secureworks.com',
  production: 'https://api.ctpx.secureworks.com',
  delta: 'https://api.delta.taegis.secureworks.com',
  us2: 'https://api.delta.taegis.secureworks.com',
  foxtrot: 'https://api.foxtrot.taegis.secureworks.com',
  us3: 'https://api.foxtrot.taegis.secureworks.com',
  echo: 'https://api.echo.taegis.secureworks.com',
  eu: 'https://api.echo.taegis.secureworks.com',
  eu1: 'https://api.echo.taegis.secureworks.com',
  golf: 'https://api.golf.taegis.secureworks.com',
  euw1: 'https://api.golf.taegis.secureworks.com',
  eu2: 'https://api.golf.taegis.secureworks.com',
  hotel: 'https://api.hotel.taegis.secureworks.com',
  apse2: 'https://api.hotel.taegis.secureworks.com',
  india: 'https://api.india.taegis.secureworks.com',
  aps1: 'https://api.india.taegis.secureworks.com',
  juliet: 'https://api.juliet.taegis.secureworks.com',
  apne1: 'https://api.juliet.taegis.secureworks.com',
  kilo: 'https://api.kilo.taegis.secureworks.com',
  sae1: 'https://api.kilo.taegis.secureworks.com',
  quebec: 'https://api.quebec.taegis.secureworks.com',
  cac1: 'https://api.quebec.taegis.secureworks.com',
} as const satisfies Record<string, string>

export type TaegisRegion = keyof typeof taegisRegions

/** In the vendor's spelling, least severe first. */
export const severities = ['INFO', 'LOW', 'MEDIUM', 'HIGH', 'CRITICAL'] as const

const regions = Object.keys(taegisRegions) as TaegisRegion[]

export const secureworksSettings = Section(
  {
    baseUrl: Type.Optional(
      HttpUrl({
        description: 'Address of the Taegis API, in place of region: https://api.ctpx.secureworks.com',
      }),
    ),
    region: Type.Optional(
      Words(regions, { description: `Region of the tenant, in place of baseUrl: ${regions.join(', ')}.` }),
    ),
    clientId: Text({ description: 'Client id of the API credentials.' }),
    clientSecret: Secret({ description: 'Client secret of the API credentials.' }),
    tenantId: Text({ description: 'Id of the tenant that gets the indicators, in quotes.' }),
    sourceName: Text({
      description: 'Source that the indicators are stored under. Default indicator-feed-server.',
      default: 'indicator-feed-server',
    }),
    linkBaseUrl: Type.Optional(
      HttpUrl({
        description:
          'Address of this server as analysts reach it: a link to the indicator then goes into its description and reference URL. Absent: no link.',
      }),
    ),
    severity: Type.Optional(
      Words(severities, {
        description: `Severity of all indicators: ${severities.join(', ')}. Absent: from the score, 1 LOW, 2 MEDIUM, 3 HIGH, what has none INFO.`,
      }),
    ),
    maxActive: Type.Integer({
      description:
        "Most active indicators in the tenant, all sources' together, 1..15000: the product deletes the oldest beyond 15000. Default 15000.",
      minimum: 1,
      maximum: 15_000,
      default: 15_000,
    }),
  },
  {
    description: 'How to reach a Taegis XDR tenant, and how indicators are stored there.',
    ...eitherOf(['baseUrl'], ['region']),
  },
)

export type SecureworksSettings = Static<typeof secureworksSettings>
