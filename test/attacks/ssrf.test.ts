/** Where the server connects to: never to what an address, a name, or an answer of a vendor would like it to. */
import type { LookupAddress } from 'node:dns'
import t from 'tap'
import { UpstreamError } from '../../src/errors.ts'
import { startTelemetry } from '../../src/telemetry/telemetry.ts'
import { examineAddress } from '../../src/upstream/examine.ts'
import { type OutboundRules, outboundOf, type Resolve } from '../../src/upstream/outbound.ts'
import { problems } from '../config/fixture.ts'
import { answer, clock, pem, rawServer, testClient } from '../upstream/fixtures/servers.ts'
import { watchConnections } from './connections.ts'
import { addressForms, foreignAddresses, nameForms } from './hosts.ts'

const attempts = watchConnections()
t.teardown(attempts.stop)

/** By name, or never. @param answers of one look-up after the other; the last one stays */
function resolver(answers: Readonly<Record<string, readonly (readonly string[])[]>>) {
  const asked: string[] = []
  const resolve: Resolve = (host, _options, answer) => {
    const turns = answers[host]
    const turn = turns?.[Math.min(asked.filter((name) => name === host).length, turns.length - 1)]
    asked.push(host)
    if (turn === undefined) return answer(Object.assign(new Error(host), { code: 'ENOTFOUND' }), [])
    const found = turn.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 }))
    setImmediate(answer, null, found)
  }
  return { resolve, asked }
}

async function refusalOf(sending: Promise<unknown>): Promise<UpstreamError> {
  const error = await sending.then(
    () => new Error('was sent'),
    (reason: unknown) => reason,
  )
  if (error instanceof UpstreamError) return error
  throw error
}

interface Way {
  readonly base: string
  readonly proxy?: string
}

/** Every way to a host: itself, and with it as proxy, by either scheme. */
function waysTo(host: string): Way[] {
  return [
    { base: `http://${host}` },
    { base: `https://${host}:8443` },
    { base: 'http://vendor.example', proxy: `http://${host}:3128` },
    { base: 'https://vendor.example', proxy: `http://${host}:3128` },
    { base: 'https://vendor.example', proxy: `https://${host}:3128` },
    // The proxy would connect to it.
    { base: `http://${host}`, proxy: 'http://127.0.0.1:3128' },
    { base: `https://${host}`, proxy: 'http://127.0.0.1:3128' },
  ]
}

/** @returns what is not as it should be: some way to the host is not refused, or something was connected to */
async function notRefused(host: string, rules: OutboundRules, resolve?: Resolve): Promise<string[]> {
  const outbound = outboundOf(rules, resolve)
  attempts.clear()
  // A name behind a proxy is looked up by the proxy.
  const ways = waysTo(host).slice(0, resolve === undefined ? undefined : 5)
  const wrong = ways.map(async ({ base, proxy = 'none' }) => {
    const client = testClient(base, { proxy, outbound, timeoutMs: 3000 })
    const error = await refusalOf(client.send({ method: 'POST', path: '/', body: '{}' }))
    client.close()
    const examined = { service: 'acme', proxy, outbound, tls: { insecure: false }, timeoutMs: 3000 }
    const findings = await examineAddress(
      { ...examined, baseUrl: base, now: () => clock },
      AbortSignal.timeout(3000),
    )
    const { ok, cause = '', remedy = '' } = findings.at(-1) ?? { ok: true }
    const isSaid = [error.message, cause].every((text) =>
      text.includes('`outbound.allowPrivate` does not allow it'),
    )
    const isGood = error.upstreamCode === 'ERR_ADDRESS_REFUSED' && isSaid && !ok && remedy !== ''
    return isGood ? [] : [`${base} by ${proxy}: ${error.message}; ${cause}`]
  })
  const all = (await Promise.all(wrong)).flat()
  return [...all, ...attempts.tried.map((address) => `connected to ${address}`)]
}

t.test('an address that leads inside is not connected to, in whatever form it is written', async (t) => {
  let seen = 0
  for (const { what, host, is } of addressForms) {
    if (is === undefined) {
      for (const { base, proxy = 'none' } of waysTo(host)) {
        t.throws(() => testClient(base, { proxy }), /takes (?:an )?http/, what)
      }
      continue
    }
    seen++
    const rules: OutboundRules[] = [
      { allowPrivate: false },
      { allowPrivate: ['203.0.113.0/24', '2606:4700::/32'] },
    ]
    // This machine in a form that no operator means.
    const hidden =
      is === 'loopback' && host.startsWith('[') && URL.parse(`http://${host}`)?.hostname !== '[::1]'
    if (is === 'never' || hidden) rules.push({ allowPrivate: true })
    for (const each of rules) t.strictSame(await notRefused(host, each), [], what)
  }
  t.ok(seen >= 60, `${seen} forms`)
})

t.test(
  'a name that leads inside is not connected to, and is looked up once for each connection',
  async (t) => {
    for (const [host, answers, is] of nameForms) {
      const { resolve } = resolver({ [host]: [answers] })
      const rules = is === 'private' ? [false] : [false, true]
      for (const allowPrivate of rules)
        t.strictSame(await notRefused(host, { allowPrivate }, resolve), [], host)
    }
  },
)

t.test('a host in disguise stops the start, and says what it means', (t) => {
  const settings = (url: string) =>
    `sources: [{ name: tc, kind: threatconnect, settings: { token: t, baseUrl: ${JSON.stringify(url)} } }]`
  const proxied = (url: string) =>
    `sources: [{ name: tc, kind: threatconnect, proxy: ${JSON.stringify(url)}, settings: { token: t, baseUrl: "https://x.example" } }]`
  const darktrace = (host: string) =>
    `exporters: [{ kind: darktrace, settings: { host: ${JSON.stringify(host)}, publicToken: p, privateToken: q } }]`
  const disguises = [
    ...addressForms.filter(({ disguised }) => disguised),
    { host: 'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ', what: 'circled letters' },
    { host: '%6cocalhost', what: 'an encoded letter' },
    { host: 'local\u00adhost', what: 'a soft hyphen' },
    { host: 'ｌocalhost', what: 'a full-width letter' },
  ]
  for (const { what, host } of disguises) {
    const texts = [
      settings(`https://${host}`),
      settings(`http://${host}:8080/api`),
      proxied(`http://${host}:3128`),
      proxied(`http://user:pass@${host}:3128`),
      darktrace(host),
      darktrace(`https://${host}:444`),
    ]
    const told = /takes .*its host is not written as it is read: it (means [\d.]+|stands for)/
    const untold = texts.flatMap((text) => problems(text)).filter((problem) => !told.test(problem))
    t.strictSame([texts.filter((text) => problems(text).length !== 1), untold], [[], []], what)
  }
  const plain = ['tc.example.org', 'TC.Example.ORG', 'bücher.example', 'xn--bcher-kva.example', 'localhost']
  for (const host of [...plain, '10.1.2.3', '[2001:DB8:0::1]', '127.0.0.1', '[::1]']) {
    for (const text of [
      settings(`https://${host}`),
      proxied(`http://u:p@${host}:1`),
      darktrace(`${host}:443`),
    ])
      t.strictSame(problems(text), [], host)
  }
  t.end()
})

t.test(
  'what is allowed works: this machine by its address and as localhost, and networks that are named',
  async (t) => {
    const server = await rawServer(() => answer(200, { connection: 'close' }, 'good'))
    const tlsServer = await rawServer(() => answer(200, { connection: 'close' }, 'good'), 'localhost')
    const good = async (base: string, rules?: OutboundRules, resolve?: Resolve) => {
      attempts.clear()
      const outbound = outboundOf(rules, resolve)
      const client = testClient(base, { outbound, tls: { ca: pem('ca'), insecure: false } })
      t.equal((await client.send({ method: 'GET', path: '/' })).body.toString(), 'good', base)
      client.close()
      return [...attempts.tried]
    }
    const { port } = server
    const here = [`127.0.0.1:${port}`]
    t.strictSame(await good(`http://127.0.0.1:${port}`), here)
    t.ok((await good(`http://localhost:${port}`)).length > 0)
    t.ok((await good(`https://localhost:${tlsServer.port}`)).length > 0)
    const { resolve } = resolver({
      'a.localhost': [['127.0.0.1']],
      'localhost.': [['127.0.0.1']],
      'tunnel.example': [['127.0.0.1']],
      'mixed.example': [['169.254.169.254', '10.255.255.255', 'fe80::1', '127.0.0.1', '0.0.0.0']],
      'only-v6.example': [['::ffff:127.0.0.1']],
    })
    t.strictSame(await good(`http://a.localhost:${port}`, undefined, resolve), here)
    t.strictSame(await good(`http://localhost.:${port}`, undefined, resolve), here)
    const named: OutboundRules = { allowPrivate: ['127.0.0.1'] }
    t.strictSame(await good(`http://127.0.0.1:${port}`, named), here)
    t.strictSame(await good(`http://tunnel.example:${port}`, named, resolve), here)
    t.strictSame(
      await good(`http://mixed.example:${port}`, named, resolve),
      here,
      'of many, the one that may be',
    )
    t.strictSame(await good(`http://only-v6.example:${port}`, named, resolve), [`::ffff:127.0.0.1:${port}`])
    t.strictSame(await notRefused('127.0.0.2', named), [], 'another than the one named')
    t.strictSame(await notRefused('[2001:0:7f00:1::ac1f:fefe]', named), [], 'one that is named hides another')
    await server.close()
    await tlsServer.close()
  },
)

t.test('a name that leads elsewhere the next time is not followed there', async (t) => {
  const server = await rawServer(() => answer(200, { connection: 'close' }, 'good'))
  const inside = await rawServer(() => answer(200, {}, 'inside'))
  for (const second of [['169.254.169.254'], ['127.0.0.2'], ['::1'], ['::ffff:169.254.169.254'], []]) {
    const { resolve, asked } = resolver({ 'rebind.example': [['127.0.0.1'], second] })
    const outbound = outboundOf({ allowPrivate: ['127.0.0.1'] }, resolve)
    const client = testClient(`http://rebind.example:${server.port}`, { outbound })
    attempts.clear()
    t.equal((await client.send({ method: 'GET', path: '/' })).body.toString(), 'good')
    t.strictSame(asked, ['rebind.example'], 'the connection is made to what was looked at')
    t.strictSame(attempts.tried, [`127.0.0.1:${server.port}`])
    const error = await refusalOf(client.send({ method: 'GET', path: '/' }))
    t.match(error, { kind: 'unavailable', upstreamCode: 'ERR_ADDRESS_REFUSED' }, second.join())
    t.strictSame(attempts.tried, [`127.0.0.1:${server.port}`])
    client.close()
  }
  t.equal(inside.connections, 0)
  await inside.close()
  await server.close()
})

t.test('no redirect and no header of an answer is followed, whatever it names', async (t) => {
  let next = ''
  let status = 302
  const server = await rawServer(() => {
    const value = Buffer.from(next, 'utf8')
      .toString('latin1')
      .replace(/[\r\n]/g, '')
    const links = { link: `<${value}>; rel="next", <${value}>; rel="preload"`, refresh: `0; url=${value}` }
    const more = {
      'content-location': value,
      'alt-svc': 'h2="169.254.169.254:443"',
      'x-accel-redirect': value,
    }
    return answer(status, { location: value, ...links, ...more }, '{}')
  })
  attempts.clear()
  const client = testClient(`http://127.0.0.1:${server.port}`)
  const redirects = [301, 302, 303, 307, 308]
  const others = [200, 201, 300, 304, 305, 401, 407, 503]
  const followed: string[] = []
  for (const address of foreignAddresses) {
    next = address
    for (status of address.startsWith('http') ? redirects : [...redirects, ...others]) {
      const sent = client.send({ method: status % 2 ? 'GET' : 'POST', path: '/' })
      if (status < 300) await sent
      else if (!(await refusalOf(sent)).message.includes('acme (127.0.0.1')) followed.push(address)
    }
  }
  client.close()
  t.strictSame(new Set(attempts.asked), new Set([`127.0.0.1:${server.port}`]))
  t.strictSame(followed, [])
  t.ok(server.requests.length > 600, `${server.requests.length} answers`)
  t.equal(server.requests.filter((text) => !/^(GET|POST) \/ HTTP/.test(text)).length, 0)
  await server.close()
})

t.test('traces are sent to no such address either', async (t) => {
  const { Writable } = await import('node:stream')
  const { pino } = await import('pino')
  const lines: string[] = []
  const log = pino(new Writable({ write: (chunk, _encoding, done) => done(void lines.push(String(chunk))) }))
  for (const { what, host } of addressForms.filter(({ is }) => is === 'never')) {
    lines.length = 0
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: `http://${host}:4318` }
    const collector = outboundOf()
    const telemetry = await startTelemetry({ env, log, version: '1', now: () => clock, collector })
    await telemetry.stop()
    t.match(lines.join(''), /OTEL_EXPORTER_OTLP_ENDPOINT: .*does not allow it: no traces are made/, what)
  }
})
