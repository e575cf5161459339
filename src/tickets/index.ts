/** Every kind of ticket desk and of incident sink. A new one is a folder and a line here. */
import type { ConnectorDefinition } from '../connector.ts'
import { ibmSoarSettings } from './ibm-soar/settings.ts'
import { secureworksCtp } from './secureworks-ctp/index.ts'
import type { TicketDeskDefinition } from './ticket-desk.ts'
import { webhook } from './webhook/index.ts'

export const ticketDesks: readonly TicketDeskDefinition[] = [secureworksCtp]

export const incidentSinks: readonly ConnectorDefinition[] = [
  { kind: 'ibm-soar', title: 'IBM SOAR', settings: ibmSoarSettings },
  webhook,
]
