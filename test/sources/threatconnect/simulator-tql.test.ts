import fc from 'fast-check'
import t from 'tap'
import { demoAccount } from '../../../src/sources/threatconnect/simulator/accounts.ts'
import {
  startThreatConnectSimulator,
  type ThreatConnectOptions,
} from '../../../src/sources/threatconnect/simulator/index.ts'
import { keywordsOf } from '../../../src/sources/threatconnect/simulator/tql/keywords.ts'
import { TqlError } from '../../../src/sources/threatconnect/simulator/tql/lexer.ts'
import { parseTql } from '../../../src/sources/threatconnect/simulator/tql/parser.ts'
import { ask } from '../../simulation/bare-client.ts'

/** The letter that begins a summary or name stands for the record in the tables below. `d` is inactive. */
const records: ThreatConnectOptions = {
  now: () => Date.UTC(2024, 5, 1, 12),
  groups: [
    {
      id: 71,
      type: 'Campaign',
      name: 'g campaign',
      indicators: [1, 2],
      tags: ['Red'],
      dateAdded: '2024-01-01T00:00:00Z',
    },
    {
      id: 72,
      type: 'Incident',
      name: 'h incident',
      members: { status: 'Open', eventDate: '2024-02-01T00:00:00Z' },
      upVotes: 3,
      dateAdded: '2024-05-31T23:00:00Z',
    },
  ],
  indicators: [
    {
      id: 1,
      type: 'Host',
      summary: 'a.example',
      confidence: 10,
      rating: 1,
      threatAssess: { score: 100 },
      tags: ['Red', 'x,y'],
      labels: ['TLP:AMBER'],
      groups: [71],
      indicators: [4],
      description: `it's "quoted" \\ and \`ticked\``,
      members: { dnsActive: true },
      dateAdded: '2024-01-01T00:00:00Z',
    },
    {
      id: 2,
      type: 'Host',
      summary: 'b.example',
      owner: 'Common Community',
      confidence: 50,
      rating: 3.5,
      threatAssess: { score: 500 },
      tags: ['Blue'],
      groups: [71, 72],
      attributes: [{ type: 'Source', value: 'https://blog.example' }],
      dateAdded: '2024-01-02T10:00:00Z',
    },
    { id: 3, type: 'Address', summary: 'c', source: 'none', dateAdded: '2024-05-31T11:59:59Z' },
    { id: 4, type: 'URL', summary: 'd://100%', confidence: 90, active: false, dateAdded: '2024-01-03' },
    {
      id: 9_007_199_254_740_993n,
      type: 'Registry Key',
      summary: 'e',
      confidence: 100,
      observations: 7,
      members: { 'Key Name': 'HKEY_USERS\\x', 'Value Name': 'V', 'Value Type': 'REG_SZ' },
      dateAdded: '2024-06-01T12:00:00Z',
    },
  ],
}

const simulator = await startThreatConnectSimulator(records)
const relaxed = await startThreatConnectSimulator({ ...records, caseSensitive: false })
t.teardown(() => Promise.all([simulator.close(), relaxed.close()]))

async function query(tql: string, path = 'indicators', url = simulator.url) {
  const address = `/api/v3/${path}?sorting=id%20asc&tql=${encodeURIComponent(tql)}`
  const seen = await ask(url, address, { headers: { authorization: `TC-Token ${demoAccount.token}` } })
  const body: { data?: { summary?: string; name?: string }[]; message?: string; status: string } = JSON.parse(
    seen.body.toString(),
  )
  const letters = body.data?.map((record) => (record.summary ?? record.name ?? '')[0]).join('')
  return { status: seen.status, letters, message: body.message, result: body.status }
}

t.test('each operator, in all its spellings', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['', 'abce'],
    ['   ', 'abce'],
    ['confidence = 50', 'b'],
    ['confidence == 50', 'b'],
    ['confidence EQ 50', 'b'],
    ['confidence equals 50', 'b'],
    ['confidence=50', 'b'],
    ['confidence != 50', 'ae'],
    ['confidence NE 50', 'ae'],
    ['confidence > 50', 'e'],
    ['confidence GT 50', 'e'],
    ['confidence < 50', 'a'],
    ['confidence LT 50', 'a'],
    ['confidence >= 50', 'be'],
    ['confidence GEQ 50', 'be'],
    ['confidence <= 50', 'ab'],
    ['confidence LEQ 50', 'ab'],
    ['confidence IN (10, 100)', 'ae'],
    ['confidence IN 10', 'a'],
    ['confidence NOT IN (10, 100)', 'b'],
    ['confidence NOT EQ 50', 'ae'],
    ['confidence NOT NE 50', 'b'],
    ['confidence > -1', 'abe'],
    ['CONFIDENCE gt 50', 'e'],
    ['rating > 3.4', 'b'],
    ['rating = 1', 'a'],
    ['id = 9007199254740993', 'e'],
    ['id GT 9007199254740992', 'e'],
    ['id GT 9007199254740993', ''],
    ['id IN (1, 9007199254740993)', 'ae'],
    ['typeName IN ("Host","URL")', 'ab'],
    ['typeName in ("Host")', 'ab'],
    ['typeName NOT IN ("Host","URL")', 'ce'],
    ['summary LIKE "%.example"', 'ab'],
    ['summary LIKE "a%e"', 'a'],
    ['summary LIKE "a%x%m%"', 'a'],
    ['summary LIKE "a.example%e"', ''],
    ['summary LIKE "c"', 'c'],
    ['summary LIKE ("a%", "c%")', 'ac'],
    ['summary LIKE "a_example"', ''],
    ['summary NOT LIKE "%example"', 'ce'],
    ['summary CONTAINS "exam"', 'ab'],
    ['summary NOT CONTAINS "exam"', 'ce'],
    ['summary STARTSWITH "a."', 'a'],
    ['summary ENDSWITH ".example"', 'ab'],
    ['summary NOT ENDSWITH ".example"', 'ce'],
    ['summary = "A.EXAMPLE"', ''],
    ['description is null', 'bce'],
    ['description IS NOT NULL', 'a'],
    ['tag is null', 'ce'],
    ['vtMaliciousCount is null', 'abce'],
    ['vtMaliciousCount > 0', ''],
    ['NOT vtMaliciousCount > 0', ''],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql), { status: 200, letters }, tql)
})

t.test('AND binds closer than OR, NOT closest, parentheses decide', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['confidence = 10 OR confidence = 50 AND typeName = "URL"', 'a'],
    ['(confidence = 10 OR confidence = 50) AND typeName = "URL"', ''],
    ['typeName = "URL" and confidence = 50 or confidence = 10', 'a'],
    ['NOT confidence = 10 AND typeName = "Host"', 'b'],
    ['NOT (confidence = 10 AND typeName = "Host")', 'bce'],
    ['NOT (confidence = 10 OR typeName = "Host")', 'e'],
    ['not not confidence = 10', 'a'],
    ['((((confidence = 10))))', 'a'],
    ['confidence NOT IN (10) OR confidence is null', 'bce'],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql), { status: 200, letters }, tql)
})

t.test('texts stand in three kinds of quotes, with four escapes', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    [`summary = 'a.example'`, 'a'],
    ['summary = `a.example`', 'a'],
    ['description CONTAINS "it\'s \\"quoted\\""', 'a'],
    [`description CONTAINS 'it\\'s "quoted"'`, 'a'],
    ['description CONTAINS "\\\\ and"', 'a'],
    ['description CONTAINS `\\`ticked\\``', 'a'],
    ['tag = "x,y"', 'a'],
    ['summary = "a.example" AND tag = "Red"', 'a'],
    ["summary = \"x' OR '1'='1\"", ''],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql), { status: 200, letters }, tql)
})

t.test('only active indicators come, unless the query says otherwise', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['indicatorActive EQ True', 'abce'],
    ['indicatorActive = true', 'abce'],
    ['indicatorActive = FALSE', 'd'],
    ['indicatorActive IN (true, false)', 'abcde'],
    ['indicatorActive IN (true,false) AND confidence > 50', 'de'],
    ['confidence > 10 OR indicatorActive = false', 'bde'],
    ['hasIndicator(indicatorActive = false)', 'a'],
    ['hasIndicator(confidence = 90)', 'a'],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql), { status: 200, letters }, tql)
})

t.test('dates', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['dateAdded > "2024-01-01T00:00:00Z"', 'bce'],
    ['dateAdded GEQ "2024-01-01T00:00:00Z"', 'abce'],
    ['dateAdded > "2024-01-02 10:00:00"', 'ce'],
    ['dateAdded >= "2024-01-02"', 'bce'],
    ['dateAdded = "2024-01-01"', 'a'],
    ['dateAdded >= "NOW() - 1 DAY"', 'e'],
    ['dateAdded >= "now() - 25 hours"', 'ce'],
    ['dateAdded >= "TODAY()"', 'e'],
    ['firstSeen > "2020-01-01"', ''],
    ['firstSeen is null', 'abce'],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql), { status: 200, letters }, tql)
})

t.test('keywords read what the records hold', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['ownerName = "Common Community"', 'b'],
    ['owner = 3', 'b'],
    ['type = 4', 'ab'],
    ['tag = "Red"', 'a'],
    ['tag != "Red"', 'bce'],
    ['tag IN ("Red","Blue")', 'ab'],
    ['securityLabel = "TLP:AMBER"', 'a'],
    ['threatAssessScore GT 100', 'b'],
    ['associatedGroup = 72', 'b'],
    ['source = "none"', 'c'],
    ['observationCount >= 7', 'e'],
    ['hostDnsActive = true', 'a'],
    ['hostDnsActive = false', 'b'],
    ['value1 STARTSWITH "HKEY_USERS\\\\"', 'e'],
    ['value3 = "REG_SZ"', 'e'],
    ['hasTag(name = "Red")', 'a'],
    ['hasTag(summary in ("Blue"))', 'b'],
    ['NOT hasTag(name STARTSWITH "R")', 'bce'],
    ['hasAllTags(name IN ("Red", "x,y"))', 'a'],
    ['hasAllTags(name IN ("Red", "Blue"))', ''],
    ['hasGroup(id in (72, 73))', 'b'],
    ['hasGroup(typeName = "Campaign" AND hasTag(name = "Red"))', 'ab'],
    ['hasSecurityLabel(name = "TLP:AMBER")', 'a'],
    ['hasAttribute(typeName = "Source" AND text CONTAINS "blog")', 'b'],
    ['hasVictim(anything = "x" AND other > 5)', ''],
    ['NOT hasCase(id = 1)', 'abce'],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql), { status: 200, letters }, tql)
})

t.test('addresses are found by network', async (t) => {
  const own = await startThreatConnectSimulator({
    indicators: [
      { type: 'Address', summary: '192.0.2.5' },
      { type: 'Address', summary: '2001:db8::5' },
      { type: 'Address', summary: '198.51.100.5' },
      { type: 'Host', summary: 'host.example' },
    ],
  })
  t.teardown(() => own.close())
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['addressCidr IN "192.0.2.0/24"', '1'],
    ['addressCIDR in ("192.0.2.0/24", "2001:db8::/32")', '12'],
    ["addressCIDR not in '192.0.2.0/24'", '21'],
    ["addressCIDR in ''", ''],
    ['addressIsIpv6 = true', '2'],
    ['addressIpVal = 3221225989', '1'],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql, 'indicators', own.url), { letters }, tql)
})

t.test('groups have keywords of their own', async (t) => {
  const cases: readonly (readonly [tql: string, letters: string])[] = [
    ['typeName IN ("Campaign","Incident")', 'gh'],
    ['status = "Open"', 'h'],
    ['eventDate > "2024-01-01"', 'h'],
    ['upvoteCount >= 3', 'h'],
    ['isGroup = true', 'gh'],
    ['hasIndicator(summary = "a.example")', 'g'],
    ['associatedIndicator = 2', 'g'],
    ['summary CONTAINS "incident"', 'h'],
  ]
  for (const [tql, letters] of cases) t.match(await query(tql, 'groups'), { status: 200, letters }, tql)
})

t.test('a database that does not mind the case finds more', async (t) => {
  for (const tql of [
    'summary = "A.Example"',
    'tag IN ("RED")',
    'summary LIKE "A.%"',
    'hasTag(name = "red")',
  ]) {
    t.match(await query(tql), { letters: '' }, `strictly: ${tql}`)
    t.match(await query(tql, 'indicators', relaxed.url), { letters: 'a' }, `relaxed: ${tql}`)
  }
})

t.test('what is no TQL is a 400 that says why', async (t) => {
  const cases: readonly (readonly [tql: string, message: RegExp, path?: string])[] = [
    ['foo = 1', /The TQL is invalid: unknown parameter foo/],
    ['confidence GT 5', /unknown parameter confidence/, 'groups'],
    ['indicatorActive EQ True', /unknown parameter indicatorActive/, 'groups'],
    ['threatAssessScore > 1', /unknown parameter threatAssessScore/, 'groups'],
    ['hasTag(foo = "x")', /unknown parameter foo/],
    ['hasGroup(rating = 3)', /unknown parameter rating/],
    ['confidence GT "50"', /confidence \(Integer\) can't be compared with 50/],
    ['confidence GT 50.5', /can't be compared/],
    ['confidence GT fifty', /expected a value at position 14 but found "fifty"/],
    ['confidence GT', /expected a value at position 13 but found the end/],
    ['confidence', /expected an operator/],
    ['confidence 50', /expected an operator/],
    ['summary = 5', /summary \(String\) can't be compared with 5/],
    ['typeName IN (Host)', /expected a value/],
    ['typeName IN ()', /expected a value/],
    ['typeName IN ("Host",)', /expected a value/],
    ['typeName = ("Host", "URL")', /expected "\)"/],
    ['indicatorActive = "true"', /can't be compared/],
    ['indicatorActive EQ yes', /expected a value/],
    ['indicatorActive > true', /operator > can't be used with indicatorActive \(Boolean\)/],
    ['confidence LIKE "5%"', /operator LIKE can't be used with confidence/],
    ['dateAdded CONTAINS "2024"', /operator CONTAINS can't be used/],
    [
      'dateAdded > "2024-05-01T00:00:00.123Z"',
      /dateAdded \(Date\) can't be compared with 2024-05-01T00:00:00.123Z/,
    ],
    ['dateAdded > "2024-05-01T00:00:00+00:00"', /can't be compared/],
    ['dateAdded > "2024-02-30"', /can't be compared/],
    ['dateAdded > "yesterday"', /can't be compared/],
    ['dateAdded > 1714521600', /can't be compared/],
    ['dateAdded > 2024-05-01', /unexpected "2"/],
    ['summary = "open', /the string that begins at position 10 has no end/],
    ['summary = "HKEY_USERS\\S"', /unknown escape sequence \\S/],
    ['summary = "a" "b"', /expected AND, OR or the end/],
    ['summary = "a" AND', /expected a parameter/],
    ['AND summary = "a"', /unknown parameter AND/],
    ['(summary = "a"', /expected "\)"/],
    ['summary = "a")', /expected AND, OR or the end/],
    ['summary is 5', /expected NULL/],
    ['hasTag = "x"', /expected "\("/],
    ['hasTag()', /expected a parameter/],
    ['summary = "a" & confidence = 1', /unexpected "&"/],
    ['summary <> "a"', /expected a value/],
    ['"summary" = "a"', /expected a parameter/],
    [`${'('.repeat(300)}confidence = 1${')'.repeat(300)}`, /nested more than 200 levels deep/],
  ]
  for (const [tql, message, path] of cases) {
    t.match(await query(tql, path), { status: 400, result: 'Error', message }, tql.slice(0, 80))
  }
})

t.test('every keyword of the product is known, and is null or read', async (t) => {
  t.equal(keywordsOf('indicators').length, 71 + 3)
  t.equal(keywordsOf('groups').length, 70)
  const literals = { Integer: '1', Decimal: '1.5', String: '"x"', Date: '"2024-01-01"', Boolean: 'true' }
  for (const collection of ['indicators', 'groups'] as const) {
    for (const { name, type } of keywordsOf(collection)) {
      const tql = type === 'SubQuery' ? `${name}(id = 1)` : `${name} = ${literals[type]} OR ${name} is null`
      t.match(await query(tql, collection), { status: 200 }, `${collection}: ${tql}`)
    }
  }
})

t.test('any text survives quoting in any of the quotes', async (t) => {
  const property = fc.property(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('"', "'", '`'),
    (text, quote) => {
      const escaped = text.replaceAll(/['"`\\]/g, (character) => `\\${character}`)
      const { node } = parseTql(`summary = ${quote}${escaped}${quote}`, 'indicators', 0)
      return node.kind === 'compare' && node.values[0] === text
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 5_000 }))
})

t.test('nonsense is a TqlError and nothing else', async (t) => {
  const word = fc.constantFrom(
    '(',
    ')',
    ',',
    'AND',
    'OR',
    'NOT',
    '=',
    'IN',
    'is',
    'null',
    'confidence',
    'tag',
    '"x"',
    '5',
    'hasTag',
    'true',
    '"',
    '\\',
  )
  const property = fc.property(
    fc.oneof(
      fc.string(),
      fc.array(word).map((words) => words.join(' ')),
    ),
    (text) => {
      try {
        parseTql(text, 'indicators', 0)
      } catch (error) {
        return error instanceof TqlError && error.message !== ''
      }
      return true
    },
  )
  t.doesNotThrow(() => fc.assert(property, { numRuns: 20_000 }))
})
