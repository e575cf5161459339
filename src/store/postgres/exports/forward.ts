/**
 * What changed in a forward's list becomes exports: upserts of what came or changed, step by step behind the position
 * of its members, then removals of what left.
 */
import type { DeliveryStore, ForwardOptions } from '../../delivery-store.ts'
import { type Database, patient, type Transaction } from '../database.ts'
import { typeNames } from '../types.ts'
import { columnJson } from '../values.ts'
import { beginForward, type ForwardWork } from './forward-place.ts'
import { takeOut } from './forward-removals.ts'
import { queueRows } from './queue.ts'

/** @param atOnce deliveries of one transaction, with an export of their own */
export function forwarding(database: Database, atOnce = 5_000): Pick<DeliveryStore, 'forward'> {
  return {
    async forward(name, claim, options) {
      const given = { name, claim, options }
      const { upserts, more } = await database.transaction(async (transaction) => {
        const work = await beginForward(transaction, given)
        return queueUpserts(transaction, work, options, atOnce)
      }, patient)
      const { removals, held } = await takeOut(database, given, { atOnce, wait: more })
      return { upserts, removals, held, more }
    },
  }
}

async function queueUpserts(
  transaction: Transaction,
  work: ForwardWork,
  { sourceName, now }: ForwardOptions,
  atOnce: number,
) {
  const { exporter, feed, seq, key } = work
  const step = await nextStep(transaction, work, atOnce)
  if (step === undefined) return { upserts: 0, more: false }
  const id = await queueRows(
    transaction,
    { exporter, origin: 'forward', action: 'upsert', requestedBy: null, forwarded: true, now },
    (given) =>
      `select row_number() over (order by m.seq, m.key) - 1 as position,
         (${given.add(typeNames)}::text[])[i.type + 1] as type, i.value, i.value as canonical, i.key,
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

/** The last member of the next step. Many have the same position after a look at the whole list. */
async function nextStep(transaction: Transaction, { feed, seq, key }: ForwardWork, atOnce: number) {
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
