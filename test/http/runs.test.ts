/** Fetches by HTTP: starting, joining, waiting, receipts, and how sources stand. */
import { createHash } from 'node:crypto'
import t, { type Test } from 'tap'
import type { App } from '../../src/http/app.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectSimulator,
} from '../../src/sources/threatconnect/simulator/index.ts'
import { sourceEntry, storedApp } from '../app.ts'

const owner = 'Example Organization'
const indicators = [
  { type: 'Address', summary: '198.51.100.7', owner },
  { type: 'Host', summary: 'evil.example', owner },
  { type: 'Host', summary: 'www.example.org', owner },
  { type: 'Address', summary: '1.2.3', owner },
]

const receiptMembers = [
  'id',
  'source',
  'status',
  'startedAt',
  'endedAt',
  'received',
  'stored',
  'updated',
  'unchanged',
  'removed',
  'excluded',
  'unreadable',
  'unreadableCount',
  'pages',
  'requests',
  'expected',
  'error',
]

interface Json {
  readonly [name: string]: unknown
}

type Answer = Awaited<ReturnType<typeof post>>

interface Page {
  readonly data: readonly { readonly id: string; readonly remoteId: string }[]
  readonly count: number
  readonly next: string | null
  readonly links: { readonly next: string | null }
}

async function simulated(test: Test): Promise<ThreatConnectSimulator> {
  const simulator = await startThreatConnectSimulator({ indicators })
  test.teardown(() => simulator.close())
  return simulator
}

/** Answers of the simulator come when `go` is called. */
function held(simulator: ThreatConnectSimulator) {
  simulator.fail({ kind: 'delay', ms: 700 }, { times: 1 })
}

function post(app: App, url: string) {
  return app.inject({ method: 'POST', url })
}

t.test('a fetch answers its receipt, to the member, and 202 while it is under way', async (t) => {
  const simulator = await simulated(t)
  const { app, schedule } = await storedApp(t, {
    exclusions: ['example.org'],
    sources: [sourceEntry(simulator.url, { every: 'off', settings: { pageSize: 3 } })],
  })
  const before = await app.inject('/api/v1/sources/tc')
  t.match(before.json(), { state: 'waiting', fetched: false, lastRun: null, nextFetchAt: null, every: 'off' })
  await schedule.start()
  held(simulator)
  const started = await post(app, '/api/v1/sources/tc/fetch')
  t.equal(started.statusCode, 202)
  const run: Json = started.json()
  t.strictSame(Object.keys(run), receiptMembers)
  t.match(run, { source: 'tc', status: 'running', endedAt: null, error: null })
  t.equal(started.headers.location, `/api/v1/runs/${run.id}`)
  const joined = await post(app, '/api/v1/sources/tc/fetch?wait=0')
  t.strictSame([joined.statusCode, joined.json().id], [202, run.id], 'it is joined')
  t.match((await app.inject('/api/v1/sources/tc')).json(), { state: 'fetching' })

  const ended = await post(app, '/api/v1/sources/tc/fetch?wait=60')
  t.strictSame([ended.statusCode, ended.json().id], [200, run.id])
  const receipt: Json = ended.json()
  t.strictSame(Object.keys(receipt), receiptMembers)
  t.match(receipt, { status: 'succeeded', received: 4, stored: 2, excluded: 1, unreadableCount: 1 })
  t.match(receipt.unreadable, [{ remoteId: String, reason: /1\.2\.3/ }])
  t.strictSame((await app.inject(`/api/v1/runs/${run.id}`)).json(), receipt)

  const source = await app.inject('/api/v1/sources')
  t.match(source.json(), {
    data: [
      {
        name: 'tc',
        kind: 'threatconnect',
        state: 'succeeded',
        fetched: true,
        lastRun: { id: run.id },
        indicators: { total: 2, byType: { ipv4: 1, domain: 1 } },
      },
    ],
  })
  t.notMatch(source.body, /secretKey|accessId/)
  t.match((await app.inject(`/api/v1/indicators`)).json(), { data: { length: 2 } })
})

t.test('runs are listed newest first, page by page; unreadable records as well', async (t) => {
  const simulator = await simulated(t)
  const { app, store, schedule } = await storedApp(t, {
    sources: [sourceEntry(simulator.url, { every: 'off' })],
  })
  await schedule.start()
  const ids: unknown[] = []
  for (let count = 0; count < 3; count++) {
    const answer = await post(app, '/api/v1/sources/tc/fetch?wait=60')
    t.equal(answer.statusCode, 200)
    ids.unshift(answer.json().id)
  }
  const seen: unknown[] = []
  let url: string | null = '/api/v1/sources/tc/runs?limit=2'
  for (let pages = 0; url !== null; pages++) {
    const answer: Answer = await app.inject(url)
    t.equal(answer.statusCode, 200)
    const { data, next, links }: Page = answer.json()
    seen.push(...data.map(({ id }) => id))
    t.equal(answer.headers.link, next === null ? undefined : `<${links.next}>; rel="next"`)
    url = links.next
    if (pages > 5) throw new Error('it does not end')
  }
  t.strictSame(seen, ids)
  t.equal((await app.inject('/api/v1/runs/latest')).json().id, ids[0])

  const { run } = await store.startRun('tc', new Date())
  const claim = await store.claimRun(run.id)
  const unreadable = Array.from({ length: 250 }, (_, index) => ({
    remoteId: String(index),
    reason: 'no value',
  }))
  await store.ingest({
    run: run.id,
    claim: claim ?? 0,
    source: 'tc',
    part: 'indicators',
    received: 250,
    records: [],
    unreadable,
    excluded: [],
    removed: [],
    requests: 1,
    cursor: 'x',
    now: new Date(),
  })
  const receipt = (await app.inject(`/api/v1/runs/${run.id}`)).json()
  t.strictSame(
    [receipt.unreadable.length, receipt.unreadableCount],
    [100, 250],
    'the receipt has the first ones',
  )
  const found: string[] = []
  let next: string | null = `/api/v1/runs/${run.id}/unreadable?limit=100`
  while (next !== null) {
    const page: Page = (await app.inject(next)).json()
    t.equal(page.count, 250)
    found.push(...page.data.map(({ remoteId }) => remoteId))
    next = page.links.next
  }
  t.equal(found.join(), unreadable.map(({ remoteId }) => remoteId).join())
})

t.test('a failure is in the receipt, with its code and no secret', async (t) => {
  const simulator = await startThreatConnectSimulator({ accounts: [{ accessId: '1', secretKey: 'another' }] })
  t.teardown(() => simulator.close())
  const { app, schedule } = await storedApp(t, {
    sources: [sourceEntry(simulator.url, { every: 'off', retry: { attempts: 1 } })],
  })
  await schedule.start()
  const answer = await post(app, '/api/v1/sources/tc/fetch?wait=60')
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), {
    status: 'failed',
    received: 0,
    error: { code: 'UPSTREAM_CREDENTIALS', detail: String },
  })
})

t.test('what is not there, not allowed or wrong', async (t) => {
  const simulator = await simulated(t)
  const keys = ['sources:run', 'indicators:read', 'tickets:read'].map((scope) => ({
    id: scope.replace(':', '-'),
    secretHash: `sha256:${createHash('sha256').update(`secret-of-${scope}`).digest('hex')}`,
    scopes: [scope],
  }))
  const { app } = await storedApp(t, { auth: { keys }, sources: [sourceEntry(simulator.url)] })
  const run = '0f7b6f5e-6f0c-4c1e-9a54-6a6f9a6a3b10'
  const reader = 'secret-of-indicators:read'
  const runner = 'secret-of-sources:run'
  const other = 'secret-of-tickets:read'
  const cases: readonly (readonly [
    method: 'GET' | 'POST',
    url: string,
    key: string,
    status: number,
    code: string,
  ])[] = [
    ['POST', '/api/v1/sources/tcc/fetch', runner, 404, 'SOURCE_UNKNOWN'],
    ['POST', '/api/v1/sources/tc/fetch', reader, 403, 'SCOPE_MISSING'],
    ['POST', '/api/v1/sources/tc/fetch?wait=601', runner, 400, 'ARGUMENT_INVALID'],
    ['POST', '/api/v1/sources/tc/fetch?wait=-1', runner, 400, 'ARGUMENT_INVALID'],
    ['POST', '/api/v1/sources/tc/fetch?waits=1', runner, 400, 'ARGUMENT_INVALID'],
    ['GET', '/api/v1/sources/tc/fetch', runner, 405, 'METHOD_NOT_ALLOWED'],
    ['GET', '/api/v1/sources/tcc', reader, 404, 'SOURCE_UNKNOWN'],
    ['GET', '/api/v1/sources', '', 401, 'KEY_MISSING'],
    ['GET', '/api/v1/sources', runner, 403, 'SCOPE_MISSING'],
    ['GET', '/api/v1/sources/tcc/runs', reader, 404, 'SOURCE_UNKNOWN'],
    ['GET', '/api/v1/sources/tc/runs?cursor=x', reader, 400, 'ARGUMENT_INVALID'],
    ['GET', '/api/v1/sources/tc/runs?limit=101', reader, 400, 'ARGUMENT_INVALID'],
    ['GET', `/api/v1/sources/tc/runs?cursor=${run}`, reader, 400, 'ARGUMENT_INVALID'],
    ['GET', `/api/v1/runs/${run}`, reader, 404, 'RUN_UNKNOWN'],
    ['GET', '/api/v1/runs/7', reader, 404, 'RUN_UNKNOWN'],
    ['GET', `/api/v1/runs/${run}`, runner, 404, 'RUN_UNKNOWN'],
    ['GET', `/api/v1/runs/${run}`, other, 403, 'SCOPE_MISSING'],
    ['GET', `/api/v1/runs/${run}/unreadable`, reader, 404, 'RUN_UNKNOWN'],
  ]
  for (const [method, url, key, status, code] of cases) {
    const headers = key === '' ? {} : { authorization: `Bearer ${key}` }
    const answer = await app.inject({ method, url, headers })
    t.strictSame([answer.statusCode, answer.json().code], [status, code], `${method} ${url}`)
  }
})
