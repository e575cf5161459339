/**
 * What changed in a forward's list becomes exports: upserts of what came or changed, step by step behind the position
 * of its members; removals of what the ledger forwarded and the list lacks, found by comparing both.
 */
import { allTypes } from '../../../model/indicator.ts'
import type { DeliveryStore, ForwardHeld } from '../../delivery-store.ts'
import type { FeedDefinition } from '../../feed-store.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import { definitionHash } from '../feeds-filter.ts'
import { typeName } from '../types.ts'
import { columnJson } from './columns.ts'
import { countItems } from './counts.ts'
import { holdClaim } from './exporter-row.ts'
import { queueRows } from './queue.ts'
import { lock, requeue } from './room.ts'
import { tallySql } from './tally.ts'

type ForwardOptions = Parameters<DeliveryStore['forward']>[2]

/** @param upsertsAtOnce in one transaction, with an export of their own */
export function forwarding(database: Database, upsertsAtOnce = 5_000): Pick<DeliveryStore, 'forward'> {
  return {
    async forward(name, claim, options) {
      const { upserts, more } = await database.transaction(async (transaction) => {
        const work = await begin(transaction, name, claim, options)
        return queueUpserts(transaction, work, options, upsertsAtOnce)
      }, patient)
      const { removals, held } = await database.transaction(async (transaction) => {
        const work = await begin(transaction, name, claim, options)
        return more ? { removals: 0, held: work.held } : takeOut(transaction, work, options)
      }, patient)
      return { upserts, removals, held, more }
    },
  }
}

interface Work {
  readonly name: string
  readonly exporter: number
  readonly feed: number
  /** Position at which the list last changed. */
  readonly changedSeq: number
  /** The last member that was queued. */
  readonly seq: number
  readonly key: string
  readonly searchedSeq: number | null
  readonly held: ForwardHeld | null
  readonly accept: boolean
}

const noKey = '00000000-0000-0000-0000-000000000000'

/** One worker at a time. Another list, or another name for what is in it, begins from the front. */
async function begin(
  transaction: Transaction,
  name: string,
  claim: number,
  { list, sourceName }: ForwardOptions,
): Promise<Work> {
  const exporter = await holdClaim(transaction, name, claim)
  const [place] = await transaction.query<
    Omit<Work, 'name' | 'exporter' | 'feed' | 'changedSeq'> & { feed: number | null; source: string | null }
  >(
    `select feed, source, seq, key, searched_seq as "searchedSeq", held, accept
     from forwarding where exporter = $1 for update`,
    [exporter],
  )
  const [feed] = await transaction.query<{ id: number; definition: string; changedSeq: number }>(
    'select id, definition, changed_seq as "changedSeq" from feed where name = $1',
    [list.name],
  )
  if (place === undefined || feed === undefined || feed.definition !== definitionHash(list)) {
    // Were it taken for an empty one, everything would be removed.
    throw new Error(`the list ${list.name} was not refreshed as it is defined now`)
  }
  const { source, feed: before, ...rest } = place
  const work = { ...rest, name, exporter, feed: feed.id, changedSeq: feed.changedSeq }
  if (before === feed.id && source === sourceName) return work
  await transaction.execute(
    'update forwarding set feed = $2, source = $3, seq = default, key = default, searched_seq = null where exporter = $1',
    [exporter, feed.id, sourceName],
  )
  return { ...work, seq: 0, key: noKey, searchedSeq: null }
}

async function queueUpserts(
  transaction: Transaction,
  work: Work,
  { sourceName, now }: ForwardOptions,
  atOnce: number,
) {
  const { exporter, feed, seq, key } = work
  const step = await nextStep(transaction, work, atOnce)
  if (step === undefined) return { upserts: 0, more: false }
  const names = allTypes.map((_, number) => typeName(number))
  const id = await queueRows(
    transaction,
    { exporter, origin: 'forward', action: 'upsert', requestedBy: null, forwarded: true, now },
    (given) =>
      `select row_number() over (order by m.seq, m.key) - 1 as position,
         (${given.add(names)}::text[])[i.type + 1] as type, i.value, i.value as canonical, i.key,
         ${given.add(columnJson(sourceName))}::jsonb #>> '{}' as source, '{}'::jsonb as options, i.body, i.rank,
         null::text as reason
       from feed_member m join indicator i on i.key = m.key
       where m.feed = ${given.add(feed)} and m.present
         and (m.seq, m.key) > (${given.add(seq)}, ${given.add(key)}::uuid)
         and (m.seq, m.key) <= (${given.add(step.seq)}, ${given.add(step.key)}::uuid)`,
  )
  await transaction.execute('update forwarding set seq = $2, key = $3 where exporter = $1', [
    exporter,
    step.seq,
    step.key,
  ])
  const [written] = await transaction.query<{ total: number }>('select total from export where id = $1', [id])
  const upserts = written?.total ?? 0
  // Its members have all left the store: there is nothing to tell.
  if (upserts === 0) await transaction.execute('delete from export where id = $1', [id])
  return { upserts, more: step.more }
}

/** The last member of the next step. Several have the same position after a look at the whole list. */
async function nextStep(transaction: Transaction, { feed, seq, key }: Work, atOnce: number) {
  const behind = 'from feed_member where feed = $1 and present and (seq, key) > ($2, $3::uuid)'
  const [last, beyond] = await transaction.query<{ seq: number; key: string }>(
    `select seq, key ${behind} order by seq, key offset $4 limit 2`,
    [feed, seq, key, atOnce - 1],
  )
  if (last !== undefined) return { ...last, more: beyond !== undefined }
  const [end] = await transaction.query<{ seq: number; key: string }>(
    `select seq, key ${behind} order by seq desc, key desc limit 1`,
    [feed, seq, key],
  )
  return end === undefined ? undefined : { ...end, more: false }
}

/** What the forward wants no more: $1 exporter, $2 feed, $3 source. */
const left = `forwarded and exporter = $1 and (source <> $3 or not exists (
  select from feed_member m where m.feed = $2 and m.key = delivery.key and m.present))`
/** The product has it, or may have it. */
const sent = `(have_rank is not null or unsure or exists (
  select from delivery_waiting q where q.delivery = delivery.id and q.sent_revision is not null))`

async function takeOut(transaction: Transaction, work: Work, options: ForwardOptions) {
  const { exporter, feed, changedSeq, searchedSeq, held, accept } = work
  if (changedSeq === searchedSeq && held === null && !accept) return { removals: 0, held: null }
  if (await fetchUnderWay(transaction, options.list)) return { removals: 0, held }
  const place = [exporter, feed, options.sourceName]
  const [counted] = await transaction.query<{ removals: number; forwarded: number }>(
    `select count(*) filter (where gone) as removals, count(*) as forwarded
     from (select ${left} as gone from delivery where exporter = $1 and forwarded and ${sent}) of`,
    place,
  )
  const { removals: removing = 0, forwarded = 0 } = counted ?? {}
  const hold = accept ? undefined : holdOf(work, options, removing, forwarded)
  const allDropped = await dropUnsent(transaction, place, options.now)
  const removals = hold === undefined ? await queueRemovals(transaction, exporter, place, options.now) : 0
  await transaction.execute(
    'update forwarding set searched_seq = $2, held = $3, accept = false where exporter = $1',
    [exporter, allDropped ? changedSeq : null, hold === undefined ? null : JSON.stringify(hold)],
  )
  return { removals, held: hold ?? null }
}

async function fetchUnderWay(transaction: Transaction, { sources }: FeedDefinition): Promise<boolean> {
  const rows = await transaction.query(
    `select 1 from run r join source s on s.id = r.source where r.status = 'running'
       and (cardinality($1::text[]) = 0 or s.name = any($1::text[])) limit 1`,
    [sources],
  )
  return rows.length > 0
}

function holdOf(
  { held }: Work,
  { maxRemovalShare: share, now }: ForwardOptions,
  removals: number,
  forwarded: number,
): ForwardHeld | undefined {
  // A little room for what binary fractions can't say.
  if (removals === 0 || share >= 1 || removals / forwarded <= share + 1e-9) return undefined
  const percent = (part: number) => Math.round(part * 1000) / 10
  const reason =
    `${removals} of the ${forwarded} indicators that the product has by forwarding would be removed ` +
    `(${percent(removals / forwarded)} %); maxRemovalShare lets ${percent(share)} % leave at once. ` +
    'Look whether the sources and the filter are as they should be; resume the exporter to let them leave'
  return { since: held?.since ?? now.toISOString(), removals, forwarded, share, reason }
}

async function queueRemovals(
  transaction: Transaction,
  exporter: number,
  place: readonly unknown[],
  now: Date,
): Promise<number> {
  const ids = await lock(transaction, `${left} and ${sent}`, place)
  if (ids.length === 0) return 0
  const queue = { exporter, origin: 'forward', action: 'remove', requestedBy: null, now } as const
  await requeue(transaction, { ...queue, forwarded: false }, ids)
  return ids.length
}

/**
 * What left before anything of it was sent: there is nothing to remove, and nothing to send any more.
 * @returns false where some are taken in hand just now
 */
async function dropUnsent(transaction: Transaction, place: readonly unknown[], now: Date): Promise<boolean> {
  const ids = await lock(transaction, `${left} and not ${sent}`, place)
  if (ids.length === 0) return true
  await transaction.execute(
    'delete from delivery_waiting where delivery = any($1::bigint[]) and sent_revision is null',
    [ids],
  )
  const [dropped] = await transaction.query<{ skipped: { export: string; n: number }[]; n: number }>(
    `with dropped as (
       update delivery d set forwarded = false, no_room = false, was = d.status,
         status = case d.status when 'pending' then 'skipped' else d.status end, settled_revision = d.revision
       where d.id = any($1::bigint[]) and not exists (select from delivery_waiting q where q.delivery = d.id)
       returning d.id, d.was),
     tally as (${tallySql(
       '$2',
       `select 'skipped' as what, 1 as n from dropped where was = 'pending'
        union all select 'pending', -1 from dropped where was = 'pending'`,
     )}),
     items as (
       update export_item i set status = 'skipped', reason = 'left the filter of the forward before it was sent'
       from dropped d where i.delivery = d.id and i.status = 'pending' returning i.export)
     select
       (select coalesce(json_agg(c), '[]') from (select export, count(*) as n from items group by export) c)
         as skipped,
       (select count(*) from dropped) as n`,
    [ids, place[0]],
  )
  const { skipped = [], n = 0 } = dropped ?? {}
  await countItems(
    transaction,
    skipped.map((row) => ({ ...row, from: 'pending', to: 'skipped' }) as const),
    now,
  )
  return n === ids.length
}
