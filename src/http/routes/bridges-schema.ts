/** Bridges and polls as they are answered, and what the routes of tickets take of them. */
import Type, { type TSchema } from 'typebox'
import { circuits } from '../../store/health.ts'
import { effectStates, ticketStates } from '../../store/tickets.ts'
import { Count, Enum, Nullable, problemAnswer, Ref, Time } from '../schema.ts'
import { pageLimit } from './paging.ts'

export const bridgeParams = Type.Object({
  name: Type.String({ maxLength: 64, description: 'Name of the configured bridge.', examples: ['ctp'] }),
})

/** Of the lists of tickets and of effects. */
export const ofBridge = {
  bridge: Type.Optional(
    Type.String({ maxLength: 64, description: 'Only those of this bridge.', examples: ['ctp'] }),
  ),
  limit: pageLimit('Most of a page.'),
}

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
    startedAt: Time('RFC 3339, UTC.'),
    endedAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null while it runs.' }),
    received: Count('Tickets that the desk handed out: stored + unchanged + unreadableCount, at any time.'),
    stored: Count('Tickets that are new or changed.'),
    unchanged: Count('Tickets that were handed out again, unchanged.'),
    unreadable: Type.Array(
      Type.Object({
        ticketId: Nullable(Type.String(), { description: 'null where it has none.' }),
        reason: text('Why it could not be taken.'),
      }),
      { description: 'The first 100.' },
    ),
    unreadableCount: Count('Tickets without id or version; the desk goes on handing them out.'),
    pages: Count('Pages read.'),
    acknowledged: Count('Versions that the desk let us acknowledge.'),
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
  Type.Object({ cause: text('What is wrong.'), remedy: text('How to mend it.'), at: Time('When.') }),
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
      failures: Count('Since its last success.'),
      waitUntil: Nullable(Time('RFC 3339, UTC.'), { description: 'Nothing is sent before.' }),
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
    oldestPendingAt: Nullable(Time('RFC 3339, UTC.'), {
      description: 'Since when the oldest effect waits that is still to be done.',
    }),
    lastPoll: Nullable(Ref(pollSchema), { description: 'null before the first.' }),
    nextPollAt: Nullable(Time('RFC 3339, UTC.'), { description: 'null: only when asked, or paused.' }),
    lastChangesAt: Nullable(Time('RFC 3339, UTC.'), {
      description: 'When changes of incidents were last read; null: never.',
    }),
    possibleGap: Nullable(
      Type.Object({ from: Time('Last good poll before.'), to: Time('First poll after.') }),
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

export const bridgeUnknown = problemAnswer({
  description: 'There is no such bridge.',
  code: 'BRIDGE_UNKNOWN',
  detail: 'no bridge "ctpp"; there are: ctp',
})
