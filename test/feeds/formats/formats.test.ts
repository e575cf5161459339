/** The formats without a product behind them, XSOAR's and MISP's: read back by readers of their own rules. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import type { FeedEntry } from '../../../src/feeds/feed-format.ts'
import { guardedCell } from '../../../src/feeds/formats/excel.ts'
import { pieceSize } from '../../../src/feeds/formats/lines.ts'
import {
  mispEventFormat,
  mispEventUuid,
  mispHashesFormat,
  mispManifestFormat,
} from '../../../src/feeds/formats/misp.ts'
import { canonicalValue } from '../../../src/model/canonical.ts'
import { allTypes, type Indicator, type IndicatorType, tlpLevels } from '../../../src/model/indicator.ts'
import { encoded, entry, indicator, readCsv } from './encode.ts'

const sha256 = 'a'.repeat(64)
const sha1 = 'c'.repeat(40)
const md5 = 'b'.repeat(32)

const full: Partial<Indicator> = {
  score: 2,
  confidence: 70,
  rating: 4,
  threatAssess: { score: 830, rating: 4.1, confidence: 50 },
  description: 'Said "no", twice\nand left',
  tlp: 'amber',
  reliability: 'F',
  tags: ['APT29', 'a,b'],
  hashes: { md5, sha256 },
  firstSeen: '2024-01-02T01:07:13Z',
  lastModified: '2024-01-05T04:28:52Z',
  observations: [
    { source: 'tc', owner: 'Blog', remoteId: '1', link: 'https://app.example/1', reportedBy: 'Vir, IT' },
    { source: 'tc', owner: 'Other', remoteId: '2' },
  ],
}

t.test('JSON and JSON lines hold the records as they are stored, in their order', async (t) => {
  const feed = [
    entry('file', sha256, full),
    entry('domain', 'evil.com'),
    entry('mutex', 'Global\\"x"\u2028😀'),
  ]
  const records = feed.map(({ json }) => JSON.parse(json) as unknown)
  const json = await encoded('', feed)
  t.same(JSON.parse(json.text), { data: records })
  t.same([json.format.variant, json.entries], ['json', 3])
  t.same((await encoded('.json', [])).text, '{"data":[]}\n')
  const lines = await encoded('.ndjson', feed)
  // The same JSON; readers break lines at what is escaped.
  t.equal(lines.text, feed.map((one) => `${one.json}\n`.replace('\u2028', '\\u2028')).join(''))
  t.equal((await encoded('?format=ndjson', [])).text, '')
})

t.test('long lists come in pieces of some kilobytes, not a line at a time, and are whole', async (t) => {
  const feed = Array.from({ length: 20_000 }, (_, n) =>
    entry('url', `https://evil.com/${n}`, { confidence: n % 100 }),
  )
  for (const address of [
    '.txt',
    '.csv',
    '.json',
    '.ndjson',
    '?profile=xsoar',
    '.misp.json',
    '?profile=panos-url',
    '?v=json-seq',
  ]) {
    const { pieces, entries, text } = await encoded(address, feed)
    t.equal(entries, feed.length, address)
    t.ok(
      pieces.slice(1, -2).every(({ length }) => length >= pieceSize && length < 2 * pieceSize),
      address,
    )
    t.ok(text.includes('evil.com/0') && text.includes('evil.com/19999'), address)
    if (address.includes('json') && address !== '.ndjson' && !address.includes('seq'))
      t.ok(JSON.parse(text), address)
  }
})

t.test('CSV has these columns, lists joined by semicolons, and nothing where there is nothing', async (t) => {
  const list = await encoded('.csv', [entry('file', sha256, full), entry('domain', 'evil.com')])
  const [header = [], file = [], domain = []] = readCsv(list.text, '\r\n')
  t.same(
    header.join(),
    'value,type,customType,score,confidence,rating,threatAssessScore,threatAssessRating,threatAssessConfidence,active,tlp,reliability,tags,md5,sha1,sha256,description,firstSeen,lastModified,expiresAt,sources,owners,reportedBy,links,id',
  )
  t.same(file, [
    sha256,
    'file',
    '',
    '2',
    '70',
    '4',
    '830',
    '4.1',
    '50',
    'true',
    'amber',
    'F',
    'APT29;a,b',
    md5,
    '',
    sha256,
    'Said "no", twice\nand left',
    '2024-01-02T01:07:13Z',
    '2024-01-05T04:28:52Z',
    '',
    'tc',
    'Blog;Other',
    'Vir, IT',
    'https://app.example/1',
    indicator('file', sha256).id,
  ])
  t.same(domain.slice(0, 5), ['evil.com', 'domain', '', '3', ''])
  t.equal(domain.length, header.length)
})

t.test('the columns of CSV can be chosen and named, and the header left out', async (t) => {
  const feed = [entry('ipv4', '45.1.2.3', { confidence: 5 }), entry('cidr', '2a00::/32')]
  const cases: Readonly<Record<string, string>> = {
    'fields=value,type': 'value,type\r\n45.1.2.3,ipv4\r\n2a00::/32,cidr\r\n',
    'f=indicator|ip&f=confidence&h=0': '45.1.2.3,5\r\n2a00::/32,\r\n',
    'f=indicator|the ip&ubom=1': '\ufeffthe ip\r\n45.1.2.3\r\n2a00::/32\r\n',
    'fields=description&header=false': '""\r\n""\r\n',
    'v=CSV': 'name,type\r\n45.1.2.3,IP\r\n2a00::/32,IPv6CIDR\r\n',
    'v=CSV&fi=value,score&tx': 'value,score\r\n45.1.2.3,3\r\n2a00::/32,3\r\n',
  }
  for (const [query, text] of Object.entries(cases))
    t.equal((await encoded(`.csv?${query}`, feed)).text, text, query)
  t.equal((await encoded('.csv?fields=value,type', feed)).format.needs, 'values')
  t.equal((await encoded('.csv?tx', feed)).format.mediaType, 'text/plain; charset=utf-8')
})

/** Values of every type as a hostile source has them, canonical, each once. */
const piece = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 15 }),
  fc.constantFrom(
    '=1+1',
    '+1',
    '-1',
    '@x',
    '\tx',
    "'",
    '"',
    ',',
    ';',
    '\n',
    '\r',
    '\r\n',
    ' ',
    '#x',
    'é',
    '\u202E',
    '\u2028',
    '\ufeff',
    '😀',
    '＝1',
    '1e5',
    '0012',
    '\\',
    'http://evil.com/a b',
    'http://münchen.example/ü',
    'x'.repeat(5000),
  ),
)
const feeds = fc
  .array(
    fc.tuple(
      fc.constantFrom(...allTypes),
      fc.array(piece, { maxLength: 3 }).map((parts) => parts.join('')),
    ),
    {
      maxLength: 60,
    },
  )
  .map((values) => {
    const found = new Map<string, FeedEntry>()
    for (const [type, text] of [...values, ...sure]) {
      const canonical = canonicalValue(type, text)
      if (!('value' in canonical)) continue
      const { value } = canonical
      if (!found.has(value))
        found.set(value, entry(type, value, { description: text, tags: [text.toWellFormed()] }))
    }
    return [...found.values()]
  })
const sure: readonly (readonly [IndicatorType, string])[] = [
  ['ipv4', '45.1.2.3'],
  ['domain', 'evil.com'],
  ['file', sha256],
]

t.test(
  'no cell of the profile excel is a formula or loses digits, and the value can be got back',
  async (t) => {
    const property = fc.asyncProperty(feeds, async (feed) => {
      const { text, changed } = await encoded('?profile=excel', feed)
      if (!text.startsWith('\ufeffvalue,')) return false
      const [, ...records] = readCsv(text.slice(1), '\r\n')
      const told = new Set(changed.map(([value]) => value))
      return records.every(
        (record, index) =>
          record.every((cell) => !/^[=+\-@＝＋－＠\t\r\n]/.test(cell) && cell.length <= 32_767) &&
          (record[0] === feed[index]?.value ||
            (record[0] === `'${feed[index]?.value}` && told.has(feed[index]?.value ?? ''))),
      )
    })
    await t.resolves(fc.assert(property, { numRuns: 300 }))
    const cases: Readonly<Record<string, string>> = {
      '12345678901234567890123456789012': "'12345678901234567890123456789012",
      '12345e78901234567890123456789012': "'12345e78901234567890123456789012",
      '192.168.100.200': "'192.168.100.200",
      '45.1.2.3': '45.1.2.3',
      '70': '70',
      '\ufeff=1': "'\ufeff=1",
      '|calc': "'|calc",
      'a=b': 'a=b',
    }
    for (const [text, cell] of Object.entries(cases)) t.equal(guardedCell(text), cell)
    t.equal(guardedCell('x'.repeat(40_000)).length, 32_767)
  },
)

/** As XSOAR's CSV feed reads: latin-1, split at LF, each line by itself. */
function readAsXsoarCsv(text: string): readonly (readonly string[])[] {
  const lines = Buffer.from(text, 'utf8').toString('latin1').split('\n')
  return lines
    .filter((line) => line !== '' && !/^value,/.test(line))
    .flatMap((line) => readCsv(`${line}\n`, '\n'))
}

t.test(
  'XSOAR reads from all three forms of its profile the same values, each once, or they were told',
  async (t) => {
    const property = fc.asyncProperty(feeds, async (feed) => {
      const json = await encoded('.json?profile=xsoar', feed)
      const csv = await encoded('.csv?profile=xsoar', feed)
      const txt = await encoded('.txt?profile=xsoar', feed)
      for (const { text } of [json, csv, txt]) if (/[^\n -~]/.test(text)) throw new Error('not ASCII')
      const items = (JSON.parse(json.text) as { data: { value: string; service: unknown }[] }).data
      const expected = feed.map(({ type, value }) => (type === 'url' ? asciiUrl(value) : value))
      const unique = [...new Set(expected)]
      if (JSON.stringify(items.map(({ value }) => value)) !== JSON.stringify(unique)) throw new Error('json')
      if (!items.every((item) => typeof item.service === 'string' && isFlat(item)))
        throw new Error('not flat')
      const rows = readAsXsoarCsv(csv.text).map(([value]) => value)
      const words = txt.text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => line.split(/\s/)[0])
      for (const [list, values] of [
        [csv, rows],
        [txt, words],
      ] as const) {
        const gone = new Set(list.dropped.map(([value]) => value))
        const kept = feed
          .filter(({ value }) => !gone.has(value))
          .map(({ type, value }) => (type === 'url' ? asciiUrl(value) : value))
        if (JSON.stringify(values) !== JSON.stringify(kept))
          throw new Error(`csv or text: ${JSON.stringify(values)} ${JSON.stringify(kept)}`)
      }
    })
    await t.resolves(fc.assert(property, { numRuns: 300 }))
  },
)

/** Percent escapes of everything that a URL can't hold, by the bytes: another way than the program's. */
function asciiUrl(url: string): string {
  const allowed = /[!#$&'()*+,\-./0-9:;=?@A-Z[\]_a-z~]/
  const bytes = [...Buffer.from(url, 'utf8')]
  return bytes
    .map((byte, index) => {
      const sign = String.fromCharCode(byte)
      const escaped =
        sign === '%' && /^[0-9a-f]{2}$/i.test(String.fromCharCode(...bytes.slice(index + 1, index + 3)))
      const plain = byte < 0x80 && (allowed.test(sign) || escaped)
      return plain ? sign : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
    })
    .join('')
}

function isFlat(item: object): boolean {
  return Object.values(item).every((member) => typeof member !== 'object' || Array.isArray(member))
}

t.test("XSOAR's flat items are these", async (t) => {
  const list = await encoded('?profile=xsoar', [entry('file', sha256, full), entry('cidr', '45.0.0.0/24')])
  t.same(JSON.parse(list.text), {
    data: [
      {
        value: sha256,
        type: 'File',
        score: 2,
        service: 'tc',
        confidence: 70,
        rating: 4,
        threatAssessScore: 830,
        threatAssessRating: 4.1,
        threatAssessConfidence: 50,
        active: true,
        description: 'Said "no", twice\nand left',
        tlp: 'amber',
        reliability: 'F',
        tags: ['APT29', 'a,b'],
        md5,
        sha256,
        firstSeen: '2024-01-02T01:07:13Z',
        lastModified: '2024-01-05T04:28:52Z',
        reportedBy: 'Vir, IT',
        link: 'https://app.example/1',
        id: indicator('file', sha256).id,
      },
      {
        value: '45.0.0.0/24',
        type: 'CIDR',
        score: 3,
        service: 'tc',
        active: true,
        id: indicator('cidr', '45.0.0.0/24').id,
      },
    ],
  })
})

t.test('other products’ JSON is written as they write it', async (t) => {
  const feed = [
    entry('ipv4', '45.1.2.3', { ...full, hashes: {} }),
    entry('file', sha256),
    entry('custom', 'x', { customType: 'Wallet' }),
  ]
  t.same(JSON.parse((await encoded('?v=JSON', feed)).text), [
    { value: '45.1.2.3', indicator_type: 'IP' },
    { value: sha256, indicator_type: 'File' },
    { value: 'x', indicator_type: 'Wallet' },
  ])
  t.same(JSON.parse((await encoded('?v=JSON&fi=name,score,tlp', feed)).text)[1], {
    name: sha256,
    score: 3,
    tlp: null,
  })
  const [first, second] = JSON.parse((await encoded('?v=json', feed)).text)
  t.same(first, {
    indicator: '45.1.2.3',
    value: {
      type: 'IPv4',
      sources: ['tc'],
      confidence: 70,
      share_level: 'amber',
      first_seen: 1704157633000,
      last_seen: 1704428932000,
    },
  })
  t.equal(second.value.type, 'sha256')
  for (const v of ['json-seq', 'XSOAR json-seq']) {
    const { text } = await encoded(`?v=${v}`, feed)
    const records = text.split('\u001e').slice(1)
    t.equal(records.length, 3)
    for (const record of records) t.ok(record.endsWith('}\n') && JSON.parse(record))
  }
})

interface MispAttribute {
  readonly uuid: string
  readonly type: string
  readonly category: string
  readonly value: string
  readonly to_ids: boolean
  readonly comment: string
  readonly Tag: readonly { readonly name: string }[]
}
interface MispEvent {
  readonly Event: {
    readonly uuid: string
    readonly timestamp: string
    readonly Orgc: unknown
    readonly Attribute: readonly MispAttribute[]
    readonly Tag: readonly unknown[]
  } & Readonly<Record<string, unknown>>
}

/** MISP's checks of the types that we write (AttributeValidationTool), and the categories that it lets them into. */
const mispChecks: Readonly<Record<string, readonly [category: string, valid: RegExp]>> = {
  'ip-dst': ['Network activity', /^[0-9a-f.:]+(?:\/\d+)?$/],
  domain: ['Network activity', /^[A-Z0-9.\-_]+\.[A-Z0-9-]{2,}$/i],
  url: ['Network activity', /^[^\n]+$/],
  'email-src': ['Payload delivery', /^.[^\s]*@.*\..*$/i],
  md5: ['Payload delivery', /^[0-9a-f]{32}$/],
  sha1: ['Payload delivery', /^[0-9a-f]{40}$/],
  sha256: ['Payload delivery', /^[0-9a-f]{64}$/],
  AS: ['Network activity', /^\d+$/],
  mutex: ['Artifacts dropped', /^[\s\S]+$/],
  regkey: ['Persistence mechanism', /^[^\n]+$/],
  'user-agent': ['Network activity', /^[^\n]+$/],
  'email-subject': ['Payload delivery', /^[^\n]+$/],
  vulnerability: ['External analysis', /^CVE-[0-9]{4}-[0-9]{4,}$/],
  'campaign-name': ['Attribution', /^[^\n]+$/],
  'threat-actor': ['Attribution', /^[^\n]+$/],
  text: ['Other', /^[\s\S]+$/],
}
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

t.test(
  'MISP takes every attribute, the three files say the same, nothing is left out for its type',
  async (t) => {
    const about = { name: 'all', publicUrl: 'https://feeds.example.org' }
    const property = fc.asyncProperty(feeds, async (feed) => {
      const list = await encoded(mispEventFormat, feed, about)
      const { Event: event } = JSON.parse(list.text) as MispEvent
      const { Attribute: attributes } = event
      for (const { type, category, value } of attributes) {
        const [place, valid] = mispChecks[type] ?? []
        if (place !== category || valid?.test(value) !== true) throw new Error(`${type} ${category} ${value}`)
      }
      if (attributes.length !== list.entries || !attributes.every((one) => uuid.test(one.uuid)))
        throw new Error('count')
      if (new Set(attributes.map((one) => one.uuid)).size !== attributes.length) throw new Error('uuid twice')
      if (new Set(attributes.map((one) => `${one.type} ${one.value}`)).size !== attributes.length)
        throw new Error('value twice')
      if (attributes.length + list.dropped.length < feed.length) throw new Error('an entry is gone')
      const hashes = await encoded(mispHashesFormat, feed, about)
      const expected = attributes.map(
        ({ value }) => `${createHash('md5').update(value).digest('hex')},${event.uuid}\n`,
      )
      if (hashes.text !== expected.join('') || hashes.entries !== attributes.length)
        throw new Error('hashes.csv')
      const manifest = JSON.parse((await encoded(mispManifestFormat, feed, about)).text) as Record<
        string,
        object
      >
      const { info, date, analysis, threat_level_id, timestamp, Orgc, Tag } = event
      const facts = { info, date, analysis, threat_level_id, timestamp, Orgc, Tag }
      if (JSON.stringify(manifest) !== JSON.stringify({ [event.uuid]: facts })) throw new Error('manifest')
    })
    await t.resolves(fc.assert(property, { numRuns: 200 }))
  },
)

t.test('an event in MISP is this, the strictest label is its own', async (t) => {
  const feed = [
    entry('file', sha256, {
      hashes: { md5, sha1, sha256 },
      tlp: 'green',
      tags: ['APT29', 'TLP:GREEN'],
      lastModified: '2024-01-05T04:28:52Z',
    }),
    entry('file', md5, { hashes: { md5 }, tlp: 'amber' }),
    entry('cidr', '45.1.2.3/32', { score: 1 }),
    entry('asn', 'AS64496', { description: 'says "tlp":"red"' }),
    entry('registry-key', 'HKEY_USERS\\x : Run : REG_SZ'),
    entry('domain', '*.bad.com'),
    entry('intrusion-set', 'Fancy'),
    entry('vulnerability', 'CVE-2024-12345'),
    entry('custom', 'x', { customType: 'Wallet' }),
  ]
  const about = { name: 'block' }
  const { Event: event } = JSON.parse((await encoded(mispEventFormat, feed, about)).text) as MispEvent
  t.equal(event.uuid, mispEventUuid(about))
  t.match(event, {
    info: 'Feed block',
    date: '2026-01-02',
    timestamp: '1767323045',
    publish_timestamp: '1767323045',
    published: true,
    distribution: '0',
    analysis: '2',
    threat_level_id: '4',
    Tag: [{ name: 'tlp:amber', colour: '#ffc000' }],
  })
  t.same(
    event.Attribute.map(({ type, value, to_ids: ids, comment }) => [type, value, ids, comment]),
    [
      ['md5', md5, true, ''],
      ['sha1', sha1, true, ''],
      ['sha256', sha256, true, ''],
      ['ip-dst', '45.1.2.3', false, ''],
      ['AS', '64496', false, 'says "tlp":"red"'],
      ['regkey', 'HKEY_USERS\\x\\Run', true, ''],
      ['text', '*.bad.com', false, 'domain'],
      ['threat-actor', 'Fancy', false, 'intrusion-set'],
      ['vulnerability', 'CVE-2024-12345', false, ''],
      ['text', 'x', false, 'Wallet'],
    ],
  )
  t.same(event.Attribute[0], {
    uuid: event.Attribute[0]?.uuid,
    type: 'md5',
    category: 'Payload delivery',
    value: md5,
    to_ids: true,
    timestamp: '1704428932',
    comment: '',
    distribution: '5',
    disable_correlation: false,
    deleted: false,
    Tag: [{ name: 'tlp:green', colour: '#339900', exportable: true }, { name: 'APT29' }],
  })
  t.not(mispEventUuid({ name: 'block', publicUrl: 'https://other.example' }), mispEventUuid(about))
  for (const tlp of tlpLevels) {
    const manifest = (await encoded(mispManifestFormat, [entry('domain', 'a.com', { tlp })], about)).text
    t.match(manifest, `"tlp:${tlp}"`)
  }
})
