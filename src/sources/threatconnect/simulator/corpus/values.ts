/**
 * Value number `n` of each type; another n gives another value, for corpora of up to 800,000. Addresses and names
 * come from the ranges that are set aside for documentation and for benchmarks, so that nobody's own is listed.
 */

import type { Members } from '../records.ts'
import { hives, registryValueTypes } from './parts.ts'
import type { Random } from './random.ts'

export interface SeedValue {
  readonly type: string
  readonly summary: string
  readonly members?: Members
}

type Maker = (n: number, random: Random) => SeedValue

/** How often each type occurs, of 100. */
const typeWeights: readonly (readonly [weight: number, make: Maker])[] = [
  [15, (n) => ({ type: 'Address', summary: ipv4(n) })],
  [6, (n) => ({ type: 'Address', summary: ipv6(n) })],
  [9, (n, random) => ({ type: 'EmailAddress', summary: email(n, random) })],
  [20, file],
  [21, host],
  [16, (n, random) => ({ type: 'URL', summary: url(n, random) })],
  [2, (n) => ({ type: 'ASN', summary: asn(n) })],
  [3, (n) => ({ type: 'CIDR', summary: cidr(n) })],
  [
    1,
    (n) => ({ type: 'Email Subject', summary: `${n % 2 === 0 ? 'Invoice' : 'Ваш счёт'} no. ${n}: open now` }),
  ],
  [1, (n) => ({ type: 'Hashtag', summary: `#op${n % 3 === 0 ? 'Beispiel' : 'example'}${n}` })],
  [1, (n) => ({ type: 'Mutex', summary: `Global\\mutex-${n}-{0F2A}` })],
  [2, registryKey],
  [1, (n) => ({ type: 'User Agent', summary: `Mozilla/5.0 (compatible; ExampleBot/${n}.0; "quoted")` })],
  [
    1,
    (n) => ({
      type: 'Certificate Thumbprint',
      summary: thumbprint(n),
      members: { Thumbprint: thumbprint(n) },
    }),
  ],
  [1, wallet],
]

/** New values one after another; those of another start are others again. */
export function createValues(random: Random, start = 0): { next(): SeedValue } {
  const lots = typeWeights.flatMap(([weight, make]) => Array<Maker>(weight).fill(make))
  const made = new Map<Maker, number>()
  return {
    next() {
      const make = random.pick(lots)
      const n = made.get(make) ?? start
      made.set(make, n + 1)
      return make(n, random)
    },
  }
}

const documentationNets = ['192.0.2', '198.51.100', '203.0.113']

function ipv4(n: number): string {
  const net = documentationNets[Math.floor(n / 250)]
  if (net !== undefined) return `${net}.${(n % 250) + 1}`
  const rest = n - 3 * 250
  return `198.${18 + ((rest >> 16) & 1)}.${(rest >> 8) & 255}.${rest & 255}`
}

/** ThreatConnect keeps an address as it was given: three spellings occur. */
function ipv6(n: number): string {
  const high = (n >> 16).toString(16)
  const low = (n & 0xffff).toString(16)
  if (n % 3 === 0) return `2001:db8::${high}:${low}`
  if (n % 3 === 1) return `2001:db8:0:0:0:1:${high}:${low}`
  return `2001:0DB8:0000:0000:0000:0002:${high.padStart(4, '0')}:${low.padStart(4, '0')}`.toUpperCase()
}

function cidr(n: number): string {
  const half = n >> 1
  if (n % 2 === 0) return `198.${18 + ((half >> 12) & 1)}.${(half >> 4) & 255}.${(half & 15) * 16}/28`
  return `2001:db8:${(half >> 16).toString(16)}:${(half & 0xffff).toString(16)}:0:0:0:0/64`
}

function asn(n: number): string {
  return n < 15 ? `ASN${64496 + n}` : `ASN${4_200_000_000 + n}`
}

function email(n: number, random: Random): string {
  const name = random.pick(['billing', 'Support', 'no-reply', "o'hara", 'user+tag'])
  return `${name}.${n}@mail${n % 50}.example`
}

/** All seven combinations of hashes, in upper case. */
function file(n: number, random: Random): SeedValue {
  const which = (n % 7) + 1
  const hashes = [32, 40, 64].filter((_, place) => (which >> place) & 1).map((digits) => random.hex(digits))
  const summary = hashes.join(' : ')
  if (n % 3 === 0) return { type: 'File', summary }
  const size = 1_000 + n
  // Both forms occur in answers.
  return { type: 'File', summary, members: { size: n % 3 === 1 ? size : String(size) } }
}

function host(n: number, random: Random): SeedValue {
  const zone = random.pick(['example', 'example.org', 'example.net', 'test', 'xn--fiqs8s.example'])
  const summary = `${random.pick(['mail', 'cdn', 'login', 'xn--bcher-kva'])}-${n}.${zone}`
  return {
    type: 'Host',
    summary,
    members: { dnsActive: random.chance(0.2), whoisActive: random.chance(0.1) },
  }
}

function url(n: number, random: Random): string {
  const path = random.pick([
    'login.php?id=1&next=%2Fhome',
    'a/b/c.exe',
    'päth/ünïcode',
    "it's?q=a,b;c",
    '',
    'x'.repeat(300),
  ])
  return `${random.pick(['http', 'https'])}://www${n}.example.com${n % 11 === 0 ? ':8443' : ''}/${path}`
}

function registryKey(n: number, random: Random): SeedValue {
  const members = {
    'Key Name': `${random.pick(hives)}\\Software\\Example\\Run${n}`,
    // A blank stands for no name: the API wants one.
    'Value Name': n % 4 === 0 ? ' ' : `Value ${n}`,
    'Value Type': random.pick(registryValueTypes),
  }
  // Inferred: custom types with several values join them like the hashes of a file.
  return { type: 'Registry Key', summary: Object.values(members).join(' : '), members }
}

function thumbprint(n: number): string {
  return n.toString(16).padStart(40, 'ab').toUpperCase()
}

function wallet(n: number): SeedValue {
  const members = { Currency: 'XMPL', 'Wallet Address': `xmpl1q${n.toString(36).padStart(32, '0')}` }
  return { type: 'Crypto Wallet', summary: Object.values(members).join(' : '), members }
}
