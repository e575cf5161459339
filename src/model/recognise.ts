/** What a bare value is: for pushes and look-ups, where nobody said its type. */
import { addressType, canonicalHash, canonicalValue, hiveName, isCve } from './canonical.ts'
import type { IndicatorType } from './indicator.ts'

/**
 * The type whose look the text has, and only if it is a valid value of that type; undefined when it has none.
 * A domain needs a dot and a last label of letters or punycode, a URL its scheme, an AS number its `AS`:
 * without these the text could be anything.
 */
export function recogniseType(text: string): IndicatorType | undefined {
  const trimmed = text.trim()
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(trimmed)) return ifValid('url', trimmed)
  const hive = /^([a-z_]{3,}):?(?:[\\/]|$)/i.exec(trimmed)?.[1]
  if (hive !== undefined && hiveName(hive) !== undefined) return ifValid('registry-key', trimmed)
  if (isCve(trimmed)) return 'vulnerability'
  if (/^ASN?\s*\d+$/i.test(trimmed)) return ifValid('asn', trimmed)
  if (canonicalHash(trimmed) !== undefined) return 'file'
  if (trimmed.includes('@')) return ifValid('email', trimmed)
  if (trimmed.includes('/')) return ifValid('cidr', trimmed)
  return ifValid(addressType(trimmed), trimmed) ?? ifDomain(trimmed)
}

function ifValid(type: IndicatorType, text: string): IndicatorType | undefined {
  return 'value' in canonicalValue(type, text) ? type : undefined
}

function ifDomain(text: string): 'domain' | undefined {
  const domain = canonicalValue('domain', text)
  return 'value' in domain && /\.(?:[a-z]{2,}|xn--[a-z0-9-]+)$/.test(domain.value) ? 'domain' : undefined
}
