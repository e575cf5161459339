/**
 * Queues deliveries with their receipt: the one way into the ledger, for pushes, forwards and evictions. A transaction
 * does so once, in the order of the ledger's keys: two of them never wait for each other in a circle.
 */
import { randomUUID } from 'node:crypto'
import type { DeliveryAction, ExportOrigin } from '../../exports.ts'
import type { Transaction } from '../database.ts'
import { type Parameters, parameters } from '../parameters.ts'
import { countItems } from './counts.ts'
import { tallySql } from './tally.ts'

export interface Queue {
  readonly exporter: number
  readonly origin: ExportOrigin
  readonly action: DeliveryAction
  readonly requestedBy: string | null
  /** Whether the forward wants them; null: as before. */
  readonly forwarded: boolean | null
  /** They leave to make room. */
  readonly noRoom?: boolean
  readonly note?: string
  readonly now: Date
}

/**
 * A query for the rows to queue: `position` in the export, `type` and `value` of the item, `key` and `source` of the
 * delivery with its `options`, `body`, `rank` and `canonical` (its value); where `key` is null nothing is sent, and
 * `reason` says why.
 */
export type QueuedRows = (given: Parameters) => string

export async function insertExport(transaction: Transaction, queue: Queue, id: string): Promise<void> {
  await transaction.execute(
    `insert into export (id, exporter, origin, action, key, created_at, waits_since)
     values ($1, $2, $3, $4, $5, $6, $6)`,
    [id, queue.exporter, queue.origin, queue.action, queue.requestedBy, queue.now],
  )
}

/** @returns id of the new export */
export async function queueRows(transaction: Transaction, queue: Queue, rows: QueuedRows): Promise<string> {
  const id = randomUUID()
  await insertExport(transaction, queue, id)
  await fillExport(transaction, queue, id, rows)
  return id
}

export async function fillExport(
  transaction: Transaction,
  queue: Queue,
  id: string,
  rows: QueuedRows,
): Promise<void> {
  const { exporter, action, forwarded, noRoom = false, note = null, now } = queue
  const given = parameters(id, exporter, action, forwarded, now, noRoom, note)
  const [counted] = await transaction.query<{ total: number; skipped: number; again: boolean }>(
    queueSql(rows(given)),
    given.values,
  )
  const { total = 0, skipped = 0, again = false } = counted ?? {}
  const superseded = again ? await supersede(transaction, { export: id }) : []
  await countItems(
    transaction,
    exporter,
    [
      { export: id, to: 'pending', n: total - skipped },
      { export: id, to: 'skipped', n: skipped },
      ...superseded,
    ],
    now,
  )
}

/**
 * Of equal deliveries the last one counts, and all items wait for it. What is under way stays so, with what is wanted
 * next beside it.
 */
const queueSql = (rows: string) => `
with rows as materialized (${rows}),
last as materialized (
  select distinct on (key, source) * from rows where key is not null order by key, source, position desc),
wanted as (
  insert into delivery as d (exporter, key, source, type, value, action, rank, note, forwarded, no_room)
  select $2, key, source, type, canonical, $3, rank, $7::text, coalesce($4::boolean, false), $6::boolean
  from last order by key, source
  on conflict (exporter, key, source) do update set
    action = excluded.action, rank = excluded.rank, note = excluded.note, revision = d.revision + 1,
    forwarded = coalesce($4::boolean, d.forwarded), no_room = excluded.no_room, was = d.status, status = 'pending'
  returning id, key, source, revision, was
), bodies as (
  insert into delivery_body as b (delivery, options, body)
  select w.id, l.options, l.body from wanted w join last l on l.key = w.key and l.source = w.source
  on conflict (delivery) do update set options = excluded.options, body = excluded.body
  where b.body <> excluded.body or b.options <> excluded.options
), waiting as (
  insert into delivery_waiting as q (delivery, exporter, action, due_at) select id, $2, $3, $5 from wanted
  on conflict (delivery) do update set action = excluded.action, due_at = excluded.due_at, attempts = 0
), tally as (
  ${tallySql(
    '$2',
    `select 'pending' as what, 1 as n from wanted where was is distinct from 'pending'
     union all select was, -1 from wanted where was <> 'pending'`,
  )}
), items as (
  insert into export_item (export, position, type, value, delivery, revision, status, reason)
  select $1, r.position, r.type, r.value, w.id, w.revision,
    case when r.key is null then 'skipped' else 'pending' end, coalesce(r.reason, $7)
  from rows r left join wanted w on w.key = r.key and w.source = r.source
  returning status, revision
)
select count(*) as total, count(*) filter (where status = 'skipped') as skipped,
  coalesce(bool_or(revision > 1), false) as again from items`

/**
 * Skips pending items that want another action than their delivery now does, unless that is under way.
 * @param which deliveries: those of an export, or by their ids
 * @returns for `countItems`
 */
export async function supersede(
  transaction: Transaction,
  which: { readonly export: string } | { readonly ids: readonly number[] },
) {
  const [deliveries, value] =
    'export' in which
      ? ['select n.delivery from export_item n where n.export = $1 and n.revision > 1', which.export]
      : ['select unnest($1::bigint[])', which.ids]
  const rows = await transaction.query<{ export: string; n: number }>(
    `with superseded as (
       update export_item i set status = 'skipped', reason = ${supersededSql}
       from delivery d, export e
       where d.id in (${deliveries}) and i.delivery = d.id and i.status = 'pending'
         and i.revision > d.settled_revision and i.revision < d.revision
         and not exists (select from delivery_waiting q where q.delivery = d.id and i.revision <= q.sent_revision)
         and e.id = i.export and e.action <> d.action
       returning i.export
     ) select export, count(*) as n from superseded group by export`,
    [value],
  )
  return rows.map((row) => ({ ...row, from: 'pending', to: 'skipped' }) as const)
}

/** Of a delivery `d`: by which export it is wanted now. */
export const supersededSql = `'superseded' || coalesce(' by export ' || (select n.export from export_item n
  where n.delivery = d.id and n.revision = d.revision order by n.export limit 1), '')`
