/** What is forgotten of bridges. */
import type { TicketStore } from '../../ticket-store.ts'
import type { TicketState } from '../../tickets.ts'
import type { Database } from '../database.ts'
import { addUp, tallySql } from './tally.ts'

const rowsAtOnce = 5_000

/** How a bridge was last read stays: its last poll, and the last that ended. */
const pollsSql = `
delete from poll p where p.ended_at < $1 and exists (
  select from poll later where later.bridge = p.bridge and later.ended_at is not null
    and (later.started_at, later.id) > (p.started_at, p.id))`

const eventsSql = `
delete from ticket_event where id in (
  select id from ticket_event where at < $1 order by at limit ${rowsAtOnce} for update skip locked)`

const versionsSql = `
delete from ticket_version where (bridge, ticket, version) in (
  select bridge, ticket, version from ticket_version where acknowledged_at < $1
  order by acknowledged_at limit ${rowsAtOnce} for update skip locked)`

const ticketsAtOnce = 200

/**
 * Of one bridge and state, by the index that has them in this order. A tombstone stays, and what somebody skipped: both
 * tell that no incident is wanted.
 */
const ticketsSql = `
with old as materialized (
  select t.bridge, t.id from ticket t
  where t.bridge = $1 and t.state = $2 and t.first_seen_at < $3 and t.changed_at < $3
    and t.last_seen_at < $3 and t.due_at is null
    and not exists (select from effect e where e.bridge = t.bridge and e.ticket = t.id
      and (e.state not in ('done', 'skipped') or $2 = 'skipped'))
    and not exists (select from ticket_version v where v.bridge = t.bridge and v.ticket = t.id and v.acknowledged_at is null)
  order by t.first_seen_at limit ${ticketsAtOnce} for update skip locked),
events as (delete from ticket_event x using old o where x.bridge = o.bridge and x.ticket = o.id),
versions as (delete from ticket_version x using old o where x.bridge = o.bridge and x.ticket = o.id),
effects as (delete from effect x using old o where x.bridge = o.bridge and x.ticket = o.id returning x.bridge, x.state),
gone as (delete from ticket x using old o where x.bridge = o.bridge and x.id = o.id returning x.bridge, x.state),
tally as (${tallySql(`
  select bridge, 'ticket' as what, state, -1 as n from gone union all select bridge, 'effect', state, -1 from effects`)})
select count(*)::integer as n from gone`

export function pruning(database: Database): Pick<TicketStore, 'pruneTickets'> {
  return {
    async pruneTickets(before, ticketsBefore) {
      let removed = await database.execute(pollsSql, [before])
      for (const sql of [eventsSql, versionsSql]) {
        for (let rows = rowsAtOnce; rows >= rowsAtOnce; removed += rows) {
          rows = await database.execute(sql, [before])
        }
      }
      const bridges = await database.query<{ id: number }>('select id from bridge')
      for (const { id } of bridges) {
        for (const state of ['closed', 'skipped'] satisfies readonly TicketState[]) {
          for (let rows = ticketsAtOnce; rows >= ticketsAtOnce; removed += rows) {
            const [gone] = await database.query<{ n: number }>(ticketsSql, [id, state, ticketsBefore])
            rows = gone?.n ?? 0
          }
        }
        await addUp(database, id)
      }
      return removed
    },
  }
}
