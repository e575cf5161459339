/** Fetches, and what leaves without one. */
import fc from 'fast-check'
import t from 'tap'
import type { Run, RunError } from '../../../src/store/store.ts'
import {
  changesOf,
  domainId,
  minutesLater,
  now,
  openStore,
  receipt,
  record,
  startFetch,
  statement,
  valuesOf,
} from './pages.ts'

t.test('at most one fetch of a source runs: whoever comes later joins it', async (t) => {
  const { store } = await openStore(t)
  const started = await Promise.all([1, 2, 3].map(() => store.startRun('tc', now)))
  t.equal(new Set(started.map(({ run }) => run.id)).size, 1)
  t.same(started.map(({ joined }) => joined).sort(), [false, true, true])
  const [first] = started
  t.match(first?.run, {
    source: 'tc',
    status: 'running',
    startedAt: '2026-01-01T00:00:00Z',
    endedAt: null,
    errors: [],
  })
  const other = await store.startRun('misp', now)
  t.equal(other.joined, false)
  await t.rejects(store.startRun('nobody', now), { code: 'SOURCE_UNKNOWN' })
  await t.rejects(store.sourceState('nobody'), { code: 'SOURCE_UNKNOWN' })
})

t.test('a source keeps where it stands, its last runs and whether it was ever read', async (t) => {
  const { store } = await openStore(t)
  t.same(await store.sourceState('tc'), { fetched: false })
  const failed = await startFetch(store)
  const running = await store.sourceState('tc')
  t.equal(running.lastRun?.id, failed.run.id)
  t.equal(running.lastEnded, undefined)
  const errors: RunError[] = [{ code: 'UPSTREAM_TIMEOUT', detail: 'nul \0 and half \ud800', part: 'groups' }]
  const ended = await store.endRun(failed.run.id, failed.claim, 'failed', errors, minutesLater(1))
  t.match(ended, {
    source: 'tc',
    status: 'failed',
    endedAt: '2026-01-01T00:01:00Z',
    errors: [{ code: 'UPSTREAM_TIMEOUT', detail: 'nul \ufffd and half \ufffd', part: 'groups' }],
  })
  t.equal((await store.sourceState('tc')).fetched, false)
  t.equal(await store.claimRun(failed.run.id), undefined, 'a run that has ended is nobody’s')

  for (const [minute, status] of [
    [2, 'partial'],
    [4, 'failed'],
  ] as const) {
    const { run } = await store.startRun('tc', minutesLater(minute))
    const claim = (await store.claimRun(run.id)) ?? 0
    await store.ingest({ ...emptyPage, run: run.id, claim, cursor: `cursor ${minute}`, expected: 7 })
    await store.endRun(run.id, claim, status, [], minutesLater(minute + 1))
  }
  const { run: last } = await store.startRun('tc', minutesLater(6))
  t.match(await store.sourceState('tc'), {
    fetched: true,
    cursor: 'cursor 4',
    lastRun: { id: last.id, status: 'running' },
    lastEnded: { status: 'failed', pages: 1, requests: 2, expected: 7 },
  })
  await store.registerSources(['tc', 'third', 'third'])
  t.equal((await store.sourceState('tc')).cursor, 'cursor 4', 'registered again it stays as it is')
  t.same(await store.sourceState('third'), { fetched: false })
})

const emptyPage = {
  source: 'tc',
  part: 'indicators',
  received: 0,
  records: [],
  unreadable: [],
  excluded: [],
  removed: [],
  requests: 2,
  now,
}

t.test('lists of runs and of unreadable records page without a gap', async (t) => {
  const { store } = await openStore(t)
  const ids: string[] = []
  // Several at the same time: their order must not depend on it.
  for (const minute of [0, 1, 1, 1, 2]) {
    const { run } = await store.startRun('tc', minutesLater(minute))
    ids.push(run.id)
    await store.endRun(run.id, 0, 'succeeded', [], minutesLater(minute))
  }
  const all = await store.runs('tc', { limit: 10 })
  t.same(all.map(({ id }) => id).sort(), [...ids].sort())
  t.same([all.at(0)?.id, all.at(-1)?.id], [ids.at(-1), ids.at(0)], 'newest first')
  const paged: Run[] = []
  for (;;) {
    const before = paged.at(-1)?.id
    const page = await store.runs('tc', { limit: 2, ...(before !== undefined && { before }) })
    if (page.length === 0) break
    paged.push(...page)
  }
  t.same(paged, all)
  t.same(await store.runs('misp', { limit: 10 }), [])
  t.same(await store.run(ids[0] ?? ''), all.at(-1))
  t.equal(await store.run('nonsense'), undefined)
  t.equal(await store.run('6e2b03ef-992d-45db-9cc3-98498539ab26'), undefined)
  await t.rejects(store.runs('tc', { limit: 2, before: 'nonsense' }), { code: 'RUN_UNKNOWN' })

  const { run, page } = await startFetch(store)
  const unreadable = Array.from({ length: 5 }, (_, n) => ({ remoteId: `${n}`, reason: `reason ${n}` }))
  await page({ unreadable: unreadable.slice(0, 3) })
  await page({ unreadable: unreadable.slice(3) })
  t.same(await store.unreadable(run.id, { limit: 10 }), unreadable)
  t.same(await store.unreadable(run.id, { limit: 2, after: 2 }), unreadable.slice(2, 4))
})

t.test('what is due leaves, the earliest first, and what has a record that is not due stays', async (t) => {
  const { store } = await openStore(t)
  const { page } = await startFetch(store)
  const due = (minute: number) => ({ expiresAt: minutesLater(minute).toISOString() })
  await page({
    records: [
      record(1, 'a.example', due(1)),
      record(2, 'b.example', due(2)),
      record(3, 'c.example', due(3)),
      record(4, 'c.example', { owner: 'B', score: 3, ...due(30) }),
      record(5, 'd.example'),
    ],
  })
  t.equal(await store.expire(minutesLater(0), 100), 0)
  t.equal(await store.head(), 4)
  t.equal(await store.expire(minutesLater(5), 1), 1)
  t.same(await valuesOf(store), ['b.example', 'c.example', 'd.example'])
  t.equal(await store.expire(minutesLater(5), 100), 2)
  t.same(await valuesOf(store), ['c.example', 'd.example'])
  t.same(
    (await changesOf(store, 4)).map((change) => change.slice(2)),
    ['remove a.example', 'remove b.example', 'update c.example'],
  )
  t.equal((await store.indicator(domainId('c.example'), { raw: false }))?.observations.length, 1)
  // One that comes back with a new life is added again.
  t.same(receipt(await page({ records: [record(1, 'a.example', due(60))] })), { received: 6, stored: 6 })
  t.equal(await store.expire(minutesLater(45), 100), 1)
  t.same(await valuesOf(store), ['a.example', 'd.example'])
})

t.test('a source that is forgotten leaves alone, and would be read as a whole again', async (t) => {
  const { store } = await openStore(t)
  const [tc, misp] = [await startFetch(store), await startFetch(store, 'misp')]
  await tc.page({ records: [record(1, 'a.example'), record(2, 'b.example'), record(3, 'c.example')] })
  await misp.page({ records: [record(1, 'a.example', { source: 'misp', score: 3 })] })
  await store.endRun(tc.run.id, tc.claim, 'succeeded', [], now)
  t.equal(await store.forgetSource('tc', 2), 2)
  t.same(await store.sourceState('tc').then(({ cursor, fetched }) => [cursor, fetched]), [undefined, false])
  t.equal(await store.forgetSource('tc', 2), 1)
  t.equal(await store.forgetSource('tc', 2), 0)
  t.equal(await store.forgetSource('nobody', 2), 0)
  t.same(await valuesOf(store), ['a.example'])
  t.match(await store.indicator(domainId('a.example'), { raw: false }), {
    score: 3,
    observations: [{ source: 'misp' }],
  })
  t.equal((await store.runs('tc', { limit: 5 })).length, 1, 'its runs stay')
})

t.test('a fetch under way of a source that is forgotten goes on as one that has read nothing', async (t) => {
  const { store } = await openStore(t)
  const { run, claim, page } = await startFetch(store)
  await page({ records: [record(1, 'a.example')] })
  t.ok((await store.sourceState('tc')).cursor !== undefined)
  t.equal(await store.forgetSource('tc', 10), 1)
  await t.rejects(page({ records: [record(2, 'b.example')] }), { message: /was taken over/ })
  await t.rejects(store.endRun(run.id, claim, 'succeeded', [], now), { message: /was taken over/ })
  t.ok((await store.claimRun(run.id)) !== undefined, 'who still has the source takes it up again')
  t.same(await store.sourceState('tc').then(({ cursor, fetched }) => [cursor, fetched]), [undefined, false])
  t.same(await valuesOf(store), [])
})

t.test('what is pruned is behind the horizon, and nothing else is', async (t) => {
  const { store, connection } = await openStore(t)
  const { page } = await startFetch(store)
  const write = (minute: number, score: 0 | 1 | 2 | 3) =>
    page({
      records: [record(1, 'a.example', { score }), record(2, `${minute}.example`)],
      now: minutesLater(minute),
    })
  await write(0, 0)
  await write(10, 1)
  await page({ removed: [{ remoteId: '2' }], now: minutesLater(20) })
  const before = await store.changes(0, 100)
  t.equal(await store.horizon(), 0)
  t.equal(await store.prune(minutesLater(0)), 0)
  const removed = await store.prune(minutesLater(15))
  const horizon = await store.horizon()
  const after = await store.changes(horizon, 100)
  t.ok(removed > 0)
  t.ok(horizon > 0 && horizon < (await store.head()))
  t.same(
    after.map(({ seq }) => seq),
    before.map(({ seq }) => seq).filter((seq) => seq > horizon),
    'after the horizon the log is as it was',
  )
  t.equal(after.at(-1)?.op, 'remove')
  await store.prune(minutesLater(100))
  t.same(await statement(connection, 'select count(*)::int as n from change'), [{ n: 0 }])
  t.same(await valuesOf(store), ['a.example'])
  // Its tombstone is gone: what comes now is new.
  await page({ records: [record(2, '10.example')], now: minutesLater(200) })
  t.same(await statement(connection, `select added_at from indicator where value = '10.example'`), [
    { added_at: minutesLater(200) },
  ])
})

t.test('runs of long ago are forgotten, but the last of each source', async (t) => {
  const { store } = await openStore(t)
  await store.registerSources(['tc', 'misp'])
  t.equal(await store.latestRun(), undefined)
  const fetched = async (source: string, minute: number) => {
    const { run } = await store.startRun(source, minutesLater(minute))
    const claim = (await store.claimRun(run.id)) ?? 0
    await store.endRun(run.id, claim, 'succeeded', [], minutesLater(minute + 1))
    return run.id
  }
  const [old, last] = [await fetched('tc', 0), await fetched('tc', 10)]
  const only = await fetched('misp', 5)
  t.equal((await store.latestRun())?.id, last)
  t.equal(await store.prune(minutesLater(100)), 1)
  t.equal(await store.run(old), undefined)
  t.equal((await store.sourceState('tc')).lastEnded?.id, last)
  t.equal((await store.sourceState('misp')).lastEnded?.id, only)
})

t.test('expiring beside a fetch that extends the same records loses none of them', async (t) => {
  const { store } = await openStore(t)
  const { page } = await startFetch(store)
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 2, maxLength: 6 }),
      async (ids) => {
        const records = (minute: number) =>
          [...new Set(ids)].map((id) =>
            record(id, `${id % 2}.example`, { expiresAt: minutesLater(minute).toISOString() }),
          )
        await page({ records: records(5) })
        await Promise.all([
          page({ records: records(50) }),
          store.expire(minutesLater(10), 2),
          store.expire(minutesLater(10), 2),
        ])
        const found = await Promise.all([0, 1].map((n) => store.observations(domainId(`${n}.example`))))
        if (found.flat().length !== new Set(ids).size) throw new Error(`left: ${JSON.stringify(found)}`)
        await store.expire(minutesLater(60), 100)
      },
    ),
    { numRuns: 10 },
  )
  t.same(await valuesOf(store), [])
})
