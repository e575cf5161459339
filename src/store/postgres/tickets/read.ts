/** Tickets and effects, as they are told. */
import { ServiceError } from '../../../errors.ts'
import type { TicketStore } from '../../ticket-store.ts'
import { type TicketEvent, type TicketVersion, ticketStates } from '../../tickets.ts'
import type { Database } from '../database.ts'
import { parameters } from '../parameters.ts'
import type { Queryable } from '../queryable.ts'
import { columnText } from '../values.ts'
import {
  type EffectRow,
  effectColumns,
  effectOf,
  type TicketRow,
  ticketColumns,
  ticketOf,
} from './ticket-row.ts'

export function readTickets(
  database: Database,
): Pick<TicketStore, 'tickets' | 'ticket' | 'versions' | 'events' | 'effects' | 'effect' | 'latestEffect'> {
  return {
    async tickets({ bridges, states = ticketStates, limit, after }) {
      const last = after === undefined ? undefined : await placeOf(database, after)
      const rows = await database.query<TicketRow>(pageSql, [
        bridges,
        states,
        limit,
        last?.at ?? null,
        last?.bridge ?? null,
        last?.id ?? null,
      ])
      return rows.map((row) => ticketOf(row))
    },

    async ticket(bridge, ticketId) {
      const [row] = await database.query<TicketRow>(
        `select ${ticketColumns} from bridge b join ticket t on t.bridge = b.id where b.name = $1 and t.id = $2`,
        [bridge, columnText(ticketId)],
      )
      return row === undefined ? undefined : ticketOf(row)
    },

    versions: (bridge, ticketId) =>
      database.query<TicketVersion>(
        `select version, received_at as "receivedAt", status, updated_at as "updatedAt",
           acknowledged_at as "acknowledgedAt", ack_code as "ackCode"
         from ticket_version where bridge = (select id from bridge where name = $1) and ticket = $2
         order by position desc limit 1000`,
        [bridge, columnText(ticketId)],
      ),

    events: (bridge, ticketId) =>
      database.query<TicketEvent>(
        `select at, kind, detail from ticket_event
         where bridge = (select id from bridge where name = $1) and ticket = $2 order by id`,
        [bridge, columnText(ticketId)],
      ),

    async effects(query) {
      const given = parameters(query.bridges)
      const rows = await database.query<EffectRow>(effectsSql(query, given), given.values)
      return rows.map(effectOf)
    },

    effect: (id) => readEffect(database, id),

    async latestEffect(bridges, states) {
      const [row] =
        states === undefined
          ? await database.query<EffectRow>(latestSql, [bridges])
          : await database.query<EffectRow>(latestInSql, [bridges, states])
      return row === undefined ? undefined : effectOf(row)
    },
  }
}

/** Of each bridge and state the first ones, by the index that has them in this order. */
const pageSql = `
select ${ticketColumns} from (
  select f.bridge, f.id, f.first_seen_at
  from (select id as bridge from bridge where name = any($1::text[])) b
    cross join (select distinct unnest($2::text[]) as state) s
    cross join lateral (
      select t.bridge, t.id, t.first_seen_at from ticket t
      where t.bridge = b.bridge and t.state = s.state
        and ($4::timestamptz is null or t.first_seen_at < $4
          or (t.first_seen_at = $4 and (t.bridge, t.id) < ($5::smallint, $6::text)))
      order by t.first_seen_at desc, t.id desc limit $3) f
  order by f.first_seen_at desc, f.bridge desc, f.id desc limit $3) f
join ticket t on t.bridge = f.bridge and t.id = f.id join bridge b on b.id = f.bridge
order by f.first_seen_at desc, f.bridge desc, f.id desc`

const numbersSql = 'select id from bridge where name = any($1::text[])'

/**
 * Found by the ticket, by an index that has the states but `done`, or one after the other in their order: whatever the
 * statistics say, which are those of another moment.
 */
function effectsSql(
  { ticketId, states, kinds, limit, after = 0 }: Parameters<TicketStore['effects']>[0],
  given: ReturnType<typeof parameters>,
): string {
  const conditions = [`e.id > ${given.add(after)}::bigint`]
  if (kinds !== undefined) conditions.push(`e.kind = any(${given.add(kinds)}::text[])`)
  const wanted = given.add(states ?? null)
  const also = conditions.join(' and ')
  const page = `order by e.id limit ${given.add(limit)}`
  const those = (found: string) =>
    `select ${effectColumns} from ${found} e join bridge b on b.id = e.bridge ${page}`
  const inStates = `(${wanted}::text[] is null or e.state = any(${wanted}))`
  if (ticketId !== undefined) {
    const ticket = `e.ticket = ${given.add(columnText(ticketId))}`
    return those(
      `(select * from effect e where e.bridge = any(array(${numbersSql})) and ${ticket} and ${inStates} and ${also})`,
    )
  }
  if (states !== undefined && !states.includes('done')) {
    return those(`(
      select f.* from (${numbersSql}) n, (select distinct unnest(${wanted}::text[]) as state) s,
        lateral (
          select * from effect e where e.bridge = n.id and e.state = s.state and e.state <> 'done' and ${also} ${page}) f)`)
  }
  return those(
    `(select * from effect e where e.bridge + 0 = any(array(${numbersSql})) and ${inStates} and ${also} ${page})`,
  )
}

const latestSql = `
select ${effectColumns} from effect e join bridge b on b.id = e.bridge
where e.bridge + 0 = any(array(${numbersSql})) order by e.id desc limit 1`

/** By the index that has the states but `done`. */
const latestInSql = `
select ${effectColumns} from (${numbersSql}) n, (select distinct unnest($2::text[]) as state) s,
  lateral (
    select * from effect f where f.bridge = n.id and f.state = s.state and f.state <> 'done'
    order by f.id desc limit 1) e
  join bridge b on b.id = e.bridge
order by e.id desc limit 1`

async function placeOf(
  database: Queryable,
  { bridge, ticketId }: { readonly bridge: string; readonly ticketId: string },
): Promise<{ readonly bridge: number; readonly id: string; readonly at: string }> {
  const [row] = await database.query<{ bridge: number; id: string; at: string }>(
    `select t.bridge, t.id, t.first_seen_at as at from bridge b join ticket t on t.bridge = b.id
     where b.name = $1 and t.id = $2`,
    [bridge, columnText(ticketId)],
  )
  if (row !== undefined) return row
  const detail = `after: takes the last ticket of the page before; bridge "${bridge}" has no ticket "${ticketId}"`
  throw new ServiceError('ARGUMENT_INVALID', detail, { errors: [{ pointer: '/cursor', detail }] })
}

export async function readEffect(session: Queryable, id: number) {
  if (!Number.isSafeInteger(id)) return undefined
  const [row] = await session.query<EffectRow>(
    `select ${effectColumns} from effect e join bridge b on b.id = e.bridge where e.id = $1`,
    [id],
  )
  return row === undefined ? undefined : effectOf(row)
}
