/** A template of a ticket, whichever way it is written. */
import { isAbsolute } from 'node:path'
import { isMap, isScalar, LineCounter, parseDocument, visit } from 'yaml'
import { deepestRecord, isDeeper } from '../../../model/depth.ts'
import type { TemplateEngine } from './engine.ts'
import { notJsonFrom } from './json-position.ts'
import { compileLeaf } from './leaf.ts'
import { compileLegacy } from './legacy.ts'
import { defaultTemplateLimits } from './limits.ts'
import type { TemplateContext } from './plain.ts'
import { TemplateError } from './template-error.ts'

/** `name` stands in errors: what the template is for, or its file. */
export type TemplateSource =
  | { readonly kind: 'legacy'; readonly text: string; readonly name: string }
  | { readonly kind: 'leaf'; readonly value: unknown; readonly name: string }

export interface Template {
  readonly kind: TemplateSource['kind']
  readonly name: string
  /** @param context of `ticketContext` @returns a JSON value @throws TemplateError */
  render(context: TemplateContext): unknown
  /** As `render`, and whether a legacy template's data had to be escaped for its result to be JSON. */
  renderDetail(context: TemplateContext): { readonly value: unknown; readonly escaped: boolean }
}

/** @throws TemplateError that names every place that can not be read */
export function compileTemplate(engine: TemplateEngine, source: TemplateSource): Template {
  const { kind, name } = source
  if (kind === 'legacy') {
    const renderDetail = compileLegacy(engine, source.text, name)
    return { kind, name, renderDetail, render: (context) => renderDetail(context).value }
  }
  const render = compileLeaf(engine, source.value, name)
  return { kind, name, render, renderDetail: (context) => ({ value: render(context), escaped: false }) }
}

/**
 * @param setting the absolute path of a `.jinja` file (legacy mode), of a `.json`, `.yaml` or `.yml` file (leaf
 *   mode), or a value in place (leaf mode); absent: `otherwise`
 * @param otherwise our own template; its name is that of what is read, too
 * @throws TemplateError where the file holds no template; whatever `readFile` throws
 */
export function readTemplate(
  setting: unknown,
  otherwise: TemplateSource,
  readFile: (path: string) => string,
): TemplateSource {
  const { name } = otherwise
  if (setting === undefined) return otherwise
  if (typeof setting !== 'string') return { kind: 'leaf', value: flat(setting, name), name }
  if (!isAbsolute(setting))
    throw new TemplateError(name, [{ message: `takes an absolute path, not ${JSON.stringify(setting)}` }])
  const inFile = `${name} (${setting})`
  if (setting.endsWith('.jinja')) return { kind: 'legacy', text: readFile(setting), name: inFile }
  if (setting.endsWith('.json'))
    return { kind: 'leaf', value: jsonMapping(readFile(setting), inFile), name: inFile }
  if (/[.]ya?ml$/.test(setting))
    return { kind: 'leaf', value: yamlMapping(readFile(setting), inFile), name: inFile }
  throw new TemplateError(name, [
    { message: `takes a file that ends in .jinja, .json, .yaml or .yml, not ${JSON.stringify(setting)}` },
  ])
}

/**
 * What someone typed in, to be tried: an object is in leaf mode. A text is read as the file that it could be: what
 * begins with `{` or `[` is leaf mode if it is JSON, else legacy; a YAML mapping is leaf mode; everything else is
 * legacy. A `.jinja` text whose outputs all stand in quotation marks is JSON, and so is tried in leaf mode, where it
 * gives the same but for what is absent.
 */
export function templateOfSource(source: unknown, name: string): TemplateSource {
  if (typeof source !== 'string') return { kind: 'leaf', value: flat(source, name), name }
  const legacy: TemplateSource = { kind: 'legacy', text: source, name }
  if (/^\s*[{[]/.test(source)) {
    let value: unknown
    try {
      value = JSON.parse(source)
    } catch {
      return legacy
    }
    return { kind: 'leaf', value: flat(value, name), name }
  }
  // A first line of a mapping: a key, a colon, and nothing or a blank behind it.
  return /^[\w"'][^\n]*:(?:\s|$)/.test(firstLineOf(source))
    ? { kind: 'leaf', value: yamlMapping(source, name), name }
    : legacy
}

/** The first that is not empty, no comment, and no beginning of a document. By hand: a pattern for it can take hours. */
function firstLineOf(text: string): string {
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf('\n', start)
    const line = text.slice(start, end < 0 ? text.length : end)
    const begins = line.trim()
    if (begins !== '' && !begins.startsWith('#') && !/^---\s*$/.test(line)) return line
    start += line.length + 1
  }
  return ''
}

/** @throws TemplateError with the line where it stops being JSON */
function jsonMapping(text: string, name: string): unknown {
  const end = notJsonFrom(text)
  if (end === undefined) return mapping(JSON.parse(text), name)
  const line = text.slice(0, end).split('\n').length
  throw new TemplateError(name, [{ message: 'this is not JSON from here on', line }])
}

/** @throws TemplateError with the line of each fault */
function yamlMapping(text: string, name: string): unknown {
  const { sourceLength } = defaultTemplateLimits
  if (text.length > sourceLength) {
    const message = `it has ${text.length} characters; it may have up to ${sourceLength}`
    throw new TemplateError(name, [{ message }])
  }
  const lines = new LineCounter()
  // The parser compares each key with all before it.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })
  const line = (offset: number) => Math.max(1, lines.linePos(offset).line)
  const faults = document.errors.map(({ message, pos }) => ({ message, line: line(pos[0]) }))
  visit(document, {
    Map: (_, { items }) => {
      const keys = new Set<unknown>()
      for (const { key } of items) {
        if (!isScalar(key)) continue
        const message = `the key ${JSON.stringify(key.value)} stands twice in this map`
        if (keys.has(key.value)) faults.push({ message, line: line(key.range?.[0] ?? 0) })
        keys.add(key.value)
      }
    },
    Pair: (_, { key }) => {
      if (isScalar(key) && typeof key.value === 'string') return undefined
      const offset = (key as { readonly range?: readonly number[] } | null)?.range?.[0] ?? 0
      const message = isMap(key)
        ? 'a text with {{ }} takes quotation marks, else it is read as a map'
        : 'a key is a text'
      faults.push({ message, line: line(offset) })
      return visit.SKIP
    },
  })
  if (faults.length > 0) throw new TemplateError(name, faults)
  let value: unknown
  try {
    value = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    throw new TemplateError(name, [{ message: error instanceof Error ? error.message : String(error) }])
  }
  return mapping(value, name)
}

function mapping(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new TemplateError(name, [{ message: 'the file is not a map of fields' }])
  return flat(value, name)
}

/** Whatever looks through a value recurses. @throws TemplateError */
function flat(value: unknown, name: string): unknown {
  if (typeof value === 'object' && value !== null && isDeeper(value, deepestRecord))
    throw new TemplateError(name, [{ message: `it is nested deeper than ${deepestRecord} levels` }])
  return value
}
