/** The webhook sink against a receiver of a few lines. */
import { createHash, createHmac } from 'node:crypto'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { UpstreamError } from '../../../src/errors.ts'
import { markedNotes, type Ticket } from '../../../src/model/ticket.ts'
import type { Answer } from '../../../src/simulation/faults.ts'
import { type RecordedRequest, startSimulator } from '../../../src/simulation/simulator.ts'
import { IncidentGone } from '../../../src/tickets/incident-sink.ts'
import { webhook } from '../../../src/tickets/webhook/index.ts'
import { createHttpClient } from '../../../src/upstream/got-client.ts'

const now = Date.parse('2026-03-10T12:00:00Z')
const secretPath = '/hooks/t0ps3cret?key=alsosecret'

async function receiver(t: Test, handle: (request: RecordedRequest) => Answer) {
  const server = await startSimulator({ handle })
  t.teardown(() => server.close())
  const log = pino({ level: 'silent' })
  const sink = webhook.create(
    { url: `${server.url}${secretPath}`, secret: 'shared-secret', headers: { 'X-Tenant': 'tenant-secret' } },
    {
      name: 'ctp',
      log,
      now: () => now,
      readFile: () => '',
      commentPrefix: '',
      connect(baseUrl) {
        const client = createHttpClient({
          ...{ service: 'webhook', baseUrl, timeoutMs: 5000, proxy: 'none', userAgent: 'test' },
          ...{ tls: { insecure: false }, log, now: Date.now },
        })
        t.teardown(() => client.close())
        return client
      },
    },
  )
  return { sink, server }
}

const [note] = markedNotes('IN1', [
  {
    createdAt: 1_586_870_300_000,
    type: 'SOC Note',
    createdBy: 'Jane',
    text: 'Blocked <10.0.0.5> & "more"\u0000',
  },
])
const ticket: Ticket = {
  id: 'IN1',
  status: 'Closed',
  closed: true,
  closingReason: 'True Positive',
  notes: note === undefined ? [] : [note],
  attachments: [],
  oddities: [],
  raw: { ticketId: 'IN1', status: 'Closed', symptomDescription: 'a\u2028b' },
}

const call = { idempotencyKey: '42', signal: new AbortController().signal }
const created = {
  status: 201,
  headers: { 'content-type': 'application/json' },
  body: '{"id":4711,"url":"https://s.example/4711"}',
}

t.test('every effect is one post, signed over exactly its bytes, with the key of its effect', async (t) => {
  const { sink, server } = await receiver(t, () => created)
  const made = await sink.create(ticket, call)
  t.same(made.incident, { id: '4711', url: 'https://s.example/4711', status: 'open' })
  await sink.update('4711', ticket, {}, call)
  await sink.close('4711', ticket, {}, call)
  await sink.reopen('4711', ticket, {}, call)
  if (note !== undefined) await sink.addNote('4711', ticket, { marker: note.marker, note }, call)
  await sink.addNote('4711', ticket, { marker: 'aaaaaaaaaaaa', text: 'not copied' }, call)
  const content = Buffer.from([0, 1, 2, 255])
  await sink.addFile('4711', ticket, { attachment: { id: '9' }, name: 'a.bin', content }, call)
  const events = server.requests.map(({ method, url, headers, body }) => {
    const [, seconds, digest] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(String(headers['x-signature'])) ?? []
    t.equal(digest, createHmac('sha256', 'shared-secret').update(`${seconds}.${body}`).digest('hex'))
    t.match(headers, {
      'idempotency-key': '42',
      'x-tenant': 'tenant-secret',
      'content-type': 'application/json',
    })
    t.same([method, url, seconds], ['POST', secretPath, String(now / 1000)])
    return JSON.parse(body)
  })
  t.same(
    events.map(({ event, incidentId }) => [event, incidentId]),
    [
      ['ticket.created', null],
      ['ticket.updated', '4711'],
      ['ticket.closed', '4711'],
      ['ticket.reopened', '4711'],
      ['ticket.note', '4711'],
      ['ticket.note', '4711'],
      ['ticket.attachment', '4711'],
    ],
  )
  t.match(events[2], {
    bridge: 'ctp',
    ticketId: 'IN1',
    closed: true,
    closingReason: 'True Positive',
    ticket: ticket.raw,
  })
  t.match(events[4].note, {
    text: note?.text,
    createdAt: '2020-04-14T13:18:20.000Z',
    type: 'SOC Note',
    createdBy: 'Jane',
  })
  t.same(events[5].note, { marker: 'aaaaaaaaaaaa', text: 'not copied', createdAt: null })
  t.same(events[6].attachment, {
    id: '9',
    name: 'a.bin',
    size: 4,
    sha256: createHash('sha256').update(content).digest('hex'),
    contentBase64: 'AAEC/w==',
  })
})

t.test('a receiver that names nothing goes by the id of the ticket', async (t) => {
  const bodies = ['', 'ok', '[]', '{"id":{}}', '{"id":"","url":"javascript:alert(1)"}', '{"id":1.5}']
  for (const body of bodies) {
    const { sink } = await receiver(t, () => ({ status: 200, body }))
    t.same((await sink.create(ticket, call)).incident, { id: 'IN1', url: null, status: 'open' }, body)
  }
})

t.test('what a receiver refuses is told in its words, without any secret', async (t) => {
  const cases: readonly (readonly [status: number, kind: string])[] = [
    [400, 'rejected'],
    [404, 'rejected'],
    [422, 'rejected'],
    [401, 'credentials'],
    [403, 'permission'],
    [429, 'throttled'],
    [500, 'unavailable'],
  ]
  for (const [status, kind] of cases) {
    const said = `no such thing: ${secretPath} shared-secret tenant-secret`
    const { sink } = await receiver(t, () => ({ status, body: said, headers: { 'retry-after': '7' } }))
    const error = await sink.update('4711', ticket, {}, call).catch((thrown: unknown) => thrown)
    if (!(error instanceof UpstreamError)) throw error
    t.equal(error.kind, kind, String(status))
    t.notMatch(error.message, /t0ps3cret|alsosecret|shared-secret|tenant-secret/)
    if (kind === 'rejected') t.match(error.message, /no such thing/)
    if (kind === 'throttled') t.equal(error.retryAfterMs, 7000)
  }
})

t.test('410 says that the incident was deleted; of a new ticket it is a refusal', async (t) => {
  const { sink } = await receiver(t, () => ({ status: 410, body: 'gone' }))
  await t.rejects(sink.update('4711', ticket, {}, call), IncidentGone)
  const error = await sink.create(ticket, call).catch((thrown: unknown) => thrown)
  t.match(error, { kind: 'rejected', status: 410 })
})

t.test('the doctor proves that the receiver is reached, and posts nothing', async (t) => {
  const { sink, server } = await receiver(t, () => ({ status: 404, body: '' }))
  const checks = await sink.check(call.signal)
  t.ok(checks.every(({ ok }) => ok))
  t.ok(server.requests.every(({ method, url }) => method === 'GET' && url === '/'))
  await server.close()
  t.match(await sink.check(call.signal), [{ name: 'connection', ok: false, remedy: /tls\.caFile/ }])
})
