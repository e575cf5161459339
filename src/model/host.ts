/** Values that hold a host name: domains, URLs, e-mail addresses. */
import { domainToASCII } from 'node:url'
import { type Canonical, quote } from './canonical-result.ts'
import { canonicalIpv4, canonicalIpv6 } from './ip.ts'

/** Underscores occur in the wild, a `*` label stands for every subdomain; other signs are in no host name. */
const asciiDomain = /^[a-z0-9_*-]{1,63}(?:\.[a-z0-9_*-]{1,63})*$/
const domainCharacters = /^[\w*.\-\u0080-\u{10ffff}]+$/u
const control = /\p{Cc}/u
const nonAscii = /\P{ASCII}/u

/** Lower-case punycode without a final dot. What ends in a number is an address to every resolver, not a name. */
export function canonicalDomain(text: string): Canonical {
  let name = text.endsWith('.') ? text.slice(0, -1) : text
  if (nonAscii.test(name)) {
    // What domainToASCII would silently decode or cut off must not reach it.
    if (!domainCharacters.test(name)) return refuseDomain(text, 'it has a character that no host name has')
    name = domainToASCII(name)
    if (name === '') return refuseDomain(text, 'it has no valid punycode form')
    if (name.endsWith('.')) name = name.slice(0, -1)
  } else {
    name = name.toLowerCase()
  }
  if (name.length > 253) return refuseDomain(text, 'it is longer than 253 characters')
  if (!asciiDomain.test(name)) return refuseDomain(text, whyNoDomain(name))
  if (isDigit(name.charCodeAt(name.length - 1)) && /(?:^|\.)\d+$/.test(name)) {
    return refuseDomain(text, 'its last label is a number')
  }
  return { value: name }
}

function whyNoDomain(name: string): string {
  if (!domainCharacters.test(name)) return 'it has a character that no host name has'
  return name.split('.').includes('') ? 'it has an empty label' : 'it has a label of more than 63 characters'
}

function refuseDomain(text: string, why: string): Canonical {
  return { reason: `not a domain name: ${quote(text)}: ${why}` }
}

/**
 * Scheme and host in lower case, the host as punycode or compressed IPv6; user, port, path, query and fragment
 * byte for byte as received. Sources also give URLs without a scheme: these stay without one.
 */
export function canonicalUrl(text: string): Canonical {
  if (control.test(text)) return refuseUrl(text, 'it has a control character')
  const separator = text.indexOf('://')
  const hasScheme = separator >= 0 && authorityEnd(text, 0) > separator
  if (hasScheme && !/^[a-z][a-z0-9+.-]*$/i.test(text.slice(0, separator))) {
    return refuseUrl(text, 'its scheme is not valid')
  }
  const start = hasScheme ? separator + 3 : 0
  const end = authorityEnd(text, start)
  const scheme = text.slice(0, start).toLowerCase()
  const authority = text.slice(start, end)
  if (authority === '') {
    if (scheme === 'file://') return { value: scheme + text.slice(end) }
    return refuseUrl(text, 'it has no host')
  }

  const hostStart = authority.lastIndexOf('@') + 1
  const literalEnd = authority.startsWith('[', hostStart) ? authority.indexOf(']', hostStart) : -1
  const colon = authority.indexOf(':', Math.max(literalEnd, hostStart))
  const hostEnd = colon < 0 ? authority.length : colon
  if (!/^(?::\d{0,5})?$/.test(authority.slice(hostEnd))) return refuseUrl(text, 'its port is not a number')
  const host = urlHost(authority.slice(hostStart, hostEnd))
  if (host === undefined) return refuseUrl(text, 'it has no valid host')
  return { value: scheme + authority.slice(0, hostStart) + host + authority.slice(hostEnd) + text.slice(end) }
}

function authorityEnd(text: string, start: number): number {
  for (let index = start; index < text.length; index++) {
    const code = text.charCodeAt(index)
    // Browsers take a backslash for a slash.
    if (code === 0x2f || code === 0x3f || code === 0x23 || code === 0x5c) return index
  }
  return text.length
}

function urlHost(host: string): string | undefined {
  if (host.startsWith('[')) {
    const address = host.endsWith(']') ? canonicalIpv6(host.slice(1, -1)) : undefined
    return address && `[${address}]`
  }
  // domainToASCII would decode percent escapes, and gives some signs of the full-width forms.
  if (nonAscii.test(host) && host.includes('%')) return undefined
  const ascii = nonAscii.test(host) ? domainToASCII(host) : host.toLowerCase()
  return ascii === '' || /[\s"<>[\]^`{|}]/.test(ascii) ? undefined : ascii
}

function refuseUrl(text: string, why: string): Canonical {
  return { reason: `not a URL: ${quote(text)}: ${why}` }
}

/** All of it in lower case, the domain as punycode; the domain may be an address, in brackets or not. */
export function canonicalEmail(text: string): Canonical {
  if (control.test(text)) return refuseEmail(text, 'it has a control character')
  const at = text.lastIndexOf('@')
  if (at <= 0) return refuseEmail(text, 'it has no name before an @')
  const name = text.slice(0, at)
  const quoted = name.length > 2 && name.startsWith('"') && name.endsWith('"')
  // What no single address has: a name beside it, several in a row. Other signs occur, whatever the RFCs say.
  if (!quoted && /[\s<>,;:@]/.test(name)) {
    return refuseEmail(text, 'its name has a character that must be quoted')
  }
  const host = text.slice(at + 1)
  const domain = canonicalDomain(host)
  const canonicalHost = 'value' in domain ? domain.value : mailAddressLiteral(host)
  if (canonicalHost === undefined) return refuseEmail(text, 'it has no valid domain')
  return { value: `${name.toLowerCase()}@${canonicalHost}` }
}

/** RFC 5321, 4.1.3: `[192.0.2.1]`, `[IPv6:2001:db8::1]`; `192.0.2.1` occurs as well. */
function mailAddressLiteral(host: string): string | undefined {
  const literal = /^\[(ipv6:)?(.+)\]$/i.exec(host)
  if (literal === null) return canonicalIpv4(host)
  const address = literal[2] ?? ''
  const canonical = literal[1] === undefined ? canonicalIpv4(address) : canonicalIpv6(address)
  return canonical && `[${literal[1]?.toLowerCase() ?? ''}${canonical}]`
}

function refuseEmail(text: string, why: string): Canonical {
  return { reason: `not an e-mail address: ${quote(text)}: ${why}` }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39
}
