/**
 * What never comes in, whatever source brings it: `exclusions` of the configuration, compiled once, asked for every
 * record. Pure.
 */
import { canonicalValue } from '../model/canonical.ts'
import { allTypes, type Hashes, type IndicatorType } from '../model/indicator.ts'
import { canonicalCidr, canonicalIpv4, canonicalIpv6 } from '../model/ip.ts'
import { type AddressRange, addressRange, isMapped, rangeSet } from './address-range.ts'

/** What of an observation decides. */
interface Excludable {
  readonly type: IndicatorType
  /** Canonical. */
  readonly value: string
  readonly hashes?: Hashes
}

export type Exclusions = (observation: Excludable) => boolean

export const noExclusions: Exclusions = () => false

/**
 * Each entry is, as far as it can be read so: a network or an address, with every address and network inside it; a
 * domain, with its subdomains (`*.example.org`: its subdomains alone); and the exact value of any type, a file's by any
 * of its hashes. URLs and e-mail addresses are excluded by their exact value only.
 *
 * @param entries as configured; their spelling is made canonical as that of a record is
 */
export function compileExclusions(entries: readonly string[]): Exclusions {
  if (entries.length === 0) return noExclusions
  const networks = networkSet(entries)
  const domains = domainSet(entries)
  const exact = exactValues(entries)
  return ({ type, value, hashes }) => {
    if (exact.get(type)?.has(value)) return true
    switch (type) {
      case 'ipv4':
      case 'ipv6':
      case 'cidr':
        return networks(value)
      case 'domain':
        return domains(value)
      case 'file':
        return hashes !== undefined && Object.values(hashes).some((hash) => exact.get('file')?.has(hash))
      default:
        return false
    }
  }
}

/**
 * An IPv4-mapped address is the IPv4 address, either way round. Networks of IPv6 that hold all of IPv4 in that form, as
 * lists of reserved networks have them (`::/8`, `::ffff:0:0/96`), say nothing of IPv4.
 */
function networkSet(entries: readonly string[]): (value: string) => boolean {
  const ranges = entries.flatMap((entry) => networkOf(entry.trim()))
  const short = rangeSet(ranges.filter(isMapped))
  const wide = rangeSet(ranges.filter((range) => !isMapped(range)))
  if (short.isEmpty && wide.isEmpty) return () => false
  return (value) => {
    const range = addressRange(value)
    return (isMapped(range) && short.contains(range)) || (value.includes(':') && wide.contains(range))
  }
}

function networkOf(text: string): AddressRange[] {
  const network = canonicalIpv4(text) ?? canonicalIpv6(text) ?? canonicalCidr(text)
  if (network === undefined) return []
  return (network === '0.0.0.0/0' ? ['0.0.0.0/1', '128.0.0.0/1'] : [network]).map(addressRange)
}

/** Looked up label by label from the whole name to its last label: `notexample.org` is not `example.org`. */
function domainSet(entries: readonly string[]): (name: string) => boolean {
  const whole = new Set<string>()
  const below = new Set<string>()
  for (const entry of entries) {
    const text = entry.trim()
    const isWildcard = text.startsWith('*.')
    const domain = canonicalValue('domain', isWildcard ? text.slice(2) : text)
    if ('value' in domain) (isWildcard ? below : whole).add(domain.value)
  }
  if (whole.size + below.size === 0) return () => false
  return (name) => {
    if (whole.has(name)) return true
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      const parent = name.slice(dot + 1)
      if (whole.has(parent) || below.has(parent)) return true
    }
    return false
  }
}

/** Types whose values have a canonical form of their own; those of every other are texts as they stand. */
const spelled: ReadonlySet<IndicatorType> = new Set([
  'domain',
  'url',
  'email',
  'file',
  'asn',
  'registry-key',
  'vulnerability',
  'cidr',
])

function exactValues(entries: readonly string[]): ReadonlyMap<IndicatorType, ReadonlySet<string>> {
  const asText = new Set(entries.map((entry) => entry.trim()))
  const ofType = (type: IndicatorType) =>
    new Set(
      entries.flatMap((entry) => {
        const canonical = canonicalValue(type, entry)
        return 'value' in canonical ? [canonical.value] : []
      }),
    )
  return new Map(allTypes.map((type) => [type, spelled.has(type) ? ofType(type) : asText]))
}
