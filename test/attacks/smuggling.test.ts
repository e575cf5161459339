/** Requests that a proxy and this server may read differently: none is answered as two, or as another one than was checked. */
import { connect } from 'node:net'
import t from 'tap'
import type { App } from '../../src/http/app.ts'
import { appWith } from '../app.ts'

const secret = 'k'.repeat(32)
const key = `Authorization: Bearer ${secret}\r\n`

/** Of each answer its status and code; the bytes are sent as they stand there. */
async function answers(port: number, text: string | Buffer): Promise<string[]> {
  const received = await new Promise<string>((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text))
    let bytes = ''
    let quiet: NodeJS.Timeout | undefined
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1')
      clearTimeout(quiet)
      quiet = setTimeout(() => socket.destroy(), 150)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      clearTimeout(quiet)
      resolve(bytes)
    })
  })
  return received.split(/(?=HTTP\/1\.1 \d)/).map((answer) => {
    const code = /"code":"(\w+)"/.exec(answer)?.[1]
    return `${/ (\d+)/.exec(answer)?.[1]}${code === undefined ? '' : ` ${code}`}`
  })
}

let port = 0
let app: App
t.before(async () => {
  const keys = [{ id: 'a', secret, scopes: ['admin'] }]
  app = await appWith({ auth: { keys }, feeds: [{ name: 'all' }] })
  port = Number(new URL(await app.listen({ port: 0, host: '127.0.0.1' })).port)
})
t.teardown(() => app.close())

const hidden = 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n'
const post = (headers: string, body: string) =>
  `POST /api/v1/sources/x/check HTTP/1.1\r\nHost: x\r\n${key}Content-Type: application/json\r\n${headers}\r\n${body}`
const get = (target: string, headers = 'Host: x\r\n') =>
  `GET ${target} HTTP/1.1\r\n${headers}Connection: close\r\n\r\n`
const bad = ['400 REQUEST_MALFORMED']
/** Carried out, and found to name no source. */
const once = ['404 SOURCE_UNKNOWN']
const chunked = `0\r\n\r\n${hidden}`

type Row = readonly [what: string, sent: string | Buffer, answers: readonly string[]]

const lengths: readonly Row[] = [
  ['a length and chunks', post('Content-Length: 5\r\nTransfer-Encoding: chunked\r\n', chunked), bad],
  ['chunks and a length', post('Transfer-Encoding: chunked\r\nContent-Length: 5\r\n', chunked), bad],
  ['two lengths', post('Content-Length: 2\r\nContent-Length: 40\r\n', `{}${hidden}`), bad],
  ['two equal lengths', post('Content-Length: 2\r\nContent-Length: 2\r\n', `{}${hidden}`), bad],
  ...['2, 2', '+2', '-2', '0x2', '2 2', '2;', '2.0', '１', '99999999999999999999', ''].map(
    (value): Row => [`the length ${value}`, post(`Content-Length: ${value}\r\n`, `{}${hidden}`), bad],
  ),
  ...[
    ...[
      'xchunked',
      'chunked, identity',
      'identity',
      'chunked;q=1',
      'chunked, chunked',
      '"chunked"',
      'chunked,',
    ],
    ...['\vchunked', 'chunked\v', 'chunked\0', 'chunke\u0130', ', chunked x', 'x', ''],
  ].map(
    (value): Row => [
      `the coding ${JSON.stringify(value)}`,
      post(`Transfer-Encoding: ${value}\r\n`, chunked),
      bad,
    ],
  ),
  ['a blank before the colon', post('Transfer-Encoding : chunked\r\n', chunked), bad],
  ['a blank before the name', post(' Transfer-Encoding: chunked\r\n', chunked), bad],
  ['a folded header', post('Transfer-Encoding:\r\n chunked\r\n', chunked), bad],
  ['two codings', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', chunked), bad],
  ['chunks that end with a line feed', post('Transfer-Encoding: chunked\r\n', `2\n{}\n0\n\n${hidden}`), bad],
  ['an extension that ends so', post('Transfer-Encoding: chunked\r\n', `2;\n{}\r\n0\r\n\r\n${hidden}`), bad],
  ['a chunk below nothing', post('Transfer-Encoding: chunked\r\n', '-1\r\n{}\r\n0\r\n\r\n'), bad],
  ['a chunk beyond all', post('Transfer-Encoding: chunked\r\n', 'FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n'), bad],
  [
    'a chunk in hexadecimal with a prefix',
    post('Transfer-Encoding: chunked\r\n', `0x2\r\n{}\r\n${chunked}`),
    bad,
  ],
  ['a chunk that is longer than told', post('Transfer-Encoding: chunked\r\n', `1\r\n{}\r\n${chunked}`), bad],
  [
    'an extension without end',
    post('Transfer-Encoding: chunked\r\n', `2;${'a'.repeat(20_000)}\r\n{}\r\n${chunked}`),
    ['413 BODY_TOO_LARGE'],
  ],
  ['the body of a GET', `${get('/livez', 'Host: x\r\nContent-Length: 34\r\n')}${hidden}`, bad],
]

const lines: readonly Row[] = [
  ['line feeds alone', 'GET /livez HTTP/1.1\nHost: x\n\n', bad],
  ['a carriage return in a value', get('/livez', 'Host: x\r\nX-A: a\rX-B: b\r\n'), bad],
  ['a folded value', get('/livez', 'Host: x\r\nX-A: a\r\n b\r\n'), bad],
  ['a NUL in a value', get('/livez', 'Host: x\r\nX-A: a\0b\r\n'), bad],
  ['a NUL in the address', get('/live\0z'), bad],
  ['a blank in the address', get('/livez /x'), bad],
  ['a name with a blank', get('/livez', 'Host: x\r\nX A: 1\r\n'), bad],
  ['no name', get('/livez', 'Host: x\r\n: 1\r\n'), bad],
  ['two Hosts', get('/livez', 'Host: x\r\nHost: y\r\n'), bad],
  ['no Host', get('/livez', ''), bad],
  ['a list as Host', get('/livez', 'Host: x, y\r\n'), bad],
  ['two keys', get('/api/v1/whoami', `Host: x\r\n${key}Authorization: Bearer other\r\n`), bad],
  [
    'two keys in the other header',
    get('/api/v1/whoami', `Host: x\r\nX-API-Key: ${secret}\r\nx-api-key: b\r\n`),
    bad,
  ],
  ['one in each', get('/api/v1/whoami', `Host: x\r\n${key}X-API-Key: other\r\n`), bad],
  ['two types of a body', post('Content-Type: text/plain\r\nContent-Length: 2\r\n', '{}'), bad],
  [
    'underscores for hyphens',
    get('/api/v1/whoami', `Host: x\r\nX_API_Key: ${secret}\r\n`),
    ['401 KEY_MISSING'],
  ],
  ['another method in a header', post('X-HTTP-Method-Override: GET\r\nContent-Length: 2\r\n', '{}'), once],
  [
    'another path in a header',
    get('/nothing', 'Host: x\r\nX-Original-URL: /livez\r\nX-Rewrite-URL: /livez\r\n'),
    ['404 ROUTE_UNKNOWN'],
  ],
  ['HTTP/0.9', 'GET /livez\r\n\r\n', bad],
  ['HTTP/1.10', 'GET /livez HTTP/1.10\r\nHost: x\r\n\r\n', bad],
  ['HTTP/2 without asking', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', bad],
  ['a method in lower case', 'get /livez HTTP/1.1\r\nHost: x\r\n\r\n', bad],
  ['a way to another server', 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: x\r\n\r\n', bad],
  ['an address of another server', get('http://evil.example/livez'), bad],
  ['a fragment', get('/livez#/api'), bad],
  ['many headers', get('/livez', `Host: x\r\n${'X-A: 1\r\n'.repeat(3000)}`), ['431 HEADERS_TOO_LARGE']],
  ['a long header', get('/livez', `Host: x\r\nX-A: ${'a'.repeat(100_000)}\r\n`), ['431 HEADERS_TOO_LARGE']],
  ['a long address', get(`/livez?${'a'.repeat(100_000)}`), ['431 HEADERS_TOO_LARGE']],
  ...[
    'evil"$(x)',
    'a b',
    'a<b>',
    'a/b',
    'user@x',
    'x:port',
    '[::1',
    "x'y",
    'x\\y',
    'x?y',
    'x#y',
    'x;y',
    'x\ty',
    '\u00fc',
    '%61',
  ].map((host): Row => [`the Host ${host}`, get('/livez', `Host: ${host}\r\n`), bad]),
]

const paths: readonly Row[] = [
  '//api/v1/whoami',
  '/api//v1/whoami',
  '/x/../api/v1/whoami',
  '/api/v1/%2e%2e/v1/whoami',
  '/api/v1/./whoami',
  '/API/v1/whoami',
  '/api/v1/whoami/',
  '/api/v1/whoami;a=b',
  '/api/v1%2fwhoami',
  '/api/v1\\whoami',
  '/api/v1/whoami%00',
  '/api/v1/whoami%20',
].map((path) => [path, get(path, `Host: x\r\n${key}`), ['404 ROUTE_UNKNOWN']])

/** What is odd and means one thing only. */
const good: readonly Row[] = [
  ['one request', post('Content-Length: 2\r\n', '{}'), once],
  ['chunks', post('Transfer-Encoding: Chunked\r\n', `2\r\n{}\r\n${chunked}`), [...once, '200']],
  ['an extension', post('Transfer-Encoding: chunked\r\n', `2;a="b"\r\n{}\r\n${chunked}`), [...once, '200']],
  [
    'a key at the end of a body',
    `POST /api/v1/sources/x/check HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: X-API-Key\r\n\r\n0\r\nX-API-Key: ${secret}\r\n\r\n`,
    ['401 KEY_MISSING'],
  ],
  ['the whole address of this server', get(`http://x/livez`), ['200']],
  ['one after the other', `${hidden}${hidden}${hidden}`, ['200', '200', '200']],
  [
    'a wish for another protocol',
    get('/livez', 'Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n'),
    ['200'],
  ],
  [
    'a header that names headers',
    get('/api/v1/whoami', `Host: x\r\n${key}Connection: authorization\r\n`),
    ['200'],
  ],
  ['an encoded letter', get('/api/v1/%77hoami', `Host: x\r\n${key}`), ['200']],
]

for (const [what, rows] of Object.entries({ lengths, lines, paths, good })) {
  t.test(`each of these ${what} is read in one way: ${rows.length} requests`, async (t) => {
    const received = await Promise.all(rows.map(([, sent]) => answers(port, sent)))
    for (const [index, [name, , expected]] of rows.entries()) t.strictSame(received[index], expected, name)
  })
}
