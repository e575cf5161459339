/** The configuration file's JSON Schema for editors, made from the same schema that the file is read by. */
import { configSchema, type Registries } from './schema.ts'
import { type SchemaView, viewOf } from './schema-types.ts'

type Json = Readonly<Record<string, unknown>>

/** A value of any type may come from outside the file. */
const interpolated = { type: 'string', pattern: '\\$\\{' } as const

/** Self-contained, draft-07: what YAML and JSON editors understand best. */
export function configJsonSchema(registries: Registries): Json {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...forEditors(viewOf(configSchema(registries))),
  }
}

function forEditors(schema: SchemaView): Json {
  const words = ownWords(schema)
  if (schema.type === 'object') return { ...words, ...objectFor(schema) }
  if (schema.type === 'array') return { ...words, items: forEditors(schema.items ?? {}) }
  if (schema.anyOf !== undefined && schema.type === undefined) {
    return { ...words, anyOf: schema.anyOf.map(forEditors) }
  }
  const free =
    schema.type === 'string' && schema.enum === undefined && !('pattern' in schema) && !schema.anyOf
  if (free || schema.type === 'null') return words
  const { description, default: fallback, ...constraint } = words
  return {
    ...(description !== undefined && { description }),
    ...(fallback !== undefined && { default: fallback }),
    anyOf: [constraint, interpolated],
  }
}

/** Without our marks, and without what is made anew. */
function ownWords(schema: SchemaView): Json {
  const remade = new Set(['properties', 'required', 'patternProperties', 'items'])
  if (schema.type === undefined) remade.add('anyOf')
  return Object.fromEntries(
    Object.entries(schema).filter(
      ([key]) => !key.startsWith('x-') && !key.startsWith('~') && !remade.has(key),
    ),
  )
}

function objectFor(schema: SchemaView): Json {
  const { properties, patternProperties, required = [] } = schema
  if (properties === undefined) {
    const [own] = Object.values(patternProperties ?? {})
    return own === undefined ? {} : { additionalProperties: forEditors(own) }
  }
  const kinds = properties.settings?.['x-kinds']
  return {
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, member]) => [key, forEditors(member)]),
    ),
    required: required.filter((key) => isGivenByUser(properties[key] ?? {})),
    ...(kinds !== undefined && {
      allOf: Object.entries(kinds).map(([kind, settings]) => ofKind(kind, settings)),
    }),
  }
}

/** Sections fill themselves from defaults; one that can't is reported when the file is loaded. */
function isGivenByUser(schema: SchemaView): boolean {
  return schema.type !== 'object' && schema.default === undefined && schema['x-default-of-kind'] === undefined
}

function ofKind(kind: string, settings: SchemaView): Json {
  return {
    if: { properties: { kind: { const: kind } }, required: ['kind'] },
    // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
    then: { properties: { settings: forEditors(settings) } },
  }
}
