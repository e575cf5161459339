/** `/metrics`: what a whole server tells, in a form that is right to the letter. */
import { spawnSync } from 'node:child_process'
import { pino } from 'pino'
import t from 'tap'
import { UpstreamError } from '../../src/errors.ts'
import { metricTable } from '../../src/telemetry/metric-table.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { guarded, telemetryOf } from '../../src/telemetry/telemetry.ts'
import { appWith } from '../app.ts'
import { readExposition, sampleOf } from './exposition.ts'
import { until, world } from './world.ts'

t.setTimeout(60_000)

/** Prometheus's own tool, where it is installed. */
const promtool = spawnSync('promtool', ['--version']).status === 0

t.test('a whole server tells what it did, what it keeps and how it goes with its vendors', async (t) => {
  const { app, schedule, store } = await world(t)
  await schedule.start()
  const post = async (url: string, payload?: object) => {
    const answer = await app.inject({ method: 'POST', url, ...(payload && { payload }) })
    t.ok(answer.statusCode < 300, `${url}: ${answer.statusCode} ${answer.body.slice(0, 200)}`)
    return answer
  }
  await post('/api/v1/sources/tc/fetch?wait=30')
  await post('/api/v1/push/darktrace?wait=30', { indicators: ['203.0.113.7', 'evil.example', 'a@b.example'] })
  await post('/api/v1/bridges/desk/poll?wait=30')
  for (const url of [
    '/feeds/block-ip.txt',
    '/feeds/block-ip?profile=panos-ip&sp=1',
    '/feeds/block-ip.png',
    '/feeds/nothing.txt',
    '/taxii2/feeds/collections/all/objects/',
    '/nowhere/203.0.113.7?x=1',
  ]) {
    await app.inject({ url, headers: { accept: '*/*' } })
  }
  await store.sampleSources(new Date())
  await until('a poll was counted', async () => {
    const { body } = await app.inject('/metrics')
    return sampleOf(readExposition(body), 'feed_server_bridge_polls_total', { result: 'succeeded' }) !== 0
  })

  const { body, headers } = await app.inject('/metrics')
  t.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  const read = readExposition(body)
  t.strictSame(read.faults, [])
  const value = (name: string, labels: Record<string, string> = {}) =>
    sampleOf(read, `feed_server_${name}`, labels)

  const { data: runs } = (await app.inject('/api/v1/sources/tc/runs')).json()
  const [run] = runs
  t.equal(value('source_runs_total', { source: 'tc', result: 'succeeded' }), runs.length)
  t.equal(value('source_runs_total', { source: 'tc', result: 'failed' }), 0)
  t.equal(value('source_last_success_timestamp_seconds', { source: 'tc' }), Date.parse(run.endedAt) / 1000)
  t.equal(value('source_interval_seconds', { source: 'tc' }), 4 * 3600)
  const sumOf = (name: string, labels: Record<string, string> = {}) =>
    read.samples
      .filter((sample) => sample.name === `feed_server_${name}`)
      .filter((sample) => Object.entries(labels).every(([key, word]) => sample.labels[key] === word))
      .reduce((sum, sample) => sum + sample.value, 0)
  const totals = (member: string) =>
    runs.reduce((sum: number, each: Record<string, number>) => sum + (each[member] ?? 0), 0)
  t.equal(value('source_records_total', { source: 'tc' }), totals('received'))
  t.equal(sumOf('source_rejected_total'), totals('excluded') + totals('unreadableCount'))
  t.equal(value('source_rejected_total', { reason: 'other' }), 0, 'each reason has its class')
  t.ok(totals('unreadableCount') > 0, 'and there were some')
  t.equal(value('source_run_duration_seconds_count', { source: 'tc' }), runs.length)
  t.ok(sumOf('source_indicators', { source: 'tc', state: 'active' }) > 1000)
  t.ok(Math.abs(value('clock_skew_seconds', { source: 'tc' }) ?? 99) < 30)

  t.equal(value('export_items_total', { target: 'darktrace', outcome: 'accepted' }), 2)
  t.equal(value('export_queue_items', { target: 'darktrace', state: 'accepted' }), 2)
  t.equal(value('export_queue_items', { target: 'darktrace', state: 'pending' }), 0)
  t.equal(value('export_entries', { target: 'darktrace' }), 2)
  t.equal(value('export_oldest_pending_seconds', { target: 'darktrace' }), 0)
  t.equal(value('export_circuit_state', { target: 'darktrace', state: 'closed' }), 1)
  t.equal(value('export_circuit_state', { target: 'darktrace', state: 'paused' }), 0)

  t.ok(sumOf('upstream_request_duration_seconds_count', { connector: 'tc', outcome: 'success' }) >= 3)
  t.ok(sumOf('upstream_request_duration_seconds_count', { service: 'darktrace', outcome: 'success' }) >= 1)

  t.equal(value('feed_requests_total', { feed: 'block-ip', format: 'txt', status: '200' }), 1)
  t.equal(value('feed_requests_total', { feed: 'block-ip', format: 'panos-ip', status: '200' }), 1)
  t.equal(value('feed_requests_total', { feed: 'block-ip', format: 'none', status: '400' }), 1)
  t.equal(sumOf('feed_requests_total', { format: 'taxii' }), 1)
  t.equal(value('feed_requests_total', { feed: 'all', status: '401' }), 0, 'what is rare is told from 0 on')
  t.equal(sumOf('feed_requests_total'), 4, 'what is no feed of ours is none of the labels')
  t.ok((value('feed_entries', { feed: 'block-ip' }) ?? 0) > 100)
  t.equal(value('feed_held', { feed: 'block-ip' }), 0)
  const age = value('feed_snapshot_age_seconds', { feed: 'block-ip' }) ?? -1
  t.ok(age >= 0 && age < 60, `the age of the list: ${age}`)

  t.ok((value('bridge_polls_total', { bridge: 'desk', result: 'succeeded' }) ?? 0) >= 1)
  t.ok(sumOf('bridge_tickets_received_total', { outcome: 'stored' }) > 0)
  t.ok(sumOf('bridge_tickets', { bridge: 'desk' }) > 0)
  t.ok(sumOf('bridge_effects', { bridge: 'desk', state: 'done' }) > 0)
  t.ok(sumOf('bridge_effects_settled_total', { bridge: 'desk', state: 'done' }) > 0)
  t.equal(value('bridge_circuit_state', { bridge: 'desk', side: 'sink', state: 'closed' }), 1)
  t.equal(value('bridge_poll_interval_seconds', { bridge: 'desk' }), 600)
  t.ok((value('bridge_last_poll_timestamp_seconds', { bridge: 'desk' }) ?? 0) > 1e9)

  t.equal(value('store_up'), 1)
  t.equal(value('http_requests_total', { route: '/feeds/:file', status: '400' }), 1)
  t.equal(value('http_requests_total', { route: 'unknown', status: '404' }), 1)
  t.equal(
    value('http_request_duration_seconds_count', { route: '/api/v1/push/:exporter', method: 'POST' }),
    1,
  )
  t.notMatch(body, /203\.0\.113\.7|evil\.example|nowhere/, 'no address and no value is in it')
  const written = [...read.types.keys()].filter((name) => name.startsWith('feed_server_'))
  t.strictSame(
    written,
    Object.values(metricTable).map(({ name }) => name),
    'and there is no metric but those of the table',
  )

  if (promtool) {
    const { status, stderr, stdout } = spawnSync('promtool', ['check', 'metrics'], { input: body })
    t.equal(status, 0, `promtool: ${stderr}${stdout}`)
  }
})

t.test(
  'while the store does not answer, what the process counts is told, and what is stored is not',
  async (t) => {
    const held = Promise.withResolvers<never>()
    let asked = 0
    const never = () => {
      asked++
      return held.promise
    }
    const store = {
      fetchTimes: never,
      sourceCounts: never,
      exporterStates: never,
      feedStates: never,
      bridgeStates: never,
    }
    const metrics = createMetrics({ version: '1.2.3', store, storeMs: 20, now: Date.now })
    metrics.measure({ sources: [{ name: 'tc', everyMs: null }], exporters: ['d'], feeds: [], bridges: [] })
    const texts = await Promise.all([metrics.scrape(false), metrics.scrape(false)])
    for (const text of texts) {
      const read = readExposition(text)
      t.strictSame(read.faults, [])
      t.equal(sampleOf(read, 'feed_server_store_up'), 0)
      t.equal(sampleOf(read, 'feed_server_source_runs_total', { result: 'partial' }), 0)
      t.equal(sampleOf(read, 'feed_server_export_circuit_state', { state: 'closed' }), undefined)
    }
    t.equal(asked, 5, 'a store that hangs is asked once, however many look')
    held.reject(new Error('gone'))
    t.equal(sampleOf(readExposition(await metrics.scrape(false)), 'feed_server_store_up'), 0)
  },
)

t.test('labels take what a configuration can hold, and counters do not move by scrapes', async (t) => {
  const metrics = createMetrics({ version: '1.2.3', now: Date.now })
  const odd = 'a"b\\c\nd,e="f"}'
  metrics.measure({ sources: [{ name: odd, everyMs: 60_000 }], exporters: [], feeds: [], bridges: [] })
  metrics.watch.recordsRejected?.(odd, { excluded: 2, unreadable: [{ remoteId: '1', reason: 'Host: no' }] })
  const seen = { service: 'threatconnect', method: 'GET', ms: 1500 } as const
  metrics.upstreamAnswered(odd, { ...seen, status: 200, skewMs: -2500, remaining: 7 })
  metrics.upstreamAnswered(odd, {
    ...seen,
    failure: new UpstreamError('timeout', 'x', { service: 'y' }).kind,
  })
  metrics.upstreamAnswered(odd, { ...seen, ms: -5, failure: 'aborted' })
  for (const open of [false, true, false]) {
    const read = readExposition(open ? plain(await metrics.scrape(open)) : await metrics.scrape(open))
    t.strictSame(read.faults, [])
    t.equal(sampleOf(read, 'feed_server_source_rejected_total', { source: odd, reason: 'excluded' }), 2)
    t.equal(sampleOf(read, 'feed_server_source_rejected_total', { source: odd, reason: 'invalid_value' }), 1)
    t.equal(sampleOf(read, 'feed_server_clock_skew_seconds', { source: odd }), -2.5)
    t.equal(sampleOf(read, 'feed_server_upstream_rate_limit_remaining', { connector: odd }), 7)
    for (const outcome of ['success', 'timeout', 'aborted']) {
      const name = 'feed_server_upstream_request_duration_seconds_count'
      t.equal(sampleOf(read, name, { connector: odd, outcome }), 1, outcome)
    }
  }
})

/** OpenMetrics as the older format would have it. */
function plain(text: string): string {
  if (!text.endsWith('\n# EOF\n')) throw new Error('no end')
  const counters = [...text.matchAll(/^# TYPE (\S+) counter$/gm)].map(([, name = '']) => name)
  if (counters.length === 0 || counters.some((name) => name.endsWith('_total')))
    throw new Error('families end in _total')
  const lines = text.replace(/# EOF\n$/, '').split('\n')
  return lines
    .map((line) =>
      line.replace(/^(# \w+ )(\S+)/, (all, head, name) =>
        counters.includes(name) ? `${head}${name}_total` : all,
      ),
    )
    .join('\n')
}

t.test(
  'Prometheus gets OpenMetrics where it prefers that, and only a key for metrics gets any',
  async (t) => {
    const secret = 'a-secret-of-metrics-and-nothing-else'
    const key = { id: 'prometheus', secret, scopes: ['metrics:read'] }
    const app = await appWith({
      auth: { keys: [key, { ...key, id: 'soar', secret: `${secret}2`, scopes: ['feeds:read'] }] },
    })
    t.teardown(() => app.close())
    const get = (accept: string, bearer = secret) =>
      app.inject({ url: '/metrics', headers: { accept, authorization: `Bearer ${bearer}` } })
    const real =
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
    const open = await get(real)
    t.equal(open.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    t.strictSame(readExposition(plain(open.body)).faults, [])
    for (const accept of [
      '*/*',
      'text/plain',
      'text/html,application/json',
      'application/openmetrics-text;q=0.1,text/plain',
    ]) {
      t.equal((await get(accept)).headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8', accept)
    }
    t.equal((await get('*/*', `${secret}2`)).statusCode, 403)
    t.equal((await app.inject('/metrics')).statusCode, 401)
    const read = readExposition((await get('*/*')).body)
    t.equal(sampleOf(read, 'feed_server_http_requests_total', { route: '/metrics', status: '401' }), 1)
  },
)

t.test('the metrics of the process are told, those with names of counters left out', async (t) => {
  const metrics = createMetrics({ version: '1.2.3', now: Date.now, ofProcess: true })
  const read = readExposition(await metrics.scrape(false))
  t.strictSame(read.faults, [])
  for (const name of [
    'process_cpu_seconds_total',
    'process_resident_memory_bytes',
    'nodejs_eventloop_lag_p99_seconds',
  ]) {
    t.ok(sampleOf(read, name) !== undefined, name)
  }
})

t.test('what is no exposition is found', (t) => {
  const faulty: readonly (readonly [string, RegExp])[] = [
    ['# HELP a_total x\n# TYPE a_total counter\na_total 1\na_total 1\n', /twice/],
    ['# HELP a x\n# TYPE a counter\na 1\n', /_total/],
    ['# HELP a_total x\n# TYPE a_total gauge\na_total 1\n', /_total/],
    ['# TYPE a gauge\na 1\n', /no HELP/],
    ['a 1\n', /no TYPE/],
    ['# HELP a x\n# TYPE a gauge\na{b="c"d"} 1\n', /not labels/],
    ['# HELP a x\n# TYPE a gauge\na{b="c",b="d"} 1\n', /stands twice/],
    ['# HELP a x\n# TYPE a gauge\na 1e\n', /no sample/],
    ['# HELP a x\n# HELP a y\n# TYPE a gauge\na 1\n', /two lines/],
    ['# HELP a_ms x\n# TYPE a_ms gauge\na_ms 1\n', /base unit/],
    [
      '# HELP a x\n# TYPE a histogram\na_bucket{le="1"} 2\na_bucket{le="+Inf"} 1\na_sum 1\na_count 1\n',
      /no histogram/,
    ],
    ['# HELP a x\n# TYPE a gauge\na 1', /does not end/],
  ]
  for (const [text, fault] of faulty) t.match(readExposition(text).faults.join('; '), fault, text)
  t.end()
})

t.test('a count that fails spoils no work, and is told by the log', (t) => {
  const lines: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const telemetry = telemetryOf(createMetrics({ version: '0.0.0', now: Date.now }))
  const broken = () => {
    throw new Error('no counter')
  }
  const { watch } = guarded({ ...telemetry, watch: { ...telemetry.watch, itemsSettled: broken } }, log)
  watch.itemsSettled?.('darktrace', 'accepted', 1)
  t.equal(lines.length, 1)
  t.match(lines[0], /something was not counted.*no counter|no counter.*something was not counted/)
  t.end()
})
