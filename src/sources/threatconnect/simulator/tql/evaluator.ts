/**
 * A checked TQL tree to a predicate. Nulls behave as in SQL: a comparison with nothing is neither true nor false,
 * its negation too (not documented for TQL; its queries are carried out by an SQL database).
 */
import type { Literal, Node, Operator } from './parser.ts'

/** undefined: unknown. */
type Truth = boolean | undefined
export type Predicate<T> = (record: T) => Truth

/** A keyword with several values, such as `tag`, is met by any of them; its negation by none. */
export type Accessor<T> = (record: T) => Literal | readonly Literal[] | undefined

/** How the keywords of one kind of object read a record; what is absent here has no data and is null. */
export interface Vocabulary<T> {
  readonly values: Readonly<Record<string, Accessor<T>>>
  /** Conditions that are more than a comparison, such as an address in a network. */
  readonly special: Readonly<Record<string, (operator: Operator, values: readonly Literal[]) => Predicate<T>>>
  readonly nested: Readonly<Record<string, (node: Node) => Predicate<T>>>
}

/** @param fold makes texts comparable: identity, or lower case for a database that does not mind the case */
export function compile<T>(
  node: Node,
  vocabulary: Vocabulary<T>,
  fold: (text: string) => string,
): Predicate<T> {
  switch (node.kind) {
    case 'and':
      return all(node.nodes.map((each) => compile(each, vocabulary, fold)))
    case 'or': {
      const none = all(node.nodes.map((each) => negate(compile(each, vocabulary, fold))))
      return negate(none)
    }
    case 'not':
      return negate(compile(node.node, vocabulary, fold))
    case 'nested':
      return vocabulary.nested[node.keyword.name]?.(node.node) ?? (() => false)
    case 'null': {
      const read = vocabulary.values[node.keyword.name]
      return (record) => {
        const value = read?.(record)
        return value === undefined || (Array.isArray(value) && value.length === 0)
      }
    }
    case 'compare': {
      const special = vocabulary.special[node.keyword.name]
      if (special !== undefined) return special(node.operator, node.values)
      const read = vocabulary.values[node.keyword.name]
      if (read === undefined) return () => undefined
      return compare(read, matcher(node.operator, node.values.map(folded(fold))), folded(fold))
    }
  }
}

function all<T>(predicates: readonly Predicate<T>[]): Predicate<T> {
  return (record) => {
    let truth: Truth = true
    for (const predicate of predicates) {
      const each = predicate(record)
      if (each === false) return false
      if (each === undefined) truth = undefined
    }
    return truth
  }
}

function negate<T>(predicate: Predicate<T>): Predicate<T> {
  return (record) => {
    const truth = predicate(record)
    return truth === undefined ? undefined : !truth
  }
}

function folded(fold: (text: string) => string): (value: Literal) => Literal {
  return (value) => (typeof value === 'string' ? fold(value) : value)
}

function compare<T>(
  read: Accessor<T>,
  matches: (value: Literal) => boolean,
  prepare: (value: Literal) => Literal,
): Predicate<T> {
  return (record) => {
    const value = read(record)
    if (value === undefined) return undefined
    if (typeof value === 'object') return value.some((each) => matches(prepare(each)))
    return matches(prepare(value))
  }
}

function matcher(operator: Operator, wanted: readonly Literal[]): (value: Literal) => boolean {
  const [first = ''] = wanted
  switch (operator) {
    case '=':
      return (value) => value === first
    case '>':
      return (value) => value > first
    case '<':
      return (value) => value < first
    case '>=':
      return (value) => value >= first
    case '<=':
      return (value) => value <= first
    case 'in': {
      const set = new Set(wanted)
      return (value) => set.has(value)
    }
    case 'like':
      return anyText(wanted, like)
    case 'contains':
      return anyText(wanted, (value, part) => value.includes(part))
    case 'startswith':
      return anyText(wanted, (value, part) => value.startsWith(part))
    case 'endswith':
      return anyText(wanted, (value, part) => value.endsWith(part))
  }
}

function anyText(
  wanted: readonly Literal[],
  test: (value: string, part: string) => boolean,
): (value: Literal) => boolean {
  const parts = wanted.map(String)
  return (value) => parts.some((part) => test(String(value), part))
}

/** `%` is the only wildcard. Each middle part is taken at its first place, which is enough and always linear. */
function like(value: string, pattern: string): boolean {
  const parts = pattern.split('%')
  const [start = ''] = parts
  if (parts.length === 1) return value === pattern
  const end = parts.at(-1) ?? ''
  if (!value.startsWith(start)) return false
  let at = start.length
  for (const part of parts.slice(1, -1)) {
    const found = value.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return value.length - end.length >= at && value.endsWith(end)
}
