import { createHash } from 'node:crypto'
import t from 'tap'
import { loadConfig } from '../../src/config/load.ts'
import type { Config } from '../../src/config/model.ts'
import { loaded, ref, registries, source } from './fixture.ts'
import { full, fullFiles } from './full.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
const hash = `sha256:${'0a'.repeat(32)}`

/** The example of the documentation, with values where it has an ellipsis. */
const example = `
server: { host: 127.0.0.1, port: 8080, publicUrl: "https://feeds.example.org", trustProxy: false }
auth:
  keys:                                   # none: the server listens on loopback only and says so
    - { id: soar, secret: "${ref('SOAR_KEY')}", scopes: ["indicators:read", "feeds:read", "push:*", "sources:run"] }
    - { id: edge-fw, secretHash: "${hash}", scopes: ["feeds:read:block-ip"] }
store: { url: "file:./data" }             # embedded; or postgres://user:pass@host:5432/db
sources:
  - name: tc
    kind: threatconnect
    every: 240m                           # ms, s, m, h, d; "off" fetches only when asked
    settings:
      baseUrl: https://app.threatconnect.com     # with or without /api
      accessId: "${ref('TC_ACCESS_ID')}"
      secretKey: "${ref('file:/run/secrets/tc')}"       # or: token: …
      owners: []                          # lists, or one comma-separated string
      tags: []
      indicatorTypes: [All]
      groupTypes: []
      activeOnly: true
      confidence: 0                       # strict "greater than", 0 = off, 0..100
      threatAssessScore: 0                # strict "greater than", 0 = off, 0..1000
      tql: ""                             # AND-ed with the filters' own clauses of a fetch: see section 4
      groupTql: ""
      createRelationships: false
      pageSize: 1000                      # 1..10000
    reputation: none                      # none | good | suspicious | bad: overrides the computed score
    reliability: F                        # A..F
    tlp: amber                            # default where the source gives no label; unset = none
    feedTags: []                          # added to every indicator
    expiration: { policy: never }         # never | interval (after: 30d) | byType (byType: { ipv4: 14d, default: 30d }) | suddenDeath
    bypassExclusions: false
    retry: { attempts: 5, initial: 1s, max: 60s }    # for each request of a fetch; a longer Retry-After wins up to 10 min
    timeout: 60s
    proxy: ""                             # http(s)://host:port; "none" ignores the environment
    tls: { caFile: "", insecure: false }
exclusions: ["10.0.0.0/8", "example.org"] # CIDR, domain (with its subdomains), or exact value
feeds:
  - name: block-ip
    types: [ipv4, ipv6, cidr]
    sources: []                           # empty = all
    owners: []
    tags: []
    minScore: 0                           # 0..3
    minConfidence: 0
    minThreatAssessScore: 0
    maxTlp: amber                         # never serve above this
    activeOnly: true
    limit: 0                              # 0 = no limit; best first: score, threatAssessScore, lastModified
    shrinkGuard: 50%                      # hold the last good list when it would lose more than this
exporters:
  - name: darktrace                       # names the route, the queue, the metrics; default: the kind
    kind: darktrace                       # secureworks | darktrace | cofense
    settings: { host: dt.example.org, publicToken: public, privateToken: private-token }
    objectsPerRun: 1000
    forward: null                         # or the filter keys of a feed: every matching change is exported by itself
    maxRemovalShare: 20%                  # a forward that would remove more at once is held and reported
    retry: { attempts: 12, initial: 5s, max: 10h }   # exponential, +-20 % jitter; a longer Retry-After wins, capped at max; then dead
    timeout: 60s
    concurrency: 4                        # requests under way at once
    requestsPerMinute: 0                  # 0 = no pacing but the product's own
    proxy: ""
    tls: { caFile: "", insecure: false }
bridges: []
`
const exampleGiven = {
  env: { SOAR_KEY: 'a-long-key-of-the-soar', TC_ACCESS_ID: '98590287590287598027' },
  files: { '/run/secrets/tc': 'secret of tc\n' },
}
const minimal = `
auth:
  keys:
    - { id: soar, secret: "${ref('SOAR_KEY')}", scopes: ["indicators:read", "feeds:read", "push:*", "sources:run"] }
    - { id: edge-fw, secretHash: "${hash}", scopes: ["feeds:read:block-ip"] }
server: { publicUrl: "https://feeds.example.org" }
sources:
  - name: tc
    kind: threatconnect
    tlp: amber
    settings: { baseUrl: https://app.threatconnect.com, accessId: "${ref('TC_ACCESS_ID')}", secretKey: "${ref('file:/run/secrets/tc')}" }
exclusions: ["10.0.0.0/8", "example.org"]
feeds: [{ name: block-ip, types: [ipv4, ipv6, cidr] }]
exporters: [{ kind: darktrace, settings: { host: dt.example.org, publicToken: public, privateToken: private-token } }]
`
const expected: Config = {
  server: {
    host: '127.0.0.1',
    port: 8080,
    publicUrl: 'https://feeds.example.org',
    trustProxy: false,
    drainMs: 0,
    doctorAtStart: true,
    requestsPerMinute: 60_000,
  },
  auth: {
    keys: [
      {
        id: 'soar',
        digests: [sha256('a-long-key-of-the-soar')],
        scopes: ['indicators:read', 'feeds:read', 'push:*', 'sources:run'],
      },
      { id: 'edge-fw', digests: ['0a'.repeat(32)], scopes: ['feeds:read:block-ip'] },
    ],
  },
  store: { kind: 'embedded', url: 'file:/etc/feeds/data', folder: '/etc/feeds/data' },
  log: { level: 'info' },
  outbound: { allowPrivate: true },
  sources: [
    {
      name: 'tc',
      kind: 'threatconnect',
      everyMs: 14_400_000,
      settings: {
        baseUrl: 'https://app.threatconnect.com',
        accessId: '98590287590287598027',
        secretKey: 'secret of tc',
        owners: [],
        tags: [],
        indicatorTypes: ['All'],
        groupTypes: [],
        activeOnly: true,
        confidence: 0,
        threatAssessScore: 0,
        tql: '',
        groupTql: '',
        createRelationships: false,
        pageSize: 1000,
        reconcileEvery: 86_400_000,
      },
      reliability: 'F',
      tlp: 'amber',
      feedTags: [],
      expiration: { policy: 'never' },
      bypassExclusions: false,
      retry: { attempts: 5, initialMs: 1000, maxMs: 60_000 },
      timeoutMs: 60_000,
      proxy: '',
      tls: { insecure: false },
    },
  ],
  exclusions: ['10.0.0.0/8', 'example.org'],
  feeds: [
    {
      name: 'block-ip',
      types: ['ipv4', 'ipv6', 'cidr'],
      sources: [],
      owners: [],
      tags: [],
      minScore: 0,
      minConfidence: 0,
      minThreatAssessScore: 0,
      maxTlp: 'amber',
      activeOnly: true,
      limit: 0,
      shrinkGuard: 0.5,
    },
  ],
  exporters: [
    {
      name: 'darktrace',
      kind: 'darktrace',
      settings: {
        host: 'dt.example.org',
        publicToken: 'public',
        privateToken: 'private-token',
        source: 'indicator-feed-server',
        expireAfterDays: 0,
        exactHost: false,
        autonomousResponse: false,
      },
      objectsPerRun: 1000,
      forward: null,
      maxRemovalShare: 0.2,
      retry: { attempts: 12, initialMs: 5000, maxMs: 36_000_000 },
      timeoutMs: 60_000,
      concurrency: 4,
      requestsPerMinute: 0,
      proxy: '',
      tls: { insecure: false },
    },
  ],
  bridges: [],
  secrets: ['a-long-key-of-the-soar', 'secret of tc', 'private-token'],
}

t.test('the documented example loads as it stands, without a warning', (t) => {
  const { config, warnings } = loaded(example, exampleGiven)
  t.strictSame(config, expected)
  t.strictSame(warnings, [])
  t.end()
})

t.test('what the example says is the default: without it the same configuration loads', (t) => {
  t.strictSame(loaded(minimal, exampleGiven).config, expected)
  t.end()
})

t.test('every default of the kinds of exporters and bridges', (t) => {
  const { config } = loaded(`
exporters:
  - { kind: secureworks, settings: { region: eu2, clientId: a, clientSecret: b, tenantId: "1" } }
  - { kind: cofense, settings: { baseUrl: https://x, clientId: a, clientSecret: b } }
bridges:
  - name: one
    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p } }
    incidentSink: { kind: ibm-soar, settings: { baseUrl: https://x, orgId: 201, apiKeyId: a, apiKeySecret: b } }
  - name: two
    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p, every: off } }
    incidentSink: { kind: webhook, settings: { url: "https://x/?a=b" } }
`)
  t.match(config.exporters, [
    {
      name: 'secureworks',
      objectsPerRun: 1000,
      settings: { region: 'eu2', sourceName: 'indicator-feed-server', maxActive: 15_000 },
    },
    { name: 'cofense', objectsPerRun: 10_000, settings: { source: 'indicator-feed-server' } },
  ])
  t.notOk('threatLevel' in (config.exporters[1]?.settings ?? {}))
  const end = {
    ...{ timeoutMs: 60_000, concurrency: 4, requestsPerMinute: 0 },
    ...{ proxy: '', tls: { insecure: false } },
  }
  const rules = {
    statuses: [],
    ingestClosed: false,
    afterClose: 'note',
    reopened: 'reopen',
    commentPrefix: '#ctp',
    writeBack: false,
    retry: { attempts: 12, initialMs: 5000, maxMs: 36_000_000 },
  }
  const ctp = {
    baseUrl: 'https://api.secureworks.com/api/ticket/v3',
    username: 'u',
    password: 'p',
    ticketTypes: ['INCIDENT:SECURITY'],
    limit: 500,
  }
  t.strictSame(config.bridges, [
    {
      name: 'one',
      ticketDesk: { kind: 'secureworks-ctp', settings: { ...ctp, every: 600_000 }, ...end },
      incidentSink: {
        kind: 'ibm-soar',
        settings: {
          baseUrl: 'https://x',
          orgId: 201,
          apiKeyId: 'a',
          apiKeySecret: 'b',
          templates: {},
          closeMap: {},
          closeCodes: {},
          fieldPolicy: {},
          changesEvery: 60_000,
        },
        ...end,
      },
      ...rules,
    },
    {
      name: 'two',
      ticketDesk: { kind: 'secureworks-ctp', settings: { ...ctp, every: null }, ...end },
      incidentSink: { kind: 'webhook', settings: { url: 'https://x/?a=b', headers: {} }, ...end },
      ...rules,
    },
  ])
  t.end()
})

t.test('every value that is given gets into the configuration', (t) => {
  const { config, warnings } = loaded(JSON.stringify(full), { files: fullFiles })
  const tls = { caFile: '/etc/feeds/ca.pem', ca: fullFiles['/etc/feeds/ca.pem'], insecure: true }
  const proxy = 'http://user:pass-of-proxy@proxy.example.org:3128'
  t.strictSame(config.server, {
    host: '0.0.0.0',
    port: 9090,
    publicUrl: 'https://feeds.example.org/base',
    trustProxy: '10.0.0.0/8,loopback',
    drainMs: 2000,
    doctorAtStart: false,
    requestsPerMinute: 100,
  })
  t.strictSame(config.outbound, { allowPrivate: ['10.0.0.0/8', 'fd00::1'] })
  t.strictSame(config.auth.keys, [
    { id: 'soar', digests: [sha256('secret-of-key-soar'), '0a'.repeat(32)], scopes: ['admin', 'push:*'] },
    {
      id: 'fw',
      digests: [sha256('secret-of-key-fw')],
      scopes: ['feeds:read:block', 'push:cofense', 'feeds:read'],
    },
  ])
  t.strictSame(config.store, { kind: 'postgres', url: full.store.url })
  const [source, second] = config.sources
  if (source === undefined) throw new Error('no source')
  const { settings, ...first } = source
  t.strictSame(first, {
    name: 'tc',
    kind: 'threatconnect',
    everyMs: null,
    reputation: 3,
    reliability: 'A',
    tlp: 'amber+strict',
    feedTags: ['x'],
    expiration: { policy: 'interval', afterMs: 30 * 86_400_000 },
    bypassExclusions: true,
    retry: { attempts: 3, initialMs: 2000, maxMs: 180_000 },
    timeoutMs: 60_000,
    proxy,
    tls,
  })
  t.match(settings, { owners: ['A, B', 'C'], tql: `summary like "${ref('x')}"`, secretKey: 'secret-of-tc' })
  t.strictSame(second?.expiration, {
    policy: 'byType',
    byTypeMs: { ipv4: 14 * 86_400_000 },
    defaultMs: 30 * 86_400_000,
  })
  t.match(config.feeds[0], { maxTlp: 'green', shrinkGuard: 1, minScore: 1 })
  t.match(config.exporters[3], {
    maxRemovalShare: 0.125,
    forward: { types: ['ipv4', 'custom'], owners: ['A, B'] },
    timeoutMs: 90_000,
    tls,
    proxy,
  })
  t.match(config.bridges[0]?.incidentSink.settings, {
    templates: {
      escalate: '/etc/feeds/escalate.jinja',
      update: '/etc/feeds/update.yaml',
      close: { list: [1, true, '{{ x }}'] },
    },
    closeMap: { 'True Positive': 'Threat Mitigated' },
    changesEvery: 30_000,
  })
  t.equal(warnings.length, 2 + 4 + 6 + 2)
  t.match(warnings[0], /^feed-server\.yaml:1:\d+: sources\[0\]\.tls\.insecure: certificates are not checked/)
  t.end()
})

t.test('a list is a list, or one comma-separated text', (t) => {
  const owners = (line: string, env = {}) =>
    loaded(source(`owners: ${line}`), { env }).config.sources[0]?.settings.owners
  t.strictSame(
    owners('A , B,, "C,D"'),
    ['A', 'B', '"C', 'D"'],
    'a text is split, blanks and empty pieces dropped',
  )
  t.strictSame(owners('["A , B", " C"]'), ['A , B', ' C'], 'members of a list stay whole')
  t.strictSame(owners('""'), [], 'an empty text is an empty list')
  t.strictSame(
    owners(`"${ref('OWNERS')}"`, { OWNERS: 'A,B' }),
    ['A', 'B'],
    'so is a text from the environment',
  )
  t.strictSame(
    owners(`["${ref('OWNER')}"]`, { OWNER: 'A,B' }),
    ['A,B'],
    'a member from the environment stays whole',
  )
  t.end()
})

t.test('a value from outside the file becomes the number or boolean that is wanted; text stays text', (t) => {
  const env = { N: '25', T: 'true', F: 'False', PRE: '2', P: '9000' }
  const lines = [
    `pageSize: ${ref('PRE')}5`,
    `confidence: "${ref('N')}"`,
    `activeOnly: ${ref('F')}`,
    `createRelationships: ${ref('T')}`,
    `tql: ${ref('N')}`,
  ]
  const { config } = loaded(`${source(...lines)}server: { port: "${ref('P')}", trustProxy: "${ref('T')}" }`, {
    env,
  })
  t.match(config.sources[0]?.settings, {
    pageSize: 25,
    confidence: 25,
    activeOnly: false,
    createRelationships: true,
    tql: '25',
  })
  t.match(config.server, { port: 9000, trustProxy: true })
  t.end()
})

t.test('references are replaced once, inside a value too; a doubled dollar is literal', (t) => {
  const given = {
    env: { A: `a-${ref('B')}`, B: 'b' },
    files: { '/etc/feeds/one': '1\r\n', '/etc/feeds/two': '2\n\n', '/run/three': '3' },
  }
  const tql = (text: string) => loaded(source(`tql: '${text}'`), given).config.sources[0]?.settings.tql
  t.equal(
    tql(`<${ref('A')}|${ref('B')}>`),
    `<a-${ref('B')}|b>`,
    'what a variable holds is not looked at again',
  )
  t.equal(
    tql(`${ref('file:one')}${ref('file:two')}${ref('file:/run/three')}`),
    '12\n3',
    'a file loses its last newline only',
  )
  t.equal(tql(`$${ref('A')} $$ $A {x}`), `${ref('A')} $$ $A {x}`, 'everything else stays')
  t.end()
})

t.test('anchors and empty values are as YAML has them', (t) => {
  const { config } = loaded(
    `${source('tags: &list [a, b]', 'owners: *list', 'tql:')}    tlp:\n    retry:\nfeeds:\nserver: ~\n`,
  )
  t.match(config.sources[0], {
    settings: { tags: ['a', 'b'], owners: ['a', 'b'], tql: '' },
    retry: { attempts: 5 },
  })
  t.notOk('tlp' in (config.sources[0] ?? {}))
  t.strictSame(config.feeds, [])
  t.equal(config.server.port, 8080)
  t.end()
})

t.test('a line ends at a carriage return, with a line feed or without', (t) => {
  const lines = ['server:', '  host: 127.0.0.1', '  publicUrl: https://feeds.example.org', '']
  for (const end of ['\n', '\r\n', '\r']) {
    const { server } = loaded(lines.join(end)).config
    t.match(server, { host: '127.0.0.1', publicUrl: 'https://feeds.example.org' }, JSON.stringify(end))
  }
  t.equal(loaded('server: { host: 127.0.0.1 }\r').config.server.host, '127.0.0.1', 'at the end of the file')
  t.end()
})

t.test('a JSON file is read as well, indented by tabs too', (t) => {
  const { config } = loaded(JSON.stringify({ server: { port: 1 }, log: { level: 'warn' } }, null, '\t'))
  t.match(config, { server: { port: 1 }, log: { level: 'warn' } })
  t.end()
})

t.test('variables override the file; empty ones do not', (t) => {
  const env = { FEED_HOST: '::1', FEED_PORT: '99', FEED_STORE_URL: 'file:here', FEED_LOG_LEVEL: 'trace' }
  const changed = loaded('server: { host: a, port: 1 }\nstore: { url: file:there }\nlog:\n', { env }).config
  t.match(changed, {
    server: { host: '::1', port: 99 },
    store: { folder: '/etc/feeds/here' },
    log: { level: 'trace' },
  })
  const empty = Object.fromEntries(Object.keys(env).map((name) => [name, '']))
  t.match(loaded('server: { host: a, port: 1 }\n', { env: empty }).config.server, { host: 'a', port: 1 })
  t.end()
})

t.test('without a file the source tc is made of variables, or of the files that they name', (t) => {
  const settings = (env: Record<string, string>, files = {}) =>
    loaded(undefined, { env, files }).config.sources.map(({ name, kind, settings }) => ({
      name,
      kind,
      ...settings,
    }))
  const tc = { name: 'tc', kind: 'threatconnect', baseUrl: 'https://x/api/', indicatorTypes: ['All'] }
  t.match(settings({ TC_BASE_URL: 'https://x/api/', TC_ACCESS_ID: '12', TC_SECRET_KEY: ref('A') }), [
    { ...tc, accessId: '12', secretKey: ref('A') },
  ])
  const files = { '/run/url': 'https://x/api/\n', '/etc/feeds/token': 'a,b\n' }
  t.match(settings({ TC_BASE_URL_FILE: '/run/url', TC_TOKEN_FILE: 'token', TC_ACCESS_ID: '' }, files), [
    { ...tc, token: 'a,b' },
  ])
  const { config, warnings } = loaded(undefined, { env: { TC_BASE_URL: '', FEED_PORT: '1' } })
  t.strictSame(config.sources, [])
  t.equal(config.server.port, 1)
  t.strictSame(warnings, [
    'there is no feed-server.yaml, and TC_BASE_URL is not set: no source is configured',
  ])
  t.strictSame(loaded('# nothing\n', { env: { TC_BASE_URL: 'https://x' } }).warnings, [
    'feed-server.yaml: no source is configured',
  ])
  t.end()
})

t.test('bridges need no source, and two that drain one queue are warned of', (t) => {
  const bridge = (name: string, types: string) =>
    `  - name: ${name}\n    ticketDesk: { kind: secureworks-ctp, settings: { username: u, password: p, ticketTypes: "${types}" } }\n    incidentSink: { kind: webhook, settings: { url: "https://x.example/y" } }\n`
  const apart = [bridge('a', 'INCIDENT:SECURITY'), bridge('b', 'INCIDENT:HEALTH')].join('')
  t.strictSame(loaded(`bridges:\n${apart}`).warnings, [])
  t.strictSame(loaded(`bridges:\n${apart}${bridge('c', 'CHANGE:CHANGE, INCIDENT:HEALTH')}`).warnings, [
    'feed-server.yaml:9:52: bridges[2].ticketDesk.settings: the bridge "b" takes INCIDENT:HEALTH of u at https://api.secureworks.com/api/ticket/v3, too: each ticket goes to one of the two only',
  ])
  t.end()
})

t.test('the file is the one that was asked for, else FEED_CONFIG, else feed-server.yaml', (t) => {
  const folder = t.testdir({
    'feed-server.yaml': 'server: { port: 1 }\n',
    conf: {
      'env.yaml': `server: { port: "${ref('file:port')}" }\n`,
      port: '2\n',
      'option.yaml': 'server: { port: 3 }\n',
    },
  })
  const port = (options: { file?: string; env?: Record<string, string> }) => {
    const result = loadConfig({ env: {}, cwd: folder, registries, ...options })
    return result.ok ? [result.config.server.port, result.config.store.url] : result.errors
  }
  const env = { FEED_CONFIG: 'conf/env.yaml' }
  t.strictSame(port({}), [1, `file:${folder}/data`])
  t.strictSame(port({ env }), [2, `file:${folder}/conf/data`], 'paths in a file start at its folder')
  t.strictSame(port({ env, file: `${folder}/conf/option.yaml` }), [3, `file:${folder}/conf/data`])
  t.strictSame(port({ env: { FEED_CONFIG: '' } }), [1, `file:${folder}/data`])
  t.end()
})

t.test('an id twice with the same scopes is one key with both secrets', (t) => {
  const { config } = loaded(`
auth:
  keys:
    - { id: a, secret: 0123456789abcdef, scopes: "admin, feeds:read" }
    - { id: a, secretHash: "${hash}", scopes: [feeds:read, admin] }
`)
  t.strictSame(config.auth.keys, [
    { id: 'a', digests: [sha256('0123456789abcdef'), '0a'.repeat(32)], scopes: ['admin', 'feeds:read'] },
  ])
  t.end()
})

t.test('the folder of the embedded store is absolute, however it was written', (t) => {
  const folder = (url: string) => loaded(`store: { url: "${url}" }`).config.store
  const at = (path: string) => ({ kind: 'embedded', url: `file:${path}`, folder: path })
  t.strictSame(folder('file:./data'), at('/etc/feeds/data'))
  t.strictSame(folder('file:../my data'), at('/etc/my data'))
  t.strictSame(folder('file:/srv/data'), at('/srv/data'))
  t.strictSame(folder('file:///srv/my%20data'), at('/srv/my data'))
  t.strictSame(loaded('store: { binaries: /opt/pg }').config.store, {
    ...at('/etc/feeds/data'),
    binaries: '/opt/pg',
  })
  t.strictSame(folder('postgresql:///db?host=/run/pg'), {
    kind: 'postgres',
    url: 'postgresql:///db?host=/run/pg',
  })
  t.end()
})

t.test('nothing of the configuration can be changed', (t) => {
  const { config } = loaded(JSON.stringify(full), { files: fullFiles })
  const open: string[] = []
  const look = (value: unknown, path: string) => {
    if (typeof value !== 'object' || value === null) return
    if (!Object.isFrozen(value)) open.push(path)
    for (const [key, member] of Object.entries(value)) look(member, `${path}.${key}`)
  }
  look(config, 'config')
  t.strictSame(open, [])
  t.throws(() => Object.assign(config.server, { port: 1 }), TypeError)
  t.end()
})

t.test('a key that is easily guessed is warned of', (t) => {
  const { warnings } = loaded(`${source()}auth: { keys: [{ id: a, secret: short, scopes: admin }] }\n`)
  t.strictSame(warnings, [
    'feed-server.yaml:7:33: auth.keys[0].secret: is shorter than 16 characters and may be guessed; `feed-server keys create` makes a good one',
  ])
  t.end()
})
