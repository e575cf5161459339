/** Addresses and networks as ranges of numbers, read from their text without any of ours. */

export interface Range {
  readonly bits: 32 | 128
  readonly first: bigint
  readonly last: bigint
}

export function addressNumber(
  text: string,
): { readonly bits: 32 | 128; readonly number: bigint } | undefined {
  if (!text.includes(':')) {
    const parts = text.split('.')
    if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256))
      return undefined
    return { bits: 32, number: parts.reduce((sum, part) => sum * 256n + BigInt(part), 0n) }
  }
  const tail = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text)
  if (tail !== null) {
    const quad = addressNumber(tail[2] ?? '')
    if (quad === undefined) return undefined
    const [high, low] = [quad.number >> 16n, quad.number & 0xffffn]
    return addressNumber(`${tail[1]}${high.toString(16)}:${low.toString(16)}`)
  }
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const groups = halves.map((half) => (half === '' ? [] : half.split(':')))
  const all = groups.flat()
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  if (halves.length === 1 ? all.length !== 8 : all.length > 7) return undefined
  const [left = [], right = []] = groups
  const filled = [...left, ...Array<string>(8 - all.length).fill('0'), ...right]
  return { bits: 128, number: filled.reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n) }
}

/** Of an address, `address/prefix` or `first-last`; undefined for anything else. */
export function rangeOf(text: string): Range | undefined {
  const dash = /^([^-/]+)-([^-/]+)$/.exec(text)
  if (dash !== null) {
    const [first, last] = [addressNumber(dash[1] ?? ''), addressNumber(dash[2] ?? '')]
    if (first === undefined || last?.bits !== first.bits || last.number < first.number) return undefined
    return { bits: first.bits, first: first.number, last: last.number }
  }
  const [address = '', prefix, ...more] = text.split('/')
  const read = addressNumber(address)
  if (read === undefined || more.length > 0) return undefined
  const { bits, number } = read
  if (prefix === undefined) return { bits, first: number, last: number }
  if (!/^(?:0|[1-9]\d*)$/.test(prefix) || Number(prefix) > bits) return undefined
  const size = 1n << BigInt(bits - Number(prefix))
  const first = number - (number % size)
  return { bits, first, last: first + size - 1n }
}

/** Ranges in order, what touches joined: equal for lists that mean the same addresses. */
export function joined(ranges: readonly Range[]): readonly string[] {
  const sorted = ranges.toSorted(
    (a, b) => a.bits - b.bits || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0),
  )
  const all: { bits: number; first: bigint; last: bigint }[] = []
  for (const { bits, first, last } of sorted) {
    const before = all.at(-1)
    if (before?.bits === bits && first <= before.last + 1n) {
      if (last > before.last) before.last = last
    } else all.push({ bits, first, last })
  }
  return all.map(({ bits, first, last }) => `${bits}: ${first}-${last}`)
}
