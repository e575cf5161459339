/** What the public app leaves in an incident, written by its own calls: for taking over from it. */
import type { SoarSimulator } from '../../../src/tickets/ibm-soar/simulator/index.ts'
import { required } from './world.ts'

export interface OldWorklog {
  readonly dateCreated: number
  readonly type?: string
  readonly createdBy?: string
  readonly description?: string
}

/** An incident as it makes it. */
export function oldIncident(soar: SoarSimulator, ticketId: string): number {
  const name = `Secureworks CTP Incident - for Ticket ID ${ticketId}`
  return soar.addIncident({ name, properties: { scwx_ctp_ticket_id: ticketId, scwx_ctp_status: 'New' } }).id
}

/** A worklog as a note: nothing of it is escaped. */
export async function oldNote(soar: SoarSimulator, incidentId: number, worklog: OldWorklog): Promise<void> {
  const { dateCreated, type, createdBy, description } = worklog
  const line = (label: string, value: string | undefined) =>
    value === undefined ? '' : `<br />    <b>${label}:</b> ${value}`
  const date = new Date(dateCreated).toLocaleString('en-US', { hour12: false }).replace(',', '')
  const content = [
    `<b>Secureworks CTP Worklog:</b> ${dateCreated}`,
    line('Type', type),
    line('Date Created', date),
    line('Created by', createdBy),
    line(
      'Description',
      description === undefined ? undefined : `<br /> ${description.replaceAll('\n', '<br />')}`,
    ),
  ].join('')
  const { id, secret } = required(soar.keys[0])
  const answer = await fetch(`${soar.url}/rest/orgs/${soar.org.id}/incidents/${incidentId}/comments`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
    },
    body: JSON.stringify({ text: { format: 'html', content } }),
  })
  if (!answer.ok) throw new Error(`the old note is answered with ${answer.status}: ${await answer.text()}`)
}

/** It names files so; those of the app itself are empty. */
export function oldFile(
  soar: SoarSimulator,
  incidentId: number,
  { id, name, content = '' }: { readonly id: string; readonly name?: string; readonly content?: string },
): void {
  const mark = `attachmentInfo-id-${id}`
  soar.addAttachment(incidentId, { name: name === undefined ? mark : `${name}-${mark}`, content })
}
