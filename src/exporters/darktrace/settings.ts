/** The settings of a Darktrace exporter. Limits: the vendor's Threat Visualizer API Guide, `/intelfeed`. */
import Type, { type Static } from 'typebox'
import { Secret, Section, Text } from '../../config/schema-types.ts'

const sourceRules = {
  minLength: 1,
  maxLength: 63,
  pattern: '^[^\\p{Cc}\\p{Cs}]+$',
  'x-takes': 'a text of 1 to 63 characters without control characters',
}

export const darktraceSettings = Section(
  {
    host: Type.String({
      'x-format': 'host',
      description: 'The appliance: a name, host:port or an address; https where no scheme is given.',
    }),
    publicToken: Text({ description: 'Public token of the API token pair.' }),
    privateToken: Secret({ description: 'Private token of the API token pair.' }),
    source: Type.String({
      ...sourceRules,
      description:
        'Source that the entries of the watched list are stored under, up to 63 characters. Default indicator-feed-server.',
      default: 'indicator-feed-server',
    }),
    expireAfterDays: Type.Integer({
      description: 'Days after which an entry leaves the list by itself, 0..3650; 0, the default: never.',
      minimum: 0,
      maximum: 3650,
      default: 0,
    }),
    exactHost: Type.Boolean({
      description: 'true: an entry is that host alone; false, the default: the domain with its subdomains.',
      default: false,
    }),
    autonomousResponse: Type.Boolean({
      description: 'true: Darktrace acts by itself on what meets an entry. Default false.',
      default: false,
    }),
  },
  { description: 'How to reach a Darktrace appliance, and how entries are stored there.' },
)

/** What a push may override. */
export const darktraceOptions = Section(
  {
    source: Type.Optional(
      Type.String({
        ...sourceRules,
        description: 'Source that the entries of this push are stored under, up to 63 characters.',
      }),
    ),
    expireAfterDays: Type.Optional(
      Type.Integer({
        description:
          'Days after which the entries of this push leave the list by themselves, 0..3650; 0: never.',
        minimum: 0,
        maximum: 3650,
      }),
    ),
  },
  { description: "What a push to Darktrace may say in place of the exporter's settings." },
)

export type DarktraceSettings = Static<typeof darktraceSettings>
