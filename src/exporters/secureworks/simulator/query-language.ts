/**
 * Taegis' query language, as far as entries are picked by it: `from byoti_indicator where a = 'x' and b is null`. As the
 * documentation of the advanced search has it, `where` may be left out, keywords and texts know no case, and a text with
 * quotes is written `e'it\'s'`. Anything else is an error: what a real server would make of it is not known.
 */
import type { Row } from './rows.ts'

export class QuerySyntaxError extends Error {
  override readonly name = 'QuerySyntaxError'
}

const columns: ReadonlySet<string> = new Set([
  ...['id', 'object_type', 'object_subtype', 'name', 'description', 'value', 'severity', 'reference_url'],
  ...['source_name', 'created_at', 'updated_at', 'deleted_at'],
])

const condition =
  /^(\w+)\s*(?:(!?=)\s*(?:'([^']*)'|e'((?:[^'\\]|\\.)*)')|is\s+(not\s+)?(null))(?:\s+and\s+(?=\S)|$)/i

export interface Query {
  matches(row: Row): boolean
  /** The one value, in lower case, that a row must have; undefined: any. */
  readonly value?: string
}

/** @throws QuerySyntaxError */
export function parseQuery(text: string): Query {
  const head = /^\s*from\s+byoti_indicator(?:\s+where\s+(?=\S)|\s*$)/i.exec(text)
  if (head === null) throw new QuerySyntaxError('syntax error: expected FROM byoti_indicator')
  const tests: ((row: Row) => boolean)[] = []
  let value: string | undefined
  let rest = text.slice(head[0].length).trimEnd()
  while (rest !== '') {
    const match = condition.exec(rest)
    const [whole = '', column = '', operator, plain, escaped, not, isNull] = match ?? []
    if (match === null || !columns.has(column.toLowerCase())) {
      throw new QuerySyntaxError(`syntax error near "${rest.slice(0, 20)}"`)
    }
    const name = column.toLowerCase() as keyof Row
    if (isNull !== undefined) tests.push((row) => (row[name] === null) === (not === undefined))
    else {
      const wanted = (plain ?? escaped?.replace(/\\(.)/gs, '$1') ?? '').toLowerCase()
      if (name === 'value' && operator === '=') value = wanted
      tests.push((row) => (String(row[name] ?? '').toLowerCase() === wanted) === (operator === '='))
    }
    rest = rest.slice(whole.length)
  }
  return { matches: (row) => tests.every((test) => test(row)), ...(value !== undefined && { value }) }
}
