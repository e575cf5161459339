/** Parts that several sections of the configuration share. */
import Type, { type TObject, type TUnsafe } from 'typebox'
import type { ConnectorDefinition } from '../connector.ts'
import { allTypes, type Score, tlpLevels } from '../model/indicator.ts'
import { Duration, FilePath, List, Section, Text, viewOf, Words } from './schema-types.ts'

export const listNote = 'A list, or one comma-separated text.'

export function kindOf(definitions: readonly ConnectorDefinition[]): TUnsafe<string> {
  const kinds = definitions.map(({ kind, title }) => `${kind} (${title})`).join(', ')
  return Words<string>(
    definitions.map(({ kind }) => kind),
    { description: `What kind it is: ${kinds}.` },
  )
}

/** The settings of whichever kind stands beside them. */
export function settingsOf(
  definitions: readonly ConnectorDefinition[],
): TUnsafe<Readonly<Record<string, unknown>>> {
  return Type.Unsafe<Readonly<Record<string, unknown>>>({
    type: 'object',
    description: 'The settings of this kind.',
    'x-kinds': byKind(definitions, ({ settings }) => viewOf(settings)),
  })
}

export function byKind<D extends ConnectorDefinition, T>(
  definitions: readonly D[],
  value: (definition: D) => T,
): Readonly<Record<string, T>> {
  return Object.fromEntries(definitions.map((definition) => [definition.kind, value(definition)]))
}

export const proxySchema = Type.String({
  'x-format': 'proxy',
  description:
    'Proxy for its requests: http(s)://HOST:PORT, with USER:PASSWORD@ before the host where it wants them; empty, the default: what HTTPS_PROXY, HTTP_PROXY and NO_PROXY of the environment say; none: no proxy, whatever the environment says.',
  default: '',
})

export const tlsSchema = Section(
  {
    caFile: FilePath({
      description:
        "File with the certificates (PEM) of the authorities to trust instead of the public ones, relative to this file; empty, the default: the runtime's own.",
      default: '',
    }),
    insecure: Type.Boolean({
      description:
        'true: certificates are not checked, so anybody on the way can read and change everything. Default false.',
      default: false,
    }),
  },
  { description: 'How its certificate is checked.' },
)

export const timeoutSchema = Duration({
  description: 'For each request: how long its answer may take in all. Units ms, s, m, h, d. Default 60s.',
  default: '60s',
})

interface RetryDefaults {
  readonly attempts: number
  readonly initial: string
  readonly max: string
}

export function retrySchema(what: string, defaults: RetryDefaults) {
  return Section(
    {
      attempts: Type.Integer({
        description: `Tries in all, the first one counted, 1..100. Default ${defaults.attempts}.`,
        minimum: 1,
        maximum: 100,
        default: defaults.attempts,
      }),
      initial: Duration({
        description: `Wait before the second try; it doubles from try to try. Default ${defaults.initial}.`,
        default: defaults.initial,
      }),
      max: Duration({ description: `The longest wait. Default ${defaults.max}.`, default: defaults.max }),
    },
    { description: what },
  )
}

/** The keys by which a feed chooses what is in it. */
export const feedFilterProperties = {
  types: List(Words(allTypes, { description: 'A type of the unified model.' }), {
    description: `Types that are in it: ${allTypes.join(', ')}. Empty, the default: all. ${listNote}`,
    default: [],
  }),
  sources: List(Text({ description: 'Name of a source.' }), {
    description: `Only what one of these sources has, by name. Empty, the default: all. ${listNote}`,
    default: [],
  }),
  owners: List(Text({ description: 'Name of an owner.' }), {
    description: `Only what one of these owners has. Empty, the default: all. ${listNote}`,
    default: [],
  }),
  tags: List(Text({ description: 'A tag.' }), {
    description: `Only what has one of these tags. Empty, the default: all. ${listNote}`,
    default: [],
  }),
  minScore: Type.Unsafe<Score>(
    Type.Integer({
      description: 'Lowest score: 0 unknown, 1 good, 2 suspicious, 3 bad. Default 0.',
      minimum: 0,
      maximum: 3,
      default: 0,
    }),
  ),
  minConfidence: Type.Integer({
    description: 'Lowest confidence, 0..100; above 0 what has none is left out. Default 0.',
    minimum: 0,
    maximum: 100,
    default: 0,
  }),
  minThreatAssessScore: Type.Integer({
    description: 'Lowest ThreatAssess score, 0..1000; above 0 what has none is left out. Default 0.',
    minimum: 0,
    maximum: 1000,
    default: 0,
  }),
  maxTlp: Words(tlpLevels, {
    description: `Nothing of a stricter Traffic Light label is ever in it: ${tlpLevels.join(', ')}. Default amber.`,
    default: 'amber',
  }),
  activeOnly: Type.Boolean({
    description: 'Only active indicators. Default true.',
    default: true,
  }),
}

/** A map, or nothing. */
export function OrNull<T extends TObject>(schema: T, options: { description: string }) {
  return Type.Unsafe<Type.Static<T> | null>({ anyOf: [schema, { type: 'null' }], default: null, ...options })
}

/** How fast requests follow each other. */
export const pacingProperties = {
  concurrency: Type.Integer({
    description: 'Requests under way at once, 1..100. Default 4.',
    minimum: 1,
    maximum: 100,
    default: 4,
  }),
  requestsPerMinute: Type.Integer({
    description: "Most requests in a minute; 0, the default: no pacing but the product's own.",
    minimum: 0,
    default: 0,
  }),
}
