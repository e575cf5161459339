/** Queries in the products' languages, read by a parser of our own making and by that of each simulator. */
import { parse } from 'csv-parse/sync'
import { ServiceError } from '../../src/errors.ts'
import { lookUpAnywhere, lookUps, pagePath } from '../../src/exporters/cofense/look-up.ts'
import { readQuery } from '../../src/exporters/cofense/simulator/query.ts'
import { parseQuery } from '../../src/exporters/secureworks/simulator/query-language.ts'
import { entryQuery } from '../../src/exporters/secureworks/wire.ts'
import { type Node, parseTql } from '../../src/sources/threatconnect/simulator/tql/parser.ts'
import {
  allOf,
  behindId,
  type Clause,
  filterClauses,
  modifiedSince,
  userClause,
} from '../../src/sources/threatconnect/tql.ts'
import { isAddressable, ticketPath } from '../../src/tickets/secureworks-ctp/wire.ts'
import { expect, expectSame, property, type Subject } from './property.ts'
import { hostile, type Random } from './random.ts'

const pieces = [
  ...hostile,
  ' OR 1=1',
  '") OR (',
  "' or value != '",
  'ownerName',
  'NOT ',
  '/*',
  '--',
  '"\\',
  '%22',
]
const some = (random: Random) => random.text(pieces, 6)

/** TQL as its documentation has it: words, signs, texts in one of three quotes with four escapes. */
type Token = string | { readonly text: string }

/** @param anyEscape users may write escapes that do not exist: what they mean is the product's affair */
function tokensOf(tql: string, anyEscape = false): readonly Token[] {
  const tokens: Token[] = []
  for (let at = 0; at < tql.length; ) {
    const sign = tql.charAt(at)
    if (/\s/.test(sign)) at++
    else if (`"'\``.includes(sign)) {
      let text = ''
      for (at++; tql.charAt(at) !== sign; at++) {
        if (at >= tql.length) throw new Error(`a text without an end: ${tql}`)
        if (tql.charAt(at) === '\\') {
          at++
          expect(
            anyEscape || `"'\`\\`.includes(tql.charAt(at)),
            () => `an escape that does not exist: ${tql}`,
          )
        }
        text += tql.charAt(at)
      }
      at++
      tokens.push({ text })
    } else {
      const word = /^(?:[(),]|[^\s(),"'`]+)/.exec(tql.slice(at))?.[0] ?? ''
      tokens.push(...word.split(/(=)/).filter((part) => part !== ''))
      at += word.length
    }
  }
  return tokens
}

interface GivenFilter {
  readonly owners: readonly string[]
  readonly tags: readonly string[]
  readonly types: readonly string[]
  readonly activeOnly: boolean
  readonly confidence: number
}

function listed(name: string, texts: readonly string[], between: string): readonly Token[] {
  return texts.flatMap((text, index) => [
    ...(index > 0 ? [between] : []),
    ...(name === '' ? [] : [name, '=']),
    { text },
  ])
}

function comparisons(node: Node): readonly (readonly [string, string, readonly unknown[]])[] {
  if (node.kind === 'and' || node.kind === 'or') return node.nodes.flatMap(comparisons)
  if (node.kind !== 'compare') throw new Error(`a node ${node.kind}`)
  return [[node.keyword.name, node.operator, node.values]]
}

const tql = property({
  name: 'TQL',
  guarantee:
    'each owner, tag and type is one text of the query, and the query has the clauses of its filters, no other',
  inputs: 3,
  short: 9000,
  make: (random): GivenFilter => ({
    owners: random.list(2, () => some(random)),
    tags: random.list(2, () => some(random)),
    types: random.list(2, () => some(random)),
    activeOnly: random.oneIn(2),
    confidence: random.below(101),
  }),
  check({ owners, tags, types, activeOnly, confidence }) {
    const indicatorTypes = types.map((name) => `custom:${name}`)
    const filter = { owners, tags, indicatorTypes, activeOnly, confidence, threatAssessScore: 0 }
    const query = allOf([...filterClauses(filter), behindId('7'), modifiedSince(1e12)])
    const active = activeOnly
      ? 'indicatorActive EQ true'
      : '( indicatorActive EQ true OR indicatorActive EQ false )'
    const clauses: (readonly Token[])[] = [
      active.split(' '),
      ...(confidence > 0 ? [`confidence GT ${confidence}`.split(' ')] : []),
      ...(owners.length > 0 ? [['(', ...listed('ownerName', owners, 'OR'), ')']] : []),
      ...(tags.length > 0 ? [['(', ...listed('tag', tags, 'OR'), ')']] : []),
      ...(types.length > 0 ? [['typeName', 'IN', '(', ...listed('', types, ','), ')']] : []),
      ['id', 'GT', '7'],
      ['lastModified', 'GEQ', { text: '2001-09-09T01:46:40Z' }],
    ]
    const wanted = clauses.flatMap((clause, index) => (index > 0 ? ['AND', ...clause] : clause))
    expectSame('tokens', tokensOf(query), wanted)
    const { node } = parseTql(query, 'indicators', 0)
    const found = comparisons(node)
    const texts = found
      .filter(([name]) => ['ownerName', 'tag', 'typeName'].includes(name))
      .flatMap(([, , values]) => values)
    expectSame('as the simulator reads it', texts, [...owners, ...tags, ...types])
    expectSame('AND', node.kind === 'and' && node.nodes.length, clauses.length)
  },
})

const userTql = property({
  name: "a user's TQL",
  guarantee:
    "a user's own TQL stands in parentheses of ours that it can't close, or is refused as QUERY_REFUSED",
  short: 15_000,
  make: (random) =>
    random.text([...pieces, 'typeName in ("File")', 'rating > 3', '(', ')', '"', "'", '`', '\\'], 7),
  check(text) {
    let clauses: readonly Clause[]
    try {
      clauses = userClause(text)
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      return expectSame('code', error.code, 'QUERY_REFUSED')
    }
    if (clauses.length === 0) return expectSame('blank', text.trim(), '')
    const query = allOf([...clauses, behindId('7')])
    const tokens = tokensOf(query, true)
    expectSame('our clause', tokens.slice(-4), ['AND', 'id', 'GT', '7'])
    let depth = 0
    for (const [index, token] of tokens.slice(0, -4).entries()) {
      if (token === '(') depth++
      else if (token === ')') depth--
      expect(depth > 0 || index === tokens.length - 5, () => `our parenthesis is closed: ${query}`)
    }
    expectSame('parentheses', depth, 0)
  },
})

const taegis = property({
  name: 'Taegis',
  guarantee: 'a removal names one source and one value, each a whole text, or is not asked for at all',
  short: 8000,
  make: (random) => ({ source: some(random), value: some(random) }),
  check({ source, value }: { source: string; value: string }) {
    const query = entryQuery(source, value)
    const isPlain = !/['"`\\\p{Cc}]/u.test(source + value)
    expectSame('asked for', query !== undefined, isPlain)
    if (query === undefined) return
    const parts = query.split("'")
    expectSame('as it is read', parts, [
      ...['from byoti_indicator where source_name = ', source, ' and value = ', value, ''],
    ])
    expectSame('as the simulator reads it', parseQuery(query).value, value.toLowerCase())
  },
})

const cofense = property({
  name: 'Cofense',
  guarantee:
    'look-ups ask for exactly the values that are wanted, each as one value, or for what begins like it',
  inputs: 5,
  short: 5000,
  make: (random) => ({ source: some(random), values: random.list(8, () => some(random)) }),
  check({ source: given, values }: { source: string; values: readonly string[] }) {
    const source = `x${given}`
    const threats = values
      .filter((value) => value !== '')
      .map((value) => ({ type: 'URL', value, source }) as const)
    const found = lookUps('/base', threats as Parameters<typeof lookUps>[1])
    expectSame('wanted', found.flatMap(({ wanted }) => wanted).length, threats.length)
    for (const lookUp of found) {
      const url = new URL(pagePath(lookUp, 2), 'https://cofense.example')
      expectSame('path', url.pathname, '/base/api/public/v2/threat_indicators')
      expect(url.href.length < 8000 && url.hash === '', () => url.href)
      const { filters, number } = readQuery(url.searchParams)
      expectSame('page', number, 2)
      const [first, ...others] = filters
      expect(
        others.every(
          ({ attribute, values: of }) => attribute === 'threat_source' && of[0] === source && of.length === 1,
        ),
        () => url.href,
      )
      const wanted = [...new Set(lookUp.wanted.map(({ value }) => value))]
      if (first?.operator === 'eq') {
        expectSame('values', first.values, wanted)
        const text = url.searchParams.get('filter[threat_value]') ?? ''
        // Blanks belong to a value.
        expectSame(
          'as csv-parse reads it',
          parse(text, { relax_quotes: false, record_delimiter: '\n' })[0],
          wanted,
        )
      } else {
        expectSame('operator', first?.operator, 'start')
        // An empty beginning is no filter: everything of the source is looked through.
        for (const value of wanted) expect(value.startsWith(first?.values[0] ?? ''), () => url.href)
        expect((first?.values.length ?? 0) < 2, () => url.href)
      }
    }
    for (const threat of threats.slice(0, 2))
      lookUpAnywhere('/base', threat as Parameters<typeof lookUpAnywhere>[1])
  },
})

const ctp = property({
  name: 'CTP',
  guarantee: 'the id of a ticket is one part of an address, whatever is in it',
  short: 5000,
  make: (random) => random.text([...pieces, '.', '..', '/', '%2e', '?', '#', ';'], 5),
  check(id) {
    if (!isAddressable(id)) return
    const url = new URL(ticketPath('/api/ticket/v3', id, 'attachments'), 'https://ctp.example')
    const parts = url.pathname.split('/').slice(4)
    expectSame('parts', parts.map(decodeURIComponent), ['tickets', id, 'attachments'].slice(0))
    expect(url.search === '' && url.hash === '', () => url.href)
  },
})

export const queries: Subject = { name: 'queries', properties: [tql, userTql, taegis, cofense, ctp] }
