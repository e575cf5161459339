/**
 * Text lists as the products read them (each vendor's documentation of external lists), and what they then block: never
 * more than the values say, and each value is blocked or told.
 */
import { decoded } from './csv.ts'
import { entriesInCase, feedOf, type GivenFeed, kept, type List, listOf } from './entries.ts'
import { joined, type Range, rangeOf } from './networks.ts'
import { expect, expectSame, property, type Subject } from './property.ts'

/** LF, each line one entry, a line at the end; nothing that a reader may break at or take for something else. */
function linesOf({ text }: List): readonly string[] {
  if (text === '') return []
  expect(text.endsWith('\n'), () => 'the last line has no end')
  const lines = text.slice(0, -1).split('\n')
  for (const line of lines) {
    expect(line !== '' && !/^\ufeff|[\p{Cc}\u2028\u2029]/u.test(line), () => `a line ${JSON.stringify(line)}`)
  }
  return lines
}

/** What a list of a product holds, without what says that it is empty. */
function entriesOf(list: List): readonly string[] {
  const lines = linesOf(list)
  const entries = lines[0] === '# Empty List' && lines.length === 1 ? [] : lines
  expect(
    !entries.some((line) => /^[#;]/.test(line) || line.trim() !== line),
    () => 'a line that is a comment',
  )
  expectSame('lines', new Set(entries).size, entries.length)
  return entries
}

function expectTold(list: List): void {
  const told = new Set([...list.gone.keys(), ...list.changed.map(([value]) => value)])
  for (const [value] of list.changed)
    expect(
      list.given.some((entry) => entry.value === value),
      () => value,
    )
  for (const value of told)
    expect(
      list.given.some((entry) => entry.value === value),
      () => value,
    )
}

/** Of the public Internet: never one of these. */
const reserved = [
  ...[
    '0.0.0.0/8',
    '10.0.0.0/8',
    '100.64.0.0/10',
    '127.0.0.0/8',
    '169.254.0.0/16',
    '172.16.0.0/12',
    '192.168.0.0/16',
  ],
  ...['224.0.0.0/4', '240.0.0.0/4', '::/8', 'fc00::/7', 'fe80::/10', 'ff00::/8'],
].map((text) => rangeOf(text) as Range)

function expectPublic(text: string, { bits, first, last }: Range): void {
  const hit = reserved.some((range) => range.bits === bits && first <= range.last && last >= range.first)
  expect(!hit, () => `${text} is not of the public Internet`)
}

function rangeOfLine(line: string): Range {
  const range = rangeOf(line)
  if (range === undefined) throw new Error(`no address: ${line}`)
  expectPublic(line, range)
  return range
}

const addressProfiles = ['panos-ip', 'fortigate-ip', 'cisco-si-ip'] as const

const addresses = property({
  name: 'addresses',
  guarantee:
    'a list of addresses blocks exactly the values that it does not tell of, joined or not, and nothing private',
  inputs: entriesInCase * addressProfiles.length,
  short: 3000,
  make: (random) => ({
    feed: feedOf(random, ['ipv4', 'ipv6', 'cidr', 'cidr', 'domain']),
    collapse: random.below(3),
  }),
  async check({ feed, collapse }: { feed: GivenFeed; collapse: number }) {
    for (const profile of addressProfiles) {
      const mode = collapse === 1 && profile === 'cisco-si-ip' ? 2 : collapse
      const list = await listOf(`?profile=${profile}&tr=${mode}`, feed)
      const lines = entriesOf(list)
      const ranges = lines.map(rangeOfLine)
      for (const line of lines) expect(mode === 1 || !line.includes('-'), () => `a range: ${line}`)
      const wanted = kept(list).map(({ value }) => rangeOf(value) as Range)
      // Neighbours, each narrow enough, may be one line that is wider.
      for (const { bits, first, last } of wanted) {
        expect(last - first < 1n << BigInt(bits === 32 ? 24 : 109), () => `too wide: ${first} to ${last}`)
      }
      expectSame(profile, joined(ranges), joined(wanted))
      expectSame('entries', list.entries, lines.length)
      if (mode === 0) expectSame('counts', list.entries + list.dropped.length, list.given.length)
      expectTold(list)
    }
  },
})

/** Hosts that a product blocks by a line of names: itself, or with all below it. */
const nameProfiles = [
  ['panos-domain', 'both'],
  ['fortigate-domain', 'both'],
  ['cisco-si-dns', 'base'],
  ['hosts', 'base'],
] as const
const hostName = /^(?:\*\.)?(?:[a-z0-9_](?:[a-z0-9_-]{0,62})|-[a-z0-9_-]{0,62})(?:\.[a-z0-9_-]{1,63})+$/

const names = property({
  name: 'names',
  guarantee:
    'a list of names has each name as it is, a wildcard as the product writes it, and none of a public suffix',
  inputs: entriesInCase * nameProfiles.length,
  short: 3200,
  make: (random) => feedOf(random, ['domain', 'domain', 'domain', 'url', 'ipv4']),
  async check(feed: GivenFeed) {
    for (const [profile, globs] of nameProfiles) {
      const list = await listOf(`?profile=${profile}`, feed)
      const lines = entriesOf(list).map((line) => {
        if (profile !== 'hosts') return line
        expect(line.startsWith('0.0.0.0 '), () => line)
        return line.slice('0.0.0.0 '.length)
      })
      for (const line of lines) {
        expect(hostName.test(line) && line.length <= 255, () => `${profile}: ${line}`)
        expect(globs === 'both' || !line.includes('*'), () => `${profile}: ${line}`)
        const suffix = /^(?:\*\.)?(?:com|net|de|co\.uk|github\.io|xn--p1ai|local|[^.]+\.local)$/.test(line)
        expect(!suffix, () => `${profile} blocks a whole suffix: ${line}`)
      }
      const wanted = kept(list).flatMap(({ value }) => {
        if (!value.startsWith('*.')) return [value]
        return globs === 'both' ? [value.slice(2), value] : [value.slice(2)]
      })
      expectSame(profile, [...lines].sort(), [...new Set(wanted)].sort())
      expectTold(list)
    }
  },
})

const urlProfiles = [
  ['panos-url', 255],
  ['fortigate-url', 4000],
  ['cisco-si-url', 2048],
  ['proxysg', 4000],
  ['mwg', 4000],
] as const

/** What a URL means to a browser, without what no request holds: the words of the WHATWG's parser. */
function meaning(url: string): string | undefined {
  const parsed = URL.parse(/^https?:\/\//.test(url) ? url : `http://${url}`)
  if (parsed === null) return undefined
  const port = parsed.port === '' || parsed.port === '443' || parsed.port === '80' ? '' : parsed.port
  return `${parsed.hostname.replace(/\.$/, '')}:${port}${parsed.pathname}${parsed.search}`
}

const urls = property({
  name: 'URLs',
  guarantee:
    'a line of a list of URLs is the very URL of its entry, never the whole host of a page, and each is told',
  inputs: entriesInCase * urlProfiles.length,
  short: 4000,
  make: (random) => feedOf(random, ['url', 'url', 'url', 'ipv4']),
  async check(feed: GivenFeed) {
    for (const [profile, longest] of urlProfiles) {
      const list = await listOf(`?profile=${profile}&type=url`, feed)
      const lines = linesOf(list).filter((line) => line !== '# Empty List')
      const entries = bodyOf(profile, lines)
      for (const line of entries) {
        expect(/^[\x21-\x7e]+$/.test(line), () => `${profile}: not plain: ${JSON.stringify(line)}`)
        expect(line.length <= longest, () => `${profile}: ${line.length} characters`)
        expect(!/^[#;]/.test(line), () => `${profile}: a comment: ${line}`)
        const bare = line.replace(/^https?:\/\//, '')
        expect(profile !== 'panos-url' || bare === line, () => `${profile}: a scheme: ${line}`)
        const [host = ''] = /^[^/?#]*/.exec(bare) ?? []
        expect(!host.includes('@') && !/[\\\s]/.test(bare), () => `${profile}: ${line}`)
        const range = rangeOf(host.replace(/:\d+$/, '').replace(/^\[|\]$/g, ''))
        if (range !== undefined) expectPublic(line, range)
      }
      const shown = new Set(entries.map(same))
      for (const { value } of kept(list)) {
        expect(shown.has(same(value)), () => `${profile} has not ${JSON.stringify(value)}`)
      }
      const meant = new Set(kept(list).map(({ value }) => same(value)))
      for (const line of entries) expect(meant.has(same(line)), () => `${profile} has more: ${line}`)
      expectTold(list)
    }
  },
})

/** Escapes undone: some are written where there were none. Wildcards are no URLs to a browser, but stay what they are. */
function same(url: string): string {
  const means = meaning(url)
  return means === undefined ? url : decoded(means)
}

function bodyOf(profile: string, lines: readonly string[]): readonly string[] {
  if (profile === 'proxysg') {
    expectSame('frame', [lines[0], lines.at(-1)], ['define category bc_category', 'end'])
    const inner = lines.slice(1, -1)
    expect(!inner.some((line) => line === 'end' || /^define /.test(line)), () => 'a line ends the category')
    return inner
  }
  if (profile !== 'mwg') return lines
  expectSame('type', lines[0], 'type=string')
  return lines.slice(1).map((line) => {
    const [, value = ''] = /^"((?:[^"\\]|\\["\\])*)" "(?:[^"\\]|\\["\\])*"$/.exec(line) ?? []
    expect(value !== '', () => `mwg: ${line}`)
    return value.replaceAll(/\\(.)/g, '$1')
  })
}

const hashes = property({
  name: 'hashes',
  guarantee: 'each hash of each file is a line of its own, once',
  inputs: entriesInCase,
  short: 2000,
  make: (random) => feedOf(random, ['file', 'file', 'domain']),
  async check(feed: GivenFeed) {
    const list = await listOf('?profile=fortigate-hash', feed)
    const lines = entriesOf(list)
    for (const line of lines) expect(/^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/.test(line), () => line)
    const wanted = kept(list).flatMap(({ value, json }) => [
      value,
      ...Object.values<string>(JSON.parse(json).hashes ?? {}),
    ])
    expectSame('hashes', [...lines].sort(), [...new Set(wanted)].sort())
  },
})

const plain = property({
  name: 'plain text',
  guarantee:
    'txt: a line is a value as it is, and what no line can hold is told; limits and offsets make the same list',
  inputs: entriesInCase,
  short: 1000,
  make: (random) => ({ feed: feedOf(random), limit: 1 + random.below(60) }),
  async check({ feed, limit }: { feed: GivenFeed; limit: number }) {
    const list = await listOf('.txt', feed)
    const lines = linesOf(list)
    expectSame(
      'lines',
      lines,
      kept(list).map(({ value }) => value),
    )
    for (const [value] of list.dropped) {
      const needed = /^#|[\p{Cc}\u2028\u2029]|^\s|\s$/u.test(value) || (list.gone.get(value) ?? 0) > 0
      expect(needed, () => `${JSON.stringify(value)} could be listed`)
    }
    expectSame('counts', list.entries + list.dropped.length, list.given.length)
    if (limit < 1) return
    const parts: string[] = []
    for (let offset = 0; offset === parts.length; offset += limit) {
      const part = await listOf(`.txt?n=${limit}&s=${offset}`, feed)
      parts.push(...linesOf(part))
      expectSame('left', part.truncated, Math.max(0, lines.length - offset - limit))
    }
    expectSame('parts', parts, lines)
  },
})

export const lists: Subject = { name: 'lists', properties: [addresses, names, urls, hashes, plain] }
