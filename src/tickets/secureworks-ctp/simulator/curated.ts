/** Tickets of one invented company's bad day, for the demo. */
import { type Story, stories } from './curated-stories.ts'
import type { NewTicket } from './ticket.ts'

const minuteMs = 60_000

/** @param now milliseconds since the epoch; all of them were changed within the last six hours, as new updates */
export function curatedTickets(now: number): readonly NewTicket[] {
  const current = Math.floor(now / 1000) * 1000
  return stories.map((story) => ticketOf(story, (minutes) => current - minutes * minuteMs))
}

function ticketOf(story: Story, ago: (minutes: number) => number): NewTicket {
  const { openedAgo, changedAgo, devices = [], worklogs, attachment, more = {}, ...fields } = story
  return {
    ...fields,
    ...more,
    ticketType: 'INCIDENT',
    groupingType: 'SECURITY',
    requestType: 'Security Incident',
    categoryClass: 'Security',
    source: 'SECURITY_EVENT',
    client: { id: '4100021', name: 'Acme Manufacturing' },
    clientLocation: { id: '810455', name: 'Acme Manufacturing - Rotterdam' },
    contact: { id: '2290117', name: 'Mina Okafor' },
    watchers: ['soc@acme.example'],
    dateCreated: ago(openedAgo),
    dateModified: ago(changedAgo),
    devices: devices.map((name, index) => ({ id: String(70_100 + index), name })),
    worklogs: worklogs.map(({ ago: minutes, ...worklog }) => ({ ...worklog, dateCreated: ago(minutes) })),
    ...(attachment !== undefined && {
      attachments: [
        {
          id: attachment.id,
          name: attachment.name,
          content: Buffer.from(attachment.lines.map((line) => `${line}\r\n`).join('')),
        },
      ],
    }),
  }
}
