/**
 * A step of the work at a ticket, in one statement, which is a transaction by itself: it is written some sixteen times
 * for each ticket. What it knows of rows that others may have changed meanwhile it has from their locks.
 */
import type { Step, TicketStore } from '../../ticket-store.ts'
import type { Database } from '../database.ts'
import { type Parameters, parameters } from '../parameters.ts'
import { columnJson, columnText } from '../values.ts'
import { heldSql, requireClaim, ticketUnknown } from './bridge-row.ts'
import { tallySql } from './tally.ts'
import { assigned, insertEffectsSql, newEffectsJson } from './ticket-row.ts'
import { readWork, readWorkAgain } from './work.ts'

export function steps(database: Database): Pick<TicketStore, 'step'> {
  return {
    async step(name, claim, step, options) {
      const given = parameters(
        name,
        claim,
        columnText(step.ticketId),
        options.now,
        options.dueAt,
        options.stirred,
      )
      const [written] = await database.query<{ begun: boolean }>(stepSql(step, given), given.values, {
        often: true,
      })
      if (written === undefined) await requireClaim(database, name, claim)
      const { before } = options
      const place = [name, claim, step.ticketId] as const
      const work = await (before === undefined
        ? readWork(database, ...place)
        : readWorkAgain(database, place, { work: before, touched: touchedBy(step) }))
      if (written === undefined || work === undefined) throw ticketUnknown(name, step.ticketId)
      return { ...work, begun: written.begun }
    },
  }
}

function touchedBy({ settle = [], begin }: Pick<Step, 'settle' | 'begin'>): readonly number[] {
  return [...settle.map(({ id }) => id), ...(begin === undefined ? [] : [begin])]
}

const now = '$4::timestamptz'

/** Only the parts that the step has: planning a statement takes longer than carrying this one out. */
function stepSql(step: Step, given: Parameters): string {
  const { settle = [], add = [], begin, events = [], planned, change = {} } = step
  const changed = assigned(change, given)
  const touchesEffects = settle.length > 0 || begin !== undefined
  const tallies = [
    ...(touchesEffects ? [effectTally] : []),
    ...(add.length > 0 ? [`select bridge, 'effect' as what, state, 1 as n from added`] : []),
    ...(changed.state === null ? [] : [ticketTally(changed.state)]),
  ]
  const parts = [
    heldSql,
    `t as materialized (
       select t.bridge, t.id, t.state, t.reason, t.incident_id, t.incident_url, t.incident_status, t.closed_by, t.memory,
         t.changed_at, t.inflight, t.due_at, t.stirred
       from held join ticket t on t.bridge = held.id and t.id = $3 for no key update of t)`,
    ...(touchesEffects ? effectParts(step, given) : []),
    ...(add.length > 0
      ? [`added as (${insertEffectsSql('select bridge, id from t', given.add(newEffectsJson(add)), now)})`]
      : []),
    ...(events.length > 0 ? [`noted as (${eventsSql(events, given)})`] : []),
    ...(tallies.length > 0 ? [`tally as (${tallySql(tallies.join(' union all '))})`] : []),
  ]
  const isAgain = begin === undefined ? '' : ' or not begun.yes'
  const sets = [
    // What came of the ticket since the work was read was not considered.
    `due_at = case when t.stirred <> $6${isAgain} then least(t.due_at, ${now}) else $5::timestamptz end`,
    ...(touchesEffects
      ? [
          `inflight = case when begun.yes then ${given.add(begin ?? null)}::bigint
             when t.inflight <> all(${given.add(settle.map(({ id }) => id))}::bigint[]) then t.inflight end`,
        ]
      : []),
    ...(changed.sql === '' ? [] : [changed.sql]),
    ...(changed.differsVisibly === 'false'
      ? []
      : [`changed_at = case when ${changed.differsVisibly} then ${now} else t.changed_at end`]),
    ...(planned === undefined
      ? []
      : [
          `planned_revision = ${given.add(planned.revision)}::integer`,
          `planned_closed = ${given.add(planned.closed)}::boolean`,
        ]),
  ]
  return `with ${parts.join(',\n')}
update ticket u set ${sets.join(', ')}
from t, (select ${touchesEffects ? `exists (select from effects where state = 'inflight')` : 'false'} as yes) begun
where u.bridge = t.bridge and u.id = t.id returning begun.yes as begun`
}

const settledColumns = `id bigint, state text, attempts integer, probes integer, due_at timestamptz,
  ambiguous_since timestamptz, reference text, error text`

/**
 * What was done or skipped stays so. What others made due meanwhile, and is not known to be tried since, stays due.
 */
function effectParts(step: Step, given: Parameters): readonly string[] {
  const { settle = [], begin } = step
  const settlements = settle.map(({ dueAt, ambiguousSince, ...each }) => ({
    ...each,
    due_at: dueAt,
    ambiguous_since: ambiguousSince,
  }))
  const settledIds = settle.map(({ id }) => id)
  const json = given.add(columnJson(settlements))
  const ids = given.add(touchedBy(step))
  const beginning = `${given.add(begin ?? null)}::bigint`
  return [
    // By their ids alone, whatever the statistics say of other indexes.
    `before as materialized (
       select e.id, e.state, e.due_at from t join effect e
         on e.bridge + 0 = t.bridge and e.ticket || '' = t.id and e.id = any(${ids}::bigint[])
       where e.state || '' not in ('done', 'skipped') order by e.id for no key update of e)`,
    `next as (
       select b.id, b.state as was, s.id is not null as settles, s.attempts, s.probes, s.ambiguous_since, s.reference, s.error,
         case when b.state <> 'inflight' and t.stirred <> $6 then least(b.due_at, s.due_at) else s.due_at end as due_at,
         case when b.id = ${beginning} and coalesce(s.state, b.state) in ('pending', 'failed', 'ambiguous')
           and (t.inflight is null or t.inflight = any(${given.add(settledIds)}::bigint[]))
         then 'inflight' else coalesce(s.state, b.state) end as state
       from t, before b left join json_to_recordset(${json}::json) as s (${settledColumns}) on s.id = b.id)`,
    `effects as (
       update effect e set state = n.state, updated_at = ${now},
         attempts = case when n.settles then n.attempts else e.attempts end,
         probes = case when n.state = 'inflight' then 0 when n.settles then n.probes else e.probes end,
         due_at = case when n.settles then n.due_at else e.due_at end,
         ambiguous_since = case when n.state = 'inflight' then null when n.settles then n.ambiguous_since else e.ambiguous_since end,
         reference = case when n.settles then n.reference else e.reference end,
         error = case when n.settles then n.error else e.error end
       from next n where e.id = n.id and (n.settles or n.state <> n.was)
       returning e.bridge, e.id, e.state, n.was)`,
  ]
}

const effectTally = `
  select bridge, 'effect' as what, state, 1 as n from effects where state <> was
  union all select bridge, 'effect', was, -1 from effects where state <> was`

const ticketTally = (state: string) => `
  select bridge, 'ticket' as what, ${state} as state, 1 as n from t where t.state <> ${state}
  union all select bridge, 'ticket', t.state, -1 from t where t.state <> ${state}`

/** One of the same moment and words was written by this step, whose answer was lost. */
function eventsSql(events: NonNullable<Step['events']>, given: Parameters): string {
  const json = given.add(columnJson(events.map(({ kind, detail }, n) => ({ n, kind, detail }))))
  return `insert into ticket_event (bridge, ticket, at, kind, detail)
    select t.bridge, t.id, ${now}, r.kind, r.detail from t,
      json_to_recordset(${json}::json) as r (n integer, kind text, detail text)
    where not exists (select from ticket_event e
      where e.bridge = t.bridge and e.ticket = t.id and e.at = ${now} and e.kind = r.kind and e.detail = r.detail)
    order by r.n`
}
