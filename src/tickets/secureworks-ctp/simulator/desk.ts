/** The tickets of a simulated CTP with their revisions, and what the SOC does to them. */

import {
  type CtpTicket,
  type CtpWorklog,
  closedActions,
  defaultsOf,
  isObject,
  listOf,
  type NewAttachment,
  type NewTicket,
  openActions,
  type TicketFields,
} from './ticket.ts'
import { revisionOf } from './version-tokens.ts'

/** One ticket with what the product knows besides its members. Replaced, never changed. */
export interface TicketState {
  readonly ticket: CtpTicket
  /** 1 for a new one; one more with each change. */
  readonly revision: number
  /** The revision that was acknowledged last; 0: none. */
  readonly acknowledgedRevision: number
  /** How many worklogs there were then. */
  readonly acknowledgedWorklogs: number
  /** Milliseconds since the epoch, whole seconds. */
  readonly modifiedAt: number
  /** Of all changes of all tickets: decides between those of one second. */
  readonly sequence: number
  readonly attachments: ReadonlyMap<string, NewAttachment>
}

export interface AddOptions {
  /** Only what is given and a `ticketId`: no defaults. */
  readonly bare?: boolean
}

type AckCode = 'SUCCESS' | 'STALE_VERSION' | 'NOT_FOUND'

export interface Desk {
  /** @throws Error when there is one of this id */
  add(given: NewTicket, options?: AddOptions): TicketState
  /** @throws Error when there is none */
  get(ticketId: string): TicketState
  find(ticketId: string): TicketState | undefined
  /** In the order in which they came. */
  all(): readonly TicketState[]
  /** @param edit the new members, undefined to take one away; `at` is the second of the change */
  change(ticketId: string, edit: (ticket: CtpTicket, at: number) => TicketFields): TicketState
  /** A change that closes: what can be done with the ticket is little afterwards. */
  close(ticketId: string, edit: (ticket: CtpTicket, at: number) => TicketFields): TicketState
  addWorklog(ticketId: string, worklog: CtpWorklog): TicketState
  addAttachment(ticketId: string, attachment: NewAttachment): TicketState
  setStatus(ticketId: string, status: string, reason?: string): TicketState
  /** @throws Error when it is neither Closed nor Resolved */
  reopen(ticketId: string): TicketState
  acknowledge(ticketId: string, version: string): AckCode
}

/** Members that follow from a change and can't be set by one. */
const derived: readonly string[] = ['ticketId', 'version', 'dateModified']

export function createDesk(now: () => number): Desk {
  const states = new Map<string, TicketState>()
  /** What could be done with a ticket before it was closed, such as with codes of its own. */
  const actionsBefore = new Map<string, unknown>()
  let sequence = 0
  let lastTicket = 32_088_613
  let lastAttachment = 1_900_000
  const second = () => Math.floor(now() / 1000) * 1000

  const freeId = (): string => {
    do lastTicket += 1
    while (states.has(`IN${lastTicket}`))
    return `IN${lastTicket}`
  }
  const numbered = (attachments: readonly NewAttachment[]) =>
    new Map(
      attachments.map((attachment) => {
        lastAttachment += attachment.id === undefined ? 1 : 0
        return [attachment.id ?? String(lastAttachment), attachment] as const
      }),
    )
  const put = (state: TicketState): TicketState => {
    states.set(state.ticket.ticketId, state)
    return state
  }
  const get = (ticketId: string): TicketState => {
    const state = states.get(ticketId)
    if (state === undefined) throw new Error(`no ticket ${JSON.stringify(ticketId)}`)
    return state
  }
  const change: Desk['change'] = (ticketId, edit) => {
    const state = get(ticketId)
    // The clock may be set back; a date that is shown may not.
    const modifiedAt = Math.max(state.modifiedAt, second())
    const edited = edit(state.ticket, modifiedAt)
    const wrong = derived.find((name) => Object.hasOwn(edited, name))
    if (wrong !== undefined) throw new Error(`${wrong} can't be changed`)
    const ticket = { ...merged(state.ticket, edited), ticketId, dateModified: modifiedAt }
    sequence += 1
    return put({ ...state, ticket, revision: state.revision + 1, modifiedAt, sequence })
  }
  const close: Desk['close'] = (ticketId, edit) =>
    change(ticketId, (ticket, at) => {
      if (ticket.status !== 'Closed') actionsBefore.set(ticketId, ticket.availableActions)
      return { dateClosed: at, availableActions: closedActions, status: 'Closed', ...edit(ticket, at) }
    })
  const opened = ({ ticketId, status }: CtpTicket): TicketFields =>
    status === 'Closed'
      ? {
          dateClosed: undefined,
          availableActions: actionsBefore.has(ticketId) ? actionsBefore.get(ticketId) : openActions,
        }
      : {}

  return {
    get,
    change,
    close,
    find: (ticketId) => states.get(ticketId),
    all: () => [...states.values()],
    add({ attachments: files = [], ...given }, { bare = false } = {}) {
      const ticketId = typeof given.ticketId === 'string' ? given.ticketId : freeId()
      if (states.has(ticketId)) throw new Error(`there is a ticket ${JSON.stringify(ticketId)} already`)
      const attachments = numbered(files)
      const defaults = bare ? {} : defaultsOf(ticketId, second(), given.status === 'Closed')
      const attachmentInfo = { attachmentInfo: [...attachments].map(infoOf) }
      const fields = merged({ ...defaults, ...(files.length > 0 && attachmentInfo) }, given)
      const { dateModified } = fields
      sequence += 1
      return put({
        ticket: { ...fields, ticketId },
        revision: 1,
        acknowledgedRevision: 0,
        acknowledgedWorklogs: 0,
        modifiedAt: typeof dateModified === 'number' ? dateModified : second(),
        sequence,
        attachments,
      })
    },
    addWorklog: (ticketId, worklog) =>
      change(ticketId, (ticket, at) => withWorklog(ticket, at, { createdBy: 'Secureworks SOC', ...worklog })),
    addAttachment(ticketId, attachment) {
      const added = numbered([attachment])
      const attachments = new Map([...get(ticketId).attachments, ...added])
      const state = change(ticketId, (ticket) => ({
        attachmentInfo: [...listOf(ticket.attachmentInfo), ...[...added].map(infoOf)],
      }))
      return put({ ...state, attachments })
    },
    setStatus(ticketId, status, reason) {
      const given = reason === undefined ? {} : { reason }
      return status === 'Closed'
        ? close(ticketId, () => given)
        : change(ticketId, (ticket) => ({ ...opened(ticket), ...given, status }))
    },
    reopen(ticketId) {
      const { status } = get(ticketId).ticket
      if (status === 'Closed' || status === 'Resolved') {
        return change(ticketId, (ticket) => ({ ...opened(ticket), status: 'Active' }))
      }
      throw new Error(`ticket ${ticketId} is ${status}, not Closed or Resolved`)
    },
    acknowledge(ticketId, version) {
      const state = states.get(ticketId)
      if (state === undefined) return 'NOT_FOUND'
      const { revision, ticket } = state
      if (revisionOf(ticketId, version) !== revision) return 'STALE_VERSION'
      put({
        ...state,
        acknowledgedRevision: revision,
        acknowledgedWorklogs: listOf(ticket.worklogs).length,
      })
      return 'SUCCESS'
    },
  }
}

/** The worklogs with one more: newest first. */
export function withWorklog(ticket: CtpTicket, at: number, worklog: CtpWorklog): TicketFields {
  const added = merged({ dateCreated: at, type: 'Client Note', description: '' }, worklog as TicketFields)
  return { worklogs: [added, ...listOf(ticket.worklogs)] }
}

/** @returns what the ticket says of this action; undefined when it says nothing */
export function actionOf(ticket: CtpTicket, name: string): TicketFields | undefined {
  const actions = ticket.availableActions
  const action = isObject(actions) ? actions[name] : undefined
  return isObject(action) ? action : undefined
}

function infoOf([id, { name }]: readonly [string, NewAttachment]): TicketFields {
  return { id, ...(name !== undefined && { name }) }
}

/** A copy: what was given may be changed by its owner later. */
function merged(fields: TicketFields, over: TicketFields): TicketFields {
  const all = Object.entries({ ...fields, ...over }).filter(([, value]) => value !== undefined)
  return structuredClone(Object.fromEntries(all))
}
