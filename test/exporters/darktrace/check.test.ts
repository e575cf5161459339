import t from 'tap'
import type { Finding } from '../../../src/connector.ts'
import type { Fault } from '../../../src/simulation/faults.ts'
import { enter, exporterOver, never, noon, source } from './world.ts'

function summary(findings: readonly Finding[]): readonly string[] {
  return findings.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'bad'}`)
}

const reached = ['connection ok', 'api ok', 'clock ok', 'credentials ok']

t.test('a good configuration is found good with one request that changes nothing', async (t) => {
  const { simulator, exporter } = await enter(t, { simulator: { entries: { [source]: ['a.example'] } } })
  const findings = await exporter.check(never)
  t.same(summary(findings), [...reached, 'rights ok'])
  t.same(
    simulator.requests.map(({ method, url }) => `${method} ${url}`),
    ['GET /intelfeed?sources=true'],
  )
})

t.test(
  'what is wrong is found, with what hides nothing of it before, its cause and its remedy',
  async (t) => {
    const cases: readonly (readonly [
      what: string,
      given: Parameters<typeof enter>[1],
      fault: Fault | undefined,
      found: readonly string[],
      cause: RegExp,
      remedy: RegExp,
    ])[] = [
      [
        'private token',
        { settings: { privateToken: 'x' } },
        undefined,
        [...reached.slice(0, 3), 'credentials bad'],
        /API SIGNATURE ERROR/,
        /`privateToken`/,
      ],
      [
        'public token',
        { settings: { publicToken: 'x' } },
        undefined,
        [...reached.slice(0, 3), 'credentials bad'],
        /API SIGNATURE ERROR/,
        /`publicToken`/,
      ],
      [
        'clock',
        { simulator: { now: () => noon, skewMs: -45 * 60_000 } },
        undefined,
        ['connection ok', 'api ok', 'clock bad'],
        /Our clock is 45 min ahead of Darktrace's/,
        /NTP/,
      ],
      [
        'a clock that is off by seconds, and refused',
        {},
        { kind: 'status', status: 400, body: '{"response":"API DATE ERROR"}' },
        ['connection ok', 'api ok', 'clock bad'],
        /though our clock is 0 s ahead of Darktrace's, by its Date header/,
        /NTP/,
      ],
      [
        'permission',
        { simulator: { permitted: false } },
        undefined,
        [...reached, 'rights bad'],
        /redirect to \/403/,
        /"Edit Domains"/,
      ],
      [
        'a path that is not there',
        {},
        { kind: 'redirect', location: '/login' },
        ['connection ok', 'api bad'],
        /login page/,
        /`host`/,
      ],
      ['another product', {}, { kind: 'status', status: 404 }, ['connection ok', 'api bad'], /404/, /`host`/],
      [
        'a login page',
        {},
        { kind: 'html' },
        ['connection ok', 'api bad'],
        /HTML page titled "Sign in"/,
        /`host`/,
      ],
      [
        'other JSON',
        {},
        { kind: 'not-success' },
        ['connection ok', 'api bad'],
        /not its API: .*could not be processed/,
        /`host`/,
      ],
      ['a reset', {}, { kind: 'reset' }, ['connection bad'], /ECONNRESET/, /firewall/],
      ['too many', {}, { kind: 'status', status: 429 }, ['limits bad'], /slow down/, /`requestsPerMinute`/],
    ]
    for (const [what, given, fault, found, cause, remedy] of cases) {
      const { simulator, exporter } = await enter(t, given)
      if (fault !== undefined) simulator.fail(fault)
      const findings = await exporter.check(never)
      t.same(summary(findings), found, what)
      const bad = findings.find(({ ok }) => !ok)
      t.match(bad?.cause, cause, what)
      t.match(bad?.remedy, remedy, what)
      t.same(simulator.changes, [], 'nothing was changed')
    }
  },
)

t.test('a clock that is still let in, but not for long, is told', async (t) => {
  const { exporter } = await enter(t, { simulator: { now: () => noon, skewMs: 20 * 60_000 } })
  const findings = await exporter.check(never)
  t.ok(findings.every(({ ok }) => ok))
  t.match(findings.find(({ name }) => name === 'clock')?.cause, /20 min behind .* 30 min are allowed/)
})

t.test('an appliance that is not there, or that speaks no TLS, is told from one that refuses', async (t) => {
  const { simulator } = await enter(t)
  const [plain] = await exporterOver(t, `127.0.0.1:${simulator.port}`).check(never)
  t.match(plain, { name: 'connection', ok: false, cause: /TLS/ })
  await simulator.close()
  const [gone] = await exporterOver(t, simulator.url).check(never)
  t.match(gone, { name: 'connection', ok: false, cause: /ECONNREFUSED/ })
})

t.test('an abort ends the check with its own reason', async (t) => {
  const { exporter } = await enter(t)
  const why = new Error('stop')
  t.equal(await exporter.check(AbortSignal.abort(why)).catch((error: unknown) => error), why)
})
