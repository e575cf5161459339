/** Compares what both ends of a bridge have: each ticket is one incident, with all that is in it, once. */
import { createHash } from 'node:crypto'
import type { SoarSimulator } from '../../src/tickets/ibm-soar/simulator/index.ts'
import type { SoarIncident } from '../../src/tickets/ibm-soar/simulator/operator.ts'
import { type CtpSimulator, demoAccount } from '../../src/tickets/secureworks-ctp/simulator/index.ts'
import type { BridgeEnds } from './bridge-ends.ts'

export interface BridgeVerdict {
  readonly tickets: number
  readonly notes: number
  readonly attachments: number
  readonly faults: readonly string[]
}

type Ticket = ReturnType<CtpSimulator['ticket']>

/** @param ids of the tickets that were to go over; what else the sink has is a fault */
export function judgeBridge(
  { ctp, soar }: Pick<BridgeEnds, 'ctp' | 'soar'>,
  ids: readonly string[],
): BridgeVerdict {
  const incidents = Map.groupBy(soar.incidents(), ({ properties }) => String(properties.scwx_ctp_ticket_id))
  const waiting = new Set(ctp.unacknowledged())
  const revisions = new Map(ctp.acknowledged.map(({ ticketId, revision }) => [ticketId, revision]))
  const tickets = ids.map((id) => ctp.ticket(id))
  const known = new Set(ids)
  const faults = tickets.flatMap((ticket) => {
    const id = ticket.ticketId
    const [incident, ...more] = incidents.get(id) ?? []
    const isCurrent = !waiting.has(id) && revisions.get(id) === ctp.revision(id)
    return [
      ...(isCurrent ? [] : [`revision ${ctp.revision(id)} is not acknowledged`]),
      ...(more.length === 0 ? [] : [`has ${1 + more.length} incidents`]),
      ...(incident === undefined ? ['has no incident'] : incidentFaults(ticket, incident, { ctp, soar })),
    ].map((fault) => `${id}: ${fault}`)
  })
  const madeUp = [...incidents].filter(([id]) => !known.has(id))
  return {
    tickets: tickets.length,
    notes: tickets.reduce((sum, ticket) => sum + worklogsOf(ticket).length, 0),
    attachments: tickets.reduce((sum, ticket) => sum + attachmentsOf(ticket).length, 0),
    faults: [...faults, ...madeUp.map(([id, { length }]) => `${id}: ${length} incidents of no ticket`)],
  }
}

interface Ends {
  readonly ctp: CtpSimulator
  readonly soar: SoarSimulator
}

function incidentFaults(ticket: Ticket, incident: SoarIncident, ends: Ends): string[] {
  const { plan_status: status, properties } = incident
  const wantedStatus = isClosed(ticket) ? 'C' : 'A'
  const values = [
    ['scwx_ctp_status', ticket.status],
    ['scwx_ctp_priority', ticket.priority],
  ] as const
  return [
    ...(status === wantedStatus ? [] : [`its incident has the status ${status}, not ${wantedStatus}`]),
    ...values
      .filter(([name, value]) => properties[name] !== value)
      .map(([name, value]) => `${name} is ${String(properties[name])}, not ${String(value)}`),
    ...noteFaults(ticket, incident, ends),
    ...fileFaults(ticket, incident, ends),
  ]
}

function isClosed({ status }: Ticket): boolean {
  return status === 'Closed'
}

/** Each worklog but our own stands in one note, and there are no others but one that tells of the closing. */
function noteFaults(ticket: Ticket, { id }: SoarIncident, { soar }: Ends): string[] {
  const notes = soar
    .comments(id)
    .map(({ format, text }) => squeezed(format === 'html' ? plain(text ?? '') : (text ?? '')))
  const wanted = worklogsOf(ticket).map(({ description }) => squeezed(String(description)))
  return [
    ...wanted.flatMap((text) => {
      const count = notes.filter((note) => note.includes(text)).length
      return count === 1 ? [] : [`the note "${text}" is there ${count} times`]
    }),
    ...(notes.length === wanted.length || (isClosed(ticket) && notes.length === wanted.length + 1)
      ? []
      : [`${notes.length} notes, not ${wanted.length}`]),
  ]
}

function fileFaults(ticket: Ticket, { id }: SoarIncident, { ctp, soar }: Ends): string[] {
  const wanted = attachmentsOf(ticket).map((attachment) =>
    sha256(ctp.attachment(ticket.ticketId, attachment.id)),
  )
  const there = soar.attachments(id).map((file) => file.sha256)
  return there.toSorted().join() === wanted.toSorted().join()
    ? []
    : [`${there.length} files, not the bytes of its ${wanted.length} attachments once each`]
}

function worklogsOf({ worklogs }: Ticket) {
  const all = worklogs as readonly { readonly description?: string; readonly createdBy?: string }[]
  return all.filter(({ createdBy }) => createdBy !== demoAccount.username)
}

function attachmentsOf({ attachmentInfo }: Ticket) {
  return attachmentInfo as readonly { readonly id: string }[]
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

const entities: Readonly<Record<string, string>> = {
  '&lt;': '<',
  '&gt;': '>',
  '&quot;': '"',
  '&#39;': "'",
  '&#34;': '"',
  '&amp;': '&',
}

/** What people see of HTML. */
function plain(html: string): string {
  const text = html.replace(/<[^>]*>/g, ' ')
  return text.replace(/&(?:lt|gt|quot|amp|#39|#34);/g, (entity) => entities[entity] ?? entity)
}

function squeezed(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}
