/** What is forgotten of bridges. */
import type { TicketStore } from '../../ticket-store.ts'
import type { Database } from '../database.ts'
import { addUp } from './tally.ts'

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

export function pruning(database: Database): Pick<TicketStore, 'pruneTickets'> {
  return {
    async pruneTickets(before) {
      let removed = await database.execute(pollsSql, [before])
      for (const sql of [eventsSql, versionsSql]) {
        for (let rows = rowsAtOnce; rows >= rowsAtOnce; removed += rows) {
          rows = await database.execute(sql, [before])
        }
      }
      const bridges = await database.query<{ id: number }>('select id from bridge')
      for (const { id } of bridges) await addUp(database, id)
      return removed
    },
  }
}
