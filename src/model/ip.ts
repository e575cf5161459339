/** IP addresses and networks in the one form by which they are compared, stored and sent. */
import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'

/**
 * The same text if it is a dotted quad, else undefined. Octal and short forms (`010.1.1.1`, `10.1`) are refused:
 * different readers take them for different addresses.
 */
export function canonicalIpv4(text: string): string | undefined {
  return ipv4Number(text) === undefined ? undefined : text
}

/**
 * RFC 5952: lower case, compressed; IPv4-mapped addresses as `::ffff:192.0.2.1` (its section 5).
 * Undefined for anything else, zone ids included: they mean something on one machine only.
 */
export function canonicalIpv6(text: string): string | undefined {
  if (!isIPv6(text) || text.includes('%')) return undefined
  return ipv6Text(parseIpv6(text))
}

/** `network address/prefix length`, host bits cleared; undefined for anything else, an address alone included. */
export function canonicalCidr(text: string): string | undefined {
  const slash = text.indexOf('/')
  if (slash < 0) return undefined
  const prefixText = text.slice(slash + 1)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(prefixText)) return undefined
  const prefix = Number(prefixText)
  const address = text.slice(0, slash)

  const number = ipv4Number(address)
  if (number !== undefined) {
    if (prefix > 32) return undefined
    const network = number - (number % 2 ** (32 - prefix))
    return network === number ? text : `${ipv4Text(network)}/${prefix}`
  }
  if (prefix > 128 || !isIPv6(address) || address.includes('%')) return undefined
  const parts = parseIpv6(address).parts.map((part, index) => {
    const hostBits = Math.min(Math.max(16 * (index + 1) - prefix, 0), 16)
    return part - (part % 2 ** hostBits)
  })
  return `${ipv6Text(new ipaddr.IPv6(parts))}/${prefix}`
}

/** The dotted tail in hexadecimal: ipaddr.js takes `::192.0.2.1` for `::ffff:192.0.2.1`, which is another address. */
function parseIpv6(text: string): ipaddr.IPv6 {
  const tail = text.slice(text.lastIndexOf(':') + 1)
  const number = ipv4Number(tail)
  if (number === undefined) return ipaddr.IPv6.parse(text)
  const hex = `${(number >>> 16).toString(16)}:${(number & 0xffff).toString(16)}`
  return ipaddr.IPv6.parse(text.slice(0, -tail.length) + hex)
}

function ipv6Text(address: ipaddr.IPv6): string {
  return address.isIPv4MappedAddress() ? `::ffff:${address.toIPv4Address()}` : address.toRFC5952String()
}

function ipv4Text(number: number): string {
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`
}

/** A loop, since most values of most feeds come through here. */
function ipv4Number(text: string): number | undefined {
  if (text.length < 7 || text.length > 15) return undefined
  let number = 0
  let octet = -1
  let dots = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x2e) {
      if (octet < 0) return undefined
      number = number * 256 + octet
      octet = -1
      dots++
    } else {
      if (code < 0x30 || code > 0x39 || octet === 0) return undefined
      octet = (octet < 0 ? 0 : octet * 10) + code - 0x30
      if (octet > 255) return undefined
    }
  }
  return dots === 3 && octet >= 0 ? number * 256 + octet : undefined
}
