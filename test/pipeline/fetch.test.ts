/** One fetch: what is stored, what the receipt says, and how it ends. */
import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises'
import { pino } from 'pino'
import t from 'tap'
import { UpstreamError } from '../../src/errors.ts'
import { carryOut } from '../../src/pipeline/fetch.ts'
import type { PipelineSource } from '../../src/pipeline/pipeline-source.ts'
import type { SourceFailure, SourcePage } from '../../src/sources/source.ts'
import type { Run } from '../../src/store/store.ts'
import {
  addsUp,
  freshStore,
  observation,
  page,
  type Scripted,
  type Stored,
  scripted,
  silent,
} from './store.ts'

const never = new AbortController().signal
const unavailable = new UpstreamError('unavailable', 'it answered 503', { service: 'scripted', status: 503 })

function failure(part: string): SourceFailure {
  return { part, failure: unavailable, requests: 5 }
}

/** A whole fetch. */
async function fetched(
  { store }: Stored,
  source: PipelineSource,
  now: () => number = Date.now,
): Promise<Run> {
  const { run } = await store.startRun(source.name, new Date(now()))
  await carryOut(run.id, source, { store, log: silent, now }, never)
  const ended = await store.run(run.id)
  if (ended === undefined) throw new Error('the run is gone')
  return ended
}

async function values({ store }: Stored): Promise<string[]> {
  const { indicators } = await store.indicators({ limit: 100, raw: false })
  return indicators.map(({ value }) => value).sort()
}

t.test('every record of a page is in one count, and only what may be stored is stored', async (t) => {
  const stored = await freshStore(t)
  const items = [
    page(
      [
        observation('1', 'a.example'),
        observation('2', 'www.example.org'),
        observation('9223372036854775807', 'b.example'),
        observation('9223372036854775808', 'c.example'),
        observation('12-ab', 'd.example'),
        observation('007', 'e.example'),
      ],
      {
        received: 9,
        deactivated: [observation('3', 'unknown.example', { active: false })],
        unreadable: [
          { remoteId: '4', reason: 'no value' },
          { remoteId: '5', reason: 'no value' },
        ],
      },
    ),
  ]
  const run = await fetched(stored, scripted({ changes: () => items, exclusions: ['example.org'] }))
  t.match(run, {
    status: 'succeeded',
    received: 9,
    stored: 2,
    unchanged: 1,
    excluded: 1,
    unreadableCount: 5,
    pages: 1,
    errors: [],
  })
  t.ok(addsUp(run))
  t.strictSame(await values(stored), ['a.example', 'b.example'])
  const unreadable = await stored.store.unreadable(run.id, { limit: 10 })
  t.strictSame(
    unreadable.map(({ remoteId }) => remoteId),
    ['4', '5', '9223372036854775808', '12-ab', '007'],
  )
})

t.test('how a fetch ends: by what could be read', async (t) => {
  const good = page([observation('1', 'a.example')])
  const groups = page([], { part: 'groups' })
  const bad = page([], { received: 1, unreadable: [{ remoteId: '1', reason: 'no value' }] })
  const cases: readonly (readonly [
    what: string,
    items: readonly (SourcePage | SourceFailure)[],
    status: string,
    codes: readonly string[],
  ])[] = [
    ['all of it', [good, groups], 'succeeded', []],
    ['nothing new', [page([]), groups], 'succeeded', []],
    ['no page at all', [], 'succeeded', []],
    ['unreadable records alone', [bad], 'succeeded', []],
    ['one endpoint failed', [good, failure('groups')], 'partial', ['UPSTREAM_UNAVAILABLE']],
    [
      'one endpoint failed, the other had nothing new',
      [failure('indicators'), groups],
      'partial',
      ['UPSTREAM_UNAVAILABLE'],
    ],
    ['an endpoint failed on its way', [good, failure('indicators')], 'partial', ['UPSTREAM_UNAVAILABLE']],
    ['nothing readable', [failure('indicators')], 'failed', ['UPSTREAM_UNAVAILABLE']],
    ['nothing readable before the failure', [bad, failure('indicators')], 'failed', ['UPSTREAM_UNAVAILABLE']],
    [
      'both failed',
      [failure('indicators'), failure('groups')],
      'failed',
      ['UPSTREAM_UNAVAILABLE', 'UPSTREAM_UNAVAILABLE'],
    ],
  ]
  for (const [what, items, status, codes] of cases) {
    const stored = await freshStore(t)
    const run = await fetched(stored, scripted({ changes: () => items }))
    t.equal(run.status, status, what)
    t.strictSame(
      run.errors.map(({ code }) => code),
      codes,
      what,
    )
    t.ok(addsUp(run), what)
    const requests = items.reduce((sum, item) => sum + item.requests, 0)
    t.equal(run.requests, requests, `${what}: those of an endpoint that failed count as well`)
  }
  const stored = await freshStore(t)
  const refused = new UpstreamError('credentials', 'it refused the credentials', { service: 'scripted' })
  const thrown = await fetched(stored, scripted({ changes: throwing(refused) }))
  t.match(thrown, {
    status: 'failed',
    errors: [{ code: 'UPSTREAM_CREDENTIALS', detail: 'it refused the credentials' }],
  })
  const lines: string[] = []
  const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
  const { run } = await stored.store.startRun('tc', new Date())
  const source = scripted({ changes: throwing(new TypeError('canary')) })
  await carryOut(run.id, source, { store: stored.store, log, now: Date.now }, never)
  t.match(await stored.store.run(run.id), { status: 'failed', errors: [{ code: 'INTERNAL' }] })
  t.match(lines.join(''), /canary/, 'a fault of ours is in the log')
  t.notMatch(JSON.stringify(await stored.store.run(run.id)), /canary/, 'and nowhere else')
})

function throwing(error: Error): Scripted['changes'] {
  return () => {
    throw error
  }
}

t.test(
  'a receipt that does not add up ends the run as our fault, and nothing of its page is stored',
  async (t) => {
    const stored = await freshStore(t)
    const lines: string[] = []
    const log = pino({ level: 'error' }, { write: (line: string) => void lines.push(line) })
    const { run } = await stored.store.startRun('tc', new Date())
    const source = scripted({ changes: () => [page([observation('1', 'a.example')], { received: 3 })] })
    await carryOut(run.id, source, { store: stored.store, log, now: Date.now }, never)
    const ended = await stored.store.run(run.id)
    t.match(ended, { status: 'failed', received: 0, stored: 0, errors: [{ code: 'INTERNAL' }] })
    t.equal(lines.length, 1)
    t.strictSame(await values(stored), [])
  },
)

t.test('a fetch goes on from the last stored page, under the same id, whoever takes it', async (t) => {
  const stored = await freshStore(t)
  const { store } = stored
  const pages = ['1', '2', '3'].map((id) => page([observation(id, `${id}.example`)], { cursor: id }))
  const asked: (string | undefined)[] = []
  const after = (cursor: string | undefined) => pages.slice(cursor === undefined ? 0 : Number(cursor))
  const stop = new AbortController()
  const source = scripted({
    async *changes(cursor, signal) {
      asked.push(cursor)
      for (const each of after(cursor)) {
        signal.throwIfAborted()
        yield each
        if (each.cursor === '1') stop.abort(new Error('the server stops'))
      }
    },
  })
  const context = { store, log: silent, now: Date.now }
  const { run } = await store.startRun('tc', new Date())
  t.equal(await carryOut(run.id, source, context, stop.signal), 'handed back')
  t.match(await store.run(run.id), { status: 'running', received: 1, endedAt: null })
  t.equal((await store.startRun('tc', new Date())).run.id, run.id, 'the run under way is joined')
  t.equal(await carryOut(run.id, source, context, never), 'ended')
  t.strictSame(asked, [undefined, '1'])
  t.match(await store.run(run.id), { status: 'succeeded', received: 3, stored: 3, pages: 3 })
  t.equal(await carryOut(run.id, source, context, never), 'lost', 'what has ended is not carried out again')
})

t.test('a worker that lost its claim stops and changes nothing more', async (t) => {
  const stored = await freshStore(t)
  const { store } = stored
  const { run } = await store.startRun('tc', new Date())
  const source = scripted({
    async *changes() {
      yield page([observation('1', '1.example')], { cursor: '1' })
      // It is asked for more while the first page is being stored.
      while ((await store.run(run.id))?.received === 0) await nextTurn()
      await store.claimRun(run.id)
      yield page([observation('2', '2.example')], { cursor: '2' })
    },
  })
  t.equal(await carryOut(run.id, source, { store, log: silent, now: Date.now }, never), 'lost')
  t.match(await store.run(run.id), { status: 'running', received: 1 })
  t.strictSame(await values(stored), ['1.example'])
})

t.test('other exclusions, or another policy, make the next fetch a whole one', async (t) => {
  const stored = await freshStore(t)
  const asked: (string | undefined)[] = []
  const items = [page([observation('1', 'a.example'), observation('2', 'b.example')])]
  const source = (more: Partial<Scripted>) =>
    scripted({
      changes(cursor) {
        asked.push(cursor)
        return cursor ? [] : items
      },
      ...more,
    })
  await fetched(stored, source({}))
  await fetched(stored, source({}))
  t.strictSame(asked, [undefined, 'end'])
  const excluding = await fetched(stored, source({ exclusions: ['a.example'], fingerprint: 'two' }))
  t.match(excluding, { excluded: 1, unchanged: 1 })
  t.strictSame(await values(stored), ['b.example'], 'what is excluded now has left')
  const again = await fetched(stored, source({ fingerprint: 'three' }))
  t.match(again, { stored: 1, unchanged: 1 })
  t.strictSame(await values(stored), ['a.example', 'b.example'], 'and is back without the exclusion')
  t.strictSame(asked, [undefined, 'end', '', ''], 'as one who knows that something is stored')
  const day = 86_400_000
  await fetched(stored, source({ fingerprint: 'four', expiration: { policy: 'interval', afterMs: day } }))
  const later = new Date(Date.now() + day + 60_000)
  t.equal(await stored.store.expire(later, 100), 2, 'another policy holds for what was stored before')
})

t.test('a fetch ends soon after its signal, also between pages', async (t) => {
  const stored = await freshStore(t)
  const stop = new AbortController()
  const source = scripted({
    async *changes(_cursor, signal) {
      yield page([observation('1', '1.example')], { cursor: '1' })
      setImmediate(() => stop.abort(new Error('the server stops')))
      await wait(60_000, undefined, { signal })
    },
  })
  const { run } = await stored.store.startRun('tc', new Date())
  t.equal(
    await carryOut(run.id, source, { ...stored, log: silent, now: Date.now }, stop.signal),
    'handed back',
  )
})
