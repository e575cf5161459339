/** The section of the configuration for a source. */
import Type from 'typebox'
import type { ConnectorDefinition } from '../connector.ts'
import { allTypes, reliabilities, tlpLevels } from '../model/indicator.ts'
import { reputations } from '../model/score.ts'
import {
  kindOf,
  listNote,
  proxySchema,
  retrySchema,
  settingsOf,
  timeoutSchema,
  tlsSchema,
} from './schema-parts.ts'
import { Duration, DurationOrOff, List, Name, Section, Text, Words } from './schema-types.ts'

const expirationPolicies = ['never', 'interval', 'byType', 'suddenDeath'] as const

const maxAgeMs = 3650 * 86_400_000
const age = (description: string) => Duration({ description, maxMs: maxAgeMs })

const expiration = Section(
  {
    policy: Words(expirationPolicies, {
      description:
        'When an indicator leaves the feeds: never; interval: `after` the later of its last change and the last fetch that received it; byType: the same, by type; suddenDeath: as soon as a fetch no longer receives it. Default never.',
      default: 'never',
    }),
    after: Type.Optional(age('With interval: the age, such as 30d.')),
    byType: Type.Optional(
      Type.Unsafe<Readonly<Record<string, number>>>({
        type: 'object',
        additionalProperties: false,
        properties: Object.fromEntries(
          [...allTypes, 'default'].map((type) => [
            type,
            age(
              type === 'default'
                ? 'The age of the types that are not named; absent: never.'
                : `The age of ${type}.`,
            ),
          ]),
        ),
        description: 'With byType: the age for each type, such as { ipv4: 14d, default: 30d }.',
      }),
    ),
  },
  { description: 'When indicators of the source expire.' },
)

export function sourceSchema(sources: readonly ConnectorDefinition[]) {
  return Section(
    {
      name: Name({ description: 'Name of the source.' }),
      kind: kindOf(sources),
      every: DurationOrOff({
        description:
          'How often it is fetched, 1s..24d; off: only when asked. Units ms, s, m, h, d. Default 240m.',
        minMs: 1000,
        default: '240m',
      }),
      settings: settingsOf(sources),
      reputation: Words(reputations, {
        description: `Score of all its indicators in place of the computed one: ${reputations.join(', ')}; none: the computed one. Default none.`,
        default: 'none',
      }),
      reliability: Words(reliabilities, {
        description:
          'Reliability of the source: A completely, B usually, C fairly, D not usually, E unreliable, F can not be judged. Default F.',
        default: 'F',
      }),
      tlp: Type.Optional(
        Words(tlpLevels, {
          description: `Traffic Light label of what the source gives none: ${tlpLevels.join(', ')}. Absent: none.`,
        }),
      ),
      feedTags: List(Text({ description: 'A tag.' }), {
        description: `Tags that every indicator of the source gets. Default none. ${listNote}`,
        default: [],
      }),
      expiration,
      bypassExclusions: Type.Boolean({
        description: 'true: `exclusions` do not hold for this source. Default false.',
        default: false,
      }),
      retry: retrySchema(
        'For each request of a fetch; a longer Retry-After of the source wins, up to 10 min.',
        {
          attempts: 5,
          initial: '1s',
          max: '60s',
        },
      ),
      timeout: timeoutSchema,
      proxy: proxySchema,
      tls: tlsSchema,
    },
    { description: 'A place that indicators come from.' },
  )
}
