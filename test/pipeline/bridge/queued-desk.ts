/** A desk in memory whose tickets wait in queues, page by page, until each state of them is acknowledged. */
import type { RawTicket } from '../../../src/model/ticket.ts'
import type { TicketDesk } from '../../../src/tickets/ticket-desk.ts'
import { createDesk, type Desk, type RawContent } from './desk.ts'
import { refused } from './faults.ts'

export interface QueuedDesk extends Desk {
  /** In the first queue, unless another one is named. */
  put(id: string, change?: Partial<RawContent> & RawTicket, queue?: string): void
  /** Takes it from the desk. */
  drop(id: string): void
  /** `id revision` of what was acknowledged, in order. */
  readonly acknowledged: string[]
  /** What the acknowledgement of a ticket is answered with, in place of SUCCESS. */
  readonly answers: Map<string, string>
  /** The next requests of this name fail so, one each. */
  refuse(call: string, ...errors: readonly Error[]): void
  /** Done before the next requests of this name are carried out, one each. */
  before(call: string, ...work: readonly (() => void | Promise<void>)[]): void
}

export interface QueuedDeskOptions {
  readonly queues?: readonly string[]
  readonly everyMs?: number | null
  /** Tickets of a page. */
  readonly limit?: number
}

interface Kept {
  readonly queue: string
  content: string
  revision: number
  acknowledged: number
}

export function createQueuedDesk(options: QueuedDeskOptions = {}): QueuedDesk {
  const { queues = ['INCIDENT'], everyMs = null, limit = 500 } = options
  const desk = createDesk()
  const { put, run, ticket, ticketOf } = desk
  const tickets = new Map<string, Kept>()
  const acknowledged: string[] = []
  const answers = new Map<string, string>()
  const hooks = new Map<string, (() => void | Promise<void>)[]>()
  let nonce = 0
  /** A ticket changes by whatever is done to it. */
  const asOfNow = (id: string, kept: Kept): Kept => {
    const content = JSON.stringify(desk.raw(id))
    if (content !== kept.content) kept.revision++
    kept.content = content
    return kept
  }
  const acknowledge = (ticketId: string, version: string): string => {
    const kept = tickets.get(ticketId)
    const revision = Number(version.split('-')[0])
    const isStale = kept === undefined || revision < asOfNow(ticketId, kept).revision
    const code = answers.get(ticketId) ?? (isStale ? 'STALE_VERSION' : 'SUCCESS')
    if (code === 'SUCCESS' && kept !== undefined) {
      kept.acknowledged = revision
      acknowledged.push(`${ticketId} ${revision}`)
    }
    return code
  }
  return Object.assign(desk, {
    ...{ queues, everyMs, acknowledged, answers },
    put(id: string, change: Partial<RawContent> & RawTicket = {}, queue = queues[0] ?? '') {
      put(id, change)
      if (!tickets.has(id)) tickets.set(id, { queue, content: '', revision: 0, acknowledged: 0 })
    },
    drop: (id: string) => void tickets.delete(id),
    refuse: (call: string, ...errors: readonly Error[]) => desk.fail(call, ...errors.map(refused)),
    before(call: string, ...work: readonly (() => void | Promise<void>)[]) {
      hooks.set(call, [...(hooks.get(call) ?? []), ...work])
    },
    onCall: (call: string) => hooks.get(call)?.shift()?.(),
    ticketOf(id: string, raw: RawTicket) {
      if (raw.poison === true) throw new TypeError('a ticket that nobody foresaw')
      return ticketOf(id, raw)
    },
    ticket: async (id: string, signal: AbortSignal) => {
      const raw = await ticket(id, signal)
      return tickets.has(id) ? raw : undefined
    },
    waiting: (queue: string, signal: AbortSignal) =>
      run(`waiting ${queue}`, '', signal, () => {
        const open = [...tickets].filter(([id, kept]) => {
          const { revision, acknowledged: last } = asOfNow(id, kept)
          return kept.queue === queue && revision > last
        })
        const page = open.slice(0, limit).map(([id, { revision }]) => {
          const version = `${revision}-${++nonce}`
          return { id, version, raw: { ...desk.raw(id), version } }
        })
        return { tickets: page, unreadable: [], full: page.length === limit }
      }),
    acknowledge: (versions: Parameters<TicketDesk['acknowledge']>[0], signal: AbortSignal) =>
      run('acknowledge', versions.map(({ ticketId }) => ticketId).join(), signal, () =>
        versions.map(({ ticketId, version }) => {
          const code = acknowledge(ticketId, version)
          return { ticketId, version, ok: code === 'SUCCESS', code }
        }),
      ),
  })
}
