/** YAML (and JSON, which is YAML) into located values, with interpolation. No message quotes the text: it may be secret. */
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Scalar,
} from 'yaml'
import { interpolate, type Surroundings } from './interpolate.ts'
import { childPath, type Located, type LocatedEntry, locate } from './located.ts'
import type { Place } from './problem.ts'

export type Report = (at: Place, path: string, message: string) => void

/** Values that repetition by aliases may add: a few lines can otherwise ask for billions. */
const maxAliasValues = 10_000
const maxDepth = 60

/** The words for each fault that the parser knows; the parser's own quote what they found. */
const faults: Readonly<Record<string, string>> = {
  ALIAS_PROPS: 'an alias (*name) takes no tag and no anchor',
  BAD_ALIAS: 'this anchor or alias is not well-formed',
  BAD_COLLECTION_TYPE: 'the tag does not fit what follows it',
  BAD_DIRECTIVE: 'this % directive is not known',
  BAD_DQ_ESCAPE: 'this \\ escape does not exist: write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'the indentation does not fit the lines above, or a bracket is not closed',
  BAD_PROP_ORDER: 'anchors and tags stand before the indicator',
  BAD_SCALAR_START: 'a text that begins with this character takes quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'a second ":" in one line, or a deeper line under a value: a text with ": " takes quotes',
  BLOCK_IN_FLOW: 'inside { } and [ ] everything is written with { } and [ ]',
  DUPLICATE_KEY: 'the same key stands twice in this map',
  KEY_OVER_1024_CHARS: 'a key is too long, or a quote or bracket is not closed',
  MISSING_CHAR: 'a character is missing: a closing quote, a comma, a ":", or a blank before #',
  MULTILINE_IMPLICIT_KEY: 'a key does not go over several lines; perhaps a ":" or a quote is missing',
  MULTIPLE_ANCHORS: 'a value takes one anchor',
  MULTIPLE_DOCS: 'the file holds more than one document (---): one is taken',
  MULTIPLE_TAGS: 'a value takes one tag',
  NON_STRING_KEY: 'a key is a text',
  RESOURCE_EXHAUSTION: 'the nesting is too deep',
  TAB_AS_INDENT: 'a tab does not indent: use blanks',
  TAG_RESOLVE_FAILED: 'this tag (!…) is not known',
  UNEXPECTED_TOKEN: 'this can not stand here: look for a missing quote, comma or line end',
}

/** Faults after which the rest of the tree is still what the user meant. */
const harmless: ReadonlySet<string> = new Set(['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'])

/**
 * @returns undefined when the text can't be read at all; everything wrong is reported either way
 */
export function parseYaml(given: string, surroundings: Surroundings, report: Report): Located | undefined {
  // A lone carriage return ends a line, too; the library takes it for text, at the end of a secret for example.
  const text = given.replaceAll(/\r(?!\n)/g, '\n')
  const lines = new LineCounter()
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
    resolveKnownTags: false,
    logLevel: 'error',
  })
  const placeAt = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line, column: col }
  }
  const rows = text.split('\n')
  const reported = new Set<number>()
  for (const error of [...document.errors, ...document.warnings]) {
    const { line, col } = lines.linePos(error.pos[0])
    // One slip makes a trail of faults: the first of a line tells what there is to tell.
    if (reported.has(line)) continue
    reported.add(line)
    const message = faults[error.code] ?? 'this is not well-formed YAML'
    report({ line, column: col }, '', message + hintFor(rows[line - 1] ?? ''))
    if (error.code === 'RESOURCE_EXHAUSTION') return undefined
  }
  if (document.errors.some((error) => !harmless.has(error.code))) return undefined
  const reading = { document, placeAt, surroundings, report, aliasValues: 0 }
  return read(document.contents, { path: '', parent: placeAt(0), above: [] }, reading)
}

/** Only a value in block style can begin with `${` unquoted. */
function hintFor(row: string): string {
  const flow = /[[{,](.*)/.exec(row)?.[1] ?? ''
  return /[^"'$]\$\{/.test(flow) ? `; inside { } and [ ] a \${…} takes quotes` : ''
}

interface Reading {
  readonly document: Document
  readonly placeAt: (offset: number) => Place
  readonly surroundings: Surroundings
  readonly report: Report
  /** Counts what aliases add. */
  aliasValues: number
}

/** Where a node stands in the file's structure. */
interface Position {
  readonly path: string
  /** Where the parent stands, for a node that has no place of its own. */
  readonly parent: Place
  /** The maps and lists that hold it. */
  readonly above: readonly unknown[]
  /** The outermost alias that led here. */
  readonly alias?: { readonly at: Place; readonly path: string }
}

function read(node: unknown, position: Position, reading: Reading): Located {
  const { path, above } = position
  const at = position.alias?.at ?? placeOf(node, position.parent, reading)
  const alias = position.alias ?? (isAlias(node) ? { at, path } : undefined)
  const target = isAlias(node) ? node.resolve(reading.document) : node
  const fault = excess(node, target, { ...position, ...(alias && { alias }) }, reading)
  if (fault !== undefined) return refuse(fault, alias?.path ?? path, at, reading)
  const below = { parent: at, above: [...above, target], ...(alias && { alias }) }
  if (isSeq(target)) {
    const items = target.items.map((item, index) =>
      read(item, { ...below, path: childPath(path, index) }, reading),
    )
    return { kind: 'list', at, items }
  }
  if (isMap(target)) {
    return { kind: 'map', at, entries: target.items.map((pair) => readPair(pair, path, below, reading)) }
  }
  return isScalar(target) ? readScalar(target, path, at, reading) : locate(null, at)
}

function readPair(
  pair: { readonly key: unknown; readonly value: unknown },
  path: string,
  below: Omit<Position, 'path'>,
  reading: Reading,
): LocatedEntry {
  const key = String(isScalar(pair.key) ? pair.key.value : pair.key)
  const at = below.alias?.at ?? placeOf(pair.key, below.parent, reading)
  return { key, at, value: read(pair.value, { ...below, parent: at, path: childPath(path, key) }, reading) }
}

function readScalar(node: Scalar, path: string, at: Place, reading: Reading): Located {
  const { value, source = String(value) } = node
  if (typeof value === 'number' || typeof value === 'boolean') {
    return { kind: 'scalar', at, value, source, references: [] }
  }
  if (typeof value !== 'string') return locate(null, at)
  const { text, references, faults } = interpolate(value, reading.surroundings)
  for (const fault of faults) reading.report(at, path, fault)
  return faults.length > 0
    ? { kind: 'unreadable', at }
    : { kind: 'scalar', at, value: text, source, references }
}

/** What stops reading here; empty when it was already said. */
function excess(
  node: unknown,
  target: unknown,
  { above, alias }: Position,
  reading: Reading,
): string | undefined {
  if (isAlias(node) && target === undefined) return 'the alias has no anchor (&name) above it'
  if (isAlias(node) && above.includes(target)) return 'the alias leads into itself'
  if (above.length > maxDepth) return 'the nesting is too deep'
  if (alias === undefined || ++reading.aliasValues <= maxAliasValues) return undefined
  return reading.aliasValues === maxAliasValues + 1 ? `aliases repeat more than ${maxAliasValues} values` : ''
}

function refuse(fault: string, path: string, at: Place, reading: Reading): Located {
  if (fault !== '') reading.report(at, path, fault)
  return { kind: 'unreadable', at }
}

function placeOf(node: unknown, fallback: Place, { placeAt }: Reading): Place {
  return isNode(node) && node.range ? placeAt(node.range[0]) : fallback
}
