import { inspect } from 'node:util'
import fc from 'fast-check'
import t from 'tap'
import { UpstreamError } from '../../src/errors.ts'
import { exactId } from '../../src/model/exact-number.ts'
import { hasUnsafeInteger, parseJson } from '../../src/upstream/json.ts'

const answer = { service: 'acme', status: 200 }
const parse = (text: string | Buffer) => parseJson(Buffer.from(text), answer)

t.test('an integer beyond 2^53 keeps every digit, wherever it stands, and is written as it was read', (t) => {
  const texts = [
    '{"id":9007199254740992}',
    '{"id":9007199254740993,"n":1}',
    '{"id":-9007199254740993}',
    '{"id":12345678901234567}',
    '{"id":123456789012345678}',
    '{"id":1234567890123456789}',
    '{"id":18446744073709551615}',
    '{"id":123456789012345678901234567890}',
    '[9007199254918487,9007199254918489]',
    '[1,[2,[9007199254918489]],{"a":{"b":[{"c":9007199254918487}]}}]',
    '{"a":"text","b":[1.5,-2,300000,true,null],"c":9007199254918489,"__proto__":{"x":9007199254918487}}',
    '9007199254918489',
    '-18446744073709551615',
  ]
  for (const text of texts) {
    t.equal(JSON.stringify(parse(text)), text)
    const spaced = text.replace(/[:[,\]}]/g, ' \n\t$& \r\n')
    t.equal(JSON.stringify(parse(spaced)), text, 'with white space around it')
    t.equal(JSON.stringify(parse(`\ufeff${text}`)), text, 'after a byte order mark')
  }
  t.end()
})

t.test('what is no integer beyond 2^53 is what JSON.parse makes of it, on the fast way', (t) => {
  const normal = [
    '{"id":9007199254740991}',
    '{"id":-9007199254740991}',
    '{"id":1000000000000000,"other":9006999999999999}',
    '{"float":12345678901234567.5,"exponent":12345678901234567e3,"fraction":0.12345678901234567890}',
    '{"id":"12345678901234567890"}',
    '["12345678901234567890","9007199254740993"]',
    '{"12345678901234567890":1}',
    '{"md5":"12345678901234567890123456789012","sha":"a2345678901234567890123456789012"}',
    '{"text":"id 12345678901234567890 of, 9007199254740993 and: 9007199254740993."}',
    '{"url":"https://a.example/12345678901234567890?x=9007199254740993&y=1"}',
    '{"escaped":"\\"12345678901234567890\\""}',
    '[]',
    '"9007199254740993"',
  ]
  for (const text of normal) {
    t.notOk(hasUnsafeInteger(Buffer.from(text)), text)
    t.same(parse(text), JSON.parse(text), text)
  }
  const looksLike = '{"text":"a,12345678901234567890,b","float":12345678901234567.5,"id":7}'
  t.ok(hasUnsafeInteger(Buffer.from(looksLike)), 'a text that looks like one costs time')
  t.same(parse(looksLike), JSON.parse(looksLike), 'and nothing else')
  t.end()
})

t.test('an exact id is decimal text, or nothing', (t) => {
  const big = (parse('[18446744073709551615]') as unknown[])[0]
  const rows: [unknown, string | undefined][] = [
    [0, '0'],
    [98590287, '98590287'],
    [-5, '-5'],
    [9007199254740991, '9007199254740991'],
    [9007199254740992, undefined],
    [1.5, undefined],
    [Number.NaN, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    ['18446744073709551615', '18446744073709551615'],
    ['-12', '-12'],
    ['', undefined],
    ['1.5', undefined],
    ['12a', undefined],
    [' 12', undefined],
    ['12\n', undefined],
    ['0x10', undefined],
    [big, '18446744073709551615'],
    [{ rawJSON: '5' }, undefined],
    [null, undefined],
    [undefined, undefined],
    [true, undefined],
    [[1], undefined],
    [5n, undefined],
  ]
  for (const [value, expected] of rows) t.equal(exactId(value), expected, inspect(value))
  t.end()
})

/** JSON with white space, and what has to be left of it. */
interface Written {
  readonly text: string
  readonly kept: string
}

t.test('every integer of any JSON survives, and nothing else is changed', (t) => {
  const integer = fc
    .bigInt({ min: -(10n ** 22n), max: 10n ** 22n })
    .map((n) => ({ text: `${n}`, kept: `${n}` }))
  const edge = fc
    .bigInt({ min: 2n ** 53n - 40n, max: 2n ** 53n + 40n })
    .map((n) => ({ text: `${n}`, kept: `${n}` }))
  const other = fc
    .oneof(
      fc.string({ unit: 'binary' }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
    )
    .map((value) => ({ text: JSON.stringify(value), kept: JSON.stringify(value) }))
  const digits = fc
    .stringMatching(/^[-:,[\]} \d]{0,8}\d{14,22}[,\]}: ]{0,3}$/)
    .map((value) => ({ text: JSON.stringify(value), kept: JSON.stringify(value) }))
  const gap = fc.constantFrom('', ' ', '\n  ', '\t')
  const { value } = fc.letrec<{ value: Written; array: Written; object: Written }>((tie) => ({
    value: fc.oneof({ maxDepth: 4 }, integer, edge, other, digits, tie('array'), tie('object')),
    array: fc.tuple(gap, fc.array(tie('value'), { maxLength: 4 })).map(([space, items]) => ({
      text: `[${items.map(({ text }) => space + text + space).join(',')}]`,
      kept: `[${items.map(({ kept }) => kept).join(',')}]`,
    })),
    object: fc
      .tuple(
        gap,
        fc.array(fc.tuple(fc.string(), tie('value')), {
          maxLength: 4,
        }),
      )
      .map(([space, members]) => {
        const named = members.map(([key, item], index) => [JSON.stringify(`k${index}${key}`), item] as const)
        return {
          text: `{${named.map(([key, { text }]) => `${key}${space}:${space}${text}`).join(',')}}`,
          kept: `{${named.map(([key, { kept }]) => `${key}:${kept}`).join(',')}}`,
        }
      }),
  }))
  t.doesNotThrow(() =>
    fc.assert(
      fc.property(value, ({ text, kept }) => JSON.stringify(parse(text)) === kept),
      { numRuns: 5000 },
    ),
  )
  t.end()
})

t.test('what is not JSON is told by what it looks like, short and without control characters', (t) => {
  const rows: [string, string | Buffer, RegExp][] = [
    ['nothing', '', /^acme answered 200 with an empty body instead of JSON$/],
    ['white space', ' \r\n', /an empty body/],
    [
      'a login page',
      '<!DOCTYPE html>\n<html><head><title>\n Sign\u0007 in\u202e </title></head>',
      /^acme answered 200 with an HTML page titled "Sign in" instead of JSON$/,
    ],
    ['a page without a title', '<html><body>hello', /with an HTML page instead of JSON$/],
    [
      'a page with a long title',
      `<html><title>${'word '.repeat(100)}</title>`,
      /titled "(word ){15}word(d| w)?/,
    ],
    [
      'XML',
      '<?xml version="1.0"?><Error/>',
      /with an XML document that begins <\?xml version="1.0"\?><Error\/> instead/,
    ],
    [
      'an object that is cut off',
      '{"data":[{"id":1},{"id"',
      /with JSON that is cut off after 23 characters instead of JSON$/,
    ],
    ['an array that is cut off', '[{"id":1},{"id":2}', /JSON that is cut off after 18 characters/],
    ['an object that is cut off after a brace', '{"data":[{"id":1}', /cut off after 17/],
    ['a text that is cut off', '{"token":"eyJhbGciOi', /cut off after 20 characters instead of JSON$/],
    [
      'plain text',
      'upstream connect error\u0000\u001b[31m',
      /with "upstream connect error \[31m" instead of JSON$/,
    ],
    ['a form', 'access_token=eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.CANARY', /with "…" instead/],
    ['a callback', 'callback({"a":1})', /with "callback\({"a":1}\)" instead/],
    ['two values', '{"a":1}{"b":2}', /with "{"a":1}{"b":2}" instead/],
    ['a big integer in what is not JSON', 'x:[9007199254740993,]', /with "x:\[9007199254740993,\]" instead/],
    ['bytes', Buffer.from([0x1f, 0x8b, 0x08, 0, 0xff]), /a body that is not UTF-8$/],
    ['another encoding', Buffer.from('{"summary":"caf\xe9"}', 'latin1'), /a body that is not UTF-8$/],
    ['a page that opens one tag without end', `<html>${'<title'.repeat(60_000)}`, /an HTML page/],
    [
      'nesting that no program reads',
      `${'['.repeat(200_000)}9007199254740993${']'.repeat(200_000)}`,
      /nested too deeply/,
    ],
  ]
  for (const [what, body, expected] of rows) {
    let error: unknown
    try {
      parse(Buffer.from(body))
    } catch (thrown) {
      error = thrown
    }
    if (!(error instanceof UpstreamError)) return t.fail(`${what}: no UpstreamError`)
    t.match(error, { kind: 'unreadable', service: 'acme', status: 200, retryable: false }, what)
    t.match(error.message, expected, what)
    t.ok(error.message.length <= 150, `${what}: short`)
    t.notMatch(error.message, /[\p{Cc}\p{Cf}]|CANARY/u, what)
  }
  t.end()
})
