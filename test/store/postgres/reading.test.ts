import fc from 'fast-check'
import t from 'tap'
import { indicatorId } from '../../../src/model/identity.ts'
import {
  allTypes,
  type Indicator,
  indicatorTypes,
  type Observation,
  type Score,
  tlpLevels,
} from '../../../src/model/indicator.ts'
import { toIndicator } from '../../../src/model/merge.ts'
import { tlpOrder } from '../../../src/model/tlp.ts'
import type { IndicatorQuery } from '../../../src/store/store.ts'
import { fill, freshStore, observationOf } from './stored.ts'

const owners = ['Ours', 'Theirs', 'Über, "quoted"', "o'wner\\"] as const
const tags = ['APT29', 'apt29', 'a,b', '{}', 'Ransomware', 'ελ'] as const
const times = ['2024-01-01T00:00:00Z', '2024-06-01T12:00:00.5Z', '2025-01-01T00:00:00.123Z'] as const

const facts = fc.record(
  {
    type: fc.constantFrom(...indicatorTypes.slice(0, 6), 'campaign', 'vulnerability'),
    value: fc.integer({ min: 0, max: 400 }).map((n) => `value-${n}`),
    score: fc.constantFrom<Score[]>(0, 1, 2, 3),
    confidence: fc.integer({ min: 0, max: 100 }),
    threatAssess: fc.record({ score: fc.integer({ min: 0, max: 1000 }) }),
    active: fc.boolean(),
    tlp: fc.constantFrom(...tlpLevels),
    tags: fc.uniqueArray(fc.constantFrom(...tags), { maxLength: 3 }),
    lastModified: fc.constantFrom(...times),
  },
  { requiredKeys: ['type', 'value'] },
)

const filters = fc.record(
  {
    types: fc.uniqueArray(fc.constantFrom(...indicatorTypes.slice(0, 7), 'campaign'), { maxLength: 3 }),
    sources: fc.uniqueArray(fc.constantFrom('tc', 'second', 'unknown'), { maxLength: 2 }),
    owners: fc.uniqueArray(fc.constantFrom(...owners, 'Nobody'), { maxLength: 2 }),
    tags: fc.uniqueArray(fc.constantFrom(...tags, 'none'), { maxLength: 2 }),
    minScore: fc.integer({ min: 0, max: 3 }),
    minConfidence: fc.integer({ min: 0, max: 100 }),
    minThreatAssessScore: fc.integer({ min: 0, max: 1000 }),
    maxTlp: fc.constantFrom(...tlpLevels),
    active: fc.boolean(),
    modifiedSince: fc.constantFrom(...times, '2024-06-01T14:00:00.500+02:00', '2030-01-01T00:00:00Z'),
  },
  { requiredKeys: [] },
)

/** What the filters say, over the model. Empty lists let everything through. */
function passes(indicator: Indicator, query: Partial<IndicatorQuery>): boolean {
  const { observations, threatAssess, tlp, lastModified } = indicator
  const anyOf = (asked: readonly string[] | undefined, there: readonly (string | undefined)[]) =>
    asked === undefined || asked.length === 0 || asked.some((one) => there.includes(one))
  const atLeast = (least: number | undefined, there: number | undefined) =>
    least === undefined || least === 0 || (there !== undefined && there >= least)
  return (
    anyOf(query.types, [indicator.type]) &&
    anyOf(
      query.sources,
      observations.map(({ source }) => source),
    ) &&
    anyOf(
      query.owners,
      observations.map(({ owner }) => owner),
    ) &&
    anyOf(query.tags, indicator.tags) &&
    atLeast(query.minScore, indicator.score) &&
    atLeast(query.minConfidence, indicator.confidence) &&
    atLeast(query.minThreatAssessScore, threatAssess?.score) &&
    (query.maxTlp === undefined || tlp === undefined || tlpOrder(tlp) <= tlpOrder(query.maxTlp)) &&
    (query.active === undefined || indicator.active === query.active) &&
    (query.modifiedSince === undefined ||
      (lastModified !== undefined && Date.parse(lastModified) >= Date.parse(query.modifiedSince)))
  )
}

function byId(observations: readonly Observation[]): Map<string, Indicator> {
  const groups = Map.groupBy(observations, ({ type, value }) => indicatorId(type, value))
  return new Map([...groups].map(([id, group]) => [id, toIndicator(group as [Observation])]))
}

t.test(
  'random filters over random indicators answer what they say, page by page, whole and in order',
  async (t) => {
    const store = await freshStore(t)
    const made = fc.sample(fc.tuple(facts, fc.constantFrom(...owners), fc.constantFrom('tc', 'second')), 900)
    const observations = made.map(([members, owner, source], n) =>
      observationOf(n + 1, { ...members, raw: { n, big: 'x'.repeat(n % 50) } }, { owner, source }),
    )
    for (const source of ['tc', 'second']) {
      await fill(
        store,
        observations.filter(({ provenance }) => provenance.source === source),
        { source },
      )
    }
    const model = byId(observations)
    t.ok(model.size > 300)
    let found = 0
    await fc.assert(
      fc.asyncProperty(filters, fc.integer({ min: 1, max: 400 }), async (query, limit) => {
        const expected = [...model.values()].filter((indicator) => passes(indicator, query))
        const ids: string[] = []
        for (let after: string | undefined, more = true; more; after = ids.at(-1)) {
          const page = await store.indicatorTexts({ ...query, limit, ...(after !== undefined && { after }) })
          ids.push(...page.indicators.map(({ id }) => id))
          more = page.more
          if (more && page.indicators.length !== limit) throw new Error('a page before the last is not full')
        }
        found += ids.length
        const wanted = expected.map(({ id }) => id).sort()
        if (ids.join() !== wanted.join()) throw new Error(`${ids.length} instead of ${wanted.length}`)
      }),
      { numRuns: 300 },
    )
    t.ok(found > 1000, 'and the filters let enough through to mean something')

    const { indicators } = await store.indicators({ limit: 10_000, raw: true })
    t.equal(indicators.length, model.size)
    const different = indicators.filter(
      (indicator) => JSON.stringify(indicator) !== JSON.stringify(model.get(indicator.id)),
    )
    t.same(different.slice(0, 2), [], 'each with the record that the merge takes')

    const counts = await store.countByType()
    const ofSecond = await store.countByType('second')
    const { tc, second } = await store.countBySource()
    t.strictSame([tc, second], [await store.countByType('tc'), ofSecond], 'of each source at once')
    for (const type of allTypes) {
      const all = [...model.values()].filter((indicator) => indicator.type === type)
      t.equal(counts[type], all.length || undefined, type)
      const there = all.filter((indicator) => passes(indicator, { sources: ['second'] }))
      t.equal(ofSecond[type], there.length || undefined, `${type} of one source`)
    }
  },
)

t.test('what is there all the time is on exactly one page, whatever comes and goes meanwhile', async (t) => {
  const store = await freshStore(t)
  const record = (n: number) => observationOf(n, { type: 'domain', value: `d${n}.example` })
  const steady = Array.from({ length: 300 }, (_, n) => record(2 * n))
  await fill(store, steady)
  const seen = new Map<string, number>()
  let after: string | undefined
  for (let page = 0, more = true; more; page++) {
    const answer = await store.indicatorTexts({ limit: 7, ...(after !== undefined && { after }) })
    for (const { id } of answer.indicators) seen.set(id, (seen.get(id) ?? 0) + 1)
    after = answer.indicators.at(-1)?.id
    more = answer.more
    // New ones, changed ones, and ones that leave, before and behind the place.
    const come = Array.from({ length: 10 }, (_, n) => record(2 * (page * 10 + n) + 1))
    const changed = steady.slice(page, page + 20).map((one) => ({ ...one, score: (page % 4) as Score }))
    const gone =
      page < 2 ? [] : Array.from({ length: 5 }, (_, n) => ({ remoteId: String(2 * (page * 5 + n) + 1) }))
    const present = new Set([...come, ...changed].map(({ provenance }) => provenance.remoteId))
    await fill(store, [...come, ...changed], {
      removed: gone.filter(({ remoteId }) => !present.has(remoteId)),
    })
  }
  const missing = steady.filter(({ type, value }) => seen.get(indicatorId(type, value)) !== 1)
  t.same(missing, [])
  t.ok(
    [...seen.values()].every((times) => times === 1),
    'and nothing is on two',
  )
})

t.test('the record of an indicator keeps every digit, and is the one modified last', async (t) => {
  const store = await freshStore(t)
  const big = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON('9007199254740993')
  const at = (remoteId: number, lastModified: string, owner: string) =>
    observationOf(
      remoteId,
      { type: 'ipv4', value: '203.0.113.7', lastModified, raw: { remote: big, text: `"raw":${owner}` } },
      { owner },
    )
  const observations = [
    at(1, '2024-01-01T00:00:00Z', 'a'),
    at(2, '2024-03-01T00:00:00.001Z', 'b'),
    at(3, '2024-03-01T00:00:00Z', 'c'),
  ]
  await fill(store, observations, { expiresAt: () => '2030-01-01T00:00:00.25Z' })
  const id = indicatorId('ipv4', '203.0.113.7')
  const texts = await store.rawTexts([id])
  t.equal(texts.get(id), '{"id":2,"remote":9007199254740993,"text":"\\"raw\\":b"}')
  const found = await store.indicator(id, { raw: true })
  t.equal(JSON.stringify(found?.raw), texts.get(id))
  t.equal((await store.indicator(id, { raw: false }))?.raw, undefined)
  const stored = await store.observations(id)
  t.equal(stored.length, 3)
  t.equal(JSON.stringify(stored[0]?.raw), '{"id":1,"remote":9007199254740993,"text":"\\"raw\\":a"}')
  t.equal(stored[0]?.expiresAt, '2030-01-01T00:00:00.250Z')
  t.equal(await store.indicator('indicator--nonsense', { raw: true }), undefined)
  t.equal(await store.indicator(indicatorId('ipv4', '203.0.113.8'), { raw: true }), undefined)
  t.same(await store.observations('x'), [])
})

t.test(
  'a value is found in any spelling, as any type that it may be, a file by each of its hashes',
  async (t) => {
    const store = await freshStore(t)
    const md5 = 'a'.repeat(32)
    const sha1 = 'B'.repeat(40).toLowerCase()
    const sha256 = 'c'.repeat(64)
    const long = `https://example.org/${'x'.repeat(7000)}?a=1,2`
    const stored = [
      observationOf(1, {
        type: 'file',
        value: sha256,
        hashes: { md5, sha1, sha256 },
        description: `"md5":"${'d'.repeat(32)}"`,
      }),
      observationOf(2, { type: 'file', value: sha1, hashes: { md5: 'e'.repeat(32), sha1 } }),
      observationOf(3, { type: 'file', value: md5, hashes: { md5 } }),
      observationOf(4, { type: 'mutex', value: md5 }),
      observationOf(5, { type: 'custom', customType: 'Wallet', value: md5 }),
      observationOf(6, { type: 'custom', customType: 'Phone', value: md5 }),
      observationOf(7, { type: 'domain', value: 'evil.example' }),
      observationOf(8, { type: 'campaign', value: 'evil.example' }),
      observationOf(9, { type: 'url', value: long }),
      observationOf(10, { type: 'vulnerability', value: 'CVE-2024-12345' }),
      observationOf(11, { type: 'custom', customType: 'Long', value: 'y'.repeat(9000) }),
      observationOf(12, { type: 'mutex', value: '\u0000nul\ud800' }),
    ]
    await fill(store, stored)
    const idOf = ({ type, value, customType }: Observation) => indicatorId(type, value, customType)
    const cases: readonly (readonly [
      what: string,
      value: string,
      type: Observation['type'] | undefined,
      found: readonly number[],
    ])[] = [
      ['an MD5: files that have it, and everything else of that name', md5.toUpperCase(), undefined, [1, 3]],
      ['the same as written', ` ${md5} `, undefined, [1, 3, 4, 5, 6]],
      ['an MD5 as a file only', md5, 'file', [1, 3]],
      ['a custom type', md5, 'custom', [5, 6]],
      ['a SHA-1', sha1.toUpperCase(), 'file', [1, 2]],
      ['a SHA-256', sha256, undefined, [1]],
      ['a hash that stands in a description only', 'd'.repeat(32), undefined, []],
      ['an MD5 of a file named by its SHA-1', 'e'.repeat(32), undefined, [2]],
      ['a domain in capitals with a final dot', 'EVIL.example.', undefined, [7]],
      ['a domain that is a campaign as well', 'evil.example', undefined, [7, 8]],
      ['a long URL with a comma', long.replace('https://example', 'HTTPS://EXAMPLE'), undefined, [9]],
      ['a CVE in small letters', 'cve-2024-12345', undefined, [10]],
      ['a custom value longer than an index page', 'y'.repeat(9000), undefined, [11]],
      ['what is not there', '198.51.100.1', undefined, []],
    ]
    for (const [what, value, type, found] of cases) {
      const ids = await store.idsOfValue(value, type)
      const { indicators } =
        ids.length === 0 ? { indicators: [] } : await store.indicatorTexts({ ids, limit: 100 })
      t.same(
        indicators.map(({ id }) => id).sort(),
        found.map((n) => idOf(stored[n - 1] as Observation)).sort(),
        what,
      )
    }
    t.same(await store.sourceNames(), ['tc'])
  },
)
