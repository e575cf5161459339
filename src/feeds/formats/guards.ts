/**
 * What no list that blocks may hold, whatever a source says: addresses that are not of the public Internet (IANA's
 * special-purpose registries, RFC 6890), networks so wide that they are a mistake, names under which anybody
 * registers (publicsuffix.org, its private part included), and names of the reader's own network.
 */
import { getPublicSuffix } from 'tldts'
import { ipv4Span, ipv6Number, ipv6Span, prefixLength } from './ip-number.ts'

export interface Guards {
  /** Networks wider than these are left out. */
  readonly minPrefix4: number
  readonly minPrefix6: number
}

/** A registry gives its members networks of /8 and of /19 at most. */
export const strictGuards: Guards = { minPrefix4: 8, minPrefix6: 19 }

type Range4 = readonly [first: number, last: number, reason: string]
type Range6 = readonly [first: bigint, last: bigint, reason: string]

/**
 * Without the networks for documentation (192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32): they are routed
 * nowhere, so blocking them hurts nobody, and trials have little else.
 */
const special4 = ranges4([
  ['0.0.0.0/8', 'an address of "this network"'],
  ['10.0.0.0/8', 'a private address'],
  ['100.64.0.0/10', 'a shared address of carriers'],
  ['127.0.0.0/8', 'a loopback address'],
  ['169.254.0.0/16', 'a link-local address'],
  ['172.16.0.0/12', 'a private address'],
  ['192.0.0.0/24', 'a reserved address'],
  ['192.88.99.0/24', 'a reserved address'],
  ['192.168.0.0/16', 'a private address'],
  ['198.18.0.0/15', 'a benchmark address'],
  ['224.0.0.0/4', 'a multicast address'],
  ['240.0.0.0/4', 'a reserved address'],
])
const special6 = ranges6([
  ['::1/128', 'a loopback address'],
  ['fc00::/7', 'a private address'],
  ['fe80::/10', 'a link-local address'],
  ['fec0::/10', 'a private address'],
  ['ff00::/8', 'a multicast address'],
  ['::/3', 'a reserved address'],
  ['4000::/2', 'a reserved address'],
  ['8000::/1', 'a reserved address'],
  ['2001::/23', 'a reserved address'],
])

function ranges4(table: readonly (readonly [network: string, reason: string])[]): readonly Range4[] {
  return table.map(([network, reason]) => {
    const { first, last } = ipv4Span(network)
    return [first, last, reason]
  })
}

function ranges6(table: readonly (readonly [network: string, reason: string])[]): readonly Range6[] {
  return table.map(([network, reason]) => {
    const { first, last } = ipv6Span(network)
    return [first, last, reason]
  })
}

/** First octets under which anything is special: of most addresses no more is looked at. */
const specialOctets: readonly boolean[] = Array.from({ length: 256 }, (_, octet) =>
  special4.some(([first, last]) => first >>> 24 <= octet && octet <= last >>> 24),
)

/** @param text canonical address or network. @returns why it must not be listed; undefined: it may */
export function addressReason(text: string, guards: Guards): string | undefined {
  if (text.includes(':')) return ipv6Reason(text, guards)
  const { first, last } = ipv4Span(text)
  if (Number.isNaN(last)) return 'not an address'
  if (last - first >= 2 ** (32 - guards.minPrefix4)) return `a network wider than /${guards.minPrefix4}`
  // No network from here on is wider than an octet.
  if (specialOctets[first >>> 24] === false) return undefined
  return reasonAmong(first, last, special4)
}

function ipv6Reason(text: string, guards: Guards): string | undefined {
  const prefix = prefixLength(text)
  if (prefix < guards.minPrefix6) return `a network wider than /${guards.minPrefix6}`
  const first = ipv6Number(text.split('/')[0] ?? '')
  const last = first + (1n << BigInt(128 - prefix)) - 1n
  return reasonAmong(first, last, special6)
}

function reasonAmong<N extends number | bigint>(
  first: N,
  last: N,
  special: readonly (readonly [first: N, last: N, reason: string])[],
): string | undefined {
  for (const [from, to, reason] of special) {
    if (first <= to && last >= from) {
      return first >= from && last <= to ? reason : `a network that holds ${reason.replace(/^an? /, '')}es`
    }
  }
  return undefined
}

/** Names that mean another thing in each network (RFC 6761, 6762, 8375, ICANN's `internal`), and reverse names. */
const ownNetwork: ReadonlySet<string> = new Set([
  'localhost',
  'localdomain',
  'local',
  'internal',
  'intranet',
  'lan',
  'home',
  'corp',
  'arpa',
])

const suffixOptions = { allowPrivateDomains: true, extractHostname: false, validateHostname: false } as const

/** @param name canonical, `*` labels included. @returns why it must not be listed; undefined: it may */
export function nameReason(name: string): string | undefined {
  const star = name.lastIndexOf('*')
  const fixed = star < 0 ? name : name.slice(star + 1)
  // What follows the last star must be whole labels: `*.x.example`, not `*x.example`.
  if (star >= 0 && !fixed.startsWith('.')) return 'a wildcard that is not a whole label'
  const base = star < 0 ? name : fixed.slice(1)
  if (ownNetwork.has(base.slice(base.lastIndexOf('.') + 1))) return "a name of the reader's own network"
  if (!base.includes('.')) return 'a top-level name'
  if (getPublicSuffix(base, suffixOptions) === base) return 'a public suffix, under which anybody registers'
  return undefined
}
