/** Every kind of ticket desk and of incident sink. A new one is a folder and a line here. */
import type { ConnectorDefinition } from '../connector.ts'
import { ibmSoarSettings } from './ibm-soar/settings.ts'
import { secureworksCtpSettings } from './secureworks-ctp/settings.ts'
import { webhookSettings } from './webhook/settings.ts'

export const ticketDesks: readonly ConnectorDefinition[] = [
  { kind: 'secureworks-ctp', title: 'Secureworks CTP tickets', settings: secureworksCtpSettings },
]

export const incidentSinks: readonly ConnectorDefinition[] = [
  { kind: 'ibm-soar', title: 'IBM SOAR', settings: ibmSoarSettings },
  { kind: 'webhook', title: 'Webhook', settings: webhookSettings },
]
