/** What kind of address a socket would be connected to, in whatever form it hides. Pure. */
import { BlockList, isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { canonicalIpv6 } from '../model/ip.ts'

/**
 * `never`: no product is there, and something else may be. `private`: of the reader's own networks, or of none.
 * `loopback`: this machine. `public`: everything else.
 */
export interface AddressClass {
  readonly kind: 'public' | 'private' | 'loopback' | 'never'
  /** What it is, to stand after "which is": `a link-local address`. */
  readonly words: string
}

type Row = readonly [
  kind: Exclude<AddressClass['kind'], 'public'>,
  words: string,
  networks: readonly string[],
]

/**
 * The first that holds an address counts. IANA's special-purpose registries (RFC 6890), and the addresses at which clouds
 * hand out credentials, as their documentation names them: AWS, Azure (its wire server has a public one), Google,
 * Alibaba, Oracle.
 */
const table: readonly Row[] = [
  [
    'never',
    'where clouds hand out credentials',
    [
      '169.254.169.254/32',
      '169.254.170.2/32',
      '169.254.170.23/32',
      '168.63.129.16/32',
      '100.100.100.200/32',
      '192.0.0.192/32',
      'fd00:ec2::254/128',
      'fd00:ec2::23/128',
      'fd20:ce::254/128',
    ],
  ],
  ['never', 'an unspecified address, which means this machine', ['0.0.0.0/8', '::/128']],
  ['never', 'a link-local address', ['169.254.0.0/16', 'fe80::/10']],
  ['never', 'a multicast address', ['224.0.0.0/4', 'ff00::/8']],
  ['never', 'the broadcast address', ['255.255.255.255/32']],
  ['loopback', 'a loopback address', ['127.0.0.0/8', '::1/128']],
  [
    'private',
    'a private address',
    ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', 'fec0::/10'],
  ],
  ['private', 'a shared address of carriers', ['100.64.0.0/10']],
  ['private', 'a benchmark address', ['198.18.0.0/15', '2001:2::/48']],
  ['private', 'a documentation address', ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24']],
  ['private', 'a documentation address', ['2001:db8::/32', '3fff::/20']],
  ['private', 'a reserved address', ['192.0.0.0/24', '192.88.99.0/24', '240.0.0.0/4', '100::/64']],
  ['private', 'a reserved address', ['64:ff9b:1::/48', '2001::/23', '5f00::/16']],
]

const classes = table.map(([kind, words, networks]) => ({ kind, words, list: networksOf(networks) }))

/** @param networks addresses and CIDRs, each valid */
export function networksOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  return list
}

export function isIn(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** @param address one of `readings` */
export function classOf(address: string): AddressClass {
  return classes.find(({ list }) => isIn(list, address)) ?? { kind: 'public', words: 'a public address' }
}

/**
 * What an address may mean: itself first, and the IPv4 addresses that stand in it, which a gateway takes out.
 * @param address as a resolver or the URL parser writes it, with or without a zone; IPv6 without brackets
 */
export function readings(address: string): readonly string[] {
  const bare = address.replace(/%.*$/s, '')
  const canonical = isIP(bare) === 6 ? canonicalIpv6(bare) : undefined
  if (canonical === undefined) return [bare]
  const { parts } = ipaddr.IPv6.parse(canonical)
  return [canonical, ...embeddedIn(parts)]
}

function embeddedIn(parts: readonly number[]): readonly string[] {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0, h = 0] = parts
  const zeros = (groups: readonly number[]) => groups.every((group) => group === 0)
  const found: string[] = []
  // Mapped, compatible (RFC 4291), translated (RFC 2765); ::1 and :: are themselves.
  const tail = zeros([a, b, c, d])
  if (tail && ((e === 0 && f === 0xffff) || (e === 0xffff && f === 0))) found.push(dotted(g, h))
  if (tail && e === 0 && f === 0 && (g !== 0 || h > 1)) found.push(dotted(g, h))
  // NAT64 (RFC 6052).
  if (a === 0x64 && b === 0xff9b && zeros([c, d, e, f])) found.push(dotted(g, h))
  // 6to4 (RFC 3056).
  if (a === 0x2002) found.push(dotted(b, c))
  // Teredo (RFC 4380): the server, and the client with its bits turned.
  if (a === 0x2001 && b === 0) found.push(dotted(c, d), dotted(g ^ 0xffff, h ^ 0xffff))
  // ISATAP (RFC 5214), whatever network it is in.
  if ((e & 0xfdff) === 0 && f === 0x5efe) found.push(dotted(g, h))
  return found
}

function dotted(high: number, low: number): string {
  return `${high >>> 8}.${high & 255}.${low >>> 8}.${low & 255}`
}
