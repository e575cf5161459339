/**
 * What every ticket desk is: it hands out tickets that changed until each version is acknowledged, and takes notes and
 * closings back. When, how often and in which order is the bridge's.
 */
import type { ConnectorContext, ConnectorDefinition, Finding } from '../connector.ts'
import type { RawTicket, Ticket, TicketAttachment } from '../model/ticket.ts'
import type { Incident } from './incident-sink.ts'

/** A ticket as its desk hands it out. */
export interface ReceivedTicket {
  readonly id: string
  /** Opaque: acknowledged as it is, compared with nothing. */
  readonly version: string
  readonly raw: RawTicket
}

export interface WaitingPage {
  /** Oldest change first, as the desk has them. */
  readonly tickets: readonly ReceivedTicket[]
  /** What has no id or version, and so can be neither taken nor acknowledged; in words for users. */
  readonly unreadable: readonly { readonly ticketId: string | null; readonly reason: string }[]
  /** Whether as many came as were asked for: there may be more once these are acknowledged. */
  readonly full: boolean
}

export interface Acknowledgement {
  readonly ticketId: string
  readonly version: string
  readonly ok: boolean
  /** The desk's own: `STALE_VERSION`; `NO_ANSWER` where its answer leaves the ticket out. */
  readonly code: string
}

/** The file, or why it was not read. */
export type DownloadedFile =
  | { readonly name?: string; readonly content: Buffer }
  /** bytes: where the desk's answer told. */
  | { readonly name?: string; readonly tooLarge: true; readonly bytes?: number }

/** How a ticket can be closed now. */
export interface DeskClosing {
  /**
   * close: by us; assign: only the desk's people can, and have to be asked (a ticket with others below it); note: it
   * takes no closing now, only a note.
   */
  readonly by: 'close' | 'assign' | 'note'
  /** Close codes that it takes; undefined: the desk does not tell. */
  readonly codes: readonly string[] | undefined
}

export interface TicketDesk {
  /** What is asked for separately, in users' words: `INCIDENT:SECURITY`. One failing is no failure of the others. */
  readonly queues: readonly string[]
  /** null: only when asked. */
  readonly everyMs: number | null
  /** How long the desk keeps what nobody took, milliseconds: an outage that long may have lost tickets. */
  readonly keepsMs: number
  /** Unacknowledged tickets of a queue, the oldest of them. @throws UpstreamError, as all below */
  waiting(queue: string, signal: AbortSignal): Promise<WaitingPage>
  /** @param versions 1 to 100 @returns one for each, in their order */
  acknowledge(
    versions: readonly { readonly ticketId: string; readonly version: string }[],
    signal: AbortSignal,
  ): Promise<readonly Acknowledgement[]>
  /** Pure; takes whatever a desk may send, and never throws. @param id what the ticket is called by here */
  ticketOf(id: string, raw: RawTicket): Ticket
  /** As it is now; undefined: there is none. */
  ticket(id: string, signal: AbortSignal): Promise<RawTicket | undefined>
  /** @param maxBytes of the file @throws UpstreamError rejected: there is no such attachment */
  attachment(
    ticketId: string,
    attachment: TicketAttachment,
    options: { readonly maxBytes: number; readonly signal: AbortSignal },
  ): Promise<DownloadedFile>
  /** @param raw as just read */
  closing(ticketId: string, raw: RawTicket, signal: AbortSignal): Promise<DeskClosing>
  /** @throws UpstreamError unavailable with status 409: a newer version has to be acknowledged first */
  close(
    ticketId: string,
    closing: { readonly code: string; readonly note?: string },
    signal: AbortSignal,
  ): Promise<void>
  addNote(ticketId: string, text: string, signal: AbortSignal): Promise<void>
  /** Gives the ticket into the hands of the desk's people. */
  assign(ticketId: string, note: string, signal: AbortSignal): Promise<void>
  /** Writes into the ticket which incident it became. May be repeated. */
  link(ticketId: string, incident: Incident, signal: AbortSignal): Promise<void>
  check(signal: AbortSignal): Promise<Finding[]>
}

/** @typeParam Settings what the configuration hands over: checked, defaults filled in */
export interface TicketDeskDefinition<Settings = unknown> extends ConnectorDefinition {
  /** Names of the queues that these settings drain: who shares one with another takes tickets away from it. No secrets. */
  queues?(settings: Settings): readonly string[]
  create(settings: Settings, context: ConnectorContext): TicketDesk
}
