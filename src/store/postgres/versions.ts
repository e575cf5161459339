/** Versions of indicators: those that come, and those that they replace, which move to the change log. */
import { arrayOf, inSlices, packed } from './arrays.ts'
import type { Transaction } from './database.ts'
import { indicatorColumns, type MergedRow } from './indicator-row.ts'
import { opNumber } from './types.ts'

export interface CurrentRow {
  readonly key: string
  readonly seq: number
  readonly added_seq: number
  readonly added_at: string
  readonly expires_at: string | null
  readonly body: string
}

/** A key with everything that decides on its next version. */
export interface Standing {
  readonly key: string
  readonly current?: CurrentRow
  /** When it first came, of one that is not there now: it keeps that when it comes back. */
  readonly addedBefore?: string
  /** Of the observations that this transaction wrote; undefined: none. */
  readonly alone: MergedRow | undefined
  /** Of all observations; undefined: none is left. */
  readonly row: MergedRow | undefined
}

interface Version {
  readonly key: string
  readonly seq: number
  readonly added_seq: number
  readonly added_at: string
  readonly row: MergedRow
}

/**
 * Under the clock's lock.
 * @param after the last position that is taken
 * @returns the last position taken then, and how many indicators left
 */
export async function writeVersions(
  transaction: Transaction,
  standing: ReadonlyMap<string, Standing>,
  after: number,
  now: Date,
): Promise<{ readonly seq: number; readonly removed: number }> {
  const added: Version[] = []
  const updated: Version[] = []
  const replaced: string[] = []
  const removals: { key: string; seq: number }[] = []
  let seq = after
  for (const { key, current, addedBefore, row } of standing.values()) {
    if (current === undefined) {
      if (row === undefined) continue
      seq++
      added.push({ key, seq, added_seq: seq, added_at: addedBefore ?? now.toISOString(), row })
    } else if (row === undefined) {
      replaced.push(key)
      removals.push({ key, seq: ++seq })
    } else if (row.body !== current.body) {
      const { added_seq, added_at } = current
      updated.push({ key, seq: ++seq, added_seq, added_at, row })
      // Longer lives come with every fetch: their versions would fill the log and tell nothing. Only the addition
      // stays, without which an update would be of what no reader knows.
      const isAddition = current.seq === current.added_seq
      if (isAddition || row.bodyExpiring(current.expires_at) !== current.body) replaced.push(key)
    }
  }
  await keepReplaced(transaction, replaced)
  await writeRemovals(transaction, removals, now)
  await writeIndicators(transaction, added, now, '')
  await writeIndicators(transaction, updated, now, onConflict)
  return { seq, removed: removals.length }
}

async function keepReplaced(transaction: Transaction, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await transaction.execute(
    `insert into change (seq, key, op, at, added_at, body)
     select seq, key, case when seq = added_seq then ${opNumber('add')} else ${opNumber('update')} end,
       changed_at, added_at, body
     from indicator where key = any($1::uuid[])`,
    [arrayOf(keys)],
  )
}

async function writeRemovals(
  transaction: Transaction,
  removals: readonly { readonly key: string; readonly seq: number }[],
  now: Date,
): Promise<void> {
  if (removals.length === 0) return
  const keys = arrayOf(removals.map(({ key }) => key))
  await transaction.execute(
    `insert into change (seq, key, op, at, added_at, body)
     select r.seq, i.key, ${opNumber('remove')}, greatest($3, i.changed_at), i.added_at, i.body
     from unnest($1::uuid[], $2::bigint[]) as r (key, seq) join indicator i using (key)`,
    [keys, arrayOf(removals.map(({ seq }) => seq)), now],
  )
  await transaction.execute('delete from indicator where key = any($1::uuid[])', [keys])
}

const columnNames = indicatorColumns.split(', ').map((column) => column.replace(/ .*/, ''))

const insertIndicators = `insert into indicator
    (key, seq, added_seq, added_at, changed_at, ${columnNames.join(', ')}, body)
  select r.key, r.seq, r.added_seq, r.added_at, greatest($3, r.added_at), ${columnNames.map((name) => `r.${name}`).join(', ')},
    convert_from(substring($2::bytea from r.at for r.length), 'UTF8')
  from json_to_recordset($1::json) as r
    (key uuid, seq bigint, added_seq bigint, added_at timestamptz, ${indicatorColumns}, at integer, length integer)`

/** Times do not go back where the clocks of replicas differ. */
const onConflict = ` on conflict (key) do update set
  changed_at = greatest(excluded.changed_at, indicator.changed_at),
  ${['seq', ...columnNames, 'body'].map((name) => `${name} = excluded.${name}`).join(', ')}`

async function writeIndicators(
  transaction: Transaction,
  versions: readonly Version[],
  now: Date,
  tail: string,
): Promise<void> {
  await inSlices(versions, rowsOf, ([rows, bodies]) =>
    transaction.execute(insertIndicators + tail, [rows, bodies, now]),
  )
}

function rowsOf(versions: readonly Version[]): readonly [rows: string, bodies: Buffer] {
  const bodies = packed(versions.map(({ row }) => row.body))
  const rows = versions.map(({ row, ...version }, place) => ({
    ...version,
    ...row.columns,
    ...bodies.places[place],
  }))
  return [JSON.stringify(rows), bodies.bytes]
}
