/** What a running server takes anew, and what it names as waiting for a restart. */
import fc from 'fast-check'
import t from 'tap'
import { stringify } from 'yaml'
import { registries } from '../../src/app.ts'
import { differences, textOfPath, withTaken } from '../../src/config/difference.ts'
import { loadConfig } from '../../src/config/load.ts'
import { formatProblem } from '../../src/config/problem.ts'
import { runningSettings, sortChanges } from '../../src/config/reloadable.ts'

const hash = (digit: string) => `sha256:${digit.repeat(64)}`

const base = {
  server: { port: 8080, requestsPerMinute: 100 },
  auth: { keys: [{ id: 'soar', secretHash: hash('1'), scopes: ['admin'] }] },
  log: { level: 'info' },
  sources: [
    {
      name: 'tc',
      kind: 'threatconnect',
      every: '4h',
      tls: { caFile: '/ca.pem' },
      settings: { baseUrl: 'https://tc.example.org', accessId: '1', secretKey: 'secret-one', owners: ['A'] },
    },
    {
      name: 'other',
      kind: 'threatconnect',
      settings: { baseUrl: 'https://b.example.org', token: 'token-one' },
    },
  ],
  exclusions: ['10.0.0.0/8'],
  feeds: [{ name: 'block', types: ['ipv4'] }],
  exporters: [
    {
      kind: 'darktrace',
      settings: { host: 'dt.example.org', publicToken: 'public', privateToken: 'private-one' },
    },
  ],
  bridges: [
    {
      name: 'ctp',
      ticketDesk: { kind: 'secureworks-ctp', settings: { username: 'me', password: 'password-one' } },
      incidentSink: {
        kind: 'ibm-soar',
        settings: {
          baseUrl: 'https://soar.example.org',
          orgId: 201,
          apiKeyId: 'id',
          apiKeySecret: 'key-secret-one',
        },
      },
    },
  ],
}
type File = typeof base

const pem = (content: string) => `-----BEGIN CERTIFICATE-----\n${content}\n`

function load(file: unknown, ca = pem('one')) {
  const readFile = (path: string) => (path === '/ca.pem' ? ca : stringify(file))
  const result = loadConfig({ file: 'f.yaml', env: {}, cwd: '/', registries, readFile })
  if (!result.ok) throw new Error(result.errors.map(formatProblem).join('\n'))
  return result
}

function changed(change: (file: File) => void): File {
  const file = structuredClone(base)
  change(file)
  return file
}

/** Of a list in the table that has it. */
function first<T>([one]: readonly T[]): T {
  if (one === undefined) throw new Error('the list is empty')
  return one
}

const cases: readonly (readonly [
  what: string,
  change: (file: File) => void,
  applied: readonly string[],
  restart: readonly string[],
])[] = [
  ['nothing', () => {}, [], []],
  [
    'a key more',
    ({ auth }) => auth.keys.push({ id: 'b', secretHash: hash('2'), scopes: ['admin'] }),
    ['auth.keys'],
    [],
  ],
  ['other scopes', ({ auth }) => first(auth.keys).scopes.push('metrics:read'), ['auth.keys'], []],
  ['no key any more', ({ auth }) => auth.keys.pop(), [], ['auth.keys']],
  [
    'log, limit and drain',
    (file) => {
      file.log.level = 'debug'
      Object.assign(file.server, { requestsPerMinute: 0, drain: '2s' })
    },
    ['server.drain', 'server.requestsPerMinute', 'log.level'],
    [],
  ],
  ['the port', ({ server }) => Object.assign(server, { port: 81 }), [], ['server.port']],
  [
    'the secret of a source',
    ({ sources }) => Object.assign(first(sources).settings, { secretKey: 'secret-two' }),
    ['sources.tc.settings.secretKey'],
    [],
  ],
  [
    'a token in place of a pair',
    ({ sources }) =>
      Object.assign(first(sources), {
        settings: { baseUrl: 'https://tc.example.org', token: 'token-two', owners: ['A'] },
      }),
    ['sources.tc.settings.accessId', 'sources.tc.settings.secretKey', 'sources.tc.settings.token'],
    [],
  ],
  [
    'a secret with another address: a new secret is not sent to an old address',
    ({ sources }) =>
      Object.assign(first(sources).settings, { secretKey: 'secret-two', baseUrl: 'https://new.example.org' }),
    [],
    ['sources.tc.settings.baseUrl', 'sources.tc.settings.secretKey'],
  ],
  [
    'a secret, and what is no setting of the connector',
    ({ sources }) => {
      Object.assign(first(sources).settings, { secretKey: 'secret-two' })
      Object.assign(first(sources), { every: '1h', reputation: 'bad', timeout: '5s', proxy: 'none' })
    },
    ['sources.tc.settings.secretKey', 'sources.tc.timeout', 'sources.tc.proxy'],
    ['sources.tc.every', 'sources.tc.reputation'],
  ],
  [
    'other filters',
    (file) => {
      first(file.sources).settings.owners = ['B']
      first(file.feeds).types.push('ipv6')
      file.exclusions.push('example.org')
    },
    [],
    ['sources.tc.settings.owners', 'exclusions', 'feeds.block.types'],
  ],
  [
    'a source less, a feed more',
    (file) => {
      file.sources.pop()
      file.feeds.push({ name: 'more', types: [] })
    },
    [],
    ['sources.other', 'feeds.more'],
  ],
  ['another order', ({ sources }) => sources.reverse(), [], ['sources']],
  [
    'the tokens of an exporter',
    ({ exporters }) =>
      Object.assign(first(exporters).settings, { publicToken: 'p2', privateToken: 'private-two' }),
    ['exporters.darktrace.settings.publicToken', 'exporters.darktrace.settings.privateToken'],
    [],
  ],
  [
    'how an exporter works',
    ({ exporters }) => Object.assign(first(exporters), { concurrency: 2, forward: { types: ['domain'] } }),
    [],
    ['exporters.darktrace.forward', 'exporters.darktrace.concurrency'],
  ],
  [
    'both ends of a bridge, of which one changes in more',
    ({ bridges }) => {
      const { ticketDesk, incidentSink } = first(bridges)
      Object.assign(ticketDesk.settings, { password: 'password-two', limit: 100 })
      Object.assign(incidentSink.settings, { apiKeyId: 'id2', apiKeySecret: 'key-secret-two' })
    },
    ['bridges.ctp.incidentSink.settings.apiKeyId', 'bridges.ctp.incidentSink.settings.apiKeySecret'],
    ['bridges.ctp.ticketDesk.settings.password', 'bridges.ctp.ticketDesk.settings.limit'],
  ],
  [
    'another user of a desk: its tickets are others',
    ({ bridges }) =>
      Object.assign(first(bridges).ticketDesk.settings, { username: 'you', password: 'password-two' }),
    [],
    ['bridges.ctp.ticketDesk.settings.username', 'bridges.ctp.ticketDesk.settings.password'],
  ],
  [
    'another product under the same name',
    ({ exporters }) =>
      Object.assign(first(exporters), {
        ...{ name: 'darktrace', kind: 'cofense' },
        settings: { baseUrl: 'https://c.example.org', clientId: 'c', clientSecret: 'client-secret' },
      }),
    [],
    ['exporters.darktrace.kind'],
  ],
]

t.test('whatever changed is either taken or named as waiting for a restart', async (t) => {
  const running = runningSettings(load(base))
  for (const [what, change, applied, restart] of cases) {
    const loaded = load(changed(change))
    const sorted = sortChanges(running, loaded, registries)
    const names = (paths: typeof sorted.applied) => paths.map(textOfPath).toSorted()
    t.strictSame(names(sorted.applied), applied.toSorted(), `${what}: applied`)
    const missing = restart.filter((name) => !names(sorted.restart).includes(name))
    t.strictSame(missing, [], `${what}: restart`)
    if (!restart.includes('exporters.darktrace.kind'))
      t.strictSame(names(sorted.restart), restart.toSorted(), `${what}: nothing more`)
    const again = sortChanges(sorted.running, loaded, registries)
    t.strictSame(names(again.applied), [], `${what}: read once more, nothing is left to take`)
    t.strictSame(names(again.restart), names(sorted.restart), `${what}: and what waits still waits`)
    t.strictSame(
      sortChanges(sorted.running, load(base), registries).restart,
      [],
      `${what}: changed back, nothing waits any more`,
    )
  }
})

t.test('a file of certificates that has other content is a change, too', async (t) => {
  const { applied, restart, renewals } = sortChanges(
    runningSettings(load(base)),
    load(base, pem('two')),
    registries,
  )
  t.strictSame(applied.map(textOfPath), ['sources.tc.tls.caFile'])
  t.strictSame(restart, [])
  t.strictSame(renewals, [{ part: 'source', name: 'tc' }])
})

t.test('what differs is found, and taking all of it makes both the same', async (t) => {
  const leaf = fc.oneof(fc.integer(), fc.string(), fc.boolean(), fc.constant(null), fc.array(fc.string()))
  const settings = fc.dictionary(fc.constantFrom('a', 'b', 'c'), leaf, { noNullPrototype: true })
  const named = fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), settings, every: leaf }), {
    selector: ({ name }) => name,
    minLength: 3,
    maxLength: 3,
  })
  const file = fc.record({
    server: settings,
    sources: named.map((list) => list.toSorted((p, q) => (p.name < q.name ? -1 : 1))),
  })
  fc.assert(
    fc.property(file, file, (before, after) => {
      const paths = differences(before, after)
      const same = withTaken(before, after, paths)
      return differences(same, after).length === 0 && differences(before, before).length === 0
    }),
    { numRuns: 500 },
  )
  t.pass('for 500 pairs')
})
