/** Bridges, and how it goes with their ends. */
import type { Health } from '../../health.ts'
import type { BridgeEnd, BridgeState, TicketStore } from '../../ticket-store.ts'
import type { EffectState } from '../../tickets.ts'
import { type Database, patient } from '../database.ts'
import { columnJson, timeText } from '../values.ts'
import { bridgeUnknown } from './bridge-row.ts'
import { pollStateOf } from './polls.ts'
import { addUp, readTallies } from './tally.ts'
import { stirSql } from './ticket-row.ts'

export function bridges(
  database: Database,
): Pick<
  TicketStore,
  'registerBridges' | 'bridgeHealth' | 'saveBridgeHealth' | 'resumeBridge' | 'bridgeStates'
> {
  return {
    registerBridges: (names) =>
      database.transaction(async (transaction) => {
        await transaction.execute(
          `insert into bridge (name) select unnest($1::text[]) except select name from bridge
           on conflict (name) do nothing`,
          [names],
        )
        await transaction.execute(
          `insert into bridge_end (bridge, side) select id, side from bridge, unnest(array['desk', 'sink']) side
           on conflict do nothing`,
        )
      }),

    async bridgeHealth(name, end) {
      const [row] = await database.query<Health>(
        `select ${healthColumns} from bridge b join bridge_end e on e.bridge = b.id where b.name = $1 and e.side = $2`,
        [name, end],
      )
      if (row === undefined) throw bridgeUnknown(name)
      return row
    },

    async saveBridgeHealth(name, end, { circuit, failures, waitUntil, error }) {
      const written = await database.execute(
        `update bridge_end set circuit = $3, failures = $4, wait_until = $5, error = $6
         where bridge = (select id from bridge where name = $1) and side = $2`,
        [name, end, circuit, failures, waitUntil, error === null ? null : columnJson(error)],
      )
      if (written === 0) throw bridgeUnknown(name)
    },

    resumeBridge: (name, now) =>
      database.transaction(async (transaction) => {
        const [row] = await transaction.query<{ id: number }>(
          `update bridge_end e set circuit = 'closed', failures = 0, wait_until = null from bridge b
           where b.name = $1 and e.bridge = b.id returning b.id`,
          [name],
        )
        if (row === undefined) throw bridgeUnknown(name)
        const tickets = await transaction.query<{ id: string }>(waitingSql, [row.id])
        if (tickets.length === 0) return
        await transaction.execute(wakeSql, [row.id, tickets.map(({ id }) => id), now])
      }, patient),

    async bridgeStates(names) {
      const rows = await database.query<StateRow>(statesSql, [names])
      const tallies = await readTallies(
        database,
        rows.map(({ id }) => id),
      )
      const states: BridgeState[] = []
      for (const name of names) {
        const row = rows.find((each) => each.name === name)
        const tally = row && tallies.get(row.id)
        if (row === undefined || tally === undefined) throw bridgeUnknown(name)
        const { id, desk, sink, ...state } = row
        const { isLong, ...counts } = tally
        if (isLong) await addUp(database, id)
        const poll = await pollStateOf(database, id)
        states.push({ ...state, desk: healthOf(desk), sink: healthOf(sink), ...counts, poll })
      }
      return states
    },
  }
}

interface StateRow extends Pick<BridgeState, 'name' | 'oldestPendingAt' | 'changesAt'> {
  readonly id: number
  readonly desk: Health
  readonly sink: Health
}

const healthColumns = `e.circuit, e.failures, e.wait_until as "waitUntil", e.error`

const endSql = (side: BridgeEnd) =>
  `select row_to_json(h) from (
     select e.circuit, e.failures, e.wait_until::text as "waitUntil", e.error
     from bridge_end e where e.bridge = b.id and e.side = '${side}') h`

const stillToBeDone = ['pending', 'inflight', 'ambiguous', 'failed'] satisfies readonly EffectState[]

/** The ids are in the order of planning: of each state the first one is the oldest. */
const oldest = stillToBeDone.map(
  (state) => `(select created_at from effect where bridge = b.id and state = '${state}' order by id limit 1)`,
)

const statesSql = `
select b.id, b.name, (${endSql('desk')}) as desk, (${endSql('sink')}) as sink, least(${oldest.join()}) as "oldestPendingAt",
  (select read_at from bridge_end where bridge = b.id and side = 'sink') as "changesAt"
from bridge b where b.name = any($1::text[])`

function healthOf({ waitUntil, ...health }: Health): Health {
  return { ...health, waitUntil: waitUntil === null ? null : timeText(waitUntil) }
}

/** Those that have something to do, whenever it is due: a paused end keeps it waiting for no certain time. */
const waitingSql = `
select id from ticket where bridge = $1 and id in (
  select id from ticket where bridge = $1 and due_at is not null
  union select ticket from effect where bridge = $1 and state in ('pending', 'ambiguous', 'failed'))
order by id for no key update`

/** What may have been carried out is not looked up sooner than it settles. */
export const retryDueSql = (now: string) =>
  `case when e.state = 'ambiguous' then least(e.due_at, greatest(${now}, e.ambiguous_since + interval '5 s'))
    else least(e.due_at, ${now}) end`

const wakeSql = `
with woken as (
  update effect e set due_at = ${retryDueSql('$3::timestamptz')}
  where bridge = $1 and ticket = any($2) and state in ('pending', 'ambiguous', 'failed') and due_at > $3::timestamptz)
update ticket set ${stirSql('$3::timestamptz')} where bridge = $1 and id = any($2)`
