/** The check of every kind of connector, as the server makes them: the way first, what the answers told last. */
import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Finding } from '../../src/connector.ts'
import { createBridgeEnds, createExporters, createSources } from '../../src/connectors.ts'
import { type Simulators, startSimulators } from '../../src/simulation/demo.ts'
import type { UpstreamSeen } from '../../src/upstream/http-client.ts'
import { configOf } from '../app.ts'
import { answer, rawServer, tcpServer } from './fixtures/servers.ts'

const never = new AbortController().signal
const silent = pino({ level: 'silent' })

interface Checked {
  /** `source tc`, `desk`, … */
  readonly what: string
  check(signal: AbortSignal): Promise<readonly Finding[]>
}

interface World {
  readonly all: readonly Checked[]
  readonly seen: readonly { readonly instance: string; readonly seen: UpstreamSeen }[]
}

interface Setup {
  /** Beside the settings of every instance. */
  readonly beside?: object
  readonly aheadMs?: number
}

/** Two bridges: of Secureworks CTP to IBM SOAR, and to a webhook. */
function worldOf(
  t: Test,
  { threatconnect, secureworks, darktrace, cofense, ctp, soar }: Omit<Simulators, 'close'>,
  hook: string,
  { beside = {}, aheadMs = 0 }: Setup = {},
): World {
  const config = configOf({
    sources: [{ name: 'tc', kind: 'threatconnect', settings: threatconnect, ...beside }],
    exporters: [
      { kind: 'secureworks', settings: secureworks, ...beside },
      { kind: 'darktrace', settings: darktrace, ...beside },
      { kind: 'cofense', settings: cofense, ...beside },
    ],
    bridges: [
      {
        name: 'ctp',
        ticketDesk: { kind: 'secureworks-ctp', settings: ctp, ...beside },
        incidentSink: { kind: 'ibm-soar', settings: soar, ...beside },
      },
      {
        name: 'hook',
        ticketDesk: {
          kind: 'secureworks-ctp',
          settings: { ...ctp, ticketTypes: ['CHANGE:CHANGE'] },
          ...beside,
        },
        incidentSink: { kind: 'webhook', settings: { url: hook }, ...beside },
      },
    ],
  })
  const seen: { instance: string; seen: UpstreamSeen }[] = []
  const environment = {
    ...{ log: silent, version: '0.0.0', env: {} },
    now: () => Date.now() + aheadMs,
    upstreamAnswered: (instance: string, each: UpstreamSeen) => void seen.push({ instance, seen: each }),
  }
  const sources = createSources(config, environment)
  const exporters = createExporters(config, environment)
  const ends = createBridgeEnds(config, environment)
  t.teardown(() => {
    for (const each of [sources, exporters, ends]) each.close()
  })
  const [toSoar, toHook] = ends.bridges
  if (toSoar === undefined || toHook === undefined) throw new Error('there are two bridges')
  const named = (what: string, { check }: Pick<Checked, 'check'>): Checked => ({ what, check })
  return {
    seen,
    all: [
      ...[...sources.sources].map(([name, source]) => named(`source ${name}`, source)),
      ...[...exporters.exporters].map(([name, exporter]) => named(`exporter ${name}`, exporter)),
      named('desk', toSoar.desk),
      named('sink ibm-soar', toSoar.sink),
      named('sink webhook', toHook.sink),
    ],
  }
}

/** Every address in the settings led to this one. */
function leading(to: string, { threatconnect, secureworks, darktrace, cofense, ctp, soar }: Simulators) {
  return {
    threatconnect: { ...threatconnect, baseUrl: to },
    secureworks: { ...secureworks, baseUrl: to },
    darktrace: { ...darktrace, host: to },
    cofense: { ...cofense, baseUrl: to },
    ctp: { ...ctp, baseUrl: to },
    soar: { ...soar, baseUrl: to },
  }
}

async function simulators(t: Test): Promise<Simulators> {
  const started = await startSimulators({ host: '127.0.0.1', port: 0 })
  t.teardown(() => started.close())
  return started
}

function named(findings: readonly Finding[], name: string): Finding | undefined {
  return findings.find((each) => each.name === name)
}

t.test('of a good instance the way is told first, then what its product showed; no secret', async (t) => {
  const started = await simulators(t)
  const hook = await rawServer(() => answer(404))
  t.teardown(() => hook.close())
  const { all, seen } = worldOf(t, started, `http://127.0.0.1:${hook.port}/hooks/CANARY-of-a-path`)
  const evidence: Readonly<Record<string, Readonly<Record<string, RegExp>>>> = {
    'source tc': {
      owners: /^7 owners seen: "Example Organization", "/,
      query: /^\d+ indicators selected by the TQL indicatorActive EQ true$/,
      clock: /^[0-2] s apart; 300 s are allowed$/,
    },
    'exporter secureworks': {
      tenant: new RegExp(`^${started.secureworks.tenantId}$`),
      room: /^\d+ active indicators of all sources; maxActive is \d+$/,
    },
    'exporter darktrace': { rights: /^the watched list has / },
    'exporter cofense': { api: /^status ok$/, reading: /^there (are|is no) threat indicator/ },
    desk: {
      rights: /^can be read: INCIDENT/,
      queues: /^asked for is INCIDENT:SECURITY.*; waiting now, of all groupings: \d+ INCIDENT/,
    },
    'sink ibm-soar': {
      api: /^version 51\.\S+, files of up to \d+ MB$/,
      organisation: /^.+ \(\d+\)$/,
      reading: /^\d+ incidents$/,
      fields: /^\d+ fields of incidents, all 15 of the bridge among them$/,
    },
    'sink webhook': {},
  }
  t.same(
    all.map(({ what }) => what),
    Object.keys(evidence),
  )
  const secrets = Object.values(started).flatMap((settings) =>
    Object.entries(Object(settings) as Readonly<Record<string, string>>)
      .filter(([name]) => /secret|token|password|privateToken/i.test(name))
      .map(([, value]) => value),
  )
  t.equal(secrets.length, 7)
  for (const { what, check } of all) {
    const before = seen.length
    const findings = await check(never)
    t.same(
      findings.slice(0, 3).map(({ name, ok }) => [name, ok]),
      [
        ['name', true],
        ['reach', true],
        ['connection', true],
      ],
    )
    t.equal(new Set(findings.map(({ name }) => name)).size, findings.length, `${what}: each name once`)
    for (const [name, pattern] of Object.entries(evidence[what] ?? {})) {
      t.match(named(findings, name)?.evidence ?? '(nothing)', pattern, `${what}: ${name}`)
    }
    const told = JSON.stringify(findings)
    t.same(
      [...secrets, 'CANARY'].filter((secret) => told.includes(secret)),
      [],
      `${what} tells no secret`,
    )
    t.ok(seen.length > before, `${what}: its requests are told`)
  }
  t.same([...new Set(seen.map(({ instance }) => instance))].sort(), [
    ...['cofense', 'ctp', 'darktrace', 'hook', 'secureworks', 'tc'],
  ])
  const wrong = seen.filter(({ seen: { ms, service, status, failure } }) => {
    const good = failure === undefined || (service === 'webhook' && status === 404)
    return !good || ms < 0
  })
  t.same(wrong, [])
})

t.test('where there is no way, that stands alone with the connection, and nothing is asked', async (t) => {
  const started = await simulators(t)
  const closed = await tcpServer(() => undefined)
  await closed.close()
  const untrusted = await rawServer(() => answer(200), 'self-signed')
  t.teardown(() => untrusted.close())
  const cases = [
    [`http://127.0.0.1:${closed.port}`, {}, ['name ok', 'reach bad', 'connection bad'], /ECONNREFUSED/],
    [
      `https://localhost:${untrusted.port}`,
      {},
      ['name ok', 'reach ok', 'tls bad', 'connection bad'],
      /its certificate is self-signed/,
    ],
    [
      'https://nowhere.invalid',
      { proxy: `http://me:CANARY@127.0.0.1:${closed.port}` },
      ['proxy bad', 'connection bad'],
      /the proxy 127\.0\.0\.1:\d+ before .* \(nowhere\.invalid\)/,
    ],
  ] as const
  for (const [address, beside, expected, cause] of cases) {
    const { all, seen } = worldOf(t, leading(address, started), address, { beside })
    for (const { what, check } of all) {
      const findings = await check(never)
      const shown = findings.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'bad'}`)
      t.same(shown, expected, `${what} at ${address}`)
      const [own, connection] = findings.slice(-2)
      t.match(own?.cause, cause, what)
      t.match(connection, { cause: own?.cause, remedy: own?.remedy, evidence: `see \`${own?.name}\`` }, what)
      t.ok(own?.remedy)
      t.notMatch(JSON.stringify(findings), /CANARY/)
    }
    t.same(seen, [], 'no request')
  }
  t.same(untrusted.requests, [])
})

t.test('a clock that is off is told by whoever does not look at it itself', async (t) => {
  const started = await simulators(t)
  const hook = await rawServer(() => answer(200, { date: new Date().toUTCString() }))
  t.teardown(() => hook.close())
  const url = `http://127.0.0.1:${hook.port}`
  const cases = [
    [0, undefined],
    [50_000, undefined],
    [120_000, { ok: true, evidence: /^our clock is 1(19|20|21) s ahead of the one of the product$/ }],
    [-120_000, { ok: true, evidence: /^our clock is 1(19|20|21) s behind the one of the product$/ }],
    [400_000, { ok: false, evidence: /ahead/ }],
  ] as const
  for (const [aheadMs, expected] of cases) {
    const { all } = worldOf(t, started, url, { aheadMs })
    for (const { what, check } of all) {
      if (what === 'source tc' || what === 'exporter darktrace') continue
      const findings = await check(never)
      const clock = named(findings, 'clock')
      if (expected === undefined) t.equal(clock, undefined, `${what}, ${aheadMs} ms`)
      else
        t.match(
          clock,
          { ...expected, cause: /by the date|By the date/, remedy: /NTP/ },
          `${what}, ${aheadMs} ms`,
        )
      if (clock !== undefined) t.equal(findings.at(-1), clock, 'at the end')
    }
  }
})

t.test('what is left of a quota is told; none left is good, with a cause', async (t) => {
  const started = await simulators(t)
  let left = '50'
  const product = await rawServer(() =>
    answer(200, { 'x-ratelimit-remaining': left, 'content-type': 'application/json' }, '{"ticketCount":3}'),
  )
  t.teardown(() => product.close())
  const address = `http://127.0.0.1:${product.port}`
  const { all } = worldOf(t, { ...started, ctp: { ...started.ctp, baseUrl: address } }, address)
  for (const what of ['desk', 'sink webhook']) {
    const check = all.find((each) => each.what === what)?.check
    left = '50'
    t.strictSame((await check?.(never))?.at(-1), {
      name: 'limits',
      ok: true,
      evidence: "50 requests are left in the window of the product's limit",
    })
    left = '0'
    t.match((await check?.(never))?.at(-1), {
      name: 'limits',
      ok: true,
      cause: /used up/,
      remedy: /less often/,
    })
  }
})
