/**
 * Brings the indicators of some keys up to date with their observations, and the change log with them.
 *
 * Two transactions may touch the same key at once, each without seeing the other's observations. What was read is
 * therefore good only if nothing was committed since: the position of the clock tells, as every transaction that
 * writes an observation moves it. Where it has moved, everything is read again under the clock's lock, which the other
 * one no longer holds.
 */
import { arrayOf } from './arrays.ts'
import type { Transaction } from './database.ts'
import { type Entry, type MergedRow, mergedRow } from './indicator-row.ts'
import { roundedObservation } from './observations.ts'
import { opNumber } from './types.ts'
import { type CurrentRow, type Standing, writeVersions } from './versions.ts'

/** What the transaction has done to observations. */
export interface Touched {
  /** Every key of which an observation was written or taken out -> what was written of it. */
  readonly keys: ReadonlyMap<string, readonly Entry[]>
  /** The rows of those entries: all of one source and part. Absent: nothing was written. */
  readonly written?: {
    readonly source: number
    readonly part: number
    readonly remoteIds: readonly string[]
  }
}

export interface Settled {
  /** Indicators that left. */
  readonly removed: number
}

interface TombstoneRow {
  readonly key: string
  readonly seq: null
  readonly added_at: string
}

interface OtherRow {
  readonly key: string
  readonly source: number
  readonly expires_at: string | null
  readonly dictionary: number
  readonly body: Buffer
}

/** Keys at once: bounds memory where a whole source leaves. */
const keysAtOnce = 5_000

/** To be called last: the clock is locked from here to the end of the transaction. */
export async function settle(transaction: Transaction, touched: Touched, now: Date): Promise<Settled> {
  if (touched.keys.size === 0) return { removed: 0 }
  const [before] = await transaction.query<{ seq: number }>('select seq from clock')
  const keys = [...touched.keys.keys()]
  const parts = Array.from({ length: Math.ceil(keys.length / keysAtOnce) }, (_, n) =>
    keys.slice(n * keysAtOnce, (n + 1) * keysAtOnce),
  )
  // Only one part is read ahead, which is nearly always all there is.
  const [firstPart = []] = parts
  const readAhead = await standings(transaction, touched, firstPart)
  const [clock] = await transaction.query<{ seq: number }>('select seq from clock for no key update')
  if (before === undefined || clock === undefined) throw new Error('the table clock has no row')
  let { seq } = clock
  let removed = 0
  for (const part of parts) {
    const isGood = part === firstPart && clock.seq === before.seq
    const standing = isGood ? readAhead : await standings(transaction, touched, part, readAhead)
    const written = await writeVersions(transaction, standing, seq, now)
    seq = written.seq
    removed += written.removed
  }
  // Moved even where no indicator changed: others must see that an observation was written.
  await transaction.execute('update clock set seq = $1', [Math.max(seq, clock.seq + 1)])
  await transaction.announce()
  return { removed }
}

/** @param earlier what was read and merged before of these keys */
async function standings(
  transaction: Transaction,
  touched: Touched,
  keys: readonly string[],
  earlier: ReadonlyMap<string, Standing> = new Map(),
): Promise<ReadonlyMap<string, Standing>> {
  const [known, alone] = await Promise.all([readKnown(transaction, keys), mergeAlone(touched, keys, earlier)])
  // An indicator is there as long as an observation is: what has none has no others either.
  const current = keys.filter((key) => known.get(key)?.current !== undefined)
  const others = Map.groupBy(await readOthers(transaction, touched, current), ({ key }) => key)
  return new Map(
    keys.map((key) => {
      const found = others.get(key)
      const row = found === undefined ? alone.get(key) : merge(touched.keys.get(key) ?? [], found)
      return [key, { ...known.get(key), key, alone: alone.get(key), row }]
    }),
  )
}

/** Nearly all keys have no observations but those of this transaction: merged while the database reads. */
async function mergeAlone(
  touched: Touched,
  keys: readonly string[],
  earlier: ReadonlyMap<string, Standing>,
): Promise<ReadonlyMap<string, MergedRow | undefined>> {
  return new Map(keys.map((key) => [key, earlier.get(key)?.alone ?? merge(touched.keys.get(key) ?? [], [])]))
}

/** One look into each index for each key; `limit 1` keeps the planner from anything else. */
const knownSql = `select told.key, i.seq, i.added_seq, coalesce(i.added_at, t.added_at) as added_at, i.expires_at, i.body
  from unnest($1::uuid[]) as told (key)
  left join lateral (
    select seq, added_seq, added_at, expires_at, body from indicator where key = told.key limit 1
  ) i on true
  left join lateral (
    select added_at from change
    where i.seq is null and key = told.key and op = ${opNumber('remove')} order by seq desc limit 1
  ) t on true
  where i.seq is not null or t.added_at is not null`

async function readKnown(
  transaction: Transaction,
  keys: readonly string[],
): Promise<ReadonlyMap<string, Pick<Standing, 'current' | 'addedBefore'>>> {
  const rows = await transaction.query<CurrentRow | TombstoneRow>(knownSql, [arrayOf(keys)])
  return new Map(
    rows.map((row) => [row.key, row.seq === null ? { addedBefore: row.added_at } : { current: row }]),
  )
}

async function readOthers(
  transaction: Transaction,
  { written }: Touched,
  keys: readonly string[],
): Promise<readonly OtherRow[]> {
  if (keys.length === 0) return []
  return transaction.query<OtherRow>(
    `select key, source, expires_at, dictionary, body from observation
     where key = any($1::uuid[]) and not (source = $2 and part = $3 and remote_id = any($4::bigint[]))
     order by source, part, remote_id`,
    [arrayOf(keys), written?.source ?? 0, written?.part ?? 0, arrayOf(written?.remoteIds ?? [])],
  )
}

function merge(own: readonly Entry[], others: readonly OtherRow[]): MergedRow | undefined {
  const [first, ...rest] = [
    ...own,
    ...others.map((row) => ({
      source: row.source,
      observation: roundedObservation(row),
      expiresAt: row.expires_at,
    })),
  ]
  return first === undefined ? undefined : mergedRow([first, ...rest])
}
