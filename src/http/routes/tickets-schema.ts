/** Tickets and effects as they are answered, for OpenAPI and `schemas/ticket.json`. */
import Type from 'typebox'
import { effectKinds, effectStates, ticketStates } from '../../store/tickets.ts'
import { Count, Enum, Nullable, problemAnswer, Ref, Time } from '../schema.ts'

const text = (description: string) => Type.String({ description })

export const effectSchema = Type.Object(
  {
    id: text('Id of the effect.'),
    bridge: text('Name of the bridge.'),
    ticketId: text('Id of the ticket.'),
    kind: Enum(effectKinds, {
      description: 'What is done: at the ticket where it begins with `ctp_`, else at the incident.',
    }),
    state: Enum(effectStates, {
      description:
        'ambiguous: may have been carried out, which is looked up before it is repeated; failed: is tried again at `dueAt`; dead: is not tried again by itself.',
    }),
    attempts: Count(
      'Tries: those that failed, those whose outcome was not known, and the one that succeeded.',
    ),
    error: Nullable(Type.String(), { description: 'Why it failed last.' }),
    dueAt: Nullable(Time('RFC 3339, UTC.'), { description: 'Not before; null when nothing is to be done.' }),
    reference: Nullable(Type.String(), { description: 'What the other side calls the result.' }),
    createdAt: Time('RFC 3339, UTC.'),
    updatedAt: Time('RFC 3339, UTC.'),
  },
  {
    $id: 'Effect',
    title: 'Effect',
    description: 'One thing that is done at an incident or a ticket, exactly once.',
  },
)

export const effectExample = {
  id: '17',
  bridge: 'ctp',
  ticketId: 'IN41200311',
  kind: 'note',
  state: 'done',
  attempts: 1,
  error: null,
  dueAt: null,
  reference: '110',
  createdAt: '2026-03-10T12:00:00.000Z',
  updatedAt: '2026-03-10T12:00:01.000Z',
}

export const deadEffectExample = {
  ...effectExample,
  id: '23',
  kind: 'close',
  state: 'dead',
  attempts: 1,
  reference: null,
  error: 'the incident can not be closed: "scwx_ctp_close_code" is required on close and has no value',
}

const incident = Nullable(
  Type.Object({
    id: text('Id at the sink.'),
    url: Nullable(Type.String(), { description: 'For people.' }),
    status: Enum(['open', 'closed', 'deleted'], { description: 'As last seen.' }),
  }),
  { description: 'null: it became none yet.' },
)

const ticketMembers = {
  bridge: text('Name of the bridge.'),
  ticketId: text('Id at the desk.'),
  state: Enum(ticketStates, {
    description:
      'Of its incident. skipped: it becomes none, `reason` tells why; tombstone: somebody deleted the incident; error: something that is to be done is dead.',
  }),
  reason: Nullable(Type.String(), { description: 'Why it is in this state, where that needs a reason.' }),
  status: Nullable(Type.String(), { description: "The ticket's own, in the words of its desk." }),
  title: Nullable(Type.String(), { description: "The ticket's own." }),
  incident,
  firstSeenAt: Time('RFC 3339, UTC.'),
  lastSeenAt: Time('RFC 3339, UTC.'),
}

export const ticketSummarySchema = Type.Object(ticketMembers, { description: 'A ticket in a list.' })

export const ticketSchema = Type.Object(
  {
    ...ticketMembers,
    raw: Type.Unsafe<Record<string, unknown>>({
      type: 'object',
      description: 'The ticket as the desk last had it, without its version.',
    }),
    versions: Type.Array(
      Type.Object({
        version: text('Opaque.'),
        receivedAt: Time('RFC 3339, UTC.'),
        status: Nullable(Type.String(), { description: "The ticket's status as of this version." }),
        updatedAt: Nullable(Time('RFC 3339, UTC.'), { description: 'When the ticket was changed so.' }),
        acknowledgedAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null: not yet.' }),
        ackCode: Nullable(Type.String(), { description: 'What the desk said to our acknowledging.' }),
      }),
      { description: 'Newest first.' },
    ),
    effects: Type.Array(Ref(effectSchema), { description: 'In the order in which they were planned.' }),
    events: Type.Array(
      Type.Object({ at: Time('RFC 3339, UTC.'), kind: text('In one word.'), detail: text('In words.') }),
      { description: 'What else happened, oldest first.' },
    ),
  },
  {
    $id: 'Ticket',
    title: 'Ticket',
    description: 'A ticket with its versions, its incident and all that was done.',
  },
)

export const ticketSummaryExample = {
  bridge: 'ctp',
  ticketId: 'IN41200311',
  state: 'open',
  reason: null,
  status: 'Pending',
  title: 'Emotet C2 traffic from ACME-LT-0042',
  incident: { id: '2001', url: 'https://soar.example.org/#incidents/2001?orgId=201', status: 'open' },
  firstSeenAt: '2026-03-10T12:00:00.000Z',
  lastSeenAt: '2026-03-10T12:00:00.000Z',
}

export const ticketExample = {
  ...ticketSummaryExample,
  raw: { ticketId: 'IN41200311', status: 'Pending', priority: 'HIGH' },
  versions: [
    {
      version: 'ab8ae00b2fc8a3c4',
      receivedAt: '2026-03-10T12:00:00.000Z',
      status: 'Pending',
      updatedAt: '2026-03-10T11:58:00.000Z',
      acknowledgedAt: '2026-03-10T12:00:00.100Z',
      ackCode: 'SUCCESS',
    },
  ],
  effects: [effectExample],
  events: [],
}

export const ticketUnknown = problemAnswer({
  description: 'There is no such bridge or ticket.',
  code: 'TICKET_UNKNOWN',
  detail: 'the bridge "ctp" has seen no ticket "IN1"',
})

export const effectUnknown = problemAnswer({
  description: 'There is no such effect.',
  code: 'EFFECT_UNKNOWN',
  detail: 'no effect "99"',
})

export const effectConflict = problemAnswer({
  description: 'The state of the effect does not allow it.',
  code: 'EFFECT_CONFLICT',
  detail: 'the effect 17 is done: only dead, failed and ambiguous ones can be retried',
})
