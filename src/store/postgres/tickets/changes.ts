/** What comes of tickets from the incidents' side, from reconciliation, and from people. */
import type { TicketStore } from '../../ticket-store.ts'
import type { Database, Transaction } from '../database.ts'
import { parameters } from '../parameters.ts'
import { columnText } from '../values.ts'
import { bridgeNumber, bridgeUnknown, heldSql, requireClaim } from './bridge-row.ts'
import { tallySql } from './tally.ts'
import {
  assigned,
  insertEffectsSql,
  lockedTicket,
  lockTicket,
  newEffectsJson,
  stirSql,
} from './ticket-row.ts'

export function changes(
  database: Database,
): Pick<
  TicketStore,
  | 'changeCursor'
  | 'saveChangeCursor'
  | 'ticketOfIncident'
  | 'unseenSince'
  | 'noteGone'
  | 'wakeTicket'
  | 'addEffects'
> {
  return {
    async changeCursor(name) {
      const [row] = await database.query<{ cursor: string | null; at: string | null }>(
        `select e.cursor, e.read_at as at from bridge b join bridge_end e on e.bridge = b.id and e.side = 'sink'
         where b.name = $1`,
        [name],
      )
      if (row === undefined) throw bridgeUnknown(name)
      return row
    },

    async saveChangeCursor(name, claim, cursor, now) {
      const written = await database.execute(
        `with ${heldSql}
         update bridge_end e set cursor = $3, read_at = $4 from held where e.bridge = held.id and e.side = 'sink'`,
        [name, claim, columnText(cursor), now],
      )
      if (written === 0) await requireClaim(database, name, claim)
    },

    async ticketOfIncident(name, incidentId) {
      const bridge = await bridgeNumber(database, name)
      const [row] = await database.query<{ id: string }>(
        'select id from ticket where bridge = $1 and incident_id = $2 order by changed_at desc, id limit 1',
        [bridge, columnText(incidentId)],
      )
      return row?.id
    },

    async unseenSince(name, before, { limit }) {
      const bridge = await bridgeNumber(database, name)
      const rows = await database.query<{ id: string }>(
        `select id from ticket where bridge = $1 and incident_status = 'open' and last_seen_at < $2
         order by last_seen_at, id limit $3`,
        [bridge, before, limit],
      )
      return rows.map(({ id }) => id)
    },

    noteGone: (name, ticketId, { kind, detail }, now) =>
      database.transaction(async (transaction) => {
        const { bridge } = await lockedTicket(transaction, name, ticketId)
        const ticket = [bridge, columnText(ticketId)]
        await transaction.execute('update ticket set last_seen_at = $3 where bridge = $1 and id = $2', [
          ...ticket,
          now,
        ])
        const written = await transaction.execute(
          `insert into ticket_event (bridge, ticket, at, kind, detail) select $1::smallint, $2::text, $3::timestamptz, $4::text, $5::text
           where not exists (select from ticket_event where bridge = $1 and ticket = $2 and kind = $4)`,
          [...ticket, now, columnText(kind), columnText(detail)],
        )
        return written > 0
      }),

    async wakeTicket(name, ticketId, { now, replan, forgetIncident = false }) {
      const number = await bridgeNumber(database, name)
      return database.transaction(async (transaction) => {
        const row = await lockTicket(transaction, number, ticketId)
        if (row === undefined) return false
        const ticket = [number, columnText(ticketId), now]
        if (forgetIncident) await transaction.execute(forgetSql, ticket)
        await transaction.execute(
          `update ticket set ${stirSql('$3::timestamptz')}
             ${replan ? ', planned_revision = least(planned_revision, revision - 1)' : ''}
           where bridge = $1 and id = $2`,
          ticket,
        )
        return true
      })
    },

    addEffects: (name, ticketId, effects, change = {}, now) =>
      database.transaction(async (transaction) => {
        const { bridge, state } = await lockedTicket(transaction, name, ticketId)
        const place = { bridge, ticketId: columnText(ticketId), now }
        const added = effects.length === 0 ? 0 : await insert(transaction, place, effects)
        const given = parameters(place.bridge, place.ticketId, now)
        const { sql, differs, differsVisibly } = assigned(change, given)
        await transaction.execute(
          `update ticket t set ${stirSql('$3::timestamptz')} ${sql === '' ? '' : `, ${sql}`},
             changed_at = case when ${differsVisibly} then $3::timestamptz else changed_at end
           where bridge = $1 and id = $2 and (${given.add(added)}::integer > 0 or ${differs})`,
          given.values,
        )
        if (change.state !== undefined && change.state !== state) {
          await transaction.execute(
            tallySql(`
              select $1::smallint as bridge, 'ticket' as what, $2::text as state, 1 as n union all select $1::smallint, 'ticket', $3, -1`),
            [bridge, change.state, state],
          )
        }
        return added
      }),
  }
}

interface Place {
  readonly bridge: number
  readonly ticketId: string
  readonly now: Date
}

async function insert(
  transaction: Transaction,
  { bridge, ticketId, now }: Place,
  effects: Parameters<TicketStore['addEffects']>[2],
): Promise<number> {
  const [row] = await transaction.query<{ n: number }>(
    `with added as (${insertEffectsSql('select $1::smallint as bridge, $2::text as id', '$3', '$4::timestamptz')}),
     tally as (${tallySql(`select bridge, 'effect' as what, state, 1 as n from added`)})
     select count(*) as n from added`,
    [bridge, ticketId, newEffectsJson(effects), now],
  )
  return row?.n ?? 0
}

/** As if it had never had one; what is still to be done at it need not be. What is under way is settled by who does it. */
const forgetSql = `
with t as (
  select bridge, id, state from ticket where bridge = $1 and id = $2 and (incident_id is not null or state = 'tombstone')),
given_up as (
  update effect e set state = 'skipped', updated_at = $3::timestamptz, ambiguous_since = null, probes = 0
  from (select e.id, e.state from t join effect e on e.bridge = t.bridge and e.ticket = t.id
        where e.state in ('pending', 'ambiguous', 'failed', 'dead') and e.kind not in ('ctp_close', 'ctp_worklog')) b
  where e.id = b.id returning e.bridge, b.state as was),
tally as (${tallySql(`
  select bridge, 'effect' as what, 'skipped' as state, 1 as n from given_up
  union all select bridge, 'effect', was, -1 from given_up
  union all select bridge, 'ticket', 'pending', 1 from t union all select bridge, 'ticket', state, -1 from t`)})
update ticket u set incident_id = null, incident_url = null, incident_status = null, closed_by = null, memory = '{}',
  state = 'pending', reason = null, planned_revision = 0, planned_closed = null, changed_at = $3::timestamptz
from t where u.bridge = t.bridge and u.id = t.id`
