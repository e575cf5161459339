import t from 'tap'
import type { UpstreamErrorKind } from '../../src/errors.ts'
import type { HttpClientOptions } from '../../src/upstream/got-client.ts'
import { chooseProxy } from '../../src/upstream/proxy.ts'
import {
  answer,
  failureOf,
  forwardProxy,
  pem,
  rawServer,
  secretRequest,
  secrets,
  tcpServer,
  testClient,
} from './fixtures/servers.ts'

const tls = { ca: pem('ca'), insecure: false }
const userInfo = `${secrets.proxyUser}:${secrets.proxyPassword}`
const credentials = decodeURIComponent(userInfo)

const certificates: [
  string,
  string,
  string,
  HttpClientOptions['tls'],
  { code: string; message: RegExp } | undefined,
][] = [
  ['good, with our authority', 'localhost', 'localhost', tls, undefined],
  ['good, for an address', 'localhost', '127.0.0.1', tls, undefined],
  [
    'good, but of an authority that is not trusted',
    'localhost',
    'localhost',
    { insecure: false },
    { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', message: /authority that is not trusted here.*`tls\.caFile`/ },
  ],
  ['of an authority that is not trusted, insecure', 'localhost', 'localhost', { insecure: true }, undefined],
  [
    'expired',
    'expired',
    'localhost',
    tls,
    {
      code: 'CERT_HAS_EXPIRED',
      message: /its certificate has expired: renew it, or correct this machine's clock/,
    },
  ],
  ['expired, insecure', 'expired', 'localhost', { insecure: true }, undefined],
  [
    'not valid yet',
    'future',
    'localhost',
    tls,
    { code: 'CERT_NOT_YET_VALID', message: /not valid yet: correct this machine's clock/ },
  ],
  [
    'for another name',
    'other-host',
    'localhost',
    tls,
    { code: 'ERR_TLS_CERT_ALTNAME_INVALID', message: /for another name: correct the host in the base URL/ },
  ],
  [
    'signed by itself',
    'self-signed',
    'localhost',
    tls,
    { code: 'DEPTH_ZERO_SELF_SIGNED_CERT', message: /self-signed: put it into `tls\.caFile`/ },
  ],
  [
    'signed by itself, and trusted',
    'self-signed',
    'localhost',
    { ca: pem('self-signed'), insecure: false },
    undefined,
  ],
]

t.test(
  'a certificate is checked, what is wrong with it is said, and nothing is sent before it is good',
  async (t) => {
    for (const [what, certificate, host, tls, expected] of certificates) {
      const server = await rawServer(() => answer(200, {}, 'secure'), certificate)
      const proxy = await forwardProxy()
      for (const way of ['none', `http://127.0.0.1:${proxy.port}`]) {
        const client = testClient(`https://${host}:${server.port}`, { tls, proxy: way })
        if (expected === undefined) {
          t.equal((await client.send({ method: 'GET', path: '/' })).body.toString(), 'secure', what)
        } else {
          const error = await failureOf(client, secretRequest({ method: 'POST' }))
          t.match(error, { kind: 'unavailable', upstreamCode: expected.code, retryable: true }, what)
          t.match(error.message, expected.message, what)
          t.match(error.message, `no connection to acme (${host}:${server.port})`, what)
          t.same(server.requests, [], `${what}: nothing was sent`)
        }
        client.close()
      }
      await proxy.close()
      await server.close()
    }
  },
)

t.test(
  'TLS at a port without it, and a handshake that stalls or breaks, are told apart from an answer',
  async (t) => {
    const silent = await tcpServer(() => undefined)
    const stalled = testClient(`https://localhost:${silent.port}`, { timeoutMs: 400 })
    const timeout = await failureOf(stalled, secretRequest({ method: 'POST' }))
    t.match(timeout, { kind: 'timeout', upstreamCode: 'ETIMEDOUT' }, 'a push not sent has no unknown outcome')
    t.match(timeout.message, /the TLS handshake took more than 400 ms \(phase secureConnect\)$/)
    await silent.close()

    const plain = await tcpServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const wrong = await failureOf(
      testClient(`https://localhost:${plain.port}`),
      secretRequest({ method: 'POST' }),
    )
    t.match(wrong, { kind: 'unavailable', upstreamCode: /EPROTO|ERR_SSL/ })
    t.match(wrong.message, /TLS failed: check that it speaks TLS at this port, and which versions \(E/)
    await plain.close()

    const dropping = await tcpServer((socket) => socket.destroy())
    const dropped = await failureOf(
      testClient(`https://localhost:${dropping.port}`),
      secretRequest({ method: 'POST' }),
    )
    t.match(dropped, { kind: 'unavailable', upstreamCode: 'ECONNRESET' }, 'broken before anything was sent')
    t.match(dropped.message, /closed the connection .*\(ECONNRESET, phase secureConnect\)/)
    await dropping.close()
  },
)

t.test(
  'the way goes through a proxy: CONNECT for https, whole addresses for http, connections kept',
  async (t) => {
    const origins = {
      http: await rawServer(() => answer(200, {}, 'plain')),
      https: await rawServer(() => answer(200, {}, 'secure'), 'localhost'),
    }
    for (const proxyScheme of ['http', 'https'] as const) {
      const proxy = await forwardProxy({
        credentials,
        ...(proxyScheme === 'https' && { certificate: 'localhost' }),
      })
      const address = `${proxyScheme}://${userInfo}@localhost:${proxy.port}`
      for (const scheme of ['http', 'https'] as const) {
        const { port, requests } = origins[scheme]
        const base = `${scheme}://localhost:${port}`
        for (const options of [
          { proxy: address },
          { proxy: '', env: scheme === 'http' ? { http_proxy: address } : { HTTPS_PROXY: address } },
        ]) {
          const client = testClient(base, { tls, ...options })
          for (const _ of [1, 2]) {
            const { body } = await client.send(secretRequest({ method: 'POST', path: '/a%20b?q=`|' }))
            t.equal(
              body.toString(),
              scheme === 'http' ? 'plain' : 'secure',
              `${scheme} through ${proxyScheme}`,
            )
          }
          const sent = requests.splice(0).map((text) => text.toLowerCase())
          t.equal(sent.length, 2)
          for (const text of sent) {
            t.ok(text.startsWith('post /a%20b?q=`| http/1.1\r\n'))
            t.match(text, `host: localhost:${port}`)
            t.match(text, secrets.authorization.toLowerCase())
            t.notMatch(text, /proxy-authorization/, 'the proxy alone gets its credentials')
          }
          t.same(
            proxy.asked.splice(0),
            scheme === 'http' ? Array(2).fill(`POST ${base}/a%20b?q=\`|`) : [`CONNECT localhost:${port}`],
          )
          t.notMatch(client.logged(), /CANARY/)
          client.close()
        }
      }
      await proxy.close()
    }
    await origins.http.close()
    await origins.https.close()
  },
)

type Refusal = Parameters<typeof forwardProxy>[0]
const proxyFailures: [
  string,
  'http' | 'https',
  Refusal,
  { kind: UpstreamErrorKind; status?: number; code?: string; message: RegExp },
][] = [
  [
    'wrong credentials',
    'https',
    { credentials: 'other:one' },
    {
      kind: 'unavailable',
      status: 407,
      code: 'ERR_PROXY',
      message: /^the proxy PROXY before acme wants credentials \(407\): put user and password/,
    },
  ],
  [
    'wrong credentials, plain',
    'http',
    { credentials: 'other:one' },
    { kind: 'unavailable', status: 407, message: /^the proxy before acme \(HOST\) wants credentials \(407/ },
  ],
  [
    'a way that is not allowed',
    'https',
    { refusal: 403 },
    {
      kind: 'unavailable',
      status: 403,
      code: 'ERR_PROXY',
      message: /^the proxy PROXY before acme refused the way to HOST \(403\)$/,
    },
  ],
  [
    'a proxy that closes',
    'https',
    { refusal: 'drop' },
    {
      kind: 'unavailable',
      code: 'ECONNRESET',
      message:
        /^the proxy PROXY before acme \(HOST\) closed the connection without an answer \(ECONNRESET, phase wait\)$/,
    },
  ],
  [
    'a proxy that closes on a plain push',
    'http',
    { refusal: 'drop' },
    { kind: 'outcome-unknown', code: 'ECONNRESET', message: /closed the connection/ },
  ],
  [
    'a proxy that never answers',
    'https',
    { refusal: 'hang' },
    {
      kind: 'timeout',
      code: 'ETIMEDOUT',
      message:
        /^the proxy PROXY before acme \(HOST\) took too long: its answer to CONNECT took more than 400 ms \(phase wait\)$/,
    },
  ],
  [
    'an https proxy of an authority that is not trusted',
    'https',
    { certificate: 'self-signed' },
    {
      kind: 'unavailable',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      message: /^no connection to the proxy PROXY before acme \(HOST\): its certificate is self-signed/,
    },
  ],
  [
    'the same, plain',
    'http',
    { certificate: 'self-signed' },
    {
      kind: 'unavailable',
      code: 'DEPTH_ZERO_SELF_SIGNED_CERT',
      message: /^no connection to the proxy PROXY before acme \(HOST\): its certificate is self-signed/,
    },
  ],
]

t.test('what fails at the proxy is said of the proxy, without its credentials', async (t) => {
  for (const [what, scheme, behaviour, expected] of proxyFailures) {
    const server = await rawServer(() => answer(200), scheme === 'https' ? 'localhost' : undefined)
    const proxy = await forwardProxy(behaviour)
    const proxyHost = `localhost:${proxy.port}`
    const client = testClient(`${scheme}://localhost:${server.port}`, {
      tls,
      timeoutMs: behaviour?.refusal === 'hang' ? 400 : 5000,
      proxy: `${behaviour?.certificate ? 'https' : 'http'}://${userInfo}@${proxyHost}`,
    })
    const error = await failureOf(client, secretRequest({ method: 'POST' }))
    const { kind, status, upstreamCode: code } = error
    const message = error.message
      .replaceAll(`localhost:${server.port}`, 'HOST')
      .replaceAll(proxyHost, 'PROXY')
    t.match({ kind, status, code, message }, { status: undefined, code: undefined, ...expected }, what)
    t.same(server.requests, [], `${what}: the vendor got nothing`)
    client.close()
    await proxy.close()
    await server.close()
  }

  const proxy = await forwardProxy()
  await proxy.close()
  for (const scheme of ['http', 'https']) {
    const client = testClient(`${scheme}://localhost:1`, {
      proxy: `http://${userInfo}@127.0.0.1:${proxy.port}`,
    })
    const error = await failureOf(client, secretRequest({ method: 'POST' }))
    t.match(error, { kind: 'unavailable', upstreamCode: 'ECONNREFUSED' })
    t.match(
      error.message,
      `no connection to the proxy 127.0.0.1:${proxy.port} before acme (localhost:1): it refused`,
    )
  }
})

t.test('a vendor that breaks off behind a proxy is to blame itself', async (t) => {
  const proxy = await forwardProxy()
  const server = await rawServer(({ socket }) => void socket.destroy(), 'localhost')
  const client = testClient(`https://localhost:${server.port}`, {
    tls,
    proxy: `http://127.0.0.1:${proxy.port}`,
  })
  const error = await failureOf(client, secretRequest({ method: 'POST' }))
  t.match(error, { kind: 'outcome-unknown', upstreamCode: 'ECONNRESET' })
  t.match(error.message, /^acme \(localhost:\d+\) closed the connection without an answer/)
  client.close()
  await server.close()
  await proxy.close()
})

t.test('NO_PROXY and the standard variables choose the proxy as other programs do', (t) => {
  const env = { HTTP_PROXY: 'http://plain:3128', HTTPS_PROXY: 'secure:3129' }
  const rows: [string, string, string, Record<string, string>, string | undefined][] = [
    ['https', 'https://a.example.org', '', env, 'http://secure:3129/'],
    ['http', 'http://a.example.org', '', env, 'http://plain:3128/'],
    ['nothing set', 'https://a.example.org', '', {}, undefined],
    ['only the other scheme', 'https://a.example.org', '', { HTTP_PROXY: 'http://plain:3128' }, undefined],
    ['an empty variable', 'https://a.example.org', '', { HTTPS_PROXY: '' }, undefined],
    [
      'lower case wins',
      'https://a.example.org',
      '',
      { ...env, https_proxy: 'http://lower:1' },
      'http://lower:1/',
    ],
    ['none', 'https://a.example.org', 'none', env, undefined],
    ['set in the configuration', 'https://a.example.org', 'http://own:8080', env, 'http://own:8080/'],
    [
      'set, and NO_PROXY does not count',
      'https://a.example.org',
      'http://own:8080',
      { NO_PROXY: '*' },
      'http://own:8080/',
    ],
    ['*', 'https://a.example.org', '', { ...env, NO_PROXY: '*' }, undefined],
    ['the host', 'https://a.example.org', '', { ...env, NO_PROXY: 'b.example, A.Example.ORG' }, undefined],
    ['its domain', 'https://a.example.org', '', { ...env, NO_PROXY: 'example.org' }, undefined],
    ['a suffix', 'https://a.example.org', '', { ...env, no_proxy: '.example.org' }, undefined],
    ['a starred suffix', 'https://a.example.org', '', { ...env, NO_PROXY: '*.example.org' }, undefined],
    [
      'a longer name',
      'https://anexample.org',
      '',
      { ...env, NO_PROXY: 'example.org,.example.org' },
      'http://secure:3129/',
    ],
    ['the port', 'https://a.example.org:8443', '', { ...env, NO_PROXY: 'a.example.org:8443' }, undefined],
    ['the default port', 'https://a.example.org', '', { ...env, NO_PROXY: 'a.example.org:443' }, undefined],
    [
      'another port',
      'https://a.example.org',
      '',
      { ...env, NO_PROXY: 'a.example.org:8443' },
      'http://secure:3129/',
    ],
    ['an address', 'http://10.0.0.1:8080', '', { ...env, NO_PROXY: '10.0.0.1' }, undefined],
    ['an IPv6 address', 'http://[::1]:8080', '', { ...env, NO_PROXY: '::1' }, undefined],
    ['an IPv6 address with a port', 'http://[::1]:8080', '', { ...env, NO_PROXY: '[::1]:8080' }, undefined],
    [
      'an IPv6 address with another port',
      'http://[::1]:8080',
      '',
      { ...env, NO_PROXY: '[::1]:80' },
      'http://plain:3128/',
    ],
    ['nothing but separators', 'http://a.example', '', { ...env, NO_PROXY: ' ,, .' }, 'http://plain:3128/'],
  ]
  for (const [what, origin, setting, variables, expected] of rows) {
    t.equal(chooseProxy(setting, new URL(origin), variables)?.href, expected, what)
  }

  const bad: [string, Record<string, string>, RegExp][] = [
    ['socks5://u:CANARY@host:1', {}, /^proxy takes http\(s\):\/\/.*; received the scheme "socks5"$/],
    ['host:3128', {}, /^proxy takes .*; what it holds is not a URL$/],
    ['CANARY', {}, /^proxy takes .*; what it holds is not a URL$/],
    ['http://', {}, /^proxy takes .* is not a URL$/],
    ['http://u:CANARY%zz@host:1', {}, /^proxy takes .*; a "%" in user or password is written %25$/],
    ['', { HTTPS_PROXY: 'socks5://CANARY@host:1' }, /^HTTPS_PROXY takes .*"socks5"$/],
    ['', { https_proxy: 'http://[CANARY' }, /^HTTPS_PROXY takes .* not a URL$/],
  ]
  for (const [setting, variables, message] of bad) {
    let received = ''
    try {
      chooseProxy(setting, new URL('https://a.example'), variables)
    } catch (error) {
      received = error instanceof TypeError ? error.message : ''
    }
    t.match(received, message)
    t.notMatch(received, /CANARY/)
  }
  t.end()
})
