/** What became of a delivery, from the product's answer and, where that leaves something open, from its list. */
import { UpstreamError } from '../../errors.ts'
import type { Outcome } from '../exporter.ts'
import type { Listed } from './answers.ts'
import type { Planned } from './plan.ts'
import { service } from './wire.ts'

/** What its request met with. */
export type Fate =
  | {
      readonly kind: 'answered'
      /** false: with nothing at all. */
      readonly said: boolean
      /** It names none, and counts as many as were sent. */
      readonly allCounted: boolean
      /** Entries that the answer names, comparable; undefined: none are named. */
      readonly named?: ReadonlySet<string>
    }
  /** Alone, in the product's words. */
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'failed'; readonly error: UpstreamError; readonly sent: boolean }

/** The product's list of one source: of what is open alone. */
export type Lookup = { readonly entries: ReadonlyMap<string, Listed> } | { readonly error: UpstreamError }

/** Further than a time zone can shift what is meant as UTC. */
const dayMs = 86_400_000

/** Whether the list has to be asked. Removals are answered alike, whether there was anything to remove or not. */
export function isOpen({ delivery, key }: Planned, fate: Fate): boolean {
  if (delivery.action === 'remove') return fate.kind !== 'failed'
  return fate.kind === 'answered' && (delivery.unsure || !fate.named?.has(key))
}

export function outcomeOf(one: Planned, fate: Fate, lookup: Lookup | undefined): Outcome {
  const { key } = one.delivery
  if (fate.kind === 'failed') {
    const { error, sent } = fate
    return { key, status: sent ? 'unknown' : 'later', reason: error.message, error }
  }
  if (one.delivery.action === 'remove') return removed(one, fate, lookup)
  if (fate.kind === 'refused') return { key, status: 'rejected', reason: fate.reason }
  return isOpen(one, fate) ? stored(one, fate, lookup) : accepted(one, 'answer')
}

type Answered = Extract<Fate, { kind: 'answered' }>
type Refused = Extract<Fate, { kind: 'refused' }>

function stored(one: Planned, fate: Answered, lookup: Lookup | undefined): Outcome {
  const { delivery, key, entry } = one
  const named = fate.named?.has(key) === true
  if (lookup === undefined || 'error' in lookup) {
    if (named) return accepted(one, 'answer')
    // Its word, as names are; what it could be held against is not to be had.
    const mustDo = fate.allCounted && fate.named === undefined && lookup !== undefined && isRefused(lookup)
    return mustDo ? accepted(one, 'count') : unseen(delivery.key, lookup)
  }
  const listed = lookup.entries.get(key)
  if (listed === undefined) {
    if (fate.said && !named) {
      const reason = `silently dropped by Darktrace: it answered SUCCESS, and does not list the value under the source "${entry.source}"`
      return { key: delivery.key, status: 'rejected', reason }
    }
    const answer = named ? 'named the value as stored' : 'answered nothing'
    const reason = `Darktrace ${answer}, and does not list it under the source "${entry.source}"`
    // One that answers nothing, and does nothing, is not the API: that concerns all of them.
    const error = fate.said ? undefined : new UpstreamError('unreadable', reason, { service })
    return { key: delivery.key, status: 'unknown', reason, ...(error !== undefined && { error }) }
  }
  if (endsEarly(listed, entry.expiry)) {
    const reason = `Darktrace lists the value with the expiry ${listed.expiry} instead of ${entry.expiry}`
    return { key: delivery.key, status: 'unknown', reason }
  }
  return accepted(one, 'list')
}

function removed(one: Planned, fate: Answered | Refused, lookup: Lookup | undefined): Outcome {
  const { key } = one.delivery
  if (lookup === undefined || 'error' in lookup) {
    return fate.kind === 'answered' && fate.said ? accepted(one, 'answer') : unseen(key, lookup)
  }
  const isThere = lookup.entries.has(one.key)
  if (fate.kind === 'refused') {
    return isThere ? { key, status: 'rejected', reason: fate.reason } : { key, status: 'unchanged' }
  }
  if (!isThere) return accepted(one, 'list')
  const reason = `Darktrace still lists the value under the source "${one.entry.source}"`
  return { key, status: 'unknown', reason }
}

/**
 * The receipt says what was stored, and by what it is known: the answer names it, the list has it (or lacks it), or,
 * where that can't be read, the answer counts all that were sent.
 */
function accepted({ delivery, entry }: Planned, confirmedBy: 'answer' | 'list' | 'count'): Outcome {
  const { key, action } = delivery
  if (action === 'remove') {
    return { key, status: 'accepted', vendor: { source: entry.source, confirmedBy } }
  }
  const until = entry.expiry && `${entry.expiry}Z`
  return { key, status: 'accepted', vendor: { ...entry, confirmedBy }, ...(until && { until }) }
}

function unseen(key: string, lookup: { readonly error: UpstreamError } | undefined): Outcome {
  const why = lookup === undefined ? '' : `: ${lookup.error.message}`
  const reason = `Darktrace's answer leaves open what became of it, and its list could not be read${why}`
  // A list that we may not read stops no writing, which Darktrace has just let us do.
  const concernsAll = lookup !== undefined && !isRefused(lookup)
  return { key, status: 'unknown', reason, ...(concernsAll && { error: lookup.error }) }
}

/** Asking again is of no use. */
function isRefused({ error: { kind } }: { readonly error: UpstreamError }): boolean {
  return kind === 'permission' || kind === 'address' || kind === 'rejected'
}

/** An entry from before, which the request has not renewed. */
function endsEarly(listed: Listed, wanted: string | undefined): boolean {
  if (wanted === undefined || listed.expiry === undefined) return false
  const ends = Date.parse(`${listed.expiry.trim().replace(' ', 'T')}Z`)
  return ends < Date.parse(`${wanted}Z`) - dayMs
}
