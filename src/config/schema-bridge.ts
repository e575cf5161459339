/** The section of the configuration for a bridge. */
import Type from 'typebox'
import type { ConnectorDefinition } from '../connector.ts'
import {
  kindOf,
  listNote,
  pacingProperties,
  proxySchema,
  retrySchema,
  settingsOf,
  timeoutSchema,
  tlsSchema,
} from './schema-parts.ts'
import { List, Name, Section, Text, Words } from './schema-types.ts'

export function bridgeSchema(
  ticketDesks: readonly ConnectorDefinition[],
  incidentSinks: readonly ConnectorDefinition[],
) {
  const end = (definitions: readonly ConnectorDefinition[], description: string) =>
    Section(
      {
        kind: kindOf(definitions),
        settings: settingsOf(definitions),
        timeout: timeoutSchema,
        ...pacingProperties,
        proxy: proxySchema,
        tls: tlsSchema,
      },
      { description },
    )
  return Section(
    {
      name: Name({ description: 'Name of the bridge.' }),
      ticketDesk: end(ticketDesks, 'Where tickets come from.'),
      incidentSink: end(incidentSinks, 'Where incidents are made of them.'),
      statuses: List(Text({ description: 'A status in the words of the ticket desk, such as New.' }), {
        description: `Tickets of other statuses are acknowledged and wait until they have one of these; a known incident goes on in any case. Default none: all become incidents. ${listNote}`,
        default: [],
      }),
      ingestClosed: Type.Boolean({
        description:
          'Whether a ticket that is closed when it is first seen becomes an incident, closed at once. Default false.',
        default: false,
      }),
      afterClose: Words(['note', 'reopen', 'ignore'], {
        description:
          'What a change of a ticket does whose incident somebody closed: note, the default: notes, files and fields go to the closed incident; reopen: it is opened again; ignore: nothing.',
        default: 'note',
      }),
      reopened: Words(['reopen', 'note', 'ignore'], {
        description:
          'What happens when a closed ticket is opened again: reopen, the default: its incident is opened again; note: it gets a note; ignore: nothing.',
        default: 'reopen',
      }),
      commentPrefix: Type.String({
        description:
          'Comments of an incident that begin so go to its ticket, without the prefix; empty: none does. Default #ctp.',
        default: '#ctp',
      }),
      writeBack: Type.Boolean({
        description:
          'Whether the number of the incident is written into its ticket as the external ticket number. Default false.',
        default: false,
      }),
      retry: retrySchema(
        'Of each thing that is done at an incident or a ticket. Exponential with ±20 % jitter; a longer Retry-After wins, capped at max; while a product is away no try is used up.',
        { attempts: 12, initial: '5s', max: '10h' },
      ),
    },
    { description: 'Carries tickets to incidents, and their closing back.' },
  )
}
