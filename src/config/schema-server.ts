/** The sections of the configuration about the server itself: where it listens and connects to, keys, store, log. */
import Type from 'typebox'
import { listNote } from './schema-parts.ts'
import { Duration, HttpUrl, List, Name, Secret, Section, Text, Words } from './schema-types.ts'

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const

export const server = Section(
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

export const auth = Section(
  {
    keys: Type.Array(key, {
      description:
        'API keys; none: the server listens on loopback only. The same id may stand twice with the same scopes: both keys are good while one replaces the other.',
      default: [],
    }),
  },
  { description: 'Who may use the server.' },
)

export const store = Section(
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

export const log = Section(
  {
    level: Words(logLevels, {
      description: `The least that is logged: ${logLevels.join(', ')}. Default info.`,
      default: 'info',
    }),
  },
  { description: 'The log.' },
)

export const outbound = Section(
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
