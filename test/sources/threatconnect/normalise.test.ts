import t from 'tap'
import type { Observation } from '../../../src/model/indicator.ts'
import type { RecordOptions } from '../../../src/sources/source.ts'
import { normalise } from '../../../src/sources/threatconnect/normalise.ts'
import { parseJson } from '../../../src/upstream/json.ts'

const source: RecordOptions = { name: 'tc', reliability: 'F', feedTags: [] }

const url = {
  id: 98590287,
  dateAdded: '2022-09-27T17:20:19Z',
  ownerName: 'Technical Blogs and Reports',
  webLink: 'https://app.example/98590287',
  type: 'URL',
  lastModified: '2022-09-28T17:20:19Z',
  rating: 3,
  confidence: 70,
  source: 'VirIT',
  description: 'This indicator appears in a post from VirIT.',
  summary: 'HTTP://Bad.Example/Path',
  active: true,
  text: 'HTTP://Bad.Example/Path',
}

function observed(
  record: object,
  options: Partial<RecordOptions> = {},
  kind: 'indicator' | 'group' = 'indicator',
): Observation {
  const result = normalise(record, kind, { ...source, ...options }, 0)
  if ('unreadable' in result) throw new Error(result.unreadable.reason)
  return result.observation
}

t.test('a whole record becomes one observation, and stays untouched in raw', async (t) => {
  const before = structuredClone(url)
  t.strictSame(observed(url), {
    type: 'url',
    value: 'http://bad.example/Path',
    score: 0,
    confidence: 70,
    rating: 3,
    active: true,
    description: 'This indicator appears in a post from VirIT.',
    reliability: 'F',
    tags: [],
    firstSeen: '2022-09-27T17:20:19Z',
    lastModified: '2022-09-28T17:20:19Z',
    relationships: [],
    provenance: {
      source: 'tc',
      owner: 'Technical Blogs and Reports',
      remoteId: '98590287',
      link: 'https://app.example/98590287',
      reportedBy: 'VirIT',
    },
    raw: before,
  })
})

t.test('every type of ThreatConnect has its place in the model, unknown ones too', async (t) => {
  const table: [string, object, object][] = [
    ['IPv4', { type: 'Address', summary: '192.0.2.1' }, { type: 'ipv4', value: '192.0.2.1' }],
    ['IPv6', { type: 'Address', ip: '2001:DB8:0:0:0:0:0:1' }, { type: 'ipv6', value: '2001:db8::1' }],
    [
      'e-mail',
      { type: 'EmailAddress', summary: 'Bad@Bad.Example' },
      { type: 'email', value: 'bad@bad.example' },
    ],
    ['host', { type: 'Host', hostName: 'Bad.Example.' }, { type: 'domain', value: 'bad.example' }],
    [
      'host in Unicode',
      { type: 'Host', summary: 'münchen.example' },
      { type: 'domain', value: 'xn--mnchen-3ya.example' },
    ],
    ['ASN', { type: 'ASN', summary: 'ASN64496' }, { type: 'asn', value: 'AS64496' }],
    ['ASN member', { type: 'ASN', 'AS Number': 'ASN64496' }, { type: 'asn', value: 'AS64496' }],
    ['CIDR', { type: 'CIDR', Block: '192.0.2.9/24' }, { type: 'cidr', value: '192.0.2.0/24' }],
    [
      'CIDR v6',
      { type: 'CIDR', summary: 'abc:def:10:0:0:0:0:0/48' },
      { type: 'cidr', value: 'abc:def:10::/48' },
    ],
    [
      'subject',
      { type: 'Email Subject', Subject: ' Your  invoice ' },
      { type: 'email-subject', value: 'Your  invoice' },
    ],
    ['hashtag', { type: 'Hashtag', summary: '#OpX' }, { type: 'hashtag', value: '#OpX' }],
    ['mutex', { type: 'Mutex', Mutex: 'Global\\x' }, { type: 'mutex', value: 'Global\\x' }],
    [
      'registry key',
      { type: 'Registry Key', 'Key Name': 'HKLM\\Software\\X' },
      { type: 'registry-key', value: 'HKEY_LOCAL_MACHINE\\Software\\X' },
    ],
    [
      'user agent',
      { type: 'User Agent', 'User Agent String': 'Peach/1.0' },
      { type: 'user-agent', value: 'Peach/1.0' },
    ],
    [
      'custom',
      { type: 'Bank Account', summary: 'DE00 1234' },
      { type: 'custom', customType: 'Bank Account', value: 'DE00 1234' },
    ],
    [
      'a type named as a member of every object',
      { type: 'constructor', summary: 'x' },
      { type: 'custom', customType: 'constructor', value: 'x' },
    ],
  ]
  for (const [what, record, expected] of table) t.match(observed({ id: 1, ...record }), expected, what)
  const groups: [string, string][] = [
    ['Adversary', 'threat-actor'],
    ['Attack Pattern', 'attack-pattern'],
    ['Campaign', 'campaign'],
    ['Course of Action', 'course-of-action'],
    ['Document', 'document'],
    ['Email', 'email-message'],
    ['Event', 'event'],
    ['Incident', 'incident'],
    ['Intrusion Set', 'intrusion-set'],
    ['Malware', 'malware'],
    ['Report', 'report'],
    ['Signature', 'signature'],
    ['Tactic', 'tactic'],
    ['Task', 'task'],
    ['Threat', 'threat'],
    ['Tool', 'tool'],
    ['Vulnerability', 'vulnerability'],
    ['Novelty', 'custom'],
  ]
  for (const [name, type] of groups) {
    t.equal(observed({ id: 1, type: name, name: 'A Name' }, {}, 'group').type, type, `group ${name}`)
  }
})

t.test('a file is one indicator: its best hash is the value, and all its hashes are kept', async (t) => {
  const [md5, sha1, sha256] = ['A'.repeat(32), 'B'.repeat(40), 'C'.repeat(64)]
  const all = { md5: md5.toLowerCase(), sha1: sha1.toLowerCase(), sha256: sha256.toLowerCase() }
  const table: [string, object, object][] = [
    ['all members', { md5, sha1, sha256 }, { value: all.sha256, hashes: all }],
    ['md5 alone', { md5 }, { value: all.md5, hashes: { md5: all.md5 } }],
    ['summary alone', { summary: `${md5} : ${sha1} : ${sha256}` }, { value: all.sha256, hashes: all }],
    [
      'two in the summary',
      { summary: `${md5} : ${sha1}` },
      { value: all.sha1, hashes: { md5: all.md5, sha1: all.sha1 } },
    ],
    [
      'a broken member beside a good one',
      { md5: 'zz', sha1 },
      { value: all.sha1, hashes: { sha1: all.sha1 } },
    ],
  ]
  for (const [what, record, expected] of table) {
    const { value, hashes } = observed({ id: 1, type: 'File', ...record })
    t.strictSame({ value, hashes }, expected, what)
  }
})

t.test('members of the record are mapped, and what is missing or misshapen is absent', async (t) => {
  const table: [string, object, object][] = [
    [
      'ThreatAssess and its score',
      { threatAssessScore: 830, threatAssessRating: 4.1, threatAssessConfidence: 50 },
      { score: 3, threatAssess: { score: 830, rating: 4.1, confidence: 50 } },
    ],
    [
      'zero is a value',
      { confidence: 0, rating: 0, threatAssessScore: 0 },
      { score: 0, confidence: 0, rating: 0, threatAssess: { score: 0 } },
    ],
    [
      'numeric text',
      { confidence: '55', threatAssessScore: '500' },
      { confidence: 55, score: 2, threatAssess: { score: 500 } },
    ],
    [
      'nonsense numbers',
      { confidence: 'high', rating: true, threatAssessScore: [] },
      { confidence: undefined, rating: undefined, threatAssess: undefined, score: 0 },
    ],
    [
      'tags once each',
      { tags: { data: [{ name: 'a' }, { name: 'b' }, { name: 'a' }, { name: ' ' }, {}, null] } },
      { tags: ['a', 'b'] },
    ],
    ['tags that are null', { tags: null }, { tags: [] }],
    [
      'an empty association',
      { tags: {}, attributes: {}, securityLabels: {}, sightings: {} },
      { tags: [], tlp: undefined },
    ],
    [
      'labels: the strictest',
      { securityLabels: { data: [{ name: 'TLP:GREEN' }, { name: 'TLP:AMBER' }, { name: 'Internal' }] } },
      { tlp: 'amber' },
    ],
    [
      'a Description attribute',
      {
        description: '',
        attributes: {
          data: [
            { type: 'Source', value: 's' },
            { type: 'Description', value: 'first' },
            { type: 'Description', value: 'main', default: true },
          ],
        },
      },
      { description: 'main' },
    ],
    [
      'an earlier sighting',
      { sightings: { data: [{ firstSeen: '2020-01-01T00:00:00Z' }] } },
      { firstSeen: '2020-01-01T00:00:00Z' },
    ],
    [
      'a later sighting',
      { sightings: { data: [{ firstSeen: '2023-01-01T00:00:00Z' }] } },
      { firstSeen: '2022-09-27T17:20:19Z' },
    ],
    ['inactive', { active: false }, { active: false }],
    ['activity not told', { active: undefined }, { active: true }],
    [
      'a date with an offset',
      { lastModified: '2022-09-28T19:20:19+02:00' },
      { lastModified: '2022-09-28T17:20:19Z' },
    ],
    ['a date that is none', { dateAdded: 'yesterday' }, { firstSeen: undefined }],
    [
      'associations',
      {
        associatedIndicators: {
          data: [{ type: 'Address', summary: '192.0.2.7' }, { type: 'File', summary: 'none' }, null],
        },
        associatedGroups: {
          data: [
            { type: 'Campaign', name: 'Grizzly' },
            { type: 'Novelty', name: 'N' },
          ],
        },
      },
      {
        relationships: [
          { name: 'related-to', type: 'ipv4', value: '192.0.2.7' },
          { name: 'related-to', type: 'campaign', value: 'Grizzly' },
          { name: 'related-to', type: 'custom', customType: 'Novelty', value: 'N' },
        ],
      },
    ],
    [
      'associated records of two owners that are the same',
      {
        associatedIndicators: {
          data: [
            { type: 'Host', hostName: 'a.example', ownerName: 'A' },
            { type: 'Host', summary: 'A.example', ownerName: 'B' },
          ],
        },
        associatedGroups: {
          data: [
            { type: 'Campaign', name: 'Grizzly', ownerName: 'A' },
            { type: 'Report', name: 'Grizzly', ownerName: 'A' },
            { type: 'Campaign', name: 'Grizzly', ownerName: 'B' },
          ],
        },
      },
      {
        relationships: [
          { name: 'related-to', type: 'domain', value: 'a.example' },
          { name: 'related-to', type: 'campaign', value: 'Grizzly' },
          { name: 'related-to', type: 'report', value: 'Grizzly' },
        ],
      },
    ],
    [
      'associations that are null',
      { associatedIndicators: null, associatedGroups: { data: null } },
      { relationships: [] },
    ],
  ]
  for (const [what, members, expected] of table) {
    const result = observed({ ...url, ...members }) as unknown as Record<string, unknown>
    for (const [name, value] of Object.entries(expected)) {
      t.strictSame(result[name], value, `${what}: ${name}`)
      if (value === undefined) t.notOk(name in result, `${what}: no member ${name}`)
    }
  }
})

t.test("the source's settings fill and override", async (t) => {
  t.match(observed({ ...url, threatAssessScore: 1000 }, { reputation: 1 }), { score: 1 }, 'reputation')
  t.match(observed(url, { tlp: 'green', reliability: 'B' }), { tlp: 'green', reliability: 'B' }, 'defaults')
  t.match(
    observed({ ...url, securityLabels: { data: [{ name: 'TLP:WHITE' }] } }, { tlp: 'red' }),
    { tlp: 'clear' },
    "the record's label wins",
  )
  t.strictSame(
    observed({ ...url, tags: { data: [{ name: 'a' }] } }, { feedTags: ['a', 'feed'] }).tags,
    ['a', 'feed'],
    'feed tags',
  )
})

t.test('an id above 2^53 is kept exact, in the id and in raw', async (t) => {
  const page =
    '[{"id":9007199254918487,"type":"Mutex","summary":"m"},{"id":9007199254918489,"type":"Mutex","summary":"n"}]'
  const records = parseJson(Buffer.from(page), { service: 'threatconnect', status: 200 }) as object[]
  const [first, second] = records.map((record) => observed(record))
  t.equal(first?.provenance.remoteId, '9007199254918487')
  t.equal(second?.provenance.remoteId, '9007199254918489')
  t.equal(JSON.stringify([first?.raw, second?.raw]), page)
})

t.test('a record that has no identity is unreadable, with its id and the reason', async (t) => {
  const table: [unknown, string, RegExp][] = [
    [null, '(no id, record 8 of the answer)', /a record takes an object; received null/],
    ['text', '(no id, record 8 of the answer)', /received a text/],
    [[], '(no id, record 8 of the answer)', /received a list/],
    [
      { type: 'Mutex', summary: 'm' },
      '(no id, record 8 of the answer)',
      /id takes an integer; received nothing/,
    ],
    [{ id: 1.5, type: 'Mutex', summary: 'm' }, '(no id, record 8 of the answer)', /id takes an integer/],
    [{ id: 5, summary: 'm' }, '5', /type takes a text; received nothing/],
    [{ id: 5, type: 7, summary: 'm' }, '5', /type takes a text; received a number/],
    [{ id: 5, type: 'Mutex' }, '5', /Mutex has no value/],
    [{ id: 5, type: 'Mutex', summary: '  ' }, '5', /Mutex has no value: summary is an empty text/],
    [{ id: 5, type: 'Address', summary: 'localhost' }, '5', /^Address: /],
    [{ id: 5, type: 'File', summary: 'evil.exe' }, '5', /File has no MD5, SHA-1 or SHA-256 hash/],
    [{ id: 5, type: 'Host', summary: 'not a host' }, '5', /^Host: /],
  ]
  for (const [record, remoteId, reason] of table) {
    const result = normalise(record, 'indicator', source, 7)
    t.match(result, { unreadable: { remoteId, reason } }, JSON.stringify(record))
  }
})
