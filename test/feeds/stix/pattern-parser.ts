/**
 * The grammar of STIX patterns (STIX 2.1, section 9), written from the specification and sharing nothing with what
 * writes patterns: it refuses whatever the grammar does not have, and tells what it read.
 */

export interface Comparison {
  readonly object: string
  /** Steps of the path, quotation marks off: `['hashes', 'SHA-256']`. */
  readonly path: readonly string[]
  readonly operator: string
  readonly value: string | number | boolean
}

type Token = readonly [kind: 'word' | 'text' | 'number' | 'sign', value: string]

const comparators = new Set(['=', '!=', '<', '<=', '>', '>='])
const textComparators = new Set(['LIKE', 'MATCHES', 'ISSUBSET', 'ISSUPERSET'])

/** @returns its comparisons. @throws Error with the place where the pattern is wrong */
export function parsePattern(pattern: string): Comparison[] {
  const tokens = tokensOf(pattern)
  let at = 0
  const peek = () => tokens[at]
  const fail = (expected: string): never => {
    throw new Error(`expected ${expected} at token ${at} (${peek()?.[1] ?? 'the end'}) of ${pattern}`)
  }
  const sign = (value: string) => {
    const [kind, text] = peek() ?? []
    if (kind !== 'sign' || text !== value) fail(value)
    at++
  }
  const is = (kind: Token[0], value: string) => peek()?.[0] === kind && peek()?.[1] === value
  const found: Comparison[] = []

  const step = () => {
    const [kind, text = ''] = peek() ?? []
    if (kind !== 'word' && kind !== 'text') fail('a step of a path')
    if (kind === 'word' && !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(text))
      fail('a step without a hyphen, or in quotes')
    at++
    return text
  }
  const comparison = () => {
    const [kind, object = ''] = peek() ?? []
    if (kind !== 'word' || !/^[a-z][a-z0-9-]*[a-z0-9]$/.test(object)) fail('an object type')
    at++
    sign(':')
    if (peek()?.[0] === 'text') fail('a first step without quotes')
    const path = [step()]
    while (is('sign', '.') || is('sign', '[')) {
      if (is('sign', '.')) {
        at++
        path.push(step())
        continue
      }
      at++
      const [, index = ''] = peek() ?? []
      if (!/^(\d+|\*)$/.test(index)) fail('an index')
      at++
      sign(']')
      path.push(index)
    }
    const [operatorKind, operator = ''] = peek() ?? []
    const textual = operatorKind === 'word' && textComparators.has(operator)
    if (!textual && !(operatorKind === 'sign' && comparators.has(operator))) fail('a comparison operator')
    at++
    const [valueKind, value = ''] = peek() ?? []
    const isBoolean = valueKind === 'word' && (value === 'true' || value === 'false')
    if (valueKind !== 'text' && (textual || (valueKind !== 'number' && !isBoolean))) fail('a constant')
    at++
    found.push({
      object,
      path,
      operator,
      value: valueKind === 'text' ? value : isBoolean ? value === 'true' : Number(value),
    })
  }
  const comparisons = () => {
    comparison()
    while (is('word', 'AND') || is('word', 'OR')) {
      at++
      comparison()
    }
  }
  sign('[')
  comparisons()
  sign(']')
  while (is('word', 'AND') || is('word', 'OR') || is('word', 'FOLLOWEDBY')) {
    at++
    sign('[')
    comparisons()
    sign(']')
  }
  if (at < tokens.length) fail('the end')
  return found
}

function tokensOf(pattern: string): Token[] {
  const tokens: Token[] = []
  let rest = pattern
  while (rest !== '') {
    const blank = /^[ \t\r\n]+/.exec(rest)
    if (blank !== null) {
      rest = rest.slice(blank[0].length)
      continue
    }
    const text = /^'((?:[^'\\]|\\['\\])*)'/.exec(rest)
    const word = /^[a-zA-Z_][a-zA-Z0-9_-]*/.exec(rest)
    const number = /^-?(?:0|[1-9]\d*)(?:\.\d+)?/.exec(rest)
    const sign = /^(?:!=|<=|>=|[[\]().:,=<>*])/.exec(rest)
    const match = text ?? word ?? number ?? sign
    if (match === null) throw new Error(`nothing of the grammar: ${rest.slice(0, 40)}`)
    const kind = text !== null ? 'text' : word !== null ? 'word' : number !== null ? 'number' : 'sign'
    tokens.push([kind, text === null ? match[0] : (text[1] ?? '').replaceAll(/\\(['\\])/g, '$1')])
    rest = rest.slice(match[0].length)
  }
  return tokens
}
