/** What is planned of a ticket, as a table. */
import t from 'tap'
import type { BridgeRules } from '../../../src/config/model.ts'
import type { Ticket } from '../../../src/model/ticket.ts'
import { textKey } from '../../../src/pipeline/bridge/effects.ts'
import { type Planning, plan } from '../../../src/pipeline/bridge/plan.ts'
import type { EffectKind, EffectState, LinkedIncident } from '../../../src/store/tickets.ts'
import { rules } from './world.ts'

const note = (marker: string, text = marker) => ({ marker, text })

const ticket: Ticket = {
  id: 'IN1',
  status: 'Pending',
  closed: false,
  notes: [note('aaaaaaaaaaaa'), note('bbbbbbbbbbbb')],
  attachments: [{ id: '7', name: 'x.txt' }],
  oddities: [],
  raw: {},
}
const closed: Ticket = { ...ticket, status: 'Closed', closed: true }

const open: LinkedIncident = { id: '2001', url: null, status: 'open' }
const shut: LinkedIncident = { ...open, status: 'closed' }

const fresh: Planning['record'] = {
  state: 'pending',
  reason: null,
  revision: 1,
  plannedClosed: null,
  incident: null,
  closedBy: null,
}
const linked: Planning['record'] = {
  ...fresh,
  state: 'open',
  revision: 3,
  plannedClosed: false,
  incident: open,
}
const ended: Planning['record'] = {
  ...linked,
  state: 'closed',
  plannedClosed: true,
  incident: shut,
  closedBy: 'ticket',
}
const closedByAnalyst: Planning['record'] = { ...ended, plannedClosed: false, closedBy: 'incident' }

const contents = ['note/aaaaaaaaaaaa', 'note/bbbbbbbbbbbb', 'attachment/7']
const first = ['create/1', ...contents]

interface Case {
  readonly ticket?: Partial<Ticket>
  readonly record?: Planning['record']
  readonly known?: readonly string[]
  readonly open?: readonly (readonly [EffectKind, EffectState])[]
  readonly rules?: Partial<BridgeRules>
  readonly sent?: readonly string[]
}

const skipped = (reason: string) => ({ state: 'skipped', reason })
const late = [...first, 'ctp_close/c']

const cases: readonly (readonly [
  what: string,
  given: Case,
  effects: readonly string[],
  events: readonly string[],
  change?: object,
])[] = [
  ['a new ticket', {}, first, []],
  [
    'a new ticket that is to know its incident',
    { rules: { writeBack: true } },
    ['create/1', 'ctp_update/1', ...contents],
    [],
  ],
  [
    'a new ticket with nothing in it',
    { ticket: { notes: [], attachments: [], oddities: ['no status'] } },
    ['create/1'],
    ['oddities'],
  ],
  [
    'a note that came from the incident, and one that we wrote when we closed the ticket',
    {
      ticket: {
        notes: [note('a', 'see\n\nSOAR-REF 0123456789ab'), note('b', ' seen  to\n'), note('c')],
        attachments: [],
      },
      sent: ['seen to'],
    },
    ['create/1', 'note/c'],
    [],
  ],
  [
    'an attachment that is named twice',
    { ticket: { notes: [], attachments: [{ id: '7' }, { id: '7' }] } },
    ['create/1', 'attachment/7'],
    [],
  ],
  ['left out by the desk', { ticket: { leftOut: 'health' } }, [], ['skipped'], skipped('health')],
  [
    'left out still: nothing new to tell',
    { ticket: { leftOut: 'health' }, record: { ...fresh, state: 'skipped', reason: 'health' } },
    [],
    [],
    skipped('health'),
  ],
  [
    '19: of another status',
    { rules: { statuses: ['Active', 'New'] } },
    [],
    ['skipped'],
    skipped('its status Pending is none of Active, New'),
  ],
  ['19: of one of the statuses, in other letters', { rules: { statuses: ['PENDING'] } }, first, []],
  [
    '19: not left out any more',
    { record: { ...fresh, state: 'skipped', reason: 'x', revision: 2 } },
    first,
    [],
  ],
  [
    '20: closed at first sight',
    { ticket: closed },
    [],
    ['skipped'],
    skipped('it was closed before it had an incident'),
  ],
  [
    '20: closed at first sight, and wanted',
    { ticket: closed, rules: { ingestClosed: true } },
    [...first, 'close/r1'],
    [],
  ],
  [
    'its incident is not made yet',
    {
      record: { ...fresh, state: 'creating', revision: 2, plannedClosed: false },
      known: ['create/1', 'note/aaaaaaaaaaaa'],
      open: [['create', 'dead']],
    },
    ['note/bbbbbbbbbbbb', 'attachment/7', 'patch/r2'],
    [],
  ],
  [
    'closed before its incident is made',
    {
      ticket: closed,
      record: { ...fresh, state: 'creating', revision: 2, plannedClosed: false },
      known: first,
      open: [['create', 'failed']],
    },
    ['patch/r2', 'close/r2'],
    ['ticket_closed'],
  ],
  [
    'closed and open again before its incident is made',
    {
      record: { ...fresh, state: 'creating', revision: 3, plannedClosed: true },
      known: [...first, 'close/r2'],
      open: [['create', 'failed']],
    },
    ['patch/r3', 'reopen/r3'],
    ['ticket_reopened'],
  ],
  [
    'somebody skipped making its incident',
    { record: { ...fresh, state: 'skipped', revision: 2 }, known: first },
    [],
    [],
  ],
  [
    'made again since somebody asked for it',
    {
      record: { ...fresh, revision: 4 },
      known: [...first, 'close/r4'],
      ticket: closed,
      rules: { ingestClosed: true },
    },
    [
      'create/resync 2',
      'note/aaaaaaaaaaaa resync 2',
      'note/bbbbbbbbbbbb resync 2',
      'attachment/7 resync 2',
      'close/r4 resync 2',
    ],
    [],
  ],
  ['35: a change', { record: linked, known: first }, ['patch/r3'], []],
  [
    'what is left out later is kept up',
    { record: linked, known: first, ticket: { leftOut: 'health' }, rules: { statuses: ['New'] } },
    ['patch/r3'],
    [],
  ],
  ['planned already', { record: linked, known: [...first, 'patch/r3'] }, [], []],
  [
    '38: deleted by somebody',
    { record: { ...linked, state: 'tombstone', incident: { ...open, status: 'deleted' } } },
    [],
    [],
  ],
  [
    '39: closed',
    { record: linked, known: first, ticket: closed },
    ['patch/r3', 'close/r3'],
    ['ticket_closed'],
  ],
  [
    '39: closed still, with news',
    { record: ended, known: [], ticket: closed },
    [...contents, 'patch/r3'],
    [],
  ],
  [
    '43, 49: closed after its incident',
    { record: closedByAnalyst, known: first, ticket: closed },
    ['patch/r3'],
    ['ticket_closed'],
  ],
  ['48: opened again', { record: ended, known: first }, ['patch/r3', 'reopen/r3'], ['ticket_reopened']],
  [
    '48: opened again: a note',
    { record: ended, known: first, rules: { reopened: 'note' } },
    ['patch/r3', 'note/ticket reopened r3'],
    ['ticket_reopened'],
  ],
  [
    '48: opened again: nothing',
    { record: ended, known: first, rules: { reopened: 'ignore' } },
    ['patch/r3'],
    ['ticket_reopened'],
  ],
  [
    '47: goes on after an analyst closed the incident',
    { record: closedByAnalyst, known: ['create/1'] },
    [...contents, 'patch/r3'],
    ['after_close'],
  ],
  [
    '47: goes on: opened again',
    { record: closedByAnalyst, known: late, rules: { afterClose: 'reopen' }, open: [['ctp_close', 'dead']] },
    ['patch/r3', 'reopen/r3'],
    ['after_close'],
  ],
  [
    '47: goes on, but is about to be closed',
    {
      record: closedByAnalyst,
      known: late,
      rules: { afterClose: 'reopen' },
      open: [['ctp_close', 'failed']],
    },
    ['patch/r3'],
    ['after_close'],
  ],
  [
    '47: goes on: ignored',
    { record: closedByAnalyst, known: ['create/1'], rules: { afterClose: 'ignore' } },
    [],
    ['ignored'],
  ],
  [
    'goes on after the bridge closed the incident, which the rule for opened ones left so',
    { record: { ...ended, plannedClosed: false }, known: first, rules: { afterClose: 'reopen' } },
    ['patch/r3'],
    [],
  ],
]

for (const [what, given, effects, events, change = {}] of cases) {
  t.test(what, async (t) => {
    const planned = plan({
      ticket: { ...ticket, ...given.ticket },
      record: given.record ?? fresh,
      known: new Set(given.known ?? []),
      open: (given.open ?? []).map(([kind, state]) => ({ kind, state })),
      rules: { ...rules, ...given.rules },
      sent: new Set((given.sent ?? []).map(textKey)),
    })
    t.strictSame(
      planned.effects.map(({ kind, key }) => `${kind}/${key}`),
      effects,
    )
    t.strictSame(
      planned.events.map(({ kind }) => kind),
      events,
    )
    const { reason, ...rest } = planned.change
    t.strictSame({ ...(reason !== null && reason !== undefined && { reason }), ...rest }, change)
  })
}

t.test('what an effect carries', async (t) => {
  const { effects } = plan({
    ticket,
    record: fresh,
    known: new Set(),
    open: [],
    rules,
    sent: new Set(),
  })
  t.strictSame(effects, [
    { kind: 'create', key: '1', payload: {} },
    {
      kind: 'note',
      key: 'aaaaaaaaaaaa',
      payload: { marker: 'aaaaaaaaaaaa', note: { marker: 'aaaaaaaaaaaa', text: 'aaaaaaaaaaaa' } },
    },
    {
      kind: 'note',
      key: 'bbbbbbbbbbbb',
      payload: { marker: 'bbbbbbbbbbbb', note: { marker: 'bbbbbbbbbbbb', text: 'bbbbbbbbbbbb' } },
    },
    { kind: 'attachment', key: '7', payload: { id: '7', name: 'x.txt' } },
  ])
})
