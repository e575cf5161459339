/** Arguments that arrive as text, made what their schema wants; what can't be read stays as it came and fails there. */
import type { FieldError } from '../errors.ts'

/** What the reader looks at in a JSON Schema. */
export interface SchemaView {
  readonly type?: string
  readonly properties?: Readonly<Record<string, SchemaView>>
  readonly items?: SchemaView
  readonly anyOf?: readonly SchemaView[]
  readonly oneOf?: readonly SchemaView[]
}

export interface Read {
  readonly values: Record<string, unknown>
  readonly errors: readonly FieldError[]
}

function alternatives(schema: SchemaView): readonly SchemaView[] {
  const inner = schema.anyOf ?? schema.oneOf
  return inner === undefined ? [schema] : inner.flatMap(alternatives)
}

function listOf(schema: SchemaView): SchemaView | undefined {
  return alternatives(schema).find(({ type }) => type === 'array')
}

/** One text as the integer, number or boolean that the schema wants. */
function readScalar(schema: SchemaView, text: string): unknown {
  const types = new Set(alternatives(schema).map(({ type }) => type))
  const word = text.trim()
  if (types.has('integer') && /^-?\d+$/.test(word)) return Number(word)
  if (types.has('number') && /^-?\d+(\.\d+)?([eE][-+]?\d+)?$/.test(word)) return Number(word)
  if (types.has('boolean')) {
    if (/^(true|yes)$/i.test(word)) return true
    if (/^(false|no)$/i.test(word)) return false
  }
  return text
}

/** Comma-separated pieces, blanks around them and empty ones dropped; or a JSON array of texts, which may have commas. */
function readList(list: SchemaView, text: string): unknown[] {
  const pieces =
    jsonTexts(text) ??
    text
      .split(',')
      .map((piece) => piece.trim())
      .filter((piece) => piece !== '')
  return pieces.map((piece) => readScalar(list.items ?? {}, piece))
}

/** undefined: it is no JSON array of texts. */
function jsonTexts(text: string): readonly string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined
  try {
    const value: unknown = JSON.parse(text)
    const isTexts = Array.isArray(value) && value.every((each) => typeof each === 'string')
    return isTexts ? value : undefined
  } catch {
    // A tag may begin with a bracket.
    return undefined
  }
}

export function pointerOf(name: string): string {
  return `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`
}

/** An empty text would silently widen what is asked for. */
function emptyError(name: string): FieldError {
  return { pointer: pointerOf(name), detail: `${name} is empty; leave it out, or give it a value` }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

interface Pairs {
  readonly given: ReadonlyMap<string, readonly string[]>
  readonly errors: readonly FieldError[]
}

function pairsOf(query: string): Pairs {
  const given = new Map<string, string[]>()
  const errors: FieldError[] = []
  for (const pair of query.split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const rawName = equals < 0 ? pair : pair.slice(0, equals)
    const name = decoded(rawName)
    const text = equals < 0 ? '' : decoded(pair.slice(equals + 1))
    if (name === undefined || text === undefined) {
      const called = name ?? rawName
      const detail = `${called} is not valid percent-encoded UTF-8; received "${pair.slice(0, 80)}"`
      errors.push({ pointer: pointerOf(called), detail })
    } else {
      const texts = given.get(name)
      if (texts === undefined) given.set(name, [text])
      else texts.push(text)
    }
  }
  return { given, errors }
}

/**
 * A query string as the object that the schema describes. Lists may be comma-separated, repeated, or both, or JSON.
 * @param query what stands behind the `?`, still encoded
 */
export function readQuery(query: string, schema: SchemaView): Read {
  const { given, errors: undecodable } = pairsOf(query)
  const errors = [...undecodable]
  // Without a prototype, so that no name of a parameter can be one of its members.
  const values: Record<string, unknown> = Object.create(null)
  for (const [name, texts] of given) {
    const property = Object.hasOwn(schema.properties ?? {}, name) ? schema.properties?.[name] : undefined
    if (property === undefined) {
      values[name] = texts[0]
      continue
    }
    const list = listOf(property)
    const value = list === undefined ? texts[0] : texts.flatMap((text) => readList(list, text))
    if (list === undefined && texts.length > 1) {
      const detail = `${name} was given ${texts.length} times; it takes one value`
      errors.push({ pointer: pointerOf(name), detail })
    } else if (Array.isArray(value) ? value.length === 0 : value?.trim() === '') {
      errors.push(emptyError(name))
    } else {
      values[name] = typeof value === 'string' ? readScalar(property, value) : value
    }
  }
  return { values, errors }
}

/** Parts of the path, or headers: each one text. */
export function readTexts(
  texts: Readonly<Record<string, unknown>>,
  schema: SchemaView,
): Record<string, unknown> {
  const values: Record<string, unknown> = { ...texts }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const text = values[name]
    if (typeof text === 'string') values[name] = readScalar(property, text)
  }
  return values
}

/**
 * The members of a JSON body that are text, read as in a query. Members of an array are never split, null and other
 * types stay what they are.
 */
export function readLenientBody(body: Readonly<Record<string, unknown>>, schema: SchemaView): Read {
  const errors: FieldError[] = []
  const values: Record<string, unknown> = { ...body }
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    const list = listOf(property)
    if (typeof value === 'string') {
      const read = list === undefined ? readScalar(property, value) : readList(list, value)
      if (value.trim() === '' || (Array.isArray(read) && read.length === 0)) {
        errors.push(emptyError(name))
        delete values[name]
      } else values[name] = read
    } else if (Array.isArray(value) && list !== undefined) {
      values[name] = value.map((item) =>
        typeof item === 'string' ? readScalar(list.items ?? {}, item) : item,
      )
    }
  }
  return { values, errors }
}
