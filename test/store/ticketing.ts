/** A store with a bridge, the tickets that it takes, and whoever works at them. */
import assert from 'node:assert/strict'
import { pino } from 'pino'
import type { TakenTicket } from '../../src/store/poll-store.ts'
import { type Database, openDatabase } from '../../src/store/postgres/database.ts'
import { openPostgresStore } from '../../src/store/postgres/index.ts'
import type { EffectChange, Step, TicketStore, Work } from '../../src/store/ticket-store.ts'
import type { Effect, NewEffect } from '../../src/store/tickets.ts'
import { freshDatabase } from './database.ts'

export const silent = pino({ level: 'silent' })

type Test = Parameters<typeof freshDatabase>[0]

export const start = new Date('2026-01-01T00:00:00Z')

export function later(seconds: number): Date {
  return new Date(start.getTime() + seconds * 1000)
}

/** As the store tells times. */
export function timeAt(seconds: number): string {
  return later(seconds).toISOString().replace('.000Z', 'Z')
}

/** @returns gives the store to each test as if it were new: it knows the bridge `ctp` and nothing else */
export async function ticketing(t: Test) {
  const { connection } = await freshDatabase(t)
  const store = await openPostgresStore({ connection, log: silent })
  t.teardown(() => store.close())
  const database = await openDatabase({ connection, log: silent })
  t.teardown(() => database.close())
  return async () => {
    for (const table of tables) await database.execute(`delete from ${table}`)
    await store.registerBridges(['ctp'])
    return { store, database, connection }
  }
}

const tables = [
  'ticket_event',
  'effect',
  'ticket_version',
  'ticket',
  'poll',
  'bridge_tally',
  'bridge_end',
  'bridge',
]

export function taken(id: string, more: Partial<TakenTicket> = {}): TakenTicket {
  const hash = more.hash ?? 'one'
  return {
    id,
    version: `${id} ${hash}`,
    raw: { id, hash },
    hash,
    status: 'Active',
    title: null,
    updatedAt: null,
    ...more,
  }
}

/** Under way, and held by the caller. */
export async function polling(store: TicketStore, now = start, bridge = 'ctp') {
  const { poll } = await store.startPoll(bridge, now)
  const claim = await store.claimPoll(poll.id)
  if (claim === undefined) throw new Error('the poll has ended')
  return {
    id: poll.id,
    claim,
    take: (tickets: readonly TakenTicket[], at = now) =>
      store.takeTickets({ poll: poll.id, claim, tickets, unreadable: [], now: at }),
    end: (at = now) => store.endPoll(poll.id, claim, { status: 'succeeded', errors: [], now: at }),
  }
}

/** Tickets as a poll brings them. @returns id of the poll */
export async function take(
  store: TicketStore,
  tickets: readonly TakenTicket[],
  now = start,
): Promise<string> {
  const poll = await polling(store, now)
  await poll.take(tickets)
  await poll.end()
  return poll.id
}

export function note(key: string, payload: unknown = { text: key }): NewEffect {
  return { kind: 'note', key, payload }
}

export function settled(
  { id, attempts, probes, ambiguousSince }: Effect,
  state: EffectChange['state'],
  more: Partial<EffectChange> = {},
): EffectChange {
  return {
    ...{ id, state, attempts, probes, dueAt: start, reference: null, error: null },
    ambiguousSince: ambiguousSince === null ? null : new Date(ambiguousSince),
    ...more,
  }
}

/**
 * One who works at a ticket, and has the work as the store gave it last.
 * @param isAlone nobody changes it at the same time
 */
export async function working(
  store: TicketStore,
  ticketId: string,
  {
    claim,
    now = start,
    isAlone = true,
  }: { readonly claim?: number; readonly now?: Date; readonly isAlone?: boolean } = {},
) {
  const held = claim ?? (await store.claimBridge('ctp', { settleMs: 5000, now }))
  const first = await store.work('ctp', held, ticketId)
  if (first === undefined) throw new Error(`no ticket ${ticketId}`)
  let work: Work = first
  return {
    claim: held,
    work: () => work,
    effect(key: string): Effect {
      const found = work.open.find((each) => each.key === key)
      if (found === undefined) throw new Error(`no open effect ${key}`)
      return found
    },
    async step(step: Omit<Step, 'ticketId'> = {}, dueAt: Date | null = null, at = now) {
      const after = await store.step(
        'ctp',
        held,
        { ticketId, ...step },
        { dueAt, stirred: work.stirred, now: at, before: work },
      )
      const { begun: _, ...again } = after
      work = again
      // What was not read once more is as it is in the store.
      if (isAlone) assert.deepEqual(again, await store.work('ctp', held, ticketId))
      return after
    },
  }
}

export async function dueAt(database: Database, ticketId: string): Promise<string | null | undefined> {
  const [row] = await database.query<{ at: string | null }>('select due_at as at from ticket where id = $1', [
    ticketId,
  ])
  return row?.at
}

/** What can't be true of a store, whatever happened. */
export async function contradictions(database: Database): Promise<readonly unknown[]> {
  return database.query(`
    with counted as (
      select bridge, what, state, sum(n) as n from (
        select bridge, 'ticket' as what, state, 1 as n from ticket
        union all select bridge, 'effect', state, 1 from effect
        union all select bridge, what, state, -n from bridge_tally) all_of_them
      group by bridge, what, state having sum(n) <> 0)
    select 'tally' as what, bridge::text || ' ' || counted.what || ' ' || state || ' ' || n as detail from counted
    union all
    select 'inflight', t.id from ticket t
    where array_remove(array[t.inflight], null)
      <> array(select e.id from effect e where e.bridge = t.bridge and e.ticket = t.id and e.state = 'inflight')
    union all
    select 'ambiguous', id::text from effect where (state = 'ambiguous') <> (ambiguous_since is not null)
    union all
    select 'probes', id::text from effect where state <> 'ambiguous' and probes > 0`)
}
