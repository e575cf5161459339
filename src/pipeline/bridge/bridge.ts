/** A configured bridge, as the pipeline needs it. */
import type { BridgeRules, RetryConfig } from '../../config/model.ts'
import type { IncidentSink } from '../../tickets/incident-sink.ts'
import type { TicketDesk } from '../../tickets/ticket-desk.ts'
import type { Permit } from '../product/permit.ts'

export interface Bridge {
  readonly name: string
  readonly deskKind: string
  readonly sinkKind: string
  readonly desk: TicketDesk
  readonly sink: IncidentSink
  readonly rules: BridgeRules
  readonly retry: RetryConfig
  /** Tickets that are worked at, at once. */
  readonly concurrency: number
  /** What the requests of desk and sink ask for; absent: they do not. */
  readonly permit?: Permit
}
