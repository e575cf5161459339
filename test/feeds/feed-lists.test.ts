/** The lists as they are served: made once, fresh, whole, and there when the store is not. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import pg from 'pg'
import t from 'tap'
import type { FeedFormat } from '../../src/feeds/feed-format.ts'
import type { FeedLists } from '../../src/feeds/feed-lists.ts'
import { inFeeds } from '../../src/feeds/feed-membership.ts'
import { feedReport } from '../../src/feeds/feed-report.ts'
import { encodeBody } from '../../src/feeds/snapshot-encoder.ts'
import type { Indicator } from '../../src/model/indicator.ts'
import { type Encoding, encodings, type FeedDefinition } from '../../src/store/feed-store.ts'
import { definition, lines, lists, textOf, type World, world } from './feed-world.ts'

// Each test has a database of its own; other tests run beside.
t.setTimeout(300_000)

/** A format that tells how often it was asked to encode. */
function counted(more: Partial<FeedFormat> = {}): FeedFormat & { readonly times: () => number } {
  let times = 0
  const base = lines(more)
  return {
    ...base,
    encode(...given) {
      times++
      return base.encode(...given)
    },
    times: () => times,
  }
}

async function ready(w: World, feeds: readonly FeedDefinition[] = [definition()]): Promise<void> {
  await w.store.registerFeeds(feeds)
  await w.fetch([{ value: 'a.example' }, { value: 'b.example', score: 2 }])
}

async function bytesOf(
  made: FeedLists,
  feed: string,
  format: FeedFormat,
  encoding: Encoding,
): Promise<Buffer> {
  const body = await made.body(await made.get(feed, format), encoding)
  if (body === undefined) throw new Error('the bytes are gone')
  if (Buffer.isBuffer(body)) return body
  const pieces: Buffer[] = []
  for await (const piece of body) pieces.push(piece)
  return Buffer.concat(pieces)
}

const decoders = {
  identity: (bytes: Buffer) => bytes,
  gzip: (bytes: Buffer) => gunzipSync(bytes),
  br: (bytes: Buffer) => brotliDecompressSync(bytes),
}

t.test('whatever the text and its pieces, each encoding is that text', async (t) => {
  const pieces = fc.array(fc.oneof(fc.string({ unit: 'binary' }), fc.constant('x'.repeat(40_000))), {
    maxLength: 8,
  })
  await fc.assert(
    fc.asyncProperty(pieces, fc.boolean(), async (texts, large) => {
      async function* text() {
        yield* texts
      }
      const written: Record<Encoding, Buffer[]> = { identity: [], gzip: [], br: [] }
      const made = await encodeBody(
        text(),
        async (encoding, position, bytes) => {
          if (written[encoding].length !== position) throw new Error('out of order')
          written[encoding].push(Buffer.from(bytes))
        },
        { large, keepAtMost: 100_000 },
      )
      const whole = Buffer.from(texts.join(''))
      for (const encoding of encodings) {
        const bytes = Buffer.concat(written[encoding])
        if (!whole.equals(decoders[encoding](bytes))) throw new Error(`${encoding} is another text`)
        if (bytes.length !== made.sizes[encoding]) throw new Error(`${encoding} has another size`)
        const kept = made.kept[encoding]
        if ((kept === undefined) !== bytes.length > 100_000) throw new Error(`${encoding} is kept wrongly`)
        if (kept !== undefined && !kept.equals(bytes)) throw new Error(`${encoding} is kept as others`)
      }
    }),
    { numRuns: 25 },
  )
  t.pass('for all of them')
})

t.test(
  'whatever fails while bytes are made, nothing is written after it and nobody waits for ever',
  async (t) => {
    const failures: readonly (readonly [what: string, text: () => AsyncIterable<string>, failOn: string])[] =
      [
        [
          'the text',
          async function* () {
            yield 'x'.repeat(3_000_000)
            throw new Error('broken')
          },
          '',
        ],
        [
          'the store, for identity',
          async function* () {
            for (let left = 40; left > 0; left--) yield 'x'.repeat(100_000)
          },
          'identity',
        ],
        [
          'the store, for gzip',
          async function* () {
            for (let left = 40; left > 0; left--) yield String(Math.random()).repeat(5000)
          },
          'gzip',
        ],
      ]
    for (const [what, text, failOn] of failures) {
      let ended = false
      let late = 0
      const write = async (encoding: Encoding) => {
        if (ended) late++
        await new Promise((resolve) => setImmediate(resolve))
        if (encoding === failOn) throw new Error('broken')
      }
      await t.rejects(encodeBody(text(), write, { large: true, keepAtMost: 1 }), { message: 'broken' }, what)
      ended = true
      await new Promise((resolve) => setImmediate(resolve))
      t.equal(late, 0, what)
    }
  },
)

t.test('fifty requests make a list once; the next ones ask the store nothing', async (t) => {
  const w = await world(t)
  await ready(w)
  const made = lists(t, w.store, [definition()])
  const format = counted()
  const all = await Promise.all(Array.from({ length: 50 }, () => made.get('block', format)))
  t.equal(format.times(), 1)
  t.equal(new Set(all).size, 1, 'all got the same')
  t.equal(made.current('block', format), all[0], 'without waiting')
  for (const encoding of encodings) t.ok(made.inMemory(all[0] as never, encoding), `${encoding} is in memory`)
  t.equal(await textOf(made, 'block', format), 'a.example\nb.example\n', 'best first')
})

t.test('two processes make a list once, and serve the same', async (t) => {
  const w = await world(t)
  await ready(w)
  const format = counted()
  const two = [lists(t, w.store, [definition()]), lists(t, await w.open(), [definition()])]
  const got = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (two[index % 2] as FeedLists).get('block', format)),
  )
  t.equal(format.times(), 1)
  t.equal(
    new Set(got.map(({ snapshot }) => `${snapshot.digest} ${snapshot.body} ${snapshot.modifiedAt}`)).size,
    1,
  )
  const both = await Promise.all(two.map((each) => textOf(each, 'block', format)))
  t.strictSame(both, ['a.example\nb.example\n', 'a.example\nb.example\n'])
})

t.test('what another process stores is noticed without asking for it', async (t) => {
  const w = await world(t)
  await ready(w)
  const other = lists(t, await w.open(), [definition()])
  const format = lines()
  await other.get('block', format)
  // The listening connection tells of commits once it stands.
  let entries = 2
  for (let index = 0; other.current('block', format) !== undefined; index++) {
    entries = 3
    await w.fetch([{ value: 'c.example', confidence: index % 100 }])
    await new Promise((resolve) => setImmediate(resolve))
  }
  t.equal(entries, 3)
  t.equal((await other.get('block', format)).snapshot.entries, 3)
})

t.test('a builder that dies leaves nothing, and another one takes over', async (t) => {
  const w = await world(t)
  await ready(w)
  const made = lists(t, w.store, [definition()])
  const builder = join(import.meta.dirname, 'dying-builder.ts')
  const child = spawn(process.execPath, [builder, JSON.stringify(w.database.connection)])
  await once(child.stdout, 'data')
  const waiting = made.get('block', lines())
  const client = new pg.Client({ ...w.database.connection })
  await client.connect()
  const isWaiting = async () => {
    const { rows } = await client.query(
      `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
    return rows.length > 0
  }
  while (!(await isWaiting()));
  child.kill('SIGKILL')
  t.equal((await waiting).snapshot.entries, 2)
  t.equal(await textOf(made, 'block', lines()), 'a.example\nb.example\n')
  const { rows } = await client.query('select count(*)::int as bodies from feed_body')
  t.strictSame(rows, [{ bodies: 1 }])
  await client.end()
})

t.test('a list is made anew only when it changed, and its date moves only with its bytes', async (t) => {
  const w = await world(t)
  await ready(w, [definition({ minScore: 2 })])
  let time = Date.parse('2026-11-25T12:00:00Z')
  const made = lists(t, w.store, [definition({ minScore: 2 })], { now: () => time })
  const format = counted()
  const first = await made.get('block', format)
  time += 60_000
  await w.fetch([{ value: 'c.example', score: 1 }])
  t.equal(made.current('block', format), undefined, 'a commit is noticed at once')
  t.equal(await made.get('block', format), first, 'nothing of it changed')
  t.equal(format.times(), 1)
  await w.fetch([{ value: 'b.example', score: 2, confidence: 50 }])
  const second = await made.get('block', format)
  t.equal(format.times(), 2, 'an entry changed')
  t.equal(second.snapshot.digest, first.snapshot.digest, 'which this form does not show')
  t.equal(second.snapshot.modifiedAt, first.snapshot.modifiedAt)
  t.equal(second.snapshot.generatedAt, '2026-11-25T12:01:00Z')
  time += 60_000
  await w.fetch([{ value: 'c.example', score: 3 }])
  const third = await made.get('block', format)
  t.not(third.snapshot.digest, second.snapshot.digest)
  t.equal(third.snapshot.modifiedAt, '2026-11-25T12:02:00Z')
  const next = lists(t, w.store, [definition({ minScore: 2 })], { version: '0.0.1' })
  await next.get('block', format)
  t.equal(format.times(), 4, 'another version of the program makes its own')
  t.equal(await made.get('block', format), third)
})

t.test('while a fetch is under way a list may be some seconds old, afterwards never', async (t) => {
  const w = await world(t)
  await ready(w)
  let time = Date.now()
  const made = lists(t, w.store, [definition()], { now: () => time })
  const format = lines()
  t.equal((await made.get('block', format)).snapshot.entries, 2)
  const run = await w.fetch([{ value: 'c.example' }], { end: false })
  t.equal((await made.get('block', format)).snapshot.entries, 2, 'the fetch is under way')
  t.equal(
    (await made.get('block', lines({ variant: 'other' }))).snapshot.entries,
    3,
    'a new form is made of what is there',
  )
  time += 10_000
  t.equal((await made.get('block', format)).snapshot.entries, 3, 'after some seconds it is made anew')
  await w.fetch([{ value: 'd.example' }], { end: false })
  t.equal((await made.get('block', format)).snapshot.entries, 3)
  await run.end()
  t.equal((await made.get('block', format)).snapshot.entries, 4, 'once it has ended')
})

t.test(
  'without a first fetch, and without a list, there is an error that says what it waits for',
  async (t) => {
    const w = await world(t, ['tc', 'two'])
    const feeds = [
      definition({ sources: ['tc'] }),
      definition({ name: 'all' }),
      definition({ name: 'held', shrinkGuard: 0.5 }),
    ]
    await w.store.registerFeeds(feeds)
    const made = lists(t, w.store, feeds, { sources: ['tc', 'two'] })
    await t.rejects(made.get('nothing', lines()), {
      code: 'FEED_UNKNOWN',
      message: /there are: block, all, held/,
    })
    await t.rejects(made.get('block', lines()), { code: 'FEED_NOT_READY', message: /first fetch of "tc"/ })
    const run = await w.fetch([{ value: 'a.example' }, { value: 'b.example' }], { end: false })
    await t.rejects(made.get('block', lines()), { code: 'FEED_NOT_READY' }, 'not before it ended')
    await run.end()
    t.equal((await made.get('block', lines())).snapshot.entries, 2)
    await t.rejects(made.get('all', lines()), { code: 'FEED_NOT_READY', message: /first fetch of "two"$/ })
    await w.fetch([], { source: 'two' })
    t.equal((await made.get('all', lines())).snapshot.entries, 2)

    const good = await made.get('held', lines())
    await w.fetch([], { removed: ['a.example', 'b.example'] })
    t.equal(await made.get('held', lines()), good, 'the last good list')
    t.match((await made.state('held')).held, { lost: 2 })
    t.equal(await textOf(made, 'held', lines({ variant: 'other' })), 'a.example\nb.example\n', 'in any form')
    const other = lists(t, await w.open(), feeds, { sources: ['tc', 'two'] })
    t.equal(await textOf(other, 'held', lines()), 'a.example\nb.example\n', 'every process serves it')
    t.equal((await made.release('held')).held, null)
    t.equal(await textOf(made, 'held', lines()), '')
    t.equal((await made.get('block', lines())).snapshot.entries, 0, 'a feed without a guard was never held')
  },
)

t.test('a source whose first fetch failed keeps back its own list, and none that has others', async (t) => {
  const w = await world(t, ['tc', 'two'])
  const feeds = [definition({ sources: ['two'] }), definition({ name: 'all' })]
  await w.store.registerFeeds(feeds)
  const made = lists(t, w.store, feeds, { sources: ['tc', 'two'] })
  await w.fetch([], { source: 'two', status: 'failed' })
  await t.rejects(made.get('all', lines()), { code: 'FEED_NOT_READY', message: /first fetch of "tc", "two"/ })
  await w.fetch([{ value: 'a.example' }])
  t.equal(await textOf(made, 'all', lines()), 'a.example\n')
  await t.rejects(made.get('block', lines()), { code: 'FEED_NOT_READY', message: /first fetch of "two"/ })
})

t.test('a list that is held since its source fails is let go once the source answers again', async (t) => {
  const w = await world(t)
  const feeds = [definition({ shrinkGuard: 0.5 })]
  await w.store.registerFeeds(feeds)
  const made = lists(t, w.store, feeds, { pollMs: 20 })
  await w.fetch([{ value: 'a.example' }], { expiresAt: '2026-11-25T12:00:00.000Z' })
  t.equal(await textOf(made, 'block', lines()), 'a.example\n')
  await w.fetch([], { status: 'failed' })
  await w.store.expire(new Date('2026-11-25T12:00:01Z'), 10)
  t.equal(await textOf(made, 'block', lines()), 'a.example\n', 'held')
  // Changes nothing that is stored.
  await w.fetch([])
  let text = ''
  for (let tries = 0; tries < 200; tries++) {
    text = await textOf(made, 'block', lines())
    if (text === '') break
    await setTimeout(20)
  }
  t.equal(text, '')
})

t.test('when the store is gone the last good list is served; what was never made is an error', async (t) => {
  const w = await world(t)
  await ready(w)
  const made = lists(t, w.store, [definition()])
  const format = lines()
  await made.get('block', format)
  await w.store.close()
  t.match(await made.get('block', format), { stale: false }, 'nothing is known to have changed')
  await made.awaited('block').catch(() => {})
  const other = lists(t, w.store, [definition()])
  await t.rejects(other.get('block', format), { code: 'STORE_UNAVAILABLE' })

  const again = await world(t)
  await ready(again)
  const served = lists(t, again.store, [definition()])
  await served.get('block', format)
  await again.fetch([{ value: 'c.example' }])
  await again.store.close()
  const list = await served.get('block', format)
  t.equal(list.stale, true, 'something changed, and it can not be asked what')
  for (const encoding of encodings) {
    const bytes = await bytesOf(served, 'block', format, encoding)
    t.equal(decoders[encoding](bytes).toString(), 'a.example\nb.example\n', encoding)
  }
  await t.rejects(served.get('block', lines({ variant: 'other' })), { code: 'STORE_UNAVAILABLE' })
})

t.test('a format that fails costs the newest list, not the last good one', async (t) => {
  const w = await world(t)
  await ready(w)
  let broken = false
  const format = lines()
  const fragile: FeedFormat = {
    ...format,
    encode(...given) {
      if (broken) throw new TypeError('a fault of ours')
      return format.encode(...given)
    },
  }
  const made = lists(t, w.store, [definition()])
  await made.get('block', fragile)
  broken = true
  await w.fetch([{ value: 'c.example' }])
  t.match(await made.get('block', fragile), { stale: true, snapshot: { entries: 2 } })
  const fresh = lists(t, await w.open(), [definition()])
  t.match(
    await fresh.get('block', fragile),
    { stale: true, snapshot: { entries: 2 } },
    'another process finds it',
  )
  broken = false
  t.match(await made.get('block', fragile), { stale: false, snapshot: { entries: 3 } })
})

t.test('a body that fits into the memory is read once for all who ask meanwhile, and kept', async (t) => {
  const w = await world(t)
  await ready(w)
  const block = lines({
    variant: 'block',
    async *encode(pages) {
      for await (const _page of pages);
      for (let index = 0; index < 30; index++) yield `${index} ${'abcdefgh'.repeat(10_000)}\n`
      return 30
    },
  })
  const maker = lists(t, w.store, [definition()])
  const expected = await bytesOf(maker, 'block', block, 'identity')
  const asked: number[] = []
  const counted = {
    ...w.store,
    snapshotChunk: (...args: Parameters<typeof w.store.snapshotChunk>) => {
      asked.push(args[2])
      return w.store.snapshotChunk(...args)
    },
  }
  const reader = lists(t, counted, [definition()])
  const list = await reader.get('block', block)
  const bodies = await Promise.all([1, 2, 3].map(() => reader.body(list, 'identity')))
  for (const body of bodies) t.ok(Buffer.isBuffer(body) && body.equals(expected))
  t.strictSame(asked, [0, 1, 2])
  t.ok(reader.inMemory(list, 'identity')?.equals(expected))
})

t.test('big lists go piece by piece; pieces of two lists are never mixed', async (t) => {
  const w = await world(t)
  await ready(w)
  let word = 'one'
  const big = lines({
    variant: 'big',
    async *encode(pages) {
      for await (const _page of pages);
      const block = `${word} ${'abcdefgh'.repeat(8)}\n`.repeat(1000)
      for (let index = 0; index < 140; index++) yield block
      return 140_000
    },
  })
  const made = lists(t, w.store, [definition()], { memoryBytes: 8 * 1024 * 1024 })
  const list = await made.get('block', big)
  t.ok(list.snapshot.sizes.identity > 8 * 1024 * 1024)
  t.equal(made.inMemory(list, 'identity'), undefined, 'too big for the memory')
  const body = await made.body(list, 'identity')
  if (body === undefined || Buffer.isBuffer(body)) return t.fail('not in pieces')
  const pieces = [(await body.next()).value as Buffer]
  t.equal(pieces[0]?.length, 1024 * 1024)
  word = 'two'
  await w.fetch([{ value: 'c.example' }])
  await made.get('block', big)
  for await (const piece of body) pieces.push(piece)
  const text = Buffer.concat(pieces).toString()
  t.equal(text.length, list.snapshot.sizes.identity)
  t.notOk(text.includes('two'), 'the list that was begun is read to its end')
  t.ok((await bytesOf(made, 'block', big, 'gzip')).equals(await bytesOf(made, 'block', big, 'gzip')))
  t.ok(
    gunzipSync(await bytesOf(made, 'block', big, 'gzip'))
      .toString()
      .startsWith('two'),
  )
})

t.test('bytes that were replaced often are gone, which is told; forms that nobody asks for go', async (t) => {
  const w = await world(t)
  await ready(w)
  await w.store.refreshFeed(definition(), { now: new Date() })
  const build = (variant: string, text: string, at: number) =>
    w.store.buildSnapshot(definition(), { variant, json: false, now: new Date(at) }, async ({ write }) => {
      await write('identity', 0, Buffer.from(text))
      return {
        digest: text,
        entries: 1,
        dropped: 0,
        truncated: 0,
        sizes: { identity: text.length, gzip: 0, br: 0 },
      }
    })
  const bodies: number[] = []
  for (let round = 0; round < 7; round++) {
    await w.fetch([{ value: 'b.example', confidence: round }])
    await w.store.refreshFeed(definition(), { now: new Date() })
    bodies.push((await build('lines', `text ${round}`, 1000 * round))?.body ?? 0)
  }
  const left = await Promise.all(bodies.map((body) => w.store.snapshotChunk(body, 'identity', 0)))
  t.strictSame(
    left.map((bytes) => bytes?.toString()),
    [undefined, undefined, 'text 2', 'text 3', 'text 4', 'text 5', 'text 6'],
  )
  for (let index = 0; index < 66; index++) await build(`form ${index}`, 'x', 10_000 + index)
  t.equal(await w.store.snapshot('block', 'lines'), undefined)
  t.equal(await w.store.snapshot('block', 'form 0'), undefined)
  t.ok(await w.store.snapshot('block', 'form 2'))
})

t.test('the report of a list adds up, and says what it leaves out of itself', async (t) => {
  const w = await world(t)
  const feed = definition({ limit: 6 })
  await w.fetch([
    ...['a', 'b', 'c', 'd', 'e'].map((name, index) => ({
      value: `${name}.example`,
      threatAssess: { score: 900 - index },
    })),
    { type: 'file' as const, value: 'f'.repeat(64), threatAssess: { score: 10 } },
    { value: 'worst.example', score: 0 as const },
  ])
  const format = lines({
    types: ['domain'],
    async *encode(pages, _about, recorder) {
      let count = 0
      for await (const page of pages) {
        for (const { value } of page) {
          if (value.startsWith('a')) recorder.dropped(value, 'begins with a')
          else if (value.startsWith('e')) recorder.truncated(1)
          else {
            if (value.startsWith('b')) recorder.changed(value, 'B.example', 'in capitals')
            count++
            yield value
          }
        }
      }
      return count
    },
  })
  const made = lists(t, w.store, [feed])
  const list = await made.get('block', format)
  t.match(list, { truncated: 2, snapshot: { entries: 3, dropped: 2, truncated: 1 } })
  const report = await feedReport(w.store, feed, format, { most: 10 })
  t.strictSame(report, {
    entries: 3,
    indicators: 6,
    dropped: [
      { value: 'f'.repeat(64), reason: 'type file has no place in this list' },
      { value: 'a.example', reason: 'begins with a' },
    ],
    changed: [{ value: 'b.example', to: 'B.example', reason: 'in capitals' }],
    truncated: 2,
    counts: {
      dropped: 2,
      changed: 1,
      droppedBy: { 'begins with a': 1, 'type file has no place in this list': 1 },
      changedBy: { 'in capitals': 1 },
    },
    cut: false,
  })
  const short = await feedReport(w.store, feed, format, { most: 1 })
  t.match(short, { dropped: { length: 1 }, counts: { dropped: 2 }, cut: true })
})

t.test(
  'a held list that can not be told any more stays in the forms it has; for others it is said why',
  async (t) => {
    const w = await world(t)
    const feed = definition({ shrinkGuard: 0.5 })
    await ready(w, [feed])
    const made = lists(t, w.store, [feed])
    const good = await made.get('block', lines())
    await w.fetch([], { removed: ['a.example', 'b.example'] })
    // What the log had of the entries is forgotten.
    await w.store.prune(new Date(Date.now() + 1000))
    t.equal(await made.get('block', lines()), good)
    const error = await made.get('block', lines({ variant: 'other' })).catch((error: unknown) => error)
    t.match(error, { code: 'FEED_NOT_READY', headers: { 'retry-after': '15' } })
    t.match(error, { message: /"block" has no last good list in this form; its list is held since .+: .*2/ })
    await t.rejects(feedReport(w.store, feed, lines(), { most: 10 }), {
      code: 'FEED_NOT_READY',
      message: /"block" is held: there is no report of it/,
    })
  },
)

t.test('why an indicator is in a feed or not', async (t) => {
  const w = await world(t)
  const feeds = [
    definition({ name: 'all' }),
    definition({ name: 'urls', types: ['url'] }),
    definition({ name: 'best', limit: 1 }),
    definition({ name: 'guarded', shrinkGuard: 0.4 }),
  ]
  await w.store.registerFeeds(feeds)
  await w.fetch([{ value: 'a.example', threatAssess: { score: 900 } }, { value: 'b.example' }])
  const made = lists(t, w.store, feeds)
  const why = async (value: string) => {
    const { indicators } = await w.store.indicators({ limit: 10, raw: false })
    const indicator = indicators.find((one) => one.value === value) as Indicator
    return (await inFeeds(w.store, feeds, made.state, indicator)).map((each) =>
      Object.values(each).join(' | '),
    )
  }
  t.strictSame(await why('b.example'), [
    'all | true | it passes the filter of the feed',
    'urls | false | its type is domain; the filter takes url',
    'best | false | it passes the filter, but the list takes 1 entries and others are better',
    'guarded | true | it passes the filter of the feed',
  ])
  await w.fetch([{ value: 'b.example', active: false }, { value: 'c.example' }])
  t.match(
    (await why('b.example'))[3],
    /^guarded \| true \| it is not active, but the list is held since .* 1 of 2/,
  )
  t.match(
    (await why('c.example'))[3],
    /^guarded \| false \| it passes the filter, but the list is held since /,
  )
})
