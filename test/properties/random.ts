/** Random inputs from a seed: fast, and the same on every machine. */

export interface Random {
  /** 0 … n - 1. */
  below(n: number): number
  /** Whether one of `n` falls on us. */
  oneIn(n: number): boolean
  pick<T>(list: readonly T[]): T
  list<T>(most: number, make: () => T): T[]
  /** Up to `most` of the pieces in a row; now and then a character of anywhere in Unicode. */
  text(pieces: readonly string[], most: number): string
  digits(count: number, alphabet: string): string
}

/** The numbers of one case: case `index` can be made again without those before it. (sfc32, Chris Doty-Humphrey.) */
export function randomOf(seed: number, index: number): Random {
  let a = seed | 0
  let b = index | 0
  let c = (index / 2 ** 32) | 0 || 0x9e3779b9
  let counter = 1
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let n = 0; n < 12; n++) next()
  const below = (n: number) => Math.floor((next() / 2 ** 32) * n)
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T
  return {
    below,
    oneIn: (n) => below(n) === 0,
    pick,
    list(most, make) {
      const items = []
      for (let left = below(most + 1); left > 0; left--) items.push(make())
      return items
    },
    text(pieces, most) {
      let text = ''
      for (let left = below(most + 1); left > 0; left--)
        text += below(12) === 0 ? anywhere(below) : pick(pieces)
      return text
    },
    digits(count, alphabet) {
      let text = ''
      for (let left = count; left > 0; left--) text += alphabet.charAt(below(alphabet.length))
      return text
    },
  }
}

/** One character, each plane and the low ranges alike; never half of a pair. */
function anywhere(below: (n: number) => number): string {
  const code = below(4) === 0 ? below(0x110000) : below(2) === 0 ? below(0x300) : below(0x10000)
  return code >= 0xd800 && code <= 0xdfff ? '\ufffd' : String.fromCodePoint(code)
}

/** What matters to the grammars that values are written into: quotes, brackets, line ends, escapes, markup, blanks. */
export const hostile: readonly string[] = [
  ...['"', "'", '`', '\\', '\\"', "\\'", '""', "''", '|', '\\|', ',', ';', ':', '=', '+', '-', '@', '#', '%'],
  ...['(', ')', '[', ']', '](', '![', '{', '}', '{{', '}}', '{%', '<', '>', '&', '&amp;', '&#60;', '/', '//'],
  ...['<b>', '</td>', '<img src=x>', '<!--', 'http://x.example/', 'javascript:', '*', '**', '_', '__', '~~'],
  ...[
    '\n',
    '\r',
    '\r\n',
    '\t',
    '\u0000',
    '\u0001',
    '\u001b',
    '\u007f',
    '\u0085',
    '\u2028',
    '\u2029',
    '\ufeff',
  ],
  ...[
    ' ',
    '  ',
    '\u00a0',
    '\u3000',
    '\u200b',
    '\u202e',
    'é',
    'ß',
    'ü',
    '😀',
    '例',
    '＝',
    '＂',
    '$',
    '${',
    '^',
    '!',
  ],
  ...[
    ' OR ',
    ' AND ',
    'true',
    'null',
    '0',
    '1',
    '12',
    '1e5',
    'a',
    'b',
    'Z',
    'ab',
    'evil',
    '.',
    '..',
    '.com',
    '?',
  ],
]
