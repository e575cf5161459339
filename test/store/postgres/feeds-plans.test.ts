/**
 * How PostgreSQL brings a list up to date and reads a collection: what it looks at is as much as changed or is asked for,
 * however much there is.
 */
import t from 'tap'
import { renderForCollections } from '../../../src/feeds/stix/objects.ts'
import { openDatabase } from '../../../src/store/postgres/database.ts'
import { refresh } from '../../../src/store/postgres/feeds-members.ts'
import { publicationStore } from '../../../src/store/postgres/publications.ts'
import type { Queryable } from '../../../src/store/postgres/queryable.ts'
import { definition, type Facts, log, world } from '../../feeds/feed-world.ts'

t.setTimeout(300_000)

const many = 6000

/** As `explain (analyze, format json)` tells it. */
interface Node {
  readonly 'Relation Name'?: string
  readonly 'Actual Rows': number
  readonly 'Actual Loops': number
  readonly 'Rows Removed by Filter'?: number
  readonly Plans?: readonly Node[]
}

/** Rows that the steps of a plan looked at in a table. */
function rowsOf(table: string, { Plans = [], ...node }: Node): number {
  const below = Plans.reduce((sum, plan) => sum + rowsOf(table, plan), 0)
  if (node['Relation Name'] !== table) return below
  return below + (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0)) * node['Actual Loops']
}

/** Of which each query is carried out once more before, and explained. */
function explained(session: Queryable, plans: Node[]): Queryable {
  return {
    ...session,
    async query(sql, values, how) {
      if (!/for update|^update|^insert/.test(sql)) {
        const rows = await session.query<{ 'QUERY PLAN': readonly [{ readonly Plan: Node }] }>(
          `explain (analyze, format json) ${sql}`,
          values,
        )
        for (const { 'QUERY PLAN': found } of rows) plans.push(...found.map(({ Plan }) => Plan))
      }
      return session.query(sql, values, how)
    },
  }
}

t.test('one change in a list that was filled just now is looked up by itself', async (t) => {
  const w = await world(t)
  const records = Array.from({ length: many }, (_, at): Facts => ({ value: `d${at}.example` }))
  await w.fetch(records)
  const database = await openDatabase({ connection: { ...w.database.connection }, log })
  t.teardown(() => database.close())
  const now = new Date()
  await w.store.refreshFeed(definition({ name: 'first' }), { now })
  // As autovacuum does: of the feed that comes next, the planner knows nothing from now on.
  await database.execute('vacuum (analyze) feed_member, indicator')
  const second = definition({ name: 'second', minScore: 1 })
  await w.store.refreshFeed(second, { now })
  await w.fetch([{ value: 'd7.example', confidence: 50 }])
  const plans: Node[] = []
  const state = await database.transaction(
    (session) => refresh(explained(session, plans), second, { now, accept: false }),
    { isolation: 'repeatable read' },
  )
  t.match(state, { entries: many, settled: true })
  t.ok(plans.length >= 2, `${plans.length} queries were explained`)
  const read = plans.reduce((sum, plan) => sum + rowsOf('feed_member', plan), 0)
  t.ok(read < 10, `${read} members were looked at`)
})

t.test('a list with a limit that takes the best of many does not look at the others', async (t) => {
  const w = await world(t)
  await w.fetch(
    Array.from({ length: many }, (_, at): Facts => ({ value: `d${at}.example`, confidence: at % 100 })),
  )
  const database = await openDatabase({ connection: { ...w.database.connection }, log })
  t.teardown(() => database.close())
  const best = definition({ name: 'best', limit: 20, minConfidence: 10 })
  await w.store.refreshFeed(best, { now: new Date() })
  await database.execute('vacuum (analyze) feed_member, indicator')
  await w.fetch([{ value: 'd7.example', confidence: 50 }])
  const plans: Node[] = []
  const state = await database.transaction(
    (session) => refresh(explained(session, plans), best, { now: new Date(), accept: false }),
    { isolation: 'repeatable read' },
  )
  t.match(state, { entries: 20 })
  const sorted = plans.filter((plan) => JSON.stringify(plan).includes('"Sort Key":["i.rank DESC"'))
  t.strictSame(sorted, [], 'nothing is sorted: they come in their order')
  const ordered = plans.filter((plan) => JSON.stringify(plan).includes('"Index Name":"indicator_by_rank"'))
  t.ok(ordered.length > 0, 'by an index that has it')
})

t.test('a page of a collection looks at its own objects', async (t) => {
  const w = await world(t)
  await w.fetch(Array.from({ length: many }, (_, at): Facts => ({ value: `d${at}.example` })))
  const database = await openDatabase({ connection: { ...w.database.connection }, log })
  t.teardown(() => database.close())
  const now = new Date()
  await w.store.refreshFeed(definition({ name: 'first' }), { now })
  const plans: Node[] = []
  const publications = publicationStore({ ...database, ...explained(database, plans) }, renderForCollections)
  let done = false
  while (!done) done = (await publications.publish('first', now)).done
  await database.execute('vacuum (analyze) publication, stix_object')
  plans.length = 0
  const page = await publications.publishedObjects('first', { tlp: 2, limit: 100 })
  t.equal(page.count, 100)
  const read = plans.reduce((sum, plan) => sum + rowsOf('stix_object', plan), 0)
  t.ok(read > 0 && read <= 101, `${read} versions were looked at`)
})
