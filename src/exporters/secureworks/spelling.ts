/** By which a value is known again that Taegis spells in another way. Pure. */
import { canonicalDomain, canonicalUrl } from '../../model/host.ts'
import { canonicalIpv6 } from '../../model/ip.ts'

/** Equal where two texts may be one value: case, punycode, a final dot or slash, the form of an IPv6 address don't count. */
export function spellingKey(value: string): string {
  const text = value.trim()
  const known = text.includes('://') ? canonicalUrl(text) : canonicalDomain(text)
  const spelt = 'value' in known ? known.value : text
  return canonicalIpv6(text) ?? spelt.toLowerCase().replace(/(?<![./])[./]+$/, '')
}
