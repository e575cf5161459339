/** Canonical values, held against other people's parsers: the WHATWG's URL, Node's `net`, Python's `ipaddress`. */
import { isIPv4, isIPv6 } from 'node:net'
import { v5, version } from 'uuid'
import { canonicalValue } from '../../src/model/canonical.ts'
import { indicatorId, indicatorNamespace } from '../../src/model/identity.ts'
import { allTypes, type IndicatorType } from '../../src/model/indicator.ts'
import { recogniseType } from '../../src/model/recognise.ts'
import { rfc3339 } from '../../src/model/time.ts'
import { tlpFromLabels } from '../../src/model/tlp.ts'
import { addressNumber, rangeOf } from './networks.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { python, withPython } from './python.ts'
import { hostile, type Random } from './random.ts'
import { cidrOf, domainOf, ipv4Of, ipv6Of, soup, textOf, urlOf } from './values-made.ts'

function canonical(type: IndicatorType, text: string): string | undefined {
  const result = canonicalValue(type, text)
  if ('value' in result) return result.value
  const { reason } = result
  expect(
    reason.length < 600 && !/\p{Cc}/u.test(reason) && reason.isWellFormed(),
    () => `the reason ${reason}`,
  )
  return undefined
}

function given(random: Random, type: IndicatorType): string {
  return random.oneIn(3)
    ? random.text(soup, 9)
    : textOf(random, random.oneIn(6) ? random.pick(allTypes) : type)
}

const idempotent = property({
  name: 'idempotent',
  guarantee:
    'any text is a value or gets a reason, nothing throws; the canonical form of a canonical value is itself',
  short: 10_000,
  make: (random) => {
    const type = random.pick(allTypes)
    return { type, text: given(random, type) }
  },
  check({ type, text }: { type: IndicatorType; text: string }) {
    const value = canonical(type, text)
    if (value === undefined) return
    expectSame('again', canonical(type, value), value)
    expectSame('with blanks', canonical(type, ` \t${text}\n `), value)
    expect(value !== '' && value.trim() === value && value.isWellFormed(), () => JSON.stringify(value))
  },
})

const batch = 100

const ipv4 = property({
  name: 'IPv4',
  guarantee: 'an IPv4 address is what Node and Python take for one, and stays the same text',
  inputs: batch,
  short: 2000,
  make: (random) => Array.from({ length: batch }, () => varied(random, ipv4Of(random))),
  async check(texts: readonly string[]) {
    const numbers = withPython ? await python.addresses(texts) : undefined
    for (const [index, text] of texts.entries()) {
      const value = canonical('ipv4', text)
      expectSame(text, value !== undefined, isIPv4(text))
      if (value !== undefined) expectSame(text, value, text)
      if (numbers !== undefined && !text.includes(':'))
        expectSame(`Python: ${text}`, numbers[index] !== null, value !== undefined)
    }
  },
})

const ipv6 = property({
  name: 'IPv6',
  guarantee:
    'spellings of one address are one value, of different addresses never: Node, Python and the WHATWG agree',
  inputs: batch,
  short: 2000,
  make: (random) => Array.from({ length: batch }, () => varied(random, ipv6Of(random))),
  async check(texts: readonly string[]) {
    const numbers = withPython ? await python.addresses(texts) : undefined
    for (const [index, text] of texts.entries()) {
      const value = canonical('ipv6', text)
      expectSame(text, value !== undefined, isIPv6(text) && !text.includes('%'))
      if (value === undefined) continue
      expectSame('number', String(addressNumber(value)?.number), String(addressNumber(text)?.number))
      if (numbers !== undefined)
        expectSame(`Python: ${text}`, String(addressNumber(value)?.number), numbers[index])
      // The WHATWG writes no dotted tail.
      const host = URL.parse(`http://[${text}]`)?.hostname
      expectSame('WHATWG', URL.parse(`http://[${value}]`)?.hostname, host)
      const mapped = /^::ffff:\d+\.\d+\.\d+\.\d+$/.test(value)
      if (!mapped) expectSame('RFC 5952', `[${value}]`, host)
    }
  },
})

const cidr = property({
  name: 'networks',
  guarantee: 'a network is its first address and its length, whatever address of it was given; Python agrees',
  inputs: batch,
  short: 2000,
  make: (random) => Array.from({ length: batch }, () => cidrOf(random)),
  async check(texts: readonly string[]) {
    const networks = withPython ? await python.networks(texts) : undefined
    for (const [index, text] of texts.entries()) {
      const value = canonical('cidr', text)
      if (value === undefined) {
        // Python takes masks and leading zeros of the length as well.
        const plain = /^[^/]+\/(?:0|[1-9]\d{0,2})$/.test(text)
        if (plain && networks !== undefined) expectSame(`Python: ${text}`, networks[index], null)
        continue
      }
      expectSame('range', ends(value), ends(text))
      expectSame('written', ends(value)?.[0], ends(value.replace(/\/\d+$/, ''))?.[0])
      const [first, length] = networks?.[index] ?? []
      if (networks !== undefined)
        expectSame(`Python: ${text}`, [ends(value)?.[0], value.split('/')[1]], [first, String(length)])
    }
  },
})

function ends(text: string): readonly string[] | undefined {
  const range = rangeOf(text)
  return range && [String(range.first), String(range.last)]
}

/** RFC 3492, 6.2. */
function fromPunycode(label: string): string {
  const at = label.lastIndexOf('-')
  const output = at < 0 ? [] : [...label.slice(0, at)]
  let [code, index, bias] = [128, 0, 72]
  for (let place = at < 0 ? 0 : at + 1; place < label.length; ) {
    const before = index
    for (let weight = 1, k = 36; ; k += 36) {
      const digit = '0123456789'.includes(label[place] ?? ' ')
        ? label.charCodeAt(place) - 22
        : label.charCodeAt(place) - 97
      place++
      index += digit * weight
      const threshold = k <= bias ? 1 : Math.min(26, k - bias)
      if (digit < threshold) break
      weight *= 36 - threshold
    }
    let delta = before === 0 ? Math.floor((index - before) / 700) : (index - before) >> 1
    delta += Math.floor(delta / (output.length + 1))
    let k = 0
    for (; delta > 455; k += 36) delta = Math.floor(delta / 35)
    bias = k + Math.floor((36 * delta) / (delta + 38))
    code += Math.floor(index / (output.length + 1))
    index %= output.length + 1
    output.splice(index++, 0, String.fromCodePoint(code))
  }
  return output.join('')
}

/** Letters of which UTS 46 makes what NFKC and lower case make. */
const letters = [...'äöüéèßçñøåÄÖÜÉабвГДжα例え日本語가한ñ']

const domain = property({
  name: 'domains',
  guarantee:
    'a name in Unicode is its punycode by RFC 3492, case and final dot do not count, a resolver takes it alike',
  short: 10_000,
  make: (random) => ({
    text: domainOf(random),
    label: random.text(letters, 6),
    end: random.pick(['example', 'COM']),
  }),
  check({ text, label, end }: { text: string; label: string; end: string }) {
    const value = canonical('domain', text)
    if (value !== undefined) {
      for (const other of [text.toUpperCase(), text.endsWith('.') ? text : `${text}.`]) {
        // Capitals of ß and some others are other letters.
        if (/^[\x21-\x7e]+$/.test(text)) expectSame(other, canonical('domain', other), value)
      }
      const host = URL.parse(`http://${text}/`)?.hostname.replace(/\.$/, '')
      if (host !== undefined) expectSame('WHATWG', value, host)
      expect(value.length <= 253 && !value.endsWith('.') && /^[a-z0-9_*.-]+$/.test(value), () => value)
    }
    const name = `${label}.${end}`
    const coded = canonical('domain', name)
    const own = letters.join('').normalize('NFKC').toLowerCase() + letters.join('')
    if (coded === undefined || label === '' || ![...label].every((letter) => own.includes(letter))) return
    const [first = ''] = coded.split('.')
    expect(first.startsWith('xn--'), () => coded)
    expectSame('decoded', fromPunycode(first.slice(4)), label.toLowerCase().normalize('NFKC'))
  },
})

const url = property({
  name: 'URLs',
  guarantee:
    'a URL is to a browser the very same as its canonical form; scheme and host know no case, all else stays',
  short: 10_000,
  make: urlOf,
  check(text) {
    const value = canonical('url', text)
    const trimmed = text.trim()
    if (value === undefined) return
    const end = /[/?#\\]/.exec(
      trimmed.replace(/^[a-z][a-z0-9+.-]*:\/\//i, (scheme) => '.'.repeat(scheme.length)),
    )
    const rest = end === null ? '' : trimmed.slice(end.index)
    expect(value.endsWith(rest), () => `${JSON.stringify(value)} has not ${JSON.stringify(rest)}`)
    const head = trimmed.slice(0, trimmed.length - rest.length)
    if (/^[\x21-\x7e]*$/.test(head) && !head.includes('@')) {
      expectSame('in capitals', canonical('url', head.toUpperCase() + rest), value)
      expectSame('head', value.slice(0, value.length - rest.length).length > 0, true)
    }
    // Of other schemes a browser knows no more than that there is a host.
    if (!/^(?:https?|ftp):\/\//i.test(trimmed)) return
    const [meant, means] = [URL.parse(trimmed), URL.parse(value)]
    if (meant !== null) expectSame('WHATWG', means?.href, meant.href)
  },
})

const mail = property({
  name: 'e-mail',
  guarantee: 'an address knows no case, and its domain is the domain that it would be by itself',
  short: 10_000,
  make: (random) => ({ name: random.text([...hostile, 'Boss', 'x'], 4), domain: domainOf(random) }),
  check({ name, domain: host }: { name: string; domain: string }) {
    const text = `${name}@${host}`
    const value = canonical('email', text)
    if (value === undefined) return
    const at = value.lastIndexOf('@')
    expectSame('domain', value.slice(at + 1), canonical('domain', host.trim()) ?? host.toLowerCase())
    expectSame('name', value.slice(0, at), name.trimStart().toLowerCase())
    if (/^[\x21-\x7e]+$/.test(text)) expectSame('in capitals', canonical('email', text.toUpperCase()), value)
  },
})

const others = property({
  name: 'hashes, numbers, keys',
  guarantee:
    'hashes know no case, an AS number no zeros and letters, a registry key no short name of its hive',
  short: 10_000,
  make: (random) => ({
    hash: random.digits(random.pick([31, 32, 40, 64, 65]), '0123456789abcdefABCDEF'),
    asn: random.below(2 ** 32) + (random.oneIn(5) ? 2 ** 32 : 0),
    key: random.text([...hostile, 'Software', 'Run'], 4),
  }),
  check({ hash, asn, key }: { hash: string; asn: number; key: string }) {
    expectSame(
      'hash',
      canonical('file', hash),
      [32, 40, 64].includes(hash.length) ? hash.toLowerCase() : undefined,
    )
    for (const text of [`AS${asn}`, `asn ${asn}`, `AS00${asn}`, String(asn)]) {
      const longer = /\d{11,}/.test(text.replace(/\D0+/, ''))
      const wanted = asn < 2 ** 32 ? `AS${asn}` : undefined
      if (!longer) expectSame(text, canonical('asn', text), wanted)
    }
    if (key.includes('/') || key.trim() !== key) return
    const full = canonical('registry-key', `HKEY_LOCAL_MACHINE\\${key}`)
    for (const hive of ['HKLM', 'hklm', 'HKLM:', 'hkey_local_machine']) {
      expectSame(hive, canonical('registry-key', `${hive}\\${key}`), full)
    }
  },
})

const ids = property({
  name: 'ids',
  guarantee:
    'an id is the UUID v5 of type and value, as another implementation computes it, and never that of another',
  short: 5000,
  make: (random) => ({
    type: random.pick(allTypes),
    value: random.text(hostile, 8),
    custom: random.text(hostile, 2),
  }),
  check({ type, value, custom }: { type: IndicatorType; value: string; custom: string }) {
    const id = indicatorId(type, value, custom)
    const name = type === 'custom' ? `custom:${custom}` : type
    expectSame('id', id, `indicator--${v5(`${name}\0${value}`, indicatorNamespace)}`)
    expectSame('version', version(id.slice('indicator--'.length)), 5)
  },
})

const recognised = property({
  name: 'recognised',
  guarantee: 'what is recognised as a type is a valid value of it, and so is its canonical form',
  short: 10_000,
  make: (random) => given(random, random.pick(allTypes)),
  check(text) {
    const type = recogniseType(text)
    if (type === undefined) return
    const value = canonical(type, text)
    if (value === undefined) throw new Error(`${type}: no value`)
    expectSame('again', recogniseType(value), type)
  },
})

const timePieces = [
  '2024',
  '1969',
  '9999',
  '0000',
  '02',
  '29',
  '30',
  '12',
  '13',
  '60',
  'T',
  ' ',
  ':',
  '-',
  '+',
  'Z',
  'z',
  '.',
  ',',
  '000',
  '123456789',
  '24',
  '23:59:60',
  'UTC',
  '+14:00',
  '-12',
]

const times = property({
  name: 'times',
  guarantee: 'a time is RFC 3339 in UTC and means the moment that was said, or there is none; nothing throws',
  short: 10_000,
  make: (random) => {
    const two = (most: number) => String(random.below(most)).padStart(2, '0')
    const whole = `${1968 + random.below(90)}-${two(14)}-${two(33)}T${two(26)}:${two(62)}:${two(62)}${random.pick(['', '.1', '.123456', ',5'])}${random.pick(['Z', '+05:30', '-0800', '', 'z', '+25:00'])}`
    return random.oneIn(3) ? random.text(timePieces, 8) : whole
  },
  check(text) {
    const time = rfc3339(text)
    if (time === undefined) return
    expect(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/.test(time), () => time)
    expectSame('again', rfc3339(time), time)
    const plain = /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/.test(text)
    if (plain) expectSame('moment', Date.parse(time), Date.parse(text))
    expect(Date.parse(time) >= 0, () => time)
  },
})

const labels = property({
  name: 'TLP',
  guarantee: 'of labels the strictest counts, in any spelling; one that looks like TLP and is unknown is red',
  short: 5000,
  make: (random) =>
    random.list(4, () =>
      random.text(
        [
          'TLP',
          ':',
          ' ',
          '-',
          'RED',
          'amber',
          '+strict',
          'GREEN',
          'white',
          'CLEAR',
          '2.0',
          'V2',
          '_',
          'purple',
          'x',
        ],
        5,
      ),
    ),
  check(names: readonly string[]) {
    const found = tlpFromLabels(names)
    expectSame('order', tlpFromLabels(names.toReversed()), found)
    expectSame('with red', tlpFromLabels([...names, 'TLP:RED']), 'red')
    if (names.includes('TLP:RED')) expectSame('red', found, 'red')
    expectSame('case', tlpFromLabels(names.map((name) => name.toLowerCase())), found)
  },
})

/** Now and then with something that does not belong there. */
function varied(random: Random, text: string): string {
  if (!random.oneIn(6)) return text
  const at = random.below(text.length + 1)
  return (
    text.slice(0, at) +
    random.pick(['0', '.', ':', '%eth0', '_', 'g', '-', '/', '１', '00', '::', 'x']) +
    text.slice(at + random.below(2))
  )
}

export const values: Subject = {
  name: 'values',
  properties: [idempotent, ipv4, ipv6, cidr, domain, url, mail, others, ids, recognised, times, labels],
  close: python.close,
}
