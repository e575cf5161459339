/**
 * The one form of each value by which it is compared, stored, deduplicated and sent. The value as received stays
 * in the observation's `raw`.
 */
import { type Canonical, quote } from './canonical-result.ts'
import { canonicalDomain, canonicalEmail, canonicalUrl } from './host.ts'
import type { IndicatorType } from './indicator.ts'
import { canonicalCidr, canonicalIpv4, canonicalIpv6 } from './ip.ts'

/**
 * Blanks at both ends never count. Never throws; idempotent. A text that can't be of the type gets a reason that
 * says what the type takes and what was received.
 */
export function canonicalValue(type: IndicatorType, text: string): Canonical {
  const trimmed = text.trim()
  if (trimmed === '') return { reason: `the value of type ${type} is empty` }
  if (!trimmed.isWellFormed()) {
    return {
      reason: `the value holds half of a surrogate pair, which no encoding can carry: ${quote(trimmed)}`,
    }
  }
  switch (type) {
    case 'ipv4':
      return orReason(canonicalIpv4(trimmed), 'an IPv4 address of four decimal numbers', trimmed)
    case 'ipv6':
      return orReason(canonicalIpv6(trimmed), 'an IPv6 address (without a zone)', trimmed)
    case 'cidr':
      return orReason(canonicalCidr(trimmed), 'a network such as 192.0.2.0/24 or 2001:db8::/32', trimmed)
    case 'domain':
      return canonicalDomain(trimmed)
    case 'url':
      return canonicalUrl(trimmed)
    case 'email':
      return canonicalEmail(trimmed)
    case 'file':
      return orReason(
        canonicalHash(trimmed),
        'an MD5, SHA-1 or SHA-256 of 32, 40 or 64 hexadecimal digits',
        trimmed,
      )
    case 'asn':
      return orReason(canonicalAsn(trimmed), 'an AS number such as AS64496', trimmed)
    case 'registry-key':
      return { value: canonicalRegistryKey(trimmed) }
    case 'vulnerability':
      return { value: isCve(trimmed) ? trimmed.toUpperCase() : trimmed }
    default:
      return { value: trimmed }
  }
}

/** By its look alone: whether it is a valid address of that type is for `canonicalValue` to say. */
export function addressType(text: string): 'ipv4' | 'ipv6' {
  return text.includes(':') ? 'ipv6' : 'ipv4'
}

function orReason(value: string | undefined, expected: string, received: string): Canonical {
  return value === undefined ? { reason: `not ${expected}: ${quote(received)}` } : { value }
}

/** Lower-case MD5, SHA-1 or SHA-256, told apart by length; undefined for anything else. */
export function canonicalHash(text: string): string | undefined {
  const { length } = text
  if (length !== 32 && length !== 40 && length !== 64) return undefined
  return /^[0-9a-f]+$/i.test(text) ? text.toLowerCase() : undefined
}

/** `AS64496` from `ASN64496`, `AS 64496` or `64496`; the number is one of 32 bits (RFC 6793). */
function canonicalAsn(text: string): string | undefined {
  const digits = /^(?:ASN?)?\s*0*(\d{1,10})$/i.exec(text)?.[1]
  if (digits === undefined) return undefined
  const number = Number(digits)
  return number <= 0xffffffff ? `AS${number}` : undefined
}

export function isCve(text: string): boolean {
  return /^CVE-\d{4}-\d{4,}$/i.test(text)
}

const hives: Readonly<Record<string, string>> = {
  HKLM: 'HKEY_LOCAL_MACHINE',
  HKCU: 'HKEY_CURRENT_USER',
  HKCR: 'HKEY_CLASSES_ROOT',
  HKU: 'HKEY_USERS',
  HKCC: 'HKEY_CURRENT_CONFIG',
  HKPD: 'HKEY_PERFORMANCE_DATA',
  HKDD: 'HKEY_DYN_DATA',
}
const hiveNames: ReadonlySet<string> = new Set(Object.values(hives))

/** The hive by its full name, the rest as received; a key whose only separators are slashes gets backslashes. */
function canonicalRegistryKey(text: string): string {
  const [, start = '', rest = ''] = /^([a-z_]+):?((?:[\\/].*)?)$/is.exec(text) ?? []
  const hive = hiveName(start)
  if (hive === undefined) return text
  if (!rest.startsWith('/')) return hive + rest
  return rest.includes('\\') ? text : hive + rest.replaceAll('/', '\\')
}

/** The full name of a hive, from its full or its short name in any case; undefined for anything else. */
export function hiveName(text: string): string | undefined {
  const upper = text.toUpperCase()
  return hiveNames.has(upper) ? upper : Object.hasOwn(hives, upper) ? hives[upper] : undefined
}
