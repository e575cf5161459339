/** Tickets as they come from a desk. */
import type { TakenTicket } from '../../poll-store.ts'
import type { TicketStore } from '../../ticket-store.ts'
import { inSlices, packed } from '../arrays.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import type { Queryable } from '../queryable.ts'
import { columnJson } from '../values.ts'
import { bridgeNumber } from './bridge-row.ts'
import { fold, isOlder, type KnownTicket, type NotedVersion, storable } from './inbox-fold.ts'
import { holdPoll, mostListed, pollNow } from './poll-row.ts'
import { tallySql } from './tally.ts'
import { stirSql } from './ticket-row.ts'

export function inbox(database: Database): Pick<TicketStore, 'takeTickets' | 'takeRead'> {
  return {
    async takeTickets({ poll, claim, unreadable, now, ...page }) {
      const tickets = page.tickets.map(storable)
      return database.transaction(async (transaction) => {
        const held = await holdPoll(transaction, poll, claim)
        const place = { bridge: held.bridge, poll, now }
        const { created, known } = await make(transaction, place, tickets)
        const { versions, changed, stored, unchanged } = fold(tickets, known, created)
        await change(transaction, place, [...changed.values()])
        const createdIds = [...created].map(({ id }) => id)
        const news = new Set([...createdIds, ...changed.keys()])
        await see(
          transaction,
          place,
          [...known.keys()].filter((id) => !news.has(id)),
        )
        await note(transaction, place, versions)
        await transaction.execute(countSql, [
          poll,
          tickets.length + unreadable.length,
          stored,
          unchanged,
          unreadable.length,
          columnJson([...held.unreadable, ...unreadable].slice(0, mostListed)),
        ])
        return { poll: await pollNow(transaction, poll), changed: [...news] }
      }, patient)
    },

    async takeRead(name, read, now) {
      const bridge = await bridgeNumber(database, name)
      const ticket: TakenTicket = { ...storable(read), version: '' }
      return database.transaction(async (transaction) => {
        const place = { bridge, poll: null, now }
        const { created, known } = await make(transaction, place, [ticket])
        if (created.size > 0) return true
        const before = known.get(ticket.id)
        const isSame = before?.hash === ticket.hash || isOlder(ticket.updatedAt, before?.updatedAt ?? null)
        if (isSame) await see(transaction, place, [ticket.id])
        else await change(transaction, place, [{ ticket, revisions: 1 }])
        return !isSame
      })
    },
  }
}

interface Place {
  /** Its number. */
  readonly bridge: number
  /** null: the tickets did not come with one. */
  readonly poll: string | null
  readonly now: Date
}

/**
 * Stores those that are new, as they are first in the list, and locks the others: new ones first, so that nobody who waits
 * for one of them here has a ticket that this transaction would wait for.
 */
async function make(transaction: Transaction, place: Place, tickets: readonly TakenTicket[]) {
  const ids = [...new Set(tickets.map(({ id }) => id))].sort()
  const there = new Set(
    (
      await transaction.query<{ id: string }>('select id from ticket where bridge = $1 and id = any($2)', [
        place.bridge,
        ids,
      ])
    ).map(({ id }) => id),
  )
  const firsts = new Map<string, TakenTicket>()
  for (const ticket of tickets) if (!firsts.has(ticket.id)) firsts.set(ticket.id, ticket)
  const unknown = ids.flatMap((id) => (there.has(id) ? [] : (firsts.get(id) ?? [])))
  const createdIds = new Set<string>()
  await inSlices(
    unknown,
    (slice) =>
      rowsOf(
        place,
        slice.map((ticket) => ({ ticket, revisions: 1 })),
      ),
    async (values) => {
      for (const { id } of await transaction.query<{ id: string }>(createSql, values)) createdIds.add(id)
    },
  )
  const created = new Set(unknown.filter(({ id }) => createdIds.has(id)))
  const locked = await lock(
    transaction,
    place,
    ids.filter((id) => !createdIds.has(id)),
  )
  return { created, known: new Map<string, KnownTicket>([...locked, ...[...created].map(withId)]) }
}

const withId = (ticket: TakenTicket) => [ticket.id, ticket] as const

async function lock(session: Queryable, { bridge }: Place, ids: readonly string[]) {
  if (ids.length === 0) return []
  const rows = await session.query<KnownTicket & { readonly id: string }>(
    `select id, hash, updated_at as "updatedAt" from ticket where bridge = $1 and id = any($2)
     order by id for no key update`,
    [bridge, ids],
  )
  return rows.map((row) => [row.id, row] as const)
}

interface Content {
  readonly ticket: TakenTicket
  readonly revisions: number
}

/** For the statements with `told`. */
function rowsOf({ bridge, poll, now }: Place, contents: readonly Content[]): readonly unknown[] {
  const raws = packed(contents.map(({ ticket }) => JSON.stringify(ticket.raw)))
  const rows = contents.map(({ ticket: { id, hash, status, title, updatedAt }, revisions }, n) => ({
    ...{ n, id, hash, status, title, updated_at: updatedAt, revisions },
    ...raws.places[n],
  }))
  return [bridge, poll, now, JSON.stringify(rows), raws.bytes]
}

const told = `(
  select n, id, hash, status, title, updated_at, revisions,
    convert_from(substring($5::bytea from at for length), 'UTF8') as raw
  from json_to_recordset($4::json) as r (n integer, id text, hash text, status text, title text,
    updated_at timestamptz, revisions integer, at integer, length integer)) r`

const createSql = `
with created as (
  insert into ticket (bridge, poll, id, raw, hash, status, title, updated_at, first_seen_at, last_seen_at, changed_at, due_at)
  select $1::smallint, $2::uuid, id, raw, hash, status, title, updated_at, $3::timestamptz, $3::timestamptz, $3::timestamptz, $3::timestamptz from ${told} order by n
  on conflict (bridge, id) do nothing
  returning bridge, id),
tally as (${tallySql(`select bridge, 'ticket' as what, 'pending' as state, 1 as n from created`)})
select id from created`

const changeSql = `
update ticket t set poll = $2::uuid, raw = r.raw, hash = r.hash, status = r.status, title = r.title,
  updated_at = r.updated_at, revision = revision + r.revisions, last_seen_at = $3, changed_at = $3, ${stirSql('$3::timestamptz')}
from ${told} where t.bridge = $1 and t.id = r.id`

/** @param contents of tickets that are locked */
async function change(transaction: Transaction, place: Place, contents: readonly Content[]): Promise<void> {
  await inSlices(
    contents,
    (slice) => rowsOf(place, slice),
    (values) => transaction.execute(changeSql, values),
  )
}

async function see(transaction: Transaction, { bridge, now }: Place, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  await transaction.execute('update ticket set last_seen_at = $3 where bridge = $1 and id = any($2)', [
    bridge,
    ids,
    now,
  ])
}

/** One that was acknowledged and comes again was not acknowledged for the desk. */
async function note(
  transaction: Transaction,
  { bridge, now }: Place,
  versions: readonly NotedVersion[],
): Promise<void> {
  if (versions.length === 0) return
  const distinct = new Map(versions.map((each) => [JSON.stringify([each.id, each.version]), each]))
  const rows = [...distinct.values()].map(({ id, version, status, updatedAt, outdated }, n) => ({
    ...{ n, id, version, status, updated_at: updatedAt, outdated },
  }))
  await transaction.execute(
    `insert into ticket_version as v (bridge, ticket, version, received_at, status, updated_at, outdated)
     select $1::smallint, id, version, $2::timestamptz, status, updated_at, outdated
     from json_to_recordset($3::json) as r (n integer, id text, version text, status text, updated_at timestamptz,
       outdated boolean)
     order by n
     on conflict (bridge, ticket, version) do update set received_at = excluded.received_at,
       acknowledged_at = null, ack_code = null, outdated = excluded.outdated, position = default
     where v.acknowledged_at is not null`,
    [bridge, now, columnJson(rows)],
  )
}

const countSql = `
update poll set pages = pages + 1, received = received + $2, stored = stored + $3, unchanged = unchanged + $4,
  unreadable_count = unreadable_count + $5, unreadable = $6 where id = $1`
