/**
 * Products that say or can do less than our simulators, or say it in another way: servers of a few lines, written from
 * the products' documents alone, one request answered like the next.
 */
import { createHmac } from 'node:crypto'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { cofense } from '../../src/exporters/cofense/index.ts'
import { darktrace } from '../../src/exporters/darktrace/index.ts'
import type { Delivery, Exporter, ExporterDefinition, Outcome } from '../../src/exporters/exporter.ts'
import { secureworks } from '../../src/exporters/secureworks/index.ts'
import type { Indicator } from '../../src/model/indicator.ts'
import type { Answer } from '../../src/simulation/faults.ts'
import { type RecordedRequest, type Simulator, startSimulator } from '../../src/simulation/simulator.ts'
import { createHttpClient } from '../../src/upstream/got-client.ts'

const never = new AbortController().signal

function json(body: unknown, status = 200): Answer {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
}

function indicator(type: Indicator['type'], value: string): Indicator {
  return {
    ...{ id: `indicator--${value}`, type, value, score: 3, active: true },
    ...{ tags: [], relationships: [], expiresAt: null, observations: [] },
  }
}

function upsert(type: Indicator['type'], value: string, more: Partial<Delivery> = {}): Delivery {
  const delivery = { key: value, action: 'upsert', indicator: indicator(type, value), options: {} } as const
  return { ...delivery, unsure: false, ...more }
}

const removal = (type: Indicator['type'], value: string) => upsert(type, value, { action: 'remove' })

interface Bare {
  readonly exporter: Exporter
  readonly server: Simulator
  /** Key and status of each outcome, in the order of the batch. */
  send(batch: readonly Delivery[]): Promise<readonly string[]>
  outcomes(batch: readonly Delivery[]): Promise<readonly Outcome[]>
}

async function bare<Settings>(
  t: Test,
  definition: ExporterDefinition<Settings>,
  handle: (request: RecordedRequest) => Answer,
  settings: (url: string) => Settings,
): Promise<Bare> {
  const server = await startSimulator({ handle })
  t.teardown(() => server.close())
  const log = pino({ level: 'silent' })
  const connect = (baseUrl: string) => {
    const client = createHttpClient({
      ...{ service: definition.kind, baseUrl, timeoutMs: 5000, proxy: 'none', userAgent: 'test' },
      ...{ tls: { insecure: false }, log, now: Date.now },
    })
    t.teardown(() => client.close())
    return client
  }
  const exporter = definition.create(settings(server.url), { name: 'ours', connect, log, now: Date.now })
  const outcomes = (batch: readonly Delivery[]) => exporter.send(batch, never)
  const send = async (batch: readonly Delivery[]) => {
    const found = await outcomes(batch)
    return batch.map(({ key }) => `${key} ${found.find((each) => each.key === key)?.status}`)
  }
  return { exporter, server, outcomes, send }
}

// Secureworks

type Input = Readonly<Record<string, string>>

/** A Taegis that upserts, and answers everything else in one way. */
function taegis(t: Test, upserted: (inputs: readonly Input[]) => unknown, otherwise: () => Answer) {
  const handle = ({ url, body }: RecordedRequest): Answer => {
    if (url === '/auth/api/v2/auth/token') return json({ access_token: 'a-token', expires_in: 3600 })
    const { query, variables } = JSON.parse(body)
    if (!query.includes('upsertIndicators')) return otherwise()
    return json({ data: { upsertIndicators: upserted(variables.input) } })
  }
  return bare(t, secureworks, handle, (baseUrl) => ({
    ...{ baseUrl, clientId: 'id', clientSecret: 'secret', tenantId: '1' },
    ...{ sourceName: 'ours', maxActive: 15_000 },
  }))
}

const echoed = (inputs: readonly Input[]) => ({ accepted_indicators: inputs, rejected_indicators: null })
const none = () => json({ data: { getIndicators: { indicators: null, total_entries_size: 0 } } })
const unanswered = (world: Bare) => activeOf(world).catch((error: unknown) => error)
const activeOf = async ({ exporter }: Bare) => exporter.room?.active(never)

t.test('a Taegis that does not say how many it has takes indicators all the same', async (t) => {
  const noField = { message: 'Cannot query field "getIndicators" on type "Query".' }
  const refusals: Readonly<Record<string, () => Answer>> = {
    'an unknown field': () => json({ errors: [noField], data: null }),
    'an operation that is not allowed': () => json({ errors: [{ message: 'not authorized' }], data: null }),
    'no data': () => json({ data: null }),
    'a bad request': () => json({ errors: [{ message: 'unsupported operation' }] }, 400),
    'not found': () => ({ status: 404 }),
    forbidden: () => ({ status: 403 }),
  }
  for (const [what, otherwise] of Object.entries(refusals)) {
    const world = await taegis(t, echoed, otherwise)
    t.equal(await activeOf(world), undefined, what)
    t.same(await world.send([upsert('domain', 'a.example')]), ['a.example accepted'], what)
  }
})

t.test('what may pass by itself is waited for before the room is taken for unknown', async (t) => {
  let answer: Answer = { status: 500, body: '{}' }
  const world = await taegis(t, echoed, () => answer)
  t.match(await unanswered(world), { kind: 'unavailable', status: 500 })
  t.match(await unanswered(world), { kind: 'unavailable', status: 500 })
  t.equal(await activeOf(world), undefined, 'the third time in a row')
  answer = { status: 429 }
  t.match(await unanswered(world), { kind: 'throttled' })
  answer = json({ data: { getIndicators: { total_entries_size: 14_999 } } })
  t.equal(await activeOf(world), 14_999)
  answer = { status: 429 }
  t.match(await unanswered(world), { kind: 'throttled' })
  answer = { status: 404 }
  t.equal(await activeOf(world), undefined)
  world.server.fail({ kind: 'cut-json' })
  answer = json({ data: { getIndicators: { total_entries_size: 7 } } })
  t.equal(await activeOf(world), 7, 'half an answer is asked for once more')
})

t.test('a Taegis without removals refuses each of them, and nothing else', async (t) => {
  const message = 'Cannot query field "deleteIndicators" on type "Mutation".'
  const world = await taegis(t, echoed, () => json({ errors: [{ message }] }))
  t.same(await world.send([removal('domain', 'a.example'), upsert('domain', 'b.example')]), [
    'a.example rejected',
    'b.example accepted',
  ])
})

t.test('what Taegis spells in another way is known again, unless two could be meant', async (t) => {
  const spellings: Readonly<Record<string, string>> = {
    '2001:db8::1': '2001:0DB8:0:0:0:0:0:1',
    'a.example': 'A.Example.',
    'xn--bcher-kva.example': 'bücher.example',
    'http://b.example/x': 'HTTP://B.EXAMPLE/x/',
    'http://c.example/x': 'http://c.example/X',
    'http://c.example/X': 'http://C.example/X',
    [`${'a'.repeat(32)}`]: 'A'.repeat(32),
  }
  const spelt = (inputs: readonly Input[]) => inputs.map(({ value = '' }) => ({ value: spellings[value] }))
  const batch = [
    upsert('ipv6', '2001:db8::1'),
    upsert('domain', 'a.example'),
    upsert('domain', 'xn--bcher-kva.example'),
    upsert('url', 'http://b.example/x'),
    upsert('file', 'a'.repeat(32)),
  ]
  const accepts = await taegis(t, (inputs) => ({ accepted_indicators: spelt(inputs) }), none)
  t.same(
    await accepts.send(batch),
    batch.map(({ key }) => `${key} accepted`),
  )
  const rejects = await taegis(t, (inputs) => ({ rejected_indicators: spelt(inputs) }), none)
  t.match(
    await rejects.outcomes(batch),
    batch.map(() => ({ status: 'rejected', reason: /without a reason/ })),
  )
  t.same(
    await accepts.send([upsert('url', 'http://c.example/x'), upsert('url', 'http://c.example/X')]),
    ['http://c.example/x unknown', 'http://c.example/X accepted'],
    'the case of a path may make another one',
  )
})

t.test('ids alone tell when there are as many as inputs', async (t) => {
  let ids: readonly object[] = [{ id: 'x' }]
  const world = await taegis(t, () => ({ accepted_indicators: ids }), none)
  t.match(await world.outcomes([upsert('domain', 'a.example')]), [{ status: 'accepted', remoteId: 'x' }])
  const two = [upsert('domain', 'a.example'), upsert('domain', 'b.example')]
  t.same(await world.send(two), ['a.example unknown', 'b.example unknown'], 'which of the two?')
  ids = [{ id: 'x' }, { id: 'y' }]
  t.same(await world.send(two), ['a.example accepted', 'b.example accepted'])
})

t.test(
  'an answer without lists, of a Taegis that can not be asked, is tried again and stops nothing',
  async (t) => {
    const world = await taegis(
      t,
      () => ({ accepted_indicators: null, rejected_indicators: null }),
      () => json({ errors: [{ message: 'Cannot query field "getIndicators" on type "Query".' }] }),
    )
    const [outcome] = await world.outcomes([upsert('domain', 'a.example')])
    t.match(outcome, {
      status: 'unknown',
      reason: /neither as accepted nor as rejected, and could not be asked/,
    })
    t.notOk(outcome !== undefined && 'error' in outcome, 'no error that is so for all')
  },
)

// Darktrace

const tokens = { publicToken: 'public', privateToken: 'private' }

/** An appliance that only knows queries as they were before they were encoded, or as they are sent. */
function appliance(
  t: Test,
  answers: (command: Readonly<Record<string, string>> | undefined) => Answer,
  { decodes = false, source = 'ours', exactHost = false } = {},
) {
  const handle = ({ method, url, body, headers }: RecordedRequest): Answer => {
    const request = method === 'POST' ? `${url}?${body}` : decodes ? decodeURIComponent(url) : url
    const text = `${request}\n${headers['dtapi-token']}\n${headers['dtapi-date']}`
    const hex = createHmac('sha1', tokens.privateToken).update(text).digest('hex')
    if (headers['dtapi-signature'] !== hex) return json({ response: 'API SIGNATURE ERROR' }, 400)
    return answers(method === 'POST' ? JSON.parse(body) : undefined)
  }
  return bare(t, darktrace, handle, (host) => ({
    ...{ host, ...tokens, source, exactHost },
    ...{ expireAfterDays: 0, autonomousResponse: false },
  }))
}

const success = (more: object): Answer => json({ response: 'SUCCESS', ...more })
const redirect = (location: string): Answer => ({ status: 302, headers: { location } })
const hosts = [upsert('domain', 'a.example'), upsert('domain', 'b.example')]

t.test('an appliance whose list may not be read is believed when it counts all that were sent', async (t) => {
  const unread = [redirect('/403'), redirect('/login'), { status: 404 }, json({ error: 'Forbidden' }, 403)]
  for (const refused of unread) {
    let counts = { added: 2, updated: 2 }
    const world = await appliance(t, (command) => (command ? success(counts) : refused))
    t.match(await world.outcomes(hosts), [
      { status: 'accepted', vendor: { confirmedBy: 'count' } },
      { status: 'accepted', vendor: { confirmedBy: 'count' } },
    ])
    counts = { added: 0, updated: 2 }
    t.same(await world.send(hosts), ['a.example accepted', 'b.example accepted'])
    counts = { added: 1, updated: 1 }
    const open = await world.outcomes(hosts)
    t.match(open, [{ status: 'unknown', reason: /could not be read/ }, { status: 'unknown' }])
    t.ok(
      open.every((outcome) => !('error' in outcome)),
      'no error that is so for all',
    )
    t.same(await world.send([removal('domain', 'a.example')]), ['a.example accepted'])
  }
})

t.test('what the answer names needs no list', async (t) => {
  const world = await appliance(t, (command) => {
    if (command === undefined) return { status: 500 }
    const addedList = (command.addlist ?? '').split(',')
    return success({ added: 2, updated: 2, addedList, updatedList: [] })
  })
  t.same(await world.send(hosts), ['a.example accepted', 'b.example accepted'])
  t.equal(world.server.requests.length, 1)
})

t.test('a host that is listed with the star of an exact one is known again', async (t) => {
  for (const star of [(name: string) => `*${name}`, (name: string) => `${name}*`]) {
    const world = await appliance(
      t,
      (command) =>
        command ? success({ added: 2, updated: 2 }) : json([star('a.example'), star('B.example')]),
      { exactHost: true },
    )
    t.same(await world.send(hosts), ['a.example accepted', 'b.example accepted'])
  }
})

t.test('a source with a blank is signed in the way that the appliance takes', async (t) => {
  for (const decodes of [true, false]) {
    const world = await appliance(
      t,
      (command) => (command ? success({ added: 2, updated: 0 }) : json(['a.example', 'b.example'])),
      { decodes, source: 'my feed' },
    )
    for (const gets of [decodes ? 2 : 1, 1]) {
      const before = world.server.requests.length
      t.same(await world.send(hosts), ['a.example accepted', 'b.example accepted'])
      t.equal(world.server.requests.length - before, 1 + gets, 'what worked is tried first')
    }
    t.ok(world.server.requests.every(({ url }) => !url.includes(' ')))
  }
})

// Cofense

const collection = '/api/public/v2/threat_indicators'

interface TriageRow {
  readonly id: string | number
  readonly type: string
  attributes: Readonly<Record<string, string>>
}

interface Triage {
  readonly get?: (request: RecordedRequest, rows: readonly TriageRow[]) => Answer
  readonly written?: (row: TriageRow, sent: unknown) => Answer
  readonly numeric?: boolean
  readonly there?: readonly TriageRow[]
}

/** A Triage with one record for each value, whosever. */
function triage(t: Test, { get, written, numeric = false, there = [] }: Triage) {
  const rows: TriageRow[] = there.map((row) => ({ ...row }))
  const done = (row: TriageRow, sent: unknown) => written?.(row, sent) ?? json({ data: row })
  const handle = (request: RecordedRequest): Answer => {
    const { method, url, headers, body } = request
    if (url === '/oauth/token')
      return json({ access_token: 'a-token', token_type: 'Bearer', expires_in: '7200' })
    if (headers.authorization !== 'Bearer a-token') return { status: 401 }
    if (method === 'GET') return get?.(request, rows) ?? { status: 404 }
    const { data } = JSON.parse(body)
    if (method === 'POST' && url === collection) {
      const { attributes } = data
      if (rows.some((row) => row.attributes.threat_value === attributes.threat_value)) {
        return json({ errors: [{ title: 'has already been taken' }] }, 422)
      }
      const row = { id: numeric ? 300 + rows.length : `${300 + rows.length}`, type: data.type, attributes }
      rows.push(row)
      return done(row, data)
    }
    const row = rows.find(({ id }) => url === `${collection}/${id}`)
    if (row === undefined || data.id !== String(row.id)) return { status: 404 }
    row.attributes = { ...row.attributes, ...data.attributes }
    return done(row, data)
  }
  const made = bare(t, cofense, handle, (baseUrl) => ({
    ...{ baseUrl, clientId: 'id', clientSecret: 'secret', source: 'ours' },
  }))
  return made.then((world) => ({ ...world, rows }))
}

const record = (id: string, value: string, source: string, level: string): TriageRow => ({
  id,
  type: 'threat_indicators',
  attributes: { threat_level: level, threat_type: 'Hostname', threat_value: value, threat_source: source },
})

const byValue = ({ url }: RecordedRequest, rows: readonly TriageRow[]): Answer => {
  const values = new URL(url, 'http://triage').searchParams.get('filter[threat_value]')?.split(',')
  return json({ data: rows.filter(({ attributes }) => values?.includes(attributes.threat_value ?? '')) })
}

t.test(
  'a Triage that can not be searched still gets what is new, and says itself what is taken',
  async (t) => {
    const problem = { title: 'Filter not allowed', code: '102', status: '400' }
    const refusals = [
      { status: 404 },
      { status: 405 },
      { status: 403 },
      json({ errors: [problem] }, 400),
      json({ data: [record('9', 'z.example', 'x', 'Benign')], links: { next: '/next' } }),
    ]
    for (const refused of refusals) {
      const there = [record('1', 'taken.example', 'ours', 'Benign')]
      const world = await triage(t, { get: () => refused, there, numeric: true })
      const found = await world.outcomes([...hosts, upsert('domain', 'taken.example')])
      t.match(found, [
        { status: 'accepted', remoteId: '301', vendor: { threatLevel: 'Malicious' } },
        { status: 'accepted', remoteId: '302' },
        { status: 'rejected', reason: /has already been taken, and can't be changed .* looked up/ },
      ])
      t.equal(
        world.server.requests.filter(({ method, url }) => method === 'POST' && url === collection).length,
        3,
      )
      const [removed] = await world.outcomes([removal('domain', 'a.example')])
      t.not(removed?.status, 'unchanged', 'a removal can not be done without its id')
    }
  },
)

t.test('a write is known by as much of the record as its answer shows', async (t) => {
  const answers: readonly ((row: TriageRow, sent: unknown) => Answer)[] = [
    ({ id, type }) => json({ data: { id, type } }, 201),
    ({ id, type }, sent) => json({ data: { ...(sent as object), id, type } }),
    (row) => json({ data: { ...row, attributes: { ...row.attributes, threat_source: 'theirs' } } }, 201),
    (row) => json({ data: { ...row, attributes: { ...row.attributes, threat_value: 'A.EXAMPLE' } } }, 201),
  ]
  for (const written of answers) {
    const world = await triage(t, { get: byValue, written })
    const [made] = await world.outcomes([upsert('domain', 'a.example')])
    t.match(made, { status: 'accepted', remoteId: '300', vendor: { threatLevel: 'Malicious' } })
    const known = { remoteId: '300', options: { threatLevel: 'Suspicious' } }
    t.match(await world.outcomes([upsert('domain', 'a.example', known)]), [
      { status: 'accepted', remoteId: '300', vendor: { threatLevel: 'Suspicious' } },
    ])
    t.equal(world.rows[0]?.attributes.threat_level, 'Suspicious')
  }
  const there = [record('1', 'a.example', 'ours', 'Benign')]
  const silent = await triage(t, { get: byValue, there, written: () => ({ status: 204 }) })
  t.match(await silent.outcomes([upsert('domain', 'a.example')]), [
    { status: 'accepted', remoteId: '1', vendor: { threatLevel: 'Malicious' } },
  ])
  t.same(
    await silent.send([upsert('domain', 'b.example')]),
    ['b.example unknown'],
    'what has no id is looked up',
  )
  t.same(await silent.send([upsert('domain', 'b.example', { unsure: true })]), ['b.example accepted'])
})
