/**
 * Reads located values by a schema: every default applied, every fault reported at its place, none hidden behind the
 * first. One pass gives the loaded value and its printable twin, in which no secret is left.
 */
import type { Static, TSchema } from 'typebox'
import type { FormatContext } from './formats.ts'
import { attempt, convert, printable, secretsIn, shownLeaf } from './leaf.ts'
import { childPath, entryOf, isEmpty, type Located, type LocatedMap, locate } from './located.ts'
import { ofKind, reportGroups, reportUnknownKeys } from './map-checks.ts'
import { type SchemaView, viewOf } from './schema-types.ts'
import { guess, holdsCredentials, received, takes } from './takes.ts'
import type { Report } from './yaml.ts'

export interface ReadContext extends FormatContext {
  readonly report: Report
  /** Filled: every secret met, with the settings that hold it. */
  readonly secrets: Map<string, string[]>
  /** Filled: what stands at each path, defaults too. */
  readonly nodes: Map<string, Located>
}

export interface ReadValue<T = unknown> {
  readonly value: T
  /** In the file's own shape: durations as text, secrets as `[redacted]`. */
  readonly shown: unknown
}

/** Where something was reported the value there is a stand-in of the right type: good for further checks only. */
export function readAs<S extends TSchema>(
  schema: S,
  node: Located,
  context: ReadContext,
): ReadValue<Static<S>> {
  return readNode(viewOf(schema), node, '', context) as ReadValue<Static<S>>
}

function readNode(schema: SchemaView, node: Located, path: string, context: ReadContext): ReadValue {
  context.nodes.set(path, node)
  if (node.kind === 'unreadable') return standIn(schema, context)
  if (schema['x-list']) return readList(schema, node, path, context)
  if (schema.anyOf !== undefined && schema.type === undefined) return readUnion(schema, node, path, context)
  if (schema.type === 'object') return readMap(schema, node, path, context)
  if (schema.type === 'array') return readItems(schema, node, path, context)
  return readLeaf([schema], schema, node, path, context)
}

function readMap(
  schema: SchemaView,
  node: Located,
  path: string,
  context: ReadContext,
  outer?: SchemaView,
): ReadValue {
  if (node.kind !== 'map') return refuse(schema, node, path, context)
  if (schema.properties === undefined) return readOwnKeys(schema.patternProperties, node, path, context)
  reportUnknownKeys(schema, node, path, context.report, outer)
  if (schema.oneOf !== undefined) reportGroups(schema.oneOf, node, path, context.report)
  const members: [string, ReadValue][] = []
  for (const [key, property] of Object.entries(schema.properties)) {
    const member = readMember(schema, key, property, node, path, context)
    if (member !== undefined) members.push([key, member])
  }
  return together(members)
}

function readMember(
  schema: SchemaView,
  key: string,
  property: SchemaView,
  map: LocatedMap,
  path: string,
  context: ReadContext,
): ReadValue | undefined {
  const own = property['x-kinds'] === undefined ? property : ofKind(property['x-kinds'], map)
  const given = entryOf(map, key)?.value
  const at = childPath(path, key)
  // What the settings of a kind mean that nobody can guess can't be said.
  if (own === undefined) return { value: {}, shown: {} }
  if (given !== undefined && !isEmpty(given)) {
    if (own !== property) context.nodes.set(at, given)
    return own === property || given.kind === 'unreadable'
      ? readNode(own, given, at, context)
      : readMap(own, given, at, context, schema)
  }
  const fallback = ofKind(property['x-default-of-kind'] ?? {}, map) ?? own.default
  if (fallback !== undefined) return readNode(own, locate(fallback, map.at), at, context)
  if (!schema.required?.includes(key)) return undefined
  // Likewise its default.
  if (own['x-default-of-kind'] !== undefined) return standIn(own, context)
  if (!isMust(own)) return readNode(own, locate({}, map.at), at, context)
  context.report(given?.at ?? map.at, at, `is missing; takes ${takes(own)}`)
  return standIn(own, context)
}

/** Whether something in it has to be given by the user. */
function isMust(schema: SchemaView): boolean {
  if (schema.default !== undefined || schema['x-default-of-kind'] !== undefined) return false
  if (schema.type !== 'object' || schema.properties === undefined) return true
  const { properties, required = [] } = schema
  return schema.oneOf !== undefined || required.some((key) => isMust(properties[key] ?? {}))
}

/** A map whose keys are the user's own. */
function readOwnKeys(
  patterns: SchemaView['patternProperties'],
  node: LocatedMap,
  path: string,
  context: ReadContext,
): ReadValue {
  const [schema] = Object.values(patterns ?? {})
  return together(
    node.entries.map(({ key, at, value }) => {
      if (key.includes('${')) context.report(at, path, `takes \${…} in values only, not in keys`)
      const member = childPath(path, key)
      return [key, schema === undefined ? readFree(value) : readNode(schema, value, member, context)]
    }),
  )
}

/** A value of any shape. */
function readFree(node: Located): ReadValue {
  if (node.kind === 'scalar') return { value: node.value, shown: printable(node.value) }
  if (node.kind === 'unreadable') return { value: null, shown: null }
  if (node.kind === 'list') {
    const items = node.items.map(readFree)
    return { value: items.map((item) => item.value), shown: items.map((item) => item.shown) }
  }
  return together(node.entries.map(({ key, value }) => [key, readFree(value)]))
}

function together(members: readonly (readonly [string, ReadValue])[]): ReadValue {
  return {
    value: Object.fromEntries(members.map(([key, member]) => [key, member.value])),
    shown: Object.fromEntries(members.map(([key, member]) => [key, member.shown])),
  }
}

function readItems(schema: SchemaView, node: Located, path: string, context: ReadContext): ReadValue {
  if (node.kind !== 'list') return refuse(schema, node, path, context)
  const items = node.items.map((item, index) =>
    readNode(schema.items ?? {}, item, childPath(path, index), context),
  )
  return { value: items.map((item) => item.value), shown: items.map((item) => item.shown) }
}

function readList(schema: SchemaView, node: Located, path: string, context: ReadContext): ReadValue {
  const listSchema = schema.anyOf?.find((branch) => branch.type === 'array') ?? {}
  if (node.kind === 'list') return readItems(listSchema, node, path, context)
  if (node.kind !== 'scalar' || typeof node.value !== 'string') return refuse(schema, node, path, context)
  const pieces = node.value.split(',').map((piece) => piece.trim())
  const items = pieces.filter((piece) => piece !== '').map((value) => ({ ...node, value, source: value }))
  return readItems(listSchema, { kind: 'list', at: node.at, items }, path, context)
}

/** The branch for what is there: a map, a list, or whichever takes the text, number or boolean. */
function readUnion(schema: SchemaView, node: Located, path: string, context: ReadContext): ReadValue {
  const branches = schema.anyOf ?? []
  if (node.kind === 'map') {
    const branch = branches.find((candidate) => candidate.type === 'object')
    return branch === undefined ? refuse(schema, node, path, context) : readNode(branch, node, path, context)
  }
  const list = branches.find((candidate) => candidate.type === 'array' || candidate['x-list'])
  const leaves = branches.filter((candidate) => candidate.type !== 'object' && candidate !== list)
  if (node.kind === 'scalar') {
    const leaf = leaves.find((candidate) => 'value' in attempt(candidate, node, context))
    const takesText = list?.['x-list'] && typeof node.value === 'string'
    if (leaf !== undefined || !takesText) return readLeaf(leaves, schema, node, path, context)
  }
  return list === undefined ? refuse(schema, node, path, context) : readNode(list, node, path, context)
}

/** @param leaves the first that takes the value reads it */
function readLeaf(
  leaves: readonly SchemaView[],
  schema: SchemaView,
  node: Located,
  path: string,
  context: ReadContext,
): ReadValue {
  if (node.kind !== 'scalar') return refuse(schema, node, path, context)
  let because = ''
  for (const leaf of leaves) {
    const read = attempt(leaf, node, context)
    if ('value' in read) {
      for (const secret of secretsIn(leaf, node.value)) noteSecret(context.secrets, secret, path)
      return { value: read.value, shown: shownLeaf(leaf, convert(leaf, node)) }
    }
    because ||= read.because
  }
  return refuse(schema, node, path, context, because)
}

export function noteSecret(secrets: Map<string, string[]>, secret: string, setting: string): void {
  const settings = secrets.get(secret)
  if (settings === undefined) secrets.set(secret, [setting])
  else settings.push(setting)
}

function refuse(
  schema: SchemaView,
  node: Located,
  path: string,
  context: ReadContext,
  because = '',
): ReadValue {
  const words = schema['x-words'] ?? schema.enum ?? []
  const typed = node.kind === 'scalar' && node.references.length === 0 ? node.value : undefined
  const hint = typeof typed === 'string' ? guess(typed, words) : ''
  const reason = because === '' ? '' : ` (${because})`
  context.report(node.at, path, `takes ${takes(schema)}; received ${received(node, schema)}${reason}${hint}`)
  // Others may name it in their messages.
  const usable = typeof typed === 'string' && !holdsCredentials(typed)
  return usable && schema.type === 'string' && schema['x-format'] === undefined
    ? { value: typed, shown: null }
    : standIn(schema, context)
}

/** A value of the right type, so that checks of other values can go on. */
function standIn(schema: SchemaView, context: ReadContext): ReadValue {
  const silent = { ...context, report: () => {}, nodes: new Map(), secrets: new Map<string, string[]>() }
  if (schema.type === 'object')
    return readMap(schema, { kind: 'map', at: { line: 1, column: 1 }, entries: [] }, '', silent)
  if (schema.type === 'array' || schema['x-list']) return { value: [], shown: [] }
  if (schema['x-format'] === 'duration' || schema['x-format'] === 'percent') return { value: 0, shown: null }
  if (schema.type === 'integer' || schema.type === 'number') return { value: 0, shown: null }
  if (schema.type === 'boolean') return { value: false, shown: null }
  return { value: schema.type === undefined ? null : '', shown: null }
}
