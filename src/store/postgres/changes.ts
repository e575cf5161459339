/**
 * The change log: what `indicator` and `change` hold together. A version that is replaced moves from one to the other
 * in the transaction that replaces it, so each statement sees every version once.
 */
import type { Indicator } from '../../model/indicator.ts'
import type { ChangeLog, ChangeText } from '../change-log.ts'
import type { Database } from './database.ts'
import { opName } from './types.ts'

export function changeStore(database: Database): ChangeLog {
  const changeTexts: ChangeLog['changeTexts'] = async (since, upTo, limit) => {
    const rows = await database.query<ChangeRow>(changesSql, [since, upTo, limit])
    return rows.map(changeOf)
  }
  const clock = async () => {
    const [row] = await database.query<{ seq: number; horizon: number }>('select seq, horizon from clock')
    if (row === undefined) throw new Error('the store has no clock')
    return row
  }
  return {
    changeTexts,
    onCommit: database.onCommit,
    head: async () => (await clock()).seq,
    horizon: async () => (await clock()).horizon,
    async changes(since, limit) {
      const found = await changeTexts(since, Number.MAX_SAFE_INTEGER, limit)
      return found.map(({ op, seq, json }) => ({ op, seq, indicator: JSON.parse(json) as Indicator }))
    },
    async logState() {
      const rows = await database.query<StateRow>(stateSql)
      const current = rows.at(-1)
      if (current === undefined) throw new Error('the store has no clock or no epoch')
      const { seq: head, horizon, epoch } = current
      return { head, horizon, epoch, ends: new Map(rows.map((row) => [row.epoch, row.ends])) }
    },
  }
}

interface ChangeRow {
  readonly seq: number
  readonly op: number
  readonly body: string
}

function changeOf({ seq, op, body }: ChangeRow): ChangeText {
  return { op: opName(op), seq, json: body }
}

/**
 * Of what has been pruned some versions may still be there, without the removal that followed: they are left out, so
 * that whoever begins there has what is current. The limits inside keep the plan at the two indexes by position,
 * whatever the statistics say.
 */
const changesSql = `
select seq, op, body from (
  (select seq, op, body from change
    where seq > greatest($1, (select horizon from clock)) and seq <= $2 order by seq limit $3)
  union all
  (select seq, case when seq = added_seq then 0 else 1 end::smallint, body from indicator
    where seq > $1 and seq <= $2 order by seq limit $3)
) as log
order by seq limit $3`

interface StateRow {
  readonly seq: number
  readonly horizon: number
  readonly epoch: string
  readonly ends: number
}

/** An epoch ends where the next one began. */
const stateSql = `
select clock.seq, clock.horizon, left(replace(epoch.id::text, '-', ''), 12) as epoch,
  lead(epoch.seq, 1, clock.seq) over (order by epoch.number) as ends
from clock, epoch order by epoch.number`
