/** Which effect of a ticket is next, when the ticket is due, and how it stands. Pure. */
import type { Effect, TicketRecord, TicketState } from '../../store/tickets.ts'
import { mayBeRepeated, needsDesk } from './effects.ts'

/** Milliseconds since the epoch, all times. */
export interface Readiness {
  readonly now: number
  /** Before, another worker may have a request under way for what is ambiguous. */
  readonly quietAt: number
  /** When the desk takes requests; null: not by itself. */
  readonly deskAt: number | null
  /** Whether incidents can be looked up. */
  readonly canLook: boolean
}

export type Next =
  /** try: it is done, or done once more; look: what became of it is looked up. */
  | { readonly effect: Effect; readonly how: 'try' | 'look' }
  /** null: not before something else comes of it. */
  | { readonly effect: undefined; readonly dueAt: number | null }

/**
 * Within a lane an effect waits for the earlier ones; lanes do not wait for each other, but all for the incident.
 */
function laneOf({ kind, key }: Pick<Effect, 'kind' | 'key'>): string {
  switch (kind) {
    case 'patch':
    case 'close':
    case 'reopen':
      return 'fields'
    case 'attachment':
      return `attachment ${key}`
    case 'ctp_close':
    case 'ctp_worklog':
    case 'ctp_update':
      return 'desk'
    default:
      return kind
  }
}

/** @param open those that are not done or skipped, in the order of their ids */
export function nextEffect(open: readonly Effect[], readiness: Readiness): Next {
  const taken = new Set<string>()
  let dueAt: number | null = null
  for (const effect of gated(open)) {
    const lane = laneOf(effect)
    if (effect.state === 'dead' || taken.has(lane)) continue
    taken.add(lane)
    const at = dueOf(effect, readiness)
    if (at === null) continue
    if (at <= readiness.now) return { effect, how: howOf(effect, readiness) }
    dueAt = dueAt === null ? at : Math.min(dueAt, at)
  }
  return { effect: undefined, dueAt }
}

/** Without an incident nothing else can be done: one that is dead keeps all back until somebody retries it. */
function gated(open: readonly Effect[]): readonly Effect[] {
  const creates = open.filter(({ kind }) => kind === 'create')
  return creates.length > 0 ? creates : open
}

/** null: not by itself. */
function dueOf(effect: Effect, { quietAt, deskAt }: Readiness): number | null {
  if (effect.state === 'inflight') return null
  const own = Date.parse(effect.dueAt)
  const quiet = effect.state === 'ambiguous' ? Math.max(own, quietAt) : own
  if (!needsDesk(effect)) return quiet
  return deskAt === null ? null : Math.max(quiet, deskAt)
}

function howOf(effect: Effect, { canLook }: Readiness): 'try' | 'look' {
  if (effect.state !== 'ambiguous' || mayBeRepeated(effect)) return 'try'
  return canLook || effect.kind === 'ctp_close' || effect.kind === 'ctp_worklog' ? 'look' : 'try'
}

/** What users see of a ticket. @returns undefined: it stays as it is */
export function stateOf(
  { state, incident }: Pick<TicketRecord, 'state' | 'incident'>,
  open: readonly Pick<Effect, 'kind' | 'state' | 'error'>[],
): { readonly state: TicketState; readonly reason: string | null } | undefined {
  if (incident?.status === 'deleted' || state === 'skipped') return undefined
  const dead = open.find((effect) => effect.state === 'dead')
  if (dead !== undefined) return { state: 'error', reason: dead.error }
  if (incident === null) return { state: 'creating', reason: null }
  if (incident.status === 'closed') return { state: 'closed', reason: null }
  return { state: open.some(({ kind }) => kind === 'close') ? 'closing' : 'open', reason: null }
}
