/** Which effect is next, and how a ticket stands, as tables. */
import t from 'tap'
import { nextEffect, type Readiness, stateOf } from '../../../src/pipeline/bridge/lanes.ts'
import { afterLook, afterTry, type Policy, verdictOf } from '../../../src/pipeline/bridge/outcome.ts'
import type { Effect, EffectKind, EffectState } from '../../../src/store/tickets.ts'
import { IncidentGone } from '../../../src/tickets/incident-sink.ts'
import { Refused } from '../../../src/tickets/refused.ts'
import { errorOf } from './faults.ts'

const now = Date.parse('2026-03-10T12:00:00Z')

/** `create pending +5`: due in five seconds. */
function effects(...lines: readonly string[]): Effect[] {
  return lines.map((line, index) => {
    const [name = '', state = 'pending', due = '0'] = line.split(' ')
    const [kind = '', key = String(index)] = name.split('/')
    return {
      id: index + 1,
      bridge: 'ctp',
      ticketId: 'IN1',
      kind: kind as EffectKind,
      key,
      payload: {},
      state: state as EffectState,
      attempts: 0,
      probes: 0,
      dueAt: new Date(now + Number(due) * 1000).toISOString(),
      ambiguousSince: state === 'ambiguous' ? new Date(now).toISOString() : null,
      reference: null,
      error: state === 'dead' ? 'no' : null,
      createdAt: new Date(now).toISOString(),
      updatedAt: new Date(now).toISOString(),
    }
  })
}

const ready: Readiness = { now, quietAt: 0, deskAt: 0, canLook: true }

/** Expected: `try 2` of the second one, `in 5` seconds, `never`. */
const nexts: readonly (readonly [what: string, lines: readonly string[], string, Partial<Readiness>?])[] = [
  ['nothing', [], 'never'],
  ['the first', ['create', 'note'], 'try 1'],
  ['all wait for the incident', ['create failed +9', 'note', 'attachment', 'ctp_worklog'], 'in 9'],
  ['a dead create keeps all back', ['create dead', 'note', 'patch'], 'never'],
  ['a create that was added later does so, too', ['note', 'create failed +9'], 'in 9'],
  ['notes keep their order', ['note failed +9', 'note', 'note'], 'in 9'],
  ['a dead note keeps none back', ['note dead', 'note'], 'try 2'],
  ['fields wait for earlier ones', ['patch ambiguous +5', 'close', 'reopen'], 'in 5'],
  ['a dead patch keeps no closing back', ['patch dead', 'close'], 'try 2'],
  ['lanes do not wait for each other', ['note failed +9', 'attachment failed +9', 'patch'], 'try 3'],
  ['each attachment has a lane of its own', ['attachment/1 failed +9', 'attachment/2'], 'try 2'],
  ['the desk has one lane', ['ctp_worklog failed +9', 'ctp_close'], 'in 9'],
  ['the earliest of what waits', ['note failed +9', 'patch failed +3'], 'in 3'],
  ['what is under way waits for itself', ['note inflight', 'note'], 'never'],
  ['12: what is ambiguous is looked up', ['create ambiguous'], 'look 1'],
  ['37: what looks before it writes is repeated', ['patch ambiguous'], 'try 1'],
  ['where nothing can be looked up it is repeated', ['note ambiguous'], 'try 1', { canLook: false }],
  ['but at the desk', ['ctp_close ambiguous'], 'look 1', { canLook: false }],
  ['not while another worker may have it under way', ['note ambiguous'], 'in 4', { quietAt: now + 4000 }],
  ['what was not begun does not wait for that', ['note'], 'try 1', { quietAt: now + 4000 }],
  ['32: the desk takes nothing now', ['attachment', 'ctp_close', 'note'], 'try 3', { deskAt: now + 7000 }],
  ['the desk takes nothing now, nothing else waits', ['attachment'], 'in 7', { deskAt: now + 7000 }],
  ['the desk is paused', ['attachment', 'ctp_close'], 'never', { deskAt: null }],
]
for (const [what, lines, expected, more] of nexts) {
  t.test(`next: ${what}`, async (t) => {
    const next = nextEffect(effects(...lines), { ...ready, ...more })
    const told =
      next.effect !== undefined
        ? `${next.how} ${next.effect.id}`
        : next.dueAt === null
          ? 'never'
          : `in ${(next.dueAt - now) / 1000}`
    t.equal(told, expected)
  })
}

const open = { id: '2001', url: null, status: 'open' } as const
const states = [
  ['no incident', { state: 'pending', incident: null }, ['create'], 'creating'],
  ['open', { state: 'creating', incident: open }, ['note'], 'open'],
  ['about to be closed', { state: 'open', incident: open }, ['close failed'], 'closing'],
  ['closed', { state: 'closing', incident: { ...open, status: 'closed' } }, ['note'], 'closed'],
  ['something is dead', { state: 'open', incident: open }, ['note dead', 'close'], 'error'],
  ['deleted', { state: 'tombstone', incident: { ...open, status: 'deleted' } }, ['note dead'], undefined],
  ['left out', { state: 'skipped', incident: null }, [], undefined],
] as const
t.test('how a ticket stands', async (t) => {
  for (const [what, record, lines, expected] of states) {
    t.equal(stateOf(record, effects(...lines))?.state, expected, what)
  }
})

const policy: Policy = {
  retry: { attempts: 3, initialMs: 1000, maxMs: 60_000 },
  settleMs: [5000, 15_000, 45_000],
  ...{ isOut: false, isOpen: false },
  failures: 1,
  now,
  random: 0.5,
}
const sink = (kind: Parameters<typeof errorOf>[1], more = {}) => errorOf('sink', kind, more)

/** State, attempts and seconds until it is due. */
const tries: readonly (readonly [
  what: string,
  error: unknown,
  attempts: number,
  string,
  Partial<Policy>?,
])[] = [
  ['refused', sink('rejected'), 0, 'dead 1 0'],
  ['refused by ourselves', new Refused('no'), 0, 'dead 1 0'],
  ['no connection', sink('unavailable'), 0, 'failed 1 1'],
  ['no connection, twice', sink('unavailable'), 1, 'failed 2 2'],
  ['no connection, for the last time', sink('unavailable'), 2, 'dead 3 4'],
  ['no connection in an outage', sink('unavailable'), 2, 'failed 2 4', { isOut: true, isOpen: true }],
  ['409', sink('unavailable', { status: 409 }), 0, 'failed 1 1'],
  ['408', sink('unavailable', { status: 408 }), 0, 'failed 1 1'],
  ['503', sink('unavailable', { status: 503 }), 0, 'ambiguous 1 5'],
  ['timeout', sink('timeout'), 0, 'ambiguous 1 5'],
  ['unreadable', sink('unreadable'), 0, 'ambiguous 1 5'],
  ['a reset', sink('outcome-unknown'), 2, 'ambiguous 3 5'],
  ['429', sink('throttled', { retryAfterMs: 30_000 }), 2, 'pending 2 30'],
  ['credentials', sink('credentials'), 2, 'pending 2 0'],
  ['kept back for another request', sink('timeout', { unsent: true }), 2, 'pending 2 0'],
  ['a fault of ours', new TypeError('x'), 0, 'ambiguous 1 5'],
]
t.test('what becomes of a try', async (t) => {
  for (const [what, error, attempts, expected, more] of tries) {
    const [effect] = effects('note')
    if (effect === undefined) throw new Error('none')
    const seen = { deskKind: 'desk', cut: false, looking: false }
    const change = afterTry({ ...effect, attempts }, verdictOf(effect, error, seen), { ...policy, ...more })
    const due = (change.dueAt.getTime() - now) / 1000
    t.equal(`${change.state} ${change.attempts} ${due}`, expected, what)
  }
  t.equal(
    verdictOf({ kind: 'note' }, new IncidentGone('1'), { deskKind: 'desk', cut: false, looking: true }).kind,
    'gone',
  )
})

t.test('12, 13: three looks that find nothing, then it is tried once more, or dead', async (t) => {
  const [start] = effects('note ambiguous')
  if (start === undefined) throw new Error('none')
  for (const [attempts, end] of [
    [1, 'pending'],
    [3, 'dead'],
  ] as const) {
    let effect: Effect = { ...start, attempts }
    const dues: number[] = []
    for (const at of [5000, 15_000, 45_000]) {
      const { dueAt, ambiguousSince, ...change } = afterLook(effect, { ...policy, now: now + at })
      dues.push(dueAt.getTime() - now)
      effect = {
        ...effect,
        ...change,
        dueAt: dueAt.toISOString(),
        ambiguousSince: ambiguousSince?.toISOString() ?? null,
      }
    }
    t.strictSame(dues, [15_000, 45_000, 45_000])
    t.match(effect, { state: end, probes: 0, attempts })
  }
})
