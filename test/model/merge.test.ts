import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { v5 } from 'uuid'
import { indicatorId, indicatorNamespace } from '../../src/model/identity.ts'
import {
  allTypes,
  type Observation,
  reliabilities,
  type Score,
  tlpLevels,
} from '../../src/model/indicator.ts'
import { toIndicator } from '../../src/model/merge.ts'

t.test('an id is the UUID v5 of type and value, as the uuid package computes it', async (t) => {
  const holds = fc.property(
    fc.constantFrom(...allTypes),
    fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => text.isWellFormed()),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    (type, value, customType) => {
      const name = type === 'custom' ? `custom:${customType}` : type
      const expected = `indicator--${v5(`${name}\u0000${value}`, indicatorNamespace)}`
      assert.equal(indicatorId(type, value, type === 'custom' ? customType : undefined), expected)
    },
  )
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 5000 }))
})

t.test('ids are the same in every release', async (t) => {
  t.equal(indicatorId('ipv4', '198.51.100.7'), 'indicator--6c786ece-d5d0-5fd6-8ee6-637d9ce07043')
  t.equal(indicatorId('custom', 'x', 'My Type'), 'indicator--879400e3-c660-5711-a20f-487d2bc73257')
  t.not(indicatorId('custom', 'x', 'My Type'), indicatorId('custom', 'x', 'Other'))
})

const full: Observation = {
  type: 'file',
  value: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  hashes: {
    md5: 'd41d8cd98f00b204e9800998ecf8427e',
    sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  },
  score: 3,
  confidence: 70,
  rating: 4,
  threatAssess: { score: 830, rating: 4.1, confidence: 50 },
  active: true,
  description: 'Seen in a post.',
  tlp: 'amber',
  reliability: 'F',
  tags: ['APT29'],
  firstSeen: '2024-01-02T01:07:13Z',
  lastModified: '2024-01-05T04:28:52Z',
  relationships: [{ name: 'related-to', type: 'campaign', value: 'Op X' }],
  provenance: {
    source: 'tc',
    owner: 'Technical Blogs and Reports',
    remoteId: '98590287',
    link: 'https://tc.example/1',
    reportedBy: 'VirIT',
  },
  raw: { id: 98590287 },
}

const bare: Observation = {
  type: 'ipv4',
  value: '198.51.100.7',
  score: 0,
  active: false,
  tags: [],
  relationships: [],
  provenance: { source: 'tc', remoteId: '1' },
  raw: {},
}

t.test('one record gives an indicator with the members of the contract in their order', async (t) => {
  const indicator = toIndicator([full])
  t.equal(
    Object.keys(indicator).join(' '),
    'id type value score confidence rating threatAssess active description tlp reliability tags hashes ' +
      'firstSeen lastModified expiresAt observations relationships raw',
  )
  t.strictSame(indicator.observations, [full.provenance])
  t.equal(indicator.expiresAt, null)
  t.equal(indicator.raw, full.raw)
  t.equal(indicator.id, indicatorId('file', full.value))
})

t.test('what a record lacks has no member', async (t) => {
  const members = 'id type value score active tags expiresAt observations relationships'
  t.equal(Object.keys(toIndicator([bare])).join(' '), `${members} raw`)
  t.equal(Object.keys(toIndicator([bare], { raw: false })).join(' '), members)
  const second = { ...bare, provenance: { source: 'tc', remoteId: '2' } }
  t.equal(Object.keys(toIndicator([bare, second])).join(' '), `${members} raw`)
  t.equal(Object.keys(toIndicator([bare, second], { raw: false })).join(' '), members)
})

t.test('a custom type comes with its name and its own id', async (t) => {
  const custom: Observation = { ...bare, type: 'custom', customType: 'Bank Account', value: 'x' }
  for (const indicator of [toIndicator([custom]), toIndicator([custom, { ...custom, score: 1 }])]) {
    t.equal(Object.keys(indicator).slice(0, 4).join(' '), 'id type customType value')
    t.equal(indicator.id, indicatorId('custom', 'x', 'Bank Account'))
  }
})

t.test('records of one value merge: highest, union, earliest, latest, strictest, best', async (t) => {
  const older: Observation = {
    ...full,
    score: 1,
    confidence: 90,
    rating: 1,
    threatAssess: { score: 10, confidence: 60 },
    active: false,
    description: 'Old words.',
    tlp: 'red',
    reliability: 'B',
    tags: ['APT29', 'old'],
    hashes: { md5: '00000000000000000000000000000000', sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709' },
    firstSeen: '2023-01-01T00:00:00Z',
    lastModified: '2023-06-01T00:00:00Z',
    relationships: [
      { name: 'related-to', type: 'campaign', value: 'Op X' },
      { name: 'related-to', type: 'custom', customType: 'Thing', value: 'Op X' },
    ],
    provenance: { source: 'tc', owner: 'A', remoteId: '1' },
    raw: { id: 1 },
  }
  const undated: Observation = {
    ...bare,
    type: 'file',
    value: full.value,
    description: 'No date.',
    provenance: { source: 'tc', owner: 'Z', remoteId: '2' },
    raw: { id: 2 },
  }
  const { id, ...merged } = toIndicator([undated, full, older])
  t.equal(id, toIndicator([full]).id)
  t.equal(
    JSON.stringify(merged),
    JSON.stringify({
      type: 'file',
      value: full.value,
      score: 3,
      confidence: 90,
      rating: 4,
      threatAssess: { score: 830, rating: 4.1, confidence: 60 },
      active: true,
      description: 'Seen in a post.',
      tlp: 'red',
      reliability: 'B',
      tags: ['APT29', 'old'],
      hashes: {
        md5: 'd41d8cd98f00b204e9800998ecf8427e',
        sha1: 'da39a3ee5e6b4b0d3255bfef95601890afd80709',
        sha256: full.value,
      },
      firstSeen: '2023-01-01T00:00:00Z',
      lastModified: '2024-01-05T04:28:52Z',
      expiresAt: null,
      observations: [older.provenance, full.provenance, undated.provenance],
      relationships: [
        { name: 'related-to', type: 'campaign', value: 'Op X' },
        { name: 'related-to', type: 'custom', customType: 'Thing', value: 'Op X' },
      ],
      raw: { id: 98590287 },
    }),
  )
})

t.test('a relationship that a record tells twice is one, as if two records told it', async (t) => {
  const thing = { name: 'related-to', type: 'custom', customType: 'Thing', value: 'Op X' } as const
  const other = { ...thing, customType: 'Other' }
  const [campaign] = full.relationships
  const twice: Observation = {
    ...full,
    relationships: [...full.relationships, thing, ...full.relationships, other, thing],
  }
  t.strictSame(toIndicator([twice]).relationships, [campaign, thing, other])
  t.strictSame(toIndicator([twice]).relationships, toIndicator([twice, twice]).relationships)
})

t.test('the description is the latest there is, though a later record has none', async (t) => {
  const later: Observation = { ...bare, lastModified: '2024-01-02T00:00:00.500Z', raw: { id: 2 } }
  const described: Observation = {
    ...bare,
    description: 'words',
    lastModified: '2024-01-02T00:00:00Z',
    provenance: { source: 'tc', remoteId: '0' },
  }
  const merged = toIndicator([described, later])
  t.equal(merged.description, 'words')
  t.strictSame(merged.raw, { id: 2 })
  t.equal(merged.lastModified, '2024-01-02T00:00:00.500Z')
})

/** Few values each, so that ties and repeats are common. */
const optional = <T>(values: readonly T[]) => fc.constantFrom(undefined, ...values)
const times = ['2024-01-01T00:00:00Z', '2024-01-01T00:00:00.250Z', '2024-03-01T00:00:00Z'] as const
const observations: fc.Arbitrary<Observation> = fc
  .record({
    score: fc.constantFrom<Score>(0, 1, 2, 3),
    confidence: optional([0, 50, 100]),
    rating: optional([0, 2.5, 5]),
    threatAssess: optional([{ score: 0 }, { score: 500, rating: 2 }, { confidence: 9, rating: 3 }]),
    active: fc.boolean(),
    description: optional(['a', 'b']),
    tlp: optional(tlpLevels),
    reliability: optional(reliabilities),
    tags: fc.subarray(['t1', 't2', 't3']),
    hashes: optional([{ md5: 'a' }, { md5: 'b', sha1: 'c' }, { sha256: 'd' }]),
    firstSeen: optional(times),
    lastModified: optional(times),
    relationships: fc.subarray([
      { name: 'related-to', type: 'campaign' as const, value: 'x' },
      { name: 'related-to', type: 'tool' as const, value: 'x' },
    ]),
    provenance: fc.record({
      source: fc.constantFrom('tc', 'other'),
      owner: fc.constantFrom('A', 'b'),
      remoteId: fc.constantFrom('1', '2', '10'),
    }),
    raw: fc.record({ n: fc.nat(3) }),
  })
  .map((record) => {
    const present = Object.entries(record).filter(([, value]) => value !== undefined)
    return { type: 'ipv4', value: '198.51.100.7', ...Object.fromEntries(present) } as unknown as Observation
  })

t.test('the order in which records come makes no difference, and merging changes none of them', async (t) => {
  const orders = fc
    .array(observations, { minLength: 1, maxLength: 5 })
    .chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })))
  const holds = fc.property(orders, ([list, shuffled]) => {
    const before = JSON.stringify(list)
    const merged = toIndicator(list as [Observation, ...Observation[]])
    assert.equal(
      JSON.stringify(toIndicator(shuffled as [Observation, ...Observation[]])),
      JSON.stringify(merged),
    )
    assert.equal(JSON.stringify(list), before)
    assert.equal(merged.score, Math.max(...list.map(({ score }) => score)))
    assert.equal(
      merged.active,
      list.some(({ active }) => active),
    )
    assert.equal(merged.observations.length, list.length)
    assert.deepEqual(new Set(merged.tags), new Set(list.flatMap(({ tags }) => tags)))
    assert.ok(!Object.values(merged).includes(undefined))
  })
  t.doesNotThrow(() => fc.assert(holds, { numRuns: 10_000 }))
})
