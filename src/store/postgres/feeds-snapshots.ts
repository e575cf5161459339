/** The last good bytes of feeds: made by one process at a time, read piece by piece by all of them. */
import type {
  BuildOptions,
  Encoding,
  FeedDefinition,
  NewSnapshot,
  Snapshot,
  SnapshotWriter,
} from '../feed-store.ts'
import { openEntries } from './feeds-entries.ts'
import type { LookMemory } from './feeds-look.ts'
import type { Queryable } from './queryable.ts'
import { timeOf } from './values.ts'

/** Of one feed; those that nobody asked for the longest go. */
const mostVariants = 64
/** Bytes that were replaced stay for those who are reading them: so many minutes, and so many of them. */
const keptMinutes = 10
const keptBodies = 4

interface SnapshotRow {
  readonly id: number
  readonly feed: number
  readonly variant: string
  readonly body: number | null
  readonly seq: number
  readonly digest: string
  readonly generated_at: string
  readonly modified_at: string
  readonly entries: number
  readonly dropped: number
  readonly truncated: number
  readonly sizes: Record<Encoding, number>
}

const columns =
  's.id, s.feed, s.variant, s.body, s.seq, s.digest, s.generated_at, s.modified_at, s.entries, s.dropped, s.truncated, s.sizes'

function snapshotOf(row: SnapshotRow | undefined): Snapshot | undefined {
  if (row === undefined || row.body === null) return undefined
  const { body, variant, seq, digest, entries, dropped, truncated, sizes } = row
  return {
    body,
    variant,
    seq,
    digest,
    generatedAt: row.generated_at,
    modifiedAt: row.modified_at,
    entries,
    dropped,
    truncated,
    sizes,
  }
}

export async function readSnapshot(
  session: Queryable,
  feed: string,
  variant: string,
): Promise<Snapshot | undefined> {
  const [row] = await session.query<SnapshotRow>(
    `select ${columns} from feed_snapshot s join feed f on f.id = s.feed where f.name = $1 and s.variant = $2`,
    [feed, variant],
  )
  return snapshotOf(row)
}

/**
 * In a transaction that sees one moment of the store. The snapshot's row lock makes one process at a time do it;
 * whoever waited for it is told to start anew (40001), and then finds what the other made.
 */
export async function build(
  transaction: Queryable,
  definition: FeedDefinition,
  options: BuildOptions,
  make: (writer: SnapshotWriter) => Promise<NewSnapshot>,
  looks: LookMemory,
): Promise<Snapshot | undefined> {
  const session = oneByOne(transaction)
  // Whatever is lost with the machine is made once more.
  await session.execute('set local synchronous_commit = off')
  const row = await lockSnapshot(session, definition.name, options)
  if (row === undefined) return undefined
  const entries = await openEntries(session, definition, options, looks)
  if (entries === undefined) return undefined
  const { state } = entries.about
  if (row.body !== null && row.seq >= state.changedSeq) return snapshotOf(row)
  const body = await newBody(session, row.id)
  const made = await make({
    ...entries,
    async write(encoding, position, bytes) {
      await session.execute(
        'insert into feed_body_chunk (body, encoding, position, bytes) values ($1, $2, $3, $4)',
        [body, encoding, position, bytes],
      )
    },
  })
  const same = made.digest === row.digest && row.body !== null
  const written = { ...row, body, seq: state.seq, ...made, generated_at: timeOf(options.now) }
  const modified_at = same ? row.modified_at : written.generated_at
  await session.execute(
    `update feed_snapshot set body = $2, seq = $3, digest = $4, generated_at = $5, modified_at = $6, entries = $7,
       dropped = $8, truncated = $9, sizes = $10, used_at = greatest(used_at, $5) where id = $1`,
    [
      row.id,
      body,
      state.seq,
      made.digest,
      written.generated_at,
      modified_at,
      made.entries,
      made.dropped,
      made.truncated,
      JSON.stringify(made.sizes),
    ],
  )
  await dropOld(session, row, body, options.now)
  return snapshotOf({ ...written, modified_at })
}

/** Entries are read while bytes are written, and a connection takes one statement at a time. */
function oneByOne(session: Queryable): Queryable {
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = <T>(statement: () => Promise<T>): Promise<T> => {
    const turn = last.then(statement, statement)
    last = turn
    return turn
  }
  return {
    query: (sql, values) => inTurn(() => session.query(sql, values)),
    execute: (sql, values) => inTurn(() => session.execute(sql, values)),
  }
}

async function lockSnapshot(
  session: Queryable,
  feed: string,
  { variant, now }: BuildOptions,
): Promise<SnapshotRow | undefined> {
  const lock = `select ${columns} from feed_snapshot s join feed f on f.id = s.feed
    where f.name = $1 and s.variant = $2 for update of s`
  const [row] = await session.query<SnapshotRow>(lock, [feed, variant])
  if (row !== undefined) return row
  await session.execute(
    `insert into feed_snapshot (feed, variant, generated_at, modified_at, used_at)
     select id, $2, $3, $3, $3 from feed where name = $1 on conflict do nothing`,
    [feed, variant, now],
  )
  const [made] = await session.query<SnapshotRow>(lock, [feed, variant])
  return made
}

async function newBody(session: Queryable, snapshot: number): Promise<number> {
  const [row] = await session.query<{ id: number }>(
    'insert into feed_body (snapshot) values ($1) returning id',
    [snapshot],
  )
  if (row === undefined) throw new Error('an insert gave no row')
  return row.id
}

async function dropOld(session: Queryable, row: SnapshotRow, body: number, now: Date): Promise<void> {
  await session.execute(
    'update feed_body set replaced_at = $3 where snapshot = $1 and id <> $2 and replaced_at is null',
    [row.id, body, now],
  )
  await session.execute(
    `delete from feed_body where snapshot = $1 and id <> $2 and (
       replaced_at < $3::timestamptz - make_interval(mins => ${keptMinutes})
       or id not in (select id from feed_body where snapshot = $1 order by id desc limit ${keptBodies + 1}))`,
    [row.id, body, now],
  )
  await session.execute(
    `delete from feed_snapshot where feed = $1 and id <> $2 and id in (
       select id from feed_snapshot where feed = $1 order by used_at desc, id desc offset ${mostVariants})`,
    [row.feed, row.id],
  )
}

export async function readChunk(
  session: Queryable,
  body: number,
  encoding: Encoding,
  position: number,
): Promise<Buffer | undefined> {
  const [row] = await session.query<{ bytes: Buffer }>(
    'select bytes from feed_body_chunk where body = $1 and encoding = $2 and position = $3',
    [body, encoding, position],
  )
  return row?.bytes
}
