/** Every kind of ticket desk and of incident sink. A new one is a folder and a line here. */
import { ibmSoar } from './ibm-soar/index.ts'
import type { IncidentSinkDefinition } from './incident-sink.ts'
import { secureworksCtp } from './secureworks-ctp/index.ts'
import type { TicketDeskDefinition } from './ticket-desk.ts'
import { webhook } from './webhook/index.ts'

export const ticketDesks: readonly TicketDeskDefinition[] = [secureworksCtp]

export const incidentSinks: readonly IncidentSinkDefinition[] = [ibmSoar, webhook]
