/** The doctor as HTTP and the log have it: of everything, or of one. */
import type { AddressInfo } from 'node:net'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import type { Finding } from '../../src/connector.ts'
import { logFindings } from '../../src/doctor/at-start.ts'
import { examine, type Patient, type Report } from '../../src/doctor/doctor.ts'
import { UpstreamError } from '../../src/errors.ts'
import { startSimulators } from '../../src/simulation/demo.ts'
import { startThreatConnectSimulator } from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry, storedApp } from '../app.ts'

const signal = new AbortController().signal
const headers = { authorization: 'Bearer a-key-that-may-everything' }
const keys = [
  { id: 'admin', secret: 'a-key-that-may-everything', scopes: ['admin'] },
  {
    id: 'soar',
    secret: 'a-key-that-may-less',
    scopes: ['indicators:read', 'sources:run', 'push:*', 'tickets:write'],
  },
]

interface Answer {
  readonly ok: boolean
  readonly at: string
  readonly data: readonly Report[]
  readonly detail?: string
}

t.test('everything is looked at: the server first, then in the order of the configuration', async (t) => {
  const simulators = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => simulators.close())
  const { threatconnect, secureworks, darktrace, cofense, ctp, soar } = simulators
  const { app } = await storedApp(t, {
    auth: { keys },
    sources: [
      { name: 'tc', kind: 'threatconnect', settings: threatconnect },
      {
        name: 'ill',
        kind: 'threatconnect',
        settings: { ...threatconnect, secretKey: 'canary-of-a-wrong-key' },
      },
    ],
    exporters: [
      { kind: 'secureworks', settings: secureworks },
      { kind: 'darktrace', settings: darktrace },
      { name: 'tc', kind: 'cofense', settings: cofense },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: { kind: 'secureworks-ctp', settings: { ...ctp, every: 'off' } },
        incidentSink: { kind: 'ibm-soar', settings: { ...soar, closeMap: { default: 'Inconclusive' } } },
      },
    ],
  })
  const ask = async (query = '', status = 200) => {
    const answer = await app.inject({ url: `/api/v1/doctor${query}`, headers })
    t.equal(answer.statusCode, status, query)
    return { body: answer.body, ...(answer.json() as Answer) }
  }
  const names = ({ data }: Answer) => data.map(({ part, name }) => `${part} ${name}`)
  const all = await ask()
  t.strictSame(names(all), [
    'server server',
    'source tc',
    'source ill',
    'exporter secureworks',
    'exporter darktrace',
    'exporter tc',
    'bridge ctp',
  ])
  t.equal(all.ok, false)
  t.match(all.at, /^\d{4}-\d\d-\d\dT.*Z$/)
  for (const { name, part, ok, checks } of all.data) {
    t.equal(ok, name !== 'ill', `${part} ${name}: ${JSON.stringify(checks)}`)
    t.ok(checks.length > 2)
  }
  t.match(all.data[2]?.checks.at(-1), { ok: false, cause: /secret key/, remedy: /`secretKey`/ })
  t.match(all.data[0]?.checks[1], { name: 'store', ok: true, evidence: /PostgreSQL/ })
  t.notMatch(all.body, /canary/)

  t.strictSame(names(await ask('?name=server')), ['server server'])
  t.strictSame(names(await ask('?name=tc')), ['source tc', 'exporter tc'], 'all of a name')
  t.strictSame(names(await ask('?name=tc&part=exporter')), ['exporter tc'])
  const sources = await ask('?part=source')
  t.strictSame([names(sources), sources.ok], [['source tc', 'source ill'], false])
  t.equal((await ask('?part=exporter')).ok, true)
  const unknown = await ask('?name=tcc', 404)
  t.match(unknown, {
    code: 'PATIENT_UNKNOWN',
    detail: /"tcc"; there are: server, tc, ill, secureworks, darktrace, ctp$/,
  })
  t.match((await ask('?name=ctp&part=source', 404)).detail, /no source is named "ctp"; there are: tc, ill$/)
  t.match(await ask('?part=sources', 400), { errors: [{ pointer: '/part' }] })
  t.match(await ask('?nmae=tc', 400), { errors: [{ pointer: '/nmae' }] })
  const denied = await app.inject({ url: '/api/v1/doctor', headers: { 'x-api-key': 'a-key-that-may-less' } })
  t.equal(denied.statusCode, 403, 'it tells of all of them')
})

t.test('the doctor ends when the client goes away', async (t) => {
  const slow = await startThreatConnectSimulator({})
  t.teardown(() => slow.close())
  const asked = Promise.withResolvers<void>()
  const when = () => {
    asked.resolve()
    return true
  }
  slow.fail({ kind: 'delay', ms: 60_000 }, { times: 'always', when })
  const lines: { readonly msg: string }[] = []
  const left = Promise.withResolvers<void>()
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)))
      if (String(line).includes('went away')) left.resolve()
      done()
    },
  })
  const { app } = await storedApp(t, { sources: [sourceEntry(slow.url)] }, pino({ level: 'info' }, stream))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const leaving = new AbortController()
  const answer = fetch(`http://127.0.0.1:${port}/api/v1/doctor?name=tc`, { signal: leaving.signal })
  await asked.promise
  leaving.abort()
  await t.rejects(answer)
  await left.promise
  t.notOk(lines.some(({ msg }) => msg.includes('failed of itself')))
})

const good: Finding = { name: 'connection', ok: true, evidence: '127.0.0.1' }

function patient(name: string, check: Patient['check']): Patient {
  return { part: 'source', name, check }
}

t.test('a check that fails of itself costs only itself, and its words are not shown', async (t) => {
  const patients = [
    patient('broken', () => Promise.reject(new TypeError('canary'))),
    patient('refused', () =>
      Promise.reject(new UpstreamError('credentials', 'the login is wrong', { service: 'x' })),
    ),
    patient('well', async () => [good]),
  ]
  const faults: unknown[] = []
  const reports: Report[] = []
  for await (const report of examine(patients, signal, (error, { name }) =>
    faults.push([name, String(error)]),
  ))
    reports.push(report)
  t.strictSame(faults, [['broken', 'TypeError: canary']])
  t.match(reports, [
    { ok: false, checks: [{ ok: false, cause: /fault of feed-server/, remedy: /log/ }] },
    { ok: false, checks: [{ ok: false, cause: 'the login is wrong', remedy: /credentials/ }] },
    { ok: true, checks: [good] },
  ])
  t.notMatch(JSON.stringify(reports), 'canary')
})

t.test('a check that never ends is given up, and holds up no other', async (t) => {
  const patients: readonly Patient[] = [
    { part: 'source', name: 'hangs', check: () => new Promise(() => {}) },
    { part: 'source', name: 'well', check: async () => [{ name: 'connection', ok: true }] },
  ]
  const reports: Report[] = []
  for await (const report of examine(patients, signal, () => t.fail('it is no fault'), 50))
    reports.push(report)
  t.match(reports, [
    {
      name: 'hangs',
      ok: false,
      checks: [{ cause: 'The check did not end within 0.05 s.', remedy: /hangs/ }],
    },
    { name: 'well', ok: true },
  ])
})

t.test('at most four are looked at at once, and each is told in its turn', async (t) => {
  let underWay = 0
  let most = 0
  const gates = Array.from({ length: 9 }, () => Promise.withResolvers<void>())
  const patients = gates.map(({ promise }, index) =>
    patient(`p${index}`, async () => {
      underWay++
      most = Math.max(most, underWay)
      await promise
      underWay--
      return [good]
    }),
  )
  // The last first.
  for (const gate of gates.toReversed()) gate.resolve()
  const names: string[] = []
  for await (const { name } of examine(patients, signal, () => {})) names.push(name)
  t.strictSame(
    names,
    patients.map(({ name }) => name),
  )
  t.equal(most, 4)
})

t.test('the log of a start: what is wrong is a warning, what is worth a look is information', async (t) => {
  const lines: Readonly<Record<string, unknown>>[] = []
  const stream = new Writable({
    write(line, _encoding, done) {
      lines.push(JSON.parse(String(line)))
      done()
    },
  })
  const log = pino({ level: 'info' }, stream)
  const wrong = { name: 'credentials', ok: false, cause: 'the cause', remedy: 'the remedy' }
  const told = { name: 'clock', ok: true, cause: 'slow', remedy: 'NTP', evidence: '3 s' }
  await logFindings([patient('a', async () => [good, told, wrong])], log, signal)
  t.match(lines, [
    { level: 30, part: 'source', name: 'a', check: 'clock', cause: 'slow', remedy: 'NTP', evidence: '3 s' },
    { level: 40, part: 'source', name: 'a', check: 'credentials', cause: 'the cause', remedy: 'the remedy' },
    { level: 30, good: 1, told: 1, wrong: 1 },
  ])
  const stopped = new AbortController()
  const hanging = patient('b', (signal) => {
    stopped.abort(new Error('stop'))
    return Promise.reject(signal.reason)
  })
  lines.length = 0
  await logFindings([hanging], log, stopped.signal)
  t.strictSame(lines, [], 'a stop ends it without a word')
})
