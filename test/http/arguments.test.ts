/** Arguments: how they are read, and what is said of wrong ones. */
import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import Type from 'typebox'
import { didYouMean } from '../../src/did-you-mean.ts'
import type { App } from '../../src/http/app.ts'
import { readLenientBody, readQuery } from '../../src/http/arguments-text.ts'
import { Enum, Nullable, Ref } from '../../src/http/schema.ts'
import { createServer } from '../../src/http/server.ts'

const Arguments = Type.Object({
  limit: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000, default: 50 })),
  offset: Type.Optional(Type.Integer({ minimum: 0 })),
  ratio: Type.Optional(Type.Number({ maximum: 1 })),
  above: Type.Optional(Type.Number({ exclusiveMinimum: 0, multipleOf: 0.5 })),
  active: Type.Optional(Type.Boolean()),
  view: Type.Optional(Enum(['unified', 'xsoar'])),
  only: Type.Optional(Enum(['one'])),
  owners: Type.Optional(Type.Array(Type.String({ maxLength: 10 }), { maxItems: 3 })),
  types: Type.Optional(Type.Array(Enum(['Host', 'URL', 'Registry Key']))),
  ids: Type.Optional(Type.Array(Type.Integer())),
  tql_query: Type.Optional(Type.String({ minLength: 2, maxLength: 200 })),
  name: Type.Optional(Type.String({ pattern: '^[a-z]+$', 'x-takes': 'lower-case letters' })),
  code: Type.Optional(Type.String({ pattern: '^[A-Z]{2}$' })),
  since: Type.Optional(Type.String({ format: 'date-time' })),
  wait: Type.Optional(Type.Union([Type.Integer({ minimum: 1 }), Enum(['off'])])),
})

const Place = Type.Object({ city: Type.String() }, { $id: 'Place', additionalProperties: false })

const Entry = Type.Object({
  type: Enum(['domain', 'url']),
  value: Type.String(),
  place: Type.Optional(Ref(Place)),
})

const Strict = Type.Object({
  indicators: Type.Array(Type.Union([Type.String(), Entry]), { minItems: 1 }),
  feed: Type.Optional(Nullable(Type.String())),
  options: Type.Optional(Type.Object({ days: Type.Optional(Type.Integer({ minimum: 0 })) })),
  free: Type.Optional(Type.Object({ a: Type.Optional(Type.Integer()) }, { additionalProperties: true })),
  exact: Type.Optional(Type.Literal('yes')),
})

async function start(t: Test): Promise<App> {
  const app = await createServer({
    keys: [],
    trustProxy: false,
    requestsPerMinute: 0,
    logger: 'silent',
    version: '1.2.3',
    schemas: [Place],
    isReady: async () => ({ ok: true, reasons: [] }),
    routes: [
      (routes) => {
        const config = { scope: 'public', audit: false } as const
        const lenient = { ...config, lenientBody: true } as const
        const hide = true
        routes.get('/get', { config, schema: { hide, querystring: Arguments } }, (request) => request.query)
        routes.post(
          '/lenient',
          { config: lenient, schema: { hide, body: Arguments } },
          (request) => request.body,
        )
        routes.post('/strict', { config, schema: { hide, body: Strict } }, (request) => request.body)
        routes.post('/none', { config, schema: { hide } }, (request) => ({ body: request.body ?? null }))
        const params = Type.Object({ id: Type.Integer({ minimum: 1 }) })
        const querystring = Type.Object({ needed: Type.String() })
        const headers = Type.Object({ 'Idempotency-Key': Type.String({ maxLength: 5 }) })
        const parts = { hide, params, querystring, headers, body: Strict }
        routes.post('/parts/:id', { config, schema: parts }, (request) => request.params)
      },
    ],
  })
  t.teardown(() => app.close())
  return app
}

const post = (app: App, url: string, payload: unknown) =>
  app.inject({
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json' },
    payload: JSON.stringify(payload),
  })

t.test('a query is read as its schema wants it', async (t) => {
  const app = await start(t)
  const cases: readonly (readonly [query: string, values: object])[] = [
    ['', { limit: 50 }],
    ['?limit=0', { limit: 0 }],
    ['?limit=007&offset=%205%20', { limit: 7, offset: 5 }],
    ['?ratio=-1.5e-3', { limit: 50, ratio: -0.0015 }],
    ['?active=Yes', { limit: 50, active: true }],
    ['?active=TRUE', { limit: 50, active: true }],
    ['?active=no', { limit: 50, active: false }],
    ['?active=False', { limit: 50, active: false }],
    ['?owners=A,B', { limit: 50, owners: ['A', 'B'] }],
    ['?owners=A&owners=B', { limit: 50, owners: ['A', 'B'] }],
    ['?owners=%20A%20,,B%2C&owners=', { limit: 50, owners: ['A', 'B'] }],
    ['?owners=["A, B","C"]&owners=D', { limit: 50, owners: ['A, B', 'C', 'D'] }],
    ['?owners=[A],["B"', { limit: 50, owners: ['[A]', '["B"'] }],
    ['?types=Registry+Key,URL', { limit: 50, types: ['Registry Key', 'URL'] }],
    ['?types=Registry%20Key', { limit: 50, types: ['Registry Key'] }],
    ['?ids=1,2&ids=3', { limit: 50, ids: [1, 2, 3] }],
    ['?tql_query=a,b%26c%3Dd', { limit: 50, tql_query: 'a,b&c=d' }],
    ['?tql_query=true', { limit: 50, tql_query: 'true' }],
    ['?tql_query=42', { limit: 50, tql_query: '42' }],
    ['?tql_query=%C3%A9=x', { limit: 50, tql_query: 'é=x' }],
    ['?wait=5', { limit: 50, wait: 5 }],
    ['?wait=off', { limit: 50, wait: 'off' }],
    ['?&limit=1&', { limit: 1 }],
  ]
  for (const [query, values] of cases) {
    const answer = await app.inject(`/get${query}`)
    t.equal(answer.statusCode, 200, `${query}: ${answer.body}`)
    t.same(answer.json(), values, query)
  }
})

/** A request that is wrong, and the one thing that is said of it. */
type Wrong = readonly [request: unknown, pointer: string, detail: string]

async function tellsOne(
  t: Test,
  answer: { statusCode: number; json(): unknown },
  [request, pointer, detail]: Wrong,
) {
  const what = typeof request === 'string' ? request : JSON.stringify(request).slice(0, 80)
  const { errors, code } = answer.json() as { errors?: object[]; code?: string; detail?: string }
  t.equal(answer.statusCode, 400, what)
  t.equal(code, 'ARGUMENT_INVALID', what)
  t.same(errors, [{ pointer, detail }], what)
}

t.test('what is wrong with a query is said in words that its schema gives', async (t) => {
  const app = await start(t)
  const cases: readonly Wrong[] = [
    ['limit=abc', '/limit', 'limit takes an integer from 0 to 100000; received "abc"'],
    ['limit=-1', '/limit', 'limit takes an integer from 0 to 100000; received -1'],
    ['limit=100001', '/limit', 'limit takes an integer from 0 to 100000; received 100001'],
    ['limit=1.5', '/limit', 'limit takes an integer from 0 to 100000; received "1.5"'],
    ['limit=1e3', '/limit', 'limit takes an integer from 0 to 100000; received "1e3"'],
    ['limit=0x10', '/limit', 'limit takes an integer from 0 to 100000; received "0x10"'],
    [
      'limit=99999999999999999999',
      '/limit',
      'limit takes an integer from 0 to 100000; received 100000000000000000000',
    ],
    ['limit=Infinity', '/limit', 'limit takes an integer from 0 to 100000; received "Infinity"'],
    ['limit=', '/limit', 'limit is empty; leave it out, or give it a value'],
    ['limit', '/limit', 'limit is empty; leave it out, or give it a value'],
    ['limit=1&limit=1', '/limit', 'limit was given 2 times; it takes one value'],
    ['limit=1,2', '/limit', 'limit takes an integer from 0 to 100000; received "1,2"'],
    ['offset=-5', '/offset', 'offset takes an integer of at least 0; received -5'],
    ['ratio=2', '/ratio', 'ratio takes a number of at most 1; received 2'],
    ['above=0', '/above', 'above takes a number, greater than 0, a multiple of 0.5; received 0'],
    ['above=0.7', '/above', 'above takes a number, greater than 0, a multiple of 0.5; received 0.7'],
    ['active=1', '/active', 'active takes true or false; received "1"'],
    ['active=maybe', '/active', 'active takes true or false; received "maybe"'],
    ['view=XSOAR', '/view', 'view takes one of unified, xsoar; received "XSOAR"'],
    ['only=two', '/only', 'only takes one; received "two"'],
    [
      'owners=A,B,C,D',
      '/owners',
      'owners takes a list of at most 3 items, each text of at most 10 characters; received a list of 4 items',
    ],
    ['owners=12345678901', '/owners/0', 'owners takes text of at most 10 characters; received "12345678901"'],
    ['owners=', '/owners', 'owners is empty; leave it out, or give it a value'],
    ['owners=,%20,&owners=', '/owners', 'owners is empty; leave it out, or give it a value'],
    ['types=Host,host', '/types/1', 'types takes one of Host, URL, Registry Key; received "host"'],
    ['ids=1,two', '/ids/1', 'ids takes an integer; received "two"'],
    ['tql_query=%20%09', '/tql_query', 'tql_query is empty; leave it out, or give it a value'],
    ['tql_query=x', '/tql_query', 'tql_query takes text of 2 to 200 characters; received "x"'],
    [
      `tql_query=${'x'.repeat(201)}`,
      '/tql_query',
      `tql_query takes text of 2 to 200 characters; received "${'x'.repeat(80)}…"`,
    ],
    ['name=ABC', '/name', 'name takes lower-case letters; received "ABC"'],
    ['code=abc', '/code', 'code takes text that matches ^[A-Z]{2}$; received "abc"'],
    [
      'since=yesterday',
      '/since',
      'since takes a time as RFC 3339, such as 2024-01-02T03:04:05Z; received "yesterday"',
    ],
    ['wait=0', '/wait', 'wait takes an integer of at least 1 or off; received 0'],
    ['wait=soon', '/wait', 'wait takes an integer of at least 1 or off; received "soon"'],
    ['limt=5', '/limt', 'limt is not a known query parameter; did you mean limit?'],
    ['tqlQuery=5', '/tqlQuery', 'tqlQuery is not a known query parameter; did you mean tql_query?'],
    ['owners[]=A', '/owners[]', 'owners[] is not a known query parameter; did you mean owners?'],
    [
      'a%2Fb~=1',
      '/a~1b~0',
      'a/b~ is not a known query parameter; known are limit, offset, ratio, above, active, view, only, owners, types, ids, tql_query, name, code, since, wait',
    ],
    ['name=%zz', '/name', 'name is not valid percent-encoded UTF-8; received "name=%zz"'],
    ['name=%ff', '/name', 'name is not valid percent-encoded UTF-8; received "name=%ff"'],
    ['__proto__=x', '/__proto__', 'did you mean'],
    ['constructor=x', '/constructor', 'did you mean'],
  ]
  for (const wrong of cases) {
    const [query, pointer, detail] = wrong
    const answer = await app.inject(`/get?${query}`)
    if (detail !== 'did you mean') await tellsOne(t, answer, wrong)
    else
      t.match(answer.json().errors, [
        { pointer, detail: `${pointer.slice(1)} is not a known query parameter` },
      ])
  }
  await tellsOne(t, await app.inject('/api/v1/whoami?x=1'), [
    'x',
    '/x',
    'x is not a known query parameter; none is taken',
  ])
})

t.test('a lenient body takes text where a query would, and splits no member of a list', async (t) => {
  const app = await start(t)
  const cases: readonly (readonly [body: unknown, values: object])[] = [
    [{}, { limit: 50 }],
    [
      { limit: '5', active: 'no', ratio: '0.5' },
      { limit: 5, active: false, ratio: 0.5 },
    ],
    [
      { limit: 5, active: false },
      { limit: 5, active: false },
    ],
    [{ owners: 'A, B,' }, { limit: 50, owners: ['A', 'B'] }],
    [{ owners: ['A,B', ' C '] }, { limit: 50, owners: ['A,B', ' C '] }],
    [{ owners: [] }, { limit: 50, owners: [] }],
    [{ ids: ['1', 2] }, { limit: 50, ids: [1, 2] }],
    [{ tql_query: '12' }, { limit: 50, tql_query: '12' }],
  ]
  for (const [body, values] of cases) {
    const answer = await post(app, '/lenient', body)
    t.same([answer.statusCode, answer.json()], [200, values], JSON.stringify(body))
  }
  t.same((await app.inject({ method: 'POST', url: '/lenient' })).json(), { limit: 50 }, 'no body at all')

  const wrong: readonly Wrong[] = [
    [{ limit: null }, '/limit', 'limit takes an integer from 0 to 100000; received null'],
    [{ limit: '' }, '/limit', 'limit is empty; leave it out, or give it a value'],
    [{ limit: true }, '/limit', 'limit takes an integer from 0 to 100000; received true'],
    [{ active: 1 }, '/active', 'active takes true or false; received 1'],
    [
      { owners: 'A,B,C,D' },
      '/owners',
      'owners takes a list of at most 3 items, each text of at most 10 characters; received a list of 4 items',
    ],
    [{ owners: ' , ' }, '/owners', 'owners is empty; leave it out, or give it a value'],
    [
      { owners: { A: 1 } },
      '/owners',
      'owners takes a list of at most 3 items, each text of at most 10 characters; received an object',
    ],
    [{ owners: ['A', null] }, '/owners/1', 'owners[1] takes text of at most 10 characters; received null'],
    [{ tql_query: 12 }, '/tql_query', 'tql_query takes text of 2 to 200 characters; received 12'],
    [{ tql: 'x' }, '/tql', 'tql is not a known member; did you mean tql_query?'],
    [[], '', 'the body takes an object; received a list of 0 items'],
    ['text', '', 'the body takes an object; received "text"'],
    [null, '', 'the body takes an object; received null'],
  ]
  for (const one of wrong) await tellsOne(t, await post(app, '/lenient', one[0]), one)
})

t.test(
  'a strict body takes what JSON says, and the errors of the form that was meant are told',
  async (t) => {
    const app = await start(t)
    const entry = { type: 'url', value: 'https://bad.example/' }
    const good = { indicators: ['203.0.113.7', entry], feed: null, free: { a: 1, b: 2 }, exact: 'yes' }
    const answer = await post(app, '/strict', good)
    t.same([answer.statusCode, answer.json()], [200, good])
    const wrong: readonly Wrong[] = [
      [
        {},
        '/indicators',
        'indicators is missing; it takes a list of at least 1 item, each text or an object',
      ],
      [
        { indicators: [] },
        '/indicators',
        'indicators takes a list of at least 1 item, each text or an object; received a list of 0 items',
      ],
      [
        { indicators: 'a,b' },
        '/indicators',
        'indicators takes a list of at least 1 item, each text or an object; received "a,b"',
      ],
      [{ indicators: ['x', 7] }, '/indicators/1', 'indicators[1] takes text or an object; received 7'],
      [
        { indicators: [{ ...entry, type: 'uri' }] },
        '/indicators/0/type',
        'indicators[0].type takes one of domain, url; received "uri"',
      ],
      [
        { indicators: [{ type: 'url' }] },
        '/indicators/0/value',
        'indicators[0].value is missing; it takes text',
      ],
      [
        { indicators: [{ ...entry, vlaue: 1 }] },
        '/indicators/0/vlaue',
        'vlaue is not a known member in indicators[0]; did you mean value?',
      ],
      [
        { indicators: [{ ...entry, place: { city: 5 } }] },
        '/indicators/0/place/city',
        'indicators[0].place.city takes text; received 5',
      ],
      [
        { indicators: [{ ...entry, place: 'Rome' }] },
        '/indicators/0/place',
        'indicators[0].place takes an object; received "Rome"',
      ],
      [{ indicators: ['x'], feed: 5 }, '/feed', 'feed takes text or null; received 5'],
      [
        { indicators: ['x'], options: { days: '5' } },
        '/options/days',
        'options.days takes an integer of at least 0; received "5"',
      ],
      [
        { indicators: ['x'], options: { hours: 5 } },
        '/options/hours',
        'hours is not a known member in options; known are days',
      ],
      [{ indicators: ['x'], exact: 'no' }, '/exact', 'exact takes "yes"; received "no"'],
      [{ indicators: ['x'], free: { a: 'x' } }, '/free/a', 'free.a takes an integer; received "x"'],
    ]
    for (const one of wrong) await tellsOne(t, await post(app, '/strict', one[0]), one)
  },
)

t.test('an address that takes no body says so, and an empty object is none', async (t) => {
  const app = await start(t)
  t.same((await app.inject({ method: 'POST', url: '/none' })).json(), { body: null })
  t.equal((await post(app, '/none', {})).statusCode, 200)
  await tellsOne(t, await post(app, '/none', { a: 1 }), ['a', '/a', 'a is not a known member; none is taken'])
  await tellsOne(t, await post(app, '/none', [1]), [
    'a list',
    '',
    'the body takes an object; received a list of 1 item',
  ])
})

t.test('a route whose schema would take unknown arguments without a word stops the start', async (t) => {
  const Open = Type.Object({ a: Type.Optional(Type.String()) }, { $id: 'Open' })
  const both = Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })])
  const cases: readonly (readonly [what: string, schema: object, found: RegExp])[] = [
    ['a body by reference', { body: Ref(Open) }, /POST \/x: body takes unknown members/],
    ['deep inside', { body: Type.Object({ list: Type.Array(Ref(Open)) }) }, /body\/list\/items takes/],
    ['an intersection', { querystring: both }, /query takes unknown members/],
    [
      'a reference into nothing',
      { body: { $ref: 'Nothing#' } },
      /POST \/x: can't resolve reference Nothing#/,
    ],
    ['a keyword with a slip', { body: Type.Object({ a: Type.String({ maxLenght: 5 }) }) }, /maxLenght/],
  ]
  for (const [what, schema, found] of cases) {
    const app = await createServer({
      keys: [],
      trustProxy: false,
      requestsPerMinute: 0,
      logger: 'silent',
      version: '1.2.3',
      schemas: [Open],
      isReady: async () => ({ ok: true, reasons: [] }),
      routes: [
        (routes) => {
          const config = { scope: 'public', audit: false } as const
          routes.post('/x', { config, schema: { hide: true, ...schema } }, () => ({}))
        },
      ],
    })
    t.teardown(() => app.close())
    await t.rejects(Promise.resolve(app.ready()), found, what)
  }
})

t.test('everything that is wrong is told at once: path, query, headers and body', async (t) => {
  const app = await start(t)
  const answer = await app.inject({
    method: 'POST',
    url: '/parts/x?neded=1&other=2',
    headers: { 'content-type': 'application/json', 'idempotency-key': '123456' },
    payload: JSON.stringify({ indicators: [1, { type: 'x', value: 2 }], options: { days: -1 }, fed: 'x' }),
  })
  const { errors, detail } = answer.json()
  t.same(errors.map(({ pointer }: { pointer: string }) => pointer).sort(), [
    '/fed',
    '/id',
    '/idempotency-key',
    '/indicators/0',
    '/indicators/1/type',
    '/indicators/1/value',
    '/neded',
    '/needed',
    '/options/days',
    '/other',
  ])
  t.equal(
    detail,
    errors.map((error: { detail: string }) => error.detail).join('; '),
    'the detail is all of them',
  )
  t.match(detail, 'id takes an integer of at least 1; received "x"')
  const good = await app.inject({
    method: 'POST',
    url: '/parts/7?needed=1',
    headers: { 'content-type': 'application/json', 'idempotency-key': '12345' },
    payload: JSON.stringify({ indicators: ['x'] }),
  })
  t.same([good.statusCode, good.json()], [200, { id: 7 }])
})

t.test('a body full of errors costs no more than an answer that can be read', async (t) => {
  const app = await start(t)
  const many = await post(app, '/strict', { indicators: Array(150_000).fill(1) })
  const { errors, detail } = many.json()
  t.equal(errors.length, 100)
  t.match(detail, /; and \d+ more$/)
  t.ok(many.body.length < 30_000, 'the answer is short')
  const late = await post(app, '/strict', { indicators: [...Array(50_000).fill('x'), 1] })
  t.same(late.json().errors[0].pointer, '/indicators/50000', 'an error behind many good items is found')
})

t.test('any list and any text come out of a query as they were put in', async (t) => {
  const schema = {
    properties: {
      owners: { type: 'array', items: { type: 'string' } },
      q: { type: 'string' },
      n: { type: 'integer' },
    },
  }
  const letters = fc.constantFrom(...'aé &=+%#;"\\\n\u{1f600}中')
  const text = fc.string({ unit: letters, minLength: 1, maxLength: 12 }).filter((one) => one.trim() !== '')
  const pieces = fc.array(
    text.map((one) => one.trim()),
    { minLength: 1, maxLength: 5 },
  )
  const encoded = encodeURIComponent
  let runs = 0
  fc.assert(
    fc.property(pieces, text, fc.integer(), fc.nat(2), (texts, q, n, how) => {
      runs++
      // Only JSON takes what has commas itself.
      const owners = how === 2 ? texts.map((owner) => `,${owner}`) : texts
      const list = [
        `owners=${owners.map(encoded).join(',')}`,
        owners.map((owner) => `owners=${encoded(owner)}`).join('&'),
        `owners=${encoded(JSON.stringify(owners))}`,
      ][how]
      const { values, errors } = readQuery(`${list}&q=${encoded(q)}&n=${n}`, schema)
      deepStrictEqual([{ ...values }, errors], [{ owners, q, n: n + 0 }, []])
    }),
    { numRuns: 2000 },
  )
  t.equal(runs, 2000)
})

t.test('no query and no body breaks the reader: it gives values, errors, or both', async (t) => {
  const schema = { properties: { a: { type: 'array', items: { type: 'integer' } }, b: { type: 'boolean' } } }
  const query = fc.string({
    unit: fc.constantFrom('a', 'b', '=', '&', ',', '%', 'f', '+', '1', '#', '\u{1f600}'),
  })
  const value = fc.oneof(
    query,
    fc.integer(),
    fc.constantFrom(null, true, {}),
    fc.array(query, { maxLength: 3 }),
  )
  const body = fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), value)
  let failed = 0
  fc.assert(
    fc.property(query, body, (text, body) => {
      const read = [readQuery(text, schema), readLenientBody(body, schema)]
      for (const { values, errors } of read) {
        const pointers = new Set(errors.map(({ pointer }) => pointer))
        if (errors.some(({ detail }) => detail === '')) failed++
        if (Object.keys(values).some((name) => pointers.has(`/${name}`) && !text.includes('%'))) failed++
      }
    }),
    { numRuns: 5000 },
  )
  t.equal(failed, 0, 'an argument is either a value or an error')
})

t.test('a slip of the pen is recognised, another word is not', async (t) => {
  const known = ['limit', 'offset', 'tql_query', 'indicator_type', 'owners', 'tags']
  const cases: readonly (readonly [word: string, meant: string | undefined])[] = [
    ['limt', 'limit'],
    ['lmiit', 'limit'],
    ['LIMIT', 'limit'],
    ['indicatorType', 'indicator_type'],
    ['indicator-types', 'indicator_type'],
    ['owner', 'owners'],
    ['tag', 'tags'],
    ['tql', 'tql_query'],
    ['type', 'indicator_type'],
    ['of', undefined],
    ['confidence', undefined],
    ['x', undefined],
    ['', undefined],
    ['limit'.repeat(20), undefined],
  ]
  for (const [word, meant] of cases) t.equal(didYouMean(word, known), meant, word)
  t.equal(didYouMean('limit', []), undefined, 'nothing known')
})
