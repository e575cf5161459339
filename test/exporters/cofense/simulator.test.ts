/** The simulator is what the facts say, seen by the plainest client there is. */
import t, { type Test } from 'tap'
import {
  type CofenseSimulator,
  type CofenseSimulatorOptions,
  demoApplication,
  startCofenseSimulator,
} from '../../../src/exporters/cofense/simulator/index.ts'
import { ask, type Seen } from '../../simulation/bare-client.ts'

const { clientId, clientSecret } = demoApplication
const form = (given: Record<string, string> = {}) =>
  new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    ...given,
  }).toString()
const formType = { 'content-type': 'application/x-www-form-urlencoded' }
const collection = '/api/public/v2/threat_indicators'
const mediaType = 'application/vnd.api+json'
const bodyOf = ({ body }: Seen) => JSON.parse(body.toString())
const codes = (seen: Seen): string[] => bodyOf(seen).errors.map(({ code }: { code: string }) => code)
const threat = (value: string, more: object = {}) => ({
  ...{ type: 'Hostname', value, source: 'Ours', level: 'Malicious' },
  ...more,
})

interface Session {
  readonly simulator: CofenseSimulator
  get(path: string): Promise<Seen>
  write(method: string, path: string, data: unknown, type?: string): Promise<Seen>
}

async function start(t: Test, options: CofenseSimulatorOptions = {}): Promise<Session> {
  const simulator = await startCofenseSimulator(options)
  t.teardown(() => simulator.close())
  const login = await ask(simulator.url, '/oauth/token', { method: 'POST', headers: formType, body: form() })
  const headers = { authorization: `Bearer ${bodyOf(login).access_token}`, accept: mediaType }
  return {
    simulator,
    get: (path) => ask(simulator.url, path, { headers }),
    write: (method, path, data, type = mediaType) =>
      ask(simulator.url, path, {
        method,
        headers: { ...headers, 'content-type': type },
        body: JSON.stringify({ data }),
      }),
  }
}

const created = (attributes: object) => ({
  type: 'threat_indicators',
  attributes: { threat_level: 'Malicious', threat_type: 'Hostname', threat_source: 'Ours', ...attributes },
})

t.test('a login by form, Basic or address is taken, and it is told by which', async (t) => {
  const { simulator } = await start(t, { tokenLifetimeS: 3600, now: () => 1_604_920_579_000 })
  const basic = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const cases: [string, string, Record<string, string>, string, number, string][] = [
    [
      'basic',
      '/oauth/token',
      { ...formType, authorization: basic },
      'grant_type=client_credentials',
      200,
      '',
    ],
    ['query', `/oauth/token?${form()}`, {}, '', 200, ''],
    ['form', '/oauth/token', formType, form({ client_secret: 'wrong' }), 401, 'invalid_client'],
    ['form', '/oauth/token', formType, form({ grant_type: 'password' }), 400, 'unsupported_grant_type'],
    ['nothing', '/oauth/token', { 'content-type': 'application/json' }, '{}', 400, 'invalid_request'],
  ]
  for (const [by, path, headers, body, status, error] of cases) {
    const seen = await ask(simulator.url, path, { method: 'POST', headers, body })
    t.equal(seen.status, status, error)
    t.equal(bodyOf(seen).error ?? '', error)
    t.match(simulator.logins.at(-1), { by, ok: status === 200 })
    if (status === 200) {
      t.match(bodyOf(seen), { token_type: 'Bearer', expires_in: 3600, created_at: 1_604_920_579 })
    }
  }
})

t.test('a token ends with its life, and then there is a 401 without a word', async (t) => {
  const clock = { now: 0 }
  const { simulator, get } = await start(t, { tokenLifetimeS: 10, now: () => clock.now })
  clock.now = 9999
  t.equal((await get(collection)).status, 200)
  clock.now = 10_000
  const ended = await get(collection)
  t.equal(ended.status, 401)
  t.equal(ended.body.length, 0)
  t.match(ended.headers['www-authenticate'], /error="invalid_token"/)
  t.equal((await ask(simulator.url, collection)).status, 401, 'without a token')
})

t.test('a record is created once for its type, value and source, and only if it is valid', async (t) => {
  const { simulator, write } = await start(t)
  const first = await write('POST', collection, created({ threat_value: 'evil.example' }))
  t.equal(first.status, 201)
  t.match(bodyOf(first).data, {
    id: '1',
    type: 'threat_indicators',
    links: { self: `${simulator.url}${collection}/1` },
    attributes: { threat_level: 'Malicious', threat_type: 'Hostname', threat_value: 'evil.example' },
    relationships: { owner: { data: { type: 'api_applications', id: '1' } }, reports: {}, comments: {} },
  })
  const cases: [object, string][] = [
    [{ threat_value: 'evil.example' }, 'threat_value - has already been taken'],
    [{ threat_value: '' }, "threat_value - can't be blank"],
    [{ threat_value: 'ab' }, 'threat_value - is too short (minimum is 3 characters)'],
    [{ threat_value: 'x'.repeat(32), threat_type: 'MD5' }, 'threat_value - is invalid'],
    [{ threat_value: 'abc', threat_type: 'IP' }, 'threat_type - is not included in the list'],
    [{ threat_value: 'abc', threat_type: 'Sender' }, 'threat_type - is not included in the list'],
    [{ threat_value: 'abc', threat_level: 'malicious' }, 'threat_level - is not included in the list'],
    [{ threat_value: 'abc', threat_source: ' ' }, "threat_source - can't be blank"],
  ]
  for (const [attributes, detail] of cases) {
    const seen = await write('POST', collection, created(attributes))
    t.equal(seen.status, 422, detail)
    const pointer = `/data/attributes/${detail.split(' ')[0]}`
    const title = detail.split(' - ')[1] ?? ''
    t.same(bodyOf(seen).errors, [{ title, detail, code: '100', source: { pointer }, status: '422' }])
  }
  const other = await write('POST', collection, created({ threat_value: 'evil.example', threat_source: 'X' }))
  t.equal(other.status, 201, 'under another source')
  t.equal(simulator.writes.length, 2)
})

t.test('what is no JSON:API is refused in its codes', async (t) => {
  const { write, get } = await start(t, { threats: [threat('evil.example')] })
  const good = created({ threat_value: 'abc' })
  const update = (more: object) => ({
    ...{ type: 'threat_indicators', id: '1', attributes: { threat_level: 'Benign' } },
    ...more,
  })
  const cases: [string, Promise<Seen>, number, string][] = [
    ['plain JSON', write('POST', collection, good, 'application/json'), 415, '415'],
    ['no data', write('POST', collection, undefined), 400, '106'],
    ['another type', write('POST', collection, { ...good, type: 'reports' }), 400, '101'],
    ['an attribute that there is not', write('POST', collection, created({ threat_key: 'x' })), 400, '105'],
    ['an id that is a number', write('PUT', `${collection}/1`, update({ id: 1 })), 400, '109'],
    ['another id', write('PUT', `${collection}/1`, update({ id: '2' })), 400, '110'],
    [
      'a value that can not be changed',
      write('PUT', `${collection}/1`, update({ attributes: { threat_value: 'abc' } })),
      400,
      '105',
    ],
    ['an id that there is not', write('PUT', `${collection}/-1`, update({ id: '-1' })), 404, '404'],
    ['another filter', get(`${collection}?filter[value]=x`), 400, '102'],
    ['another operator', get(`${collection}?filter[threat_value_like]=x`), 400, '102'],
    ['another parameter', get(`${collection}?limit=1`), 400, '105'],
    ['another page parameter', get(`${collection}?page[limit]=1`), 400, '105'],
    ['too big a page', get(`${collection}?page[size]=201`), 400, '118'],
    ['no page', get(`${collection}?page[number]=0`), 400, '118'],
    ['another order', get(`${collection}?sort=-value`), 400, '114'],
    ['another member', get(`${collection}?fields[threat_indicators]=value`), 400, '104'],
  ]
  for (const [what, asked, status, code] of cases) {
    const seen = await asked
    t.same([seen.status, codes(seen)], [status, [code]], what)
  }
})

t.test(
  'filters are exact, a comma means OR, what is quoted is one; the operators do what they say',
  async (t) => {
    const threats = [
      threat('a.example'),
      threat('b.example', { level: 'Benign' }),
      threat('http://c.example/x,y', { type: 'URL' }),
      threat('http://c.example/"q', { type: 'URL', source: 'Other' }),
      threat('A.example'),
    ]
    const { get } = await start(t, { threats, now: () => Date.UTC(2026, 0, 1) })
    const cases: [string, string][] = [
      ['filter[threat_value]=a.example', '1'],
      ['filter[threat_value]=a.example,b.example,nothing.example', '1 2'],
      ['filter[threat_value]=http://c.example/x,y', ''],
      ['filter[threat_value]="http://c.example/x,y"', '3'],
      ['filter[threat_value]=http://c.example/"q', '4'],
      ['filter[threat_value]=a.example&filter[threat_source]=Other', ''],
      ['filter[threat_source]=Ours,Other&filter[threat_level]=Benign', '2'],
      ['filter[threat_value_start]=http://c', '3 4'],
      ['filter[threat_value_cont]=.example/', '3 4'],
      ['filter[threat_value_eq]=a.example', '1'],
      ['filter[threat_value_any]=a.example,A.example', '1 5'],
      ['filter[threat_type_not_eq]=URL', '1 2 5'],
      ['filter[threat_value_not_end]=example', '3 4'],
      ['filter[id_gt]=3', '4 5'],
      ['filter[id_lteq]=2', '1 2'],
      ['filter[updated_at_gteq]=2026-01-01T00:00:00Z', '1 2 3 4 5'],
      ['filter[updated_at_lt]=2026-01-01T00:00:00Z', ''],
      ['filter[threat_type]=Hostname&sort=-id', '5 2 1'],
      ['sort=threat_source,-threat_value', '4 3 2 1 5'],
    ]
    for (const [query, expected] of cases) {
      const seen = await get(`${collection}?${query.replaceAll('"', '%22')}`)
      const found: string = bodyOf(seen)
        .data?.map(({ id }: { id: string }) => id)
        .join(' ')
      t.equal(found, expected, query)
    }
  },
)

t.test('a list comes in pages of 20, at most 200, each with its links; members can be chosen', async (t) => {
  const threats = Array.from({ length: 45 }, (_, at) => threat(`d${at}.example`))
  const { get, simulator } = await start(t, { threats })
  const ids: string[] = []
  let path: string | undefined = `${collection}?fields[threat_indicators]=threat_value`
  let pages = 0
  while (path !== undefined) {
    const page = bodyOf(await get(path))
    ids.push(...page.data.map(({ id }: { id: string }) => id))
    t.same(Object.keys(page.data[0]).sort(), ['attributes', 'id', 'links', 'type'])
    t.same(Object.keys(page.data[0].attributes), ['threat_value'])
    pages += 1
    const next: string | undefined = page.links.next
    t.equal(page.links.prev === undefined, pages === 1)
    path = next?.slice(simulator.url.length)
  }
  t.equal(pages, 3)
  t.same(
    ids,
    threats.map((_, at) => String(at + 1)),
  )
})

t.test(
  'PUT and PATCH change level and source; an instance may lack PUT, an application the right',
  async (t) => {
    const change = { type: 'threat_indicators', id: '1', attributes: { threat_level: 'Suspicious' } }
    const clock = { now: Date.UTC(2026, 0, 1) }
    const both = await start(t, { threats: [threat('a.example')], now: () => clock.now })
    clock.now += 1000
    const seen = await both.write('PUT', `${collection}/1`, change)
    t.equal(seen.status, 200)
    t.match(bodyOf(seen).data.attributes, {
      threat_level: 'Suspicious',
      created_at: '2026-01-01T00:00:00.000Z',
      updated_at: '2026-01-01T00:00:01.000Z',
    })
    const source = { ...change, attributes: { threat_source: 'Another' } }
    t.equal((await both.write('PATCH', `${collection}/1`, source)).status, 200)
    t.match(both.simulator.rows(), [{ id: 1, source: 'Another', level: 'Suspicious' }])
    t.same(
      both.simulator.writes.map(({ method }) => method),
      ['PUT', 'PATCH'],
    )
    for (const putMissing of ['404', '405'] as const) {
      const { write } = await start(t, { threats: [threat('a.example')], putMissing })
      t.equal((await write('PUT', `${collection}/1`, change)).status, Number(putMissing))
      t.equal((await write('PATCH', `${collection}/1`, change)).status, 200)
    }
    const reader = await start(t, {
      applications: [{ ...demoApplication, role: 'read' }],
      threats: [threat('a.example')],
    })
    t.equal((await reader.get(`${collection}/1`)).status, 200)
    const refused = await reader.write('PUT', `${collection}/1`, change)
    t.same([refused.status, refused.body.length], [403, 0])
    t.equal((await reader.write('POST', collection, created({ threat_value: 'abc' }))).status, 403)
    t.equal((await both.write('DELETE', `${collection}/1`, {})).status, 404, 'nobody has seen it')
  },
)

t.test('what is too much in a minute is refused, with or without Retry-After', async (t) => {
  for (const tellsRetryAfter of [true, false]) {
    const { get } = await start(t, { requestsPerMinute: 3, tellsRetryAfter, now: () => 30_000 })
    t.equal((await get(collection)).status, 200, 'the login was one')
    t.equal((await get(collection)).status, 200)
    const seen = await get(collection)
    t.same([seen.status, seen.headers['retry-after']], [429, tellsRetryAfter ? '30' : undefined])
  }
})

t.test(
  'chance is the same for the same seed, and what was carried out is told whatever the answer',
  async (t) => {
    const runs: string[][] = []
    for (const seed of [7, 7, 8]) {
      const faulty = await startCofenseSimulator({
        randomFaults: { seed, share: 0.5 },
        applications: [demoApplication],
      })
      t.teardown(() => faulty.close())
      const seen: string[] = []
      for (let at = 0; at < 60; at += 1) {
        const { status, error } = await ask(faulty.url, '/oauth/token', {
          method: 'POST',
          headers: formType,
          body: form(),
        })
        seen.push(`${status} ${error ?? ''}`)
      }
      runs.push([...seen, String(faulty.logins.length)])
      t.ok(new Set(seen).size >= 4, [...new Set(seen)].join(', '))
      t.ok(faulty.logins.length > seen.filter((each) => each === '200 ').length, 'carried out, answer lost')
    }
    t.same(runs[0], runs[1])
    t.notSame(runs[0], runs[2])
  },
)
