/**
 * What the log may hold at level info and above: names, counts, codes and our own sentences; no value of an indicator, no
 * content of a ticket, no query, whatever comes of them, and whatever the products say of them.
 */
import { PassThrough } from 'node:stream'
import t, { type Test } from 'tap'
import { createLog } from '../../src/cli/log.ts'
import { ServiceError, UpstreamError } from '../../src/errors.ts'
import { startDarktraceSimulator } from '../../src/exporters/darktrace/simulator/index.ts'
import { describeError } from '../../src/http/describe-error.ts'
import type { Fault } from '../../src/simulation/faults.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry, storedApp } from '../app.ts'
import { bareDesk, bareSink, deskSide, entryOf, incident, json, sinkSide } from '../tickets/bare-world.ts'
import { until } from './world.ts'

t.setTimeout(300_000)

/** Stands in every value, every query and every text of a ticket. */
const marker = 'zqmarker7'
const host = `${marker}.example`
const url = `https://${marker}.example/${marker}?${marker}`

async function logging(level: string) {
  const lines: string[] = []
  const stream = new PassThrough()
  stream.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n').filter(Boolean)))
  return { log: await createLog({ level, secrets: [], stream }), lines }
}

const ticket = {
  ...{ ticketId: 'IN1', version: 'v1', ticketType: 'INCIDENT', groupingType: 'SECURITY', status: 'Pending' },
  ...{
    priority: marker,
    dateCreated: 1538649244000,
    symptomDescription: marker,
    detailedDescription: marker,
  },
  worklogs: [{ dateCreated: 1539591207000, description: `${marker} was seen` }],
}
const words = {
  success: false,
  title: marker,
  message: `no such value: ${marker}`,
  hints: [marker],
  error: marker,
}
const repeated = (status: number): Fault => ({
  kind: 'status',
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ ...words, status: 'Failure', errors: [{ message: marker }] }),
})
/** All that a product may make of what it is sent. */
const faults: readonly Fault[] = [
  ...[400, 401, 403, 404, 500, 200].map(repeated),
  { kind: 'status', status: 502, headers: { 'content-type': 'text/plain' }, body: `${marker} failed` },
  { kind: 'html', body: `<html><title>${marker}</title>${marker}</html>` },
  {
    kind: 'status',
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml?><a>${marker}</a>`,
  },
  {
    kind: 'status',
    status: 200,
    headers: { 'content-type': 'application/json' },
    body: `{"${marker}": ${marker}}`,
  },
]

async function telltale(t: Test, level: string) {
  const { log, lines } = await logging(level)
  const owner = 'Example Organization'
  const threatConnect = await startThreatConnectSimulator({
    indicators: [
      { type: 'Host', summary: host, owner },
      { type: 'URL', summary: url, owner },
      { type: 'Host', summary: `not a host ${marker}`, owner },
      { type: 'Host', summary: `excluded.${host}`, owner },
    ],
  })
  const darktrace = await startDarktraceSimulator({})
  for (const each of [threatConnect, darktrace]) t.teardown(() => each.close())
  let handed = 0
  const desk = await deskSide(t, {
    ...bareDesk([ticket]),
    updates: () =>
      json({ tickets: [{ ...ticket, version: `v${handed}`, priority: `${marker} ${handed++ >> 1}` }] }),
  })
  let asked = 0
  const sink = await sinkSide(
    t,
    bareSink({
      create: () => (asked++ % 2 === 0 ? json(words, 400) : json(incident({ id: 3000 + asked }))),
      note: () => json(words, 422),
    }),
  )
  const retry = { attempts: 2, initial: '10ms', max: '20ms' }
  const app = await storedApp(
    t,
    {
      server: { requestsPerMinute: 0 },
      sources: [sourceEntry(threatConnect.url, { every: 'off', retry, timeout: '2s' })],
      exclusions: [`excluded.${host}`],
      feeds: [{ name: 'all', shrinkGuard: 'off' }],
      exporters: [
        {
          name: 'darktrace',
          kind: 'darktrace',
          retry,
          timeout: '2s',
          settings: { host: darktrace.url, ...darktrace.tokens },
        },
      ],
      bridges: [entryOf('desk', { desk: {}, rules: { retry } }, { desk, sink })],
    },
    log,
    undefined,
    { settleMs: [30] },
  )
  await app.schedule.start()
  return { ...app, lines, servers: [threatConnect, darktrace, desk.server, sink.server] }
}

type Telltale = Awaited<ReturnType<typeof telltale>>

const query = encodeURIComponent(`summary = "${marker}"`)

const reads: readonly string[] = [
  `/api/v1/indicators?value=${host}&limit=1`,
  `/api/v1/indicators/lookup?value=${host}`,
  `/api/v1/indicators/lookup?value=nothing.${host}`,
  `/api/v1/indicators/${host}`,
  `/api/v1/indicators/${host}/why`,
  `/api/v1/indicators?${marker}=1`,
  `/api/v1/changes?since=${marker}`,
  `/feeds/all.txt?${marker}`,
  `/feeds/all.json?type=${marker}`,
  `/feeds/${host}.txt`,
  `/feeds/all/${marker}.json`,
  `/taxii2/feeds/collections/all/objects/?match[id]=${marker}`,
  `/taxii2/feeds/collections/${marker}/objects/${marker}/`,
  `/api/v1/feeds/all/report?q=${marker}`,
  `/api/v1/tickets/desk/${marker}`,
  `/api/v1/exports/${marker}`,
  `/api/v1/sources/${marker}`,
  `/nowhere/${host}/${marker}?${marker}`,
  `/api/v1/${marker}`,
  `/%E0%A4%A/${marker}`,
  `/api/v1/tc-get-indicators?limit=2&tql_query=${query}`,
]

async function everything({ app }: Telltale): Promise<void> {
  const post = (path: string, payload: object = {}) => app.inject({ method: 'POST', url: path, payload })
  await post('/api/v1/exporters/darktrace/resume')
  await post('/api/v1/bridges/desk/resume')
  const indicators = [host, url, `no value ${marker}`, { type: 'domain', value: host, description: marker }]
  await post('/api/v1/push/darktrace', { indicators })
  await post('/api/v1/push/darktrace', { indicators: [{ type: 'domain', value: marker, [marker]: marker }] })
  await post('/api/v1/push/darktrace', { indicators, dryRun: true })
  await post('/api/v1/bridges/desk/poll?wait=1')
  for (const path of reads) await app.inject(path)
  await post('/api/v1/tc-get-indicators', { tql_query: `summary = "${marker}` })
  await post('/api/v1/push/darktrace', { indicators, action: 'remove' })
  await post('/api/v1/bridges/desk/hook', { incidentId: 3001 })
  await post('/api/v1/bridges/desk/templates/preview', {
    ...{ template: 'escalate', source: { name: marker }, ticket },
  })
  await post('/api/v1/tickets/desk/IN1/resync')
  await post('/api/v1/sources/tc/fetch?wait=20')
}

t.test(
  'at info no value, no content of a ticket and no query gets into the log, whatever the products say',
  async (t) => {
    const world = await telltale(t, 'info')
    await everything(world)
    const { app, lines } = world
    t.equal((await app.inject(`/api/v1/indicators/lookup?value=${host}`)).statusCode, 200, 'it is stored')
    for (const [n, fault] of faults.entries()) {
      // Each of them several times, so that nothing goes through by a repetition.
      for (const server of world.servers) server.fail(fault, { times: n % 2 === 0 ? 3 : 50 })
      await everything(world)
      for (const server of world.servers) server.clearFaults()
    }
    await app.inject('/feeds/all.ndjson')
    await until('a request is told', async () => lines.some((line) => line.includes('/feeds/all.ndjson')))
    await world.stop()
    t.ok(lines.length > 15 * reads.length, `${lines.length} lines`)
    for (const words of [
      'fetch succeeded',
      'fetch failed',
      'an effect failed for good',
      'deliveries were settled',
      'poll failed',
      'the exporter is paused',
      '(no route)',
      '/api/v1/indicators/:id/why',
    ]) {
      t.ok(
        lines.some((line) => line.includes(words)),
        `it was told: ${words}`,
      )
    }
    t.strictSame(
      lines
        .filter((line) => line.includes(marker))
        .map((line) => line.slice(0, 600))
        .slice(0, 8),
      [],
    )
    const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request answered')
    t.ok(requests.length > reads.length)
    for (const { requestId } of requests)
      if (typeof requestId !== 'string' || requestId === '') t.fail('a request without its id')
  },
)

t.test('at debug the address of a request is told whole', async (t) => {
  const { app, lines, stop } = await telltale(t, 'debug')
  await app.inject(`/nowhere/${marker}?secret`)
  await app.inject({ url: `/api/v1/indicators/${marker}`, headers: { 'x-request-id': 'mine' } })
  await stop()
  const told = lines.filter((line) => line.includes(marker))
  t.ok(told.some((line) => line.includes(`/nowhere/${marker}"`)))
  t.ok(
    told.some(
      (line) => line.includes(`/api/v1/indicators/${marker}"`) && line.includes('"requestId":"mine"'),
    ),
  )
})

t.test('of an error the log has our own words, its codes and where it happened', (t) => {
  const upstream = new UpstreamError('rejected', `Darktrace refused "${marker}" (400): ${marker}: more`, {
    service: 'darktrace',
    status: 400,
  })
  t.equal(upstream.sentence, 'Darktrace refused "…" (400)')
  const way =
    'no connection to threatconnect (x.example): its certificate is self-signed: put it into `tls.caFile`'
  t.equal(
    new UpstreamError('unavailable', way, { service: 'x' }).sentence,
    way,
    'what we say of the way is whole',
  )
  const database = Object.assign(new Error(`invalid input syntax for type inet: "${marker}"`), {
    code: '22P02',
    detail: marker,
    where: marker,
    parameters: [marker],
  })
  let parsing: unknown
  try {
    JSON.parse(`{"a": ${marker}}`)
  } catch (error) {
    parsing = error
  }
  const errors: readonly unknown[] = [
    upstream,
    database,
    parsing,
    new ServiceError('STORE_UNAVAILABLE', 'the store is away', { cause: database }),
    new Error('a fault', { cause: upstream }),
    marker,
    { [marker]: marker },
  ]
  for (const error of errors) t.notMatch(JSON.stringify(describeError(error)), marker)
  t.match(describeError(database), { code: '22P02', message: 'invalid input syntax for type inet: "…"' })
  t.match(describeError(new Error('a fault')), {
    type: 'Error',
    message: 'a fault',
    stack: /^at .*log\.test/,
  })
  t.match(describeError(upstream), { kind: 'rejected', service: 'darktrace', status: 400 })
  t.end()
})
