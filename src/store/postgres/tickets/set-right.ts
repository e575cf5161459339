/** What people do to effects. */
import type { TicketStore } from '../../ticket-store.ts'
import type { EffectState } from '../../tickets.ts'
import type { Database } from '../database.ts'
import { retryDueSql } from './health.ts'
import { readEffect } from './read.ts'
import { tallySql } from './tally.ts'
import { lockTicket, stirSql } from './ticket-row.ts'

export function settingRight(database: Database): Pick<TicketStore, 'setEffect'> {
  return {
    async setEffect(id, to, now) {
      if (!Number.isSafeInteger(id)) return undefined
      return database.transaction(async (transaction) => {
        const [place] = await transaction.query<{ bridge: number; ticket: string }>(
          'select bridge, ticket from effect where id = $1',
          [id],
        )
        if (place === undefined) return undefined
        await lockTicket(transaction, place.bridge, place.ticket)
        const changed = await transaction.execute(setSql[to], [id, now])
        const effect = await readEffect(transaction, id)
        return effect && { effect, changed: changed > 0 }
      })
    },
  }
}

const now = '$2::timestamptz'

/** Its ticket is locked. @param set @param states that allow it */
const changeSql = (set: string, states: readonly EffectState[]) => `
with before as materialized (
  select id, state from effect where id = $1 and state in (${states.map((state) => `'${state}'`).join()})),
changed as (
  update effect e set ${set}, updated_at = ${now} from before b where e.id = b.id
  returning e.bridge, e.ticket, e.state, b.state as was),
tally as (${tallySql(`
  select bridge, 'effect' as what, state, 1 as n from changed union all select bridge, 'effect', was, -1 from changed`)})
update ticket t set ${stirSql(now)} from changed c where t.bridge = c.bridge and t.id = c.ticket`

/** An ambiguous one stays so: sent again without a look it might be carried out twice. */
const setSql = {
  retry: changeSql(
    `state = case when e.state = 'ambiguous' then e.state else 'pending' end,
     attempts = case when e.state = 'ambiguous' then e.attempts else 0 end,
     due_at = ${retryDueSql(now)}`,
    ['dead', 'failed', 'ambiguous'],
  ),
  skip: changeSql(`state = 'skipped', probes = 0, ambiguous_since = null`, [
    'pending',
    'dead',
    'failed',
    'ambiguous',
  ]),
}
