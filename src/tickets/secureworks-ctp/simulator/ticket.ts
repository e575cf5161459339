/** What a ticket looks like on the wire, and what may stand in the fields that have a fixed set of words. */

/** The members of a ticket as they were given, whatever they are: nothing here is checked or put right. */
export type TicketFields = Readonly<Record<string, unknown>>

/** As it is now, without `version`, which is another one at each read. */
export interface CtpTicket extends TicketFields {
  readonly ticketId: string
}

export interface CtpWorklog {
  /** Milliseconds since the epoch, whole seconds. */
  readonly dateCreated?: number
  readonly description?: string
  /** Seen: Client Notification, Client Note, Customer Comment, Attachment, SOC Note. */
  readonly type?: string
  readonly createdBy?: string
}

export interface NewAttachment {
  /** Default: the next free number. */
  readonly id?: string
  /** In `attachmentInfo`, where it may be missing. */
  readonly name?: string
  /** Of the download; default `name`. */
  readonly filename?: string
  /** A function is called at each download, so that many big ones need no memory. */
  readonly content: Uint8Array | (() => Uint8Array)
}

/**
 * Any members of a ticket; one that is undefined is left out, whatever its default. `attachments` are the files behind
 * `attachmentInfo`, which is made of them unless it is given too.
 */
export type NewTicket = TicketFields & { readonly attachments?: readonly NewAttachment[] }

export const ticketTypes: readonly string[] = ['SERVICE_REQUEST', 'INCIDENT', 'CHANGE']
export const groupingTypes: readonly string[] = ['REQUEST', 'CHANGE', 'HEALTH', 'SECURITY']
export const worklogModes: readonly string[] = ['ALL', 'UPDATED', 'NONE']
export const riskAssessments: readonly string[] = ['UNDEFINED', 'NONE', 'LOW', 'MEDIUM', 'HIGH']
export const changeApprovals: readonly string[] = [
  'PM_FULLY_APPROVED',
  'PM_RFC',
  'PM_RFC_NON_EP',
  'PM_COST_NON_EP',
  'PM_PEND_COST',
  'PM_COST',
  'PM_PEND_RFC',
  'PM_PEND_RFC_AND_COST',
]

/** Of the public samples; they differ by ticket and tenant. */
export const closeCodes: readonly string[] = [
  'Mitigated by Security Controls',
  'Authorized/Expected',
  'Inconclusive',
  'True Positive',
  'False Positive',
  'Not Relevant',
  'Duplicate - Previously Escalated',
  'Work Completed',
]

const yes = { available: 'true' } as const
const no = { available: 'false' } as const

/** The product says true and false in text. */
export const openActions: TicketFields = {
  addAttachment: yes,
  addNote: yes,
  assignToPoc: yes,
  assignToSoc: yes,
  close: { ...yes, closeCode: closeCodes },
}
/** As in the sample of a closed ticket. */
export const closedActions: TicketFields = {
  addAttachment: no,
  addNote: yes,
  assignToPoc: no,
  assignToSoc: no,
  close: no,
}

/** @param at milliseconds since the epoch, whole seconds */
export function defaultsOf(ticketId: string, at: number, isClosed: boolean): CtpTicket {
  return {
    ticketId,
    ticketType: 'INCIDENT',
    groupingType: 'SECURITY',
    status: 'New',
    priority: 'MEDIUM',
    requestType: 'Security Incident',
    symptomDescription: `Suspicious activity (${ticketId})`,
    detailedDescription: 'Summary:\nSuspicious activity was seen.\n=====\nAction: please look into it.',
    dateCreated: at,
    dateModified: at,
    client: { id: '3016296', name: 'Client1' },
    clientLocation: { id: '752373', name: 'Client1 - Headquarters' },
    contact: { id: '2215505', name: 'John Doe' },
    devices: [],
    attachmentInfo: [],
    worklogs: [],
    watchers: [],
    relatedTickets: [],
    ...(isClosed ? { dateClosed: at, availableActions: closedActions } : { availableActions: openActions }),
    responsibleParty: 'CLIENT',
    assignedGroup: 'ESC - OpIntel',
    isGlobalParent: false,
    isGlobalChild: false,
  }
}

export function isObject(value: unknown): value is TicketFields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}
