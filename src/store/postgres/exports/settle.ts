/** What became of deliveries: the ledger, their items and the counters of their exports, in one transaction. */
import type { DeliveryStore, Settlement } from '../../delivery-store.ts'
import type { ItemStatus } from '../../exports.ts'
import type { Database, Transaction } from '../database.ts'
import { columnJson } from '../values.ts'
import { type CountChange, countItems } from './counts.ts'
import { holdClaimRowByRow } from './exporter-row.ts'
import { supersede } from './queue.ts'
import { tallySql } from './tally.ts'

export function settlements(database: Database): Pick<DeliveryStore, 'settleDeliveries'> {
  return {
    async settleDeliveries(name, claim, settlements, now) {
      if (settlements.length === 0) return
      if (new Set(settlements.map(({ id }) => id)).size < settlements.length) {
        throw new RangeError('a delivery is settled twice at once')
      }
      const json = columnJson(settlements.map(rowOf))
      await database.transaction(async (transaction) => {
        const exporter = await holdClaimRowByRow(transaction, name, claim)
        await settle(transaction, { exporter, json, now })
      })
    },
  }
}

function rowOf(settlement: Settlement) {
  const { id, revision, taken, attempts, tried, repeated, status, reason } = settlement
  const row = { id, revision, taken, attempts, tried, repeated, status, reason }
  if (settlement.status === 'pending') return { ...row, due: settlement.dueAt, unsure: settlement.unsure }
  const { vendor, remoteId, have, noRoom = false } = settlement
  return {
    ...row,
    vendor,
    remote_id: remoteId,
    no_room: noRoom,
    same: have === 'same',
    ...(have !== null &&
      have !== 'same' && {
        have: have.content,
        have_remote_id: have.remoteId,
        have_vendor: have.vendor,
        have_until: have.until,
      }),
  }
}

const columns = `id bigint, revision integer, taken integer, attempts integer, tried boolean, repeated boolean,
  status text, reason text, due timestamptz, unsure boolean, vendor jsonb, remote_id text, no_room boolean, same boolean,
  have text, have_remote_id text, have_vendor jsonb, have_until timestamptz`

/** Something newer is wanted, or the same once more. */
const waits = `(d.revision > s.revision or s.status = 'pending')`
/** The product's answer does not change what it is known to have. */
const same = `(s.status = 'pending' or s.same)`
/** The product has what was sent. */
const has = `(s.have is not null or s.same and s.status in ('accepted', 'unchanged') and d.have is not null)`

/**
 * The row that waits, found by its key whatever the planner believes: of what is under way it may know nothing yet, and
 * would compare all of it with each settlement.
 */
const waiting = `lateral (
    select exporter, sent_revision, taken, sent_rank from delivery_waiting where delivery = s.id offset 0) q`

/**
 * What is no longer under way as it was claimed then was settled before: a settlement that is written twice, since
 * nobody knew whether the first one was committed, changes nothing, also where the same was claimed again meanwhile. A delivery that is given up after tries is unsure: the
 * product may have it.
 */
const settleSql = `
with s as materialized (select * from json_to_recordset($1::json) as s (${columns})),
locked as materialized (
  select s.*, q.sent_rank, d.settled_revision as before, d.have_rank is not null as had
  from s cross join ${waiting} join delivery d on d.id = s.id
  where q.exporter = $2 and q.sent_revision = s.revision and q.taken = s.taken
  order by d.key, d.source for update of d),
settled as (
  update delivery d set
    status = case when ${waits} then 'pending' else s.status end,
    unsure = case when s.status in ('accepted', 'unchanged') then false
      when s.status = 'pending' then s.unsure
      else d.unsure or (s.status = 'dead' and s.tried) end,
    no_room = case when d.revision > s.revision or d.action = 'remove' then d.no_room
      else coalesce(s.no_room, false) end,
    settled_revision = case when s.status = 'pending' then d.settled_revision else s.revision end,
    have = case when ${same} then d.have else s.have end,
    have_rank = case when ${has} then s.sent_rank when ${same} then d.have_rank end,
    have_at = case when ${has} then $3 when ${same} then d.have_at end,
    have_until = case when ${same} then d.have_until else s.have_until end,
    remote_id = case when ${same} then d.remote_id else s.have_remote_id end,
    vendor = case when ${same} then d.vendor else s.have_vendor end
  from locked s where d.id = s.id
  returning s.*, d.have_rank is not null as has, d.revision > s.revision as newer,
    ${waits} as waits, case when d.revision = s.revision then d.note end as note
), done as (
  delete from delivery_waiting where delivery = any(array(select id from settled where not waits))
), tally as (
  ${tallySql(
    '$2',
    `select status as what, 1 as n from settled where not waits
     union all select 'pending', -1 from settled where not waits
     union all select 'held', has::integer - had::integer from settled where has <> had`,
  )}
), items as (
  update export_item i set
    status = t.status,
    reason = case when t.status in ('accepted', 'unchanged') then coalesce(t.reason, t.note) else t.reason end,
    remote_id = t.remote_id, vendor = t.vendor, attempts = t.attempts,
    tried_at = case when t.tried then $3 else i.tried_at end, repeats = i.repeats + t.repeated::integer
  from settled t
  where i.delivery = t.id and i.revision > t.before and i.revision <= t.revision and i.status = 'pending'
  returning i.export, i.status, t.tried
)
select
  (select coalesce(json_agg(c), '[]') from (
    select export, status as to, count(*) as n, bool_or(tried) as tried from items group by export, status) c
  ) as counted,
  array(select id from settled where waits) as waits,
  array(select id from settled where newer and status = 'pending') as newer`

/** After `settleSql`: what is still under way is what waits again, and what is wanted newly is due at once. */
const waitSql = `
update delivery_waiting q set sent_revision = null, sent_rank = null,
  due_at = case when d.revision > s.revision then q.due_at else s.due end,
  attempts = case when d.revision > s.revision then 0 else s.attempts end
from json_to_recordset($1::json) as s (${columns}) join delivery d on d.id = s.id
where s.id = any($2::bigint[]) and q.delivery = s.id`

async function settle(
  transaction: Transaction,
  { exporter, json, now }: { readonly exporter: number; readonly json: string; readonly now: Date },
): Promise<void> {
  const [row] = await transaction.query<{
    counted: readonly { export: string; to: ItemStatus; n: number; tried: boolean }[]
    waits: readonly number[]
    newer: readonly number[]
  }>(settleSql, [json, exporter, now])
  if (row === undefined) return
  if (row.waits.length > 0) await transaction.execute(waitSql, [json, row.waits])
  const changes: CountChange[] = row.counted.map((change) => ({ ...change, from: 'pending' }))
  if (row.newer.length > 0) changes.push(...(await supersede(transaction, { ids: row.newer })))
  await countItems(transaction, exporter, changes, now)
}
