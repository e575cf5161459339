/** Bytes that no client sends: whatever they are, the answer is one, and says what is wrong. */

const end = 'Connection: close\r\n\r\n'
const host = 'Host: localhost\r\n'
const requestLine = (target: string) => `GET ${target} HTTP/1.1\r\n${host}${end}`

/** Each with what the first line of the answer has to be. */
export const rawRequests: readonly (readonly [what: string, bytes: string, answer: RegExp])[] = [
  ['bytes above ASCII in the path', requestLine('/api/v1/caf\u00e9'), /^HTTP\/1.1 4\d\d /],
  ['bytes above ASCII in the query', requestLine('/livez?a=\u00ff\u00fe'), /^HTTP\/1.1 (200|400) /],
  ['a blank in the path', requestLine('/api/v1/a b'), /^HTTP\/1.1 400 /],
  ['a backslash', requestLine('\\livez'), /^HTTP\/1.1 4\d\d /],
  ['a fragment', requestLine('/livez#a'), /^HTTP\/1.1 (200|4\d\d) /],
  ['an address in absolute form', requestLine('http://localhost/livez'), /^HTTP\/1.1 (200|4\d\d) /],
  ['an address of another scheme', requestLine('javascript:alert(1)'), /^HTTP\/1.1 4\d\d /],
  ['an asterisk', `OPTIONS * HTTP/1.1\r\n${host}${end}`, /^HTTP\/1.1 4\d\d /],
  ['an empty address', `GET  HTTP/1.1\r\n${host}${end}`, /^HTTP\/1.1 400 /],
  ['a control character in the path', requestLine('/\u0001'), /^HTTP\/1.1 400 /],
  ['a method in small letters', `get /livez HTTP/1.1\r\n${host}${end}`, /^HTTP\/1.1 400 /],
  ['an unknown method', `NONSENSE /livez HTTP/1.1\r\n${host}${end}`, /^HTTP\/1.1 400 /],
  ['CONNECT', `CONNECT localhost:80 HTTP/1.1\r\n${host}${end}`, /^HTTP\/1.1 400 /],
  ['HTTP/2 in clear', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', /^HTTP\/1.1 400 /],
  ['TLS', '\u0016\u0003\u0001\u0000\u00a5\u0001\u0000', /^HTTP\/1.1 400 /],
  ['no Host', 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n', /^HTTP\/1.1 400 /],
  ['a NUL in a header', `GET /livez HTTP/1.1\r\n${host}X-A: a\u0000b\r\n${end}`, /^HTTP\/1.1 400 /],
  ['a folded header', `GET /livez HTTP/1.1\r\n${host}X-A: a\r\n b\r\n${end}`, /^HTTP\/1.1 (200|400) /],
  ['a blank before a colon', `GET /livez HTTP/1.1\r\n${host}X-A : a\r\n${end}`, /^HTTP\/1.1 400 /],
  [
    'both lengths',
    `POST /api/v1/sources/tc/check HTTP/1.1\r\n${host}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
    /^HTTP\/1.1 400 /,
  ],
  [
    'two lengths',
    `POST /api/v1/sources/tc/check HTTP/1.1\r\n${host}Content-Length: 3\r\nContent-Length: 4\r\n${end}abcd`,
    /^HTTP\/1.1 400 /,
  ],
  [
    'a length that is none',
    `POST /api/v1/sources/tc/check HTTP/1.1\r\n${host}Content-Length: -1\r\n${end}`,
    /^HTTP\/1.1 400 /,
  ],
  [
    'a chunk that is none',
    `POST /api/v1/sources/tc/check HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n${end}zz\r\n`,
    /^HTTP\/1.1 4\d\d /,
  ],
  [
    'an unknown coding',
    `POST /livez HTTP/1.1\r\n${host}Transfer-Encoding: nonsense\r\n${end}`,
    /^HTTP\/1.1 4\d\d /,
  ],
  [
    'an upgrade',
    `GET /livez HTTP/1.1\r\n${host}Upgrade: websocket\r\nConnection: upgrade, close\r\n\r\n`,
    /^HTTP\/1.1 (200|4\d\d) /,
  ],
  [
    'an expectation',
    `POST /livez HTTP/1.1\r\n${host}Expect: nonsense\r\nContent-Length: 0\r\n${end}`,
    /^HTTP\/1.1 417 /,
  ],
  [
    'headers without end',
    `GET /livez HTTP/1.1\r\n${host}X-A: ${'a'.repeat(20_000)}\r\n${end}`,
    /^HTTP\/1.1 431 /,
  ],
  ['an address without end', requestLine(`/${'a'.repeat(20_000)}`), /^HTTP\/1.1 431 /],
  ['two requests at once', `GET /livez HTTP/1.1\r\n${host}\r\n${requestLine('/readyz')}`, /^HTTP\/1.1 200 /],
]

/** Why what came back is no answer as every answer is; empty: it is one. @param text whole, as latin1 */
export function rawFaults(text: string, expected: RegExp): string[] {
  const faults: string[] = []
  const [head = '', body = ''] = text.split('\r\n\r\n', 2)
  if (!expected.test(head)) faults.push(`${JSON.stringify(head.split('\r\n')[0])} instead of ${expected}`)
  if (/^HTTP\/1.1 5/.test(head)) faults.push(body.slice(0, 300))
  if (!/\r\nX-Content-Type-Options: nosniff/i.test(head)) faults.push('no nosniff')
  if (!/^HTTP\/1.1 [45]/.test(head)) return faults
  if (!/\r\nContent-Type: application\/problem\+json(\r\n|$)/i.test(head))
    faults.push('an error that is no problem')
  const status = Number(head.slice(9, 12))
  const problem = parsed(body)
  if (problem?.status !== status) faults.push(`a problem with another status: ${body.slice(0, 200)}`)
  return faults
}

function parsed(text: string): { readonly status?: number } | undefined {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString())
  } catch {
    return undefined
  }
}
