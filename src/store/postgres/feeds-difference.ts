/** What a feed's list would become, and the statements that make it so. */
import type { FeedDefinition, FeedHeld, FeedState } from '../feed-store.ts'
import { filterSql } from './feeds-filter.ts'
import { type Parameters, parameters } from './parameters.ts'
import { only, type Queryable } from './queryable.ts'

export interface FeedRow {
  readonly id: number
  readonly name: string
  readonly definition: string
  readonly seq: number
  readonly changed_seq: number
  readonly base_seq: number
  readonly base_entries: number
  readonly entries: number
  readonly truncated: number
  /** RFC 3339. */
  readonly changed_at: string | null
  readonly held: FeedHeld | null
}

export interface Log {
  readonly head: number
  readonly horizon: number
  /** Whether a fetch of a source of the feed is under way. */
  readonly running: boolean
  /** Whether the last fetch of one of them failed. */
  readonly failing: boolean
}

/** What the list would become. */
export interface Difference {
  readonly entries: number
  readonly truncated: number
  /** Entries of the list that the next one lacks, for the guard: what expired by itself is none (`dueSql`). */
  readonly lost: number
  /** The same of the list that the guard compares with while a fetch is under way. */
  readonly lostOfBase: number
  /** Entries that came, changed or left. */
  readonly changes: number
}

export interface Work {
  readonly session: Queryable
  readonly definition: FeedDefinition
  readonly row: FeedRow
  readonly state: FeedState
  readonly log: Log
}

// Step by step: what the change log touched since

/**
 * Whether a removal `c` is one whose time had come, which the guard lets pass: it was to leave. Not so while a source
 * fails, since then everything comes to its end unseen.
 */
function dueSql({ log }: Work): string {
  if (log.failing) return 'false'
  return `coalesce(substring(c.body from '"expiresAt":"([^"]*)"')::timestamptz <= c.at, false)`
}

/** Each indicator that was touched since, with the position of that, and whether it belongs into the list. */
function touchedSql(work: Work, given: Parameters): string {
  const from = given.add(work.state.seq)
  return `touched as (
    select i.key, i.seq, (${filterSql(work.definition, given)}) as fits, false as due,
        -i.rank as place, i.type, i.value
      from indicator i where i.seq > ${from}
    union all
    (select distinct on (c.key) c.key, c.seq, false, ${dueSql(work)}, null, null, null from change c
      where c.seq > ${from} and c.op = 2 and not exists (select 1 from indicator i where i.key = c.key)
      order by c.key, c.seq desc))`
}

/**
 * What the list has of each that was touched, looked up one by one: what the planner knows of a feed that was filled
 * since it counted last is that it is empty, and it would read all of it for a handful that was touched.
 */
const memberOfTouched = `left join lateral (
  select * from feed_member where feed = $1 and key = t.key offset 0) m on true`

/** Whether anything in the list, or that fits it, was touched at all; of what the limit leaves out the number counts. */
export async function touched(work: Work): Promise<boolean> {
  const given = parameters(work.row.id)
  const cut = work.state.truncated > 0
  const { some } = await only<{ some: boolean }>(
    work.session,
    `with ${touchedSql(work, given)}
     select exists (select 1 from touched t ${memberOfTouched}
       where t.fits or m.present ${cut ? 'or true' : ''}) as some`,
    given.values,
  )
  return some
}

export async function stepDifference(work: Work): Promise<Difference> {
  const { row, state } = work
  const given = parameters(row.id, row.base_seq)
  const counted = await only<Record<'gained' | 'gone' | 'lost' | 'changed' | 'lost_of_base', number>>(
    work.session,
    `with ${touchedSql(work, given)}
     select count(*) filter (where t.fits and m.present is not true) as gained,
       count(*) filter (where m.present and not t.fits) as gone,
       count(*) filter (where m.present and not t.fits and not t.due) as lost,
       count(*) filter (where m.present and t.fits) as changed,
       count(*) filter (where m.present and not t.fits and not t.due and m.entered <= $2)
         - count(*) filter (where not m.present and m.seq > $2 and m.entered <= $2 and t.fits) as lost_of_base
     from touched t ${memberOfTouched}`,
    given.values,
  )
  const { gained, gone } = counted
  return {
    entries: state.entries + gained - gone,
    truncated: state.truncated,
    lost: counted.lost,
    lostOfBase: counted.lost_of_base + (await lostBefore(work)),
    changes: gained + gone + counted.changed,
  }
}

/** Entries of the guard's list that left in steps that were let through. */
async function lostBefore(work: Work): Promise<number> {
  const { session, row, state } = work
  if (row.base_seq >= state.seq) return 0
  const counted = await only<{ lost: number }>(
    session,
    `select count(*) as lost from feed_member m
     where m.feed = $1 and m.seq > $2 and m.entered <= $2 and not m.present
       and not exists (select 1 from change c where c.seq = m.seq and c.op = 2 and ${dueSql(work)})`,
    [row.id, row.base_seq],
  )
  return counted.lost
}

/** What comes back in the course of a fetch counts as never gone. */
const enteredSql = (base: string) =>
  `entered = case when feed_member.present or (feed_member.entered <= ${base} and feed_member.seq > ${base})
     then feed_member.entered else excluded.entered end`

/** Type and value are in the key: they never change. */
const onConflict = (base: string) =>
  `on conflict (feed, key) do update set seq = excluded.seq, place = excluded.place, present = excluded.present,
     ${enteredSql(base)}`

/** Of what has left the store, as the list had it. */
const lastKnown = (now: string) =>
  ['place', 'type', 'value'].map((column) => `coalesce(${now}.${column}, m.${column})`).join(', ')

export async function applyStep(work: Work): Promise<void> {
  const given = parameters(work.row.id, work.row.base_seq)
  await work.session.execute(
    `with ${touchedSql(work, given)}
     insert into feed_member (feed, key, seq, entered, place, type, value, present)
     select $1, t.key, t.seq, t.seq, ${lastKnown('t')}, t.fits from touched t
       ${memberOfTouched} where t.fits or m.present
     ${onConflict('$2')}`,
    given.values,
  )
}

// As a whole

function desiredSql({ definition }: Work, given: Parameters, more = ''): string {
  const best = definition.limit > 0 ? `order by i.rank desc, i.key limit ${given.add(definition.limit)}` : ''
  return `desired as materialized (
    select i.key, i.seq${more} from indicator i where ${filterSql(definition, given)} ${best})`
}

const shown = ', -i.rank as place, i.type, i.value'

/** Beside each other: what the list has (or had) and what it should have. */
const bothSql = `desired d full join (select * from feed_member where feed = $1) m on m.key = d.key`
const differsSql = `((d.key is null and m.present) or (d.key is not null and (m.present is not true or d.seq > m.seq)))`

const isDue = 'm.key in (select key from due)'

export async function wholeDifference(work: Work): Promise<Difference> {
  const given = parameters(work.row.id, work.row.base_seq)
  const counted = await only<Record<'entries' | 'lost' | 'lost_of_base' | 'changes', number>>(
    work.session,
    `with ${desiredSql(work, given)}, due as (
       select c.key from change c where c.seq > $2 and c.op = 2 and ${dueSql(work)}
         and not exists (select 1 from indicator i where i.key = c.key))
     select count(d.key) as entries,
       count(*) filter (where d.key is null and m.present and not ${isDue}) as lost,
       count(*) filter (where d.key is null and m.entered <= $2 and (m.present or m.seq > $2) and not ${isDue})
         as lost_of_base,
       count(*) filter (where ${differsSql}) as changes
     from ${bothSql}`,
    given.values,
  )
  const { entries } = counted
  return {
    entries,
    truncated: await leftOut(work, entries),
    lost: counted.lost,
    lostOfBase: counted.lost_of_base,
    changes: counted.changes,
  }
}

/** How many the limit leaves out. */
export async function leftOut({ session, definition }: Work, entries: number): Promise<number> {
  if (definition.limit === 0 || entries < definition.limit) return 0
  const given = parameters()
  const counted = await only<{ all: number }>(
    session,
    `select count(*) as all from indicator i where ${filterSql(definition, given)}`,
    given.values,
  )
  return counted.all - entries
}

/**
 * What was touched since has its own position; what came or left for another reason has the head's.
 * @returns entries that came, changed or left
 */
export async function applyWhole(work: Work): Promise<number> {
  const given = parameters(work.row.id, work.row.base_seq, work.state.seq, work.log.head)
  return work.session.execute(
    `with ${desiredSql(work, given, shown)}
     insert into feed_member (feed, key, seq, entered, place, type, value, present)
     select $1, key, seq, seq, place, type, value, present from (
       select coalesce(d.key, m.key) as key, d.key is not null as present,
         case when d.seq > $3 then d.seq else $4 end as seq, ${lastKnown('d')}
       from ${bothSql} where ${differsSql}) next (key, present, seq, place, type, value)
     ${onConflict('$2')}`,
    given.values,
  )
}

/**
 * Of a feed that never had anything: what came has its own position. In the order in which it is read: lists are then
 * read from front to back.
 * @returns entries
 */
export async function applyFirst({ session, row, definition }: Work): Promise<number> {
  const given = parameters(row.id)
  const where = filterSql(definition, given)
  const limit = definition.limit > 0 ? `limit ${given.add(definition.limit)}` : ''
  return session.execute(
    `insert into feed_member (feed, key, seq, entered, place, type, value, present)
     select $1, i.key, i.seq, i.seq, -i.rank, i.type, i.value, true from indicator i
     where ${where} order by i.rank desc, i.key ${limit}`,
    given.values,
  )
}
