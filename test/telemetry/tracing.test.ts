/** Traces: what they hold, what they never hold, and when there are any. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { startSimulators } from '../../src/simulation/demo.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { startTelemetry } from '../../src/telemetry/telemetry.ts'
import { remoteParent } from '../../src/telemetry/traceparent.ts'
import { tracingSettings } from '../../src/telemetry/tracing-settings.ts'
import { sourceEntry, storedApp } from '../app.ts'
import { freshDatabase } from '../store/database.ts'
import { fileOf, until, world } from './world.ts'

t.setTimeout(90_000)

interface Collected extends SpanExporter {
  readonly spans: ReadableSpan[]
}

function collecting(): Collected {
  const spans: ReadableSpan[] = []
  return {
    spans,
    export(some, done) {
      spans.push(...some)
      done({ code: 0 })
    },
    shutdown: async () => {},
  }
}

const traceId = '0af7651916cd43dd8448eb211c80319c'
const parentId = 'b7ad6b7169203331'

t.test(
  'each piece of work has its span, in the trace that it belongs to, and none holds an address or a value',
  async (t) => {
    const traces = collecting()
    const { app, schedule, stop, simulators } = await world(t, undefined, { traces })
    await schedule.start()
    const marker = 'marker-7f3a.example'
    const headers = { traceparent: `00-${traceId}-${parentId}-01`, 'x-request-id': 'request-of-mine' }
    await app.inject({ method: 'POST', url: '/api/v1/sources/tc/fetch?wait=30' })
    const pushed = await app.inject({
      method: 'POST',
      url: '/api/v1/push/darktrace?wait=30',
      payload: { indicators: [marker] },
    })
    t.equal(pushed.json().status, 'succeeded')
    const asked = await app.inject({
      url: `/api/v1/tc-get-indicators?limit=1&tql_query=${encodeURIComponent(`summary = "${marker}"`)}`,
      headers,
    })
    t.equal(asked.statusCode, 200)
    t.equal(asked.headers.traceparent, undefined, 'a trace is accepted, not answered')
    await app.inject({
      method: 'POST',
      url: '/api/v1/tc-get-owners',
      payload: {},
      headers: { traceparent: `00-${traceId}-${parentId}-00` },
    })
    await app.inject(`/nowhere/${marker}?value=${marker}`)
    await app.inject({ method: 'POST', url: '/api/v1/bridges/desk/poll?wait=30' })
    await until(
      'the poll has ended',
      async () => (await app.inject('/api/v1/bridges/desk')).json().lastPoll?.status !== 'running',
    )
    await stop()

    const { spans } = traces
    const named = (name: string) => spans.filter((span) => span.name === name)
    const [fetch] = named('fetch tc')
    t.match(fetch?.attributes, { 'feed_server.source': 'tc', 'feed_server.status': 'succeeded' })
    t.ok(Number(fetch?.attributes['feed_server.received']) > 1000)
    const under = (span: ReadableSpan | undefined) =>
      spans.filter(
        ({ parentSpanContext }) =>
          span !== undefined && parentSpanContext?.spanId === span.spanContext().spanId,
      )
    t.ok(
      under(fetch).some(({ name }) => name === 'GET threatconnect'),
      'requests of a fetch are in its trace',
    )
    const [batch] = named('batch darktrace')
    t.match(batch?.attributes, { 'feed_server.exporter': 'darktrace', 'feed_server.batch.size': 1 })
    t.match(under(batch)[0], { name: 'POST darktrace', attributes: { 'http.response.status_code': 200 } })
    t.ok(named('poll desk').length > 0)
    t.ok(under(named('poll desk')[0]).some(({ name }) => name === 'POST secureworks-ctp'))
    t.ok(named('effect desk').length > 0)

    const [request] = named('GET /api/v1/tc-get-indicators')
    t.match(request?.attributes, {
      'http.request.method': 'GET',
      'http.route': '/api/v1/tc-get-indicators',
      'http.response.status_code': 200,
      'feed_server.request_id': 'request-of-mine',
    })
    t.equal(request?.spanContext().traceId, traceId)
    t.equal(request?.parentSpanContext?.spanId, parentId)
    t.match(
      under(request)[0],
      { name: 'GET threatconnect' },
      'a live request and that to the vendor are one trace',
    )
    t.equal(named('POST /api/v1/tc-get-owners').length, 0, 'who does not sample is heeded')
    t.match(named('GET unknown')[0]?.attributes, { 'http.response.status_code': 404 })
    const push = named('POST /api/v1/push/:exporter')
    t.match(push[0]?.attributes, { 'http.response.status_code': 200 })

    const everything = JSON.stringify(
      spans.map(({ name, attributes, events, status, links }) => ({
        name,
        attributes,
        events,
        status,
        links,
      })),
    )
    for (const secret of [
      marker,
      simulators.darktrace.privateToken,
      simulators.threatconnect.secretKey,
      '/v3/',
      '?',
    ]) {
      t.notOk(everything.includes(secret), `no span holds ${secret}`)
    }
    t.match(spans[0]?.resource.attributes, {
      'service.name': 'indicator-feed-server',
      'service.version': '0.0.0',
    })
  },
)

t.test('no vendor is sent a header of a trace', async (t) => {
  const vendor = await startThreatConnectSimulator()
  t.teardown(() => vendor.close())
  const file = { sources: [sourceEntry(vendor.url)] }
  const { app } = await storedApp(t, file, undefined, undefined, { traces: collecting() })
  const headers = { traceparent: `00-${traceId}-${parentId}-01`, tracestate: 'a=b', baggage: 'c=d' }
  const { statusCode } = await app.inject({ url: '/api/v1/tc-get-indicators?limit=1', headers })
  t.equal(statusCode, 200)
  const names = vendor.requests.flatMap((request) => Object.keys(request.headers))
  t.ok(names.includes('authorization'))
  t.strictSame(
    names.filter((name) => /trace|baggage|b3/.test(name)),
    [],
  )
})

t.test('the variables of OpenTelemetry decide', (t) => {
  const endpoint = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:4318' }
  const isOn = (env: Record<string, string>) => !('off' in tracingSettings(env))
  const off: readonly Record<string, string>[] = [
    {},
    { OTEL_SDK_DISABLED: 'true', ...endpoint },
    { OTEL_TRACES_EXPORTER: 'none', ...endpoint },
    { OTEL_EXPORTER_OTLP_ENDPOINT: ' ' },
    { OTEL_SERVICE_NAME: 'x' },
  ]
  for (const env of off) t.strictSame(tracingSettings(env), { off: [] }, JSON.stringify(env))
  const on: readonly Record<string, string>[] = [
    endpoint,
    { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'https://collector.example/v1/traces' },
    { OTEL_TRACES_EXPORTER: 'otlp' },
    { OTEL_SDK_DISABLED: 'false', ...endpoint },
    { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/protobuf', ...endpoint },
  ]
  for (const env of on) t.ok(isOn(env), JSON.stringify(env))
  const refused: readonly (readonly [Record<string, string>, RegExp])[] = [
    [
      { OTEL_TRACES_EXPORTER: 'zipkin', ...endpoint },
      /OTEL_TRACES_EXPORTER takes otlp or none; received "zipkin"/,
    ],
    [
      { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector:4317' },
      /OTEL_EXPORTER_OTLP_ENDPOINT takes an http or https URL/,
    ],
    [
      { OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc', ...endpoint },
      /OTEL_EXPORTER_OTLP_PROTOCOL takes http\/protobuf alone/,
    ],
  ]
  for (const [env, words] of refused) t.match(tracingSettings(env), { off: [words] })
  t.strictSame(
    tracingSettings({
      ...endpoint,
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0.25',
      OTEL_BSP_SCHEDULE_DELAY: '100',
      OTEL_BSP_MAX_QUEUE_SIZE: '10',
    }),
    {
      sampler: 'parentbased_traceidratio',
      ratio: 0.25,
      batch: { scheduledDelayMillis: 100, maxQueueSize: 10 },
      warnings: [],
    },
  )
  const wrong = tracingSettings({
    ...endpoint,
    OTEL_TRACES_SAMPLER: 'sometimes',
    OTEL_TRACES_SAMPLER_ARG: '2',
    OTEL_BSP_SCHEDULE_DELAY: '-1',
    OTEL_RESOURCE_ATTRIBUTES: 'a=b,c',
  })
  t.match(wrong, { sampler: 'parentbased_always_on', ratio: 1, batch: {} })
  t.match('warnings' in wrong ? wrong.warnings : [], [
    /OTEL_TRACES_SAMPLER takes always_on, .*received "sometimes"/,
    /OTEL_BSP_SCHEDULE_DELAY takes a whole number/,
    /OTEL_TRACES_SAMPLER_ARG takes a number from 0 to 1; received "2"/,
    /OTEL_RESOURCE_ATTRIBUTES takes key=value pairs/,
  ])
  t.end()
})

t.test('a trace is joined where its header is valid, and begun anew where it is not', (t) => {
  t.strictSame(remoteParent(`00-${traceId}-${parentId}-01`), {
    traceId,
    spanId: parentId,
    traceFlags: 1,
    isRemote: true,
  })
  t.equal(remoteParent(`00-${traceId}-${parentId}-fe`)?.traceFlags, 0)
  t.equal(remoteParent(`cc-${traceId}-${parentId}-01-what-comes-later`)?.traceFlags, 1)
  for (const header of [
    undefined,
    '',
    'x',
    `00-${traceId}-${parentId}`,
    `00-${traceId}-${parentId}-01-more`,
    `ff-${traceId}-${parentId}-01`,
    `00-${'0'.repeat(32)}-${parentId}-01`,
    `00-${traceId}-${'0'.repeat(16)}-01`,
    `00-${traceId.toUpperCase()}-${parentId}-01`,
    [`00-${traceId}-${parentId}-01`],
  ]) {
    t.equal(remoteParent(header), undefined, String(header))
  }
  t.end()
})

t.test(
  'who does not ask for traces loads nothing of them, and a failing collector is told of once',
  async (t) => {
    const lines: string[] = []
    const log = pino({ level: 'info' }, { write: (line: string) => lines.push(line) })
    const off = await startTelemetry({ env: {}, log, version: '1', now: Date.now })
    t.equal(off.watch.around, undefined)
    t.equal(lines.length, 0)
    const failing: SpanExporter = {
      export: (_, done) => done({ code: 1, error: new Error('nobody there') }),
      shutdown: async () => {},
    }
    const env = { OTEL_TRACES_EXPORTER: 'otlp', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '1' }
    const on = await startTelemetry({ env, log, version: '1', now: Date.now, exporter: failing })
    for (let n = 0; n < 5; n++) {
      t.equal(await on.watch.around?.({ kind: 'poll', name: 'x' }, async () => n), n)
    }
    const boom = new Error('boom')
    await t.rejects(
      on.watch.around?.({ kind: 'poll', name: 'x' }, () => Promise.reject(boom)) ?? Promise.resolve(),
      boom,
    )
    await on.stop()
    t.equal(lines.filter((line) => line.includes('traces could not be sent')).length, 1)
    t.ok(createMetrics({ version: '1', now: Date.now }).watch.around === undefined)
  },
)

/** A collector of traces. */
async function collector(t: Test) {
  const got: { readonly url: string | undefined; readonly headers: object; readonly body: string }[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    got.push({ url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString('latin1') })
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got }
}

t.test(
  'a server under the standard variables sends its traces by OTLP, the last of them while it stops',
  async (t) => {
    const { url, got } = await collector(t)
    const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
    t.teardown(() => simulators.close())
    const { url: database } = await freshDatabase(t)
    const folder = mkdtempSync(join(tmpdir(), 'traces-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    const file = { ...fileOf(simulators), server: { port: 0 }, store: { url: database } }
    writeFileSync(join(folder, 'config.yaml'), JSON.stringify(file))
    const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')
    const child = spawn(process.execPath, [main, 'serve', '--config', join(folder, 'config.yaml')], {
      env: {
        PATH: process.env.PATH,
        OTEL_EXPORTER_OTLP_ENDPOINT: url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=of-mine',
        OTEL_SERVICE_NAME: 'feeds-of-mine',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=trial',
        // Only what a stop sends is sent.
        OTEL_BSP_SCHEDULE_DELAY: '600000',
        OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '2000',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => {
      child.kill('SIGKILL')
    })
    const ended = once(child, 'exit')
    let base = ''
    let log = ''
    for await (const line of createInterface(child.stdout)) {
      log += `${line}\n`
      base = /listening on (http:[^"]+)/.exec(line)?.[1] ?? base
      if (base !== '') break
    }
    child.stdout.resume()
    await fetch(`${base}/livez`)
    await fetch(`${base}/api/v1/sources/tc/fetch?wait=30`, { method: 'POST' })
    child.kill('SIGTERM')
    await ended
    t.ok(got.length > 0, `traces arrived; ${log.slice(0, 500)}`)
    t.match(got[0], {
      url: '/v1/traces',
      headers: { 'x-tenant': 'of-mine', 'content-type': 'application/x-protobuf' },
    })
    const bodies = got.map(({ body }) => body).join()
    for (const words of ['feeds-of-mine', 'trial', 'GET /livez', 'fetch tc', 'service.instance.id']) {
      t.ok(bodies.includes(words), words)
    }
  },
)
