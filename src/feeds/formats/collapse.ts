/**
 * Addresses and networks joined: the fewest ranges or networks that cover exactly what the entries cover, never an
 * address more. All entries are held meanwhile, with some 150 bytes each.
 */
import { ipv4Span, ipv4Text, ipv6Span, ipv6Text } from './ip-number.ts'

export type Collapse = 'none' | 'ranges' | 'networks'

/** One line of the result. */
interface Joined {
  readonly text: string
  /** Place of the best entry in it, from 0. */
  readonly rank: number
}

export interface Collapser {
  /** @param value canonical address or network; best first */
  add(value: string): void
  /**
   * Best first, then by address.
   * @param told gets each value whose line is another text, with that line
   */
  join(mode: Exclude<Collapse, 'none'>, told: (value: string, to: string) => void): readonly Joined[]
}

interface Span<N> {
  readonly value: string
  readonly rank: number
  readonly first: N
  readonly last: N
}

/** What the two kinds of numbers do differently. */
interface Arithmetic<N> {
  span(value: string): { readonly first: N; readonly last: N }
  text(number: N): string
  next(number: N): N
  /** Length in bits of the prefix of the widest network that begins at `first` and ends at `last` at most. */
  prefix(first: N, last: N): number
  lastOf(first: N, prefix: number): N
  readonly bits: number
}

const ipv4: Arithmetic<number> = {
  bits: 32,
  span: ipv4Span,
  text: ipv4Text,
  next: (number) => number + 1,
  prefix(first, last) {
    let prefix = 32
    while (prefix > 0) {
      const size = 2 ** (33 - prefix)
      if (first % size !== 0 || first + size - 1 > last) break
      prefix--
    }
    return prefix
  },
  lastOf: (first, prefix) => first + 2 ** (32 - prefix) - 1,
}

const ipv6: Arithmetic<bigint> = {
  bits: 128,
  span: ipv6Span,
  text: ipv6Text,
  next: (number) => number + 1n,
  prefix(first, last) {
    let prefix = 128
    while (prefix > 0) {
      const size = 1n << BigInt(129 - prefix)
      if ((first & (size - 1n)) !== 0n || first + size - 1n > last) break
      prefix--
    }
    return prefix
  },
  lastOf: (first, prefix) => first + (1n << BigInt(128 - prefix)) - 1n,
}

export function createCollapser(): Collapser {
  const spans4: Span<number>[] = []
  const spans6: Span<bigint>[] = []
  return {
    add(value) {
      const rank = spans4.length + spans6.length
      if (value.includes(':')) spans6.push({ value, rank, ...ipv6.span(value) })
      else spans4.push({ value, rank, ...ipv4.span(value) })
    },
    join(mode, told) {
      const joined = [...joinSpans(spans4, mode, told, ipv4), ...joinSpans(spans6, mode, told, ipv6)]
      return joined.sort((a, b) => a.rank - b.rank)
    },
  }
}

type Told = (value: string, to: string) => void

function joinSpans<N extends number | bigint>(
  spans: Span<N>[],
  mode: Exclude<Collapse, 'none'>,
  told: Told,
  arithmetic: Arithmetic<N>,
): Joined[] {
  spans.sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0))
  const joined: Joined[] = []
  let start = 0
  while (start < spans.length) {
    const { first, end, last } = runFrom(spans, start, arithmetic)
    const blocks = mode === 'ranges' ? [{ first, last }] : networks(first, last, arithmetic)
    addRun(spans, start, end, blocks, mode, joined, told, arithmetic)
    start = end
  }
  return joined
}

/** The spans from `start` on that overlap or touch: up to `end`, exclusive. */
function runFrom<N extends number | bigint>(
  spans: readonly Span<N>[],
  start: number,
  { next }: Arithmetic<N>,
): { readonly first: N; readonly last: N; readonly end: number } {
  const { first, last: firstLast } = spans[start] as Span<N>
  let last = firstLast
  let end = start + 1
  for (let span = spans[end]; span !== undefined && span.first <= next(last); span = spans[++end]) {
    if (span.last > last) last = span.last
  }
  return { first, last, end }
}

interface Block<N> {
  readonly first: N
  readonly last: N
}

/** Each as wide as it can be: every network inside of the run lies in one of them. */
function networks<N extends number | bigint>(first: N, last: N, arithmetic: Arithmetic<N>): Block<N>[] {
  const blocks: Block<N>[] = []
  for (let from = first; from <= last; from = arithmetic.next((blocks.at(-1) as Block<N>).last)) {
    blocks.push({ first: from, last: arithmetic.lastOf(from, arithmetic.prefix(from, last)) })
  }
  return blocks
}

function addRun<N extends number | bigint>(
  spans: readonly Span<N>[],
  start: number,
  end: number,
  blocks: readonly Block<N>[],
  mode: Exclude<Collapse, 'none'>,
  joined: Joined[],
  told: Told,
  arithmetic: Arithmetic<N>,
): void {
  let index = start
  for (const block of blocks) {
    const text = blockText(block, mode, arithmetic)
    let rank = Number.POSITIVE_INFINITY
    for (
      let span = spans[index];
      index < end && span !== undefined && span.first <= block.last;
      span = spans[++index]
    ) {
      if (span.rank < rank) rank = span.rank
      if (span.value !== text) told(span.value, text)
    }
    joined.push({ text, rank })
  }
}

function blockText<N extends number | bigint>(
  { first, last }: Block<N>,
  mode: Exclude<Collapse, 'none'>,
  { text, prefix, bits }: Arithmetic<N>,
): string {
  if (first === last) return text(first)
  if (mode === 'ranges') return `${text(first)}-${text(last)}`
  const length = prefix(first, last)
  return length === bits ? text(first) : `${text(first)}/${length}`
}
