/** The counters of exports, and what became of items by the hour: they follow the items in the same transaction. */
import type { ItemStatus } from '../../exports.ts'
import type { Transaction } from '../database.ts'

/** What becomes of some items of an export. */
export interface CountChange {
  readonly export: string
  /** Absent: they are new. */
  readonly from?: ItemStatus
  readonly to: ItemStatus
  readonly n: number
  /** Whether something was sent of them. */
  readonly tried?: boolean
}

const noChange = { pending: 0, accepted: 0, unchanged: 0, rejected: 0, skipped: 0, dead: 0, tried: false }

/** By id, so that two transactions never wait for each other's exports; the last that a transaction locks. */
const countSql = `
with c as materialized (
  select * from json_to_recordset($1::json) as c (id uuid, pending bigint, accepted bigint, unchanged bigint,
    rejected bigint, skipped bigint, dead bigint, tried boolean)),
locked as materialized (
  select e.id from c join export e on e.id = c.id order by e.id for no key update of e),
history as (
  insert into item_history (exporter, at, status, n)
  select $3, date_trunc('hour', $2::timestamptz, 'UTC'), status, n
  from json_to_recordset($4::json) as ended (status text, n bigint))
update export e set
  total = e.total + c.pending + c.accepted + c.unchanged + c.rejected + c.skipped + c.dead,
  pending = e.pending + c.pending, accepted = e.accepted + c.accepted, unchanged = e.unchanged + c.unchanged,
  rejected = e.rejected + c.rejected, skipped = e.skipped + c.skipped, dead = e.dead + c.dead,
  tried = e.tried or c.tried,
  waits_since = case when e.pending = 0 then $2 else e.waits_since end,
  ended_at = case when e.pending + c.pending = 0 then coalesce(e.ended_at, $2) end
from c join locked l on l.id = c.id where e.id = c.id`

/** @param exporter number of the one whose exports they are */
export async function countItems(
  transaction: Transaction,
  exporter: number,
  changes: readonly CountChange[],
  now: Date,
): Promise<void> {
  const byExport = new Map<string, { -readonly [Name in keyof typeof noChange]: (typeof noChange)[Name] }>()
  const ended = new Map<ItemStatus, number>()
  for (const { export: id, from, to, n, tried = false } of changes) {
    const change = byExport.get(id) ?? { ...noChange }
    byExport.set(id, change)
    if (from !== undefined) change[from] -= n
    change[to] += n
    change.tried ||= tried
    // An item that is queued again ends once more.
    if (to !== 'pending' && n > 0) ended.set(to, (ended.get(to) ?? 0) + n)
  }
  if (byExport.size === 0) return
  const rows = [...byExport].map(([id, change]) => ({ id, ...change }))
  const history = [...ended].map(([status, n]) => ({ status, n }))
  await transaction.execute(countSql, [JSON.stringify(rows), now, exporter, JSON.stringify(history)])
}
