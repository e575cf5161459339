/**
 * THE TABLE: what a user must see of each fault at each vendor. Written from the contract and the fact sheets of the
 * products; what holds of every cell stands beside it in the drivers: nothing lost or invented, the receipt adds up,
 * the vendor, the cause and a remedy are named, no secret, no more than a few words of the vendor's, no redirect
 * followed, and once the fault is over everything comes right by itself (or, paused, at the word of whoever mended it).
 */
import { type ErrorCode, upstreamCode } from '../../../src/errors.ts'
import type { FaultId } from './faults.ts'

// Reading from ThreatConnect

/** `whole`: the answer, or the fetch, is complete all the same. Else the error: its status, live, and its code. */
export type Live = 'whole' | { readonly status: 502 | 503 | 504; readonly code: ErrorCode }
export type Fetch = 'whole' | { readonly code: ErrorCode }

export interface ReadCell {
  /** `tc-get-indicators` while the fault lasts: from the first request on, or from the third page on. */
  readonly live: Live
  /** A fetch under the same. From the first request on it fails, from the third page on it is partial. */
  readonly fetch: Fetch
  /** The third page alone meets it; null: such a fault does not come and go. */
  readonly liveOnce: Live | null
  readonly fetchOnce: Fetch | null
}

const code = upstreamCode
const whole = 'whole'
const gone = { status: 503, code: code.unavailable } as const
const late = { status: 504, code: code.timeout } as const
const strange = { status: 502, code: code.unreadable } as const
const slowDown = { status: 503, code: code.throttled } as const
const noKey = { status: 502, code: code.credentials } as const
const noRight = { status: 502, code: code.permission } as const
const noApi = { status: 502, code: code.address } as const
const wrongClock = { status: 502, code: code['clock-skew'] } as const

function read(
  lasting: Exclude<Live, 'whole'> | 'whole',
  once: Partial<Record<'live' | 'fetch', 'whole'>> | null,
): ReadCell {
  const fetch = lasting === 'whole' ? whole : { code: lasting.code }
  return {
    live: lasting,
    fetch,
    liveOnce: once === null ? null : (once.live ?? lasting),
    fetchOnce: once === null ? null : (once.fetch ?? fetch),
  }
}

/** Blips that pass by themselves: ridden out by both. */
const riddenOut = { live: whole, fetch: whole } as const
/** Whoever waits is told at once; a fetch asks again, for less. */
const byFetchAlone = { fetch: whole } as const
/** A clear no is believed. */
const byNone = {} as const

export const ofThreatConnect: Readonly<Record<FaultId, ReadCell>> = {
  'latency under the timeout': read(whole, riddenOut),
  'latency over the timeout': read(late, byFetchAlone),
  silence: read(late, byFetchAlone),
  'reset before the answer': read(gone, riddenOut),
  'reset after it was carried out': read(gone, riddenOut),
  'connection refused': read(gone, null),
  'half a body': read(gone, riddenOut),
  'slow drip': read(whole, riddenOut),
  'endless drip': read(late, byFetchAlone),
  'cut JSON': read(strange, byFetchAlone),
  'JSON of another shape': read(strange, byFetchAlone),
  'login page': read(strange, byFetchAlone),
  '200 with errors': read(strange, byFetchAlone),
  '204': read(strange, byFetchAlone),
  'empty 200': read(strange, byFetchAlone),
  '401 once': read(whole, null),
  '401': read(noKey, null),
  '403': read(noRight, byNone),
  '404': read(noApi, byNone),
  '429 with seconds': read(slowDown, riddenOut),
  '429 with a date': read(slowDown, riddenOut),
  '429 with nonsense': read(slowDown, riddenOut),
  '429 without Retry-After': read(slowDown, riddenOut),
  '429 for two hours': read(slowDown, byNone),
  '500': read(gone, riddenOut),
  '502': read(gone, riddenOut),
  '503': read(gone, riddenOut),
  '504': read(late, byFetchAlone),
  'self-signed certificate': read(gone, null),
  'certificate of another host': read(gone, null),
  'expired certificate': read(gone, null),
  'no such name': read(gone, null),
  'redirect on the same host': read(strange, byFetchAlone),
  'redirect to another host': read(strange, byFetchAlone),
  'redirect to the metadata': read(strange, byFetchAlone),
  'huge body': read(strange, byFetchAlone),
  'gzip bomb': read(strange, byFetchAlone),
  'wrong content type': read(strange, byFetchAlone),
  'mislabelled JSON': read(whole, riddenOut),
  'clock off by 6 minutes': read(wrongClock, null),
}

// Writing to the products

/**
 * What becomes of it while the fault lasts.
 * `done`: it succeeds all the same, and nothing need be seen of the fault.
 * `waits`: nothing that met the fault is settled, `lastError` tells why, and it goes on by itself.
 * `pauses`: as `waits`, but nothing more is sent until somebody says so.
 */
export type Write = 'done' | { readonly circuit: 'waits' | 'pauses'; readonly code: ErrorCode }

const done = 'done'
const waits = (code: ErrorCode): Write => ({ circuit: 'waits', code })
const pauses = (code: ErrorCode): Write => ({ circuit: 'pauses', code })

const away = waits(code.unavailable)
const inDoubt = waits(code['outcome-unknown'])
const unread = waits(code.unreadable)
const slower = waits(code.throttled)
const tooSlow = waits(code.timeout)
const badKey = pauses(code.credentials)
const badRight = pauses(code.permission)
const badAddress = pauses(code.address)

/** What each kind of request meets with. */
export interface WriteCell {
  /** The login; null: the product has none. */
  readonly login: Write | null
  /** What changes something at the product, from the second such request on. */
  readonly write: Write
}

type Column = Readonly<Record<FaultId, Write>>

/** A login changes nothing: it is simply done again. */
const logins: Column = {
  'latency under the timeout': done,
  'latency over the timeout': tooSlow,
  silence: tooSlow,
  'reset before the answer': away,
  'reset after it was carried out': away,
  'connection refused': away,
  'half a body': away,
  'slow drip': done,
  'endless drip': tooSlow,
  'cut JSON': unread,
  'JSON of another shape': unread,
  'login page': unread,
  '200 with errors': unread,
  '204': unread,
  'empty 200': unread,
  '401 once': badKey,
  '401': badKey,
  '403': badKey,
  '404': badAddress,
  '429 with seconds': slower,
  '429 with a date': slower,
  '429 with nonsense': slower,
  '429 without Retry-After': slower,
  '429 for two hours': slower,
  '500': away,
  '502': away,
  '503': away,
  '504': away,
  'self-signed certificate': away,
  'certificate of another host': away,
  'expired certificate': away,
  'no such name': away,
  'redirect on the same host': badAddress,
  'redirect to another host': badAddress,
  'redirect to the metadata': badAddress,
  'huge body': unread,
  'gzip bomb': unread,
  'wrong content type': unread,
  'mislabelled JSON': done,
  'clock off by 6 minutes': done,
}

/** What may have been carried out is not settled. */
const writes: Column = {
  ...logins,
  'latency over the timeout': inDoubt,
  silence: inDoubt,
  'reset before the answer': inDoubt,
  'reset after it was carried out': inDoubt,
  'half a body': inDoubt,
  'endless drip': inDoubt,
  '401 once': done,
  '403': badRight,
}

/**
 * What is there is looked up before it is sent again: where it was carried out it is done, and nobody does it twice. The
 * others' writes may be repeated as often as one likes.
 */
const lookedUp = {
  'latency over the timeout': done,
  'reset after it was carried out': done,
  'half a body': done,
  'cut JSON': done,
} as const

function column(login: Column | null, write: Column): Readonly<Record<FaultId, WriteCell>> {
  return pair(login ?? write, write, (first, second) => ({ login: login && first, write: second }))
}

/** GraphQL tells of its errors in a 200: an internal one leaves open what it did. */
export const ofTaegis = column(logins, { ...writes, '200 with errors': inDoubt })

/** No login: each request is signed. What is asked with a wrong signature is refused like a wrong key. */
export const ofDarktrace = column(null, { ...writes, '401 once': badKey })

/** Its login says 403 where the application may not log in. */
export const ofCofense = column({ ...logins, '403': badRight }, { ...writes, ...lookedUp })

// Tickets

/**
 * A desk is read, and told what was taken; a poll that met the fault ends with the code in its receipt.
 * `refused`: the receipt lists the tickets with what the desk said of each; the next poll tries them again.
 */
export interface DeskCell {
  readonly poll: Write
  /** What acknowledges. A refusal may be about the tickets alone, where the desk is well otherwise. */
  readonly acknowledge: Write | 'refused'
}

/** What is made in the sink is looked for before. */
export interface SinkCell {
  readonly find: Write
  /** `refused`: final, with the sink's own words, until somebody asks for it once more. */
  readonly create: Write | 'refused'
}

/** Acknowledging once more does no harm. What may be about the tickets alone, as the desk is well otherwise, is told of each. */
export const ofCtp: Readonly<Record<FaultId, DeskCell>> = pair(
  { ...logins, '403': badRight },
  logins,
  (poll, acknowledge, id): DeskCell => ({
    poll,
    acknowledge: id === '403' || id === '404' ? 'refused' : acknowledge,
  }),
)

/** An incident that may have been made is looked for before another one is. */
export const ofSoar: Readonly<Record<FaultId, SinkCell>> = pair(
  { ...logins, '403': badRight },
  { ...writes, ...lookedUp, '401 once': badKey },
  (find, create, id): SinkCell => ({ find, create: id === '200 with errors' ? 'refused' : create }),
)

function pair<Cell>(
  first: Column,
  second: Column,
  cell: (first: Write, second: Write, id: FaultId) => Cell,
): Readonly<Record<FaultId, Cell>> {
  const ids = Object.keys(first) as FaultId[]
  return Object.fromEntries(ids.map((id) => [id, cell(first[id], second[id], id)])) as Record<FaultId, Cell>
}
