/** Texts of each type as sources have them: valid, nearly valid, and not at all. */
import type { IndicatorType } from '../../src/model/indicator.ts'
import { hostile, type Random } from './random.ts'

const hex = '0123456789abcdef'
const nameCharacters = 'abcdefghijklmnopqrstuvwxyz0123456789-_'
const tlds = [
  'com',
  'net',
  'example',
  'de',
  'co.uk',
  'github.io',
  'xn--p1ai',
  'onion',
  'local',
  'test',
  'zip',
]
const unicodeLabels = ['münchen', 'пример', '例え', 'faß', 'Ünicode', 'éa', 'ａｂ', 'ﬁ', '☃', 'a\u200db', 'ǆ']
const pathPieces = [
  ...[
    '/',
    '/',
    'a',
    'B',
    '1',
    '.',
    '-',
    '_',
    '~',
    '%41',
    '%2f',
    '%',
    '%zz',
    '?',
    '#',
    '&',
    '=',
    ';',
    ',',
    '+',
    '*',
  ],
  ...[
    '@',
    ':',
    '//',
    '..',
    '[',
    ']',
    '(',
    ')',
    "'",
    '"',
    '<',
    '>',
    '{',
    '}',
    '|',
    '\\',
    '^',
    '`',
    ' ',
    'é',
    '😀',
  ],
  ...['\u2028', '\u00a0', '$', '!', '#!', 'http://x.example', 'index.php', '?q=a', '&copy;'],
]

export function ipv4Of(random: Random): string {
  const special = [
    '10.0.0.1',
    '127.0.0.1',
    '192.168.1.1',
    '0.0.0.0',
    '255.255.255.255',
    '198.51.100.7',
    '224.0.0.1',
  ]
  if (random.oneIn(12)) return random.pick(special)
  return [0, 0, 0, 0]
    .map(() => (random.oneIn(6) ? random.pick([0, 1, 255, 256, 999]) : random.below(256)))
    .join('.')
}

export function ipv6Of(random: Random): string {
  const groups = Array.from({ length: 8 }, () => {
    const group = random.oneIn(2) ? '0' : random.digits(1 + random.below(4), hex)
    return random.oneIn(8) ? group.toUpperCase() : group
  })
  if (random.oneIn(2)) groups[0] = random.pick(['2001', '2a00', '2600', 'fe80', 'fc00', 'ff02', '64', '2002'])
  if (random.oneIn(3)) {
    const from = random.below(8)
    const length = 1 + random.below(8 - from)
    return `${groups.slice(0, from).join(':')}::${groups.slice(from + length).join(':')}`
  }
  if (random.oneIn(6)) return `${groups.slice(0, 6).join(':')}:${ipv4Of(random)}`
  if (random.oneIn(12)) return `::ffff:${ipv4Of(random)}`
  return groups.join(':')
}

export function cidrOf(random: Random): string {
  const wide = random.oneIn(2)
  const address = wide ? ipv4Of(random) : ipv6Of(random)
  return `${address}/${random.oneIn(8) ? random.pick(['0', '7', '08', '33', '129', '']) : random.below(wide ? 33 : 129)}`
}

export function domainOf(random: Random): string {
  const labels = Array.from({ length: 1 + random.below(3) }, () => {
    if (random.oneIn(10)) return random.pick(unicodeLabels)
    return random.digits(1 + random.below(10), nameCharacters)
  })
  if (random.oneIn(12)) labels.unshift('*')
  if (random.oneIn(40)) labels[0] = 'x'.repeat(60 + random.below(6))
  const name = [...labels, random.pick(tlds)].join('.')
  const cased = random.oneIn(4) ? name.toUpperCase() : name
  return random.oneIn(10) ? `${cased}.` : cased
}

export function urlOf(random: Random): string {
  const scheme = random.pick([
    'http://',
    'https://',
    'http://',
    'https://',
    'HTTP://',
    'ftp://',
    'hxxp://',
    '',
  ])
  const user = random.oneIn(12) ? `${random.text(pathPieces, 3)}@` : ''
  const host = random.oneIn(5) ? (random.oneIn(2) ? ipv4Of(random) : `[${ipv6Of(random)}]`) : domainOf(random)
  const port = random.oneIn(6) ? `:${random.pick(['80', '443', '8080', '0', '65536', '', '00080'])}` : ''
  const path = random.oneIn(5) ? '' : `/${random.text(pathPieces, 8)}`
  const long = random.oneIn(60) ? `/${'p'.repeat(200 + random.below(4000))}` : ''
  return scheme + user + host + port + path + long
}

const makers: Partial<Readonly<Record<IndicatorType, (random: Random) => string>>> = {
  ipv4: ipv4Of,
  ipv6: ipv6Of,
  cidr: cidrOf,
  domain: domainOf,
  url: urlOf,
  email: (random) =>
    `${random.text(['a', 'B', '.', '+', '"', '<', ' ', 'é', '@', "'"], 5)}x@${domainOf(random)}`,
  file: (random) =>
    random.digits(random.pick([32, 40, 64, 64, 33]), random.oneIn(3) ? hex.toUpperCase() : hex),
  asn: (random) => `${random.pick(['AS', 'ASN', 'as ', ''])}${random.below(2 ** 32)}`,
  'registry-key': (random) =>
    `${random.pick(['HKLM', 'hkcu:', 'HKEY_USERS', 'HKCR', 'X'])}\\${random.text(hostile, 5)}` +
    (random.oneIn(3) ? ` : ${random.text(hostile, 3)} : ${random.pick(['REG_SZ', 'REG_DWORD', 'REG'])}` : ''),
  hashtag: (random) => `#${random.text(hostile, 4)}`,
  vulnerability: (random) => `CVE-${1999 + random.below(30)}-${1000 + random.below(99_999)}`,
}

/** A text that somebody gives as a value of the type. */
export function textOf(random: Random, type: IndicatorType): string {
  const make = makers[type]
  if (make !== undefined && !random.oneIn(15)) return make(random)
  return random.text(hostile, 8)
}

/** Parts of values of all types, in any order. */
export const soup: readonly string[] = [
  ...[
    '1',
    '0',
    '255',
    '.',
    ':',
    '::',
    '/',
    '//',
    '32',
    'http',
    '://',
    '[',
    ']',
    '@',
    'xn--',
    'é',
    'ß',
    'ẞ',
    'İ',
    'Σ',
  ],
  ...[
    '%',
    '%41',
    ' ',
    '\t',
    '\\',
    'HKLM',
    'hkey_users',
    'AS',
    'ASN',
    '64496',
    '#',
    '?',
    '。',
    '１',
    '／',
    '：',
  ],
  ...[
    'CVE-2021-',
    '44228',
    '-',
    '_',
    '*',
    'evil',
    'Example',
    'COM',
    '\u00ad',
    '\u200d',
    '\ufeff',
    '"',
    '<',
    'ffff',
  ],
  ...['file', 'ipv6:', '\u0000', '😀', '\ud800', 'd41d8cd98f00b204e9800998ecf8427e', 'a'.repeat(63)],
]
