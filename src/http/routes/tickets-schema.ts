/** Bridges, polls, tickets and effects as they are answered, for OpenAPI and `schemas/ticket.json`. */
import Type, { type TSchema } from 'typebox'
import { circuits } from '../../store/health.ts'
import { effectKinds, effectStates, ticketStates } from '../../store/ticket-store.ts'
import { Enum, Nullable, problemAnswer, Ref } from '../schema.ts'

const count = (description: string) => Type.Integer({ minimum: 0, description })
const time = (description: string) => Type.String({ format: 'date-time', description })
const text = (description: string) => Type.String({ description })

/** How many of something there are in each state. */
function counts(states: readonly string[], description: string) {
  const properties: Record<string, TSchema> = {}
  for (const state of states) properties[state] = Type.Integer({ minimum: 0 })
  return Type.Object(properties, { description })
}

const effectCounts = counts(effectStates, 'Effects by state.')

const pollError = Type.Object(
  {
    code: text('A code of docs/errors.md.'),
    detail: text('What happened.'),
    part: Type.Optional(text('The queue that failed, where it was one of several: INCIDENT:SECURITY.')),
  },
  { description: 'Why a poll was not whole.' },
)

export const pollSchema = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    bridge: text('Name of the bridge.'),
    status: Enum(['running', 'succeeded', 'partial', 'failed'], {
      description: 'partial: one of several queues failed; failed: none could be read.',
    }),
    startedAt: time('RFC 3339, UTC.'),
    endedAt: Nullable(time('RFC 3339, UTC.'), { description: 'null while it runs.' }),
    received: count('Tickets that the desk handed out: stored + unchanged + unreadableCount, at any time.'),
    stored: count('Tickets that are new or changed.'),
    unchanged: count('Tickets that were handed out again, unchanged.'),
    unreadable: Type.Array(
      Type.Object({
        ticketId: Nullable(Type.String(), { description: 'null where it has none.' }),
        reason: text('Why it could not be taken.'),
      }),
      { description: 'The first 100.' },
    ),
    unreadableCount: count('Tickets without id or version; the desk goes on handing them out.'),
    pages: count('Pages read.'),
    acknowledged: count('Versions that the desk let us acknowledge.'),
    refused: Type.Array(
      Type.Object({ ticketId: text('Id of the ticket.'), code: text('What the desk said.') }),
      { description: 'Versions that it did not let us acknowledge: they are tried again. The first 100.' },
    ),
    effects: Type.Unsafe({
      ...effectCounts,
      description: 'Of the tickets that it brought, as they stand now.',
    }),
    error: Nullable(pollError, { description: 'null when nothing failed; else the first failure.' }),
    errors: Type.Optional(Type.Array(pollError, { description: 'Only where several queues failed.' })),
  },
  { $id: 'Poll', title: 'Poll', description: 'One reading of a ticket desk, and its receipt.' },
)

const noEffects = { pending: 0, inflight: 0, ambiguous: 0, failed: 0, done: 0, dead: 0, skipped: 0 }

export const pollExample = {
  id: '5e0c1f52-7c2f-4c57-8d0e-1b1f6a3c9b7d',
  bridge: 'ctp',
  status: 'succeeded',
  startedAt: '2026-03-10T12:00:00.000Z',
  endedAt: '2026-03-10T12:00:01.204Z',
  received: 8,
  stored: 8,
  unchanged: 0,
  unreadable: [],
  unreadableCount: 0,
  pages: 1,
  acknowledged: 8,
  refused: [],
  effects: { ...noEffects, done: 31 },
  error: null,
}

const lastError = Nullable(
  Type.Object({ cause: text('What is wrong.'), remedy: text('How to mend it.'), at: time('When.') }),
  { description: 'null once something succeeds.' },
)

const end = (description: string) =>
  Type.Object(
    {
      kind: text('Kind of the connector.'),
      circuit: Enum(circuits, {
        description:
          'open: it fails and is tried again by itself; paused: somebody has to mend it and say resume.',
      }),
      lastError,
      failures: count('Since its last success.'),
      waitUntil: Nullable(time('RFC 3339, UTC.'), { description: 'Nothing is sent before.' }),
    },
    { description },
  )

export const bridgeSchema = Type.Object(
  {
    name: text('Name of the bridge.'),
    ticketDesk: end('Where its tickets come from.'),
    incidentSink: end('Where its incidents are.'),
    tickets: counts(ticketStates, 'Tickets by state.'),
    effects: effectCounts,
    oldestPendingAt: Nullable(time('RFC 3339, UTC.'), {
      description: 'Since when the oldest effect waits that is still to be done.',
    }),
    lastPoll: Nullable(Ref(pollSchema), { description: 'null before the first.' }),
    nextPollAt: Nullable(time('RFC 3339, UTC.'), { description: 'null: only when asked, or paused.' }),
    lastChangesAt: Nullable(time('RFC 3339, UTC.'), {
      description: 'When changes of incidents were last read; null: never.',
    }),
    possibleGap: Nullable(
      Type.Object({ from: time('Last good poll before.'), to: time('First poll after.') }),
      {
        description:
          'The desk was not read for longer than it keeps tickets: those that came then may be missing. null: never.',
      },
    ),
  },
  { $id: 'Bridge', title: 'Bridge', description: 'A bridge, and how it stands.' },
)

const endExample = { circuit: 'closed', lastError: null, failures: 0, waitUntil: null }

export const bridgeExample = {
  name: 'ctp',
  ticketDesk: { kind: 'secureworks-ctp', ...endExample },
  incidentSink: { kind: 'ibm-soar', ...endExample },
  tickets: { pending: 0, creating: 0, open: 6, closing: 0, closed: 1, skipped: 1, tombstone: 0, error: 0 },
  effects: { ...noEffects, done: 31 },
  oldestPendingAt: null,
  lastPoll: pollExample,
  nextPollAt: '2026-03-10T12:10:00.000Z',
  lastChangesAt: '2026-03-10T12:01:00.000Z',
  possibleGap: null,
}

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
    attempts: count('Tries that failed, or whose outcome was not known.'),
    error: Nullable(Type.String(), { description: 'Why it failed last.' }),
    dueAt: Nullable(time('RFC 3339, UTC.'), { description: 'Not before; null when nothing is to be done.' }),
    reference: Nullable(Type.String(), { description: 'What the other side calls the result.' }),
    createdAt: time('RFC 3339, UTC.'),
    updatedAt: time('RFC 3339, UTC.'),
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
  attempts: 0,
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
  firstSeenAt: time('RFC 3339, UTC.'),
  lastSeenAt: time('RFC 3339, UTC.'),
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
        receivedAt: time('RFC 3339, UTC.'),
        status: Nullable(Type.String(), { description: "The ticket's status as of this version." }),
        updatedAt: Nullable(time('RFC 3339, UTC.'), { description: 'When the ticket was changed so.' }),
        acknowledgedAt: Nullable(time('RFC 3339, UTC.'), { description: 'null: not yet.' }),
        ackCode: Nullable(Type.String(), { description: 'What the desk said to our acknowledging.' }),
      }),
      { description: 'Newest first.' },
    ),
    effects: Type.Array(Ref(effectSchema), { description: 'In the order in which they were planned.' }),
    events: Type.Array(
      Type.Object({ at: time('RFC 3339, UTC.'), kind: text('In one word.'), detail: text('In words.') }),
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

export const bridgeUnknown = problemAnswer({
  description: 'There is no such bridge.',
  code: 'BRIDGE_UNKNOWN',
  detail: 'no bridge "ctpp"; there are: ctp',
})

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
