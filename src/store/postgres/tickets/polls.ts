/** Readings of the desks. */
import { randomUUID } from 'node:crypto'
import { ServiceError } from '../../../errors.ts'
import type { Poll } from '../../poll-store.ts'
import type { TicketStore } from '../../ticket-store.ts'
import { type EffectState, effectStates } from '../../tickets.ts'
import type { Database } from '../database.ts'
import { isUuid } from '../keys.ts'
import type { Queryable } from '../queryable.ts'
import { columnJson } from '../values.ts'
import { bridgeNumber } from './bridge-row.ts'
import { fromPolls, holdPoll, pollColumns, pollNow, readPoll } from './poll-row.ts'

export function polls(
  database: Database,
): Pick<
  TicketStore,
  | 'pollState'
  | 'startPoll'
  | 'claimPoll'
  | 'endPoll'
  | 'poll'
  | 'latestPoll'
  | 'polls'
  | 'pollEffects'
  | 'pollUnplanned'
> {
  return {
    pollState: async (name) => pollStateOf(database, await bridgeNumber(database, name)),

    async startPoll(name, now) {
      const bridge = await bridgeNumber(database, name)
      // A poll that is in the way may end before it is read: then there is room for a new one.
      for (;;) {
        const id = randomUUID()
        const started = await database.execute(
          `insert into poll (id, bridge, started_at) values ($1, $2, $3)
           on conflict (bridge) where status = 'running' do nothing`,
          [id, bridge, now],
        )
        if (started > 0) return { poll: await pollNow(database, id), joined: false }
        const [running] = await database.query<Poll>(
          `select ${pollColumns} ${fromPolls} where p.bridge = $1 and p.status = 'running'`,
          [bridge],
        )
        if (running !== undefined) return { poll: running, joined: true }
      }
    },

    async claimPoll(id) {
      if (!isUuid(id)) return undefined
      const [row] = await database.query<{ claim: number }>(
        `update poll set claim = claim + 1 where id = $1 and status = 'running' returning claim`,
        [id],
      )
      return row?.claim
    },

    endPoll: (id, claim, { status, errors, gap, now }) =>
      database.transaction(async (transaction) => {
        const { bridge, startedAt } = await holdPoll(transaction, id, claim)
        await transaction.execute('update poll set status = $2, errors = $3, ended_at = $4 where id = $1', [
          id,
          status,
          columnJson(errors),
          now,
        ])
        if (status === 'succeeded' || gap !== undefined) {
          await transaction.execute(
            `update bridge_end set read_at = greatest(read_at, $2), gap = coalesce($3, gap)
             where bridge = $1 and side = 'desk'`,
            [bridge, status === 'succeeded' ? startedAt : null, gap === undefined ? null : columnJson(gap)],
          )
        }
        return pollNow(transaction, id)
      }),

    poll: (id) => readPoll(database, id),

    async latestPoll(bridges) {
      const [row] = await database.query<Poll>(
        `select ${pollColumns} ${fromPolls} where p.bridge = any(array(select id from bridge where name = any($1::text[])))
         order by p.started_at desc, p.id limit 1`,
        [bridges],
      )
      return row
    },

    async polls(name, { limit, before }) {
      const bridge = await bridgeNumber(database, name)
      const last = before === undefined ? undefined : await readPoll(database, before)
      if (before !== undefined && last === undefined) {
        throw new ServiceError('RUN_UNKNOWN', `no poll ${before}`)
      }
      return database.query<Poll>(
        `select ${pollColumns} ${fromPolls}
         where p.bridge = $1 and ($2::timestamptz is null or p.started_at <= $2
           and (p.started_at < $2 or p.id > $3::uuid))
         order by p.started_at desc, p.id limit $4`,
        [bridge, last?.startedAt ?? null, last?.id ?? null, limit],
      )
    },

    async pollEffects(id) {
      const rows = isUuid(id)
        ? await database.query<{ state: EffectState; n: number }>(
            `select e.state, count(*) as n from ticket t join effect e on e.bridge = t.bridge and e.ticket = t.id
             where t.poll = $1 group by e.state`,
            [id],
          )
        : []
      const found = new Map(rows.map(({ state, n }) => [state, n]))
      return Object.fromEntries(effectStates.map((state) => [state, found.get(state) ?? 0])) as Record<
        EffectState,
        number
      >
    },

    async pollUnplanned(id) {
      if (!isUuid(id)) return 0
      const [row] = await database.query<{ n: number }>(
        'select count(*) as n from ticket where poll = $1 and planned_revision < revision',
        [id],
      )
      return row?.n ?? 0
    },
  }
}

/** @param bridge its number */
export async function pollStateOf(session: Queryable, bridge: number): ReturnType<TicketStore['pollState']> {
  const newest = (condition: string) =>
    session.query<Poll>(
      `select ${pollColumns} ${fromPolls} where p.bridge = $1 ${condition}
       order by p.started_at desc, p.id limit 1`,
      [bridge],
    )
  const [last] = await newest('')
  const [lastEnded] = last?.status === 'running' ? await newest(`and p.status <> 'running'`) : [last]
  const [end] = await session.query<{
    completeAt: string | null
    gap: { readonly from: string; readonly to: string } | null
  }>(`select read_at as "completeAt", gap from bridge_end where bridge = $1 and side = 'desk'`, [bridge])
  return {
    ...(last !== undefined && { last }),
    ...(lastEnded !== undefined && { lastEnded }),
    completeAt: end?.completeAt ?? null,
    gap: end?.gap ?? null,
  }
}
