/** Who works at an exporter, and what is taken in hand. */
import type { Indicator } from '../../../model/indicator.ts'
import type { ClaimedDelivery, DeliveryStore, Have } from '../../delivery-store.ts'
import type { Database, Transaction } from '../database.ts'
import { countItems } from './counts.ts'
import { exporterNumber, exporterUnknown, holdClaimRowByRow } from './exporter-row.ts'
import { supersede } from './queue.ts'

export function claims(
  database: Database,
  now: () => Date,
): Pick<DeliveryStore, 'claimExporter' | 'claimDeliveries' | 'nextDelivery' | 'deliveriesUnderWay'> {
  return {
    claimExporter: (name) =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<{ id: number; claim: number }>(
          'update exporter set claim = claim + 1 where name = $1 returning id, claim',
          [name],
        )
        if (row === undefined) throw exporterUnknown(name)
        await takeBack(transaction, row.id, now())
        return row.claim
      }),

    claimDeliveries: (name, claim, { limit, now }) =>
      database.transaction(async (transaction) => {
        const exporter = await holdClaimRowByRow(transaction, name, claim)
        const taken = await transaction.query<{ delivery: number }>(pickSql, [exporter, now, limit])
        if (taken.length === 0) return []
        const ids = taken.map(({ delivery }) => delivery)
        const rows = await transaction.query<ClaimedRow>(takeSql, [ids])
        return rows.map(claimedOf)
      }),

    async nextDelivery(name) {
      const exporter = await exporterNumber(database, name)
      const [row] = await database.query<{ at: string | null }>(nextSql, [exporter])
      return row?.at ?? undefined
    },

    async deliveriesUnderWay(name) {
      const [row] = await database.query<{ some: boolean }>(
        `select exists (
           select from delivery_waiting where exporter = $1 and sent_revision is not null) as some`,
        [await exporterNumber(database, name)],
      )
      return row?.some ?? false
    },
  }
}

/** Whatever was under way may have been carried out; whoever had it in hand can't tell any more. */
async function takeBack(transaction: Transaction, exporter: number, now: Date): Promise<void> {
  const rows = await transaction.query<{ id: number }>(
    `with locked as materialized (
       select d.id from delivery_waiting q join delivery d on d.id = q.delivery
       where q.exporter = $1 and q.sent_revision is not null order by d.key, d.source for update of d)
     update delivery d set unsure = true from locked l where d.id = l.id returning d.id`,
    [exporter],
  )
  if (rows.length === 0) return
  const ids = rows.map(({ id }) => id)
  await transaction.execute(
    'update delivery_waiting set sent_revision = null, sent_rank = null where delivery = any($1::bigint[])',
    [ids],
  )
  const superseded = await supersede(transaction, { ids })
  await countItems(transaction, exporter, superseded, now)
}

type Kind = 'first' | 'again'

const attempts: Readonly<Record<Kind, string>> = { first: '= 0', again: '> 0' }

const due = (kind: Kind, action: string) =>
  `from delivery_waiting where exporter = $1 and sent_revision is null and attempts ${attempts[kind]}
     and action = '${action}'`

/** What is locked is just being queued anew or taken by another loop of the worker: passed over. */
const pick = (kind: Kind, action: string, room: string, besides = '') =>
  `select delivery ${due(kind, action)} and due_at <= $2 ${besides}
   order by due_at, delivery limit (${room}) for update skip locked`

const oldest = (kind: Kind) =>
  `least((select min(due_at) ${due(kind, 'remove')}), (select min(due_at) ${due(kind, 'upsert')}))`

const nextSql = `select least(${oldest('first')}, ${oldest('again')}) as at`

const sizeOf = (...picked: readonly string[]) =>
  picked.map((name) => `(select count(*) from ${name})`).join(' + ')

/**
 * A fifth of the room is kept for retries, the rest for first tries, and what one of them leaves the other one takes.
 * Where the room has no fifth, whichever waited longest comes first.
 */
const pickSql = `
with share as materialized (
  select case when $3::integer >= 5 then $3::integer / 5
    when ${oldest('again')} < ${oldest('first')} then $3::integer else 0 end as again),
again_out as materialized (${pick('again', 'remove', 'select again from share')}),
again_in as materialized (${pick('again', 'upsert', `select again - (${sizeOf('again_out')}) from share`)}),
first_out as materialized (${pick('first', 'remove', `select $3 - (${sizeOf('again_out', 'again_in')})`)}),
first_in as materialized (${pick('first', 'upsert', `select $3 - (${sizeOf('again_out', 'again_in', 'first_out')})`)}),
more_out as materialized (${pick(
  'again',
  'remove',
  `select $3 - (${sizeOf('again_out', 'again_in', 'first_out', 'first_in')})`,
  'and delivery not in (select delivery from again_out)',
)}),
more_in as materialized (${pick(
  'again',
  'upsert',
  `select $3 - (${sizeOf('again_out', 'again_in', 'first_out', 'first_in', 'more_out')})`,
  'and delivery not in (select delivery from again_in)',
)})
select delivery from again_out union all select delivery from again_in union all select delivery from first_out
union all select delivery from first_in union all select delivery from more_out union all select delivery from more_in`

/** Read only now that nobody can want something newer of them unseen. */
const takeSql = `
with claimed as (
  update delivery_waiting q set sent_revision = d.revision, sent_rank = d.rank, taken = q.taken + 1
  from delivery d join delivery_body b on b.delivery = d.id
  where q.delivery = any($1::bigint[]) and d.id = q.delivery
  returning d.id, d.revision, q.taken, d.action, b.body, d.source, b.options, d.rank, q.attempts, d.unsure, d.have,
    d.remote_id, d.vendor, d.have_until, q.due_at)
select id, revision, taken, action, body, source, options, rank, attempts, unsure, have, remote_id, vendor, have_until
from claimed order by action, due_at, id`

interface ClaimedRow extends Omit<ClaimedDelivery, 'indicator' | 'have'>, HaveColumns {
  readonly body: string
}

export interface HaveColumns {
  readonly have: string | null
  readonly remote_id: string | null
  readonly vendor: unknown
  readonly have_until: string | null
}

function claimedOf({ body, have, remote_id, vendor, have_until, ...row }: ClaimedRow): ClaimedDelivery {
  return {
    ...row,
    indicator: JSON.parse(body) as Indicator,
    have: haveOf({ have, remote_id, vendor, have_until }),
  }
}

export function haveOf({ have, remote_id, vendor, have_until }: HaveColumns): Have | null {
  return have === null ? null : { content: have, remoteId: remote_id, vendor, until: have_until }
}
