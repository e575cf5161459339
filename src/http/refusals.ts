/**
 * Requests that changed nothing since they were refused, for the audit log: whoever knocks a thousand times is told
 * once a minute, with a count, so that nobody can fill the disk.
 */
import { isIPv6 } from 'node:net'
import type { NewAuditEntry } from '../store/operations-store.ts'

interface Refusal {
  /** What was asked for: `push`; `keys.refused` where the key was refused. */
  readonly action: string
  /** What it was to be done to, where there is such a thing. */
  readonly subject: string | null
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
  /** @returns what `write` returned, where the refusal is told at once */
  note(refusal: Refusal): Promise<void> | undefined
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

/** @param now milliseconds since the epoch */
export function refusals(write: (entry: NewAuditEntry) => Promise<void>, now: () => number): Refusals {
  const groups = new Map<string, Group>()
  const tell = (group: Group) => {
    const { route, code, ...entry } = group.first
    const details = { code, route, count: group.waiting }
    group.since = now()
    group.waiting = 0
    return write({ ...entry, details })
  }
  const sweep = (least: number) => {
    for (const [name, group] of groups) {
      if (now() - group.since < least) continue
      if (group.waiting > 0) void tell(group)
      else groups.delete(name)
    }
  }
  return {
    note(refusal) {
      sweep(windowMs)
      const own = JSON.stringify([
        networkOf(refusal.address),
        ...[refusal.code, refusal.key, refusal.action, refusal.subject],
      ])
      const name = groups.has(own) || groups.size < mostGroups ? own : others
      const first = name === others ? { ...refusal, address: others, key: null, subject: null } : refusal
      const group = groups.get(name) ?? { first, since: Number.NEGATIVE_INFINITY, waiting: 0 }
      groups.set(name, group)
      group.waiting++
      return now() - group.since >= windowMs ? tell(group) : undefined
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
