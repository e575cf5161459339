/** How a ticket and its effects will stand once the next step is written. Pure. */
import type { EffectChange, TicketChange, Work } from '../../store/ticket-store.ts'
import type { Effect, NewEffect } from '../../store/tickets.ts'
import { stateOf } from './lanes.ts'
import { restOf } from './outcome.ts'
import type { Parts } from './try.ts'

/** As it will stand once the parts are written. */
export interface View {
  readonly ticket: Work['ticket']
  readonly open: readonly Effect[]
  readonly known: ReadonlySet<string>
  readonly adds: boolean
  readonly addedKinds: readonly NewEffect[]
}

export function viewOf({ ticket, open, known }: Work, { settle = [], add = [], change = {} }: Parts): View {
  const changes = new Map(settle.map((each) => [each.id, each]))
  const after = open.flatMap((effect) => {
    const settled = changes.get(effect.id)
    if (settled === undefined) return effect
    return settled.state === 'done' || settled.state === 'skipped' ? [] : settledEffect(effect, settled)
  })
  const fresh = add.filter(({ kind, key }) => !known.has(`${kind}/${key}`))
  return { ticket: { ...ticket, ...change }, open: after, known, adds: fresh.length > 0, addedKinds: fresh }
}

function settledEffect(effect: Effect, { dueAt, ambiguousSince, ...change }: EffectChange): Effect {
  return {
    ...effect,
    ...change,
    dueAt: dueAt.toISOString(),
    ambiguousSince: ambiguousSince?.toISOString() ?? null,
  }
}

export function stateChange({ ticket, open, addedKinds }: View): TicketChange {
  const added = addedKinds.map(({ kind }) => ({ kind, state: 'pending' as const, error: null }))
  const next = stateOf(ticket, [...open, ...added])
  if (next === undefined || (next.state === ticket.state && next.reason === ticket.reason)) return {}
  return next
}

/** Somebody skipped making the incident: nothing of the rest has a place to go. */
export function abandon({ ticket, open, known }: View, now: number): Parts | undefined {
  if (ticket.incident !== null || ticket.state === 'skipped') return undefined
  if (open.some(({ kind }) => kind === 'create') || !hasCreate(known)) return undefined
  const reason = 'somebody skipped making its incident'
  return {
    settle: open.map((effect) => restOf(effect, 'skipped', { error: reason, now })),
    change: { state: 'skipped', reason },
    events: [{ kind: 'skipped', detail: reason }],
  }
}

function hasCreate(known: ReadonlySet<string>): boolean {
  for (const each of known) if (each.startsWith('create/')) return true
  return false
}

export function isEmpty(parts: Parts): boolean {
  return Object.keys(parts).length === 0
}

export function joined(one: Parts, other: Parts): Parts {
  const settle = [...(one.settle ?? []), ...(other.settle ?? [])]
  const add = [...(one.add ?? []), ...(other.add ?? [])]
  const events = [...(one.events ?? []), ...(other.events ?? [])]
  const change = { ...one.change, ...other.change }
  return { settle: lastOfEach(settle), add, events, change }
}

function lastOfEach(settle: readonly EffectChange[]): readonly EffectChange[] {
  return [...new Map(settle.map((each) => [each.id, each])).values()]
}
