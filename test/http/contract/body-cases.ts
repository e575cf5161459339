/** What is wrong or odd in the body of a request, and what it is said to be. */
import { gzipSync } from 'node:zlib'
import type { Case, Make, Resolve } from './case.ts'
import type { Operation } from './document.ts'
import { valuesOf } from './values.ts'

export function bodyCases(operation: Operation, resolve: Resolve, make: Make): Case[] {
  const { body, method } = operation
  const at = (what: string, body: string | Buffer | null, expect?: Case['expect'], headers = {}) =>
    make({ what: `body: ${what}`, body, headers, ...(expect !== undefined && { expect }) })
  if (body === undefined) {
    return [
      at('one that is not asked for', '{"a":1}', [400]),
      at('an empty object', '{}', method === 'GET' ? [400] : 'understood'),
      at(
        'larger than may be',
        JSON.stringify({ a: 'a'.repeat(1024 * 1024) }),
        method === 'GET' ? [400] : [413],
      ),
      at('no JSON', 'a=b', method === 'GET' ? [400] : [415], {
        'content-type': 'application/x-www-form-urlencoded',
      }),
    ]
  }
  const usual = JSON.stringify(body.example ?? {})
  const takesMore = operation.path.endsWith('/templates/preview')
  const big = JSON.stringify({ surplus: 'a'.repeat((takesMore ? 4 : 1) * 1024 * 1024) })
  // As large as it may be there would take as long as all else together.
  const takesBig = operation.path.startsWith('/api/v1/push/')
  return [
    at('its example', usual, undefined),
    at('none', null, body.required ? [400] : undefined),
    ...valuesOf(body.schema, resolve).map(({ value, good, what }) =>
      at(what, JSON.stringify(value), good === undefined ? undefined : good ? 'understood' : [400]),
    ),
    ...brokenBodies.map((text) =>
      at(`not JSON: ${JSON.stringify(text.toString().slice(0, 30))}`, text, [400]),
    ),
    ...oddBodies.map((text) => at(`odd: ${text.slice(0, 40)}`, text)),
    ...wrongTypes.map((type) => at(`of the type ${type}`, usual, [415], { 'content-type': type })),
    ...rightTypes.map((type) => at(`of the type ${type}`, usual, 'understood', { 'content-type': type })),
    at('compressed', gzipSync(usual), [415], { 'content-encoding': 'gzip' }),
    at('larger than may be', big, takesBig ? [400] : [413]),
  ]
}

const brokenBodies: readonly (string | Buffer)[] = [
  ...[
    '{',
    '{"a":}',
    'nonsense',
    '{"a":1}}',
    "{'a':1}",
    '{"a":1,}',
    '{a:1}',
    '[1',
    '"',
    '{"a":NaN}',
    'a=b&c=d',
  ],
  ...['\u0000', '// c\n{}', '{"a":"\n"}', '{"a":01}', '{"\\ud800":1}', '{"surplus":"\\udc00"}'],
  Buffer.from([0x7b, 0xff, 0x7d]),
  Buffer.from([0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]),
  '['.repeat(50_000),
]

const oddBodies: readonly string[] = [
  ...['', ' ', '\ufeff{}', '{"constructor":{"prototype":{"a":1}}}', '{"__proto__":null}', '{"":1}'],
  ...[
    '{"a":1e400}',
    '{"a":-0}',
    `{"a":${'9'.repeat(400)}}`,
    '{"a":1,"a":2}',
    `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`,
  ],
]

const wrongTypes = [
  ...[
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
  ],
  ...[
    'application/json; charset=utf-16',
    'application/json;charset=latin1',
    'application/jsonx',
    'nonsense',
    '',
  ],
]

const rightTypes = [
  ...[
    'application/json; charset=utf-8',
    'application/json;charset="UTF-8"',
    'APPLICATION/JSON',
    'application/json ; a=b',
  ],
]
