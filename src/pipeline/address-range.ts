/**
 * Addresses and networks as ranges of one line, IPv4 as IPv4-mapped IPv6: a network contains what it contains however
 * either of them is written. Pure.
 */
import ipaddr from 'ipaddr.js'

/** First and last address as 32 hexadecimal digits: their order as texts is that of the numbers. */
export type AddressRange = readonly [first: string, last: string]

export interface RangeSet {
  readonly isEmpty: boolean
  /** Whether every address of the range is in one of the set's, or in several that touch. */
  contains(range: AddressRange): boolean
}

const mappedPrefix = '00000000000000000000ffff'

/** Whether the range is one of IPv4 addresses, but not of all of them. */
export function isMapped([first, last]: AddressRange): boolean {
  const isAll = first.endsWith('00000000') && last.endsWith('ffffffff')
  return first.startsWith(mappedPrefix) && last.startsWith(mappedPrefix) && !isAll
}

/** @param text a canonical address or network, see `model/ip.ts` */
export function addressRange(text: string): AddressRange {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const isShort = !address.includes(':')
  const digits = isShort ? mapped(address) : wide(address)
  const prefix = slash < 0 ? 128 : Number(text.slice(slash + 1)) + (isShort ? 96 : 0)
  return prefix === 128 ? [digits, digits] : [digits, lastOf(digits, prefix)]
}

function mapped(address: string): string {
  let digits = mappedPrefix
  for (const octet of address.split('.')) digits += Number(octet).toString(16).padStart(2, '0')
  return digits
}

function wide(address: string): string {
  return ipaddr.IPv6.parse(address)
    .parts.map((part) => part.toString(16).padStart(4, '0'))
    .join('')
}

/** All host bits set. */
function lastOf(digits: string, prefix: number): string {
  const whole = prefix >> 2
  const rest = prefix & 3
  const kept = digits.slice(0, whole)
  if (rest === 0) return kept.padEnd(32, 'f')
  const digit = Number.parseInt(digits.charAt(whole), 16) | (15 >> rest)
  return (kept + digit.toString(16)).padEnd(32, 'f')
}

export function rangeSet(ranges: readonly AddressRange[]): RangeSet {
  const merged = merge(ranges)
  const firsts = merged.map(([first]) => first)
  return {
    isEmpty: merged.length === 0,
    contains([first, last]) {
      const candidate = merged[lastAtMost(firsts, first)]
      return candidate !== undefined && last <= candidate[1]
    },
  }
}

function merge(ranges: readonly AddressRange[]): AddressRange[] {
  const sorted = [...ranges].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
  const merged: AddressRange[] = []
  for (const [first, last] of sorted) {
    const before = merged.at(-1)
    if (before === undefined || first > after(before[1])) merged.push([first, last])
    else if (last > before[1]) merged[merged.length - 1] = [before[0], last]
  }
  return merged
}

/** The next address; the last one of all stays. */
function after(digits: string): string {
  const next = (BigInt(`0x${digits}`) + 1n).toString(16)
  return next.length > 32 ? digits : next.padStart(32, '0')
}

/** Index of the last text that is not greater; -1 when there is none. */
function lastAtMost(sorted: readonly string[], text: string): number {
  let low = 0
  let high = sorted.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((sorted[middle] ?? '') <= text) low = middle + 1
    else high = middle
  }
  return low - 1
}
