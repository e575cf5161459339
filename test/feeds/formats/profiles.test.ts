/** Each profile's list, byte for byte, and read by a strict reader of the product's own rules. */
import { isIP, isIPv4 } from 'node:net'
import fc from 'fast-check'
import ipaddr from 'ipaddr.js'
import t from 'tap'
import type { FeedEntry } from '../../../src/feeds/feed-format.ts'
import { rpzAddress, serialOf } from '../../../src/feeds/formats/name-servers.ts'
import { feedProfiles } from '../../../src/feeds/index.ts'
import { canonicalValue } from '../../../src/model/canonical.ts'
import type { IndicatorType } from '../../../src/model/indicator.ts'
import { type Encoded, encoded, entry, readCsv } from './encode.ts'

const sha256 = 'a'.repeat(64)
const md5 = 'b'.repeat(32)

const mixed: readonly FeedEntry[] = [
  entry('ipv4', '45.1.2.3', { confidence: 95, threatAssess: { score: 830 } }),
  entry('ipv4', '10.0.0.1'),
  entry('ipv6', '2a00::1'),
  entry('cidr', '45.1.4.0/24', { score: 2, confidence: 30 }),
  entry('cidr', '0.0.0.0/0'),
  entry('domain', 'evil.com', { confidence: 70 }),
  entry('domain', '*.bad.com'),
  entry('domain', 'co.uk'),
  entry('url', 'http://evil.com'),
  entry('url', 'https://evil.com/x?a=b', { threatAssess: { score: 501 } }),
  entry('url', 'http://evil.com:8080/a,b"c'),
  entry('file', sha256, { hashes: { md5, sha256 } }),
  entry('email', 'a@evil.com'),
  entry('mutex', 'Global\\x'),
]

const id = (place: number): string => (JSON.parse(mixed[place]?.json ?? '') as { id: string }).id.slice(11)

const goldens: Readonly<Record<string, readonly string[]>> = {
  'panos-ip': ['45.1.2.3', '2a00::1', '45.1.4.0/24'],
  'panos-domain': ['evil.com', 'bad.com', '*.bad.com'],
  'panos-url': ['evil.com/', 'evil.com/x?a=b', 'evil.com:8080/a,b%22c'],
  'panos-url&type=url,domain': [
    'evil.com/',
    'bad.com/',
    '*.bad.com/',
    'evil.com/x?a=b',
    'evil.com:8080/a,b%22c',
  ],
  'panos-url&sp&nsl': ['evil.com', 'evil.com/x?a=b', 'evil.com/a,b%22c'],
  'panos-url&di': ['evil.com/', 'evil.com/x?a=b'],
  'fortigate-ip': ['45.1.2.3', '2a00::1', '45.1.4.0/24'],
  'fortigate-ip&tr=1': ['45.1.2.3', '2a00::1', '45.1.4.0-45.1.4.255'],
  'fortigate-domain': ['evil.com', 'bad.com', '*.bad.com'],
  'fortigate-url': ['http://evil.com', 'https://evil.com/x?a=b', 'http://evil.com:8080/a,b%22c'],
  'fortigate-hash': [md5, sha256],
  'fortigate-hash&hash=sha256': [sha256],
  'cisco-si-ip': ['45.1.2.3', '2a00::1', '45.1.4.0/24'],
  'cisco-si-dns': ['evil.com', 'bad.com'],
  'cisco-si-url': ['http://evil.com/', 'https://evil.com/x?a=b', 'http://evil.com:8080/a,b%22c'],
  proxysg: [
    'define category bc_category',
    '45.1.2.3',
    'evil.com',
    'bad.com',
    'evil.com/x?a=b',
    'evil.com:8080/a,b%22c',
    'end',
  ],
  mwg: [
    'type=string',
    '"45.1.2.3" "tc"',
    '"2a00::1" "tc"',
    '"45.1.4.0/24" "tc"',
    '"evil.com" "tc"',
    '"bad.com" "tc"',
    '"http://evil.com" "tc"',
    '"https://evil.com/x?a=b" "tc"',
    '"http://evil.com:8080/a,b%22c" "tc"',
  ],
  'mwg&t=ip': ['type=ip', '"45.1.2.3" "tc"', '"2a00::1" "tc"', '"45.1.4.0/24" "tc"'],
  hosts: ['0.0.0.0 evil.com', '0.0.0.0 bad.com'],
  rpz: [
    '$TTL 300',
    '@ IN SOA localhost. root.localhost. 1767323045 300 60 86400 60',
    '@ IN NS localhost.',
    '32.3.2.1.45.rpz-ip CNAME .',
    '128.1.zz.2a00.rpz-ip CNAME .',
    '24.0.4.1.45.rpz-ip CNAME .',
    'evil.com CNAME .',
    '*.evil.com CNAME .',
    'bad.com CNAME .',
    '*.bad.com CNAME .',
  ],
}

t.test('the list of each profile is this, and every entry that is not in it was told', async (t) => {
  for (const [profile, lines] of Object.entries(goldens)) {
    const list = await encoded(`?profile=${profile}`, mixed)
    t.equal(list.text, lines.map((line) => `${line}\n`).join(''), profile)
    t.equal(list.format.mediaType, 'text/plain; charset=utf-8')
  }
  const reasons = new Map((await encoded('?profile=panos-ip', mixed)).dropped)
  t.same(Object.fromEntries(reasons), {
    '10.0.0.1': 'a private address',
    '0.0.0.0/0': 'a network wider than /8',
  })
})

t.test('the list for Check Point is this', async (t) => {
  const list = await encoded('?profile=checkpoint-csv&type=IP,ipv6,cidr,domain,url,file,email', mixed, {
    publicUrl: 'https://feeds.example.org',
  })
  t.equal(
    list.text,
    `${[
      '#! DESCRIPTION = Feed block',
      '#! REFERENCE = https://feeds.example.org/feeds/block',
      '# UNIQ-NAME,VALUE,TYPE,CONFIDENCE,SEVERITY,PRODUCT,COMMENT',
      `${id(0)},45.1.2.3,IP,critical,critical,AV,Blog`,
      `${id(3)},45.1.4.0-45.1.4.255,IP Range,medium,medium,AV,Blog`,
      `${id(5)},evil.com,Domain,high,high,AV,Blog`,
      `${id(6)},bad.com,Domain,low,high,AV,Blog`,
      `${id(8)},http://evil.com,URL,low,high,AV,Blog`,
      `${id(9)},https://evil.com/x?a=b,URL,low,high,AV,Blog`,
      `${id(10)},"http://evil.com:8080/a,b%22c",URL,low,high,AV,Blog`,
      `${id(11)}-md5,${md5},MD5,low,high,AV,Blog`,
      `${id(11)}-sha256,${sha256},SHA256,low,high,AV,Blog`,
      `${id(12)},a@evil.com,Mail-from,low,high,AV,Blog`,
    ].join('\r\n')}\r\n`,
  )
  t.ok(list.dropped.some(([value, reason]) => value === '2a00::1' && /IPv6/.test(reason)))
})

t.test(
  'an empty list says so where the product reads comments, and holds no comment elsewhere',
  async (t) => {
    const empty: Readonly<Record<string, string>> = {
      'panos-ip': '# Empty List\n',
      'panos-url&ce=false': '',
      'fortigate-hash': '# Empty List\n',
      'cisco-si-dns': '# Empty List\n',
      hosts: '# Empty List\n',
      proxysg: 'define category bc_category\nend\n',
      mwg: 'type=string\n',
      'xsoar&format=txt': '',
      'xsoar&format=json': '{"data":[]}\n',
      'xsoar&format=csv&header=false': '',
    }
    for (const [profile, text] of Object.entries(empty)) {
      const list = await encoded(`?profile=${profile}`, [])
      t.same([list.text, list.entries], [text, 0], profile)
    }
  },
)

t.test(
  'addresses that are nobody’s on the Internet, and networks that hold some, are in no list that blocks',
  async (t) => {
    const refused: Readonly<Record<string, RegExp>> = {
      '0.1.2.3': /this network/,
      '10.1.2.3': /private/,
      '100.64.0.1': /carriers/,
      '127.0.0.1': /loopback/,
      '169.254.169.254': /link-local/,
      '172.31.255.255': /private/,
      '192.168.0.1': /private/,
      '198.19.0.1': /benchmark/,
      '233.252.0.1': /multicast/,
      '224.0.0.1': /multicast/,
      '255.255.255.255': /reserved/,
      '::': /reserved/,
      '::1': /loopback/,
      '::ffff:8.8.8.8': /reserved/,
      '64:ff9b::808:808': /reserved/,
      'fd00::1': /private/,
      'fe80::1': /link-local/,
      'ff02::1': /multicast/,
      '10.1.0.0/16': /private/,
      '172.0.0.0/8': /holds private addresses/,
      '45.0.0.0/7': /wider than \/8/,
      '2000::/3': /wider than \/19/,
      '2a00::/18': /wider than \/19/,
      '::/0': /wider/,
    }
    const listed = [
      '8.8.8.8',
      '203.0.113.7',
      '2001:db8::1',
      '2001:db8:1::/48',
      '172.15.255.255',
      '172.32.0.0',
      '11.0.0.0/8',
      '203.0.112.0/22',
      '2a00::/19',
      '2001:4860::8888',
    ]
    const typed = (value: string) =>
      entry(value.includes('/') ? 'cidr' : value.includes(':') ? 'ipv6' : 'ipv4', value)
    for (const profile of [
      'panos-ip',
      'fortigate-ip',
      'cisco-si-ip',
      'mwg',
      'rpz',
      'checkpoint-csv',
      'proxysg',
    ]) {
      const list = await encoded(`?profile=${profile}`, [...Object.keys(refused), ...listed].map(typed))
      const told = new Map(list.dropped)
      for (const value of Object.keys(refused)) {
        if (list.format.types?.includes(typed(value).type))
          t.ok(told.has(value), `${profile} leaves out ${value}`)
      }
    }
    const list = await encoded('?profile=panos-ip', [...Object.keys(refused), ...listed].map(typed))
    t.same(list.text.trimEnd().split('\n'), listed)
    for (const [value, reason] of list.dropped) t.match(reason, refused[value], value)
  },
)

t.test(
  'every single address that the guards pass is a unicast one, as another library sees it',
  async (t) => {
    const octet = fc.integer({ min: 0, max: 255 })
    const values = fc
      .sample(fc.tuple(octet, octet, octet, octet), { numRuns: 20_000, seed: 1 })
      .map((o) => o.join('.'))
    const list = await encoded(
      '?profile=panos-ip',
      values.map((value) => entry('ipv4', value)),
    )
    const listed = new Set(list.text.trimEnd().split('\n'))
    const wrong = values.filter(
      (value) => listed.has(value) !== (ipaddr.IPv4.parse(value).range() === 'unicast'),
    )
    t.same(
      wrong.filter(
        (value) =>
          !value.startsWith('233.252.0.') &&
          !/^(?:192\.88\.99|192\.31\.196|192\.52\.193|192\.175\.48)\./.test(value),
      ),
      [],
    )
  },
)

t.test(
  'names under which anybody registers, and those of the reader’s own network, are in no list that blocks',
  async (t) => {
    const refused = [
      'com',
      'co.uk',
      'github.io',
      'duckdns.org',
      '*.com',
      '*.co.uk',
      '*.github.io',
      'a.*.com',
      'ev*l.com',
      '*evil.com',
      'evil.*',
      '*',
      'localhost',
      'x.localhost',
      'printer.local',
      'wiki.internal',
      '1.168.192.in-addr.arpa',
    ]
    const listed = ['evil.com', 'evil.co.uk', 'evil.github.io', 'xn--mnchen-3ya.example', '_dmarc.evil.com']
    for (const profile of ['panos-domain', 'fortigate-domain', 'cisco-si-dns', 'hosts']) {
      const list = await encoded(
        `?profile=${profile}`,
        [...refused, ...listed].map((value) => entry('domain', value)),
      )
      t.same(
        list.text
          .trimEnd()
          .split('\n')
          .map((line) => line.split(' ').at(-1)),
        listed,
        profile,
      )
      t.same(
        list.dropped.map(([value]) => value),
        refused,
        profile,
      )
    }
  },
)

t.test(
  'a URL becomes the entry that means this URL and no more, or is left out with the reason',
  async (t) => {
    const cases: readonly (readonly [
      url: string,
      panos: string | RegExp,
      fortigate: string | RegExp,
      cisco: string | RegExp,
    ])[] = [
      ['http://evil.com', 'evil.com/', 'http://evil.com', 'http://evil.com/'],
      ['http://evil.com:80/', 'evil.com/', 'http://evil.com/', 'http://evil.com/'],
      ['https://evil.com:8443/a', 'evil.com:8443/a', 'https://evil.com:8443/a', 'https://evil.com:8443/a'],
      ['http://evil.com:99999/a', /does not exist/, /does not exist/, /does not exist/],
      ['evil.com/a', 'evil.com/a', 'evil.com/a', 'evil.com/a'],
      ['http://evil.com?x=1', 'evil.com/?x=1', 'http://evil.com/?x=1', 'http://evil.com/?x=1'],
      ['http://evil.com/#/login', /whole host/, /whole host/, /whole host/],
      ['http://evil.com/a#top', 'evil.com/a', 'http://evil.com/a', 'http://evil.com/a'],
      ['http://bank.com@evil.com/a', 'evil.com/a', 'http://evil.com/a', 'http://evil.com/a'],
      ['http://user:pass@evil.com/', /whole host/, /whole host/, /whole host/],
      ['ftp://evil.com/a', /not of the web/, /not of the web/, /not of the web/],
      ['http://10.0.0.1/a', /private/, /private/, /private/],
      ['http://127.1/a', /neither/, /neither/, /neither/],
      ['http://2130706433/a', /neither/, /neither/, /neither/],
      ['http://0x7f.1/a', /neither/, /neither/, /neither/],
      ['http://[2a00::1]:8080/a', /IPv6/, 'http://[2a00::1]:8080/a', /IPv6/],
      ['http://localhost/a', /own network/, /own network/, /own network/],
      ['http://github.io/', /public suffix/, /public suffix/, /public suffix/],
      ['http://github.io/a', 'github.io/a', 'http://github.io/a', 'http://github.io/a'],
      ['http://*.com/a', /top-level/, /top-level/, /top-level/],
      ['http://*.evil.com/a', '*.evil.com/a', 'http://*.evil.com/a', 'http://*.evil.com/a'],
      ['http://evil.com/a*b', /wildcard/, /wildcard/, /wildcard/],
      ['http://evil.com/*', 'evil.com/*', 'http://evil.com/*', /wildcard/],
      ['http://evil.com/*.*', /wildcard/, /wildcard/, /wildcard/],
      ['http://evil.com/a b', 'evil.com/a%20b', 'http://evil.com/a%20b', 'http://evil.com/a%20b'],
      [
        'http://evil.com/ü%20%zz',
        'evil.com/%C3%BC%20%25zz',
        'http://evil.com/%C3%BC%20%25zz',
        'http://evil.com/%C3%BC%20%25zz',
      ],
      ['http://evil.com\\a', /backslash/, /backslash/, /backslash/],
      ['http://evil.com./a', 'evil.com/a', 'http://evil.com/a', 'http://evil.com/a'],
      [
        `http://evil.com/${'a'.repeat(246)}`,
        `evil.com/${'a'.repeat(246)}`,
        `http://evil.com/${'a'.repeat(246)}`,
        `http://evil.com/${'a'.repeat(246)}`,
      ],
      [`http://evil.com/${'a'.repeat(5000)}`, /longer than 255/, /longer than 4000/, /longer than 2048/],
      ['file:///etc/passwd', /without a host/, /without a host/, /without a host/],
    ]
    for (const [url, ...expected] of cases) {
      for (const [index, profile] of ['panos-url', 'fortigate-url', 'cisco-si-url'].entries()) {
        const list = await encoded(`?profile=${profile}&ce=0`, [entry('url', url)])
        const want = expected[index] ?? ''
        if (typeof want === 'string') t.equal(list.text, `${want}\n`, `${profile} of ${url.slice(0, 60)}`)
        else t.match(list.dropped[0]?.[1], want, `${profile} of ${url.slice(0, 60)}`)
        t.equal(list.entries + list.dropped.length, 1)
        t.equal(list.changed.length, list.entries === 1 && list.text !== `${url}\n` ? 1 : 0)
      }
    }
    const cut = await encoded('?profile=panos-url&ut', [entry('url', `http://evil.com/${'%41'.repeat(200)}`)])
    t.match(cut.text, /^.{253,255}\n$/)
    t.notMatch(cut.text, /%.?\n/)
  },
)

/** Hosts, paths and values as a hostile or careless source has them, in canonical form. */
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ maxLength: 20 }),
  fc.constantFrom(
    'a"b',
    "'=1+1",
    '=cmd|x',
    '#x',
    'x\ny',
    'x\r\ny',
    ' x',
    'x ',
    '\u202Eevil',
    'ü',
    '€',
    '*',
    '*.*',
    '^',
    'a,b',
    '%',
    '%2',
    '%zz',
    '\u2028',
    '\t',
    '\0',
    '\ufeff',
    '😀',
    '\\',
    'x'.repeat(5000),
  ),
)
const host = fc.oneof(
  fc.domain(),
  fc.ipV4(),
  fc.ipV6().map((address) => `[${address}]`),
  fc.constantFrom(
    'evil.com',
    'www.evil.co.uk',
    'münchen.example',
    '*.evil.com',
    '*.com',
    'co.uk',
    'localhost',
    'EVIL.com.',
    'e*il.com',
    '127.1',
    '0x7f000001',
    'github.io',
    '*',
  ),
)
const url = fc
  .tuple(
    fc.constantFrom('http://', 'https://', '', 'ftp://', 'HTTP://', 'file://'),
    fc.constantFrom('', '', 'user@', 'u:p@', 'evil.com:80@'),
    host,
    fc.constantFrom('', '', ':80', ':443', ':8080', ':', ':99999'),
    fc.constantFrom('', '/', '/a/b?c=d&e', '?', '#', '/#x', '\\', '/a;b+c=d'),
    fc.option(nasty, { nil: '' }),
  )
  .map((parts) => parts.join(''))
const raw: fc.Arbitrary<readonly [IndicatorType, string]> = fc.oneof(
  url.map((value) => ['url', value] as const),
  host.map((value) => ['domain', value] as const),
  fc.ipV4().map((value) => ['ipv4', value] as const),
  fc.ipV6().map((value) => ['ipv6', value] as const),
  fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 })).map(([a, p]) => ['cidr', `${a}/${p}`] as const),
  fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 })).map(([a, p]) => ['cidr', `${a}/${p}`] as const),
  fc.tuple(
    fc.constantFrom<IndicatorType>(
      'mutex',
      'user-agent',
      'hashtag',
      'registry-key',
      'email-subject',
      'campaign',
      'custom',
      'vulnerability',
      'asn',
      'email',
    ),
    nasty,
  ),
  fc.constantFrom(['file', sha256] as const, ['file', md5] as const),
)
const entries = fc
  .uniqueArray(raw, { maxLength: 40, selector: ([, value]) => value.trim() })
  .map((values) => {
    const found = new Map<string, FeedEntry>()
    for (const [type, text] of values) {
      const canonical = canonicalValue(type, text)
      if (!('value' in canonical) || found.has(canonical.value)) continue
      const hashes = canonical.value === sha256 ? { md5, sha256 } : { md5 }
      found.set(
        canonical.value,
        entry(type, canonical.value, {
          ...(type === 'file' && { hashes }),
          tags: ['a,"b', '=x'],
          description: text,
        }),
      )
    }
    return [...found.values()]
  })

function linesOf(list: Encoded, lineEnd = '\n'): readonly string[] {
  if (list.text === '' || list.text === '# Empty List\n') return []
  if (!list.text.endsWith(lineEnd)) throw new Error('no final line end')
  return list.text.slice(0, -lineEnd.length).split(lineEnd)
}

const publicAddress = (text: string): boolean => {
  const [address = '', prefix] = text.split('/')
  if (isIP(address) === 0) return false
  const length = prefix === undefined ? (isIPv4(address) ? 32 : 128) : Number(prefix)
  return ipaddr.parse(address).range() === 'unicast' && length >= (isIPv4(address) ? 8 : 19)
}
const name = /^(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+$/
/** What RFC 3986 lets into a path or query, and nothing that a parser may stumble at. */
const tail = "(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
const webHost = '(?:(?:\\*\\.)*[a-z0-9_-]+(?:\\.[a-z0-9_-]+)+)'
const wholeToken = (line: string) =>
  line.split(/[./?&=;+:]/).every((token) => token === '*' || !token.includes('*'))

/** Whether a product of that profile takes the line; what it may not mean is looked for as well. */
const readers: Readonly<Record<string, (line: string, list: Encoded) => boolean>> = {
  'panos-ip': publicAddress,
  'fortigate-ip': publicAddress,
  'cisco-si-ip': publicAddress,
  'panos-domain': (line) => name.test(line.replace(/^\*\./, '')) && !line.endsWith('/'),
  'fortigate-domain': (line) => name.test(line.replace(/^\*\./, '')),
  'cisco-si-dns': (line) => name.test(line),
  'panos-url': (line) =>
    line.length <= 255 &&
    new RegExp(`^${webHost}(?::\\d+)?/${tail}$`).test(line) &&
    wholeToken(line) &&
    !/\*[./?&=;+]+\*/.test(line),
  'fortigate-url': (line) =>
    line.length <= 4000 &&
    new RegExp(`^(?:https?://)?(?:${webHost}|\\[[0-9a-f:.]+\\])(?::\\d+)?(?:/${tail})?$`).test(line),
  'cisco-si-url': (line) =>
    new RegExp(`^(?:https?://)?${webHost}(?::\\d+)?/${tail}$`).test(line) &&
    !/\/.*\*/.test(line.replace(/^https?:\/\//, '')),
  'fortigate-hash': (line) => /^(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/.test(line),
  hosts: (line) => line.startsWith('0.0.0.0 ') && name.test(line.slice(8)),
}

t.test(
  'whatever the values are, each line is one that the product takes, each entry is told of once',
  async (t) => {
    await t.resolves(
      fc.assert(
        fc.asyncProperty(entries, async (feed) => {
          for (const [profile, accepts] of Object.entries(readers)) {
            const list = await encoded(`?profile=${profile}`, feed)
            const lines = linesOf(list)
            const bad = lines.find((line) => !accepts(line, list))
            if (bad !== undefined) throw new Error(`${profile} lists ${JSON.stringify(bad)}`)
            if (new Set(lines).size !== lines.length) throw new Error(`${profile} lists a line twice`)
            const fitting = feed.filter(({ type }) => list.format.types?.includes(type))
            const gone = new Set(list.dropped.map(([value]) => value))
            const kept = fitting.filter(({ value }) => !gone.has(value))
            const told = new Map(list.changed.map(([value, to]) => [value, to]))
            for (const { value } of kept) {
              const shown = (told.get(value) ?? value).split(' ')
              if (!shown.every((one) => lines.some((line) => line === one || line.endsWith(` ${one}`)))) {
                throw new Error(`${profile} neither lists nor tells of ${JSON.stringify(value)}`)
              }
            }
          }
        }),
        { numRuns: 250 },
      ),
    )
  },
)

t.test('whatever the values are, the files with a syntax of their own can be read back', async (t) => {
  await t.resolves(
    fc.assert(
      fc.asyncProperty(entries, async (feed) => {
        const mwg = linesOf(await encoded('?profile=mwg', feed))
        if (mwg[0] !== 'type=string') throw new Error('mwg does not begin with the type')
        for (const line of mwg.slice(1)) {
          if (!/^"(?:[^"\\\n\r]|\\["\\])*" "(?:[^"\\\n\r]|\\["\\])*"$/.test(line))
            throw new Error(`mwg: ${line}`)
        }
        const proxysg = linesOf(await encoded('?profile=proxysg', feed))
        if (proxysg[0] !== 'define category bc_category' || proxysg.at(-1) !== 'end')
          throw new Error('proxysg')
        for (const line of proxysg.slice(1, -1)) {
          if (/[\s*]|:\/\//.test(line) || line === 'end') throw new Error(`proxysg: ${line}`)
        }
        const rpz = linesOf(await encoded('?profile=rpz', feed)).slice(3)
        for (const line of rpz) {
          const [owner = '', type, target, ...rest] = line.split(' ')
          const fits = owner.endsWith('.rpz-ip')
            ? publicAddress(rpzRead(owner))
            : name.test(owner.replace(/^\*\./, ''))
          if (!fits || type !== 'CNAME' || target !== '.' || rest.length > 0) throw new Error(`rpz: ${line}`)
        }
        const [, header, ...records] = readCsv((await encoded('?profile=checkpoint-csv', feed)).text, '\r\n')
        if (header?.length !== 7) throw new Error('checkpoint: header')
        for (const [unique, value = '', type = '', ...rest] of records) {
          const fits = checkpointTypes[type]?.test(value) ?? false
          if (!fits || rest.length !== 4 || unique === '') throw new Error(`checkpoint: ${type} ${value}`)
        }
        if (new Set(records.map(([unique]) => unique)).size !== records.length)
          throw new Error('checkpoint: names')
      }),
      { numRuns: 250 },
    ),
  )
})

const checkpointTypes: Readonly<Record<string, RegExp>> = {
  IP: /^\d+\.\d+\.\d+\.\d+$/,
  'IP Range': /^\d+\.\d+\.\d+\.\d+-\d+\.\d+\.\d+\.\d+$/,
  Domain: name,
  URL: /^(?:https?:\/\/)?[a-z0-9._-]+(?::\d+)?(?:\/[\x21-\x7e]*)?$/,
  MD5: /^[0-9a-f]{32}$/,
  SHA256: /^[0-9a-f]{64}$/,
  'Mail-from': /^[^\n]+@[^\n]+$/,
  'Mail-subject': /^[^\n]+$/,
}

/** `24.0.4.1.45.rpz-ip` back to an address or network. */
function rpzRead(owner: string): string {
  const [prefix = '', ...labels] = owner.replace(/\.rpz-ip$/, '').split('.')
  const parts = labels.toReversed()
  const ipv4 = parts.length === 4 && parts.every((part) => /^\d+$/.test(part)) && !parts.includes('zz')
  const address = ipv4 ? parts.join('.') : parts.join(':').replace(/:?zz:?/, '::')
  return `${address}/${prefix}`
}

t.test('addresses in a response policy zone read back as themselves', async (t) => {
  const group = fc.constantFrom(0, 0, 1, 0x2a00, 0xffff)
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const canonical = canonicalValue('ipv6', groups.map((one) => one.toString(16)).join(':'))
      if (!('value' in canonical)) return false
      const back = canonicalValue('ipv6', rpzRead(rpzAddress(canonical.value)).replace('/128', ''))
      return 'value' in back && back.value === canonical.value
    }),
  )
  // The canonical form of BIND, where two runs of zeros are equally long.
  t.equal(rpzAddress('2001:db8::1:0:0:1'), '128.1.0.0.1.zz.db8.2001.rpz-ip')
  t.equal(rpzAddress('2a00::/32'), '32.zz.2a00.rpz-ip')
  t.equal(rpzAddress('192.0.2.0/24'), '24.0.2.0.192.rpz-ip')
  t.equal(serialOf('2026-01-02T03:04:05.999Z'), 1767323045)
})

t.test('each policy of a response policy zone is its own record', async (t) => {
  const records: Readonly<Record<string, string>> = {
    'policy=nxdomain': 'CNAME .',
    'policy=nodata': 'CNAME *.',
    'policy=drop': 'CNAME rpz-drop.',
    'policy=passthru': 'CNAME rpz-passthru.',
    'policy=tcp-only': 'CNAME rpz-tcp-only.',
    'policy=local-data&target=Garden.example.org': 'CNAME garden.example.org.',
  }
  for (const [query, record] of Object.entries(records)) {
    const list = await encoded(`?profile=rpz&subdomains=false&${query}`, [entry('domain', 'evil.com')])
    t.equal(linesOf(list).at(-1), `evil.com ${record}`)
    t.equal(list.entries, 1)
  }
})

t.test(
  'the entries of ProxySG stand in the categories of their tags, the rest in the default one',
  async (t) => {
    const list = await encoded('?profile=proxysg&cd=threats&ca=phishing,c2&n=4', [
      entry('domain', 'a.com', { tags: ['phishing', 'c2', 'x'] }),
      entry('domain', 'b.com', { tags: ['x'] }),
      entry('url', 'http://c.com/x', { tags: ['c2'] }),
      entry('domain', 'd.com'),
    ])
    t.equal(
      list.text,
      'define category threats\nb.com\nend\ndefine category phishing\na.com\nend\ndefine category c2\na.com\nc.com/x\nend\n',
    )
    t.same([list.entries, list.truncated], [4, 1])
  },
)

t.test('what a list can not take, or has already, is told of with the reason', async (t) => {
  const cases: readonly (readonly [
    address: string,
    entries: readonly FeedEntry[],
    told: readonly string[],
  ])[] = [
    [
      '.txt?drop_invalid=1',
      [entry('url', 'http://a.com/x*y'), entry('url', 'http://a.com/*'), entry('url', 'http://a.com:81/')],
      ['a wildcard that the product does not take', 'a URL with a port'],
    ],
    [
      '?profile=proxysg&cd=rest&ca=c2',
      [
        entry('url', 'http://a.com/x*y', { tags: ['c2'] }),
        entry('url', 'http://a.com/x', { tags: ['c2'] }),
        entry('url', 'https://a.com/x', { tags: ['c2'] }),
      ],
      ['a wildcard that the product does not take', 'the same line as another entry'],
    ],
    [
      '.misp.json',
      [entry('mutex', 'é'.repeat(32_768)), entry('mutex', 'é'.repeat(32_767))],
      ['longer than 65535 bytes'],
    ],
  ]
  for (const [address, entries, told] of cases) {
    const list = await encoded(address, entries)
    t.strictSame(
      list.dropped.map(([, reason]) => reason),
      told,
      address,
    )
    t.equal(list.entries, entries.length - told.length, address)
  }
})

t.test('a list is cut at its end and says by how many lines; parts of a list make the whole', async (t) => {
  const feed = Array.from({ length: 2500 }, (_, n) => entry('ipv4', `45.${n >> 8}.${n & 255}.1`))
  for (const profile of feedProfiles.filter(({ types }) => types?.includes('ipv4')).map(({ name }) => name)) {
    const list = await encoded(`?profile=${profile}&n=1000`, feed)
    t.same([list.entries, list.truncated], [1000, 1500], profile)
  }
  const all = await encoded('?profile=panos-ip', feed)
  const parts = await Promise.all(
    [0, 1000, 2000].map((s) => encoded(`?profile=panos-ip&s=${s}&n=1000`, feed)),
  )
  t.equal(parts.map(({ text }) => text).join(''), all.text)
  t.same(
    parts.map(({ truncated }) => truncated),
    [1500, 500, 0],
  )
  const bytes = await encoded('?profile=panos-ip&max_bytes=100', feed)
  t.ok(bytes.text.length <= 100 && bytes.text.length > 80)
  t.equal(bytes.entries + bytes.truncated, 2500)
  const thin = await encoded(
    '.txt?max_bytes=20',
    ['a.com', `${'b'.repeat(30)}.com`, 'c.com'].map((value) => entry('domain', value)),
  )
  t.same([thin.text, thin.truncated], ['a.com\n', 2])
})

t.test('a value that the feed holds under several types is listed once, the second is told', async (t) => {
  const twice = [entry('domain', 'evil.com'), entry('mutex', 'evil.com'), entry('mutex', 'x')]
  for (const address of [
    '.txt',
    '.json',
    '.csv',
    '.ndjson',
    '?profile=xsoar',
    '.txt?profile=xsoar',
    '?profile=excel',
  ]) {
    const list = await encoded(address, twice, { ambiguous: new Set(['evil.com']) })
    t.same([list.entries, list.dropped.map(([value]) => value)], [2, ['evil.com']], address)
  }
})
