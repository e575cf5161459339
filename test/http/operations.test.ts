/** For those who run the server: who did what, who used which key, what there was over time. */
import { createHash } from 'node:crypto'
import { type AddressInfo, connect } from 'node:net'
import { mock } from 'node:test'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { App } from '../../src/http/app.ts'
import { refusals } from '../../src/http/refusals.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import type { AuditEntry, NewAuditEntry } from '../../src/store/operations-store.ts'
import { openDatabase } from '../../src/store/postgres/database.ts'
import { sourceEntry, storedApp } from '../app.ts'
import { freshDatabase } from '../store/database.ts'
import { configuredExporters, type Json, named, secretOf, sending } from './products.ts'

const key = (id: string, scopes: readonly string[], secrets = [secretOf(id)]) =>
  secrets.map((secret) => ({
    id,
    scopes,
    secretHash: `sha256:${createHash('sha256').update(secret).digest('hex')}`,
  }))

const keys = [
  ...key('root', ['admin']),
  ...key('soar', ['indicators:read', 'push:darktrace', 'sources:run', 'feeds:read']),
  ...key('edge-fw', ['feeds:read:block-ip'], ['old', 'new']),
  ...key('idle', ['metrics:read']),
]

const lists = [
  { name: 'block-ip', types: ['ipv4'] },
  { name: 'block-host', types: ['domain'] },
]

t.setTimeout(300_000)

interface Asked {
  readonly body?: object | string
  readonly as?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly from?: string
}

function ask(app: App, method: 'GET' | 'POST', url: string, asked: Asked = {}) {
  const { body, as = 'root', headers = {}, from } = asked
  return app.inject({
    method,
    url,
    headers: {
      ...(as !== '' && { authorization: `Bearer ${secretOf(as)}` }),
      ...(typeof body === 'string' && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { payload: body }),
    ...(from !== undefined && { remoteAddress: from }),
  })
}

async function running(t: Test, more: object = {}, options: Parameters<typeof storedApp>[4] = {}) {
  const simulator = await startThreatConnectSimulator({
    indicators: [{ type: 'Address', summary: '198.51.100.7', owner: 'Example Organization' }],
  })
  t.teardown(() => simulator.close())
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const world = named('darktrace')
  const file = {
    auth: { keys },
    sources: [sourceEntry(simulator.url, { every: 'off' })],
    feeds: lists,
    exporters: configuredExporters,
    ...more,
  }
  const stored = await storedApp(t, file, log, sending(world, named('cofense')), options)
  return { ...stored, world, lines }
}

const audited = async (app: App, query = '') =>
  (await ask(app, 'GET', `/api/v1/audit${query}`)).json().data as readonly AuditEntry[]

t.test(
  'whatever changes something is in the log before its answer: who, what, of what, with what status',
  async (t) => {
    const { app, lines, schedule } = await running(t)
    await schedule.start()
    const push = '/api/v1/push/darktrace'
    const value = 'sent.evil.example'
    const cases: readonly (readonly [
      url: string,
      asked: Asked,
      status: number,
      action: string | undefined,
      subject?: string | null,
    ])[] = [
      [push, { body: { indicators: [value] }, as: 'soar' }, 202, 'push', 'darktrace'],
      [push, { body: { indicators: [value], dryRun: true }, as: 'soar' }, 200, undefined],
      [push, { body: { indicators: [value], dryRun: 'true' } }, 400, 'push', null],
      [push, { body: `{"indicators": ["${value}"` }, 400, 'push', null],
      [`/api/v1/push/${value}`, { body: { indicators: [value] } }, 404, 'push', null],
      [push, { body: { indicators: [value], options: { source: secretOf('x') } } }, 202, 'push', 'darktrace'],
      ['/api/v1/exports/latest/replay', {}, 202, 'exports.replay', 'latest'],
      ['/api/v1/exporters/darktrace/resume', {}, 200, 'exporters.resume', 'darktrace'],
      ['/api/v1/exporters/darktrace/check', {}, 200, undefined],
      ['/api/v1/exporters/darktrace/reconcile', {}, 422, 'exporters.reconcile', 'darktrace'],
      ['/api/v1/sources/tc/fetch?wait=30', { as: 'soar' }, 200, 'sources.fetch', 'tc'],
      ['/api/v1/sources/tc/check', {}, 200, undefined],
      ['/api/v1/tc-get-indicators', { body: { tql_query: `summary = "${value}"` } }, 200, undefined],
      ['/api/v1/tc-get-owners', { body: {} }, 200, undefined],
      ['/api/v1/feeds/block-ip/release', {}, 200, 'feeds.release', 'block-ip'],
      ['/api/v1/bridges/ctp/poll', {}, 404, 'bridges.poll', null],
      ['/api/v1/nowhere', {}, 404, undefined],
      ['/api/v1/audit', {}, 405, undefined],
    ]
    for (const [n, [url, asked, status, action, subject = null]] of cases.entries()) {
      const id = `request-${n}`
      const answer = await ask(app, 'POST', url, {
        ...asked,
        headers: { 'x-request-id': id },
        from: '192.0.2.9',
      })
      t.equal(answer.statusCode, status, `${url}: ${answer.body.slice(0, 200)}`)
      const [newest] = await audited(app, '?limit=1')
      if (action === undefined) t.not(newest?.requestId, id, `${url} changes nothing`)
      else {
        const { as = 'root' } = asked
        const expected = {
          key: as,
          address: '192.0.2.9',
          action,
          subject,
          status,
          requestId: id,
          details: {},
        }
        t.match(newest, expected, url)
      }
    }
    const all = await audited(app)
    t.equal(
      all.length,
      cases.filter(([, , , action]) => action !== undefined).length,
      'nothing else is there',
    )
    t.notMatch(JSON.stringify(all), /evil|198\.51|secret/, 'no value and no secret')
    t.same(
      lines.filter((line) => line.includes('"level":50')),
      [],
    )
    t.match((await ask(app, 'GET', '/api/v1/audit/verify')).json(), {
      ok: true,
      entries: all.length,
      broken: null,
    })
  },
)

t.test('a client that sends the same mistake over and over does not fill the log', async (t) => {
  const { app, store } = await running(t)
  const wrong = { body: { indicators: 7 }, as: 'soar' } as const
  for (let n = 0; n < 30; n++) {
    t.equal((await ask(app, 'POST', '/api/v1/push/darktrace', wrong)).statusCode, 400)
  }
  for (let n = 0; n < 30; n++) await ask(app, 'POST', '/api/v1/push/darktrace', { ...wrong, as: 'nobody' })
  const [first, ...others] = await store.audited({ limit: 10, actions: ['push'] })
  t.match(
    first,
    { key: 'soar', status: 400, details: { code: 'ARGUMENT_INVALID', count: 1 } },
    'the first at once',
  )
  t.same(others, [])
  await app.close()
  const told = await store.audited({ limit: 10, actions: ['push'] })
  t.match(told, [{ details: { count: 29 } }, { details: { count: 1 } }], 'then how many there were')
})

t.test('what nobody waits for any more is in the log all the same', async (t) => {
  const { app, store } = await running(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  const body = JSON.stringify({ indicators: ['a.example'] })
  socket.write(
    `POST /api/v1/push/darktrace?wait=60 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${secretOf('soar')}\r\n` +
      `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  const exportsMade = async () => (await store.exports({ exporters: ['darktrace'], limit: 1 })).length
  // Nobody delivers: the request waits.
  while ((await exportsMade()) === 0) {}
  t.same(await store.audited({ limit: 1 }), [], 'not answered yet')
  socket.destroy()
  let entries = await store.audited({ limit: 1 })
  while (entries.length === 0) entries = await store.audited({ limit: 1 })
  t.match(entries, [{ key: 'soar', action: 'push', subject: 'darktrace' }])
})

t.test('without a log to write to requests go on, and the log of the server has an error', async (t) => {
  const { connection } = await freshDatabase(t)
  const { app, lines } = await running(t, {}, { connection })
  const database = await openDatabase({ connection, log: pino({ level: 'silent' }) })
  await database.execute('alter table audit rename to elsewhere')
  const answer = await ask(app, 'POST', '/api/v1/push/darktrace', {
    body: { indicators: ['a.example'] },
    headers: { 'x-request-id': 'unwritten' },
  })
  t.equal(answer.statusCode, 202, 'carried out and answered')
  const told = lines.map((line) => JSON.parse(line) as Json).filter(({ level }) => level === 50)
  t.match(told, [
    { action: 'push', requestId: 'unwritten', msg: 'an entry of the audit log could not be written' },
  ])
  t.equal(told.length, 1)
  await database.execute('alter table elsewhere rename to audit')
  await database.close()
  await ask(app, 'POST', '/api/v1/exporters/darktrace/resume')
  t.match(await audited(app), [{ action: 'exporters.resume', id: 1 }])
})

t.test('without keys nobody is named', async (t) => {
  const { app, store } = await running(t, { auth: { keys: [] } })
  await ask(app, 'POST', '/api/v1/exporters/darktrace/resume', { as: '', from: '127.0.0.1' })
  t.match(await audited(app), [{ key: null, address: '127.0.0.1', action: 'exporters.resume' }])
  t.same((await ask(app, 'GET', '/api/v1/keys', { as: '' })).json(), { data: [] })
  const elsewhere = await ask(app, 'GET', '/api/v1/audit', { as: '', headers: { host: 'evil.example' } })
  t.equal(elsewhere.statusCode, 403)
  // Nobody waits for the entry of a refusal; the end of the server does.
  await app.close()
  t.match((await store.audited({ limit: 1, actions: ['keys.refused'] }))[0], {
    status: 403,
    details: { code: 'HOST_REFUSED', count: 1 },
  })
})

t.test(
  'refusals of any request are told, with the pattern of the address and nothing that was sent',
  async (t) => {
    const { app, store } = await running(t)
    const cases: readonly (readonly [method: 'GET' | 'POST', url: string, as: string, status: number])[] = [
      ['GET', '/api/v1/indicators/lookup?value=evil.example', 'nobody', 401],
      ['GET', '/api/v1/indicators/lookup?value=evil.example', '', 401],
      ['GET', '/api/v1/audit', 'soar', 403],
      ['POST', '/api/v1/push/cofense', 'soar', 403],
      ['GET', '/api/v1/keys', 'edge-fw', 401],
    ]
    for (const [method, url, as, status] of cases) {
      const answer = await ask(app, method, url, { as, from: '192.0.2.1', headers: { 'x-request-id': 'r' } })
      t.equal(answer.statusCode, status, `${method} ${url} as ${as}`)
    }
    await app.close()
    const told = await store.audited({ limit: 100 })
    const member = { address: '192.0.2.1', action: 'keys.refused', subject: null, requestId: 'r' }
    const noKey = { ...member, key: null, status: 401 }
    const noScope = { ...member, key: 'soar', status: 403, details: { code: 'SCOPE_MISSING', count: 1 } }
    const route = 'GET /api/v1/indicators/lookup'
    t.match(told, [
      noScope,
      { ...noKey, details: { code: 'KEY_UNKNOWN', count: 1, route } },
      { ...noScope, details: { code: 'SCOPE_MISSING', count: 1, route: 'GET /api/v1/audit' } },
      { ...noKey, details: { code: 'KEY_MISSING', count: 1, route } },
      { ...noKey, details: { code: 'KEY_UNKNOWN', count: 1, route } },
    ])
    t.equal(told.length, 5, 'what waited was written at the end')
    t.notMatch(JSON.stringify(told), /evil|nobody|secret/)
  },
)

t.test('what a request carries in odd places gets into neither the audit log nor the log', async (t) => {
  const { app, store, lines } = await running(t, { server: { trustProxy: true } })
  const evil = 'told.evil.example'
  const [text, none] = [{ 'content-type': 'text/plain' }, {}]
  const cases: readonly (readonly [url: string, asked: Asked, status: number])[] = [
    [`/api/v1/push/${evil}`, { body: 'x', headers: text }, 415],
    ['/api/v1/push/%00', { body: 'x', headers: text }, 415],
    [`/api/v1/sources/${evil}/fetch`, { body: 'x'.repeat(1_100_000) }, 413],
    [`/api/v1/push/${evil}`, { as: 'soar', body: {} }, 403],
    [`/api/v1/push/${evil}`, { body: { indicators: [evil] }, headers: { 'idempotency-key': evil } }, 404],
    [`/api/v1/sources/${evil}/fetch`, { body: 'x', headers: text }, 415],
    [`/api/v1/sources/${evil}/fetch`, { as: '' }, 401],
    [`/api/v1/effects/${evil}/retry`, { body: 'x', headers: text }, 415],
    [
      `/api/v1/bridges/${evil}/templates/preview`,
      { body: { template: 'close', source: '', ticket: {} } },
      404,
    ],
    [`/api/v1/exporters/${evil}/resume`, { headers: { 'x-request-id': secretOf('root') } }, 404],
    ['/api/v1/exporters/darktrace/resume', { headers: { 'x-request-id': secretOf('soar') } }, 200],
    ['/api/v1/exporters/darktrace/resume', { headers: { 'x-forwarded-for': `${evil}, 192.0.2.1` } }, 200],
    ['/api/v1/exporters/darktrace/resume', { headers: { 'x-forwarded-for': `fe80::1%${evil}` } }, 200],
    ['/api/v1/exporters/darktrace/resume', { headers: { 'x-forwarded-for': '192.0.2.8:4711' } }, 200],
    ['/api/v1/exporters/darktrace/resume', { headers: { 'x-forwarded-for': '[2001:db8::8]:4711' } }, 200],
    ['/api/v1/exporters/darktrace/resume', { as: evil, headers: none }, 401],
  ]
  for (const [url, asked, status] of cases) {
    const answer = await ask(app, 'POST', url, { from: '192.0.2.9', ...asked })
    t.equal(answer.statusCode, status, `${url} ${answer.statusCode}`)
  }
  await app.close()
  const told = await store.audited({ limit: 100 })
  t.equal(told.length, cases.length - 1, 'all but the preview, which changes nothing')
  t.same(
    told.filter(({ action }) => action === 'exporters.resume').map(({ address }) => address),
    ['2001:db8::8', '192.0.2.8', 'fe80::1', '192.0.2.9', '192.0.2.9', '192.0.2.9'],
    'addresses and nothing else',
  )
  const written = `${JSON.stringify(told)}${lines.join('')}`
  t.notMatch(written, /evil|\ufffd|\\u0000/i)
  for (const { id } of keys) t.notOk(written.includes(secretOf(id)), `not the key ${id}`)
})

t.test('a client that is refused again and again is told once a minute, and many clients together', (t) => {
  let clock = 0
  let written: NewAuditEntry[] = []
  const refused = refusals(
    async (entry) => void written.push(entry),
    () => clock,
  )
  const note = (address: string, more: { key?: string; code?: string } = {}) =>
    refused.note({
      ...{ action: 'keys.refused', subject: null, key: null },
      code: 'KEY_UNKNOWN',
      status: 401,
      requestId: 'r',
      route: 'GET /x',
      address,
      ...more,
    })
  const told = () => {
    const lines = written.map(({ key, address, details }) => `${key ?? '-'} ${address} ${details?.count}`)
    written = []
    return lines
  }
  for (let n = 0; n < 50; n++) note('192.0.2.1')
  t.same(told(), ['- 192.0.2.1 1'], 'the first at once')
  note('192.0.2.1', { key: 'soar', code: 'SCOPE_MISSING' })
  note('192.0.2.1', { key: 'edge', code: 'SCOPE_MISSING' })
  note('192.0.2.1', { code: 'KEY_MISSING' })
  note('192.0.2.2')
  t.same(
    told(),
    ['soar 192.0.2.1 1', 'edge 192.0.2.1 1', '- 192.0.2.1 1', '- 192.0.2.2 1'],
    'each for itself',
  )
  note('2001:db8:0:1::1')
  note('2001:db8:0:1:ffff::2')
  note('2001:db8:0:2::1')
  note('::ffff:192.0.2.3')
  note('::ffff:192.0.2.4')
  const sixes = ['- 2001:db8:0:1::1 1', '- 2001:db8:0:2::1 1', '- ::ffff:192.0.2.3 1', '- ::ffff:192.0.2.4 1']
  t.same(told(), sixes, 'of IPv6 the network')
  clock = 59_999
  refused.sweep()
  t.same(told(), [])
  clock = 60_000
  refused.sweep()
  t.same(told(), ['- 192.0.2.1 49', '- 2001:db8:0:1::1 1'], 'what came since')
  clock = 90_000
  note('192.0.2.1')
  note('192.0.2.2')
  t.same(told(), ['- 192.0.2.2 1'], 'a minute since the last entry')
  clock = 130_000
  note('192.0.2.1')
  t.same(told(), ['- 192.0.2.1 1', '- 192.0.2.1 1'].slice(0, 1), 'without a look in between')
  refused.flush()
  t.same(told(), ['- 192.0.2.1 1'], 'at the end what waits')
  refused.flush()
  clock = 1e9
  for (let n = 0; n < 10_000; n++) note(`10.0.${n >> 8}.${n & 255}`)
  const all = told()
  t.equal(all.length, 21, 'twenty have entries of their own')
  t.equal(all.at(-1), '- others 1')
  clock += 60_000
  refused.sweep()
  t.same(told(), [`- others ${10_000 - 21}`])
  t.end()
})

t.test(
  'keys are listed with their last use, in the order of the configuration, without digests',
  async (t) => {
    let clock = Date.parse('2026-03-10T12:00:00Z')
    const { app, again } = await running(t, {}, { now: () => clock })
    const listed = async (on: App) =>
      (await ask(on, 'GET', '/api/v1/keys', { from: '192.0.2.1' })).json().data
    const none = { lastUsedAt: null, lastAddress: null, requests: 0 }
    const expected = [
      { id: 'root', scopes: ['admin'], secrets: 1 },
      { id: 'soar', scopes: ['indicators:read', 'push:darktrace', 'sources:run', 'feeds:read'], secrets: 1 },
      { id: 'edge-fw', scopes: ['feeds:read:block-ip'], secrets: 2 },
      { id: 'idle', scopes: ['metrics:read'], secrets: 1 },
    ]
    t.strictSame(
      await listed(app),
      expected.map((one) => ({ ...one, ...none })),
    )
    const edge = { as: '', from: '192.0.2.2' }
    clock += 1000
    await ask(app, 'GET', '/feeds/block-ip.txt', { ...edge, headers: { 'x-api-key': 'old' } })
    clock += 1000
    const basic = { authorization: `Basic ${Buffer.from('edge-fw:new').toString('base64')}` }
    await ask(app, 'GET', '/feeds/block-ip.txt', { ...edge, from: '192.0.2.3', headers: basic })
    await ask(app, 'GET', '/api/v1/keys', { as: 'soar', from: '192.0.2.4' })
    await ask(app, 'GET', '/api/v1/keys', { as: 'nobody', from: '192.0.2.5' })
    await ask(app, 'GET', '/livez', { from: '192.0.2.6' })
    await app.close()
    const second = await again()
    const answer = await ask(second, 'GET', '/api/v1/keys')
    t.strictSame(answer.json().data, [
      { ...expected[0], lastUsedAt: '2026-03-10T12:00:00Z', lastAddress: '192.0.2.1', requests: 1 },
      { ...expected[1], lastUsedAt: '2026-03-10T12:00:02Z', lastAddress: '192.0.2.4', requests: 1 },
      { ...expected[2], lastUsedAt: '2026-03-10T12:00:02Z', lastAddress: '192.0.2.3', requests: 2 },
      { ...expected[3], ...none },
    ])
    t.notMatch(answer.body, /[0-9a-f]{64}/)
  },
)

t.test('uses are written each minute, and what could not be is written with the next ones', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const { connection } = await freshDatabase(t)
  const { app, store, lines } = await running(t, {}, { connection })
  const database = await openDatabase({ connection, log: pino({ level: 'silent' }) })
  const use = (from: string) => ask(app, 'GET', '/api/v1/sources', { as: 'soar', from })
  await use('192.0.2.1')
  await database.execute('alter table key_use rename to elsewhere')
  mock.timers.tick(60_000)
  while (!lines.some((line) => line.includes('the use of API keys could not be written'))) {
    await database.query('select 1')
  }
  await database.execute('alter table elsewhere rename to key_use')
  await database.close()
  await use('192.0.2.2')
  t.same(await store.keyUses(), [])
  mock.timers.tick(59_999)
  t.same(await store.keyUses(), [])
  mock.timers.tick(1)
  let uses = await store.keyUses()
  while (uses.length === 0) uses = await store.keyUses()
  t.match(uses, [{ key: 'soar', address: '192.0.2.2', requests: 2 }])
})

t.test('uses that can not be written do not hold the end of the server', async (t) => {
  const { connection } = await freshDatabase(t)
  const { app, store, lines } = await running(t, {}, { connection })
  const database = await openDatabase({ connection, log: pino({ level: 'silent' }) })
  await ask(app, 'GET', '/api/v1/sources', { as: 'soar' })
  await database.transaction(async (transaction) => {
    await transaction.execute('lock table key_use')
    await app.close()
    t.ok(lines.some((line) => line.includes('the use of API keys could not be written before the end')))
  })
  await database.close()
  let uses = await store.keyUses()
  while (uses.length === 0) uses = await store.keyUses()
  t.match(uses, [{ key: 'soar', requests: 1 }], 'they come when the store answers while it is there')
})

t.test('counts over time are told by the hour, to whom the thing itself is told', async (t) => {
  // The vendor takes no signature of another time.
  let clock = Date.now()
  const { app, store, schedule } = await running(t, {}, { now: () => clock })
  await schedule.start()
  await ask(app, 'POST', '/api/v1/sources/tc/fetch?wait=30', { as: 'soar' })
  await ask(app, 'POST', '/api/v1/push/darktrace?wait=30', {
    body: { indicators: ['a.example', 'bad.example', 'hello', 'hello'] },
  })
  await ask(app, 'GET', '/feeds/block-ip.txt')
  await store.sampleSources(new Date(clock))
  const at = `${new Date(clock).toISOString().slice(0, 13)}:00:00Z`
  const history = async (of: string, query = '', as = 'root') => {
    const answer = await ask(app, 'GET', `/api/v1/${of}/history${query}`, { as })
    return answer.statusCode === 200 ? answer.json().data : [answer.statusCode, answer.json().code]
  }
  const source = [{ at, values: { ipv4: 1 } }]
  const exporter = [{ at, values: { accepted: 1, rejected: 1, skipped: 2 } }]
  const feed = [{ at, values: { entries: 1 } }]
  const cases: readonly (readonly [of: string, as: string, query: string, told: readonly unknown[]])[] = [
    ['sources/tc', 'soar', '', source],
    ['sources/tc', 'root', '?days=90', source],
    ['sources/tc', 'edge-fw', '', [401, 'KEY_UNKNOWN']],
    ['sources/tc', 'idle', '', [403, 'SCOPE_MISSING']],
    ['sources/tcc', 'soar', '', [404, 'SOURCE_UNKNOWN']],
    ['exporters/darktrace', 'soar', '', exporter],
    ['exporters/cofense', 'root', '', []],
    ['exporters/cofense', 'soar', '', [403, 'SCOPE_MISSING']],
    ['exporters/x', 'root', '', [404, 'EXPORTER_UNKNOWN']],
    ['feeds/block-ip', 'soar', '', feed],
    ['feeds/block-ip', 'idle', '', [403, 'SCOPE_MISSING']],
    ['feeds/x', 'root', '', [404, 'FEED_UNKNOWN']],
    ['sources/tc', 'soar', '?days=0', [400, 'ARGUMENT_INVALID']],
    ['exporters/darktrace', 'soar', '?days=91', [400, 'ARGUMENT_INVALID']],
    ['feeds/block-ip', 'soar', '?days=1.5', [400, 'ARGUMENT_INVALID']],
    ['feeds/block-ip', 'soar', '?hours=1', [400, 'ARGUMENT_INVALID']],
  ]
  for (const [of, as, query, told] of cases)
    t.strictSame(await history(of, query, as), told, `${of}${query} as ${as}`)
  clock += 8 * 86_400_000
  t.same(await history('sources/tc'), [], 'seven days by default')
  t.same(await history('sources/tc', '?days=9'), source)
  t.same(await history('exporters/darktrace', '?days=9'), exporter)
})

t.test('the log is read page by page and by filters, by an admin alone', async (t) => {
  const { app, store } = await running(t)
  const note = (n: number, key: string | null, action: string) =>
    store.audit(
      { key, address: 'command', action, subject: null, status: null, requestId: null },
      new Date(`2026-03-${10 + n}T00:00:00Z`),
    )
  for (let n = 0; n < 7; n++)
    await note(n, n % 2 === 0 ? 'soar' : null, n % 3 === 0 ? 'push' : 'server.start')
  const walked: number[] = []
  let next: string | null = 'http://localhost/api/v1/audit?limit=3'
  for (let pages = 0; next !== null && pages < 5; pages++) {
    const answer = await ask(app, 'GET', next.replace('http://localhost', ''))
    const page = answer.json()
    t.equal(answer.headers.link, page.next === null ? undefined : `<${page.links.next}>; rel="next"`)
    walked.push(...page.data.map(({ id }: AuditEntry) => id))
    next = page.links.next?.replace('http://localhost:80', 'http://localhost') ?? null
  }
  t.same(walked, [7, 6, 5, 4, 3, 2, 1])
  const ids = async (query: string) => (await audited(app, query)).map(({ id }) => id)
  t.same(await ids('?action=push'), [7, 4, 1])
  t.same(await ids('?action=push,server.start&key=soar'), [7, 5, 3, 1])
  t.same(await ids('?since=2026-03-14T00:00:00%2B01:00'), [7, 6, 5])
  t.same(await ids('?since=2026-03-14T00:00:00Z&cursor=7&limit=1'), [6])
  t.same(await ids('?key=nobody'), [])
  t.same(await ids('?key=%00&action=%00'), [])
  for (const [query, detail] of [
    ['limit=0', 'limit'],
    ['cursor=x', 'cursor'],
    ['since=yesterday', 'since'],
    ['from=1', 'from'],
  ] as const) {
    const answer = await ask(app, 'GET', `/api/v1/audit?${query}`)
    t.equal(answer.statusCode, 400, query)
    t.match(answer.json().detail, detail)
  }
  for (const url of ['/api/v1/audit', '/api/v1/audit/verify', '/api/v1/keys']) {
    t.equal((await ask(app, 'GET', url, { as: 'soar' })).statusCode, 403, url)
  }
})
