/** What becomes of an effect that did not end well, by what went wrong. Pure. */
import type { RetryConfig } from '../../config/model.ts'
import { UpstreamError } from '../../errors.ts'
import type { BridgeEnd, EffectChange } from '../../store/ticket-store.ts'
import type { Effect } from '../../store/tickets.ts'
import { IncidentGone } from '../../tickets/incident-sink.ts'
import { Refused } from '../../tickets/refused.ts'
import { askedMs, backoffMs } from '../product/backoff.ts'
import type { HealthEvent } from '../product/health.ts'
import { endOf } from './effects.ts'

/** Something failed before anything was written: whatever it says, the effect was not carried out. */
class BeforeWriting extends Error {
  constructor(cause: unknown) {
    super('nothing was written', { cause })
    this.name = 'BeforeWriting'
  }
}

/** Reads that go before a write. */
export async function before<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    throw new BeforeWriting(error)
  }
}

export interface Verdict {
  /**
   * dead: trying again changes nothing; gone: there is no incident any more; waits: not tried, for a reason that lies
   * not with it; failed: not carried out; unknown: perhaps carried out; cut: under way when it had to end; fault: ours.
   */
  readonly kind: 'dead' | 'gone' | 'waits' | 'failed' | 'unknown' | 'cut' | 'fault'
  /** In words for users. */
  readonly reason: string
  /** Which end it tells of, and what. */
  readonly end: BridgeEnd
  readonly event?: HealthEvent
  readonly askedMs?: number
}

export const internalFault = 'internal fault'

interface Seen {
  readonly deskKind: string
  /** Requests under way had to end. */
  readonly cut: boolean
  /** It was looked at, nothing was to be written. */
  readonly looking: boolean
}

export function verdictOf(effect: Pick<Effect, 'kind'>, thrown: unknown, seen: Seen): Verdict {
  const isBefore = thrown instanceof BeforeWriting
  const error = isBefore ? thrown.cause : thrown
  const wrote = !isBefore && !seen.looking
  const own = endOf(effect)
  if (error instanceof IncidentGone) {
    return { kind: 'gone', reason: error.message, end: 'sink', event: 'success' }
  }
  if (error instanceof Refused) return { kind: 'dead', reason: error.message, end: own }
  if (error instanceof UpstreamError) return ofUpstream(error, wrote, seen.deskKind)
  if (seen.cut) {
    const reason = 'the server stopped before the answer came'
    return { kind: wrote ? 'cut' : 'waits', reason, end: own }
  }
  // Where it failed after the answer, it was carried out.
  return { kind: wrote ? 'unknown' : 'fault', reason: internalFault, end: own, event: 'fault' }
}

function ofUpstream(error: UpstreamError, wrote: boolean, deskKind: string): Verdict {
  const { kind, message: reason, service, status = 0 } = error
  const end = service === deskKind ? 'desk' : 'sink'
  const asked = askedMs(error, 0)
  const told = { reason, end, event: error, ...(asked !== undefined && { askedMs: asked }) } as const
  // It tells of another request, and so nothing of its own.
  if (error.unsent) return { kind: 'waits', reason, end, ...(asked !== undefined && { askedMs: asked }) }
  if (error.needsMending) return { kind: 'waits', reason, end, event: error }
  if (kind === 'throttled') return { kind: 'waits', ...told }
  // Whoever answers so is well.
  if (kind === 'rejected') return { kind: 'dead', reason, end, event: 'success' }
  if (kind === 'unavailable' && status === 409) return { ...told, kind: 'failed', event: 'success' }
  const isDone = kind === 'unavailable' ? status >= 500 : true
  return { kind: wrote && isDone ? 'unknown' : 'failed', ...told }
}

export interface Policy {
  readonly retry: RetryConfig
  /** After how long what is ambiguous is looked up, since it became so: milliseconds, one for each look. */
  readonly settleMs: readonly number[]
  /** The end that failed fails for all, as far as is known: an outage uses up nothing for good. */
  readonly isOut: boolean
  /** That is certain: an outage uses up no tries. */
  readonly isOpen: boolean
  /** Of the end in a row: how often to look again at what can't be looked up. */
  readonly failures: number
  /** Milliseconds since the epoch. */
  readonly now: number
  /** 0 up to 1. */
  readonly random: number
}

/** Of a try. A verdict `gone` is the ticket's, and none of the effect. */
export function afterTry(effect: Effect, verdict: Verdict, policy: Policy): EffectChange {
  const { retry, settleMs, isOut, now, random } = policy
  const base = changeOf(effect, { error: verdict.reason, now })
  const later = backoffMs(effect.attempts, retry, random, verdict.askedMs)
  const settling = { ...base, state: 'ambiguous', ambiguousSince: new Date(now) } as const
  switch (verdict.kind) {
    case 'gone':
    case 'dead':
      return { ...base, state: 'dead', attempts: effect.attempts + 1 }
    case 'waits':
      return { ...base, state: 'pending', dueAt: new Date(now + (verdict.askedMs === undefined ? 0 : later)) }
    case 'cut':
      return { ...settling, dueAt: new Date(now + settleAt(settleMs, 0)) }
    case 'unknown': {
      const dueAt = new Date(now + Math.max(settleAt(settleMs, 0), isRepeated(effect) ? later : 0))
      return { ...settling, attempts: usedUp(effect, policy), dueAt }
    }
    default: {
      const attempts = usedUp(effect, policy)
      const isDead = attempts >= retry.attempts && !isOut
      return { ...base, state: isDead ? 'dead' : 'failed', attempts, dueAt: new Date(now + later) }
    }
  }
}

function usedUp({ attempts }: Effect, { isOpen, retry }: Policy): number {
  return isOpen ? Math.min(attempts, Math.max(0, retry.attempts - 1)) : attempts + 1
}

/** It was tried once more since it became ambiguous: the waits grow. */
function isRepeated({ attempts }: Effect): boolean {
  return attempts > 0
}

/** Of a look that found nothing. After the last one it is tried once more, at once, if it has tries left. */
export function afterLook(effect: Effect, policy: Policy): EffectChange {
  const { retry, settleMs, isOut, now } = policy
  const probes = effect.probes + 1
  const base = changeOf(effect, { error: effect.error, now })
  if (probes < settleMs.length) {
    const since = effect.ambiguousSince === null ? now : Date.parse(effect.ambiguousSince)
    const dueAt = new Date(Math.max(now, since + settleAt(settleMs, probes)))
    return { ...base, state: 'ambiguous', probes, ambiguousSince: new Date(since), dueAt }
  }
  const isDead = effect.attempts >= retry.attempts && !isOut
  return { ...base, state: isDead ? 'dead' : 'pending' }
}

/** Of a look that failed itself: it counts nothing. */
export function afterFailedLook(effect: Effect, verdict: Verdict, policy: Policy): EffectChange {
  const { retry, failures, now, random } = policy
  const since = effect.ambiguousSince === null ? now : Date.parse(effect.ambiguousSince)
  return {
    ...changeOf(effect, { error: verdict.reason, now }),
    state: 'ambiguous',
    probes: effect.probes,
    ambiguousSince: new Date(since),
    dueAt: new Date(now + backoffMs(Math.max(0, failures - 1), retry, random, verdict.askedMs)),
  }
}

/** Ambiguous ones that can't be looked up have used up their tries, too. */
export function isUsedUp(effect: Effect, { retry, isOut }: Pick<Policy, 'retry' | 'isOut'>): boolean {
  return effect.state === 'ambiguous' && effect.attempts >= retry.attempts && !isOut
}

export interface Rest {
  readonly reference?: string | null
  readonly error?: string | null
  readonly now: number
}

/** Of one that need not be done any more, or can't. */
export function restOf(effect: Effect, state: 'done' | 'skipped' | 'dead', rest: Rest): EffectChange {
  return { ...changeOf(effect, { error: state === 'done' ? null : effect.error, ...rest }), state }
}

function changeOf(effect: Effect, { reference, error, now }: Rest): Omit<EffectChange, 'state'> {
  const { id, attempts } = effect
  return {
    id,
    attempts,
    probes: 0,
    dueAt: new Date(now),
    ambiguousSince: null,
    reference: reference ?? effect.reference,
    error: error === null || error === undefined ? null : words(error),
  }
}

function settleAt(settleMs: readonly number[], look: number): number {
  return settleMs[look] ?? settleMs.at(-1) ?? 0
}

const longest = 2000

/** As a database can store it and a page can show it. */
function words(text: string): string {
  const clean = text.replaceAll('\0', '').toWellFormed()
  return clean.length > longest ? `${clean.slice(0, longest - 1)}…`.toWellFormed() : clean
}
