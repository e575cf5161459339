/** The settings of a Cofense Triage exporter. Levels: the public API v2, `threat_indicators`. */
import Type, { type Static } from 'typebox'
import { HttpUrl, Secret, Section, Text, Words } from '../../config/schema-types.ts'

/** In the vendor's spelling. */
export const threatLevels = ['Malicious', 'Suspicious', 'Benign'] as const

export const cofenseSettings = Section(
  {
    baseUrl: HttpUrl({ description: 'Address of the Triage instance: https://triage.example.com' }),
    clientId: Text({ description: 'Client id of the API application (version 2).' }),
    clientSecret: Secret({ description: 'Client secret of the API application.' }),
    threatLevel: Type.Optional(
      Words(threatLevels, {
        description: `Threat level of all indicators: ${threatLevels.join(', ')}. Absent: from the score, 1 Benign, 2 Suspicious, all else and what has none Malicious.`,
      }),
    ),
    source: Text({
      description:
        'Source that the indicators are stored under; a change makes new ones beside the old. Default indicator-feed-server.',
      default: 'indicator-feed-server',
    }),
  },
  { description: 'How to reach a Cofense Triage instance, and how indicators are stored there.' },
)

export type CofenseSettings = Static<typeof cofenseSettings>
