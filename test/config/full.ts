/** A configuration in which every key of the schema stands once, so that properties can be tried at each. */
import { ref } from './fixture.ts'

const filter = {
  types: ['ipv4', 'custom'],
  sources: ['tc'],
  owners: ['A, B'],
  tags: ['t'],
  minScore: 1,
  minConfidence: 2,
  minThreatAssessScore: 3,
  maxTlp: 'green',
  activeOnly: false,
}
const outbound = {
  proxy: 'http://user:pass-of-proxy@proxy.example.org:3128',
  tls: { caFile: 'ca.pem', insecure: true },
}
const retry = { attempts: 3, initial: '2s', max: '3m' }
const threatconnect = {
  baseUrl: 'https://tc.example.org/api',
  owners: ['A, B', 'C'],
  tags: ['t'],
  indicatorTypes: ['Address', 'custom:Own Type'],
  groupTypes: ['Tool'],
  activeOnly: false,
  confidence: 50,
  threatAssessScore: 500,
  tql: `summary like "${'$'}${ref('x')}"`,
  groupTql: 'id > 5',
  createRelationships: true,
  pageSize: 10_000,
  reconcileEvery: '12h',
}
const source = {
  name: 'tc',
  kind: 'threatconnect',
  every: 'off',
  settings: { ...threatconnect, accessId: '123', secretKey: 'secret-of-tc' },
  reputation: 'bad',
  reliability: 'A',
  tlp: 'amber+strict',
  feedTags: ['x'],
  expiration: { policy: 'interval', after: '30d' },
  bypassExclusions: true,
  retry,
  timeout: '1m',
  ...outbound,
}
const exporter = {
  objectsPerRun: 5,
  forward: filter,
  maxRemovalShare: '12.5%',
  retry,
  timeout: '90s',
  concurrency: 2,
  requestsPerMinute: 30,
  ...outbound,
}
const taegis = {
  clientId: 'id',
  clientSecret: 'secret-of-taegis',
  tenantId: '145234',
  sourceName: 'feeds',
  linkBaseUrl: 'https://feeds.example.org',
  severity: 'HIGH',
  maxActive: 100,
}
const paced = { timeout: '90s', concurrency: 2, requestsPerMinute: 30, ...outbound }
const rules = {
  statuses: ['New', 'Active'],
  ingestClosed: true,
  afterClose: 'ignore',
  reopened: 'note',
  commentPrefix: '#soc',
  writeBack: true,
  retry,
}
const ticketDesk = {
  kind: 'secureworks-ctp',
  settings: {
    baseUrl: 'https://ctp.example.org/api/ticket/v3',
    username: 'user',
    password: 'secret-of-ctp',
    ticketTypes: ['INCIDENT:SECURITY', 'CHANGE:HEALTH'],
    limit: 10,
    includeHealth: true,
    every: '5m',
  },
  ...paced,
}
const soar = {
  baseUrl: 'https://soar.example.org',
  apiKeyId: 'id',
  apiKeySecret: 'secret-of-soar',
  templates: {
    escalate: 'escalate.jinja',
    update: 'update.yaml',
    close: { plan_status: 'C', list: [1, true, '{{ x }}'] },
    note: 'note.jinja',
    comment: 'comment.txt',
  },
  closeMap: { 'True Positive': 'Threat Mitigated', default: 'Inconclusive' },
  closeCodes: { default: 'Inconclusive' },
  fieldPolicy: { scwx_ctp_priority: 'sink_wins' },
  maxAttachmentMb: 10,
  changesEvery: '30s',
}

export const full = {
  server: {
    host: '0.0.0.0',
    port: 9090,
    publicUrl: 'https://feeds.example.org/base/',
    trustProxy: ['10.0.0.0/8', 'loopback'],
    drain: '2s',
    doctorAtStart: false,
    requestsPerMinute: 100,
  },
  auth: {
    keys: [
      {
        id: 'soar',
        secret: 'secret-of-key-soar',
        secretHash: `sha256:${'0A'.repeat(32)}`,
        scopes: ['admin', 'push:*'],
      },
      { id: 'fw', secret: 'secret-of-key-fw', scopes: ['feeds:read:block', 'push:cofense', 'feeds:read'] },
    ],
  },
  store: {
    url: 'postgres://user:pass%20of-store@db.example.org:5432/feeds?sslmode=require',
    binaries: '/usr/lib/postgresql/18',
  },
  log: { level: 'debug' },
  outbound: { allowPrivate: ['10.0.0.0/8', 'fd00::1'] },
  sources: [
    source,
    {
      ...source,
      name: 'tc-2',
      settings: { ...threatconnect, token: 'token-of-tc' },
      expiration: { policy: 'byType', byType: { ipv4: '14d', default: '30d' } },
    },
  ],
  exclusions: ['10.0.0.0/8', '2001:db8::/32', 'example.org', 'a,b'],
  feeds: [{ name: 'block', ...filter, limit: 1000, shrinkGuard: 'off' }],
  exporters: [
    { name: 'taegis', kind: 'secureworks', settings: { ...taegis, region: 'us1' }, ...exporter },
    {
      name: 'taegis-2',
      kind: 'secureworks',
      settings: { ...taegis, baseUrl: 'https://taegis.example.org' },
      ...exporter,
    },
    {
      name: 'dt',
      kind: 'darktrace',
      settings: {
        host: 'dt.example.org:8443',
        publicToken: 'public',
        privateToken: 'secret-of-dt',
        source: 's',
        expireAfterDays: 30,
        exactHost: true,
        autonomousResponse: true,
      },
      ...exporter,
    },
    {
      name: 'cofense',
      kind: 'cofense',
      settings: {
        baseUrl: 'https://triage.example.org',
        clientId: 'id',
        clientSecret: 'secret-of-cofense',
        threatLevel: 'Benign',
        source: 's',
      },
      ...exporter,
    },
  ],
  bridges: [
    {
      name: 'a',
      ticketDesk,
      incidentSink: { kind: 'ibm-soar', settings: { ...soar, org: 'My Org' }, ...paced },
      ...rules,
    },
    {
      name: 'b',
      ticketDesk,
      incidentSink: { kind: 'ibm-soar', settings: { ...soar, orgId: 201 }, ...paced },
      ...rules,
    },
    {
      name: 'c',
      ticketDesk,
      incidentSink: {
        kind: 'webhook',
        settings: {
          url: 'https://hook.example.org/path-is-secret?a=b',
          secret: 'secret-of-hook',
          headers: { Authorization: 'Bearer secret-of-header' },
        },
        ...paced,
      },
      ...rules,
    },
  ],
}

/** What `full` reads besides itself. */
export const fullFiles = {
  '/etc/feeds/ca.pem': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n',
  '/etc/feeds/escalate.jinja': '{}',
  '/etc/feeds/update.yaml': '{}',
  '/etc/feeds/note.jinja': '',
  '/etc/feeds/comment.txt': '',
}

type Path = readonly (string | number)[]

/** Every text, number and boolean in a value. */
export function leaves(value: unknown, path: Path = []): { path: Path; value: unknown }[] {
  if (typeof value !== 'object' || value === null) return [{ path, value }]
  const index = Array.isArray(value)
  return Object.entries(value).flatMap(([key, member]) =>
    leaves(member, [...path, index ? Number(key) : key]),
  )
}

/** A copy with another value at a path. */
export function withValue(target: unknown, [key, ...rest]: Path, value: unknown): unknown {
  if (key === undefined) return value
  if (Array.isArray(target))
    return target.map((item, at) => (at === key ? withValue(item, rest, value) : item))
  return Object.fromEntries(
    Object.entries(Object(target)).map(([name, member]) => [
      name,
      name === key ? withValue(member, rest, value) : member,
    ]),
  )
}

/** Of the full example what a field of it needs to be read: the whole takes a hundred times as long. */
export function partWith([section, index, ...rest]: readonly (string | number)[]) {
  const all = new Map<unknown, unknown>(Object.entries(full))
  const items = all.get(section)
  if (!Array.isArray(items) || typeof index !== 'number') {
    return [
      { [String(section)]: items },
      [section, index, ...rest].filter((key) => key !== undefined),
    ] as const
  }
  const named = section === 'sources' ? {} : { sources: full.sources }
  return [{ ...named, [String(section)]: [items[index]] }, [String(section), 0, ...rest]] as const
}
