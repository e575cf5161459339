/** Canonical addresses and networks as numbers: IPv4 as doubles, which are exact and fast, IPv6 as big integers. */

/** First and last address, inclusive. */
export interface Ipv4Span {
  readonly first: number
  readonly last: number
}

export interface Ipv6Span {
  readonly first: bigint
  readonly last: bigint
}

/** @param text a canonical IPv4 address. @returns NaN for anything else */
export function ipv4Number(text: string): number {
  let number = 0
  let octet = 0
  let dots = 0
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code === 0x2e) {
      number = number * 256 + octet
      octet = 0
      dots++
    } else if (code >= 0x30 && code <= 0x39) {
      octet = octet * 10 + code - 0x30
      if (octet > 255) return Number.NaN
    } else {
      return Number.NaN
    }
  }
  return dots === 3 ? number * 256 + octet : Number.NaN
}

export function ipv4Text(number: number): string {
  return `${number >>> 24}.${(number >>> 16) & 255}.${(number >>> 8) & 255}.${number & 255}`
}

/** @param text a canonical IPv6 address */
export function ipv6Number(text: string): bigint {
  const [head = '', tail] = text.split('::')
  const left = groupsOf(head)
  const right = tail === undefined ? [] : groupsOf(tail)
  const zeros = Array<number>(Math.max(0, 8 - left.length - right.length)).fill(0)
  let number = 0n
  for (const group of [...left, ...zeros, ...right]) number = (number << 16n) | BigInt(group)
  return number
}

function groupsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return [Number.parseInt(group, 16)]
    const number = ipv4Number(group)
    return [number >>> 16, number & 0xffff]
  })
}

/** RFC 5952, IPv4-mapped addresses with a dotted tail: as canonical values are written. */
export function ipv6Text(number: bigint): string {
  if (number >> 32n === 0xffffn) return `::ffff:${ipv4Text(Number(number & 0xffffffffn))}`
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((number >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  )
  const { start, length } = longestZeros(groups)
  if (length < 2) return groups.join(':')
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 }
  let start = 0
  for (const [index, group] of groups.entries()) {
    if (group !== '0') start = index + 1
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start }
  }
  return best
}

/** @param text a canonical IPv4 address or network */
export function ipv4Span(text: string): Ipv4Span {
  const slash = text.indexOf('/')
  const first = ipv4Number(slash < 0 ? text : text.slice(0, slash))
  const prefix = slash < 0 ? 32 : Number(text.slice(slash + 1))
  return { first, last: first + 2 ** (32 - prefix) - 1 }
}

/** @param text a canonical IPv6 address or network */
export function ipv6Span(text: string): Ipv6Span {
  const slash = text.indexOf('/')
  const first = ipv6Number(slash < 0 ? text : text.slice(0, slash))
  const prefix = slash < 0 ? 128 : Number(text.slice(slash + 1))
  return { first, last: first + (1n << BigInt(128 - prefix)) - 1n }
}

/** 32 or 128 where there is no slash. */
export function prefixLength(text: string): number {
  const slash = text.indexOf('/')
  if (slash >= 0) return Number(text.slice(slash + 1))
  return text.includes(':') ? 128 : 32
}
