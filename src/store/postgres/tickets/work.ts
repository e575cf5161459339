/** Who works at the effects of a bridge, and at what. */
import type { TicketStore, Work } from '../../ticket-store.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import type { Queryable } from '../queryable.ts'
import { columnText } from '../values.ts'
import { bridgeNumber, bridgeUnknown, checkClaim, requireClaim } from './bridge-row.ts'
import { tallySql } from './tally.ts'
import {
  type EffectRow,
  effectColumns,
  effectOf,
  type TicketRow,
  ticketColumns,
  ticketColumnsWith,
  ticketOf,
} from './ticket-row.ts'

export function workers(
  database: Database,
): Pick<TicketStore, 'claimBridge' | 'holdsBridge' | 'dueTickets' | 'nextWork' | 'effectsUnderWay' | 'work'> {
  return {
    claimBridge: (name, { settleMs, now }) =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<{ id: number; claim: number }>(
          'update bridge set claim = claim + 1 where name = $1 returning id, claim',
          [name],
        )
        if (row === undefined) throw bridgeUnknown(name)
        await takeBack(transaction, row.id, { now, dueAt: new Date(now.getTime() + settleMs) })
        return row.claim
      }, patient),

    holdsBridge: (name, claim) => requireClaim(database, name, claim),

    async dueTickets(name, claim, { now, limit, except }) {
      const [row] = await database.query<{ claim: number; ids: string[] }>(dueSql, [
        name,
        now,
        limit,
        except.map(columnText),
      ])
      checkClaim(row, name, claim)
      return row?.ids ?? []
    },

    async nextWork(name) {
      const bridge = await bridgeNumber(database, name)
      const [row] = await database.query<{ at: string }>(
        `select due_at as at from ticket where bridge = $1 and due_at is not null order by due_at, id limit 1`,
        [bridge],
      )
      return row?.at
    },

    async effectsUnderWay(name) {
      const [row] = await database.query<{ some: boolean }>(
        `select exists (select from effect where bridge = $1 and state = 'inflight') as some`,
        [await bridgeNumber(database, name)],
      )
      return row?.some ?? false
    },

    work: (name, claim, ticketId) => readWork(database, name, claim, ticketId),
  }
}

/** Whatever was under way may have been carried out; who had it in hand can't tell any more. */
async function takeBack(
  transaction: Transaction,
  bridge: number,
  { now, dueAt }: { readonly now: Date; readonly dueAt: Date },
): Promise<void> {
  const tickets = await transaction.query<{ id: string }>(
    `select id from ticket where bridge = $1
       and id in (select ticket from effect where bridge = $1 and state = 'inflight')
     order by id for no key update`,
    [bridge],
  )
  if (tickets.length === 0) return
  await transaction.execute(
    `with taken as (
       update effect set state = 'ambiguous', attempts = attempts + 1, probes = 0, ambiguous_since = $3::timestamptz, due_at = $4::timestamptz,
         updated_at = $3::timestamptz, error = $5
       where bridge = $1 and ticket = any($2) and state = 'inflight' returning bridge, ticket),
     tally as (${tallySql(`
       select bridge, 'effect' as what, 'ambiguous' as state, 1 as n from taken
       union all select bridge, 'effect', 'inflight', -1 from taken`)})
     update ticket set inflight = null, due_at = least(due_at, $4::timestamptz) where bridge = $1 and id in (select ticket from taken)`,
    [bridge, tickets.map(({ id }) => id), now, dueAt, 'the server ended before it knew the answer'],
  )
}

const dueSql = `
select claim, array(
  select t.id from ticket t where t.bridge = b.id and t.due_at <= $2 and t.id <> all($4::text[])
  order by t.due_at, t.id limit $3) as ids
from bridge b where b.name = $1`

interface WorkRow extends TicketRow {
  readonly claim: number
  /** null: the bridge has no such ticket. */
  readonly ticketId: string
  readonly stirred: number
  readonly open: readonly EffectRow[] | null
  readonly known: readonly string[] | null
}

/** Of what is done only its name is read. In one statement: how often the ticket was stirred belongs to what is read. */
const workSql = `
select b.claim, ${ticketColumns}, t.stirred,
  (select json_agg(o) from (
    select ${effectColumns} from effect e
    where e.bridge = t.bridge and e.ticket = t.id and e.state not in ('done', 'skipped') order by e.id) o) as open,
  (select json_agg(e.kind || '/' || e.key) from effect e where e.bridge = t.bridge and e.ticket = t.id) as known
from bridge b left join ticket t on t.bridge = b.id and t.id = $2 where b.name = $1`

interface Before {
  readonly work: Work
  /** Ids of effects that were changed since, but by those from outside, who stir the ticket. */
  readonly touched: readonly number[]
}

/** Of a ticket with hundreds of effects only what may have changed: it is read after each step. */
const againSql = `
select b.claim, ${ticketColumnsWith('case when t.revision = $6 then null else t.raw end')}, t.stirred,
  (select json_agg(o) from (
    select ${effectColumns} from effect e
    where e.bridge = t.bridge and e.ticket = t.id and e.state not in ('done', 'skipped')
      and (t.stirred <> $3 or e.id > $4 or e.id = any($5::bigint[])) order by e.id) o) as open,
  (select json_agg(e.kind || '/' || e.key) from effect e
   where e.bridge = t.bridge and e.ticket = t.id and (t.stirred <> $3 or e.id > $4)) as known
from bridge b left join ticket t on t.bridge = b.id and t.id = $2 where b.name = $1`

/** @throws ClaimLost, ServiceError BRIDGE_UNKNOWN */
export async function readWorkAgain(
  session: Queryable,
  [name, claim, ticketId]: readonly [name: string, claim: number, ticketId: string],
  { work, touched }: Before,
): Promise<Work | undefined> {
  const newest = work.open.at(-1)?.id ?? 0
  const given = [name, columnText(ticketId), work.stirred, newest, touched, work.ticket.revision]
  const [row] = await session.query<WorkRow>(againSql, given, { often: true })
  checkClaim(row, name, claim)
  if (row === undefined || row.ticketId === null) return undefined
  const { claim: _, stirred, open, known, ...ticket } = row
  const read = (open ?? []).map(effectOf)
  const base = { ticket: ticketOf(ticket, work.ticket.raw), stirred }
  if (stirred !== work.stirred) return { ...base, open: read, known: new Set(known ?? []) }
  const gone = new Set(touched)
  const kept = work.open.filter(({ id }) => !gone.has(id))
  return {
    ...base,
    open: [...kept, ...read].sort((one, other) => one.id - other.id),
    known: known === null ? work.known : new Set([...work.known, ...known]),
  }
}

/** @throws ClaimLost, ServiceError BRIDGE_UNKNOWN */
export async function readWork(
  session: Queryable,
  name: string,
  claim: number,
  ticketId: string,
): Promise<Work | undefined> {
  const [row] = await session.query<WorkRow>(workSql, [name, columnText(ticketId)], { often: true })
  checkClaim(row, name, claim)
  if (row === undefined || row.ticketId === null) return undefined
  const { claim: _, stirred, open, known, ...ticket } = row
  return {
    ticket: ticketOf(ticket),
    open: (open ?? []).map(effectOf),
    known: new Set(known ?? []),
    stirred,
  }
}
