import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { inspect } from 'node:util'
import t from 'tap'
import { darktrace } from '../../../src/exporters/darktrace/index.ts'
import { demoTokens } from '../../../src/exporters/darktrace/simulator/index.ts'
import type { Delivery, Outcome } from '../../../src/exporters/exporter.ts'
import { faultsOf, type GivenSchema } from '../../../src/pipeline/exports/given.ts'
import type { Fault } from '../../../src/simulation/faults.ts'
import {
  bodies,
  enter,
  exporterOver,
  failureOf,
  indicator,
  isGet,
  isPost,
  known,
  names,
  never,
  noon,
  removals,
  source,
  statuses,
  unsure,
  upsert,
  upserts,
} from './world.ts'

const day = 86_400_000

t.test(
  'the request of the product guide comes out byte for byte, signed, and nothing else is sent',
  async (t) => {
    const settings = { source: 'ThreatQ', expireAfterDays: 1 }
    const { simulator, exporter } = await enter(t, { settings })
    const values = ['77.238.245.11', '149.28.106.252', '149.28.99.61']
    const hosts = ['qxdyihiiid.duckdns.org', 'nffuasnath.duckdns.org']
    const batch = [
      ...values.map((value) => upsert(indicator('ipv4', value))),
      ...hosts.map((value) => upsert(indicator('domain', value))),
    ]
    const outcomes = await exporter.send(batch, never)
    t.ok(outcomes.every(({ status }) => status === 'accepted'))
    const [request, ...rest] = simulator.requests
    t.same(rest, [])
    t.equal(
      request?.body,
      '{"addlist":"77.238.245.11,149.28.106.252,149.28.99.61,qxdyihiiid.duckdns.org,nffuasnath.duckdns.org","expiry":"2024-09-27T12:00:00","source":"ThreatQ"}',
    )
    t.equal(request?.headers['dtapi-date'], '20240926T120000')
    t.equal(request?.headers['content-type'], 'application/json')
  },
)

t.test('entries share a request exactly where everything that is stored with them is the same', async (t) => {
  const settings = { exactHost: true, autonomousResponse: true }
  const { simulator, exporter } = await enter(t, { settings })
  const same = Array.from({ length: 400 }, (_, index) => upsert(indicator('domain', `h${index}.example`)))
  const batch = [
    ...same,
    upsert(indicator('ipv4', '192.0.2.1')),
    upsert(indicator('ipv6', '2001:db8::1')),
    upsert(indicator('cidr', '192.0.2.0/24')),
    upsert(indicator('domain', 'told.example', { description: 'Seen' })),
    upsert(indicator('domain', 'told2.example', { description: ' Seen\n' })),
    upsert(indicator('domain', 'soon.example'), { options: { expireAfterDays: 3 } }),
    upsert(indicator('domain', 'else.example'), { options: { source: 'else', expireAfterDays: 0 } }),
  ]
  const outcomes = await exporter.send(batch, never)
  t.ok(outcomes.every(({ status }) => status === 'accepted'))
  const expected = [
    { list: '192.0.2.1,2001:db8::1', source, iagn: true },
    { list: '192.0.2.0/24', source },
    { list: 'told.example,told2.example', description: 'Seen', source, hostname: true, iagn: true },
    { list: 'soon.example', expiry: '2024-09-29T12:00:00', source, hostname: true, iagn: true },
    { list: 'else.example', source: 'else', hostname: true, iagn: true },
  ]
  const [first, ...others] = bodies(simulator).map(({ addlist, ...rest }) => ({
    list: String(addlist),
    ...rest,
  }))
  t.equal(first?.list.split(',').length, 400)
  // After the first one they go at once, so they come in any order.
  t.same(new Map(others.map((each) => [each.list, each])), new Map(expected.map((each) => [each.list, each])))
  t.same(names(simulator, 'else'), ['else.example'])
})

t.test(
  'a description goes on one line, in ASCII, cut to what Darktrace takes and never within a character',
  async (t) => {
    const cases: readonly (readonly [what: string, description: string, sent: string | undefined])[] = [
      ['several lines', 'one\r\n\ttwo\u0000  three ', 'one two three'],
      ['blanks alone', ' \n ', undefined],
      ['other writing', 'café – 東京 🚨', 'café – 東京 🚨'],
      ['255 signs', 'x'.repeat(255), 'x'.repeat(255)],
      ['256 signs', 'x'.repeat(256), 'x'.repeat(255)],
      ['a pair at the cut', `${'x'.repeat(254)}🚨`, 'x'.repeat(254)],
      ['half a pair', `a\ud83d`, 'a\ufffd'],
    ]
    for (const [what, description, sent] of cases) {
      const { simulator, exporter } = await enter(t)
      await exporter.send([upsert(indicator('domain', 'a.example', { description }))], never)
      t.equal(bodies(simulator)[0]?.description, sent, what)
      t.match(simulator.requests[0]?.body, /^[ -~]*$/, `${what}: ASCII`)
      t.equal(simulator.entries(source)[0]?.description, sent)
    }
  },
)

t.test('one entry that is refused costs itself alone, and every entry has its outcome', async (t) => {
  const { simulator, exporter } = await enter(t)
  const hosts = Array.from({ length: 100 }, (_, index) => `h${index}.example`)
  const poisoned: Fault = { kind: 'status', status: 400, body: '{"errors":["INPUT ERROR: h37.example"]}' }
  simulator.fail(poisoned, { times: 'always', when: ({ body }) => body.includes('h37.example') })
  const outcomes = await exporter.send(upserts(...hosts), never)
  const rejected = outcomes.filter(({ status }) => status === 'rejected')
  t.same(statuses(rejected), [['h37.example', 'rejected']])
  t.match(reason(rejected[0]), /INPUT ERROR/)
  t.equal(outcomes.filter(({ status }) => status === 'accepted').length, 99)
  t.equal(names(simulator).length, 99)
  t.ok(simulator.requests.length < 20, `${simulator.requests.length} requests`)
})

t.test('a request that is too large is halved until it is small enough', async (t) => {
  const { simulator, exporter } = await enter(t)
  const tooLarge = ({ body }: { readonly body: string }) => body.split(',').length > 40
  simulator.fail({ kind: 'status', status: 413 }, { times: 'always', when: tooLarge })
  const hosts = Array.from({ length: 100 }, (_, index) => `h${index}.example`)
  const outcomes = await exporter.send(upserts(...hosts), never)
  t.ok(outcomes.every(({ status }) => status === 'accepted'))
  t.equal(names(simulator).length, 100)
})

t.test('what one request of a batch meets is told of its entries alone', async (t) => {
  const told = (count: number): readonly Delivery[] =>
    Array.from({ length: count }, (_, index) =>
      upsert(indicator('domain', `h${index}.example`, { description: `number ${index}` })),
    )
  const faults: readonly (readonly [Fault, kind: string, status: string])[] = [
    [{ kind: 'status', status: 503 }, 'unavailable', 'unknown'],
    [{ kind: 'reset' }, 'outcome-unknown', 'unknown'],
    [{ kind: 'html' }, 'unreadable', 'unknown'],
    [{ kind: 'status', status: 429 }, 'throttled', 'later'],
    [{ kind: 'status', status: 401 }, 'credentials', 'later'],
  ]
  for (const [fault, kind, status] of faults) {
    const { simulator, exporter } = await enter(t)
    simulator.fail(fault, { when: ({ body }) => body.includes('h5.example') })
    const outcomes = await exporter.send(told(8), never)
    const [failed] = outcomes.filter(({ key }) => key.endsWith('h5.example'))
    t.match(failed, { status, error: { kind } }, kind)
    const accepted = outcomes.filter((outcome) => outcome.status === 'accepted')
    t.ok(accepted.length >= 5, `${kind}: ${accepted.length} are there all the same`)
    t.same(names(simulator), accepted.map(({ key }) => key.split(' ')[1]).sort())
  }
})

t.test(
  'what stands in the way of all requests is met once or a few times, not by each of a thousand',
  async (t) => {
    const batch = Array.from({ length: 300 }, (_, index) =>
      upsert(indicator('domain', `h${index}.example`, { description: `number ${index}` })),
    )
    const faults: readonly (readonly [Fault, kind: string, requests: number])[] = [
      [{ kind: 'status', status: 429, headers: { 'retry-after': '9' } }, 'throttled', 1],
      [{ kind: 'status', status: 400, body: '{"x":{"y":["API SIGNATURE ERROR"]}}' }, 'credentials', 1],
      [{ kind: 'redirect', location: '/403' }, 'permission', 1],
      [{ kind: 'redirect', location: 'https://sso.example.org/login?token=x' }, 'address', 1],
      [{ kind: 'status', status: 404, body: '<html>' }, 'address', 1],
      [{ kind: 'status', status: 400, body: '<html>plain HTTP was sent to an HTTPS port' }, 'address', 1],
      [{ kind: 'status', status: 503 }, 'unavailable', 7],
      [{ kind: 'reset' }, 'outcome-unknown', 7],
    ]
    for (const [fault, kind, requests] of faults) {
      for (const action of ['upsert', 'remove'] as const) {
        const { simulator, exporter } = await enter(t)
        simulator.fail(fault, { times: 'always' })
        const sending = exporter.send(
          batch.map((delivery) => ({ ...delivery, action })),
          never,
        )
        const error = await failureOf(sending)
        t.equal(error.kind, kind, `${action}: ${error.message}`)
        t.ok(simulator.requests.length <= requests, `${kind}: ${simulator.requests.length} requests`)
        t.same(names(simulator), [])
      }
    }
  },
)

t.test('a list that can’t be read leaves open what only the list could tell', async (t) => {
  const { simulator, exporter } = await enter(t, { simulator: { countsOnly: true } })
  simulator.fail({ kind: 'status', status: 503 }, { when: isGet })
  const [outcome] = await exporter.send(upserts('a.example'), never)
  t.match(outcome, { status: 'unknown', error: { kind: 'unavailable' } })

  const nameless = {
    kind: 'wrong-content',
    contentType: 'application/json',
    body: '["b.example",{"expiry":""}]',
  } as const
  simulator.fail(nameless, { when: isGet })
  t.match(
    await exporter.send(upserts('a.example'), never),
    [
      {
        status: 'unknown',
        error: { kind: 'unreadable', message: 'Darktrace lists an entry that has no name' },
      },
    ],
    'it could be the very entry',
  )

  const full = await enter(t)
  full.simulator.fail({ kind: 'cut-json' }, { when: isGet, times: 'always' })
  t.match(await full.exporter.send(unsure(upserts('a.example')), never), [{ status: 'accepted' }])
  t.match(
    await full.exporter.send(removals('a.example'), never),
    [{ status: 'accepted', vendor: { confirmedBy: 'answer' } }],
    'Darktrace said SUCCESS to the removal',
  )
})

t.test(
  'names that were not sent count for nothing, and spelling counts only as far as it makes another value',
  async (t) => {
    const { simulator, exporter } = await enter(t)
    const answers = (addedList: readonly string[], list: readonly unknown[]) => {
      const content = (body: unknown): Fault => ({
        kind: 'wrong-content',
        contentType: 'application/json',
        body: JSON.stringify(body),
      })
      simulator.fail(content({ response: 'SUCCESS', added: 9, updated: 9, addedList }), { when: isPost })
      simulator.fail(content(list), { when: isGet })
    }
    const batch = [...upserts('a.example'), upsert(indicator('ipv6', '2001:db8::7'))]
    const cases: readonly (readonly [
      named: readonly string[],
      listed: readonly unknown[],
      string,
      string,
    ])[] = [
      [['A.EXAMPLE', '2001:DB8:0:0:0:0:0:7'], [], 'accepted', 'accepted'],
      [['sub.a.example', 'a.example.org', '2001:db8::70'], [], 'rejected', 'rejected'],
      [[], ['A.example', { name: '2001:0db8::7' }], 'accepted', 'accepted'],
      [['2001:db8::7'], ['aa.example', 'example', '*.a.example'], 'rejected', 'accepted'],
    ]
    for (const [named, listed, first, second] of cases) {
      answers(named, listed)
      t.same(
        (await exporter.send(batch, never)).map(({ status }) => status),
        [first, second],
      )
      simulator.clearFaults()
    }
  },
)

t.test('an entry from before with an earlier end is not taken for the one that was sent', async (t) => {
  const settings = { expireAfterDays: 30 }
  const { simulator, exporter, clock } = await enter(t, { settings })
  await exporter.send(upserts('a.example'), never)
  clock.now += 10 * day
  simulator.fail({ kind: 'status', status: 200 }, { when: isPost })
  const [outcome] = await exporter.send(upserts('a.example'), never)
  t.equal(outcome?.status, 'unknown')
  t.match(reason(outcome), /2024-10-26 12:00:00 instead of 2024-11-05T12:00:00/)
  t.match(await exporter.send(unsure(upserts('a.example')), never), [
    { status: 'accepted', until: '2024-11-05T12:00:00Z', vendor: { confirmedBy: 'list' } },
  ])
  t.equal(simulator.entries(source)[0]?.expiresAt, noon + 40 * day)
})

t.test('nothing of an older push stays with an entry that has lost it', async (t) => {
  const { simulator, exporter } = await enter(t)
  const rich = [
    upsert(indicator('domain', 'a.example', { description: 'old' }), { options: { expireAfterDays: 3 } }),
    ...upserts('b.example'),
  ]
  const plain = upserts('a.example', 'b.example')
  const outcomes = await exporter.send(rich, never)
  const before = simulator.requests.length
  const again = known(plain, outcomes)
  t.ok((await exporter.send(again, never)).every(({ status }) => status === 'accepted'))
  t.same(bodies(simulator).slice(before), [
    { removeentry: 'a.example', source },
    { addlist: 'a.example,b.example', source },
  ])
  t.same(
    simulator.entries(source).map(({ name, expiresAt, description }) => [name, expiresAt, description]),
    [
      ['b.example', undefined, undefined],
      ['a.example', undefined, undefined],
    ],
  )
  const exact = exporterOver(t, simulator.url, { settings: { exactHost: true }, now: () => noon })
  const last = simulator.requests.length
  await exact.send(known(upserts('b.example'), outcomes), never)
  t.same(bodies(simulator).slice(last), [
    { removeentry: 'b.example', source },
    { addlist: 'b.example', source, hostname: true },
  ])
})

t.test('an unchanged push is known by its content, and a later day makes it another', async (t) => {
  const world = await enter(t, { settings: { expireAfterDays: 30 } })
  const { exporter, clock } = world
  const [delivery] = upserts('a.example')
  if (delivery === undefined) throw new Error('no delivery')
  const content = exporter.content(delivery)
  clock.now = Date.UTC(2024, 8, 26, 23, 59, 59)
  t.equal(exporter.content(delivery), content, 'later on the same day')
  clock.now = Date.UTC(2024, 8, 27)
  t.not(exporter.content(delivery), content, 'the next day')

  const endless = await enter(t)
  const always = endless.exporter.content(delivery)
  endless.clock.now += 400 * day
  t.equal(endless.exporter.content(delivery), always, 'without an end the day does not count')
})

t.test('what Darktrace could only misread is refused before anything is sent', async (t) => {
  const { exporter } = await enter(t)
  const refusal = (given: Delivery['indicator']) =>
    exporter.refuses({ action: 'upsert', indicator: given, options: {} })
  for (const type of ['ipv4', 'ipv6', 'domain', 'cidr'] as const) {
    t.ok(darktrace.accepts.includes(type))
  }
  t.equal(refusal(indicator('domain', 'a.example')), undefined)
  t.equal(refusal(indicator('cidr', '192.0.2.0/24')), undefined)
  t.equal(refusal(indicator('url', 'https://a.example/x')), 'unsupported type url')
  t.match(refusal(indicator('domain', '*.a.example')), /wildcard/)
  for (const value of ['a.example,b.example', 'a.example\nb.example', 'a example']) {
    t.match(refusal({ ...indicator('domain', 'a.example'), value }), /comma/)
  }
})

t.test('a preview is what is then sent, request by request, without what proves who we are', async (t) => {
  const { simulator, exporter } = await enter(t, { settings: { expireAfterDays: 7 } })
  const batch = [
    ...upserts('a.example', 'b.example'),
    upsert(indicator('ipv4', '192.0.2.1', { description: 'Seen' }), { vendor: { hostname: true } }),
    ...removals('c.example', 'd.example'),
  ]
  const preview = exporter.preview(batch)
  await exporter.send(batch, never)
  const sent = simulator.requests.map(({ method, url, body }) => ({
    method,
    url: simulator.url + url,
    body: body === '' ? null : JSON.parse(body),
  }))
  const byBody = (one: object) => JSON.stringify(one)
  t.same(
    preview.map(({ method, url, body }) => byBody({ method, url, body })).sort(),
    sent.map(byBody).sort(),
  )
  for (const { headers } of preview) t.notOk(Object.keys(headers).some((name) => /dtapi/i.test(name)))
})

t.test('a source of any text is one source, and its list can be read', async (t) => {
  for (const name of ['a b', "it's", 'Öl & Gas?#%', 'a+b/c', 'x'.repeat(63)]) {
    const { simulator, exporter } = await enter(t, { simulator: { countsOnly: true } })
    const options = { source: name }
    t.equal(exporter.sourceOf(options), name)
    const batch = upserts('a.example').map((delivery) => ({ ...delivery, options }))
    t.match(await exporter.send(batch, never), [{ status: 'accepted' }], name)
    t.same(names(simulator, name), ['a.example'])
  }
  const { exporter } = await enter(t)
  t.equal(exporter.sourceOf({}), source)
})

t.test('a removal that Darktrace refuses is nothing to do where the entry is not there', async (t) => {
  const { simulator, exporter } = await enter(t)
  await exporter.send(upserts('a.example'), never)
  const refused: Fault = { kind: 'status', status: 400, body: '{"response":"INPUT ERROR"}' }
  simulator.fail(refused, { when: isPost, times: 2 })
  const outcomes = await exporter.send(removals('a.example', 'b.example'), never)
  t.same(statuses(outcomes), [
    ['a.example', 'rejected'],
    ['b.example', 'unchanged'],
  ])
})

t.test('the address is a name, host:port or a URL, and https without a scheme', async (t) => {
  const cases = [
    ['dt.example.org', 'https://dt.example.org'],
    ['dt.example.org:8443', 'https://dt.example.org:8443'],
    ['10.0.0.1', 'https://10.0.0.1'],
    ['[2001:db8::1]:8443', 'https://[2001:db8::1]:8443'],
    ['http://127.0.0.1:8080/', 'http://127.0.0.1:8080'],
    ['https://dt.example.org', 'https://dt.example.org'],
  ] as const
  for (const [host, origin] of cases) {
    const [request] = exporterOver(t, host).preview(upserts('a.example'))
    t.equal(request?.url, `${origin}/intelfeed`)
  }
})

t.test(
  'tokens and signatures are in no error, outcome or log, even where the product repeats them',
  async (t) => {
    const { simulator, exporter, lines } = await enter(t)
    const said: string[] = []
    const echoes = (status: number) => {
      simulator.fail({ kind: 'status', status: 200 }, { when: isGet })
      const { publicToken, privateToken } = demoTokens
      const [last] = simulator.requests.slice(-1)
      const body = JSON.stringify({
        response: `no: ${publicToken} ${privateToken} ${last?.headers['dtapi-signature']}`,
      })
      simulator.fail({ kind: 'status', status, body, headers: { 'content-type': 'application/json' } })
    }
    await exporter.send(upserts('a.example'), never)
    for (const status of [200, 400, 401, 403, 404, 413, 422, 503]) {
      echoes(status)
      said.push(
        inspect(await exporter.send(upserts('b.example'), never).catch((error) => error), { depth: 9 }),
      )
      simulator.clearFaults()
      echoes(status)
      said.push(inspect(await exporter.check(never), { depth: 9 }))
      simulator.clearFaults()
    }
    said.push(inspect(exporter, { depth: 9, showHidden: true }))
    const signatures = simulator.requests.map(({ headers }) => String(headers['dtapi-signature']))
    t.ok(signatures.every((text) => /^[0-9a-f]{40}$/.test(text)))
    const all = [...said, ...lines].join('\n')
    for (const secret of [demoTokens.publicToken, demoTokens.privateToken, ...signatures]) {
      t.notOk(all.includes(secret))
    }
    t.match(all, /\[redacted\]/, 'their words were shown')
  },
)

t.test('the word that empties the whole list stands nowhere in what can be sent', async (t) => {
  const folder = join(import.meta.dirname, '../../../src/exporters/darktrace')
  const files = readdirSync(folder).filter((name) => name.endsWith('.ts'))
  t.ok(files.length >= 8)
  t.same(
    files.filter((name) => /remove_?all/i.test(readFileSync(join(folder, name), 'utf8'))),
    [],
  )
})

function reason(outcome: Outcome | undefined): string {
  return outcome !== undefined && 'reason' in outcome ? outcome.reason : ''
}

t.test('the source of a push is any text of up to 63 characters, without control characters', async (t) => {
  const schema: GivenSchema = { ...darktrace.options, type: 'object' }
  const faults = (source: unknown) => faultsOf(schema, { source }, '/options').map(({ pointer }) => pointer)
  for (const source of ['indicator-feed-server', 's2', 'p {Cc}', 'ünï 🛡', 'x'.repeat(63)])
    t.strictSame(faults(source), [], source)
  for (const source of ['', 'x'.repeat(64), 'a\nb', 'a\0b', 'a\u0085b', 'half \ud800', 7])
    t.strictSame(faults(source), ['/options/source'], JSON.stringify(source))
})
