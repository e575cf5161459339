/**
 * The schema of the whole configuration file: every key with what it takes, its unit and its default. The JSON Schema
 * for editors and the reference in the documentation are made from it. Long, as it is one table.
 */
import Type, { type Static } from 'typebox'
import type { ConnectorDefinition } from '../connector.ts'
import { allTypes, reliabilities, tlpLevels } from '../model/indicator.ts'
import { reputations } from '../model/score.ts'
import {
  byKind,
  feedFilterProperties,
  kindOf,
  listNote,
  OrNull,
  proxySchema,
  retrySchema,
  settingsOf,
  timeoutSchema,
  tlsSchema,
} from './schema-parts.ts'
import {
  Duration,
  DurationOrOff,
  HttpUrl,
  List,
  Name,
  Percent,
  Secret,
  Section,
  Text,
  Words,
} from './schema-types.ts'

/** The kinds of connectors that a configuration can name. */
export interface Registries {
  readonly sources: readonly ConnectorDefinition[]
  readonly exporters: readonly ExporterKind[]
  readonly ticketDesks: readonly DeskKind[]
  readonly incidentSinks: readonly SinkKind[]
}

/** A desk may name the queues that settings of it drain. */
export type DeskKind = ConnectorDefinition & { queues?(settings: unknown): readonly string[] }

/** A sink may tell what is wrong with its settings beyond what their schema says, by their paths. */
export type SinkKind = ConnectorDefinition & {
  problems?(
    settings: unknown,
    readFile: (path: string) => string,
  ): readonly { readonly path: string; readonly detail: string }[]
}

/** An exporter may have its own default of `objectsPerRun`. */
type ExporterKind = ConnectorDefinition & { readonly objectsPerRun?: number }

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const
const expirationPolicies = ['never', 'interval', 'byType', 'suddenDeath'] as const

const maxAgeMs = 3650 * 86_400_000

const server = Section(
  {
    host: Text({
      description:
        'Address or name to listen on; 0.0.0.0 and :: are all. Without auth.keys the server listens on loopback, whatever stands here. Default 127.0.0.1.',
      default: '127.0.0.1',
    }),
    port: Type.Integer({
      description: 'Port to listen on, 0..65535; 0: any free one. Default 8080.',
      minimum: 0,
      maximum: 65_535,
      default: 8080,
    }),
    publicUrl: Type.Optional(
      HttpUrl({
        description:
          'Address under which clients reach the server, where a proxy stands before it; for links. Absent: made from each request.',
      }),
    ),
    trustProxy: Type.Unsafe<boolean | readonly string[]>({
      anyOf: [
        { type: 'boolean' },
        List(Text({ description: 'Address or CIDR.' }), { description: 'Addresses or CIDRs of proxies.' }),
      ],
      description:
        'Whose X-Forwarded-* headers are believed: false, the default: nobody; addresses or CIDRs of the proxies before the server; true: anybody, only where nobody gets past the proxy.',
      default: false,
    }),
    drain: Duration({
      description:
        'How long a server that was told to stop still takes requests while /readyz says 503, so that a load balancer notices; 0s..5s. Default 0s.',
      minMs: 0,
      maxMs: 5000,
      default: '0s',
    }),
    doctorAtStart: Type.Boolean({
      description:
        'Whether the doctor looks at everything once after each start and logs what is wrong; false where a product counts every request or login. Default true.',
      default: true,
    }),
    requestsPerMinute: Type.Integer({
      description: 'Requests that each API key may make on /api/v1 in a minute; 0: no limit. Default 60000.',
      minimum: 0,
      default: 60_000,
    }),
  },
  { description: 'Where the server listens, and how clients reach it.' },
)

const key = Section(
  {
    id: Name({ description: 'Name of the key: shown in the log, user name of HTTP Basic.' }),
    secret: Type.Optional(
      Secret({
        description:
          'The key itself: visible ASCII characters, no ":". Put it into the environment or a file.',
      }),
    ),
    secretHash: Type.Optional(
      Type.String({
        pattern: '^sha256:[0-9A-Fa-f]{64}$',
        'x-takes': 'sha256: and 64 hexadecimal digits',
        // Somebody may put the key itself here.
        'x-unshown': true,
        description:
          'SHA-256 of the key, as `feed-server keys create` prints it, in place of secret; both: two keys are good while one replaces the other.',
      }),
    ),
    scopes: List(Text({ description: 'A scope.' }), {
      description: `What the key may do: indicators:read, feeds:read (or feeds:read:NAME), push:EXPORTER (or push:*), sources:run, tickets:read, tickets:write, metrics:read, admin (all). ${listNote}`,
    }),
  },
  { description: 'An API key.' },
)

const auth = Section(
  {
    keys: Type.Array(key, {
      description:
        'API keys; none: the server listens on loopback only. The same id may stand twice with the same scopes: both keys are good while one replaces the other.',
      default: [],
    }),
  },
  { description: 'Who may use the server.' },
)

const store = Section(
  {
    url: Type.String({
      'x-format': 'store-url',
      description:
        'Where everything is kept: file:FOLDER (the embedded database; relative to this file), or postgres://USER:PASSWORD@HOST:PORT/DATABASE. Default file:./data.',
      default: 'file:./data',
    }),
    binaries: Type.Optional(
      Type.String({
        pattern: '^/',
        'x-takes': 'the absolute path of a folder',
        description:
          'Folder of an installed PostgreSQL 15 or later (it holds bin/postgres) that runs the embedded database, where there is no packaged one for the machine. Absent: the packaged one.',
      }),
    ),
  },
  { description: 'The store.' },
)

const log = Section(
  {
    level: Words(logLevels, {
      description: `The least that is logged: ${logLevels.join(', ')}. Default info.`,
      default: 'info',
    }),
  },
  { description: 'The log.' },
)

const outbound = Section(
  {
    allowPrivate: Type.Unsafe<boolean | readonly string[]>({
      anyOf: [
        { type: 'boolean' },
        List(Text({ description: 'Address or CIDR.' }), { description: 'Addresses or CIDRs.' }),
      ],
      description:
        'Which addresses that are not public the server may connect to for sources, exporters, bridges and their proxies. true, the default: those of private networks, and this machine where its address or localhost is configured; false: none; addresses or CIDRs: these alone. Addresses of cloud metadata, link-local, unspecified and multicast ones, and this machine by another name, have to be named. It is looked at for each connection and the address that the name has then; behind a proxy, which looks names up itself, for the proxy.',
      default: true,
    }),
  },
  { description: 'Where the server may connect to.' },
)

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

function sourceSchema(sources: Registries['sources']) {
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

const feed = Section(
  {
    name: Name({ description: 'Name of the feed, in its address: /feeds/NAME.txt' }),
    ...feedFilterProperties,
    limit: Type.Integer({
      description:
        'Most entries; the best are kept: by score, ThreatAssess score, last change. 0, the default: no limit.',
      minimum: 0,
      default: 0,
    }),
    shrinkGuard: Percent({
      description:
        'The last good list is held when the next would lose more than this share of its entries at once; what expires on time does not count while its source answers. 100% or off: never. Default 50%.',
      off: true,
      default: '50%',
    }),
  },
  { description: 'A list that is served under /feeds and /taxii2.' },
)

const pacingProperties = {
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

function exporterSchema(exporters: Registries['exporters']) {
  const sizes = exporters.map(({ kind, objectsPerRun = 1000 }) => `${kind} ${objectsPerRun}`).join(', ')
  return Section(
    {
      name: Name({
        description: 'Names the route, the queue and the metrics. Default: the kind.',
        'x-default-of-kind': byKind(exporters, ({ kind }) => kind),
      }),
      kind: kindOf(exporters),
      settings: settingsOf(exporters),
      objectsPerRun: Type.Integer({
        description: `Most indicators that are sent in one run, 1..100000. Default by kind: ${sizes}.`,
        minimum: 1,
        maximum: 100_000,
        'x-default-of-kind': byKind(exporters, ({ objectsPerRun = 1000 }) => objectsPerRun),
      }),
      forward: OrNull(
        Section(feedFilterProperties, { description: 'What is forwarded: the filter keys of a feed.' }),
        {
          description:
            'Every change of what this filter lets through is exported by itself. null, the default: only what is pushed.',
        },
      ),
      maxRemovalShare: Percent({
        description:
          'A forward that would remove more than this share of what the product has from us is held and reported; 100% or off: never. Default 20%.',
        off: true,
        default: '20%',
      }),
      retry: retrySchema(
        'Exponential with ±20 % jitter; a longer Retry-After wins, capped at max; after the last try the item is dead.',
        { attempts: 12, initial: '5s', max: '10h' },
      ),
      timeout: timeoutSchema,
      ...pacingProperties,
      proxy: proxySchema,
      tls: tlsSchema,
    },
    { description: 'A product that indicators are sent to.' },
  )
}

function bridgeSchema({ ticketDesks, incidentSinks }: Registries) {
  const end = (definitions: readonly ConnectorDefinition[], description: string) =>
    Section(
      {
        kind: kindOf(definitions),
        settings: settingsOf(definitions),
        timeout: timeoutSchema,
        ...pacingProperties,
        proxy: proxySchema,
        tls: tlsSchema,
      },
      { description },
    )
  return Section(
    {
      name: Name({ description: 'Name of the bridge.' }),
      ticketDesk: end(ticketDesks, 'Where tickets come from.'),
      incidentSink: end(incidentSinks, 'Where incidents are made of them.'),
      statuses: List(Text({ description: 'A status in the words of the ticket desk, such as New.' }), {
        description: `Tickets of other statuses are acknowledged and wait until they have one of these; a known incident goes on in any case. Default none: all become incidents. ${listNote}`,
        default: [],
      }),
      ingestClosed: Type.Boolean({
        description:
          'Whether a ticket that is closed when it is first seen becomes an incident, closed at once. Default false.',
        default: false,
      }),
      afterClose: Words(['note', 'reopen', 'ignore'], {
        description:
          'What a change of a ticket does whose incident somebody closed: note, the default: notes, files and fields go to the closed incident; reopen: it is opened again; ignore: nothing.',
        default: 'note',
      }),
      reopened: Words(['reopen', 'note', 'ignore'], {
        description:
          'What happens when a closed ticket is opened again: reopen, the default: its incident is opened again; note: it gets a note; ignore: nothing.',
        default: 'reopen',
      }),
      commentPrefix: Type.String({
        description:
          'Comments of an incident that begin so go to its ticket, without the prefix; empty: none does. Default #ctp.',
        default: '#ctp',
      }),
      writeBack: Type.Boolean({
        description:
          'Whether the number of the incident is written into its ticket as the external ticket number. Default false.',
        default: false,
      }),
      retry: retrySchema(
        'Of each thing that is done at an incident or a ticket. Exponential with ±20 % jitter; a longer Retry-After wins, capped at max; while a product is away no try is used up.',
        { attempts: 12, initial: '5s', max: '10h' },
      ),
    },
    { description: 'Carries tickets to incidents, and their closing back.' },
  )
}

const exclusion = Type.String({
  minLength: 1,
  'x-format': 'exclusion',
  description: 'A CIDR, a domain (with its subdomains), or an exact value.',
})

export function configSchema(registries: Registries) {
  return Section(
    {
      server,
      auth,
      store,
      log,
      outbound,
      sources: Type.Array(sourceSchema(registries.sources), {
        description: 'Where indicators come from.',
        default: [],
      }),
      exclusions: List(exclusion, {
        description: `Never an indicator: a CIDR, a domain (with its subdomains), or an exact value. Default none. ${listNote}`,
        default: [],
      }),
      feeds: Type.Array(feed, { description: 'The lists that are served.', default: [] }),
      exporters: Type.Array(exporterSchema(registries.exporters), {
        description: 'The products that indicators are sent to.',
        default: [],
      }),
      bridges: Type.Array(bridgeSchema(registries), {
        description: 'Ticket desks and where their tickets become incidents.',
        default: [],
      }),
    },
    { description: 'The configuration of indicator-feed-server.' },
  )
}

/** The file as loaded: defaults applied, durations in milliseconds, percentages as fractions. */
export type FileConfig = Static<ReturnType<typeof configSchema>>
