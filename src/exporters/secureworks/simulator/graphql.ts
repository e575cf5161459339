/** A small reader of GraphQL documents: one operation with variables, arguments and nested fields, nothing more. */

export class GraphqlSyntaxError extends Error {
  override readonly name = 'GraphqlSyntaxError'
}

export interface VariableDefinition {
  readonly name: string
  /** As written: `[IndicatorInput!]!`. */
  readonly type: string
  /** Absent: none. */
  readonly otherwise?: unknown
}

/** A variable in the place of a value. */
export interface VariableUse {
  readonly variable: string
}

export interface Field {
  readonly name: string
  /** Values, or variables in their place. */
  readonly arguments: Readonly<Record<string, unknown>>
  /** Absent: none was written. */
  readonly fields?: readonly Field[]
}

export interface Document {
  readonly kind: 'query' | 'mutation'
  readonly name: string
  readonly variables: readonly VariableDefinition[]
  readonly fields: readonly Field[]
}

const token = /[\s,\uFEFF]*(?:(#[^\n]*)|("(?:[^"\\\n]|\\.)*")|(-?\d+(?:\.\d+)?)|(\w+)|([{}()[\]:!$=])|(.))/gsy

/** @throws GraphqlSyntaxError */
export function parseDocument(text: string): Document {
  const tokens = tokenize(text)
  let at = 0
  const peek = () => tokens[at] ?? ''
  const take = () => {
    const next = peek()
    at++
    return next
  }
  const expect = (wanted: string) => {
    const found = take()
    if (found !== wanted) {
      throw new GraphqlSyntaxError(`Expected ${wanted}, found ${found === '' ? '<EOF>' : found}`)
    }
  }
  const name = () => {
    const found = take()
    if (!/^[A-Za-z_]\w*$/.test(found))
      throw new GraphqlSyntaxError(`Expected Name, found ${found || '<EOF>'}`)
    return found
  }
  const type = (): string => {
    let written: string
    if (peek() === '[') {
      take()
      written = `[${type()}]`
      if (take() !== ']') throw new GraphqlSyntaxError('Expected ]')
    } else written = name()
    if (peek() !== '!') return written
    take()
    return `${written}!`
  }
  const value = (): unknown => {
    const next = take()
    if (next === '$') return { variable: name() } satisfies VariableUse
    if (next === '[') {
      const list: unknown[] = []
      while (peek() !== ']') list.push(value())
      take()
      return list
    }
    if (next === '{') {
      const entries: [string, unknown][] = []
      while (peek() !== '}') {
        const key = name()
        expect(':')
        entries.push([key, value()])
      }
      take()
      return Object.fromEntries(entries)
    }
    return scalar(next)
  }
  const args = (): Record<string, unknown> => {
    if (peek() !== '(') return {}
    take()
    const entries: [string, unknown][] = []
    while (peek() !== ')') {
      const key = name()
      expect(':')
      entries.push([key, value()])
    }
    take()
    return Object.fromEntries(entries)
  }
  const selection = (): Field[] => {
    expect('{')
    const fields: Field[] = []
    while (peek() !== '}') {
      const field = name()
      const given = args()
      fields.push({ name: field, arguments: given, ...(peek() === '{' && { fields: selection() }) })
    }
    take()
    if (fields.length === 0) throw new GraphqlSyntaxError('Expected Name, found }')
    return fields
  }
  const variables = (): VariableDefinition[] => {
    if (peek() !== '(') return []
    take()
    const found: VariableDefinition[] = []
    while (peek() !== ')') {
      expect('$')
      const variable = name()
      expect(':')
      const declared = type()
      const hasDefault = peek() === '='
      if (hasDefault) take()
      found.push({ name: variable, type: declared, ...(hasDefault && { otherwise: value() }) })
    }
    take()
    return found
  }

  const shorthand = peek() === '{'
  const kind = shorthand ? 'query' : take()
  if (kind !== 'query' && kind !== 'mutation') {
    throw new GraphqlSyntaxError(`expected at least one definition, found ${kind || '<EOF>'}`)
  }
  const operation = shorthand || peek() === '(' || peek() === '{' ? '' : name()
  const document: Document = { kind, name: operation, variables: variables(), fields: selection() }
  if (at < tokens.length) throw new GraphqlSyntaxError(`Unexpected ${peek()}`)
  return document
}

export function isVariableUse(value: unknown): value is VariableUse {
  return typeof value === 'object' && value !== null && Object.keys(value).join() === 'variable'
}

function tokenize(text: string): string[] {
  const tokens: string[] = []
  token.lastIndex = 0
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [, comment, string, number, word, sign, other] = match
    if (other !== undefined) throw new GraphqlSyntaxError(`Cannot parse the unexpected character "${other}".`)
    const found = string ?? number ?? word ?? sign
    if (comment === undefined && found !== undefined) tokens.push(found)
  }
  return tokens
}

function scalar(text: string): unknown {
  if (text.startsWith('"')) return JSON.parse(text)
  if (/^-?\d/.test(text)) return Number(text)
  if (text === 'true' || text === 'false') return text === 'true'
  if (text === 'null') return null
  if (!/^\w+$/.test(text)) throw new GraphqlSyntaxError(`Unexpected ${text === '' ? '<EOF>' : text}`)
  return text
}
