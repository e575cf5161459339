import { type AddressInfo, createServer as createTcpServer } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import t, { type Test } from 'tap'
import { type Examined, examineAddress } from '../../src/upstream/examine.ts'
import type { Finding } from '../../src/upstream/finding.ts'
import {
  answer,
  closeServer,
  failureOf,
  forwardProxy,
  pem,
  type RawServer,
  rawServer,
  secretRequest,
  secrets,
  tcpServer,
  testClient,
} from './fixtures/servers.ts'

const tls = { ca: pem('ca'), insecure: false }
const userInfo = `${secrets.proxyUser}:${secrets.proxyPassword}`
const never = new AbortController().signal
/** Between the first and the last day of what is valid in the fixtures. */
const today = Date.parse('2026-03-04T05:06:07Z')

/** What is found; throws where a credential of the proxy is in it. */
async function examined(
  baseUrl: string,
  options: Partial<Examined> = {},
  signal = never,
): Promise<readonly Finding[]> {
  const findings = await examineAddress(
    {
      ...{ service: 'acme', baseUrl, proxy: '', env: {}, tls, timeoutMs: 5000 },
      now: () => today,
      ...options,
    },
    signal,
  )
  const leaked = /CANARY|Q0FOQVJ|p@ss|p%40ss/.exec(JSON.stringify(findings))
  if (leaked) throw new Error(`${leaked[0]} is in ${JSON.stringify(findings)}`)
  return findings
}

function names(findings: readonly Finding[]): string {
  return findings.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'bad'}`).join(', ')
}

const started: RawServer[] = []

async function server(t: Test, certificate?: string): Promise<RawServer> {
  const one = await rawServer(() => answer(200), certificate)
  started.push(one)
  t.teardown(() => one.close())
  return one
}

t.test('a good way is told step by step, with what was seen, and without a request', async (t) => {
  const secure = await server(t, 'localhost')
  const [name, reach, shown, ...rest] = await examined(`https://localhost:${secure.port}/api`)
  t.same(rest, [])
  t.match(name, { name: 'name', ok: true, cause: undefined, evidence: /^localhost is .*127\.0\.0\.1/ })
  t.match(reach, { name: 'reach', ok: true, evidence: `127.0.0.1:${secure.port}, 0 ms` })
  t.match(shown, { name: 'tls', ok: true, cause: undefined, remedy: undefined })
  t.equal(
    shown?.evidence,
    'TLSv1.3, the certificate of localhost, issued by Indicator feed server test authority; ' +
      'valid until 2124-01-01 (35730 days left); ' +
      'the chain, 1 sent: localhost < Indicator feed server test authority',
  )

  const plain = await server(t)
  t.same(await examined(`http://127.0.0.1:${plain.port}`), [
    { name: 'name', ok: true, evidence: '127.0.0.1 is an address: no name has to be resolved' },
    { name: 'reach', ok: true, evidence: `127.0.0.1:${plain.port}, 0 ms` },
  ])

  const chain = await server(t, 'chain')
  const whole = await examined(`https://localhost:${chain.port}`, {
    tls: { ca: pem('chain-root'), insecure: false },
  })
  t.match(whole.at(-1), {
    ok: true,
    evidence: /the chain, 2 sent: localhost < Intermediate of the chain < Root of the chain$/,
  })
})

t.test('an IPv6 address is reached, by http and by https', async (t) => {
  const listening = [
    createTcpServer((socket) => socket.on('error', () => undefined)),
    createTlsServer({ cert: pem('chain'), key: pem('server-key') }, (socket) =>
      socket.on('error', () => undefined),
    ),
  ]
  for (const [at, each] of listening.entries()) {
    const bound = await new Promise<boolean>((resolve) => {
      each.once('error', () => resolve(false))
      each.listen(0, '::1', () => resolve(true))
    })
    if (!bound) return t.comment('this machine has no IPv6')
    const { port } = each.address() as AddressInfo
    const scheme = at === 0 ? 'http' : 'https'
    const findings = await examined(`${scheme}://[::1]:${port}`, {
      tls: { ca: pem('chain-root'), insecure: false },
    })
    t.equal(names(findings), at === 0 ? 'name ok, reach ok' : 'name ok, reach ok, tls ok')
    t.match(findings[0]?.evidence, '::1 is an address')
    t.equal(findings[1]?.evidence, `[::1]:${port}, 0 ms`)
    await closeServer(each, [])
  }
})

interface Case {
  readonly what: string
  readonly certificate: string
  readonly host?: string
  readonly tls?: Examined['tls']
  readonly evidence?: RegExp
  readonly cause: RegExp
  readonly remedy: RegExp
}

const certificates: readonly Case[] = [
  {
    what: 'expired',
    certificate: 'expired',
    evidence: /certificate of localhost.*valid until 2021-01-01 \(\d+ days ago\)/,
    cause: /has expired: that of localhost ended on 2021-01-01; our clock says 2026-03-04T05:06Z \(CERT_HAS/,
    remedy: /renew it.*NTP/,
  },
  {
    what: 'not valid yet',
    certificate: 'future',
    cause: /is not valid yet: that of localhost begins on 2100-01-01; our clock says 2026/,
    remedy: /clock by NTP/,
  },
  {
    what: 'for another host',
    certificate: 'other-host',
    evidence: /certificate of other\.example/,
    cause: /is for another name: it is for other\.example, not for localhost/,
    remedy: /Correct the host in the base URL/,
  },
  {
    what: 'self-signed',
    certificate: 'self-signed',
    cause: /is self-signed: that of localhost; `tls\.caFile` has Indicator feed server test authority/,
    remedy: /name it in `tls\.caFile`/,
  },
  {
    what: 'self-signed, without a file of authorities',
    certificate: 'self-signed',
    tls: { insecure: false },
    cause: /is self-signed: that of localhost \(DEPTH_ZERO_SELF_SIGNED_CERT\)$/,
    remedy: /`tls\.caFile`/,
  },
  {
    what: 'of an authority that is not known',
    certificate: 'chain',
    evidence: /2 sent: localhost < Intermediate of the chain < Root of the chain/,
    cause: /not trusted here.*: Root of the chain is not known; `tls\.caFile` has Indicator feed/,
    remedy: /If Root of the chain is an authority of your own.*`tls\.caFile`/,
  },
  {
    what: 'without the intermediate one',
    certificate: 'chain-leaf',
    tls: { ca: pem('chain-root'), insecure: false },
    evidence: /1 sent: localhost < Intermediate of the chain$/,
    cause:
      /sends its own certificate only, and Intermediate of the chain, which issued it, is not known; `tls\.caFile` has Root of the chain/,
    remedy: /send the whole chain\..*`tls\.caFile`/,
  },
]

t.test('each fault of a certificate has its cause, its remedy and what the server showed', async (t) => {
  for (const { what, certificate, host = 'localhost', tls: given = tls, ...expected } of certificates) {
    const { port } = await server(t, certificate)
    const proxy = await forwardProxy()
    for (const way of ['none', `http://127.0.0.1:${proxy.port}`]) {
      const findings = await examined(`https://${host}:${port}`, { tls: given, proxy: way })
      t.equal(names(findings), `${way === 'none' ? 'name' : 'proxy'} ok, reach ok, tls bad`, what)
      const { cause = '', remedy = '', evidence = '' } = findings.at(-1) ?? {}
      t.match(cause, `no connection to acme (${host}:${port}): its certificate`, what)
      t.match(cause, expected.cause, what)
      t.match(remedy, expected.remedy, what)
      t.match(evidence, expected.evidence ?? /^TLSv1\.\d, the certificate of/, what)
      t.notMatch(`${cause} ${remedy} ${evidence}`, /undefined|NaN|\bInvalid Date\b/, what)

      const client = testClient(`https://${host}:${port}`, { tls: given, proxy: way })
      const { upstreamCode } = await failureOf(client, secretRequest())
      t.match(cause, `(${upstreamCode})`, `${what}: a request fails by the same`)
      client.close()

      const insecure = await examined(`https://${host}:${port}`, {
        tls: { ...given, insecure: true },
        proxy: way,
      })
      t.ok(insecure.at(-1)?.ok, `${what}, insecure`)
      t.match(insecure.at(-1)?.cause, /`tls\.insecure` is set: .*A check would fail: its certificate/, what)
      t.match(insecure.at(-1)?.remedy, /Then set `tls\.insecure` to false\.$/, what)
    }
    await proxy.close()
  }
  const { port } = await server(t, 'localhost')
  const [good] = (await examined(`https://localhost:${port}`, { tls: { ...tls, insecure: true } })).slice(-1)
  t.match(good, { ok: true, cause: /This certificate is good/, remedy: 'Set `tls.insecure` to false.' })
})

t.test('a certificate that ends within 14 days is good, and told', async (t) => {
  const { port } = await server(t, 'localhost')
  const at = async (day: string) =>
    (await examined(`https://localhost:${port}`, { now: () => Date.parse(day) })).at(-1)
  t.match(await at('2123-12-18T00:00:00Z'), {
    ok: true,
    evidence: /valid until 2124-01-01 \(14 days left\)/,
    cause: 'The certificate of localhost ends on 2124-01-01 (14 days left): from then on nothing is sent.',
    remedy: /renew it in time/,
  })
  t.equal((await at('2123-12-17T23:59:59Z'))?.cause, undefined)
})

t.test('what is wrong before TLS, or with TLS itself, is named, and hides what comes after it', async (t) => {
  const unknown = await examined('https://nowhere.invalid', { timeoutMs: 4000 })
  t.equal(names(unknown), 'name bad')
  t.match(
    unknown[0]?.cause,
    /^no connection to acme \(nowhere\.invalid\): (its name is not known|the name serv)/,
  )
  t.match(unknown[0]?.remedy, /DNS of this machine.*by a proxy only, set `proxy`/)

  const gone = await tcpServer(() => undefined)
  await gone.close()
  const refused = await examined(`https://localhost:${gone.port}`)
  t.equal(names(refused), 'name ok, reach bad')
  t.match(refused[1], {
    evidence: new RegExp(`^tried .*127\\.0\\.0\\.1:${gone.port}`),
    cause:
      /it refused the connection: nothing listens at this port, or a firewall is between \(ECONNREFUSED\)$/,
    remedy: /Check the host and the port/,
  })

  const silent = await tcpServer(() => undefined)
  const stalled = await examined(`https://localhost:${silent.port}`, { timeoutMs: 300 })
  t.equal(names(stalled), 'name ok, reach ok, tls bad')
  t.match(stalled[2], {
    cause: /^acme \(localhost:\d+\) took too long: the TLS handshake took more than 300 ms$/,
    remedy: /speaks TLS at this port.*raise `timeout`\.$/,
  })
  await silent.close()

  const plain = await rawServer(() => answer(400))
  const http = await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
  const wrong = await examined(`https://localhost:${http.port}`)
  t.equal(names(wrong), 'name ok, reach ok, tls bad')
  t.match(wrong[2], { cause: /does not speak TLS, but plain HTTP/, remedy: /port.*http:\/\// })
  await http.close()
  await plain.close()

  const dropping = await tcpServer((socket) => socket.destroy())
  const dropped = await examined(`https://localhost:${dropping.port}`)
  t.match(dropped[2], {
    cause: /closed the connection before the TLS handshake was done/,
    remedy: /firewall/,
  })
  await dropping.close()
})

t.test('a proxy is named with where it is set, and what it refuses has cause and remedy', async (t) => {
  const { port } = await server(t, 'localhost')
  const url = `https://localhost:${port}`
  type Behaviour = NonNullable<Parameters<typeof forwardProxy>[0]>
  const cases: readonly (readonly [
    what: string,
    behaviour: Behaviour,
    credentials: string,
    found: string,
    cause: RegExp,
    remedy: RegExp,
  ])[] = [
    [
      'credentials are wanted',
      { credentials: 'a:b' },
      '',
      'proxy bad',
      /wants credentials \(407\)/,
      /user and password into the address/,
    ],
    [
      'credentials are wrong',
      { credentials: 'a:b' },
      `${userInfo}@`,
      'proxy bad',
      /does not accept user and password \(407\)/,
      /Correct user and password in the address that the setting `proxy` holds/,
    ],
    [
      'the way is not allowed',
      { refusal: 403 },
      `${userInfo}@`,
      'proxy bad',
      /does not allow the way to localhost:\d+ \(403\)/,
      /allow CONNECT to localhost:\d+/,
    ],
    [
      'it knows no CONNECT',
      { refusal: 405 },
      '',
      'proxy bad',
      /refused the way to localhost:\d+ \(405\)/,
      /HTTP proxy that knows CONNECT/,
    ],
    [
      'it does not get there',
      { refusal: 503 },
      '',
      'reach bad',
      /could not get to acme .* with 503/,
      /whether the proxy can resolve and reach/,
    ],
    [
      'it says nothing',
      { refusal: 'hang' },
      '',
      'proxy bad',
      /its answer to CONNECT took more than 300 ms/,
      /names the right proxy/,
    ],
    [
      'it closes',
      { refusal: 'drop' },
      '',
      'proxy bad',
      /closed the connection before its answer/,
      /firewall/,
    ],
    [
      'its own certificate is not trusted',
      { certificate: 'self-signed' },
      '',
      'proxy bad',
      /no connection to the proxy .*: its certificate is self-signed/,
      /`tls\.caFile`/,
    ],
  ]
  for (const [what, behaviour, credentials, found, cause, remedy] of cases) {
    const proxy = await forwardProxy(behaviour)
    const scheme = behaviour.certificate ? 'https' : 'http'
    const findings = await examined(url, {
      proxy: `${scheme}://${credentials}localhost:${proxy.port}`,
      timeoutMs: behaviour.refusal === 'hang' ? 300 : 5000,
    })
    t.equal(names(findings), found, what)
    t.match(findings[0]?.cause, cause, what)
    t.match(findings[0]?.cause, `the proxy localhost:${proxy.port} before acme (localhost:${port})`, what)
    t.match(findings[0]?.remedy, remedy, what)
    await proxy.close()
  }

  const negotiating = await rawServer(() => answer(407, { 'proxy-authenticate': 'NTLM' }))
  const [foreign] = await examined(url, { proxy: `http://localhost:${negotiating.port}` })
  t.match(foreign, { ok: false, cause: /to be logged in to by NTLM \(407\)/, remedy: /take Basic/ })
  await negotiating.close()

  const other = await tcpServer((socket) => socket.end('220 mail.example ESMTP\r\n'))
  const [mail] = await examined(url, { proxy: `http://localhost:${other.port}` })
  t.match(mail, { ok: false, cause: /not HTTP/, remedy: /host and port of the proxy/ })
  await other.close()
  const [refused] = await examined(url, { env: { https_proxy: `${userInfo}@localhost:${other.port}` } })
  t.match(refused, { name: 'proxy', ok: false, cause: /it refused the connection/ })
  t.match(refused?.remedy, 'The proxy comes from the variable https_proxy; `proxy: none` uses none.')
  const [nowhere] = await examined(url, { proxy: `http://${userInfo}@proxy.invalid:1` })
  t.match(nowhere, {
    name: 'proxy',
    ok: false,
    cause: /^no connection to the proxy proxy\.invalid:1 before acme/,
  })
  const [broken] = await examined(url, { env: { HTTPS_PROXY: 'socks5://CANARY@localhost:1' } })
  t.match(broken, {
    name: 'proxy',
    ok: false,
    cause: /HTTPS_PROXY takes .*"socks5"/,
    remedy: /`proxy: none`/,
  })
})

t.test('a good proxy is told with its address, and no name is resolved here', async (t) => {
  const secure = await server(t, 'localhost')
  for (const certificate of [undefined, 'localhost']) {
    const proxy = await forwardProxy({
      credentials: decodeURIComponent(userInfo),
      ...(certificate !== undefined && { certificate }),
    })
    const address = `${certificate ? 'https' : 'http'}://${userInfo}@localhost:${proxy.port}`
    const findings = await examined(`https://localhost:${secure.port}`, { env: { HTTPS_PROXY: address } })
    t.equal(names(findings), 'proxy ok, reach ok, tls ok')
    t.equal(
      findings[0]?.evidence,
      `localhost:${proxy.port}, from the variable HTTPS_PROXY, answers at 127.0.0.1:${proxy.port}, ` +
        `and lets CONNECT localhost:${secure.port} through`,
    )
    t.equal(findings[1]?.evidence, `localhost:${secure.port} through the proxy, 0 ms`)
    t.same(proxy.asked.splice(0), [`CONNECT localhost:${secure.port}`])

    const plain = await examined('http://anywhere.invalid', { proxy: address })
    t.equal(names(plain), 'proxy ok', 'plain requests go to the proxy itself, which resolves')
    t.same(proxy.asked, [], 'nothing is sent')
    await proxy.close()
  }
  const passed = [
    [{ proxy: 'none', env: { HTTPS_PROXY: 'http://p:1' } }, /HTTPS_PROXY is set, but `proxy` is none$/],
    [{ env: { HTTPS_PROXY: 'http://p:1', NO_PROXY: 'localhost' } }, /NO_PROXY excepts localhost:\d+$/],
  ] as const
  for (const [options, evidence] of passed) {
    const findings = await examined(`https://localhost:${secure.port}`, options)
    t.equal(names(findings), 'proxy ok, name ok, reach ok, tls ok')
    t.match(findings[0]?.evidence, evidence)
  }
})

t.test('who goes away ends it, whichever step is under way, and no connection is left', async (t) => {
  for (const way of ['handshake', 'tunnel'] as const) {
    const controller = new AbortController()
    const reason = new Error('gone')
    const closed = Promise.withResolvers<void>()
    const silent = await tcpServer((socket) => {
      socket.once('data', () => controller.abort(reason))
      socket.once('close', () => closed.resolve())
    })
    const address = `localhost:${silent.port}`
    const asked =
      way === 'tunnel'
        ? examined('https://localhost:1', { proxy: `http://${address}` }, controller.signal)
        : examined(`https://${address}`, {}, controller.signal)
    await t.rejects(asked, reason, way)
    await closed.promise
    await silent.close()
  }
  await t.rejects(examined('http://localhost:1', {}, AbortSignal.abort(new Error('before'))), /before/)
})

t.test('no server got a request in all of this', async (t) => {
  t.ok(started.length > 10)
  t.same(
    started.flatMap(({ requests }) => requests),
    [],
  )
})
