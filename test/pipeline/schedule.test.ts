/** Who fetches what, and when: several replicas on one database. */
import { setTimeout as wait } from 'node:timers/promises'
import pg from 'pg'
import t from 'tap'
import type { Run } from '../../src/store/store.ts'
import { addsUp, freshStore, observation, page, type Stored, scheduled, scripted } from './store.ts'

/** Asks again until the answer is there. */
async function until<T extends NonNullable<unknown>>(ask: () => Promise<T | undefined>): Promise<T> {
  for (;;) {
    const answer = await ask().catch(() => undefined)
    if (answer !== undefined) return answer
    await wait(50)
  }
}

function ended({ store }: Stored, id: string): Promise<Run> {
  return until(async () => {
    const run = await store.run(id)
    return run?.status === 'running' ? undefined : run
  })
}

function runsOf({ store }: Stored, source: string, count: number): Promise<readonly Run[]> {
  return until(async () => {
    const runs = await store.runs(source, { limit: 10 })
    return runs.length >= count && runs.every(({ status }) => status !== 'running') ? runs : undefined
  })
}

// Queues look once a second: on a machine that is busy it takes its time.
t.setTimeout(300_000)

t.test(
  'what was never fetched is fetched at the start and then every so often; off waits to be asked',
  async (t) => {
    const stored = await freshStore(t, 'often', 'off')
    const changes = () => [page([])]
    const sources = [scripted({ name: 'often', everyMs: 1000, changes }), scripted({ name: 'off', changes })]
    const schedule = await scheduled(t, { ...stored, sources })
    const runs = await runsOf(stored, 'often', 3)
    const starts = runs.map(({ startedAt }) => Date.parse(startedAt)).reverse()
    for (const [index, start] of starts.entries()) {
      const before = starts[index - 1]
      if (before !== undefined) t.ok(start - before >= 1000, `${start - before} ms apart`)
    }
    t.strictSame(await stored.store.runs('off', { limit: 10 }), [])
    t.equal(schedule.nextFetch('off', await stored.store.sourceState('off')), null)
    const next = schedule.nextFetch('often', await stored.store.sourceState('often'))
    t.ok(Date.parse(next ?? '') > (starts.at(-1) ?? Number.NaN))
    const { run, joined } = await schedule.fetch('off')
    t.notOk(joined)
    t.match(await ended(stored, run.id), { status: 'succeeded' })
    t.equal(schedule.nextFetch('off', await stored.store.sourceState('off')), null)
  },
)

t.test('a fetch that is asked for soon after a long one begins soon, at every replica', async (t) => {
  const stored = await freshStore(t)
  const source = scripted({
    async *changes() {
      // Long enough for every replica to have seen that somebody is at work.
      await wait(2500)
      yield page([])
    },
  })
  const options = { ...stored, sources: [source], exclusive: false }
  const [one, two] = [await scheduled(t, options), await scheduled(t, options)]
  for (const schedule of [one, two, one]) {
    const asked = Date.now()
    const { run } = await schedule.fetch('tc')
    const { endedAt } = await ended(stored, run.id)
    const took = Date.parse(endedAt ?? '') - asked
    t.ok(took < 15_000, `${took} ms`)
  }
})

t.test('of any number of replicas one fetches, and whoever asks meanwhile joins it', async (t) => {
  const stored = await freshStore(t)
  let asked = 0
  const hold = Promise.withResolvers<void>()
  const source = scripted({
    everyMs: 3_600_000,
    async *changes() {
      asked++
      yield page([observation('1', 'a.example')], { cursor: '1' })
      await hold.promise
      yield page([observation('2', 'b.example')], { cursor: '2' })
    },
  })
  const options = { ...stored, sources: [source], exclusive: false, planEveryMs: 100 }
  const replicas = [await scheduled(t, options), await scheduled(t, options)]
  await until(async () => ((await stored.store.sourceState('tc')).lastRun?.pages === 1 ? true : undefined))
  const joined = await Promise.all(replicas.map((schedule) => schedule.fetch('tc')))
  t.strictSame(
    joined.map((each) => each.joined),
    [true, true],
  )
  t.equal(joined[0]?.run.id, joined[1]?.run.id)
  hold.resolve()
  const [run] = await runsOf(stored, 'tc', 1)
  t.match(run, { id: joined[0]?.run.id, status: 'succeeded', stored: 2 })
  // Long enough for every call that might still wait.
  await wait(1500)
  t.equal(asked, 1)
  t.equal((await stored.store.runs('tc', { limit: 10 })).length, 1)
})

t.test('a replica that stops hands its fetch to another, which goes on under the same id', async (t) => {
  const stored = await freshStore(t)
  const asked: (string | undefined)[] = []
  const source = scripted({
    everyMs: 3_600_000,
    async *changes(cursor, signal) {
      asked.push(cursor)
      if (cursor === undefined) {
        yield page([observation('1', 'a.example')], { cursor: '1' })
        await wait(60_000, undefined, { signal })
      }
      yield page([observation('2', 'b.example')], { cursor: '2' })
    },
  })
  const options = { ...stored, sources: [source], exclusive: false }
  const first = await scheduled(t, options)
  const run = await until(async () => {
    const { lastRun } = await stored.store.sourceState('tc')
    return lastRun?.pages === 1 ? lastRun : undefined
  })
  await scheduled(t, options)
  await first.stop(5000)
  const done = await ended(stored, run.id)
  t.match(done, { status: 'succeeded', received: 2, stored: 2, pages: 2 })
  t.ok(addsUp(done))
  t.strictSame(asked, [undefined, '1'])
})

t.test('what is due leaves without a fetch, and so does what is no longer configured', async (t) => {
  const stored = await freshStore(t, 'tc', 'gone')
  let ahead = 0
  const hour = 3_600_000
  const source = scripted({
    everyMs: 1000 * hour,
    expiration: { policy: 'interval', afterMs: hour },
    changes: () => [page([observation('1', 'a.example')])],
  })
  const gone = scripted({
    name: 'gone',
    everyMs: 1000 * hour,
    changes: () => [page([observation('1', 'b.example', { provenance: { source: 'gone', remoteId: '1' } })])],
  })
  const options = { ...stored, exclusive: true, planEveryMs: 500 }
  const before = await scheduled(t, { ...options, sources: [source, gone] })
  await runsOf(stored, 'gone', 1)
  await runsOf(stored, 'tc', 1)
  await before.stop(1000)
  const names = async () =>
    (await stored.store.indicators({ limit: 10, raw: false })).indicators.map(({ value }) => value).sort()
  t.strictSame(await names(), ['a.example', 'b.example'])
  await scheduled(t, {
    ...options,
    sources: [source],
    now: () => Date.now() + ahead,
    housekeeping: { expireEveryMs: 1000 },
  })
  await until(async () => ((await names()).length === 1 ? true : undefined))
  t.strictSame(await names(), ['a.example'], 'the source that is not configured any more is forgotten')
  ahead = hour + 60_000
  await until(async () => ((await names()).length === 0 ? true : undefined))
  t.equal((await stored.store.runs('tc', { limit: 10 })).length, 1, 'no fetch was needed')
  const changes = await stored.store.changes(0, 10)
  t.strictSame(changes.map(({ op, indicator }) => `${op} ${indicator.value}`).sort(), [
    'add a.example',
    'add b.example',
    'remove a.example',
    'remove b.example',
  ])
})

t.test('while the database is away nothing is lost: the fetch goes on when it is back', async (t) => {
  const stored = await freshStore(t)
  const away = Promise.withResolvers<void>()
  const source = scripted({
    async *changes(cursor) {
      if (cursor === undefined) {
        yield page([observation('1', 'a.example')], { cursor: '1' })
        await away.promise
      }
      yield page([observation('2', 'b.example')], { cursor: '2' })
    },
  })
  const schedule = await scheduled(t, { ...stored, sources: [source], planEveryMs: 500 })
  const { run } = await schedule.fetch('tc')
  await until(async () => ((await stored.store.run(run.id))?.pages === 1 ? true : undefined))
  const { database } = stored.connection
  const admin = new pg.Client({ ...stored.connection, database: 'postgres' })
  await admin.connect()
  await admin.query(`alter database ${database} with allow_connections false`)
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database])
  t.match(await stored.store.ready(), { ok: false, reason: String })
  away.resolve()
  await t.rejects(schedule.fetch('tc'), { code: 'STORE_UNAVAILABLE' })
  await admin.query(`alter database ${database} with allow_connections true`)
  await admin.end()
  const done = await ended(stored, run.id)
  t.match(done, { status: 'succeeded', stored: 2, pages: 2 })
  t.match(await stored.store.ready(), { ok: true })
})
