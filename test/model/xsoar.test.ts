import fc from 'fast-check'
import t from 'tap'
import { allTypes, type Indicator, type IndicatorType, type Tlp } from '../../src/model/indicator.ts'
import { toXsoar } from '../../src/model/xsoar.ts'

const id = 'indicator--6c786ece-d5d0-5fd6-8ee6-637d9ce07043'
const added = '2022-09-27T17:20:19Z'
const modified = '2022-09-28T17:20:19Z'
const common = {
  id,
  score: 3,
  confidence: 70,
  rating: 3,
  threatAssess: { score: 830, rating: 4.1, confidence: 0 },
  active: true,
  description: 'From a post.',
  tlp: 'amber',
  tags: ['APT29'],
  firstSeen: '2020-01-01T00:00:00Z',
  lastModified: modified,
  expiresAt: null,
  observations: [{ source: 'tc', owner: 'Technical Blogs', remoteId: '98590287', reportedBy: 'VirIT' }],
  relationships: [],
} as const
const commonRaw = {
  id: 98590287,
  dateAdded: added,
  lastModified: modified,
  ownerName: 'Technical Blogs',
  source: 'VirIT',
}
const end = { tags: ['APT29'], reportedby: ['Technical Blogs', 'VirIT'], trafficlightprotocol: 'AMBER' }
const start = { firstseenbysource: added, updateddate: modified }
const assessed = { ...start, verdict: 4.1, confidence: 0 }
const described = { ...assessed, description: 'From a post.' }

/** Type, value, what only this record has, XSOAR's type, its fields in their order (before the common ones, after). */
const table: [IndicatorType, string, object, string, object, object?][] = [
  [
    'ipv4',
    '198.51.100.7',
    { summary: '198.51.100.7', ip: '198.51.100.7' },
    'IP',
    { ...described, shortdescription: '198.51.100.7', address: '198.51.100.7' },
  ],
  [
    'ipv6',
    '2001:db8::1',
    { summary: '2001:DB8::1', ip: '2001:DB8::1' },
    'IPv6',
    { ...described, shortdescription: '2001:DB8::1', address: '2001:DB8::1' },
  ],
  [
    'cidr',
    '198.51.100.0/24',
    { summary: '198.51.100.7/24' },
    'CIDR',
    { ...assessed, name: '198.51.100.7/24', sourceoriginalseverity: 830 },
    { description: 'From a post.' },
  ],
  [
    'cidr',
    '2001:db8::/32',
    { summary: '2001:db8:0:0:0:0:0:0/32' },
    'IPv6CIDR',
    { ...assessed, name: '2001:db8:0:0:0:0:0:0/32', sourceoriginalseverity: 830 },
    { description: 'From a post.' },
  ],
  [
    'email',
    'a@evil.example',
    { summary: 'A@evil.example', address: 'A@evil.example' },
    'Email',
    { ...described, name: 'A@evil.example', emailaddress: 'A@evil.example' },
  ],
  [
    'domain',
    'evil.example',
    { summary: 'Evil.example', hostName: 'Evil.example' },
    'Domain',
    { ...described, name: 'Evil.example', domainname: 'Evil.example' },
  ],
  [
    'url',
    'http://evil.example/X',
    { summary: 'http://EVIL.example/X', text: 'http://EVIL.example/X' },
    'URL',
    { ...described, name: 'http://EVIL.example/X', address: 'http://EVIL.example/X' },
  ],
  [
    'asn',
    'AS64496',
    { summary: 'ASN64496', 'AS Number': 'ASN64496' },
    'ASN',
    {
      ...start,
      verdict: 4.1,
      description: 'From a post.',
      confidence: 0,
      value: 'ASN64496',
      name: 'ASN64496',
    },
  ],
  [
    'mutex',
    'Global\\x',
    { summary: 'Global\\x', Mutex: 'Global\\x' },
    'Mutex',
    { ...start, verdict: 4.1, description: 'From a post.', confidence: 0, name: 'Global\\x' },
  ],
  [
    'registry-key',
    'HKEY_LOCAL_MACHINE\\Software\\Evil',
    {
      summary: 'HKLM\\Software\\Evil',
      'Key Name': 'HKLM\\Software\\Evil',
      'Value Name': 'Run',
      'Value Type': 'REG_SZ',
    },
    'Registry Key',
    { ...described, name: 'HKLM\\Software\\Evil' },
    { 'Key Value': [{ name: 'Run', type: 'REG_SZ' }], namefield: 'HKLM\\Software\\Evil' },
  ],
  ['user-agent', 'Mozilla', { summary: 'Mozilla' }, 'User Agent', { ...described, name: 'Mozilla' }],
  ['hashtag', '#x', { summary: '#x' }, 'Hashtag', { ...described, name: '#x' }],
  ['email-subject', 'Re', { summary: 'Re' }, 'Email Subject', { ...described, name: 'Re' }],
  [
    'attack-pattern',
    'T1059',
    { name: 'T1059' },
    'Attack Pattern',
    { ...start, description: 'From a post.', name: 'T1059' },
  ],
  [
    'campaign',
    'Op X',
    { name: 'Op X' },
    'Campaign',
    { ...start, name: 'Op X' },
    { description: 'From a post.' },
  ],
  [
    'course-of-action',
    'Patch',
    {
      name: 'Patch',
      attributes: {
        data: [
          { type: 'Description', value: 'From a post.' },
          { type: 'Action', value: 'Do it.' },
        ],
      },
    },
    'Course of Action',
    { ...start, name: 'Patch' },
    { description: 'From a post.', action: 'Do it.' },
  ],
  [
    'report',
    'R',
    { name: 'R', publishDate: '2021-01-01T00:00:00Z' },
    'Report',
    { ...start, name: 'R', published: '2021-01-01T00:00:00Z' },
    { description: 'From a post.' },
  ],
  [
    'vulnerability',
    'CVE-2021-44228',
    { name: 'cve-2021-44228', publishDate: '2021-12-10T00:00:00Z' },
    'CVE',
    { ...start, name: 'cve-2021-44228', published: '2021-12-10T00:00:00Z' },
    { description: 'From a post.' },
  ],
  [
    'intrusion-set',
    'I',
    { name: 'I' },
    'Intrusion Set',
    { ...start, name: 'I' },
    { description: 'From a post.' },
  ],
  ['malware', 'M', { name: 'M' }, 'Malware', { ...start, name: 'M' }, { description: 'From a post.' }],
  ['tool', 'T', { name: 'T' }, 'Tool', { ...start, name: 'T' }, { description: 'From a post.' }],
  [
    'threat-actor',
    'A',
    { name: 'A' },
    'Threat Actor',
    { ...start, name: 'A' },
    { description: 'From a post.' },
  ],
  ['incident', 'N', { name: 'N' }, 'Incident', { ...start, name: 'N' }, { description: 'From a post.' }],
]

t.test('each type has the type and the fields of XSOAR, in the order in which XSOAR sets them', async (t) => {
  for (const [type, value, own, xsoarType, before, after = {}] of table) {
    const raw = { ...commonRaw, ...own }
    const view = toXsoar({ ...common, type, value, raw }, { relationships: true })
    const { trafficlightprotocol, ...middle } = end
    const fields = { ...before, ...middle, ...after, trafficlightprotocol }
    const expected = { value, type: xsoarType, score: 3, fields, relationships: [], rawJSON: raw }
    t.equal(JSON.stringify(view), JSON.stringify(expected), `${type} ${value}`)
  }
})

t.test('a file has all its hashes, in lower case', async (t) => {
  const hashes = {
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  }
  const summary = `${hashes.md5} : ${hashes.sha256}`.toUpperCase()
  const raw = { ...commonRaw, summary, md5: hashes.md5.toUpperCase() }
  const view = toXsoar(
    { ...common, type: 'file', value: hashes.sha256, hashes, raw },
    { relationships: false },
  )
  t.equal(view.value, hashes.sha256)
  t.equal(
    JSON.stringify(view.fields),
    JSON.stringify({
      ...start,
      confidence: 0,
      verdict: 4.1,
      description: 'From a post.',
      name: summary,
      ...hashes,
      ...end,
    }),
  )
})

t.test('a type that the model does not know keeps its name', async (t) => {
  const indicator: Indicator = { ...common, type: 'custom', customType: 'Bank Account', value: 'x', raw: {} }
  const { type, fields } = toXsoar(indicator, { relationships: false })
  t.equal(type, 'Bank Account')
  t.equal(fields.name, 'x')
})

t.test('what only the record knows is absent without it, the rest is there', async (t) => {
  const bare: Indicator = {
    id,
    type: 'ipv4',
    value: '198.51.100.7',
    score: 0,
    active: true,
    tags: [],
    expiresAt: null,
    observations: [{ source: 'tc', remoteId: '1' }],
    relationships: [],
  }
  t.strictSame(toXsoar(bare, { relationships: true }), {
    value: '198.51.100.7',
    type: 'IP',
    score: 0,
    fields: { shortdescription: '198.51.100.7', address: '198.51.100.7' },
    relationships: [],
  })
  const { raw: _, ...indicator } = {
    ...common,
    type: 'registry-key',
    value: 'HKEY_USERS\\x',
    raw: {},
  } as const
  t.strictSame(toXsoar(indicator, { relationships: true }).fields, {
    firstseenbysource: common.firstSeen,
    updateddate: modified,
    verdict: 4.1,
    confidence: 0,
    description: 'From a post.',
    name: 'HKEY_USERS\\x',
    ...end,
  })
})

t.test('rawJSON can be left out while the fields still come from the record', async (t) => {
  const indicator: Indicator = {
    ...common,
    type: 'domain',
    value: 'evil.example',
    raw: { summary: 'Evil.example' },
  }
  const view = toXsoar(indicator, { relationships: false, raw: false })
  t.notOk('rawJSON' in view)
  t.equal(view.fields.name, 'Evil.example')
})

t.test(
  'a merged indicator was first seen when the earliest record says, and is reported by each once',
  async (t) => {
    const [observation] = common.observations
    const indicator: Indicator = {
      ...common,
      type: 'domain',
      value: 'evil.example',
      observations: [observation, { ...observation, owner: 'Other' }],
      raw: { ...commonRaw, source: 'VirIT' },
    }
    const { fields } = toXsoar(indicator, { relationships: false })
    t.equal(fields.firstseenbysource, common.firstSeen)
    t.strictSame(fields.reportedby, ['Technical Blogs', 'VirIT', 'Other'])
  },
)

t.test('the grid of a registry key has the cells that the record has', async (t) => {
  const table: [object, unknown][] = [
    [
      { 'Value Name': 'Run', 'Value Type': 'REG_SZ', 'Value Data': 'x' },
      [{ name: 'Run', type: 'REG_SZ', data: 'x' }],
    ],
    [{ 'Value Name': ' ', 'Value Type': '' }, [{ name: ' ' }]],
    [{ 'Value Type': 'REG_NONE', 'Value Name': null }, [{ type: 'REG_NONE' }]],
    [{ 'Key Name': 'HKLM\\x' }, undefined],
  ]
  for (const [raw, grid] of table) {
    const indicator: Indicator = {
      ...common,
      type: 'registry-key',
      value: 'x',
      raw: raw as Indicator['raw'] & {},
    }
    t.strictSame(toXsoar(indicator, { relationships: false }).fields['Key Value'], grid, JSON.stringify(raw))
  }
})

t.test('TLP levels have the names that XSOAR knows', async (t) => {
  const table: [Tlp, string][] = [
    ['clear', 'WHITE'],
    ['green', 'GREEN'],
    ['amber', 'AMBER'],
    ['amber+strict', 'AMBER+STRICT'],
    ['red', 'RED'],
  ]
  for (const [tlp, name] of table) {
    const { fields } = toXsoar({ ...common, type: 'domain', value: 'x', tlp }, { relationships: false })
    t.equal(fields.trafficlightprotocol, name)
  }
})

t.test('related objects are those of the record, indicators first', async (t) => {
  const campaign = { id: 2, type: 'Campaign', name: 'Op X' }
  const host = { id: 1, type: 'Host', summary: 'evil.example' }
  const table: [object, unknown][] = [
    [{ associatedGroups: { data: [campaign] }, associatedIndicators: { data: [host] } }, [host, campaign]],
    [{ associatedGroups: { data: [campaign, null, 'x', []] }, associatedIndicators: {} }, [campaign]],
    [{ associatedGroups: null, associatedIndicators: { data: null } }, undefined],
    [{ associatedGroups: [], associatedIndicators: { data: { a: 1 } } }, undefined],
    [{ associatedGroups: 'x', associatedIndicators: 7 }, undefined],
  ]
  for (const [raw, related] of table) {
    const before = JSON.stringify(raw)
    const indicator = {
      ...common,
      type: 'ipv4',
      value: '198.51.100.7',
      raw: raw as Record<string, unknown>,
    } as const
    const view = toXsoar(indicator, { relationships: true })
    t.strictSame(view.fields.feedrelatedindicators, related, before)
    t.equal(JSON.stringify(raw), before, 'the record is not touched')
  }
})

t.test(
  'relationships have both ends by the types and values of XSOAR, and only when asked for',
  async (t) => {
    const indicator: Indicator = {
      ...common,
      type: 'ipv4',
      value: '198.51.100.7',
      relationships: [
        { name: 'related-to', type: 'vulnerability', value: 'CVE-2021-44228' },
        { name: 'related-to', type: 'cidr', value: '2001:db8::/32' },
        { name: 'related-to', type: 'custom', customType: 'Bank Account', value: 'x' },
      ],
    }
    t.strictSame(toXsoar(indicator, { relationships: false }).relationships, [])
    const relationship = (entityB: string, entityBType: string) => ({
      name: 'related-to',
      reverseName: 'related-to',
      type: 'IndicatorToIndicator',
      entityA: '198.51.100.7',
      entityAFamily: 'Indicator',
      entityAType: 'IP',
      entityB,
      entityBFamily: 'Indicator',
      entityBType,
      fields: {},
    })
    t.equal(
      JSON.stringify(toXsoar(indicator, { relationships: true }).relationships),
      JSON.stringify([
        relationship('CVE-2021-44228', 'CVE'),
        relationship('2001:db8::/32', 'IPv6CIDR'),
        relationship('x', 'Bank Account'),
      ]),
    )
  },
)

t.test('no record, however malformed, breaks the view or leaves an empty field', async (t) => {
  const members = fc.constantFrom(
    ...[
      'summary',
      'name',
      'ip',
      'hostName',
      'text',
      'address',
      'AS Number',
      'Key Name',
      'Value Name',
      'Value Type',
    ],
    ...['dateAdded', 'publishDate', 'attributes', 'associatedGroups', 'associatedIndicators', '__proto__'],
  )
  const values = fc.oneof(
    fc.anything(),
    fc.record({ data: fc.anything() }),
    fc.constantFrom('', null, [], {}),
  )
  const holds = fc.property(fc.constantFrom(...allTypes), fc.dictionary(members, values), (type, raw) => {
    const view = toXsoar({ ...common, type, value: 'v', raw }, { relationships: true })
    return Object.values(view.fields).every((value) => value !== '' && value !== null && value !== undefined)
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 10_000 }))
})
