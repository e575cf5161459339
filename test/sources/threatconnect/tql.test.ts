import t from 'tap'
import type { ServiceError } from '../../../src/errors.ts'
import {
  allOf,
  type Filter,
  filterClauses,
  quote,
  userClause,
} from '../../../src/sources/threatconnect/tql.ts'

const open: Filter = {
  owners: [],
  tags: [],
  indicatorTypes: ['All'],
  activeOnly: true,
  confidence: 0,
  threatAssessScore: 0,
}

t.test('each filter becomes the clause that XSOAR sends for it', async (t) => {
  const table: [string, Partial<Filter>, string][] = [
    ['nothing', {}, 'indicatorActive EQ true'],
    [
      'inactive ones too: v3 gives active ones only unless asked',
      { activeOnly: false },
      '(indicatorActive EQ true OR indicatorActive EQ false)',
    ],
    ['confidence', { confidence: 50 }, 'indicatorActive EQ true AND confidence GT 50'],
    ['ThreatAssess', { threatAssessScore: 999 }, 'indicatorActive EQ true AND threatAssessScore GT 999'],
    [
      'an owner',
      { owners: ['A "B" \\C'] },
      String.raw`indicatorActive EQ true AND (ownerName="A \"B\" \\C")`,
    ],
    ['tags', { tags: ['a', 'b'] }, 'indicatorActive EQ true AND (tag="a" OR tag="b")'],
    [
      'types',
      { indicatorTypes: ['Address', 'Registry Key'] },
      'indicatorActive EQ true AND typeName IN ("Address","Registry Key")',
    ],
    ['All beside others', { indicatorTypes: ['Address', 'All'] }, 'indicatorActive EQ true'],
    [
      'a custom type',
      { indicatorTypes: ['custom:Bank "X"'] },
      String.raw`indicatorActive EQ true AND typeName IN ("Bank \"X\"")`,
    ],
  ]
  for (const [what, filter, expected] of table)
    t.equal(allOf(filterClauses({ ...open, ...filter })), expected, what)
})

t.test('a threshold that is no integer never reaches a query', async (t) => {
  for (const bound of [1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => filterClauses({ ...open, confidence: bound }), RangeError, String(bound))
  }
})

t.test("a user's own TQL is one clause beside ours, or refused", async (t) => {
  t.strictSame(userClause('  '), [], 'blank is none')
  t.equal(
    allOf([...filterClauses(open), ...userClause('a = 1 OR b = 2')]),
    'indicatorActive EQ true AND (a = 1 OR b = 2)',
  )
  t.equal(allOf(userClause('summary = ")"')), '(summary = ")")', 'a parenthesis in a text is no parenthesis')
  t.equal(allOf(userClause(String.raw`summary = "\")"`)), String.raw`(summary = "\")")`)
  const table: [string, RegExp][] = [
    ['a = 1) OR (b = 2', /closes a parenthesis that it did not open/],
    ['(a = 1', /leaves a parenthesis open/],
    ['summary = "x', /leaves a text open that " began/],
    ["summary = 'x\\'", /leaves a text open that ' began/],
  ]
  for (const [text, message] of table) {
    const refusal = { name: 'ServiceError', code: 'QUERY_REFUSED', message }
    t.throws(() => userClause(text), refusal as unknown as ServiceError, text)
  }
})

t.test('a quote and a backslash are escaped, everything else stays', async (t) => {
  t.equal(quote('plain'), '"plain"')
  t.equal(quote(String.raw`a"b\c`), String.raw`"a\"b\\c"`)
  t.equal(quote("it's `x`"), '"it\'s `x`"')
})
