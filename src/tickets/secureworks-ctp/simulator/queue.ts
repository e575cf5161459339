/** What was changed and not acknowledged: the calls `updates`, `ids`, `count` and `acknowledge`. */
import type { Answer } from '../../../simulation/faults.ts'
import type { RecordedRequest } from '../../../simulation/simulator.ts'
import { bodyOf, json, only, queryOf, Refusal, textOf, wordOf } from './answers.ts'
import type { Desk, TicketState } from './desk.ts'
import { groupingTypes, isObject, listOf, type TicketFields, ticketTypes, worklogModes } from './ticket.ts'
import { issueVersion, revisionOf } from './version-tokens.ts'

export interface Acknowledgement {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly ticketId: string
  readonly revision: number
  readonly version: string
}

export interface QueueOptions {
  readonly desk: Desk
  now(): number
  /** What was changed earlier is not given out. */
  readonly maxAgeMs: number
  /** A code that is answered in place of an acknowledgement. */
  ackOverride(ticketId: string): string | undefined
  /** Whether this page has its first ticket twice. */
  repeats(): boolean
  acknowledged(acknowledgement: Acknowledgement): void
}

const defaultLimit = 10
const maxLimit = 500

interface Filter {
  readonly ticketType: string | undefined
  readonly groupingType: string | undefined
}

export function createQueue(options: QueueOptions) {
  const { desk, now, maxAgeMs } = options

  /** The oldest change first. */
  const waiting = ({ ticketType, groupingType }: Filter): TicketState[] =>
    pendingOf(desk.all()).filter(
      ({ ticket, modifiedAt }) =>
        modifiedAt >= now() - maxAgeMs &&
        (ticketType === undefined || ticket.ticketType === ticketType) &&
        (groupingType === undefined || ticket.groupingType === groupingType),
    )

  return {
    updates(request: RecordedRequest): Answer {
      const query = queryOf(request, ['ticketType', 'groupingType', 'limit', 'worklogs'])
      const mode = wordOf('worklogs', query.get('worklogs') ?? 'ALL', worklogModes)
      // A public client found that new tickets don't come with UPDATED.
      const found = waiting(filterOf(query)).filter(
        ({ acknowledgedRevision }) => mode !== 'UPDATED' || acknowledgedRevision > 0,
      )
      const page = found.slice(0, limitOf(query))
      const [first] = page
      if (first !== undefined && options.repeats()) page.push(first)
      return json(200, { tickets: page.map((state) => shown(state, mode)) })
    },
    ids(request: RecordedRequest): Answer {
      const query = queryOf(request, ['ticketType', 'groupingType', 'limit'])
      const page = waiting(filterOf(query)).slice(0, limitOf(query))
      return json(200, { ticketIds: page.map(({ ticket }) => ticket.ticketId) })
    },
    count(request: RecordedRequest): Answer {
      const query = queryOf(request, ['ticketType', 'groupingType'])
      return json(200, { ticketCount: waiting(filterOf(query)).length })
    },
    acknowledge(request: RecordedRequest): Answer {
      const body = bodyOf(request)
      only(body, ['ticketVersions'])
      if (!Array.isArray(body.ticketVersions)) throw new Refusal(400, 'ticketVersions is required')
      // All of them are read before one is carried out.
      const items = body.ticketVersions.map(readItem)
      return json(
        200,
        items.map(({ ticketId, version }) => {
          const override = options.ackOverride(ticketId)
          const code = override ?? desk.acknowledge(ticketId, version)
          const revision = revisionOf(ticketId, version)
          if (override === undefined && code === 'SUCCESS' && revision !== undefined) {
            options.acknowledged({ at: now(), ticketId, revision, version })
          }
          return { code, ticketId }
        }),
      )
    },
  }
}

/** Of any age, the oldest change first. */
export function pendingOf(states: readonly TicketState[]): TicketState[] {
  return states
    .filter(({ revision, acknowledgedRevision }) => revision !== acknowledgedRevision)
    .sort((a, b) => a.modifiedAt - b.modifiedAt || a.sequence - b.sequence)
}

/** @param mode of the worklogs: ALL, UPDATED (those since the last acknowledgement) or NONE */
export function shown({ ticket, revision, acknowledgedWorklogs }: TicketState, mode: string): TicketFields {
  const version = issueVersion(ticket.ticketId, revision)
  if (mode === 'ALL' || ticket.worklogs === undefined) return { ...ticket, version }
  if (mode === 'NONE') return { ...ticket, worklogs: undefined, version }
  const worklogs = listOf(ticket.worklogs)
  const added = Math.max(0, worklogs.length - acknowledgedWorklogs)
  return { ...ticket, worklogs: worklogs.slice(0, added), version }
}

function filterOf(query: ReadonlyMap<string, string>): Filter {
  const word = (name: string, words: readonly string[]) =>
    query.has(name) ? wordOf(name, query.get(name), words) : undefined
  return {
    ticketType: word('ticketType', ticketTypes),
    groupingType: word('groupingType', groupingTypes),
  }
}

function limitOf(query: ReadonlyMap<string, string>): number {
  const text = query.get('limit') ?? String(defaultLimit)
  const limit = /^\d{1,9}$/.test(text) ? Number(text) : 0
  if (limit >= 1 && limit <= maxLimit) return limit
  throw new Refusal(400, `limit is ${JSON.stringify(text)}, not 1..${maxLimit}`)
}

function readItem(item: unknown): { readonly ticketId: string; readonly version: string } {
  if (!isObject(item)) throw new Refusal(400, 'a member of ticketVersions is no object')
  return { ticketId: textOf(item, 'ticketId'), version: textOf(item, 'version') }
}
