/** TQL tokens to a tree whose keywords and literals are checked. */
import { readDate, readRelativeDate } from '../dates.ts'
import { type Collection, findKeyword, insideOf, type Keyword } from './keywords.ts'
import { type Token, TqlError, tokenise } from './lexer.ts'

export type Literal = string | number | bigint | boolean

export type Operator = '=' | '>' | '<' | '>=' | '<=' | 'in' | 'like' | 'contains' | 'startswith' | 'endswith'

/** `!=`, `NE` and `NOT IN` are `not` around the positive form, as in SQL. */
export type Node =
  | { readonly kind: 'and' | 'or'; readonly nodes: readonly Node[] }
  | { readonly kind: 'not'; readonly node: Node }
  | {
      readonly kind: 'compare'
      readonly keyword: Keyword
      readonly operator: Operator
      readonly values: readonly Literal[]
    }
  | { readonly kind: 'null'; readonly keyword: Keyword }
  | { readonly kind: 'nested'; readonly keyword: Keyword; readonly node: Node }

export interface Query {
  readonly node: Node
  /** The keywords of the outer query, nested ones not counted. */
  readonly mentions: ReadonlySet<string>
  /** Its meaning moves with the clock: `NOW()`, `TODAY()`. */
  readonly usesClock: boolean
}

type Spelling = Operator | 'ne'

const spellings: ReadonlyMap<string, Spelling> = new Map([
  ...(['=', '==', 'eq', 'equals'] as const).map((text) => [text, '='] as const),
  ...(['!=', 'ne'] as const).map((text) => [text, 'ne'] as const),
  ...(['>', 'gt'] as const).map((text) => [text, '>'] as const),
  ...(['<', 'lt'] as const).map((text) => [text, '<'] as const),
  ...(['<=', 'leq'] as const).map((text) => [text, '<='] as const),
  ...(['>=', 'geq'] as const).map((text) => [text, '>='] as const),
  ...(['in', 'like', 'contains', 'startswith', 'endswith'] as const).map((text) => [text, text] as const),
])

/** Which operators a type takes. Not documented: chosen so that what can't be meant is refused. */
const ordered: ReadonlySet<Spelling> = new Set(['=', 'ne', '>', '<', '>=', '<=', 'in'])
const text: ReadonlySet<Spelling> = new Set([...ordered, 'like', 'contains', 'startswith', 'endswith'])
const operatorsOf: Readonly<Record<Keyword['type'], ReadonlySet<Spelling>>> = {
  Integer: ordered,
  Decimal: ordered,
  Date: ordered,
  String: text,
  Boolean: new Set(['=', 'ne', 'in']),
  SubQuery: new Set(),
}
const takesList: ReadonlySet<Spelling> = new Set(['in', 'like', 'contains', 'startswith', 'endswith'])

/** Deeper queries would only prove the depth of our stack. */
const maxDepth = 200

interface State {
  readonly tokens: readonly Token[]
  readonly now: number
  at: number
  depth: number
  usesClock: boolean
}

/**
 * @param now milliseconds, for `NOW()` and `TODAY()`
 * @throws TqlError
 */
export function parseTql(source: string, collection: Collection, now: number): Query {
  const state: State = { tokens: tokenise(source), now, at: 0, depth: 0, usesClock: false }
  const mentions = new Set<string>()
  const node = parseOr(state, collection, mentions)
  if (peek(state).kind !== 'end') throw unexpected(peek(state), 'AND, OR or the end')
  return { node, mentions, usesClock: state.usesClock }
}

function parseOr(state: State, collection: Collection, mentions: Set<string>): Node {
  state.depth += 1
  if (state.depth > maxDepth) throw new TqlError(`it is nested more than ${maxDepth} levels deep`)
  const nodes = [parseAnd(state, collection, mentions)]
  while (takeWord(state, 'or')) nodes.push(parseAnd(state, collection, mentions))
  state.depth -= 1
  return join('or', nodes)
}

function parseAnd(state: State, collection: Collection, mentions: Set<string>): Node {
  const nodes = [parseNot(state, collection, mentions)]
  while (takeWord(state, 'and')) nodes.push(parseNot(state, collection, mentions))
  return join('and', nodes)
}

function join(kind: 'and' | 'or', nodes: readonly Node[]): Node {
  const [first] = nodes
  return first !== undefined && nodes.length === 1 ? first : { kind, nodes }
}

function parseNot(state: State, collection: Collection, mentions: Set<string>): Node {
  let negated = false
  while (takeWord(state, 'not')) negated = !negated
  const node = parsePrimary(state, collection, mentions)
  return negated ? { kind: 'not', node } : node
}

function parsePrimary(state: State, collection: Collection, mentions: Set<string>): Node {
  if (takeSymbol(state, '(')) {
    const node = parseOr(state, collection, mentions)
    expectSymbol(state, ')')
    return node
  }
  const token = peek(state)
  if (token.kind !== 'word') throw unexpected(token, 'a parameter')
  state.at += 1
  const nested = peek(state).text === '(' && peek(state).kind === 'symbol'
  const keyword =
    collection === 'other' && nested
      ? ({ name: token.text, type: 'SubQuery' } as const)
      : findKeyword(collection, token.text)
  if (keyword === undefined) throw new TqlError(`unknown parameter ${token.text}`)
  mentions.add(keyword.name)
  return keyword.type === 'SubQuery'
    ? parseNested(state, keyword)
    : parseCondition(state, collection, keyword)
}

function parseNested(state: State, keyword: Keyword): Node {
  expectSymbol(state, '(')
  const node = parseOr(state, insideOf(keyword), new Set())
  expectSymbol(state, ')')
  return { kind: 'nested', keyword, node }
}

function parseCondition(state: State, collection: Collection, keyword: Keyword): Node {
  if (takeWord(state, 'is')) {
    const negated = takeWord(state, 'not')
    if (!takeWord(state, 'null')) throw unexpected(peek(state), 'NULL')
    const node: Node = { kind: 'null', keyword }
    return negated ? { kind: 'not', node } : node
  }
  const negated = takeWord(state, 'not')
  const token = peek(state)
  const spelling = token.kind === 'end' ? undefined : spellings.get(token.text.toLowerCase())
  if (spelling === undefined || token.kind === 'string') throw unexpected(token, 'an operator')
  const checked = collection !== 'other'
  if (checked && !operatorsOf[keyword.type].has(spelling)) {
    throw new TqlError(`the operator ${token.text} can't be used with ${describe(keyword)}`)
  }
  state.at += 1
  const values = parseValues(state, checked ? keyword : undefined, takesList.has(spelling))
  const operator = spelling === 'ne' ? '=' : spelling
  const node: Node = { kind: 'compare', keyword, operator, values }
  return negated !== (spelling === 'ne') ? { kind: 'not', node } : node
}

/** A single value may stand in parentheses too: the vendor's own examples write `typeName LIKE ("Email%")`. */
function parseValues(state: State, keyword: Keyword | undefined, list: boolean): Literal[] {
  if (!takeSymbol(state, '(')) return [parseLiteral(state, keyword)]
  const values = [parseLiteral(state, keyword)]
  while (list && takeSymbol(state, ',')) values.push(parseLiteral(state, keyword))
  expectSymbol(state, ')')
  return values
}

function parseLiteral(state: State, keyword: Keyword | undefined): Literal {
  const token = peek(state)
  const value = literalOf(token)
  if (value === undefined) throw unexpected(token, 'a value')
  state.at += 1
  if (keyword === undefined) return value
  if (keyword.type === 'Date' && typeof value === 'string') {
    const date = readDate(value)
    if (date !== undefined) return date
    const relative = readRelativeDate(value, state.now)
    state.usesClock ||= relative !== undefined
    if (relative !== undefined) return relative
  }
  if (!fits(value, keyword)) throw new TqlError(`${describe(keyword)} can't be compared with ${token.text}`)
  return value
}

function literalOf(token: Token): Literal | undefined {
  if (token.kind === 'string') return token.text
  if (token.kind === 'number') return readNumber(token.text)
  if (token.kind !== 'word') return undefined
  const lower = token.text.toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}

function readNumber(source: string): number | bigint {
  const value = Number(source)
  return source.includes('.') || Number.isSafeInteger(value) ? value : BigInt(source)
}

function fits(value: Literal, keyword: Keyword): boolean {
  switch (keyword.type) {
    case 'Integer':
      return typeof value === 'bigint' || Number.isInteger(value)
    case 'Decimal':
      return typeof value === 'bigint' || typeof value === 'number'
    case 'String':
      return typeof value === 'string'
    case 'Boolean':
      return typeof value === 'boolean'
    case 'Date':
    case 'SubQuery':
      return false
  }
}

function describe(keyword: Keyword): string {
  return `${keyword.name} (${keyword.type === 'Decimal' ? 'Integer' : keyword.type})`
}

function peek(state: State): Token {
  return state.tokens[state.at] ?? { kind: 'end', text: '', at: 0 }
}

function takeWord(state: State, word: string): boolean {
  const token = peek(state)
  const found = token.kind === 'word' && token.text.toLowerCase() === word
  if (found) state.at += 1
  return found
}

function takeSymbol(state: State, symbol: string): boolean {
  const token = peek(state)
  const found = token.kind === 'symbol' && token.text === symbol
  if (found) state.at += 1
  return found
}

function expectSymbol(state: State, symbol: string): void {
  if (!takeSymbol(state, symbol)) throw unexpected(peek(state), `"${symbol}"`)
}

function unexpected(token: Token, wanted: string): TqlError {
  const found = token.kind === 'end' ? 'the end' : JSON.stringify(token.text)
  return new TqlError(`expected ${wanted} at position ${token.at} but found ${found}`)
}
