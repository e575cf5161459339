/** One text, number or boolean against its schema: the loaded value, its printable form, and the secrets in it. */
import { Value } from 'typebox/value'
import { type FormatContext, formats, passwordsOf, type Read, redactAddress } from './formats.ts'
import type { LocatedScalar } from './located.ts'
import type { SchemaView } from './schema-types.ts'

const redacted = '[redacted]'

/** The loaded value, or why the schema does not take it. */
export function attempt(schema: SchemaView, node: LocatedScalar, context: FormatContext): Read {
  const value = convert(schema, node)
  if (!Value.Check(schema, value)) return { because: '' }
  const format = schema['x-format']
  return format === undefined || typeof value !== 'string'
    ? { value }
    : formats[format].read(value, schema, context)
}

/** What comes from outside the file is text, even where a number or a boolean is wanted. */
export function convert(schema: SchemaView, node: LocatedScalar): LocatedScalar['value'] {
  const { value, references, convertible } = node
  if (typeof value !== 'string' || (references.length === 0 && !convertible)) return value
  const text = value.trim()
  if (schema.type === 'boolean' && /^(true|false)$/i.test(text)) return text.toLowerCase() === 'true'
  const numeric = schema.type === 'integer' || schema.type === 'number'
  return numeric && /^-?[0-9]+([.][0-9]+)?$/.test(text) ? Number(text) : value
}

/** The value itself where its schema is marked, and the passwords inside an address. */
export function secretsIn(schema: SchemaView, value: unknown): readonly string[] {
  if (typeof value !== 'string') return []
  if (schema['x-secret']) return [value]
  return holdsAddress(schema) ? passwordsOf(value) : []
}

function holdsAddress(schema: SchemaView): boolean {
  return schema['x-format'] === 'store-url' || schema['x-format'] === 'proxy'
}

/** As it is printed: no secret in it. */
export function shownLeaf(schema: SchemaView, value: unknown): unknown {
  if (schema['x-secret']) return redacted
  return printable(holdsAddress(schema) ? redactAddress(String(value)) : value)
}

/** As it has to stand in a file to be read back. */
export function printable(value: unknown): unknown {
  // A function, as `$$` of a replacement text is one `$`.
  return typeof value === 'string' ? value.replaceAll('${', () => '$${') : value
}
