/** What clients really did, whatever they were answered, and the untrue answers that a test asks for. */
import type { Acknowledgement } from './queue.ts'
import type { RoutesOptions } from './routes.ts'
import type { TicketFields } from './ticket.ts'

/** A write that was carried out. */
interface CarriedOut {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly kind: 'close' | 'worklog' | 'assign' | 'update' | 'acknowledge'
  readonly ticketId: string
  /** The body as it was sent; of an acknowledgement the version and its revision. */
  readonly arguments: TicketFields
}

export interface Observed {
  /** Everything that was carried out, oldest first. */
  readonly writes: readonly CarriedOut[]
  /** Each time that a version was really acknowledged, oldest first. */
  readonly acknowledged: readonly Acknowledgement[]
  /** How often this was given out. */
  downloads(ticketId: string, attachmentId: string): number
  /** The next acknowledgements of this ticket are answered so, SUCCESS too, and not carried out; times: default 1. */
  answerAck(ticketId: string, code: string, times?: number): void
  /** The next pages of updates that aren't empty have their first ticket twice; times: default 1. */
  repeatTicket(times?: number): void
}

type Hooks = Pick<RoutesOptions, 'ackOverride' | 'repeats' | 'acknowledged' | 'wrote' | 'downloaded'>

export function createRecord(now: () => number): { readonly observed: Observed; readonly hooks: Hooks } {
  const writes: CarriedOut[] = []
  const acknowledged: Acknowledgement[] = []
  const downloads = new Map<string, number>()
  const overrides = new Map<string, { readonly code: string; left: number }[]>()
  let repeats = 0
  const keyOf = (ticketId: string, attachmentId: string) => JSON.stringify([ticketId, attachmentId])

  const observed: Observed = {
    writes,
    acknowledged,
    downloads: (ticketId, attachmentId) => downloads.get(keyOf(ticketId, attachmentId)) ?? 0,
    answerAck(ticketId, code, times = 1) {
      overrides.set(ticketId, [...(overrides.get(ticketId) ?? []), { code, left: times }])
    },
    repeatTicket(times = 1) {
      repeats += times
    },
  }
  const hooks: Hooks = {
    ackOverride(ticketId) {
      const next = overrides.get(ticketId)?.find(({ left }) => left > 0)
      if (next !== undefined) next.left -= 1
      return next?.code
    },
    repeats() {
      if (repeats === 0) return false
      repeats -= 1
      return true
    },
    wrote: (kind, ticketId, given) => void writes.push({ at: now(), kind, ticketId, arguments: given }),
    acknowledged(acknowledgement) {
      const { at, ticketId, version, revision } = acknowledgement
      acknowledged.push(acknowledgement)
      writes.push({ at, kind: 'acknowledge', ticketId, arguments: { version, revision } })
    },
    downloaded(ticketId, attachmentId) {
      downloads.set(keyOf(ticketId, attachmentId), observed.downloads(ticketId, attachmentId) + 1)
    },
  }
  return { observed, hooks }
}
