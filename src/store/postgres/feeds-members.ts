/** What is in a feed: brought up to the head of the change log, in one transaction. */
import type { FeedDefinition, FeedHeld, FeedState } from '../feed-store.ts'
import {
  applyFirst,
  applyStep,
  applyWhole,
  type Difference,
  type FeedRow,
  type Log,
  leftOut,
  stepDifference,
  touched,
  type Work,
  wholeDifference,
} from './feeds-difference.ts'
import { definitionHash } from './feeds-filter.ts'
import { only, type Queryable } from './queryable.ts'

export const feedColumns =
  'f.id, f.name, f.definition, f.seq, f.changed_seq, f.base_seq, f.base_entries, f.entries, f.truncated, f.changed_at, f.held'

export function stateOf(row: FeedRow): FeedState {
  return {
    name: row.name,
    seq: row.seq,
    changedSeq: row.changed_seq,
    entries: row.entries,
    truncated: row.truncated,
    changedAt: row.changed_at,
    settled: row.base_seq === row.seq,
    held: row.held,
  }
}

export interface RefreshOptions {
  readonly now: Date
  /** The list may lose anything, this once. */
  readonly accept: boolean
}

/** A look without a lock: the state, where nothing is to be done. */
export async function upToDate(
  session: Queryable,
  definition: FeedDefinition,
): Promise<{ readonly state?: FeedState; readonly stuck: boolean }> {
  const [row] = await session.query<FeedRow & { head: number; running: boolean }>(
    `select ${feedColumns}, c.seq as head, ${runningSql('$2')} as running from feed f, clock c where f.name = $1`,
    [definition.name, definition.sources],
  )
  if (row === undefined) return { stuck: false }
  const same = row.definition === definitionHash(definition)
  const atHead = row.seq === row.head
  const settled = row.running || row.base_seq === row.seq
  if (same && atHead && settled && row.held === null) return { state: stateOf(row), stuck: false }
  return { stuck: !same && atHead }
}

function runningSql(sources: string): string {
  return `exists (select 1 from run r join source s on s.id = r.source
    where r.status = 'running' and (cardinality(${sources}::text[]) = 0 or s.name = any(${sources}::text[])))`
}

/**
 * In a transaction that sees one moment of the store: its row lock makes one process at a time do it, and whoever
 * waited for it is told to start anew (40001).
 */
export async function refresh(
  session: Queryable,
  definition: FeedDefinition,
  options: RefreshOptions,
): Promise<FeedState> {
  const row = await lockFeed(session, definition.name)
  // A big list is sorted in memory, and compared with the one that is there.
  await session.execute(`set local work_mem = '64MB'`)
  const work = { session, definition, row, state: stateOf(row), log: await readLog(session, definition) }
  const sameList = row.definition === definitionHash(definition)
  const mayHold = sameList && !options.accept
  const { seq } = work.state
  if (seq === 0) return fill(work, options)
  const whole = !sameList || seq < work.log.horizon
  if (whole || (definition.limit > 0 && (await touched(work)))) {
    return settle(work, options, mayHold, await wholeDifference(work), () => applyWhole(work))
  }
  return settle(work, options, mayHold, await stepDifference(work), () => applyStep(work))
}

/** A feed that never had anything: there is nothing to compare with. */
async function fill(work: Work, options: RefreshOptions): Promise<FeedState> {
  const entries = await applyFirst(work)
  const truncated = await leftOut(work, entries)
  return record(work, options, { entries, truncated, lost: 0, lostOfBase: 0, changes: entries })
}

async function lockFeed(session: Queryable, name: string): Promise<FeedRow> {
  const lock = `select ${feedColumns} from feed f where f.name = $1 for update`
  const [locked] = await session.query<FeedRow>(lock, [name])
  if (locked !== undefined) return locked
  await session.execute('insert into feed (name) values ($1) on conflict do nothing', [name])
  const [made] = await session.query<FeedRow>(lock, [name])
  if (made === undefined) throw new Error(`the row of the feed ${name} can't be made`)
  return made
}

async function readLog(session: Queryable, { sources }: FeedDefinition): Promise<Log> {
  return only<Log>(
    session,
    `select c.seq as head, c.horizon, ${runningSql('$1')} as running, ${failingSql('$1')} as failing from clock c`,
    [sources],
  )
}

/** Whether the last fetch of a source `s` that has ended failed. */
export const failed = `'failed' = (select r.status from run r where r.source = s.id and r.status <> 'running'
  order by r.started_at desc, r.id limit 1)`

function failingSql(sources: string): string {
  return `exists (select 1 from source s
    where (cardinality(${sources}::text[]) = 0 or s.name = any(${sources}::text[])) and ${failed})`
}

/** Keeps the list that is there where the next would lose too much; else makes the next one the list. */
async function settle(
  work: Work,
  options: RefreshOptions,
  mayHold: boolean,
  next: Difference,
  apply: () => Promise<unknown>,
): Promise<FeedState> {
  const { row, definition, state } = work
  const held = mayHold ? holdReason(definition, row, next, options.now) : undefined
  if (held !== undefined) {
    if (JSON.stringify(held) !== JSON.stringify(row.held)) {
      await work.session.execute('update feed set held = $2 where id = $1', [row.id, JSON.stringify(held)])
    }
    return { ...state, held }
  }
  if (next.changes > 0) await apply()
  return record(work, options, next)
}

/** The list that is held stays what the next one is compared with, so that it is let go once the next recovers. */
function holdReason(
  { shrinkGuard: guard }: FeedDefinition,
  row: FeedRow,
  next: Difference,
  now: Date,
): FeedHeld | undefined {
  const entries = row.entries
  const base = row.base_entries
  const tooMuch = exceeds(next.lost, entries, guard)
  if (!tooMuch && !exceeds(next.lostOfBase, base, guard)) return undefined
  const [lost, of] = tooMuch ? [next.lost, entries] : [next.lostOfBase, base]
  const share = Math.floor((lost / of) * 1000) / 10
  const since = tooMuch ? '' : ' since the last fetch'
  const reason = `the next list lacks ${lost} of ${of} entries${since} (${share} %); shrinkGuard lets it lose ${Math.round(guard * 1000) / 10} %`
  return { since: row.held?.since ?? now.toISOString(), entries, next: next.entries, lost, guard, reason }
}

/** More than the guard's share; a little room for what binary fractions can't say. */
function exceeds(lost: number, of: number, guard: number): boolean {
  return of > 0 && guard < 1 && lost / of > guard + 1e-9
}

async function record(work: Work, { now }: RefreshOptions, next: Difference): Promise<FeedState> {
  const { session, definition, row, log } = work
  const [written] = await session.query<FeedRow>(
    `update feed f set definition = $2, seq = $3, entries = $4, truncated = $5, held = null,
       changed_seq = case when $6 then $3 else changed_seq end,
       changed_at = case when $6 then $7 else changed_at end,
       base_seq = case when $8 then base_seq else $3 end,
       base_entries = case when $8 then base_entries else $4 end
     where id = $1 returning ${feedColumns}`,
    [
      row.id,
      definitionHash(definition),
      log.head,
      next.entries,
      next.truncated,
      next.changes > 0,
      now,
      log.running && row.definition === definitionHash(definition),
    ],
  )
  if (written === undefined) throw new Error(`the row of the feed ${definition.name} is gone`)
  if (next.entries !== row.entries) {
    await session.execute(
      `insert into feed_size (feed, at, entries) values ($1, date_trunc('minute', $2::timestamptz), $3)
       on conflict (feed, at) do update set entries = excluded.entries`,
      [row.id, now, next.entries],
    )
  }
  return stateOf(written)
}
