/** What can be asked of bridges: polling, looking at tickets and effects, setting them right. For HTTP and commands. */
import type { Finding } from '../../connector.ts'
import type { Poll } from '../../store/poll-store.ts'
import type { BridgeState } from '../../store/ticket-store.ts'
import type {
  Effect,
  EffectKind,
  EffectState,
  TicketEvent,
  TicketRecord,
  TicketState,
  TicketVersion,
} from '../../store/tickets.ts'
import type { TemplateKind } from '../../tickets/incident-sink.ts'

export interface BridgeInfo extends BridgeState {
  readonly deskKind: string
  readonly sinkKind: string
  /** RFC 3339; null: only when asked, or paused. */
  readonly nextPollAt: string | null
}

export interface TicketDetails {
  readonly ticket: TicketRecord
  readonly versions: readonly TicketVersion[]
  readonly effects: readonly Effect[]
  readonly events: readonly TicketEvent[]
}

/** What tells of an incident, for sinks that can't be asked. */
export interface Told {
  readonly closeCode?: string
  readonly summary?: string
}

/** @throws ServiceError BRIDGE_UNKNOWN by all that take the name of a bridge; of the store: STORE_UNAVAILABLE */
export interface Bridges {
  /** Of the configured bridges, in their order. */
  names(): readonly string[]
  readonly stopping: AbortSignal
  states(): Promise<readonly BridgeInfo[]>
  state(name: string): Promise<BridgeInfo>
  check(name: string, signal: AbortSignal): Promise<readonly Finding[]>
  /** Makes the missing fields of the sink. @throws BRIDGE_REFUSED where it has none to make, UpstreamError */
  installFields(name: string, signal: AbortSignal): Promise<readonly string[]>
  /** Closes both circuits and tries what waits at once. */
  resume(name: string): Promise<BridgeInfo>

  /** Starts a poll. @throws ServiceError POLL_RUNNING */
  poll(name: string): Promise<Poll>
  /** @param id or `latest` @throws ServiceError RUN_UNKNOWN */
  pollById(id: string): Promise<Poll>
  polls(name: string, options: { readonly limit: number; readonly before?: string }): Promise<readonly Poll[]>
  /** What became of the tickets that came with a poll, as it stands now. */
  pollEffects(id: string): Promise<Readonly<Record<EffectState, number>>>
  /**
   * The poll when it has ended and what it brought was carried out or waits for another try, when the time is over, or
   * when the signal is aborted; as it is then.
   */
  untilPolled(poll: Poll, options: { readonly waitMs: number; readonly signal: AbortSignal }): Promise<Poll>

  /** Looks at one incident soon. Nothing for one that is not ours. */
  hook(name: string, incidentId: string, told: Told): Promise<void>

  /** @throws ServiceError ARGUMENT_INVALID for `after` of nobody */
  tickets(query: {
    readonly bridge?: string
    readonly states?: readonly TicketState[]
    readonly limit: number
    readonly after?: { readonly bridge: string; readonly ticketId: string }
  }): Promise<readonly TicketRecord[]>
  /** @throws ServiceError TICKET_UNKNOWN */
  ticket(name: string, ticketId: string): Promise<TicketDetails>
  /**
   * Reads a ticket anew from its desk, also one that the bridge has not seen, and plans what is missing; an incident
   * that somebody deleted is made again. @throws ServiceError TICKET_UNKNOWN where the desk has none, UpstreamError
   */
  resync(name: string, ticketId: string, signal: AbortSignal): Promise<TicketDetails>

  effects(query: {
    readonly bridge?: string
    readonly ticketId?: string
    readonly states?: readonly EffectState[]
    readonly kinds?: readonly EffectKind[]
    readonly limit: number
    readonly after?: number
  }): Promise<readonly Effect[]>
  /** @param id or `latest`: the one that was planned last @throws ServiceError EFFECT_UNKNOWN */
  effect(id: string): Promise<Effect>
  /** @param id or `latest`: the last dead one @throws ServiceError EFFECT_UNKNOWN, EFFECT_CONFLICT */
  retry(id: string): Promise<Effect>
  /** @param id or `latest`: the last dead one, else the last that is still to be done */
  skip(id: string): Promise<Effect>

  /** @param ticket raw, in the desk's words; or the id of one that the bridge has seen @throws TEMPLATE_REFUSED, TICKET_UNKNOWN */
  preview(
    name: string,
    request: {
      readonly template: TemplateKind
      readonly source?: unknown
      readonly ticket?: Readonly<Record<string, unknown>>
      readonly ticketId?: string
    },
    signal: AbortSignal,
  ): Promise<unknown>
}
