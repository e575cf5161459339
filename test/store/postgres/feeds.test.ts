/** What is in a feed, on a real database. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type FeedFilter, filterReason } from '../../../src/model/filter.ts'
import {
  allTypes,
  type Indicator,
  type IndicatorType,
  type Score,
  tlpLevels,
} from '../../../src/model/indicator.ts'
import type { EntriesQuery, FeedDefinition, FeedState } from '../../../src/store/feed-store.ts'
import { type Database, openDatabase } from '../../../src/store/postgres/database.ts'
import { filterSql } from '../../../src/store/postgres/feeds-filter.ts'
import { parameters } from '../../../src/store/postgres/parameters.ts'
import { typeNumber } from '../../../src/store/postgres/types.ts'
import { definition, type Facts, log, type World, world } from '../../feeds/feed-world.ts'

// Each test has a database of its own; other tests run beside.
t.setTimeout(300_000)

const now = new Date('2026-11-25T12:00:00Z')

async function databaseOf(t: Test, { database }: World): Promise<Database> {
  const opened = await openDatabase({ connection: { ...database.connection }, log })
  t.teardown(() => opened.close())
  return opened
}

/** Values in the order of the list. */
async function valuesOf({ store }: World, feed: FeedDefinition): Promise<readonly string[] | undefined> {
  return store.readFeed(feed, { json: false }, async (_about, pages) => {
    const values: string[] = []
    for await (const page of pages) values.push(...page.map(({ value }) => value))
    return values
  })
}

function refresh({ store }: World, feed: FeedDefinition, accept = false): Promise<FeedState> {
  return store.refreshFeed(feed, { now, accept })
}

function domains(from: number, to: number, more: Partial<Facts> = {}): Facts[] {
  return Array.from({ length: to - from }, (_, index) => ({ value: `d${from + index}.example`, ...more }))
}

const names = (from: number, to: number) => domains(from, to).map(({ value }) => value)

t.test('a filter lets the same rows through in the store as by its plain words', async (t) => {
  const w = await world(t, ['tc', 'other'])
  const some = <T>(values: readonly T[]) => fc.constantFrom(...values)
  const tags = ['APT29', 'apt29', 'a,b', '']
  const owners = ['One', 'one', 'Two "quoted"', '{}']
  const facts = fc.record(
    {
      type: some(allTypes.filter((type) => type !== 'custom')),
      score: some<Score>([0, 1, 2, 3]),
      confidence: some([0, 1, 49.99999999, 50, 59.9, 100]),
      threatAssess: some([{}, { score: 0 }, { score: 499.5 }, { score: 500 }, { score: 1000 }]),
      tlp: some(tlpLevels),
      active: fc.boolean(),
      tags: fc.subarray(tags),
      owner: some(owners),
    },
    { requiredKeys: ['type', 'score', 'active', 'tags'] },
  )
  const rows = fc.sample(facts, { numRuns: 400, seed: 7 })
  const named = rows.map((row, index) => ({ ...row, value: `v${index}`, remoteId: String(index + 1) }))
  await w.fetch(named.slice(0, 250))
  // The second source has some of the first one's values, under other owners.
  const again = named.slice(200).map((row, index) => ({ ...row, owner: owners[index % 4] ?? 'One' }))
  await w.fetch(again, { source: 'other' })
  const database = await databaseOf(t, w)
  const stored = await database.query<{ body: string }>('select body from indicator')
  const indicators = stored.map(({ body }) => JSON.parse(body) as Indicator)
  t.equal(indicators.length, 400, 'all of them are there')

  // Else hardly any row gets through all of them.
  const mostlyEmpty = <T>(list: fc.Arbitrary<T[]>) =>
    fc.oneof({ weight: 2, arbitrary: fc.constant<T[]>([]) }, { weight: 1, arbitrary: list })
  const filters = fc.record({
    types: mostlyEmpty(fc.subarray([...allTypes], { maxLength: 6 })),
    sources: mostlyEmpty(fc.subarray(['tc', 'other', 'gone'], { maxLength: 2 })),
    owners: mostlyEmpty(fc.subarray([...owners, 'Nobody'], { maxLength: 2 })),
    tags: mostlyEmpty(fc.subarray([...tags, 'none'], { maxLength: 2 })),
    minScore: some<Score>([0, 0, 1, 2, 3]),
    minConfidence: some([0, 0, 1, 50, 100]),
    minThreatAssessScore: some([0, 0, 1, 500, 1000]),
    maxTlp: some(tlpLevels),
    activeOnly: fc.boolean(),
  })
  let through = 0
  await fc.assert(
    fc.asyncProperty(filters, async (filter: FeedFilter) => {
      const given = parameters()
      const found = await database.query<{ value: string }>(
        `select i.value from indicator i where ${filterSql(filter, given)} order by i.value collate "C"`,
        given.values,
      )
      const expected = indicators.filter((indicator) => filterReason(filter, indicator) === null)
      const values = expected.map(({ value }) => value).sort()
      if (JSON.stringify(found.map(({ value }) => value)) !== JSON.stringify(values)) {
        throw new Error(`${found.length} in the store, ${values.length} by words`)
      }
      through += values.length
    }),
    { numRuns: 150 },
  )
  t.ok(through > 300, 'the filters let many through')
})

t.test('whatever happens, the list is what the filter and the limit make of the store', async (t) => {
  for (const limit of [0, 4]) {
    await t.test(`limit ${limit}`, async (t) => {
      const w = await world(t)
      const feed = definition({ minScore: 2, limit, name: `limit-${limit}` })
      const database = await databaseOf(t, w)
      const step = fc.record({
        put: fc.array(fc.tuple(fc.integer({ min: 0, max: 11 }), fc.integer({ min: 0, max: 3 })), {
          maxLength: 5,
        }),
        remove: fc.array(fc.integer({ min: 0, max: 11 }), { maxLength: 3 }),
        look: fc.boolean(),
      })
      for (const { put, remove, look } of fc.sample(step, { numRuns: 25, seed: 3 })) {
        const facts = new Map(
          put.map(([index, score]) => [
            index,
            { value: `d${index}.example`, score: score as Score, threatAssess: { score: index * 10 } },
          ]),
        )
        const gone = remove.filter((index) => !facts.has(index)).map((index) => `d${index}.example`)
        await w.fetch([...facts.values()], { removed: gone })
        if (!look) continue
        const state = await refresh(w, feed)
        const all = await database.query<{ value: string }>(
          'select value from indicator where score >= 2 order by rank desc, key',
        )
        const best = all.slice(0, limit === 0 ? all.length : limit).map(({ value }) => value)
        t.strictSame(await valuesOf(w, feed), best)
        t.strictSame([state.entries, state.truncated], [best.length, all.length - best.length])
      }
    })
  }
})

t.test('a big list is told in its order, each entry once, whatever its values and types are', async (t) => {
  const w = await world(t)
  const database = await databaseOf(t, w)
  const feed = definition()
  const plain: Facts[] = Array.from({ length: 10_100 }, (_, index) => ({
    value: `v${index}`,
    type: 'mutex',
    score: (index % 4) as Score,
  }))
  const odd: Facts[] = ['a\nb', '\n', 'a\\nb', '\u2028', '☃', 'v7', 'x'.repeat(5000)].flatMap(
    (value, index) => [
      { value, type: 'hashtag', score: (index % 4) as Score },
      { value, type: 'user-agent', score: 3 },
    ],
  )
  await w.fetch([...plain, ...odd].map((facts, index) => ({ ...facts, remoteId: String(index + 1) })))
  const state = await refresh(w, feed)
  const expected = await database.query<{ type: number; value: string; body: string }>(
    'select type, value, body from indicator order by rank desc, key',
  )
  t.equal(state.entries, expected.length)
  const types = (all: readonly IndicatorType[]) => all.map(typeNumber)
  const list = (query: EntriesQuery) =>
    w.store.readFeed(feed, query, async ({ otherTypes, ambiguous }, pages) => {
      const rows: string[] = []
      for await (const page of pages)
        rows.push(...page.map(({ type, value }) => `${typeNumber(type)} ${value}`))
      return { otherTypes, ambiguous: [...ambiguous].sort(), rows: rows.join('\0') }
    })
  const twice = odd.map(({ value }) => value).filter((_, index) => index % 2 === 0)
  const cases: readonly (readonly [what: string, asked: readonly IndicatorType[] | undefined, string[]])[] = [
    ['all', undefined, [...twice].sort()],
    ['some of the types', ['hashtag', 'user-agent'], [...twice].sort()],
    ['one of the types', ['hashtag'], []],
    ['types with one value in common', ['mutex', 'hashtag'], ['v7']],
    ['a type that is not there', ['cidr'], []],
  ]
  for (const [what, asked, ambiguous] of cases) {
    const among = asked === undefined ? expected : expected.filter(({ type }) => types(asked).includes(type))
    for (const json of [false, true]) {
      for (const time of ['first', 'again']) {
        const told = await list({ json, ...(asked !== undefined && { types: asked }) })
        t.equal(
          told?.rows === among.map(({ type, value }) => `${type} ${value}`).join('\0'),
          true,
          `${what}, ${time}`,
        )
        t.strictSame(
          [told?.otherTypes, told?.ambiguous],
          [expected.length - among.length, ambiguous],
          `${what}, about them, ${time}`,
        )
      }
    }
  }
})

t.test('what was touched since the last look is told as it is now, or not at all', async (t) => {
  const w = await world(t)
  const feed = definition({ minScore: 2 })
  const put = (name: string, score: Score) => ({ value: `${name}.example`, score })
  await w.fetch([put('a', 2), put('b', 2), put('c', 2), put('d', 3)])
  await refresh(w, feed)
  const listed = async () => (await valuesOf(w, feed))?.map((value) => value[0]).join('')
  t.equal((await listed())?.at(0), 'd')
  await w.fetch([put('new', 3)])
  t.equal([...((await listed()) ?? '')].sort().join(''), 'abcd', 'what is new waits for the next look')
  await w.fetch([put('d', 2), put('b', 1), put('c', 3)], { removed: ['a.example'] })
  t.equal(await listed(), 'cd', 'one left, one does not fit, two have another place')
  await refresh(w, feed)
  t.equal([...((await listed()) ?? '')].sort().join(''), 'cdn')
  const other = definition({ minScore: 3 })
  const values = await valuesOf(w, other)
  t.strictSame(values?.toSorted(), ['c.example', 'new.example'], 'another filter is looked at anew')
})

t.test('rows that came, changed or left have positions that no reader has passed yet', async (t) => {
  const w = await world(t)
  const database = await databaseOf(t, w)
  const feed = definition()
  let position = 0
  const since = async () => {
    const rows = await database.query<{ value: string | null; present: boolean; seq: number }>(
      `select i.value, m.present, m.seq from feed_member m left join indicator i on i.key = m.key
       where m.seq > $1 order by m.seq, m.key`,
      [position],
    )
    position = Math.max(position, ...rows.map(({ seq }) => seq))
    return rows.map(({ value, present }) => `${present ? '+' : '-'}${value ?? 'gone'}`)
  }
  await w.fetch(domains(0, 3))
  await refresh(w, feed)
  t.strictSame((await since()).sort(), ['+d0.example', '+d1.example', '+d2.example'])
  await w.fetch([{ value: 'd0.example', score: 1 }], { removed: ['d1.example'] })
  await refresh(w, feed)
  t.strictSame((await since()).sort(), ['+d0.example', '-gone'], 'one changed, one left')
  await refresh(w, { ...feed, minScore: 2 })
  t.strictSame(await since(), ['-d0.example'], 'another filter, although nothing was stored since')
  await refresh(w, feed)
  t.strictSame(await since(), ['+d0.example'], 'and back')
  await refresh(w, { ...feed, limit: 1 })
  t.strictSame(await since(), ['-d0.example'], 'a limit')
  t.strictSame(await valuesOf(w, { ...feed, limit: 1 }), ['d2.example'])
  const before = await w.store.head()
  await refresh(w, { ...feed, limit: 1 })
  await refresh(w, { ...feed, limit: 1, types: [], shrinkGuard: 0.2 })
  t.equal(await w.store.head(), before, 'nothing to do moves nothing')
  t.strictSame(await since(), [])
})

t.test('the shrink guard', async (t) => {
  const cases: readonly (readonly [
    what: string,
    guard: number,
    before: number,
    lost: number,
    gained: number,
    held: boolean,
  ])[] = [
    ['loses half: not more than half', 0.5, 10, 5, 0, false],
    ['loses more than half', 0.5, 10, 6, 0, true],
    ['new entries make up for no loss', 0.5, 10, 6, 50, true],
    ['growth alone', 0.5, 10, 0, 50, false],
    ['everything is lost', 0.5, 10, 10, 0, true],
    ['everything of a list of one', 0.5, 1, 1, 0, true],
    ['100 %: never held', 1, 10, 10, 0, false],
    ['0 %: any loss', 0, 10, 1, 0, true],
    ['0 %: no loss', 0, 10, 0, 1, false],
    ['exactly a share that binary fractions miss', 0.07, 100, 7, 0, false],
    ['one more than it', 0.07, 100, 8, 0, true],
  ]
  const w = await world(t)
  let from = 0
  for (const [what, shrinkGuard, before, lost, gained, held] of cases) {
    const tag = `case-${from}`
    const feed = definition({ name: tag, tags: [tag], shrinkGuard })
    await w.fetch(domains(from, from + before, { tags: [tag] }))
    await refresh(w, feed)
    await w.fetch(domains(from + before, from + before + gained, { tags: [tag] }), {
      removed: names(from, from + lost),
    })
    const state = await refresh(w, feed)
    t.equal(state.held !== null, held, what)
    t.equal(state.entries, held ? before : before - lost + gained, `${what}: entries`)
    if (held) {
      t.match(
        state.held,
        { since: '2026-11-25T12:00:00.000Z', entries: before, next: before - lost + gained, lost },
        what,
      )
      const good = names(from, from + before)
      t.strictSame((await valuesOf(w, feed))?.toSorted(), good.toSorted(), `${what}: the last good list`)
    }
    from += before + gained
  }
})

t.test(
  'a held list is let go when the next recovers, when another list is meant, and by request',
  async (t) => {
    const w = await world(t)
    const feed = definition({ shrinkGuard: 0.5 })
    await w.fetch(domains(0, 10))
    await refresh(w, feed)
    await w.fetch([], { removed: names(0, 8) })
    const held = await refresh(w, feed)
    t.equal(held.held?.reason, 'the next list lacks 8 of 10 entries (80 %); shrinkGuard lets it lose 50 %')
    await w.fetch([], { removed: names(8, 9) })
    const later = await w.store.refreshFeed(feed, { now: new Date('2026-11-26T00:00:00Z') })
    t.equal(later.held?.since, held.held?.since, 'since the first time')
    t.equal(later.held?.lost, 9)
    t.strictSame((await w.store.feedsPosition()).held, ['block'])
    t.strictSame(
      (await w.store.feedStates()).map(({ held }) => held?.lost),
      [9],
      'others see it',
    )

    await w.fetch(domains(0, 5))
    const recovered = await refresh(w, feed)
    t.strictSame([recovered.held, recovered.entries], [null, 6], 'six of ten are there again')

    await w.fetch([], { removed: names(0, 5) })
    t.ok((await refresh(w, feed)).held)
    const other = await refresh(w, { ...feed, minConfidence: 0, tags: [], minScore: 1 })
    t.strictSame([other.held, other.entries], [null, 1], 'another filter is another list')

    await w.fetch([], { removed: names(9, 10) })
    t.ok((await refresh(w, { ...feed, minScore: 1 })).held, 'an emptied list')
    const released = await refresh(w, { ...feed, minScore: 1 }, true)
    t.strictSame([released.held, released.entries], [null, 0])
    t.strictSame(await valuesOf(w, { ...feed, minScore: 1 }), [])
  },
)

t.test('what expires leaves the list, however much it is, unless a source fails', async (t) => {
  const w = await world(t)
  const due = '2026-11-25T12:00:00.000Z'
  const expire = () => w.store.expire(new Date('2026-11-25T12:00:01Z'), 1000)
  // With a limit the list is compared as a whole, else step by step.
  const feeds = [definition({ shrinkGuard: 0.5 }), definition({ name: 'best', limit: 50, shrinkGuard: 0.5 })]
  const refreshed = async () => {
    const states: FeedState[] = []
    for (const feed of feeds) states.push(await refresh(w, feed))
    return states.map(({ held, entries }) => [held?.lost ?? null, entries])
  }
  const both = (lost: number | null, entries: number) => [
    [lost, entries],
    [lost, entries],
  ]
  await w.fetch(domains(0, 10), { expiresAt: due })
  t.strictSame(await refreshed(), both(null, 10))
  await expire()
  t.strictSame(await refreshed(), both(null, 0), 'all of it')

  await w.fetch(domains(0, 4), { expiresAt: due })
  await w.fetch(domains(4, 10))
  t.strictSame(await refreshed(), both(null, 10))
  await expire()
  await w.fetch([], { removed: names(4, 10) })
  t.strictSame(await refreshed(), both(6, 10), 'what was taken out beside it counts')
  await w.fetch(domains(4, 10))
  t.strictSame(await refreshed(), both(null, 6))

  await w.fetch(domains(4, 10), { expiresAt: due })
  t.strictSame(await refreshed(), both(null, 6))
  await w.fetch([], { status: 'failed' })
  await expire()
  t.strictSame(await refreshed(), both(6, 6), 'while the source fails nothing new can come: the list is held')
  await w.fetch([])
  t.strictSame(await refreshed(), both(null, 0), 'once it answers again the list is let go')
})

t.test('a held list is read as it was, whatever became of its entries since', async (t) => {
  const w = await world(t)
  const feed = definition({ shrinkGuard: 0.5, types: ['domain', 'url'] })
  const shown = (one: FeedDefinition) =>
    w.store.readFeed(one, { json: true, types: ['domain'] }, async ({ otherTypes, state }, pages) => {
      const texts: string[] = []
      for await (const page of pages) texts.push(...page.map(({ json }) => json))
      return { texts, otherTypes, entries: state.entries }
    })
  const url: Facts = { type: 'url', value: 'http://a.example/' }
  await w.fetch([...domains(0, 8, { score: 2 }), url, { value: 'best.example', score: 3 }])
  // A second version of some, with which the list is right.
  await w.fetch(domains(0, 2, { score: 2, description: 'second' }))
  await refresh(w, feed)
  const good = await shown(feed)
  t.match(good, { otherTypes: 1, entries: 10 })
  t.match(JSON.parse(good?.texts[0] ?? ''), { value: 'best.example' })

  await w.fetch(
    [
      ...domains(0, 4, { score: 2, active: false, tlp: 'red' }),
      { value: 'd7.example', score: 2, description: 'third' },
      { value: 'new.example' },
    ],
    { removed: [...names(4, 6), 'best.example', url.value] },
  )
  t.match((await refresh(w, feed)).held, { lost: 8 })
  t.strictSame(await shown(feed), good, 'removed, deactivated and changed ones')
  await w.fetch(domains(0, 8, { score: 3 }), { removed: ['d6.example'] })
  await w.store.refreshFeed({ ...feed, shrinkGuard: 0.05 }, { now })
  t.strictSame(await shown(feed), good, 'and those that came back as other ones')

  const { execute } = await databaseOf(t, w)
  await execute(`delete from change where body like '%second%' and op <> 2`)
  t.equal(await shown(feed), undefined, 'where the log no longer tells what an entry was there is no list')
})

t.test('a fetch that takes everything out little by little is held as well', async (t) => {
  const w = await world(t)
  const feed = definition({ shrinkGuard: 0.5 })
  await w.fetch(domains(0, 100))
  await refresh(w, feed)
  const kept: number[] = []
  for (let from = 0; from < 100; from += 10) {
    await w.fetch([], { removed: names(from, from + 10), end: false })
    const state = await refresh(w, feed)
    kept.push(state.entries)
    if (from >= 50)
      t.match(state.held, { reason: from === 50 ? /lacks 60 of 100 entries since the last fetch/ : /of/ })
  }
  t.strictSame(kept, [90, 80, 70, 60, 50, 50, 50, 50, 50, 50])
  await (await w.fetch(domains(0, 90), { end: false })).end()
  const state = await refresh(w, feed)
  t.strictSame([state.held, state.entries, state.settled], [null, 90, true], 'what came back is not lost')
})

t.test('processes that look at once agree, and the sizes of the list are kept', async (t) => {
  const w = await world(t)
  const feed = definition()
  await w.fetch(domains(0, 50))
  const stores = [w.store, await w.open(), await w.open()]
  const states = await Promise.all([...stores, ...stores].map((store) => store.refreshFeed(feed, { now })))
  t.strictSame([...new Set(states.map((state) => JSON.stringify(state)))].length, 1)
  t.equal(states[0]?.entries, 50)
  await w.fetch(domains(50, 60))
  await refresh(w, feed)
  t.strictSame(await w.store.feedSizes('block', new Date(0)), [{ at: '2026-11-25T12:00:00Z', entries: 60 }])
})

t.test('a feed that is no longer configured goes with all that was kept of it', async (t) => {
  const w = await world(t)
  const [one, two] = [definition({ name: 'one' }), definition({ name: 'two' })]
  await w.store.registerFeeds([one, two])
  await w.fetch(domains(0, 2))
  for (const feed of [one, two]) {
    await refresh(w, feed)
    await w.store.buildSnapshot(feed, { variant: 'v', json: false, now }, async ({ write }) => {
      await write('identity', 0, Buffer.from('x'))
      return { digest: 'd', entries: 1, dropped: 0, truncated: 0, sizes: { identity: 1, gzip: 0, br: 0 } }
    })
  }
  const snapshot = await w.store.snapshot('two', 'v')
  t.ok(snapshot)
  await w.store.registerFeeds([one])
  t.equal(await w.store.snapshot('two', 'v'), undefined)
  t.equal(await w.store.snapshotChunk(snapshot?.body ?? 0, 'identity', 0), undefined)
  t.strictSame(
    (await w.store.feedStates()).map(({ name }) => name),
    ['one'],
  )
  t.strictSame(await w.store.feedsWith('indicator--00000000-0000-5000-8000-000000000000'), [])
  const database = await databaseOf(t, w)
  t.strictSame(
    await database.query('select distinct f.name from feed_member m left join feed f on f.id = m.feed'),
    [{ name: 'one' }],
  )
})
