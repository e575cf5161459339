import fc from 'fast-check'
import t from 'tap'
import type { FeedAbout, FeedEntry } from '../../../src/feeds/feed-format.ts'
import { stixFormat } from '../../../src/feeds/stix/bundle.ts'
import { stixJson } from '../../../src/feeds/stix/object-text.ts'
import { renderForCollections, renderStix } from '../../../src/feeds/stix/objects.ts'
import { stixPattern } from '../../../src/feeds/stix/pattern.ts'
import { canonicalValue } from '../../../src/model/canonical.ts'
import { indicatorId } from '../../../src/model/identity.ts'
import {
  allTypes,
  groupTypes,
  type Indicator,
  type IndicatorType,
  type Score,
  tlpLevels,
} from '../../../src/model/indicator.ts'
import { parsePattern } from './pattern-parser.ts'
import { bundleFaults, stixFaults } from './stix-schemas.ts'

const sha256 = 'a'.repeat(64)
const sha1 = 'b'.repeat(40)
const md5 = 'c'.repeat(32)

function indicatorOf(type: IndicatorType, value: string, more: Partial<Indicator> = {}): Indicator {
  return {
    id: indicatorId(type, value, more.customType),
    type,
    value,
    score: 3,
    active: true,
    tags: [],
    expiresAt: null,
    observations: [{ source: 'tc', owner: 'Technical Blogs', remoteId: '7', link: 'https://tc.example/7' }],
    relationships: [],
    ...more,
  }
}

interface Stix {
  readonly type: string
  readonly id: string
  readonly [member: string]: unknown
}

const created = '2024-03-01T10:00:00.123456Z'

function objectsOf(indicator: Indicator, modified = '2024-04-01T00:00:00Z'): Stix[] {
  const { objects, referred } = renderStix(indicator, { created })
  return [...referred, ...objects].map((object) => JSON.parse(stixJson(object, modified)) as Stix)
}

function firstOf(indicator: Indicator): Stix {
  const [first] = objectsOf(indicator).filter(({ type }) => type === 'indicator' || type === indicator.type)
  if (first === undefined) throw new Error('no object')
  return first
}

const patterns: readonly (readonly [what: string, type: IndicatorType, value: string, pattern: string])[] = [
  ['an IPv4 address', 'ipv4', '198.51.100.7', "[ipv4-addr:value = '198.51.100.7']"],
  ['an IPv6 address', 'ipv6', '2001:db8::1', "[ipv6-addr:value = '2001:db8::1']"],
  [
    'a network of IPv4 is a subset, not an address',
    'cidr',
    '198.51.100.0/24',
    "[ipv4-addr:value ISSUBSET '198.51.100.0/24']",
  ],
  ['a network of IPv6', 'cidr', '2001:db8::/32', "[ipv6-addr:value ISSUBSET '2001:db8::/32']"],
  ['a domain', 'domain', 'evil.example', "[domain-name:value = 'evil.example']"],
  ['a URL', 'url', 'http://evil.example/a?b=c', "[url:value = 'http://evil.example/a?b=c']"],
  [
    'blanks of a URL are encoded',
    'url',
    'http://evil.example/a b\tc',
    "[url:value = 'http://evil.example/a%20b%09c']",
  ],
  [
    'a URL beyond ASCII is one of RFC 3986',
    'url',
    'http://evil.example/ü',
    "[url:value = 'http://evil.example/%C3%BC']",
  ],
  ['an e-mail address', 'email', "o'hara@evil.example", "[email-addr:value = 'o\\'hara@evil.example']"],
  ['an MD5', 'file', md5, `[file:hashes.MD5 = '${md5}']`],
  ['a SHA-1', 'file', sha1, `[file:hashes.'SHA-1' = '${sha1}']`],
  ['a SHA-256', 'file', sha256, `[file:hashes.'SHA-256' = '${sha256}']`],
  ['an AS number has no quotation marks', 'asn', 'AS64496', '[autonomous-system:number = 64496]'],
  [
    'only a backslash and a quotation mark are escaped',
    'mutex',
    `Global\\it's "x"\n`,
    `[mutex:name = 'Global\\\\it\\'s "x"\n']`,
  ],
  [
    'a registry key has its full hive',
    'registry-key',
    'HKEY_LOCAL_MACHINE\\Software\\Evil',
    "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\Evil']",
  ],
  [
    'a value in a registry key is told by its name, not by its type',
    'registry-key',
    "HKEY_LOCAL_MACHINE\\Software\\Evil : it's : one : REG_SZ",
    "[windows-registry-key:key = 'HKEY_LOCAL_MACHINE\\\\Software\\\\Evil' AND windows-registry-key:values[*].name = 'it\\'s : one']",
  ],
  [
    'a registry value without a name is the key alone',
    'registry-key',
    'HKEY_USERS\\S-1-5\\Software :   : REG_NONE',
    "[windows-registry-key:key = 'HKEY_USERS\\\\S-1-5\\\\Software']",
  ],
  [
    'a user agent',
    'user-agent',
    'Evil/1.0 (x)',
    "[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = 'Evil/1.0 (x)']",
  ],
  ['an e-mail subject', 'email-subject', 'Invoice', "[email-message:subject = 'Invoice']"],
]

t.test('each type has its pattern', async (t) => {
  for (const [what, type, value, pattern] of patterns) t.equal(stixPattern(type, value), pattern, what)
})

t.test('what has no form in STIX is left out with its reason', async (t) => {
  const cases: readonly (readonly [Indicator, string])[] = [
    [indicatorOf('hashtag', '#evil'), 'STIX has no pattern for this type'],
    [indicatorOf('custom', 'x', { customType: 'Wallet' }), 'STIX has no pattern for this type'],
    [indicatorOf('report', 'Q1'), 'a report needs related objects to refer to'],
    [indicatorOf('tactic', 'Impact'), 'STIX has no pattern for this type'],
    [indicatorOf('mutex', 'half \ud800'), 'its text is not valid Unicode'],
  ]
  for (const [indicator, reason] of cases) {
    t.strictSame(
      renderStix(indicator, { created }),
      { objects: [], referred: [], leftOut: reason },
      indicator.type,
    )
  }
})

t.test('an indicator has every member that STIX and its consumers want', async (t) => {
  const object = firstOf(
    indicatorOf('domain', 'evil.example', {
      confidence: 69.6,
      tlp: 'amber',
      tags: ['APT29', 'APT29', ''],
      description: 'Bad',
      firstSeen: '2024-01-02T01:07:13Z',
      expiresAt: '2024-06-01T00:00:00Z',
    }),
  )
  t.strictSame(object, {
    type: 'indicator',
    spec_version: '2.1',
    id: indicatorId('domain', 'evil.example'),
    created_by_ref: object.created_by_ref,
    created: '2024-03-01T10:00:00.123Z',
    modified: '2024-04-01T00:00:00.000Z',
    name: 'evil.example',
    description: 'Bad',
    indicator_types: ['malicious-activity'],
    pattern: "[domain-name:value = 'evil.example']",
    pattern_type: 'stix',
    pattern_version: '2.1',
    valid_from: '2024-01-02T01:07:13.000Z',
    valid_until: '2024-06-01T00:00:00.000Z',
    labels: ['APT29'],
    confidence: 70,
    external_references: [{ source_name: 'Technical Blogs', url: 'https://tc.example/7', external_id: '7' }],
    object_marking_refs: ['marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421'],
  })
})

t.test('members of an indicator follow its facts', async (t) => {
  const base = (more: Partial<Indicator>) => firstOf(indicatorOf('domain', 'evil.example', more))
  const scores: readonly (readonly [Score, string])[] = [
    [0, 'unknown'],
    [1, 'benign'],
    [2, 'anomalous-activity'],
    [3, 'malicious-activity'],
  ]
  for (const [score, word] of scores) t.strictSame(base({ score }).indicator_types, [word], `score ${score}`)
  t.equal(base({}).valid_from, '2024-03-01T10:00:00.123Z', 'without firstSeen: since it is stored')
  t.equal(
    'valid_until' in base({ firstSeen: '2024-06-01T00:00:00Z', expiresAt: '2024-06-01T00:00:00Z' }),
    false,
  )
  t.equal('valid_until' in base({ expiresAt: '2020-01-01T00:00:00Z' }), false, 'never before valid_from')
  for (const member of ['labels', 'confidence', 'description', 'object_marking_refs']) {
    t.equal(member in base({}), false, `absent is absent: ${member}`)
  }
  const references = (observation: object) =>
    base({ observations: [{ source: 'tc', remoteId: '1', ...observation }] }).external_references
  t.strictSame(references({}), [{ source_name: 'tc', external_id: '1' }])
  t.strictSame(references({ link: 'javascript:alert(1)' }), [{ source_name: 'tc', external_id: '1' }])
  t.strictSame(
    references({ owner: 'cve' }),
    [{ source_name: 'source tc', external_id: '1' }],
    'a reserved name',
  )
  t.strictSame(
    ['cve feed', 'my capec', 'CVE feed'].map(
      (owner) => (references({ owner }) as { source_name: string }[])[0]?.source_name,
    ),
    ['owner "cve feed"', 'owner "my capec"', 'CVE feed'],
    'names that the published schemas take for reserved ones',
  )
  const twice = { source: 'tc', owner: 'A', remoteId: '1' }
  t.equal((base({ observations: [twice, twice] }).external_references as object[]).length, 1)
})

t.test('the object names its owner, or its source where there is none, as identity', async (t) => {
  const identityOf = (observation: object) => {
    const objects = objectsOf(
      indicatorOf('domain', 'a.example', { observations: [{ source: 'tc', remoteId: '1', ...observation }] }),
    )
    const identity = objects.find(({ type }) => type === 'identity')
    t.equal(objects.at(-1)?.created_by_ref, identity?.id)
    return { id: identity?.id, name: identity?.name, identity_class: identity?.identity_class }
  }
  const owner = identityOf({ owner: 'Blogs' })
  t.match(owner, { name: 'Blogs', identity_class: 'organization' })
  t.match(identityOf({}), { name: 'tc', identity_class: 'system' })
  t.strictSame(identityOf({ owner: 'Blogs', remoteId: '2' }), owner, 'the same for the same owner')
  t.not(identityOf({ owner: 'Blogs', source: 'other' }).id, owner.id, 'another one at another source')
})

t.test('a file has one object for each of its hashes, under ids that stay', async (t) => {
  const file = indicatorOf('file', sha256, { hashes: { md5, sha1, sha256 } })
  const objects = objectsOf(file).filter(({ type }) => type === 'indicator')
  t.strictSame(
    objects.map(({ pattern }) => pattern),
    [
      `[file:hashes.'SHA-256' = '${sha256}']`,
      `[file:hashes.'SHA-1' = '${sha1}']`,
      `[file:hashes.MD5 = '${md5}']`,
    ],
  )
  t.equal(objects[0]?.id, file.id, 'the best hash under the id of the indicator')
  t.strictSame(
    objects.map(({ name }) => name),
    [sha256, sha1, md5],
  )
  const ids = objects.map(({ id }) => id)
  t.equal(
    new Set([...ids, indicatorId('file', md5), indicatorId('file', sha1)]).size,
    5,
    'under no id of another',
  )
  t.strictSame(
    objectsOf(file)
      .filter(({ type }) => type === 'indicator')
      .map(({ id }) => id),
    ids,
  )
})

t.test('ids never change: consumers know by them what they have', async (t) => {
  const file = indicatorOf('file', sha256, { hashes: { md5 } })
  t.strictSame(
    objectsOf(file).map(({ id }) => id),
    [
      'identity--cc39660b-9d9b-5ff2-960b-6ba9371e68ca',
      'indicator--4962127d-17b3-5ccd-b406-0d861a9eab3d',
      'indicator--a3064f57-e396-5f66-82a9-f4be49874583',
    ],
  )
})

t.test('groups are the domain objects of their name, with what these need', async (t) => {
  const known = [
    'attack-pattern',
    'campaign',
    'course-of-action',
    'intrusion-set',
    'malware',
    'tool',
    'vulnerability',
    'threat-actor',
    'incident',
  ]
  for (const type of groupTypes) {
    const { objects } = renderStix(indicatorOf(type, 'Some name'), { created })
    t.strictSame(
      objects.map((object) => object.type),
      known.includes(type) ? [type] : [],
      type,
    )
  }
  t.equal(firstOf(indicatorOf('malware', 'Emotet')).is_family, true)
  t.match(firstOf(indicatorOf('vulnerability', 'CVE-2024-12345')).external_references, [
    { source_name: 'cve', external_id: 'CVE-2024-12345' },
  ])
  t.match(firstOf(indicatorOf('attack-pattern', 'T1059.001 - PowerShell')).external_references, [
    { source_name: 'mitre-attack', external_id: 'T1059.001' },
  ])
  const report = firstOf(
    indicatorOf('report', 'Q1', {
      relationships: [
        { name: 'related-to', type: 'campaign', value: 'Cobalt' },
        { name: 'related-to', type: 'domain', value: 'evil.example' },
        { name: 'related-to', type: 'hashtag', value: '#x' },
        { name: 'uses', type: 'domain', value: 'evil.example' },
      ],
    }),
  )
  t.strictSame(report.object_refs, [
    firstOf(indicatorOf('campaign', 'Cobalt')).id,
    indicatorId('domain', 'evil.example'),
  ])
})

const anyText = fc.string({
  unit: fc.constantFrom(...`aZ9 '"\\/.:<>&\n€ü😀\u0000\u007f\u2028`),
  maxLength: 12,
})
const someTime = fc.constantFrom('2019-05-05T05:05:05Z', '2024-01-02T01:07:13.5Z', '2024-01-02T01:07:13.123Z')
const anyIndicator: fc.Arbitrary<Indicator> = fc
  .record({
    type: fc.constantFrom(...allTypes),
    value: fc.oneof(anyText, fc.constantFrom(sha256, sha1, md5, 'AS64496', 'evil.example', '198.51.100.7')),
    more: fc.record(
      {
        score: fc.constantFrom<Score[]>(0, 1, 2, 3),
        confidence: fc.double({ min: 0, max: 100, noNaN: true }),
        description: anyText,
        tlp: fc.constantFrom(...tlpLevels),
        tags: fc.array(anyText, { maxLength: 3 }),
        hashes: fc.record(
          { md5: fc.constant(md5), sha1: fc.constant(sha1), sha256: fc.constant(sha256) },
          { requiredKeys: [] },
        ),
        firstSeen: someTime,
        lastModified: someTime,
        expiresAt: fc.option(someTime),
        observations: fc.array(
          fc.record(
            {
              source: fc.constantFrom('tc', 'two'),
              owner: anyText,
              remoteId: fc.constantFrom('1', '2'),
              link: fc.oneof(anyText, fc.constant('https://tc.example/a b')),
            },
            { requiredKeys: ['source', 'remoteId'] },
          ),
          { maxLength: 3 },
        ),
        relationships: fc.array(
          fc.record({
            name: fc.constant('related-to'),
            type: fc.constantFrom(...allTypes),
            value: fc.constantFrom('x', sha256),
          }),
          { maxLength: 2 },
        ),
      },
      { requiredKeys: [] },
    ),
  })
  .filter(({ type, value }) => value !== '' && !('reason' in canonicalValue(type, value) && type === 'file'))
  .map(({ type, value, more }) =>
    indicatorOf(type, value, {
      ...(type === 'custom' && { customType: 'Wallet' }),
      ...Object.fromEntries(Object.entries(more).filter(([, member]) => member !== undefined)),
    }),
  )

t.test(
  'whatever the indicator, its objects are those of STIX 2.1, ASCII, and the same each time',
  async (t) => {
    let made = 0
    fc.assert(
      fc.property(anyIndicator, (indicator) => {
        const { objects, referred } = renderForCollections(indicator, { created: '2018-01-01T00:00:00Z' })
        const texts = [...referred, ...objects].map((object) => stixJson(object, '2024-04-01T00:00:00Z'))
        made += objects.length
        for (const text of texts) {
          if (/[^\x20-\x7e]/.test(text)) throw new Error(`not ASCII: ${text}`)
          const object = JSON.parse(text) as Stix
          const faults = stixFaults(object)
          if (faults.length > 0) throw new Error(faults.join('\n'))
          if (typeof object.pattern === 'string') parsePattern(object.pattern)
        }
        const again = renderForCollections(indicator, { created: '2018-01-01T00:00:00Z' })
        return JSON.stringify(again.objects) === JSON.stringify(objects)
      }),
      { numRuns: 4000 },
    )
    t.ok(made > 1000)
  },
)

async function bundleOf(indicators: readonly Indicator[], options = {}, about: Partial<FeedAbout> = {}) {
  const dropped: string[] = []
  const pages = async function* (): AsyncGenerator<FeedEntry[]> {
    for (let start = 0; start < indicators.length; start += 2) {
      yield indicators.slice(start, start + 2).map((indicator) => ({
        type: indicator.type,
        value: indicator.value,
        json: JSON.stringify(indicator),
      }))
    }
  }
  const encoded = stixFormat(options).encode(
    pages(),
    { name: 'all', changedAt: '2024-01-01T00:00:00Z', ambiguous: new Set(), ...about },
    { dropped: (value, reason) => dropped.push(`${value}: ${reason}`), changed() {}, truncated() {} },
  )
  let text = ''
  let result = await encoded.next()
  for (; !result.done; result = await encoded.next()) text += result.value
  const bundle = JSON.parse(text) as { id: string; objects?: Stix[] }
  return { bundle, entries: result.value, dropped, text }
}

t.test(
  'a bundle holds each object once, what they refer to first, and counts what it leaves out',
  async (t) => {
    const indicators = [
      indicatorOf('hashtag', '#x'),
      indicatorOf('custom', 'y', { customType: 'Z' }),
      indicatorOf('domain', 'a.example', { tlp: 'green' }),
      indicatorOf('file', sha256, { hashes: { md5, sha256 }, tlp: 'green' }),
      indicatorOf('ipv4', '198.51.100.7', { tlp: 'red' }),
    ]
    const { bundle, entries, dropped } = await bundleOf(indicators)
    t.strictSame(bundleFaults(bundle), [])
    t.strictSame(
      bundle.objects?.map(({ type }) => type),
      [
        'marking-definition',
        'identity',
        'indicator',
        'indicator',
        'indicator',
        'marking-definition',
        'indicator',
      ],
    )
    t.equal(entries, 3, 'entries of the feed, not objects')
    t.strictSame(dropped, ['#x: STIX has no pattern for this type', 'y: STIX has no pattern for this type'])
    t.equal((await bundleOf(indicators)).text, (await bundleOf(indicators)).text, 'the same bytes each time')
    t.not((await bundleOf(indicators, {}, { changedAt: '2025-01-01T00:00:00Z' })).bundle.id, bundle.id)
  },
)

t.test('an empty bundle has no empty list', async (t) => {
  for (const indicators of [[], [indicatorOf('hashtag', '#x')]]) {
    const { bundle, entries } = await bundleOf(indicators)
    t.strictSame(Object.keys(bundle), ['type', 'id'])
    t.strictSame(bundleFaults(bundle), [])
    t.equal(entries, 0)
  }
})

t.test('with tlp=1 the markings are those of TLP 1, and none lets more people have it', async (t) => {
  const levels = tlpLevels.map((tlp) => indicatorOf('domain', `${tlp.replace('+', '-')}.example`, { tlp }))
  const { bundle } = await bundleOf(levels, { tlp: 1 })
  t.strictSame(bundleFaults(bundle), [])
  const names = new Map(bundle.objects?.map(({ id, name }) => [id, name]))
  t.strictSame(
    bundle.objects?.flatMap(({ object_marking_refs: refs = [] }) =>
      (refs as string[]).map((id) => names.get(id)),
    ),
    ['TLP:WHITE', 'TLP:GREEN', 'TLP:AMBER', 'TLP:RED', 'TLP:RED'],
  )
  t.not(stixFormat({ tlp: 1 }).variant, stixFormat().variant)
})
