/**
 * Requests that were refused for their key, for the audit log: whoever knocks a thousand times is told once a minute,
 * with a count, so that nobody can fill the disk.
 */
import { isIPv6 } from 'node:net'
import type { NewAuditEntry } from '../store/operations-store.ts'

export interface Refusal {
  /** Id of the key that lacks the scope; null: none that is known. */
  readonly key: string | null
  readonly address: string
  readonly code: string
  readonly status: number
  readonly requestId: string
  /** The pattern of the address that was asked for. */
  readonly route: string
}

export interface Refusals {
  note(refusal: Refusal): void
  /** Writes what has waited for a minute. */
  sweep(): void
  /** Writes whatever waits. */
  flush(): void
}

interface Group {
  readonly first: Refusal
  since: number
  /** Refusals since the last entry. */
  waiting: number
}

const windowMs = 60_000
/** Groups that have entries of their own in a minute; of what is beyond there is one entry. */
const mostGroups = 20
const others = 'others'

/** @param write is not waited for @param now milliseconds since the epoch */
export function refusals(write: (entry: NewAuditEntry) => void, now: () => number): Refusals {
  const groups = new Map<string, Group>()
  const tell = (group: Group) => {
    const { route, code, ...entry } = group.first
    const details = { code, route, count: group.waiting }
    group.since = now()
    group.waiting = 0
    write({ ...entry, action: 'keys.refused', subject: null, details })
  }
  const sweep = (least: number) => {
    for (const [name, group] of groups) {
      if (now() - group.since < least) continue
      if (group.waiting > 0) tell(group)
      else groups.delete(name)
    }
  }
  return {
    note(refusal) {
      sweep(windowMs)
      const own = JSON.stringify([networkOf(refusal.address), refusal.code, refusal.key])
      const name = groups.has(own) || groups.size < mostGroups ? own : others
      const first = name === others ? { ...refusal, address: others, key: null } : refusal
      const group = groups.get(name) ?? { first, since: Number.NEGATIVE_INFINITY, waiting: 0 }
      groups.set(name, group)
      group.waiting++
      if (now() - group.since >= windowMs) tell(group)
    },
    sweep: () => sweep(windowMs),
    flush: () => sweep(0),
  }
}

/** Who has one IPv6 address has as many as he likes: the 64 bits before count, as far as they are written. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.startsWith('::ffff:')) return address
  const [head = ''] = address.split('::', 1)
  return head.split(':').slice(0, 4).join(':')
}
