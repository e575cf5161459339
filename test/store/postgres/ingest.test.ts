/** What a page does to records, indicators, the change log and the receipt. */
import { hash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import pg from 'pg'
import t from 'tap'
import { dictionaries } from '../../../src/store/postgres/dictionary.ts'
import { observationText, packBody } from '../../../src/store/postgres/observations.ts'
import { ClaimLost } from '../../../src/store/store.ts'
import {
  changesOf,
  domainId,
  emptied,
  minutesLater,
  now,
  openStore,
  type PageParts,
  pageOf,
  receipt,
  record,
  startFetch,
  statement,
  valuesOf,
} from './pages.ts'

interface Case {
  readonly what: string
  readonly pages: readonly PageParts[]
  readonly receipt: object
  readonly values: readonly string[]
  readonly changes: readonly string[]
}

const a = record(1, 'a.example')
const b = record(2, 'b.example')
const aAndB: PageParts = { records: [a, b] }
const added = ['1 add a.example', '2 add b.example']

const cases: readonly Case[] = [
  {
    what: 'new records are stored, and come in the order of the page',
    pages: [aAndB],
    receipt: { received: 2, stored: 2 },
    values: ['a.example', 'b.example'],
    changes: added,
  },
  {
    what: 'records that come again as they are change nothing',
    pages: [aAndB, aAndB],
    receipt: { received: 4, stored: 2, unchanged: 2 },
    values: ['a.example', 'b.example'],
    changes: added,
  },
  {
    what: 'a record with another content is updated, and the version before stays in the log',
    pages: [aAndB, { records: [record(1, 'a.example', { score: 3 }), b] }],
    receipt: { received: 4, stored: 2, updated: 1, unchanged: 1 },
    values: ['a.example', 'b.example'],
    changes: [...added, '3 update a.example'],
  },
  {
    what: 'a second owner says the same of a value: stored, and the indicator changes',
    pages: [{ records: [a] }, { records: [record(2, 'a.example', { owner: 'B' })] }],
    receipt: { received: 2, stored: 2 },
    values: ['a.example'],
    changes: ['1 add a.example', '2 update a.example'],
  },
  {
    what: 'two owners in one page make one addition',
    pages: [{ records: [a, record(2, 'a.example', { owner: 'B' })] }],
    receipt: { received: 2, stored: 2 },
    values: ['a.example'],
    changes: ['1 add a.example'],
  },
  {
    what: 'a change that the merge does not show is updated in the receipt and no change of the log',
    pages: [
      { records: [a, record(2, 'a.example', { owner: 'B', score: 3 })] },
      { records: [record(1, 'a.example', { score: 2 })] },
    ],
    receipt: { received: 3, stored: 2, updated: 1 },
    values: ['a.example'],
    changes: ['1 add a.example'],
  },
  {
    what: 'of a record that comes twice in a page the last one holds; the first counts as unchanged',
    pages: [{ records: [record(1, 'old.example'), a] }],
    receipt: { received: 2, stored: 1, unchanged: 1 },
    values: ['a.example'],
    changes: ['1 add a.example'],
  },
  {
    what: 'a record whose value changed leaves its old indicator, which goes without another record',
    pages: [aAndB, { records: [record(1, 'c.example')] }],
    receipt: { received: 3, stored: 2, updated: 1, removed: 1 },
    values: ['b.example', 'c.example'],
    changes: [...added, '3 add c.example', '4 remove a.example'],
  },
  {
    what: 'a record whose value changed leaves its old indicator to the other owner',
    pages: [{ records: [a, record(2, 'a.example', { owner: 'B' })] }, { records: [record(1, 'c.example')] }],
    receipt: { received: 3, stored: 2, updated: 1 },
    values: ['a.example', 'c.example'],
    changes: ['1 add a.example', '2 add c.example', '3 update a.example'],
  },
  {
    what: 'a record is removed by its id',
    pages: [aAndB, { removed: [{ remoteId: '1' }] }],
    receipt: { received: 2, stored: 2, removed: 1 },
    values: ['b.example'],
    changes: [...added, '3 remove a.example'],
  },
  {
    what: 'a record is removed by owner and value, another owner of the value stays',
    pages: [
      { records: [a, record(2, 'a.example', { owner: 'B' }), b] },
      {
        removed: [
          { owner: 'A', type: 'domain', value: 'a.example' },
          { owner: 'B', type: 'domain', value: 'unknown.example' },
          { remoteId: '99' },
        ],
      },
    ],
    // Record 2 is b.example by then.
    receipt: { received: 3, stored: 2, unchanged: 1, removed: 1 },
    values: ['b.example'],
    changes: ['1 add a.example', '2 add b.example', '3 remove a.example'],
  },
  {
    what: 'what a page shows is there, whatever it tells to be removed',
    pages: [
      aAndB,
      { records: [a], removed: [{ remoteId: '1' }, { owner: 'A', type: 'domain', value: 'a.example' }] },
    ],
    receipt: { received: 3, stored: 2, unchanged: 1 },
    values: ['a.example', 'b.example'],
    changes: added,
  },
  {
    what: 'what is excluded is counted, and leaves where it is stored; it holds over a record of the same id',
    pages: [aAndB, { records: [a], excluded: ['1', '7'] }],
    receipt: { received: 5, stored: 2, unchanged: 1, excluded: 2, removed: 1 },
    values: ['b.example'],
    changes: [...added, '3 remove a.example'],
  },
  {
    what: 'a page that covers a range removes what it does not show of it, and nothing beside it',
    pages: [
      { records: [a, b, record(3, 'c.example'), record(4, 'd.example'), record(5, 'e.example')] },
      {
        records: [record(3, 'c.example')],
        unreadable: [{ remoteId: '4', reason: 'x' }],
        covers: { after: '1', upTo: '4' },
      },
      { covers: { after: '4', upTo: null } },
    ],
    receipt: { received: 7, stored: 5, unchanged: 1, unreadableCount: 1, removed: 2 },
    values: ['a.example', 'c.example', 'd.example'],
    changes: [
      ...added,
      '3 add c.example',
      '4 add d.example',
      '5 add e.example',
      '6 remove b.example',
      '7 remove e.example',
    ],
  },
  {
    what: 'a range of one endpoint has nothing to say of the other one',
    pages: [
      { records: [a] },
      { records: [record(1, 'group', { type: 'campaign' })], part: 'groups' },
      { part: 'groups', covers: { after: '-1', upTo: '99999999999999999999' } },
    ],
    receipt: { received: 2, stored: 2, removed: 1 },
    values: ['a.example'],
    changes: ['1 add a.example', '2 add group', '3 remove group'],
  },
  {
    what: 'a record of interest only where it is known is stored only there',
    pages: [
      { records: [a] },
      {
        records: [
          record(1, 'a.example', { active: false, onlyIfKnown: true }),
          record(2, 'b.example', { active: false, onlyIfKnown: true }),
        ],
      },
    ],
    receipt: { received: 3, stored: 1, updated: 1, unchanged: 1 },
    values: ['a.example'],
    changes: ['1 add a.example', '2 update a.example'],
  },
  {
    what: 'an id that can not be stored costs only its record',
    pages: [
      {
        records: [
          a,
          ...['9223372036854775808', '-1', '1e3', '', '1.5', '007'].map((id) => record(id, 'x.example')),
          record('9223372036854775807', 'b.example'),
        ],
      },
    ],
    receipt: { received: 8, stored: 2, unreadableCount: 6 },
    values: ['a.example', 'b.example'],
    changes: added,
  },
  {
    what: 'a later expiry alone changes the indicator, not the receipt; of such changes the log keeps the last',
    pages: [
      '2026-02-01T00:00:00Z',
      '2026-03-01T00:00:00.000Z',
      '2026-03-01T00:00:00Z',
      '2026-04-01T00:00:00Z',
    ].map((expiresAt) => ({ records: [record(1, 'a.example', { expiresAt })] })),
    receipt: { received: 4, stored: 1, unchanged: 3 },
    values: ['a.example'],
    changes: ['1 add a.example', '3 update a.example'],
  },
]

t.test('pages, their receipt, what is stored then and what the change log tells', async (t) => {
  const opened = await openStore(t)
  for (const { what, pages, ...expected } of cases) {
    const store = await emptied(opened)
    const fetch = await startFetch(store)
    let run = fetch.run
    for (const page of pages) run = await fetch.page(page)
    const found = {
      receipt: receipt(run),
      values: await valuesOf(store),
      changes: await changesOf(store),
    }
    t.same(found, expected, what)
    t.equal(run.pages, pages.length, `${what}: pages`)
  }
})

t.test(
  'what came back after it left keeps the time at which it first came, also over a second time',
  async (t) => {
    const { store, connection } = await openStore(t)
    const fetch = await startFetch(store)
    for (const minute of [0, 20, 40]) {
      await fetch.page({ records: [a], now: minutesLater(minute) })
      if (minute < 40) await fetch.page({ removed: [{ remoteId: '1' }], now: minutesLater(minute + 10) })
    }
    const columns = 'added_at, changed_at, seq::int, added_seq::int'
    t.same(await statement(connection, `select ${columns} from indicator`), [
      { added_at: now, changed_at: minutesLater(40), seq: 5, added_seq: 5 },
    ])
    t.same(await changesOf(store), [
      '1 add a.example',
      '2 remove a.example',
      '3 add a.example',
      '4 remove a.example',
      '5 add a.example',
    ])
  },
)

t.test('texts and numbers that a database dislikes are stored and served as they are', async (t) => {
  const { store } = await openStore(t)
  const fetch = await startFetch(store)
  const odd = 'nul \0 half \ud800 pair \u{1f600} quote " backslash \\ {brace}'
  const big: unknown = (JSON as typeof JSON & { rawJSON(text: string): unknown }).rawJSON('9007199254918489')
  const observation = {
    ...record(1, odd, {
      type: 'custom',
      customType: `type ${odd}`,
      tags: [odd, ''],
      description: odd,
      owner: odd,
    }).observation,
    raw: { text: odd, big },
  }
  const run = await fetch.page({
    records: [{ observation, expiresAt: null }, b],
    unreadable: [{ remoteId: `no id ${odd}`, reason: odd }],
  })
  t.same(receipt(run), { received: 3, stored: 2, unreadableCount: 1 })
  const { indicators } = await store.indicators({ types: ['custom'], limit: 10, raw: true })
  const [served] = indicators
  t.match(served, { value: odd, customType: `type ${odd}`, tags: [odd, ''], description: odd })
  t.equal(JSON.stringify(served?.raw), JSON.stringify({ text: odd, big }))
  t.same((await store.observations(served?.id ?? '')).length, 1)
  const told = odd.replace('\0', '\ufffd').replace('\ud800', '\ufffd')
  t.same(await store.unreadable(run.id, { limit: 10 }), [{ remoteId: `no id ${told}`, reason: told }])
  // Merged with another record the body is read back.
  await fetch.page({
    records: [
      {
        observation: { ...observation, provenance: { ...observation.provenance, remoteId: '9' } },
        expiresAt: null,
      },
    ],
  })
  t.equal((await store.indicator(served?.id ?? '', { raw: false }))?.observations.length, 2)
  t.equal(receipt(await fetch.page({ records: [{ observation, expiresAt: null }] })).unchanged, 1)
})

t.test('bodies stay readable: a dictionary never changes, and an unknown one is an error', (t) => {
  t.same(
    dictionaries.map((dictionary) => dictionary && hash('sha256', dictionary).slice(0, 16)),
    [undefined, 'a227f3262b587352'],
  )
  const json = JSON.stringify(a.observation)
  const body = packBody(Buffer.from(json))
  t.equal(observationText({ dictionary: 1, body }), json)
  t.equal(observationText({ dictionary: 0, body: deflateRawSync(json) }), json)
  t.ok(body.length * 3 < deflateRawSync(json).length * 2, 'it is worth having')
  for (const dictionary of [-1, 2]) t.throws(() => observationText({ dictionary, body }), /knows 0 to 1/)
  t.end()
})

t.test('a page whose count is wrong is refused before anything of it is stored', async (t) => {
  const { store } = await openStore(t)
  const fetch = await startFetch(store)
  await t.rejects(fetch.page({ records: [a], received: 2 }), /received 2 records, and lists 1/)
  await t.rejects(fetch.page({ records: [a], part: 'nonsense' }), /no number for part nonsense/)
  await t.rejects(
    fetch.page({ covers: { after: 'x', upTo: null } }),
    /covers takes whole numbers; received x/,
  )
  const [run] = await store.runs('tc', { limit: 1 })
  t.same(run && receipt(run), {})
  t.equal((await store.sourceState('tc')).cursor, undefined)
})

const failure = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  )

t.test('a worker whose run was taken over writes nothing more', async (t) => {
  const { store } = await openStore(t)
  const first = await startFetch(store)
  await first.page({ records: [a], cursor: 'first' })
  const second = await startFetch(store)
  t.equal(second.run.id, first.run.id)
  t.ok(second.claim > first.claim)
  t.ok((await failure(first.page({ records: [b], cursor: 'late' }))) instanceof ClaimLost)
  t.equal((await store.sourceState('tc')).cursor, 'first')
  t.same(await valuesOf(store), ['a.example'])
  await second.page({ records: [b], cursor: 'second' })
  t.ok((await failure(store.endRun(first.run.id, first.claim, 'succeeded', [], now))) instanceof ClaimLost)
  await store.endRun(second.run.id, second.claim, 'succeeded', [], now)
  t.ok((await failure(second.page({ records: [a] }))) instanceof ClaimLost)
  const stranger = pageOf({ run: second.run.id, claim: second.claim, source: 'misp' }, { records: [a] })
  await t.rejects(store.ingest(stranger), /is of source tc, not of misp/)
})

t.test('a server that dies in the middle of a page leaves nothing of it', async (t) => {
  const { store, connection } = await openStore(t)
  const fetch = await startFetch(store)
  await fetch.page({ records: [a], cursor: 'first' })
  const admin = new pg.Client({ ...connection })
  await admin.connect()
  // Whoever holds the clock stops a page where all its records are written, and none of its indicators.
  await admin.query('begin; select seq from clock for update')
  const page = fetch.page({ records: [b], cursor: 'second' })
  const failed = t.rejects(page, { code: 'STORE_UNAVAILABLE', headers: { 'Retry-After': /^\d+$/ } })
  for (let killed = 0; killed === 0; ) {
    const { rowCount } = await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock' and pid <> pg_backend_pid()`,
    )
    killed = rowCount ?? 0
    // The view is one of the transaction's begin otherwise.
    if (killed === 0) await admin.query('select pg_stat_clear_snapshot()')
  }
  await failed
  await admin.query('rollback')
  await admin.end()
  t.same(await valuesOf(store), ['a.example'])
  const { cursor, lastRun } = await store.sourceState('tc')
  t.equal(cursor, 'first')
  t.same(lastRun && receipt(lastRun), { received: 1, stored: 1 })
  t.same(receipt(await fetch.page({ records: [b], cursor: 'second' })), { received: 2, stored: 2 })
  t.same(await store.ready(), { ok: true })
})

t.test(
  'merged are score, tags, owners and expiry of all records, whichever source they are of',
  async (t) => {
    const { store, connection } = await openStore(t)
    const [tc, misp] = [await startFetch(store), await startFetch(store, 'misp')]
    await tc.page({
      records: [
        record(1, 'a.example', {
          tags: ['x'],
          expiresAt: '2026-02-01T00:00:00Z',
          confidence: 10,
          tlp: 'green',
        }),
      ],
    })
    await misp.page({
      records: [
        record(1, 'a.example', {
          source: 'misp',
          owner: 'B',
          tags: ['y'],
          score: 3,
          expiresAt: '2026-03-01T00:00:00Z',
          threatAssess: { score: 500.5 },
          tlp: 'amber+strict',
          lastModified: '2025-12-31T23:59:59Z',
        }),
      ],
    })
    t.match(await store.indicator(domainId('a.example'), { raw: false }), {
      score: 3,
      tags: ['y', 'x'],
      expiresAt: '2026-03-01T00:00:00Z',
      observations: [{ source: 'misp' }, { source: 'tc' }],
    })
    const rows = await statement(
      connection,
      `select score, confidence, threat_assess_score, tlp, active, tags, owners, sources, last_modified, expires_at,
       rank::text from indicator`,
    )
    t.same(rows, [
      {
        score: 3,
        confidence: 10,
        threat_assess_score: 500.5,
        tlp: 4,
        active: true,
        tags: ['y', 'x'],
        owners: ['B', 'A'],
        sources: [2, 1],
        last_modified: new Date('2025-12-31T23:59:59Z'),
        expires_at: new Date('2026-03-01T00:00:00Z'),
        rank: String((3 * 2 ** 17 + 50_051) * 2 ** 34 + Date.parse('2025-12-31T23:59:59Z') / 1000),
      },
    ])
    // One that never expires outlasts all others.
    await misp.page({ records: [record(2, 'a.example', { source: 'misp' })] })
    t.equal((await store.indicator(domainId('a.example'), { raw: false }))?.expiresAt, null)
  },
)
