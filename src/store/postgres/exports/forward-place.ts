/** How far a forward got. */
import type { ForwardHeld, ForwardOptions } from '../../delivery-store.ts'
import { definitionHash } from '../feeds-filter.ts'
import type { Queryable } from '../queryable.ts'
import { holdClaim } from './exporter-row.ts'

export interface Forward {
  readonly name: string
  readonly claim: number
  readonly options: ForwardOptions
}

export interface ForwardWork {
  readonly exporter: number
  readonly feed: number
  /** Position at which the list last changed. */
  readonly changedSeq: number
  /** The last member that was queued. */
  readonly seq: number
  readonly key: string
  /** Whatever left up to this position was taken out; null: the whole list is to be compared. */
  readonly searchedSeq: number | null
  /** Position of the list for which removals are held, and when that was found. */
  readonly lookedSeq: number | null
  /** RFC 3339. */
  readonly lookedAt: string | null
  readonly held: ForwardHeld | null
  readonly accept: boolean
}

/**
 * One worker at a time, until the transaction ends. Another list, or another name for what is in it, begins from the
 * front.
 * @throws ClaimLost, ServiceError EXPORTER_UNKNOWN
 */
export async function beginForward(
  transaction: Queryable,
  { name, claim, options: { list, sourceName } }: Forward,
): Promise<ForwardWork> {
  const exporter = await holdClaim(transaction, name, claim)
  const place = await placeOf(transaction, exporter, 'for update')
  const feed = await feedOf(transaction, list.name)
  if (place === undefined || feed === undefined || feed.definition !== definitionHash(list)) {
    // Were it taken for an empty one, everything would be removed.
    throw new Error(`the list ${list.name} was not refreshed as it is defined now`)
  }
  const { source, feed: before, ...rest } = place
  const work = { ...rest, exporter, feed: feed.id, changedSeq: feed.changedSeq }
  if (before === feed.id && source === sourceName) return work
  const [reset] = await transaction.query<Pick<ForwardWork, 'seq' | 'key'>>(
    `update forwarding set feed = $2, source = $3, seq = default, key = default, searched_seq = null, looked_seq = null
     where exporter = $1 returning seq, key`,
    [exporter, feed.id, sourceName],
  )
  return { ...work, ...reset, searchedSeq: null, lookedSeq: null }
}

interface Place extends Omit<ForwardWork, 'exporter' | 'feed' | 'changedSeq'> {
  readonly feed: number | null
  readonly source: string | null
}

/** As it was left. */
export async function placeOf(
  session: Queryable,
  exporter: number,
  lock: '' | 'for update' = '',
): Promise<Place | undefined> {
  const [place] = await session.query<Place>(
    `select feed, source, seq, key, searched_seq as "searchedSeq", looked_seq as "lookedSeq",
       looked_at as "lookedAt", held, accept
     from forwarding where exporter = $1 ${lock}`,
    [exporter],
  )
  return place
}

export async function feedOf(
  session: Queryable,
  list: string,
): Promise<{ readonly id: number; readonly definition: string; readonly changedSeq: number } | undefined> {
  const [feed] = await session.query<{ id: number; definition: string; changedSeq: number }>(
    'select id, definition, changed_seq as "changedSeq" from feed where name = $1',
    [list],
  )
  return feed
}
