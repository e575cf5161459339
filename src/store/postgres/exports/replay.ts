/** Items of an export, queued once more. */
import type { DeliveryStore } from '../../delivery-store.ts'
import type { ItemStatus } from '../../exports.ts'
import { type Database, patient } from '../database.ts'
import { isUuid } from '../keys.ts'
import { countItems } from './counts.ts'
import { supersededSql } from './queue.ts'
import { tallySql } from './tally.ts'

/**
 * Whatever the product has is sent again: its content counts as unknown. What is under way was begun before, so that
 * it follows once more.
 */
const requeueSql = `
with locked as materialized (
  select d.id, d.status, d.action = $4 as wanted from delivery d
  where d.id in (select delivery from export_item where export = $1 and status = any($2::text[]))
  order by d.key, d.source for update),
queued as (
  update delivery d set revision = d.revision + 1, status = 'pending', no_room = false,
    have = case when d.have is not null then '' end
  from locked l where d.id = l.id and l.wanted
  returning d.id, d.exporter, d.action, d.revision, l.status),
waiting as (
  insert into delivery_waiting as q (delivery, exporter, action, due_at) select id, exporter, action, $3 from queued
  on conflict (delivery) do update set due_at = excluded.due_at, attempts = 0),
tally as (
  ${tallySql(
    '$5',
    `select 'pending' as what, 1 as n from queued where status <> 'pending'
     union all select status, -1 from queued where status <> 'pending'`,
  )})
select id from locked`

/** $3: deliveries that nobody else changes now. */
const itemsSql = `
with found as materialized (
  select i.position, i.status, i.delivery, d.revision, d.action = $4 as wanted,
    case when d.action <> $4 then ${supersededSql} end as reason
  from export_item i join delivery d on d.id = i.delivery
  where i.export = $1 and i.status = any($2::text[]) and i.delivery = any($3::bigint[])),
changed as (
  update export_item i set
    revision = case when f.wanted then f.revision else i.revision end,
    status = case when f.wanted then 'pending' else 'skipped' end, reason = f.reason,
    attempts = case when f.wanted then 0 else i.attempts end,
    remote_id = case when not f.wanted then i.remote_id end,
    vendor = case when not f.wanted then i.vendor end
  from found f where i.export = $1 and i.position = f.position
  returning f.status as was, i.status)
select was as from, status as to, count(*) as n from changed group by was, status`

export function replays(database: Database): Pick<DeliveryStore, 'replay'> {
  return {
    replay: (exportId, statuses, now) =>
      database.transaction(async (transaction) => {
        if (!isUuid(exportId)) return undefined
        // It can't be forgotten meanwhile; its counters are still free.
        const [found] = await transaction.query<{ action: string; exporter: number }>(
          'select action, exporter from export where id = $1 for key share',
          [exportId],
        )
        if (found === undefined) return undefined
        // What waits already is queued.
        const ended = statuses.filter((status) => status !== 'pending')
        const deliveries = await transaction.query<{ id: number }>(requeueSql, [
          exportId,
          ended,
          now,
          found.action,
          found.exporter,
        ])
        const moved = await transaction.query<{ from: ItemStatus; to: ItemStatus; n: number }>(itemsSql, [
          exportId,
          ended,
          deliveries.map(({ id }) => id),
          found.action,
        ])
        await countItems(
          transaction,
          found.exporter,
          moved.map((change) => ({ ...change, export: exportId })),
          now,
        )
        return moved.reduce((sum, { to, n }) => (to === 'pending' ? sum + n : sum), 0)
      }, patient),
  }
}
