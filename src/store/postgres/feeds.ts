/** What the store keeps of feeds, in PostgreSQL. */
import type { FeedState, FeedStore, FeedsPosition } from '../feed-store.ts'
import { type Database, patient } from './database.ts'
import type { FeedRow } from './feeds-difference.ts'
import { openEntries } from './feeds-entries.ts'
import { lookMemory } from './feeds-look.ts'
import { failed, feedColumns, refresh, stateOf, upToDate } from './feeds-members.ts'
import { build, readChunk, readSnapshot } from './feeds-snapshots.ts'
import { keyOf } from './keys.ts'
import { removeAll, removedAtOnce } from './remove.ts'

/** Big lists are sorted and read in one transaction. */
const oneMoment = { ...patient, isolation: 'repeatable read' } as const

export function feedStore(database: Database): FeedStore {
  const looks = lookMemory()
  return {
    async feedsPosition() {
      const [position] = await database.query<FeedsPosition>(
        `select (select seq from clock) as head,
           array(select s.name from run r join source s on s.id = r.source where r.status = 'running') as running,
           array(select name from source where fetched) as fetched,
           array(select s.name from source s where ${failed} order by s.name) as failing,
           array(select name from feed where held is not null) as held`,
      )
      if (position === undefined) throw new Error('the store gave no row where there always is one')
      return position
    },

    async registerFeeds(definitions) {
      const names = definitions.map(({ name }) => name)
      await database.execute(
        // Each row that is tried takes a number, and there are 32,767 of them: at every start of every server.
        `insert into feed (name) select unnest($1::text[]) except select name from feed
         on conflict (name) do nothing`,
        [names],
      )
      await database.transaction(async (session) => {
        const gone = await session.query<{ id: number }>(
          'delete from feed where name <> all($1::text[]) returning id',
          [names],
        )
        // Whoever was at work on one has committed by now, and nobody finds it any more.
        const ids = gone.map(({ id }) => id)
        if (ids.length > 0) await session.execute('delete from feed_member where feed = any($1)', [ids])
      }, patient)
    },

    async refreshFeed(definition, { now, accept = false }): Promise<FeedState> {
      const look = await upToDate(database, definition)
      if (look.state !== undefined && !accept) return look.state
      // Another list at the same position: it gets a position of its own, which no reader has passed yet.
      if (look.stuck) await database.execute('update clock set seq = seq + 1')
      return database.transaction((session) => refresh(session, definition, { now, accept }), oneMoment)
    },

    async feedStates() {
      const rows = await database.query<FeedRow>(`select ${feedColumns} from feed f where f.definition <> ''`)
      return rows.map(stateOf)
    },

    async feedsWith(id) {
      const rows = await database.query<{ name: string }>(
        `select f.name from feed f where exists (
           select 1 from feed_member m where m.feed = f.id and m.key = $1 and m.present)`,
        [keyOf(id)],
      )
      return rows.map(({ name }) => name)
    },

    readFeed: (definition, query, read) =>
      database.transaction(async (session) => {
        const entries = await openEntries(session, definition, query, looks)
        return entries === undefined ? undefined : read(entries.about, entries.pages)
      }, oneMoment),

    snapshot: (feed, variant) => readSnapshot(database, feed, variant),

    buildSnapshot: (definition, options, make) =>
      database.transaction((session) => build(session, definition, options, make, looks), oneMoment),

    snapshotChunk: (body, encoding, position) => readChunk(database, body, encoding, position),

    async touchSnapshot(feed, variant, now) {
      await database.execute(
        `update feed_snapshot s set used_at = $3 from feed f
         where f.id = s.feed and f.name = $1 and s.variant = $2 and s.used_at < $3`,
        [feed, variant, now],
      )
    },

    feedSizes: (feed, since) =>
      database.query(
        `select distinct on (date_trunc('hour', z.at)) z.at, z.entries
         from feed_size z join feed f on f.id = z.feed
         where f.name = $1 and z.at >= $2 order by date_trunc('hour', z.at), z.at desc`,
        [feed, since],
      ),

    // What TAXII has not published yet is still needed there.
    pruneFeeds: () =>
      removeAll(
        database,
        `delete from feed_member where (feed, key) in (
           select m.feed, m.key from feed_member m, clock c where not m.present and m.seq <= c.horizon
             and m.seq <= coalesce((select p.seq from collection p where p.feed = m.feed), c.horizon)
           limit ${removedAtOnce})`,
        [],
      ),
  }
}
