/**
 * What every incident sink is: it makes an incident of a ticket and keeps it up. Each call is one effect: what an
 * answer leaves unknown is looked up by `find`, `read`, `notesPresent` and `filesPresent` before it is done again.
 */
import type { ConnectorContext, ConnectorDefinition, Finding } from '../connector.ts'
import type { Ticket, TicketAttachment, TicketNote } from '../model/ticket.ts'

export interface Incident {
  readonly id: string
  /** For people; null: it has none. */
  readonly url: string | null
  readonly status: 'open' | 'closed'
  /** Of closed ones. */
  readonly closing?: IncidentClosing
}

export interface IncidentClosing {
  /** Tells this closing from an earlier one of the same incident. */
  readonly key: string
  /** The sink's label of the reason. */
  readonly code?: string
  /** Plain text. */
  readonly summary?: string
}

/**
 * What the sink wants to remember of an incident: small plain JSON, kept by the bridge, given back with the next call. IBM
 * SOAR keeps what was last written into each field, so that an analyst's edit is told from ours.
 */
export type SinkMemory = Readonly<Record<string, unknown>>

export interface Applied {
  readonly memory: SinkMemory
  /** What happened beside, for the ticket's history: `overwritten`, `kept`. */
  readonly events: readonly { readonly kind: string; readonly detail: string }[]
}

/** A note on its way to an incident. */
export type OutgoingNote =
  | { readonly marker: string; readonly note: TicketNote }
  /** Of the bridge itself. */
  | { readonly marker: string; readonly text: string }

export interface OutgoingFile {
  readonly attachment: TicketAttachment
  /** As the desk named it when it was downloaded; else the attachment's own. May hold anything. */
  readonly name?: string
  readonly content: Buffer
}

/** A comment of an incident that is meant for the ticket. */
export interface SinkComment {
  readonly id: string
  /** Plain text as it goes to the desk, without the mark that it gets there. */
  readonly text: string
}

export interface SinkChange {
  readonly ticketId: string
  readonly incident: Incident
}

export interface ChangePage {
  readonly changes: readonly SinkChange[]
  /** Where to go on once this page is dealt with. */
  readonly cursor: string
}

/** Of one try to carry out an effect. */
export interface Call {
  /** The same for each try of the same effect. */
  readonly idempotencyKey: string
  readonly signal: AbortSignal
}

export const templateKinds = ['escalate', 'update', 'close', 'note', 'comment'] as const
export type TemplateKind = (typeof templateKinds)[number]

/** The incident is not there any more. */
export class IncidentGone extends Error {
  constructor(id: string) {
    super(`the incident ${id} does not exist any more`)
    this.name = 'IncidentGone'
  }
}

/** @returns undefined: the incident is gone */
export async function unlessGone<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read
  } catch (error) {
    if (error instanceof IncidentGone) return undefined
    throw error
  }
}

/**
 * @throws UpstreamError, where nothing else is said: `rejected` is final, with the sink's own words; `outcome-unknown`,
 * `timeout`, `unreadable` and `unavailable` of 5xx may have been carried out
 * @throws Refused where a template, a setting or the ticket makes it impossible
 * @throws IncidentGone by everything that takes the id of an incident, but for `read`
 */
export interface IncidentSink {
  /** Whether incidents can be looked up; false: a repeated call with the same key is taken once by whoever receives it. */
  readonly readable: boolean
  /** How often changes are looked for; null: only the hook tells of them, or nobody. */
  readonly changesEveryMs: number | null
  /** Bytes. */
  maxFileBytes(signal: AbortSignal): Promise<number>
  /** The incidents of a ticket, open and closed, oldest first. */
  find(ticketId: string, signal: AbortSignal): Promise<readonly Incident[]>
  read(
    incidentId: string,
    signal: AbortSignal,
  ): Promise<(Incident & { readonly ticketId?: string }) | undefined>
  create(ticket: Ticket, call: Call): Promise<Applied & { readonly incident: Incident }>
  /**
   * Makes the incident's fields those of the ticket; reads before it writes, so that it may be repeated. Sends nothing
   * where the memory says that nothing changed.
   */
  update(incidentId: string, ticket: Ticket, memory: SinkMemory, call: Call): Promise<Applied>
  /** May be repeated; nothing where it is closed. */
  close(incidentId: string, ticket: Ticket, memory: SinkMemory, call: Call): Promise<Applied>
  /** May be repeated; nothing where it is open. */
  reopen(incidentId: string, ticket: Ticket, memory: SinkMemory, call: Call): Promise<Applied>
  /** @returns the note's id, where the sink tells */
  addNote(incidentId: string, ticket: Ticket, note: OutgoingNote, call: Call): Promise<string | undefined>
  addFile(incidentId: string, ticket: Ticket, file: OutgoingFile, call: Call): Promise<string | undefined>
  /** Which of these notes the incident has, whoever put them there: marker to the note's id. One look at the incident. */
  notesPresent(
    incidentId: string,
    notes: readonly OutgoingNote[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, string>>
  /** Which of these attachments the incident has, with all their bytes: id of the attachment to the file's id. */
  filesPresent(
    incidentId: string,
    attachments: readonly TicketAttachment[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, { readonly id: string; readonly bytes: number }>>
  /**
   * Incidents of tickets that changed, page by page: at least one page, an empty one where nothing did.
   * @param cursor of an earlier look; null: from now on
   */
  changes(cursor: string | null, signal: AbortSignal): AsyncIterable<ChangePage>
  /** Comments that are meant for the ticket, oldest first. */
  comments(incident: Incident, ticket: Ticket, signal: AbortSignal): Promise<readonly SinkComment[]>
  /** Close codes of the desk for a closing of the incident, best first: the mapped one, the label itself, the default. */
  deskCloseCodes(closing: IncidentClosing): readonly string[]
  /**
   * Renders a template and checks it against the fields that the sink has. Changes nothing there, takes bounded time.
   * @param source a template's text or object; undefined: the configured one
   * @throws ServiceError TEMPLATE_REFUSED naming the field or the place
   */
  preview(kind: TemplateKind, source: unknown, ticket: Ticket, signal: AbortSignal): Promise<unknown>
  check(signal: AbortSignal): Promise<Finding[]>
  /** Makes the fields that are missing. @returns their names @throws UpstreamError */
  installFields?(signal: AbortSignal): Promise<readonly string[]>
}

export interface SinkContext extends ConnectorContext {
  /** The content of a file that the settings name. @throws Error */
  readFile(path: string): string
  /** Comments that begin so are meant for the ticket; empty: none is. */
  readonly commentPrefix: string
}

/** @typeParam Settings what the configuration hands over: checked, defaults filled in */
export interface IncidentSinkDefinition<Settings = unknown> extends ConnectorDefinition {
  /** What is wrong with templates of these settings, each with the setting's path: `templates.escalate`. Pure but for `readFile`. */
  problems?(
    settings: Settings,
    readFile: (path: string) => string,
  ): readonly { readonly path: string; readonly detail: string }[]
  create(settings: Settings, context: SinkContext): IncidentSink
}
