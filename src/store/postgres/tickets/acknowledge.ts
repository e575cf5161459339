/** Which versions of tickets the desk was told that we have. */
import type { TicketStore } from '../../ticket-store.ts'
import type { Database } from '../database.ts'
import { columnJson, columnText } from '../values.ts'
import { bridgeNumber } from './bridge-row.ts'
import { holdPoll, mostListed } from './poll-row.ts'

export function acknowledgements(
  database: Database,
): Pick<TicketStore, 'unacknowledged' | 'noteAcknowledged'> {
  return {
    async unacknowledged(name, { limit, receivedBefore, ticketId }) {
      const bridge = await bridgeNumber(database, name)
      return database.query<{ ticketId: string; version: string }>(waitingSql, [
        bridge,
        receivedBefore ?? null,
        ticketId === undefined ? null : columnText(ticketId),
        limit,
      ])
    },

    noteAcknowledged: (name, answers, { poll, now }) =>
      database.transaction(async (transaction) => {
        const held = poll === undefined ? undefined : await holdPoll(transaction, poll.id, poll.claim)
        const bridge = await bridgeNumber(transaction, name)
        const json = columnJson(answers)
        await transaction.query(
          `select from ticket where bridge = $1 and id = any($2) order by id for no key update`,
          [bridge, [...new Set(answers.map(({ ticketId }) => columnText(ticketId)))]],
        )
        const [noted] = await transaction.query<{ n: number }>(noteSql, [bridge, json, now])
        await transaction.execute(supersedeSql, [bridge, json, now])
        if (poll === undefined || held === undefined) return
        const refused = answers
          .filter(({ ok }) => !ok)
          .map(({ ticketId, code }) => ({ ticketId: columnText(ticketId), code: columnText(code) }))
        await transaction.execute(
          'update poll set acknowledged = acknowledged + $2, refused = $3 where id = $1',
          [poll.id, noted?.n ?? 0, columnJson([...held.refused, ...refused].slice(0, mostListed))],
        )
      }),
  }
}

/** A newer state of the ticket is the newer version; of the same state the one that came later. */
const order = (version: string) => `(not ${version}.outdated, ${version}.position)`

/** All that wait are read: they are few, but where a desk takes none. */
const waitingSql = `
select ticket as "ticketId", version from (
  select distinct on (ticket) ticket, version, received_at, position from ticket_version
  where bridge = $1 and acknowledged_at is null and ($3::text is null or ticket = $3)
  order by ticket, outdated, position desc) newest
where $2::timestamptz is null or received_at < $2
order by position limit $4`

const answered = `json_to_recordset($2::json) as a ("ticketId" text, version text, ok boolean, code text)`

const noteSql = `
with noted as (
  update ticket_version v set ack_code = a.code, acknowledged_at = case when a.ok then $3::timestamptz end
  from ${answered} where v.bridge = $1 and v.ticket = a."ticketId" and v.version = a.version and v.acknowledged_at is null
  returning v.acknowledged_at)
select count(acknowledged_at) as n from noted`

/** What is older than one that was acknowledged need not be any more. */
const supersedeSql = `
update ticket_version v set acknowledged_at = $3, ack_code = 'SUPERSEDED'
from ${answered} join ticket_version n on n.bridge = $1 and n.ticket = a."ticketId" and n.version = a.version
where a.ok and v.bridge = $1 and v.ticket = n.ticket and v.acknowledged_at is null and ${order('v')} < ${order('n')}`
