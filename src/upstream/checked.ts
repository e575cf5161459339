/**
 * The doctor of a connector: first the way to each of its addresses, then its own check, where there is a way; and at
 * the end what the answers of that check told beside.
 */
import { type Examined, examineAddress } from './examine.ts'
import type { Finding } from './finding.ts'
import type { UpstreamSeen } from './http-client.ts'

interface Checkable {
  check(signal: AbortSignal): Promise<Finding[]>
}

export interface CheckedWays {
  /** Another address that the instance connects to. */
  add(baseUrl: string): void
  /** To be told of each request. */
  watch(seen: UpstreamSeen): void
  /** The same connector, with a whole check. */
  checked<C extends Checkable>(connector: C): C
}

/** Clocks further apart are told; more than five minutes are refused by who checks times at all. */
const toldSkewMs = 60_000
const mostSkewMs = 300_000

/** @param how of all addresses of one instance */
export function checkedWays(how: Omit<Examined, 'baseUrl'>): CheckedWays {
  const origins = new Set<string>()
  const listeners = new Set<(seen: UpstreamSeen) => void>()

  const check = async (own: Checkable['check'], signal: AbortSignal): Promise<Finding[]> => {
    const ways = await Promise.all([...origins].map((baseUrl) => examineAddress({ ...how, baseUrl }, signal)))
    const way = ways.flat()
    const broken = way.find(({ ok }) => !ok)
    if (broken !== undefined) return [...way, noConnection(broken)]
    const seen: UpstreamSeen[] = []
    const listener = (each: UpstreamSeen) => void seen.push(each)
    listeners.add(listener)
    try {
      return withTold([...way, ...(await own(signal))], seen)
    } finally {
      listeners.delete(listener)
    }
  }
  return {
    add: (baseUrl) => void origins.add(new URL(baseUrl).origin),
    watch(seen) {
      for (const listener of listeners) listener(seen)
    },
    checked: (connector) => ({ ...connector, check: (signal) => check(connector.check, signal) }),
  }
}

/** By the name that every connector has for it: who looks for that one finds it. */
function noConnection({ name, cause = '', remedy = '' }: Finding): Finding {
  return { name: 'connection', ok: false, evidence: `see \`${name}\``, cause, remedy }
}

/** @param own what was found so far: what a connector told of clock or limits itself stays */
function withTold(own: Finding[], seen: readonly UpstreamSeen[]): Finding[] {
  const has = (name: string) => own.some((finding) => finding.name === name)
  const [skew, left] = [skewIn(seen), leftIn(seen)]
  if (skew !== undefined && !has('clock')) own.push(skew)
  if (left !== undefined && !has('limits')) own.push(left)
  return own
}

/** The least of all: each answer was on its way for a time. */
function skewIn(seen: readonly UpstreamSeen[]): Finding | undefined {
  const [least] = seen
    .flatMap(({ skewMs }) => (skewMs === undefined ? [] : [skewMs]))
    .sort((a, b) => Math.abs(a) - Math.abs(b))
  if (least === undefined || Math.abs(least) <= toldSkewMs) return undefined
  const seconds = Math.round(Math.abs(least) / 1000)
  const words = `our clock is ${seconds} s ${least > 0 ? 'ahead of' : 'behind'} the one of the product`
  return {
    name: 'clock',
    ok: Math.abs(least) <= mostSkewMs,
    evidence: words,
    cause: `By the date of its answers, ${words}: times that are compared or sent are wrong by as much.`,
    remedy: 'Set the clock of this machine by NTP, or see to that of the product.',
  }
}

function leftIn(seen: readonly UpstreamSeen[]): Finding | undefined {
  const counts = seen.flatMap(({ remaining }) => (remaining === undefined ? [] : [remaining]))
  if (counts.length === 0) return undefined
  const left = Math.min(...counts)
  const evidence = `${left} requests are left in the window of the product's limit`
  if (left > 0) return { name: 'limits', ok: true, evidence }
  return {
    ...{ name: 'limits', ok: true, evidence },
    cause: 'The quota of the product is used up for now: what is sent next is refused or has to wait.',
    remedy: 'Ask less often, or have the quota raised; see who else uses this account.',
  }
}
