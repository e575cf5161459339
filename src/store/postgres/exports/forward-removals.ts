/**
 * What left a forward's list leaves the product, unless it is too much at once. Looked for without a lock, since a
 * whole list takes seconds; taken out in steps, each of which looks again at its own.
 */
import type { ForwardHeld, ForwardOptions } from '../../delivery-store.ts'
import type { FeedDefinition } from '../../feed-store.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import type { Queryable } from '../queryable.ts'
import { countItems } from './counts.ts'
import { beginForward, type Forward, type ForwardWork } from './forward-place.ts'
import { lock, requeue } from './room.ts'
import { tallySql } from './tally.ts'

/** What is held is looked at again after as long, though the list is the same: what the product has grows. */
const lookAgainMs = 5 * 60_000

/** @param how wait: not before all upserts of the list are queued */
export async function takeOut(
  database: Database,
  forward: Forward,
  { atOnce, wait }: { readonly atOnce: number; readonly wait: boolean },
): Promise<{ readonly removals: number; readonly held: ForwardHeld | null }> {
  const { options } = forward
  const work = await database.transaction((transaction) => beginForward(transaction, forward))
  if (wait || isDone(work, options)) return { removals: 0, held: work.held }
  if (await fetchUnderWay(database, options.list)) return { removals: 0, held: work.held }
  const left = await search(database, work, options)
  const hold = await holdOf(database, work, options, left.filter(({ sent }) => sent).length)
  if (hold !== undefined) {
    await remember(database, forward, { ...work, held: hold, lookedSeq: work.changedSeq })
    return { removals: 0, held: hold }
  }
  let removals = 0
  let allDone = true
  for (let start = 0; start < left.length; start += atOnce) {
    const ids = left.slice(start, start + atOnce).map(({ id }) => id)
    await database.transaction(async (transaction) => {
      await beginForward(transaction, forward)
      removals += await queueRemovals(transaction, work, options, ids)
      if (!(await dropUnsent(transaction, work, options, ids))) allDone = false
    }, patient)
  }
  const { changedSeq, searchedSeq } = work
  const reached = allDone ? changedSeq : searchedSeq
  await remember(database, forward, { ...work, held: null, lookedSeq: null, searchedSeq: reached })
  return { removals, held: null }
}

/** Whether all that left the list is taken out or held. */
export function isDone(
  {
    changedSeq,
    searchedSeq,
    lookedSeq,
    lookedAt,
    held,
    accept,
  }: Pick<ForwardWork, 'changedSeq' | 'searchedSeq' | 'lookedSeq' | 'lookedAt' | 'held' | 'accept'>,
  { now, maxRemovalShare }: ForwardOptions,
): boolean {
  if (accept) return false
  if (held === null) return changedSeq === searchedSeq
  if (held.share !== maxRemovalShare) return false
  return lookedSeq === changedSeq && lookedAt !== null && now.getTime() - Date.parse(lookedAt) < lookAgainMs
}

/** What was accepted has passed; what somebody accepts meanwhile holds for what is held then. */
async function remember(database: Database, forward: Forward, work: ForwardWork): Promise<void> {
  const { exporter, searchedSeq, lookedSeq, held, accept } = work
  await database.transaction(async (transaction) => {
    await beginForward(transaction, forward)
    await transaction.execute(
      `update forwarding set searched_seq = $2, looked_seq = $3, looked_at = $4, held = $5,
         accept = accept and not $6 where exporter = $1`,
      [
        exporter,
        searchedSeq,
        lookedSeq,
        forward.options.now,
        held === null ? null : JSON.stringify(held),
        accept,
      ],
    )
  })
}

/** Removals wait for its end. */
export async function fetchUnderWay(session: Queryable, { sources }: FeedDefinition): Promise<boolean> {
  const rows = await session.query(
    `select 1 from run r join source s on s.id = r.source where r.status = 'running'
       and (cardinality($1::text[]) = 0 or s.name = any($1::text[])) limit 1`,
    [sources],
  )
  return rows.length > 0
}

/** Of a delivery `d`: the product has it, or may have it. */
const sent = `(d.have_rank is not null or d.unsure or exists (
  select from delivery_waiting q where q.delivery = d.id and q.sent_revision is not null))`

interface Left {
  readonly id: number
  readonly sent: boolean
}

/**
 * What was forwarded and is not in the list. Its members tell what left since the last search, as long as none of them
 * is forgotten.
 */
async function search(
  database: Database,
  work: ForwardWork,
  { sourceName }: ForwardOptions,
): Promise<readonly Left[]> {
  const { exporter, feed, searchedSeq } = work
  return database.transaction(async (session) => {
    const [clock] = await session.query<{ horizon: number }>('select horizon from clock')
    if (searchedSeq !== null && searchedSeq >= (clock?.horizon ?? 0)) {
      return session.query<Left>(
        `select d.id, ${sent} as sent from feed_member m
           join delivery d on d.exporter = $1 and d.key = m.key and d.forwarded
         where m.feed = $2 and m.seq > $3 and not m.present order by d.key, d.source`,
        [exporter, feed, searchedSeq],
      )
    }
    await session.execute(`set local work_mem = '64MB'`)
    return session.query<Left>(
      `select d.id, ${sent} as sent from delivery d
         left join feed_member m on m.feed = $2 and m.key = d.key and m.present
       where d.exporter = $1 and d.forwarded and (m.key is null or d.source <> $3) order by d.key, d.source`,
      [exporter, feed, sourceName],
    )
  }, patient)
}

/** Counts no further than needed. */
async function holdOf(
  database: Database,
  { exporter, held, accept }: ForwardWork,
  { maxRemovalShare: share, now }: ForwardOptions,
  removals: number,
): Promise<ForwardHeld | undefined> {
  if (accept || removals === 0 || share >= 1) return undefined
  const count = async (most: number | null) => {
    const [row] = await database.query<{ n: number }>(
      `select count(*) as n from (select from delivery d where d.exporter = $1 and d.forwarded and ${sent}
         limit $2) counted`,
      [exporter, most],
    )
    return row?.n ?? 0
  }
  // A little room for what binary fractions can't say.
  const enough = share > 0 ? Math.ceil(removals / (share + 1e-9)) : null
  if (enough !== null && (await count(enough)) >= enough) return undefined
  const forwarded = await count(null)
  const percent = (part: number) => Math.round(part * 1000) / 10
  const reason =
    `${removals} of the ${forwarded} indicators that the product has by forwarding would be removed ` +
    `(${percent(removals / forwarded)} %); maxRemovalShare lets ${percent(share)} % leave at once. ` +
    'Look whether the sources and the filter are as they should be; resume the exporter to let them leave'
  return { since: held?.since ?? now.toISOString(), removals, forwarded, share, reason }
}

/** Of those that still are not in the list. */
const stillLeft = `id = any($4::bigint[]) and exporter = $1 and forwarded and (source <> $3 or not exists (
  select from feed_member m where m.feed = $2 and m.key = d.key and m.present))`

async function queueRemovals(
  transaction: Transaction,
  { exporter, feed }: ForwardWork,
  { sourceName, now }: ForwardOptions,
  ids: readonly number[],
): Promise<number> {
  const those = await lock(transaction, `${stillLeft} and ${sent}`, [exporter, feed, sourceName, ids])
  if (those.length === 0) return 0
  const queue = { exporter, origin: 'forward', action: 'remove', requestedBy: null, now } as const
  await requeue(transaction, { ...queue, forwarded: false }, those)
  return those.length
}

/**
 * What left before anything of it was sent: there is nothing to remove, and nothing to send any more.
 * @returns false where some are taken in hand just now
 */
async function dropUnsent(
  transaction: Transaction,
  { exporter, feed }: ForwardWork,
  { sourceName, now }: ForwardOptions,
  ids: readonly number[],
): Promise<boolean> {
  const those = await lock(transaction, `${stillLeft} and not ${sent}`, [exporter, feed, sourceName, ids])
  if (those.length === 0) return true
  await transaction.execute(
    'delete from delivery_waiting where delivery = any($1::bigint[]) and sent_revision is null',
    [those],
  )
  const [dropped] = await transaction.query<{ skipped: { export: string; n: number }[]; n: number }>(
    dropSql,
    [those, exporter],
  )
  const { skipped = [], n = 0 } = dropped ?? {}
  await countItems(
    transaction,
    exporter,
    skipped.map((row) => ({ ...row, from: 'pending', to: 'skipped' }) as const),
    now,
  )
  return n === those.length
}

const dropSql = `
with dropped as (
  update delivery d set forwarded = false, no_room = false, was = d.status,
    status = case d.status when 'pending' then 'skipped' else d.status end, settled_revision = d.revision
  where d.id = any($1::bigint[]) and not exists (select from delivery_waiting q where q.delivery = d.id)
  returning d.id, d.was),
tally as (
  ${tallySql(
    '$2',
    `select 'skipped' as what, 1 as n from dropped where was = 'pending'
     union all select 'pending', -1 from dropped where was = 'pending'`,
  )}),
items as (
  update export_item i set status = 'skipped', reason = 'left the filter of the forward before it was sent'
  from dropped d where i.delivery = d.id and i.status = 'pending' returning i.export)
select
  (select coalesce(json_agg(c), '[]') from (select export, count(*) as n from items group by export) c) as skipped,
  (select count(*) from dropped) as n`
