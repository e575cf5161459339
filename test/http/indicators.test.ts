import { pino } from 'pino'
import t from 'tap'
import type { App } from '../../src/http/app.ts'
import type { Json } from '../../src/http/json.ts'
import { buildOpenApi } from '../../src/http/openapi.ts'
import { openApiFaults } from '../../src/http/openapi-audit.ts'
import { changeRoutes } from '../../src/http/routes/changes.ts'
import { indicatorRoutes } from '../../src/http/routes/indicators.ts'
import { createServer } from '../../src/http/server.ts'
import { changeCursor } from '../../src/model/cursor.ts'
import { indicatorId } from '../../src/model/identity.ts'
import type { Indicator, Observation, Score } from '../../src/model/indicator.ts'
import { indicatorSchema } from '../../src/model/indicator-schema.ts'
import { toIndicator } from '../../src/model/merge.ts'
import { toXsoar } from '../../src/model/xsoar.ts'
import { fill, freshStore, observationOf, openStore, type TestStore } from '../store/postgres/stored.ts'

type Test = Parameters<typeof freshStore>[0]

async function serverOver(t: Test, store: TestStore, publicUrl?: string): Promise<App> {
  const app = await createServer({
    keys: [],
    ...(publicUrl !== undefined && { publicUrl }),
    trustProxy: false,
    requestsPerMinute: 0,
    logger: pino({ level: 'silent' }),
    version: '0.0.0',
    isReady: async () => ({ ok: true, reasons: [] }),
    schemas: [indicatorSchema],
    routes: [
      indicatorRoutes({
        store,
        ...(publicUrl !== undefined && { publicUrl }),
        feedsOf: async ({ type }) => [{ name: 'f', in: type === 'ipv4', reason: `its type is ${type}` }],
        exportsOf: async ({ value }) => [{ value }],
      }),
      changeRoutes({ store }),
    ],
  })
  await app.ready()
  t.teardown(async () => void (await app.close()))
  return app
}

async function get(app: App, url: string) {
  const { statusCode, headers, body } = await app.inject({ url, headers: { host: 'localhost:8080' } })
  return { status: statusCode, headers, body, json: () => JSON.parse(body) as Record<string, never> & Answer }
}

interface Answer {
  readonly data: Indicator[]
  readonly next: string | null
  readonly links: { readonly next: string | null }
  readonly code: string
  readonly detail: string
  readonly errors: readonly { readonly pointer: string }[]
}

function pathOf(url: string): string {
  const { pathname, search } = new URL(url)
  return pathname + search
}

const domains = (count: number) =>
  Array.from({ length: count }, (_, n) =>
    observationOf(n + 1, {
      type: 'domain',
      value: `d${n}.example`,
      score: (n % 4) as Score,
      tags: n % 2 === 0 ? ['even'] : ['odd, or so'],
      raw: { n, dateAdded: '2024-01-01T00:00:00Z', text: '"}, é' },
    }),
  )

t.test(
  'pages follow links.next to the end: each indicator once, in either view, with or without records',
  async (t) => {
    const store = await freshStore(t)
    const observations = domains(523)
    await fill(store, observations)
    const app = await serverOver(t, store, 'https://feeds.example.org/prefix')
    const expected = observations
      .map((observation) => toIndicator([observation]))
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    const cases: readonly (readonly [query: string, of: (indicator: Indicator) => unknown])[] = [
      ['limit=100', (indicator) => indicator],
      ['limit=10000', (indicator) => indicator],
      ['limit=262&raw=false', ({ raw, ...indicator }) => indicator],
      ['limit=523&view=xsoar', (indicator) => toXsoar(indicator, { relationships: true })],
      [
        'limit=522&view=xsoar&raw=false',
        (indicator) => toXsoar(indicator, { relationships: true, raw: false }),
      ],
    ]
    for (const [query, of] of cases) {
      const found: unknown[] = []
      let url: string | null = `/api/v1/indicators?${query}`
      for (let pages = 0; url !== null && pages < 20; pages++) {
        const answer = await get(app, url)
        t.equal(answer.status, 200)
        const { data, next, links } = answer.json()
        found.push(...data)
        t.equal(links.next === null, next === null)
        t.equal(answer.headers.link, links.next === null ? undefined : `<${links.next}>; rel="next"`)
        if (links.next !== null)
          t.match(links.next, /^https:\/\/feeds\.example\.org\/prefix\/api\/v1\/indicators\?limit=/)
        url = links.next && pathOf(links.next).replace('/prefix', '')
      }
      t.equal(JSON.stringify(found), JSON.stringify(expected.map(of)), query)
    }
  },
)

t.test('without a public URL the links name the address that the client used, filters and all', async (t) => {
  const store = await freshStore(t)
  await fill(store, domains(20))
  const app = await serverOver(t, store)
  const first = await get(app, '/api/v1/indicators?limit=4&type=domain,url&tag=even&tag=a%26b')
  const { links, next } = first.json()
  t.equal(
    links.next,
    `http://localhost:8080/api/v1/indicators?limit=4&type=domain%2Curl&tag=even&tag=a%26b&cursor=${next}`,
  )
  const again = await get(
    app,
    `/api/v1/indicators?tag=a%26b,even&type=url,domain&limit=3&raw=false&cursor=${next}`,
  )
  t.equal(again.status, 200, 'the same filters in another order, and another size of page')
})

t.test('every filter filters, and what is wrong is told', async (t) => {
  const store = await freshStore(t)
  await fill(store, [
    observationOf(1, {
      type: 'ipv4',
      value: '203.0.113.7',
      score: 3,
      confidence: 80,
      threatAssess: { score: 900 },
      tlp: 'red',
      lastModified: '2024-06-01T00:00:00Z',
      tags: ['x'],
    }),
    observationOf(2, { type: 'domain', value: 'a.example', active: false }, { owner: 'Other' }),
  ])
  await store.registerSources(['idle'])
  const app = await serverOver(t, store)
  const [ip, domain, both, none] = ['203.0.113.7', 'a.example', '203.0.113.7 a.example', '']
  const cases: readonly (readonly [query: string, values: string | undefined])[] = [
    ['', both],
    ['type=ipv4', ip],
    ['type=domain,ipv4', both],
    ['source=tc', both],
    ['source=idle', none],
    ['owner=Other', domain],
    ['tag=x,y', ip],
    ['min_score=1', ip],
    ['min_score=0', both],
    ['min_confidence=80', ip],
    ['min_confidence=80.5', none],
    ['min_threat_assess_score=900', ip],
    ['max_tlp=amber', domain],
    ['active=true', ip],
    ['active=false', domain],
    ['modified_since=2024-06-01T02:00:00%2B02:00', ip],
    ['modified_since=2024-06-01T00:00:01Z', none],
    ['modified_since=0000-01-01T00:00:00%2B14:00', ip],
    ['modified_since=9999-12-31T23:59:59-14:00', none],
    ['value=A.example.', domain],
    ['value=nothing', none],
    ['value=a.example&type=ipv4', none],
  ]
  for (const [query, values] of cases) {
    const { data, next } = (await get(app, `/api/v1/indicators?${query}`)).json()
    t.equal(
      data
        .map(({ value }) => value)
        .sort()
        .join(' '),
      values,
      query,
    )
    t.equal(next, null)
  }
  const refused: readonly (readonly [query: string, status: number, pointer: string])[] = [
    ['limit=0', 400, '/limit'],
    ['limit=10001', 400, '/limit'],
    ['type=ip', 400, '/type/0'],
    ['min_score=4', 400, '/min_score'],
    ['modified_since=yesterday', 400, '/modified_since'],
    ['modified_since=2016-12-31T23:59:60Z', 400, '/modified_since'],
    ['value=', 400, '/value'],
    ['tags=x', 400, '/tags'],
    ['cursor=x', 400, '/cursor'],
    [`cursor=${changeCursor({ epoch: '0123456789ab', seq: 1, floor: 0 })}`, 400, '/cursor'],
    ['source=tcc', 404, ''],
  ]
  for (const [query, status, pointer] of refused) {
    const answer = await get(app, `/api/v1/indicators?${query}`)
    t.equal(answer.status, status, query)
    if (status === 400) t.equal(answer.json().errors[0]?.pointer, pointer, query)
    else t.match(answer.json(), { code: 'SOURCE_UNKNOWN', detail: 'no source "tcc"; there are: idle, tc' })
  }
  const { next } = (await get(app, '/api/v1/indicators?limit=1')).json()
  const other = await get(app, `/api/v1/indicators?limit=1&type=ipv4&cursor=${next}`)
  t.equal(other.status, 400)
  t.match(other.json().detail, /belongs to a list with other filters/)
  const replica = await openStore(store.connection)
  t.teardown(() => replica.database.close())
  const there = await get(await serverOver(t, replica), `/api/v1/indicators?limit=1&cursor=${next}`)
  t.equal(there.json().data.length, 1, 'another replica takes the cursor')
})

t.test('one indicator, a look-up by value, and why', async (t) => {
  const store = await freshStore(t)
  const big = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('9007199254740993')
  const observations = [
    observationOf(1, { type: 'ipv4', value: '203.0.113.7', raw: { big } }, { owner: 'A' }),
    observationOf(
      2,
      { type: 'ipv4', value: '203.0.113.7', lastModified: '2024-01-01T00:00:00Z', raw: { big } },
      { owner: 'B' },
    ),
    observationOf(3, { type: 'mutex', value: '203.0.113.7' }),
    observationOf(4, {
      type: 'file',
      value: 'b'.repeat(64),
      hashes: { md5: 'a'.repeat(32), sha256: 'b'.repeat(64) },
    }),
  ] as const
  await fill(store, observations, {
    expiresAt: ({ type }) => (type === 'ipv4' ? '2030-01-01T00:00:00Z' : null),
  })
  const app = await serverOver(t, store)
  const [first, second] = observations
  const id = indicatorId('ipv4', '203.0.113.7')
  const merged = { ...toIndicator([first, second]), expiresAt: '2030-01-01T00:00:00Z' }

  const one = await get(app, `/api/v1/indicators/${id}`)
  t.equal(one.body, JSON.stringify(merged), 'with every digit of its record')
  t.equal((await get(app, `/api/v1/indicators/${id.toUpperCase()}?raw=false`)).json().raw, undefined)
  const xsoar = await get(app, `/api/v1/indicators/${id}?view=xsoar`)
  t.equal(xsoar.body, JSON.stringify(toXsoar(merged, { relationships: true })))
  for (const unknown of [indicatorId('ipv4', '203.0.113.8'), 'indicator--x', 'x', '%27', `${id}0`]) {
    const answer = await get(app, `/api/v1/indicators/${unknown}`)
    t.equal(answer.status, 404, unknown)
    t.equal(answer.json().code, 'INDICATOR_UNKNOWN')
    t.equal((await get(app, `/api/v1/indicators/${unknown}/why`)).json().code, 'INDICATOR_UNKNOWN')
  }

  const lookups: readonly (readonly [query: string, types: string])[] = [
    ['value=203.0.113.7', 'ipv4 mutex'],
    ['value=203.0.113.7&type=mutex', 'mutex'],
    ['value=%20203.0.113.7%20&view=unified', 'ipv4 mutex'],
    [`value=${'A'.repeat(32)}`, 'file'],
  ]
  for (const [query, types] of lookups) {
    const { data, count } = (await get(app, `/api/v1/indicators/lookup?${query}`)).json()
    t.equal(data.map(({ type }) => type).join(' '), types, query)
    t.equal(count, data.length)
  }
  const absent = await get(app, '/api/v1/indicators/lookup?value=evil.example')
  t.equal(absent.status, 404)
  t.match(absent.json(), {
    code: 'INDICATOR_UNKNOWN',
    detail: 'no indicator has the value "evil.example" (it looks like domain)',
  })
  t.match((await get(app, '/api/v1/indicators/lookup?value=x&type=ipv4')).json(), {
    code: 'ARGUMENT_INVALID',
    detail: /^value can't be used: not an IPv4 address/,
  })
  t.equal((await get(app, '/api/v1/indicators/lookup')).status, 400)

  const why = await get(app, `/api/v1/indicators/${id}/why`)
  const { raw, ...indicator } = merged
  t.equal(
    why.body,
    JSON.stringify({
      indicator,
      observations: [first, second].map(({ provenance, ...one }) => ({
        ...one,
        ...provenance,
        expiresAt: '2030-01-01T00:00:00Z',
      })),
      feeds: [{ name: 'f', in: true, reason: 'its type is ipv4' }],
      exports: [{ value: '203.0.113.7' }],
    }),
  )
})

interface Line {
  readonly op: 'add' | 'update' | 'remove'
  readonly cursor: string
  readonly indicator: Indicator
}

function linesOf(body: string): Line[] {
  return body
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line)
}

/** What a consumer has who applied the lines. */
function apply(state: Map<string, string>, lines: readonly Line[]): void {
  for (const { op, indicator } of lines) {
    if (op === 'remove') state.delete(indicator.id)
    else state.set(indicator.id, JSON.stringify(indicator))
  }
}

async function storedNow(store: TestStore): Promise<string> {
  const { indicators } = await store.indicatorTexts({ limit: 100_000 })
  return indicators.map(({ json }) => json).join('\n')
}

function sorted(state: ReadonlyMap<string, string>): string {
  return [...state]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, json]) => json)
    .join('\n')
}

t.test(
  'whoever applies the changes has what is stored: at once, in parts, and while it changes',
  async (t) => {
    const store = await freshStore(t)
    const app = await serverOver(t, store)
    const empty = await get(app, '/api/v1/changes')
    t.equal(empty.status, 200)
    t.equal(empty.body, '')
    t.match(empty.headers['content-type'], 'application/x-ndjson')

    const inParts = new Map<string, string>()
    let cursor = String(empty.headers['x-head-cursor'])
    let random = 7
    const next = (below: number) => {
      random = (random * 48271) % 2147483647
      return random % below
    }
    for (let round = 0; round < 15; round++) {
      const ids = [...new Set(Array.from({ length: 12 }, () => 1 + next(60)))]
      const gone = [...new Set(Array.from({ length: 6 }, () => 1 + next(60)))].filter(
        (id) => !ids.includes(id),
      )
      const records = ids.map((id) =>
        observationOf(
          id,
          { type: 'domain', value: `d${id % 40}.example`, score: next(4) as Score },
          { owner: `o${id}` },
        ),
      )
      await fill(store, records, {
        removed: gone.map((id) => ({ remoteId: String(id) })),
        now: new Date(round),
      })
      const part = await get(app, `/api/v1/changes?since=${cursor}&limit=${1 + next(30)}`)
      const lines = linesOf(part.body)
      apply(inParts, lines)
      cursor = lines.at(-1)?.cursor ?? cursor
    }
    const rest = linesOf((await get(app, `/api/v1/changes?since=${cursor}`)).body)
    apply(inParts, rest)
    const want = await storedNow(store)
    t.equal(sorted(inParts), want, 'in parts')

    const whole = await get(app, '/api/v1/changes')
    const all = new Map<string, string>()
    apply(all, linesOf(whole.body))
    t.equal(sorted(all), want, 'at once')
    const ops = Map.groupBy(linesOf(whole.body), ({ op }) => op)
    t.same([...ops.keys()].sort(), ['add', 'remove', 'update'])
    t.notOk(whole.body.includes('"raw"'))

    const head = String(whole.headers['x-head-cursor'])
    for (const since of [head, linesOf(whole.body).at(-1)?.cursor]) {
      const none = await get(app, `/api/v1/changes?since=${since}`)
      t.equal(none.status, 200)
      t.equal(none.body, '', 'nothing new')
    }
    const nothing = await get(app, '/api/v1/changes?limit=0')
    t.equal(nothing.body, '')
    t.equal(nothing.headers['x-head-cursor'], head)
  },
)

t.test(
  'a cursor that is damaged is refused, one whose removals are forgotten is gone, a beginning never is',
  async (t) => {
    const store = await freshStore(t)
    const app = await serverOver(t, store)
    const day = 86_400_000
    await fill(store, domains(30), { now: new Date(0) })
    const early = linesOf((await get(app, '/api/v1/changes')).body)
    const lastEarly = early.at(-1)?.cursor ?? ''
    await fill(store, [], {
      removed: domains(10).map(({ provenance }) => ({ remoteId: provenance.remoteId })),
      now: new Date(day),
    })
    await fill(
      store,
      domains(12)
        .slice(10)
        .map((one) => ({ ...one, score: 3 as Score })),
      { now: new Date(5 * day) },
    )
    const before = linesOf((await get(app, '/api/v1/changes')).body)
    t.equal((await get(app, `/api/v1/changes?since=${lastEarly}`)).status, 200)
    t.ok((await store.prune(new Date(3 * day))) > 0)

    const old = await get(app, `/api/v1/changes?since=${lastEarly}`)
    t.equal(old.status, 410)
    t.equal(old.json().code, 'CURSOR_GONE')
    t.equal(
      (await get(app, `/api/v1/changes?since=${before.at(-1)?.cursor}`)).status,
      200,
      'a newer one is good',
    )

    // Who begins now reads past what is forgotten, in as many requests as it likes.
    for (const limit of [1, 3, 1000]) {
      const state = new Map<string, string>()
      let query = ''
      for (let request = 0; request < 60; request++) {
        const answer = await get(app, `/api/v1/changes?limit=${limit}${query}`)
        t.equal(answer.status, 200)
        const lines = linesOf(answer.body)
        if (lines.length === 0) break
        apply(state, lines)
        query = `&since=${lines.at(-1)?.cursor}`
      }
      t.equal(sorted(state), await storedNow(store), `${limit} at once`)
    }

    // It began, something is forgotten that it does not know of yet, and it must begin again.
    const begun = linesOf((await get(app, '/api/v1/changes?limit=3')).body).at(-1)?.cursor
    t.equal((await get(app, `/api/v1/changes?since=${begun}&limit=1`)).status, 200)
    await fill(store, [], {
      removed: domains(14).map(({ provenance }) => ({ remoteId: provenance.remoteId })),
      now: new Date(6 * day),
    })
    await store.prune(new Date(10 * day))
    t.equal((await get(app, `/api/v1/changes?since=${begun}`)).status, 410)

    const { epoch, head } = await store.logState()
    for (const bad of [
      'x',
      `${lastEarly}A`,
      lastEarly.toLowerCase(),
      changeCursor({ epoch, seq: head + 1, floor: 0 }),
    ]) {
      const answer = await get(app, `/api/v1/changes?since=${bad}`)
      t.equal(answer.status, 400, bad)
      t.equal(answer.json().errors[0]?.pointer, '/since')
    }
    const foreign = changeCursor({ epoch: '0123456789ab', seq: head, floor: 0 })
    t.equal((await get(app, `/api/v1/changes?since=${foreign}`)).status, 410, 'a cursor of another store')
  },
)

t.test('after a restore, cursors hold as far as the backup goes, and no further', async (t) => {
  const store = await freshStore(t)
  await fill(store, domains(5))
  const original = await store.logState()
  // What `restore` does to a store at this place.
  await store.database.execute('insert into epoch (seq) select seq from clock')
  const app = await serverOver(t, store)
  const at = (seq: number) =>
    `/api/v1/changes?since=${changeCursor({ epoch: original.epoch, seq, floor: 0 })}`
  t.equal(linesOf((await get(app, at(2))).body).length, 3)
  await fill(store, domains(8).slice(5))
  t.equal(linesOf((await get(app, at(original.head))).body).length, 3)
  t.equal((await get(app, at(original.head + 1))).status, 410, 'a change that the original went on to make')
})

t.test('an answer of any size goes out as it is read', async (t) => {
  const store = await freshStore(t)
  const wide = (n: number): Observation =>
    observationOf(n, { type: 'domain', value: `w${n}.example`, description: 'x'.repeat(7000) })
  await fill(
    store,
    Array.from({ length: 1400 }, (_, n) => wide(n + 1)),
  )
  const app = await serverOver(t, store)
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  const answer = await fetch(`${url}/api/v1/changes`)
  t.equal(answer.headers.get('content-length'), null, 'more than is held back')
  const lines = linesOf(await answer.text())
  t.equal(lines.length, 1400)
  t.equal(new Set(lines.map(({ cursor }) => cursor)).size, 1400)
  const page = await fetch(`${url}/api/v1/indicators?limit=10000`)
  const { data } = (await page.json()) as Answer
  t.equal(data.length, 1400)
  t.same(openApiFaults(buildOpenApi(app).v31 as Json), [], 'and the description of the routes has no faults')
})
