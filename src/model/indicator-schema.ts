/** The unified model as JSON Schema: what API answers and `schemas/indicator.json` promise. */
import Type from 'typebox'
import { allTypes, reliabilities, tlpLevels } from './indicator.ts'

const type = Type.Enum([...allTypes], {
  type: 'string',
  description:
    'What kind of thing it is; `custom` for types that the model does not know, named by `customType`.',
})
const customType = Type.Optional(
  Type.String({ description: "The source's own name of the type; only with `type: custom`." }),
)
const time = (description: string) => Type.Optional(Type.String({ format: 'date-time', description }))
const optionalText = (description: string) => Type.Optional(Type.String({ description }))

const hashes = Type.Object(
  {
    md5: optionalText('32 hexadecimal digits, lower case.'),
    sha1: optionalText('40 hexadecimal digits, lower case.'),
    sha256: optionalText('64 hexadecimal digits, lower case.'),
  },
  { description: 'All hashes of a file.' },
)

const threatAssess = Type.Object(
  {
    score: Type.Optional(Type.Number({ minimum: 0, maximum: 1000 })),
    rating: Type.Optional(Type.Number({ minimum: 0, maximum: 5 })),
    confidence: Type.Optional(Type.Number({ minimum: 0, maximum: 100 })),
  },
  { description: "ThreatConnect's ThreatAssess." },
)

const relationship = Type.Object({
  name: Type.String({ description: '`related-to`.' }),
  type,
  customType,
  value: Type.String({ description: 'Canonical value of the other end.' }),
})

const provenance = Type.Object({
  source: Type.String({ description: 'Name of the configured source.' }),
  owner: optionalText('Owner of the record at the source.'),
  remoteId: Type.String({ description: "The record's id at the source, as text: ids above 2^53 occur." }),
  link: optionalText('The record in the web interface of the source.'),
  reportedBy: optionalText('Whom the record names as its source.'),
})

export const indicatorExample = {
  id: 'indicator--56c2ff2c-10a2-53c7-bb20-433ffcb65cbf',
  type: 'file',
  value: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  score: 3,
  confidence: 70,
  rating: 4,
  threatAssess: { score: 830, rating: 4.1, confidence: 50 },
  active: true,
  description: 'Dropper seen with a spear-phishing mail.',
  tlp: 'amber',
  reliability: 'F',
  tags: ['APT29'],
  hashes: {
    md5: '098f6bcd4621d373cade4e832627b4f6',
    sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  },
  firstSeen: '2024-01-02T01:07:13Z',
  lastModified: '2024-01-05T04:28:52Z',
  expiresAt: null,
  observations: [
    {
      source: 'tc',
      owner: 'Technical Blogs and Reports',
      remoteId: '98590287',
      link: 'https://app.threatconnect.com/#/details/indicators/98590287',
      reportedBy: 'VirIT',
    },
  ],
  relationships: [{ name: 'related-to', type: 'campaign', value: 'Grizzly Steppe' }],
  raw: { id: 98590287, type: 'File' },
} as const

export const indicatorSchema = Type.Object(
  {
    id: Type.String({
      description: '`indicator--` and a UUID v5 of type and value: the same at every server.',
    }),
    type,
    customType,
    value: Type.String({
      description: 'Canonical: hashes and domains lower case, IPv6 compressed, CIDR as network address.',
    }),
    score: Type.Enum([0, 1, 2, 3], {
      type: 'integer',
      description: '0 unknown, 1 good, 2 suspicious, 3 bad.',
    }),
    confidence: Type.Optional(Type.Number({ minimum: 0, maximum: 100, description: "The analyst's." })),
    rating: Type.Optional(Type.Number({ minimum: 0, maximum: 5, description: "The analyst's." })),
    threatAssess: Type.Optional(threatAssess),
    active: Type.Boolean(),
    description: optionalText("The analyst's description."),
    tlp: Type.Optional(
      Type.Enum([...tlpLevels], {
        type: 'string',
        description: 'Traffic Light Protocol 2.0; the strictest wins.',
      }),
    ),
    reliability: Type.Optional(
      Type.Enum([...reliabilities], {
        type: 'string',
        description: 'Of the source, on the Admiralty scale.',
      }),
    ),
    tags: Type.Array(Type.String()),
    hashes: Type.Optional(hashes),
    firstSeen: time('When it was first seen: added at the source, or an earlier sighting.'),
    lastModified: time('When a record of it last changed at the source.'),
    expiresAt: Type.Unsafe<string | null>({
      anyOf: [{ type: 'string', format: 'date-time' }, { type: 'null' }],
      description: 'null: does not expire.',
    }),
    observations: Type.Array(provenance, { description: 'One for each record that says this of the value.' }),
    relationships: Type.Array(relationship),
    raw: Type.Optional(
      Type.Unsafe<Record<string, unknown>>({ type: 'object', description: 'The record as received.' }),
    ),
  },
  {
    $id: 'Indicator',
    title: 'Indicator',
    description: 'One value, whatever source it comes from. A member that is not known is absent.',
    examples: [indicatorExample],
  },
)
