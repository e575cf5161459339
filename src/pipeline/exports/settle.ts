/** What becomes of a delivery, by what the product said of it. Pure. */
import type { RetryConfig } from '../../config/model.ts'
import type { UpstreamError } from '../../errors.ts'
import type { Outcome } from '../../exporters/exporter.ts'
import type { ClaimedDelivery, Have, Settlement } from '../../store/delivery-store.ts'
import { askedMs, backoffMs } from '../product/backoff.ts'

/** A claimed delivery on its way. */
export interface Work {
  readonly claimed: ClaimedDelivery
  /** Hash of the exporter's content; empty for a removal. */
  readonly content: string
}

type WithoutKey<T> = T extends unknown ? Omit<T, 'key'> : never

/** What became of a try. */
export type Result =
  | (WithoutKey<Outcome> & {
      /** Not sent, as others of its batch failed: its turn comes later, no attempt used up. */
      readonly waits?: boolean
    })
  /** Under way when it had to end: perhaps carried out, no attempt used up. */
  | { readonly status: 'aborted' }
  /** Not sent after all, for a reason that lies not with it: no attempt used up. */
  | { readonly status: 'unsent' }

export interface SettlePolicy {
  readonly retry: RetryConfig
  /** After a 429 without `Retry-After`; 0: as after any failure. */
  readonly throttledMs: number
  /** The destination takes what its limit lets it: to be asked to wait is no failed try. */
  readonly isTaking?: boolean
}

/** @param random 0 up to 1 */
export function settle(
  { claimed, content }: Work,
  result: Result,
  policy: SettlePolicy,
  now: number,
  random: number,
): Settlement {
  const { attempts } = claimed
  switch (result.status) {
    case 'unsent':
      return released(claimed, new Date(now))
    case 'aborted':
      return again(claimed, attempts, stopped, new Date(now), true)
    case 'accepted':
    case 'unchanged':
      return {
        ...final(claimed, result.status, null),
        ...known(claimed, content, result),
      }
    case 'rejected':
      return { ...final(claimed, 'rejected', result.reason), vendor: result.vendor ?? null }
    case 'skipped':
      return { ...final(claimed, 'skipped', result.reason), attempts, tried: false, repeated: false }
    default:
      return failed(claimed, result, policy, now, random)
  }
}

const stopped = 'the server stopped before the product answered'

/** Settled without anything being sent. `noRoom`: it may be sent once the product has room. */
export function withoutSending(
  claimed: ClaimedDelivery,
  status: 'unchanged' | 'skipped',
  reason: string | null,
  more: { readonly have?: null; readonly noRoom?: boolean } = {},
): Settlement {
  const { attempts, have } = claimed
  // It still holds of what is there: the hashes of a file, for one.
  const vendor = status === 'unchanged' && more.have !== null ? (have?.vendor ?? null) : null
  return { ...final(claimed, status, reason), vendor, attempts, tried: false, repeated: false, ...more }
}

/** Given back as it was: nothing was sent of it. */
export function released(claimed: ClaimedDelivery, dueAt: Date): Settlement {
  const { id, revision, taken, attempts, unsure } = claimed
  return {
    id,
    revision,
    taken,
    attempts,
    tried: false,
    repeated: false,
    status: 'pending',
    reason: null,
    dueAt,
    unsure,
  }
}

/** A try that failed before anything was sent. */
export function failedUnsent(
  claimed: ClaimedDelivery,
  failure: { readonly reason: string; readonly error?: UpstreamError },
  policy: SettlePolicy,
  now: number,
  random: number,
): Settlement {
  const settlement = failed(claimed, { status: 'later', ...failure }, policy, now, random)
  return { ...settlement, tried: false, repeated: false }
}

type Failure = Extract<WithoutKey<Outcome>, { readonly status: 'later' | 'unknown' }> & {
  readonly waits?: boolean
}

function failed(
  claimed: ClaimedDelivery,
  { status, reason, error, sent, waits = false }: Failure,
  { retry, throttledMs, isTaking = false }: SettlePolicy,
  now: number,
  random: number,
): Settlement {
  const maybe = status === 'unknown'
  if (waits) return { ...released(claimed, new Date(now)), reason: words(reason) }
  const isOthersFault = error?.needsMending || (isTaking && error?.kind === 'throttled')
  const repeated = claimed.unsure && sent !== false && !error?.unsent
  if (isOthersFault) return { ...again(claimed, claimed.attempts, reason, new Date(now), maybe), repeated }
  const attempts = claimed.attempts + 1
  if (attempts >= retry.attempts) {
    return { ...final(claimed, 'dead', reason), repeated, have: afterDoubt(claimed, maybe) }
  }
  const waitMs = backoffMs(claimed.attempts, retry, random, askedMs(error, throttledMs))
  return { ...again(claimed, attempts, reason, new Date(now + waitMs), maybe), repeated }
}

function again(
  claimed: ClaimedDelivery,
  attempts: number,
  reason: string,
  dueAt: Date,
  maybe: boolean,
): Settlement {
  const { id, revision, taken, unsure } = claimed
  return {
    id,
    revision,
    taken,
    attempts,
    tried: true,
    repeated: unsure,
    status: 'pending',
    reason: words(reason),
    dueAt,
    unsure: unsure || maybe,
  }
}

type Final = Extract<Settlement, { readonly have: unknown }>

function final(claimed: ClaimedDelivery, status: Final['status'], reason: string | null): Final {
  const { id, revision, taken, attempts, unsure, have } = claimed
  return {
    id,
    revision,
    taken,
    attempts: attempts + 1,
    tried: true,
    repeated: unsure,
    status,
    reason: reason === null ? null : words(reason),
    vendor: null,
    remoteId: have?.remoteId ?? null,
    have: afterDoubt(claimed, false),
  }
}

type Success = Extract<WithoutKey<Outcome>, { readonly status: 'accepted' | 'unchanged' }>

function known(
  { action, have }: ClaimedDelivery,
  content: string,
  { remoteId, vendor = null, until }: Success,
): Pick<Final, 'have' | 'remoteId' | 'vendor'> {
  const id = remoteId ?? have?.remoteId ?? null
  if (action === 'remove') return { have: null, remoteId: id, vendor }
  return { have: { content, remoteId: id, vendor, until: until ?? null }, remoteId: id, vendor }
}

/**
 * What the product has once an attempt ends without success. Where one may have been carried out, it may have
 * something: noted with no content, so that whatever is wanted next is sent, and a removal too.
 */
function afterDoubt({ action, have, unsure }: ClaimedDelivery, maybe: boolean): Have | 'same' {
  if (!unsure && !maybe) return 'same'
  if (have === null && action === 'remove') return 'same'
  return { remoteId: have?.remoteId ?? null, vendor: have?.vendor ?? null, until: null, content: '' }
}

const longestReason = 2000

/** What the database can't store of a settlement must not be sent again without end: it is a failed try of ours. */
export function unwritable(settlement: Settlement, { retry }: SettlePolicy, now: number): Settlement {
  const { id, revision, taken, tried, repeated } = settlement
  const attempts = Math.max(1, settlement.attempts)
  const common = { id, revision, taken, attempts, tried, repeated, reason: internalFault }
  if (attempts >= retry.attempts) {
    return { ...common, status: 'dead', vendor: null, remoteId: null, have: 'same' }
  }
  return { ...common, status: 'pending', dueAt: new Date(now + retry.initialMs), unsure: true }
}

/** An exception of this server; its log has the cause. */
export const internalFault = 'internal fault'

/** As a database can store it and a table can show it. */
function words(text: string): string {
  const clean = text.replaceAll('\0', '').toWellFormed()
  return clean.length > longestReason ? `${clean.slice(0, longestReason - 1)}…`.toWellFormed() : clean
}
