/** The incident of a ticket: made, or taken over where there is one. */
import type { Effect } from '../../store/tickets.ts'
import type { Incident } from '../../tickets/incident-sink.ts'
import { type Carried, type Carrying, callOf } from './carry.ts'
import { attachmentOf, fieldsEffect, generationOf, noteOf } from './effects.ts'
import { before } from './outcome.ts'

/** Whatever is known, there may be one: of an earlier bridge, or of a try whose answer was lost. */
export async function carryOutCreate(carrying: Carrying): Promise<Carried> {
  const { bridge, ticket } = carrying
  const { sink } = bridge
  if (sink.readable) {
    const adopted = await before(adoption(carrying))
    if (adopted !== undefined) return adopted
  }
  const { incident, memory, events } = await sink.create(ticket, callOf(carrying))
  const { id, url, status } = incident
  return {
    state: 'done',
    reference: id,
    change: { incident: { id, url, status }, closedBy: status === 'closed' ? 'ticket' : null, memory },
    events: [{ kind: 'created', detail: `the incident ${id} was made` }, ...events],
  }
}

/** @returns undefined: there is none to take over */
export async function adoption(carrying: Carrying): Promise<Carried | undefined> {
  const { bridge, ticket, signal } = carrying
  const found = await bridge.sink.find(ticket.id, signal)
  const incident = found.find(({ status }) => status === 'open') ?? found[0]
  if (incident === undefined) return undefined
  const others = await presentThere(carrying, incident)
  return { ...adopted(carrying, incident), events: adoptionEvents(carrying, incident, found), others }
}

function adopted({ ticket, work, bridge }: Carrying, { id, url, status }: Incident): Carried {
  const { revision } = work.ticket
  const generation = generationOf(work.known)
  const isClosed = status === 'closed'
  const reopens = isClosed && !ticket.closed && bridge.rules.afterClose === 'reopen'
  return {
    state: 'done',
    reference: id,
    change: {
      incident: { id, url, status },
      closedBy: isClosed ? (ticket.closed ? 'ticket' : 'incident') : null,
      // Nothing is known of what its fields hold.
      memory: {},
    },
    add: [
      fieldsEffect('patch', revision, generation),
      ...(reopens ? [fieldsEffect('reopen', revision, generation)] : []),
    ],
  }
}

function adoptionEvents({ effect }: Carrying, { id, status }: Incident, found: readonly Incident[]) {
  const how = effect.attempts > 0 || effect.state === 'ambiguous' ? ', maybe by a try without an answer' : ''
  const several = found.length > 1 ? found.map((each) => each.id).join(', ') : undefined
  return [
    ...(several === undefined
      ? []
      : [{ kind: 'duplicate_external', detail: `the ticket has several incidents: ${several}` }]),
    { kind: 'adopted', detail: `the incident ${id} (${status}) was there already${how}` },
  ]
}

/** One look at its notes and one at its files. */
async function presentThere({ bridge, work, signal }: Carrying, { id }: Incident) {
  const { sink } = bridge
  const wanted = (kind: Effect['kind']) => work.open.filter((each) => each.kind === kind)
  const notes = wanted('note')
  const files = wanted('attachment')
  const [noteIds, fileIds] = await Promise.all([
    notes.length === 0 ? none : sink.notesPresent(id, notes.map(noteOf), signal),
    files.length === 0 ? none : sink.filesPresent(id, files.map(attachmentOf), signal),
  ])
  return [
    ...notes.map((effect) => ({ effect, reference: noteIds.get(noteOf(effect).marker) })),
    ...files.map((effect) => {
      const file = fileIds.get(attachmentOf(effect).id)
      return { effect, reference: typeof file === 'object' ? file.id : file }
    }),
  ].flatMap(({ effect, reference }) =>
    reference === undefined ? [] : [{ effect, reference, state: 'done' as const }],
  )
}

const none: ReadonlyMap<string, never> = new Map<string, never>()
